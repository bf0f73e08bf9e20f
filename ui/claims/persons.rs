//! Person search: every change of the box asks again; a list of unknown length comes page by page.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use serde::{Deserialize, Serialize};
use slint::{ComponentHandle, Model as _, ModelRc, SharedString, VecModel};
use spotcheck_domain::claims::{ItemHit, ItemVisit, Page, PersonHit, StaffHit, Ward};
use spotcheck_domain::{TroubleResult, mask};
use spotcheck_face::{NamedRow, PersonItem, Persons};

use crate::app::{App, Place};
use crate::claims::visit;
use crate::findings::suspicions::{self, Around};
use crate::frame::{left, place, trouble};
use crate::language::{kept, say};
use crate::paged::{PAGE_ROWS, PagedModel};
use crate::words;

pub(crate) struct Model {
    hits: Rc<PagedModel<PersonItem>>,
    /// Items, staff, or visits of one item.
    others: Rc<PagedModel<NamedRow>>,
    /// The item whose visits are listed (code, name).
    item: RefCell<Option<(String, String)>>,
    /// The only person that was found.
    single: RefCell<Option<String>>,
    /// The search was ended with Enter, by hand or by a scanner.
    entered: Cell<bool>,
    query: RefCell<String>,
    /// Wards in which somebody lies, and the one whose beds are listed.
    wards: RefCell<Vec<Ward>>,
    ward: RefCell<Option<String>>,
    /// 0 persons, 1 items, 2 staff.
    mode: Cell<i32>,
    /// One search at a time; what was typed meanwhile is owed.
    running: Cell<bool>,
    owed: Cell<bool>,
}

impl Model {
    pub(crate) fn new(app: Weak<App>) -> Self {
        let of_others = app.clone();
        let waiting = NamedRow { title: "…".into(), ..NamedRow::default() };
        let others = PagedModel::new(waiting, move |revision, page| {
            if let Some(app) = of_others.upgrade() {
                fetch_others(&app, revision, page);
            }
        });
        let placeholder = PersonItem { loading: true, ..PersonItem::default() };
        let hits = PagedModel::new(placeholder, move |revision, page| {
            if let Some(app) = app.upgrade() {
                fetch(&app, revision, page);
            }
        });
        Self {
            hits,
            others,
            item: RefCell::default(),
            single: RefCell::default(),
            entered: Cell::new(false),
            query: RefCell::default(),
            wards: RefCell::default(),
            ward: RefCell::default(),
            mode: Cell::new(0),
            running: Cell::new(false),
            owed: Cell::new(false),
        }
    }
}

/// What an officer searched for, or the ward whose beds were listed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Left {
    mode: i32,
    query: String,
    ward: Option<String>,
}

/// As it stands now.
pub(crate) fn left(app: &App) -> Option<Left> {
    let model = &app.persons;
    let left = Left {
        mode: model.mode.get(),
        query: model.query.borrow().clone(),
        ward: model.ward.borrow().clone(),
    };
    Some(left).filter(|left| *left != Left::default())
}

/// As it stood before the lock.
fn come_back(app: &Rc<App>, left: Left) {
    app.persons.mode.set(left.mode);
    let face = app.window.global::<Persons<'_>>();
    face.set_mode(left.mode);
    face.set_query(left.query.as_str().into());
    search(app, &left.query);
    if let Some(ward) = left.ward {
        let at = app.persons.wards.borrow().iter().position(|w| w.name == ward);
        choose_ward(app, at.and_then(|at| i32::try_from(at).ok()).unwrap_or(-1));
    }
}

/// A hit as a row: masked name, masked number.
pub(crate) fn item(hit: &PersonHit) -> PersonItem {
    let mut note = vec![words::gender(hit.gend.as_deref()).to_owned()];
    if let Some(born) = hit.brdy {
        let born = born.display();
        note.push(say!("{} 年生", born.get(0..4).unwrap_or(&born)));
    }
    note.push(words::insurance(hit.insutype.as_deref()));
    if let Some(bed) = &hit.bed {
        note.push(say!("{} 床", bed.trim_end_matches('床').trim()));
    }
    if let Some(certno) = &hit.certno {
        note.push(say!("证件 {}", mask::number(certno)));
    }
    PersonItem {
        id: hit.psn_no.as_str().into(),
        name: mask::name(&hit.psn_name).into(),
        note: note.join(" · ").into(),
        visits: say!("就诊 {}", words::count(hit.visits)).into(),
        last: words::month_day(hit.last_visit).into(),
        loading: false,
    }
}

