//! Hold-to-blank: the key in the viewfinder, and F5 on every screen.
//!
//! The order goes out with the press; the screen says *blank* only when the recorder has done it. Letting go ends
//! it. A screen that goes away under the finger ends nothing: the picture stays blank, the recording bar says so
//! on every screen, and one more tap ends it.

use std::cell::Cell;
use std::rc::Rc;

use slint::ComponentHandle;
use spotcheck_app::desk::{RecordingKind, RecordingView};
use spotcheck_face::{Capture, Shell};

use crate::app::App;
use crate::frame::trouble;
use crate::language::say;

#[derive(Default)]
pub(crate) struct Model {
    /// What was ordered last, while a video runs: a key that repeats orders once.
    ordered: Cell<Option<bool>>,
}

pub(crate) fn connect(app: &Rc<App>) {
    app.window.global::<Capture<'_>>().on_cover(app.on_with(hold));
    app.window.global::<Shell<'_>>().on_cover(app.on_with(hold));
}

/// The video that runs.
fn video(running: &[RecordingView]) -> Option<&RecordingView> {
    running.iter().find(|r| r.kind == RecordingKind::Video)
}

fn hold(app: &Rc<App>, on: bool) {
    let evidence = video(&app.recording.running.borrow()).map(|r| r.evidence.clone());
    let Some(evidence) = evidence else { return };
    if app.cover.ordered.replace(Some(on)) == Some(on) {
        return;
    }
    app.ask_result(
        move |desk| desk.cover_picture(&evidence, on),
        move |app, done| match done {
            Ok(now) => {
                for running in app.recording.running.borrow_mut().iter_mut() {
                    if running.evidence == now.evidence {
                        running.covered = now.covered;
                    }
                }
                show(app);
                app.toast(if now.covered {
                    say!("画面已遮挡，声音照录")
                } else {
                    say!("画面已恢复")
                });
            }
            Err(trouble) => {
                app.cover.ordered.set(None);
                trouble::show(app, &trouble);
            }
        },
    );
}

/// What the recorder says of the picture.
pub(crate) fn show(app: &Rc<App>) {
    let now = video(&app.recording.running.borrow()).map(|r| r.covered);
    if now.is_none() {
        app.cover.ordered.set(None);
    }
    let covered = now == Some(true);
    app.window.global::<Shell<'_>>().set_covered(covered);
    app.window.global::<Capture<'_>>().set_covered(covered);
}
