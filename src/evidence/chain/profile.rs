//! What a certificate must and must not be allowed to do, by role.
//!
//! Evidence certificates and TLS certificates are kept apart by policy OID and EKU, so that a stolen TLS
//! key cannot sign evidence (evidence.md §4). The policy is compared as DER, no RFC 5280 policy tree is
//! run.

use x509_cert::Certificate;
use x509_cert::der::{Decode as _, Encode as _, Tagged as _};
use x509_cert::ext::Extension;

use crate::asn1;
use crate::form::{is_inspector, is_party};
use crate::statement::{ROLE_CENTRE, ROLE_DEVICE};

/// Arc 2.25.324750978229347175992892312150139303405.1, content octets.
const POLICY_ARC: [u8; 21] = [
    0x69, 0x83, 0xe8, 0xd0, 0xe1, 0xda, 0xd0, 0xcc, 0x92, 0xe8, 0x9f, 0x9b, 0xdc, 0xd4, 0x94, 0x95,
    0xbd, 0xc5, 0xeb, 0x6d, 0x01,
];
const POLICY_OFFICER: u8 = 1;
const POLICY_DEVICE: u8 = 2;
/// BIT STRING digitalSignature, nonRepudiation.
const USAGE_SIGNING: [u8; 4] = [0x03, 0x02, 0x06, 0xc0];
const EKU_SERVER: [u8; 8] = [0x2b, 6, 1, 5, 5, 7, 3, 1];
const EKU_CLIENT: [u8; 8] = [0x2b, 6, 1, 5, 5, 7, 3, 2];
const EKU_STAMPING: [u8; 8] = [0x2b, 6, 1, 5, 5, 7, 3, 8];
const EKU_ANY: [u8; 4] = [0x55, 0x1d, 0x25, 0];
const OID_KEY_USAGE: &str = "2.5.29.15";
const OID_POLICIES: &str = "2.5.29.32";
const OID_EKU: &str = "2.5.29.37";
const OID_SERIAL_NUMBER: &str = "2.5.4.5";

/// Role of a signer, as far as its certificate is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The handheld.
    Device,
    /// An inspector.
    Inspector,
    /// A party.
    Party,
    /// The centre.
    Centre,
}

impl Role {
    /// From the role's name in statement.json.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        match name {
            ROLE_DEVICE => Some(Self::Device),
            ROLE_CENTRE => Some(Self::Centre),
            _ if is_inspector(name) => Some(Self::Inspector),
            _ if is_party(name) => Some(Self::Party),
            _ => None,
        }
    }
}

/// Content of the certificatePolicies extension (2.5.29.32) for a role; `None` for roles that must not
/// have one of ours. For whoever issues certificates: the arc is above 32 bits, so most libraries cannot
/// encode it.
#[must_use]
pub fn policy_extension(role: Role) -> Option<Vec<u8>> {
    let last = match role {
        Role::Device => POLICY_DEVICE,
        Role::Inspector => POLICY_OFFICER,
        Role::Party | Role::Centre => return None,
    };
    // SEQUENCE { SEQUENCE { OID of 22 octets } }
    let mut content = vec![asn1::SEQUENCE, 26, asn1::SEQUENCE, 24, asn1::OBJECT_ID, 22];
    content.extend_from_slice(&POLICY_ARC);
    content.push(last);
    Some(content)
}

/// Why a certificate does not fit its role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileFault {
    /// Not a certificate.
    #[error("not a certificate")]
    Malformed,
    /// keyUsage is missing, not critical, or allows something else.
    #[error("key usage is not that of a signer")]
    KeyUsage,
    /// May be used for TLS or anything, or (time stamps) not exactly for stamping.
    #[error("extended key usage is not allowed")]
    ExtendedKeyUsage,
    /// The policy does not fit the role.
    #[error("certificate policy does not fit the role")]
    Policy,
    /// Not exactly one `serialNumber` in the subject.
    #[error("not exactly one serialNumber in the subject")]
    SerialNumber,
}

impl ProfileFault {
    /// Stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "CERT-MALFORMED",
            Self::KeyUsage => "CERT-KEY-USAGE",
            Self::ExtendedKeyUsage => "CERT-EXTENDED-KEY-USAGE",
            Self::Policy => "CERT-POLICY",
            Self::SerialNumber => "CERT-SERIAL-NUMBER",
        }
    }
}

/// What is taken from a certificate that fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// `serialNumber` of the subject: officer or device id. Parties and the centre may have none.
    pub serial_number: Option<String>,
    /// DER of the public key.
    pub public_key: Vec<u8>,
}

