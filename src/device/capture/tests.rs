//! Recordings from the stand-ins, decoded by programs nobody here wrote (ffmpeg, ffprobe).

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use super::hub::Hub;
use super::source::{Source, build};
use super::*;
use crate::Error;
use crate::config::{CameraConfig, DeviceConfig, Encoder, MicrophoneConfig, VideoConfig};
use crate::config::{CameraKind, MicrophoneKind};

const PATIENCE: Duration = Duration::from_secs(20);

fn small() -> DeviceConfig {
    let stand_ins = DeviceConfig::stand_ins();
    DeviceConfig {
        camera: CameraConfig {
            width: Some(320),
            height: Some(240),
            fps: Some(10),
            ..stand_ins.camera.clone()
        },
        video: VideoConfig { width: 320, height: 240, fps: 10, ..VideoConfig::default() },
        ..stand_ins
    }
}

fn collector() -> (OnFragment, Receiver<Fragment>) {
    let (tell, told) = mpsc::channel();
    let on_fragment = Box::new(move |fragment| {
        drop(tell.send(fragment));
        ControlFlow::Continue(())
    });
    (on_fragment, told)
}

/// Everything up to `media_ms`, then the rest by stopping.
fn record(capture: Capture, told: &Receiver<Fragment>, media_ms: u64) -> Vec<Fragment> {
    let mut fragments = Vec::new();
    while fragments.last().is_none_or(|f: &Fragment| f.media_ms < media_ms) {
        fragments.push(told.recv_timeout(PATIENCE).expect("a fragment"));
    }
    let last = capture.stop();
    fragments.extend(told.try_iter());
    fragments.extend(last);
    fragments
}

fn joined(fragments: &[Fragment]) -> Vec<u8> {
    fragments.iter().flat_map(|f| f.bytes.to_vec()).collect()
}

/// Runs a program with `input` on its standard input; standard output, or `None` if it is not installed.
/// Anything on standard error fails the test: decoders complain there.
fn peer(test: &str, program: &str, args: &[&str], input: &[u8]) -> Option<Vec<u8>> {
    let child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        eprintln!("SKIPPED {test}: {program} is not installed");
        return None;
    };
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let feeding = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let out = child.wait_with_output().unwrap();
    feeding.join().unwrap();
    let errors = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success() && errors.is_empty(), "{test}: {program}: {errors}");
    Some(out.stdout)
}

fn decode_sound(test: &str, media: &[u8]) -> Option<Vec<i16>> {
    let args = [
        "-v",
        "error",
        "-i",
        "pipe:0",
        "-map",
        "0:a",
        "-f",
        "s16le",
        "-c:a",
        "pcm_s16le",
        "pipe:1",
    ];
    let pcm = peer(test, "ffmpeg", &args, media)?;
    Some(pcm.chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect())
}

/// Number of pictures that decode.
fn decode_pictures(test: &str, media: &[u8]) -> Option<usize> {
    let args = ["-v", "error", "-i", "pipe:0", "-map", "0:v", "-f", "framemd5", "pipe:1"];
    let list = peer(test, "ffmpeg", &args, media)?;
    Some(String::from_utf8(list).unwrap().lines().filter(|l| !l.starts_with('#')).count())
}

fn streams(test: &str, media: &[u8]) -> Option<String> {
    let entries = "stream=codec_name,width,height,channels,sample_rate";
    let args = ["-v", "error", "-show_entries", entries, "-of", "csv=p=0", "-i", "pipe:0"];
    Some(String::from_utf8(peer(test, "ffprobe", &args, media)?).unwrap())
}

