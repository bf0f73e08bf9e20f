//! Natural causes that look like a wrong: what a review of the rules found that an honest house would be asked about.

use super::support::{BED, CT, DRUG, NURSE1, World, hospital, silent};

/// A19: tests made in the clinic for a stay are settled with it; a bed is not.
#[test]
fn a19_tested_before_the_bed_was_free() {
    let early = |item: &str, at: &str| {
        let mut w = hospital();
        w.stay("V1", 20, 25).fee("V1", "1", item, at, "1", "200");
        (w.found("A19").len(), silent(&w.run(), "A19", "预住院"))
    };
    assert_eq!(early(CT, "2026-03-16 09:00:00"), (0, 1));
    assert_eq!(early("L1|血常规|04|201", "2026-03-13 09:00:00"), (0, 1), "seven days");
    assert_eq!(early(CT, "2026-03-12 09:00:00"), (1, 0), "eight days");
    assert_eq!(early(BED, "2026-03-16 09:00:00"), (1, 0), "nobody lies in a bed before");
    assert_eq!(early(CT, "2026-03-26 09:00:00"), (1, 0), "and none is tested after");
    let mut w = hospital();
    w.stay("V1", 20, 25).fee("V1", "1", CT, "2026-03-16 09:00:00", "1", "200");
    let none =
        "[[adjust]]\nid = \"A19\"\nparams = { pre_days = { value = 0, origin = \"local\" } }\n";
    assert_eq!(w.found_with("A19", none).len(), 1, "a region that settles them apart");
}

/// H13: somebody who is insured on a day of the stay; and a region in which late fees count back.
#[test]
fn h13_insured_during_the_stay_or_late() {
    let insured = |from: &str, to: &str| {
        let mut w = hospital();
        w.add("insu", &format!("psn_no=P1;insutype=310;begndate={from};enddate={to}"));
        w.stay("V1", 10, 15).fee("V1", "1", CT, "2026-03-12", "1", "200");
        w
    };
    assert_eq!(insured("2026-04-01", "").found("H13").len(), 1);
    assert!(insured("2026-03-12", "").found("H13").is_empty(), "from the third day on");
    let lapsed = insured("2025-01-01", "2026-02-10");
    assert_eq!(lapsed.found("H13").len(), 1);
    let local =
        "[[adjust]]\nid = \"H13\"\nparams = { after_days = { value = 90, origin = \"local\" } }\n";
    assert!(lapsed.found_with("H13", local).is_empty(), "fees paid within three months count back");
}

/// C13: what is not paid for alone is paid for in a compound.
#[test]
fn c13_one_other_herb_makes_a_compound() {
    const LIST: &str = "C13: K1,,,,,2026-01-01,,official,x\nK2,,,,,2026-01-01,,official,x";
    let herbs = |other: &str, rx: &str, day: &str| {
        let mut w = hospital();
        w.visit("V1", "P1", "11", "2026-03-02", "2026-03-02", "K29.500");
        w.fee_with("V1", "1", "K1|示例饮片甲|10|102", "2026-03-02", "9", "1", "rx_drord_no=R1");
        w.fee_with("V1", "2", other, day, "9", "1", rx);
        w.found_with("C13", LIST).into_iter().flat_map(|f| f.bkkp_sn).collect::<Vec<_>>()
    };
    assert!(herbs("K9|黄芪|10|102", "rx_drord_no=R1", "2026-03-02").is_empty());
    assert_eq!(
        herbs("K9|黄芪|10|102", "rx_drord_no=R2", "2026-03-02"),
        ["1"],
        "another prescription"
    );
    assert!(herbs("K9|黄芪|10|102", "", "2026-03-02").is_empty(), "no number: one day");
    assert_eq!(herbs("K9|黄芪|10|102", "", "2026-03-03"), ["1"]);
    assert_eq!(herbs("X1|阿司匹林|09|101", "rx_drord_no=R1", "2026-03-02"), ["1"], "no herb");
    assert_eq!(
        herbs("K2|示例饮片乙|10|102", "rx_drord_no=R1", "2026-03-02"),
        ["1", "2"],
        "all of the list"
    );
}

/// A house that uploads what its nurses write from June on.
fn nursed_from(w: &mut World, month: u32, until: u32) {
    for m in month..=until {
        let id = format!("N{m}");
        let (from, to) = (format!("2026-{m:02}-10 09:00:00"), format!("2026-{m:02}-14 10:00:00"));
        w.visit(&id, "P2", "21", &from, &to, "I10.x00");
        let at = format!("2026-{m:02}-12 08:00:00");
        w.add("exec", &format!("mdtrt_id={id};evt_no={m};evt_type=nursing;begntime={at}"));
        w.add("vital", &format!("mdtrt_id={id};rcd_time={at}"));
    }
}

