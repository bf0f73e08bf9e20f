//! Going on with a case from its second copy, on another handheld or, after forgotten PINs, on its own.
//!
//! The copy becomes an open case here. Its journal goes on with the line `rescued`, the one place where the
//! device of a journal changes; record, bag-info and completeness say so too.

use std::collections::BTreeSet;

use serde::Serialize;
use spotcheck_domain::time::rfc3339;
use spotcheck_domain::{CaseId, DeviceId, TaskId, Trouble, TroubleResult};
use spotcheck_evidence::journal::{ChainHead, kinds, verify_chain};
use spotcheck_evidence::record::RECORD_PATH;

use super::{
    DOOR_SCHEMA, EARLY_FILE, SEALED_LABEL, STATE_FILE, STATE_SCHEMA, State, shared_keys_file,
};
use crate::chain::{Chain, set};
use crate::desk::CaseState;
use crate::handheld::Handheld;
use crate::model::{CaseIndex, Evidence, Meta, Rescued, kind};
use crate::ports::{CaseChange, CopyFolder, StoredLine};
use crate::troubles;

/// A case that went on from a copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RescuedCase {
    /// The case.
    pub case: CaseId,
    /// The handheld before.
    pub from: DeviceId,
    /// When its copy was kept, RFC 3339 by its clock.
    pub kept: String,
    /// Journal lines taken over.
    pub entries: u64,
    /// Encrypted files taken over.
    pub files: u32,
    /// Recordings that the copy's journal did not name: left out.
    pub unnamed: u32,
}

impl Rescued {
    /// The gap in words, for the record.
    pub(crate) fn words(&self) -> String {
        let unnamed = match self.unnamed {
            0 => String::new(),
            n => format!(";另有 {n} 段录制当时尚未记入日志，未列入"),
        };
        format!(
            "本案卷由手持机 {} 的第二副本恢复，副本截至 {}，此后在该机上的内容不在内{unnamed}",
            self.from,
            rfc3339(self.kept_ms)
        )
    }
}

