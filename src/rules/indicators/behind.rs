//! The rows behind a figure: keys with which lines, visits and settlements are looked up.

use std::collections::BTreeMap;

use serde::Serialize;
use spotcheck_domain::columns::ColumnSource;

use super::ask::Ask;
use super::plan::Plan;
use super::run::Counted;
use super::words::Words;
use crate::error::{Error, Result};

/// Rows kept while counting; beyond it a figure must be narrowed first (`total` says how many there are).
pub(crate) const KEPT: usize = 200_000;

/// A row that was counted.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) instance: usize,
    pub(crate) table: &'static str,
    pub(crate) row: u64,
    pub(crate) visit: u32,
    pub(crate) person: u32,
    pub(crate) settlement: u32,
}

/// One row behind a figure.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct BehindRow {
    /// The visit; empty where the row has none.
    pub mdtrt_id: String,
    /// The settlement of a line or settlement.
    pub setl_id: String,
    /// The line's serial number inside its visit.
    pub bkkp_sn: String,
    /// The person of the visit; empty where the row has none.
    pub psn_no: String,
}

/// Rows behind one term of a figure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Behind {
    /// The term.
    pub term: String,
    /// Its name.
    pub name: String,
    /// Its table.
    pub table: String,
    /// Rows in all.
    pub total: u64,
    /// In order of visit, settlement and serial number, at most as many as were asked for.
    pub rows: Vec<BehindRow>,
}

/// Texts for the rows that were found.
pub(crate) fn rows(
    source: &dyn ColumnSource,
    plan: &Plan,
    ask: &Ask,
    counted: &Counted,
    words: &mut Words<'_>,
) -> Result<Vec<Behind>> {
    let Some(behind) = &ask.behind else { return Ok(Vec::new()) };
    let mut all: BTreeMap<usize, Vec<BehindRow>> = BTreeMap::new();
    let mut tables: BTreeMap<usize, &'static str> = BTreeMap::new();
    for f in &counted.found {
        tables.insert(f.instance, f.table);
        let text = |words: &mut Words<'_>, code: u32| -> Result<String> {
            Ok(words.word(code).map_err(Error::Source)?.to_owned())
        };
        let bkkp_sn = if f.table == "fee_list_d" {
            let cell = source.cell_texts(f.table, "bkkp_sn", &[f.row]).map_err(Error::Source)?;
            cell.into_iter().next().flatten().unwrap_or_default()
        } else {
            String::new()
        };
        let (mdtrt_id, setl_id) = (text(words, f.visit)?, text(words, f.settlement)?);
        let psn_no = text(words, f.person)?;
        let row = BehindRow { mdtrt_id, setl_id, bkkp_sn, psn_no };
        all.entry(f.instance).or_default().push(row);
    }
    let mut told = Vec::new();
    for (instance, mut rows) in all {
        rows.sort();
        let total = counted.behind.get(&instance).copied().unwrap_or(0);
        rows.truncate(behind.limit);
        let term = plan.instances.get(instance).map_or("", |i| i.term.as_str()).to_owned();
        let table = tables.get(&instance).copied().unwrap_or_default().to_owned();
        told.push(Behind { name: term.clone(), term, table, total, rows });
    }
    Ok(told)
}
