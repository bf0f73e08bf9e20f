//! Tray → filed: what an item of evidence proves, whose it is, for whom it speaks.
//!
//! One mark writes all of it and can be taken back as a whole. Names of keepers and the party's words stand in the
//! case and in record.json and not in the journal: the journal says which step and finding it was filed under, for
//! whom it speaks and whether it is a copy.

use spotcheck_domain::time::rfc3339;
use spotcheck_domain::vocabulary::{Direction, Originality};
use spotcheck_domain::{CaseId, TroubleResult};

use crate::chain::set;
use crate::desk::Filing;
use crate::findings::FindingCard;
use crate::handheld::Handheld;
use crate::model::{Evidence, Party, Step, kind};
use crate::troubles;

/// The words without space around them; none where nothing is left.
fn trimmed(words: Option<&String>) -> Option<String> {
    words.map(|words| words.trim().to_owned()).filter(|words| !words.is_empty())
}

impl Handheld {
    /// The filing as it is kept: trimmed, its ids checked, the party's words with the time they were entered.
    fn checked_filing(
        &mut self,
        case: &CaseId,
        before: &Filing,
        said: &Filing,
    ) -> TroubleResult<Filing> {
        let now = rfc3339(self.now_ms());
        let chain = self.case_chain(case)?;
        let mut filing = Filing {
            proves: said.proves.trim().to_owned(),
            source: said.source.trim().to_owned(),
            keeper: trimmed(said.keeper.as_ref()),
            original: said.original,
            original_place: trimmed(said.original_place.as_ref()),
            direction: said.direction.filter(|direction| *direction != Direction::Neutral),
            opinion: said.opinion.clone(),
            step: trimmed(said.step.as_ref()),
            finding: trimmed(said.finding.as_ref()),
        };
        if let Some(step) = &filing.step {
            chain.value::<Step>(kind::STEP, step)?.ok_or_else(|| troubles::unknown("步骤"))?;
        }
        if let Some(finding) = &filing.finding {
            chain
                .value::<FindingCard>(kind::FINDING, finding)?
                .ok_or_else(|| troubles::unknown("线索"))?;
        }
        let mut opinion = filing.opinion.take();
        if let Some(words) = &mut opinion {
            words.text = words.text.trim().to_owned();
            chain
                .value::<Party>(kind::PARTY, &words.party)?
                .ok_or_else(|| troubles::unknown("当事人"))?;
            let same = before
                .opinion
                .as_ref()
                .filter(|old| old.party == words.party && old.text == words.text);
            words.at = same.map_or(now, |old| old.at.clone());
        }
        filing.opinion = opinion.filter(|words| !words.text.is_empty());
        Ok(filing)
    }

    pub(crate) fn do_describe_evidence(
        &mut self,
        case: &CaseId,
        evidence: &str,
        filing: &Filing,
    ) -> TroubleResult<()> {
        self.open_meta(case)?;
        let mut item: Evidence = self
            .case_chain(case)?
            .value(kind::EVIDENCE, evidence)?
            .ok_or_else(|| troubles::unknown("证据"))?;
        let filing = self.checked_filing(case, &item.filing(), filing)?;
        item.file(&filing);
        let mut filed = vec![evidence.to_owned()];
        let mut values = vec![set(kind::EVIDENCE, evidence, &item)?];
        if let Some(page) = &item.page {
            // What one page of a paper proves, the others prove with it, unless somebody said otherwise.
            for (id, mut other) in self.evidence_items(case)? {
                let beside = other.page.as_ref().is_some_and(|p| p.group == page.group);
                if id != evidence && beside && other.proves.is_empty() {
                    other.file(&filing);
                    values.push(set(kind::EVIDENCE, &id, &other)?);
                    filed.push(id);
                }
            }
        }
        values.extend(self.linked(case, evidence, &filed, filing.finding.as_deref())?);
        let mut draft = self.draft("note")?.about(evidence).fact("what", "evidence_described");
        if let Some(step) = &filing.step {
            draft = draft.fact("step", step.as_str());
        }
        if let Some(finding) = &filing.finding {
            draft = draft.fact("finding", finding.as_str());
        }
        if let Some(direction) = filing.direction {
            draft = draft.fact("direction", direction.as_str());
        }
        if let Some(original) = filing.original {
            draft = draft.fact("original", original.as_str());
        }
        self.commit_mark(case, "写明证明什么", draft, values)?;
        Ok(())
    }

    /// Findings whose list of evidence changes: the one named gets what was filed, any other one loses the item.
    fn linked(
        &mut self,
        case: &CaseId,
        evidence: &str,
        filed: &[String],
        finding: Option<&str>,
    ) -> TroubleResult<Vec<(String, String, String)>> {
        // Where no finding is named, what a judgement said of the item stays.
        let Some(finding) = finding else { return Ok(Vec::new()) };
        let mut values = Vec::new();
        for mut card in self.finding_cards(case)? {
            let before = card.evidence.clone();
            if card.id == finding {
                let new = filed.iter().filter(|id| !before.contains(id)).cloned();
                card.evidence.extend(new);
            } else {
                card.evidence.retain(|id| id != evidence);
            }
            if card.evidence != before {
                let id = card.id.clone();
                values.push(set(kind::FINDING, &id, &card)?);
            }
        }
        Ok(values)
    }
}

impl Evidence {
    /// What was said about it.
    pub(crate) fn filing(&self) -> Filing {
        let filed = self.filed.clone().unwrap_or_default();
        Filing { proves: self.proves.clone(), source: self.source.clone(), ..filed }
    }

    fn file(&mut self, filing: &Filing) {
        self.proves.clone_from(&filing.proves);
        self.source.clone_from(&filing.source);
        let rest = Filing { proves: String::new(), source: String::new(), ..filing.clone() };
        self.filed = (!rest.is_empty()).then_some(rest);
    }

    /// A copy: as somebody said, else what a system exported; the data themselves stay in the party's system.
    pub(crate) fn originality(&self) -> Originality {
        let exported = self.recording.is_none() && self.media_type != "image/jpeg";
        let own = if exported { Originality::Copy } else { Originality::Original };
        self.filed.as_ref().and_then(|filed| filed.original).unwrap_or(own)
    }
}