#[test]
fn sound_decodes_to_the_last_sample_after_every_fragment() {
    const TEST: &str = "sound_decodes_to_the_last_sample_after_every_fragment";
    let devices = Devices::open(&small()).unwrap();
    let (on_fragment, told) = collector();
    let pressed = Instant::now();
    let capture = devices.start_audio(on_fragment).unwrap();
    let first = told.recv_timeout(PATIENCE).unwrap();
    let latency = pressed.elapsed();
    eprintln!("first sound after {latency:?}, {} ms in it", first.media_ms);
    let mut fragments = vec![first];
    fragments.extend(record(capture, &told, 3000));

    for pair in fragments.windows(2) {
        let length = pair[1].media_ms - pair[0].media_ms;
        assert!(length <= 2000, "a fragment of {length} ms");
    }
    let whole_ones = &fragments[1..fragments.len() - 1];
    assert!(whole_ones.iter().zip(&fragments).all(|(b, a)| b.media_ms - a.media_ms >= 950));
    // A sine of amplitude 0.3 has an RMS of −13.5 dB.
    assert!(fragments.iter().all(|f| (75..=80).contains(&f.level)), "{fragments:?}");

    for count in 1..=fragments.len() {
        let media = joined(&fragments[..count]);
        let Some(samples) = decode_sound(TEST, &media) else { return };
        let ms = samples.len() / 48;
        assert_eq!(ms as u64, fragments[count - 1].media_ms, "after fragment {count}");
    }
    let media = joined(&fragments);
    assert_eq!(streams(TEST, &media).unwrap().trim(), "opus,48000,1");
    let seconds = media.len() as u64 * 8 * 1000 / fragments.last().unwrap().media_ms;
    assert!((30_000..36_000).contains(&seconds), "{seconds} bit/s");

    // It is the tone of the stand-in: 440 Hz crosses zero 880 times a second.
    let samples = decode_sound(TEST, &media).unwrap();
    let second = &samples[48_000..96_000];
    let crossings = second.windows(2).filter(|w| (w[0] < 0) != (w[1] < 0)).count();
    assert!((870..=890).contains(&crossings), "{crossings} zero crossings");
}

#[test]
fn video_with_sound_decodes_after_every_fragment() {
    const TEST: &str = "video_with_sound_decodes_after_every_fragment";
    let devices = Devices::open(&small()).unwrap();
    devices.warm_up();
    let (on_fragment, told) = collector();
    let pressed = Instant::now();
    let capture = devices.start_video(on_fragment).unwrap();
    let first = told.recv_timeout(PATIENCE).unwrap();
    eprintln!("first picture stored after {:?}, {} ms in it", pressed.elapsed(), first.media_ms);
    let mut fragments = vec![first];
    fragments.extend(record(capture, &told, 3000));
    let last_ms = fragments.last().unwrap().media_ms;
    for count in 1..=fragments.len() {
        let media = joined(&fragments[..count]);
        let Some(pictures) = decode_pictures(TEST, &media) else { return };
        assert!(pictures > 0, "after fragment {count}");
        let sound = decode_sound(TEST, &media).unwrap().len() as u64 / 48;
        let told = fragments[count - 1].media_ms;
        assert!(told.abs_diff(sound) < 400, "sound of {sound} ms in {told} ms");
    }
    for fragment in &fragments[2..fragments.len() - 1] {
        assert!(fragment.bytes.starts_with(&[0x1f, 0x43, 0xb6, 0x75]), "begins with a cluster");
    }
    let media = joined(&fragments);
    let pictures = decode_pictures(TEST, &media).unwrap() as u64;
    assert!(pictures.abs_diff(last_ms / 100) <= 3, "{pictures} pictures in {last_ms} ms");
    let streams = streams(TEST, &media).unwrap();
    assert!(streams.contains("320,240") && streams.contains("opus,48000,1"), "{streams}");
}

#[test]
fn the_last_encoder_of_the_list_is_reached_when_the_others_fail() {
    const TEST: &str = "the_last_encoder_of_the_list_is_reached_when_the_others_fail";
    let mut config = small();
    // No machine has both of these boards' encoders.
    config.video.encoders = vec![Encoder::Mpph264enc, Encoder::V4l2h264enc, Encoder::Jpegenc];
    config.video.sound = false;
    let devices = Devices::open(&config).unwrap();
    assert_eq!(devices.report().encoder.as_deref(), Some("jpegenc"));
    let (on_fragment, told) = collector();
    let fragments = record(devices.start_video(on_fragment).unwrap(), &told, 900);
    let Some(streams) = streams(TEST, &joined(&fragments)) else { return };
    assert_eq!(streams.trim(), "mjpeg,320,240");

    config.video.encoders = vec![Encoder::Mpph264enc, Encoder::V4l2h264enc];
    let devices = Devices::open(&config).unwrap();
    let (on_fragment, _told) = collector();
    let error = devices.start_video(on_fragment).err().unwrap();
    assert!(matches!(error, Error::NoEncoder(_)), "{error}");
}

