//! A journal kept in a store: drafts in, lines and values out, in one transaction.
//!
//! The head is read from the store at opening and moved only after the commit returned, so that a failed
//! write leaves memory and disk saying the same.

use std::sync::Arc;

use spotcheck_domain::time::parse_rfc3339;
use spotcheck_domain::{Clock, ClockReading, TroubleResult};
use spotcheck_evidence::Hash32;
use spotcheck_evidence::journal::{CLOCK_STEP_MS, ChainHead, EntryDraft, JournalEntry, next_line};

use crate::ports::{CaseChange, CaseStore, StoredLine};
use crate::troubles;

/// A store in one piece: lines, and values as (kind, key, JSON).
pub(crate) type Everything = (Vec<StoredLine>, Vec<(String, String, String)>);

/// What stands where a value was taken back: passed over by readers, counted by whoever numbers.
pub(crate) const TAKEN_BACK: &str = "null";

/// A store with its journal's head.
pub(crate) struct Chain {
    store: Box<dyn CaseStore>,
    head: ChainHead,
    clock: Arc<dyn Clock>,
    /// Boot id, and wall minus boot clock, of the last entry.
    last: Option<(String, i64)>,
}

impl Chain {
    /// Takes over a store and finds the head.
    pub(crate) fn open(
        mut store: Box<dyn CaseStore>,
        clock: Arc<dyn Clock>,
    ) -> TroubleResult<Self> {
        let Some(line) = store.last_line()? else {
            return Ok(Self { store, head: ChainHead::START, clock, last: None });
        };
        let head = ChainHead { seq: line.seq, hash: Hash32::sha256(&line.line) };
        let entry = JournalEntry::parse(&line.line).map_err(troubles::stored)?;
        let wall = parse_rfc3339(&entry.wall).unwrap_or(0);
        let boot = i64::try_from(entry.boottime).unwrap_or(i64::MAX);
        let last = Some((entry.boot_id, wall.saturating_sub(boot)));
        Ok(Self { store, head, clock, last })
    }

    /// Number and hash of the last line.
    pub(crate) const fn head(&self) -> ChainHead {
        self.head
    }

    /// Appends entries and sets values: all or nothing. Returns the hash of the last new line.
    pub(crate) fn commit(
        &mut self,
        drafts: Vec<EntryDraft>,
        set: Vec<(String, String, String)>,
    ) -> TroubleResult<ChainHead> {
        let reading = self.clock.read();
        let mut head = self.head;
        let mut lines = Vec::new();
        let stepped = drafts.first().and_then(|first| self.step(&reading, first));
        for draft in stepped.into_iter().chain(drafts) {
            let (line, next) = next_line(&head, draft, &reading).map_err(troubles::journal)?;
            head = next;
            lines.push(StoredLine { seq: head.seq, line });
        }
        self.store.commit(&CaseChange { lines, set })?;
        self.head = head;
        self.last = Some((reading.boot_id.clone(), offset(&reading)));
        Ok(head)
    }

    /// A clock step since the last entry of the same boot, as an entry of its own.
    fn step(&self, now: &ClockReading, like: &EntryDraft) -> Option<EntryDraft> {
        let (boot_id, last) = self.last.as_ref()?;
        if *boot_id != now.boot_id {
            return None;
        }
        let step = offset(now).saturating_sub(*last);
        (step.abs() > CLOCK_STEP_MS).then(|| {
            EntryDraft::new(like.officer.clone(), like.device.clone(), "clock_stepped")
                .fact("step_ms", step)
        })
    }

    /// Enters a clock step now, if there was one since the last entry.
    pub(crate) fn mark_step(&mut self, like: &EntryDraft) -> TroubleResult<()> {
        let reading = self.clock.read();
        let Some(draft) = self.step(&reading, like) else { return Ok(()) };
        self.last = Some((reading.boot_id.clone(), offset(&reading)));
        self.commit(vec![draft], vec![]).map(drop)
    }

    /// All lines.
    pub(crate) fn lines(&mut self) -> TroubleResult<Vec<StoredLine>> {
        self.store.journal()
    }

    /// All lines and values, for the second copy.
    pub(crate) fn everything(&mut self) -> TroubleResult<Everything> {
        Ok((self.store.journal()?, self.store.all_values()?))
    }

    /// How many values of a kind there ever were, also those that were taken back.
    pub(crate) fn count(&mut self, kind: &str) -> TroubleResult<usize> {
        self.store.count(kind)
    }

    /// One value as it is stored.
    pub(crate) fn raw(&mut self, kind: &str, key: &str) -> TroubleResult<Option<String>> {
        self.store.value(kind, key)
    }

    /// Values of a kind.
    pub(crate) fn values<T: serde::de::DeserializeOwned>(
        &mut self,
        kind: &str,
    ) -> TroubleResult<Vec<(String, T)>> {
        self.store
            .values(kind)?
            .into_iter()
            .filter(|(_, json)| json != TAKEN_BACK)
            .map(|(key, json)| {
                Ok((key, serde_json::from_str(&json).map_err(troubles::stored_json)?))
            })
            .collect()
    }

    /// One value.
    pub(crate) fn value<T: serde::de::DeserializeOwned>(
        &mut self,
        kind: &str,
        key: &str,
    ) -> TroubleResult<Option<T>> {
        self.store
            .value(kind, key)?
            .filter(|json| json != TAKEN_BACK)
            .map(|json| serde_json::from_str(&json).map_err(troubles::stored_json))
            .transpose()
    }
}

const fn offset(reading: &ClockReading) -> i64 {
    reading.wall_ms.saturating_sub(reading.boottime_ms)
}

/// One value to set.
pub(crate) fn set<T: serde::Serialize>(
    kind: &str,
    key: &str,
    value: &T,
) -> TroubleResult<(String, String, String)> {
    let json = serde_json::to_string(value).map_err(troubles::stored_json)?;
    Ok((kind.to_owned(), key.to_owned(), json))
}
