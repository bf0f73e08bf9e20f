//! Worked cases of inpatient behaviour: each rule with what it finds, what it nearly finds, and the trap.

use super::support::{BED, CT, DRUG, NURSE1, NURSE2, World, hospital, silent};
use crate::pack::Grade;

#[test]
fn a01_back_after_days_with_the_same_diagnosis_and_the_natural_reasons_for_it() {
    let back = |day: u32, dx: &str| {
        let mut w = hospital();
        w.stay("V1", 1, 5).daily("V1", BED, 1..=4, "40");
        let (from, to) =
            (format!("2026-03-{day:02} 09:00:00"), format!("2026-03-{:02} 10:00:00", day + 3));
        w.visit("V2", "P1", "21", &from, &to, dx).fee("V2", "1", BED, &from, "1", "40");
        w
    };
    let found = back(9, "I10.x01").found("A01");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].reason, "2026-03-05出院后4天又以I10类诊断入院");
    assert_eq!(found[0].party.as_deref(), Some("两次住院间隔4天，主要诊断同为I10"));
    assert_eq!(
        (found[0].mdtrt_id.as_deref(), found[0].also.as_slice()),
        (Some("V2"), &["V1".to_owned()][..])
    );
    assert!(back(20, "I10.x01").found("A01").len() == 1, "15 days are still inside");
    assert!(back(21, "I10.x01").found("A01").is_empty(), "16 days are not");
    assert!(back(9, "K35.801").found("A01").is_empty(), "another illness");
    let chemo = back(9, "Z51.102");
    assert!(chemo.found("A01").is_empty());
    let mut both = hospital();
    both.visit("V1", "P1", "21", "2026-03-01", "2026-03-03", "Z51.102");
    both.visit("V2", "P1", "21", "2026-03-09", "2026-03-11", "Z51.102");
    assert!(both.found("A01").is_empty());
    assert_eq!(silent(&both.run(), "A01", "放化疗"), 1);
    let mut moved = hospital();
    moved.visit_with("V1", "P1", "21", "2026-03-01", "2026-03-03", "I10.x00", "dscg_dept_codg=D2");
    moved.visit("V2", "P1", "23", "2026-03-03", "2026-03-08", "I10.x00");
    assert!(moved.found("A01").is_empty(), "a transfer is no splitting");
}

#[test]
fn a03_empty_days_in_bed_and_what_fills_them() {
    let base = || {
        let mut w = hospital();
        w.stay("V1", 1, 10).daily("V1", BED, 1..=9, "40");
        w.stay("V9", 1, 30)
            .add("exec", "mdtrt_id=V9;evt_no=9;evt_type=nursing;begntime=2026-03-29 08:00:00");
        for day in [1, 2, 6, 7, 8, 9, 10] {
            let at = format!("2026-03-{day:02} 08:00:00");
            w.add("exec", &format!("mdtrt_id=V1;evt_no={day};evt_type=nursing;begntime={at}"));
        }
        w
    };
    let w = base();
    let found: Vec<_> =
        w.found("A03").into_iter().filter(|f| f.mdtrt_id.as_deref() == Some("V1")).collect();
    assert_eq!(found.len(), 1, "3, 4 and 5 March");
    assert_eq!(found[0].bkkp_sn.len(), 3);
    assert_eq!(found[0].amount.unwrap().to_cents(), "120.00");
    let none = |w: &World| !w.found("A03").iter().any(|f| f.mdtrt_id.as_deref() == Some("V1"));
    let mut w = base();
    w.add("vital", "mdtrt_id=V1;rcd_time=2026-03-04 06:00:00");
    assert!(none(&w), "one measurement in the middle leaves no three days");
    let mut w = base();
    w.add("leave", "mdtrt_id=V1;begntime=2026-03-04;endtime=2026-03-04");
    assert!(none(&w), "leave is leave");
}

