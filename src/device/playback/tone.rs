//! A short tone through the loudspeaker, for the self-check.

use gstreamer as gst;
use gstreamer::prelude::*;

use super::run::speaker_sink;
use crate::Error;
use crate::capture::build;
use crate::config::{SpeakerConfig, SpeakerKind};

const WHAT: &str = "tone";
/// A loudspeaker that has not played the tone after so long does not play.
const PATIENCE: gst::ClockTime = gst::ClockTime::from_seconds(4);

/// Plays 0.6 s of a quiet 880 Hz; returns when it was played. False: no loudspeaker was found.
///
/// # Errors
/// [`Error::GStreamer`], [`Error::Pipeline`] for a loudspeaker that does not play.
pub fn play_tone(speaker: &SpeakerConfig) -> Result<bool, Error> {
    gst::init().map_err(|e| Error::GStreamer(e.to_string()))?;
    let sink = speaker_sink(speaker);
    let pipeline = build(
        WHAT,
        &format!(
            "audiotestsrc wave=sine freq=880 volume=0.2 samplesperbuffer=4410 num-buffers=6 ! \
             audio/x-raw,rate=44100 ! audioconvert ! audioresample ! {sink}"
        ),
    )?;
    if let (Some(device), Some(element)) = (&speaker.device, pipeline.by_name("speaker")) {
        let property =
            if speaker.kind == SpeakerKind::Pipewire { "target-object" } else { "device" };
        element.set_property(property, device.as_str());
    }
    let told = play(&pipeline);
    if let Err(e) = pipeline.set_state(gst::State::Null) {
        tracing::warn!(error = %e, "The loudspeaker could not be closed.");
    }
    told
}

fn play(pipeline: &gst::Pipeline) -> Result<bool, Error> {
    let bus = pipeline.bus().ok_or_else(|| Error::pipeline(WHAT, "no bus"))?;
    if pipeline.set_state(gst::State::Playing).is_err() {
        return Ok(false);
    }
    let wanted = [gst::MessageType::Eos, gst::MessageType::Error, gst::MessageType::Warning];
    loop {
        let Some(message) = bus.timed_pop_filtered(PATIENCE, &wanted) else {
            return Err(Error::pipeline(WHAT, "nothing was played"));
        };
        match message.view() {
            gst::MessageView::Eos(_) => return Ok(true),
            // What chooses a loudspeaker by itself falls back to silence with a warning where there is none.
            gst::MessageView::Warning(_) => return Ok(false),
            gst::MessageView::Error(e) => {
                let error = e.error();
                let none = error.matches(gst::ResourceError::NotFound)
                    || error.matches(gst::ResourceError::OpenWrite)
                    || error.matches(gst::ResourceError::OpenReadWrite);
                if none {
                    return Ok(false);
                }
                return Err(Error::pipeline(WHAT, error.message()));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The stand-in takes the whole tone at its own pace.
    #[test]
    fn a_tone_is_played_to_its_end() {
        let begun = std::time::Instant::now();
        let speaker = SpeakerConfig { kind: SpeakerKind::Test, device: None };
        assert!(play_tone(&speaker).unwrap());
        assert!(begun.elapsed() >= std::time::Duration::from_millis(400), "{:?}", begun.elapsed());
    }
}
