//! What the officers make of the rules' findings on site: confirmed facts, excluded, more evidence needed.
//!
//! A finding of the rules is an invitation to look; it enters the case only when somebody has said
//! something about it. Every change of mind is a line of the case journal, the case keeps the newest state,
//! and nothing is ever removed: a taken-back judgement stands in the record as open (rules.md, Finding).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use spotcheck_domain::claims::{ClaimsReader, PackedFinding, Page};
use spotcheck_domain::time::rfc3339;
use spotcheck_domain::{Amount, CaseId, OfficerId, TaskId, TroubleResult};
use spotcheck_evidence::Hash32;
pub use spotcheck_evidence::record::FindingState;
use spotcheck_evidence::record::{
    Answerable, AnswerableAs, Finding as RecordFinding, LossMethod, RuleRef,
};
use spotcheck_rules::export::{Audience, Entry, Format, Said, findings_file};
use spotcheck_rules::{Finding, Merged, Origin, People};

use crate::case_file::next_id;
use crate::chain::set;
use crate::desk::EvidenceView;
use crate::handheld::Handheld;
use crate::model::kind;
use crate::troubles;

/// The same reason this many times for one rule: silencing it is offered (rules.md).
const SAME_REASON: usize = 2;

/// A finding about which somebody has said something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FindingCard {
    /// `F1` …
    pub id: String,
    /// What makes it the same finding in another run: see [`Finding::key`].
    pub key: String,
    /// Rule that pointed at it.
    pub rule: String,
    /// `name@version` of its pack.
    pub pack: String,
    /// `mdtrt_id:…`, `psn_no:…` or `fixmedins_code:…`.
    pub subject: String,
    /// A statement of fact.
    pub title: String,
    /// The sentence with the figures.
    pub text: String,
    /// Where it stands.
    pub state: FindingState,
    /// Why, in the officer's words; always there when it was excluded.
    pub reason: Option<String>,
    /// Gross amount, decimal yuan.
    pub amount: Option<String>,
    /// The fund's part, decimal yuan.
    pub fund_amount: Option<String>,
    /// Letter of the method.
    pub loss_method: String,
    /// The loss is for the agency to reckon: see [`Finding::pending`].
    #[serde(default)]
    pub pending: bool,
    /// Evidence items of the case that show it.
    pub evidence: Vec<String>,
    /// Who had to do with it: (`ordering` …, national code, name).
    pub people: Vec<(String, String, String)>,
    /// Who said it last.
    pub officer: OfficerId,
    /// RFC 3339: when.
    pub judged: String,
    /// Who found it.
    #[serde(default)]
    pub origin: Option<Origin>,
    /// The whole finding: see [`Finding::body`]. Empty where an earlier version wrote the card.
    #[serde(default)]
    pub body: String,
}

/// A rule that shall not be shown again during this visit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SilencedRule {
    /// The rule.
    pub rule: String,
    /// Why.
    pub reason: String,
    /// Who.
    pub officer: OfficerId,
    /// RFC 3339: when.
    pub at: String,
}

/// What an officer says about a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// Only the states that exist on site: open, confirmed, excluded, needs evidence.
    pub state: FindingState,
    /// Why; without it nothing is excluded.
    pub reason: Option<String>,
    /// Evidence items that show it.
    pub evidence: Vec<String>,
    /// Who found it, where that is known.
    pub origin: Option<Origin>,
}

/// Whether the same reason was given often enough that the rule may as well be silent for this visit.
#[must_use]
pub fn offers_silence(cards: &[FindingCard], rule: &str, reason: &str) -> bool {
    let same = |c: &&FindingCard| {
        c.rule == rule
            && c.state == FindingState::Excluded
            && c.reason.as_deref().is_some_and(|r| r.trim() == reason.trim())
    };
    cards.iter().filter(same).count() >= SAME_REASON
}

fn yuan(amount: Option<Amount>) -> Option<String> {
    amount.map(Amount::to_cents)
}

fn subject(finding: &Finding) -> String {
    match (&finding.mdtrt_id, &finding.psn_no) {
        (Some(visit), _) => format!("mdtrt_id:{visit}"),
        (None, Some(person)) => format!("psn_no:{person}"),
        (None, None) => format!("fixmedins_code:{}", finding.fixmedins_code),
    }
}

const fn names_nobody(people: &People) -> bool {
    people.ordering.is_empty()
        && people.executing.is_empty()
        && people.billing.is_empty()
        && people.answerable.is_empty()
}

