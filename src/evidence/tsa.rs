//! RFC 3161 time stamps: the request, and judging a response.
//!
//! The response is stored untouched as `timestamps/<role>.tsr` and must also pass `openssl ts -verify`.
//! A stamp is the only thing that moves a signature's judged time away from "now" without the centre's
//! word, so everything RFC 3161 asks of it is checked: imprint, nonce, purpose of the certificate, and
//! the certificate's hash inside the signature.

use cms::signed_data::SignerInfo;
use der::asn1::{Any, Int, ObjectIdentifier, OctetString};
use der::{Decode as _, Encode as _, Sequence};
use ring::digest;
use ring::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use rustls_pki_types::CertificateDer;
use spki::AlgorithmIdentifierOwned;
use x509_cert::Certificate;

use crate::asn1;
use crate::chain::{PathFault, TrustRoots, timestamp_profile};
use crate::cms::{
    OID_CONTENT_TYPE, OID_EC_PUBLIC_KEY, OID_ECDSA_SHA256, OID_MESSAGE_DIGEST, OID_SHA256,
    RawSignedData, RawSigner, attribute, names, plain_algorithm,
};
use crate::{EvidenceError, Hash32};

const fn oid(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

const OID_TST_INFO: ObjectIdentifier = oid("1.2.840.113549.1.9.16.1.4");
const OID_SIGNING_CERT: ObjectIdentifier = oid("1.2.840.113549.1.9.16.2.12");
const OID_SIGNING_CERT_V2: ObjectIdentifier = oid("1.2.840.113549.1.9.16.2.47");
const OID_SHA384: ObjectIdentifier = oid("2.16.840.1.101.3.4.2.2");
const OID_SHA512: ObjectIdentifier = oid("2.16.840.1.101.3.4.2.3");
const OID_RSA: ObjectIdentifier = oid("1.2.840.113549.1.1.1");
const OID_RSA_SHA256: ObjectIdentifier = oid("1.2.840.113549.1.1.11");
const OID_RSA_SHA384: ObjectIdentifier = oid("1.2.840.113549.1.1.12");
const OID_RSA_SHA512: ObjectIdentifier = oid("1.2.840.113549.1.1.13");
const OID_ECDSA_SHA384: ObjectIdentifier = oid("1.2.840.10045.4.3.3");
const OID_P256: ObjectIdentifier = oid("1.2.840.10045.3.1.7");
const OID_P384: ObjectIdentifier = oid("1.3.132.0.34");

/// MIME type of a request.
pub const REQUEST_TYPE: &str = "application/timestamp-query";
/// MIME type of a response.
pub const RESPONSE_TYPE: &str = "application/timestamp-reply";

#[derive(Sequence)]
struct MessageImprint {
    algorithm: AlgorithmIdentifierOwned,
    hashed: OctetString,
}

#[derive(Sequence)]
struct Request {
    version: u8,
    imprint: MessageImprint,
    nonce: Int,
    cert_req: bool,
}

/// DER of a request for a stamp over data whose SHA-256 is `data_sha256`; asks for the TSA's
/// certificate. The nonce is random and kept until the response is checked.
///
/// # Errors
/// [`EvidenceError::Der`]; does not happen with these arguments.
pub fn request(data_sha256: &Hash32, nonce: u64) -> Result<Vec<u8>, EvidenceError> {
    let request = Request {
        version: 1,
        imprint: MessageImprint {
            algorithm: AlgorithmIdentifierOwned { oid: OID_SHA256, parameters: Some(Any::null()) },
            hashed: OctetString::new(data_sha256.as_bytes())?,
        },
        nonce: Int::new(&nonce_integer(nonce))?,
        cert_req: true,
    };
    Ok(request.to_der()?)
}

/// Content octets of the nonce as a positive INTEGER.
fn nonce_integer(nonce: u64) -> Vec<u8> {
    let mut bytes: Vec<u8> = nonce.to_be_bytes().iter().copied().skip_while(|b| *b == 0).collect();
    if bytes.first().is_none_or(|b| b & 0x80 != 0) {
        bytes.insert(0, 0);
    }
    bytes
}

/// Why a stamp is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TsaFault {
    /// Not a time stamp response.
    #[error("not a time stamp response")]
    NotAResponse,
    /// The authority refused.
    #[error("the authority refused to stamp")]
    NotGranted,
    /// Stamps other data.
    #[error("stamps other data")]
    OtherData,
    /// Answers another request.
    #[error("answers another request")]
    Nonce,
    /// Algorithms that are not allowed or not known.
    #[error("an algorithm that is not allowed")]
    Algorithm,
    /// The TSA's certificate is not in it, or not the one named in the signed attributes.
    #[error("the authority's certificate is missing or another")]
    Certificate,
    /// Signed attributes missing or wrong.
    #[error("signed attributes missing or wrong")]
    Attributes,
    /// The signature does not hold.
    #[error("the signature of the stamp does not hold")]
    Signature,
    /// The certificate is not for time stamping.
    #[error("the certificate is not one for time stamping")]
    Purpose,
    /// The certificate leads to no given root at the stamp's time.
    #[error("the authority is not trusted: {0}")]
    Path(PathFault),
}

