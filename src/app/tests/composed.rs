//! Rules composed on site, on their way to the centre.

use spotcheck_evidence::Hash32;
use spotcheck_evidence::draft::RuleDraft;
use spotcheck_rules::compose::{Composed, Pick};
use spotcheck_rules::{Pack, national};

use super::{morning, pins};
use crate::composed::RanRule;
use crate::desk::{Desk as _, Looks as _};

fn ran(word: &str, hits: u64) -> RanRule {
    let items = vec![Pick::Word(word.to_owned())];
    let rule = Composed { items, ..Composed::default() };
    RanRule { rule, last: Some("2026-11-20T10:00:00.000+08:00".to_owned()), hits: Some(hits) }
}

/// rules.md: the inspector's own rules are saved, signed by their author and offered to the centre.
#[test]
fn composed_rules_leave_with_the_bundle_as_a_pack_that_reads() {
    let mut day = morning();
    assert_eq!(day.h.rule_draft_of_case(&day.case).unwrap(), None);
    for rule in [ran("静脉", 3), ran("静脉", 5), ran("护理", 0)] {
        day.h.keep_rule_of_case(&day.case, &rule).unwrap();
    }
    let notes = day.h.journal_entries(Some(&day.case)).unwrap();
    let noted = notes.iter().filter(|e| e.to_string().contains("自编规则")).count();
    assert_eq!(noted, 2, "each rule once");
    let bytes = day.h.rule_draft_of_case(&day.case).unwrap().unwrap();
    let draft = RuleDraft::parse(&bytes).unwrap();
    assert!(draft.signature.is_some());
    let files: Vec<(&str, &[u8])> =
        draft.files.iter().map(|(name, text)| (name.as_str(), text.as_bytes())).collect();
    let pack = Pack::read(&files, Some(&national().unwrap())).unwrap();
    assert!(pack.rules.iter().any(|r| r.id == ran("护理", 0).rule.id()));
    day.h.seal(&day.case, &pins(&["O-0001", "O-0002"]), Some("没有做完")).unwrap();
    let sealed = day.disk.sealed_file(&day.case, "data/annex/rule-draft.json");
    assert_eq!(RuleDraft::parse(&sealed).unwrap().files, draft.files);
    let record = day.disk.sealed_record(&day.case).to_string();
    assert!(record.contains(&Hash32::sha256(&sealed).to_string()), "named in the record");
}
