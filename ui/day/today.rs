//! Home: the visit that is going on, the others, readiness, what waits to be sent.

use std::rc::Rc;

use slint::{ComponentHandle, ModelRc, SharedString, VecModel};
use spotcheck_app::desk::{CaseState, OutboxItem, PackageState, Status, TaskCard};
use spotcheck_app::errand::{Errand, Home};
use spotcheck_domain::TaskId;
use spotcheck_face::{CheckItem, TaskItem, Today};

use crate::app::{App, Place};
use crate::day::task;
use crate::frame::{errand, recording, status};
use crate::language::{say, told, word};
use crate::words;

/// One line about a task's data package.
pub(crate) fn package_line(package: Option<&PackageState>) -> String {
    match package {
        None => say!("数据包未下载").to_owned(),
        Some(package) => {
            let checked =
                if package.checked.is_some() { say!("已核对") } else { say!("未核对") };
            let cutoff = package
                .cutoff
                .as_deref()
                .map_or_else(String::new, |cutoff| say!(" · 数据截止 {}", cutoff));
            say!("数据包{}{}", checked, cutoff)
        }
    }
}

/// A task as a row or card.
pub(crate) fn task_item(card: &TaskCard) -> TaskItem {
    let case = card.case.as_ref();
    TaskItem {
        id: card.task.id.as_str().into(),
        facility: card.task.facility.fixmedins_name.as_str().into(),
        mode: if card.task.is_practice() {
            say!("演练").into()
        } else {
            word(card.task.mode.zh()).into()
        },
        note: card.task.document_number.as_deref().unwrap_or(&card.task.title).into(),
        state: case.map_or(say!("未开始"), |c| words::case_state(c.state)).into(),
        package: package_line(card.package.as_ref()).into(),
        ready: card.package.as_ref().is_some_and(|p| p.checked.is_some()),
    }
}

/// The visit that is going on: the first task with an open case.
pub(crate) fn current(cards: &[TaskCard]) -> Option<&TaskCard> {
    cards.iter().find(|card| card.case.as_ref().is_some_and(|c| c.state == CaseState::Open))
}

/// What must be right before leaving for a visit; the words say what is wrong.
pub(crate) fn checks(now: &Status, cards: &[TaskCard]) -> Vec<CheckItem> {
    /// About an hour of video.
    const ENOUGH_BYTES: u64 = 4_000_000_000;
    let item = |ok: bool, good: &str, bad: String| CheckItem {
        label: if ok { good.into() } else { bad.into() },
        ok,
        fetch: false,
    };
    let ready = !cards.is_empty() && checked_of(cards) == cards.len();
    let officers = now.officers.len();
    let pulled = cards.iter().filter(|c| c.package.is_some()).count();
    let checked = checked_of(cards);
    vec![
        item(now.clock_set, say!("时钟已设置"), say!("时钟未设置，请先对时").to_owned()),
        item(
            officers >= 2,
            say!("两名执法人员的签名密钥"),
            say!("签名密钥只有 {} 人，封存要两人", officers),
        ),
        CheckItem {
            fetch: !ready,
            ..item(
                ready,
                say!("数据包已下载并核对"),
                say!("数据包：已下载 {}，已核对 {}，共 {}", pulled, checked, cards.len()),
            )
        },
        item(
            now.free_bytes >= ENOUGH_BYTES,
            say!("空间足够"),
            say!("空间只剩 {}", words::bytes(now.free_bytes)),
        ),
    ]
}

fn checked_of(cards: &[TaskCard]) -> usize {
    let checked = |card: &&TaskCard| card.package.as_ref().is_some_and(|p| p.checked.is_some());
    cards.iter().filter(checked).count()
}

/// Two lines about the outbox.
pub(crate) fn outbox_lines(items: &[OutboxItem]) -> (String, String) {
    let waiting: Vec<&OutboxItem> =
        items.iter().filter(|i| i.state != CaseState::Received).collect();
    let bytes = waiting.iter().fold(0_u64, |sum, item| sum.saturating_add(item.total_bytes));
    let first = if waiting.is_empty() {
        say!("没有待回传的证据包").to_owned()
    } else {
        say!("{} 个证据包待回传 · {}", waiting.len(), words::bytes(bytes))
    };
    let newest = items.iter().filter_map(|i| i.received.as_deref()).max();
    let second = newest.map_or_else(
        || say!("还没有回执").to_owned(),
        |time| say!("最近回执 {}", words::day_and_time(time)),
    );
    (first, second)
}

pub(crate) fn connect(app: &Rc<App>) {
    let face = app.window.global::<Today<'_>>();
    face.on_open(app.on_with(|app, id: SharedString| {
        if let Ok(id) = TaskId::parse(&id) {
            app.go(Place::Task(id));
        }
    }));
    face.on_pull(app.on(|app| pull(app, None)));
    face.on_sync(app.on(|app| app.go(Place::Sync)));
    face.on_status(app.on(|app| app.go(Place::Status)));
}

