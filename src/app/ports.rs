//! What the use cases need from the outside, as traits; the adapters live in `store`, `vault`, `device`,
//! `print`, `sync/client` and, for packages and documents, in the handheld's composition root.
//!
//! Ports are cut by what one act needs, not by technology, and every one of them returns
//! [`Trouble`], so that a use case never has to translate an error.

mod copies;
mod stores;

use std::sync::Arc;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use spotcheck_domain::claims::ClaimsReader;
use spotcheck_domain::grid::Grid;
use spotcheck_domain::reference::{ReferenceReader, SourceReport};
use spotcheck_domain::task::{Task, TaskOfficer};
use spotcheck_domain::vocabulary::KeyProtection;
use spotcheck_domain::{
    BundleId, CaseId, ClockReading, DeviceId, OfficerId, PackageId, TaskId, Trouble, TroubleResult,
};
use zeroize::Zeroizing;

use crate::compare::FreshFile;
use crate::desk::{AnswerView, OfficerCard, PrinterView, RecordingKind, Stroke};
use crate::errand::Watch;
use crate::reference::AddedSource;

pub use self::copies::{Copied, Copies, CopyFolder, Partner};
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
    /// Public recipient (`age1…`) to which package keys for this handheld are wrapped.
    fn package_recipient(&self) -> TroubleResult<Option<String>>;

    /// Unlocks. A wrong PIN is `VAULT-PIN-WRONG` (verdict), with a growing delay as courtesy.
    fn unlock(&mut self, officer: &OfficerId, pin: &SecretString) -> TroubleResult<()>;
    /// Forgets everything that unlocking gave.
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

/// One segment (or whole small file) in the vault: the unit of upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blob {
    /// Path in the bag.
    pub path: String,
    /// 0, 1 … ; the file is the concatenation of the plaintexts.
    pub index: u32,
    /// Lower-case hex over the age file.
    pub ciphertext_sha256: String,
    /// Bytes of the age file.
    pub ciphertext_size: u64,
    /// Lower-case hex over this segment's plaintext.
    pub plaintext_sha256: String,
    /// Bytes of this segment's plaintext.
    pub size: u64,
    /// Id of the intake key it is encrypted to.
    pub intake_id: String,
}

/// A whole payload file as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredFile {
    /// Path in the bag.
    pub path: String,
    /// SHA-256 of the whole plaintext, lower-case hex.
    pub sha256: String,
    /// SM3 of the whole plaintext, lower-case hex.
    pub sm3: String,
    /// Bytes of plaintext.
    pub size: u64,
    /// Segments in order.
    pub blobs: Vec<Blob>,
}

/// Encrypted blobs of a case. Implemented by `vault`.
pub trait BlobVault: Send {
    /// Another handle to the same blobs, for work beside the desk.
    fn handle(&self) -> Box<dyn BlobVault>;
    /// Encrypts a small file whole to case, intake and escrow; fsync on file and folder before it returns.
    /// Needs no unlocking.
    fn put(&mut self, case: &CaseId, path: &str, plaintext: &[u8]) -> TroubleResult<StoredFile>;
    /// The whole plaintext of a file; needs unlocking by an officer of the case. For page images and
    /// prints, not for long media.
    fn read(&mut self, case: &CaseId, file: &StoredFile) -> TroubleResult<Zeroizing<Vec<u8>>>;
    /// The age bytes of one blob, for upload: works while locked.
    fn ciphertext(&mut self, case: &CaseId, blob: &Blob) -> TroubleResult<Vec<u8>>;
    /// Removes the folder of a case whose keys were destroyed; does nothing for any other.
    fn remove_shredded(&mut self, case: &CaseId) -> TroubleResult<()>;
}

/// How a recording ended, as the recorder or the recovery after a crash tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordingOutcome {
    /// The media file: its segments are closed and durable.
    pub media: StoredFile,
    /// The recording log, stored as a blob as well.
    pub log: StoredFile,
    /// Number of fragments = lines of the log.
    pub fragments: u64,
    /// SHA-256 of the log's first line.
    pub log_first: String,
    /// SHA-256 of the log's last line.
    pub log_head: String,
    /// Milliseconds of media.
    pub duration_ms: u64,
    /// True if it was closed by the recovery, not by a stop.
    pub recovered: bool,
}

/// Where a running recording stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordingProgress {
    /// Milliseconds durable.
    pub stored_ms: u64,
    /// Level of the last fragment, 0–100.
    pub level: u8,
    /// False once the recorder process is gone.
    pub alive: bool,
}

