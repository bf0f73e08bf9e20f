//! Worked cases of stock, trace codes, cards, staff and statistics.

use super::support::{BED, CT, DRUG, World, hospital, silent};

#[test]
fn g01_settled_more_than_there_ever_was() {
    let shop = |sold: &str, more: &str| {
        let mut w = hospital();
        w.add("inv_check", "fixmedins_code=H1;fixmedins_bchno=1;med_list_codg=X1;fixmedins_hilist_name=阿司匹林;invdate=2026-01-01;inv_cnt=10");
        w.add("inv_purchase", "fixmedins_code=H1;fixmedins_bchno=1;med_list_codg=X1;purc_retn_cnt=20;purc_retn_stoin_time=2026-02-01;purc_invo_no=1;finl_trns_pric=8");
        if !more.is_empty() {
            w.add("inv_sale", &format!("fixmedins_code=H1;fixmedins_bchno=1;med_list_codg=X1;sel_retn_cnt=1;sel_retn_time=2026-02-10;setl_id=S-V1;{more}"));
        }
        w.visit("V1", "P1", "41", "2026-03-01", "2026-03-01", "").fee(
            "V1",
            "1",
            DRUG,
            "2026-03-01",
            sold,
            "10",
        );
        w
    };
    let found = shop("31", "").found("G01");
    assert_eq!(found.len(), 1);
    assert!(
        found[0].reason.contains("结算31") && found[0].reason.contains("只有30"),
        "{}",
        found[0].reason
    );
    assert!(shop("30", "").found("G01").is_empty());
    let split = shop("31", "trdn_flag=1");
    assert!(split.found("G01").is_empty(), "split boxes: another unit");
    assert_eq!(silent(&split.run(), "G01", "拆零"), 1);
}

#[test]
fn g03_one_box_in_two_sales_and_the_double_scan_that_was_taken_back() {
    let sold = |kind: &str, second: &str| {
        let mut w = hospital();
        for (n, refunded) in [("V1", "0"), ("V2", second)] {
            w.visit(n, "P1", kind, "2026-03-01", "2026-03-02", "I10.x00").fee(
                n,
                "1",
                DRUG,
                "2026-03-01",
                "1",
                "10",
            );
            w.add("trace", &format!("drug_trac_codg=81000000000000000001;fixmedins_code=H1;setl_id=S-{n};mdtrt_id={n};psn_no=P1;med_list_codg=X1;setl_time=2026-03-01 10:00:00;refd_flag={refunded}"));
        }
        w.found("G03").len()
    };
    assert_eq!(sold("41", "0"), 1);
    assert_eq!(sold("41", "1"), 0, "double scan, refunded");
    assert_eq!(sold("21", "0"), 0, "one box opened for several inpatients");
}

