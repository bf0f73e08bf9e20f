//! What the rules found in the package: a list by weight; one of them is in [`crate::findings::suspicion`].
//!
//! The rules run beside everything else when a checked package is opened for the first time. Nothing here
//! is an accusation: titles are statements of fact, and every one says why it may be wrong (rules.md).

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde::{Deserialize, Serialize};
use slint::{ComponentHandle, ModelRc, SharedString, VecModel};
use spotcheck_app::errand::{Errand, Home};
use spotcheck_app::findings::{FindingCard, FindingState};
use spotcheck_app::rules::compare::is_of_export;
use spotcheck_app::rules::{Finding, Grade, Merged, Outcome, Pattern, merge, patterns};
use spotcheck_domain::TaskId;
use spotcheck_face::{SuspicionItem, Suspicions};

use crate::app::{App, Place};
use crate::findings::{around, compare, finding, narrow, suspicion, unjudged};
use crate::frame::{errand, left, place};
use crate::language::{say, word};
use crate::words;

/// What the list is narrowed to, beside the light.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Around {
    /// One rule.
    Rule(String),
    /// One item (`code`).
    Item(String),
    /// Somebody who had to do with it (staff code).
    Staff(String),
    /// One person (`psn_no`).
    Person(String),
    /// One entry of the list: rule, item, grade.
    Pattern(String, Option<String>, Grade),
    /// What came out of comparing an export.
    Export,
}

impl Around {
    pub(crate) fn holds(&self, finding: &Finding) -> bool {
        match self {
            Self::Rule(rule) => finding.rule == *rule,
            Self::Item(code) => finding.code.as_ref() == Some(code),
            Self::Person(person) => finding.psn_no.as_ref() == Some(person),
            Self::Staff(code) => staff(finding).any(|c| c == code),
            Self::Export => is_of_export(finding),
            Self::Pattern(rule, code, grade) => {
                finding.rule == *rule && finding.code == *code && finding.grade == *grade
            }
        }
    }

    fn words(&self) -> &'static str {
        match self {
            Self::Rule(_) => say!("只看同一规则"),
            Self::Item(_) => say!("只看同一项目"),
            Self::Staff(_) => say!("只看同一医师"),
            Self::Person(_) => say!("只看同一患者"),
            Self::Pattern(..) => say!("只看这一类"),
            Self::Export => say!("只看导出比对"),
        }
    }
}

/// What the list was narrowed to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Left {
    filter: usize,
    around: Option<Around>,
    department: Option<String>,
    month: Option<String>,
}

/// As it stands now.
pub(crate) fn left(app: &App) -> Option<Left> {
    let model = &app.suspicions;
    let (department, month) = model.narrow.left();
    let left = Left {
        filter: model.filter.get(),
        around: model.around.borrow().clone(),
        department,
        month,
    };
    Some(left).filter(|left| *left != Left::default())
}

/// As it stood before the lock.
fn come_back(app: &Rc<App>) {
    let Some(left) = left::take(app, |left| left.findings.take()) else { return };
    let model = &app.suspicions;
    model.filter.set(left.filter);
    *model.around.borrow_mut() = left.around;
    model.narrow.come_back(left.department, left.month);
}

/// Everybody who had to do with a finding, by staff code.
pub(crate) fn staff(finding: &Finding) -> impl Iterator<Item = &String> {
    let people = &finding.people;
    people.ordering.iter().chain(&people.executing).chain(&people.billing).chain(&people.answerable)
}

