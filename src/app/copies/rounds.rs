//! When something that is done again and again is due, by the clock port: never by how long a thread slept.

use spotcheck_domain::ClockReading;

/// Milliseconds after which a round that failed is tried again, if the next one is not due before: with a
/// round every three minutes at most, what a link that came back finds is across within five (evidence.md §1).
const AGAIN_MS: i64 = 15_000;

/// Rounds to one place.
#[derive(Debug, Default)]
pub struct Rounds {
    /// Boot and boot time at which the last one began, and how it ended.
    last: Option<(String, i64, bool)>,
}

impl Rounds {
    /// True if a round is due that is wanted every so many milliseconds. Another boot is a new beginning.
    #[must_use]
    pub fn due(&self, now: &ClockReading, every_ms: i64) -> bool {
        self.last.as_ref().is_none_or(|(boot, at, good)| {
            let wait = if *good { every_ms } else { every_ms.min(AGAIN_MS) };
            *boot != now.boot_id || now.boottime_ms.saturating_sub(*at) >= wait
        })
    }

    /// A round that began at `began` is over.
    pub fn went(&mut self, began: &ClockReading, good: bool) {
        self.last = Some((began.boot_id.clone(), began.boottime_ms, good));
    }
}

#[cfg(test)]
mod tests {
    use spotcheck_domain::{Clock, ManualClock};

    use super::*;

    #[test]
    fn a_failed_round_comes_again_sooner_and_a_stepped_clock_changes_nothing() {
        let clock = ManualClock::at_ms(0);
        let mut rounds = Rounds::default();
        let due = |rounds: &Rounds| rounds.due(&clock.read(), 120_000);
        assert!(due(&rounds));
        rounds.went(&clock.read(), true);
        clock.step_wall_to_ms(86_400_000);
        clock.advance_ms(119_999);
        assert!(!due(&rounds));
        clock.advance_ms(1);
        assert!(due(&rounds));
        rounds.went(&clock.read(), false);
        clock.advance_ms(14_999);
        assert!(!due(&rounds));
        clock.advance_ms(1);
        assert!(due(&rounds));
    }
}
