//! The part of the desk that belongs to the camera and to the beginning of a visit.

use serde::{Deserialize, Serialize};
use spotcheck_domain::{CaseId, TroubleResult};

use crate::desk::EvidenceView;

/// A running recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordingView {
    /// The evidence item it becomes.
    pub evidence: String,
    /// Audio or video.
    pub kind: RecordingKind,
    /// Milliseconds of stored (fsynced) recording.
    pub stored_ms: u64,
    /// Level of the last fragment, 0–100.
    pub level: u8,
    /// Paused: marked as such; sound goes on being sealed, the picture is blanked.
    #[serde(default)]
    pub paused: bool,
    /// The picture is blanked; sound goes on.
    #[serde(default)]
    pub covered: bool,
    /// Milliseconds of sound that the sound card lost so far; the recording goes on.
    #[serde(default)]
    pub lost_ms: u64,
    /// Picture or sound is gone; the rest goes on.
    #[serde(default)]
    pub impaired: bool,
    /// Milliseconds since the last of it became durable.
    #[serde(default)]
    pub idle_ms: u64,
    /// Milliseconds that were captured and are not durable yet.
    #[serde(default)]
    pub behind_ms: u64,
    /// It ended by itself: a device or the recorder is gone, or the reserve of storage is reached. What it stored is kept
    /// and waits for the stop.
    #[serde(default)]
    pub ended: bool,
}

/// From when on storage counts as stalled, in milliseconds: what is not durable is lost with the power, and a recording
/// may lose 2 s (evidence.md §1).
const STALLED_MS: u64 = 3_000;

/// From when on a device that gives nothing counts as stuck, in milliseconds: fragments are a second long.
const STUCK_MS: u64 = 5_000;

impl RecordingView {
    /// Seconds in which microphone and camera gave nothing, where they are stuck; `None` while they give.
    #[must_use]
    pub fn stuck_s(&self) -> Option<u64> {
        let stuck = self.idle_ms >= STUCK_MS && self.stalled_s().is_none();
        stuck.then(|| self.idle_ms.div_euclid(1_000))
    }

    /// Seconds that are captured and not durable yet, where storage does not keep up; `None` while it does.
    #[must_use]
    pub fn stalled_s(&self) -> Option<u64> {
        (self.behind_ms >= STALLED_MS).then(|| self.behind_ms.div_euclid(1_000))
    }
}

/// Kinds of recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordingKind {
    /// Ogg/Opus.
    Audio,
    /// Matroska.
    Video,
}

/// The words that are read aloud when a visit begins.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Opening {
    /// Filled from the task.
    pub paragraphs: Vec<String>,
    /// RFC 3339: when they were read last.
    pub read: Option<String>,
}

/// What is done with camera and recordings on the spot, beyond starting and stopping.
pub trait OnSite {
    /// Blanks the picture of a running video, or shows it again; sound goes on. It stays as it is until the
    /// next order or the end of the recording, whatever happens to this program.
    fn cover_picture(&mut self, evidence: &str, on: bool) -> TroubleResult<RecordingView>;

    /// Pauses a running recording or lets it go on: a line of the journal and a mark, never a cut. Sound goes on
    /// being sealed, the picture of a video is blanked. It stays until the next order or the end of the recording.
    fn pause_recording(&mut self, evidence: &str, on: bool) -> TroubleResult<RecordingView>;

    /// The opening words of a case, to be read aloud.
    fn opening(&mut self, case: &CaseId) -> TroubleResult<Opening>;
    /// These words were read aloud: an entry, and a mark in what is recorded.
    fn opening_read(&mut self, case: &CaseId, paragraphs: &[String]) -> TroubleResult<()>;

    /// Photographs the next page of a paper: of this group, or the first of a new one. With `again`, that page
    /// once more; the earlier photo stays and is marked as superseded.
    fn capture_page(
        &mut self,
        case: &CaseId,
        group: Option<&str>,
        again: Option<&str>,
    ) -> TroubleResult<EvidenceView>;
    /// Looks at a page just taken: sharp, without glare, whole. Comes back with its verdict.
    fn check_page(&mut self, case: &CaseId, evidence: &str) -> TroubleResult<EvidenceView>;
}
