//! The handheld's use cases, the interface the GUI and the sub-commands drive ([`desk`]), and the ports
//! they need ([`ports`]).
//!
//! Knows no SQL, no HTTP, no file system, no clock: those are adapters, put together in the handheld's
//! `main.rs`. One act of the officer is one method; it writes its journal lines and its values in one
//! transaction and only then says that it is done.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation,
        reason = "tests may panic"
    )
)]

pub mod around;
pub mod behind;
mod beside;
pub mod budget;
mod capture;
mod case_file;
mod case_head;
mod chain;
pub mod compare;
pub mod composed;
pub mod copies;
mod cover;
mod custody;
pub mod desk;
mod device_log;
mod early;
pub mod errand;
mod filing;
pub mod findings;
mod handheld;
pub mod indicators;
pub mod input;
mod log_check;
mod looks;
mod lookup;
mod marks;
mod media;
#[cfg(any(test, feature = "testkit"))]
pub mod memory;
mod model;
mod on_site;
mod opening;
mod packs;
pub mod page_check;
pub mod pages;
mod papers;
mod papers_out;
mod pause;
pub mod playing;
pub mod ports;
mod record_builder;
pub mod reference;
mod rules_of_visit;
mod salvaged;
mod seal;
pub mod self_check;
mod served;
mod sync;
pub mod timeline;
mod troubles;
mod unset_clock;
mod visit;

#[cfg(test)]
mod tests;

pub use handheld::{Handheld, Ports, Software};
/// What an audit gives, for whoever shows it.
pub use spotcheck_rules as rules;
