//! An encoder that passed its trial and breaks when it is needed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::super::encoder;
use super::*;

/// As the boards do: the trial is fine, the real start is not. `real` stands in the pipeline from the second time on.
fn breaking(real: &'static str) -> (Devices, Arc<AtomicU32>) {
    let mut config = small();
    config.video.encoders = vec![Encoder::V4l2h264enc, Encoder::Jpegenc];
    let asked = Arc::new(AtomicU32::new(0));
    let counting = Arc::clone(&asked);
    let describe = move |encoder: Encoder, video: &VideoConfig| match encoder {
        Encoder::V4l2h264enc if counting.fetch_add(1, Ordering::Relaxed) == 0 => {
            "jpegenc quality=50".to_owned()
        }
        Encoder::V4l2h264enc => real.to_owned(),
        other => encoder::description(other, video),
    };
    (Devices::open_with(&config, Box::new(describe)).unwrap(), asked)
}

/// It breaks after some pictures, cannot be made at all, or swallows everything: the next one records, in a file
/// that begins once, and is the one that is named; the broken one is not tried again.
#[test]
fn an_encoder_that_breaks_at_the_real_start_gives_way_to_the_next() {
    const TEST: &str = "an_encoder_that_breaks_at_the_real_start_gives_way_to_the_next";
    for real in [
        "identity error-after=5 ! jpegenc",
        "no_such_element",
        "identity drop-probability=1.0 ! jpegenc",
    ] {
        let (devices, asked) = breaking(real);
        assert_eq!(devices.encoder_name().unwrap(), "v4l2h264enc", "the trial is passed");
        let (on_fragment, told) = collector();
        let capture = devices.start_video(on_fragment).unwrap();
        assert_eq!(devices.encoder_name().unwrap(), "jpegenc", "{real}");
        let fragments = record(capture, &told, 2000);
        let media = joined(&fragments);
        let begins = media.windows(4).filter(|w| *w == [0x1a, 0x45, 0xdf, 0xa3]).count();
        assert_eq!(begins, 1, "one head of one file");
        let tried = asked.load(Ordering::Relaxed);
        let (on_fragment, told) = collector();
        record(devices.start_video(on_fragment).unwrap(), &told, 500);
        assert_eq!(asked.load(Ordering::Relaxed), tried, "{real} was tried again");
        let Some(pictures) = decode_pictures(TEST, &media) else { continue };
        assert!(pictures >= 18, "{real}: {pictures} pictures");
        let sound = decode_sound(TEST, &media).unwrap().len() as u64 / 48;
        assert!(sound.abs_diff(fragments.last().unwrap().media_ms) < 400, "{sound} ms of sound");
    }
}

/// When none is left, that is said with each cause; sound alone needs no encoder of pictures and never waits for one.
#[test]
fn when_no_encoder_is_left_it_is_said_and_sound_still_begins_within_a_second() {
    let mut config = small();
    config.video.encoders = vec![Encoder::V4l2h264enc];
    let asked = AtomicU32::new(0);
    let describe = move |_: Encoder, _: &VideoConfig| match asked.fetch_add(1, Ordering::Relaxed) {
        0 => "jpegenc".to_owned(),
        _ => "identity error-after=5 ! jpegenc".to_owned(),
    };
    let devices = Devices::open_with(&config, Box::new(describe)).unwrap();
    let (on_fragment, told) = collector();
    let error = devices.start_video(on_fragment).err().unwrap();
    assert!(
        matches!(&error, Error::NoEncoder(causes) if causes.contains("v4l2h264enc")),
        "{error}"
    );
    assert!(told.try_recv().is_err(), "nothing of it was handed on");
    let (on_fragment, told) = collector();
    let pressed = Instant::now();
    let capture = devices.start_audio(on_fragment).unwrap();
    let first = told.recv_timeout(PATIENCE).unwrap();
    assert!(first.media_ms < 1_000, "the first sound holds {} ms", first.media_ms);
    eprintln!("first sound after {:?}", pressed.elapsed());
    drop(capture);
}
