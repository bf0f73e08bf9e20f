//! `target/bench/report.md`: one line a figure, then tables with what is behind it.
//!
//! A missing peer, a measure that failed and a budget that is missed are all lines here: nothing that was not
//! measured looks as if it had been.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::data::Scale;

/// Whether a budget is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Met {
    Yes,
    No,
    /// There is no budget, or the peer it needs is missing.
    Reported,
}

impl Met {
    pub(crate) const fn of(kept: bool) -> Self {
        if kept { Self::Yes } else { Self::No }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Reported => "-",
        }
    }
}

/// One line.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) id: &'static str,
    pub(crate) what: String,
    pub(crate) ours: String,
    pub(crate) peer: String,
    pub(crate) ratio: String,
    pub(crate) budget: String,
    pub(crate) met: Met,
}

impl Row {
    /// A figure without a peer.
    pub(crate) fn alone(
        id: &'static str,
        what: impl Into<String>,
        ours: impl Into<String>,
        budget: impl Into<String>,
        met: Met,
    ) -> Self {
        Self {
            id,
            what: what.into(),
            ours: ours.into(),
            peer: "-".to_owned(),
            ratio: "-".to_owned(),
            budget: budget.into(),
            met,
        }
    }

    /// A figure beside a peer's.
    pub(crate) fn beside(mut self, peer: impl Into<String>, ratio: f64) -> Self {
        self.peer = peer.into();
        self.ratio = format!("{ratio:.2}");
        self
    }
}

/// The report while it grows.
pub(crate) struct Report {
    head: String,
    rows: Vec<Row>,
    tables: String,
    file: PathBuf,
}

fn said_by(program: &str, arguments: &[&str]) -> String {
    let output = std::process::Command::new(program).args(arguments).output();
    let text = output.map(|o| String::from_utf8_lossy(&o.stdout).trim().to_owned());
    text.unwrap_or_default()
}

impl Report {
    pub(crate) fn new(scale: Scale) -> Result<Self> {
        let folder = crate::data::folder()?;
        let commit =
            said_by("git", &["-C", env!("CARGO_MANIFEST_DIR"), "rev-parse", "--short", "HEAD"]);
        let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let named = cpu.lines().find_map(|l| l.strip_prefix("model name")).unwrap_or_default();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let head = format!(
            "# Budgets, measured\n\nCommit {commit}, scale {}, {cores} processors{}, profile {}. Load at \
             the beginning: {}.\nTimes are medians of runs in turn with the peer.\n",
            scale.word(),
            named
                .trim_start_matches(['\t', ' ', ':'])
                .split('@')
                .next()
                .map(|n| format!(" ({})", n.trim()))
                .unwrap_or_default(),
            if cfg!(debug_assertions) { "DEBUG: figures mean nothing" } else { "release or demo" },
            std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim(),
        );
        Ok(Self { head, rows: Vec::new(), tables: String::new(), file: folder.join("report.md") })
    }

    pub(crate) fn row(&mut self, row: Row) {
        eprintln!("{}", line(&row));
        self.rows.push(row);
    }

    /// A budget that could not be judged because the peer is not there: said loudly, never as kept.
    pub(crate) fn peer_missing(&mut self, mut row: Row, peer: &str) {
        row.peer = format!("PEER MISSING: {peer}");
        row.met = Met::Reported;
        spotcheck_tests::skip(&format!("bench {}", row.id), &format!("peer missing: {peer}"));
        self.row(row);
    }

    pub(crate) fn failed(&mut self, id: &'static str, cause: &anyhow::Error) {
        self.row(Row::alone(id, "could not be measured", format!("{cause:#}"), "-", Met::No));
    }

    /// More about a figure: a heading and a table, the first row of which names the columns.
    pub(crate) fn table(&mut self, heading: &str, rows: &[Vec<String>]) {
        let _ = write!(self.tables, "\n## {heading}\n\n");
        for (n, row) in rows.iter().enumerate() {
            let _ = writeln!(self.tables, "| {} |", row.join(" | "));
            if n == 0 {
                let _ = writeln!(self.tables, "|{}", "---|".repeat(row.len()));
            }
        }
    }

    /// A sentence under the tables.
    pub(crate) fn note(&mut self, text: &str) {
        let _ = write!(self.tables, "\n{text}\n");
    }

    pub(crate) fn missed(&self) -> bool {
        self.rows.iter().any(|r| r.met == Met::No)
    }

    pub(crate) fn text(&self) -> String {
        let mut text = format!(
            "{}\n| id | what | ours | peer | ratio | budget | met |\n|---|---|---|---|---|---|---|\n",
            self.head
        );
        for row in &self.rows {
            let _ = writeln!(text, "{}", line(row));
        }
        text.push_str(&self.tables);
        text
    }

    pub(crate) fn write(&self) -> Result<()> {
        std::fs::write(&self.file, self.text()).with_context(|| self.file.display().to_string())
    }
}

fn line(row: &Row) -> String {
    let cells = [row.id, &row.what, &row.ours, &row.peer, &row.ratio, &row.budget, row.met.word()];
    let cells: Vec<String> = cells.iter().map(|c| c.replace('|', "/").replace('\n', " ")).collect();
    format!("| {} |", cells.join(" | "))
}
