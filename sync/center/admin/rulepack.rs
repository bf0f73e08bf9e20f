//! `rulepack`: rule packs above the national one.

use std::fmt::Write as _;

use serde_json::{Value, json};
use spotcheck_domain::rfc3339;

use super::args::RulepackCommand;
use super::out::Output;
use super::{Context, Result};
use crate::Error;
use crate::rulepacks::{self, Checked, PackFolder};

fn told(schema: &str, checked: &Checked, words: &str) -> Output {
    let label = format!("{}@{}", checked.name, checked.version);
    let text = format!(
        "{label} {words}:涉及 {} 条规则,已在 {} 家机构的历史数据上试运行",
        checked.changed.len(),
        checked.tried
    );
    let body = json!({
        "pack": label, "composed": checked.pack.label(), "rules": checked.changed,
        "signer": checked.signer, "facilities": checked.tried,
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
            let text = format!("已签名:{sha256}");
            Ok(Output::new("rulepack-sign", json!({ "sha256": sha256 }), text))
        }
        RulepackCommand::Remove { name } => {
            if !centre.repo().remove_rule_pack(name)? {
                return Err(Error::NotFound { what: "rule pack", zh: "规则包" });
            }
            centre.record_act("rulepack-removed", name)?;
            let text = format!("规则包 {name} 已停用");
            Ok(Output::new("rulepack-remove", json!({ "pack": name }), text))
        }
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
