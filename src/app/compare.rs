//! A facility's fresh export against what it uploaded (rule F13), as the officer goes through it.
//!
//! Three errands (`take`, `pair`, `compare` in [`crate::errand::Errand`]) do the long work beside the desk. The
//! desk holds the table between them, in memory and until locking; the file itself goes into the vault of
//! the case as it came, hashed before anything is read from it. [`Comparison`] is the way through it as a
//! state machine without a screen: a tap in, an errand or a view out.

mod kept;
mod steps;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use spotcheck_domain::grid::Grid;
use spotcheck_domain::{CaseId, TaskId, Trouble, TroubleResult};
use spotcheck_evidence::Hash32;
use spotcheck_rules::Finding;
use spotcheck_rules::compare::{
    Compared, FreshFindings, Layout, Options, Pairing, Proposal, Scope, Uploaded, findings, judge,
    layout, propose, run,
};

use crate::capture::Kept;
use crate::desk::EvidenceView;
use crate::errand::{Brought, Home, Journey, Leg, Told, Watch};
use crate::handheld::Handheld;
use crate::packs;
use crate::ports::ExportFile;

pub use kept::KeptFindings;
pub use steps::{Choice, Comparison, Stage, Tap};

/// A file on a stick, or wherever the device looks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FreshFile {
    /// Where it is, for [`crate::ports::Exports::read`]; means nothing to anybody else.
    pub place: String,
    /// Name of the file.
    pub name: String,
    /// Name of the stick.
    pub volume: String,
    /// Bytes.
    pub size: u64,
}

/// A table that was read, with proposals for its columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExportView {
    /// Name of the file.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256, as in the case.
    pub sha256: String,
    /// The item that the file became in the case; `None`: outside a case.
    pub evidence: Option<String>,
    /// Names of the sheets; one without a name for text and DBF.
    pub sheets: Vec<String>,
    /// The sheet that was read.
    pub sheet: usize,
    /// Rows of the sheet that are not empty.
    pub rows: u64,
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Rows that may be the header, the likeliest first: (position, row number, its first cells).
    pub headers: Vec<(usize, u32, String)>,
    /// Position of the header in use.
    pub header: Option<usize>,
    /// What each field is held to be.
    pub proposals: Vec<Proposal>,
}

/// What came out, with findings that are judged like every other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComparedView {
    /// Name of the file.
    pub name: String,
    /// The item of the case, which goes with every judgement as evidence.
    pub evidence: Option<String>,
    /// The result.
    pub compared: Compared,
    /// One per difference, in the same order.
    pub findings: Vec<Finding>,
    /// What the rules in force say of lines that only the export has.
    pub fresh: FreshFindings,
}

impl ComparedView {
    /// Everything that goes into the list of findings: differences, then what the rules say.
    #[must_use]
    pub fn all(&self) -> Vec<Finding> {
        self.findings.iter().chain(&self.fresh.findings).cloned().collect()
    }
}

/// The table on the desk.
#[derive(Clone)]
pub(crate) struct Held {
    task: TaskId,
    name: String,
    size: u64,
    sha256: String,
    /// The case that the file became evidence of, and the item.
    case: Option<CaseId>,
    evidence: Option<String>,
    file: Arc<dyn ExportFile>,
    sheet: usize,
    grid: Arc<Grid>,
    layout: Layout,
    proposals: Vec<Proposal>,
    /// The upload's side, once it was read.
    uploaded: Arc<Mutex<Uploaded>>,
}

/// A table on its way home.
pub struct Taken {
    pub(crate) held: Held,
    /// For the vault; `None` where only sheet or header changed.
    bytes: Option<Arc<[u8]>>,
    case: Option<CaseId>,
    begun_ms: i64,
}

impl std::fmt::Debug for Taken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Taken").field("sheet", &self.held.sheet).finish_non_exhaustive()
    }
}

/// Cells of a header row that are shown.
const HEADER_CELLS: usize = 6;

