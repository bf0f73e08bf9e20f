//! On site, by the programs themselves: what is in force for a fee line, and a fresh export against the upload.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    clippy::panic,
    reason = "tests may panic"
)]

use std::collections::BTreeMap;
use std::path::Path;

use spotcheck_tests::support::visit::{Claims, World};

type Row = BTreeMap<String, String>;

fn rows(folder: &Path, table: &str) -> Vec<Row> {
    let mut reader = csv::Reader::from_path(folder.join(format!("{table}.csv"))).unwrap();
    reader.deserialize().map(|row| row.unwrap()).collect()
}

/// The hospital's own columns, in its own order and words.
const HEADER: [&str; 9] =
    ["序号", "住院号码", "记账时间", "项目代码", "收费项目", "数量", "单价", "金额", "科室"];

fn own_row(n: usize, line: &Row) -> Vec<String> {
    let of = |name: &str| line[name].clone();
    vec![
        n.to_string(),
        of("mdtrt_id"),
        of("fee_ocur_time").replace('-', "/"),
        of("med_list_codg"),
        of("medins_list_name"),
        of("cnt"),
        of("pric"),
        of("det_item_fee_sumamt"),
        of("bilg_dept_name"),
    ]
}

#[test]
fn f13_an_export_shows_what_was_changed_in_it_and_a_line_shows_its_basis() {
    let folder = tempfile::tempdir().unwrap();
    let seed = 77;
    let world = World::build(folder.path(), &Claims::DemoCity { seed }, &[], None).unwrap();
    let source = folder.path().join("truth");
    let out = source.to_string_lossy().into_owned();
    let made = ["demo-data", "--out", &out, "--seed", &seed.to_string()];
    world.center.ok(&made).unwrap();
    let tasks = world.handheld.ok(&["tasks"]).unwrap();
    let facility = tasks["items"][0]["task"]["facility"]["fixmedins_code"].as_str().unwrap();

    // Ended stays of the hospital, as its own system would print them.
    let ended: Vec<String> = rows(&source, "mdtrt_d")
        .into_iter()
        .filter(|v| v["fixmedins_code"] == facility && v["med_type"].starts_with('2'))
        .filter(|v| !v["endtime"].is_empty())
        .map(|v| v["mdtrt_id"].clone())
        .take(12)
        .collect();
    let lines: Vec<Row> = rows(&source, "fee_list_d")
        .into_iter()
        .filter(|l| ended.contains(&l["mdtrt_id"]) && l["init_feedetl_sn"].is_empty())
        .filter(|l| !l["cnt"].starts_with('-'))
        .collect();
    assert!(lines.len() > 100, "{} lines", lines.len());
    let write = |name: &str, rows: &[Vec<String>]| {
        let path = folder.path().join(name);
        let mut writer = csv::Writer::from_path(&path).unwrap();
        writer.write_record(HEADER).unwrap();
        for row in rows {
            writer.write_record(row).unwrap();
        }
        writer.flush().unwrap();
        path.to_string_lossy().into_owned()
    };
    let mut own: Vec<Vec<String>> = lines.iter().enumerate().map(|(n, l)| own_row(n, l)).collect();
    let differences = |file: &str| {
        let found = world.handheld.ok(&["compare", "--task", &world.task, "--file", file]).unwrap();
        let all = found["compared"]["differences"].as_array().unwrap().clone();
        (all, found)
    };
    let (same, whole) = differences(&write("same.csv", &own));
    let refunds = whole["compared"]["counts"]["netted"].as_u64().unwrap();
    // What the upload took back again is not in this export; it may be told, as nothing else may.
    assert!(same.len() <= 4, "{} differences, {refunds} netted: {whole}", same.len());

    // The hospital's system says less than was uploaded: half the quantity of one line, and one line not at all.
    let halved = own.iter().position(|r| r[5].parse::<f64>().is_ok_and(|n| n >= 2.0)).unwrap();
    let (cnt, amount): (f64, f64) =
        (own[halved][5].parse().unwrap(), own[halved][7].parse().unwrap());
    own[halved][5] = format!("{}", cnt - 1.0);
    own[halved][7] = format!("{:.2}", amount * (cnt - 1.0) / cnt);
    let gone = own.iter().position(|r| r[1] != own[halved][1]).unwrap();
    own.remove(gone);
    let (changed, whole) = differences(&write("changed.csv", &own));
    assert_eq!(changed.len(), same.len() + 2, "{whole}");
    assert_eq!(whole["pairing"]["mdtrt_id"], "住院号码");
    assert_eq!(whole["pairing"]["det_item_fee_sumamt"], "金额");

    // What was in force: by words, and for a line with its limit and articles.
    let found = world.handheld.ok(&["lookup", "床位费", "--task", &world.task]).unwrap();
    let text = found.to_string();
    assert!(text.contains("第四条") && text.contains("示医保〔2024〕12号"), "{text}");
    let bed = lines.iter().find(|l| l["medins_list_name"].contains("床位")).unwrap();
    let line = world
        .handheld
        .ok(&[
            "lookup",
            "--line",
            &bed["bkkp_sn"],
            "--visit",
            &bed["mdtrt_id"],
            "--task",
            &world.task,
        ])
        .unwrap();
    assert_eq!(line["on"], bed["fee_ocur_time"][..10]);
    assert!(!line["limits"].as_array().unwrap().is_empty(), "{line}");

    // An officer's own paper is found beside the centre's, and says so.
    let paper = folder.path().join("notice.txt");
    std::fs::write(
        &paper,
        "示例县床位费补充通知\n示县医保〔2025〕3号\n第一条 临时加床按半价计收床位费。\n第二条 自2025年1月1日起施行。\n",
    )
    .unwrap();
    world.handheld.ok(&["policy", "import", &paper.to_string_lossy()]).unwrap();
    let found = world.handheld.ok(&["lookup", "临时加床", "--task", &world.task]).unwrap();
    let text = found.to_string();
    assert!(text.contains("示县医保〔2025〕3号") && text.contains("\"added\":true"), "{text}");
}
