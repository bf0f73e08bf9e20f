//! Second copies in the window: how they stand, where they go, going on from one. Reached from 设备 and 收尾.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use slint::{ComponentHandle, ModelRc, SharedString, Timer, TimerMode, VecModel};
use spotcheck_app::copies::CopyView;
use spotcheck_app::desk::SecondCopiesView;
use spotcheck_app::findings::Stick;
use spotcheck_app::ports::{CopyPlace, CopyPlan, CopyRound, FoundCopy};
use spotcheck_domain::{TroubleResult, rfc3339};
use spotcheck_face::{Copies, Device, Finish, NamedRow};

use crate::app::{App, Place};
use crate::frame::trouble::{self, card};
use crate::language::say;
use crate::words;

/// Where others reach this handheld; the number only has to be the same when it is read aloud again.
const PORT: u16 = 7690;
/// Between two looks while the page is open.
const LOOK: Duration = Duration::from_secs(2);

#[derive(Default)]
pub(crate) struct Model {
    view: RefCell<SecondCopiesView>,
    /// The address of the other handheld was touched since the page was entered.
    typed: Cell<bool>,
    timer: Timer,
}

pub(crate) fn connect(app: &Rc<App>) {
    app.window.global::<Device<'_>>().on_copies(app.on(|app| app.go(Place::Copies)));
    app.window.global::<Finish<'_>>().on_copies(app.on(|app| app.go(Place::Copies)));
    let face = app.window.global::<Copies<'_>>();
    face.on_look(app.on(|app| look(app, false)));
    face.on_edited(app.on(|app| app.copies.typed.set(true)));
    face.on_stick(app.on_with(|app, place: SharedString| {
        change(app, |plan| {
            let same = plan.folder.as_deref() == Some(place.as_str());
            plan.folder = (!same).then(|| place.to_string());
            plan.stick = !same;
        });
    }));
    face.on_use_peer(app.on(|app| {
        let typed = app.window.global::<Copies<'_>>().get_peer().trim().to_owned();
        change(app, |plan| {
            let off = plan.peer.as_deref() == Some(typed.as_str());
            plan.peer = (!off && !typed.is_empty()).then_some(typed);
        });
    }));
    face.on_listen(app.on_with(|app, address: SharedString| {
        change(app, |plan| {
            let same = plan.listen.as_deref() == Some(address.as_str());
            plan.listen = (!same).then(|| address.to_string());
        });
    }));
    face.on_go_on(app.on_with(|app, folder: SharedString| go_on(app, folder.as_str())));
    face.on_export(app.on_with(|app, stick: SharedString| export(app, stick.to_string())));
}

pub(crate) fn forget(app: &Rc<App>) {
    app.copies.timer.stop();
    app.copies.typed.set(false);
    app.copies.view.take();
    draw(app);
}

pub(crate) fn enter(app: &Rc<App>) {
    app.copies.typed.set(false);
    draw(app);
    look(app, false);
    let tick = app.on(|app| {
        if app.place() == Place::Copies {
            look(app, true);
        } else {
            app.copies.timer.stop();
        }
    });
    app.copies.timer.start(TimerMode::Repeated, LOOK, tick);
}

/// Quietly where nobody asked: it may have been locked meanwhile.
fn look(app: &Rc<App>, quietly: bool) {
    app.ask_result(
        |desk| desk.second_copies(),
        move |app, view| match view {
            Ok(view) if app.place() == Place::Copies && *app.copies.view.borrow() != view => {
                *app.copies.view.borrow_mut() = view;
                draw(app);
            }
            Err(trouble) if !quietly => trouble::show(app, &trouble),
            _ => {}
        },
    );
}

/// What was chosen counts at once; whoever copies beside the desk sees it within a second.
fn change(app: &Rc<App>, change: impl FnOnce(&mut CopyPlan)) {
    let mut plan = app.copies.view.borrow().plan.clone();
    change(&mut plan);
    app.copies.typed.set(false);
    app.drop_keyboard();
    app.ask(
        move |desk| {
            desk.plan_copies(&plan)?;
            desk.second_copies()
        },
        |app, view| {
            *app.copies.view.borrow_mut() = view;
            draw(app);
        },
    );
}

fn go_on(app: &Rc<App>, folder: &str) {
    let copy = app.copies.view.borrow().found.iter().find(|c| c.folder == folder).cloned();
    let Some(copy) = copy else { return };
    let task = app.task_id();
    app.ask_busy(
        say!("正在从副本恢复案卷"),
        move |desk| desk.go_on_from(&copy, task.as_ref()),
        |app, done| {
            app.toast(&say!("已接续，副本截至 {}，在任务里打开", words::time_of_day(&done.kept)));
            look(app, true);
        },
    );
}

fn export(app: &Rc<App>, stick: String) {
    app.ask_busy(
        say!("正在写到U盘"),
        move |desk| desk.rescue_to(&stick),
        |app, (bundles, cases)| {
            app.toast(&say!("已导出 {} 个证据包、{} 个未封存的案卷", bundles, cases));
        },
    );
}

/// What of a case lies nowhere but here, for 收尾.
pub(crate) fn single(count: u32) -> String {
    if count == 0 {
        say!("都有第二副本").to_owned()
    } else {
        say!("{} 个加密文件只在本机", count)
    }
}

fn rows(items: impl Iterator<Item = NamedRow>) -> ModelRc<NamedRow> {
    ModelRc::new(VecModel::from_iter(items))
}

