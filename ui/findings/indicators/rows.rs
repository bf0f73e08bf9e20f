//! The rows behind a figure: by person, by visit, or line by line, each a way further.
//!
//! The figure gives keys; what stands for them (whose, what, when, how much) is read page by page as somebody
//! looks, so that twenty thousand of them open as ten do. Names are covered as in every list.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use slint::{ComponentHandle, ModelRc, SharedString};
use spotcheck_app::behind::BehindTold;
use spotcheck_app::rules::indicators::{Answer, BehindRow};
use spotcheck_domain::claims::Instant;
use spotcheck_domain::mask;
use spotcheck_face::{FigureItem, Indicators};

use crate::app::{App, Place};
use crate::frame::trouble;
use crate::language::{mark, say, word};
use crate::paged::{PAGE_ROWS, PagedModel};
use crate::words;

/// What separates visit and serial number in an id.
const BETWEEN: char = '\u{1f}';

/// How the rows are told.
const KINDS: [&str; 3] = [mark!("人员"), mark!("就诊"), mark!("明细")];
const PERSONS: usize = 0;
const VISITS: usize = 1;
const LINES: usize = 2;

/// A row of the list: one of the keys, and for how many it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    row: BehindRow,
    rows: u32,
}

#[derive(Default)]
pub(super) struct Model {
    rows: RefCell<Vec<BehindRow>>,
    total: Cell<u64>,
    kind: Cell<usize>,
    /// What is listed: persons or visits with most rows first, or the rows themselves.
    entries: RefCell<Rc<Vec<Entry>>>,
    list: OnceCell<Rc<PagedModel<FigureItem>>>,
    /// The last answer that was about something else than rows.
    pub(super) last: RefCell<Option<Answer>>,
}

impl Model {
    pub(super) fn keep(&self, answer: &Answer) {
        let all = answer.behind.iter().flat_map(|b| b.rows.iter().cloned());
        *self.rows.borrow_mut() = all.collect();
        self.total.set(answer.behind.iter().fold(0, |sum, b| b.total.saturating_add(sum)));
        self.tell(VISITS);
    }

    pub(super) fn forget(&self) {
        self.rows.borrow_mut().clear();
        self.last.borrow_mut().take();
        self.total.set(0);
        self.tell(VISITS);
    }

    /// Lists the same rows in this way, from the top.
    fn tell(&self, kind: usize) {
        self.kind.set(kind);
        let entries = entries(&self.rows.borrow(), kind);
        let count = entries.len();
        *self.entries.borrow_mut() = Rc::new(entries);
        if let Some(list) = self.list.get() {
            list.restart(Some(count));
        }
    }
}

pub(super) fn connect(app: &Rc<App>) {
    let weak = Rc::downgrade(app);
    let waiting = FigureItem { name: "…".into(), ..FigureItem::default() };
    let list = PagedModel::new(waiting, move |revision, page| {
        if let Some(app) = weak.upgrade() {
            fetch(&app, revision, page);
        }
    });
    // Connected once, when the window is built.
    let _before = app.indicators.rows.list.set(list);
}

/// Another way to tell the same rows.
pub(super) fn choose(app: &Rc<App>, kind: i32) {
    app.indicators.rows.tell(usize::try_from(kind).unwrap_or(VISITS));
    super::show_below(app, None);
}

