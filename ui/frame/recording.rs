//! The recording bar of every screen: start, mark, stop, and the look at the recorder once a second.
//!
//! Leaving a screen never stops a recording; only the bar's stop key and the seal do.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use slint::ComponentHandle;
use spotcheck_app::budget::Scarce;
use spotcheck_app::desk::{EvidenceView, RecordingKind, RecordingView, Status};
use spotcheck_face::Shell;

use crate::app::{App, Place};
use crate::day::unlock;
use crate::evidence::{capture, opening};
use crate::frame::status;
use crate::language::{kept, say};
use crate::words;

#[derive(Default)]
pub(crate) struct Model {
    pub(crate) running: RefCell<Vec<RecordingView>>,
    /// Of how few minutes the officer was told last.
    warned: Cell<Option<u64>>,
    /// What was said then.
    warning: RefCell<String>,
    asked: Cell<bool>,
    /// When the desk was asked last how it stands, milliseconds since the boot.
    looked_ms: Cell<Option<i64>>,
    /// When the hardware key was pressed last, milliseconds since the boot.
    pressed_ms: Cell<Option<i64>>,
}

/// How often the desk is asked how it stands while nothing is recorded, in milliseconds: it keeps what goes into
/// the second copy when it is asked.
const LOOK_MS: i64 = 60_000;
/// Two presses within so many milliseconds are one double press.
const DOUBLE_MS: i64 = 500;

pub(crate) fn connect(app: &Rc<App>) {
    let shell = app.window.global::<Shell<'_>>();
    shell.on_record(app.on(|app| start(app, RecordingKind::Audio)));
    shell.on_record_key(app.on(press));
    shell.on_mark(app.on(mark));
    shell.on_pause(app.on(pause));
    shell.on_stop(app.on(stop));
    shell.on_photo(app.on(capture::photo_anywhere));
}

/// The recording that the bar shows: the first audio, else the first of any kind.
pub(crate) fn shown(running: &[RecordingView]) -> Option<&RecordingView> {
    running.iter().find(|r| r.kind == RecordingKind::Audio).or_else(|| running.first())
}

/// Starts at once; into the open case, else into the arrival case. A second press is no second recording.
pub(crate) fn start(app: &Rc<App>, kind: RecordingKind) {
    if app.recording.running.borrow().iter().any(|r| r.kind == kind && !r.ended) {
        return;
    }
    let case = app.case_id();
    app.ask(
        move |desk| {
            desk.start_recording(case.as_ref(), kind)?;
            desk.status()
        },
        |app, now| {
            show(app, &now);
            opening::offer(app);
        },
    );
}

/// The hardware key: the first press records at once, a second one right after it locks, without a word or a
/// sound. The recording goes on.
fn press(app: &Rc<App>) {
    let now = app.clock.read().boottime_ms;
    let before = app.recording.pressed_ms.replace(Some(now));
    if before.is_some_and(|before| (0..=DOUBLE_MS).contains(&now.saturating_sub(before))) {
        app.recording.pressed_ms.set(None);
        return unlock::lock(app);
    }
    start(app, RecordingKind::Audio);
}

fn mark(app: &Rc<App>) {
    let Some(running) = shown(&app.recording.running.borrow()).cloned() else { return };
    let at = words::short_time(running.stored_ms);
    app.mark(
        move |desk| desk.mark_recording(&running.evidence, kept!("标记")),
        move |_, ()| say!("已标记 {}", at),
        |_| {},
    );
}

/// A pause is a mark and never a cut.
fn pause(app: &Rc<App>) {
    let Some(running) = shown(&app.recording.running.borrow()).cloned() else { return };
    let on = !running.paused;
    app.ask(
        move |desk| {
            desk.pause_recording(&running.evidence, on)?;
            desk.status()
        },
        move |app, now| {
            show(app, &now);
            app.toast(if on {
                say!("已暂停，记入日志；声音照录")
            } else {
                say!("继续录制")
            });
        },
    );
}

fn stop(app: &Rc<App>) {
    let running = shown(&app.recording.running.borrow()).cloned();
    if let Some(running) = running {
        stop_one(app, running.evidence);
    }
}

/// Stops one recording and says what was kept.
pub(crate) fn stop_one(app: &Rc<App>, evidence: String) {
    app.ask(
        move |desk| {
            let kept = desk.stop_recording(&evidence)?;
            Ok((kept, desk.status()?))
        },
        |app, (kept, now)| {
            show(app, &now);
            app.toast(&kept_words(&kept));
            if matches!(app.place(), Place::Capture | Place::Task(_)) {
                app.show();
            }
        },
    );
}

fn kept_words(kept: &EvidenceView) -> String {
    say!("已存好 {} · {}", kept.id, words::bytes(kept.size))
}

/// Looks at the recorder while something is recorded; otherwise, while unlocked, once a minute at the desk: the
/// second copy of the journal must not stand still while interviews, findings and signatures go on (evidence.md §1).
pub(crate) fn poll(app: &Rc<App>) {
    let now = app.clock.read().boottime_ms;
    let since = app.recording.looked_ms.get().map(|at| now.saturating_sub(at));
    if since.is_none() {
        app.recording.looked_ms.set(Some(now));
    }
    let due = since.is_some_and(|ms| ms >= LOOK_MS) && app.place() != Place::Unlock;
    if app.recording.asked.get() || (app.recording.running.borrow().is_empty() && !due) {
        return;
    }
    app.recording.looked_ms.set(Some(now));
    app.recording.asked.set(true);
    app.ask_result(
        |desk| desk.status(),
        |app, result| {
            app.recording.asked.set(false);
            match result {
                Ok(now) => show(app, &now),
                Err(trouble) => tracing::warn!(code = trouble.code, "No status while recording."),
            }
        },
    );
}

