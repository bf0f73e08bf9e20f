//! The input engine behind the in-app keyboard: keys in, candidates and text out.
//!
//! The engine works on a thread of its own, because a language model may take longer than a frame. Every
//! key of a mode that composes goes through it in order, so what comes back is in order too. What it learned
//! is kept in the vault by the officer who typed, and leaves the engine when the device is locked.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use slint::platform::Key;
use slint::{ComponentHandle, Model as _, ModelRc, SharedString, VecModel};
use spotcheck_app::desk::Own;
use spotcheck_app::input::{
    CandidatePage, Composing, InputMode, Learned, PAGE, PadDrawing, PadPoint, TextInput, Typed,
};
use spotcheck_face::{KeyMode, Keys, ModeTab};

use crate::app::{App, Place};
use crate::bridge::Bridge;
use crate::frame::{ink, keyboard};
use crate::language::word;

/// Side of the drawing pad in its own units.
const PAD_SIDE: f32 = 400.0;
/// A character has fewer points than this; more is a pen that lies on the pad.
const MOST_POINTS: usize = 4_000;

pub(crate) struct Model {
    engine: Option<Bridge<dyn TextInput>>,
    mode: Cell<InputMode>,
    /// Something is open, as far as this thread knows.
    open: Cell<bool>,
    page: Cell<usize>,
    drawing: RefCell<PadDrawing>,
    began_ms: Cell<i64>,
    /// The learning table as it was last stored.
    stored: RefCell<String>,
    /// What the phrases of the field that has the focus are about: kinds with spaces between.
    about: RefCell<String>,
    /// The field that has the focus takes digits.
    number: Cell<bool>,
}

impl Model {
    pub(crate) fn new(engine: Option<Bridge<dyn TextInput>>) -> Self {
        Self {
            engine,
            mode: Cell::new(InputMode::Latin),
            open: Cell::new(false),
            page: Cell::new(0),
            drawing: RefCell::default(),
            began_ms: Cell::new(0),
            stored: RefCell::default(),
            about: RefCell::default(),
            number: Cell::new(false),
        }
    }

    /// Ends the engine's thread.
    pub(crate) fn finish(&self) {
        if let Some(engine) = &self.engine {
            engine.finish();
        }
    }
}

const fn mode_of(mode: KeyMode) -> InputMode {
    match mode {
        KeyMode::Pinyin => InputMode::Pinyin,
        KeyMode::Handwriting => InputMode::Handwriting,
        KeyMode::Stroke => InputMode::Stroke,
        KeyMode::Latin => InputMode::Latin,
        KeyMode::Digits => InputMode::Digits,
    }
}

const fn key_mode(mode: InputMode) -> KeyMode {
    match mode {
        InputMode::Pinyin => KeyMode::Pinyin,
        InputMode::Handwriting => KeyMode::Handwriting,
        InputMode::Stroke => KeyMode::Stroke,
        InputMode::Latin => KeyMode::Latin,
        InputMode::Digits => KeyMode::Digits,
    }
}

/// Keys of these modes are composed; of the others they are text at once.
const fn composes(mode: InputMode) -> bool {
    matches!(mode, InputMode::Pinyin | InputMode::Stroke | InputMode::Handwriting)
}