/// Recordings that were not closed yet, as storage shows them: those that run, and those that were cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unclosed {
    /// How many a recorder process holds.
    pub running: u32,
    /// Milliseconds of these on storage.
    pub running_ms: u64,
    /// How many nobody holds any more.
    pub cut_off: u32,
    /// Milliseconds of these on storage.
    pub cut_off_ms: u64,
}

impl Unclosed {
    /// One more recording.
    pub const fn add(&mut self, running: bool, stored_ms: u64) {
        let (count, sum) = if running {
            (&mut self.running, &mut self.running_ms)
        } else {
            (&mut self.cut_off, &mut self.cut_off_ms)
        };
        *count = count.saturating_add(1);
        *sum = sum.saturating_add(stored_ms);
    }

    /// Both together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            running: self.running.saturating_add(other.running),
            running_ms: self.running_ms.saturating_add(other.running_ms),
            cut_off: self.cut_off.saturating_add(other.cut_off),
            cut_off_ms: self.cut_off_ms.saturating_add(other.cut_off_ms),
        }
    }
}

/// What a recording is to become.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordingOrder {
    /// The case it belongs to.
    pub case: CaseId,
    /// Media path in the bag, e.g. `data/media/0002.ogg`.
    pub path: String,
    /// Path of its log in the bag, e.g. `data/media/0002.log.jsonl`.
    pub log_path: String,
    /// Audio or video.
    pub kind: RecordingKind,
    /// SHA-256 of the `capture_started` line, or 64 zeros while locked.
    pub first_prev: String,
    /// The handheld, for the log's lines.
    pub device: DeviceId,
}

/// The recorder: a child process of its own with write-only keys. Composed of `device` and `vault`.
pub trait Recorder: Send {
    /// Starts; returns when the first fragment is durable.
    fn start(&mut self, order: &RecordingOrder) -> TroubleResult<()>;
    /// Where it stands; `None` if no such recording runs.
    fn progress(&mut self, case: &CaseId, path: &str) -> TroubleResult<Option<RecordingProgress>>;
    /// Stops and closes.
    fn stop(&mut self, case: &CaseId, path: &str) -> TroubleResult<RecordingOutcome>;
    /// Closes what a crash left behind for this case: every recording with fragments or segments on disk
    /// that no running recorder owns.
    fn recover(&mut self, case: &CaseId) -> TroubleResult<Vec<(RecordingOrder, RecordingOutcome)>>;
    /// SHA-256 of the first line of a recording's log, running or ended; `None` if there is none. Needs no
    /// unlocking.
    fn first_line(&mut self, case: &CaseId, path: &str) -> TroubleResult<Option<String>>;
    /// Recordings of the case that were not closed yet. Needs no unlocking.
    fn unclosed(&mut self, _case: &CaseId) -> TroubleResult<Unclosed> {
        Ok(Unclosed::default())
    }
    /// The case journal names media and log of this recording now: what was kept for a repetition may go.
    fn settle(&mut self, case: &CaseId, path: &str) -> TroubleResult<()>;
    /// Keeps the last seconds of sound in memory only, or wipes them; milliseconds kept. A sound recording
    /// that starts begins with them.
    fn listen_ahead(&mut self, _on: bool) -> TroubleResult<u64> {
        Ok(0)
    }
    /// One photo: the camera's own JPEG bytes.
    fn photo(&mut self) -> TroubleResult<Zeroizing<Vec<u8>>>;
    /// The newest viewfinder picture, JPEG.
    fn viewfinder(&mut self) -> TroubleResult<Option<Vec<u8>>>;
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
}

/// What a pull brings besides tasks; kept for sealing (evidence.md §3).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TimeProof {
    /// Newest `time/1` entry (canonical JSON bytes as text).
    pub time_entry: String,
    /// C2SP tlog-proof of that entry.
    pub time_proof: String,
    /// Newest signed checkpoint seen.
    pub checkpoint: String,
    /// Revocation lists, PEM, one per issuer: (file name `*.crl`, PEM).
    pub crls: Vec<(String, String)>,
}

/// Result of a pull: everything is stored already, packages lie in the data folder.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pulled {
    /// Tasks for this handheld.
    pub tasks: Vec<Task>,
    /// Time proof and revocation lists.
    pub proof: TimeProof,
    /// Packages that are new: (task, package id).
    pub new_packages: Vec<(TaskId, PackageId)>,
    /// Packages that were already here.
    pub unchanged: Vec<(TaskId, PackageId)>,
    /// Packages that were refused, and why; the previous one stays in force.
    pub refused: Vec<(TaskId, Trouble)>,
}

