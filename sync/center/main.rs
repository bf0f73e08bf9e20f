//! `spotcheck-center`: the centre.

use std::process::ExitCode;

use clap::Parser;
use spotcheck_center::admin::{Cli, run};

fn main() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_env("SPOTCHECK_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn,spotcheck_center=info"));
    let _ = tracing_subscriber::fmt()
        .json()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .try_init();
    ExitCode::from(run(&Cli::parse()))
}
