//! P14: a day's work replayed (`make day`): 2 h of sound, 20 min of video, 150 photos, 300 searches, 3 documents.
//!
//! Stand-ins play camera and microphone. Sound runs at sixty times its pace, so its processor seconds are those of
//! two hours in two minutes; the camera knows no pace, so a minute of video is recorded and counted twenty times.
//! What the stand-ins themselves cost is in our figure and in the peer's: `gst-launch` records as much of the same
//! test signals, with the same encoders, to plain files. Not comparable with a handheld: a real camera gives JPEG
//! or has an encoder of its own, a real microphone wakes the program by its own clock.
//!
//! Rest is measured at real pace: the recorder alone with a running sound recording (locked), and the window at
//! the unlock screen with no recording (dark).

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use secrecy::SecretString;
use serde_json::{Value, json};
use spotcheck_app::desk::{Desk as _, RecordingKind};
use spotcheck_domain::claims::Page;
use spotcheck_domain::{OfficerId, TaskId};
use spotcheck_tests::support::programs::{kill_recorder, program};
use spotcheck_tests::support::visit::Claims;

use crate::data::{self, Scale};
use crate::measure::{Watch, child, children_cpu, mebibytes, number, seconds, told};
use crate::report::{Met, Report, Row};

const PACE: u64 = 60;
const SOUND_S: u64 = 7_200;
const VIDEO_S: u64 = 60;
/// A day has so many times [`VIDEO_S`].
const VIDEOS: f64 = 20.0;
const PHOTOS: usize = 150;
const SEARCHES: usize = 300;
const DOCUMENTS: usize = 3;
/// Seconds that something is watched at rest.
const REST: u64 = 60;

/// The recorder of a data folder.
fn recorder(data: &Path) -> Option<u32> {
    std::fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
        let line = std::fs::read(entry.path().join("cmdline")).ok()?;
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        let ours = line.contains(&data.display().to_string());
        (ours && line.trim_end().ends_with("recorder"))
            .then(|| entry.file_name().to_string_lossy().parse().ok())?
    })
}

/// What a process has used: processor seconds, wake-ups of all its threads, bytes given to the file system.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Used {
    pub(crate) cpu: f64,
    pub(crate) wakes: f64,
    written: f64,
}

impl Used {
    pub(crate) fn of(pid: u32) -> Self {
        let read =
            |name: &str| std::fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap_or_default();
        let stat = read("stat");
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        let field = |n: usize| fields.get(n).and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0);
        let of = |text: &str, name: &str| {
            let line = text.lines().find_map(|l| l.strip_prefix(name));
            line.and_then(|l| l.trim().parse::<f64>().ok()).unwrap_or(0.0)
        };
        let threads =
            std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        let wakes = threads
            .filter_map(|t| std::fs::read_to_string(t.path().join("status")).ok())
            .map(|status| of(&status, "voluntary_ctxt_switches:"))
            .sum();
        Self { cpu: (field(11) + field(12)) / 100.0, wakes, written: of(&read("io"), "wchar:") }
    }

    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            cpu: self.cpu - before.cpu,
            wakes: (self.wakes - before.wakes).max(0.0),
            written: self.written - before.written,
        }
    }

    fn json(self) -> Value {
        json!({ "cpu": self.cpu, "wakes": self.wakes, "written": self.written })
    }

    fn from(value: &Value) -> Result<Self> {
        let of = |name: &str| number(value, name);
        Ok(Self { cpu: of("cpu")?, wakes: of("wakes")?, written: of("written")? })
    }
}

/// Resident memory, KiB.
fn resident(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
    line.and_then(|l| l.split_whitespace().next()?.parse().ok()).unwrap_or(f64::NAN)
}

/// Records until `enough` milliseconds are stored; what the recorder used for it.
fn record(
    desk: &mut spotcheck_app::Handheld,
    data: &Path,
    case: &spotcheck_domain::CaseId,
    kind: RecordingKind,
    enough: u64,
) -> Result<(Used, u64)> {
    let begun = Instant::now();
    let recording = desk
        .start_recording(Some(case), kind)
        .map_err(told)
        .with_context(|| format!("recording {kind:?}"))?;
    let pid = recorder(data).context("no recorder")?;
    let before = Used::of(pid);
    let mut stored = 0;
    while stored < enough {
        ensure!(begun.elapsed() < Duration::from_secs(1_800), "it takes too long");
        std::thread::sleep(Duration::from_millis(500));
        let all = desk.status().map_err(told)?.recordings;
        stored = all.iter().find(|r| r.evidence == recording.evidence).map_or(0, |r| r.stored_ms);
    }
    desk.stop_recording(&recording.evidence).map_err(told)?;
    Ok((Used::of(pid).since(before), stored))
}

