//! The window without a display: built on the testing backend, drawn by the software renderer, driven by
//! accessible labels.
//!
//! Tests, the demo without a screen and the gallery use it. It does what a person does: looks for a word,
//! scrolls until it is there, taps it. It neither sleeps nor needs an event loop: answers of the worker
//! come through a channel that [`Face::settle`] drains, and time is moved by hand.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::mpsc;
use std::time::Duration;

use i_slint_backend_testing::{
    AccessibleRole, ElementHandle, ElementQuery, TestingBackend, TestingBackendOptions,
    mock_elapsed_time,
};
use slint::platform::{PointerEventButton, WindowEvent};
use slint::{ComponentHandle, LogicalPosition, PhysicalSize, SharedString};
use spotcheck_app::desk::Desk;
#[cfg(test)]
use spotcheck_face::AppWindow;
use spotcheck_face::{Theme, ThemeMode};

use crate::app::App;
use crate::bridge::Reply;
use crate::error::Error;
use crate::language::{self, Language};
use crate::options::FaceOptions;
use crate::testkit::spoken;

/// Longest wait for an answer of the desk.
const PATIENCE: Duration = Duration::from_secs(60);
/// The most that a picture for looking at may take.
const MOST_BYTES: usize = 60_000;
/// One place of so many in the palette goes to a rare colour that is far from all common ones.
const FAR: usize = 4;
/// So many dots a rare colour has at least.
const LEAST_DOTS: usize = 8;
/// Most screens of scrolling in search of a word.
const MOST_SCROLLS: usize = 40;

/// Something that can be tapped or filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// Role, e.g. `Button`.
    pub role: String,
    /// Accessible label.
    pub label: String,
    /// May be used now.
    pub enabled: bool,
    /// Width and height in logical pixels.
    pub size: (u32, u32),
}

/// A picture of the window: 8-bit RGB, rows from the top.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// `3 × width × height` bytes.
    pub rgb: Vec<u8>,
}

/// The window, a worker with a desk, and hands.
pub struct Face {
    app: Rc<App>,
    answers: mpsc::Receiver<Reply>,
    /// Waits for errands too.
    patient: Cell<bool>,
}

impl std::fmt::Debug for Face {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Face").finish_non_exhaustive()
    }
}

fn missing(what: impl Into<String>) -> Error {
    Error::Missing(what.into())
}

/// Chooses the testing backend for this thread; one that was chosen before stays.
pub(crate) fn testing_platform() {
    let backend = TestingBackend::new(TestingBackendOptions {
        mock_time: true,
        threading: false,
        renderer_name: Some("software".into()),
    });
    let _already_there = slint::platform::set_platform(Box::new(backend));
}

/// What the window shows now.
pub(crate) fn drawn(window: &slint::Window) -> Result<Picture, Error> {
    let pixels = window.take_snapshot()?;
    let rgb = pixels.as_slice().iter().flat_map(|p| [p.r, p.g, p.b]).collect();
    Ok(Picture { width: pixels.width(), height: pixels.height(), rgb })
}

impl Face {
    /// Opens a window of `size` physical pixels without a display. One thread can hold several windows
    /// one after the other; different threads do not disturb each other.
    ///
    /// # Errors
    /// [`Error::Platform`] if another backend was selected on this thread, [`Error::Worker`].
    pub fn open(
        desk: Box<dyn Desk>,
        options: &FaceOptions,
        size: (u32, u32),
    ) -> Result<Self, Error> {
        testing_platform();
        let (post, answers) = mpsc::channel::<Reply>();
        let app = App::open(desk, options, move |_| {
            Box::new(move |reply| {
                // A closed face wants no answers.
                let _closed = post.send(reply);
            })
        })?;
        app.window.window().set_size(PhysicalSize::new(size.0, size.1));
        app.window.show()?;
        let face = Self { app, answers, patient: Cell::new(true) };
        face.settle()?;
        Ok(face)
    }

