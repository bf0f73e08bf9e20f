//! No network ever comes: the sealed bundle goes home on a stick, still encrypted (evidence.md §3).
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;
use spotcheck_tests::support::checks::{collect, verify};
use spotcheck_tests::support::programs::{HandheldCli, text};
use spotcheck_tests::support::visit::{Claims, Sealed, World};

fn arg(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Names and bytes of all files of an export.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap())
        })
        .collect();
    files.sort();
    files
}

fn export(h: &HandheldCli, stick: &Path, bundle: &str) -> PathBuf {
    let written = h.ok(&["rescue", "--to", &arg(stick)]).unwrap();
    assert_eq!(written["items"][0]["bundle"], bundle, "{written}");
    let folder = stick.join(format!("{bundle}.rescue"));
    assert_eq!(text(&written, "/items/0/folder").unwrap(), arg(&folder));
    folder
}

/// Whoever finds the stick reads nothing; whoever pulls it out early spoils nothing; what was changed on it
/// is not kept; the centre takes it as if it had been sent, and the handheld gets its receipt afterwards.
#[test]
fn a_sealed_bundle_goes_home_on_a_stick() {
    let base = tempfile::tempdir().unwrap();
    let world = World::build(base.path(), &Claims::DemoCity { seed: 31 }, &[], None).unwrap();
    let (h, task) = (&world.handheld, world.task.as_str());
    let port: u16 = world.serving.url.rsplit(':').next().unwrap().parse().unwrap();
    let (case, bundle) = h.seal_unfinished(task).unwrap();
    // A path that is not there is a typing mistake, not a folder to be made on the handheld's own disk.
    let stick = base.path().join("stick");
    h.refused(&["rescue", "--to", &arg(&stick)], 3, "RESCUE-WRITE").unwrap();
    assert!(!stick.exists());
    fs::create_dir(&stick).unwrap();
    let folder = export(h, &stick, &bundle);

    let all = files(&folder);
    assert!(all.len() > 3, "segments, announcement and label");
    for (name, bytes) in &all {
        if name == "rescue.json" {
            let label: serde_json::Value = serde_json::from_slice(bytes).unwrap();
            assert_eq!(label["bundle"], bundle.as_str());
        } else {
            assert!(name.ends_with(".age"), "{name}");
            assert!(bytes.starts_with(b"age-encryption.org/v1\n"), "{name}");
        }
        for token in ["撤离", "检查", "inspector-1", &h.pins[0].0] {
            assert!(
                !bytes.windows(token.len()).any(|w| w == token.as_bytes()),
                "{token} in {name}"
            );
        }
    }
    // Again: the segments stay as they are (age would never make the same bytes twice).
    export(h, &stick, &bundle);
    let segments = |all: Vec<(String, Vec<u8>)>| -> Vec<(String, Vec<u8>)> {
        all.into_iter().filter(|(n, _)| n != "announcement.age" && n != "rescue.json").collect()
    };
    assert_eq!(segments(files(&folder)), segments(all.clone()));
    let journal = h.ok(&["journal"]).unwrap();
    let kinds = journal["items"].as_array().unwrap().iter().filter(|e| e["kind"] == "exported");
    assert_eq!(kinds.count(), 2, "both exports stand in the device journal");

    let centre = &world.center;
    let add = arg(&folder);
    let untouched = |why: &str| {
        assert_eq!(centre.ok(&["bundle", "list"]).unwrap()["bundles"], json!([]), "{why}");
    };
    // Pulled out early: the label is missing.
    let label = fs::read(folder.join("rescue.json")).unwrap();
    fs::remove_file(folder.join("rescue.json")).unwrap();
    centre.refused(&["bundle", "add", &add], 3, "RESCUE-UNUSABLE").unwrap();
    fs::write(folder.join("rescue.json"), &label).unwrap();
    untouched("no label");
    for (name, bytes) in &all {
        if name == "rescue.json" {
            continue;
        }
        let mut changed = bytes.clone();
        *changed.last_mut().unwrap() ^= 1;
        let good = fs::read(folder.join(name)).unwrap();
        fs::write(folder.join(name), &changed).unwrap();
        centre.refused(&["bundle", "add", &add], 3, "RESCUE-UNUSABLE").unwrap();
        fs::remove_file(folder.join(name)).unwrap();
        centre.refused(&["bundle", "add", &add], 3, "RESCUE-UNUSABLE").unwrap();
        fs::write(folder.join(name), &good).unwrap();
        untouched(name);
    }

    let added = centre.ok(&["bundle", "add", &add]).unwrap();
    assert_eq!(added["state"], "received", "{added}");
    assert_eq!(centre.ok(&["bundle", "add", &add]).unwrap()["state"], "received", "again");
    // The same bundle by network: nothing is sent twice, the receipt is the one of the stick.
    drop(world.serving);
    let serving = centre.serve(port, &[]).unwrap();
    let pushed = h.ok(&["push"]).unwrap();
    assert_eq!(pushed["items"][0]["state"], "received", "{pushed}");
    assert_eq!(h.ok(&["rescue", "--to", &arg(&stick)]).unwrap()["items"], json!([]));
    let world = World { serving, ..world };
    let sealed = Sealed { case, bundle, documents: Vec::new() };
    let out = collect(&world, &sealed, &base.path().join("out")).unwrap();
    verify(&out, false).unwrap();
}

/// A stolen handheld's stick is heard, and kept apart until a clerk accepts it.
#[test]
fn from_a_revoked_handheld_it_is_kept_apart() {
    let base = tempfile::tempdir().unwrap();
    let world = World::build(base.path(), &Claims::DemoCity { seed: 32 }, &[], None).unwrap();
    let (_, bundle) = world.handheld.seal_unfinished(&world.task).unwrap();
    let folder = export(&world.handheld, base.path(), &bundle);
    world.center.ok(&["device", "revoke", "--id", "D-0001"]).unwrap();
    let mut add = world.center.command(&["bundle", "add", &arg(&folder)]).unwrap();
    let ran = spotcheck_tests::support::programs::read(&add.output().unwrap()).unwrap();
    assert_eq!((ran.code, ran.json["state"].as_str()), (1, Some("quarantined")), "{:?}", ran.json);
    let accepted = world.center.ok(&["bundle", "accept", &bundle]).unwrap();
    assert_eq!(accepted["state"], "received", "{accepted}");
}
