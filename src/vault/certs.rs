//! Signing requests out, certificates in.
//!
//! The centre's word is not taken for what it certifies: before a certificate is kept, its public key must
//! be the one made here and its `serialNumber` the id it is kept for (evidence.md §4).

use der::oid::ObjectIdentifier;
use der::{Decode, Encode};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_ECDSA_P256_SHA256};
use spotcheck_domain::time::beijing_date;
use spotcheck_evidence::cms::{P256Signer as _, RingP256};
use x509_cert::Certificate;
use zeroize::Zeroizing;

use crate::error::VaultError;

/// id-at-serialNumber (X.520).
const SERIAL_NUMBER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.5");
const SERIAL_NUMBER_ARCS: [u64; 4] = [2, 5, 4, 5];

/// A new P-256 key (PKCS#8 DER) and its PKCS#10 request (DER).
pub(crate) struct NewKey {
    pub(crate) pkcs8: Zeroizing<Vec<u8>>,
    /// Uncompressed point.
    pub(crate) public: Vec<u8>,
    pub(crate) csr: Vec<u8>,
}

/// Makes a key and a request. `common_name` and `serial` are proposals: the centre decides the subject.
pub(crate) fn request(common_name: &str, serial: Option<&str>) -> Result<NewKey, VaultError> {
    let failed = |_| VaultError::Crypto("certificate request");
    let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
    let mut params = CertificateParams::new(Vec::<String>::new()).map_err(failed)?;
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, common_name);
    if let Some(serial) = serial {
        subject.push(DnType::CustomDnType(SERIAL_NUMBER_ARCS.to_vec()), serial);
    }
    params.distinguished_name = subject;
    let csr = params.serialize_request(&pair).map_err(failed)?.der().to_vec();
    let public = pair.public_key_raw().to_vec();
    Ok(NewKey { pkcs8: Zeroizing::new(pair.serialize_der()), public, csr })
}

/// Checks that the leaf of a PEM chain carries our public key (uncompressed point) and the id. Returns the
/// leaf's last day, `yyyy-MM-dd`.
pub(crate) fn check_chain(pem: &str, public: &[u8], id: &str) -> Result<String, VaultError> {
    let leaf = leaf(pem)?;
    let spki = &leaf.tbs_certificate.subject_public_key_info;
    let certified = spki.subject_public_key.as_bytes().unwrap_or_default();
    if certified != public {
        return Err(VaultError::Certificate("public key is not the one requested"));
    }
    if serial_number(&leaf).as_deref() != Some(id) {
        return Err(VaultError::Certificate("serialNumber is not the id"));
    }
    let not_after = leaf.tbs_certificate.validity.not_after.to_unix_duration();
    let until_ms = i64::try_from(not_after.as_millis()).unwrap_or(i64::MAX);
    Ok(beijing_date(until_ms))
}

fn leaf(pem: &str) -> Result<Certificate, VaultError> {
    Certificate::load_pem_chain(pem.as_bytes())
        .ok()
        .and_then(|chain| chain.into_iter().next())
        .ok_or(VaultError::Certificate("not a PEM chain"))
}

fn serial_number(certificate: &Certificate) -> Option<String> {
    certificate
        .tbs_certificate
        .subject
        .0
        .iter()
        .flat_map(|rdn| rdn.0.iter())
        .find(|attribute| attribute.oid == SERIAL_NUMBER)
        .and_then(|attribute| {
            let bytes = attribute.value.to_der().ok()?;
            let any = der::asn1::AnyRef::from_der(&bytes).ok()?;
            std::str::from_utf8(any.value()).ok().map(str::to_owned)
        })
}

/// Uncompressed point of a private key.
pub(crate) fn public_key(pkcs8: &[u8]) -> Result<Vec<u8>, VaultError> {
    Ok(RingP256::from_pkcs8(pkcs8)?.public_key().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::PublicKeyData;

    #[test]
    fn a_request_holds_the_public_key_of_its_private_key() {
        let key = request("O-0001", Some("O-0001")).unwrap();
        let csr =
            rcgen::CertificateSigningRequestParams::from_der(&key.csr.clone().into()).unwrap();
        assert_eq!(csr.public_key.der_bytes(), key.public);
        assert_eq!(public_key(&key.pkcs8).unwrap(), key.public);
    }
}
