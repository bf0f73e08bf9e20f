//! The scene at the door: nobody has opened a case, the handheld is locked, and it has to record now.
//!
//! evidence.md §1: one press from any state; with no case open it goes to the arrival case and is assigned
//! later. Twelve minutes (the stand-in microphone runs twenty times as fast, and so do the clocks), three
//! refusals marked, then program and recorder are killed; what was confirmed is there (R01, R04, R06, R19, R58).
//! The record of refusal (W25) begins with the marks; the visit ends with a reason and goes on the next day.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests may panic"
)]

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use spotcheck_tests::support::checks::{collect, verify};
use spotcheck_tests::support::clocked::Clocked;
use spotcheck_tests::support::programs::{HandheldCli, kill_recorder, text};
use spotcheck_tests::support::visit::{Claims, Sealed, World};

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
        assert!(begun.elapsed() < Duration::from_secs(300), "the recording stands still");
    }
}

/// The same data folder taken by a thief before anybody unlocked again tells nothing of what was said.
fn says_nothing(data: &Path, words: &str) {
    let found =
        Command::new("grep").args(["-r", "-l", "-a", "-F", words]).arg(data).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&found.stdout), "", "{words} lies open");
}

const TWELVE_MINUTES_MS: u64 = 12 * 60_000;
/// On a desktop processor; a handheld's own figure is P6.
const RESTART: Duration = Duration::from_secs(5);

