//! The staging area: checked rows waiting, encrypted, for the partition they belong to.
//!
//! One table, ordered by (part, arrival): the row number carries the part in its upper bits, so rows of a
//! part lie together without an index, and reading a part is one range. A part is one entity of one
//! partition.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use rusqlite::{OptionalExtension as _, params};
use spotcheck_domain::Entropy;
use spotcheck_domain::claims::Instant;

use crate::cipher::WorkDb;
use crate::error::{Error, Result};
use crate::partition::{BASE, PartitionKey, REGION, UNDATED, later};
use crate::schema::{Entity, MONTHLY, Scope};
use crate::value::{Value, encode};

const CACHE_KIB: u32 = 64 * 1024;
/// Bits of the arrival number inside a part.
const SEQ_BITS: u32 = 40;

/// One entity of one partition.
#[derive(Debug, Clone, Default)]
pub(crate) struct Part {
    pub(crate) rows: i64,
    pub(crate) cutoff: Option<Instant>,
}

/// What has no facility of its own finds it through these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Link {
    Visit,
    Settlement,
    Equipment,
}

impl Link {
    pub(crate) const ALL: [(Self, &'static str, &'static str); 3] = [
        (Self::Visit, "mdtrt_id", "mdtrt_d"),
        (Self::Settlement, "setl_id", "setl_d"),
        (Self::Equipment, "equip_no", "equip"),
    ];
}

pub(crate) struct Stage {
    work: WorkDb,
    parts: Vec<Part>,
    /// Partition → entity name → part.
    index: BTreeMap<PartitionKey, BTreeMap<&'static str, usize>>,
    recent: HashMap<(Link, String), Option<String>>,
    buffer: Vec<u8>,
    last: Option<(PartitionKey, &'static str, usize)>,
}

fn month_of(entity: &Entity, row: &[Value]) -> String {
    if entity.name != MONTHLY {
        return BASE.to_owned();
    }
    let position = entity.position("fee_ocur_time");
    let time = position.and_then(|p| row.get(p)).and_then(Value::time);
    time.and_then(|t| t.at.naive())
        .map_or_else(|| UNDATED.to_owned(), |t| t.format("%Y-%m").to_string())
}

impl Stage {
    pub(crate) fn create(folder: &Path, entropy: &dyn Entropy) -> Result<Self> {
        let work = WorkDb::create(folder, entropy, CACHE_KIB)?;
        work.db()?
            .execute_batch(
                "CREATE TABLE stage (id INTEGER PRIMARY KEY, row BLOB NOT NULL) STRICT;
                 CREATE TABLE link (kind INTEGER NOT NULL, id TEXT NOT NULL, facility TEXT NOT NULL,
                   PRIMARY KEY (kind, id)) STRICT, WITHOUT ROWID;
                 BEGIN;",
            )
            .map_err(Error::sql("staging"))?;
        Ok(Self {
            work,
            parts: Vec::new(),
            index: BTreeMap::new(),
            recent: HashMap::new(),
            buffer: Vec::new(),
            last: None,
        })
    }

    /// Puts a checked row into its part. `facility` is ignored for entities of the region.
    pub(crate) fn add(
        &mut self,
        entity: &'static Entity,
        facility: &str,
        row: &[Value],
        cutoff: Option<Instant>,
    ) -> Result<()> {
        let facility = if entity.scope == Scope::Region { REGION } else { facility };
        let month = month_of(entity, row);
        let part = self.part(facility, &month, entity);
        let Some(info) = self.parts.get_mut(part) else {
            return Err(Error::Internal("staging part".to_owned()));
        };
        let id = row_id(part, info.rows)?;
        info.rows = info.rows.saturating_add(1);
        info.cutoff = later(info.cutoff, cutoff);
        self.buffer.clear();
        encode(row, &mut self.buffer);
        self.work
            .db()?
            .prepare_cached("INSERT INTO stage VALUES (?1, ?2)")
            .and_then(|mut s| s.execute(params![id, self.buffer]))
            .map_err(Error::sql("staging"))?;
        for (link, column, table) in Link::ALL {
            if entity.name == table {
                let id = entity.position(column).and_then(|p| row.get(p)).and_then(Value::text);
                if let Some(id) = id {
                    self.link(link, id, facility)?;
                }
            }
        }
        Ok(())
    }

