//! Versioned messages and error codes that handheld and centre speak (sync.md, protocol `/v1`).
//!
//! Only shapes and the few computations both sides must do alike (ticket text, enrolment proof) live here.
//! Unknown members are ignored on reading, so that a newer centre can talk to an older handheld; what is
//! signed or hashed travels as the exact bytes (base64), never as re-serialised JSON.

pub mod bundles;
pub mod copies;
pub mod enrol;
pub mod hello;
pub mod problem;
pub mod rescue;
pub mod tasks;

/// Path prefix of the protocol.
pub const PREFIX: &str = "/v1";
/// Version of the protocol this build speaks.
pub const PROTOCOL_VERSION: u32 = 1;

/// Bytes as standard base64 text in JSON.
pub mod b64 {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes base64.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    /// Reads base64.
    ///
    /// # Errors
    /// Not base64.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map_err(serde::de::Error::custom)
    }
}

/// A file carried inside a message.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct CarriedFile {
    /// Path in the bag.
    pub path: String,
    /// Bytes.
    #[serde(with = "b64")]
    pub bytes: Vec<u8>,
}
