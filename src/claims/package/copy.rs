//! Choosing and copying a facility's rows into the package, table by table.

use std::collections::{BTreeMap, HashMap};

use rusqlite::Connection;
use spotcheck_domain::claims::Instant;
use spotcheck_domain::{BeijingTime, Precision};

use super::dict::Dict;
use super::pick::{Copier, Ids, Span, int, select_position, text};
use crate::cipher::ClaimsKey;
use crate::error::{Error, Result};
use crate::partition::{
    BASE, PartitionReader, PartitionRef, PartitionStore, TableStats, UNDATED, insert_sql, later,
};
use crate::schema::{ENTITIES, Entity, MONTHLY, Pick, Scope, package_ddl};
use crate::search::Seen;

/// What is known so far about the package being built.
pub(super) struct Builder<'a> {
    pub(super) db: &'a Connection,
    pub(super) dict: Dict<'a>,
    pub(super) span: Span,
    visits: Ids,
    settlements: Ids,
    pub(super) persons: Ids,
    seen: HashMap<i64, Seen>,
    pub(super) tables: &'a mut BTreeMap<String, TableStats>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(
        db: &'a Connection,
        span: Span,
        tables: &'a mut BTreeMap<String, TableStats>,
    ) -> Result<Self> {
        Ok(Self {
            db,
            dict: Dict::new(db)?,
            span,
            visits: Ids::default(),
            settlements: Ids::default(),
            persons: Ids::default(),
            seen: HashMap::new(),
            tables,
        })
    }

    /// What the visits said about each person, by the dictionary id of `psn_no`.
    pub(super) fn seen(self) -> HashMap<i64, Seen> {
        self.seen
    }

    fn copier(&self, entity: &'static Entity) -> Result<Copier<'a>> {
        let sql = Error::sql;
        self.db.execute_batch(&package_ddl(entity).0).map_err(sql(entity.name))?;
        let insert = self.db.prepare(&insert_sql(entity)).map_err(sql(entity.name))?;
        Ok(Copier::new(entity, insert))
    }

    /// Copies the rows of one partition that `take` wants.
    fn copy(
        &mut self,
        copier: &mut Copier<'_>,
        reader: &PartitionReader,
        entity: &'static Entity,
        mut take: impl FnMut(&mut Self, &rusqlite::Row<'_>) -> Result<bool>,
    ) -> Result<()> {
        let Some(stats) = reader.partition().tables.get(entity.name) else { return Ok(()) };
        copier.stats.cutoff = later(copier.stats.cutoff, stats.cutoff);
        let sql = Error::sql;
        let mut statement = reader.select(entity)?;
        let mut rows = statement.query([]).map_err(sql(entity.name))?;
        while let Some(row) = rows.next().map_err(sql(entity.name))? {
            if take(self, row)? {
                copier.copy(row, &mut self.dict)?;
            }
        }
        Ok(())
    }

    fn done(&mut self, entity: &Entity, stats: TableStats) {
        self.tables.insert(entity.name.to_owned(), stats);
    }

    /// Everything of the facility itself.
    pub(super) fn facility(
        &mut self,
        base: &PartitionReader,
        partitions: &[PartitionRef],
        store: &dyn PartitionStore,
        master: &ClaimsKey,
    ) -> Result<()> {
        let around = self.choose_visits(base)?;
        for entity in ENTITIES.iter().copied().filter(|e| e.scope == Scope::Facility) {
            if entity.name == MONTHLY {
                continue;
            }
            if entity.name == "mdtrt_d" {
                self.fee_lines(partitions, around.as_ref(), store, master)?;
                self.settlements(base)?;
                self.visits(base)?;
                continue;
            }
            if entity.name == "setl_d" {
                continue;
            }
            let at = |column| select_position(entity, column);
            let (visit, settlement) = (at("mdtrt_id"), at("setl_id"));
            let mut copier = self.copier(entity)?;
            self.copy(&mut copier, base, entity, |own, row| {
                Ok(match entity.pick {
                    Pick::Visit => {
                        // Records without a visit belong to the facility as a whole.
                        text(row, visit).is_none() || own.visits.has(text(row, visit))
                    }
                    Pick::Settlement => own.settlements.has(text(row, settlement)),
                    Pick::At(time) => own.span.has(int(row, at(time))),
                    Pick::Interval(a, b) => own.span.meets(int(row, at(a)), int(row, at(b))),
                    Pick::All | Pick::Region | Pick::Person => true,
                })
            })?;
            self.done(entity, copier.stats);
        }
        Ok(())
    }

    /// Visits that overlap the period, and the first and last month they reach.
    fn choose_visits(&mut self, base: &PartitionReader) -> Result<Option<(String, String)>> {
        let Some((first, last)) = self.span.0 else { return Ok(None) };
        let Some(entity) = crate::schema::entity("mdtrt_d").filter(|e| base.has(e)) else {
            return Ok(None);
        };
        let (mut least, mut most) = (first, last);
        let at = |column| select_position(entity, column);
        let (id, begin, end) = (at("mdtrt_id"), at("begntime"), at("endtime"));
        let mut statement = base.select(entity)?;
        let mut rows = statement.query([]).map_err(Error::sql(entity.name))?;
        while let Some(row) = rows.next().map_err(Error::sql(entity.name))? {
            let (from, to) = (int(row, begin), int(row, end));
            if self.span.meets(from, to) {
                self.visits.add(text(row, id));
                least = least.min(from.unwrap_or(least));
                most = most.max(to.unwrap_or(most));
            }
        }
        let month = |s: i64| {
            let time = BeijingTime::from_seconds(s).naive();
            time.map_or_else(String::new, |t| t.format("%Y-%m").to_string())
        };
        // A line may be booked on the day before or after its stay.
        let day = 86_400;
        Ok(Some((month(least.saturating_sub(day)), month(most.saturating_add(day)))))
    }

    fn fee_lines(
        &mut self,
        partitions: &[PartitionRef],
        around: Option<&(String, String)>,
        store: &dyn PartitionStore,
        master: &ClaimsKey,
    ) -> Result<()> {
        let Some(entity) = crate::schema::entity(MONTHLY) else { return Ok(()) };
        let at = |column| select_position(entity, column);
        let (time, visit) = (at("fee_ocur_time"), at("mdtrt_id"));
        let (settlement, person) = (at("setl_id"), at("psn_no"));
        let mut copier = self.copier(entity)?;
        for partition in partitions.iter().filter(|p| p.key.month != BASE) {
            let month = &partition.key.month;
            let near = |(from, to): &(String, String)| from <= month && month <= to;
            if month != UNDATED && around.is_some_and(|a| !near(a)) {
                continue;
            }
            let reader = PartitionReader::open(store, partition, master)?;
            self.copy(&mut copier, &reader, entity, |own, row| {
                let in_visit = own.visits.has(text(row, visit));
                let in_time = match (own.span.0, int(row, time)) {
                    (Some(_), None) => false,
                    (_, at) => own.span.has(at),
                };
                if in_visit || in_time {
                    own.visits.add(text(row, visit));
                    own.settlements.add(text(row, settlement));
                    own.persons.add(text(row, person));
                }
                Ok(in_visit || in_time)
            })?;
        }
        self.done(entity, copier.stats);
        Ok(())
    }

    fn settlements(&mut self, base: &PartitionReader) -> Result<()> {
        let Some(entity) = crate::schema::entity("setl_d") else { return Ok(()) };
        let at = |column| select_position(entity, column);
        let (id, visit, time) = (at("setl_id"), at("mdtrt_id"), at("setl_time"));
        let mut copier = self.copier(entity)?;
        self.copy(&mut copier, base, entity, |own, row| {
            let in_time = int(row, time).is_some() && own.span.has(int(row, time));
            let take = own.span.0.is_none()
                || in_time
                || own.visits.has(text(row, visit))
                || own.settlements.has(text(row, id));
            if take {
                own.visits.add(text(row, visit));
                own.settlements.add(text(row, id));
            }
            Ok(take)
        })?;
        self.done(entity, copier.stats);
        Ok(())
    }

    fn visits(&mut self, base: &PartitionReader) -> Result<()> {
        let Some(entity) = crate::schema::entity("mdtrt_d") else { return Ok(()) };
        let at = |column| select_position(entity, column);
        let (id, person, begin) = (at("mdtrt_id"), at("psn_no"), at("begntime"));
        let begin_p = begin.map(|b| b.saturating_add(1));
        let (ward, bed) = (at("wardarea_bed"), at("adm_bed"));
        let (number, record) = (at("ipt_otp_no"), at("medrcdno"));
        let mut copier = self.copier(entity)?;
        self.copy(&mut copier, base, entity, |own, row| {
            let take = own.span.0.is_none() || own.visits.has(text(row, id));
            if take {
                own.visits.add(text(row, id));
                own.persons.add(text(row, person));
                let p = text(row, begin_p).and_then(Precision::from_letter);
                let time = int(row, begin).map(|s| Instant {
                    at: BeijingTime::from_seconds(s),
                    p: p.unwrap_or(Precision::Day),
                });
                let bed = bed_text(text(row, ward), text(row, bed));
                let numbers = [number, record].map(|n| text(row, n).unwrap_or_default());
                let psn = own.dict.id(text(row, person).unwrap_or_default())?;
                own.seen.entry(psn).or_default().visit(time, bed, numbers);
            }
            Ok(take)
        })?;
        self.done(entity, copier.stats);
        Ok(())
    }

    /// Persons, their insurance and registrations, and the price list.
    pub(super) fn region(&mut self, region: Option<&PartitionReader>) -> Result<()> {
        for entity in ENTITIES.iter().copied().filter(|e| e.scope == Scope::Region) {
            let person = select_position(entity, "psn_no");
            let mut copier = self.copier(entity)?;
            if let Some(region) = region {
                self.copy(&mut copier, region, entity, |own, row| {
                    Ok(entity.pick != Pick::Person || own.persons.has(text(row, person)))
                })?;
            }
            self.done(entity, copier.stats);
        }
        Ok(())
    }
}

/// Ward and bed as one text: `一病区12床`.
fn bed_text(ward: Option<&str>, bed: Option<&str>) -> Option<String> {
    match (ward, bed) {
        (Some(ward), Some(bed)) if !ward.contains(bed) => Some(format!("{ward}{bed}")),
        (Some(ward), _) => Some(ward.to_owned()),
        (None, bed) => bed.map(str::to_owned),
    }
}
