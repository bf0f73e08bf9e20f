//! The time at which certificates are judged: the latest of system clock, build time and newest signed time.
//!
//! A handheld's clock falls back to 1970 when its battery dies; that must never lock evidence in (sync.md).
//! Time only ever moves a judgement towards *later*, which is the strict side for expiry. The one thing a
//! clock that is known to be wrong may not do is to make a *new* certificate of the centre useless, so a
//! chain that is only "not valid yet" is judged at its own start then: that start is a time signed by the
//! same authority.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use rustls::time_provider::TimeProvider;
use rustls_pki_types::UnixTime;
use spotcheck_domain::Clock;

/// The judged time.
pub(crate) struct JudgedTime {
    clock: Arc<dyn Clock>,
    floor_ms: AtomicI64,
}

impl fmt::Debug for JudgedTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JudgedTime").field("floor_ms", &self.floor_ms).finish_non_exhaustive()
    }
}

impl JudgedTime {
    /// Starts with the build time as the only signed time (milliseconds since 1970).
    #[must_use]
    pub(crate) fn new(clock: Arc<dyn Clock>, build_time_ms: i64) -> Self {
        Self { clock, floor_ms: AtomicI64::new(build_time_ms) }
    }

    /// A time that somebody trusted has signed was seen; later ones stay.
    pub(crate) fn saw(&self, signed_ms: i64) {
        self.floor_ms.fetch_max(signed_ms, Ordering::Relaxed);
    }

    /// The newest of build time and signed times, milliseconds since 1970.
    #[must_use]
    pub(crate) fn floor_ms(&self) -> i64 {
        self.floor_ms.load(Ordering::Relaxed)
    }

    /// The judged time, milliseconds since 1970.
    #[must_use]
    pub(crate) fn now_ms(&self) -> i64 {
        self.clock.read().wall_ms.max(self.floor_ms())
    }

    /// True if the system clock is behind a time that has certainly passed.
    #[must_use]
    pub(crate) fn clock_is_behind(&self) -> bool {
        self.clock.read().wall_ms < self.floor_ms()
    }

    /// The judged time for rustls and webpki.
    #[must_use]
    pub(crate) fn unix_time(&self) -> UnixTime {
        let ms = u64::try_from(self.now_ms()).unwrap_or(0);
        UnixTime::since_unix_epoch(Duration::from_millis(ms))
    }

    /// Milliseconds since the device started, for measuring how long something took.
    #[must_use]
    pub(crate) fn boottime_ms(&self) -> i64 {
        self.clock.read().boottime_ms
    }
}

impl TimeProvider for JudgedTime {
    fn current_time(&self) -> Option<UnixTime> {
        Some(self.unix_time())
    }
}

#[cfg(test)]
mod tests {
    use spotcheck_domain::ManualClock;

    use super::*;

    #[test]
    fn time_is_judged_at_the_latest_of_the_three() {
        let clock = Arc::new(ManualClock::at_ms(1_000));
        let judged = JudgedTime::new(clock.clone(), 50_000);
        assert_eq!((judged.now_ms(), judged.clock_is_behind()), (50_000, true));
        judged.saw(70_000);
        judged.saw(60_000);
        assert_eq!(judged.unix_time().as_secs(), 70);
        clock.step_wall_to_ms(90_000);
        assert_eq!((judged.now_ms(), judged.clock_is_behind()), (90_000, false));
    }
}
