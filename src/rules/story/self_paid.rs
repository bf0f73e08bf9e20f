//! What the patient paid alone is no loss of the fund, and a loss is what the fund paid (条例 art. 38: 造成医疗保障基金损失).

use super::support::{BED, CT, DRUG, World, hospital, silent};
use crate::pack::{Grade, national};

/// A stay with one line of an item, of which so much lay in the fund's scope (empty: nobody says).
fn given(item: &str, cnt: &str, pric: &str, more: &str) -> World {
    let mut w = hospital();
    w.stay("V1", 1, 9).fee_with("V1", "1", item, "2026-03-02 09:00:00", cnt, pric, more);
    w
}

/// Rule, points of its list, item, quantity and price of a line that the rule tells as long as the fund took part.
const TOLD: &[(&str, &str, &str, &str, &str)] = &[
    ("C01", "C01: X1,,,,K25|K26,2026-01-01,,official,x", DRUG, "1", "10"),
    ("C03", "C03: X1,,14,岁,,2026-01-01,,official,x", DRUG, "1", "10"),
    ("C05", "C05: X1,,,,2,2026-01-01,,official,x", DRUG, "1", "10"),
    ("C06", "C06: X1,,,,01|02,2026-01-01,,official,x", DRUG, "1", "10"),
    ("C07", "C07: X1,,,,11|14,2026-01-01,,official,x", DRUG, "1", "10"),
    ("C12", "C12: X1,,,,,2026-01-01,,official,x", DRUG, "1", "10"),
    ("C13", "C13: X1,,,,,2026-01-01,,official,x", DRUG, "1", "10"),
    ("B04", "B04: E1,,2,次,,2026-01-01,,official,x", CT, "3", "200"),
    ("B07", "B07: E1,,500,元,,2026-01-01,,official,x", CT, "3", "200"),
    ("D02", "D02: E1,,500,元,,2026-01-01,,official,x", CT, "3", "200"),
    ("D05", "D05: E1,,2,个,,2026-01-01,,official,x", CT, "3", "200"),
    ("E08", "E08: E1,,,,K25,2026-01-01,,official,x", CT, "1", "200"),
];

/// The lists say what the fund pays for. Whoever pays alone for what is on none of them does nothing wrong.
#[test]
fn what_the_patient_paid_alone_breaks_no_list_of_what_the_fund_pays() {
    for (rule, points, item, cnt, pric) in TOLD {
        let found = |more: &str| given(item, cnt, pric, more).found_with(rule, points);
        assert_eq!(found("").len(), 1, "{rule}: paid by the fund");
        assert!(found("inscp_amt=0").is_empty(), "{rule}: nothing in the scope");
        assert!(
            found("inscp_amt=;fulamt_ownpay_amt=600").is_empty(),
            "{rule}: all of it self-paid"
        );
        let unknown = found("inscp_amt=");
        assert_ne!(
            unknown[0].grade,
            Grade::V,
            "{rule}: nobody says who paid, so nothing is certain"
        );
        assert!(unknown[0].doubt.iter().any(|d| d.contains("政策范围金额")), "{rule}");
    }
}

/// 条例 38(3): two beds more than days, and the two are the patient's own.
#[test]
fn what_is_too_much_is_counted_of_what_the_fund_paid() {
    let beds = |more: &str| {
        let mut w = hospital();
        w.stay("V1", 1, 9).daily("V1", BED, 1..=8, "40");
        w.fee_with("V1", "x", BED, "2026-03-08 20:00:00", "2", "40", more);
        w.found("A14").len()
    };
    assert_eq!((beds(""), beds("inscp_amt=0")), (1, 0));
}

/// A whole stay that was paid alone is silent, and the silence is told.
#[test]
fn the_silence_is_counted() {
    let mut w = hospital();
    w.add("psn", "psn_no=P8;gend=1;brdy=1950-01-01;die_date=2026-03-01");
    w.visit("V1", "P8", "11", "2026-03-05", "2026-03-05", "I10.x00");
    w.fee_with("V1", "1", DRUG, "2026-03-05", "1", "10", "inscp_amt=0;etip_flag=1");
    w.fee_with("V1", "2", CT, "2026-03-05", "1", "10", "inscp_amt=0");
    w.visit("V2", "P8", "21", "2026-03-04", "2026-03-09", "I10.x00");
    assert!(w.found("A05").is_empty());
    assert_eq!(silent(&w.run(), "A05", "个人全自费"), 1);
}