pub(crate) fn connect(app: &Rc<App>) {
    let keys = app.window.global::<Keys<'_>>();
    keys.on_choose(app.on_with(|app, n: i32| {
        let place = usize::try_from(n).unwrap_or(0);
        let n = app.typing.page.get().saturating_mul(PAGE).saturating_add(place);
        drive(app, move |engine| engine.choose(n));
    }));
    keys.on_next_page(app.on(|app| {
        let page = app.typing.page.get().saturating_add(1);
        look(app, page);
    }));
    keys.on_opened(app.on(|app| begin(app, app.typing.mode.get())));
    keys.on_change_mode(app.on_with(|app, mode: KeyMode| begin(app, mode_of(mode))));
    keys.on_choose_phrase(app.on_with(|app, n: i32| {
        let phrases = app.window.global::<Keys<'_>>().get_phrases();
        let chosen = usize::try_from(n).ok().and_then(|n| phrases.row_data(n));
        if let Some(text) = chosen {
            keyboard::send(app, &text);
        }
    }));
    let weak = Rc::downgrade(app);
    keys.on_field(move |about, number| {
        if let Some(app) = weak.upgrade() {
            field(&app, &about, number);
        }
    });
    let weak = Rc::downgrade(app);
    keys.on_pen(move |phase, x, y| {
        if let Some(app) = weak.upgrade() {
            pen(&app, phase, x, y);
        }
    });
    let Some(engine) = &app.typing.engine else { return };
    app.count_pending(true);
    engine.send(Box::new(|engine| {
        let modes = engine.modes();
        Box::new(move |app: &Rc<App>| {
            app.count_pending(false);
            let tabs: Vec<ModeTab> = InputMode::ALL
                .into_iter()
                .filter(|mode| modes.iter().any(|m| m.mode == *mode && m.available))
                .map(|mode| ModeTab { mode: key_mode(mode), label: word(mode.label()).into() })
                .collect();
            app.window.global::<Keys<'_>>().set_modes(ModelRc::new(VecModel::from(tabs)));
            enter(app, InputMode::Pinyin);
        })
    }));
}

/// The window speaks another language: so do the names above the keys.
pub(crate) fn rename(app: &App) {
    let keys = app.window.global::<Keys<'_>>();
    let modes = keys.get_modes();
    let named = modes.iter().map(|tab| {
        let mode = InputMode::ALL.into_iter().find(|mode| key_mode(*mode) == tab.mode);
        ModeTab { label: mode.map_or("", |mode| word(mode.label())).into(), ..tab }
    });
    keys.set_modes(ModelRc::new(VecModel::from_iter(named)));
    keys.set_mode_word(word(app.typing.mode.get().label()).into());
}

/// What the engine shows after something was done with it.
struct Shown {
    typed: Typed,
    composing: Composing,
    page: CandidatePage,
    /// Of the field, while nothing is open.
    phrases: Vec<String>,
}

/// Has the engine do something and shows what came of it.
fn drive(app: &Rc<App>, act: impl FnOnce(&mut dyn TextInput) -> Typed + Send + 'static) {
    drive_with(app, act, None);
}

/// As [`drive`]; `key` goes to the field if the engine passes it on.
fn drive_with(
    app: &Rc<App>,
    act: impl FnOnce(&mut dyn TextInput) -> Typed + Send + 'static,
    key: Option<SharedString>,
) {
    let Some(engine) = &app.typing.engine else { return };
    app.count_pending(true);
    app.typing.page.set(0);
    let about = app.typing.about.borrow().clone();
    engine.send(Box::new(move |engine| {
        let typed = act(engine);
        let (composing, page) = (engine.composing(), engine.candidates(0));
        let open = !composing.is_empty() || !page.items.is_empty();
        let phrases = if open { Vec::new() } else { phrases(engine, &about) };
        let shown = Shown { typed, composing, page, phrases };
        Box::new(move |app: &Rc<App>| {
            app.count_pending(false);
            show(app, &shown, key);
        })
    }));
}

/// The phrases of every kind that a field names, in its order, each once.
fn phrases(engine: &dyn TextInput, about: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for phrase in about.split_whitespace().flat_map(|kind| engine.phrases(kind, "")) {
        if !all.contains(&phrase) {
            all.push(phrase);
        }
    }
    all
}

/// Another page of the same candidates; after the last the first again.
fn look(app: &Rc<App>, page: usize) {
    let Some(engine) = &app.typing.engine else { return };
    app.count_pending(true);
    engine.send(Box::new(move |engine| {
        let found = engine.candidates(page);
        let (page, found) =
            if found.items.is_empty() { (0, engine.candidates(0)) } else { (page, found) };
        Box::new(move |app: &Rc<App>| {
            app.count_pending(false);
            app.typing.page.set(page);
            show_page(app, &found);
        })
    }));
}

