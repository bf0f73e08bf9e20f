//! The second copy of what is not at the centre yet, and going on from one (evidence.md §1).
//!
//! Two halves. *Keeping*, here: what the case database says is written beside the blobs as one age file to
//! the case, intake and escrow (`state.age`), at every lock and once a minute while a visit goes on;
//! a sealed case gets its announcement instead. Everything of a case is then files that nobody without keys
//! can read. *Copying* takes these files to a stick or to a handheld nearby; it needs neither unlocking nor
//! the desk, and is no business of this module. A copy is consistent because the state is kept before the
//! blobs are listed: whatever the state names lies there already.
//!
//! *Rescue* makes the copy an open case of this handheld. Its journal goes on with the line `rescued`, the
//! one place where the device of a journal changes; record, bag-info and completeness say so too.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use spotcheck_domain::time::rfc3339;
use spotcheck_domain::{BundleId, CaseId, DeviceId, TroubleResult};
use spotcheck_evidence::Hash32;
use spotcheck_evidence::journal::{ChainHead, kinds, verify_chain};
use spotcheck_evidence::record::RECORD_PATH;

use crate::chain::{Chain, set};
use crate::desk::CaseState;
use crate::handheld::Handheld;
use crate::model::{CaseIndex, Evidence, Meta, Rescued, kind};
use crate::ports::{
    CaseChange, CopyFolder, KeyRing, Partner, RescueFolder, SealedBundle, StoredFile, StoredLine,
};
use crate::troubles;

/// Schema of the plaintext of [`STATE_FILE`].
pub const STATE_SCHEMA: &str = "spotcheck-case-state/1";
/// What the case database says, sealed.
pub const STATE_FILE: &str = "state.age";
/// What was captured before the case could be written, sealed.
pub const EARLY_FILE: &str = "early.age";

/// Label of a rescue export: a copy that has it is of a sealed case.
const SEALED_LABEL: &str = "rescue.json";

/// True for what a copy may hold: a plain name, or `rec/<recording>/<file>`.
#[must_use]
pub fn is_copy_name(name: &str) -> bool {
    let plain = |part: &str| {
        let of_ids = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        (1..=100).contains(&part.len()) && !part.starts_with('.') && part.bytes().all(of_ids)
    };
    match name.split('/').collect::<Vec<_>>().as_slice() {
        [file] => plain(file),
        ["rec", recording, file] => plain(recording) && plain(file),
        _ => false,
    }
}

/// The case's keys for the handheld that holds the copy.
#[must_use]
pub fn shared_keys_file(device: &str) -> String {
    format!("keys-{device}.age")
}

/// Milliseconds after which something without a second copy is told.
const OVERDUE_MS: i64 = 300_000;
/// Milliseconds between two times of keeping.
const KEEP_MS: i64 = 60_000;

/// What was last kept: boot time of the last time, and a hash per case and file.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    last: Option<(String, i64)>,
    hashes: BTreeMap<(CaseId, &'static str), Hash32>,
    shared: BTreeSet<(CaseId, DeviceId)>,
    sealed: BTreeSet<BundleId>,
}

/// The database of a case in one piece.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    schema: String,
    case: CaseId,
    device: DeviceId,
    kept_ms: i64,
    index: CaseIndex,
    lines: Vec<String>,
    values: Vec<(String, String, String)>,
}

/// How the second copy of a case stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CopyView {
    /// The case.
    pub case: CaseId,
    /// When the newest copy was finished, RFC 3339.
    pub copied: Option<String>,
    /// Where it lies.
    pub place: Option<String>,
    /// Encrypted files of the case.
    pub files: u32,
    /// Those that no copy holds.
    pub without: u32,
}

/// What a link to a handheld nearby needs.
pub struct LinkKeys {
    /// mTLS certificate chain (PEM) and key (PKCS#8).
    pub identity: (String, zeroize::Zeroizing<Vec<u8>>),
    /// TLS root of the centre, PEM.
    pub roots: String,
    /// Id of the intake key.
    pub intake_id: String,
    /// This handheld as others know it.
    pub me: Partner,
}

