//! P1: all rules of the national pack over the encrypted package, cold, one thread, beside DuckDB.
//!
//! DuckDB runs the same rules (`tests/python/rules_duckdb.py`) over its own file with typed tables; what is
//! derived from them (refunds set off, natural causes, cut-offs) counts as work on both sides, reading text
//! files on neither. Both files are taken out of the page cache before each run. The hits must be equal.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use spotcheck_claims::PackageColumns;
use spotcheck_rules::{KernelId, Options, json_lines, load_book, national};

use crate::data::{self, Made, Scale};
use crate::measure::{
    Watch, child, forget, mebibytes, median, number, object, peak_kib, seconds, told,
};
use crate::report::{Met, Report, Row};

/// Rules that look at what persons did at other houses; DuckDB has the one house only.
const ELSEWHERE: [&str; 7] = ["A02", "A04", "A06", "C28", "G04", "H03", "J11"];

/// Child: `FOLDER [FINDINGS]`: opened, and what a first look finds: how long until the caller has it.
pub(crate) fn first(arguments: &[String]) -> Result<Value> {
    let folder = Path::new(arguments.first().context("FOLDER")?);
    let watch = Watch::start();
    let reader = data::open(folder)?;
    let columns = PackageColumns::new(&reader);
    let pack = national().map_err(told)?;
    let opened = watch.wall();
    let outcome = spotcheck_rules::first_look(&columns, &pack, &mut ()).map_err(told)?;
    let (wall, cpu) = (watch.wall(), watch.cpu());
    if let Some(file) = arguments.get(1) {
        std::fs::write(file, json_lines(&outcome.findings))?;
    }
    Ok(json!({
        "wall": wall,
        "cpu": cpu,
        "open": opened,
        "lines": outcome.counts.lines,
        "findings": outcome.findings.len(),
    }))
}

/// Child: `FOLDER all|kernels [FINDINGS]`.
pub(crate) fn run(arguments: &[String]) -> Result<Value> {
    let [folder, what, rest @ ..] = arguments else {
        anyhow::bail!("FOLDER all|kernels [FINDINGS]")
    };
    let folder = Path::new(folder);
    let watch = Watch::start();
    let reader = data::open(folder)?;
    let columns = PackageColumns::new(&reader);
    let pack = national().map_err(told)?;
    let opened = watch.wall();
    let book = load_book(&columns, Options::default(), &mut ()).map_err(told)?;
    let (loaded, loaded_cpu, loaded_kib) = (watch.wall(), watch.cpu(), peak_kib());
    if what == "kernels" {
        let mut kernels = Vec::new();
        for kernel in KernelId::ALL {
            let of = pack.rules.iter().filter(|r| r.kernel == *kernel && r.enabled);
            let ids: Vec<String> = of.map(|r| r.id.clone()).collect();
            if ids.is_empty() {
                continue;
            }
            let options = Options { rules: Some(&ids), ..Options::default() };
            let watch = Watch::start();
            let outcome =
                spotcheck_rules::run(&book, &columns, &pack, options, &mut ()).map_err(told)?;
            kernels.push(json!({
                "kernel": kernel.as_str(),
                "rules": ids.len(),
                "cpu": watch.cpu(),
                "findings": outcome.findings.len(),
            }));
        }
        // One rule alone over the book that is in memory, as a composed rule is one.
        let one = ["B01".to_owned()];
        let options = Options { rules: Some(&one), ..Options::default() };
        let watch = Watch::start();
        spotcheck_rules::run(&book, &columns, &pack, options, &mut ()).map_err(told)?;
        return Ok(json!({ "kernels": kernels, "one_rule": watch.wall() }));
    }
    let outcome =
        spotcheck_rules::run(&book, &columns, &pack, Options::default(), &mut ()).map_err(told)?;
    let (wall, cpu) = (watch.wall(), watch.cpu());
    if let Some(file) = rest.first() {
        std::fs::write(file, json_lines(&outcome.findings))?;
    }
    Ok(json!({
        "wall": wall,
        "cpu": cpu,
        "open": opened,
        "load": loaded - opened,
        "load_cpu": loaded_cpu,
        "load_kib": loaded_kib,
        "lines": book.counts.lines,
        "rules": pack.rules.iter().filter(|r| r.enabled).count(),
        "findings": outcome.findings.len(),
        "refused": outcome.refused.len(),
    }))
}

