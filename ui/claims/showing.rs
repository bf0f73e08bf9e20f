//! 示证: what the party may see, on a page of its own.
//!
//! Only this facility, this person, this finding. No other patient, no other facility's settlements, no
//! light, weight, rule or score, no penalty clause; what the rules merely hint at (grades L and Z) is not
//! shown at all. The name is covered until a journaled tap.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use serde::{Deserialize, Serialize};
use slint::{ComponentHandle, ModelRc, VecModel};
use spotcheck_app::findings::FindingState;
use spotcheck_app::rules::export::duty;
use spotcheck_app::rules::{Finding, LossMethod};
use spotcheck_domain::mask;
use spotcheck_face::{FeeItem, PairItem, ShowItem, Showing};

use crate::app::{App, Place};
use crate::claims::fees::Marks;
use crate::claims::{person, visit};
use crate::findings::suspicion;
use crate::findings::suspicions::Judged;
use crate::frame::noticed;
use crate::frame::status::pair;
use crate::language::{say, word};
use crate::words;

/// What is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum What {
    /// One finding.
    Finding(usize),
    /// The facts that were confirmed about one person.
    Person,
    /// The fees of one visit.
    Visit,
}

#[derive(Default)]
pub(crate) struct Model {
    shown: Cell<bool>,
    /// Person whose name may be shown: number and name.
    person: RefCell<Option<(String, String)>>,
}

/// Whether 示证 makes sense on a screen.
pub(crate) const fn of(place: &Place) -> Option<What> {
    match place {
        Place::Suspicion(n) => Some(What::Finding(*n)),
        Place::Person(_) => Some(What::Person),
        Place::Visit(_) => Some(What::Visit),
        _ => None,
    }
}

pub(crate) fn connect(app: &Rc<App>) {
    let face = app.window.global::<Showing<'_>>();
    face.on_reveal(app.on(reveal));
    face.on_fold(app.on_with(|app, row: i32| {
        app.visit.fees().fold(usize::try_from(row).unwrap_or(usize::MAX));
    }));
}

/// A finding as a fact to be checked; `None` for what is never shown to the party.
pub(crate) fn fact(finding: &Finding) -> Option<ShowItem> {
    let finding = finding.for_party()?;
    let title = finding.party.as_deref()?;
    let mut pairs: Vec<PairItem> = vec![pair(say!("事实"), &finding.reason)];
    if let Some(date) = &finding.date {
        pairs.push(pair(say!("日期"), date));
    }
    pairs.push(pair(say!("义务"), duty(&finding.clause)));
    if let Some(amount) = finding.amount {
        // What the fund lost is reckoned later and elsewhere (rules.md, Loss): until then neither that it lost nor
        // that it did not is said to the party.
        let how = match finding.loss_method {
            LossMethod::N => say!("明细金额，基金损失待经办核算"),
            _ => word(finding.method_words()),
        };
        pairs.push(pair(say!("涉及金额"), &format!("{} {how}", words::yuan(amount))));
    }
    Some(ShowItem { title: title.into(), facts: ModelRc::new(VecModel::from(pairs)) })
}

pub(crate) fn enter(app: &Rc<App>, what: &What) {
    let face = app.window.global::<Showing<'_>>();
    name_facility(app);
    face.set_rows(ModelRc::default());
    face.set_facts(ModelRc::default());
    face.set_note("".into());
    app.showing.shown.set(false);
    app.showing.person.borrow_mut().take();
    match what {
        What::Finding(n) => enter_finding(app, *n),
        What::Person => enter_person(app),
        What::Visit => enter_visit(app),
    }
    draw_name(app);
}

fn name_facility(app: &App) {
    let facility = app.task.borrow().as_ref().map(|c| c.task.facility.fixmedins_name.clone());
    app.window.global::<Showing<'_>>().set_facility(facility.unwrap_or_default().into());
}

/// Whose house it is, and nothing else.
pub(crate) fn cover_up(app: &Rc<App>) {
    forget(app);
    name_facility(app);
}

fn keep(app: &Rc<App>, psn_no: &str, name: &str) {
    *app.showing.person.borrow_mut() = Some((psn_no.to_owned(), name.to_owned()));
}

fn facts(app: &Rc<App>, facts: Vec<ShowItem>) {
    app.window.global::<Showing<'_>>().set_facts(ModelRc::new(VecModel::from(facts)));
}

fn enter_finding(app: &Rc<App>, n: usize) {
    let Some(finding) = app.suspicions.findings.borrow().get(n).map(|m| m.finding.clone()) else {
        return;
    };
    facts(app, fact(&finding).into_iter().collect());
    let (Some(task), Some(psn_no)) = (app.task_id(), finding.psn_no) else { return };
    app.ask(
        move |desk| desk.person(&task, &psn_no, "showing"),
        |app, view| {
            let showing = matches!(app.place(), Place::Showing(_));
            if let Some(view) = view.filter(|_| showing) {
                app.window.global::<Showing<'_>>().set_note(person::note(&view).into());
                keep(app, &view.psn_no, &view.psn_name);
                draw_name(app);
            }
        },
    );
}

