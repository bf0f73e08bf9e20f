//! Stories with real processes: the recorder and the program that ordered it are this test executable,
//! started again in another role.

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use spotcheck_app::desk::RecordingKind;
use spotcheck_domain::{Trouble, TroubleResult};
use tempfile::TempDir;

use super::*;
use crate::config::{CameraConfig, DeviceConfig, VideoConfig};
use crate::{DataLock, Error, Gaps};

const DATA: &str = "SPOTCHECK_TEST_DATA";
const LINGER: Duration = Duration::from_millis(600);
/// A failed test leaves no recorder behind for longer than this.
const ORPHAN_LIMIT: Duration = Duration::from_secs(20);

fn config() -> DeviceConfig {
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

/// Stores fragments as files; in the product the vault encrypts them.
struct FolderSink {
    folder: PathBuf,
    count: u64,
    media_ms: u64,
    refuse_at: Option<u64>,
    /// Fragment that storage takes only after so many milliseconds.
    stall: Option<(u64, u64)>,
}

impl FolderSink {
    fn from_order(order: &Value) -> TroubleResult<Box<dyn FragmentSink>> {
        let Some(folder) = order["folder"].as_str().map(PathBuf::from) else {
            return Err(Trouble::new("TEST-ORDER", "没有文件夹", "安全", "重试"));
        };
        std::fs::create_dir_all(&folder).unwrap();
        let refuse_at = order["refuse_at"].as_u64();
        let stall = order["stall_at"].as_u64().zip(order["stall_ms"].as_u64());
        Ok(Box::new(Self { folder, count: 0, media_ms: 0, refuse_at, stall }))
    }
}

impl FragmentSink for FolderSink {
    fn push(&mut self, bytes: &[u8], media_ms: u64, _level: u8) -> TroubleResult<u64> {
        if self.refuse_at == Some(self.count) {
            return Err(Trouble::new("STORAGE-RESERVE", "存储空间已到保留线", "安全", "上传"));
        }
        if let Some((_, ms)) = self.stall.filter(|(at, _)| *at == self.count) {
            std::thread::sleep(Duration::from_millis(ms));
        }
        let mut file = File::create(self.folder.join(format!("{:06}", self.count))).unwrap();
        file.write_all(bytes).unwrap();
        file.sync_all().unwrap();
        self.count += 1;
        self.media_ms = media_ms;
        Ok(media_ms)
    }

    fn close(self: Box<Self>) -> TroubleResult<Value> {
        File::create(self.folder.join("closed")).unwrap();
        Ok(json!({"fragments": self.count, "media_ms": self.media_ms}))
    }
}

/// Role: the recorder. Does nothing unless another test starts it.
#[test]
fn recorder_process() {
    let Some(data) = std::env::var_os(DATA) else { return };
    let options = ChildOptions {
        linger: LINGER,
        orphan_limit: ORPHAN_LIMIT,
        ..ChildOptions::new(Path::new(&data), &config())
    };
    // A failure is told to the parent.
    drop(child_main(&options, &config(), FolderSink::from_order));
}

/// Role: the program on screen. Starts a recording, says so, and waits to be killed. Does nothing unless
/// another test starts it.
#[test]
fn gui_process() {
    let Some(data) = std::env::var_os(DATA).map(PathBuf::from) else { return };
    crate::harden_process().unwrap();
    let _lock = DataLock::acquire(&data).unwrap();
    let mut parent = Parent::new(&data, launch(&data));
    parent.start("a", RecordingKind::Audio, &order(&data, "a")).unwrap();
    let mut out = std::io::stdout();
    writeln!(out, "\nrecorder {}", parent.pid().unwrap()).unwrap();
    out.flush().unwrap();
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
}

fn role(name: &str) -> Vec<OsString> {
    let test = format!("recorder::tests::{name}");
    ["--exact", &test, "--nocapture", "--test-threads=1"].map(OsString::from).to_vec()
}

fn launch(data: &Path) -> Launch {
    Launch {
        program: std::env::current_exe().unwrap(),
        args: role("recorder_process"),
        env: vec![(DATA.into(), data.into())],
    }
}

fn order(data: &Path, name: &str) -> Value {
    json!({"folder": data.join("media").join(name)})
}

struct Handheld {
    folder: TempDir,
    parent: Parent,
}

impl Handheld {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let parent = Parent::new(folder.path(), launch(folder.path()));
        Self { folder, parent }
    }

    fn data(&self) -> &Path {
        self.folder.path()
    }

    fn start(&mut self, name: &str, kind: RecordingKind) -> Progress {
        let order = order(self.folder.path(), name);
        self.parent.start(name, kind, &order).unwrap()
    }

    fn wait(&mut self, name: &str, past_ms: u64) -> Progress {
        loop {
            let progress = self.parent.wait_past(name, past_ms, 5000).unwrap().unwrap();
            assert!(progress.running, "{progress:?}");
            if progress.stored_ms > past_ms {
                return progress;
            }
        }
    }

    fn media(&self, name: &str) -> Vec<u8> {
        let folder = self.data().join("media").join(name);
        let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
            .unwrap()
            .map(|e| e.unwrap().path())
            .filter(|p| !p.ends_with("closed"))
            .collect();
        files.sort();
        files.iter().flat_map(|f| std::fs::read(f).unwrap()).collect()
    }

    fn is_closed(&self, name: &str) -> bool {
        self.data().join("media").join(name).join("closed").exists()
    }
}

