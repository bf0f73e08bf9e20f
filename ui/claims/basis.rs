//! What is in force: one box over policies, prices, limits, codes and cases, and the way to it from a fee line.
//!
//! A fee is judged by what was in force on its day (rules.md), so everything here says from when until when it
//! holds, where it stands, and whether the centre brought it or somebody added it on this handheld.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use serde::{Deserialize, Serialize};
use slint::{ComponentHandle, ModelRc, SharedString, VecModel};
use spotcheck_app::reference::{LineReference, LookUp};
use spotcheck_domain::claims::Page;
use spotcheck_domain::reference::{EntryKind, KindHits, LevelLimit, ReferenceEntry, ReferenceHit};
use spotcheck_domain::time::{beijing_date, day_number};
use spotcheck_face::{AnswerRow, Basis, EventItem, NamedRow, PairItem};

use crate::app::{App, Place};
use crate::claims::visit;
use crate::frame::status::{pair, pairs};
use crate::frame::{left, noticed, place, trouble};
use crate::language::{say, word};
use crate::words;

/// Orders, executions and reports of a line that are shown; the nearest come first.
const LINE_EVENTS: u32 = 40;
/// Answers of each kind.
const EACH: u32 = 8;

/// In force when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum When {
    /// Today.
    #[default]
    Now,
    /// On the first day of the period under check.
    Then,
    /// Whenever.
    Ever,
    /// On a day that is typed.
    Day,
}

impl When {
    const fn id(self) -> &'static str {
        match self {
            Self::Now => "now",
            Self::Then => "then",
            Self::Ever => "ever",
            Self::Day => "day",
        }
    }

    fn of(id: &str) -> Self {
        let all = [Self::Then, Self::Ever, Self::Day];
        all.into_iter().find(|when| when.id() == id).unwrap_or_default()
    }
}

/// What was asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Left {
    query: String,
    when: String,
    day: String,
}

#[derive(Default)]
pub(crate) struct Model {
    query: RefCell<String>,
    when: Cell<When>,
    /// The day as it was typed.
    day: RefCell<String>,
    /// Counts questions: the answer to an older one is not shown.
    asked: Cell<u64>,
    entry: RefCell<Option<ReferenceEntry>>,
}

pub(crate) fn connect(app: &Rc<App>) {
    let face = app.window.global::<Basis<'_>>();
    face.on_search(app.on_with(|app, query: SharedString| {
        query.trim().clone_into(&mut app.basis.query.borrow_mut());
        search(app);
    }));
    face.on_choose_day(app.on_with(|app, id: SharedString| {
        app.basis.when.set(When::of(&id));
        search(app);
    }));
    face.on_typed_day(app.on_with(|app, day: SharedString| {
        day.trim().clone_into(&mut app.basis.day.borrow_mut());
        search(app);
    }));
    face.on_open(app.on_with(|app, id: SharedString| app.go(Place::Entry(id.to_string()))));
    face.on_step(app.on_with(step));
}

pub(crate) fn forget(app: &Rc<App>) {
    app.basis.query.borrow_mut().clear();
    app.basis.day.borrow_mut().clear();
    app.basis.when.set(When::Now);
    app.basis.entry.borrow_mut().take();
    app.basis.asked.set(app.basis.asked.get().saturating_add(1));
    let face = app.window.global::<Basis<'_>>();
    face.set_query("".into());
    face.set_day("".into());
    face.set_searched(false);
    face.set_answers(ModelRc::default());
    face.set_rows(ModelRc::default());
    face.set_facts(ModelRc::default());
    face.set_title("".into());
    face.set_head("".into());
    face.set_text("".into());
}

/// What was asked, as it stands now.
pub(crate) fn left(app: &App) -> Option<Left> {
    let model = &app.basis;
    let left = Left {
        query: model.query.borrow().clone(),
        when: model.when.get().id().to_owned(),
        day: model.day.borrow().clone(),
    };
    Some(left).filter(|left| !left.query.is_empty() || left.when != When::Now.id())
}

