//! A few figures of the invented hospital, with another period, parts and rows behind.

use spotcheck_app::behind::BehindTold;
use spotcheck_app::indicators::IndicatorQuery;
use spotcheck_app::rules::indicators::{
    Answer, Behind, BehindRow, Cell, Dimension, Good, Line, Month, Note, Origin, Part, Raised,
};
use spotcheck_domain::claims::Instant;
use spotcheck_domain::{Amount, BeijingTime, Precision};

fn cell(value: &str, rows: u64) -> Cell {
    Cell { value: Some(value.to_owned()), rows, missing: 0, why: None }
}

fn line(head: (&str, &str, &str, &str), own: &str, other: &str, growth: &str) -> Line {
    let (id, name, formula, unit) = head;
    Line {
        id: id.to_owned(),
        name: name.to_owned(),
        formula: formula.to_owned(),
        unit: unit.to_owned(),
        good: Good::Watch,
        source: "首批监测系统通行口径".to_owned(),
        guarded: false,
        cell: cell(own, 15_603),
        against: (!other.is_empty()).then(|| cell(other, 14_210)),
        growth: (!growth.is_empty()).then(|| growth.to_owned()),
        parts: Vec::new(),
        parts_total: 0,
        list: Vec::new(),
        months: Vec::new(),
        months_against: Vec::new(),
    }
}

/// The figure spread over eleven months, with one that was not uploaded the year before.
fn months(year: &str, own: &str, bend: &[u64]) -> Vec<Month> {
    let whole: f64 = own.parse().unwrap_or(0.0);
    let decimals = own.split_once('.').map_or(0, |(_, rest)| rest.len());
    let sum: u64 = bend.iter().sum();
    let last = ["31", "28", "31", "30", "31", "30", "31", "31", "30", "31", "23"];
    let spread = own.len() > 5;
    bend.iter()
        .zip(last)
        .enumerate()
        .map(|(n, (part, last))| {
            let share = if spread { *part as f64 / sum as f64 } else { *part as f64 / 80.0 };
            let value = (*part > 0).then(|| format!("{:.decimals$}", whole * share));
            let month = n.saturating_add(1);
            Month {
                from: format!("{year}-{month:02}-01"),
                to: format!("{year}-{month:02}-{last}"),
                cell: Cell { value, rows: 1_400, missing: 0, why: None },
            }
        })
        .collect()
}

fn part(key: &str, name: &str, own: &str, other: &str, growth: &str) -> Part {
    Part {
        key: key.to_owned(),
        name: name.to_owned(),
        cell: cell(own, 400),
        against: Some(cell(other, 380)),
        growth: Some(growth.to_owned()),
    }
}

/// What is broken down: departments, or doctors.
fn parts(by: Dimension) -> Vec<Part> {
    match by {
        Dimension::Doctor => vec![
            part("D110000000001", "郑示例", "1265499.15", "604220.00", "109.44"),
            part("D110000000002", "冯样本", "843666.10", "812004.50", "3.90"),
            part("D110000000003", "褚演示", "590566.27", "601330.10", "-1.79"),
        ],
        _ => vec![
            part("A03.01", "内二科", "1687332.20", "1104220.00", "52.81"),
            part("A03.02", "内一科", "1265499.15", "1212004.50", "4.41"),
            part("A04", "外科", "843666.10", "861330.10", "-2.05"),
            part("A05", "妇产科", "421833.05", "402118.90", "4.90"),
        ],
    }
}

fn rows() -> Vec<BehindRow> {
    let row = |visit: &str, n: u32| BehindRow {
        mdtrt_id: visit.to_owned(),
        psn_no: if visit.ends_with("18") { "3199000000006620" } else { "3199000000003341" }
            .to_owned(),
        setl_id: format!("S{visit}"),
        bkkp_sn: format!("{n}"),
    };
    (1..=7)
        .map(|n| row("M2026110900018", n))
        .chain((1..=3).map(|n| row("M2026102100007", n)))
        .collect()
}

