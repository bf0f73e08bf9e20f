//! Indicators, warnings and topics: figures as data, computed over claims columns.
//!
//! An indicator is a formula over terms, a term is a count, sum or number of different values over one
//! entity and a filter (rules.md: "data too"), so that a region can add a figure without a new program.
//! One pass per entity gives all terms of all asked indicators, for one or two periods side by side and any
//! one dimension. Values are exact: sums in millionths, quotients as fractions, rounded half up at output.
//!
//! What a figure counts, and when, is fixed by its entity and said in its words: visits by `begntime`,
//! discharges by `endtime`, settlements by `setl_time`, fee lines by `fee_ocur_time`, occupied beds by the days
//! of a stay that lie in the period. A settlement that was taken back counts nowhere, nor do its lines. What
//! is missing is left out and counted aloud, never taken as zero.

mod answer;
mod ask;
mod behind;
mod catalogue;
mod check;
mod entity;
mod exact;
mod figures;
mod plan;
mod read;
mod report;
mod row;
mod run;
mod tally;
mod words;
mod world;

pub use answer::{Answer, Cell, Line, Month, Note, Part, Raised};
pub use ask::{Ask, BehindAsk};
pub use behind::{Behind, BehindRow};
pub use catalogue::{
    Catalogue, Dimension, Formula, Good, Guard, Indicator, Measure, Origin, Term, Test, Topic,
    Warning,
};
pub use report::{body, lines};
pub use run::compute;

/// Name of the file of a pack that holds indicators, warnings and topics.
pub const INDICATORS_TOML: &str = "indicators.toml";

#[cfg(test)]
mod tests;