/// [`LinkKeys`] of a key ring; works while locked.
///
/// # Errors
/// Not enrolled, or no officer yet.
pub fn link_keys(keys: &dyn KeyRing) -> TroubleResult<LinkKeys> {
    let enrolment = keys.enrolment()?.ok_or_else(troubles::not_enrolled)?;
    let recipient = keys.package_recipient()?.ok_or_else(troubles::not_enrolled)?;
    Ok(LinkKeys {
        identity: keys.tls_identity()?,
        roots: enrolment.tls_roots,
        intake_id: enrolment.intake_id,
        me: Partner { device: enrolment.device, recipient },
    })
}

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
            n => format!(";另有 {n} 段录制当时尚未记入日志,未列入"),
        };
        format!(
            "本案卷由手持机 {} 的第二副本恢复,副本截至 {},此后在该机上的内容不在内{unnamed}",
            self.from,
            rfc3339(self.kept_ms)
        )
    }
}

/// Keeps what the centre would be told, beside the case.
struct Beside<'a> {
    copies: &'a mut dyn crate::ports::Copies,
    case: CaseId,
}

impl RescueFolder for Beside<'_> {
    fn has(&mut self, name: &str, _bytes: &[u8]) -> TroubleResult<bool> {
        // Segments lie in the case's folder under their hash; only what is made anew is kept.
        Ok(name.len() == BLOB_NAME)
    }

    fn put(&mut self, name: &str, bytes: &[u8]) -> TroubleResult<()> {
        self.copies.keep(&self.case, name, bytes)
    }
}

/// Length of `<64 hex>.age`.
const BLOB_NAME: usize = 68;

impl Handheld {
    pub(crate) fn keep_copies_if_configured(&mut self) {
        if self.ports.copies.configured()
            && let Err(trouble) = self.keep_copies()
        {
            // The visit goes on; the completeness check counts what has no copy.
            tracing::warn!(code = %trouble.code, "Nothing could be kept for the second copy.");
        }
    }

    /// Once a minute, for a program that stays.
    pub(crate) fn keep_copies_when_due(&mut self) {
        let now = self.ports.clock.read();
        let due = self.kept.last.as_ref().is_none_or(|(boot, at)| {
            *boot != now.boot_id || now.boottime_ms.saturating_sub(*at) >= KEEP_MS
        });
        if due && self.ports.copies.configured() {
            self.kept.last = Some((now.boot_id, now.boottime_ms));
            self.keep_copies_if_configured();
        }
    }

    /// Keeps what changed of every case that has no receipt yet, as far as the unlocked officer's keys go,
    /// and says which cases are to be copied. While locked, only what needs no key.
    ///
    /// # Errors
    /// Not enrolled; a store that cannot be read; a folder that cannot be written.
    pub fn keep_copies(&mut self) -> TroubleResult<()> {
        let partners = self.ports.copies.partners()?;
        let mut chosen: Vec<CaseId> = self.arrival()?.into_iter().collect();
        for case in &chosen.clone() {
            self.keep_early_copy(case)?;
            self.share_with(case, &partners)?;
        }
        for (case, index) in self.case_index()?.into_iter().filter(|(_, i)| !i.practice) {
            match index.state {
                CaseState::Open => {
                    self.keep_state(&case, &index)?;
                    self.keep_early_copy(&case)?;
                    self.share_with(&case, &partners)?;
                }
                CaseState::Sealed | CaseState::Sent => self.keep_sealed(&index.bundle)?,
                CaseState::Received | CaseState::Shredded => continue,
            }
            chosen.push(case);
        }
        self.ports.copies.choose(&chosen)
    }

    fn keep_state(&mut self, case: &CaseId, index: &CaseIndex) -> TroubleResult<()> {
        let Some(me) = self.ports.keys.unlocked() else { return Ok(()) };
        if !index.officers.contains(&me) {
            return Ok(());
        }
        let device = self.device_id()?;
        let kept_ms = self.now_ms();
        let (lines, values) = self.case_chain(case)?.everything()?;
        if lines.is_empty() {
            return Ok(());
        }
        let mut state = State {
            schema: STATE_SCHEMA.to_owned(),
            case: case.clone(),
            device,
            kept_ms: 0,
            index: index.clone(),
            lines: lines
                .into_iter()
                .map(|line| String::from_utf8(line.line).map_err(troubles::stored))
                .collect::<TroubleResult<_>>()?,
            values,
        };
        let json = |state: &State| {
            serde_json::to_vec(state).map(zeroize::Zeroizing::new).map_err(troubles::stored_json)
        };
        let hash = Hash32::sha256(&json(&state)?);
        if self.kept.hashes.get(&(case.clone(), STATE_FILE)) == Some(&hash) {
            return Ok(());
        }
        state.kept_ms = kept_ms;
        let sealed = self.ports.keys.seal_for_case(case, &json(&state)?)?;
        self.ports.copies.keep(case, STATE_FILE, &sealed)?;
        self.kept.hashes.insert((case.clone(), STATE_FILE), hash);
        Ok(())
    }

