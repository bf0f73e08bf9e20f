//! F13: a strange export of 200,000 rows and 28 columns against the upload: what is planted is found, nothing else.
//!
//! The workbook is written by openpyxl from the peer's own tables (`tests/python/his_export.py`), so that nobody
//! who reads it here has written it. Nothing is typed: columns are paired as they are proposed.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use spotcheck_claims::PackageColumns;
use spotcheck_claims::table::{Table, TableLimits};
use spotcheck_domain::columns::ColumnSource as _;
use spotcheck_rules::compare::{
    Options, Uploaded, layout, propose, proposed, ready, run as compare,
};

use crate::data::{self, Scale};
use crate::measure::{Watch, child, forget, mebibytes, number, object, peak_kib, seconds, told};
use crate::report::{Met, Report, Row};

/// Child: `FOLDER FILE.xlsx`.
pub(crate) fn run(arguments: &[String]) -> Result<Value> {
    let [folder, file] = arguments else { anyhow::bail!("FOLDER FILE.xlsx") };
    let watch = Watch::start();
    let reader = data::open(Path::new(folder))?;
    let columns = PackageColumns::new(&reader);
    let bytes = std::fs::read(file)?.into();
    let table = Table::open("明细.xlsx", bytes, TableLimits::default()).map_err(told)?;
    let grid = table.read(0, &mut |_| true).map_err(told)?;
    drop(table);
    let (read_s, read_kib) = (watch.wall(), peak_kib());
    let mut uploaded = Uploaded::heads(&columns, &mut ()).map_err(told)?;
    let found = layout(&grid, None);
    let proposals = propose(&grid, &found, &mut uploaded, &columns, &mut ()).map_err(told)?;
    let (paired_s, paired_kib) = (watch.wall(), peak_kib());
    let options = Options::new(proposed(&proposals));
    let missing = ready(&options.pairing);
    let compared =
        compare(&grid, &found, &options, &mut uploaded, &columns, &mut ()).map_err(told)?;
    let mut classes = serde_json::Map::new();
    for (class, count, _) in compared.by_class().into_iter().filter(|(_, n, _)| *n > 0) {
        classes.insert(class.as_str().to_owned(), json!(count));
    }
    let shown: Vec<String> =
        compared.differences.iter().take(30).map(|d| format!("{d:?}")).collect();
    Ok(json!({
        "wall": watch.wall(),
        "cpu": watch.cpu(),
        "read": read_s,
        "read_kib": read_kib,
        "paired": paired_s,
        "paired_kib": paired_kib,
        "missing": missing,
        "rows": grid.height(),
        "columns": grid.width(),
        "classes": classes,
        "young": compared.counts.young,
        "unreadable": compared.counts.unreadable,
        "scope": compared.scope,
        "differences": shown,
    }))
}

pub(crate) fn measure(report: &mut Report, scale: Scale) -> Result<()> {
    let (lines, rows) = match scale {
        Scale::Small => (Scale::Small.lines(), 20_000),
        Scale::Full => (Scale::Full.lines(), 200_000),
    };
    let made = data::planted(lines)?;
    let Some(python) = data::python("openpyxl") else {
        let what = format!("an export of {rows} rows compared with the upload");
        report.peer_missing(Row::alone("F13", what, "-", "-", Met::Reported), "openpyxl");
        return Ok(());
    };
    let cutoff = data::open(&made.folder)
        .and_then(|r| PackageColumns::new(&r).cutoff("fee_list_d").map_err(told))?
        .context("no cut-off")?;
    let day: String = cutoff.display().chars().take(10).collect();
    let file = made.folder.join("his.xlsx").display().to_string();
    let mut write = Command::new(python);
    write.arg(spotcheck_tests::root().join("tests/python/his_export.py")).arg(made.duckdb());
    write.args([&day, &rows.to_string(), &file]);
    let planted = object(write, "his_export.py")?;
    forget(&made.claims())?;
    let said = child("compare", &[&made.name(), &file])?;
    let equal = said["classes"] == planted["planted"] && said["young"] == planted["young"];
    let wall =
        format!("{} ({} CPU)", seconds(number(&said, "wall")?), seconds(number(&said, "cpu")?));
    let what = format!(
        "an unknown XLSX of {} rows and {} columns compared with the upload, {} planted differences, {} young rows",
        planted["rows"], planted["columns"], planted["planted"], planted["young"]
    );
    report.row(Row::alone("F13", what, wall, "-", Met::Reported));
    let found = format!("{}, {} young", said["classes"], said["young"]);
    report.row(Row::alone("F13", "found, and nothing else", found, "equal", Met::of(equal)));
    let peak = number(&said, "peak_kib")?;
    let met = Met::of(peak * 1024.0 / 1e6 <= 400.0);
    report.row(Row::alone("F13", "peak RSS of the comparison", mebibytes(peak), "≤ 400 MB", met));
    if !equal {
        for difference in said["differences"].as_array().into_iter().flatten() {
            let shown: String = difference.to_string().chars().take(300).collect();
            report.note(&format!("Found: `{shown}`"));
        }
    }
    Ok(())
}
