//! `policy add`, `policy list`: reference data that packages carry.

use std::fmt::Write as _;

use serde_json::json;
use spotcheck_domain::reference::SourceOptions;
use spotcheck_domain::rfc3339;
use spotcheck_domain::time::day_number;

use super::args::{PolicyAdd, PolicyCommand};
use super::out::Output;
use super::{Context, Result, config};
use crate::Error;
use crate::reference::{add, list};

pub(super) fn policy(context: &Context, command: &PolicyCommand) -> Result<Output> {
    match command {
        PolicyCommand::Add(args) => added(context, args),
        PolicyCommand::List => listed(context),
        PolicyCommand::Show | PolicyCommand::Set(_) => config::policy(context, command),
    }
}

fn day(text: Option<&str>) -> Result<Option<i64>> {
    let wrong =
        || Error::refused("REFERENCE-DATE", "日期的写法不对。".to_owned(), "写成 2025-03-14。");
    text.map(|t| day_number(t).ok_or_else(wrong)).transpose()
}

fn added(context: &Context, args: &PolicyAdd) -> Result<Output> {
    let options = SourceOptions {
        kind: args.kind,
        valid_from: day(args.valid_from.as_deref())?,
        valid_until: day(args.valid_until.as_deref())?,
    };
    let centre = context.open()?;
    let outcomes = add(&centre, &args.from, &options, args.check)?;
    let mut text = String::new();
    for outcome in &outcomes {
        let r = &outcome.report;
        let _ = writeln!(
            text,
            "{}:{} {}  读 {}，取 {}，拒收 {};{} 至 {}{}",
            r.file,
            r.title,
            r.number,
            r.read,
            r.entries(),
            r.rejected,
            r.begin.as_deref().unwrap_or("生效日期未载"),
            r.end.as_deref().unwrap_or("今"),
            if outcome.unchanged { "(已在库，未变)" } else { "" }
        );
        for told in r.rejects.iter().chain(&r.remarks) {
            let _ = writeln!(text, "    第 {} 行 {} {}", told.line, told.column, told.reason);
        }
    }
    let rejected = outcomes.iter().any(|o| o.report.rejected > 0);
    let output =
        Output::new("policy-add", json!({ "check": args.check, "sources": outcomes }), text);
    Ok(if args.check && rejected { output.failed_check() } else { output })
}

fn listed(context: &Context) -> Result<Output> {
    let centre = context.open()?;
    let all = list(&centre)?;
    let mut text = String::new();
    for one in &all {
        let r = &one.source.report;
        let _ = writeln!(
            text,
            "{} {}  第 {} 版{}  {} 条  {} 至 {}  {} 导入",
            r.title,
            r.number,
            one.version,
            if one.current { "" } else { "(已被新版取代)" },
            r.entries(),
            r.begin.as_deref().unwrap_or("生效日期未载"),
            r.end.as_deref().unwrap_or("今"),
            rfc3339(one.source.added_ms)
        );
    }
    Ok(Output::new("policy-list", json!({ "sources": all }), text))
}
