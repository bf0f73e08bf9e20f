//! Camera, microphone, clock, battery, storage: the adapters to the device.
//!
//! Everything that touches hardware or the operating system is here, behind the ports of `spotcheck-app`
//! and the clock of `spotcheck-domain`, so that the rest runs on plain values. It is the only crate where
//! `unsafe` may stand, each time with the reason it is sound. Stand-ins (test pictures, test tones, files)
//! are other source elements of the same pipelines, chosen in `device.toml`; nothing else differs.

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
#![allow(
    clippy::result_large_err,
    reason = "every port returns Trouble; errors are rare and never on a hot path"
)]

pub mod capture;
pub mod clock;
pub mod config;
mod error;
mod gnss;
mod harden;
pub mod input;
mod lock;
mod machine;
mod playback;
pub mod recorder;
mod typing;

pub use capture::{Capture, Devices, Fragment, Gaps, grey_of};
pub use clock::SystemClock;
pub use config::{ConfigError, DeviceConfig};
pub use error::Error;
pub use gnss::Gnss;
pub use harden::harden_process;
pub use lock::DataLock;
pub use machine::DeviceMachine;
pub use playback::{Playing, play_tone};
pub use typing::typing_devices;
