//! An open case: its chain and the numbering of what is added to it.

use spotcheck_domain::{CaseId, TroubleResult};
use spotcheck_evidence::journal::EntryDraft;

use crate::chain::Chain;
use crate::desk::CaseState;
use crate::handheld::Handheld;
use crate::model::{Meta, ONLY, kind};
use crate::troubles;

impl Handheld {
    /// The chain of a case, opened by the unlocked officer's wrap of its key.
    pub(crate) fn case_chain(&mut self, case: &CaseId) -> TroubleResult<&mut Chain> {
        self.officer()?;
        if !self.cases.contains_key(case) {
            if !self.case_index()?.iter().any(|(id, _)| id == case) {
                return Err(troubles::unknown("案卷"));
            }
            let chain = self.open_chain(case)?;
            self.cases.insert(case.clone(), chain);
            self.tell_salvage(case)?;
        }
        self.cases.get_mut(case).ok_or_else(|| troubles::unknown("案卷"))
    }

    /// Head data of a case.
    pub(crate) fn meta(&mut self, case: &CaseId) -> TroubleResult<Meta> {
        self.case_chain(case)?.value(kind::META, ONLY)?.ok_or_else(|| troubles::unknown("案卷"))
    }

    /// Head data of a case that still takes entries.
    pub(crate) fn open_meta(&mut self, case: &CaseId) -> TroubleResult<Meta> {
        let meta = self.meta(case)?;
        if meta.sealing.is_some() || meta.done { Err(troubles::sealed()) } else { Ok(meta) }
    }

    /// Writes entries and values of an open case in one transaction.
    pub(crate) fn commit(
        &mut self,
        case: &CaseId,
        drafts: Vec<EntryDraft>,
        set: Vec<(String, String, String)>,
    ) -> TroubleResult<spotcheck_evidence::journal::ChainHead> {
        self.case_chain(case)?.commit(drafts, set)
    }

    /// Where a case stands.
    pub(crate) fn case_state(&mut self, case: &CaseId) -> TroubleResult<CaseState> {
        Ok(self.index_of(case)?.state)
    }
}

/// The next id of a list: prefix and count + 1, as `S1`, `E2`, `party-3`. Nothing is ever removed and what was
/// taken back is counted, so a count never repeats.
pub(crate) fn next_id(prefix: &str, existing: usize) -> String {
    format!("{prefix}{}", existing.saturating_add(1))
}

/// The next number of a file series, four digits.
pub(crate) fn next_number(existing: usize) -> String {
    format!("{:04}", existing.saturating_add(1))
}
