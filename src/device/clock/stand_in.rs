//! A clock that is wrong on purpose: for tests of stepped, unset and restarted clocks.
//!
//! The machine's own clock cannot be stepped for one program alone, and a library preloaded for it would
//! miss the recorder. So the stand-in is a small file, read anew at each reading; whoever may change
//! `device.toml` could set the machine's clock as well.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use spotcheck_domain::{ClockQuality, ClockReading};

/// The file's content (TOML); what is missing is as the machine has it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Off {
    /// Milliseconds to be added to the wall time.
    wall_ms: i64,
    /// Milliseconds to be added to the boot time.
    boottime_ms: i64,
    /// Another boot.
    boot_id: Option<String>,
}

/// A file that says by how much the clocks are off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockStandIn {
    file: PathBuf,
}

impl ClockStandIn {
    /// Reads `file` at each reading: `wall_ms` and `boottime_ms` to be added, `boot_id` to be told. A file
    /// that cannot be read changes nothing.
    #[must_use]
    pub fn new(file: &Path) -> Self {
        Self { file: file.to_owned() }
    }

    pub(super) fn off(&self, mut reading: ClockReading) -> ClockReading {
        let off: Off = std::fs::read_to_string(&self.file)
            .ok()
            .and_then(|text| toml::from_str(&text).ok())
            .unwrap_or_default();
        reading.wall_ms = reading.wall_ms.saturating_add(off.wall_ms);
        reading.boottime_ms = reading.boottime_ms.saturating_add(off.boottime_ms).max(0);
        if let Some(boot_id) = off.boot_id {
            reading.boot_id = boot_id;
        }
        // Nobody keeps this clock right.
        reading.quality = ClockQuality { synced: false, error_ms: None };
        reading
    }
}

#[cfg(test)]
mod tests {
    use spotcheck_domain::{Clock, ManualClock};

    use super::*;

    #[test]
    fn what_the_file_says_is_added_and_a_missing_file_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("clock.toml");
        let stand_in = ClockStandIn::new(&file);
        let now = ManualClock::at_ms(1_000_000).read();
        assert_eq!(stand_in.off(now.clone()).wall_ms, 1_000_000);
        std::fs::write(&file, "wall_ms = -3600000\nboottime_ms = 5\nboot_id = \"b\"\n").unwrap();
        let off = stand_in.off(now.clone());
        assert_eq!(off.wall_ms, -2_600_000);
        assert_eq!(off.boottime_ms, now.boottime_ms + 5);
        assert_eq!(off.boot_id, "b");
        assert!(!off.quality.synced);
    }
}
