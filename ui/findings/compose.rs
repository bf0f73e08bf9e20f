//! A rule that the officer composes from parts and runs at once over the package.
//!
//! What it finds is listed and judged with everything else. The rule goes into the case as a note the first time it
//! is run there, so that the sealed bundle says what was looked for, and into the draft pack that the bundle brings to
//! the centre; the officer keeps it for the next visit, with when it last ran and what it found ([`crate::findings::own_rules`]).

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use slint::{ComponentHandle, ModelRc, SharedString, VecModel};
use spotcheck_app::composed::RanRule;
use spotcheck_app::rules::compose::{
    Composed, ListKind, ListPick, Measured, Pattern, Pick, Sex, Stretch, Whose,
};
use spotcheck_domain::claims::{ItemHit, Page};
use spotcheck_face::{Compose, NamedRow};

use crate::app::{App, Place};
use crate::findings::own_rules;
use crate::language::{say, word};
use crate::words;

/// Items shown at a search.
const HITS: u32 = 30;

#[derive(Default)]
pub(crate) struct Model {
    parts: RefCell<Composed>,
    /// 1 an item is looked for, 2 the other one.
    adding: Cell<i32>,
    hits: RefCell<Vec<ItemHit>>,
    /// This officer's rules, newest first.
    pub(crate) saved: RefCell<Vec<RanRule>>,
    /// Knowledge lists of the packs in force, with the number of their points.
    pub(crate) lists: RefCell<Vec<(ListPick, usize)>>,
    pub(crate) running: Cell<bool>,
}

pub(crate) fn connect(app: &Rc<App>) {
    let face = app.window.global::<Compose<'_>>();
    let weak = Rc::downgrade(app);
    face.on_choose(move |part, id| {
        if let Some(app) = weak.upgrade() {
            choose(&app, &part, &id);
        }
    });
    face.on_more(app.on_with(|app, by: i32| {
        {
            let mut parts = app.compose.parts.borrow_mut();
            parts.above = parts.above.saturating_add_signed(by).min(999_999);
        }
        draw(app);
    }));
    face.on_add(app.on_with(|app, which: i32| {
        app.compose.adding.set(which);
        app.compose.hits.borrow_mut().clear();
        app.window.global::<Compose<'_>>().set_query("".into());
        draw(app);
    }));
    face.on_search(app.on_with(|app, query: SharedString| search(app, query.trim())));
    face.on_pick(app.on_with(|app, id: SharedString| pick(app, &id)));
    let weak = Rc::downgrade(app);
    face.on_remove(move |which, n| {
        if let Some(app) = weak.upgrade() {
            let n = usize::try_from(n).unwrap_or(usize::MAX);
            {
                let mut parts = app.compose.parts.borrow_mut();
                let list = if which == 2 { &mut parts.other } else { &mut parts.items };
                if n < list.len() {
                    list.remove(n);
                }
            }
            draw(&app);
        }
    });
    face.on_reuse(app.on_with(|app, n: i32| {
        let saved =
            usize::try_from(n).ok().and_then(|n| app.compose.saved.borrow().get(n).cloned());
        if let Some(saved) = saved {
            *app.compose.parts.borrow_mut() = saved.rule;
            draw(app);
        }
    }));
    face.on_run(app.on(|app| {
        let own = app.compose.parts.borrow().clone();
        own_rules::run(app, vec![own]);
    }));
    face.on_run_all(app.on(|app| {
        let all: Vec<Composed> =
            app.compose.saved.borrow().iter().map(|ran| ran.rule.clone()).collect();
        own_rules::run(app, all);
    }));
}

/// Locked: what somebody was after is nobody else's business.
pub(crate) fn forget(app: &Rc<App>) {
    *app.compose.parts.borrow_mut() = Composed::default();
    app.compose.adding.set(0);
    app.compose.hits.borrow_mut().clear();
    app.compose.saved.borrow_mut().clear();
    app.compose.lists.borrow_mut().clear();
    app.compose.running.set(false);
    let face = app.window.global::<Compose<'_>>();
    face.set_query("".into());
    face.set_diagnoses("".into());
    draw(app);
}

/// From the search back to the parts.
pub(crate) fn step_back(app: &Rc<App>) -> bool {
    if app.place() != Place::Compose || app.compose.adding.get() == 0 {
        return false;
    }
    app.compose.adding.set(0);
    app.drop_keyboard();
    draw(app);
    true
}

