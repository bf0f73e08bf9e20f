//! Sound, video and photos through GStreamer, delivered as fragments in memory.
//!
//! A *hub* owns a device and hands its raw samples to every recording that taps it, because a camera (and
//! often a microphone) can be opened once only, while viewfinder, photo, video and sound are wanted at the
//! same time. Each recording is its own encode-and-mux pipeline, whose output a *cutter* splits where a
//! decoder can stop: the concatenation of the first n fragments is a valid file for every n, so a kill at
//! any time costs at most the fragment under way. Nothing is ever written to a file here. Fragments are
//! wiped when dropped; GStreamer's own buffers are ordinary memory, which is why core dumps are off.

mod ahead;
mod cover;
mod cutter;
mod devices;
mod encoder;
mod gate;
mod grey;
mod hub;
mod matroska;
mod ogg;
mod recording;
mod secret;
mod source;
mod still;

use std::ops::ControlFlow;

use zeroize::Zeroizing;

pub use self::devices::{DeviceReport, Devices};
pub use self::grey::grey_of;
pub use self::hub::Gaps;
pub use self::recording::Capture;
pub(crate) use self::source::{build, named};

/// 1–2 s of a recording; the first one is shorter and carries the container's header.
pub struct Fragment {
    /// Bytes of the container, to be appended to those before.
    pub bytes: Zeroizing<Vec<u8>>,
    /// Milliseconds of media at the end of this fragment.
    pub media_ms: u64,
    /// Loudest level since the fragment before, 0 (−60 dB and below) to 100 (full scale).
    pub level: u8,
}

impl std::fmt::Debug for Fragment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fragment")
            .field("len", &self.bytes.len())
            .field("media_ms", &self.media_ms)
            .field("level", &self.level)
            .finish()
    }
}

/// Takes each fragment on the recording's own thread; may block (the recording waits, sound queues up in
/// memory, pictures are dropped). `Break` ends the recording.
pub type OnFragment = Box<dyn FnMut(Fragment) -> ControlFlow<()> + Send>;

#[cfg(test)]
mod tests;