#[test]
fn photo_and_viewfinder_are_jpegs_while_sound_and_video_run() {
    const TEST: &str = "photo_and_viewfinder_are_jpegs_while_sound_and_video_run";
    let devices = Devices::open(&small()).unwrap();
    let (on_sound, sound) = collector();
    let (on_video, video) = collector();
    let audio_capture = devices.start_audio(on_sound).unwrap();
    let video_capture = devices.start_video(on_video).unwrap();
    let photo = devices.photo().unwrap();
    assert!(photo.starts_with(&[0xff, 0xd8, 0xff]) && photo.ends_with(&[0xff, 0xd9]));
    let small_picture = devices.viewfinder().unwrap().unwrap();
    assert_ne!(photo.to_vec(), devices.photo().unwrap().to_vec(), "two photos are two pictures");
    let heard = record(audio_capture, &sound, 1000);
    let seen = record(video_capture, &video, 1000);
    assert!(heard.len() > 1 && seen.len() > 1);
    let Some(told) = streams(TEST, &photo) else { return };
    assert_eq!(told.trim(), "mjpeg,320,240");
    assert_eq!(streams(TEST, &small_picture).unwrap().trim(), "mjpeg,640,480");
    assert!(decode_pictures(TEST, &joined(&seen)).unwrap() > 5);
}

#[test]
fn a_camera_that_gives_jpeg_is_not_encoded_again_for_a_photo() {
    const TEST: &str = "a_camera_that_gives_jpeg_is_not_encoded_again_for_a_photo";
    let devices = Devices::open(&small()).unwrap();
    let pipeline = build(
        "test camera",
        "videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=10/1 ! jpegenc ! \
         appsink name=out sync=false",
    )
    .unwrap();
    let source = Source { pipeline, name: "jpegcamera", formats: Vec::new(), pace: 1 };
    let camera = std::sync::Arc::new(Hub::open(source).unwrap());
    let sample = camera.next_sample(2, PATIENCE).unwrap();
    let own = still::own_jpeg(&sample).unwrap();
    let raw = sample.buffer().unwrap().map_readable().unwrap();
    assert_eq!(own.as_slice(), raw.as_slice());

    // And its pictures are decoded for a video.
    let config = small();
    let (on_fragment, told) = collector();
    let formats = (&config.audio, &config.video);
    let encode = encoder::description(Encoder::Jpegenc, &config.video);
    let capture = Capture::video(camera, None, formats, &encode, on_fragment).unwrap();
    let fragments = record(capture, &told, 1000);
    drop(devices);
    let Some(pictures) = decode_pictures(TEST, &joined(&fragments)) else { return };
    assert!(pictures > 5, "{pictures} pictures");
}

#[test]
fn r11_sound_is_not_dropped_while_storage_is_slow() {
    const TEST: &str = "r11_sound_is_not_dropped_while_storage_is_slow";
    let devices = Devices::open(&small()).unwrap();
    let (tell, told) = mpsc::channel();
    let (open_gate, gate) = mpsc::channel::<()>();
    let slow: OnFragment = Box::new(move |fragment| {
        drop(tell.send(fragment));
        // Stands until the gate is opened once, then never again.
        let _opened = gate.recv();
        ControlFlow::Continue(())
    });
    let capture = devices.start_audio(slow).unwrap();
    let mut fragments = vec![told.recv_timeout(PATIENCE).unwrap()];
    // Meanwhile another recording measures three seconds.
    let (on_fragment, other) = collector();
    record(devices.start_audio(on_fragment).unwrap(), &other, 3000);
    assert!(told.try_recv().is_err(), "the slow one stood still");
    drop(open_gate);
    fragments.extend(record(capture, &told, 3000));
    let Some(samples) = decode_sound(TEST, &joined(&fragments)) else { return };
    assert_eq!(samples.len() as u64 / 48, fragments.last().unwrap().media_ms);
    // No gap: the tone goes on over the time of the stand-still.
    let silent = samples.chunks(480).skip(10).filter(|c| c.iter().all(|s| s.abs() < 1000)).count();
    assert!(silent <= 2, "{silent} silent hundredths of a second");
}

