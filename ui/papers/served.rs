//! A signature that is refused, and copies that are handed over.

use std::rc::Rc;

use slint::ComponentHandle;
use spotcheck_app::desk::{CaseView, DocumentView};
use spotcheck_domain::vocabulary::PartyKind;
use spotcheck_face::{Print, Signing};

use crate::app::{App, Place};
use crate::language::say;
use crate::papers::{document, draft, sign};

pub(crate) fn connect(app: &Rc<App>) {
    let face = app.window.global::<Signing<'_>>();
    face.on_refuse_start(app.on(start));
    face.on_refuse(app.on(refuse));
    face.on_refuse_edited(app.on(|app| {
        let words = app.window.global::<Signing<'_>>().get_reason().to_string();
        draft::note(app, kept_as(app), &[words]);
    }));
    app.window.global::<Print<'_>>().on_give(app.on(give));
}

/// Where the reason is kept until it is entered.
fn kept_as(app: &App) -> Option<String> {
    let who = sign::signer(app)?;
    let view = app.document.view.borrow();
    let id = view.as_ref().map(|view| view.card.id.clone())?;
    draft::name(app, "refuse", &format!("{id}/{who}"))
}

fn start(app: &Rc<App>) {
    let face = app.window.global::<Signing<'_>>();
    let kept = draft::of(app, kept_as(app).as_ref()).and_then(|words| words.into_iter().next());
    face.set_reason(kept.unwrap_or_default().into());
    face.set_refusing(true);
}

/// Puts the question away.
pub(crate) fn stop(app: &Rc<App>) {
    let face = app.window.global::<Signing<'_>>();
    face.set_refusing(false);
    face.set_reason("".into());
}

/// Back from the question leads to the list of signers; what was typed stays.
pub(crate) fn step_back(app: &Rc<App>) -> bool {
    let open = app.window.global::<Signing<'_>>().get_refusing();
    if !open || !matches!(app.place(), Place::Document(_)) {
        return false;
    }
    stop(app);
    true
}

fn refuse(app: &Rc<App>) {
    let id = app.document.view.borrow().as_ref().map(|v| v.card.id.clone());
    let (Some(case), Some(id), Some(who)) = (app.case_id(), id, sign::signer(app)) else { return };
    let reason = app.window.global::<Signing<'_>>().get_reason().trim().to_owned();
    if reason.is_empty() {
        return;
    }
    let words = reason.clone();
    app.mark(
        move |desk| {
            let view = desk.refuse_document(&case, &id, &who, &reason)?;
            Ok((view, desk.case(&case)?))
        },
        |app, (view, case)| {
            draft::done(app, kept_as(app));
            stop(app);
            app.drop_keyboard();
            app.keep_case(case);
            let name = view.refused.last().map(|r| r.name.clone()).unwrap_or_default();
            document::keep(app, view);
            say!("已登记 {} 拒签", name)
        },
        move |app| {
            if matches!(app.place(), Place::Document(_)) {
                start(app);
                app.window.global::<Signing<'_>>().set_reason(words.into());
            }
        },
    );
}

/// To whom a copy goes: whoever was asked, else the house.
fn receiver<'a>(case: &'a CaseView, view: &DocumentView) -> Option<(&'a str, &'a str)> {
    let asked = view.card.party.as_deref();
    let house = |kind: &str| PartyKind::parse(kind) == Some(PartyKind::Facility);
    let party = case
        .parties
        .iter()
        .find(|p| asked == Some(p.id.as_str()))
        .or_else(|| case.parties.iter().find(|p| house(&p.kind)))
        .or(case.parties.first());
    party.map(|p| (p.id.as_str(), p.name.as_str()))
}

/// What was handed over, on the page of the print.
pub(crate) fn draw(app: &Rc<App>) {
    let face = app.window.global::<Print<'_>>();
    let (case, view) = (app.case.borrow().clone(), app.document.view.borrow().clone());
    let (Some(case), Some(view)) = (case, view) else { return };
    let to = receiver(&case, &view).map(|(_, name)| name.to_owned()).unwrap_or_default();
    let count = view.given.iter().fold(0_u32, |sum, given| sum.saturating_add(given.copies));
    let note = if count == 0 {
        say!("给 {}，记入日志", to)
    } else {
        say!("给 {}，已交 {} 份", to, count)
    };
    face.set_can_give(view.prints > 0 && app.case_id().is_some() && !to.is_empty());
    face.set_given(note.into());
}

fn give(app: &Rc<App>) {
    let (case, view) = (app.case.borrow().clone(), app.document.view.borrow().clone());
    let (Some(case), Some(view)) = (case, view) else { return };
    let to = receiver(&case, &view).map(|(id, name)| (id.to_owned(), name.to_owned()));
    let (Some(open), Some((party, name))) = (app.case_id(), to) else { return };
    let id = view.card.id;
    let again = (open.clone(), id.clone());
    app.mark(
        move |desk| desk.give_copy(&open, &id, &party, 1),
        move |app, view| {
            document::keep(app, view);
            draw(app);
            say!("已记：交 {} 一份", name)
        },
        move |app| {
            let (case, id) = again;
            app.ask(
                move |desk| desk.document(&case, &id),
                |app, view| {
                    document::keep(app, view);
                    draw(app);
                },
            );
        },
    );
}
