//! The face as an officer uses it: by what stands on the screen.

mod around;
mod camera;
mod controls;
mod english;
mod findings;
mod fits;
mod keyboard;
mod keys;
mod looks;
mod marks;
mod monkey;
mod pages;
mod pictures;
mod places;
mod playing;
mod practice;
mod reasons;
mod recording;
mod safe;
mod said;
mod settings;
mod showing;
mod signing;
mod told;
mod way;
