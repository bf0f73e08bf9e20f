//! From staged rows to new partitions: compare with what is there, replace by key, keep the rest.
//!
//! "Importing the same directory twice changes nothing": the content hash of the merged rows is computed
//! first, and a file is written only if it differs from the current one. Several rows of one key within one
//! import are all kept, numbered by `dup_no` in the order of their bytes; a later import replaces the rows
//! of a key as a set.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;

use crate::cipher::ClaimsKey;
use crate::error::{Error, Result};
use crate::partition::{
    BASE, ContentHash, PartitionKey, PartitionReader, PartitionRef, PartitionStore,
    PartitionWriter, UNDATED, later, read_row,
};
use crate::schema::{ENTITIES, Entity, MONTHLY};
use crate::value::{Row, Value, decode, encode, key_bytes};

use super::stage::Stage;

/// What became of one entity's staged rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Outcome {
    pub(crate) imported: u64,
    pub(crate) unchanged: u64,
    pub(crate) duplicates: u64,
}

/// Keys of fee lines that came back with a time in another month, by the month that still has them.
pub(crate) type Moved = BTreeMap<String, HashSet<Vec<u8>>>;

pub(crate) struct Merger<'a> {
    pub(crate) stage: &'a Stage,
    pub(crate) store: &'a dyn PartitionStore,
    pub(crate) master: &'a ClaimsKey,
}

/// A staged row: key, and number in the staging area. Sorts as the partition does.
type Staged = Vec<(Vec<u8>, i64)>;

/// The plan for one partition.
pub(crate) struct Plan {
    pub(crate) key: PartitionKey,
    pub(crate) outcomes: BTreeMap<&'static str, Outcome>,
    /// Fee-line visits with rows that the current partition does not have.
    pub(crate) new_visits: HashSet<String>,
    name: String,
    rows: u64,
    current: Option<PartitionRef>,
}

impl Plan {
    /// True if the partition would become what it is.
    pub(crate) fn is_unchanged(&self) -> bool {
        match &self.current {
            Some(current) => current.name == self.name,
            None => self.rows == 0,
        }
    }

    /// True if nothing would be left in it.
    pub(crate) const fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// True if the partition exists.
    pub(crate) const fn exists(&self) -> bool {
        self.current.is_some()
    }
}

/// Current rows, one look-ahead.
struct Current<'a> {
    entity: &'static Entity,
    rows: Option<rusqlite::Rows<'a>>,
    next: Option<(Vec<u8>, Row)>,
}

impl<'a> Current<'a> {
    fn new(entity: &'static Entity, rows: Option<rusqlite::Rows<'a>>) -> Result<Self> {
        let mut current = Self { entity, rows, next: None };
        current.advance()?;
        Ok(current)
    }

    fn advance(&mut self) -> Result<Option<(Vec<u8>, Row)>> {
        let sql = Error::sql;
        let fresh = match &mut self.rows {
            None => None,
            Some(rows) => match rows.next().map_err(sql(self.entity.name))? {
                None => None,
                Some(row) => {
                    let (row, _) = read_row(self.entity, row).map_err(sql(self.entity.name))?;
                    Some((key_bytes(self.entity, &row), row))
                }
            },
        };
        Ok(std::mem::replace(&mut self.next, fresh))
    }

    fn peek_key(&self) -> Option<&[u8]> {
        self.next.as_ref().map(|(key, _)| key.as_slice())
    }
}