#[derive(Default)]
pub(crate) struct Model {
    /// Whose findings these are.
    task: RefCell<Option<TaskId>>,
    /// Whose package the rules were sent over without being asked; once is enough.
    tried: RefCell<Option<TaskId>>,
    /// What the package brought from the centre.
    packed: RefCell<Vec<Finding>>,
    /// What the handheld's own run gave.
    own: RefCell<Vec<Finding>>,
    /// Findings of both, the secondary ones too: they stand on the page of their principal one. One keeps its place as long as the task is open: a screen that shows it
    /// goes on showing it when the handheld's own run ends.
    pub(crate) findings: RefCell<Vec<Merged>>,
    /// Places of the principal ones, weightiest first.
    pub(crate) order: RefCell<Vec<usize>>,
    /// What was found by a composed rule, or by comparing an export: run apart, listed and judged with the rest.
    extra: RefCell<Vec<Finding>>,
    /// 0 all, 1 red, 2 yellow, 3 green, 4 not yet judged, 5 judged.
    filter: Cell<usize>,
    pub(crate) around: RefCell<Option<Around>>,
    running: Cell<bool>,
    pub(crate) open: Cell<usize>,
    pub(crate) one: suspicion::Model,
    pub(crate) found: finding::Model,
    pub(crate) narrow: narrow::Model,
    /// All lines around one of them.
    pub(crate) all: around::Model,
    /// What the whole run did not judge.
    pub(crate) gaps: RefCell<unjudged::Gaps>,
}

impl Model {
    /// Places of the findings that the list shows now.
    pub(crate) fn places(&self, judged: &Judged) -> Vec<usize> {
        let filter = self.filter.get();
        let shown = |key: &str, finding: &Finding| {
            let by_filter = match filter {
                0 => true,
                4 => judged.state(key).is_none(),
                5 => judged.state(key).is_some(),
                light => light_of(finding).saturating_add(1) == light,
            };
            by_filter && self.has(judged, finding)
        };
        let findings = self.findings.borrow();
        let order = self.order.borrow();
        let all = order.iter().filter_map(|n| Some((*n, findings.get(*n)?)));
        all.filter(|(_, m)| shown(&m.key, &m.finding)).map(|(n, _)| n).collect()
    }

    /// Whether a finding is in the part that the list is narrowed to, whatever its light.
    fn has(&self, judged: &Judged, finding: &Finding) -> bool {
        !judged.silent.contains(&finding.rule)
            && self.narrow.holds(finding)
            && self.around.borrow().as_ref().is_none_or(|around| around.holds(finding))
    }
}

/// What the officers of the open case have said so far.
#[derive(Debug, Default)]
pub(crate) struct Judged {
    cards: BTreeMap<String, FindingCard>,
    silent: BTreeSet<String>,
}

impl Judged {
    pub(crate) fn of(app: &App) -> Self {
        let case = app.case.borrow();
        let Some(case) = case.as_ref() else { return Self::default() };
        Self {
            cards: case.findings.iter().map(|c| (c.key.clone(), c.clone())).collect(),
            silent: case.silenced.iter().map(|s| s.rule.clone()).collect(),
        }
    }

    pub(crate) fn card(&self, key: &str) -> Option<&FindingCard> {
        self.cards.get(key)
    }

    /// The state somebody gave it; taken back counts as none.
    pub(crate) fn state(&self, key: &str) -> Option<FindingState> {
        self.card(key).map(|c| c.state).filter(|s| *s != FindingState::Open)
    }
}

/// The word for a state on site.
pub(crate) fn state_words(state: FindingState) -> &'static str {
    match state {
        FindingState::Confirmed => say!("事实属实"),
        FindingState::Excluded => say!("已排除"),
        FindingState::NeedsEvidence => say!("需补证"),
        _ => "",
    }
}

/// 0 red, 1 yellow, 2 green: by the words of the light.
pub(crate) fn light_of(finding: &Finding) -> usize {
    match finding.grade.light().chars().next() {
        Some('红') => 0,
        Some('黄') => 1,
        _ => 2,
    }
}

pub(crate) fn light_number(finding: &Finding) -> i32 {
    i32::try_from(light_of(finding)).unwrap_or(2)
}

/// Parts of five, and the word for them.
fn weight(weight: u32) -> (i32, &'static str) {
    match weight {
        80.. => (5, say!("很高")),
        60..80 => (4, say!("高")),
        40..60 => (3, say!("中")),
        20..40 => (2, say!("低")),
        _ => (1, say!("很低")),
    }
}

