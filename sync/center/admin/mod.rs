//! The command line: sub-commands over the same functions that the server uses.
//!
//! Command lines are interfaces (architecture.md, Programs): `--json` prints one object with a `schema`,
//! errors are `{"error":{code,message,safe,advice}}`, exit codes are 0 done, 1 a check says no, 2 usage,
//! 3 could not run.

mod args;
mod audit;
mod bundle;
mod claims;
mod config;
mod draft;
mod finding;
mod keys;
mod log;
mod out;
mod people;
mod reference;
mod rejects;
mod rulepack;
mod serve;
mod watch;
mod work;

pub use args::Cli;

use std::path::PathBuf;
use std::sync::Arc;

use spotcheck_domain::{Entropy, Trouble};

use crate::Result;
use crate::centre::{Centre, OpenCentre};
use crate::clock::{SystemClock, SystemEntropy};
use crate::folder::KeySource;
use args::Command;
use config::Settings;
use out::Output;

/// What a sub-command works with.
struct Context {
    settings: Settings,
    json: bool,
}

impl Context {
    fn open(&self) -> Result<Centre> {
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy::new());
        let centre = Centre::open(OpenCentre {
            data: &self.settings.data.value,
            key_file: self.settings.key_file.value.as_deref(),
            credentials: std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from),
            clock: Arc::new(SystemClock),
            entropy,
        })?;
        if let KeySource::Created(path) = centre.key_source() {
            eprintln!("已生成数据库密钥文件：{}", path.display());
            eprintln!("请立即另行备份该文件：丢失后，数据目录中的任何内容都无法再打开。");
        }
        Ok(centre)
    }
}

fn dispatch(context: &Context, command: &Command) -> Result<Output> {
    match command {
        Command::Serve(a) => serve::serve(context, a),
        Command::Import(a) => claims::import(context, a),
        Command::Rejects(a) => rejects::rejects(context, a),
        Command::Facilities(a) => claims::facilities(context, a),
        Command::Audit(a) => audit::audit(context, a),
        Command::Rulepack(a) => rulepack::rulepack(context, a),
        Command::Finding(a) => finding::finding(context, a),
        Command::Indicators(a) => watch::indicators(context, a),
        Command::Guarded(a) => watch::guarded(context, a),
        Command::DemoData(a) => claims::demo_data(a),
        Command::Task(a) => work::task(context, a),
        Command::Package(a) => work::package(context, a),
        Command::Device(a) => people::device(context, a),
        Command::Officer(a) => people::officer(context, a),
        Command::Ticket(a) => people::ticket(context, a),
        Command::Bundle(a) => bundle::bundle(context, a),
        Command::Log(a) => log::log(context, a),
        Command::Roots(a) => config::roots(context, a),
        Command::Policy(a) => reference::policy(context, a),
        Command::Config(_) => config::show(context),
        Command::Escrow(a) => config::escrow(context, a),
        Command::Key(a) => keys::key(context, a),
        Command::Backup(a) => config::backup(context, a),
        Command::Restore(a) => config::restore(context, a),
    }
}

/// Runs one command; gives the exit code.
#[must_use]
pub fn run(cli: &Cli) -> u8 {
    let json = cli.json;
    let done = Settings::load(cli)
        .map(|settings| Context { settings, json })
        .and_then(|context| dispatch(&context, &cli.command));
    match done {
        Ok(output) => {
            output.print(json);
            if output.incomplete { 3 } else { u8::from(!output.passed) }
        }
        Err(error) => {
            let trouble = Trouble::from(error);
            tracing::error!(code = %trouble.code, cause = %trouble.cause, "The command failed.");
            out::print_trouble(&trouble, json);
            if trouble.verdict { 1 } else { 3 }
        }
    }
}
