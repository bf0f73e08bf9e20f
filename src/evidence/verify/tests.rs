//! Bundles of the testkit under the judge: one good one, and everything that must not pass.

use std::collections::BTreeSet;
use std::io::Cursor;

use super::{Finding, JudgedBy, Options, Report, Verdict, verify_folder, verify_zip};
use crate::chain::TrustRoots;
use crate::testkit::{Bag, NOW_MS, Parts, Workshop};

mod bags;
mod chains;
mod harmless;
mod journals;
mod late;
mod sealed;

/// Judges with everything given.
fn judge(workshop: &Workshop, bag: &Bag) -> Report {
    judge_zip(workshop, &bag.zip())
}

fn judge_zip(workshop: &Workshop, zip: &[u8]) -> Report {
    let roots = TrustRoots::from_pem(workshop.roots_pem().as_bytes()).unwrap();
    let tsa = TrustRoots::from_pem(workshop.tsa.roots_pem().as_bytes()).unwrap();
    let key = workshop.log.key();
    let options = Options {
        roots: &roots,
        tsa: Some(&tsa),
        log_key: Some(&key),
        partial: false,
        now_ms: NOW_MS,
    };
    verify_zip(Cursor::new(zip), &options).unwrap()
}

/// Judges with the signers' roots only.
fn judge_plain(workshop: &Workshop, bag: &Bag, partial: bool) -> Report {
    let roots = TrustRoots::from_pem(workshop.roots_pem().as_bytes()).unwrap();
    let options = Options { roots: &roots, tsa: None, log_key: None, partial, now_ms: NOW_MS };
    verify_zip(Cursor::new(bag.zip()), &options).unwrap()
}

fn codes(findings: &[Finding]) -> BTreeSet<&str> {
    findings.iter().map(|f| f.code.as_str()).collect()
}

fn set<'a>(codes: &[&'a str]) -> BTreeSet<&'a str> {
    codes.iter().copied().collect()
}

/// Every case must be rejected for exactly these reasons; all differences are shown at once.
fn all_rejected(cases: &[(&str, Report, &[&str])]) {
    let mut wrong = Vec::new();
    for (name, report, expected) in cases {
        let found = codes(&report.errors);
        if found != set(expected) || report.verdict != Verdict::Rejected || expected.is_empty() {
            wrong.push(format!("{name}: {found:?}, expected {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// The story with one change, closed and signed by the right people.
fn changed(w: &Workshop, change: impl FnOnce(&mut Parts)) -> Report {
    let mut parts = w.story();
    change(&mut parts);
    judge(w, &parts.close(&w.people))
}

fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|w| w == from).unwrap();
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}

#[test]
fn a_whole_bundle_is_accepted_without_any_warning() {
    let workshop = Workshop::new();
    let report = judge(&workshop, &workshop.bundle());
    assert_eq!(codes(&report.errors), set(&[]));
    assert_eq!(codes(&report.warnings), set(&[]));
    assert_eq!(codes(&report.not_judged), set(&[]));
    assert_eq!(report.verdict, Verdict::Accepted);
    assert_eq!((report.files_present, report.files_listed), (10, 10));
    assert!(report.time.not_before.is_some() && report.time.not_after.is_some());
    assert!(report.signers.iter().all(|s| s.judged_by == JudgedBy::Timestamp));
    assert!(report.files.values().all(|f| f.sm3 == Some(true)));
}

#[test]
fn an_unpacked_folder_is_judged_like_the_zip() {
    let workshop = Workshop::new();
    let bag = workshop.bundle();
    let folder = tempfile::tempdir().unwrap();
    for (path, bytes) in &bag.files {
        let to = folder.path().join(&bag.top).join(path);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::write(to, bytes).unwrap();
    }
    let root = folder.path().join(&bag.top);
    let roots = TrustRoots::from_pem(workshop.roots_pem().as_bytes()).unwrap();
    let options =
        Options { roots: &roots, tsa: None, log_key: None, partial: false, now_ms: NOW_MS };
    let from_zip = judge_plain(&workshop, &bag, false);
    assert_eq!(verify_folder(&root, &options).unwrap(), from_zip);
    assert_eq!(from_zip.verdict, Verdict::Accepted);
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("../bagit.txt", root.join("data/link.txt")).unwrap();
        let report = verify_folder(&root, &options).unwrap();
        assert_eq!(codes(&report.errors), set(&["ZIP-SPECIAL"]));
    }
}

#[test]
fn a_party_copy_passes_only_as_one() {
    let workshop = Workshop::new();
    let copy = workshop.bundle().party_copy("data/documents/");
    let report = judge_plain(&workshop, &copy, true);
    assert_eq!(codes(&report.errors), set(&[]));
    assert_eq!((report.files_present, report.files_listed), (3, 10));
    assert_eq!(codes(&report.not_judged).len(), 4, "neither record, journal, stamps nor receipt");
    let report = judge_plain(&workshop, &copy, false);
    assert_eq!(codes(&report.errors), set(&["BAG-PAYLOAD-MISSING"]));
    // What is there must still be whole, and nothing may be added.
    let mut changed = copy.clone();
    changed.files.get_mut("data/documents/0001-v1.pdf").unwrap().push(b' ');
    let report = judge_plain(&workshop, &changed, true);
    assert_eq!(codes(&report.errors), set(&["PAYLOAD-CHANGED", "SM3-DISAGREES"]));
    let mut added = copy;
    added.files.insert("data/documents/0002-v1.pdf".to_owned(), b"more".to_vec());
    let report = judge_plain(&workshop, &added, true);
    assert_eq!(codes(&report.errors), set(&["BAG-UNLISTED-FILE"]));
}

#[test]
fn r50_what_nobody_gave_keys_for_is_said_aloud() {
    let workshop = Workshop::new();
    let report = judge_plain(&workshop, &workshop.bundle(), false);
    assert_eq!(report.verdict, Verdict::Accepted);
    assert_eq!(
        codes(&report.warnings),
        set(&["LOG-NO-KEY", "SIG-JUDGED-NOW", "TIME-NO-UPPER-BOUND", "TSA-NO-ROOTS"])
    );
    assert_eq!(codes(&report.not_judged), set(&["RECEIPT-NOT-JUDGED", "TSA-NOT-JUDGED"]));
    assert_eq!((report.time.not_before, report.time.not_after), (None, None));
}

/// Each code that the judge can give has a sentence, and the table is sorted.
#[test]
fn every_code_has_a_sentence() {
    let sources = [
        include_str!("contents.rs"),
        include_str!("journal.rs"),
        include_str!("proofs.rs"),
        include_str!("record.rs"),
        include_str!("signers.rs"),
        include_str!("source.rs"),
        include_str!("structure.rs"),
        include_str!("../chain.rs"),
        include_str!("../chain/profile.rs"),
        include_str!("../cms/verify.rs"),
        include_str!("../tsa.rs"),
        include_str!("../zip/read.rs"),
    ];
    let code = |text: &&str| {
        text.len() > 4
            && text.contains('-')
            && !text.ends_with('-')
            && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-')
    };
    let mut found = 0;
    for word in sources.iter().flat_map(|s| s.split('"')).filter(code) {
        assert_ne!(super::explain(word), word, "no sentence");
        found += 1;
    }
    assert!(found > 150, "{found}");
    assert!(super::CODES.is_sorted());
}
