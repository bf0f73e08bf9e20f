//! Judging a signature, more strictly than `openssl cms -verify` does.
//!
//! openssl ignores embedded content, bytes after the end and unsorted attributes; here each is a
//! rejection, because what one program signs another must not read differently. The signer is not
//! searched: the caller says whose certificate it must be, found by its hash in statement.json.

use cms::cert::CertificateChoices;
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{SignedAttributes, SignedData, SignerIdentifier, SignerInfo};
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
    OID_SHA256, OID_SIGNED_DATA, OID_SIGNING_TIME,
};
use crate::Hash32;

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
    let data = strict_signed_data(p7s)?;
    let [info] = data.signer_infos.0.as_slice() else { return Err(CmsFault::Signers) };
    let content = &data.encap_content_info;
    if content.econtent.is_some() {
        return Err(CmsFault::Content);
    }
    let digests_plain = data.digest_algorithms.iter().all(|a| plain_algorithm(a, OID_SHA256));
    if content.econtent_type != OID_DATA
        || !digests_plain
        || data.digest_algorithms.len() != 1
        || !plain_algorithm(&info.digest_alg, OID_SHA256)
        || info.signature_algorithm.oid != OID_ECDSA_SHA256
        || info.signature_algorithm.parameters.is_some()
    {
        return Err(CmsFault::Algorithm);
    }
    let certificate = Certificate::from_der(signer).map_err(|_| CmsFault::OtherSigner)?;
    check_signer_id(info, &certificate)?;
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
    // Re-encoded as SET OF; `strict_signed_data` has shown that these are the bytes in the file.
    let signed = attributes.to_der().map_err(|_| CmsFault::NotDer)?;
    verify_p256(&certificate, &signed, info.signature.as_bytes())?;
    let embedded = data.certificates.map(|set| set.0.into_vec()).unwrap_or_default();
    let certificates = embedded.iter().filter_map(|choice| match choice {
        CertificateChoices::Certificate(c) => c.to_der().ok().map(CertificateDer::from),
        CertificateChoices::Other(_) => None,
    });
    Ok(CmsSignature {
        signing_time_ms: signing_time
            .and_then(|t| i64::try_from(t.to_unix_duration().as_millis()).ok()),
        certificates: certificates.collect(),
    })
}

/// Reads SignedData and insists that writing it again gives the same bytes: that is what DER means, and
/// it covers sorted sets, minimal lengths and trailing bytes at once.
fn strict_signed_data(p7s: &[u8]) -> Result<SignedData, CmsFault> {
    let outer = ContentInfo::from_der(p7s).map_err(|_| CmsFault::NotDer)?;
    if outer.content_type != OID_SIGNED_DATA {
        return Err(CmsFault::NotDer);
    }
    let data: SignedData = outer.content.decode_as().map_err(|_| CmsFault::NotDer)?;
    let content = Any::encode_from(&data).map_err(|_| CmsFault::NotDer)?;
    let again = ContentInfo { content_type: OID_SIGNED_DATA, content };
    if again.to_der().ok().as_deref() == Some(p7s) { Ok(data) } else { Err(CmsFault::NotDer) }
}

fn check_signer_id(info: &SignerInfo, certificate: &Certificate) -> Result<(), CmsFault> {
    let tbs = &certificate.tbs_certificate;
    let named = match &info.sid {
        SignerIdentifier::IssuerAndSerialNumber(id) => {
            info.version == CmsVersion::V1
                && id.issuer == tbs.issuer
                && id.serial_number == tbs.serial_number
        }
        SignerIdentifier::SubjectKeyIdentifier(id) => {
            let own = tbs.get::<SubjectKeyIdentifier>().ok().flatten().map(|(_, k)| k);
            info.version == CmsVersion::V3 && own.as_ref() == Some(id)
        }
    };
    if named { Ok(()) } else { Err(CmsFault::OtherSigner) }
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
