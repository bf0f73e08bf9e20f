//! What officers say about findings, on the twins.

use spotcheck_rules::Finding;

use super::{morning, pins};
use crate::desk::Desk;
use crate::findings::{FindingState, Judgement, offers_silence};

pub(super) fn suspicion(rule: &str, line: &str) -> Finding {
    Finding {
        rule: rule.to_owned(),
        pack: "national@2026.11".to_owned(),
        grade: spotcheck_rules::Grade::V,
        fixmedins_code: "H99010100001".to_owned(),
        psn_no: Some("P-1".to_owned()),
        mdtrt_id: Some("M-1".to_owned()),
        setl_id: None,
        bkkp_sn: vec![line.to_owned()],
        code: None,
        amount: Some(spotcheck_domain::Amount::parse("40").unwrap()),
        fund_amount: Some(spotcheck_domain::Amount::parse("28").unwrap()),
        loss_method: spotcheck_rules::LossMethod::A,
        pending: false,
        principal: true,
        reason: "床位费 5 天 − 住院 4 天 = 多 1 天".to_owned(),
        name: "床位费超住院天数".to_owned(),
        party: Some("床位费天数多于住院天数".to_owned()),
        reason_party: None,
        elsewhere: false,
        severity: spotcheck_rules::Severity::Middle,
        clause: vec![],
        weight: 40,
        date: Some("2026-03-05".to_owned()),
        also: vec![],
        people: spotcheck_rules::People::default(),
        look: vec![],
        tried: vec![],
        doubt: vec![],
        family: "bed".to_owned(),
    }
}

/// rules.md, Finding: on site facts are confirmed, excluded with a reason, or need evidence; a judgement
/// taken back stands as open, and the record and the journal tell the whole of it.
#[test]
fn a_finding_enters_the_case_only_by_somebody_s_word() {
    let mut day = morning();
    let photo = day.h.capture_photo(Some(&day.case)).unwrap().id;
    let say = |state, reason: Option<&str>, evidence: &[&str]| Judgement {
        state,
        reason: reason.map(str::to_owned),
        evidence: evidence.iter().map(|e| (*e).to_owned()).collect(),
        origin: Some(spotcheck_rules::Origin::Both),
    };
    let (bed, other) = (suspicion("A14", "L1"), suspicion("A14", "L2"));
    let bare = say(FindingState::Excluded, Some("  "), &[]);
    assert!(day.h.judge_finding(&day.case, &bed, &bare).is_err(), "an exclusion says why");
    let foreign = say(FindingState::Confirmed, None, &["E9"]);
    assert!(day.h.judge_finding(&day.case, &bed, &foreign).is_err(), "no such evidence");
    let later = say(FindingState::Final, None, &[]);
    assert!(day.h.judge_finding(&day.case, &bed, &later).is_err(), "the centre's states");
    assert!(day.h.case(&day.case).unwrap().findings.is_empty(), "nothing half done");

    let confirmed = say(FindingState::Confirmed, None, &[&photo]);
    day.h.judge_finding(&day.case, &bed, &confirmed).unwrap();
    let excluded = say(FindingState::Excluded, Some("请假条在护士站"), &[]);
    let second = day.h.judge_finding(&day.case, &other, &excluded).unwrap();
    assert_eq!(second.id, "F2");
    day.h.judge_finding(&day.case, &bed, &say(FindingState::Open, None, &[])).unwrap();
    let again = day.h.judge_finding(&day.case, &bed, &confirmed).unwrap();
    assert_eq!(again.id, "F1", "the same fact, the same finding");
    day.h.silence_rule(&day.case, "B03", Some("限价未按本地维护")).unwrap();
    day.h.silence_rule(&day.case, "B04", Some("同上")).unwrap();
    day.h.silence_rule(&day.case, "B04", None).unwrap();
    let view = day.h.case(&day.case).unwrap();
    assert_eq!(view.silenced.iter().map(|s| s.rule.as_str()).collect::<Vec<_>>(), ["B03"]);
    assert!(!offers_silence(&view.findings, "A14", "请假条在护士站"), "once is no pattern");

    let two = pins(&["O-0001", "O-0002"]);
    day.h.seal(&day.case, &two, Some("演示")).unwrap();
    let record = day.disk.sealed_record(&day.case);
    let findings = record["findings"].as_array().unwrap();
    assert_eq!(findings[0]["state"], "confirmed");
    assert_eq!(findings[0]["evidence"][0], photo.as_str());
    assert_eq!(
        (findings[0]["amount"].as_str(), findings[0]["loss_method"].as_str()),
        (Some("40.00"), Some("A"))
    );
    assert_eq!(findings[1]["reason"], "请假条在护士站");
    // The bundle has the lines and who found it, in an annex that record.json names.
    let named = record["annexes"].as_array().unwrap();
    let named = named.iter().find(|a| a["schema"] == "spotcheck-findings/1").unwrap();
    assert_eq!(named["path"], "data/annex/findings.json");
    let annex = day.disk.sealed_file(&day.case, "data/annex/findings.json");
    let annex = spotcheck_evidence::findings::Findings::parse(&annex).unwrap();
    assert_eq!(annex.findings.len(), 2);
    let first = &annex.findings[0];
    assert_eq!((first.id.as_str(), first.bkkp_sn.as_slice()), ("F1", &["L1".to_owned()][..]));
    assert_eq!((first.key.as_str(), first.origin.as_deref()), (bed.key().as_str(), Some("both")));
    assert_eq!(first.evidence, [photo]);
    assert_eq!(annex.findings[1].state_reason.as_deref(), Some("请假条在护士站"));
    for word in ["违规", "违法", "骗保", "第38条", "第四十条"] {
        assert!(!record.to_string().contains(word), "{word} before anything is final");
    }
}
