//! Indicators over an inspected facility: every figure equal to DuckDB's over the source, and no 统方.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use spotcheck_tests::support::visit::{Claims, World};
use spotcheck_tests::{root, skip};

const SEED: u64 = 20_261_115;
/// Half a year beside the half year before: stays reach over both edges.
const PERIOD: &str = "2026-05-16..2026-11-13";
const AGAINST: &str = "2025-11-16..2026-05-15";

/// A Python with DuckDB: that of the peers, else the one on the path.
fn python(test: &str) -> Option<PathBuf> {
    let peers = std::env::var_os("SPOTCHECK_PEERS")
        .map_or_else(|| root().join("tests/.peers"), PathBuf::from);
    let own = peers.join("venv/bin/python");
    let python = if own.is_file() { own } else { PathBuf::from("python3") };
    let tried = Command::new(&python).args(["-c", "import duckdb, tomllib"]).output();
    if tried.is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    skip(test, "no Python with duckdb");
    None
}

struct Second<'a> {
    python: &'a Path,
    city: &'a Path,
    facility: &'a str,
}

impl Second<'_> {
    /// What DuckDB says of both periods.
    fn opinion(&self, more: &[&str]) -> Value {
        self.asked(&[&["--period", PERIOD, "--against", AGAINST][..], more].concat())
    }

    /// What DuckDB says.
    fn asked(&self, more: &[&str]) -> Value {
        let output = Command::new(self.python)
            .arg(root().join("tests/python/indicators_duckdb.py"))
            .arg("--city")
            .arg(self.city)
            .arg("--pack")
            .arg(root().join("src/rules/packs/national/indicators.toml"))
            .args(["--facility", self.facility])
            .args(more)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

/// Compares a figure of ours with one of theirs; returns how many values were compared.
fn same(place: &str, ours: &Value, theirs: &Value, wrong: &mut Vec<String>) -> usize {
    let mut compared = 0;
    for member in ["value", "rows", "missing", "why", "growth"] {
        compared += 1;
        if ours[member] != theirs[member] {
            wrong.push(format!("{place}.{member}: {} and {}", ours[member], theirs[member]));
        }
    }
    if theirs["against"].is_object() || ours["against"].is_object() {
        for member in ["value", "rows", "missing"] {
            compared += 1;
            let (a, b) = (&ours["against"][member], &theirs["against"][member]);
            if a != b {
                wrong.push(format!("{place}.against.{member}: {a} and {b}"));
            }
        }
    }
    compared
}

/// rules.md: equal on handheld, console and report, and to SQL over the source.
#[test]
fn every_figure_is_what_duckdb_finds_in_the_source() {
    let test = "every_figure_is_what_duckdb_finds_in_the_source";
    let Some(python) = python(test) else { return };
    let folder = tempfile::tempdir().unwrap();
    let world = World::build(folder.path(), &Claims::DemoCity { seed: SEED }, &[], None).unwrap();
    let city = folder.path().join("source");
    let seed = SEED.to_string();
    let center = &world.center;
    center.ok(&["demo-data", "--out", &city.to_string_lossy(), "--seed", &seed]).unwrap();
    let second = Second { python: &python, city: &city, facility: &world.facility };
    let mut compared = 0;
    let mut figures = 0;
    let mut wrong = Vec::new();
    let asks: &[&[&str]] = &[
        &[],
        &["--by", "facility"],
        &["--by", "department"],
        &["--by", "ward"],
        &["--by", "disease"],
        &["--by", "person"],
        &["--by", "employer"],
        &["--by", "visit_type"],
        &["--by", "insurance"],
        &["--by", "item"],
        &["--only", "department=D05"],
        &["--only", "insurance=390", "--by", "visit_type"],
    ];
    let list = world.handheld.ok(&["indicators", "--list"]).unwrap();
    let open = |ask: &[&str]| {
        // What narrowed to a department would tell single items is another test's business.
        let guarded = |i: &Value| {
            let named = i["guarded"].as_array().unwrap();
            let ranked = named.iter().any(|d| d == "department");
            ranked && ask.iter().any(|a| a.contains("department") || a.contains("ward"))
        };
        let all = list["indicators"].as_array().unwrap().iter().filter(|i| !guarded(i));
        let fits = all.filter(|i| {
            let dimensions = i["dimensions"].as_array().unwrap();
            let used = ask.chunks(2).map(|pair| pair[1].split('=').next().unwrap());
            used.into_iter().all(|d| dimensions.iter().any(|own| own == d))
        });
        fits.map(|i| i["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>().join(",")
    };
    for ask in asks {
        let ids = open(ask);
        let mut ours = vec!["indicators", "--task", &world.task, "--period", PERIOD];
        ours.extend(["--against", AGAINST, "--limit", "0", "--id", &ids]);
        ours.extend(*ask);
        let ours = world.handheld.ok(&ours).unwrap();
        let mut theirs = vec!["--ids", &ids];
        theirs.extend(*ask);
        let theirs = second.opinion(&theirs);
        for line in ours["indicators"].as_array().unwrap() {
            let id = line["id"].as_str().unwrap();
            let place = format!("{} {id}", ask.join(" "));
            let other = &theirs[id];
            assert!(other.is_object(), "{place} is not in the second opinion");
            figures += 1;
            compared += same(&place, line, other, &mut wrong);
            let parts = line["parts"].as_array().unwrap();
            let none = serde_json::Map::new();
            let keys = other["parts"].as_object().unwrap_or(&none);
            if parts.len() != keys.len() {
                wrong.push(format!("{place}: {} and {} parts", parts.len(), keys.len()));
            }
            for part in parts {
                let key = part["key"].as_str().unwrap();
                compared += same(&format!("{place} [{key}]"), part, &keys[key], &mut wrong);
            }
            let pairs: Vec<Value> = line["list"].as_array().map_or_else(Vec::new, |list| {
                list.iter().map(|p| serde_json::json!([p["key"], p["value"]])).collect()
            });
            let others = other["list"].as_array().cloned().unwrap_or_default();
            compared += pairs.len();
            if pairs != others {
                wrong.push(format!("{place}: the rankings differ"));
            }
        }
    }
    let few: Vec<&String> = wrong.iter().take(20).collect();
    assert!(wrong.is_empty(), "{} of {compared} differ: {few:#?}", wrong.len());
    assert!(figures > 1_000 && compared > 20_000, "{figures} figures, {compared} values");
    eprintln!("{figures} figures, {compared} values equal to DuckDB's");
}

/// The line of months, and the rows to which a figure leads (issue: drill-down equal to SQL over the source).
#[test]
fn months_and_rows_are_what_duckdb_finds_in_the_source() {
    let test = "months_and_rows_are_what_duckdb_finds_in_the_source";
    let Some(python) = python(test) else { return };
    let folder = tempfile::tempdir().unwrap();
    let world = World::build(folder.path(), &Claims::DemoCity { seed: SEED }, &[], None).unwrap();
    let city = folder.path().join("source");
    let seed = SEED.to_string();
    world.center.ok(&["demo-data", "--out", &city.to_string_lossy(), "--seed", &seed]).unwrap();
    let second = Second { python: &python, city: &city, facility: &world.facility };
    let list = world.handheld.ok(&["indicators", "--list"]).unwrap();
    let id = |name: &str| {
        let all = list["indicators"].as_array().unwrap();
        let found = all.iter().find(|i| i["name"] == name).unwrap();
        found["id"].as_str().unwrap().to_owned()
    };
    let task = world.task.as_str();
    let names = ["医疗费总额", "药品费占比", "平均住院日", "实际占用床日", "就诊人数", "检查费"];
    let ids = names.map(id).join(",");
    let ours = ["indicators", "--task", task, "--period", PERIOD, "--against", AGAINST];
    let ours = world.handheld.ok(&[&ours[..], &["--id", &ids, "--months"][..]].concat()).unwrap();
    let (mut wrong, mut compared) = (Vec::new(), 0);
    let lines = ours["indicators"].as_array().unwrap();
    for which in ["months", "months_against"] {
        let spans = lines[0][which].as_array().unwrap();
        assert_eq!(spans.len(), 7, "{which}: {spans:?}");
        // The first one, which is cut off, and a whole one.
        for n in [0, 3] {
            let (from, to) = (spans[n]["from"].as_str().unwrap(), spans[n]["to"].as_str().unwrap());
            let theirs = second.asked(&["--period", &format!("{from}..{to}"), "--ids", &ids]);
            for line in lines {
                let id = line["id"].as_str().unwrap();
                let place = format!("{id} {which} {from}");
                compared += same(&place, &line[which][n], &theirs[id], &mut wrong);
            }
        }
    }
    for (name, by, key) in [
        ("医疗费总额", None, ""),
        ("出院人次", None, ""),
        ("检查费", None, ""),
        ("检查费", Some("department"), "D05"),
        ("平均住院日", Some("visit_type"), "21"),
    ] {
        let id = id(name);
        let mut ask = vec!["indicators", "--task", task, "--period", PERIOD, "--id", &id];
        let mut other = vec!["--period", PERIOD, "--ids", &id, "--rows", key];
        if let Some(by) = by {
            ask.extend(["--by", by]);
            other.extend(["--by", by]);
        }
        ask.push("--behind");
        if !key.is_empty() {
            ask.push(key);
        }
        let ours = world.handheld.ok(&ask).unwrap();
        let theirs = second.asked(&other);
        let behind = ours["behind"].as_array().unwrap();
        assert!(!behind.is_empty(), "{name} {by:?}");
        for term in behind {
            let all = theirs[term["term"].as_str().unwrap()].as_array().unwrap();
            let rows = term["rows"].as_array().unwrap();
            assert!(!rows.is_empty(), "{name} {by:?}");
            let place = format!("{name} {by:?} {}", term["term"]);
            if term["total"].as_u64() != u64::try_from(all.len()).ok() {
                wrong.push(format!("{place}: {} and {} rows", term["total"], all.len()));
            }
            for (row, other) in rows.iter().zip(all) {
                let keys = ["mdtrt_id", "setl_id", "bkkp_sn", "psn_no"].map(|k| row[k].clone());
                compared += 1;
                if Value::from(keys.to_vec()) != *other {
                    wrong.push(format!("{place}: {keys:?} and {other}"));
                }
            }
        }
    }
    let few: Vec<&String> = wrong.iter().take(20).collect();
    assert!(wrong.is_empty(), "{} of {compared} differ: {few:#?}", wrong.len());
    assert!(compared > 500, "{compared}");
}

/// rules.md, against 统方: drugs by doctor or department never leave through the command line.
#[test]
fn drugs_by_doctor_or_department_are_not_exported() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::build(folder.path(), &Claims::DemoCity { seed: 7 }, &[], None).unwrap();
    let h = &world.handheld;
    let list = h.ok(&["indicators", "--list"]).unwrap();
    let id = |name: &str| {
        let all = list["indicators"].as_array().unwrap();
        let found = all.iter().find(|i| i["name"] == name).unwrap();
        found["id"].as_str().unwrap().to_owned()
    };
    let task = world.task.as_str();
    let (drug, top) = (id("药品费"), id("金额前 20 位的药品"));
    for (figure, more) in [
        (&drug, vec!["--by", "doctor"]),
        (&drug, vec!["--by", "item", "--only", "department=D01"]),
        (&drug, vec!["--by", "department", "--behind", "D01"]),
        (&top, vec!["--by", "department"]),
    ] {
        let mut ask = vec!["indicators", "--task", task, "--id", figure];
        ask.extend(more);
        h.refused(&ask, 3, "INDICATORS-GUARDED").unwrap();
        // A reason opens the screen, never the export.
        ask.extend(["--reason", "核对现场发现的重复收费"]);
        h.refused(&ask, 3, "INDICATORS-GUARDED").unwrap();
    }
    // The same figures of the whole house are open, with their rows.
    let open = h.ok(&["indicators", "--task", task, "--id", &drug, "--by", "item"]).unwrap();
    assert_eq!(open["guarded"], false);
    let rows = h.ok(&["indicators", "--task", task, "--id", &drug, "--behind"]).unwrap();
    assert_eq!(rows["behind"][0]["total"], rows["indicators"][0]["rows"]);
    // What cannot be answered is said with a code.
    h.refused(&["indicators", "--task", task, "--id", "I999"], 3, "INDICATORS-ASK").unwrap();
    let odd = ["indicators", "--task", task, "--period", "2026-06-01..2026-01-01"];
    h.refused(&odd, 3, "INDICATORS-PERIOD").unwrap();
    // A topic with two periods, and the words people read.
    let topic = h.ok(&["indicators", "--task", task, "--topic", "T01"]).unwrap();
    assert_eq!(topic["schema"], "spotcheck-indicators/1");
    assert_eq!(topic["indicators"].as_array().unwrap().len(), 14);
    for word in ["违规", "违法", "骗保"] {
        assert!(!topic.to_string().contains(word));
    }
}
