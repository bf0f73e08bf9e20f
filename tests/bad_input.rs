//! Bad input on the handheld: each gives a clear error (code, what happened, what is safe, what to do; in JSON
//! and in words; exit 1 or 3, never a panic or a signal) and loses nothing.
//!
//! Elsewhere: the growing delay by a clock of its own (`src/vault/pin.rs`), a clock at 1970
//! (`src/app/tests.rs`), a package past its validity (`src/glue/packages.rs`), expired device certificates
//! (`sync/center/tests/enrolment.rs`), packages that are bad on their way (`sync/client/tests/pulling.rs`).
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use spotcheck_tests::has_program;
use spotcheck_tests::support::programs::{HandheldCli, pin_file, program, text};
use spotcheck_tests::support::refusal::clear;
use spotcheck_tests::support::visit::{Claims, World};

/// A visit that has begun: something confirmed of each kind.
struct Begun {
    world: World,
    case: String,
    /// A draft of the inspection record.
    draft: String,
}

fn begin(folder: &Path) -> Begun {
    let world = World::build(folder, &Claims::DemoCity { seed: 11 }, &[], None).unwrap();
    let h = &world.handheld;
    let case = text(&h.ok(&["case", "open", "--task", &world.task]).unwrap(), "/id").unwrap();
    h.ok(&["case", "certificate", &case, "O-0001"]).unwrap();
    h.ok(&["case", "certificate", &case, "O-0002"]).unwrap();
    h.ok(&["case", "note", &case, "已到达一病区"]).unwrap();
    h.ok(&["capture", "photo", &case]).unwrap();
    let draft = text(&h.ok(&["doc", "new", &case, "W03"]).unwrap(), "/card/id").unwrap();
    h.ok(&["doc", "fill", &case, &draft, "place", "一病区"]).unwrap();
    Begun { world, case, draft }
}

#[test]
fn bad_words_ids_forms_and_files_are_refused_and_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let begun = begin(folder.path());
    let before = begun.world.handheld.state(&begun.case).unwrap();
    unknown_things(&begun);
    strokes(&begun, folder.path());
    data_folder(&begun, folder.path());
    usage();
    let after = begun.world.handheld.state(&begun.case).unwrap();
    assert_eq!(before, after, "a refused command left a trace in the case");
    batch(&begun, folder.path());
    hostile_text(&begun, folder.path());
    wrong_pins(&begun, folder.path());
}

fn unknown_things(begun: &Begun) {
    let (h, case, draft) = (&begun.world.handheld, begun.case.as_str(), begun.draft.as_str());
    let task = begun.world.task.as_str();
    let nobody = "CASE-00000000000000000000000000";
    for (arguments, code) in [
        (&["doc", "new", case, "W99"][..], "DOC-FORM-UNKNOWN"),
        (&["doc", "new", case, "../../etc/passwd"], "DOC-FORM-UNKNOWN"),
        (&["doc", "new", case, "W04", "--party", "party-9"], "APP-UNKNOWN"),
        (&["doc", "new", case, "W04"], "DOC-STATE"),
        (&["doc", "fill", case, draft, "no_such_field", "x"], "DOC-STATE"),
        (&["doc", "fill", case, draft, "subject", "改名"], "DOC-STATE"),
        (&["doc", "fill", case, "D9", "place", "x"], "APP-UNKNOWN"),
        (&["doc", "answer", case, draft, "--question", "问？"], "DOC-STATE"),
        (&["case", "show", "../../etc"], "CLI-ID"),
        (&["case", "show", nobody], "APP-UNKNOWN"),
        (&["case", "open", "--task", "T-0000"], "APP-UNKNOWN"),
        (&["case", "certificate", case, "O-9999"], "APP-UNKNOWN"),
        (&["case", "end-step", case, "S77"], "APP-UNKNOWN"),
        (&["capture", "stop", "E77"], "REC-STATE"),
        (&["capture", "describe", case, "E77", "--proves", "无"], "APP-UNKNOWN"),
        (&["person", "--task", task, "nobody"], "CLI-UNKNOWN"),
        (&["visit", "--task", task, "' OR 1=1 --"], "CLI-UNKNOWN"),
        (&["facility", "--task", "T-0000"], "APP-UNKNOWN"),
    ] {
        h.refused(arguments, 3, code).unwrap();
    }
    // Nothing found is done too.
    let none = h.ok(&["search", "persons", "--task", task, "\u{202e}' OR '1'='1"]).unwrap();
    assert_eq!(none["items"], serde_json::json!([]));
}

