//! The in-app keyboard: turns taps into ordinary key events, so that fields cannot tell the difference.

use std::rc::Rc;

use slint::platform::{Key, WindowEvent};
use slint::{ComponentHandle, SharedString};
use spotcheck_face::Keys;

use crate::app::App;
use crate::frame::typing;

pub(crate) fn connect(app: &Rc<App>) {
    let keys = app.window.global::<Keys<'_>>();
    keys.on_press(app.on_with(|app, text: SharedString| {
        if !typing::press(app, &text) {
            send(app, &text);
        }
    }));
    keys.on_erase(app.on(|app| {
        if !typing::erase(app) {
            send(app, &Key::Backspace.into());
        }
    }));
    keys.on_enter(app.on(|app| {
        if !typing::end_line(app) {
            send(app, &Key::Return.into());
        }
    }));
    keys.on_close(app.on(App::drop_keyboard));
}

/// One key down and up.
pub(crate) fn send(app: &App, text: &SharedString) {
    let window = app.window.window();
    for event in [
        WindowEvent::KeyPressed { text: text.clone() },
        WindowEvent::KeyReleased { text: text.clone() },
    ] {
        if let Err(error) = window.dispatch_event_with_result(event) {
            tracing::warn!("A key was not delivered: {error}.");
        }
    }
}
