//! What persons did at other facilities (`psn_other` of claims.md §2), out of the partitions of these, and where
//! else boxes were settled ([`boxes`]).
//!
//! Visits with their money, and drugs: enough to see a stay here overlap one there, and the same drug being
//! collected in several places, without bringing the whole city along. A package gets the rows of its
//! persons; the rules at the centre read the same rows from an encrypted work database that is made once for
//! all facilities and goes away with the run.

use std::collections::HashMap;
use std::path::Path;

use ring::digest;
use rusqlite::types::ValueRef;
use rusqlite::{Row, params};
use spotcheck_domain::Entropy;

use crate::boxes;
use crate::cipher::{ClaimsKey, WorkDb};
use crate::columns::{PSN_OTHER, TRACE_OTHER};
use crate::error::{Error, Result};
use crate::partition::{BASE, PartitionReader, PartitionRef, PartitionStore, REGION};
use crate::schema::{Column, Kind, MONTHLY};

const CACHE_KIB: u32 = 64 * 1024;

/// Position of `psn_no` in the rows of [`rows_of`].
pub(crate) const PERSON: usize = 1;
/// Position of `begntime`.
pub(crate) const BEGIN: usize = 6;
/// Position of `endtime`; a drug has none.
pub(crate) const END: usize = 8;
/// Position of `kind`.
pub(crate) const KIND: usize = 0;
/// Columns of `psn_other` with the companions of its two times.
pub(crate) const WIDTH: usize = 19;

/// Hands out the rows of one partition as `psn_other` has them (claims.md §2), texts as they are: visits of
/// the base, drugs of a month.
pub(crate) fn rows_of(
    reader: &PartitionReader,
    each: &mut dyn FnMut(&Row<'_>) -> Result<()>,
) -> Result<()> {
    let sql = Error::sql;
    let tables = &reader.partition().tables;
    let (table, query) = if reader.partition().key.month == BASE {
        if !tables.contains_key("mdtrt_d") {
            return Ok(());
        }
        let name = if tables.contains_key("fixmedins_b") {
            "(SELECT fixmedins_name FROM fixmedins_b f WHERE f.fixmedins_code = m.fixmedins_code)"
        } else {
            "NULL"
        };
        // Partitions have no index on setl_d.mdtrt_id, so the sums are gathered first.
        let (sums, money, join) = if tables.contains_key("setl_d") {
            (
                "WITH s AS MATERIALIZED (SELECT mdtrt_id, SUM(medfee_sumamt) AS a,
                   SUM(fund_pay_sumamt) AS b FROM setl_d GROUP BY mdtrt_id)",
                "s.a, s.b",
                "LEFT JOIN s ON s.mdtrt_id = m.mdtrt_id",
            )
        } else {
            ("", "NULL, NULL", "")
        };
        let query = format!(
            "{sums} SELECT 'visit', m.psn_no, m.fixmedins_code, {name}, m.mdtrt_id, m.med_type,
               m.begntime, m.begntime_p, m.endtime, m.endtime_p, m.adm_dept_name,
               m.dscg_maindiag_code, m.dscg_maindiag_name, {money}, NULL, NULL, NULL, NULL
             FROM mdtrt_d m {join}"
        );
        ("mdtrt_d", query)
    } else {
        let query = "SELECT 'drug', psn_no, fixmedins_code, NULL, mdtrt_id, med_type, fee_ocur_time,
               fee_ocur_time_p, NULL, NULL, NULL, NULL, NULL, NULL, NULL, med_list_codg, hilist_name,
               cnt, det_item_fee_sumamt
             FROM fee_list_d WHERE list_type IN ('101', '102', '103', '104')";
        (MONTHLY, query.to_owned())
    };
    let mut select = reader.db().prepare(&query).map_err(sql(table))?;
    let mut rows = select.query([]).map_err(sql(table))?;
    while let Some(row) = rows.next().map_err(sql(table))? {
        each(row)?;
    }
    Ok(())
}

/// Text of a cell of the current row.
fn text<'r>(row: &'r Row<'_>, at: usize) -> Option<&'r str> {
    match row.get_ref(at).ok()? {
        ValueRef::Text(bytes) => std::str::from_utf8(bytes).ok(),
        _ => None,
    }
}

/// The rows of `psn_other` of one facility or of all, in an encrypted database that lives as long as this.
#[derive(Debug)]
pub struct Elsewhere {
    work: WorkDb,
}

