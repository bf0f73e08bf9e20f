//! What the rules found in the package: a list by weight, and each with what speaks against it.
//!
//! The rules run beside everything else when the list is opened for the first time. Nothing here is an
//! accusation: titles are statements of fact, and every one says why it may be wrong (rules.md, Words).

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use slint::{ComponentHandle, ModelRc, SharedString, VecModel};
use spotcheck_app::errand::{Errand, Home};
use spotcheck_app::rules::{Finding, rank};
use spotcheck_domain::TaskId;
use spotcheck_face::{NamedRow, PairItem, SuspicionItem, Suspicions};

use crate::app::{App, Place};
use crate::{errand, words};

#[derive(Default)]
pub(crate) struct Model {
    /// Whose findings these are.
    task: RefCell<Option<TaskId>>,
    /// Principal findings, weightiest first.
    findings: RefCell<Vec<Finding>>,
    /// 0 all, 1 red, 2 yellow, 3 green.
    filter: Cell<usize>,
    running: Cell<bool>,
    open: Cell<usize>,
}

/// 0 red, 1 yellow, 2 green: by the words of the light.
fn light(finding: &Finding) -> usize {
    match finding.grade.light().chars().next() {
        Some('红') => 0,
        Some('黄') => 1,
        _ => 2,
    }
}

/// Parts of five, and the word for them.
fn weight(finding: &Finding) -> (i32, &'static str) {
    match finding.weight {
        80.. => (5, "很高"),
        60..80 => (4, "高"),
        40..60 => (3, "中"),
        20..40 => (2, "低"),
        _ => (1, "很低"),
    }
}

fn item(n: usize, finding: &Finding) -> SuspicionItem {
    let (weight, weight_words) = weight(finding);
    SuspicionItem {
        n: i32::try_from(n).unwrap_or(i32::MAX),
        light: i32::try_from(light(finding)).unwrap_or(2),
        light_words: finding.grade.light().into(),
        weight,
        weight_words: weight_words.into(),
        title: finding.party.as_deref().unwrap_or(&finding.name).into(),
        amount: finding.amount.map_or_else(|| "未计金额".to_owned(), words::yuan).into(),
        reason: finding.reason.as_str().into(),
    }
}

pub(crate) fn connect(app: &Rc<App>) {
    let face = app.window.global::<Suspicions<'_>>();
    face.on_run(app.on(run));
    face.on_choose_filter(app.on_with(|app, n: i32| {
        app.suspicions.filter.set(usize::try_from(n).unwrap_or(0));
        draw(app);
    }));
    face.on_open(app.on_with(|app, n: i32| {
        app.go(Place::Suspicion(usize::try_from(n).unwrap_or(0)));
    }));
    face.on_visit(app.on(|app| {
        let visit = {
            let findings = app.suspicions.findings.borrow();
            findings.get(app.suspicions.open.get()).and_then(|f| f.mdtrt_id.clone())
        };
        if let Some(visit) = visit {
            app.go(Place::Visit(visit));
        }
    }));
}

/// What was read from a package is forgotten under the lock.
pub(crate) fn forget(app: &Rc<App>) {
    app.suspicions.task.borrow_mut().take();
    app.suspicions.findings.borrow_mut().clear();
    app.suspicions.filter.set(0);
}

/// One line for the tile of the task.
pub(crate) fn count_words(app: &Rc<App>) -> String {
    let here = *app.suspicions.task.borrow() == app.task_id() && app.task_id().is_some();
    match app.suspicions.findings.borrow().len() {
        _ if !here => "规则核对".to_owned(),
        count => format!("{count} 条"),
    }
}

pub(crate) fn enter(app: &Rc<App>) {
    let task = app.task_id();
    if *app.suspicions.task.borrow() == task {
        draw(app);
    } else {
        forget(app);
        run(app);
    }
}

