//! Playing what the recorder writes: places are found without cues, damage is told and passed, sound stops at once.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::AppSink;
use rstest::rstest;
use spotcheck_app::ports::{Part, Playback, Player, RecordingBytes};
use spotcheck_domain::{Trouble, TroubleResult};
use zeroize::Zeroizing;

use super::Playing;
use super::reel::{Reel, Step};
use crate::capture::{build, named};
use crate::config::{SpeakerConfig, SpeakerKind};

/// Bytes of a part, and what it holds while it opens.
type Stored = (u64, Option<Vec<u8>>);
/// Pairs of numbers: track and time, or from and to.
type Pairs = Vec<(u64, u64)>;

/// A recording in memory, in parts; a part without bytes does not open.
#[derive(Clone, Default)]
struct Tape {
    parts: Arc<Mutex<Vec<Stored>>>,
}

impl Tape {
    fn of(parts: &[Vec<u8>]) -> Self {
        let tape = Self::default();
        parts.iter().for_each(|part| tape.store(part));
        tape
    }

    fn store(&self, part: &[u8]) {
        self.parts.lock().unwrap().push((part.len() as u64, Some(part.to_vec())));
    }

    fn damage(&self, n: usize) {
        self.parts.lock().unwrap()[n].1 = None;
    }

    fn boxed(&self) -> Box<dyn RecordingBytes> {
        Box::new(self.clone())
    }
}

impl RecordingBytes for Tape {
    fn parts(&mut self) -> TroubleResult<Vec<Part>> {
        let mut from = 0;
        let parts = self.parts.lock().unwrap();
        Ok(parts
            .iter()
            .map(|(size, _)| {
                let part = Part { from, size: *size };
                from += size;
                part
            })
            .collect())
    }

    fn read(&mut self, at: u64) -> TroubleResult<Option<(u64, Zeroizing<Vec<u8>>)>> {
        let parts = self.parts()?;
        let holds = |p: &Part| at >= p.from && at < p.from + p.size;
        let Some(n) = parts.iter().position(holds) else { return Ok(None) };
        match &self.parts.lock().unwrap()[n].1 {
            Some(bytes) => Ok(Some((parts[n].from, Zeroizing::new(bytes.clone())))),
            None => Err(Trouble::new("VAULT-BLOB-DAMAGED", "坏了", "其余都在", "")),
        }
    }
}

/// What a pipeline with the recorder's own muxer settings writes.
fn muxed(description: &str) -> Vec<u8> {
    gst::init().unwrap();
    let pipeline = build("test", &format!("{description} ! appsink name=out sync=false")).unwrap();
    let sink = named(&pipeline, "out").unwrap().downcast::<AppSink>().unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let mut bytes = Vec::new();
    while let Ok(sample) = sink.pull_sample() {
        bytes.extend_from_slice(sample.buffer().unwrap().map_readable().unwrap().as_slice());
    }
    pipeline.set_state(gst::State::Null).unwrap();
    bytes
}

/// Cut where `sign` begins, `each` of them in a part; what comes before the `first` one goes with it.
fn cut(bytes: &[u8], sign: &[u8], first: usize, each: usize) -> Vec<Vec<u8>> {
    let at: Vec<usize> = (0..bytes.len()).filter(|n| bytes[*n..].starts_with(sign)).collect();
    let mut starts = vec![0];
    starts.extend(at.iter().skip(first + each).step_by(each));
    starts.push(bytes.len());
    starts.windows(2).map(|two| bytes[two[0]..two[1]].to_vec()).collect()
}

/// Ogg/Opus in parts of a second.
fn sound(seconds: u32) -> Vec<Vec<u8>> {
    let buffers = seconds * 50;
    let bytes = muxed(&format!(
        "audiotestsrc num-buffers={buffers} samplesperbuffer=960 ! \
         audio/x-raw,rate=48000,channels=1 ! \
         opusenc bitrate=24000 bitrate-type=cbr audio-type=voice frame-size=20 ! \
         oggmux max-page-delay=250000000"
    ));
    cut(&bytes, b"OggS", 2, 4)
}

