//! A document: fields one at a time, preview and frozen pages, freezing.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use slint::{ComponentHandle, ModelRc, SharedString, VecModel};
use spotcheck_app::desk::{DocumentState, DocumentView};
use spotcheck_face::{Document, FieldItem};

use crate::app::{App, Place};
use crate::claims::facts;
use crate::frame::phrases::typed_into;
use crate::frame::toast;
use crate::language::say;
use crate::papers::{draft, sign};
use crate::{images, words};

#[derive(Default)]
pub(crate) struct Model {
    pub(crate) view: RefCell<Option<DocumentView>>,
    page: Cell<u32>,
    /// A page was asked for while another one was on its way: its number of pixels.
    running: Cell<bool>,
    owed: Cell<Option<u32>>,
}

impl Model {
    /// Form of the document on the screen.
    pub(crate) fn form(&self) -> Option<String> {
        self.view.borrow().as_ref().map(|view| view.card.form.clone())
    }
}

/// Fields in the order of the form.
pub(crate) fn field_items(view: &DocumentView) -> Vec<FieldItem> {
    view.fields
        .iter()
        .map(|f| FieldItem {
            key: f.key.as_str().into(),
            label: f.label.as_str().into(),
            value: f.value.as_str().into(),
            required: f.required,
            multiline: f.multiline,
            fixed: f.fixed,
        })
        .collect()
}

/// Where the document stands, under its title.
pub(crate) fn note(view: &DocumentView) -> String {
    let mut note = vec![view.card.form.clone(), words::document_state(view.card.state).to_owned()];
    if view.card.version > 0 {
        note.push(say!("第 {} 版", view.card.version));
        note.push(say!("签字 {}", view.signatures.len()));
    }
    if view.prints > 0 {
        note.push(say!("已打 {} 份", view.prints));
    }
    note.join(" · ")
}

/// The key of the editable field `step` places further, in a ring.
pub(crate) fn neighbour(view: &DocumentView, key: &str, step: i32) -> Option<String> {
    let keys: Vec<&str> = view.fields.iter().filter(|f| !f.fixed).map(|f| f.key.as_str()).collect();
    let here = i64::try_from(keys.iter().position(|k| *k == key)?).ok()?;
    let count = i64::try_from(keys.len()).ok()?;
    let there = here.checked_add(i64::from(step))?.checked_rem_euclid(count)?;
    keys.get(usize::try_from(there).ok()?).map(|k| (*k).to_owned())
}

pub(crate) fn connect(app: &Rc<App>) {
    let face = app.window.global::<Document<'_>>();
    face.on_edit(app.on_with(|app, key: SharedString| edit(app, &key)));
    face.on_go_missing(app.on_with(|app, words: SharedString| go_missing(app, &words)));
    face.on_keep(app.on(keep_field));
    face.on_edited(app.on(|app| {
        let face = app.window.global::<Document<'_>>();
        let name = draft_name(app, &face.get_editing());
        draft::note(app, name, &[face.get_value().to_string()]);
    }));
    face.on_insert_facts(app.on(facts::insert));
    face.on_stop_editing(app.on(|app| {
        app.drop_keyboard();
        app.window.global::<Document<'_>>().set_editing("".into());
    }));
    face.on_next_field(app.on_with(|app, step: i32| {
        keep_field(app);
        let key = app.window.global::<Document<'_>>().get_editing();
        let next = app.document.view.borrow().as_ref().and_then(|view| neighbour(view, &key, step));
        if let Some(next) = next {
            edit(app, &next);
        }
    }));
    face.on_answers(app.on(|app| {
        let id = app.document.view.borrow().as_ref().map(|v| v.card.id.clone());
        if let Some(id) = id {
            app.go(Place::Interview(id));
        }
    }));
    face.on_freeze(app.on(freeze));
    let weak = Rc::downgrade(app);
    face.on_show_page(move |step, width| {
        if let Some(app) = weak.upgrade() {
            turn(&app, step, width);
        }
    });
    face.on_toggle_zoom(app.on(|app| {
        let face = app.window.global::<Document<'_>>();
        face.set_zoom(!face.get_zoom());
    }));
    face.on_print(app.on(|app| {
        let id = app.document.view.borrow().as_ref().map(|v| v.card.id.clone());
        if let Some(id) = id {
            app.go(Place::Print(id));
        }
    }));
}

pub(crate) fn enter(app: &Rc<App>, id: &str) {
    let same = app.document.view.borrow().as_ref().is_some_and(|v| v.card.id == id);
    if !same {
        forget(app);
    }
    let Some(case) = app.case.borrow().as_ref().map(|c| c.id.clone()) else { return };
    let id = id.to_owned();
    app.ask(
        move |desk| desk.document(&case, &id),
        |app, view| {
            keep(app, view);
            take_up(app);
        },
    );
}

/// Where the words of a field are kept until it is filled in.
fn draft_name(app: &App, key: &str) -> Option<String> {
    let view = app.document.view.borrow();
    view.as_ref().and_then(|v| draft::name(app, &format!("field/{}", v.card.id), key))
}

