//! Figures of the facility: topics, one figure with its parts, the rows behind it; any two periods side by side.
//!
//! Everything is computed beside the desk, so that recording and writing go on. What breaks drugs or items down by
//! doctor or department opens only with a reason, which the desk journals (rules.md, against 统方).

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use slint::{ComponentHandle, ModelRc, SharedString, VecModel};
use spotcheck_app::errand::{Errand, Home};
use spotcheck_app::indicators::IndicatorQuery;
use spotcheck_app::rules::indicators::{Answer, Ask, BehindAsk, Catalogue, Dimension, Line, Part};
use spotcheck_domain::{Amount, TaskId, mask};
use spotcheck_face::{FigureItem, Indicators, NamedRow};

use crate::app::{App, Place};
use crate::findings::span::{self, Span};
use crate::frame::{errand, place};
use crate::language::{behind, mark, say, word};
use crate::words;

mod again;
mod months;
mod rows;

pub(crate) use again::{Left, left};

/// Entries of a ranking.
const RANKED: usize = 20;
/// Parts of a figure shown at most.
const PARTS: usize = 50;
/// Why somebody may look at what is guarded against 统方; the words stand in the device journal.
pub(crate) const REASONS: [&str; 4] = [
    mark!("核对现场发现的重复收费"),
    mark!("核对药品耗材与记录不符"),
    mark!("核对集中开药的线索"),
    mark!("核对医师执业范围"),
];

/// What one figure's page shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Below {
    #[default]
    Nothing,
    Months,
    Parts(Dimension),
    Rows(Scope),
}

/// Whose rows: all of a figure, those under a key of a breakdown, or those of a month.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Scope {
    key: Option<(Dimension, String)>,
    /// First and last day.
    month: Option<(String, String)>,
    /// In words, for the heading.
    words: String,
}

#[derive(Default)]
pub(crate) struct Model {
    catalogue: RefCell<Option<Rc<Catalogue>>>,
    /// Whose figures these are.
    task: RefCell<Option<TaskId>>,
    topic: Cell<usize>,
    pub(crate) span: RefCell<Span>,
    answer: RefCell<Option<Answer>>,
    one: RefCell<Option<Line>>,
    below: RefCell<Below>,
    /// What stood there before the rows, with its answer: the way back.
    under: RefCell<Option<(Below, Answer)>>,
    rows: rows::Model,
    /// The breakdown that waits for a reason.
    wanted: RefCell<Option<Below>>,
    /// The reason that was given for this figure.
    reason: RefCell<Option<String>>,
    running: Cell<bool>,
    /// Counts what is asked: an answer to an older question is not shown.
    asked: Cell<u64>,
    /// One figure was come back to; the list under it is computed when somebody goes there.
    owed: Cell<bool>,
}

/// One line for the overview.
pub(crate) fn words() -> String {
    say!("费用结构、住院行为、再入院、排名").to_owned()
}

/// `18,620,450.20 元`.
fn with_unit(value: Option<&String>, unit: &str) -> String {
    let Some(value) = value else { return say!("未上传").to_owned() };
    let (sign, digits) = value.strip_prefix('-').map_or(("", value.as_str()), |rest| ("-", rest));
    let number = match digits.split_once('.') {
        Some((whole, fraction)) => format!("{sign}{}.{fraction}", words::grouped(whole)),
        None => format!("{sign}{}", words::grouped(digits)),
    };
    if unit == "%" { format!("{number}%") } else { format!("{number} {unit}") }
}

fn signed(growth: Option<&String>) -> String {
    growth.map_or_else(String::new, |g| {
        if g.starts_with('-') { format!("{g}%") } else { format!("+{g}%") }
    })
}

