//! The second copy of a case (evidence.md §1): its label, and what two handhelds say to each other.
//!
//! `CASE-<ulid>.copy/` holds every encrypted file of a case that the centre has not received: segments as
//! they lie in the vault, the recordings that run, `<case>.keys.age`, the case database as one age file, and
//! for each handheld that may go on with it `keys-<device>.age`. Of a sealed case it is a rescue export as
//! well ([`crate::rescue`]). The label is written after everything it names; it is a convenience, not a
//! proof.
//!
//! Between handhelds: TLS 1.3 with the certificates of both, then calls and answers, each a length (four
//! bytes, big-endian) and JSON; [`Call::Put`] and the answer to [`Call::Get`] are followed by the file's
//! bytes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Schema of the label.
pub const COPY_SCHEMA: &str = "spotcheck-copy/1";
/// File of the label.
pub const COPY_LABEL: &str = "copy.json";
/// What the two handhelds speak.
pub const PARTNER_SCHEMA: &str = "spotcheck-partner/1";
/// Longest call or answer without a file's bytes: the list of a long recording's fragments is the longest.
pub const MAX_MESSAGE_BYTES: u32 = 16 << 20;
/// Longest file: a segment is closed at 16 MiB, a photo or document is far below this.
pub const MAX_FILE_BYTES: u64 = 256 << 20;

/// Folder of a case's second copy.
#[must_use]
pub fn folder_name(case: &str) -> String {
    format!("{case}.copy")
}

/// What stands on the outside of a second copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyLabel {
    /// [`COPY_SCHEMA`].
    pub schema: String,
    /// The case.
    pub case: String,
    /// The handheld whose case it is.
    pub device: String,
    /// Intake key that opens it at the centre.
    pub intake_id: String,
    /// When this copy was finished, RFC 3339 by that handheld's clock.
    pub copied: String,
    /// Files and their sizes.
    pub files: BTreeMap<String, u64>,
}

/// What one handheld asks of the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum Call {
    /// Who is there.
    Hello {
        /// [`PARTNER_SCHEMA`].
        schema: String,
    },
    /// What there is of a case.
    Names {
        /// The case.
        case: String,
    },
    /// A file.
    Get {
        /// The case.
        case: String,
        /// Its name.
        name: String,
    },
    /// Keep this file; its bytes follow.
    Put {
        /// The case.
        case: String,
        /// Its name.
        name: String,
        /// Bytes that follow.
        size: u64,
        /// Their SHA-256.
        sha256: String,
    },
    /// Forget these files.
    Remove {
        /// The case.
        case: String,
        /// Their names.
        names: Vec<String>,
    },
}

/// What it answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// To [`Call::Hello`].
    Hello {
        /// The handheld.
        device: String,
        /// Its package recipient, `age1…`.
        recipient: String,
    },
    /// To [`Call::Names`].
    Names(BTreeMap<String, u64>),
    /// To [`Call::Get`]: so many bytes follow; `None`, it is not there.
    File(Option<u64>),
    /// Done.
    Done,
    /// Refused, by a code.
    Refused {
        /// The code.
        code: String,
    },
}
