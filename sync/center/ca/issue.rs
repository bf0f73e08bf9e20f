//! Issuing certificates by profile (evidence.md §4).
//!
//! From a request only the public key is taken; names, usages and policies are the centre's. So a handheld
//! cannot ask its way into another role.

use rcgen::{
    CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData,
};
use rustls_pki_types::CertificateSigningRequestDer;
use spotcheck_domain::{Clock, Entropy};

use super::policy::{DEVICE_POLICY, OFFICER_POLICY, extension};
use super::{Authority, BACKDATE_MS, DAY_MS, certificate_pem, moment, new_serial};
use crate::objects::sha256_hex;
use crate::repository::{CertificateKind, CertificateRow};
use crate::{Error, Result};

/// Days a certificate is valid, by purpose.
const fn days(kind: CertificateKind) -> i64 {
    match kind {
        CertificateKind::Server => 397,
        CertificateKind::DeviceTls => 365,
        CertificateKind::Device | CertificateKind::Officer => 730,
        CertificateKind::Centre => 1095,
    }
}

/// What to issue.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Purpose; decides usages and policies.
    pub kind: CertificateKind,
    /// `serialNumber` of the subject: device or officer id.
    pub subject: &'a str,
    /// Common name.
    pub name: &'a str,
    /// For an officer: the handheld the key lies on.
    pub device: Option<&'a str>,
    /// For the server: names and addresses.
    pub names: &'a [String],
    /// Not valid after, if something ends earlier than the profile.
    pub until_ms: Option<i64>,
}

/// A new certificate.
#[derive(Debug, Clone)]
pub struct Issued {
    /// Row for the repository.
    pub row: CertificateRow,
    /// The certificate as PEM.
    pub pem: String,
}

/// Reads a PKCS#10 request: its signature must hold and its key must be P-256.
///
/// # Errors
/// [`Error::Certificate`].
pub fn public_key_of(csr: &[u8]) -> Result<rcgen::PublicKey> {
    let csr = CertificateSigningRequestParams::from_der(&CertificateSigningRequestDer::from(csr))?;
    if csr.public_key.algorithm() == &PKCS_ECDSA_P256_SHA256 {
        Ok(csr.public_key)
    } else {
        Err(Error::Certificate("the key is not P-256".to_owned()))
    }
}

impl Authority {
    /// Issues a certificate for a public key.
    ///
    /// # Errors
    /// A name that fits no certificate, or a time out of range.
    pub fn issue(
        &self,
        request: &Request<'_>,
        key: &impl PublicKeyData,
        clock: &dyn Clock,
        entropy: &dyn Entropy,
    ) -> Result<Issued> {
        let now = clock.read().wall_ms;
        let serial = new_serial(entropy);
        let not_before_ms = now.saturating_sub(BACKDATE_MS);
        let profile_end = now.saturating_add(days(request.kind).saturating_mul(DAY_MS));
        let not_after_ms = request.until_ms.map_or(profile_end, |until| until.min(profile_end));
        if not_after_ms <= now {
            return Err(Error::Certificate("would end before it begins".to_owned()));
        }

        let mut params = CertificateParams::new(request.names)?;
        let mut name = DistinguishedName::new();
        name.push(DnType::CommonName, request.name);
        name.push(DnType::CustomDnType(vec![2, 5, 4, 5]), request.subject);
        params.distinguished_name = name;
        params.serial_number = Some(serial.to_vec().into());
        params.not_before = moment(not_before_ms)?;
        params.not_after = moment(not_after_ms)?;
        params.is_ca = IsCa::ExplicitNoCa;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        match request.kind {
            CertificateKind::Server => {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            }
            CertificateKind::DeviceTls => {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            }
            CertificateKind::Device => {
                params.key_usages.push(KeyUsagePurpose::ContentCommitment);
                params.custom_extensions.push(extension(DEVICE_POLICY));
            }
            CertificateKind::Officer => {
                params.key_usages.push(KeyUsagePurpose::ContentCommitment);
                params.custom_extensions.push(extension(OFFICER_POLICY));
            }
            CertificateKind::Centre => {
                params.key_usages.push(KeyUsagePurpose::ContentCommitment);
            }
        }
        let certificate = params.signed_by(key, &self.issuer)?;
        let der = certificate.der().to_vec();
        Ok(Issued {
            pem: certificate_pem(&der),
            row: CertificateRow {
                sha256: sha256_hex(&der),
                issuer: self.kind,
                serial: hex::encode(serial),
                kind: request.kind,
                subject: request.subject.to_owned(),
                device: request.device.map(str::to_owned),
                not_before_ms,
                not_after_ms,
                der,
            },
        })
    }
}
