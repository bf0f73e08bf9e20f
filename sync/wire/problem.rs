//! Errors on the wire: RFC 9457 `application/problem+json` with `code`, `retryable`, `retry_after`.
//!
//! The code is part of the contract; `detail` is safe to show, the technical cause stays in the centre's log.

use serde::{Deserialize, Serialize};

/// Content type.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// A problem document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// `urn:spotcheck:problem:<code>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Short Chinese title.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What happened, in Chinese.
    pub detail: String,
    /// One of [`code`].
    pub code: String,
    /// Trying again may help.
    pub retryable: bool,
    /// Seconds to wait before that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
    /// With [`code::JOURNAL_GAP`]: last sequence number the centre has; lines go on after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seq: Option<u64>,
}

impl Problem {
    /// A problem of a code.
    #[must_use]
    pub fn new(status: u16, code: &str, title: &str, detail: &str) -> Self {
        Self {
            kind: format!("urn:spotcheck:problem:{code}"),
            title: title.to_owned(),
            status,
            detail: detail.to_owned(),
            code: code.to_owned(),
            retryable: false,
            retry_after: None,
            last_seq: None,
        }
    }

    /// Marks that trying again after `seconds` may help.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retryable = true;
        self.retry_after = Some(seconds);
        self
    }
}

/// Stable codes.
pub mod code {
    /// The ticket is unknown, used or expired, or the proof does not fit it.
    pub const TICKET: &str = "ENROL-TICKET";
    /// A signing request is not what the profile asks for.
    pub const CSR: &str = "ENROL-CSR";
    /// No (valid) client certificate.
    pub const UNAUTHENTICATED: &str = "DEVICE-UNKNOWN";
    /// The device's certificate has expired: renew, upload still possible.
    pub const EXPIRED: &str = "DEVICE-EXPIRED";
    /// The device was revoked: it may only deliver sealed bundles.
    pub const REVOKED: &str = "DEVICE-REVOKED";
    /// The client is too old to pull.
    pub const CLIENT_TOO_OLD: &str = "CLIENT-TOO-OLD";
    /// Not a message of the protocol.
    pub const BAD_REQUEST: &str = "BAD-REQUEST";
    /// No such thing, or not for this device.
    pub const NOT_FOUND: &str = "NOT-FOUND";
    /// Same bundle id, other content.
    pub const CONFLICT: &str = "BUNDLE-CONFLICT";
    /// Commit before all blobs are there.
    pub const INCOMPLETE: &str = "BUNDLE-INCOMPLETE";
    /// The bundle does not verify.
    pub const REJECTED: &str = "BUNDLE-REJECTED";
    /// The device journal does not continue what the centre has.
    pub const JOURNAL_GAP: &str = "JOURNAL-GAP";
    /// Too much, too big.
    pub const TOO_LARGE: &str = "TOO-LARGE";
    /// The centre has no room or is overloaded.
    pub const BUSY: &str = "CENTRE-BUSY";
    /// An error of the centre itself.
    pub const INTERNAL: &str = "CENTRE-ERROR";
}