impl TsaFault {
    /// Stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotAResponse => "TSA-NOT-A-RESPONSE",
            Self::NotGranted => "TSA-NOT-GRANTED",
            Self::OtherData => "TSA-OTHER-DATA",
            Self::Nonce => "TSA-NONCE",
            Self::Algorithm => "TSA-ALGORITHM",
            Self::Certificate => "TSA-CERTIFICATE",
            Self::Attributes => "TSA-ATTRIBUTES",
            Self::Signature => "TSA-SIGNATURE",
            Self::Purpose => "TSA-PURPOSE",
            Self::Path(_) => "TSA-UNTRUSTED",
        }
    }
}

/// A stamp that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// Time of the stamp, milliseconds since 1970.
    pub at_ms: i64,
    /// Serial number of the stamp, hex.
    pub serial: String,
}

/// Content of TSTInfo as far as it is judged.
struct TstInfo<'a> {
    imprint_algorithm: AlgorithmIdentifierOwned,
    imprint: &'a [u8],
    serial: &'a [u8],
    at_ms: i64,
    nonce: Option<&'a [u8]>,
}

/// Judges a response over `data`. `nonce` is that of the request, where the caller still knows it.
///
/// # Errors
/// [`TsaFault`].
pub fn verify(
    response: &[u8],
    data: &[u8],
    nonce: Option<u64>,
    roots: &TrustRoots,
) -> Result<Stamp, TsaFault> {
    let token = granted_token(response)?;
    let signed = RawSignedData::read(token).ok_or(TsaFault::NotAResponse)?;
    let content = signed.content.filter(|_| signed.content_type == OID_TST_INFO);
    let content = content.ok_or(TsaFault::NotAResponse)?;
    let info = tst_info(content).ok_or(TsaFault::NotAResponse)?;
    let imprint = hash(&info.imprint_algorithm, data).ok_or(TsaFault::Algorithm)?;
    if imprint.as_ref() != info.imprint {
        return Err(TsaFault::OtherData);
    }
    if nonce.is_some_and(|n| info.nonce != Some(nonce_integer(n).as_slice())) {
        return Err(TsaFault::Nonce);
    }
    let [signer] = signed.signers.as_slice() else { return Err(TsaFault::NotAResponse) };
    let certificates = signed.certificates;
    let (der, certificate) =
        find_signer(&signer.info, &certificates).ok_or(TsaFault::Certificate)?;
    check_attributes(&signer.info, content, der)?;
    verify_signature(signer, &certificate)?;
    timestamp_profile(der).map_err(|_| TsaFault::Purpose)?;
    roots.path(der, &certificates, info.at_ms).map_err(TsaFault::Path)?;
    Ok(Stamp { at_ms: info.at_ms, serial: hex::encode(info.serial) })
}

/// The token of a response that was granted.
fn granted_token(response: &[u8]) -> Result<&[u8], TsaFault> {
    let mut rest = asn1::only(response, asn1::SEQUENCE).ok_or(TsaFault::NotAResponse)?;
    let mut status = asn1::take_tag(&mut rest, asn1::SEQUENCE).ok_or(TsaFault::NotAResponse)?;
    match asn1::take_tag(&mut status, asn1::INTEGER) {
        Some([0 | 1]) => Ok(rest),
        Some(_) => Err(TsaFault::NotGranted),
        None => Err(TsaFault::NotAResponse),
    }
}

