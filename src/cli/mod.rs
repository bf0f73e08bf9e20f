//! The sub-commands: everything the GUI does, for scripts, support and tests.
//!
//! One file per group of sub-commands; each only reads arguments, calls the same use cases as the GUI and
//! prints. `--json` prints one object with a schema name; errors are one object too.

mod audit;
mod capture;
mod case;
mod claims;
mod compare;
mod copy;
mod custody;
mod doc;
mod enrol;
mod findings;
mod indicators;
mod journal;
mod lookup;
mod output;
pub(crate) mod pins;
mod run;
mod seal;
mod selfcheck;
mod sync;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub(crate) use output::Output;
pub(crate) use run::{execute, failed};
pub(crate) use sync::rescue_without_keys;

/// Spotcheck(现场稽核)手持机。不带子命令时打开界面。
///
/// Spotcheck handheld. Without a sub-command the window opens.
#[derive(Debug, Parser)]
#[command(name = "spotcheck", version, max_term_width = 110)]
pub(crate) struct Cli {
    /// Options of every sub-command.
    #[command(flatten)]
    pub(crate) common: Common,
    /// What to do; without it the window opens.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// Options of every sub-command.
#[derive(Debug, Clone, Args)]
pub(crate) struct Common {
    /// 数据目录 / data folder [default: /var/lib/spotcheck, else the user's data folder]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// 设备配置 / cameras, microphones, printers [default: /etc/spotcheck/device.toml, if there]
    #[arg(long, global = true, value_name = "FILE.toml")]
    pub(crate) device: Option<PathBuf>,
    /// 以 JSON 输出 / print one JSON object
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// 解锁的检查人员 / officer who unlocks [default: the only one on this handheld]
    #[arg(long, global = true, value_name = "ID")]
    pub(crate) officer: Option<String>,
    /// 口令文件(权限 0600)/ PIN file of mode 0600
    #[arg(long, global = true, value_name = "FILE", conflicts_with = "pin_fd")]
    pub(crate) pin_file: Option<PathBuf>,
    /// 从文件描述符读口令 / read the PIN from a file descriptor
    #[arg(long, global = true, value_name = "N")]
    pub(crate) pin_fd: Option<i32>,
    /// 密钥设备(UKey)口令文件(权限 0600)/ file of mode 0600 with the PIN of the officer's token
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) token_pin_file: Option<PathBuf>,
    /// Read from `--pin-fd` before the process is hardened: afterwards its own /proc is closed to it.
    #[arg(skip)]
    pub(crate) pin: Option<secrecy::SecretString>,
}

impl Common {
    /// As given by `--data` and `--device` alone.
    pub(crate) fn at(data: &std::path::Path, device: &std::path::Path) -> Self {
        Self {
            data: Some(data.to_owned()),
            device: Some(device.to_owned()),
            json: false,
            officer: None,
            pin_file: None,
            pin_fd: None,
            token_pin_file: None,
            pin: None,
        }
    }
}

/// Sub-commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// 用票据登记本机或检查人员 / enrol this handheld or an officer by a ticket
    Enroll(enrol::Enroll),
    /// 领取任务和数据包 / fetch tasks and packages
    Pull(sync::Pull),
    /// 列出任务 / list tasks
    Tasks,
    /// 试一次口令 / test a PIN
    Unlock,
    /// 更改口令 / change the PIN
    Pin(custody::Pin),
    /// 密钥设备(UKey)作为第二因素 / a token as second factor
    #[command(subcommand)]
    Token(custody::Token),
    /// 一次解锁执行多条命令 / run many commands under one unlock
    Batch(run::Batch),
    /// 查找人员、项目、医务人员 / search
    #[command(subcommand)]
    Search(claims::Search),
    /// 查看一个参保人 / show a person
    Person(claims::Person),
    /// 查看一次就诊 / show a visit with its fee lines
    Visit(claims::Visit),
    /// 机构概况 / the facility of a task
    Facility(claims::OfTask),
    /// 完整核验数据包 / full check of a package
    #[command(name = "package")]
    Package(claims::OfTask),
    /// 对数据包运行规则，列出疑点 / run the rules over a package
    Audit(audit::Audit),
    /// 疑点：列出、认定、导出 / findings: list, judge, export
    #[command(subcommand)]
    Findings(findings::Findings),
    /// 医院系统导出与上传数据比对 / a facility's own export against the upload
    Compare(compare::Compare),
    /// 指标与专题 / indicators and topics
    Indicators(indicators::Indicators),
    /// 查政策、价格、药品、耗材、编码、案例 / look up policies, prices, drugs, consumables, codes, cases
    Lookup(lookup::Lookup),
    /// 本机添加的政策 / policies added on this handheld
    #[command(subcommand)]
    Policy(lookup::Policy),
    /// 规则包 / rule packs
    #[command(subcommand)]
    Rules(audit::Rules),
    /// 案卷 / case
    #[command(subcommand)]
    Case(case::Case),
    /// 采集 / capture
    #[command(subcommand)]
    Capture(capture::Capture),
    /// 文书 / documents
    #[command(subcommand)]
    Doc(doc::Doc),
    /// 打印机 / printers that answer
    Printers,
    /// 封存 / seal a case
    Seal(seal::Seal),
    /// 回传 / send what waits
    Push,
    /// 导出已封存的证据包，仍加密 / write sealed bundles to a stick, still encrypted
    Rescue(sync::Rescue),
    /// 第二副本:U 盘或旁边的手持机，仍加密 / second copies, on a stick or at a handheld nearby
    #[command(subcommand)]
    Copy(copy::Copy),
    /// 本机状态 / state of this handheld
    Status,
    /// 待回传与回执 / outbox and receipts
    Receipts(sync::Receipts),
    /// 日志 / journals
    Journal(journal::Journal),
    /// 自检 / self-check
    Selfcheck,
    /// 配置 / configuration
    #[command(subcommand)]
    Config(selfcheck::Config),
    /// The recorder process; started by the program itself.
    #[command(hide = true)]
    Recorder,
}
