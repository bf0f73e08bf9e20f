//! Custody in the window: the time of an unset clock, another PIN, handing a case on. Reached from 设备.
//!
//! PINs are typed one after the other into memory that is wiped, as at the seal; the face knows how many characters
//! there are and whose turn it is.

use std::cell::RefCell;
use std::rc::Rc;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use slint::{ComponentHandle, ModelRc, SharedString, VecModel};
use spotcheck_app::desk::{CaseState, Status};
use spotcheck_domain::vocabulary::KeyProtection;
use spotcheck_domain::{CaseId, OfficerId};
use spotcheck_face::{Custody, Device, OfficerItem, Shell};

use crate::app::{App, Place};
use crate::day::pin::{Pad, Typed};
use crate::frame::{recording, trouble};
use crate::language::{mark, say, word};
use crate::papers::draft;

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Act {
    /// Both officers speak for the time.
    Clock,
    /// Another PIN.
    Pin,
    /// Another officer goes on.
    HandOver,
}

/// Which PIN is typed, as the face names it.
const PIN_STEPS: [&str; 3] = [mark!("现在的"), mark!("新的"), mark!("新的，再输一次")];
/// The current one of whoever has a token, in its second half.
const OF_TOKEN: &str = mark!("密钥设备(UKey)的");
/// Officers who must speak for the time.
const TWO: usize = 2;

/// An officer as the rows name one.
type Named = (OfficerId, String);

#[derive(Default)]
struct Now {
    /// Officers that can be chosen.
    officers: Vec<Named>,
    /// Cases that are open.
    cases: Vec<CaseId>,
    me: Option<OfficerId>,
    /// The officer who types, or to whom the case goes.
    chosen: Option<OfficerId>,
    /// PINs that were typed: of officers, or the old and the new one.
    pins: Vec<(Option<OfficerId>, Typed)>,
    /// Who types the PIN of a token, too.
    tokens: Vec<OfficerId>,
}

impl Now {
    /// Whether a token's PIN belongs to what is typed now. Of the three steps to another PIN only the first opens keys.
    fn with_token(&self, act: Act) -> bool {
        let who = match act {
            Act::Clock => self.chosen.as_ref(),
            Act::Pin if self.pins.is_empty() => self.me.as_ref(),
            Act::Pin | Act::HandOver => None,
        };
        who.is_some_and(|who| self.tokens.contains(who))
    }
}

pub(crate) struct Model {
    pin: RefCell<Pad>,
    now: RefCell<Now>,
}

impl Model {
    pub(crate) fn new() -> Self {
        Self { pin: RefCell::new(Pad::new()), now: RefCell::default() }
    }
}

pub(crate) fn connect(app: &Rc<App>) {
    let device = app.window.global::<Device<'_>>();
    device.on_clock(app.on(|app| app.go(Place::Custody(Act::Clock))));
    device.on_pin(app.on(|app| app.go(Place::Custody(Act::Pin))));
    device.on_hand_over(app.on(|app| app.go(Place::Custody(Act::HandOver))));
    let face = app.window.global::<Custody<'_>>();
    face.on_choose(app.on_with(|app, id: SharedString| {
        app.custody.pin.borrow_mut().clear();
        app.custody.now.borrow_mut().chosen = OfficerId::parse(&id).ok();
        draw(app);
    }));
    face.on_press(app.on_with(|app, key: SharedString| {
        app.custody.pin.borrow_mut().buffer().press(&key);
        dots(app);
    }));
    face.on_erase(app.on(|app| {
        app.custody.pin.borrow_mut().buffer().erase();
        dots(app);
    }));
    face.on_replace(app.on_with(|app, all: SharedString| {
        app.custody.pin.borrow_mut().buffer().replace(&all);
        dots(app);
    }));
    face.on_pin_done(app.on(pin_done));
    face.on_edited(app.on(|app| {
        let face = app.window.global::<Custody<'_>>();
        let words = [face.get_words().to_string(), face.get_points().to_string()];
        draft::note(app, kept_as(app), &words);
    }));
    face.on_act_now(app.on(act));
}