pub(crate) fn enter(app: &Rc<App>) {
    if let Some(left) = left::take(app, |left| left.basis.take()) {
        let face = app.window.global::<Basis<'_>>();
        face.set_query(left.query.as_str().into());
        face.set_day(left.day.as_str().into());
        app.basis.when.set(When::of(&left.when));
        *app.basis.query.borrow_mut() = left.query;
        *app.basis.day.borrow_mut() = left.day;
        search(app);
    }
    days(app);
    let facility = app.task.borrow().as_ref().map(|c| c.task.facility.fixmedins_name.clone());
    app.window.global::<Basis<'_>>().set_note(facility.unwrap_or_default().into());
}

fn days(app: &Rc<App>) {
    let now = app.basis.when.get();
    let then = app.task.borrow().as_ref().map(|c| c.task.period_from.clone()).unwrap_or_default();
    let row = |title: String, own: When| NamedRow {
        id: own.id().into(),
        title: title.into(),
        done: own == now,
        ..NamedRow::default()
    };
    let rows = vec![
        row(say!("现行").to_owned(), When::Now),
        row(say!("{} 有效", then), When::Then),
        row(say!("不限").to_owned(), When::Ever),
        row(say!("某一天").to_owned(), When::Day),
    ];
    let face = app.window.global::<Basis<'_>>();
    face.set_by_day(now == When::Day);
    face.set_day_read(now != When::Day || typed_day(app).is_some());
    face.set_days(ModelRc::new(VecModel::from(rows)));
}

/// The day that was typed, `yyyy-MM-dd`; its digits alone do as well.
fn typed_day(app: &App) -> Option<String> {
    let day = app.basis.day.borrow();
    let plain = day.len() == 8 && day.chars().all(|c| c.is_ascii_digit());
    let day = match (plain, day.get(..4), day.get(4..6), day.get(6..)) {
        (true, Some(year), Some(month), Some(day)) => format!("{year}-{month}-{day}"),
        _ => day.clone(),
    };
    day_number(&day).map(|_| day)
}

fn on(app: &App) -> Option<String> {
    match app.basis.when.get() {
        When::Now => Some(beijing_date(app.clock.read().wall_ms)),
        When::Then => app.task.borrow().as_ref().map(|c| c.task.period_from.clone()),
        When::Ever => None,
        When::Day => typed_day(app),
    }
}

fn search(app: &Rc<App>) {
    days(app);
    place::remember(app);
    let query = app.basis.query.borrow().clone();
    let asked = app.basis.asked.get().saturating_add(1);
    app.basis.asked.set(asked);
    let face = app.window.global::<Basis<'_>>();
    // Without a day that can be read nothing is said to be in force on it.
    let undated = app.basis.when.get() == When::Day && typed_day(app).is_none();
    if query.is_empty() || undated {
        face.set_searched(false);
        face.set_answers(ModelRc::default());
        return;
    }
    let task = app.task_id();
    let look = LookUp::first(&query, on(app).as_deref(), EACH);
    app.ask_result(
        move |desk| desk.look_up(task.as_ref(), &look),
        move |app, answers| {
            if app.basis.asked.get() != asked {
                return;
            }
            match answers {
                Ok(answers) => {
                    let face = app.window.global::<Basis<'_>>();
                    face.set_searched(true);
                    face.set_answers(ModelRc::new(VecModel::from(answer_rows(&answers))));
                }
                Err(trouble) => trouble::show(app, &trouble),
            }
        },
    );
}

fn head(title: &str, note: String) -> AnswerRow {
    AnswerRow { head: true, title: title.into(), note: note.into(), ..AnswerRow::default() }
}

fn answer_rows(answers: &[KindHits]) -> Vec<AnswerRow> {
    let mut rows = Vec::new();
    for kind in answers {
        let more = if kind.more { say!("还有更多，再输几个字") } else { "" };
        rows.push(head(word(kind.kind.zh()), more.to_owned()));
        rows.extend(kind.hits.iter().map(hit_row));
    }
    rows
}

/// `¥100.00/次 二级`.
fn limit_words(limit: &LevelLimit, unit: Option<&str>) -> String {
    let unit = unit.map_or_else(String::new, |unit| format!("/{unit}"));
    format!("{}{unit} {}", words::yuan(limit.amount), word(limit.zh()))
}

