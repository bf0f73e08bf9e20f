//! Enrolment by ticket (sync.md): text and QR, one use, 24 h.
//!
//! The ticket carries the SHA-256 of the centre's CA certificate, so a false centre between handheld and
//! centre is noticed before anything is sent; the 128-bit code never travels, only an HMAC over the
//! signing requests does, so nobody on the way can put in a key of their own.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde::{Deserialize, Serialize};
use spotcheck_domain::to_canonical;

/// Schema of a ticket.
pub const TICKET_SCHEMA: &str = "spotcheck-ticket/1";
/// Schema of [`EnrolRequest`].
pub const ENROL_SCHEMA: &str = "spotcheck-enrol/1";
/// Schema of [`RenewRequest`].
pub const RENEW_SCHEMA: &str = "spotcheck-renew/1";
/// Schema of [`TrustStatement`].
pub const TRUST_SCHEMA: &str = "spotcheck-trust/1";
/// Schema of [`Policy`].
pub const POLICY_SCHEMA: &str = "spotcheck-policy/1";

const PREFIX: &str = "SPOTCHECK-TICKET-1.";

/// Whom a ticket is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TicketKind {
    /// A handheld.
    Device,
    /// An officer, on a handheld that is enrolled already.
    Officer,
}

/// Why a ticket's text cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TicketError {
    /// Not a ticket of this version.
    #[error("not a ticket of this version")]
    Form,
}

/// A ticket.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// `spotcheck-ticket/1`.
    pub schema: String,
    /// Device or officer.
    pub kind: TicketKind,
    /// Id the new certificate will carry as `serialNumber`.
    pub id: String,
    /// Name for the screen (officer's name, device's label).
    pub name: String,
    /// `https://host:port`.
    pub centre: String,
    /// SHA-256 over the DER of the centre's CA certificate, lower-case hex.
    pub ca_sha256: String,
    /// 128-bit code, 32 lower-case hex digits. Secret.
    pub code: String,
    /// RFC 3339: not valid after.
    pub expires: String,
}

/// The code is a secret: it never shows in a log.
impl std::fmt::Debug for Ticket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ticket")
            .field("kind", &self.kind)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Ticket {
    /// The text that is shown as QR and written to a file.
    ///
    /// # Errors
    /// Never for tickets made by us.
    pub fn to_text(&self) -> Result<String, TicketError> {
        let bytes = to_canonical(self).map_err(|_| TicketError::Form)?;
        Ok(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Reads the text; white space around it is ignored.
    ///
    /// # Errors
    /// Not a ticket of this version.
    pub fn from_text(text: &str) -> Result<Self, TicketError> {
        let body = text.trim().strip_prefix(PREFIX).ok_or(TicketError::Form)?;
        let bytes = URL_SAFE_NO_PAD.decode(body).map_err(|_| TicketError::Form)?;
        let ticket: Self = serde_json::from_slice(&bytes).map_err(|_| TicketError::Form)?;
        let hex = |text: &str, len| {
            text.len() == len && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        };
        if ticket.schema == TICKET_SCHEMA
            && hex(&ticket.code, 32)
            && hex(&ticket.ca_sha256, 64)
            && spotcheck_domain::id::is_plain_id(&ticket.id)
        {
            Ok(ticket)
        } else {
            Err(TicketError::Form)
        }
    }

    /// What names the ticket on the wire without giving the code away: first 16 hex of its SHA-256.
    #[must_use]
    pub fn locator(&self) -> String {
        let digest = ring::digest::digest(&ring::digest::SHA256, self.code.as_bytes());
        hex::encode(digest.as_ref()).chars().take(16).collect()
    }

    /// HMAC-SHA256 under the code over the requests, each preceded by its length (8 bytes, big endian).
    #[must_use]
    pub fn proof(&self, parts: &[&[u8]]) -> Vec<u8> {
        hmac::sign(&self.key(), &framed(parts)).as_ref().to_vec()
    }

    /// Checks a proof in constant time.
    #[must_use]
    pub fn verify_proof(&self, parts: &[&[u8]], proof: &[u8]) -> bool {
        hmac::verify(&self.key(), &framed(parts), proof).is_ok()
    }

    fn key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, self.code.as_bytes())
    }
}

fn framed(parts: &[&[u8]]) -> Vec<u8> {
    let mut message = Vec::new();
    for part in parts {
        message.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        message.extend_from_slice(part);
    }
    message
}

/// `POST /v1/enroll` (no client certificate).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolRequest {
    /// `spotcheck-enrol/1`.
    pub schema: String,
    /// [`Ticket::locator`].
    pub ticket: String,
    /// For a device: the mTLS request (PKCS#10 DER). Empty for an officer.
    #[serde(with = "crate::b64")]
    pub tls_csr: Vec<u8>,
    /// The evidence signing request (device) or the officer's signing request (PKCS#10 DER).
    #[serde(with = "crate::b64")]
    pub signing_csr: Vec<u8>,
    /// For an officer: the handheld the key lies on.
    pub device: Option<String>,
    /// `age1…` recipient of the handheld's package identity, once it has one (officers).
    pub package_recipient: Option<String>,
    /// [`Ticket::proof`] over `[tls_csr, signing_csr, device or "", package_recipient or ""]`.
    #[serde(with = "crate::b64")]
    pub proof: Vec<u8>,
}

