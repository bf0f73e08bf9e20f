//! What was captured at the door, in its second copy: kept without a journal, rebuilt as a case of a task.
//!
//! Before any case is open there is no journal that could say what the encrypted files are. The state of such a
//! copy names the handheld only; what was captured stands in `early.age`. Whoever goes on from it begins the
//! journal in its own name: the first lines say from which handheld everything at the door came, and the
//! recording logs, written there, hang on that (evidence.md §1, §2). Nothing is written in the name of a
//! handheld that did not write it.

use std::collections::BTreeSet;

use spotcheck_domain::id::new_ulid;
use spotcheck_domain::task::Task;
use spotcheck_domain::time::rfc3339;
use spotcheck_domain::{BundleId, CaseId, OfficerId, TaskId, TroubleResult};
use spotcheck_evidence::Hash32;
use spotcheck_evidence::journal::kinds;

use super::{
    DOOR_SCHEMA, EARLY_FILE, RescuedCase, STATE_FILE, State, keys_of_copy, missing_blob, state_json,
};
use crate::chain::{Chain, set};
use crate::desk::CaseState;
use crate::handheld::Handheld;
use crate::model::{CaseIndex, Meta, ONLY, Rescued, kind};
use crate::ports::CopyFolder;
use crate::troubles;

/// The officers of a task, the one who begins first.
pub(crate) fn beginning_with(task: &Task, mine: &OfficerId) -> Vec<OfficerId> {
    let others = task.officers.iter().map(|o| o.id.clone()).filter(|o| o != mine);
    std::iter::once(mine.clone()).chain(others).collect()
}

impl Handheld {
    /// Keeps the state of what waits at the door. Needs no unlocking: it is sealed to public keys.
    pub(super) fn keep_door_state(&mut self, case: &CaseId) -> TroubleResult<()> {
        let early = self.early_of(case)?.unwrap_or_default();
        let hash = Hash32::sha256(&early);
        if self.kept.hashes.get(&(case.clone(), STATE_FILE)) == Some(&hash) {
            return Ok(());
        }
        let state = State {
            schema: DOOR_SCHEMA.to_owned(),
            case: case.clone(),
            device: self.device_id()?,
            kept_ms: self.now_ms(),
            index: None,
            lines: Vec::new(),
            values: Vec::new(),
        };
        let sealed = self.ports.keys.seal_for_case(case, &state_json(&state)?)?;
        self.ports.copies.keep(case, STATE_FILE, &sealed)?;
        self.kept.hashes.insert((case.clone(), STATE_FILE), hash);
        Ok(())
    }

    /// The task that what was captured at the door belongs to: the one named, else the only one there is.
    fn task_of_door(&mut self, named: Option<&TaskId>) -> TroubleResult<Task> {
        if let Some(task) = named {
            return self.my_task(task);
        }
        let me = self.officer()?;
        let tasks: Vec<(String, Task)> = self.device_log()?.values(kind::TASK)?;
        let mut mine = tasks
            .into_iter()
            .map(|(_, task)| task)
            .filter(|task| !task.is_practice() && task.officers.iter().any(|o| o.id == me));
        match (mine.next(), mine.next()) {
            (Some(task), None) => Ok(task),
            _ => Err(troubles::copy(
                "COPY-TASK",
                "副本里是开案前在门口录下的内容，还没有归入任务",
                "从那个任务的收尾进入第二副本再恢复；命令行用 --task 指明任务",
            )),
        }
    }

    /// Begins a case of a task with what was captured at another handheld's door. May be repeated after a kill.
    pub(super) fn rescue_door(
        &mut self,
        case: &CaseId,
        named: Option<&TaskId>,
        state: &State,
        from: &mut dyn CopyFolder,
    ) -> TroubleResult<RescuedCase> {
        let task = self.task_of_door(named)?;
        let early = match from.get(EARLY_FILE)? {
            Some(sealed) => Some(self.ports.keys.open_for_case(case, &sealed)?),
            None => None,
        };
        let (mut values, paths) = self.early_values(early.as_ref().map(|e| e.as_slice()), &[])?;
        if paths.is_empty() {
            return Err(troubles::copy(
                "COPY-EMPTY",
                "副本里没有录下任何内容",
                "无须恢复；需要时直接打开任务的案卷",
            ));
        }
        let officers = beginning_with(&task, &self.officer()?);
        self.ports.keys.assign_case(case, &officers)?;
        // The store first: later, beside blobs, a missing one would be taken for a loss.
        let key = self.ports.keys.case_key(case)?;
        let store = self.ports.stores.case_store(case, &key, false)?;
        let media = paths.iter().filter_map(|p| p.rsplit('/').next()).map(str::to_owned);
        let media: BTreeSet<String> = media.collect();
        let unnamed = self.ports.copies.bring(case, from, &media)?;
        let mut files = 0_u32;
        for blob in self.early_blobs(early.as_ref().map(|e| e.as_slice()))? {
            if !self.ports.copies.holds(case, &blob)? {
                return Err(missing_blob());
            }
            files = files.saturating_add(1);
        }

        let chain = Chain::open(store, self.ports.clock.clone())?;
        self.cases.insert(case.clone(), chain);
        let rescued = Rescued { from: state.device.clone(), kept_ms: state.kept_ms, unnamed };
        let begun: Option<Meta> = self.case_chain(case)?.value(kind::META, ONLY)?;
        let (bundle, opened_ms) = match &begun {
            Some(meta) => (meta.bundle.clone(), meta.opened_ms),
            None => {
                let ulid = new_ulid(self.ports.clock.as_ref(), self.ports.entropy.as_ref());
                let bundle = BundleId::parse(&format!("EVID-{ulid}")).map_err(troubles::stored)?;
                (bundle, self.now_ms())
            }
        };
        let index = CaseIndex {
            task: task.id.clone(),
            bundle,
            officers,
            state: CaseState::Open,
            opened_ms,
            practice: false,
        };
        if begun.is_none() {
            let line = self
                .draft(kinds::RESCUED)?
                .fact("from_device", rescued.from.as_str())
                .fact("entries", 0)
                .fact("captured_early", u64::try_from(paths.len()).unwrap_or(u64::MAX))
                .fact("kept", rfc3339(rescued.kept_ms));
            self.write_first_entry(case, &task, &index, Some((rescued.clone(), line)))?;
        }
        values.push(set(kind::CASE, case.as_str(), &index)?);
        self.rescue_done(case, rescued, (0, files), values)
    }

    /// What waits at this handheld's own door, and no PIN opens any more: with the keys from the centre the next
    /// case takes it up as ever.
    pub(super) fn recover_door(
        &mut self,
        case: &CaseId,
        from: &mut dyn CopyFolder,
    ) -> TroubleResult<RescuedCase> {
        let device = self.device_id()?;
        let (shared, escrow) = keys_of_copy(case, &device, from)?;
        self.ports.keys.adopt_case(case, &shared, &escrow, &[])?;
        let draft = self.draft("keys_recovered")?.about(case.as_str());
        self.journal_device(draft)?;
        Ok(RescuedCase {
            case: case.clone(),
            from: device,
            kept: rfc3339(self.now_ms()),
            entries: 0,
            files: 0,
            unnamed: 0,
        })
    }
}
