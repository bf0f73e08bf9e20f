//! One person: masked until the officer asks for the name; every look is journaled by the desk.
//!
//! A year at a glance, then a life in visits: those of the package filled, those elsewhere hollow and without
//! their diagnosis until a reason was chosen.

pub(crate) mod tags;
mod year;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use slint::{ComponentHandle, ModelRc, SharedString, VecModel};
use spotcheck_domain::claims::{Instant, PersonView, VisitElsewhere, VisitRow};
use spotcheck_domain::time::beijing_date;
use spotcheck_domain::{Trouble, mask};
use spotcheck_face::{LifeItem, PairItem, Person};

use crate::app::{App, Place};
use crate::frame::status::{pair, pairs};
use crate::frame::{noticed, trouble};
use crate::language::{mark, say, word};
use crate::words;
use year::{draw_year, year_of};

/// Why somebody may look at diagnoses from elsewhere; the words stand in the journal.
const REASONS: [&str; 3] = [mark!("核对重叠住院"), mark!("核对重复开药"), mark!("核对病史")];
/// Two stays that lie no further apart are worth a row of their own (`rules`: A01, A02).
const NEAR_DAYS: i64 = 15;

#[derive(Default)]
pub(crate) struct Model {
    view: RefCell<Option<PersonView>>,
    elsewhere: RefCell<Vec<VisitElsewhere>>,
    shown: Cell<bool>,
    year: Cell<i32>,
    /// A reason was given for the diagnoses from elsewhere.
    unveiled: Cell<bool>,
}

impl Model {
    /// The person on the screen, and whether the name is shown.
    pub(crate) fn view(&self) -> Option<(PersonView, bool)> {
        self.view.borrow().clone().map(|view| (view, self.shown.get()))
    }
}

/// Head data; `shown` unmasks.
pub(crate) fn facts(view: &PersonView, shown: bool) -> Vec<PairItem> {
    let number = |text: &str| if shown { text.to_owned() } else { mask::number(text) };
    let mut facts = vec![pair(say!("人员编号"), &number(&view.psn_no))];
    if let Some(certno) = &view.certno {
        facts.push(pair(say!("证件号码"), &number(certno)));
    }
    if let Some(tel) = &view.tel {
        facts.push(pair(say!("电话"), &number(tel)));
    }
    facts.push(pair(say!("出生日期"), &words::instant(view.brdy)));
    if let Some(died) = view.die_date {
        facts.push(pair(say!("死亡日期"), &died.display()));
    }
    if let Some(employer) = &view.emp_name {
        facts.push(pair(say!("单位"), employer));
    }
    facts
}

/// `11-09 → 11-18`.
fn dates(begin: Option<Instant>, end: Option<Instant>) -> String {
    let (begin, end) = (words::month_day(begin), words::month_day(end));
    if end.is_empty() || end == begin { begin } else { format!("{begin} → {end}") }
}

fn own_row(row: &VisitRow, light: i32) -> LifeItem {
    let mut note: Vec<String> = Vec::new();
    // First, so that it is read where the row is cut.
    if row.repeated_days > 0 {
        note.push(say!("同日同项 {} 天", words::count(row.repeated_days)));
    }
    note.extend(row.dscg_maindiag_name.clone());
    note.extend(row.dept_name.clone());
    note.push(say!("{} 行", words::count(row.fee_lines)));
    LifeItem {
        id: row.mdtrt_id.as_str().into(),
        own: true,
        between: false,
        dates: dates(row.begntime, row.endtime).into(),
        title: words::visit_type(row.med_type.as_deref()).into(),
        note: note.join(" · ").into(),
        amount: words::yuan(row.medfee_sumamt).into(),
        light,
    }
}

fn elsewhere_row(visit: &VisitElsewhere) -> LifeItem {
    let mut note: Vec<String> = Vec::new();
    note.push(visit.fixmedins_name.clone().unwrap_or_else(|| say!("机构名称未上传").to_owned()));
    note.extend(visit.diag_name.clone());
    LifeItem {
        dates: dates(visit.begntime, visit.endtime).into(),
        title: say!("他处 {}", words::visit_type(visit.med_type.as_deref())).into(),
        note: note.join(" · ").into(),
        amount: words::yuan_or_none(visit.medfee_sumamt).into(),
        light: -1,
        ..LifeItem::default()
    }
}

/// A stay's days, first and last, for what lies between two of them.
struct Stay {
    begin: i64,
    end: i64,
    diagnosis: Option<String>,
}

/// What lies between this stay and the next later one, where they are near.
fn between(stay: &Stay, later: &Stay) -> Option<LifeItem> {
    let days = later.begin.saturating_sub(stay.end);
    if days > NEAR_DAYS {
        return None;
    }
    let mut text = if days < 0 {
        say!("两次住院重叠 {} 天", days.unsigned_abs())
    } else {
        say!("间隔 {} 天", days)
    };
    if stay.diagnosis.is_some() && stay.diagnosis == later.diagnosis {
        text.push_str(say!("，诊断相同"));
    }
    Some(LifeItem { between: true, title: text.into(), light: -1, ..LifeItem::default() })
}

