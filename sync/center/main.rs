//! `spotcheck-center`: the centre.

use std::process::ExitCode;

use clap::Parser;
use spotcheck_center::admin::{Cli, run};

fn main() -> ExitCode {
    let cli = Cli::parse();
    // A server tells what it does; a sub-command only what went wrong, with the technical cause.
    let usual = if cli.serves() { "warn,spotcheck_center=info" } else { "warn" };
    let filter = tracing_subscriber::EnvFilter::try_from_env("SPOTCHECK_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(usual));
    let _ = tracing_subscriber::fmt()
        .json()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .try_init();
    // Before the first database is opened; where it cannot be put in, SQLCipher's own functions do the same work.
    let pages = spotcheck_pages::install();
    tracing::debug!(?pages, "page cipher");
    ExitCode::from(run(&cli))
}
