//! What comes of sealing, sending and fetching.

use serde::{Deserialize, Serialize};
use spotcheck_domain::{BundleId, CaseId};

use crate::desk::CaseState;

/// Result of sealing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealReport {
    /// The bundle.
    pub bundle: BundleId,
    /// SHA-256 of tagmanifest-sha256.txt: what everybody signed.
    pub tagmanifest_sha256: String,
    /// Payload files.
    pub files: u32,
    /// Payload bytes.
    pub bytes: u64,
    /// Complete, or sealed as incomplete with these gaps.
    pub missing: Vec<String>,
}

/// Where one bundle stands on its way to the centre.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxItem {
    /// The bundle.
    pub bundle: BundleId,
    /// Its case.
    pub case: CaseId,
    /// Name of the house it is about; not while locked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixmedins_name: Option<String>,
    /// Bytes sent and durable at the centre.
    pub sent_bytes: u64,
    /// Bytes in all.
    pub total_bytes: u64,
    /// Where it stands.
    pub state: CaseState,
    /// The last errors in plain words, newest first.
    pub errors: Vec<String>,
    /// RFC 3339: when the centre received it, by the checked receipt.
    pub received: Option<String>,
    /// Index in the centre's log, by the checked receipt.
    pub log_index: Option<u64>,
}

/// Result of a pull.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PullReport {
    /// Tasks known after the pull.
    pub tasks: u32,
    /// Packages downloaded and checked.
    pub packages: Vec<String>,
    /// Packages that were up to date.
    pub unchanged: Vec<String>,
}
