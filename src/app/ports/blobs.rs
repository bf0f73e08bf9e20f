//! Encrypted files of a case.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use spotcheck_domain::{CaseId, TroubleResult};
use zeroize::Zeroizing;

use super::RecordingBytes;

/// One segment (or whole small file) in the vault: the unit of upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blob {
    /// Path in the bag.
    pub path: String,
    /// 0, 1 … ; the file is the concatenation of the plaintexts.
    pub index: u32,
    /// Lower-case hex over the age file.
    pub ciphertext_sha256: String,
    /// Bytes of the age file.
    pub ciphertext_size: u64,
    /// Lower-case hex over this segment's plaintext.
    pub plaintext_sha256: String,
    /// Bytes of this segment's plaintext.
    pub size: u64,
    /// Id of the intake key it is encrypted to.
    pub intake_id: String,
}

/// A whole payload file as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredFile {
    /// Path in the bag.
    pub path: String,
    /// SHA-256 of the whole plaintext, lower-case hex.
    pub sha256: String,
    /// SM3 of the whole plaintext, lower-case hex.
    pub sm3: String,
    /// Bytes of plaintext.
    pub size: u64,
    /// Segments in order.
    pub blobs: Vec<Blob>,
}

/// Encrypted blobs of a case. Implemented by `vault`.
pub trait BlobVault: Send {
    /// Another handle to the same blobs, for work beside the desk.
    fn handle(&self) -> Box<dyn BlobVault>;
    /// Encrypts a small file whole to case, intake and escrow; fsync on file and folder before it returns.
    /// Needs no unlocking.
    fn put(&mut self, case: &CaseId, path: &str, plaintext: &[u8]) -> TroubleResult<StoredFile>;
    /// The whole plaintext of a file; needs unlocking by an officer of the case. For page images and
    /// prints, not for long media.
    fn read(&mut self, case: &CaseId, file: &StoredFile) -> TroubleResult<Zeroizing<Vec<u8>>>;
    /// The age bytes of one blob, for upload: works while locked.
    fn ciphertext(&mut self, case: &CaseId, blob: &Blob) -> TroubleResult<Vec<u8>>;
    /// The plaintext of a recording, part by part, also while it is still written. `file`: how it ended, if it has.
    fn recording(
        &self,
        case: &CaseId,
        path: &str,
        file: Option<&StoredFile>,
    ) -> TroubleResult<Box<dyn RecordingBytes>>;
    /// The log of a recording as far as it is written (`*.log.jsonl`). `file`: of one that has ended.
    fn recording_log(
        &mut self,
        case: &CaseId,
        path: &str,
        file: Option<&StoredFile>,
    ) -> TroubleResult<Zeroizing<Vec<u8>>>;
    /// True if a blob lies there with its size; says nothing about its bytes and so costs next to nothing.
    fn lies(&mut self, _case: &CaseId, _blob: &Blob) -> TroubleResult<bool> {
        Ok(true)
    }
    /// Reads blobs that are not in `known`, until `most` bytes are read: those that have the hash that their name
    /// is, or have it again from a second copy, are `known` from now on; the others are returned. Works while locked.
    fn look_over(
        &mut self,
        _case: &CaseId,
        _most: u64,
        _known: &mut BTreeSet<String>,
    ) -> TroubleResult<Vec<String>> {
        Ok(Vec::new())
    }
    /// Removes the folder of a case whose keys were destroyed; does nothing for any other.
    fn remove_shredded(&mut self, case: &CaseId) -> TroubleResult<()>;
}
