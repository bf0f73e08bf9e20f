//! Where evidence is collected: tools, records, and the tray; the acts are those of their own modules.

use std::rc::Rc;

use slint::ComponentHandle;
use spotcheck_face::Task;

use crate::app::{App, Place};
use crate::day::task;
use crate::evidence::capture;

pub(crate) fn connect(app: &Rc<App>) {
    let face = app.window.global::<Task<'_>>();
    face.on_capture(app.on(|app| app.go(Place::Capture)));
    face.on_compare(app.on(|app| app.go(Place::Compare)));
}

pub(crate) fn enter(app: &Rc<App>) {
    task::draw(app);
    capture::enter_tray(app);
}
