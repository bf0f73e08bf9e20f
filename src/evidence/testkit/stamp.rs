//! A time stamp authority that stamps any time it is told to.

use cms::cert::{CertificateChoices, IssuerAndSerialNumber};
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{
    CertificateSet, EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo, SignerInfos,
};
use der::asn1::{Any, Int, ObjectIdentifier, OctetString, SetOfVec};
use der::{Decode as _, Encode as _};
use rcgen::{CustomExtension, KeyPair, KeyUsagePurpose};
use rustls_pki_types::CertificateDer;
use spki::AlgorithmIdentifierOwned;
use x509_cert::Certificate;
use x509_cert::attr::Attribute;

use super::ca::{Authority, CertPlan, Person, p256};
use crate::Hash32;
use crate::chain::Role;
use crate::cms::{
    OID_CONTENT_TYPE, OID_ECDSA_SHA256, OID_MESSAGE_DIGEST, OID_SHA256, OID_SIGNED_DATA,
    P256Signer as _, RingP256,
};

const OID_TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
const OID_SIGNING_CERT_V2: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");
/// SEQUENCE { id-kp-timeStamping }
const EKU_STAMPING: [u8; 12] = [0x30, 10, 6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 8];

/// What a test may want to be wrong about a stamp.
#[derive(Debug, Clone, Copy)]
pub struct StampPlan {
    /// Time in milliseconds since 1970.
    pub at_ms: i64,
    /// Nonce of the request.
    pub nonce: Option<u64>,
    /// SHA-256 that goes into ESSCertIDv2 in place of the certificate's.
    pub named_certificate: Option<Hash32>,
    /// Whether the certificate is put in.
    pub with_certificate: bool,
    /// PKIStatus.
    pub status: u8,
}

impl StampPlan {
    /// A good stamp.
    #[must_use]
    pub const fn at(at_ms: i64) -> Self {
        Self { at_ms, nonce: None, named_certificate: None, with_certificate: true, status: 0 }
    }
}

/// The authority.
#[derive(Debug)]
pub struct TestTsa {
    /// Its root.
    pub root: Authority,
    key: RingP256,
    certificate: CertificateDer<'static>,
}

impl TestTsa {
    /// A new authority with a proper certificate.
    #[must_use]
    pub fn new() -> Self {
        Self::with(true, |_| {})
    }

    /// With its EKU critical or not, and a changed plan.
    #[must_use]
    pub fn with(critical: bool, change: impl FnOnce(&mut CertPlan)) -> Self {
        let root = Authority::root("Testkit time stamp root");
        let key = p256();
        let certificate = Self::certify(&root, &key, critical, change);
        Self { root, key: RingP256::from_pkcs8(&key.serialize_der()).unwrap(), certificate }
    }

