//! One time for a whole visit: boot time where the handheld ran, the wall clock only across a restart.

use serde_json::Value;
use spotcheck_domain::time::parse_rfc3339;

use super::{number, text};

/// Milliseconds of a visit by boot and boot time.
#[derive(Debug, Clone, Default)]
pub(super) struct VisitClock {
    /// Boot, and what is added to its boot time.
    boots: Vec<(String, i64)>,
    /// What the earliest moment is subtracted by.
    begin: i64,
}

impl VisitClock {
    /// Of a journal, and of the beginnings of its recordings.
    pub(super) fn of<'a>(
        entries: &[Value],
        beginnings: impl Iterator<Item = (&'a str, i64)>,
    ) -> Self {
        let mut clock = Self::default();
        let mut last: Option<(i64, i64)> = None;
        let mut first = i64::MAX;
        for entry in entries {
            let (boot, boottime) = place(entry);
            let wall = parse_rfc3339(text(entry, "/wall")).unwrap_or_default();
            if !clock.boots.iter().any(|(known, _)| known == boot) {
                // How long a restart took is known by the wall clock only.
                let at = last.map_or(0, |(at, before)| {
                    at.saturating_add(wall.saturating_sub(before).max(0))
                });
                clock.boots.push((boot.to_owned(), at.saturating_sub(boottime)));
            }
            let at = clock.raw(boot, boottime).unwrap_or_default();
            first = first.min(at);
            last = Some((at, wall));
        }
        let begun = beginnings.filter_map(|(boot, at)| clock.raw(boot, at)).min();
        clock.begin = begun.map_or(first, |begun| begun.min(first));
        clock
    }

    fn raw(&self, boot: &str, boottime: i64) -> Option<i64> {
        let (_, add) = self.boots.iter().find(|(known, _)| known == boot)?;
        Some(boottime.saturating_add(*add))
    }

    /// Milliseconds from the beginning of the visit.
    pub(super) fn at(&self, boot: &str, boottime: i64) -> Option<u64> {
        u64::try_from(self.raw(boot, boottime)?.saturating_sub(self.begin)).ok()
    }
}

/// Boot and boot time of an entry.
pub(super) fn place(entry: &Value) -> (&str, i64) {
    (text(entry, "/boot_id"), i64::try_from(number(entry, "/boottime")).unwrap_or(i64::MAX))
}
