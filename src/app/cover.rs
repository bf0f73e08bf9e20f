//! Hold-to-blank: a patient who does not want to be filmed is not, while sound goes on (inspection.md, "People
//! around the case").
//!
//! The picture goes first and the words follow: an order to the recorder that works and a journal line that
//! fails leaves somebody unfilmed, the reverse would not. The recorder keeps the picture blank until the next
//! order or the end of the recording, also when this program dies under the held key, because nobody is there
//! then to see who comes back into the picture. What it did in that time is entered at the next unlock, with
//! `found`. Begin and end are a line of the journal each (boot time and all) and a mark of the recording.

use spotcheck_domain::{CaseId, TroubleResult};

use crate::chain::set;
use crate::desk::{RecordingKind, RecordingView};
use crate::handheld::{Handheld, Running};
use crate::model::{Evidence, kind};
use crate::troubles;

/// Words of the mark at the beginning.
pub(crate) const BLANKED: &str = "画面开始遮挡";
/// Words of the mark at the end.
pub(crate) const SHOWN: &str = "画面恢复";

/// What the journal calls it.
pub(crate) const fn what(on: bool) -> &'static str {
    if on { "picture_blanked" } else { "picture_shown" }
}

/// The marks say that the picture is blank: what was said last counts.
fn is_blank(marks: &[(u64, String)]) -> bool {
    let last = marks.iter().rev().find(|(_, words)| words == BLANKED || words == SHOWN);
    last.is_some_and(|(_, words)| words == BLANKED)
}

/// One change of the picture.
struct Change {
    on: bool,
    at_ms: u64,
    /// Who did it, where it was not a key of this program: `found` after a restart, `stop` at the end.
    by: Option<&'static str>,
}

impl Handheld {
    pub(crate) fn do_cover_picture(
        &mut self,
        evidence: &str,
        on: bool,
    ) -> TroubleResult<RecordingView> {
        let running = self.running(evidence)?;
        if running.kind != RecordingKind::Video {
            return Err(troubles::recording("这一段只录声音，没有画面可以遮挡", "对录像再用"));
        }
        if !on && running.paused_ms.is_some() {
            // Letting go of the key does not end a pause.
            return self.recording_view(&running);
        }
        let at_ms = self.ports.recorder.cover(&running.case, &running.path, on)?;
        let change = Change { on, at_ms, by: None };
        let words = if on { BLANKED } else { SHOWN };
        if !self.change_outside(&running, at_ms, words)? {
            self.enter_cover(&running, &change)?;
        }
        self.recording_view(&running)
    }

    /// The lines and the mark of one change; the same state again writes nothing.
    fn enter_cover(&mut self, running: &Running, change: &Change) -> TroubleResult<()> {
        let mut item: Evidence = self
            .case_chain(&running.case)?
            .value(kind::EVIDENCE, &running.evidence)?
            .ok_or_else(|| troubles::unknown("证据"))?;
        self.write_cover(&running.case, &running.evidence, &mut item, change)
    }

    fn write_cover(
        &mut self,
        case: &CaseId,
        evidence: &str,
        item: &mut Evidence,
        change: &Change,
    ) -> TroubleResult<()> {
        if is_blank(&item.marks) == change.on {
            return Ok(());
        }
        let words = if change.on { BLANKED } else { SHOWN };
        item.marks.push((change.at_ms, words.to_owned()));
        let mut draft = self
            .draft("note")?
            .about(evidence)
            .fact("what", what(change.on))
            .fact("at_ms", change.at_ms)
            .fact("text", words);
        if let Some(by) = change.by {
            draft = draft.fact("by", by);
        }
        self.commit(case, vec![draft], vec![set(kind::EVIDENCE, evidence, item)?])?;
        Ok(())
    }

    /// After a restart: what the recorder did with the picture and no journal says yet.
    pub(crate) fn settle_covers(&mut self, case: &CaseId) -> TroubleResult<()> {
        let films = |r: &&Running| r.case == *case && r.kind == RecordingKind::Video;
        let running: Vec<Running> = self.running.iter().filter(films).cloned().collect();
        for running in running {
            let Some(now) = self.ports.recorder.progress(case, &running.path)? else { continue };
            let change = match now.covered_from_ms {
                Some(at_ms) => Change { on: true, at_ms, by: Some("found") },
                None => Change { on: false, at_ms: now.stored_ms, by: Some("found") },
            };
            self.enter_cover(&running, &change)?;
        }
        Ok(())
    }

    /// A recording that ends under the cover: the end of the one is the end of the other.
    pub(crate) fn end_cover(
        &mut self,
        case: &CaseId,
        evidence: &str,
        item: &mut Evidence,
        duration_ms: u64,
    ) -> TroubleResult<()> {
        let change = Change { on: false, at_ms: duration_ms, by: Some("stop") };
        self.write_cover(case, evidence, item, &change)
    }
}
