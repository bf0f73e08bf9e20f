//! P9, P10, P13: the centre's import and package, as they were when the data of the other measures was made, and how
//! large the programs are.
//!
//! Import and package take minutes, so they are timed where they are needed anyway and told again from `made.json`;
//! a fresh `target/bench/data` measures them anew.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use spotcheck_tests::support::programs::program;

use crate::data::{self, Scale};
use crate::measure::{child, forget, mebibytes, median, number, seconds};
use crate::report::{Met, Report, Row};

pub(crate) fn import(report: &mut Report, scale: Scale) -> Result<()> {
    let made = data::planted(scale.lines())?;
    let (lines, import) = (number(&made.said["city"], "lines")?, &made.said["import"]);
    let (wall, cpu) = (number(import, "wall")?, number(import, "cpu")?);
    let what = format!(
        "import of {:.2} M fee lines with all that belongs to them, all checks, when the data was made ({:.0} lines a CPU second, peak RSS {})",
        lines / 1e6,
        lines / cpu,
        mebibytes(number(import, "peak_kib")?)
    );
    let rate = lines / wall;
    let row = Row::alone(
        "P9",
        what,
        format!("{rate:.0} lines/s"),
        "≥ 60,000 lines/s",
        Met::of(rate >= 60_000.0),
    );
    match made.said["duckdb"]["read_csv"].as_f64() {
        Some(peer) => report
            .row(row.beside(format!("DuckDB read_csv: {:.0} lines/s", lines / peer), wall / peer)),
        None => report.peer_missing(row, "duckdb"),
    }
    Ok(())
}

/// Child: `FOLDER`: the package opened as the handheld does, until the first row.
pub(crate) fn open(arguments: &[String]) -> Result<Value> {
    let folder = Path::new(arguments.first().context("FOLDER")?);
    let begun = Instant::now();
    let reader = data::open(folder)?;
    let n: i64 = reader.db().query_row("SELECT rowid FROM fee_list_d LIMIT 1", [], |r| r.get(0))?;
    Ok(json!({ "wall": begun.elapsed().as_secs_f64(), "row": n }))
}

pub(crate) fn package(report: &mut Report, scale: Scale) -> Result<()> {
    let made = data::planted(scale.lines())?;
    let package = &made.said["package"];
    let (wall, cpu) = (number(package, "wall")?, number(package, "cpu")?);
    let what = format!(
        "package of {} M fee lines, {:.0} MB, when the data was made ({} CPU, peak RSS {})",
        data::millions(&made)?,
        number(package, "bytes")? / 1e6,
        seconds(cpu),
        mebibytes(number(package, "peak_kib")?)
    );
    let row = Row::alone("P10", what, seconds(wall), "≤ 20 s", Met::of(wall <= 20.0));
    report.row(row);
    let mut times = Vec::new();
    for _ in 0..5 {
        forget(&made.claims())?;
        times.push(number(&child("open", &[&made.name()])?, "wall")?);
    }
    let open = median(&times);
    let row = Row::alone(
        "P10",
        "open on the handheld, without the full check, to the first row",
        seconds(open),
        "≤ 100 ms",
        Met::of(open <= 0.1),
    );
    report.row(row);
    Ok(())
}

pub(crate) fn programs(report: &mut Report, _scale: Scale) -> Result<()> {
    for (name, most) in
        [("spotcheck", 110.0), ("spotcheck-center", 90.0), ("spotcheck-verify", 6.0)]
    {
        let Ok(file) = program(name) else {
            report.row(Row::alone("P13", name, "NOT BUILT", format!("≤ {most} MB"), Met::Reported));
            continue;
        };
        let stripped = tempfile::NamedTempFile::new()?;
        let status = Command::new("strip")
            .arg("-o")
            .arg(stripped.path())
            .arg(file)
            .status()
            .context("strip")?;
        ensure!(status.success(), "strip: {status}");
        let size = std::fs::metadata(stripped.path())?.len() as f64 / 1e6;
        let what = format!("{name}, stripped, without LTO (a release is smaller)");
        report.row(Row::alone(
            "P13",
            what,
            format!("{size:.1} MB"),
            format!("≤ {most} MB"),
            Met::of(size <= most),
        ));
    }
    Ok(())
}
