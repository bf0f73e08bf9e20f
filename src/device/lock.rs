//! `DATA/lock`: one writer per data folder.
//!
//! An advisory lock (`flock`) instead of the existence of a file: the kernel drops it with the process,
//! however that process ends, so a power cut never leaves a folder that cannot be opened. The pid inside is
//! for the message to the second process, and to tell a living holder from a dead one. The descriptor is
//! close-on-exec, so the recorder, which outlives the GUI, does not hold the folder; but between its fork and its exec
//! it does for a moment. Whoever is started after a kill in that moment waits for it instead of being refused.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

use crate::Error;

/// How long a lock is waited for whose holder is dead: this often, this long each time. Two seconds in all.
const TRIES: u32 = 100;
const PAUSE: Duration = Duration::from_millis(20);

/// Held as long as this process may write into the data folder.
#[derive(Debug)]
pub struct DataLock {
    file: File,
}

impl DataLock {
    /// Takes `DATA/lock` or says who has it. A holder that lives is told at once; one that was killed while it
    /// started the recorder leaves the lock to that for a moment, which is waited for.
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
        let mut tries = TRIES;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => break,
                Err(e) if e == rustix::io::Errno::WOULDBLOCK => {
                    let pid = holder(&mut file);
                    tries = tries.saturating_sub(1);
                    if tries == 0 || pid.is_none_or(lives) {
                        return Err(Error::DataLocked { pid });
                    }
                    std::thread::sleep(PAUSE);
                }
                Err(e) => return Err(Error::io("lock the data folder", e)),
            }
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
    file.seek(SeekFrom::Start(0)).ok()?;
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

/// Whether a process of this number runs; one that was killed and that nobody has waited for does not.
fn lives(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // `PID (name) S …`
    let state = stat.rsplit(')').next().unwrap_or_default().trim_start().chars().next();
    !matches!(state, None | Some('Z' | 'X'))
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    /// A handheld that was killed while it started its recorder: the child still has the lock, its parent is dead.
    fn left_behind(data: &Path, pid: u32, seconds: &str) -> std::process::Child {
        let held = File::create(data.join("lock")).unwrap();
        flock(&held, FlockOperation::NonBlockingLockExclusive).unwrap();
        writeln!(&held, "{pid}").unwrap();
        let mut child = Command::new("sleep");
        child.arg(seconds).stdin(Stdio::from(held)).spawn().unwrap()
    }

    #[test]
    fn r35_a_lock_that_a_killed_program_left_to_its_child_is_waited_for() {
        let data = tempfile::tempdir().unwrap();
        let mut dead = Command::new("true").spawn().unwrap();
        dead.wait().unwrap();
        let mut child = left_behind(data.path(), dead.id(), "0.3");
        DataLock::acquire(data.path()).unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn a_holder_that_lives_is_told_at_once() {
        let data = tempfile::tempdir().unwrap();
        let mut child = left_behind(data.path(), std::process::id(), "60");
        let begun = std::time::Instant::now();
        let refused = DataLock::acquire(data.path()).unwrap_err();
        assert!(
            matches!(refused, Error::DataLocked { pid: Some(pid) } if pid == std::process::id())
        );
        assert!(begun.elapsed() < PAUSE * TRIES, "it waited for a living holder");
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
