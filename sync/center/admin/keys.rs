//! Intake keys: another one, the list, the end of an old one.

use std::fmt::Write as _;

use serde_json::json;
use spotcheck_domain::rfc3339;

use super::args::KeyCommand;
use super::out::Output;
use super::{Context, Result};
use crate::Error;
use crate::intake::{IntakeKey, IntakeState, intake_keys, retire, rotate};

const fn state_zh(state: IntakeState) -> &'static str {
    match state {
        IntakeState::Current => "现用",
        IntakeState::Kept => "保留",
        IntakeState::Retired => "已停用",
    }
}

fn line(key: &IntakeKey) -> String {
    let made = key.made_ms.map_or_else(|| "建中心时".to_owned(), rfc3339);
    let mut line = format!("{}  {}  {made}", key.id, state_zh(key.state));
    for (word, list) in [
        ("手持机还要用", &key.handhelds),
        ("证据包未接收", &key.pending),
        ("只有它能打开", &key.bound),
    ] {
        if !list.is_empty() {
            let _ = write!(line, "  {word}:{}", list.join("、"));
        }
    }
    line
}

pub(super) fn key(context: &Context, command: &KeyCommand) -> Result<Output> {
    let centre = context.open()?;
    match command {
        KeyCommand::Rotate => {
            let before = centre.recipients()?.intake_id;
            let id = rotate(&centre)?;
            let text = format!(
                "接收密钥已更换为 {id};{before} 保留，已加密的照常打开。手持机下次同步时得到新密钥。\n\
                 请立即备份数据库(backup):新密钥的私钥只在数据库里。"
            );
            Ok(Output::new("key-rotate", json!({ "id": id, "before": before }), text))
        }
        KeyCommand::List => {
            let keys = intake_keys(&centre)?;
            let mut text = String::new();
            for key in &keys {
                let _ = writeln!(text, "{}", line(key));
            }
            let keys = serde_json::to_value(&keys).map_err(|_| Error::Stored("intake keys"))?;
            Ok(Output::new("key-list", json!({ "keys": keys }), text))
        }
        KeyCommand::Retire { id, lost } => {
            let done = retire(&centre, id, lost)?;
            let text = format!(
                "接收密钥 {id} 已停用，私钥已从数据库删除；{} 个已接收的证据包改由各自案卷的密钥打开。\n\
                 U 盘上为它加密的救援导出和第二副本，今后只能用托管密钥打开；旧的数据库备份里还有这把私钥，请一并处理。",
                done.bundles.len()
            );
            let body = serde_json::to_value(&done).map_err(|_| Error::Stored("intake keys"))?;
            Ok(Output::new("key-retire", body, text))
        }
    }
}
