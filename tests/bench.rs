//! The product's budgets, measured: `make bench` writes `target/bench/report.md`.
//!
//! A program and not a test: times differ from machine to machine, and a slow hour must not fail a build. What
//! is measured runs in a process of its own (this program again, `--child`), so that memory and processor time
//! are those of the work alone; the peer runs in the same minute, in turn with ours, and medians are compared.
//! `--only P1,P7` chooses, `--scale small` takes a tenth of the data. Exit 1 if a budget is missed.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_lossless,
    reason = "a measuring program may panic, and prints"
)]
#![cfg_attr(not(feature = "bench"), allow(dead_code, reason = "used by the other measures"))]

#[path = "bench/data.rs"]
mod data;
#[cfg(feature = "bench")]
#[path = "bench/input.rs"]
mod input;
#[path = "bench/lookup.rs"]
mod lookup;
#[path = "bench/measure.rs"]
mod measure;
#[path = "bench/p01_compare.rs"]
mod p01_compare;
#[path = "bench/p01_rules.rs"]
mod p01_rules;
#[cfg(feature = "bench")]
#[path = "bench/p02_search.rs"]
mod p02_search;
#[cfg(feature = "bench")]
#[path = "bench/p03_capture.rs"]
mod p03_capture;
#[cfg(feature = "bench-face")]
#[path = "bench/p04_seal.rs"]
mod p04_seal;
#[cfg(feature = "bench-face")]
#[path = "bench/p05_upload.rs"]
mod p05_upload;
#[cfg(feature = "bench")]
#[path = "bench/p06_start.rs"]
mod p06_start;
#[cfg(feature = "bench-face")]
#[path = "bench/p07_scroll.rs"]
mod p07_scroll;
#[cfg(feature = "bench")]
#[path = "bench/p08_document.rs"]
mod p08_document;
#[cfg(feature = "bench")]
#[path = "bench/p09_centre.rs"]
mod p09_centre;
#[cfg(feature = "bench")]
#[path = "bench/p12_lookup.rs"]
mod p12_lookup;
#[cfg(feature = "bench-face")]
#[path = "bench/p14_day.rs"]
mod p14_day;
#[cfg(feature = "bench-face")]
#[path = "bench/photos.rs"]
mod photos;
#[path = "bench/report.rs"]
mod report;

use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::data::Scale;
use crate::report::{Met, Report, Row};

