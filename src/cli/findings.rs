//! `findings list|judge|silence|rules|export`: what the rules found, and what the officers make of it.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use spotcheck_app::Handheld;
use spotcheck_app::desk::{CaseView, Desk, Looks as _};
use spotcheck_app::findings::{FindingState, Judgement};
use spotcheck_domain::{TaskId, Trouble, TroubleResult};
use spotcheck_rules::export::{Audience, Format};
use spotcheck_rules::{Merged, merge, patterns};

use super::Output;
use super::case::case_id;
use super::sync::task_id;

/// Which findings.
#[derive(Debug, Args)]
pub(crate) struct Which {
    /// 任务 / task
    #[arg(long, value_name = "ID")]
    task: String,
    /// 只取数据包带来的中心疑点，不再运行规则 / the centre's only, without running the rules here
    #[arg(long)]
    packed: bool,
}

/// What can be done with findings.
#[derive(Debug, Subcommand)]
pub(crate) enum Findings {
    /// 列出 / list
    List {
        /// Which findings.
        #[command(flatten)]
        which: Which,
        /// 同一规则同一项目的疑点合为一项 / findings of one rule about one item as one entry
        #[arg(long)]
        patterns: bool,
    },
    /// 认定一条疑点 / judge one
    Judge {
        /// 案卷 / case
        #[arg(long, value_name = "ID")]
        case: String,
        /// 疑点键(见 list) / key as told by list
        #[arg(long)]
        key: String,
        /// confirmed 属实, excluded 排除(须有理由), needs_evidence 需补证, open 撤回
        #[arg(long)]
        state: String,
        /// 理由 / why
        #[arg(long)]
        reason: Option<String>,
        /// 证据编号，逗号分隔 / evidence items
        #[arg(long, value_delimiter = ',')]
        evidence: Vec<String>,
    },
    /// 本次检查不再提示一条规则 / silence a rule for this visit
    Silence {
        /// 案卷 / case
        #[arg(long, value_name = "ID")]
        case: String,
        /// 规则 / rule
        #[arg(long)]
        rule: String,
        /// 理由 / why
        #[arg(long, required_unless_present = "heard")]
        reason: Option<String>,
        /// 恢复提示 / let it speak again
        #[arg(long, conflicts_with = "reason")]
        heard: bool,
    },
    /// 自编规则写成规则包草案，供中心检查和试运行 / composed rules as a draft pack for the centre
    Rules {
        /// 案卷 / case
        #[arg(long, value_name = "ID")]
        case: String,
        /// 文件(.json) / file
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
    },
    /// 导出(留痕) / write a file; the act is recorded
    Export {
        /// Which findings.
        #[command(flatten)]
        which: Which,
        /// 文件:.csv .xlsx .json / file, the form by its ending
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
        /// 给当事人：只含已认定属实的事实、说明和法定义务 / for the party: confirmed facts and duties only
        #[arg(long)]
        party: bool,
    },
}

/// The findings as the screen has them: the centre's and the handheld's own, each once.
fn merged(handheld: &mut Handheld, task: &TaskId, packed_only: bool) -> TroubleResult<Vec<Merged>> {
    let packed = handheld.packed_findings(task)?;
    let own = if packed_only { Vec::new() } else { handheld.audit(task, None)?.findings };
    Ok(merge(packed, own))
}

/// The open or newest case of a task.
fn case_of(handheld: &mut Handheld, task: &TaskId) -> TroubleResult<Option<CaseView>> {
    let cards = handheld.tasks()?;
    let case = cards.into_iter().find(|c| c.task.id == *task).and_then(|c| c.case);
    case.map(|card| handheld.case(&card.id)).transpose()
}

fn state_of<'a>(view: Option<&'a CaseView>, key: &str) -> &'a str {
    let card = view.and_then(|v| v.findings.iter().find(|c| c.key == key));
    card.map_or(FindingState::Open.as_str(), |c| c.state.as_str())
}

fn list(handheld: &mut Handheld, which: &Which) -> TroubleResult<Output> {
    let task = task_id(&which.task)?;
    let all = merged(handheld, &task, which.packed)?;
    let view = case_of(handheld, &task)?;
    let (mut lines, mut items): (Vec<String>, Vec<Value>) = (Vec::new(), Vec::new());
    for m in &all {
        let state = state_of(view.as_ref(), &m.key);
        let amount =
            m.finding.amount.map_or_else(String::new, |a| format!("  {} 元", a.to_cents()));
        lines.push(format!(
            "{}  {}  {}{amount}  {}  {state}",
            m.key,
            m.finding.grade.light(),
            m.finding.rule,
            m.finding.reason
        ));
        let mut body: Value = serde_json::from_str(&m.finding.body()).unwrap_or_default();
        if let Some(members) = body.as_object_mut() {
            members.insert("key".to_owned(), m.key.as_str().into());
            members.insert("origin".to_owned(), m.origin.as_str().into());
            members.insert("state".to_owned(), state.into());
        }
        items.push(body);
    }
    Output::new("findings-list", &json!({ "findings": items }), lines)
}