/// How much more or less than in the other period: of a sum by percent, of a share in points of a hundred, because a
/// percentage of percentages is read as points.
fn change(
    unit: &str,
    now: Option<&String>,
    was: Option<&String>,
    growth: Option<&String>,
) -> String {
    if unit != "%" {
        return signed(growth);
    }
    let cents = |value: Option<&String>| Amount::parse(value?).ok();
    let (Some(now), Some(was)) = (cents(now), cents(was)) else { return String::new() };
    let Some(more) = now.checked_sub(was) else { return String::new() };
    let more = more.to_cents();
    let sign = if more.starts_with('-') { "" } else { "+" };
    say!("{} 个百分点", format!("{sign}{more}"))
}

fn number(value: Option<&String>) -> f32 {
    value.and_then(|v| v.parse::<f32>().ok()).filter(|v| v.is_finite()).unwrap_or(0.0).abs()
}

fn figure(line: &Line, warned: &str, other: &str) -> FigureItem {
    let compared = line.against.as_ref().and_then(|c| c.value.as_ref());
    FigureItem {
        id: line.id.as_str().into(),
        name: line.name.as_str().into(),
        formula: line.formula.as_str().into(),
        value: with_unit(line.cell.value.as_ref(), &line.unit).into(),
        other: compared
            .map_or_else(String::new, |v| format!("{other} {}", with_unit(Some(v), &line.unit)))
            .into(),
        growth: change(&line.unit, line.cell.value.as_ref(), compared, line.growth.as_ref()).into(),
        share: 0.0,
        other_share: 0.0,
        guarded: false,
        warned: warned.into(),
    }
}

/// A part under its name; persons are covered, whatever has no name shows its key.
fn part(part: &Part, line: &Line, by: Dimension, most: f32, other: &str) -> FigureItem {
    let compared = part.against.as_ref().and_then(|c| c.value.as_ref());
    let name = match by {
        Dimension::Person => format!("{} {}", mask::name(&part.name), mask::number(&part.key)),
        _ if part.name.is_empty() || part.name == part.key => part.key.clone(),
        _ => format!("{} {}", part.name, part.key),
    };
    let share = |value| if most > 0.0 { number(value) / most } else { 0.0 };
    FigureItem {
        id: part.key.as_str().into(),
        name: name.into(),
        formula: SharedString::default(),
        value: with_unit(part.cell.value.as_ref(), &line.unit).into(),
        other: compared
            .map_or_else(String::new, |v| format!("{other} {}", with_unit(Some(v), &line.unit)))
            .into(),
        growth: change(&line.unit, part.cell.value.as_ref(), compared, part.growth.as_ref()).into(),
        share: share(part.cell.value.as_ref()),
        other_share: share(compared),
        guarded: false,
        warned: SharedString::default(),
    }
}

pub(crate) fn parts(line: &Line, list: &[Part], by: Dimension, other: &str) -> Vec<FigureItem> {
    let values = list
        .iter()
        .flat_map(|p| [p.cell.value.as_ref(), p.against.as_ref().and_then(|c| c.value.as_ref())]);
    let most = values.map(number).fold(0.0, f32::max);
    list.iter().map(|p| part(p, line, by, most, other)).collect()
}

pub(crate) fn connect(app: &Rc<App>) {
    let face = app.window.global::<Indicators<'_>>();
    face.on_choose_topic(app.on_with(|app, n: i32| {
        app.indicators.topic.set(usize::try_from(n).unwrap_or(0));
        place::remember(app);
        compute_topic(app);
    }));
    face.on_compute(app.on(compute_topic));
    face.on_open(app.on_with(|app, id: SharedString| app.go(Place::Indicator(id.to_string()))));
    face.on_break_down(app.on_with(|app, id: SharedString| {
        if let Some(by) = Dimension::parse(&id) {
            below(app, Below::Parts(by));
        }
    }));
    face.on_by_month(app.on(|app| below(app, Below::Months)));
    face.on_behind(app.on(|app| below(app, Below::Rows(Scope::default()))));
    face.on_open_part(app.on_with(|app, key: SharedString| open_part(app, &key)));
    face.on_choose_rows(app.on_with(rows::choose));
    face.on_reason_given(app.on_with(|app, reason: SharedString| {
        let Some(wanted) = app.indicators.wanted.borrow_mut().take() else { return };
        *app.indicators.reason.borrow_mut() = Some(behind(reason.trim(), &REASONS).to_owned());
        app.drop_keyboard();
        app.window.global::<Indicators<'_>>().set_asking("".into());
        below(app, wanted);
    }));
    face.on_reason_closed(app.on(close_asking));
    rows::connect(app);
    span::connect(app);
}

