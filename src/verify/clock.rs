//! The present time, for signatures that have no better judged time.
//!
//! The only place of this program that looks at a clock.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970; 0 on a machine whose clock stands before that.
#[allow(clippy::disallowed_methods, reason = "the verifier has no clock port: this is its clock")]
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
