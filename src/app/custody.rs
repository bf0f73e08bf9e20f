//! What officers do with keys and cases between them: another PIN, a token, the next shift, the end of a case.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use spotcheck_domain::time::{parse_rfc3339, rfc3339};
use spotcheck_domain::vocabulary::KeyProtection;
use spotcheck_domain::{CaseId, OfficerId, TroubleResult};
use spotcheck_evidence::journal::kinds;
use spotcheck_evidence::record::Handover as RecordHandover;

use crate::case_file::next_id;
use crate::chain::set;
use crate::desk::{CaseState, Custody, Own};
use crate::handheld::Handheld;
use crate::model::{Meta, ONLY, kind};
use crate::troubles;

/// Kind of the values.
const HANDOVER: &str = "handover";
/// Days after the receipt where the policy says nothing.
const RETENTION_DAYS: i64 = 30;
const DAY_MS: i64 = 86_400_000;

/// One officer handed a case over to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Handover {
    at_ms: i64,
    from: OfficerId,
    to: OfficerId,
    reason: Option<String>,
    open_points: Vec<String>,
}

impl Handheld {
    /// Another PIN for an officer of this handheld. The old one is asked for like at an unlock; cases, packages
    /// and certificates stay.
    ///
    /// # Errors
    /// A wrong PIN (counted), a wait, a PIN weaker than the policy allows.
    pub fn change_pin(
        &mut self,
        officer: &OfficerId,
        old: &SecretString,
        new: &SecretString,
    ) -> TroubleResult<()> {
        let changed = self.ports.keys.change_pin(officer, old, new);
        self.tried(officer, changed)?;
        let draft = self.draft("pin_changed")?.about(officer.as_str());
        self.journal_device(draft)
    }

    /// Makes the connected token a second factor of an officer's PIN, or stops asking for it.
    ///
    /// # Errors
    /// As [`Handheld::change_pin`]; no token, or one without a fitting key.
    pub fn use_token(
        &mut self,
        officer: &OfficerId,
        pin: &SecretString,
        on: bool,
    ) -> TroubleResult<()> {
        let changed = self.ports.keys.use_token(officer, pin, on);
        self.tried(officer, changed)?;
        let draft = self.draft("token_factor")?.about(officer.as_str()).fact("on", on);
        self.journal_device(draft)
    }

    /// The unlocked officer hands an open case over to another one with a key here, e.g. of the next shift. The
    /// other one must be on the task as the centre has it now; nobody loses a key.
    ///
    /// # Errors
    /// Not an officer of the task, no key here, a case that takes no more entries.
    pub fn hand_over(
        &mut self,
        case: &CaseId,
        to: &OfficerId,
        reason: Option<&str>,
        open_points: &[String],
    ) -> TroubleResult<()> {
        let me = self.officer()?;
        let meta = self.open_meta(case)?;
        // The centre may have added the next shift since the case was opened.
        let task = self.task(&meta.task.id)?;
        if *to == me || !task.officers.iter().any(|o| o.id == *to) {
            return Err(troubles::not_your_task());
        }
        if !self.ports.keys.officers()?.iter().any(|card| card.id == *to) {
            return Err(troubles::copy(
                "CASE-NO-KEY",
                "接手的检查人员在本机还没有密钥",
                "先用票据登记:spotcheck enroll --as-officer",
            ));
        }
        let mut index = self.index_of(case)?;
        if !index.officers.contains(to) {
            index.officers.push(to.clone());
        }
        self.ports.keys.assign_case(case, &index.officers)?;
        self.set_case_index(case, &index)?;
        let handed = Handover {
            at_ms: self.now_ms(),
            from: me,
            to: to.clone(),
            reason: reason.map(str::to_owned),
            open_points: open_points.to_vec(),
        };
        let count = self.handovers(case)?.len();
        let id = next_id("H", count);
        let draft = self
            .draft(kinds::HANDOVER)?
            .about(id.as_str())
            .fact("to", to.as_str())
            .fact("open_points", open_points.to_vec());
        let meta = Meta { task, ..meta };
        let values = vec![set(HANDOVER, &id, &handed)?, set(kind::META, ONLY, &meta)?];
        self.commit(case, vec![draft], values)?;
        Ok(())
    }

    fn handovers(&mut self, case: &CaseId) -> TroubleResult<Vec<(String, Handover)>> {
        self.case_chain(case)?.values(HANDOVER)
    }

    /// Handovers as record.json has them.
    pub(crate) fn record_handovers(&mut self, case: &CaseId) -> TroubleResult<Vec<RecordHandover>> {
        let handovers = self.handovers(case)?;
        Ok(handovers
            .into_iter()
            .map(|(id, h)| RecordHandover {
                id,
                at: rfc3339(h.at_ms),
                from: h.from.to_string(),
                to: h.to.to_string(),
                reason: h.reason,
                open_points: h.open_points,
            })
            .collect())
    }