/// One measure: its number and what runs it.
type Bench = (&'static str, fn(&mut Report, Scale) -> Result<()>);

const BENCHES: &[Bench] = &[
    ("P1", p01_rules::measure),
    ("F13", p01_compare::measure),
    ("LOOKUP", lookup::measure),
    #[cfg(feature = "bench")]
    ("P2", p02_search::measure),
    #[cfg(feature = "bench")]
    ("P3", p03_capture::measure),
    #[cfg(feature = "bench-face")]
    ("P4", p04_seal::measure),
    #[cfg(feature = "bench-face")]
    ("P5", p05_upload::measure),
    #[cfg(feature = "bench")]
    ("P6", p06_start::measure),
    #[cfg(feature = "bench-face")]
    ("P7", p07_scroll::measure),
    #[cfg(feature = "bench")]
    ("P8", p08_document::measure),
    #[cfg(feature = "bench")]
    ("P9", p09_centre::import),
    #[cfg(feature = "bench")]
    ("P10", p09_centre::package),
    #[cfg(feature = "bench")]
    ("P12", p12_lookup::measure),
    #[cfg(feature = "bench")]
    ("P13", p09_centre::programs),
    #[cfg(feature = "bench-face")]
    ("P14", p14_day::measure),
    #[cfg(feature = "bench")]
    ("input", input::measure),
];

/// Budgets that nothing here measures yet, with the reason; the report says so.
const NOT_YET: &[(&str, &str)] = &[("P11", "500 handhelds")];

/// What a child process does; it prints one JSON object.
fn child(name: &str, arguments: &[String]) -> Result<()> {
    let said = match name {
        "city" => data::city(arguments)?,
        "import" => data::import(arguments)?,
        "package" => data::package(arguments)?,
        "rules" => p01_rules::run(arguments)?,
        "first" => p01_rules::first(arguments)?,
        "compare" => p01_compare::run(arguments)?,
        "reference" => lookup::run(arguments)?,
        #[cfg(feature = "bench")]
        "people" => p02_search::people(arguments)?,
        #[cfg(feature = "bench")]
        "search" => p02_search::run(arguments)?,
        #[cfg(feature = "bench")]
        "capture" => p03_capture::run(arguments)?,
        #[cfg(feature = "bench-face")]
        "seal" => p04_seal::run(arguments)?,
        #[cfg(feature = "bench-face")]
        "upload" => p05_upload::run(arguments)?,
        #[cfg(feature = "bench-face")]
        "identity" => p05_upload::identity(arguments)?,
        #[cfg(feature = "bench")]
        "document" => p08_document::run(arguments)?,
        #[cfg(feature = "bench-face")]
        "scroll" => p07_scroll::run(arguments)?,
        #[cfg(feature = "bench-face")]
        "day" => p14_day::run(arguments)?,
        #[cfg(feature = "bench-face")]
        "first-sound" => p14_day::first_sound(arguments)?,
        #[cfg(feature = "bench")]
        "open" => p09_centre::open(arguments)?,
        #[cfg(feature = "bench")]
        "plain" => p09_centre::plain(arguments)?,
        #[cfg(feature = "bench")]
        "lookup" => p12_lookup::run(arguments)?,
        other => bail!("no such measure: {other}"),
    };
    println!("{}", measure::with_memory(said));
    Ok(())
}

fn after(arguments: &[String], name: &str) -> Option<String> {
    let at = arguments.iter().position(|a| a == name)?;
    arguments.get(at + 1).filter(|text| !text.is_empty()).cloned()
}

const USAGE: &str = "spotcheck-bench [--only P1,P7,…] [--scale full|small]
Writes target/bench/report.md; without arguments everything, which takes hours.";

fn main() -> Result<ExitCode> {
    // As both programs do.
    let _ = spotcheck_pages::install();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [first, name, rest @ ..] = arguments.as_slice()
        && first == "--child"
    {
        child(name, rest)?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(code) = spotcheck_tests::asked_for_help(USAGE, 0) {
        return Ok(code.into());
    }
    let scale = match after(&arguments, "--scale").as_deref() {
        Some("small") => Scale::Small,
        Some("full") | None => Scale::Full,
        Some(other) => bail!("--scale is small or full, not {other}"),
    };
    let only = after(&arguments, "--only");
    let wanted = |id: &str| only.as_ref().is_none_or(|o| o.split(',').any(|w| w.trim() == id));
    if let Some(unknown) = only.iter().flat_map(|o| o.split(',')).find(|w| {
        BENCHES.iter().all(|(id, _)| *id != w.trim())
            && NOT_YET.iter().all(|(id, _)| *id != w.trim())
    }) {
        let known: Vec<&str> = BENCHES.iter().map(|(id, _)| *id).collect();
        bail!("{unknown} is not measured; there are {}", known.join(", "));
    }
    let mut report = Report::new(scale)?;
    for (id, bench) in BENCHES.iter().filter(|(id, _)| wanted(id)) {
        eprintln!("== {id}");
        if let Err(cause) = bench(&mut report, scale) {
            report.failed(id, &cause);
        }
        report.write().context("report.md")?;
    }
    for (id, what) in NOT_YET.iter().filter(|(id, _)| wanted(id)) {
        report.row(Row::alone(id, *what, "NOT MEASURED YET", "-", Met::Reported));
    }
    report.write().context("report.md")?;
    println!("{}", report.text());
    Ok(if report.missed() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
