//! Arguments of what follows a visit, and of figures over the claims.

use clap::{Args, Subcommand};
use spotcheck_domain::procedure::{FindingStep, PartyAnswer};
use spotcheck_rules::indicators::Dimension;

fn step(text: &str) -> Result<FindingStep, String> {
    let all: Vec<&str> = FindingStep::ALL.iter().map(|s| s.as_str()).collect();
    FindingStep::parse(text).ok_or_else(|| format!("状态应为 {}", all.join("、")))
}

fn answer(text: &str) -> Result<PartyAnswer, String> {
    let all: Vec<&str> = PartyAnswer::ALL.iter().map(|s| s.as_str()).collect();
    PartyAnswer::parse(text).ok_or_else(|| format!("答复应为 {}", all.join("、")))
}

#[derive(Debug, Args)]
pub(in crate::admin) struct FindingList {
    /// 只列这个状态 / in this state only
    #[arg(long, value_name = "STATE", value_parser = step)]
    pub(in crate::admin) state: Option<FindingStep>,
    /// 只列这个机构 / of this facility only
    #[arg(long, value_name = "CODE")]
    pub(in crate::admin) facility: Option<String>,
    /// 只列这个任务 / of this task only
    #[arg(long, value_name = "ID")]
    pub(in crate::admin) task: Option<String>,
}

#[derive(Debug, Args)]
pub(in crate::admin) struct FindingSet {
    /// 线索编号或其开头 / key, or its beginning
    pub(in crate::admin) key: String,
    /// 新状态 / next state: put_to_party, answered, second_review, final, deducted, paid_back, fined, …
    #[arg(long, value_name = "STATE", value_parser = step)]
    pub(in crate::admin) to: FindingStep,
    /// 经办人编号 / who does it: an officer's id
    #[arg(long, value_name = "OFFICER")]
    pub(in crate::admin) by: String,
    /// 理由、答复要点或文书号 / why, what was answered, or the number of the paper
    #[arg(long, value_name = "TEXT")]
    pub(in crate::admin) reason: Option<String>,
    /// 当事人的答复 / what the party answered: accept, contest, silent
    #[arg(long, value_name = "ANSWER", value_parser = answer)]
    pub(in crate::admin) answer: Option<PartyAnswer>,
    /// 答复截止日 / last day of the answer [default: 10 working days]
    #[arg(long, value_name = "yyyy-MM-dd")]
    pub(in crate::admin) due: Option<String>,
}

#[derive(Debug, Args)]
pub(in crate::admin) struct FindingItem {
    /// 线索编号或其开头 / key, or its beginning
    pub(in crate::admin) key: String,
    /// 经办人编号 / who does it: an officer's id
    #[arg(long, value_name = "OFFICER")]
    pub(in crate::admin) by: String,
    /// 要求整改的内容,或整改的结果 / what is to be put right, or what became of it
    #[arg(long, value_name = "TEXT")]
    pub(in crate::admin) text: String,
    /// 整改截止日 / last day
    #[arg(long, value_name = "yyyy-MM-dd", conflicts_with_all = ["done", "not_done"])]
    pub(in crate::admin) due: Option<String>,
    /// 这一项已整改 / this item is done
    #[arg(long, value_name = "NR")]
    pub(in crate::admin) done: Option<u64>,
    /// 这一项未整改到位 / this item is not done
    #[arg(long, value_name = "NR", conflicts_with = "done")]
    pub(in crate::admin) not_done: Option<u64>,
}

#[derive(Debug, Subcommand)]
pub(in crate::admin) enum FindingCommand {
    /// 列出现场认定过的线索 / findings that were judged on site
    List(FindingList),
    /// 查看一条线索的全部经过 / every step of one finding
    Show {
        /// 线索编号或其开头 / key, or its beginning
        key: String,
    },
    /// 登记下一步 / take the next step
    Set(FindingSet),
    /// 登记整改事项及其结果 / what is to be put right, and what became of it
    Item(FindingItem),
    /// 列出逾期的答复和整改 / answers and items whose day is over
    Overdue,
}

#[derive(Debug, Args)]
pub(in crate::admin) struct GuardedArgs {
    /// 只列一天超过 N 次的 / more than N on one day only
    #[arg(long, value_name = "N")]
    pub(in crate::admin) above: Option<u64>,
}

fn dimension(text: &str) -> Result<Dimension, String> {
    let all: Vec<&str> = Dimension::ALL.iter().map(|d| d.as_str()).collect();
    Dimension::parse(text).ok_or_else(|| format!("维度应为 {}", all.join("、")))
}

#[derive(Debug, Args)]
pub(in crate::admin) struct IndicatorsArgs {
    /// 机构 / facility
    #[arg(long, value_name = "CODE", required_unless_present = "warnings")]
    pub(in crate::admin) facility: Option<String>,
    /// 专题 / topic
    #[arg(long, value_name = "T", conflicts_with = "id")]
    pub(in crate::admin) topic: Option<String>,
    /// 只算这些指标,逗号分隔 / these indicators only
    #[arg(long, value_name = "I,…", value_delimiter = ',')]
    pub(in crate::admin) id: Vec<String>,
    /// 按维度细分 / break down by
    #[arg(long, value_name = "DIMENSION", value_parser = dimension)]
    pub(in crate::admin) by: Option<Dimension>,
    /// 期间,yyyy-MM-dd..yyyy-MM-dd / period [default: all months imported]
    #[arg(long, value_name = "FROM..TO")]
    pub(in crate::admin) period: Option<String>,
    /// 对比期 / period to compare with
    #[arg(long, value_name = "FROM..TO")]
    pub(in crate::admin) against: Option<String>,
    /// 每个指标最多列几项,0 为全部 / keys per indicator at most, 0 for all
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(in crate::admin) limit: usize,
    /// 列出已存的预警及告知对象 / warnings as they were stored, by who is told
    #[arg(long, conflicts_with_all = ["topic", "id", "by", "period", "against"])]
    pub(in crate::admin) warnings: bool,
    /// 只列告知这个对象的 / told to this role only
    #[arg(long, value_name = "ROLE", requires = "warnings")]
    pub(in crate::admin) role: Option<String>,
}
