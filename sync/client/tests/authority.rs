//! Certificate authorities of the tests, by rcgen.

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertificateRevocationListParams,
    CertificateSigningRequestParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, PublicKeyData, SerialNumber, SigningKey,
};
use rustls_pki_types::{CertificateDer, CertificateSigningRequestDer};
use time::OffsetDateTime;

use super::NOW_MS;

const DAY_S: i64 = 86_400;

pub(crate) fn moment(ms: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(ms / 1000).unwrap()
}

/// A root with its key.
pub(crate) struct Ca {
    pub(crate) cert: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

/// What to issue.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Server,
    ClientTls,
    Officer,
    Device,
    Centre,
}

impl Ca {
    pub(crate) fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.not_before = moment(NOW_MS - 400 * DAY_S * 1000);
        params.not_after = moment(NOW_MS + 4000 * DAY_S * 1000);
        let cert = params.self_signed(&key).unwrap();
        Self { cert, issuer: Issuer::new(params, key) }
    }

    pub(crate) fn pem(&self) -> String {
        self.cert.pem()
    }

    pub(crate) fn der(&self) -> CertificateDer<'static> {
        self.cert.der().clone()
    }

    pub(crate) fn sha256(&self) -> String {
        hex::encode(ring::digest::digest(&ring::digest::SHA256, self.cert.der()))
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.issuer.key().sign(message).unwrap()
    }

    /// Issues for a public key, valid from a day before `from_ms` for a year.
    pub(crate) fn issue(
        &self,
        kind: Kind,
        id: &str,
        hosts: &[&str],
        key: &impl PublicKeyData,
        from_ms: i64,
    ) -> Certificate {
        let hosts: Vec<String> = hosts.iter().map(|h| (*h).to_owned()).collect();
        let mut params = CertificateParams::new(hosts).unwrap();
        params.distinguished_name.push(DnType::CommonName, "测试");
        params.distinguished_name.push(DnType::CustomDnType(vec![2, 5, 4, 5]), id);
        params.not_before = moment(from_ms - DAY_S * 1000);
        params.not_after = moment(from_ms + 365 * DAY_S * 1000);
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let policy = |last: u8| {
            let mut der = vec![0x30, 26, 0x30, 24, 0x06, 22];
            der.extend_from_slice(&[
                0x69, 0x83, 0xe8, 0xd0, 0xe1, 0xda, 0xd0, 0xcc, 0x92, 0xe8, 0x9f, 0x9b, 0xdc, 0xd4,
                0x94, 0x95, 0xbd, 0xc5, 0xeb, 0x6d, 0x01, last,
            ]);
            CustomExtension::from_oid_content(&[2, 5, 29, 32], der)
        };
        match kind {
            Kind::Server => params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth],
            Kind::ClientTls => {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]
            }
            Kind::Officer => params.custom_extensions.push(policy(1)),
            Kind::Device => params.custom_extensions.push(policy(2)),
            Kind::Centre => {}
        }
        if matches!(kind, Kind::Officer | Kind::Device | Kind::Centre) {
            params.key_usages.push(KeyUsagePurpose::ContentCommitment);
        }
        params.signed_by(key, &self.issuer).unwrap()
    }

    /// A revocation list that names nobody.
    pub(crate) fn crl(&self) -> String {
        CertificateRevocationListParams {
            this_update: moment(NOW_MS - DAY_S * 1000),
            next_update: moment(NOW_MS + 30 * DAY_S * 1000),
            crl_number: SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: Vec::new(),
            key_identifier_method: KeyIdMethod::Sha256,
        }
        .signed_by(&self.issuer)
        .unwrap()
        .pem()
        .unwrap()
    }
}

/// Public key of a PKCS#10 request.
pub(crate) fn key_of(csr: &[u8]) -> rcgen::PublicKey {
    CertificateSigningRequestParams::from_der(&CertificateSigningRequestDer::from(csr))
        .unwrap()
        .public_key
}
