//! `spotcheck`: the handheld. Everything is in the library beside this file.

use std::process::ExitCode;

fn main() -> ExitCode {
    spotcheck_handheld::run()
}
