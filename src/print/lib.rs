//! Printing through IPP Everywhere, without a print server on the handheld.
//!
//! A printer is asked what it takes: PDF as it is, else PWG raster made from page bitmaps of the caller.
//! Everything the printer says is put into Chinese words, because "it does not print" is the most common
//! trouble on site and the officer must know whether to feed paper or to write by hand.
//!
//! [`IppPrinter`] blocks and may be used from any worker thread; it keeps a small runtime of its own.
//! [`Printers`] is the adapter of the port `spotcheck_app::ports::Printer`.
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

mod attributes;
mod error;
mod fleet;
mod printer;
pub mod raster;
mod transport;
mod uri;
pub mod words;

pub use attributes::{JobState, JobStatus, PrinterInfo, PrinterState};
pub use error::Error;
pub use fleet::{Configured, Printers};
pub use printer::{IppPrinter, Job};
pub use raster::RasterPage;
