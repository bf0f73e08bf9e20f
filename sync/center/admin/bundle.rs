//! Evidence bundles.

use std::fmt::Write as _;

use serde_json::json;
use spotcheck_domain::rfc3339;
use spotcheck_wire::bundles::{Announcement, BundleState};
use spotcheck_wire::copies::COPY_LABEL;
use spotcheck_wire::rescue::LABEL_FILE;

use super::args::BundleCommand;
use super::out::Output;
use super::{Context, Result};
use crate::Error;
use crate::bundles::{self, CopyActs, Extent};

fn zh(state: BundleState) -> &'static str {
    match state {
        BundleState::Announced => "已申报，未传完",
        BundleState::Verifying => "正在校验",
        BundleState::Received => "已接收",
        BundleState::Rejected => "未通过校验",
        BundleState::Quarantined => "隔离中",
    }
}

/// A second copy of a case that was not sealed yet; of a sealed one it is a rescue export.
fn is_open_copy(folder: &std::path::Path) -> bool {
    folder.join(COPY_LABEL).is_file() && !folder.join(LABEL_FILE).is_file()
}

/// The handheld whose case went on elsewhere from its second copy, by the signed bag-info.txt.
fn rescued_from(announcement: &Announcement) -> Option<String> {
    let info = announcement.tag_files.iter().find(|file| file.path == "bag-info.txt")?;
    let text = std::str::from_utf8(&info.bytes).ok()?;
    text.lines().find_map(|line| line.strip_prefix("Spotcheck-Rescued-From: ")).map(str::to_owned)
}

pub(super) fn bundle(context: &Context, command: &BundleCommand) -> Result<Output> {
    let centre = context.open()?;
    match command {
        BundleCommand::List => {
            let list = centre.repo().bundles()?;
            let mut text = String::new();
            for b in &list {
                let _ = writeln!(text, "{}  {}  {}  {}", b.bundle, b.device, b.task, zh(b.state));
            }
            Ok(Output::new("bundle-list", json!({ "bundles": list }), text))
        }
        BundleCommand::Show { bundle } => {
            let row = centre
                .repo()
                .bundle(bundle)?
                .ok_or(Error::NotFound { what: "bundle", zh: "证据包" })?;
            let missing = bundles::missing(&centre, &row.announcement, &row.device)?;
            let stamps: Vec<String> =
                centre.repo().stamps(bundle)?.into_iter().map(|(role, _)| role).collect();
            let mut text = format!("{bundle}  {}\n", zh(row.state));
            let rescued_from = rescued_from(&row.announcement);
            if let Some(device) = &rescued_from {
                let _ =
                    writeln!(text, "由手持机 {device} 的第二副本恢复，此后在该机上的内容不在内");
            }
            for error in &row.errors {
                let _ = writeln!(text, "错误 {error}");
            }
            let body = json!({
                "bundle": bundle, "state": row.state, "device": row.device,
                "task": row.announcement.task, "announced": rfc3339(row.announced_ms),
                "finished": row.finished_ms.map(rfc3339), "errors": row.errors,
                "missing": missing, "timestamps": stamps, "log_index": row.log_index,
                "tagmanifest_sha256": row.announcement.tagmanifest_sha256,
                "rescued_from": rescued_from,
            });
            Ok(Output::new("bundle-show", body, text))
        }
        BundleCommand::Export { bundle, out, media, party, include } => {
            let mut text = String::new();
            if let Some(out) = out {
                let extent =
                    if *party { Extent::Party { include: include.clone() } } else { Extent::Whole };
                bundles::export(&centre, bundle, &extent, out)?;
                let what = if *party { "当事人副本" } else { "明文" };
                let _ =
                    writeln!(text, "证据包 {bundle} 的{what}已写入 {}(已留痕)。", out.display());
            }
            let mut body = json!({ "bundle": bundle, "out": out, "party": party });
            if let Some(folder) = media {
                let copies = bundles::export_media(&centre, bundle, folder)?;
                let (n, folder) = (copies.len(), folder.display());
                let _ = writeln!(text, "录音录像副本 {n} 个已写入 {folder}(已留痕)，不是证据。");
                if let Some(body) = body.as_object_mut() {
                    body.insert("media".to_owned(), json!({ "out": media, "copies": copies }));
                }
            }
            Ok(Output::new("bundle-export", body, text.trim_end().to_owned()))
        }
        BundleCommand::Add { file, r#for, open, escrow } if is_open_copy(file) => {
            let acts = CopyActs {
                address: r#for.as_deref(),
                open: open.as_deref(),
                escrow: escrow.as_deref(),
            };
            let report = bundles::add_copy(&centre, file, &acts)?;
            let good = report.faults.is_empty();
            let mut text = format!(
                "案卷 {} 的第二副本(手持机 {}):日志 {} 条，文件 {} 个，未封存\n",
                report.case, report.device, report.entries, report.files
            );
            if report.door {
                let n = report.running;
                let _ = writeln!(text, "开案前在门口录下的内容：录制 {n} 段，还没有归入任务");
            }
            for path in &report.faults {
                let _ = writeln!(text, "缺失或损坏 {path}");
            }
            if r#for.is_none() && open.is_none() {
                text.push_str("用 --for 手持机编号 交另一台手持机接着办、封存\n");
            }
            let output = Output::new("bundle-add", json!({ "copy": report }), text);
            Ok(if good { output } else { output.failed_check() })
        }
        BundleCommand::Add { file, open: Some(out), escrow: Some(escrow), .. } if file.is_dir() => {
            let bundle = bundles::open_rescue(&centre, file, escrow, out)?;
            let text = format!(
                "证据包 {bundle} 已用托管私钥打开，写入 {}(已留痕)。\n用 bundle add 收下这个 ZIP。",
                out.display()
            );
            Ok(Output::new("bundle-add", json!({ "opened": bundle, "out": out }), text))
        }
        BundleCommand::Add { file, .. } => {
            let add = if file.is_dir() { bundles::add_rescue } else { bundles::add_zip };
            let added = add(&centre, file)?;
            let body = json!({
                "bundle": added.bundle, "state": added.state, "errors": added.errors,
            });
            let mut text = format!("{}  {}\n", added.bundle, zh(added.state));
            for error in &added.errors {
                let _ = writeln!(text, "错误 {error}");
            }
            let output = Output::new("bundle-add", body, text);
            let good = added.state == BundleState::Received;
            Ok(if good { output } else { output.failed_check() })
        }
        BundleCommand::Accept { bundle } => {
            bundles::quarantined_accept(&centre, bundle)?;
            bundles::verify_bundle(&centre, bundle)?;
            let status = bundles::status(&centre, bundle, 0)?;
            let body = json!({
                "bundle": bundle, "state": status.state, "errors": status.errors,
            });
            let output =
                Output::new("bundle-accept", body, format!("{bundle}  {}", zh(status.state)));
            let good = status.state == BundleState::Received;
            Ok(if good { output } else { output.failed_check() })
        }
    }
}
