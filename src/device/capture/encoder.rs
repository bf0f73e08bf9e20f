//! Which video encoder works on this machine.
//!
//! That an element exists says little: hardware encoders fail on boards whose driver lacks a format, and a
//! failure in the middle of a visit loses the video. So each encodes one second through the same muxer
//! first, in the configured order: hardware, H.264 in software, VP8, and motion JPEG, which works everywhere.
//! The first that gives all pictures of its second is used, and the journal of the visit names it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::AppSink;

use super::source::{build, named};
use crate::Error;
use crate::config::{Encoder, VideoConfig};

const WHAT: &str = "encoder trial";
/// One second of pictures takes a working encoder far less, also on a busy machine.
const TRIAL: Duration = Duration::from_secs(8);

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

/// What stands for an encoder in a pipeline: [`description`], or what a test puts in its place.
pub(super) type Describe = dyn Fn(Encoder, &VideoConfig) -> String + Send + Sync;

/// The first encoder that delivers a second of pictures; `failed` are those that broke at a real start, with the cause.
pub(super) fn choose(
    video: &VideoConfig,
    failed: &[(Encoder, String)],
    describe: &Describe,
) -> Result<Encoder, Error> {
    let left = video.encoders.iter().filter(|encoder| failed.iter().all(|(f, _)| f != *encoder));
    let left: Vec<Encoder> = left.copied().collect();
    let told = failed.iter().map(|(encoder, cause)| format!("{}: {cause}", encoder.element()));
    choose_among(&left, told.collect(), video, describe)
}

fn choose_among(
    encoders: &[Encoder],
    mut faults: Vec<String>,
    video: &VideoConfig,
    describe: &Describe,
) -> Result<Encoder, Error> {
    for encoder in encoders {
        match try_out(&describe(*encoder, video), video) {
            Ok(()) => {
                let name = encoder.element();
                tracing::info!(
                    encoder = name,
                    passed_over = faults.len(),
                    "An encoder was chosen."
                );
                return Ok(*encoder);
            }
            Err(e) => faults.push(format!("{}: {e}", encoder.element())),
        }
    }
    Err(Error::NoEncoder(faults.join("; ")))
}

/// One second of a moving picture; as many pictures must come out as went in.
fn try_out(encode: &str, video: &VideoConfig) -> Result<(), Error> {
    let (width, height, fps) = (video.width, video.height, video.fps);
    let pipeline = build(
        WHAT,
        &format!(
            "videotestsrc num-buffers={fps} pattern=ball ! \
             video/x-raw,format=I420,width={width},height={height},framerate={fps}/1 ! {encode} ! \
             identity name=encoded silent=true ! \
             matroskamux streamable=true ! appsink name=out sync=false"
        ),
    )?;
    let result = run(&pipeline, fps);
    if let Err(e) = pipeline.set_state(gst::State::Null) {
        tracing::debug!(error = %e, "A trial pipeline could not be stopped.");
    }
    result
}

fn run(pipeline: &gst::Pipeline, pictures: u32) -> Result<(), Error> {
    let sink = named(pipeline, "out")?
        .downcast::<AppSink>()
        .map_err(|_| Error::pipeline(WHAT, "no appsink"))?;
    let encoded = Arc::new(AtomicU32::new(0));
    let counting = Arc::clone(&encoded);
    let pad = named(pipeline, "encoded")?.static_pad("src");
    pad.ok_or_else(|| Error::pipeline(WHAT, "no pad"))?.add_probe(
        gst::PadProbeType::BUFFER,
        move |_, _| {
            counting.fetch_add(1, Ordering::Relaxed);
            gst::PadProbeReturn::Ok
        },
    );
    let bus = pipeline.bus().ok_or_else(|| Error::pipeline(WHAT, "no bus"))?;
    pipeline.set_state(gst::State::Playing).map_err(|e| Error::pipeline(WHAT, e))?;
    let begun = Instant::now();
    let mut bytes = 0_usize;
    while !sink.is_eos() {
        if let Some(sample) = sink.try_pull_sample(gst::ClockTime::from_mseconds(100)) {
            bytes = bytes.saturating_add(sample.buffer().map_or(0, gst::BufferRef::size));
        }
        if let Some(message) = bus.pop_filtered(&[gst::MessageType::Error])
            && let gst::MessageView::Error(e) = message.view()
        {
            return Err(Error::pipeline(WHAT, e.error().message()));
        }
        if begun.elapsed() > TRIAL {
            return Err(Error::pipeline(WHAT, "does not come to an end"));
        }
    }
    // Headers alone are some hundred bytes; a second of any codec is more.
    let came = encoded.load(Ordering::Relaxed);
    if bytes < 1024 || came < pictures {
        return Err(Error::pipeline(WHAT, format!("gave {came} of {pictures} pictures")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Encoders that break after some pictures, swallow them, or never come to an end, as drivers of boards do.
    #[test]
    fn an_encoder_that_fails_within_its_second_is_passed_over() {
        gst::init().unwrap();
        let video = VideoConfig { width: 320, height: 240, fps: 10, ..VideoConfig::default() };
        let faulty = |encoder: Encoder, video: &VideoConfig| match encoder {
            Encoder::V4l2h264enc => "identity error-after=7 ! jpegenc".to_owned(),
            Encoder::Vah264enc => "identity drop-probability=0.5 ! jpegenc".to_owned(),
            Encoder::Mpph264enc => "no_such_element".to_owned(),
            other => description(other, video),
        };
        let list =
            [Encoder::V4l2h264enc, Encoder::Vah264enc, Encoder::Mpph264enc, Encoder::Jpegenc];
        let chosen = choose_among(&list, Vec::new(), &video, &faulty).unwrap();
        assert_eq!(chosen, Encoder::Jpegenc);
        let error = choose_among(&list[..3], Vec::new(), &video, &faulty).unwrap_err().to_string();
        for name in ["v4l2h264enc", "vah264enc", "mpph264enc"] {
            assert!(error.contains(name), "{error}");
        }
        assert!(error.contains("of 10 pictures"), "what was swallowed is counted: {error}");
    }
}