fn show(app: &Rc<App>, shown: &Shown, key: Option<SharedString>) {
    let open = !shown.composing.is_empty() || !shown.page.items.is_empty();
    app.typing.open.set(open);
    let keys = app.window.global::<Keys<'_>>();
    let Composing { chosen, open } = &shown.composing;
    keys.set_composing(format!("{chosen}{open}").into());
    show_page(app, &shown.page);
    if keys.get_phrases().iter().ne(shown.phrases.iter().map(SharedString::from)) {
        let phrases: Vec<SharedString> = shown.phrases.iter().map(SharedString::from).collect();
        keys.set_phrases(ModelRc::new(VecModel::from(phrases)));
    }
    match &shown.typed {
        Typed::Commit(text) => {
            clear_pad(app);
            keyboard::send(app, &text.as_str().into());
        }
        Typed::Pass => {
            if let Some(key) = key {
                keyboard::send(app, &key);
            }
        }
        Typed::Composing => {}
    }
}

fn show_page(app: &Rc<App>, page: &CandidatePage) {
    let keys = app.window.global::<Keys<'_>>();
    let texts: Vec<SharedString> = page.items.iter().map(|c| c.text.as_str().into()).collect();
    keys.set_candidates(ModelRc::new(VecModel::from(texts)));
    keys.set_more(page.more || app.typing.page.get() > 0);
}

/// The mode in which the keyboard comes up next. The engine hears of it then: until somebody types it need
/// not open what the mode takes.
fn enter(app: &Rc<App>, mode: InputMode) {
    clear_pad(app);
    app.typing.mode.set(mode);
    let keys = app.window.global::<Keys<'_>>();
    keys.set_mode(key_mode(mode));
    keys.set_mode_word(word(mode.label()).into());
}

/// People are looked for by initials, everything else is written in words, if there is an engine for them.
fn first_mode(app: &App) -> InputMode {
    if app.place() == Place::Persons || app.typing.engine.is_none() {
        InputMode::Latin
    } else {
        InputMode::Pinyin
    }
}

/// A field has the focus. One that takes digits brings the pad of numbers; the next one that takes words has
/// the way of entering that was there before, chosen or first.
fn field(app: &Rc<App>, about: &str, number: bool) {
    let model = &app.typing;
    about.clone_into(&mut model.about.borrow_mut());
    let before = model.number.replace(number);
    let mode = match (number, before) {
        (true, _) => InputMode::Digits,
        (false, true) => first_mode(app),
        (false, false) => model.mode.get(),
    };
    begin(app, mode);
}

fn begin(app: &Rc<App>, mode: InputMode) {
    enter(app, mode);
    drive(app, move |engine| {
        if let Err(trouble) = engine.begin(mode) {
            tracing::warn!(code = %trouble.code, "A way of entering is not there.");
        }
        Typed::Composing
    });
}

/// A key of the in-app keyboard; `false`: it is text.
pub(crate) fn press(app: &Rc<App>, text: &SharedString) -> bool {
    let mut letters = text.chars();
    let (Some(key), None) = (letters.next(), letters.next()) else { return false };
    let model = &app.typing;
    let mode = model.mode.get();
    if model.engine.is_none() || !composes(mode) {
        return false;
    }
    // Signs, digits and the end of a line are text unless something is open that they end.
    let of_mode = key.is_ascii_lowercase() || key == '\'';
    if !of_mode && !model.open.get() {
        return false;
    }
    model.open.set(true);
    drive_with(app, move |engine| engine.press(key), Some(text.clone()));
    true
}

/// The key that ends a line; `false`: nothing is open, the field takes it.
pub(crate) fn end_line(app: &Rc<App>) -> bool {
    if app.typing.engine.is_none() || !app.typing.open.get() {
        return false;
    }
    drive_with(app, |engine| engine.press('\n'), Some(Key::Return.into()));
    true
}

/// The erase key; `false`: nothing is open, the field takes it.
pub(crate) fn erase(app: &Rc<App>) -> bool {
    if app.typing.engine.is_none() || !app.typing.open.get() {
        return false;
    }
    clear_pad(app);
    drive_with(app, |engine| engine.backspace(), Some(Key::Backspace.into()));
    true
}

