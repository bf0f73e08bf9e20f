//! What the rules say of lines that only the export has (rules.md: the rules run on fresh data too; R-F13).

use super::{FreshFindings, FreshRow, is_of_export, judge};
use crate::pack::{Grade, Pack, national};
use crate::story::support::{CT, World, hospital};
use crate::{LossMethod, Options, audit};

const MID: &str = "T1|中频治疗|05|201";

/// At most three a day of T1; CT costs at most 180.
fn pack() -> Pack {
    let head = ("pack.toml", &b"name = \"own\"\nversion = \"1\"\n"[..]);
    let csv = "code,code_b,value,unit,text,begndate,enddate,origin,source\n\
               T1,,3,次,,2026-01-01,,local,x\n";
    Pack::read(&[head, ("B04.kp.csv", csv.as_bytes())], Some(&national().unwrap())).unwrap()
}

fn row(number: u32, visit: &str, day: &str, code: &str, cnt: i64, pric: i64) -> FreshRow {
    FreshRow {
        number,
        mdtrt_id: visit.to_owned(),
        psn_no: "P1".to_owned(),
        day: spotcheck_domain::time::day_number(day).unwrap(),
        code: code.to_owned(),
        name: "医院自己的写法".to_owned(),
        cnt: Some(cnt * 1_000_000),
        pric: Some(pric * 1_000_000),
        amount: Some(cnt * pric * 1_000_000),
        young: true,
    }
}

fn house() -> World {
    let mut w = hospital();
    w.stay("V1", 1, 9).visit("V2", "P2", "21", "2026-03-01", "2026-03-09", "I10.x00");
    w.fee("V1", "1", MID, "2026-03-02 09:00:00", "2", "26");
    w.fee("V2", "1", MID, "2026-03-02 09:00:00", "9", "26");
    w.fee("V1", "2", CT, "2026-03-03 09:00:00", "1", "150");
    w
}

fn judged(w: &World, rows: &[FreshRow]) -> FreshFindings {
    judge(rows, &w.columns, &pack(), &mut ()).unwrap()
}

#[test]
fn new_lines_count_together_with_uploaded_ones_of_the_same_person_and_nothing_old_is_told_again() {
    let w = house();
    let rows = [
        row(7, "V1", "2026-03-02", "T1", 2, 26),
        row(8, "V1", "2026-03-03", "T1", 3, 26),
        row(9, "V1", "2026-03-04", "", 1, 26),
    ];
    let found = judged(&w, &rows);
    assert_eq!(
        (found.rows, found.without_code),
        (2, 1),
        "a row without a code is counted, not guessed"
    );
    let own: Vec<_> = found.findings.iter().filter(|f| f.rule == "B04").collect();
    assert_eq!(own.len(), 1, "three are no more than three; P2's nine are an old fact");
    let hit = own[0];
    assert_eq!((hit.mdtrt_id.as_deref(), hit.date.as_deref()), (Some("V1"), Some("2026-03-02")));
    assert!(hit.bkkp_sn.contains(&"HIS:7".to_owned()), "{:?}", hit.bkkp_sn);
    assert!(hit.reason.contains("中频治疗") && hit.reason.contains("第 7 行"), "{}", hit.reason);
    assert!(hit.grade >= Grade::S, "the export is the party's: never red");
    assert_eq!((hit.loss_method, hit.fund_amount), (LossMethod::N, None), "nothing was paid yet");
    let party = hit.party.as_deref().unwrap();
    assert!(party.contains("未上传") && !party.contains("违规"), "{party}");
    assert!(found.findings.iter().all(is_of_export));
    // The same rule over the upload alone has another key: neither takes the other's place.
    let options = Options::default();
    let old = audit(&w.columns, &pack(), options, &mut ()).unwrap();
    assert!(old.findings.iter().all(|f| f.key() != hit.key() && !is_of_export(f)));
}

#[test]
fn a_new_line_beside_an_uploaded_one_that_excludes_it_is_told_whichever_line_carries_it() {
    let mut w = house();
    w.fee("V1", "5", "J1|急诊监护费|05|201", "2026-03-05 09:00:00", "1", "80");
    let found = judged(
        &w,
        &[FreshRow { name: "床位费".to_owned(), ..row(21, "V1", "2026-03-05", "B9", 1, 40) }],
    );
    let hit = found.findings.iter().find(|f| f.rule == "B01").expect("B01");
    assert!(hit.reason.contains("未上传"), "{}", hit.reason);
    let back =
        FreshRow { name: "床位费".to_owned(), ..row(21, "V1", "2026-03-06", "B9", 1, 40) };
    assert!(judged(&w, &[back]).findings.iter().all(|f| f.rule != "B01"), "another day");
}

#[test]
fn what_an_export_cannot_bring_up_to_date_keeps_its_rules_silent() {
    let mut w = house();
    // Orders and executions end with the upload: a line after it has none by nature.
    w.add("drord", "mdtrt_id=V1;drord_no=1;drord_detl_code=T1;medc_begntime=2026-03-01 08:00:00");
    w.add("exec", "mdtrt_id=V1;evt_no=1;evt_type=treat;item_code=T1;begntime=2026-03-02 09:00:00");
    let found = judged(&w, &[row(7, "V1", "2026-03-08", "T1", 1, 26)]);
    assert!(found.findings.is_empty(), "{:?}", found.findings);
    assert!(found.rules > 20, "{}", found.rules);
}

#[test]
fn a_fee_after_the_end_of_the_stay_and_a_price_above_the_limit_are_seen_at_once() {
    let mut w = house();
    w.add(
        "catalogue",
        "med_list_codg=E1;hilist_name=CT平扫;pric_uplmt_amt=180;begndate=2026-01-01",
    );
    let rows = [
        row(11, "V1", "2026-03-04", "E1", 1, 200),
        row(12, "V1", "2026-03-20", "E1", 1, 150),
        row(13, "V1", "2026-03-05", "E1", 1, 150),
    ];
    let found = judged(&w, &rows);
    let of = |line: &str| -> Vec<&str> {
        let own = found.findings.iter().filter(|f| f.bkkp_sn.contains(&line.to_owned()));
        own.map(|f| f.rule.as_str()).collect()
    };
    let price = national().unwrap();
    let is_price = |id: &&str| price.rules.iter().any(|r| r.id == **id && r.usage.form == "limit");
    assert!(of("HIS:11").iter().any(is_price), "{:?}", of("HIS:11"));
    assert!(!of("HIS:12").is_empty(), "after discharge: {:?}", found.findings);
    assert!(of("HIS:13").is_empty(), "{:?}", of("HIS:13"));
}