/// The record of refusal: begun with the marks, completed by the officers, signed by them alone.
fn record_of_refusal(h: &HandheldCli, folder: &Path, case: &str) -> Value {
    for (officer, _) in &h.pins {
        h.ok(&["case", "certificate", case, officer]).unwrap();
    }
    let draft = h.ok(&["doc", "new", case, "W25"]).unwrap();
    let id = text(&draft, "/card/id").unwrap();
    let field = |key: &str| {
        let fields = draft["fields"].as_array().unwrap();
        let found = fields.iter().find(|f| f["key"] == key).unwrap();
        found["value"].as_str().unwrap().to_owned()
    };
    let acts: Vec<String> = field("acts").lines().map(str::to_owned).collect();
    assert_eq!(acts.len(), 3, "{acts:?}");
    let all = |word: &str| acts.iter().all(|act| act.contains(word));
    assert!(all("有人阻挠") && all("录音 E1") && all("年"), "{acts:?}");
    let minute = |act: &str| -> u32 {
        let clock = act.rsplit("第 ").next().unwrap();
        clock.get(3..5).unwrap().parse().unwrap()
    };
    assert!(minute(&acts[1]) >= 4 && minute(&acts[2]) >= 8, "{acts:?}");
    assert!(field("recordings").contains("标记 3 处"), "{}", field("recordings"));
    for (key, value) in [
        ("place", "示例医院正门"),
        ("code", "阻止执法人员进入经营场所"),
        ("told", "已出示执法证件，说明来意和检查依据，告知配合检查的义务。"),
        ("deadline", "要求当日配合检查，对方未开门。"),
        ("remark", "无见证人。"),
    ] {
        h.ok(&["doc", "fill", case, &id, key, value]).unwrap();
    }
    h.ok(&["doc", "freeze", case, &id]).unwrap();
    let strokes = folder.join("strokes.json");
    std::fs::write(&strokes, r#"[{"points":[[10,10,0,512],[200,120,90,512],[300,60,160,512]]}]"#)
        .unwrap();
    let strokes = strokes.to_string_lossy().into_owned();
    for (officer, _) in &h.pins {
        h.ok(&["doc", "sign", case, &id, officer, "--strokes", &strokes]).unwrap();
    }
    let signed = h.ok(&["doc", "show", case, &id]).unwrap();
    assert_eq!(signed["card"]["state"], "signed", "{signed}");
    signed
}

#[test]
fn r01_r04_the_door_stays_shut_and_the_recording_counts() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::build(folder.path(), &Claims::DemoCity { seed: 41 }, &[], None).unwrap();
    let mut clock = Clocked::of(&world.handheld, folder.path(), "pace = 20\n").unwrap();
    let world = World { handheld: clock.cli.clone(), ..world };
    let (h, task) = (&world.handheld, world.task.as_str());
    let door = locked(h);
    // No PIN, no case: sound runs, three refusals are marked within twelve minutes, a picture is taken.
    let early = text(&door.ok(&["capture", "audio"]).unwrap(), "/evidence").unwrap();
    assert_eq!(early, "A1");
    for at in [0, TWELVE_MINUTES_MS / 3, TWELVE_MINUTES_MS / 3 * 2] {
        wait_for(&door, at);
        door.ok(&["capture", "mark", &early, "有人阻挠"]).unwrap();
    }
    let photo = door.ok(&["capture", "photo"]).unwrap();
    wait_for(&door, TWELVE_MINUTES_MS);
    let confirmed = stored_ms(&door);
    clock.pass(i64::try_from(confirmed).unwrap()).unwrap();
    says_nothing(&h.data, "有人阻挠");
    // Everything is killed; the first sentence afterwards says what is safe, before anybody unlocks.
    kill_recorder(&h.data);
    let begun = Instant::now();
    let status = door.ok(&["status"]).unwrap();
    let answered = begun.elapsed();
    h.ok(&["unlock"]).unwrap();
    let (restart, unlocked) = (answered.as_millis(), begun.elapsed().as_millis());
    eprintln!("restart: the first sentence after {restart} ms, unlocked after {unlocked} ms");
    assert!(!cfg!(target_arch = "x86_64") || answered < RESTART, "{restart} ms");
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

    let refusal = record_of_refusal(h, folder.path(), &id);
    let refusal = text(&refusal, "/card/id").unwrap();

    // Withdrawal with a reason, and the case goes on the next day: a court accepts both bundles.
    h.ok(&["case", "note", &id, "被检查单位拒绝配合"]).unwrap();
    let pins: Vec<String> = h.pins.iter().map(|(id, f)| format!("{id}={}", f.display())).collect();
    let seal =
        ["seal", &id, "--incomplete", "对方拒绝", "--signer", &pins[0], "--signer", &pins[1]];
    h.ok(&seal).unwrap();
    clock.pass(86_400_000).unwrap();
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
    let first = again_with(&world, &id, refusal);
    let mut records = Vec::new();
    for (n, sealed) in [&first, &sealed].into_iter().enumerate() {
        let out = collect(&world, sealed, &folder.path().join(format!("out{n}"))).unwrap();
        let report = verify(&out, false).unwrap();
        assert_eq!(report["verdict"], "accepted", "{report}");
        let bundle = out.bundle.to_string_lossy().into_owned();
        let record = Command::new("unzip").args(["-p", &bundle, "*/data/record.json"]).output();
        records.push(serde_json::from_slice::<Value>(&record.unwrap().stdout).unwrap());
    }
    assert_eq!(records[0]["completeness"]["reason"], "对方拒绝", "{}", records[0]);
    let papers = records[0]["documents"].as_array().unwrap();
    assert!(papers.iter().any(|d| d["form"] == "W25"), "{papers:?}");
    let refusal = &records[0]["refusals"][0];
    assert_eq!((&refusal["by"], &refusal["document"]), (&"party-1".into(), &papers[0]["id"]));
    assert!(refusal["evidence"].as_array().unwrap().iter().any(|e| e == "E1"), "{refusal}");
    let relation = &records[1]["relations"][0];
    assert_eq!(
        (relation["kind"].as_str(), relation["bundle"].as_str()),
        (Some("supplements"), Some(first.bundle.as_str()))
    );
}

/// The sealed case of the first attempt.
fn again_with(world: &World, case: &str, paper: String) -> Sealed {
    let shown = world.handheld.ok(&["case", "show", case]).unwrap();
    let bundle = text(&shown, "/bundle").unwrap();
    Sealed { case: case.to_owned(), bundle, documents: vec![paper] }
}
