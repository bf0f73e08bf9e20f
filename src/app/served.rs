//! What the other side does with a paper, and what is handed to it: refusals, and copies that were given.
//!
//! A refusal is an act of its own with its line (evidence.md §2) and its place in record.json, whether it is the
//! inspection that was refused (W25, when it is frozen) or a signature under a paper.

use spotcheck_domain::time::rfc3339;
use spotcheck_domain::vocabulary::{Capacity, PartyKind};
use spotcheck_domain::{CaseId, TroubleResult};
use spotcheck_evidence::journal::{EntryDraft, kinds};
use spotcheck_evidence::record::{CopyForm, CopyGiven, Refusal as RecordRefusal};

use crate::case_file::next_id;
use crate::chain::set;
use crate::desk::{DocumentView, GivenView, PaperActs, RefusedView};
use crate::handheld::Handheld;
use crate::model::{Document, Evidence, Given, Party, Refusal, Refused, kind};
use crate::pause::is_pause;
use crate::troubles;

/// Most copies of one paper that are handed over at once.
const MOST_COPIES: u32 = 20;

/// A value to be set: (kind, key, JSON).
type Value = (String, String, String);

impl Handheld {
    fn refusals(&mut self, case: &CaseId) -> TroubleResult<Vec<(String, Refusal)>> {
        self.case_chain(case)?.values(kind::REFUSAL)
    }

    fn parties_of(&mut self, case: &CaseId) -> TroubleResult<Vec<(String, Party)>> {
        self.case_chain(case)?.values(kind::PARTY)
    }

    /// The line and the value of a refused inspection, where the document is a record of one: its author is who
    /// stands in it as present, else the house; the recordings that were marked show it.
    pub(crate) fn inspection_refused(
        &mut self,
        case: &CaseId,
        id: &str,
        document: &Document,
    ) -> TroubleResult<Option<(EntryDraft, Value)>> {
        if document.form != "W25" {
            return Ok(None);
        }
        let field = |key: &str| {
            let found = document.fields.iter().find(|(k, _)| k == key);
            found.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
        };
        let parties = self.parties_of(case)?;
        let of_kind = |wanted: PartyKind| {
            parties.iter().find(move |(_, p)| PartyKind::parse(&p.kind) == Some(wanted))
        };
        let present = field("present_name");
        let named = parties.iter().find(|(_, p)| present == Some(p.name.as_str()));
        let by = named.or_else(|| of_kind(PartyKind::Facility)).or(parties.first());
        let Some((by, _)) = by else { return Ok(None) };
        let items: Vec<(String, Evidence)> = self.case_chain(case)?.values(kind::EVIDENCE)?;
        let marked = |item: &Evidence| item.marks.iter().any(|(_, words)| !is_pause(words));
        let evidence: Vec<String> =
            items.into_iter().filter(|(_, item)| marked(item)).map(|(id, _)| id).collect();
        let refusal = Refusal {
            of: field("code").map_or_else(|| "检查".to_owned(), |code| format!("检查：{code}")),
            by: by.clone(),
            reason: None,
            witness: of_kind(PartyKind::Witness).map(|(_, p)| p.name.clone()),
            at_ms: self.now_ms(),
            document: id.to_owned(),
            evidence,
        };
        self.refusal_of(case, &refusal, kinds::REFUSAL).map(Some)
    }

    /// The line and the value of a refusal; no names and no words in the journal.
    fn refusal_of(
        &mut self,
        case: &CaseId,
        refusal: &Refusal,
        line: &str,
    ) -> TroubleResult<(EntryDraft, Value)> {
        let count = self.case_chain(case)?.count(kind::REFUSAL)?;
        let id = next_id("R", count);
        let draft = self
            .draft(line)?
            .about(id.as_str())
            .fact("document", refusal.document.as_str())
            .fact("by", refusal.by.as_str())
            .fact("evidence", refusal.evidence.join(","));
        Ok((draft, set(kind::REFUSAL, &id, refusal)?))
    }

    /// A frozen document and the party that something is done to or by.
    fn served(
        &mut self,
        case: &CaseId,
        id: &str,
        party: &str,
        act: &str,
    ) -> TroubleResult<(Document, Party)> {
        self.open_meta(case)?;
        let document = self.stored_document(case, id)?;
        if document.frozen.is_none() {
            return Err(troubles::document(
                &format!("文书还没有定稿，不能{act}"),
                "补齐内容后先定稿",
            ));
        }
        let party: Party = self
            .case_chain(case)?
            .value(kind::PARTY, party)?
            .ok_or_else(|| troubles::unknown("当事人"))?;
        Ok((document, party))
    }

