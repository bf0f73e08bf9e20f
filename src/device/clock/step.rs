//! Finds a stepped wall clock by comparing it with the boot time.
//!
//! Within one boot both clocks advance together; if the difference between them jumps by more than two
//! seconds between two readings, somebody or something set the wall clock. Slewing by a time daemon stays
//! below that. Old times are never rewritten: the step becomes a journal entry (evidence.md §2).

use spotcheck_domain::ClockReading;

/// Jumps up to this many milliseconds are no step.
pub const STEP_LIMIT_MS: i64 = 2_000;

/// A step of the wall clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockStep {
    /// Milliseconds; positive if the clock was set forward.
    pub by_ms: i64,
    /// The reading before.
    pub before: ClockReading,
    /// The reading after.
    pub after: ClockReading,
}

/// Milliseconds by which the wall clock was stepped between two readings of one boot; `None` if it was
/// not, or if the machine was restarted in between (then nothing can be said).
#[must_use]
pub fn step_between(before: &ClockReading, after: &ClockReading) -> Option<i64> {
    if before.boot_id != after.boot_id {
        return None;
    }
    let wall = after.wall_ms.saturating_sub(before.wall_ms);
    let boot = after.boottime_ms.saturating_sub(before.boottime_ms);
    let step = wall.saturating_sub(boot);
    (step.saturating_abs() > STEP_LIMIT_MS).then_some(step)
}

/// Compares each reading with the one before.
#[derive(Debug, Clone, Default)]
pub struct StepDetector {
    last: Option<ClockReading>,
}

impl StepDetector {
    /// Starts from a reading that was stored earlier, e.g. the device journal's last line.
    #[must_use]
    pub const fn after(last: ClockReading) -> Self {
        Self { last: Some(last) }
    }

    /// Takes the next reading; tells each step once.
    pub fn observe(&mut self, reading: &ClockReading) -> Option<ClockStep> {
        let before = self.last.replace(reading.clone())?;
        let by_ms = step_between(&before, reading)?;
        Some(ClockStep { by_ms, before, after: reading.clone() })
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use spotcheck_domain::{Clock, ManualClock};

    use super::*;

    #[rstest]
    #[case("nothing happened", 10_000, 10_000, None)]
    #[case("two seconds exactly are no step", 12_000, 10_000, None)]
    #[case("just above", 12_001, 10_000, Some(2_001))]
    #[case("set back", 0, 10_000, Some(-10_000))]
    #[case("just below, backwards", 8_000, 10_000, None)]
    #[case("suspended for an hour: boot time counts sleep", 3_600_000, 3_600_000, None)]
    #[case("set from 1970 to today", 1_800_000_000_000, 1_000, Some(1_799_999_999_000))]
    fn r56_a_step_is_a_jump_of_more_than_two_seconds(
        #[case] story: &str,
        #[case] wall: i64,
        #[case] boot: i64,
        #[case] step: Option<i64>,
    ) {
        let before = ManualClock::at_ms(0).read();
        let mut after = before.clone();
        after.wall_ms += wall;
        after.boottime_ms += boot;
        assert_eq!(step_between(&before, &after), step, "{story}");
    }

    #[test]
    fn another_boot_says_nothing_and_a_step_is_told_once() {
        let clock = ManualClock::at_ms(1_000_000);
        let mut detector = StepDetector::default();
        assert_eq!(detector.observe(&clock.read()), None);
        clock.advance_ms(5_000);
        assert_eq!(detector.observe(&clock.read()), None);
        clock.step_wall_to_ms(9_000_000);
        let step = detector.observe(&clock.read()).unwrap();
        assert_eq!(step.by_ms, 9_000_000 - 1_005_000);
        assert_eq!(detector.observe(&clock.read()), None);
        let mut restarted = clock.read();
        restarted.boot_id = "6f0c6f0a-3a52-4c0e-9a43-7d2b5c1e0002".to_owned();
        restarted.boottime_ms = 10;
        assert_eq!(detector.observe(&restarted), None);
    }
}
