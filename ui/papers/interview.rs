//! An interview: one person, question and answer, stamped into the running audio by the desk.

use std::cell::RefCell;
use std::rc::Rc;

use slint::{ComponentHandle, ModelRc, VecModel};
use spotcheck_app::desk::{AnswerView, DocumentState, DocumentView};
use spotcheck_domain::mask;
use spotcheck_domain::vocabulary::PartyKind;
use spotcheck_face::{AnswerItem, Interview};

use crate::app::{App, Place};
use crate::evidence::{player, timeline};
use crate::language::say;
use crate::papers::draft;
use crate::words;

#[derive(Default)]
pub(crate) struct Model {
    view: RefCell<Option<DocumentView>>,
}

/// Answers with their time marks.
pub(crate) fn answer_items(answers: &[AnswerView]) -> Vec<AnswerItem> {
    answers
        .iter()
        .map(|a| AnswerItem {
            n: i32::try_from(a.n).unwrap_or(i32::MAX),
            time: a.at_ms.map_or_else(String::new, words::short_time).into(),
            question: a.question.as_str().into(),
            answer: a.answer.as_str().into(),
        })
        .collect()
}

pub(crate) fn connect(app: &Rc<App>) {
    let face = app.window.global::<Interview<'_>>();
    face.on_save(app.on(save));
    face.on_edit(app.on_with(edit));
    face.on_hear(app.on_with(hear));
    face.on_edited(app.on(|app| {
        let face = app.window.global::<Interview<'_>>();
        let words = [face.get_question().to_string(), face.get_answer().to_string()];
        draft::note(app, draft_name(app), &words);
    }));
    face.on_new(app.on(|app| clear_fields(app)));
    face.on_document(app.on(|app| {
        let id = app.interview.view.borrow().as_ref().map(|v| v.card.id.clone());
        if let Some(id) = id {
            app.go(Place::Document(id));
        }
    }));
}

/// Opens the record of a party, or begins one. An empty id means: the person who was entered last.
pub(crate) fn begin(app: &Rc<App>, party: &str) {
    let Some(case) = app.case_id() else { return };
    let found = app.case.borrow().as_ref().and_then(|view| {
        let by_id = view.parties.iter().find(|p| p.id == party);
        by_id
            .or_else(|| {
                let persons = view.parties.iter().rev();
                persons.clone().find(|p| PartyKind::parse(&p.kind) != Some(PartyKind::Facility))
            })
            .or_else(|| view.parties.last())
            .map(|p| p.id.clone())
    });
    let Some(party) = found else { return };
    let draft = app.case.borrow().as_ref().and_then(|view| {
        let mut documents = view.documents.iter();
        let own =
            documents.find(|d| d.party.as_ref() == Some(&party) && d.state == DocumentState::Draft);
        own.map(|d| d.id.clone())
    });
    if let Some(id) = draft {
        app.go(Place::Interview(id));
        return;
    }
    app.ask(
        move |desk| {
            let document = desk.new_document(&case, "W04", Some(&party))?;
            Ok((document, desk.case(&case)?))
        },
        move |app, (document, case)| {
            app.keep_case(case);
            app.go(Place::Interview(document.card.id));
        },
    );
}

pub(crate) fn enter(app: &Rc<App>, id: &str) {
    let same = app.interview.view.borrow().as_ref().is_some_and(|v| v.card.id == id);
    if !same {
        forget(app);
    }
    name(app, id);
    load(app, id.to_owned());
}

/// Where question and answer are kept until they are noted down.
fn draft_name(app: &App) -> Option<String> {
    let view = app.interview.view.borrow();
    let id = view.as_ref().map(|v| v.card.id.clone())?;
    let n = app.window.global::<Interview<'_>>().get_editing();
    draft::name(app, &format!("answer/{id}"), &n.to_string())
}

/// Words from before a kill or a lock, where nothing has been typed since.
fn take_up(app: &Rc<App>) {
    let face = app.window.global::<Interview<'_>>();
    let id = app.interview.view.borrow().as_ref().map(|v| v.card.id.clone());
    let blank = face.get_question().is_empty() && face.get_answer().is_empty();
    let Some((n, words)) =
        id.filter(|_| blank).and_then(|id| draft::first_of(app, &format!("answer/{id}")))
    else {
        return;
    };
    let mut words = words.into_iter();
    face.set_editing(n.parse().unwrap_or(0));
    face.set_question(words.next().unwrap_or_default().into());
    face.set_answer(words.next().unwrap_or_default().into());
    app.toast(say!("上次没有记下的话还在，接着写"));
}

