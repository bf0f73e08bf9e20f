//! A first look finds what the whole run finds, of the rules that judge a line by itself, and says nothing of silence.

use super::support::{BED, DRUG, hospital};
use crate::{first_look, national};

#[test]
fn a_first_look_finds_what_the_whole_run_finds_too() {
    let mut w = hospital();
    w.add("catalogue", "med_list_codg=X1;pric_uplmt_amt=10;begndate=2025-01-01");
    w.stay("V1", 1, 5);
    w.fee("V1", "1", DRUG, "2026-03-02 09:00:00", "1", "20");
    // Six days of bed in a stay of four: a rule that needs more than a line.
    w.daily("V1", BED, 1..=6, "50");
    let (whole, pack) = (w.run(), national().unwrap());
    let first = first_look(&w.columns, &pack, &mut ()).unwrap();
    let rules: Vec<&str> = first.findings.iter().map(|f| f.rule.as_str()).collect();
    assert_eq!(rules, ["B03"]);
    let again = whole.findings.iter().find(|f| f.rule == "B03").unwrap();
    assert_eq!(first.findings[0].key(), again.key());
    assert_eq!(first.findings[0].amount, again.amount);
    assert!(whole.findings.len() > 1 && first.silences.is_empty());
}

#[test]
fn a_first_look_stops_when_it_is_told_to() {
    struct Stop;
    impl crate::Watch for Stop {
        fn progress(&mut self, _: crate::Stage, _: u64, _: u64) -> bool {
            false
        }
    }
    let mut w = hospital();
    w.stay("V1", 1, 5);
    let stopped = first_look(&w.columns, &national().unwrap(), &mut Stop);
    assert!(matches!(stopped, Err(crate::Error::Cancelled)));
}