    fn part(&mut self, facility: &str, month: &str, entity: &'static Entity) -> usize {
        if let Some((key, name, part)) = &self.last
            && key.facility == facility
            && key.month == month
            && *name == entity.name
        {
            return *part;
        }
        let key = PartitionKey::new(facility, month);
        let fresh = self.parts.len();
        let part = *self.index.entry(key.clone()).or_default().entry(entity.name).or_insert(fresh);
        if part == fresh {
            self.parts.push(Part::default());
        }
        self.last = Some((key, entity.name, part));
        part
    }

    fn link(&mut self, link: Link, id: &str, facility: &str) -> Result<()> {
        self.recent.remove(&(link, id.to_owned()));
        self.work
            .db()?
            .prepare_cached("INSERT OR REPLACE INTO link VALUES (?1, ?2, ?3)")
            .and_then(|mut s| s.execute(params![link as i64, id, facility]))
            .map_err(Error::sql("staging"))?;
        Ok(())
    }

    /// The facility of a visit, settlement or device of this import; else what `elsewhere` says.
    pub(crate) fn facility_of(
        &mut self,
        link: Link,
        id: &str,
        elsewhere: impl FnOnce() -> Result<Option<String>>,
    ) -> Result<Option<String>> {
        let key = (link, id.to_owned());
        if let Some(known) = self.recent.get(&key) {
            return Ok(known.clone());
        }
        let staged: Option<String> = self
            .work
            .db()?
            .prepare_cached("SELECT facility FROM link WHERE kind = ?1 AND id = ?2")
            .and_then(|mut s| s.query_row(params![link as i64, id], |r| r.get(0)).optional())
            .map_err(Error::sql("staging"))?;
        let found = match staged {
            Some(facility) => Some(facility),
            None => elsewhere()?,
        };
        if self.recent.len() > 10_000 {
            self.recent.clear();
        }
        self.recent.insert(key, found.clone());
        Ok(found)
    }

    /// Facilities that this import has rows of.
    pub(crate) fn facilities(&self) -> Vec<&str> {
        let mut list: Vec<&str> = self.index.keys().map(|k| k.facility.as_str()).collect();
        list.dedup();
        list.retain(|f| *f != REGION);
        list
    }

    /// Partitions that rows wait for.
    pub(crate) fn partitions(&self) -> impl Iterator<Item = &PartitionKey> {
        self.index.keys()
    }

    /// The part of an entity in a partition.
    pub(crate) fn part_of(&self, key: &PartitionKey, entity: &Entity) -> Option<(usize, &Part)> {
        let part = *self.index.get(key)?.get(entity.name)?;
        Some((part, self.parts.get(part)?))
    }

    /// Hands every row of a part with its number to `sink`, in order of arrival.
    pub(crate) fn each(
        &self,
        part: usize,
        mut sink: impl FnMut(i64, &[u8]) -> Result<()>,
    ) -> Result<()> {
        let sql = Error::sql;
        let mut statement = self
            .work
            .db()?
            .prepare_cached("SELECT id, row FROM stage WHERE id >= ?1 AND id < ?2 ORDER BY id")
            .map_err(sql("staging"))?;
        let (from, to) = (row_id(part, 0)?, row_id(part.saturating_add(1), 0)?);
        let mut rows = statement.query([from, to]).map_err(sql("staging"))?;
        while let Some(row) = rows.next().map_err(sql("staging"))? {
            let id = row.get(0).map_err(sql("staging"))?;
            let bytes = row.get_ref(1).map_err(sql("staging"))?;
            sink(id, bytes.as_blob().unwrap_or_default())?;
        }
        Ok(())
    }

    /// One row by its number.
    pub(crate) fn row(&self, id: i64) -> Result<Vec<u8>> {
        self.work
            .db()?
            .prepare_cached("SELECT row FROM stage WHERE id = ?1")
            .and_then(|mut s| s.query_row([id], |r| r.get(0)))
            .map_err(Error::sql("staging"))
    }
}

fn row_id(part: usize, seq: i64) -> Result<i64> {
    let part = i64::try_from(part).ok().and_then(|p| p.checked_mul(1 << SEQ_BITS));
    part.and_then(|p| p.checked_add(seq))
        .ok_or_else(|| Error::Internal("too many staging parts".to_owned()))
}
