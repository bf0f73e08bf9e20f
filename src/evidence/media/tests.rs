//! Reading parts, and the copy that players can seek in.

use std::path::Path;
use std::process::{Command, Stdio};

use proptest::prelude::*;

use super::remux::{Remux, Remuxed};
use super::{Heading, TrackKind};

const UNKNOWN: [u8; 8] = [1, 255, 255, 255, 255, 255, 255, 255];

fn element(id: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut bytes = id.to_vec();
    bytes.push(0x40 | (payload.len() >> 8) as u8);
    bytes.push(payload.len() as u8);
    bytes.extend(payload);
    bytes
}

fn block(track: u8, at: i16, key: bool, body: &[u8]) -> Vec<u8> {
    let mut payload = vec![0x80 | track];
    payload.extend(at.to_be_bytes());
    payload.push(if key { 0x80 } else { 0 });
    payload.extend(body);
    payload
}

fn head() -> Vec<u8> {
    let mut bytes = element(&[0x1a, 0x45, 0xdf, 0xa3], &element(&[0x42, 0x82], b"matroska"));
    bytes.extend([0x18, 0x53, 0x80, 0x67]);
    bytes.extend(UNKNOWN);
    bytes.extend(element(
        &[0x15, 0x49, 0xa9, 0x66],
        &element(&[0x2a, 0xd7, 0xb1], &[0x0f, 0x42, 0x40]),
    ));
    let track = |number: u8, kind: u8, codec: &[u8], more: &[u8]| {
        let parts = [
            element(&[0xd7], &[number]),
            element(&[0x83], &[kind]),
            element(&[0x86], codec),
            more.to_vec(),
        ];
        element(&[0xae], &parts.concat())
    };
    let pixels = [element(&[0xb0], &[1, 64]), element(&[0xba], &[0, 240])].concat();
    let tracks = [
        track(1, 1, b"V_MJPEG", &element(&[0xe0], &pixels)),
        track(2, 2, b"A_OPUS", &element(&[0xe1], &element(&[0x9f], &[1]))),
    ];
    bytes.extend(element(&[0x16, 0x54, 0xae, 0x6b], &tracks.concat()));
    bytes
}

/// A second: pictures each 100 ms, the last one in a group, and sound of 20 ms each 100 ms.
fn cluster(second: u16) -> Vec<u8> {
    let mut bytes = vec![0x1f, 0x43, 0xb6, 0x75];
    bytes.extend(UNKNOWN);
    bytes.extend(element(&[0xe7], &(second * 1_000).to_be_bytes()));
    // Place and size of the one before: wrong in a copy.
    bytes.extend(element(&[0xa7], &[9]));
    for at in (0..900).step_by(100) {
        bytes.extend(element(&[0xa3], &block(1, at, true, &[second as u8; 300])));
        bytes.extend(element(&[0xa3], &block(2, at, true, &[0x08, 1, 2, 3])));
    }
    let group = [element(&[0x9b], &[100]), element(&[0xa1], &block(1, 900, false, &[7; 200]))];
    bytes.extend(element(&[0xa0], &group.concat()));
    bytes
}

fn stream(seconds: u16) -> Vec<u8> {
    (0..seconds).fold(head(), |mut all, second| {
        all.extend(cluster(second));
        all
    })
}

/// Track, time and bytes of all packets.
fn packets(bytes: &[u8]) -> Vec<(u64, u64, Vec<u8>)> {
    let heading = Heading::read(bytes).unwrap();
    let all = heading.packets(bytes, &mut None).unwrap();
    all.iter().map(|p| (p.track, p.at_us, p.copy(bytes).unwrap())).collect()
}

fn copy(bytes: &[u8]) -> (Remuxed, Vec<u8>) {
    let plan = Remux::plan(bytes).unwrap();
    let mut out = Vec::new();
    let copied = plan.copy(bytes, &mut out).unwrap();
    (copied, out)
}

#[test]
fn a_part_tells_its_own_times_and_a_cut_cluster_goes_on() {
    let whole = stream(3);
    let heading = Heading::read(&whole).unwrap();
    assert_eq!((heading.tracks[0].width, heading.tracks[0].height), (320, 240));
    assert_eq!(heading.track(TrackKind::Sound).unwrap().channels, 1);
    let second = heading.packets(&cluster(2), &mut None).unwrap();
    assert_eq!((second[0].at_us, second[1].at_us), (2_000_000, 2_000_000));
    assert_eq!(second[1].lasts_us, 20_000, "by the packet's own first byte");
    assert_eq!((second.last().unwrap().at_us, second.last().unwrap().key), (2_900_000, true));
    // Cut inside a cluster, after a whole block: its time goes from part to part.
    let bytes = cluster(2);
    let at = bytes.windows(2).rposition(|two| two == [0xa3, 0x41]).unwrap();
    let mut time = None;
    let mut both = heading.packets(&bytes[..at], &mut time).unwrap();
    both.extend(heading.packets(&bytes[at..], &mut time).unwrap());
    let times = |all: &[super::Packet]| all.iter().map(|p| p.at_us).collect::<Vec<_>>();
    assert_eq!(times(&both), times(&second));
}

