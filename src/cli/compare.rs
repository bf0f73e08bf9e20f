//! `compare`: a facility's own export against what it uploaded (rule F13).

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use spotcheck_app::Handheld;
use spotcheck_app::compare::{ComparedView, Comparison, ExportView, Tap};
use spotcheck_app::desk::Desk;
use spotcheck_app::errand::{Errand, Home};
use spotcheck_domain::claims::Page;
use spotcheck_domain::{CaseId, Trouble, TroubleResult};
use spotcheck_rules::compare::{BadRow, Field, Scope};

use super::Output;
use super::run::bad_id;
use super::sync::task_id;

/// Arguments of `compare`.
#[derive(Debug, Args)]
pub(crate) struct Compare {
    /// 任务 / task
    #[arg(long, value_name = "ID")]
    task: String,
    /// 医院系统导出的文件(XLSX、XLS、DBF、CSV)/ the facility's own export
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
    /// 存入案卷作为证据 / keep the file as evidence of this case
    #[arg(long, value_name = "ID")]
    case: Option<String>,
    /// 工作表名称 / sheet [default: the first with a header]
    #[arg(long, value_name = "NAME")]
    sheet: Option<String>,
    /// 表头所在行号 / row number of the header [default: found]
    #[arg(long, value_name = "N")]
    header: Option<u32>,
    /// 指定列，如 mdtrt_id=住院号,cnt=;等号后为空表示没有这一列 / columns by header
    #[arg(long, value_name = "FIELD=COLUMN,…", value_delimiter = ',', value_parser = field)]
    map: Vec<(Field, String)>,
    /// 文件应包含的范围 / what the file must cover: auto, visits, period
    #[arg(long, value_name = "SCOPE", default_value = "auto", value_parser = scope)]
    scope: Scope,
    /// 只列出建议的列，不比对 / show the proposed columns only
    #[arg(long)]
    columns: bool,
    /// 差异最多列出几条 / differences at most
    #[arg(long, default_value_t = 200)]
    limit: u32,
}

fn field(text: &str) -> Result<(Field, String), String> {
    let (name, column) = text.split_once('=').ok_or("应写成 字段=列名")?;
    let all: Vec<&str> = Field::ALL.iter().map(|f| f.as_str()).collect();
    let field = Field::parse(name).ok_or_else(|| format!("字段应为 {} 之一", all.join(" ")))?;
    Ok((field, column.to_owned()))
}

fn scope(text: &str) -> Result<Scope, String> {
    match text {
        "auto" => Ok(Scope::Auto),
        "visits" => Ok(Scope::Visits),
        "period" => Ok(Scope::Period),
        _ => Err("应为 auto、visits 或 period".to_owned()),
    }
}

fn no_such(what: &str) -> Trouble {
    Trouble::new(
        "COMPARE-COLUMN",
        &format!("文件里没有这个{what}"),
        "没有比对",
        "用 --columns 查看工作表、表头和各列",
    )
    .as_verdict()
}

/// Runs an errand and tells the way through.
fn go(handheld: &mut Handheld, way: &mut Comparison, errand: Option<Errand>) -> TroubleResult<()> {
    if let Some(errand) = errand {
        let home = handheld.run(&errand)?;
        way.home(home);
    }
    Ok(())
}

/// `compare`.
pub(crate) fn run(handheld: &mut Handheld, args: &Compare) -> TroubleResult<Output> {
    let task = task_id(&args.task)?;
    let case = args.case.as_deref().map(CaseId::parse).transpose();
    let case = case.map_err(|cause| bad_id("案卷").because(cause))?;
    let mut way = Comparison::new(task.clone(), case.clone(), Vec::new());
    let place = args.file.to_string_lossy().into_owned();
    let Home::Export(export) = handheld.run(&Errand::TakeExport { task, case, place })? else {
        return Err(no_such("文件"));
    };
    way.home(Home::Export(export));
    let export = |way: &Comparison| way.export().cloned().ok_or_else(|| no_such("文件"));
    if let Some(name) = &args.sheet {
        let sheet = export(&way)?.sheets.iter().position(|s| s == name);
        let errand = way.tap(&Tap::Sheet(sheet.ok_or_else(|| no_such("工作表"))?))?;
        go(handheld, &mut way, errand)?;
    }
    if let Some(number) = args.header {
        let row = export(&way)?.headers.iter().find(|(_, n, _)| *n == number).map(|(row, ..)| *row);
        let errand = way.tap(&Tap::Header(row.ok_or_else(|| no_such("表头行"))?))?;
        go(handheld, &mut way, errand)?;
    }
    let view = export(&way)?;
    way.tap(&Tap::HeaderRight)?;
    // Who writes a command line has seen the proposals, or gives the columns.
    for choice in way.choices().to_vec() {
        way.tap(&Tap::Pick(choice.field, choice.column))?;
    }
    for (field, column) in &args.map {
        let at = match column.as_str() {
            "" => None,
            name => Some(view.columns.iter().position(|c| c == name).ok_or_else(|| no_such("列"))?),
        };
        way.tap(&Tap::Pick(*field, at))?;
    }
    if args.columns {
        return columns(&view, &way);
    }
    way.tap(&Tap::Scope(args.scope))?;
    let errand = way.tap(&Tap::Run)?;
    go(handheld, &mut way, errand)?;
    let result = way.result().ok_or_else(|| no_such("文件"))?;
    output(&view, &way, result, args.limit)
}

