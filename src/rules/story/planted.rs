//! What the planted city showed to be wrong in rules, each as a case of its own (cases.md).

use super::support::{BED, CT, hospital, silent};
use crate::Grade;

const ANAESTHESIA: &str = "O4|全身麻醉|06|201";

/// B10: two anaesthesias of 55 minutes are two begun units, not one of 110 minutes.
#[test]
fn b10_each_anaesthesia_begins_its_own_units() {
    let billed = |first: &str| {
        let mut w = hospital();
        w.stay("V1", 1, 9);
        for (n, day) in [("1", 2), ("2", 5)] {
            let (from, to) =
                (format!("2026-03-{day:02} 09:00:00"), format!("2026-03-{day:02} 09:55:00"));
            w.add(
                "exec",
                &format!("mdtrt_id=V1;evt_no={n};evt_type=anst;begntime={from};endtime={to}"),
            );
        }
        w.add("exec", "mdtrt_id=V9;evt_no=9;evt_type=nursing;begntime=2026-03-29");
        w.fee("V1", "1", ANAESTHESIA, "2026-03-02 09:00:00", first, "650");
        w.fee("V1", "2", ANAESTHESIA, "2026-03-05 09:00:00", "1", "650");
        w.found("B10").len()
    };
    assert_eq!((billed("1"), billed("2")), (0, 1));
}

/// B06: a house that charges less than the limit must discount its own price.
#[test]
fn b06_a_price_below_the_limit_is_discounted_too() {
    let second = |price: &str| {
        let mut w = hospital();
        w.add("catalogue", "med_list_codg=O1;pric_uplmt_amt=2000;begndate=2025-01-01");
        w.add("catalogue", "med_list_codg=O2;pric_uplmt_amt=1000;begndate=2025-01-01");
        let at = "2026-03-02 09:00:00";
        w.stay("V1", 1, 9).fee("V1", "1", "O1|胆囊切除术|06|201", at, "1", "1900");
        w.fee("V1", "2", "O2|阑尾切除术|06|201", at, "1", price);
        w.found("B06").first().map(|f| f.amount.unwrap().to_cents())
    };
    assert_eq!(second("960").as_deref(), Some("240.00"));
    assert_eq!(second("720"), None, "three quarters of its own 960");
}

/// E02, F09: a newborn is natural on the account of who may be the mother, and of nobody else.
#[test]
fn e02_f09_newborns_are_natural_near_a_mother_only() {
    let care = |person: &str, dx: &str| {
        let mut w = hospital();
        w.visit("V1", person, "21", "2026-03-01 09:00:00", "2026-03-05 09:00:00", dx);
        w.fee("V1", "1", "N8|新生儿护理|07|201", "2026-03-02", "1", "42");
        (w.found("E02").len(), w.found("F09").len())
    };
    assert_eq!(care("P1", "I10.x00"), (1, 0), "a man of 65");
    assert_eq!(care("P2", "O80.000"), (0, 0), "the mother");
    assert_eq!(care("P2", "P22.000"), (0, 0), "a disease of her child");
    assert_eq!(care("P1", "P22.000"), (1, 1), "a man with a disease of newborns");
    // Red only where nothing else can be meant: the list is a local default.
    let mut w = hospital();
    w.stay("V1", 1, 5).fee("V1", "1", "N8|新生儿护理|07|201", "2026-03-02", "1", "42");
    assert_eq!(w.found("E02")[0].grade, Grade::S);
}

/// B31: what is billed every day and never once reported is reported elsewhere; what is billed once is not.
#[test]
fn b31_a_routine_item_without_any_report_accuses_nobody() {
    let house = |times: usize| {
        let mut w = hospital();
        for table in ["lab", "exam"] {
            w.add(
                table,
                "mdtrt_id=V9;rpotc_no=1;exam_item_code=L9;exam_item_name=其他;rpt_date=2026-03-29",
            );
        }
        w.stay("V9", 28, 30);
        for n in 0..times {
            let id = format!("C{n}");
            w.visit(&id, "P1", "11", "2026-03-02 09:00:00", "2026-03-02 09:00:00", "I10.x00");
            w.fee(&id, "1", CT, "2026-03-02 09:10:00", "1", "200");
        }
        w
    };
    assert_eq!(house(19).found("B31").len(), 19);
    let routine = house(20);
    assert!(routine.found("B31").is_empty());
    assert_eq!(silent(&routine.run(), "B31", "从未有此类记录"), 20);
}

