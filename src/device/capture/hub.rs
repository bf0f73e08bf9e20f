//! One open device whose samples go to everybody who taps it.
//!
//! Samples are stamped with the system clock's time (running time + base time of the hub), which camera and
//! microphone share, so that a recording can put both on one time line: sound begins it, pictures before
//! the first sound are left out.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::{AppSink, AppSinkCallbacks, AppSrc};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::ahead::{Ahead, Heard, KEEP};
use super::cover::Cover;
use super::source::{Source, named};
use crate::Error;

/// A device that gives nothing for this long after it was opened is no device.
const FIRST_SAMPLE: Duration = Duration::from_secs(4);
/// Raw pictures that may wait for an encoder; older ones are kept, newer ones dropped.
const WAITING_PICTURES: u64 = 6;

/// The time line of a recording.
#[derive(Default)]
pub(super) struct Line {
    /// Its beginning in system clock time, set by its first sound.
    begin: OnceLock<gst::ClockTime>,
    /// Where on it the device stands that leads, in milliseconds, whatever became of its samples.
    given_ms: AtomicU64,
}

impl Line {
    pub(super) fn given_ms(&self) -> u64 {
        self.given_ms.load(Ordering::Relaxed)
    }
}

pub(super) type TimeLine = Arc<Line>;

/// A recording's end of the tap.
pub(super) struct Tap {
    pub(super) src: AppSrc,
    pub(super) line: TimeLine,
    /// Begins the time line.
    pub(super) leads: bool,
    /// Samples may be dropped when the encoder is behind: pictures, never sound.
    pub(super) may_drop: bool,
    /// Begins with what was kept ahead of it.
    pub(super) from_ahead: bool,
    /// Of pictures: hears of each, to know which came while it was on.
    pub(super) cover: Option<Arc<Cover>>,
}

pub(super) struct Hub {
    pipeline: gst::Pipeline,
    shared: Arc<Shared>,
    next_tap: AtomicU64,
    name: &'static str,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// A stand-in that runs ahead of time waits for its encoders: nothing real would come that fast.
    patient: bool,
}

#[derive(Default)]
struct State {
    frames: u64,
    newest: Option<gst::Sample>,
    taps: BTreeMap<u64, Tap>,
    ended: Option<String>,
    ahead: Option<Ahead>,
    /// Where the next sound must begin.
    next: Option<gst::ClockTime>,
    gaps: Gaps,
}

/// Sound that never came: the sound card's buffer ran over before it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Gaps {
    /// How often.
    pub count: u32,
    /// Milliseconds in all.
    pub lost_ms: u64,
}

impl Gaps {
    /// Both together.
    pub(super) const fn and(self, other: Self) -> Self {
        Self {
            count: self.count.saturating_add(other.count),
            lost_ms: self.lost_ms.saturating_add(other.lost_ms),
        }
    }

    /// What came after `before`.
    pub(super) const fn since(self, before: Self) -> Self {
        Self {
            count: self.count.saturating_sub(before.count),
            lost_ms: self.lost_ms.saturating_sub(before.lost_ms),
        }
    }
}

/// Clocks of two machines, or of card and processor, may be apart by this much without a sample missing.
const JITTER: gst::ClockTime = gst::ClockTime::from_mseconds(10);

impl State {
    /// Sound follows sound without a hole, or the hole is counted. Nothing is put into it: what was not heard is not
    /// made up.
    fn follow(&mut self, at: gst::ClockTime, duration: Option<gst::ClockTime>) {
        if let Some(hole) = self.next.and_then(|next| at.checked_sub(next))
            && hole > JITTER
        {
            self.gaps.count = self.gaps.count.saturating_add(1);
            self.gaps.lost_ms = self.gaps.lost_ms.saturating_add(hole.mseconds());
        }
        self.next = duration.and_then(|length| at.checked_add(length));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn deliver(&self, sample: gst::Sample, base_time: Option<gst::ClockTime>) {
        while self.patient && self.lock().taps.values().any(Tap::is_behind) {
            std::thread::sleep(Duration::from_millis(1));
        }
        let mut state = self.lock();
        if let (Some(buffer), Some(caps)) = (sample.buffer(), sample.caps_owned()) {
            let at = sample
                .segment()
                .and_then(|s| s.downcast_ref::<gst::ClockTime>())
                .and_then(|s| s.to_running_time(buffer.pts()))
                .zip(base_time)
                .and_then(|(running, base)| running.checked_add(base));
            if let Some(at) = at {
                if caps.structure(0).is_some_and(|s| s.name() == "audio/x-raw") {
                    state.follow(at, buffer.duration());
                }
                for tap in state.taps.values() {
                    tap.push(buffer, &caps, at);
                }
                if let (Some(ahead), Ok(map)) = (&mut state.ahead, buffer.map_readable()) {
                    let bytes = Zeroizing::new(map.as_slice().to_vec());
                    ahead.push(Heard { bytes, caps, at, duration: buffer.duration() });
                }
            }
        }
        state.frames = state.frames.saturating_add(1);
        state.newest = Some(sample);
        drop(state);
        self.changed.notify_all();
    }

    fn end(&self, cause: String) {
        let mut state = self.lock();
        if state.ended.is_none() {
            state.ended = Some(cause);
            for tap in state.taps.values() {
                tap.close();
            }
        }
        drop(state);
        self.changed.notify_all();
    }
}

impl Tap {
    /// More than ten seconds of sound wait for the encoder.
    fn is_behind(&self) -> bool {
        self.src.current_level_bytes() > 960_000
    }

