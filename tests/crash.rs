//! A short run of the crash laboratory with every test run: R06, R19, R21, R26, R30, R31.
//!
//! `make crash N=… SEED=…` runs longer ones; what was run is in `crash/REPORT.md`.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

use std::process::Command;

use spotcheck_tests::support::programs::program;

#[test]
fn r06_r21_r26_r31_what_was_confirmed_survives_kills_and_power_cuts() {
    let mut laboratory = Command::new(program("spotcheck-crash").unwrap());
    let status = laboratory
        .args(["--kills", "12", "--cuts", "10", "--sends", "2", "--faults", "2", "--flips", "5"])
        .status()
        .unwrap();
    assert!(status.success(), "see the lines above");
}