/// B29: the list of operations proves an operation, not the drugs of the stay.
#[test]
fn b29_an_operation_record_is_no_proof_of_a_scan() {
    let mut w = hospital();
    for (table, row) in [
        (
            "drord",
            "mdtrt_id=V1;drord_no=1;drord_type=2;drord_detl_code=X9;drord_detl_name=其他;medc_begntime=2026-03-29",
        ),
        ("exec", "mdtrt_id=V9;evt_no=1;evt_type=nursing;begntime=2026-03-29"),
        ("lab", "mdtrt_id=V9;rpotc_no=1;exam_item_code=L9;exam_item_name=其他;rpt_date=2026-03-29"),
        (
            "exam",
            "mdtrt_id=V9;rpotc_no=1;exam_item_code=L9;exam_item_name=其他;rpt_date=2026-03-29",
        ),
        ("oprn", "setl_id=S-V1;oprn_oprt_code=1;oprn_oprt_date=2026-03-02"),
    ] {
        w.add(table, row);
    }
    w.stay("V1", 1, 5).stay("V9", 28, 30);
    w.fee("V1", "1", CT, "2026-03-03", "1", "200");
    w.fee("V1", "2", "O1|胆囊切除术|06|201", "2026-03-02", "1", "2000");
    let found = w.found("B29");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].bkkp_sn, ["1"]);
}

/// A14: who came at night and was registered in the morning has one day of bed more than the dates say.
#[test]
fn a14_the_night_before_a_late_registration_counts() {
    let beds = |days: std::ops::RangeInclusive<u32>| {
        let mut w = hospital();
        w.stay("V1", 3, 7).daily("V1", BED, days, "40");
        w.found("A14").len()
    };
    assert_eq!(beds(3..=6), 0);
    assert_eq!(beds(2..=6), 0, "the night before");
    assert_eq!(beds(3..=7), 1, "the day of leaving");
    assert_eq!(beds(1..=6), 1, "two nights before");
}

/// G03: a box that is sold by the piece is in many settlements.
#[test]
fn g03_an_opened_box_is_sold_many_times() {
    let sold = |split: &str| {
        let mut w = hospital();
        for id in ["V1", "V2"] {
            w.visit(id, "P1", "41", "2026-03-02 09:00:00", "2026-03-02 09:00:00", "");
            w.add(
                "trace",
                &format!("drug_trac_codg=81;fixmedins_code=H1;setl_id=S-{id};mdtrt_id={id};med_list_codg=X1;setl_time=2026-03-02 09:00:00;refd_flag=0"),
            );
        }
        w.add("inv_sale", &format!("fixmedins_code=H1;med_list_codg=X1;sel_retn_cnt=30;sel_retn_time=2026-03-02;trdn_flag={split};drug_trac_codg=81"));
        w.found("G03").len()
    };
    assert_eq!((sold("0"), sold("1")), (1, 0));
}

/// A natural cause must be in sight of this patient: a birth of who can give birth, dialysis of who needs it.
#[test]
fn natural_causes_are_those_of_this_patient() {
    let again = |person: &str, dx: &str| {
        let mut w = hospital();
        w.visit("V1", person, "21", "2026-03-01 09:00:00", "2026-03-05 09:00:00", dx);
        w.visit("V2", person, "21", "2026-03-08 09:00:00", "2026-03-12 09:00:00", dx);
        w.found("A01").len()
    };
    assert_eq!(
        (again("P1", "N18.300"), again("P1", "N18.900")),
        (1, 1),
        "kidneys that need no dialysis"
    );
    assert_eq!((again("P1", "N18.500"), again("P1", "Z49.100")), (0, 0));
    assert_eq!((again("P1", "n18.500"), again("P1", "z51.100")), (0, 0), "small letters");
    assert_eq!((again("P2", "O80.000"), again("P2", "O42.000")), (0, 0), "a woman of 35");
    assert_eq!((again("P1", "O80.000"), again("P1", "Z38.000")), (1, 1), "a man of 65");
    let mixed = |first: &str, second: &str| {
        let mut w = hospital();
        w.visit("V1", "P1", "21", "2026-03-01 09:00:00", "2026-03-05 09:00:00", first);
        w.visit("V2", "P1", "21", "2026-03-08 09:00:00", "2026-03-12 09:00:00", second);
        w.found("A01").len()
    };
    assert_eq!(mixed("i10.x00", "I10.x00"), 1, "one diagnosis in two hands");
}

