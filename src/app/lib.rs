//! The handheld's use cases, the interface the GUI and the sub-commands drive ([`desk`]), and the ports
//! they need ([`ports`]).
//!
//! Knows no SQL, no HTTP, no file system, no clock: those are adapters, put together in the handheld's
//! `main.rs`.

pub mod desk;
pub mod ports;
