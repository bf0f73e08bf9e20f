//! `case open|show|certificate|party|step|end-step|note|leave`.

use clap::Subcommand;
use spotcheck_app::Handheld;
use spotcheck_app::desk::{CaseView, Desk, OnSite};
use spotcheck_domain::{CaseId, OfficerId, TroubleResult};

use super::Output;
use super::run::bad_id;
use super::seal::signer;
use super::sync::task_id;

/// Acts on a case.
#[derive(Debug, Subcommand)]
pub(crate) enum Case {
    /// 打开(或继续)任务的案卷 / open or continue the case of a task
    Open {
        /// 任务 / task
        #[arg(long, value_name = "ID")]
        task: String,
    },
    /// 查看案卷 / show
    Show {
        /// 案卷 / case
        case: String,
    },
    /// 已向当事人出示证件 / an officer's credential was shown
    Certificate {
        /// 案卷 / case
        case: String,
        /// 检查人员 / officer
        who: String,
    },
    /// 开场告知：显示要宣读的内容,--read 记为已宣读 / opening words; --read: they were read aloud
    Opening {
        /// 案卷 / case
        case: String,
        /// 已宣读 / they were read aloud
        #[arg(long)]
        read: bool,
    },
    /// 登记当事人 / add a party
    Party {
        /// 案卷 / case
        case: String,
        /// 姓名 / name
        #[arg(long)]
        name: String,
        /// facility person guardian witness representative
        #[arg(long, default_value = "person")]
        kind: String,
        /// 职务 / post
        #[arg(long)]
        post: Option<String>,
    },
    /// 开始一个步骤 / begin a step
    Step {
        /// 案卷 / case
        case: String,
        /// 类别 / kind, e.g. arrive
        #[arg(long)]
        kind: String,
        /// 名称 / title
        #[arg(long)]
        title: String,
    },
    /// 结束一个步骤 / end a step
    EndStep {
        /// 案卷 / case
        case: String,
        /// 步骤 / step
        step: String,
    },
    /// 移交给本机另一名检查人员，如下一班 / hand over to another officer here, e.g. of the next shift
    Handover {
        /// 案卷 / case
        case: String,
        /// 接手的检查人员 / officer who takes over
        #[arg(long, value_name = "ID")]
        to: String,
        /// 原因 / reason
        #[arg(long)]
        reason: Option<String>,
        /// 未完事项，可重复 / what is still open, repeatable
        #[arg(long = "open", value_name = "TEXT")]
        open_points: Vec<String>,
    },
    /// 保留期满后销毁案卷密钥 / destroy the keys of a received case after its retention
    Shred {
        /// 案卷 / case
        case: String,
    },
    /// 时钟未设置时，两名检查人员共同登记当前时间 / both officers speak for the time of an unset clock
    Clock {
        /// 案卷 / case
        case: String,
        /// 从何处看到的日期和时间 / date and time as read elsewhere
        #[arg(long)]
        says: String,
        /// 检查人员，可附口令文件 / officer, with a PIN file or asked on the terminal
        #[arg(long = "signer", value_name = "ID[=PINFILE]", required = true)]
        signers: Vec<String>,
    },
    /// 备注 / a note in the journal
    Note {
        /// 案卷 / case
        case: String,
        /// 内容 / text
        text: String,
    },
}

/// Reads a case id.
pub(crate) fn case_id(text: &str) -> TroubleResult<CaseId> {
    CaseId::parse(text).map_err(|cause| bad_id("案卷").because(cause))
}

fn show(view: &CaseView) -> TroubleResult<Output> {
    let mut lines = vec![format!("{}  任务 {}  日志头 {}", view.id, view.task, view.journal_head)];
    lines.extend(view.evidence.iter().map(|e| format!("  {}  {}  {} 字节", e.id, e.path, e.size)));
    lines.extend(view.documents.iter().map(|d| format!("  {}  {}({})", d.id, d.title, d.form)));
    lines.extend(view.missing.iter().map(|m| format!("  缺  {m}")));
    Output::new("case", view, lines)
}

/// `case`.
pub(crate) fn run(handheld: &mut Handheld, args: &Case) -> TroubleResult<Output> {
    match args {
        Case::Open { task } => show(&handheld.open_case(&task_id(task)?)?),
        Case::Show { case } => show(&handheld.case(&case_id(case)?)?),
        Case::Certificate { case, who } => {
            let case = case_id(case)?;
            let who = OfficerId::parse(who).map_err(|cause| bad_id("检查人员").because(cause))?;
            handheld.show_certificate(&case, &who)?;
            show(&handheld.case(&case)?)
        }
        Case::Party { case, name, kind, post } => {
            let id = handheld.add_party(&case_id(case)?, name, kind, post.as_deref())?;
            let lines = vec![format!("已登记：{id}")];
            Output::new("case-party", &serde_json::json!({ "party": id }), lines)
        }
        Case::Step { case, kind, title } => {
            let id = handheld.begin_step(&case_id(case)?, kind, title)?;
            let lines = vec![format!("步骤 {id} 开始")];
            Output::new("case-step", &serde_json::json!({ "step": id }), lines)
        }
        Case::EndStep { case, step } => {
            let case = case_id(case)?;
            handheld.end_step(&case, step)?;
            show(&handheld.case(&case)?)
        }
        Case::Handover { case, to, reason, open_points } => {
            let to = OfficerId::parse(to).map_err(|cause| bad_id("检查人员").because(cause))?;
            handheld.hand_over(&case_id(case)?, &to, reason.as_deref(), open_points)?;
            let lines = vec![format!("已移交 {to}")];
            Output::new("case-handover", &serde_json::json!({ "to": to }), lines)
        }
        Case::Shred { case } => {
            let protection = handheld.shred(&case_id(case)?)?;
            let line = format!("案卷密钥已销毁(密钥保护：{})", protection.zh());
            let value = serde_json::json!({ "key_protection": protection });
            Output::new("case-shred", &value, vec![line])
        }
        Case::Clock { case, says, signers } => {
            let pins = signers.iter().map(|s| signer(s)).collect::<TroubleResult<Vec<_>>>()?;
            handheld.confirm_clock(&case_id(case)?, &pins, says)?;
            Output::new("case-clock", &serde_json::json!({}), vec!["已登记".to_owned()])
        }
        Case::Opening { case, read } => {
            let case = case_id(case)?;
            let words = handheld.opening(&case)?;
            if *read {
                handheld.opening_read(&case, &words.paragraphs)?;
            }
            let now = handheld.opening(&case)?;
            Output::new("case-opening", &now, words.paragraphs)
        }
        Case::Note { case, text } => {
            handheld.note(&case_id(case)?, text)?;
            Output::new("case-note", &serde_json::json!({}), vec!["已记录".to_owned()])
        }
    }
}
