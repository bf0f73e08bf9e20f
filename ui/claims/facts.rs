//! Confirmed facts into the record of the inspection: what was seen, in the words that the party is shown.
//!
//! One tap on the page of the record instead of copying by hand. Only what an officer confirmed and what may be
//! printed for the party: a statement of fact, its lines and days, the amount with its method; no name of a rule,
//! no light, no penalty clause, nothing that would call it more than a fact (rules.md, Words).

use std::rc::Rc;

use slint::ComponentHandle;
use spotcheck_app::findings::{FindingCard, FindingState};
use spotcheck_app::rules::Finding;
use spotcheck_face::Document;

use crate::app::App;
use crate::language::{kept, say};
use crate::words;

/// The form and the field in which they stand.
const FORM: &str = "W03";
const FIELD: &str = kept!("现场检查情况");

/// One confirmed fact as it stands on paper; `None` for what is never printed for the party.
fn sentence(finding: &Finding) -> Option<String> {
    let title = finding.party.as_deref().filter(|_| finding.grade.is_for_party())?;
    let mut parts = vec![format!("{title}：{}", finding.reason)];
    parts.extend(finding.date.clone().map(|day| kept!("日期 {}").replace("{}", &day)));
    if !finding.bkkp_sn.is_empty() {
        parts.push(kept!("涉及费用明细 {} 条").replace("{}", &finding.bkkp_sn.len().to_string()));
    }
    if let Some(amount) = finding.amount {
        let sum = kept!("涉及金额 {}").replace("{}", &words::yuan(amount));
        parts.push(format!("{sum}（{}）", finding.method_words()));
    }
    Some(format!("{}。", parts.join("，")))
}

/// Sentences of the confirmed findings that the text does not have yet.
fn missing(cards: &[FindingCard], text: &str) -> Vec<String> {
    let confirmed = cards.iter().filter(|c| c.state == FindingState::Confirmed);
    let findings = confirmed.filter_map(|c| Finding::parse(&c.body, None).ok());
    findings.filter_map(|f| sentence(&f)).filter(|s| !text.contains(s.as_str())).collect()
}

fn of_case(app: &App, text: &str) -> Vec<String> {
    let case = app.case.borrow();
    case.as_ref().map(|case| missing(&case.findings, text)).unwrap_or_default()
}

/// Offers them where the open field is theirs.
pub(crate) fn offer(app: &App, label: &str) {
    let form = app.document.form();
    let face = app.window.global::<Document<'_>>();
    let own = form.as_deref() == Some(FORM) && label == FIELD;
    let count = if own { of_case(app, &face.get_value()).len() } else { 0 };
    face.set_facts(i32::try_from(count).unwrap_or(i32::MAX));
}

/// Behind what was written; the field is kept by the officer as always.
pub(crate) fn insert(app: &Rc<App>) {
    let face = app.window.global::<Document<'_>>();
    let mut text = face.get_value().to_string();
    let sentences = of_case(app, &text);
    for sentence in &sentences {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(sentence);
    }
    face.set_value(text.into());
    face.set_facts(0);
    face.invoke_edited();
    app.toast(&say!("已插入 {} 条，填好前可以改", sentences.len()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::fake_desk::FakeDesk;
    use spotcheck_app::desk::Desk as _;

    /// rules.md, Words: papers carry facts; what is not confirmed, or only points, is not among them.
    #[test]
    fn a_fact_is_inserted_once_and_accuses_nobody() {
        let mut desk = FakeDesk::new();
        let officer = spotcheck_domain::OfficerId::parse("O-0017").unwrap();
        let pin = secrecy::SecretString::from(crate::testkit::fake_desk::FIRST_PIN.to_owned());
        desk.unlock(&officer, &pin).unwrap();
        let task = desk.tasks().unwrap()[0].task.id.clone();
        desk.check_package(&task).unwrap();
        let bed = desk.packed_findings(&task).unwrap().remove(0);
        let mut card = FindingCard {
            id: "F1".to_owned(),
            key: bed.key(),
            rule: bed.rule.clone(),
            pack: bed.pack.clone(),
            subject: String::new(),
            title: String::new(),
            text: String::new(),
            state: FindingState::Confirmed,
            reason: None,
            amount: None,
            fund_amount: None,
            loss_method: "N".to_owned(),
            pending: true,
            evidence: Vec::new(),
            people: Vec::new(),
            officer,
            judged: String::new(),
            origin: None,
            body: bed.body(),
        };
        let said = missing(std::slice::from_ref(&card), "");
        assert_eq!(said.len(), 1);
        assert!(said[0].contains("床位费 11 天"), "{said:?}");
        assert!(said[0].contains("¥76.00（基金损失待经办核算）"), "{said:?}");
        for never in ["违规", "违法", "A14", "T38", "红·", "权重"] {
            assert!(!said[0].contains(never), "{never}");
        }
        assert!(missing(std::slice::from_ref(&card), &said[0]).is_empty(), "once");
        card.state = FindingState::NeedsEvidence;
        assert!(missing(std::slice::from_ref(&card), "").is_empty(), "not confirmed");
        card.state = FindingState::Confirmed;
        card.body = Finding { grade: spotcheck_app::rules::Grade::L, ..bed }.body();
        assert!(missing(&[card], "").is_empty(), "a lead is never printed");
    }
}