/// Opens the field whose words a kill or a lock left behind.
fn take_up(app: &Rc<App>) {
    let id = app.document.view.borrow().as_ref().map(|v| v.card.id.clone());
    let face = app.window.global::<Document<'_>>();
    let left = id.and_then(|id| draft::first_of(app, &format!("field/{id}")));
    let Some((key, _)) = left.filter(|_| face.get_editing().is_empty()) else { return };
    edit(app, &key);
    if !face.get_editing().is_empty() {
        app.toast(say!("上次没有填好的话还在，接着写"));
    }
}

/// Forgets the document on the screen.
pub(crate) fn forget(app: &Rc<App>) {
    app.document.view.borrow_mut().take();
    app.document.page.set(0);
    app.document.owed.set(None);
    sign::forget(app);
    let face = app.window.global::<Document<'_>>();
    face.set_tab(0);
    face.set_editing("".into());
    face.set_value("".into());
    face.set_title("".into());
    face.set_note("".into());
    face.set_fields(ModelRc::default());
    face.set_missing(ModelRc::default());
    face.set_has_page(false);
    face.set_page(slint::Image::default());
    face.set_page_note("".into());
    face.set_zoom(false);
    face.set_frozen(false);
}

/// Takes the desk's newest view and draws it.
pub(crate) fn keep(app: &Rc<App>, view: DocumentView) {
    let face = app.window.global::<Document<'_>>();
    face.set_title(view.card.title.as_str().into());
    face.set_note(note(&view).into());
    face.set_frozen(view.card.state != DocumentState::Draft);
    face.set_is_interview(view.card.form == "W04");
    face.set_fields(ModelRc::new(VecModel::from(field_items(&view))));
    let missing: Vec<SharedString> = view.missing.iter().map(|m| m.as_str().into()).collect();
    let title = if view.card.state == DocumentState::Draft {
        say!("定稿前要补")
    } else {
        say!("还缺")
    };
    face.set_missing_title(title.into());
    face.set_missing(ModelRc::new(VecModel::from(missing)));
    *app.document.view.borrow_mut() = Some(view);
    sign::draw(app);
}

fn edit(app: &Rc<App>, key: &str) {
    let field = app
        .document
        .view
        .borrow()
        .as_ref()
        .and_then(|v| v.fields.iter().find(|f| f.key == key && !f.fixed).cloned());
    let Some(field) = field else { return };
    let face = app.window.global::<Document<'_>>();
    let left = draft::of(app, draft_name(app, key).as_ref()).and_then(|w| w.into_iter().next());
    face.set_value(left.unwrap_or_else(|| field.value.clone()).into());
    face.set_editing_label(field.label.as_str().into());
    face.set_editing_required(field.required);
    facts::offer(app, &field.label);
    let form = app.document.view.borrow().as_ref().map(|v| v.card.form.clone()).unwrap_or_default();
    let kind = typed_into(&form, &field.key);
    face.set_editing_about(kind.about.into());
    face.set_editing_number(kind.number);
    face.set_editing_one_line(!field.multiline);
    face.set_editing(field.key.as_str().into());
}

/// Where a missing thing can be made good: its field, the answers, or the signatures.
fn go_missing(app: &Rc<App>, words: &str) {
    let Some(view) = app.document.view.borrow().clone() else { return };
    let face = app.window.global::<Document<'_>>();
    if view.card.state != DocumentState::Draft {
        face.set_tab(2);
        return;
    }
    let field = view.fields.iter().find(|f| !f.fixed && words.contains(f.label.as_str()));
    match field {
        Some(field) => edit(app, &field.key),
        None if view.card.form == "W04" => app.go(Place::Interview(view.card.id)),
        None => {}
    }
}

/// Keeps the text of the open field if it was changed, with a way back.
fn keep_field(app: &Rc<App>) {
    let face = app.window.global::<Document<'_>>();
    let (key, value) = (face.get_editing().to_string(), face.get_value().to_string());
    let old = app
        .document
        .view
        .borrow()
        .as_ref()
        .and_then(|v| v.fields.iter().find(|f| f.key == key).map(|f| f.value.clone()));
    match old {
        Some(old) if old != value => fill(app, key, value, Some(old)),
        Some(_) => draft::done(app, draft_name(app, &key)),
        None => {}
    }
}

fn fill(app: &Rc<App>, key: String, value: String, old: Option<String>) {
    let id = app.document.view.borrow().as_ref().map(|v| v.card.id.clone());
    let (Some(case), Some(id)) = (app.case_id(), id) else { return };
    let filled = key.clone();
    app.ask(
        move |desk| {
            desk.fill(&case, &id, &filled, &value)?;
            desk.document(&case, &id)
        },
        move |app, view| {
            draft::done(app, draft_name(app, &key));
            let label = view.fields.iter().find(|f| f.key == key).map(|f| f.label.clone());
            keep(app, view);
            // What was drawn for the preview is out of date.
            app.window.global::<Document<'_>>().set_has_page(false);
            let words = say!("已填 {}", label.unwrap_or_default());
            match old {
                Some(old) => app.toast_with_undo(&words, move |app| fill(app, key, old, None)),
                None => app.toast(say!("已撤销")),
            }
        },
    );
}

