//! `indicators`.

use std::io::IsTerminal as _;

use clap::Args;
use serde_json::json;
use spotcheck_app::Handheld;
use spotcheck_app::desk::Desk;
use spotcheck_app::indicators::IndicatorQuery;
use spotcheck_domain::{Trouble, TroubleResult, mask};
use spotcheck_rules::indicators::{Answer, Catalogue, Dimension, body, lines};
use spotcheck_rules::national;

use super::Output;
use super::sync::task_id;

/// Arguments of `indicators`.
#[derive(Debug, Args)]
pub(crate) struct Indicators {
    /// 任务 / task
    #[arg(long, value_name = "ID", required_unless_present = "list")]
    task: Option<String>,
    /// 列出指标、专题和维度 / list indicators, topics and dimensions
    #[arg(long)]
    list: bool,
    /// 专题 / topic
    #[arg(long, value_name = "T", conflicts_with = "id")]
    topic: Option<String>,
    /// 只算这些指标，逗号分隔 / these indicators only
    #[arg(long, value_name = "I,…", value_delimiter = ',')]
    id: Vec<String>,
    /// 按维度细分 / break down by
    #[arg(long, value_name = "DIMENSION", value_parser = dimension)]
    by: Option<Dimension>,
    /// 只算某一项，可重复 / only rows under this key
    #[arg(long, value_name = "DIMENSION=KEY", value_parser = only)]
    only: Vec<(Dimension, String)>,
    /// 期间 / period [default: that of the task]
    #[arg(long, value_name = "A..B", value_parser = span)]
    period: Option<(String, String)>,
    /// 对比期 / period to compare with
    #[arg(long, value_name = "C..D", value_parser = span)]
    against: Option<(String, String)>,
    /// 每个指标最多列几项,0 为全部 / keys per indicator at most, 0 for all
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    /// 列出指标背后的明细；可给出细分的一项 / the rows behind one indicator, or behind one key of it
    #[arg(long, value_name = "KEY", num_args = 0..=1, default_missing_value = "")]
    behind: Option<String>,
    /// 每个指标按月列出 / by month too
    #[arg(long)]
    months: bool,
    /// 查看受统方防护的细分的原因(只在终端显示，不导出)/ why a guarded breakdown is opened
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

fn dimension(text: &str) -> Result<Dimension, String> {
    let all: Vec<&str> = Dimension::ALL.iter().map(|d| d.as_str()).collect();
    Dimension::parse(text).ok_or_else(|| format!("维度应为 {}", all.join("、")))
}

fn only(text: &str) -> Result<(Dimension, String), String> {
    let (name, key) = text.split_once('=').ok_or("应写成 维度=值")?;
    Ok((dimension(name)?, key.to_owned()))
}

fn span(text: &str) -> Result<(String, String), String> {
    let (from, to) = text.split_once("..").ok_or("应写成 2026-01-01..2026-06-30")?;
    Ok((from.to_owned(), to.to_owned()))
}

impl Indicators {
    /// The list is no secret.
    pub(crate) const fn needs_unlock(&self) -> bool {
        !self.list || self.task.is_some()
    }
}

/// `indicators`.
pub(crate) fn run(handheld: &mut Handheld, args: &Indicators, json: bool) -> TroubleResult<Output> {
    let task = args.task.as_deref().map(task_id).transpose()?;
    let pack = match &task {
        Some(task) => handheld.rules_in_force(task)?.0,
        None => national()?,
    };
    let Some(task) = task.filter(|_| !args.list) else {
        return list(&pack.indicators, &pack.label());
    };
    // A terminal shows; everything else keeps.
    let export = json || !std::io::stdout().is_terminal();
    let query = IndicatorQuery {
        topic: args.topic.clone(),
        ids: args.id.clone(),
        by: args.by,
        only: args.only.clone(),
        period: args.period.clone(),
        against: args.against.clone(),
        limit: args.limit,
        behind: args.behind.clone().map(|key| Some(key).filter(|k| !k.is_empty())),
        months: args.months,
        reason: args.reason.clone(),
        export,
    };
    let mut answer = handheld.indicators(&task, &query)?;
    if answer.guarded && export {
        // Second lock behind the first: nothing guarded is printed, whatever was computed.
        return Err(Trouble::new(
            "INDICATORS-GUARDED",
            "医师或科室与药品、耗材、项目的对应数据不得导出、打印或写入案卷",
            "没有导出任何数据",
            "在手持机界面写明原因后查看",
        ));
    }
    let persons = mask_persons(&mut answer);
    handheld.tell_listed(&task, "indicators-by-person", persons)?;
    Output::new("indicators", &body(&answer, &pack.label()), lines(&answer))
}

/// Covers the names of persons as the window's list does; their numbers stay. How many there are comes back.
fn mask_persons(answer: &mut Answer) -> usize {
    if answer.by != Some(Dimension::Person) {
        return 0;
    }
    for part in answer.indicators.iter_mut().flat_map(|line| &mut line.parts) {
        part.name = mask::name(&part.name);
    }
    answer.indicators.iter().map(|line| line.parts.len()).max().unwrap_or(0)
}

fn list(catalogue: &Catalogue, pack: &str) -> TroubleResult<Output> {
    let mut lines = vec![format!("指标 {} 个", catalogue.indicators.len())];
    let mut indicators = Vec::new();
    for i in catalogue.indicators.values() {
        let formula = catalogue.formula_text(&i.formula);
        lines.push(format!("  {}  {}({})  {formula}", i.id, i.name, i.unit));
        indicators.push(json!({
            "id": i.id, "name": i.name, "unit": i.unit, "decimals": i.decimals, "good": i.good,
            "formula": formula, "dimensions": i.dimensions, "guarded": i.guarded,
            "source": i.source, "note": i.note,
        }));
    }
    lines.push(format!("专题 {} 个", catalogue.topics.len()));
    let mut topics = Vec::new();
    for t in catalogue.topics.values() {
        lines.push(format!("  {}  {}", t.id, t.name));
        topics.push(json!({ "id": t.id, "name": t.name, "indicators": t.indicators, "by": t.by }));
    }
    lines.push("维度".to_owned());
    lines.extend(Dimension::ALL.iter().map(|d| format!("  {}  {}", d.as_str(), d.zh())));
    let whole = json!({ "pack": pack, "indicators": indicators, "topics": topics });
    Output::new("indicators", &whole, lines)
}
