//! `pin`, `token`: how an officer's keys open.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use spotcheck_app::Handheld;
use spotcheck_app::desk::Desk;
use spotcheck_domain::{OfficerId, Trouble, TroubleResult};

use super::{Common, Output, pins};

/// Arguments of `pin`.
#[derive(Debug, Args)]
pub(crate) struct Pin {
    /// 新口令文件(权限 0600)/ file of mode 0600 with the new PIN [default: asked twice]
    #[arg(long, value_name = "FILE")]
    new_pin_file: Option<PathBuf>,
}

/// Sub-commands of `token`.
#[derive(Debug, Subcommand)]
pub(crate) enum Token {
    /// 今后解锁、签名都要插入密钥设备 / ask for the token from now on
    Use,
    /// 今后不再要求 / do not ask for it any more
    Drop,
}

fn me(handheld: &mut Handheld) -> TroubleResult<OfficerId> {
    handheld
        .status()?
        .unlocked
        .ok_or_else(|| Trouble::new("CLI-OFFICER", "没有解锁", "没有改动任何数据", "先解锁"))
}

/// `pin`.
pub(crate) fn pin(handheld: &mut Handheld, common: &Common, args: &Pin) -> TroubleResult<Output> {
    use secrecy::ExposeSecret;
    let officer = me(handheld)?;
    let old = pins::read(common)?;
    let new = match &args.new_pin_file {
        Some(file) => pins::from_file(file)?,
        None => {
            let (first, second) = (pins::ask("新口令：")?, pins::ask("再输一次：")?);
            if first.expose_secret() != second.expose_secret() {
                return Err(Trouble::new(
                    "CLI-PIN",
                    "两次输入的新口令不同",
                    "口令没有改动",
                    "重新执行",
                ));
            }
            first
        }
    };
    handheld.change_pin(&officer, &old, &new)?;
    Output::new("pin", &serde_json::json!({ "officer": officer }), vec!["口令已更改".to_owned()])
}

/// `token …`.
pub(crate) fn token(
    handheld: &mut Handheld,
    common: &Common,
    args: &Token,
) -> TroubleResult<Output> {
    let officer = me(handheld)?;
    let on = matches!(args, Token::Use);
    handheld.use_token(&officer, &pins::read(common)?, on)?;
    let line = if on { "今后须插入密钥设备" } else { "今后不要求密钥设备" };
    let value = serde_json::json!({ "officer": officer, "token": on });
    Output::new("token", &value, vec![line.to_owned()])
}
