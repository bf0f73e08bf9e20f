//! CSV files, written row by row; the random stream.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

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

/// All files, written as they come: memory does not grow with the city.
pub(super) struct Tables {
    folder: PathBuf,
    files: BTreeMap<&'static str, Table>,
    buffer: String,
    failed: Option<Error>,
}

struct Table {
    header: Vec<&'static str>,
    writer: BufWriter<File>,
    rows: u64,
}

impl Tables {
    pub(super) fn new(folder: &Path) -> Self {
        let (files, buffer) = (BTreeMap::new(), String::new());
        Self { folder: folder.to_owned(), files, buffer, failed: None }
    }

    /// Adds a row; the first row of a file fixes its columns. An error is told by [`Self::finish`].
    #[allow(clippy::needless_pass_by_value, reason = "a row is made to be written")]
    pub(super) fn add(&mut self, file: &'static str, row: Row) {
        let names: Vec<&'static str> = row.iter().map(|(name, _)| *name).collect();
        let mut text = std::mem::take(&mut self.buffer);
        text.clear();
        if let Some(table) = self.table(file, &names) {
            let mut cells = vec![""; table.header.len()];
            for (name, value) in &row {
                let place = table.header.iter().position(|h| h == name);
                if let Some(cell) = place.and_then(|n| cells.get_mut(n)) {
                    *cell = value;
                }
            }
            for (n, cell) in cells.into_iter().enumerate() {
                if n > 0 {
                    text.push(',');
                }
                push_cell(&mut text, cell);
            }
            text.push('\n');
        }
        self.put(file, &text);
        self.buffer = text;
    }

    /// Adds a row that `write` puts together itself: cells with commas between them, none of which needs
    /// quotes. For the one file that is as long as all others together.
    pub(super) fn line(
        &mut self,
        file: &'static str,
        header: &[&'static str],
        write: impl FnOnce(&mut String),
    ) {
        let mut text = std::mem::take(&mut self.buffer);
        text.clear();
        if self.table(file, header).is_some() {
            write(&mut text);
            text.push('\n');
        }
        self.put(file, &text);
        self.buffer = text;
    }

    fn table(&mut self, file: &'static str, header: &[&'static str]) -> Option<&mut Table> {
        if !self.files.contains_key(file) {
            let path = self.folder.join(format!("{file}.csv"));
            let opened = File::create(path).and_then(|f| {
                let mut writer = BufWriter::with_capacity(1 << 16, f);
                writeln!(writer, "{}", header.join(","))?;
                Ok(writer)
            });
            match opened {
                Ok(writer) => {
                    self.files.insert(file, Table { header: header.to_vec(), writer, rows: 0 });
                }
                Err(e) => self.fail(file, e),
            }
        }
        self.files.get_mut(file)
    }

    fn put(&mut self, file: &'static str, text: &str) {
        let Some(table) = self.files.get_mut(file) else { return };
        table.rows += 1;
        if let Err(e) = table.writer.write_all(text.as_bytes()) {
            self.fail(file, e);
        }
    }

    fn fail(&mut self, file: &str, cause: std::io::Error) {
        if self.failed.is_none() {
            self.failed = Some(Error::io(format!("{file}.csv"))(cause));
        }
    }

    /// Ends all files; rows per file.
    pub(super) fn finish(mut self) -> Result<BTreeMap<String, u64>> {
        let mut counts = BTreeMap::new();
        for (file, mut table) in std::mem::take(&mut self.files) {
            table.writer.flush().map_err(Error::io(format!("{file}.csv")))?;
            counts.insert(file.to_owned(), table.rows);
        }
        match self.failed {
            Some(error) => Err(error),
            None => Ok(counts),
        }
    }
}

/// A cell as CSV wants it: in quotes only where it must be.
fn push_cell(text: &mut String, cell: &str) {
    if !cell.contains([',', '"', '\n', '\r']) {
        text.push_str(cell);
        return;
    }
    text.push('"');
    text.push_str(&cell.replace('"', "\"\""));
    text.push('"');
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