/// Names of the people of a finding, as the package has them: (`ordering` …, national code, name).
fn people(
    finding: &Finding,
    reader: &dyn ClaimsReader,
) -> TroubleResult<Vec<(String, String, String)>> {
    let mut names: BTreeMap<&str, String> = BTreeMap::new();
    let lists = [
        (AnswerableAs::Ordering, &finding.people.ordering),
        (AnswerableAs::Executing, &finding.people.executing),
        (AnswerableAs::Billing, &finding.people.billing),
        (AnswerableAs::Answerable, &finding.people.answerable),
    ];
    let mut all = Vec::new();
    for (capacity, codes) in lists {
        for code in codes {
            if !names.contains_key(code.as_str()) {
                let hits = reader.search_staff(code, Page::first(20))?;
                let name = hits.into_iter().find(|h| h.prac_psn_code == *code);
                let name = name.map_or_else(|| "姓名未上传".to_owned(), |h| h.prac_psn_name);
                names.insert(code, name);
            }
            let name = names.get(code.as_str()).cloned().unwrap_or_default();
            all.push((capacity.as_str().to_owned(), code.clone(), name));
        }
    }
    Ok(all)
}

impl Handheld {
    /// What the package carries; one finding that cannot be read keeps nobody from the others.
    pub(crate) fn do_packed_findings(&mut self, task: &TaskId) -> TroubleResult<Vec<Finding>> {
        let packed = self.reader(task)?.findings()?;
        let count = packed.len();
        let read = |f: PackedFinding| Finding::parse(&f.body, Some((f.amount, f.fund_amount))).ok();
        let findings: Vec<Finding> = packed.into_iter().filter_map(read).collect();
        if findings.len() < count {
            tracing::warn!(count, read = findings.len(), "Findings of the package are unreadable.");
        }
        Ok(findings)
    }

    /// Findings of a case in the order in which they were first judged.
    pub(crate) fn finding_cards(&mut self, case: &CaseId) -> TroubleResult<Vec<FindingCard>> {
        let mut cards: Vec<(String, FindingCard)> = self.case_chain(case)?.values(kind::FINDING)?;
        // Stored by key text: `F10` would stand before `F2`.
        cards.sort_by_key(|(id, _)| (id.len(), id.clone()));
        Ok(cards.into_iter().map(|(_, card)| card).collect())
    }

    /// Rules that were silenced for this visit.
    pub(crate) fn silenced_rules(&mut self, case: &CaseId) -> TroubleResult<Vec<SilencedRule>> {
        let all: Vec<(String, Option<SilencedRule>)> =
            self.case_chain(case)?.values(kind::SILENCED)?;
        Ok(all.into_iter().filter_map(|(_, rule)| rule).collect())
    }

    pub(crate) fn do_judge_finding(
        &mut self,
        case: &CaseId,
        finding: &Finding,
        judgement: &Judgement,
    ) -> TroubleResult<FindingCard> {
        let meta = self.open_meta(case)?;
        let reason = judgement.reason.as_deref().map(str::trim).filter(|r| !r.is_empty());
        match judgement.state {
            FindingState::Open | FindingState::Confirmed | FindingState::NeedsEvidence => {}
            FindingState::Excluded if reason.is_some() => {}
            FindingState::Excluded => {
                return Err(troubles::document("排除一条线索没有写理由", "选一个理由或写一句话"));
            }
            _ => {
                return Err(troubles::document(
                    "这个状态不在现场认定",
                    "现场只认定：事实属实、排除、需补证",
                ));
            }
        }
        let known: Vec<EvidenceView> = self.evidence_views(case)?;
        if let Some(missing) =
            judgement.evidence.iter().find(|e| !known.iter().any(|k| k.id == **e))
        {
            return Err(troubles::unknown(&format!("证据 {missing}")));
        }
        let people = if names_nobody(&finding.people) {
            Vec::new()
        } else {
            people(finding, self.reader(&meta.task.id)?)?
        };
        let key = finding.key();
        let cards = self.finding_cards(case)?;
        let before = cards.iter().find(|c| c.key == key);
        let id = before.map_or_else(|| next_id("F", cards.len()), |c| c.id.clone());
        // The card becomes part of the record, which the party reads and signs.
        let told = finding.for_party();
        let told = told.as_ref().unwrap_or(finding);
        let card = FindingCard {
            id: id.clone(),
            key,
            rule: finding.rule.clone(),
            pack: finding.pack.clone(),
            subject: subject(finding),
            title: finding.party.clone().unwrap_or_else(|| finding.name.clone()),
            text: told.reason.clone(),
            state: judgement.state,
            reason: reason.map(str::to_owned),
            amount: yuan(told.amount),
            fund_amount: yuan(told.fund_amount),
            loss_method: finding.loss_method.as_str().to_owned(),
            pending: finding.pending,
            evidence: judgement.evidence.clone(),
            people,
            officer: self.officer()?,
            judged: rfc3339(self.now_ms()),
            origin: judgement.origin.or_else(|| before.and_then(|b| b.origin)),
            body: finding.body(),
        };
        let mut draft = self
            .draft("finding_state")?
            .about(id.as_str())
            .fact("rule", card.rule.as_str())
            .fact("finding", card.key.as_str())
            .fact("state", card.state.as_str());
        if let Some(before) = before {
            draft = draft.fact("before", before.state.as_str());
        }
        if let Some(reason) = &card.reason {
            draft = draft.fact("reason", reason.as_str());
        }
        if !card.evidence.is_empty() {
            draft = draft.fact("evidence", card.evidence.join(","));
        }
        self.commit(case, vec![draft], vec![set(kind::FINDING, &id, &card)?])?;
        Ok(card)
    }

