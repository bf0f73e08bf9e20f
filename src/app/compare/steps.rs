//! The way through a comparison without a screen: file, header, columns, result.
//!
//! A tap goes in; out comes an errand for the caller's thread, or nothing but a new state to draw. No tap
//! needs typing. What is proposed with confidence is confirmed by one tap together; everything else is one
//! tap per field on one of at most six candidates.

use spotcheck_domain::claims::Page;
use spotcheck_domain::{Amount, CaseId, TaskId, Trouble, TroubleResult};
use spotcheck_rules::Finding;
use spotcheck_rules::compare::{
    Candidate, Class, Difference, Field, Pairing, Proposal, SURE, Scope, ready,
};

use super::{ComparedView, ExportView, FreshFile};
use crate::errand::{Errand, Home};

/// Where the officer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Choosing a file.
    File,
    /// A file is being read; stop by the errand's own signal.
    Reading,
    /// Looking at sheet and header.
    Header,
    /// Pairing columns.
    Columns,
    /// The comparison runs.
    Comparing,
    /// Looking at differences.
    Result,
}

/// What the officer taps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tap {
    /// The nth file of the list.
    File(usize),
    /// The nth sheet.
    Sheet(usize),
    /// The row at this position is the header.
    Header(usize),
    /// Sheet and header are right.
    HeaderRight,
    /// All confident proposals are right.
    SureRight,
    /// This column is this field; `None`: no column is.
    Pick(Field, Option<usize>),
    /// What the file must cover.
    Scope(Scope),
    /// Compare.
    Run,
    /// One stage back.
    Back,
}

/// A field with its candidates and what was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The field.
    pub field: Field,
    /// The column in use, proposed or picked.
    pub column: Option<usize>,
    /// The officer said so.
    pub confirmed: bool,
    /// Confidence of the proposal, 0–100.
    pub confidence: u32,
    /// At most six, ranked.
    pub candidates: Vec<Candidate>,
}

impl Choice {
    fn of(proposal: &Proposal) -> Self {
        Self {
            field: proposal.field,
            column: proposal.column,
            confirmed: false,
            confidence: proposal.confidence(),
            candidates: proposal.candidates.clone(),
        }
    }

    /// True where one tap for all is enough.
    #[must_use]
    pub const fn is_sure(&self) -> bool {
        self.column.is_some() && self.confidence >= SURE
    }
}

/// The way through one comparison.
#[derive(Debug, Clone)]
pub struct Comparison {
    task: TaskId,
    case: Option<CaseId>,
    stage: Stage,
    files: Vec<FreshFile>,
    export: Option<ExportView>,
    choices: Vec<Choice>,
    scope: Scope,
    result: Option<ComparedView>,
    taps: u32,
}

fn nothing_there() -> Trouble {
    Trouble::new("COMPARE-TAP", "这里没有可选的内容", "没有改动任何数据", "重新选一次")
}

impl Comparison {
    /// Begins with the files that the desk has found.
    #[must_use]
    pub const fn new(task: TaskId, case: Option<CaseId>, files: Vec<FreshFile>) -> Self {
        Self {
            task,
            case,
            stage: Stage::File,
            files,
            export: None,
            choices: Vec::new(),
            scope: Scope::Auto,
            result: None,
            taps: 0,
        }
    }

