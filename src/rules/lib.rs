//! Rule kernels, packs, engine and findings over claims columns.
//!
//! A rule is kernel × parameters × knowledge points × official attributes (design: rules.md). Kernels are
//! code, one file each; packs are data. The engine reads a [`Book`] from any column source, walks it once
//! with all rules, and gives findings that say what they are sure of, what they leave open, and what they
//! kept silent about. The same code runs on the handheld and at the centre. Pure: no I/O, no clock.

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

pub mod around;
pub mod book;
mod changes;
pub mod compare;
pub mod compose;
pub mod engine;
pub mod error;
pub mod export;
pub mod finding;
mod first;
pub mod indicators;
mod kernel;
mod loss;
pub mod netting;
pub mod pack;
pub mod report;
mod resolve;
pub mod score;

pub use book::{Book, LoadCounts};
pub use changes::{Change, Changes, changed_rules};
pub use engine::{Options, Outcome, Silence, Stage, Watch, audit, load_book, run};
pub use error::{Error, PackError, Result};
pub use finding::{
    Finding, LossMethod, Merged, Origin, PENDING, Pattern, People, json_lines, merge, method_words,
    patterns, rank,
};
pub use first::first_look;
pub use netting::{NetLine, NetState, net};
pub use pack::{
    Exclusion, Grade, KernelId, OFFICIAL_88, Pack, Param, Rule, SetBy, Severity, national,
    pack_digest,
};

#[cfg(test)]
mod story;
