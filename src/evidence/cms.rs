//! Detached CMS signatures (RFC 5652): ECDSA P-256 with SHA-256, DER, sorted signed attributes.
//!
//! One file per signer over the bytes of tagmanifest-sha256.txt, so that two inspectors sign at once and
//! offline and `openssl cms -verify` reads each alone. The key is a trait of two methods: a file key
//! through ring today, a TPM or PKCS#11 key tomorrow.

mod raw;
mod sign;
mod verify;

pub use sign::{P256Signer, RingP256, sign_detached};
pub use verify::{CmsFault, CmsSignature, certificates, verify_by, verify_detached};

pub(crate) use raw::{RawSignedData, RawSigner};
pub(crate) use verify::{attribute, names, plain_algorithm};

use der::asn1::ObjectIdentifier;

pub(crate) const OID_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
pub(crate) const OID_SIGNED_DATA: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
pub(crate) const OID_CONTENT_TYPE: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
pub(crate) const OID_MESSAGE_DIGEST: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
pub(crate) const OID_SIGNING_TIME: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.5");
pub(crate) const OID_SHA256: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
pub(crate) const OID_ECDSA_SHA256: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
pub(crate) const OID_EC_PUBLIC_KEY: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
pub(crate) const OID_P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");

#[cfg(test)]
mod tests;
