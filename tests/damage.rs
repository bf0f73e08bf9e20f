//! One bad block: a flipped bit in a photo, a segment, a database, or a file that is gone. Whatever it hits, everything
//! else arrives at the centre, and the officer and the record say in one sentence what does not.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use spotcheck_tests::support::checks::{collect_from, verify};
use spotcheck_tests::support::programs::{HandheldCli, kill_recorder, text};
use spotcheck_tests::support::visit::{Claims, Sealed, World};

fn arg(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn configure(h: &HandheldCli, more: &str) {
    let mut config = fs::read_to_string(&h.device).unwrap();
    config.push_str(more);
    fs::write(&h.device, config).unwrap();
}

fn flip(path: &Path) -> Vec<u8> {
    let good = fs::read(path).unwrap();
    let mut bytes = good.clone();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
    good
}

fn names(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().map(|e| e.unwrap().path()).collect();
    found.sort();
    found
}

fn blobs(h: &HandheldCli, case: &str) -> PathBuf {
    h.data.join("cases").join(case).join("blobs")
}

/// The blob that an act made.
fn made(h: &HandheldCli, case: &str, act: &[&str]) -> (Value, PathBuf) {
    let before = names(&blobs(h, case));
    let said = h.ok(act).unwrap();
    let after = names(&blobs(h, case));
    (said, after.into_iter().find(|path| !before.contains(path)).unwrap())
}

/// Segments of the one recording that was cut off, by its list.
fn segments(h: &HandheldCli, case: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for recording in names(&h.data.join("cases").join(case).join("rec")) {
        let list = fs::read_to_string(recording.join("segments.jsonl")).unwrap_or_default();
        for line in list.lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let hash = text(&line, "/blob/ciphertext_sha256").unwrap();
            found.push(blobs(h, case).join(format!("{hash}.age")));
        }
    }
    found
}

fn record(bundle: &Path) -> Value {
    let out = Command::new("unzip").args(["-p", &arg(bundle), "*/data/record.json"]).output();
    serde_json::from_slice(&out.unwrap().stdout).unwrap()
}

fn missing(view: &Value) -> String {
    view["missing"].to_string()
}

