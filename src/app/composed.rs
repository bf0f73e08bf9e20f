//! Rules that officers composed on site, as they go with the case and come to the centre.
//!
//! A rule stands in the case journal once, and in the case's list with when it last ran and how many hits it had.
//! At the seal the list becomes one draft pack in the annex: the centre checks it as every pack and tries it on
//! history; nobody has to copy a rule from a screen (rules.md: saved, signed by their author, offered to the centre).

use serde::{Deserialize, Serialize};
use spotcheck_domain::time::{beijing_date, rfc3339};
use spotcheck_domain::{CaseId, OfficerId, TroubleResult};
use spotcheck_evidence::draft::{DRAFT_SCHEMA, RuleDraft};
use spotcheck_rules::compose::{Composed, draft_files};
use spotcheck_rules::pack::pack_listing;

use crate::chain::set;
use crate::handheld::Handheld;
use crate::model::kind;
use crate::troubles;

/// A composed rule that was run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RanRule {
    /// Its parts.
    pub rule: Composed,
    /// RFC 3339: when it last ran; `None`: never.
    #[serde(default)]
    pub last: Option<String>,
    /// What it found then.
    #[serde(default)]
    pub hits: Option<u64>,
}

/// As the case keeps it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    ran: RanRule,
    officer: OfficerId,
}

impl Handheld {
    pub(crate) fn do_keep_rule(&mut self, case: &CaseId, ran: &RanRule) -> TroubleResult<()> {
        self.open_meta(case)?;
        let id = ran.rule.id();
        let known: Option<Stored> = self.case_chain(case)?.value(kind::OWN_RULE, &id)?;
        let officer = match &known {
            Some(known) => known.officer.clone(),
            None => self.officer()?,
        };
        let mut lines = Vec::new();
        if known.is_none() {
            let text = format!("自编规则 {id}:{}\n{}", ran.rule.sentence(), ran.rule.toml());
            lines.push(self.draft("note")?.about(id.as_str()).fact("text", text));
        }
        let stored = Stored { ran: ran.clone(), officer };
        self.commit(case, lines, vec![set(kind::OWN_RULE, &id, &stored)?])?;
        Ok(())
    }

    /// The draft pack of a case. A rule that does not run over the packs in force any more keeps nobody from the
    /// others: it stands in the journal.
    pub(crate) fn rule_draft(&mut self, case: &CaseId) -> TroubleResult<Option<Vec<u8>>> {
        let stored: Vec<(String, Stored)> = self.case_chain(case)?.values(kind::OWN_RULE)?;
        if stored.is_empty() {
            return Ok(None);
        }
        let task = self.meta(case)?.task.id;
        let base = match self.do_rules_in_force(&task) {
            Ok((pack, _)) => pack,
            // The package may be gone when the case is sealed; the nation's rules are always here.
            Err(_) => spotcheck_rules::national()?,
        };
        let stands = |s: &&(String, Stored)| s.1.ran.rule.pack(&base).is_ok();
        let rules: Vec<Composed> =
            stored.iter().filter(stands).map(|(_, s)| s.ran.rule.clone()).collect();
        if rules.is_empty() {
            return Ok(None);
        }
        let now = self.now_ms();
        let files = draft_files(&rules, &beijing_date(now), &base)?;
        let list: Vec<(&str, &[u8])> =
            files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
        let listing = pack_listing(&list);
        let at = self.ports.clock.read();
        let signature = self.ports.keys.sign_as_device(listing.as_bytes(), &at)?;
        let mut officers: Vec<OfficerId> = stored.iter().map(|(_, s)| s.officer.clone()).collect();
        officers.sort();
        officers.dedup();
        let text = |(name, bytes): (String, Vec<u8>)| {
            String::from_utf8(bytes).map(|text| (name, text)).map_err(troubles::stored)
        };
        let draft = RuleDraft {
            schema: DRAFT_SCHEMA.to_owned(),
            officers,
            device: self.device_id()?,
            made: rfc3339(now),
            files: files.into_iter().map(text).collect::<TroubleResult<_>>()?,
            signature: None,
        };
        draft.signed(&signature).to_bytes().map(Some).map_err(troubles::stored)
    }
}