/// B29-3, A03: records exist from a month on, or are missing of one; who lay there in the other months was nursed, too.
#[test]
fn b29_3_a03_records_that_began_in_june() {
    let stay_in = |month: u32, first: u32, patients: usize| {
        let mut w = hospital();
        nursed_from(&mut w, first, 9);
        w.visit("V0", "P1", "21", "2026-01-03 09:00:00", "2026-01-05 09:00:00", "I10.x00");
        let day = |d: u32| format!("2026-{month:02}-{d:02} 09:00:00");
        for n in 0..patients {
            let id = format!("V1-{n}");
            w.visit(&id, "P1", "21", &day(1), &day(7), "I10.x00");
            for d in 1..=6 {
                w.fee(&id, &format!("n{n}-{d}"), NURSE1, &day(d), "1", "30");
            }
            w.add(
                "exec",
                &format!("mdtrt_id={id};evt_no=9{n};evt_type=order_exec;begntime={}", day(1)),
            );
        }
        let own = |rule: &str| {
            let found = w.found(rule);
            found.iter().filter(|f| f.mdtrt_id.as_deref() == Some("V1-0")).count()
        };
        (own("B29-3"), own("A03"), silent(&w.run(), "B29-3", "没有上传此类记录") > 0)
    };
    assert_eq!(stay_in(3, 6, 5), (0, 0, true), "three months before");
    assert_eq!(stay_in(6, 6, 5), (0, 0, true), "in the month itself, before the first of them");
    assert_eq!(stay_in(3, 6, 4), (1, 1, false), "of four nobody can say that it was the month");
    assert_eq!(stay_in(7, 6, 5), (1, 1, false), "where others were written, these are missing");
    assert_eq!(stay_in(3, 1, 5), (1, 1, false));
}

/// A06-1: two stays in one house that are both billed on the same days.
#[test]
fn a06_1_two_beds_in_one_house() {
    let second = |from: u32, to: u32, billed: std::ops::RangeInclusive<u32>, more: &str| {
        let mut w = hospital();
        w.stay("V1", 1, 10).daily("V1", BED, 1..=9, "40");
        let day = |d: u32| format!("2026-03-{d:02} 09:30:00");
        w.visit_with("V2", "P1", "21", &day(from), &day(to), "J18.900", more);
        for d in billed {
            w.fee("V2", &format!("b{d}"), "B2|双人间床位费|01|201", &day(d), "1", "50");
        }
        w.found("A06-1")
    };
    let found = second(7, 14, 7..=13, "");
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].mdtrt_id.as_deref(), found[0].bkkp_sn.len()),
        (Some("V2"), 3),
        "7, 8 and 9"
    );
    assert!(found[0].reason.contains("3天"), "{}", found[0].reason);
    assert!(second(10, 14, 10..=13, "").is_empty(), "end meets begin");
    assert!(second(1, 14, 10..=13, "").is_empty(), "one stay, settled in two parts");
    assert!(second(7, 14, 7..=13, "dscg_way=2").is_empty(), "handed on");
}

/// G03: the stock's own sales tell of boxes, too, and a sale that both tell is one.
#[test]
fn g03_sales_of_the_stock_name_boxes() {
    let sold = |both: bool, back: bool| {
        let mut w = hospital();
        for (id, day) in [("V1", "02"), ("V2", "09")] {
            let at = format!("2026-03-{day} 10:00:00");
            w.visit(id, "P1", "41", &at, &at, "").fee(id, &format!("l{id}"), DRUG, &at, "1", "15");
            w.add("inv_sale", &format!("fixmedins_code=H1;med_list_codg=X1;sel_retn_cnt=1;sel_retn_time={at};setl_id=S-{id};drug_trac_codg=8123"));
            if id == "V1" || both {
                w.add("trace", &format!("drug_trac_codg=8123;fixmedins_code=H1;setl_id=S-{id};mdtrt_id={id};med_list_codg=X1;setl_time={at}"));
            }
        }
        if back {
            w.add("inv_sale_return", "fixmedins_code=H1;med_list_codg=X1;sel_retn_cnt=1;sel_retn_time=2026-03-05;drug_trac_codg=8123");
        }
        w.found("G03").iter().map(|f| f.mdtrt_id.clone().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(sold(false, false), ["V2"]);
    assert_eq!(sold(true, false), ["V2"], "once");
    assert!(sold(false, true).is_empty());
}

/// F05, F08: what only one sex has, and what looks so.
#[test]
fn f05_f08_lists_of_what_one_sex_has() {
    let told = |psn: &str, dx: &str, op: &str| {
        let mut w = hospital();
        w.visit("V1", psn, "21", "2026-03-01", "2026-03-05", dx);
        w.add("oprn", &format!("setl_id=S-V1;oprn_oprt_code={op};oprn_oprt_date=2026-03-02"));
        (w.found("F08").len(), w.found("F05").len())
    };
    assert_eq!(told("P1", "N83.200", "65.6100"), (1, 1), "ovaries of a man");
    assert_eq!(told("P1", "N81.200", "70.5000"), (1, 1));
    assert_eq!(told("P2", "N43.300", "61.2x00"), (1, 1), "hydrocele of a woman");
    assert_eq!(told("P2", "I86.100", "63.1x00"), (1, 1));
    assert_eq!(told("P2", "N83.200", "65.6100"), (0, 0));
    assert_eq!(told("P1", "N43.300", "61.2x00"), (0, 0));
    assert_eq!(told("P1", "N62.x00", "85.2100"), (0, 0), "men have breasts");
    assert_eq!(
        (told("P1", "I10.x00", "64.5x00"), told("P2", "I10.x00", "64.5x00")),
        ((0, 0), (0, 0))
    );
}
