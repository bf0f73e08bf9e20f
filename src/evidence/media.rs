//! Reading what the recorder writes: Ogg/Opus (RFC 3533, RFC 7845) and Matroska (RFC 9559), part by part.
//!
//! A recording is stored in parts that are cut at page and cluster starts (evidence.md §1), and each part is
//! read alone: that is how a player seeks in a file that has neither cues nor a duration, how it goes on behind
//! a part that cannot be opened, and why it never holds more than a part or two. The same reading makes the
//! copy that any player can seek in ([`remux`]). Nothing here trusts a byte.

pub mod ebml;
mod matroska;
mod ogg;
pub mod remux;
#[cfg(test)]
mod tests;

use std::ops::Range;

use thiserror::Error;

/// Why bytes are no recording of ours.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MediaError {
    /// Neither an Ogg page nor an EBML header.
    #[error("neither Ogg nor Matroska")]
    Unknown,
    /// A page, element or packet that breaks its format.
    #[error("{0}")]
    Broken(&'static str),
    /// Reading or writing failed.
    #[error("I/O: {0:?}")]
    Io(std::io::ErrorKind),
}

impl From<std::io::Error> for MediaError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error.kind())
    }
}

/// What a track carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrackKind {
    /// Sound.
    Sound,
    /// Pictures.
    Pictures,
}

/// A track of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Track {
    /// Its number in the container; 1 in Ogg.
    pub number: u64,
    /// What it carries.
    pub kind: TrackKind,
    /// Matroska's codec id: `A_OPUS`, `V_MS/VFW/FOURCC` (with `MJPG` in it), `V_MPEG4/ISO/AVC`, `V_VP8`.
    pub codec: String,
    /// What the decoder needs first, e.g. `OpusHead` or an AVC configuration; may be empty.
    pub private: Vec<u8>,
    /// Pixels, 0 for sound.
    pub width: u32,
    /// Pixels, 0 for sound.
    pub height: u32,
    /// Channels, 0 for pictures.
    pub channels: u8,
}

/// One packet of a track inside a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// Number of its track.
    pub track: u64,
    /// Microseconds from the beginning of the recording.
    pub at_us: u64,
    /// How long it lasts, in microseconds; 0 where only the next one tells.
    pub lasts_us: u64,
    /// Can be decoded without any packet before it.
    pub key: bool,
    /// Where its bytes lie in the part, in order.
    pub bytes: Vec<Range<usize>>,
}

impl Packet {
    /// Its bytes in one piece; `None` if the part is not the one it was read from.
    #[must_use]
    pub fn copy(&self, part: &[u8]) -> Option<Vec<u8>> {
        let size = self.bytes.iter().fold(0_usize, |sum, r| sum.saturating_add(r.len()));
        let mut whole = Vec::with_capacity(size);
        for range in &self.bytes {
            whole.extend_from_slice(part.get(range.clone())?);
        }
        Some(whole)
    }

    /// Microseconds at its end.
    #[must_use]
    pub const fn until_us(&self) -> u64 {
        self.at_us.saturating_add(self.lasts_us)
    }
}

/// Which container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Container {
    Ogg { pre_skip: u64 },
    Matroska { scale_ns: u64 },
}

/// What the beginning of a recording says about the rest of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heading {
    container: Container,
    /// Its tracks.
    pub tracks: Vec<Track>,
}

impl Heading {
    /// Reads the beginning of a recording; `first` holds its first part.
    ///
    /// # Errors
    /// [`MediaError`]: not a recording, or cut before its first packet can be told.
    pub fn read(first: &[u8]) -> Result<Self, MediaError> {
        if first.starts_with(b"OggS") {
            let (pre_skip, track) = ogg::heading(first)?;
            return Ok(Self { container: Container::Ogg { pre_skip }, tracks: vec![track] });
        }
        let (scale_ns, tracks) = matroska::heading(first)?;
        Ok(Self { container: Container::Matroska { scale_ns }, tracks })
    }

    /// For a recording whose first part is lost; `later` holds a later one. Sound can be decoded without its
    /// heading (its times are then late by the pre-skip, some milliseconds), pictures cannot.
    ///
    /// # Errors
    /// [`MediaError::Unknown`].
    pub fn beheaded(later: &[u8]) -> Result<Self, MediaError> {
        if !later.starts_with(b"OggS") {
            return Err(MediaError::Unknown);
        }
        let track = ogg::track(Vec::new(), 1);
        Ok(Self { container: Container::Ogg { pre_skip: 0 }, tracks: vec![track] })
    }

    /// The track of a kind.
    #[must_use]
    pub fn track(&self, kind: TrackKind) -> Option<&Track> {
        self.tracks.iter().find(|t| t.kind == kind)
    }

    /// Packets of a part, in the order in which they lie there. `cluster` carries from a part to the one right
    /// behind it (a recording may be cut inside its first cluster); a part that is read by itself gets `None`.
    /// What is not whole at the end is left out.
    ///
    /// # Errors
    /// [`MediaError::Broken`].
    pub fn packets(
        &self,
        part: &[u8],
        cluster: &mut Option<u64>,
    ) -> Result<Vec<Packet>, MediaError> {
        match self.container {
            Container::Ogg { pre_skip } => ogg::packets(part, pre_skip),
            Container::Matroska { scale_ns } => {
                matroska::packets(part, scale_ns, &self.tracks, cluster)
            }
        }
    }
}

/// Samples at 48 kHz in an Opus packet, by its first bytes (RFC 6716 §3.1); 0 for what is none.
fn opus_samples(packet: &[u8]) -> u64 {
    let Some(toc) = packet.first() else { return 0 };
    let config = toc >> 3;
    let frame = match config {
        0..=11 => [480, 960, 1920, 2880].get(usize::from(config & 3)),
        12..=15 => [480, 960].get(usize::from(config & 1)),
        _ => [120, 240, 480, 960].get(usize::from(config & 3)),
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => packet.get(1).map_or(0, |count| u64::from(count & 0x3f)),
    };
    frame.copied().unwrap_or(0_u64).saturating_mul(frames)
}

/// Samples at 48 kHz as microseconds.
const fn samples_us(samples: u64) -> u64 {
    samples.saturating_mul(1_000).div_euclid(48)
}
