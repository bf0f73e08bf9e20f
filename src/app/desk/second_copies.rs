//! Second copies as the officer sees them: where they go, how they stand, and going on from one (evidence.md §1).

use spotcheck_domain::{CaseId, TaskId, TroubleResult};

use crate::copies::{CopyView, RescuedCase};
use crate::findings::Stick;
use crate::ports::{CopyPlan, CopyRound, FoundCopy};

/// Everything about second copies at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SecondCopiesView {
    /// How each case without a receipt stands, with the name of its facility where the case is the officer's.
    pub cases: Vec<(Option<String>, CopyView)>,
    /// Where copies go.
    pub plan: CopyPlan,
    /// How the last round to each place went.
    pub rounds: Vec<CopyRound>,
    /// Sticks that are there.
    pub sticks: Vec<Stick>,
    /// Addresses of this handheld at which others can reach it.
    pub addresses: Vec<String>,
    /// Copies that others' cases can go on from: held here, or on a stick.
    pub found: Vec<FoundCopy>,
}

/// Acts about second copies.
pub trait SecondCopies {
    /// How everything stands now.
    ///
    /// # Errors
    /// Locked; a store that cannot be read.
    fn second_copies(&mut self) -> TroubleResult<SecondCopiesView>;
    /// Where copies go from now on; the first round follows at once. Written into the device journal.
    ///
    /// # Errors
    /// `COPY-ADDRESS`: not an address; locked; a list that cannot be written.
    fn plan_copies(&mut self, plan: &CopyPlan) -> TroubleResult<()>;
    /// Goes on with another handheld's case from its copy; what waited at the door for a case goes into one of `task`.
    ///
    /// # Errors
    /// As [`Handheld::rescue_case`](crate::Handheld::rescue_case).
    fn go_on_from(&mut self, copy: &FoundCopy, task: Option<&TaskId>)
    -> TroubleResult<RescuedCase>;
    /// Everything that is not at the centre, still encrypted, to a stick; returns bundles and open cases.
    ///
    /// # Errors
    /// No such stick; a folder that cannot be written.
    fn rescue_to(&mut self, stick: &str) -> TroubleResult<(u32, u32)>;
    /// Evidence of an open case that lies nowhere but here, whatever its age.
    ///
    /// # Errors
    /// As [`SecondCopies::second_copies`].
    fn only_here(&mut self, case: &CaseId) -> TroubleResult<u32>;
}