fn enter_person(app: &Rc<App>) {
    let Some((view, _)) = app.person.view() else { return };
    app.window.global::<Showing<'_>>().set_note(person::note(&view).into());
    keep(app, &view.psn_no, &view.psn_name);
    let judged = Judged::of(app);
    let findings = app.suspicions.findings.borrow();
    let confirmed = findings.iter().filter(|m| {
        m.finding.psn_no.as_ref() == Some(&view.psn_no)
            && judged.state(&m.key) == Some(FindingState::Confirmed)
    });
    let list: Vec<ShowItem> = confirmed.filter_map(|m| fact(&m.finding)).collect();
    drop(findings);
    facts(app, list);
}

/// The same lines without any mark of the rules.
fn enter_visit(app: &Rc<App>) {
    let Some(view) = app.visit.view() else { return };
    let face = app.window.global::<Showing<'_>>();
    let mut note = vec![visit::title(&view)];
    note.extend(view.adm_dept_name.clone());
    // That the rules noticed something is ours alone: the party gets the whole list.
    let marked = app.visit.lists_noticed();
    if marked {
        visit::list_all(app);
    }
    // What is shown may be a part: then it says so.
    note.extend(app.visit.kind_words().map(|kind| say!("只列{}", kind)));
    face.set_note(note.join(" · ").into());
    keep(app, &view.psn_no, &view.psn_name);
    if !marked {
        app.visit.fees().restart(&app.visit.days_for_party(), Marks::default());
    }
    let rows: ModelRc<FeeItem> = ModelRc::from(app.visit.fees().clone());
    face.set_rows(rows);
}

/// Gives the visit its marks back when 示证 is left.
pub(crate) fn leave(app: &Rc<App>, place: &Place) {
    if !matches!(place, Place::Visit(_)) {
        return;
    }
    let Some(view) = app.visit.view() else { return };
    let face = app.window.global::<Showing<'_>>();
    if slint::Model::row_count(&face.get_rows()) > 0 {
        face.set_rows(ModelRc::default());
        app.visit.fees().restart(&app.visit.days(), noticed::marks(app, &view.mdtrt_id));
    }
}

/// Forgets what was shown.
pub(crate) fn forget(app: &Rc<App>) {
    app.showing.person.borrow_mut().take();
    app.showing.shown.set(false);
    let face = app.window.global::<Showing<'_>>();
    face.set_name("".into());
    face.set_note("".into());
    face.set_facts(ModelRc::default());
    face.set_rows(ModelRc::default());
}

fn draw_name(app: &Rc<App>) {
    let face = app.window.global::<Showing<'_>>();
    let shown = app.showing.shown.get();
    let name = app
        .showing
        .person
        .borrow()
        .as_ref()
        .map(|(_, name)| if shown { name.clone() } else { mask::name(name) });
    face.set_name(name.unwrap_or_else(|| say!("本机构").to_owned()).into());
    face.set_shown(shown);
}

/// The name, for a journaled tap; another tap covers it.
fn reveal(app: &Rc<App>) {
    if app.showing.shown.get() {
        app.showing.shown.set(false);
        return draw_name(app);
    }
    let Some((psn_no, _)) = app.showing.person.borrow().clone() else { return };
    let Some(task) = app.task_id() else { return };
    app.ask(
        move |desk| desk.person(&task, &psn_no, "showing-unmasked"),
        |app, view| {
            if view.is_some() && matches!(app.place(), Place::Showing(_)) {
                app.showing.shown.set(true);
                draw_name(app);
            }
        },
    );
}

/// 示证 from wherever it makes sense.
pub(crate) fn show(app: &Rc<App>) {
    let place = app.place();
    if let Some(what) = of(&place) {
        if let (What::Finding(_), Some((_, finding))) = (&what, suspicion::open_finding(app))
            && fact(&finding).is_none()
        {
            return app.toast(say!("线索跟踪类不向对方出示"));
        }
        app.go(Place::Showing(what));
    }
}

/// The hardware key: whoever presses it turns the screen to somebody. Where there is nothing that the party may
/// see, it sees a cover, and the same key takes that away.
pub(crate) fn show_key(app: &Rc<App>) {
    let place = app.place();
    let hint = || suspicion::open_finding(app).is_some_and(|(_, f)| fact(&f).is_none());
    match of(&place) {
        Some(What::Finding(_)) if hint() => app.go(Place::Cover),
        Some(what) => app.go(Place::Showing(what)),
        None => match place {
            Place::Cover => app.back(),
            // On 示证 the party may hold the handheld: its key does not lead back to the officer's screen.
            Place::Unlock | Place::Showing(_) => {}
            _ => app.go(Place::Cover),
        },
    }
}