pub(crate) fn enter(app: &Rc<App>) {
    draw(app);
    own_rules::load(app);
}

fn choose(app: &Rc<App>, part: &str, id: &str) {
    {
        let mut parts = app.compose.parts.borrow_mut();
        match part {
            "pattern" => {
                parts.pattern = Pattern::parse(id).unwrap_or(parts.pattern);
                // Two items meet on a day or in a visit; a month has no meaning there.
                if parts.pattern == Pattern::Together && !pairs(parts.stretch) {
                    parts.stretch = Stretch::Day;
                }
                // A list is the whole rule there: of other items nothing is left, and of several lists one.
                if parts.pattern == Pattern::Listed {
                    parts.items.retain(|pick| matches!(pick, Pick::List(_)));
                    parts.items.truncate(1);
                    keep_pairs(&mut parts);
                }
            }
            "stretch" => parts.stretch = Stretch::parse(id).unwrap_or(parts.stretch),
            "measured" => parts.measured = Measured::parse(id).unwrap_or(parts.measured),
            "whose" => parts.whose = Whose::parse(id).unwrap_or(parts.whose),
            "sex" => parts.sex = Sex::parse(id).unwrap_or(parts.sex),
            _ => {
                let codes = id.split(['、', ',', '，', ' ']).map(str::trim);
                parts.diagnoses = codes.filter(|c| !c.is_empty()).map(str::to_owned).collect();
            }
        }
    }
    draw(app);
}

/// Items that exclude each other meet on a day or in a visit.
fn keep_pairs(parts: &mut Composed) {
    let pair = parts.list().is_some_and(|list| list.kind == ListKind::Pair);
    if parts.pattern == Pattern::Listed && pair && !pairs(parts.stretch) {
        parts.stretch = Stretch::Day;
    }
}

const fn pairs(stretch: Stretch) -> bool {
    matches!(stretch, Stretch::Day | Stretch::Visit)
}

fn search(app: &Rc<App>, query: &str) {
    let Some(task) = app.task_id() else { return };
    if query.is_empty() {
        app.compose.hits.borrow_mut().clear();
        return draw(app);
    }
    let query = query.to_owned();
    app.ask(
        move |desk| desk.search_items(&task, &query, Page::first(HITS)),
        |app, hits| {
            *app.compose.hits.borrow_mut() = hits;
            draw(app);
        },
    );
}

/// An item by its code, or every item whose name holds what was typed (`~`).
fn pick(app: &Rc<App>, id: &str) {
    let picked = match (id.strip_prefix('~'), id.strip_prefix('=')) {
        (Some(word), _) => Some(Pick::Word(word.to_owned())),
        (None, Some(name)) => {
            let lists = app.compose.lists.borrow();
            let list = lists.iter().map(|(list, _)| list).find(|list| list.name == name);
            list.cloned().map(Pick::List)
        }
        (None, None) => {
            let hits = app.compose.hits.borrow();
            let hit = hits.iter().find(|h| h.med_list_codg == id);
            hit.map(|h| Pick::Code(h.med_list_codg.clone(), h.hilist_name.clone()))
        }
    };
    let Some(picked) = picked else { return };
    {
        let mut parts = app.compose.parts.borrow_mut();
        if parts.pattern == Pattern::Listed {
            parts.items.clear();
        }
        let list = if app.compose.adding.get() == 2 { &mut parts.other } else { &mut parts.items };
        if !list.contains(&picked) {
            list.push(picked);
        }
        keep_pairs(&mut parts);
    }
    app.compose.adding.set(0);
    app.drop_keyboard();
    draw(app);
}

fn options<T: Copy + PartialEq>(
    all: &[T],
    chosen: T,
    as_str: impl Fn(T) -> &'static str,
    zh: impl Fn(T) -> &'static str,
) -> ModelRc<NamedRow> {
    let row = |option: &T| NamedRow {
        id: as_str(*option).into(),
        title: word(zh(*option)).into(),
        done: *option == chosen,
        ..NamedRow::default()
    };
    ModelRc::new(VecModel::from_iter(all.iter().map(row)))
}

