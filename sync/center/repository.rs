//! The storage port: everything small that the centre remembers, as narrow operations.
//!
//! Each method is one atomic step of a use case (take a ticket, move an upload, append to the log), not a
//! table access: a back end is then free to use one transaction, and order, repetition and concurrency of
//! requests cannot change the outcome. SQLite implements it in `db`; a PostgreSQL back end passes the same
//! contract suite. Methods block; the server calls them on blocking threads.

use serde::{Deserialize, Serialize};
use spotcheck_domain::task::Task;
use spotcheck_wire::bundles::{Announcement, BundleState};
use spotcheck_wire::enrol::{Ticket, TicketKind};
use spotcheck_wire::tasks::PackageFile;

use crate::Result;

mod audits;
mod judged;
mod procedure;
mod watched;

pub use audits::{AuditRow, Audits, FindingEntry, RulePackRow, RulePacks, Tally};
pub use judged::{Judged, JudgedBundle, Judgements, Shown, Silenced};
pub use procedure::{FindingStateRow, Procedure, RectificationRow};
pub use watched::{GuardedCount, GuardedView, RaisedRow, Watched};

/// A handheld.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Id, `serialNumber` of its certificates.
    pub id: String,
    /// Label.
    pub name: String,
    /// Enrolled, milliseconds since the epoch.
    pub created_ms: i64,
    /// Revoked, if so.
    pub revoked_ms: Option<i64>,
    /// `age1…` recipient of its package identity, once an officer brought it.
    pub package_recipient: Option<String>,
}

/// An officer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Officer {
    /// Id, `serialNumber` of the certificate.
    pub id: String,
    /// Name on documents.
    pub name: String,
    /// Authority or agency.
    pub agency: String,
    /// `enforcement` or `work`.
    pub credential_kind: String,
    /// Number of the credential.
    pub credential_number: String,
    /// Last day of validity, `yyyy-MM-dd`.
    pub credential_valid_until: Option<String>,
    /// Entered.
    pub created_ms: i64,
    /// Revoked, if so.
    pub revoked_ms: Option<i64>,
}

/// Which of the two roots issued a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IssuerKind {
    /// TLS server and client certificates.
    Tls,
    /// Evidence signatures.
    Evidence,
}

impl IssuerKind {
    /// Stored text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tls => "tls",
            Self::Evidence => "evidence",
        }
    }
}

/// What a certificate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateKind {
    /// The centre's TLS server.
    Server,
    /// A handheld's mTLS client certificate.
    DeviceTls,
    /// A handheld's evidence signature.
    Device,
    /// An officer's signature.
    Officer,
    /// The centre's signature over packages.
    Centre,
}

impl CertificateKind {
    /// Stored text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::DeviceTls => "device-tls",
            Self::Device => "device",
            Self::Officer => "officer",
            Self::Centre => "centre",
        }
    }
}

/// An issued certificate.
#[derive(Debug, Clone)]
pub struct CertificateRow {
    /// SHA-256 of the DER, lower-case hex.
    pub sha256: String,
    /// Issuing root.
    pub issuer: IssuerKind,
    /// Serial number, lower-case hex.
    pub serial: String,
    /// Purpose.
    pub kind: CertificateKind,
    /// Device or officer id, or the server's name.
    pub subject: String,
    /// For officers: the handheld the key lies on.
    pub device: Option<String>,
    /// Valid from.
    pub not_before_ms: i64,
    /// Valid until.
    pub not_after_ms: i64,
    /// DER.
    pub der: Vec<u8>,
}

/// A revoked serial number of one issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevokedSerial {
    /// Serial number, lower-case hex.
    pub serial: String,
    /// Revoked at.
    pub revoked_ms: i64,
}

/// A ticket as stored, with its code: it must be known to check the proof.
#[derive(Debug, Clone)]
pub struct TicketRow {
    /// The ticket.
    pub ticket: Ticket,
    /// Not valid after.
    pub expires_ms: i64,
    /// Used at, if so.
    pub used_ms: Option<i64>,
}

/// What an enrolment changes, in one step.
#[derive(Debug)]
pub struct Enrolment<'a> {
    /// [`Ticket::locator`].
    pub locator: &'a str,
    /// Device or officer.
    pub kind: TicketKind,
    /// Id enrolled.
    pub subject: &'a str,
    /// Name of a device.
    pub name: &'a str,
    /// Certificates issued.
    pub certificates: &'a [CertificateRow],
    /// `(device, age1…)` where an officer brought the handheld's package identity.
    pub package_recipient: Option<(&'a str, &'a str)>,
    /// Now.
    pub at_ms: i64,
}