#[test]
fn a04_a05_a06_somewhere_else_while_in_bed() {
    let other = |from: &str, to: &str, med_type: &str, fund: &str| {
        let mut w = hospital();
        w.stay("V1", 1, 10).daily("V1", BED, 1..=9, "40");
        w.add(
            "psn_other",
            &format!(
                "kind=visit;psn_no=P1;fixmedins_code=H2;mdtrt_id=Q1;med_type={med_type};begntime={from};\
                 endtime={to};medfee_sumamt=100;fund_pay_sumamt={fund}"
            ),
        );
        w
    };
    assert_eq!(
        other("2026-03-05 10:00:00", "2026-03-05 10:00:00", "11", "60").found("A04").len(),
        1
    );
    assert!(
        other("2026-03-01 15:00:00", "2026-03-01", "11", "60").found("A04").is_empty(),
        "first day"
    );
    assert!(
        other("2026-03-10 08:00:00", "2026-03-10", "11", "60").found("A04").is_empty(),
        "last day"
    );
    assert!(
        other("2026-03-05", "2026-03-05", "41", "0").found("A04").is_empty(),
        "own account only"
    );
    assert!(other("2026-03-05", "2026-03-05", "13", "60").found("A04").is_empty(), "emergency");
    let overlap = other("2026-03-08", "2026-03-15", "21", "900").found("A06");
    assert_eq!(overlap.len(), 1);
    assert!(overlap[0].reason.contains("重叠2天"), "{}", overlap[0].reason);
    assert!(
        other("2026-03-10", "2026-03-15", "21", "900").found("A06").is_empty(),
        "end meets begin"
    );
    let mut here = hospital();
    here.stay("V1", 1, 10);
    here.visit("V2", "P1", "11", "2026-03-05 09:00:00", "2026-03-05 09:00:00", "I10.x00");
    here.fee("V2", "1", DRUG, "2026-03-05 09:10:00", "1", "15");
    assert_eq!(here.found("A05").len(), 1);
}

/// A picture that the house sends out is made in another house while the patient lies in this one.
#[test]
fn a04_the_house_sent_the_patient_out_that_day() {
    let sent = |day: &str, flag: &str| {
        let mut w = hospital();
        w.stay("V1", 1, 10).daily("V1", BED, 1..=9, "40");
        w.fee_with("V1", "9", CT, &format!("{day} 09:00:00"), "1", "200", flag);
        w.add("psn_other", "kind=visit;psn_no=P1;fixmedins_code=H2;mdtrt_id=Q1;med_type=11;begntime=2026-03-05;endtime=2026-03-05;medfee_sumamt=100;fund_pay_sumamt=60");
        w
    };
    let out = sent("2026-03-05", "etip_flag=1");
    assert!(out.found("A04").is_empty());
    assert_eq!(silent(&out.run(), "A04", "外院检查"), 1);
    for w in [sent("2026-03-05", "etip_flag=0"), sent("2026-03-06", "etip_flag=1")] {
        let found = w.found("A04");
        assert_eq!(found[0].tried, ["外院检查", "分娩或新生儿"], "both were looked for");
    }
}

/// As at other houses (A04): what the fund took no part in, and what was examined elsewhere, is no sign.
#[test]
fn a05_own_account_and_examined_elsewhere() {
    let clinic = |fund: &str, flag: &str| {
        let mut w = hospital();
        w.stay("V1", 1, 10);
        w.add("mdtrt_d", "mdtrt_id=V2;psn_no=P1;fixmedins_code=H1;med_type=11;begntime=2026-03-05 09:00:00;endtime=2026-03-05 09:30:00");
        if fund != "-" {
            w.settle("V2", "15", fund, "01", "2026-03-05 09:30:00");
        }
        w.fee_with("V2", "1", DRUG, "2026-03-05 09:10:00", "1", "15", flag);
        w
    };
    let found = clinic("9", "").found("A05");
    assert_eq!(found[0].tried, ["外院检查", "分娩或新生儿"]);
    assert!(clinic("9", "etip_flag=1").found("A05").is_empty());
    for (fund, why) in [("0", "没有统筹支付"), ("", "金额缺失"), ("-", "没有未冲销的结算")]
    {
        let w = clinic(fund, "");
        assert!(w.found("A05").is_empty(), "{why}");
        assert_eq!(silent(&w.run(), "A05", why), 1, "{why}");
    }
    // The bill with the fund was cancelled; what stands was paid by the person.
    let mut w = clinic("9", "");
    w.add("setl_d", "setl_id=S9;mdtrt_id=V2;fixmedins_code=H1;setl_time=2026-03-05 10:00:00;medfee_sumamt=-15;fund_pay_sumamt=-9;refd_setl_flag=1;init_setl_id=S-V2");
    w.add("setl_d", "setl_id=S10;mdtrt_id=V2;fixmedins_code=H1;setl_time=2026-03-05 10:10:00;medfee_sumamt=15;fund_pay_sumamt=0");
    w.add("fee_list_d", "bkkp_sn=2;mdtrt_id=V2;setl_id=S10;fixmedins_code=H1;fee_ocur_time=2026-03-05 09:10:00;med_list_codg=X1;hilist_name=阿司匹林肠溶片;cnt=1;pric=15;det_item_fee_sumamt=15");
    assert!(w.found("A05").is_empty());
    assert_eq!(silent(&w.run(), "A05", "没有统筹支付"), 1);
}

