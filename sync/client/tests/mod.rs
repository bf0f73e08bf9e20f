//! Stories between a handheld and a small centre of the tests' own, over real TLS on loopback.
//!
//! The centre here is written from the protocol only (axum, rcgen, tlog_tiles, signed_note); the real one
//! is tested against this client in the workspace's stories. It can be told to misbehave.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

pub(crate) mod authority;
mod centre;
mod enrolment;
mod held;
mod intake;
mod keyring;
pub(crate) mod log;
mod proxy;
mod pulling;
mod receipts;
mod routes;
mod sending;
mod tus_peer;

/// 2026-11-21 in Beijing; every certificate of the tests is valid around it.
pub(crate) const NOW_MS: i64 = 1_795_251_600_000;
/// The client was built a month before.
pub(crate) const BUILD_MS: i64 = NOW_MS - 30 * 86_400_000;
