//! The ZIP that carries a bag: own writer and own strict reader.
//!
//! Whatever two programs could read differently in a ZIP is an attack on evidence, and general ZIP
//! libraries are built to read as much as they can. So the writer produces one narrow form (STORED,
//! contiguous from offset 0, local header = central header, no comment, no extra field but ZIP64's) and
//! the reader refuses what is ambiguous instead of choosing (evidence.md §3; APPNOTE 6.3).

mod fields;
mod names;
mod read;
mod write;

pub(crate) use names::same_case_folders;
pub use read::{MAX_ENTRIES, ZipArchive, ZipEntry, ZipFault, ZipWarning};
pub use write::ZipWriter;

pub(crate) const LOCAL_SIGNATURE: u32 = 0x0403_4b50;
pub(crate) const CENTRAL_SIGNATURE: u32 = 0x0201_4b50;
pub(crate) const END_SIGNATURE: u32 = 0x0605_4b50;
pub(crate) const END64_SIGNATURE: u32 = 0x0606_4b50;
pub(crate) const LOCATOR64_SIGNATURE: u32 = 0x0706_4b50;
pub(crate) const EXTRA_ZIP64: u16 = 1;
pub(crate) const FULL32: u32 = u32::MAX;
pub(crate) const FULL16: u16 = u16::MAX;

#[cfg(test)]
mod tests;
