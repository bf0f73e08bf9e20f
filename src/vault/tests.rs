//! Stories of one handheld's vault, told with a small certification authority and the tools of others.

mod blobs;
mod custody;
mod enrolment;
#[cfg(all(feature = "tpm", feature = "pkcs11"))]
mod hardware;
mod intake;
mod keys;
mod no_plaintext;
pub(crate) mod support;
mod upgrade;
