//! Stories of one handheld's vault, told with a small certification authority and the tools of others.

mod blobs;
mod enrolment;
mod keys;
mod no_plaintext;
pub(crate) mod support;