fn pairs(view: &ExportView, way: &Comparison) -> Vec<(&'static str, &'static str, String)> {
    way.pairing()
        .iter()
        .map(|(field, column)| {
            let name = view.columns.get(*column).cloned().unwrap_or_default();
            (field.as_str(), field.zh(), name)
        })
        .collect()
}

fn columns(view: &ExportView, way: &Comparison) -> TroubleResult<Output> {
    let mut lines = vec![
        format!("{}  {} 行  工作表 {}", view.name, view.rows, view.sheets.join("、")),
        format!("列：{}", view.columns.join("、")),
    ];
    for choice in way.choices() {
        let name = |c: usize| view.columns.get(c).cloned().unwrap_or_default();
        let column = choice.column.map_or_else(|| "—".to_owned(), name);
        lines.push(format!(
            "  {}({})  {column}  {}%",
            choice.field.as_str(),
            choice.field.zh(),
            choice.confidence
        ));
    }
    Output::new("compare-columns", view, lines)
}

/// A row of the file that was not compared: its number, the column as its header names it, and why.
fn bad_row(bad: &BadRow) -> String {
    let column = match bad.column.as_str() {
        "" => String::new(),
        name => format!(" “{name}”列"),
    };
    format!("  读不出：第 {} 行{column}：{}", bad.row, bad.reason)
}

fn output(
    view: &ExportView,
    way: &Comparison,
    result: &ComparedView,
    limit: u32,
) -> TroubleResult<Output> {
    let compared = &result.compared;
    let counts = &compared.counts;
    let mut lines = vec![
        format!("{}  SHA-256 {}", view.name, view.sha256),
        format!(
            "{} 行：一致 {}，冲销 {}，未上传 {}，读不出 {}",
            counts.rows, counts.matched, counts.netted, counts.young, counts.unreadable
        ),
        format!("差异 {} 条", compared.differences.len()),
    ];
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    lines.extend(compared.bad.iter().take(most).map(bad_row));
    let named = u64::try_from(compared.bad.len().min(most)).unwrap_or(u64::MAX);
    if counts.unreadable > named {
        lines.push(format!(
            "  另有 {} 行读不出，没有逐行列出",
            counts.unreadable.saturating_sub(named)
        ));
    }
    let classes = way.by_class();
    for (class, number, excess) in classes.iter().filter(|(_, n, _)| *n > 0) {
        lines.push(format!("  {}  {number} 条  上传多 {} 元", class.zh(), excess.to_cents()));
    }
    lines.extend(compared.notes.iter().map(|note| format!("  {note}")));
    let shown = way.differences(None, Page::first(limit));
    lines.extend(shown.iter().map(|(_, finding)| format!("  {}", finding.reason)));
    let fresh = &result.fresh;
    if fresh.rows > 0 || fresh.without_code > 0 {
        lines.push(format!(
            "未上传的 {} 行已按 {} 条规则核对：{} 条线索；没有项目编码、未核对 {} 行",
            fresh.rows,
            fresh.rules,
            fresh.findings.len(),
            fresh.without_code
        ));
        lines
            .extend(fresh.findings.iter().take(most).map(|f| format!("  {} {}", f.rule, f.reason)));
    }
    let by_rules: Vec<serde_json::Value> =
        fresh.findings.iter().filter_map(|f| serde_json::from_str(&f.json_line()).ok()).collect();
    let pairing: serde_json::Map<String, serde_json::Value> =
        pairs(view, way).into_iter().map(|(f, _, column)| (f.to_owned(), json!(column))).collect();
    let by_class: serde_json::Map<String, serde_json::Value> = classes
        .iter()
        .map(|(class, n, excess)| {
            (class.as_str().to_owned(), json!({ "count": n, "excess": excess.to_cents() }))
        })
        .collect();
    let body = json!({
        "file": view.name,
        "sha256": view.sha256,
        "evidence": result.evidence,
        "sheet": view.sheets.get(view.sheet),
        "header": view.header,
        "pairing": pairing,
        "classes": by_class,
        "compared": compared,
        "fresh": {
            "rows": fresh.rows, "without_code": fresh.without_code, "rules": fresh.rules,
            "findings": by_rules,
        },
    });
    Output::new("compare", &body, lines)
}