/// A statement of fact, never the name among inspectors where there is one for the party.
pub(crate) fn title(finding: &Finding) -> &str {
    finding.party.as_deref().unwrap_or(&finding.name)
}

pub(crate) fn item(n: usize, finding: &Finding, state: Option<FindingState>) -> SuspicionItem {
    let (weight, weight_words) = weight(finding.weight);
    SuspicionItem {
        n: i32::try_from(n).unwrap_or(i32::MAX),
        many: false,
        light: light_number(finding),
        light_words: word(finding.grade.light()).into(),
        weight,
        weight_words: weight_words.into(),
        title: title(finding).into(),
        amount: finding.amount.map_or_else(|| say!("未计金额").to_owned(), words::yuan).into(),
        reason: finding.reason.as_str().into(),
        verdict: state.map_or("", state_words).into(),
    }
}

/// The entries of the list: one for each pattern as long as nothing narrows it, else one for each finding
/// (rules.md: weight decides the order; four hundred entries of one pattern would hide everything else).
pub(crate) fn entries(
    findings: &[Merged],
    places: &[usize],
    judged: &Judged,
) -> Vec<SuspicionItem> {
    let shown: Vec<(usize, &Merged)> =
        places.iter().filter_map(|n| Some((*n, findings.get(*n)?))).collect();
    let grouped = patterns(shown.iter().map(|(_, m)| &m.finding));
    let entry = |pattern: &Pattern| {
        let (first, others) = pattern.members.split_first()?;
        let (n, merged) = *shown.get(*first)?;
        let mut entry = item(n, &merged.finding, judged.state(&merged.key));
        if others.is_empty() {
            return Some(entry);
        }
        let all = pattern.members.len();
        let said = pattern.members.iter().filter_map(|n| shown.get(*n));
        let said = said.filter(|(_, m)| judged.state(&m.key).is_some()).count();
        let (bars, bar_words) = weight(pattern.weight);
        entry.many = true;
        entry.weight = bars;
        entry.weight_words = bar_words.into();
        entry.amount =
            pattern.amount.map_or_else(|| say!("未计金额").to_owned(), words::yuan).into();
        entry.reason = say!("同类 {} 条，其中一条：{}", all, merged.finding.reason).into();
        entry.verdict = match said {
            0 => String::new(),
            said => say!("已看 {}/{}", said, all),
        }
        .into();
        Some(entry)
    };
    grouped.iter().filter_map(entry).collect()
}

pub(crate) fn connect(app: &Rc<App>) {
    let face = app.window.global::<Suspicions<'_>>();
    face.on_run(app.on(run));
    face.on_choose_filter(app.on_with(|app, n: i32| {
        app.suspicions.filter.set(usize::try_from(n).unwrap_or(0));
        place::remember(app);
        draw(app);
    }));
    face.on_open(app.on_with(|app, n: i32| {
        app.go(Place::Suspicion(usize::try_from(n).unwrap_or(0)));
    }));
    face.on_open_pattern(app.on_with(open_pattern));
    face.on_widen(app.on(|app| {
        app.suspicions.around.borrow_mut().take();
        app.suspicions.narrow.widen();
        place::remember(app);
        draw(app);
    }));
    face.on_compose(app.on(|app| app.go(Place::Compose)));
    face.on_hear_again(app.on(suspicion::hear_again));
    face.on_show_unjudged(app.on(|app| app.go(Place::Unjudged)));
    suspicion::connect(app);
    finding::connect(app);
    narrow::connect(app);
    unjudged::connect(app);
    around::connect(app);
}

