//! The one typeface of screen and paper, embedded once.
//!
//! Made by `packaging/fonts.sh`; the regular face carries every Han character of GB 18030-2022 level 2, the
//! bold one GB 2312 and 通用规范汉字表. A crate of its own, because the window and the documents share nothing
//! else, and twice nine megabytes are too many for a handheld (budget P13).

/// Family name inside both faces.
pub const FAMILY: &str = "Spotcheck Sans";
/// OpenType bytes of the regular face.
pub static REGULAR: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/SpotcheckSans-Regular.otf"));
/// OpenType bytes of the bold face.
pub static BOLD: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/SpotcheckSans-Bold.otf"));
/// `sha256sum` lines of both faces.
pub const SHA256SUMS: &str = include_str!(concat!(env!("OUT_DIR"), "/SHA256SUMS"));
