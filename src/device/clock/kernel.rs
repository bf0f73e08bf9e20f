//! `adjtimex`: the kernel's own word on whether the wall clock is kept right.
//!
//! rustix has no safe wrapper for it, and reading a daemon's socket or state file would bind us to one
//! daemon. Reading (modes 0) needs no privilege.

use super::SyncState;

/// `None` where the kernel does not answer (a sandbox).
#[expect(unsafe_code, reason = "adjtimex has no safe wrapper")]
pub(super) fn sync_state() -> Option<SyncState> {
    // SAFETY: `timex` is a plain C struct of integers, for which all bits zero is a value; modes = 0 asks
    // the kernel to read only.
    let mut timex: libc::timex = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is valid for writes of one `timex` for the whole call and not kept by the kernel.
    let state = unsafe { libc::adjtimex(&raw mut timex) };
    if state < 0 {
        return None;
    }
    let synced = state != libc::TIME_ERROR && timex.status & libc::STA_UNSYNC == 0;
    // The bound (maxerror) rather than the estimate: a court asks how wrong it can be at most.
    let error_us = timex.maxerror.max(timex.esterror);
    Some(SyncState { synced, error_us })
}