/// What is the same over many persons stands once, at the place of its sum.
fn list_patterns(handheld: &mut Handheld, which: &Which) -> TroubleResult<Output> {
    let all = merged(handheld, &task_id(&which.task)?, which.packed)?;
    let (mut lines, mut items): (Vec<String>, Vec<Value>) = (Vec::new(), Vec::new());
    for pattern in patterns(all.iter().map(|m| &m.finding)) {
        let members: Vec<&Merged> = pattern.members.iter().filter_map(|n| all.get(*n)).collect();
        let Some(first) = members.first() else { continue };
        let (f, count) = (&first.finding, members.len());
        let amount = pattern.amount.map_or_else(String::new, |a| format!("  {} 元", a.to_cents()));
        lines.push(format!("{}  {}  {count} 条{amount}  {}", f.grade.light(), f.rule, f.reason));
        let keys: Vec<&str> = members.iter().map(|m| m.key.as_str()).collect();
        items.push(json!({
            "rule": f.rule, "name": f.name, "light": f.grade.light(), "code": f.code,
            "principal": f.principal, "count": count, "amount": pattern.amount.map(|a| a.to_cents()),
            "weight": pattern.weight, "reason": f.reason, "keys": keys,
        }));
    }
    Output::new("findings-patterns", &json!({ "patterns": items }), lines)
}

fn unknown(what: &str, advice: &str) -> Trouble {
    Trouble::new("CLI-FINDINGS", what, "没有执行任何操作", advice)
}

fn judge(
    handheld: &mut Handheld,
    case: &str,
    key: &str,
    judgement: &Judgement,
) -> TroubleResult<Output> {
    let case = case_id(case)?;
    let task = handheld.case(&case)?.task;
    let of = |all: Vec<Merged>| all.into_iter().find(|m| m.key == key);
    let packed = of(merged(handheld, &task, true)?);
    let found = match packed {
        Some(found) => Some(found),
        None => of(merged(handheld, &task, false)?),
    };
    let found = found.ok_or_else(|| unknown("没有这条疑点", "疑点键见 findings list"))?;
    let judgement = Judgement { origin: Some(found.origin), ..judgement.clone() };
    let card = handheld.judge_finding(&case, &found.finding, &judgement)?;
    let lines = vec![format!("{}  {}  {}", card.id, card.state.as_str(), card.text)];
    Output::new("findings-judge", &card, lines)
}

/// A new file that only its owner can read; nothing is ever overwritten.
fn write_new(path: &Path, bytes: &[u8]) -> TroubleResult<()> {
    let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    made.and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all())).map_err(
        |cause| {
            Trouble::new(
                "CLI-FILE",
                "文件写不进去",
                "已有的文件没有改动",
                "换一个文件名，或检查磁盘和权限",
            )
            .because(cause)
        },
    )
}

fn export(handheld: &mut Handheld, which: &Which, to: &Path, party: bool) -> TroubleResult<Output> {
    let ending = to.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
    let format = ending.as_deref().and_then(Format::parse);
    let format = format
        .ok_or_else(|| unknown("不知道写成哪种文件", "文件名以 .csv、.xlsx 或 .json 结尾"))?;
    let task = task_id(&which.task)?;
    let all = merged(handheld, &task, which.packed)?;
    let audience = if party { Audience::Party } else { Audience::Us };
    let bytes = handheld.export_findings(&task, &all, audience, format)?;
    write_new(to, &bytes)?;
    let lines = vec![format!("已导出 {} 字节", bytes.len())];
    Output::new("findings-export", &json!({ "file": to, "bytes": bytes.len() }), lines)
}

fn rules(handheld: &mut Handheld, case: &str, to: &Path) -> TroubleResult<Output> {
    let draft = handheld.rule_draft_of_case(&case_id(case)?)?;
    let bytes = draft.ok_or_else(|| {
        unknown("这个案卷没有运行过自编规则", "在手持机界面运行一条自编规则后再导出")
    })?;
    write_new(to, &bytes)?;
    let lines = vec![format!("已写出规则包草案 {} 字节", bytes.len())];
    Output::new("findings-rules", &json!({ "file": to, "bytes": bytes.len() }), lines)
}

/// `findings`.
pub(crate) fn run(handheld: &mut Handheld, args: &Findings) -> TroubleResult<Output> {
    match args {
        Findings::List { which, patterns: false } => list(handheld, which),
        Findings::List { which, patterns: true } => list_patterns(handheld, which),
        Findings::Judge { case, key, state, reason, evidence } => {
            let state = FindingState::parse(state).ok_or_else(|| {
                unknown("没有这个状态", "用 confirmed、excluded、needs_evidence 或 open")
            })?;
            let judgement = Judgement {
                state,
                reason: reason.clone(),
                evidence: evidence.clone(),
                origin: None,
            };
            judge(handheld, case, key, &judgement)
        }
        Findings::Silence { case, rule, reason, .. } => {
            handheld.silence_rule(&case_id(case)?, rule, reason.as_deref())?;
            let body = json!({ "rule": rule, "silenced": reason.is_some() });
            Output::new("findings-silence", &body, vec!["已记录".to_owned()])
        }
        Findings::Rules { case, to } => rules(handheld, case, to),
        Findings::Export { which, to, party } => export(handheld, which, to, *party),
    }
}
