//! A handheld whose clock the test sets: wall time, boot time, another boot.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::programs::HandheldCli;

/// The handheld with a clock of its own.
#[derive(Debug)]
pub struct Clocked {
    /// The handheld.
    pub cli: HandheldCli,
    file: PathBuf,
    wall_ms: i64,
    boot_ms: i64,
    boot_id: Option<String>,
}

impl Clocked {
    /// The same data folder under a device file with the stand-in clock and `more` lines before it.
    ///
    /// # Errors
    /// The device file cannot be read or written.
    pub fn of(h: &HandheldCli, folder: &Path, more: &str) -> Result<Self> {
        let file = folder.join("clock.toml");
        let device = folder.join("clocked.toml");
        let config = std::fs::read_to_string(&h.device)?;
        let clock = format!("{config}{more}\n[clock]\nstand_in = \"{}\"\n", file.display());
        std::fs::write(&device, clock)?;
        let cli = HandheldCli { device, ..h.clone() };
        Ok(Self { cli, file, wall_ms: 0, boot_ms: 0, boot_id: None })
    }

    fn set(&self) -> Result<()> {
        let boot = self.boot_id.as_ref().map(|id| format!("boot_id = \"{id}\"\n"));
        let (wall, boottime, boot) = (self.wall_ms, self.boot_ms, boot.unwrap_or_default());
        Ok(std::fs::write(
            &self.file,
            format!("wall_ms = {wall}\nboottime_ms = {boottime}\n{boot}"),
        )?)
    }

    /// Somebody sets the wall clock: so much off from now on.
    ///
    /// # Errors
    /// The clock's file cannot be written.
    pub fn set_wall(&mut self, ms: i64) -> Result<()> {
        self.wall_ms = ms;
        self.set()
    }

    /// Boot time goes on, the wall clock stays.
    ///
    /// # Errors
    /// The clock's file cannot be written.
    pub fn wait(&mut self, ms: i64) -> Result<()> {
        self.boot_ms = self.boot_ms.saturating_add(ms);
        self.set()
    }

    /// Time passes: both clocks go on.
    ///
    /// # Errors
    /// The clock's file cannot be written.
    pub fn pass(&mut self, ms: i64) -> Result<()> {
        self.wall_ms = self.wall_ms.saturating_add(ms);
        self.wait(ms)
    }

    /// Another boot, just begun.
    ///
    /// # Errors
    /// The clock's file cannot be written; no uptime.
    pub fn reboot(&mut self) -> Result<()> {
        let uptime = std::fs::read_to_string("/proc/uptime")?;
        let seconds: i64 = uptime.split('.').next().context("no uptime")?.parse()?;
        self.boot_ms = seconds.saturating_mul(-1_000);
        self.boot_id = Some("5eed0000-0000-4000-8000-000000000001".to_owned());
        self.set()
    }
}
