//! Rows that could not be read: kept encrypted with line, column and reason, so that a clerk can mend them.
//!
//! A reject holds the row as it came, so it is as secret as the claims (sync.md: rejects and reports are
//! under the same key). `export_csv` gives one entity back in a form that imports again once mended: three
//! leading columns, which the importer ignores, then the source's own columns.

use std::io::Write;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde::Serialize;
use spotcheck_domain::TroubleResult;

use crate::cipher::{self, Key};
use crate::error::{Error, Result};

/// One rejected row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// Entity, e.g. `fee_list_d`.
    pub entity: String,
    /// File of the source; `mapping` for the result of a mapping.
    pub file: String,
    /// Line (text files), row (spreadsheets, DBF) or result row (mapping), from 1; line 1 is the header.
    pub line: u64,
    /// Column that cannot be read; empty if the row as a whole cannot.
    pub column: String,
    /// Why, in Chinese, without the value.
    pub reason: String,
    /// Column names of the source.
    pub header: Vec<String>,
    /// The row as it came.
    pub cells: Vec<String>,
}

/// Where a row was rejected and why; nothing of what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RejectPlace {
    /// Entity.
    pub entity: String,
    /// File of the source.
    pub file: String,
    /// Line or row, from 1.
    pub line: u64,
    /// Column; empty if the row as a whole cannot be read.
    pub column: String,
    /// Why.
    pub reason: String,
}

/// Takes rejected rows. Implementations keep them encrypted or in memory, never in clear on a disk.
pub trait RejectSink {
    /// One rejected row.
    fn reject(&mut self, reject: &Reject) -> TroubleResult<()>;
}

impl RejectSink for Vec<Reject> {
    fn reject(&mut self, reject: &Reject) -> TroubleResult<()> {
        self.push(reject.clone());
        Ok(())
    }
}

/// Rejects in one encrypted file.
#[derive(Debug)]
pub struct RejectsDb {
    db: Connection,
    path: PathBuf,
}

impl RejectsDb {
    /// Creates `path`; nothing may lie there.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn create(path: &Path, key: &Key) -> Result<Self> {
        let db = cipher::create(path, key, 2048)?;
        db.execute_batch(
            "PRAGMA journal_mode = MEMORY;
             CREATE TABLE reject (entity TEXT NOT NULL, file TEXT NOT NULL, line INTEGER NOT NULL,
               column_name TEXT NOT NULL, reason TEXT NOT NULL, header TEXT NOT NULL,
               cells TEXT NOT NULL) STRICT;",
        )
        .map_err(Error::sql("rejects"))?;
        Ok(Self { db, path: path.to_owned() })
    }

    /// Closes the file and syncs it to disk; dropping it instead only closes it.
    ///
    /// # Errors
    /// The database or the system refuses.
    pub fn finish(self) -> Result<()> {
        cipher::finish(self.db, &self.path)
    }

    /// Opens finished rejects.
    ///
    /// # Errors
    /// No such file, or another key.
    pub fn open(path: &Path, key: &Key) -> Result<Self> {
        Ok(Self { db: cipher::open_immutable(path, key, 2048)?, path: path.to_owned() })
    }

    /// Entities with their number of rejects.
    ///
    /// # Errors
    /// The database.
    pub fn counts(&self) -> Result<Vec<(String, u64)>> {
        let sql = Error::sql;
        let mut statement = self
            .db
            .prepare("SELECT entity, COUNT(*) FROM reject GROUP BY entity ORDER BY entity")
            .map_err(sql("rejects"))?;
        let rows = statement
            .query_map([], |r| Ok((r.get(0)?, r.get::<_, i64>(1)?.unsigned_abs())))
            .map_err(sql("rejects"))?;
        rows.collect::<rusqlite::Result<_>>().map_err(sql("rejects"))
    }

    /// Where and why, without a value of the row: entity, file, line, column, reason; the first ones.
    ///
    /// # Errors
    /// The database.
    pub fn places(&self, most: u32) -> Result<Vec<RejectPlace>> {
        let sql = Error::sql;
        let mut statement = self
            .db
            .prepare(
                "SELECT entity, file, line, column_name, reason FROM reject
                 ORDER BY entity, file, line LIMIT ?1",
            )
            .map_err(sql("rejects"))?;
        let rows = statement
            .query_map([most], |r| {
                Ok(RejectPlace {
                    entity: r.get(0)?,
                    file: r.get(1)?,
                    line: r.get::<_, i64>(2)?.unsigned_abs(),
                    column: r.get(3)?,
                    reason: r.get(4)?,
                })
            })
            .map_err(sql("rejects"))?;
        rows.collect::<rusqlite::Result<_>>().map_err(sql("rejects"))
    }

    /// Writes the rejects of one entity as CSV (UTF-8 with BOM, CRLF, for spreadsheets).
    ///
    /// # Errors
    /// The database or the writer.
    pub fn export_csv(&self, entity: &str, out: &mut dyn Write) -> Result<u64> {
        let sql = Error::sql;
        let io = |e: csv::Error| Error::io("rejects")(e.into());
        out.write_all("\u{feff}".as_bytes()).map_err(Error::io("rejects"))?;
        let mut writer = csv::WriterBuilder::new()
            .terminator(csv::Terminator::CRLF)
            .flexible(true)
            .from_writer(out);
        let mut statement = self
            .db
            .prepare(
                "SELECT line, column_name, reason, header, cells FROM reject WHERE entity = ?1
                 ORDER BY file, line",
            )
            .map_err(sql("rejects"))?;
        let mut rows = statement.query([entity]).map_err(sql("rejects"))?;
        let mut last_header = String::new();
        let mut n = 0_u64;
        while let Some(row) = rows.next().map_err(sql("rejects"))? {
            let get = |i: usize| row.get::<_, String>(i).map_err(sql("rejects"));
            let line: i64 = row.get(0).map_err(sql("rejects"))?;
            let header = get(3)?;
            if header != last_header {
                let mut names =
                    vec!["_line".to_owned(), "_column".to_owned(), "_reason".to_owned()];
                names.extend(list(&header));
                writer.write_record(&names).map_err(io)?;
                last_header = header;
            }
            let mut cells = vec![line.to_string(), get(1)?, get(2)?];
            cells.extend(list(&get(4)?));
            writer.write_record(&cells).map_err(io)?;
            n = n.saturating_add(1);
        }
        writer.flush().map_err(Error::io("rejects"))?;
        Ok(n)
    }
}

fn list(json: &str) -> Vec<String> {
    serde_json::from_str(json).unwrap_or_default()
}

fn json(cells: &[String]) -> String {
    serde_json::to_string(cells).unwrap_or_default()
}

impl RejectSink for RejectsDb {
    fn reject(&mut self, reject: &Reject) -> TroubleResult<()> {
        let line = i64::try_from(reject.line).unwrap_or(i64::MAX);
        let mut statement = self
            .db
            .prepare_cached("INSERT INTO reject VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")
            .map_err(Error::sql("rejects"))?;
        statement
            .execute(rusqlite::params![
                reject.entity,
                reject.file,
                line,
                reject.column,
                reject.reason,
                json(&reject.header),
                json(&reject.cells)
            ])
            .map_err(Error::sql("rejects"))?;
        Ok(())
    }
}
