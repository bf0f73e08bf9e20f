//! `pull`, `tasks`, `unlock`, `push`, `status`, `receipts`.

use std::path::PathBuf;

use clap::Args;
use spotcheck_app::Handheld;
use spotcheck_app::desk::{CaseState, Desk, OutboxItem};
use spotcheck_app::ports::Chosen;
use spotcheck_client::{copy_folder_name, rescue_folder_name};
use spotcheck_domain::{BundleId, CaseId, TaskId, Trouble, TroubleResult};

use super::Output;
use super::run::bad_id;
use crate::compose::Setup;
use crate::glue::{RescueDir, Who};

/// Arguments of `pull`.
#[derive(Debug, Args)]
pub(crate) struct Pull {
    /// 只领取这项任务 / this task only
    #[arg(long, value_name = "ID")]
    task: Option<String>,
}

/// Arguments of `receipts`.
#[derive(Debug, Args)]
pub(crate) struct Receipts {
    /// 把某证据包的回执写入目录 / write the receipt of one bundle into a folder
    #[arg(long, value_name = "BUNDLE", requires = "to")]
    bundle: Option<String>,
    /// 目录 / folder
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// 把验证所需的根证书、时间戳根证书、日志公钥写入目录 / write what a verifier must trust
    #[arg(long, value_name = "DIR")]
    trust: Option<PathBuf>,
}

/// Arguments of `rescue`.
#[derive(Debug, Args)]
pub(crate) struct Rescue {
    /// 写入的目录，如 U 盘 / folder to write into, e.g. on a stick
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// 只导出这个证据包 / this bundle only [default: all that have no receipt yet]
    #[arg(long, value_name = "BUNDLE")]
    bundle: Option<String>,
}

/// `rescue`: sealed bundles; and unless one of them was named, every other case as it lies, since what a damaged one
/// still has can be told at the centre only. Where the device's own database is gone or damaged, all of them.
pub(crate) fn rescue(
    setup: &Setup,
    handheld: &mut Handheld,
    args: &Rescue,
) -> TroubleResult<Output> {
    let only = args.bundle.as_deref().map(bundle_id).transpose()?;
    let sealed = handheld
        .rescue(only.as_ref(), &mut |bundle| Ok(Box::new(RescueDir::open(&args.to, bundle)?)));
    let room = setup.copy_room();
    let (written, cases) = match sealed {
        Ok(written) if only.is_some() => (written, Vec::new()),
        Ok(written) => {
            let cases = handheld.unsealed_cases()?;
            room.rescue_cases(&Who::of(&handheld.link_keys()?), &args.to, &cases)?;
            handheld.rescued_as_they_lie(&cases)?;
            (written, cases)
        }
        Err(trouble) if only.is_none() && trouble.code.starts_with("STORE-") => {
            tracing::error!(code = %trouble.code, "All cases are exported as they lie.");
            let cases = room.all_cases()?;
            room.rescue_cases(&Who::of(&handheld.link_keys()?), &args.to, &cases)?;
            (Vec::new(), cases)
        }
        Err(trouble) => return Err(trouble),
    };
    let as_they_lie = folders(args, &cases);
    let items: Vec<_> = written
        .iter()
        .map(|(bundle, bytes, damaged)| {
            let folder = args.to.join(rescue_folder_name(bundle.as_str()));
            serde_json::json!({ "bundle": bundle, "folder": folder, "bytes": bytes, "damaged": damaged })
        })
        .collect();
    let mut lines: Vec<String> = written
        .iter()
        .map(|(bundle, bytes, damaged)| match damaged {
            0 => format!("{bundle}  已导出(仍加密)  {bytes} 字节"),
            n => format!(
                "{bundle}  已导出(仍加密)  {bytes} 字节；{n} 个分段在本机已损坏，没有完好的副本，不在其中"
            ),
        })
        .collect();
    if lines.is_empty() {
        lines.push("没有待回传的证据包".to_owned());
    }
    lines.extend(cases.iter().map(|c| format!("{}  未封存案卷原样导出(仍加密)", c.case)));
    let value = serde_json::json!({ "items": items, "cases": as_they_lie });
    Output::new("rescue", &value, lines)
}

/// Where cases were exported to as they lie.
fn folders(args: &Rescue, cases: &[Chosen]) -> Vec<serde_json::Value> {
    let folder = |case: &CaseId| args.to.join(copy_folder_name(case.as_str()));
    let item = |c: &Chosen| serde_json::json!({ "case": c.case, "folder": folder(&c.case) });
    cases.iter().map(item).collect()
}

/// `rescue` where the key store is gone, damaged or newer than this program: nothing here opens, and nothing needs to.
/// Every case goes along as it lies, encrypted to the centre; the trouble itself stands in the answer.
pub(crate) fn rescue_without_keys(
    setup: &Setup,
    args: &Rescue,
    trouble: Trouble,
) -> TroubleResult<Output> {
    let (None, Some(who)) = (&args.bundle, Who::kept(&setup.data)) else { return Err(trouble) };
    tracing::error!(code = %trouble.code, "All cases are exported as they lie, without the key store.");
    let room = setup.copy_room();
    let cases = room.all_cases()?;
    room.rescue_cases(&who, &args.to, &cases)?;
    let mut lines: Vec<String> =
        cases.iter().map(|c| format!("{}  案卷原样导出(仍加密)", c.case)).collect();
    lines.push(format!("{}：{}。{}", trouble.code, trouble.message, trouble.safe));
    let value = serde_json::json!({ "items": [], "cases": folders(args, &cases), "without_keys": trouble.code });
    Output::new("rescue", &value, lines)
}

