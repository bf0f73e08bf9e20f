//! The rows behind a figure: by person, by visit, or line by line, each a way further.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use slint::{ComponentHandle, ModelRc, SharedString, VecModel};
use spotcheck_app::rules::indicators::{Answer, BehindRow};
use spotcheck_domain::mask;
use spotcheck_face::{FigureItem, Indicators};

use crate::app::{App, Place};
use crate::language::{mark, say, word};
use crate::words;

/// What separates visit and serial number in an id.
const BETWEEN: char = '\u{1f}';

/// How the rows are told.
const KINDS: [&str; 3] = [mark!("人员"), mark!("就诊"), mark!("明细")];
const PERSONS: usize = 0;
const LINES: usize = 2;

#[derive(Default)]
pub(super) struct Model {
    rows: RefCell<Vec<BehindRow>>,
    total: Cell<u64>,
    kind: Cell<usize>,
    /// The last answer that was about something else than rows.
    pub(super) last: RefCell<Option<Answer>>,
}

impl Model {
    pub(super) fn keep(&self, answer: &Answer) {
        let all = answer.behind.iter().flat_map(|b| b.rows.iter().cloned());
        *self.rows.borrow_mut() = all.collect();
        self.total.set(answer.behind.iter().fold(0, |sum, b| b.total.saturating_add(sum)));
        self.kind.set(1);
    }

    pub(super) fn forget(&self) {
        self.rows.borrow_mut().clear();
        self.last.borrow_mut().take();
        self.total.set(0);
    }
}

/// Another way to tell the same rows.
pub(super) fn choose(app: &Rc<App>, kind: i32) {
    app.indicators.rows.kind.set(usize::try_from(kind).unwrap_or(1));
    super::show_below(app, None);
}

/// Heading and note; also which ways there are.
pub(super) fn words(app: &Rc<App>, scope: &str) -> (String, String) {
    let model = &app.indicators.rows;
    let face = app.window.global::<Indicators<'_>>();
    let kinds = KINDS.map(|kind| SharedString::from(word(kind)));
    face.set_kinds(ModelRc::new(VecModel::from_iter(kinds)));
    face.set_kind(i32::try_from(model.kind.get()).unwrap_or(1));
    let listed = u64::try_from(model.rows.borrow().len()).unwrap_or(u64::MAX);
    let total = model.total.get();
    let note = if listed < total {
        say!("共 {} 行，列出前 {} 行", words::count(total), words::count(listed))
    } else {
        say!("共 {} 行", words::count(total))
    };
    let title = if scope.is_empty() {
        say!("组成它的明细").to_owned()
    } else {
        say!("{} 的明细", scope)
    };
    (title, note)
}

/// Rows under a key: those with most first.
fn grouped<'a>(keys: impl Iterator<Item = &'a str>) -> Vec<(&'a str, u32)> {
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for key in keys.filter(|key| !key.is_empty()) {
        let count = counts.entry(key).or_default();
        *count = count.saturating_add(1);
    }
    let mut counts: Vec<(&str, u32)> = counts.into_iter().collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    counts
}

pub(super) fn items(app: &App) -> Vec<FigureItem> {
    let model = &app.indicators.rows;
    let rows = model.rows.borrow();
    match model.kind.get() {
        PERSONS => {
            let name = |psn: &str| say!("人员 {}", mask::number(psn));
            counted(grouped(rows.iter().map(|r| r.psn_no.as_str())), name)
        }
        LINES => rows.iter().map(line).collect(),
        _ => {
            let name = |visit: &str| say!("就诊 {}", visit);
            counted(grouped(rows.iter().map(|r| r.mdtrt_id.as_str())), name)
        }
    }
}

fn counted(keys: Vec<(&str, u32)>, name: impl Fn(&str) -> String) -> Vec<FigureItem> {
    let most = keys.first().map_or(1, |v| v.1);
    let part = |n: u32| f32::from(u16::try_from(n).unwrap_or(u16::MAX));
    keys.into_iter()
        .map(|(key, n)| FigureItem {
            id: key.into(),
            name: name(key).into(),
            value: say!("{} 行", n).into(),
            share: part(n) / part(most).max(1.0),
            ..FigureItem::default()
        })
        .collect()
}

/// A fee line, a settlement, or a visit itself.
fn line(row: &BehindRow) -> FigureItem {
    let name = match (row.bkkp_sn.as_str(), row.setl_id.as_str()) {
        ("", "") => say!("就诊 {}", row.mdtrt_id),
        ("", settlement) => say!("结算 {}", settlement),
        (serial, _) => say!("明细 {}", serial),
    };
    let visit = if row.bkkp_sn.is_empty() && row.setl_id.is_empty() { "" } else { &row.mdtrt_id };
    FigureItem {
        id: format!("{}{BETWEEN}{}", row.mdtrt_id, row.bkkp_sn).into(),
        name: name.into(),
        value: visit.into(),
        ..FigureItem::default()
    }
}

/// A person, a visit, or a line with what was in force for it.
pub(super) fn open(app: &Rc<App>, id: &str) {
    match app.indicators.rows.kind.get() {
        PERSONS => app.go(Place::Person(id.to_owned())),
        LINES => match id.split_once(BETWEEN) {
            Some((visit, "")) => app.go(Place::Visit(visit.to_owned())),
            Some((visit, line)) => app.go(Place::Line(visit.to_owned(), line.to_owned())),
            None => {}
        },
        _ => app.go(Place::Visit(id.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_with_most_rows_come_first_and_absent_ones_not_at_all() {
        let keys = ["b", "a", "", "b", "c"];
        assert_eq!(grouped(keys.into_iter()), [("b", 2), ("a", 1), ("c", 1)]);
    }

    #[test]
    fn a_row_is_named_by_what_it_is() {
        let row = |setl_id: &str, bkkp_sn: &str| BehindRow {
            mdtrt_id: "M1".to_owned(),
            setl_id: setl_id.to_owned(),
            bkkp_sn: bkkp_sn.to_owned(),
            psn_no: "P1".to_owned(),
        };
        let named = |row: &BehindRow| line(row).name.to_string();
        assert_eq!(named(&row("S1", "12")), "明细 12");
        assert_eq!(named(&row("S1", "")), "结算 S1");
        assert_eq!(named(&row("", "")), "就诊 M1");
    }
}
