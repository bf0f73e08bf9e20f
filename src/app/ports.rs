//! What the use cases need from the outside, as traits; the adapters live in `store`, `vault`, `device`,
//! `print`, `sync/client` and, for packages and documents, in the handheld's composition root.
//!
//! Ports are cut by what one act needs, not by technology, and every one of them returns
//! [`Trouble`](spotcheck_domain::Trouble), so that a use case never has to translate an error.

mod blobs;
mod centre;
mod copies;
mod exports;
mod place;
mod playing;
mod probes;
mod recorder;
mod stores;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use spotcheck_domain::claims::ClaimsReader;
use spotcheck_domain::reference::{ReferenceReader, SourceReport};
use spotcheck_domain::task::{Task, TaskOfficer};
use spotcheck_domain::vocabulary::KeyProtection;
use spotcheck_domain::{
    CaseId, ClockReading, DeviceId, OfficerId, PackageId, TaskId, TroubleResult,
};
use zeroize::Zeroizing;

use crate::budget::{Charge, Rates};
use crate::desk::{AnswerView, OfficerCard, PrinterView, Stroke};
use crate::reference::AddedSource;

pub use self::blobs::{Blob, BlobVault, StoredFile};
pub use self::centre::{Centre, Pulled, Receipt, RescueFolder, SealedBundle, TimeProof};
pub use self::copies::{
    Chosen, Copied, Copies, CopyFolder, CopyPlace, CopyPlan, CopyRound, Dropped, ExportRoom,
    FoundCopy, Heard, HeldCopy, Partner, Released,
};
pub use self::exports::{ExportFile, Exports};
pub use self::place::{Fix, Locator, NoLocator, PlaceState};
pub use self::playing::{Part, Picture, Playback, Player, RecordingBytes};
pub use self::probes::Probes;
pub use self::recorder::{Recorder, RecordingOrder, RecordingOutcome, RecordingProgress, Unclosed};
pub use self::stores::{CaseChange, CaseStore, HEAD, SALVAGED, SALVAGED_KEY, StoredLine, Stores};

/// A raw 256-bit key that is wiped when dropped.
pub type Key256 = Zeroizing<[u8; 32]>;

/// A signing request of the device, made before it has certificates (PKCS#10, DER).
#[derive(Debug, Clone)]
pub struct DeviceRequest {
    /// For mTLS.
    pub tls_csr: Vec<u8>,
    /// For evidence signatures: another key than the mTLS key.
    pub evidence_csr: Vec<u8>,
}

/// What enrolment brings back for the device; stored as one durable step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceEnrolment {
    /// The id the centre gave: `serialNumber` of both certificates.
    pub device: DeviceId,
    /// Centre's base address, `https://host:port`.
    pub centre: String,
    /// mTLS certificate and its chain, PEM.
    pub tls_chain: String,
    /// Evidence certificate and its chain, PEM.
    pub evidence_chain: String,
    /// Roots for evidence signatures and the centre's package signature, PEM.
    pub roots: String,
    /// Root for the centre's TLS certificate, PEM.
    pub tls_roots: String,
    /// Roots for time stamps, PEM; empty where the centre uses none.
    pub tsa_roots: String,
    /// Intake recipient, `age1…`, and its id.
    pub intake: String,
    /// Id of the intake key, recorded per blob.
    pub intake_id: String,
    /// Escrow recipient, `age1…`.
    pub escrow: String,
    /// C2SP vkey of the centre's log.
    pub log_key: String,
    /// Signed policy of the centre (`spotcheck-policy/1`, canonical JSON).
    pub policy: String,
}

/// What enrolment brings back for an officer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfficerEnrolment {
    /// The officer: `serialNumber` of the certificate.
    pub officer: OfficerId,
    /// Name.
    pub name: String,
    /// Officer certificate and its chain, PEM.
    pub chain: String,
}

/// Keys: device secret, officers' wraps, case keys, signing (evidence.md §1, §4). Implemented by `vault`.
pub trait KeyRing: Send {
    /// Another handle to the same keys, for work beside the desk.
    fn handle(&self) -> Box<dyn KeyRing>;
    /// How keys are protected here.
    fn protection(&self) -> KeyProtection;
    /// The device's enrolment, if any.
    fn enrolment(&self) -> TroubleResult<Option<DeviceEnrolment>>;
    /// Officers with a key here.
    fn officers(&self) -> TroubleResult<Vec<OfficerCard>>;
    /// Who has unlocked.
    fn unlocked(&self) -> Option<OfficerId>;

