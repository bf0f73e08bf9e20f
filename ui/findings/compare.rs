//! A facility's own export against its upload (rule F13): the way is the application's, this draws it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use slint::{ComponentHandle, ModelRc, VecModel};
use spotcheck_app::compare::{Choice, ComparedView, Comparison, Stage, Tap};
use spotcheck_app::rules::Finding;
use spotcheck_app::rules::compare::{Class, Difference, Field, Side, is_of_export};
use spotcheck_domain::TaskId;
use spotcheck_domain::claims::Page;
use spotcheck_face::{Compare, NamedRow};

use crate::app::{App, Place};
use crate::findings::suspicions;
use crate::findings::suspicions::Around;
use crate::frame::{errand, trouble};
use crate::language::{say, word};
use crate::words;

/// Differences listed at once; beyond it a class is chosen first.
const LISTED: u32 = 200;

#[derive(Default)]
pub(crate) struct Model {
    way: RefCell<Option<(TaskId, Comparison)>>,
    /// The field whose column is being picked.
    picking: Cell<Option<Field>>,
    /// The class whose differences are listed.
    class: Cell<Option<Class>>,
    /// The evidence item of a comparison before the lock.
    kept: RefCell<Option<String>>,
}

pub(crate) fn connect(app: &Rc<App>) {
    let face = app.window.global::<Compare<'_>>();
    face.on_tap_first(
        app.on_with(|app, n: i32| first(app, usize::try_from(n).unwrap_or(usize::MAX))),
    );
    face.on_tap_second(
        app.on_with(|app, n: i32| second(app, usize::try_from(n).unwrap_or(usize::MAX))),
    );
    face.on_go(app.on(go));
    face.on_other(app.on(other));
}

pub(crate) fn forget(app: &Rc<App>) {
    app.compare.way.borrow_mut().take();
    app.compare.picking.set(None);
    app.compare.class.set(None);
    app.compare.kept.borrow_mut().take();
    let face = app.window.global::<Compare<'_>>();
    face.set_first(ModelRc::default());
    face.set_second(ModelRc::default());
    face.set_head("".into());
}

pub(crate) fn step_back(app: &Rc<App>) -> bool {
    if app.place() != Place::Compare {
        return false;
    }
    if app.compare.picking.take().is_some() {
        draw(app);
        return true;
    }
    match stage(app) {
        Some(Stage::Header | Stage::Columns | Stage::Result) => {
            tap(app, &Tap::Back);
            true
        }
        _ => false,
    }
}

fn stage(app: &App) -> Option<Stage> {
    app.compare.way.borrow().as_ref().map(|(_, way)| way.stage())
}

pub(crate) fn enter(app: &Rc<App>) {
    let Some(task) = app.task_id() else { return };
    let there = app.compare.way.borrow().as_ref().is_some_and(|(own, _)| *own == task);
    if there && stage(app) != Some(Stage::File) {
        return draw(app);
    }
    look_for_files(app, task);
}

fn look_for_files(app: &Rc<App>, task: TaskId) {
    let case = app.case_id();
    app.ask(
        |desk| desk.fresh_files(),
        move |app, files| {
            let way = Comparison::new(task.clone(), case, files);
            *app.compare.way.borrow_mut() = Some((task, way));
            draw(app);
        },
    );
}

/// One tap; what has to be run is run beside the desk.
fn tap(app: &Rc<App>, tap: &Tap) {
    let out = match app.compare.way.borrow_mut().as_mut() {
        Some((_, way)) => way.tap(tap),
        None => return,
    };
    match out {
        Ok(Some(work)) => {
            draw(app);
            let words = match stage(app) {
                Some(Stage::Comparing) => say!("正在与上传数据比对"),
                _ => say!("正在读取导出文件"),
            };
            errand::run_in_turn(app, vec![(work, words.to_owned())], came_home);
        }
        Ok(None) => draw(app),
        Err(trouble) => trouble::show(app, &trouble),
    }
}

