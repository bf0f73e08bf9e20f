//! The object folder: large things, named by their hash, never changed once there.
//!
//! Ciphertext blobs, package files and partitions lie here; an upload in progress has a file of its own
//! until its hash is known. A name appears only by rename after fsync, so that what has a name is whole.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use ring::digest::{Context, SHA256};

use crate::folder::{Folder, sync_dir};
use crate::{Error, Result};

/// Lower-case hex of a SHA-256.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(ring::digest::digest(&SHA256, bytes).as_ref())
}

/// True for 64 lower-case hex digits.
#[must_use]
pub fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// The folder of objects.
#[derive(Debug, Clone)]
pub struct Objects {
    root: PathBuf,
}

impl Objects {
    /// Opens the folder below the data folder.
    ///
    /// # Errors
    /// Those of the system.
    pub fn open(folder: &Folder) -> Result<Self> {
        let objects = Self { root: folder.objects() };
        let what = "create the object folder";
        for sub in ["uploads", "log"] {
            std::fs::create_dir_all(objects.root.join(sub)).map_err(Error::io(what))?;
        }
        Ok(objects)
    }

    /// Where an object of this hash lies; `None` if the text is no hash (so that no path can be smuggled).
    #[must_use]
    pub fn path(&self, sha256: &str) -> Option<PathBuf> {
        if !is_sha256(sha256) {
            return None;
        }
        Some(self.root.join(sha256.get(..2)?).join(sha256))
    }

    /// Where an upload in progress lies.
    #[must_use]
    pub fn upload(&self, id: &str) -> PathBuf {
        self.root.join("uploads").join(id)
    }

    /// Where the log's full tiles lie.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.root.join("log")
    }

    /// Opens an object.
    ///
    /// # Errors
    /// There is none of this hash.
    pub fn open_object(&self, sha256: &str) -> Result<File> {
        let path = self.path(sha256).ok_or(Error::NotFound { what: "object", zh: "对象" })?;
        File::open(path).map_err(Error::io("open an object"))
    }

    /// Hashes a file and gives it its name; the file's content is synced before. Answers hash and size.
    /// If the object is there already, the file is removed.
    ///
    /// # Errors
    /// Those of the system.
    pub fn adopt(&self, file: &Path) -> Result<(String, u64)> {
        let what = "store an object";
        let mut reader = File::open(file).map_err(Error::io(what))?;
        let (sha256, size) = hash_reader(&mut reader)?;
        self.adopt_as(file, &sha256)?;
        Ok((sha256, size))
    }

    /// As [`Self::adopt`], for a file whose hash the caller has just computed.
    ///
    /// # Errors
    /// Those of the system.
    pub fn adopt_as(&self, file: &Path, sha256: &str) -> Result<()> {
        let what = "store an object";
        let target = self.path(sha256).ok_or(Error::Stored("hash"))?;
        let dir = target.parent().unwrap_or(&self.root);
        if !dir.exists() {
            std::fs::create_dir_all(dir).map_err(Error::io(what))?;
            sync_dir(&self.root)?;
        }
        if target.exists() {
            return std::fs::remove_file(file).map_err(Error::io(what));
        }
        File::open(file).and_then(|f| f.sync_all()).map_err(Error::io(what))?;
        std::fs::rename(file, &target).map_err(Error::io(what))?;
        sync_dir(dir)
    }

    /// Bytes free for us on the file system.
    #[must_use]
    pub fn free_bytes(&self) -> u64 {
        rustix::fs::statvfs(&self.root).map_or(u64::MAX, |s| s.f_bavail.saturating_mul(s.f_frsize))
    }
}

/// SHA-256 (lower-case hex) and length of everything a reader gives.
///
/// # Errors
/// Those of the reader.
pub fn hash_reader(reader: &mut dyn Read) -> Result<(String, u64)> {
    let mut context = Context::new(&SHA256);
    let mut size = 0_u64;
    let mut buffer = vec![0_u8; 64 * 1024];
    loop {
        let n = reader.read(&mut buffer).map_err(Error::io("read an object"))?;
        let Some(block) = buffer.get(..n).filter(|b| !b.is_empty()) else { break };
        context.update(block);
        size = size.saturating_add(u64::try_from(n).unwrap_or(u64::MAX));
    }
    Ok((hex::encode(context.finish().as_ref()), size))
}
