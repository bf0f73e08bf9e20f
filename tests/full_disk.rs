//! R08, R96: a full disk. A small file system of its own is filled during a recording and while a form is filled,
//! and under the centre while a bundle is sent.
//!
//! What was confirmed is there; the recording keeps all but its last seconds; the reserve lets the visit be
//! closed; once there is room, work goes on. Needs root for a loop device, and says so where it has none.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use spotcheck_tests::support::checks::{collect, verify};
use spotcheck_tests::support::programs::{HandheldCli, text};
use spotcheck_tests::support::refusal::clear;
use spotcheck_tests::support::visit::{Claims, Sealed, World};
use spotcheck_tests::{has_program, skip};

const MB: u64 = 1_000_000;
/// The program's reserve and a little less.
const BELOW_RESERVE: u64 = 150 * MB;

/// A file system in a file; gone when dropped.
struct Disk {
    at: PathBuf,
}

impl Disk {
    fn make(test: &str, folder: &Path) -> Option<Self> {
        for program in ["mkfs.ext4", "mount", "umount"] {
            if !has_program(test, program) {
                return None;
            }
        }
        let image = folder.join("disk.img");
        std::fs::File::create(&image).unwrap().set_len(420 * MB).unwrap();
        let made = Command::new("mkfs.ext4").args(["-q", "-F", "-m", "0"]).arg(&image).status();
        assert!(made.unwrap().success());
        let at = folder.join("disk");
        std::fs::create_dir(&at).unwrap();
        let mounted = Command::new("mount").args(["-o", "loop"]).arg(&image).arg(&at).output();
        let mounted = mounted.unwrap();
        if !mounted.status.success() {
            let said = String::from_utf8_lossy(&mounted.stderr);
            skip(test, &format!("no file system can be mounted here: {}", said.trim()));
            return None;
        }
        Some(Self { at })
    }

    fn filler(&self) -> PathBuf {
        self.at.join("filler")
    }

    /// Fills until only `left` bytes are free, 0 for to the brim.
    fn fill(&self, left: u64) {
        let mut file = OpenOptions::new().create(true).append(true).open(self.filler()).unwrap();
        let block = vec![0_u8; 1 << 20];
        while left == 0 || self.free() > left {
            if file.write_all(&block).is_err() {
                break;
            }
        }
        let _ = file.sync_all();
        if left == 0 {
            // What is smaller than a block.
            let mut last = OpenOptions::new().create(true).append(true).open(self.at.join("rest"));
            while last.as_mut().is_ok_and(|file| file.write_all(&[0; 512]).is_ok()) {}
        }
    }

    fn free(&self) -> u64 {
        let out =
            Command::new("df").args(["-B1", "--output=avail"]).arg(&self.at).output().unwrap();
        String::from_utf8(out.stdout).unwrap().lines().nth(1).unwrap().trim().parse().unwrap()
    }

    fn clear(&self) {
        for name in ["filler", "rest"] {
            let _ = std::fs::remove_file(self.at.join(name));
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a recorder may just be leaving.
        let _ = Command::new("umount").arg("-l").arg(&self.at).status();
    }
}

fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(30), "waited too long: {what}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// A full disk is said as a full disk, and never as a damaged key or a lost case.
fn says_full(error: &Value) {
    let code = text(error, "/code").unwrap();
    assert!(code.ends_with("-DISK-FULL"), "{error}");
}

fn evidence(h: &HandheldCli, case: &str, id: &str) -> Value {
    let show = h.ok(&["case", "show", case]).unwrap();
    let found = show["evidence"].as_array().unwrap().iter().find(|e| e["id"] == id);
    found.unwrap_or_else(|| panic!("no {id} in {show}")).clone()
}

#[test]
fn r08_r95_a_full_disk_loses_nothing_that_was_confirmed() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::make("r08_r95_a_full_disk", folder.path()) else { return };
    let world = World::build(folder.path(), &Claims::DemoCity { seed: 13 }, &[], None).unwrap();
    let h = world.handheld.copied(&disk.at.join("handheld")).unwrap();
    let case = text(&h.ok(&["case", "open", "--task", &world.task]).unwrap(), "/id").unwrap();
    for officer in ["O-0001", "O-0002"] {
        h.ok(&["case", "certificate", &case, officer]).unwrap();
    }
    let draft = text(&h.ok(&["doc", "new", &case, "W03"]).unwrap(), "/card/id").unwrap();
    to_the_brim(&h, &disk, &case, &draft);
    down_to_the_reserve(&h, &disk, &world, &case, &draft);
}

