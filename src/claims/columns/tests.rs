//! The columns of a package and of partitions are the rows that were imported.

use std::collections::BTreeMap;

use spotcheck_domain::columns::{Batch, ColumnSource, Want, code, number, text, time};

use super::{PackageColumns, PartitionColumns};
use crate::demo::DEMO_HOSPITAL;
use crate::story::{Centre, city};

const WANTS: &[Want] = &[
    code("mdtrt_id"),
    text("bkkp_sn"),
    time("fee_ocur_time"),
    code("med_list_codg"),
    number("det_item_fee_sumamt"),
];

/// All lines with texts for codes, sorted.
fn lines(source: &dyn ColumnSource) -> Vec<(String, String, String, String, Option<i64>)> {
    let mut raw = Vec::new();
    let mut each = |batch: &Batch| {
        for row in 0..batch.len() {
            raw.push((
                [batch.code(0, row), batch.code(3, row)],
                batch.text(1, row).unwrap_or_default().to_owned(),
                batch.time(2, row).map(|t| t.display()).unwrap_or_default(),
                batch.number(4, row),
                batch.rows[row],
            ));
        }
        Ok(())
    };
    source.scan("fee_list_d", WANTS, &mut each).expect("scan");
    let rows: Vec<u64> = raw.iter().map(|r| r.4).collect();
    let serials = source.cell_texts("fee_list_d", "bkkp_sn", &rows).expect("texts");
    for (r, serial) in raw.iter().zip(serials) {
        assert_eq!(serial.as_deref(), Some(r.1.as_str()), "the row number finds its row again");
    }
    let mut memo: BTreeMap<u32, String> = BTreeMap::new();
    let mut text = |code: u32| -> String {
        memo.entry(code).or_insert_with(|| source.texts(&[code]).expect("text").remove(0)).clone()
    };
    let mut lines: Vec<_> =
        raw.into_iter().map(|r| (text(r.0[0]), r.1, r.2, text(r.0[1]), r.3)).collect();
    lines.sort();
    lines
}

#[test]
fn package_and_partitions_give_the_same_columns() {
    let (dir, _) = city();
    let centre = Centre::new();
    centre.import(dir.path());
    let package = centre.package(DEMO_HOSPITAL, None);
    let reader = package.open();
    let handheld = PackageColumns::new(&reader);
    let central =
        PartitionColumns::open(&centre.store, DEMO_HOSPITAL, &centre.master).expect("open");
    let (a, b) = (lines(&handheld), lines(&central));
    assert!(!a.is_empty());
    assert_eq!(u64::try_from(a.len()).expect("count"), handheld.rows("fee_list_d").expect("rows"));
    assert_eq!(a, b);
    let some = &a[0].3;
    let known = handheld.code(some).expect("code").expect("known");
    assert_eq!(handheld.texts(&[known]).expect("text"), std::slice::from_ref(some));
    assert_eq!(handheld.code("没有这个编码").expect("code"), None);
    assert_eq!(
        handheld.cutoff("fee_list_d").expect("cutoff").map(|c| c.at),
        central.cutoff("fee_list_d").expect("cutoff").map(|c| c.at)
    );
}

#[test]
fn what_the_contract_does_not_know_is_refused() {
    let (dir, _) = city();
    let centre = Centre::new();
    centre.import(dir.path());
    let package = centre.package(DEMO_HOSPITAL, None);
    let reader = package.open();
    let source = PackageColumns::new(&reader);
    let refused = |entity: &str, want: Want| {
        source.scan(entity, &[want], &mut |_| Ok(())).expect_err("refused").code
    };
    assert_eq!(refused("fee_list_d", code("no_such_column")), "COLUMNS-UNKNOWN");
    assert_eq!(refused("fee_list_d", code("bkkp_sn")), "COLUMNS-UNKNOWN");
    assert_eq!(refused("no_such_table", code("mdtrt_id")), "COLUMNS-UNKNOWN");
}