    /// Makes the device's two key pairs (kept aside until [`KeyRing::install_device`]) and the requests.
    fn request_device(&mut self) -> TroubleResult<DeviceRequest>;
    /// Keeps keys, certificates and trust of the device: all or nothing.
    fn install_device(&mut self, enrolment: &DeviceEnrolment) -> TroubleResult<()>;
    /// Makes an officer's signing key under `pin` (policy of PIN lengths checked here) and the request.
    fn request_officer(
        &mut self,
        officer: &OfficerId,
        pin: &SecretString,
    ) -> TroubleResult<Vec<u8>>;
    /// Keeps the officer's key and certificate: all or nothing. The first officer of a device also makes
    /// its package identity; later ones get it wrapped when an officer who has it is unlocked.
    fn install_officer(&mut self, enrolment: &OfficerEnrolment) -> TroubleResult<()>;
    /// Takes another intake key of the same centre (`age1…` and its id) into the enrolment, and nothing else of it.
    /// New cases are sealed for it; a case keeps the key it was begun with. Works while locked.
    fn learn_intake(&mut self, intake: &str, id: &str) -> TroubleResult<()>;
    /// Ids of the intake keys that something here may be sealed for, the present one first; `unknown` for a case
    /// that was taken over from another handheld. The centre keeps them until nobody names them any more.
    fn intake_keys(&self) -> TroubleResult<Vec<String>>;
    /// Public recipient (`age1…`) to which package keys for this handheld are wrapped.
    fn package_recipient(&self) -> TroubleResult<Option<String>>;
    /// The same as it will be once the officer, whose request was just made, is installed: whoever is the
    /// first, or the last who forgot a PIN, brings a new package identity, and the ticket vouches for it.
    fn package_recipient_with(&self, _officer: &OfficerId) -> TroubleResult<Option<String>> {
        self.package_recipient()
    }

    /// Unlocks. A wrong PIN is `VAULT-PIN-WRONG` (verdict), with a growing delay as courtesy.
    fn unlock(&mut self, officer: &OfficerId, pin: &SecretString) -> TroubleResult<()>;
    /// The PIN an officer typed for the token that is a second factor of the own PIN. Kept in memory until
    /// [`KeyRing::lock`]; alone it opens nothing.
    fn token_pin(&mut self, officer: &OfficerId, pin: SecretString);
    /// Forgets everything that unlocking gave, and what was typed for tokens.
    fn lock(&mut self);

    /// Another PIN for an officer, checked like at an unlock and by the policy; everything else stays.
    fn change_pin(
        &mut self,
        officer: &OfficerId,
        old: &SecretString,
        new: &SecretString,
    ) -> TroubleResult<()>;
    /// Makes the connected token a second factor of an officer's PIN, or stops asking for it.
    fn use_token(&mut self, officer: &OfficerId, pin: &SecretString, on: bool)
    -> TroubleResult<()>;

    /// A key derived from the device secret alone, for what must work while locked (device journal,
    /// outbox). `purpose` separates them.
    fn boot_key(&self, purpose: &str) -> TroubleResult<Key256>;
    /// mTLS identity: certificate chain PEM and private key PKCS#8 DER. Works while locked.
    fn tls_identity(&self) -> TroubleResult<(String, Zeroizing<Vec<u8>>)>;

    /// Makes the keys of a case: database key and age identity, each wrapped for every officer named that
    /// has a key here (the unlocked one at least) and written, with fsync, to `<case>.keys.age` for intake
    /// and escrow. Returns before anything is written into the case.
    fn create_case(&mut self, case: &CaseId, officers: &[OfficerId]) -> TroubleResult<()>;
    /// Database key of a case; needs unlocking by an officer of the case.
    fn case_key(&mut self, case: &CaseId) -> TroubleResult<Key256>;
    /// `<case>.keys.age` as written at creation.
    fn case_escrow(&self, case: &CaseId) -> TroubleResult<Vec<u8>>;
    /// Unwraps a package key (base64 age text or binary of package.json's recipients); needs unlocking.
    fn unwrap_package_key(&mut self, wrapped: &[u8]) -> TroubleResult<Key256>;
    /// Encrypts to intake and escrow alone (an age file): for what leaves on a stick. Works while locked.
    fn seal_for_centre(&self, plaintext: &[u8]) -> TroubleResult<Vec<u8>>;
    /// Encrypts to a case, intake and escrow (an age file): for the second copy. Works while locked.
    fn seal_for_case(&self, case: &CaseId, plaintext: &[u8]) -> TroubleResult<Vec<u8>>;
    /// Opens what [`KeyRing::seal_for_case`] made; needs unlocking by an officer of the case.
    fn open_for_case(&mut self, case: &CaseId, sealed: &[u8]) -> TroubleResult<Zeroizing<Vec<u8>>>;
    /// The keys of a case for another handheld of the task: an age file to its package recipient. Needs
    /// unlocking by an officer of the case.
    fn share_case(&mut self, case: &CaseId, recipient: &str) -> TroubleResult<Vec<u8>>;
    /// Takes over the keys of another handheld's case: `shared` from [`KeyRing::share_case`] there, or from
    /// the centre; `escrow` is its `<case>.keys.age`. Wrapped for these officers and the unlocked one. The
    /// same keys again change nothing.
    fn adopt_case(
        &mut self,
        case: &CaseId,
        shared: &[u8],
        escrow: &[u8],
        officers: &[OfficerId],
    ) -> TroubleResult<()>;
    /// Destroys all wraps of a case key.
    fn shred_case(&mut self, case: &CaseId) -> TroubleResult<()>;

