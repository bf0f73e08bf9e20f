//! F13 by thumb on the real window: an export that nobody here has written against the upload, counted in taps.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use spotcheck_claims::{TruthOptions, truth_data};
use spotcheck_tests::support::visit::{Claims, World};
use spotcheck_tests::{root, skip};

use super::{Thumb, unlock};

/// Rows of the export; a longer run asks for the 200,000 of the issue.
fn rows() -> u64 {
    let asked = std::env::var("SPOTCHECK_EXPORT_ROWS").ok().and_then(|n| n.parse().ok());
    asked.unwrap_or(10_000)
}

/// One JSON object on standard output.
fn told(script: &str, arguments: &[&str]) -> Value {
    let mut command = Command::new("python3");
    command.arg(root().join("tests/python").join(script)).args(arguments);
    let out = command.output().unwrap();
    assert!(out.status.success(), "{script}: {}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).unwrap()
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Issue 4: an unknown XLSX of 28 columns is compared with the upload in at most 25 taps without typing, from the
/// locked screen to the list of what differs: the 14 planted differences and none more; what is younger than the
/// cut-off is 未上传.
#[test]
fn a_strange_export_is_compared_in_25_taps_and_tells_what_was_planted() {
    let known = Command::new("python3").args(["-c", "import duckdb, openpyxl"]).output();
    if !known.is_ok_and(|o| o.status.success()) {
        skip("a strange export by thumb", "duckdb or openpyxl is not installed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let city = folder.path().join("city");
    truth_data(&city, &TruthOptions { lines: rows() * 3, ..TruthOptions::default() }).unwrap();
    let stick = folder.path().join("media/stick");
    std::fs::create_dir_all(&stick).unwrap();
    let device = format!("\n[sticks]\nbelow = [{:?}]\n", text(&folder.path().join("media")));
    let claims = Claims::Folder { from: city.clone() };
    let world = World::build_on(folder.path(), &claims, &device).unwrap();
    let tasks = world.handheld.ok(&["tasks"]).unwrap();
    let facility = tasks["items"][0]["task"]["facility"]["fixmedins_name"].as_str().unwrap();
    let cutoff = tasks["items"][0]["package"]["cutoff"].as_str().unwrap();
    let tables = text(&folder.path().join("city.duckdb"));
    told("rules_bench.py", &["load", &text(&city), &world.facility, &tables]);
    let day = cutoff.get(..10).unwrap();
    let export = text(&stick.join("明细.xlsx"));
    let planted = told("his_export.py", &[&tables, day, &rows().to_string(), &export]);

    let (face, _lock) = unlock(&world);
    let thumb = Thumb { face: &face, taps: Cell::new(3) };
    thumb.tap(facility, "");
    thumb.tap("开始检查", "");
    thumb.tap("取证", "");
    thumb.tap("数据比对", "");
    thumb.tap("明细.xlsx", "");
    thumb.tap("表头对，去对列", "");
    if face.shows("有把握的都对") {
        thumb.tap("有把握的都对", "");
    }
    // What the program is not sure of is picked by hand: the first that it proposes.
    for _ in 0..10 {
        let controls = face.controls();
        let Some(open) = controls.iter().find(|c| c.label.contains("把握 ")) else { break };
        thumb.tap(&open.label, "");
        let best = face.controls().into_iter().find(|c| c.label.contains('%')).unwrap();
        thumb.tap(&best.label, "");
    }
    thumb.tap("开始比对", "");
    let taps = thumb.taps.get();
    assert!(taps <= 25, "{taps} taps");
    assert!(face.shows("不一致 14 条"), "{planted} {:?}", face.texts());
    let young = planted["young"].as_u64().unwrap();
    assert!(face.shows(&format!("晚于上传截止而未上传 {young} 行")), "{:?}", face.texts());
    // The kinds with their numbers, as they were planted; reading on is no tap.
    let mut told = BTreeMap::new();
    for _ in 0..6 {
        for row in face.texts().windows(3).filter(|row| row[1].starts_with("差额")) {
            told.insert(row[0].clone(), row[2].clone());
        }
        face.scroll(-250.0).unwrap();
    }
    let kinds = [
        ("uploaded_only", "已上传，HIS 中没有"),
        ("his_only", "HIS中有，未上传"),
        ("quantity", "数量不一致"),
        ("price", "单价不一致"),
        ("date", "费用日期不一致"),
        ("item", "项目不一致"),
        ("refund", "HIS已退费，未上传退费"),
    ];
    let meant: BTreeMap<String, String> = kinds
        .into_iter()
        .map(|(class, zh)| (zh.to_owned(), format!("{} 条", planted["planted"][class])))
        .collect();
    assert_eq!(told, meant);
    eprintln!("{} rows: {taps} taps", planted["rows"]);
}
