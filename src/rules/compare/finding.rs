//! Differences as findings of rule F13 (domain.md §4.6: line-level diff of HIS export and uploaded data).
//!
//! Grade S: the figures are plain, but the export was made by the inspected party and its columns were
//! paired by hand. What it cost is open (method N): a stay may be paid by group. The row numbers of the
//! file stand in the reason, so that whoever doubts it looks there.

use spotcheck_domain::Amount;

use super::{Class, Compared, Difference, Side};
use crate::finding::{Finding, LossMethod, People, weigh};
use crate::pack::{Grade, Severity};

/// The rule.
pub const RULE: &str = "F13";
/// Stands where other findings name their pack: this rule is code.
pub const PACK: &str = "compare@1";

/// Danger of a class, as `weight` of a rule.
const fn danger(class: Class) -> u32 {
    match class {
        Class::UploadedOnly | Class::Refund => 40,
        Class::Item | Class::Quantity => 36,
        Class::Price | Class::Amount | Class::Person => 30,
        Class::Date => 14,
        Class::HisOnly => 8,
    }
}

fn number(amount: Option<Amount>) -> String {
    amount.map_or_else(|| "—".to_owned(), |a| a.to_string())
}

fn money(amount: Option<Amount>) -> String {
    amount.map_or_else(|| "—".to_owned(), Amount::to_cents)
}

fn name(side: Option<&Side>) -> &str {
    side.and_then(|s| s.name.as_deref().or(s.code.as_deref())).unwrap_or("—")
}

/// `第 12、13 行`, `第 12 行等 8 行`.
fn rows(rows: &[u32]) -> String {
    match rows {
        [] => String::new(),
        [first, .., last] if rows.len() > 3 => {
            format!("(文件第 {first} 至 {last} 行，共 {} 行)", rows.len())
        }
        _ => {
            let numbers: Vec<String> = rows.iter().map(ToString::to_string).collect();
            format!("(文件第 {} 行)", numbers.join("、"))
        }
    }
}

/// The fact in one sentence.
fn sentence(d: &Difference) -> String {
    let (his, up) = (d.his.as_ref(), d.uploaded.as_ref());
    let item = name(if up.is_some_and(|u| u.name.is_some()) { up } else { his });
    let day = up.and_then(|s| s.day.as_deref()).or_else(|| his.and_then(|s| s.day.as_deref()));
    let day = day.unwrap_or("日期不明");
    let amounts = |of: fn(&Side) -> Option<Amount>| (his.and_then(of), up.and_then(of));
    let text = match d.class {
        Class::UploadedOnly => match up.map(|u| (u.lines, u.name.is_some())) {
            Some((lines, false)) if d.bkkp_sn.is_empty() => format!(
                "{day} 起的一次就诊已上传 {lines} 条、{} 元，医院系统导出中没有这次就诊",
                money(up.and_then(|u| u.amount))
            ),
            _ => format!(
                "{day} {item} 已上传 {} 元，医院系统导出中没有",
                money(up.and_then(|u| u.amount))
            ),
        },
        Class::HisOnly => match his.map(|h| h.name.is_some() || h.code.is_some()) {
            Some(true) => format!(
                "{day} {item} 医院系统中有 {} 元，没有上传",
                money(his.and_then(|h| h.amount))
            ),
            _ => format!(
                "{day} 起医院系统中有参保人的一次就诊 {} 行、{} 元，没有上传",
                his.map_or(0, |h| h.lines),
                money(his.and_then(|h| h.amount))
            ),
        },
        Class::Quantity => {
            let (h, u) = amounts(|s| s.cnt);
            format!("{day} {item} 医院系统中数量 {}，上传数量 {}", number(h), number(u))
        }
        Class::Price => {
            let (h, u) = amounts(|s| s.pric);
            format!("{day} {item} 医院系统中单价 {}，上传单价 {}", number(h), number(u))
        }
        Class::Amount => {
            let (h, u) = amounts(|s| s.amount);
            format!("{day} {item} 医院系统中金额 {} 元，上传金额 {} 元", money(h), money(u))
        }
        Class::Item => {
            let code = |s: Option<&Side>| {
                s.and_then(|s| s.code.clone()).map_or_else(String::new, |c| format!("[{c}]"))
            };
            format!(
                "{day} 医院系统中为 {}{}，上传为 {}{}，{} 元",
                name(his),
                code(his),
                name(up),
                code(up),
                money(up.and_then(|u| u.amount))
            )
        }
        Class::Refund => format!(
            "{} {item} 医院系统中已退费 {} 元，没有上传退费",
            his.and_then(|h| h.day.as_deref()).unwrap_or(day),
            money(d.excess)
        ),
        Class::Date => format!(
            "{item} 医院系统中费用日期 {}，上传费用日期 {}",
            his.and_then(|h| h.day.as_deref()).unwrap_or("—"),
            up.and_then(|u| u.day.as_deref()).unwrap_or("—")
        ),
        Class::Person => "医院系统导出中这次就诊的人员与上传的参保人不一致".to_owned(),
    };
    format!("{text}{}", rows(&d.rows))
}