/// Draws bar and status line.
pub(crate) fn show(app: &Rc<App>, now: &Status) {
    let before = app.recording.running.replace(now.recordings.clone());
    tell_losses(app, &before, &now.recordings);
    status::show_line(app, now);
    warn(app, now);
    let shell = app.window.global::<Shell<'_>>();
    match shown(&now.recordings) {
        Some(running) => {
            shell.set_recording_video(running.kind == RecordingKind::Video);
            let of = |kind| now.recordings.iter().any(|r| r.kind == kind);
            shell.set_recording_both(of(RecordingKind::Video) && of(RecordingKind::Audio));
            shell.set_recording_time(words::long_time(running.stored_ms).into());
            shell.set_recording_level(i32::from(running.level.min(100)));
            shell.set_recording_behind(trouble(&now.recordings).into());
            shell.set_paused(running.paused);
            shell.set_recording(true);
        }
        None => shell.set_recording(false),
    }
    capture::show_running(app);
}

/// What the bar says beside the time: what has ended comes before what storage has not taken yet, of whatever recording.
fn trouble(all: &[RecordingView]) -> String {
    if all.iter().any(|r| r.ended) {
        return say!("已中断").to_owned();
    }
    let behind = all.iter().filter_map(RecordingView::stalled_s).max();
    let stuck = || all.iter().filter_map(RecordingView::stuck_s).max();
    let behind = behind.map(|s| say!("{} 秒未存好", s));
    behind.or_else(|| stuck().map(|s| say!("{} 秒没收到", s))).unwrap_or_default()
}

/// A recording that ended by itself is closed at once, so that the next press begins a new one, and that is said.
fn close_ended(app: &Rc<App>, running: &RecordingView) {
    let evidence = running.evidence.clone();
    let words = say!(
        "{} 已中断，存好 {}；看一下话筒、摄像头和存储空间，再开始一段",
        running.evidence,
        words::short_time(running.stored_ms)
    );
    app.ask(
        move |desk| {
            desk.stop_recording(&evidence)?;
            desk.status()
        },
        move |app, now| {
            show(app, &now);
            app.toast(&words);
        },
    );
}

/// Says once for each hole that the sound card lost sound, once that picture or sound is gone, and once that storage does
/// not keep up; the recording goes on.
fn tell_losses(app: &Rc<App>, before: &[RecordingView], now: &[RecordingView]) {
    for running in now {
        let was = before.iter().find(|r| r.evidence == running.evidence);
        if running.ended {
            if !was.is_some_and(|r| r.ended) {
                close_ended(app, running);
            }
            continue;
        }
        let lost_ms = running.lost_ms.saturating_sub(was.map_or(0, |r| r.lost_ms));
        if lost_ms > 0 {
            let words = words::seconds(lost_ms);
            app.toast(&say!("声卡漏收了 {} 秒声音，录制继续，已记入日志", words));
        }
        if running.impaired && !was.is_some_and(|r| r.impaired) {
            app.toast(say!("画面或声音中断，其余继续录制；请检查摄像头和麦克风"));
        }
        if running.stuck_s().is_some() && was.is_none_or(|r| r.stuck_s().is_none()) {
            app.toast(say!("话筒或摄像头好几秒没有送来数据；录制没有停，请检查设备"));
        }
        match (was.and_then(RecordingView::stalled_s), running.stalled_s()) {
            (None, Some(_)) => {
                app.toast(say!("存储没有跟上，最近几秒还没有存好；录制继续，请勿断电"))
            }
            (Some(_), None) if running.kind == RecordingKind::Audio => {
                app.toast(say!("存储已跟上，此前录的都已存好"))
            }
            // Pictures are dropped before the encoder when nothing is taken from it; sound never.
            (Some(_), None) => app.toast(say!("存储已跟上，声音都已存好；画面可能缺了几秒")),
            _ => {}
        }
    }
}

/// Says at 10, 5 and 2 minutes that it will end, and what ends first.
fn warn(app: &Rc<App>, now: &Status) {
    let low = now.budget.low;
    let before = app.recording.warned.replace(low.map(|(at, _)| at));
    let Some((at, scarce)) = low.filter(|(at, _)| before.is_none_or(|before| *at < before)) else {
        return;
    };
    let words = match scarce {
        Scarce::Space => say!("存储空间只够再录约 {} 分钟，封存和打印的余量另留着", at),
        Scarce::Battery => say!("电量只够再录约 {} 分钟，封存和打印的余量另留着", at),
    };
    app.toast(&words);
    *app.recording.warning.borrow_mut() = words;
}

/// Whether that stands on the screen now: said once, it is not wiped away by going to the next screen.
pub(crate) fn warns(app: &App) -> bool {
    let shown = app.window.global::<Shell<'_>>().get_toast().text;
    !shown.is_empty() && *app.recording.warning.borrow() == shown.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running(evidence: &str, kind: RecordingKind) -> RecordingView {
        RecordingView {
            evidence: evidence.to_owned(),
            kind,
            stored_ms: 0,
            level: 0,
            paused: false,
            covered: false,
            lost_ms: 0,
            impaired: false,
            idle_ms: 0,
            behind_ms: 0,
            ended: false,
        }
    }

    #[test]
    fn the_bar_prefers_sound() {
        let both = [running("E1", RecordingKind::Video), running("E2", RecordingKind::Audio)];
        assert_eq!(shown(&both).map(|r| r.evidence.as_str()), Some("E2"));
        assert_eq!(shown(&both[..1]).map(|r| r.evidence.as_str()), Some("E1"));
        assert_eq!(shown(&[]), None);
    }
}
