//! Mapping files: any other export becomes contract rows by one SQL SELECT per entity (claims.md §1).
//!
//! SQL is what a hospital's IT staff can write, and it is code from outside. So it runs in a database of its
//! own (encrypted, temporary, removed) under an authorizer that allows SELECT, reading and a list of
//! functions, and nothing else; with limits of time, memory and rows. The result goes through the same
//! checks as a native export.

mod functions;
mod guard;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use rusqlite::types::ValueRef;
use serde::Deserialize;

use crate::cell::Cell;
use crate::cipher::{WorkDb, file_name};
use crate::error::{Error, Result};
use crate::import::{ImportTools, Intake, Progress, Reject, RejectSink, SourceReport};
use crate::schema::{ENTITIES, entity};
use crate::source::{Source, TableSink, TextEncoding};

pub(crate) use guard::Watch;

/// How much a mapping's queries may use.
#[derive(Debug, Clone, Copy)]
pub struct MappingLimits {
    /// Time of all queries together.
    pub time: Duration,
    /// Growth of the process while a query runs, bytes.
    pub memory: u64,
    /// Rows that one query may give.
    pub rows: u64,
}

impl Default for MappingLimits {
    fn default() -> Self {
        Self { time: Duration::from_secs(1800), memory: 2 << 30, rows: 200_000_000 }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceSection {
    #[serde(default)]
    encoding: Option<String>,
    files: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EntitySection {
    sql: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MappingFile {
    source: SourceSection,
    #[serde(default)]
    lookup: BTreeMap<String, BTreeMap<String, String>>,
    entity: BTreeMap<String, EntitySection>,
}

/// A mapping file, read and checked for form.
#[derive(Debug)]
pub struct Mapping {
    name: String,
    encoding: Option<TextEncoding>,
    file: MappingFile,
}

impl Mapping {
    /// Reads a mapping file.
    ///
    /// # Errors
    /// It cannot be read, is no TOML of the expected shape, or names an unknown entity or encoding.
    pub fn load(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(Error::io(file_name(path)))?;
        Self::parse(&file_name(path), &text)
    }

    /// Reads the text of a mapping file; `name` is for messages.
    ///
    /// # Errors
    /// As [`Mapping::load`].
    pub fn parse(name: &str, text: &str) -> Result<Self> {
        let fail = |place: &str, message: String| Error::Mapping {
            file: name.to_owned(),
            place: place.to_owned(),
            message,
        };
        let file: MappingFile =
            toml::from_str(text).map_err(|e| fail("TOML", e.to_string().trim().to_owned()))?;
        for name in file.entity.keys() {
            if entity(name).is_none_or(|e| e.name != name) {
                let place = format!("entity.{name}");
                return Err(fail(&place, "接口中没有这张表".to_owned()));
            }
        }
        let encoding = match file.source.encoding.as_deref() {
            None | Some("auto") => None,
            Some(text) => Some(
                TextEncoding::parse(text)
                    .ok_or_else(|| fail("source.encoding", format!("不认识的编码 {text}")))?,
            ),
        };
        Ok(Self { name: name.to_owned(), encoding, file })
    }

    /// True if the mapping makes this entity.
    #[must_use]
    pub fn has(&self, entity: &str) -> bool {
        self.file.entity.contains_key(entity)
    }

    fn fail(&self, place: &str, message: impl std::fmt::Display) -> Error {
        Error::Mapping {
            file: self.name.clone(),
            place: place.to_owned(),
            message: message.to_string(),
        }
    }

    /// Stages the sources, runs the queries, hands their rows on.
    pub(crate) fn run(
        &self,
        source: &mut Source,
        work: &Path,
        limits: &MappingLimits,
        intake: &mut Intake,
        tools: &mut ImportTools<'_>,
    ) -> Result<()> {
        let mut work = WorkDb::create(work, tools.entropy, 64 * 1024)?;
        for wanted in &self.file.source.files {
            let file = source
                .find(wanted)
                .cloned()
                .ok_or_else(|| self.fail("source.files", format!("找不到文件 {wanted}")))?;
            if let Some(progress) = tools.progress.as_mut() {
                progress(&Progress::Reading { file: file.name.clone(), rows: 0 });
            }
            let db = work.db()?;
            db.execute_batch("BEGIN").map_err(Error::sql("mapping"))?;
            let mut table = TextTable {
                db,
                name: file.stem.clone(),
                file: file.name.clone(),
                names: Vec::new(),
                insert: None,
                figures: SourceReport::default(),
                rejects: &mut *tools.rejects,
            };
            let encoding = source.read(&file, self.encoding, &mut table)?;
            let figures = table.figures;
            intake.report.sources.insert(file.name.clone(), figures);
            work.db()?.execute_batch("COMMIT").map_err(Error::sql("mapping"))?;
            if let Some(encoding) = encoding {
                intake.report.encodings.insert(file.name.clone(), encoding.name().to_owned());
            }
        }
        let used: Vec<String> = self
            .file
            .source
            .files
            .iter()
            .filter_map(|wanted| source.find(wanted).map(|f| f.name.clone()))
            .collect();
        let names = source.files().iter().map(|f| &f.name).chain(source.other());
        let unused = names.filter(|n| !used.contains(n));
        intake.report.ignored_files.extend(unused.cloned());
        functions::install(work.db()?, &self.file.lookup).map_err(Error::sql("mapping"))?;
        let watch = guard::install(work.db_mut()?, limits).map_err(Error::sql("mapping"))?;
        for entity in ENTITIES.iter().copied() {
            if let Some(section) = self.file.entity.get(entity.name) {
                if let Some(progress) = tools.progress.as_mut() {
                    progress(&Progress::Mapping { entity: entity.name.to_owned() });
                }
                self.query(&work, entity, &section.sql, limits, &watch, intake, tools)?;
            }
        }
        Ok(())
    }

    #[allow(clippy::too_many_arguments, reason = "one step of run, split for reading")]
    fn query(
        &self,
        work: &WorkDb,
        entity: &'static crate::schema::Entity,
        sql: &str,
        limits: &MappingLimits,
        watch: &Watch,
        intake: &mut Intake,
        tools: &mut ImportTools<'_>,
    ) -> Result<()> {
        let place = format!("entity.{}", entity.name);
        let fail = |e: rusqlite::Error| self.fail(&place, watch.explain(&e));
        guard::single_select(sql).map_err(|m| self.fail(&place, m))?;
        let mut statement = work.db()?.prepare(sql).map_err(fail)?;
        if !statement.readonly() || statement.is_explain() != 0 || statement.column_count() == 0 {
            return Err(self.fail(&place, "只允许一个 SELECT"));
        }
        let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let missing =
            intake.begin(entity, &format!("{}#{}", self.name, entity.name), &names, false);
        if !missing.is_empty() {
            return Err(self.fail(&place, format!("缺少必需的列 {}", missing.join("、"))));
        }
        let columns = names.len();
        let mut rows = statement.query([]).map_err(fail)?;
        let mut n = 0_u64;
        while let Some(row) = rows.next().map_err(fail)? {
            n = n.saturating_add(1);
            if n > limits.rows {
                return Err(self.fail(&place, format!("结果超过 {} 行", limits.rows)));
            }
            let mut cells = Vec::with_capacity(columns);
            for column in 0..columns {
                cells.push(match row.get_ref(column).map_err(fail)? {
                    ValueRef::Null => Cell::Empty,
                    ValueRef::Integer(n) => Cell::Int(n),
                    ValueRef::Real(x) => Cell::Real(x),
                    ValueRef::Text(text) => std::str::from_utf8(text)
                        .map_or(Cell::Bad("编码错误"), |t| Cell::Text(t.into())),
                    ValueRef::Blob(_) => Cell::Bad("结果是二进制"),
                });
            }
            // Result rows count from 1 behind a header line, as rows of a file do.
            intake.row(n.saturating_add(1), &cells, tools)?;
        }
        Ok(())
    }
}

/// A file staged as a table of text columns, named after the file in lower case.
struct TextTable<'a> {
    db: &'a rusqlite::Connection,
    name: String,
    file: String,
    names: Vec<String>,
    insert: Option<String>,
    figures: SourceReport,
    rejects: &'a mut dyn RejectSink,
}

fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl TableSink for TextTable<'_> {
    fn header(&mut self, _part: Option<&str>, names: &[String]) -> Result<bool> {
        if self.insert.is_some() {
            // Further sheets go on only if they have the same columns; others are not this table.
            return Ok(false);
        }
        self.names = names.to_vec();
        let mut seen = std::collections::BTreeSet::new();
        let mut columns = Vec::new();
        for (n, name) in names.iter().enumerate() {
            let mut name = name.to_lowercase();
            if name.is_empty() || !seen.insert(name.clone()) {
                name = format!("{name}_{}", n.saturating_add(1));
                seen.insert(name.clone());
            }
            columns.push(format!("{} TEXT", quote(&name)));
        }
        let table = quote(&self.name);
        self.db
            .execute_batch(&format!("CREATE TABLE {table} ({}) STRICT", columns.join(", ")))
            .map_err(Error::sql(&self.name))?;
        self.insert =
            Some(format!("INSERT INTO {table} VALUES ({})", vec!["?"; names.len()].join(",")));
        Ok(true)
    }

    fn row(&mut self, line: u64, cells: &[Cell<'_>]) -> Result<()> {
        let sql = Error::sql;
        let texts: Option<Vec<_>> = cells.iter().map(Cell::as_text).collect();
        let undecoded = |t: &std::borrow::Cow<'_, str>| t.contains('\u{fffd}');
        let Some(texts) = texts.filter(|t| !t.iter().any(undecoded)) else {
            let raw: Vec<String> =
                cells.iter().map(|c| c.as_text().unwrap_or_default().into_owned()).collect();
            return self.broken(line, &raw, "编码错误或单元格是错误值");
        };
        self.figures.read = self.figures.read.saturating_add(1);
        let insert = self.insert.as_deref().unwrap_or_default();
        let mut statement = self.db.prepare_cached(insert).map_err(sql(&self.name))?;
        for (n, text) in texts.iter().enumerate() {
            let text = (!text.is_empty()).then_some(text);
            statement
                .raw_bind_parameter(n.saturating_add(1), text.map(|t| t.as_ref()))
                .map_err(sql(&self.name))?;
        }
        statement.raw_execute().map_err(sql(&self.name))?;
        Ok(())
    }

    fn broken(&mut self, line: u64, cells: &[String], reason: &str) -> Result<()> {
        self.figures.read = self.figures.read.saturating_add(1);
        self.figures.rejected = self.figures.rejected.saturating_add(1);
        let reject = Reject {
            entity: self.name.clone(),
            file: self.file.clone(),
            line,
            column: String::new(),
            reason: reason.to_owned(),
            header: self.names.clone(),
            cells: cells.to_vec(),
        };
        self.rejects.reject(&reject).map_err(Error::Port)
    }
}