/// The self-check hears a microphone without recording anything: the stand-in plays 440 Hz at 0.3 of full scale,
/// which is −13.5 dB.
#[test]
fn a_microphone_is_heard_without_a_recording() {
    let devices = Devices::open(&small()).unwrap();
    let level = devices.loudest(Duration::from_millis(300)).unwrap();
    assert!((70..=85).contains(&level), "{level}");
}

/// 30 s ahead of the press while a visit is open (evidence.md §1): what was said before it is in the file.
#[test]
fn a_sound_recording_begins_with_the_seconds_before_the_press() {
    let devices = Devices::open(&small()).unwrap();
    let begun = Instant::now();
    while devices.listen_ahead(true).unwrap() < 1_500 {
        assert!(begun.elapsed() < PATIENCE, "nothing is kept");
        std::thread::sleep(Duration::from_millis(50));
    }
    let (on_fragment, told) = collector();
    let pressed = Instant::now();
    let capture = devices.start_audio(on_fragment).unwrap();
    let first = told.recv_timeout(PATIENCE).unwrap();
    let mut fragments = vec![first];
    while fragments.last().is_none_or(|f| f.media_ms < 2_000) {
        fragments.push(told.recv_timeout(PATIENCE).unwrap());
    }
    fragments.extend(capture.stop());
    let whole = fragments.last().unwrap().media_ms;
    let since = u64::try_from(pressed.elapsed().as_millis()).unwrap();
    assert!(whole >= 2_000 && whole + 100 >= since.min(500) + 1_500, "{whole} ms");
    if let Some(samples) = decode_sound("ahead", &joined(&fragments)) {
        assert!(samples.len() as u64 / 48 >= whole.saturating_sub(20), "{} samples", samples.len());
    }
    // Off: wiped, and the next one begins at its press.
    assert_eq!(devices.listen_ahead(false).unwrap(), 0);
    let (on_fragment, told) = collector();
    let capture = devices.start_audio(on_fragment).unwrap();
    let first = told.recv_timeout(PATIENCE).unwrap();
    assert!(first.media_ms < 1_000, "{} ms", first.media_ms);
    drop(capture);
}

#[test]
fn a_file_stands_in_for_the_microphone_until_its_end() {
    const TEST: &str = "a_file_stands_in_for_the_microphone_until_its_end";
    let devices = Devices::open(&small()).unwrap();
    let (on_fragment, told) = collector();
    let original = record(devices.start_audio(on_fragment).unwrap(), &told, 1000);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("声音.ogg");
    std::fs::write(&path, joined(&original)).unwrap();
    let config = DeviceConfig {
        microphone: MicrophoneConfig {
            kind: MicrophoneKind::File,
            path: Some(path),
            ..MicrophoneConfig::default()
        },
        ..small()
    };
    let devices = Devices::open(&config).unwrap();
    let (on_fragment, told) = collector();
    let capture = devices.start_audio(on_fragment).unwrap();
    let mut fragments = Vec::new();
    while let Ok(fragment) = told.recv_timeout(Duration::from_millis(1500)) {
        fragments.push(fragment);
    }
    assert!(capture.ended().is_some(), "the end of the file is told");
    fragments.extend(capture.stop());
    let Some(samples) = decode_sound(TEST, &joined(&fragments)) else { return };
    let (was, is) = (original.last().unwrap().media_ms, samples.len() as u64 / 48);
    assert!(was.abs_diff(is) < 300, "{is} ms of {was} ms");
}

