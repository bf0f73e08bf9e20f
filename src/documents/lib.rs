//! Legal forms as Typst templates: elements in, PDF/A-2b and page images out.
//!
//! A document is *data* (its elements, [`elements`]) and *words and layout* (its template, [`mod@template`]),
//! kept apart so that a province can replace the second without touching the first. The SHA-256 over both
//! in one canonical file ([`content`]) is what everybody signs for; the PDF only shows it. Everything that
//! differs from copy to copy (QR, copy number, journal head, pad strokes) is laid over the same pages and
//! never changes them ([`look`]).
//!
//! Texts of a form reach the compiler as data files, never as source: nothing somebody types can become
//! markup, code, a file access or a page break.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation,
        reason = "tests may panic"
    )
)]

pub mod content;
pub mod draft;
pub mod elements;
mod error;
pub mod fonts;
pub mod form;
pub mod look;
mod opening;
mod paper;
pub mod printable;
pub mod qr;
mod render;
pub mod strokes;
pub mod template;
mod world;

pub use content::{
    ElementsFile, content_sha256, elements_file, open_elements_file, read_elements_file,
};
pub use draft::{Draft, missing};
pub use elements::{Answer, Elements, Officer, W03, W04, W25};
pub use error::Error;
pub use form::{FieldSpec, FormSpec, Signer, form, forms};
pub use look::{Look, Overlay, PadSignature};
pub use opening::opening;
pub use paper::GrayPage;
pub use printable::{Unprintable, unprintable};
pub use qr::PageCode;
pub use render::{Frozen, Rendered, freeze, render, render_print, render_signed, render_with};
pub use strokes::{Stroke, strokes_svg};
pub use template::{TemplateRef, template};