/// Matroska with sound in parts of about two seconds; `encoder` may be missing here.
fn video(encoder: &str, seconds: u32) -> Option<Vec<Vec<u8>>> {
    gst::init().unwrap();
    gst::ElementFactory::find(encoder.split(' ').next().unwrap())?;
    let (pictures, buffers) = (seconds * 15, seconds * 50);
    let bytes = muxed(&format!(
        "matroskamux name=mux streamable=true timecodescale=1000000 \
         min-cluster-duration=500000000 max-cluster-duration=1000000000 \
         videotestsrc num-buffers={pictures} ! \
         video/x-raw,format=I420,width=322,height=240,framerate=15/1 ! {encoder} ! mux. \
         audiotestsrc num-buffers={buffers} samplesperbuffer=960 ! \
         audio/x-raw,rate=48000,channels=1 ! opusenc frame-size=20 ! mux. mux."
    ));
    Some(cut(&bytes, &[0x1f, 0x43, 0xb6, 0x75], 0, 2))
}

/// Times of packets from here to the end, and what was damaged.
fn times(reel: &mut Reel) -> (Pairs, Pairs) {
    let (mut packets, mut damaged) = (Vec::new(), Vec::new());
    loop {
        match reel.next().unwrap() {
            Step::Packet { track, at_us, .. } => packets.push((track, at_us)),
            Step::Damaged(from, to) => damaged.push((from, to)),
            Step::End => return (packets, damaged),
        }
    }
}

#[test]
fn every_place_of_a_recording_without_cues_is_found() {
    let parts = sound(12);
    assert!(parts.len() >= 10, "{}", parts.len());
    let mut reel = Reel::open(Tape::of(&parts).boxed()).unwrap();
    let length = reel.duration_ms().unwrap();
    assert!((11_900..=12_100).contains(&length), "{length}");
    let (all, _) = times(&mut reel);
    assert!(all.windows(2).all(|two| two[1].1 > two[0].1), "in order");
    for ms in [0, 1, 19, 999, 1_000, 5_432, 11_980] {
        reel.seek(ms).unwrap();
        let (from, damaged) = times(&mut reel);
        let first = from[0].1 / 1_000;
        assert!(first <= ms && ms < first + 20 + 1, "{ms}: {first}");
        assert_eq!(from, all[all.len() - from.len()..], "{ms}: everything behind it");
        assert!(damaged.is_empty());
    }
    reel.seek(99_000).unwrap();
    assert!(times(&mut reel).0.is_empty(), "behind the end");
}

#[rstest]
#[case("jpegenc")]
#[case("openh264enc gop-size=15 ! h264parse")]
fn a_picture_is_found_by_the_one_that_needs_none_before_it(#[case] encoder: &str) {
    let Some(parts) = video(encoder, 8) else {
        eprintln!("SKIPPED a_picture_is_found_by_the_one_that_needs_none_before_it: no {encoder}");
        return;
    };
    assert!(parts.len() >= 3, "{}", parts.len());
    let mut reel = Reel::open(Tape::of(&parts).boxed()).unwrap();
    assert_eq!(reel.heading.tracks.len(), 2);
    let length = reel.duration_ms().unwrap();
    assert!((7_800..=8_100).contains(&length), "{length}");
    for ms in [0, 40, 3_333, 7_500] {
        reel.seek(ms).unwrap();
        let (from, _) = times(&mut reel);
        let first = from[0].1 / 1_000;
        assert!(first <= ms && ms <= first + 2_000, "{ms}: {first}");
        assert!(from.iter().all(|(_, at)| at / 1_000 >= first), "no sound from before");
    }
}

/// R06, R27: a part that cannot be opened costs itself only, and is said.
#[test]
fn r06_damage_is_told_and_the_rest_is_played() {
    let parts = sound(12);
    let tape = Tape::of(&parts);
    tape.damage(4);
    tape.damage(5);
    let mut reel = Reel::open(tape.boxed()).unwrap();
    let (packets, damaged) = times(&mut reel);
    let [(from, to)] = damaged[..] else { panic!("{damaged:?}") };
    assert!((3_900..=4_300).contains(&from) && (5_900..=6_400).contains(&to), "{from} {to}");
    assert!(packets.iter().all(|(_, at)| at / 1_000 < from || at / 1_000 >= to));
    assert!(packets.last().unwrap().1 > 11_900_000);
    // A place inside of it: goes on behind it.
    reel.seek(5_000).unwrap();
    let (behind, damaged) = times(&mut reel);
    assert_eq!((damaged.len(), behind[0].1 / 1_000), (1, to));
    // The very beginning is lost: sound is played without it, the last part too.
    tape.damage(0);
    tape.damage(parts.len() - 1);
    let mut reel = Reel::open(tape.boxed()).unwrap();
    reel.seek(0).unwrap();
    let (packets, damaged) = times(&mut reel);
    assert_eq!(damaged.len(), 3, "{damaged:?}");
    assert!(packets.len() > 350, "{}", packets.len());
    assert!(Reel::open(Tape::default().boxed()).is_err(), "nothing stored");
}

