//! Long work beside the desk: a strip under the status line tells how far it is and can stop it.
//!
//! The worker only packs and unpacks; the journey runs on a thread of its own, so that recording, writing
//! and every other act go on meanwhile. Leaving the screen, or locking, does not stop it. One errand at a
//! time: there is one centre and one network.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use slint::ComponentHandle;
use spotcheck_app::errand::{CANCELLED, Errand, Home, Leg, Stop, Watch};
use spotcheck_domain::{BundleId, TaskId, Trouble, TroubleResult};
use spotcheck_face::Shell;

use crate::app::App;
use crate::bridge::Reply;
use crate::day::sync;
use crate::frame::trouble;
use crate::language::say;
use crate::words;

/// What is sent out.
enum Trip {
    Errand(Errand),
    /// Rules over a part of the package, within seconds.
    FirstLook(TaskId),
}

/// Trips with their words, and who hears of their end.
type Turn = (Vec<(Trip, String)>, Then);

#[derive(Default)]
pub(crate) struct Model {
    stop: RefCell<Option<Stop>>,
    /// Journeys that have not come home.
    out: Cell<usize>,
    /// Rounds that begin when the present one has ended.
    queue: RefCell<VecDeque<Turn>>,
}

impl Model {
    /// True while an errand is on its way.
    pub(crate) fn is_out(&self) -> bool {
        self.stop.borrow().is_some()
    }

    /// Journeys whose end has not been seen yet.
    #[cfg(any(test, feature = "testkit"))]
    pub(crate) fn out(&self) -> usize {
        self.out.get()
    }
}

pub(crate) fn connect(app: &Rc<App>) {
    let shell = app.window.global::<Shell<'_>>();
    shell.on_errand_stop(app.on(stop));
}

/// Locked: what waits was asked for by somebody who has left. What is out goes on.
pub(crate) fn forget(app: &Rc<App>) {
    app.errand.queue.borrow_mut().clear();
}

/// Asks the errand that is out to stop.
pub(crate) fn stop(app: &Rc<App>) {
    if let Some(stop) = app.errand.stop.borrow().as_ref() {
        stop.ask();
        app.window.global::<Shell<'_>>().set_errand(say!("正在停下").into());
    }
}

/// Runs errands one after the other, each with its words in the strip; one that fails does not keep the
/// others back, a stop does. `then` gets what the last one brought home, or the first trouble.
pub(crate) fn run(
    app: &Rc<App>,
    errands: Vec<(Errand, String)>,
    then: impl FnOnce(&Rc<App>, TroubleResult<Option<Home>>) + Send + 'static,
) {
    if app.errand.is_out() {
        app.toast(say!("正在与中心通信，等它结束或先停下"));
        return;
    }
    begin(app, trips(errands), Box::new(then));
}

/// The first look over the package of a task; nothing else may be out.
pub(crate) fn first_look(
    app: &Rc<App>,
    task: TaskId,
    words: &str,
    then: impl FnOnce(&Rc<App>, TroubleResult<Option<Home>>) + Send + 'static,
) {
    begin(app, vec![(Trip::FirstLook(task), words.to_owned())], Box::new(then));
}

fn trips(errands: Vec<(Errand, String)>) -> Vec<(Trip, String)> {
    errands.into_iter().map(|(errand, words)| (Trip::Errand(errand), words)).collect()
}

/// As [`run`], but waits for its turn: for what the officer asked to see, while the rules still run.
pub(crate) fn run_in_turn(
    app: &Rc<App>,
    errands: Vec<(Errand, String)>,
    then: impl FnOnce(&Rc<App>, TroubleResult<Option<Home>>) + Send + 'static,
) {
    if app.errand.is_out() {
        app.errand.queue.borrow_mut().push_back((trips(errands), Box::new(then)));
    } else {
        begin(app, trips(errands), Box::new(then));
    }
}

fn begin(app: &Rc<App>, errands: Vec<(Trip, String)>, then: Then) {
    *app.errand.stop.borrow_mut() = Some(Stop::default());
    next(app, Round { waiting: errands.into_iter(), trouble: None, last: None }, then);
}

type Then = Box<dyn FnOnce(&Rc<App>, TroubleResult<Option<Home>>) + Send>;

/// What is left of a run.
struct Round {
    waiting: std::vec::IntoIter<(Trip, String)>,
    trouble: Option<Trouble>,
    last: Option<Home>,
}

