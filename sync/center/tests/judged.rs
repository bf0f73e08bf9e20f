//! What officers judged on site comes back with the bundle: false-alarm figures, and the way to the end.

use std::sync::Arc;

use serde_json::{Value, json};
use spotcheck_domain::procedure::{FindingStep, PartyAnswer};
use spotcheck_domain::{ManualClock, Trouble};
use spotcheck_evidence::testkit::Parts;
use spotcheck_wire::bundles::{Announcement, BundleState};

use super::bundles::{Team, deliver, parts, seal};
use super::handheld::{block_on, centre};
use crate::findings::{self, NextState};
use crate::judged::{self, RuleFigures};
use crate::repository::{Judged, JudgedBundle, Officer};
use crate::testing::{DEVICE, OFFICERS, TestCentre};

const K1: &str = "11111111111111111111111111111111";
const K2: &str = "22222222222222222222222222222222";
const K3: &str = "33333333333333333333333333333333";
const SECOND: &str = "EVID-01M7VBK5C0TESTK1T000000002";
const THIRD: &str = "EVID-01M7VBK5C0TESTK1T000000003";
/// What nobody has been found to have done yet.
const NEVER: &[&str] = &["违规", "违法", "骗保", "欺诈", "罚款", "处罚"];

/// A line before the last one.
fn tell(story: &mut Parts, kind: &str, subject: &str, facts: Value) {
    let at = story.journal.len() - 1;
    let mut line = story.journal[at - 1].clone();
    line["kind"] = kind.into();
    line["subject"] = subject.into();
    line["hash"] = Value::Null;
    line["facts"] = facts;
    line["officer"] = OFFICERS[0].into();
    story.journal.insert(at, line);
}

fn judge(story: &mut Parts, nr: &str, key: &str, rule: &str, state: &str, reason: Option<&str>) {
    let all = story.record["findings"].as_array_mut().unwrap();
    all.push(json!({
        "id": nr, "step": null, "rule": {"pack": "national", "version": "2026.11", "id": rule},
        "subject": "mdtrt_id:M1", "text": "两次收费间隔 2 分钟：同一项目收费两次", "state": state,
        "reason": reason, "amount": "40.00", "fund_amount": "28.00", "evidence": [],
        "loss_method": "A", "people": [], "opinion": null,
    }));
    let mut facts = json!({"rule": rule, "finding": key, "state": state});
    if let Some(reason) = reason {
        facts["reason"] = reason.into();
    }
    tell(story, "finding_state", nr, facts);
}

/// First visit: one confirmed, two excluded for the same reason, a rule silenced.
fn first(centre: &TestCentre) -> Parts {
    let mut story = parts(centre);
    judge(&mut story, "F2", K1, "A14", "confirmed", None);
    judge(&mut story, "F3", K2, "A14", "excluded", Some("护理记录可以说明"));
    judge(&mut story, "F4", K3, "B03", "excluded", Some("护理记录可以说明"));
    tell(&mut story, "rule_silenced", "B03", json!({"reason": "本院不适用"}));
    tell(&mut story, "rule_silenced", "C01", json!({"reason": "误点"}));
    tell(&mut story, "rule_heard_again", "C01", json!({}));
    story
}

fn figures(centre: &TestCentre, rule: &str) -> RuleFigures {
    let mut found = judged::statistics(centre.centre(), Some(rule)).unwrap();
    assert!(found.len() <= 1, "{found:?}");
    found.pop().unwrap_or_default()
}

