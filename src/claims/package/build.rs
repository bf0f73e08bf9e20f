//! Building a package from partitions (claims.md §2).
//!
//! One pass over each table, in an order in which every choice is known when it is needed: intervals of
//! visits, fee lines, settlements, visits, what hangs on them, persons. Rows go straight from the encrypted
//! partition into the encrypted package; indexes come last. Nothing is deleted on the way, so the file has
//! no free pages and needs no VACUUM (which would hold all of it in memory); it is run only if it has.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use chrono::NaiveDate;
use rusqlite::{Connection, params};
use spotcheck_domain::claims::Instant;
use spotcheck_domain::{
    Amount, BeijingTime, Clock, Entropy, PackageId, Precision, TaskId, rfc3339,
};

use super::dict::{Dict, INDEX};
use super::pick::{Copier, Ids, Span, int, select_position, text};
use super::reference;
use super::{
    CLAIMS_DB, CLAIMS_SCHEMA, ManifestFile, ManifestTable, PACKAGE_SCHEMA, PackageManifest,
    REFERENCE_DB, ReferenceData, RulePackRef,
};
use crate::cipher::{self, ClaimsKey, Key};
use crate::error::{Error, Result};
use crate::partition::{
    BASE, PartitionReader, PartitionRef, PartitionStore, REGION, TableStats, UNDATED, insert_sql,
    later, sha256_of_file,
};
use crate::schema::{ENTITIES, Entity, MONTHLY, Pick, Scope, package_ddl, view_ddl};
use crate::search::{self, Seen};

/// First and last day of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// First day.
    pub from: NaiveDate,
    /// Last day, inclusive.
    pub to: NaiveDate,
}

impl Period {
    /// Reads two days `yyyy-MM-dd`; `None` if one is none or they are in the wrong order.
    #[must_use]
    pub fn parse(from: &str, to: &str) -> Option<Self> {
        let day = |text: &str| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
        let (from, to) = (day(from)?, day(to)?);
        (from <= to).then_some(Self { from, to })
    }

    fn span(self) -> Span {
        let (from, to) = (BeijingTime::from_date(self.from), BeijingTime::from_date(self.to));
        Span(Some((from.seconds(), to.seconds().saturating_add(86_399))))
    }
}

/// A finding of the centre (names as in `audit --json-lines`, rules.md).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "names of rules.md")]
pub struct FindingRow {
    pub rule: String,
    pub pack: String,
    pub grade: String,
    pub fixmedins_code: Option<String>,
    pub psn_no: Option<String>,
    pub mdtrt_id: Option<String>,
    pub setl_id: Option<String>,
    pub bkkp_sn: Vec<String>,
    pub code: Option<String>,
    pub amount: Option<Amount>,
    pub fund_amount: Option<Amount>,
    pub loss_method: Option<String>,
    pub principal: bool,
    pub reason: String,
    /// The finding as the engine wrote it, one JSON object.
    pub body: String,
}

/// Figures of the peers for one rule, group and period.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PeerStat {
    /// Rule id.
    pub rule: String,
    /// Group of peers, e.g. `hosp_lv=05`.
    pub grp: String,
    /// Period, e.g. `2026`.
    pub period: String,
    /// Number of peers.
    pub n: u64,
    /// Mean.
    pub mean: Option<Amount>,
    /// Median.
    pub median: Option<Amount>,
    /// Median absolute deviation.
    pub mad: Option<Amount>,
    /// Percentiles by name, e.g. `p95`.
    pub percentiles: BTreeMap<String, Amount>,
}

/// What to build.
#[derive(Debug, Clone)]
pub struct PackageRequest<'a> {
    /// The task.
    pub task: &'a TaskId,
    /// Id of this build.
    pub package: &'a PackageId,
    /// The facility.
    pub fixmedins_code: &'a str,
    /// Days under check; `None`: everything there is.
    pub period: Option<Period>,
    /// RFC 3339: may be opened from then …
    pub valid_from: &'a str,
    /// … until then.
    pub valid_until: &'a str,
    /// Rule packs in force.
    pub rule_packs: &'a [RulePackRef],
    /// The centre's findings.
    pub findings: &'a [FindingRow],
    /// Figures of the peers.
    pub peer_stats: &'a [PeerStat],
    /// Public reference data.
    pub reference: &'a ReferenceData,
}

