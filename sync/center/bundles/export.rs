//! The plain ZIP on demand (`bundle export`).

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use spotcheck_evidence::zip::ZipWriter;
use spotcheck_wire::CarriedFile;
use spotcheck_wire::bundles::Announcement;

use super::announce::status;
use super::assemble::Opener;
use super::verify::check_blobs;
use super::view::Joined;
use crate::centre::Centre;
use crate::folder::sync_dir;
use crate::{Error, Result};

pub(super) fn failed(error: impl std::fmt::Display) -> Error {
    Error::Log(format!("bag: {error}"))
}

/// What of the payload goes into an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extent {
    /// Everything.
    Whole,
    /// The party's copy (evidence.md §3): the documents, and what else the agency names. Tag files,
    /// signatures, stamps and receipt are all there, so that what is present can be proven.
    Party {
        /// Paths besides `data/documents/`; record.json and journal.jsonl only by being named here.
        include: Vec<String>,
    },
}

impl Extent {
    fn holds(&self, path: &str) -> bool {
        match self {
            Self::Whole => true,
            Self::Party { include } => {
                path.starts_with("data/documents/") || include.iter().any(|p| p == path)
            }
        }
    }
}

/// Writes the plain ZIP with time stamps and receipt; the act is written down first.
///
/// # Errors
/// No such bundle, blobs missing or damaged, a path that is not in it, the target exists.
pub fn export(centre: &Centre, id: &str, extent: &Extent, out: &Path) -> Result<()> {
    let row =
        centre.repo().bundle(id)?.ok_or(Error::NotFound { what: "bundle", zh: "证据包" })?;
    let announcement = &row.announcement;
    if let Extent::Party { include } = extent
        && include.iter().any(|path| !announcement.files.iter().any(|f| &f.path == path))
    {
        return Err(Error::NotFound { what: "file of the bundle", zh: "证据包内的文件" });
    }
    let sums = check_blobs(centre, announcement)?.map_err(|errors| {
        Error::refused(
            "BUNDLE-INCOMPLETE",
            format!("证据包的 {} 个文件缺失或已损坏。", errors.len()),
            "请等手持机传完，或用 bundle show 查看原因。",
        )
    })?;
    let mut late: Vec<CarriedFile> = Vec::new();
    if let Some(receipt) = status(centre, id, 0)?.receipt {
        late.extend(receipt.timestamps);
        let file = |path: &str, bytes: Vec<u8>| CarriedFile { path: path.to_owned(), bytes };
        late.push(file("receipts/center.entry.json", receipt.entry));
        late.push(file("receipts/center.tlog-proof", receipt.proof.into_bytes()));
        late.push(file("receipts/center.crl", receipt.crl.into_bytes()));
    }
    let act = if *extent == Extent::Whole { "bundle-exported" } else { "party-copy-exported" };
    centre.record_act(act, id)?;
    let what = "write the export";
    let target = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(out)
        .map_err(Error::io(what))?;
    let mut opener = Opener::new(centre, &announcement.bundle);
    let written = write_zip(&mut opener, announcement, &late, &sums, extent, target);
    if written.is_err() {
        // Half an export is plaintext that nobody asked for.
        let _ = std::fs::remove_file(out);
    }
    written?;
    sync_dir(out.parent().unwrap_or(Path::new("")))
}

pub(super) fn write_zip(
    opener: &mut Opener<'_>,
    announcement: &Announcement,
    late: &[CarriedFile],
    sums: &[u32],
    extent: &Extent,
    target: File,
) -> Result<()> {
    let what = "write the export";
    let top = &announcement.bundle;
    let mut zip = ZipWriter::new(BufWriter::new(target));
    for file in announcement.tag_files.iter().chain(late) {
        zip.add_bytes(&format!("{top}/{}", file.path), &file.bytes).map_err(failed)?;
    }
    let wanted = announcement.files.iter().zip(sums).filter(|(file, _)| extent.holds(&file.path));
    for (file, crc32) in wanted {
        let mut content = Joined::new(opener, file);
        zip.add_known(&format!("{top}/{}", file.path), file.size, *crc32, &mut content)
            .map_err(failed)?;
    }
    let mut writer = zip.finish().map_err(failed)?;
    writer.flush().map_err(Error::io(what))?;
    writer.get_ref().sync_all().map_err(Error::io(what))
}
