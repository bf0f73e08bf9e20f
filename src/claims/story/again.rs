//! Importing again: nothing changes, or exactly what was corrected (claims.md §1, sync.md §Centre).

use super::{Centre, centre_with_city, city, export};
use crate::partition::{PartitionKey, PartitionReader, PartitionStore as _};
use crate::schema::entity;
use crate::value::Value;

fn lines(centre: &Centre, month: &str) -> Vec<(String, String, i64, i64)> {
    let key = PartitionKey::new("H01", month);
    let Some(partition) = centre.store.current(&key).expect("store") else { return Vec::new() };
    let reader = PartitionReader::open(&centre.store, &partition, &centre.master).expect("open");
    let fee = entity("fee_list_d").expect("entity");
    let mut rows = Vec::new();
    reader
        .each(fee, |row, dup_no| {
            let text = |c: &str| row[fee.position(c).unwrap()].text().unwrap_or("").to_owned();
            let Value::Int(amount) = row[fee.position("det_item_fee_sumamt").unwrap()] else {
                panic!("amount")
            };
            rows.push((text("mdtrt_id"), text("bkkp_sn"), amount, dup_no));
            Ok(())
        })
        .expect("rows");
    rows
}

#[test]
fn importing_the_same_directory_twice_changes_nothing() {
    let (centre, made) = centre_with_city();
    let (dir, _) = city();
    let before = centre.store.list(None).expect("list");
    let (report, rejects) = centre.import(dir.path());
    assert!(rejects.is_empty());
    for (name, rows) in &made.rows {
        let entity = &report.entities[name];
        assert_eq!((entity.read, entity.unchanged), (*rows, *rows), "{name}");
        assert_eq!((entity.imported, entity.rejected), (0, 0), "{name}");
    }
    assert_eq!(report.partitions.written, 0);
    assert_eq!(centre.store.list(None).expect("list"), before);
}

#[test]
fn equal_rows_in_another_order_are_equal_content() {
    let centre = Centre::new();
    centre.import(export(&[]).path());
    let before = centre.store.list(None).expect("list");
    let turned = "fee_ocur_time,det_item_fee_sumamt,cnt,pric,bkkp_sn,mdtrt_id,setl_id,psn_no,fixmedins_code\n\
         2026-02-05 08:30:00,9.90,1,9.9,1,V2,,P2,H01\n\
         2026-01-07 09:00:00,50.00,1,50.0,2,V1,S1,P1,H01\n\
         2026-01-06 09:00:00,50.1,2.0,25.05,1,V1,S1,P1,H01\n";
    let (report, _) = centre.import(export(&[("fee_list_d.csv", turned.as_bytes())]).path());
    assert_eq!(report.entities["fee_list_d"].unchanged, 3);
    assert_eq!(centre.store.list(None).expect("list"), before);
}

#[test]
fn a_corrected_row_replaces_the_old_one_and_the_rest_stays() {
    let centre = Centre::new();
    centre.import(export(&[]).path());
    let january = centre.store.current(&PartitionKey::new("H01", "2026-01")).unwrap().unwrap();
    let february = centre.store.current(&PartitionKey::new("H01", "2026-02")).unwrap().unwrap();
    let corrected = "bkkp_sn,mdtrt_id,setl_id,psn_no,fixmedins_code,fee_ocur_time,cnt,pric,det_item_fee_sumamt\n\
         2,V1,S1,P1,H01,2026-01-07 09:00:00,2,50,100\n";
    let (report, _) = centre.import(export(&[("fee_list_d.csv", corrected.as_bytes())]).path());
    let fee = &report.entities["fee_list_d"];
    assert_eq!((fee.read, fee.imported, fee.unchanged), (1, 1, 0));
    assert_eq!(
        lines(&centre, "2026-01"),
        vec![("V1".into(), "1".into(), 50_100_000, 0), ("V1".into(), "2".into(), 100_000_000, 0)]
    );
    let now = centre.store.current(&PartitionKey::new("H01", "2026-01")).unwrap().unwrap();
    assert_ne!(now.name, january.name);
    assert_eq!(now.tables["fee_list_d"].sums["det_item_fee_sumamt"].to_cents(), "150.10");
    let same = centre.store.current(&PartitionKey::new("H01", "2026-02")).unwrap().unwrap();
    assert_eq!(same, february);
    // Correcting it back gives the old content, and so the old name.
    centre.import(export(&[]).path());
    let back = centre.store.current(&PartitionKey::new("H01", "2026-01")).unwrap().unwrap();
    assert_eq!(back.name, january.name);
}

