//! A comparison by thumb: taps are counted, the file is evidence, differences are judged like findings.

use std::sync::{Arc, Mutex};

use secrecy::SecretString;
use spotcheck_domain::claims::Page;
use spotcheck_domain::columns::{Cell, MemoryColumns};
use spotcheck_domain::{CaseId, ManualClock, OfficerId, TaskId};
use spotcheck_evidence::record::FindingState;
use spotcheck_rules::compare::{Class, Field, MAX_CANDIDATES};

use super::*;
use crate::Handheld;
use crate::desk::{Desk, Looks};
use crate::errand::Errand;
use crate::findings::Judgement;
use crate::memory::{BEGIN_MS, Disk, MemoryExports, handheld};
use crate::ports::Exports;

const TASK: &str = "T-2026-0001";

fn task() -> TaskId {
    TaskId::parse(TASK).unwrap()
}

/// Four visits; what was uploaded is `uploaded` times as much as what the export has for the last line.
fn package() -> MemoryColumns {
    let mut package = MemoryColumns::new();
    for visit in 0..12 {
        package.add(
            "psn",
            &[
                ("psn_no", Cell::text(&format!("P{visit}"))),
                ("psn_name", Cell::text(&format!("张{visit}"))),
            ],
        );
        package.add(
            "mdtrt_d",
            &[
                ("mdtrt_id", Cell::text(&format!("M{visit}"))),
                ("psn_no", Cell::text(&format!("P{visit}"))),
                ("ipt_otp_no", Cell::text(&format!("5000{visit:02}"))),
            ],
        );
        for line in 0..10_i64 {
            let cnt = if visit == 3 && line == 4 { 9 } else { 1 + line % 3 };
            let price = 3 + line;
            package.add(
                "fee_list_d",
                &[
                    ("mdtrt_id", Cell::text(&format!("M{visit}"))),
                    ("bkkp_sn", Cell::text(&format!("L{visit}-{line}"))),
                    ("fee_ocur_time", Cell::time(&format!("2026-03-{:02}", 1 + line))),
                    ("med_list_codg", Cell::text(&format!("C{line}"))),
                    ("hilist_name", Cell::text(&format!("项目{line}"))),
                    ("cnt", Cell::amount(&cnt.to_string())),
                    ("pric", Cell::amount(&price.to_string())),
                    ("det_item_fee_sumamt", Cell::amount(&(cnt * price).to_string())),
                ],
            );
        }
    }
    package
}

fn stick() -> MemoryExports {
    let words = ["甲", "乙", "丙", "丁", "戊", "己", "庚"];
    let mut rows = vec![words.map(str::to_owned).to_vec()];
    for visit in 0..12 {
        for line in 0..10 {
            let (cnt, price) = (1 + line % 3, 3 + line);
            rows.push(vec![
                format!("{}", 500_000 + visit),
                format!("2026/3/{}", 1 + line),
                format!("C{line}"),
                format!("项目{line}"),
                cnt.to_string(),
                price.to_string(),
                (cnt * price).to_string(),
            ]);
        }
    }
    MemoryExports { files: vec![("his.csv".to_owned(), rows)] }
}

fn taken(case: Option<&CaseId>) -> Taken {
    let mut exports = stick();
    let (name, bytes) = exports.read("his.csv").unwrap();
    let file: Arc<dyn ExportFile> = Arc::from(exports.open(&name, bytes.clone()).unwrap());
    let (sheet, grid, layout) =
        read_sheet(file.as_ref(), None, Some(0), &mut Watch::unheard()).unwrap();
    let columns = package();
    let mut uploaded = Uploaded::heads(&columns, &mut ()).unwrap();
    let proposals = propose(&grid, &layout, &mut uploaded, &columns, &mut ()).unwrap();
    let held = Held {
        task: task(),
        size: bytes.len() as u64,
        sha256: Hash32::sha256(&bytes).to_string(),
        name,
        case: None,
        evidence: None,
        file,
        sheet,
        grid: Arc::new(grid),
        layout,
        proposals,
        uploaded: Arc::new(Mutex::new(uploaded)),
    };
    Taken { held, bytes: Some(bytes), case: case.cloned(), begun_ms: BEGIN_MS }
}

fn compared(handheld: &Handheld, pairing: &Pairing, scope: Scope) -> ComparedView {
    let held = handheld.held(&task()).unwrap();
    let options = Options { scope, ..Options::new(pairing.clone()) };
    let mut uploaded = held.uploaded.lock().unwrap();
    let columns = package();
    let compared =
        run(&held.grid, &held.layout, &options, &mut uploaded, &columns, &mut ()).unwrap();
    let findings = findings(&compared, "H1");
    let pack = spotcheck_rules::national().unwrap();
    let fresh = judge(&compared.fresh, &columns, &pack, &mut ()).unwrap();
    let (name, evidence) = (held.name.clone(), held.evidence.clone());
    ComparedView { name, evidence, compared, findings, fresh }
}

fn morning() -> (Disk, Handheld, CaseId) {
    let disk = Disk::default();
    let mut h = handheld(&disk, &Arc::new(ManualClock::at_ms(BEGIN_MS)), 1);
    h.pull(None).unwrap();
    let officer = OfficerId::parse("O-0001").unwrap();
    h.unlock(&officer, &SecretString::from("O-0001".to_owned())).unwrap();
    let case = h.open_case(&task()).unwrap().id;
    (disk, h, case)
}

