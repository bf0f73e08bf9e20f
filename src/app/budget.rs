//! What is left, as minutes of recording: storage and battery, less what sealing and printing need.
//!
//! Bytes and per cent say nothing to somebody in a corridor. Storage is told by the configured bit rates, or
//! by what a running recording really stores where that is more (motion JPEG has no bit rate). The battery is
//! told by the kernel's own estimate, else by how fast it fell since this program looked first. Of both a part
//! is kept for stop, seal and print, so that *0 minutes* is the moment to stop, not the moment of loss
//! (evidence.md §1, R08).

use serde::{Deserialize, Serialize};
use spotcheck_domain::TroubleResult;

use crate::desk::RecordingKind;
use crate::handheld::Handheld;

/// Minutes at which somebody has to hear of it.
pub const WARN_AT: [u64; 3] = [2, 5, 10];
/// Per cent of the battery that sealing and printing may need: the printer has its own, the screen is on.
pub const RESERVE_PERCENT: u8 = 10;
/// Fragments are written once more as a segment before they go: two segments of 16 MiB.
const WORKING_BYTES: u64 = 32 << 20;
/// Less than this is no measure of how fast a recording grows, milliseconds.
const MEASURED_MS: u64 = 10_000;
/// A fall of so many per cent tells how long the battery lasts.
const FALL_PERCENT: u8 = 2;

/// State of the battery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charge {
    /// 0–100.
    pub percent: u8,
    /// External power is connected.
    pub charging: bool,
    /// Minutes until it is empty, by the kernel's estimate.
    pub minutes: Option<u64>,
}

/// How fast recordings fill the storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// Bytes of one minute of sound.
    pub audio_minute: u64,
    /// Bytes of one minute of video with its sound.
    pub video_minute: u64,
    /// Bytes kept for stop, seal and print.
    pub reserve: u64,
}

impl Default for Rates {
    fn default() -> Self {
        Self::of(32_000, 2_000_000, 200_000_000)
    }
}

impl Rates {
    /// From the configured bit rates; an eighth more for containers and encryption.
    #[must_use]
    pub const fn of(audio_bit_s: u32, video_bit_s: u32, reserve: u64) -> Self {
        const fn minute(bit_s: u64) -> u64 {
            bit_s.saturating_mul(60).saturating_mul(9).div_euclid(64)
        }
        let audio = minute(widen(audio_bit_s));
        let video = minute(widen(video_bit_s)).saturating_add(audio);
        Self { audio_minute: audio, video_minute: video, reserve }
    }
}

const fn widen(n: u32) -> u64 {
    n as u64
}

/// What ends first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scarce {
    /// Room on the storage.
    Space,
    /// The battery.
    Battery,
}

/// What is left.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Budget {
    /// Minutes of sound for which there is room.
    pub audio_minutes: u64,
    /// Minutes of video for which there is room.
    pub video_minutes: u64,
    /// 0–100, where there is a battery.
    pub battery_percent: Option<u8>,
    /// External power is connected.
    pub charging: bool,
    /// Minutes that the battery lasts, where known and it is not charged.
    pub battery_minutes: Option<u64>,
    /// Bytes kept for stop, seal and print; not counted above.
    pub reserve_bytes: u64,
    /// Minutes of the battery kept for sealing and printing, where known and it is not charged; not counted above.
    pub reserve_minutes: Option<u64>,
    /// Minutes for what runs now, or for a video if nothing does: the lesser of room and battery.
    pub minutes: u64,
    /// 10, 5 or 2, and what ends first, once so few are left.
    pub low: Option<(u64, Scarce)>,
}

/// What a budget is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// Free bytes.
    pub free: u64,
    /// How fast it goes by configuration.
    pub rates: Rates,
    /// Bytes per minute of what runs, `None` if nothing does.
    pub running_minute: Option<u64>,
    /// The battery, its minutes by whoever knows them.
    pub charge: Option<Charge>,
}