fn finding(d: &Difference, facility: &str, notes: &[String]) -> Finding {
    let reason = sentence(d);
    let excess = d.excess.map(Amount::millionths).filter(|e| *e > 0);
    let day = d.uploaded.iter().chain(&d.his).find_map(|s| s.day.clone());
    let lead = matches!(d.class, Class::Date | Class::HisOnly);
    let mut doubt = vec![
        "导出由被检查机构提供，导出条件可能与上传口径不同".to_owned(),
        "列的对应由检查人员指定".to_owned(),
    ];
    match d.class {
        Class::HisOnly => doubt.push("自费或未审核的明细可能本来就不上传".to_owned()),
        Class::Date => doubt.push("两个系统记的可能不是同一种日期(开单、执行、记账)".to_owned()),
        Class::Item => doubt.push("医院项目与医保项目可能本来就不是一一对应".to_owned()),
        _ => {}
    }
    doubt.extend(notes.iter().cloned());
    let code = d.uploaded.iter().chain(&d.his).find_map(|s| s.code.clone());
    // Rows without a line of the upload are told apart by where they stand.
    let family = match (d.bkkp_sn.is_empty(), d.rows.first()) {
        (true, Some(row)) => format!("{RULE}:{}:{row}", d.class.as_str()),
        _ => format!("{RULE}:{}", d.class.as_str()),
    };
    Finding {
        rule: RULE.to_owned(),
        pack: PACK.to_owned(),
        grade: Grade::S,
        fixmedins_code: facility.to_owned(),
        psn_no: d.psn_no.clone(),
        mdtrt_id: d.mdtrt_id.clone(),
        setl_id: None,
        bkkp_sn: d.bkkp_sn.clone(),
        code,
        amount: excess.map(Amount::from_millionths),
        fund_amount: None,
        loss_method: LossMethod::N,
        pending: false,
        principal: true,
        party: Some(reason.clone()),
        reason_party: None,
        elsewhere: false,
        reason,
        name: format!("HIS与上传不一致：{}", d.class.zh()),
        severity: Severity::Middle,
        clause: vec!["T40(2)".to_owned(), "T38(4)".to_owned()],
        weight: weigh(danger(d.class), lead, excess),
        date: day,
        also: Vec::new(),
        people: People::default(),
        look: vec![
            "导出文件中的原行".to_owned(),
            "医院系统当场调阅".to_owned(),
            "医嘱与执行记录".to_owned(),
        ],
        tried: vec![
            "退费冲销".to_owned(),
            "按日合计".to_owned(),
            "其他日期".to_owned(),
            "上传截止".to_owned(),
        ],
        doubt,
        family,
    }
}

/// One finding per difference, in the order of the differences.
#[must_use]
pub fn findings(compared: &Compared, facility: &str) -> Vec<Finding> {
    compared.differences.iter().map(|d| finding(d, facility, &compared.notes)).collect()
}
