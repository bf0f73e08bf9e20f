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

files![
    "A17.kp.csv",
    "B01.kp.csv",
    "B02.kp.csv",
    "B04.kp.csv",
    "B05.kp.csv",
    "B07.kp.csv",
    "B08.kp.csv",
    "B11.kp.csv",
    "B14.kp.csv",
    "B16.kp.csv",
    "B17.kp.csv",
    "B18.kp.csv",
    "B21.kp.csv",
    "B23.kp.csv",
    "B24.kp.csv",
    "B25.kp.csv",
    "B26-1.kp.csv",
    "B37.kp.csv",
    "B38.kp.csv",
    "C01.kp.csv",
    "C02-1.kp.csv",
    "C02.kp.csv",
    "C03.kp.csv",
    "C04-1.kp.csv",
    "C04.kp.csv",
    "C05.kp.csv",
    "C06.kp.csv",
    "C07.kp.csv",
    "C08.kp.csv",
    "C09-2.kp.csv",
    "C10.kp.csv",
    "C11.kp.csv",
    "C12-1.kp.csv",
    "C12.kp.csv",
    "C13.kp.csv",
    "C16.kp.csv",
    "C17.kp.csv",
    "C18.kp.csv",
    "C19-1.kp.csv",
    "C19-2.kp.csv",
    "C19.kp.csv",
    "C21.kp.csv",
    "C22.kp.csv",
    "C23.kp.csv",
    "C29-1.kp.csv",
    "C29.kp.csv",
    "C30.kp.csv",
    "C31.kp.csv",
    "D01.kp.csv",
    "D02.kp.csv",
    "D03-1.kp.csv",
    "D03.kp.csv",
    "D04.kp.csv",
    "D05.kp.csv",
    "D06.kp.csv",
    "D07.kp.csv",
    "E01.kp.csv",
    "E02.kp.csv",
    "E03.kp.csv",
    "E04-1.kp.csv",
    "E04.kp.csv",
    "E05.kp.csv",
    "E06.kp.csv",
    "E07.kp.csv",
    "E08.kp.csv",
    "E09.kp.csv",
    "E10.kp.csv",
    "E11.kp.csv",
    "F03.kp.csv",
    "F05.kp.csv",
    "F06.kp.csv",
    "F08.kp.csv",
    "F09.kp.csv",
    "F10.kp.csv",
    "H05.kp.csv",
    "H07.kp.csv",
    "a_inpatient.toml",
    "b_charging.toml",
    "c_drugs.toml",
    "cases.md",
    "d_consumables.toml",
    "e_items.toml",
    "f_data.toml",
    "g_stock.toml",
    "h_cards.toml",
    "i_staff.toml",
    "indicators.toml",
    "j_statistics.toml",
    "not-carried.csv",
    "official-88.csv",
    "pack.toml",
];

/// The 88 official rules of the 2025 edition and what of the pack covers them.
pub const OFFICIAL_88: &str = include_str!("../packs/national/official-88.csv");

/// Rule ids of the domain that no rule of the pack carries, each with the reason.
pub const NOT_CARRIED: &str = include_str!("../packs/national/not-carried.csv");

/// Reads the national pack.
///
/// # Errors
/// Never for the files that are compiled in; a test reads them.
pub fn national() -> Result<Pack> {
    Pack::read(NATIONAL_FILES, None)
}
