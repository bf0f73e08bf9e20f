//! Fixes the build time, below which no wall clock of a handheld can be right.
//!
//! `SOURCE_DATE_EPOCH` first (reproducible packages), else the newest commit, else the age of this file: a
//! lower bound that never lies ahead of the real build, because a bound in the future would call right
//! clocks wrong.

use std::process::Command;
use std::time::UNIX_EPOCH;

#[path = "input/build_lexicon.rs"]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "runs at build time on our own lists; whatever is wrong with them must stop the build"
)]
mod build_lexicon;

fn from_variable() -> Option<u64> {
    std::env::var("SOURCE_DATE_EPOCH").ok()?.trim().parse().ok()
}

fn from_commit() -> Option<u64> {
    let out = Command::new("git").args(["log", "-1", "--format=%ct"]).output().ok()?;
    if !out.status.success() {
        return None;
    }
    String::from_utf8(out.stdout).ok()?.trim().parse().ok()
}

fn from_file() -> Option<u64> {
    let modified = std::fs::metadata("build.rs").ok()?.modified().ok()?;
    modified.duration_since(UNIX_EPOCH).ok().map(|d| d.as_secs())
}

fn main() {
    println!("cargo::rerun-if-env-changed=SOURCE_DATE_EPOCH");
    println!("cargo::rerun-if-changed=build.rs");
    let seconds = from_variable().or_else(from_commit).or_else(from_file).unwrap_or(0);
    println!("cargo::rustc-env=SPOTCHECK_BUILD_TIME_S={seconds}");
    build_lexicon::make();
}