    /// Waits until every act has been answered and everything is drawn.
    ///
    /// # Errors
    /// [`Error::Missing`] if the desk does not answer within a minute.
    pub fn settle(&self) -> Result<(), Error> {
        mock_elapsed_time(Duration::ZERO);
        while self.app.pending() > 0 || (self.patient.get() && self.app.errand.out() > 0) {
            let reply = self
                .answers
                .recv_timeout(PATIENCE)
                .map_err(|_| missing("the desk did not answer"))?;
            reply(&self.app);
            mock_elapsed_time(Duration::ZERO);
        }
        Ok(())
    }

    /// Takes answers until `words` are visible: what an errand tells on its way.
    ///
    /// # Errors
    /// [`Error::Missing`] if they do not come within a minute.
    pub fn until(&self, words: &str) -> Result<(), Error> {
        mock_elapsed_time(Duration::ZERO);
        while !self.shows(words) {
            let late = |_| missing(format!("{words:?}; there is {:?}", self.texts()));
            let reply = self.answers.recv_timeout(PATIENCE).map_err(late)?;
            reply(&self.app);
            mock_elapsed_time(Duration::ZERO);
        }
        Ok(())
    }

    /// From now on errands (fetching, sending, checking) are not waited for, or again they are.
    pub fn wait_for_errands(&self, wait: bool) {
        self.patient.set(wait);
    }

    /// Lets time pass for timers: the clock, the recording bar, toasts.
    ///
    /// # Errors
    /// As [`Face::settle`].
    pub fn advance(&self, time: Duration) -> Result<(), Error> {
        mock_elapsed_time(time);
        self.settle()
    }

    fn all(&self) -> Vec<ElementHandle> {
        ElementQuery::from_root(&self.app.window).find_all()
    }

    /// Everything on the screen that can be tapped or filled.
    #[must_use]
    pub fn controls(&self) -> Vec<Control> {
        self.all().iter().filter_map(control).collect()
    }

