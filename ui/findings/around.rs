//! Everyone around a finding: from its page to all lines of the house by the same doctor, item or card, and from
//! there to the person. Names are masked here; opening one is the access that is journaled.
//!
//! What a doctor did is guarded against 统方 (rules.md): the desk takes the reason down before it reads anything.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use slint::VecModel;
use slint::{
    ComponentHandle, Model as SlintModel, ModelNotify, ModelRc, ModelTracker, SharedString,
};
use spotcheck_app::around::AroundQuery;
use spotcheck_app::errand::{Errand, Home};
use spotcheck_app::rules::Finding;
use spotcheck_app::rules::around::{Around as Person, Surroundings};
use spotcheck_domain::mask;
use spotcheck_face::{Around, NamedRow};

use crate::app::{App, Place};
use crate::findings::indicators::REASONS;
use crate::findings::{suspicion, suspicions};
use crate::frame::errand;
use crate::language::{behind, say, word};
use crate::words;

/// What is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Way {
    Staff(String),
    Item(String),
    Cards(AroundQuery),
}

#[derive(Default)]
pub(crate) struct Model {
    /// What was chosen on the page of a finding.
    chosen: RefCell<Option<Way>>,
    found: RefCell<Option<Rc<Surroundings>>>,
    asking: Cell<bool>,
    running: Cell<bool>,
}

/// Rows are worded when they come into view: five thousand at once would hold the screen.
struct Rows {
    found: Rc<Surroundings>,
    cards: bool,
    notify: ModelNotify,
}

impl SlintModel for Rows {
    type Data = NamedRow;

    fn row_count(&self) -> usize {
        self.found.listed.len()
    }

    fn row_data(&self, row: usize) -> Option<NamedRow> {
        self.found.listed.get(row).map(|person| row_of(person, self.cards))
    }

    fn model_tracker(&self) -> &dyn ModelTracker {
        &self.notify
    }
}

/// Without the year where both days are of one year: the note is one line on the smallest screen.
fn span(first: &str, last: &str) -> String {
    let short = |day: &str| day.get(5..).unwrap_or(day).to_owned();
    if first == last {
        first.to_owned()
    } else if first.get(..4) == last.get(..4) {
        format!("{} → {}", short(first), short(last))
    } else {
        format!("{first} → {last}")
    }
}

fn row_of(person: &Person, cards: bool) -> NamedRow {
    let mut note = Vec::new();
    if cards {
        note.extend(person.signs.iter().cloned());
    } else {
        note.push(say!("{} 次就诊", words::count(person.visits)));
        note.push(say!("{} 行", words::count(person.lines)));
    }
    note.extend(person.days.as_ref().map(|(first, last)| span(first, last)));
    let name = mask::name(&person.psn_name);
    let name = if name.is_empty() { mask::number(&person.psn_no) } else { name };
    NamedRow {
        id: person.psn_no.as_str().into(),
        title: if name.is_empty() { say!("没有人员编号").into() } else { name.into() },
        note: note.join(" · ").into(),
        state: words::yuan(person.amount).into(),
        done: false,
    }
}

pub(crate) fn connect(app: &Rc<App>) {
    let face = app.window.global::<Around<'_>>();
    face.on_go(app.on_with(|app, id: SharedString| choose(app, &id)));
    face.on_open(app.on_with(|app, id: SharedString| {
        if !id.is_empty() {
            app.go(Place::Person(id.to_string()));
        }
    }));
    face.on_given(app.on_with(|app, reason: SharedString| {
        let reason = behind(reason.trim(), &REASONS).to_owned();
        app.drop_keyboard();
        app.suspicions.all.asking.set(false);
        look(app, reason);
    }));
    face.on_closed(app.on(|app| {
        app.drop_keyboard();
        app.back();
    }));
}

/// Nothing of it is left under the lock.
pub(crate) fn forget(app: &Rc<App>) {
    app.suspicions.all.chosen.borrow_mut().take();
    app.suspicions.all.found.borrow_mut().take();
    app.suspicions.all.asking.set(false);
    app.suspicions.all.running.set(false);
    app.window.global::<Around<'_>>().set_reason("".into());
    draw(app);
}

/// What can be looked at from a finding, for its page.
pub(crate) fn offer(app: &App, finding: &Finding) {
    let mut rows = Vec::new();
    let mut add = |id: String, title: String, note: &str, guarded: bool| {
        rows.push(NamedRow {
            id: id.into(),
            title: title.into(),
            note: note.into(),
            state: "".into(),
            done: guarded,
        });
    };
    if let Some(code) = &finding.code {
        add(
            format!("item:{code}"),
            say!("全院的同一项目").to_owned(),
            say!("按人列出次数和金额"),
            false,
        );
    }
    if AroundQuery::cards(finding).is_some() {
        let note = say!("几分钟内一起结算、同一电话、编号相邻的卡");
        add("cards".to_owned(), say!("同卡模式").to_owned(), note, false);
    }
    let mut seen: Vec<&String> = Vec::new();
    for code in suspicions::staff(finding) {
        if !seen.contains(&code) {
            seen.push(code);
            let note = say!("他开单、记账、执行的全部明细；要写原因");
            add(format!("staff:{code}"), say!("同一医师 {}", code), note, true);
        }
    }
    app.window.global::<Around<'_>>().set_ways(ModelRc::new(VecModel::from(rows)));
}