pub(crate) fn connect(app: &Rc<App>) {
    let face = app.window.global::<Persons<'_>>();
    face.set_hits(ModelRc::from(app.persons.hits.clone()));
    face.on_search(app.on_with(|app, query: SharedString| search(app, &query)));
    face.on_open(app.on_with(|app, id: SharedString| app.go(Place::Person(id.to_string()))));
    face.on_choose_ward(app.on_with(choose_ward));
    face.on_choose_mode(app.on_with(|app, mode: i32| {
        let query = app.persons.query.borrow().clone();
        clear(app);
        app.persons.mode.set(mode);
        let face = app.window.global::<Persons<'_>>();
        face.set_mode(mode);
        face.set_query(query.as_str().into());
        search(app, &query);
    }));
    face.set_others(ModelRc::from(app.persons.others.clone()));
    face.on_open_other(app.on_with(|app, id: SharedString| open_other(app, id.to_string())));
    face.on_leave_item(app.on(leave_item));
    face.on_item_findings(app.on(|app| {
        let item = app.persons.item.borrow().clone();
        if let Some((code, _)) = item {
            app.drop_keyboard();
            suspicions::show_around(app, Around::Item(code));
        }
    }));
    face.on_accepted(app.on_with(|app, text: SharedString| accepted(app, &text)));
}

/// An item leads to the visits in which it was billed, a visit of it to its lines, staff to what they had to
/// do with.
fn open_other(app: &Rc<App>, id: String) {
    if id.is_empty() {
        return;
    }
    app.drop_keyboard();
    let item = app.persons.item.borrow().clone();
    match (app.persons.mode.get(), item) {
        (1, Some((code, name))) => visit::open_for(app, id, code, name),
        (1, None) => list_visits(app, id),
        _ => suspicions::show_around(app, Around::Staff(id)),
    }
}

fn list_visits(app: &Rc<App>, code: String) {
    let rows = &app.persons.others;
    let found = (0..rows.row_count()).filter_map(|n| rows.row_data(n)).find(|row| row.id == code);
    let name = found.map_or_else(|| code.clone(), |row| row.title.to_string());
    let Some(task) = app.task_id() else { return };
    let asked = code.clone();
    app.ask_busy(
        say!("正在找全院的就诊"),
        move |desk| desk.item_visits(&task, &asked, Page::first(PAGE_ROWS)),
        move |app, visits| {
            if app.persons.mode.get() != 1 {
                return;
            }
            app.window.global::<Persons<'_>>().set_item(name.as_str().into());
            *app.persons.item.borrow_mut() = Some((code, name));
            show_others(app, visits.iter().map(visit_row).collect());
        },
    );
}

/// Back to the items that were found.
fn leave_item(app: &Rc<App>) {
    app.persons.item.borrow_mut().take();
    app.window.global::<Persons<'_>>().set_item("".into());
    run(app);
}

/// What a scanner puts around a code: the symbology (`]C1`), start and stop of Code 39, a field name, control
/// characters. Nothing of it is part of an inpatient or ID number.
fn scanned(text: &str) -> String {
    let clean: String = text.chars().filter(|c| !c.is_control()).collect();
    let mut code = clean.trim();
    let symbology = |rest: &str| {
        let mut head = rest.chars();
        head.next().is_some_and(|c| c.is_ascii_alphabetic())
            && head.next().is_some_and(|c| c.is_ascii_alphanumeric())
    };
    if let Some(rest) = code.strip_prefix(']').filter(|rest| symbology(rest)) {
        code = rest.get(2..).unwrap_or_default();
    }
    let field = code.split_once([':', '：', '=']).filter(|(name, _)| name.chars().count() <= 8);
    if let Some((_, value)) = field {
        code = value;
    }
    code.trim_matches(|c: char| c == '*' || c == ';' || c.is_whitespace()).to_owned()
}

/// Enter: what was typed or scanned is searched for, and the only person that is found is opened.
fn accepted(app: &Rc<App>, text: &str) {
    let code = scanned(text);
    app.window.global::<Persons<'_>>().set_query(code.as_str().into());
    app.persons.entered.set(app.persons.mode.get() == 0 && !code.is_empty());
    search(app, &code);
    if !app.persons.running.get() {
        open_single(app);
    }
}

