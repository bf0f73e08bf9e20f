//! Making a signature.
//!
//! The outer parts are put together by hand, because the typed crates do not sort a SET OF certificates by
//! its bytes (see `raw`); names, algorithms and attributes are theirs.

use cms::cert::IssuerAndSerialNumber;
use der::asn1::{Any, ObjectIdentifier, OctetString, SetOfVec};
use der::{Decode as _, Encode as _};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use rustls_pki_types::CertificateDer;
use spki::AlgorithmIdentifierOwned;
use x509_cert::Certificate;
use x509_cert::attr::Attribute;
use x509_cert::time::Time;

use super::raw::{set_of, sorted};
use super::{
    OID_CONTENT_TYPE, OID_DATA, OID_ECDSA_SHA256, OID_MESSAGE_DIGEST, OID_SHA256, OID_SIGNED_DATA,
    OID_SIGNING_TIME,
};
use crate::{EvidenceError, Hash32, asn1};

/// A P-256 private key, wherever it lives.
pub trait P256Signer {
    /// The public key: 65 bytes, uncompressed point.
    fn public_key(&self) -> &[u8];

    /// DER `ECDSA-Sig-Value` over SHA-256 of `message`.
    ///
    /// # Errors
    /// [`EvidenceError::Key`] if the key cannot be used now.
    fn sign_sha256_message(&self, message: &[u8]) -> Result<Vec<u8>, EvidenceError>;
}

/// A P-256 key in memory, by ring.
pub struct RingP256 {
    pair: EcdsaKeyPair,
    random: SystemRandom,
}

impl RingP256 {
    /// From PKCS#8 v1 DER; the caller wipes its copy.
    ///
    /// # Errors
    /// [`EvidenceError::Key`] if the bytes are not such a key.
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, EvidenceError> {
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8, &random)
            .map_err(|_| EvidenceError::Key("not a P-256 key in PKCS#8"))?;
        Ok(Self { pair, random })
    }
}

impl std::fmt::Debug for RingP256 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RingP256").finish_non_exhaustive()
    }
}

impl P256Signer for RingP256 {
    fn public_key(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    fn sign_sha256_message(&self, message: &[u8]) -> Result<Vec<u8>, EvidenceError> {
        let signature = self
            .pair
            .sign(&self.random, message)
            .map_err(|_| EvidenceError::Key("signing failed"))?;
        Ok(signature.as_ref().to_vec())
    }
}

/// A detached signature over content whose SHA-256 is `content_sha256`.
///
/// `chain` is the signer's certificate first, then its CAs (a root is not needed); all are embedded.
/// `signing_time_ms` is what the signer's clock said; it proves nothing and may be left out.
///
/// # Errors
/// [`EvidenceError::OtherCertificate`] if the first certificate is not the key's,
/// [`EvidenceError::Key`] if the key does not sign, [`EvidenceError::Der`] for a certificate that is not
/// DER.
pub fn sign_detached(
    content_sha256: &Hash32,
    signer: &dyn P256Signer,
    chain: &[CertificateDer<'_>],
    signing_time_ms: Option<i64>,
) -> Result<Vec<u8>, EvidenceError> {
    let own = chain.first().ok_or(EvidenceError::OtherCertificate)?;
    let own = Certificate::from_der(own)?;
    let tbs = &own.tbs_certificate;
    if tbs.subject_public_key_info.subject_public_key.raw_bytes() != signer.public_key() {
        return Err(EvidenceError::OtherCertificate);
    }
    let mut attributes = vec![
        one(OID_CONTENT_TYPE, Any::encode_from(&OID_DATA)?)?,
        one(OID_MESSAGE_DIGEST, Any::encode_from(&OctetString::new(content_sha256.as_bytes())?)?)?,
    ];
    if let Some(ms) = signing_time_ms {
        attributes.push(one(OID_SIGNING_TIME, Any::encode_from(&time(ms)?)?)?);
    }
    let attributes: Vec<Vec<u8>> =
        attributes.iter().map(Attribute::to_der).collect::<Result<_, _>>()?;
    // RFC 5652 §5.4: signed as SET OF, whatever tag it carries inside SignerInfo.
    let signature = signer.sign_sha256_message(&set_of(attributes.clone()))?;
    let sid = IssuerAndSerialNumber {
        issuer: tbs.issuer.clone(),
        serial_number: tbs.serial_number.clone(),
    };
    let info = [
        asn1::put(asn1::INTEGER, &[1]),
        sid.to_der()?,
        plain(OID_SHA256).to_der()?,
        asn1::put(0xa0, &sorted(attributes)),
        plain(OID_ECDSA_SHA256).to_der()?,
        asn1::put(asn1::OCTET_STRING, &signature),
    ];
    let data = [
        asn1::put(asn1::INTEGER, &[1]),
        set_of(vec![plain(OID_SHA256).to_der()?]),
        asn1::put(asn1::SEQUENCE, &OID_DATA.to_der()?),
        asn1::put(0xa0, &sorted(chain.iter().map(|c| c.to_vec()).collect())),
        set_of(vec![asn1::put(asn1::SEQUENCE, &info.concat())]),
    ];
    let data = asn1::put(0xa0, &asn1::put(asn1::SEQUENCE, &data.concat()));
    Ok(asn1::put(asn1::SEQUENCE, &[OID_SIGNED_DATA.to_der()?, data].concat()))
}

fn plain(oid: ObjectIdentifier) -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned { oid, parameters: None }
}

fn one(oid: ObjectIdentifier, value: Any) -> Result<Attribute, EvidenceError> {
    Ok(Attribute { oid, values: SetOfVec::try_from(vec![value])? })
}

/// UTCTime until 2049, GeneralizedTime after (RFC 5652 §11.3).
fn time(ms: i64) -> Result<Time, EvidenceError> {
    let seconds = u64::try_from(ms.div_euclid(1000)).unwrap_or(0);
    let since = std::time::Duration::from_secs(seconds);
    match der::asn1::UtcTime::from_unix_duration(since) {
        Ok(utc) => Ok(Time::UtcTime(utc)),
        Err(_) => Ok(Time::GeneralTime(der::asn1::GeneralizedTime::from_unix_duration(since)?)),
    }
}