#[test]
fn the_copy_holds_the_same_packets_and_says_how_long_it_is() {
    let whole = stream(5);
    let (copied, out) = copy(&whole);
    assert_eq!(copied.bytes, out.len() as u64);
    assert_eq!((copied.duration_ms, copied.cues, copied.blocks), (Some(5_000), 5, 95));
    assert_eq!(packets(&out), packets(&whole));
    // A file that was cut in the middle of a block: everything whole is in the copy.
    let cut = &whole[..whole.len() - 3];
    assert_eq!(packets(&copy(cut).1), packets(cut));
    // A second copy is the first one.
    assert_eq!(copy(&out).1, out);
}

#[test]
fn another_source_than_the_first_time_is_refused() {
    let plan = Remux::plan(stream(3).as_slice()).unwrap();
    for other in [stream(4), stream(2)] {
        assert!(plan.copy(other.as_slice(), &mut Vec::new()).is_err());
    }
    assert!(Remux::plan(b"not a recording".as_slice()).is_err());
    assert!(Remux::plan(b"".as_slice()).is_err());
}

#[test]
fn ogg_is_copied_as_it_is() {
    let bytes = b"OggS and whatever follows".as_slice();
    let (copied, out) = copy(bytes);
    assert_eq!((out.as_slice(), copied.duration_ms, copied.bytes), (bytes, None, 25));
}

proptest! {
    /// Nothing of it trusts a byte: whatever lies in a file, it is an answer or an error, and soon.
    #[test]
    fn damaged_bytes_are_answered(flips in prop::collection::vec((0_usize..2_000, any::<u8>()), 1..8)) {
        let mut bytes = stream(2);
        for (at, value) in flips {
            let at = at % bytes.len();
            bytes[at] = value;
        }
        if let Ok(heading) = Heading::read(&bytes) {
            let _ = heading.packets(&bytes, &mut None);
        }
        if let Ok(plan) = Remux::plan(bytes.as_slice()) {
            let _ = plan.copy(bytes.as_slice(), &mut Vec::new());
        }
    }
}

fn run(program: &str, args: &[&str], file: &Path) -> Option<String> {
    let args = args.iter().map(|a| if *a == "FILE" { file.to_str().unwrap() } else { a });
    let output = Command::new(program).args(args).stdin(Stdio::null()).output().ok()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    Some(said)
}

/// Another program's reading: length, the same frames bit by bit, and a jump into the middle.
#[test]
fn players_of_others_seek_in_the_copy_and_see_the_same_frames() {
    let folder = tempfile::tempdir().unwrap();
    let original = folder.path().join("original.mkv");
    let made = run(
        "ffmpeg",
        &[
            "-v",
            "error",
            "-f",
            "lavfi",
            "-i",
            "testsrc=size=320x240:rate=15:duration=20",
            "-f",
            "lavfi",
            "-i",
            "sine=frequency=440:duration=20:sample_rate=48000",
            "-c:v",
            "mjpeg",
            "-q:v",
            "8",
            "-c:a",
            "libopus",
            "-b:a",
            "24k",
            "-f",
            "matroska",
            "-live",
            "1",
            "-cluster_time_limit",
            "1000",
            "FILE",
        ],
        &original,
    );
    if made.is_none() {
        eprintln!("SKIPPED players_of_others_seek_in_the_copy: ffmpeg is not installed");
        return;
    }
    let bytes = std::fs::read(&original).unwrap();
    let (copied, out) = copy(&bytes);
    let copy = folder.path().join("copy.mkv");
    std::fs::write(&copy, &out).unwrap();
    assert!(copied.cues >= 19, "{copied:?}");
    let length = ["-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", "FILE"];
    let told: f64 = run("ffprobe", &length, &copy).unwrap().trim().parse().unwrap();
    assert!((19.9..=20.2).contains(&told), "{told}");
    assert_eq!(run("ffprobe", &length, &original).unwrap().trim(), "N/A", "the control has none");
    let frames = ["-v", "error", "-i", "FILE", "-map", "0", "-f", "framemd5", "-"];
    let of = |file: &Path| run("ffmpeg", &frames, file).unwrap();
    assert_eq!(of(&copy), of(&original));
    let packets = ["-v", "error", "-i", "FILE", "-map", "0", "-c", "copy", "-f", "framemd5", "-"];
    assert_eq!(
        run("ffmpeg", &packets, &copy).unwrap(),
        run("ffmpeg", &packets, &original).unwrap()
    );
    let jump = [
        "-v",
        "error",
        "-ss",
        "15",
        "-i",
        "FILE",
        "-map",
        "0:v",
        "-frames:v",
        "1",
        "-f",
        "framemd5",
        "-",
    ];
    let picture = run("ffmpeg", &jump, &copy).unwrap();
    let hash = picture.lines().last().unwrap().rsplit(' ').next().unwrap();
    let whole = of(&original);
    let same = whole.lines().position(|line| line.ends_with(hash) && line.starts_with("0,"));
    assert!(same.is_some(), "the picture at 15 s is one of the original");
}
