//! Signing by hand: who, and the strokes with the time of every point.
//!
//! The face reports points in the record's own units (800 × 300, the same scale both ways, so that no name is
//! stretched by the shape of a screen); the clock is the device's boot time, so that setting the wall clock in
//! between does not bend a stroke.
//!
//! Pressure is a constant in the record: Slint 1.18 hands on none. Its pointer events have button, kind,
//! modifiers and finger, its core has none to give (`MouseEvent`), and its back ends drop what the system says
//! (`Touch::force` of the window system, the axes of libinput's tablet tools). A constant says so; a pressure
//! guessed from speed would be an invented measurement in a piece of evidence.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use slint::{ComponentHandle, ModelRc, SharedString, VecModel};
use spotcheck_app::desk::{CaseView, DocumentView, Stroke};
use spotcheck_domain::vocabulary::{Capacity, PartyKind};
use spotcheck_face::{SignerItem, Signing};

use crate::app::{App, Place};
use crate::frame::ink;
use crate::language::{say, word};
use crate::papers::{document, draft, served};

/// Width of the pad in its own units.
const PAD_WIDTH: f32 = 800.0;
/// Height of the pad in its own units.
const PAD_HEIGHT: f32 = 300.0;
/// Pressure where the pad has none, of 1023.
const CONSTANT_PRESSURE: u16 = 512;
/// Points kept of one signature: far more than a name needs.
const MOST_POINTS: usize = 20_000;

#[derive(Default)]
pub(crate) struct Model {
    signer: RefCell<Option<String>>,
    strokes: RefCell<Vec<Stroke>>,
    began_ms: Cell<i64>,
}

/// Everybody who may sign: parties first, then officers.
pub(crate) fn signers(
    case: &CaseView,
    view: &DocumentView,
    chosen: Option<&str>,
) -> Vec<SignerItem> {
    let item = |id: &str, name: &str, capacity: Capacity| SignerItem {
        id: id.into(),
        name: name.into(),
        capacity: word(capacity.zh()).into(),
        chosen: chosen == Some(id),
        done: view.signatures.iter().any(|s| s.signer == id),
        refused: view.refused.iter().any(|r| r.party == id),
    };
    // An interview is signed by who was asked, and by witnesses; a record of refusal by witnesses alone; any
    // other form by every party.
    let asked = view.card.party.as_deref();
    let refused = view.card.form == "W25";
    let signs = |id: &str, kind: &str| {
        (!refused && asked.is_none_or(|asked| asked == id))
            || PartyKind::parse(kind) == Some(PartyKind::Witness)
            || PartyKind::parse(kind) == Some(PartyKind::Guardian)
    };
    let parties = case.parties.iter().filter(|p| signs(&p.id, &p.kind)).map(|p| {
        let capacity = match PartyKind::parse(&p.kind) {
            Some(PartyKind::Witness) => Capacity::Witness,
            _ => Capacity::Party,
        };
        item(&p.id, &p.name, capacity)
    });
    let officers = case.officers.iter().map(|o| item(o.id.as_str(), &o.name, Capacity::Officer));
    parties.chain(officers).collect()
}

/// The strokes as path commands for the face.
pub(crate) fn commands(strokes: &[Stroke]) -> String {
    let mut path = String::new();
    for stroke in strokes {
        let points: Vec<(f32, f32)> =
            stroke.points.iter().map(|(x, y, _, _)| (f32::from(*x), f32::from(*y))).collect();
        ink::add(&mut path, &points);
    }
    path
}

fn unit(value: f32, size: f32) -> u16 {
    let inside = if value.is_finite() { value.clamp(0.0, size) } else { 0.0 };
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "finite and clamped to 0..=800"
    )]
    {
        inside.round() as u16
    }
}

