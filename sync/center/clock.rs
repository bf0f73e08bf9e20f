//! The centre's own clock and random source: the one place here that asks the system for either.
//!
//! Everything else gets [`Clock`] and [`Entropy`] passed in, so that tests run at any time they like.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ring::rand::{SecureRandom, SystemRandom};
use rustls_pki_types::UnixTime;
use spotcheck_domain::{Clock, ClockQuality, ClockReading, ClockSource, Entropy};

/// The system's clocks.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "the centre's clock adapter is the place for it")]
    fn read(&self) -> ClockReading {
        let wall_ms = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX));
        let boot = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let boottime_ms = boot.tv_sec.saturating_mul(1000).saturating_add(boot.tv_nsec / 1_000_000);
        let boot_id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
            .map(|text| text.trim().to_owned())
            .unwrap_or_default();
        ClockReading {
            wall_ms,
            boottime_ms,
            boot_id,
            source: ClockSource::Ntp,
            quality: ClockQuality { synced: true, error_ms: None },
        }
    }
}

/// Lets rustls judge certificates by the same clock.
#[derive(Clone)]
pub struct TlsTime(pub std::sync::Arc<dyn Clock>);

impl std::fmt::Debug for TlsTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsTime")
    }
}

impl rustls::time_provider::TimeProvider for TlsTime {
    fn current_time(&self) -> Option<UnixTime> {
        let ms = u64::try_from(self.0.read().wall_ms).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_millis(ms)))
    }
}

/// ring's system random.
#[derive(Debug)]
pub struct SystemEntropy(SystemRandom);

impl SystemEntropy {
    /// A source.
    #[must_use]
    pub fn new() -> Self {
        Self(SystemRandom::new())
    }
}

impl Default for SystemEntropy {
    fn default() -> Self {
        Self::new()
    }
}

impl Entropy for SystemEntropy {
    #[allow(clippy::exit, reason = "going on with guessable keys would be worse than stopping")]
    fn fill(&self, buffer: &mut [u8]) {
        if self.0.fill(buffer).is_err() {
            tracing::error!(code = "CENTRE-ENTROPY", "The system delivers no random bytes.");
            std::process::exit(3);
        }
    }
}
