//! The face as an officer uses it: by what stands on the screen.

mod controls;
mod english;
mod findings;
mod keyboard;
mod monkey;
mod places;
mod practice;
mod recording;
mod said;
mod settings;
mod way;
