//! Columns for engines, read from an encrypted package or from a facility's partitions.
//!
//! One `SELECT` per entity with exactly the wanted columns, in storage order, so that every page is decrypted
//! once. In a package the dictionary ids of the file are the codes; partitions keep text, so theirs are given
//! while reading. The same engine therefore runs on the handheld and at the centre (rules.md).

use std::cell::RefCell;
use std::collections::HashMap;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _};
use spotcheck_domain::claims::Instant;
use spotcheck_domain::columns::{
    BATCH_ROWS, Batch, Column as Cells, ColumnSource, Shape, Want, unknown_column,
};
use spotcheck_domain::{Amount, Precision, TroubleResult};

use crate::boxes;
use crate::cipher::ClaimsKey;
use crate::elsewhere::{Elsewhere, Persons};
use crate::error::{Error, Result};
use crate::package::PeerStat;
use crate::partition::{PartitionKey, PartitionReader, PartitionStore, REGION, later};
use crate::reader::PackageReader;
use crate::schema::{Column, Entity, Kind, col, entity};

/// `psn_other` of claims.md §2: what the package's persons did elsewhere.
pub(crate) const PSN_OTHER: &[Column] = &[
    col("kind", Kind::Text),
    col("psn_no", Kind::Id),
    col("fixmedins_code", Kind::Id),
    col("fixmedins_name", Kind::Name),
    col("mdtrt_id", Kind::Id),
    col("med_type", Kind::Code(0)),
    col("begntime", Kind::Time),
    col("endtime", Kind::Time),
    col("dept_name", Kind::Name),
    col("diag_code", Kind::Id),
    col("diag_name", Kind::Name),
    col("medfee_sumamt", Kind::Money),
    col("fund_pay_sumamt", Kind::Money),
    col("med_list_codg", Kind::Id),
    col("hilist_name", Kind::Name),
    col("cnt", Kind::Quantity),
    col("det_item_fee_sumamt", Kind::Money),
];

/// `trace_other` (claims.md §2, beside `psn_other`): settlements of the same trace codes at other facilities,
/// one row a settlement, without person and settlement number. `med_type` says what kind of visit was settled,
/// `refd_flag` 1 that the box was taken back, `trdn_flag` 1 that it was sold by the piece.
pub(crate) const TRACE_OTHER: &[Column] = &[
    col("drug_trac_codg", Kind::Serial),
    col("fixmedins_code", Kind::Id),
    col("fixmedins_name", Kind::Name),
    col("setl_time", Kind::Time),
    col("med_type", Kind::Code(0)),
    col("med_list_codg", Kind::Id),
    col("refd_flag", Kind::Code(0)),
    col("trdn_flag", Kind::Code(0)),
];

/// `peer_stat` of claims.md §2: figures of the peers.
const PEER_STAT: &[Column] = &[
    col("rule", Kind::Text),
    col("grp", Kind::Text),
    col("period", Kind::Text),
    col("n", Kind::Int),
    col("mean", Kind::Quantity),
    col("median", Kind::Quantity),
    col("mad", Kind::Quantity),
    col("percentiles", Kind::Text),
];

fn columns_of(name: &str) -> Option<(&'static str, &'static [Column])> {
    match name {
        "psn_other" => Some(("psn_other", PSN_OTHER)),
        "trace_other" => Some(("trace_other", TRACE_OTHER)),
        "peer_stat" => Some(("peer_stat", PEER_STAT)),
        _ => entity(name).map(|e: &Entity| (e.name, e.columns)),
    }
}

/// Checks the wanted columns against the contract and returns the `SELECT` list: a time takes two places.
fn select_list(table: &str, columns: &[Column], wants: &[Want]) -> TroubleResult<String> {
    let mut list = Vec::with_capacity(wants.len());
    for want in wants {
        let column = columns.iter().find(|c| c.name == want.name);
        let fits = column.is_some_and(|c| match want.shape {
            Shape::Code => c.kind.is_coded(),
            Shape::Time => c.kind == Kind::Time,
            Shape::Number => matches!(c.kind, Kind::Money | Kind::Quantity | Kind::Int),
            Shape::Text => matches!(c.kind, Kind::Serial | Kind::Text | Kind::TraceCodes),
        });
        if !fits {
            return Err(unknown_column(table, want.name));
        }
        list.push(want.name.to_owned());
        if want.shape == Shape::Time {
            list.push(format!("{}_p", want.name));
        }
    }
    Ok(list.join(", "))
}

