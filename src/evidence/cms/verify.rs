//! Judging a signature, more strictly than `openssl cms -verify` does.
//!
//! openssl ignores embedded content, bytes after the end and unsorted attributes; here each is a
//! rejection, because what one program signs another must not read differently. The signer is not
//! searched: the caller says whose certificate it must be, found by its hash in statement.json.

use cms::content_info::CmsVersion;
use cms::signed_data::{SignedAttributes, SignerIdentifier, SignerInfo};
use der::asn1::{Any, ObjectIdentifier, OctetString};
use der::{Decode as _, Encode as _};
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use rustls_pki_types::CertificateDer;
use spki::AlgorithmIdentifierOwned;
use x509_cert::Certificate;
use x509_cert::ext::pkix::SubjectKeyIdentifier;
use x509_cert::time::Time;

use super::{
    OID_CONTENT_TYPE, OID_DATA, OID_EC_PUBLIC_KEY, OID_ECDSA_SHA256, OID_MESSAGE_DIGEST, OID_P256,
    OID_SHA256, OID_SIGNING_TIME, RawSignedData,
};
use crate::chain::{Profile, Role, TrustRoots, leaf_profile};
use crate::{EvidenceError, Hash32};

/// Why a signature is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CmsFault {
    /// Not CMS SignedData in DER, or bytes after its end, or a set that is not sorted.
    #[error("not CMS in DER")]
    NotDer,
    /// Not exactly one SignerInfo.
    #[error("not exactly one signer")]
    Signers,
    /// Content inside the signature file.
    #[error("content inside the signature")]
    Content,
    /// Another algorithm than SHA-256 with ECDSA on P-256.
    #[error("an algorithm that is not allowed")]
    Algorithm,
    /// Signed attributes missing, repeated or wrong.
    #[error("signed attributes missing or wrong")]
    Attributes,
    /// The signature is over other content.
    #[error("signed over other content")]
    Digest,
    /// The signature names another certificate.
    #[error("signed by another certificate")]
    OtherSigner,
    /// The signature does not hold.
    #[error("the signature does not hold")]
    Signature,
}

impl CmsFault {
    /// Stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotDer => "SIG-NOT-DER",
            Self::Signers => "SIG-NOT-ONE-SIGNER",
            Self::Content => "SIG-EMBEDDED-CONTENT",
            Self::Algorithm => "SIG-ALGORITHM",
            Self::Attributes => "SIG-ATTRIBUTES",
            Self::Digest => "SIG-OTHER-CONTENT",
            Self::OtherSigner => "SIG-OTHER-SIGNER",
            Self::Signature => "SIG-INVALID",
        }
    }
}

/// What a good signature brings along.
#[derive(Debug, Clone)]
pub struct CmsSignature {
    /// Claimed signing time in milliseconds since 1970; proves nothing.
    pub signing_time_ms: Option<i64>,
    /// Embedded certificates, to build a path with.
    pub certificates: Vec<CertificateDer<'static>>,
}

/// Checks that `p7s` is a detached signature over content with this SHA-256 by the key of `signer`.
/// Says nothing about who vouches for that certificate.
///
/// # Errors
/// [`CmsFault`].
pub fn verify_detached(
    p7s: &[u8],
    content_sha256: &Hash32,
    signer: &CertificateDer<'_>,
) -> Result<CmsSignature, CmsFault> {
    let data = RawSignedData::read(p7s).ok_or(CmsFault::NotDer)?;
    let [signed] = data.signers.as_slice() else { return Err(CmsFault::Signers) };
    if data.content.is_some() {
        return Err(CmsFault::Content);
    }
    if !data.is_der() {
        return Err(CmsFault::NotDer);
    }
    let info = &signed.info;
    let [digest] = data.digest_algorithms.as_slice() else { return Err(CmsFault::Algorithm) };
    if data.content_type != OID_DATA
        || !plain_algorithm(digest, OID_SHA256)
        || !plain_algorithm(&info.digest_alg, OID_SHA256)
        || info.signature_algorithm.oid != OID_ECDSA_SHA256
        || info.signature_algorithm.parameters.is_some()
    {
        return Err(CmsFault::Algorithm);
    }
    let certificate = Certificate::from_der(signer).map_err(|_| CmsFault::OtherSigner)?;
    if !names(info, &certificate) {
        return Err(CmsFault::OtherSigner);
    }
    let attributes = info.signed_attrs.as_ref().ok_or(CmsFault::Attributes)?;
    let kind = attribute(attributes, OID_CONTENT_TYPE).ok_or(CmsFault::Attributes)?;
    if kind.decode_as::<ObjectIdentifier>().ok() != Some(OID_DATA) {
        return Err(CmsFault::Attributes);
    }
    let digest = attribute(attributes, OID_MESSAGE_DIGEST).ok_or(CmsFault::Attributes)?;
    let digest: OctetString = digest.decode_as().map_err(|_| CmsFault::Attributes)?;
    if digest.as_bytes() != content_sha256.as_bytes() {
        return Err(CmsFault::Digest);
    }
    let times = attributes.iter().filter(|a| a.oid == OID_SIGNING_TIME).count();
    let signing_time = match (times, attribute(attributes, OID_SIGNING_TIME)) {
        (0, _) => None,
        (1, Some(value)) => {
            let der = value.to_der().map_err(|_| CmsFault::Attributes)?;
            Some(Time::from_der(&der).map_err(|_| CmsFault::Attributes)?)
        }
        _ => return Err(CmsFault::Attributes),
    };
    let message = signed.signed_message().ok_or(CmsFault::Attributes)?;
    verify_p256(&certificate, &message, info.signature.as_bytes())?;
    Ok(CmsSignature {
        signing_time_ms: signing_time
            .and_then(|t| i64::try_from(t.to_unix_duration().as_millis()).ok()),
        certificates: data.certificates,
    })
}