fn came_home(
    app: &Rc<App>,
    home: spotcheck_domain::TroubleResult<Option<spotcheck_app::errand::Home>>,
) {
    let mut findings = None;
    {
        let mut way = app.compare.way.borrow_mut();
        // Locked meanwhile: the desk has let go of the table too.
        let Some((_, way)) = way.as_mut() else { return };
        match &home {
            Ok(Some(_)) => {}
            _ => way.failed(),
        }
        if let Ok(Some(home)) = home {
            way.home(home);
            findings = way.result().map(ComparedView::all);
        } else if let Err(trouble) = home {
            // Shown after the borrow has ended: the card redraws.
            let app = Rc::clone(app);
            slint::Timer::single_shot(std::time::Duration::ZERO, move || {
                errand::show_trouble(&app, &trouble);
            });
        }
    }
    if let Some(findings) = findings {
        suspicions::add_export(app, findings);
        app.compare.class.set(None);
        app.refresh_case(|_| {});
    }
    draw(app);
}

fn first(app: &Rc<App>, n: usize) {
    match stage(app) {
        Some(Stage::Header) => tap(app, &Tap::Sheet(n)),
        Some(Stage::Result) => {
            let class = classes(app).get(n).map(|c| c.0);
            let same = app.compare.class.get() == class;
            app.compare.class.set(if same { None } else { class });
            draw(app);
        }
        _ => {}
    }
}

fn second(app: &Rc<App>, n: usize) {
    match (stage(app), app.compare.picking.get()) {
        (Some(Stage::File), _) => tap(app, &Tap::File(n)),
        (Some(Stage::Header), _) => {
            let header = {
                let way = app.compare.way.borrow();
                let export = way.as_ref().and_then(|(_, way)| way.export());
                export.and_then(|e| e.headers.get(n).map(|h| (h.0, e.header)))
            };
            match header {
                Some((row, now)) if Some(row) != now => tap(app, &Tap::Header(row)),
                Some(_) => tap(app, &Tap::HeaderRight),
                None => {}
            }
        }
        (Some(Stage::Columns), Some(field)) => {
            let column = choice(app, field).and_then(|c| c.candidates.get(n).map(|c| c.column));
            app.compare.picking.set(None);
            tap(app, &Tap::Pick(field, column));
        }
        (Some(Stage::Columns), None) => {
            let way = app.compare.way.borrow();
            let field = way.as_ref().and_then(|(_, way)| way.choices().get(n).map(|c| c.field));
            drop(way);
            app.compare.picking.set(field);
            draw(app);
        }
        (Some(Stage::Result), _) => open(app, n),
        _ => {}
    }
}

fn choice(app: &App, field: Field) -> Option<Choice> {
    let way = app.compare.way.borrow();
    way.as_ref().and_then(|(_, way)| way.choices().iter().find(|c| c.field == field).cloned())
}

/// The finding of a difference: facts, what to look at, verdict.
fn open(app: &Rc<App>, n: usize) {
    let key = {
        let way = app.compare.way.borrow();
        let Some((_, way)) = way.as_ref() else { return };
        let page = Page::first(LISTED);
        way.differences(app.compare.class.get(), page).get(n).map(|(_, finding)| finding.key())
    };
    let place = key.and_then(|key| {
        app.suspicions.findings.borrow().iter().position(|merged| merged.key == key)
    });
    match place {
        Some(n) => app.go(Place::Suspicion(n)),
        None => app.toast(say!("这一条已并入别的线索，在线索里看")),
    }
}

/// The export goes with every judgement about what it showed, as evidence.
pub(crate) fn evidence(app: &App, finding: &Finding) -> Vec<String> {
    if !is_of_export(finding) {
        return Vec::new();
    }
    let way = app.compare.way.borrow();
    let result = way.as_ref().and_then(|(_, way)| way.result());
    let now = result.and_then(|r| r.evidence.clone());
    now.or_else(|| app.compare.kept.borrow().clone()).into_iter().collect()
}

/// The evidence item of what was kept over a lock.
pub(crate) fn remember(app: &App, evidence: Option<String>) {
    *app.compare.kept.borrow_mut() = evidence;
}

