//! `audit --draft`: what a draft pack would change over the stored history. Stores nothing.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};
use spotcheck_rules::{Changes, Finding, Options, Pack};

use super::Result;
use super::args::Audit;
use super::audit::{Told, codes};
use super::out::Output;
use crate::audits::{self, Auditor};
use crate::centre::Centre;
use crate::rulepacks::{self, PackFolder};

/// Findings named one by one to people; the rest is counted.
const NAMED: usize = 20;

pub(super) fn draft(
    centre: &Centre,
    args: &Audit,
    folder: &Path,
    period: Option<(i64, i64)>,
) -> Result<Output> {
    let base = rulepacks::in_force(centre)?;
    let pack = rulepacks::with(centre, &PackFolder::read(folder)?)?;
    let facility = args.facility.as_deref();
    let codes = codes(centre, facility)?;
    // A rule may be in one of the two only.
    let asked = args.rules.as_deref().unwrap_or_default();
    base.must_have(asked).or_else(|_| pack.must_have(asked)).map_err(audits::told)?;
    let only = |pack: &Pack| -> Option<Vec<String>> {
        let known = |id: &&String| pack.rules.iter().any(|r| r.id == **id);
        args.rules.as_ref().map(|ids| ids.iter().filter(known).cloned().collect())
    };
    let (of_base, of_pack) = (only(&base), only(&pack));
    let auditor = Auditor::new(centre, base, facility)?;
    let drafted = Options { rules: of_pack.as_deref(), facility: None, period };
    let options = Options { rules: of_base.as_deref(), facility: None, period };
    let mut changes = Changes::default();
    let mut refused: Vec<String> = Vec::new();
    let mut unread: Vec<&str> = Vec::new();
    for (n, code) in codes.iter().enumerate() {
        let mut watch = Told::new(n, codes.len(), code);
        let whole = period.is_none() && args.rules.is_none();
        let before = match auditor.up_to_date(code)?.filter(|_| whole) {
            Some(row) => audits::findings(centre, &row),
            None => auditor.look(code, auditor.pack(), options, &mut watch).map(|o| o.findings),
        };
        let both = before.and_then(|b| Ok((b, auditor.look(code, &pack, drafted, &mut watch)?)));
        let (before, after) = match both {
            Ok(both) => both,
            // As in an audit: one house that cannot be read keeps nobody from the others.
            Err(error) => {
                tracing::error!(code, %error, "A facility was not read for a draft.");
                watch.say("没有读出，未比较");
                unread.push(code);
                continue;
            }
        };
        refused.extend(after.refused.iter().map(ToString::to_string));
        watch.say(&format!("现行 {} 条，草案 {} 条(未存)", before.len(), after.findings.len()));
        changes.compare(before, after.findings);
    }
    refused.sort();
    refused.dedup();
    Ok(told((&auditor.pack().label(), &pack.label()), &changes, &refused, &unread))
}

fn told(
    (base, draft): (&str, &str),
    changes: &Changes,
    refused: &[String],
    unread: &[&str],
) -> Output {
    let mut text = format!("现行 {base} → 草案 {draft}\n");
    if !unread.is_empty() {
        let _ = writeln!(text, "{} 没有读出，未比较", unread.join("、"));
    }
    let mut rules: Vec<Value> = Vec::new();
    for (rule, c) in changes.changed() {
        let _ = writeln!(
            text,
            "{rule}  新增 {}  消失 {}  不变 {}  金额 {} → {} 元",
            c.new,
            c.gone,
            c.kept,
            c.amount_before.to_cents(),
            c.amount_after.to_cents()
        );
        let mut body = json!(c);
        if let Some(members) = body.as_object_mut() {
            members.insert("rule".to_owned(), rule.as_str().into());
        }
        rules.push(body);
    }
    if rules.is_empty() {
        text.push_str("没有变化\n");
    }
    for (word, list) in [("新增", &changes.new), ("消失", &changes.gone)] {
        for f in list.iter().take(NAMED) {
            let _ = writeln!(text, "{word}  {}  {}  {}", f.fixmedins_code, f.rule, f.reason);
        }
        if list.len() > NAMED {
            let _ = writeln!(text, "{word}的其余 {} 条见 --json", list.len().saturating_sub(NAMED));
        }
    }
    for place in refused {
        let _ = writeln!(text, "命中过多，整条规则不计：{place}");
    }
    let lines = |list: &[Finding]| -> Vec<Value> {
        list.iter().filter_map(|f| serde_json::from_str(&f.json_line()).ok()).collect()
    };
    let body = json!({
        "pack": base, "draft": draft, "rules": rules, "new": lines(&changes.new),
        "gone": lines(&changes.gone), "refused": refused, "unread": unread,
    });
    Output::new("audit-draft", body, text)
}
