//! The first second of a video is held back until its encoder has proved itself.
//!
//! A trial with a drawn picture says that an encoder works, not that it works for this camera, beside this recording, now:
//! drivers of boards refuse the second session, or break at the third picture of a format that they accepted. What such an
//! encoder gave cannot be continued by another one in the same file, so nothing is handed on before a second of it is
//! there; until then the next encoder can still begin the file. Sound alone never waits here.

use std::ops::ControlFlow;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{Fragment, OnFragment};

/// Media that must be there before the first fragment is handed on.
const PROVED_MS: u64 = 1_000;
/// A machine under load takes its time; an encoder that gives nothing at all is passed over after this.
const NOTHING: Duration = Duration::from_secs(5);

/// How an encoder began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Beginning {
    /// It goes on.
    Proved,
    /// It broke, or gave nothing: why.
    Failed(String),
}

struct Held {
    receiver: OnFragment,
    /// Attempt whose fragments count; those of an earlier encoder are nobody's.
    attempt: u32,
    waiting: Vec<Fragment>,
    open: bool,
    refused: bool,
}

/// Holds fragments of one recording back; several encoders may begin it, one after the other.
pub(super) struct Gate {
    held: Mutex<Held>,
    changed: Condvar,
}

impl Gate {
    pub(super) fn new(receiver: OnFragment) -> Arc<Self> {
        let held = Held { receiver, attempt: 0, waiting: Vec::new(), open: false, refused: false };
        Arc::new(Self { held: Mutex::new(held), changed: Condvar::new() })
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the next encoder's fragments go; what the one before gave is forgotten.
    pub(super) fn attempt(self: &Arc<Self>) -> OnFragment {
        let mut held = self.held();
        held.attempt = held.attempt.saturating_add(1);
        held.waiting.clear();
        let attempt = held.attempt;
        drop(held);
        let gate = Arc::clone(self);
        Box::new(move |fragment| gate.take(attempt, fragment))
    }

    fn take(&self, attempt: u32, fragment: Fragment) -> ControlFlow<()> {
        let mut held = self.held();
        if attempt != held.attempt || held.refused {
            return ControlFlow::Break(());
        }
        if held.open {
            return (held.receiver)(fragment);
        }
        held.waiting.push(fragment);
        drop(held);
        self.changed.notify_all();
        ControlFlow::Continue(())
    }

    /// Waits for the first second of this attempt, then hands it on. `broken` says why nothing more comes, if so.
    pub(super) fn prove(&self, broken: impl Fn() -> Option<String>) -> Beginning {
        let begun = Instant::now();
        let mut held = self.held();
        while held.waiting.last().is_none_or(|fragment| fragment.media_ms < PROVED_MS) {
            if let Some(cause) = broken() {
                return Beginning::Failed(cause);
            }
            if begun.elapsed() > NOTHING {
                if held.waiting.is_empty() {
                    return Beginning::Failed("gives nothing".to_owned());
                }
                // Slow is not broken.
                break;
            }
            // A broken pipeline does not knock here: look from time to time.
            let nap = Duration::from_millis(20);
            held = self.changed.wait_timeout(held, nap).unwrap_or_else(PoisonError::into_inner).0;
        }
        self.release(held);
        Beginning::Proved
    }

    /// Hands on what waits, and everything from now on.
    pub(super) fn open(&self) {
        self.release(self.held());
    }

    fn release(&self, mut held: MutexGuard<'_, Held>) {
        for fragment in std::mem::take(&mut held.waiting) {
            if (held.receiver)(fragment) == ControlFlow::Break(()) {
                held.refused = true;
                break;
            }
        }
        held.open = true;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn fragment(media_ms: u64) -> Fragment {
        Fragment { bytes: vec![1].into(), media_ms, level: 0 }
    }

    #[test]
    fn nothing_passes_before_a_second_and_nothing_of_an_encoder_that_broke() {
        let (tell, told) = mpsc::channel();
        let gate = Gate::new(Box::new(move |f: Fragment| {
            tell.send(f.media_ms).unwrap();
            if f.media_ms > 2_000 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }));
        let mut first = gate.attempt();
        assert_eq!(first(fragment(400)), ControlFlow::Continue(()));
        let broke = gate.prove(|| Some("third picture".to_owned()));
        assert_eq!(broke, Beginning::Failed("third picture".to_owned()));
        let mut second = gate.attempt();
        assert_eq!(first(fragment(900)), ControlFlow::Break(()), "the first one is over");
        assert_eq!(second(fragment(500)), ControlFlow::Continue(()));
        assert!(told.try_recv().is_err());
        assert_eq!(second(fragment(1_000)), ControlFlow::Continue(()));
        assert_eq!(gate.prove(|| panic!("a second is there")), Beginning::Proved);
        assert_eq!(second(fragment(1_900)), ControlFlow::Continue(()));
        assert_eq!(told.try_iter().collect::<Vec<_>>(), [500, 1_000, 1_900]);
        assert_eq!(second(fragment(2_100)), ControlFlow::Break(()), "the receiver refuses");
    }

    #[test]
    fn a_receiver_that_refuses_what_was_held_ends_the_recording() {
        let gate = Gate::new(Box::new(|_| ControlFlow::Break(())));
        let mut only = gate.attempt();
        assert_eq!(only(fragment(1_200)), ControlFlow::Continue(()));
        assert_eq!(gate.prove(|| None), Beginning::Proved);
        assert_eq!(only(fragment(2_400)), ControlFlow::Break(()));
    }
}
