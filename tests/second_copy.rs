//! The thief and the fire: handheld A is gone at some moment of the visit, and what it had five minutes ago is
//! with handheld B, with the stick, and at the centre, marked as rescued (evidence.md §1, "Second copy").
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

#[path = "second_copy/destroyed.rs"]
mod destroyed;
#[path = "second_copy/door.rs"]
mod door;
#[path = "second_copy/pair.rs"]
mod pair;

use std::fs;
use std::process::Command;

use serde_json::Value;
use spotcheck_tests::support::clocked::Clocked;
use spotcheck_tests::support::programs::{HandheldCli, text};
use spotcheck_tests::support::visit::{Claims, World};

use self::pair::{Confirmed, Keeping, arg, destroy, goes_on, walk};

/// No partner, one stick: the centre proves the copy, addresses it to B, and opens it by two custodians.
/// Whoever finds the stick reads nothing.
#[test]
fn the_stick_alone_goes_home_over_the_centre() {
    let base = tempfile::tempdir().unwrap();
    let world = World::build_pair(base.path(), &Claims::DemoCity { seed: 52 }).unwrap();
    let (a, b) = (&world.handheld, world.partner.as_ref().unwrap());
    let stick = base.path().join("stick");
    let refused = a.run_as(0, &["copy", "to", &arg(&stick)]).unwrap();
    assert_eq!(refused.error_code(), "COPY-FOLDER", "a stick that is not there is not made");
    assert!(!stick.exists());
    fs::create_dir(&stick).unwrap();
    let case = text(&a.ok(&["case", "open", "--task", &world.task]).unwrap(), "/id").unwrap();
    a.ok(&["case", "note", &case, "铺位空着，欧阳稽核试"]).unwrap();
    a.ok(&["capture", "photo", &case]).unwrap();
    a.ok(&["capture", "audio", &case]).unwrap();
    let listed = a.ok(&["copy", "list"]).unwrap();
    assert_eq!(listed["cases"][0]["without"], listed["cases"][0]["files"], "{listed}");
    a.ok(&["copy", "to", &arg(&stick)]).unwrap();
    let listed = a.ok(&["copy", "list"]).unwrap();
    assert_eq!(listed["cases"][0]["without"], 0, "{listed}");
    destroy(a);

    let folder = stick.join(format!("{case}.copy"));
    let add = arg(&folder);
    for entry in walk(&stick) {
        let bytes = fs::read(&entry).unwrap();
        for token in ["欧阳稽核试".as_bytes(), b"OpusHead", b"JFIF", b"O-0001"] {
            assert!(!bytes.windows(token.len()).any(|w| w == token), "{}", entry.display());
        }
    }
    let rescue = ["copy", "rescue", case.as_str(), "--from", add.as_str()];
    assert_eq!(b.run_as(0, &rescue).unwrap().error_code(), "COPY-INCOMPLETE", "no key for B in it");

    let report = world.center.ok(&["bundle", "add", &add, "--for", "D-0002"]).unwrap();
    assert_eq!(report["copy"]["faults"], serde_json::json!([]), "{report}");
    assert_eq!(
        (report["copy"]["device"].as_str(), report["copy"]["running"].as_u64()),
        (Some("D-0001"), Some(1))
    );

    // The centre's own way: plain, unsigned, said so; by the intake key, and by two custodians alone.
    let shares = base.path().join("shares");
    world.center.ok(&["escrow", "export", "--out", &arg(&shares)]).unwrap();
    let key = base.path().join("escrow.key");
    let share = |n: u8| arg(&shares.join(format!("escrow-share-{n}.txt")));
    world.center.ok(&["escrow", "combine", &share(2), &share(3), "--out", &arg(&key)]).unwrap();
    for (name, escrow) in [("by-intake", None), ("by-escrow", Some(arg(&key)))] {
        let out = base.path().join(name);
        let out_arg = arg(&out);
        let mut arguments = vec!["bundle", "add", &add, "--open", &out_arg];
        if let Some(key) = &escrow {
            arguments.extend(["--escrow", key]);
        }
        world.center.ok(&arguments).unwrap();
        let note: Value =
            serde_json::from_slice(&fs::read(out.join("RESCUED.json")).unwrap()).unwrap();
        assert_eq!(
            (note["signed"].as_bool(), note["from_device"].as_str()),
            (Some(false), Some("D-0001"))
        );
        assert!(fs::read_to_string(out.join("data/journal.jsonl")).unwrap().contains("欧阳稽核试"));
        let sums = Command::new("sha256sum")
            .args(["--strict", "-c", "manifest-sha256.txt"])
            .current_dir(&out)
            .output()
            .unwrap();
        assert!(sums.status.success(), "{}", String::from_utf8_lossy(&sums.stderr));
        assert!(fs::read(out.join("data/media/0002.ogg")).unwrap().starts_with(b"OggS"));
    }

    // A damaged file is told, and B does not take it.
    let blob =
        walk(&folder).into_iter().find(|p| p.file_stem().is_some_and(|s| s.len() == 64)).unwrap();
    let good = fs::read(&blob).unwrap();
    fs::write(&blob, &good[..good.len() - 1]).unwrap();
    let mut bad = world.center.command(&["bundle", "add", &add]).unwrap();
    assert_eq!(bad.output().unwrap().status.code(), Some(1));
    assert_ne!(b.run_as(0, &rescue).unwrap().code, 0);
    fs::write(&blob, &good).unwrap();

    b.ok(&rescue).unwrap();
    let before = Confirmed { notes: vec!["欧阳稽核试".to_owned()], photos: 1, recordings: 1 };
    goes_on(&world, b, &case, &before, &base.path().join("out"));
}