/// The disk is full from one second to the next, while sound is recorded and a form is filled.
fn to_the_brim(h: &HandheldCli, disk: &Disk, case: &str, draft: &str) {
    let sound = text(&h.ok(&["capture", "audio", case]).unwrap(), "/evidence").unwrap();
    std::thread::sleep(Duration::from_secs(4));
    let mut confirmed = "开始".to_owned();
    h.ok(&["doc", "fill", case, draft, "content", &confirmed]).unwrap();
    disk.fill(0);
    let mut refused = 0;
    for n in 0..40 {
        let value = format!("第{n}次").repeat(400);
        let ran = h.run_as(0, &["doc", "fill", case, draft, "content", &value]).unwrap();
        if ran.code == 0 {
            confirmed = value;
            continue;
        }
        let code = ran.error_code().to_owned();
        says_full(&clear(&ran, 3, &code).unwrap());
        refused += 1;
        if refused == 3 {
            break;
        }
    }
    assert_eq!(refused, 3, "a full disk was never said");
    disk.clear();
    h.ok(&["unlock"]).unwrap();
    let view = h.ok(&["doc", "show", case, draft]).unwrap();
    let stored = view["fields"].as_array().unwrap().iter().find(|f| f["key"] == "content").unwrap();
    assert_eq!(stored["value"], confirmed, "the last confirmed text is there");
    let item = match h.run_as(0, &["capture", "stop", &sound]).unwrap().ok() {
        Ok(item) => item,
        // Ended by the full disk and taken up at unlocking.
        Err(_) => evidence(h, case, &sound),
    };
    assert!(item["size"].as_u64().unwrap() > 5_000, "{item}");
    let journal = h.ok(&["journal", "--case", case]).unwrap();
    let stopped =
        journal["items"].as_array().unwrap().iter().find(|e| e["kind"] == "capture_stopped");
    assert!(stopped.unwrap()["facts"]["duration_ms"].as_u64().unwrap() >= 2_000, "{stopped:?}");
    for journal in [&["journal", "--verify"][..], &["journal", "--verify", "--case", case]] {
        h.ok(journal).unwrap();
    }
    h.ok(&["case", "note", case, "又有空间"]).unwrap();
}

/// The recording ends in order at the reserve; what is left is enough to close the visit and to leave.
fn down_to_the_reserve(h: &HandheldCli, disk: &Disk, world: &World, case: &str, draft: &str) {
    let sound = text(&h.ok(&["capture", "audio", case]).unwrap(), "/evidence").unwrap();
    std::thread::sleep(Duration::from_secs(2));
    disk.fill(BELOW_RESERVE);
    wait_for("the recorder ends at the reserve", || {
        let error = h.run_as(0, &["capture", "audio", case]).unwrap();
        error.error_code() == "RECORDER-RESERVE"
    });
    let item = match h.run_as(0, &["capture", "stop", &sound]).unwrap().ok() {
        Ok(item) => item,
        Err(_) => evidence(h, case, &sound),
    };
    assert!(item["size"].as_u64().unwrap() > 2_000, "{item}");
    for (key, value) in [
        ("content", "床上无人"),
        ("place", "一病区"),
        ("present_name", "李四"),
        ("recusal", "不申请回避"),
        ("measures", "无"),
    ] {
        h.ok(&["doc", "fill", case, draft, key, value]).unwrap();
    }
    h.ok(&["doc", "freeze", case, draft]).unwrap();
    let strokes = world.folder.join("strokes.json");
    std::fs::write(&strokes, r#"[{"points":[[10,10,0,512],[200,120,90,512]]}]"#).unwrap();
    for signer in ["party-1", "O-0001", "O-0002"] {
        let strokes = strokes.to_string_lossy();
        h.ok(&["doc", "sign", case, draft, signer, "--strokes", &strokes]).unwrap();
    }
    let pins: Vec<String> = h.pins.iter().map(|(id, f)| format!("{id}={}", f.display())).collect();
    let seal =
        ["seal", case, "--incomplete", "空间不足", "--signer", &pins[0], "--signer", &pins[1]];
    h.ok(&seal).unwrap();
    let pushed = h.ok(&["push"]).unwrap();
    assert_eq!(pushed["items"][0]["state"], "received", "{pushed}");
}

/// R96: the centre's disk is full. Below its reserve it takes nothing new and says "later"; to the brim it refuses
/// in words and goes on serving; nothing half-taken counts, and with room the same bundle is received whole.
#[test]
fn r96_a_full_centre_takes_nothing_half_and_everything_later() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::make("r96_a_full_centre", folder.path()) else { return };
    let data = disk.at.join("center");
    std::fs::create_dir(&data).unwrap();
    std::os::unix::fs::symlink(&data, folder.path().join("center")).unwrap();
    let world = World::build(folder.path(), &Claims::DemoCity { seed: 15 }, &[], None).unwrap();
    let h = &world.handheld;
    let (case, bundle) = h.seal_unfinished(&world.task).unwrap();
    for left in [200 * MB, 0] {
        disk.fill(left);
        let ran = h.run_as(0, &["push"]).unwrap();
        if ran.code == 0 {
            assert_ne!(ran.json["items"][0]["state"], "received", "{}", ran.json);
        } else {
            let code = ran.error_code().to_owned();
            assert!(!code.is_empty(), "{}", ran.json);
            clear(&ran, ran.code, &code).unwrap();
        }
        let waiting = h.ok(&["receipts"]).unwrap();
        let item = &waiting["items"][0];
        assert_eq!(item["bundle"], bundle.as_str(), "{waiting}");
        assert_ne!(item["state"], "received", "{waiting}");
        // It still answers who asks.
        let status = h.ok(&["status"]).unwrap();
        assert_eq!(status["unsent"], 1, "{status}");
        std::net::TcpStream::connect(world.serving.url.trim_start_matches("https://")).unwrap();
    }
    disk.clear();
    let begun = Instant::now();
    let mut said = h.ok(&["push"]).unwrap();
    while said["items"][0]["state"] != "received" {
        assert!(begun.elapsed() < Duration::from_secs(60), "{said}");
        std::thread::sleep(Duration::from_secs(1));
        said = h.ok(&["push"]).unwrap();
    }
    let sealed = Sealed { case, bundle, documents: Vec::new() };
    let out = collect(&world, &sealed, &folder.path().join("out")).unwrap();
    assert_eq!(verify(&out, false).unwrap()["verdict"], "accepted");
}
