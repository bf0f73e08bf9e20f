//! Import, facilities, demo data.

use std::fmt::Write as _;

use serde_json::json;
use spotcheck_claims::{DemoOptions, TruthOptions};
use spotcheck_domain::Amount;
use spotcheck_domain::Trouble;

use super::args::{DemoData, Facilities, FacilityOrder, Import};
use super::out::Output;
use super::{Context, Result};
use crate::centre::Centre;
use crate::claims::{self, ImportOptions};
use crate::{Error, audits};

pub(super) fn import(context: &Context, args: &Import) -> Result<Output> {
    let centre = context.open()?;
    let options = ImportOptions {
        from: &args.from,
        mapping: args.mapping.as_deref(),
        facility: args.facility.as_deref(),
        check: args.check,
    };
    let report = claims::import(&centre, &options, &mut |progress| {
        tracing::debug!(?progress, "Importing.");
    })?;
    let mut text = String::new();
    for (name, e) in &report.entities {
        let _ = writeln!(
            text,
            "{name}:读入 {}，导入 {}，未变 {}，拒收 {}",
            e.read, e.imported, e.unchanged, e.rejected
        );
        for (column, sum) in &e.sums {
            let _ = writeln!(text, "    {column} 合计 {sum}");
        }
    }
    if report.rejected() > 0 {
        let folder = report.rejects.as_deref().unwrap_or_default();
        let _ = writeln!(
            text,
            "拒收 {} 行，用 rejects 查看行号和原因；明细(加密)在 {folder}",
            report.rejected()
        );
    }
    let body = serde_json::to_value(&report).map_err(|_| Error::Stored("report"))?;
    let output = Output::new("import", body, text);
    Ok(if args.check && report.rejected() > 0 { output.failed_check() } else { output })
}

pub(super) fn facilities(context: &Context, command: &Facilities) -> Result<Output> {
    let Facilities::List { by } = command;
    let centre = context.open()?;
    if *by == FacilityOrder::Findings {
        return ranked(&centre);
    }
    let list = claims::facilities(&centre)?;
    let mut text = String::new();
    for f in &list {
        let lines = f.rows.get("fee_list_d").copied().unwrap_or_default();
        let _ = writeln!(
            text,
            "{}  {}  费用明细 {lines} 条",
            f.facility.fixmedins_code, f.facility.fixmedins_name
        );
    }
    Ok(Output::new("facilities", json!({ "facilities": list }), text))
}

/// From this list tasks are made: where most money is to be checked stands first, what was never audited last.
fn ranked(centre: &Centre) -> Result<Output> {
    let heads = claims::facilities(centre)?;
    let name = |code: &str| {
        let head = heads.iter().find(|f| f.facility.fixmedins_code == code);
        head.map_or_else(|| code.to_owned(), |f| f.facility.fixmedins_name.clone())
    };
    let standings = audits::standings(centre)?;
    let (mut text, mut list) = (String::new(), Vec::new());
    for (place, s) in (1_u32..).zip(&standings) {
        let check = s.to_check();
        let _ = writeln!(
            text,
            "{place}  {}  {}  红 {} 黄 {} 绿 {}  待核查金额 {} 元  权重 {}",
            s.fixmedins_code,
            name(&s.fixmedins_code),
            s.red.findings,
            s.yellow.findings,
            s.green.findings,
            check.amount.to_cents(),
            check.weight
        );
        let mut body = serde_json::to_value(s).map_err(|_| Error::Stored("audit"))?;
        if let Some(members) = body.as_object_mut() {
            members.insert("fixmedins_name".to_owned(), name(&s.fixmedins_code).into());
            members.insert("to_check".to_owned(), json!(check));
        }
        list.push(body);
    }
    let audited = |code: &String| standings.iter().any(|s| s.fixmedins_code == *code);
    let codes = heads.iter().map(|f| &f.facility.fixmedins_code);
    let never: Vec<&String> = codes.filter(|code| !audited(code)).collect();
    for code in &never {
        let _ = writeln!(text, "尚未核对  {code}  {}", name(code));
    }
    Ok(Output::new("facilities", json!({ "facilities": list, "not_audited": never }), text))
}

fn truth_data(args: &DemoData) -> Result<Output> {
    let usual = TruthOptions::default();
    let options = TruthOptions {
        seed: args.seed,
        lines: args.lines.unwrap_or(usual.lines),
        wrong: args.wrong.unwrap_or(usual.wrong),
        clean: args.clean,
        grouped: args.grouped.unwrap_or(usual.grouped),
        kinds: args.kinds.unwrap_or(usual.kinds),
        near: args.near.unwrap_or(usual.near),
    };
    let made = spotcheck_claims::truth_data(&args.out, &options).map_err(Trouble::from)?;
    let text = format!(
        "已写入 {}:费用明细 {} 条；问题 {} 处，临界 {} 处，自然情形 {} 处，见 truth.csv;\
         示例知识点见其中的 rulepack,签名后用 rulepack add 装载",
        args.out.display(),
        made.rows.get("fee_list_d").copied().unwrap_or(0),
        made.violations,
        made.near_misses,
        made.traps
    );
    let written = made.rows.get("fee_list_d").copied().unwrap_or(0);
    let text = match args.lines.filter(|asked| written > asked.saturating_mul(2)) {
        Some(asked) => format!("{text}。每种情形至少讲一次，因此多于所要的 {asked} 条"),
        None => text,
    };
    let planted = Amount::from_millionths(made.planted_cents.saturating_mul(10_000)).to_cents();
    let body = json!({
        "out": args.out, "rows": made.rows, "violations": made.violations,
        "near_misses": made.near_misses, "traps": made.traps, "planted": planted,
    });
    Ok(Output::new("demo-data", body, text))
}

pub(super) fn demo_data(args: &DemoData) -> Result<Output> {
    if args.truth {
        return truth_data(args);
    }
    let told = [&args.wrong, &args.grouped, &args.kinds, &args.near];
    if args.clean || args.lines.is_some() || told.iter().any(|o| o.is_some()) {
        return Err(Error::refused(
            "CENTRE-DEMO-TRUTH",
            "--lines、--wrong、--clean、--grouped、--kinds、--near 只用于已知答案的演示数据。",
            "请加上 --truth。",
        ));
    }
    let options = DemoOptions { seed: args.seed, scale: args.scale };
    let made = spotcheck_claims::demo_data(&args.out, &options).map_err(Trouble::from)?;
    let rows = made.rows.values().fold(0_u64, |sum, n| sum.saturating_add(*n));
    let text = format!(
        "演示数据已写入 {}:{} 张表，{rows} 行；演示机构 {}",
        args.out.display(),
        made.rows.len(),
        made.fixmedins_code
    );
    let body = json!({
        "out": args.out, "rows": made.rows, "fixmedins_code": made.fixmedins_code,
        "double_billed_visit": made.double_billed_visit,
        "double_billed_person": made.double_billed_person,
    });
    Ok(Output::new("demo-data", body, text))
}