    fn push(&self, buffer: &gst::BufferRef, caps: &gst::Caps, at: gst::ClockTime) {
        let begin = if self.leads {
            *self.line.begin.get_or_init(|| at)
        } else {
            match self.line.begin.get() {
                Some(begin) => *begin,
                None => return,
            }
        };
        let Some(pts) = at.checked_sub(begin) else { return };
        if self.leads {
            let end = pts.saturating_add(buffer.duration().unwrap_or_default());
            self.line.given_ms.fetch_max(end.mseconds(), Ordering::Relaxed);
        }
        let size = u64::try_from(buffer.size()).unwrap_or(u64::MAX);
        let limit = size.saturating_mul(WAITING_PICTURES);
        if self.may_drop && self.src.current_level_bytes() > limit {
            return;
        }
        if let Some(cover) = &self.cover {
            cover.saw(pts);
        }
        let mut copy = buffer.copy();
        if let Some(fields) = copy.get_mut() {
            fields.set_pts(pts);
            fields.set_dts(gst::ClockTime::NONE);
        }
        if self.src.caps().as_ref() != Some(caps) {
            self.src.set_caps(Some(caps));
        }
        if let Err(e) = self.src.push_buffer(copy) {
            tracing::debug!(error = %e, "A recording takes no more samples.");
        }
    }

    fn close(&self) {
        if let Err(e) = self.src.end_of_stream() {
            tracing::debug!(error = %e, "A recording was closed already.");
        }
    }
}

impl Hub {
    /// Opens the device and waits for its first sample.
    pub(super) fn open(source: Source) -> Result<Self, Error> {
        let Source { pipeline, name, formats, pace } = source;
        let shared = Arc::new(Shared { patient: pace > 1, ..Shared::default() });
        let sink = named(&pipeline, "out")?
            .downcast::<AppSink>()
            .map_err(|_| Error::pipeline(name, "no appsink"))?;
        let (on_sample, on_end) = (Arc::clone(&shared), Arc::clone(&shared));
        sink.set_callbacks(
            AppSinkCallbacks::builder()
                .new_sample(move |sink| {
                    let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
                    on_sample.deliver(sample, sink.base_time());
                    Ok(gst::FlowSuccess::Ok)
                })
                .eos(move |_| on_end.end("end of stream".to_owned()))
                .build(),
        );
        let on_error = Arc::clone(&shared);
        if let Some(bus) = pipeline.bus() {
            bus.set_sync_handler(move |_, message| {
                if let gst::MessageView::Error(e) = message.view() {
                    on_error.end(e.error().message().to_owned());
                }
                gst::BusSyncReply::Drop
            });
        }
        pipeline.use_clock(Some(&clock(pace)));
        let hub = Self { pipeline, shared, next_tap: AtomicU64::new(1), name };
        hub.play(&formats)?;
        Ok(hub)
    }

