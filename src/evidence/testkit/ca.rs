//! Certificate authorities and people.

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CustomExtension,
    DistinguishedName, DnType, DnValue, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, RevokedCertParams, SerialNumber, date_time_ymd,
};
use rustls_pki_types::CertificateDer;

use crate::chain::{Role, certificate_to_pem, policy_extension};
use crate::cms::RingP256;

/// What a test may change about a certificate before it is made.
pub type CertPlan = CertificateParams;

/// Serial number of a revoked certificate, and the day (year, month, day).
pub type Revoked = (Vec<u8>, (i32, u8, u8));

/// A new P-256 key.
#[must_use]
pub fn p256() -> KeyPair {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap()
}

fn named(name: &str, serial: Option<&str>) -> CertPlan {
    let mut plan = CertPlan::default();
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CountryName, "CN");
    subject.push(DnType::OrganizationName, "Testkit (fictional)");
    subject.push(DnType::CommonName, name);
    if let Some(serial) = serial {
        let text = DnValue::PrintableString(serial.try_into().unwrap());
        subject.push(DnType::from_oid(&[2, 5, 4, 5]), text);
    }
    plan.distinguished_name = subject;
    plan.not_before = date_time_ymd(2026, 1, 1);
    plan.not_after = date_time_ymd(2046, 12, 31);
    plan.use_authority_key_identifier_extension = true;
    plan
}

fn ca_plan(name: &str) -> CertPlan {
    let mut plan = named(name, None);
    plan.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    plan.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    plan
}

/// A CA with its chain.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Own certificate first, then those above it.
    pub chain: Vec<CertificateDer<'static>>,
}

impl Authority {
    /// A self-signed CA.
    #[must_use]
    pub fn root(name: &str) -> Self {
        Self::root_with(name, |_| {})
    }

    /// A self-signed CA with a changed plan.
    #[must_use]
    pub fn root_with(name: &str, change: impl FnOnce(&mut CertPlan)) -> Self {
        let mut plan = ca_plan(name);
        change(&mut plan);
        let key = p256();
        let certificate = plan.self_signed(&key).unwrap().der().clone();
        Self { issuer: Issuer::new(plan, key), chain: vec![certificate] }
    }

    /// A CA below this one, with a changed plan.
    #[must_use]
    pub fn below(&self, name: &str, change: impl FnOnce(&mut CertPlan)) -> Self {
        let mut plan = ca_plan(name);
        change(&mut plan);
        let key = p256();
        let certificate = plan.signed_by(&key, &self.issuer).unwrap().der().clone();
        let chain = std::iter::once(certificate).chain(self.chain.clone()).collect();
        Self { issuer: Issuer::new(plan, key), chain }
    }

    /// PEM of the topmost certificate.
    #[must_use]
    pub fn pem(&self) -> String {
        certificate_to_pem(self.chain.last().unwrap())
    }

    /// A certificate by this CA.
    #[must_use]
    pub fn sign(&self, plan: &CertPlan, key: &KeyPair) -> CertificateDer<'static> {
        plan.signed_by(key, &self.issuer).unwrap().der().clone()
    }

    /// A CRL that names these serial numbers as revoked on this day; good until `until` (a year).
    #[must_use]
    pub fn crl(&self, revoked: &[Revoked], until: i32) -> String {
        let revoked_certs = revoked.iter().map(|(serial, (y, m, d))| RevokedCertParams {
            serial_number: SerialNumber::from_slice(serial),
            revocation_time: date_time_ymd(*y, *m, *d),
            reason_code: None,
            invalidity_date: None,
        });
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2025, 1, 1),
            next_update: date_time_ymd(until, 12, 31),
            crl_number: SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: revoked_certs.collect(),
            key_identifier_method: rcgen::KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).unwrap().pem().unwrap()
    }
}

/// Somebody who signs bundles.
#[derive(Debug)]
pub struct Person {
    /// Role in statement.json.
    pub role: String,
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// The key, PKCS#8 DER.
    pub pkcs8: Vec<u8>,
    /// Certificate first, then CAs.
    pub chain: Vec<CertificateDer<'static>>,
    /// Serial number of the certificate (not of the subject).
    pub certificate_serial: Vec<u8>,
}

impl Person {
    /// A person with a certificate that fits the role, its plan changed by `change`.
    #[must_use]
    pub fn issue(
        by: &Authority,
        role: &str,
        id: &str,
        name: &str,
        profile: Role,
        change: impl FnOnce(&mut CertPlan),
    ) -> Self {
        let mut plan = named(id, Some(id));
        plan.is_ca = IsCa::ExplicitNoCa;
        plan.key_usages =
            vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::ContentCommitment];
        if let Some(content) = policy_extension(profile) {
            plan.custom_extensions =
                vec![CustomExtension::from_oid_content(&[2, 5, 29, 32], content)];
        }
        change(&mut plan);
        Self::with_key(by, role, id, name, &plan, &p256())
    }

    /// A person with a given plan and key.
    #[must_use]
    pub fn with_key(
        by: &Authority,
        role: &str,
        id: &str,
        name: &str,
        plan: &CertPlan,
        key: &KeyPair,
    ) -> Self {
        use x509_cert::der::Decode as _;
        let certificate = by.sign(plan, key);
        let parsed = x509_cert::Certificate::from_der(&certificate).unwrap();
        Self {
            role: role.to_owned(),
            id: id.to_owned(),
            name: name.to_owned(),
            pkcs8: key.serialize_der(),
            chain: std::iter::once(certificate).chain(by.chain.clone()).collect(),
            certificate_serial: parsed.tbs_certificate.serial_number.as_bytes().to_vec(),
        }
    }

    /// The key, to sign with.
    #[must_use]
    pub fn key(&self) -> RingP256 {
        RingP256::from_pkcs8(&self.pkcs8).unwrap()
    }

    /// Certificate and CAs but the root, as PEM.
    #[must_use]
    pub fn chain_pem(&self) -> String {
        let most = self.chain.len().saturating_sub(1).max(1);
        self.chain.iter().take(most).map(|c| certificate_to_pem(c)).collect()
    }
}