/// A finished package: the files lie in the folder, the manifest has no recipients yet.
#[derive(Debug)]
pub struct BuiltPackage {
    /// To be given recipients, signed and stored as `package.json`.
    pub manifest: PackageManifest,
    /// Raw key of `claims.db`.
    pub key: Key,
}

const TABLES: &str = "
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE psn_other (
  kind TEXT NOT NULL, psn_no INTEGER NOT NULL, fixmedins_code INTEGER, fixmedins_name INTEGER,
  mdtrt_id INTEGER, med_type INTEGER, begntime INTEGER, begntime_p TEXT, endtime INTEGER,
  endtime_p TEXT, dept_name INTEGER, diag_code INTEGER, diag_name INTEGER, medfee_sumamt INTEGER,
  fund_pay_sumamt INTEGER, med_list_codg INTEGER, hilist_name INTEGER, cnt INTEGER,
  det_item_fee_sumamt INTEGER
) STRICT;
CREATE TABLE peer_stat (
  rule TEXT NOT NULL, grp TEXT NOT NULL, period TEXT NOT NULL, n INTEGER NOT NULL, mean INTEGER,
  median INTEGER, mad INTEGER, percentiles TEXT NOT NULL, PRIMARY KEY (rule, grp, period)
) STRICT, WITHOUT ROWID;
CREATE TABLE finding (
  id INTEGER PRIMARY KEY, rule TEXT NOT NULL, pack TEXT NOT NULL, grade TEXT NOT NULL,
  fixmedins_code TEXT, psn_no TEXT, mdtrt_id TEXT, setl_id TEXT, bkkp_sn TEXT NOT NULL, code TEXT,
  amount INTEGER, fund_amount INTEGER, loss_method TEXT, principal INTEGER NOT NULL,
  reason TEXT NOT NULL, body TEXT NOT NULL
) STRICT;
CREATE TABLE col_chunk (
  col TEXT NOT NULL, chunk INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (col, chunk)
) STRICT, WITHOUT ROWID;";

const INDEXES: &str = "
CREATE INDEX psn_other_0 ON psn_other (psn_no, begntime);
CREATE INDEX finding_0 ON finding (mdtrt_id);
CREATE INDEX finding_1 ON finding (psn_no);
CREATE INDEX finding_2 ON finding (rule);";

