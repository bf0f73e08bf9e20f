//! Entering who was met.

use std::rc::Rc;

use slint::{ComponentHandle, ModelRc, SharedString, VecModel};
use spotcheck_domain::vocabulary::PartyKind;
use spotcheck_face::{NamedRow, Party};

use crate::app::{App, Place};
use crate::language::{say, word};
use crate::papers::draft;

/// Kinds that fit beside each other on the smallest screen.
const CHIPS_PER_LINE: usize = 3;

/// The kinds of party as chips.
pub(crate) fn kinds() -> Vec<NamedRow> {
    PartyKind::ALL
        .iter()
        .map(|kind| NamedRow {
            id: kind.as_str().into(),
            title: word(kind.zh()).into(),
            ..NamedRow::default()
        })
        .collect()
}

pub(crate) fn connect(app: &Rc<App>) {
    let face = app.window.global::<Party<'_>>();
    face.on_choose(app.on_with(|app, kind: SharedString| {
        app.window.global::<Party<'_>>().set_kind(kind);
    }));
    face.on_add(app.on(add));
    face.on_edited(app.on(|app| {
        let face = app.window.global::<Party<'_>>();
        let words = [face.get_name().to_string(), face.get_post().to_string()];
        draft::note(app, draft::name(app, "party", "new"), &words);
    }));
}

pub(crate) fn enter(app: &Rc<App>) {
    let face = app.window.global::<Party<'_>>();
    let (first, rest): (Vec<_>, Vec<_>) =
        kinds().into_iter().enumerate().partition(|(place, _)| *place < CHIPS_PER_LINE);
    let model = |part: Vec<(usize, NamedRow)>| {
        ModelRc::new(VecModel::from_iter(part.into_iter().map(|(_, kind)| kind)))
    };
    face.set_kinds(model(first));
    face.set_more_kinds(model(rest));
    // What was typed before a lock or a kill, and not entered.
    let kept = draft::of(app, draft::name(app, "party", "new").as_ref()).unwrap_or_default();
    let word = |n: usize| kept.get(n).map_or("", String::as_str);
    face.set_name(word(0).into());
    face.set_post(word(1).into());
    face.set_kind(PartyKind::Person.as_str().into());
}

fn add(app: &Rc<App>) {
    let Some(case) = app.case_id() else { return };
    let face = app.window.global::<Party<'_>>();
    let name = face.get_name().trim().to_owned();
    let kind = face.get_kind().to_string();
    let post = face.get_post().trim().to_owned();
    if name.is_empty() {
        return;
    }
    let back = (name.clone(), kind.clone(), post.clone());
    app.mark(
        move |desk| {
            let post = (!post.is_empty()).then_some(post.as_str());
            desk.add_party(&case, &name, &kind, post)
        },
        |app, _| {
            draft::done(app, draft::name(app, "party", "new"));
            app.back();
            say!("已登记").to_owned()
        },
        move |app| reopen(app, back),
    );
}

/// The words of what was taken back, to be changed.
fn reopen(app: &Rc<App>, (name, kind, post): (String, String, String)) {
    app.go(Place::Party);
    let face = app.window.global::<Party<'_>>();
    face.set_name(name.into());
    face.set_kind(kind.into());
    face.set_post(post.into());
}