#[test]
fn a_video_file_stands_in_for_the_camera() {
    const TEST: &str = "a_video_file_stands_in_for_the_camera";
    let devices = Devices::open(&small()).unwrap();
    devices.warm_up();
    let (on_fragment, told) = collector();
    let original = record(devices.start_video(on_fragment).unwrap(), &told, 2000);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("影像.mkv");
    std::fs::write(&path, joined(&original)).unwrap();
    let camera =
        CameraConfig { kind: CameraKind::File, path: Some(path), ..CameraConfig::default() };
    let devices = Devices::open(&DeviceConfig { camera, ..small() }).unwrap();
    let photo = devices.photo().unwrap();
    let Some(told) = streams(TEST, &photo) else { return };
    assert_eq!(told.trim(), "mjpeg,320,240");
}

/// The sound of a video comes from a file that ends early: pictures go on, and it is told.
#[test]
fn r09_a_device_that_is_lost_during_a_video_is_told_and_the_rest_goes_on() {
    const TEST: &str = "r09_a_device_that_is_lost_during_a_video_is_told_and_the_rest_goes_on";
    let devices = Devices::open(&small()).unwrap();
    let (on_fragment, told) = collector();
    let short = record(devices.start_audio(on_fragment).unwrap(), &told, 200);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("short.ogg");
    std::fs::write(&path, joined(&short)).unwrap();
    let config = DeviceConfig {
        microphone: MicrophoneConfig {
            kind: MicrophoneKind::File,
            path: Some(path),
            ..MicrophoneConfig::default()
        },
        ..small()
    };
    let devices = Devices::open(&config).unwrap();
    devices.warm_up();
    let (on_fragment, told) = collector();
    let capture = devices.start_video(on_fragment).unwrap();
    let mut fragments = Vec::new();
    while fragments.last().is_none_or(|f: &Fragment| f.media_ms < 2000) {
        fragments.push(told.recv_timeout(PATIENCE).expect("a fragment"));
    }
    assert_eq!(capture.ended(), None);
    let cause = capture.impaired().unwrap();
    assert!(cause.contains("filesrc"), "{cause}");
    fragments.extend(capture.stop());
    let Some(pictures) = decode_pictures(TEST, &joined(&fragments)) else { return };
    assert!(pictures > 15, "{pictures} pictures");
}

#[test]
fn a_receiver_that_refuses_ends_the_recording() {
    let devices = Devices::open(&small()).unwrap();
    let (tell, told) = mpsc::channel();
    let refusing: OnFragment = Box::new(move |fragment: Fragment| {
        let _told = tell.send(fragment.media_ms);
        ControlFlow::Break(())
    });
    let capture = devices.start_audio(refusing).unwrap();
    told.recv_timeout(PATIENCE).unwrap();
    assert!(capture.stop().is_none());
    assert!(told.try_recv().is_err(), "nothing after the refusal");
}

#[test]
fn missing_devices_are_told_not_replaced_by_silence() {
    let config = DeviceConfig {
        camera: CameraConfig {
            kind: CameraKind::V4l2,
            device: Some("/dev/video-that-is-not-there".to_owned()),
            ..CameraConfig::default()
        },
        microphone: MicrophoneConfig {
            kind: MicrophoneKind::Alsa,
            device: Some("hw:77,7".to_owned()),
            ..MicrophoneConfig::default()
        },
        ..small()
    };
    let devices = Devices::open(&config).unwrap();
    let (on_fragment, _told) = collector();
    let error = devices.start_audio(on_fragment).err().unwrap();
    assert!(matches!(error, Error::NoMicrophone(_)), "{error}");
    let error = devices.photo().unwrap_err();
    assert!(matches!(error, Error::NoCamera(_)), "{error}");
    let report = devices.report();
    assert_eq!((report.camera, report.microphone), (None, None));
    assert_eq!(report.faults.len(), 2, "{:?}", report.faults);
    // A video whose sound would be missing does not start either.
    let with_camera = DeviceConfig { camera: small().camera, ..config };
    let devices = Devices::open(&with_camera).unwrap();
    let (on_fragment, _told) = collector();
    let error = devices.start_video(on_fragment).err().unwrap();
    assert!(matches!(error, Error::NoMicrophone(_)), "{error}");
}

mod blank;
mod busy;
mod overrun;
mod starts;