pub(crate) fn connect(app: &Rc<App>) {
    let face = app.window.global::<Signing<'_>>();
    face.on_choose(app.on_with(|app, id: SharedString| {
        *app.sign.signer.borrow_mut() = Some(id.to_string());
        take(app);
    }));
    face.on_take(app.on(take));
    face.on_close(app.on(close));
    let weak = Rc::downgrade(app);
    face.on_pen(move |phase, x, y| {
        if let Some(app) = weak.upgrade() {
            pen(&app, phase, x, y);
        }
    });
    face.on_clear(app.on(|app| {
        app.sign.strokes.borrow_mut().clear();
        keep(app);
        draw_strokes(app);
    }));
    face.on_undo(app.on(|app| {
        app.sign.strokes.borrow_mut().pop();
        keep(app);
        draw_strokes(app);
    }));
    face.on_sign(app.on(sign));
}

/// The name under which the strokes of one signer lie until they are confirmed: of these words only, so that nothing
/// drawn under one text is ever confirmed under another.
fn kept_as(app: &App) -> Option<String> {
    let signer = app.sign.signer.borrow().clone()?;
    let view = app.document.view.borrow();
    let view = view.as_ref()?;
    let words = view.content_sha256.as_deref().unwrap_or("-");
    draft::name(app, "sign", &format!("{}/{words}/{signer}", view.card.id))
}

/// Keeps what is drawn like words that are typed: the lock or a kill in the middle of a name must not cost it (R17).
fn keep(app: &Rc<App>) {
    let strokes = app.sign.strokes.borrow().clone();
    let json = serde_json::to_string(&strokes).unwrap_or_default();
    let words = if strokes.is_empty() { Vec::new() } else { vec![json] };
    draft::note(app, kept_as(app), &words);
}

/// What this signer drew before a lock and did not confirm.
fn kept(app: &App) -> Vec<Stroke> {
    let words = draft::of(app, kept_as(app).as_ref()).unwrap_or_default();
    words.first().and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
}

/// Opens the pad for the signer who was chosen, with what was drawn before a lock.
fn take(app: &Rc<App>) {
    app.sign.strokes.borrow_mut().clear();
    draw(app);
    let before = kept(app);
    if !before.is_empty() {
        // The next stroke comes after the last one, however long the screen was locked.
        let last = before.iter().flat_map(|s| &s.points).map(|p| p.2).max().unwrap_or(0);
        app.sign.began_ms.set(app.clock.read().boottime_ms.saturating_sub(i64::from(last)));
        *app.sign.strokes.borrow_mut() = before;
        draw_strokes(app);
        app.toast(say!("锁屏前写的笔迹还在；请本人看过，再写完或点“签好”"));
    }
    let someone = app.sign.signer.borrow().is_some();
    app.window.global::<Signing<'_>>().set_open(someone);
}

/// Puts the pad away; what was drawn and not signed is gone.
fn close(app: &Rc<App>) {
    app.sign.strokes.borrow_mut().clear();
    keep(app);
    app.window.global::<Signing<'_>>().set_open(false);
    draw_strokes(app);
}

/// Back from the pad leads to the list of signers.
pub(crate) fn step_back(app: &Rc<App>) -> bool {
    let open = app.window.global::<Signing<'_>>().get_open();
    if !open || !matches!(app.place(), Place::Document(_)) {
        return false;
    }
    close(app);
    true
}

/// Whose turn it is.
pub(crate) fn signer(app: &App) -> Option<String> {
    app.sign.signer.borrow().clone()
}

/// Forgets strokes and signer.
pub(crate) fn forget(app: &Rc<App>) {
    app.sign.signer.borrow_mut().take();
    app.sign.strokes.borrow_mut().clear();
    let face = app.window.global::<Signing<'_>>();
    face.set_signers(ModelRc::default());
    face.set_signer("".into());
    face.set_open(false);
    served::stop(app);
    draw_strokes(app);
}

