//! Signing by hand: who, and the strokes with the time of every point.
//!
//! The face reports points in the pad's own units (800 × 300); the clock is the device's boot time, so that
//! setting the wall clock in between does not bend a stroke. A pad without pressure gives a constant.

use std::cell::{Cell, RefCell};
use std::fmt::Write as _;
use std::rc::Rc;

use slint::{ComponentHandle, ModelRc, SharedString, VecModel};
use spotcheck_app::desk::{CaseView, DocumentView, Stroke};
use spotcheck_domain::vocabulary::{Capacity, PartyKind};
use spotcheck_face::{Document, SignerItem};

use crate::app::App;
use crate::document;
use crate::language::{say, word};

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
    let mut text = String::new();
    for stroke in strokes {
        for (n, (x, y, _, _)) in stroke.points.iter().enumerate() {
            let letter = if n == 0 { 'M' } else { 'L' };
            let _ = write!(text, "{letter} {x} {y} ");
        }
        // A tap is a dot, not nothing.
        if let [(x, y, _, _)] = stroke.points.as_slice() {
            let _ = write!(text, "L {} {y} ", x.saturating_add(2));
        }
    }
    text
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
    let face = app.window.global::<Document<'_>>();
    face.on_choose_signer(app.on_with(|app, id: SharedString| {
        *app.sign.signer.borrow_mut() = Some(id.to_string());
        app.sign.strokes.borrow_mut().clear();
        draw(app);
    }));
    let weak = Rc::downgrade(app);
    face.on_pen(move |phase, x, y| {
        if let Some(app) = weak.upgrade() {
            pen(&app, phase, x, y);
        }
    });
    face.on_clear(app.on(|app| {
        app.sign.strokes.borrow_mut().clear();
        draw_strokes(app);
    }));
    face.on_sign(app.on(sign));
}

/// Forgets strokes and signer.
pub(crate) fn forget(app: &Rc<App>) {
    app.sign.signer.borrow_mut().take();
    app.sign.strokes.borrow_mut().clear();
    app.window.global::<Document<'_>>().set_signers(ModelRc::default());
    draw_strokes(app);
}

/// Draws signers and pad; the first one who has not signed is chosen.
pub(crate) fn draw(app: &Rc<App>) {
    let case = app.case.borrow().clone();
    let view = app.document.view.borrow().clone();
    let (Some(case), Some(view)) = (case, view) else { return };
    let chosen = app.sign.signer.borrow().clone();
    let mut items = signers(&case, &view, chosen.as_deref());
    if !items.iter().any(|i| i.chosen && !i.done) {
        for item in &mut items {
            item.chosen = false;
        }
        let next = items.iter_mut().find(|i| !i.done);
        if let Some(item) = next {
            item.chosen = true;
            *app.sign.signer.borrow_mut() = Some(item.id.to_string());
        } else {
            app.sign.signer.borrow_mut().take();
        }
    }
    app.window.global::<Document<'_>>().set_signers(ModelRc::new(VecModel::from(items)));
    draw_strokes(app);
}

fn draw_strokes(app: &Rc<App>) {
    let (commands, any) = {
        let strokes = app.sign.strokes.borrow();
        (commands(&strokes), !strokes.is_empty())
    };
    let face = app.window.global::<Document<'_>>();
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
            app.sign.strokes.borrow_mut().clear();
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
