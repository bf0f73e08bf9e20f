//! `enroll --ticket FILE|-`.

use std::path::PathBuf;

use clap::Args;
use secrecy::SecretString;
use spotcheck_app::Handheld;
use spotcheck_domain::TroubleResult;

use super::run::read_text;
use super::{Common, Output, pins};

/// Arguments.
#[derive(Debug, Args)]
pub(crate) struct Enroll {
    /// 票据文件,- 为标准输入 / ticket file, - for standard input
    #[arg(long, value_name = "FILE")]
    ticket: PathBuf,
    /// 这是检查人员票据：为其设定口令 / an officer's ticket: the PIN is set now
    #[arg(long = "as-officer")]
    officer_ticket: bool,
}

/// Enrols; the PIN of an officer's ticket is read like any other.
pub(crate) fn run(
    handheld: &mut Handheld,
    common: &Common,
    args: &Enroll,
) -> TroubleResult<Output> {
    let ticket = read_text(&args.ticket)?;
    let pin: Option<SecretString> =
        if args.officer_ticket { Some(pins::read(common)?) } else { None };
    let id = handheld.enrol(ticket.trim(), pin.as_ref())?;
    let lines = vec![format!("已登记：{id}")];
    Output::new("enroll", &serde_json::json!({ "id": id }), lines)
}