/// Pure: minutes from bytes, rates and battery.
#[must_use]
pub fn budget(reading: &Reading) -> Budget {
    let Reading { free, rates, running_minute, charge } = *reading;
    let usable = free.saturating_sub(rates.reserve).saturating_sub(WORKING_BYTES);
    let minutes = |rate: u64| usable.checked_div(rate).unwrap_or(0);
    let space = minutes(running_minute.unwrap_or(rates.video_minute));
    let battery = charge.filter(|c| !c.charging).and_then(|charge| {
        let kept = u64::from(charge.percent.saturating_sub(RESERVE_PERCENT));
        if kept == 0 {
            return Some(0);
        }
        charge.minutes?.saturating_mul(kept).checked_div(u64::from(charge.percent))
    });
    let reserve_minutes = charge.filter(|c| !c.charging).and_then(|charge| {
        let kept = u64::from(charge.percent.min(RESERVE_PERCENT));
        charge.minutes?.saturating_mul(kept).checked_div(u64::from(charge.percent))
    });
    let (left, scarce) = match battery {
        Some(battery) if battery < space => (battery, Scarce::Battery),
        _ => (space, Scarce::Space),
    };
    Budget {
        audio_minutes: minutes(rates.audio_minute),
        video_minutes: minutes(rates.video_minute),
        battery_percent: charge.map(|c| c.percent),
        charging: charge.is_some_and(|c| c.charging),
        battery_minutes: battery,
        reserve_bytes: rates.reserve,
        reserve_minutes,
        minutes: left,
        low: WARN_AT.into_iter().find(|at| left <= *at).map(|at| (at, scarce)),
    }
}

/// What the program remembers between two looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Gauge {
    /// Boot time and per cent since when the battery falls.
    fell_from: Option<(i64, u8)>,
    /// What was journaled last.
    told: Option<(u64, Scarce)>,
}

impl Gauge {
    /// Adds minutes to a battery whose kernel tells none, from how fast it fell.
    fn minutes(&mut self, boottime_ms: i64, charge: Charge) -> Charge {
        if charge.charging {
            self.fell_from = None;
            return charge;
        }
        let (since_ms, from) = *self.fell_from.get_or_insert((boottime_ms, charge.percent));
        let fell = from.saturating_sub(charge.percent);
        if charge.minutes.is_some() || fell < FALL_PERCENT {
            return charge;
        }
        let passed = boottime_ms.saturating_sub(since_ms).div_euclid(60_000);
        let minutes = u64::try_from(passed)
            .ok()
            .and_then(|m| m.saturating_mul(u64::from(charge.percent)).checked_div(u64::from(fell)));
        Charge { minutes, ..charge }
    }
}

impl Handheld {
    /// What is left now. A new warning is a line of the device journal: later it says who was told what, when.
    pub(crate) fn budget(&mut self) -> TroubleResult<Budget> {
        let boottime_ms = self.ports.clock.read().boottime_ms;
        let charge = self.ports.machine.charge();
        let charge = charge.map(|charge| self.gauge.minutes(boottime_ms, charge));
        let rates = self.ports.machine.rates();
        let reading = Reading {
            free: self.ports.machine.free_bytes()?,
            rates,
            running_minute: self.running_minute(&rates)?,
            charge,
        };
        let budget = budget(&reading);
        let lower = match (budget.low, self.gauge.told) {
            (Some((now, _)), Some((before, _))) => now < before,
            (low, None) => low.is_some(),
            (None, Some(_)) => false,
        };
        if let Some((at, scarce)) = budget.low.filter(|_| lower)
            && self.ports.keys.enrolment()?.is_some()
        {
            let what = if scarce == Scarce::Space { "space" } else { "battery" };
            let draft = self
                .draft("note")?
                .fact("what", "budget_low")
                .fact("scarce", what)
                .fact("minutes", at);
            self.journal_device(draft)?;
        }
        self.gauge.told = budget.low;
        Ok(budget)
    }

    /// Bytes per minute of everything that runs.
    fn running_minute(&mut self, rates: &Rates) -> TroubleResult<Option<u64>> {
        let mut sum: Option<u64> = None;
        for running in self.running.clone() {
            let told = match running.kind {
                RecordingKind::Audio => rates.audio_minute,
                RecordingKind::Video => rates.video_minute,
            };
            let now = self.ports.recorder.progress(&running.case, &running.path)?;
            let measured = now
                .filter(|p| p.stored_ms >= MEASURED_MS)
                .and_then(|p| p.stored_bytes.saturating_mul(60_000).checked_div(p.stored_ms));
            let rate = told.max(measured.unwrap_or(0));
            sum = Some(sum.unwrap_or(0).saturating_add(rate));
        }
        Ok(sum)
    }
}

#[cfg(test)]
#[path = "budget/tests.rs"]
mod tests;
