//! The centre: API, jobs, certificate authority, packages, log and receipts.
//!
//! One process on one machine by default (SQLite and a folder). The command line and the network service
//! are two faces of the same [`Centre`]; both keep no plaintext on disk: small things and keys lie in
//! SQLCipher, evidence stays as the age files that came, claims are encrypted partition files.
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

pub mod admin;
pub mod audits;
pub mod bundles;
pub mod ca;
mod centre;
pub mod claims;
pub mod clock;
pub mod db;
mod error;
pub mod escrow;
pub mod findings;
pub mod folder;
pub mod guarded;
pub mod indicators;
pub mod intake;
pub mod jobs;
pub mod judged;
pub mod log;
pub mod objects;
pub mod offers;
pub mod packages;
pub mod reference;
pub mod repository;
pub mod rulepacks;
pub mod server;
pub mod tasks;
#[cfg(any(test, feature = "testkit"))]
pub mod testing;
pub mod tickets;
pub mod tls;

#[cfg(test)]
mod tests;

pub use centre::{CENTRE_ID, Centre, OpenCentre, default_policy};
pub use error::{Error, Result};
