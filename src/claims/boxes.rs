//! Where else the boxes of a house were settled (`trace_other`), out of the partitions of the others.
//!
//! A trace code names one box of a drug, and one box is sold once (domain.md §3.8). Of all codes that a city has
//! settled, those matter to a house that occur in it, whether settled, counted, bought or sold; only these come
//! along, as facility, day and kind of settlement. Whose settlement it was stays where it is: to tell that a box was
//! settled elsewhere nobody needs to know by whom.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use rusqlite::{Connection, params};

use crate::cipher::ClaimsKey;
use crate::error::{Error, Result};
use crate::partition::{BASE, PartitionReader, PartitionRef, PartitionStore};
use crate::schema::{ENTITIES, Entity, Kind};

/// All columns of `trace_other` with the companion of its time.
pub(crate) const ALL: &str = "drug_trac_codg, fixmedins_code, fixmedins_name, setl_time, setl_time_p, med_type, \
                              med_list_codg, refd_flag, trdn_flag";
/// Cells of [`ALL`].
pub(crate) const WIDTH: usize = 9;
/// Settlements of one code at most. What is settled more often is no box but a stop-gap that was scanned for
/// goods without a code, and a few rows show that as well as a million.
const MOST: u32 = 64;

/// The query for the settlements elsewhere of the boxes of the house `?1`, with these columns, in an order that
/// depends on nothing but the rows.
pub(crate) fn settled_elsewhere(list: &str) -> String {
    format!(
        "SELECT {list} FROM (SELECT o.*, ROW_NUMBER() OVER (PARTITION BY o.drug_trac_codg
             ORDER BY o.setl_time, o.own, o.med_list_codg, o.refd_flag) AS n
           FROM trace_code c JOIN trace_other o ON o.drug_trac_codg = c.drug_trac_codg
           WHERE c.own = ?1 AND o.own <> ?1)
         WHERE n <= {MOST} ORDER BY drug_trac_codg, n"
    )
}

/// Rows of [`settled_elsewhere`].
pub(crate) fn count(db: &Connection, facility: &str) -> Result<u64> {
    let query = format!("SELECT COUNT(*) FROM ({})", settled_elsewhere("1"));
    let rows: i64 = db
        .prepare_cached(&query)
        .and_then(|mut s| s.query_row([facility], |r| r.get(0)))
        .map_err(Error::sql("trace_other"))?;
    Ok(rows.unsigned_abs())
}

fn hash(code: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    code.hash(&mut hasher);
    hasher.finish()
}

/// Codes by their hashes, twenty bytes each instead of a hundred. Two codes of one hash cost a row that the
/// query drops again.
#[derive(Default)]
struct Seen(HashMap<u64, u32>);

/// A code of several houses.
const SEVERAL: u32 = u32::MAX;

impl Seen {
    fn add(&mut self, code: &str, place: u32) {
        let slot = self.0.entry(hash(code)).or_insert(place);
        if *slot != place {
            *slot = SEVERAL;
        }
    }

    fn has(&self, code: &str) -> bool {
        self.0.contains_key(&hash(code))
    }
}

fn codes_in(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|code| !code.is_empty())
}

/// Trace codes in one table of a house, `only` where that condition holds.
fn codes_of(
    reader: &PartitionReader,
    table: &str,
    only: &str,
    each: &mut dyn FnMut(&str) -> Result<()>,
) -> Result<()> {
    if !reader.partition().tables.contains_key(table) {
        return Ok(());
    }
    let sql = Error::sql;
    let query =
        format!("SELECT drug_trac_codg FROM {table} WHERE drug_trac_codg IS NOT NULL AND {only}");
    let mut select = reader.db().prepare(&query).map_err(sql(table))?;
    let mut rows = select.query([]).map_err(sql(table))?;
    while let Some(row) = rows.next().map_err(sql(table))? {
        let cell = row.get_ref(0).map_err(sql(table))?;
        for code in cell.as_str_or_null().ok().flatten().into_iter().flat_map(codes_in) {
            each(code)?;
        }
    }
    Ok(())
}