/// A sealed bundle as handed to the outbox: tag files and signatures in full, payload by blob list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedBundle {
    /// The bundle.
    pub bundle: BundleId,
    /// Its case.
    pub case: CaseId,
    /// Its task.
    pub task: TaskId,
    /// SHA-256 of tagmanifest-sha256.txt.
    pub tagmanifest_sha256: String,
    /// All tag files and signatures: (path in the bag, bytes). Plaintext: kept under the outbox's key only.
    pub tag_files: Vec<(String, Vec<u8>)>,
    /// Payload, in path order.
    pub files: Vec<StoredFile>,
    /// `<case>.keys.age`.
    pub case_keys: Vec<u8>,
}

/// A checked receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The bundle.
    pub bundle: BundleId,
    /// `receipts/center.entry.json` bytes as text.
    pub entry: String,
    /// `receipts/center.tlog-proof`.
    pub proof: String,
    /// `receipts/center.crl`.
    pub crl: String,
    /// `timestamps/<role>.tsr`.
    pub timestamps: Vec<(String, Vec<u8>)>,
    /// RFC 3339 of the entry.
    pub received: String,
    /// Index in the log.
    pub log_index: u64,
}

/// A folder outside the vault that a rescue export is written into, e.g. on a stick.
pub trait RescueFolder: Send {
    /// True if a file of this name and these bytes is there already.
    fn has(&mut self, name: &str, bytes: &[u8]) -> TroubleResult<bool>;
    /// Writes a file whole and durable, or not at all.
    fn put(&mut self, name: &str, bytes: &[u8]) -> TroubleResult<()>;
}

/// An opened table of a facility. Implemented over `claims` in the composition root.
pub trait ExportFile: Send + Sync {
    /// Names of the sheets.
    fn sheets(&self) -> &[String];
    /// Reads one sheet; `rows` hears how many rows were read and stops by `false`.
    fn read(&self, sheet: usize, rows: &mut dyn FnMut(u64) -> bool) -> TroubleResult<Grid>;
    /// Extension in the bag and media type, by what the file is, not by what it calls itself.
    fn kind(&self) -> (&'static str, &'static str);
}

/// Files that a facility hands over on a stick.
pub trait Exports: Send {
    /// Another handle, for work beside the desk.
    fn handle(&self) -> Box<dyn Exports>;
    /// Tables on sticks.
    fn list(&mut self) -> TroubleResult<Vec<FreshFile>>;
    /// Name and bytes of a file, whole: what is hashed, kept and compared are the same bytes.
    fn read(&mut self, place: &str) -> TroubleResult<(String, Arc<[u8]>)>;
    /// Opens what was read.
    fn open(&self, name: &str, bytes: Arc<[u8]>) -> TroubleResult<Box<dyn ExportFile>>;
}

/// The centre. Implemented by `sync/client`.
pub trait Centre: Send {
    /// Enrols the device or an officer by a ticket's text. `pin` is asked for officers only.
    fn enrol(
        &mut self,
        keys: &mut dyn KeyRing,
        ticket: &str,
        pin: Option<&SecretString>,
    ) -> TroubleResult<String>;
    /// Fetches tasks, packages (resumed, checked by hash, whole or not at all), CRLs and time entries.
    /// `last_checkpoint` is the newest seen: the new one must extend it.
    fn pull(
        &mut self,
        keys: &mut dyn KeyRing,
        task: Option<&TaskId>,
        last_checkpoint: Option<&str>,
        watch: &mut Watch<'_>,
    ) -> TroubleResult<Pulled>;
    /// Announces a bundle, sends the blobs that the centre lacks, commits, waits for the receipt and checks
    /// it and the log's consistency with `last_checkpoint`. `Ok(None)`: sent, not yet receipted.
    fn send(
        &mut self,
        keys: &mut dyn KeyRing,
        blobs: &mut dyn BlobVault,
        bundle: &SealedBundle,
        last_checkpoint: Option<&str>,
        watch: &mut Watch<'_>,
    ) -> TroubleResult<Option<Receipt>>;
    /// Writes a sealed bundle into a folder as `spotcheck-rescue/1`: blobs as they lie here, tag files
    /// encrypted to intake and escrow. Needs no network and no unlocking; what is there already is not
    /// written again. Returns the bytes of the segments.
    fn rescue(
        &mut self,
        keys: &mut dyn KeyRing,
        blobs: &mut dyn BlobVault,
        bundle: &SealedBundle,
        folder: &mut dyn RescueFolder,
    ) -> TroubleResult<u64>;
    /// Sends lines of the device journal from `from_seq`; returns the last sequence number the centre has.
    fn send_device_journal(
        &mut self,
        keys: &mut dyn KeyRing,
        from_seq: u64,
        lines: &[Vec<u8>],
    ) -> TroubleResult<u64>;
}
