//! The source end of a hub's pipeline: what stands for camera and microphone.
//!
//! Real devices and stand-ins differ in these few elements only. Descriptions are made of constants and
//! numbers; names and paths from `device.toml` are set as properties, so that no text of a file is ever
//! parsed as part of a pipeline.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use gstreamer as gst;
use gstreamer::prelude::*;

use crate::Error;
use crate::config::{CameraConfig, CameraKind, MicrophoneConfig, MicrophoneKind};

/// Sound inside the recorder: what every encoder here takes.
const SOUND_CAPS: &str = "audio/x-raw,format=S16LE,rate=48000,channels=1,layout=interleaved";

/// A pipeline that ends in `appsink name=out`, not started yet.
pub(super) struct Source {
    pub(super) pipeline: gst::Pipeline,
    /// GStreamer's name of the source element, for the report.
    pub(super) name: &'static str,
    /// Formats to choose from, best first, once the device is open; empty if the description fixes it.
    pub(super) formats: Vec<String>,
    /// How many times faster than real time a stand-in runs.
    pub(super) pace: u32,
}

/// The microphone's pipelines to try, in order.
pub(super) fn microphones(config: &MicrophoneConfig) -> Vec<Result<Source, Error>> {
    let kinds: &[MicrophoneKind] = match config.kind {
        MicrophoneKind::Auto => {
            &[MicrophoneKind::Pulse, MicrophoneKind::Alsa, MicrophoneKind::Pipewire]
        }
        _ => std::slice::from_ref(&config.kind),
    };
    kinds.iter().map(|kind| microphone(*kind, config)).collect()
}

fn microphone(kind: MicrophoneKind, config: &MicrophoneConfig) -> Result<Source, Error> {
    let (name, front, property) = match kind {
        MicrophoneKind::Auto | MicrophoneKind::Pulse => {
            ("pulsesrc", "pulsesrc name=src buffer-time=200000 latency-time=20000", "device")
        }
        MicrophoneKind::Alsa => {
            ("alsasrc", "alsasrc name=src buffer-time=200000 latency-time=20000", "device")
        }
        MicrophoneKind::Pipewire => ("pipewiresrc", "pipewiresrc name=src", "target-object"),
        MicrophoneKind::Test => (
            "audiotestsrc",
            "audiotestsrc name=src is-live=true wave=sine freq=440 volume=0.3 samplesperbuffer=960",
            "",
        ),
        MicrophoneKind::File => ("filesrc", "filesrc name=src ! decodebin", ""),
    };
    let pace = if kind == MicrophoneKind::File { "identity sync=true !" } else { "" };
    let pipeline = build(
        "microphone",
        &format!(
            "{front} ! audioconvert ! audioresample ! {SOUND_CAPS} ! {pace} \
             appsink name=out sync=false enable-last-sample=false"
        ),
    )?;
    match kind {
        MicrophoneKind::File => set_location(&pipeline, config.path.as_deref())?,
        _ => set_name(&pipeline, property, config.device.as_deref())?,
    }
    if let (MicrophoneKind::Test, Some(lost_ms)) = (kind, config.overrun_ms) {
        overrun(&pipeline, u64::from(lost_ms))?;
    }
    let pace = if kind == MicrophoneKind::Test { config.pace.unwrap_or(1) } else { 1 };
    Ok(Source { pipeline, name, formats: Vec::new(), pace })
}

/// Loses the first `lost_ms` of each second but the first, and marks what follows as a sound card's driver does.
fn overrun(pipeline: &gst::Pipeline, lost_ms: u64) -> Result<(), Error> {
    let pad = named(pipeline, "src")?.static_pad("src");
    let pad = pad.ok_or_else(|| Error::pipeline("microphone", "no source pad"))?;
    let torn = AtomicBool::new(false);
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let Some(gst::PadProbeData::Buffer(buffer)) = &mut info.data else {
            return gst::PadProbeReturn::Ok;
        };
        let ms = buffer.pts().map_or(0, gst::ClockTime::mseconds);
        if ms >= 1_000 && ms.rem_euclid(1_000) < lost_ms {
            torn.store(true, Ordering::Relaxed);
            return gst::PadProbeReturn::Drop;
        }
        if torn.swap(false, Ordering::Relaxed) {
            buffer.make_mut().set_flags(gst::BufferFlags::DISCONT | gst::BufferFlags::RESYNC);
        }
        gst::PadProbeReturn::Ok
    });
    Ok(())
}

