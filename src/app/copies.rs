//! The second copy of what is not at the centre yet, and going on from one (evidence.md §1).
//!
//! Three parts. *Keeping*, here: what the case database says is written beside the blobs as one age file to
//! the case, intake and escrow (`state.age`), at every lock and once a minute while a visit goes on;
//! a sealed case gets its announcement instead. Everything of a case is then files that nobody without keys
//! can read. *Copying* takes these files to a stick or to a handheld nearby; it needs neither unlocking nor
//! the desk, and is no business of this module. A copy is consistent because the state is kept before the
//! blobs are listed: whatever the state names lies there already. [`Rounds`] says when it is done again.
//! *Letting go*: what the centre has received needs no second copy, and whoever holds one drops it.
//!
//! *Rescue* makes the copy an open case of this handheld. What waits at the door for a case has a state of its
//! own, without a journal, and becomes a case of the task that is named then.

mod acts;
mod door;
mod places;
mod release;
mod rescue;
mod rounds;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use spotcheck_domain::time::rfc3339;
use spotcheck_domain::{BundleId, CaseId, DeviceId, TroubleResult};
use spotcheck_evidence::Hash32;

use crate::desk::CaseState;
use crate::handheld::{Handheld, Listening};
use crate::model::{CaseIndex, Evidence};
use crate::ports::{Chosen, KeyRing, Partner, RescueFolder, SealedBundle, StoredFile};
use crate::troubles;

pub(crate) use door::beginning_with;
pub use rescue::RescuedCase;
use rescue::{keys_of_copy, missing_blob};
pub use rounds::Rounds;

/// Schema of the plaintext of [`STATE_FILE`].
pub const STATE_SCHEMA: &str = "spotcheck-case-state/1";
/// What the case database says, sealed.
pub const STATE_FILE: &str = "state.age";
/// Schema of [`STATE_FILE`] while nothing but what was captured at the door is there: no journal and no task yet.
pub const DOOR_SCHEMA: &str = "spotcheck-door-state/1";
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

/// What was last kept: when, and a hash per case and file.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    rounds: Rounds,
    released: BTreeSet<(CaseId, bool)>,
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
    /// None at the door.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    index: Option<CaseIndex>,
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
    /// False of a copy that lacks the state of the case: whoever has it alone cannot go on from it.
    pub state: bool,
}

/// What a link to a handheld nearby needs.
pub struct LinkKeys {
    /// mTLS certificate chain (PEM) and key (PKCS#8).
    pub identity: (String, zeroize::Zeroizing<Vec<u8>>),
    /// TLS root of the centre, PEM.
    pub roots: String,
    /// Id of the intake key.
    pub intake_id: String,
    /// C2SP vkey of the centre's log: under it a receipt is proven that another handheld shows.
    pub log_key: String,
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
        log_key: enrolment.log_key,
        me: Partner { device: enrolment.device, recipient },
    })
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

