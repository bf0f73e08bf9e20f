//! Certificates: profile, path to a given root, revocation, all at a given time.
//!
//! The path is built by `rustls-webpki` with the given roots only. webpki wants a purpose (EKU); evidence
//! certificates have none, so the purposes of a path are judged here and webpki is told to accept any.
//! webpki also does not look at the root's own dates and path length, at CA key usage, or at revocation
//! dates; these are looked at here, because `openssl cms -verify` does.

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, KeyPurposeIdIter};
use x509_cert::Certificate;
use x509_cert::der::{Decode as _, Encode as _};

use crate::EvidenceError;

mod crl;
mod profile;

pub use crl::{CrlFault, CrlSet, Revocation};
pub use profile::{Profile, ProfileFault, Role, leaf_profile, policy_extension, timestamp_profile};

/// Most certificates that one bundle or signature may bring.
const MAX_CERTIFICATES: usize = 64;

/// Why a certificate leads to no trusted root at the judged time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathFault {
    /// Not a certificate.
    #[error("not a certificate")]
    Malformed,
    /// No path to a given root.
    #[error("no path to a trusted root")]
    UnknownIssuer,
    /// A certificate of the path is not valid yet.
    #[error("not valid yet at the judged time")]
    NotYetValid,
    /// A certificate of the path has run out.
    #[error("no longer valid at the judged time")]
    Expired,
    /// An issuer is not a CA, or may not sign certificates.
    #[error("an issuer is not a CA")]
    NotACa,
    /// More CAs below a CA than it allows.
    #[error("path longer than a CA allows")]
    PathLength,
    /// A signature in the path does not hold.
    #[error("a signature in the path does not hold")]
    Signature,
    /// A critical extension or an algorithm that is not known.
    #[error("a critical extension or algorithm that is not known")]
    Unsupported,
    /// The certificate may not be used for this.
    #[error("not allowed for this purpose")]
    Purpose,
    /// Anything else that webpki refuses.
    #[error("the path is refused")]
    Refused,
}

impl PathFault {
    /// Stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "CERT-MALFORMED",
            Self::UnknownIssuer => "CERT-UNTRUSTED",
            Self::NotYetValid => "CERT-NOT-YET-VALID",
            Self::Expired => "CERT-EXPIRED",
            Self::NotACa => "CERT-ISSUER-NOT-CA",
            Self::PathLength => "CERT-PATH-LENGTH",
            Self::Signature => "CERT-SIGNATURE",
            Self::Unsupported => "CERT-UNSUPPORTED",
            Self::Purpose => "CERT-PURPOSE",
            Self::Refused => "CERT-REFUSED",
        }
    }
}

impl From<webpki::Error> for PathFault {
    fn from(error: webpki::Error) -> Self {
        use webpki::Error as E;
        match error {
            E::UnknownIssuer => Self::UnknownIssuer,
            E::CertNotValidYet { .. } => Self::NotYetValid,
            E::CertExpired { .. } => Self::Expired,
            E::EndEntityUsedAsCa | E::CaUsedAsEndEntity => Self::NotACa,
            E::PathLenConstraintViolated => Self::PathLength,
            E::InvalidSignatureForPublicKey => Self::Signature,
            E::UnsupportedCriticalExtension
            | E::UnsupportedCertVersion
            | E::UnsupportedSignatureAlgorithmContext(_)
            | E::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => Self::Unsupported,
            E::RequiredEkuNotFoundContext(_) | E::EmptyEkuExtension => Self::Purpose,
            E::BadDer | E::BadDerTime | E::MalformedExtensions | E::TrailingData(_) => {
                Self::Malformed
            }
            _ => Self::Refused,
        }
    }
}

/// Certificates of a PEM text, in their order.
///
/// # Errors
/// [`EvidenceError::Pem`] if there is none, one is damaged, or there are too many.
pub fn certificates_from_pem(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, EvidenceError> {
    let found: Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(pem).take(MAX_CERTIFICATES.saturating_add(1)).collect();
    let found = found.map_err(|_| EvidenceError::Pem)?;
    let parses = found.iter().all(|c| Certificate::from_der(c).is_ok());
    if found.is_empty() || found.len() > MAX_CERTIFICATES || !parses {
        return Err(EvidenceError::Pem);
    }
    Ok(found)
}

/// A certificate as PEM text, the form of `certificates/*.pem`.
#[must_use]
pub fn certificate_to_pem(der: &[u8]) -> String {
    pem("CERTIFICATE", der)
}

/// DER as PEM text.
pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    use base64::Engine as _;
    let encoded = base64::engine::general_purpose::STANDARD.encode(der);
    let mut text = format!("-----BEGIN {label}-----\n");
    for (n, c) in encoded.chars().enumerate() {
        if n != 0 && n.is_multiple_of(64) {
            text.push('\n');
        }
        text.push(c);
    }
    text.push_str(&format!("\n-----END {label}-----\n"));
    text
}

/// The only certificates trusted.
#[derive(Debug)]
pub struct TrustRoots {
    roots: Vec<Root>,
}

#[derive(Debug)]
struct Root {
    anchor: TrustAnchor<'static>,
    limits: CaLimits,
}

/// What a CA certificate says about itself.
#[derive(Debug, Clone, Copy)]
struct CaLimits {
    from: u64,
    until: u64,
    may_issue: bool,
    path_len: Option<u8>,
}

