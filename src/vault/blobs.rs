//! Blobs of a case: age v1 files named by the SHA-256 of their ciphertext.
//!
//! Writing needs public keys only, so capture goes on while locked and a stolen running device cannot read
//! back what it wrote. The name is the content's hash: a blob cannot be exchanged unnoticed, upload needs
//! no second index, and storing the same bytes twice does no harm. Small files are one blob, recordings
//! one per segment (evidence.md §1).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use age::x25519::Recipient;
use ring::digest::{Context, SHA256};
use spotcheck_app::ports::{Blob, BlobVault, RecordingBytes, StoredFile};
use spotcheck_domain::{CaseId, TroubleResult};
use spotcheck_evidence::{FileHashes, Hash32};
use zeroize::Zeroizing;

use crate::atomic;
use crate::error::VaultError;
use crate::sealing;
use crate::vault::{Inner, Recipients, Vault};

const BLOBS: &str = "blobs";

/// Folder of the blobs inside a case's folder.
pub(crate) fn folder(case_folder: &Path) -> PathBuf {
    case_folder.join(BLOBS)
}

/// File of a blob; `None` if the hash is not one (nothing from outside becomes a path).
fn path_of(case_folder: &Path, ciphertext_sha256: &str) -> Option<PathBuf> {
    let hash = Hash32::parse(ciphertext_sha256)?;
    Some(folder(case_folder).join(format!("{hash}.age")))
}

/// A sealed blob that is durable under a temporary name and not yet visible.
pub(crate) struct StagedBlob {
    pub(crate) blob: Blob,
    temp: PathBuf,
    path: PathBuf,
}

impl StagedBlob {
    /// Gives the blob its name; durable on return.
    pub(crate) fn publish(self) -> Result<Blob, VaultError> {
        atomic::publish(&self.temp, &self.path)?;
        Ok(self.blob)
    }
}

/// Seals the joined parts as blob `index` of the file `path` and makes the bytes durable. A blob's list has
/// SHA-256 only: the SM3 of a file runs along once, over the whole of it.
pub(crate) fn stage<'a>(
    case_folder: &Path,
    to: &[Recipient],
    intake_id: &str,
    (path, index): (&str, u32),
    parts: impl Iterator<Item = &'a [u8]> + Clone,
) -> Result<StagedBlob, VaultError> {
    let mut plaintext = Context::new(&SHA256);
    let mut size = 0_u64;
    for part in parts.clone() {
        plaintext.update(part);
        size = size.saturating_add(u64::try_from(part.len()).unwrap_or(u64::MAX));
    }
    let sealed = sealing::seal_parts(to, parts)?;
    let hash = Hash32::sha256(&sealed);
    let blobs = folder(case_folder);
    atomic::create_folder(&blobs)?;
    let target = blobs.join(format!("{hash}.age"));
    let temp = atomic::stage(&target, &sealed)?;
    let blob = Blob {
        path: path.to_owned(),
        index,
        ciphertext_sha256: hash.to_string(),
        ciphertext_size: u64::try_from(sealed.len()).unwrap_or(u64::MAX),
        plaintext_sha256: hex::encode(plaintext.finish()),
        size,
        intake_id: intake_id.to_owned(),
    };
    Ok(StagedBlob { blob, temp, path: target })
}

/// Stores a file whole as one blob; durable on return. Public keys are all that is needed.
///
/// # Errors
/// [`VaultError::Recipient`] or an I/O failure.
pub fn put(
    case_folder: &Path,
    recipients: &Recipients,
    path: &str,
    plaintext: &[u8],
) -> Result<StoredFile, VaultError> {
    let to = recipients.parse()?;
    let id = &recipients.intake_id;
    // SM3 is the slowest part of a capture and has no instruction of its own: another core does it meanwhile.
    // SHA-256 is not asked for twice: of a file in one piece the blob has it.
    let (sm3, staged) = std::thread::scope(|scope| {
        let sm3 = scope.spawn(|| Hash32::sm3(plaintext));
        let staged = stage(case_folder, &to, id, (path, 0), std::iter::once(plaintext));
        (sm3.join(), staged)
    });
    let sm3 = sm3.map_err(|_| VaultError::Crypto("hashing"))?;
    let blob = staged?.publish()?;
    let sha256 = Hash32::parse(&blob.plaintext_sha256).ok_or(VaultError::Crypto("hashing"))?;
    let hashes = FileHashes { sha256, sm3, size: blob.size };
    Ok(stored(path, &hashes, vec![blob]))
}

