//! The sound before the press: the last seconds of a microphone, in memory only.
//!
//! Kept while a visit is open, because what matters is often said before a hand reaches the handheld. It is
//! raw sound (96 kB/s), never encoded and never stored; what is too old is wiped. Only a recording that
//! starts takes a copy, and encrypts it as it does the rest (evidence.md §1).

use std::collections::VecDeque;

use gstreamer as gst;
use zeroize::Zeroizing;

/// Sound of so many seconds is kept.
pub(super) const KEEP: gst::ClockTime = gst::ClockTime::from_seconds(30);

/// One buffer of sound.
pub(super) struct Heard {
    pub(super) bytes: Zeroizing<Vec<u8>>,
    pub(super) caps: gst::Caps,
    /// System clock time of its beginning.
    pub(super) at: gst::ClockTime,
    pub(super) duration: Option<gst::ClockTime>,
}

/// The last seconds.
pub(super) struct Ahead {
    keep: gst::ClockTime,
    heard: VecDeque<Heard>,
}

impl Ahead {
    pub(super) const fn new(keep: gst::ClockTime) -> Self {
        Self { keep, heard: VecDeque::new() }
    }

    /// Takes the newest buffer and lets go of what is too old.
    pub(super) fn push(&mut self, newest: Heard) {
        let from = newest.at.saturating_sub(self.keep);
        self.heard.push_back(newest);
        while self.heard.front().is_some_and(|oldest| oldest.at < from) {
            self.heard.pop_front();
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Heard> {
        self.heard.iter()
    }

    /// Milliseconds from the beginning of the oldest to the beginning of the newest buffer.
    pub(super) fn held_ms(&self) -> u64 {
        match (self.heard.front(), self.heard.back()) {
            (Some(oldest), Some(newest)) => newest.at.saturating_sub(oldest.at).mseconds(),
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_seconds_stay_and_older_ones_go() {
        gst::init().unwrap();
        let mut ahead = Ahead::new(gst::ClockTime::from_seconds(2));
        assert_eq!(ahead.held_ms(), 0);
        for n in 0..100_u64 {
            ahead.push(Heard {
                bytes: Zeroizing::new(vec![1; 960]),
                caps: gst::Caps::new_empty_simple("audio/x-raw"),
                at: gst::ClockTime::from_mseconds(n * 100),
                duration: None,
            });
        }
        assert_eq!(ahead.held_ms(), 2_000);
        assert_eq!(ahead.iter().count(), 21);
    }
}