fn draw(app: &App) {
    let view = app.copies.view.borrow();
    let face = app.window.global::<Copies<'_>>();
    face.set_head(head(&view).into());
    face.set_cases(rows(view.cases.iter().map(case)));
    face.set_sticks(rows(sticks(&view).into_iter()));
    face.set_stick_note(told(&view.rounds, CopyPlace::Folder).into());
    face.set_peer_on(view.plan.peer.is_some());
    face.set_peer_note(told(&view.rounds, CopyPlace::Peer).into());
    if !app.copies.typed.get() {
        face.set_peer(view.plan.peer.clone().unwrap_or_default().into());
    }
    face.set_addresses(rows(addresses(&view).into_iter()));
    face.set_listen_note(listening(&view.rounds).into());
    face.set_found(rows(view.found.iter().map(found)));
}

fn head(view: &SecondCopiesView) -> String {
    let single: u32 = view.cases.iter().map(|(_, c)| c.without).sum();
    let nowhere = view.plan.folder.is_none() && view.plan.peer.is_none();
    match (view.cases.is_empty(), single, nowhere) {
        (_, 1.., true) => say!("还没有选副本放在哪里，{} 个加密文件只在本机", single),
        (_, 1.., false) => say!("{} 个加密文件只在本机", single),
        (false, 0, _) => say!("没有到中心的都有第二副本").to_owned(),
        (true, 0, true) => say!("还没有选副本放在哪里").to_owned(),
        (true, 0, false) => say!("没有待回传的案卷").to_owned(),
    }
}

fn case((facility, view): &(Option<String>, CopyView)) -> NamedRow {
    let title = facility.clone().unwrap_or_else(|| say!("另一位检查员的案卷").to_owned());
    let note = match (&view.copied, &view.place) {
        (Some(_), Some(place)) if !view.state => {
            say!("{} 的副本里没有案卷状态，在本机解锁一次再存", place)
        }
        (Some(at), Some(place)) => format!("{} · {place}", words::time_of_day(at)),
        _ => say!("没有第二副本").to_owned(),
    };
    let state = if view.without > 0 {
        say!("{} / {} 只在本机", view.without, view.files)
    } else {
        String::new()
    };
    NamedRow {
        id: view.case.as_str().into(),
        title: title.into(),
        note: note.into(),
        state: state.into(),
        done: view.copied.is_some() && view.state && view.without == 0,
    }
}

/// Sticks that are there, and the chosen place if it is not among them.
fn sticks(view: &SecondCopiesView) -> Vec<NamedRow> {
    let chosen = view.plan.folder.as_deref();
    let row = |stick: &Stick| NamedRow {
        id: stick.place.as_str().into(),
        title: stick.name.as_str().into(),
        done: chosen == Some(stick.place.as_str()),
        ..NamedRow::default()
    };
    let mut rows: Vec<NamedRow> = view.sticks.iter().map(row).collect();
    if let Some(folder) = chosen.filter(|c| view.sticks.iter().all(|s| s.place != *c)) {
        rows.push(NamedRow {
            id: folder.into(),
            title: folder.rsplit('/').next().unwrap_or(folder).into(),
            state: if view.plan.stick { say!("不在").into() } else { SharedString::new() },
            done: true,
            ..NamedRow::default()
        });
    }
    rows
}

fn addresses(view: &SecondCopiesView) -> Vec<NamedRow> {
    let listen = view.plan.listen.as_deref();
    let row = |address: String| NamedRow {
        id: address.as_str().into(),
        done: listen == Some(address.as_str()),
        title: address.into(),
        ..NamedRow::default()
    };
    let mut all: Vec<String> = view.addresses.iter().map(|a| format!("{a}:{PORT}")).collect();
    all.extend(listen.filter(|l| !all.iter().any(|a| a == l)).map(str::to_owned));
    all.into_iter().map(row).collect()
}

/// The last round to a place in words.
fn told(rounds: &[CopyRound], place: CopyPlace) -> String {
    let Some(round) = rounds.iter().find(|r| r.place == place) else { return String::new() };
    let time = words::time_of_day(&rfc3339(round.at_ms));
    match &round.done {
        Ok(count) => say!("{} 已存 {} 个案卷", time, count),
        Err(trouble) => format!("{time} {}", card(trouble).happened),
    }
}

fn listening(rounds: &[CopyRound]) -> String {
    let round = rounds.iter().find(|r| r.place == CopyPlace::Listen);
    match round.map(|r| &r.done) {
        None => String::new(),
        Some(Ok(_)) => say!("正在等候").to_owned(),
        Some(Err(trouble)) => card(trouble).happened.to_string(),
    }
}

fn found(copy: &FoundCopy) -> NamedRow {
    let from = match &copy.stick {
        Some(stick) => say!("在 U 盘 {}", stick),
        None => say!("保存在本机").to_owned(),
    };
    let at = copy.copied.as_deref().map_or_else(String::new, words::day_and_time);
    NamedRow {
        id: copy.folder.as_str().into(),
        title: say!("手持机 {} 的案卷", copy.device).into(),
        note: format!("{at} · {from}").into(),
        ..NamedRow::default()
    }
}

/// What 收尾 asks for.
pub(crate) fn ask_single(
    app: &Rc<App>,
    then: impl FnOnce(&Rc<App>, TroubleResult<u32>) + Send + 'static,
) {
    let Some(case) = app.case_id() else { return };
    app.ask_result(move |desk| desk.only_here(&case), then);
}
