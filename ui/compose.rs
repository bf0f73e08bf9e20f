//! A rule that the officer composes from parts and runs at once over the package.
//!
//! What it finds is listed and judged with everything else. The rule goes into the case as a note the first time it
//! is run there, so that the sealed bundle says what was looked for; the officer keeps it for the next visit.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use serde::{Deserialize, Serialize};
use slint::{ComponentHandle, ModelRc, SharedString, VecModel};
use spotcheck_app::desk::Own;
use spotcheck_app::errand::{Errand, Home};
use spotcheck_app::rules::compose::{Composed, Measured, Pattern, Pick, Sex, Stretch, Whose};
use spotcheck_domain::claims::{ItemHit, Page};
use spotcheck_face::{Compose, NamedRow};

use crate::app::{App, Place};
use crate::language::{kept, say, word};
use crate::suspicions::{self, Around};
use crate::{errand, words};

/// Schema of what an officer keeps.
const SCHEMA: &str = "spotcheck-own-rules/1";
/// Rules that are kept, newest first.
const KEPT: usize = 20;
/// Items shown at a search.
const HITS: u32 = 30;

#[derive(Default)]
pub(crate) struct Model {
    parts: RefCell<Composed>,
    /// 1 an item is looked for, 2 the other one.
    adding: Cell<i32>,
    hits: RefCell<Vec<ItemHit>>,
    saved: RefCell<Vec<Composed>>,
    /// Ids of rules that stand in the case already.
    noted: RefCell<Vec<String>>,
    running: Cell<bool>,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    schema: String,
    rules: Vec<Composed>,
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
            *app.compose.parts.borrow_mut() = saved;
            draw(app);
        }
    }));
    face.on_run(app.on(run));
}

/// Locked: what somebody was after is nobody else's business.
pub(crate) fn forget(app: &Rc<App>) {
    *app.compose.parts.borrow_mut() = Composed::default();
    app.compose.adding.set(0);
    app.compose.hits.borrow_mut().clear();
    app.compose.saved.borrow_mut().clear();
    app.compose.noted.borrow_mut().clear();
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
    app.ask_result(
        |desk| desk.own(Own::Rules),
        |app, kept| {
            let text = kept.ok().flatten().unwrap_or_default();
            let kept = serde_json::from_str::<Kept>(&text).ok().filter(|k| k.schema == SCHEMA);
            *app.compose.saved.borrow_mut() = kept.map(|k| k.rules).unwrap_or_default();
            draw(app);
        },
    );
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
    let picked = match id.strip_prefix('~') {
        Some(word) => Some(Pick::Word(word.to_owned())),
        None => {
            let hits = app.compose.hits.borrow();
            let hit = hits.iter().find(|h| h.med_list_codg == id);
            hit.map(|h| Pick::Code(h.med_list_codg.clone(), h.hilist_name.clone()))
        }
    };
    let Some(picked) = picked else { return };
    {
        let mut parts = app.compose.parts.borrow_mut();
        let list = if app.compose.adding.get() == 2 { &mut parts.other } else { &mut parts.items };
        if !list.contains(&picked) {
            list.push(picked);
        }
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
        },
        ..NamedRow::default()
    };
    ModelRc::new(VecModel::from_iter(list.iter().map(row)))
}

fn draw(app: &Rc<App>) {
    let parts = app.compose.parts.borrow().clone();
    let face = app.window.global::<Compose<'_>>();
    face.set_sentence(parts.sentence().into());
    face.set_patterns(options(Pattern::ALL, parts.pattern, Pattern::as_str, Pattern::zh));
    let stretches: Vec<Stretch> = Stretch::ALL
        .iter()
        .copied()
        .filter(|s| parts.pattern != Pattern::Together || pairs(*s))
        .collect();
    face.set_stretches(options(&stretches, parts.stretch, Stretch::as_str, Stretch::zh));
    face.set_measures(options(Measured::ALL, parts.measured, Measured::as_str, Measured::zh));
    face.set_whose(options(Whose::ALL, parts.whose, Whose::as_str, Whose::zh));
    face.set_sexes(options(Sex::ALL, parts.sex, Sex::as_str, Sex::zh));
    face.set_above(words::count(u64::from(parts.above)).into());
    face.set_often(parts.pattern == Pattern::Often);
    face.set_together(parts.pattern == Pattern::Together);
    face.set_by_sex(parts.pattern == Pattern::OtherSex);
    face.set_by_diagnosis(parts.pattern == Pattern::NoDiagnosis);
    face.set_items(picks(&parts.items));
    face.set_other(picks(&parts.other));
    face.set_running(app.compose.running.get());
    face.set_adding(app.compose.adding.get());
    face.set_hits(ModelRc::new(VecModel::from(hit_rows(app, &face.get_query()))));
    let saved = app.compose.saved.borrow();
    let row = |own: &Composed| NamedRow {
        title: own.sentence().into(),
        note: format!("{} · {}", own.id(), word(own.whose.zh())).into(),
        ..NamedRow::default()
    };
    face.set_saved(ModelRc::new(VecModel::from_iter(saved.iter().map(row))));
}

/// What was found, after the word itself.
fn hit_rows(app: &App, query: &str) -> Vec<NamedRow> {
    let query = query.trim();
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
    rows
}

fn run(app: &Rc<App>) {
    let Some(task) = app.task_id() else { return };
    let own = app.compose.parts.borrow().clone();
    app.compose.running.set(true);
    draw(app);
    keep(app, &own);
    let id = own.id();
    let work = (Errand::Compose(task, Box::new(own)), say!("正在按自编规则核对").to_owned());
    errand::run_in_turn(app, vec![work], move |app, home| {
        if !app.compose.running.replace(false) {
            return;
        }
        draw(app);
        match home {
            Ok(Some(Home::Audited(outcome))) => {
                let refused = outcome.refused.first().map(ToString::to_string);
                let told = outcome.silences.first().map(|s| s.reason.clone());
                let count = outcome.findings.len();
                suspicions::add(app, &id, outcome.findings);
                match (count, refused, told) {
                    (0, Some(why), _) => app.toast(&why),
                    (0, None, Some(why)) => app.toast(&say!("没有找到。未判断的：{}", why)),
                    (0, None, None) => app.toast(say!("没有找到符合的")),
                    (count, ..) => {
                        suspicions::show_around(app, Around::Rule(id));
                        app.toast(&say!("找到 {} 条，仍要核实", count));
                    }
                }
            }
            Ok(_) => {}
            Err(trouble) => errand::show_trouble(app, &trouble),
        }
    });
}

/// For the next visit, and once for the case.
fn keep(app: &Rc<App>, own: &Composed) {
    {
        let mut saved = app.compose.saved.borrow_mut();
        saved.retain(|other| other != own);
        saved.insert(0, own.clone());
        saved.truncate(KEPT);
    }
    let rules = app.compose.saved.borrow().clone();
    let json =
        serde_json::to_string(&Kept { schema: SCHEMA.to_owned(), rules }).unwrap_or_default();
    let id = own.id();
    let new = !app.compose.noted.borrow().contains(&id);
    let case = app.case_id().filter(|_| new);
    if case.is_some() {
        app.compose.noted.borrow_mut().push(id.clone());
    }
    let note = format!(kept!("自编规则 {}:{}\n{}"), id, own.sentence(), own.toml());
    app.ask(
        move |desk| {
            desk.keep_own(Own::Rules, &json)?;
            case.map_or(Ok(()), |case| desk.note(&case, &note))
        },
        |_, ()| {},
    );
}