fn now_doing(app: &App) -> Option<Act> {
    match app.place() {
        Place::Custody(act) => Some(act),
        _ => None,
    }
}

/// Where what is typed lies until it is entered; a PIN never.
fn kept_as(app: &App) -> Option<String> {
    let which = match now_doing(app)? {
        Act::Clock => "clock",
        Act::HandOver => "handover",
        Act::Pin => return None,
    };
    draft::name(app, "custody", which)
}

/// What can be done now, on the page of the device.
pub(crate) fn offer(app: &Rc<App>, now: &Status) {
    let clock_set = now.clock_set;
    app.ask(
        |desk| desk.tasks(),
        move |app, tasks| {
            let open = tasks
                .iter()
                .filter_map(|card| card.case.as_ref())
                .filter(|case| case.state == CaseState::Open);
            let cases: Vec<CaseId> = open.map(|case| case.id.clone()).collect();
            let face = app.window.global::<Device<'_>>();
            face.set_can_clock(!clock_set && !cases.is_empty());
            face.set_clock_note(
                if clock_set {
                    say!("时钟已设置，不用登记")
                } else if cases.is_empty() {
                    say!("先进入任务，开始检查")
                } else {
                    say!("两人各输一次 PIN，之后可以签字")
                }
                .into(),
            );
            let one = app.case_id().is_some() || cases.len() == 1;
            face.set_can_hand_over(one);
            face.set_hand_over_note(
                if one {
                    say!("换班时交给本任务的另一位")
                } else {
                    say!("先进入要移交的任务")
                }
                .into(),
            );
            app.custody.now.borrow_mut().cases = cases;
        },
    );
}

pub(crate) fn enter(app: &Rc<App>, act: Act) {
    let cases = std::mem::take(&mut app.custody.now.borrow_mut().cases);
    *app.custody.now.borrow_mut() = Now { cases, ..Now::default() };
    app.custody.pin.borrow_mut().clear();
    let face = app.window.global::<Custody<'_>>();
    face.set_act(match act {
        Act::Clock => 0,
        Act::Pin => 1,
        Act::HandOver => 2,
    });
    let kept = draft::of(app, kept_as(app).as_ref()).unwrap_or_default();
    let mut kept = kept.into_iter();
    face.set_words(kept.next().unwrap_or_default().into());
    let points = kept.next().unwrap_or_else(|| open_points(app, act));
    face.set_points(points.into());
    draw(app);
    app.ask(
        |desk| Ok((desk.status()?, desk.tasks()?)),
        move |app, (now, tasks)| {
            recording::show(app, &now);
            app.window
                .global::<Custody<'_>>()
                .set_letters(now.key_protection == KeyProtection::File);
            let case = app.case_id();
            let open = |card: &spotcheck_app::desk::TaskCard| {
                let found = card.case.as_ref().filter(|c| c.state == CaseState::Open);
                found.is_some_and(|c| case.as_ref().is_none_or(|case| *case == c.id))
            };
            let of_task = |id: &OfficerId| {
                tasks.iter().any(|t| open(t) && t.task.officers.iter().any(|o| o.id == *id))
            };
            let officers = now.officers.iter().filter(|card| of_task(&card.id));
            let others = |card: &&spotcheck_app::desk::OfficerCard| {
                act != Act::HandOver || Some(&card.id) != now.unlocked.as_ref()
            };
            let officers = officers.filter(others);
            {
                let mut model = app.custody.now.borrow_mut();
                model.officers = officers.map(|o| (o.id.clone(), o.name.clone())).collect();
                model.me.clone_from(&now.unlocked);
                let tokens = now.officers.iter().filter(|card| card.token);
                model.tokens = tokens.map(|card| card.id.clone()).collect();
            }
            draw(app);
        },
    );
}

