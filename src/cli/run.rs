//! From parsed arguments to a result: unlock where needed, run, and turn troubles into exit codes.

use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use clap::{Args, Parser};
use spotcheck_app::Handheld;
use spotcheck_app::desk::{Custody, Desk};
use spotcheck_domain::{OfficerId, Trouble, TroubleResult};

use super::output::print_trouble;
use super::{
    Cli, Command, Common, Output, audit, capture, case, claims, compare, copy, custody, doc, enrol,
    findings, indicators, journal, lookup, pins, seal, selfcheck, sync,
};
use crate::compose::Setup;

/// Many commands under one unlock: one a line, in the words of the command line.
#[derive(Debug, Args)]
pub(crate) struct Batch {
    /// 命令文件,- 为标准输入 / file of commands, - for standard input
    pub(crate) file: PathBuf,
}

/// 0 done · 1 a check says no · 3 could not run. (2, usage, is clap's.)
pub(crate) fn failed(trouble: &Trouble, json: bool) -> u8 {
    tracing::warn!(code = %trouble.code, cause = %trouble.cause, "Command failed.");
    print_trouble(trouble, json);
    if trouble.verdict { 1 } else { 3 }
}

/// Runs one parsed command on its own unlock.
pub(crate) fn execute(
    setup: &Setup,
    handheld: &mut Handheld,
    common: &Common,
    command: &Command,
) -> TroubleResult<()> {
    if let Command::Batch(batch) = command {
        return run_batch(setup, handheld, common, batch);
    }
    let done = if needs_unlock(command) {
        unlock(handheld, common)?;
        let result = perform(setup, handheld, common, command);
        let locked = handheld.lock();
        let output = result?;
        locked?;
        output
    } else {
        perform(setup, handheld, common, command)?
    };
    done.print(common.json);
    Ok(())
}

fn needs_unlock(command: &Command) -> bool {
    if let Command::Indicators(indicators) = command {
        return indicators.needs_unlock();
    }
    match command {
        Command::Lookup(lookup) => return lookup.needs_unlock(),
        Command::Policy(policy) => return policy.needs_unlock(),
        Command::Rules(rules) => return rules.needs_unlock(),
        Command::Copy(copy) => return copy.needs_unlock(),
        _ => {}
    }
    if let Command::Capture(capture) = command {
        return capture.needs_unlock();
    }
    !matches!(
        command,
        Command::Enroll(_)
            | Command::Push
            | Command::Rescue(_)
            | Command::Status
            | Command::Receipts(_)
            | Command::Printers
            | Command::Selfcheck
            | Command::Config(_)
            | Command::Recorder
            | Command::Batch(_)
    )
}

/// Unlocks for `--officer`, or for the only officer on this handheld.
pub(crate) fn unlock(handheld: &mut Handheld, common: &Common) -> TroubleResult<OfficerId> {
    let officers = handheld.status()?.officers;
    let officer = match (&common.officer, officers.as_slice()) {
        (Some(id), _) => OfficerId::parse(id).map_err(|cause| bad_id("检查人员").because(cause))?,
        (None, [only]) => only.id.clone(),
        (None, _) => {
            return Err(Trouble::new(
                "CLI-OFFICER",
                "本机有多名检查人员(或尚无检查人员)，不知道由谁解锁",
                "没有解锁，数据仍然加密",
                "用 --officer 指明编号",
            ));
        }
    };
    let pin = pins::read(common)?;
    if let Some(token) = common.token_pin_file.as_deref().map(pins::from_file).transpose()? {
        // Whoever signs in this run may need it, too.
        for card in &officers {
            handheld.token_pin(&card.id, token.clone());
        }
    }
    handheld.unlock(&officer, &pin)?;
    Ok(officer)
}

/// An id of the wrong form.
pub(crate) fn bad_id(what: &str) -> Trouble {
    Trouble::new("CLI-ID", &format!("{what}编号的写法不对"), "没有执行任何操作", "核对编号")
}

