//! A short run of the crash laboratory with every test run: fragments and segments (R06, R07, R19), a photo on its
//! way (R12), three signatures in a second (R16), each confirmed field (R21), going on afterwards (R23), what was
//! recovered told apart (R24), databases and names (R26, R30, R31), no plaintext left (R37).
//!
//! `make crash N=… SEED=…` runs longer ones; what was run is in `crash/REPORT.md`.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

use std::process::Command;

use spotcheck_tests::support::programs::program;

#[test]
fn r06_r07_r12_r16_r19_r21_r23_r24_r26_r30_r31_r37_what_was_confirmed_survives_kills_and_cuts() {
    let mut laboratory = Command::new(program("spotcheck-crash").unwrap());
    let status = laboratory
        .args(["--kills", "12", "--cuts", "10", "--sends", "2", "--faults", "2", "--flips", "5"])
        .status()
        .unwrap();
    assert!(status.success(), "see the lines above");
}
