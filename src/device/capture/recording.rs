//! One recording: samples of one or two hubs in, fragments out.
//!
//! Sound is queued without a limit while the receiver is busy (96 kB/s): it must never be dropped. Pictures
//! are dropped before the encoder when it is behind, never after it, so that the stream stays decodable.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::{AppSink, AppSinkCallbacks, AppSrc};

use super::cover::{self, Cover};
use super::cutter::{Cut, Cutter};
use super::hub::{Gaps, Hub, Tap, TimeLine};
use super::matroska::MatroskaCutter;
use super::ogg::OggCutter;
use super::source::{build, named};
use super::{Fragment, OnFragment};
use crate::Error;
use crate::config::{AudioConfig, VideoConfig};

const WHAT: &str = "recording";
/// What encoders and muxer still hold comes out within this time after the end was sent.
const DRAIN: Duration = Duration::from_secs(10);
/// Pages of a quarter second: the first sound is out at once, fragments end close to a second.
const OGG: &str = "oggmux max-page-delay=250000000";
const MATROSKA: &str = "matroskamux name=mux streamable=true timecodescale=1000000 \
    min-cluster-duration=500000000 max-cluster-duration=1000000000";
const OUT: &str = "appsink name=out sync=false async=false enable-last-sample=false";
const ENCODED_QUEUE: &str =
    "queue max-size-buffers=0 max-size-bytes=16777216 max-size-time=10000000000";

/// A running recording; dropped without [`Capture::stop`] it ends without its last fragment.
pub struct Capture {
    pipeline: gst::Pipeline,
    taps: Vec<(Arc<Hub>, u64)>,
    /// What its devices had lost before it began.
    before: Gaps,
    inner: Arc<Inner>,
    line: TimeLine,
    /// Of a video.
    cover: Option<Arc<Cover>>,
}

/// How a recording listens to a hub.
struct Tapped {
    leads: bool,
    ahead: bool,
    /// Of pictures.
    cover: Option<Arc<Cover>>,
}

struct Inner {
    work: Mutex<Work>,
    /// Why nothing more comes: end of stream, or an error.
    ended: Mutex<Option<String>>,
    changed: Condvar,
    /// Loudest level since the last fragment, plus one; 0: none was told.
    level: AtomicU8,
}

const NO_LEVEL: u8 = 0;
const LEVEL_INTERVAL_NS: u64 = 100_000_000;

struct Work {
    cutter: Box<dyn Cutter>,
    on_fragment: OnFragment,
    refused: bool,
    level: u8,
}

impl Inner {
    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ended(&self) -> MutexGuard<'_, Option<String>> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, why: &str) {
        self.ended().get_or_insert_with(|| why.to_owned());
        self.changed.notify_all();
    }

    fn fragment(&self, cut: Cut, before: &mut u8) -> Fragment {
        // A fragment shorter than the meter's interval keeps the level of the one before.
        match self.level.swap(NO_LEVEL, Ordering::Relaxed) {
            NO_LEVEL => {}
            level => *before = level.saturating_sub(1),
        }
        Fragment { bytes: cut.bytes, media_ms: cut.media_ms, level: *before }
    }

    fn take(&self, bytes: &[u8]) -> Result<(), Error> {
        let mut work = self.work();
        if work.refused {
            return Ok(());
        }
        let mut cuts = Vec::new();
        let fed = work.cutter.feed(bytes, &mut cuts);
        for cut in cuts {
            let fragment = self.fragment(cut, &mut work.level);
            if (work.on_fragment)(fragment) == ControlFlow::Break(()) {
                work.refused = true;
                drop(work);
                self.end(REFUSED);
                return Ok(());
            }
        }
        fed
    }
}

impl Capture {
    pub(super) fn audio(
        microphone: Arc<Hub>,
        audio: &AudioConfig,
        on_fragment: OnFragment,
    ) -> Result<Self, Error> {
        let sound = sound(audio);
        let pipeline = build(WHAT, &format!("{sound} ! {OGG} ! {OUT}"))?;
        let mut capture = Self::prepare(pipeline, Box::<OggCutter>::default(), on_fragment)?;
        capture.play()?;
        let tapped = Tapped { leads: true, ahead: true, cover: None };
        capture.listen(microphone, "mic", tapped)?;
        Ok(capture)
    }