/// Builds `claims.db` and `reference.db` in `folder`, which must be empty of both.
///
/// # Errors
/// The facility is unknown, a partition cannot be read, or the folder cannot be written.
pub fn build_package(
    request: &PackageRequest<'_>,
    folder: &Path,
    store: &dyn PartitionStore,
    master: &ClaimsKey,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<BuiltPackage> {
    std::fs::create_dir_all(folder).map_err(Error::io("package folder"))?;
    let code = request.fixmedins_code;
    let partitions = store.list(Some(code)).map_err(Error::Port)?;
    let base = partitions.iter().find(|p| p.key.month == BASE);
    let base = base.ok_or_else(|| Error::NoFacility(code.to_owned()))?;
    let base = PartitionReader::open(store, base, master)?;
    let region = store.list(Some(REGION)).map_err(Error::Port)?.into_iter().next();
    let region = region.map(|r| PartitionReader::open(store, &r, master)).transpose()?;

    let path = folder.join(CLAIMS_DB);
    let key = cipher::random_key(entropy);
    let db = cipher::create(&path, &key, 64 * 1024)?;
    let sql = Error::sql;
    db.execute_batch("BEGIN;").map_err(sql("claims.db"))?;
    db.execute_batch(TABLES).map_err(sql("claims.db"))?;
    let mut tables: BTreeMap<String, TableStats> = BTreeMap::new();
    let created = rfc3339(clock.read().wall_ms);
    {
        let mut builder = Builder {
            db: &db,
            dict: Dict::new(&db)?,
            span: request.period.map_or(Span(None), Period::span),
            visits: Ids::default(),
            settlements: Ids::default(),
            persons: Ids::default(),
            seen: HashMap::new(),
            tables: &mut tables,
        };
        builder.facility(&base, &partitions, store, master)?;
        builder.region(region.as_ref())?;
        builder.elsewhere(code, store, master)?;
        builder.given(request)?;
        let seen = std::mem::take(&mut builder.seen);
        drop(builder);
        db.execute_batch(INDEX).map_err(sql("dict"))?;
        for entity in ENTITIES {
            db.execute_batch(&package_ddl(entity).1).map_err(sql(entity.name))?;
            db.execute_batch(&view_ddl(entity)).map_err(sql(entity.name))?;
        }
        db.execute_batch(INDEXES).map_err(sql("claims.db"))?;
        search::build(&db, &seen)?;
    }
    let cutoff: BTreeMap<String, String> = tables
        .iter()
        .filter_map(|(name, stats)| Some((name.clone(), stats.cutoff?.display())))
        .collect();
    let meta = [
        ("schema", CLAIMS_SCHEMA),
        ("package", request.package.as_str()),
        ("task", request.task.as_str()),
        ("fixmedins_code", code),
        ("created", &created),
    ];
    for (name, value) in meta {
        db.execute("INSERT INTO meta VALUES (?1, ?2)", [name, value]).map_err(sql("meta"))?;
    }
    let tables = count_tables(&db, &tables)?;
    db.execute_batch("PRAGMA analysis_limit = 400; ANALYZE; COMMIT;").map_err(sql("claims.db"))?;
    let free: i64 =
        db.query_row("PRAGMA freelist_count", [], |r| r.get(0)).map_err(sql("claims.db"))?;
    if free > 0 {
        db.execute_batch("VACUUM;").map_err(sql("claims.db"))?;
    }
    cipher::finish(db, &path)?;
    let reference_path = folder.join(REFERENCE_DB);
    reference::build(&reference_path, request.reference, request.rule_packs, region.as_ref())?;
    let mut files = BTreeMap::new();
    for (name, path) in [(CLAIMS_DB, &path), (REFERENCE_DB, &reference_path)] {
        let (size, sha256) = sha256_of_file(path)?;
        files.insert(name.to_owned(), ManifestFile { size, sha256 });
    }
    let day = |d: NaiveDate| d.format("%Y-%m-%d").to_string();
    let manifest = PackageManifest {
        schema: PACKAGE_SCHEMA.to_owned(),
        package: request.package.clone(),
        task: request.task.clone(),
        fixmedins_code: code.to_owned(),
        period_from: request.period.map(|p| day(p.from)),
        period_to: request.period.map(|p| day(p.to)),
        claims_schema: CLAIMS_SCHEMA.to_owned(),
        created,
        valid_from: request.valid_from.to_owned(),
        valid_until: request.valid_until.to_owned(),
        tables,
        cutoff,
        files,
        rule_packs: request.rule_packs.to_vec(),
        recipients: Vec::new(),
    };
    Ok(BuiltPackage { manifest, key })
}

/// Rows of every table as they lie in the file; money sums as they were added up while copying.
fn count_tables(
    db: &Connection,
    copied: &BTreeMap<String, TableStats>,
) -> Result<BTreeMap<String, ManifestTable>> {
    let sql = Error::sql;
    let mut names = db
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
        .map_err(sql("claims.db"))?;
    let names: Vec<String> =
        names.query_map([], |r| r.get(0)).and_then(Iterator::collect).map_err(sql("claims.db"))?;
    let mut tables = BTreeMap::new();
    for name in names {
        let count = format!("SELECT COUNT(*) FROM {name}");
        let rows: i64 = db.query_row(&count, [], |r| r.get(0)).map_err(sql(&name))?;
        let sums = copied.get(&name).map(|s| s.sums.clone()).unwrap_or_default();
        tables.insert(name, ManifestTable { rows: rows.unsigned_abs(), sums });
    }
    Ok(tables)
}

struct Builder<'a> {
    db: &'a Connection,
    dict: Dict<'a>,
    span: Span,
    visits: Ids,
    settlements: Ids,
    persons: Ids,
    seen: HashMap<i64, Seen>,
    tables: &'a mut BTreeMap<String, TableStats>,
}

