//! What an officer may look at and never change: the pictures of a case, and claims beyond one visit.
//!
//! Apart from [`super::Desk`], whose acts write the journal: looking at one's own evidence writes nothing. A
//! picture leaves here in clear, in memory that is wiped when it is dropped, and never lies in a file.

use spotcheck_domain::claims::{DepartmentView, ItemVisit, Page, VisitEvent};
use spotcheck_domain::{CaseId, TaskId, TroubleResult};

pub use zeroize::Zeroizing;

use crate::compare::KeptFindings;
use crate::composed::RanRule;

/// Reading back and looking further.
pub trait Looks {
    /// The picture of an evidence item as it was taken (JPEG or PNG), decrypted in memory after its SHA-256
    /// was compared with the journal's; `None` for what is no picture. Decoding and scaling are the caller's,
    /// so that they never hold the desk.
    ///
    /// # Errors
    /// No such item, keys that are locked or destroyed, a file that is not what was stored.
    fn evidence_image(
        &mut self,
        case: &CaseId,
        evidence: &str,
    ) -> TroubleResult<Option<Zeroizing<Vec<u8>>>>;
    /// Orders, executions and reports that go with one fee line, the nearest in time first.
    ///
    /// # Errors
    /// No checked package of the task, a damaged page.
    fn line_events(
        &mut self,
        task: &TaskId,
        mdtrt_id: &str,
        bkkp_sn: &str,
        page: Page,
    ) -> TroubleResult<Vec<VisitEvent>>;
    /// Visits of the house in which an item was billed, the largest amount first. Rows of a list, whose names
    /// the face masks: opening one is the access that is journaled.
    ///
    /// # Errors
    /// As [`Looks::line_events`].
    fn item_visits(
        &mut self,
        task: &TaskId,
        med_list_codg: &str,
        page: Page,
    ) -> TroubleResult<Vec<ItemVisit>>;
    /// Departments of the task's facility, by code.
    ///
    /// # Errors
    /// As [`Looks::line_events`].
    fn house_departments(
        &mut self,
        task: &TaskId,
        page: Page,
    ) -> TroubleResult<Vec<DepartmentView>>;

    /// What the last comparison of an export in the newest case of the task found, judged or not.
    ///
    /// # Errors
    /// The case cannot be read.
    fn compared_findings(&mut self, _task: &TaskId) -> TroubleResult<Option<KeptFindings>> {
        Ok(None)
    }
    /// A composed rule was run in a case: it goes into the case's journal the first time, and into the draft pack
    /// of the bundle. Says nothing about what was found.
    ///
    /// # Errors
    /// No such case, or one that takes nothing more.
    fn keep_rule_of_case(&mut self, _case: &CaseId, _rule: &RanRule) -> TroubleResult<()> {
        Ok(())
    }
    /// The composed rules of a case as a draft pack that the centre can check and try, signed by the handheld;
    /// `None` where no rule was composed.
    ///
    /// # Errors
    /// No such case, or keys that are locked.
    fn rule_draft_of_case(&mut self, _case: &CaseId) -> TroubleResult<Option<Vec<u8>>> {
        Ok(None)
    }
}
