//! Data that nobody here wrote: Synthea's CSV through the shipped mapping (issue 2).

use std::path::{Path, PathBuf};

use spotcheck_domain::claims::{ClaimsReader as _, Page};

use super::{Centre, python, shared};

fn mapping() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/mappings/synthea.toml")
}

/// The sum by a program that shares nothing with ours.
const SUM: &str = r#"
import csv, sys
from decimal import Decimal
rows = csv.DictReader(open(sys.argv[1] + "/claims_transactions.csv", encoding="utf-8"))
print(sum(Decimal(r["AMOUNT"]) for r in rows if r["TYPE"] == "CHARGE"))
"#;

#[test]
fn synthea_is_imported_to_the_cent_and_twice_changes_nothing() {
    let test = "synthea_is_imported_to_the_cent_and_twice_changes_nothing";
    let Some(shared) = shared(test) else { return };
    let from = shared.join("data/synthea");
    let centre = Centre::new();
    let import = || centre.try_import(&from, Some(&mapping()), |_| (), None).expect("import");
    let (report, rejects) = import();
    assert!(rejects.is_empty(), "{rejects:?}");
    let imported = |entity: &str| report.entities[entity].imported;
    assert_eq!(imported("psn"), 27);
    assert_eq!(imported("mdtrt_d"), 604);
    assert_eq!(imported("setl_d"), 1267);
    assert_eq!(imported("fee_list_d"), 1545);
    assert_eq!(imported("dept"), 94);
    assert_eq!(imported("diag"), 438);
    assert_eq!(report.entities["setl_d"].sums["medfee_sumamt"], "1092402.73");
    assert_eq!(report.entities["fee_list_d"].sums["det_item_fee_sumamt"], "1092402.73");
    if let Some(sum) = python(test, &["csv"], SUM, &[from.to_str().expect("path")]) {
        assert_eq!(report.entities["setl_d"].sums["medfee_sumamt"], sum);
    }
    assert_eq!(report.sources["claims_transactions.csv"].read, 5228);
    let (again, _) = import();
    for (name, entity) in &again.entities {
        assert_eq!((entity.imported, entity.unchanged), (0, entity.read), "{name}");
    }
    assert_eq!(again.partitions.written, 0);

    // One of its facilities as a package, and a patient found in it.
    use crate::partition::PartitionStore as _;
    let all = centre.store.list(None).expect("list");
    let lines = |code: &str| -> u64 {
        let own = all.iter().filter(|p| p.key.facility == code);
        own.filter_map(|p| p.tables.get("fee_list_d")).map(|t| t.rows).sum()
    };
    let busiest = all.iter().map(|p| p.key.facility.as_str()).max_by_key(|f| lines(f)).unwrap();
    let package = centre.package(busiest, None);
    let reader = package.open();
    let facility = reader.facility().expect("facility");
    assert_eq!(facility.fee_lines, lines(busiest));
    let everybody = reader.search_persons("", Page::first(100)).expect("search");
    let person = &everybody[0];
    let part: String = person.psn_name.chars().take(5).collect();
    let found = reader.search_persons(&part, Page::first(100)).expect("search");
    assert!(found.iter().any(|p| p.psn_no == person.psn_no));
}

#[test]
fn broken_rows_of_a_mapped_export_are_rejected_alone() {
    let test = "broken_rows_of_a_mapped_export_are_rejected_alone";
    let Some(shared) = shared(test) else { return };
    let dir = tempfile::tempdir().expect("dir");
    for entry in std::fs::read_dir(shared.join("data/synthea")).expect("folder") {
        let path = entry.expect("entry").path();
        let bytes = std::fs::read(&path).expect("file");
        std::fs::write(dir.path().join(path.file_name().expect("name")), bytes).expect("copy");
    }
    let path = dir.path().join("claims_transactions.csv");
    let text = std::fs::read_to_string(&path).expect("text");
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let charges: Vec<usize> = (1..lines.len()).filter(|n| lines[*n].contains(",CHARGE,")).collect();
    // An amount that is no number, a row cut short, a patient's quotation mark.
    lines[charges[0]] = lines[charges[0]].replacen(",CHARGE,", ",CHARGE,x", 1);
    lines[charges[5]].truncate(60);
    lines[charges[9]] = lines[charges[9]].replacen(",CHARGE,", ",\"CHARGE,", 1);
    std::fs::write(&path, lines.join("\n")).expect("write");
    let centre = Centre::new();
    let error = centre.try_import(dir.path(), Some(&mapping()), |_| (), None).expect_err("dsum");
    assert!(
        error.to_string().contains("entity.setl_d"),
        "an aggregate cannot leave a row out: {error}"
    );
    lines[charges[0]] = lines[charges[0]].replacen(",CHARGE,x", ",CHARGE,", 1);
    std::fs::write(&path, lines.join("\n")).expect("write");
    let (report, rejects) =
        centre.try_import(dir.path(), Some(&mapping()), |_| (), None).expect("import");
    let found: Vec<usize> =
        rejects.iter().map(|r| usize::try_from(r.line).expect("line") - 1).collect();
    assert_eq!(found, vec![charges[5], charges[9]]);
    assert_eq!(report.entities["fee_list_d"].imported, 1543);
    assert_eq!(report.sources["claims_transactions.csv"].rejected, 2);
    assert_eq!(report.rejected(), 2);
}
