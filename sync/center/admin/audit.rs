//! `audit`: the rules over one facility or all.
//!
//! Progress goes to standard error, what was found to standard output. A run without `--period` and `--rules`
//! is stored facility by facility, and what is up to date is told from the store.

use std::io::Write;

use serde_json::json;
use spotcheck_domain::Trouble;
use spotcheck_domain::time::day_number;
use spotcheck_rules::{Options, Outcome, Stage, Watch, json_lines, national, report};

use super::args::Audit;
use super::out::Output;
use super::{Context, Result};
use crate::audits::{self, Auditor, told};
use crate::centre::Centre;
use crate::{Error, claims};

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

/// Facilities that were asked for, by code.
pub(super) fn codes(centre: &Centre, wanted: Option<&str>) -> Result<Vec<String>> {
    let mut codes: Vec<String> = claims::facilities(centre)?
        .into_iter()
        .map(|f| f.facility.fixmedins_code)
        .filter(|code| wanted.is_none_or(|wanted| wanted == code))
        .collect();
    codes.sort();
    if wanted.is_some() && codes.is_empty() {
        return Err(Error::NotFound { what: "facility", zh: "机构" });
    }
    Ok(codes)
}

/// Tells how far a run has come: facility n of m, and every tenth of its lines.
pub(super) struct Told {
    place: String,
    tenth: u64,
}

impl Told {
    pub(super) fn new(n: usize, all: usize, code: &str) -> Self {
        Self { place: format!("[{}/{all}] {code}", n.saturating_add(1)), tenth: 0 }
    }

    pub(super) fn say(&self, words: &str) {
        // A reader that went away is no error of ours.
        let _ = writeln!(std::io::stderr().lock(), "{}  {words}", self.place);
    }
}

/// Fewer lines are read before anybody could look.
const WORTH_TELLING: u64 = 200_000;

impl Watch for Told {
    fn progress(&mut self, stage: Stage, done: u64, all: u64) -> bool {
        let tenth = done.saturating_mul(10).checked_div(all).unwrap_or(0);
        if stage == Stage::Lines && all >= WORTH_TELLING && tenth > self.tenth {
            self.tenth = tenth;
            self.say(&format!("已读明细 {done} / {all} 条"));
        }
        true
    }
}

fn one(
    auditor: &Auditor<'_>,
    centre: &Centre,
    code: &str,
    args: &Audit,
    watch: &mut Told,
) -> Result<Outcome> {
    let period = args.period.as_deref().map(period).transpose()?;
    if period.is_some() || args.rules.is_some() {
        let options = Options { rules: args.rules.as_deref(), facility: None, period };
        let outcome = auditor.look(code, auditor.pack(), options, watch)?;
        watch.say(&format!("疑点 {} 条(未存)", outcome.findings.len()));
        return Ok(outcome);
    }
    let audited = auditor.run(code, args.again, watch)?;
    let outcome = audits::outcome(centre, &audited.row)?;
    let state = if audited.fresh { "已存" } else { "数据和规则未变" };
    watch.say(&format!("疑点 {} 条({state})", outcome.findings.len()));
    Ok(outcome)
}

pub(super) fn audit(context: &Context, args: &Audit) -> Result<Output> {
    let centre = context.open()?;
    let facility = args.facility.as_deref();
    let codes = codes(&centre, facility)?;
    let auditor = Auditor::new(&centre, national().map_err(told)?, facility)?;
    let (mut bodies, mut text) = (Vec::new(), String::new());
    for (n, code) in codes.iter().enumerate() {
        let outcome = one(&auditor, &centre, code, args, &mut Told::new(n, codes.len(), code))?;
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
    let body = json!({ "pack": auditor.pack().label(), "facilities": bodies });
    let output = Output::new("audit", body, text);
    Ok(if args.json_lines { output.said_already() } else { output })
}
