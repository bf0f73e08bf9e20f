//! The opening words: shown to be read aloud, and one tap that says so.
//!
//! They come up by themselves with the first recording of a visit, where nothing else is being done, and can be
//! opened from the task at any time. What is read to the party is Chinese in every language.

use std::cell::RefCell;
use std::rc::Rc;

use slint::{ComponentHandle, ModelRc, SharedString, VecModel};
use spotcheck_app::desk::{CaseView, Opening as Words};
use spotcheck_face::{Opening, Task};

use crate::app::{App, Place};
use crate::language::say;
use crate::words;

#[derive(Default)]
pub(crate) struct Model {
    shown: RefCell<Words>,
}

pub(crate) fn connect(app: &Rc<App>) {
    app.window.global::<Task<'_>>().on_opening(app.on(|app| app.go(Place::Opening)));
    app.window.global::<Opening<'_>>().on_read(app.on(read));
}

/// `未宣读`, or when they were.
pub(crate) fn note(read: Option<&str>) -> String {
    match read {
        Some(time) => say!("{} 已宣读", words::time_of_day(time)),
        None => say!("未宣读").to_owned(),
    }
}

/// The first recording of a visit, and nobody has read the words yet.
fn is_due(case: &CaseView) -> bool {
    let recorded = |media: &str| media.starts_with("audio/") || media.starts_with("video/");
    case.opening_read.is_none() && !case.evidence.iter().any(|e| recorded(&e.media_type))
}

/// A recording began: shows the words where the officer is not in the middle of something else.
pub(crate) fn offer(app: &Rc<App>) {
    let due = app.case.borrow().as_ref().is_some_and(is_due);
    let free = matches!(app.place(), Place::Task(_) | Place::Collect);
    if due && free && app.case_id().is_some() {
        app.go(Place::Opening);
    }
}

pub(crate) fn enter(app: &Rc<App>) {
    draw(app);
    let Some(case) = app.case.borrow().as_ref().map(|c| c.id.clone()) else { return };
    app.ask(
        move |desk| desk.opening(&case),
        |app, words| {
            *app.opening.shown.borrow_mut() = words;
            draw(app);
        },
    );
}

pub(crate) fn forget(app: &App) {
    *app.opening.shown.borrow_mut() = Words::default();
}

fn draw(app: &Rc<App>) {
    let shown = app.opening.shown.borrow().clone();
    let face = app.window.global::<Opening<'_>>();
    let paragraphs: Vec<SharedString> = shown.paragraphs.iter().map(Into::into).collect();
    face.set_paragraphs(ModelRc::new(VecModel::from(paragraphs)));
    face.set_note(note(shown.read.as_deref()).into());
    face.set_done(shown.read.is_some());
}

fn read(app: &Rc<App>) {
    let Some(case) = app.case_id() else { return };
    let paragraphs = app.opening.shown.borrow().paragraphs.clone();
    let records = !app.recording.running.borrow().is_empty();
    app.mark(
        move |desk| {
            desk.opening_read(&case, &paragraphs)?;
            desk.case(&case)
        },
        move |app, case| {
            app.keep_case(case);
            if app.place() == Place::Opening {
                app.back();
            }
            let words = if records {
                say!("已记入日志，录音里已做标记")
            } else {
                say!("已记入日志；当时没有录音")
            };
            words.to_owned()
        },
        |_| {},
    );
}
