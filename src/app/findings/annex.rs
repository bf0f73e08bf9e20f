//! What was judged goes into the bundle in full: the annex `spotcheck-findings/1`.

use serde_json::{Value, json};
use spotcheck_domain::{CaseId, TroubleResult};
use spotcheck_evidence::findings::{FINDINGS_SCHEMA, Findings, JudgedFinding};

use super::FindingCard;
use crate::handheld::Handheld;
use crate::troubles;

/// A card as the annex has it; `None` for one of an earlier version, which kept no lines.
fn judged(card: &FindingCard) -> TroubleResult<Option<JudgedFinding>> {
    if card.body.is_empty() {
        return Ok(None);
    }
    let mut value: Value = serde_json::from_str(&card.body).map_err(troubles::stored)?;
    let members = value.as_object_mut().ok_or_else(|| troubles::stored("no finding"))?;
    // The annex is for the office, whose sentence `reason` is; the party's stands in record.json.
    for own in ["reason_party", "elsewhere"] {
        members.remove(own);
    }
    let mut put = |name: &str, value: Value| members.insert(name.to_owned(), value);
    put("id", json!(card.id));
    put("key", json!(card.key));
    put("state", json!(card.state));
    put("evidence", json!(card.evidence));
    put("officer", json!(card.officer));
    put("judged", json!(card.judged));
    if let Some(origin) = card.origin {
        put("origin", json!(origin.as_str()));
    }
    if let Some(reason) = &card.reason {
        put("state_reason", json!(reason));
    }
    serde_json::from_value(value).map(Some).map_err(troubles::stored)
}

impl Handheld {
    /// Every judged finding of a case; `None` where nobody has said anything.
    pub(crate) fn findings_annex(&mut self, case: &CaseId) -> TroubleResult<Option<Vec<u8>>> {
        let cards = self.finding_cards(case)?;
        let judged: Vec<Option<JudgedFinding>> =
            cards.iter().map(judged).collect::<TroubleResult<_>>()?;
        let findings: Vec<JudgedFinding> = judged.into_iter().flatten().collect();
        if findings.is_empty() {
            return Ok(None);
        }
        let annex = Findings { schema: FINDINGS_SCHEMA.to_owned(), findings };
        annex.to_bytes().map(Some).map_err(troubles::stored)
    }
}
