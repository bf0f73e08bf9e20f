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
mod around;
mod basis;
mod bridge;
mod capture;
mod coach;
mod collect;
mod compare;
mod compose;
mod cover;
mod document;
mod draft;
mod errand;
mod error;
mod facts;
mod fees;
mod finding;
mod finish;
mod hand_out;
mod house;
mod images;
mod indicators;
mod ink;
mod interview;
mod keyboard;
mod language;
mod method;
mod narrow;
mod noticed;
mod opening;
mod options;
mod own_rules;
mod paged;
mod pages;
mod party;
mod person;
mod persons;
mod phrases;
mod pictures;
mod pin;
mod place;
mod player;
mod print;
mod recording;
mod seal;
mod self_check;
mod settings;
mod showing;
mod sign;
mod span;
mod status;
mod suspicion;
mod suspicions;
mod sync;
mod task;
mod timeline;
mod toast;
mod today;
mod trouble;
mod typing;
mod unjudged;
mod unlock;
mod visit;
mod words;

#[cfg(any(test, feature = "testkit"))]
pub mod canvas;
#[cfg(any(test, feature = "testkit"))]
pub mod catalogue;
#[cfg(any(test, feature = "testkit"))]
pub mod face;
#[cfg(any(test, feature = "testkit"))]
pub mod fake_desk;
#[cfg(any(test, feature = "testkit"))]
pub mod fake_input;
#[cfg(any(test, feature = "testkit"))]
pub mod gallery;
#[cfg(any(test, feature = "testkit"))]
mod gallery_more;
mod gallery_rules;
#[cfg(any(test, feature = "testkit"))]
pub mod goldens;
#[cfg(any(test, feature = "testkit"))]
mod spoken;

#[cfg(test)]
mod tests;

pub use app::run;
pub use error::Error;
pub use options::{Backend, FaceOptions, MakeInput, ThemeMode};