fn bundle_id(text: &str) -> TroubleResult<BundleId> {
    BundleId::parse(text).map_err(|cause| bad_id("证据包").because(cause))
}

/// `pull`.
pub(crate) fn pull(handheld: &mut Handheld, args: &Pull) -> TroubleResult<Output> {
    let task = args.task.as_deref().map(task_id).transpose()?;
    let report = handheld.pull(task.as_ref())?;
    let lines = vec![format!(
        "任务 {} 项；新数据包 {} 个；未变 {} 个",
        report.tasks,
        report.packages.len(),
        report.unchanged.len()
    )];
    Output::new("pull", &report, lines)
}

/// Reads a task id.
pub(crate) fn task_id(text: &str) -> TroubleResult<TaskId> {
    TaskId::parse(text).map_err(|cause| bad_id("任务").because(cause))
}

/// `tasks`.
pub(crate) fn tasks(handheld: &mut Handheld) -> TroubleResult<Output> {
    let cards = handheld.tasks()?;
    let lines = cards
        .iter()
        .map(|c| {
            let package = match &c.package {
                None => "数据包未下载",
                Some(p) if p.checked.is_some() => "数据包已核验",
                Some(_) => "数据包未核验",
            };
            format!(
                "{}  {}  {}  {package}",
                c.task.id, c.task.facility.fixmedins_name, c.task.title
            )
        })
        .collect();
    Output::new("tasks", &cards, lines)
}

/// `unlock`: getting here means that the PIN was right.
pub(crate) fn unlocked(handheld: &mut Handheld) -> TroubleResult<Output> {
    let status = handheld.status()?;
    let lines = vec![status.safe.clone(), "口令正确".to_owned()];
    Output::new("unlock", &status, lines)
}

/// `status`.
pub(crate) fn status(handheld: &mut Handheld) -> TroubleResult<Output> {
    let status = handheld.status()?;
    let device = status.device.as_ref().map_or("尚未登记", |d| d.as_str());
    let mut lines = vec![
        status.safe.clone(),
        format!("手持机 {device}，密钥保护：{}", status.key_protection.zh()),
        format!("检查人员 {} 名，待回传 {} 个证据包", status.officers.len(), status.unsent),
    ];
    for running in &status.recordings {
        if running.ended {
            lines.push(format!("{} 已中断，录到的已存好；先停止它，再开始一段", running.evidence));
        }
        if let Some(seconds) = running.stuck_s() {
            lines.push(format!(
                "{} 正在录制，话筒和摄像头 {seconds} 秒没有送来数据，请检查设备",
                running.evidence
            ));
        }
        if let Some(seconds) = running.stalled_s() {
            lines.push(format!(
                "{} 正在录制，存储没有跟上：最近 {seconds} 秒还没有存好，请勿断电",
                running.evidence
            ));
        }
    }
    Output::new("status", &status, lines)
}

/// `push`.
pub(crate) fn push(handheld: &mut Handheld) -> TroubleResult<Output> {
    let items = handheld.push()?;
    let lines = outbox_lines(&items);
    Output::new("push", &items, lines)
}

fn outbox_lines(items: &[OutboxItem]) -> Vec<String> {
    if items.is_empty() {
        return vec!["没有待回传的证据包".to_owned()];
    }
    items
        .iter()
        .map(|item| {
            let state = match item.state {
                CaseState::Open => "在办",
                CaseState::Sealed => "已封存，待回传",
                CaseState::Sent => "已送达，待回执",
                CaseState::Received => "已收讫",
                CaseState::Shredded => "已销毁",
            };
            let receipt = match (&item.received, item.log_index) {
                (Some(at), Some(index)) => format!("  中心收讫 {at}，日志第 {index} 条"),
                _ => String::new(),
            };
            format!(
                "{}  {state}  {}/{} 字节{receipt}",
                item.bundle, item.sent_bytes, item.total_bytes
            )
        })
        .collect()
}

/// `receipts`.
pub(crate) fn receipts(handheld: &mut Handheld, args: &Receipts) -> TroubleResult<Output> {
    if let Some(folder) = &args.trust {
        let (roots, tsa_roots, log_key) = handheld.trust()?;
        write(&folder.join("roots.pem"), roots.as_bytes())?;
        write(&folder.join("log-key.txt"), log_key.as_bytes())?;
        if !tsa_roots.is_empty() {
            write(&folder.join("tsa-roots.pem"), tsa_roots.as_bytes())?;
        }
    }
    if let (Some(bundle), Some(folder)) = (&args.bundle, &args.to) {
        let id = bundle_id(bundle)?;
        let receipt = handheld.receipt(&id)?.ok_or_else(|| {
            Trouble::new("CLI-RECEIPT", "这个证据包还没有回执", "证据包仍在本机", "先执行 push")
        })?;
        write(&folder.join("center.entry.json"), receipt.entry.as_bytes())?;
        write(&folder.join("center.tlog-proof"), receipt.proof.as_bytes())?;
        write(&folder.join("center.crl"), receipt.crl.as_bytes())?;
    }
    let items = handheld.outbox()?;
    let lines = outbox_lines(&items);
    Output::new("receipts", &items, lines)
}

/// Writes an exported file that carries no personal data.
pub(crate) fn write(path: &std::path::Path, bytes: &[u8]) -> TroubleResult<()> {
    let failed = |cause: std::io::Error| {
        Trouble::new("CLI-WRITE", "文件写不出去", "本机数据没有改动", "检查目录和剩余空间")
            .because(cause)
    };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    std::fs::write(path, bytes).map_err(failed)
}
