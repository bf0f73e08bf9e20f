//! The self-check: each device is really tried, one after the other, and what came of it is told and journaled.
//!
//! It runs beside the desk, so that a recording can begin at any moment of it. What is not there is told as not
//! there: a handheld without a satellite receiver is whole. Nothing that was heard or seen is kept.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use spotcheck_domain::vocabulary::KeyProtection;
use spotcheck_domain::{CaseId, Trouble, TroubleResult};

use crate::budget::{Budget, RESERVE_PERCENT};
use crate::desk::CaseState;
use crate::errand::{Brought, Home, Journey};
use crate::handheld::Handheld;
use crate::ports::{BlobVault, Fix, Locator, PlaceState, Probes};

/// The microphone is listened to for so long, in milliseconds.
const SOUND_MS: u64 = 3_000;
/// A receiver is waited for so long.
const RECEIVER: Duration = Duration::from_secs(3);
/// Bytes of media that are read before a stop is looked for.
const PORTION: u64 = 16 << 20;
/// Below this no voice came in: the microphone is covered, or switched off.
const SILENT: u8 = 3;
/// Below this the lens is covered.
const DARK: u8 = 4;
/// So far the wall clock may be from the satellites', in seconds.
const CLOCK_S: u64 = 2;

/// What is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Microphone, for three seconds.
    Microphone,
    /// Camera, one picture.
    Camera,
    /// Loudspeaker, one tone.
    Speaker,
    /// Printers of the configuration.
    Printer,
    /// Scanners and keyboards that are plugged in.
    Scanner,
    /// Satellite receiver.
    Position,
    /// Sticks.
    Stick,
    /// Wall clock.
    Clock,
    /// Battery.
    Battery,
    /// Room on the storage.
    Space,
    /// What keeps the keys.
    Chip,
    /// What was captured and is not at the centre yet: every blob is read and compared with its name.
    Media,
}

impl Part {
    /// The word in the journal.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Microphone => "microphone",
            Self::Camera => "camera",
            Self::Speaker => "speaker",
            Self::Printer => "printer",
            Self::Scanner => "scanner",
            Self::Position => "position",
            Self::Stick => "stick",
            Self::Clock => "clock",
            Self::Battery => "battery",
            Self::Space => "space",
            Self::Chip => "chip",
            Self::Media => "media",
        }
    }
}

/// How it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// It works.
    Good,
    /// It answers, and somebody should look.
    Care,
    /// It does not work.
    Bad,
    /// This handheld has none, or none is plugged in: nothing is wrong.
    Absent,
}

impl Health {
    /// The word in the journal.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Care => "care",
            Self::Bad => "bad",
            Self::Absent => "absent",
        }
    }
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    /// The loudest level, 0–100.
    Sound(u8),
    /// Mean brightness, 0–100.
    Picture(u8),
    /// A tone was played.
    Played,
    /// Something is recorded: no tone.
    Hushed,
    /// Name and state of the first printer; how many can print, of how many.
    Printers {
        /// Name and state of the first one.
        first: String,
        /// Can print now.
        ready: u64,
        /// Configured.
        all: u64,
    },
    /// Names of what types.
    Typing(Vec<String>),
    /// Receiver, or its absence.
    Position(PlaceState),
    /// Sticks.
    Sticks(u64),
    /// Set or not; seconds from the satellites' time, where they tell one.
    Clock {
        /// Not before build and the centre's last word.
        set: bool,
        /// Absolute difference in seconds.
        off_s: Option<u64>,
    },
    /// Battery and room.
    Budget(Box<Budget>),
    /// Free bytes and the budget.
    Space {
        /// Free bytes.
        free: u64,
        /// Minutes of sound for which there is room.
        audio_minutes: u64,
    },
    /// What keeps the keys; they answered.
    Chip(KeyProtection),
    /// Blobs that were read; SHA-256 of those that are damaged, also in the second copy.
    Media {
        /// Whole.
        good: u64,
        /// Not.
        damaged: Vec<String>,
    },
    /// Nothing of the kind is here.
    Nothing,
    /// What went wrong.
    Trouble(Box<Trouble>),
}

/// One device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Which.
    pub part: Part,
    /// How it is.
    pub health: Health,
    /// What was found.
    pub seen: Seen,
}

impl Check {
    const fn new(part: Part, health: Health, seen: Seen) -> Self {
        Self { part, health, seen }
    }

    /// A trouble: of what is not there, that it is not there.
    fn failed(part: Part, trouble: Trouble) -> Self {
        let absent = matches!(trouble.code.as_str(), "DEVICE-MICROPHONE" | "DEVICE-CAMERA");
        let health = if absent { Health::Absent } else { Health::Bad };
        Self::new(part, health, Seen::Trouble(Box::new(trouble)))
    }