    /// Where it is.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        self.stage
    }

    /// Files to choose from.
    #[must_use]
    pub fn files(&self) -> &[FreshFile] {
        &self.files
    }

    /// The table that was read.
    #[must_use]
    pub const fn export(&self) -> Option<&ExportView> {
        self.export.as_ref()
    }

    /// Fields with candidates, in the order of the fields.
    #[must_use]
    pub fn choices(&self) -> &[Choice] {
        &self.choices
    }

    /// Taps so far.
    #[must_use]
    pub const fn taps(&self) -> u32 {
        self.taps
    }

    /// What the file must cover.
    #[must_use]
    pub const fn scope(&self) -> Scope {
        self.scope
    }

    /// The confirmed columns: nothing else is compared.
    #[must_use]
    pub fn pairing(&self) -> Pairing {
        let confirmed = self.choices.iter().filter(|c| c.confirmed);
        confirmed.filter_map(|c| Some((c.field, c.column?))).collect()
    }

    /// What has to be confirmed before it can run, in words.
    #[must_use]
    pub fn missing(&self) -> Vec<&'static str> {
        ready(&self.pairing())
    }

    /// The result.
    #[must_use]
    pub const fn result(&self) -> Option<&ComparedView> {
        self.result.as_ref()
    }

    /// Classes with number of differences and excess, empty classes too.
    #[must_use]
    pub fn by_class(&self) -> Vec<(Class, u64, Amount)> {
        self.result.as_ref().map_or_else(Vec::new, |r| r.compared.by_class())
    }

    /// A page of differences with their findings, of one class or of all.
    #[must_use]
    pub fn differences(&self, class: Option<Class>, page: Page) -> Vec<(&Difference, &Finding)> {
        let Some(result) = &self.result else { return Vec::new() };
        let both = result.compared.differences.iter().zip(&result.findings);
        both.filter(|(d, _)| class.is_none_or(|c| d.class == c))
            .skip(usize::try_from(page.offset).unwrap_or(usize::MAX))
            .take(usize::try_from(page.limit).unwrap_or(usize::MAX))
            .collect()
    }

    /// One tap. An errand that comes out is the caller's to run; its end goes to [`Comparison::home`] or
    /// [`Comparison::failed`].
    ///
    /// # Errors
    /// The tap fits nothing that is there, or something is missing before it can run.
    pub fn tap(&mut self, tap: &Tap) -> TroubleResult<Option<Errand>> {
        self.taps = self.taps.saturating_add(1);
        match (tap, self.stage) {
            (Tap::File(n), Stage::File) => {
                let file = self.files.get(*n).ok_or_else(nothing_there)?;
                let place = file.place.clone();
                self.stage = Stage::Reading;
                let (task, case) = (self.task.clone(), self.case.clone());
                Ok(Some(Errand::TakeExport { task, case, place }))
            }
            (Tap::Sheet(sheet), Stage::Header) => {
                let export = self.export.as_ref().ok_or_else(nothing_there)?;
                if *sheet >= export.sheets.len() {
                    return Err(nothing_there());
                }
                self.stage = Stage::Reading;
                let (task, header) = (self.task.clone(), None);
                Ok(Some(Errand::PairExport { task, sheet: *sheet, header }))
            }
            (Tap::Header(row), Stage::Header) => {
                let export = self.export.as_ref().ok_or_else(nothing_there)?;
                let sheet = export.sheet;
                self.stage = Stage::Reading;
                let (task, header) = (self.task.clone(), Some(*row));
                Ok(Some(Errand::PairExport { task, sheet, header }))
            }
            (Tap::HeaderRight, Stage::Header) => {
                self.stage = Stage::Columns;
                Ok(None)
            }
            (Tap::SureRight, Stage::Columns) => {
                for choice in &mut self.choices {
                    choice.confirmed |= choice.is_sure();
                }
                Ok(None)
            }
            (Tap::Pick(field, column), Stage::Columns) => {
                self.pick(*field, *column)?;
                Ok(None)
            }
            (Tap::Scope(scope), Stage::Columns | Stage::Result) => {
                self.scope = *scope;
                Ok(None)
            }
            (Tap::Run, Stage::Columns | Stage::Result) => {
                let missing = self.missing();
                if !missing.is_empty() {
                    return Err(Trouble::new(
                        "COMPARE-FIELD",
                        &format!("还没有确认：{}", missing.join("、")),
                        "没有改动任何数据",
                        "为这些项目各选一列",
                    )
                    .as_verdict());
                }
                self.stage = Stage::Comparing;
                let (task, pairing, scope) = (self.task.clone(), self.pairing(), self.scope);
                Ok(Some(Errand::CompareExport { task, pairing, scope }))
            }
            (Tap::Back, stage) => {
                self.stage = match stage {
                    Stage::Columns => Stage::Header,
                    Stage::Result => Stage::Columns,
                    Stage::Reading | Stage::Comparing => stage,
                    Stage::File | Stage::Header => Stage::File,
                };
                Ok(None)
            }
            _ => Err(nothing_there()),
        }
    }

    /// A column is one field only: whoever had it loses it.
    fn pick(&mut self, field: Field, column: Option<usize>) -> TroubleResult<()> {
        let export = self.export.as_ref().ok_or_else(nothing_there)?;
        if column.is_some_and(|c| c >= export.columns.len()) {
            return Err(nothing_there());
        }
        for choice in &mut self.choices {
            if choice.field == field {
                choice.column = column;
                choice.confirmed = true;
            } else if column.is_some() && choice.column == column {
                choice.column = None;
                choice.confirmed = false;
            }
        }
        Ok(())
    }

    /// An errand has come home.
    pub fn home(&mut self, home: Home) {
        match home {
            Home::Export(export) => {
                self.choices = export.proposals.iter().map(Choice::of).collect();
                self.export = Some(*export);
                self.result = None;
                self.stage = Stage::Header;
            }
            Home::Compared(result) => {
                self.result = Some(*result);
                self.stage = Stage::Result;
            }
            _ => {}
        }
    }

    /// An errand ended with a trouble, or was stopped: back to where it was begun.
    pub const fn failed(&mut self) {
        self.stage = match (self.stage, self.export.is_some()) {
            (Stage::Reading, true) => Stage::Header,
            (Stage::Reading, false) => Stage::File,
            (Stage::Comparing, _) => Stage::Columns,
            (stage, _) => stage,
        };
    }
}