/// A partition's catalogue entry: facility, month, JSON.
pub type PartitionEntry = (String, String, Vec<u8>);

/// A built package.
#[derive(Debug, Clone)]
pub struct PackageRow {
    /// `PKG-<ulid>`.
    pub id: String,
    /// Task.
    pub task: String,
    /// Built at.
    pub created_ms: i64,
    /// Its files.
    pub files: Vec<PackageFile>,
    /// Raw key of claims.db, so that a handheld can be added by re-signing package.json only.
    pub raw_key: Vec<u8>,
    /// Handhelds it was wrapped for.
    pub devices: Vec<String>,
}

/// A bundle as the centre knows it.
#[derive(Debug, Clone)]
pub struct BundleRow {
    /// The announcement as it came.
    pub announcement: Announcement,
    /// Device that announced it.
    pub device: String,
    /// State.
    pub state: BundleState,
    /// Announced at.
    pub announced_ms: i64,
    /// Finished (received or rejected) at.
    pub finished_ms: Option<i64>,
    /// The device was revoked when it announced.
    pub from_revoked: bool,
    /// A clerk took it out of quarantine.
    pub accepted: bool,
    /// Codes and paths of what is wrong.
    pub errors: Vec<String>,
    /// Index of its log entry.
    pub log_index: Option<u64>,
}

/// One line of the list of bundles.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BundleSummary {
    /// `EVID-<ulid>`.
    pub bundle: String,
    /// Task.
    pub task: String,
    /// Device.
    pub device: String,
    /// State.
    pub state: BundleState,
    /// RFC 3339.
    pub announced: String,
    /// RFC 3339.
    pub finished: Option<String>,
}

/// What an announcement did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnnounceOutcome {
    /// First time.
    New,
    /// The same announcement as before.
    Again,
    /// Same bundle id with other content or from another device.
    Conflict,
}

/// A resumable upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// ULID.
    pub id: String,
    /// Device.
    pub device: String,
    /// Promised SHA-256 of the whole, if any.
    pub sha256: Option<String>,
    /// Bytes of the whole.
    pub length: u64,
    /// Bytes that are durable.
    pub offset: u64,
    /// Given up after.
    pub expires_ms: i64,
}

/// A claimed job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Kind, see `jobs`.
    pub kind: String,
    /// What it works on.
    pub subject: String,
    /// How often it was tried before.
    pub attempts: u32,
}

/// One entry of the log with its position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// Index from 0.
    pub index: u64,
    /// Exactly the leaf's bytes.
    pub entry: Vec<u8>,
}

/// One append to the log: leaf, stored hashes and new checkpoint, computed against `old_size`.
#[derive(Debug)]
pub struct LogAppend<'a> {
    /// Size the writer saw.
    pub old_size: u64,
    /// Kind of the entry (`bundle/1`, `time/1`).
    pub kind: &'a str,
    /// Bundle id: at most one entry each.
    pub subject: Option<&'a str>,
    /// Entry bytes.
    pub entry: &'a [u8],
    /// Hashes to store from `first_hash` on.
    pub first_hash: u64,
    /// 32 bytes each.
    pub hashes: &'a [[u8; 32]],
    /// Signed checkpoint of the new size.
    pub checkpoint: &'a str,
}

