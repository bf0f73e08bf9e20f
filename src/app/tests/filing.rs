//! Tray and proof: what is said about an item stands in the bundle, and can be taken back as a whole.

use spotcheck_domain::vocabulary::{Direction, LegalKind, Originality};
use spotcheck_evidence::record::Record;

use super::findings::suspicion;
use super::*;
use crate::desk::{EvidenceView, Marks as _, OnSite as _, PartyWords};
use crate::findings::{FindingState, Judgement};

/// A page of the accounts, kept by somebody of the house.
fn copy_of_the_accounts(day: &mut Day) -> (EvidenceView, Filing) {
    let person = day.h.add_party(&day.case, "李四", "person", Some("会计")).unwrap();
    let step = day.h.begin_step(&day.case, "records", "病历核对").unwrap();
    let open = Judgement {
        state: FindingState::NeedsEvidence,
        reason: None,
        evidence: vec![],
        origin: None,
    };
    let finding = day.h.judge_finding(&day.case, &suspicion("A14", "L1"), &open).unwrap().id;
    let page = day.h.capture_page(&day.case, None, None).unwrap();
    let words =
        PartyWords { party: person, text: " 这是退费单 ".to_owned(), at: String::new() };
    let filing = Filing {
        keeper: Some(" 李四 ".to_owned()),
        original: Some(Originality::Copy),
        original_place: Some("财务科档案柜".to_owned()),
        direction: Some(Direction::For),
        opinion: Some(words),
        step: Some(step),
        finding: Some(finding),
        ..Filing::new("已退费 40 元", "财务科")
    };
    (page, filing)
}

fn sealed_record(day: &mut Day) -> Record {
    day.h.seal(&day.case, &pins(&["O-0001", "O-0002"]), Some("撤离")).unwrap();
    Record::parse(&day.disk.sealed_file(&day.case, "data/record.json")).unwrap()
}

/// issue 5, 2: step, finding, what it proves, source, keeper, copy, for the party; the bundle has all of it.
#[test]
fn a_photographed_page_stands_in_the_bundle_as_a_copy_with_its_keeper() {
    let mut day = morning();
    let (page, filing) = copy_of_the_accounts(&mut day);
    day.h.describe_evidence(&day.case, &page.id, &filing).unwrap();
    let view = day.h.case(&day.case).unwrap();
    assert!(view.evidence[0].filing.speaks_for_party());
    assert_eq!(view.findings[0].evidence, [page.id.as_str()], "the finding shows it");
    let told = day.h.journal_entries(Some(&day.case)).unwrap();
    let line = told.iter().find(|e| e["facts"]["what"] == "evidence_described").unwrap();
    assert_eq!((&line["facts"]["step"], &line["facts"]["finding"]), (&"S1".into(), &"F1".into()));
    let all = serde_json::to_string(&told).unwrap();
    assert!(!all.contains("李四") && !all.contains("退费"), "no name and no words in the journal");

    let record = sealed_record(&mut day);
    let item = record.evidence.iter().find(|e| e.id == page.id).unwrap();
    assert_eq!(item.original, Originality::Copy);
    assert_eq!(item.legal_kind, LegalKind::Documentary);
    assert_eq!(item.keeper.as_deref(), Some("李四"));
    assert_eq!(item.original_place.as_deref(), Some("财务科档案柜"));
    assert_eq!(item.direction, Direction::For);
    let said = item.opinion.as_ref().unwrap();
    assert_eq!((said.party.as_str(), said.text.as_str()), ("party-2", "这是退费单"));
    assert!(!said.at.is_empty());
    assert_eq!(record.findings[0].evidence, [page.id]);
}

/// ui.md: undo on every mark. The finding loses the item with it.
#[test]
fn a_filing_is_taken_back_as_a_whole() {
    let mut day = morning();
    let (page, filing) = copy_of_the_accounts(&mut day);
    let before = day.h.case(&day.case).unwrap();
    day.h.describe_evidence(&day.case, &page.id, &filing).unwrap();
    let mark = day.h.just_marked().unwrap();
    let after = day.h.take_back(&mark).unwrap();
    assert_eq!((after.evidence, after.findings), (before.evidence, before.findings));
}

#[test]
fn a_filing_names_only_what_is_in_the_case() {
    let mut day = morning();
    let photo = day.h.capture_photo(Some(&day.case)).unwrap().id;
    let nobody = PartyWords { party: "party-9".into(), text: "是".into(), at: String::new() };
    for wrong in [
        Filing { step: Some("S9".into()), ..Filing::new("空床", "") },
        Filing { finding: Some("F9".into()), ..Filing::new("空床", "") },
        Filing { opinion: Some(nobody), ..Filing::new("空床", "") },
    ] {
        let trouble = day.h.describe_evidence(&day.case, &photo, &wrong).unwrap_err();
        assert_eq!(trouble.code, "APP-UNKNOWN", "{wrong:?}");
    }
    assert_eq!(day.h.case(&day.case).unwrap().evidence[0].proves, "", "nothing half done");
}

/// Filed anew under another finding, an item leaves the first one; the party's words keep their time.
#[test]
fn an_item_moves_from_one_finding_to_another() {
    let mut day = morning();
    let (page, filing) = copy_of_the_accounts(&mut day);
    day.h.describe_evidence(&day.case, &page.id, &filing).unwrap();
    let open =
        Judgement { state: FindingState::Open, reason: None, evidence: vec![], origin: None };
    let other = day.h.judge_finding(&day.case, &suspicion("A14", "L2"), &open).unwrap().id;
    day.clock.advance_ms(60_000);
    let moved = Filing { finding: Some(other), direction: None, ..filing };
    let at = |day: &mut Day| {
        day.h.case(&day.case).unwrap().evidence[0].filing.opinion.clone().unwrap().at
    };
    let first = at(&mut day);
    day.h.describe_evidence(&day.case, &page.id, &moved).unwrap();
    let view = day.h.case(&day.case).unwrap();
    let linked: Vec<usize> = view.findings.iter().map(|f| f.evidence.len()).collect();
    assert_eq!(linked, [0, 1]);
    assert_eq!(at(&mut day), first, "said then, not now");
}
