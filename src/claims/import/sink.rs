//! Rows of a source become checked rows of the contract, or rejects.
//!
//! Native exports and the results of a mapping come through the same door, so that the same checks, rejects
//! and sums apply to both (claims.md §1).

use std::collections::BTreeMap;

use spotcheck_domain::Amount;
use spotcheck_domain::claims::Instant;

use super::columns::{ColumnMap, may_fill_in};
use super::report::{ImportReport, sum_text};
use super::stage::{Link, Stage};
use super::{ImportTools, Progress, Reject};
use crate::cell::{self, Cell};
use crate::error::{Error, Result};
use crate::partition::{BASE, PartitionReader, later};
use crate::schema::{Column, Entity, Kind, Scope};
use crate::source::{Format, Source, SourceFile, TableSink};
use crate::value::Value;

const DAY_S: i64 = 86_400;
const FACILITY: &str = "fixmedins_code";

/// The table that rows are coming from now.
struct Table {
    entity: &'static Entity,
    file: String,
    names: Vec<String>,
    map: ColumnMap,
}

/// Takes rows in, one table after the other.
pub(crate) struct Intake {
    stage: Stage,
    facility: Option<String>,
    /// Beijing seconds: later times make no cut-off.
    latest: i64,
    pub(crate) report: ImportReport,
    sums: BTreeMap<&'static str, BTreeMap<&'static str, Amount>>,
    cutoffs: BTreeMap<&'static str, Instant>,
    table: Option<Table>,
    /// Base partitions of the store, opened when first needed.
    base: Option<Vec<PartitionReader>>,
}

impl Intake {
    pub(crate) fn new(stage: Stage, facility: Option<&str>, now_unix_ms: i64) -> Self {
        Self {
            stage,
            facility: facility.map(str::to_owned),
            latest: cell::beijing_of_unix_ms(now_unix_ms).saturating_add(DAY_S),
            report: ImportReport::default(),
            sums: BTreeMap::new(),
            cutoffs: BTreeMap::new(),
            table: None,
            base: None,
        }
    }

    /// The staged rows and the report as far as it is known.
    pub(crate) fn into_parts(mut self) -> (Stage, ImportReport) {
        for (entity, sums) in &self.sums {
            let report = self.report.entity(entity);
            report.sums = sums.iter().map(|(c, s)| ((*c).to_owned(), sum_text(*s))).collect();
        }
        for (entity, cutoff) in &self.cutoffs {
            self.report.see_time(entity, Some(*cutoff));
        }
        (self.stage, self.report)
    }

    /// Reads one file, or the sheet of a workbook, as one entity.
    pub(super) fn table(
        &mut self,
        source: &mut Source,
        file: &SourceFile,
        entity: &'static Entity,
        sheet: Option<&str>,
        tools: &mut ImportTools<'_>,
    ) -> Result<()> {
        // A table without rows is reported too.
        self.report.entity(entity.name);
        let mut sink =
            EntitySink { intake: self, tools, entity, file, sheet, rows: 0, used: false };
        let encoding = source.read(file, None, &mut sink)?;
        let used = sink.used;
        if !used && sheet.is_none() && file.format != Format::Text {
            let reason = "没有一张工作表含有必需的列".to_owned();
            return Err(Error::Source { file: file.name.clone(), reason });
        }
        if let Some(encoding) = encoding {
            self.report.encodings.insert(file.name.clone(), encoding.name().to_owned());
        }
        Ok(())
    }