impl Merger<'_> {
    /// Collects a part's rows as sorted (key, number) and feeds the hash.
    fn staged(
        &self,
        key: &PartitionKey,
        entity: &'static Entity,
        mut see: impl FnMut(&[u8]),
    ) -> Result<Staged> {
        let Some((part, _)) = self.stage.part_of(key, entity) else { return Ok(Vec::new()) };
        let mut staged: Staged = Vec::new();
        self.stage.each(part, |id, bytes| {
            see(bytes);
            let row = decode(bytes, entity.columns.len())?;
            staged.push((key_bytes(entity, &row), id));
            Ok(())
        })?;
        staged.sort();
        Ok(staged)
    }

    fn reader(&self, current: Option<&PartitionRef>) -> Result<Option<PartitionReader>> {
        current.map(|c| PartitionReader::open(self.store, c, self.master)).transpose()
    }

    /// Compares without writing.
    pub(crate) fn plan(
        &self,
        key: &PartitionKey,
        moved: Option<&HashSet<Vec<u8>>>,
    ) -> Result<Plan> {
        let current = self.store.current(key).map_err(Error::Port)?;
        let reader = self.reader(current.as_ref())?;
        let mut hash = ContentHash::new(self.master, key)?;
        let mut outcomes = BTreeMap::new();
        let mut new_visits = HashSet::new();
        let mut total = 0_u64;
        for entity in ENTITIES.iter().copied() {
            let staged = self.staged(key, entity, |bytes| hash.add(entity, bytes))?;
            let moved = moved.filter(|_| entity.name == MONTHLY);
            let there = reader.as_ref().filter(|r| r.has(entity));
            if staged.is_empty() && there.is_none() {
                continue;
            }
            let mut outcome = Outcome::default();
            let mut bytes = Vec::new();
            let mut statement = there.map(|r| r.select(entity)).transpose()?;
            let rows = match &mut statement {
                Some(s) => Some(s.query([]).map_err(Error::sql(entity.name))?),
                None => None,
            };
            let mut current = Current::new(entity, rows)?;
            let mut rest = staged.as_slice();
            while let Some(((first, _), _)) = rest.split_first() {
                let many = rest.iter().take_while(|(k, _)| k == first).count();
                let (group, after) = rest.split_at_checked(many).unwrap_or((rest, &[]));
                rest = after;
                while current.peek_key().is_some_and(|k| k < first.as_slice()) {
                    keep(&mut current, moved, &mut bytes, |b| {
                        hash.add(entity, b);
                        total = total.saturating_add(1);
                    })?;
                }
                let mut old: Vec<Vec<u8>> = Vec::new();
                while current.peek_key() == Some(first.as_slice()) {
                    if let Some((_, row)) = current.advance()? {
                        bytes.clear();
                        encode(&row, &mut bytes);
                        old.push(bytes.clone());
                    }
                }
                let count = u64::try_from(group.len()).unwrap_or(0);
                total = total.saturating_add(count);
                outcome.duplicates = outcome.duplicates.saturating_add(count.saturating_sub(1));
                let mut same = 0_u64;
                if old.is_empty() {
                    if entity.name == MONTHLY {
                        for (_, id) in group {
                            let row = decode(&self.stage.row(*id)?, entity.columns.len())?;
                            if let Some(visit) = visit_of(entity, &row)
                                && !new_visits.contains(visit)
                            {
                                new_visits.insert(visit.to_owned());
                            }
                        }
                    }
                } else {
                    for (_, id) in group {
                        let row = self.stage.row(*id)?;
                        if let Some(n) = old.iter().position(|o| *o == row) {
                            old.swap_remove(n);
                            same = same.saturating_add(1);
                        }
                    }
                }
                outcome.unchanged = outcome.unchanged.saturating_add(same);
                outcome.imported = outcome.imported.saturating_add(count.saturating_sub(same));
            }
            while current.peek_key().is_some() {
                keep(&mut current, moved, &mut bytes, |b| {
                    hash.add(entity, b);
                    total = total.saturating_add(1);
                })?;
            }
            if !staged.is_empty() {
                outcomes.insert(entity.name, outcome);
            }
        }
        let name = hash.name();
        Ok(Plan { key: key.clone(), outcomes, new_visits, name, rows: total, current })
    }

    /// Writes the partition that was planned.
    pub(crate) fn write(
        &self,
        plan: &Plan,
        moved: Option<&HashSet<Vec<u8>>>,
        folder: &Path,
    ) -> Result<PartitionRef> {
        let reader = self.reader(plan.current.as_ref())?;
        let mut writer = PartitionWriter::create(folder, &plan.key, &plan.name, self.master)?;
        for entity in ENTITIES.iter().copied() {
            let staged = self.staged(&plan.key, entity, |_| ())?;
            let there = reader.as_ref().filter(|r| r.has(entity));
            if staged.is_empty() && there.is_none() {
                continue;
            }
            let moved = moved.filter(|_| entity.name == MONTHLY);
            let old = there.and_then(|r| r.partition().tables.get(entity.name));
            let part = self.stage.part_of(&plan.key, entity);
            let cutoff = later(old.and_then(|s| s.cutoff), part.and_then(|(_, part)| part.cutoff));
            let mut statement = there.map(|r| r.select(entity)).transpose()?;
            let rows = match &mut statement {
                Some(s) => Some(s.query([]).map_err(Error::sql(entity.name))?),
                None => None,
            };
            let mut current = Current::new(entity, rows)?;
            writer.table(entity, cutoff, |sink| {
                // Rows of one key that stay are numbered again from 0.
                let mut last: (Vec<u8>, i64) = (Vec::new(), -1);
                let mut put = |key: &[u8], row: &[Value]| {
                    if last.0 == key {
                        last.1 = last.1.saturating_add(1);
                    } else {
                        last = (key.to_vec(), 0);
                    }
                    sink(row, last.1)
                };
                let mut rest = staged.as_slice();
                while let Some(((first, _), _)) = rest.split_first() {
                    let many = rest.iter().take_while(|(k, _)| k == first).count();
                    let (group, after) = rest.split_at_checked(many).unwrap_or((rest, &[]));
                    rest = after;
                    while current.peek_key().is_some_and(|k| k < first.as_slice()) {
                        if let Some((key, row)) = current.advance()?
                            && !moved.is_some_and(|m| m.contains(&key))
                        {
                            put(&key, &row)?;
                        }
                    }
                    while current.peek_key() == Some(first.as_slice()) {
                        current.advance()?;
                    }
                    let mut new: Vec<Vec<u8>> =
                        group.iter().map(|(_, id)| self.stage.row(*id)).collect::<Result<_>>()?;
                    new.sort();
                    for bytes in &new {
                        put(first, &decode(bytes, entity.columns.len())?)?;
                    }
                }
                while let Some((key, row)) = current.advance()? {
                    if !moved.is_some_and(|m| m.contains(&key)) {
                        put(&key, &row)?;
                    }
                }
                Ok(())
            })?;
        }
        writer.finish(self.store)
    }

    /// Fee lines of `plans` that another month of the same facility still has: a corrected time moves a
    /// line, it must not stand in both months.
    pub(crate) fn moved(&self, plans: &[Plan], facility: &str) -> Result<Moved> {
        let Some(entity) = crate::schema::entity(MONTHLY) else { return Ok(Moved::new()) };
        let mut moved = Moved::new();
        for old in self.store.list(Some(facility)).map_err(Error::Port)? {
            if old.key.month == BASE {
                continue;
            }
            let others = || plans.iter().filter(|p| p.key != old.key && p.key.month != BASE);
            let visits: BTreeSet<&String> = others().flat_map(|p| &p.new_visits).collect();
            if visits.is_empty() {
                continue;
            }
            let reader = PartitionReader::open(self.store, &old, self.master)?;
            let mut hit: BTreeSet<&str> = BTreeSet::new();
            {
                let mut find = reader
                    .db()
                    .prepare(
                        "SELECT 1 FROM fee_list_d WHERE fixmedins_code = ?1 AND mdtrt_id = ?2 LIMIT 1",
                    )
                    .map_err(Error::sql(MONTHLY))?;
                for visit in visits {
                    if find.exists([facility, visit]).map_err(Error::sql(MONTHLY))? {
                        hit.insert(visit);
                    }
                }
            }
            if hit.is_empty() {
                continue;
            }
            let mut find = reader
                .db()
                .prepare(
                    "SELECT 1 FROM fee_list_d WHERE fixmedins_code = ?1 AND mdtrt_id = ?2
                     AND bkkp_sn = ?3 LIMIT 1",
                )
                .map_err(Error::sql(MONTHLY))?;
            let serial = entity.position("bkkp_sn");
            for plan in others() {
                // Only lines that are new in their month can have moved there.
                if !plan.new_visits.iter().any(|v| hit.contains(v.as_str())) {
                    continue;
                }
                let there = self.reader(plan.current.as_ref())?;
                let Some((part, _)) = self.stage.part_of(&plan.key, entity) else { continue };
                self.stage.each(part, |_, bytes| {
                    let row = decode(bytes, entity.columns.len())?;
                    let visit = visit_of(entity, &row).unwrap_or_default();
                    let line = serial.and_then(|p| row.get(p)).and_then(Value::text);
                    let line = line.unwrap_or_default();
                    let key = [facility, visit, line];
                    if hit.contains(visit)
                        && find.exists(key).map_err(Error::sql(MONTHLY))?
                        && !has_line(there.as_ref(), key)?
                    {
                        moved
                            .entry(old.key.month.clone())
                            .or_default()
                            .insert(key_bytes(entity, &row));
                    }
                    Ok(())
                })?;
            }
        }
        Ok(moved)
    }
}

