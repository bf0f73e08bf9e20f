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

/// For a program that measures or tries: prints `usage` on `--help`, and refuses an argument that `usage` does not name, so
/// that nobody starts an hour of work by asking. `values` is how many arguments without a dash it takes.
///
/// `Some` is the exit code to end with.
#[must_use]
#[allow(clippy::print_stderr, clippy::print_stdout, reason = "the usage of a program")]
pub fn asked_for_help(usage: &str, values: usize) -> Option<u8> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    if given.iter().any(|one| one == "--help" || one == "-h") {
        println!("{usage}");
        return Some(0);
    }
    let named =
        |one: &str| usage.split_whitespace().any(|word| word.trim_matches(['[', ']', ',']) == one);
    let mut loose = 0_usize;
    let mut of_option = false;
    for one in &given {
        if one.starts_with("--") {
            if !named(one) {
                eprintln!("{one}?\n{usage}");
                return Some(2);
            }
            of_option = true;
        } else {
            loose = loose.saturating_add(usize::from(!of_option));
            of_option = false;
        }
    }
    if loose > values {
        eprintln!("{usage}");
        return Some(2);
    }
    None
}