/// Draws signers and pad; the first one who has not signed is chosen.
pub(crate) fn draw(app: &Rc<App>) {
    let case = app.case.borrow().clone();
    let view = app.document.view.borrow().clone();
    let (Some(case), Some(view)) = (case, view) else { return };
    let chosen = app.sign.signer.borrow().clone();
    let mut items = signers(&case, &view, chosen.as_deref());
    let through = |i: &SignerItem| i.done || i.refused;
    if !items.iter().any(|i| i.chosen && !through(i)) {
        for item in &mut items {
            item.chosen = false;
        }
        let next = items.iter_mut().find(|i| !through(i));
        if let Some(item) = next {
            item.chosen = true;
            *app.sign.signer.borrow_mut() = Some(item.id.to_string());
        } else {
            app.sign.signer.borrow_mut().take();
        }
    }
    let who = items.iter().find(|i| i.chosen && !through(i));
    let officer = |id: &str| case.officers.iter().any(|o| o.id.as_str() == id);
    let can_refuse = who.is_some_and(|i| !officer(&i.id));
    let declares = can_refuse && who.is_some_and(|i| i.capacity == word(Capacity::Party.zh()));
    let who = who.map(|i| format!("{} · {}", i.name, i.capacity)).unwrap_or_default();
    let face = app.window.global::<Signing<'_>>();
    face.set_signer(who.into());
    face.set_can_refuse(can_refuse);
    face.set_declares(declares);
    face.set_signers(ModelRc::new(VecModel::from(items)));
    draw_strokes(app);
}

fn draw_strokes(app: &Rc<App>) {
    let (commands, any) = {
        let strokes = app.sign.strokes.borrow();
        (commands(&strokes), !strokes.is_empty())
    };
    let face = app.window.global::<Signing<'_>>();
    face.set_strokes(commands.into());
    face.set_has_strokes(any && app.sign.signer.borrow().is_some());
}

/// One report of the pad: 0 down, 1 moved, 2 up.
fn pen(app: &Rc<App>, phase: i32, x: f32, y: f32) {
    let now = app.clock.read().boottime_ms;
    {
        let mut strokes = app.sign.strokes.borrow_mut();
        let kept: usize = strokes.iter().map(|s| s.points.len()).sum();
        if kept >= MOST_POINTS {
            return;
        }
        if strokes.is_empty() {
            app.sign.began_ms.set(now);
        }
        let since = now.saturating_sub(app.sign.began_ms.get());
        let ms = u32::try_from(since).unwrap_or(0);
        let point = (unit(x, PAD_WIDTH), unit(y, PAD_HEIGHT), ms, CONSTANT_PRESSURE);
        if phase == 0 {
            strokes.push(Stroke { points: vec![point] });
        } else if let Some(stroke) = strokes.last_mut() {
            // Lifting the pen where it stands is no point of its own.
            let same = stroke.points.last().is_some_and(|p| (p.0, p.1) == (point.0, point.1));
            if !same {
                stroke.points.push(point);
            }
        }
    }
    if phase == 2 {
        keep(app);
    }
    draw_strokes(app);
}

fn sign(app: &Rc<App>) {
    let id = app.document.view.borrow().as_ref().map(|v| v.card.id.clone());
    let signer = app.sign.signer.borrow().clone();
    let (Some(case), Some(id), Some(signer)) = (app.case_id(), id, signer) else { return };
    let strokes = app.sign.strokes.borrow().clone();
    if strokes.is_empty() {
        return;
    }
    app.ask(
        move |desk| {
            let view = desk.sign_document(&case, &id, &signer, &strokes)?;
            Ok((view, desk.case(&case)?))
        },
        |app, (view, case)| {
            // The strokes leave the screen only after the desk has confirmed them.
            close(app);
            app.keep_case(case);
            let name = view.signatures.last().map(|s| s.name.clone()).unwrap_or_default();
            document::keep(app, view);
            app.toast(&say!("{} 已签", name));
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strokes_become_a_path_and_a_tap_a_dot() {
        let strokes = [
            Stroke { points: vec![(1, 2, 0, 512), (3, 4, 10, 512)] },
            Stroke { points: vec![(9, 9, 50, 512)] },
        ];
        assert_eq!(commands(&strokes), "M 1 2 L 3 4 M 9 9 L 11 9 ");
    }

    #[test]
    fn points_stay_on_the_pad() {
        assert_eq!(unit(-5.0, PAD_WIDTH), 0);
        assert_eq!(unit(900.0, PAD_WIDTH), 800);
        assert_eq!(unit(f32::NAN, PAD_HEIGHT), 0);
        assert_eq!(unit(150.4, PAD_HEIGHT), 150);
    }
}
