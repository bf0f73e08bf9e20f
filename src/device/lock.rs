//! `DATA/lock`: one writer per data folder.
//!
//! An advisory lock (`flock`) instead of the existence of a file: the kernel drops it with the process,
//! however that process ends, so a power cut never leaves a folder that cannot be opened. The pid inside is
//! for the message to the second process only. The descriptor is close-on-exec, so the recorder, which
//! outlives the GUI, does not hold the folder.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use crate::Error;

/// Held as long as this process may write into the data folder.
#[derive(Debug)]
pub struct DataLock {
    file: File,
}

impl DataLock {
    /// Takes `DATA/lock` or says who has it.
    ///
    /// # Errors
    /// [`Error::DataLocked`] with the holder's pid; [`Error::Io`] if the file cannot be made.
    pub fn acquire(data: &Path) -> Result<Self, Error> {
        Self::acquire_named(data, "lock")
    }

    /// The same for another lock file in the data folder.
    pub(crate) fn acquire_named(data: &Path, name: &str) -> Result<Self, Error> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(data.join(name))
            .map_err(|e| Error::io("open the lock file", e))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(e) if e == rustix::io::Errno::WOULDBLOCK => {
                return Err(Error::DataLocked { pid: holder(&mut file) });
            }
            Err(e) => return Err(Error::io("lock the data folder", e)),
        }
        let pid = std::process::id();
        let written = file
            .set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| writeln!(file, "{pid}"));
        // The lock is what counts: on a full disk the next process hears no pid, and this one works.
        if let Err(e) = written {
            tracing::warn!(error = %e, "The lock file names no process.");
        }
        Ok(Self { file })
    }
}

#[cfg(test)]
impl DataLock {
    pub(crate) const fn file(&self) -> &File {
        &self.file
    }
}

impl Drop for DataLock {
    fn drop(&mut self) {
        // Emptied, not removed: removing would let two processes lock two different files of one name.
        if let Err(e) = self.file.set_len(0) {
            tracing::warn!(error = %e, "The lock file could not be emptied.");
        }
    }
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