fn strokes(begun: &Begun, folder: &Path) {
    let (h, case, draft) = (&begun.world.handheld, begun.case.as_str(), begun.draft.as_str());
    let file = folder.join("bad-strokes.json");
    let arg = file.to_string_lossy().into_owned();
    for garbage in [
        &b""[..],
        b"garbage",
        b"{}",
        b"[{\"points\":[[1,2]]}]",
        b"[{\"points\":[[99999999,1,0,1]]}]",
        b"[{\"points\":[[-1,1,0,1],[1,1,1,1]]}]",
        b"[{\"points\":[[1.5,1,0,1]]}]",
        b"[{\"strokes\":[]}]",
    ] {
        std::fs::write(&file, garbage).unwrap();
        h.refused(&["doc", "sign", case, draft, "party-1", "--strokes", &arg], 3, "CLI-STROKES")
            .unwrap();
    }
    std::fs::write(&file, b"\xff\xfe\x00").unwrap();
    h.refused(&["doc", "sign", case, draft, "party-1", "--strokes", &arg], 3, "CLI-FILE").unwrap();
    // Strokes of the right form do not sign a draft.
    std::fs::write(&file, r#"[{"points":[[1,1,0,512],[9,9,40,512]]}]"#).unwrap();
    h.refused(&["doc", "sign", case, draft, "party-1", "--strokes", &arg], 3, "DOC-STATE").unwrap();
}

/// A folder that cannot be, a second process, a PIN file that anybody reads.
fn data_folder(begun: &Begun, folder: &Path) {
    let h = &begun.world.handheld;
    let file = folder.join("a-file");
    std::fs::write(&file, "x").unwrap();
    for data in [PathBuf::from("/proc/nowhere"), file.clone(), file.join("below")] {
        let at = HandheldCli { data, ..h.clone() };
        at.refused(&["status"], 3, "DATA-FOLDER").unwrap();
    }
    let center = spotcheck_tests::support::programs::CenterCli {
        data: PathBuf::from("/proc/nowhere"),
        environment: Vec::new(),
    };
    center.refused(&["facilities", "list"], 3, "CENTRE-IO").unwrap();

    let mut holder = h.command(0, &["batch", "-"]).unwrap();
    let mut holder = holder.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let pid = holder.id().to_string();
    let begun_at = Instant::now();
    while std::fs::read_to_string(h.data.join("lock")).unwrap().trim() != pid {
        assert!(begun_at.elapsed() < Duration::from_secs(20), "the first process took no lock");
        std::thread::sleep(Duration::from_millis(20));
    }
    let ran = h.run_as(0, &["status"]).unwrap();
    let code = ran.error_code().to_owned();
    let error = clear(&ran, 3, &code).unwrap();
    assert!(text(&error, "/message").unwrap().contains(&pid), "{error}");
    drop(holder.stdin.take());
    assert!(holder.wait().unwrap().success());
    h.ok(&["status"]).unwrap();

    use std::os::unix::fs::PermissionsExt;
    let open = folder.join("open.pin");
    pin_file(&open, "demo-pin-one-1").unwrap();
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o644)).unwrap();
    let pins = vec![("O-0001".to_owned(), open), ("O-0001".to_owned(), folder.join("none"))];
    let careless = HandheldCli { pins, ..h.clone() };
    careless.refused(&["unlock"], 3, "CLI-PIN").unwrap();
    careless.refused_as(1, &["unlock"], 3, "CLI-PIN").unwrap();
    let strangers =
        HandheldCli { pins: vec![("O-0404".to_owned(), h.pins[0].1.clone())], ..h.clone() };
    strangers.refused(&["unlock"], 3, "VAULT-NO-OFFICER").unwrap();
}

/// An unknown sub-command or option is usage: exit 2, for each of the three programs.
fn usage() {
    for name in ["spotcheck", "spotcheck-center", "spotcheck-verify"] {
        for arguments in [&["--no-such-option"][..], &["no-such-command", "--x"]] {
            let ran = Command::new(program(name).unwrap()).args(arguments).output().unwrap();
            assert_eq!(ran.status.code(), Some(2), "{name} {arguments:?}");
        }
    }
}

