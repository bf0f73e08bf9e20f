//! `audit`, `rules check` and `rules score`.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use spotcheck_app::Handheld;
use spotcheck_app::desk::Desk;
use spotcheck_app::errand::AuditPart;
use spotcheck_domain::time::day_number;
use spotcheck_domain::{Trouble, TroubleResult};
use spotcheck_rules::score::{read_findings, read_truth, score};
use spotcheck_rules::{Pack, json_lines, national, report};

use super::Output;
use super::sync::task_id;

/// Arguments of `audit`.
#[derive(Debug, Args)]
pub(crate) struct Audit {
    /// 任务 / task
    #[arg(long, value_name = "ID")]
    task: String,
    /// 只运行这些规则，逗号分隔 / these rules only
    #[arg(long, value_name = "ID,…", value_delimiter = ',')]
    rules: Option<Vec<String>>,
    /// 机构；数据包里没有时拒绝 / facility; refused if the package does not hold it
    #[arg(long, value_name = "CODE")]
    facility: Option<String>,
    /// 只列这段时间的事实,yyyy-MM-dd..yyyy-MM-dd / facts of this period only
    #[arg(long, value_name = "FROM..TO", value_parser = period)]
    period: Option<(i64, i64)>,
    /// 每条疑点一行 JSON / one finding a line
    #[arg(long)]
    json_lines: bool,
}

/// First and last day as numbers since 1970.
fn period(text: &str) -> Result<(i64, i64), String> {
    let days =
        text.split_once("..").and_then(|(from, to)| Some((day_number(from)?, day_number(to)?)));
    days.filter(|(from, to)| from <= to).ok_or_else(|| "应写成 2026-01-01..2026-06-30".to_owned())
}

/// What can be done with rule packs.
#[derive(Debug, Subcommand)]
pub(crate) enum Rules {
    /// 检查规则包的写法：不核对签名，不在数据上试算 / is this pack well-formed above the national rules
    Check {
        /// 规则包目录 / folder of the pack
        folder: PathBuf,
    },
    /// 列出规则 / list the rules in force
    List {
        /// 任务：连同数据包带来的地方和自编规则 / task: with the regional and own packs that its package brings
        #[arg(long, value_name = "ID")]
        task: Option<String>,
    },
    /// 用已知答案衡量疑点：精确率与召回率 / precision and recall against what is known to be wrong
    Score {
        /// truth.csv
        truth: PathBuf,
        /// `audit --json-lines` 的输出 / output of `audit --json-lines`
        findings: PathBuf,
        /// 运行时叠加的规则包目录，可重复，依次叠加 / pack laid over the national one in that run; repeatable, in order
        #[arg(long, value_name = "FOLDER")]
        pack: Vec<PathBuf>,
    },
}

/// How the labels of the national pack begin.
const NATIONAL: &str = "national@";

impl Rules {
    /// The rules of a task lie in its package.
    pub(crate) const fn needs_unlock(&self) -> bool {
        matches!(self, Self::List { task: Some(_) })
    }
}

/// `audit`.
pub(crate) fn audit(handheld: &mut Handheld, args: &Audit) -> TroubleResult<Output> {
    let part = AuditPart {
        rules: args.rules.clone(),
        facility: args.facility.clone(),
        period: args.period,
    };
    let task = task_id(&args.task)?;
    if let Some(ids) = &args.rules {
        handheld.rules_in_force(&task)?.0.must_have(ids)?;
    }
    let outcome = handheld.audit_part(&task, part)?;
    if args.json_lines {
        let lines = json_lines(&outcome.findings).lines().map(str::to_owned).collect();
        return Ok(Output::raw(lines));
    }
    Output::new("audit", &report::body(&outcome), report::lines(&outcome))
}

/// `rules`.
pub(crate) fn rules(handheld: &mut Handheld, args: &Rules) -> TroubleResult<Output> {
    let base = national()?;
    match args {
        Rules::Check { folder } => {
            let pack = over(&base, folder)?;
            let count = pack.ids().len();
            let lines = vec![
                format!("{} 写法没有问题，共 {count} 条规则", pack.label()),
                "没有核对：签名；在数据上命中多少条".to_owned(),
                "由中心用 spotcheck-center rulepack check 核对后才能生效".to_owned(),
            ];
            let body = serde_json::json!({
                "pack": pack.label(), "rules": count, "not_checked": ["signature", "hits"],
            });
            Output::new("rules", &body, lines)
        }
        Rules::List { task } => {
            let (pack, unreadable) = match task {
                Some(task) => handheld.rules_in_force(&task_id(task)?)?,
                None => (base, Vec::new()),
            };
            let ids = pack.ids();
            let mut lines = vec![format!("{}:{} 条规则", pack.label(), ids.len()), ids.join(" ")];
            // What is not the national pack's own, and what is switched off.
            let (mut others, mut off) = (Vec::new(), Vec::new());
            for rule in &pack.rules {
                if !rule.pack.starts_with(NATIONAL) {
                    lines.push(format!("{}  {}({})", rule.id, rule.name, rule.pack));
                    others.push(serde_json::json!({ "rule": rule.id, "name": rule.name, "pack": rule.pack }));
                }
                if !rule.enabled {
                    off.push(rule.id.as_str());
                }
            }
            if !off.is_empty() {
                lines.push(format!("已停用：{}", off.join(" ")));
            }
            lines.extend(unreadable.iter().map(|s| s.reason.clone()));
            let unreadable: Vec<&str> = unreadable.iter().map(|s| s.reason.as_str()).collect();
            let each = pack.rules.iter().map(|r| {
                serde_json::json!({
                    "rule": r.id, "name": r.name, "grade": r.grade.as_str(), "light": r.grade.light(),
                    "severity": r.severity.as_str(), "enabled": r.enabled, "pack": r.pack,
                    "waits_for_points": pack.waits_for_points(r),
                })
            });
            let each: Vec<serde_json::Value> = each.collect();
            let body = serde_json::json!({
                "pack": pack.label(), "rules": ids, "list": each, "not_national": others, "off": off,
                "unreadable": unreadable,
            });
            Output::new("rules", &body, lines)
        }
        Rules::Score { truth, findings, pack } => {
            let text = |path: &Path| std::fs::read_to_string(path).map_err(unreadable);
            let truth = read_truth(&text(truth)?)?;
            let used = pack.iter().try_fold(base, |below, folder| over(&below, folder))?;
            let score = score(&truth, &read_findings(&text(findings)?)?, &used);
            Output::new("rules-score", &score.body(), score.lines())
        }
    }
}

/// The pack of a folder laid over another.
fn over(base: &Pack, folder: &Path) -> TroubleResult<Pack> {
    let files = read_folder(folder)?;
    let named: Vec<(&str, &[u8])> =
        files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    Pack::read(&named, Some(base)).map_err(|e| Trouble::from(e).as_verdict())
}

fn unreadable(cause: std::io::Error) -> Trouble {
    Trouble::new("CLI-FILE", "文件读不出来", "没有执行任何操作", "检查路径和权限").because(cause)
}

/// Files of a pack: those of the folder itself, by name.
fn read_folder(folder: &Path) -> TroubleResult<Vec<(String, Vec<u8>)>> {
    let failed = unreadable;
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if let (true, Some(name)) = (path.is_file(), path.file_name().and_then(|n| n.to_str())) {
            files.push((name.to_owned(), std::fs::read(&path).map_err(failed)?));
        }
    }
    files.sort();
    Ok(files)
}
