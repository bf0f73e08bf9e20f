//! Worked cases of charging, drugs, service limits and data.

use super::support::{BED, CT, DRUG, hospital, silent};
use crate::pack::Grade;

#[test]
fn b01_and_b14_items_that_contain_each_other() {
    let mut w = hospital();
    w.stay("V1", 1, 5);
    w.fee("V1", "1", "E2|CT增强扫描|03|201", "2026-03-02 09:00:00", "1", "400");
    w.fee("V1", "2", CT, "2026-03-02 09:05:00", "1", "200");
    let found = w.found("B14");
    assert_eq!((found.len(), found[0].bkkp_sn.as_slice()), (1, &["2".to_owned()][..]));
    assert_eq!(found[0].grade, Grade::S, "words of names are nobody's knowledge yet");
    let mut w = hospital();
    w.stay("V1", 1, 5);
    w.fee("V1", "1", "E2|CT增强扫描|03|201", "2026-03-02", "1", "400");
    w.fee("V1", "2", CT, "2026-03-03", "1", "200");
    assert!(w.found("B14").is_empty(), "on two days");
    let mut w = hospital();
    w.visit("V1", "P1", "13", "2026-03-02", "2026-03-02", "R50.900");
    w.fee("V1", "1", "J1|急诊监护费|05|201", "2026-03-02", "1", "80");
    w.fee("V1", "2", "J2|急诊诊察费|02|201", "2026-03-02", "1", "18");
    assert_eq!(w.found("B01").len(), 1);
    let local = "B01: J1,J9,,,,2026-01-01,,local,x\n~急诊监护费,~诊察,,,,2026-03-03,,local,x";
    assert!(w.found_with("B01", local).is_empty(), "the point was not in force that day yet");
}

/// B14 is about one part of the body.
#[test]
fn b14_two_parts_of_the_body_are_two_examinations() {
    let pictures = |a: &str, b: &str| {
        let mut w = hospital();
        w.stay("V1", 1, 5);
        w.fee("V1", "1", &format!("E2|{a}|03|201"), "2026-03-02 09:00:00", "1", "400");
        w.fee("V1", "2", &format!("E1|{b}|03|201"), "2026-03-02 09:05:00", "1", "200");
        let official = "B14: E2,E1,,,,2026-01-01,,official,x\n~CT&增强,~CT&平扫,,,,2026-01-01,2026-01-02,local,x\n~磁共振&增强,~磁共振&平扫,,,,2026-01-01,,local,x";
        w.found_with("B14", official)
            .first()
            .map(|f| (f.grade, f.doubt.iter().any(|d| d.contains("部位"))))
    };
    assert_eq!(pictures("颅脑CT增强扫描", "胸部CT平扫"), None);
    assert_eq!(pictures("腰椎CT增强扫描", "颈椎CT平扫"), None);
    assert_eq!(
        pictures("上腹部CT增强扫描", "肝脏CT平扫"),
        Some((Grade::V, true)),
        "one part by two names"
    );
    let unknown = pictures("CT增强扫描", "胸部CT平扫");
    assert_eq!(unknown, Some((Grade::S, true)), "a name that says no part");
}

/// C08: days are days, however often a day was billed.
#[test]
fn c08_days_of_a_course_are_days_and_not_lines() {
    let course = |times: &[&str]| {
        let mut w = hospital();
        w.stay("V1", 1, 20);
        for (n, at) in times.iter().enumerate() {
            w.fee("V1", &n.to_string(), DRUG, &format!("2026-03-{at}"), "1", "10");
        }
        let found = w.found_with("C08", "C08: X1,,2,天,,2026-01-01,,official,x");
        found.first().map(|f| f.bkkp_sn.clone())
    };
    let thrice = ["02 08:00:00", "02 14:00:00", "02 20:00:00", "03 08:00:00", "03 20:00:00"];
    assert_eq!(course(&thrice), None, "two days");
    let late = ["02 08:00:00", "03 08:00:00", "05 08:00:00", "05 20:00:00"];
    assert_eq!(course(&late), Some(vec!["2".to_owned(), "3".to_owned()]), "all of the third day");
}

