//! A clock that nobody has set: everything is captured, signatures wait (evidence.md §2).
//!
//! What they wait for is a time source, or an entry by both officers: each gives the PIN, and the journal
//! says what time they read elsewhere. The entry counts for one boot only, because the next one may begin
//! anywhere. Sealing has both PINs in hand and writes such an entry by itself, so leaving is never blocked.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use spotcheck_domain::time::parse_rfc3339;
use spotcheck_domain::{CaseId, OfficerId, TroubleResult};
use spotcheck_evidence::entry::LogEntry;

use crate::chain::set;
use crate::handheld::Handheld;
use crate::model::ONLY;
use crate::seal::{PIN_TRIAL, signers};
use crate::troubles;

/// Kind of the value beside the journal.
const CLOCK: &str = "clock";

/// That both officers spoke for the time of one boot.
#[derive(Debug, Serialize, Deserialize)]
struct Spoken {
    boot_id: String,
}

impl Handheld {
    /// The earliest moment that the wall clock can truthfully show: when this program was built, and the
    /// newest time that the centre signed for this handheld (the bracket's *not before*).
    pub(crate) fn earliest_ms(&mut self) -> i64 {
        let built = self.ports.software.build_ms;
        let Ok(Some(proof)) = self.time_proof() else { return built };
        match LogEntry::parse(proof.time_entry.as_bytes()) {
            Ok(LogEntry::Time(entry)) => parse_rfc3339(&entry.at).map_or(built, |at| at.max(built)),
            _ => built,
        }
    }

    /// False while the wall clock shows what cannot be: a time before [`Handheld::earliest_ms`].
    pub(crate) fn clock_set(&mut self) -> bool {
        let earliest = self.earliest_ms();
        self.now_ms() >= earliest
    }

    /// True if a signature may be taken now.
    fn time_is_vouched(&mut self, case: &CaseId) -> TroubleResult<bool> {
        if self.clock_set() {
            return Ok(true);
        }
        let boot_id = self.ports.clock.read().boot_id;
        let spoken: Option<Spoken> = self.case_chain(case)?.value(CLOCK, ONLY)?;
        Ok(spoken.is_some_and(|s| s.boot_id == boot_id))
    }

    /// Refuses a signature under a clock that nobody set and nobody spoke for.
    pub(crate) fn signing_time(&mut self, case: &CaseId) -> TroubleResult<()> {
        if self.time_is_vouched(case)? { Ok(()) } else { Err(troubles::clock_not_set()) }
    }

    /// The entry by both officers: `says` is the time they read on something they trust.
    ///
    /// # Errors
    /// Not two officers of the task, a wrong PIN, nothing said, a sealed case.
    pub fn confirm_clock(
        &mut self,
        case: &CaseId,
        pins: &[(OfficerId, SecretString)],
        says: &str,
    ) -> TroubleResult<()> {
        let meta = self.open_meta(case)?;
        let officers = signers(&meta, pins)?;
        let says = says.trim();
        if says.is_empty() {
            return Err(troubles::document("没有写明当前时间", "写明从何处看到的日期和时间"));
        }
        let now = self.ports.clock.read();
        for (officer, pin) in pins {
            let signed = self.ports.keys.sign_as_officer(officer, pin, PIN_TRIAL, &now);
            self.tried(officer, signed)?;
        }
        self.write_spoken(case, &officers, says)
    }

    /// For the sealing, which has tried both PINs already.
    pub(crate) fn seal_speaks_for_the_clock(
        &mut self,
        case: &CaseId,
        officers: &[OfficerId],
    ) -> TroubleResult<()> {
        if self.time_is_vouched(case)? {
            return Ok(());
        }
        self.write_spoken(case, officers, "封存时时钟未设置")
    }

    fn write_spoken(
        &mut self,
        case: &CaseId,
        officers: &[OfficerId],
        says: &str,
    ) -> TroubleResult<()> {
        let ids: Vec<String> = officers.iter().map(ToString::to_string).collect();
        let draft = self.draft("clock_not_set")?.fact("officers", ids).fact("says", says);
        let spoken = Spoken { boot_id: self.ports.clock.read().boot_id };
        self.commit(case, vec![draft], vec![set(CLOCK, ONLY, &spoken)?])?;
        Ok(())
    }
}