impl EnrolRequest {
    /// The parts the proof is made over.
    #[must_use]
    pub fn proof_parts(&self) -> [&[u8]; 4] {
        [
            &self.tls_csr,
            &self.signing_csr,
            self.device.as_deref().unwrap_or_default().as_bytes(),
            self.package_recipient.as_deref().unwrap_or_default().as_bytes(),
        ]
    }
}

/// `POST /v1/renew` (the device's present certificate, up to 400 days after its end).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenewRequest {
    /// `spotcheck-renew/1`.
    pub schema: String,
    /// New mTLS request (PKCS#10 DER).
    #[serde(with = "crate::b64")]
    pub tls_csr: Vec<u8>,
    /// New evidence signing request (PKCS#10 DER).
    #[serde(with = "crate::b64")]
    pub signing_csr: Vec<u8>,
}

/// Answer to [`EnrolRequest`] and [`RenewRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolResponse {
    /// `spotcheck-enrol/1`.
    pub schema: String,
    /// Id given to device or officer.
    pub id: String,
    /// mTLS certificate and chain, PEM (device; empty for an officer).
    pub tls_chain: String,
    /// Signing certificate and chain, PEM.
    pub signing_chain: String,
    /// Canonical bytes of [`TrustStatement`].
    #[serde(with = "crate::b64")]
    pub trust: Vec<u8>,
    /// Signature over `trust` by the CA whose hash the ticket names: ECDSA P-256 SHA-256, ASN.1 DER.
    #[serde(with = "crate::b64")]
    pub trust_signature: Vec<u8>,
    /// That CA's certificate, DER.
    #[serde(with = "crate::b64")]
    pub ca: Vec<u8>,
}

/// What a handheld trusts from now on, signed by the CA.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustStatement {
    /// `spotcheck-trust/1`.
    pub schema: String,
    /// Id this statement was made for.
    pub id: String,
    /// Roots for evidence and package signatures, PEM.
    pub roots: String,
    /// Root for the centre's TLS certificate, PEM.
    pub tls_roots: String,
    /// Roots for time stamps, PEM, may be empty.
    pub tsa_roots: String,
    /// Intake recipient, `age1…`.
    pub intake: String,
    /// Its id.
    pub intake_id: String,
    /// Escrow recipient, `age1…`.
    pub escrow: String,
    /// C2SP vkey of the log.
    pub log_key: String,
    /// Policy.
    pub policy: Policy,
}

/// A [`TrustStatement`] that travels by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedTrust {
    /// Its canonical bytes.
    #[serde(with = "crate::b64")]
    pub statement: Vec<u8>,
    /// Signature over them by the CA of the handheld's enrolment: ECDSA P-256 SHA-256, ASN.1 DER.
    #[serde(with = "crate::b64")]
    pub signature: Vec<u8>,
}

/// Policy of the centre; cannot be loosened locally (architecture.md).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// `spotcheck-policy/1`.
    pub schema: String,
    /// Least number of characters of a PIN where keys are protected by a file.
    pub pin_min_file: u32,
    /// Least number of digits of a PIN where hardware counts wrong tries.
    pub pin_min_hardware: u32,
    /// File protection is allowed at all.
    pub allow_file_protection: bool,
    /// Days a received bundle stays on the handheld.
    pub retention_days: u32,
    /// Minutes without a touch after which the handheld locks.
    pub idle_lock_minutes: u32,
    /// Bytes kept free so that stop, seal and sign always succeed.
    pub reserve_bytes: u64,
    /// Pad signatures are allowed by the province.
    pub pad_signatures: bool,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests may panic")]
    use super::*;

    fn ticket() -> Ticket {
        Ticket {
            schema: TICKET_SCHEMA.to_owned(),
            kind: TicketKind::Device,
            id: "D-0001".to_owned(),
            name: "手持机一号".to_owned(),
            centre: "https://127.0.0.1:8443".to_owned(),
            ca_sha256: "0f".repeat(32),
            code: "a1".repeat(16),
            expires: "2026-11-22T09:00:00.000+08:00".to_owned(),
        }
    }

    #[test]
    fn a_ticket_survives_its_text_and_hides_its_code() {
        let text = ticket().to_text().unwrap();
        assert_eq!(Ticket::from_text(&format!(" {text}\n")).unwrap(), ticket());
        assert!(!format!("{:?}", ticket()).contains("a1a1"));
        assert!(Ticket::from_text("SPOTCHECK-TICKET-1.e30").is_err());
        assert!(Ticket::from_text("").is_err());
    }

    #[test]
    fn a_proof_binds_every_part() {
        let t = ticket();
        let proof = t.proof(&[b"tls", b"sign"]);
        assert!(t.verify_proof(&[b"tls", b"sign"], &proof));
        assert!(!t.verify_proof(&[b"tlss", b"ign"], &proof));
        let other = Ticket { code: "b2".repeat(16), ..ticket() };
        assert!(!other.verify_proof(&[b"tls", b"sign"], &proof));
    }
}
