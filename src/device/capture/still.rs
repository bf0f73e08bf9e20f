//! One picture into one JPEG: photos of cameras that give raw pictures, and the small viewfinder picture.
//!
//! A small pipeline is kept per purpose and fed one picture at a time, so that nothing is encoded while
//! nobody looks.

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::{AppSink, AppSrc};
use zeroize::Zeroizing;

use super::source::{build, named};
use crate::Error;

const WHAT: &str = "still picture";

/// The camera's own bytes if the sample is a JPEG picture.
pub(super) fn own_jpeg(sample: &gst::Sample) -> Option<Zeroizing<Vec<u8>>> {
    is_jpeg(sample).then(|| bytes_of(sample)).flatten()
}

fn is_jpeg(sample: &gst::Sample) -> bool {
    sample.caps().and_then(|c| c.structure(0)).is_some_and(|s| s.name() == "image/jpeg")
}

fn bytes_of(sample: &gst::Sample) -> Option<Zeroizing<Vec<u8>>> {
    let map = sample.buffer()?.map_readable().ok()?;
    Some(Zeroizing::new(map.as_slice().to_vec()))
}

pub(super) struct Still {
    pipeline: gst::Pipeline,
    src: AppSrc,
    sink: AppSink,
    from_jpeg: bool,
}

/// Uses the kept converter, or makes one if the kind of input changed or it broke.
pub(super) fn convert(
    kept: &mut Option<Still>,
    sample: &gst::Sample,
    width: Option<u32>,
    quality: u8,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let from_jpeg = is_jpeg(sample);
    let still = match kept.take() {
        Some(still) if still.from_jpeg == from_jpeg => still,
        _ => Still::new(from_jpeg, width, quality)?,
    };
    let jpeg = still.convert(sample)?;
    *kept = Some(still);
    Ok(jpeg)
}

impl Still {
    /// `width`: scale down to it, height by proportion; else keep the size.
    fn new(from_jpeg: bool, width: Option<u32>, quality: u8) -> Result<Self, Error> {
        let decode = if from_jpeg { "jpegdec !" } else { "" };
        let scale = width.map_or_else(String::new, |w| {
            format!("videoscale ! video/x-raw,width={w},pixel-aspect-ratio=1/1 !")
        });
        let pipeline = build(
            WHAT,
            &format!(
                "appsrc name=in format=time ! {decode} videoconvert ! {scale} \
                 jpegenc quality={quality} ! \
                 appsink name=out sync=false max-buffers=1 enable-last-sample=false"
            ),
        )?;
        let src = named(&pipeline, "in")?
            .downcast::<AppSrc>()
            .map_err(|_| Error::pipeline(WHAT, "no appsrc"))?;
        let sink = named(&pipeline, "out")?
            .downcast::<AppSink>()
            .map_err(|_| Error::pipeline(WHAT, "no appsink"))?;
        let still = Self { pipeline, src, sink, from_jpeg };
        still.pipeline.set_state(gst::State::Playing).map_err(|e| Error::pipeline(WHAT, e))?;
        Ok(still)
    }

    fn convert(&self, sample: &gst::Sample) -> Result<Zeroizing<Vec<u8>>, Error> {
        self.src.push_sample(sample).map_err(|e| Error::pipeline(WHAT, e))?;
        let jpeg = self
            .sink
            .try_pull_sample(gst::ClockTime::from_seconds(3))
            .ok_or_else(|| Error::pipeline(WHAT, "gave nothing in time"))?;
        bytes_of(&jpeg).ok_or_else(|| Error::pipeline(WHAT, "gave an empty picture"))
    }
}

impl Drop for Still {
    fn drop(&mut self) {
        if let Err(e) = self.pipeline.set_state(gst::State::Null) {
            tracing::debug!(error = %e, "A still pipeline could not be stopped.");
        }
    }
}