    pub(super) fn video(
        camera: Arc<Hub>,
        microphone: Option<Arc<Hub>>,
        (audio, video): (&AudioConfig, &VideoConfig),
        encode: &str,
        on_fragment: OnFragment,
    ) -> Result<Self, Error> {
        let from_jpeg = camera.newest().and_then(|s| {
            let caps = s.caps()?;
            Some(caps.structure(0)?.name() == "image/jpeg")
        });
        let decode = if from_jpeg == Some(true) { "jpegdec !" } else { "" };
        let (width, height, fps) = (video.width, video.height, video.fps);
        let with_sound = if microphone.is_some() {
            format!("{} ! {ENCODED_QUEUE} ! mux.", sound(audio))
        } else {
            String::new()
        };
        let pipeline = build(
            WHAT,
            &format!(
                "{MATROSKA} ! {OUT} \
                 appsrc name=cam format=time is-live=true max-bytes=0 ! {decode} \
                 videorate drop-only=true max-rate={fps} ! videoconvert ! videoscale ! \
                 video/x-raw,format=I420,width={width},height={height},pixel-aspect-ratio=1/1 ! \
                 identity name={cover} silent=true ! {encode} ! {ENCODED_QUEUE} ! mux. {with_sound}",
                cover = cover::ELEMENT,
            ),
        )?;
        let picture_ms = 1000_u64.div_euclid(u64::from(fps.max(1)));
        let cutter = Box::new(MatroskaCutter::new(picture_ms));
        let cover = Arc::new(Cover::default());
        cover::install(&pipeline, &cover, (width, height))?;
        let mut capture = Self::prepare(pipeline, cutter, on_fragment)?;
        capture.cover = Some(Arc::clone(&cover));
        capture.play()?;
        let alone = microphone.is_none();
        let pictures = Tapped { leads: alone, ahead: false, cover: Some(cover) };
        capture.listen(camera, "cam", pictures)?;
        if let Some(microphone) = microphone {
            // Sound alone ahead of the first picture would leave the picture black for that long.
            let tapped = Tapped { leads: true, ahead: false, cover: None };
            capture.listen(microphone, "mic", tapped)?;
        }
        Ok(capture)
    }

    fn prepare(
        pipeline: gst::Pipeline,
        cutter: Box<dyn Cutter>,
        on_fragment: OnFragment,
    ) -> Result<Self, Error> {
        let inner = Arc::new(Inner {
            work: Mutex::new(Work { cutter, on_fragment, refused: false, level: 0 }),
            ended: Mutex::new(None),
            changed: Condvar::new(),
            level: AtomicU8::new(NO_LEVEL),
        });
        let sink = named(&pipeline, "out")?
            .downcast::<AppSink>()
            .map_err(|_| Error::pipeline(WHAT, "no appsink"))?;
        let taking = Arc::clone(&inner);
        sink.set_callbacks(
            AppSinkCallbacks::builder()
                .new_sample(move |sink| {
                    let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
                    let Some(buffer) = sample.buffer() else { return Ok(gst::FlowSuccess::Ok) };
                    let map = buffer.map_readable().map_err(|_| gst::FlowError::Error)?;
                    taking.take(map.as_slice()).map_err(|e| {
                        taking.end(&e.to_string());
                        gst::FlowError::Error
                    })?;
                    Ok(gst::FlowSuccess::Ok)
                })
                .build(),
        );
        let watching = Arc::clone(&inner);
        if let Some(bus) = pipeline.bus() {
            bus.set_sync_handler(move |_, message| {
                match message.view() {
                    gst::MessageView::Eos(_) => watching.end(END_OF_STREAM),
                    gst::MessageView::Error(e) => watching.end(e.error().message()),
                    gst::MessageView::Element(e) => {
                        if let Some(level) = e.structure().and_then(level_of) {
                            watching.level.fetch_max(level.saturating_add(1), Ordering::Relaxed);
                        }
                    }
                    _ => {}
                }
                gst::BusSyncReply::Drop
            });
        }
        let before = Gaps::default();
        let line = TimeLine::default();
        Ok(Self { pipeline, taps: Vec::new(), before, inner, line, cover: None })
    }

    fn play(&self) -> Result<(), Error> {
        self.pipeline.set_state(gst::State::Playing).map(|_| ()).map_err(|e| {
            let cause = self.inner.ended().clone();
            Error::pipeline(WHAT, cause.unwrap_or_else(|| e.to_string()))
        })
    }

    fn listen(&mut self, hub: Arc<Hub>, to: &'static str, tapped: Tapped) -> Result<(), Error> {
        let Tapped { leads, ahead: from_ahead, cover } = tapped;
        // Pictures may be dropped, sound never.
        let may_drop = cover.is_some();
        let src = named(&self.pipeline, to)?
            .downcast::<AppSrc>()
            .map_err(|_| Error::pipeline(WHAT, "no appsrc"))?;
        let line = Arc::clone(&self.line);
        self.before = self.before.and(hub.gaps());
        let id = hub.tap(Tap { src, line, leads, may_drop, from_ahead, cover });
        self.taps.push((hub, id));
        Ok(())
    }

    /// Why no more fragments will come, if so: the device is gone, the receiver refused, or the file of a
    /// stand-in is at its end.
    #[must_use]
    pub fn ended(&self) -> Option<String> {
        self.inner.ended().clone()
    }

    /// Why its own pipeline broke, if it did: neither the end of a device, nor a receiver that refused.
    pub(super) fn broken(&self) -> Option<String> {
        let own = |cause: &String| cause != END_OF_STREAM && cause != REFUSED;
        self.inner.ended().clone().filter(own)
    }

    /// What is missing from now on although the recording goes on: the camera was unplugged while sound
    /// still comes, or the reverse. Names the device and its fault.
    #[must_use]
    pub fn impaired(&self) -> Option<String> {
        self.taps.iter().find_map(|(hub, _)| Some(format!("{}: {}", hub.name(), hub.ended()?)))
    }

