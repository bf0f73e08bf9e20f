//! Kinds of jobs; who works on them is `worker`.

/// Verify a committed bundle.
pub const VERIFY: &str = "verify";
/// Fetch time stamps for an announced bundle.
pub const STAMP: &str = "stamp";

/// How long a worker may stay silent before another one takes over.
pub const LEASE_MS: i64 = 60 * 1000;

/// Wait before the next try: 5 s doubling up to an hour.
#[must_use]
pub fn backoff_ms(attempts: u32) -> i64 {
    5_000_i64.saturating_mul(1_i64.checked_shl(attempts.min(16)).unwrap_or(i64::MAX)).min(3_600_000)
}
