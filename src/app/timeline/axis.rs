//! Where a moment lies on a recording: by boot time, never by the wall clock, which may be set during a visit.
//!
//! The recording log dates each fragment when it is durable. Media time and boot time then differ by where the
//! recording began, plus what storing took; what storing took only ever adds, so the least difference of the
//! fragments *from here on* is the beginning. It grows where the handheld slept, and there the axis has a step.

use serde::Deserialize;

/// A step smaller than this is the jitter of storing, milliseconds.
const STEP_MS: u64 = 200;
/// So long after its last fragment a moment still belongs to the end of a recording, milliseconds.
const TAIL_MS: u64 = 2_000;

#[derive(Deserialize)]
struct Line<'a> {
    boottime: i64,
    boot_id: &'a str,
    facts: Facts,
}

#[derive(Deserialize)]
struct Facts {
    #[serde(default)]
    media_ms: u64,
    #[serde(default)]
    recovered: bool,
}

/// Media up to here began at this boot time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stretch {
    until_ms: u64,
    begun: i64,
}

/// Boot time on one recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Axis {
    boot_id: String,
    stretches: Vec<Stretch>,
}

impl Axis {
    /// Of a recording whose log does not help: it began at this boot time, milliseconds.
    #[must_use]
    pub fn begun(boot_id: &str, boottime_ms: i64, length_ms: u64) -> Self {
        let stretch = Stretch { until_ms: length_ms, begun: boottime_ms };
        Self { boot_id: boot_id.to_owned(), stretches: vec![stretch] }
    }

    /// By the recording log; `None` if it dates nothing. Lines that the recovery wrote carry its own clock and say
    /// nothing but their length.
    #[must_use]
    pub fn of_log(log: &[u8]) -> Option<Self> {
        let mut boot_id: Option<String> = None;
        let mut ends: Vec<(u64, Option<i64>)> = Vec::new();
        let mut end_ms = 0_u64;
        for line in log.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
            let Ok(line) = serde_json::from_slice::<Line<'_>>(line) else { continue };
            end_ms = end_ms.saturating_add(line.facts.media_ms);
            let boot = boot_id.get_or_insert_with(|| line.boot_id.to_owned());
            let dated = !line.facts.recovered && boot.as_str() == line.boot_id;
            let length = i64::try_from(end_ms).unwrap_or(i64::MAX);
            ends.push((end_ms, dated.then(|| line.boottime.saturating_sub(length))));
        }
        let mut stretches: Vec<Stretch> = Vec::new();
        let (mut least, mut at_step): (Option<i64>, i64) = (None, 0);
        for (until_ms, begun) in ends.iter().rev() {
            least = match (least, begun) {
                (Some(least), Some(begun)) => Some(least.min(*begun)),
                (least, begun) => least.or(*begun),
            };
            let Some(begun) = least else { continue };
            match stretches.last_mut() {
                Some(last) if at_step.abs_diff(begun) < STEP_MS => last.begun = begun,
                _ => {
                    stretches.push(Stretch { until_ms: *until_ms, begun });
                    at_step = begun;
                }
            }
        }
        stretches.reverse();
        if let Some(last) = stretches.last_mut() {
            last.until_ms = end_ms;
        }
        (!stretches.is_empty()).then_some(Self { boot_id: boot_id?, stretches })
    }

    /// Milliseconds of the recording.
    #[must_use]
    pub fn length_ms(&self) -> u64 {
        self.stretches.last().map_or(0, |s| s.until_ms)
    }

    /// The boot it was made in, and the boot time at which it begins.
    #[must_use]
    pub fn beginning(&self) -> (&str, i64) {
        (&self.boot_id, self.stretches.first().map_or(0, |s| s.begun))
    }

    /// Milliseconds into the recording at a boot time; `None` where it did not run.
    #[must_use]
    pub fn at(&self, boot_id: &str, boottime_ms: i64) -> Option<u64> {
        if boot_id != self.boot_id {
            return None;
        }
        let mut from_ms = 0_u64;
        for stretch in &self.stretches {
            let into = boottime_ms.saturating_sub(stretch.begun);
            let into = u64::try_from(into).ok();
            match into {
                // Before this stretch: while the handheld slept, or before the recording.
                None if from_ms == 0 => return None,
                None => return Some(from_ms),
                Some(into) if into <= stretch.until_ms => return Some(into.max(from_ms)),
                Some(_) => from_ms = stretch.until_ms,
            }
        }
        let last = self.stretches.last()?;
        let over = boottime_ms.saturating_sub(last.begun);
        let over = u64::try_from(over).ok()?.saturating_sub(last.until_ms);
        (over <= TAIL_MS).then_some(last.until_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOT: &str = "6f0c6f0a-3a52-4c0e-9a43-7d2b5c1e0001";

    fn log(lines: &[(i64, u64)]) -> Vec<u8> {
        let line = |(boottime, media_ms): &(i64, u64)| {
            format!(
                "{{\"boot_id\":\"{BOOT}\",\"boottime\":{boottime},\"facts\":{{\"media_ms\":{media_ms}}}}}\n"
            )
        };
        lines.iter().map(line).collect::<String>().into_bytes()
    }

    /// R58: a clock that is set by an hour during a recording moves no mark; the wall clock is not even read.
    #[test]
    fn r58_a_moment_lies_where_it_was_heard_whatever_storing_took() {
        // Begun at 10,000; the third fragment took a second and a half to be stored.
        let axis = Axis::of_log(&log(&[
            (11_080, 1_000),
            (12_060, 1_000),
            (14_600, 1_000),
            (14_070, 1_000),
        ]));
        let axis = axis.unwrap();
        assert_eq!(axis.length_ms(), 4_000);
        assert_eq!(axis.beginning(), (BOOT, 10_060));
        assert_eq!(axis.at(BOOT, 12_560), Some(2_500));
        assert_eq!(axis.at(BOOT, 9_000), None, "before it");
        assert_eq!(axis.at(BOOT, 15_000), Some(4_000), "the end was just being stored");
        assert_eq!(axis.at(BOOT, 60_000), None, "after it");
        assert_eq!(axis.at("another boot", 12_560), None);
    }

    /// What begins with the seconds before the press, and a handheld that slept in the middle.
    #[test]
    fn a_step_of_the_axis_is_where_the_handheld_slept() {
        let lines = [(40_050, 30_000), (41_050, 1_000), (642_050, 1_000), (643_050, 1_000)];
        let axis = Axis::of_log(&log(&lines)).unwrap();
        assert_eq!(axis.at(BOOT, 20_050), Some(10_000), "in what was kept ahead");
        assert_eq!(axis.at(BOOT, 41_000), Some(30_950));
        assert_eq!(axis.at(BOOT, 300_000), Some(31_000), "asleep: nothing was recorded");
        assert_eq!(axis.at(BOOT, 642_550), Some(32_500));
        assert!(Axis::of_log(b"").is_none());
        let recovered = b"{\"boot_id\":\"x\",\"boottime\":5,\"facts\":{\"recovered\":true}}\n";
        assert!(Axis::of_log(recovered).is_none());
    }
}
