//! Figures of the text input (issue 3): sentences by pinyin, rare names by stroke.
//!
//! They are measured by the ignored tests of `src/device/input/measure.rs`, which have the sentences and the rule
//! that none of them stands in a word list; here they are run and read.

use std::process::{Command, Stdio};

use anyhow::{Result, ensure};

use crate::data::Scale;
use crate::report::{Met, Report, Row};

/// The number before ` %` after `words` in a line.
fn percent(line: &str, words: &str) -> Option<f64> {
    line.split(words).nth(1)?.split('%').next()?.trim().parse().ok()
}

pub(crate) fn measure(report: &mut Report, _scale: Scale) -> Result<()> {
    let root = spotcheck_tests::root();
    let ran = Command::new("cargo")
        .args([
            "test",
            "--locked",
            "--quiet",
            "--profile",
            "demo",
            "-p",
            "spotcheck-device",
            "--lib",
            "--",
        ])
        .args(["--ignored", "--nocapture", "--test-threads", "1", "input::measure::measure_"])
        .current_dir(root)
        .stdin(Stdio::null())
        .output()?;
    let said = format!(
        "{}\n{}",
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr)
    );
    let skipped: Vec<&str> = said.lines().filter(|l| l.contains("SKIPPED ")).collect();
    ensure!(ran.status.success() || !skipped.is_empty() || said.contains('%'), "{said}");
    for line in skipped {
        report.row(Row::alone("input", line.trim(), "NOT MEASURED", "-", Met::Reported));
    }
    for line in said.lines() {
        if let Some(sentences) = percent(line, "sentence first") {
            let what = line.split(':').next().unwrap_or_default();
            // The bar is for librime, on prose of records typed as people speak.
            let judged = line.starts_with("own+model+librime")
                && line.contains("research")
                && line.contains("spoken");
            // What no word list was made from says more, and is not there yet.
            let held_out = line.starts_with("own+model+librime")
                && line.contains("held-out")
                && line.contains(", test");
            let (id, budget, met) = if judged {
                ("input-sentence", "≥ 85 %", Met::of(sentences >= 85.0))
            } else if held_out {
                ("input-heldout", "reported, aim ≥ 85 %", Met::Reported)
            } else {
                ("input-other", "reported", Met::Reported)
            };
            report.row(Row::alone(
                id,
                what,
                format!("{sentences:.1} % whole sentence first"),
                budget,
                met,
            ));
        } else if let Some(names) = percent(line, "names by stroke within five:") {
            let met = Met::of(names >= 90.0);
            report.row(Row::alone(
                "input-rare",
                "50 rare names by stroke within five",
                format!("{names:.1} %"),
                "≥ 90 %",
                met,
            ));
        } else if let Some(keys) = line.trim().strip_prefix("per key: ") {
            report.row(Row::alone("input-key", "work per key", keys, "reported", Met::Reported));
        }
    }
    Ok(())
}
