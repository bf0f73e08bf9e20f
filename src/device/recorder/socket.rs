//! The socket's place and who may speak on it.
//!
//! A socket's address holds 108 bytes, a data folder may lie deeper. So it is reached through the folder's
//! descriptor (`/proc/self/fd/N/recorder.sock`), which is short wherever the folder lies.

use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

const NAME: &str = "recorder.sock";

fn open_folder(data: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_DIRECTORY).open(data)
}

fn short(folder: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}/{NAME}", folder.as_raw_fd()))
}

pub(super) fn connect(data: &Path) -> io::Result<UnixStream> {
    let folder = open_folder(data)?;
    let stream = UnixStream::connect(short(&folder))?;
    if is_own_user(&stream) {
        Ok(stream)
    } else {
        Err(io::Error::new(io::ErrorKind::PermissionDenied, "the recorder runs as another user"))
    }
}

/// Process id of whoever listens, as the kernel says; `None` if nobody does, or another user.
pub(super) fn peer(data: &Path) -> Option<u32> {
    let peer = rustix::net::sockopt::socket_peercred(connect(data).ok()?).ok()?;
    u32::try_from(peer.pid.as_raw_nonzero().get()).ok()
}

/// Only for the holder of the recorder's lock: what lies there is left over.
pub(super) fn listen(data: &Path) -> io::Result<UnixListener> {
    let folder = open_folder(data)?;
    remove(data);
    let listener = UnixListener::bind(short(&folder))?;
    std::fs::set_permissions(data.join(NAME), Permissions::from_mode(0o600))?;
    Ok(listener)
}

pub(super) fn remove(data: &Path) {
    if let Err(e) = std::fs::remove_file(data.join(NAME))
        && e.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(error = %e, "The recorder's socket could not be removed.");
    }
}

/// The process at the other end belongs to our user (SO_PEERCRED: told by the kernel).
pub(super) fn is_own_user(stream: &UnixStream) -> bool {
    rustix::net::sockopt::socket_peercred(stream)
        .is_ok_and(|peer| peer.uid == rustix::process::geteuid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reached_in_a_deep_folder_with_mode_0600_and_left_overs_are_replaced() {
        let root = tempfile::tempdir().unwrap();
        let deep = root.path().join("长".repeat(60)).join("x".repeat(120));
        std::fs::create_dir_all(&deep).unwrap();
        assert!(connect(&deep).is_err());
        drop(listen(&deep).unwrap());
        assert!(connect(&deep).is_err(), "nobody listens on a socket that was left over");
        let listener = listen(&deep).unwrap();
        let mode = std::fs::metadata(deep.join(NAME)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let near = connect(&deep).unwrap();
        let (far, _) = listener.accept().unwrap();
        assert!(is_own_user(&near) && is_own_user(&far));
        remove(&deep);
        assert!(!deep.join(NAME).exists());
    }
}