fn close_asking(app: &Rc<App>) {
    app.indicators.wanted.borrow_mut().take();
    app.drop_keyboard();
    let face = app.window.global::<Indicators<'_>>();
    face.set_asking("".into());
    face.set_reason("".into());
}

/// Locked: figures of a facility are confidential.
pub(crate) fn forget(app: &Rc<App>) {
    let model = &app.indicators;
    model.task.borrow_mut().take();
    model.answer.borrow_mut().take();
    model.one.borrow_mut().take();
    model.reason.borrow_mut().take();
    model.wanted.borrow_mut().take();
    clear(model);
    model.topic.set(0);
    model.owed.set(false);
    model.running.set(false);
    model.asked.set(model.asked.get().saturating_add(1));
    let face = app.window.global::<Indicators<'_>>();
    face.set_figures(ModelRc::default());
    face.set_parts(ModelRc::default());
    months::clear(app);
    face.set_one(FigureItem::default());
    face.set_asking("".into());
    face.set_reason("".into());
    face.set_choosing(false);
    face.set_listing(false);
}

/// One step back inside the two screens.
pub(crate) fn step_back(app: &Rc<App>) -> bool {
    let face = app.window.global::<Indicators<'_>>();
    match app.place() {
        Place::Indicators if face.get_choosing() => face.set_choosing(false),
        Place::Indicators if face.get_listing() => face.set_listing(false),
        Place::Indicator(_) if !face.get_asking().is_empty() => close_asking(app),
        Place::Indicator(_) if matches!(*app.indicators.below.borrow(), Below::Rows(_)) => {
            let under = app.indicators.under.borrow_mut().take();
            let (below, answer) = under.map_or((Below::Nothing, None), |(b, a)| (b, Some(a)));
            app.indicators.rows.forget();
            keep_below(app, below);
            show_below(app, answer.as_ref());
        }
        _ => return false,
    }
    true
}

pub(crate) fn enter(app: &Rc<App>) {
    let facility = app.task.borrow().as_ref().map(|c| c.task.facility.fixmedins_name.clone());
    app.window.global::<Indicators<'_>>().set_note(facility.unwrap_or_default().into());
    let fresh = *app.indicators.task.borrow() != app.task_id();
    again::with_catalogue(app, move |app| {
        if app.indicators.owed.replace(false) || fresh {
            compute_topic(app);
        } else {
            draw(app);
        }
    });
}

/// Asks for figures of the open task; `then` hears the answer unless something newer was asked meanwhile.
fn compute(
    app: &Rc<App>,
    query: IndicatorQuery,
    then: impl FnOnce(&Rc<App>, Answer) + Send + 'static,
) {
    let Some(task) = app.task_id() else { return };
    let model = &app.indicators;
    let number = model.asked.get().saturating_add(1);
    model.asked.set(number);
    model.running.set(true);
    app.window.global::<Indicators<'_>>().set_running(true);
    let work = (Errand::Indicators(task, Box::new(query)), say!("正在计算机构指标").to_owned());
    errand::run_in_turn(app, vec![work], move |app, home| {
        if app.indicators.asked.get() != number {
            return;
        }
        app.indicators.running.set(false);
        app.window.global::<Indicators<'_>>().set_running(false);
        match home {
            Ok(Some(Home::Indicators(answer))) => then(app, *answer),
            Ok(_) => {}
            Err(trouble) => errand::show_trouble(app, &trouble),
        }
    });
}