/// G04, G07: what another house settled under a code, and every natural way of a box beside it.
#[test]
fn g04_g07_a_box_that_another_house_settled() {
    // (days of settlements elsewhere, further cells there, rows here) → findings of G04 and G07, and the silence.
    let box_of = |others: &[&str], there: &str, here: &[(&str, &str)]| {
        let mut w = hospital();
        w.visit("V1", "P1", "41", "2026-03-02 10:00:00", "2026-03-02 10:00:00", "");
        w.fee("V1", "1", DRUG, "2026-03-02 10:00:00", "1", "10");
        w.add("trace", "drug_trac_codg=80000000000000000017;fixmedins_code=H1;setl_id=S-V1;mdtrt_id=V1;med_list_codg=X1;setl_time=2026-03-02 10:00:00;refd_flag=0");
        w.add("inv_check", "fixmedins_code=H1;fixmedins_bchno=1;med_list_codg=X1;fixmedins_hilist_name=阿司匹林;invdate=2026-03-20;inv_cnt=1;drug_trac_codg=80000000000000000017, 80000000000000000018");
        w.columns.carry("trace_other");
        for at in others {
            for code in ["80000000000000000017", "80000000000000000018", "80000000000000000099"] {
                w.add("trace_other", &format!("drug_trac_codg={code};fixmedins_code=H2;fixmedins_name=示例药房;setl_time={at};med_type=41;med_list_codg=X1;{there}"));
            }
        }
        for (entity, row) in here {
            w.add(entity, row);
        }
        w
    };
    let clear = "refd_flag=0;trdn_flag=0";
    let once = ["2026-03-05 09:00:00"];
    let counts = |w: &World| (w.found("G04").len(), w.found("G07").len());
    let w = box_of(&once, clear, &[]);
    let (settled, shelf) = (w.found("G04"), w.found("G07"));
    assert_eq!((settled.len(), shelf.len()), (1, 1), "two boxes of one drug are one finding");
    assert_eq!(settled[0].bkkp_sn, ["1"]);
    let said = &settled[0].reason;
    assert!(said.contains("尾号000000017") && said.contains("2026-03-05在示例药房"), "{said}");
    let said = &shelf[0].reason;
    assert!(said.contains("2盒(尾号000000017、000000018)"), "{said}");
    assert_eq!(
        counts(&box_of(&["2026-03-20 09:00:00"], clear, &[])),
        (1, 0),
        "on the day of the count"
    );
    for (there, why) in [
        ("refd_flag=1;trdn_flag=0", "其他机构已退药或冲正"),
        ("refd_flag=0;trdn_flag=1", "其他机构拆零"),
        ("refd_flag=0;trdn_flag=0;med_type=21", "其他机构住院拆零"),
    ] {
        let w = box_of(&once, there, &[]);
        assert_eq!(counts(&w), (0, 0), "{there}");
        let run = w.run();
        assert_eq!((silent(&run, "G04", why), silent(&run, "G07", why)), (1, 2), "{there}");
    }
    let other = box_of(&once, "refd_flag=0;trdn_flag=0;med_list_codg=X2", &[]).found("G04");
    assert!(other[0].doubt.iter().any(|d| d.contains("另一药品")), "{:?}", other[0].doubt);
    assert!(!settled[0].doubt.iter().any(|d| d.contains("另一药品")));
    // A stop-gap for goods without a code: eleven settlements of one "box".
    let days: Vec<String> = (1..=11).map(|d| format!("2026-02-{d:02} 09:00:00")).collect();
    let days: Vec<&str> = days.iter().map(String::as_str).collect();
    assert_eq!(counts(&box_of(&days, clear, &[])), (0, 0));
    assert_eq!(counts(&box_of(&days[1..], clear, &[])), (1, 1));
    // Brought back here, or sold here by the piece.
    let back = "fixmedins_code=H1;med_list_codg=X1;sel_retn_cnt=1;sel_retn_time=2026-03-06;drug_trac_codg=80000000000000000017,80000000000000000018";
    assert_eq!(counts(&box_of(&once, clear, &[("inv_sale_return", back)])), (0, 0));
    let piece = "fixmedins_code=H1;med_list_codg=X1;sel_retn_cnt=9;sel_retn_time=2026-03-02;trdn_flag=1;drug_trac_codg=80000000000000000017,80000000000000000018";
    assert_eq!(counts(&box_of(&once, clear, &[("inv_sale", piece)])), (0, 0));
    // Nobody else settled it: nothing, and nothing to say. Nobody looked: that is said.
    let alone = box_of(&[], clear, &[]);
    assert_eq!(counts(&alone), (0, 0));
    assert_eq!(silent(&alone.run(), "G04", ""), 0);
    let mut old = hospital();
    old.visit("V1", "P1", "41", "2026-03-02", "2026-03-02", "");
    for rule in ["G04", "G07"] {
        assert_eq!(silent(&old.run(), rule, "须由中心联网复核"), 1, "{rule}");
    }
}

#[test]
fn g08_g11_what_lies_on_the_shelf() {
    let mut w = hospital();
    w.visit("V1", "P1", "41", "2026-03-01", "2026-03-01", "").fee(
        "V1",
        "1",
        DRUG,
        "2026-03-01",
        "1",
        "10",
    );
    w.add("trace", "drug_trac_codg=T1;fixmedins_code=H1;setl_id=S-V1;mdtrt_id=V1;med_list_codg=X1;setl_time=2026-03-01;refd_flag=0");
    w.add("inv_check", "fixmedins_code=H1;fixmedins_bchno=1;med_list_codg=X1;invdate=2026-03-20;inv_cnt=1;drug_trac_codg=T1,T2");
    assert_eq!(w.found("G08").len(), 1);
    let count = |found: &str| {
        let mut w = hospital();
        w.visit("V1", "P1", "41", "2026-03-01", "2026-03-01", "");
        for (day, n) in [("2026-01-01", "100"), ("2026-03-01", found)] {
            w.add(
                "inv_check",
                &format!(
                    "fixmedins_code=H1;fixmedins_bchno=1;med_list_codg=X1;invdate={day};inv_cnt={n}"
                ),
            );
        }
        w.add("inv_sale", "fixmedins_code=H1;fixmedins_bchno=1;med_list_codg=X1;sel_retn_cnt=30;sel_retn_time=2026-02-01");
        w.found("G11").len()
    };
    assert_eq!((count("70"), count("72"), count("73"), count("60")), (0, 0, 1, 1));
}