/// Most certificates that a signature may bring.
const MAX_EMBEDDED: usize = 16;

/// Certificates that a CMS signature brings along, for whoever has to find the signer among them: nothing is
/// said about them. None where it is no CMS.
#[must_use]
pub fn certificates(p7s: &[u8]) -> Vec<CertificateDer<'static>> {
    let mut found = RawSignedData::read(p7s).map(|data| data.certificates).unwrap_or_default();
    found.truncate(MAX_EMBEDDED);
    found
}

/// A signature over any content by one expected certificate that must fit `role` and lead to `roots` at
/// `at_ms`; e.g. package.json.p7s by the centre.
///
/// # Errors
/// [`EvidenceError::Signature`] with the stable code of what does not hold.
pub fn verify_by(
    p7s: &[u8],
    content_sha256: &Hash32,
    signer: &CertificateDer<'_>,
    role: Role,
    roots: &TrustRoots,
    at_ms: i64,
) -> Result<Profile, EvidenceError> {
    let signature = verify_detached(p7s, content_sha256, signer)
        .map_err(|fault| EvidenceError::Signature(fault.code()))?;
    let profile =
        leaf_profile(signer, role).map_err(|fault| EvidenceError::Signature(fault.code()))?;
    roots
        .path(signer, &signature.certificates, at_ms)
        .map_err(|fault| EvidenceError::Signature(fault.code()))?;
    Ok(profile)
}

/// True if the signer's identifier names this certificate, in the version that fits it.
pub(crate) fn names(info: &SignerInfo, certificate: &Certificate) -> bool {
    let tbs = &certificate.tbs_certificate;
    match &info.sid {
        SignerIdentifier::IssuerAndSerialNumber(id) => {
            info.version == CmsVersion::V1
                && id.issuer == tbs.issuer
                && id.serial_number == tbs.serial_number
        }
        SignerIdentifier::SubjectKeyIdentifier(id) => {
            let own = tbs.get::<SubjectKeyIdentifier>().ok().flatten().map(|(_, k)| k);
            info.version == CmsVersion::V3 && own.as_ref() == Some(id)
        }
    }
}

fn verify_p256(
    certificate: &Certificate,
    message: &[u8],
    signature: &[u8],
) -> Result<(), CmsFault> {
    let key = &certificate.tbs_certificate.subject_public_key_info;
    let curve = key.algorithm.parameters.as_ref();
    let curve = curve.and_then(|p| p.decode_as::<ObjectIdentifier>().ok());
    if key.algorithm.oid != OID_EC_PUBLIC_KEY || curve != Some(OID_P256) {
        return Err(CmsFault::Algorithm);
    }
    let point = key.subject_public_key.as_bytes().ok_or(CmsFault::Algorithm)?;
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point)
        .verify(message, signature)
        .map_err(|_| CmsFault::Signature)
}

/// The single value of the single attribute with this OID.
pub(crate) fn attribute(attributes: &SignedAttributes, oid: ObjectIdentifier) -> Option<&Any> {
    let mut found = attributes.iter().filter(|a| a.oid == oid);
    let (attribute, None) = (found.next()?, found.next()) else { return None };
    match attribute.values.as_slice() {
        [value] => Some(value),
        _ => None,
    }
}

/// This algorithm, with absent or NULL parameters.
pub(crate) fn plain_algorithm(algorithm: &AlgorithmIdentifierOwned, oid: ObjectIdentifier) -> bool {
    algorithm.oid == oid && algorithm.parameters.as_ref().is_none_or(Any::is_null)
}
