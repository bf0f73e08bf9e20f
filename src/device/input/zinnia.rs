//! Handwriting by libzinnia with Tegaki's model for simplified Chinese, where both are installed.
//!
//! Both are old and rest (libzinnia 0.06, BSD; model 0.3 of 2009, LGPL-2.1+), but Debian keeps them, they are
//! small, and recognition of one character from its strokes needs no more. The C interface takes strokes
//! as integer points on a pad and gives characters with scores; nothing is learned or written.
#![allow(unsafe_code, reason = "the C interface of libzinnia; each block says why it is sound")]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::mem::transmute;
use std::path::Path;
use std::ptr::NonNull;

use spotcheck_app::input::PadDrawing;

use super::dl::Library;

/// Where Debian's package puts the model.
pub(crate) const MODEL: &str = "/usr/share/tegaki/models/zinnia/handwriting-zh_CN.model";
const NAMES: [&CStr; 2] = [c"libzinnia.so.0", c"libzinnia.so"];
/// The pad is scaled to this size: the model was trained on such.
const SIDE: f32 = 1_000.0;
/// Strokes and points taken at most; nobody writes more, a stuck touch screen might.
const STROKES: usize = 64;
const POINTS: usize = 512;

type New = unsafe extern "C" fn() -> *mut c_void;
type Destroy = unsafe extern "C" fn(*mut c_void);
type Open = unsafe extern "C" fn(*mut c_void, *const c_char) -> c_int;
type SetSize = unsafe extern "C" fn(*mut c_void, usize);
type Add = unsafe extern "C" fn(*mut c_void, usize, c_int, c_int) -> c_int;
type Classify = unsafe extern "C" fn(*mut c_void, *const c_void, usize) -> *mut c_void;
type Value = unsafe extern "C" fn(*const c_void, usize) -> *const c_char;
type Size = unsafe extern "C" fn(*const c_void) -> usize;

/// A recogniser with its model loaded.
pub(crate) struct Zinnia {
    recogniser: NonNull<c_void>,
    recogniser_destroy: Destroy,
    character_new: New,
    character_destroy: Destroy,
    set_width: SetSize,
    set_height: SetSize,
    add: Add,
    classify: Classify,
    result_value: Value,
    result_size: Size,
    result_destroy: Destroy,
}

// SAFETY: the recogniser is owned by this value alone and libzinnia keeps no thread-bound state.
unsafe impl Send for Zinnia {}

/// Looks a function up and gives it the type of the header file `zinnia.h`.
macro_rules! function {
    ($library:expr, $name:literal, $kind:ty) => {{
        let address = $library.symbol($name)?;
        // SAFETY: the symbol is this function of zinnia.h 0.06, whose signature `$kind` repeats; data and
        // function pointers have one size on every platform Linux runs on.
        unsafe { transmute::<NonNull<c_void>, $kind>(address) }
    }};
}

impl Zinnia {
    /// Whether library and model are there; the library is small, the model stays closed.
    pub(crate) fn is_there(model: &Path) -> bool {
        model.is_file() && Library::open(&NAMES).is_some()
    }

    /// Loads library and model; `None` where one is missing or refuses.
    pub(crate) fn open(model: &Path) -> Option<Self> {
        if !model.is_file() {
            return None;
        }
        let library = Library::open(&NAMES)?;
        let recogniser_new = function!(library, c"zinnia_recognizer_new", New);
        let recogniser_destroy = function!(library, c"zinnia_recognizer_destroy", Destroy);
        let recogniser_open = function!(library, c"zinnia_recognizer_open", Open);
        let path = CString::new(model.as_os_str().as_encoded_bytes()).ok()?;
        // SAFETY: takes nothing; null is checked.
        let recogniser = NonNull::new(unsafe { recogniser_new() })?;
        let zinnia = Self {
            recogniser,
            recogniser_destroy,
            character_new: function!(library, c"zinnia_character_new", New),
            character_destroy: function!(library, c"zinnia_character_destroy", Destroy),
            set_width: function!(library, c"zinnia_character_set_width", SetSize),
            set_height: function!(library, c"zinnia_character_set_height", SetSize),
            add: function!(library, c"zinnia_character_add", Add),
            classify: function!(library, c"zinnia_recognizer_classify", Classify),
            result_value: function!(library, c"zinnia_result_value", Value),
            result_size: function!(library, c"zinnia_result_size", Size),
            result_destroy: function!(library, c"zinnia_result_destroy", Destroy),
        };
        // SAFETY: a live recogniser and a C string that outlives the call.
        let opened = unsafe { recogniser_open(zinnia.recogniser.as_ptr(), path.as_ptr()) };
        (opened != 0).then_some(zinnia)
    }

    /// Characters that look like the drawing, likest first.
    pub(crate) fn recognise(&self, drawing: &PadDrawing, most: usize) -> Vec<String> {
        let usable = |v: f32| v.is_finite() && v > 0.0;
        if drawing.strokes.iter().all(Vec::is_empty)
            || !usable(drawing.width)
            || !usable(drawing.height)
        {
            return Vec::new();
        }
        // SAFETY: takes nothing; null is checked.
        let Some(character) = NonNull::new(unsafe { (self.character_new)() }) else {
            return Vec::new();
        };
        let drawn = character.as_ptr();
        // SAFETY: `drawn` is live until its destroy below; sizes and points are plain numbers.
        unsafe {
            (self.set_width)(drawn, 1_000);
            (self.set_height)(drawn, 1_000);
            let strokes = drawing.strokes.iter().filter(|s| !s.is_empty()).take(STROKES);
            for (id, stroke) in strokes.enumerate() {
                for point in stroke.iter().take(POINTS) {
                    let x = on_pad(point.x, drawing.width);
                    let y = on_pad(point.y, drawing.height);
                    (self.add)(drawn, id, x, y);
                }
            }
        }
        // SAFETY: recogniser and character are live; the result is checked for null and destroyed below.
        let result = unsafe { (self.classify)(self.recogniser.as_ptr(), drawn, most) };
        let mut out = Vec::new();
        if !result.is_null() {
            // SAFETY: `result` is live; indices stay below its size; each value is a C string that lives as
            // long as the result and is copied before that ends.
            unsafe {
                for i in 0..(self.result_size)(result) {
                    let value = (self.result_value)(result, i);
                    if !value.is_null() {
                        out.push(CStr::from_ptr(value).to_string_lossy().into_owned());
                    }
                }
                (self.result_destroy)(result);
            }
        }
        // SAFETY: made above, not used afterwards.
        unsafe { (self.character_destroy)(drawn) };
        out
    }
}

/// A coordinate on the model's pad.
fn on_pad(v: f32, size: f32) -> c_int {
    let scaled = (v / size * SIDE).clamp(0.0, SIDE);
    #[allow(clippy::cast_possible_truncation, reason = "clamped to 0–1000; NaN becomes 0")]
    let whole = scaled as c_int;
    whole
}

impl Drop for Zinnia {
    fn drop(&mut self) {
        // SAFETY: made by zinnia_recognizer_new and not used afterwards.
        unsafe { (self.recogniser_destroy)(self.recogniser.as_ptr()) };
    }
}