    /// Encrypts to the unlocked officer alone (an age file).
    fn seal_own(&self, plaintext: &[u8]) -> TroubleResult<Vec<u8>>;
    /// Opens what [`KeyRing::seal_own`] made for the unlocked officer.
    fn open_own(&self, sealed: &[u8]) -> TroubleResult<Zeroizing<Vec<u8>>>;
    /// Leaves the keys of a case to these officers and the unlocked one; whoever else had them loses them.
    /// For the arrival case, which was prepared for everybody here.
    fn assign_case(&mut self, case: &CaseId, officers: &[OfficerId]) -> TroubleResult<()>;

    /// Certificate chain of an officer, PEM.
    fn officer_chain(&self, officer: &OfficerId) -> TroubleResult<String>;
    /// Detached CMS by the device's evidence key.
    fn sign_as_device(&self, content: &[u8], at: &ClockReading) -> TroubleResult<Vec<u8>>;
    /// Detached CMS by an officer: the key is unsealed by the PIN for this one signature.
    fn sign_as_officer(
        &mut self,
        officer: &OfficerId,
        pin: &SecretString,
        content: &[u8],
        at: &ClockReading,
    ) -> TroubleResult<Vec<u8>>;
}

/// A package that was opened.
pub struct OpenedPackage {
    /// The package.
    pub id: PackageId,
    /// SHA-256 of package.json.
    pub sha256: String,
    /// Its claims.
    pub reader: Box<dyn ClaimsReader>,
}

/// A package on this handheld as found on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageOnDisk {
    /// The package.
    pub id: PackageId,
    /// SHA-256 of package.json.
    pub sha256: String,
    /// Bytes of all files.
    pub size: u64,
    /// RFC 3339.
    pub valid_from: String,
    /// RFC 3339.
    pub valid_until: String,
    /// Newest upload of fee lines, as text.
    pub cutoff: Option<String>,
    /// Identity of the files on disk (size, mtime, inode, hash), for the record of the last full check.
    pub fingerprint: String,
}

/// Data packages on this handheld. Implemented in the composition root over `claims`, `evidence`, `vault`.
pub trait Packages: Send {
    /// Another handle to the same packages, for work beside the desk.
    fn handle(&self) -> Box<dyn Packages>;
    /// The package of a task, if one is there.
    fn find(&mut self, task: &TaskId) -> TroubleResult<Option<PackageOnDisk>>;
    /// Full check: centre's signature, hashes, database integrity, counts. `key` from
    /// [`KeyRing::unwrap_package_key`].
    fn check(
        &mut self,
        task: &TaskId,
        keys: &mut dyn KeyRing,
        at: &ClockReading,
    ) -> TroubleResult<()>;
    /// Opens: signature, validity and the record of the last full check (its fingerprint).
    fn open(
        &mut self,
        task: &TaskId,
        keys: &mut dyn KeyRing,
        at: &ClockReading,
        checked_fingerprint: &str,
    ) -> TroubleResult<OpenedPackage>;
}

/// Reference data on this handheld. Implemented in the composition root over `claims`.
pub trait References: Send {
    /// `reference.db` of a task's package, under the same conditions as [`Packages::open`] but without its
    /// key: it is public. `None`: the package has none.
    fn of_package(
        &mut self,
        task: &TaskId,
        keys: &dyn KeyRing,
        at: &ClockReading,
        checked_fingerprint: &str,
    ) -> TroubleResult<Option<Box<dyn ReferenceReader>>>;
    /// What officers added here; `None`: nothing yet.
    fn added(&mut self) -> TroubleResult<Option<Box<dyn ReferenceReader>>>;
    /// Adds a source, durable before it returns; a file that is here already changes nothing.
    fn add(&mut self, source: &AddedSource) -> TroubleResult<SourceReport>;
}

