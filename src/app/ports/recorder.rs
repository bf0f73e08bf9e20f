//! The recorder as the use cases know it: orders, progress, outcome.

use serde::{Deserialize, Serialize};
use spotcheck_domain::{CaseId, DeviceId, TroubleResult};
use zeroize::Zeroizing;

use super::StoredFile;
use crate::desk::RecordingKind;
use crate::page_check::Grey;

/// How a recording ended, as the recorder or the recovery after a crash tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordingOutcome {
    /// The media file: its segments are closed and durable.
    pub media: StoredFile,
    /// The recording log, stored as a blob as well.
    pub log: StoredFile,
    /// Number of fragments = lines of the log.
    pub fragments: u64,
    /// SHA-256 of the log's first line.
    pub log_first: String,
    /// SHA-256 of the log's last line.
    pub log_head: String,
    /// Milliseconds of media.
    pub duration_ms: u64,
    /// True if it was closed by the recovery, not by a stop.
    pub recovered: bool,
    /// How often the sound card lost sound, as far as the recorder lived to tell.
    #[serde(default)]
    pub gaps: u32,
    /// Milliseconds of sound lost so; they are missing in the media, nothing stands in their place.
    #[serde(default)]
    pub lost_ms: u64,
    /// In how many places stored media were damaged or gone when the recovery closed it around them.
    #[serde(default)]
    pub damaged: u32,
    /// Milliseconds of media that are missing so, by the recording log.
    #[serde(default)]
    pub damaged_ms: u64,
    /// Lines of the recording log that storage damaged, written anew with what else still says what they said.
    #[serde(default)]
    pub log_damaged: u64,
}

/// Where a running recording stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordingProgress {
    /// Milliseconds durable.
    pub stored_ms: u64,
    /// Level of the last fragment, 0–100.
    pub level: u8,
    /// False once the recorder process is gone.
    pub alive: bool,
    /// Bytes of media that are durable.
    pub stored_bytes: u64,
    /// Milliseconds of media since which the picture is blank, while it is.
    pub covered_from_ms: Option<u64>,
    /// Milliseconds of sound that the sound card lost so far.
    pub lost_ms: u64,
    /// Picture or sound is gone; the rest goes on.
    pub impaired: bool,
    /// Milliseconds since the last of it became durable.
    pub idle_ms: u64,
    /// Milliseconds that were captured and are not durable yet.
    pub behind_ms: u64,
}

/// Recordings that were not closed yet, as storage shows them: those that run, and those that were cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unclosed {
    /// How many a recorder process holds.
    pub running: u32,
    /// Milliseconds of these on storage.
    pub running_ms: u64,
    /// How many nobody holds any more.
    pub cut_off: u32,
    /// Milliseconds of these on storage.
    pub cut_off_ms: u64,
}

impl Unclosed {
    /// One more recording.
    pub const fn add(&mut self, running: bool, stored_ms: u64) {
        let (count, sum) = if running {
            (&mut self.running, &mut self.running_ms)
        } else {
            (&mut self.cut_off, &mut self.cut_off_ms)
        };
        *count = count.saturating_add(1);
        *sum = sum.saturating_add(stored_ms);
    }

    /// Both together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            running: self.running.saturating_add(other.running),
            running_ms: self.running_ms.saturating_add(other.running_ms),
            cut_off: self.cut_off.saturating_add(other.cut_off),
            cut_off_ms: self.cut_off_ms.saturating_add(other.cut_off_ms),
        }
    }
}

/// What a recording is to become.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordingOrder {
    /// The case it belongs to.
    pub case: CaseId,
    /// Media path in the bag, e.g. `data/media/0002.ogg`.
    pub path: String,
    /// Path of its log in the bag, e.g. `data/media/0002.log.jsonl`.
    pub log_path: String,
    /// Audio or video.
    pub kind: RecordingKind,
    /// SHA-256 of the `capture_started` line, or 64 zeros while locked.
    pub first_prev: String,
    /// The handheld, for the log's lines.
    pub device: DeviceId,
}

/// The recorder: a child process of its own with write-only keys. Composed of `device` and `vault`.
pub trait Recorder: Send {
    /// Starts; returns when the first fragment is durable, with the milliseconds of media in it.
    fn start(&mut self, order: &RecordingOrder) -> TroubleResult<u64>;
    /// Where it stands; `None` if no such recording runs.
    fn progress(&mut self, case: &CaseId, path: &str) -> TroubleResult<Option<RecordingProgress>>;
    /// Stops and closes.
    fn stop(&mut self, case: &CaseId, path: &str) -> TroubleResult<RecordingOutcome>;
    /// Blanks the picture of a running video, or shows it again; milliseconds of media at that moment. Nothing
    /// but another order or the end of the recording changes it again.
    fn cover(&mut self, case: &CaseId, path: &str, on: bool) -> TroubleResult<u64>;
    /// The video encoder that works here, by its own name; `None` where nobody looked.
    fn encoder(&mut self) -> TroubleResult<Option<String>> {
        Ok(None)
    }
    /// Closes what a crash left behind for this case: every recording with fragments or segments on disk
    /// that no running recorder owns.
    fn recover(&mut self, case: &CaseId) -> TroubleResult<Vec<(RecordingOrder, RecordingOutcome)>>;
    /// The same before a seal: a recording of which something is damaged, so that it waited for a good copy, is closed
    /// around the hole.
    fn recover_around(
        &mut self,
        case: &CaseId,
    ) -> TroubleResult<Vec<(RecordingOrder, RecordingOutcome)>> {
        self.recover(case)
    }
    /// SHA-256 of the first line of a recording's log, running or ended; `None` if there is none. Needs no
    /// unlocking.
    fn first_line(&mut self, case: &CaseId, path: &str) -> TroubleResult<Option<String>>;
    /// Recordings of the case that were not closed yet. Needs no unlocking.
    fn unclosed(&mut self, _case: &CaseId) -> TroubleResult<Unclosed> {
        Ok(Unclosed::default())
    }
    /// True if something of a recording lies on storage that is not closed: it is not one of which nothing was stored,
    /// although nothing of it opens now. Needs no unlocking.
    fn holds_unclosed(&mut self, _case: &CaseId, _path: &str) -> TroubleResult<bool> {
        Ok(false)
    }
    /// The case journal names media and log of this recording now: what was kept for a repetition may go.
    fn settle(&mut self, case: &CaseId, path: &str) -> TroubleResult<()>;
    /// Keeps the last seconds of sound in memory only, or wipes them; milliseconds kept. A sound recording
    /// that starts begins with them.
    fn listen_ahead(&mut self, _on: bool) -> TroubleResult<u64> {
        Ok(0)
    }
    /// One photo: the camera's own JPEG bytes.
    fn photo(&mut self) -> TroubleResult<Zeroizing<Vec<u8>>>;
    /// The brightness of a JPEG picture, for the look at a photographed page.
    fn grey(&self, jpeg: &[u8]) -> TroubleResult<Grey>;
    /// The newest viewfinder picture, JPEG.
    fn viewfinder(&mut self) -> TroubleResult<Option<Vec<u8>>>;
}
