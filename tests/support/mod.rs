//! What stories and the demo are driven with.

pub mod checks;
pub mod clocked;
pub mod programs;
pub mod refusal;
pub mod sound;
pub mod told;
pub mod tsa;
pub mod visit;