/// An entry of several findings: the list shows those alone.
fn open_pattern(app: &Rc<App>, n: i32) {
    let around = {
        let findings = app.suspicions.findings.borrow();
        let first = usize::try_from(n).ok().and_then(|n| findings.get(n));
        first.map(|m| {
            let f = &m.finding;
            Around::Pattern(f.rule.clone(), f.code.clone(), f.grade)
        })
    };
    *app.suspicions.around.borrow_mut() = around;
    place::remember(app);
    draw(app);
}

/// What was read from a package is forgotten under the lock.
pub(crate) fn forget(app: &Rc<App>) {
    app.suspicions.task.borrow_mut().take();
    app.suspicions.findings.borrow_mut().clear();
    app.suspicions.order.borrow_mut().clear();
    app.suspicions.packed.borrow_mut().clear();
    app.suspicions.own.borrow_mut().clear();
    app.suspicions.extra.borrow_mut().clear();
    app.suspicions.around.borrow_mut().take();
    app.suspicions.filter.set(0);
    *app.suspicions.gaps.borrow_mut() = unjudged::Gaps::default();
    suspicion::close(app);
    finding::forget(app);
    narrow::forget(app);
    around::forget(app);
}

/// One line for the tile of the task.
pub(crate) fn count_words(app: &Rc<App>) -> String {
    let here = *app.suspicions.task.borrow() == app.task_id() && app.task_id().is_some();
    if !here {
        return say!("规则核对").to_owned();
    }
    let judged = Judged::of(app);
    let findings = app.suspicions.findings.borrow();
    let own = || principals(&findings);
    let done = own().filter(|m| judged.state(&m.key).is_some()).count();
    match done {
        0 => say!("{} 条", own().count()),
        done => say!("{} 条 · 已看 {}", own().count(), done),
    }
}

/// Those that are listed and counted; the others stand under one of them.
pub(crate) fn principals(findings: &[Merged]) -> impl Iterator<Item = &Merged> {
    findings.iter().filter(|m| m.finding.principal)
}

pub(crate) fn enter(app: &Rc<App>) {
    let task = app.task_id();
    if *app.suspicions.task.borrow() == task {
        come_back(app);
        draw(app);
    } else {
        forget(app);
        come_back(app);
        run(app);
    }
}

/// The rules run once by themselves over a checked package; stopping them is respected.
pub(crate) fn run_unasked(app: &Rc<App>) {
    let task = app.task_id();
    let fresh = task.is_some()
        && *app.suspicions.task.borrow() != task
        && *app.suspicions.tried.borrow() != task;
    if fresh && !app.errand.is_out() {
        *app.suspicions.tried.borrow_mut() = task;
        forget(app);
        run(app);
    }
}

/// The centre ran the rules before the package was made: what it found is there at once.
fn ask_packed(app: &Rc<App>, task: TaskId) {
    let asked = task.clone();
    app.ask(
        move |desk| desk.packed_findings(&asked),
        move |app, packed| {
            if !packed.is_empty() && app.task_id().as_ref() == Some(&task) {
                *app.suspicions.packed.borrow_mut() = packed;
                put(app, task);
            }
        },
    );
}

/// What comparing an export found, in the place of what an earlier comparison did.
pub(crate) fn add_export(app: &Rc<App>, findings: Vec<Finding>) {
    let Some(task) = app.task_id() else { return };
    {
        let mut extra = app.suspicions.extra.borrow_mut();
        extra.retain(|f| !is_of_export(f));
        extra.extend(findings);
    }
    put(app, task);
}

/// What the case keeps of the last comparison: there again after a lock, without the way by thumb.
fn ask_compared(app: &Rc<App>, task: TaskId) {
    let asked = task.clone();
    app.ask(
        move |desk| desk.compared_findings(&asked),
        move |app, kept| {
            let here = app.task_id().as_ref() == Some(&task);
            let newer = app.suspicions.extra.borrow().iter().any(is_of_export);
            if let Some(kept) = kept.filter(|_| here && !newer) {
                compare::remember(app, kept.evidence);
                app.suspicions.extra.borrow_mut().extend(kept.findings);
                put(app, task);
            }
        },
    );
}

