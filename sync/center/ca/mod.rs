//! The centre's certificate authorities: one root for evidence signatures, one for TLS.
//!
//! Two roots, because a key that opens connections must never count under a record: TLS certificates carry
//! TLS usages and never the evidence policies, evidence certificates the other way round (evidence.md §4).
//! The ticket names the TLS root's hash, and that root signs the trust statement, from which a handheld
//! learns everything else. Both keys lie in the encrypted database only.

mod crl;
mod issue;
mod policy;

pub use issue::{Issued, Request, public_key_of};
pub use policy::{DEVICE_POLICY, EVIDENCE_ARC, OFFICER_POLICY, policies_extension};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SigningKey,
};
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use spotcheck_domain::{Clock, Entropy};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::objects::sha256_hex;
use crate::repository::{IssuerKind, Settings};
use crate::{Error, Result};

/// Years a root is valid.
const ROOT_DAYS: i64 = 20 * 365;
/// How far a certificate begins before it is issued: handheld clocks are behind in the field.
pub(crate) const BACKDATE_MS: i64 = 10 * 60 * 1000;
/// One day in milliseconds.
pub(crate) const DAY_MS: i64 = 86_400_000;

/// One root with its key.
pub struct Authority {
    kind: IssuerKind,
    issuer: Issuer<'static, KeyPair>,
    der: CertificateDer<'static>,
    pem: String,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// Both roots.
#[derive(Debug)]
pub struct Authorities {
    /// For evidence and package signatures.
    pub evidence: Authority,
    /// For the centre's server and the handhelds' connections.
    pub tls: Authority,
}

/// A certificate time from milliseconds.
pub(crate) fn moment(ms: i64) -> Result<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(ms.div_euclid(1000))
        .map_err(|_| Error::Certificate("time out of range".to_owned()))
}

/// A positive serial number of exactly 16 bytes.
pub(crate) fn new_serial(entropy: &dyn Entropy) -> [u8; 16] {
    let mut serial = [0_u8; 16];
    entropy.fill(&mut serial);
    if let Some(first) = serial.first_mut() {
        *first = (*first & 0x7f) | 0x40;
    }
    serial
}

/// PEM of one certificate.
#[must_use]
pub fn certificate_pem(der: &[u8]) -> String {
    use base64::Engine;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    for line in text.as_bytes().chunks(64) {
        pem.push_str(&String::from_utf8_lossy(line));
        pem.push('\n');
    }
    pem.push_str("-----END CERTIFICATE-----\n");
    pem
}

impl Authority {
    fn load_or_create(
        kind: IssuerKind,
        common_name: &str,
        settings: &dyn Settings,
        clock: &dyn Clock,
        entropy: &dyn Entropy,
    ) -> Result<Self> {
        let name = format!("ca.{}", kind.as_str());
        let stored = match settings.setting(&name)? {
            Some(stored) => Zeroizing::new(stored),
            // Two processes may get here at once; the database decides whose root it is.
            None => Zeroizing::new(
                settings.setting_or_insert(&name, &new_root(common_name, clock, entropy)?)?,
            ),
        };
        let (key, der) = split_root(&stored)?;
        let pkcs8 = PrivatePkcs8KeyDer::from(key);
        let key = KeyPair::from_pkcs8_der_and_sign_algo(&pkcs8, &PKCS_ECDSA_P256_SHA256)?;
        let der = CertificateDer::from(der.to_vec());
        let issuer = Issuer::from_ca_cert_der(&der, key)?;
        let pem = certificate_pem(&der);
        Ok(Self { kind, issuer, der, pem })
    }

    /// Which root this is.
    #[must_use]
    pub const fn kind(&self) -> IssuerKind {
        self.kind
    }

    /// The root certificate.
    #[must_use]
    pub const fn der(&self) -> &CertificateDer<'static> {
        &self.der
    }

    /// The root certificate as PEM.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// SHA-256 over the DER, lower-case hex.
    #[must_use]
    pub fn sha256(&self) -> String {
        sha256_hex(&self.der)
    }

    /// ECDSA P-256 SHA-256 signature, ASN.1 DER.
    ///
    /// # Errors
    /// Those of ring.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        Ok(self.issuer.key().sign(message)?)
    }
}

impl Authorities {
    /// Loads both roots, or makes them at the first start.
    ///
    /// # Errors
    /// Stored roots that do not read back, or those of the database.
    pub fn open(settings: &dyn Settings, clock: &dyn Clock, entropy: &dyn Entropy) -> Result<Self> {
        let open = |kind, name| Authority::load_or_create(kind, name, settings, clock, entropy);
        Ok(Self {
            evidence: open(IssuerKind::Evidence, "现场稽核证据根证书")?,
            tls: open(IssuerKind::Tls, "现场稽核通信根证书")?,
        })
    }
}

/// Length of the PKCS#8 key (4 bytes, big endian), the key, the certificate.
fn new_root(common_name: &str, clock: &dyn Clock, entropy: &dyn Entropy) -> Result<Vec<u8>> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let now = clock.read().wall_ms;
    let serial = new_serial(entropy);
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    // The number keeps two centres' roots apart where both are trusted.
    name.push(
        DnType::CustomDnType(vec![2, 5, 4, 5]),
        hex::encode(serial.get(..4).unwrap_or_default()),
    );
    let mut params = CertificateParams::default();
    params.distinguished_name = name;
    params.serial_number = Some(serial.to_vec().into());
    params.not_before = moment(now.saturating_sub(DAY_MS))?;
    params.not_after = moment(now.saturating_add(ROOT_DAYS.saturating_mul(DAY_MS)))?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::CrlSign,
        KeyUsagePurpose::DigitalSignature,
    ];
    let certificate = params.self_signed(&key)?;
    let pkcs8 = Zeroizing::new(key.serialize_der());
    let length = u32::try_from(pkcs8.len()).map_err(|_| Error::Stored("root"))?;
    let mut stored = length.to_be_bytes().to_vec();
    stored.extend_from_slice(&pkcs8);
    stored.extend_from_slice(certificate.der());
    Ok(stored)
}

fn split_root(stored: &[u8]) -> Result<(&[u8], &[u8])> {
    let damaged = || Error::Stored("root");
    let (length, rest) = stored.split_first_chunk::<4>().ok_or_else(damaged)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| damaged())?;
    rest.split_at_checked(length).ok_or_else(damaged)
}

#[cfg(test)]
mod tests;
