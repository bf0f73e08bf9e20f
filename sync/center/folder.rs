//! The data folder: where things lie, who may open it, and the key that opens the database.
//!
//! The key lies beside the folder, never in it, so that a copy of the folder is worth nothing by itself.
//! Sub-commands work while `serve` runs (SQLite WAL with a busy timeout keeps them apart); only `serve` and
//! `restore` need the folder for themselves and take `lock`.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use spotcheck_domain::Entropy;
use zeroize::Zeroizing;

use crate::{Error, Result};

/// Name of the systemd credential that may hold the key.
pub const CREDENTIAL: &str = "spotcheck-center-key";

/// A raw database key as 64 hex digits.
pub struct RawKey(Zeroizing<String>);

impl RawKey {
    /// Reads 64 hex digits; white space around them is ignored.
    ///
    /// # Errors
    /// Anything else.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        if text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
            Ok(Self(Zeroizing::new(text.to_ascii_lowercase())))
        } else {
            Err(Error::KeyFile("内容不是 64 个十六进制字符"))
        }
    }

    /// A new key.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut bytes = Zeroizing::new([0_u8; 32]);
        entropy.fill(bytes.as_mut_slice());
        Self(Zeroizing::new(hex::encode(bytes.as_slice())))
    }

    /// The digits.
    #[must_use]
    pub fn hex(&self) -> &str {
        &self.0
    }
}

/// Paths of one data folder.
#[derive(Debug, Clone)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// Creates the folder (0700) where it is missing.
    ///
    /// # Errors
    /// No permission, no room, or not a folder.
    pub fn open(root: &Path) -> Result<Self> {
        let what = "create the data folder";
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(root)
            .map_err(Error::io(what))?;
        let root = root.canonicalize().map_err(Error::io(what))?;
        let folder = Self { root };
        for sub in [folder.objects(), folder.partitions(), folder.imports(), folder.work()] {
            std::fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&sub)
                .map_err(Error::io(what))?;
        }
        Ok(folder)
    }

    /// The folder itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The database.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.root.join("center.db")
    }

    /// Blobs, packages, tiles.
    #[must_use]
    pub fn objects(&self) -> PathBuf {
        self.root.join("objects")
    }

    /// Claims partitions.
    #[must_use]
    pub fn partitions(&self) -> PathBuf {
        self.root.join("partitions")
    }

    /// Import reports and rejects.
    #[must_use]
    pub fn imports(&self) -> PathBuf {
        self.root.join("imports")
    }

    /// Encrypted files that are being written; emptied when `serve` starts.
    #[must_use]
    pub fn work(&self) -> PathBuf {
        self.root.join("work")
    }

    /// Where the key lies unless told otherwise: beside the folder, `<folder>.key`.
    #[must_use]
    pub fn default_key_file(&self) -> PathBuf {
        let mut name = self.root.file_name().unwrap_or_default().to_os_string();
        name.push(".key");
        self.root.with_file_name(name)
    }

    /// Takes the folder for this process alone.
    ///
    /// # Errors
    /// [`Error::InUse`] with the holder's pid.
    pub fn lock(&self) -> Result<FolderLock> {
        let path = self.root.join("lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(Error::io("open the lock"))?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            let mut holder = String::new();
            let _ = file.read_to_string(&mut holder);
            return Err(Error::InUse { holder: holder.trim().to_owned() });
        }
        let what = "write the lock";
        file.set_len(0).map_err(Error::io(what))?;
        file.rewind().map_err(Error::io(what))?;
        writeln!(file, "{}", std::process::id()).map_err(Error::io(what))?;
        Ok(FolderLock { _file: file })
    }
}

/// Holds the folder until dropped.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

/// Where the database key came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// A file that was there.
    File(PathBuf),
    /// A file made just now: tell the operator to keep a copy.
    Created(PathBuf),
    /// A systemd credential.
    Credential,
}

/// Finds the key: `--key-file`, else the systemd credential, else `<folder>.key`, which is created when the
/// folder holds no database yet.
///
/// # Errors
/// Unreadable, not 64 hex digits, open to others, or missing although there is a database.
pub fn find_key(
    folder: &Folder,
    key_file: Option<&Path>,
    credentials: Option<&Path>,
    entropy: &dyn Entropy,
) -> Result<(RawKey, KeySource)> {
    let credential = credentials.map(|dir| dir.join(CREDENTIAL)).filter(|p| p.exists());
    if let (None, Some(path)) = (key_file, credential) {
        let text = Zeroizing::new(
            std::fs::read_to_string(path).map_err(Error::io("read the key credential"))?,
        );
        return Ok((RawKey::parse(&text)?, KeySource::Credential));
    }
    let path = key_file.map_or_else(|| folder.default_key_file(), Path::to_path_buf);
    if path.exists() {
        let what = "read the key file";
        let mode = std::fs::metadata(&path).map_err(Error::io(what))?.mode();
        if mode & 0o077 != 0 {
            return Err(Error::KeyFile("其他用户可以读取"));
        }
        let text = Zeroizing::new(std::fs::read_to_string(&path).map_err(Error::io(what))?);
        return Ok((RawKey::parse(&text)?, KeySource::File(path)));
    }
    if folder.database().exists() {
        return Err(Error::KeyFile("文件不存在，而数据库已经建立"));
    }
    let key = RawKey::generate(entropy);
    let what = "create the key file";
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .map_err(Error::io(what))?;
    file.write_all(key.hex().as_bytes()).map_err(Error::io(what))?;
    file.write_all(b"\n").map_err(Error::io(what))?;
    file.sync_all().map_err(Error::io(what))?;
    if let Some(parent) = path.parent() {
        sync_dir(parent)?;
    }
    Ok((key, KeySource::Created(path)))
}

/// Makes renames and new names in a folder durable.
///
/// # Errors
/// Those of the system.
pub fn sync_dir(dir: &Path) -> Result<()> {
    let what = "sync a folder";
    // The parent of a bare file name is empty.
    let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    File::open(dir).and_then(|f| f.sync_all()).map_err(Error::io(what))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests may panic")]
    use super::*;
    use spotcheck_domain::SeededEntropy;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_key_lies_beside_the_folder_and_is_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(&dir.path().join("c")).unwrap();
        let entropy = SeededEntropy::new(7);
        let (key, source) = find_key(&folder, None, None, &entropy).unwrap();
        let path = folder.default_key_file();
        assert_eq!(source, KeySource::Created(path.clone()));
        assert!(!path.starts_with(folder.root()));
        let (again, source) = find_key(&folder, None, None, &entropy).unwrap();
        assert_eq!(source, KeySource::File(path.clone()));
        assert_eq!(key.hex(), again.hex());

        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(find_key(&folder, None, None, &entropy), Err(Error::KeyFile(_))));
        std::fs::remove_file(&path).unwrap();
        std::fs::write(folder.database(), b"x").unwrap();
        assert!(matches!(find_key(&folder, None, None, &entropy), Err(Error::KeyFile(_))));
    }

    #[test]
    fn a_second_server_on_one_folder_is_told_who_holds_it() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        let held = folder.lock().unwrap();
        let Err(Error::InUse { holder }) = folder.lock() else { unreachable!("locked twice") };
        assert_eq!(holder, std::process::id().to_string());
        drop(held);
        assert!(folder.lock().is_ok());
    }
}
