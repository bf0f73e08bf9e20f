//! Entries of the centre's log: `bundle/1` commits to a bundle, `time/1` gives checkpoints a time.
//!
//! The RFC 8785 bytes are the leaf data, to the byte; `receipts/center.entry.json` holds exactly them
//! (schema `spotcheck-log-entry/1`). No personal data goes into the log.

use serde::{Deserialize, Serialize};
use spotcheck_domain::{BundleId, DeviceId, to_canonical};

use crate::form::{Checker, parse_exact};
use crate::{EvidenceError, Hash32};

const SCHEMA: &str = "spotcheck-log-entry/1";

/// A leaf of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum LogEntry {
    /// A bundle was received.
    #[serde(rename = "bundle/1")]
    Bundle(BundleEntry),
    /// What the time was.
    #[serde(rename = "time/1")]
    Time(TimeEntry),
}

/// A bundle was received by the centre.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleEntry {
    /// The bundle.
    pub bundle: BundleId,
    /// SHA-256 of its tagmanifest-sha256.txt.
    pub tagmanifest_sha256: Hash32,
    /// The handheld that sealed it.
    pub device: DeviceId,
    /// When the centre received it, RFC 3339.
    pub received: String,
}

/// What the time was when the entry was appended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeEntry {
    /// RFC 3339.
    pub at: String,
}

impl LogEntry {
    /// The leaf data.
    ///
    /// # Errors
    /// A time that does not fit the schema.
    pub fn to_bytes(&self) -> Result<Vec<u8>, EvidenceError> {
        self.check()?;
        Ok(to_canonical(self)?)
    }

    /// Reads leaf data.
    ///
    /// # Errors
    /// Not RFC 8785, or not the closed members of either type.
    pub fn parse(bytes: &[u8]) -> Result<Self, EvidenceError> {
        let entry: Self = parse_exact(bytes)?;
        entry.check()?;
        Ok(entry)
    }

    fn check(&self) -> Result<(), EvidenceError> {
        let c = Checker::new(SCHEMA);
        match self {
            Self::Bundle(entry) => c.time("received", &entry.received),
            Self::Time(entry) => c.time("at", &entry.at),
        }
    }
}
