//! The clocks of this machine: wall time, boot time, boot id, and how much the kernel believes in them.
//!
//! Time is a bracket, never a point (evidence.md §2): every reading takes the monotonic boot time with the
//! wall time, and asks the kernel (`adjtimex`) whether somebody keeps the wall clock right, instead of
//! asking one time daemon among several. A wall clock that was stepped is found by comparing two readings.

mod kernel;
mod stand_in;
mod step;

use std::path::Path;
use std::sync::Arc;

use rustix::time::{ClockId, Timespec, clock_gettime};
use spotcheck_domain::{Clock, ClockQuality, ClockReading, ClockSource};

pub use self::stand_in::ClockStandIn;
pub use self::step::{ClockStep, STEP_LIMIT_MS, StepDetector, step_between};
use crate::Gnss;
use crate::config::{ClockConfig, SyncedBy};

/// The wall clock agrees with a receiver up to here: the step that makes an entry of its own.
const AGREES_MS: i64 = STEP_LIMIT_MS;
/// A report may reach us so much later than the moment it speaks of.
const GPSD_DELAY_MS: i64 = 1_000;

const NO_BOOT_ID: &str = "00000000-0000-0000-0000-000000000000";

/// Milliseconds since 1970 of the source this program was built from: a wall clock below it is wrong for
/// certain ("clock not set", evidence.md §2). Made by `build.rs`.
#[must_use]
pub fn build_time_ms() -> i64 {
    env!("SPOTCHECK_BUILD_TIME_S").parse::<i64>().unwrap_or(0).saturating_mul(1000)
}

/// The real clock.
#[derive(Debug, Clone)]
pub struct SystemClock {
    boot_id: String,
    synced_by: SyncedBy,
    has_rtc: bool,
    stand_in: Option<ClockStandIn>,
    gnss: Option<Arc<Gnss>>,
}

impl SystemClock {
    /// Reads what does not change while the machine runs: boot id and whether a hardware clock is there.
    #[must_use]
    pub fn new(config: &ClockConfig) -> Self {
        let boot_id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
            .map(|t| t.trim().to_lowercase())
            .ok()
            .filter(|t| t.len() == NO_BOOT_ID.len())
            .unwrap_or_else(|| NO_BOOT_ID.to_owned());
        let has_rtc = config.rtc.unwrap_or_else(|| Path::new("/sys/class/rtc/rtc0").exists());
        let stand_in = config.stand_in.as_deref().map(ClockStandIn::new);
        Self { boot_id, synced_by: config.synced_by, has_rtc, stand_in, gnss: None }
    }

    /// The same with a receiver whose time may vouch for the wall clock. The clock is never set by it: what
    /// it says instead stands in the journal beside the position.
    #[must_use]
    pub fn with_gnss(mut self, gnss: Option<Arc<Gnss>>) -> Self {
        self.gnss = gnss;
        self
    }
}

impl Clock for SystemClock {
    fn read(&self) -> ClockReading {
        let boottime_ms = boottime_ms(clock_gettime(ClockId::Boottime));
        let wall_ms = millis(clock_gettime(ClockId::Realtime));
        let read = |wall_ms, state| {
            let (source, quality) =
                judge(state, wall_ms, build_time_ms(), self.has_rtc, self.synced_by);
            let off = self.gnss.as_ref().and_then(|g| g.clock_off_ms(wall_ms, boottime_ms));
            let (source, quality) = vouched(source, quality, off);
            ClockReading { wall_ms, boottime_ms, boot_id: self.boot_id.clone(), source, quality }
        };
        match &self.stand_in {
            None => read(wall_ms, kernel::sync_state()),
            Some(stand_in) => {
                let off = stand_in.off(read(wall_ms, None));
                ClockReading { source: read(off.wall_ms, None).source, ..off }
            }
        }
    }
}

/// What the kernel says about the wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct SyncState {
    synced: bool,
    error_us: i64,
}

/// Source and quality from the facts; a wall time before the build is nobody's time, whatever the kernel says.
fn judge(
    state: Option<SyncState>,
    wall_ms: i64,
    build_ms: i64,
    has_rtc: bool,
    synced_by: SyncedBy,
) -> (ClockSource, ClockQuality) {
    let unknown = ClockQuality { synced: false, error_ms: None };
    if wall_ms < build_ms {
        return (ClockSource::None, unknown);
    }
    match state {
        Some(SyncState { synced: true, error_us }) => {
            let source = match synced_by {
                SyncedBy::Ntp => ClockSource::Ntp,
                SyncedBy::Gnss => ClockSource::Gnss,
            };
            let error_ms = Some(error_us.saturating_add(999).div_euclid(1000));
            (source, ClockQuality { synced: true, error_ms })
        }
        _ if has_rtc => (ClockSource::Rtc, unknown),
        _ => (ClockSource::None, unknown),
    }
}