    fn certify(
        root: &Authority,
        key: &KeyPair,
        critical: bool,
        change: impl FnOnce(&mut CertPlan),
    ) -> CertificateDer<'static> {
        let mut made = CertPlan::default();
        let _ = Person::issue(root, "centre", "TSA-1", "TSA", Role::Centre, |plan| {
            let mut stamping =
                CustomExtension::from_oid_content(&[2, 5, 29, 37], EKU_STAMPING.to_vec());
            stamping.set_criticality(critical);
            plan.key_usages = vec![KeyUsagePurpose::DigitalSignature];
            plan.custom_extensions = vec![stamping];
            change(plan);
            made = plan.clone();
        });
        root.sign(&made, key)
    }

    /// PEM of the root to trust.
    #[must_use]
    pub fn roots_pem(&self) -> String {
        self.root.pem()
    }

    /// A response over `data`.
    #[must_use]
    pub fn stamp(&self, data: &[u8], plan: &StampPlan) -> Vec<u8> {
        let info = tst_info(data, plan);
        let certificate = Certificate::from_der(&self.certificate).unwrap();
        let named = plan.named_certificate.unwrap_or_else(|| Hash32::sha256(&self.certificate));
        let octets = OctetString::new(named.as_bytes()).unwrap().to_der().unwrap();
        let signing_certificate = Any::from_der(&seq(&seq(&seq(&octets)))).unwrap();
        let digest = OctetString::new(Hash32::sha256(&info).as_bytes()).unwrap();
        let attributes = SetOfVec::try_from(vec![
            one(OID_CONTENT_TYPE, Any::encode_from(&OID_TST_INFO).unwrap()),
            one(OID_MESSAGE_DIGEST, Any::encode_from(&digest).unwrap()),
            one(OID_SIGNING_CERT_V2, signing_certificate),
        ])
        .unwrap();
        let signature = self.key.sign_sha256_message(&attributes.to_der().unwrap()).unwrap();
        let plain = |oid| AlgorithmIdentifierOwned { oid, parameters: None };
        let signer = SignerInfo {
            version: CmsVersion::V1,
            sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
                issuer: certificate.tbs_certificate.issuer.clone(),
                serial_number: certificate.tbs_certificate.serial_number.clone(),
            }),
            digest_alg: plain(OID_SHA256),
            signed_attrs: Some(attributes),
            signature_algorithm: plain(OID_ECDSA_SHA256),
            signature: OctetString::new(signature).unwrap(),
            unsigned_attrs: None,
        };
        let content = OctetString::new(info).unwrap();
        let certificates = plan.with_certificate.then(|| {
            let choice = CertificateChoices::Certificate(certificate);
            CertificateSet(SetOfVec::try_from(vec![choice]).unwrap())
        });
        let data = SignedData {
            version: CmsVersion::V3,
            digest_algorithms: SetOfVec::try_from(vec![plain(OID_SHA256)]).unwrap(),
            encap_content_info: EncapsulatedContentInfo {
                econtent_type: OID_TST_INFO,
                econtent: Some(Any::encode_from(&content).unwrap()),
            },
            certificates,
            crls: None,
            signer_infos: SignerInfos(SetOfVec::try_from(vec![signer]).unwrap()),
        };
        let token = ContentInfo {
            content_type: OID_SIGNED_DATA,
            content: Any::encode_from(&data).unwrap(),
        };
        let status = seq(&[2, 1, plan.status]);
        seq(&[status, token.to_der().unwrap()].concat())
    }
}

impl Default for TestTsa {
    fn default() -> Self {
        Self::new()
    }
}

fn one(oid: ObjectIdentifier, value: Any) -> Attribute {
    Attribute { oid, values: SetOfVec::try_from(vec![value]).unwrap() }
}

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match content.len() {
        n if n < 0x80 => out.push(n as u8),
        n if n < 0x100 => out.extend([0x81, n as u8]),
        n => out.extend([0x82, (n >> 8) as u8, n as u8]),
    }
    out.extend_from_slice(content);
    out
}

fn seq(content: &[u8]) -> Vec<u8> {
    tlv(0x30, content)
}

fn tst_info(data: &[u8], plan: &StampPlan) -> Vec<u8> {
    let text = spotcheck_domain::rfc3339(plan.at_ms - 8 * 3_600_000);
    let digits: String = text.chars().take(19).filter(char::is_ascii_digit).collect();
    let algorithm = AlgorithmIdentifierOwned { oid: OID_SHA256, parameters: Some(Any::null()) };
    let imprint =
        seq(&[algorithm.to_der().unwrap(), tlv(4, Hash32::sha256(data).as_bytes())].concat());
    let policy = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.99999.1").to_der().unwrap();
    let mut info =
        [tlv(2, &[1]), policy, imprint, tlv(2, &[7]), tlv(0x18, format!("{digits}Z").as_bytes())]
            .concat();
    if let Some(nonce) = plan.nonce {
        let mut bytes = vec![0];
        bytes.extend(nonce.to_be_bytes());
        let start = bytes.iter().position(|b| *b != 0).unwrap_or(8);
        let start = if bytes[start] & 0x80 != 0 { start - 1 } else { start };
        info.extend(Int::new(&bytes[start..]).unwrap().to_der().unwrap());
    }
    seq(&info)
}