    /// Every word on the screen, as far as it is visible.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        self.all()
            .iter()
            .filter(|e| e.accessible_role() == Some(AccessibleRole::Text))
            .filter_map(|e| e.accessible_label())
            .map(|label| label.to_string())
            .filter(|label| !label.is_empty())
            .collect()
    }

    /// True if a text that contains `words` is visible.
    #[must_use]
    pub fn shows(&self, words: &str) -> bool {
        self.texts().iter().any(|text| text.contains(words))
    }

    fn look_for(&self, label: &str) -> Option<ElementHandle> {
        let controls: Vec<(ElementHandle, Control)> =
            self.all().into_iter().filter_map(|e| control(&e).map(|c| (e, c))).collect();
        let named = |is: &dyn Fn(&str) -> bool| {
            controls.iter().find(|(_, c)| is(&c.label)).map(|(element, _)| element.clone())
        };
        named(&|l| l == label).or_else(|| {
            let english = language::now() == Language::English;
            english.then(|| named(&|l| spoken::same(label, l))).flatten()
        })
    }

    /// Finds a control by its label, scrolling down and then from the top if need be.
    fn find(&self, label: &str) -> Result<ElementHandle, Error> {
        for delta in [-300.0, 300.0] {
            for _ in 0..MOST_SCROLLS {
                if let Some(found) = self.look_for(label) {
                    return Ok(found);
                }
                let before = self.controls();
                self.scroll(delta)?;
                if self.controls() == before {
                    break;
                }
            }
        }
        let there: Vec<String> = self.controls().into_iter().map(|c| c.label).collect();
        Err(missing(format!("no control {label:?}; there are {there:?}; words {:?}", self.texts())))
    }

    /// Scrolls what lies in the middle of the window by `delta` logical pixels (negative: further down);
    /// where nothing moves there, what lies under it, then what lies above.
    ///
    /// # Errors
    /// As [`Face::settle`].
    pub fn scroll(&self, delta: f32) -> Result<(), Error> {
        let window = self.app.window.window();
        let size = window.size().to_logical(window.scale_factor());
        let before = self.texts();
        for height in [0.55, 0.75, 0.35] {
            let position = LogicalPosition::new(size.width / 2.0, size.height * height);
            self.dispatch(WindowEvent::PointerScrolled { position, delta_x: 0.0, delta_y: delta })?;
            mock_elapsed_time(Duration::from_millis(400));
            self.settle()?;
            if self.texts() != before {
                break;
            }
        }
        Ok(())
    }

    /// One turn of a wheel in the middle of the window: the event, what moves in a sixtieth of a second, and
    /// answers that are there already. Waits for nothing: this is what the UI thread has to do.
    ///
    /// # Errors
    /// [`Error::Platform`] if the window refuses the event.
    pub fn wheel(&self, delta: f32) -> Result<(), Error> {
        let window = self.app.window.window();
        let size = window.size().to_logical(window.scale_factor());
        let position = LogicalPosition::new(size.width / 2.0, size.height * 0.75);
        self.dispatch(WindowEvent::PointerScrolled { position, delta_x: 0.0, delta_y: delta })?;
        mock_elapsed_time(Duration::from_millis(16));
        while let Ok(reply) = self.answers.try_recv() {
            reply(&self.app);
        }
        Ok(())
    }

    /// Draws the window once, whole, and throws the picture away.
    ///
    /// # Errors
    /// [`Error::Platform`] if the renderer cannot draw.
    pub fn frame(&self) -> Result<(), Error> {
        self.app.window.window().take_snapshot()?;
        Ok(())
    }

    fn dispatch(&self, event: WindowEvent) -> Result<(), Error> {
        self.app.window.window().dispatch_event_with_result(event)?;
        Ok(())
    }

    /// Taps a control through its default action.
    ///
    /// # Errors
    /// [`Error::Missing`] if it is not there or cannot be used, with the labels that are there.
    pub fn tap(&self, label: &str) -> Result<(), Error> {
        let found = self.find(label)?;
        if found.accessible_enabled() == Some(false) {
            return Err(missing(format!("{label:?} cannot be used now; words {:?}", self.texts())));
        }
        found.invoke_accessible_default_action();
        self.settle()
    }

    /// Taps a control with a finger: pointer down and up in its middle.
    ///
    /// # Errors
    /// As [`Face::tap`].
    pub fn touch(&self, label: &str) -> Result<(), Error> {
        self.find(label)?.mock_single_click(PointerEventButton::Left);
        self.settle()
    }

    /// Puts a finger on a control, or takes it away.
    ///
    /// # Errors
    /// As [`Face::tap`].
    pub fn hold(&self, label: &str, down: bool) -> Result<(), Error> {
        let found = self.find(label)?;
        let (origin, size) = (found.absolute_position(), found.size());
        let position =
            LogicalPosition::new(origin.x + size.width / 2.0, origin.y + size.height / 2.0);
        let button = PointerEventButton::Left;
        self.dispatch(if down {
            WindowEvent::PointerPressed { position, button }
        } else {
            WindowEvent::PointerReleased { position, button }
        })?;
        self.settle()
    }

    /// Puts text into a field.
    ///
    /// # Errors
    /// As [`Face::tap`].
    pub fn fill(&self, label: &str, text: &str) -> Result<(), Error> {
        self.find(label)?.set_accessible_value(text);
        self.settle()
    }

    /// What stands in a field.
    ///
    /// # Errors
    /// As [`Face::tap`].
    pub fn value(&self, label: &str) -> Result<String, Error> {
        let found = self.find(label)?;
        Ok(found.accessible_value().map(|v| v.to_string()).unwrap_or_default())
    }

    /// Types on a hardware keyboard, character by character.
    ///
    /// # Errors
    /// As [`Face::settle`].
    pub fn type_text(&self, text: &str) -> Result<(), Error> {
        for letter in text.chars() {
            self.key(letter.into())?;
        }
        Ok(())
    }

    /// Presses one key of a hardware keyboard.
    ///
    /// # Errors
    /// As [`Face::settle`].
    pub fn key(&self, key: SharedString) -> Result<(), Error> {
        self.dispatch(WindowEvent::KeyPressed { text: key.clone() })?;
        self.dispatch(WindowEvent::KeyReleased { text: key })?;
        self.settle()
    }

    /// A hardware key goes down and stays there.
    ///
    /// # Errors
    /// As [`Face::settle`].
    pub fn key_down(&self, key: SharedString) -> Result<(), Error> {
        self.dispatch(WindowEvent::KeyPressed { text: key })?;
        self.settle()
    }

    /// A hardware key comes up again.
    ///
    /// # Errors
    /// As [`Face::settle`].
    pub fn key_up(&self, key: SharedString) -> Result<(), Error> {
        self.dispatch(WindowEvent::KeyReleased { text: key })?;
        self.settle()
    }

    /// Draws strokes on a pad; points are fractions of its width and height.
    ///
    /// # Errors
    /// As [`Face::tap`].
    pub fn draw(&self, label: &str, strokes: &[&[(f32, f32)]]) -> Result<(), Error> {
        let pad = self
            .all()
            .into_iter()
            .find(|e| {
                let says = |l: &str| l == label || spoken::same(label, l);
                e.accessible_label().is_some_and(|l| says(&l))
            })
            .ok_or_else(|| missing(format!("no pad {label:?}")))?;
        let (origin, size) = (pad.absolute_position(), pad.size());
        let button = PointerEventButton::Left;
        for stroke in strokes {
            let at = |(x, y): &(f32, f32)| {
                LogicalPosition::new(origin.x + x * size.width, origin.y + y * size.height)
            };
            if let (Some(first), Some(last)) = (stroke.first(), stroke.last()) {
                self.dispatch(WindowEvent::PointerPressed { position: at(first), button })?;
                for point in stroke.iter().skip(1) {
                    self.dispatch(WindowEvent::PointerMoved { position: at(point) })?;
                }
                self.dispatch(WindowEvent::PointerReleased { position: at(last), button })?;
            }
        }
        self.settle()
    }

    /// Width and height of whatever has this label, in logical pixels.
    ///
    /// # Errors
    /// [`Error::Missing`] if it is not there.
    #[cfg(test)]
    pub(crate) fn size_of(&self, label: &str) -> Result<(u32, u32), Error> {
        let all = self.all();
        let found = all.iter().find(|e| e.accessible_label().is_some_and(|l| l == label));
        let size = found.ok_or_else(|| missing(format!("no {label:?}")))?.size();
        Ok((whole(size.width), whole(size.height)))
    }

    /// Where whatever says this begins and ends, downwards, in logical pixels.
    ///
    /// # Errors
    /// [`Error::Missing`] if it is not there.
    pub fn height_of(&self, label: &str) -> Result<(f32, f32), Error> {
        let all = self.all();
        let says = |e: &&ElementHandle| e.accessible_label().is_some_and(|l| l == label);
        let found = all.iter().find(says).ok_or_else(|| missing(format!("no {label:?}")))?;
        let top = found.absolute_position().y;
        Ok((top, top + found.size().height))
    }

    /// Shows a trouble as if an act had failed.
    #[cfg(test)]
    pub(crate) fn show_trouble(&self, trouble: &spotcheck_domain::Trouble) -> Result<(), Error> {
        crate::frame::trouble::show(&self.app, trouble);
        self.settle()
    }

    /// Has the window speak English, through the key on the locked screen. Controls are found by their Chinese
    /// labels all the same.
    ///
    /// # Errors
    /// As [`Face::tap`].
    pub fn speak_english(&self) -> Result<(), Error> {
        self.tap("EN")
    }

    /// Changes colours.
    pub fn set_theme(&self, theme: ThemeMode) {
        self.app.window.global::<Theme<'_>>().set_mode(theme);
    }

    /// The window as a picture.
    ///
    /// # Errors
    /// [`Error::Platform`] if the renderer cannot draw.
    pub fn snapshot(&self) -> Result<Picture, Error> {
        // Rows that are looked at while drawing may ask for their pages: what is shown is the picture
        // after those have come.
        let mut picture = drawn(self.app.window.window())?;
        mock_elapsed_time(Duration::ZERO);
        if self.app.pending() > 0 {
            self.settle()?;
            picture = drawn(self.app.window.window())?;
        }
        Ok(picture)
    }

    #[cfg(test)]
    pub(crate) fn window(&self) -> &AppWindow {
        &self.app.window
    }
}

