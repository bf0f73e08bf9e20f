//! `finding`: what becomes of findings after the site.

use std::fmt::Write as _;

use serde_json::{Value, json};
use spotcheck_domain::procedure::FindingStep;

use super::args::{FindingCommand, FindingItem, FindingList, FindingSet};
use super::out::Output;
use super::{Context, Result};
use crate::centre::Centre;
use crate::findings::{self, Case, NextState};

fn line(case: &Case) -> String {
    let judged = case.site.last();
    let key: String = judged.map(|j| j.key.chars().take(12).collect()).unwrap_or_default();
    let facility = judged.map(|j| j.fixmedins_code.as_str()).unwrap_or_default();
    let rule = judged.map(|j| j.rule.as_str()).unwrap_or_default();
    let amount = judged.and_then(|j| j.amount.as_ref());
    let amount = amount.map_or_else(String::new, |a| format!("  {a} 元"));
    format!("{key}  {facility}  {rule}  {}{amount}  {}", case.state().zh(), case.title())
}

fn list(centre: &Centre, args: &FindingList) -> Result<Output> {
    let fits = |c: &Case| {
        let judged = c.site.last();
        args.state.is_none_or(|state| state == c.state())
            && args.facility.as_ref().is_none_or(|f| judged.is_some_and(|j| j.fixmedins_code == *f))
            && args.task.as_ref().is_none_or(|t| judged.is_some_and(|j| j.task == *t))
    };
    let cases: Vec<Case> = findings::list(centre)?.into_iter().filter(fits).collect();
    let mut text: String = cases.iter().map(|c| line(c) + "\n").collect();
    if cases.is_empty() {
        text.push_str("没有现场认定过的线索\n");
    }
    let list = cases.iter().map(|c| c.body(false)).collect::<Result<Vec<Value>>>()?;
    Ok(Output::new("finding-list", json!({ "findings": list }), text))
}

fn shown(schema: &str, case: &Case) -> Result<Output> {
    let mut text = line(case) + "\n";
    let word = |state: &str| FindingStep::parse(state).map_or("", FindingStep::zh);
    for j in &case.site {
        let reason = j.reason.as_deref().unwrap_or_default();
        let _ = writeln!(text, "  {}  现场  {}  {}  {reason}", j.at, j.officer, word(&j.state));
    }
    for s in &case.states {
        let due = s.due.as_ref().map_or_else(String::new, |d| format!("  截止 {d}"));
        let answer = s.answer.as_deref().and_then(spotcheck_domain::procedure::PartyAnswer::parse);
        let _ = writeln!(
            text,
            "  {}  中心  {}  {}{}{due}  {}",
            spotcheck_domain::rfc3339(s.at_ms),
            s.by,
            word(&s.state),
            answer.map_or_else(String::new, |a| format!("({})", a.zh())),
            s.reason.as_deref().unwrap_or_default()
        );
    }
    for i in &case.items {
        let state = match i.state.as_str() {
            "asked" => "要求整改",
            "done" => "已整改",
            _ => "未整改到位",
        };
        let due = i.due.as_ref().map_or_else(String::new, |d| format!("  截止 {d}"));
        let _ = writeln!(text, "  整改 {}  {state}  {}{due}  {}", i.nr, i.by, i.text);
    }
    let next: Vec<&str> = case.state().next().iter().map(|s| s.as_str()).collect();
    if !next.is_empty() {
        let _ = writeln!(text, "  之后可以：{}", next.join("、"));
    }
    Ok(Output::new(schema, json!({ "finding": case.body(true)? }), text))
}

fn set(centre: &Centre, args: &FindingSet) -> Result<Output> {
    let next = NextState {
        state: args.to,
        answer: args.answer,
        by: args.by.clone(),
        reason: args.reason.clone(),
        due: args.due.clone(),
    };
    shown("finding-set", &findings::set(centre, &args.key, &next)?)
}

fn item(centre: &Centre, args: &FindingItem) -> Result<Output> {
    let nr = args.done.or(args.not_done);
    let due = args.due.as_deref();
    let done = args.done.is_some();
    let case = findings::rectify(centre, &args.key, nr, done, &args.by, &args.text, due)?;
    shown("finding-item", &case)
}

fn overdue(centre: &Centre) -> Result<Output> {
    let all = findings::overdue(centre)?;
    let mut text = String::new();
    for o in &all {
        let key: String = o.key.chars().take(12).collect();
        let item = o.item.map_or_else(String::new, |nr| format!("整改 {nr}:"));
        let _ = writeln!(text, "{}  {}  {key}  {item}{}", o.due, o.fixmedins_code, o.text);
    }
    if all.is_empty() {
        text.push_str("没有逾期的事项\n");
    }
    let body = |o: &findings::Overdue| {
        json!({"key": o.key, "fixmedins_code": o.fixmedins_code, "item": o.item, "text": o.text,
            "due": o.due})
    };
    let list: Vec<Value> = all.iter().map(body).collect();
    Ok(Output::new("finding-overdue", json!({ "overdue": list }), text))
}

pub(super) fn finding(context: &Context, command: &FindingCommand) -> Result<Output> {
    let centre = context.open()?;
    match command {
        FindingCommand::List(args) => list(&centre, args),
        FindingCommand::Show { key } => shown("finding-show", &findings::find(&centre, key)?),
        FindingCommand::Set(args) => set(&centre, args),
        FindingCommand::Item(args) => item(&centre, args),
        FindingCommand::Overdue => overdue(&centre),
    }
}
