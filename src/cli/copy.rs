//! `copy`: second copies of what is not at the centre yet, and going on from one.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use clap::{Args, Subcommand};
use spotcheck_app::Handheld;
use spotcheck_app::errand::Stop;
use spotcheck_domain::{CaseId, TaskId, Trouble, TroubleResult};
use spotcheck_vault::FolderCopy;

use super::Output;
use super::run::bad_id;
use crate::compose::Setup;

/// Sub-commands of `copy`.
#[derive(Debug, Subcommand)]
pub(crate) enum Copy {
    /// 把未回传的案卷存到另一处，仍加密 / copy to a folder, e.g. on a stick, still encrypted
    To(To),
    /// 把未回传的案卷存到旁边的手持机，仍加密 / copy to a handheld nearby, still encrypted
    Peer(Peer),
    /// 替旁边的手持机保存副本 / keep copies for handhelds nearby
    Serve(Serve),
    /// 第二副本的状态 / how second copies stand, and what is held for others
    List,
    /// 从副本恢复另一台手持机的案卷，接着办 / go on with another handheld's case from its copy
    Rescue(Rescue),
}

/// Arguments of `copy to`.
#[derive(Debug, Args)]
pub(crate) struct To {
    /// 目录，如 U 盘 / folder, e.g. on a stick
    #[arg(value_name = "DIR")]
    to: PathBuf,
    /// 不解锁，只存已准备好的内容 / without unlocking: what was kept at the last lock
    #[arg(long)]
    locked: bool,
    /// 连同替别的手持机保存的副本 / what is held for others too
    #[arg(long)]
    held: bool,
}

/// Arguments of `copy peer`.
#[derive(Debug, Args)]
pub(crate) struct Peer {
    /// 对方地址 / where it listens
    #[arg(value_name = "HOST:PORT")]
    address: String,
    /// 不解锁，只存已准备好的内容 / without unlocking: what was kept at the last lock
    #[arg(long)]
    locked: bool,
}

/// Arguments of `copy serve`.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// 只在这个网络地址等候 / listen on this interface only
    #[arg(value_name = "ADDRESS:PORT")]
    address: String,
}

/// Arguments of `copy rescue`.
#[derive(Debug, Args)]
pub(crate) struct Rescue {
    /// 案卷 / the case
    #[arg(value_name = "CASE")]
    case: String,
    /// 副本目录(CASE-….copy)/ folder of the copy [default: what this handheld holds for others]
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// 门口录下、还没有案卷的内容归入这个任务 / the task that what was captured before any case belongs to
    #[arg(long, value_name = "TASK")]
    task: Option<String>,
}

impl Copy {
    pub(crate) const fn needs_unlock(&self) -> bool {
        match self {
            Self::To(To { locked, .. }) | Self::Peer(Peer { locked, .. }) => !*locked,
            Self::Serve(_) => false,
            Self::List | Self::Rescue(_) => true,
        }
    }
}

/// `copy …`.
pub(crate) fn run(setup: &Setup, handheld: &mut Handheld, args: &Copy) -> TroubleResult<Output> {
    let room = setup.copy_room();
    match args {
        Copy::To(to) => {
            handheld.keep_copies()?;
            let folder = to.to.display().to_string();
            let mut cases = room.copy_to(&handheld.link_keys()?, &to.to)?;
            if to.held {
                cases = cases.saturating_add(room.hand_over(&to.to)?);
            }
            handheld.copies_were_made()?;
            let value = serde_json::json!({ "cases": cases, "folder": folder });
            let line = format!("{cases} 个案卷已存第二副本(仍加密)");
            Output::new("copy", &value, and_stateless(line, handheld)?)
        }
        Copy::Peer(peer) => {
            let keys = handheld.link_keys()?;
            // Known first, so that the keys for it go along at once.
            room.meet(&keys, &peer.address)?;
            handheld.keep_copies()?;
            let (cases, partner) = room.copy_to_peer(&keys, &peer.address)?;
            handheld.copies_were_made()?;
            let value = serde_json::json!({ "cases": cases, "device": partner.device });
            let line = format!("{cases} 个案卷已存到手持机 {}(仍加密)", partner.device);
            Output::new("copy", &value, and_stateless(line, handheld)?)
        }
        Copy::Serve(serve) => {
            let keys = handheld.link_keys()?;
            // Its own go out meanwhile, as they do from a window that is locked.
            room.copy_beside(Arc::new(Mutex::new(handheld.keys_beside())));
            room.serve(&keys, &serve.address, &Stop::default(), &mut |at| {
                // Whoever started it waits for this line.
                println!("{}", serde_json::json!({ "listening": at.to_string() }));
                let _ = std::io::stdout().flush();
            })?;
            Output::new("copy", &serde_json::json!({}), Vec::new())
        }
        Copy::List => {
            let views = handheld.copy_views()?;
            let held: Vec<_> = room
                .shelf()
                .into_iter()
                .map(|(device, case, _)| serde_json::json!({ "device": device, "case": case }))
                .collect();
            let mut lines: Vec<String> = views
                .iter()
                .map(|v| match (&v.copied, v.without) {
                    (None, _) => format!("{}  没有第二副本", v.case),
                    (Some(at), _) if !v.state => stateless(&v.case, at),
                    (Some(at), 0) => format!("{}  第二副本 {at}", v.case),
                    (Some(at), n) => format!("{}  第二副本 {at}，其后 {n} 个文件没有副本", v.case),
                })
                .collect();
            lines.push(format!("替别的手持机保存 {} 个案卷的副本", held.len()));
            Output::new("copy", &serde_json::json!({ "cases": views, "held": held }), lines)
        }
        Copy::Rescue(rescue) => {
            let case =
                CaseId::parse(&rescue.case).map_err(|cause| bad_id("案卷").because(cause))?;
            let folder = match &rescue.from {
                Some(folder) => folder.clone(),
                None => {
                    let held = room.shelf().into_iter().find(|(_, of, _)| *of == rescue.case);
                    held.map(|(_, _, folder)| folder).ok_or_else(|| {
                        Trouble::new(
                            "COPY-NONE",
                            "本机没有保存这个案卷的副本",
                            "没有改动任何数据",
                            "用 --from 指明副本目录",
                        )
                    })?
                }
            };
            let task = rescue.task.as_deref().map(TaskId::parse).transpose();
            let task = task.map_err(|cause| bad_id("任务").because(cause))?;
            let mut copy = FolderCopy::open(&folder)?;
            let done = handheld.rescue_case(&case, task.as_ref(), &mut copy)?;
            let line = format!(
                "案卷 {case} 已由手持机 {} 的副本恢复(截至 {})，日志 {} 条，加密文件 {} 个",
                done.from, done.kept, done.entries, done.files
            );
            Output::new("copy", &done, vec![line])
        }
    }
}

/// A copy of encrypted files that nothing names: no use alone, and said so.
fn stateless(case: &CaseId, at: &str) -> String {
    format!("{case}  第二副本 {at} 里没有案卷状态，单凭它恢复不了案卷；解锁一次后再存")
}

/// A line, and one for each copy that lacks the state of its case.
fn and_stateless(line: String, handheld: &mut Handheld) -> TroubleResult<Vec<String>> {
    let views = handheld.copy_views()?;
    let lacking = views.iter().filter(|v| !v.state);
    let lacking = lacking.filter_map(|v| Some(stateless(&v.case, v.copied.as_ref()?)));
    Ok(std::iter::once(line).chain(lacking).collect())
}