fn next(app: &Rc<App>, mut round: Round, then: Then) {
    let stop = app.errand.stop.borrow().clone().unwrap_or_default();
    let more = if stop.asked() { None } else { round.waiting.next() };
    let Some((trip, words)) = more else {
        app.errand.stop.borrow_mut().take();
        let shell = app.window.global::<Shell<'_>>();
        shell.set_errand("".into());
        then(app, round.trouble.map_or(Ok(round.last), Err));
        // The end of one may have begun another already.
        let waiting =
            if app.errand.is_out() { None } else { app.errand.queue.borrow_mut().pop_front() };
        if let Some((errands, then)) = waiting {
            begin(app, errands, then);
        }
        return;
    };
    let shell = app.window.global::<Shell<'_>>();
    shell.set_errand(words.as_str().into());
    shell.set_errand_progress(-1.0);
    let bundle = match &trip {
        Trip::Errand(Errand::Send(bundle)) => Some(bundle.clone()),
        _ => None,
    };
    app.ask_result(
        move |desk| match trip {
            Trip::Errand(errand) => desk.set_out(&errand),
            Trip::FirstLook(task) => desk.first_look(&task),
        },
        move |app, journey| match journey {
            Err(trouble) => come_back(app, round, Err(trouble), then),
            Ok(journey) => {
                app.errand.out.set(app.errand.out.get().saturating_add(1));
                let begun = app.beside(move |post| {
                    let told = Arc::new(AtomicBool::new(false));
                    let mut hear = |leg: Leg| tell(post, &told, &words, bundle.as_ref(), leg);
                    let brought = journey(&mut Watch { hear: &mut hear, stop });
                    post(Box::new(move |app: &Rc<App>| {
                        app.errand.out.set(app.errand.out.get().saturating_sub(1));
                        app.ask_result(
                            move |desk| desk.come_home(brought),
                            move |app, home| come_back(app, round, home, then),
                        );
                    }));
                });
                if let Err(cause) = begun {
                    app.errand.out.set(app.errand.out.get().saturating_sub(1));
                    app.errand.stop.borrow_mut().take();
                    app.window.global::<Shell<'_>>().set_errand("".into());
                    trouble::show(
                        app,
                        &Trouble::new(
                            "UI-THREAD",
                            "系统资源不足，不能开始",
                            "已确认存好的都在",
                            "关闭其他程序或重新启动后再试",
                        )
                        .because(cause),
                    );
                }
            }
        },
    );
}

fn come_back(app: &Rc<App>, mut round: Round, home: TroubleResult<Home>, then: Then) {
    match home {
        Ok(home) => round.last = Some(home),
        Err(trouble) => {
            round.trouble.get_or_insert(trouble);
        }
    }
    next(app, round, then);
}

/// At most one progress message waits for the window: a fast network must not flood a slow screen.
fn tell(
    post: &dyn Fn(Reply),
    told: &Arc<AtomicBool>,
    words: &str,
    bundle: Option<&BundleId>,
    leg: Leg,
) {
    if told.swap(true, Ordering::AcqRel) {
        return;
    }
    let told = Arc::clone(told);
    let words = words.to_owned();
    let bundle = bundle.cloned();
    post(Box::new(move |app: &Rc<App>| {
        told.store(false, Ordering::Release);
        if app.errand.stop.borrow().as_ref().is_none_or(Stop::asked) {
            return;
        }
        let shell = app.window.global::<Shell<'_>>();
        shell.set_errand_progress(share(leg));
        shell.set_errand(with_bytes(&words, leg).into());
        if let Some(bundle) = &bundle {
            sync::travelling(app, bundle, leg);
        }
    }));
}

/// 0 to 1; below 0 while unknown.
fn share(leg: Leg) -> f32 {
    let permille = leg.done.saturating_mul(1000).checked_div(leg.total);
    permille.map_or(-1.0, |p| f32::from(u16::try_from(p.min(1000)).unwrap_or(1000)) / 1000.0)
}

fn with_bytes(words: &str, leg: Leg) -> String {
    if leg.total == 0 {
        return words.to_owned();
    }
    format!("{words} {} / {}", words::bytes(leg.done), words::bytes(leg.total))
}

/// Shows how an errand failed; a stop that was asked for is no failure.
pub(crate) fn show_trouble(app: &Rc<App>, trouble: &Trouble) {
    if trouble.code == CANCELLED {
        app.toast(say!("已停下，下次从断点继续"));
    } else {
        trouble::show(app, trouble);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_says_bytes_and_share() {
        let leg = Leg { done: 1_100_000_000, total: 1_800_000_000 };
        assert_eq!(with_bytes("正在回传", leg), "正在回传 1.1 GB / 1.8 GB");
        assert!((share(leg) - 0.611).abs() < 0.001);
        let unknown = Leg::default();
        assert_eq!(with_bytes("正在核对", unknown), "正在核对");
        assert!(share(unknown) < 0.0);
    }
}
