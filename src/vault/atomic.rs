//! The only place of this crate that writes files: whole or not at all, and durable on return.
//!
//! A file is written under a temporary name in its own folder, synced, renamed, and then the *folder* is
//! synced too: without that last step a power cut can leave an empty file or none (R30, anchors: zeek
//! 1817, eve 2630, marktext 4852). Files are 0600 and folders 0700.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::error::VaultError;

const TEMP_PREFIX: &str = ".tmp-";

/// Writes a new file or replaces one. When it returns, bytes and name are on stable storage.
///
/// # Errors
/// Anything the file system refuses; the old file, if any, is then untouched and the temporary one gone.
pub fn write_durable(path: &Path, bytes: &[u8]) -> Result<(), VaultError> {
    let temp = stage(path, bytes)?;
    publish(&temp, path)
}

/// First half of [`write_durable`]: the bytes are durable under a temporary name, which is returned.
pub(crate) fn stage(path: &Path, bytes: &[u8]) -> Result<PathBuf, VaultError> {
    let temp = temp_name(path)?;
    let written = (|| {
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temp)?;
        file.write_all(bytes)?;
        file.sync_all()
    })();
    if let Err(error) = written {
        // Best effort: on a full disk the half-written file is what must go first.
        let _ = fs::remove_file(&temp);
        return Err(VaultError::Io { action: "write file", source: error });
    }
    Ok(temp)
}

/// Second half of [`write_durable`]: gives the staged bytes their name and syncs the folder.
pub(crate) fn publish(temp: &Path, path: &Path) -> Result<(), VaultError> {
    fs::rename(temp, path).map_err(VaultError::io("rename file"))?;
    sync_folder(parent(path)?)
}

/// Creates a folder and its missing parents, each synced into its parent.
///
/// # Errors
/// Anything the file system refuses.
pub fn create_folder(path: &Path) -> Result<(), VaultError> {
    if path.is_dir() {
        return Ok(());
    }
    let above = parent(path)?;
    if !above.as_os_str().is_empty() {
        create_folder(above)?;
    }
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => sync_folder(above),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(VaultError::Io { action: "create folder", source: error }),
    }
}

/// Removes files that exist and syncs their folder once.
pub(crate) fn remove_durable(folder: &Path, names: &[String]) -> Result<(), VaultError> {
    for name in names {
        match fs::remove_file(folder.join(name)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(VaultError::Io { action: "remove file", source: error }),
        }
    }
    sync_folder(folder)
}

/// Removes a folder with everything in it and syncs its parent.
pub(crate) fn remove_folder(path: &Path) -> Result<(), VaultError> {
    match fs::remove_dir_all(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(VaultError::Io { action: "remove folder", source: error }),
    }
    sync_folder(parent(path)?)
}

/// Removes temporary files that a cut left behind; nothing points at them.
pub(crate) fn sweep_temps(folder: &Path) -> Result<(), VaultError> {
    let mut left = Vec::new();
    for name in names(folder)? {
        if name.starts_with(TEMP_PREFIX) {
            left.push(name);
        }
    }
    if left.is_empty() { Ok(()) } else { remove_durable(folder, &left) }
}

/// Names in a folder, sorted; none if the folder does not exist.
pub(crate) fn names(folder: &Path) -> Result<Vec<String>, VaultError> {
    let listing = match fs::read_dir(folder) {
        Ok(listing) => listing,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(VaultError::Io { action: "list folder", source: error }),
    };
    let mut found = Vec::new();
    for entry in listing {
        let entry = entry.map_err(VaultError::io("list folder"))?;
        if let Ok(name) = entry.file_name().into_string() {
            found.push(name);
        }
    }
    found.sort();
    Ok(found)
}

/// Reads a file; `None` if it does not exist.
pub(crate) fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, VaultError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(VaultError::Io { action: "read file", source: error }),
    }
}

/// Syncs a folder, so that names in it survive a power cut.
pub(crate) fn sync_folder(path: &Path) -> Result<(), VaultError> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    File::open(path).and_then(|f| f.sync_all()).map_err(VaultError::io("sync folder"))
}

/// A file that only grows: each append is durable before it is acknowledged, and a failed append leaves
/// no torn tail behind (best effort; the reader drops a tail without LF anyway).
#[derive(Debug)]
pub(crate) struct AppendFile {
    file: File,
    length: u64,
}

impl AppendFile {
    /// Creates an empty file, or opens an existing one at its end.
    pub(crate) fn open(path: &Path) -> Result<Self, VaultError> {
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)
            .map_err(VaultError::io("open log"))?;
        let length = file.metadata().map_err(VaultError::io("open log"))?.len();
        sync_folder(parent(path)?)?;
        Ok(Self { file, length })
    }

    /// Appends one line and its LF.
    pub(crate) fn append_line(&mut self, line: &[u8]) -> Result<(), VaultError> {
        let mut whole = Vec::with_capacity(line.len().saturating_add(1));
        whole.extend_from_slice(line);
        whole.push(b'\n');
        match self.file.write_all(&whole).and_then(|()| self.file.sync_data()) {
            Ok(()) => {
                let grown = u64::try_from(whole.len()).unwrap_or(0);
                self.length = self.length.saturating_add(grown);
                Ok(())
            }
            Err(error) => {
                let _ = self.file.set_len(self.length);
                Err(VaultError::Io { action: "append to log", source: error })
            }
        }
    }
}

/// Whole lines (without LF) of a file that only grows; a torn tail is left out.
pub(crate) fn whole_lines(bytes: &[u8]) -> Vec<&[u8]> {
    let mut lines: Vec<&[u8]> = bytes.split(|b| *b == b'\n').collect();
    // What follows the last LF is empty or torn.
    lines.pop();
    lines
}

fn parent(path: &Path) -> Result<&Path, VaultError> {
    path.parent().ok_or(VaultError::Io {
        action: "find folder",
        source: io::Error::from(io::ErrorKind::InvalidInput),
    })
}

fn temp_name(path: &Path) -> Result<PathBuf, VaultError> {
    let name = path.file_name().and_then(|n| n.to_str()).ok_or(VaultError::Io {
        action: "name file",
        source: io::Error::from(io::ErrorKind::InvalidInput),
    })?;
    Ok(path.with_file_name(format!("{TEMP_PREFIX}{name}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r30_a_file_is_whole_or_not_there() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b/file");
        assert!(write_durable(&path, b"x").is_err(), "no folder, no file");
        create_folder(path.parent().unwrap()).unwrap();
        write_durable(&path, b"first").unwrap();
        let temp = stage(&path, b"half").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"first", "staging does not touch the file");
        assert!(temp.exists());
        sweep_temps(path.parent().unwrap()).unwrap();
        assert_eq!(names(path.parent().unwrap()).unwrap(), ["file"]);
        write_durable(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        let mode =
            std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn torn_tails_are_not_lines() {
        assert_eq!(whole_lines(b"a\nb\nc"), [b"a", b"b"]);
        assert_eq!(whole_lines(b"a\n"), [b"a"]);
        assert!(whole_lines(b"").is_empty());
        assert!(whole_lines(b"torn").is_empty());
    }
}
