//! Marks of the invented visit that can be taken back: what stood there before the last one.

use std::collections::BTreeMap;

use spotcheck_app::desk::{CaseView, DocumentView, Filing, Mark, Marks, PaperActs};
use spotcheck_domain::{CaseId, OfficerId, TroubleResult};

use super::{FakeDesk, trouble};

/// The last marks.
#[derive(Default)]
pub(super) struct Last {
    seq: u64,
    told: bool,
    /// Oldest first, each with its number.
    before: Vec<(u64, Before)>,
}

#[derive(Clone)]
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
        let before = self.case.clone().map(|case| Before { case, documents, marks });
        self.marks.before.extend(before.map(|before| (self.marks.seq, before)));
    }

    /// As everything stands now.
    fn as_it_stands(&self) -> Option<Before> {
        let (documents, marks) = (self.documents.clone(), self.played.marks.clone());
        self.case.clone().map(|case| Before { case, documents, marks })
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
        let (seq, before) = self.marks.before.last().filter(|_| !self.marks.told)?;
        let mark = Mark { case: before.case.id.clone(), seq: *seq };
        self.marks.told = true;
        Some(mark)
    }

    fn take_back(&mut self, mark: &Mark) -> TroubleResult<CaseView> {
        let at = self.marks.before.iter().position(|(seq, _)| *seq == mark.seq);
        let over = || trouble("MARK-OVER", "这一步不能再撤销", "已存的都在", "在原来的页面改正");
        let (at, now) = at.zip(self.as_it_stands()).ok_or_else(over)?;
        let (_, before) = self.marks.before.remove(at);
        let after = self.marks.before.get(at).map_or_else(|| now.clone(), |(_, next)| next.clone());
        // What came after keeps what is its own.
        for (_, later) in self.marks.before.iter_mut().skip(at) {
            later.go_back(&before, &after);
        }
        let mut now = now;
        now.go_back(&before, &after);
        self.open_view(&mark.case)?;
        self.case = Some(now.case);
        self.documents = now.documents;
        self.played.marks = now.marks;
        self.do_case(&mark.case)
    }
}

impl Before {
    /// Without what changed between the two, part by part.
    fn go_back(&mut self, before: &Self, after: &Self) {
        let (own, was, then) = (&mut self.case, &before.case, &after.case);
        for item in &was.evidence {
            let changed = then.evidence.iter().any(|e| e.id == item.id && e.filing != item.filing);
            for kept in own.evidence.iter_mut().filter(|e| changed && e.id == item.id) {
                kept.proves.clone_from(&item.proves);
                kept.filing.clone_from(&item.filing);
            }
        }
        if was.officers != then.officers {
            for (kept, officer) in own.officers.iter_mut().zip(&was.officers) {
                let changed = then.officers.iter().any(|o| o.id == officer.id && o != officer);
                if changed && kept.id == officer.id {
                    kept.clone_from(officer);
                }
            }
        }
        if was.parties != then.parties {
            own.parties.clone_from(&was.parties);
        }
        if was.steps != then.steps {
            own.steps.clone_from(&was.steps);
        }
        if was.silenced != then.silenced {
            own.silenced.clone_from(&was.silenced);
        }
        if was.opening_read != then.opening_read {
            own.opening_read.clone_from(&was.opening_read);
        }
        if before.documents != after.documents {
            self.documents.clone_from(&before.documents);
        }
        if before.marks != after.marks {
            self.marks.clone_from(&before.marks);
        }
    }
}