/// Tables in which a house names boxes.
fn tables() -> impl Iterator<Item = &'static Entity> {
    let names = |e: &&Entity| e.columns.iter().any(|c| c.name == "drug_trac_codg");
    debug_assert!(ENTITIES.iter().copied().filter(names).all(|e| {
        e.columns.iter().all(|c| c.kind != Kind::TraceCodes || c.name == "drug_trac_codg")
    }));
    ENTITIES.iter().copied().filter(names)
}

/// Every trace code that a house names anywhere.
fn every_code(reader: &PartitionReader, each: &mut dyn FnMut(&str) -> Result<()>) -> Result<()> {
    for entity in tables() {
        codes_of(reader, entity.name, "TRUE", each)?;
    }
    Ok(())
}

/// One settlement of one box.
#[derive(Default)]
struct Settled {
    at: Option<i64>,
    precision: Option<String>,
    med_type: Option<String>,
    item: Option<String>,
    back: bool,
}

/// The settlements of a house that `wanted` codes are in, by code and settlement: a code that was scanned twice
/// for one settlement was sold once. A settlement that was cancelled as a whole is taken back as one is whose box
/// was.
fn settled(
    reader: &PartitionReader,
    wanted: &dyn Fn(&str) -> bool,
) -> Result<BTreeMap<(String, String), Settled>> {
    let sql = Error::sql;
    let has = |table: &str| reader.partition().tables.contains_key(table);
    let mut found = BTreeMap::new();
    if !has("trace") {
        return Ok(found);
    }
    let settlements = if has("setl_d") {
        "SELECT setl_id, MIN(mdtrt_id) AS mdtrt_id, MIN(med_type) AS med_type FROM setl_d GROUP BY 1"
    } else {
        "SELECT NULL AS setl_id, NULL AS mdtrt_id, NULL AS med_type WHERE FALSE"
    };
    let visits = if has("mdtrt_d") {
        "SELECT mdtrt_id, MIN(med_type) AS med_type FROM mdtrt_d GROUP BY 1"
    } else {
        "SELECT NULL AS mdtrt_id, NULL AS med_type WHERE FALSE"
    };
    let cancelled = if has("setl_d") {
        "WITH c AS (SELECT setl_id, init_setl_id FROM setl_d
           WHERE (refd_setl_flag = '1' OR medfee_sumamt < 0) AND COALESCE(vali_flag, '') <> '0')
         SELECT setl_id AS id FROM c WHERE setl_id IS NOT NULL
         UNION SELECT init_setl_id FROM c WHERE init_setl_id IS NOT NULL"
    } else {
        "SELECT NULL AS id WHERE FALSE"
    };
    let query = format!(
        "WITH s AS MATERIALIZED ({settlements}), m AS MATERIALIZED ({visits}),
           gone AS MATERIALIZED ({cancelled})
         SELECT t.drug_trac_codg, t.setl_id, t.setl_time, t.setl_time_p,
           COALESCE(m.med_type, s.med_type), t.med_list_codg,
           COALESCE(t.refd_flag, '') = '1' OR gone.id IS NOT NULL
         FROM trace t LEFT JOIN s ON s.setl_id = t.setl_id
           LEFT JOIN m ON m.mdtrt_id = COALESCE(t.mdtrt_id, s.mdtrt_id)
           LEFT JOIN gone ON gone.id = t.setl_id
         WHERE t.setl_id IS NOT NULL"
    );
    let mut select = reader.db().prepare(&query).map_err(sql("trace"))?;
    let mut rows = select.query([]).map_err(sql("trace"))?;
    while let Some(row) = rows.next().map_err(sql("trace"))? {
        let get = |at: usize| row.get_ref(at).map_err(sql("trace"));
        let code = get(0)?.as_str().unwrap_or_default().trim();
        if !wanted(code) {
            continue;
        }
        let text = |at: usize| get(at).map(|c| c.as_str().ok().map(str::to_owned));
        let at = get(2)?.as_i64().ok();
        let back = get(6)?.as_i64().is_ok_and(|n| n != 0);
        let key = (code.to_owned(), text(1)?.unwrap_or_default());
        let slot: &mut Settled = found.entry(key).or_default();
        if slot.at.is_none() || (at.is_some() && at < slot.at) {
            (slot.at, slot.precision) = (at, text(3)?);
            (slot.med_type, slot.item) = (text(4)?, text(5)?);
        }
        slot.back |= back;
    }
    Ok(found)
}

