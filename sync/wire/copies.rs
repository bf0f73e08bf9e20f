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
//! bytes. Version 2 adds [`Call::Held`] and [`Call::Release`]; whoever speaks it greets with version 1 where
//! version 2 is refused, and then releases nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Schema of the label.
pub const COPY_SCHEMA: &str = "spotcheck-copy/1";
/// File of the label.
pub const COPY_LABEL: &str = "copy.json";
/// What the two handhelds speak.
pub const PARTNER_SCHEMA: &str = "spotcheck-partner/2";
/// The same without letting go of copies.
pub const PARTNER_SCHEMA_1: &str = "spotcheck-partner/1";
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
    /// Its bundle, under which the centre will know it; the arrival case has none yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle: Option<String>,
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
    /// Which of my cases have you a copy of? Since version 2.
    Held,
    /// The centre has received the bundle of this case: drop its copy, files and keys. Since version 2.
    Release {
        /// The case.
        case: String,
        /// Its bundle.
        bundle: String,
        /// The log's entry about the bundle, exactly the leaf's bytes.
        #[serde(with = "crate::b64")]
        entry: Vec<u8>,
        /// Its C2SP tlog-proof.
        proof: String,
        /// The keys of the case were destroyed at the handheld whose case it was.
        shredded: bool,
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
    /// To [`Call::Held`]: cases.
    Held(Vec<String>),
    /// Done.
    Done,
    /// Refused, by a code.
    Refused {
        /// The code.
        code: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Handhelds of two versions meet: what version 1 said and wrote is still read, byte for byte.
    #[test]
    fn calls_and_labels_of_version_1_are_read() {
        for text in [
            r#"{"op":"hello","schema":"spotcheck-partner/1"}"#,
            r#"{"op":"remove","case":"CASE-1","names":["a.age"]}"#,
            r#"{"op":"held"}"#,
        ] {
            let call: Call = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&call).unwrap(), text);
        }
        let label = r#"{"schema":"spotcheck-copy/1","case":"C","device":"D","intake_id":"i","copied":"t","files":{}}"#;
        let read: CopyLabel = serde_json::from_str(label).unwrap();
        assert_eq!(read.bundle, None);
        assert_eq!(serde_json::to_string(&read).unwrap(), label);
    }
}
