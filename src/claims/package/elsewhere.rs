//! `psn_other`: what the package's persons did at other facilities.

use rusqlite::Row;
use rusqlite::types::ValueRef;
use spotcheck_domain::{Amount, BeijingTime};

use super::copy::Builder;
use super::pick::{int, text};
use crate::cipher::ClaimsKey;
use crate::columns::PSN_OTHER;
use crate::elsewhere::{BEGIN, END, KIND, PERSON, WIDTH, rows_of};
use crate::error::{Error, Result};
use crate::partition::{
    BASE, PartitionReader, PartitionRef, PartitionStore, REGION, TableStats, UNDATED,
};
use crate::schema::Kind;

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
                        self.copy_elsewhere(row, &mut insert, &mut stats)?;
                    }
                    Ok(())
                })?;
            }
        }
        self.tables.insert("psn_other".to_owned(), stats);
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
        row: &Row<'_>,
        insert: &mut rusqlite::Statement<'_>,
        stats: &mut TableStats,
    ) -> Result<()> {
        let sql = Error::sql;
        let mut at = 0_usize;
        for column in PSN_OTHER {
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