    fn keep_early_copy(&mut self, case: &CaseId) -> TroubleResult<()> {
        let json = self.early_of(case)?.unwrap_or_else(|| b"[]".to_vec());
        let hash = Hash32::sha256(&json);
        if self.kept.hashes.get(&(case.clone(), EARLY_FILE)) != Some(&hash) {
            let sealed = self.ports.keys.seal_for_case(case, &json)?;
            self.ports.copies.keep(case, EARLY_FILE, &sealed)?;
            self.kept.hashes.insert((case.clone(), EARLY_FILE), hash);
        }
        Ok(())
    }

    fn share_with(&mut self, case: &CaseId, partners: &[Partner]) -> TroubleResult<()> {
        for partner in partners {
            let known = (case.clone(), partner.device.clone());
            if self.kept.shared.contains(&known) {
                continue;
            }
            // Locked, or a case of others: at somebody's next unlock.
            let Ok(shared) = self.ports.keys.share_case(case, &partner.recipient) else { continue };
            let name = shared_keys_file(partner.device.as_str());
            self.ports.copies.keep(case, &name, &shared)?;
            self.kept.shared.insert(known);
        }
        Ok(())
    }

    /// A sealed case goes home as a rescue export does.
    fn keep_sealed(&mut self, bundle: &BundleId) -> TroubleResult<()> {
        if self.kept.sealed.contains(bundle) {
            return Ok(());
        }
        let all = self.sealed_bundles()?;
        let Some((_, sealed)) = all.into_iter().find(|(_, s)| s.bundle == *bundle) else {
            return Ok(());
        };
        let ports = &mut self.ports;
        // Busy with an errand: next time.
        let Ok(mut centre) = Self::centre_now(&ports.centre) else { return Ok(()) };
        let mut beside = Beside { copies: ports.copies.as_mut(), case: sealed.case.clone() };
        centre.rescue(ports.keys.as_mut(), ports.blobs.as_mut(), &sealed, &mut beside)?;
        drop(centre);
        self.kept.sealed.insert(bundle.clone());
        Ok(())
    }

    /// Who this handheld is to one nearby: its keys for the link, and the TLS root that both are under.
    ///
    /// # Errors
    /// Not enrolled, or no officer yet.
    pub fn link_keys(&self) -> TroubleResult<LinkKeys> {
        link_keys(self.ports.keys.as_ref())
    }

    /// The same for work beside the desk, where enrolment may come later.
    #[must_use]
    pub fn keys_beside(&self) -> Box<dyn KeyRing> {
        self.ports.keys.handle()
    }

