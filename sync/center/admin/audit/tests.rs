//! What the centre hands to the party.

use serde_json::Value;
use spotcheck_rules::export::Format;
use spotcheck_rules::{Finding, national};
use spotcheck_wire::bundles::{ANNOUNCEMENT_SCHEMA, Announcement};

use super::export;
use crate::audits::{self, Auditor, told};
use crate::repository::{Judged, JudgedBundle};
use crate::testing::{DEVICE, OFFICERS, TASK, TestCentre};

const BUNDLE: &str = "EVID-01M7VBK5C0TESTK1T000000077";

fn judged(finding: &Finding, state: &str) -> Judged {
    Judged {
        bundle: BUNDLE.to_owned(),
        task: TASK.to_owned(),
        fixmedins_code: finding.fixmedins_code.clone(),
        nr: format!("F-{}", finding.key()),
        key: finding.key(),
        rule: finding.rule.clone(),
        pack: finding.pack.clone(),
        state: state.to_owned(),
        reason: (state == "excluded").then(|| "护理记录可以说明".to_owned()),
        officer: OFFICERS[0].to_owned(),
        at: "2026-11-20T10:00:00+08:00".to_owned(),
        subject: format!("fixmedins_code:{}", finding.fixmedins_code),
        text: finding.reason.clone(),
        amount: None,
        fund_amount: None,
        loss_method: None,
    }
}

/// rules.md, Words: the party is shown a fact that officers confirmed on site, and no finding that nobody looked at,
/// that was excluded, or that is a lead only.
#[test]
fn the_file_for_the_party_has_what_was_confirmed_on_site_and_nothing_else() {
    let test = TestCentre::start().unwrap();
    let centre = test.centre();
    let auditor = Auditor::new(centre, national().map_err(told).unwrap(), None).unwrap();
    let mut all: Vec<Finding> = Vec::new();
    for facility in crate::claims::facilities(centre).unwrap() {
        let row = auditor.run(&facility.facility.fixmedins_code, false, &mut ()).unwrap().row;
        all.extend(audits::findings(centre, &row).unwrap());
    }
    let mut seen = std::collections::BTreeSet::new();
    let mut sure = all.iter().filter(|f| f.principal && f.for_party().is_some());
    let mut next = || sure.find(|f| seen.insert(f.reason.clone())).expect("three facts");
    let (confirmed, excluded, unseen) = (next(), next(), next());
    let lead = all.iter().find(|f| !f.grade.is_for_party()).expect("a lead");
    let folder = tempfile::tempdir().unwrap();
    let party = |name: &str| -> (Vec<Value>, String) {
        let path = folder.path().join(name);
        export(centre, &all, true, &path, Format::Json).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let body: Value = serde_json::from_str(&text).unwrap();
        (body["findings"].as_array().unwrap().clone(), text)
    };
    assert!(party("before.json").0.is_empty(), "nobody has looked at anything yet");

    let repo = centre.repo();
    let announcement = Announcement {
        schema: ANNOUNCEMENT_SCHEMA.to_owned(),
        bundle: BUNDLE.to_owned(),
        task: TASK.to_owned(),
        tagmanifest_sha256: crate::objects::sha256_hex(b"not a bag"),
        tag_files: Vec::new(),
        files: Vec::new(),
        case_keys: Vec::new(),
    };
    repo.announce(&announcement, DEVICE, false, 1).unwrap();
    assert!(repo.start_verifying(BUNDLE, 2).unwrap());
    let bundle = JudgedBundle {
        bundle: BUNDLE.to_owned(),
        task: TASK.to_owned(),
        fixmedins_code: confirmed.fixmedins_code.clone(),
        judged: vec![
            judged(confirmed, "confirmed"),
            judged(excluded, "excluded"),
            judged(lead, "confirmed"),
        ],
        ..JudgedBundle::default()
    };
    repo.put_judged(&bundle, 3).unwrap();
    repo.mark_received(BUNDLE, "2026-11-21T10:00:00+08:00", 9, &[], 4).unwrap();
    let (shown, text) = party("after.json");
    assert_eq!(shown.len(), 1, "{text}");
    assert_eq!(shown[0]["name_party"].as_str(), confirmed.party.as_deref());
    let told = confirmed.for_party().unwrap();
    assert_eq!(shown[0]["facts"].as_str(), Some(told.reason.as_str()));
    for other in [excluded, unseen] {
        assert!(!text.contains(&other.reason), "{}", other.reason);
    }
}