/// What is still to be done, one line each: proposed, and confirmed by whoever hands over.
fn open_points(app: &App, act: Act) -> String {
    if act != Act::HandOver {
        return String::new();
    }
    let case = app.case.borrow();
    case.as_ref().map(|case| case.missing.join("\n")).unwrap_or_default()
}

/// Forgets PINs and words.
pub(crate) fn forget(app: &Rc<App>) {
    app.custody.pin.borrow_mut().clear();
    *app.custody.now.borrow_mut() = Now::default();
    let face = app.window.global::<Custody<'_>>();
    face.set_words("".into());
    face.set_points("".into());
    face.set_officers(ModelRc::default());
    face.set_typing("".into());
}

/// Leaves a pad before the screen itself is left.
pub(crate) fn step_back(app: &Rc<App>) -> bool {
    if now_doing(app) != Some(Act::Clock) || app.custody.now.borrow().chosen.is_none() {
        return false;
    }
    app.custody.pin.borrow_mut().clear();
    app.custody.now.borrow_mut().chosen = None;
    draw(app);
    true
}

fn dots(app: &Rc<App>) {
    let (typed, enough) = {
        let pin = app.custody.pin.borrow();
        (pin.typed(), pin.enough())
    };
    let face = app.window.global::<Custody<'_>>();
    face.set_typed(typed);
    face.set_enough(enough);
}

fn draw(app: &Rc<App>) {
    let Some(act) = now_doing(app) else { return };
    let face = app.window.global::<Custody<'_>>();
    let now = app.custody.now.borrow();
    let typed = |id: &OfficerId| now.pins.iter().any(|(who, _)| who.as_ref() == Some(id));
    let items = now.officers.iter().map(|(id, name)| {
        let chosen = now.chosen.as_ref() == Some(id);
        let done = typed(id) || (act == Act::HandOver && chosen);
        let note = match act {
            Act::Clock if done => say!("PIN 已输入"),
            Act::Clock => say!("等本人输入 PIN"),
            Act::Pin | Act::HandOver => "",
        };
        OfficerItem {
            id: id.as_str().into(),
            name: name.as_str().into(),
            note: note.into(),
            chosen,
            done,
            usable: act == Act::HandOver || !done,
        }
    });
    let items: Vec<OfficerItem> = items.collect();
    let at_token = app.custody.pin.borrow().at_token();
    let typing = match act {
        Act::Pin if at_token => Some(word(OF_TOKEN).to_owned()),
        Act::Pin => PIN_STEPS.get(now.pins.len()).map(|step| word(step).to_owned()),
        Act::Clock => {
            let chosen = now.chosen.as_ref();
            let name = now.officers.iter().find(|(id, _)| Some(id) == chosen);
            name.map(|(_, name)| name.clone())
        }
        Act::HandOver => None,
    };
    let ready = match act {
        Act::Clock => now.pins.len() >= TWO,
        Act::Pin => now.pins.len() >= PIN_STEPS.len(),
        Act::HandOver => now.chosen.is_some(),
    };
    drop(now);
    face.set_officers(ModelRc::new(VecModel::from(items)));
    face.set_typing(typing.unwrap_or_default().into());
    face.set_of_token(at_token);
    face.set_ready(ready);
    dots(app);
}

fn pin_done(app: &Rc<App>) {
    let Some(act) = now_doing(app) else { return };
    let token = app.custody.now.borrow().with_token(act);
    let typed = app.custody.pin.borrow_mut().done(token);
    let Some(pin) = typed else { return draw(app) };
    let full = {
        let mut now = app.custody.now.borrow_mut();
        let who = if act == Act::Clock { now.chosen.take() } else { None };
        now.pins.push((who, pin));
        now.pins.len() >= PIN_STEPS.len()
    };
    draw(app);
    if act == Act::Pin && full {
        change(app);
    }
}

