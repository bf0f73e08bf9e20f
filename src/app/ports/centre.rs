//! What the centre is to the use cases: tasks and proofs come from it, sealed bundles go to it.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use spotcheck_domain::task::Task;
use spotcheck_domain::{BundleId, CaseId, PackageId, TaskId, Trouble, TroubleResult};

use super::{BlobVault, HeldCopy, KeyRing, StoredFile};
use crate::errand::Watch;

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
    /// Id of the centre's new intake key, where it changed since the last pull; the key ring has it already.
    pub new_intake: Option<String>,
    /// Copies held for other handhelds whose bundle the centre has received ([`Centre::received`]).
    pub settled: Vec<HeldCopy>,
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
    /// Of these copies held for other handhelds, those whose bundle has a receipt to that handheld, proven
    /// under the enrolled log's key. A centre that does not answer for others names none.
    fn received(
        &mut self,
        _keys: &mut dyn KeyRing,
        _held: &[HeldCopy],
        _last_checkpoint: Option<&str>,
    ) -> TroubleResult<Vec<HeldCopy>> {
        Ok(Vec::new())
    }
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
    /// written again. A segment that is damaged here, and of which no good copy is to be had, is left out and named
    /// on the label. Returns the bytes of the segments, and how many were left out.
    fn rescue(
        &mut self,
        keys: &mut dyn KeyRing,
        blobs: &mut dyn BlobVault,
        bundle: &SealedBundle,
        folder: &mut dyn RescueFolder,
    ) -> TroubleResult<(u64, u32)>;
    /// Sends lines of the device journal from `from_seq`; returns the last sequence number the centre has.
    fn send_device_journal(
        &mut self,
        keys: &mut dyn KeyRing,
        from_seq: u64,
        lines: &[Vec<u8>],
    ) -> TroubleResult<u64>;
}