impl Held {
    fn view(&self) -> ExportView {
        let shown = |row: &usize| {
            let cells = (0..self.grid.width()).map(|c| self.grid.cell(*row, c));
            let cells: Vec<&str> = cells.filter(|t| !t.is_empty()).take(HEADER_CELLS).collect();
            (*row, self.grid.number(*row), cells.join(" | "))
        };
        ExportView {
            name: self.name.clone(),
            size: self.size,
            sha256: self.sha256.clone(),
            evidence: self.evidence.clone(),
            sheets: self.file.sheets().to_vec(),
            sheet: self.sheet,
            rows: u64::try_from(self.grid.height()).unwrap_or(u64::MAX),
            columns: self.layout.names.clone(),
            headers: self.layout.candidates.iter().map(shown).collect(),
            header: self.layout.header,
            proposals: self.proposals.clone(),
        }
    }
}

fn no_export() -> Trouble {
    Trouble::new("COMPARE-NO-FILE", "还没有选导出文件", "没有改动任何数据", "先选一个文件")
}

/// Reads a sheet; the likeliest one where none is wanted: the first that has a header.
fn read_sheet(
    file: &dyn ExportFile,
    wanted: Option<usize>,
    header: Option<usize>,
    watch: &mut Watch<'_>,
) -> TroubleResult<(usize, Grid, Layout)> {
    let mut read = |sheet: usize| {
        let (hear, stop) = (&mut *watch.hear, watch.stop.clone());
        let grid = file.read(sheet, &mut |rows| {
            hear(Leg { done: rows, total: 0 });
            !stop.asked()
        })?;
        let found = layout(&grid, header);
        TroubleResult::Ok((sheet, grid, found))
    };
    if let Some(sheet) = wanted {
        return read(sheet);
    }
    let mut first = None;
    for sheet in 0..file.sheets().len() {
        let found = read(sheet)?;
        if found.2.header.is_some() {
            return Ok(found);
        }
        first.get_or_insert(found);
    }
    first.ok_or_else(no_export)
}

impl Handheld {
    /// Files on sticks, newest names first.
    pub(crate) fn do_fresh_files(&mut self) -> TroubleResult<Vec<FreshFile>> {
        self.officer()?;
        self.ports.exports.list()
    }

    /// Reads a file, proposes columns; the file goes into the case when the journey comes home.
    pub(crate) fn set_out_to_take(
        &mut self,
        task: &TaskId,
        case: Option<&CaseId>,
        place: &str,
    ) -> TroubleResult<Journey> {
        let checked = self.last_check(task)?;
        self.my_task(task)?;
        if let Some(case) = case {
            self.open_meta(case)?;
        }
        let (task, case, place) = (task.clone(), case.cloned(), place.to_owned());
        let at = self.ports.clock.read();
        let begun_ms = at.wall_ms;
        let mut packages = self.ports.packages.handle();
        let mut keys = self.ports.keys.handle();
        let mut exports = self.ports.exports.handle();
        Ok(Box::new(move |watch| {
            let mut take = || {
                let (name, bytes) = exports.read(&place)?;
                let file: Arc<dyn ExportFile> = Arc::from(exports.open(&name, bytes.clone())?);
                let (sheet, grid, layout) = read_sheet(file.as_ref(), None, None, watch)?;
                let opened = packages.open(&task, keys.as_mut(), &at, &checked.fingerprint)?;
                let columns = opened.reader.columns();
                let mut told = Told(watch);
                let mut uploaded = Uploaded::heads(columns.as_ref(), &mut told)?;
                let proposals =
                    propose(&grid, &layout, &mut uploaded, columns.as_ref(), &mut told)?;
                let held = Held {
                    task: task.clone(),
                    name,
                    size: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
                    sha256: Hash32::sha256(&bytes).to_string(),
                    case: None,
                    evidence: None,
                    file,
                    sheet,
                    grid: Arc::new(grid),
                    layout,
                    proposals,
                    uploaded: Arc::new(Mutex::new(uploaded)),
                };
                Ok(Taken { held, bytes: Some(bytes), case: case.clone(), begun_ms })
            };
            Brought::Export(take().map(Box::new))
        }))
    }

    fn held(&self, task: &TaskId) -> TroubleResult<Held> {
        self.export.clone().filter(|held| held.task == *task).ok_or_else(no_export)
    }

