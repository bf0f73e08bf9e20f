//! The little that the client must remember between two starts: upload addresses and the newest time entry.
//!
//! A killed handheld goes on where the centre's offset stands instead of sending a blob again, so the
//! address of a begun upload is written down *before* its first byte is sent. Nothing here is secret or
//! trusted: addresses are checked on use, the time entry carries its proof. Plain files with an atomic
//! replace are enough; the case database is not touched from here.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Keeps small values by name. Names are `[a-z0-9-]`.
pub trait ClientState: Send {
    /// The value, if there is one.
    ///
    /// # Errors
    /// Reading fails.
    fn get(&self, name: &str) -> io::Result<Option<Vec<u8>>>;
    /// Sets the value durably.
    ///
    /// # Errors
    /// Writing fails.
    fn put(&mut self, name: &str, value: &[u8]) -> io::Result<()>;
    /// Forgets the value; nothing happens if there is none.
    ///
    /// # Errors
    /// Removing fails.
    fn remove(&mut self, name: &str) -> io::Result<()>;
}

/// Twin in memory, for tests.
#[derive(Debug, Default)]
pub struct MemoryState {
    values: BTreeMap<String, Vec<u8>>,
}

impl ClientState for MemoryState {
    fn get(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        Ok(self.values.get(name).cloned())
    }

    fn put(&mut self, name: &str, value: &[u8]) -> io::Result<()> {
        self.values.insert(name.to_owned(), value.to_vec());
        Ok(())
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.values.remove(name);
        Ok(())
    }
}

/// One file per value in a folder.
#[derive(Debug)]
pub struct FolderState {
    folder: PathBuf,
}

impl FolderState {
    /// Uses `folder`, which is made at the first write.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    fn path(&self, name: &str) -> io::Result<PathBuf> {
        let plain = !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if plain { Ok(self.folder.join(name)) } else { Err(io::ErrorKind::InvalidInput.into()) }
    }
}

impl ClientState for FolderState {
    fn get(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.path(name)?) {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn put(&mut self, name: &str, value: &[u8]) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        replace_file(&self.path(name)?, value)
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        match fs::remove_file(self.path(name)?) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// Writes a file beside `path`, fsyncs it, renames it over `path` and fsyncs the folder: afterwards either
/// the old or the new bytes are there, also after a power cut.
pub(crate) fn replace_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let beside = path.with_file_name(name);
    let mut file = fs::File::create(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    sync_folder(path.parent().unwrap_or(Path::new(".")))
}

/// Makes renames and removals in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contract(state: &mut dyn ClientState) {
        assert_eq!(state.get("upload-ab").unwrap(), None);
        state.put("upload-ab", b"one").unwrap();
        state.put("upload-ab", b"two").unwrap();
        assert_eq!(state.get("upload-ab").unwrap(), Some(b"two".to_vec()));
        state.remove("upload-ab").unwrap();
        state.remove("upload-ab").unwrap();
        assert_eq!(state.get("upload-ab").unwrap(), None);
    }

    #[test]
    fn memory_and_folder_keep_the_same_promise() {
        contract(&mut MemoryState::default());
        let folder = tempfile::tempdir().unwrap();
        let mut state = FolderState::new(folder.path().join("state"));
        contract(&mut state);
        assert!(state.put("../x", b"").is_err());
        assert!(state.get("").is_err());
    }
}
