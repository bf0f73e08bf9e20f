//! The satellite receiver, through gpsd on this machine.
//!
//! gpsd speaks JSON lines over TCP (its `gpsd_json` manual page): it greets with VERSION, is told to WATCH, and
//! then reports DEVICES and, about once a second, TPV. One thread listens and keeps the last fix; whoever asks
//! gets what is there and never waits. gpsd that is away, is killed or talks nonsense is asked again a little
//! later, for ever: a receiver is plugged in when somebody finds it. Positions are never logged.

mod line;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use spotcheck_app::ports::{Fix, Locator, PlaceState};

use self::line::{Heard, Report};

/// What is asked of gpsd.
const WATCH: &[u8] = b"?WATCH={\"enable\":true,\"json\":true};\n";
/// gpsd reports once a second; longer silence is a receiver that was unplugged or a gpsd that hangs.
const SILENCE: Duration = Duration::from_secs(10);
const CONNECT: Duration = Duration::from_secs(2);
/// Between two attempts.
const AGAIN: Duration = Duration::from_secs(5);
/// gpsd's longest line (SKY with every satellite) is a few kilobytes.
const LONGEST_LINE: u64 = 64 * 1024;
/// A fix counts as present for so long after it was heard, in milliseconds; then it is the last known one.
const FRESH_MS: i64 = 10_000;

/// Milliseconds since the boot.
fn boottime_ms() -> i64 {
    super::clock::boottime_ms(clock_gettime(ClockId::Boottime))
}

#[derive(Debug, Default)]
struct Known {
    /// gpsd answers.
    there: bool,
    fix: Option<Fix>,
}

/// What gpsd said last.
#[derive(Debug)]
pub struct Gnss(Mutex<Known>);

impl Gnss {
    /// Begins to listen to gpsd at `address` on a thread of its own, which ends when nobody holds this.
    #[must_use]
    pub fn listen(address: SocketAddr) -> Arc<Self> {
        Self::listen_patiently(address, AGAIN)
    }

    fn listen_patiently(address: SocketAddr, again: Duration) -> Arc<Self> {
        let gnss = Arc::new(Self(Mutex::default()));
        let weak = Arc::downgrade(&gnss);
        let thread = std::thread::Builder::new().name("gnss".to_owned());
        let started = thread.spawn(move || {
            while weak.strong_count() > 0 {
                if let Err(e) = converse(address, &weak) {
                    tracing::debug!(kind = ?e.kind(), "gpsd does not answer.");
                }
                if let Some(gnss) = weak.upgrade() {
                    gnss.lock().there = false;
                }
                std::thread::sleep(again);
            }
        });
        if let Err(e) = started {
            tracing::warn!(kind = ?e.kind(), "Nobody listens to gpsd.");
        }
        gnss
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, report: &Report, now_ms: i64) {
        let mut known = self.lock();
        known.there = true;
        if let Report::Fix(heard) = report {
            known.fix = Some(heard.at(now_ms));
        }
    }

    /// How far the wall clock is from the receiver's time, in milliseconds, if a fresh fix told one.
    #[must_use]
    pub fn clock_off_ms(&self, wall_ms: i64, boottime_ms: i64) -> Option<i64> {
        let fix = self.lock().fix.clone()?;
        let age = boottime_ms.saturating_sub(fix.heard_boottime_ms);
        let then = fix.time_ms.filter(|_| (0..=FRESH_MS).contains(&age))?;
        Some(wall_ms.saturating_sub(then.saturating_add(age)))
    }
}

impl Locator for Gnss {
    fn state(&self) -> PlaceState {
        let known = self.lock();
        match &known.fix {
            Some(fix) => PlaceState::Fixed(fix.clone()),
            None if known.there => PlaceState::Searching,
            None => PlaceState::Away,
        }
    }
}

/// One connection, until it breaks or nobody wants it any more.
fn converse(address: SocketAddr, gnss: &Weak<Gnss>) -> std::io::Result<()> {
    let mut stream = TcpStream::connect_timeout(&address, CONNECT)?;
    stream.set_read_timeout(Some(SILENCE))?;
    stream.set_write_timeout(Some(CONNECT))?;
    stream.write_all(WATCH)?;
    let mut lines = BufReader::new(stream);
    let mut text = Vec::new();
    loop {
        text.clear();
        let read = lines.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut text)?;
        if read == 0 || !text.ends_with(b"\n") {
            // The end, or a line that is none of gpsd's.
            return Ok(());
        }
        let Some(gnss) = gnss.upgrade() else { return Ok(()) };
        gnss.take(&line::read(&text), boottime_ms());
    }
}

impl Heard {
    fn at(&self, now_ms: i64) -> Fix {
        Fix {
            lat_e7: self.lat_e7,
            lon_e7: self.lon_e7,
            accuracy_m: self.accuracy_m,
            three_d: self.three_d,
            heard_boottime_ms: now_ms,
            time_ms: self.time_ms,
        }
    }
}

#[cfg(test)]
mod tests;