pub(crate) fn compute_topic(app: &Rc<App>) {
    let topic = {
        let catalogue = app.indicators.catalogue.borrow();
        let topics = catalogue.as_ref().map(|c| &c.topics);
        topics.and_then(|t| t.keys().nth(app.indicators.topic.get()).cloned())
    };
    let (period, against) = app.indicators.span.borrow().periods();
    app.indicators.answer.borrow_mut().take();
    draw(app);
    let query =
        IndicatorQuery { topic, period, against, limit: RANKED, ..IndicatorQuery::default() };
    compute(app, query, |app, answer| {
        *app.indicators.answer.borrow_mut() = Some(answer);
        draw(app);
    });
}

fn draw(app: &Rc<App>) {
    let face = app.window.global::<Indicators<'_>>();
    face.set_topic(i32::try_from(app.indicators.topic.get()).unwrap_or(0));
    face.set_span(app.indicators.span.borrow().words().into());
    let other = app.indicators.span.borrow().other_words();
    let answer = app.indicators.answer.borrow();
    let mut figures = Vec::new();
    let mut remarks = Vec::new();
    if let Some(answer) = answer.as_ref() {
        for line in &answer.indicators {
            figures.push(figure(line, &warning(answer, &line.id), other));
        }
        remarks =
            answer.notes.iter().take(2).map(|n| say!("{}：{}", n.about, n.text).into()).collect();
    }
    drop(answer);
    face.set_figures(ModelRc::new(VecModel::from(figures)));
    face.set_remarks(ModelRc::new(VecModel::<SharedString>::from(remarks)));
}

/// What a raised warning says, with its threshold and where that comes from.
fn warning(answer: &Answer, id: &str) -> String {
    let raised = answer.warnings.iter().find(|w| w.indicator == id);
    raised.map_or_else(String::new, |w| {
        say!("{} · {}（{}）", w.name, w.threshold, word(w.origin.zh()))
    })
}

pub(crate) fn enter_one(app: &Rc<App>, id: &str) {
    let model = &app.indicators;
    let there = model.one.borrow().as_ref().is_some_and(|line| line.id == id);
    if there {
        return;
    }
    clear(model);
    months::clear(app);
    model.reason.borrow_mut().take();
    let known = model.answer.borrow().as_ref().and_then(|answer| again::told(answer, id));
    match known {
        Some((line, warned)) => show_one(app, line, &warned),
        None => again::fetch_one(app, id.to_owned()),
    }
}

/// One figure, and below it what it is about.
fn show_one(app: &Rc<App>, line: Line, warned: &str) {
    let model = &app.indicators;
    let id = line.id.clone();
    let other = model.span.borrow().other_words();
    let face = app.window.global::<Indicators<'_>>();
    face.set_title(line.name.as_str().into());
    face.set_span(model.span.borrow().words().into());
    face.set_source(source_words(&line).into());
    face.set_one(figure(&line, warned, other));
    let ranked = !line.list.is_empty();
    *model.one.borrow_mut() = Some(line);
    show_below(app, None);
    // A topic that is about departments shows them at once.
    let by = {
        let catalogue = model.catalogue.borrow();
        let topics = catalogue.as_ref().map(|c| &c.topics);
        topics.and_then(|t| t.values().nth(model.topic.get()).and_then(|t| t.by))
    };
    let by = by.filter(|by| {
        !ranked && !guarded(app, &id, &Below::Parts(*by)) && breaks_down(app, &id, *by)
    });
    // A ranking is what its figure is about.
    match by {
        Some(by) => below(app, Below::Parts(by)),
        None if ranked => {}
        None => below(app, Below::Months),
    }
}

/// Nothing stands below the figure.
fn clear(model: &Model) {
    *model.below.borrow_mut() = Below::Nothing;
    model.under.borrow_mut().take();
    model.rows.forget();
}

fn keep_below(app: &App, below: Below) {
    *app.indicators.below.borrow_mut() = below;
}

fn breaks_down(app: &App, id: &str, by: Dimension) -> bool {
    let catalogue = app.indicators.catalogue.borrow();
    catalogue
        .as_ref()
        .and_then(|c| c.indicators.get(id))
        .is_some_and(|i| i.dimensions.contains(&by))
}

