//! One person: masked until the officer asks for the name; both views are journaled by the desk.

use std::cell::RefCell;
use std::rc::Rc;

use slint::{ComponentHandle, ModelRc, SharedString, VecModel};
use spotcheck_domain::claims::{PersonView, VisitRow};
use spotcheck_domain::{Trouble, mask};
use spotcheck_face::{PairItem, Person, VisitItem};

use crate::app::{App, Place};
use crate::status::{pair, pairs};
use crate::{trouble, words};

#[derive(Default)]
pub(crate) struct Model {
    view: RefCell<Option<PersonView>>,
}

/// Head data; `shown` unmasks.
pub(crate) fn facts(view: &PersonView, shown: bool) -> Vec<PairItem> {
    let number = |text: &str| if shown { text.to_owned() } else { mask::number(text) };
    let mut facts = vec![pair("人员编号", &number(&view.psn_no))];
    if let Some(certno) = &view.certno {
        facts.push(pair("证件号码", &number(certno)));
    }
    if let Some(tel) = &view.tel {
        facts.push(pair("电话", &number(tel)));
    }
    facts.push(pair("出生日期", &words::instant(view.brdy)));
    if let Some(died) = view.die_date {
        facts.push(pair("死亡日期", &died.display()));
    }
    if let Some(employer) = &view.emp_name {
        facts.push(pair("单位", employer));
    }
    facts
}

/// A visit as a row.
pub(crate) fn visit_item(row: &VisitRow) -> VisitItem {
    let begin = words::month_day(row.begntime);
    let end = words::month_day(row.endtime);
    let dates = if end.is_empty() || end == begin { begin } else { format!("{begin} → {end}") };
    let mut note: Vec<String> = Vec::new();
    if let Some(name) = &row.dscg_maindiag_name {
        note.push(name.clone());
    }
    if let Some(name) = &row.dept_name {
        note.push(name.clone());
    }
    note.push(format!("{} 行", words::count(row.fee_lines)));
    VisitItem {
        id: row.mdtrt_id.as_str().into(),
        dates: dates.into(),
        title: words::visit_type(row.med_type.as_deref()).into(),
        note: note.join(" · ").into(),
        amount: words::yuan(row.medfee_sumamt).into(),
        inpatient: words::is_stay(row.med_type.as_deref()),
    }
}

pub(crate) fn connect(app: &Rc<App>) {
    let face = app.window.global::<Person<'_>>();
    face.on_reveal(app.on(reveal));
    face.on_open(app.on_with(|app, id: SharedString| app.go(Place::Visit(id.to_string()))));
    face.on_newest(app.on(|app| {
        let newest = app
            .person
            .view
            .borrow()
            .as_ref()
            .and_then(|v| v.visits.first().map(|visit| visit.mdtrt_id.clone()));
        if let Some(id) = newest {
            app.go(Place::Visit(id));
        }
    }));
}

pub(crate) fn enter(app: &Rc<App>, psn_no: &str) {
    let same = app.person.view.borrow().as_ref().is_some_and(|v| v.psn_no == psn_no);
    if same {
        return;
    }
    forget(app);
    load(app, psn_no.to_owned(), "person", false);
}

/// Forgets the person on the screen.
pub(crate) fn forget(app: &Rc<App>) {
    app.person.view.borrow_mut().take();
    let face = app.window.global::<Person<'_>>();
    face.set_name("".into());
    face.set_note("".into());
    face.set_shown(false);
    face.set_facts(ModelRc::default());
    face.set_visits(ModelRc::default());
}

fn load(app: &Rc<App>, psn_no: String, screen: &'static str, shown: bool) {
    let Some(task) = app.task_id() else { return };
    app.ask(
        move |desk| desk.person(&task, &psn_no, screen),
        move |app, view| match view {
            Some(view) => {
                *app.person.view.borrow_mut() = Some(view);
                draw(app, shown);
            }
            None => trouble::show(
                app,
                &Trouble::new(
                    "UI-PERSON-UNKNOWN",
                    "数据包里没有这个人",
                    "数据没有动过",
                    "返回后换一种查法",
                ),
            ),
        },
    );
}

/// Shows the name, which is an access of its own in the journal, or covers it again.
fn reveal(app: &Rc<App>) {
    let Some(psn_no) = app.person.view.borrow().as_ref().map(|v| v.psn_no.clone()) else { return };
    if app.window.global::<Person<'_>>().get_shown() {
        draw(app, false);
    } else {
        load(app, psn_no, "person-unmasked", true);
    }
}

fn draw(app: &Rc<App>, shown: bool) {
    let Some(view) = app.person.view.borrow().clone() else { return };
    let face = app.window.global::<Person<'_>>();
    let name = if shown { view.psn_name.clone() } else { mask::name(&view.psn_name) };
    face.set_name(name.into());
    face.set_note(
        format!(
            "{} · {}",
            words::gender(view.gend.as_deref()),
            words::insurance(view.insutype.as_deref())
        )
        .into(),
    );
    face.set_shown(shown);
    face.set_facts(pairs(facts(&view, shown)));
    let stays = view.visits.iter().filter(|v| words::is_stay(v.med_type.as_deref())).count();
    face.set_visits_note(format!("住院 {stays} 次，共 {} 次", view.visits.len()).into());
    let rows: Vec<VisitItem> = view.visits.iter().map(visit_item).collect();
    face.set_visits(ModelRc::new(VecModel::from(rows)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake_desk::FakeDesk;
    use spotcheck_app::desk::Desk;

    #[test]
    fn numbers_are_masked_until_they_are_asked_for() {
        let mut desk = FakeDesk::new();
        let task = desk.tasks().unwrap()[0].task.id.clone();
        desk.check_package(&task).unwrap();
        let view = desk.person(&task, "P-0001", "test").unwrap().unwrap();
        let hidden: String = facts(&view, false).iter().map(|f| f.value.to_string()).collect();
        let shown: String = facts(&view, true).iter().map(|f| f.value.to_string()).collect();
        let certno = view.certno.as_deref().unwrap();
        assert!(!hidden.contains(certno) && shown.contains(certno));
        assert_eq!(visit_item(&view.visits[0]).dates, "11-09 → 11-18");
    }
}
