//! Programs nobody here wrote, and the shared folder: found, or said to be missing.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder to work in, with the program `openssl`.
pub(crate) struct OpenSsl {
    pub(crate) folder: tempfile::TempDir,
}

impl OpenSsl {
    /// `None`, said aloud, where there is no openssl.
    pub(crate) fn find(test: &str) -> Option<Self> {
        if Command::new("openssl").arg("version").output().is_err() {
            eprintln!("SKIPPED {test}: no openssl");
            return None;
        }
        Some(Self { folder: tempfile::tempdir().unwrap() })
    }

    pub(crate) fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.folder.path().join(name), bytes).unwrap();
    }

    pub(crate) fn get(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.folder.path().join(name)).unwrap()
    }

    /// Runs one command line; arguments are split at spaces.
    pub(crate) fn run(&self, line: &str) -> Output {
        Command::new("openssl")
            .args(line.split(' '))
            .current_dir(self.folder.path())
            .output()
            .unwrap()
    }

    /// Runs and insists on success.
    pub(crate) fn must(&self, line: &str) {
        let out = self.run(line);
        assert!(out.status.success(), "openssl {line}: {}", String::from_utf8_lossy(&out.stderr));
    }
}

/// A file or folder of the shared material; `None`, said aloud, where there is none.
pub(crate) fn shared(path: &str, test: &str) -> Option<PathBuf> {
    let root = std::env::var_os("SPOTCHECK_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let found = root.join(path);
    if !found.exists() {
        eprintln!("SKIPPED {test}: no {path} in the shared folder");
        return None;
    }
    Some(found)
}
