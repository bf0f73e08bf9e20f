//! What playing a recording needs: its bytes as stored, and something that plays them.
//!
//! A recording is read in the parts in which it is stored, each decrypted when it is wanted and wiped when it is
//! done with; there is no file of it in clear, ever (evidence.md §1). A recording that still runs grows while it
//! is played.

use spotcheck_domain::{Trouble, TroubleResult};
use zeroize::Zeroizing;

/// A stored part: a segment, or a fragment that no segment holds yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Byte of the recording at which it begins.
    pub from: u64,
    /// Bytes of it.
    pub size: u64,
}

/// The plaintext of one recording of an open case, part by part. Implemented by `vault`.
pub trait RecordingBytes: Send {
    /// What is stored now, in order and without holes. Places never change, but what was several parts may be
    /// one part later.
    fn parts(&mut self) -> TroubleResult<Vec<Part>>;
    /// The part that holds byte `at`, decrypted; `None` where nothing is stored. Needs unlocking by an officer of
    /// the case; `VAULT-BLOB-DAMAGED` for a part that does not open.
    fn read(&mut self, at: u64) -> TroubleResult<Option<(u64, Zeroizing<Vec<u8>>)>>;
}

/// A picture of a video, small enough for the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Counts pictures, so that the same one is not drawn twice.
    pub number: u64,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Red, green, blue; rows without padding.
    pub rgb: Zeroizing<Vec<u8>>,
}

/// Where playing stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Playback {
    /// Milliseconds from the beginning of the recording.
    pub position_ms: u64,
    /// Milliseconds stored.
    pub duration_ms: u64,
    /// It plays now.
    pub playing: bool,
    /// It came to the end of what is stored.
    pub ended: bool,
    /// Milliseconds from and to: parts that could not be read, as far as it is known.
    pub damaged: Vec<(u64, u64)>,
    /// Why it cannot go on.
    pub trouble: Option<Trouble>,
}

/// Plays one recording at a time. Every method returns at once. Implemented by `device`.
pub trait Player: Send {
    /// Takes a recording, at rest at `from_ms`; the one before is let go.
    fn open(
        &mut self,
        bytes: Box<dyn RecordingBytes>,
        from_ms: u64,
        silent: bool,
    ) -> TroubleResult<()>;
    /// Goes on, or from the beginning where it had come to the end.
    fn play(&mut self);
    /// Rests. No sound comes out of the loudspeaker any more when this returns.
    fn pause(&mut self);
    /// Goes to a place; plays or rests as before.
    fn seek(&mut self, ms: u64);
    /// Gives no sound from now on, or gives it again. In force when this returns.
    fn silence(&mut self, silent: bool);
    /// Where it stands; `None` where nothing is open.
    fn now(&mut self) -> Option<Playback>;
    /// The picture at the present place, if it is newer than the one with this number.
    fn picture(&mut self, newer_than: u64) -> Option<Picture>;
    /// Lets go of the recording and of everything of it in memory.
    fn close(&mut self);
}