fn tst_info(bytes: &[u8]) -> Option<TstInfo<'_>> {
    let mut rest = asn1::only(bytes, asn1::SEQUENCE)?;
    if asn1::take_tag(&mut rest, asn1::INTEGER)? != [1] {
        return None;
    }
    asn1::take_tag(&mut rest, asn1::OBJECT_ID)?;
    let mut imprint = asn1::take_tag(&mut rest, asn1::SEQUENCE)?;
    let before = imprint;
    asn1::take_tag(&mut imprint, asn1::SEQUENCE)?;
    let used = before.len().checked_sub(imprint.len())?;
    let algorithm = AlgorithmIdentifierOwned::from_der(before.get(..used)?).ok()?;
    let hashed = asn1::only(imprint, asn1::OCTET_STRING)?;
    let serial = asn1::take_tag(&mut rest, asn1::INTEGER)?;
    let at_ms = generalized_time(asn1::take_tag(&mut rest, asn1::GENERALIZED_TIME)?)?;
    let mut nonce = None;
    let mut last = 0;
    for element in asn1::children(rest)? {
        // accuracy, ordering, nonce, tsa, extensions: each at most once, in this order
        let place = match element.tag {
            asn1::SEQUENCE => 1,
            asn1::BOOLEAN => 2,
            asn1::INTEGER => 3,
            0xa0 => 4,
            0xa1 => 5,
            _ => return None,
        };
        if place <= last {
            return None;
        }
        last = place;
        if element.tag == asn1::INTEGER {
            nonce = Some(element.value);
        }
    }
    Some(TstInfo { imprint_algorithm: algorithm, imprint: hashed, serial, at_ms, nonce })
}

/// `YYYYMMDDhhmmss[.f…]Z` (RFC 3161 §2.4.2) in milliseconds since 1970.
fn generalized_time(bytes: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(bytes).ok()?.strip_suffix('Z')?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    if whole.len() != 14 || !digits(whole) || !digits(fraction) {
        return None;
    }
    let part = |from: usize, to: usize| whole.get(from..to).unwrap_or_default();
    let millis: String = fraction.chars().chain("000".chars()).take(3).collect();
    let rfc3339 = format!(
        "{}-{}-{}T{}:{}:{}.{millis}Z",
        part(0, 4),
        part(4, 6),
        part(6, 8),
        part(8, 10),
        part(10, 12),
        part(12, 14)
    );
    spotcheck_domain::time::parse_rfc3339(&rfc3339)
}

fn digest_algorithm(oid: ObjectIdentifier) -> Option<&'static digest::Algorithm> {
    match oid {
        OID_SHA256 => Some(&digest::SHA256),
        OID_SHA384 => Some(&digest::SHA384),
        OID_SHA512 => Some(&digest::SHA512),
        _ => None,
    }
}

fn hash(algorithm: &AlgorithmIdentifierOwned, data: &[u8]) -> Option<digest::Digest> {
    if !plain_algorithm(algorithm, algorithm.oid) {
        return None;
    }
    digest_algorithm(algorithm.oid).map(|a| digest::digest(a, data))
}

fn find_signer<'a>(
    signer: &SignerInfo,
    certificates: &'a [CertificateDer<'static>],
) -> Option<(&'a CertificateDer<'static>, Certificate)> {
    certificates.iter().find_map(|der| {
        let certificate = Certificate::from_der(der).ok()?;
        names(signer, &certificate).then_some((der, certificate))
    })
}