    /// How the second copies of all cases without a receipt stand.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub fn copy_views(&mut self) -> TroubleResult<Vec<CopyView>> {
        let mut views = Vec::new();
        for (case, index) in self.case_index()?.into_iter().filter(|(_, i)| !i.practice) {
            let files = match index.state {
                CaseState::Received | CaseState::Shredded => continue,
                CaseState::Open => self.payload(&case)?,
                CaseState::Sealed | CaseState::Sent => self.sealed_files(&index.bundle)?,
            };
            let copied = self.ports.copies.copied(&case)?;
            let has = |name: &str| copied.as_ref().is_some_and(|c| c.files.contains(name));
            let blobs: Vec<String> = files
                .iter()
                .flat_map(|f| &f.blobs)
                .map(|b| blob_file(&b.ciphertext_sha256))
                .collect();
            views.push(CopyView {
                files: u32::try_from(blobs.len()).unwrap_or(u32::MAX),
                without: u32::try_from(blobs.iter().filter(|b| !has(b)).count())
                    .unwrap_or(u32::MAX),
                copied: copied.as_ref().map(|c| rfc3339(c.at_ms)),
                place: copied.map(|c| c.place),
                case,
            });
        }
        Ok(views)
    }

    fn sealed_files(&mut self, bundle: &BundleId) -> TroubleResult<Vec<StoredFile>> {
        let all: Vec<(String, SealedBundle)> = self.sealed_bundles()?;
        Ok(all
            .into_iter()
            .find(|(_, s)| s.bundle == *bundle)
            .map(|(_, s)| s.files)
            .unwrap_or_default())
    }

    /// Evidence that was closed more than five minutes ago and lies in no second copy, where one is wanted.
    pub(crate) fn without_copy(
        &mut self,
        case: &CaseId,
        evidence: &[(String, Evidence)],
    ) -> TroubleResult<usize> {
        if !self.ports.copies.configured() {
            return Ok(0);
        }
        let copied = self.ports.copies.copied(case)?.unwrap_or_default();
        let now = self.now_ms();
        let single = |item: &Evidence| {
            item.ended_ms.is_some_and(|at| now.saturating_sub(at) > OVERDUE_MS)
                && item
                    .file
                    .iter()
                    .flat_map(|f| &f.blobs)
                    .any(|b| !copied.files.contains(&blob_file(&b.ciphertext_sha256)))
        };
        Ok(evidence.iter().filter(|(_, item)| single(item)).count())
    }

    /// Goes on with another handheld's case from its second copy. Needs an unlocked officer of the case and
    /// the case's keys for this handheld in the copy. May be repeated after a kill. Of a case of this handheld
    /// that no PIN opens any more, only the keys are taken.
    ///
    /// # Errors
    /// `COPY-…`: no copy of an open case, not for this handheld, incomplete, damaged; a case that is here
    /// already; an officer who is not on the task.
    pub fn rescue_case(
        &mut self,
        case: &CaseId,
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
        if from.get(SEALED_LABEL)?.is_some() {
            return Err(troubles::copy(
                "COPY-SEALED",
                "这个案卷当时已封存",
                "把副本交中心:spotcheck-center bundle add",
            ));
        }
        let mut need = |name: &str, what: &str| {
            from.get(name)?.ok_or_else(|| {
                troubles::copy(
                    "COPY-INCOMPLETE",
                    &format!("副本里没有{what}"),
                    "换另一份副本,或交中心恢复",
                )
            })
        };
        let escrow = need(&format!("{case}.keys.age"), "案卷密钥")?;
        let own = shared_keys_file(self.device_id()?.as_str());
        let shared = need(&own, "给本机的案卷密钥")?;
        let sealed_state = need(STATE_FILE, "案卷状态")?;
        self.ports.keys.adopt_case(case, &shared, &escrow, &[])?;
        let state = self.read_state(case, &sealed_state)?;
        if !self.my_task(&state.index.task)?.officers.iter().any(|o| o.id == me) {
            return Err(troubles::not_your_task());
        }
        self.ports.keys.assign_case(case, &state.index.officers)?;
        let early = match from.get(EARLY_FILE)? {
            Some(sealed) => Some(self.ports.keys.open_for_case(case, &sealed)?),
            None => None,
        };
        // The store first: later, beside blobs, a missing one would be taken for a loss.
        let key = self.ports.keys.case_key(case)?;
        let mut store = self.ports.stores.case_store(case, &key)?;
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
                return Err(troubles::copy(
                    "COPY-INCOMPLETE",
                    "副本缺少案卷提到的加密文件,或文件已损坏",
                    "换另一份副本再试;已取回的部分不会重取",
                ));
            }
            count = count.saturating_add(1);
        }
        let index = CaseIndex { state: CaseState::Open, ..state.index };
        values.push(set(kind::CASE, case.as_str(), &index)?);
        let draft = self
            .draft(kinds::RESCUED)?
            .about(case.as_str())
            .fact("from_device", state.device.as_str())
            .fact("entries", entries);
        self.device_log()?.commit(vec![draft], values)?;
        self.settle_recordings(case)?;
        Ok(RescuedCase {
            case: case.clone(),
            from: rescued.from,
            kept: rfc3339(rescued.kept_ms),
            entries,
            files: count,
            unnamed,
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
        let lacking = |what: &str| {
            troubles::copy(
                "COPY-INCOMPLETE",
                &format!("副本里没有{what}"),
                "把副本交中心:spotcheck-center bundle add --for 本机编号",
            )
        };
        let shared = from.get(&shared_keys_file(device.as_str()))?;
        let shared = shared.ok_or_else(|| lacking("给本机的案卷密钥"))?;
        let escrow = from.get(&format!("{case}.keys.age"))?;
        let escrow = escrow.ok_or_else(|| lacking("案卷密钥"))?;
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
            troubles::copy("COPY-DAMAGED", "副本里的案卷状态已损坏", "换另一份副本,或交中心恢复")
        };
        let mut state: State = serde_json::from_slice(&plain).map_err(|_| damaged())?;
        if state.schema != STATE_SCHEMA || state.case != *case {
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

/// File of an encrypted blob in a copy.
fn blob_file(ciphertext_sha256: &str) -> String {
    format!("{ciphertext_sha256}.age")
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
