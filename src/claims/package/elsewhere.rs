//! `psn_other` and `trace_other`: what the package's persons did at other facilities, and where else its boxes were
//! settled.

use std::path::Path;

use rusqlite::Row;
use rusqlite::types::ValueRef;
use spotcheck_domain::{Amount, BeijingTime, Entropy};

use super::copy::Builder;
use super::pick::{int, text};
use crate::boxes;
use crate::cipher::{ClaimsKey, WorkDb};
use crate::columns::{PSN_OTHER, TRACE_OTHER};
use crate::elsewhere::{BEGIN, END, KIND, PERSON, WIDTH, boxes_ddl, rows_of};
use crate::error::{Error, Result};
use crate::partition::{
    BASE, PartitionReader, PartitionRef, PartitionStore, REGION, TableStats, UNDATED,
};
use crate::schema::{Column, Kind};

const CACHE_KIB: u32 = 16 * 1024;

impl Builder<'_> {
    /// What the package's persons did at other facilities: visits with their money, and drugs.
    pub(super) fn elsewhere(
        &mut self,
        code: &str,
        store: &dyn PartitionStore,
        master: &ClaimsKey,
    ) -> Result<()> {
        let sql = Error::sql;
        let mut stats = TableStats::default();
        for column in PSN_OTHER.iter().filter(|c| c.kind == Kind::Money) {
            stats.sums.insert(column.name.to_owned(), Amount::ZERO);
        }
        if self.persons.len() > 0 {
            let cells = vec!["?"; WIDTH].join(",");
            let mut insert = self
                .db
                .prepare(&format!("INSERT INTO psn_other VALUES ({cells})"))
                .map_err(sql("psn_other"))?;
            let others = |p: &&PartitionRef| p.key.facility != code && p.key.facility != REGION;
            let all = store.list(None).map_err(Error::Port)?;
            for partition in all.iter().filter(others) {
                let month = &partition.key.month;
                if month != BASE && !self.month_meets(month) {
                    continue;
                }
                let reader = PartitionReader::open(store, partition, master)?;
                rows_of(&reader, &mut |row| {
                    if self.wants(row) {
                        self.copy_elsewhere((row, PSN_OTHER), &mut insert, &mut stats)?;
                    }
                    Ok(())
                })?;
            }
        }
        self.tables.insert("psn_other".to_owned(), stats);
        Ok(())
    }

    /// Where else the boxes of the facility were settled, whenever that was: a box that was settled before the
    /// period is no newer inside it. The work database lies in `folder` as long as this takes.
    pub(super) fn boxes(
        &mut self,
        code: &str,
        store: &dyn PartitionStore,
        master: &ClaimsKey,
        folder: &Path,
        entropy: &dyn Entropy,
    ) -> Result<()> {
        let sql = Error::sql;
        let work = WorkDb::create(folder, entropy, CACHE_KIB)?;
        let city = work.db()?;
        city.execute_batch(&format!("{} BEGIN;", boxes_ddl())).map_err(sql("trace_other"))?;
        let mut all = store.list(None).map_err(Error::Port)?;
        all.retain(|p| p.key.facility != REGION);
        boxes::gather(city, &all, Some(code), store, master)?;
        let mut stats = TableStats::default();
        let cells = ["?"; boxes::WIDTH].join(",");
        let mut insert = self
            .db
            .prepare(&format!("INSERT INTO trace_other VALUES ({cells})"))
            .map_err(sql("trace_other"))?;
        let query = boxes::settled_elsewhere(boxes::ALL);
        let mut select = city.prepare(&query).map_err(sql("trace_other"))?;
        let mut rows = select.query([code]).map_err(sql("trace_other"))?;
        while let Some(row) = rows.next().map_err(sql("trace_other"))? {
            self.copy_elsewhere((row, TRACE_OTHER), &mut insert, &mut stats)?;
        }
        self.tables.insert("trace_other".to_owned(), stats);
        Ok(())
    }

    fn month_meets(&self, month: &str) -> bool {
        let Some((from, to)) = self.span.0 else { return true };
        let name = |s: i64| {
            let time = BeijingTime::from_seconds(s).naive();
            time.map_or_else(String::new, |t| t.format("%Y-%m").to_string())
        };
        month != UNDATED && name(from).as_str() <= month && month <= name(to).as_str()
    }

    fn wants(&self, row: &Row<'_>) -> bool {
        let begin = int(row, Some(BEGIN));
        let inside = if text(row, Some(KIND)) == Some("drug") {
            self.span.has(begin)
        } else {
            self.span.meets(begin, int(row, Some(END)))
        };
        inside && self.persons.has(text(row, Some(PERSON)))
    }

    fn copy_elsewhere(
        &mut self,
        (row, columns): (&Row<'_>, &[Column]),
        insert: &mut rusqlite::Statement<'_>,
        stats: &mut TableStats,
    ) -> Result<()> {
        let sql = Error::sql;
        let mut at = 0_usize;
        for column in columns {
            let cells = if column.kind == Kind::Time { 2 } else { 1_usize };
            for _ in 0..cells {
                let value = row.get_ref(at).map_err(sql("psn_other"))?;
                at = at.saturating_add(1);
                let value = match value {
                    ValueRef::Text(_) if column.kind.is_coded() => {
                        let text = text(row, at.checked_sub(1));
                        self.dict.id_of(text)?.map_or(ValueRef::Null, ValueRef::Integer)
                    }
                    value => value,
                };
                if let (Kind::Money, ValueRef::Integer(amount)) = (column.kind, value) {
                    add(stats, column.name, amount)?;
                }
                let value = rusqlite::types::ToSqlOutput::Borrowed(value);
                insert.raw_bind_parameter(at, value).map_err(sql("psn_other"))?;
            }
        }
        insert.raw_execute().map_err(sql("psn_other"))?;
        stats.rows = stats.rows.saturating_add(1);
        Ok(())
    }
}

fn add(stats: &mut TableStats, column: &str, amount: i64) -> Result<()> {
    let sum = stats.sums.entry(column.to_owned()).or_default();
    *sum = sum
        .checked_add(Amount::from_millionths(amount))
        .ok_or_else(|| Error::Internal(format!("sum of {column} overflows")))?;
    Ok(())
}