#[test]
fn h01_h02_h11_cards_at_the_till() {
    let two = |second: &str, amount: &str| {
        let mut w = hospital();
        for (id, at, total) in [("V1", "2026-03-01 10:00:00", "88"), ("V2", second, amount)] {
            w.add(
                "mdtrt_d",
                &format!("mdtrt_id={id};psn_no=P1;fixmedins_code=H1;med_type=41;begntime={at}"),
            );
            w.settle(id, total, "0", "", at);
        }
        w.found("H01").len()
    };
    assert_eq!(two("2026-03-01 10:00:40", "88"), 1);
    assert_eq!(two("2026-03-01 10:01:40", "88"), 0);
    assert_eq!(two("2026-03-01 10:00:40", "89"), 0);
    assert_eq!(two("2026-03-01", "88"), 0, "known to the day only");
    let visits = |n: u32| {
        let mut w = hospital();
        for k in 0..n {
            w.visit(&format!("V{k}"), "P1", "11", &format!("2026-03-{:02}", 1 + k), "", "I10.x00");
        }
        w.found("H11").len()
    };
    assert_eq!((visits(20), visits(19)), (1, 0));
}

#[test]
fn a02_c28_h02_h03_here_and_there() {
    let next = |from: &str, dx: &str| {
        let mut w = hospital();
        w.stay("V1", 1, 5);
        w.add("psn_other", &format!("kind=visit;psn_no=P1;fixmedins_code=H2;mdtrt_id=Q1;med_type=21;begntime={from};endtime=2026-03-20;diag_code={dx};medfee_sumamt=1;fund_pay_sumamt=1"));
        w.found("A02").len()
    };
    assert_eq!(
        (next("2026-03-06", "I10.x00"), next("2026-03-07", "I10.x00"), next("2026-03-06", "K35.8")),
        (1, 0, 0)
    );
    let hoard = |facilities: &[&str], cnt: &str| {
        let mut w = hospital();
        w.visit("V1", "P1", "14", "2026-03-01", "2026-03-01", "I10.x00").fee(
            "V1",
            "1",
            DRUG,
            "2026-03-01",
            cnt,
            "10",
        );
        for f in facilities {
            w.add("psn_other", &format!("kind=drug;psn_no=P1;fixmedins_code={f};med_type=41;begntime=2026-04-01;med_list_codg=X1;cnt=25"));
        }
        w.found("C28").len()
    };
    assert_eq!(
        (hoard(&["H2", "H3"], "11"), hoard(&["H2", "H3"], "10"), hoard(&["H2"], "90")),
        (1, 0, 0)
    );
    let cards = |n: u32, step: u32| {
        let mut w = hospital();
        for k in 0..n {
            let at = format!("2026-03-01 10:{:02}:00", k * step);
            w.add(
                "mdtrt_d",
                &format!("mdtrt_id=V{k};psn_no=Q{k};fixmedins_code=H1;med_type=41;begntime={at}"),
            );
            w.settle(&format!("V{k}"), "66", "0", "", &at);
        }
        w.found("H02").len()
    };
    assert_eq!((cards(5, 2), cards(4, 2), cards(5, 3)), (1, 0, 0));
    let hop = |at: &str| {
        let mut w = hospital();
        w.visit("V1", "P1", "41", "2026-03-01 10:00:00", "2026-03-01 10:00:00", "").fee(
            "V1",
            "1",
            DRUG,
            "2026-03-01",
            "1",
            "10",
        );
        w.add(
            "psn_other",
            &format!(
                "kind=visit;psn_no=P1;fixmedins_code=H2;mdtrt_id=Q1;med_type=41;begntime={at}"
            ),
        );
        w.found("H03").len()
    };
    assert_eq!(
        (hop("2026-03-01 10:20:00"), hop("2026-03-01 10:40:00"), hop("2026-03-01")),
        (1, 0, 0)
    );
}