/// What one facility's persons have elsewhere.
#[derive(Debug)]
pub(crate) struct Persons {
    /// Facility of which the rows are none of.
    pub(crate) facility: String,
    /// Persons with rows, in order.
    pub(crate) persons: Vec<String>,
    /// Rows.
    pub(crate) rows: u64,
    /// Settlements of the facility's boxes elsewhere.
    pub(crate) boxes: u64,
}

/// A table of texts and numbers that knows whose partition a row came from.
fn table(name: &str, all: &[Column]) -> String {
    let mut columns = vec!["own TEXT NOT NULL".to_owned()];
    for column in all {
        let number = matches!(column.kind, Kind::Time | Kind::Money | Kind::Quantity | Kind::Int);
        columns.push(format!("{} {}", column.name, if number { "INTEGER" } else { "TEXT" }));
        if column.kind == Kind::Time {
            columns.push(format!("{}_p TEXT", column.name));
        }
    }
    format!("CREATE TABLE {name} ({}) STRICT;", columns.join(", "))
}

/// The tables of the boxes alone, for a package, which reads persons straight from the partitions.
pub(crate) fn boxes_ddl() -> String {
    format!(
        "{} CREATE TABLE trace_code (own TEXT NOT NULL, drug_trac_codg TEXT NOT NULL) STRICT;",
        table("trace_other", TRACE_OTHER)
    )
}

fn ddl() -> String {
    format!(
        "{} CREATE TABLE person (own TEXT NOT NULL, psn_no TEXT NOT NULL) STRICT; {} BEGIN;",
        table("psn_other", PSN_OTHER),
        boxes_ddl()
    )
}

/// Persons of visits and fee lines, each with the facilities (by place in the list) that know them.
type Known = HashMap<Box<str>, Vec<u32>>;

fn know(known: &mut Known, at: u32, reader: &PartitionReader) -> Result<()> {
    let table = if reader.partition().key.month == BASE { "mdtrt_d" } else { MONTHLY };
    if !reader.partition().tables.contains_key(table) {
        return Ok(());
    }
    let sql = Error::sql;
    let query = format!("SELECT psn_no FROM {table} WHERE psn_no IS NOT NULL");
    let mut select = reader.db().prepare(&query).map_err(sql(table))?;
    let mut rows = select.query([]).map_err(sql(table))?;
    while let Some(row) = rows.next().map_err(sql(table))? {
        let Some(person) = text(row, 0) else { continue };
        match known.get_mut(person) {
            Some(list) if list.last() == Some(&at) => {}
            Some(list) => list.push(at),
            None => {
                known.insert(person.into(), vec![at]);
            }
        }
    }
    Ok(())
}

impl Elsewhere {
    /// Reads the partitions: what the persons of `only` did at the others, or, without it, the rows of
    /// everybody who is known to two facilities or more. `folder` takes the work database.
    ///
    /// # Errors
    /// The store, a partition or the folder refuses.
    pub fn gather(
        store: &dyn PartitionStore,
        only: Option<&str>,
        folder: &Path,
        master: &ClaimsKey,
        entropy: &dyn Entropy,
    ) -> Result<Self> {
        let sql = Error::sql;
        let mut all = store.list(None).map_err(Error::Port)?;
        all.retain(|p| p.key.facility != REGION);
        let mut codes: Vec<&str> = all.iter().map(|p| p.key.facility.as_str()).collect();
        codes.sort_unstable();
        codes.dedup();
        let place = |p: &PartitionRef| {
            let at = codes.binary_search(&p.key.facility.as_str()).unwrap_or(usize::MAX);
            u32::try_from(at).unwrap_or(u32::MAX)
        };
        let wanted = |p: &&PartitionRef| only.is_none_or(|code| p.key.facility == code);
        let mut known = Known::new();
        for partition in all.iter().filter(wanted) {
            let reader = PartitionReader::open(store, partition, master)?;
            know(&mut known, place(partition), &reader)?;
        }
        if only.is_none() {
            known.retain(|_, places| places.len() > 1);
        }
        let work = WorkDb::create(folder, entropy, CACHE_KIB)?;
        let db = work.db()?;
        db.execute_batch(&ddl()).map_err(sql("psn_other"))?;
        let cells = vec!["?"; WIDTH.saturating_add(1)].join(",");
        {
            let mut insert = db
                .prepare(&format!("INSERT INTO psn_other VALUES ({cells})"))
                .map_err(sql("psn_other"))?;
            for partition in all.iter().filter(|p| only != Some(p.key.facility.as_str())) {
                let reader = PartitionReader::open(store, partition, master)?;
                rows_of(&reader, &mut |row| {
                    if !text(row, PERSON).is_some_and(|p| known.contains_key(p)) {
                        return Ok(());
                    }
                    insert
                        .raw_bind_parameter(1, partition.key.facility.as_str())
                        .map_err(sql("psn_other"))?;
                    for at in 0..WIDTH {
                        let value = row.get_ref(at).map_err(sql("psn_other"))?;
                        let value = rusqlite::types::ToSqlOutput::Borrowed(value);
                        insert
                            .raw_bind_parameter(at.saturating_add(2), value)
                            .map_err(sql("psn_other"))?;
                    }
                    insert.raw_execute().map_err(sql("psn_other"))?;
                    Ok(())
                })?;
            }
            let mut persons: Vec<(&str, &Vec<u32>)> =
                known.iter().map(|(person, places)| (&**person, places)).collect();
            persons.sort_unstable();
            let mut insert =
                db.prepare("INSERT INTO person VALUES (?1, ?2)").map_err(sql("person"))?;
            for (person, places) in persons {
                for place in places {
                    let at = usize::try_from(*place).unwrap_or(usize::MAX);
                    insert.execute(params![codes.get(at), person]).map_err(sql("person"))?;
                }
            }
        }
        boxes::gather(db, &all, only, store, master)?;
        db.execute_batch(
            "CREATE INDEX psn_other_person ON psn_other (psn_no); CREATE INDEX own ON person (own);
             COMMIT;",
        )
        .map_err(sql("psn_other"))?;
        Ok(Self { work })
    }

