//! The vault of one handheld: one object behind two ports.
//!
//! Reading a blob needs the case identity that unlocking gave, and sending needs keys and blobs at the
//! same time; so `Vault` is a cheap handle to one shared state, and each port gets a handle of its own.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use age::x25519::{Identity, Recipient};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use spotcheck_app::ports::{DeviceEnrolment, Key256, KeyRing};
use spotcheck_domain::{CaseId, Clock, Entropy, OfficerId};
use zeroize::Zeroizing;

use crate::atomic;
use crate::crypto::Argon2Cost;
use crate::error::VaultError;
use crate::keysdb::KeysDb;
use crate::sealing;
use crate::secret::{DeviceSecret, FileSecret, SECRET_FILE, Token};

/// What may differ between the product and tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VaultOptions {
    /// Cost of new PIN wraps; weaker ones are raised when their officer unlocks or signs.
    pub argon2: Argon2Cost,
}

impl VaultOptions {
    /// The product's costs.
    pub const STANDARD: Self = Self { argon2: Argon2Cost::STANDARD };

    /// Fast PIN wraps, for tests only: they protect nothing.
    pub const TESTS_ONLY: Self = Self { argon2: Argon2Cost::TESTS_ONLY };
}

impl Default for VaultOptions {
    fn default() -> Self {
        Self::STANDARD
    }
}

/// The public keys a case's files are encrypted to. No secret: the recorder process gets exactly this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipients {
    /// The case, `age1…`.
    pub case: String,
    /// The centre's intake, `age1…`.
    pub intake: String,
    /// The escrow, `age1…`.
    pub escrow: String,
    /// Id of the intake key, recorded per blob.
    pub intake_id: String,
}

impl Recipients {
    pub(crate) fn parse(&self) -> Result<[Recipient; 3], VaultError> {
        Ok([
            sealing::recipient(&self.case, "case")?,
            sealing::recipient(&self.intake, "intake")?,
            sealing::recipient(&self.escrow, "escrow")?,
        ])
    }
}

/// Keys of one case, in memory while unlocked.
pub(crate) struct CaseKeys {
    pub(crate) db_key: Key256,
    pub(crate) identity: Identity,
    /// Secret text of `identity`, as it is wrapped.
    pub(crate) identity_text: Zeroizing<String>,
}

/// What unlocking gave; dropped as a whole by locking. `Identity` and `Zeroizing` wipe themselves.
pub(crate) struct Unlocked {
    pub(crate) officer: OfficerId,
    pub(crate) identity: Identity,
    pub(crate) package: Option<Identity>,
    pub(crate) cases: BTreeMap<CaseId, CaseKeys>,
}

pub(crate) struct Inner {
    pub(crate) data: PathBuf,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) options: VaultOptions,
    pub(crate) secret: Box<dyn DeviceSecret>,
    pub(crate) token: Option<Box<dyn Token>>,
    /// What officers typed for their tokens; forgotten at locking.
    pub(crate) token_pins: BTreeMap<OfficerId, SecretString>,
    pub(crate) db: KeysDb,
    pub(crate) unlocked: Option<Unlocked>,
    pub(crate) spare: Option<Arc<dyn Spare>>,
}

/// Where copies of this handheld's blobs lie.
pub trait Spare: Send + Sync {
    /// A file of the second copy of a case, by its name; `None` where none is to be had now. `keys` are those of
    /// this handheld, for the link to another one. What comes is checked by whoever asked.
    fn blob(&self, keys: &dyn KeyRing, case: &CaseId, name: &str) -> Option<Vec<u8>>;
}

/// Keys and blobs of one data folder. Clones share one state; see the ports
/// [`KeyRing`](spotcheck_app::ports::KeyRing) and [`BlobVault`](spotcheck_app::ports::BlobVault).
#[derive(Clone)]
pub struct Vault {
    pub(crate) inner: Arc<Mutex<Inner>>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault")
    }
}

impl Vault {
    /// Opens the vault of a data folder, or makes device secret and keys.db once in a new one. The caller
    /// holds `DATA/lock`: one process per data folder.
    ///
    /// # Errors
    /// [`VaultError::Missing`] if the secret or keys.db is gone while the other, or a case, is there: an
    /// empty one is never made in its place (R25, R31). [`VaultError::KeysUnreadable`],
    /// [`VaultError::KeysNewer`], [`VaultError::SecretDamaged`], or an I/O failure.
    pub fn open(
        data: &Path,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        options: VaultOptions,
    ) -> Result<Self, VaultError> {
        Self::open_on(data, None, clock, entropy, options)
    }

