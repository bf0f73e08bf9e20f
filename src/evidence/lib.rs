//! Journals, evidence bundle, signatures, transparency-log proofs and their verification.
//!
//! Two halves share one set of types. The writing half (`journal`, `record`, `statement`, `entry`, `bag`,
//! `zip`, `cms`, `tsa`, `tlog`) is sans-I/O: bytes in, bytes out, the handheld and the centre bring files,
//! clock and keys. The judging half (`verify`, on top of `chain`, `cms`, `tsa`, `tlog`, `zip`) reads a
//! bundle from any seekable source and never trusts a byte of it. Format: evidence.md §2–§4.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation,
        reason = "tests may panic"
    )
)]

pub mod bag;
pub mod chain;
pub mod cms;
pub mod draft;
pub mod entry;
mod error;
pub mod findings;
pub mod hashes;
pub mod interview;
pub mod journal;
pub mod media;
pub mod record;
pub mod statement;
#[cfg(any(test, feature = "testkit"))]
pub mod testkit;
pub mod tlog;
pub mod tsa;
pub mod verify;
pub mod zip;

mod asn1;
mod form;

#[cfg(test)]
mod peers;
#[cfg(test)]
mod vectors;

pub use error::EvidenceError;
pub use hashes::{DualHash, FileHashes, Hash32};
