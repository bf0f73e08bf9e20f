//! How an officer likes the handheld: colours, size of the text, keyboard, and which hints were read already.
//!
//! Kept under the officer's own key and applied at the unlock; what the last officer chose stays for the
//! locked screen until the program ends.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;

use serde::{Deserialize, Serialize};
use slint::ComponentHandle;
use spotcheck_app::desk::Own;
use spotcheck_face::{Device, Keys, Shell, Theme, ThemeMode};

use crate::app::App;
use crate::frame::coach;
use crate::language::{self, Language};

/// Schema of what is kept.
const SCHEMA: &str = "spotcheck-settings/1";
/// Large text, against the normal one.
pub(crate) const LARGE: f32 = 1.3;

/// What is kept; a member that is missing is as it was at the first start.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Settings {
    schema: String,
    /// `light`, `dark`, `sunlight`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    theme: Option<String>,
    #[serde(default)]
    large_text: bool,
    /// `zh`, `en`; absent: Chinese.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    language: Option<String>,
    /// The hardware keyboard is used instead of the one on the screen.
    #[serde(default)]
    own_keyboard: bool,
    /// Hints that were read, by screen.
    #[serde(default)]
    pub(crate) read: BTreeSet<String>,
}

#[derive(Default)]
pub(crate) struct Model {
    /// None while nobody is there.
    now: RefCell<Option<Settings>>,
    /// Chosen on the locked screen: a wish of whoever unlocks next.
    wished: Cell<Option<Language>>,
}

const THEMES: [(&str, ThemeMode); 3] =
    [("light", ThemeMode::Light), ("dark", ThemeMode::Dark), ("sunlight", ThemeMode::Sunlight)];

pub(crate) fn connect(app: &Rc<App>) {
    let face = app.window.global::<Device<'_>>();
    face.on_theme(app.on_with(|app, mode: ThemeMode| {
        let name = THEMES.iter().find(|(_, m)| *m == mode).map(|(name, _)| (*name).to_owned());
        change(app, |settings| settings.theme = name);
    }));
    face.on_toggle_text(app.on(|app| {
        change(app, |settings| settings.large_text = !settings.large_text);
    }));
    face.on_toggle_keyboard(app.on(|app| {
        change(app, |settings| settings.own_keyboard = !settings.own_keyboard);
    }));
    face.on_hints_again(app.on(|app| change(app, |settings| settings.read.clear())));
    app.window.global::<Shell<'_>>().on_speak(app.on_with(|app, english: bool| {
        speak(app, if english { Language::English } else { Language::Chinese });
    }));
}

/// Another language, at once; under the lock for now, and for whoever unlocks.
fn speak(app: &Rc<App>, language: Language) {
    if app.settings.now.borrow().is_some() {
        change(app, |settings| settings.language = Some(language.as_str().to_owned()));
    } else {
        app.settings.wished.set(Some(language));
        language::choose(app, language);
    }
    app.show();
}

/// Whether a hint was read; `None` while that is not known.
pub(crate) fn has_read(app: &App, hint: &str) -> Option<bool> {
    app.settings.now.borrow().as_ref().map(|s| s.read.contains(hint))
}

/// Changes something, shows it and keeps it.
pub(crate) fn change(app: &Rc<App>, act: impl FnOnce(&mut Settings)) {
    let json = {
        let mut now = app.settings.now.borrow_mut();
        let settings = now.get_or_insert_with(|| from_face(app));
        act(settings);
        serde_json::to_string(settings).unwrap_or_default()
    };
    apply(app);
    app.ask_result(
        move |desk| desk.keep_own(Own::Settings, &json),
        |_, kept| {
            if let Err(trouble) = kept {
                tracing::warn!(code = %trouble.code, "Settings were not stored.");
            }
        },
    );
}

/// What the program was started with.
fn from_face(app: &App) -> Settings {
    Settings {
        schema: SCHEMA.to_owned(),
        own_keyboard: !app.window.global::<Keys<'_>>().get_enabled(),
        ..Settings::default()
    }
}

fn apply(app: &Rc<App>) {
    let Some(now) = app.settings.now.borrow().clone() else { return };
    let theme = app.window.global::<Theme<'_>>();
    let mode = THEMES.iter().find(|(name, _)| now.theme.as_deref() == Some(name));
    if let Some((_, mode)) = mode {
        theme.set_mode(*mode);
    }
    language::choose(app, Language::parse(now.language.as_deref()));
    theme.set_scale(if now.large_text { LARGE } else { 1.0 });
    app.window.global::<Keys<'_>>().set_enabled(!now.own_keyboard);
    show(app);
    coach::show(app);
}

/// The screen of the device says what holds.
pub(crate) fn show(app: &App) {
    let face = app.window.global::<Device<'_>>();
    face.set_keyboard(app.window.global::<Keys<'_>>().get_enabled());
    face.set_large(app.window.global::<Theme<'_>>().get_scale() > 1.0);
}

/// Somebody has unlocked: how this officer likes it.
pub(crate) fn welcome(app: &Rc<App>) {
    app.ask_result(
        |desk| desk.own(Own::Settings),
        |app, kept| {
            let text = kept.ok().flatten().unwrap_or_default();
            let kept = serde_json::from_str::<Settings>(&text).ok().filter(|k| k.schema == SCHEMA);
            *app.settings.now.borrow_mut() = Some(kept.unwrap_or_else(|| from_face(app)));
            match app.settings.wished.take() {
                Some(wish) => {
                    change(app, |settings| settings.language = Some(wish.as_str().to_owned()));
                }
                None => apply(app),
            }
        },
    );
}

/// Locked: the next officer may like it otherwise.
pub(crate) fn forget(app: &App) {
    app.settings.now.borrow_mut().take();
}

/// Settings of somebody who has read every hint, for pictures and tests of other things.
#[cfg(any(test, feature = "testkit"))]
pub(crate) fn of_an_old_hand(large_text: bool) -> String {
    let read = coach::hints().map(|(name, _)| name.to_owned()).collect();
    let settings = Settings { schema: SCHEMA.to_owned(), large_text, read, ..Settings::default() };
    serde_json::to_string(&settings).unwrap_or_default()
}
