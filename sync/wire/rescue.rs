//! A rescue export: a sealed bundle on a stick, still encrypted, for when no network comes (evidence.md §3).
//!
//! `EVID-<ulid>.rescue/` holds the age files of all segments as they lie on the handheld, the announcement
//! as an age file to intake and escrow (tag files name persons), and, written last, a label. Whoever finds
//! the stick learns a bundle's number and how large it is. The label is a convenience, not a proof: the
//! centre trusts nothing but the signatures inside.

use serde::{Deserialize, Serialize};

/// Schema of the label.
pub const RESCUE_SCHEMA: &str = "spotcheck-rescue/1";
/// File of the label; while it is missing the export is not finished.
pub const LABEL_FILE: &str = "rescue.json";
/// File of the encrypted announcement.
pub const ANNOUNCEMENT_FILE: &str = "announcement.age";

/// Folder of a bundle's rescue export.
#[must_use]
pub fn folder_name(bundle: &str) -> String {
    format!("{bundle}.rescue")
}

/// File of a segment, by the SHA-256 of its ciphertext.
#[must_use]
pub fn blob_file(ciphertext_sha256: &str) -> String {
    format!("{ciphertext_sha256}.age")
}

/// What stands on the outside of a rescue export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RescueLabel {
    /// [`RESCUE_SCHEMA`].
    pub schema: String,
    /// The bundle.
    pub bundle: String,
    /// SHA-256 of tagmanifest-sha256.txt: tells one sealing from another.
    pub tagmanifest_sha256: String,
    /// Intake key the announcement is encrypted to.
    pub intake_id: String,
    /// SHA-256 of [`ANNOUNCEMENT_FILE`].
    pub announcement_sha256: String,
    /// Segments.
    pub blobs: u64,
    /// Bytes of all segments.
    pub bytes: u64,
    /// SHA-256 of the ciphertext of those that are damaged on the handheld and not here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub damaged: Vec<String>,
}