/// Heading and note; also which ways there are.
pub(super) fn words(app: &Rc<App>, scope: &str) -> (String, String) {
    let model = &app.indicators.rows;
    let face = app.window.global::<Indicators<'_>>();
    let kinds = KINDS.map(|kind| SharedString::from(word(kind)));
    face.set_kinds(ModelRc::new(slint::VecModel::from_iter(kinds)));
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

/// The list; rows come as they are looked at.
pub(super) fn items(app: &App) -> ModelRc<FigureItem> {
    let list = app.indicators.rows.list.get();
    list.map(|list| ModelRc::from(Rc::clone(list))).unwrap_or_default()
}

/// Persons or visits, those with most rows first; one of their rows stands for each.
fn entries(rows: &[BehindRow], kind: usize) -> Vec<Entry> {
    let one = |row: &BehindRow| Entry { row: row.clone(), rows: 1 };
    if kind == LINES {
        return rows.iter().map(one).collect();
    }
    let key = |row: &BehindRow| {
        if kind == PERSONS { row.psn_no.clone() } else { row.mdtrt_id.clone() }
    };
    let mut known: BTreeMap<String, Entry> = BTreeMap::new();
    for row in rows.iter().filter(|row| !key(row).is_empty()) {
        let visit = BehindRow { setl_id: String::new(), bkkp_sn: String::new(), ..row.clone() };
        let entry = known.entry(key(row)).or_insert(Entry { row: visit, rows: 0 });
        entry.rows = entry.rows.saturating_add(1);
    }
    let mut all: Vec<(String, Entry)> = known.into_iter().collect();
    all.sort_by(|a, b| b.1.rows.cmp(&a.1.rows).then(a.0.cmp(&b.0)));
    all.into_iter().map(|(_, entry)| entry).collect()
}

/// Reads what stands for one page of the list.
fn fetch(app: &Rc<App>, revision: u64, page: u32) {
    let Some(task) = app.task_id() else { return };
    let model = &app.indicators.rows;
    let kind = model.kind.get();
    let begin = usize::try_from(page.saturating_mul(PAGE_ROWS)).unwrap_or(usize::MAX);
    let length = usize::try_from(PAGE_ROWS).unwrap_or(usize::MAX);
    let wanted: Vec<Entry> = {
        let entries = model.entries.borrow();
        entries.iter().skip(begin).take(length).cloned().collect()
    };
    let keys: Vec<BehindRow> = wanted.iter().map(|entry| entry.row.clone()).collect();
    app.ask_result(
        move |desk| desk.behind_told(&task, &keys),
        move |app, told| {
            let list = app.indicators.rows.list.get();
            let Some(list) = list.filter(|list| list.is_current(revision)) else { return };
            match told {
                Ok(told) => {
                    let both = wanted.iter().zip(&told);
                    let items = both.map(|(entry, told)| item(entry, told, kind)).collect();
                    list.accept(revision, page, items);
                }
                Err(trouble) => {
                    list.failed(revision, page);
                    trouble::show(app, &trouble);
                }
            }
        },
    );
}

/// `11-09 → 11-18`.
fn dates((begin, end): (Option<Instant>, Option<Instant>)) -> String {
    let (begin, end) = (words::month_day(begin), words::month_day(end));
    if end.is_empty() || end == begin { begin } else { format!("{begin} → {end}") }
}

fn joined(parts: &[&str]) -> String {
    parts.iter().copied().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
}

/// A person, a visit, a settlement, or a fee line with its item, day and amount.
fn item(entry: &Entry, told: &BehindTold, kind: usize) -> FigureItem {
    let row = &entry.row;
    // Of a visit that the package does not hold nothing is known, its kind included.
    let kind_words = match told.visit {
        (None, None) => String::new(),
        _ => words::visit_type(told.med_type.as_deref()),
    };
    let visit = joined(&[&kind_words, &dates(told.visit)]);
    let many = say!("{} 行", words::count(u64::from(entry.rows)));
    let (id, name, note, value) = match kind {
        PERSONS => {
            let number = say!("人员 {}", mask::number(&row.psn_no));
            (row.psn_no.clone(), told.person.clone(), number, many)
        }
        LINES => {
            let name = match (row.bkkp_sn.as_str(), row.setl_id.as_str()) {
                ("", "") => visit,
                ("", settlement) => say!("结算 {}", settlement),
                (serial, _) => told.item.clone().unwrap_or_else(|| say!("明细 {}", serial)),
            };
            let when = match told.at {
                Some(at) => words::month_day(Some(at)),
                None => dates(told.visit),
            };
            let id = format!("{}{BETWEEN}{}", row.mdtrt_id, row.bkkp_sn);
            let whose = joined(&[&told.person, &when, &say!("就诊号 {}", row.mdtrt_id)]);
            (id, name, whose, words::yuan_or_none(told.amount))
        }
        _ => {
            let number = say!("就诊号 {}", row.mdtrt_id);
            (row.mdtrt_id.clone(), joined(&[&told.person, &visit]), number, many)
        }
    };
    // Of a visit that the package does not hold the key is all there is.
    let (name, note) = if name.is_empty() { (note, String::new()) } else { (name, note) };
    FigureItem {
        id: id.into(),
        name: name.into(),
        formula: note.into(),
        value: value.into(),
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
    use spotcheck_domain::{Amount, BeijingTime, Precision};

    fn row(visit: &str, setl_id: &str, bkkp_sn: &str) -> BehindRow {
        BehindRow {
            mdtrt_id: visit.to_owned(),
            setl_id: setl_id.to_owned(),
            bkkp_sn: bkkp_sn.to_owned(),
            psn_no: "3199000000006620".to_owned(),
        }
    }

    #[test]
    fn keys_with_most_rows_come_first_and_absent_ones_not_at_all() {
        let rows = ["b", "a", "", "b", "c"].map(|visit| row(visit, "S", "1"));
        let found: Vec<(String, u32)> =
            entries(&rows, VISITS).into_iter().map(|e| (e.row.mdtrt_id, e.rows)).collect();
        assert_eq!(found, [("b".to_owned(), 2), ("a".to_owned(), 1), ("c".to_owned(), 1)]);
        assert_eq!(entries(&rows, PERSONS).len(), 1);
        assert_eq!(entries(&rows, LINES).len(), 5);
    }

    /// A number says nothing to anybody: whose, what, when and how much.
    #[test]
    fn a_row_says_whose_what_when_and_how_much() {
        let at = |s: i64| Some(Instant { at: BeijingTime::from_seconds(s), p: Precision::Day });
        let told = BehindTold {
            person: "甄*例".to_owned(),
            med_type: Some("21".to_owned()),
            visit: (at(1_794_182_400), at(1_794_960_000)),
            item: Some("床位费(三人间)".to_owned()),
            at: at(1_794_268_800),
            amount: Amount::parse("38").ok(),
        };
        let said = |row: BehindRow, told: &BehindTold, kind| {
            let item = item(&Entry { row, rows: 7 }, told, kind);
            [item.name.to_string(), item.formula.to_string(), item.value.to_string()]
        };
        assert_eq!(
            said(row("M1", "S1", "12"), &told, LINES),
            ["床位费(三人间)", "甄*例 · 11-10 · 就诊号 M1", "¥38.00"]
        );
        assert_eq!(
            said(row("M1", "", ""), &told, VISITS),
            ["甄*例 · 住院 · 11-09 → 11-18", "就诊号 M1", "7 行"]
        );
        assert_eq!(said(row("M1", "", ""), &told, PERSONS), ["甄*例", "人员 ****6620", "7 行"]);
        let unknown = BehindTold::default();
        assert_eq!(said(row("M1", "S1", "12"), &unknown, LINES)[0], "明细 12");
        assert_eq!(said(row("M1", "S1", ""), &unknown, LINES)[0], "结算 S1");
        assert_eq!(said(row("M1", "", ""), &unknown, VISITS)[0], "就诊号 M1");
    }
}
