//! One stretch of playing: packets in, loudspeaker and screen out.
//!
//! Every jump makes a new one: a pipeline that never seeks cannot seek wrongly.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::{AppSink, AppSinkCallbacks, AppSrc};
use spotcheck_app::ports::Picture;
use spotcheck_evidence::media::{Heading, Track, TrackKind};
use zeroize::Zeroizing;

use crate::Error;
use crate::capture::{build, named};
use crate::config::{SpeakerConfig, SpeakerKind};

const WHAT: &str = "playing";
/// Pixels across of the smallest screen that is supported (ui.md).
const SCREEN_WIDTH: u32 = 480;

/// The newest picture, and no other.
#[derive(Default)]
pub(super) struct Screen {
    newest: Mutex<Option<Picture>>,
}

impl Screen {
    fn newest(&self) -> MutexGuard<'_, Option<Picture>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn newer_than(&self, number: u64) -> Option<Picture> {
        self.newest().clone().filter(|picture| picture.number != number)
    }

    fn take(&self, sample: &gst::Sample, (width, height): (u32, u32)) {
        let Some(map) = sample.buffer().and_then(|b| b.map_readable().ok()) else { return };
        let rgb = Zeroizing::new(map.as_slice().to_vec());
        let wanted = u64::from(width).saturating_mul(u64::from(height)).saturating_mul(3);
        if u64::try_from(rgb.len()) != Ok(wanted) {
            return;
        }
        let mut newest = self.newest();
        let number = newest.as_ref().map_or(0, |p| p.number).wrapping_add(1);
        *newest = Some(Picture { number, width, height, rgb });
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RunEnd {
    Played,
    Failed(String),
}

/// A pipeline at work.
pub(super) struct Run {
    pipeline: gst::Pipeline,
    sources: Vec<(u64, AppSrc)>,
    volume: Option<gst::Element>,
    ended: Arc<Mutex<Option<RunEnd>>>,
    /// Microseconds of the recording at which it begins.
    begin_us: u64,
    /// Microseconds of the recording at the end of what it was given.
    given_us: u64,
}

/// Pixels on the screen: never more than the picture has, never wider than the screen; rows without padding.
fn on_screen(track: &Track) -> (u32, u32) {
    let width = track.width.clamp(16, SCREEN_WIDTH) & !3;
    let height = u64::from(track.height)
        .saturating_mul(u64::from(width))
        .div_euclid(u64::from(track.width.max(1)));
    (width, u32::try_from(height.clamp(16, 4_096)).unwrap_or(16) & !1)
}

fn caps(track: &Track) -> Option<gst::Caps> {
    let builder = match track.codec.as_str() {
        "A_OPUS" => {
            return Some(
                gst::Caps::builder("audio/x-opus")
                    .field("rate", 48_000_i32)
                    .field("channels", i32::from(track.channels.clamp(1, 2)))
                    .field("channel-mapping-family", 0_i32)
                    .build(),
            );
        }
        "V_MJPEG" => gst::Caps::builder("image/jpeg"),
        // As GStreamer's muxer names it: a BITMAPINFOHEADER with the four letters at its place.
        "V_MS/VFW/FOURCC" if track.private.get(16..20) == Some(b"MJPG") => {
            gst::Caps::builder("image/jpeg")
        }
        "V_VP8" => gst::Caps::builder("video/x-vp8"),
        "V_MPEG4/ISO/AVC" => gst::Caps::builder("video/x-h264")
            .field("stream-format", "avc")
            .field("alignment", "au")
            .field("codec_data", gst::Buffer::from_slice(track.private.clone())),
        _ => return None,
    };
    let pixels = |n: u32| i32::try_from(n).unwrap_or(0);
    Some(builder.field("width", pixels(track.width)).field("height", pixels(track.height)).build())
}

/// The loudspeaker's element.
pub(super) const fn speaker_sink(speaker: &SpeakerConfig) -> &'static str {
    match speaker.kind {
        SpeakerKind::Auto => "autoaudiosink",
        SpeakerKind::Alsa => "alsasink name=speaker",
        SpeakerKind::Pulse => "pulsesink name=speaker",
        SpeakerKind::Pipewire => "pipewiresink name=speaker",
        SpeakerKind::Test => "fakesink sync=true",
    }
}