/// A recording that runs has more at the next look; a place in it stays what it was.
#[test]
fn a_recording_that_grows_goes_on_where_it_ended() {
    let parts = sound(6);
    let tape = Tape::of(&parts[..2]);
    let mut reel = Reel::open(tape.boxed()).unwrap();
    let (first, _) = times(&mut reel);
    let before = reel.duration_ms().unwrap();
    parts[2..].iter().for_each(|part| tape.store(part));
    let (second, _) = times(&mut reel);
    assert!(second[0].1 > first.last().unwrap().1 && reel.duration_ms().unwrap() > before + 2_000);
    let (mut whole, _) = times(&mut Reel::open(Tape::of(&parts).boxed()).unwrap());
    whole.drain(..first.len());
    assert_eq!(second, whole);
}

fn player() -> Playing {
    Playing::new(&SpeakerConfig { kind: SpeakerKind::Test, device: None })
}

/// Waits until the player stands where it is wanted; ten seconds at most.
fn until(player: &mut Playing, wanted: impl Fn(&Playback) -> bool) -> Playback {
    let begun = Instant::now();
    loop {
        let now = player.now().unwrap();
        if wanted(&now) {
            return now;
        }
        assert!(begun.elapsed() < Duration::from_secs(15), "{now:?}");
        std::thread::yield_now();
    }
}

#[test]
fn sound_plays_in_its_own_time_rests_and_goes_anywhere() {
    let mut player = player();
    assert!(player.now().is_none());
    player.open(Tape::of(&sound(8)).boxed(), 2_000, false).unwrap();
    let rest = player.now().unwrap();
    assert!(!rest.playing && rest.position_ms == 2_000 && rest.duration_ms > 7_900, "{rest:?}");
    player.play();
    let begun = Instant::now();
    let from = until(&mut player, |now| now.position_ms >= 2_300);
    let to = until(&mut player, |now| now.position_ms >= 3_000);
    assert!(to.playing && to.position_ms > from.position_ms);
    assert!(begun.elapsed() >= Duration::from_millis(600), "not faster than it was said");
    player.pause();
    let held = player.now().unwrap();
    assert!(!held.playing);
    player.seek(7_000);
    // At once; and once the sound is there, at the packet that holds the place.
    let shown = player.now().unwrap().position_ms;
    assert!(shown.abs_diff(7_000) <= 20, "shown at once: {shown}");
    player.silence(true);
    player.play();
    let end = until(&mut player, |now| now.ended);
    assert!(!end.playing && end.position_ms > 7_900 && end.trouble.is_none(), "{end:?}");
    player.play();
    until(&mut player, |now| now.playing && now.position_ms < 2_000);
    player.close();
    assert!(player.now().is_none());
}

#[test]
fn the_player_passes_what_is_damaged_and_says_so() {
    let tape = Tape::of(&sound(8));
    tape.damage(2);
    let mut player = player();
    player.open(tape.boxed(), 1_500, false).unwrap();
    player.play();
    let behind = until(&mut player, |now| now.position_ms > 3_100);
    assert_eq!(behind.damaged.len(), 1, "{behind:?}");
    assert!(behind.playing && behind.trouble.is_none());
}

#[rstest]
#[case("jpegenc")]
#[case("openh264enc gop-size=15 ! h264parse")]
#[case("vp8enc deadline=1 keyframe-max-dist=15")]
fn a_video_shows_its_picture_at_rest_and_while_it_plays(#[case] encoder: &str) {
    let Some(parts) = video(encoder, 5) else {
        eprintln!("SKIPPED a_video_shows_its_picture_at_rest_and_while_it_plays: no {encoder}");
        return;
    };
    let mut player = player();
    player.open(Tape::of(&parts).boxed(), 2_000, true).unwrap();
    let begun = Instant::now();
    let first = loop {
        if let Some(picture) = player.picture(0) {
            break picture;
        }
        let now = player.now().unwrap();
        assert!(begun.elapsed() < Duration::from_secs(15) && now.trouble.is_none(), "{now:?}");
        std::thread::yield_now();
    };
    assert_eq!((first.width, first.height), (320, 238));
    assert_eq!(first.rgb.len(), 320 * 238 * 3);
    player.play();
    until(&mut player, |now| now.position_ms > 2_600);
    let later = player.picture(first.number).unwrap();
    assert!(later.number > first.number);
    let end = until(&mut player, |now| now.ended);
    assert!(end.position_ms > 4_700 && end.trouble.is_none(), "{end:?}");
}