fn perform(
    setup: &Setup,
    handheld: &mut Handheld,
    common: &Common,
    command: &Command,
) -> TroubleResult<Output> {
    match command {
        Command::Enroll(args) => enrol::run(handheld, common, args),
        Command::Pull(args) => sync::pull(handheld, args),
        Command::Tasks => sync::tasks(handheld),
        Command::Unlock => sync::unlocked(handheld),
        Command::Pin(args) => custody::pin(handheld, common, args),
        Command::Token(args) => custody::token(handheld, common, args),
        Command::Search(args) => claims::search(handheld, args),
        Command::Person(args) => claims::person(handheld, args),
        Command::Visit(args) => claims::visit(handheld, args),
        Command::Facility(args) => claims::facility(handheld, args),
        Command::Package(args) => claims::package(handheld, args),
        Command::Audit(args) => audit::audit(handheld, args),
        Command::Findings(args) => findings::run(handheld, args),
        Command::Compare(args) => compare::run(handheld, args),
        Command::Indicators(args) => indicators::run(handheld, args, common.json),
        Command::Rules(args) => audit::rules(handheld, args),
        Command::Lookup(args) => lookup::lookup(handheld, args),
        Command::Policy(args) => lookup::policy(handheld, args),
        Command::Case(args) => case::run(handheld, args),
        Command::Capture(args) => capture::run(handheld, args),
        Command::Doc(args) => doc::run(handheld, args),
        Command::Printers => doc::printers(handheld),
        Command::Seal(args) => seal::run(handheld, args),
        Command::Push => sync::push(handheld),
        Command::Rescue(args) => sync::rescue(setup, handheld, args),
        Command::Copy(args) => copy::run(setup, handheld, args),
        Command::Status => sync::status(handheld),
        Command::Receipts(args) => sync::receipts(handheld, args),
        Command::Journal(args) => journal::run(handheld, args),
        Command::Selfcheck => selfcheck::run(setup, handheld),
        Command::Config(args) => selfcheck::config(setup, args),
        Command::Batch(_) | Command::Recorder => Err(Trouble::new(
            "CLI-NESTED",
            "这里不能使用这个命令",
            "没有执行任何操作",
            "单独执行这个命令",
        )),
    }
}

fn run_batch(
    setup: &Setup,
    handheld: &mut Handheld,
    common: &Common,
    batch: &Batch,
) -> TroubleResult<()> {
    // Each line when it comes: whoever feeds standard input may wait for one answer before the next command.
    let lines: Box<dyn Iterator<Item = std::io::Result<String>>> = if is_stdin(&batch.file) {
        Box::new(std::io::stdin().lock().lines())
    } else {
        let text = read_text(&batch.file)?;
        Box::new(text.lines().map(|line| Ok(line.to_owned())).collect::<Vec<_>>().into_iter())
    };
    unlock(handheld, common)?;
    // A program that stays makes second copies by the schedule, as the window does.
    setup.copy_room().copy_beside(Arc::new(Mutex::new(handheld.keys_beside())));
    let result = lines.into_iter().try_for_each(|line| {
        let line = line.map_err(unreadable)?;
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        let words = shlex::split(line).ok_or_else(|| bad_line(line))?;
        let arguments = std::iter::once("spotcheck".to_owned()).chain(words);
        let cli =
            Cli::try_parse_from(arguments).map_err(|cause| bad_line(line).because(cause.kind()))?;
        let command = cli.command.ok_or_else(|| bad_line(line))?;
        perform(setup, handheld, common, &command)?.print(common.json);
        Ok(())
    });
    handheld.lock()?;
    result
}

fn is_stdin(file: &Path) -> bool {
    file.as_os_str() == "-"
}

fn unreadable(cause: std::io::Error) -> Trouble {
    Trouble::new("CLI-FILE", "文件读不出来", "没有执行任何操作", "检查路径和权限").because(cause)
}

fn bad_line(line: &str) -> Trouble {
    let word = line.split_whitespace().next().unwrap_or_default();
    Trouble::new(
        "CLI-BATCH",
        &format!("批处理中有一行看不懂(以 {word} 开头)"),
        "此前各行已执行并保存",
        "改正这一行，从这一行起继续",
    )
}

/// A file, or standard input for `-`.
pub(crate) fn read_text(path: &Path) -> TroubleResult<String> {
    if is_stdin(path) {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map_err(unreadable)?;
        Ok(text)
    } else {
        std::fs::read_to_string(path).map_err(unreadable)
    }
}