/// A file as the ports describe it.
pub(crate) fn stored(path: &str, hashes: &FileHashes, blobs: Vec<Blob>) -> StoredFile {
    StoredFile {
        path: path.to_owned(),
        sha256: hashes.sha256.to_string(),
        sm3: hashes.sm3.to_string(),
        size: hashes.size,
        blobs,
    }
}

/// True if the blob has its name.
pub(crate) fn exists(case_folder: &Path, blob: &Blob) -> bool {
    path_of(case_folder, &blob.ciphertext_sha256).is_some_and(|path| path.exists())
}

/// The age bytes of a blob, checked against their hash.
pub(crate) fn ciphertext(case_folder: &Path, blob: &Blob) -> Result<Vec<u8>, VaultError> {
    let missing = || VaultError::BlobMissing(blob.ciphertext_sha256.clone());
    let path = path_of(case_folder, &blob.ciphertext_sha256).ok_or_else(missing)?;
    let bytes = atomic::read_if_there(&path)?.ok_or_else(missing)?;
    if Hash32::sha256(&bytes).to_string() == blob.ciphertext_sha256 {
        Ok(bytes)
    } else {
        Err(VaultError::BlobDamaged(blob.ciphertext_sha256.clone()))
    }
}

/// The plaintext of a blob, checked against its hash and size.
pub(crate) fn plaintext(
    case_folder: &Path,
    identity: &age::x25519::Identity,
    blob: &Blob,
) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let damaged = || VaultError::BlobDamaged(blob.ciphertext_sha256.clone());
    let sealed = ciphertext(case_folder, blob)?;
    let plain = sealing::open(identity, &sealed).ok_or_else(damaged)?;
    let same = Hash32::sha256(&plain).to_string() == blob.plaintext_sha256
        && u64::try_from(plain.len()).is_ok_and(|size| size == blob.size);
    if same { Ok(plain) } else { Err(damaged()) }
}

impl Vault {
    /// The same with a good copy fetched where the one here is damaged or gone, once.
    pub(crate) fn mended<T>(
        &self,
        case: &CaseId,
        blobs: &[Blob],
        read: impl Fn() -> Result<T, VaultError>,
    ) -> Result<T, VaultError> {
        match read() {
            Err(VaultError::BlobMissing(_) | VaultError::BlobDamaged(_)) if self.has_spare() => {
                let folder = self.case_folder(case);
                for blob in blobs.iter().filter(|blob| ciphertext(&folder, blob).is_err()) {
                    self.mend(case, blob);
                }
                read()
            }
            other => other,
        }
    }

    pub(crate) fn has_spare(&self) -> bool {
        self.state().spare.is_some()
    }

    /// Fetches a good copy of a blob from where copies of this case lie; false if there is none. The damaged file
    /// is replaced by what its name says it is.
    pub(crate) fn mend(&self, case: &CaseId, blob: &Blob) -> bool {
        self.mend_named(case, &blob.ciphertext_sha256)
    }

    fn mend_named(&self, case: &CaseId, ciphertext_sha256: &str) -> bool {
        // Not held while it is fetched: the link asks this vault for its keys.
        let (folder, spare) = {
            let state = self.state();
            (state.case_folder(case), state.spare.clone())
        };
        let Some(path) = path_of(&folder, ciphertext_sha256) else { return false };
        let name = format!("{ciphertext_sha256}.age");
        let found = spare.and_then(|spare| spare.blob(self, case, &name));
        let fits = |bytes: &Vec<u8>| Hash32::sha256(bytes).to_string() == ciphertext_sha256;
        let Some(bytes) = found.filter(fits) else { return false };
        match atomic::write_durable(&path, &bytes) {
            Ok(()) => {
                tracing::warn!(%case, name, "A blob was fetched again from its second copy.");
                true
            }
            Err(error) => {
                tracing::error!(%case, name, %error, "A good copy of a blob could not be stored.");
                false
            }
        }
    }