/// A20: what another house reads after the patient has left; and `tried` names only what could be looked for.
#[test]
fn a20_read_elsewhere_after_leaving() {
    let late = |code: &str, flag: &str| {
        let mut w = hospital();
        w.stay("V1", 1, 5);
        w.fee_with("V1", "1", CT, "2026-03-05 09:00:00", "1", "200", flag);
        w.fee_with("V1", "2", DRUG, "2026-03-05 09:00:00", "1", "10", "etip_flag=1");
        w.add("exam", &format!("mdtrt_id=V1;rpotc_no=1;exam_item_code={code};exam_item_name=CT平扫;exam_date=2026-03-05 22:00:00;rpt_date=2026-03-06"));
        w
    };
    let out = late("E1", "etip_flag=1");
    assert!(out.found("A20").is_empty());
    assert_eq!(silent(&out.run(), "A20", "外院检查"), 1);
    let tried = |w: &World| w.found("A20")[0].tried.clone();
    assert_eq!(tried(&late("E1", "")), ["分娩或新生儿", "外院检查"]);
    assert_eq!(tried(&late("", "")), ["分娩或新生儿"], "a report without a code");
}

#[test]
fn a07_after_death_with_a_day_of_grace() {
    let dead = |at: &str| {
        let mut w = hospital();
        w.add("psn", "psn_no=P9;gend=1;brdy=1940-01-01;die_date=2026-03-05");
        w.visit("V1", "P9", "21", "2026-03-01", "2026-03-10", "I10.x00")
            .fee("V1", "1", DRUG, at, "1", "15");
        w.found("A07").len()
    };
    assert_eq!(dead("2026-03-06 09:00:00"), 0, "written up the day after");
    assert_eq!(dead("2026-03-07 09:00:00"), 1);
}

#[test]
fn a14_days_of_bed_against_days_of_stay() {
    let beds = |days: u32, stay_to: u32, more: &str| {
        let mut w = hospital();
        let to = format!("2026-03-{stay_to:02}");
        w.visit_with("V1", "P1", "21", "2026-03-01", &to, "I10.x00", more);
        w.daily("V1", BED, 1..=days, "40");
        w
    };
    let found = beds(5, 5, "").found("A14");
    assert_eq!(found.len(), 1, "4 days in, not out; 5 beds");
    assert_eq!(found[0].amount.unwrap().to_cents(), "40.00");
    assert_eq!(found[0].fund_amount.unwrap().to_cents(), "28.00");
    assert_eq!(found[0].bkkp_sn, ["B1-5"]);
    assert_eq!(found[0].grade, Grade::S, "the region's counting rule is not loaded");
    let local = "[[adjust]]\nid = \"A14\"\nparams = { counting_rule = { value = 1, origin = \"local\" } }\n";
    assert_eq!(beds(5, 5, "").found_with("A14", local)[0].grade, Grade::V);
    let both = local.replace("value = 1", "value = 2");
    assert!(beds(5, 5, "").found_with("A14", &both).is_empty(), "here both ends of a stay count");
    assert_eq!(beds(6, 5, "").found_with("A14", &both)[0].grade, Grade::V);
    assert_eq!(beds(2, 1, "").found_with("A14", &both).len(), 1, "one day is one day");
    assert!(beds(4, 5, "").found("A14").is_empty());
    assert!(beds(1, 1, "").found("A14").is_empty(), "in and out on one day is one day");
    assert!(
        beds(5, 5, "dscg_dept_codg=D2").found("A14").is_empty(),
        "a change of ward bills a day twice"
    );
    let mut open = hospital();
    open.visit("V1", "P1", "21", "2026-03-01", "", "I10.x00").daily("V1", BED, 1..=9, "40");
    assert!(open.found("A14").is_empty(), "still in bed");
    assert_eq!(silent(&open.run(), "A14", "在院"), 1);
    let mut kept = beds(4, 5, "");
    kept.fee("V1", "x", "B9|包床(保留床位)|01|201", "2026-03-03", "1", "40");
    assert!(kept.found("A14").is_empty(), "bed retention");
    let mut back = beds(5, 5, "");
    back.fee_with("V1", "r", BED, "2026-03-05", "-1", "40", "init_feedetl_sn=B1-5");
    assert!(back.found("A14").is_empty(), "refunded");
}