fn act(app: &Rc<App>) {
    match now_doing(app) {
        Some(Act::Clock) => speak(app),
        Some(Act::HandOver) => hand_over(app),
        Some(Act::Pin) | None => {}
    }
}

/// The cases that are meant: the open task's, else all that are open.
fn cases(app: &App) -> Vec<CaseId> {
    app.case_id().map_or_else(|| app.custody.now.borrow().cases.clone(), |case| vec![case])
}

fn speak(app: &Rc<App>) {
    let says = app.window.global::<Custody<'_>>().get_words().trim().to_owned();
    let cases = cases(app);
    let typed: Vec<(OfficerId, Typed)> = {
        let mut now = app.custody.now.borrow_mut();
        now.pins.drain(..).filter_map(|(who, pin)| Some((who?, pin))).collect()
    };
    draw(app);
    app.window.global::<Shell<'_>>().set_busy(say!("正在登记").into());
    app.ask_result(
        move |desk| {
            let pins: Vec<(OfficerId, SecretString)> = typed
                .into_iter()
                .map(|(who, typed)| (who.clone(), typed.present(desk, &who)))
                .collect();
            let mut told = Err(None);
            for case in &cases {
                match desk.enter_clock(case, &pins, &says) {
                    Ok(()) => told = Ok(()),
                    // Another open case may belong to another pair of officers.
                    Err(trouble) => told = told.or(Err(Some(trouble))),
                }
            }
            told.or_else(|trouble| trouble.map_or(Ok(()), Err))
        },
        |app, result| {
            app.window.global::<Shell<'_>>().set_busy("".into());
            match result {
                Ok(()) => {
                    draft::done(app, kept_as(app));
                    app.back();
                    app.toast(say!("已登记当前时间，本次开机内可以签字"));
                }
                Err(trouble) => trouble::show(app, &trouble),
            }
        },
    );
}

fn change(app: &Rc<App>) {
    let (me, mut pins) = {
        let mut now = app.custody.now.borrow_mut();
        let pins: Vec<Typed> = now.pins.drain(..).map(|(_, pin)| pin).collect();
        (now.me.clone(), pins.into_iter())
    };
    draw(app);
    let (Some(me), Some(old), Some(new), Some(again)) = (me, pins.next(), pins.next(), pins.next())
    else {
        return;
    };
    let (new, again) = (new.alone(), again.alone());
    if new.expose_secret() != again.expose_secret() {
        return app.toast(say!("两次输入的新 PIN 不同，没有改动，请重新输入"));
    }
    app.window.global::<Shell<'_>>().set_busy(say!("正在更改 PIN").into());
    app.ask_result(
        move |desk| {
            let old = old.present(desk, &me);
            desk.new_pin(&me, &old, &new)
        },
        |app, result| {
            app.window.global::<Shell<'_>>().set_busy("".into());
            match result {
                Ok(()) => {
                    app.back();
                    app.toast(say!("PIN 已更改，下次解锁用新的"));
                }
                Err(trouble) => trouble::show(app, &trouble),
            }
        },
    );
}

fn hand_over(app: &Rc<App>) {
    let to = {
        let now = app.custody.now.borrow();
        let chosen = now.chosen.clone();
        now.officers.iter().find(|(id, _)| Some(id) == chosen.as_ref()).cloned()
    };
    let (Some((to, name)), Some(case)) = (to, cases(app).into_iter().next()) else { return };
    let face = app.window.global::<Custody<'_>>();
    let reason = face.get_words().trim().to_owned();
    let points = face.get_points().to_string();
    let points: Vec<String> =
        points.lines().map(|l| l.trim().to_owned()).filter(|l| !l.is_empty()).collect();
    app.ask(
        move |desk| {
            let reason = (!reason.is_empty()).then_some(reason.as_str());
            desk.hand_on(&case, &to, reason, &points)
        },
        move |app, ()| {
            draft::done(app, kept_as(app));
            app.back();
            app.toast(&say!("已移交 {}；请锁屏，由接手的人解锁", name));
        },
    );
}