/// contentType, messageDigest, and the hash of the signer's certificate (RFC 5035, or RFC 2634 with
/// SHA-1, which here protects only against exchanging one valid certificate for another).
fn check_attributes(signer: &SignerInfo, content: &[u8], der: &[u8]) -> Result<(), TsaFault> {
    let attributes = signer.signed_attrs.as_ref().ok_or(TsaFault::Attributes)?;
    let kind = attribute(attributes, OID_CONTENT_TYPE).and_then(|v| v.decode_as().ok());
    if kind != Some(OID_TST_INFO) {
        return Err(TsaFault::Attributes);
    }
    let expected = hash(&signer.digest_alg, content).ok_or(TsaFault::Algorithm)?;
    let digest = attribute(attributes, OID_MESSAGE_DIGEST)
        .and_then(|v| v.decode_as::<OctetString>().ok())
        .ok_or(TsaFault::Attributes)?;
    if digest.as_bytes() != expected.as_ref() {
        return Err(TsaFault::OtherData);
    }
    let named = if let Some(v2) = attribute(attributes, OID_SIGNING_CERT_V2) {
        let (algorithm, hashed) = ess_cert_id(v2.value()).ok_or(TsaFault::Attributes)?;
        let algorithm = digest_algorithm(algorithm).ok_or(TsaFault::Algorithm)?;
        digest::digest(algorithm, der).as_ref() == hashed
    } else if let Some(v1) = attribute(attributes, OID_SIGNING_CERT) {
        let (_, hashed) = ess_cert_id(v1.value()).ok_or(TsaFault::Attributes)?;
        digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, der).as_ref() == hashed
    } else {
        return Err(TsaFault::Attributes);
    };
    if named { Ok(()) } else { Err(TsaFault::Certificate) }
}

/// Hash algorithm (SHA-256 where not named) and hash of the first certificate in a signing certificate
/// attribute.
fn ess_cert_id(attribute: &[u8]) -> Option<(ObjectIdentifier, &[u8])> {
    let mut rest = attribute;
    let mut list = asn1::take_tag(&mut rest, asn1::SEQUENCE)?;
    let mut first = asn1::take_tag(&mut list, asn1::SEQUENCE)?;
    let mut algorithm = OID_SHA256;
    if let Some(mut named) = asn1::take_tag(&mut first, asn1::SEQUENCE) {
        let content = asn1::take_tag(&mut named, asn1::OBJECT_ID)?;
        algorithm = ObjectIdentifier::from_bytes(content).ok()?;
    }
    Some((algorithm, asn1::take_tag(&mut first, asn1::OCTET_STRING)?))
}

fn verify_signature(signer: &RawSigner<'_>, certificate: &Certificate) -> Result<(), TsaFault> {
    let info = &signer.info;
    let key = &certificate.tbs_certificate.subject_public_key_info;
    let curve = key.algorithm.parameters.as_ref().and_then(|p| p.decode_as().ok());
    let digest = info.digest_alg.oid;
    let algorithm: &dyn VerificationAlgorithm =
        match (info.signature_algorithm.oid, key.algorithm.oid, curve, digest) {
            (OID_ECDSA_SHA256, OID_EC_PUBLIC_KEY, Some(OID_P256), OID_SHA256) => {
                &signature::ECDSA_P256_SHA256_ASN1
            }
            (OID_ECDSA_SHA256, OID_EC_PUBLIC_KEY, Some(OID_P384), OID_SHA256) => {
                &signature::ECDSA_P384_SHA256_ASN1
            }
            (OID_ECDSA_SHA384, OID_EC_PUBLIC_KEY, Some(OID_P256), OID_SHA384) => {
                &signature::ECDSA_P256_SHA384_ASN1
            }
            (OID_ECDSA_SHA384, OID_EC_PUBLIC_KEY, Some(OID_P384), OID_SHA384) => {
                &signature::ECDSA_P384_SHA384_ASN1
            }
            (OID_RSA | OID_RSA_SHA256, OID_RSA, _, OID_SHA256) => {
                &signature::RSA_PKCS1_2048_8192_SHA256
            }
            (OID_RSA | OID_RSA_SHA384, OID_RSA, _, OID_SHA384) => {
                &signature::RSA_PKCS1_2048_8192_SHA384
            }
            (OID_RSA | OID_RSA_SHA512, OID_RSA, _, OID_SHA512) => {
                &signature::RSA_PKCS1_2048_8192_SHA512
            }
            _ => return Err(TsaFault::Algorithm),
        };
    let message = signer.signed_message().ok_or(TsaFault::Attributes)?;
    let public = key.subject_public_key.as_bytes().ok_or(TsaFault::Algorithm)?;
    UnparsedPublicKey::new(algorithm, public)
        .verify(&message, info.signature.as_bytes())
        .map_err(|_| TsaFault::Signature)
}

#[cfg(test)]
mod tests;