    /// Words that were typed for a case and never became part of it lie under the officer's own key, not the case's: they
    /// go with it. Of another officer's this one cannot say anything.
    fn forget_drafts(&mut self, case: &CaseId) -> TroubleResult<()> {
        if self.ports.keys.unlocked().is_none() {
            return Ok(());
        }
        let Some(kept) = self.do_own(Own::Drafts)? else { return Ok(()) };
        let Ok(mut kept) = serde_json::from_str::<serde_json::Value>(&kept) else { return Ok(()) };
        let Some(drafts) = kept.get_mut("drafts").and_then(|d| d.as_object_mut()) else {
            return Ok(());
        };
        let of_case = format!("{case}/");
        let before = drafts.len();
        drafts.retain(|name, _| !name.starts_with(&of_case));
        if drafts.len() == before {
            Ok(())
        } else {
            self.do_keep_own(Own::Drafts, &kept.to_string())
        }
    }

    /// Destroys the keys of a case whose receipt was checked longer ago than the policy's retention, and of a
    /// practice case at any time. What it is worth depends on where the device secret lies, and the record
    /// says so: with file protection it is best effort. What nobody can read any more is removed.
    ///
    /// # Errors
    /// `CASE-KEPT`: no receipt, or too early; a recording of the case still runs.
    pub fn shred(&mut self, case: &CaseId) -> TroubleResult<KeyProtection> {
        self.officer()?;
        let mut index = self.index_of(case)?;
        let received = self.receipt(&index.bundle)?.and_then(|r| parse_rfc3339(&r.received));
        let keep = self.retention_ms()?;
        let over = received.is_some_and(|at| self.now_ms().saturating_sub(at) >= keep);
        let may = if index.practice {
            !self.running.iter().any(|r| &r.case == case)
        } else {
            index.state == CaseState::Received && over && self.clock_set()
        };
        if !may || index.state == CaseState::Shredded {
            return Err(troubles::copy(
                "CASE-KEPT",
                "这个案卷还不能销毁：没有核验过的回执，或保留期未满",
                "先回传并取得回执；保留期由中心策略规定",
            ));
        }
        let protection = self.ports.keys.protection();
        let effort = if protection == KeyProtection::Tpm2 { "hardware" } else { "best effort" };
        self.cases.remove(case);
        // First: cut short after it, the case is still there and is shredded again.
        self.ports.copies.forget(case)?;
        self.forget_early(case)?;
        self.forget_beside(case)?;
        self.forget_drafts(case)?;
        match self.ports.keys.shred_case(case) {
            // A kill came between the keys and the journal.
            Err(trouble) if trouble.code == "VAULT-CASE-SHREDDED" => {}
            other => other?,
        }
        let draft = self
            .draft(kinds::SHREDDED)?
            .about(case.as_str())
            .fact("key_protection", protection.as_str())
            .fact("effort", effort)
            .fact("practice", index.practice);
        index.state = CaseState::Shredded;
        let value = set(kind::CASE, case.as_str(), &index)?;
        self.device_log()?.commit(vec![draft], vec![value])?;
        // The keys are gone and the journal says so; what is left only takes room.
        self.ports.blobs.remove_shredded(case)?;
        Ok(protection)
    }

    /// Stops what runs in a practice case and shreds it.
    ///
    /// # Errors
    /// `CASE-KEPT`: not a practice case.
    pub(crate) fn do_wipe_practice(&mut self, case: &CaseId) -> TroubleResult<()> {
        let practice = self.case_index()?.into_iter().any(|(id, i)| &id == case && i.practice);
        if !practice {
            return Err(troubles::copy(
                "CASE-KEPT",
                "这不是演练案卷，不能清除",
                "真实案卷先回传并取得回执，保留期满后才能销毁",
            ));
        }
        self.stop_playing();
        let running: Vec<String> =
            self.running.iter().filter(|r| &r.case == case).map(|r| r.evidence.clone()).collect();
        for evidence in running {
            self.do_stop_recording(&evidence)?;
        }
        self.shred(case)?;
        self.visit_open(case, false);
        Ok(())
    }

    fn retention_ms(&self) -> TroubleResult<i64> {
        let policy = self.ports.keys.enrolment()?.map(|e| e.policy).unwrap_or_default();
        let policy: serde_json::Value = serde_json::from_str(&policy).unwrap_or_default();
        let days = policy.get("retention_days").and_then(serde_json::Value::as_i64);
        Ok(days.unwrap_or(RETENTION_DAYS).max(0).saturating_mul(DAY_MS))
    }
}

impl Custody for Handheld {
    fn enter_clock(
        &mut self,
        case: &CaseId,
        pins: &[(OfficerId, SecretString)],
        says: &str,
    ) -> TroubleResult<()> {
        self.confirm_clock(case, pins, says)
    }
    fn token_pin(&mut self, officer: &OfficerId, pin: SecretString) {
        self.ports.keys.token_pin(officer, pin);
    }
    fn new_pin(
        &mut self,
        officer: &OfficerId,
        old: &SecretString,
        new: &SecretString,
    ) -> TroubleResult<()> {
        self.change_pin(officer, old, new)
    }
    fn hand_on(
        &mut self,
        case: &CaseId,
        to: &OfficerId,
        reason: Option<&str>,
        open_points: &[String],
    ) -> TroubleResult<()> {
        self.hand_over(case, to, reason, open_points)
    }
}
