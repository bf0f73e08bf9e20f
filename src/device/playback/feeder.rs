//! The thread between reel and run: takes wishes, keeps the run two seconds ahead, says where it stands.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use spotcheck_app::ports::Playback;
use spotcheck_domain::{Trouble, TroubleResult};

use super::reel::{Reel, Step};
use super::run::{Run, RunEnd, Screen};
use crate::Error;
use crate::config::SpeakerConfig;

/// Microseconds that are given ahead of what is played.
const AHEAD_US: u64 = 2_000_000;
/// With less than this left, the end of what is stored is the end of the run; before, more may come.
const LAST_US: u64 = 250_000;
/// How long the thread sleeps when it has nothing to do.
const PAUSE: Duration = Duration::from_millis(30);

/// What is asked of the thread.
#[derive(Debug, Default)]
pub(super) struct Wish {
    pub(super) close: bool,
    pub(super) playing: bool,
    seek: Option<u64>,
    /// Play was pressed at the end.
    again: bool,
}

impl Wish {
    pub(super) const fn play(&mut self) {
        self.playing = true;
        self.again = true;
    }

    pub(super) const fn pause(&mut self) {
        self.playing = false;
    }

    pub(super) const fn seek(&mut self, ms: u64) {
        self.seek = Some(ms);
    }
}

/// What thread and player share.
pub(super) struct Shared {
    wish: Mutex<Wish>,
    changed: Condvar,
    state: Mutex<Playback>,
    /// The loudspeaker must not give anything.
    silent: AtomicBool,
    run: Mutex<Option<Run>>,
    pub(super) screen: Arc<Screen>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(super) fn new(position_ms: u64, duration_ms: u64, silent: bool) -> Self {
        let state = Playback { position_ms, duration_ms, ..Playback::default() };
        Self {
            wish: Mutex::new(Wish { seek: Some(position_ms), ..Wish::default() }),
            changed: Condvar::new(),
            state: Mutex::new(state),
            silent: AtomicBool::new(silent),
            run: Mutex::new(None),
            screen: Arc::default(),
        }
    }

    pub(super) fn wish(&self, wish: impl FnOnce(&mut Wish)) {
        let mut wishes = locked(&self.wish);
        wish(&mut wishes);
        let (playing, seek) = (wishes.playing, wishes.seek);
        drop(wishes);
        let mut state = locked(&self.state);
        state.playing = playing;
        if let Some(ms) = seek {
            state.position_ms = ms.min(state.duration_ms);
            state.ended = false;
        }
        drop(state);
        self.changed.notify_all();
    }

    /// Rests at once; the thread would come to it later.
    pub(super) fn hold(&self) {
        if let Some(run) = &*locked(&self.run)
            && let Err(e) = run.play(false)
        {
            tracing::warn!(error = %e, "The player did not rest.");
        }
    }

    pub(super) fn silence(&self, silent: bool) {
        self.silent.store(silent, Ordering::SeqCst);
        if let Some(run) = &*locked(&self.run) {
            run.silence(silent);
        }
    }

    pub(super) fn end_run(&self) {
        drop(locked(&self.run).take());
    }

    pub(super) fn now(&self) -> Playback {
        locked(&self.state).clone()
    }

    /// Puts a new run in place, at rest or playing as it is wished at this moment.
    fn begin(&self, reel: &Reel, at_us: u64, speaker: &SpeakerConfig) -> Result<(), Error> {
        let mut slot = locked(&self.run);
        let wish = locked(&self.wish);
        let (playing, close) = (wish.playing, wish.close);
        drop(wish);
        if close {
            return Ok(());
        }
        let silent = self.silent.load(Ordering::SeqCst);
        let run = Run::new(&reel.heading, at_us, silent, speaker, &self.screen)
            .map_err(|e| Error::Player(e.to_string()))?;
        if playing {
            run.play(true)?;
        }
        *slot = Some(run);
        Ok(())
    }

    /// Lets the run play or rest, as it is wished at this moment.
    fn follow(&self, was: &mut bool) -> Result<(), Error> {
        let slot = locked(&self.run);
        let playing = locked(&self.wish).playing;
        if let Some(run) = &*slot
            && playing != *was
        {
            run.play(playing)?;
        }
        *was = playing;
        Ok(())
    }
}

/// What follows when the run has played what it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    /// The other side of something damaged.
    Jump,
    /// Nothing: the end of what is stored.
    Rest,
}

struct Feeder<'a> {
    reel: Reel,
    shared: &'a Shared,
    speaker: &'a SpeakerConfig,
    after: Option<After>,
    /// A run is wanted and not there yet.
    wanted: bool,
    was_playing: bool,
    looked: u32,
}

/// The whole life of the thread.
pub(super) fn work(reel: Reel, shared: &Shared, speaker: &SpeakerConfig) {
    let mut feeder =
        Feeder { reel, shared, speaker, after: None, wanted: false, was_playing: false, looked: 0 };
    loop {
        let wish = {
            let mut wishes = locked(&shared.wish);
            if wishes.close {
                break;
            }
            (wishes.seek.take(), std::mem::take(&mut wishes.again))
        };
        if let Err(trouble) = feeder.round(wish) {
            feeder.fail(trouble);
        }
        let wishes = locked(&shared.wish);
        if !wishes.close && wishes.seek.is_none() {
            let slept = shared.changed.wait_timeout(wishes, PAUSE);
            drop(slept.unwrap_or_else(PoisonError::into_inner));
        }
    }
    shared.end_run();
}

