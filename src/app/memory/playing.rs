//! A player without sound: its time is the clock of the test.

use std::sync::Arc;

use spotcheck_domain::{Clock, ManualClock, TroubleResult};
use zeroize::Zeroizing;

use crate::ports::{Picture, Playback, Player, RecordingBytes};

/// How long every recording is here, milliseconds.
const LENGTH_MS: u64 = 60_000;

struct Open {
    at_ms: u64,
    /// Boot time since which it plays.
    since: Option<i64>,
    silent: bool,
}

/// Plays what it is given as a minute of time.
pub struct MemoryPlayer {
    clock: Arc<ManualClock>,
    open: Option<Open>,
}

impl std::fmt::Debug for MemoryPlayer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryPlayer").field("open", &self.open.is_some()).finish_non_exhaustive()
    }
}

impl MemoryPlayer {
    /// With the clock of the test.
    #[must_use]
    pub const fn new(clock: Arc<ManualClock>) -> Self {
        Self { clock, open: None }
    }

    fn boottime(&self) -> i64 {
        self.clock.read().boottime_ms
    }

    /// Holds the time that has passed.
    fn settle(&mut self, playing: bool) {
        let now = self.boottime();
        let at = self.now().map_or(0, |now| now.position_ms);
        if let Some(open) = &mut self.open {
            open.at_ms = at;
            open.since = playing.then_some(now);
        }
    }
}

impl Player for MemoryPlayer {
    fn open(
        &mut self,
        mut bytes: Box<dyn RecordingBytes>,
        from_ms: u64,
        silent: bool,
    ) -> TroubleResult<()> {
        bytes.parts()?;
        self.open = Some(Open { at_ms: from_ms.min(LENGTH_MS), since: None, silent });
        Ok(())
    }

    fn play(&mut self) {
        self.settle(true);
    }

    fn pause(&mut self) {
        self.settle(false);
    }

    fn seek(&mut self, ms: u64) {
        let now = self.boottime();
        if let Some(open) = &mut self.open {
            open.at_ms = ms.min(LENGTH_MS);
            open.since = open.since.map(|_| now);
        }
    }

    fn silence(&mut self, silent: bool) {
        if let Some(open) = &mut self.open {
            open.silent = silent;
        }
    }

    fn now(&mut self) -> Option<Playback> {
        let now = self.boottime();
        let open = self.open.as_ref()?;
        let passed = open.since.map_or(0, |since| now.saturating_sub(since));
        let at = open.at_ms.saturating_add(u64::try_from(passed).unwrap_or(0)).min(LENGTH_MS);
        Some(Playback {
            position_ms: at,
            duration_ms: LENGTH_MS,
            playing: open.since.is_some() && at < LENGTH_MS,
            ended: at == LENGTH_MS,
            damaged: Vec::new(),
            trouble: None,
        })
    }

    /// One pixel, which tells whether there is sound.
    fn picture(&mut self, newer_than: u64) -> Option<Picture> {
        let open = self.open.as_ref().filter(|_| newer_than == 0)?;
        let rgb = Zeroizing::new(vec![if open.silent { 0 } else { 255 }; 3]);
        Some(Picture { number: 1, width: 1, height: 1, rgb })
    }

    fn close(&mut self) {
        self.open = None;
    }
}
