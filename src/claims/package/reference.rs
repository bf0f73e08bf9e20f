//! `reference.db`: public reference data, plain and read-only, shared by all packages.
//!
//! It holds nothing about a facility's patients and carries no build time, so that equal content gives
//! equal bytes and a handheld that has them need not fetch them again.

use std::path::Path;

use rusqlite::Connection;

use super::{REFERENCE_SCHEMA, RulePackRef};
use crate::cipher::file_name;
use crate::codes::CODES;
use crate::error::{Error, Result};
use crate::partition::PartitionReader;
use crate::schema::entity;
use crate::value::Value;

/// One value of a code table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeRow {
    /// Field name, e.g. `med_type`.
    pub field: String,
    /// Value.
    pub code: String,
    /// Chinese name.
    pub name: String,
    /// `high`, `medium`, `guess`.
    pub confidence: String,
}

/// What the caller puts into `reference.db`. [`Default`]: the built-in code tables and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferenceData {
    /// Code tables.
    pub codes: Vec<CodeRow>,
    /// Diagnoses (1307): code, name.
    pub diagnoses: Vec<(String, String)>,
    /// Operations (1308): code, name.
    pub operations: Vec<(String, String)>,
    /// Divisions: six digits, name.
    pub divisions: Vec<(String, String)>,
}

impl Default for ReferenceData {
    fn default() -> Self {
        let codes = CODES
            .iter()
            .map(|c| CodeRow {
                field: c.field.to_owned(),
                code: c.code.to_owned(),
                name: c.name.to_owned(),
                confidence: c.confidence.to_owned(),
            })
            .collect();
        Self { codes, diagnoses: Vec::new(), operations: Vec::new(), divisions: Vec::new() }
    }
}

const TABLES: &str = "
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE code (field TEXT NOT NULL, code TEXT NOT NULL, name TEXT NOT NULL,
  confidence TEXT NOT NULL, PRIMARY KEY (field, code)) STRICT, WITHOUT ROWID;
CREATE TABLE diagnosis (code TEXT PRIMARY KEY, name TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE operation (code TEXT PRIMARY KEY, name TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE division (code TEXT PRIMARY KEY, name TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE rule_pack (name TEXT NOT NULL, version TEXT NOT NULL, sha256 TEXT NOT NULL,
  PRIMARY KEY (name, version)) STRICT, WITHOUT ROWID;
CREATE TABLE catalogue (med_list_codg TEXT NOT NULL, hilist_name TEXT, list_type TEXT,
  chrgitm_lv TEXT, pric_uplmt_amt INTEGER, unit TEXT, begndate INTEGER, begndate_p TEXT,
  enddate INTEGER, enddate_p TEXT) STRICT;
BEGIN;";

/// Writes the file.
pub(super) fn build(
    path: &Path,
    data: &ReferenceData,
    rule_packs: &[RulePackRef],
    region: Option<&PartitionReader>,
) -> Result<()> {
    let sql = Error::sql;
    let db = Connection::open(path).map_err(sql("reference.db"))?;
    let run = |text: &str| db.execute_batch(text).map_err(sql("reference.db"));
    run("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA temp_store = MEMORY;")?;
    run(TABLES)?;
    let put = |statement: &str, values: &[&str]| {
        db.prepare_cached(statement)
            .and_then(|mut s| s.execute(rusqlite::params_from_iter(values)))
            .map(|_| ())
            .map_err(sql("reference.db"))
    };
    put("INSERT INTO meta VALUES (?1, ?2)", &["schema", REFERENCE_SCHEMA])?;
    let mut codes: Vec<&CodeRow> = data.codes.iter().collect();
    codes.sort_by(|a, b| (&a.field, &a.code).cmp(&(&b.field, &b.code)));
    for c in codes {
        let values = [c.field.as_str(), &c.code, &c.name, &c.confidence];
        put("INSERT OR IGNORE INTO code VALUES (?1, ?2, ?3, ?4)", &values)?;
    }
    let lists = [
        ("diagnosis", &data.diagnoses),
        ("operation", &data.operations),
        ("division", &data.divisions),
    ];
    for (table, list) in lists {
        let mut list: Vec<&(String, String)> = list.iter().collect();
        list.sort();
        for (code, name) in list {
            put(&format!("INSERT OR IGNORE INTO {table} VALUES (?1, ?2)"), &[code, name])?;
        }
    }
    for pack in rule_packs {
        let values = [pack.name.as_str(), &pack.version, &pack.sha256];
        put("INSERT OR IGNORE INTO rule_pack VALUES (?1, ?2, ?3)", &values)?;
    }
    if let (Some(region), Some(entity)) = (region, entity("catalogue")) {
        let mut insert = db
            .prepare("INSERT INTO catalogue VALUES (?,?,?,?,?,?,?,?,?,?)")
            .map_err(sql("reference.db"))?;
        region.each(entity, |row, _| {
            bind(&mut insert, &row).map_err(sql("reference.db"))?;
            insert.raw_execute().map(|_| ()).map_err(sql("reference.db"))
        })?;
    }
    run("CREATE INDEX catalogue_code ON catalogue (med_list_codg); COMMIT;
         PRAGMA journal_mode = DELETE;")?;
    db.close().map_err(|(_, e)| sql("reference.db")(e))?;
    let file = std::fs::File::open(path).map_err(Error::io(file_name(path)))?;
    file.sync_all().map_err(Error::io(file_name(path)))
}

fn bind(statement: &mut rusqlite::Statement<'_>, row: &[Value]) -> rusqlite::Result<()> {
    let mut n = 0_usize;
    for (at, value) in row.iter().enumerate() {
        n = n.saturating_add(1);
        // The last two columns of the entity are times, each with its precision.
        let is_time = at >= 6;
        match value {
            Value::Null => statement.raw_bind_parameter(n, rusqlite::types::Null)?,
            Value::Int(i) => statement.raw_bind_parameter(n, i)?,
            Value::Text(text) => statement.raw_bind_parameter(n, text)?,
            Value::Time(time) => statement.raw_bind_parameter(n, time.at.seconds())?,
        }
        if is_time {
            n = n.saturating_add(1);
            let letter = value.time().map(|t| t.p.letter());
            statement.raw_bind_parameter(n, letter)?;
        }
    }
    Ok(())
}