/// Reads one row of a [`select_list`] (after `first` other columns) into a batch.
fn push_row(
    row: &rusqlite::Row<'_>,
    first: usize,
    wants: &[Want],
    batch: &mut Batch,
    mut intern: impl FnMut(&str) -> u32,
) -> rusqlite::Result<()> {
    let mut at = first;
    for (want, cells) in wants.iter().zip(&mut batch.columns) {
        let value = row.get_ref(at)?;
        at = at.saturating_add(1);
        match (want.shape, value) {
            (Shape::Time, value) => {
                let letter = row.get_ref(at)?;
                at = at.saturating_add(1);
                push_time(cells, value, letter);
            }
            (Shape::Code, ValueRef::Integer(id)) => {
                cells.push_code(u32::try_from(id).unwrap_or(0));
            }
            (Shape::Code, ValueRef::Text(bytes)) => {
                cells.push_code(std::str::from_utf8(bytes).map_or(0, &mut intern));
            }
            (Shape::Number, ValueRef::Integer(n)) => cells.push_number(n),
            (Shape::Text, ValueRef::Text(bytes)) => match std::str::from_utf8(bytes) {
                Ok(text) => cells.push_text(text),
                Err(_) => cells.push_null(),
            },
            _ => cells.push_null(),
        }
    }
    Ok(())
}

fn push_time(cells: &mut Cells, value: ValueRef<'_>, letter: ValueRef<'_>) {
    let precision = match letter {
        ValueRef::Text(b"s") => Precision::Second,
        ValueRef::Text(b"m") => Precision::Minute,
        _ => Precision::Day,
    };
    match value {
        ValueRef::Integer(seconds) => cells.push_time(seconds, precision),
        _ => cells.push_null(),
    }
}

/// Hands a batch over once it has `least` rows, and empties it.
fn hand_over(
    batch: &mut Batch,
    least: usize,
    each: &mut dyn FnMut(&Batch) -> TroubleResult<()>,
) -> Result<()> {
    if batch.len() >= least {
        each(batch).map_err(Error::Port)?;
        batch.clear();
    }
    Ok(())
}

/// Scans one table of one file; `base` is added to every row number.
fn scan_table(
    db: &Connection,
    table: &str,
    (list, wants): (&str, &[Want]),
    base: u64,
    intern: &mut dyn FnMut(&str) -> u32,
    each: &mut dyn FnMut(&Batch) -> TroubleResult<()>,
) -> Result<()> {
    let sql = Error::sql;
    let comma = if list.is_empty() { "" } else { ", " };
    let query = match table {
        // It has a key of its own and no row numbers (`WITHOUT ROWID`), in packages already out, too.
        "peer_stat" => format!(
            "SELECT row_number() OVER (ORDER BY rule, grp, period){comma}{list} FROM {table} ORDER BY 1"
        ),
        _ => format!("SELECT rowid{comma}{list} FROM {table} ORDER BY rowid"),
    };
    let mut statement = db.prepare(&query).map_err(sql(table))?;
    let mut rows = statement.query([]).map_err(sql(table))?;
    let mut batch = Batch::new(wants);
    while let Some(row) = rows.next().map_err(sql(table))? {
        let rowid: i64 = row.get(0).map_err(sql(table))?;
        batch.rows.push(base.saturating_add(rowid.unsigned_abs()));
        push_row(row, 1, wants, &mut batch, &mut *intern).map_err(sql(table))?;
        hand_over(&mut batch, BATCH_ROWS, each)?;
    }
    hand_over(&mut batch, 1, each)
}

fn cell_text(db: &Connection, table: &str, column: &str, row: u64) -> Result<Option<String>> {
    let sql = Error::sql;
    let query = format!("SELECT {column} FROM {table} WHERE rowid = ?1");
    let row = i64::try_from(row).unwrap_or(i64::MAX);
    let mut statement = db.prepare_cached(&query).map_err(sql(table))?;
    let text: Option<Option<String>> =
        statement.query_row([row], |r| r.get(0)).optional().map_err(sql(table))?;
    Ok(text.flatten())
}