fn hit_row(hit: &ReferenceHit) -> AnswerRow {
    let title = match &hit.article {
        Some(article) => format!("{article} · {}", hit.title),
        None => hit.title.clone(),
    };
    let mut note: Vec<String> = Vec::new();
    note.extend(hit.code.clone());
    note.extend(hit.restriction.as_ref().map(|r| say!("限 {}", r)));
    if !hit.snippet.is_empty() {
        note.push(hit.snippet.clone());
    }
    if hit.added {
        note.insert(0, say!("本机添加").to_owned());
    }
    let side = match hit.limits.as_slice() {
        [] => String::new(),
        [one] => words::yuan(one.amount),
        several => {
            let most = several.iter().map(|l| l.amount).max().unwrap_or_default();
            format!("≤ {}", words::yuan(most))
        }
    };
    AnswerRow {
        head: false,
        id: hit.id.as_str().into(),
        title: title.into(),
        note: note.join(" · ").into(),
        side: side.into(),
    }
}

/// `2024-01-01 起`, `2023-01-01 至 2023-12-31`.
fn validity(begin: Option<&String>, end: Option<&String>) -> String {
    match (begin, end) {
        (Some(begin), Some(end)) => say!("{} 至 {}", begin, end),
        (Some(begin), None) => say!("{} 起", begin),
        (None, Some(end)) => say!("至 {}", end),
        (None, None) => say!("来源没有写明").to_owned(),
    }
}

pub(crate) fn enter_entry(app: &Rc<App>, id: &str) {
    let there = app.basis.entry.borrow().as_ref().is_some_and(|entry| entry.head.id == id);
    if there {
        return draw_entry(app);
    }
    let (task, id) = (app.task_id(), id.to_owned());
    app.ask(
        move |desk| desk.reference_entry(task.as_ref(), &id),
        |app, entry| {
            if entry.is_none() {
                app.toast(say!("这一条已经不在本机的资料里"));
            }
            *app.basis.entry.borrow_mut() = entry;
            draw_entry(app);
        },
    );
}

fn entry_facts(entry: &ReferenceEntry) -> Vec<PairItem> {
    let own = &entry.head;
    let mut facts = Vec::new();
    let mut add = |label: &str, value: Option<String>| {
        if let Some(value) = value.filter(|v| !v.is_empty()) {
            facts.push(pair(label, &value));
        }
    };
    add(say!("编码"), own.code.clone());
    for limit in &own.limits {
        add(say!("限价"), Some(limit_words(limit, own.unit.as_deref())));
    }
    add(say!("支付限制"), own.restriction.clone());
    add(say!("效力"), Some(validity(own.begin.as_ref(), own.end.as_ref())));
    add(say!("章节"), entry.chapter.clone());
    add(say!("又名"), Some(entry.aliases.join(say!("、"))));
    if let Some(document) = &entry.document {
        add(say!("文件"), Some(document.title.clone()));
        add(say!("文号"), document.number.clone());
        add(say!("发布"), document.issuer.clone());
        add(say!("废止"), document.replaced_by.as_ref().map(|by| say!("被 {} 替代", by)));
    }
    add(
        say!("来源"),
        Some(if own.added { say!("本机添加，未经中心") } else { say!("中心下发") }.to_owned()),
    );
    facts
}

fn draw_entry(app: &Rc<App>) {
    let entry = app.basis.entry.borrow().clone();
    let face = app.window.global::<Basis<'_>>();
    let Some(entry) = entry else { return };
    let own = &entry.head;
    let title = own.article.clone().unwrap_or_else(|| word(own.kind.zh()).to_owned());
    face.set_title(title.into());
    face.set_note(validity(own.begin.as_ref(), own.end.as_ref()).into());
    face.set_head(own.title.as_str().into());
    face.set_text(entry.text.as_str().into());
    face.set_excluded(entry.excluded.clone().unwrap_or_default().into());
    face.set_facts(pairs(entry_facts(&entry)));
    face.set_previous(entry.previous.map(|n| n.heading).unwrap_or_default().into());
    face.set_next(entry.next.map(|n| n.heading).unwrap_or_default().into());
}

/// The article before or after, in the place of this one.
fn step(app: &Rc<App>, by: i32) {
    let next = {
        let entry = app.basis.entry.borrow();
        let entry = entry.as_ref();
        entry.and_then(|e| if by < 0 { e.previous.clone() } else { e.next.clone() })
    };
    if let Some(next) = next {
        app.replace(Place::Entry(next.id));
    }
}

