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
use spotcheck_domain::claims::ClaimsReader as _;
use spotcheck_tests::support::programs::program;

use crate::data::{self, Scale};
use crate::measure::{Watch, child, forget, mebibytes, median, number, seconds, told};
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

/// Child: `FOLDER`: the package opened as the handheld does, until the first row and all findings of the centre.
pub(crate) fn open(arguments: &[String]) -> Result<Value> {
    let folder = Path::new(arguments.first().context("FOLDER")?);
    let begun = Instant::now();
    let reader = data::open(folder)?;
    let n: i64 = reader.db().query_row("SELECT rowid FROM fee_list_d LIMIT 1", [], |r| r.get(0))?;
    let first = begun.elapsed().as_secs_f64();
    let findings = reader.findings().map_err(told)?.len();
    Ok(json!({
        "first": first,
        "wall": begun.elapsed().as_secs_f64(),
        "row": n,
        "findings": findings,
    }))
}

/// Child: `FOLDER`: the tables of the package into plain SQLite, then their indexes.
pub(crate) fn plain(arguments: &[String]) -> Result<Value> {
    let folder = Path::new(arguments.first().context("FOLDER")?);
    crate::p12_lookup::export(folder)?;
    let file = folder.join("plain-again.db");
    let _ = std::fs::remove_file(&file);
    let watch = Watch::start();
    let db = rusqlite::Connection::open(&file)?;
    db.execute_batch(
        "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -65536",
    )?;
    let from = folder.join("plain-package.db").display().to_string();
    db.execute("ATTACH DATABASE ?1 AS package", [from])?;
    let statements = |kind: &str| -> Result<Vec<(String, String)>> {
        let sql = "SELECT name, sql FROM package.sqlite_master WHERE type = ?1 AND sql IS NOT NULL \
                   AND name NOT LIKE 'sqlite_%' ORDER BY rowid";
        let mut found = db.prepare(sql)?;
        let rows = found.query_map([kind], |r| Ok((r.get(0)?, r.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    };
    db.execute_batch("BEGIN")?;
    for (name, sql) in statements("table")? {
        db.execute_batch(&sql)?;
        db.execute(&format!("INSERT INTO main.{name} SELECT * FROM package.{name}"), [])?;
    }
    for (_, sql) in statements("index")? {
        db.execute_batch(&sql)?;
    }
    db.execute_batch("COMMIT; DETACH DATABASE package")?;
    drop(db);
    let said = json!({ "wall": watch.wall(), "bytes": std::fs::metadata(&file)?.len() });
    std::fs::remove_file(file)?;
    Ok(said)
}

/// One size: how long the centre took, how large it is, how it opens.
fn of_size(report: &mut Report, lines: u64, most: f64, beside: bool) -> Result<()> {
    let made = data::planted(lines)?;
    let package = &made.said["package"];
    let (wall, cpu, bytes) =
        (number(package, "wall")?, number(package, "cpu")?, number(package, "bytes")?);
    let label = data::millions(&made)?;
    let what = format!(
        "package of {label} M fee lines, when the data was made ({} CPU, peak RSS {})",
        seconds(cpu),
        mebibytes(number(package, "peak_kib")?)
    );
    let row = Row::alone("P10", what, seconds(wall), format!("≤ {most} s"), Met::of(wall <= most));
    if beside {
        let plain = child("plain", &[&made.name()])?;
        let (took, size) = (number(&plain, "wall")?, number(&plain, "bytes")?);
        let peer = format!(
            "plain SQLite, the same tables and indexes copied: {}, {:.0} MB",
            seconds(took),
            size / 1e6
        );
        report.row(row.beside(peer, wall / took));
    } else {
        report.row(row);
    }
    let large = lines >= 10_000_000;
    let met = if large { Met::of(bytes <= 2.5e9) } else { Met::Reported };
    let budget = if large { "≤ 2.5 GB" } else { "reported" };
    let size = format!("{:.2} GB", bytes / 1e9);
    report.row(Row::alone("P10", format!("its size at {label} M lines"), size, budget, met));
    let (mut times, mut first, mut findings) = (Vec::new(), Vec::new(), 0.0);
    for _ in 0..5 {
        forget(&made.claims())?;
        let said = child("open", &[&made.name()])?;
        times.push(number(&said, "wall")?);
        first.push(number(&said, "first")?);
        findings = number(&said, "findings")?;
    }
    let open = median(&times);
    let what = format!(
        "opened on the handheld at {label} M lines, cold, without the full check: first row after {}, then {findings:.0} \
         findings of the centre",
        seconds(median(&first))
    );
    report.row(Row::alone("P10", what, seconds(open), "≤ 100 ms", Met::of(open <= 0.1)));
    Ok(())
}

pub(crate) fn package(report: &mut Report, scale: Scale) -> Result<()> {
    of_size(report, scale.lines(), 20.0, true)?;
    if scale == Scale::Full {
        of_size(report, data::LARGE, 300.0, false)?;
    }
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
