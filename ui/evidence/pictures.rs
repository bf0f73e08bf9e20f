//! Photos of the case as they were taken: small ones in the tray, a large one where it is said what it proves.
//!
//! The desk decrypts, a thread of its own decodes and scales: neither the screen nor the next act waits for a
//! photo of twelve million points. What was decoded lies in memory alone and is dropped under the lock.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use slint::Image;
use spotcheck_domain::CaseId;

use crate::app::App;
use crate::images;

/// Small pictures that are kept at most; the oldest makes room.
const KEPT: usize = 120;
/// Size of a small picture in pixels: a row's height on the finest screen.
const SMALL: (u32, u32) = (144, 144);
/// Size that a large one is scaled down to, in pixels.
const LARGE: (u32, u32) = (1_080, 1_440);

#[derive(Default)]
pub(crate) struct Model {
    /// By evidence id; `None`: it cannot be shown.
    small: RefCell<BTreeMap<String, Option<Image>>>,
    /// In the order in which they came.
    order: RefCell<Vec<String>>,
    /// Whose pictures these are.
    case: RefCell<Option<CaseId>>,
    /// One small picture at a time, so that acts come between two of them.
    asked: Cell<bool>,
}

/// Drops every picture.
pub(crate) fn forget(app: &App) {
    let model = &app.pictures;
    model.small.borrow_mut().clear();
    model.order.borrow_mut().clear();
    model.case.borrow_mut().take();
}

fn case_of(app: &App) -> Option<CaseId> {
    app.case.borrow().as_ref().map(|case| case.id.clone())
}

/// The small picture of an item, if it is here.
pub(crate) fn small(app: &App, evidence: &str) -> Option<Image> {
    if case_of(app) != *app.pictures.case.borrow() {
        return None;
    }
    app.pictures.small.borrow().get(evidence).cloned().flatten()
}

/// Fetches the first of `wanted` that is missing, then the next; `then` after each.
pub(crate) fn fetch_small(app: &Rc<App>, wanted: Vec<String>, then: fn(&Rc<App>)) {
    let Some(case) = case_of(app) else { return };
    if app.pictures.case.borrow().as_ref() != Some(&case) {
        forget(app);
        *app.pictures.case.borrow_mut() = Some(case);
    }
    let next = wanted.iter().take(KEPT).find(|id| !app.pictures.small.borrow().contains_key(*id));
    let (Some(next), false) = (next.cloned(), app.pictures.asked.get()) else { return };
    app.pictures.asked.set(true);
    let id = next.clone();
    fetch(app, &next, SMALL, move |app, image| {
        app.pictures.asked.set(false);
        keep(app, id, image);
        then(app);
        fetch_small(app, wanted, then);
    });
}

fn keep(app: &App, id: String, image: Option<Image>) {
    let model = &app.pictures;
    if model.small.borrow_mut().insert(id.clone(), image).is_some() {
        return;
    }
    let oldest = {
        let mut order = model.order.borrow_mut();
        order.push(id);
        (order.len() > KEPT).then(|| order.remove(0))
    };
    if let Some(oldest) = oldest {
        model.small.borrow_mut().remove(&oldest);
    }
}

/// Fetches the large picture of an item.
pub(crate) fn fetch_large(
    app: &Rc<App>,
    evidence: &str,
    then: impl FnOnce(&Rc<App>, Option<Image>) + Send + 'static,
) {
    fetch(app, evidence, LARGE, then);
}

/// Has a picture decrypted by the desk and decoded beside it. `then` is left out if the case was left, or the
/// keys were dropped, meanwhile: nothing of it may come into view any more.
fn fetch(
    app: &Rc<App>,
    evidence: &str,
    size: (u32, u32),
    then: impl FnOnce(&Rc<App>, Option<Image>) + Send + 'static,
) {
    let Some(case) = case_of(app) else { return };
    let (of, id) = (case.clone(), evidence.to_owned());
    let answer = move |app: &Rc<App>, pixels: Option<images::Pixels>| {
        if case_of(app).as_ref() == Some(&case) {
            then(app, pixels.map(images::image));
        } else {
            app.pictures.asked.set(false);
        }
    };
    app.ask_result(
        move |desk| desk.evidence_image(&of, &id),
        move |app, result| {
            let bytes = match result {
                Ok(bytes) => bytes,
                Err(trouble) => {
                    tracing::warn!(code = trouble.code, "A picture could not be read back.");
                    None
                }
            };
            let Some(bytes) = bytes else { return answer(app, None) };
            app.count_pending(true);
            let started = app.beside(move |post| {
                let open = if size == SMALL { images::thumbnail } else { images::scaled };
                let pixels = open(&bytes, size);
                drop(bytes);
                post(Box::new(move |app| {
                    app.count_pending(false);
                    answer(app, pixels);
                }));
            });
            if started.is_err() {
                app.count_pending(false);
                app.pictures.asked.set(false);
            }
        },
    );
}
