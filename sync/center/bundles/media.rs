//! Copies of recordings that any player can seek in (`bundle export --media`).
//!
//! The evidence is what was recorded, byte for byte, and stays so in bundle and export: the recorder streams, so it
//! has neither duration nor cues. Who looks into it for hours needs both; he gets a copy, and a sheet that says of
//! which file each one is a copy and that it is not the evidence.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use ring::digest::{Context, SHA256};
use serde::Serialize;
use spotcheck_domain::to_canonical;
use spotcheck_evidence::media::remux::{Remux, Remuxed};
use spotcheck_wire::bundles::AnnouncedFile;

use super::assemble::Opener;
use super::export::failed;
use super::verify::check_blobs;
use super::view::Joined;
use crate::centre::Centre;
use crate::folder::sync_dir;
use crate::{Error, Result};

/// The sheet beside the copies.
pub const SHEET: &str = "copies.json";
const SCHEMA: &str = "spotcheck-media-copies/1";
const NOTICE: &str = "这些文件是为便于播放和跳转而重新封装的副本，画面和声音未重新编码，但不是证据；\
证据是证据包内的原始文件，以其路径和 SHA-256 为准。";

/// One copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MediaCopy {
    /// File name beside the sheet.
    pub copy: String,
    /// SHA-256 of the copy.
    pub copy_sha256: String,
    /// Path of the evidence in the bundle.
    pub original: String,
    /// SHA-256 of the evidence.
    pub original_sha256: String,
    /// Bytes of the evidence.
    pub original_size: u64,
    /// Length of a recording whose container did not say it, milliseconds.
    pub duration_ms: Option<u64>,
}

#[derive(Serialize)]
struct Sheet<'a> {
    schema: &'static str,
    bundle: &'a str,
    tagmanifest_sha256: &'a str,
    notice: &'static str,
    files: &'a [MediaCopy],
}

/// Hashes what goes through.
struct Hashing<W> {
    inner: W,
    hash: Context,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.inner.write(bytes)?;
        self.hash.update(bytes.get(..n).unwrap_or_default());
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

fn is_recording(file: &AnnouncedFile) -> bool {
    let media = file.path.starts_with("data/media/");
    media && (file.path.ends_with(".ogg") || file.path.ends_with(".mkv"))
}

/// Writes a copy of each recording into `out`, a folder that does not exist yet; the act is written down first.
///
/// # Errors
/// No such bundle, blobs missing or damaged, a recording that is none, the folder exists.
pub fn export_media(centre: &Centre, id: &str, out: &Path) -> Result<Vec<MediaCopy>> {
    let row =
        centre.repo().bundle(id)?.ok_or(Error::NotFound { what: "bundle", zh: "证据包" })?;
    let announcement = &row.announcement;
    check_blobs(centre, announcement)?.map_err(|errors| {
        Error::refused(
            "BUNDLE-INCOMPLETE",
            format!("证据包的 {} 个文件缺失或已损坏。", errors.len()),
            "请等手持机传完，或用 bundle show 查看原因。",
        )
    })?;
    centre.record_act("media-copies-exported", id)?;
    let what = "write the copies";
    std::fs::DirBuilder::new().mode(0o700).create(out).map_err(Error::io(what))?;
    let recordings = announcement.files.iter().filter(|f| is_recording(f));
    let written = write_all(centre, &announcement.bundle, recordings, out);
    let sheet = written.and_then(|files| {
        let sheet = Sheet {
            schema: SCHEMA,
            bundle: &announcement.bundle,
            tagmanifest_sha256: &announcement.tagmanifest_sha256,
            notice: NOTICE,
            files: &files,
        };
        let mut file = create(&out.join(SHEET))?;
        file.write_all(&to_canonical(&sheet).map_err(failed)?).map_err(Error::io(what))?;
        file.sync_all().map_err(Error::io(what))?;
        sync_dir(out)?;
        Ok(files)
    });
    if sheet.is_err() {
        // Half an export is plaintext that nobody asked for.
        let _ = std::fs::remove_dir_all(out);
    }
    sheet
}

fn create(path: &Path) -> Result<File> {
    let options = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    options.map_err(Error::io("write the copies"))
}

fn write_all<'a>(
    centre: &Centre,
    bundle: &str,
    files: impl Iterator<Item = &'a AnnouncedFile>,
    out: &Path,
) -> Result<Vec<MediaCopy>> {
    let mut opener = Opener::new(centre, bundle);
    let mut copies = Vec::new();
    for file in files {
        let name = file.path.rsplit('/').next().unwrap_or_default().to_owned();
        let target = create(&out.join(&name))?;
        let (copied, copy_sha256) = copy(&mut opener, file, target)?;
        copies.push(MediaCopy {
            copy: name,
            copy_sha256,
            original: file.path.clone(),
            original_sha256: file.sha256.clone(),
            original_size: file.size,
            duration_ms: copied.duration_ms,
        });
    }
    Ok(copies)
}

/// Reads a recording twice and writes its copy; nothing of it is held but where its clusters lie.
fn copy(opener: &mut Opener<'_>, file: &AnnouncedFile, target: File) -> Result<(Remuxed, String)> {
    let plan = Remux::plan(Joined::new(opener, file)).map_err(failed)?;
    let mut out = Hashing { inner: BufWriter::new(target), hash: Context::new(&SHA256) };
    let copied = plan.copy(Joined::new(opener, file), &mut out).map_err(failed)?;
    out.flush().map_err(Error::io("write the copies"))?;
    out.inner.get_ref().sync_all().map_err(Error::io("write the copies"))?;
    Ok((copied, hex::encode(out.hash.finish().as_ref())))
}