    /// The database: `psn_other` with texts and `own`, the facility whose partition it came from.
    pub(crate) fn db(&self) -> Result<&rusqlite::Connection> {
        self.work.db()
    }

    /// Whom a facility shares with others.
    pub(crate) fn persons_of(&self, facility: &str) -> Result<Persons> {
        let sql = Error::sql;
        let mut select = self
            .db()?
            .prepare_cached(
                "SELECT p.psn_no, COUNT(*) FROM person p JOIN psn_other o ON o.psn_no = p.psn_no
                 WHERE p.own = ?1 AND o.own <> ?1 GROUP BY p.psn_no ORDER BY p.psn_no",
            )
            .map_err(sql("psn_other"))?;
        let boxes = boxes::count(self.db()?, facility)?;
        let mut found =
            Persons { facility: facility.to_owned(), persons: Vec::new(), rows: 0, boxes };
        let mut rows = select.query([facility]).map_err(sql("psn_other"))?;
        while let Some(row) = rows.next().map_err(sql("psn_other"))? {
            found.persons.push(row.get(0).map_err(sql("psn_other"))?);
            let count: i64 = row.get(1).map_err(sql("psn_other"))?;
            found.rows = found.rows.saturating_add(count.unsigned_abs());
        }
        Ok(found)
    }

    /// SHA-256 (hex) over everything that a facility's persons and boxes did elsewhere: equal rows, equal
    /// digest.
    ///
    /// # Errors
    /// The work database.
    pub fn digest(&self, facility: &str) -> Result<String> {
        let sql = Error::sql;
        let mut context = digest::Context::new(&digest::SHA256);
        let mut select = self
            .db()?
            .prepare_cached(
                "SELECT * FROM psn_other WHERE psn_no = ?1 AND own <> ?2 ORDER BY rowid",
            )
            .map_err(sql("psn_other"))?;
        for person in self.persons_of(facility)?.persons {
            let mut rows = select.query([person.as_str(), facility]).map_err(sql("psn_other"))?;
            while let Some(row) = rows.next().map_err(sql("psn_other"))? {
                add(&mut context, row, WIDTH.saturating_add(1)).map_err(sql("psn_other"))?;
            }
        }
        let query = boxes::settled_elsewhere(boxes::ALL);
        let mut select = self.db()?.prepare_cached(&query).map_err(sql("trace_other"))?;
        let mut rows = select.query([facility]).map_err(sql("trace_other"))?;
        while let Some(row) = rows.next().map_err(sql("trace_other"))? {
            add(&mut context, row, boxes::WIDTH).map_err(sql("trace_other"))?;
        }
        Ok(hex::encode(context.finish()))
    }
}

fn add(context: &mut digest::Context, row: &Row<'_>, cells: usize) -> rusqlite::Result<()> {
    for at in 0..cells {
        match row.get_ref(at)? {
            ValueRef::Text(bytes) => context.update(bytes),
            ValueRef::Integer(n) => context.update(&n.to_be_bytes()),
            _ => context.update(b"\x00"),
        }
        context.update(b"\x1f");
    }
    Ok(())
}
