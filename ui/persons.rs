//! Person search: every change of the box asks again; a list of unknown length comes page by page.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use slint::{ComponentHandle, ModelRc, SharedString};
use spotcheck_domain::claims::{Page, PersonHit};
use spotcheck_domain::mask;
use spotcheck_face::{PersonItem, Persons};

use crate::app::{App, Place};
use crate::paged::{PAGE_ROWS, PagedModel};
use crate::{trouble, words};

pub(crate) struct Model {
    hits: Rc<PagedModel<PersonItem>>,
    query: RefCell<String>,
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
        Self { hits, query: RefCell::default(), running: Cell::new(false), owed: Cell::new(false) }
    }
}

/// A hit as a row: masked name, masked number.
pub(crate) fn item(hit: &PersonHit) -> PersonItem {
    let mut note = vec![words::gender(hit.gend.as_deref()).to_owned()];
    if let Some(born) = hit.brdy {
        let born = born.display();
        note.push(format!("{} 年生", born.get(0..4).unwrap_or(&born)));
    }
    note.push(words::insurance(hit.insutype.as_deref()));
    if let Some(bed) = &hit.bed {
        note.push(format!("{bed} 床"));
    }
    if let Some(certno) = &hit.certno {
        note.push(format!("证件 {}", mask::number(certno)));
    }
    PersonItem {
        id: hit.psn_no.as_str().into(),
        name: mask::name(&hit.psn_name).into(),
        note: note.join(" · ").into(),
        visits: format!("就诊 {}", words::count(hit.visits)).into(),
        last: words::month_day(hit.last_visit).into(),
        loading: false,
    }
}

pub(crate) fn connect(app: &Rc<App>) {
    let face = app.window.global::<Persons<'_>>();
    face.set_hits(ModelRc::from(app.persons.hits.clone()));
    face.on_search(app.on_with(|app, query: SharedString| search(app, &query)));
    face.on_open(app.on_with(|app, id: SharedString| app.go(Place::Person(id.to_string()))));
}

pub(crate) fn enter(app: &Rc<App>) {
    let face = app.window.global::<Persons<'_>>();
    let facility = app.task.borrow().as_ref().map(|c| c.task.facility.fixmedins_name.clone());
    face.set_facility(facility.unwrap_or_default().into());
}

/// Forgets query and hits.
pub(crate) fn forget(app: &Rc<App>) {
    app.persons.query.borrow_mut().clear();
    app.persons.hits.restart(Some(0));
    let face = app.window.global::<Persons<'_>>();
    face.set_query("".into());
    face.set_note("".into());
    face.set_searched(false);
}

fn search(app: &Rc<App>, query: &str) {
    let query = query.trim().to_owned();
    if *app.persons.query.borrow() == query {
        return;
    }
    *app.persons.query.borrow_mut() = query;
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
        forget(app);
        return;
    }
    let Some(task) = app.task_id() else { return };
    app.persons.running.set(true);
    app.ask_result(
        move |desk| desk.search_persons(&task, &query, Page::first(PAGE_ROWS)),
        |app, result| {
            app.persons.running.set(false);
            if app.persons.owed.replace(false) {
                run(app);
                return;
            }
            match result {
                Ok(hits) => show(app, &hits),
                Err(trouble) => trouble::show(app, &trouble),
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
    let more = if full { " 以上" } else { "" };
    face.set_note(format!("找到 {} 人{more} · 姓名已遮盖", hits.len()).into());
}

fn fetch(app: &Rc<App>, revision: u64, page: u32) {
    let Some(task) = app.task_id() else { return };
    let query = app.persons.query.borrow().clone();
    let offset = u64::from(page).saturating_mul(u64::from(PAGE_ROWS));
    app.ask_result(
        move |desk| desk.search_persons(&task, &query, Page { offset, limit: PAGE_ROWS }),
        move |app, result| match result {
            Ok(hits) => {
                app.persons.hits.accept(revision, page, hits.iter().map(item).collect());
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