/// A sealed case that was not sent yet: its copy is a rescue export, and the centre receives it.
#[test]
fn the_copy_of_a_sealed_case_is_received_at_the_centre() {
    let base = tempfile::tempdir().unwrap();
    let world = World::build_pair(base.path(), &Claims::DemoCity { seed: 53 }).unwrap();
    let (a, b) = (&world.handheld, world.partner.as_ref().unwrap());
    let keeping = Keeping::start(b);
    let (case, bundle) = a.seal_unfinished(&world.task).unwrap();
    a.ok(&["copy", "peer", &keeping.address, "--locked"]).unwrap();
    destroy(a);
    drop(keeping);
    let rescue = b.run_as(0, &["copy", "rescue", &case]).unwrap();
    assert_eq!(rescue.error_code(), "COPY-SEALED", "{:?}", rescue.json);
    b.ok(&["copy", "to", &arg(base.path()), "--locked", "--held"]).unwrap();
    let folder = base.path().join(format!("{case}.copy"));
    let added = world.center.ok(&["bundle", "add", &arg(&folder)]).unwrap();
    assert_eq!(
        (added["state"].as_str(), added["bundle"].as_str()),
        (Some("received"), Some(bundle.as_str()))
    );
}

/// evidence.md §1, against keeping for ever what somebody else answers for: B keeps A's copy until it learns, from
/// A over the link or from the centre at its own sync, that the bundle has its receipt or the case was shredded.
/// Never before; then files and keys are gone, and B's journal says so.
#[test]
fn b_lets_go_of_as_copy_after_the_receipt_or_the_shred_and_never_before() {
    let base = tempfile::tempdir().unwrap();
    let world = World::build_pair(base.path(), &Claims::DemoCity { seed: 54 }).unwrap();
    let mut clock = Clocked::of(&world.handheld, base.path(), "").unwrap();
    let (a, b) = (clock.cli.clone(), world.partner.as_ref().unwrap());
    let stick = base.path().join("stick");
    fs::create_dir(&stick).unwrap();
    let link = || {
        let keeping = Keeping::start(b);
        a.ok(&["copy", "peer", &keeping.address]).unwrap()
    };
    let held = |case: &str| b.data.join(format!("partners/D-0001/{case}.copy"));
    let kept =
        |case: &str| held(case).join("keys-D-0002.age").is_file() && walk(&held(case)).len() > 4;
    let heard = || -> Vec<(String, String)> {
        let said = b.ok(&["journal"]).unwrap();
        let items = said["items"].as_array().unwrap().iter();
        let dropped = items.filter(|e| e["kind"] == "copy_dropped");
        dropped.map(|e| (text(e, "/subject").unwrap(), text(e, "/facts/heard").unwrap())).collect()
    };
    let open = || {
        let case = text(&a.ok(&["case", "open", "--task", &world.task]).unwrap(), "/id").unwrap();
        a.ok(&["capture", "photo", &case]).unwrap();
        link();
        assert!(kept(&case));
        case
    };

    let seal = |case: &str| a.seal_incomplete(case, "撤离", &[0, 1]).unwrap();

    let push = || {
        let pushed = a.ok(&["push"]).unwrap();
        let items = pushed["items"].as_array().unwrap();
        assert!(items.iter().all(|item| item["state"] == "received"), "{pushed}");
    };
    let logs = || {
        let of = |h: &HandheldCli| fs::read_to_string(h.data.join("spotcheck.log")).unwrap();
        let known = fs::read_to_string(a.data.join("copies/released.json")).unwrap_or_default();
        format!("{}\n{}\n{known}", of(&a), of(b))
    };

    // By the link, once there is a receipt: not while the case is open, nor sealed, nor by B's own sync.
    let first = open();
    a.ok(&["copy", "to", &arg(&stick)]).unwrap();
    assert!(stick.join(format!("{first}.copy")).is_dir());
    b.ok(&["pull"]).unwrap();
    seal(&first);
    link();
    b.ok(&["pull"]).unwrap();
    assert!(kept(&first), "sealed is not received");
    push();
    assert!(kept(&first), "nobody told B");
    let said = link();
    assert!(!held(&first).exists(), "{said} {}", logs());
    a.ok(&["copy", "to", &arg(&stick)]).unwrap();
    assert!(!stick.join(format!("{first}.copy")).exists(), "nor on the stick");
    b.ok(&["status"]).unwrap();
    assert_eq!(heard(), [(first, "receipt".to_owned())]);

    // By the centre: the link stays down after the copy.
    let second = open();
    seal(&second);
    b.ok(&["pull"]).unwrap();
    assert!(kept(&second));
    push();
    b.ok(&["pull"]).unwrap();
    assert!(!held(&second).exists());
    assert_eq!(heard()[1..], [(second, "centre".to_owned())]);

    // By the shred: B was away from A and the centre all the time.
    let third = open();
    seal(&third);
    push();
    assert!(kept(&third));
    clock.set_wall(31 * 86_400_000).unwrap();
    a.ok(&["case", "shred", &third]).unwrap();
    link();
    assert!(!held(&third).exists());
    assert_eq!(heard()[2..], [(third.clone(), "shred".to_owned())]);
    let nothing = b.run_as(0, &["copy", "rescue", &third]).unwrap();
    assert_eq!(nothing.error_code(), "COPY-NONE");
}