#[test]
fn a14_never_puts_a_fund_loss_on_a_stay_paid_by_group_or_in_an_unknown_way() {
    for way in ["05", ""] {
        let mut w = hospital();
        w.add(
            "mdtrt_d",
            "mdtrt_id=V1;psn_no=P1;fixmedins_code=H1;med_type=21;begntime=2026-03-01;endtime=2026-03-05",
        );
        w.settle("V1", "1000", "700", way, "2026-03-05").daily("V1", BED, 1..=5, "40");
        let found = w.found("A14");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].loss_method.as_str(), "N");
        assert_eq!(found[0].fund_amount, None);
        assert_eq!(found[0].amount.unwrap().to_cents(), "40.00");
        assert!(found[0].reason.ends_with("(基金损失待经办核算)"));
    }
}

/// A14: what else is billed under the kind of bed fees is no day in bed.
#[test]
fn a14_clean_air_and_surcharges_are_no_second_bed() {
    let mut w = hospital();
    w.stay("V1", 1, 5).daily("V1", BED, 1..=4, "40");
    w.daily("V1", "B7|病房空气净化费|01|201", 1..=4, "5");
    w.daily("V1", "B8|层流床位费加收|01|201", 1..=4, "80");
    assert!(w.found("A14").is_empty());
    w.fee("V1", "x", "B6|双人间床位费|01|201", "2026-03-04", "1", "60");
    assert_eq!(w.found("A14").len(), 1, "another bed is one");
}

/// A01: a stay that lasts over the end of the insurance year is settled in two parts.
#[test]
fn a01_one_stay_in_two_insurance_years() {
    let again = |left: &str, back: &str| {
        let mut w = hospital();
        w.visit("V1", "P1", "21", "2025-12-24 09:00:00", left, "I10.x00");
        w.visit("V2", "P1", "21", back, "2026-01-09 10:00:00", "I10.x00");
        (w.found("A01").len(), silent(&w.run(), "A01", "跨年度"))
    };
    assert_eq!(again("2025-12-31 10:00:00", "2026-01-01 09:00:00"), (0, 1));
    assert_eq!(again("2025-12-31 10:00:00", "2025-12-31 11:00:00"), (0, 1));
    assert_eq!(again("2025-12-30 10:00:00", "2026-01-01 09:00:00"), (1, 0), "two days at home");
    assert_eq!(again("2025-12-31 10:00:00", "2026-01-02 09:00:00"), (1, 0));
}

#[test]
fn a15_two_grades_of_nursing_on_one_day() {
    let mut w = hospital();
    w.stay("V1", 1, 5).daily("V1", NURSE1, 1..=4, "30").daily("V1", NURSE2, 3..=3, "18");
    let found = w.found("A15");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].bkkp_sn, ["N2-3"], "the dearest stays");
    assert_eq!(w.found("A15-1").len(), 1, "five days of nursing in four");
    let both = "[[adjust]]\nid = \"A15\"\nparams = { counting_rule = { value = 2, origin = \"local\" } }\n";
    assert!(w.found_with("A15", both).is_empty(), "here the day of a change has two grades");
    let mut change = hospital();
    change.stay("V1", 1, 5).daily("V1", NURSE1, 1..=2, "30").daily("V1", NURSE2, 3..=4, "18");
    assert!(change.found("A15").is_empty(), "another grade on another day");
    assert!(change.found("A15-1").is_empty());
}

