//! A window that is drawn into memory by the same renderer as a real one, for timing.
//!
//! Pictures of the testing backend are made anew each time, cleared, and turned into straight alpha: that costs
//! several times what the drawing does. Here the buffer stays and only what changed is drawn again, which is
//! what a window on a display does.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use i_slint_backend_testing::get_mocked_time;
use slint::PlatformError;
use slint::platform::software_renderer::{
    MinimalSoftwareWindow, PremultipliedRgbaColor, RepaintBufferType,
};
use slint::platform::{Platform, WindowAdapter};

use crate::error::Error;

/// The window of this thread; see the module.
pub struct Canvas {
    window: Rc<MinimalSoftwareWindow>,
    pixels: RefCell<Vec<PremultipliedRgbaColor>>,
}

impl std::fmt::Debug for Canvas {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Canvas").finish_non_exhaustive()
    }
}

struct Screen(Rc<MinimalSoftwareWindow>);

impl Platform for Screen {
    fn create_window_adapter(&self) -> Result<Rc<dyn WindowAdapter>, PlatformError> {
        Ok(Rc::clone(&self.0) as Rc<dyn WindowAdapter>)
    }

    /// Time is moved by hand, as in every test.
    fn duration_since_start(&self) -> Duration {
        Duration::from_millis(get_mocked_time())
    }
}

impl Canvas {
    /// Makes the one window of this thread; a [`Face`](crate::testkit::face::Face) that is opened afterwards is drawn on it.
    ///
    /// # Errors
    /// [`Error::Platform`] if this thread has a window system already.
    pub fn select() -> Result<Self, Error> {
        let window = MinimalSoftwareWindow::new(RepaintBufferType::ReusedBuffer);
        slint::platform::set_platform(Box::new(Screen(Rc::clone(&window))))
            .map_err(|error| Error::Platform(PlatformError::Other(error.to_string())))?;
        Ok(Self { window, pixels: RefCell::default() })
    }

    /// Draws what changed since the last time; false: nothing did.
    pub fn draw(&self) -> bool {
        let size = self.window.size();
        let width = usize::try_from(size.width).unwrap_or(0);
        let height = usize::try_from(size.height).unwrap_or(0);
        let mut pixels = self.pixels.borrow_mut();
        pixels.resize(width.saturating_mul(height), PremultipliedRgbaColor::default());
        self.window.draw_if_needed(|renderer| {
            renderer.render(&mut pixels, width);
        })
    }
}
