//! Tables in memory, written as CSV at the end; the random stream.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{NaiveDate, NaiveDateTime};

use crate::error::{Error, Result};

/// SplitMix64: equal seed, equal city.
pub(super) struct Rng(u64);

impl Rng {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0 … n−1.
    pub(super) fn below(&mut self, n: i64) -> i64 {
        let n = u64::try_from(n.max(1)).unwrap_or(1);
        i64::try_from(self.next().checked_rem(n).unwrap_or(0)).unwrap_or(0)
    }

    pub(super) fn between(&mut self, from: i64, to: i64) -> i64 {
        from + self.below(to - from + 1)
    }

    pub(super) fn percent(&mut self, p: i64) -> bool {
        self.below(100) < p
    }

    /// One of a list that is not empty.
    pub(super) fn pick<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        let n = self.below(i64::try_from(list.len()).unwrap_or(0));
        list.get(usize::try_from(n).unwrap_or(0))
    }
}

/// One row: column name → text.
pub(super) type Row = Vec<(&'static str, String)>;

/// All files.
#[derive(Default)]
pub(super) struct Tables {
    files: BTreeMap<&'static str, (Vec<&'static str>, Vec<Vec<String>>)>,
}

impl Tables {
    /// Adds a row; the first row of a file fixes its columns.
    pub(super) fn add(&mut self, file: &'static str, row: Row) {
        let (header, rows) = self
            .files
            .entry(file)
            .or_insert_with(|| (row.iter().map(|(name, _)| *name).collect(), Vec::new()));
        let mut cells = vec![String::new(); header.len()];
        for (name, value) in row {
            if let Some(cell) =
                header.iter().position(|h| *h == name).and_then(|n| cells.get_mut(n))
            {
                *cell = value;
            }
        }
        rows.push(cells);
    }

    /// Writes `<file>.csv` each, UTF-8; returns rows per file.
    pub(super) fn write(self, folder: &Path) -> Result<BTreeMap<String, u64>> {
        let mut counts = BTreeMap::new();
        for (file, (header, rows)) in self.files {
            let path = folder.join(format!("{file}.csv"));
            let fail = |e: csv::Error| Error::io(format!("{file}.csv"))(e.into());
            let mut writer = csv::Writer::from_path(&path).map_err(fail)?;
            writer.write_record(&header).map_err(fail)?;
            for row in &rows {
                writer.write_record(row).map_err(fail)?;
            }
            writer.flush().map_err(Error::io(format!("{file}.csv")))?;
            counts.insert(file.to_owned(), u64::try_from(rows.len()).unwrap_or(0));
        }
        Ok(counts)
    }
}

/// `1234` cents → `12.34`.
pub(super) fn yuan(cents: i64) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    let cents = cents.unsigned_abs();
    format!("{sign}{}.{:02}", cents / 100, cents % 100)
}

pub(super) fn day(date: NaiveDate) -> String {
    date.format("%Y-%m-%d").to_string()
}

pub(super) fn time(at: NaiveDateTime) -> String {
    at.format("%Y-%m-%d %H:%M:%S").to_string()
}

/// Last day of the city.
pub(super) fn last_day() -> NaiveDate {
    NaiveDate::parse_from_str(super::DEMO_LAST_DAY, "%Y-%m-%d").unwrap_or_default()
}

/// A day, `n` days before the last one.
pub(super) fn days_ago(n: i64) -> NaiveDate {
    last_day().checked_sub_signed(chrono::TimeDelta::days(n)).unwrap_or_default()
}

/// A moment of a day.
pub(super) fn at(date: NaiveDate, hour: i64, minute: i64, second: i64) -> NaiveDateTime {
    let number = |n: i64| u32::try_from(n).unwrap_or(0);
    date.and_hms_opt(number(hour), number(minute), number(second)).unwrap_or_default()
}