#[test]
fn a_line_whose_time_was_corrected_moves_to_the_other_month() {
    let centre = Centre::new();
    centre.import(export(&[]).path());
    let moved = "bkkp_sn,mdtrt_id,setl_id,psn_no,fixmedins_code,fee_ocur_time,cnt,pric,det_item_fee_sumamt\n\
         2,V1,S1,P1,H01,2026-03-07 09:00:00,1,50,50\n";
    let moved = export(&[("fee_list_d.csv", moved.as_bytes())]);
    let (report, _) = centre.import(moved.path());
    assert_eq!(report.entities["fee_list_d"].imported, 1);
    assert_eq!(lines(&centre, "2026-01"), vec![("V1".into(), "1".into(), 50_100_000, 0)]);
    assert_eq!(lines(&centre, "2026-03"), vec![("V1".into(), "2".into(), 50_000_000, 0)]);
    let (again, _) = centre.import(moved.path());
    assert_eq!(again.partitions.written, 0);
}

#[test]
fn rows_with_one_key_are_all_kept_and_numbered() {
    let centre = Centre::new();
    let double = "bkkp_sn,mdtrt_id,fee_ocur_time,cnt,det_item_fee_sumamt\n\
         1,V1,2026-01-06,1,50\n1,V1,2026-01-06,1,50\n1,V1,2026-01-06,-1,-50\n";
    let dir = export(&[("fee_list_d.csv", double.as_bytes())]);
    let (report, rejects) = centre.import(dir.path());
    assert!(rejects.is_empty());
    let fee = &report.entities["fee_list_d"];
    assert_eq!((fee.imported, fee.duplicates), (3, 2));
    assert_eq!(fee.sums["det_item_fee_sumamt"], "50.00");
    let numbers: Vec<i64> = lines(&centre, "2026-01").iter().map(|l| l.3).collect();
    assert_eq!(numbers, vec![0, 1, 2]);
    let (again, _) = centre.import(dir.path());
    assert_eq!(again.entities["fee_list_d"].unchanged, 3);
    assert_eq!(again.partitions.written, 0);
}

#[test]
fn check_writes_nothing_but_the_report() {
    let centre = Centre::new();
    let dir = export(&[]);
    let (report, _) = centre.try_import(dir.path(), None, |r| r.check = true, None).expect("check");
    assert!(report.check);
    assert_eq!(report.entities["fee_list_d"].imported, 3);
    assert!(centre.store.list(None).expect("list").is_empty());
    let left = std::fs::read_dir(centre.work()).expect("work").count();
    assert_eq!(left, 0, "the work folder is empty again");
    let files = std::fs::read_dir(centre.dir.path().join("partitions")).expect("dir").count();
    assert_eq!(files, 0);
}

#[test]
fn records_that_come_later_find_the_facility_of_their_visit() {
    let centre = Centre::new();
    let two = "fixmedins_code,fixmedins_name\nH01,示例医院\nH02,示例二院\n";
    centre.import(export(&[("fixmedins_b.csv", two.as_bytes())]).path());
    let diag = "mdtrt_id,inout_diag_type,diag_srt_no,diag_code\nV1,1,1,I10.x00\nV9,1,1,I10.x00\n";
    let visits = "mdtrt_id,psn_no,fixmedins_code\nV3,P1,H02\n";
    let later = export(&[
        ("fixmedins_b.csv", two.as_bytes()),
        ("diag.csv", diag.as_bytes()),
        ("mdtrt_d.csv", visits.as_bytes()),
    ]);
    let (report, rejects) = centre.import(later.path());
    assert_eq!(report.entities["diag"].imported, 1);
    assert_eq!(rejects.len(), 1, "V9 is nobody's visit: {rejects:?}");
    assert_eq!((rejects[0].line, rejects[0].column.as_str()), (3, "fixmedins_code"));
    let base = centre.store.current(&PartitionKey::new("H01", "base")).unwrap().unwrap();
    assert_eq!(base.tables["diag"].rows, 1);
    assert_eq!(base.tables["mdtrt_d"].rows, 2, "what the second import did not bring stays");
}