    fn of<T>(part: Part, found: TroubleResult<T>, judge: impl FnOnce(T) -> (Health, Seen)) -> Self {
        match found {
            Ok(found) => {
                let (health, seen) = judge(found);
                Self::new(part, health, seen)
            }
            Err(trouble) => Self::failed(part, trouble),
        }
    }
}

/// Good where it is at least `least`.
const fn enough(value: u8, least: u8) -> Health {
    if value >= least { Health::Good } else { Health::Care }
}

fn printers(found: &[(crate::desk::PrinterView, bool)]) -> (Health, Seen) {
    let Some((first, _)) = found.first() else { return (Health::Absent, Seen::Nothing) };
    let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    let ready = count(found.iter().filter(|(_, ready)| *ready).count());
    let health = if ready > 0 { Health::Good } else { Health::Bad };
    let first = format!("{} · {}", first.name, first.state);
    (health, Seen::Printers { first, ready, all: count(found.len()) })
}

fn position(state: PlaceState) -> (Health, Seen) {
    let health = match &state {
        PlaceState::None => Health::Absent,
        PlaceState::Away => Health::Bad,
        PlaceState::Searching => Health::Care,
        PlaceState::Fixed(_) => Health::Good,
    };
    (health, Seen::Position(state))
}

/// Seconds between the wall clock and the satellites' time of a fix, which is as old as the boot clock says.
fn off_s(fix: &Fix, wall_ms: i64, boottime_ms: i64) -> Option<u64> {
    let age = boottime_ms.saturating_sub(fix.heard_boottime_ms);
    let then = fix.time_ms?.saturating_add(age);
    Some(wall_ms.saturating_sub(then).unsigned_abs() / 1_000)
}

fn clock(set: bool, off_s: Option<u64>) -> (Health, Seen) {
    let health = match off_s {
        _ if !set => Health::Bad,
        Some(off) if off > CLOCK_S => Health::Care,
        _ => Health::Good,
    };
    (health, Seen::Clock { set, off_s })
}

fn battery(budget: Budget) -> (Health, Seen) {
    let health = match budget.battery_percent {
        None => Health::Absent,
        Some(_) if budget.charging => Health::Good,
        Some(percent) if percent <= RESERVE_PERCENT => Health::Bad,
        Some(percent) if percent < 30 => Health::Care,
        Some(_) => Health::Good,
    };
    (health, Seen::Budget(Box::new(budget)))
}

fn space(free: u64, budget: &Budget) -> (Health, Seen) {
    let health = match budget.audio_minutes {
        0 => Health::Bad,
        1..60 => Health::Care,
        _ => Health::Good,
    };
    (health, Seen::Space { free, audio_minutes: budget.audio_minutes })
}