    /// `None` lets the rule speak again.
    pub(crate) fn do_silence_rule(
        &mut self,
        case: &CaseId,
        rule: &str,
        reason: Option<&str>,
    ) -> TroubleResult<()> {
        self.open_meta(case)?;
        let officer = self.officer()?;
        let at = rfc3339(self.now_ms());
        let (word, value, fact) = match reason.map(str::trim) {
            Some("") => {
                return Err(troubles::document("停用规则没有写理由", "写一句停用的理由"));
            }
            Some(reason) => {
                let rule = rule.to_owned();
                let silenced = SilencedRule { rule, reason: reason.to_owned(), officer, at };
                ("rule_silenced", Some(silenced), reason)
            }
            None => ("rule_heard_again", None, ""),
        };
        let mut draft = self.draft(word)?.about(rule);
        if !fact.is_empty() {
            draft = draft.fact("reason", fact);
        }
        self.commit_mark(case, "停用规则", draft, vec![set(kind::SILENCED, rule, &value)?])?;
        Ok(())
    }
}

/// The word for a state, as in a file.
pub(crate) const fn state_words(state: FindingState) -> &'static str {
    match state {
        FindingState::Open => "待核查",
        FindingState::Confirmed => "事实属实",
        FindingState::Excluded => "已排除",
        FindingState::NeedsEvidence => "需补证",
        FindingState::PutToParty => "已交当事人陈述",
        FindingState::Answered => "当事人已答复",
        FindingState::SecondReview => "复核中",
        FindingState::Final => "已终结",
    }
}

impl Handheld {
    /// Cards of the open or newest case of a task.
    fn cards_of_task(&mut self, task: &TaskId) -> TroubleResult<Vec<FindingCard>> {
        let newest = self.case_index()?.into_iter().rev().find(|(_, index)| index.task == *task);
        newest.map_or_else(|| Ok(Vec::new()), |(case, _)| self.finding_cards(&case))
    }

    pub(crate) fn do_export_findings(
        &mut self,
        task: &TaskId,
        findings: &[Merged],
        audience: Audience,
        format: Format,
    ) -> TroubleResult<Vec<u8>> {
        self.my_task(task)?;
        let said: BTreeMap<String, (FindingState, Said)> = self
            .cards_of_task(task)?
            .into_iter()
            .map(|card| {
                let said = Said {
                    state: state_words(card.state).to_owned(),
                    reason: card.reason.unwrap_or_default(),
                    officer: card.officer.to_string(),
                    at: card.judged,
                };
                (card.key, (card.state, said))
            })
            .collect();
        let for_party = audience == Audience::Party;
        let confirmed = |key: &String| {
            said.get(key).is_some_and(|(state, _)| *state == FindingState::Confirmed)
        };
        let entries: Vec<Entry<'_>> = findings
            .iter()
            .filter(|m| !for_party || confirmed(&m.key))
            .map(|m| Entry {
                finding: &m.finding,
                origin: Some(m.origin),
                said: said.get(&m.key).map(|(_, said)| said),
            })
            .collect();
        let bytes = findings_file(&entries, audience, format, self.now_ms())?;
        let count = u64::try_from(entries.len()).unwrap_or(u64::MAX);
        let draft = self
            .draft("data_exported")?
            .about(task.as_str())
            .fact("what", "findings")
            .fact("for", if for_party { "party" } else { "us" })
            .fact("form", format.as_str())
            .fact("count", count)
            .fact("sha256", Hash32::sha256(&bytes).to_string());
        self.tell(task, draft)?;
        Ok(bytes)
    }
}

/// A finding as record.json has it.
pub(crate) fn record_finding(card: FindingCard) -> RecordFinding {
    let (pack, version) = card.pack.split_once('@').unwrap_or((&card.pack, "0"));
    let rule =
        RuleRef { pack: pack.to_owned(), version: version.to_owned(), id: card.rule.clone() };
    let method = LossMethod::parse(&card.loss_method);
    let people = card
        .people
        .into_iter()
        .filter_map(|(capacity, code, name)| {
            let capacity = AnswerableAs::parse(&capacity)?;
            Some(Answerable { capacity, code: Some(code), name })
        })
        .collect();
    RecordFinding {
        id: card.id,
        step: None,
        rule: Some(rule),
        subject: card.subject,
        text: format!("{}: {}", card.title, card.text),
        state: card.state,
        reason: card.reason,
        amount: card.amount,
        fund_amount: card.fund_amount,
        evidence: card.evidence,
        loss_method: method,
        people,
        opinion: None,
    }
}

mod annex;
mod departments;
mod hand_out;
mod look;

pub use hand_out::Stick;
pub use look::FindingLook;

#[cfg(test)]
mod tests;
