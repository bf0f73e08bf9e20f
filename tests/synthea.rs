//! Claims that others made, through the program: the Synthea export comes in whole, to the cent and once.
//!
//! What is imported is compared with the source files read by Python's csv and decimal modules, not by us.
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
use spotcheck_tests::support::programs::CenterCli;
use spotcheck_tests::{has_program, root, shared};

/// Counts and the exact sum of the charge lines, by Python.
const SUMS: &str = r#"
import csv, decimal, json, sys
rows = lambda name: list(csv.DictReader(open(f"{sys.argv[1]}/{name}.csv", newline="", encoding="utf-8")))
charges = [r for r in rows("claims_transactions") if r["TYPE"] == "CHARGE"]
total = sum((decimal.Decimal(r["AMOUNT"]) for r in charges), decimal.Decimal(0))
print(json.dumps({"psn": len(rows("patients")), "mdtrt_d": len(rows("encounters")),
  "setl_d": len(rows("claims")), "fee_list_d": len(charges), "total": str(total.quantize(decimal.Decimal("0.01")))}))
"#;

fn source(folder: &Path) -> Value {
    let ran = Command::new("python3").args(["-c", SUMS]).arg(folder).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    serde_json::from_slice(&ran.stdout).unwrap()
}

fn import(center: &CenterCli, from: &Path) -> Value {
    let mapping = root().join("tests/fixtures/mappings/synthea.toml");
    let (from, mapping) = (from.to_string_lossy(), mapping.to_string_lossy());
    center.ok(&["import", "--from", &from, "--mapping", &mapping]).unwrap()
}

fn centre(folder: &Path, name: &str) -> CenterCli {
    CenterCli { data: folder.join(name), environment: Vec::new() }
}

/// The same decimal, however many zeros it ends with.
fn cents(text: &Value) -> String {
    let text = text.as_str().unwrap();
    let (whole, places) = text.split_once('.').unwrap_or((text, ""));
    assert!(places.chars().skip(2).all(|c| c == '0'), "less than a cent: {text}");
    format!("{whole}.{:0<2}", places.chars().take(2).collect::<String>())
}

#[test]
fn the_synthea_export_comes_in_whole_to_the_cent_and_once() {
    let test = "the_synthea_export_comes_in_whole_to_the_cent_and_once";
    let Some(shared) = shared(test) else { return };
    if !has_program(test, "python3") {
        return;
    }
    let from = shared.join("data/synthea");
    let folder = tempfile::tempdir().unwrap();
    let center = centre(folder.path(), "center");
    let report = import(&center, &from);
    let source = source(&from);
    for (entity, rows) in [("psn", 27), ("mdtrt_d", 604), ("setl_d", 1267), ("fee_list_d", 1545)] {
        let said = &report["entities"][entity];
        assert_eq!(said["imported"], rows, "{entity}: {said}");
        assert_eq!(source[entity], rows, "{entity} in the source");
        assert_eq!(said["rejected"], 0, "{entity}: {said}");
    }
    let sums = &report["entities"]["fee_list_d"]["sums"];
    assert_eq!(cents(&sums["det_item_fee_sumamt"]), source["total"].as_str().unwrap(), "{sums}");
    // Every charge belongs to a settlement: the totals of both are one sum.
    let settled = &report["entities"]["setl_d"]["sums"]["medfee_sumamt"];
    assert_eq!(cents(settled), source["total"].as_str().unwrap());

    let facilities = center.ok(&["facilities", "list"]).unwrap();
    let again = import(&center, &from);
    for (entity, said) in again["entities"].as_object().unwrap() {
        assert_eq!(said["imported"], 0, "{entity}: {said}");
        assert_eq!(said["unchanged"], report["entities"][entity]["imported"], "{entity}");
    }
    assert_eq!(facilities, center.ok(&["facilities", "list"]).unwrap());
}

/// Breaks one cell of a row; gives the file's name and the line, 1 for the header.
fn break_cell(folder: &Path, file: &str, row: usize, column: &str, with: &str) {
    const BREAK: &str = r#"
import csv, sys
path, row, column, text = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
rows = list(csv.reader(open(path, newline="", encoding="utf-8-sig")))
rows[row][[c.upper() for c in rows[0]].index(column)] = text
csv.writer(open(path, "w", newline="", encoding="utf-8")).writerows(rows)
"#;
    let ran = Command::new("python3")
        .args(["-c", BREAK])
        .arg(folder.join(file))
        .args([&row.to_string(), column, with])
        .status()
        .unwrap();
    assert!(ran.success());
}

