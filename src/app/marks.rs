//! The last marks of this program run, and how each is taken back ([`Marks`]).
//!
//! What a mark changed is kept in memory as (value before, value after). A value that has moved on since is
//! merged member by member, so that a recording that was stopped meanwhile keeps its file; where the member
//! itself moved on, nothing is taken back. A value that was not there before becomes `null`, which readers pass
//! over and numbering counts: an id is never given twice.

use serde_json::{Map, Value};
use spotcheck_domain::{CaseId, TroubleResult};
use spotcheck_evidence::journal::{ChainHead, EntryDraft};

use crate::chain::TAKEN_BACK;
use crate::desk::{CaseView, Mark, Marks};
use crate::handheld::Handheld;
use crate::model::{Document, kind};
use crate::troubles;

/// Marks that can be taken back at a time: more than anybody makes in the ten seconds of each.
const KEPT: usize = 16;

/// One value that a mark set.
#[derive(Debug, Clone)]
struct Change {
    kind: String,
    key: String,
    before: Option<String>,
    after: String,
}

/// A mark and what it changed.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    mark: Mark,
    /// What it is about, as the journal names it.
    subject: Option<String>,
    /// What it was, in words for the journal's readers; no names of persons.
    was: String,
    told: bool,
    changes: Vec<Change>,
}

impl Handheld {
    /// As [`Handheld::commit`] of one entry, and remembers how to take it back. `was` says what it is.
    pub(crate) fn commit_mark(
        &mut self,
        case: &CaseId,
        was: &str,
        draft: EntryDraft,
        set: Vec<(String, String, String)>,
    ) -> TroubleResult<ChainHead> {
        let chain = self.case_chain(case)?;
        let mut changes = Vec::with_capacity(set.len());
        for (kind, key, after) in &set {
            let before = chain.raw(kind, key)?;
            let (kind, key, after) = (kind.clone(), key.clone(), after.clone());
            changes.push(Change { kind, key, before, after });
        }
        let subject = draft.subject.clone();
        let head = self.commit(case, vec![draft], set)?;
        let mark = Mark { case: case.clone(), seq: head.seq };
        if self.marked.len() >= KEPT {
            self.marked.remove(0);
        }
        self.marked.push(Written { mark, subject, was: was.to_owned(), told: false, changes });
        Ok(head)
    }

    /// Somebody was interviewed as this party, or is named by a document.
    fn is_used(&mut self, case: &CaseId, party: &str) -> TroubleResult<bool> {
        let documents: Vec<(String, Document)> = self.case_chain(case)?.values(kind::DOCUMENT)?;
        Ok(documents.iter().any(|(_, document)| document.party.as_deref() == Some(party)))
    }
}

impl Marks for Handheld {
    fn just_marked(&mut self) -> Option<Mark> {
        let written = self.marked.last_mut().filter(|written| !written.told)?;
        written.told = true;
        Some(written.mark.clone())
    }

    fn take_back(&mut self, mark: &Mark) -> TroubleResult<CaseView> {
        self.open_meta(&mark.case)?;
        let written = self.marked.iter().find(|written| written.mark == *mark).cloned();
        let written = written.ok_or_else(troubles::mark_over)?;
        let mut values = Vec::with_capacity(written.changes.len());
        for change in &written.changes {
            let made = change.before.is_none() && change.kind == kind::PARTY;
            if made && self.is_used(&mark.case, &change.key)? {
                return Err(troubles::mark_over());
            }
            let now = self.case_chain(&mark.case)?.raw(&change.kind, &change.key)?;
            let back = restored(change.before.as_deref(), &change.after, now.as_deref());
            let back = back.ok_or_else(troubles::mark_over)?;
            values.push((change.kind.clone(), change.key.clone(), back));
        }
        let mut draft = self
            .draft("note")?
            .fact("what", "taken_back")
            .fact("entry", mark.seq)
            .fact("was", written.was.as_str());
        if let Some(subject) = &written.subject {
            draft = draft.about(subject.as_str());
        }
        self.commit(&mark.case, vec![draft], values)?;
        self.marked.retain(|written| written.mark != *mark);
        self.case_view(&mark.case)
    }
}

/// The value without what the mark did to it; `None` where that cannot be told apart any more.
fn restored(before: Option<&str>, after: &str, now: Option<&str>) -> Option<String> {
    let now = now?;
    if now == after {
        return Some(before.unwrap_or(TAKEN_BACK).to_owned());
    }
    let object = |text: &str| serde_json::from_str::<Map<String, Value>>(text).ok();
    let (before, after, mut now) = (object(before?)?, object(after)?, object(now)?);
    let names = after.keys().chain(before.keys().filter(|name| !after.contains_key(*name)));
    for name in names {
        let (old, set) = (before.get(name), after.get(name));
        if old == set {
            continue;
        }
        if now.get(name) != set {
            return None;
        }
        match old {
            Some(old) => now.insert(name.clone(), old.clone()),
            None => now.remove(name),
        };
    }
    serde_json::to_string(&now).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moved_on_keeps_what_is_new() {
        let (before, after) = (r#"{"marks":[],"file":null}"#, r#"{"marks":[1],"file":null}"#);
        assert_eq!(restored(Some(before), after, Some(after)).as_deref(), Some(before));
        assert_eq!(restored(None, after, Some(after)).as_deref(), Some("null"));
        let stopped = r#"{"marks":[1],"file":"0001.ogg"}"#;
        let back = restored(Some(before), after, Some(stopped)).unwrap();
        assert_eq!(
            serde_json::from_str::<Value>(&back).unwrap(),
            serde_json::json!({"marks": [], "file": "0001.ogg"})
        );
    }

    /// A second mark came on top: taking the first one back would take it along.
    #[test]
    fn a_member_that_moved_on_is_left_alone() {
        let (before, after) = (r#"{"marks":[]}"#, r#"{"marks":[1]}"#);
        assert_eq!(restored(Some(before), after, Some(r#"{"marks":[1,2]}"#)), None);
        assert_eq!(restored(None, after, Some(r#"{"marks":[1,2]}"#)), None);
        assert_eq!(restored(None, after, None), None);
        // A member that is left out when it is empty.
        let (before, after) = (r#"{"a":1}"#, r#"{"a":1,"page":2}"#);
        let now = r#"{"a":5,"page":2}"#;
        assert_eq!(restored(Some(before), after, Some(now)).as_deref(), Some(r#"{"a":5}"#));
    }
}
