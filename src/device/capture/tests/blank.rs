//! Hold-to-blank: what ffmpeg sees and hears of a video whose picture was blanked for a while.

use super::*;

const FRAME: usize = 320 * 240;

/// Mean brightness of each picture, 0 black to 255 white.
fn brightness(test: &str, media: &[u8]) -> Option<Vec<u64>> {
    let args = ["-v", "error", "-i", "pipe:0", "-map", "0:v", "-fps_mode", "passthrough", "-f"];
    let args = [&args[..], &["rawvideo", "-pix_fmt", "gray", "pipe:1"]].concat();
    let grey = peer(test, "ffmpeg", &args, media)?;
    let mean = |f: &[u8]| f.iter().map(|b| u64::from(*b)).sum::<u64>() / FRAME as u64;
    Some(grey.chunks_exact(FRAME).map(mean).collect())
}

fn story(test: &str, encoders: Vec<Encoder>) {
    let mut config = small();
    config.video.encoders = encoders;
    let devices = Devices::open(&config).unwrap();
    devices.warm_up();
    let (on_fragment, told) = collector();
    let capture = devices.start_video(on_fragment).unwrap();
    let mut fragments: Vec<Fragment> = Vec::new();
    let mut until = |media_ms: u64| {
        while fragments.last().is_none_or(|f: &Fragment| f.media_ms < media_ms) {
            fragments.push(told.recv_timeout(PATIENCE).expect("a fragment"));
        }
    };
    until(1_000);
    assert_eq!(capture.covered_from(), None);
    let from_ms = capture.cover(true).unwrap();
    assert_eq!(capture.covered_from(), Some(from_ms));
    until(from_ms + 1_500);
    let to_ms = capture.cover(false).unwrap();
    assert_eq!(capture.covered_from(), None);
    until(to_ms + 1_500);
    fragments.extend(capture.stop());
    fragments.extend(told.try_iter());
    let whole_ms = fragments.last().unwrap().media_ms;
    let media = joined(&fragments);
    let Some(seen) = brightness(test, &media) else { return };

    // One picture each 100 ms. Black from the press to the release, and one picture more at either end.
    let blank: Vec<usize> = (0..seen.len()).filter(|n| seen[*n] < 24).collect();
    let (first, last) = (blank[0] as u64, *blank.last().unwrap() as u64);
    assert_eq!(blank.len() as u64, last - first + 1, "one stretch: {seen:?}");
    assert!(first * 100 <= from_ms + 100, "shown after {from_ms} ms: {seen:?}");
    assert!(last * 100 + 100 >= to_ms, "shown before {to_ms} ms: {seen:?}");
    assert!(
        first * 100 + 900 >= from_ms && last * 100 <= to_ms + 900,
        "{from_ms} {to_ms} {seen:?}"
    );
    assert!(seen[0] > 50 && *seen.last().unwrap() > 50, "shown before and after: {seen:?}");

    // The sound does not notice: complete to the last sample, and the tone has no hole.
    let samples = decode_sound(test, &media).unwrap();
    assert!(whole_ms.abs_diff(samples.len() as u64 / 48) < 400, "{whole_ms} ms");
    let silent = samples.chunks(480).skip(10).filter(|c| c.iter().all(|s| s.abs() < 1_000)).count();
    assert!(silent <= 2, "{silent} silent hundredths of a second");
}

/// inspection.md: hold-to-blank in the viewfinder, journaled, sound goes on.
#[test]
fn a_picture_that_is_blanked_is_black_in_the_file_and_the_sound_is_whole() {
    let test = "a_picture_that_is_blanked_is_black_in_the_file_and_the_sound_is_whole";
    story(test, VideoConfig::default().encoders);
}

/// The same where only motion JPEG works.
#[test]
fn motion_jpeg_is_blanked_too() {
    story("motion_jpeg_is_blanked_too", vec![Encoder::Jpegenc]);
}

#[test]
fn sound_has_nothing_to_blank() {
    let devices = Devices::open(&small()).unwrap();
    let (on_fragment, _told) = collector();
    let capture = devices.start_audio(on_fragment).unwrap();
    assert_eq!(capture.cover(true), None);
}