    /// Another sheet or header of the same file.
    pub(crate) fn set_out_to_pair(
        &mut self,
        task: &TaskId,
        sheet: usize,
        header: Option<usize>,
    ) -> TroubleResult<Journey> {
        let checked = self.last_check(task)?;
        self.my_task(task)?;
        let held = self.held(task)?;
        let task = task.clone();
        let at = self.ports.clock.read();
        let mut packages = self.ports.packages.handle();
        let mut keys = self.ports.keys.handle();
        Ok(Box::new(move |watch| {
            let mut pair = || {
                let mut held = held.clone();
                if sheet == held.sheet {
                    held.layout = layout(&held.grid, header);
                } else {
                    let read = read_sheet(held.file.as_ref(), Some(sheet), header, watch)?;
                    (held.sheet, held.grid, held.layout) = (read.0, Arc::new(read.1), read.2);
                }
                let opened = packages.open(&task, keys.as_mut(), &at, &checked.fingerprint)?;
                let columns = opened.reader.columns();
                let mut told = Told(watch);
                let proposals = {
                    let mut uploaded = held.uploaded.lock().unwrap_or_else(PoisonError::into_inner);
                    propose(&held.grid, &held.layout, &mut uploaded, columns.as_ref(), &mut told)?
                };
                held.proposals = proposals;
                Ok(Taken { held, bytes: None, case: None, begun_ms: 0 })
            };
            Brought::Export(pair().map(Box::new))
        }))
    }

    /// The comparison itself.
    pub(crate) fn set_out_to_compare(
        &mut self,
        task: &TaskId,
        pairing: &Pairing,
        scope: Scope,
    ) -> TroubleResult<Journey> {
        let checked = self.last_check(task)?;
        let facility = self.my_task(task)?.facility.fixmedins_code;
        let held = self.held(task)?;
        let options = Options { scope, ..Options::new(pairing.clone()) };
        let task = task.clone();
        let at = self.ports.clock.read();
        let mut packages = self.ports.packages.handle();
        let mut keys = self.ports.keys.handle();
        Ok(Box::new(move |watch| {
            let mut compare = || {
                let opened = packages.open(&task, keys.as_mut(), &at, &checked.fingerprint)?;
                let (pack, _) = packs::in_force(opened.reader.as_ref())?;
                let columns = opened.reader.columns();
                let mut uploaded = held.uploaded.lock().unwrap_or_else(PoisonError::into_inner);
                let compared = run(
                    &held.grid,
                    &held.layout,
                    &options,
                    &mut uploaded,
                    columns.as_ref(),
                    &mut Told(watch),
                )?;
                let findings = findings(&compared, &facility);
                let mut told = Told(watch);
                let fresh = judge(&compared.fresh, columns.as_ref(), &pack, &mut told)?;
                let (name, evidence) = (held.name.clone(), held.evidence.clone());
                Ok(Box::new(ComparedView { name, evidence, compared, findings, fresh }))
            };
            Brought::Compared { task: task.clone(), view: compare() }
        }))
    }

    /// The file into the vault, one line into the case journal, the table onto the desk.
    pub(crate) fn home_from_take(&mut self, taken: Taken) -> TroubleResult<Home> {
        let Taken { mut held, bytes, case, begun_ms } = taken;
        self.my_task(&held.task)?;
        if let (Some(bytes), Some(case)) = (bytes, case) {
            let known: Vec<EvidenceView> = self.evidence_views(&case)?;
            let same = known.into_iter().find(|e| e.sha256 == held.sha256);
            let view = match same {
                // The same bytes again are the same evidence.
                Some(view) => view,
                None => {
                    let (extension, media_type) = held.file.kind();
                    let source = format!("被检查机构信息系统导出文件：{}", held.name);
                    let kept = Kept {
                        extension,
                        media_type,
                        bytes: &bytes,
                        begun_ms,
                        source: &source,
                        page: None,
                    };
                    self.keep(&case, &kept)?
                }
            };
            held.evidence = Some(view.id);
            held.case = Some(case);
        }
        let view = held.view();
        self.export = Some(held);
        Ok(Home::Export(Box::new(view)))
    }

    /// The comparison stands in the device journal: which case it belongs to says its evidence.
    pub(crate) fn home_from_compare(
        &mut self,
        task: &TaskId,
        view: TroubleResult<Box<ComparedView>>,
    ) -> TroubleResult<Home> {
        let view = view?;
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        let draft = self
            .draft("compared")?
            .about(task.as_str())
            .fact("findings", count(view.findings.len()))
            .fact("by_rules", count(view.fresh.findings.len()))
            .fact("rows", view.compared.counts.rows);
        self.journal_device(draft)?;
        self.keep_compared(task, &view)?;
        Ok(Home::Compared(view))
    }
}