fn open_single(app: &Rc<App>) {
    let single = app.persons.single.borrow().clone();
    if let (true, Some(person)) = (app.persons.entered.replace(false), single) {
        app.drop_keyboard();
        app.go(Place::Person(person));
    }
}

/// A person in a bed: the bed leads, because that is how the list is walked.
fn bed_item(hit: &PersonHit) -> PersonItem {
    // The bed is said once, so that the end of the number fits.
    let mut row = item(&PersonHit { bed: None, ..hit.clone() });
    if let Some(bed) = &hit.bed {
        row.name = say!("{} 床  {}", bed.trim_end_matches('床').trim(), row.name).into();
    }
    let since = words::month_day(hit.last_visit);
    row.last = if since.is_empty() { since } else { say!("{} 入院", since) }.into();
    row
}

pub(crate) fn enter(app: &Rc<App>) {
    let face = app.window.global::<Persons<'_>>();
    let facility = app.task.borrow().as_ref().map(|c| c.task.facility.fixmedins_name.clone());
    face.set_facility(facility.unwrap_or_default().into());
    if !app.persons.wards.borrow().is_empty() {
        if let Some(left) = left::take(app, |left| left.persons.take()) {
            come_back(app, left);
        }
    } else {
        let Some(task) = app.task_id() else { return };
        app.ask(
            move |desk| desk.wards(&task),
            |app, mut wards| {
                wards.sort_by_cached_key(|ward| ward_order(&ward.name));
                let names: Vec<SharedString> =
                    wards.iter().map(|w| format!("{} {}", w.name, w.patients).into()).collect();
                *app.persons.wards.borrow_mut() = wards;
                let face = app.window.global::<Persons<'_>>();
                face.set_wards(ModelRc::new(VecModel::from(names)));
                if let Some(left) = left::take(app, |left| left.persons.take()) {
                    come_back(app, left);
                }
            },
        );
    }
}

/// 一病区 before 二病区 before 三病区, 内一 before 内二: numerals by value, everything else as written.
fn ward_order(name: &str) -> Vec<u32> {
    const NUMERALS: &str = kept!("〇一二三四五六七八九十");
    let value = |c: char| match NUMERALS.chars().position(|n| n == c) {
        Some(at) => u32::try_from(at).unwrap_or(0),
        None => u32::from(c),
    };
    name.chars().map(value).collect()
}

/// Lists the beds of a ward; the same one again goes back to the box.
fn choose_ward(app: &Rc<App>, n: i32) {
    let chosen = usize::try_from(n).ok();
    let ward = chosen.and_then(|n| app.persons.wards.borrow().get(n).map(|w| w.name.clone()));
    let same = *app.persons.ward.borrow() == ward;
    app.drop_keyboard();
    clear(app);
    let (Some(ward), false) = (ward, same) else { return };
    let face = app.window.global::<Persons<'_>>();
    face.set_ward(n);
    face.set_note(say!("{}在院，按床号 · 截至数据截止时间 · 姓名已遮盖", ward).into());
    face.set_searched(true);
    *app.persons.ward.borrow_mut() = Some(ward);
    let revision = app.persons.hits.restart(None);
    place::remember(app);
    fetch(app, revision, 0);
}

/// Forgets query, hits and wards.
pub(crate) fn forget(app: &Rc<App>) {
    app.persons.wards.borrow_mut().clear();
    app.persons.mode.set(0);
    let face = app.window.global::<Persons<'_>>();
    face.set_wards(ModelRc::default());
    face.set_mode(0);
    clear(app);
}

/// Empties the box and the list.
fn clear(app: &Rc<App>) {
    app.persons.query.borrow_mut().clear();
    app.persons.ward.borrow_mut().take();
    app.persons.hits.restart(Some(0));
    app.persons.others.restart(Some(0));
    app.persons.item.borrow_mut().take();
    app.persons.single.borrow_mut().take();
    app.window.global::<Persons<'_>>().set_item("".into());
    let face = app.window.global::<Persons<'_>>();
    face.set_query("".into());
    face.set_ward(-1);
    face.set_note("".into());
    face.set_searched(false);
}