/// A photo has a flipped bit, one segment of a recording that was cut off has another. The self-check finds both, the
/// officer reads both before the seal, and the bundle is accepted with everything else in it.
#[test]
fn r23_a_flipped_photo_and_a_damaged_segment_do_not_hold_up_the_rest() {
    let base = tempfile::tempdir().unwrap();
    let world = World::build(base.path(), &Claims::DemoCity { seed: 81 }, &[], None).unwrap();
    let h = &world.handheld;
    configure(h, "\n[recorder]\nsegment_seconds = 2\n");
    let case = text(&h.ok(&["case", "open", "--task", &world.task]).unwrap(), "/id").unwrap();
    let (photo, flipped) = made(h, &case, &["capture", "photo", &case]);
    let (good, _) = made(h, &case, &["capture", "photo", &case]);
    let began = h.ok(&["capture", "audio", &case]).unwrap();
    let sound = text(&began, "/evidence").unwrap();
    let patience = Instant::now();
    while segments(h, &case).len() < 4 {
        assert!(patience.elapsed() < Duration::from_secs(120), "no segments");
        std::thread::sleep(Duration::from_millis(200));
    }
    kill_recorder(&h.data);
    h.ok(&["selfcheck"]).unwrap();
    flip(&flipped);
    flip(&segments(h, &case)[1]);

    let found = h.run_as(0, &["selfcheck"]).unwrap();
    assert_eq!((found.code, found.error_code()), (1, "SELFCHECK"), "{:?}", found.json);
    let said = found.json.to_string();
    let hash = flipped.file_stem().unwrap().to_string_lossy().into_owned();
    assert!(said.contains("2 个加密文件已损坏") && said.contains(&hash), "{said}");

    let shown = missing(&h.ok(&["case", "show", &case]).unwrap());
    let (id, sha256) = (text(&photo, "/id").unwrap(), text(&photo, "/sha256").unwrap());
    assert!(
        shown.contains(&format!("{id} 的加密文件已损坏")) && shown.contains(&sha256),
        "{shown}"
    );
    assert!(shown.contains(&format!("{sound} 有一段存储损坏")), "{shown}");

    let bundle = h.seal_incomplete(&case, "存储损坏，撤离", &[0, 1]).unwrap();
    let pushed = h.ok(&["push"]).unwrap();
    assert_eq!(pushed["items"][0]["state"], "received", "{pushed}");
    let sealed = Sealed { case: case.clone(), bundle, documents: Vec::new() };
    let out = collect_from(&world.center, h, &sealed, &base.path().join("out")).unwrap();
    assert_eq!(verify(&out, false).unwrap()["verdict"], "accepted");

    let record = record(&out.bundle);
    let items: Vec<&str> =
        record["evidence"].as_array().unwrap().iter().map(|e| e["id"].as_str().unwrap()).collect();
    assert!(!items.contains(&id.as_str()), "{items:?}");
    assert!(items.contains(&text(&good, "/id").unwrap().as_str()), "{items:?}");
    assert!(items.contains(&sound.as_str()), "what is left of the sound is there: {items:?}");
    let lacking = record["completeness"]["missing"].to_string();
    assert!(lacking.contains(&format!("{id} 的加密文件已损坏")) && lacking.contains(&sha256));
    assert!(lacking.contains(&format!("{sound} 存储损坏 1 处，缺约")), "{lacking}");
    let journal = h.ok(&["journal", "--case", &case]).unwrap();
    let lines = journal["items"].as_array().unwrap();
    let stopped = lines.iter().find(|l| l["facts"]["damaged"] == 1).unwrap();
    assert!(stopped["facts"]["damaged_ms"].as_u64().unwrap() >= 1_000, "{stopped}");
    assert!(lines.iter().any(|l| l["facts"]["what"] == "damaged_and_taken_out"));
    assert!(!lines.iter().any(|l| l["kind"] == "capture_failed"), "nothing is said to have failed");
    let verified = h.ok(&["journal", "--case", &case, "--verify"]).unwrap();
    assert_eq!(verified["logs"], 1);
    assert!(flipped.exists(), "nothing is removed");
}

/// Damaged after the seal. With the second copy at hand the bundle is whole again; without it everything else goes
/// home, and the centre takes it in as soon as the one segment is found.
#[test]
fn r42_damage_after_the_seal_is_mended_from_the_second_copy() {
    let base = tempfile::tempdir().unwrap();
    let world = World::build(base.path(), &Claims::DemoCity { seed: 82 }, &[], None).unwrap();
    let h = &world.handheld;
    let (case, bundle) = h.seal_unfinished(&world.task).unwrap();
    let stick = base.path().join("stick");
    fs::create_dir(&stick).unwrap();
    h.ok(&["copy", "to", &arg(&stick)]).unwrap();
    let damaged = names(&blobs(h, &case)).remove(0);
    let name = damaged.file_name().unwrap().to_owned();
    let good = flip(&damaged);

    // Another round of copying does not spoil the copy.
    h.ok(&["copy", "to", &arg(&stick)]).unwrap();
    assert_eq!(fs::read(stick.join(format!("{case}.copy")).join(&name)).unwrap(), good);

    let refused = h.run_as(0, &["push"]).unwrap();
    assert_eq!(refused.error_code(), "VAULT-BLOB-DAMAGED", "{:?}", refused.json);
    let home = base.path().join("home");
    fs::create_dir(&home).unwrap();
    let exported = h.ok(&["rescue", "--to", &arg(&home)]).unwrap();
    assert_eq!(exported["items"][0]["damaged"], 1, "{exported}");
    let folder = home.join(format!("{bundle}.rescue"));
    let label: Value =
        serde_json::from_slice(&fs::read(folder.join("rescue.json")).unwrap()).unwrap();
    let hash = damaged.file_stem().unwrap().to_string_lossy().into_owned();
    assert_eq!(label["damaged"], serde_json::json!([hash]));
    world.center.refused(&["bundle", "add", &arg(&folder)], 3, "RESCUE-UNUSABLE").unwrap();

    configure(h, &format!("\n[copy]\nfolder = \"{}\"\n", stick.display()));
    let pushed = h.ok(&["push"]).unwrap();
    assert_eq!(pushed["items"][0]["state"], "received", "{pushed}");
    assert_eq!(fs::read(&damaged).unwrap(), good, "it lies here again");
    let sealed = Sealed { case, bundle, documents: Vec::new() };
    let out = collect_from(&world.center, h, &sealed, &base.path().join("out")).unwrap();
    assert_eq!(verify(&out, false).unwrap()["verdict"], "accepted");
}