/// Forgets the interview on the screen.
pub(crate) fn forget(app: &Rc<App>) {
    app.interview.view.borrow_mut().take();
    app.window.global::<Interview<'_>>().set_answers(ModelRc::default());
    clear_fields(app);
}

fn name(app: &Rc<App>, id: &str) {
    let case = app.case.borrow();
    let name = case.as_ref().and_then(|c| {
        let party = c.documents.iter().find(|d| d.id == id)?.party.as_ref();
        c.parties.iter().find(|p| Some(&p.id) == party).map(|p| mask::name(&p.name))
    });
    let title = name.map_or_else(|| say!("询问").to_owned(), |name| say!("询问 · {}", name));
    app.window.global::<Interview<'_>>().set_name(title.into());
}

fn load(app: &Rc<App>, id: String) {
    let Some(case) = app.case_id() else { return };
    app.ask(
        move |desk| desk.document(&case, &id),
        |app, view| {
            keep(app, view);
            take_up(app);
        },
    );
}

fn keep(app: &Rc<App>, view: DocumentView) {
    let face = app.window.global::<Interview<'_>>();
    let stamped = view.answers.iter().filter(|a| a.at_ms.is_some()).count();
    face.set_note(
        say!("{} · {} 问，{} 条带时间点", view.card.title, view.answers.len(), stamped).into(),
    );
    face.set_answers(ModelRc::new(VecModel::from(answer_items(&view.answers))));
    *app.interview.view.borrow_mut() = Some(view);
}

fn clear_fields(app: &App) {
    let face = app.window.global::<Interview<'_>>();
    face.set_editing(0);
    face.set_question("".into());
    face.set_answer("".into());
}

fn edit(app: &Rc<App>, n: i32) {
    let found = app
        .interview
        .view
        .borrow()
        .as_ref()
        .and_then(|v| v.answers.iter().find(|a| i32::try_from(a.n) == Ok(n)).cloned());
    let Some(answer) = found else { return };
    let face = app.window.global::<Interview<'_>>();
    face.set_editing(n);
    face.set_question(answer.question.as_str().into());
    face.set_answer(answer.answer.as_str().into());
}

/// The sound of an answer, from where it was noted, while the words stay on the screen.
fn hear(app: &Rc<App>, n: i32) {
    let found = app
        .interview
        .view
        .borrow()
        .as_ref()
        .and_then(|v| v.answers.iter().find(|a| i32::try_from(a.n) == Ok(n)).cloned());
    if let Some((audio, at_ms)) = found.and_then(|a| a.audio.zip(a.at_ms)) {
        timeline::load(app);
        player::hear(app, &audio, at_ms);
    }
}

/// Stamps question and answer. The fields are emptied only after the desk has confirmed.
fn save(app: &Rc<App>) {
    let face = app.window.global::<Interview<'_>>();
    let question = face.get_question().trim().to_owned();
    let answer = face.get_answer().trim().to_owned();
    let n = u32::try_from(face.get_editing()).ok().filter(|n| *n > 0);
    let id = app.interview.view.borrow().as_ref().map(|v| v.card.id.clone());
    let (Some(case), Some(id)) = (app.case_id(), id) else { return };
    if question.is_empty() || answer.is_empty() {
        return;
    }
    let back = (Place::Interview(id.clone()), n, question.clone(), answer.clone());
    app.mark(
        move |desk| {
            let kept = desk.answer(&case, &id, n, &question, &answer)?;
            Ok((kept, desk.document(&case, &id)?))
        },
        |app, (kept, view)| {
            draft::done(app, draft_name(app));
            clear_fields(app);
            keep(app, view);
            let at =
                kept.at_ms.map_or_else(String::new, |ms| format!(" · {}", words::short_time(ms)));
            say!("已记下第 {} 问{}", kept.n, at)
        },
        move |app| reopen(app, back),
    );
}

/// The words of what was taken back, unless something else was begun on the screen since.
fn reopen(app: &Rc<App>, (place, n, question, answer): (Place, Option<u32>, String, String)) {
    let face = app.window.global::<Interview<'_>>();
    let blank = face.get_question().is_empty() && face.get_answer().is_empty();
    if app.place() != place {
        app.go(place);
    } else if !blank {
        return;
    }
    face.set_editing(n.and_then(|n| i32::try_from(n).ok()).unwrap_or(0));
    face.set_question(question.into());
    face.set_answer(answer.into());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_without_audio_has_no_time() {
        let answer = |n, at_ms| AnswerView {
            n,
            question: "问".to_owned(),
            answer: "答".to_owned(),
            at_ms,
            audio: None,
        };
        let items = answer_items(&[answer(1, Some(65_000)), answer(2, None)]);
        assert_eq!(items[0].time, "01:05");
        assert_eq!(items[1].time, "");
    }
}
