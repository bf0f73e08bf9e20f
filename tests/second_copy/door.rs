//! The scene at the door, and then the handheld is gone before anybody opened a case: what it recorded is whole
//! on handheld B and at the centre, marked as rescued (evidence.md §1; R42, R04).

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use spotcheck_tests::has_program;
use spotcheck_tests::support::programs::{HandheldCli, program, text};
use spotcheck_tests::support::visit::{Claims, World};

use super::pair::{Confirmed, Keeping, arg, destroy, goes_on, unzip, walk};

/// Length of a sound file in seconds, read by somebody else's decoder to its end.
fn seconds(ogg: &Path) -> f64 {
    let decode = ["-v", "error", "-xerror", "-i", &arg(ogg), "-f", "null", "-"];
    let decoded = Command::new("ffmpeg").args(decode).output().unwrap();
    assert!(decoded.status.success() && decoded.stderr.is_empty(), "{decoded:?}");
    let ask = ["-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0"];
    let asked = Command::new("ffprobe").args(ask).arg(ogg).output().unwrap();
    String::from_utf8(asked.stdout).unwrap().trim().parse().unwrap()
}

/// Nobody gives a PIN.
fn locked(h: &HandheldCli) -> HandheldCli {
    HandheldCli { pins: Vec::new(), ..h.clone() }
}

fn record_until(h: &HandheldCli, ms: u64) -> u64 {
    let begun = Instant::now();
    loop {
        let status = h.ok(&["status"]).unwrap();
        let stored = status["recordings"][0]["stored_ms"].as_u64().unwrap();
        if stored >= ms {
            return stored;
        }
        assert!(begun.elapsed() < Duration::from_secs(120), "the recording stands still");
    }
}

/// One sound stopped with a mark in it, one picture, one sound that still runs: all before any case, all copied.
/// Then A is gone. B opens a case of the task out of it, and the centre writes plain files.
#[test]
fn r42_what_was_recorded_at_the_door_survives_the_handheld_that_recorded_it() {
    let base = tempfile::tempdir().unwrap();
    let world = World::build_pair(base.path(), &Claims::DemoCity { seed: 61 }).unwrap();
    let (a, b) = (&world.handheld, world.partner.as_ref().unwrap());
    let keeping = Keeping::start(b);
    let stick = base.path().join("stick");
    fs::create_dir(&stick).unwrap();
    // Who the partner is has to be known once, unlocked, for B to have keys of its own in the copy.
    a.ok(&["copy", "peer", &keeping.address]).unwrap();

    let door = locked(a);
    let first = text(&door.ok(&["capture", "audio"]).unwrap(), "/evidence").unwrap();
    record_until(&door, 3_000);
    door.ok(&["capture", "mark", &first, "有人阻挠"]).unwrap();
    let stopped = door.ok(&["capture", "stop", &first]).unwrap();
    let photo = text(&door.ok(&["capture", "photo"]).unwrap(), "/sha256").unwrap();
    door.ok(&["capture", "audio"]).unwrap();
    let running_ms = record_until(&door, 2_000);
    // Still locked, and still no case.
    a.ok(&["copy", "peer", &keeping.address, "--locked"]).unwrap();
    a.ok(&["copy", "to", &arg(&stick), "--locked"]).unwrap();
    destroy(a);
    drop(keeping);

    let copies: Vec<_> = fs::read_dir(&stick).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(copies.len(), 1, "{copies:?}");
    let copy = copies[0].clone();
    let name = copy.file_name().unwrap().to_string_lossy().into_owned();
    let case = name.strip_suffix(".copy").unwrap().to_owned();
    for file in walk(&copy) {
        let bytes = fs::read(&file).unwrap();
        for token in ["有人阻挠".as_bytes(), b"OpusHead", b"JFIF"] {
            assert!(!bytes.windows(token.len()).any(|w| w == token), "{}", file.display());
        }
    }

    // The centre's own way: plain, unsigned, said so.
    let report = world.center.ok(&["bundle", "add", &arg(&copy)]).unwrap();
    let said = &report["copy"];
    assert_eq!((said["door"].as_bool(), said["running"].as_u64()), (Some(true), Some(1)), "{said}");
    assert_eq!(said["faults"], serde_json::json!([]), "{said}");
    let plain = base.path().join("plain");
    world.center.ok(&["bundle", "add", &arg(&copy), "--open", &arg(&plain)]).unwrap();
    let note: Value =
        serde_json::from_slice(&fs::read(plain.join("RESCUED.json")).unwrap()).unwrap();
    assert_eq!(
        (note["from_device"].as_str(), note["signed"].as_bool(), note["door"].as_bool()),
        (Some("D-0001"), Some(false), Some(true))
    );
    let list = fs::read_to_string(plain.join("manifest-sha256.txt")).unwrap();
    let hash = text(&stopped, "/sha256").unwrap();
    assert!(list.contains(&format!("{hash}  data/media/a0001.ogg\n")), "{list}");
    assert!(list.contains(&format!("{photo}  data/media/a0002.jpg\n")), "{list}");
    let early = fs::read_to_string(plain.join("data/early.json")).unwrap();
    assert!(early.contains("有人阻挠"), "the marks go along");

    // B: a case of the task, begun in B's own name.
    let rescued = b.ok(&["copy", "rescue", &case]).unwrap();
    assert_eq!((rescued["from"].as_str(), rescued["entries"].as_u64()), (Some("D-0001"), Some(0)));
    let again = b.run_as(0, &["copy", "rescue", &case]).unwrap();
    assert_eq!(again.error_code(), "COPY-HERE");
    let before = Confirmed { notes: vec!["有人阻挠".to_owned()], photos: 1, recordings: 2 };
    let folder = base.path().join("out");
    let out = goes_on(&world, b, &case, &before, &folder);
    let journal = unzip(&out.bundle, "data/journal.jsonl");
    let first = journal.lines().next().unwrap();
    assert!(
        first.contains("case_opened") && first.contains("\"device\":\"D-0002\""),
        "no line in the name of a handheld that did not write it: {first}"
    );
    let record: Value = serde_json::from_str(&unzip(&out.bundle, "data/record.json")).unwrap();
    let evidence = record["evidence"].as_array().unwrap();
    for sha256 in [&hash, &photo] {
        assert!(evidence.iter().any(|e| e["sha256"] == sha256.as_str()), "{sha256}: {record}");
    }

    if !has_program("second_copy::door", "ffmpeg") || !has_program("second_copy::door", "unzip") {
        return;
    }
    assert!(seconds(&plain.join("data/media/a0001.ogg")) >= 3.0);
    let unpacked = Command::new("unzip")
        .args(["-q", "-j", &arg(&out.bundle), "*/data/media/*.ogg", "-d"])
        .arg(&folder)
        .status()
        .unwrap();
    assert!(unpacked.success());
    for (name, least) in [("a0001.ogg", 3.0), ("a0003.ogg", running_ms as f64 / 1000.0)] {
        assert!(seconds(&folder.join(name)) >= least, "{name} is shorter than what was stored");
        assert!(seconds(&plain.join("data/media").join(name)) >= least, "{name} at the centre");
    }
}