    /// Refusals as record.json has them; evidence that never stored anything is none.
    pub(crate) fn record_refusals(&mut self, case: &CaseId) -> TroubleResult<Vec<RecordRefusal>> {
        let items: Vec<(String, Evidence)> = self.case_chain(case)?.values(kind::EVIDENCE)?;
        let stored = |id: &String| items.iter().any(|(k, e)| k == id && e.file.is_some());
        let refusals = self.refusals(case)?;
        let record = |(id, r): (String, Refusal)| RecordRefusal {
            id,
            of: r.of,
            by: r.by,
            reason: r.reason,
            witness: r.witness,
            at: rfc3339(r.at_ms),
            document: Some(r.document),
            evidence: r.evidence.into_iter().filter(|id| stored(id)).collect(),
        };
        Ok(refusals.into_iter().map(record).collect())
    }
}

impl PaperActs for Handheld {
    fn refuse_document(
        &mut self,
        case: &CaseId,
        document: &str,
        party: &str,
        reason: &str,
    ) -> TroubleResult<DocumentView> {
        let (mut stored, who) = self.served(case, document, party, "登记拒签")?;
        let reason = reason.trim();
        if reason.is_empty() {
            return Err(troubles::document(
                "没有写明拒签的理由",
                "写明本人所说的理由；不说理由的也写明",
            ));
        }
        self.signing_time(case)?;
        if stored.signatures.iter().any(|s| s.signer == party) {
            return Err(troubles::document("此人已经签过字", "换下一位，或更正后另作文书"));
        }
        if stored.refused.iter().any(|r| r.party == party) {
            return Err(troubles::document("此人的拒签已经登记", "由检查人员和见证人签字"));
        }
        let at_ms = self.now_ms();
        let parties = self.parties_of(case)?;
        let witness = parties
            .iter()
            .find(|(id, p)| id != party && PartyKind::parse(&p.kind) == Some(PartyKind::Witness));
        let refusal = Refusal {
            of: format!("在《{}》上签字", stored.title),
            by: party.to_owned(),
            reason: Some(reason.to_owned()),
            witness: witness.map(|(_, p)| p.name.clone()),
            at_ms,
            document: document.to_owned(),
            evidence: Vec::new(),
        };
        let (draft, value) = self.refusal_of(case, &refusal, kinds::DOCUMENT_REFUSED)?;
        let version = stored.frozen.as_ref().map_or(1, |f| f.version);
        stored.refused.push(Refused {
            party: party.to_owned(),
            name: who.name,
            reason: reason.to_owned(),
            at_ms,
        });
        let values = vec![set(kind::DOCUMENT, document, &stored)?, value];
        self.commit_mark(case, "拒绝签字", draft.fact("version", version), values)?;
        self.document_view(case, document)
    }

    fn give_copy(
        &mut self,
        case: &CaseId,
        document: &str,
        party: &str,
        copies: u32,
    ) -> TroubleResult<DocumentView> {
        let (mut stored, _) = self.served(case, document, party, "交付")?;
        if !(1..=MOST_COPIES).contains(&copies) {
            return Err(troubles::document("份数应在 1 到 20 之间", "重新选择份数"));
        }
        let version = stored.frozen.as_ref().map_or(1, |f| f.version);
        let at_ms = self.now_ms();
        stored.given.push(Given { party: party.to_owned(), at_ms, copies });
        let draft = self
            .draft(kinds::COPY_GIVEN)?
            .about(document)
            .fact("document", document)
            .fact("version", version)
            .fact("party", party)
            .fact("copies", copies)
            .fact("form", CopyForm::Paper.as_str());
        let values = vec![set(kind::DOCUMENT, document, &stored)?];
        self.commit_mark(case, "交付文书", draft, values)?;
        self.document_view(case, document)
    }
}

impl Document {
    /// The party's part is done with: it has signed, or it has refused to.
    pub(crate) fn party_is_through(&self) -> bool {
        !self.refused.is_empty() || self.signatures.iter().any(|s| s.capacity == Capacity::Party)
    }

    pub(crate) fn refused_views(&self) -> Vec<RefusedView> {
        let view = |r: &Refused| RefusedView {
            party: r.party.clone(),
            name: r.name.clone(),
            reason: r.reason.clone(),
            at: rfc3339(r.at_ms),
        };
        self.refused.iter().map(view).collect()
    }

    pub(crate) fn given_views(&self) -> Vec<GivenView> {
        let view = |g: &Given| GivenView {
            party: g.party.clone(),
            copies: g.copies,
            at: rfc3339(g.at_ms),
        };
        self.given.iter().map(view).collect()
    }

    /// Copies that were handed over, as record.json has them.
    pub(crate) fn copies_given(&self) -> Vec<CopyGiven> {
        let given = |g: &Given| CopyGiven {
            party: g.party.clone(),
            at: rfc3339(g.at_ms),
            copies: u64::from(g.copies),
            form: CopyForm::Paper,
        };
        self.given.iter().map(given).collect()
    }
}