    /// A table begins. The missing required columns, if any.
    pub(crate) fn begin(
        &mut self,
        entity: &'static Entity,
        file: &str,
        names: &[String],
        cut_names: bool,
    ) -> Vec<&'static str> {
        let map = ColumnMap::new(entity, names, cut_names);
        let missing = map.missing.clone();
        if missing.is_empty() {
            if !map.ignored.is_empty() {
                let list = self.report.ignored_columns.entry(file.to_owned()).or_default();
                list.extend(map.ignored.iter().cloned());
            }
            self.report.entity(entity.name);
            let mut sums: BTreeMap<_, _> = BTreeMap::new();
            sums.extend(entity.money_columns().map(|c| (c, Amount::ZERO)));
            self.sums.entry(entity.name).or_insert(sums);
            self.table = Some(Table { entity, file: file.to_owned(), names: names.to_vec(), map });
        }
        missing
    }

    /// One row of the table that began last.
    pub(crate) fn row(
        &mut self,
        line: u64,
        cells: &[Cell<'_>],
        tools: &mut ImportTools<'_>,
    ) -> Result<()> {
        let Some(table) = self.table.take() else {
            return Err(Error::Internal("row without a table".to_owned()));
        };
        let outcome = self.take_row(&table, cells, tools);
        let report = self.report.entity(table.entity.name);
        report.read = report.read.saturating_add(1);
        let result = match outcome {
            Ok(()) => Ok(()),
            Err(Refusal::Stop(error)) => Err(error),
            Err(Refusal::Row(column, reason)) => {
                let raw = cells
                    .iter()
                    .map(|c| c.as_text().map_or_else(String::new, |t| t.into_owned()))
                    .collect();
                self.reject(&table, line, &column, &reason, raw, tools)
            }
        };
        self.table = Some(table);
        result
    }

    /// A row that does not fit its header.
    pub(crate) fn broken(
        &mut self,
        line: u64,
        cells: &[String],
        reason: &str,
        tools: &mut ImportTools<'_>,
    ) -> Result<()> {
        let Some(table) = self.table.take() else {
            return Err(Error::Internal("row without a table".to_owned()));
        };
        let report = self.report.entity(table.entity.name);
        report.read = report.read.saturating_add(1);
        let result = self.reject(&table, line, "", reason, cells.to_vec(), tools);
        self.table = Some(table);
        result
    }

    fn reject(
        &mut self,
        table: &Table,
        line: u64,
        column: &str,
        reason: &str,
        cells: Vec<String>,
        tools: &mut ImportTools<'_>,
    ) -> Result<()> {
        let report = self.report.entity(table.entity.name);
        report.rejected = report.rejected.saturating_add(1);
        let reject = Reject {
            entity: table.entity.name.to_owned(),
            file: table.file.clone(),
            line,
            column: column.to_owned(),
            reason: reason.to_owned(),
            header: table.names.clone(),
            cells,
        };
        tools.rejects.reject(&reject).map_err(Error::Port)
    }

    fn take_row(
        &mut self,
        table: &Table,
        cells: &[Cell<'_>],
        tools: &ImportTools<'_>,
    ) -> Result<(), Refusal> {
        let entity = table.entity;
        let mut row = vec![Value::Null; entity.columns.len()];
        for ((cell, target), name) in cells.iter().zip(&table.map.targets).zip(&table.names) {
            let Some(position) = *target else { continue };
            let (Some(column), Some(place)) = (entity.columns.get(position), row.get_mut(position))
            else {
                continue;
            };
            // An empty facility is filled in below.
            let required = column.required && !may_fill_in(entity, column.name);
            let own = Column { required, ..*column };
            *place = cell::read(&own, cell)
                .map_err(|reason| Refusal::Row(name.clone(), reason.to_owned()))?;
        }
        let facility = match entity.scope {
            Scope::Region => String::new(),
            Scope::Facility => self.facility_of(entity, &row, tools)?,
        };
        if let Some(place) = entity.position(FACILITY).and_then(|p| row.get_mut(p))
            && *place == Value::Null
        {
            *place = Value::Text(facility.clone());
        }
        let cutoff = self.cutoff(table, &row, cells);
        if let Some(cutoff) = cutoff {
            let known = self.cutoffs.get(entity.name).copied();
            if let Some(newest) = later(known, Some(cutoff)) {
                self.cutoffs.insert(entity.name, newest);
            }
        }
        let sums = self.sums.entry(entity.name).or_default();
        for (column, value) in entity.columns.iter().zip(&row) {
            if let (Kind::Money, Value::Int(n)) = (column.kind, value) {
                let sum = sums.entry(column.name).or_default();
                *sum = sum.checked_add(Amount::from_millionths(*n)).ok_or_else(|| {
                    Refusal::Row(column.name.to_owned(), "合计超出范围".to_owned())
                })?;
            }
        }
        self.stage.add(entity, &facility, &row, cutoff).map_err(Refusal::Stop)
    }

    fn cutoff(&self, table: &Table, row: &[Value], cells: &[Cell<'_>]) -> Option<Instant> {
        let upload = Column { name: "updt_time", kind: Kind::Time, required: false };
        let uploaded = table.map.upload.and_then(|u| cells.get(u));
        let uploaded = uploaded.and_then(|c| cell::read(&upload, c).ok()).and_then(|v| v.time());
        let event = || {
            let position = table.entity.cutoff.and_then(|c| table.entity.position(c))?;
            row.get(position).and_then(Value::time)
        };
        uploaded.or_else(event).filter(|t| t.at.seconds() <= self.latest)
    }

    fn facility_of(
        &mut self,
        entity: &'static Entity,
        row: &[Value],
        tools: &ImportTools<'_>,
    ) -> Result<String, Refusal> {
        let text = |column: &str| entity.position(column).and_then(|p| row.get(p)?.text());
        if let Some(own) = text(FACILITY) {
            return Ok(own.to_owned());
        }
        for (link, column, table) in Link::ALL {
            let Some(id) = text(column).filter(|_| entity.name != table) else { continue };
            let base = &mut self.base;
            let found = self
                .stage
                .facility_of(link, id, || stored_facility(base, table, column, id, tools))
                .map_err(Refusal::Stop)?;
            if let Some(found) = found {
                return Ok(found);
            }
        }
        if let Some(told) = &self.facility {
            return Ok(told.clone());
        }
        match self.stage.facilities().as_slice() {
            [only] => Ok((*only).to_owned()),
            _ => Err(Refusal::Row(FACILITY.to_owned(), "无法确定所属机构".to_owned())),
        }
    }
}

/// Looks an id up in the base partitions that the store has.
fn stored_facility(
    base: &mut Option<Vec<PartitionReader>>,
    table: &str,
    column: &str,
    id: &str,
    tools: &ImportTools<'_>,
) -> Result<Option<String>> {
    if base.is_none() {
        let mut readers = Vec::new();
        for partition in tools.store.list(None).map_err(Error::Port)? {
            if partition.key.month == BASE && !partition.key.facility.is_empty() {
                readers.push(PartitionReader::open(tools.store, &partition, tools.master)?);
            }
        }
        *base = Some(readers);
    }
    for reader in base.iter().flatten() {
        if !reader.partition().tables.contains_key(table) {
            continue;
        }
        let sql = format!("SELECT 1 FROM {table} WHERE {column} = ?1 LIMIT 1");
        let found = reader
            .db()
            .prepare_cached(&sql)
            .and_then(|mut s| s.exists([id]))
            .map_err(Error::sql(table))?;
        if found {
            return Ok(Some(reader.partition().key.facility.clone()));
        }
    }
    Ok(None)
}

/// Why a row was not taken.
enum Refusal {
    /// Column and reason: the row goes to the rejects.
    Row(String, String),
    /// The import cannot go on.
    Stop(Error),
}

struct EntitySink<'a, 't> {
    intake: &'a mut Intake,
    tools: &'a mut ImportTools<'t>,
    entity: &'static Entity,
    file: &'a SourceFile,
    sheet: Option<&'a str>,
    rows: u64,
    used: bool,
}

impl EntitySink<'_, '_> {
    fn tick(&mut self) {
        self.rows = self.rows.saturating_add(1);
        if self.rows.is_multiple_of(1000)
            && let Some(progress) = self.tools.progress.as_mut()
        {
            progress(&Progress::Reading { file: self.file.name.clone(), rows: self.rows });
        }
    }
}

impl TableSink for EntitySink<'_, '_> {
    fn header(&mut self, part: Option<&str>, names: &[String]) -> Result<bool> {
        if let (Some(wanted), Some(part)) = (self.sheet, part)
            && part.to_lowercase() != wanted
        {
            return Ok(false);
        }
        if let Some(progress) = self.tools.progress.as_mut() {
            progress(&Progress::Reading { file: self.file.name.clone(), rows: 0 });
        }
        let cut_names = self.file.format == Format::Dbf;
        let missing = self.intake.begin(self.entity, &self.file.name, names, cut_names);
        if missing.is_empty() {
            self.used = true;
            return Ok(true);
        }
        if let (Some(part), None) = (part, self.sheet) {
            // A cover sheet, notes: not this table.
            self.intake.report.ignored_files.push(format!("{}#{part}", self.file.name));
            return Ok(false);
        }
        let reason = format!("缺少必需的列 {}", missing.join("、"));
        Err(Error::Source { file: self.file.name.clone(), reason })
    }

    fn row(&mut self, line: u64, cells: &[Cell<'_>]) -> Result<()> {
        self.tick();
        self.intake.row(line, cells, self.tools)
    }

    fn broken(&mut self, line: u64, cells: &[String], reason: &str) -> Result<()> {
        self.tick();
        self.intake.broken(line, cells, reason, self.tools)
    }
}
