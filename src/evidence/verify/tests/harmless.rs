//! Every byte of a bundle is covered: whatever single byte changes, the bundle is no longer accepted, or
//! the change is one that is known to mean nothing.

use std::io::Cursor;

use proptest::prelude::{Just, ProptestConfig, Strategy, any, proptest};

use super::{codes, judge_zip, set};
use crate::chain::TrustRoots;
use crate::testkit::{NOW_MS, Workshop};
use crate::verify::{Options, Verdict, verify_zip};

/// Directory fields that mean nothing (made by, internal and external attributes) may change; content,
/// names, sizes and checksums may not. So every accepted flip must leave all files as they were.
#[test]
fn no_flipped_byte_changes_what_is_accepted() {
    let w = Workshop::new();
    let good = w.bundle().zip();
    let truth = judge_zip(&w, &good);
    assert_eq!(codes(&truth.errors), set(&[]));
    let step = 97; // every byte would take minutes; a prime meets every field sooner or later
    let mut accepted = 0;
    for at in (0..good.len()).step_by(step) {
        let mut zip = good.clone();
        zip[at] ^= 1 << (at % 8);
        let report = judge_zip(&w, &zip);
        if report.verdict == Verdict::Accepted {
            accepted += 1;
            assert_eq!(report.files, truth.files, "byte {at}");
            assert_eq!(report.signers, truth.signers, "byte {at}");
        }
    }
    assert!(accepted < good.len() / step / 50, "{accepted} flips accepted");
}

/// Outside the late folders every byte of every file counts.
#[test]
fn no_flipped_byte_of_a_sealed_file_is_accepted() {
    let w = Workshop::new();
    let bag = w.bundle();
    for (path, bytes) in bag.files.iter().filter(|(p, _)| !crate::bag::is_late_path(p)) {
        for at in [0, bytes.len() / 2, bytes.len() - 1] {
            let mut changed = bag.clone();
            changed.files.get_mut(path).unwrap()[at] ^= 1;
            let report = judge_zip(&w, &changed.zip());
            assert_eq!(report.verdict, Verdict::Rejected, "{path} byte {at}");
        }
    }
}

/// Late files: a flip either breaks the proof or leaves signer, time and files as they were.
#[test]
fn flipped_bytes_of_late_files_prove_nothing_new() {
    let w = Workshop::new();
    let bag = w.bundle();
    let truth = judge_zip(&w, &bag.zip());
    for (path, bytes) in bag.files.iter().filter(|(p, _)| crate::bag::is_late_path(p)) {
        for at in (0..bytes.len()).step_by(29) {
            let mut changed = bag.clone();
            changed.files.get_mut(path).unwrap()[at] ^= 1;
            let report = judge_zip(&w, &changed.zip());
            if report.verdict == Verdict::Accepted {
                assert_eq!(
                    (report.signers, report.time),
                    (truth.signers.clone(), truth.time.clone()),
                    "{path} {at}"
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Nothing panics on anything, and nothing that is no bundle is accepted.
    #[test]
    fn any_bytes_are_refused_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let w = Authorities::get();
        let options = Options { roots: &w.0, tsa: None, log_key: None, partial: true, now_ms: NOW_MS };
        let report = verify_zip(Cursor::new(bytes), &options).unwrap();
        assert_eq!(report.verdict, Verdict::Rejected);
    }

    /// Cut, doubled and spliced bundles.
    #[test]
    fn spliced_bundles_are_refused_without_a_panic(
        (from, to, repeat) in (0_usize..14_000, 0_usize..14_000, Just(())).prop_map(|(a, b, ())| (a.min(b), a.max(b), a % 3))
    ) {
        let w = Authorities::get();
        let good = &w.1;
        let (from, to) = (from.min(good.len()), to.min(good.len()));
        let mut zip = good[..from].to_vec();
        for _ in 0..repeat {
            zip.extend_from_slice(&good[from..to]);
        }
        zip.extend_from_slice(&good[to..]);
        let options = Options { roots: &w.0, tsa: None, log_key: None, partial: false, now_ms: NOW_MS };
        let report = verify_zip(Cursor::new(&zip), &options).unwrap();
        assert_eq!(report.verdict == Verdict::Accepted, zip == *good);
    }
}

struct Authorities;

impl Authorities {
    fn get() -> &'static (TrustRoots, Vec<u8>) {
        static MADE: std::sync::OnceLock<(TrustRoots, Vec<u8>)> = std::sync::OnceLock::new();
        MADE.get_or_init(|| {
            let w = Workshop::new();
            (TrustRoots::from_pem(w.roots_pem().as_bytes()).unwrap(), w.bundle().zip())
        })
    }
}
