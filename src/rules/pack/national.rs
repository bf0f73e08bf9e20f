//! The national pack, compiled in: the handheld has it before any other pack arrives.

use super::Pack;
use crate::error::Result;

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        /// The files of the national pack by name.
        pub const NATIONAL_FILES: &[(&str, &[u8])] = &[
            $(($name, include_bytes!(concat!("../packs/national/", $name)))),*
        ];
    };
}

files!["pack.toml"];

/// The 88 official rules of the 2025 edition and what of the pack covers them.
pub const OFFICIAL_88: &str = "";

/// Reads the national pack.
///
/// # Errors
/// Never for the files that are compiled in; a test reads them.
pub fn national() -> Result<Pack> {
    Pack::read(NATIONAL_FILES, None)
}