/// rules.md: an exclusion feeds the rule's false-alarm statistics, once, and only from a bundle that was received.
#[test]
fn false_alarms_come_back_with_the_bundle_and_count_once() {
    let (centre, clock) = centre();
    block_on(async {
        let team = Team::enrol(&centre, &clock).await;
        let send = async |story: Parts| {
            let (announcement, blobs) = seal(&centre, &story.close(&team.people));
            let status = deliver(&team.handheld, &announcement, &blobs).await;
            (announcement, status)
        };
        let (announcement, status) = send(first(&centre)).await;
        assert_eq!(status.state, BundleState::Received, "{:?}", status.errors);
        for _ in 0..2 {
            let a14 = figures(&centre, "A14");
            assert_eq!((a14.pack.as_str(), a14.shown), ("national@2026.11", None));
            assert_eq!((a14.confirmed, a14.excluded, a14.silenced), (1, 1, 0));
            assert_eq!(a14.false_alarms.as_deref(), Some("50.0"));
            assert_eq!(a14.excluded_for.get("护理记录可以说明"), Some(&1));
            let b03 = figures(&centre, "B03");
            assert_eq!((b03.excluded, b03.silenced), (1, 1));
            assert_eq!(b03.false_alarms.as_deref(), Some("100.0"));
            assert_eq!(b03.silenced_for.get("本院不适用"), Some(&1));
            assert_eq!(figures(&centre, "C01"), RuleFigures::default(), "heard again");
            // Read again, nothing counts twice.
            judged::read_bundle(centre.centre(), &announcement).unwrap();
        }

        // A bundle that takes the place of the first one: only what it says counts, once it is received.
        let repo = centre.centre().repo();
        let other = |id: &str| {
            let other = Announcement { bundle: id.to_owned(), ..announcement.clone() };
            repo.announce(&other, DEVICE, false, 1).unwrap();
        };
        let mut now = repo.judged(Some(K2)).unwrap();
        now[0].state = "confirmed".to_owned();
        let read = |bundle: &str, supersedes: Vec<String>, judged: Vec<Judged>| JudgedBundle {
            bundle: bundle.to_owned(),
            task: "T-2026-0009".to_owned(),
            fixmedins_code: "H00000000009".to_owned(),
            supersedes,
            judged,
            ..JudgedBundle::default()
        };
        other(SECOND);
        assert!(repo.start_verifying(SECOND, 2).unwrap());
        let first = vec![announcement.bundle.clone()];
        repo.put_judged(&read(SECOND, first, now.clone()), 3).unwrap();
        assert_eq!(figures(&centre, "A14").excluded, 1, "not yet received");
        repo.mark_received(SECOND, "2026-11-21T10:00:00+08:00", 9, &[], 4).unwrap();
        let a14 = figures(&centre, "A14");
        assert_eq!((a14.confirmed, a14.excluded), (1, 0));
        assert_eq!(a14.false_alarms.as_deref(), Some("0.0"));
        assert_eq!(figures(&centre, "B03"), RuleFigures::default());

        // What lies in quarantine does not count.
        other(THIRD);
        assert!(repo.quarantine(THIRD, 5).unwrap());
        now[0].key = K3.to_owned();
        repo.put_judged(&read(THIRD, Vec::new(), now), 6).unwrap();
        assert_eq!(figures(&centre, "A14").confirmed, 1);
    });
}

fn step(state: FindingStep, by: &str) -> NextState {
    let answer = (state == FindingStep::Answered).then_some(PartyAnswer::Contest);
    let reason = Some("示医保文〔2026〕1号".to_owned());
    NextState { state, answer, by: by.to_owned(), reason, due: None }
}

/// rules.md, Words and Finding: nothing is final before the party was heard and another person looked; before
/// that no word says more than what was seen.
#[test]
fn a_finding_goes_its_way_to_the_end_and_is_called_by_its_name_only_there() {
    let (centre, clock) = centre();
    block_on(async {
        let team = Team::enrol(&centre, &clock).await;
        let (announcement, blobs) = seal(&centre, &first(&centre).close(&team.people));
        let status = deliver(&team.handheld, &announcement, &blobs).await;
        assert_eq!(status.state, BundleState::Received, "{:?}", status.errors);
    });
    to_the_end(&centre, &clock);
}

