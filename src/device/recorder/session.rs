//! One recording inside the recorder: source, sink and meter, and its orderly end.
//!
//! The end runs once, whoever asks for it first (a stop, a trouble, a terminate signal), and its outcome is
//! kept for those who ask later: a program that died between asking and reading gets it after its restart.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use spotcheck_app::desk::RecordingKind;
use spotcheck_domain::{Trouble, TroubleResult};

use super::{FragmentSink, FragmentSource, Progress, RunningRecording, RunningSource, go_on};
use crate::Error;
use crate::capture::{Fragment, Gaps};

/// A device that gives nothing for this long after the start is no device.
const FIRST_FRAGMENT: Duration = Duration::from_secs(10);
/// A recording that begins with what was kept ahead of it has this long to store that before it counts as behind.
const CATCH_UP: Duration = Duration::from_secs(5);

pub(super) struct Session {
    key: String,
    kind: RecordingKind,
    order: Value,
    source: Mutex<Option<Box<dyn RunningSource>>>,
    sink: Mutex<Option<Box<dyn FragmentSink>>>,
    meter: Mutex<Meter>,
    changed: Condvar,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Running,
    Ending,
    Ended,
}

struct Meter {
    phase: Phase,
    stored_ms: u64,
    level: u8,
    fragments: u64,
    bytes: u64,
    covered_from: Option<u64>,
    gaps: Gaps,
    begun: Instant,
    last: Instant,
    trouble: Option<Trouble>,
    warning: Option<Trouble>,
    outcome: Option<TroubleResult<Value>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Session {
    pub(super) fn new(
        key: String,
        kind: RecordingKind,
        order: Value,
        sink: Box<dyn FragmentSink>,
    ) -> Arc<Self> {
        let meter = Meter {
            phase: Phase::Running,
            stored_ms: 0,
            level: 0,
            fragments: 0,
            bytes: 0,
            covered_from: None,
            gaps: Gaps::default(),
            begun: Instant::now(),
            last: Instant::now(),
            trouble: None,
            warning: None,
            outcome: None,
        };
        Arc::new(Self {
            key,
            kind,
            order,
            source: Mutex::new(None),
            sink: Mutex::new(Some(sink)),
            meter: Mutex::new(meter),
            changed: Condvar::new(),
        })
    }

    /// Starts the source and waits until its first fragment is durable.
    pub(super) fn begin(self: &Arc<Self>, devices: &dyn FragmentSource) -> TroubleResult<Progress> {
        let receiver = Arc::clone(self);
        let on_fragment = Box::new(move |fragment| go_on(receiver.store(&fragment)));
        let running = devices.start(self.kind, on_fragment)?;
        *locked(&self.source) = Some(running);
        let begun = Instant::now();
        let mut meter = locked(&self.meter);
        loop {
            if meter.fragments > 0 {
                return Ok(self.progress_of(&meter));
            }
            let left = FIRST_FRAGMENT.saturating_sub(begun.elapsed());
            let trouble = meter.trouble.clone();
            if trouble.is_some() || left.is_zero() {
                return Err(trouble.unwrap_or_else(|| Error::NoFirstFragment.into()));
            }
            // A device that died says so on its own side only: look from time to time.
            let ended = locked(&self.source).as_ref().and_then(|s| s.ended());
            if let Some(cause) = ended {
                meter.trouble.get_or_insert_with(|| Error::pipeline("recording", cause).into());
                continue;
            }
            let nap = left.min(Duration::from_millis(100));
            meter = self.changed.wait_timeout(meter, nap).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// After [`Session::begin`] failed: lets go of everything; the sink is dropped unclosed.
    pub(super) fn give_up(&self) {
        locked(&self.meter).phase = Phase::Ended;
        let source = locked(&self.source).take();
        drop(source);
        let sink = locked(&self.sink).take();
        drop(sink);
        self.changed.notify_all();
    }

    /// Stores one fragment; `false` if the recording cannot go on.
    fn store(&self, fragment: &Fragment) -> bool {
        // After a stop the source is gone and what it told last counts.
        let gaps = locked(&self.source).as_ref().map(|source| source.gaps());
        let gaps = gaps.unwrap_or_else(|| locked(&self.meter).gaps);
        let mut sink = locked(&self.sink);
        let Some(open) = sink.as_mut() else { return false };
        open.lost(gaps);
        let stored = open.push(&fragment.bytes, fragment.media_ms, fragment.level);
        drop(sink);
        let mut meter = locked(&self.meter);
        let ok = match stored {
            Ok(stored_ms) => {
                meter.gaps = gaps;
                meter.stored_ms = stored_ms;
                meter.level = fragment.level;
                meter.fragments = meter.fragments.saturating_add(1);
                let bytes = u64::try_from(fragment.bytes.len()).unwrap_or(0);
                meter.bytes = meter.bytes.saturating_add(bytes);
                meter.last = Instant::now();
                true
            }
            Err(trouble) => {
                tracing::error!(code = %trouble.code, cause = %trouble.cause, "A fragment was not stored.");
                meter.trouble.get_or_insert(trouble);
                false
            }
        };
        drop(meter);
        self.changed.notify_all();
        ok
    }

    /// Ends the recording, or waits for the end that is under way; gives the outcome.
    pub(super) fn end(&self) -> TroubleResult<Value> {
        let mut meter = locked(&self.meter);
        loop {
            match meter.phase {
                Phase::Running => {
                    meter.phase = Phase::Ending;
                    drop(meter);
                    let outcome = self.close();
                    meter = locked(&self.meter);
                    meter.phase = Phase::Ended;
                    meter.outcome = Some(outcome);
                    self.changed.notify_all();
                }
                Phase::Ending => {
                    meter = self.changed.wait(meter).unwrap_or_else(PoisonError::into_inner);
                }
                Phase::Ended => {
                    let outcome = meter.outcome.clone();
                    return outcome.unwrap_or_else(|| Err(Error::NoSuchRecording.into()));
                }
            }
        }
    }

    /// Blanks the picture, or shows it again; media time in milliseconds at that moment.
    pub(super) fn cover(&self, on: bool) -> TroubleResult<u64> {
        let source = locked(&self.source);
        let running = source.as_ref().ok_or(Error::NoSuchRecording)?;
        let at_ms = running.cover(on).ok_or(Error::NotFilming)?;
        let covered_from = running.covered_from();
        drop(source);
        locked(&self.meter).covered_from = covered_from;
        Ok(at_ms)
    }

    fn close(&self) -> TroubleResult<Value> {
        let source = locked(&self.source).take();
        if let Some(source) = &source {
            locked(&self.meter).gaps = source.gaps();
        }
        if let Some(last) = source.and_then(RunningSource::stop) {
            self.store(&last);
        }
        let sink = locked(&self.sink).take();
        let outcome = sink.map_or_else(|| Err(Error::NoSuchRecording.into()), FragmentSink::close);
        if let Err(trouble) = &outcome {
            tracing::error!(code = %trouble.code, cause = %trouble.cause, "A recording was not closed.");
        }
        outcome
    }

    /// Ends a recording that cannot go on, on a thread of its own; to be called from time to time.
    pub(super) fn end_if_broken(self: &Arc<Self>) {
        let mut meter = locked(&self.meter);
        if meter.phase != Phase::Running || meter.fragments == 0 {
            return;
        }
        let (ended, impaired) = match locked(&self.source).as_ref() {
            Some(source) => {
                meter.gaps = source.gaps();
                (source.ended(), source.impaired())
            }
            None => (None, None),
        };
        if let Some(cause) = impaired {
            meter.warning.get_or_insert_with(|| Error::Impaired(cause).into());
        }
        if let Some(cause) = ended {
            meter.trouble.get_or_insert_with(|| Error::pipeline("recording", cause).into());
        }
        if meter.trouble.is_some() {
            drop(meter);
            let session = Arc::clone(self);
            std::thread::spawn(move || drop(session.end()));
        }
    }

    pub(super) fn is_running(&self) -> bool {
        locked(&self.meter).phase != Phase::Ended
    }

    fn progress_of(&self, meter: &Meter) -> Progress {
        // The source is gone once it has ended.
        let given = locked(&self.source).as_ref().map_or(0, |source| source.given_ms());
        let counts = meter.begun.elapsed() > CATCH_UP;
        let behind_ms = if counts { given.saturating_sub(meter.stored_ms) } else { 0 };
        Progress {
            stored_ms: meter.stored_ms,
            level: meter.level,
            fragments: meter.fragments,
            stored_bytes: meter.bytes,
            covered_from_ms: meter.covered_from,
            gaps: meter.gaps,
            impaired: meter.warning.is_some(),
            idle_ms: u64::try_from(meter.last.elapsed().as_millis()).unwrap_or(u64::MAX),
            behind_ms,
            running: meter.phase == Phase::Running && meter.trouble.is_none(),
            trouble: meter.trouble.clone().or_else(|| meter.warning.clone()),
        }
    }

    /// Where it stands: at once, or when more than `past_ms` are stored, at most after `wait`.
    pub(super) fn progress(&self, past_ms: Option<u64>, wait: Duration) -> Progress {
        let begun = Instant::now();
        let mut meter = locked(&self.meter);
        loop {
            let progress = self.progress_of(&meter);
            let left = wait.saturating_sub(begun.elapsed());
            let reached = past_ms.is_none_or(|past| progress.stored_ms > past);
            if reached || !progress.running || left.is_zero() {
                return progress;
            }
            meter =
                self.changed.wait_timeout(meter, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    pub(super) fn describe(&self) -> RunningRecording {
        RunningRecording {
            key: self.key.clone(),
            kind: self.kind,
            order: self.order.clone(),
            progress: self.progress(None, Duration::ZERO),
        }
    }
}