/// Closes what is open inside the screen before the screen itself is left.
pub(crate) fn step_back(app: &Rc<App>) -> bool {
    let face = app.window.global::<Document<'_>>();
    if !matches!(app.place(), Place::Document(_)) || face.get_editing().is_empty() {
        return false;
    }
    keep_field(app);
    app.drop_keyboard();
    face.set_editing("".into());
    true
}

fn freeze(app: &Rc<App>) {
    let id = app.document.view.borrow().as_ref().map(|v| v.card.id.clone());
    let (Some(case), Some(id)) = (app.case_id(), id) else { return };
    app.ask_busy(
        say!("正在定稿：排版、算校验值、写入日志"),
        move |desk| desk.freeze(&case, &id),
        |app, view| {
            app.document.page.set(0);
            let face = app.window.global::<Document<'_>>();
            face.set_has_page(false);
            keep(app, view);
            face.set_tab(1);
            // A frozen paper takes no field back.
            toast::end(app);
            app.toast(say!("已定稿，请对方看"));
        },
    );
}

/// Another page; `width` is in physical pixels.
fn turn(app: &Rc<App>, step: i32, width: i32) {
    let last = app.document.view.borrow().as_ref().map_or(1, |v| v.pages.max(1)).saturating_sub(1);
    let page = app.document.page.get().saturating_add_signed(step).min(last);
    app.document.page.set(page);
    let width = u32::try_from(width).unwrap_or(0).clamp(200, 2400);
    if app.document.running.get() {
        app.document.owed.set(Some(width));
    } else {
        fetch(app, width);
    }
}

fn fetch(app: &Rc<App>, width: u32) {
    let id = app.document.view.borrow().as_ref().map(|v| v.card.id.clone());
    let case = app.case.borrow().as_ref().map(|c| c.id.clone());
    let (Some(case), Some(id)) = (case, id) else { return };
    // Kept from 0 here; the desk counts as the paper does, from 1.
    let page = app.document.page.get().saturating_add(1);
    app.document.running.set(true);
    app.ask_result(
        move |desk| Ok(images::decode(&desk.page_image(&case, &id, page, width)?)),
        move |app, result| {
            app.document.running.set(false);
            if let Some(width) = app.document.owed.take() {
                fetch(app, width);
                return;
            }
            match result {
                Ok(Some(pixels)) => show_page(app, page.saturating_sub(1), pixels),
                Ok(None) => app.toast(say!("这一页画不出来")),
                Err(trouble) => crate::frame::trouble::show(app, &trouble),
            }
        },
    );
}

fn show_page(app: &Rc<App>, page: u32, pixels: images::Pixels) {
    let pages = app.document.view.borrow().as_ref().map_or(1, |v| v.pages);
    let face = app.window.global::<Document<'_>>();
    face.set_page(images::image(pixels));
    face.set_page_note(if pages == 0 {
        say!("预览").into()
    } else {
        say!("第 {} 页，共 {} 页", page.saturating_add(1), pages).into()
    });
    face.set_has_page(true);
}

#[cfg(test)]
mod tests {
    use super::*;
    use spotcheck_app::desk::{DocumentCard, FieldView};

    fn view() -> DocumentView {
        let field = |key: &str, fixed| FieldView {
            key: key.to_owned(),
            label: key.to_owned(),
            value: String::new(),
            required: true,
            multiline: false,
            fixed,
        };
        DocumentView {
            card: DocumentCard {
                id: "D1".to_owned(),
                form: "W03".to_owned(),
                title: "现场检查笔录".to_owned(),
                state: DocumentState::Frozen,
                version: 2,
                party: None,
            },
            fields: vec![field("a", false), field("time", true), field("b", false)],
            answers: Vec::new(),
            pages: 3,
            content_sha256: None,
            signatures: Vec::new(),
            prints: 1,
            missing: Vec::new(),
            refused: Vec::new(),
            given: Vec::new(),
        }
    }

    #[test]
    fn the_next_field_skips_what_the_program_fills_and_goes_round() {
        let view = view();
        assert_eq!(neighbour(&view, "a", 1).as_deref(), Some("b"));
        assert_eq!(neighbour(&view, "b", 1).as_deref(), Some("a"));
        assert_eq!(neighbour(&view, "a", -1).as_deref(), Some("b"));
        assert_eq!(neighbour(&view, "time", 1), None);
    }

    #[test]
    fn the_note_says_where_it_stands() {
        assert_eq!(note(&view()), "W03 · 已定稿 · 第 2 版 · 签字 0 · 已打 1 份");
    }
}
