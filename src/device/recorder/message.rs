//! What the program and its recorder say to each other (`spotcheck-recorder/1`).

use serde::{Deserialize, Serialize};
use serde_json::Value;
use spotcheck_app::desk::RecordingKind;
use spotcheck_domain::Trouble;

use crate::capture::{DeviceReport, Gaps};

/// Version of this protocol; both sides are the same executable except across an update.
pub(super) const SCHEMA: &str = "spotcheck-recorder/1";

/// Where a recording stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Milliseconds of media that are durable.
    pub stored_ms: u64,
    /// Level of the last fragment, 0–100.
    pub level: u8,
    /// Fragments that are durable.
    pub fragments: u64,
    /// It goes on. `false`: it ended by itself (see `trouble`), or the recorder process is gone.
    pub running: bool,
    /// Milliseconds since the last fragment became durable. Where nothing is behind, the device gives nothing.
    pub idle_ms: u64,
    /// Milliseconds that were captured and are not durable yet; 0 once it has ended.
    #[serde(default)]
    pub behind_ms: u64,
    /// Bytes of container that are durable.
    #[serde(default)]
    pub stored_bytes: u64,
    /// Media time in milliseconds since which the picture is blank, while it is.
    #[serde(default)]
    pub covered_from_ms: Option<u64>,
    /// Sound that the sound card lost since it began.
    #[serde(default)]
    pub gaps: Gaps,
    /// A device is gone and the rest goes on.
    #[serde(default)]
    pub impaired: bool,
    /// Why it ended by itself; while it is running, what is wrong with it (`DEVICE-IMPAIRED`).
    pub trouble: Option<Trouble>,
}

/// A recording that the recorder holds, for a program that was restarted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningRecording {
    /// The key given at the start.
    pub key: String,
    /// Audio or video.
    pub kind: RecordingKind,
    /// The order given at the start.
    pub order: Value,
    /// Where it stands.
    pub progress: Progress,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Request {
    Hello {
        schema: String,
    },
    Start {
        key: String,
        kind: RecordingKind,
        order: Value,
    },
    /// Answers at once, or when more than `past_ms` are stored, at most after `wait_ms`.
    Progress {
        key: String,
        past_ms: Option<u64>,
        wait_ms: u64,
    },
    Stop {
        key: String,
    },
    /// Blank the picture of a video, or show it again.
    Cover {
        key: String,
        on: bool,
    },
    /// Which video encoder works here.
    Encoder {},
    List {},
    Photo {},
    Viewfinder {},
    /// Listen for so many milliseconds and keep nothing.
    Sound {
        ms: u64,
    },
    /// Keep the last seconds of sound in memory, or wipe them.
    Ahead {
        on: bool,
    },
    Report {},
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Reply {
    Welcome {
        schema: String,
        pid: u32,
    },
    Started {
        progress: Progress,
    },
    Progress {
        progress: Option<Progress>,
    },
    Stopped {
        outcome: Value,
    },
    /// Media time at which the picture changed.
    Covered {
        at_ms: u64,
    },
    Encoder {
        name: Option<String>,
    },
    List {
        recordings: Vec<RunningRecording>,
    },
    /// The picture's bytes follow.
    Picture {},
    NoPicture {},
    /// The loudest level that was heard, 0–100.
    Sound {
        level: u8,
    },
    Ahead {
        held_ms: u64,
    },
    Report {
        report: DeviceReport,
    },
    Trouble {
        trouble: Trouble,
    },
}
