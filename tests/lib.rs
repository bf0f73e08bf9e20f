//! What the tests of the whole product and the demo share: where things lie, how a check is skipped, and
//! how the built programs are driven.
//!
//! A check that cannot run says so loudly: one line `SKIPPED <name>: <reason>`, collected at the end of
//! `make test`. Where everything it needs is installed, a skipped check fails the build.

pub mod support;

use std::path::{Path, PathBuf};

/// The project's root.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(PathBuf::new, Path::to_path_buf)
}

/// The folder with reference material beside the project, or `None` with a loud line.
#[must_use]
pub fn shared(test: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("SPOTCHECK_SHARED")
        .map_or_else(|| root().join("../shared"), PathBuf::from);
    if folder.join("referee").is_dir() {
        Some(folder)
    } else {
        skip(test, "the shared folder is not there");
        None
    }
}

/// The loud line of a skipped check.
#[allow(clippy::print_stderr, reason = "collected from the output at the end of make test")]
pub fn skip(test: &str, reason: &str) {
    eprintln!("SKIPPED {test}: {reason}");
}

/// True if a program can be started at all; otherwise a loud line.
#[must_use]
pub fn has_program(test: &str, program: &str) -> bool {
    let found = std::env::var_os("PATH").is_some_and(|path| {
        std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
    });
    if !found {
        skip(test, &format!("{program} is not installed"));
    }
    found
}