fn source_words(line: &Line) -> String {
    let mut words = vec![say!("来源 {}", line.source)];
    if line.cell.missing > 0 {
        words.push(say!("{} 行未上传，未计入", words::count(line.cell.missing)));
    }
    words.extend(line.cell.why.clone());
    words.join(" · ")
}

/// Asks for what shall stand below the figure; first for a reason where it is guarded.
fn below(app: &Rc<App>, what: Below) {
    let Some(id) = app.indicators.one.borrow().as_ref().map(|l| l.id.clone()) else { return };
    let (period, against) = app.indicators.span.borrow().periods();
    let reason = app.indicators.reason.borrow().clone();
    let mut query = IndicatorQuery {
        ids: vec![id.clone()],
        period,
        against,
        limit: PARTS,
        reason,
        ..IndicatorQuery::default()
    };
    match &what {
        Below::Months => query.months = true,
        Below::Parts(by) => query.by = Some(*by),
        Below::Rows(scope) => {
            query.by = scope.key.as_ref().map(|(by, _)| *by);
            query.behind = Some(scope.key.as_ref().map(|(_, key)| key.clone()));
            if let Some(month) = &scope.month {
                query.period = Some(month.clone());
                query.against = None;
            }
        }
        Below::Nothing => return,
    }
    if query.reason.is_none() && guarded(app, &id, &what) {
        *app.indicators.wanted.borrow_mut() = Some(what);
        let face = app.window.global::<Indicators<'_>>();
        face.set_reason("".into());
        let reasons = REASONS.map(word).map(SharedString::from);
        face.set_reasons(ModelRc::new(VecModel::from_iter(reasons)));
        face.set_asking(say!("为什么要看").into());
        return;
    }
    compute(app, query, move |app, answer| {
        let before = app.indicators.below.replace(what);
        let rows = matches!(*app.indicators.below.borrow(), Below::Rows(_));
        if rows {
            app.indicators.rows.keep(&answer);
            // The answer of what stood there is the way back.
            let last = app.indicators.rows.last.take();
            if let Some(last) = last.filter(|_| !matches!(before, Below::Rows(_))) {
                *app.indicators.under.borrow_mut() = Some((before, last));
            }
        }
        show_below(app, Some(&answer));
        if !rows {
            app.indicators.rows.last.replace(Some(answer));
        }
    });
}

fn guarded(app: &App, id: &str, what: &Below) -> bool {
    let catalogue = app.indicators.catalogue.borrow();
    let Some(catalogue) = catalogue.as_ref() else { return false };
    let Some(indicator) = catalogue.indicators.get(id) else { return false };
    match what {
        Below::Parts(by) => catalogue.is_guarded(indicator, &[*by]),
        // As the desk will ask it.
        Below::Rows(scope) => {
            let behind = BehindAsk { key: scope.key.as_ref().map(|k| k.1.clone()), limit: 1 };
            let ask = Ask {
                ids: vec![id.to_owned()],
                by: scope.key.as_ref().map(|(by, _)| *by),
                behind: Some(behind),
                ..Ask::default()
            };
            ask.is_guarded(catalogue).unwrap_or(true)
        }
        Below::Months | Below::Nothing => false,
    }
}

