//! Marks of the invented visit that can be taken back: what stood there before the last one.

use std::collections::BTreeMap;

use spotcheck_app::desk::{CaseView, DocumentView, Filing, Mark, Marks, PaperActs};
use spotcheck_domain::{CaseId, OfficerId, TroubleResult};

use super::{FakeDesk, trouble};

/// The last mark.
#[derive(Default)]
pub(super) struct Last {
    seq: u64,
    told: bool,
    before: Option<Before>,
}

struct Before {
    case: CaseView,
    documents: BTreeMap<String, DocumentView>,
    marks: Vec<(String, u64)>,
}

impl FakeDesk {
    /// A mark is about to be written.
    pub(super) fn remember(&mut self) {
        self.marks.seq = self.marks.seq.saturating_add(1);
        self.marks.told = false;
        let (documents, marks) = (self.documents.clone(), self.played.marks.clone());
        self.marks.before = self.case.clone().map(|case| Before { case, documents, marks });
    }

    pub(super) fn do_show_certificate(
        &mut self,
        case: &CaseId,
        officer: &OfficerId,
    ) -> TroubleResult<()> {
        self.remember();
        let now = self.pass_time();
        for shown in self.open_view(case)?.officers.iter_mut().filter(|o| o.id == *officer) {
            shown.certificate_shown = Some(now.clone());
        }
        Ok(())
    }

    pub(super) fn do_end_step(&mut self, case: &CaseId, step: &str) -> TroubleResult<()> {
        self.remember();
        let now = self.pass_time();
        for begun in self.open_view(case)?.steps.iter_mut().filter(|s| s.id == step) {
            begun.ended = Some(now.clone());
        }
        Ok(())
    }

    pub(super) fn do_describe(
        &mut self,
        case: &CaseId,
        evidence: &str,
        filing: &Filing,
    ) -> TroubleResult<()> {
        self.remember();
        for item in self.open_view(case)?.evidence.iter_mut().filter(|e| e.id == evidence) {
            item.proves.clone_from(&filing.proves);
            item.filing = filing.clone();
        }
        Ok(())
    }
}

impl PaperActs for FakeDesk {
    fn refuse_document(
        &mut self,
        case: &CaseId,
        document: &str,
        party: &str,
        reason: &str,
    ) -> TroubleResult<DocumentView> {
        self.do_refuse(case, document, party, reason)
    }

    fn give_copy(
        &mut self,
        _case: &CaseId,
        document: &str,
        party: &str,
        copies: u32,
    ) -> TroubleResult<DocumentView> {
        self.do_give(document, party, copies)
    }
}

impl Marks for FakeDesk {
    fn just_marked(&mut self) -> Option<Mark> {
        let before = self.marks.before.as_ref().filter(|_| !self.marks.told)?;
        self.marks.told = true;
        Some(Mark { case: before.case.id.clone(), seq: self.marks.seq })
    }

    fn take_back(&mut self, mark: &Mark) -> TroubleResult<CaseView> {
        let before = self.marks.before.take().filter(|_| self.marks.seq == mark.seq);
        let Some(before) = before else {
            return Err(trouble("MARK-OVER", "这一步不能再撤销", "已存的都在", "在原来的页面改正"));
        };
        let view = self.open_view(&mark.case)?;
        for item in &before.case.evidence {
            for kept in view.evidence.iter_mut().filter(|e| e.id == item.id) {
                kept.proves.clone_from(&item.proves);
                kept.filing.clone_from(&item.filing);
            }
        }
        view.officers = before.case.officers;
        view.parties = before.case.parties;
        view.steps = before.case.steps;
        view.silenced = before.case.silenced;
        view.opening_read = before.case.opening_read;
        self.documents = before.documents;
        self.played.marks = before.marks;
        self.do_case(&mark.case)
    }
}