/// What could not be kept of one case is no reason to keep nothing of the others.
fn told_apart(case: &CaseId, kept: TroubleResult<()>) {
    if let Err(trouble) = kept {
        tracing::warn!(%case, code = %trouble.code, "A case is copied as it lies.");
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

    /// A recording is about to be settled: its fragments and lists go, and with the next round from the copy, too.
    /// What names its segments has to be kept before, or a copy of that minute has them and cannot say of what.
    pub(crate) fn keep_before_settling(&mut self, case: &CaseId) {
        if !self.ports.copies.configured() {
            return;
        }
        let kept = self
            .index_of(case)
            .and_then(|index| if index.practice { Ok(()) } else { self.keep_state(case, &index) });
        told_apart(case, kept);
    }

    /// Once a minute, for a program that stays: the second copy, and a look at what lies here.
    pub(crate) fn keep_copies_when_due(&mut self) {
        let now = self.ports.clock.read();
        if self.kept.rounds.due(&now, KEEP_MS) {
            self.kept.rounds.went(&now, true);
            self.keep_copies_if_configured();
            if self.listening != Listening::Never
                && let Err(trouble) = self.look_over_a_little()
            {
                tracing::warn!(code = %trouble.code, "What lies on the storage could not be looked at.");
            }
        }
    }

    /// Keeps what changed of every case that has no receipt yet, as far as the unlocked officer's keys go,
    /// and says which cases are to be copied. While locked, only what needs no key. A case that is damaged keeps no
    /// other one from it, and what lies of it is copied all the same.
    ///
    /// # Errors
    /// Not enrolled; the device's store cannot be read; a folder that cannot be written.
    pub fn keep_copies(&mut self) -> TroubleResult<()> {
        let partners = self.ports.copies.partners()?;
        let mut chosen = Vec::new();
        if let Some(case) = self.arrival()? {
            told_apart(&case, self.keep_door_state(&case));
            told_apart(&case, self.keep_early_copy(&case));
            told_apart(&case, self.share_with(&case, &partners));
            chosen.push(Chosen { case, bundle: None });
        }
        let mut gone = Vec::new();
        for (case, index) in self.case_index()?.into_iter().filter(|(_, i)| !i.practice) {
            match index.state {
                CaseState::Open => {
                    told_apart(&case, self.keep_state(&case, &index));
                    told_apart(&case, self.keep_early_copy(&case));
                    told_apart(&case, self.share_with(&case, &partners));
                }
                CaseState::Sealed | CaseState::Sent => {
                    told_apart(&case, self.keep_sealed(&index.bundle));
                }
                CaseState::Received | CaseState::Shredded => {
                    gone.push((case, index));
                    continue;
                }
            }
            chosen.push(Chosen { case, bundle: Some(index.bundle) });
        }
        self.journal_places(&chosen)?;
        self.release_copies(gone)?;
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
            index: Some(index.clone()),
            lines: lines
                .into_iter()
                .map(|line| String::from_utf8(line.line).map_err(troubles::stored))
                .collect::<TroubleResult<_>>()?,
            values,
        };
        let hash = Hash32::sha256(&state_json(&state)?);
        if self.kept.hashes.get(&(case.clone(), STATE_FILE)) == Some(&hash) {
            return Ok(());
        }
        state.kept_ms = kept_ms;
        let sealed = self.ports.keys.seal_for_case(case, &state_json(&state)?)?;
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
        for (case, index) in self.case_index()? {
            views.extend(self.copy_view(case, &index)?);
        }
        Ok(views)
    }

    /// The same of one case; `None` of one that needs no copy.
    fn copy_view(&mut self, case: CaseId, index: &CaseIndex) -> TroubleResult<Option<CopyView>> {
        if index.practice {
            return Ok(None);
        }
        let files = match index.state {
            CaseState::Received | CaseState::Shredded => return Ok(None),
            // Of one that does not open it cannot be said what it has.
            CaseState::Open => self.payload(&case).unwrap_or_default(),
            CaseState::Sealed | CaseState::Sent => self.sealed_files(&index.bundle)?,
        };
        let copied = self.ports.copies.copied(&case)?;
        let has = |name: &str| copied.as_ref().is_some_and(|c| c.files.contains(name));
        let blobs: Vec<String> =
            files.iter().flat_map(|f| &f.blobs).map(|b| blob_file(&b.ciphertext_sha256)).collect();
        Ok(Some(CopyView {
            files: u32::try_from(blobs.len()).unwrap_or(u32::MAX),
            without: u32::try_from(blobs.iter().filter(|b| !has(b)).count()).unwrap_or(u32::MAX),
            state: has(STATE_FILE) || has(SEALED_LABEL),
            copied: copied.as_ref().map(|c| rfc3339(c.at_ms)),
            place: copied.map(|c| c.place),
            case,
        }))
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
        // Without the state nobody can say what the encrypted files are: that is no copy.
        let stated = copied.files.contains(STATE_FILE);
        let single = |item: &Evidence| {
            let overdue = item.ended_ms.is_some_and(|at| now.saturating_sub(at) > OVERDUE_MS);
            let mut blobs = item.file.iter().flat_map(|f| &f.blobs);
            overdue
                && blobs
                    .any(|b| !stated || !copied.files.contains(&blob_file(&b.ciphertext_sha256)))
        };
        Ok(evidence.iter().filter(|(_, item)| single(item)).count())
    }
}

/// The plaintext of [`STATE_FILE`], wiped after use.
fn state_json(state: &State) -> TroubleResult<zeroize::Zeroizing<Vec<u8>>> {
    serde_json::to_vec(state).map(zeroize::Zeroizing::new).map_err(troubles::stored_json)
}

/// File of an encrypted blob in a copy.
fn blob_file(ciphertext_sha256: &str) -> String {
    format!("{ciphertext_sha256}.age")
}
