//! How far the journal of each case had got, kept in the device's own store and journal (evidence.md §2).
//!
//! A case database that was set back to an older copy is whole in itself: only something that lies elsewhere can tell.
//! The head is noted when a case begins, when the handheld is locked, and whenever the case leaves on paper, on a stick
//! or in a bundle; a database that has less than what was noted, or something else in that place, is not gone on with. One
//! that is gone altogether is never begun anew. The device's journal, which the centre has, says the same heads.

use serde::{Deserialize, Serialize};
use spotcheck_domain::{CaseId, TroubleResult};
use spotcheck_evidence::Hash32;
use spotcheck_evidence::journal::{ChainHead, kinds};

use crate::chain::{Chain, set};
use crate::handheld::Handheld;
use crate::troubles;

/// Kind of the value in the device's store, by case.
const NOTED: &str = "case_head";

/// Number and hash of a journal's line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Noted {
    seq: u64,
    hash: String,
}

impl From<ChainHead> for Noted {
    fn from(head: ChainHead) -> Self {
        Self { seq: head.seq, hash: head.hash.to_string() }
    }
}

impl Handheld {
    /// The store of a case with its journal's head; made only where the case was never begun.
    ///
    /// # Errors
    /// `STORE-MISSING` where a begun case has no database, `CASE-BEHIND` (a verdict) where it is not the one that was
    /// noted; a store that cannot be opened.
    pub(crate) fn open_chain(&mut self, case: &CaseId) -> TroubleResult<Chain> {
        let noted: Option<Noted> = self.device_log()?.value(NOTED, case.as_str())?;
        let key = self.ports.keys.case_key(case)?;
        let store = self.ports.stores.case_store(case, &key, noted.is_some())?;
        let mut chain = Chain::open(store, self.ports.clock.clone())?;
        let Some(noted) = noted else { return Ok(chain) };
        let head = chain.head();
        let there = if head.seq > noted.seq {
            // Only now is more than the last line read.
            let line = chain.lines()?.into_iter().find(|line| line.seq == noted.seq);
            line.map(|line| Hash32::sha256(&line.line).to_string())
        } else {
            (head.seq == noted.seq).then(|| head.hash.to_string())
        };
        if there.as_ref() == Some(&noted.hash) {
            Ok(chain)
        } else {
            Err(troubles::case_behind(head.seq, noted.seq))
        }
    }

    /// Notes the heads of all open cases that moved since they were noted.
    pub(crate) fn note_heads(&mut self) -> TroubleResult<()> {
        let heads: Vec<(CaseId, Noted)> =
            self.cases.iter().map(|(case, chain)| (case.clone(), chain.head().into())).collect();
        let (mut drafts, mut values) = (Vec::new(), Vec::new());
        for (case, head) in heads {
            let noted: Option<Noted> = self.device_log()?.value(NOTED, case.as_str())?;
            let Some(hash) = Hash32::parse(&head.hash).filter(|_| head.seq > 0) else { continue };
            if noted.as_ref() == Some(&head) {
                continue;
            }
            let draft = self.draft(kinds::CASE_HEAD)?.about(case.as_str()).fact("seq", head.seq);
            drafts.push(draft.hashed(hash));
            values.push(set(NOTED, case.as_str(), &head)?);
        }
        if !drafts.is_empty() {
            self.device_log()?.commit(drafts, values)?;
        }
        Ok(())
    }

    /// The same where something else was asked for, which a full disk must not undo.
    pub(crate) fn note_heads_if_possible(&mut self) {
        if let Err(trouble) = self.note_heads() {
            tracing::warn!(code = %trouble.code, "The heads of open cases could not be noted.");
        }
    }
}