/// C22: prophylaxis is reckoned from the incision; what was given before it was for something else.
#[test]
fn c22_hours_after_the_incision() {
    let given = |cut: &str, times: &[&str]| {
        let mut w = hospital();
        w.stay("V1", 1, 20);
        if !cut.is_empty() {
            w.add("oprn", &format!("setl_id=S-V1;oprn_oprt_code=51.23;oprn_oprt_date={cut}"));
        }
        for (n, at) in times.iter().enumerate() {
            w.fee("V1", &n.to_string(), DRUG, &format!("2026-03-{at}"), "1", "10");
        }
        let found = w.found_with("C22", "C22: X1,,1,天,,2026-01-01,,official,x");
        found.first().map(|f| f.bkkp_sn.clone())
    };
    let cut = "2026-03-04 10:00:00";
    assert_eq!(given(cut, &["02 08:00:00", "03 08:00:00", "04 09:30:00", "05 09:00:00"]), None);
    assert_eq!(
        given(cut, &["04 09:30:00", "05 09:00:00", "05 11:00:00"]),
        Some(vec!["2".to_owned()])
    );
    assert_eq!(given("2026-03-04", &["04 09:30:00", "05 23:00:00"]), None, "known to the day");
    assert_eq!(given("2026-03-04", &["04 09:30:00", "06 08:00:00"]), Some(vec!["1".to_owned()]));
    assert_eq!(given("", &["02 08:00:00", "02 20:00:00"]), None, "no operation: days");
    assert_eq!(given("", &["02 08:00:00", "03 08:00:00"]), Some(vec!["1".to_owned()]));
}

#[test]
fn b03_price_of_the_day_and_the_days_around_a_change() {
    let price = |at: &str, pric: &str| {
        let mut w = hospital();
        w.add("catalogue", "med_list_codg=E1;hilist_name=CT平扫;pric_uplmt_amt=200;begndate=2025-01-01;enddate=2026-03-09");
        w.add(
            "catalogue",
            "med_list_codg=E1;hilist_name=CT平扫;pric_uplmt_amt=150;begndate=2026-03-10",
        );
        w.stay("V1", 1, 20).fee("V1", "1", CT, at, "2", pric);
        w.found("B03")
    };
    let dear = price("2026-03-12 09:00:00", "180");
    assert_eq!(dear.len(), 1);
    assert_eq!(dear[0].amount.unwrap().to_cents(), "60.00", "30 over, twice");
    assert_eq!(dear[0].fund_amount.unwrap().to_cents(), "42.00");
    assert_eq!((dear[0].grade, dear[0].loss_method.as_str()), (Grade::V, "A"));
    assert!(price("2026-03-12", "150").is_empty());
    assert!(price("2026-03-10", "200").is_empty(), "the day of the change: the old price too");
    assert_eq!(price("2026-03-02", "201").len(), 1);
    let mut unknown = hospital();
    unknown.add("catalogue", "med_list_codg=Z9;pric_uplmt_amt=1;begndate=2025-01-01");
    unknown.stay("V1", 1, 5).fee("V1", "1", CT, "2026-03-02", "1", "999");
    assert!(unknown.found("B03").is_empty());
    assert_eq!(silent(&unknown.run(), "B03", "目录无限价"), 1);
}

#[test]
fn b04_b05_b07_limits_come_from_knowledge_points_and_their_days() {
    let mut w = hospital();
    w.stay("V1", 1, 9);
    w.fee("V1", "1", "T1|中频治疗|05|201", "2026-03-02 09:00:00", "2", "26");
    w.fee("V1", "2", "T1|中频治疗|05|201", "2026-03-02 15:00:00", "1", "26");
    assert!(w.found("B04").is_empty(), "no list, no finding");
    assert_eq!(silent(&w.run(), "B04", "未装载"), 1, "and it says so");
    let found = w.found_with("B04", "B04: T1,,2,次,,2026-01-01,,official,x");
    assert_eq!((found.len(), found[0].grade), (1, Grade::V));
    assert_eq!(found[0].bkkp_sn, ["2"], "what is over is the last");
    assert!(w.found_with("B04", "B04: T1,,3,次,,2026-01-01,,official,x").is_empty());
    assert!(
        w.found_with("B04", "B04: T1,,2,次,,2026-04-01,,official,x").is_empty(),
        "not in force"
    );
    assert_eq!(w.found_with("B05", "B05: T1,,2,次,,2026-01-01,,official,x").len(), 1);
    let over = w.found_with("B07", "B07: T1,,50,元,,2026-01-01,,official,x");
    assert_eq!(over[0].amount.unwrap().to_cents(), "28.00", "78 against 50");
}

