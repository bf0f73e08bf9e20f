//! A centre that cannot be reached, that is false, or that says no; and what a clerk enters wrongly there.
//!
//! Each gives a clear error and loses nothing: what was sealed travels once the way is free again.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

use std::path::Path;

use serde_json::Value;
use spotcheck_tests::has_program;
use spotcheck_tests::support::programs::{CenterCli, HandheldCli, free_port, text};
use spotcheck_tests::support::refusal::clear;
use spotcheck_tests::support::visit::{Claims, World};

fn arg(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn world(folder: &Path) -> World {
    World::build(folder, &Claims::DemoCity { seed: 12 }, &[], None).unwrap()
}

#[test]
fn r48_without_the_centre_everything_is_kept_and_travels_when_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let world = world(folder.path());
    let (h, task) = (&world.handheld, world.task.as_str());
    let port: u16 = world.serving.url.rsplit(':').next().unwrap().parse().unwrap();
    drop(world.serving);
    let (case, bundle) = h.seal_unfinished(task).unwrap();
    let before = h.state(&case).unwrap();
    for act in [&["pull"][..], &["push"], &["pull", "--task", task]] {
        let error = h.refused(act, 3, "SYNC-OFFLINE").unwrap();
        assert_eq!(error["retryable"], true, "{error}");
        assert!(text(&error, "/safe").unwrap().contains("手持机"), "{error}");
    }
    let after = h.state(&case).unwrap();
    assert_eq!(before["case"], after["case"]);
    assert_eq!(before["journal"], after["journal"]);
    assert_eq!(after["outbox"]["items"][0]["state"], "sealed");
    // Without a centre the package is read and the next visit begins.
    h.ok(&["facility", "--task", task]).unwrap();
    let next = text(&h.ok(&["case", "open", "--task", task]).unwrap(), "/id").unwrap();
    h.ok(&["case", "note", &next, "没有网络"]).unwrap();

    let serving = world.center.serve(port, &[]).unwrap();
    let pushed = h.ok(&["push"]).unwrap();
    assert_eq!(pushed["items"][0]["state"], "received", "{pushed}");
    assert_eq!(h.ok(&["case", "show", &case]).unwrap()["state"], "received");
    h.ok(&["pull"]).unwrap();
    drop(serving);
    signature_of_an_officer(&world.center, h, task, &bundle, folder.path());
}

/// An officer's certificate is of the same centre, and yet no centre's: it signs no package.
fn signature_of_an_officer(
    center: &CenterCli,
    h: &HandheldCli,
    task: &str,
    bundle: &str,
    folder: &Path,
) {
    if !has_program("package signed by an officer", "unzip") {
        return;
    }
    let zip = folder.join("bundle.zip");
    center.ok(&["bundle", "export", bundle, "--out", &arg(&zip)]).unwrap();
    let unzip = std::process::Command::new("unzip")
        .args(["-p", &arg(&zip), "*/signatures/inspector-1.p7s"])
        .output()
        .unwrap();
    assert!(unzip.stdout.len() > 200);
    let h = h.copied(&folder.join("officer-signed")).unwrap();
    h.ok(&["package", "--task", task]).unwrap();
    let shelf = h.data.join("packages").join(task);
    let name = std::fs::read_to_string(shelf.join("current")).unwrap();
    std::fs::write(shelf.join(name.trim()).join("package.json.p7s"), unzip.stdout).unwrap();
    h.refused(&["facility", "--task", task], 1, "PACKAGE-SIGNATURE").unwrap();
    h.refused(&["package", "--task", task], 1, "PACKAGE-SIGNATURE").unwrap();
}

