//! Building a package from partitions (claims.md §2).
//!
//! One pass over each table, in an order in which every choice is known when it is needed: intervals of
//! visits, fee lines, settlements, visits, what hangs on them, persons. Rows go straight from the encrypted
//! partition into the encrypted package; indexes come last. Nothing is deleted on the way, so the file has
//! no free pages and needs no VACUUM (which would hold all of it in memory); it is run only if it has.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::NaiveDate;
use rusqlite::{Connection, params};
use spotcheck_domain::{Amount, BeijingTime, Clock, Entropy, PackageId, TaskId, rfc3339};

use super::copy::Builder;
use super::dict::INDEX;
use super::pick::Span;
use super::{
    CLAIMS_DB, CLAIMS_SCHEMA, ManifestFile, ManifestTable, PACKAGE_SCHEMA, PackageManifest,
    REFERENCE_DB, ReferenceData, RulePackRef,
};
use crate::cipher::{self, ClaimsKey, Key};
use crate::error::{Error, Result};
use crate::partition::{BASE, PartitionReader, PartitionStore, REGION, TableStats, sha256_of_file};
use crate::reference::{build_reference, catalogue};
use crate::schema::{ENTITIES, package_ddl, view_ddl};
use crate::search;

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

/// Name and files (by name) of a rule pack.
pub type PackFiles = (String, BTreeMap<String, Vec<u8>>);

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
    /// Files of the packs above the national one, in the order in which they are laid over it.
    pub pack_files: &'a [PackFiles],
    /// The centre's findings.
    pub findings: &'a [FindingRow],
    /// Figures of the peers.
    pub peer_stats: &'a [PeerStat],
    /// Public reference data, for a `reference.db` that is not there yet.
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
CREATE TABLE trace_other (
  drug_trac_codg TEXT NOT NULL, fixmedins_code INTEGER, fixmedins_name INTEGER, setl_time INTEGER,
  setl_time_p TEXT, med_type INTEGER, med_list_codg INTEGER, refd_flag INTEGER, trdn_flag INTEGER
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
CREATE TABLE rule_pack_file (
  place INTEGER NOT NULL, pack TEXT NOT NULL, name TEXT NOT NULL, bytes BLOB NOT NULL,
  PRIMARY KEY (place, name)
) STRICT;
CREATE TABLE col_chunk (
  col TEXT NOT NULL, chunk INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (col, chunk)
) STRICT, WITHOUT ROWID;";

const INDEXES: &str = "
CREATE INDEX psn_other_0 ON psn_other (psn_no, begntime);
CREATE INDEX trace_other_0 ON trace_other (drug_trac_codg);
CREATE INDEX finding_0 ON finding (mdtrt_id);
CREATE INDEX finding_1 ON finding (psn_no);
CREATE INDEX finding_2 ON finding (rule);";

/// Builds `claims.db` and `reference.db` in `folder`, where no `claims.db` may lie. A `reference.db` that
/// lies there is taken as it is: the centre builds one for all packages.
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
        let span = request.period.map_or(Span(None), Period::span);
        let mut builder = Builder::new(&db, span, &mut tables)?;
        builder.facility(&base, &partitions, store, master)?;
        builder.region(region.as_ref())?;
        builder.elsewhere(code, store, master)?;
        builder.boxes(code, store, master, folder, entropy)?;
        let seen = builder.seen();
        given(&db, request)?;
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
    if !reference_path.exists() {
        let mut data = request.reference.clone();
        if let Some(region) = &region {
            data.documents.push(catalogue(region)?);
        }
        build_reference(&reference_path, &data, request.rule_packs)?;
    }
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

/// Findings and peer figures as the caller gives them.
fn given(db: &Connection, request: &PackageRequest<'_>) -> Result<()> {
    let sql = Error::sql;
    let millionths = |a: Option<Amount>| a.map(Amount::millionths);
    for f in request.findings {
        let lines =
            serde_json::to_string(&f.bkkp_sn).map_err(|e| Error::Internal(e.to_string()))?;
        db.prepare_cached(
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
    for (place, (pack, files)) in (1_i64..).zip(request.pack_files) {
        for (name, bytes) in files {
            db.prepare_cached("INSERT INTO rule_pack_file VALUES (?1, ?2, ?3, ?4)")
                .and_then(|mut s| s.execute(params![place, pack, name, bytes]))
                .map_err(sql("rule_pack_file"))?;
        }
    }
    for p in request.peer_stats {
        let percentiles =
            serde_json::to_string(&p.percentiles).map_err(|e| Error::Internal(e.to_string()))?;
        let n = i64::try_from(p.n).unwrap_or(i64::MAX);
        db.prepare_cached("INSERT INTO peer_stat VALUES (?1,?2,?3,?4,?5,?6,?7,?8)")
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