impl CaLimits {
    fn of(certificate: &Certificate) -> Option<Self> {
        use x509_cert::ext::pkix::{BasicConstraints, KeyUsage};
        let tbs = &certificate.tbs_certificate;
        let validity = &tbs.validity;
        let basic = tbs.get::<BasicConstraints>().ok()?.map(|(_, b)| b);
        let usage = tbs.get::<KeyUsage>().ok()?.map(|(_, u)| u);
        Some(Self {
            from: validity.not_before.to_unix_duration().as_secs(),
            until: validity.not_after.to_unix_duration().as_secs(),
            may_issue: basic.as_ref().is_some_and(|b| b.ca)
                && usage.is_none_or(|u| u.key_cert_sign()),
            path_len: basic.and_then(|b| b.path_len_constraint),
        })
    }
}

impl TrustRoots {
    /// From a PEM text with one or more certificates.
    ///
    /// # Errors
    /// [`EvidenceError::Pem`].
    pub fn from_pem(pem: &[u8]) -> Result<Self, EvidenceError> {
        let mut roots = Vec::new();
        for der in certificates_from_pem(pem)? {
            let anchor = webpki::anchor_from_trusted_cert(&der).map_err(|_| EvidenceError::Pem)?;
            let certificate = Certificate::from_der(&der)?;
            let limits = CaLimits::of(&certificate).ok_or(EvidenceError::Pem)?;
            roots.push(Root { anchor: anchor.to_owned(), limits });
        }
        Ok(Self { roots })
    }

    /// Builds a path from `leaf` over `pool` to one of the roots, valid at `at_ms`.
    ///
    /// # Errors
    /// [`PathFault`].
    pub fn path(
        &self,
        leaf: &CertificateDer<'_>,
        pool: &[CertificateDer<'_>],
        at_ms: i64,
    ) -> Result<CertPath, PathFault> {
        let at = UnixTime::since_unix_epoch(std::time::Duration::from_millis(
            u64::try_from(at_ms).unwrap_or(0),
        ));
        let anchors: Vec<_> = self.roots.iter().map(|r| r.anchor.clone()).collect();
        let end_entity = EndEntityCert::try_from(leaf)?;
        let path = end_entity.verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            &anchors,
            pool,
            at,
            AnyPurpose,
            None,
            None,
        )?;
        let issuers: Vec<CertificateDer<'static>> =
            path.intermediate_certificates().map(|c| c.der().into_owned()).collect();
        let (subject, key) = (&path.anchor().subject, &path.anchor().subject_public_key_info);
        // One CA key may be given with several certificates of different dates.
        let same_key = self
            .roots
            .iter()
            .filter(|r| r.anchor.subject == *subject && r.anchor.subject_public_key_info == *key);
        let mut fault = PathFault::UnknownIssuer;
        for root in same_key {
            match check_limits(root.limits, &issuers, at.as_secs()) {
                Ok(()) => return Ok(CertPath { leaf: leaf.clone().into_owned(), issuers }),
                Err(found) => fault = found,
            }
        }
        Err(fault)
    }
}

/// What webpki leaves out: dates, CA flag and path length of the root, key usage of every CA.
fn check_limits(
    root: CaLimits,
    issuers: &[CertificateDer<'static>],
    at: u64,
) -> Result<(), PathFault> {
    if at < root.from {
        return Err(PathFault::NotYetValid);
    }
    if at > root.until {
        return Err(PathFault::Expired);
    }
    let below = issuers.len();
    if !root.may_issue {
        return Err(PathFault::NotACa);
    }
    if root.path_len.is_some_and(|most| below > usize::from(most)) {
        return Err(PathFault::PathLength);
    }
    for issuer in issuers {
        let certificate = Certificate::from_der(issuer).map_err(|_| PathFault::Malformed)?;
        if !CaLimits::of(&certificate).is_some_and(|l| l.may_issue) {
            return Err(PathFault::NotACa);
        }
    }
    Ok(())
}

/// A path that holds: the leaf and the certificates between it and the root, leaf's issuer first.
#[derive(Debug, Clone)]
pub struct CertPath {
    leaf: CertificateDer<'static>,
    issuers: Vec<CertificateDer<'static>>,
}

impl CertPath {
    /// Certificates that a CRL could name: leaf first, the root left out.
    pub(crate) fn certificates(&self) -> impl Iterator<Item = &CertificateDer<'static>> {
        std::iter::once(&self.leaf).chain(&self.issuers)
    }
}

/// Purposes are judged on the leaf by [`leaf_profile`] and [`timestamp_profile`].
struct AnyPurpose;

impl webpki::ExtendedKeyUsageValidator for AnyPurpose {
    fn validate(&self, _: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        Ok(())
    }
}

/// DER of a certificate's public key, to compare keys.
#[must_use]
pub fn public_key_of(certificate: &[u8]) -> Option<Vec<u8>> {
    let certificate = Certificate::from_der(certificate).ok()?;
    certificate.tbs_certificate.subject_public_key_info.to_der().ok()
}

/// CRLs of a PEM text; a text without any is an empty list.
pub(crate) fn crls_from_pem(
    pem: &[u8],
) -> Result<Vec<CertificateRevocationListDer<'static>>, EvidenceError> {
    let found: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(pem)
        .take(MAX_CERTIFICATES.saturating_add(1))
        .collect();
    found.ok().filter(|f| f.len() <= MAX_CERTIFICATES).ok_or(EvidenceError::Pem)
}

#[cfg(test)]
mod tests;