fn search(app: &Rc<App>, query: &str) {
    let query = query.trim().to_owned();
    if *app.persons.query.borrow() == query {
        return;
    }
    *app.persons.query.borrow_mut() = query;
    place::remember(app);
    app.persons.single.borrow_mut().take();
    app.persons.item.borrow_mut().take();
    app.window.global::<Persons<'_>>().set_item("".into());
    app.persons.ward.borrow_mut().take();
    app.window.global::<Persons<'_>>().set_ward(-1);
    if app.persons.running.get() {
        app.persons.owed.set(true);
    } else {
        run(app);
    }
}

/// One search; the next one starts when the answer is here, with what is in the box by then.
fn run(app: &Rc<App>) {
    let query = app.persons.query.borrow().clone();
    if query.is_empty() {
        clear(app);
        return;
    }
    let Some(task) = app.task_id() else { return };
    app.persons.running.set(true);
    let mode = app.persons.mode.get();
    app.ask_result(
        move |desk| {
            let page = Page::first(PAGE_ROWS);
            Ok(match mode {
                0 => Found::Persons(desk.search_persons(&task, &query, page)?),
                1 => Found::Items(desk.search_items(&task, &query, page)?),
                _ => Found::Staff(desk.search_staff(&task, &query, page)?),
            })
        },
        move |app, result| {
            app.persons.running.set(false);
            if app.persons.owed.replace(false) || app.persons.mode.get() != mode {
                run(app);
                return;
            }
            match result {
                Ok(Found::Persons(hits)) => show(app, &hits),
                Ok(Found::Items(hits)) => show_others(app, hits.iter().map(item_row).collect()),
                Ok(Found::Staff(hits)) => show_others(app, hits.iter().map(staff_row).collect()),
                Err(trouble) => trouble::show(app, &trouble),
            }
        },
    );
}

/// What a search brings.
enum Found {
    Persons(Vec<PersonHit>),
    Items(Vec<ItemHit>),
    Staff(Vec<StaffHit>),
}

/// Id, title, note, side.
fn item_row(hit: &ItemHit) -> [String; 4] {
    let note = say!("{} · {} 行", hit.med_list_codg, words::count(hit.fee_lines));
    [hit.med_list_codg.clone(), hit.hilist_name.clone(), note, words::yuan(hit.amount)]
}

fn staff_row(hit: &StaffHit) -> [String; 4] {
    let kind = words::staff_type(hit.prac_psn_type.as_deref());
    let note: Vec<&str> = [Some(kind), hit.hosp_dept_name.as_deref(), Some(&hit.prac_psn_code)]
        .into_iter()
        .flatten()
        .filter(|w| !w.is_empty())
        .collect();
    [hit.prac_psn_code.clone(), hit.prac_psn_name.clone(), note.join(" · "), String::new()]
}

/// A person on the staff as a row of any list.
pub(crate) fn staff_named(hit: &StaffHit) -> NamedRow {
    named(staff_row(hit))
}

fn show_others(app: &Rc<App>, rows: Vec<[String; 4]>) {
    let face = app.window.global::<Persons<'_>>();
    let full = u32::try_from(rows.len()).is_ok_and(|n| n >= PAGE_ROWS);
    let more = if full { say!(" 以上") } else { "" };
    face.set_note(say!("找到 {}{}", rows.len(), more).into());
    face.set_searched(true);
    let revision = app.persons.others.restart(None);
    app.persons.others.accept(revision, 0, rows.into_iter().map(named).collect());
}

fn named([id, title, note, state]: [String; 4]) -> NamedRow {
    NamedRow {
        id: id.into(),
        title: title.into(),
        note: note.into(),
        state: state.into(),
        done: false,
    }
}

/// A visit of an item: whose it is (masked), when, how many lines.
fn visit_row(visit: &ItemVisit) -> [String; 4] {
    let begin = words::month_day(visit.begntime);
    let end = words::month_day(visit.endtime);
    let dates = if end.is_empty() || end == begin { begin } else { format!("{begin} → {end}") };
    let kind = words::visit_type(visit.med_type.as_deref());
    [
        visit.mdtrt_id.clone(),
        format!("{} {kind}", mask::name(&visit.psn_name)),
        say!("{} · {} 行", dates, words::count(visit.fee_lines)),
        words::yuan(visit.amount),
    ]
}