/// Checks a signer's certificate against its role.
///
/// # Errors
/// [`ProfileFault`].
pub fn leaf_profile(certificate: &[u8], role: Role) -> Result<Profile, ProfileFault> {
    let certificate = Certificate::from_der(certificate).map_err(|_| ProfileFault::Malformed)?;
    let usage = extension(&certificate, OID_KEY_USAGE)?;
    let purposes = purposes(&certificate)?.1;
    let tls = [&EKU_SERVER[..], &EKU_CLIENT, &EKU_ANY];
    if purposes.iter().any(|p| tls.contains(&p.as_slice())) {
        return Err(ProfileFault::ExtendedKeyUsage);
    }
    let ours = our_policies(&certificate)?;
    let wanted: &[u8] = match role {
        Role::Device => &[POLICY_DEVICE],
        Role::Inspector => &[POLICY_OFFICER],
        Role::Party | Role::Centre => &[],
    };
    if ours != wanted {
        return Err(ProfileFault::Policy);
    }
    match (role, usage) {
        (_, Some(u)) if u.critical && u.extn_value.as_bytes() == USAGE_SIGNING => {}
        (Role::Party | Role::Centre, Some(u)) if may_sign(u) => {}
        (Role::Party | Role::Centre, None) => {}
        _ => return Err(ProfileFault::KeyUsage),
    }
    let serial_number = serial_number(&certificate)?;
    if serial_number.is_none() && matches!(role, Role::Device | Role::Inspector) {
        return Err(ProfileFault::SerialNumber);
    }
    Ok(Profile {
        serial_number,
        public_key: certificate
            .tbs_certificate
            .subject_public_key_info
            .to_der()
            .map_err(|_| ProfileFault::Malformed)?,
    })
}

/// Checks a time stamp authority's certificate: RFC 3161 §2.3 wants exactly one purpose, critical.
///
/// # Errors
/// [`ProfileFault`].
pub fn timestamp_profile(certificate: &[u8]) -> Result<(), ProfileFault> {
    let certificate = Certificate::from_der(certificate).map_err(|_| ProfileFault::Malformed)?;
    let (critical, purposes) = purposes(&certificate)?;
    if !critical || purposes != [EKU_STAMPING] {
        return Err(ProfileFault::ExtendedKeyUsage);
    }
    let usage = extension(&certificate, OID_KEY_USAGE)?;
    if usage.is_none_or(may_sign) { Ok(()) } else { Err(ProfileFault::KeyUsage) }
}

/// digitalSignature or nonRepudiation, and neither keyCertSign nor cRLSign.
fn may_sign(usage: &Extension) -> bool {
    let bits = asn1::only(usage.extn_value.as_bytes(), 0x03);
    let first = bits.and_then(|b| b.get(1)).copied().unwrap_or(0);
    first & 0xc0 != 0 && first & 0x06 == 0
}

/// The extension with this OID; twice the same is malformed.
fn extension<'a>(
    certificate: &'a Certificate,
    oid: &str,
) -> Result<Option<&'a Extension>, ProfileFault> {
    let all = certificate.tbs_certificate.extensions.as_deref().unwrap_or_default();
    let mut found = all.iter().filter(|e| e.extn_id.to_string() == oid);
    let first = found.next();
    if found.next().is_some() { Err(ProfileFault::Malformed) } else { Ok(first) }
}

/// Criticality and content octets of the purposes.
fn purposes(certificate: &Certificate) -> Result<(bool, Vec<Vec<u8>>), ProfileFault> {
    let Some(found) = extension(certificate, OID_EKU)? else { return Ok((false, Vec::new())) };
    let list = asn1::only(found.extn_value.as_bytes(), asn1::SEQUENCE)
        .and_then(asn1::children)
        .ok_or(ProfileFault::Malformed)?;
    Ok((found.critical, list.iter().map(|t| t.value.to_vec()).collect()))
}

/// Last arcs of those policies that lie below our arc, in their order.
fn our_policies(certificate: &Certificate) -> Result<Vec<u8>, ProfileFault> {
    let Some(found) = extension(certificate, OID_POLICIES)? else { return Ok(Vec::new()) };
    let list = asn1::only(found.extn_value.as_bytes(), asn1::SEQUENCE)
        .and_then(asn1::children)
        .ok_or(ProfileFault::Malformed)?;
    let mut ours = Vec::new();
    for information in list {
        let mut content = information.value;
        let policy =
            asn1::take_tag(&mut content, asn1::OBJECT_ID).ok_or(ProfileFault::Malformed)?;
        match policy.strip_prefix(&POLICY_ARC[..]) {
            Some([last]) => ours.push(*last),
            Some(_) => return Err(ProfileFault::Policy),
            None => {}
        }
    }
    Ok(ours)
}

fn serial_number(certificate: &Certificate) -> Result<Option<String>, ProfileFault> {
    let names = certificate.tbs_certificate.subject.0.iter().flat_map(|rdn| rdn.0.iter());
    let mut found = names.filter(|a| a.oid.to_string() == OID_SERIAL_NUMBER);
    let Some(attribute) = found.next() else { return Ok(None) };
    if found.next().is_some() {
        return Err(ProfileFault::SerialNumber);
    }
    let tag = attribute.value.tag().octet();
    if tag != asn1::PRINTABLE_STRING && tag != asn1::UTF8_STRING {
        return Err(ProfileFault::SerialNumber);
    }
    let text = String::from_utf8(attribute.value.value().to_vec());
    text.map(Some).map_err(|_| ProfileFault::SerialNumber)
}
