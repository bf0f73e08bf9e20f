//! The scene at the door: nobody has opened a case, the handheld is locked, and it has to record now.
//!
//! evidence.md §1: one press from any state; with no case open it goes to the arrival case and is assigned
//! later. What was confirmed survives the kill of program and recorder (R01, R06, R19).
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests may panic")]

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use spotcheck_tests::support::checks::{collect, verify};
use spotcheck_tests::support::programs::{HandheldCli, kill_recorder, text};
use spotcheck_tests::support::visit::{Claims, World};

/// Nobody gives a PIN.
fn locked(h: &HandheldCli) -> HandheldCli {
    HandheldCli { pins: Vec::new(), ..h.clone() }
}

fn stored_ms(h: &HandheldCli) -> u64 {
    h.ok(&["status"]).unwrap()["recordings"][0]["stored_ms"].as_u64().unwrap()
}

fn wait_for(h: &HandheldCli, ms: u64) {
    let begun = Instant::now();
    while stored_ms(h) < ms {
        assert!(begun.elapsed() < Duration::from_secs(60), "the recording stands still");
    }
}

/// The same data folder taken by a thief before anybody unlocked again tells nothing of what was said.
fn says_nothing(data: &Path, words: &str) {
    let found = std::process::Command::new("grep")
        .args(["-r", "-l", "-a", "-F", words])
        .arg(data)
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&found.stdout), "", "{words} lies open");
}

#[test]
fn the_door_stays_shut_and_the_recording_counts() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::build(folder.path(), &Claims::DemoCity { seed: 41 }, &[], None).unwrap();
    let (h, task) = (&world.handheld, world.task.as_str());
    let door = locked(h);
    // No PIN, no case: sound runs, three refusals are marked, a picture is taken.
    let early = text(&door.ok(&["capture", "audio"]).unwrap(), "/evidence").unwrap();
    assert_eq!(early, "A1");
    for _ in 0..3 {
        door.ok(&["capture", "mark", &early, "有人阻挠"]).unwrap();
    }
    let photo = door.ok(&["capture", "photo"]).unwrap();
    wait_for(&door, 4_000);
    let confirmed = stored_ms(&door);
    says_nothing(&h.data, "有人阻挠");
    // Everything is killed; the first sentence afterwards says what is safe, before anybody unlocks.
    kill_recorder(&h.data);
    let status = door.ok(&["status"]).unwrap();
    let safe = text(&status, "/safe").unwrap();
    assert!(safe.contains("安全") && safe.contains("到场采集 2 件"), "{safe}");
    assert_eq!(status["recordings"], serde_json::json!([]));

    // Under the lock again, and this one still runs when the case is opened.
    let second = text(&door.ok(&["capture", "video"]).unwrap(), "/evidence").unwrap();
    assert_ne!(second, early);
    let case = h.ok(&["case", "open", "--task", task]).unwrap();
    let id = text(&case, "/id").unwrap();
    let items = case["evidence"].as_array().unwrap();
    let of_kind = |kind: &str| -> Value {
        let found = items.iter().find(|e| e["media_type"] == kind);
        found.unwrap_or_else(|| panic!("{kind} is not in {case}")).clone()
    };
    let sound = of_kind("audio/ogg");
    assert_eq!(sound["marks"].as_array().unwrap().len(), 3);
    assert_eq!(sound["recovered"], true);
    assert_eq!(of_kind("image/jpeg")["sha256"], photo["sha256"]);
    let entries = h.ok(&["journal", "--case", &id]).unwrap();
    let entries = entries["items"].as_array().unwrap();
    let stopped =
        entries.iter().find(|e| e["kind"] == "capture_stopped" && e["subject"] == sound["path"]);
    let kept = stopped.unwrap()["facts"]["duration_ms"].as_u64().unwrap();
    assert!(kept >= confirmed, "{kept} ms of {confirmed} ms confirmed");
    let video = h.ok(&["capture", "stop", "E3"]).unwrap();
    assert_eq!(video["media_type"], "video/x-matroska", "{video}");

    // Withdrawal with a reason, and the case goes on: a court accepts both bundles.
    h.ok(&["case", "note", &id, "被检查单位拒绝配合"]).unwrap();
    let pins: Vec<String> = h.pins.iter().map(|(id, f)| format!("{id}={}", f.display())).collect();
    let seal =
        ["seal", &id, "--incomplete", "对方拒绝", "--signer", &pins[0], "--signer", &pins[1]];
    h.ok(&seal).unwrap();
    door.ok(&["capture", "photo"]).unwrap();
    let next = text(&h.ok(&["case", "open", "--task", task]).unwrap(), "/id").unwrap();
    assert_ne!(next, id);
    h.ok(&["capture", "describe", &next, "E1", "--proves", "次日到场时大门的情况"]).unwrap();
    let sealed = world.work(&next, None).unwrap();
    let again = h.ok(&["case", "show", &sealed.case]).unwrap();
    assert_eq!(
        again["evidence"][0]["path"].as_str().map(|p| p.contains("/a")),
        Some(true),
        "{again}"
    );
    h.ok(&["push"]).unwrap();
    let first = again_with(&world, &id);
    for (n, sealed) in [first, sealed].iter().enumerate() {
        let out = collect(&world, sealed, &folder.path().join(format!("out{n}"))).unwrap();
        let report = verify(&out, false).unwrap();
        assert_eq!(report["verdict"], "accepted", "{report}");
    }
}

/// The sealed case of the first attempt.
fn again_with(world: &World, case: &str) -> spotcheck_tests::support::visit::Sealed {
    let shown = world.handheld.ok(&["case", "show", case]).unwrap();
    let bundle = text(&shown, "/bundle").unwrap();
    spotcheck_tests::support::visit::Sealed { case: case.to_owned(), bundle, documents: Vec::new() }
}
