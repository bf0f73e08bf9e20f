//! `audit`: the rules over one facility or all.
//!
//! Progress goes to standard error, what was found to standard output. A run without `--period` and `--rules`
//! is stored facility by facility, and what is up to date is told from the store.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use serde_json::json;
use spotcheck_domain::Trouble;
use spotcheck_domain::procedure::FindingStep;
use spotcheck_domain::time::day_number;
use spotcheck_rules::export::{Audience, Entry, Format, findings_file};
use spotcheck_rules::{Finding, Options, Origin, Outcome, Stage, Watch, json_lines, report};

use super::args::Audit;
use super::out::Output;
use super::{Context, Result, draft};
use crate::audits::{self, Auditor, told};
use crate::centre::Centre;
use crate::objects::sha256_hex;
use crate::{Error, claims, rulepacks};

/// First and last day as numbers since 1970.
pub(super) fn period(text: &str) -> Result<(i64, i64)> {
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
    (args, period): (&Audit, Option<(i64, i64)>),
    watch: &mut Told,
) -> Result<Outcome> {
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

/// The form of a file by its ending.
fn form_of(path: &Path) -> Result<Format> {
    let ending = path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
    ending.as_deref().and_then(Format::parse).ok_or_else(|| {
        told(Trouble::new(
            "CENTER-EXPORT-FORM",
            "不知道写成哪种文件",
            "没有执行任何操作",
            "文件名以 .csv、.xlsx 或 .json 结尾",
        ))
    })
}

/// Keys of the findings that officers confirmed on site and nobody has taken back since.
fn confirmed(centre: &Centre) -> Result<BTreeSet<String>> {
    let open = [FindingStep::Open, FindingStep::Excluded, FindingStep::NeedsEvidence];
    let cases = crate::findings::list(centre)?;
    let known = cases.iter().filter(|c| !open.contains(&c.state()));
    Ok(known.filter_map(|c| c.site.last().map(|j| j.key.clone())).collect())
}

/// Personal data leave the centre: the file is its owner's only, nothing is overwritten, the act is recorded.
fn export(
    centre: &Centre,
    findings: &[Finding],
    party: bool,
    path: &Path,
    form: Format,
) -> Result<Output> {
    // As on the handheld: what nobody has looked at on site is no fact to show the party.
    let confirmed = if party { confirmed(centre)? } else { BTreeSet::new() };
    let entries: Vec<Entry<'_>> = findings
        .iter()
        .filter(|finding| !party || confirmed.contains(&finding.key()))
        .map(|finding| Entry { finding, origin: Some(Origin::Centre), said: None })
        .collect();
    let audience = if party { Audience::Party } else { Audience::Us };
    let bytes = findings_file(&entries, audience, form, centre.now_ms()).map_err(told)?;
    if path.exists() {
        return Err(Error::refused(
            "CENTRE-TARGET-EXISTS",
            "目标文件已存在，不会覆盖。",
            "请换一个文件名。",
        ));
    }
    let what = "write the export";
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = file.map_err(Error::io(what))?;
    file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(Error::io(what))?;
    let sha256 = sha256_hex(&bytes);
    centre.record_act("findings-exported", &sha256)?;
    let mut text = format!("已导出 {} 条，{} 字节", entries.len(), bytes.len());
    if party {
        let left = findings.len().saturating_sub(entries.len());
        text.push_str(&format!("；{left} 条未经现场认定属实，没有导出"));
    }
    let body = json!({ "file": path, "bytes": bytes.len(), "sha256": sha256 });
    Ok(Output::new("audit-export", body, text))
}

pub(super) fn audit(context: &Context, args: &Audit) -> Result<Output> {
    // What is asked wrongly is told once, before any facility is read.
    let period = args.period.as_deref().map(period).transpose()?;
    let centre = context.open()?;
    if let Some(folder) = &args.draft {
        return draft::draft(&centre, args, folder, period);
    }
    let facility = args.facility.as_deref();
    let codes = codes(&centre, facility)?;
    let auditor = Auditor::new(&centre, rulepacks::in_force(&centre)?, facility)?;
    auditor.pack().must_have(args.rules.as_deref().unwrap_or_default()).map_err(told)?;
    let form = args.export.as_deref().map(form_of).transpose()?;
    let (mut bodies, mut text, mut all) = (Vec::new(), String::new(), Vec::new());
    let mut failed: Vec<(&str, Trouble)> = Vec::new();
    for (n, code) in codes.iter().enumerate() {
        let mut watch = Told::new(n, codes.len(), code);
        let outcome = match one(&auditor, &centre, code, (args, period), &mut watch) {
            Ok(outcome) => outcome,
            // Who asked for one facility gets its trouble; in a run over all, the others go on.
            Err(cause) if facility.is_some() => return Err(cause),
            Err(cause) => {
                let trouble = Trouble::from(cause);
                watch.say(&format!("没有做成：{}({})", trouble.message, trouble.code));
                tracing::error!(code = %trouble.code, cause = %trouble.cause, "A facility failed.");
                failed.push((code, trouble));
                continue;
            }
        };
        if form.is_some() {
            all.extend(outcome.findings);
            continue;
        }
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
    let incomplete = !failed.is_empty();
    if let (Some(path), Some(form)) = (&args.export, form) {
        tell_failed(&failed, codes.len());
        let done = export(&centre, &all, args.party, path, form)?;
        return Ok(done.incomplete(incomplete));
    }
    let list: Vec<serde_json::Value> = failed
        .iter()
        .map(|(code, t)| json!({ "fixmedins_code": code, "code": t.code, "message": t.message }))
        .collect();
    let body = json!({ "pack": auditor.pack().label(), "facilities": bodies, "failed": list });
    tell_failed(&failed, codes.len());
    let output = Output::new("audit", body, text).incomplete(incomplete);
    Ok(if args.json_lines { output.said_already() } else { output })
}

/// What could not be done, once more at the end; what was done is stored and will not be run again.
fn tell_failed(failed: &[(&str, Trouble)], all: usize) {
    if failed.is_empty() {
        return;
    }
    let mut err = std::io::stderr().lock();
    let _ = writeln!(
        err,
        "{all} 家机构中有 {} 家没有做成；排除原因后再次运行，只补做这些：",
        failed.len()
    );
    for (code, trouble) in failed {
        let _ =
            writeln!(err, "  {code}  {}  {}({})", trouble.message, trouble.advice, trouble.code);
    }
}

#[cfg(test)]
mod tests;