/// What stands before the bad line is done and stays; what stands after it is not begun.
fn batch(begun: &Begun, folder: &Path) {
    let (h, case) = (&begun.world.handheld, begun.case.as_str());
    let file = folder.join("batch.txt");
    let arg = file.to_string_lossy().into_owned();
    let notes = || {
        let journal = h.ok(&["journal", "--case", case]).unwrap();
        let of = |e: &serde_json::Value| e["facts"]["text"].as_str().map(str::to_owned);
        journal["items"].as_array().unwrap().iter().filter_map(of).collect::<Vec<_>>()
    };
    for (n, bad, code) in [
        (0, "no-such-command 秘密词", "CLI-BATCH"),
        (1, "case note 'not closed", "CLI-BATCH"),
        (2, "case show ../..", "CLI-ID"),
        (3, "recorder", "CLI-NESTED"),
        (4, "batch -", "CLI-NESTED"),
    ] {
        std::fs::write(
            &file,
            format!("# 注\n\ncase note {case} 前{n}\n{bad}\ncase note {case} 后{n}\n"),
        )
        .unwrap();
        let ran = h.run_as(0, &["batch", &arg]).unwrap();
        let error = clear(&ran, 3, code).unwrap();
        assert!(!error.to_string().contains("秘密词"), "a value in an error: {error}");
        let notes = notes();
        assert!(
            notes.contains(&format!("前{n}")) && !notes.contains(&format!("后{n}")),
            "{notes:?}"
        );
    }
    h.refused(&["batch", "/nonexistent"], 3, "CLI-FILE").unwrap();
}

