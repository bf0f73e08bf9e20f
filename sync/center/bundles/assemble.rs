//! Opening blobs and checking every hash that was announced, in a stream.

use std::fs::File;
use std::io::{BufReader, Read, Seek};

use age::Decryptor;
use age::stream::StreamReader;
use age::x25519::Identity;
use ring::digest::{Context, SHA256};
use spotcheck_wire::bundles::{AnnouncedBlob, AnnouncedFile};

use crate::centre::Centre;
use crate::intake::{case_identity, intake_identity};
use crate::objects::hash_reader;
use crate::{Error, Result};

/// Plaintext of a blob, seekable.
pub(crate) type BlobReader = StreamReader<BufReader<File>>;

/// What checking a payload file found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BlobCheck {
    /// All hashes hold; CRC-32 of the whole plaintext.
    Good(u32),
    /// Stable code of what does not hold.
    Bad(&'static str),
}

/// Opens the blobs of a bundle with the intake identities they name, each read from the database once; where one
/// was retired, with the identity of the bundle's case.
pub(crate) struct Opener<'a> {
    centre: &'a Centre,
    bundle: String,
    known: std::collections::BTreeMap<String, Option<Identity>>,
    /// Opens everything in their place: escrow, when they are lost.
    instead: Option<Identity>,
}

impl<'a> Opener<'a> {
    pub(crate) fn new(centre: &'a Centre, bundle: &str) -> Self {
        let known = std::collections::BTreeMap::new();
        Self { centre, bundle: bundle.to_owned(), known, instead: None }
    }

    /// Opens every blob with this identity, whatever key it names.
    pub(crate) fn with(centre: &'a Centre, bundle: &str, identity: Identity) -> Self {
        Self { instead: Some(identity), ..Self::new(centre, bundle) }
    }

    fn identity(&mut self, id: &str) -> Result<Option<Identity>> {
        if self.instead.is_some() {
            return Ok(self.instead.clone());
        }
        if !self.known.contains_key(id) {
            let found = match intake_identity(self.centre.repo(), id) {
                Ok(identity) => Some(identity),
                Err(Error::NotFound { .. }) => case_identity(self.centre.repo(), &self.bundle)?,
                Err(error) => return Err(error),
            };
            self.known.insert(id.to_owned(), found);
        }
        Ok(self.known.get(id).cloned().flatten())
    }

    /// `None` if the blob is not for an intake key of ours, or no age file.
    pub(crate) fn open(&mut self, blob: &AnnouncedBlob) -> Result<Option<BlobReader>> {
        let Some(identity) = self.identity(&blob.intake_id)? else { return Ok(None) };
        open_blob(self.centre, &blob.ciphertext_sha256, &identity)
    }

    /// Checks ciphertext, plaintext and file hashes of one payload file.
    pub(crate) fn check(&mut self, file: &AnnouncedFile) -> Result<BlobCheck> {
        let mut whole = Context::new(&SHA256);
        let mut sum = crc32fast::Hasher::new();
        let mut total = 0_u64;
        for blob in &file.blobs {
            let mut stored = self.centre.objects().open_object(&blob.ciphertext_sha256)?;
            let (sha256, size) = hash_reader(&mut stored)?;
            if sha256 != blob.ciphertext_sha256 || size != blob.ciphertext_size {
                return Ok(BlobCheck::Bad("BLOB-CIPHERTEXT"));
            }
            let Some(mut reader) = self.open(blob)? else {
                return Ok(BlobCheck::Bad("BLOB-NOT-OURS"));
            };
            let mut part = Context::new(&SHA256);
            let mut length = 0_u64;
            let mut buffer = vec![0_u8; 64 * 1024];
            loop {
                let Ok(n) = reader.read(&mut buffer) else {
                    return Ok(BlobCheck::Bad("BLOB-CUT"));
                };
                let Some(block) = buffer.get(..n).filter(|b| !b.is_empty()) else { break };
                part.update(block);
                whole.update(block);
                sum.update(block);
                length = length.saturating_add(u64::try_from(n).unwrap_or(u64::MAX));
            }
            if length != blob.size || hex::encode(part.finish().as_ref()) != blob.plaintext_sha256 {
                return Ok(BlobCheck::Bad("BLOB-PLAINTEXT"));
            }
            total = total.saturating_add(length);
        }
        if total != file.size || hex::encode(whole.finish().as_ref()) != file.sha256 {
            return Ok(BlobCheck::Bad("FILE-HASH"));
        }
        Ok(BlobCheck::Good(sum.finalize()))
    }
}

/// Opens a stored blob with an identity; `None` if it is not for it, or no age file.
///
/// # Errors
/// The blob is not stored, or cannot be read.
pub(crate) fn open_blob(
    centre: &Centre,
    sha256: &str,
    identity: &Identity,
) -> Result<Option<BlobReader>> {
    let mut file = centre.objects().open_object(sha256)?;
    file.rewind().map_err(Error::io("read an object"))?;
    let Ok(decryptor) = Decryptor::new_buffered(BufReader::new(file)) else { return Ok(None) };
    Ok(decryptor.decrypt(std::iter::once(identity as &dyn age::Identity)).ok())
}