/// Runs the rules over the package of the open task, beside everything else.
fn run(app: &Rc<App>) {
    let Some(task) = app.task_id() else { return };
    if app.errand.is_out() {
        draw(app);
        app.toast("正在做别的长时间工作，等它结束或先停下");
        return;
    }
    app.suspicions.running.set(true);
    draw(app);
    let work = (Errand::Audit(task.clone(), None), "正在按规则核对数据包".to_owned());
    errand::run(app, vec![work], move |app, home| {
        app.suspicions.running.set(false);
        match home {
            Ok(Some(Home::Audited(outcome))) => {
                // Locked meanwhile: nobody is there to look at it.
                if app.task_id().as_ref() == Some(&task) {
                    let order = rank(&outcome.findings);
                    let ranked = order
                        .iter()
                        .filter_map(|at| outcome.findings.get(*at))
                        .filter(|finding| finding.principal)
                        .cloned()
                        .collect();
                    *app.suspicions.findings.borrow_mut() = ranked;
                    *app.suspicions.task.borrow_mut() = Some(task);
                }
            }
            Ok(_) => {}
            Err(trouble) => errand::show_trouble(app, &trouble),
        }
        match app.place() {
            Place::Suspicions => draw(app),
            Place::Task(_) => app.show(),
            _ => {}
        }
    });
}

fn draw(app: &Rc<App>) {
    let model = &app.suspicions;
    let findings = model.findings.borrow().clone();
    let face = app.window.global::<Suspicions<'_>>();
    let of = |n: usize| findings.iter().filter(|f| light(f) == n).count();
    let filters: Vec<SharedString> = [
        format!("全部 {}", findings.len()),
        format!("红 {}", of(0)),
        format!("黄 {}", of(1)),
        format!("绿 {}", of(2)),
    ]
    .map(SharedString::from)
    .to_vec();
    let filter = model.filter.get();
    let items: Vec<SuspicionItem> = findings
        .iter()
        .enumerate()
        .filter(|(_, f)| filter == 0 || light(f).saturating_add(1) == filter)
        .map(|(n, f)| item(n, f))
        .collect();
    let facility = app.task.borrow().as_ref().map(|c| c.task.facility.fixmedins_name.clone());
    face.set_title(format!("线索 {}", findings.len()).into());
    face.set_note(facility.unwrap_or_default().into());
    face.set_running(model.running.get());
    face.set_looked(model.task.borrow().is_some());
    face.set_filters(ModelRc::new(VecModel::from(filters)));
    face.set_filter(i32::try_from(filter).unwrap_or(0));
    face.set_items(ModelRc::new(VecModel::from(items)));
}

pub(crate) fn enter_one(app: &Rc<App>, n: usize) {
    let Some(finding) = app.suspicions.findings.borrow().get(n).cloned() else {
        return;
    };
    app.suspicions.open.set(n);
    let face = app.window.global::<Suspicions<'_>>();
    face.set_one(item(n, &finding));
    face.set_facts(ModelRc::new(VecModel::from(facts(&finding))));
    face.set_doubts(ModelRc::new(VecModel::from(doubts(&finding))));
    let look: Vec<SharedString> = finding.look.iter().map(|l| l.as_str().into()).collect();
    face.set_look(ModelRc::new(VecModel::from(look)));
    face.set_has_visit(finding.mdtrt_id.is_some());
}

fn facts(finding: &Finding) -> Vec<PairItem> {
    let mut pairs = Vec::new();
    let mut add = |label: &str, value: String| {
        if !value.is_empty() {
            pairs.push(PairItem { label: label.into(), value: value.into() });
        }
    };
    add("日期", finding.date.clone().unwrap_or_default());
    add("涉及金额", finding.amount.map(words::yuan).unwrap_or_default());
    add("基金", finding.fund_amount.map(words::yuan).unwrap_or_default());
    add("计算方法", finding.loss_method.zh().to_owned());
    add("就诊号", finding.mdtrt_id.clone().unwrap_or_default());
    add(
        "明细",
        match finding.bkkp_sn.len() {
            0 => String::new(),
            count => format!("{count} 行"),
        },
    );
    add("规则", format!("{} · {}", finding.rule, finding.pack));
    pairs
}

/// Causes that were looked for and not found, then those that only the place can tell.
fn doubts(finding: &Finding) -> Vec<NamedRow> {
    let row = |text: &String, state: &str, done: bool| NamedRow {
        title: text.as_str().into(),
        state: state.into(),
        done,
        ..NamedRow::default()
    };
    let tried = finding.tried.iter().map(|t| row(t, "已排除", true));
    tried.chain(finding.doubt.iter().map(|d| row(d, "现场看", false))).collect()
}