/// Whatever a field is filled with comes back as it was; what no paper can show is named before freezing.
fn hostile_text(begun: &Begun, folder: &Path) {
    let (h, case) = (&begun.world.handheld, begun.case.as_str());
    let draft = text(&h.ok(&["doc", "new", case, "W03"]).unwrap(), "/card/id").unwrap();
    let fill = |key: &str, value: &str| {
        let view = h.fed(&["doc", "fill", case, &draft, key, "-"], value.as_bytes()).unwrap();
        view.ok().unwrap();
        let view = h.ok(&["doc", "show", case, &draft]).unwrap();
        let fields = view["fields"].as_array().unwrap();
        let stored = fields.iter().find(|f| f["key"] == key).unwrap()["value"].clone();
        assert_eq!(stored, value, "{key} came back changed");
        view["missing"].as_array().unwrap().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let hostile = "a\u{1}b\0c\u{1b}[31m\u{202e}反\u{2066}向\u{2069}\u{feff}\u{e0041}#import \"x\" $1/0$ \\ `raw`";
    let missing = fill("place", hostile);
    for bad in ["U+0000", "U+0001", "U+001B", "U+202E", "U+2066", "U+2069", "U+FEFF", "U+E0041"] {
        assert!(missing.iter().any(|m| m.contains(bad)), "{bad}: {missing:?}");
    }
    h.refused(&["doc", "freeze", case, &draft], 1, "DOC-INCOMPLETE").unwrap();
    // Bytes that are no text are no text.
    let ran = h.fed(&["doc", "fill", case, &draft, "place", "-"], b"\xff\xfe\x00\x01").unwrap();
    clear(&ran, 3, "CLI-FILE").unwrap();
    assert!(
        fill("place", "一病区 #show: none $ \\u{41} <script>").iter().all(|m| !m.contains("U+"))
    );
    let long = "床".repeat(34_000);
    assert!(long.len() > 100_000);
    fill("content", &long);
    for (key, value) in [("present_name", "李四"), ("recusal", "不申请回避"), ("measures", "无")]
    {
        fill(key, value);
    }
    let frozen = h.ok(&["doc", "freeze", case, &draft]).unwrap();
    assert!(frozen["pages"].as_u64().unwrap() > 10, "{}", frozen["pages"]);
    let pdf = folder.join("long.pdf");
    h.ok(&["doc", "export", case, &draft, "--out", &pdf.to_string_lossy()]).unwrap();
    if has_program("hostile text on paper", "pdftotext") {
        let ran = Command::new("pdftotext").arg(&pdf).arg("-").output().unwrap();
        let paper = String::from_utf8(ran.stdout).unwrap();
        assert_eq!(paper.matches('床').count(), 34_000, "each character is on paper once");
        assert!(paper.contains("#show: none $ \\u{41} <script>"), "markup is text");
    }
    let ran = h.fed(&["case", "note", case, &"注".repeat(20_000)], b"").unwrap();
    assert!(ran.code == 0 || ran.json.get("error").is_some(), "{ran:?}");
    h.ok(&["journal", "--case", case, "--verify"]).unwrap();
}

/// Wrong PINs are verdicts, the wait grows, the other officer is not held up, nothing is lost.
fn wrong_pins(begun: &Begun, folder: &Path) {
    let h = &begun.world.handheld;
    let before = h.state(&begun.case).unwrap();
    let file = folder.join("wrong.pin");
    pin_file(&file, "guess-guess-1").unwrap();
    let wrong = HandheldCli { pins: vec![("O-0002".to_owned(), file)], ..h.clone() };
    for _ in 0..3 {
        clear(&wrong.run_as(0, &["unlock"]).unwrap(), 1, "VAULT-PIN-WRONG").unwrap();
    }
    let wait_s = |error: &serde_json::Value| {
        let words = text(error, "/message").unwrap();
        words.chars().filter(char::is_ascii_digit).collect::<String>().parse::<u64>().unwrap()
    };
    // The right PIN has to wait too.
    let error = clear(&h.run_as(1, &["unlock"]).unwrap(), 3, "VAULT-PIN-DELAY").unwrap();
    assert!((1..=5).contains(&wait_s(&error)) && error["retryable"] == true, "{error}");
    h.ok(&["unlock"]).unwrap();
    let begun_at = Instant::now();
    loop {
        let ran = wrong.run_as(0, &["unlock"]).unwrap();
        if ran.error_code() == "VAULT-PIN-WRONG" {
            break;
        }
        assert_eq!(ran.error_code(), "VAULT-PIN-DELAY");
        assert!(begun_at.elapsed() < Duration::from_secs(20), "the wait does not end");
        std::thread::sleep(Duration::from_millis(250));
    }
    let error = clear(&h.run_as(1, &["unlock"]).unwrap(), 3, "VAULT-PIN-DELAY").unwrap();
    assert!((6..=15).contains(&wait_s(&error)), "the wait grows: {error}");
    assert_eq!(before, h.state(&begun.case).unwrap());
    let journal = h.ok(&["journal"]).unwrap();
    let wrong = journal["items"].as_array().unwrap().iter().filter(|e| e["kind"] == "wrong_pin");
    assert_eq!(wrong.count(), 4);
    assert!(!journal.to_string().contains("guess"));
}

/// Packages that are off are refused by name; tasks, case and camera go on without them.
#[test]
fn a_package_that_is_off_is_refused_and_the_visit_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let begun = begin(folder.path());
    let (h, task) = (&begun.world.handheld, begun.world.task.as_str());
    let shelf = |h: &HandheldCli, task: &str| {
        let shelf = h.data.join("packages").join(task);
        let name = std::fs::read_to_string(shelf.join("current")).unwrap();
        shelf.join(name.trim())
    };
    let other = second_task(&begun);
    h.ok(&["facility", "--task", task]).unwrap();
    let before = h.state(&begun.case).unwrap();
    let names =
        ["flipped", "other-signer", "claims", "manifest", "no-manifest", "pointer", "other-task"];
    for name in names {
        let h = h.copied(&folder.path().join(name)).unwrap();
        // A copied file is another file: the full check is made again before anything is broken.
        h.ok(&["package", "--task", task]).unwrap();
        let package = shelf(&h, task);
        let truncate = |file: &str, cut: u64| {
            let file = std::fs::OpenOptions::new().write(true).open(package.join(file)).unwrap();
            let length = file.metadata().unwrap().len();
            file.set_len(length - cut).unwrap();
        };
        let (opened, checked) = match name {
            "flipped" => {
                flip(&package.join("package.json.p7s"));
                ("PACKAGE-SIGNATURE", "PACKAGE-SIGNATURE")
            }
            "other-signer" => {
                if !has_program("package signed by another", "openssl") {
                    continue;
                }
                sign_by_another(&package);
                ("PACKAGE-SIGNATURE", "PACKAGE-SIGNATURE")
            }
            "claims" => {
                truncate("claims.db", 4096);
                ("PACKAGE-UNCHECKED", "CLAIMS-PACKAGE-HASH")
            }
            "manifest" => {
                truncate("package.json", 200);
                ("CLAIMS-PACKAGE-MANIFEST", "CLAIMS-PACKAGE-MANIFEST")
            }
            "no-manifest" => {
                std::fs::remove_file(package.join("package.json")).unwrap();
                ("PACKAGE-READ", "PACKAGE-READ")
            }
            "pointer" => {
                std::fs::write(package.parent().unwrap().join("current"), "../../../etc\n")
                    .unwrap();
                ("PACKAGE-READ", "PACKAGE-READ")
            }
            _ => {
                let foreign = shelf(&h, &other);
                std::fs::remove_dir_all(&package).unwrap();
                std::fs::rename(foreign, &package).unwrap();
                ("PACKAGE-TASK", "PACKAGE-TASK")
            }
        };
        h.refused(&["facility", "--task", task], 1, opened).unwrap();
        h.refused(&["search", "persons", "--task", task, "张"], 1, opened).unwrap();
        h.refused(&["package", "--task", task], 1, checked).unwrap();
        // Everything of the visit is there, and it goes on.
        let mut after = h.state(&begun.case).unwrap();
        after["tasks"] = before["tasks"].clone();
        assert_eq!(before, after, "{name}");
        h.ok(&["case", "open", "--task", task]).unwrap();
        h.ok(&["capture", "photo", &begun.case]).unwrap();
        let journal = h.ok(&["journal"]).unwrap();
        let refused = |e: &&serde_json::Value| {
            e["kind"] == "package_refused" && e["facts"]["code"] == checked
        };
        assert!(journal["items"].as_array().unwrap().iter().any(|e| refused(&e)), "{name}");
    }
    no_case_yet_and_no_package(&begun, &other, folder.path());
}

