//! The rules over the same facility at the centre and on the handheld (rules.md: "equal on centre and handheld").
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests may panic")]

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;
use spotcheck_tests::support::visit::{Claims, World};

/// Rules that look at what persons did at other facilities.
const ELSEWHERE: [&str; 7] = ["A02", "A04", "A06", "C28", "G04", "H03", "J11"];

/// What `audit --json-lines` prints.
fn findings(mut command: Command) -> Vec<Value> {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_handheld_finds_what_the_centre_finds() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::build(folder.path(), &Claims::DemoCity { seed: 5 }, &[], None).unwrap();
    let h = &world.handheld;
    let here = findings(h.command(0, &["audit", "--task", &world.task, "--json-lines"]).unwrap());
    let centre = &world.center;
    let arguments = ["audit", "--facility", &world.facility, "--json-lines"];
    let there = findings(centre.command(&arguments).unwrap());
    // The package knows the persons' visits elsewhere; the centre's run over one facility's partitions does
    // not yet, and says so by silence.
    let shared = |all: &[Value]| -> BTreeSet<String> {
        let elsewhere = |f: &Value| ELSEWHERE.contains(&f["rule"].as_str().unwrap());
        all.iter().filter(|f| !elsewhere(f)).map(ToString::to_string).collect()
    };
    let (ours, theirs) = (shared(&here), shared(&there));
    let only_here: Vec<&String> = ours.difference(&theirs).collect();
    assert!(only_here.is_empty(), "the centre does not see {only_here:?}");
    // An invented city without violations accuses nobody.
    for finding in &here {
        assert_ne!(finding["grade"], "V", "{finding}");
        for word in ["违规", "违法", "骗保"] {
            assert!(!finding.to_string().contains(word), "{finding}");
        }
    }
    // Chosen rules only, as one object.
    let some = h.ok(&["audit", "--task", &world.task, "--rules", "A01,A05"]).unwrap();
    let of = |f: &Value| f["rule"].as_str().unwrap().to_owned();
    let rules: BTreeSet<String> = some["findings"].as_array().unwrap().iter().map(of).collect();
    assert!(rules.iter().all(|r| r == "A01" || r == "A05"), "{rules:?}");
    let chosen = here.iter().filter(|f| matches!(f["rule"].as_str(), Some("A01" | "A05"))).count();
    assert_eq!(some["findings"].as_array().unwrap().len(), chosen);
    let journal = h.ok(&["journal"]).unwrap();
    let audited = journal["items"].as_array().unwrap().iter().filter(|e| e["kind"] == "audited");
    assert_eq!(audited.count(), 2);
}

/// rules.md: a pack that is wrong is refused with file, line and reason; the national rules stay in force.
#[test]
fn a_pack_that_is_wrong_is_refused_by_file_line_and_reason() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::build(folder.path(), &Claims::DemoCity { seed: 6 }, &[], None).unwrap();
    let pack = folder.path().join("pack");
    std::fs::create_dir(&pack).unwrap();
    std::fs::write(pack.join("pack.toml"), "name = 'x'\nversion = '1'\nkernel = 'K99'\n").unwrap();
    let path = pack.to_string_lossy().into_owned();
    let error = world.handheld.refused(&["rules", "check", &path], 1, "RULES-PACK").unwrap();
    let said = error.to_string();
    assert!(said.contains("pack.toml"), "{said}");
    world.handheld.ok(&["audit", "--task", &world.task, "--rules", "A01"]).unwrap();
}
