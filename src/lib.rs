//! The handheld put together: configuration, adapters, sub-commands.
//!
//! The only place where adapters meet. `main.rs` is a line; this is a library so that stories can open the
//! window over the same composition without a display.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        reason = "tests may panic"
    )
)]

mod cli;
mod compose;
mod glue;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use spotcheck_app::Handheld;
use spotcheck_device::DataLock;
use spotcheck_device::input::{InputEngine, InputPlaces};
use spotcheck_domain::TroubleResult;
use spotcheck_ui::MakeInput;

use crate::cli::{Cli, Command, Common, failed, pins};
use crate::compose::Setup;

/// The program: reads the command line, runs one sub-command or the window, and tells by exit code.
#[must_use]
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let json = cli.common.json;
    match perform(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => ExitCode::from(failed(&trouble, json)),
    }
}

fn perform(cli: &Cli) -> TroubleResult<()> {
    // Whatever this process makes is for its own user only.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let setup = Setup::read(&cli.common)?;
    setup.start_log()?;
    let common = Common { pin: pins::from_fd(&cli.common)?, ..cli.common.clone() };
    spotcheck_device::harden_process()?;
    if matches!(cli.command, Some(Command::Recorder)) {
        return glue::run_recorder(&setup.data, &setup.device, setup.reserve_bytes);
    }
    // Before the first database is opened; where it cannot be put in, SQLCipher's own functions do the same work.
    let pages = spotcheck_pages::install();
    tracing::debug!(?pages, "page cipher");
    let _lock = setup.lock()?;
    let Some(command) = &cli.command else {
        let handheld = setup.handheld_to_look_at()?;
        return setup.open_window(handheld.listening_ahead());
    };
    let mut handheld = match (setup.handheld(), command) {
        (Ok(handheld), _) => handheld,
        (Err(trouble), Command::Rescue(args)) => {
            return cli::rescue_without_keys(&setup, args, trouble)
                .map(|output| output.print(cli.common.json));
        }
        (Err(trouble), _) => return Err(trouble),
    };
    cli::execute(&setup, &mut handheld, &common, command)
}

/// Makes the engine behind the window's keyboard: what is built in, and what is installed.
#[must_use]
pub fn text_input() -> MakeInput {
    Arc::new(|| Box::new(InputEngine::open(&InputPlaces::default())))
}

/// The handheld over a data folder, for a story that drives the window itself. `program` is what the
/// recorder is started as.
///
/// # Errors
/// A data folder in use, an unreadable configuration, a vault that does not open.
pub fn open(data: &Path, device: &Path, program: &Path) -> TroubleResult<(Handheld, DataLock)> {
    let _ = spotcheck_pages::install();
    let setup = Setup::at(data, device, program)?;
    let lock = setup.lock()?;
    Ok((setup.handheld()?, lock))
}