/// The first visit of a task begins although its package cannot be read.
fn no_case_yet_and_no_package(begun: &Begun, task: &str, folder: &Path) {
    let h = begun.world.handheld.copied(&folder.join("first-visit")).unwrap();
    let shelf = h.data.join("packages").join(task);
    let name = std::fs::read_to_string(shelf.join("current")).unwrap();
    std::fs::write(shelf.join(name.trim()).join("package.json"), "{").unwrap();
    assert_eq!(h.ok(&["tasks"]).unwrap()["items"].as_array().unwrap().len(), 2);
    let case = text(&h.ok(&["case", "open", "--task", task]).unwrap(), "/id").unwrap();
    h.ok(&["capture", "photo", &case]).unwrap();
    h.refused(&["facility", "--task", task], 1, "CLAIMS-PACKAGE-MANIFEST").unwrap();
}

fn second_task(begun: &Begun) -> String {
    let center = &begun.world.center;
    center
        .ok(&[
            "task",
            "new",
            "--id",
            "T-OTHER",
            "--facility",
            &begun.world.facility,
            "--period",
            "2025-11-01..2026-11-15",
            "--title",
            "另一项任务",
            "--officers",
            "O-0001,O-0002",
            "--devices",
            "D-0001",
        ])
        .unwrap();
    center.ok(&["package", "build", "--task", "T-OTHER"]).unwrap();
    begun.world.handheld.ok(&["pull"]).unwrap();
    "T-OTHER".to_owned()
}

fn flip(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let at = bytes.len() - 20;
    bytes[at] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

/// A signature that holds, over the right bytes, by somebody who calls himself the centre.
fn sign_by_another(package: &Path) {
    let script = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 \
        -subj '/CN=centre' -keyout k.pem -out c.pem 2>/dev/null && \
        openssl cms -sign -binary -in package.json -signer c.pem -inkey k.pem \
        -md sha256 -outform DER -out package.json.p7s && rm k.pem c.pem";
    let mut child = Command::new("bash")
        .args(["-e", "-s"])
        .current_dir(package)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}
