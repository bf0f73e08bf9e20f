//! One sentence at the foot of the screen, and for ten seconds a way back from what it tells.
//!
//! Every mark of an officer goes through [`App::mark`]: the desk writes it, says by which entry of the journal it
//! can be taken back, and the toast holds that until its time is over. The journal keeps both, mark and
//! taking back. The toast counts its seconds; with the last one both timers stop, so that nothing is drawn at
//! rest.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use slint::{ComponentHandle, Timer, TimerMode};
use spotcheck_app::desk::{CaseView, Desk};
use spotcheck_domain::TroubleResult;
use spotcheck_face::Shell;

use crate::app::App;
use crate::language::say;

/// How long there is a way back, in seconds.
const UNDO_S: u8 = 10;
/// How long a sentence without one stays.
const TOLD_S: u8 = 5;

/// What a key of the toast does.
type Act = Box<dyn FnOnce(&Rc<App>)>;

#[derive(Default)]
pub(crate) struct Model {
    undo: RefCell<Option<Act>>,
    other: RefCell<Option<Act>>,
    left: Cell<u8>,
    end: Timer,
    count: Timer,
}

pub(crate) fn connect(app: &Rc<App>) {
    let shell = app.window.global::<Shell<'_>>();
    shell.on_toast_acted(app.on(|app| {
        let act = app.toast.undo.borrow_mut().take();
        end(app);
        if let Some(act) = act {
            act(app);
        }
    }));
    shell.on_toast_other_acted(app.on(|app| {
        let act = app.toast.other.borrow_mut().take();
        end(app);
        if let Some(act) = act {
            act(app);
        }
    }));
}

/// Something on it can still be chosen.
pub(crate) fn holds(app: &App) -> bool {
    app.toast.undo.borrow().is_some()
}

/// Takes it away, with what it held.
pub(crate) fn end(app: &App) {
    app.toast.undo.borrow_mut().take();
    app.toast.other.borrow_mut().take();
    app.toast.end.stop();
    app.toast.count.stop();
    let shell = app.window.global::<Shell<'_>>();
    shell.set_toast("".into());
    shell.set_toast_left(0);
}

fn show(app: &Rc<App>, words: &str, undo: Option<(&str, Act)>, other: Option<(&str, Act)>) {
    end(app);
    let (action, undo) = undo.map_or(("", None), |(action, act)| (action, Some(act)));
    let (second, other) = other.map_or(("", None), |(action, act)| (action, Some(act)));
    let seconds = if undo.is_some() { UNDO_S } else { TOLD_S };
    let counts = undo.is_some();
    *app.toast.undo.borrow_mut() = undo;
    *app.toast.other.borrow_mut() = other;
    let shell = app.window.global::<Shell<'_>>();
    shell.set_toast_action(action.into());
    shell.set_toast_other(second.into());
    shell.set_toast(words.into());
    let weak = Rc::downgrade(app);
    let length = Duration::from_secs(u64::from(seconds));
    app.toast.end.start(TimerMode::SingleShot, length, move || {
        if let Some(app) = weak.upgrade() {
            end(&app);
        }
    });
    if !counts {
        return;
    }
    app.toast.left.set(seconds);
    shell.set_toast_left(i32::from(seconds));
    let weak = Rc::downgrade(app);
    app.toast.count.start(TimerMode::Repeated, Duration::from_secs(1), move || {
        // The end may have come in the same moment.
        let Some(app) = weak.upgrade().filter(|app| holds(app)) else { return };
        let left = app.toast.left.get().saturating_sub(1).max(1);
        app.toast.left.set(left);
        app.window.global::<Shell<'_>>().set_toast_left(i32::from(left));
    });
}

impl App {
    /// One sentence at the foot of the screen.
    pub(crate) fn toast(self: &Rc<Self>, words: &str) {
        show(self, words, None, None);
    }

    /// The same sentence for every mark: what was written stays written.
    pub(crate) fn taken_back(self: &Rc<Self>) {
        self.toast(say!("已撤销，日志里两条都在"));
    }

    /// One sentence with a way back for ten seconds.
    pub(crate) fn toast_with_undo(
        self: &Rc<Self>,
        words: &str,
        undo: impl FnOnce(&Rc<Self>) + 'static,
    ) {
        show(self, words, Some((say!("撤销"), Box::new(undo))), None);
    }

    /// As [`App::toast_with_undo`], with something else to do beside it.
    pub(crate) fn toast_with_undo_or(
        self: &Rc<Self>,
        words: &str,
        undo: impl FnOnce(&Rc<Self>) + 'static,
        (action, act): (&str, impl FnOnce(&Rc<Self>) + 'static),
    ) {
        show(self, words, Some((say!("撤销"), Box::new(undo))), Some((action, Box::new(act))));
    }

    /// Has the desk write a mark. `then` draws what came of it and gives the words of the toast; `undone` brings
    /// back what was on the screen before, after the desk has taken the mark back.
    pub(crate) fn mark<T: Send + 'static>(
        self: &Rc<Self>,
        work: impl FnOnce(&mut dyn Desk) -> TroubleResult<T> + Send + 'static,
        then: impl FnOnce(&Rc<Self>, T) -> String + Send + 'static,
        undone: impl FnOnce(&Rc<Self>) + Send + 'static,
    ) {
        self.ask(
            move |desk| {
                // What nobody asked about belongs to another act.
                let _older = desk.just_marked();
                let made = work(desk)?;
                Ok((made, desk.just_marked()))
            },
            move |app, (made, mark)| {
                let words = then(app, made);
                let Some(mark) = mark else { return app.toast(&words) };
                app.toast_with_undo(&words, move |app| {
                    app.ask(
                        move |desk| desk.take_back(&mark),
                        move |app, case| taken_back(app, case, undone),
                    );
                });
            },
        );
    }
}

fn taken_back(app: &Rc<App>, case: CaseView, undone: impl FnOnce(&Rc<App>)) {
    app.keep_case(case);
    app.show();
    undone(app);
    app.taken_back();
}