/// A later page of items, staff, or visits of an item.
fn fetch_others(app: &Rc<App>, revision: u64, page: u32) {
    let Some(task) = app.task_id() else { return };
    let query = app.persons.query.borrow().clone();
    let item = app.persons.item.borrow().clone();
    let mode = app.persons.mode.get();
    let offset = u64::from(page).saturating_mul(u64::from(PAGE_ROWS));
    let of = Page { offset, limit: PAGE_ROWS };
    app.ask_result(
        move |desk| {
            Ok(match (mode, item) {
                (1, Some((code, _))) => {
                    desk.item_visits(&task, &code, of)?.iter().map(visit_row).collect()
                }
                (1, None) => desk.search_items(&task, &query, of)?.iter().map(item_row).collect(),
                _ => desk.search_staff(&task, &query, of)?.iter().map(staff_row).collect(),
            })
        },
        move |app, result: TroubleResult<Vec<[String; 4]>>| match result {
            Ok(rows) => {
                let rows = rows.into_iter().map(named).collect();
                app.persons.others.accept(revision, page, rows);
            }
            Err(trouble) => {
                app.persons.others.failed(revision, page);
                trouble::show(app, &trouble);
            }
        },
    );
}

fn show(app: &Rc<App>, hits: &[PersonHit]) {
    let revision = app.persons.hits.restart(None);
    app.persons.hits.accept(revision, 0, hits.iter().map(item).collect());
    let face = app.window.global::<Persons<'_>>();
    face.set_searched(true);
    let full = u32::try_from(hits.len()).is_ok_and(|n| n >= PAGE_ROWS);
    let more = if full { say!(" 以上") } else { "" };
    face.set_note(say!("找到 {} 人{} · 姓名已遮盖", hits.len(), more).into());
    *app.persons.single.borrow_mut() = match hits {
        [one] => Some(one.psn_no.clone()),
        _ => None,
    };
    open_single(app);
}

fn fetch(app: &Rc<App>, revision: u64, page: u32) {
    let Some(task) = app.task_id() else { return };
    let query = app.persons.query.borrow().clone();
    let ward = app.persons.ward.borrow().clone();
    let offset = u64::from(page).saturating_mul(u64::from(PAGE_ROWS));
    let of = Page { offset, limit: PAGE_ROWS };
    let row = if ward.is_some() { bed_item } else { item };
    app.ask_result(
        move |desk| match &ward {
            Some(ward) => desk.in_ward(&task, ward, of),
            None => desk.search_persons(&task, &query, of),
        },
        move |app, result| match result {
            Ok(hits) => {
                app.persons.hits.accept(revision, page, hits.iter().map(row).collect());
            }
            Err(trouble) => {
                app.persons.hits.failed(revision, page);
                trouble::show(app, &trouble);
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use spotcheck_domain::claims::Instant;
    use spotcheck_domain::{BeijingTime, Precision};

    #[test]
    fn what_a_scanner_adds_is_no_part_of_the_number() {
        for (read, code) in [
            ("Z20261109006", "Z20261109006"),
            ("]C1Z20261109006\r", "Z20261109006"),
            ("*Z20261109006*", "Z20261109006"),
            ("\u{2}990101195907006620\u{3}", "990101195907006620"),
            ("住院号:Z20261109006", "Z20261109006"),
            ("ZYH=006", "006"),
            (" 甄示例 ", "甄示例"),
            ("买买提·示例", "买买提·示例"),
            ("]", "]"),
        ] {
            assert_eq!(scanned(read), code, "{read:?}");
        }
    }

    #[test]
    fn a_row_never_shows_the_whole_name_or_number() {
        let hit = PersonHit {
            psn_no: "P-1".to_owned(),
            psn_name: "欧阳示例".to_owned(),
            gend: Some("2".to_owned()),
            brdy: Some(Instant { at: BeijingTime::from_seconds(0), p: Precision::Day }),
            certno: Some("990101195001011234".to_owned()),
            insutype: Some("310".to_owned()),
            visits: 1_204,
            last_visit: None,
            bed: Some("06".to_owned()),
        };
        let row = item(&hit);
        assert_eq!(row.name, "欧**例");
        assert_eq!(row.note, "女 · 1970 年生 · 职工医保 · 06 床 · 证件 ****1234");
        assert_eq!(row.visits, "就诊 1,204");
    }
}
