//! One sentence at the foot of the screen, and for ten seconds a way back from what it tells.
//!
//! Every mark of an officer goes through [`App::mark`]: the desk writes it, says by which entry of the journal it
//! can be taken back, and the toast holds that until its time is over, also when something else is said meanwhile:
//! the older one stands above the newer. The journal keeps both, mark and taking back. The toast counts its seconds;
//! with the last one both timers stop, so that nothing is drawn at rest.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use slint::{ComponentHandle, SharedString, Timer, TimerMode};
use spotcheck_app::desk::{CaseView, Desk};
use spotcheck_domain::TroubleResult;
use spotcheck_face::{Shell, ToastItem};

use crate::app::App;
use crate::language::say;

/// How long there is a way back, in seconds.
const UNDO_S: u8 = 10;
/// How long a sentence without one stays.
const TOLD_S: u8 = 5;

/// How many stand on the screen at once; older ones come back when a newer one is gone.
const SHOWN: usize = 2;

/// What a key of the toast does.
type Act = Box<dyn FnOnce(&Rc<App>)>;

/// One sentence with what can be done about it.
struct Told {
    n: u64,
    words: String,
    undo: Option<(String, Act)>,
    other: Option<(String, Act)>,
    /// Seconds in which it can still be taken back; 0: it cannot.
    left: u8,
    /// They run as long as it is there.
    _timers: [Timer; 2],
}

/// Newest last. What can be taken back stays until its time is over, whatever is said meanwhile.
#[derive(Default)]
pub(crate) struct Model {
    told: RefCell<Vec<Told>>,
    count: Cell<u64>,
}

pub(crate) fn connect(app: &Rc<App>) {
    let shell = app.window.global::<Shell<'_>>();
    shell.on_toast_acted(app.on_with(|app, at: i32| {
        let told = taken(app, at);
        if let Some((_, act)) = told.and_then(|told| told.undo) {
            act(app);
        }
    }));
    shell.on_toast_other_acted(app.on_with(|app, at: i32| {
        let told = taken(app, at);
        if let Some((_, act)) = told.and_then(|told| told.other) {
            act(app);
        }
    }));
}

/// The one that stands at this place of the screen, counted from the newest; it is gone then.
fn taken(app: &App, at: i32) -> Option<Told> {
    let told = {
        let mut told = app.toast.told.borrow_mut();
        let at = usize::try_from(at).ok()?;
        let n = told.len().checked_sub(at.checked_add(1)?)?;
        told.remove(n)
    };
    draw(app);
    Some(told)
}

/// Takes away what was only told; what can still be taken back stays.
pub(crate) fn pass(app: &App) {
    app.toast.told.borrow_mut().retain(|told| told.undo.is_some());
    draw(app);
}

/// Takes everything away, with what it held.
pub(crate) fn end(app: &App) {
    app.toast.told.borrow_mut().clear();
    draw(app);
}

fn draw(app: &App) {
    let items: Vec<ToastItem> = {
        let told = app.toast.told.borrow();
        let key = |key: &Option<(String, Act)>| {
            key.as_ref().map_or_else(SharedString::default, |(word, _)| word.as_str().into())
        };
        told.iter()
            .rev()
            .take(SHOWN)
            .map(|told| ToastItem {
                text: told.words.as_str().into(),
                action: key(&told.undo),
                other: key(&told.other),
                left: i32::from(told.left),
            })
            .collect()
    };
    let shell = app.window.global::<Shell<'_>>();
    let mut items = items.into_iter();
    shell.set_toast(items.next().unwrap_or_default());
    shell.set_toast_older(items.next().unwrap_or_default());
}

fn show(app: &Rc<App>, words: &str, undo: Option<(&str, Act)>, other: Option<(&str, Act)>) {
    let own = |key: Option<(&str, Act)>| key.map(|(word, act)| (word.to_owned(), act));
    let (undo, other) = (own(undo), own(other));
    let seconds = if undo.is_some() { UNDO_S } else { TOLD_S };
    let left = if undo.is_some() { UNDO_S } else { 0 };
    let n = app.toast.count.get().saturating_add(1);
    app.toast.count.set(n);
    let (end, count) = (Timer::default(), Timer::default());
    let weak = Rc::downgrade(app);
    end.start(TimerMode::SingleShot, Duration::from_secs(u64::from(seconds)), move || {
        let Some(app) = weak.upgrade() else { return };
        // Its own timer is dropped after it has fired.
        let over = {
            let mut told = app.toast.told.borrow_mut();
            let at = told.iter().position(|told| told.n == n);
            at.map(|at| told.remove(at))
        };
        draw(&app);
        drop(over);
    });
    if left > 0 {
        let weak = Rc::downgrade(app);
        count.start(TimerMode::Repeated, Duration::from_secs(1), move || {
            let Some(app) = weak.upgrade() else { return };
            if let Some(told) = app.toast.told.borrow_mut().iter_mut().find(|told| told.n == n) {
                // The end may come in the same moment.
                told.left = told.left.saturating_sub(1).max(1);
            }
            draw(&app);
        });
    }
    {
        let mut told = app.toast.told.borrow_mut();
        // What is only told gives way to what is said next.
        told.retain(|told| told.undo.is_some());
        told.push(Told { n, words: words.to_owned(), undo, other, left, _timers: [end, count] });
    }
    draw(app);
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
