//! What the certificate of a connection says.

use der::Decode;
use der::asn1::ObjectIdentifier;
use x509_cert::Certificate;

use crate::objects::sha256_hex;

/// `serialNumber` of a distinguished name.
const SERIAL_NUMBER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.5");

/// The certificate the other side showed; its chain to our root was checked at the handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerCertificate {
    /// SHA-256 of the DER, lower-case hex.
    pub sha256: String,
    /// `serialNumber` of the subject: the device's id.
    pub device: String,
    /// Valid from, seconds since the epoch.
    pub not_before_s: i64,
    /// Valid until, seconds since the epoch.
    pub not_after_s: i64,
}

fn seconds(time: x509_cert::time::Time) -> Option<i64> {
    i64::try_from(time.to_unix_duration().as_secs()).ok()
}

impl PeerCertificate {
    /// Reads a certificate; `None` if it is none of our profile.
    #[must_use]
    pub fn parse(der: &[u8]) -> Option<Self> {
        let certificate = Certificate::from_der(der).ok()?;
        let tbs = &certificate.tbs_certificate;
        let value = tbs
            .subject
            .0
            .iter()
            .flat_map(|rdn| rdn.0.iter())
            .find(|attribute| attribute.oid == SERIAL_NUMBER)
            .map(|attribute| attribute.value.value())?;
        let device = std::str::from_utf8(value).ok()?.to_owned();
        spotcheck_domain::id::is_plain_id(&device).then_some(())?;
        Some(Self {
            sha256: sha256_hex(der),
            device,
            not_before_s: seconds(tbs.validity.not_before)?,
            not_after_s: seconds(tbs.validity.not_after)?,
        })
    }
}
