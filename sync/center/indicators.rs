//! Indicators of a facility over its partitions, and the warnings they raise.
//!
//! The same [`compute`] as on the handheld, over the same columns: a figure is the same wherever it is looked at
//! (rules.md). What is guarded against 统方 never opens here: there is no task and no officer on site. Warnings of
//! a facility as a whole are kept by the role that is told.

use spotcheck_claims::PartitionStore as _;
use spotcheck_claims::columns::PartitionColumns;
use spotcheck_domain::Trouble;
use spotcheck_domain::calendar::date_of;
use spotcheck_domain::time::day_number;
use spotcheck_rules::Watch;
use spotcheck_rules::indicators::{Answer, Ask, Dimension, compute};

use crate::audits::told;
use crate::centre::Centre;
use crate::claims::{CentrePartitions, facility, master_key};
use crate::repository::RaisedRow;
use crate::{Result, rulepacks};

/// What is asked.
#[derive(Debug, Clone, Default)]
pub struct Question {
    /// 定点医药机构编号.
    pub facility: String,
    /// A topic.
    pub topic: Option<String>,
    /// Indicators; with none and no topic: all.
    pub ids: Vec<String>,
    /// Broken down by.
    pub by: Option<Dimension>,
    /// First and last day since 1970; `None`: every month that was imported.
    pub period: Option<(i64, i64)>,
    /// The period to compare with.
    pub against: Option<(i64, i64)>,
    /// Keys per indicator at most; 0: all.
    pub limit: usize,
}

/// From the first day of the first month of a facility's data to the last of its last one.
fn months(centre: &Centre, code: &str) -> Result<Option<(i64, i64)>> {
    let list = CentrePartitions::new(centre).list(Some(code))?;
    let first = |month: &str| day_number(&format!("{month}-01"));
    let days: Vec<i64> = list.iter().filter_map(|p| first(&p.key.month)).collect();
    let (Some(from), Some(last)) = (days.iter().min(), days.iter().max()) else { return Ok(None) };
    // The day before the first of the month after: 31 days on lies in that month.
    let next = date_of(last.saturating_add(31)).and_then(|d| first(d.get(..7)?));
    Ok(next.map(|next| (*from, next.saturating_sub(1))))
}

fn guarded() -> Trouble {
    Trouble::new(
        "INDICATORS-GUARDED",
        "医师或科室与药品、耗材、项目的对应数据只能在检查任务中写明原因后查看",
        "没有打开任何数据",
        "在手持机的检查任务中查看",
    )
}

/// Computes; what the facility as a whole raises is kept. Gives the answer and the label of the pack.
///
/// # Errors
/// No such facility or indicator, what is guarded, the claims, or the watch stopped it.
pub fn answer(
    centre: &Centre,
    question: &Question,
    watch: &mut dyn Watch,
) -> Result<(Answer, String)> {
    let code = question.facility.as_str();
    facility(centre, code)?;
    let pack = rulepacks::in_force(centre)?;
    let period = match question.period {
        Some(period) => period,
        None => months(centre, code)?.unwrap_or_default(),
    };
    let ask = Ask {
        ids: question.ids.clone(),
        topic: question.topic.clone(),
        by: question.by,
        only: Vec::new(),
        period,
        against: question.against,
        facility: Some(code.to_owned()),
        limit: question.limit,
        behind: None,
        months: false,
    };
    if ask.is_guarded(&pack.indicators).map_err(told)? {
        return Err(guarded().into());
    }
    let store = CentrePartitions::new(centre);
    let columns = PartitionColumns::open(&store, code, &master_key(centre)?).map_err(told)?;
    let answer = compute(&columns, &pack.indicators, &ask, watch).map_err(told)?;
    if question.by.is_none() {
        keep(centre, code, &answer, &pack.label())?;
    }
    Ok((answer, pack.label()))
}

fn keep(centre: &Centre, code: &str, answer: &Answer, pack: &str) -> Result<()> {
    let asked: Vec<String> = answer.indicators.iter().map(|i| i.id.clone()).collect();
    let at_ms = centre.now_ms();
    let row = |raised: &spotcheck_rules::indicators::Raised, role: &String| RaisedRow {
        fixmedins_code: code.to_owned(),
        warning: raised.id.clone(),
        role: role.clone(),
        indicator: raised.indicator.clone(),
        name: raised.name.clone(),
        value: raised.value.clone(),
        threshold: raised.threshold.clone(),
        origin: raised.origin.zh().to_owned(),
        period: answer.period.clone(),
        pack: pack.to_owned(),
        at_ms,
    };
    let whole = answer.warnings.iter().filter(|w| w.key.is_none());
    let rows: Vec<RaisedRow> =
        whole.flat_map(|w| w.tell.iter().map(move |role| row(w, role))).collect();
    centre.repo().put_raised(code, &asked, &rows)
}