fn duckdb(made: &Made, python: &Path, findings: Option<&Path>) -> Result<Value> {
    let root = spotcheck_tests::root();
    let mut command = Command::new(python);
    command.arg(root.join("tests/python/rules_bench.py")).arg("run").arg(made.duckdb());
    command.arg(root.join("src/rules/packs/national"));
    command.args(findings);
    object(command, "DuckDB")
}

/// What a finding is about, without the words.
fn about(finding: &Value) -> String {
    let text = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    let mut lines: Vec<&str> =
        finding["bkkp_sn"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    lines.sort_unstable();
    let what = match (lines.is_empty(), text("psn_no").is_empty()) {
        (false, _) => lines.join(" "),
        (true, false) => text("psn_no"),
        (true, true) => text("code"),
    };
    [text("rule"), text("fixmedins_code"), text("mdtrt_id"), what].join("|")
}

fn hits(file: &Path, known: &BTreeSet<String>) -> Result<BTreeMap<String, u32>> {
    let mut counts = BTreeMap::new();
    for line in std::fs::read_to_string(file)?.lines() {
        let finding: Value = serde_json::from_str(line)?;
        let rule = finding["rule"].as_str().unwrap_or_default();
        if known.contains(rule) && !ELSEWHERE.contains(&rule) {
            *counts.entry(about(&finding)).or_insert(0) += 1;
        }
    }
    Ok(counts)
}

/// Rule and visit of each finding in a file.
fn places(file: &Path) -> Result<BTreeSet<(String, String)>> {
    let text = std::fs::read_to_string(file)?;
    text.lines()
        .map(|line| {
            let finding: Value = serde_json::from_str(line)?;
            let of = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
            Ok((of("rule"), of("mdtrt_id")))
        })
        .collect()
}

/// One size: rows and tables.
fn size(report: &mut Report, lines: u64, times: usize, rss_budget_mb: f64) -> Result<()> {
    let made = data::planted(lines)?;
    let label = data::millions(&made)?;
    let name = made.name();
    let python = data::python("duckdb").filter(|_| made.duckdb().is_file());
    let (ours_file, theirs_file) =
        (made.folder.join("ours.jsonl"), made.folder.join("theirs.jsonl"));
    let first_file = made.folder.join("first.jsonl");
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for n in 0..times {
        forget(&made.claims())?;
        let file = ours_file.display().to_string();
        let with: Vec<&str> = if n == 0 { vec![&name, "all", &file] } else { vec![&name, "all"] };
        ours.push(child("rules", &with)?);
        if let Some(python) = &python {
            forget(&made.duckdb())?;
            theirs.push(duckdb(&made, python, (n == 0).then_some(theirs_file.as_path()))?);
        }
    }
    let of = |all: &[Value], name: &str| -> Result<f64> {
        Ok(median(&all.iter().map(|v| number(v, name)).collect::<Result<Vec<_>>>()?))
    };
    let (wall, cpu) = (of(&ours, "wall")?, of(&ours, "cpu")?);
    let first = ours.first().context("no run")?;
    let what = format!(
        "{} rules over {} M lines, cold, {} findings",
        first["rules"], label, first["findings"]
    );
    let row = Row::alone(
        "P1",
        what,
        format!("{} ({} CPU)", seconds(wall), seconds(cpu)),
        "≤ 1.0 ×",
        Met::Reported,
    );
    if theirs.is_empty() {
        report.peer_missing(row, "duckdb");
    } else {
        let (peer, peer_cpu) = (of(&theirs, "wall")?, of(&theirs, "cpu")?);
        let known: BTreeSet<String> = theirs[0]["rules"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|r| r.as_str().map(str::to_owned))
            .collect();
        let ratio = cpu / peer_cpu;
        let peer_text = format!(
            "{} ({} CPU), {} rules, {} of it derived tables",
            seconds(peer),
            seconds(peer_cpu),
            known.len(),
            seconds(of(&theirs, "derive")?)
        );
        let met = Met::of(ratio <= 1.0);
        report.row(Row { met, ..row.beside(peer_text, ratio) });
        let (a, b) = (hits(&ours_file, &known)?, hits(&theirs_file, &known)?);
        let only = |a: &BTreeMap<String, u32>, b: &BTreeMap<String, u32>| -> Vec<String> {
            a.iter().filter(|(k, n)| b.get(*k) != Some(*n)).map(|(k, _)| k.clone()).collect()
        };
        let (here, there) = (only(&a, &b), only(&b, &a));
        let equal = here.is_empty() && there.is_empty();
        let ours = format!("{} hits, {} only here", a.len(), here.len());
        let row = Row::alone(
            "P1",
            format!("the same hits at {label} M lines"),
            ours,
            "equal",
            Met::of(equal),
        );
        let peer = format!("{} hits, {} only there", b.len(), there.len());
        report.row(Row { peer, ..row });
        for (side, keys) in [("ours", &here), ("DuckDB", &there)] {
            for key in keys.iter().take(5) {
                let shown: String = key.chars().take(160).collect();
                report.note(&format!("Only {side}: `{shown}`"));
            }
        }
    }
    let mut looks = Vec::new();
    for _ in 0..times {
        forget(&made.claims())?;
        looks.push(child("first", &[&name, &first_file.display().to_string()])?);
    }
    // What it shows is found by the whole run too: same rule, same visit.
    let whole: BTreeSet<(String, String)> = places(&ours_file)?;
    let hasty = places(&first_file)?.difference(&whole).count();
    let (first, first_cpu) = (of(&looks, "wall")?, of(&looks, "cpu")?);
    let judged = if crate::measure::loaded() { first_cpu } else { first };
    let look = looks.first().context("no look")?;
    let what = format!(
        "a first look at {label} M lines, cold: {} findings in {} lines before the whole run ends, {hasty} of them not \
         found again",
        look["findings"], look["lines"]
    );
    let shown = format!("{} ({} CPU)", seconds(first), seconds(first_cpu));
    let sound = number(look, "findings")? > 0.0 && hasty == 0;
    report.row(Row::alone("P1", what, shown, "≤ 2 s", Met::of(sound && judged <= 2.0)));
    let peak = ours.iter().map(|v| number(v, "peak_kib")).collect::<Result<Vec<_>>>()?;
    let peak = median(&peak);
    let met = Met::of(peak * 1024.0 / 1e6 <= rss_budget_mb);
    let row = Row::alone(
        "P1",
        format!("peak RSS at {label} M lines"),
        mebibytes(peak),
        format!("≤ {rss_budget_mb:.0} MB"),
        met,
    );
    let peer = theirs
        .first()
        .map_or_else(|| "-".to_owned(), |t| mebibytes(t["peak_kib"].as_f64().unwrap_or(0.0)));
    report.row(Row { peer, ..row });
    forget(&made.claims())?;
    let kernels = child("rules", &[&name, "kernels"])?;
    let mut table = vec![["kernel", "rules", "CPU", "findings"].map(str::to_owned).to_vec()];
    let load = of(&ours, "load_cpu")?;
    table.push(vec![
        "(reading and setting off)".to_owned(),
        "-".to_owned(),
        seconds(load),
        "-".to_owned(),
    ]);
    for k in kernels["kernels"].as_array().into_iter().flatten() {
        table.push(vec![
            k["kernel"].as_str().unwrap_or_default().to_owned(),
            k["rules"].to_string(),
            seconds(number(k, "cpu")?),
            k["findings"].to_string(),
        ]);
    }
    report.table(
        &format!("P1 per kernel, {label} M lines (each alone over the book in memory)"),
        &table,
    );
    if lines >= 10_000_000 {
        let one = number(&kernels, "one_rule")?;
        let cold = one + of(&ours, "load")?;
        report.row(Row::alone(
            "P1",
            format!("one rule over {label} M lines in memory ({} with reading)", seconds(cold)),
            seconds(one),
            "≤ 2.5 s",
            Met::of(one <= 2.5),
        ));
    }
    if let Some(slow) = theirs.first().and_then(|t| t["per_rule"].as_object()) {
        let mut slow: Vec<(&String, f64)> =
            slow.iter().map(|(k, v)| (k, v.as_f64().unwrap_or(0.0))).collect();
        slow.sort_by(|a, b| b.1.total_cmp(&a.1));
        let said: Vec<String> =
            slow.iter().take(8).map(|(k, s)| format!("{k} {}", seconds(*s))).collect();
        report.note(&format!("DuckDB at {label} M lines, slowest rules: {}.", said.join(", ")));
    }
    Ok(())
}

pub(crate) fn measure(report: &mut Report, scale: Scale) -> Result<()> {
    match scale {
        Scale::Small => size(report, Scale::Small.lines(), 3, 400.0),
        Scale::Full => {
            size(report, Scale::Full.lines(), 3, 400.0)?;
            report.write()?;
            size(report, data::LARGE, 1, 1_500.0)
        }
    }
}