/// The key at the bottom right.
fn go(app: &Rc<App>) {
    match stage(app) {
        Some(Stage::File) => {
            if let Some(task) = app.task_id() {
                look_for_files(app, task);
            }
        }
        Some(Stage::Header) => tap(app, &Tap::HeaderRight),
        Some(Stage::Columns) => {
            let unsure = {
                let way = app.compare.way.borrow();
                way.as_ref().is_some_and(|(_, way)| waits_for_one_tap(way.choices()))
            };
            tap(app, if unsure { &Tap::SureRight } else { &Tap::Run });
        }
        Some(Stage::Result) if found(app) => suspicions::show_around(app, Around::Export),
        Some(Stage::Result) => tap(app, &Tap::Back),
        _ => {}
    }
}

/// The comparison gave something that is listed with the findings.
fn found(app: &App) -> bool {
    let way = app.compare.way.borrow();
    way.as_ref().and_then(|(_, way)| way.result()).is_some_and(gave)
}

fn gave(result: &ComparedView) -> bool {
    !result.compared.differences.is_empty() || !result.fresh.findings.is_empty()
}

fn other(app: &Rc<App>) {
    if stage(app) == Some(Stage::Result) {
        return tap(app, &Tap::Back);
    }
    if let (Some(Stage::Columns), Some(field)) = (stage(app), app.compare.picking.take()) {
        tap(app, &Tap::Pick(field, None));
    }
}

/// Something proposed with confidence is not confirmed yet.
fn waits_for_one_tap(choices: &[Choice]) -> bool {
    choices.iter().any(|c| c.is_sure() && !c.confirmed)
}

/// Classes that have differences.
fn classes(app: &App) -> Vec<(Class, u64, spotcheck_domain::Amount)> {
    let way = app.compare.way.borrow();
    let all = way.as_ref().map(|(_, way)| way.by_class()).unwrap_or_default();
    all.into_iter().filter(|(_, count, _)| *count > 0).collect()
}

/// What one stage shows.
#[derive(Default)]
struct Shown {
    note: String,
    head: String,
    first_title: &'static str,
    first: Vec<NamedRow>,
    second_title: String,
    second_note: String,
    second: Vec<NamedRow>,
    empty: (&'static str, &'static str),
    primary: String,
    enabled: bool,
    secondary: &'static str,
}

fn draw(app: &Rc<App>) {
    let shown = {
        let way = app.compare.way.borrow();
        way.as_ref().map(|(_, way)| match way.stage() {
            Stage::File => files(way),
            Stage::Header => header(way),
            Stage::Columns => match app.compare.picking.get() {
                Some(field) => candidates(way, field),
                None => columns(way),
            },
            Stage::Result => result(way, app.compare.class.get()),
            Stage::Reading | Stage::Comparing => Shown {
                note: way.export().map(|e| e.name.clone()).unwrap_or_default(),
                empty: (say!("正在读取和比对"), say!("可以先做别的，录音、取证都不受影响")),
                ..Shown::default()
            },
        })
    };
    let shown = shown.unwrap_or_default();
    let face = app.window.global::<Compare<'_>>();
    face.set_note(shown.note.into());
    face.set_head(shown.head.into());
    face.set_first_title(shown.first_title.into());
    face.set_first(ModelRc::new(VecModel::from(shown.first)));
    face.set_second_title(shown.second_title.into());
    face.set_second_note(shown.second_note.into());
    face.set_second(ModelRc::new(VecModel::from(shown.second)));
    face.set_empty_title(shown.empty.0.into());
    face.set_empty_note(shown.empty.1.into());
    face.set_primary(shown.primary.into());
    face.set_primary_enabled(shown.enabled);
    face.set_secondary(shown.secondary.into());
}

fn files(way: &Comparison) -> Shown {
    let row = |f: &spotcheck_app::compare::FreshFile| NamedRow {
        title: f.name.as_str().into(),
        note: format!("{} · {}", f.volume, words::bytes(f.size)).into(),
        ..NamedRow::default()
    };
    let second: Vec<NamedRow> = way.files().iter().map(row).collect();
    let none =
        (say!("没有找到表格"), say!("插入 U 盘后再找一次。可以是 XLSX、XLS、DBF、CSV 或文本"));
    Shown {
        note: say!("医院系统新导出的，与已上传的逐行比").to_owned(),
        empty: if second.is_empty() { none } else { ("", "") },
        second_title: say!("U 盘里的表格").to_owned(),
        second_note: say!("读入时加密存为证据").to_owned(),
        second,
        primary: say!("再找一次").to_owned(),
        enabled: true,
        ..Shown::default()
    }
}