/// Fetches tasks and packages, checks what is new, then draws the screen again.
pub(crate) fn pull(app: &Rc<App>, task: Option<TaskId>) {
    let errand = (Errand::Pull(task), say!("正在取回任务和数据包").to_owned());
    errand::run(app, vec![errand], |app, home| match home {
        Ok(Some(Home::Pulled { report, check, refused })) => {
            let checks = check
                .into_iter()
                .map(|task| (Errand::Check(task), word(task::CHECKING).to_owned()))
                .collect();
            errand::run(app, checks, move |app, checked| {
                app.show();
                match (checked, refused) {
                    (Err(trouble), _) | (Ok(_), Some(trouble)) => {
                        errand::show_trouble(app, &trouble);
                    }
                    (Ok(_), None) => app.toast(&say!(
                        "取回任务 {} 个，数据包 {} 个",
                        report.tasks,
                        report.packages.len()
                    )),
                }
            });
        }
        Ok(_) => app.show(),
        Err(trouble) => errand::show_trouble(app, &trouble),
    });
}

pub(crate) fn enter(app: &Rc<App>) {
    let face = app.window.global::<Today<'_>>();
    face.set_date(status::date_line(app.clock.read().wall_ms).into());
    face.set_safe(told(&app.unlock.safe.borrow()).into());
    app.ask(
        |desk| Ok((desk.status()?, desk.tasks()?, desk.outbox()?)),
        |app, (now, cards, outbox)| {
            recording::show(app, &now);
            draw(app, &now, &cards, &outbox);
            take_up(app, &cards);
        },
    );
}

/// After a restart the open case is known here as well, so that one can leave in order from here.
fn take_up(app: &Rc<App>, cards: &[TaskCard]) {
    let open = current(cards).and_then(|card| Some((card.clone(), card.case.as_ref()?.id.clone())));
    let Some((card, case)) = open.filter(|_| app.case_id().is_none()) else { return };
    app.ask_result(
        move |desk| desk.case(&case),
        move |app, view| match view {
            Ok(view) if app.place() == Place::Today => {
                *app.task.borrow_mut() = Some(card);
                app.keep_case(view);
            }
            Ok(_) => {}
            // Whoever opens the task hears of it; the other tasks go on.
            Err(trouble) => tracing::warn!(code = trouble.code, "The open case was not read."),
        },
    );
}

fn draw(app: &Rc<App>, now: &Status, cards: &[TaskCard], outbox: &[OutboxItem]) {
    let face = app.window.global::<Today<'_>>();
    let current = current(cards);
    face.set_has_current(current.is_some());
    if let Some(card) = current {
        face.set_current(task_item(card));
    }
    let others: Vec<TaskItem> = cards
        .iter()
        .filter(|card| current.is_none_or(|c| c.task.id != card.task.id))
        .map(task_item)
        .collect();
    face.set_tasks(ModelRc::new(VecModel::from(others)));
    let checks = checks(now, cards);
    let ready = checks.iter().filter(|c| c.ok).count();
    face.set_checks_note(
        say!("{} 项就绪，{} 项待补", ready, checks.len().saturating_sub(ready)).into(),
    );
    face.set_checks(ModelRc::new(VecModel::from(checks)));
    let (first, second) = outbox_lines(outbox);
    face.set_outbox(first.into());
    face.set_outbox_note(second.into());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::fake_desk::FakeDesk;
    use spotcheck_app::desk::Desk;

    #[test]
    fn readiness_names_what_is_wrong() {
        let mut desk = FakeDesk::new();
        let mut now = desk.status().unwrap();
        let cards = desk.tasks().unwrap();
        assert!(checks(&now, &cards).iter().any(|c| !c.ok && c.label.contains("数据包")));
        now.free_bytes = 1_000_000;
        now.clock_set = false;
        let words: Vec<String> =
            checks(&now, &cards).iter().filter(|c| !c.ok).map(|c| c.label.to_string()).collect();
        assert!(words.iter().any(|w| w == "空间只剩 1.0 MB"), "{words:?}");
        assert!(words.iter().any(|w| w.contains("对时")), "{words:?}");
    }

    #[test]
    fn the_outbox_counts_what_waits_and_names_the_newest_receipt() {
        assert_eq!(outbox_lines(&[]), ("没有待回传的证据包".to_owned(), "还没有回执".to_owned()));
        let mut desk = FakeDesk::new();
        let items = desk.outbox().unwrap();
        let (first, second) = outbox_lines(&items);
        assert_eq!(first, "没有待回传的证据包");
        assert_eq!(second, "最近回执 11-23 18:02");
    }
}
