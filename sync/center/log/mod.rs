//! The transparency log: C2SP tlog-tiles with an Ed25519 checkpoint.
//!
//! Leaves, hashes and checkpoint are moved in one transaction that only succeeds from the size the writer
//! saw, so any number of processes may append without a lock that could outlive one of them. Tiles are
//! derived from the stored hashes and can be made again at any time; a log with a hole cannot come to be.

mod key;
mod tiles;

pub use key::LogSigner;
pub use tiles::TilePath;

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use signed_note::Note;
use spotcheck_domain::{Clock, Entropy, rfc3339};
use spotcheck_evidence::entry::{LogEntry, TimeEntry};
use tlog_tiles::{
    Checkpoint, Hash, HashReader, prove_record, prove_tree, record_hash, stored_hash_count,
    stored_hashes_for_record_hash, tree_hash,
};

use crate::objects::Objects;
use crate::repository::{Leaf, LogAppend, Repository};
use crate::{Error, Result};

/// Kind of a bundle's entry.
pub const KIND_BUNDLE: &str = "bundle/1";
/// Kind of a time entry.
pub const KIND_TIME: &str = "time/1";
/// Header of a C2SP inclusion proof.
const PROOF_HEADER: &str = "c2sp.org/tlog-proof@v1";
/// Tries against other writers before giving up.
const APPEND_TRIES: u32 = 64;

/// Size and signed checkpoint, read at one moment: all proofs of one answer are made for the same head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Leaves.
    pub size: u64,
    /// C2SP checkpoint.
    pub note: String,
}

/// The log.
pub struct Log {
    repo: Arc<dyn Repository>,
    objects: Objects,
    signer: LogSigner,
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Log").field("key", &self.signer.vkey()).finish_non_exhaustive()
    }
}

fn log_error(error: impl std::fmt::Display) -> Error {
    Error::Log(error.to_string())
}

/// Reads stored hashes, with those of a leaf that is about to be appended laid over.
struct Hashes<'a> {
    repo: &'a dyn Repository,
    first_new: u64,
    new: &'a [Hash],
}

impl HashReader for Hashes<'_> {
    fn read_hashes(&self, indexes: &[u64]) -> std::result::Result<Vec<Hash>, tlog_tiles::Error> {
        let stored: Vec<u64> = indexes.iter().copied().filter(|i| *i < self.first_new).collect();
        let mut found = self
            .repo
            .log_hashes(&stored)
            .map_err(|_| tlog_tiles::Error::IndexesNotInTree)?
            .into_iter();
        indexes
            .iter()
            .map(|index| {
                let hash = match index.checked_sub(self.first_new) {
                    None => found.next().map(Hash),
                    Some(at) => usize::try_from(at).ok().and_then(|at| self.new.get(at)).copied(),
                };
                hash.ok_or(tlog_tiles::Error::IndexesNotInTree)
            })
            .collect()
    }
}

impl Log {
    /// Opens the log, with a new key at the first start.
    ///
    /// # Errors
    /// Those of the database, or a stored key that does not read back.
    pub fn open(
        repo: Arc<dyn Repository>,
        objects: Objects,
        name: &str,
        entropy: &dyn Entropy,
    ) -> Result<Self> {
        let signer = LogSigner::load_or_create(repo.as_ref(), name, entropy)?;
        Ok(Self { repo, objects, signer })
    }

    /// C2SP vkey.
    #[must_use]
    pub fn vkey(&self) -> &str {
        self.signer.vkey()
    }

