//! Playing a recording through GStreamer: loudspeaker and screen, never a file.
//!
//! The recording is read and taken apart here (`reel`), because what the recorder streams has neither cues nor a
//! duration, and because a part that cannot be opened must not end the rest. GStreamer gets packets, not files:
//! one pipeline per stretch between two jumps (`run`), fed two seconds ahead by a thread of its own (`feeder`).
//! What is in clear is about a part and these two seconds; it is wiped when it is let go.

mod feeder;
mod reel;
mod run;
#[cfg(test)]
mod tests;
mod tone;

use std::sync::Arc;
use std::thread::JoinHandle;

use gstreamer as gst;
use spotcheck_app::ports::{Picture, Playback, Player, RecordingBytes};
use spotcheck_domain::TroubleResult;

use self::feeder::{Shared, Wish, work};
use self::reel::Reel;
pub use self::tone::play_tone;
use crate::Error;
use crate::config::SpeakerConfig;

/// Plays through the loudspeaker of `device.toml`.
#[derive(Default)]
pub struct Playing {
    speaker: SpeakerConfig,
    open: Option<Open>,
}

struct Open {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for Playing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Playing").field("open", &self.open.is_some()).finish_non_exhaustive()
    }
}

impl Playing {
    /// Opens nothing yet.
    #[must_use]
    pub fn new(speaker: &SpeakerConfig) -> Self {
        Self { speaker: speaker.clone(), open: None }
    }

    fn wish(&self, wish: impl FnOnce(&mut Wish)) {
        if let Some(open) = &self.open {
            open.shared.wish(wish);
        }
    }
}

impl Player for Playing {
    fn open(
        &mut self,
        bytes: Box<dyn RecordingBytes>,
        from_ms: u64,
        silent: bool,
    ) -> TroubleResult<()> {
        self.close();
        gst::init().map_err(|e| Error::GStreamer(e.to_string()))?;
        let mut reel = Reel::open(bytes)?;
        let shared = Arc::new(Shared::new(from_ms, reel.duration_ms()?, silent));
        let (of_thread, speaker) = (Arc::clone(&shared), self.speaker.clone());
        let thread = std::thread::Builder::new()
            .name("playing".to_owned())
            .spawn(move || work(reel, &of_thread, &speaker))
            .map_err(|e| Error::pipeline("playing", e))?;
        self.open = Some(Open { shared, thread: Some(thread) });
        Ok(())
    }

    fn play(&mut self) {
        self.wish(Wish::play);
    }

    fn pause(&mut self) {
        self.wish(Wish::pause);
        if let Some(open) = &self.open {
            open.shared.hold();
        }
    }

    fn seek(&mut self, ms: u64) {
        self.wish(|wish| wish.seek(ms));
    }

    fn silence(&mut self, silent: bool) {
        if let Some(open) = &self.open {
            open.shared.silence(silent);
        }
    }

    fn now(&mut self) -> Option<Playback> {
        self.open.as_ref().map(|open| open.shared.now())
    }

    fn picture(&mut self, newer_than: u64) -> Option<Picture> {
        self.open.as_ref().and_then(|open| open.shared.screen.newer_than(newer_than))
    }

    fn close(&mut self) {
        let Some(mut open) = self.open.take() else { return };
        open.shared.wish(|wish| wish.close = true);
        open.shared.end_run();
        if let Some(thread) = open.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("The thread that feeds the player ended by a panic.");
        }
    }
}

impl Drop for Playing {
    fn drop(&mut self) {
        self.close();
    }
}
