//! `guarded`, `indicators`: what somebody has to be told.

use std::fmt::Write as _;

use serde_json::{Value, json};
use spotcheck_domain::rfc3339;
use spotcheck_rules::indicators::{body, lines};

use super::args::{GuardedArgs, IndicatorsArgs};
use super::audit::period;
use super::out::Output;
use super::{Context, Result};
use crate::centre::Centre;
use crate::guarded as guard;
use crate::indicators::{self, Question};

/// Who opens many stands first.
pub(super) fn guarded(context: &Context, args: &GuardedArgs) -> Result<Output> {
    let centre = context.open()?;
    let most = args.above.map_or_else(|| guard::per_day(&centre), Ok)?;
    let (mut text, mut list) = (String::new(), Vec::new());
    for c in centre.repo().guarded_counts(None)? {
        let many = c.views > most;
        if args.above.is_some() && !many {
            continue;
        }
        let mark = if many { format!("  超过 {most} 次") } else { String::new() };
        let _ = writeln!(
            text,
            "{}  {}  {} 次{mark}  任务 {}  原因：{}",
            c.day,
            c.officer,
            c.views,
            c.tasks.join("、"),
            c.reasons.join("；")
        );
        list.push(json!({
            "officer": c.officer, "day": c.day, "views": c.views, "above": many,
            "tasks": c.tasks, "reasons": c.reasons,
        }));
    }
    if list.is_empty() {
        text.push_str("没有这样的查看记录\n");
    }
    centre.record_act("guarded-listed", "-")?;
    Ok(Output::new("guarded", json!({ "most": most, "views": list }), text))
}

fn warnings(centre: &Centre, args: &IndicatorsArgs) -> Result<Output> {
    let (mut text, mut list): (String, Vec<Value>) = (String::new(), Vec::new());
    for r in centre.repo().raised()? {
        if args.role.as_ref().is_some_and(|role| *role != r.role)
            || args.facility.as_ref().is_some_and(|f| *f != r.fixmedins_code)
        {
            continue;
        }
        let (from, to) = &r.period;
        let _ = writeln!(
            text,
            "{}  {}  {}  {}({}阈值{})  {from} 至 {to}",
            r.role, r.fixmedins_code, r.name, r.value, r.origin, r.threshold
        );
        list.push(json!({
            "role": r.role, "fixmedins_code": r.fixmedins_code, "warning": r.warning,
            "name": r.name, "indicator": r.indicator, "value": r.value, "threshold": r.threshold,
            "period": [from, to], "pack": r.pack, "at": rfc3339(r.at_ms),
        }));
    }
    if list.is_empty() {
        text.push_str("没有预警\n");
    }
    Ok(Output::new("warnings", json!({ "warnings": list }), text))
}

pub(super) fn indicators(context: &Context, args: &IndicatorsArgs) -> Result<Output> {
    let centre = context.open()?;
    if args.warnings {
        return warnings(&centre, args);
    }
    let question = Question {
        facility: args.facility.clone().unwrap_or_default(),
        topic: args.topic.clone(),
        ids: args.id.clone(),
        by: args.by,
        period: args.period.as_deref().map(period).transpose()?,
        against: args.against.as_deref().map(period).transpose()?,
        limit: args.limit,
    };
    let (answer, pack) = indicators::answer(&centre, &question, &mut ())?;
    let mut whole = body(&answer, &pack);
    if let Some(members) = whole.as_object_mut() {
        members.insert("fixmedins_code".to_owned(), question.facility.into());
    }
    Ok(Output::new("indicators", whole, lines(&answer).join("\n")))
}
