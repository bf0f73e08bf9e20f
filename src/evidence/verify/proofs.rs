//! The centre's log: checkpoint, time entry, receipt; and the time bracket they give.
//!
//! With the log's key a bad proof is a rejection. Without it nothing here is proven, and what can be
//! compared without it and does not agree is a warning (evidence.md §3).

use spotcheck_domain::time::parse_rfc3339;

use super::Judged;
use super::report::{JudgedBy, TimeReport, shown};
use crate::entry::LogEntry;
use crate::statement::{CHECKPOINT_PATH, NotBefore, STATEMENT_PATH};
use crate::tlog::{Checkpoint, LogProof};

const TIME_ENTRY: &str = "metadata/time.entry.json";
const TIME_PROOF: &str = "metadata/time.tlog-proof";
const RECEIPT_ENTRY: &str = "receipts/center.entry.json";
const RECEIPT_PROOF: &str = "receipts/center.tlog-proof";
pub(super) const RECEIPT_CRL: &str = "receipts/center.crl";

/// What the log proves.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct LogTimes {
    /// Time of the newest time entry seen before sealing.
    pub(super) not_before_ms: Option<i64>,
    /// When the centre received the bundle.
    pub(super) received_ms: Option<i64>,
}

impl Judged<'_> {
    pub(super) fn judge_log(&mut self) -> LogTimes {
        for (path, _) in self.structure.inside("receipts/") {
            if ![RECEIPT_ENTRY, RECEIPT_PROOF, RECEIPT_CRL].contains(&path) {
                self.findings.error("BAG-FOREIGN-LATE-FILE", Some(path));
            }
        }
        let checkpoint = self.judge_checkpoint();
        let not_before_ms = self.judge_time_entry(checkpoint.as_ref());
        let received_ms = self.judge_receipt();
        LogTimes { not_before_ms, received_ms }
    }

    /// checkpoint.txt is what statement.json says it is, and signed by the log.
    fn judge_checkpoint(&mut self) -> Option<Checkpoint> {
        let note = std::str::from_utf8(self.structure.tag(CHECKPOINT_PATH)?).unwrap_or_default();
        let Ok(seen) = Checkpoint::peek(note) else {
            self.findings.error("CHECKPOINT-FORM", Some(CHECKPOINT_PATH));
            return None;
        };
        let stated = self.statement.as_ref().map(|s| &s.time.not_before);
        if stated.is_some_and(|s| *s != NotBefore::of(&seen)) {
            self.findings.error("CHECKPOINT-STATEMENT", Some(STATEMENT_PATH));
        }
        match self.options.log_key {
            Some(key) if Checkpoint::open(note, key).is_err() => {
                self.findings.error("CHECKPOINT-SIGNATURE", Some(CHECKPOINT_PATH));
                None
            }
            Some(_) => Some(seen),
            None => {
                self.findings.warn("LOG-NO-KEY", None);
                Some(seen)
            }
        }
    }

    fn judge_time_entry(&mut self, checkpoint: Option<&Checkpoint>) -> Option<i64> {
        let (entry, proof) = (self.structure.tag(TIME_ENTRY), self.structure.tag(TIME_PROOF));
        let (Some(entry), Some(proof)) = (entry, proof) else {
            if entry.is_some() || proof.is_some() {
                self.findings.error("TIME-ENTRY", Some(TIME_ENTRY));
            } else {
                self.findings.warn("TIME-NO-LOWER-BOUND", None);
            }
            return None;
        };
        let strict = self.options.log_key.is_some();
        let at = match LogEntry::parse(entry) {
            Ok(LogEntry::Time(time)) => parse_rfc3339(&time.at),
            _ => None,
        };
        let parsed = std::str::from_utf8(proof).ok().and_then(|t| LogProof::parse(t).ok());
        let (Some(at), Some(parsed)) = (at, parsed) else {
            self.findings.error_if(strict, "TIME-ENTRY", Some(TIME_ENTRY));
            return None;
        };
        let key = self.options.log_key?;
        match parsed.verify(entry, key) {
            Ok(tree) => {
                // A log that shows two roots for one size lies; a newer tree is only out of place.
                let split = checkpoint.is_some_and(|c| c.size == tree.size && c.root != tree.root);
                if split || checkpoint.is_some_and(|c| c.size < tree.size) {
                    self.findings.error_if(split, "TIME-OTHER-TREE", Some(TIME_PROOF));
                }
                Some(at).filter(|_| !split)
            }
            Err(_) => {
                self.findings.error("TIME-PROOF", Some(TIME_PROOF));
                None
            }
        }
    }

    fn judge_receipt(&mut self) -> Option<i64> {
        let (entry, proof) = (self.structure.tag(RECEIPT_ENTRY), self.structure.tag(RECEIPT_PROOF));
        let strict = self.options.log_key.is_some();
        let (Some(entry), Some(proof)) = (entry, proof) else {
            if entry.is_some() || proof.is_some() {
                self.findings.error_if(strict, "RECEIPT-INCOMPLETE", Some(RECEIPT_ENTRY));
            } else {
                self.findings.warn("RECEIPT-MISSING", None);
            }
            return None;
        };
        let Ok(LogEntry::Bundle(bundle)) = LogEntry::parse(entry) else {
            self.findings.error_if(strict, "RECEIPT-ENTRY", Some(RECEIPT_ENTRY));
            return None;
        };
        let meant = self
            .statement
            .as_ref()
            .is_some_and(|s| s.bundle == bundle.bundle && s.device.id == bundle.device);
        if !meant || bundle.tagmanifest_sha256 != self.tagmanifest {
            self.findings.error_if(strict, "RECEIPT-OTHER-BUNDLE", Some(RECEIPT_ENTRY));
            return None;
        }
        let Some(parsed) = std::str::from_utf8(proof).ok().and_then(|t| LogProof::parse(t).ok())
        else {
            self.findings.error_if(strict, "RECEIPT-PROOF", Some(RECEIPT_PROOF));
            return None;
        };
        let Some(key) = self.options.log_key else {
            self.findings.not_judged("RECEIPT-NOT-JUDGED", Some(RECEIPT_PROOF));
            return None;
        };
        if parsed.verify(entry, key).is_err() {
            self.findings.error("RECEIPT-PROOF", Some(RECEIPT_PROOF));
            return None;
        }
        parse_rfc3339(&bundle.received)
    }

    /// The bracket; `stamped` is the earliest time stamp that holds.
    pub(super) fn judge_time(&mut self, log: &LogTimes, stamped: Option<i64>) -> TimeReport {
        let Some(statement) = &self.statement else { return TimeReport::default() };
        let time = &statement.time;
        let sealed = parse_rfc3339(&time.sealed).unwrap_or(0);
        if !time.clock_set {
            self.findings.warn("TIME-CLOCK-NOT-SET", Some(STATEMENT_PATH));
        }
        if log.not_before_ms.is_some_and(|before| sealed < before) {
            let strict = time.clock_set;
            self.findings.error_if(strict, "TIME-SEALED-TOO-EARLY", Some(STATEMENT_PATH));
        }
        let (not_after, by) = match (stamped, log.received_ms) {
            (Some(stamp), Some(received)) if received < stamp => (Some(received), JudgedBy::Log),
            (Some(stamp), _) => (Some(stamp), JudgedBy::Timestamp),
            (None, received) => (received, JudgedBy::Log),
        };
        // Stamps and entries may carry whole seconds only; a seal stamped at once is not too late.
        let second = |ms: i64| ms.div_euclid(1000);
        if not_after.is_some_and(|after| second(sealed) > second(after)) {
            self.findings.warn("TIME-SEALED-TOO-LATE", Some(STATEMENT_PATH));
        }
        if not_after.is_none() {
            self.findings.warn("TIME-NO-UPPER-BOUND", None);
        }
        if not_after.zip(log.not_before_ms).is_some_and(|(after, before)| after < before) {
            self.findings.error("TIME-BRACKET", None);
        }
        TimeReport {
            not_before: log.not_before_ms.map(shown),
            sealed: Some(time.sealed.clone()),
            not_after: not_after.map(shown),
            not_after_by: not_after.map(|_| by),
            received: log.received_ms.map(shown),
        }
    }
}