#[test]
fn b08_b09_hours_of_a_day_and_of_a_stay() {
    let oxygen = |cnt: &str| {
        let mut w = hospital();
        w.stay("V1", 1, 2).fee("V1", "1", "T2|吸氧|05|201", "2026-03-01", cnt, "3");
        w
    };
    assert_eq!(oxygen("25").found("B08").len(), 1);
    assert!(oxygen("24").found("B08").is_empty());
    assert_eq!(oxygen("26").found("B09").len(), 1, "25 hours in the house");
    assert!(oxygen("25").found("B09").is_empty());
}

/// A ward that writes the hours of a stay when the patient leaves bills a day of many hours, and no hour too many.
#[test]
fn b08_hours_of_a_stay_written_on_its_last_day() {
    let posted = |day: &str, cnt: &str, more: bool| {
        let mut w = hospital();
        w.stay("V1", 1, 4).fee("V1", "1", "T2|吸氧|05|201", day, cnt, "3");
        if more {
            w.fee("V1", "0", "T2|吸氧|05|201", "2026-03-02 20:00:00", "10", "3");
        }
        (w.found("B08").len(), silent(&w.run(), "B08", "出院日一次补记"))
    };
    let last = "2026-03-04 09:30:00";
    assert_eq!(posted(last, "60", false), (0, 1), "73 hours in the house");
    assert_eq!(posted(last, "63", true), (0, 1), "63 and 10 are all 73");
    assert_eq!(posted(last, "64", true), (1, 0), "one more than the stay has");
    assert_eq!(posted(last, "74", false), (1, 0));
    assert_eq!(posted(last, "20", false), (0, 0));
    assert_eq!(posted("2026-03-03 09:30:00", "60", false), (1, 0), "written for days to come");
}

#[test]
fn b06_the_second_operation_of_a_day_in_full() {
    let second = |pric: &str, at: &str| {
        let mut w = hospital();
        w.add("catalogue", "med_list_codg=O1;pric_uplmt_amt=2000;begndate=2025-01-01");
        w.add("catalogue", "med_list_codg=O2;pric_uplmt_amt=1000;begndate=2025-01-01");
        w.stay("V1", 1, 9).fee(
            "V1",
            "1",
            "O1|胆囊切除术|06|201",
            "2026-03-02 09:00:00",
            "1",
            "2000",
        );
        w.fee("V1", "2", "O2|阑尾切除术|06|201", at, "1", pric);
        w.found("B06")
    };
    let full = second("1000", "2026-03-02 09:00:00");
    assert_eq!(full[0].amount.unwrap().to_cents(), "250.00", "75 % of 1000 were due");
    assert!(second("750", "2026-03-02 09:00:00").is_empty());
    assert!(second("1000", "2026-03-05 09:00:00").is_empty(), "another day");
}

#[test]
fn b27_no_machine_that_day() {
    let device = |row: &str, more: &str| {
        let mut w = hospital();
        w.add("equip", &format!("equip_no=M1;fixmedins_code=H1;name=CT机;item_codes=E1;{row}"));
        w.stay("V1", 1, 9).fee_with("V1", "1", CT, "2026-03-05", "1", "200", more);
        w.found("B27").len()
    };
    assert_eq!(device("in_use_date=2026-04-01", ""), 1);
    assert_eq!(device("in_use_date=2025-04-01", ""), 0);
    assert_eq!(device("in_use_date=2025-04-01;stop_begn=2026-03-01;stop_end=2026-03-08", ""), 1);
    assert_eq!(
        device("in_use_date=2025-04-01;stop_begn=2026-03-05;stop_end=2026-03-08", ""),
        0,
        "edge"
    );
    assert_eq!(device("in_use_date=2026-04-01", "etip_flag=1"), 0, "examined elsewhere");
}

