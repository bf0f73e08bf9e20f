//! Pictures of every component in its states, apart from any screen.
//!
//! A screen shows the state that a visit happens to bring; here all of them lie side by side, so that a component that
//! is poor in one of them is seen before a screen needs it.

use i_slint_backend_testing::{ElementHandle, mock_elapsed_time};
use slint::platform::{Key, PointerEventButton, WindowEvent};
use slint::{ComponentHandle, LogicalPosition, PhysicalSize};
use spotcheck_face::{CatalogueWindow, Theme, ThemeMode};
use std::time::Duration;

use crate::error::Error;
use crate::language::kept;
use crate::testkit::face::{Picture, drawn, testing_platform};

/// Long enough for each page as a whole.
const SIZE: (u32, u32) = (480, 1280);
/// Pages of the catalogue.
const PAGES: i32 = 3;

/// The button that a finger lies on.
const PRESSED: &str = kept!("按下");

/// Takes every page in one theme, by name.
///
/// # Errors
/// [`Error::Platform`] if the renderer cannot draw, [`Error::Missing`] if a button is gone.
pub fn pictures(theme: ThemeMode) -> Result<Vec<(String, Picture)>, Error> {
    testing_platform();
    spotcheck_face::register_fonts();
    let window = CatalogueWindow::new()?;
    window.global::<Theme<'_>>().set_mode(theme);
    window.window().set_size(PhysicalSize::new(SIZE.0, SIZE.1));
    window.show()?;
    let mut taken = Vec::new();
    for page in 1..=PAGES {
        window.set_page(page);
        mock_elapsed_time(Duration::ZERO);
        let held = (page == 1).then(|| hold(&window)).transpose()?;
        mock_elapsed_time(Duration::ZERO);
        taken.push((format!("21-components-{page}"), drawn(window.window())?));
        if let Some(position) = held {
            let button = PointerEventButton::Left;
            window
                .window()
                .dispatch_event_with_result(WindowEvent::PointerReleased { position, button })?;
        }
    }
    window.hide()?;
    Ok(taken)
}

/// Puts the focus on the first button and a finger on the one that shows how pressing looks.
fn hold(window: &CatalogueWindow) -> Result<LogicalPosition, Error> {
    let dispatch = |event| window.window().dispatch_event_with_result(event);
    dispatch(WindowEvent::WindowActiveChanged(true))?;
    dispatch(WindowEvent::KeyPressed { text: Key::Tab.into() })?;
    dispatch(WindowEvent::KeyReleased { text: Key::Tab.into() })?;
    let button = ElementHandle::find_by_accessible_label(window, PRESSED)
        .next()
        .ok_or_else(|| Error::Missing(PRESSED.to_owned()))?;
    let (place, size) = (button.absolute_position(), button.size());
    let position = LogicalPosition::new(place.x + size.width / 2.0, place.y + size.height / 2.0);
    dispatch(WindowEvent::PointerPressed { position, button: PointerEventButton::Left })?;
    Ok(position)
}