/// Issue 4: at most 25 taps and no typing, even where every column is picked by hand.
#[test]
fn a_comparison_takes_at_most_25_taps() {
    let (_disk, mut h, case) = morning();
    let files = stick().list().unwrap();
    let mut way = Comparison::new(task(), Some(case.clone()), files);
    let errand = way.tap(&Tap::File(0)).unwrap().unwrap();
    assert!(matches!(errand, Errand::TakeExport { ref place, .. } if place == "his.csv"));
    let home = h.come_home(Brought::Export(Ok(Box::new(taken(Some(&case)))))).unwrap();
    way.home(home);
    assert_eq!(way.stage(), Stage::Header);
    way.tap(&Tap::HeaderRight).unwrap();
    assert!(!way.missing().is_empty(), "nothing is compared that nobody confirmed");
    assert!(way.tap(&Tap::Run).is_err());
    way.tap(&Tap::SureRight).unwrap();
    assert_eq!(way.missing(), Vec::<&str>::new(), "values alone, no header says anything");
    // The worst officer: looks at every field and picks again.
    for choice in way.choices().to_vec() {
        assert!(choice.candidates.len() <= MAX_CANDIDATES);
        way.tap(&Tap::Pick(choice.field, choice.column)).unwrap();
    }
    let errand = way.tap(&Tap::Run).unwrap().unwrap();
    let Errand::CompareExport { pairing, scope, .. } = errand else { panic!("{errand:?}") };
    let view = compared(&h, &pairing, scope);
    let view = Brought::Compared { task: task(), view: Ok(Box::new(view)) };
    way.home(h.come_home(view).unwrap());
    assert_eq!(way.stage(), Stage::Result);
    assert!(way.taps() <= 25, "{} taps", way.taps());
    let shown = way.differences(Some(Class::Quantity), Page::first(10));
    assert_eq!(shown.len(), 1);
    assert_eq!(way.differences(None, Page::first(10)).len(), 1);
    // It is judged like every other finding, with the file as evidence.
    let evidence = vec![way.result().unwrap().evidence.clone().unwrap()];
    let judgement =
        Judgement { state: FindingState::Confirmed, reason: None, evidence, origin: None };
    let card = h.judge_finding(&case, shown[0].1, &judgement).unwrap();
    assert_eq!((card.rule.as_str(), card.evidence.as_slice()), ("F13", &["E1".to_owned()][..]));
    // It is there after a lock too: nobody compares again because the screen went dark.
    let before = way.result().unwrap().all();
    let officer = OfficerId::parse("O-0001").unwrap();
    h.lock().unwrap();
    h.unlock(&officer, &SecretString::from("O-0001".to_owned())).unwrap();
    let kept = h.compared_findings(&task()).unwrap().unwrap();
    assert_eq!(kept.evidence.as_deref(), Some("E1"));
    assert_eq!(kept.findings, before);
    // The bundle's annex has it in full, as every other finding that was judged.
    let annex = h.findings_annex(&case).unwrap().unwrap();
    let annex = spotcheck_evidence::findings::Findings::parse(&annex).unwrap();
    assert_eq!((annex.findings[0].rule.as_str(), annex.findings.len()), ("F13", 1));
}

/// A column that is given to another field is taken from the first; nothing stands for two.
#[test]
fn a_column_is_one_field_only() {
    let (_disk, mut h, _case) = morning();
    let mut way = Comparison::new(task(), None, stick().list().unwrap());
    way.tap(&Tap::File(0)).unwrap();
    way.home(h.come_home(Brought::Export(Ok(Box::new(taken(None))))).unwrap());
    way.tap(&Tap::HeaderRight).unwrap();
    way.tap(&Tap::SureRight).unwrap();
    let pric = way.pairing()[&Field::Pric];
    way.tap(&Tap::Pick(Field::Cnt, Some(pric))).unwrap();
    assert_eq!(way.pairing().get(&Field::Pric), None);
    assert!(way.tap(&Tap::Pick(Field::Cnt, Some(99))).is_err());
    way.tap(&Tap::Back).unwrap();
    assert_eq!(way.stage(), Stage::Header);
}

/// evidence.md §2: every payload file is named with its hash; the same bytes again are the same evidence.
#[test]
fn the_file_is_evidence_once_and_the_table_is_gone_with_the_lock() {
    let (_disk, mut h, case) = morning();
    for _ in 0..2 {
        let Home::Export(view) =
            h.come_home(Brought::Export(Ok(Box::new(taken(Some(&case)))))).unwrap()
        else {
            panic!("no export")
        };
        assert_eq!(view.evidence.as_deref(), Some("E1"));
    }
    let items = h.case(&case).unwrap().evidence;
    assert_eq!(items.len(), 1);
    assert_eq!(
        (items[0].media_type.as_str(), items[0].path.as_str()),
        ("text/csv", "data/media/0001.csv")
    );
    let (_, bytes) = stick().read("his.csv").unwrap();
    assert_eq!(items[0].sha256, Hash32::sha256(&bytes).to_string());
    h.lock().unwrap();
    assert!(h.export.is_none());
}
