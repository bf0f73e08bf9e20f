//! One clock port for the whole product: wall time, boot time, boot id and how much to believe them.
//!
//! Time is a bracket, never a point (evidence.md §2). Wall clocks of handhelds are wrong in the field, so
//! every journal line carries the monotonic boot time beside the wall time, and the zone is fixed to
//! +08:00 instead of being read from the system.

use std::sync::Mutex;

use serde::{Deserialize, Serialize};

/// Where the wall time comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClockSource {
    /// A satellite receiver.
    Gnss,
    /// Network time.
    Ntp,
    /// The centre, at the last sync.
    Centre,
    /// The battery-backed clock of the device.
    Rtc,
    /// Nobody has set the clock.
    None,
}

/// How good the wall time is believed to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockQuality {
    /// The system says that its clock is synchronised.
    pub synced: bool,
    /// Estimated error in milliseconds, where known.
    pub error_ms: Option<i64>,
}

/// One reading of all clocks at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockReading {
    /// Wall time, milliseconds since 1970-01-01T00:00:00Z.
    pub wall_ms: i64,
    /// `CLOCK_BOOTTIME`, milliseconds since the device was started.
    pub boottime_ms: i64,
    /// `/proc/sys/kernel/random/boot_id`, a lower-case UUID.
    pub boot_id: String,
    /// Where the wall time comes from.
    pub source: ClockSource,
    /// How good it is.
    pub quality: ClockQuality,
}

/// Reads the clocks. Real: `device`; in tests: [`ManualClock`].
pub trait Clock: Send + Sync {
    /// All clocks at one moment.
    fn read(&self) -> ClockReading;
}

/// A clock that stands still until told otherwise; for tests and vectors.
#[derive(Debug)]
pub struct ManualClock {
    reading: Mutex<ClockReading>,
}

impl ManualClock {
    /// Stands at `wall_ms`, one hour after boot, synchronised by NTP.
    #[must_use]
    pub fn at_ms(wall_ms: i64) -> Self {
        Self {
            reading: Mutex::new(ClockReading {
                wall_ms,
                boottime_ms: 3_600_000,
                boot_id: "6f0c6f0a-3a52-4c0e-9a43-7d2b5c1e0001".to_owned(),
                source: ClockSource::Ntp,
                quality: ClockQuality { synced: true, error_ms: Some(40) },
            }),
        }
    }

    /// Lets `ms` milliseconds pass on all clocks.
    pub fn advance_ms(&self, ms: i64) {
        self.change(|r| {
            r.wall_ms = r.wall_ms.saturating_add(ms);
            r.boottime_ms = r.boottime_ms.saturating_add(ms);
        });
    }

    /// Sets the wall clock only, as somebody with a screwdriver or a wrong time server would.
    pub fn step_wall_to_ms(&self, wall_ms: i64) {
        self.change(|r| r.wall_ms = wall_ms);
    }

    fn change(&self, change: impl FnOnce(&mut ClockReading)) {
        let mut reading = self.reading.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        change(&mut reading);
    }
}

impl Clock for ManualClock {
    fn read(&self) -> ClockReading {
        self.reading.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}