impl Drop for Handheld {
    fn drop(&mut self) {
        // By its id, and only the one that this handheld started.
        if let Some(child) = self.parent.child.as_mut() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// Milliseconds of sound that ffmpeg decodes without a complaint; `None` if it is not installed.
fn decoded_ms(test: &str, media: &[u8]) -> Option<u64> {
    let child = Command::new("ffmpeg")
        .args(["-v", "error", "-i", "pipe:0", "-map", "0:a", "-f", "s16le", "-ac", "1", "-ar"])
        .args(["48000", "pipe:1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        eprintln!("SKIPPED {test}: ffmpeg is not installed");
        return None;
    };
    let mut stdin = child.stdin.take().unwrap();
    let media = media.to_vec();
    let feeding = std::thread::spawn(move || drop(stdin.write_all(&media)));
    let out = child.wait_with_output().unwrap();
    feeding.join().unwrap();
    assert!(
        out.status.success() && out.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    Some(out.stdout.len() as u64 / 96)
}

/// Stops a process; on return it stands still.
fn hang(pid: u32) {
    send(pid, Signal::STOP);
    let state = || std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    while !state().rsplit_once(") ").unwrap().1.starts_with('T') {
        std::thread::sleep(Duration::from_millis(5));
    }
    // Each of its threads stops on its own.
    std::thread::sleep(Duration::from_millis(50));
}

fn send(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(pid.try_into().unwrap()).unwrap(), signal).unwrap();
}

/// R07, R19: a recorder that hangs (here: stopped by a signal) holds up nothing. It is waited for once; then what is known
/// of its recording stands, and saying stop ends it, whichever program says so. What was confirmed is there.
#[test]
fn a_recorder_that_hangs_holds_up_nothing_and_is_ended_by_a_stop() {
    for fresh in [false, true] {
        let mut handheld = Handheld::new();
        handheld.start("a", RecordingKind::Audio);
        let before = handheld.wait("a", 1000);
        let pid = handheld.parent.pid().unwrap();
        hang(pid);
        let hung = handheld.parent.progress("a").unwrap().unwrap();
        assert!(hung.impaired && hung.stored_ms >= before.stored_ms);
        assert_eq!(hung.trouble.unwrap().code, "RECORDER-TIMEOUT");
        let asked = Instant::now();
        for _ in 0..20 {
            assert!(handheld.parent.progress("a").unwrap().unwrap().impaired);
            assert_eq!(handheld.parent.photo().unwrap_err().code, "RECORDER-TIMEOUT");
        }
        assert!(asked.elapsed() < Duration::from_secs(3), "{:?}", asked.elapsed());

        let mut other = Parent::new(handheld.data(), launch(handheld.data()));
        let parent = if fresh { &mut other } else { &mut handheld.parent };
        assert_eq!(parent.stop("a").unwrap_err().code, "RECORDER-GONE");
        if let Some(child) = handheld.parent.child.as_mut() {
            child.wait().unwrap();
        }
        assert!(!handheld.media("a").is_empty());
        let parent = if fresh { &mut other } else { &mut handheld.parent };
        parent.start("b", RecordingKind::Audio, &order(handheld.folder.path(), "b")).unwrap();
        parent.stop("b").unwrap();
        if fresh {
            handheld.parent.child = other.child.take();
        }
    }
}

/// One that only was slow for a while is spoken with again.
#[test]
fn a_recorder_that_was_silent_for_a_while_goes_on() {
    let mut handheld = Handheld::new();
    handheld.start("a", RecordingKind::Audio);
    let before = handheld.wait("a", 1000);
    let pid = handheld.parent.pid().unwrap();
    hang(pid);
    assert!(handheld.parent.progress("a").unwrap().unwrap().impaired);
    send(pid, Signal::CONT);
    let begun = Instant::now();
    loop {
        let now = handheld.parent.progress("a").unwrap().unwrap();
        if !now.impaired && now.stored_ms > before.stored_ms {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(15), "{now:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(handheld.parent.stop("a").unwrap()["fragments"].as_u64().is_some());
}

#[test]
fn a_recording_from_press_to_outcome() {
    let mut handheld = Handheld::new();
    handheld.parent.warm().unwrap();
    let pressed = Instant::now();
    let first = handheld.start("a", RecordingKind::Audio);
    let mut latency = pressed.elapsed();
    for again in ["again", "and again"] {
        // On a busy machine the best of three counts.
        let pressed = Instant::now();
        handheld.start(again, RecordingKind::Audio);
        latency = latency.min(pressed.elapsed());
    }
    eprintln!("first sound durable after {latency:?}");
    assert!(latency < Duration::from_secs(1), "first sound durable after {latency:?}");
    assert!(first.fragments >= 1 && first.stored_ms > 0 && first.running);
    let again = handheld.parent.start("a", RecordingKind::Audio, &order(handheld.data(), "a"));
    assert_eq!(again.unwrap_err().code, "RECORDER-RUNNING");
    let later = handheld.wait("a", 2000);
    assert!((70..=85).contains(&later.level), "{later:?}");
    let outcome = handheld.parent.stop("a").unwrap();
    assert!(handheld.is_closed("a"));
    let told = outcome["media_ms"].as_u64().unwrap();
    assert_eq!(handheld.parent.stop("a").unwrap(), outcome, "a lost answer can be asked for again");
    assert_eq!(handheld.parent.stop("b").unwrap_err().code, "RECORDER-UNKNOWN");
    assert_eq!(handheld.parent.progress("b").unwrap(), None);
    let Some(ms) = decoded_ms("a_recording_from_press_to_outcome", &handheld.media("a")) else {
        return;
    };
    assert_eq!(ms, told);
}

#[test]
fn sound_and_video_at_once_and_photos_between() {
    let mut handheld = Handheld::new();
    handheld.start("a", RecordingKind::Audio);
    handheld.start("v", RecordingKind::Video);
    let photo = handheld.parent.photo().unwrap();
    assert!(photo.starts_with(&[0xff, 0xd8, 0xff]));
    let finder = handheld.parent.viewfinder().unwrap().unwrap();
    assert!(finder.starts_with(&[0xff, 0xd8, 0xff]));
    let keys: Vec<String> = handheld.parent.list().unwrap().into_iter().map(|r| r.key).collect();
    assert_eq!(keys, ["a", "v"]);
    let report = handheld.parent.report().unwrap();
    assert_eq!(report.camera.as_deref(), Some("videotestsrc"));
    assert_eq!(report.microphone.as_deref(), Some("audiotestsrc"));
    assert!(report.encoder.is_some() && report.faults.is_empty(), "{report:?}");
    handheld.wait("v", 1500);
    for name in ["a", "v"] {
        let told = handheld.parent.stop(name).unwrap()["media_ms"].as_u64().unwrap();
        let test = "sound_and_video_at_once_and_photos_between";
        let Some(ms) = decoded_ms(test, &handheld.media(name)) else { return };
        assert!(ms.abs_diff(told) < 400, "{name}: {ms} of {told}");
    }
}

#[test]
fn the_program_is_killed_the_recording_goes_on_and_the_next_start_finds_it() {
    let mut handheld = Handheld::new();
    let mut gui = start_role("gui_process", handheld.data());
    let pid = recorder_pid(&mut gui);
    // A second program on the same data folder is told who has it.
    let error = DataLock::acquire(handheld.data()).unwrap_err();
    assert!(matches!(error, Error::DataLocked { pid: Some(p) } if p == gui.id()), "{error}");
    let trouble = Trouble::from(error);
    assert_eq!(trouble.code, "DEVICE-DATA-LOCKED");
    assert!(trouble.message.contains(&gui.id().to_string()));

    gui.kill().unwrap();
    gui.wait().unwrap();
    // The kernel gave the folder back, although the recorder lives.
    let lock = DataLock::acquire(handheld.data()).unwrap();
    assert!(handheld.parent.attach().unwrap());
    assert_eq!(handheld.parent.pid(), Some(pid), "the same recorder, not a new one");
    let held = handheld.parent.list().unwrap();
    assert_eq!(held.len(), 1);
    assert_eq!(held[0].order, order(handheld.data(), "a"));
    let before = held[0].progress.stored_ms;
    handheld.wait("a", before + 1000);
    let outcome = handheld.parent.stop("a").unwrap();
    drop(lock);
    let told = outcome["media_ms"].as_u64().unwrap();
    let test = "the_program_is_killed_the_recording_goes_on_and_the_next_start_finds_it";
    let Some(ms) = decoded_ms(test, &handheld.media("a")) else { return };
    assert_eq!(ms, told);
}

fn start_role(name: &str, data: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(role(name))
        .env(DATA, data)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn recorder_pid(gui: &mut Child) -> u32 {
    let lines = BufReader::new(gui.stdout.take().unwrap()).lines();
    let told = lines.map_while(Result::ok).find_map(|l| Some(l.strip_prefix("recorder ")?.parse()));
    told.expect("the program starts a recording").unwrap()
}

#[test]
fn the_recorder_is_killed_what_was_delivered_decodes_and_the_program_lives() {
    let mut handheld = Handheld::new();
    handheld.start("a", RecordingKind::Audio);
    let seen = handheld.wait("a", 1500);
    let first = handheld.parent.pid().unwrap();
    send(first, Signal::KILL);
    handheld.parent.child.as_mut().unwrap().wait().unwrap();
    let gone = handheld.parent.progress("a").unwrap().unwrap();
    assert!(!gone.running && gone.stored_ms >= seen.stored_ms);
    assert_eq!(gone.trouble.unwrap().code, "RECORDER-GONE");
    assert_eq!(handheld.parent.stop("a").unwrap_err().code, "RECORDER-GONE");
    assert!(!handheld.is_closed("a"), "left for the recovery");
    handheld.start("b", RecordingKind::Audio);
    let second = handheld.parent.pid().unwrap();
    assert_ne!(second, first);
    handheld.parent.stop("b").unwrap();
    // Killed unseen: the next press still records.
    send(second, Signal::KILL);
    handheld.parent.child.as_mut().unwrap().wait().unwrap();
    handheld.start("c", RecordingKind::Audio);
    handheld.parent.stop("c").unwrap();
    let test = "the_recorder_is_killed_what_was_delivered_decodes_and_the_program_lives";
    let Some(ms) = decoded_ms(test, &handheld.media("a")) else { return };
    assert!(ms >= seen.stored_ms, "{ms} of {}", seen.stored_ms);
}

#[test]
fn a_terminate_signal_closes_every_recording_in_order() {
    let mut handheld = Handheld::new();
    handheld.start("a", RecordingKind::Audio);
    handheld.start("v", RecordingKind::Video);
    send(handheld.parent.pid().unwrap(), Signal::TERM);
    let status = handheld.parent.child.as_mut().unwrap().wait().unwrap();
    assert!(status.success(), "{status}");
    assert!(handheld.is_closed("a") && handheld.is_closed("v"));
    assert!(!handheld.data().join("recorder.sock").exists());
    let Some(ms) =
        decoded_ms("a_terminate_signal_closes_every_recording_in_order", &handheld.media("a"))
    else {
        return;
    };
    assert!(ms > 0);
}

#[test]
fn a_recording_ends_by_itself_when_the_storage_reserve_is_reached() {
    let mut handheld = Handheld::new();
    let mut order = order(handheld.data(), "a");
    order["refuse_at"] = 2.into();
    handheld.parent.start("a", RecordingKind::Audio, &order).unwrap();
    let ended = loop {
        let progress = handheld.parent.wait_past("a", u64::MAX, 5000).unwrap().unwrap();
        if !progress.running {
            break progress;
        }
    };
    assert_eq!((ended.trouble.unwrap().code.as_str(), ended.fragments), ("STORAGE-RESERVE", 2));
    assert_eq!(handheld.parent.stop("a").unwrap()["fragments"], 2);
    assert!(handheld.is_closed("a"));

    // Refused from the beginning: the start fails with the sink's own words.
    order["refuse_at"] = 0.into();
    let error = handheld.parent.start("c", RecordingKind::Audio, &order).unwrap_err();
    assert_eq!(error.code, "STORAGE-RESERVE");
    let error = handheld.parent.start("d", RecordingKind::Audio, &json!({})).unwrap_err();
    assert_eq!(error.code, "TEST-ORDER");
    let keys: Vec<String> = handheld.parent.list().unwrap().into_iter().map(|r| r.key).collect();
    assert_eq!(keys, ["a"]);
}

/// What storage does not take is not durable, and the recorder says for how long already; when it takes it again, nothing
/// is missing.
#[test]
fn a_stall_of_storage_is_told_and_costs_nothing() {
    let mut handheld = Handheld::new();
    let mut order = order(handheld.data(), "a");
    order["stall_at"] = 2.into();
    order["stall_ms"] = 5_000.into();
    handheld.parent.start("a", RecordingKind::Audio, &order).unwrap();
    let begun = Instant::now();
    let mut longest = 0;
    let after = loop {
        std::thread::sleep(Duration::from_millis(100));
        let progress = handheld.parent.progress("a").unwrap().unwrap();
        assert!(progress.running, "{progress:?}");
        longest = longest.max(progress.behind_ms);
        if longest > 0 && progress.fragments > 4 && progress.behind_ms < 3_000 {
            break progress;
        }
    };
    assert!(longest >= 4_500, "{longest} ms");
    assert_eq!(after.gaps, Gaps::default());
    let recorded = u64::try_from(begun.elapsed().as_millis()).unwrap();
    handheld.parent.stop("a").unwrap();
    let media = handheld.media("a");
    if let Some(ms) = decoded_ms("a_stall_of_storage_is_told_and_costs_nothing", &media) {
        // A buffer of the stand-in may still be on its way.
        assert!(ms + 300 >= recorded, "{ms} of {recorded}");
    }
}

#[test]
fn an_idle_recorder_goes_and_one_that_is_in_use_stays_alone() {
    let mut handheld = Handheld::new();
    handheld.parent.warm().unwrap();
    let refused = spawn::spawn(&launch(handheld.data()), handheld.data()).unwrap_err();
    assert_eq!(refused.code, "DEVICE-DATA-LOCKED");
    assert_eq!(handheld.parent.list().unwrap(), []);
    let mut child = handheld.parent.child.take().unwrap();
    handheld.parent.link = None;
    assert!(child.wait().unwrap().success());
    assert!(!handheld.parent.attach().unwrap());
    assert_eq!(handheld.parent.list().unwrap(), []);
    assert_eq!(handheld.parent.stop("a").unwrap_err().code, "RECORDER-GONE");
}

#[test]
fn the_recorder_has_a_session_of_its_own_and_does_not_hold_the_data_folder() {
    let mut handheld = Handheld::new();
    let lock = DataLock::acquire(handheld.data()).unwrap();
    // As a library without close-on-exec would leave it.
    rustix::io::fcntl_setfd(lock.file(), rustix::io::FdFlags::empty()).unwrap();
    handheld.parent.warm().unwrap();
    let pid = handheld.parent.pid().unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let session = stat.rsplit(')').next().unwrap().split_whitespace().nth(3).unwrap();
    assert_eq!(session, pid.to_string());
    drop(lock);
    DataLock::acquire(handheld.data()).expect("the recorder inherited no descriptor");
}

mod cover;
