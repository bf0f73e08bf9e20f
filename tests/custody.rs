//! Who opens a case, and who does not any more: lock-out, recovery by custodians, the next shift, destroyed keys,
//! escrow. After each of them somebody looks with every tool at hand (`custody/thief.rs`): `age`, an independent
//! SQLCipher reader, `strings` over the whole data folder (evidence.md §1, R41).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

#[path = "custody/thief.rs"]
mod thief;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};
use spotcheck_tests::support::checks::{collect, verify};
use spotcheck_tests::support::clocked::Clocked;
use spotcheck_tests::support::programs::{HandheldCli, pin_file, text};
use spotcheck_tests::support::visit::{Claims, Sealed, World};

use tempfile::TempDir;
use thief::{equipped, rob};

const FIRST: &str = "甲案-欧阳稽核试";
const SECOND: &str = "乙案-司徒稽核试";
const DAY_MS: i64 = 86_400_000;

fn arg(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// A handheld of two officers at its centre, and a folder for whoever looks; `None` where the thief has no tools.
fn scene(test: &str, seed: u64) -> Option<(TempDir, World, TempDir)> {
    if !equipped(test) {
        return None;
    }
    let (base, work) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let world = World::build(base.path(), &Claims::DemoCity { seed }, &[], None).unwrap();
    Some((base, world, work))
}

/// The task's case with a note and a photo.
fn begun(h: &HandheldCli, task: &str) -> String {
    let case = text(&h.ok(&["case", "open", "--task", task]).unwrap(), "/id").unwrap();
    h.ok(&["case", "note", &case, FIRST]).unwrap();
    h.ok(&["capture", "photo", &case]).unwrap();
    case
}

/// A folder that is a stick.
fn stick_in(base: &Path) -> PathBuf {
    let stick = base.join("stick");
    fs::create_dir(&stick).unwrap();
    stick
}

/// The PIN of an officer in [`HandheldCli::pins`].
fn pin_of(h: &HandheldCli, who: usize) -> String {
    fs::read_to_string(&h.pins[who].1).unwrap().trim().to_owned()
}

fn code(h: &HandheldCli, who: usize, arguments: &[&str]) -> String {
    let ran = h.run_as(who, arguments).unwrap();
    assert_ne!(ran.code, 0, "{arguments:?}: {}", ran.json);
    ran.error_code().to_owned()
}

/// An officer gets keys on this handheld, or new ones under another PIN.
fn enrol(world: &World, h: &HandheldCli, id: &str, pin: &str) -> PathBuf {
    static TICKETS: AtomicU32 = AtomicU32::new(0);
    let number = TICKETS.fetch_add(1, Ordering::Relaxed);
    let ticket = world.folder.join(format!("again-{number}.ticket"));
    let url = &world.serving.url;
    let made = ["ticket", "officer", "--id", id, "--centre", url, "--out", &arg(&ticket)];
    world.center.ok(&made).unwrap();
    let file = world.folder.join(format!("{id}-{}.pin", pin.len()));
    pin_file(&file, pin).unwrap();
    let nobody = HandheldCli { pins: Vec::new(), ..h.clone() };
    let (ticket, pin) = (arg(&ticket), arg(&file));
    nobody.ok(&["enroll", "--as-officer", "--ticket", &ticket, "--pin-file", &pin]).unwrap();
    file
}

fn journal(h: &HandheldCli, case: Option<&str>, kind: &str) -> Vec<Value> {
    let mut arguments = vec!["journal"];
    arguments.extend(case.iter().flat_map(|case| ["--case", case]));
    let said = h.ok(&arguments).unwrap();
    let items = said["items"].as_array().unwrap();
    items.iter().filter(|e| e["kind"] == kind).cloned().collect()
}

fn sealed(h: &HandheldCli, case: &str, signers: [usize; 2]) -> Sealed {
    let bundle = h.seal_incomplete(case, "撤离", &signers).unwrap();
    Sealed { case: case.to_owned(), bundle, documents: Vec::new() }
}

fn accepted(world: &World, sealed: &Sealed, out: &Path) -> PathBuf {
    let out = collect(world, sealed, out).unwrap();
    let report = verify(&out, false).unwrap();
    assert_eq!(report["verdict"], "accepted", "{report}");
    out.bundle
}

/// Two shares of three, put together; one alone, twice, or under two names is refused.
fn custodians(world: &World) -> PathBuf {
    let shares = world.folder.join("shares");
    world.center.ok(&["escrow", "export", "--out", &arg(&shares)]).unwrap();
    let share = |n: u8| arg(&shares.join(format!("escrow-share-{n}.txt")));
    let key = world.folder.join("escrow.key");
    let alone = shares.join("the-same-share-again.txt");
    fs::copy(share(1), &alone).unwrap();
    for second in [share(1), arg(&alone)] {
        let combine = ["escrow", "combine", &share(1), &second, "--out", &arg(&key)];
        let ran = world.center.command(&combine).unwrap().output().unwrap();
        assert!(!ran.status.success() && !key.exists(), "one custodian alone");
    }
    world.center.ok(&["escrow", "combine", &share(1), &share(3), "--out", &arg(&key)]).unwrap();
    key
}

/// Whoever tries PINs waits longer and longer, over restarts, another boot and a clock set forward, and finds
/// nothing meanwhile. Then both officers have forgotten theirs: two custodians open the case again, in place.
#[test]
fn r41_the_thief_waits_and_two_custodians_open_the_case_again() {
    const TEST: &str = "r41_the_thief_waits_and_two_custodians_open_the_case_again";
    let Some((base, world, work)) = scene(TEST, 61) else { return };
    let mut clock = Clocked::of(&world.handheld, base.path(), "").unwrap();
    let h = clock.cli.clone();
    let case = begun(&h, &world.task);
    let stick = stick_in(base.path());
    h.ok(&["copy", "to", &arg(&stick)]).unwrap();

    let wrong_pin = base.path().join("wrong.pin");
    pin_file(&wrong_pin, "demo-pin-one-7").unwrap();
    let wrong = HandheldCli { pins: vec![("O-0001".to_owned(), wrong_pin)], ..h.clone() };
    let waits: [i64; 9] = [0, 0, 5_000, 15_000, 30_000, 60_000, 300_000, 900_000, 900_000];
    for (n, wait) in waits.into_iter().enumerate() {
        assert_eq!(code(&wrong, 0, &["unlock"]), "VAULT-PIN-WRONG", "try {n}");
        if wait == 0 {
            continue;
        }
        // This machine may be slow: the moments that a command takes do not count.
        clock.wait(-60_000).unwrap();
        // Each command is a restart. The right PIN waits too, whatever the wall clock says.
        clock.set_wall(400 * DAY_MS).unwrap();
        assert_eq!(code(&h, 0, &["unlock"]), "VAULT-PIN-DELAY", "{wait} ms are not over");
        clock.set_wall(0).unwrap();
        if wait >= 60_000 {
            clock.wait(wait - 40_000).unwrap();
            assert_eq!(code(&h, 0, &["unlock"]), "VAULT-PIN-DELAY", "{wait} ms are not over");
            clock.wait(100_000).unwrap();
        } else {
            clock.wait(60_000 + wait).unwrap();
        }
    }
    assert_eq!(code(&wrong, 0, &["unlock"]), "VAULT-PIN-WRONG");
    clock.reboot().unwrap();
    for act in [&["unlock"][..], &["case", "show", &case], &["pin"], &["copy", "list"]] {
        assert_eq!(code(&h, 0, act), "VAULT-PIN-DELAY", "{act:?} in another boot");
    }
    let pins = [pin_of(&h, 0), pin_of(&h, 1)];
    let loot = rob(&h.data, work.path(), &["demo-pin-one-7", "demo-pin-one-2"], &[FIRST]);
    assert!(loot.tokens().is_empty() && loot.age.is_empty(), "{loot:?}");
    assert_eq!(loot.of_case(&case), Vec::<&str>::new());
    // Positive control: the same tools with a right PIN.
    let loot = rob(&h.data, work.path(), &[&pins[0]], &[FIRST]);
    assert!(loot.sql.values().any(|t| t.contains(FIRST)), "{loot:?}");
    assert!(loot.age.keys().any(|p| p.contains(&format!("{case}/blobs/"))), "{loot:?}");
    assert!(loot.strings.is_empty(), "{loot:?}");
    clock.wait(900_000).unwrap();
    h.ok(&["unlock"]).unwrap();
    assert!(journal(&h, None, "wrong_pin").len() >= 10);

    // One forgets: the other one is enough.
    let first = enrol(&world, &h, "O-0001", "another-pin-one");
    let mut new = h.clone();
    new.pins[0].1 = first;
    assert_eq!(code(&h, 0, &["unlock"]), "VAULT-PIN-WRONG");
    assert_eq!(code(&new, 0, &["case", "show", &case]), "VAULT-NO-CASE-KEY");
    new.run_as(1, &["unlock"]).unwrap().ok().unwrap();
    new.ok(&["case", "show", &case]).unwrap();
    // Both forget.
    new.pins[0].1 = enrol(&world, &h, "O-0001", "a-third-pin-for-one");
    new.pins[1].1 = enrol(&world, &h, "O-0002", "another-pin-two");
    // The handheld's package identity is a new one now: the centre heard of it with this very ticket.
    new.run_as(1, &["unlock"]).unwrap().ok().unwrap();
    for who in [1, 0] {
        assert_eq!(code(&new, who, &["case", "show", &case]), "VAULT-NO-CASE-KEY");
    }
    let all = ["another-pin-one", "a-third-pin-for-one", "another-pin-two", &pins[0], &pins[1]];
    let loot = rob(&h.data, work.path(), &all, &[FIRST]);
    assert_eq!(loot.of_case(&case), Vec::<&str>::new(), "every PIN there ever was");
    assert!(loot.tokens().is_empty(), "{loot:?}");

    let folder = arg(&stick.join(format!("{case}.copy")));
    let recover = ["copy", "rescue", case.as_str(), "--from", folder.as_str()];
    assert_eq!(code(&new, 0, &recover), "COPY-INCOMPLETE", "nobody addressed the keys to it");
    let key = custodians(&world);
    world
        .center
        .ok(&["bundle", "add", &folder, "--for", "D-0001", "--escrow", &arg(&key)])
        .unwrap();
    let done = new.ok(&recover).unwrap();
    assert_eq!(done["from"], "D-0001", "{done}");
    assert_eq!(code(&new, 0, &recover), "COPY-HERE");
    for who in [0, 1] {
        let shown = new.run_as(who, &["case", "show", &case]).unwrap().ok().unwrap();
        assert_eq!(shown["evidence"].as_array().unwrap().len(), 1, "{shown}");
    }
    assert!(journal(&new, Some(&case), "note").iter().any(|e| e["facts"]["text"] == FIRST));
    assert_eq!(journal(&new, Some(&case), "keys_recovered").len(), 1);
    let sealed = sealed(&new, &case, [0, 1]);
    new.ok(&["push"]).unwrap();
    let world = World { handheld: new, ..world };
    accepted(&world, &sealed, &base.path().join("out"));
}

/// The next shift: who is on the task gets keys here and takes over; who is not reads nothing; nobody who made
/// the evidence loses a key (evidence.md §1). Journal and record name both and what is still open.
#[test]
fn the_next_shift_takes_over_and_the_journal_names_it() {
    const TEST: &str = "the_next_shift_takes_over_and_the_journal_names_it";
    let Some((base, world, work)) = scene(TEST, 62) else { return };
    for (id, name) in [("O-0003", "检查员丙"), ("O-0004", "检查员丁")] {
        let number = format!("示执法-{id}");
        let add = ["officer", "add", "--id", id, "--name", name, "--agency", "示例市医疗保障局"];
        let more = ["--credential-kind", "enforcement", "--credential-number", &number];
        world.center.ok(&[&add[..], &more, &["--valid-until", "2030-12-31"]].concat()).unwrap();
    }
    let new = ["task", "new", "--facility", &world.facility, "--period", "2025-11-01..2026-11-15"];
    let more = ["--title", "两班检查", "--mode", "enforcement", "--devices", "D-0001"];
    let officers =
        ["--officers", "O-0001,O-0002,O-0003", "--document-number", "示医保检〔2026〕2号"];
    let task = world.center.ok(&[&new[..], &more, &officers].concat()).unwrap();
    let task = text(&task, "/id").or_else(|_| text(&task, "/task/id")).unwrap();
    world.center.ok(&["package", "build", "--task", &task]).unwrap();
    let mut h = world.handheld.clone();
    h.ok(&["pull"]).unwrap();
    let case = begun(&h, &task);
    let to = |id| ["case", "handover", case.as_str(), "--to", id];
    assert_eq!(code(&h, 0, &to("O-0003")), "CASE-NO-KEY");
    assert_eq!(code(&h, 0, &to("O-0004")), "TASK-NOT-YOURS");
    for (id, pin) in [("O-0003", "pin-of-the-third-3"), ("O-0004", "pin-of-the-fourth-44")] {
        let file = enrol(&world, &h, id, pin);
        h.pins.push((id.to_owned(), file));
    }
    assert_eq!(code(&h, 2, &["case", "show", &case]), "VAULT-NO-CASE-KEY", "nobody gave it yet");
    let open = [&to("O-0003")[..], &["--reason", "交班", "--open", "12 床未核"]].concat();
    h.ok(&open).unwrap();
    let shown = h.run_as(2, &["case", "show", &case]).unwrap().ok().unwrap();
    assert_eq!(shown["evidence"].as_array().unwrap().len(), 1);
    h.run_as(2, &["case", "note", &case, "接班后所见"]).unwrap().ok().unwrap();
    assert_eq!(code(&h, 3, &["case", "show", &case]), "VAULT-NO-CASE-KEY", "not of this case");
    let back = h.run_as(0, &["case", "show", &case]).unwrap().ok().unwrap();
    assert_eq!(back["id"], case.as_str(), "nobody loses a key");
    let line = journal(&h, Some(&case), "handover").pop().unwrap();
    assert_eq!(
        (&line["officer"], &line["facts"]["to"], &line["facts"]["open_points"]),
        (&json!("O-0001"), &json!("O-0003"), &json!(["12 床未核"]))
    );
    let loot = rob(&h.data, work.path(), &["pin-of-the-fourth-44"], &[FIRST]);
    assert_eq!(loot.of_case(&case), Vec::<&str>::new());
    assert!(loot.tokens().is_empty(), "{loot:?}");
    let loot = rob(&h.data, work.path(), &["pin-of-the-third-3"], &[FIRST]);
    assert!(loot.tokens().contains(FIRST), "positive control: {loot:?}");

    let sealed = sealed(&h, &case, [1, 2]);
    h.ok(&["push"]).unwrap();
    let world = World { handheld: h, ..world };
    let bundle = accepted(&world, &sealed, &base.path().join("out"));
    let record = Command::new("unzip").args(["-p", &arg(&bundle), "*/data/record.json"]).output();
    let record: Value = serde_json::from_slice(&record.unwrap().stdout).unwrap();
    let handover = &record["handovers"][0];
    assert_eq!(
        (&handover["from"], &handover["to"], &handover["reason"], &handover["open_points"]),
        (&json!("O-0001"), &json!("O-0003"), &json!("交班"), &json!(["12 床未核"]))
    );
}

/// Destroyed keys: with every PIN and the device secret nothing of the case opens, neither on the handheld whose
/// case it was nor on the one that held its copy; the case beside it does.
#[test]
fn what_was_shredded_is_out_of_reach_and_the_case_beside_it_is_not() {
    const TEST: &str = "what_was_shredded_is_out_of_reach_and_the_case_beside_it_is_not";
    let Some((base, world, work)) = scene(TEST, 63) else { return };
    let mut clock = Clocked::of(&world.handheld, base.path(), "").unwrap();
    let h = clock.cli.clone();
    // At the door first: its marks lie in the device's own store.
    let door = HandheldCli { pins: Vec::new(), ..h.clone() };
    h.ok(&["unlock"]).unwrap();
    let sound = text(&door.ok(&["capture", "audio"]).unwrap(), "/evidence").unwrap();
    door.ok(&["capture", "mark", &sound, FIRST]).unwrap();
    door.ok(&["capture", "stop", &sound]).unwrap();
    let case = begun(&h, &world.task);
    let stick = stick_in(base.path());
    h.ok(&["copy", "to", &arg(&stick)]).unwrap();
    let first = sealed(&h, &case, [0, 1]);
    assert_eq!(code(&h, 0, &["case", "shred", &case]), "CASE-KEPT", "no receipt");
    h.ok(&["push"]).unwrap();
    assert_eq!(code(&h, 0, &["case", "shred", &case]), "CASE-KEPT", "within the retention");
    let beside = text(&h.ok(&["case", "open", "--task", &world.task]).unwrap(), "/id").unwrap();
    assert_ne!(beside, case);
    h.ok(&["case", "note", &beside, SECOND]).unwrap();
    h.ok(&["capture", "photo", &beside]).unwrap();

    let pins = [pin_of(&h, 0), pin_of(&h, 1)];
    let pins = [pins[0].as_str(), pins[1].as_str()];
    let loot = rob(&h.data, work.path(), &pins, &[FIRST, SECOND]);
    assert!(loot.strings.is_empty(), "{loot:?}");
    let opened = loot.of_case(&case);
    assert!(opened.iter().any(|p| p.ends_with("case.db")), "positive control: {opened:?}");
    assert!(opened.iter().any(|p| p.contains("/blobs/")), "positive control: {opened:?}");
    let by_age = loot.age.iter().any(|(p, t)| p.contains(&case) && t.contains(FIRST));
    assert!(by_age, "the sealed journal is a blob: {loot:?}");

    clock.set_wall(31 * DAY_MS).unwrap();
    let done = h.ok(&["case", "shred", &case]).unwrap();
    assert_eq!(done["key_protection"], "file", "{done}");
    assert_eq!(code(&h, 0, &["case", "show", &case]), "VAULT-CASE-SHREDDED");
    let line = journal(&h, None, "shredded").pop().unwrap();
    assert_eq!((&line["subject"], &line["facts"]["effort"]), (&json!(case), &json!("best effort")));
    let loot = rob(&h.data, work.path(), &pins, &[FIRST, SECOND]);
    assert_eq!(loot.of_case(&case), Vec::<&str>::new(), "{loot:?}");
    assert!(!loot.tokens().contains(FIRST), "{loot:?}");
    assert!(loot.tokens().contains(SECOND), "{loot:?}");
    assert!(loot.of_case(&beside).iter().any(|p| p.contains("/blobs/")), "{loot:?}");
    h.ok(&["case", "note", &beside, "另一案照常"]).unwrap();
    // The centre has it, as it was received.
    accepted(&world, &first, &base.path().join("out"));
}

/// The intake key is lost before the bundle came in: two of three custodians open it, by the centre's program and
/// by `age` alone; the ZIP is a bundle like any other, and the centre takes it in under its new key.
#[test]
fn escrow_opens_a_sealed_bundle_when_the_intake_key_is_lost() {
    const TEST: &str = "escrow_opens_a_sealed_bundle_when_the_intake_key_is_lost";
    let Some((base, world, _work)) = scene(TEST, 64) else { return };
    let h = &world.handheld;
    let case = begun(h, &world.task);
    let sealed = sealed(h, &case, [0, 1]);
    let stick = stick_in(base.path());
    h.ok(&["rescue", "--to", &arg(&stick)]).unwrap();
    let trust = base.path().join("trust");
    h.ok(&["receipts", "--trust", &arg(&trust)]).unwrap();
    let folder = stick.join(format!("{}.rescue", sealed.bundle));
    let key = custodians(&world);
    drop(world.serving);
    lose_the_intake_key(&world.folder);
    let center = &world.center;
    center.refused(&["bundle", "add", &arg(&folder)], 3, "RESCUE-UNUSABLE").unwrap();

    // By `age` alone: the announcement names the files, the blobs have their words.
    let age = |file: &Path| {
        let opened = Command::new("age").args(["-d", "-i", &arg(&key)]).arg(file).output().unwrap();
        assert!(opened.status.success(), "{}", String::from_utf8_lossy(&opened.stderr));
        opened.stdout
    };
    let announcement: Value =
        serde_json::from_slice(&age(&folder.join("announcement.age"))).unwrap();
    let files = announcement["files"].as_array().unwrap();
    let named = files.iter().find(|f| f["path"] == "data/journal.jsonl").unwrap();
    let blob = text(named, "/blobs/0/ciphertext_sha256").unwrap();
    let words = String::from_utf8(age(&folder.join(format!("{blob}.age")))).unwrap();
    assert!(words.contains(FIRST), "{words}");

    let zip = base.path().join("opened.zip");
    let open = ["bundle", "add", &arg(&folder), "--open", &arg(&zip), "--escrow", &arg(&key)];
    let report = center.ok(&open).unwrap();
    assert_eq!(report["opened"], sealed.bundle.as_str(), "{report}");
    let verifier = spotcheck_tests::support::programs::program("spotcheck-verify").unwrap();
    let verdict =
        Command::new(verifier).arg(&zip).arg("--trust").arg(trust.join("roots.pem")).output();
    let verdict = verdict.unwrap();
    assert!(verdict.status.success(), "{}", String::from_utf8_lossy(&verdict.stdout));
    let added = center.ok(&["bundle", "add", &arg(&zip)]).unwrap();
    assert_eq!(added["state"], "received", "{added}");
    let again = base.path().join("again.zip");
    center.ok(&["bundle", "export", &sealed.bundle, "--out", &arg(&again)]).unwrap();
}

/// What a broken disk and a backup without this row would leave, done with another SQLCipher reader.
fn lose_the_intake_key(folder: &Path) {
    const SCRIPT: &str = "
import sys, apsw
db = apsw.Connection(sys.argv[1])
db.pragma('cipher', 'sqlcipher'); db.pragma('legacy', 4)
db.execute('PRAGMA key=\"raw:' + open(sys.argv[2]).read().strip() + '\"')
db.execute('DELETE FROM setting WHERE key = \"intake.current\" OR key LIKE \"intake.identity.%\"')
print(db.changes())
";
    let data = folder.join("center");
    let ran = Command::new("python3")
        .args(["-c", SCRIPT, &arg(&data.join("center.db")), &arg(&folder.join("center.key"))])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(said.trim() == "2", "{said}{}", String::from_utf8_lossy(&ran.stderr));
}
