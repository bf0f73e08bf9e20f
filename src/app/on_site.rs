//! The handheld's part of [`OnSite`]: each act goes to its module.

use spotcheck_domain::{CaseId, TroubleResult};

use crate::desk::{EvidenceView, OnSite, Opening, RecordingView};
use crate::handheld::Handheld;

impl OnSite for Handheld {
    fn cover_picture(&mut self, evidence: &str, on: bool) -> TroubleResult<RecordingView> {
        self.do_cover_picture(evidence, on)
    }
    fn pause_recording(&mut self, evidence: &str, on: bool) -> TroubleResult<RecordingView> {
        self.do_pause_recording(evidence, on)
    }
    fn opening(&mut self, case: &CaseId) -> TroubleResult<Opening> {
        self.do_opening(case)
    }
    fn opening_read(&mut self, case: &CaseId, paragraphs: &[String]) -> TroubleResult<()> {
        self.do_opening_read(case, paragraphs)
    }
    fn capture_page(
        &mut self,
        case: &CaseId,
        group: Option<&str>,
        again: Option<&str>,
    ) -> TroubleResult<EvidenceView> {
        self.do_capture_page(case, group, again)
    }
    fn check_page(&mut self, case: &CaseId, evidence: &str) -> TroubleResult<EvidenceView> {
        self.do_check_page(case, evidence)
    }
}
