//! Everyone around a finding: over all lines, with exact counts and sums (issue 4; rules.md H02).

use super::{Ask, Surroundings, look};
use crate::story::support::{CT, DRUG, World, hospital};

fn all(w: &World, ask: &Ask) -> Surroundings {
    look(&w.columns, ask, &mut ()).unwrap()
}

fn seen(found: &Surroundings) -> Vec<(String, u64, u64, String)> {
    let row = |a: &super::Around| (a.psn_no.clone(), a.visits, a.lines, a.amount.to_cents());
    found.listed.iter().map(row).collect()
}

#[test]
fn an_item_is_counted_over_the_whole_house_by_person_with_refunds_taken_off() {
    let mut w = hospital();
    w.stay("V1", 1, 9).visit("V2", "P2", "11", "2026-03-03", "2026-03-03", "I10.x00");
    w.visit("V3", "P1", "11", "2026-03-20", "2026-03-20", "I10.x00");
    w.fee("V1", "1", CT, "2026-03-02 09:00:00", "1", "200");
    w.fee("V1", "2", CT, "2026-03-04 09:00:00", "2", "200");
    w.fee("V1", "3", CT, "2026-03-04 10:00:00", "-1", "200");
    w.fee("V3", "1", CT, "2026-03-20 10:00:00", "1", "180.5");
    w.fee("V2", "1", CT, "2026-03-03 10:00:00", "1", "200");
    w.fee("V2", "2", DRUG, "2026-03-03 10:00:00", "1", "12");
    w.fee_with("V2", "3", CT, "2026-03-03 11:00:00", "1", "999", "vali_flag=0");
    let found = all(&w, &Ask::Item("E1".to_owned()));
    assert_eq!((found.persons, found.visits, found.lines), (2, 3, 5));
    assert_eq!(found.amount.to_cents(), "780.50");
    let expected = [("P1", 2, 4, "580.50"), ("P2", 1, 1, "200.00")];
    let expected: Vec<_> = expected.map(|(p, v, l, a)| (p.to_owned(), v, l, a.to_owned())).to_vec();
    assert_eq!(seen(&found), expected);
    let days = found.listed[0].days.clone().unwrap();
    assert_eq!((days.0.as_str(), days.1.as_str()), ("2026-03-02", "2026-03-20"));
    assert_eq!(all(&w, &Ask::Item("none".to_owned())).persons, 0);
}

#[test]
fn a_doctor_s_lines_are_those_ordered_billed_or_carried_out() {
    let mut w = hospital();
    w.stay("V1", 1, 9).visit("V2", "P2", "11", "2026-03-03", "2026-03-03", "I10.x00");
    let by = |order: &str, bill: &str| format!("acord_dr_code={order};bilg_dr_code={bill}");
    w.fee_with("V1", "1", CT, "2026-03-02 09:00:00", "1", "200", &by("D7", "D8"));
    w.fee_with("V1", "2", DRUG, "2026-03-02 09:00:00", "1", "12", &by("D8", "D7"));
    w.fee_with("V2", "1", CT, "2026-03-03 09:00:00", "1", "200", &by("D8", "D8"));
    w.fee_with("V2", "2", DRUG, "2026-03-03 09:00:00", "1", "12", &by("D8", "D8"));
    w.add("exec", "mdtrt_id=V2;evt_no=1;evt_type=exam;item_code=E1;exec_psn_code=D7");
    let found = all(&w, &Ask::Staff("D7".to_owned()));
    assert_eq!(found.roles, Some((1, 1, 1)), "ordered, billed, carried out");
    assert_eq!((found.persons, found.visits, found.lines), (2, 2, 3));
    assert_eq!(found.amount.to_cents(), "412.00");
    assert!(found.notes.is_empty(), "{:?}", found.notes);
    let other = all(&w, &Ask::Staff("D8".to_owned()));
    assert_eq!((other.lines, other.roles), (4, Some((3, 3, 0))));
    assert!(other.notes[0].contains("没有这名医师的执行记录"));
}

/// Settlements of `visit` for `total` at `at`, second by second.
fn till(w: &mut World, visit: &str, person: &str, at: &str, total: &str, doctor: &str) {
    w.add(
        "mdtrt_d",
        &format!(
            "mdtrt_id={visit};psn_no={person};fixmedins_code=H1;med_type=11;chfpdr_code={doctor}"
        ),
    );
    w.add(
        "setl_d",
        &format!("setl_id=S-{visit};mdtrt_id={visit};psn_no={person};setl_time={at};medfee_sumamt={total}"),
    );
}

#[test]
fn cards_that_are_swiped_together_on_several_days_stand_before_whoever_was_there_once() {
    let mut w = hospital();
    for (no, tel) in [("X1001", "139"), ("X1002", "137"), ("Y5", "139"), ("Z9", "")] {
        w.add("psn", &format!("psn_no={no};psn_name=张{no};tel={tel}"));
    }
    till(&mut w, "A1", "X1001", "2026-03-02 10:00:00", "66", "D1");
    till(&mut w, "A2", "X1001", "2026-03-09 15:30:00", "88", "D1");
    till(&mut w, "B1", "X1002", "2026-03-02 10:01:30", "66", "D1");
    till(&mut w, "B2", "X1002", "2026-03-09 15:20:00", "12", "D2");
    till(&mut w, "B3", "X1002", "2026-03-09 15:19:59", "500", "D2");
    till(&mut w, "C1", "P1", "2026-03-02 09:55:00", "900", "D3");
    till(&mut w, "D1", "P2", "2026-03-02", "66", "D1");
    till(&mut w, "E1", "P3", "2026-03-02 10:00:30", "66", "D1");
    // P3's was taken back: nothing was settled.
    w.add("setl_d", "setl_id=S-E1R;mdtrt_id=E1;refd_setl_flag=1;init_setl_id=S-E1;setl_time=2026-03-02 10:05:00");
    let ask = Ask::Cards { psn_no: Some("X1001".to_owned()), visits: vec![], minutes: 10 };
    let found = all(&w, &ask);
    let order: Vec<&str> = found.listed.iter().map(|a| a.psn_no.as_str()).collect();
    assert_eq!(order, ["X1002", "P1", "Y5"], "{:?}", found.listed);
    let first = &found.listed[0];
    assert_eq!((first.visits, first.lines, first.amount.to_cents().as_str()), (2, 2, "78.00"));
    assert_eq!(
        first.signs,
        ["有 2 天相隔不到 10 分钟", "金额相同 1 次", "同一医师 1 次", "人员编号相邻"]
    );
    assert_eq!(found.listed[2].signs, ["登记电话相同"], "never beside, but one telephone");
    assert!(found.notes.iter().any(|n| n.contains("1 笔结算只有日期")), "{:?}", found.notes);
    // A group that a rule found is looked at from all of its visits.
    let group = Ask::Cards { psn_no: None, visits: vec!["A1".into(), "B1".into()], minutes: 10 };
    let found = all(&w, &group);
    let mut order: Vec<&str> = found.listed.iter().map(|a| a.psn_no.as_str()).collect();
    order.sort_unstable();
    assert_eq!(order, ["P1", "X1001", "X1002", "Y5"]);
    assert!(found.listed[0].psn_name.starts_with('张'));
}
