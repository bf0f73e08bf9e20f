//! Acts of custody: who vouches for the time, how an officer's keys open, who goes on with a case.

use secrecy::SecretString;
use spotcheck_domain::{CaseId, OfficerId, TroubleResult};

/// Acts of custody.
pub trait Custody {
    /// Both officers speak for the time of a clock that nobody set: each gives the PIN, and `says` is what they read
    /// on something they trust. Counts for this boot.
    ///
    /// # Errors
    /// Not two officers of the task, a wrong PIN, nothing said, a sealed case.
    fn enter_clock(
        &mut self,
        case: &CaseId,
        pins: &[(OfficerId, SecretString)],
        says: &str,
    ) -> TroubleResult<()>;
    /// The PIN an officer typed for the token ([`OfficerCard::token`](super::OfficerCard)), before the act that asks for
    /// the own PIN. Forgotten at locking.
    fn token_pin(&mut self, officer: &OfficerId, pin: SecretString);
    /// Another PIN for an officer of this handheld.
    ///
    /// # Errors
    /// A wrong PIN (counted), a wait, a PIN weaker than the policy allows.
    fn new_pin(
        &mut self,
        officer: &OfficerId,
        old: &SecretString,
        new: &SecretString,
    ) -> TroubleResult<()>;
    /// The unlocked officer hands an open case over to another one of the task with a key here.
    ///
    /// # Errors
    /// Not an officer of the task, no key here, a case that takes no more entries.
    fn hand_on(
        &mut self,
        case: &CaseId,
        to: &OfficerId,
        reason: Option<&str>,
        open_points: &[String],
    ) -> TroubleResult<()>;
}