fn picks(list: &[Pick]) -> ModelRc<NamedRow> {
    let row = |pick: &Pick| NamedRow {
        title: pick.words().into(),
        note: match pick {
            Pick::Code(code, _) => code.as_str().into(),
            Pick::Word(_) => say!("名称里有这几个字的都算").into(),
            Pick::List(list) => word(list.kind.zh()).into(),
        },
        ..NamedRow::default()
    };
    ModelRc::new(VecModel::from_iter(list.iter().map(row)))
}

pub(crate) fn draw(app: &Rc<App>) {
    let parts = app.compose.parts.borrow().clone();
    let face = app.window.global::<Compose<'_>>();
    face.set_sentence(parts.sentence().into());
    face.set_patterns(options(Pattern::ALL, parts.pattern, Pattern::as_str, Pattern::zh));
    let kind = parts.list().map(|list| list.kind).filter(|_| parts.pattern == Pattern::Listed);
    let two = parts.pattern == Pattern::Together || kind == Some(ListKind::Pair);
    let stretches: Vec<Stretch> =
        Stretch::ALL.iter().copied().filter(|s| !two || pairs(*s)).collect();
    face.set_stretches(options(&stretches, parts.stretch, Stretch::as_str, Stretch::zh));
    face.set_measures(options(Measured::ALL, parts.measured, Measured::as_str, Measured::zh));
    face.set_whose(options(Whose::ALL, parts.whose, Whose::as_str, Whose::zh));
    face.set_sexes(options(Sex::ALL, parts.sex, Sex::as_str, Sex::zh));
    face.set_above(words::count(u64::from(parts.above)).into());
    face.set_listed(parts.pattern == Pattern::Listed);
    face.set_windowed(two || kind == Some(ListKind::Limit) || parts.pattern == Pattern::Often);
    face.set_measured(kind == Some(ListKind::Limit) || parts.pattern == Pattern::Often);
    face.set_often(parts.pattern == Pattern::Often);
    face.set_together(parts.pattern == Pattern::Together);
    face.set_by_sex(parts.pattern == Pattern::OtherSex);
    face.set_by_diagnosis(parts.pattern == Pattern::NoDiagnosis);
    face.set_items(picks(&parts.items));
    face.set_other(picks(&parts.other));
    face.set_running(app.compose.running.get());
    face.set_adding(app.compose.adding.get());
    let listed = parts.pattern == Pattern::Listed;
    face.set_hits(ModelRc::new(VecModel::from(hit_rows(app, &face.get_query(), listed))));
    let saved = app.compose.saved.borrow();
    face.set_saved(ModelRc::new(VecModel::from_iter(saved.iter().map(own_rules::row))));
}

/// Lists of the pack that the words name, or all of them. `whole`: only those that can be a rule by themselves.
fn list_rows(app: &App, query: &str, whole: bool) -> Vec<NamedRow> {
    let lists = app.compose.lists.borrow();
    let named = |list: &ListPick| {
        query.is_empty() || list.name.eq_ignore_ascii_case(query) || list.words.contains(query)
    };
    let row = |(list, points): &(ListPick, usize)| NamedRow {
        id: format!("={}", list.name).into(),
        title: say!("清单“{} {}”", list.name, list.words).into(),
        note: say!("知识库 · {}", word(list.kind.zh())).into(),
        state: say!("{} 条", points).into(),
        done: false,
    };
    let wanted = lists.iter().filter(|(list, _)| named(list));
    wanted.filter(|(list, _)| !whole || list.kind != ListKind::Items).map(row).collect()
}

/// What was found, after the word itself.
fn hit_rows(app: &App, query: &str, listed: bool) -> Vec<NamedRow> {
    let query = query.trim();
    if listed {
        return list_rows(app, query, true);
    }
    let mut rows = Vec::new();
    if query.chars().count() > 1 {
        rows.push(NamedRow {
            id: format!("~{query}").into(),
            title: say!("名称含“{}”的项目", query).into(),
            note: say!("这几个字的项目都算").into(),
            ..NamedRow::default()
        });
    }
    rows.extend(app.compose.hits.borrow().iter().map(|hit| NamedRow {
        id: hit.med_list_codg.as_str().into(),
        title: hit.hilist_name.as_str().into(),
        note: say!("{} · {} 行", hit.med_list_codg, words::count(hit.fee_lines)).into(),
        state: words::yuan(hit.amount).into(),
        done: false,
    }));
    rows.extend(list_rows(app, query, false));
    rows
}
