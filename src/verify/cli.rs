//! Arguments. They are an interface: stable, and their help is held by a snapshot.

use std::path::PathBuf;

/// What the program is asked to do.
#[derive(Debug, clap::Parser)]
#[command(
    name = "spotcheck-verify",
    version,
    about = "离线核验现场稽核证据包 / Verify an on-site inspection evidence bundle offline",
    after_help = "退出码 / exit status: 0 通过 accepted · 1 不通过 rejected · 2 用法错误 usage · 3 无法核验 could not run",
    disable_help_flag = true,
    disable_version_flag = true
)]
pub(crate) struct Arguments {
    /// 证据包:EVID-….zip、PART-….zip 或已解压的文件夹 / the bundle: ZIP or unpacked folder
    #[arg(value_name = "BUNDLE")]
    pub(crate) bundle: PathBuf,
    /// 唯一可信的签名根证书(PEM) / the only certificates trusted for signatures
    #[arg(long, value_name = "ROOTS.pem")]
    pub(crate) trust: PathBuf,
    /// 唯一可信的时间戳根证书(PEM) / the only certificates trusted for time stamps
    #[arg(long, value_name = "ROOTS.pem")]
    pub(crate) tsa: Option<PathBuf>,
    /// 存证日志公钥:文件,或 NAME+ID+KEY 文本 / key of the centre's log: a file or the key itself
    #[arg(long, value_name = "KEY")]
    pub(crate) log_key: Option<String>,
    /// 当事人副本:允许缺少部分文件 / a party copy: payload files may be missing
    #[arg(long)]
    pub(crate) partial: bool,
    /// 输出 JSON 报告 / print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// 显示帮助 / print help
    #[arg(long, short, action = clap::ArgAction::Help)]
    help: Option<bool>,
    /// 显示版本 / print version
    #[arg(long, short = 'V', action = clap::ArgAction::Version)]
    version: Option<bool>,
}
