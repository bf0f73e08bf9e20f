//! `rulepack`: rule packs above the national one.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use serde_json::{Value, json};
use spotcheck_domain::{OfficerId, rfc3339};

use super::args::RulepackCommand;
use super::out::Output;
use super::{Context, Result};
use crate::Error;
use crate::centre::Centre;
use crate::judged::{self, RuleFigures};
use crate::offers;
use crate::rulepacks::{self, Checked, PackFolder};

fn told(schema: &str, checked: &Checked, words: &str) -> Output {
    let label = format!("{}@{}", checked.name, checked.version);
    let mut text = format!(
        "{label} {words}：涉及 {} 条规则，已在 {} 家机构的历史数据上试运行",
        checked.changed.len(),
        checked.tried
    );
    if !checked.unread.is_empty() {
        let _ = write!(text, "；{} 没有读出，未试", checked.unread.join("、"));
    }
    let body = json!({
        "pack": label, "composed": checked.pack.label(), "rules": checked.changed,
        "signer": checked.signer, "facilities": checked.tried, "unread": checked.unread,
    });
    Output::new(schema, body, text)
}

pub(super) fn rulepack(context: &Context, command: &RulepackCommand) -> Result<Output> {
    let centre = context.open()?;
    match command {
        RulepackCommand::Check { folder } => {
            let checked = rulepacks::check(&centre, &PackFolder::read(folder)?, false)?;
            Ok(told("rulepack-check", &checked, "可以使用"))
        }
        RulepackCommand::Add { folder } => {
            let checked = rulepacks::add(&centre, &PackFolder::read(folder)?)?;
            Ok(told("rulepack-add", &checked, "已生效"))
        }
        RulepackCommand::Sign { folder } => {
            let sha256 = rulepacks::sign(&centre, folder)?;
            centre.record_act("rulepack-signed", &sha256)?;
            let text = format!("已签名：{sha256}");
            Ok(Output::new("rulepack-sign", json!({ "sha256": sha256 }), text))
        }
        RulepackCommand::Remove { name } => {
            rulepacks::remove(&centre, name)?;
            centre.record_act("rulepack-removed", name)?;
            let text = format!("规则包 {name} 已停用");
            Ok(Output::new("rulepack-remove", json!({ "pack": name }), text))
        }
        RulepackCommand::Offers { bundle, out } => {
            offered(&centre, bundle.as_deref(), out.as_deref())
        }
        RulepackCommand::Stats { rule } => stats(&centre, rule.as_deref()),
        RulepackCommand::List => {
            let rows = centre.repo().rule_packs()?;
            let (mut text, mut list): (String, Vec<Value>) = (String::new(), Vec::new());
            for r in rulepacks::references(&centre)? {
                let row = rows.iter().find(|row| row.name == r.name);
                let by = row.map_or("随程序发布", |row| row.signer.as_str());
                let _ = writeln!(text, "{}@{}  {by}  {}", r.name, r.version, r.sha256);
                list.push(json!({
                    "name": r.name, "version": r.version, "sha256": r.sha256,
                    "signer": row.map(|r| r.signer.clone()),
                    "added": row.map(|r| rfc3339(r.added_ms)),
                }));
            }
            Ok(Output::new("rulepack-list", json!({ "packs": list }), text))
        }
    }
}

/// What officers offer; with `out`, the draft file of one bundle beside it.
fn offered(centre: &Centre, bundle: Option<&str>, out: Option<&Path>) -> Result<Output> {
    let mut list = offers::offers(centre)?;
    if let Some(bundle) = bundle {
        list.retain(|o| o.bundle == bundle);
        if list.is_empty() {
            // Says that there is no such thing.
            offers::draft_file(centre, bundle)?;
        }
    }
    let mut text = String::new();
    for o in &list {
        let officers: Vec<&str> = o.officers.iter().map(OfficerId::as_str).collect();
        let state = if o.in_force { "已生效" } else { "未采用" };
        let pack = o.pack.as_deref().unwrap_or("-");
        let _ = writeln!(
            text,
            "{}  任务 {}  {}  {}  编制 {}  {pack}  {state}",
            o.bundle,
            o.task,
            o.device,
            o.made,
            officers.join("、")
        );
        for r in &o.rules {
            let _ = writeln!(text, "    {}  {}：{}", r.id, r.name, r.logic);
        }
        if let Some(trouble) = &o.trouble {
            let _ = writeln!(text, "    不能与现行规则包合用：{trouble}");
        }
    }
    if list.is_empty() {
        text.push_str("没有交来的自编规则");
    }
    if let (Some(bundle), Some(path)) = (bundle, out) {
        let bytes = offers::draft_file(centre, bundle)?;
        let mut file = File::create_new(path).map_err(Error::io("write the draft"))?;
        file.write_all(&bytes).map_err(Error::io("write the draft"))?;
        centre.record_act("rulepack-offer-written", bundle)?;
        let _ =
            writeln!(text, "已另存为 {}；依次用 rulepack check、sign、add 采用", path.display());
    }
    Ok(Output::new("rulepack-offers", json!({ "offers": list, "out": out }), text))
}

fn reasons(
    text: &mut String,
    what: &str,
    unit: &str,
    list: &std::collections::BTreeMap<String, u64>,
) {
    let mut list: Vec<(&String, &u64)> = list.iter().collect();
    list.sort_by_key(|(reason, n)| (std::cmp::Reverse(**n), reason.as_str()));
    for (reason, n) in list {
        let reason = if reason.is_empty() { "未写理由" } else { reason };
        let _ = writeln!(text, "    {what} {n} {unit}:{reason}");
    }
}

/// Where most is excluded stands first.
fn stats(centre: &Centre, rule: Option<&str>) -> Result<Output> {
    let mut all = judged::statistics(centre, rule)?;
    let order = |f: &RuleFigures| {
        (std::cmp::Reverse((f.excluded, f.silenced)), f.rule.clone(), f.pack.clone())
    };
    all.sort_by_cached_key(order);
    let mut text = String::new();
    for f in &all {
        let shown = f.shown.map_or_else(|| "—".to_owned(), |n| n.to_string());
        let pack = if f.pack.is_empty() { "版本不明" } else { &f.pack };
        let _ = writeln!(
            text,
            "{} {pack}  提示 {shown}  属实 {}  排除 {}  需补证 {}  停用 {} 次  误报 {}",
            f.rule,
            f.confirmed,
            f.excluded,
            f.needs_evidence,
            f.silenced,
            f.false_alarms.as_ref().map_or_else(|| "—".to_owned(), |share| format!("{share}%"))
        );
        reasons(&mut text, "排除", "条", &f.excluded_for);
        reasons(&mut text, "停用", "次", &f.silenced_for);
    }
    if all.is_empty() {
        text.push_str("收到的证据包里还没有对线索的认定\n");
    }
    Ok(Output::new("rulepack-stats", json!({ "rules": all }), text))
}
