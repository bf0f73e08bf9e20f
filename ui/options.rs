//! How the window is opened.
//!
//! The back end is chosen here and named explicitly, because Slint otherwise falls back silently to
//! whatever it finds.

use std::fmt;
use std::sync::Arc;

use spotcheck_app::input::TextInput;
use spotcheck_domain::Clock;
pub use spotcheck_face::ThemeMode;

/// The way to the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Backend {
    /// Under a compositor or X server.
    #[default]
    Winit,
    /// Straight on the display controller, without a compositor.
    LinuxKms,
}

impl Backend {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Winit => "winit",
            Self::LinuxKms => "linuxkms",
        }
    }
}

/// Makes a text input engine.
pub type MakeInput = Arc<dyn Fn() -> Box<dyn TextInput> + Send + Sync>;

/// Settings of the window.
#[derive(Clone)]
pub struct FaceOptions {
    /// Time for the status line and for the points of a signature.
    pub clock: Arc<dyn Clock>,
    /// The way to the screen.
    pub backend: Backend,
    /// Fill the screen.
    pub fullscreen: bool,
    /// Colours to begin with.
    pub theme: ThemeMode,
    /// Show the in-app keyboard when a field is tapped.
    pub keyboard: bool,
    /// Makes the engine behind the keyboard, on its own thread; `None`: keys are text.
    pub input: Option<MakeInput>,
}

impl FaceOptions {
    /// A window under the compositor, light colours, in-app keyboard.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            backend: Backend::Winit,
            fullscreen: false,
            theme: ThemeMode::Light,
            keyboard: true,
            input: None,
        }
    }
}

impl fmt::Debug for FaceOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaceOptions")
            .field("backend", &self.backend)
            .field("fullscreen", &self.fullscreen)
            .field("theme", &self.theme)
            .field("keyboard", &self.keyboard)
            .finish_non_exhaustive()
    }
}