impl<'a> Builder<'a> {
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

    fn facility(
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
    fn region(&mut self, region: Option<&PartitionReader>) -> Result<()> {
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

    /// What the package's persons did at other facilities: visits with their money, and drugs.
    fn elsewhere(
        &mut self,
        code: &str,
        store: &dyn PartitionStore,
        master: &ClaimsKey,
    ) -> Result<()> {
        let mut stats = TableStats::default();
        for column in ["medfee_sumamt", "fund_pay_sumamt", "det_item_fee_sumamt"] {
            stats.sums.insert(column.to_owned(), Amount::ZERO);
        }
        if self.persons.len() > 0 {
            let others = |p: &&PartitionRef| p.key.facility != code && p.key.facility != REGION;
            let all = store.list(None).map_err(Error::Port)?;
            for partition in all.iter().filter(others) {
                let reader = PartitionReader::open(store, partition, master)?;
                if partition.key.month == BASE {
                    self.visits_elsewhere(&reader, &mut stats)?;
                } else if self.month_meets(&partition.key.month) {
                    self.drugs_elsewhere(&reader, &mut stats)?;
                }
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

    fn visits_elsewhere(&mut self, reader: &PartitionReader, stats: &mut TableStats) -> Result<()> {
        let sql = Error::sql;
        let tables = &reader.partition().tables;
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
            "{sums} SELECT m.psn_no, m.fixmedins_code, {name}, m.mdtrt_id, m.med_type, m.begntime,
               m.begntime_p, m.endtime, m.endtime_p, m.adm_dept_name, m.dscg_maindiag_code,
               m.dscg_maindiag_name, {money}
             FROM mdtrt_d m {join}"
        );
        let mut select = reader.db().prepare(&query).map_err(sql("mdtrt_d"))?;
        let mut rows = select.query([]).map_err(sql("mdtrt_d"))?;
        let mut insert = self
            .db
            .prepare_cached(
                "INSERT INTO psn_other VALUES ('visit',?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,
                   ?14,NULL,NULL,NULL,NULL)",
            )
            .map_err(sql("psn_other"))?;
        while let Some(row) = rows.next().map_err(sql("mdtrt_d"))? {
            let begin = int(row, Some(5));
            if !self.persons.has(text(row, Some(0))) || !self.span.meets(begin, int(row, Some(7))) {
                continue;
            }
            let mut id = |n: usize| self.dict.id_of(text(row, Some(n)));
            insert
                .execute(params![
                    id(0)?,
                    id(1)?,
                    id(2)?,
                    id(3)?,
                    id(4)?,
                    begin,
                    text(row, Some(6)),
                    int(row, Some(7)),
                    text(row, Some(8)),
                    id(9)?,
                    id(10)?,
                    id(11)?,
                    int(row, Some(12)),
                    int(row, Some(13)),
                ])
                .map_err(sql("psn_other"))?;
            add(stats, "medfee_sumamt", int(row, Some(12)))?;
            add(stats, "fund_pay_sumamt", int(row, Some(13)))?;
        }
        Ok(())
    }

    fn drugs_elsewhere(&mut self, reader: &PartitionReader, stats: &mut TableStats) -> Result<()> {
        let sql = Error::sql;
        let mut select = reader
            .db()
            .prepare(
                "SELECT psn_no, fixmedins_code, mdtrt_id, med_type, fee_ocur_time, fee_ocur_time_p,
                   med_list_codg, hilist_name, cnt, det_item_fee_sumamt
                 FROM fee_list_d WHERE list_type IN ('101', '102', '103', '104')",
            )
            .map_err(sql(MONTHLY))?;
        let mut rows = select.query([]).map_err(sql(MONTHLY))?;
        let mut insert = self
            .db
            .prepare_cached(
                "INSERT INTO psn_other VALUES ('drug',?1,?2,NULL,?3,?4,?5,?6,NULL,NULL,NULL,NULL,NULL,
                   NULL,NULL,?7,?8,?9,?10)",
            )
            .map_err(sql("psn_other"))?;
        while let Some(row) = rows.next().map_err(sql(MONTHLY))? {
            if !self.persons.has(text(row, Some(0))) || !self.span.has(int(row, Some(4))) {
                continue;
            }
            let mut id = |n: usize| self.dict.id_of(text(row, Some(n)));
            insert
                .execute(params![
                    id(0)?,
                    id(1)?,
                    id(2)?,
                    id(3)?,
                    int(row, Some(4)),
                    text(row, Some(5)),
                    id(6)?,
                    id(7)?,
                    int(row, Some(8)),
                    int(row, Some(9)),
                ])
                .map_err(sql("psn_other"))?;
            add(stats, "det_item_fee_sumamt", int(row, Some(9)))?;
        }
        Ok(())
    }

    /// Findings and peer figures as the caller gives them.
    fn given(&mut self, request: &PackageRequest<'_>) -> Result<()> {
        let sql = Error::sql;
        let millionths = |a: Option<Amount>| a.map(Amount::millionths);
        for f in request.findings {
            let lines =
                serde_json::to_string(&f.bkkp_sn).map_err(|e| Error::Internal(e.to_string()))?;
            self.db
                .prepare_cached(
                    "INSERT INTO finding VALUES (NULL,?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,
                       ?14,?15)",
                )
                .and_then(|mut s| {
                    s.execute(params![
                        f.rule,
                        f.pack,
                        f.grade,
                        f.fixmedins_code,
                        f.psn_no,
                        f.mdtrt_id,
                        f.setl_id,
                        lines,
                        f.code,
                        millionths(f.amount),
                        millionths(f.fund_amount),
                        f.loss_method,
                        i64::from(f.principal),
                        f.reason,
                        f.body
                    ])
                })
                .map_err(sql("finding"))?;
        }
        for p in request.peer_stats {
            let percentiles = serde_json::to_string(&p.percentiles)
                .map_err(|e| Error::Internal(e.to_string()))?;
            let n = i64::try_from(p.n).unwrap_or(i64::MAX);
            self.db
                .prepare_cached("INSERT INTO peer_stat VALUES (?1,?2,?3,?4,?5,?6,?7,?8)")
                .and_then(|mut s| {
                    s.execute(params![
                        p.rule,
                        p.grp,
                        p.period,
                        n,
                        millionths(p.mean),
                        millionths(p.median),
                        millionths(p.mad),
                        percentiles
                    ])
                })
                .map_err(sql("peer_stat"))?;
        }
        Ok(())
    }
}

fn add(stats: &mut TableStats, column: &str, amount: Option<i64>) -> Result<()> {
    let sum = stats.sums.entry(column.to_owned()).or_default();
    *sum = sum
        .checked_add(Amount::from_millionths(amount.unwrap_or(0)))
        .ok_or_else(|| Error::Internal(format!("sum of {column} overflows")))?;
    Ok(())
}

/// Ward and bed as one text: `一病区12床`.
pub(super) fn bed_text(ward: Option<&str>, bed: Option<&str>) -> Option<String> {
    match (ward, bed) {
        (Some(ward), Some(bed)) if !ward.contains(bed) => Some(format!("{ward}{bed}")),
        (Some(ward), _) => Some(ward.to_owned()),
        (None, bed) => bed.map(str::to_owned),
    }
}
