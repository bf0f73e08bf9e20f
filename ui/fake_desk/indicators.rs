//! Two figures of the invented hospital, one of them compared.

use spotcheck_app::rules::indicators::{Answer, Cell, Good, Line};

fn cell(value: &str, rows: u64) -> Cell {
    Cell { value: Some(value.to_owned()), rows, missing: 0, why: None }
}

fn line(id: &str, name: &str, unit: &str, own: Cell, other: Cell, growth: &str) -> Line {
    Line {
        id: id.to_owned(),
        name: name.to_owned(),
        formula: name.to_owned(),
        unit: unit.to_owned(),
        good: Good::Watch,
        source: "演示".to_owned(),
        guarded: false,
        cell: own,
        against: Some(other),
        growth: Some(growth.to_owned()),
        parts: Vec::new(),
        parts_total: 0,
        list: Vec::new(),
    }
}

pub(super) fn answer() -> Answer {
    let span = |year: &str| (format!("{year}-01-01"), format!("{year}-06-30"));
    Answer {
        period: span("2026"),
        against: Some(span("2025")),
        by: None,
        only: Vec::new(),
        guarded: false,
        indicators: vec![
            line("I001", "就诊人次", "人次", cell("15603", 15_603), cell("14210", 14_210), "9.80"),
            line(
                "I049",
                "医疗费总额",
                "元",
                cell("18620450.20", 15_494),
                cell("16880012.75", 14_002),
                "10.31",
            ),
        ],
        warnings: Vec::new(),
        notes: Vec::new(),
        behind: Vec::new(),
    }
}
