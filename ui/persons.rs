//! Person search: every change of the box asks again; a list of unknown length comes page by page.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use slint::{ComponentHandle, ModelRc, SharedString, VecModel};
use spotcheck_domain::claims::{ItemHit, Page, PersonHit, StaffHit, Ward};
use spotcheck_domain::mask;
use spotcheck_face::{NamedRow, PersonItem, Persons};

use crate::app::{App, Place};
use crate::language::{kept, say};
use crate::paged::{PAGE_ROWS, PagedModel};
use crate::suspicions::{self, Around};
use crate::{trouble, words};

pub(crate) struct Model {
    hits: Rc<PagedModel<PersonItem>>,
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
        let placeholder = PersonItem { loading: true, ..PersonItem::default() };
        let hits = PagedModel::new(placeholder, move |revision, page| {
            if let Some(app) = app.upgrade() {
                fetch(&app, revision, page);
            }
        });
        Self {
            hits,
            query: RefCell::default(),
            wards: RefCell::default(),
            ward: RefCell::default(),
            mode: Cell::new(0),
            running: Cell::new(false),
            owed: Cell::new(false),
        }
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
    face.on_open_other(app.on_with(|app, code: SharedString| {
        let code = code.to_string();
        let around =
            if app.persons.mode.get() == 1 { Around::Item(code) } else { Around::Staff(code) };
        app.drop_keyboard();
        suspicions::show_around(app, around);
    }));
}

/// A person in a bed: the bed leads, because that is how the list is walked.
fn bed_item(hit: &PersonHit) -> PersonItem {
    let mut row = item(hit);
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
    if app.persons.wards.borrow().is_empty() {
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
    fetch(app, revision, 0);
}

/// Forgets query, hits and wards.
pub(crate) fn forget(app: &Rc<App>) {
    app.persons.wards.borrow_mut().clear();
    app.window.global::<Persons<'_>>().set_wards(ModelRc::default());
    clear(app);
}

/// Empties the box and the list.
fn clear(app: &Rc<App>) {
    app.persons.query.borrow_mut().clear();
    app.persons.ward.borrow_mut().take();
    app.persons.hits.restart(Some(0));
    app.window.global::<Persons<'_>>().set_others(ModelRc::default());
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

fn show_others(app: &Rc<App>, rows: Vec<[String; 4]>) {
    let face = app.window.global::<Persons<'_>>();
    let full = u32::try_from(rows.len()).is_ok_and(|n| n >= PAGE_ROWS);
    let more = if full { say!(" 以上，再输几个字") } else { "" };
    face.set_note(say!("找到 {}{}", rows.len(), more).into());
    face.set_searched(true);
    let rows = rows.into_iter().map(|[id, title, note, state]| NamedRow {
        id: id.into(),
        title: title.into(),
        note: note.into(),
        state: state.into(),
        done: false,
    });
    face.set_others(ModelRc::new(VecModel::from_iter(rows)));
}

fn show(app: &Rc<App>, hits: &[PersonHit]) {
    let revision = app.persons.hits.restart(None);
    app.persons.hits.accept(revision, 0, hits.iter().map(item).collect());
    let face = app.window.global::<Persons<'_>>();
    face.set_searched(true);
    let full = u32::try_from(hits.len()).is_ok_and(|n| n >= PAGE_ROWS);
    let more = if full { say!(" 以上") } else { "" };
    face.set_note(say!("找到 {} 人{} · 姓名已遮盖", hits.len(), more).into());
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