#[test]
fn b29_b31_charges_without_any_record_and_what_is_only_not_uploaded() {
    let base = || {
        let mut w = hospital();
        for (entity, row) in [
            (
                "drord",
                "mdtrt_id=V1;drord_no=1;drord_type=2;drord_detl_code=X9;drord_detl_name=其他;medc_begntime=2026-03-29",
            ),
            ("exec", "mdtrt_id=V9;evt_no=1;evt_type=nursing;begntime=2026-03-29"),
            (
                "lab",
                "mdtrt_id=V9;rpotc_no=1;exam_item_code=L9;exam_item_name=其他;rpt_date=2026-03-29",
            ),
            (
                "exam",
                "mdtrt_id=V9;rpotc_no=1;exam_item_code=L9;exam_item_name=其他;rpt_date=2026-03-29",
            ),
            ("oprn", "setl_id=S-V9;oprn_oprt_code=1;oprn_oprt_date=2026-03-29"),
        ] {
            w.add(entity, row);
        }
        w.stay("V1", 1, 5).stay("V9", 28, 30).fee("V1", "1", CT, "2026-03-03", "1", "200");
        w
    };
    assert_eq!(base().found("B29").len(), 1);
    assert_eq!(base().found("B31").len(), 1);
    let mut ordered = base();
    ordered.add("drord", "mdtrt_id=V1;drord_no=2;drord_type=2;drord_detl_code=E1;drord_detl_name=CT平扫;medc_begntime=2026-03-03");
    assert!(ordered.found("B29").is_empty());
    let mut reported = base();
    reported.add(
        "exam",
        "mdtrt_id=V1;rpotc_no=7;exam_item_code=ZZ;exam_item_name=胸部CT平扫;rpt_date=2026-03-04",
    );
    assert!(reported.found("B31").is_empty(), "another name for the same");
    assert!(reported.found("B29").is_empty());
    let mut young = base();
    let cutoff = |w: &mut super::support::World, table: &str| {
        if let spotcheck_domain::columns::Cell::Time(at) =
            spotcheck_domain::columns::Cell::time("2026-03-06")
        {
            w.columns.set_cutoff(table, at);
        }
    };
    cutoff(&mut young, "exam");
    assert!(young.found("B31").is_empty());
    assert_eq!(
        silent(&young.run(), "B31", "未上传"),
        1,
        "not there is not the same as not uploaded"
    );
}

#[test]
fn b30_more_billed_than_ordered() {
    let ordered = |order: &str| {
        let mut w = hospital();
        w.stay("V1", 1, 5).fee("V1", "1", DRUG, "2026-03-02", "5", "10");
        w.add(
            "drord",
            &format!("mdtrt_id=V1;drord_no=1;drord_detl_code=X1;medc_begntime=2026-03-02;{order}"),
        );
        w
    };
    let found = ordered("drord_type=2;dismed_cnt=3").found("B30");
    assert_eq!(found[0].amount.unwrap().to_cents(), "20.00");
    assert!(ordered("drord_type=2;dismed_cnt=5").found("B30").is_empty());
    let standing = ordered("drord_type=1");
    assert!(standing.found("B30").is_empty());
    assert_eq!(silent(&standing.run(), "B30", "长期医嘱没有数量"), 1);
}

#[test]
fn c05_e01_f08_sex_and_the_newborn_on_the_mothers_account() {
    let mut w = hospital();
    w.stay("V1", 1, 5).fee("V1", "1", "G1|宫颈活检|03|201", "2026-03-02", "1", "90");
    assert_eq!(w.found("E01").len(), 1, "a man");
    let official = "E01: G1,,,,2,2026-01-01,,official,x\n~宫颈,,,,2,2026-01-01,2026-01-02,local,x\n~前列腺,,,,1,2026-01-01,2026-01-02,local,x\n~睾丸,,,,1,2026-01-01,,local,x\n~子宫,,,,2,2026-01-01,,local,x\n~卵巢,,,,2,2026-01-01,,local,x\n~剖宫产,,,,2,2026-01-01,,local,x\n~阴道镜,,,,2,2026-01-01,,local,x";
    assert_eq!(w.found_with("E01", official)[0].grade, Grade::V);
    let mut birth = hospital();
    birth.add("psn", "psn_no=P6;gend=1;brdy=2026-02-20");
    birth.visit("V1", "P6", "21", "2026-03-01", "2026-03-05", "Z38.000");
    birth.fee("V1", "1", "G1|宫颈活检|03|201", "2026-03-02", "1", "90");
    assert_eq!(birth.found_with("E01", official)[0].grade, Grade::S, "a birth in sight");
    let mut woman = hospital();
    woman.visit("V1", "P2", "21", "2026-03-01", "2026-03-05", "N80.900");
    woman.fee("V1", "1", "G1|宫颈活检|03|201", "2026-03-02", "1", "90");
    assert!(woman.found("E01").is_empty() && woman.found("F08").is_empty());
    let mut man = hospital();
    man.stay("V1", 1, 5)
        .add("diag", "mdtrt_id=V1;inout_diag_type=2;maindiag_flag=0;diag_code=N80.900");
    assert_eq!(man.found("F08")[0].reason, "诊断N80.900与登记性别(男)不符");
    let mut unknown = hospital();
    unknown.add("psn", "psn_no=P7;gend=9;brdy=1980-01-01");
    unknown.visit("V1", "P7", "21", "2026-03-01", "2026-03-05", "N80.900");
    assert!(unknown.found("F08").is_empty());
    assert_eq!(silent(&unknown.run(), "F08", "性别缺失"), 1);
}