/// H03: what was prescribed is fetched at once at the chemist next door; the other way round it is not.
#[test]
fn h03_from_the_doctor_to_the_chemist() {
    let hop = |here: &str, there: &str, minute: u32| {
        let mut w = hospital();
        let at = "2026-03-01 10:20:00";
        w.visit("V1", "P1", here, at, at, "J06.900");
        w.add(
            "psn_other",
            &format!(
                "kind=visit;psn_no=P1;fixmedins_code=P2;mdtrt_id=O1;med_type={there};\
                 begntime=2026-03-01 10:{minute:02}:00;endtime=2026-03-01 10:{minute:02}:00"
            ),
        );
        (w.found("H03").len(), silent(&w.run(), "H03", "到药店取药"))
    };
    assert_eq!(hop("11", "41", 34), (0, 1), "the clinic is ours");
    assert_eq!(hop("41", "11", 6), (0, 1), "the chemist is ours");
    assert_eq!(hop("11", "41", 6), (1, 0), "the card was at the chemist first");
    assert_eq!(hop("11", "11", 34), (1, 0));
    assert_eq!(hop("41", "41", 34), (1, 0));
}

#[test]
fn c17_k2_classes_and_g12_k4_purchase_and_j09_groups() {
    let two = |second: &str| {
        let mut w = hospital();
        w.visit("V1", "P1", "14", "2026-03-01", "2026-03-01", "I10.x00");
        w.fee_with("V1", "1", "X1|甲|09|101", "2026-03-01", "1", "10", "prd_days=7");
        w.fee_with("V1", "2", "X2|乙|09|101", second, "1", "10", "prd_days=7");
        w.found_with(
            "C17",
            "C17: X1,,,,甲类药,2026-01-01,,official,x\nX2,,,,甲类药,2026-01-01,,official,x",
        )
        .len()
    };
    assert_eq!((two("2026-03-03"), two("2026-03-07")), (1, 0), "five days together; one");
    let price = |paid: &str| {
        let mut w = hospital();
        w.add("inv_purchase", &format!("fixmedins_code=H1;fixmedins_bchno=1;med_list_codg=X1;purc_retn_cnt=1;purc_retn_stoin_time=2026-02-01;finl_trns_pric={paid}"));
        w.visit("V1", "P1", "41", "2026-03-01", "2026-03-01", "").fee(
            "V1",
            "1",
            DRUG,
            "2026-03-01",
            "1",
            "12",
        );
        w.found("G12").len()
    };
    assert_eq!((price("7"), price("8")), (1, 0));
    let mut w = hospital();
    for k in 0..31 {
        w.visit(
            &format!("V{k}"),
            "P1",
            "21",
            &format!("2026-01-{:02}", 1 + k),
            "2026-03-01",
            "I10.x00",
        );
        let cnt = if k == 30 { "90".to_owned() } else { (10 + k % 5).to_string() };
        w.fee(&format!("V{k}"), "1", DRUG, "2026-02-01", &cnt, "10");
    }
    assert_eq!(w.found("J09").len(), 1);
}

#[test]
fn h05_h15_i02_at_the_counter_and_the_desk() {
    let mut w = hospital();
    w.visit("V1", "P1", "41", "2026-03-01", "2026-03-01", "");
    w.fee("V1", "1", DRUG, "2026-03-01", "1", "12");
    w.fee_with("V1", "2", DRUG, "2026-03-01", "1", "12", "rx_drord_no=R1");
    let list = "H05: X1,,,,,2026-01-01,,official,x";
    assert_eq!(w.found_with("H05", list)[0].bkkp_sn, ["1"]);
    w.add("inv_sale", "fixmedins_code=H1;fixmedins_bchno=1;med_list_codg=X1;sel_retn_cnt=1;sel_retn_time=2026-03-01;hi_feesetl_type=2;finl_trns_pric=10");
    assert_eq!(w.found("H15").len(), 2);
    let mut w = hospital();
    w.add("staff", "prac_psn_code=D001;prac_psn_type=1;fixmedins_code=H1;begntime=2020-01-01;endtime=2026-03-01");
    w.stay("V1", 1, 5).fee("V1", "1", BED, "2026-03-01", "1", "10").fee(
        "V1",
        "2",
        CT,
        "2026-03-02",
        "1",
        "10",
    );
    assert_eq!(w.found("I02")[0].bkkp_sn, ["2"], "the last day still counts");
}

