//! Words that were typed and not yet stored where they belong: kept within a second of a keystroke.
//!
//! A kill, a fallen battery or the lock must not cost a sentence that somebody was dictated in a corridor. The
//! words lie under the officer's own key until the act they belong to (记下, 填好, 归类) has been confirmed.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use slint::{Timer, TimerMode};
use spotcheck_app::desk::Own;

use crate::app::{App, Place};
use crate::frame::trouble;

/// Schema of what is kept.
const SCHEMA: &str = "spotcheck-drafts/1";
/// So long after the first keystroke they are stored, in milliseconds.
const STORE_MS: u64 = 600;

#[derive(Default)]
pub(crate) struct Model {
    words: RefCell<BTreeMap<String, Vec<String>>>,
    timer: Timer,
    changed: Cell<bool>,
    /// Whoever types was told that they could not be stored.
    told: Cell<bool>,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    schema: String,
    drafts: BTreeMap<String, Vec<String>>,
}

/// The name under which the words of one form lie: the case, which form, which one of it.
pub(crate) fn name(app: &App, form: &str, which: &str) -> Option<String> {
    app.case_id().map(|case| format!("{case}/{form}/{which}"))
}

/// What was typed into a form so far; without a word it is forgotten.
pub(crate) fn note(app: &Rc<App>, name: Option<String>, words: &[String]) {
    let Some(name) = name else { return };
    {
        let mut kept = app.draft.words.borrow_mut();
        if words.iter().all(|w| w.trim().is_empty()) {
            kept.remove(&name);
        } else {
            kept.insert(name, words.to_vec());
        }
    }
    app.draft.changed.set(true);
    if app.draft.timer.running() {
        return;
    }
    let weak = Rc::downgrade(app);
    app.draft.timer.start(TimerMode::SingleShot, Duration::from_millis(STORE_MS), move || {
        if let Some(app) = weak.upgrade() {
            store(&app);
        }
    });
}

/// What was typed before and never stored.
pub(crate) fn of(app: &App, name: Option<&String>) -> Option<Vec<String>> {
    name.and_then(|name| app.draft.words.borrow().get(name).cloned())
}

/// The first of a form's drafts: which one, and its words.
pub(crate) fn first_of(app: &App, form: &str) -> Option<(String, Vec<String>)> {
    let start = name(app, form, "")?;
    let words = app.draft.words.borrow();
    words
        .iter()
        .find_map(|(name, words)| Some((name.strip_prefix(&start)?.to_owned(), words.clone())))
}

/// The words are stored where they belong.
pub(crate) fn done(app: &Rc<App>, name: Option<String>) {
    note(app, name, &[]);
}

/// Stores what changed, now.
pub(crate) fn store(app: &Rc<App>) {
    app.draft.timer.stop();
    if app.place() == Place::Unlock || !app.draft.changed.replace(false) {
        return;
    }
    let drafts = app.draft.words.borrow().clone();
    let kept = Kept { schema: SCHEMA.to_owned(), drafts };
    let json = serde_json::to_string(&kept).unwrap_or_default();
    app.ask_result(
        move |desk| desk.keep_own(Own::Drafts, &json),
        |app, kept| {
            if let Err(trouble) = kept {
                app.draft.changed.set(true);
                tracing::warn!(code = %trouble.code, "Drafts were not stored.");
                // Once, not at every key: what is typed is in memory only, and whoever types must know.
                if !app.draft.told.replace(true) {
                    trouble::show(app, &trouble);
                }
            } else {
                app.draft.told.set(false);
            }
        },
    );
}

/// Somebody has unlocked: what this officer had not finished.
pub(crate) fn welcome(app: &Rc<App>) {
    app.ask_result(
        |desk| desk.own(Own::Drafts),
        |app, kept| {
            let text = kept.ok().flatten().unwrap_or_default();
            let kept = serde_json::from_str::<Kept>(&text).ok().filter(|k| k.schema == SCHEMA);
            *app.draft.words.borrow_mut() = kept.map(|k| k.drafts).unwrap_or_default();
        },
    );
}

/// Locked: nobody's words stay in memory.
pub(crate) fn forget(app: &Rc<App>) {
    app.draft.timer.stop();
    app.draft.changed.set(false);
    app.draft.told.set(false);
    app.draft.words.borrow_mut().clear();
}