#[test]
fn c03_c06_c07_c11_limits_of_age_level_way_and_disease() {
    let mut w = hospital();
    w.stay("V1", 1, 5).fee("V1", "1", DRUG, "2026-03-02", "1", "10");
    assert_eq!(w.found_with("C03", "C03: X1,,14,岁,,2026-01-01,,official,x").len(), 1);
    assert!(
        w.found_with("C03", "C03: X1,,66,岁,,2026-01-01,,official,x").is_empty(),
        "65 on that day"
    );
    let mut infant = hospital();
    infant.add("psn", "psn_no=P6;gend=1;brdy=2025-08-20");
    infant.visit("V1", "P6", "11", "2026-03-02", "2026-03-02", "J06.900");
    infant.fee("V1", "1", DRUG, "2026-03-02", "1", "10");
    let months = |n: u32| {
        infant.found_with("C03", &format!("C03: X1,,{n},个月,,2026-01-01,,official,x")).len()
    };
    assert_eq!((months(6), months(5)), (0, 1), "six months and ten days");
    assert_eq!(w.found_with("C06", "C06: X1,,,,01|02|03|04,2026-01-01,,official,x").len(), 1);
    assert!(w.found_with("C06", "C06: X1,,,,05|06,2026-01-01,,official,x").is_empty());
    assert_eq!(w.found_with("C07", "C07: X1,,,,11|14,2026-01-01,,official,x").len(), 1);
    assert!(w.found_with("C07", "C07: X1,,,,21,2026-01-01,,official,x").is_empty());
    assert_eq!(w.found_with("C01", "C01: X1,,,,K25|K26,2026-01-01,,official,x").len(), 1);
    assert!(w.found_with("C01", "C01: X1,,,,I10,2026-01-01,,official,x").is_empty());
    let mut chronic = hospital();
    chronic.visit("V1", "P1", "14", "2026-03-02", "2026-03-02", "I10.x00");
    chronic.fee_with("V1", "1", DRUG, "2026-03-02", "1", "10", "dise_codg=M03900");
    assert_eq!(chronic.found_with("C11", "C11: X1,,,,M01600,2026-01-01,,official,x").len(), 1);
    assert!(chronic.found_with("C11", "C11: X1,,,,M03900,2026-01-01,,official,x").is_empty());
}

#[test]
fn c09_c24_c25_c27_days_of_supply() {
    let mut w = hospital();
    let buy = |w: &mut super::support::World, id: &str, day: &str, days: &str| {
        w.visit(id, "P1", "14", day, day, "I10.x00");
        w.fee_with(id, "1", DRUG, day, "1", "10", &format!("prd_days={days};rx_drord_no=R{id}"));
    };
    buy(&mut w, "V1", "2026-01-01", "90");
    assert_eq!(w.found("C09").len(), 1, "90 days against 84");
    let mut w = hospital();
    buy(&mut w, "V1", "2026-01-01", "84");
    assert!(w.found("C09").is_empty());
    buy(&mut w, "V2", "2026-01-20", "84");
    assert_eq!(w.found("C25").len(), 1, "19 of 84 days");
    assert_eq!(w.found("C24").len(), 1, "65 left and 84 more are above 120");
    let mut w = hospital();
    buy(&mut w, "V1", "2026-01-01", "84");
    buy(&mut w, "V2", "2026-03-20", "84");
    assert!(w.found("C25").is_empty() && w.found("C24").is_empty());
    let times = |n: u32| {
        let mut w = hospital();
        for k in 0..n {
            buy(&mut w, &format!("V{k}"), &format!("2026-01-{:02}", 1 + 3 * k), "3");
        }
        w.found("C27").len()
    };
    assert_eq!((times(5), times(4)), (1, 0));
}

