//! A vault whose key store is gone, damaged or newer than this program, for a window that must open all the same.
//!
//! Whoever turns the handheld on reads what happened and what is safe instead of a dark screen. Every question that needs
//! a key is answered with the trouble that the opening met; nothing is written, and nothing is made in its place (R25, R31).

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use spotcheck_app::ports::Key256;
use spotcheck_domain::vocabulary::KeyProtection;
use spotcheck_domain::{Clock, Entropy};

use crate::error::VaultError;
use crate::keysdb::KeysDb;
use crate::secret::DeviceSecret;
use crate::vault::{Inner, Vault, VaultOptions};

/// Why nothing opens, in a form that can be told again and again.
#[derive(Debug, Clone)]
pub(crate) enum Closed {
    Unreadable(String),
    Newer { found: i64, known: i64 },
    Missing(&'static str),
    SecretDamaged,
    Tpm(String),
}

impl Closed {
    /// `None` of an error that another try may not meet, such as a full disk.
    pub(crate) fn of(error: &VaultError) -> Option<Self> {
        match error {
            VaultError::KeysUnreadable(why) => Some(Self::Unreadable(why.clone())),
            VaultError::KeysNewer { found, known } => {
                Some(Self::Newer { found: *found, known: *known })
            }
            VaultError::Missing(what) => Some(Self::Missing(what)),
            VaultError::SecretDamaged => Some(Self::SecretDamaged),
            VaultError::Tpm(why) => Some(Self::Tpm(why.clone())),
            _ => None,
        }
    }

    pub(crate) fn error(&self) -> VaultError {
        match self {
            Self::Unreadable(why) => VaultError::KeysUnreadable(why.clone()),
            Self::Newer { found, known } => VaultError::KeysNewer { found: *found, known: *known },
            Self::Missing(what) => VaultError::Missing(what),
            Self::SecretDamaged => VaultError::SecretDamaged,
            Self::Tpm(why) => VaultError::Tpm(why.clone()),
        }
    }
}

/// No secret at all.
struct NoSecret(Closed);

impl DeviceSecret for NoSecret {
    fn protection(&self) -> KeyProtection {
        KeyProtection::File
    }

    fn derive(&self, _purpose: &str, _context: &[u8]) -> Result<Key256, VaultError> {
        Err(self.0.error())
    }
}

impl Vault {
    /// The vault of a data folder that [`Vault::open_on`] refused with `error`.
    ///
    /// # Errors
    /// The error itself, where it is none of the key store's condition.
    pub fn closed(
        data: &Path,
        error: VaultError,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        options: VaultOptions,
    ) -> Result<Self, VaultError> {
        let Some(closed) = Closed::of(&error) else { return Err(error) };
        let inner = Inner {
            data: data.to_owned(),
            clock,
            entropy,
            options,
            secret: Box::new(NoSecret(closed.clone())),
            token: None,
            token_pins: BTreeMap::new(),
            db: KeysDb::closed(data, closed),
            unlocked: None,
            spare: None,
        };
        Ok(Self { inner: Arc::new(Mutex::new(inner)) })
    }
}