/// A rendered document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// PDF/A-2b bytes, equal for equal input.
    pub pdf: Vec<u8>,
    /// Pages.
    pub pages: u32,
}

/// What is printed over a frozen document, different on each copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrintOverlay {
    /// Document id, e.g. `D1`.
    pub document: String,
    /// Version.
    pub version: u32,
    /// Copy number, from 1.
    pub copy: u32,
    /// Copies in all.
    pub copies: u32,
    /// First 16 hex digits of the content hash.
    pub content: String,
    /// First 16 hex digits of the case journal's head.
    pub journal_head: String,
}

/// A handwritten signature to be drawn into a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrawnSignature {
    /// `party-1`, officer id …
    pub signer: String,
    /// Name.
    pub name: String,
    /// Vocabulary `Capacity` text.
    pub capacity: String,
    /// Wall time, unix milliseconds.
    pub at_ms: i64,
    /// Strokes on an 800 × 300 pad.
    pub strokes: Vec<Stroke>,
}

/// A field of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormField {
    /// Stable key.
    pub key: String,
    /// Label on screen and paper.
    pub label: String,
    /// Must not be empty.
    pub required: bool,
    /// Several lines.
    pub multiline: bool,
    /// Filled by the program.
    pub fixed: bool,
}

/// A form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormInfo {
    /// `W03` …
    pub id: String,
    /// Title.
    pub title: String,
    /// SHA-256 of the template.
    pub template_sha256: String,
    /// Fields in order.
    pub fields: Vec<FormField>,
    /// Has questions and answers.
    pub interview: bool,
    /// The party signs it, before any officer does.
    pub party_signs: bool,
}

/// A form as filled so far: what the elements file is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormDraft {
    /// `W03` …
    pub form: String,
    /// Field key and text.
    pub fields: Vec<(String, String)>,
    /// Officers in signing order.
    pub officers: Vec<TaskOfficer>,
    /// Legal basis, clause by clause.
    pub basis: Vec<String>,
    /// Questions and answers, oldest first.
    pub answers: Vec<AnswerView>,
}

/// Forms and their rendering. Implemented in the composition root over `documents`.
pub trait Forms: Send {
    /// The form, if it exists.
    fn form(&self, id: &str) -> TroubleResult<FormInfo>;
    /// What is missing before it can be frozen, in Chinese names (may be empty); characters that the font
    /// cannot print are named here too.
    fn missing(&self, draft: &FormDraft) -> TroubleResult<Vec<String>>;
    /// The elements file (RFC 8785) whose SHA-256 is the content hash.
    fn elements_file(&self, draft: &FormDraft) -> TroubleResult<Vec<u8>>;
    /// PDF/A-2b of an elements file, dated `frozen_ms`, with signatures drawn in where given.
    fn render(
        &self,
        elements_file: &[u8],
        frozen_ms: i64,
        signatures: &[DrawnSignature],
    ) -> TroubleResult<Rendered>;
    /// The PDF of one copy with its overlay.
    fn render_copy(
        &self,
        elements_file: &[u8],
        frozen_ms: i64,
        overlay: &PrintOverlay,
    ) -> TroubleResult<Rendered>;
    /// One page as PNG, `width` pixels wide; pages count from 1; a draft is marked 草稿.
    fn page_image(
        &self,
        elements_file: &[u8],
        frozen_ms: i64,
        signatures: &[DrawnSignature],
        page: u32,
        width: u32,
        draft: bool,
    ) -> TroubleResult<Vec<u8>>;
    /// The words that are read aloud when a visit of this task begins, paragraph by paragraph.
    fn opening(&self, task: &Task, now_ms: i64) -> TroubleResult<Vec<String>>;
    /// Strokes as the SVG that goes into the bag.
    fn strokes_svg(&self, strokes: &[Stroke]) -> TroubleResult<Vec<u8>>;
}

/// A printer. Implemented by `print`.
pub trait Printer: Send {
    /// Printers that answer.
    fn printers(&mut self) -> TroubleResult<Vec<PrinterView>>;
    /// Sends a PDF and waits until the printer says it is done; returns the job number.
    fn print(&mut self, uri: &str, job_name: &str, pdf: &[u8]) -> TroubleResult<i64>;
}

/// The device around the program. Implemented by `device`.
pub trait Machine: Send {
    /// Free bytes where the data folder lies.
    fn free_bytes(&self) -> TroubleResult<u64>;
    /// Model for statement.json, if known.
    fn model(&self) -> Option<String>;
    /// The battery, if there is one.
    fn charge(&self) -> Option<Charge> {
        None
    }
    /// How fast recordings fill the storage, and what is kept free.
    fn rates(&self) -> Rates {
        Rates::default()
    }
}
