//! The window without a display: a desk with an invented visit, hands that tap labels, pictures of every screen.

pub mod canvas;
pub mod catalogue;
pub mod face;
pub mod fake_desk;
pub mod fake_input;
pub mod gallery;
pub mod goldens;
pub mod reading;
pub(crate) mod spoken;