fn header(way: &Comparison) -> Shown {
    let Some(export) = way.export() else { return Shown::default() };
    let sheets = export.sheets.iter().enumerate().map(|(n, name)| NamedRow {
        title: name.as_str().into(),
        done: n == export.sheet,
        ..NamedRow::default()
    });
    let headers = export.headers.iter().map(|(row, number, cells)| NamedRow {
        title: say!("第 {} 行", number).into(),
        note: cells.as_str().into(),
        done: Some(*row) == export.header,
        ..NamedRow::default()
    });
    let kept = export.evidence.as_ref().map_or_else(String::new, |e| say!("，已存为证据 {}", e));
    Shown {
        note: export.name.clone(),
        head: say!("{} 行，{} 列{}", words::count(export.rows), export.columns.len(), kept),
        first_title: say!("哪一张表"),
        first: if export.sheets.len() > 1 { sheets.collect() } else { Vec::new() },
        second_title: say!("哪一行是表头").to_owned(),
        second: headers.collect(),
        primary: say!("表头对，去对列").to_owned(),
        enabled: export.header.is_some(),
        ..Shown::default()
    }
}

fn samples(choice: &Choice) -> String {
    let used = choice.candidates.iter().find(|c| Some(c.column) == choice.column);
    used.map_or_else(
        || say!("没有选列").to_owned(),
        |c| {
            let samples: Vec<&str> = c.samples.iter().map(|s| s.text.as_str()).collect();
            say!("{}：{}", c.header, samples.join(say!("、")))
        },
    )
}

fn columns(way: &Comparison) -> Shown {
    let confirmed = way.choices().iter().filter(|c| c.confirmed && c.column.is_some()).count();
    let row = |choice: &Choice| NamedRow {
        title: word(choice.field.zh()).into(),
        note: samples(choice).into(),
        state: match (choice.confirmed, choice.column) {
            (true, Some(_)) => String::new(),
            (true, None) => say!("不用").to_owned(),
            (false, Some(_)) => say!("把握 {}%", choice.confidence),
            (false, None) => say!("要选").to_owned(),
        }
        .into(),
        done: choice.confirmed && choice.column.is_some(),
        ..NamedRow::default()
    };
    let one_tap = waits_for_one_tap(way.choices());
    let missing = way.missing();
    Shown {
        note: way.export().map(|e| e.name.clone()).unwrap_or_default(),
        head: if missing.is_empty() || one_tap {
            String::new()
        } else {
            say!(
                "比对前还要确认：{}",
                missing.iter().copied().map(word).collect::<Vec<_>>().join(say!("、"))
            )
        },
        second_title: say!("每一项是哪一列").to_owned(),
        second_note: say!("已确认 {}/{}", confirmed, way.choices().len()),
        second: way.choices().iter().map(row).collect(),
        primary: if one_tap {
            say!("有把握的都对").to_owned()
        } else {
            say!("开始比对").to_owned()
        },
        enabled: one_tap || missing.is_empty(),
        ..Shown::default()
    }
}

fn candidates(way: &Comparison, field: Field) -> Shown {
    let Some(choice) = way.choices().iter().find(|c| c.field == field) else {
        return Shown::default();
    };
    let row = |c: &spotcheck_app::rules::compare::Candidate| {
        let samples: Vec<&str> = c.samples.iter().map(|s| s.text.as_str()).collect();
        let warning = c.warning.as_ref().map_or_else(String::new, |w| format!("{w} · "));
        NamedRow {
            title: c.header.as_str().into(),
            note: format!("{warning}{}", samples.join(say!("、"))).into(),
            state: format!("{}%", c.confidence).into(),
            done: Some(c.column) == choice.column,
            ..NamedRow::default()
        }
    };
    Shown {
        note: way.export().map(|e| e.name.clone()).unwrap_or_default(),
        second_title: say!("“{}”是哪一列", word(field.zh())),
        second_note: say!("把握按列名和数值算").to_owned(),
        second: choice.candidates.iter().map(row).collect(),
        secondary: say!("没有这一列"),
        ..Shown::default()
    }
}