impl Run {
    /// At rest, beginning at `begin_us`.
    pub(super) fn new(
        heading: &Heading,
        begin_us: u64,
        silent: bool,
        speaker: &SpeakerConfig,
        screen: &Arc<Screen>,
    ) -> Result<Self, Error> {
        let sound = heading.track(TrackKind::Sound);
        let pictures = heading.track(TrackKind::Pictures);
        let mut description = String::new();
        if sound.is_some() {
            description.push_str(
                "appsrc name=sound format=time max-bytes=0 ! opusdec ! audioconvert ! \
                 audioresample ! volume name=volume ! ",
            );
            description.push_str(speaker_sink(speaker));
        }
        let size = pictures.map(on_screen);
        if let Some((width, height)) = size {
            description.push_str(&format!(
                " appsrc name=pictures format=time max-bytes=0 ! decodebin ! videoconvert ! \
                 videoscale ! video/x-raw,format=RGB,width={width},height={height} ! \
                 appsink name=screen max-buffers=1 drop=true enable-last-sample=false"
            ));
        }
        let pipeline = build(WHAT, &description)?;
        let mut sources = Vec::new();
        for (name, track) in [("sound", sound), ("pictures", pictures)] {
            let Some(track) = track else { continue };
            let source = named(&pipeline, name)?
                .downcast::<AppSrc>()
                .map_err(|_| Error::pipeline(WHAT, "no appsrc"))?;
            let caps = caps(track).ok_or_else(|| Error::pipeline(WHAT, "unknown codec"))?;
            source.set_caps(Some(&caps));
            sources.push((track.number, source));
        }
        if let (Some(device), Some(element)) = (&speaker.device, pipeline.by_name("speaker")) {
            let property =
                if speaker.kind == SpeakerKind::Pipewire { "target-object" } else { "device" };
            element.set_property(property, device.as_str());
        }
        if let Some(size) = size {
            let sink = named(&pipeline, "screen")?
                .downcast::<AppSink>()
                .map_err(|_| Error::pipeline(WHAT, "no appsink"))?;
            let (shown, rested) = (Arc::clone(screen), Arc::clone(screen));
            sink.set_callbacks(
                AppSinkCallbacks::builder()
                    .new_sample(move |sink| {
                        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
                        shown.take(&sample, size);
                        Ok(gst::FlowSuccess::Ok)
                    })
                    .new_preroll(move |sink| {
                        let sample = sink.pull_preroll().map_err(|_| gst::FlowError::Eos)?;
                        rested.take(&sample, size);
                        Ok(gst::FlowSuccess::Ok)
                    })
                    .build(),
            );
        }
        let ended = Arc::new(Mutex::new(None));
        let watching = Arc::clone(&ended);
        if let Some(bus) = pipeline.bus() {
            bus.set_sync_handler(move |_, message| {
                let end = match message.view() {
                    gst::MessageView::Eos(_) => Some(RunEnd::Played),
                    gst::MessageView::Error(e) => {
                        Some(RunEnd::Failed(e.error().message().to_owned()))
                    }
                    _ => None,
                };
                if let Some(end) = end {
                    watching.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(end);
                }
                gst::BusSyncReply::Drop
            });
        }
        let volume = pipeline.by_name("volume");
        let run = Self { pipeline, sources, volume, ended, begin_us, given_us: begin_us };
        run.silence(silent);
        run.set(gst::State::Paused)?;
        Ok(run)
    }

    fn set(&self, state: gst::State) -> Result<(), Error> {
        self.pipeline.set_state(state).map(|_| ()).map_err(|e| {
            let cause = match self.ended() {
                Some(RunEnd::Failed(cause)) => cause,
                _ => e.to_string(),
            };
            Error::Player(cause)
        })
    }

    pub(super) fn silence(&self, silent: bool) {
        if let Some(volume) = &self.volume {
            volume.set_property("mute", silent);
        }
    }

    pub(super) fn play(&self, on: bool) -> Result<(), Error> {
        self.set(if on { gst::State::Playing } else { gst::State::Paused })
    }

    /// Gives it a packet; one of a track that it does not play is let go.
    pub(super) fn push(
        &mut self,
        track: u64,
        (at_us, until_us): (u64, u64),
        bytes: Zeroizing<Vec<u8>>,
    ) -> Result<(), Error> {
        let Some((_, source)) = self.sources.iter().find(|(n, _)| *n == track) else {
            return Ok(());
        };
        // The buffer owns the bytes and wipes them when it is done.
        let mut buffer = gst::Buffer::from_mut_slice(bytes);
        if let Some(fields) = buffer.get_mut() {
            let pts = at_us.saturating_sub(self.begin_us);
            fields.set_pts(gst::ClockTime::from_useconds(pts));
            if until_us > at_us {
                let lasts = until_us.saturating_sub(at_us);
                fields.set_duration(gst::ClockTime::from_useconds(lasts));
            }
        }
        self.given_us = self.given_us.max(until_us);
        source.push_buffer(buffer).map(|_| ()).map_err(|e| Error::Player(e.to_string()))
    }

    /// Nothing more comes.
    pub(super) fn end(&self) {
        for (_, source) in &self.sources {
            if let Err(e) = source.end_of_stream() {
                tracing::debug!(error = %e, "A player's source was closed already.");
            }
        }
    }

    pub(super) fn ended(&self) -> Option<RunEnd> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Microseconds of the recording that are played now.
    pub(super) fn position_us(&self) -> u64 {
        let played = self.pipeline.query_position::<gst::ClockTime>();
        let played = played.map_or(0, gst::ClockTime::useconds);
        self.begin_us.saturating_add(played).min(self.given_us)
    }

    pub(super) const fn given_us(&self) -> u64 {
        self.given_us
    }

    /// Microseconds that it was given and has not played.
    pub(super) fn ahead_us(&self) -> u64 {
        self.given_us.saturating_sub(self.position_us())
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if let Err(e) = self.pipeline.set_state(gst::State::Null) {
            tracing::warn!(error = %e, "A player's pipeline could not be closed.");
        }
    }
}