fn has_line(reader: Option<&PartitionReader>, key: [&str; 3]) -> Result<bool> {
    let Some(reader) = reader else { return Ok(false) };
    reader
        .db()
        .prepare_cached(
            "SELECT 1 FROM fee_list_d WHERE fixmedins_code = ?1 AND mdtrt_id = ?2 AND bkkp_sn = ?3
             LIMIT 1",
        )
        .and_then(|mut s| s.exists(key))
        .map_err(Error::sql(MONTHLY))
}

fn visit_of<'r>(entity: &Entity, row: &'r [Value]) -> Option<&'r str> {
    entity.position("mdtrt_id").and_then(|p| row.get(p)).and_then(Value::text)
}

/// Takes the next current row over, unless it moved to another month.
fn keep(
    current: &mut Current<'_>,
    moved: Option<&HashSet<Vec<u8>>>,
    bytes: &mut Vec<u8>,
    mut take: impl FnMut(&[u8]),
) -> Result<()> {
    if let Some((key, row)) = current.advance()?
        && !moved.is_some_and(|m| m.contains(&key))
    {
        bytes.clear();
        encode(&row, bytes);
        take(bytes);
    }
    Ok(())
}

/// True for months of fee lines.
pub(crate) fn is_month(key: &PartitionKey) -> bool {
    key.month != BASE && (key.month == UNDATED || key.month.len() == 7)
}
