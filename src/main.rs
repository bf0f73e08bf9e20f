//! `spotcheck`: the handheld.
//!
//! The composition root: configuration, then adapters, then the window or one sub-command. It uses
//! everything and is used by nobody.

mod cli;
mod compose;
mod glue;

use std::process::ExitCode;

use clap::Parser;
use spotcheck_domain::TroubleResult;

use crate::cli::{Cli, Command, failed};
use crate::compose::Setup;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let json = cli.common.json;
    match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => ExitCode::from(failed(&trouble, json)),
    }
}

fn run(cli: &Cli) -> TroubleResult<()> {
    // Whatever this process makes is for its own user only.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let setup = Setup::read(&cli.common)?;
    setup.start_log()?;
    spotcheck_device::harden_process()?;
    if matches!(cli.command, Some(Command::Recorder)) {
        return glue::run_recorder(&setup.data, &setup.device);
    }
    let _lock = setup.lock()?;
    let mut handheld = setup.handheld()?;
    match &cli.command {
        Some(command) => cli::execute(&setup, &mut handheld, &cli.common, command),
        None => setup.open_window(handheld),
    }
}