fn to_the_end(test: &TestCentre, clock: &Arc<ManualClock>) {
    use FindingStep::{
        Answered, Confirmed, Excluded, Final, Fined, Paid, PutToParty, SecondReview,
    };
    let centre = test.centre();
    centre
        .repo()
        .put_officer(&Officer {
            id: "O-0093".to_owned(),
            name: "赵六(虚构)".to_owned(),
            agency: "示例市医疗保障局".to_owned(),
            credential_kind: "enforcement".to_owned(),
            credential_number: "示例证O-0093".to_owned(),
            credential_valid_until: None,
            created_ms: centre.now_ms(),
            revoked_ms: None,
        })
        .unwrap();
    let name = spotcheck_rules::national().unwrap();
    let name = name.rules.iter().find(|r| r.id == "A14").unwrap().name.clone();
    let fails = |next: &NextState| Trouble::from(findings::set(centre, K1, next).unwrap_err()).code;
    let silent = |words: &str| {
        assert!(!NEVER.iter().any(|n| words.contains(n)) && !words.contains(&name), "{words}");
    };
    let all = findings::list(centre).unwrap();
    assert_eq!(all.len(), 4, "three of rules, one of an officer");
    for case in &all {
        silent(&case.body(true).unwrap().to_string());
    }
    assert_eq!(findings::find(centre, &K1[..8]).unwrap().state(), Confirmed);
    assert_eq!(fails(&step(PutToParty, "O-9999")), "CENTRE-NOT-FOUND");
    assert_eq!(fails(&step(Final, "O-0093")), "FINDING-NOT-PUT");
    // 2026-11-21 is a Saturday: ten working days end on Friday, 4 December.
    let put = findings::set(centre, &K1[..8], &step(PutToParty, OFFICERS[1])).unwrap();
    assert_eq!(put.states[0].due.as_deref(), Some("2026-12-04"));
    silent(&put.body(true).unwrap().to_string());
    assert_eq!(fails(&step(Final, "O-0093")), "FINDING-NOT-HEARD");
    let mute = NextState { answer: Some(PartyAnswer::Silent), ..step(Answered, OFFICERS[1]) };
    assert_eq!(fails(&mute), "FINDING-TOO-EARLY");
    assert!(findings::overdue(centre).unwrap().is_empty());
    findings::rectify(centre, K1, None, false, OFFICERS[1], "退回多收费用", Some("2026-11-30"))
        .unwrap();
    clock.advance_ms(15 * 24 * 3_600_000);
    let late: Vec<(Option<u64>, String)> =
        findings::overdue(centre).unwrap().into_iter().map(|o| (o.item, o.due)).collect();
    assert_eq!(late, [(Some(1), "2026-11-30".to_owned()), (None, "2026-12-04".to_owned())]);
    findings::rectify(centre, K1, Some(1), true, OFFICERS[1], "已退回", None).unwrap();
    assert_eq!(findings::overdue(centre).unwrap().len(), 1);
    silent(&findings::set(centre, K1, &mute).unwrap().body(true).unwrap().to_string());
    assert!(findings::overdue(centre).unwrap().is_empty());
    for same in OFFICERS {
        assert_eq!(fails(&step(SecondReview, same)), "FINDING-SAME-PERSON");
    }
    silent(
        &findings::set(centre, K1, &step(SecondReview, "O-0093"))
            .unwrap()
            .body(true)
            .unwrap()
            .to_string(),
    );
    let done = findings::set(centre, K1, &step(Final, "O-0093")).unwrap();
    assert!(done.title().starts_with(&name), "{}", done.title());
    assert_eq!(fails(&step(Excluded, "O-0093")), "FINDING-ORDER");
    findings::set(centre, K1, &step(Fined, "O-0093")).unwrap();
    let done = findings::set(centre, K1, &step(Paid, "O-0093")).unwrap();
    assert_eq!((done.state(), done.states.len()), (Paid, 6));
    assert!(done.states.iter().map(|s| s.seq).eq(1..=6));

    // What the centre decides afterwards is the truth of the figures.
    let before = figures(test, "B03");
    assert_eq!((before.confirmed, before.excluded), (0, 1));
    for state in [FindingStep::Open, Confirmed] {
        findings::set(centre, K3, &step(state, "O-0093")).unwrap();
    }
    assert_eq!((figures(test, "B03").confirmed, figures(test, "B03").excluded), (1, 0));
}