impl Drop for Face {
    fn drop(&mut self) {
        let _hidden = self.app.window.hide();
        self.app.finish();
    }
}

fn control(element: &ElementHandle) -> Option<Control> {
    let role = element.accessible_role()?;
    let usable =
        matches!(role, AccessibleRole::Button | AccessibleRole::TextInput | AccessibleRole::Tab);
    if !usable {
        return None;
    }
    let size = element.size();
    Some(Control {
        role: format!("{role:?}"),
        label: element.accessible_label().unwrap_or_default().to_string(),
        enabled: element.accessible_enabled().unwrap_or(true),
        size: (whole(size.width), whole(size.height)),
    })
}

fn whole(length: f32) -> u32 {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to the range of a screen"
    )]
    {
        length.clamp(0.0, 100_000.0).round() as u32
    }
}

impl Picture {
    /// The picture as a small PNG: a palette of 256 colours, the commonest and the rare ones that are far from them,
    /// fewer where that is more than 60 KB; others (edges of letters) take the nearest. For looking at; compare [`Picture::rgb`] where
    /// every bit counts.
    ///
    /// # Errors
    /// [`Error::Picture`] if the encoder refuses.
    pub fn png(&self) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        for colours in [256, 64, 32] {
            bytes = self.encoded(colours)?;
            if bytes.len() <= MOST_BYTES {
                break;
            }
        }
        Ok(bytes)
    }

    fn encoded(&self, colours: usize) -> Result<Vec<u8>, Error> {
        let refuse = |error: png::EncodingError| Error::Picture(error.to_string());
        let (palette, indices) = self.palette(colours);
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.width, self.height);
        encoder.set_compression(png::Compression::High);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_color(png::ColorType::Indexed);
        encoder.set_palette(palette);
        let mut writer = encoder.write_header().map_err(refuse)?;
        writer.write_image_data(&indices).map_err(refuse)?;
        writer.finish().map_err(refuse)?;
        Ok(bytes)
    }

    fn palette(&self, most: usize) -> (Vec<u8>, Vec<u8>) {
        let mut counts: BTreeMap<&[u8], usize> = BTreeMap::new();
        for pixel in self.rgb.chunks_exact(3) {
            let count = counts.entry(pixel).or_default();
            *count = count.saturating_add(1);
        }
        let mut common: Vec<(&[u8], usize)> = counts.iter().map(|(p, n)| (*p, *n)).collect();
        common.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        // Most places go to the commonest. The rest go to what would be furthest from all of those: a red light of a
        // few dozen dots is what the picture is about, and would turn grey among the edges of letters.
        let kept = most.saturating_sub(most / FAR);
        let mut colours: Vec<&[u8]> = common.iter().take(kept).map(|(p, _)| *p).collect();
        let mut others: Vec<(&[u8], u32)> = common
            .iter()
            .skip(kept)
            .filter(|(_, n)| *n >= LEAST_DOTS)
            .map(|(p, _)| (*p, colours.iter().map(|c| distance(p, c)).min().unwrap_or(u32::MAX)))
            .collect();
        while colours.len() < most {
            let Some((far, _)) = others.iter().copied().max_by_key(|(_, away)| *away) else {
                break;
            };
            colours.push(far);
            others.retain(|(p, _)| *p != far);
            for (p, away) in &mut others {
                *away = distance(p, far).min(*away);
            }
        }
        let nearest: BTreeMap<&[u8], u8> = counts
            .into_keys()
            .map(|pixel| {
                let best = colours.iter().enumerate().min_by_key(|(_, c)| distance(pixel, c));
                (pixel, best.and_then(|(place, _)| u8::try_from(place).ok()).unwrap_or(0))
            })
            .collect();
        let indices =
            self.rgb.chunks_exact(3).map(|p| nearest.get(p).copied().unwrap_or(0)).collect();
        (colours.concat(), indices)
    }
}

fn distance(a: &[u8], b: &[u8]) -> u32 {
    a.iter().zip(b).map(|(a, b)| u32::from(a.abs_diff(*b)).saturating_pow(2)).sum()
}
