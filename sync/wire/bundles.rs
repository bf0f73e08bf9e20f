//! `POST /v1/bundles`, tus at `/v1/blobs`, `POST /v1/bundles/{id}/commit`, `GET /v1/bundles/{id}`,
//! `POST /v1/device-journal`.
//!
//! Tag files, signatures and hash lists go first, so that a bundle is announced and time-stamped within a
//! minute; media may follow overnight. Which blobs are lacking is answered about the asking device's own
//! uploads only (no oracle). Idempotency key is the SHA-256 of the tag manifest.

use serde::{Deserialize, Serialize};

use crate::CarriedFile;

/// Schema of [`Announcement`].
pub const ANNOUNCEMENT_SCHEMA: &str = "spotcheck-announcement/1";
/// Schema of [`BundleStatus`].
pub const STATUS_SCHEMA: &str = "spotcheck-bundle-status/1";
/// Schema of [`JournalUpload`].
pub const JOURNAL_SCHEMA: &str = "spotcheck-device-journal/1";

/// Header that carries the idempotency key.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// tus `Upload-Metadata` key: bundle id.
pub const META_BUNDLE: &str = "bundle";
/// tus `Upload-Metadata` key: SHA-256 of the ciphertext, lower-case hex.
pub const META_SHA256: &str = "sha256";

/// A sealed bundle is announced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    /// `spotcheck-announcement/1`.
    pub schema: String,
    /// `EVID-<ulid>`.
    pub bundle: String,
    /// Task.
    pub task: String,
    /// SHA-256 of tagmanifest-sha256.txt, lower-case hex.
    pub tagmanifest_sha256: String,
    /// All tag files and signatures (no payload).
    pub tag_files: Vec<CarriedFile>,
    /// Payload files in path order.
    pub files: Vec<AnnouncedFile>,
    /// `<case>.keys.age`: the case's keys for intake and escrow.
    #[serde(with = "crate::b64")]
    pub case_keys: Vec<u8>,
}

/// A payload file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnnouncedFile {
    /// Path in the bag.
    pub path: String,
    /// SHA-256 of the whole plaintext.
    pub sha256: String,
    /// Bytes of the whole plaintext.
    pub size: u64,
    /// Segments in order; the file is the concatenation of their plaintexts.
    pub blobs: Vec<AnnouncedBlob>,
}

/// One age file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnnouncedBlob {
    /// 0, 1 …
    pub index: u32,
    /// SHA-256 of the age file.
    pub ciphertext_sha256: String,
    /// Bytes of the age file.
    pub ciphertext_size: u64,
    /// SHA-256 of the segment's plaintext.
    pub plaintext_sha256: String,
    /// Bytes of the segment's plaintext.
    pub size: u64,
    /// Id of the intake key.
    pub intake_id: String,
}

/// Answer to an announcement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announced {
    /// Ciphertext hashes this device has not delivered yet, in upload order.
    pub missing: Vec<String>,
}

/// Where a bundle stands at the centre.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BundleState {
    /// Announced, blobs missing or not committed.
    Announced,
    /// Committed, being verified.
    Verifying,
    /// Verified, in the log, receipted.
    Received,
    /// Does not verify; kept, not receipted.
    Rejected,
    /// From a revoked device: kept apart until a clerk accepts it.
    Quarantined,
}

/// `GET /v1/bundles/{id}`, also the body of the 202 after commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleStatus {
    /// `spotcheck-bundle-status/1`.
    pub schema: String,
    /// The bundle.
    pub bundle: String,
    /// State.
    pub state: BundleState,
    /// Codes and paths of what is wrong, if rejected.
    pub errors: Vec<String>,
    /// The receipt, if received.
    pub receipt: Option<WireReceipt>,
}

/// The centre's receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireReceipt {
    /// `receipts/center.entry.json`: exactly the leaf's bytes.
    #[serde(with = "crate::b64")]
    pub entry: Vec<u8>,
    /// `receipts/center.tlog-proof`.
    pub proof: String,
    /// `receipts/center.crl`, PEM.
    pub crl: String,
    /// `timestamps/<role>.tsr`.
    pub timestamps: Vec<CarriedFile>,
    /// RFC 6962 consistency proof from `?from_size=` to the proof's checkpoint, base64 hashes.
    pub consistency: Vec<String>,
}

/// Lines of the device journal, `POST /v1/device-journal`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalUpload {
    /// `spotcheck-device-journal/1`.
    pub schema: String,
    /// Lines in order, each without LF.
    pub lines: Vec<String>,
}

/// Answer to [`JournalUpload`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalAccepted {
    /// Last sequence number the centre has.
    pub last_seq: u64,
}
