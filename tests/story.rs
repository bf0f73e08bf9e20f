//! The whole way once, told by sub-commands: centre, handheld, court.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests may panic")]

use std::process::Command;

use spotcheck_tests::support::checks::{Out, collect, referee, verify, verify_partial};
use spotcheck_tests::support::tsa::Tsa;
use spotcheck_tests::support::visit::{Claims, World};
use spotcheck_tests::{has_program, root, shared};

#[test]
fn two_officers_inspect_a_hospital_of_the_demo_city() {
    let folder = tempfile::tempdir().unwrap();
    let tsa = Tsa::start(&folder.path().join("tsa")).unwrap();
    let roots = tsa.roots.to_string_lossy().into_owned();
    let serve = ["--tsa", tsa.url.as_str(), "--tsa-roots", roots.as_str()];
    let world = World::build(folder.path(), &Claims::DemoCity { seed: 7 }, &serve, None).unwrap();
    let sealed = world.visit(None).unwrap();
    let pushed = world.handheld.ok(&["push"]).unwrap();
    assert_eq!(pushed["items"][0]["state"], "received", "{pushed}");
    // A second push changes nothing.
    let again = world.handheld.ok(&["push"]).unwrap();
    assert_eq!(again["items"][0]["log_index"], pushed["items"][0]["log_index"]);

    let out = collect(&world, &sealed, &folder.path().join("out")).unwrap();
    let report = verify(&out, true).unwrap();
    assert_eq!(report["verdict"], "accepted", "{report}");
    readme_section_works(&out.bundle);
    the_party_gets_its_copy(&world, &sealed.bundle, &out);
    if let Some(shared) = shared("referee over the story's bundle") {
        referee(&shared.join("referee/verify.sh"), &out).unwrap();
        tampered_variants_are_rejected(&shared, &out);
    }
    // A broken visit leaves a journal that still verifies.
    world.handheld.ok(&["journal", "--verify", "--case", &sealed.case]).unwrap();
    world.handheld.ok(&["journal", "--verify"]).unwrap();
}

/// evidence.md §3: the party's copy proves what is present and says that it is a part.
fn the_party_gets_its_copy(world: &World, bundle: &str, out: &Out) {
    let copy = out.bundle.with_file_name(bundle.replace("EVID-", "PART-") + ".zip");
    let target = copy.to_string_lossy().into_owned();
    world.center.ok(&["bundle", "export", bundle, "--party", "--out", &target]).unwrap();
    let part = Out { bundle: copy.clone(), ..out.clone() };
    assert!(verify(&part, true).is_err(), "a part is no whole");
    let report = verify_partial(&part).unwrap();
    assert_eq!(report["verdict"], "accepted", "{report}");
    if let Some(shared) = shared("referee over the party's copy") {
        let script = shared.join("referee/verify.sh");
        let ran =
            Command::new("bash").arg(script).arg("--partial").arg(&copy).arg(&out.roots).output();
        let ran = ran.unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stdout));
    }
}

/// README, "Verify with tools that are not ours": word for word.
fn readme_section_works(bundle: &std::path::Path) {
    if !has_program("README section", "bagit.py") {
        return;
    }
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let section = readme.split("<!-- verify:begin -->").nth(1).unwrap();
    let section = section.split("<!-- verify:end -->").next().unwrap();
    let script: String =
        section.lines().filter(|l| !l.starts_with("```")).collect::<Vec<_>>().join("\n");
    let ran = Command::new("bash")
        .args(["-e", "-o", "pipefail", "-c", &script])
        .current_dir(bundle.parent().unwrap())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{}{said}", String::from_utf8_lossy(&ran.stdout));
    assert_eq!(said.matches("CMS Verification successful").count(), 3, "{said}");
}

fn tampered_variants_are_rejected(shared: &std::path::Path, out: &Out) {
    let variants = out.bundle.parent().unwrap().join("tampered");
    let tamper = shared.join("referee/tamper.py");
    let made =
        Command::new("python3").arg(&tamper).arg(&out.bundle).arg(&variants).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let verifier = spotcheck_tests::support::programs::program("spotcheck-verify").unwrap();
    let judged = Command::new("python3")
        .arg(&tamper)
        .arg("--judge")
        .arg(&variants)
        .arg(&verifier)
        .args(["{}", "--trust", &format!("{{roots:{}}}", out.roots.display())])
        .output()
        .unwrap();
    assert!(judged.status.success(), "{}", String::from_utf8_lossy(&judged.stdout));
}

#[test]
fn two_officers_inspect_a_facility_of_the_synthea_export() {
    let Some(shared) = shared("Synthea story") else { return };
    let folder = tempfile::tempdir().unwrap();
    let claims = Claims::Mapped {
        from: shared.join("data/synthea"),
        mapping: root().join("tests/fixtures/mappings/synthea.toml"),
        period: "1968-01-01..2025-12-31".to_owned(),
    };
    // Once without a time-stamp authority: the centre's log alone attests the time.
    let world = World::build(folder.path(), &claims, &[], None).unwrap();
    let sealed = world.visit(None).unwrap();
    world.handheld.ok(&["push"]).unwrap();
    let out = collect(&world, &sealed, &folder.path().join("out")).unwrap();
    assert_eq!(verify(&out, false).unwrap()["verdict"], "accepted");
}