#[test]
fn b26_b25_i03_more_than_machines_and_people_can() {
    let mut w = hospital();
    w.add("equip", "equip_no=M1;fixmedins_code=H1;name=CT机;item_codes=E1");
    w.add("equip_log", "equip_no=M1;log_date=2026-03-02;use_cnt=2");
    w.add("equip_log", "equip_no=M1;log_date=2026-03-29;use_cnt=2");
    w.stay("V1", 1, 5);
    for sn in ["1", "2", "3"] {
        w.fee("V1", sn, CT, "2026-03-02", "1", "200");
    }
    let found = w.found("B26");
    assert_eq!(
        (found[0].bkkp_sn.len(), found[0].amount.unwrap().to_cents()),
        (3, "200.00".to_owned())
    );
    let work = |minutes: &str, n: u32| {
        let mut w = hospital();
        w.stay("V1", 1, 5);
        for k in 0..n {
            w.add("exec", &format!("mdtrt_id=V1;evt_no={k};evt_type=treat;item_code=T1;item_name=推拿;begntime=2026-03-02;exec_psn_code=Z1"));
        }
        let found = w.found_with("B25", &format!("B25: T1,,{minutes},分钟,,2026-01-01,,local,x"));
        (found.len(), found.first().map(|f| f.people.executing.clone()).unwrap_or_default())
    };
    assert_eq!(work("30", 17), (1, vec!["Z1".to_owned()]), "510 minutes in a shift of 480");
    assert_eq!(work("30", 16).0, 0);
    let mut w = hospital();
    w.stay("V1", 1, 5).visit("V2", "P2", "21", "2026-03-01", "2026-03-05", "K35.801");
    let op = |w: &mut World, visit: &str, from: &str, to: &str| {
        w.add("exec", &format!("mdtrt_id={visit};evt_no={from};evt_type=oprn;item_name={visit}术;begntime=2026-03-02 {from};endtime=2026-03-02 {to};exec_psn_code=D1"));
    };
    op(&mut w, "V1", "09:00:00", "10:30:00");
    op(&mut w, "V2", "10:25:00", "11:30:00");
    assert!(w.found("I03").is_empty(), "five minutes between two tables");
    op(&mut w, "V2", "09:30:00", "10:20:00");
    assert_eq!(w.found("I03").len(), 1);
}

#[test]
fn b32_f14_h16_the_same_to_the_letter() {
    let mut w = hospital();
    w.stay("V1", 1, 5).visit("V2", "P2", "21", "2026-03-01", "2026-03-05", "K35.801");
    for visit in ["V1", "V2"] {
        w.add("exec", &format!("mdtrt_id={visit};evt_no={visit};evt_type=exam;item_code=E1;begntime=2026-03-02;exec_psn_code=D1;result_hash=abc"));
    }
    assert_eq!(w.found("B32").len(), 1);
    let mut w = hospital();
    w.stay("V1", 1, 3).stay("V2", 10, 12);
    for visit in ["V1", "V2"] {
        w.add("exec", &format!("mdtrt_id={visit};evt_no={visit};evt_type=exam;item_code=E1;begntime=2026-03-02;exec_psn_code=D1;result_hash=abc"));
    }
    assert!(w.found("B32").is_empty(), "one person's own earlier picture");
}

#[test]
fn j01_shares_say_where_to_look_and_carry_no_money() {
    let mut w = hospital();
    w.stay("V1", 1, 5).fee("V1", "1", DRUG, "2026-03-02", "40", "10").fee(
        "V1",
        "2",
        BED,
        "2026-03-02",
        "1",
        "600",
    );
    let found = w.found("J01");
    assert_eq!(found[0].reason, "药费占比40%，高于参考值35%");
    assert_eq!((found[0].amount, found[0].party.clone()), (None, None));
}
