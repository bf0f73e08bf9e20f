//! Where a bag lies: in a ZIP or in an unpacked folder.
//!
//! Both give the same view: relative paths of plain names, sizes, contents as a stream. Links and special
//! files are refused in both.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};

use crate::bag::is_bag_path;
use crate::zip::{ZipArchive, ZipEntry, ZipFault, ZipWarning, same_case_folders};

const MAX_FILES: usize = 100_000;

/// Why a bag could not be read.
#[derive(Debug)]
pub enum SourceFault {
    /// Reading failed: says nothing about the bundle.
    Io(io::Error),
    /// The bundle is wrong: stable code.
    Bundle(&'static str),
}

impl From<io::Error> for SourceFault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<ZipFault> for SourceFault {
    fn from(fault: ZipFault) -> Self {
        match (fault.code(), fault) {
            (_, ZipFault::Io(error)) => Self::Io(error),
            (code, _) => Self::Bundle(code.unwrap_or("ZIP-HEADER")),
        }
    }
}

/// A bag that can be read. The centre implements it over decrypted blobs, so that it judges with the very
/// same code as a court does and needs no plaintext file.
pub trait BagSource {
    /// Name of the top folder.
    fn top(&self) -> &str;
    /// Paths and sizes, sorted by path bytes; no path twice.
    fn files(&self) -> Vec<(String, u64)>;
    /// Codes of what is unusual about the container, see [`super::CODES`].
    fn warnings(&self) -> Vec<&'static str>;
    /// Streams one file.
    ///
    /// # Errors
    /// I/O, or a content that is not what the container announced.
    fn read(&mut self, path: &str, take: &mut dyn FnMut(&[u8])) -> Result<(), SourceFault>;
}

pub(super) fn open_zip<R: Read + Seek>(
    source: R,
) -> Result<ZipArchive<R>, (SourceFault, Option<String>)> {
    ZipArchive::open(source).map_err(|(fault, path)| (fault.into(), path))
}

impl<R: Read + Seek> BagSource for ZipArchive<R> {
    fn top(&self) -> &str {
        Self::top(self)
    }

    fn files(&self) -> Vec<(String, u64)> {
        self.entries().iter().map(|e| (e.path.clone(), e.size)).collect()
    }

    fn warnings(&self) -> Vec<&'static str> {
        let code = |w: &ZipWarning| match w {
            ZipWarning::Comment => "ZIP-COMMENT",
            ZipWarning::Deflated => "ZIP-RECOMPRESSED",
            ZipWarning::Folder => "ZIP-FOLDER-ENTRIES",
            ZipWarning::Extra => "ZIP-EXTRA-TIMES",
        };
        Self::warnings(self).iter().map(code).collect()
    }

    fn read(&mut self, path: &str, take: &mut dyn FnMut(&[u8])) -> Result<(), SourceFault> {
        let at = self.entries().binary_search_by(|e| e.path.as_bytes().cmp(path.as_bytes()));
        let entry: Option<ZipEntry> = at.ok().and_then(|n| self.entries().get(n)).cloned();
        let entry = entry.ok_or(SourceFault::Bundle("ZIP-HEADER"))?;
        Ok(Self::read(self, &entry, take)?)
    }
}

/// An unpacked bag.
pub(super) struct FolderBag {
    root: PathBuf,
    top: String,
    files: Vec<(String, u64)>,
}

pub(super) fn open_folder(folder: &Path) -> Result<FolderBag, (SourceFault, Option<String>)> {
    let io = |e: io::Error| (SourceFault::Io(e), None);
    let root = folder.canonicalize().map_err(io)?;
    let top = root.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let mut files = Vec::new();
    let mut open = vec![String::new()];
    while let Some(inside) = open.pop() {
        for item in std::fs::read_dir(root.join(&inside)).map_err(io)? {
            let item = item.map_err(io)?;
            let name = item.file_name().to_string_lossy().into_owned();
            let path = if inside.is_empty() { name } else { format!("{inside}/{name}") };
            let refuse = |code| (SourceFault::Bundle(code), Some(path.clone()));
            if !is_bag_path(&path) {
                return Err(refuse("ZIP-NAME"));
            }
            let metadata = std::fs::symlink_metadata(item.path()).map_err(io)?;
            if metadata.is_dir() {
                open.push(path);
            } else if metadata.is_file() {
                files.push((path, metadata.len()));
            } else {
                return Err(refuse("ZIP-SPECIAL"));
            }
            if files.len().saturating_add(open.len()) > MAX_FILES {
                return Err((SourceFault::Bundle("ZIP-TOO-MANY"), None));
            }
        }
    }
    files.sort_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
    let mut seen = BTreeSet::new();
    let twice = files.iter().find(|f| !seen.insert(f.0.to_ascii_lowercase()));
    let paths: Vec<String> = files.iter().map(|f| f.0.clone()).collect();
    let twice = twice.map(|f| f.0.clone()).or_else(|| same_case_folders(&paths).err());
    if twice.is_some() {
        return Err((SourceFault::Bundle("ZIP-DUPLICATE"), twice));
    }
    Ok(FolderBag { root, top, files })
}

impl BagSource for FolderBag {
    fn top(&self) -> &str {
        &self.top
    }

    fn files(&self) -> Vec<(String, u64)> {
        self.files.clone()
    }

    fn warnings(&self) -> Vec<&'static str> {
        Vec::new()
    }

    fn read(&mut self, path: &str, take: &mut dyn FnMut(&[u8])) -> Result<(), SourceFault> {
        let at = self.files.binary_search_by(|f| f.0.as_bytes().cmp(path.as_bytes()));
        let size = at.ok().and_then(|n| self.files.get(n)).map(|f| f.1);
        let size = size.ok_or(SourceFault::Bundle("ZIP-HEADER"))?;
        let mut file = File::open(self.root.join(path))?.take(size.saturating_add(1));
        let mut buffer = vec![0; 64 * 1024];
        let mut total: u64 = 0;
        loop {
            let n = file.read(&mut buffer)?;
            if n == 0 {
                break;
            }
            total = total.saturating_add(u64::try_from(n).unwrap_or(u64::MAX));
            take(buffer.get(..n).unwrap_or_default());
        }
        // Another size than a moment ago: somebody writes into the folder while it is judged.
        if total == size { Ok(()) } else { Err(SourceFault::Bundle("ZIP-CONTENT")) }
    }
}