/// Waits a little for a receiver that is just beginning.
fn settled(locator: &dyn Locator, stop: &crate::errand::Stop) -> PlaceState {
    let begun = Instant::now();
    loop {
        let state = locator.state();
        let waits = matches!(state, PlaceState::Away | PlaceState::Searching);
        if !waits || begun.elapsed() > RECEIVER || stop.asked() {
            return state;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn sound(probes: &mut dyn Probes, _: bool) -> Check {
    Check::of(Part::Microphone, probes.sound(SOUND_MS), |level| {
        (enough(level, SILENT), Seen::Sound(level))
    })
}

fn picture(probes: &mut dyn Probes, _: bool) -> Check {
    Check::of(Part::Camera, probes.picture(), |light| (enough(light, DARK), Seen::Picture(light)))
}

fn tone(probes: &mut dyn Probes, hushed: bool) -> Check {
    if hushed {
        return Check::new(Part::Speaker, Health::Care, Seen::Hushed);
    }
    Check::of(Part::Speaker, probes.tone(), |played| match played {
        true => (Health::Good, Seen::Played),
        false => (Health::Absent, Seen::Nothing),
    })
}

fn printer(probes: &mut dyn Probes, _: bool) -> Check {
    Check::of(Part::Printer, probes.printers(), |all| printers(&all))
}

/// Every blob of these cases, one after the other.
fn media(
    blobs: &mut dyn BlobVault,
    cases: &[CaseId],
    stop: &crate::errand::Stop,
) -> TroubleResult<(BTreeSet<String>, Vec<String>)> {
    let (mut known, mut damaged) = (BTreeSet::new(), Vec::new());
    for case in cases {
        loop {
            let before = known.len();
            let bad = blobs.look_over(case, PORTION, &mut known)?;
            if known.len() == before || stop.asked() {
                damaged.extend(bad);
                break;
            }
        }
    }
    Ok((known, damaged))
}

impl Handheld {
    /// Cases of which something lies here that no receipt speaks for yet.
    pub(crate) fn cases_in_hand(&mut self) -> TroubleResult<Vec<CaseId>> {
        let cases = self.case_index()?.into_iter();
        let gone = |state| matches!(state, CaseState::Received | CaseState::Shredded);
        Ok(cases.filter(|(_, index)| !gone(index.state)).map(|(case, _)| case).collect())
    }

    /// Reads every blob of what is not at the centre yet; returns how many are whole, and the SHA-256 of those that
    /// are damaged, also in the second copy. Needs no unlocking.
    ///
    /// # Errors
    /// The device's store or a folder cannot be read.
    pub fn check_media(&mut self) -> TroubleResult<(u64, Vec<String>)> {
        let cases = self.cases_in_hand()?;
        let (good, damaged) =
            media(self.ports.blobs.as_mut(), &cases, &crate::errand::Stop::default())?;
        let count = u64::try_from(good.len()).unwrap_or(u64::MAX);
        self.media.good.extend(good);
        self.media_found(damaged.clone())?;
        Ok((count, damaged))
    }

    /// What the desk knows itself is taken along; the devices are tried on the way.
    pub(crate) fn set_out_to_check_self(&mut self) -> TroubleResult<Journey> {
        let budget = self.budget()?;
        let free = self.ports.machine.free_bytes()?;
        let set = self.clock_set();
        let enrolled = self.ports.keys.enrolment()?.is_some();
        let hushed = !self.running.is_empty();
        let keys = self.ports.keys.handle();
        let mut blobs = self.ports.blobs.handle();
        let cases = if enrolled { self.cases_in_hand()? } else { Vec::new() };
        let mut probes = self.ports.probes.handle();
        let mut sticks = self.ports.exports.handle();
        let (locator, time) = (self.ports.locator.clone(), self.ports.clock.clone());
        Ok(Box::new(move |watch| {
            let chip = keys.boot_key("self-check").map(|_| keys.protection());
            let chip = if enrolled {
                Check::of(Part::Chip, chip, |kind| (Health::Good, Seen::Chip(kind)))
            } else {
                Check::new(Part::Chip, Health::Absent, Seen::Nothing)
            };
            let stick = Check::of(Part::Stick, sticks.sticks(), |all| match all.len() {
                0 => (Health::Absent, Seen::Nothing),
                n => (Health::Good, Seen::Sticks(u64::try_from(n).unwrap_or(u64::MAX))),
            });
            let told = |part: Part, (health, seen): (Health, Seen)| Check::new(part, health, seen);
            let mut checks = vec![
                chip,
                stick,
                told(Part::Space, space(free, &budget)),
                told(Part::Battery, battery(budget)),
            ];
            let place = settled(locator.as_ref(), &watch.stop);
            let now = time.read();
            let off = match &place {
                PlaceState::Fixed(fix) => off_s(fix, now.wall_ms, now.boottime_ms),
                _ => None,
            };
            checks.push(told(Part::Clock, clock(set, off)));
            checks.push(told(Part::Position, position(place)));
            let typing = probes.typing();
            let health = if typing.is_empty() { Health::Absent } else { Health::Good };
            checks.push(Check::new(Part::Scanner, health, Seen::Typing(typing)));
            let slow: [fn(&mut dyn Probes, bool) -> Check; 4] = [sound, picture, tone, printer];
            for each in slow {
                if !watch.stop.asked() {
                    checks.push(each(probes.as_mut(), hushed));
                }
            }
            let read = media(blobs.as_mut(), &cases, &watch.stop);
            checks.push(Check::of(Part::Media, read, |(good, damaged)| {
                let health = match (damaged.is_empty(), good.is_empty()) {
                    (false, _) => Health::Bad,
                    (true, true) => Health::Absent,
                    (true, false) => Health::Good,
                };
                let good = u64::try_from(good.len()).unwrap_or(u64::MAX);
                (health, Seen::Media { good, damaged })
            }));
            checks.sort_by_key(|check| check.part);
            Brought::SelfChecked(checks)
        }))
    }

    /// The result is an entry of the device journal, if the handheld has one.
    pub(crate) fn home_from_self_check(&mut self, checks: Vec<Check>) -> TroubleResult<Home> {
        if self.ports.keys.enrolment()?.is_some() {
            let mut draft = self.draft("note")?.fact("what", "self_check");
            for check in &checks {
                draft = draft.fact(check.part.as_str(), check.health.as_str());
                if let Seen::Media { damaged, .. } = &check.seen {
                    self.media_found(damaged.clone())?;
                }
            }
            self.journal_device(draft)?;
        }
        Ok(Home::SelfChecked(checks))
    }
}

#[cfg(test)]
mod tests;
