//! What leaves as a file, and what must not.

use super::{Audience, Entry, Format, Said, findings_file};
use crate::finding::{Finding, LossMethod, Origin, People};
use crate::pack::{Grade, Severity};
use spotcheck_domain::Amount;

fn finding(rule: &str, grade: Grade) -> Finding {
    Finding {
        rule: rule.to_owned(),
        pack: "national@2026.11".to_owned(),
        grade,
        fixmedins_code: "H99010100001".to_owned(),
        psn_no: Some("000123".to_owned()),
        mdtrt_id: Some("-1+cmd".to_owned()),
        setl_id: None,
        bkkp_sn: vec!["=SUM(A1)".to_owned(), "2".to_owned()],
        code: Some("@x".to_owned()),
        amount: Some(Amount::from_millionths(-1_234_567_891)),
        fund_amount: None,
        loss_method: LossMethod::N,
        pending: false,
        principal: true,
        reason: "床位费 9 天，住院 7 天,\"多\" 2 天\n见体温单".to_owned(),
        name: "床位费超住院天数".to_owned(),
        party: grade.is_for_party().then(|| "床位费天数多于住院天数".to_owned()),
        reason_party: None,
        elsewhere: false,
        severity: Severity::Middle,
        clause: vec!["T38(3)".to_owned()],
        weight: 40,
        date: Some("2026-03-05".to_owned()),
        also: vec![],
        people: People { ordering: vec!["D1".to_owned()], ..People::default() },
        look: vec!["体温单".to_owned()],
        tried: vec![],
        doubt: vec!["请假".to_owned()],
        family: "bed".to_owned(),
    }
}

fn text(audience: Audience, format: Format) -> String {
    let (bed, lead) = (finding("A14", Grade::V), finding("I03", Grade::L));
    let said = Said { state: "事实属实".to_owned(), ..Said::default() };
    let entries = [
        Entry { finding: &bed, origin: Some(Origin::Both), said: Some(&said) },
        Entry { finding: &lead, origin: None, said: None },
    ];
    String::from_utf8(findings_file(&entries, audience, format, 0).unwrap()).unwrap()
}

/// A spreadsheet executes what begins like a formula: numbers of the facility's own making must not be one.
#[test]
fn a_csv_opens_in_a_spreadsheet_and_runs_nothing() {
    let csv = text(Audience::Us, Format::Csv);
    assert!(csv.starts_with('\u{feff}') && csv.contains("\r\n"));
    let mut reader =
        csv::ReaderBuilder::new().from_reader(csv.trim_start_matches('\u{feff}').as_bytes());
    let head: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 2);
    let at = |name: &str| &rows[0][head.iter().position(|h| h == name).unwrap()];
    assert_eq!(at("明细流水号"), "'=SUM(A1) 2");
    assert_eq!(at("就诊号"), "'-1+cmd");
    assert_eq!(at("项目编码"), "'@x");
    assert_eq!(at("人员编号"), "000123");
    assert_eq!(at("涉及金额(元)"), "-1234.57");
    assert_eq!((at("来源"), at("状态")), ("中心与本机均发现", "事实属实"));
    assert!(at("说明").contains('\n'));
}

/// rules.md, Words: the party gets facts and duties; no L and Z, no name among us, no penalty, no score.
#[test]
fn a_file_for_the_party_says_facts_and_duties_only() {
    for format in [Format::Csv, Format::Json] {
        let all = text(Audience::Party, format);
        for absent in [
            "T38",
            "三十八",
            "权重",
            "weight",
            "grade",
            "I03",
            "A14",
            "床位费超住院天数",
            "D1",
            "national",
        ] {
            assert!(!all.contains(absent), "{absent}: {all}");
        }
        for banned in ["违规", "违法", "骗保", "罚"] {
            assert!(!all.contains(banned), "{banned}: {all}");
        }
        assert!(all.contains("床位费天数多于住院天数") && all.contains("第十五条"), "{all}");
        assert!(all.contains("基金损失待经办核算"), "every amount names its method: {all}");
        assert!(!all.contains("尚未显示") && !all.contains("疑点"), "{all}");
        assert_eq!(all.matches("床位费天数多于住院天数").count(), 1);
    }
}

#[test]
fn json_for_us_is_the_stored_finding_with_what_was_made_of_it() {
    let body: serde_json::Value = serde_json::from_str(&text(Audience::Us, Format::Json)).unwrap();
    assert_eq!(body["schema"], "spotcheck-finding-list/1");
    let first = &body["findings"][0];
    assert_eq!(first["bkkp_sn"], serde_json::json!(["=SUM(A1)", "2"]));
    assert_eq!(first["people"]["ordering"], serde_json::json!(["D1"]));
    assert_eq!(first["state"], "事实属实");
    let finding = Finding::parse(&first.to_string(), None).unwrap();
    assert_eq!(finding.key(), first["key"]);
}

/// The workbook is a ZIP whose cells are shared strings; equal findings give equal bytes.
#[test]
fn a_workbook_keeps_numbers_of_persons_as_text() {
    let bed = finding("A14", Grade::V);
    let entries = [Entry { finding: &bed, origin: None, said: None }];
    let make = || findings_file(&entries, Audience::Us, Format::Xlsx, 1_763_251_200_000).unwrap();
    let bytes = make();
    assert!(bytes.starts_with(b"PK"));
    assert_eq!(bytes, make());
}