/// Draws what stands below the figure: nothing, a ranking, parts, or the visits behind it.
fn show_below(app: &Rc<App>, answer: Option<&Answer>) {
    let model = &app.indicators;
    let (below, line) = (model.below.borrow().clone(), model.one.borrow().clone());
    let Some(line) = line else { return };
    let other = model.span.borrow().other_words();
    let face = app.window.global::<Indicators<'_>>();
    face.set_lines(matches!(below, Below::Rows(_)));
    face.set_monthly(below == Below::Months);
    face.set_dimensions(ModelRc::new(VecModel::from(dimensions(app, &line.id, &below))));
    let computed = answer.and_then(|a| a.indicators.first());
    let (title, note, items) = match (&below, computed) {
        (Below::Months, Some(found)) if !found.months.is_empty() => {
            months::draw(app, found, other);
            (say!("按月").to_owned(), String::new(), months::items(found, other))
        }
        (Below::Parts(by), Some(found)) => {
            let by = *by;
            let total = words::count(u64::try_from(found.parts_total).unwrap_or(u64::MAX));
            (
                say!("按{}", word(by.zh())),
                say!("共 {}，按大小", total),
                parts(found, &found.parts, by, other),
            )
        }
        (Below::Rows(scope), _) => {
            let (title, note) = rows::words(app, &scope.words);
            face.set_rows(rows::items(app));
            (title, note, Vec::new())
        }
        _ if !line.list.is_empty() => (
            say!("排名").to_owned(),
            String::new(),
            parts(&line, &line.list, Dimension::Item, other),
        ),
        _ => (String::new(), String::new(), Vec::new()),
    };
    face.set_parts_title(title.into());
    face.set_parts_note(note.into());
    face.set_parts(ModelRc::new(VecModel::from(items)));
}

fn dimensions(app: &App, id: &str, below: &Below) -> Vec<NamedRow> {
    let catalogue = app.indicators.catalogue.borrow();
    let Some(catalogue) = catalogue.as_ref() else { return Vec::new() };
    let Some(indicator) = catalogue.indicators.get(id) else { return Vec::new() };
    indicator
        .dimensions
        .iter()
        // One facility: there is nothing to break down.
        .filter(|by| **by != Dimension::Facility)
        .map(|by| {
            let locked = catalogue.is_guarded(indicator, &[*by]);
            let note = if locked {
                say!("按{}（要原因）", word(by.zh()))
            } else {
                say!("按{}", word(by.zh()))
            };
            NamedRow {
                id: by.as_str().into(),
                title: word(by.zh()).into(),
                note: note.into(),
                state: if locked { "locked".into() } else { SharedString::default() },
                done: *below == Below::Parts(*by),
            }
        })
        .collect()
}

/// A person's part leads to the person, a row to what it is of, every other part to the rows under it.
fn open_part(app: &Rc<App>, key: &str) {
    let now = app.indicators.below.borrow().clone();
    match now {
        Below::Rows(_) => rows::open(app, key),
        Below::Months => {
            let month = months::of(key);
            let words = words::month(key);
            below(app, Below::Rows(Scope { month, words, ..Scope::default() }));
        }
        Below::Parts(Dimension::Person) if key.is_empty() => {}
        Below::Parts(Dimension::Person) => app.go(Place::Person(key.to_owned())),
        Below::Parts(by) => {
            let words = if key.is_empty() { say!("未上传").to_owned() } else { key.to_owned() };
            let key = Some((by, key.to_owned()));
            below(app, Below::Rows(Scope { key, words, ..Scope::default() }));
        }
        Below::Nothing => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_keeps_its_decimals_and_says_when_it_was_not_uploaded() {
        let text = |v: &str, unit| with_unit(Some(&v.to_owned()), unit);
        assert_eq!(text("18620450.20", "元"), "18,620,450.20 元");
        assert_eq!(text("-1234", "人次"), "-1,234 人次");
        assert_eq!(text("34.2", "%"), "34.2%");
        assert_eq!(with_unit(None, "元"), "未上传");
        assert_eq!(signed(Some(&"9.80".to_owned())), "+9.80%");
        assert_eq!(signed(Some(&"-0.50".to_owned())), "-0.50%");
        let [now, was, growth] = ["22.65", "21.15", "7.09"].map(str::to_owned);
        assert_eq!(change("%", Some(&now), Some(&was), Some(&growth)), "+1.50 个百分点");
        assert_eq!(change("%", Some(&was), Some(&now), None), "-1.50 个百分点");
        assert_eq!(change("%", Some(&now), None, None), "");
        assert_eq!(change("元", Some(&now), Some(&was), Some(&growth)), "+7.09%");
    }
}