/// The camera's pipelines to try, in order.
pub(super) fn cameras(config: &CameraConfig) -> Vec<Result<Source, Error>> {
    let v4l2 = || {
        // Some nodes are codecs or carry metadata; those do not open as cameras and the next is tried.
        let nodes = match &config.device {
            Some(device) => vec![device.clone()],
            None => (0..32)
                .map(|n| format!("/dev/video{n}"))
                .filter(|n| Path::new(n).exists())
                .collect(),
        };
        nodes.into_iter().map(|node| camera(CameraKind::V4l2, config, Some(&node)))
    };
    let named = config.device.as_deref();
    match config.kind {
        CameraKind::Auto => v4l2().chain([camera(CameraKind::Libcamera, config, named)]).collect(),
        CameraKind::V4l2 => v4l2().collect(),
        kind => vec![camera(kind, config, named)],
    }
}

fn camera(kind: CameraKind, config: &CameraConfig, device: Option<&str>) -> Result<Source, Error> {
    let (width, height, fps) = config.format();
    let (name, front, property) = match kind {
        CameraKind::Auto | CameraKind::V4l2 => {
            ("v4l2src", "v4l2src name=src ! capsfilter name=want".to_owned(), "device")
        }
        CameraKind::Libcamera => (
            "libcamerasrc",
            "libcamerasrc name=src ! capsfilter name=want".to_owned(),
            "camera-name",
        ),
        CameraKind::Test => (
            "videotestsrc",
            format!(
                "videotestsrc name=src is-live=true pattern={} ! \
                 video/x-raw,format=I420,width={width},height={height},framerate={fps}/1",
                if config.noise { "snow" } else { "smpte" }
            ),
            "",
        ),
        CameraKind::File => (
            "filesrc",
            "filesrc name=src ! decodebin ! videoconvert ! video/x-raw,format=I420 ! \
             identity sync=true"
                .to_owned(),
            "",
        ),
    };
    let pipeline = build(
        "camera",
        &format!(
            "{front} ! appsink name=out sync=false enable-last-sample=false max-buffers=4 drop=true"
        ),
    )?;
    match kind {
        CameraKind::File => set_location(&pipeline, config.path.as_deref())?,
        _ => set_name(&pipeline, property, device)?,
    }
    // The camera's own JPEG first: it is the original, and USB has no room for raw pictures of this size.
    let size = format!("width={width},height={height}");
    let formats = match kind {
        CameraKind::Auto | CameraKind::V4l2 | CameraKind::Libcamera => vec![
            format!("image/jpeg,{size},framerate={fps}/1"),
            format!("image/jpeg,{size}"),
            format!("video/x-raw,{size},framerate={fps}/1"),
            format!("video/x-raw,{size}"),
            "image/jpeg".to_owned(),
            "video/x-raw".to_owned(),
        ],
        CameraKind::Test | CameraKind::File => Vec::new(),
    };
    Ok(Source { pipeline, name, formats, pace: 1 })
}

/// Builds a pipeline from a description of ours.
pub(crate) fn build(what: &'static str, description: &str) -> Result<gst::Pipeline, Error> {
    let element =
        gst::parse::launch(description).map_err(|e| Error::pipeline(what, e.message()))?;
    element
        .downcast::<gst::Pipeline>()
        .map_err(|_| Error::pipeline(what, "the description is not a pipeline"))
}

/// An element by its name in the description.
pub(crate) fn named(pipeline: &gst::Pipeline, name: &'static str) -> Result<gst::Element, Error> {
    pipeline.by_name(name).ok_or_else(|| Error::pipeline(name, "element is missing"))
}

fn set_name(pipeline: &gst::Pipeline, property: &str, value: Option<&str>) -> Result<(), Error> {
    let Some(value) = value.filter(|_| !property.is_empty()) else { return Ok(()) };
    let source = named(pipeline, "src")?;
    match source.find_property(property) {
        Some(spec) if spec.value_type() == String::static_type() => {
            source.set_property(property, value);
            Ok(())
        }
        _ => Err(Error::pipeline("source", format!("has no text property {property}"))),
    }
}

fn set_location(pipeline: &gst::Pipeline, path: Option<&Path>) -> Result<(), Error> {
    let path = path
        .and_then(Path::to_str)
        .ok_or_else(|| Error::pipeline("source", "the file's path is missing or not UTF-8"))?;
    named(pipeline, "src")?.set_property("location", path);
    Ok(())
}