    /// Sound that its microphone lost since it began: counted, never filled.
    #[must_use]
    pub fn gaps(&self) -> Gaps {
        let now = self.taps.iter().fold(Gaps::default(), |sum, (hub, _)| sum.and(hub.gaps()));
        now.since(self.before)
    }

    /// Milliseconds of media that its devices gave so far; what of it is stored says whoever takes the fragments.
    #[must_use]
    pub fn given_ms(&self) -> u64 {
        self.line.given_ms()
    }

    /// Blanks the picture from now on, or shows it again; sound goes on. The media time in milliseconds from
    /// or up to which it is black; `None` for a recording without pictures.
    #[must_use]
    pub fn cover(&self, on: bool) -> Option<u64> {
        self.cover.as_ref().map(|cover| cover.set(on))
    }

    /// Media time in milliseconds since which the picture is black; `None` while it is shown.
    #[must_use]
    pub fn covered_from(&self) -> Option<u64> {
        self.cover.as_ref()?.since_ms()
    }

    /// Ends the recording and returns the last fragment: everything captured up to this call.
    pub fn stop(mut self) -> Option<Fragment> {
        self.untap();
        let begun = Instant::now();
        let mut ended = self.inner.ended();
        while ended.is_none() {
            let left = DRAIN.saturating_sub(begun.elapsed());
            if left.is_zero() {
                tracing::warn!("A recording did not drain in time; what was encoded is kept.");
                break;
            }
            ended = self
                .inner
                .changed
                .wait_timeout(ended, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        drop(ended);
        self.close();
        let mut work = self.inner.work();
        if work.refused {
            return None;
        }
        let cut = work.cutter.finish()?;
        Some(self.inner.fragment(cut, &mut work.level))
    }

    fn untap(&mut self) {
        for (hub, id) in std::mem::take(&mut self.taps) {
            hub.untap(id);
        }
    }

    fn close(&self) {
        if let Err(e) = self.pipeline.set_state(gst::State::Null) {
            tracing::warn!(error = %e, "A recording's pipeline could not be closed.");
        }
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.untap();
        self.close();
    }
}

const END_OF_STREAM: &str = "end of stream";
const REFUSED: &str = "the receiver takes no more";

/// Microphone to Opus, with the level meter. No gap is filled and nothing is cut away to keep time:
/// samples that never came are missing. The time of the file goes on over a gap (of more than the encoder's 40 ms), so
/// that what comes later keeps its moment; the recording log says how much was lost. Constant bit rate: storage can be planned, and the
/// sizes of encrypted fragments tell nothing of what was said.
fn sound(audio: &AudioConfig) -> String {
    let bitrate = audio.bitrate;
    format!(
        "appsrc name=mic format=time is-live=true max-bytes=0 ! audioconvert ! \
         level interval={LEVEL_INTERVAL_NS} ! \
         opusenc bitrate={bitrate} bitrate-type=cbr audio-type=voice frame-size=20"
    )
}

/// 0–100 from the message of the `level` element: its loudest channel, −60 dB and below is 0.
fn level_of(structure: &gst::StructureRef) -> Option<u8> {
    if structure.name() != "level" {
        return None;
    }
    // At the end of the stream the meter posts what is left of its interval, which may be nothing.
    let duration: u64 = structure.get("duration").ok()?;
    if duration < LEVEL_INTERVAL_NS.div_euclid(2) {
        return None;
    }
    let channels = structure.get::<gst::glib::ValueArray>("rms").ok()?;
    let loudest = channels.iter().filter_map(|v| v.get::<f64>().ok()).fold(f64::MIN, f64::max);
    Some(percent_of_db(loudest))
}

/// The level of one stretch of raw sound (16-bit samples), measured as the meter of a recording does.
pub(super) fn loudness(sample: &gst::Sample) -> u8 {
    let Some(map) = sample.buffer().and_then(|b| b.map_readable().ok()) else { return 0 };
    let (mut sum, mut count) = (0.0_f64, 0.0_f64);
    for pair in map.as_slice().chunks_exact(2) {
        let one = pair.first_chunk::<2>().map_or(0, |two| i16::from_le_bytes(*two));
        let value = f64::from(one) / 32_768.0;
        sum = value.mul_add(value, sum);
        count += 1.0;
    }
    if count > 0.0 { percent_of_db((sum / count).sqrt().log10() * 20.0) } else { 0 }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to 0–100 before"
)]
fn percent_of_db(db: f64) -> u8 {
    if db.is_nan() {
        return 0;
    }
    ((db + 60.0) / 60.0 * 100.0).clamp(0.0, 100.0).round() as u8
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(0.0, 100)]
    #[case(-30.0, 50)]
    #[case(-60.0, 0)]
    #[case(-700.0, 0)]
    #[case(f64::NEG_INFINITY, 0)]
    #[case(f64::NAN, 0)]
    #[case(6.0, 100)]
    fn level_of_decibels(#[case] db: f64, #[case] percent: u8) {
        assert_eq!(percent_of_db(db), percent);
    }
}
