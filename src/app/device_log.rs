//! The device's own store: device journal, tasks, index of cases, outbox.
//!
//! Under a key of the boot class, so that wrong PINs are journaled and bundles are sent while locked.
//! Names of patients never get here; the journal says `person_viewed` with the number only.

use spotcheck_domain::task::Task;
use spotcheck_domain::{CaseId, DeviceId, OfficerId, TaskId, TroubleResult};
use spotcheck_evidence::journal::{ChainHead, EntryDraft};

use crate::chain::{Chain, set};
use crate::handheld::Handheld;
use crate::model::{CaseIndex, ONLY, kind};
use crate::ports::{PlaceState, TimeProof};
use crate::troubles;

/// Purpose of the boot key of the device store.
const DEVICE_STORE: &str = "device-store";

impl Handheld {
    /// Opens the device store once; only an enrolled device has one, because a journal line names it.
    pub(crate) fn device_log(&mut self) -> TroubleResult<&mut Chain> {
        if self.device_log.is_none() {
            self.device_id()?;
            let key = self.ports.keys.boot_key(DEVICE_STORE)?;
            let store = self.ports.stores.device_store(&key)?;
            self.device_log = Some(Chain::open(store, self.ports.clock.clone())?);
        }
        self.device_log.as_mut().ok_or_else(troubles::not_enrolled)
    }

    /// This handheld's id.
    pub(crate) fn device_id(&self) -> TroubleResult<DeviceId> {
        Ok(self.ports.keys.enrolment()?.ok_or_else(troubles::not_enrolled)?.device)
    }

    /// A draft by whoever has unlocked, on this device.
    pub(crate) fn draft(&self, kind: &str) -> TroubleResult<EntryDraft> {
        Ok(EntryDraft::new(self.ports.keys.unlocked(), self.device_id()?, kind))
    }

    /// Who has unlocked.
    pub(crate) fn officer(&self) -> TroubleResult<OfficerId> {
        self.ports.keys.unlocked().ok_or_else(troubles::locked)
    }

    /// The line with where it was written, if a receiver tells; never waits for one.
    pub(crate) fn placed(&self, draft: EntryDraft) -> EntryDraft {
        let PlaceState::Fixed(fix) = self.ports.locator.state() else { return draft };
        match fix.fact(self.ports.clock.read().boottime_ms) {
            Some(place) => draft.fact("place", place),
            None => draft,
        }
    }

    /// One line in the device journal.
    pub(crate) fn journal_device(&mut self, draft: EntryDraft) -> TroubleResult<()> {
        self.device_log()?.commit(vec![draft], vec![])?;
        Ok(())
    }

    /// A task of this handheld.
    pub(crate) fn task(&mut self, task: &TaskId) -> TroubleResult<Task> {
        self.device_log()?
            .value(kind::TASK, task.as_str())?
            .ok_or_else(|| troubles::unknown("任务"))
    }

    /// A task, if the unlocked officer is on it.
    pub(crate) fn my_task(&mut self, task: &TaskId) -> TroubleResult<Task> {
        let officer = self.officer()?;
        let task = self.task(task)?;
        if task.officers.iter().any(|o| o.id == officer) {
            Ok(task)
        } else {
            Err(troubles::not_your_task())
        }
    }

    /// The index of cases.
    pub(crate) fn case_index(&mut self) -> TroubleResult<Vec<(CaseId, CaseIndex)>> {
        let raw: Vec<(String, CaseIndex)> = self.device_log()?.values(kind::CASE)?;
        raw.into_iter()
            .map(|(key, index)| Ok((CaseId::parse(&key).map_err(troubles::stored)?, index)))
            .collect()
    }

    /// One entry of the index.
    pub(crate) fn index_of(&mut self, case: &CaseId) -> TroubleResult<CaseIndex> {
        let found = self.case_index()?.into_iter().find(|(id, _)| id == case);
        found.map(|(_, index)| index).ok_or_else(|| troubles::unknown("案卷"))
    }

    /// Keeps one entry of the index.
    pub(crate) fn set_case_index(&mut self, case: &CaseId, index: &CaseIndex) -> TroubleResult<()> {
        let value = set(kind::CASE, case.as_str(), index)?;
        self.device_log()?.commit(vec![], vec![value])?;
        Ok(())
    }

    /// The newest time proof, revocation lists and checkpoint.
    pub(crate) fn time_proof(&mut self) -> TroubleResult<Option<TimeProof>> {
        self.device_log()?.value(kind::PROOF, ONLY)
    }
}

impl Handheld {
    fn chain_of(&mut self, case: Option<&CaseId>) -> TroubleResult<&mut Chain> {
        match case {
            Some(case) => self.case_chain(case),
            None => self.device_log(),
        }
    }

    /// Verifies the chain of a case journal, or of the device journal: number of entries and head.
    ///
    /// # Errors
    /// `JOURNAL-BROKEN` (a verdict) where a line does not follow from the one before.
    pub fn verify_journal(&mut self, case: Option<&CaseId>) -> TroubleResult<(u64, String)> {
        let lines = self.chain_of(case)?.lines()?;
        let count = u64::try_from(lines.len()).unwrap_or(u64::MAX);
        let raw = lines.iter().map(|line| line.line.as_slice());
        let state = spotcheck_evidence::journal::verify_chain(raw, ChainHead::START.hash)
            .map_err(troubles::broken_chain)?;
        Ok((count, state.head.hash.to_string()))
    }

    /// Entries of a journal as JSON values.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn journal_entries(
        &mut self,
        case: Option<&CaseId>,
    ) -> TroubleResult<Vec<serde_json::Value>> {
        let lines = self.chain_of(case)?.lines()?;
        lines
            .iter()
            .map(|line| serde_json::from_slice(&line.line).map_err(troubles::stored_json))
            .collect()
    }
}
