//! Taking back what was marked by a slip of the thumb.
//!
//! A mark is one entry of the case journal with the values that it set. For a moment the last one can be taken
//! back: the values are what they were, and the journal gets an entry that says so. Nothing is erased.

use serde::{Deserialize, Serialize};
use spotcheck_domain::{CaseId, TroubleResult};

use crate::desk::CaseView;

/// A mark that can be taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Its case.
    pub case: CaseId,
    /// Its entry in the case journal.
    pub seq: u64,
}

/// Marks and the way back.
pub trait Marks {
    /// The mark that was written last, told once; `None` where the last act wrote none that can be taken back.
    fn just_marked(&mut self) -> Option<Mark>;
    /// Takes a mark back, one of the last ones: an entry of its own in the journal, and the case as it stands then.
    ///
    /// # Errors
    /// `MARK-OVER`: it is too old, the handheld was locked since, or something was built on it; the case is sealed.
    fn take_back(&mut self, mark: &Mark) -> TroubleResult<CaseView>;
}