/// A wall clock that nobody keeps right, and that agrees with a satellite receiver, has a source and an error.
/// The kernel's own word goes before.
fn vouched(
    source: ClockSource,
    quality: ClockQuality,
    off_ms: Option<i64>,
) -> (ClockSource, ClockQuality) {
    match off_ms.map(i64::saturating_abs) {
        Some(off) if !quality.synced && off <= AGREES_MS => {
            let error_ms = Some(off.saturating_add(GPSD_DELAY_MS));
            (ClockSource::Gnss, ClockQuality { synced: false, error_ms })
        }
        _ => (source, quality),
    }
}

/// A kernel time as milliseconds.
pub(crate) fn boottime_ms(t: Timespec) -> i64 {
    millis(t)
}

fn millis(t: Timespec) -> i64 {
    t.tv_sec.saturating_mul(1000).saturating_add(t.tv_nsec.div_euclid(1_000_000))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn a_reading_agrees_with_the_kernels_own_files() {
        let clock = SystemClock::new(&ClockConfig::default());
        let first = clock.read();
        let second = clock.read();
        assert!(second.boottime_ms >= first.boottime_ms);
        assert!(first.wall_ms > build_time_ms(), "this machine's clock is before the build");
        assert!(build_time_ms() > 1_700_000_000_000, "build time was not fixed");
        assert_eq!(first.boot_id.len(), 36);
        assert_eq!(step_between(&first, &second), None);
        let uptime = std::fs::read_to_string("/proc/uptime").unwrap();
        let told: f64 = uptime.split(' ').next().unwrap().parse().unwrap();
        let ours = second.boottime_ms as f64 / 1000.0;
        // A container's /proc/uptime may be its own; it never runs ahead of the kernel's.
        assert!(told <= ours + 5.0, "{told} vs {ours}");
    }

    #[test]
    fn a_receiver_vouches_for_a_clock_that_nobody_keeps_right() {
        let unknown = ClockQuality { synced: false, error_ms: None };
        let (source, quality) = vouched(ClockSource::Rtc, unknown, Some(-300));
        assert_eq!((source, quality.error_ms), (ClockSource::Gnss, Some(1_300)));
        assert!(!quality.synced, "nobody steers it");
        assert_eq!(vouched(ClockSource::Rtc, unknown, Some(5_000)).0, ClockSource::Rtc);
        assert_eq!(vouched(ClockSource::None, unknown, None).0, ClockSource::None);
        let kept = ClockQuality { synced: true, error_ms: Some(20) };
        assert_eq!(vouched(ClockSource::Ntp, kept, Some(3)), (ClockSource::Ntp, kept));
    }

    const BUILD: i64 = 1_800_000_000_000;

    #[rstest]
    #[case("synchronised by network time", Some((true, 1_200)), BUILD + 1, true, SyncedBy::Ntp, ClockSource::Ntp, Some(2))]
    #[case("the same through a receiver", Some((true, 0)), BUILD + 1, false, SyncedBy::Gnss, ClockSource::Gnss, Some(0))]
    #[case("hardware clock only", Some((false, 16_000_000)), BUILD + 1, true, SyncedBy::Ntp, ClockSource::Rtc, None)]
    #[case("nothing", Some((false, 0)), BUILD + 1, false, SyncedBy::Ntp, ClockSource::None, None)]
    #[case("kernel says nothing", None, BUILD + 1, true, SyncedBy::Ntp, ClockSource::Rtc, None)]
    #[case("1970, even if synchronised", Some((true, 0)), 5_000, true, SyncedBy::Ntp, ClockSource::None, None)]
    fn where_the_wall_time_comes_from(
        #[case] story: &str,
        #[case] state: Option<(bool, i64)>,
        #[case] wall_ms: i64,
        #[case] has_rtc: bool,
        #[case] synced_by: SyncedBy,
        #[case] source: ClockSource,
        #[case] error_ms: Option<i64>,
    ) {
        let state = state.map(|(synced, error_us)| SyncState { synced, error_us });
        let (got, quality) = judge(state, wall_ms, BUILD, has_rtc, synced_by);
        assert_eq!((got, quality.error_ms), (source, error_ms), "{story}");
        assert_eq!(quality.synced, error_ms.is_some(), "{story}");
    }
}