impl Feeder<'_> {
    fn state(&self) -> MutexGuard<'_, Playback> {
        locked(&self.shared.state)
    }

    fn fail(&mut self, trouble: Trouble) {
        tracing::warn!(code = %trouble.code, "Playing ended with a trouble.");
        self.shared.end_run();
        (self.after, self.wanted) = (None, false);
        locked(&self.shared.wish).playing = false;
        let mut state = self.state();
        state.playing = false;
        state.trouble = Some(trouble);
    }

    fn round(&mut self, (seek, again): (Option<u64>, bool)) -> TroubleResult<()> {
        let mut seek = seek;
        if again && seek.is_none() && self.state().ended {
            // More may have been stored meanwhile; otherwise from the beginning.
            let duration = self.reel.duration_ms()?;
            let at = self.state().position_ms;
            seek = Some(if at.saturating_add(500) < duration { at } else { 0 });
        }
        if let Some(ms) = seek {
            self.shared.end_run();
            self.after = None;
            self.wanted = true;
            self.reel.seek(ms)?;
            let duration_ms = self.reel.duration_ms()?;
            let mut state = self.state();
            (state.duration_ms, state.ended, state.trouble) = (duration_ms, false, None);
            state.position_ms = ms.min(duration_ms);
        }
        self.shared.follow(&mut self.was_playing)?;
        if self.wanted {
            self.start()?;
        }
        self.feed()?;
        self.watch()
    }

    fn note(&self, from_ms: u64, to_ms: u64) {
        let mut state = self.state();
        if !state.damaged.contains(&(from_ms, to_ms)) {
            state.damaged.push((from_ms, to_ms));
            state.damaged.sort_unstable();
        }
    }

    /// Begins a run with the next packet.
    fn start(&mut self) -> TroubleResult<()> {
        loop {
            match self.reel.next()? {
                Step::Packet { track, at_us, until_us, bytes } => {
                    self.shared.begin(&self.reel, at_us, self.speaker)?;
                    self.was_playing = locked(&self.shared.wish).playing;
                    self.wanted = false;
                    return self.push(track, (at_us, until_us), bytes);
                }
                Step::Damaged(from, to) => self.note(from, to),
                Step::End => {
                    self.wanted = false;
                    self.rest();
                    return Ok(());
                }
            }
        }
    }

    fn push(
        &self,
        track: u64,
        times: (u64, u64),
        bytes: zeroize::Zeroizing<Vec<u8>>,
    ) -> TroubleResult<()> {
        if let Some(run) = &mut *locked(&self.shared.run) {
            run.push(track, times, bytes)?;
        }
        Ok(())
    }

    /// Keeps the run ahead.
    fn feed(&mut self) -> TroubleResult<()> {
        while self.after.is_none() {
            let ahead = locked(&self.shared.run).as_ref().map(Run::ahead_us);
            let Some(ahead) = ahead.filter(|ahead| *ahead < AHEAD_US) else { return Ok(()) };
            match self.reel.next()? {
                Step::Packet { track, at_us, until_us, bytes } => {
                    self.push(track, (at_us, until_us), bytes)?;
                    if locked(&self.shared.wish).seek.is_some() {
                        return Ok(());
                    }
                }
                Step::Damaged(from, to) => {
                    self.note(from, to);
                    self.finish_run(After::Jump);
                }
                // A recording that still runs may store more before this is played.
                Step::End if ahead > LAST_US => return Ok(()),
                Step::End => self.finish_run(After::Rest),
            }
        }
        Ok(())
    }

    fn finish_run(&mut self, after: After) {
        self.after = Some(after);
        if let Some(run) = &*locked(&self.shared.run) {
            run.end();
        }
    }

    /// At the end of what is stored.
    fn rest(&self) {
        locked(&self.shared.wish).playing = false;
        let mut state = self.state();
        (state.playing, state.ended) = (false, true);
    }

    /// Where it stands, and what follows the end of a run.
    fn watch(&mut self) -> TroubleResult<()> {
        let slot = locked(&self.shared.run);
        let Some(run) = &*slot else { return Ok(()) };
        let (ended, at_us, given_us) = (run.ended(), run.position_us(), run.given_us());
        drop(slot);
        let moved = |feeder: &Self, us: u64| {
            let waits = locked(&feeder.shared.wish).seek.is_some();
            let mut state = feeder.state();
            if !waits {
                state.position_ms = us.div_euclid(1_000);
                state.duration_ms = state.duration_ms.max(state.position_ms);
            }
        };
        match ended {
            None => moved(self, at_us),
            Some(RunEnd::Failed(cause)) => {
                return Err(Error::Player(cause).into());
            }
            Some(RunEnd::Played) => {
                moved(self, given_us);
                self.shared.end_run();
                match self.after.take() {
                    Some(After::Jump) => self.wanted = true,
                    Some(After::Rest) | None => self.rest(),
                }
            }
        }
        self.looked = self.looked.wrapping_add(1);
        if self.looked.is_multiple_of(30) {
            let duration_ms = self.reel.duration_ms()?;
            self.state().duration_ms = duration_ms;
        }
        Ok(())
    }
}