/// Adds findings that were made apart from the pack, in the place of earlier ones of the same rule.
pub(crate) fn add(app: &Rc<App>, rule: &str, findings: Vec<Finding>) {
    let Some(task) = app.task_id() else { return };
    {
        let mut extra = app.suspicions.extra.borrow_mut();
        extra.retain(|f| f.rule != rule);
        extra.extend(findings);
    }
    put(app, task);
}

/// A run of one rule: what it found and did not judge takes the place of what was known of that rule.
pub(crate) fn keep_rule(app: &Rc<App>, rule: &str, outcome: Outcome) {
    let Some(task) = app.task_id() else { return };
    app.suspicions.gaps.borrow_mut().replace(rule, &outcome);
    {
        let mut own = app.suspicions.own.borrow_mut();
        // Which finding of a line is its principal one is decided among all rules, not by a run of one.
        let known: BTreeMap<String, bool> =
            own.iter().filter(|f| f.rule == rule).map(|f| (f.key(), f.principal)).collect();
        own.retain(|f| f.rule != rule);
        own.extend(outcome.findings.into_iter().filter(|f| f.rule == rule).map(|mut found| {
            if let Some(principal) = known.get(&found.key()) {
                found.principal = *principal;
            }
            found
        }));
    }
    put(app, task);
}

/// Shows the list narrowed to something, as a place of the work space.
pub(crate) fn show_around(app: &Rc<App>, around: Around) {
    // What was left there is of no use to who asks for something else.
    let _narrower = left::take(app, |left| left.findings.take());
    app.suspicions.filter.set(0);
    app.suspicions.narrow.widen();
    *app.suspicions.around.borrow_mut() = Some(around);
    if let Some(way) = place::to_tab(&app.way(), Place::Suspicions.tab()) {
        app.restart_at(&way);
    }
}

/// Puts the centre's findings and the handheld's own together, and shows them.
fn put(app: &Rc<App>, task: TaskId) {
    let model = &app.suspicions;
    let mut own = model.own.borrow().clone();
    own.extend(model.extra.borrow().iter().cloned());
    let merged = merge(model.packed.borrow().clone(), own);
    {
        let mut findings = model.findings.borrow_mut();
        let mut order: Vec<usize> = Vec::with_capacity(merged.len());
        let mut places: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (n, m) in findings.iter().enumerate().rev() {
            places.entry(m.key.clone()).or_default().push(n);
        }
        for m in merged {
            let listed = m.finding.principal;
            let place = places.get_mut(&m.key).and_then(Vec::pop);
            let n = match place.and_then(|n| Some((n, findings.get_mut(n)?))) {
                Some((n, known)) => {
                    *known = m;
                    n
                }
                None => {
                    findings.push(m);
                    findings.len().saturating_sub(1)
                }
            };
            if listed {
                order.push(n);
            }
        }
        *model.order.borrow_mut() = order;
    }
    *model.task.borrow_mut() = Some(task);
    narrow::know_departments(app);
    show_here(app);
}

fn show_here(app: &Rc<App>) {
    match app.place() {
        Place::Suspicions => draw(app),
        Place::Task(_) | Place::Unjudged => app.show(),
        _ => {}
    }
}

/// Runs the rules over the package of the open task, beside everything else.
fn run(app: &Rc<App>) {
    let Some(task) = app.task_id() else { return };
    if app.suspicions.running.get() {
        return draw(app);
    }
    if app.suspicions.packed.borrow().is_empty() {
        ask_packed(app, task.clone());
    }
    ask_compared(app, task.clone());
    if app.errand.is_out() {
        draw(app);
        app.toast(say!("正在做别的长时间工作，等它结束或先停下"));
        return;
    }
    app.suspicions.running.set(true);
    draw(app);
    // What can be seen at once is shown at once; the whole run takes its place (rules.md: work goes on meanwhile).
    errand::first_look(app, task.clone(), say!("正在先看一遍数据包"), move |app, home| {
        let here = app.task_id().as_ref() == Some(&task);
        match home {
            Ok(Some(Home::Audited(outcome))) if here => {
                *app.suspicions.own.borrow_mut() = outcome.findings;
                put(app, task.clone());
                return run_whole(app, task);
            }
            Ok(_) => {}
            Err(trouble) => errand::show_trouble(app, &trouble),
        }
        app.suspicions.running.set(false);
        show_here(app);
    });
}

