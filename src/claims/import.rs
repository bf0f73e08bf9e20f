//! Import: a directory or ZIP of tables becomes encrypted partitions (claims.md §1).
//!
//! Read → check → stage (encrypted) → compare → write what differs → switch in one transaction. A row that
//! cannot be read goes to the rejects with line, column and reason; the rest is imported. Until the switch
//! nothing that was there has changed, so a failure or a kill at any point loses nothing.

mod columns;
mod merge;
mod rejects;
mod report;
mod sink;
mod stage;

use std::collections::BTreeMap;
use std::path::Path;

use spotcheck_domain::{Clock, Entropy};

pub use rejects::{Reject, RejectPlace, RejectSink, RejectsDb};
pub use report::{
    EntityReport, IMPORT_SCHEMA, ImportReport, PartitionCounts, SourceReport, sum_text,
};

use crate::cipher::ClaimsKey;
use crate::error::{Error, Result};
use crate::mapping::{Mapping, MappingLimits};
use crate::partition::{PartitionKey, PartitionRef, PartitionStore, REGION};
use crate::schema::{ENTITIES, entity};
use crate::source::Source;

use merge::{Merger, Moved, Plan, is_month};
pub(crate) use sink::Intake;
use stage::Stage;

/// What to import.
#[derive(Debug, Clone, Copy)]
pub struct ImportRequest<'a> {
    /// Directory or ZIP file.
    pub from: &'a Path,
    /// Mapping file for exports in another form.
    pub mapping: Option<&'a Path>,
    /// Facility of rows that name none.
    pub facility: Option<&'a str>,
    /// Write nothing but the report (`import --check`).
    pub check: bool,
    /// Folder for encrypted work files; created if missing, empty again at the end.
    pub work: &'a Path,
    /// Limits of the mapping's queries.
    pub limits: MappingLimits,
}

/// Where an import is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// A file is being read; rows so far.
    Reading {
        /// File name.
        file: String,
        /// Rows read from it.
        rows: u64,
    },
    /// A query of the mapping is running.
    Mapping {
        /// Entity.
        entity: String,
    },
    /// A partition is compared or written.
    Partition {
        /// Which one.
        key: PartitionKey,
        /// Number of it, from 1, and of all.
        n: usize,
        /// All.
        of: usize,
    },
}

/// What an import needs from its caller.
pub struct ImportTools<'a> {
    /// Where partitions lie.
    pub store: &'a dyn PartitionStore,
    /// The key above them.
    pub master: &'a ClaimsKey,
    /// Takes rejected rows.
    pub rejects: &'a mut dyn RejectSink,
    /// Now: times in the future make no cut-off.
    pub clock: &'a dyn Clock,
    /// Keys of work files.
    pub entropy: &'a dyn Entropy,
    /// Hears where the import is.
    pub progress: Option<&'a mut dyn FnMut(&Progress)>,
}

/// Imports a directory or ZIP.
///
/// # Errors
/// A mandatory table is missing, a file or the mapping cannot be read, or the store refuses. Rows that
/// cannot be read are no error.
pub fn import_dir(
    request: &ImportRequest<'_>,
    tools: &mut ImportTools<'_>,
) -> Result<ImportReport> {
    let mapping = request.mapping.map(Mapping::load).transpose()?;
    let mut source = Source::open(request.from)?;
    std::fs::create_dir_all(request.work).map_err(Error::io("work folder"))?;
    let work = tempfile::Builder::new()
        .prefix("import-")
        .tempdir_in(request.work)
        .map_err(Error::io("work folder"))?;
    let mut intake = Intake::new(
        Stage::create(work.path(), tools.entropy)?,
        request.facility,
        tools.clock.read().wall_ms,
    );
    match &mapping {
        Some(mapping) => {
            mandatory(|name| mapping.has(name))?;
            mapping.run(&mut source, work.path(), &request.limits, &mut intake, tools)?;
        }
        None => read_native(&mut source, &mut intake, tools)?,
    }
    let (stage, mut report) = intake.into_parts();
    report.check = request.check;
    settle(request, tools, &stage, &mut report, work.path())?;
    drop(stage);
    work.close().map_err(Error::io("work folder"))?;
    Ok(report)
}