/// What must lie beside a charge lies there, whoever paid for it.
#[test]
fn what_the_patient_paid_is_still_evidence() {
    let list = "C29: X1,,,,,2026-01-01,,official,x";
    let tested = |more: &str| {
        let mut w = given(DRUG, "1", "10", "");
        w.fee_with("V1", "2", "L1|基因检测|04|201", "2026-03-02", "1", "900", more);
        let national = national().unwrap();
        let head = ("pack.toml", &b"name = \"own\"\nversion = \"1\"\n"[..]);
        let header = "code,code_b,value,unit,text,begndate,enddate,origin,source\n";
        let own = format!("{header}{}\n", list.strip_prefix("C29: ").unwrap());
        let other = format!("{header}L1,,,,,2026-01-01,,official,x\n");
        let files = [head, ("C29.kp.csv", own.as_bytes()), ("C29-1.kp.csv", other.as_bytes())];
        let pack = crate::Pack::read(&files, Some(&national)).unwrap();
        let all = w.run_with(&pack).findings;
        all.iter().filter(|f| f.rule == "C29").count()
    };
    assert_eq!((tested(""), tested("inscp_amt=0")), (0, 0));
}

/// B03: what is above the limit and was put on the patient's own account costs the fund nothing.
#[test]
fn b03_the_part_above_the_limit_that_the_patient_bore() {
    let dear = |more: &str| {
        let mut w = given(CT, "1", "230", more);
        w.add(
            "catalogue",
            "med_list_codg=E1;hilist_name=CT平扫;pric_uplmt_amt=200;begndate=2025-01-01",
        );
        let amounts =
            |f: &crate::Finding| (f.amount.unwrap().to_cents(), f.fund_amount.unwrap().to_cents());
        w.found("B03").first().map(amounts)
    };
    let told = |a: &str, b: &str| Some((a.to_owned(), b.to_owned()));
    assert_eq!(dear(""), told("30.00", "21.00"));
    assert_eq!(dear("overlmt_selfpay=30;inscp_amt=200"), None, "all of it");
    assert_eq!(dear("overlmt_selfpay=10;inscp_amt=220"), told("20.00", "14.00"), "a part of it");
    assert_eq!(dear("inscp_amt=200"), None, "as much lies outside the scope, and nobody says why");
    assert_eq!(dear("overlmt_selfpay=0;inscp_amt=207"), told("30.00", "21.00"), "class 乙");
    assert_eq!(dear("inscp_amt=0"), None);
}

/// The fund pays a share of what lies in its scope, so the loss is that share of the scope of the wrong lines.
#[test]
fn the_loss_is_the_funds_share_of_what_lay_in_the_scope() {
    let loss = |settled: &str, more: &str| {
        let mut w = hospital();
        w.add(
            "mdtrt_d",
            "mdtrt_id=V1;psn_no=P1;fixmedins_code=H1;med_type=21;insutype=310;begntime=2026-03-01 09:00:00;\
             endtime=2026-03-09 10:00:00;adm_dept_codg=D1;dscg_maindiag_code=I10.x00;dscg_way=1",
        );
        w.add(
            "setl_d",
            &format!(
                "setl_id=S-V1;mdtrt_id=V1;fixmedins_code=H1;setl_time=2026-03-09;clr_way=01;\
                 medfee_sumamt=1000;fund_pay_sumamt=480;psn_pay=520;cash_payamt=520;{settled}"
            ),
        );
        w.fee_with("V1", "1", CT, "2026-03-02", "1", "400", more);
        w.fee_with("V1", "2", "K9|特需服务|05|201", "2026-03-02", "1", "400", "inscp_amt=0");
        w.fee_with("V1", "3", BED, "2026-03-02", "1", "200", "");
        let point = "E08: E1,,,,K25,2026-01-01,,official,x";
        let found = w.found_with("E08", point);
        let f = found.first().unwrap();
        (f.amount.unwrap().to_cents(), f.fund_amount.map(|a| a.to_cents()))
    };
    let yuan = |a: &str, b: &str| (a.to_owned(), Some(b.to_owned()));
    // 600 of 1,000 lay in the scope and the fund paid 480 of them: 80 %.
    assert_eq!(loss("inscp_amt=600", ""), yuan("400.00", "320.00"));
    assert_eq!(
        loss("inscp_amt=560", "inscp_amt=360"),
        yuan("400.00", "308.57"),
        "class 乙: 360 of 400"
    );
    assert_eq!(loss("", ""), yuan("400.00", "320.00"), "by its lines, which make up the whole");
    assert_eq!(
        loss("medfee_sumamt=1001", ""),
        yuan("400.00", "191.81"),
        "they do not: by the whole bill"
    );
    assert_eq!(loss("inscp_amt=300", ""), yuan("400.00", "400.00"), "never more than was billed");
}

/// B07, D02: a limit of what is paid for is one of what lay in the scope.
#[test]
fn b07_what_the_house_itself_left_to_the_patient_is_not_above_the_limit() {
    let over = |more: &str| {
        let w = given(CT, "3", "200", more);
        let found = w.found_with("B07", "B07: E1,,500,元,,2026-01-01,,official,x");
        found.first().map(|f| f.amount.unwrap().to_cents())
    };
    assert_eq!(over("").as_deref(), Some("100.00"));
    assert_eq!(over("inscp_amt=520").as_deref(), Some("20.00"));
    assert_eq!(over("inscp_amt=500"), None);
}
