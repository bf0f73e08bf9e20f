//! age v1 files (C2SP) in memory: to recipients, and back with an identity.
//!
//! Files of one blob or fragment are at most a segment long, so they are made and opened in memory: the
//! ciphertext's SHA-256 is needed before the file gets its name, and a plaintext never touches a disk.
//! age draws its file keys from the system's random source itself.

use std::io::{Read, Write};
use std::str::FromStr;

use age::x25519::{Identity, Recipient};
use age::{Decryptor, Encryptor};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::error::VaultError;

/// Overhead of an age file to three X25519 recipients is below this; used to size buffers.
const OVERHEAD_BYTES: usize = 1024;
const CHUNK_BYTES: usize = 64 * 1024;
const TAG_BYTES: usize = 16;

/// Reads a recipient; `who` names it in the error.
pub(crate) fn recipient(text: &str, who: &'static str) -> Result<Recipient, VaultError> {
    Recipient::from_str(text).map_err(|_| VaultError::Recipient(who))
}

/// Reads an identity text.
pub(crate) fn identity(text: &str) -> Option<Identity> {
    Identity::from_str(text).ok()
}

/// A new identity with its two texts.
pub(crate) fn new_identity() -> (SecretString, String) {
    let identity = Identity::generate();
    (identity.to_string(), identity.to_public().to_string())
}

/// Encrypts the parts, joined, to all recipients.
pub(crate) fn seal_parts<'a>(
    recipients: &[Recipient],
    parts: impl Iterator<Item = &'a [u8]> + Clone,
) -> Result<Vec<u8>, VaultError> {
    let failed = || VaultError::Crypto("age encryption");
    let length = parts.clone().fold(0_usize, |sum, part| sum.saturating_add(part.len()));
    let tags = length.div_euclid(CHUNK_BYTES).saturating_add(1).saturating_mul(TAG_BYTES);
    let capacity = length.saturating_add(tags).saturating_add(OVERHEAD_BYTES);
    let encryptor = Encryptor::with_recipients(recipients.iter().map(|r| r as &dyn age::Recipient))
        .map_err(|_| failed())?;
    let mut writer = encryptor.wrap_output(Vec::with_capacity(capacity)).map_err(|_| failed())?;
    for part in parts {
        writer.write_all(part).map_err(|_| failed())?;
    }
    writer.finish().map_err(|_| failed())
}

/// Encrypts bytes to all recipients.
pub(crate) fn seal(recipients: &[Recipient], plaintext: &[u8]) -> Result<Vec<u8>, VaultError> {
    seal_parts(recipients, std::iter::once(plaintext))
}

/// Decrypts a whole age file; `None` if it is not for this identity, cut or changed.
pub(crate) fn open(identity: &Identity, file: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let decryptor = Decryptor::new_buffered(file).ok()?;
    let mut reader = decryptor.decrypt(std::iter::once(identity as &dyn age::Identity)).ok()?;
    // Plaintext is shorter than the file: no reallocation, so no copy is left behind unwiped.
    let mut plaintext = Zeroizing::new(Vec::with_capacity(file.len()));
    reader.read_to_end(&mut plaintext).ok()?;
    Some(plaintext)
}

/// The public half of an identity, as text.
pub(crate) fn public_text(identity: &Identity) -> String {
    identity.to_public().to_string()
}

/// Secret text of an identity as bytes, for wrapping.
pub(crate) fn secret_bytes(text: &SecretString) -> &[u8] {
    text.expose_secret().as_bytes()
}