/// What stands for such a row: drugs of two persons' stays.
pub(super) fn told(row: &BehindRow) -> BehindTold {
    let first = row.mdtrt_id.ends_with("18");
    let day = |day: i64| {
        let at =
            BeijingTime::from_seconds(1_794_182_400_i64.saturating_add(day.saturating_mul(86_400)));
        Some(Instant { at, p: Precision::Day })
    };
    let n: i64 = row.bkkp_sn.parse().unwrap_or(0);
    let (item, amount) = match n.rem_euclid(3) {
        1 => ("注射用血塞通 0.2 g", "62.80"),
        2 => ("阿司匹林肠溶片 100 mg×30 片", "14.82"),
        _ => ("阿托伐他汀钙片 20 mg×7 片", "38.50"),
    };
    BehindTold {
        person: if first { "甄*例" } else { "李*本" }.to_owned(),
        med_type: Some("21".to_owned()),
        visit: if first { (day(0), day(9)) } else { (day(-19), day(-11)) },
        item: (n > 0).then(|| item.to_owned()),
        at: day(if first { n } else { n.saturating_sub(19) }).filter(|_| n > 0),
        amount: Amount::parse(if n > 0 { amount } else { "4427.49" }).ok(),
    }
}

/// The invented hospital's figures; a breakdown or the rows behind where they are asked for.
pub(super) fn answer(query: &IndicatorQuery) -> Answer {
    let span = |year: &str| (format!("{year}-01-01"), format!("{year}-11-23"));
    let mut figures = vec![
        line(("I001", "就诊人次", "就诊(按开始时间)计数", "人次"), "15603", "14210", "9.80"),
        line(("I017", "住院人次", "住院就诊(按开始时间)计数", "人次"), "3184", "2790", "14.12"),
        line(("I035", "平均住院日", "出院者占用总床日 ÷ 出院人次", "天"), "9.4", "8.8", "6.82"),
        line(
            ("I055", "医疗费总额", "费用明细金额合计", "元"),
            "18620450.20",
            "16880012.75",
            "10.31",
        ),
        line(
            ("I059", "基金支付总额", "结算基金支付合计", "元"),
            "11823004.10",
            "10990120.36",
            "7.58",
        ),
        line(
            ("I111", "药品费", "西药、中成药、中药饮片金额合计", "元"),
            "4218330.50",
            "3570200.10",
            "18.15",
        ),
        line(("I112", "药品费占比", "药品费 ÷ 费用明细金额合计", "%"), "22.65", "21.15", "7.09"),
        line(
            ("I044", "31 天内再入院率", "31 天内再入院人次 ÷ 出院人次", "%"),
            "11.2",
            "8.1",
            "38.27",
        ),
    ];
    if !query.ids.is_empty() {
        figures.retain(|line| query.ids.contains(&line.id));
    }
    if let (Some(by), Some(line)) = (query.by, figures.first_mut()) {
        line.parts = parts(by);
        line.parts_total = line.parts.len();
    }
    if query.months {
        for line in &mut figures {
            let own = line.cell.value.clone().unwrap_or_default();
            line.months = months("2026", &own, &[62, 48, 71, 80, 84, 79, 83, 88, 97, 104, 81]);
            let other = line.against.as_ref().and_then(|c| c.value.clone()).unwrap_or_default();
            line.months_against =
                months("2025", &other, &[80, 66, 78, 74, 0, 77, 80, 81, 76, 84, 62]);
        }
    }
    let behind = query.behind.is_some().then(|| Behind {
        term: "drug_fee".to_owned(),
        name: "药品费".to_owned(),
        table: "fee_list_d".to_owned(),
        total: 10,
        rows: rows(),
    });
    Answer {
        period: span("2026"),
        against: query.against.is_some().then(|| span("2025")),
        by: query.by,
        only: Vec::new(),
        guarded: query.by == Some(Dimension::Doctor),
        indicators: figures,
        warnings: vec![Raised {
            id: "W07".to_owned(),
            name: "31 天内再入院率高于参考值".to_owned(),
            indicator: "I044".to_owned(),
            key: None,
            value: "11.2".to_owned(),
            threshold: "高于 8".to_owned(),
            origin: Origin::LocalDefault,
            tell: vec!["检查组".to_owned()],
        }],
        notes: vec![Note {
            about: "费用明细".to_owned(),
            text: "上传至 2026-11-23，最近 3 天的可能还没有传全".to_owned(),
        }],
        behind: behind.into_iter().collect(),
    }
}