#[test]
fn c26_only_what_is_taken_home() {
    let drugs = |more: &str| {
        let mut w = hospital();
        w.stay("V1", 1, 20);
        for sn in ["1", "2"] {
            let more = format!("prd_days=20;rx_drord_no=R1;{more}");
            w.fee_with("V1", sn, DRUG, "2026-03-20 09:00:00", "1", "10", &more);
        }
        w.found("C26").len()
    };
    assert_eq!((drugs("dscg_tkdrug_flag=1"), drugs("")), (1, 0));
}

#[test]
fn e12_c31_a_kind_of_record_that_never_comes_says_nothing_by_its_absence() {
    let mut w = hospital();
    w.stay("V1", 1, 5).fee("V1", "1", "K1|运动疗法|05|201", "2026-03-02", "1", "45");
    assert!(w.found("E12").is_empty());
    assert_eq!(silent(&w.run(), "E12", "没有对应项目"), 1);
    w.visit("V2", "P2", "21", "2026-03-01", "2026-03-05", "G81.900");
    w.fee("V2", "1", "K9|康复综合评定|05|201", "2026-03-02", "1", "60");
    assert_eq!(w.found("E12").len(), 1, "here they do assess");
}

/// F02: an interface that leaves a field out is one matter of the house, not one of every patient.
#[test]
fn f02_a_field_that_is_missing_all_over_the_house_is_told_once() {
    let clinic = |without: u32, also: &str| {
        let mut w = hospital();
        for n in 0..40 {
            let id = format!("V{n}");
            w.visit(&id, "P1", "11", "2026-03-02", "2026-03-02", "I10.x00");
            let doctor = if n < without { "bilg_dr_code=" } else { "" };
            w.fee_with(&id, &format!("a{n}"), DRUG, "2026-03-02", "1", "10", doctor);
        }
        w.fee("V39", "x", &format!("{also}|没有编码|05|201"), "2026-03-02", "1", "10");
        w
    };
    let wide = clinic(20, "");
    let told = wide.found("F02-2");
    assert_eq!((told.len(), &told[0].mdtrt_id, told[0].grade), (1, &None, Grade::S));
    assert!(
        told[0].reason.contains("20次就诊") && told[0].reason.contains("医师(50"),
        "{}",
        told[0].reason
    );
    let single: Vec<_> = wide.found("F02").into_iter().map(|f| f.bkkp_sn).collect();
    assert_eq!(single, [["x".to_owned()]], "a code is missing in one visit only");
    assert_eq!(silent(&wide.run(), "F02", "普遍缺失"), 20);
    let few = clinic(19, "Z1");
    assert_eq!((few.found("F02-2").len(), few.found("F02").len()), (0, 19));
    let never = clinic(40, "Z1");
    assert_eq!(never.found("F02-2").len(), 1, "one line of the house names a doctor");
    let mut nobody = hospital();
    for n in 0..40 {
        let id = format!("V{n}");
        nobody.visit(&id, "P1", "11", "2026-03-02", "2026-03-02", "I10.x00");
        nobody.fee_with(&id, &format!("a{n}"), DRUG, "2026-03-02", "1", "10", "bilg_dr_code=");
    }
    assert!(nobody.found("F02-2").is_empty() && nobody.found("F02").is_empty());
}

#[test]
fn f02_f12_what_is_missing_is_said() {
    let mut w = hospital();
    w.visit("V1", "P1", "11", "2026-03-02", "2026-03-02", "");
    w.fee("V1", "1", "|没有编码|05|201", "2026-03-02", "1", "10");
    w.fee("V1", "2", BED, "2026-03-02", "1", "10");
    assert_eq!(w.found("F02")[0].bkkp_sn, ["1"]);
    let mut shop = hospital();
    shop.visit("V1", "P1", "41", "2026-03-02", "2026-03-02", "");
    shop.fee_with("V1", "1", DRUG, "2026-03-02", "1", "10", "bilg_dr_code=");
    assert!(shop.found("F02-1").is_empty(), "a pharmacy bills without a doctor");
    w.visit("V2", "P2", "11", "2026-03-02", "2026-03-02", "I10.x00");
    assert_eq!(w.found("F12").len(), 1);
    let mut w = hospital();
    w.visit("V1", "P1", "11", "2026-03-02", "2026-03-02", "I10.x00").fee(
        "V1",
        "2",
        BED,
        "2026-03-02",
        "1",
        "10",
    );
    assert!(w.found("F12").is_empty() && w.found("F02").is_empty());
}