/// Encrypted files that nothing names are no copy: told where they are copied, at the centre and on B.
#[test]
fn a_copy_without_the_state_of_its_case_is_told_in_words() {
    let base = tempfile::tempdir().unwrap();
    let world = World::build_pair(base.path(), &Claims::DemoCity { seed: 62 }).unwrap();
    let (a, b) = (&world.handheld, world.partner.as_ref().unwrap());
    let stick = base.path().join("stick");
    fs::create_dir(&stick).unwrap();
    // No copy is configured here, so nothing was kept for one when the case was opened or locked.
    let case = text(&a.ok(&["case", "open", "--task", &world.task]).unwrap(), "/id").unwrap();
    a.ok(&["capture", "photo", &case]).unwrap();
    a.ok(&["copy", "to", &arg(&stick), "--locked"]).unwrap();
    let copy = stick.join(format!("{case}.copy"));
    assert!(!copy.join("state.age").exists());

    let mut words = Command::new(program("spotcheck").unwrap());
    words.arg("--data").arg(&a.data).arg("--device").arg(&a.device);
    words.args(["copy", "to", &arg(&stick), "--locked"]);
    let said = String::from_utf8(words.output().unwrap().stdout).unwrap();
    assert!(said.contains("没有案卷状态") && said.contains("解锁一次"), "{said}");

    world.center.refused(&["bundle", "add", &arg(&copy)], 3, "COPY-NO-STATE").unwrap();
    let rescue = b.run_as(0, &["copy", "rescue", &case, "--from", &arg(&copy)]).unwrap();
    assert_eq!(rescue.error_code(), "COPY-NO-STATE");

    // Unlocked once, and it is a copy.
    a.ok(&["copy", "to", &arg(&stick)]).unwrap();
    let listed = a.ok(&["copy", "list"]).unwrap();
    assert_eq!(listed["cases"][0]["state"], true, "{listed}");
    let report = world.center.ok(&["bundle", "add", &arg(&copy)]).unwrap();
    assert_eq!(report["copy"]["faults"], serde_json::json!([]));
}
