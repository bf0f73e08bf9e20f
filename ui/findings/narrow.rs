//! The list of findings narrowed to a department or a month, beside light and what they are about.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use slint::{ComponentHandle, ModelRc, SharedString, VecModel};
use spotcheck_app::rules::Finding;
use spotcheck_face::{NamedRow, Narrow};

use crate::app::{App, Place};
use crate::findings::suspicions;
use crate::frame::place;
use crate::language::say;

#[derive(Default)]
pub(crate) struct Model {
    /// Department by visit (`mdtrt_id`), of all visits that findings are about.
    departments: RefCell<BTreeMap<String, String>>,
    department: RefCell<Option<String>>,
    /// `yyyy-MM`.
    month: RefCell<Option<String>>,
    choosing: Cell<bool>,
}

fn month(finding: &Finding) -> Option<&str> {
    finding.date.as_deref().and_then(|day| day.get(..7))
}

impl Model {
    fn department_of(&self, finding: &Finding) -> Option<String> {
        self.departments.borrow().get(finding.mdtrt_id.as_ref()?).cloned()
    }

    pub(crate) fn holds(&self, finding: &Finding) -> bool {
        let of_month = match self.month.borrow().as_deref() {
            None => true,
            wanted => month(finding) == wanted,
        };
        let of_department = match self.department.borrow().as_ref() {
            None => true,
            wanted => self.department_of(finding).as_ref() == wanted,
        };
        of_month && of_department
    }

    /// What the list is narrowed to; empty: nothing.
    pub(crate) fn words(&self) -> Vec<String> {
        let chosen = [self.department.borrow().clone(), self.month.borrow().clone()];
        chosen.into_iter().flatten().collect()
    }

    /// Department and month.
    pub(crate) fn left(&self) -> (Option<String>, Option<String>) {
        (self.department.borrow().clone(), self.month.borrow().clone())
    }

    /// As it stood before the lock.
    pub(crate) fn come_back(&self, department: Option<String>, month: Option<String>) {
        *self.department.borrow_mut() = department;
        *self.month.borrow_mut() = month;
    }

    /// The whole list again.
    pub(crate) fn widen(&self) {
        self.department.borrow_mut().take();
        self.month.borrow_mut().take();
    }
}

/// Nothing is left of it under the lock, or with another package.
pub(crate) fn forget(app: &Rc<App>) {
    let model = &app.suspicions.narrow;
    model.widen();
    model.departments.borrow_mut().clear();
    model.choosing.set(false);
    let face = app.window.global::<Narrow<'_>>();
    face.set_choosing(false);
    face.set_departments(ModelRc::default());
    face.set_months(ModelRc::default());
}

pub(crate) fn connect(app: &Rc<App>) {
    let face = app.window.global::<Narrow<'_>>();
    face.on_open(app.on(open));
    face.on_department(app.on_with(|app, name: SharedString| {
        choose(app, &app.suspicions.narrow.department, &name);
    }));
    face.on_month(app.on_with(|app, month: SharedString| {
        choose(app, &app.suspicions.narrow.month, &month);
    }));
    face.on_close(app.on(|app| {
        step_back(app);
    }));
}

/// Back closes the choice first.
pub(crate) fn step_back(app: &Rc<App>) -> bool {
    let open = app.place() == Place::Suspicions && app.suspicions.narrow.choosing.replace(false);
    if open {
        app.window.global::<Narrow<'_>>().set_choosing(false);
        suspicions::draw(app);
    }
    open
}

/// The chosen one again takes the choice back.
fn choose(app: &Rc<App>, chosen: &RefCell<Option<String>>, value: &str) {
    {
        let mut chosen = chosen.borrow_mut();
        *chosen = if chosen.as_deref() == Some(value) { None } else { Some(value.to_owned()) };
    }
    place::remember(app);
    draw(app);
}

fn open(app: &Rc<App>) {
    app.suspicions.narrow.choosing.set(true);
    draw(app);
    app.window.global::<Narrow<'_>>().set_choosing(true);
    fetch_departments(app);
}

/// The list is narrowed to a department that nobody has asked for since the lock.
pub(crate) fn know_departments(app: &Rc<App>) {
    if app.suspicions.narrow.department.borrow().is_some() {
        fetch_departments(app);
    }
}

/// Where every visit that a finding is about belongs.
fn fetch_departments(app: &Rc<App>) {
    let Some(task) = app.task_id() else { return };
    let visits: BTreeSet<String> = {
        let findings = app.suspicions.findings.borrow();
        suspicions::principals(&findings).filter_map(|m| m.finding.mdtrt_id.clone()).collect()
    };
    let known = |id: &String| app.suspicions.narrow.departments.borrow().contains_key(id);
    if visits.iter().all(known) {
        return;
    }
    app.ask(
        move |desk| desk.departments(&task, &visits),
        |app, departments| {
            *app.suspicions.narrow.departments.borrow_mut() = departments;
            draw(app);
            if app.place() == Place::Suspicions {
                suspicions::draw(app);
            }
        },
    );
}

/// Rows with how many findings each has; the list stays narrowed by what else is chosen.
fn rows(counts: BTreeMap<String, usize>, chosen: Option<&str>) -> ModelRc<NamedRow> {
    let row = |(name, count): (String, usize)| NamedRow {
        done: chosen == Some(name.as_str()),
        state: say!("{} 条", count).into(),
        id: name.as_str().into(),
        title: name.into(),
        ..NamedRow::default()
    };
    ModelRc::new(VecModel::from_iter(counts.into_iter().map(row)))
}

fn draw(app: &App) {
    let model = &app.suspicions.narrow;
    let (mut departments, mut months) = (BTreeMap::new(), BTreeMap::new());
    for finding in suspicions::principals(&app.suspicions.findings.borrow()).map(|m| &m.finding) {
        if let Some(name) = model.department_of(finding) {
            let count: &mut usize = departments.entry(name).or_default();
            *count = count.saturating_add(1);
        }
        if let Some(month) = month(finding) {
            let count: &mut usize = months.entry(month.to_owned()).or_default();
            *count = count.saturating_add(1);
        }
    }
    let face = app.window.global::<Narrow<'_>>();
    face.set_departments(rows(departments, model.department.borrow().as_deref()));
    face.set_months(rows(months, model.month.borrow().as_deref()));
}