/// One side in words: quantity, price, amount.
fn side(side: Option<&Side>) -> String {
    let Some(side) = side else { return say!("无").to_owned() };
    let number = |n: Option<spotcheck_domain::Amount>| {
        n.map_or_else(|| "—".to_owned(), |n| words::plain(Some(n)))
    };
    match (side.cnt, side.pric) {
        (None, None) => words::yuan_or_none(side.amount),
        _ => format!(
            "{} × {} = {}",
            number(side.cnt),
            number(side.pric),
            words::plain_cents(side.amount)
        ),
    }
}

fn difference(found: &Difference) -> NamedRow {
    let own = found.his.as_ref().or(found.uploaded.as_ref());
    let name = own.and_then(|s| s.name.clone().or_else(|| s.code.clone())).unwrap_or_default();
    let day = own.and_then(|s| s.day.clone()).unwrap_or_default();
    NamedRow {
        title: format!("{} {name}", day.get(5..).unwrap_or(&day)).into(),
        note: say!("医院 {} · 上传 {}", side(found.his.as_ref()), side(found.uploaded.as_ref()))
            .into(),
        state: found.excess.map_or_else(String::new, words::yuan).into(),
        ..NamedRow::default()
    }
}

fn result(way: &Comparison, class: Option<Class>) -> Shown {
    let Some(result) = way.result() else { return Shown::default() };
    let counts = &result.compared.counts;
    let total = result.compared.differences.len();
    let mut head =
        vec![say!("不一致 {} 条", total), say!("对上 {} 行", words::count(counts.matched))];
    let mut told = |n: u64, what: &str| {
        if n > 0 {
            head.push(say!("{} {} 行", what, words::count(n)));
        }
    };
    told(counts.netted, say!("收退相抵"));
    told(counts.young, say!("晚于上传截止而未上传"));
    told(counts.unknown_rows, say!("数据包里没有这次就诊"));
    told(counts.unreadable, say!("读不出"));
    let mut head = head.join(say!("，"));
    for note in &result.compared.notes {
        head.push('\n');
        head.push_str(note);
    }
    let fresh = &result.fresh;
    if fresh.rows > 0 {
        head.push('\n');
        head.push_str(&say!(
            "未上传的 {} 行已按 {} 条规则核对：{} 条线索",
            words::count(fresh.rows),
            fresh.rules,
            fresh.findings.len()
        ));
    }
    if fresh.without_code > 0 {
        head.push('\n');
        head.push_str(&say!(
            "{} 行没有可用的项目编码，未按规则核对",
            words::count(fresh.without_code)
        ));
    }
    let first =
        way.by_class().into_iter().filter(|(_, n, _)| *n > 0).map(|(own, n, amount)| NamedRow {
            title: word(own.zh()).into(),
            note: say!("差额 {}", words::yuan(amount)).into(),
            state: say!("{} 条", n).into(),
            done: class == Some(own),
            ..NamedRow::default()
        });
    let listed = way.differences(class, Page::first(LISTED));
    let shown = listed.len();
    Shown {
        note: result.name.clone(),
        head,
        first_title: say!("不一致的种类，点一下只看一种"),
        first: first.collect(),
        second_title: say!("不一致 {} 条", total),
        second_note: if shown < total { say!("列出 {} 条", shown) } else { String::new() },
        second: listed.into_iter().map(|(d, _)| difference(d)).collect(),
        empty: if total == 0 {
            (say!("没有不一致"), say!("只说明这份导出与上传一致"))
        } else {
            ("", "")
        },
        // What it gave is looked at next; other columns are the way back.
        primary: if gave(result) { say!("在线索里看") } else { say!("改列再比") }.to_owned(),
        enabled: true,
        secondary: if gave(result) { say!("改列再比") } else { "" },
    }
}