    fn play(&self, formats: &[String]) -> Result<(), Error> {
        if !formats.is_empty() {
            self.set_state(gst::State::Ready)?;
            self.choose_format(formats)?;
        }
        self.set_state(gst::State::Playing)?;
        let wait = Instant::now();
        let mut state = self.shared.lock();
        while state.frames == 0 {
            if let Some(cause) = &state.ended {
                return Err(Error::pipeline(self.name, cause));
            }
            let left = FIRST_SAMPLE.saturating_sub(wait.elapsed());
            if left.is_zero() {
                return Err(Error::pipeline(self.name, "nothing arrives"));
            }
            state = self
                .shared
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        Ok(())
    }

    fn set_state(&self, to: gst::State) -> Result<(), Error> {
        self.pipeline.set_state(to).map(|_| ()).map_err(|e| {
            let cause = self.shared.lock().ended.clone();
            Error::pipeline(self.name, cause.unwrap_or_else(|| e.to_string()))
        })
    }

    fn choose_format(&self, formats: &[String]) -> Result<(), Error> {
        let pad = named(&self.pipeline, "src")?
            .static_pad("src")
            .ok_or_else(|| Error::pipeline(self.name, "no source pad"))?;
        let offered = pad.query_caps(None);
        let chosen = formats
            .iter()
            .filter_map(|text| text.parse::<gst::Caps>().ok())
            .find(|caps| caps.can_intersect(&offered))
            .ok_or_else(|| Error::pipeline(self.name, "offers neither JPEG nor raw pictures"))?;
        named(&self.pipeline, "want")?.set_property("caps", &chosen);
        Ok(())
    }

    pub(super) const fn name(&self) -> &'static str {
        self.name
    }

    /// Why the device is gone, if it is.
    pub(super) fn ended(&self) -> Option<String> {
        self.shared.lock().ended.clone()
    }

    /// Holes in the sound since the device was opened.
    pub(super) fn gaps(&self) -> Gaps {
        self.shared.lock().gaps
    }

    /// Adds a listener; it gets every sample from now on.
    pub(super) fn tap(&self, tap: Tap) -> u64 {
        let id = self.next_tap.fetch_add(1, Ordering::Relaxed);
        let mut state = self.shared.lock();
        if let (true, Some(ahead)) = (tap.from_ahead, &state.ahead) {
            for heard in ahead.iter() {
                let mut buffer = gst::Buffer::from_slice(heard.bytes.clone());
                if let Some(fields) = buffer.get_mut() {
                    fields.set_duration(heard.duration);
                }
                tap.push(&buffer, &heard.caps, heard.at);
            }
        }
        if state.ended.is_some() {
            tap.close();
        }
        state.taps.insert(id, tap);
        id
    }

    /// Keeps the last seconds from now on, or wipes them.
    pub(super) fn listen_ahead(&self, on: bool) {
        let mut state = self.shared.lock();
        if !on {
            state.ahead = None;
        } else if state.ahead.is_none() {
            state.ahead = Some(Ahead::new(KEEP));
        }
    }

    /// Milliseconds that are kept.
    pub(super) fn ahead_ms(&self) -> u64 {
        self.shared.lock().ahead.as_ref().map_or(0, Ahead::held_ms)
    }

    /// Removes a listener and ends its stream.
    pub(super) fn untap(&self, id: u64) {
        let tap = self.shared.lock().taps.remove(&id);
        if let Some(tap) = tap {
            tap.close();
        }
    }

    /// The newest sample, if any has come.
    pub(super) fn newest(&self) -> Option<gst::Sample> {
        self.shared.lock().newest.clone()
    }

    /// The next sample from now on, but not before the device has given `warmup`.
    pub(super) fn next_sample(&self, warmup: u32, timeout: Duration) -> Result<gst::Sample, Error> {
        let begun = Instant::now();
        let mut state = self.shared.lock();
        let after = state.frames.max(u64::from(warmup));
        loop {
            if state.frames > after
                && let Some(sample) = state.newest.clone()
            {
                return Ok(sample);
            }
            if let Some(cause) = &state.ended {
                return Err(Error::pipeline(self.name, cause));
            }
            let left = timeout.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return Err(Error::NoPicture);
            }
            state = self
                .shared
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

/// The system clock, or for stand-ins one that runs `pace` times as fast.
fn clock(pace: u32) -> gst::Clock {
    if pace <= 1 {
        return gst::SystemClock::obtain();
    }
    let fast = gst::glib::Object::new::<gst::SystemClock>();
    let now = fast.internal_time();
    fast.set_calibration(now, now, u64::from(pace), 1);
    fast.upcast()
}

impl Drop for Hub {
    fn drop(&mut self) {
        for tap in std::mem::take(&mut self.shared.lock().taps).values() {
            tap.close();
        }
        if let Err(e) = self.pipeline.set_state(gst::State::Null) {
            tracing::warn!(source = self.name, error = %e, "The device could not be closed.");
        }
    }
}