/// Name of the house itself.
fn name_of(reader: &PartitionReader) -> Result<Option<String>> {
    if !reader.partition().tables.contains_key("fixmedins_b") {
        return Ok(None);
    }
    let sql = "SELECT MIN(fixmedins_name) FROM fixmedins_b WHERE fixmedins_code = ?1";
    let facility = reader.partition().key.facility.as_str();
    reader.db().query_row(sql, [facility], |r| r.get(0)).map_err(Error::sql("fixmedins_b"))
}

/// Fills `trace_code` (which house names which code) and `trace_other` (what was settled) of the work database
/// `db`: the codes that two houses know or, with `only`, those of this house and what the others settled of them.
///
/// # Errors
/// The store, a partition or the work database.
pub(crate) fn gather(
    db: &Connection,
    all: &[PartitionRef],
    only: Option<&str>,
    store: &dyn PartitionStore,
    master: &ClaimsKey,
) -> Result<()> {
    let sql = Error::sql;
    let houses: Vec<&PartitionRef> = all.iter().filter(|p| p.key.month == BASE).collect();
    let is_own = |p: &PartitionRef| only.is_none_or(|code| p.key.facility == code);
    let mut seen = Seen::default();
    for (place, partition) in (0_u32..).zip(&houses).filter(|(_, p)| is_own(p)) {
        let reader = PartitionReader::open(store, partition, master)?;
        every_code(&reader, &mut |code| {
            seen.add(code, place);
            Ok(())
        })?;
    }
    if only.is_none() {
        seen.0.retain(|_, place| *place == SEVERAL);
    }
    let mut insert = db
        .prepare("INSERT INTO trace_other VALUES (?1, ?2, ?1, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")
        .map_err(sql("trace_other"))?;
    let mut known =
        db.prepare("INSERT INTO trace_code VALUES (?1, ?2)").map_err(sql("trace_code"))?;
    for partition in houses {
        let facility = partition.key.facility.as_str();
        let reader = PartitionReader::open(store, partition, master)?;
        if is_own(partition) {
            let mut mine: HashSet<Box<str>> = HashSet::new();
            every_code(&reader, &mut |code| {
                if seen.has(code) && mine.insert(code.into()) {
                    known.execute([facility, code]).map_err(sql("trace_code"))?;
                }
                Ok(())
            })?;
        }
        if only == Some(facility) {
            continue;
        }
        let rows = settled(&reader, &|code| seen.has(code))?;
        if rows.is_empty() {
            continue;
        }
        let name = name_of(&reader)?;
        let named = |table: &str, only: &str| -> Result<HashSet<Box<str>>> {
            let mut codes = HashSet::new();
            codes_of(&reader, table, only, &mut |code| {
                if seen.has(code) {
                    codes.insert(code.into());
                }
                Ok(())
            })?;
            Ok(codes)
        };
        let split = named("inv_sale", "trdn_flag = '1'")?;
        let returned = named("inv_sale_return", "TRUE")?;
        for ((code, _), s) in &rows {
            let back = s.back || returned.contains(code.as_str());
            let mark = |on: bool| if on { "1" } else { "0" };
            let row = params![
                facility,
                code,
                name,
                s.at,
                s.precision,
                s.med_type,
                s.item,
                mark(back),
                mark(split.contains(code.as_str())),
            ];
            insert.execute(row).map_err(sql("trace_other"))?;
        }
    }
    db.execute_batch(
        "CREATE INDEX trace_other_code ON trace_other (drug_trac_codg);
         CREATE INDEX trace_code_own ON trace_code (own);",
    )
    .map_err(sql("trace_other"))
}