/// What was in force for a fee line; the rules' clauses for it come along.
pub(crate) fn enter_line(app: &Rc<App>, visit: &str, line: &str) {
    let Some(task) = app.task_id() else { return };
    let clauses = noticed::clauses_of_line(app, visit, line);
    let (visit, line) = (visit.to_owned(), line.to_owned());
    let face = app.window.global::<Basis<'_>>();
    face.set_title(say!("依据").into());
    face.set_head("".into());
    face.set_facts(ModelRc::default());
    face.set_rows(ModelRc::default());
    face.set_events(ModelRc::default());
    face.set_events_known(false);
    app.ask(
        move |desk| {
            let found = desk.look_up_line(&task, &visit, &line, &clauses)?;
            Ok((found, desk.line_events(&task, &visit, &line, Page::first(LINE_EVENTS))?))
        },
        |app, (found, events)| {
            draw_line(app, &found);
            let line = &found.line;
            let uploaded = [line.ordered, line.executed, line.recorded].iter().any(Option::is_some);
            let rows: Vec<EventItem> = events.iter().map(visit::event_item).collect();
            let face = app.window.global::<Basis<'_>>();
            face.set_events(ModelRc::new(VecModel::from(rows)));
            face.set_events_known(uploaded);
        },
    );
}

fn line_facts(found: &LineReference) -> Vec<PairItem> {
    let line = &found.line;
    let mut facts = vec![pair(
        say!("收费"),
        &format!(
            "{} × {} = {}",
            words::plain(line.cnt),
            words::plain(line.pric),
            words::plain_cents(line.det_item_fee_sumamt)
        ),
    )];
    for limit in &found.limits {
        let said = match (&limit.limit, limit.over) {
            (None, _) => say!("有限价，本院等级的没有").to_owned(),
            (Some(own), None) => say!("{}，未超过", limit_words(own, limit.unit.as_deref())),
            (Some(own), Some(over)) => {
                say!("{}，单价高出 {}", limit_words(own, limit.unit.as_deref()), words::yuan(over))
            }
        };
        facts
            .push(pair(if limit.added { say!("限价(本机添加)") } else { say!("当日限价") }, &said));
    }
    facts.extend(found.restrictions.iter().map(|r| pair(say!("支付限制"), r)));
    facts
}

fn draw_line(app: &Rc<App>, found: &LineReference) {
    let face = app.window.global::<Basis<'_>>();
    let line = &found.line;
    let name = line.medins_list_name.as_deref().or(line.hilist_name.as_deref());
    face.set_title(name.unwrap_or(say!("名称未上传")).into());
    let day = found.on.clone().unwrap_or_else(|| say!("日期未上传").to_owned());
    face.set_note(say!("{} 有效的规定", day).into());
    let item = found.item.as_ref();
    face.set_head(item.map(|i| i.head.title.clone()).unwrap_or_default().into());
    let mut text = item.map(|i| i.text.clone()).unwrap_or_default();
    if let Some(excluded) = item.and_then(|i| i.excluded.as_ref()) {
        text.push('\n');
        text.push_str(say!("除外："));
        text.push_str(excluded);
    }
    face.set_text(text.into());
    face.set_facts(pairs(line_facts(found)));
    let mut rows = Vec::new();
    let mut group = |title: &str, hits: &[ReferenceHit]| {
        if !hits.is_empty() {
            rows.push(head(title, String::new()));
            rows.extend(hits.iter().map(hit_row));
        }
    };
    group(say!("规则引用的条文"), &found.clauses);
    group(say!("提到这一项的条文"), &found.articles);
    group(word(EntryKind::Point.zh()), &found.points);
    group(word(EntryKind::Case.zh()), &found.cases);
    if !found.versions.is_empty() {
        rows.push(head(say!("历次版本"), String::new()));
        rows.extend(found.versions.iter().map(|hit| AnswerRow {
            note: validity(hit.begin.as_ref(), hit.end.as_ref()).into(),
            ..hit_row(hit)
        }));
    }
    face.set_rows(ModelRc::new(VecModel::from(rows)));
}
