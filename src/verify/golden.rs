//! The golden samples of the referee, under every set of options that its README names, and the exit
//! status as an interface.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may panic"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn sample(test: &str) -> Option<PathBuf> {
    let root = std::env::var_os("SPOTCHECK_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let folder = root.join("referee/sample");
    if !folder.exists() {
        eprintln!("SKIPPED {test}: no referee/sample in the shared folder");
        return None;
    }
    Some(folder)
}

fn verify(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_spotcheck-verify"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn status(folder: &Path, arguments: &[&str]) -> i32 {
    verify(folder, arguments).status.code().expect("never a signal")
}

fn json(folder: &Path, arguments: &[&str]) -> Value {
    let out = verify(folder, &[arguments, &["--json"]].concat());
    serde_json::from_slice(&out.stdout).unwrap()
}

const WHOLE: &str = "EVID-01M7VBK5C0SAMP1E0000000001.zip";
const PART: &str = "PART-01M7VBK5C0SAMP1E0000000001.zip";
const EXPIRED: &str = "expired-signer/EVID-01M7VBK5C0SAMP1E0000000002.zip";
const TRUST: [&str; 2] = ["--trust", "roots.pem"];
const TSA: [&str; 2] = ["--tsa", "tsa-roots.pem"];
const LOG: [&str; 2] = ["--log-key", "log-key.txt"];

#[test]
fn golden_samples_are_judged_as_the_referee_says() {
    let Some(folder) = sample("golden_samples_are_judged_as_the_referee_says") else { return };
    let with =
        |bundle: &str, more: &[&str]| status(&folder, &[&[bundle][..], &TRUST, more].concat());
    assert_eq!(with(WHOLE, &[]), 0);
    assert_eq!(with(WHOLE, &TSA), 0);
    assert_eq!(with(WHOLE, &LOG), 0);
    assert_eq!(with(WHOLE, &[&TSA[..], &LOG].concat()), 0);
    assert_eq!(with(WHOLE, &["--partial"]), 0);
    assert_eq!(with(PART, &["--partial"]), 0);
    assert_eq!(with(PART, &[&TSA[..], &LOG, &["--partial"]].concat()), 0);
    assert_eq!(with(PART, &[]), 1);
    assert_eq!(with(EXPIRED, &TSA), 0);
    assert_eq!(with(EXPIRED, &LOG), 0);
    assert_eq!(with(EXPIRED, &[]), 1);
    // Roots of somebody else prove nothing.
    assert_eq!(status(&folder, &[WHOLE, "--trust", "tsa-roots.pem"]), 1);
    let key = std::fs::read_to_string(folder.join("log-key.txt")).unwrap();
    assert_eq!(with(WHOLE, &["--log-key", key.trim()]), 0, "the key itself");
}

#[test]
fn the_report_says_who_when_and_what_is_missing() {
    let Some(folder) = sample("the_report_says_who_when_and_what_is_missing") else { return };
    let all = json(&folder, &[&[WHOLE][..], &TRUST, &TSA, &LOG].concat());
    assert_eq!(all["schema"], "spotcheck-verify/1");
    assert_eq!(all["verdict"], "accepted");
    assert_eq!(all["bundle"], "EVID-01M7VBK5C0SAMP1E0000000001");
    assert_eq!((&all["files_present"], &all["files_listed"]), (&Value::from(10), &Value::from(10)));
    assert_eq!(all["signers"][2]["id"], "O-0002");
    assert_eq!(all["signers"][2]["judged_by"], "timestamp");
    assert_eq!(all["signers"][2]["revocation"], "good");
    assert_eq!(all["warnings"].as_array().unwrap().len(), 1, "no time entry in the sample");
    assert_eq!(all["not_judged"][0]["code"], "ANNEX-UNKNOWN");
    let expired = json(&folder, &[&[EXPIRED][..], &TRUST, &LOG].concat());
    assert_eq!(expired["signers"][2]["judged_by"], "log", "attested by the centre only");
    let refused = json(&folder, &[&[EXPIRED][..], &TRUST].concat());
    assert_eq!(refused["errors"][0]["code"], "CERT-EXPIRED");
    assert_eq!(refused["signers"][2]["state"], "refused");
    assert_eq!(refused["signers"][1]["state"], "proven");
    let part = json(&folder, &[&[PART, "--partial"][..], &TRUST].concat());
    assert_eq!(
        (&part["files_present"], &part["files_listed"]),
        (&Value::from(3), &Value::from(10))
    );
    let sheet = verify(&folder, &[&[PART, "--partial"][..], &TRUST].concat());
    assert!(String::from_utf8(sheet.stdout).unwrap().contains("3 of 10 files present"));
}

#[test]
fn what_could_not_be_run_is_not_a_verdict() {
    let Some(folder) = sample("what_could_not_be_run_is_not_a_verdict") else { return };
    let whole = [WHOLE, "--trust", "roots.pem"];
    assert_eq!(status(&folder, &["nothing.zip", "--trust", "roots.pem"]), 3);
    assert_eq!(status(&folder, &[WHOLE, "--trust", "nothing.pem"]), 3);
    assert_eq!(status(&folder, &[WHOLE, "--trust", "log-key.txt"]), 3);
    assert_eq!(status(&folder, &[&whole[..], &["--tsa", "log-key.txt"]].concat()), 3);
    assert_eq!(status(&folder, &[&whole[..], &["--log-key", "roots.pem"]].concat()), 3);
    assert_eq!(status(&folder, &[&whole[..], &["--log-key", "no key"]].concat()), 3);
    assert_eq!(status(&folder, &[]), 2);
    assert_eq!(status(&folder, &[WHOLE]), 2);
    assert_eq!(status(&folder, &[&whole[..], &["--unknown"]].concat()), 2);
    // Everything wrong with the bundle is a verdict.
    assert_eq!(status(&folder, &["roots.pem", "--trust", "roots.pem"]), 1);
    assert_eq!(status(&folder, &[".", "--trust", "roots.pem"]), 1, "a folder that is no bag");
    let error = json(&folder, &["nothing.zip", "--trust", "roots.pem"]);
    assert_eq!(error["error"]["code"], "VERIFY-BUNDLE-UNREADABLE");
    assert!(error["error"]["safe"].is_string() && error["error"]["advice"].is_string());
}

#[test]
fn help_is_an_interface() {
    let out = verify(Path::new("."), &["--help"]);
    assert_eq!(out.status.code(), Some(0));
    let text = String::from_utf8(out.stdout).unwrap();
    let words: Vec<&str> = text
        .split_whitespace()
        .filter(|w| w.starts_with("--") || w.starts_with('<') || w.starts_with("[OPT"))
        .collect();
    insta::assert_snapshot!(
        words.join(" "),
        @"[OPTIONS] --trust <ROOTS.pem> <BUNDLE> <BUNDLE> --trust <ROOTS.pem> --tsa <ROOTS.pem> --log-key <KEY> --partial --json --help --version"
    );
    assert!(text.find("离线核验").unwrap() < text.find("Verify").unwrap(), "Chinese first");
}