/// A wanted text column, or trouble.
fn text_column(name: &str, column: &'static str) -> TroubleResult<&'static str> {
    let (table, columns) = columns_of(name).ok_or_else(|| unknown_column(name, column))?;
    let want = Want { name: column, shape: Shape::Text };
    select_list(table, columns, &[want])?;
    Ok(table)
}

/// The columns of an open package (claims.md §2).
#[derive(Debug, Clone, Copy)]
pub struct PackageColumns<'a> {
    reader: &'a PackageReader,
}

impl<'a> PackageColumns<'a> {
    /// Over an open package.
    #[must_use]
    pub const fn new(reader: &'a PackageReader) -> Self {
        Self { reader }
    }
}

impl ColumnSource for PackageColumns<'_> {
    fn rows(&self, entity: &str) -> TroubleResult<u64> {
        Ok(self.reader.manifest().tables.get(entity).map_or(0, |t| t.rows))
    }

    fn carries(&self, entity: &str) -> TroubleResult<bool> {
        Ok(self.reader.manifest().tables.contains_key(entity))
    }

    fn cutoff(&self, entity: &str) -> TroubleResult<Option<Instant>> {
        let cutoffs = self.reader.manifest().cutoffs();
        Ok(cutoffs.into_iter().find(|(name, _)| name == entity).map(|(_, at)| at))
    }

    fn scan(
        &self,
        entity: &str,
        wants: &[Want],
        each: &mut dyn FnMut(&Batch) -> TroubleResult<()>,
    ) -> TroubleResult<()> {
        let Some((table, columns)) = columns_of(entity) else {
            return Err(unknown_column(entity, "*"));
        };
        let list = select_list(table, columns, wants)?;
        if self.rows(table)? == 0 {
            return Ok(());
        }
        self.reader
            .guarded(|| scan_table(self.reader.db(), table, (&list, wants), 0, &mut |_| 0, each))
    }

    fn code(&self, text: &str) -> TroubleResult<Option<u32>> {
        self.reader.guarded(|| {
            let id: Option<i64> = self
                .reader
                .db()
                .prepare_cached("SELECT id FROM dict WHERE text = ?1")
                .and_then(|mut s| s.query_row([text], |r| r.get(0)).optional())
                .map_err(Error::sql("dict"))?;
            Ok(id.and_then(|id| u32::try_from(id).ok()))
        })
    }

    fn texts(&self, codes: &[u32]) -> TroubleResult<Vec<String>> {
        self.reader.guarded(|| {
            let sql = Error::sql;
            let mut statement = self
                .reader
                .db()
                .prepare_cached("SELECT text FROM dict WHERE id = ?1")
                .map_err(sql("dict"))?;
            let mut text = |code: &u32| {
                let found: Option<String> = statement
                    .query_row([i64::from(*code)], |r| r.get(0))
                    .optional()
                    .map_err(sql("dict"))?;
                Ok(found.unwrap_or_default())
            };
            codes.iter().map(&mut text).collect()
        })
    }

    fn cell_texts(
        &self,
        entity: &str,
        column: &'static str,
        rows: &[u64],
    ) -> TroubleResult<Vec<Option<String>>> {
        let table = text_column(entity, column)?;
        let read = |row: &u64| cell_text(self.reader.db(), table, column, *row);
        self.reader.guarded(|| rows.iter().map(read).collect())
    }
}

/// Row numbers of one file stay below this, so that file and row fit one number.
const FILE_ROWS: u64 = 1 << 32;

/// Texts in the order in which they were first read; their code is the position plus one.
#[derive(Debug, Default)]
struct Texts {
    codes: HashMap<Box<str>, u32>,
    texts: Vec<Box<str>>,
}

impl Texts {
    fn intern(&mut self, text: &str) -> u32 {
        if let Some(code) = self.codes.get(text) {
            return *code;
        }
        self.texts.push(text.into());
        let code = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        self.codes.insert(text.into(), code);
        code
    }
}

