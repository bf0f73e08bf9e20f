//! SignedData taken apart without losing a byte.
//!
//! The typed crates sort a SET while they read it, and sort it by fields instead of by bytes (X.690
//! §11.6), so that writing again does not give the bytes that were read. What is hashed, compared or
//! checked for order therefore comes from the bytes themselves; the types are used for the small parts.

use cms::signed_data::SignerInfo;
use der::Decode as _;
use der::asn1::ObjectIdentifier;
use rustls_pki_types::CertificateDer;
use spki::AlgorithmIdentifierOwned;

use super::OID_SIGNED_DATA;
use crate::asn1::{self, Tlv};

const SET: u8 = 0x31;
const CONTEXT_0: u8 = 0xa0;
const CONTEXT_1: u8 = 0xa1;

/// One SignerInfo with its signed attributes as they stand in the file.
pub(crate) struct RawSigner<'a> {
    pub(crate) info: SignerInfo,
    raw: &'a [u8],
    attributes: Option<&'a [u8]>,
}

/// SignedData of a `.p7s` or a time stamp token.
pub(crate) struct RawSignedData<'a> {
    pub(crate) digest_algorithms: Vec<AlgorithmIdentifierOwned>,
    pub(crate) content_type: ObjectIdentifier,
    /// The OCTET STRING inside, if there is content.
    pub(crate) content: Option<&'a [u8]>,
    pub(crate) certificates: Vec<CertificateDer<'static>>,
    pub(crate) signers: Vec<RawSigner<'a>>,
    sets: Vec<&'a [u8]>,
    plain: Vec<&'a [u8]>,
}

impl<'a> RawSignedData<'a> {
    /// Reads ContentInfo with SignedData; `None` if it is not that, or bytes follow it.
    pub(crate) fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut outer = asn1::only(bytes, asn1::SEQUENCE)?;
        let oid = asn1::take_tag(&mut outer, asn1::OBJECT_ID)?;
        if ObjectIdentifier::from_bytes(oid).ok()? != OID_SIGNED_DATA {
            return None;
        }
        let mut rest = asn1::only(asn1::only(outer, CONTEXT_0)?, asn1::SEQUENCE)?;
        let whole = rest;
        asn1::take_tag(&mut rest, asn1::INTEGER)?;
        let digests = asn1::take_tag(&mut rest, SET)?;
        let mut encapsulated = asn1::take_tag(&mut rest, asn1::SEQUENCE)?;
        let head = whole.get(..whole.len().checked_sub(rest.len())?)?;
        let content_type = asn1::take_tag(&mut encapsulated, asn1::OBJECT_ID)?;
        let content = match encapsulated {
            [] => None,
            inside => Some(asn1::only(asn1::only(inside, CONTEXT_0)?, asn1::OCTET_STRING)?),
        };
        let certificates = asn1::take_tag(&mut rest, CONTEXT_0).unwrap_or_default();
        let crls = asn1::take_tag(&mut rest, CONTEXT_1).unwrap_or_default();
        let infos = asn1::only(rest, SET)?;
        let signers: Option<Vec<_>> = elements(infos)?.into_iter().map(RawSigner::read).collect();
        let algorithm = |raw: &[u8]| AlgorithmIdentifierOwned::from_der(raw).ok();
        let digest_algorithms: Option<Vec<_>> =
            elements(digests)?.into_iter().map(algorithm).collect();
        let certificate = |raw: &[u8]| CertificateDer::from(raw.to_vec());
        Some(Self {
            digest_algorithms: digest_algorithms?,
            content_type: ObjectIdentifier::from_bytes(content_type).ok()?,
            content,
            certificates: elements(certificates)?.into_iter().map(certificate).collect(),
            signers: signers?,
            sets: vec![digests, certificates, crls, infos],
            plain: vec![head],
        })
    }

    /// True if every part that we could have written is DER: minimal, and every SET sorted by its bytes.
    /// The inside of certificates and CRLs is not ours.
    pub(crate) fn is_der(&self) -> bool {
        let sets = self.sets.iter().chain(self.signers.iter().flat_map(|s| &s.attributes));
        sets.into_iter().all(|set| is_sorted(set))
            && self.plain.iter().all(|part| all_der(part, 0))
            && self.signers.iter().all(|s| all_der(s.raw, 0))
    }
}

impl<'a> RawSigner<'a> {
    fn read(raw: &'a [u8]) -> Option<Self> {
        let info = SignerInfo::from_der(raw).ok()?;
        let fields = asn1::children(asn1::only(raw, asn1::SEQUENCE)?)?;
        // version, sid, digest algorithm, then [0] if there are any
        let attributes = fields.get(3).filter(|f| f.tag == CONTEXT_0).map(|f| f.value);
        Some(Self { info, raw, attributes })
    }

    /// What is signed (RFC 5652 §5.4): the attributes in DER as SET OF, not as `[0]`.
    pub(crate) fn signed_message(&self) -> Option<Vec<u8>> {
        Some(set_of(elements(self.attributes?)?.into_iter().map(<[u8]>::to_vec).collect()))
    }
}

/// DER of a SET OF these elements.
pub(crate) fn set_of(elements: Vec<Vec<u8>>) -> Vec<u8> {
    asn1::put(SET, &sorted(elements))
}

/// The elements in the order of DER, one after another.
pub(crate) fn sorted(mut elements: Vec<Vec<u8>>) -> Vec<u8> {
    elements.sort();
    elements.concat()
}

/// Elements of a constructed value with their headers.
fn elements(value: &[u8]) -> Option<Vec<&[u8]>> {
    let mut rest = value;
    let mut found = Vec::new();
    while !rest.is_empty() {
        let before = rest;
        asn1::take(&mut rest)?;
        found.push(before.get(..before.len().checked_sub(rest.len())?)?);
    }
    Some(found)
}

fn is_sorted(set: &[u8]) -> bool {
    elements(set).is_some_and(|e| e.is_sorted())
}

/// Lengths are checked by reading; here: sets sorted, booleans and integers minimal, all the way down.
fn all_der(value: &[u8], depth: u8) -> bool {
    let Some(children) = asn1::children(value).filter(|_| depth < 24) else { return false };
    children.iter().all(|Tlv { tag, value }| match *tag {
        SET => is_sorted(value) && all_der(value, depth.saturating_add(1)),
        asn1::BOOLEAN => matches!(value, [0 | 0xff]),
        asn1::INTEGER => !matches!(value, [] | [0, 0..=0x7f, ..] | [0xff, 0x80..=0xff, ..]),
        tag if tag & 0x20 != 0 => all_der(value, depth.saturating_add(1)),
        _ => true,
    })
}
