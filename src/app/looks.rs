//! Evidence read back for the eye, and claims beyond one visit ([`Looks`]).
//!
//! The vault compares the SHA-256 of what it decrypted with the one the journal names, so a picture on the
//! screen is the picture that was taken. Nothing is written: not a file, not a journal line.

use spotcheck_domain::claims::{DepartmentView, ItemVisit, Page, VisitEvent};
use spotcheck_domain::{CaseId, TaskId, TroubleResult};

use crate::compare::KeptFindings;
use crate::composed::RanRule;
use crate::desk::{Looks, Zeroizing};
use crate::handheld::Handheld;
use crate::model::{Evidence, kind};
use crate::troubles;

impl Looks for Handheld {
    fn evidence_image(
        &mut self,
        case: &CaseId,
        evidence: &str,
    ) -> TroubleResult<Option<Zeroizing<Vec<u8>>>> {
        let item: Evidence = self
            .case_chain(case)?
            .value(kind::EVIDENCE, evidence)?
            .ok_or_else(|| troubles::unknown("证据"))?;
        let picture = item.media_type.starts_with("image/");
        match item.file.filter(|_| picture) {
            Some(file) => self.ports.blobs.read(case, &file).map(Some),
            None => Ok(None),
        }
    }

    fn line_events(
        &mut self,
        task: &TaskId,
        mdtrt_id: &str,
        bkkp_sn: &str,
        page: Page,
    ) -> TroubleResult<Vec<VisitEvent>> {
        self.reader(task)?.line_events(mdtrt_id, bkkp_sn, page)
    }

    fn item_visits(
        &mut self,
        task: &TaskId,
        med_list_codg: &str,
        page: Page,
    ) -> TroubleResult<Vec<ItemVisit>> {
        self.reader(task)?.item_visits(med_list_codg, page)
    }

    fn house_departments(
        &mut self,
        task: &TaskId,
        page: Page,
    ) -> TroubleResult<Vec<DepartmentView>> {
        self.reader(task)?.departments(page)
    }

    fn compared_findings(&mut self, task: &TaskId) -> TroubleResult<Option<KeptFindings>> {
        self.do_compared_findings(task)
    }

    fn keep_rule_of_case(&mut self, case: &CaseId, rule: &RanRule) -> TroubleResult<()> {
        self.do_keep_rule(case, rule)
    }

    fn rule_draft_of_case(&mut self, case: &CaseId) -> TroubleResult<Option<Vec<u8>>> {
        self.rule_draft(case)
    }
}