fn mandatory(has: impl Fn(&str) -> bool) -> Result<()> {
    let missing: Vec<String> = ENTITIES
        .iter()
        .filter(|e| e.mandatory && !has(e.name))
        .map(|e| e.name.to_owned())
        .collect();
    if missing.is_empty() { Ok(()) } else { Err(Error::MissingTables(missing)) }
}

fn read_native(
    source: &mut Source,
    intake: &mut Intake,
    tools: &mut ImportTools<'_>,
) -> Result<()> {
    // A workbook whose own name is no entity may hold one entity per sheet.
    let files: Vec<_> = source.files().to_vec();
    let books: Vec<_> =
        files.iter().filter(|f| entity(&f.stem).is_none() && f.has_sheets()).collect();
    let mut in_sheets: BTreeMap<&'static str, Vec<&crate::source::SourceFile>> = BTreeMap::new();
    for book in &books {
        for sheet in source.sheets(book)? {
            if let Some(entity) = entity(&sheet) {
                in_sheets.entry(entity.name).or_default().push(book);
            }
        }
    }
    mandatory(|name| files.iter().any(|f| f.stem == name) || in_sheets.contains_key(name))?;
    for entity in ENTITIES.iter().copied() {
        for file in files.iter().filter(|f| f.stem == entity.name) {
            intake.table(source, file, entity, None, tools)?;
        }
        for book in in_sheets.get(entity.name).into_iter().flatten() {
            intake.table(source, book, entity, Some(entity.name), tools)?;
        }
    }
    let used = |f: &&crate::source::SourceFile| {
        entity(&f.stem).is_some() || in_sheets.values().flatten().any(|b| b.name == f.name)
    };
    for file in files.iter().filter(|f| !used(f)) {
        intake.report.ignored_files.push(file.name.clone());
    }
    intake.report.ignored_files.extend(source.other().iter().cloned());
    Ok(())
}

fn settle(
    request: &ImportRequest<'_>,
    tools: &mut ImportTools<'_>,
    stage: &Stage,
    report: &mut ImportReport,
    work: &Path,
) -> Result<()> {
    let merger = Merger { stage, store: tools.store, master: tools.master };
    let keys: Vec<PartitionKey> = stage.partitions().cloned().collect();
    let mut now: Vec<PartitionRef> = Vec::new();
    let mut gone: Vec<PartitionKey> = Vec::new();
    let mut facilities: Vec<&str> = vec![REGION];
    facilities.extend(stage.facilities());
    let mut n = 0_usize;
    for facility in facilities {
        let mut plans: Vec<Plan> = Vec::new();
        for key in keys.iter().filter(|k| k.facility == facility) {
            n = n.saturating_add(1);
            if let Some(progress) = tools.progress.as_mut() {
                progress(&Progress::Partition { key: key.clone(), n, of: keys.len() });
            }
            plans.push(merger.plan(key, None)?);
        }
        for plan in &plans {
            for (name, outcome) in &plan.outcomes {
                let entity = report.entity(name);
                entity.imported = entity.imported.saturating_add(outcome.imported);
                entity.unchanged = entity.unchanged.saturating_add(outcome.unchanged);
                entity.duplicates = entity.duplicates.saturating_add(outcome.duplicates);
            }
        }
        let moved = merger.moved(&plans, facility)?;
        replan(&merger, &mut plans, &moved, facility)?;
        for plan in &plans {
            let months = &mut report.partitions;
            if plan.is_unchanged() {
                months.unchanged = months.unchanged.saturating_add(1);
                continue;
            }
            months.written = months.written.saturating_add(1);
            if request.check {
                continue;
            }
            if plan.is_empty() {
                if plan.exists() {
                    gone.push(plan.key.clone());
                }
                continue;
            }
            let moved = moved.get(&plan.key.month).filter(|_| is_month(&plan.key));
            now.push(merger.write(plan, moved, work)?);
        }
    }
    if !now.is_empty() || !gone.is_empty() {
        tools.store.switch(&now, &gone).map_err(Error::Port)?;
    }
    Ok(())
}

/// Plans again the months that lose lines to another month.
fn replan(merger: &Merger<'_>, plans: &mut Vec<Plan>, moved: &Moved, facility: &str) -> Result<()> {
    for (month, keys) in moved {
        let key = PartitionKey::new(facility, month);
        let plan = merger.plan(&key, Some(keys))?;
        match plans.iter_mut().find(|p| p.key == key) {
            Some(old) => *old = plan,
            None => plans.push(plan),
        }
    }
    Ok(())
}
