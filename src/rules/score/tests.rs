//! What counts as found, and what as true.

use spotcheck_domain::Amount;

use super::{Score, read_findings, read_truth, score};
use crate::pack::{Pack, national};

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

/// The order is that of the run: by the weight that a finding carries, else by the pack that was used.
#[test]
fn the_weight_is_that_of_the_run() {
    let all = [
        line("LOC1", r#","mdtrt_id":"M2","bkkp_sn":["F9"],"amount":"1.00""#),
        line("B29", r#","mdtrt_id":"M7","bkkp_sn":["F70"],"amount":"1000.00""#),
    ];
    let truth = read_truth(TRUTH).unwrap();
    let of_first = |findings: &str, overlay: &str| {
        let head = ("pack.toml", &b"name = \"own\"\nversion = \"1\"\n"[..]);
        let pack = Pack::read(&[head, ("o.toml", overlay.as_bytes())], Some(&national().unwrap()));
        score(&truth, &read_findings(findings).unwrap(), &pack.unwrap())
    };
    // B29 alone has a weight, so it would stand first; whoever scores is told that LOC1 has none.
    let plain = of_first(&all.concat(), "");
    assert_eq!(plain.unweighed.iter().collect::<Vec<_>>(), ["LOC1"]);
    assert!(plain.lines().last().unwrap().contains("LOC1"));
    let carried = all[0].replace("\"principal\"", "\"weight\":99,\"principal\"") + &all[1];
    assert!(of_first(&carried, "").unweighed.is_empty());
    let order = |findings: &str, overlay: &str| {
        let found = read_findings(findings).unwrap();
        let head = ("pack.toml", &b"name = \"own\"\nversion = \"1\"\n"[..]);
        let base = national().unwrap();
        let pack = Pack::read(&[head, ("o.toml", overlay.as_bytes())], Some(&base)).unwrap();
        let shown = super::shown(&super::weights(&found, &pack));
        shown.into_iter().map(|n| found[n].rule.clone()).collect::<Vec<_>>()
    };
    assert_eq!(order(&all.concat(), ""), ["B29", "LOC1"]);
    assert_eq!(order(&carried, ""), ["LOC1", "B29"]);
    let two = line("A14", r#","amount":"10.00""#) + &line("B29", r#","amount":"10.00""#);
    assert_ne!(order(&two, "[[adjust]]\nid = \"A14\"\nweight = 0\n")[0], "A14");
    assert_eq!(order(&two, "[[adjust]]\nid = \"A14\"\nweight = 50\n")[0], "A14");
}

/// J01, A13, A10: the finding names a house and nobody in it, and so does the truth.
#[test]
fn what_is_about_a_whole_house_is_right_by_the_house_and_by_nothing_else() {
    let truth = "story,rule,kind,mdtrt_id,bkkp_sn,amount,fixmedins_code,psn_no,code\n\
                 T1,J01,violation,,,0.00,H1,,\n\
                 T2,J01,near_miss,,,0.00,H2,,\n\
                 T3,A10,violation,,,0.00,H3,,\n";
    let of = |findings: &str| {
        let (truth, found) = (read_truth(truth).unwrap(), read_findings(findings).unwrap());
        score(&truth, &found, &national().unwrap())
    };
    let all = [line("J01", ""), line("A10", "").replace("H1", "H3")];
    let s = of(&all.concat());
    assert!(s.missed.is_empty() && s.wrong.is_empty(), "{:?} {:?}", s.missed, s.wrong);
    assert_eq!((s.first20.shown, s.first20.right), (2, 2));
    // Another house, a near miss, and a finding about somebody are not it.
    let other = line("J01", "").replace("H1", "H4");
    let near = line("J01", "").replace("H1", "H2");
    let visit = line("A10", r#","mdtrt_id":"M1""#).replace("H1", "H3");
    let s = of(&[other, near, visit].concat());
    assert_eq!((s.missed.len(), s.wrong.len(), s.rules["J01"].fell_for), (2, 3, 1));
}