fn choose(app: &Rc<App>, id: &str) {
    let Some((_, finding)) = suspicion::open_finding(app) else { return };
    let way = match id.split_once(':') {
        Some(("staff", code)) => Way::Staff(code.to_owned()),
        Some(("item", code)) => Way::Item(code.to_owned()),
        _ => match AroundQuery::cards(&finding) {
            Some(query) => Way::Cards(query),
            None => return,
        },
    };
    let guarded = matches!(way, Way::Staff(_));
    *app.suspicions.all.chosen.borrow_mut() = Some(way);
    app.suspicions.all.found.borrow_mut().take();
    app.suspicions.all.asking.set(guarded);
    app.window.global::<Around<'_>>().set_reason("".into());
    app.go(Place::Around);
    if !guarded {
        look(app, String::new());
    }
}

pub(crate) fn enter(app: &Rc<App>) {
    draw(app);
}

fn look(app: &Rc<App>, reason: String) {
    let Some(task) = app.task_id() else { return };
    let Some(way) = app.suspicions.all.chosen.borrow().clone() else { return };
    let query = match way.clone() {
        Way::Staff(code) => AroundQuery::Staff { code, reason },
        Way::Item(code) => AroundQuery::Item(code),
        Way::Cards(query) => query,
    };
    app.suspicions.all.running.set(true);
    draw(app);
    let work = (Errand::Around(task, Box::new(query)), say!("正在看全部明细").to_owned());
    errand::run_in_turn(app, vec![work], move |app, home| {
        // Something else was chosen meanwhile, or the screen was locked.
        if app.suspicions.all.chosen.borrow().as_ref() != Some(&way) {
            return;
        }
        app.suspicions.all.running.set(false);
        let trouble = match home {
            Ok(Some(Home::Around(found))) => {
                *app.suspicions.all.found.borrow_mut() = Some(Rc::from(found));
                None
            }
            Ok(_) => None,
            Err(trouble) => {
                // A reason that was too short can be written again.
                app.suspicions.all.asking.set(matches!(way, Way::Staff(_)));
                Some(trouble)
            }
        };
        draw(app);
        if let Some(trouble) = trouble {
            errand::show_trouble(app, &trouble);
        }
    });
}

fn draw(app: &Rc<App>) {
    let model = &app.suspicions.all;
    let face = app.window.global::<Around<'_>>();
    let (title, cards) = match model.chosen.borrow().as_ref() {
        Some(Way::Staff(code)) => (say!("同一医师 {}", code), false),
        Some(Way::Item(_)) => (say!("全院的同一项目").to_owned(), false),
        Some(Way::Cards(_)) => (say!("同卡模式").to_owned(), true),
        None => (String::new(), false),
    };
    face.set_title(title.into());
    let facility = app.task.borrow().as_ref().map(|c| c.task.facility.fixmedins_name.clone());
    face.set_note(facility.unwrap_or_default().into());
    face.set_asking(model.asking.get());
    face.set_running(model.running.get());
    let reasons = REASONS.map(word).map(SharedString::from);
    face.set_reasons(ModelRc::new(VecModel::from_iter(reasons)));
    let found = model.found.borrow().clone();
    let Some(found) = found else {
        face.set_total("".into());
        face.set_sum("".into());
        face.set_remarks("".into());
        face.set_rows(ModelRc::default());
        return;
    };
    face.set_sum(words::yuan(found.amount).into());
    let lines = words::count(found.lines);
    let mut total = vec![
        say!("{} 人", words::count(found.persons)),
        say!("{} 次就诊", words::count(found.visits)),
        if cards { say!("{} 笔结算", lines) } else { say!("{} 行明细", lines) },
    ];
    if let Some((ordered, billed, executed)) = found.roles {
        total.push(say!(
            "开单 {}、记账 {}、执行 {}",
            words::count(ordered),
            words::count(billed),
            words::count(executed)
        ));
    }
    face.set_total(total.join(" · ").into());
    let mut remarks = found.notes.clone();
    if cards {
        remarks.insert(
            0,
            say!("一起出现只是事实，窗口繁忙时也会有；先看多天、同额、同一医师的").to_owned(),
        );
    }
    face.set_remarks(remarks.join("\n").into());
    face.set_rows(ModelRc::new(Rows { found, cards, notify: ModelNotify::default() }));
}