/// A15: both grades of the day of a delivery, whose diagnosis is the scar and the waters, or only its operation.
#[test]
fn a15_a_delivery_by_another_name() {
    let graded = |dx: &str, operation: &str| {
        let mut w = hospital();
        w.visit("V1", "P2", "21", "2026-03-01 09:00:00", "2026-03-05 09:00:00", dx);
        if !operation.is_empty() {
            w.add(
                "oprn",
                &format!("setl_id=S-V1;oprn_oprt_code={operation};oprn_oprt_date=2026-03-02"),
            );
        }
        w.daily("V1", "N1|一级护理|07|201", 2..=2, "30").daily(
            "V1",
            "N2|二级护理|07|201",
            2..=2,
            "18",
        );
        w.found("A15").len()
    };
    assert_eq!((graded("O34.201", ""), graded("O42.900", "")), (0, 0));
    assert_eq!((graded("O14.100", "74.1x01"), graded("O14.100", "51.2300")), (0, 1));
}

/// A14: who is on leave may keep the bed for as long, and no longer.
#[test]
fn a14_a_leave_explains_as_many_beds_as_it_has_days() {
    let beds = |more: u32| {
        let mut w = hospital();
        w.stay("V1", 1, 9).daily("V1", BED, 1..=8, "40");
        w.add("leave", "mdtrt_id=V1;begntime=2026-03-03 09:00:00;endtime=2026-03-05 18:00:00");
        w.fee("V1", "x", BED, "2026-03-05 20:00:00", &more.to_string(), "40");
        w.found("A14").len()
    };
    assert_eq!((beds(2), beds(3)), (0, 1), "two days away");
}

/// C04-1: drops for the eye are not what children must not swallow.
#[test]
fn c04_1_eye_drops_of_a_child() {
    let given = |name: &str| {
        let mut w = hospital();
        w.visit("V1", "P3", "11", "2026-03-02", "2026-03-02", "H10.900");
        w.fee("V1", "1", &format!("X2|{name}|09|101"), "2026-03-02", "1", "18");
        w.found("C04-1").len()
    };
    assert_eq!(
        (given("左氧氟沙星滴眼液"), given("氧氟沙星滴耳液"), given("左氧氟沙星片")),
        (0, 0, 1)
    );
}

/// E02, F09: what began at birth goes on after four weeks; a child of two years is no newborn.
#[test]
fn e02_f09_an_infant_of_two_months() {
    let care = |birth: &str| {
        let mut w = hospital();
        w.add("psn", &format!("psn_no=P6;gend=1;brdy={birth}"));
        w.visit("V1", "P6", "21", "2026-03-01 09:00:00", "2026-03-05 09:00:00", "P07.300");
        w.fee("V1", "1", "N9|新生儿听力复筛|03|201", "2026-03-02", "1", "42");
        (w.found("E02").len(), w.found("F09").len())
    };
    assert_eq!(
        (care("2026-01-05"), care("2025-04-01"), care("2024-01-05")),
        ((0, 0), (0, 0), (1, 1))
    );
}

/// H09: opening hours as people write them.
#[test]
fn h09_hours_in_full_width_signs() {
    let night = |value: &str| {
        let mut w = hospital();
        w.add("fac_unit", &format!("fixmedins_code=H1;unit_type=hours;unit_name=x;value={value}"));
        let at = "2026-03-02 23:30:00";
        w.visit("V1", "P1", "41", at, at, "").fee("V1", "1", "X1|药|09|101", at, "1", "10");
        w.found("H09").len()
    };
    for value in ["08:00-21:30", "08:00～21:30", "０８：００—２１：３０", "08:00 至 21:30"]
    {
        assert_eq!(night(value), 1, "{value}");
    }
    assert_eq!(night("08:00～23:59"), 0);
}