    /// [`Vault::open`] on a machine that may have a TPM, by its TCTI (`device:/dev/tpmrm0`). A new data
    /// folder gets its secret there, or in a file if the TPM does not let us; one that has a secret keeps
    /// its kind.
    ///
    /// # Errors
    /// As [`Vault::open`], and where the secret lies in a TPM that is not there or is another one.
    pub fn open_on(
        data: &Path,
        tpm: Option<&str>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        options: VaultOptions,
    ) -> Result<Self, VaultError> {
        atomic::create_folder(data)?;
        atomic::sweep_temps(data)?;
        let has_keys = data.join(crate::keysdb::KEYS_FILE).exists();
        let has_file = data.join(SECRET_FILE).exists();
        let secret = match hardware(data, tpm, has_keys || has_file, entropy.as_ref())? {
            Some(secret) => secret,
            None if has_keys && !has_file => return Err(VaultError::Missing(SECRET_FILE)),
            None => Box::new(FileSecret::open_or_create(data, entropy.as_ref())?),
        };
        Self::open_with(data, secret, clock, entropy, options)
    }

    /// Says where tokens are found: a second factor for officers who asked for one.
    pub fn set_token(&self, token: Option<Box<dyn Token>>) {
        self.state().token = token;
    }

    /// Says where a good copy of a blob that is damaged or gone may be had.
    pub fn set_spare(&self, spare: Arc<dyn Spare>) {
        self.state().spare = Some(spare);
    }

    /// Opens with a device secret of another kind.
    ///
    /// # Errors
    /// As [`Vault::open`].
    pub fn open_with(
        data: &Path,
        secret: Box<dyn DeviceSecret>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        options: VaultOptions,
    ) -> Result<Self, VaultError> {
        let db = KeysDb::open(data, secret.as_ref(), entropy.as_ref())?;
        let data = data.to_owned();
        let (token, token_pins, unlocked, spare) = (None, BTreeMap::new(), None, None);
        let inner =
            Inner { data, clock, entropy, options, secret, token, token_pins, db, unlocked, spare };
        Ok(Self { inner: Arc::new(Mutex::new(inner)) })
    }

    /// Folder of a case: `DATA/cases/<case>`.
    #[must_use]
    pub fn case_folder(&self, case: &CaseId) -> PathBuf {
        self.state().case_folder(case)
    }

    /// What the recorder process needs to encrypt for a case. Works while locked.
    ///
    /// # Errors
    /// Not enrolled, unknown or shredded case.
    pub fn recipients(&self, case: &CaseId) -> Result<Recipients, VaultError> {
        self.state().recipients(case)
    }

    /// Cases whose keys are here (not shredded), oldest first. Works while locked.
    ///
    /// # Errors
    /// keys.db cannot be read.
    pub fn cases(&self) -> Result<Vec<CaseId>, VaultError> {
        self.state().cases()
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The secret of a folder that has one in a TPM, or a new one there.
#[cfg(feature = "tpm")]
fn hardware(
    data: &Path,
    tpm: Option<&str>,
    in_use: bool,
    entropy: &dyn Entropy,
) -> Result<Option<Box<dyn DeviceSecret>>, VaultError> {
    use crate::tpm::{TPM_FILE, TpmSecret};
    let no_tpm = || VaultError::Tpm("none is configured or found".to_owned());
    if data.join(TPM_FILE).exists() {
        return Ok(Some(Box::new(TpmSecret::open(data, tpm.ok_or_else(no_tpm)?)?)));
    }
    let Some(tpm) = tpm.filter(|_| !in_use) else { return Ok(None) };
    match TpmSecret::create(data, tpm, entropy) {
        Ok(secret) => Ok(Some(Box::new(secret))),
        Err(error) => {
            // Shown as what it is: the kind of protection is told and recorded.
            tracing::warn!(%error, "The TPM cannot be used; keys are protected by a file.");
            Ok(None)
        }
    }
}

/// Built without a TPM: a folder whose secret lies in one is refused, never made anew.
#[cfg(not(feature = "tpm"))]
fn hardware(
    data: &Path,
    _tpm: Option<&str>,
    _in_use: bool,
    _entropy: &dyn Entropy,
) -> Result<Option<Box<dyn DeviceSecret>>, VaultError> {
    if data.join("device.tpm").exists() {
        return Err(VaultError::Tpm("this program was built without".to_owned()));
    }
    Ok(None)
}

impl Inner {
    pub(crate) fn case_folder(&self, case: &CaseId) -> PathBuf {
        self.data.join("cases").join(case.as_str())
    }

    pub(crate) fn recipients(&self, case: &CaseId) -> Result<Recipients, VaultError> {
        let enrolment = self.enrolled()?;
        let case_recipient = self.case_recipient(case)?;
        // A case stays with the intake key it was begun with: `<case>.keys.age` opens for no other, and one case
        // under two keys would need both for as long as it lives.
        let (intake, intake_id) =
            self.case_intake(case)?.unwrap_or((enrolment.intake, enrolment.intake_id));
        Ok(Recipients { case: case_recipient, intake, escrow: enrolment.escrow, intake_id })
    }

    pub(crate) fn enrolled(&self) -> Result<DeviceEnrolment, VaultError> {
        self.enrolment()?.ok_or(VaultError::NotEnrolled)
    }

    pub(crate) fn opened(&self) -> Result<&Unlocked, VaultError> {
        self.unlocked.as_ref().ok_or(VaultError::Locked)
    }
}