/// sync.md: a revoked device can do one thing, deliver what was sealed; it is kept apart until accepted.
#[test]
fn r34_r45_a_revoked_handheld_pulls_nothing_and_delivers_into_quarantine() {
    let folder = tempfile::tempdir().unwrap();
    let world = world(folder.path());
    let (h, task) = (&world.handheld, world.task.as_str());
    let (case, bundle) = h.seal_unfinished(task).unwrap();
    world.center.ok(&["device", "revoke", "--id", "D-0001"]).unwrap();
    h.refused(&["pull"], 3, "SYNC-DEVICE-REVOKED").unwrap();
    let before = h.state(&case).unwrap();
    let error = clear(&h.run_as(0, &["push"]).unwrap(), 3, "SYNC-QUARANTINED").unwrap();
    assert_eq!(error["retryable"], true, "{error}");
    let shown = world.center.ok(&["bundle", "show", &bundle]).unwrap();
    assert_eq!(shown["state"], "quarantined", "{shown}");
    assert_eq!(shown["missing"], serde_json::json!([]), "everything was delivered");
    assert_eq!(before["journal"], h.state(&case).unwrap()["journal"]);
    // What lies on the handheld stays usable.
    h.ok(&["facility", "--task", task]).unwrap();
    world.center.ok(&["bundle", "accept", &bundle]).unwrap();
    // The receipt comes; the device's journal is nothing that a revoked handheld may bring.
    clear(&h.run_as(0, &["push"]).unwrap(), 3, "SYNC-DEVICE-REVOKED").unwrap();
    let receipts = h.ok(&["receipts"]).unwrap();
    assert_eq!(receipts["items"][0]["state"], "received", "{receipts}");
    h.refused(&["pull"], 3, "SYNC-DEVICE-REVOKED").unwrap();
    world.center.refused(&["bundle", "accept", &bundle], 3, "BUNDLE-NOT-QUARANTINED").unwrap();
}

fn new_handheld(folder: &Path, name: &str, like: &HandheldCli) -> HandheldCli {
    HandheldCli { data: folder.join(name), pins: Vec::new(), ..like.clone() }
}

fn ticket(center: &CenterCli, id: &str, url: &str, out: &Path) -> String {
    center
        .ok(&["ticket", "device", "--id", id, "--name", id, "--centre", url, "--out", &arg(out)])
        .unwrap();
    std::fs::read_to_string(out).unwrap()
}

/// The members of a ticket's text, changed; the text again.
fn changed(ticket: &str, change: impl Fn(&mut Value)) -> String {
    const PREFIX: &str = "SPOTCHECK-TICKET-1.";
    let python = |code: &str, input: &str| {
        let mut child = std::process::Command::new("python3")
            .args(["-c", code])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes()).unwrap();
        String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
    };
    let body = ticket.trim().strip_prefix(PREFIX).unwrap();
    let json = python(
        "import sys,base64;b=sys.stdin.read();print(base64.urlsafe_b64decode(b+'='*(-len(b)%4)).decode())",
        body,
    );
    let mut value: Value = serde_json::from_str(&json).unwrap();
    change(&mut value);
    let body = python(
        "import sys,base64;print(base64.urlsafe_b64encode(sys.stdin.buffer.read()).decode().rstrip('='))",
        &value.to_string(),
    );
    format!("{PREFIX}{}\n", body.trim())
}

