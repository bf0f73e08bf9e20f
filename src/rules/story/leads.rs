//! Leads of the rules on what was written: a doctor's hour, a doctor's seconds, a stay far below its group.

use super::support::{DRUG, World, hospital};
use crate::Finding;

/// Prescriptions of one doctor on 2 March, some seconds apart, each for another person.
fn prescribed(count: u32, seconds: u32) -> World {
    let mut w = hospital();
    for n in 0..count {
        let at = n * seconds;
        let time = format!("2026-03-02 {:02}:{:02}:{:02}", 8 + at / 3_600, at / 60 % 60, at % 60);
        let (visit, person) = (format!("V{n}"), format!("Q{n}"));
        w.visit(&visit, &person, "11", &time, &time, "I10.x00");
        w.fee_with(
            &visit,
            &format!("{n:03}"),
            DRUG,
            &time,
            "1",
            "10",
            &format!("rx_drord_no=R{n}"),
        );
    }
    w
}

fn lines(found: &[Finding]) -> Vec<usize> {
    found.iter().map(|f| f.bkkp_sn.len()).collect()
}

/// H06: more than thirty in an hour, the busiest hour told once; never printed for the party.
#[test]
fn h06_more_prescriptions_in_an_hour_than_a_doctor_writes() {
    let found = prescribed(40, 100).found("H06");
    assert_eq!(lines(&found), [36], "36 of 40 lie within one hour");
    assert_eq!((found[0].party.clone(), found[0].fund_amount), (None, None));
    assert!(prescribed(30, 100).found("H06").is_empty(), "thirty are not more than thirty");
    assert!(prescribed(60, 150).found("H06").is_empty(), "24 in an hour");
}

/// I04: prescriptions that follow one of another person within 20 seconds, more than five on a day.
#[test]
fn i04_prescriptions_within_seconds_of_each_other() {
    assert_eq!(lines(&prescribed(7, 19).found("I04")), [6]);
    assert!(prescribed(6, 19).found("I04").is_empty(), "five");
    assert!(prescribed(20, 20).found("I04").is_empty(), "twenty seconds apart");
    let mut one = hospital();
    one.visit("V1", "P1", "11", "2026-03-02 08:00:00", "2026-03-02 09:00:00", "I10.x00");
    for n in 0..9 {
        let (sn, at) = (n.to_string(), format!("2026-03-02 08:00:{n:02}"));
        one.fee_with("V1", &sn, DRUG, &at, "1", "10", &format!("rx_drord_no=R{n}"));
    }
    assert!(one.found("I04").is_empty(), "one person's own prescriptions");
}

/// F11: thirty stays of a group, one of them a night with hardly anything.
fn group(nights: u32, bill: &str, more: &str) -> Vec<Finding> {
    let mut w = hospital();
    let mut stay = |id: &str, to: &str, total: &str, more: &str| {
        w.add(
            "mdtrt_d",
            &format!(
                "mdtrt_id={id};psn_no=P1;fixmedins_code=H1;med_type=21;begntime=2026-03-01 09:00:00;\
                 endtime={to};dscg_maindiag_code=I10.x00;{more}"
            ),
        );
        w.settle(id, total, "700", "03", to);
        w.add("grp", &format!("setl_id=S-{id};mdtrt_id={id};pay_way=drg;grp_code=FR11"));
    };
    for n in 0..30 {
        stay(&format!("V{n}"), "2026-03-08 10:00:00", "3000", "dscg_way=1");
    }
    stay("V99", &format!("2026-03-{:02} 10:00:00", 1 + nights), bill, more);
    w.found("F11")
}

#[test]
fn f11_a_stay_far_below_the_middle_of_its_group() {
    let found = group(2, "1000", "dscg_way=1");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].reason, "FR11组住院2天、1000.00元，本机构同组中位7天、3000.00元");
    assert!(found[0].party.is_none() && found[0].fund_amount.is_none());
    assert!(group(3, "1000", "dscg_way=1").is_empty(), "three of seven days");
    assert!(group(2, "1100", "dscg_way=1").is_empty(), "more than 35 % of the bill");
    assert!(group(2, "1000", "dscg_way=5").is_empty(), "died");
    assert!(group(2, "1000", "dscg_way=2").is_empty(), "went on to another house");
}