/// The keyboard closes: what is open is dropped, what was learned is stored.
pub(crate) fn put_away(app: &Rc<App>) {
    app.typing.number.set(false);
    app.typing.about.borrow_mut().clear();
    let Some(engine) = &app.typing.engine else { return enter(app, first_mode(app)) };
    clear_pad(app);
    app.count_pending(true);
    engine.send(Box::new(|engine| {
        engine.clear();
        let learned = engine.learned().to_json();
        Box::new(move |app: &Rc<App>| {
            app.count_pending(false);
            app.typing.open.set(false);
            let keys = app.window.global::<Keys<'_>>();
            keys.set_composing("".into());
            keys.set_candidates(ModelRc::default());
            keys.set_phrases(ModelRc::default());
            keep(app, learned);
        })
    }));
    enter(app, first_mode(app));
}

/// Stores the learning table if it changed and somebody is there whom it belongs to.
fn keep(app: &Rc<App>, learned: String) {
    if app.place() == Place::Unlock || *app.typing.stored.borrow() == learned {
        return;
    }
    app.typing.stored.borrow_mut().clone_from(&learned);
    app.ask_result(
        move |desk| desk.keep_own(Own::Learned, &learned),
        |_, kept| {
            if let Err(trouble) = kept {
                tracing::warn!(code = %trouble.code, "The learning table was not stored.");
            }
        },
    );
}

/// Somebody has unlocked: the engine gets what this officer taught it.
pub(crate) fn welcome(app: &Rc<App>) {
    if app.typing.engine.is_none() {
        return;
    }
    app.ask_result(
        |desk| desk.own(Own::Learned),
        |app, learned| {
            let text = learned.ok().flatten().unwrap_or_default();
            let table = Learned::from_json(&text);
            *app.typing.stored.borrow_mut() = table.to_json();
            teach(app, table);
        },
    );
}

/// Locked: the engine forgets whose words it knew.
pub(crate) fn forget(app: &Rc<App>) {
    app.typing.stored.borrow_mut().clear();
    teach(app, Learned::default());
}

fn teach(app: &Rc<App>, table: Learned) {
    drive(app, move |engine| {
        engine.set_learned(table);
        Typed::Composing
    });
}

fn clear_pad(app: &Rc<App>) {
    app.typing.drawing.borrow_mut().strokes.clear();
    app.window.global::<Keys<'_>>().set_drawn("".into());
}

fn pen(app: &Rc<App>, phase: i32, x: f32, y: f32) {
    let now = app.clock.read().boottime_ms;
    let drawing = {
        let mut drawing = app.typing.drawing.borrow_mut();
        let kept: usize = drawing.strokes.iter().map(Vec::len).sum();
        if kept >= MOST_POINTS {
            return;
        }
        if drawing.strokes.is_empty() {
            app.typing.began_ms.set(now);
        }
        let since = now.saturating_sub(app.typing.began_ms.get());
        let t_ms = u32::try_from(since).unwrap_or(0);
        let point = PadPoint { x: x.clamp(0.0, PAD_SIDE), y: y.clamp(0.0, PAD_SIDE), t_ms };
        drawing.width = PAD_SIDE;
        drawing.height = PAD_SIDE;
        match (phase, drawing.strokes.last_mut()) {
            (0, _) | (_, None) => drawing.strokes.push(vec![point]),
            (_, Some(stroke)) => stroke.push(point),
        }
        drawing.clone()
    };
    app.window.global::<Keys<'_>>().set_drawn(commands(&drawing).into());
    if phase == 2 {
        app.typing.open.set(true);
        drive(app, move |engine| engine.draw(&drawing));
    }
}

/// The drawing as path commands for the face.
fn commands(drawing: &PadDrawing) -> String {
    let mut path = String::new();
    for stroke in &drawing.strokes {
        let points: Vec<(f32, f32)> = stroke.iter().map(|p| (p.x, p.y)).collect();
        ink::add(&mut path, &points);
    }
    path
}
