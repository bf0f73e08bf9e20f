//! Small payload files of a stored bundle, opened in memory.

use std::io::Read as _;

use spotcheck_wire::bundles::Announcement;

use super::assemble::Opener;
use super::view::Joined;
use crate::Result;
use crate::centre::Centre;

/// No record or journal is larger; what is, is not read here.
const MOST: u64 = 64 << 20;

/// A payload file by its path; `None` where the bundle has none, or it does not open.
///
/// # Errors
/// Those of the database.
pub(crate) fn payload(
    centre: &Centre,
    announcement: &Announcement,
    path: &str,
) -> Result<Option<Vec<u8>>> {
    let Some(file) = announcement.files.iter().find(|f| f.path == path && f.size <= MOST) else {
        return Ok(None);
    };
    let mut opener = Opener::new(centre, &announcement.bundle);
    let mut bytes = Vec::new();
    let read = Joined::new(&mut opener, file).take(MOST).read_to_end(&mut bytes);
    Ok(read.is_ok().then_some(bytes))
}
