//! `spotcheck-verify`: judge an evidence bundle offline, without us.
//!
//! For a court, a lawyer or the inspected party: one small program, no network, no configuration. All
//! judging is in `spotcheck-evidence`; here are only arguments, files, the clock and the sheet of paper.

mod cli;
mod clock;
mod run;
mod sheet;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let arguments = cli::Arguments::parse();
    let outcome = run::run(&arguments, clock::now_ms());
    // A reader that went away is no reason to fail: the exit status carries the verdict.
    let _ = std::io::stdout().write_all(outcome.out.as_bytes());
    let _ = std::io::stderr().write_all(outcome.err.as_bytes());
    ExitCode::from(outcome.status)
}