#[test]
fn a18_a19_a20_a24_days_that_do_not_fit() {
    let mut w = hospital();
    w.stay("V1", 1, 5).daily("V1", "C1|住院诊察费|02|201", 1..=5, "15");
    assert_eq!(w.found("A18").len(), 1);
    let mut w = hospital();
    w.stay("V1", 2, 5).fee("V1", "1", CT, "2026-03-06 09:00:00", "1", "200");
    w.fee("V1", "2", CT, "2026-03-05 23:00:00", "1", "200");
    w.fee("V1", "3", CT, "2026-03-01 23:00:00", "1", "200");
    w.fee("V1", "4", "Y1|病理检查|03|201", "2026-03-08", "1", "90");
    let found = w.found("A19");
    assert_eq!((found.len(), found[0].bkkp_sn.as_slice()), (1, &["1".to_owned()][..]));
    assert_eq!(found[0].grade, Grade::S, "late registration and late pathology are natural");
    let mut home = hospital();
    home.stay("V1", 2, 5).fee_with("V1", "1", DRUG, "2026-03-06", "1", "15", "dscg_tkdrug_flag=1");
    assert!(home.found("A19").is_empty(), "taken home");
    let report = |done: &str| {
        let mut w = hospital();
        w.stay("V1", 1, 5).add(
            "exam",
            &format!("mdtrt_id=V1;rpotc_no=1;exam_item_code=E1;exam_item_name=CT平扫;exam_date={done};rpt_date=2026-03-09"),
        );
        w.found("A20").len()
    };
    assert_eq!(report("2026-03-05 17:00:00"), 1, "seven hours after discharge");
    assert_eq!(report("2026-03-05 15:00:00"), 0, "inside the grace of six hours");
    assert_eq!(report("2026-03-05"), 0, "known to the day only: no order inside a day");
    assert_eq!(report("2026-03-04 09:00:00"), 0, "pathology is reported late, not done late");
    let leave = |from: &str, to: &str| {
        let mut w = hospital();
        w.stay("V1", 1, 9).daily("V1", BED, 1..=8, "40");
        w.add("leave", &format!("mdtrt_id=V1;begntime={from};endtime={to}"));
        w.found("A24").iter().map(|f| f.bkkp_sn.len()).sum::<usize>()
    };
    assert_eq!(leave("2026-03-03 09:00:00", "2026-03-06 18:00:00"), 2, "4 and 5 March");
    assert_eq!(leave("2026-03-03 09:00:00", "2026-03-04 18:00:00"), 0, "going and coming back");
}

#[test]
fn a08_a09_a10_a13_many_and_short_stays() {
    let mut w = hospital();
    w.stay("V1", 1, 1).fee("V1", "1", CT, "2026-03-01", "3", "200");
    assert_eq!(w.found("A08").len(), 1);
    let mut died = hospital();
    died.add(
        "mdtrt_d",
        "mdtrt_id=V1;psn_no=P1;fixmedins_code=H1;med_type=21;begntime=2026-03-01;endtime=2026-03-01;dscg_way=5",
    );
    died.fee("V1", "1", CT, "2026-03-01", "3", "200");
    assert!(died.found("A08").is_empty());
    let stays = |n: u32| {
        let mut w = hospital();
        for k in 0..n {
            w.stay(&format!("V{k}"), 1 + k * 4, 2 + k * 4);
        }
        w.found("A09").len()
    };
    assert_eq!((stays(6), stays(5)), (1, 0));
    let mut group = hospital();
    for k in 0..4 {
        group.add("psn", &format!("psn_no=G{k};gend=1;brdy=1960-01-01;tel=19900001111"));
        group.visit(
            &format!("V{k}"),
            &format!("G{k}"),
            "21",
            "2026-03-01",
            "2026-03-05",
            "M51.202",
        );
    }
    assert_eq!(group.found("A10").len(), 1);
    assert_eq!(group.found("A10")[0].party, None, "a lead is never printed for the party");
    assert_eq!(group.found("H14").len(), 0, "four share a telephone: not above five");
}
