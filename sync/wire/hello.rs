//! `GET /v1/hello`: who the centre is, before any certificate is shown.

use serde::{Deserialize, Serialize};

/// Schema name.
pub const HELLO_SCHEMA: &str = "spotcheck-hello/1";

/// Capabilities a centre may announce; unknown ones are not used.
pub mod capability {
    /// tus 1.0 with creation, checksum (sha256), termination, expiration.
    pub const TUS: &str = "tus-1.0";
    /// The centre fetches RFC 3161 stamps for announced bundles.
    pub const TIMESTAMPS: &str = "rfc3161";
}

/// The centre's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// `spotcheck-hello/1`.
    pub schema: String,
    /// Lowest protocol version spoken.
    pub version_min: u32,
    /// Highest protocol version spoken.
    pub version_max: u32,
    /// See [`capability`].
    pub capabilities: Vec<String>,
    /// RFC 3339.
    pub server_time: String,
    /// Lowest client version that may pull, `x.y.z`; older ones get 426 and may still upload.
    pub minimum_client: String,
}

/// Header in which the client names its version, `x.y.z`.
pub const CLIENT_VERSION_HEADER: &str = "spotcheck-client";
