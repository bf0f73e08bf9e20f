//! Which rows belong into a package, and how they are copied from partitions.
//!
//! A stay is never cut: all lines, settlements and records of a visit that overlaps the period come along,
//! and a line or settlement inside the period brings its visit along even where the visit's own dates are
//! wrong or missing.

use std::collections::HashSet;

use rusqlite::types::ValueRef;
use rusqlite::{Row, Statement, ToSql};
use spotcheck_domain::Amount;

use super::dict::Dict;
use crate::error::{Error, Result};
use crate::partition::TableStats;
use crate::schema::{Entity, Kind};

/// A stretch of days, both inclusive, as Beijing seconds; `None`: everything.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span(pub(super) Option<(i64, i64)>);

impl Span {
    /// A moment without a time is inside.
    pub(super) fn has(self, at: Option<i64>) -> bool {
        match (self.0, at) {
            (Some((from, to)), Some(at)) => from <= at && at <= to,
            _ => true,
        }
    }

    /// An interval with an open end goes on.
    pub(super) fn meets(self, begin: Option<i64>, end: Option<i64>) -> bool {
        match self.0 {
            None => true,
            Some((from, to)) => begin.is_none_or(|b| b <= to) && end.is_none_or(|e| e >= from),
        }
    }
}

/// Positions of columns in `SELECT *` of a partition table (times have a companion).
pub(super) fn select_position(entity: &Entity, column: &str) -> Option<usize> {
    let mut n = 0_usize;
    for c in entity.columns {
        if c.name == column {
            return Some(n);
        }
        n = n.saturating_add(if c.kind == Kind::Time { 2 } else { 1 });
    }
    None
}

/// Text of a column of the current row.
pub(super) fn text<'r>(row: &'r Row<'_>, at: Option<usize>) -> Option<&'r str> {
    match row.get_ref(at?).ok()? {
        ValueRef::Text(bytes) => std::str::from_utf8(bytes).ok(),
        _ => None,
    }
}

/// Integer of a column of the current row.
pub(super) fn int(row: &Row<'_>, at: Option<usize>) -> Option<i64> {
    match row.get_ref(at?).ok()? {
        ValueRef::Integer(n) => Some(n),
        _ => None,
    }
}

/// A set of ids that may also be "all".
#[derive(Debug, Default)]
pub(super) struct Ids(HashSet<Box<str>>);

impl Ids {
    pub(super) fn has(&self, id: Option<&str>) -> bool {
        id.is_some_and(|id| self.0.contains(id))
    }

    pub(super) fn add(&mut self, id: Option<&str>) {
        if let Some(id) = id
            && !self.0.contains(id)
        {
            self.0.insert(id.into());
        }
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Copies rows of one entity into the package, replacing texts by dictionary ids.
pub(super) struct Copier<'d> {
    entity: &'static Entity,
    insert: Statement<'d>,
    /// Last text and id per column: neighbouring rows share most of theirs.
    last: Vec<(String, i64)>,
    pub(super) stats: TableStats,
}

impl<'d> Copier<'d> {
    pub(super) fn new(entity: &'static Entity, insert: Statement<'d>) -> Self {
        let mut stats = TableStats::default();
        stats.sums.extend(entity.money_columns().map(|c| (c.to_owned(), Amount::ZERO)));
        Self { entity, insert, last: vec![(String::new(), 0); entity.columns.len()], stats }
    }

    /// Copies the current row of `SELECT *`.
    pub(super) fn copy(&mut self, row: &Row<'_>, dict: &mut Dict<'_>) -> Result<()> {
        let sql = |e: rusqlite::Error| Error::sql(self.entity.name)(e);
        let (mut n, mut to) = (0_usize, 0_usize);
        let next = |n: &mut usize| {
            let at = *n;
            *n = n.saturating_add(1);
            at
        };
        for (column, last) in self.entity.columns.iter().zip(&mut self.last) {
            let value = row.get_ref(next(&mut n)).map_err(sql)?;
            let at = next(&mut to).saturating_add(1);
            match value {
                ValueRef::Text(bytes) if column.kind.is_coded() => {
                    let text = std::str::from_utf8(bytes)
                        .map_err(|_| Error::Internal("text is not UTF-8".to_owned()))?;
                    if last.1 == 0 || last.0 != text {
                        last.1 = dict.id(text)?;
                        text.clone_into(&mut last.0);
                    }
                    self.insert.raw_bind_parameter(at, last.1).map_err(sql)?;
                }
                other => bind(&mut self.insert, at, other).map_err(sql)?,
            }
            if column.kind == Kind::Time {
                let letter = row.get_ref(next(&mut n)).map_err(sql)?;
                let at = next(&mut to).saturating_add(1);
                bind(&mut self.insert, at, letter).map_err(sql)?;
            }
            if let (Kind::Money, ValueRef::Integer(amount)) = (column.kind, value)
                && let Some(sum) = self.stats.sums.get_mut(column.name)
            {
                *sum = sum
                    .checked_add(Amount::from_millionths(amount))
                    .ok_or_else(|| Error::Internal(format!("sum of {} overflows", column.name)))?;
            }
        }
        let dup_no = row.get_ref(next(&mut n)).map_err(sql)?;
        bind(&mut self.insert, next(&mut to).saturating_add(1), dup_no).map_err(sql)?;
        self.insert.raw_execute().map_err(sql)?;
        self.stats.rows = self.stats.rows.saturating_add(1);
        Ok(())
    }
}

fn bind(statement: &mut Statement<'_>, at: usize, value: ValueRef<'_>) -> rusqlite::Result<()> {
    let value: &dyn ToSql = &rusqlite::types::ToSqlOutput::Borrowed(value);
    statement.raw_bind_parameter(at, value)
}