/// The columns of one facility's partitions and of the region's, as the centre has them.
///
/// What the persons did at other facilities (`psn_other`) and where the boxes were settled (`trace_other`) comes
/// from [`Elsewhere`], the peers' figures (`peer_stat`) from [`crate::peer_stats`], where they were gathered; else rules that need them are silent
/// and say so.
#[derive(Debug)]
pub struct PartitionColumns<'a> {
    files: Vec<PartitionReader>,
    texts: RefCell<Texts>,
    elsewhere: Option<(&'a Elsewhere, Persons)>,
    peers: &'a [PeerStat],
}

impl<'a> PartitionColumns<'a> {
    /// Opens all current partitions of a facility, and the region's.
    ///
    /// # Errors
    /// The store or a file refuses.
    pub fn open(store: &dyn PartitionStore, facility: &str, master: &ClaimsKey) -> Result<Self> {
        let mut all = store.list(Some(REGION)).map_err(Error::Port)?;
        all.extend(store.list(Some(facility)).map_err(Error::Port)?);
        all.sort_by(|a, b| PartitionKey::cmp(&a.key, &b.key));
        all.dedup_by(|a, b| a.key == b.key);
        let files =
            all.iter().map(|p| PartitionReader::open(store, p, master)).collect::<Result<_>>()?;
        Ok(Self { files, texts: RefCell::default(), elsewhere: None, peers: &[] })
    }

    /// With what the facility's persons did at others.
    ///
    /// # Errors
    /// The work database.
    pub fn with_elsewhere(self, city: &'a Elsewhere, facility: &str) -> Result<Self> {
        let persons = city.persons_of(facility)?;
        Ok(Self { elsewhere: Some((city, persons)), ..self })
    }

    /// With the figures of the peers.
    #[must_use]
    pub fn with_peers(self, peers: &'a [PeerStat]) -> Self {
        Self { peers, ..self }
    }

    fn scan_boxes(
        &self,
        (list, wants): (&str, &[Want]),
        each: &mut dyn FnMut(&Batch) -> TroubleResult<()>,
    ) -> Result<()> {
        let Some((city, seen)) = &self.elsewhere else { return Ok(()) };
        let sql = Error::sql;
        let query = boxes::settled_elsewhere(list);
        let mut statement = city.db()?.prepare(&query).map_err(sql("trace_other"))?;
        let mut rows = statement.query([seen.facility.as_str()]).map_err(sql("trace_other"))?;
        let (mut batch, mut number) = (Batch::new(wants), 0_u64);
        while let Some(row) = rows.next().map_err(sql("trace_other"))? {
            number = number.saturating_add(1);
            batch.rows.push(number);
            let intern = |text: &str| self.texts.borrow_mut().intern(text);
            push_row(row, 0, wants, &mut batch, intern).map_err(sql("trace_other"))?;
            hand_over(&mut batch, BATCH_ROWS, each)?;
        }
        hand_over(&mut batch, 1, each)
    }

    fn scan_peers(
        &self,
        wants: &[Want],
        each: &mut dyn FnMut(&Batch) -> TroubleResult<()>,
    ) -> TroubleResult<()> {
        let mut batch = Batch::new(wants);
        let millionths = |a: Option<Amount>| a.map(Amount::millionths);
        for (row, peer) in (1_u64..).zip(self.peers) {
            batch.rows.push(row);
            for (want, cells) in wants.iter().zip(&mut batch.columns) {
                let number = match want.name {
                    "n" => i64::try_from(peer.n).ok(),
                    "mean" => millionths(peer.mean),
                    "median" => millionths(peer.median),
                    "mad" => millionths(peer.mad),
                    _ => None,
                };
                match (want.name, number) {
                    ("rule", _) => cells.push_text(&peer.rule),
                    ("grp", _) => cells.push_text(&peer.grp),
                    ("period", _) => cells.push_text(&peer.period),
                    (_, Some(n)) => cells.push_number(n),
                    (_, None) => cells.push_null(),
                }
            }
        }
        if batch.is_empty() { Ok(()) } else { each(&batch) }
    }