    /// Name of the log.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.signer.name()
    }

    fn reader(&self) -> Hashes<'_> {
        Hashes { repo: self.repo.as_ref(), first_new: u64::MAX, new: &[] }
    }

    /// The present head; an empty log has a checkpoint too.
    ///
    /// # Errors
    /// Those of the database.
    pub fn head(&self) -> Result<Head> {
        let (size, note) = self.repo.log_state()?;
        let note = if size == 0 { self.sign(0, tlog_tiles::EMPTY_HASH)? } else { note };
        Ok(Head { size, note })
    }

    fn sign(&self, size: u64, root: Hash) -> Result<String> {
        let checkpoint = Checkpoint::new(self.origin(), size, root, "").map_err(log_error)?;
        let mut note = Note::new(&checkpoint.to_bytes(), &[]).map_err(log_error)?;
        note.add_sigs(&[&self.signer]).map_err(log_error)?;
        String::from_utf8(note.to_bytes()).map_err(log_error)
    }

    /// Appends an entry; an entry of a subject that is in the log already is answered, not repeated.
    ///
    /// # Errors
    /// Those of the database.
    pub fn append(&self, kind: &str, subject: Option<&str>, entry: &[u8]) -> Result<Leaf> {
        for _ in 0..APPEND_TRIES {
            if let Some(leaf) = subject.map(|s| self.repo.leaf_of(s)).transpose()?.flatten() {
                return Ok(leaf);
            }
            let (size, _) = self.repo.log_state()?;
            let leaf_hash = record_hash(entry);
            let new = stored_hashes_for_record_hash(size, leaf_hash, &self.reader())
                .map_err(log_error)?;
            let first_new = stored_hash_count(size);
            let reader = Hashes { repo: self.repo.as_ref(), first_new, new: &new };
            let next = size.saturating_add(1);
            let root = tree_hash(next, &reader).map_err(log_error)?;
            let hashes: Vec<[u8; 32]> = new.iter().map(|h| h.0).collect();
            let done = self.repo.append_log(&LogAppend {
                old_size: size,
                kind,
                subject,
                entry,
                first_hash: first_new,
                hashes: &hashes,
                checkpoint: &self.sign(next, root)?,
            })?;
            if done {
                return Ok(Leaf { index: size, entry: entry.to_vec() });
            }
        }
        Err(Error::Log("other writers were always faster".to_owned()))
    }

    /// Appends what the time is.
    ///
    /// # Errors
    /// Those of the database.
    pub fn append_time(&self, clock: &dyn Clock) -> Result<Leaf> {
        let entry = LogEntry::Time(TimeEntry { at: rfc3339(clock.read().wall_ms) });
        let bytes = entry.to_bytes().map_err(log_error)?;
        self.append(KIND_TIME, None, &bytes)
    }

    /// C2SP tlog-proof of the leaf at `index` under `head`.
    ///
    /// # Errors
    /// The log is not that long, or those of the database.
    pub fn proof(&self, index: u64, head: &Head) -> Result<String> {
        let hashes = prove_record(head.size, index, &self.reader()).map_err(log_error)?;
        let mut text = format!("{PROOF_HEADER}\nindex {index}\n");
        for hash in &hashes {
            text.push_str(&STANDARD.encode(hash.0));
            text.push('\n');
        }
        text.push('\n');
        text.push_str(&head.note);
        Ok(text)
    }

    /// RFC 6962 consistency proof from `from` to `head`, base64 hashes. Empty where there is nothing to
    /// prove: from 0, from the same size, or from a size the log does not have (the asking side sees that
    /// in the checkpoint and raises the alarm).
    ///
    /// # Errors
    /// Those of the database.
    pub fn consistency(&self, from: u64, head: &Head) -> Result<Vec<String>> {
        if from == 0 || from >= head.size {
            return Ok(Vec::new());
        }
        let hashes = prove_tree(head.size, from, &self.reader()).map_err(log_error)?;
        Ok(hashes.iter().map(|hash| STANDARD.encode(hash.0)).collect())
    }

    /// Newest time entry; appended now if there is none yet.
    ///
    /// # Errors
    /// Those of the database.
    pub fn newest_time(&self, clock: &dyn Clock) -> Result<Leaf> {
        match self.repo.newest_leaf(KIND_TIME)? {
            Some(leaf) => Ok(leaf),
            None => self.append_time(clock),
        }
    }
}

#[cfg(test)]
mod tests;
