//! Blanking the picture of a video while sound goes on: somebody does not want to be filmed (inspection.md,
//! "People around the case").
//!
//! The picture is replaced where it is raw and of the recording's own size, right before the encoder, so that
//! nothing of it is ever encoded. Pictures wait in a queue before that place; those that came while the cover
//! was on stay black when it is lifted, and those that wait when it is put on are black too: at both ends more
//! is hidden, never less. Nothing ends a cover but another order or the end of the recording: a program on
//! screen that dies under a held key must not bring somebody's picture back.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gstreamer as gst;
use gstreamer::prelude::*;

use super::source::named;
use crate::Error;

/// Name of the element behind which pictures are replaced.
pub(super) const ELEMENT: &str = "cover";
/// After a cover is lifted so much more is black: elements before it may move a picture's time a little.
const MARGIN: gst::ClockTime = gst::ClockTime::from_mseconds(100);
/// Black in the limited range of I420: luma 16, both chromas 128.
const LUMA: u8 = 16;
const CHROMA: u8 = 128;

#[derive(Default)]
struct State {
    /// Media time since which it is on.
    since: Option<gst::ClockTime>,
    /// Pictures up to this media time are black although it is off.
    until: Option<gst::ClockTime>,
    newest: gst::ClockTime,
}

/// Whether the picture of one recording is covered.
#[derive(Default)]
pub(super) struct Cover(Mutex<State>);

impl Cover {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A picture of this media time goes into the recording's queue.
    pub(super) fn saw(&self, pts: gst::ClockTime) {
        let mut state = self.lock();
        state.newest = state.newest.max(pts);
    }

    /// Puts the cover on or lifts it; the media time of the newest picture in milliseconds.
    pub(super) fn set(&self, on: bool) -> u64 {
        let mut state = self.lock();
        let newest = state.newest;
        if on {
            state.since.get_or_insert(newest);
        } else if state.since.take().is_some() {
            state.until = Some(newest.saturating_add(MARGIN));
        }
        newest.mseconds()
    }

    /// Milliseconds of media since which it is on; `None` while it is off.
    pub(super) fn since_ms(&self) -> Option<u64> {
        self.lock().since.map(gst::ClockTime::mseconds)
    }

    fn hides(&self, pts: gst::ClockTime) -> bool {
        let state = self.lock();
        state.since.is_some() || state.until.is_some_and(|until| pts <= until)
    }
}

/// Replaces covered pictures of `pipeline`, which are I420 of this size behind [`ELEMENT`].
pub(super) fn install(
    pipeline: &gst::Pipeline,
    cover: &Arc<Cover>,
    (width, height): (u32, u32),
) -> Result<(), Error> {
    let pad = named(pipeline, ELEMENT)?
        .static_pad("src")
        .ok_or_else(|| Error::pipeline("recording", "the cover has no pad"))?;
    let black = black(width, height);
    let cover = Arc::clone(cover);
    let probe = pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if let Some(gst::PadProbeData::Buffer(buffer)) = &mut info.data
            && buffer.pts().is_none_or(|pts| cover.hides(pts))
        {
            let mut blank = gst::Buffer::from_slice(Arc::clone(&black));
            if let Some(fields) = blank.get_mut() {
                fields.set_pts(buffer.pts());
                fields.set_dts(buffer.dts());
                fields.set_duration(buffer.duration());
            }
            *buffer = blank;
        }
        gst::PadProbeReturn::Ok
    });
    probe.map(|_| ()).ok_or_else(|| Error::pipeline("recording", "the cover cannot be placed"))
}

/// The bytes of a black picture; shared by all buffers that show it.
type Picture = Arc<[u8]>;

/// I420 as GStreamer lays it out by default: rows of luma rounded up to 4 bytes, rows of each chroma half as
/// many, rounded up to 4 again, both over an even number of rows.
fn black(width: u32, height: u32) -> Picture {
    let up = |n: u32, to: u32| n.div_ceil(to).saturating_mul(to);
    let rows = up(height, 2);
    let luma = up(width, 4).saturating_mul(rows);
    let chroma = up(up(width, 2).div_euclid(2), 4).saturating_mul(rows);
    let bytes = |n: u32| usize::try_from(n).unwrap_or(0);
    let mut picture = vec![LUMA; bytes(luma)];
    picture.resize(bytes(luma).saturating_add(bytes(chroma)), CHROMA);
    picture.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(n: u64) -> gst::ClockTime {
        gst::ClockTime::from_mseconds(n)
    }

    #[test]
    fn what_came_under_the_cover_stays_hidden_when_it_is_lifted() {
        let cover = Cover::default();
        for n in 0..10 {
            cover.saw(ms(n * 100));
        }
        assert!(!cover.hides(ms(900)));
        assert_eq!(cover.set(true), 900);
        assert!(cover.hides(ms(500)), "a picture that still waits for the encoder");
        cover.saw(ms(1_000));
        cover.saw(ms(1_100));
        assert_eq!(cover.set(true), 1_100, "a second press changes nothing");
        assert_eq!(cover.since_ms(), Some(900));
        assert_eq!(cover.set(false), 1_100);
        assert_eq!(cover.since_ms(), None);
        assert!(cover.hides(ms(1_100)) && cover.hides(ms(1_200)));
        assert!(!cover.hides(ms(1_201)));
        // Lifting what is not on hides nothing more.
        cover.saw(ms(2_000));
        assert_eq!(cover.set(false), 2_000);
        assert!(!cover.hides(ms(2_000)));
    }

    #[test]
    fn a_black_picture_has_the_size_of_the_format() {
        assert_eq!(black(320, 240).len(), 320 * 240 * 3 / 2);
        // 322 wide: rows of 324 and of 164 (161 rounded up).
        assert_eq!(black(322, 241).len(), 324 * 242 + 2 * 164 * 121);
        assert_eq!((black(4, 2)[7], black(4, 2)[8]), (LUMA, CHROMA));
    }
}