impl Handheld {
    /// Goes on with another handheld's case from its second copy. Needs an unlocked officer of the case and
    /// the case's keys for this handheld in the copy. May be repeated after a kill. Of a case of this handheld
    /// that no PIN opens any more, only the keys are taken. What was captured at the door, before any case,
    /// becomes a case of `task`; where none is named, of the only task there is.
    ///
    /// # Errors
    /// `COPY-…`: no copy of an open case, not for this handheld, incomplete, damaged; a case that is here
    /// already; several tasks and none named; an officer who is not on the task.
    pub fn rescue_case(
        &mut self,
        case: &CaseId,
        task: Option<&TaskId>,
        from: &mut dyn CopyFolder,
    ) -> TroubleResult<RescuedCase> {
        let me = self.officer()?;
        if let Some((_, index)) = self.case_index()?.into_iter().find(|(id, _)| id == case) {
            if self.ports.keys.case_key(case).is_ok() {
                return Err(troubles::copy("COPY-HERE", "这个案卷本机已有", "在任务中直接打开它"));
            }
            if !index.officers.contains(&me) {
                return Err(troubles::not_your_task());
            }
            return self.recover_keys(case, &index, from);
        }
        if self.arrival()?.as_ref() == Some(case) {
            if self.ports.keys.case_key(case).is_ok() {
                return Err(troubles::copy(
                    "COPY-HERE",
                    "这些内容就在本机门口录制之中",
                    "打开任务的案卷，它们会归入其中",
                ));
            }
            return self.recover_door(case, from);
        }
        if from.get(SEALED_LABEL)?.is_some() {
            return Err(troubles::copy(
                "COPY-SEALED",
                "这个案卷当时已封存",
                "把副本交中心:spotcheck-center bundle add",
            ));
        }
        let sealed_state = from.get(STATE_FILE)?.ok_or_else(no_state)?;
        let (shared, escrow) = keys_of_copy(case, &self.device_id()?, from)?;
        self.ports.keys.adopt_case(case, &shared, &escrow, &[])?;
        let state = self.read_state(case, &sealed_state)?;
        let Some(index) = state.index.clone() else {
            return self.rescue_door(case, task, &state, from);
        };
        if !self.my_task(&index.task)?.officers.iter().any(|o| o.id == me) {
            return Err(troubles::not_your_task());
        }
        self.ports.keys.assign_case(case, &index.officers)?;
        let early = match from.get(EARLY_FILE)? {
            Some(sealed) => Some(self.ports.keys.open_for_case(case, &sealed)?),
            None => None,
        };
        // The store first: later, beside blobs, a missing one would be taken for a loss.
        let key = self.ports.keys.case_key(case)?;
        let mut store = self.ports.stores.case_store(case, &key, false)?;
        let used = evidence_paths(&state)?;
        let (mut values, early_paths) =
            self.early_values(early.as_ref().map(|e| e.as_slice()), &used)?;
        let named = used.iter().chain(&early_paths).filter_map(|p| p.rsplit('/').next());
        let named: BTreeSet<String> = named.map(str::to_owned).collect();
        let unnamed = self.ports.copies.bring(case, from, &named)?;

        let rescued = Rescued { from: state.device.clone(), kept_ms: state.kept_ms, unnamed };
        let entries = u64::try_from(state.lines.len()).unwrap_or(u64::MAX);
        if store.last_line()?.is_none() {
            store.commit(&change_of(&state, &rescued)?)?;
        }
        let mut chain = Chain::open(store, self.ports.clock.clone())?;
        if chain.head().seq == entries {
            let draft = self
                .draft(kinds::RESCUED)?
                .fact("from_device", state.device.as_str())
                .fact("entries", entries)
                .fact("head", chain.head().hash.to_string())
                .fact("kept", rfc3339(state.kept_ms));
            chain.commit(vec![draft], vec![])?;
        }
        self.cases.insert(case.clone(), chain);
        let files = self.payload(case)?;
        let mut count = 0_u32;
        for blob in files.iter().flat_map(|f| &f.blobs) {
            if !self.ports.copies.holds(case, blob)? {
                return Err(missing_blob());
            }
            count = count.saturating_add(1);
        }
        let index = CaseIndex { state: CaseState::Open, ..index };
        values.push(set(kind::CASE, case.as_str(), &index)?);
        self.rescue_done(case, rescued, (entries, count), values)
    }

    /// The case is one of this handheld's: the device journal says so, with what it keeps beside, and its recordings
    /// are settled as after a start. Journal lines and files are those that were taken over.
    pub(super) fn rescue_done(
        &mut self,
        case: &CaseId,
        rescued: Rescued,
        (entries, files): (u64, u32),
        values: Vec<(String, String, String)>,
    ) -> TroubleResult<RescuedCase> {
        let draft = self
            .draft(kinds::RESCUED)?
            .about(case.as_str())
            .fact("from_device", rescued.from.as_str())
            .fact("entries", entries);
        self.device_log()?.commit(vec![draft], values)?;
        self.note_heads()?;
        self.settle_recordings(case)?;
        Ok(RescuedCase {
            case: case.clone(),
            from: rescued.from,
            kept: rfc3339(rescued.kept_ms),
            entries,
            files,
            unnamed: rescued.unnamed,
        })
    }

    /// A case of this handheld that no PIN opens any more (R41): its keys came back from the centre, addressed to
    /// this handheld by intake or by two custodians. What lies here is the newer, and stays.
    fn recover_keys(
        &mut self,
        case: &CaseId,
        index: &CaseIndex,
        from: &mut dyn CopyFolder,
    ) -> TroubleResult<RescuedCase> {
        let device = self.device_id()?;
        let (shared, escrow) = keys_of_copy(case, &device, from)?;
        self.ports.keys.adopt_case(case, &shared, &escrow, &index.officers)?;
        self.cases.remove(case);
        if self.open_meta(case).is_ok() {
            let draft = self.draft("keys_recovered")?;
            self.commit(case, vec![draft], vec![])?;
        }
        let draft = self.draft("keys_recovered")?.about(case.as_str());
        self.journal_device(draft)?;
        let entries = self.case_chain(case)?.head().seq;
        let files = self.payload(case)?.iter().map(|f| f.blobs.len()).sum::<usize>();
        self.settle_recordings(case)?;
        Ok(RescuedCase {
            case: case.clone(),
            from: device,
            kept: rfc3339(self.now_ms()),
            entries,
            files: u32::try_from(files).unwrap_or(u32::MAX),
            unnamed: 0,
        })
    }

