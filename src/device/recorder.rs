//! The recorder: a process of its own that captures and stores, whatever happens to the program on screen.
//!
//! It is the same executable, started again. A crash of the GUI or of a camera driver must not end the
//! other, so they meet at a socket in the data folder (`DATA/recorder.sock`, mode 0600, peer's user checked
//! on both sides) instead of sharing memory or an inherited pair of sockets: a restarted GUI finds running
//! recordings again by connecting. The recorder knows neither vault nor case: the composition root gives it
//! a [`FragmentSink`] per recording, made from an order that holds public keys only.

mod child;
mod frame;
mod message;
mod parent;
mod session;
mod signals;
mod socket;
mod spawn;

use std::ops::ControlFlow;
use std::time::Duration;

use serde_json::Value;
use spotcheck_app::desk::RecordingKind;
use spotcheck_domain::TroubleResult;
use zeroize::Zeroizing;

pub use self::child::{ChildOptions, child_main, serve};
pub use self::message::{Progress, RunningRecording};
pub use self::parent::Parent;
pub use self::spawn::Launch;
use crate::capture::{Capture, DeviceReport, Devices, Fragment, Gaps, OnFragment};

/// Stores the fragments of one recording. Implemented in the composition root over the vault's writer.
/// Dropped without `close` if the recording never got a first fragment.
pub trait FragmentSink: Send {
    /// Encrypts and stores one fragment; returns when it is durable, with the milliseconds of media that
    /// are durable now.
    ///
    /// # Errors
    /// Any trouble ends the recording; it is closed and told to whoever asks.
    fn push(&mut self, bytes: &[u8], media_ms: u64, level: u8) -> TroubleResult<u64>;

    /// What the sound card has lost since the recording began, told before each fragment: it belongs to the one
    /// that follows.
    fn lost(&mut self, _so_far: Gaps) {}

    /// Closes the recording; returns its outcome as JSON, whatever the composition root wants back.
    ///
    /// # Errors
    /// The recording stays on disk for recovery.
    fn close(self: Box<Self>) -> TroubleResult<Value>;
}

/// Where fragments and pictures come from; [`Devices`] in the product.
pub trait FragmentSource: Send + Sync + 'static {
    /// Starts a recording.
    ///
    /// # Errors
    /// No device, no encoder.
    fn start(
        &self,
        kind: RecordingKind,
        on_fragment: OnFragment,
    ) -> TroubleResult<Box<dyn RunningSource>>;
    /// One photo, JPEG.
    ///
    /// # Errors
    /// No camera.
    fn photo(&self) -> TroubleResult<Zeroizing<Vec<u8>>>;
    /// The newest small picture, JPEG.
    ///
    /// # Errors
    /// No camera.
    fn viewfinder(&self) -> TroubleResult<Option<Vec<u8>>>;
    /// What answers.
    fn report(&self) -> DeviceReport;
    /// The video encoder that works here, by its own name; `None`: none was looked for.
    ///
    /// # Errors
    /// None works.
    fn encoder(&self) -> TroubleResult<Option<String>> {
        Ok(None)
    }
    /// Keeps the last seconds of sound in memory, or wipes them; milliseconds kept.
    ///
    /// # Errors
    /// No microphone.
    fn listen_ahead(&self, _on: bool) -> TroubleResult<u64> {
        Ok(0)
    }
    /// Listens for so long and keeps nothing: the loudest level, 0–100. A source without sound hears nothing.
    ///
    /// # Errors
    /// No microphone.
    fn loudest(&self, _length: Duration) -> TroubleResult<u8> {
        Ok(0)
    }
    /// Called about twice a second.
    fn tick(&self) {}
}

/// A source's side of one recording.
pub trait RunningSource: Send {
    /// Why nothing more will come, if so.
    fn ended(&self) -> Option<String>;
    /// What is missing from now on although it goes on.
    fn impaired(&self) -> Option<String> {
        None
    }
    /// Sound that was lost since it began.
    fn gaps(&self) -> Gaps {
        Gaps::default()
    }
    /// Milliseconds of media that were captured, stored or not.
    fn given_ms(&self) -> u64 {
        0
    }
    /// Blanks the picture, or shows it again; media time in milliseconds at that moment. `None`: no picture.
    fn cover(&self, _on: bool) -> Option<u64> {
        None
    }
    /// Media time in milliseconds since which the picture is blank.
    fn covered_from(&self) -> Option<u64> {
        None
    }
    /// Ends it; the last fragment, if there is more.
    fn stop(self: Box<Self>) -> Option<Fragment>;
}

impl FragmentSource for Devices {
    fn start(
        &self,
        kind: RecordingKind,
        on_fragment: OnFragment,
    ) -> TroubleResult<Box<dyn RunningSource>> {
        let capture = match kind {
            RecordingKind::Audio => self.start_audio(on_fragment),
            RecordingKind::Video => self.start_video(on_fragment),
        };
        Ok(Box::new(capture?))
    }

    fn photo(&self) -> TroubleResult<Zeroizing<Vec<u8>>> {
        Ok(Self::photo(self)?)
    }

    fn viewfinder(&self) -> TroubleResult<Option<Vec<u8>>> {
        Ok(Self::viewfinder(self)?)
    }

    fn report(&self) -> DeviceReport {
        Self::report(self)
    }

    fn encoder(&self) -> TroubleResult<Option<String>> {
        Ok(Some(Self::encoder_name(self)?))
    }

    fn listen_ahead(&self, on: bool) -> TroubleResult<u64> {
        Ok(Self::listen_ahead(self, on)?)
    }

    fn loudest(&self, length: Duration) -> TroubleResult<u8> {
        Ok(Self::loudest(self, length)?)
    }

    fn tick(&self) {
        self.close_idle();
    }
}

impl RunningSource for Capture {
    fn ended(&self) -> Option<String> {
        Self::ended(self)
    }

    fn impaired(&self) -> Option<String> {
        Self::impaired(self)
    }

    fn gaps(&self) -> Gaps {
        Self::gaps(self)
    }

    fn given_ms(&self) -> u64 {
        Self::given_ms(self)
    }

    fn cover(&self, on: bool) -> Option<u64> {
        Self::cover(self, on)
    }

    fn covered_from(&self) -> Option<u64> {
        Self::covered_from(self)
    }

    fn stop(self: Box<Self>) -> Option<Fragment> {
        Self::stop(*self)
    }
}

/// Shorthand for what `on_fragment` answers.
const fn go_on(yes: bool) -> ControlFlow<()> {
    if yes { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
}

#[cfg(test)]
mod tests;