/// What the officer is advised to do when a database does not open works: nothing of it needs that database.
#[test]
fn r27_r29_what_is_advised_for_a_damaged_database_works() {
    let base = tempfile::tempdir().unwrap();
    let world = World::build(base.path(), &Claims::DemoCity { seed: 83 }, &[], None).unwrap();
    let h = &world.handheld;
    let (first, bundle) = h.seal_unfinished(&world.task).unwrap();
    let second = text(&h.ok(&["case", "open", "--task", &world.task]).unwrap(), "/id").unwrap();
    assert_ne!(first, second, "the next day's case");
    let (_, photo) = made(h, &second, &["capture", "photo", &second]);
    let photo = photo.file_name().unwrap().to_owned();

    let database = h.data.join("cases").join(&second).join("case.db");
    let damaged = vec![7_u8; fs::read(&database).unwrap().len()];
    fs::write(&database, &damaged).unwrap();
    let refused = h.run_as(0, &["case", "show", &second]).unwrap();
    assert_eq!(refused.error_code(), "STORE-OPEN", "{:?}", refused.json);
    // One damaged case holds up no other one, nor its own files.
    let stick = base.path().join("stick");
    fs::create_dir(&stick).unwrap();
    assert_eq!(h.ok(&["copy", "to", &arg(&stick)]).unwrap()["cases"], 3, "and what comes next");
    assert!(stick.join(format!("{first}.copy")).join("rescue.json").exists());
    assert!(stick.join(format!("{second}.copy")).join(&photo).exists());
    h.ok(&["copy", "list"]).unwrap();

    let locked = HandheldCli { pins: Vec::new(), ..h.clone() };
    let exported = |to: &str| {
        let home = base.path().join(to);
        fs::create_dir(&home).unwrap();
        (locked.ok(&["rescue", "--to", &arg(&home)]).unwrap(), home)
    };
    let (said, home) = exported("damaged");
    assert_eq!(said["items"][0]["bundle"], bundle.as_str(), "{said}");
    assert_eq!(said["cases"][0]["case"], second.as_str(), "{said}");
    let copy = home.join(format!("{second}.copy"));
    assert_eq!(fs::read(copy.join("case.db")).unwrap(), damaged, "as it lies");
    for name in [photo, format!("{second}.keys.age").into()] {
        assert!(copy.join(&name).exists(), "{}", name.display());
    }

    // R29: the device's own database is gone. Nobody is told that all is well, and nothing is made in its place.
    fs::remove_file(h.data.join("device.db")).unwrap();
    for _ in 0..2 {
        let refused = locked.run_as(0, &["status"]).unwrap();
        assert_eq!(refused.error_code(), "STORE-DEVICE-MISSING", "{:?}", refused.json);
        assert!(!refused.json.to_string().contains("安全："), "{:?}", refused.json);
        assert!(!h.data.join("device.db").exists());
    }
    let (said, home) = exported("gone");
    assert_eq!(said["items"], serde_json::json!([]));
    for case in [&first, &second] {
        assert!(home.join(format!("{case}.copy")).join("case.db").exists(), "{case}");
    }
}

