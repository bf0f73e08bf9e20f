//! A small invented Chinese city in the import contract: what demo and tests run on by default.
//!
//! Everything is made up and looks so: 示例市, persons called 王甲三, telephone numbers 1990000…, a division
//! code that does not exist. Equal seed and scale give equal files, byte for byte. Money adds up to the cent
//! between lines and settlements, as it does in a real system, so that any difference a test finds is ours.

#![allow(
    clippy::arithmetic_side_effects,
    reason = "invented figures within bounds that the generator itself sets"
)]

mod billing;
mod city;
mod items;
mod out;
mod people;
mod records;
mod reference;
mod truth;
mod visits;

use std::collections::BTreeMap;
use std::path::Path;

use crate::error::{Error, Result};

use out::{Rng, Tables};
pub use truth::{TruthOptions, TruthSummary, truth_data};

/// What to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DemoOptions {
    /// Equal seed, equal city.
    pub seed: u64,
    /// 1: about 400 persons; n: n times as many.
    pub scale: u32,
}

impl Default for DemoOptions {
    fn default() -> Self {
        Self { seed: 20_261_115, scale: 1 }
    }
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoSummary {
    /// Rows per file (without extension).
    pub rows: BTreeMap<String, u64>,
    /// The facility that demos inspect.
    pub fixmedins_code: String,
    /// A stay in which one item is billed twice on one day.
    pub double_billed_visit: String,
    /// The person of that stay.
    pub double_billed_person: String,
}

/// Code of the hospital that demos inspect.
pub const DEMO_HOSPITAL: &str = "H99010100001";
/// The last day of the demo city.
pub const DEMO_LAST_DAY: &str = "2026-11-15";

/// Writes the city as CSV files into `folder`, which is created.
///
/// # Errors
/// The folder cannot be written.
pub fn demo_data(folder: &Path, options: &DemoOptions) -> Result<DemoSummary> {
    std::fs::create_dir_all(folder).map_err(Error::io("demo folder"))?;
    let mut rng = Rng::new(options.seed);
    let mut tables = Tables::new(folder);
    let city = city::build(&mut tables, &mut rng, 1, true);
    let persons = people::build(&mut tables, &mut rng, 400 * options.scale.max(1) as usize);
    items::catalogue(&mut tables);
    reference::write(folder)?;
    let planted = visits::build(&mut tables, &mut rng, &city, &persons);
    records::build(&mut tables, &mut rng, &city);
    let rows = tables.finish()?;
    Ok(DemoSummary {
        rows,
        fixmedins_code: DEMO_HOSPITAL.to_owned(),
        double_billed_visit: planted.visit,
        double_billed_person: planted.person,
    })
}

#[cfg(test)]
pub(crate) mod tests;
