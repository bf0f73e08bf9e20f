//! View models and the bridge between use cases and the Slint face.
//!
//! One direction: the face calls callbacks with ids and plain values; a view model turns them into acts of
//! the [`Desk`](spotcheck_app::desk::Desk), which one worker thread owns; answers come back as flat,
//! formatted structs. The UI thread never waits for the desk, so a slow disk or a long upload cannot
//! freeze the screen. No rule of the domain stands here.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation,
        reason = "tests may panic"
    )
)]

mod app;
mod bridge;
mod claims;
mod day;
mod error;
mod evidence;
mod findings;
mod frame;
mod images;
mod language;
mod options;
mod paged;
mod papers;
mod words;

#[cfg(any(test, feature = "testkit"))]
pub mod testkit;

#[cfg(test)]
mod tests;

pub use app::run;
pub use error::Error;
pub use options::{Backend, FaceOptions, MakeInput, ThemeMode};
