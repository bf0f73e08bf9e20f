//! Certificates as the handheld must see them at enrolment: its own keys, the right profile, the right roots.
//!
//! Profile of evidence.md §4: what signs evidence carries the policy of its role and no TLS purpose; what
//! speaks TLS carries a TLS purpose and none of the policies. One certificate that could do both would let
//! whoever runs the TLS side sign evidence. The evidence half is `evidence::chain`, the same code that
//! judges bundles; only the TLS half is judged here.

use der::{Decode, Encode};
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use spotcheck_evidence::chain::{
    Role, TrustRoots, certificates_from_pem, leaf_profile, public_key_of,
};
use webpki::{EndEntityCert, KeyUsage};
use x509_cert::Certificate;
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::request::CertReq;

/// What is wrong; for the log only.
pub(crate) type Fault = String;

const SERIAL_NUMBER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.5");
const POLICIES: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.32");

/// Arc 2.25.324750978229347175992892312150139303405.1 (evidence.md §4), content octets.
const POLICY_ARC: [u8; 21] = [
    0x69, 0x83, 0xe8, 0xd0, 0xe1, 0xda, 0xd0, 0xcc, 0x92, 0xe8, 0x9f, 0x9b, 0xdc, 0xd4, 0x94, 0x95,
    0xbd, 0xc5, 0xeb, 0x6d, 0x01,
];

/// What a certificate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// mTLS of the handheld.
    Tls,
    /// Evidence signatures of an officer.
    Officer,
    /// Evidence signatures of the handheld.
    Device,
}

/// All certificates of a PEM text, leaf first.
pub(crate) fn chain(pem: &str) -> Result<Vec<CertificateDer<'static>>, Fault> {
    certificates_from_pem(pem.as_bytes()).map_err(|error| error.to_string())
}

/// SubjectPublicKeyInfo (DER) of a PKCS#10 request.
pub(crate) fn request_key(csr: &[u8]) -> Result<Vec<u8>, Fault> {
    let request = CertReq::from_der(csr).map_err(|error| format!("own request: {error}"))?;
    request.info.public_key.to_der().map_err(|error| format!("own request: {error}"))
}

/// notBefore and notAfter of the first certificate of a PEM text, milliseconds since 1970.
pub(crate) fn validity_ms(pem: &str) -> Option<(i64, i64)> {
    let chain = chain(pem).ok()?;
    let leaf = Certificate::from_der(chain.first()?).ok()?;
    let validity = &leaf.tbs_certificate.validity;
    let begins = validity.not_before.to_unix_duration().as_millis();
    let ends = validity.not_after.to_unix_duration().as_millis();
    Some((i64::try_from(begins).ok()?, i64::try_from(ends).ok()?))
}

/// Checks that the leaf carries `key`, names `id` and fits `profile`.
pub(crate) fn check_leaf(
    leaf: &CertificateDer<'_>,
    key: &[u8],
    id: &str,
    profile: Profile,
) -> Result<(), Fault> {
    if public_key_of(leaf).as_deref() != Some(key) {
        return Err("the certificate is for another key than the one asked for".to_owned());
    }
    let named = match profile {
        Profile::Tls => tls_name(leaf)?,
        Profile::Officer => named(leaf, Role::Inspector)?,
        Profile::Device => named(leaf, Role::Device)?,
    };
    if named == id.as_bytes() { Ok(()) } else { Err("serialNumber is not the id".to_owned()) }
}

fn named(leaf: &CertificateDer<'_>, role: Role) -> Result<Vec<u8>, Fault> {
    let profile = leaf_profile(leaf, role).map_err(|error| error.to_string())?;
    Ok(profile.serial_number.unwrap_or_default().into_bytes())
}

/// `serialNumber` of a TLS certificate, which may not name a policy of ours.
pub(crate) fn tls_name(leaf: &CertificateDer<'_>) -> Result<Vec<u8>, Fault> {
    let certificate = Certificate::from_der(leaf).map_err(|error| error.to_string())?;
    let tbs = &certificate.tbs_certificate;
    let ours = tbs.extensions.iter().flatten().any(|extension| {
        let value = extension.extn_value.as_bytes();
        extension.extn_id == POLICIES && value.windows(POLICY_ARC.len()).any(|w| w == POLICY_ARC)
    });
    if ours {
        return Err("a TLS certificate with an evidence policy".to_owned());
    }
    let names = tbs.subject.0.iter().flat_map(|rdn| rdn.0.iter());
    let mut serials = names.filter(|attribute| attribute.oid == SERIAL_NUMBER);
    match (serials.next(), serials.next()) {
        (Some(serial), None) => Ok(serial.value.value().to_vec()),
        _ => Err("not exactly one serialNumber".to_owned()),
    }
}

/// Checks the path from the chain's leaf to one of the roots at `at`.
pub(crate) fn check_path(
    chain: &[CertificateDer<'_>],
    roots_pem: &str,
    profile: Profile,
    at: UnixTime,
) -> Result<(), Fault> {
    let (leaf, intermediates) = chain.split_first().ok_or("empty chain")?;
    if profile != Profile::Tls {
        let roots =
            TrustRoots::from_pem(roots_pem.as_bytes()).map_err(|error| error.to_string())?;
        let at_ms = i64::try_from(at.as_secs()).unwrap_or(i64::MAX).saturating_mul(1000);
        return roots
            .path(leaf, intermediates, at_ms)
            .map(|_| ())
            .map_err(|error| error.to_string());
    }
    let roots = certificates_from_pem(roots_pem.as_bytes()).map_err(|error| error.to_string())?;
    let anchors: Vec<TrustAnchor<'_>> = roots
        .iter()
        .map(webpki::anchor_from_trusted_cert)
        .collect::<Result<_, _>>()
        .map_err(|error| format!("roots: {error}"))?;
    EndEntityCert::try_from(leaf)
        .and_then(|leaf| {
            leaf.verify_for_usage(
                webpki::ALL_VERIFICATION_ALGS,
                &anchors,
                intermediates,
                at,
                KeyUsage::client_auth(),
                None,
                None,
            )
            .map(|_| ())
        })
        .map_err(|error| error.to_string())
}

/// Checks an ECDSA P-256 SHA-256 signature (ASN.1) by the key of a certificate.
pub(crate) fn check_signature(
    certificate: &CertificateDer<'_>,
    message: &[u8],
    signature: &[u8],
) -> Result<(), Fault> {
    EndEntityCert::try_from(certificate)
        .and_then(|c| c.verify_signature(webpki::ring::ECDSA_P256_SHA256, message, signature))
        .map_err(|error| error.to_string())
}