/// The handheld's machine: stand-ins, the microphone `pace` times as fast as time.
fn device_file(pace: u64) -> String {
    format!(
        "[camera]\nkind = \"test\"\nwidth = 1280\nheight = 720\nfps = 15\n\
         [video]\nwidth = 1280\nheight = 720\nfps = 15\nencoders = [\"jpegenc\"]\n\
         [microphone]\nkind = \"test\"\npace = {pace}\n"
    )
}

/// Child: `DATA DEVICE TASK PIN SCALE`: the whole day; what program and recorder used for each part.
pub(crate) fn run(arguments: &[String]) -> Result<Value> {
    let [data, device, task, pin, scale] = arguments else {
        anyhow::bail!("DATA DEVICE TASK PIN SCALE")
    };
    let part: u64 = scale.parse()?;
    let data = Path::new(data);
    let (mut desk, _lock) =
        spotcheck_handheld::open(data, Path::new(device), &program("spotcheck")?).map_err(told)?;
    let officer = OfficerId::parse("O-0001").ok().context("officer")?;
    desk.unlock(&officer, &SecretString::from(pin.clone())).map_err(told)?;
    let task = TaskId::parse(task).ok().context("task")?;
    let own = std::process::id();
    let mut parts = serde_json::Map::new();
    let mut at = Used::of(own);
    let mut part_ends = |name: &str, recorder: Used| {
        let now = Used::of(own);
        let used = now.since(at);
        at = now;
        parts.insert(name.to_owned(), json!({ "own": used.json(), "recorder": recorder.json() }));
    };
    let watch = Watch::start();
    for n in 0..SEARCHES {
        let words = ["王", "李", "zh", "张", "w", "00", "liu", "陈"];
        let hits = desk
            .search_persons(&task, words.get(n % words.len()).unwrap_or(&"王"), Page::first(20))
            .map_err(told)?;
        if n % 10 == 0
            && let Some(hit) = hits.first()
        {
            desk.person(&task, &hit.psn_no, "search").map_err(told)?;
        }
    }
    part_ends("searches", Used::default());
    let case = desk.open_case(&task).map_err(told)?.id;
    for card in desk.status().map_err(told)?.officers {
        desk.show_certificate(&case, &card.id).map_err(told)?;
    }
    let (sound, stored) =
        record(&mut desk, data, &case, RecordingKind::Audio, SOUND_S * 1_000 / part)?;
    part_ends("sound", sound);
    // A microphone that runs ahead of the camera gives a video that nobody could have filmed.
    kill_recorder(data);
    std::fs::write(device, device_file(1))?;
    let (video, filmed) =
        record(&mut desk, data, &case, RecordingKind::Video, VIDEO_S * 1_000 / part)?;
    part_ends("video", video);
    let pid = recorder(data).context("no recorder")?;
    let before = Used::of(pid);
    let mut after_ten = 0.0;
    for n in 0..PHOTOS {
        desk.capture_photo(Some(&case)).map_err(told)?;
        if n == 10 {
            after_ten = resident(pid);
        }
    }
    let after_all = resident(pid);
    part_ends("photos", Used::of(pid).since(before));
    for _ in 0..DOCUMENTS {
        let document = desk.new_document(&case, "W03", None).map_err(told)?.card.id;
        for (key, value) in [
            ("place", "示例医院一病区"),
            ("present_name", "李四"),
            ("present_post", "护士长"),
            ("recusal", "已告知申请回避的权利，答：不申请回避。"),
            (
                "content",
                "12 床床头卡显示有住院患者，检查时床上无人，未见请假记录。现场拍照、录像并录音。",
            ),
            ("measures", "对 12 床床位及床头卡拍照取证。"),
            ("attachments", "照片"),
            ("remark", "以上记录属实。"),
        ] {
            desk.fill(&case, &document, key, value).map_err(told)?;
        }
        desk.freeze(&case, &document).map_err(told)?;
    }
    part_ends("documents", Used::default());
    kill_recorder(data);
    Ok(json!({
        "parts": parts,
        "wall": watch.wall(),
        "sound_ms": stored,
        "video_ms": filmed,
        "photos_kib": [after_ten, after_all],
    }))
}

/// Times that a recording is begun from cold.
const BEGUN: usize = 9;

