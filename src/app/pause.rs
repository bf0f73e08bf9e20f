//! Pause: an entry and a mark, never a cut (issue 5, recorder).
//!
//! Sound goes on being sealed, because what was not recorded can never be shown to have been harmless; the picture
//! of a video is blanked as [`crate::cover`] does it. Whoever hears the recording later sees where it was paused and
//! decides what may be played. The state is that of the marks: a kill of this program loses nothing of it, and a
//! recording that ends while it is paused ends the pause.

use spotcheck_domain::{CaseId, TroubleResult};

use crate::chain::set;
use crate::desk::{RecordingKind, RecordingView};
use crate::handheld::{Handheld, Running};
use crate::model::{Evidence, kind};
use crate::troubles;

/// Words of the mark at the beginning.
pub(crate) const PAUSED: &str = "暂停";
/// Words of the mark at the end.
pub(crate) const RESUMED: &str = "继续";

/// What the journal calls it.
pub(crate) const fn what(on: bool) -> &'static str {
    if on { "paused" } else { "resumed" }
}

const fn words(on: bool) -> &'static str {
    if on { PAUSED } else { RESUMED }
}

/// A mark of this module.
pub(crate) fn is_pause(words: &str) -> bool {
    words == PAUSED || words == RESUMED
}

/// Since when the marks say that it is paused, in milliseconds from the beginning; what was said last counts.
pub(crate) fn paused_at(marks: &[(u64, String)]) -> Option<u64> {
    let last = marks.iter().rev().find(|(_, words)| is_pause(words));
    last.filter(|(_, words)| words == PAUSED).map(|(at_ms, _)| *at_ms)
}

impl Handheld {
    pub(crate) fn do_pause_recording(
        &mut self,
        evidence: &str,
        on: bool,
    ) -> TroubleResult<RecordingView> {
        let mut running = self.running(evidence)?;
        if running.paused_ms.is_some() == on {
            return self.recording_view(&running);
        }
        let video = running.kind == RecordingKind::Video;
        if video && on {
            // The picture goes first: a line that fails leaves somebody unfilmed.
            self.do_cover_picture(evidence, true)?;
        }
        let at_ms = self.recording_view(&running)?.stored_ms;
        if !self.change_outside(&running, at_ms, words(on))? {
            let mut item: Evidence = self
                .case_chain(&running.case)?
                .value(kind::EVIDENCE, evidence)?
                .ok_or_else(|| troubles::unknown("证据"))?;
            self.write_pause(&running.case, evidence, &mut item, (on, at_ms), None)?;
        }
        running.paused_ms = on.then_some(at_ms);
        for known in self.running.iter_mut().filter(|r| r.path == running.path) {
            known.paused_ms = running.paused_ms;
        }
        if video && !on {
            return self.do_cover_picture(evidence, false);
        }
        self.recording_view(&running)
    }

    /// The line and the mark of one change; the same state again writes nothing.
    fn write_pause(
        &mut self,
        case: &CaseId,
        evidence: &str,
        item: &mut Evidence,
        (on, at_ms): (bool, u64),
        by: Option<&str>,
    ) -> TroubleResult<()> {
        if paused_at(&item.marks).is_some() == on {
            return Ok(());
        }
        item.marks.push((at_ms, words(on).to_owned()));
        let mut draft = self
            .draft("note")?
            .about(evidence)
            .fact("what", what(on))
            .fact("at_ms", at_ms)
            .fact("text", words(on));
        if let Some(by) = by {
            draft = draft.fact("by", by);
        }
        self.commit(case, vec![draft], vec![set(kind::EVIDENCE, evidence, item)?])?;
        Ok(())
    }

    /// After the unlock: what was paused or went on while no case journal could be written.
    pub(crate) fn settle_pauses(&mut self, case: &CaseId) -> TroubleResult<()> {
        let running: Vec<Running> =
            self.running.iter().filter(|r| r.case == *case).cloned().collect();
        for running in running {
            let item: Option<Evidence> =
                self.case_chain(case)?.value(kind::EVIDENCE, &running.evidence)?;
            let Some(mut item) = item else { continue };
            let now = match running.paused_ms {
                Some(at_ms) => (true, at_ms),
                None if paused_at(&item.marks).is_none() => continue,
                None => (false, self.recording_view(&running)?.stored_ms),
            };
            self.write_pause(case, &running.evidence, &mut item, now, Some("found"))?;
        }
        Ok(())
    }

    /// A recording that ends while it is paused: the end of the one is the end of the other.
    pub(crate) fn end_pause(
        &mut self,
        case: &CaseId,
        evidence: &str,
        item: &mut Evidence,
        duration_ms: u64,
    ) -> TroubleResult<()> {
        self.write_pause(case, evidence, item, (false, duration_ms), Some("stop"))
    }
}
