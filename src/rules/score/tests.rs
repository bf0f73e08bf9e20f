//! What counts as found, and what as true.

use spotcheck_domain::Amount;

use super::{Score, read_findings, read_truth, score};
use crate::pack::national;

const TRUTH: &str = "\
story,rule,kind,mdtrt_id,bkkp_sn,amount,fixmedins_code,psn_no,code,date
T1,A14,violation,M1,F1 F2,80.00,H1,P1,,
T1,A16,violation,M1,F1 F2 F3,0.00,H1,P1,,
T2,B29,violation,M2,F9,500.00,H1,P2,,
T3,A09,violation,,,0.00,H1,P3,,
T4,G01,violation,,,100.00,H2,,X1,
T5,A14,trap,M5,,0.00,H1,P5,,
";

fn scored(findings: &str) -> Score {
    let pack = national().unwrap();
    score(&read_truth(TRUTH).unwrap(), &read_findings(findings).unwrap(), &pack)
}

fn line(rule: &str, rest: &str) -> String {
    format!(
        "{{\"rule\":\"{rule}\",\"grade\":\"S\",\"fixmedins_code\":\"H1\",\"principal\":true{rest}}}\n"
    )
}

#[test]
fn a_finding_is_right_by_line_visit_person_or_item() {
    let all = [
        line("A14", r#","mdtrt_id":"M1","bkkp_sn":["F2"],"amount":"40.00""#),
        line("A16", r#","mdtrt_id":"M1","bkkp_sn":["F3"],"amount":"18.00""#),
        line("B29", r#","mdtrt_id":"M2","bkkp_sn":["F9"],"amount":"500.00""#),
        line("A09", r#","psn_no":"P3""#),
        line("G01", r#","code":"X1","amount":"90.00""#).replace("H1", "H2"),
    ];
    let s = scored(&all.concat());
    assert_eq!((s.missed.len(), s.wrong.len()), (0, 0), "{:?} {:?}", s.missed, s.wrong);
    assert!(s.rules.values().all(|r| r.right == r.found && r.reached == r.planted));
    // Money counts as far as findings name it: 58 of 80, 500 of 500, 90 of 100.
    assert_eq!(s.first20.money, Amount::parse("648").unwrap());
    assert_eq!((s.first20.shown, s.first20.right), (5, 5));
}

#[test]
fn another_rule_on_the_same_line_is_true_but_not_right() {
    let s = scored(&line("B30", r#","mdtrt_id":"M2","bkkp_sn":["F9"],"amount":"500.00""#));
    let r = &s.rules["B30"];
    assert_eq!((r.found, r.right, r.beside), (1, 0, 1));
    assert_eq!((s.first20.right, s.missed.len()), (1, 5));
}

#[test]
fn another_visit_another_house_and_a_trap_are_wrong() {
    let all = [
        line("A14", r#","mdtrt_id":"M7","bkkp_sn":["F70"]"#),
        line("A09", r#","psn_no":"P3""#).replace("H1", "H3"),
        line("A14", r#","mdtrt_id":"M5","bkkp_sn":["F50"]"#),
    ];
    let s = scored(&all.concat());
    assert_eq!((s.wrong.len(), s.first20.right), (3, 0));
    assert_eq!(s.rules["A14"].fell_for, 1);
}

#[test]
fn what_is_no_truth_and_no_finding_is_refused_by_line() {
    assert!(read_truth("story,rule\nT1,A14\n").is_err());
    let error = read_findings("{\"rule\":\"A14\"}\nnot json\n").unwrap_err();
    assert!(error.to_string().contains("line 2"), "{error}");
}
