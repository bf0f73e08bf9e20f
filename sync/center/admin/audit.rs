//! `audit`: the rules over one facility or all.

use std::io::Write;

use serde_json::json;
use spotcheck_claims::columns::PartitionColumns;
use spotcheck_domain::Trouble;
use spotcheck_domain::time::day_number;
use spotcheck_rules::{Options, audit as run_rules, json_lines, national, report};

use super::args::Audit;
use super::out::Output;
use super::{Context, Result};
use crate::Error;
use crate::claims::{self, CentrePartitions};

fn told(cause: impl Into<Trouble>) -> Error {
    Error::from(cause.into())
}

/// First and last day as numbers since 1970.
fn period(text: &str) -> Result<(i64, i64)> {
    let days =
        text.split_once("..").and_then(|(from, to)| Some((day_number(from)?, day_number(to)?)));
    days.filter(|(from, to)| from <= to).ok_or_else(|| {
        told(Trouble::new(
            "CENTER-PERIOD",
            "时间段的写法不对",
            "没有执行任何操作",
            "写成 2026-01-01..2026-06-30",
        ))
    })
}

pub(super) fn audit(context: &Context, args: &Audit) -> Result<Output> {
    let centre = context.open()?;
    let period = args.period.as_deref().map(period).transpose()?;
    let pack = national().map_err(told)?;
    let master = claims::master_key(&centre)?;
    let store = CentrePartitions::new(&centre);
    let mut codes: Vec<String> = claims::facilities(&centre)?
        .into_iter()
        .map(|f| f.facility.fixmedins_code)
        .filter(|code| args.facility.as_ref().is_none_or(|wanted| wanted == code))
        .collect();
    codes.sort();
    if let (Some(_), true) = (&args.facility, codes.is_empty()) {
        return Err(Error::NotFound { what: "facility", zh: "机构" });
    }
    let (mut bodies, mut text) = (Vec::new(), String::new());
    for code in &codes {
        let columns = PartitionColumns::open(&store, code, &master).map_err(told)?;
        let options = Options { rules: args.rules.as_deref(), facility: Some(code), period };
        let outcome = run_rules(&columns, &pack, options, &mut ()).map_err(told)?;
        if args.json_lines {
            let lines = json_lines(&outcome.findings);
            // A reader that went away is no error of ours.
            let _ = std::io::stdout().lock().write_all(lines.as_bytes());
            continue;
        }
        text.push_str(&format!("{code}\n{}\n", report::lines(&outcome).join("\n")));
        let mut body = report::body(&outcome);
        if let Some(members) = body.as_object_mut() {
            members.insert("fixmedins_code".to_owned(), code.as_str().into());
        }
        bodies.push(body);
    }
    let output = Output::new("audit", json!({ "pack": pack.label(), "facilities": bodies }), text);
    Ok(if args.json_lines { output.said_already() } else { output })
}
