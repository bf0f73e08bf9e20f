//! Sending and receipts.

use std::rc::Rc;

use slint::{ComponentHandle, Model as _, ModelRc, VecModel};
use spotcheck_app::desk::{CaseState, OutboxItem, Status};
use spotcheck_app::errand::{Errand, Leg};
use spotcheck_domain::BundleId;
use spotcheck_face::{OutboxEntry, Sync};

use crate::app::{App, Place};
use crate::day::today;
use crate::frame::{errand, recording};
use crate::language::say;
use crate::words;

/// One bundle on its way, or with its receipt.
pub(crate) fn entry(item: &OutboxItem) -> OutboxEntry {
    let percent =
        item.sent_bytes.saturating_mul(100).checked_div(item.total_bytes).unwrap_or(0).min(100);
    let percent = u8::try_from(percent).unwrap_or(100);
    let done = item.state == CaseState::Received;
    OutboxEntry {
        id: item.bundle.as_str().into(),
        title: item.fixmedins_name.as_deref().unwrap_or(item.bundle.as_str()).into(),
        state: if done {
            words::case_state(item.state).into()
        } else {
            format!("{percent}%").into()
        },
        progress: f32::from(percent) / 100.0,
        bytes: if done {
            words::bytes(item.total_bytes).into()
        } else {
            format!("{} / {}", words::bytes(item.sent_bytes), words::bytes(item.total_bytes)).into()
        },
        received: item.received.as_deref().map_or_else(String::new, words::day_and_time).into(),
        log: item
            .log_index
            .map_or_else(|| say!("无").to_owned(), |n| say!("第 {} 条，已验证", words::count(n)))
            .into(),
        error: item.errors.first().map_or("", String::as_str).into(),
        done,
    }
}

pub(crate) fn connect(app: &Rc<App>) {
    let face = app.window.global::<Sync<'_>>();
    face.on_push(app.on(push));
    face.on_pull(app.on(|app| today::pull(app, None)));
}

pub(crate) fn enter(app: &Rc<App>) {
    app.ask(
        |desk| Ok((desk.status()?, desk.outbox()?)),
        |app, (now, items)| draw(app, &now, &items),
    );
}

fn draw(app: &Rc<App>, now: &Status, items: &[OutboxItem]) {
    recording::show(app, now);
    // The newest receipt is the one that is looked for.
    let mut items: Vec<&OutboxItem> = items.iter().collect();
    items.sort_by(|a, b| b.received.cmp(&a.received));
    let (done, waiting): (Vec<OutboxEntry>, Vec<OutboxEntry>) =
        items.iter().map(|item| entry(item)).partition(|e| e.done);
    let face = app.window.global::<Sync<'_>>();
    face.set_note(
        say!(
            "本机 {} · {} 个证据包",
            now.device.as_ref().map_or(say!("未登记"), |d| d.as_str()),
            items.len()
        )
        .into(),
    );
    face.set_waiting(ModelRc::new(VecModel::from(waiting)));
    face.set_received(ModelRc::new(VecModel::from(done)));
}

/// The row of a bundle that is on its way says what the strip says.
pub(crate) fn travelling(app: &App, bundle: &BundleId, leg: Leg) {
    let waiting = app.window.global::<Sync<'_>>().get_waiting();
    let mut rows = (0..waiting.row_count()).filter_map(|n| Some((n, waiting.row_data(n)?)));
    let found = rows.find(|(_, row)| row.id == bundle.as_str());
    let (Some((n, mut row)), true) = (found, leg.total > 0) else { return };
    let percent = leg.done.saturating_mul(100).checked_div(leg.total).unwrap_or(0).min(100);
    let percent = u8::try_from(percent).unwrap_or(100);
    row.progress = f32::from(percent) / 100.0;
    row.state = format!("{percent}%").into();
    row.bytes = format!("{} / {}", words::bytes(leg.done), words::bytes(leg.total)).into();
    waiting.set_row_data(n, row);
}

fn push(app: &Rc<App>) {
    app.ask(
        |desk| desk.push_errands(),
        |app, errands| {
            let bundles = errands.iter().filter(|e| matches!(e, Errand::Send(_))).count();
            let mut sent = 0_usize;
            let named = errands
                .into_iter()
                .map(|errand| {
                    let words = match &errand {
                        Errand::Send(_) => {
                            sent = sent.saturating_add(1);
                            say!("正在回传第 {} 个，共 {} 个", sent, bundles)
                        }
                        _ => say!("正在回传设备日志").to_owned(),
                    };
                    (errand, words)
                })
                .collect();
            app.window.global::<Sync<'_>>().set_running(true);
            errand::run(app, named, |app, home| {
                app.window.global::<Sync<'_>>().set_running(false);
                // Where everything stands is worth knowing after a failure too.
                if app.place() == Place::Sync {
                    enter(app);
                }
                match home {
                    Ok(_) => app.toast(say!("回传完成")),
                    Err(trouble) => errand::show_trouble(app, &trouble),
                }
            });
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use spotcheck_domain::{BundleId, CaseId};

    #[test]
    fn progress_and_receipt() {
        let mut item = OutboxItem {
            bundle: BundleId::parse("EVID-01M7VBK5C0SAMP1E0000000001").unwrap(),
            case: CaseId::parse("CASE-01M7VBK5C0SAMP1E0000000001").unwrap(),
            fixmedins_name: None,
            sent_bytes: 1_100_000_000,
            total_bytes: 1_800_000_000,
            state: CaseState::Sealed,
            errors: vec!["断开".to_owned(), "更早".to_owned()],
            received: None,
            log_index: None,
        };
        let waiting = entry(&item);
        assert_eq!((waiting.state.as_str(), waiting.bytes.as_str()), ("61%", "1.1 GB / 1.8 GB"));
        assert_eq!(waiting.error, "断开");
        item.state = CaseState::Received;
        item.received = Some("2026-11-23T18:02:00.000+08:00".to_owned());
        item.log_index = Some(48_213);
        let done = entry(&item);
        assert!(done.done);
        assert_eq!(
            (done.log.as_str(), done.received.as_str()),
            ("第 48,213 条，已验证", "11-23 18:02")
        );
        item.total_bytes = 0;
        assert_eq!(entry(&item).progress, 0.0);
    }
}