/// Child: `DATA DEVICE`: from the press to the first sound that is durable, at real pace: nobody has unlocked and no
/// recorder runs; then in an open visit's recorder that has just stopped one. Milliseconds.
pub(crate) fn first_sound(arguments: &[String]) -> Result<Value> {
    let [data, device] = arguments else { anyhow::bail!("DATA DEVICE") };
    let data = Path::new(data);
    let (mut desk, _lock) =
        spotcheck_handheld::open(data, Path::new(device), &program("spotcheck")?).map_err(told)?;
    let mut press = || -> Result<f64> {
        let begun = Instant::now();
        // Returns once the first fragment lies on the disk.
        let recording = desk.start_recording(None, RecordingKind::Audio).map_err(told)?;
        let took = begun.elapsed().as_secs_f64() * 1_000.0;
        desk.stop_recording(&recording.evidence).map_err(told)?;
        Ok(took)
    };
    let (mut cold, mut warm) = (Vec::new(), Vec::new());
    for _ in 0..BEGUN {
        kill_recorder(data);
        cold.push(press()?);
        warm.push(press()?);
    }
    kill_recorder(data);
    Ok(json!({ "cold": cold, "warm": warm }))
}

/// Slowest and median of a list of the child.
fn slowest(said: &Value, name: &str) -> Result<(f64, f64)> {
    let list = said[name].as_array().context("no list")?;
    let mut all: Vec<f64> = list.iter().filter_map(Value::as_f64).collect();
    all.sort_by(f64::total_cmp);
    let median = all.get(all.len() / 2).copied().context("empty")?;
    Ok((all.last().copied().context("empty")?, median))
}

/// The peer: processor seconds and bytes of `gst-launch` recording as much to a file.
fn launch(pipeline: &str, file: &Path) -> Result<(f64, f64)> {
    let cpu = children_cpu();
    let status = Command::new("gst-launch-1.0")
        .arg("-q")
        .args(pipeline.split_whitespace())
        .args(["!", "filesink"])
        .arg(format!("location={}", file.display()))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    ensure!(status.success(), "gst-launch: {status}");
    let used = children_cpu() - cpu;
    let size = std::fs::metadata(file)?.len() as f64;
    std::fs::remove_file(file)?;
    Ok((used, size))
}

/// Something at rest for [`REST`] seconds: share of a core and wake-ups a second.
fn at_rest(pid: u32) -> (f64, f64) {
    let (before, begun) = (Used::of(pid), Instant::now());
    std::thread::sleep(Duration::from_secs(REST));
    let (used, took) = (Used::of(pid).since(before), begun.elapsed().as_secs_f64());
    (used.cpu / took * 100.0, used.wakes / took)
}

