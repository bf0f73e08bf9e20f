//! Which video encoder works on this machine.
//!
//! That an element exists says little: hardware encoders fail on boards whose driver lacks a format, and a
//! failure in the middle of a visit loses the video. So each is tried with ten pictures through the same
//! muxer first, in the configured order, and the first that delivers is used.

use std::time::{Duration, Instant};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::AppSink;

use super::source::{build, named};
use crate::Error;
use crate::config::{Encoder, VideoConfig};

/// Ten pictures take a working encoder far less.
const TRIAL: Duration = Duration::from_secs(5);

/// The encoder's part of a pipeline: raw I420 in, what Matroska takes out. A key picture each second.
pub(super) fn description(encoder: Encoder, video: &VideoConfig) -> String {
    let (bit, kbit, gop) = (video.bitrate, video.bitrate.div_euclid(1000), video.fps);
    let parser = if gst::ElementFactory::find("h264parse").is_some() { "! h264parse" } else { "" };
    match encoder {
        Encoder::V4l2h264enc => format!(
            "v4l2h264enc extra-controls=\"controls,video_bitrate={bit},h264_i_frame_period={gop}\" \
             ! video/x-h264,level=(string)4 {parser}"
        ),
        Encoder::Mpph264enc => format!("mpph264enc bps={bit} gop={gop} {parser}"),
        Encoder::Vah264enc => format!("vah264enc bitrate={kbit} key-int-max={gop} {parser}"),
        Encoder::Vaapih264enc => {
            format!("vaapih264enc bitrate={kbit} keyframe-period={gop} {parser}")
        }
        Encoder::Openh264enc => format!("openh264enc bitrate={bit} gop-size={gop} {parser}"),
        Encoder::X264enc => format!(
            "x264enc tune=zerolatency speed-preset=ultrafast bitrate={kbit} key-int-max={gop} \
             {parser}"
        ),
        Encoder::Vp8enc => format!(
            "vp8enc deadline=1 cpu-used=8 threads=2 target-bitrate={bit} keyframe-max-dist={gop}"
        ),
        Encoder::Jpegenc => "jpegenc quality=75".to_owned(),
    }
}

/// The first encoder that delivers ten pictures.
pub(super) fn choose(video: &VideoConfig) -> Result<Encoder, Error> {
    let mut faults = Vec::new();
    for encoder in &video.encoders {
        match try_out(*encoder, video) {
            Ok(()) => {
                tracing::info!(?encoder, "The video encoder was chosen.");
                return Ok(*encoder);
            }
            Err(e) => faults.push(format!("{encoder:?}: {e}")),
        }
    }
    Err(Error::NoEncoder(faults.join("; ")))
}

fn try_out(encoder: Encoder, video: &VideoConfig) -> Result<(), Error> {
    let (width, height, fps) = (video.width, video.height, video.fps);
    let encode = description(encoder, video);
    let pipeline = build(
        "encoder trial",
        &format!(
            "videotestsrc num-buffers=10 ! \
             video/x-raw,format=I420,width={width},height={height},framerate={fps}/1 ! {encode} ! \
             matroskamux streamable=true ! appsink name=out sync=false"
        ),
    )?;
    let result = run(&pipeline);
    if let Err(e) = pipeline.set_state(gst::State::Null) {
        tracing::debug!(error = %e, "A trial pipeline could not be stopped.");
    }
    result
}

fn run(pipeline: &gst::Pipeline) -> Result<(), Error> {
    let what = "encoder trial";
    let sink = named(pipeline, "out")?
        .downcast::<AppSink>()
        .map_err(|_| Error::pipeline(what, "no appsink"))?;
    let bus = pipeline.bus().ok_or_else(|| Error::pipeline(what, "no bus"))?;
    pipeline.set_state(gst::State::Playing).map_err(|e| Error::pipeline(what, e))?;
    let begun = Instant::now();
    let mut bytes = 0_usize;
    while !sink.is_eos() {
        if let Some(sample) = sink.try_pull_sample(gst::ClockTime::from_mseconds(100)) {
            bytes = bytes.saturating_add(sample.buffer().map_or(0, gst::BufferRef::size));
        }
        if let Some(message) = bus.pop_filtered(&[gst::MessageType::Error])
            && let gst::MessageView::Error(e) = message.view()
        {
            return Err(Error::pipeline(what, e.error().message()));
        }
        if begun.elapsed() > TRIAL {
            return Err(Error::pipeline(what, "does not come to an end"));
        }
    }
    // Headers alone are some hundred bytes; ten pictures of any codec are more.
    if bytes < 1024 {
        return Err(Error::pipeline(what, "gave no pictures"));
    }
    Ok(())
}
