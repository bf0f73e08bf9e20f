//! The recording bar of every screen: start, mark, stop, and the look at the recorder once a second.
//!
//! Leaving a screen never stops a recording; only the bar's stop key and the seal do.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use slint::ComponentHandle;
use spotcheck_app::desk::{EvidenceView, RecordingKind, RecordingView, Status};
use spotcheck_face::Shell;

use crate::app::{App, Place};
use crate::language::{kept, say};
use crate::{capture, status, words};

#[derive(Default)]
pub(crate) struct Model {
    pub(crate) running: RefCell<Vec<RecordingView>>,
    asked: Cell<bool>,
}

pub(crate) fn connect(app: &Rc<App>) {
    let shell = app.window.global::<Shell<'_>>();
    shell.on_record(app.on(|app| start(app, RecordingKind::Audio)));
    shell.on_mark(app.on(mark));
    shell.on_stop(app.on(stop));
    shell.on_photo(app.on(capture::photo_anywhere));
}

/// The recording that the bar shows: the first audio, else the first of any kind.
pub(crate) fn shown(running: &[RecordingView]) -> Option<&RecordingView> {
    running.iter().find(|r| r.kind == RecordingKind::Audio).or_else(|| running.first())
}

/// Starts at once; into the open case, else into the arrival case. A second press is no second recording.
pub(crate) fn start(app: &Rc<App>, kind: RecordingKind) {
    if app.recording.running.borrow().iter().any(|r| r.kind == kind) {
        return;
    }
    let case = app.case_id();
    app.ask(
        move |desk| {
            desk.start_recording(case.as_ref(), kind)?;
            desk.status()
        },
        |app, now| show(app, &now),
    );
}

fn mark(app: &Rc<App>) {
    let Some(running) = shown(&app.recording.running.borrow()).cloned() else { return };
    let at = words::short_time(running.stored_ms);
    app.ask(
        move |desk| desk.mark_recording(&running.evidence, kept!("标记")),
        move |app, ()| app.toast(&say!("已标记 {}", at)),
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

/// Looks at the recorder, only while something is recorded.
pub(crate) fn poll(app: &Rc<App>) {
    if app.recording.running.borrow().is_empty() || app.recording.asked.get() {
        return;
    }
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
    *app.recording.running.borrow_mut() = now.recordings.clone();
    status::show_line(app, now);
    let shell = app.window.global::<Shell<'_>>();
    match shown(&now.recordings) {
        Some(running) => {
            shell.set_recording_video(running.kind == RecordingKind::Video);
            shell.set_recording_time(words::long_time(running.stored_ms).into());
            shell.set_recording_level(i32::from(running.level.min(100)));
            shell.set_recording(true);
        }
        None => shell.set_recording(false),
    }
    capture::show_running(app);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running(evidence: &str, kind: RecordingKind) -> RecordingView {
        RecordingView { evidence: evidence.to_owned(), kind, stored_ms: 0, level: 0 }
    }

    #[test]
    fn the_bar_prefers_sound() {
        let both = [running("E1", RecordingKind::Video), running("E2", RecordingKind::Audio)];
        assert_eq!(shown(&both).map(|r| r.evidence.as_str()), Some("E2"));
        assert_eq!(shown(&both[..1]).map(|r| r.evidence.as_str()), Some("E1"));
        assert_eq!(shown(&[]), None);
    }
}