    fn scan_elsewhere(
        &self,
        (list, wants): (&str, &[Want]),
        each: &mut dyn FnMut(&Batch) -> TroubleResult<()>,
    ) -> Result<()> {
        let Some((city, seen)) = &self.elsewhere else { return Ok(()) };
        let sql = Error::sql;
        let query = format!(
            "SELECT rowid, {list} FROM psn_other WHERE psn_no = ?1 AND own <> ?2 ORDER BY rowid"
        );
        let mut statement = city.db()?.prepare(&query).map_err(sql("psn_other"))?;
        let mut batch = Batch::new(wants);
        for person in &seen.persons {
            let facility = seen.facility.as_str();
            let mut rows =
                statement.query([person.as_str(), facility]).map_err(sql("psn_other"))?;
            while let Some(row) = rows.next().map_err(sql("psn_other"))? {
                let rowid: i64 = row.get(0).map_err(sql("psn_other"))?;
                batch.rows.push(rowid.unsigned_abs());
                let intern = |text: &str| self.texts.borrow_mut().intern(text);
                push_row(row, 1, wants, &mut batch, intern).map_err(sql("psn_other"))?;
            }
            hand_over(&mut batch, BATCH_ROWS, each)?;
        }
        hand_over(&mut batch, 1, each)
    }
}

impl ColumnSource for PartitionColumns<'_> {
    fn rows(&self, entity: &str) -> TroubleResult<u64> {
        if entity == "psn_other" {
            return Ok(self.elsewhere.as_ref().map_or(0, |(_, seen)| seen.rows));
        }
        if entity == "trace_other" {
            return Ok(self.elsewhere.as_ref().map_or(0, |(_, seen)| seen.boxes));
        }
        if entity == "peer_stat" {
            return Ok(u64::try_from(self.peers.len()).unwrap_or(0));
        }
        let rows = |f: &PartitionReader| f.partition().tables.get(entity).map_or(0, |t| t.rows);
        Ok(self.files.iter().map(rows).fold(0, u64::saturating_add))
    }

    fn carries(&self, entity: &str) -> TroubleResult<bool> {
        if matches!(entity, "psn_other" | "trace_other") {
            return Ok(self.elsewhere.is_some());
        }
        Ok(self.rows(entity)? > 0)
    }

    fn cutoff(&self, entity: &str) -> TroubleResult<Option<Instant>> {
        let tables = self.files.iter().filter_map(|f| f.partition().tables.get(entity));
        Ok(tables.fold(None, |newest, t| later(newest, t.cutoff)))
    }

    fn scan(
        &self,
        name: &str,
        wants: &[Want],
        each: &mut dyn FnMut(&Batch) -> TroubleResult<()>,
    ) -> TroubleResult<()> {
        let Some((table, columns)) = columns_of(name) else {
            return Err(unknown_column(name, "*"));
        };
        let list = select_list(table, columns, wants)?;
        if table == "psn_other" {
            return Ok(self.scan_elsewhere((&list, wants), each)?);
        }
        if table == "trace_other" {
            return Ok(self.scan_boxes((&list, wants), each)?);
        }
        if table == "peer_stat" {
            return self.scan_peers(wants, each);
        }
        let mut base = 0_u64;
        for file in &self.files {
            if file.partition().tables.contains_key(table) {
                let mut intern = |text: &str| self.texts.borrow_mut().intern(text);
                scan_table(file.db(), table, (&list, wants), base, &mut intern, each)?;
            }
            base = base.saturating_add(FILE_ROWS);
        }
        Ok(())
    }

    fn code(&self, text: &str) -> TroubleResult<Option<u32>> {
        Ok(self.texts.borrow().codes.get(text).copied())
    }

    fn texts(&self, codes: &[u32]) -> TroubleResult<Vec<String>> {
        let texts = self.texts.borrow();
        let text = |code: &u32| {
            let at = usize::try_from(*code).ok()?.checked_sub(1)?;
            texts.texts.get(at).map(|t| t.to_string())
        };
        Ok(codes.iter().map(|c| text(c).unwrap_or_default()).collect())
    }

    fn cell_texts(
        &self,
        name: &str,
        column: &'static str,
        rows: &[u64],
    ) -> TroubleResult<Vec<Option<String>>> {
        let table = text_column(name, column)?;
        let mut texts = Vec::with_capacity(rows.len());
        for row in rows {
            let file = usize::try_from(row >> 32).ok().and_then(|n| self.files.get(n));
            let text = match file {
                Some(file) => cell_text(file.db(), table, column, row & (FILE_ROWS - 1))?,
                None => None,
            };
            texts.push(text);
        }
        Ok(texts)
    }
}

#[cfg(test)]
mod tests;