pub(crate) fn measure(report: &mut Report, scale: Scale) -> Result<()> {
    let part: u64 = match scale {
        Scale::Small => 10,
        Scale::Full => 1,
    };
    let folder = tempfile::tempdir_in(data::folder()?)?;
    let world =
        crate::p06_start::world(&folder.path().join("world"), &Claims::DemoCity { seed: 14 })?;
    let h = &world.handheld;
    std::fs::write(&h.device, device_file(PACE))?;
    let pin = std::fs::read_to_string(&h.pins.first().context("officer")?.1)?.trim().to_owned();
    let (data, device) = (h.data.display().to_string(), h.device.display().to_string());
    let said = child("day", &[&data, &device, &world.task, &pin, &part.to_string()])?;
    let mut table = vec![
        ["part", "CPU program", "CPU recorder", "wake-ups", "bytes written"]
            .map(str::to_owned)
            .to_vec(),
    ];
    let (mut cpu, mut wakes, mut written) = (0.0, 0.0, 0.0);
    let mut capture = 0.0;
    for (name, used) in said["parts"].as_object().into_iter().flatten() {
        let own = Used::from(&used["own"])?;
        let recorder = Used::from(&used["recorder"])?;
        // A day has twenty of the minute that was filmed.
        let times = if name == "video" { VIDEOS } else { 1.0 };
        cpu += (own.cpu + recorder.cpu) * times;
        wakes += (own.wakes + recorder.wakes) * times;
        written += (own.written + recorder.written) * times;
        if matches!(name.as_str(), "sound" | "video") {
            capture += recorder.cpu * times;
        }
        let cell = |n: f64| format!("{:.0}", n * times);
        table.push(vec![
            if times > 1.0 { format!("{name} (one minute × 20)") } else { name.clone() },
            seconds(own.cpu * times),
            seconds(recorder.cpu * times),
            cell(own.wakes + recorder.wakes),
            format!("{:.1} MB", (own.written + recorder.written) * times / 1e6),
        ]);
    }
    let what = format!(
        "a day replayed: {:.1} h of sound (at {PACE} times its pace), {:.0} min of video (one minute × 20), {PHOTOS} photos, \
         {SEARCHES} searches, {DOCUMENTS} documents; {wakes:.0} wake-ups, {:.2} GB written",
        number(&said, "sound_ms")? / 3.6e6,
        number(&said, "video_ms")? / 6e4 * VIDEOS,
        written / 1e9
    );
    let row = Row::alone("P14", what, format!("{cpu:.0} CPU s"), "reported", Met::Reported);
    if spotcheck_tests::has_program("bench P14", "gst-launch-1.0") {
        let buffers = SOUND_S / part * 50;
        let (sound, _) = launch(
            &format!(
                "audiotestsrc num-buffers={buffers} wave=sine freq=440 volume=0.3 samplesperbuffer=960 ! \
                 audio/x-raw,format=S16LE,rate=48000,channels=1 ! opusenc bitrate=32000 ! oggmux"
            ),
            &folder.path().join("peer.ogg"),
        )?;
        let (frames, packets) = (VIDEO_S / part * 15, VIDEO_S / part * 50);
        let (video, size) = launch(
            &format!(
                "videotestsrc num-buffers={frames} pattern=smpte ! \
                 video/x-raw,format=I420,width=1280,height=720,framerate=15/1 ! jpegenc ! m. \
                 audiotestsrc num-buffers={packets} samplesperbuffer=960 ! \
                 audio/x-raw,format=S16LE,rate=48000,channels=1 ! opusenc bitrate=32000 ! m. matroskamux name=m"
            ),
            &folder.path().join("peer.mkv"),
        )?;
        let peer = sound + video * VIDEOS;
        let text = format!(
            "gst-launch, sound and video to files: {peer:.0} CPU s ({sound:.1} + 20 × {video:.2}; a minute of video {:.0} MB)",
            size / 1e6
        );
        // Like beside like: what the recorder needs for both recordings.
        report.row(row.beside(text, capture / peer));
    } else {
        report.peer_missing(row, "gst-launch-1.0");
    }
    report.table("P14 by part", &table);
    // R13: memory must not grow with photos.
    let kib = |n: usize| said["photos_kib"][n].as_f64().unwrap_or(f64::NAN);
    let what = format!("recorder's RSS after ten and after {PHOTOS} photos (R13)");
    let shown = format!("{}, {}", mebibytes(kib(0)), mebibytes(kib(1)));
    let flat = kib(1) <= kib(0) * 1.2 + 10_000.0;
    report.row(Row::alone("P14", what, shown, "flat", Met::of(flat)));
    // At real pace: first a press from cold, then rest.
    std::fs::write(&h.device, device_file(1))?;
    let said = child("first-sound", &[&data, &device])?;
    for (name, state) in
        [("cold", "locked, no recorder process"), ("warm", "locked, recorder runs")]
    {
        let (worst, median) = slowest(&said, name)?;
        let what =
            format!("press to first durable sound, {state}: median of {BEGUN} {median:.0} ms");
        let met = Met::of(worst <= 1_000.0);
        report.row(Row::alone("P14", what, format!("worst {worst:.0} ms"), "≤ 1,000 ms", met));
    }
    let locked = spotcheck_tests::support::programs::HandheldCli { pins: Vec::new(), ..h.clone() };
    locked.ok(&["capture", "audio"])?;
    let pid = recorder(&h.data).context("no recorder")?;
    std::thread::sleep(Duration::from_secs(5));
    let (share, woken) = at_rest(pid);
    kill_recorder(&h.data);
    let what = format!(
        "locked, recording sound at real pace: {woken:.0} wake-ups a second, stand-in included"
    );
    report.row(Row::alone(
        "P14",
        what,
        format!("{share:.2} % of a core"),
        "≤ 3 %",
        Met::of(share <= 3.0),
    ));
    if spotcheck_tests::has_program("bench P14", "Xvfb") {
        let (share, woken) = crate::p06_start::resting(h, at_rest)?;
        let what =
            format!("dark, no sound: the window at rest for {REST} s, {share:.2} % of a core");
        report.row(Row::alone(
            "P14",
            what,
            format!("{woken:.1} wake-ups/s"),
            "≤ 10",
            Met::of(woken <= 10.0),
        ));
    }
    Ok(())
}