    /// Opens and checks the state of a copy; lines after which a journal takes no more are left out.
    fn read_state(&mut self, case: &CaseId, sealed: &[u8]) -> TroubleResult<State> {
        let plain = self.ports.keys.open_for_case(case, sealed)?;
        let damaged = || {
            troubles::copy("COPY-DAMAGED", "副本里的案卷状态已损坏", "换另一份副本，或交中心恢复")
        };
        let mut state: State = serde_json::from_slice(&plain).map_err(|_| damaged())?;
        let schema = if state.index.is_some() { STATE_SCHEMA } else { DOOR_SCHEMA };
        if state.schema != schema || state.case != *case {
            return Err(damaged());
        }
        verify_chain(state.lines.iter().map(String::as_bytes), ChainHead::START.hash)
            .map_err(|cause| damaged().because(cause))?;
        // Half-sealed there: the last line named a record that this handheld makes anew.
        let sealed_line = format!("\"subject\":\"{RECORD_PATH}\"");
        while state.lines.last().is_some_and(|line| line.contains(&sealed_line)) {
            state.lines.pop();
        }
        Ok(state)
    }
}

/// The keys of a case in its copy: for this handheld, and for the centre.
pub(super) fn keys_of_copy(
    case: &CaseId,
    device: &DeviceId,
    from: &mut dyn CopyFolder,
) -> TroubleResult<(Vec<u8>, Vec<u8>)> {
    let mut need = |name: &str, what: &str| {
        from.get(name)?.ok_or_else(|| {
            troubles::copy(
                "COPY-INCOMPLETE",
                &format!("副本里没有{what}"),
                "换另一份副本，或把副本交中心:spotcheck-center bundle add --for 本机编号",
            )
        })
    };
    let shared = need(&shared_keys_file(device.as_str()), "给本机的案卷密钥")?;
    Ok((shared, need(&format!("{case}.keys.age"), "案卷密钥")?))
}

/// A copy that was made before anybody unlocked after the case was opened: encrypted files, and nothing that says
/// what they are.
fn no_state() -> Trouble {
    troubles::copy(
        "COPY-NO-STATE",
        "副本里只有加密文件，没有案卷状态，单凭它恢复不了案卷",
        "换另一份副本；原手持机还在时，在上面解锁一次再存。副本不要删除",
    )
}

/// A file that the copy's own state names is not in it, or not whole.
pub(super) fn missing_blob() -> Trouble {
    troubles::copy(
        "COPY-INCOMPLETE",
        "副本缺少案卷提到的加密文件，或文件已损坏",
        "换另一份副本再试；已取回的部分不会重取",
    )
}

fn evidence_paths(state: &State) -> TroubleResult<Vec<String>> {
    let items = state.values.iter().filter(|(k, _, _)| k == kind::EVIDENCE);
    items
        .map(|(_, _, json)| {
            let item: Evidence = serde_json::from_str(json).map_err(troubles::stored_json)?;
            Ok(item.path)
        })
        .collect()
}

/// The whole database as one change, marked as rescued and not being sealed.
fn change_of(state: &State, rescued: &Rescued) -> TroubleResult<CaseChange> {
    let mut set_values = state.values.clone();
    for (of, _, json) in &mut set_values {
        if of == kind::META {
            let meta: Meta = serde_json::from_str(json).map_err(troubles::stored_json)?;
            let meta = Meta { sealing: None, done: false, rescued: Some(rescued.clone()), ..meta };
            *json = serde_json::to_string(&meta).map_err(troubles::stored_json)?;
        }
    }
    let lines = (1_u64..).zip(&state.lines);
    Ok(CaseChange {
        lines: lines
            .map(|(seq, line)| StoredLine { seq, line: line.clone().into_bytes() })
            .collect(),
        set: set_values,
    })
}