#[test]
fn false_centres_and_bad_tickets_enrol_nobody_and_use_nothing_up() {
    if !has_program("bad tickets", "python3") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path();
    let start = |name: &str| {
        let center = CenterCli { data: base.join(name), environment: Vec::new() };
        center.ok(&["policy", "set", "--allow-file-protection", "true"]).unwrap();
        let serving = center.serve(free_port().unwrap(), &[]).unwrap();
        (center, serving)
    };
    let ((a, at_a), (_b, at_b)) = (start("center-a"), start("center-b"));
    let device = base.join("device.toml");
    spotcheck_tests::support::visit::stand_in_device(&device, None).unwrap();
    let like = HandheldCli {
        data: base.join("none"),
        device,
        pins: Vec::new(),
        environment: Vec::new(),
        print_beside: None,
    };
    let file = base.join("first.ticket");
    let good = ticket(&a, "D-0007", &at_a.url, &file);
    let h = new_handheld(base, "handheld", &like);
    let put = |name: &str, text: &str| {
        let path = base.join(name);
        std::fs::write(&path, text).unwrap();
        arg(&path)
    };

    // A second, real centre answers in the place of the first one: nothing is sent to it.
    let false_centre =
        put("false.ticket", &changed(&good, |t| t["centre"] = at_b.url.clone().into()));
    let error = h.refused(&["enroll", "--ticket", &false_centre], 1, "ENROL-FALSE-CENTRE").unwrap();
    assert!(text(&error, "/advice").unwrap().contains("不要继续"), "{error}");
    let expired = |t: &mut Value| t["expires"] = "2026-01-01T00:00:00.000+08:00".into();
    let other_code = |t: &mut Value| t["code"] = "0".repeat(32).into();
    let nobody = |t: &mut Value| t["centre"] = "https://127.0.0.1:9".into();
    for (name, text, exit, code) in [
        ("expired.ticket", changed(&good, expired), 3, "ENROL-TICKET-EXPIRED"),
        ("unknown.ticket", changed(&good, other_code), 3, "ENROL-TICKET"),
        ("nobody.ticket", changed(&good, nobody), 3, "SYNC-OFFLINE"),
        ("cut.ticket", good.chars().take(80).collect(), 3, "ENROL-TICKET-FORM"),
        ("empty.ticket", String::new(), 3, "ENROL-TICKET-FORM"),
        ("garbled.ticket", good.replace('e', "f"), 3, "ENROL-TICKET-FORM"),
    ] {
        h.refused(&["enroll", "--ticket", &put(name, &text)], exit, code).unwrap();
    }
    h.refused(&["enroll", "--ticket", "/nonexistent"], 3, "CLI-FILE").unwrap();
    assert_eq!(h.ok(&["status"]).unwrap()["device"], Value::Null);
    h.refused(&["pull"], 3, "CLI-OFFICER").unwrap();
    h.refused(&["push"], 3, "APP-NOT-ENROLLED").unwrap();

    // After all of it the ticket itself still works, once.
    h.ok(&["enroll", "--ticket", &arg(&file)]).unwrap();
    assert_eq!(h.ok(&["status"]).unwrap()["device"], "D-0007");
    let second = new_handheld(base, "second", &like);
    second.refused(&["enroll", "--ticket", &arg(&file)], 3, "ENROL-TICKET").unwrap();
    assert_eq!(second.ok(&["status"]).unwrap()["device"], Value::Null);
    // A ticket for another device does not turn this handheld into that device.
    let other = base.join("other.ticket");
    ticket(&a, "D-0008", &at_a.url, &other);
    h.refused(&["enroll", "--ticket", &arg(&other)], 3, "ENROL-ALREADY").unwrap();
    clerk(&a, base);
}

/// What a clerk enters wrongly.
fn clerk(center: &CenterCli, base: &Path) {
    let task = |facility: &'static str, period: &'static str| {
        vec![
            "task",
            "new",
            "--facility",
            facility,
            "--period",
            period,
            "--title",
            "核查",
            "--officers",
            "O-0001,O-0002",
            "--devices",
            "D-0007",
        ]
    };
    center.refused(&task("H00000000000", "2026-01-01..2026-02-01"), 3, "CENTRE-NOT-FOUND").unwrap();
    center.refused(&["package", "build", "--task", "T-NONE"], 3, "CENTRE-NOT-FOUND").unwrap();
    center.refused(&["device", "revoke", "--id", "D-9999"], 3, "CENTRE-NOT-FOUND").unwrap();
    center.refused(&["bundle", "show", "EVID-NONE"], 3, "CENTRE-NOT-FOUND").unwrap();
    let city = base.join("city");
    center.ok(&["demo-data", "--out", &arg(&city), "--seed", "4"]).unwrap();
    // A required file that is missing stops the import before anything is written.
    std::fs::remove_file(city.join("setl_d.csv")).unwrap();
    let import = ["import", "--from", &arg(&city), "--check"].map(str::to_owned);
    let import: Vec<&str> = import.iter().map(String::as_str).collect();
    for import in [&import[..], &import[..3]] {
        center.refused(import, 1, "CLAIMS-IMPORT-MISSING-TABLE").unwrap();
    }
    center.refused(&["import", "--from", "/nonexistent"], 3, "CLAIMS-IO").unwrap();
    let listed = center.ok(&["facilities", "list"]).unwrap();
    assert_eq!(listed["facilities"], serde_json::json!([]), "nothing was imported");
}