/// Every visit, newest first, with what lies between two near stays.
pub(crate) fn life(
    view: &PersonView,
    elsewhere: &[VisitElsewhere],
    lights: &BTreeMap<String, i32>,
) -> Vec<LifeItem> {
    let stay =
        |begin: Option<Instant>, end: Option<Instant>, med: Option<&str>, diag: Option<&String>| {
            let begin = begin?.at.day();
            words::is_stay(med).then(|| Stay {
                begin,
                end: end.map_or(begin, |e| e.at.day()),
                diagnosis: diag.cloned(),
            })
        };
    let mut rows: Vec<(i64, LifeItem, Option<Stay>)> = Vec::new();
    for v in &view.visits {
        let at = v.begntime.map_or(i64::MIN, |t| t.at.seconds());
        let stay =
            stay(v.begntime, v.endtime, v.med_type.as_deref(), v.dscg_maindiag_name.as_ref());
        let light = lights.get(&v.mdtrt_id).copied().unwrap_or(-1);
        rows.push((at, own_row(v, light), stay));
    }
    for v in elsewhere {
        let at = v.begntime.map_or(i64::MIN, |t| t.at.seconds());
        let stay = stay(v.begntime, v.endtime, v.med_type.as_deref(), v.diag_name.as_ref());
        rows.push((at, elsewhere_row(v), stay));
    }
    rows.sort_by_key(|(at, ..)| std::cmp::Reverse(*at));
    let mut items = Vec::with_capacity(rows.len());
    // The later stay and the place below its row: what lies between two stays belongs there, whatever else was then.
    let mut later: Option<(Stay, usize)> = None;
    for (_, item, stay) in rows {
        let Some(stay) = stay else {
            items.push(item);
            continue;
        };
        if let Some((later, below)) = &later
            && let Some(between) = between(&stay, later)
        {
            items.insert(*below, between);
        }
        items.push(item);
        later = Some((stay, items.len()));
    }
    items
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
    face.on_turn(app.on_with(|app, years: i32| {
        app.person.year.set(app.person.year.get().saturating_add(years));
        draw_year(app);
    }));
    face.on_hit(app.on_with(|app, n: i32| {
        app.go(Place::Suspicion(usize::try_from(n).unwrap_or(0)));
    }));
    face.on_unveil(app.on_with(unveil));
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
    app.person.elsewhere.borrow_mut().clear();
    app.person.shown.set(false);
    app.person.unveiled.set(false);
    let face = app.window.global::<Person<'_>>();
    face.set_name("".into());
    face.set_note("".into());
    face.set_shown(false);
    face.set_tab(0);
    face.set_veiled(false);
    face.set_veil_open(false);
    face.set_tags(ModelRc::default());
    face.set_facts(ModelRc::default());
    face.set_life(ModelRc::default());
    face.set_spans(ModelRc::default());
    face.set_lights(ModelRc::default());
    face.set_counts(ModelRc::default());
    face.set_hits(ModelRc::default());
    face.set_year("".into());
    face.set_year_words("".into());
}