/// Named values: keys of the centre, policy.
pub trait Settings {
    /// A value.
    fn setting(&self, key: &str) -> Result<Option<Vec<u8>>>;
    /// Stores a value unless there is one; answers the one that counts.
    fn setting_or_insert(&self, key: &str, value: &[u8]) -> Result<Vec<u8>>;
    /// Values whose keys begin with a prefix, by key.
    fn settings_under(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>>;
    /// Replaces a value.
    fn put_setting(&self, key: &str, value: &[u8]) -> Result<()>;
    /// Removes a value.
    fn remove_setting(&self, key: &str) -> Result<()>;
    /// Writes down what was done at the centre.
    fn record_act(&self, id: &str, at_ms: i64, kind: &str, subject: &str) -> Result<()>;
    /// Subjects of the acts of one kind, the oldest first.
    fn acts(&self, kind: &str) -> Result<Vec<String>>;
}

/// Devices, officers, tickets, certificates.
pub trait Directory {
    /// Stores a ticket.
    fn add_ticket(&self, ticket: &Ticket, created_ms: i64, expires_ms: i64) -> Result<()>;
    /// A ticket by its locator.
    fn ticket(&self, locator: &str) -> Result<Option<TicketRow>>;
    /// True if a ticket for this subject can still be used.
    fn has_open_ticket(&self, kind: TicketKind, subject: &str, now_ms: i64) -> Result<bool>;
    /// Uses the ticket up and stores what it brought; `false` if somebody else used it first.
    fn enrol(&self, enrolment: &Enrolment<'_>) -> Result<bool>;
    /// A device.
    fn device(&self, id: &str) -> Result<Option<Device>>;
    /// All devices by id.
    fn devices(&self) -> Result<Vec<Device>>;
    /// Revokes a device and its certificates; `false` if there is none. Repeating changes nothing.
    fn revoke_device(&self, id: &str, at_ms: i64) -> Result<bool>;
    /// Enters or changes an officer.
    fn put_officer(&self, officer: &Officer) -> Result<()>;
    /// An officer.
    fn officer(&self, id: &str) -> Result<Option<Officer>>;
    /// All officers by id.
    fn officers(&self) -> Result<Vec<Officer>>;
    /// Revokes an officer and their certificates; `false` if there is none.
    fn revoke_officer(&self, id: &str, at_ms: i64) -> Result<bool>;
    /// Stores a certificate (renewal, server, centre signer).
    fn add_certificate(&self, row: &CertificateRow) -> Result<()>;
    /// Newest certificate of a kind and subject.
    fn newest_certificate(
        &self,
        kind: CertificateKind,
        subject: &str,
    ) -> Result<Option<CertificateRow>>;
    /// `None` if this certificate was not issued for the subject, else whether it is revoked.
    fn certificate_revoked(
        &self,
        sha256: &str,
        kind: CertificateKind,
        subject: &str,
    ) -> Result<Option<bool>>;
    /// Revoked serial numbers of an issuer.
    fn revoked(&self, issuer: IssuerKind) -> Result<Vec<RevokedSerial>>;
}

/// Facilities, tasks, packages.
pub trait Tasks {
    /// Stores a facility's head data (JSON).
    fn put_facility(&self, code: &str, body: &[u8], at_ms: i64) -> Result<()>;
    /// All facilities by code.
    fn facilities(&self) -> Result<Vec<(String, Vec<u8>)>>;
    /// One facility.
    fn facility(&self, code: &str) -> Result<Option<Vec<u8>>>;
    /// Current partitions (catalogue entries as JSON) of all facilities or one, by facility and month.
    fn partitions(&self, facility: Option<&str>) -> Result<Vec<Vec<u8>>>;
    /// One current partition.
    fn partition(&self, facility: &str, month: &str) -> Result<Option<Vec<u8>>>;
    /// Makes `now` (facility, month, entry) current and `gone` nobody's, in one transaction.
    fn switch_partitions(&self, now: &[PartitionEntry], gone: &[(String, String)]) -> Result<()>;
    /// Stores a new task.
    fn add_task(&self, task: &Task, at_ms: i64) -> Result<()>;
    /// A task.
    fn task(&self, id: &str) -> Result<Option<Task>>;
    /// All tasks by id.
    fn tasks(&self) -> Result<Vec<Task>>;
    /// Tasks that name a device.
    fn tasks_of_device(&self, device: &str) -> Result<Vec<Task>>;
    /// Stores a built package.
    fn add_package(&self, package: &PackageRow) -> Result<()>;
    /// Newest package of a task that was wrapped for the device (any device if `None`).
    fn newest_package(&self, task: &str, device: Option<&str>) -> Result<Option<PackageRow>>;
    /// A package.
    fn package(&self, id: &str) -> Result<Option<PackageRow>>;
}

/// Bundles, blobs, uploads, device journals.
pub trait Bundles {
    /// Stores an announcement, once. A rejected bundle that is announced with other blobs or signatures
    /// gets another chance; what was announced alike stays rejected.
    fn announce(
        &self,
        announcement: &Announcement,
        device: &str,
        from_revoked: bool,
        at_ms: i64,
    ) -> Result<AnnounceOutcome>;
    /// A bundle.
    fn bundle(&self, id: &str) -> Result<Option<BundleRow>>;
    /// All bundles, newest first.
    fn bundles(&self) -> Result<Vec<BundleSummary>>;
    /// Announced → verifying, with its job; `false` if it is past that already.
    fn start_verifying(&self, id: &str, at_ms: i64) -> Result<bool>;
    /// Quarantined → verifying, by a clerk; `false` if it is not in quarantine.
    fn accept_quarantined(&self, id: &str, at_ms: i64) -> Result<bool>;
    /// Announced → quarantined.
    fn quarantine(&self, id: &str, at_ms: i64) -> Result<bool>;
    /// Verifying → received, with its log entry; `notes` are what a clerk accepted it with.
    fn mark_received(
        &self,
        id: &str,
        received: &str,
        log_index: u64,
        notes: &[String],
        at_ms: i64,
    ) -> Result<()>;
    /// Verifying → rejected; kept with its errors.
    fn mark_rejected(&self, id: &str, errors: &[String], at_ms: i64) -> Result<()>;
    /// Stores a time stamp's bytes untouched, once per role.
    fn add_stamp(&self, bundle: &str, role: &str, tsr: &[u8], at_ms: i64) -> Result<()>;
    /// Time stamps by role.
    fn stamps(&self, bundle: &str) -> Result<Vec<(String, Vec<u8>)>>;
    /// True if this device delivered the blob.
    fn has_blob(&self, device: &str, sha256: &str) -> Result<bool>;
    /// Notes a delivered blob.
    fn add_blob(&self, device: &str, sha256: &str, size: u64, at_ms: i64) -> Result<()>;
    /// Creates an upload.
    fn add_upload(&self, upload: &Upload, at_ms: i64) -> Result<()>;
    /// An upload.
    fn upload(&self, id: &str) -> Result<Option<Upload>>;
    /// Moves an upload from `old` to `new`; `false` if it is not at `old`.
    fn advance_upload(&self, id: &str, old: u64, new: u64) -> Result<bool>;
    /// The upload is whole: notes the blob and moves the upload to its end, in one step. The row stays until
    /// it expires, so that a client that missed the last answer learns that it is done.
    fn finish_upload(&self, upload: &Upload, sha256: &str, at_ms: i64) -> Result<()>;
    /// Forgets an upload.
    fn remove_upload(&self, id: &str) -> Result<bool>;
    /// Uploads given up by `now_ms`.
    fn expired_uploads(&self, now_ms: i64) -> Result<Vec<String>>;
    /// Last line of a device's journal: sequence number and bytes.
    fn journal_head(&self, device: &str) -> Result<Option<(u64, Vec<u8>)>>;
    /// Appends lines if the journal still ends at `after`, with the guarded views they tell of; `false` if it
    /// does not.
    fn append_journal(
        &self,
        device: &str,
        after: u64,
        lines: &[Vec<u8>],
        views: &[GuardedView],
    ) -> Result<bool>;
    /// The line with this number.
    fn journal_line(&self, device: &str, seq: u64) -> Result<Option<Vec<u8>>>;
}

/// Work to be done, claimed by lease.
pub trait Jobs {
    /// Adds a job unless it is there.
    fn add_job(&self, kind: &str, subject: &str, due_ms: i64) -> Result<()>;
    /// Claims one job that is due and not leased.
    fn claim_job(&self, owner: &str, now_ms: i64, lease_ms: i64) -> Result<Option<Job>>;
    /// Keeps a job leased while its worker is alive.
    fn renew_lease(&self, job: &Job, owner: &str, until_ms: i64) -> Result<()>;
    /// Frees all leases: only for who knows that no worker is alive.
    fn release_leases(&self) -> Result<()>;
    /// The job is done.
    fn finish_job(&self, job: &Job) -> Result<()>;
    /// The job failed: due again later. `cause` is a code, never a value.
    fn retry_job(&self, job: &Job, due_ms: i64, cause: &str) -> Result<()>;
    /// Jobs waiting.
    fn job_count(&self) -> Result<u64>;
}

/// The transparency log's memory.
pub trait LogStore {
    /// Size and signed checkpoint.
    fn log_state(&self) -> Result<(u64, String)>;
    /// Appends if the size is still `old_size`; `false` if another writer was faster.
    fn append_log(&self, append: &LogAppend<'_>) -> Result<bool>;
    /// Stored hashes by index, all or an error.
    fn log_hashes(&self, indexes: &[u64]) -> Result<Vec<[u8; 32]>>;
    /// Entry of a bundle.
    fn leaf_of(&self, subject: &str) -> Result<Option<Leaf>>;
    /// Newest entry of a kind.
    fn newest_leaf(&self, kind: &str) -> Result<Option<Leaf>>;
    /// Entries `from..from+count` in order.
    fn leaves(&self, from: u64, count: u64) -> Result<Vec<Leaf>>;
}

/// All of it.
pub trait Repository:
    Settings
    + Directory
    + Tasks
    + Audits
    + RulePacks
    + Judgements
    + Procedure
    + Watched
    + Bundles
    + Jobs
    + LogStore
    + Send
    + Sync
{
}

impl<T> Repository for T where
    T: Settings
        + Directory
        + Tasks
        + Audits
        + RulePacks
        + Judgements
        + Procedure
        + Watched
        + Bundles
        + Jobs
        + LogStore
        + Send
        + Sync
{
}
