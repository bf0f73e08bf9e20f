//! `journal [--case CASE] [--verify]`.

use clap::Args;
use spotcheck_app::Handheld;
use spotcheck_domain::TroubleResult;

use super::Output;
use super::case::case_id;

/// Arguments.
#[derive(Debug, Args)]
pub(crate) struct Journal {
    /// 案卷日志；不写则为本机日志 / journal of a case; else the device's
    #[arg(long, value_name = "CASE")]
    case: Option<String>,
    /// 核验链条和各段录制日志 / verify the chain, and the logs of recordings against it
    #[arg(long)]
    verify: bool,
}

/// `journal`.
pub(crate) fn run(handheld: &mut Handheld, args: &Journal) -> TroubleResult<Output> {
    let case = args.case.as_deref().map(case_id).transpose()?;
    if args.verify {
        let (entries, head) = handheld.verify_journal(case.as_ref())?;
        let logs = match &case {
            Some(case) => handheld.verify_recording_logs(case)?,
            None => 0,
        };
        let mut lines = vec![format!("链条完好：{entries} 条，末条 {head}")];
        if logs > 0 {
            lines.push(format!("{logs} 段录音录像的录制日志与案卷日志相符"));
        }
        let value = serde_json::json!({"entries": entries, "head": head, "logs": logs});
        return Output::new("journal", &value, lines);
    }
    let entries = handheld.journal_entries(case.as_ref())?;
    let lines = entries
        .iter()
        .map(|e| {
            let text = |name: &str| e.get(name).map(ToString::to_string).unwrap_or_default();
            format!("{}  {}  {}  {}", text("seq"), text("wall"), text("kind"), text("subject"))
        })
        .collect();
    Output::new("journal", &entries, lines)
}