    fn looked_over(
        &self,
        case: &CaseId,
        most: u64,
        known: &mut BTreeSet<String>,
    ) -> Result<Vec<String>, VaultError> {
        let (mut read, mut bad) = (0_u64, Vec::new());
        let blobs = folder(&self.case_folder(case));
        for name in atomic::names(&blobs)? {
            let Some(hash) = name.strip_suffix(".age").filter(|h| Hash32::parse(h).is_some())
            else {
                continue;
            };
            if known.contains(hash) {
                continue;
            }
            if read >= most {
                break;
            }
            let bytes = atomic::read_if_there(&blobs.join(&name))?.unwrap_or_default();
            if Hash32::sha256(&bytes).to_string() == hash || self.mend_named(case, hash) {
                // Damaged ones do not count: they are read each time, and the others must have their turn.
                read = read.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
                known.insert(hash.to_owned());
            } else {
                bad.push(hash.to_owned());
            }
        }
        Ok(bad)
    }
}

impl Inner {
    fn read(&mut self, case: &CaseId, file: &StoredFile) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let folder = self.case_folder(case);
        let identity = &self.case_keys(case)?.identity;
        let mut whole = Zeroizing::new(Vec::new());
        for (at, blob) in (0_u32..).zip(&file.blobs) {
            if blob.index != at || blob.path != file.path {
                return Err(VaultError::BlobDamaged(blob.ciphertext_sha256.clone()));
            }
            let part = plaintext(&folder, identity, blob)?;
            if whole.is_empty() {
                // The usual case, one blob, is moved and not copied.
                whole = part;
            } else {
                // Grow into a new buffer, so that the old one is wiped and not left to the allocator.
                let mut grown =
                    Zeroizing::new(Vec::with_capacity(whole.len().saturating_add(part.len())));
                grown.extend_from_slice(&whole);
                grown.extend_from_slice(&part);
                whole = grown;
            }
        }
        if Hash32::sha256(&whole).to_string() == file.sha256 {
            Ok(whole)
        } else {
            Err(VaultError::BlobDamaged(file.path.clone()))
        }
    }
}

impl BlobVault for Vault {
    fn handle(&self) -> Box<dyn BlobVault> {
        Box::new(self.clone())
    }

    fn put(&mut self, case: &CaseId, path: &str, plaintext: &[u8]) -> TroubleResult<StoredFile> {
        // The state is not held while encrypting: a viewer may read meanwhile.
        let (folder, recipients) = {
            let state = self.state();
            (state.case_folder(case), state.recipients(case)?)
        };
        Ok(put(&folder, &recipients, path, plaintext)?)
    }

    fn read(&mut self, case: &CaseId, file: &StoredFile) -> TroubleResult<Zeroizing<Vec<u8>>> {
        Ok(self.mended(case, &file.blobs, || self.state().read(case, file))?)
    }

    fn ciphertext(&mut self, case: &CaseId, blob: &Blob) -> TroubleResult<Vec<u8>> {
        let folder = self.case_folder(case);
        Ok(self.mended(case, std::slice::from_ref(blob), || ciphertext(&folder, blob))?)
    }

    fn recording(
        &self,
        case: &CaseId,
        path: &str,
        file: Option<&StoredFile>,
    ) -> TroubleResult<Box<dyn RecordingBytes>> {
        Ok(self.reading(case, path, file)?)
    }

    fn recording_log(
        &mut self,
        case: &CaseId,
        path: &str,
        file: Option<&StoredFile>,
    ) -> TroubleResult<Zeroizing<Vec<u8>>> {
        self.log_so_far(case, path, file)
    }

    fn lies(&mut self, case: &CaseId, blob: &Blob) -> TroubleResult<bool> {
        let path = path_of(&self.case_folder(case), &blob.ciphertext_sha256);
        let found = path.and_then(|path| std::fs::metadata(path).ok());
        Ok(found.is_some_and(|found| found.len() == blob.ciphertext_size))
    }

    fn look_over(
        &mut self,
        case: &CaseId,
        most: u64,
        known: &mut BTreeSet<String>,
    ) -> TroubleResult<Vec<String>> {
        Ok(self.looked_over(case, most, known)?)
    }

    fn remove_shredded(&mut self, case: &CaseId) -> TroubleResult<()> {
        let state = self.state();
        if matches!(state.case_recipient(case), Err(VaultError::CaseShredded(_))) {
            atomic::remove_folder(&state.case_folder(case))?;
        }
        Ok(())
    }
}
