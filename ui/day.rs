//! The way through a day: unlock, tasks, collecting, finishing, sealing, sending.

pub(crate) mod collect;
pub(crate) mod copies;
pub(crate) mod custody;
pub(crate) mod finish;
pub(crate) mod pin;
pub(crate) mod seal;
pub(crate) mod self_check;
pub(crate) mod sync;
pub(crate) mod task;
pub(crate) mod today;
pub(crate) mod unlock;
