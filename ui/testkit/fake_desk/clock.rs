//! The time of the invented day: it passes with acts, and the window shows the same.

use std::cell::RefCell;
use std::sync::Arc;

use spotcheck_domain::ManualClock;
use spotcheck_domain::time::parse_rfc3339;

/// Milliseconds that pass with every act.
pub(super) const ACT_MS: i64 = 20_000;

thread_local! {
    /// The clock of the desk that was made last on this thread: the window that is opened over it shows its time.
    static LAST: RefCell<Option<Arc<ManualClock>>> = const { RefCell::new(None) };
}

/// The clock of a desk that is made now.
pub(super) fn begin() -> Arc<ManualClock> {
    let clock = Arc::new(ManualClock::at_ms(morning_ms()));
    LAST.with(|last| *last.borrow_mut() = Some(Arc::clone(&clock)));
    clock
}

/// The clock of the invented day, as far as the desk that was made last has come.
#[must_use]
pub fn its_clock() -> Arc<ManualClock> {
    LAST.with(|last| last.borrow().clone())
        .unwrap_or_else(|| Arc::new(ManualClock::at_ms(morning_ms())))
}

/// The moment at which the invented day begins: 2026-11-24 09:48 in Beijing.
#[must_use]
pub fn morning_ms() -> i64 {
    parse_rfc3339("2026-11-24T09:48:00+08:00").unwrap_or_default()
}