/// The row of the n-th charge.
fn charge_row(folder: &Path, nth: usize) -> usize {
    const FIND: &str = r#"
import csv, sys
rows = list(csv.DictReader(open(sys.argv[1], newline="", encoding="utf-8")))
print([i for i, r in enumerate(rows, 1) if r["TYPE"] == "CHARGE"][int(sys.argv[2])])
"#;
    let file = folder.join("claims_transactions.csv");
    let ran =
        Command::new("python3").args(["-c", FIND]).arg(file).arg(nth.to_string()).output().unwrap();
    String::from_utf8(ran.stdout).unwrap().trim().parse().unwrap()
}

#[test]
fn three_broken_rows_reject_exactly_those_three() {
    let test = "three_broken_rows_reject_exactly_those_three";
    let Some(shared) = shared(test) else { return };
    if !has_program(test, "python3") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let broken: PathBuf = folder.path().join("broken");
    let copied =
        Command::new("cp").arg("-r").arg(shared.join("data/synthea")).arg(&broken).status();
    assert!(copied.unwrap().success());
    // Nobody's row, a price that is none, a count that is none.
    break_cell(&broken, "patients.csv", 3, "ID", "");
    let price = charge_row(&broken, 99);
    break_cell(&broken, "claims_transactions.csv", price, "UNITAMOUNT", "12,5x");
    let count = charge_row(&broken, 500);
    break_cell(&broken, "claims_transactions.csv", count, "UNITS", "many");
    let report = import(&centre(folder.path(), "center"), &broken);
    for (entity, imported, rejected) in
        [("psn", 26, 1), ("mdtrt_d", 604, 0), ("setl_d", 1267, 0), ("fee_list_d", 1543, 2)]
    {
        let said = &report["entities"][entity];
        let found = (said["imported"].as_u64().unwrap(), said["rejected"].as_u64().unwrap());
        assert_eq!(found, (imported, rejected), "{entity}: {said}");
    }
}

/// The same for a folder in the contract's own form: a day that is none, seven decimals, a key that is empty.
#[test]
fn three_broken_rows_of_the_contracts_own_form_reject_exactly_those_three() {
    if !has_program("broken rows of the contract's own form", "python3") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let city = folder.path().join("city");
    let from = city.to_string_lossy().into_owned();
    let (clean, dirty) = (centre(folder.path(), "clean"), centre(folder.path(), "dirty"));
    clean.ok(&["demo-data", "--out", &from, "--seed", "9"]).unwrap();
    let mut whole = clean.ok(&["import", "--from", &from]).unwrap();
    break_cell(&city, "psn.csv", 3, "BRDY", "1970-02-31");
    break_cell(&city, "setl_d.csv", 7, "MEDFEE_SUMAMT", "1.2345678");
    break_cell(&city, "fee_list_d.csv", 100, "BKKP_SN", "");
    let mut broken = dirty.ok(&["import", "--from", &from]).unwrap();
    for entity in ["psn", "setl_d", "fee_list_d"] {
        let (whole, broken) = (&mut whole["entities"][entity], &mut broken["entities"][entity]);
        let imported = whole["imported"].as_u64().unwrap();
        assert_eq!((&broken["imported"], &broken["rejected"]), (&(imported - 1).into(), &1.into()));
        assert_eq!(whole["rejected"], 0);
        (*whole, *broken) = (Value::Null, Value::Null);
    }
    assert_eq!(whole["entities"], broken["entities"], "nothing else is touched");
    // The rows that were refused are readable for nobody who looks at the disk.
    let rejects = std::fs::read_dir(dirty.data.join("imports")).unwrap().flatten();
    for file in rejects.flat_map(|e| std::fs::read_dir(e.path().join("rejects")).unwrap().flatten())
    {
        let bytes = std::fs::read(file.path()).unwrap();
        assert!(!bytes.windows(10).any(|w| w == b"1970-02-31"), "{:?}", file.path());
    }
}
