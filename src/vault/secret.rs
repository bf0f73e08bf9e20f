//! The device secret: what makes a copy of the data folder useless without this device.
//!
//! Every key of the handheld is derived from, or wrapped under something derived from, this secret. It
//! sits behind a trait because the place differs: here a file (the weakest kind, shown and written into
//! every bundle as `key_protection`), later a TPM, OP-TEE or the kernel's key ring (evidence.md §1).

use std::fmt;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ring::rand::{SecureRandom, SystemRandom};
use secrecy::SecretString;
use spotcheck_app::ports::Key256;
use spotcheck_domain::Entropy;
use spotcheck_domain::vocabulary::KeyProtection;
use zeroize::Zeroizing;

use crate::atomic;
use crate::crypto::hkdf;
use crate::error::VaultError;

/// Name of the file kind's secret in the data folder.
pub const SECRET_FILE: &str = "device.secret";

/// Derives keys from a secret that stays where it is.
pub trait DeviceSecret: Send {
    /// The kind, for the screen and for statement.json.
    fn protection(&self) -> KeyProtection;

    /// A key for `purpose`, separated further by `context` (a salt, an id; may be empty). Equal input,
    /// equal key, on this device only.
    ///
    /// # Errors
    /// The hardware refuses.
    fn derive(&self, purpose: &str, context: &[u8]) -> Result<Key256, VaultError>;

    /// As [`DeviceSecret::derive`], with the random bytes of generation `slot` (0 or 1) where hardware keeps
    /// some: what was derived from a retired generation can never be derived again.
    ///
    /// # Errors
    /// The hardware refuses, or the generation is gone.
    fn derive_generation(
        &self,
        purpose: &str,
        context: &[u8],
        _slot: u8,
    ) -> Result<Key256, VaultError> {
        self.derive(purpose, context)
    }

    /// Begins a generation with these random bytes.
    ///
    /// # Errors
    /// The hardware refuses.
    fn renew(&self, _slot: u8, _fresh: &Key256) -> Result<(), VaultError> {
        Ok(())
    }

    /// Destroys a generation for good. Without hardware nothing can be: the record says "best effort".
    ///
    /// # Errors
    /// The hardware refuses.
    fn retire(&self, _slot: u8) -> Result<(), VaultError> {
        Ok(())
    }

    /// Seals a share of a PIN's key so that the hardware counts wrong `auth`; `None` without such hardware.
    ///
    /// # Errors
    /// The hardware refuses.
    fn seal_pin(&self, _auth: &Key256, _share: &Key256) -> Result<Option<Vec<u8>>, VaultError> {
        Ok(None)
    }

    /// Gives the share back; `None` if `auth` is wrong.
    ///
    /// # Errors
    /// [`VaultError::PinLocked`] after too many wrong ones; the hardware is another one.
    fn open_pin(&self, _object: &[u8], _auth: &Key256) -> Result<Option<Key256>, VaultError> {
        Err(VaultError::TpmOther("made with a TPM, and there is none".to_owned()))
    }
}

/// A second factor in the officer's hand: its private key never leaves it.
pub trait Token: Send {
    /// A new share of a key, and what the token needs to give it back. `pin` is the token's own; `like` is what an
    /// earlier call gave: of several tokens in the readers it must be the same one again.
    ///
    /// # Errors
    /// [`VaultError::TokenPin`]; no token, another one than `like`'s, or a key of another kind on it.
    fn enrol(
        &self,
        pin: &SecretString,
        like: Option<&[u8]>,
        entropy: &dyn Entropy,
    ) -> Result<(Vec<u8>, Key256), VaultError>;

    /// The share again.
    ///
    /// # Errors
    /// [`VaultError::TokenPin`], [`VaultError::Token`] if it is not there or is another one.
    fn open(&self, pin: &SecretString, object: &[u8]) -> Result<Key256, VaultError>;
}

/// A token, and the PIN its officer typed for it.
#[derive(Clone, Copy)]
pub(crate) struct TokenInHand<'a> {
    pub(crate) token: &'a dyn Token,
    pub(crate) pin: &'a SecretString,
}

/// Whether a new wrap takes a token as a factor.
#[derive(Clone, Copy)]
pub(crate) enum TokenFactor<'a> {
    None,
    /// The one of this factor; the first that fits where there was none before.
    Token(Option<&'a [u8]>),
}

impl<'a> TokenFactor<'a> {
    /// The same as another wrap has.
    pub(crate) fn like(object: Option<&'a [u8]>) -> Self {
        object.map_or(Self::None, |object| Self::Token(Some(object)))
    }
}

/// 32 random bytes in a file of mode 0600.
pub struct FileSecret {
    bytes: Key256,
}

impl fmt::Debug for FileSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FileSecret")
    }
}

impl FileSecret {
    /// Reads the secret, or makes it once; durable before it is used for anything.
    ///
    /// # Errors
    /// A file of another length is damaged and is left alone: replacing it would lose everything.
    pub fn open_or_create(data: &Path, entropy: &dyn Entropy) -> Result<Self, VaultError> {
        let path = data.join(SECRET_FILE);
        let mut bytes = Key256::default();
        if let Some(stored) = atomic::read_if_there(&path)?.map(Zeroizing::new) {
            if stored.len() != bytes.len() {
                return Err(VaultError::SecretDamaged);
            }
            bytes.copy_from_slice(&stored);
            let mode =
                fs::metadata(&path).map_err(VaultError::io("read secret"))?.permissions().mode();
            if mode & 0o077 != 0 {
                tracing::warn!(
                    "The device secret was readable by others; its mode was set to 0600."
                );
                fs::set_permissions(&path, fs::Permissions::from_mode(0o600))
                    .map_err(VaultError::io("protect secret"))?;
            }
        } else {
            entropy.fill(bytes.as_mut_slice());
            atomic::write_durable(&path, bytes.as_slice())?;
        }
        Ok(Self { bytes })
    }
}

impl DeviceSecret for FileSecret {
    fn protection(&self) -> KeyProtection {
        KeyProtection::File
    }

    fn derive(&self, purpose: &str, context: &[u8]) -> Result<Key256, VaultError> {
        hkdf(context, &[self.bytes.as_slice()], purpose)
    }
}

/// The operating system's random source (ring).
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        if SystemRandom::new().fill(buffer).is_err() {
            // The contract of the port: no randomness, no program.
            std::process::abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_made_once_and_kept_private() {
        let dir = tempfile::tempdir().unwrap();
        let first = FileSecret::open_or_create(dir.path(), &SystemEntropy).unwrap();
        let path = dir.path().join(SECRET_FILE);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let again = FileSecret::open_or_create(dir.path(), &SystemEntropy).unwrap();
        assert_eq!(first.derive("p", b"").unwrap(), again.derive("p", b"").unwrap());
        assert_ne!(first.derive("p", b"").unwrap(), first.derive("q", b"").unwrap());
        assert_ne!(first.derive("p", b"").unwrap(), first.derive("p", b"1").unwrap());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(&path, b"short").unwrap();
        assert!(matches!(
            FileSecret::open_or_create(dir.path(), &SystemEntropy),
            Err(VaultError::SecretDamaged)
        ));
        assert_eq!(fs::read(&path).unwrap(), b"short", "a damaged secret is left alone");
    }
}