/// All rules over the whole package.
fn run_whole(app: &Rc<App>, task: TaskId) {
    let work = (Errand::Audit(task.clone(), None), say!("正在按规则核对数据包").to_owned());
    errand::run(app, vec![work], move |app, home| {
        app.suspicions.running.set(false);
        match home {
            Ok(Some(Home::Audited(outcome))) => {
                // Locked meanwhile: nobody is there to look at it.
                if app.task_id().as_ref() == Some(&task) {
                    *app.suspicions.gaps.borrow_mut() = unjudged::Gaps::of(&outcome);
                    *app.suspicions.own.borrow_mut() = outcome.findings;
                    put(app, task);
                    return;
                }
            }
            Ok(_) => {}
            Err(trouble) => errand::show_trouble(app, &trouble),
        }
        show_here(app);
    });
}

pub(crate) fn draw(app: &Rc<App>) {
    let model = &app.suspicions;
    let judged = Judged::of(app);
    let places = model.places(&judged);
    let face = app.window.global::<Suspicions<'_>>();
    {
        let findings = model.findings.borrow();
        let heard = || principals(&findings).filter(|m| !judged.silent.contains(&m.finding.rule));
        // What a light would show: of the part that the list is narrowed to.
        let part: Vec<&Merged> = heard().filter(|m| model.has(&judged, &m.finding)).collect();
        let of = |n: usize| part.iter().filter(|m| light_of(&m.finding) == n).count();
        let done = part.iter().filter(|m| judged.state(&m.key).is_some()).count();
        let (all, here) = (heard().count(), part.len());
        let filters: Vec<SharedString> = [
            say!("全部 {}", here),
            say!("红 {}", of(0)),
            say!("黄 {}", of(1)),
            say!("绿 {}", of(2)),
            say!("未看 {}", here.saturating_sub(done)),
            say!("已看 {}", done),
        ]
        .map(SharedString::from)
        .to_vec();
        let single =
            |n: &usize| findings.get(*n).map(|m| item(*n, &m.finding, judged.state(&m.key)));
        let items: Vec<SuspicionItem> = match *model.around.borrow() {
            None => entries(&findings, &places, &judged),
            Some(_) => places.iter().filter_map(single).collect(),
        };
        face.set_title(say!("线索 {}", all).into());
        face.set_filters(ModelRc::new(VecModel::from(filters)));
        face.set_items(ModelRc::new(VecModel::from(items)));
    }
    let facility = app.task.borrow().as_ref().map(|c| c.task.facility.fixmedins_name.clone());
    face.set_note(facility.unwrap_or_default().into());
    face.set_running(model.running.get());
    face.set_looked(model.task.borrow().is_some());
    face.set_filter(i32::try_from(model.filter.get()).unwrap_or(0));
    let mut narrowed = model.narrow.words();
    narrowed.extend(model.around.borrow().as_ref().map(|a| a.words().to_owned()));
    let narrowed = match narrowed.is_empty() {
        true => String::new(),
        false => say!("{} · {} 条", narrowed.join(" · "), places.len()),
    };
    face.set_narrowed(narrowed.into());
    face.set_unjudged(model.gaps.borrow().words().into());
    let silenced: Vec<&str> = judged.silent.iter().map(String::as_str).collect();
    face.set_silenced(
        if silenced.is_empty() {
            String::new()
        } else {
            say!("不提示的规则 {}", silenced.join(say!("、")))
        }
        .into(),
    );
}
