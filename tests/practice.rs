//! 演练 through the real programs: a centre gives a task to learn on, an officer goes the whole way, nothing comes
//! back, and nothing is left.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

use spotcheck_tests::support::programs::text;
use spotcheck_tests::support::visit::{Claims, World};

/// An officer who learns must not be able to spoil anything: the practice bundle is sealed with both PINs and stays,
/// the real case beside it is untouched by the wipe, and of the practice case no file is left.
#[test]
fn an_officer_learns_on_a_task_that_leaves_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::build(folder.path(), &Claims::DemoCity { seed: 31 }, &[], None).unwrap();
    let h = &world.handheld;
    let new = |more: &[&str]| {
        let mut arguments = vec!["task", "new", "--facility", &world.facility];
        arguments.extend(["--period", "2025-11-01..2026-11-15", "--title", "新人演练"]);
        arguments.extend(["--officers", "O-0001,O-0002", "--devices", "D-0001"]);
        arguments.extend(more);
        world.center.ok(&arguments)
    };
    assert!(new(&["--document-number", "演练〔2026〕1号"]).is_err(), "a real task in disguise");
    let made = new(&["--practice"]).unwrap();
    let task = text(&made, "/task/id").unwrap();
    let number = text(&made, "/task/document_number").unwrap();
    assert!(number.starts_with("演练"), "{number}");
    world.center.ok(&["package", "build", "--task", &task]).unwrap();
    h.ok(&["pull"]).unwrap();

    let real = text(&h.ok(&["case", "open", "--task", &world.task]).unwrap(), "/id").unwrap();
    h.ok(&["capture", "photo", &real]).unwrap();
    let case = text(&h.ok(&["case", "open", "--task", &task]).unwrap(), "/id").unwrap();
    let sealed = world.work(&case, None).unwrap();

    // Sealed as a real one is, and nowhere to go.
    let sent = h.ok(&["push"]).unwrap();
    assert_eq!(sent["items"].as_array().map(Vec::len), Some(0), "{sent}");
    let stick = folder.path().join("stick");
    std::fs::create_dir(&stick).unwrap();
    let out = stick.to_string_lossy().into_owned();
    assert!(h.ok(&["rescue", "--to", &out, "--bundle", &sealed.bundle]).is_err());
    assert_eq!(std::fs::read_dir(&stick).unwrap().count(), 0, "nothing on the stick");

    let of = |case: &str| h.data.join("cases").join(case);
    assert!(of(&case).is_dir());
    h.ok(&["case", "shred", &case]).unwrap();
    assert!(!of(&case).exists(), "files that nobody can read only take room");
    // Somebody else's work: still there, and its evidence opens.
    let view = h.ok(&["case", "show", &real]).unwrap();
    assert_eq!(view["evidence"].as_array().map(Vec::len), Some(1), "{view}");
    assert_eq!(h.run_as(0, &["case", "shred", &real]).unwrap().error_code(), "CASE-KEPT");
    // And again from the beginning.
    let next = text(&h.ok(&["case", "open", "--task", &task]).unwrap(), "/id").unwrap();
    assert_ne!(next, case);
    h.ok(&["journal", "--verify"]).unwrap();
}
