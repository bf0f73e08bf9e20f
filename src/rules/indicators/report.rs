//! An answer as command lines tell it: one JSON object, or lines for people.

use serde_json::{Value, json};

use super::answer::{Answer, Cell, Line, Part};

/// The whole answer under the label of its pack.
#[must_use]
pub fn body(answer: &Answer, pack: &str) -> Value {
    let mut value = serde_json::to_value(answer).unwrap_or_else(|_| json!({}));
    if let Some(object) = value.as_object_mut() {
        object.insert("pack".to_owned(), pack.into());
    }
    value
}

/// One line per figure, its keys and rankings indented, then warnings and what was left out.
#[must_use]
pub fn lines(answer: &Answer) -> Vec<String> {
    let (from, to) = &answer.period;
    let mut lines = vec![format!("期间 {from} 至 {to}")];
    if let Some((from, to)) = &answer.against {
        lines.push(format!("对比 {from} 至 {to}"));
    }
    for line in &answer.indicators {
        lines.push(format!("{}  {}  {}", line.id, line.name, figure(line)));
        let each = |p: &Part| format!("    {}  {}  {}", p.key, p.name, part(p, &line.unit));
        lines.extend(line.list.iter().map(each));
        lines.extend(line.parts.iter().map(each));
        for month in line.months.iter().chain(&line.months_against) {
            let figure = cell(&month.cell, &line.unit);
            lines.push(format!("    {} 至 {}  {figure}", month.from, month.to));
        }
        let rest = line.parts_total.saturating_sub(line.parts.len());
        if rest > 0 {
            lines.push(format!("    其余 {rest} 项未列出"));
        }
    }
    for raised in &answer.warnings {
        let key = raised.key.as_ref().map_or_else(String::new, |k| format!("({k})"));
        lines.push(format!(
            "预警 {}{key}  {}  {}  ({}阈值)  告知：{}",
            raised.name,
            raised.value,
            raised.threshold,
            raised.origin.zh(),
            raised.tell.join("、")
        ));
    }
    for behind in &answer.behind {
        lines.push(format!("明细 {}:{} 行", behind.name, behind.total));
        lines.extend(
            behind.rows.iter().map(|r| format!("    {} {} {}", r.mdtrt_id, r.setl_id, r.bkkp_sn)),
        );
    }
    lines.extend(answer.notes.iter().map(|n| format!("说明 {}:{}", n.about, n.text)));
    lines
}

fn cell(cell: &Cell, unit: &str) -> String {
    let value = match (&cell.value, &cell.why) {
        (Some(value), _) => format!("{value} {unit}"),
        (None, why) => format!("—({})", why.as_deref().unwrap_or("无数据")),
    };
    match cell.missing {
        0 => value,
        n => format!("{value}(未上传 {n} 行)"),
    }
}

fn figure(line: &Line) -> String {
    compared(cell(&line.cell, &line.unit), line.against.as_ref(), line.growth.as_ref(), &line.unit)
}

fn part(part: &Part, unit: &str) -> String {
    compared(cell(&part.cell, unit), part.against.as_ref(), part.growth.as_ref(), unit)
}

fn compared(own: String, against: Option<&Cell>, growth: Option<&String>, unit: &str) -> String {
    let Some(against) = against else { return own };
    let grown = growth.map_or_else(String::new, |g| format!("  增幅 {g}%"));
    format!("{own}  对比 {}{grown}", cell(against, unit))
}