fn load(app: &Rc<App>, psn_no: String, screen: &'static str, shown: bool) {
    let Some(task) = app.task_id() else { return };
    app.ask(
        move |desk| {
            let Some(view) = desk.person(&task, &psn_no, screen)? else { return Ok(None) };
            let elsewhere = desk.elsewhere(&task, &psn_no, None)?;
            Ok(Some((view, elsewhere)))
        },
        move |app, found| match found {
            Some((view, elsewhere)) => {
                let newest = view.visits.iter().find_map(|v| year_of(v.begntime));
                let before = app.person.view.borrow().as_ref().map(|v| v.psn_no.clone());
                if before.as_ref() != Some(&view.psn_no) {
                    let today = beijing_date(app.clock.read().wall_ms);
                    let year = newest.or_else(|| today.get(0..4)?.parse().ok());
                    app.person.year.set(year.unwrap_or(0));
                    *app.person.elsewhere.borrow_mut() = elsewhere;
                }
                *app.person.view.borrow_mut() = Some(view);
                app.person.shown.set(shown);
                draw(app);
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
    if app.person.shown.get() {
        app.person.shown.set(false);
        draw(app);
    } else {
        load(app, psn_no, "person-unmasked", true);
    }
}

/// Diagnoses from elsewhere, for the reason that was chosen.
fn unveil(app: &Rc<App>, n: i32) {
    let Some(reason) = usize::try_from(n).ok().and_then(|n| REASONS.get(n)) else { return };
    let Some(psn_no) = app.person.view.borrow().as_ref().map(|v| v.psn_no.clone()) else { return };
    let Some(task) = app.task_id() else { return };
    let asked = psn_no.clone();
    app.ask(
        move |desk| desk.elsewhere(&task, &asked, Some(reason)),
        move |app, elsewhere| {
            if app.person.view.borrow().as_ref().is_some_and(|v| v.psn_no == psn_no) {
                *app.person.elsewhere.borrow_mut() = elsewhere;
                app.person.unveiled.set(true);
                draw(app);
            }
        },
    );
}

fn draw(app: &Rc<App>) {
    let Some((view, shown)) = app.person.view() else { return };
    let face = app.window.global::<Person<'_>>();
    let name = if shown { view.psn_name.clone() } else { mask::name(&view.psn_name) };
    face.set_name(name.into());
    face.set_note(note(&view).into());
    face.set_shown(shown);
    face.set_facts(pairs(facts(&view, shown)));
    let elsewhere = app.person.elsewhere.borrow().clone();
    face.set_veiled(!elsewhere.is_empty() && !app.person.unveiled.get());
    let reasons: Vec<SharedString> = REASONS.iter().map(|r| word(r).into()).collect();
    face.set_reasons(ModelRc::new(VecModel::from(reasons)));
    let stays = view.visits.iter().filter(|v| words::is_stay(v.med_type.as_deref())).count();
    let away = if elsewhere.is_empty() {
        String::new()
    } else {
        say!("；他处 {} 次", words::count(u64::try_from(elsewhere.len()).unwrap_or(0)))
    };
    face.set_visits_note(
        say!("本院 {} 次，其中住院 {} 次{}", view.visits.len(), stays, away).into(),
    );
    let lights = noticed::visits_of_person(app, &view.psn_no);
    face.set_life(ModelRc::new(VecModel::from(life(&view, &elsewhere, &lights))));
    let hits = noticed::hits(app, |f| f.psn_no.as_ref() == Some(&view.psn_no));
    face.set_hits(ModelRc::new(VecModel::from(hits)));
    face.set_tags(ModelRc::new(VecModel::from(tags::tags(app, &view, &elsewhere))));
    draw_year(app);
}

/// `男 · 67 岁 · 职工医保`.
pub(crate) fn note(view: &PersonView) -> String {
    let mut note = vec![words::gender(view.gend.as_deref()).to_owned()];
    if let Some(year) = year_of(view.brdy) {
        note.push(say!("{} 年生", year));
    }
    note.push(words::insurance(view.insutype.as_deref()));
    note.join(" · ")
}

#[cfg(test)]
mod tests {
    use super::year::year_picture;
    use super::*;
    use crate::testkit::fake_desk::FakeDesk;
    use spotcheck_app::desk::Desk;

    fn person() -> (PersonView, Vec<VisitElsewhere>) {
        let mut desk = FakeDesk::new();
        let task = desk.tasks().unwrap()[0].task.id.clone();
        desk.check_package(&task).unwrap();
        let view = desk.person(&task, "P-0001", "test").unwrap().unwrap();
        (view, desk.elsewhere(&task, "P-0001", None).unwrap())
    }

    #[test]
    fn numbers_are_masked_until_they_are_asked_for() {
        let (view, _) = person();
        let hidden: String = facts(&view, false).iter().map(|f| f.value.to_string()).collect();
        let shown: String = facts(&view, true).iter().map(|f| f.value.to_string()).collect();
        let certno = view.certno.as_deref().unwrap();
        assert!(!hidden.contains(certno) && shown.contains(certno));
    }

    #[test]
    fn a_life_tells_here_from_elsewhere_and_what_lies_between_two_stays() {
        let (view, elsewhere) = person();
        let lights = BTreeMap::from([("P-0001-V1".to_owned(), 0)]);
        let rows = life(&view, &elsewhere, &lights);
        assert_eq!((rows[0].light, rows[1].light), (0, -1));
        assert_eq!(rows[0].dates, "11-09 → 11-18");
        let between: Vec<&str> =
            rows.iter().filter(|r| r.between).map(|r| r.title.as_str()).collect();
        assert!(between.iter().all(|b| b.starts_with("间隔") || b.contains("重叠")), "{between:?}");
        let away: Vec<_> = rows.iter().filter(|r| !r.own && !r.between).collect();
        assert_eq!(away.len(), elsewhere.len());
        assert!(away.iter().all(|r| r.title.starts_with("他处") && r.id.is_empty()));
        let year = year_picture(&view, &elsewhere, 2026);
        assert_eq!(year.spans.len(), view.visits.len() + elsewhere.len());
        assert!(year.spans.iter().all(|s| s.from >= 0.0 && s.from + s.width <= 1.0));
        assert!(year.words.contains("本院住院 2 次"), "{}", year.words);
        assert!(year_picture(&view, &elsewhere, 1999).spans.is_empty());
    }
}