/// R25: a case of notes only, whose database is gone, is not begun anew; one that was set back to an older copy is not gone
/// on with, though it is whole in itself. What is advised works for both, and the other case goes on.
#[test]
fn r25_a_case_that_is_gone_or_set_back_is_never_gone_on_with() {
    let base = tempfile::tempdir().unwrap();
    let world = World::build(base.path(), &Claims::DemoCity { seed: 85 }, &[], None).unwrap();
    let h = &world.handheld;
    let case = text(&h.ok(&["case", "open", "--task", &world.task]).unwrap(), "/id").unwrap();
    let folder = h.data.join("cases").join(&case);
    let database = folder.join("case.db");
    let older = fs::read(&database).unwrap();
    assert!(!folder.join("case.db-wal").exists(), "the program closed it");
    h.ok(&["case", "note", &case, "第一次记录"]).unwrap();
    let newer = fs::read(&database).unwrap();

    fs::write(&database, &older).unwrap();
    for act in [&["case", "show", &case][..], &["case", "note", &case, "接着记"]] {
        let refused = h.run_as(0, act).unwrap();
        assert_eq!((refused.code, refused.error_code()), (1, "CASE-BEHIND"), "{:?}", refused.json);
    }
    assert_eq!(fs::read(&database).unwrap(), older, "nothing was written on top of it");
    let heads = h.ok(&["journal"]).unwrap();
    let heads: Vec<&Value> =
        heads["items"].as_array().unwrap().iter().filter(|l| l["kind"] == "case_head").collect();
    assert!(heads.len() >= 2, "the device's journal, which goes to the centre, has the heads");
    assert_eq!(heads[0]["subject"], case.as_str());

    fs::remove_file(&database).unwrap();
    let refused = h.run_as(0, &["case", "show", &case]).unwrap();
    assert_eq!(refused.error_code(), "STORE-MISSING", "{:?}", refused.json);
    assert!(!database.exists());
    // The whole folder, as when its file system is not there.
    let aside = base.path().join("aside");
    fs::rename(&folder, &aside).unwrap();
    let refused = h.run_as(0, &["case", "open", "--task", &world.task]).unwrap();
    assert_eq!(refused.error_code(), "STORE-MISSING", "{:?}", refused.json);
    assert!(!folder.exists(), "no empty case in its place");

    fs::rename(&aside, &folder).unwrap();
    fs::write(&database, &newer).unwrap();
    h.ok(&["case", "note", &case, "第二次记录"]).unwrap();
}

/// R25, R31: the key store is gone. Nothing opens and nothing is made anew, and the cases still go home: the centre, whose
/// key they are encrypted to, opens them.
#[test]
fn r25_r31_without_its_key_store_a_handheld_still_gives_its_cases() {
    let base = tempfile::tempdir().unwrap();
    let world = World::build(base.path(), &Claims::DemoCity { seed: 86 }, &[], None).unwrap();
    let h = &world.handheld;
    let case = text(&h.ok(&["case", "open", "--task", &world.task]).unwrap(), "/id").unwrap();
    let (_, photo) = made(h, &case, &["capture", "photo", &case]);
    let photo = photo.file_name().unwrap().to_owned();
    let keys = h.data.join("keys.db");
    for damaged in [false, true] {
        if damaged {
            fs::write(&keys, b"not a database").unwrap();
        } else {
            fs::remove_file(&keys).unwrap();
        }
        let locked = HandheldCli { pins: Vec::new(), ..h.clone() };
        let refused = locked.run_as(0, &["status"]).unwrap();
        let code = refused.error_code().to_owned();
        assert!(code.starts_with("VAULT-KEYS-"), "{:?}", refused.json);
        assert!(refused.json.to_string().contains("救援导出"), "{:?}", refused.json);
        let home = base.path().join(format!("home-{damaged}"));
        fs::create_dir(&home).unwrap();
        let said = locked.ok(&["rescue", "--to", &arg(&home)]).unwrap();
        assert_eq!(said["without_keys"], code.as_str(), "{said}");
        let copy = home.join(format!("{case}.copy"));
        for name in [photo.clone(), format!("{case}.keys.age").into(), "case.db".into()] {
            assert!(copy.join(&name).exists(), "{}: {}", name.display(), said);
        }
        assert_eq!(keys.exists(), damaged, "no key store was made in its place");
        let named = h.refused(
            &["rescue", "--to", &arg(&home), "--bundle", "EVID-01J9ZZZZZZZZZZZZZZZZZZZZZZ"],
            3,
            &code,
        );
        named.unwrap();
    }
}
