//! The device secret in a TPM 2.0, and wrong PINs counted by it (evidence.md §1).
//!
//! Three things lie in the TPM, or open only with it. The *device secret*: 32 bytes sealed under the storage
//! root key, read once at start; a copy of the data folder is worth nothing elsewhere. A *share of each PIN's
//! key*: sealed with an authorisation value made of the PIN and under dictionary-attack protection, so that
//! the TPM itself counts wrong PINs and stops answering, whatever is done to the data folder. The *generation*
//! of keys.db: random bytes in an NV index that take part in its key; a shred writes new ones and removes the
//! old, and no older copy of the file opens any more, not even with this TPM.
//!
//! A context is opened for each act: nothing is left in the TPM's few slots when the program is killed. What
//! travels to the chip is encrypted in a session salted with the storage root key.

use std::path::Path;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use spotcheck_app::ports::Key256;
use spotcheck_domain::Entropy;
use spotcheck_domain::vocabulary::KeyProtection;
use tss_esapi::attributes::{
    NvIndexAttributesBuilder, ObjectAttributesBuilder, SessionAttributesBuilder,
};
use tss_esapi::constants::SessionType;
use tss_esapi::constants::response_code::Tss2ResponseCodeKind;
use tss_esapi::handles::{KeyHandle, NvIndexHandle, NvIndexTpmHandle, ObjectHandle, TpmHandle};
use tss_esapi::interface_types::algorithm::{HashingAlgorithm, PublicAlgorithm};
use tss_esapi::interface_types::ecc::EccCurve;
use tss_esapi::interface_types::resource_handles::{Hierarchy, NvAuth, Provision};
use tss_esapi::interface_types::session_handles::AuthSession;
use tss_esapi::structures::{
    Auth, EccPoint, KeyedHashScheme, MaxNvBuffer, NvPublicBuilder, Private, Public, PublicBuilder,
    PublicEccParametersBuilder, PublicKeyedHashParameters, SensitiveData, SymmetricDefinition,
    SymmetricDefinitionObject,
};
use tss_esapi::traits::{Marshall, UnMarshall};
use tss_esapi::{Context, TctiNameConf};
use zeroize::Zeroizing;

use crate::atomic;
use crate::crypto::{hkdf, key_from};
use crate::error::VaultError;
use crate::secret::DeviceSecret;

/// Name in the data folder: sealed objects and numbers, useless without the chip.
pub const TPM_FILE: &str = "device.tpm";
const SCHEMA: &str = "spotcheck-tpm-secret/1";
/// First of the NV indices that belong to a device's owner.
const FIRST_INDEX: u32 = 0x0180_0000;
/// Indices are drawn from so many pairs.
const PAIRS: u16 = 0x1fff;

/// device.tpm.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TpmFile {
    schema: String,
    /// Sealed device secret, hexadecimal.
    sealed: String,
    /// First of two NV indices.
    index: u32,
}

/// A device secret in a TPM.
pub struct TpmSecret {
    tcti: String,
    index: u32,
    bytes: Key256,
    /// What the two NV indices hold.
    generations: Mutex<[Option<Key256>; 2]>,
}

impl std::fmt::Debug for TpmSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TpmSecret").field("tcti", &self.tcti).finish_non_exhaustive()
    }
}

fn failed(error: impl std::fmt::Display) -> VaultError {
    VaultError::Tpm(error.to_string())
}

fn kind_of(error: &tss_esapi::Error) -> Option<Tss2ResponseCodeKind> {
    match error {
        tss_esapi::Error::Tss2Error(code) => code.kind(),
        tss_esapi::Error::WrapperError(_) => None,
    }
}

/// One act: a context, the storage root key, and a session that hides what travels.
struct Act {
    context: Context,
    root: KeyHandle,
    session: Option<AuthSession>,
}

impl Act {
    fn begin(tcti: &str) -> Result<Self, VaultError> {
        let conf = TctiNameConf::from_str(tcti).map_err(failed)?;
        let mut context = Context::new(conf).map_err(failed)?;
        let template = root_template()?;
        let root = context
            .execute_with_nullauth_session(|c| {
                c.create_primary(Hierarchy::Owner, template, None, None, None, None)
            })
            .map_err(failed)?
            .key_handle;
        let session = context
            .start_auth_session(
                Some(root),
                None,
                None,
                SessionType::Hmac,
                SymmetricDefinition::AES_128_CFB,
                HashingAlgorithm::Sha256,
            )
            .map_err(failed)?;
        if let Some(session) = session {
            let (attributes, mask) =
                SessionAttributesBuilder::new().with_decrypt(true).with_encrypt(true).build();
            context.tr_sess_set_attributes(session, attributes, mask).map_err(failed)?;
        }
        context.set_sessions((session, None, None));
        Ok(Self { context, root, session })
    }

    /// Seals a secret; `auth` is asked for at opening, and wrong ones are counted.
    fn seal(&mut self, secret: &Key256, auth: Option<&Key256>) -> Result<Vec<u8>, VaultError> {
        let template = sealed_template(auth.is_some())?;
        let auth = auth.map(|a| Auth::try_from(a.to_vec())).transpose().map_err(failed)?;
        let data = SensitiveData::try_from(secret.to_vec()).map_err(failed)?;
        let made = self
            .context
            .create(self.root, template, auth, Some(data), None, None)
            .map_err(failed)?;
        let public = made.out_public.marshall().map_err(failed)?;
        let private: &[u8] = made.out_private.value();
        let mut object = Vec::new();
        for part in [public.as_slice(), private] {
            object.extend_from_slice(&u16::try_from(part.len()).map_err(failed)?.to_be_bytes());
            object.extend_from_slice(part);
        }
        Ok(object)
    }

    /// Opens what [`Act::seal`] made; `None` if `auth` is wrong.
    fn open(&mut self, object: &[u8], auth: Option<&Key256>) -> Result<Option<Key256>, VaultError> {
        let damaged = || VaultError::Sealed("TPM object");
        let (public, rest) = part(object).ok_or_else(damaged)?;
        let (private, _) = part(rest).ok_or_else(damaged)?;
        let public = Public::unmarshall(public).map_err(failed)?;
        let private = Private::try_from(private.to_vec()).map_err(failed)?;
        let loaded = match self.context.load(self.root, private, public) {
            Ok(loaded) => ObjectHandle::from(loaded),
            // Sealed by another TPM, or before this one was cleared.
            Err(error) => return Err(VaultError::TpmOther(error.to_string())),
        };
        if let Some(auth) = auth {
            let auth = Auth::try_from(auth.to_vec()).map_err(failed)?;
            self.context.tr_set_auth(loaded, auth).map_err(failed)?;
        }
        let opened = self.context.unseal(loaded);
        let _ = self.context.flush_context(loaded);
        match opened {
            Ok(data) => {
                let bytes = Zeroizing::new(data.value().to_vec());
                key_from(&bytes).map(Some).ok_or_else(damaged)
            }
            Err(error) => match kind_of(&error) {
                Some(Tss2ResponseCodeKind::AuthFail) => Ok(None),
                Some(Tss2ResponseCodeKind::Lockout) => Err(VaultError::PinLocked),
                _ => Err(failed(error)),
            },
        }
    }

    fn index(&mut self, index: u32) -> Result<Option<NvIndexHandle>, VaultError> {
        let handle = TpmHandle::NvIndex(NvIndexTpmHandle::new(index).map_err(failed)?);
        let found = self.context.execute_without_session(|c| c.tr_from_tpm_public(handle));
        // No such index is told as a wrong handle.
        Ok(found.ok().map(NvIndexHandle::from))
    }

    fn remove(&mut self, index: u32) -> Result<(), VaultError> {
        let Some(handle) = self.index(index)? else { return Ok(()) };
        self.context
            .execute_with_nullauth_session(|c| c.nv_undefine_space(Provision::Owner, handle))
            .map_err(failed)
    }

    /// A new index with these bytes in the place of an old one.
    fn define(&mut self, index: u32, auth: &Key256, bytes: &Key256) -> Result<(), VaultError> {
        self.remove(index)?;
        let attributes = NvIndexAttributesBuilder::new()
            .with_auth_read(true)
            .with_auth_write(true)
            .with_no_da(true)
            .build()
            .map_err(failed)?;
        let public = NvPublicBuilder::new()
            .with_nv_index(NvIndexTpmHandle::new(index).map_err(failed)?)
            .with_index_name_algorithm(HashingAlgorithm::Sha256)
            .with_index_attributes(attributes)
            .with_data_area_size(bytes.len())
            .build()
            .map_err(failed)?;
        let value = Auth::try_from(auth.to_vec()).map_err(failed)?;
        let handle = self
            .context
            .nv_define_space(Provision::Owner, Some(value.clone()), public)
            .map_err(failed)?;
        self.context.tr_set_auth(handle.into(), value).map_err(failed)?;
        let data = MaxNvBuffer::try_from(bytes.to_vec()).map_err(failed)?;
        self.context.nv_write(NvAuth::NvIndex(handle), handle, data, 0).map_err(failed)
    }

    fn read(&mut self, index: u32, auth: &Key256) -> Result<Option<Key256>, VaultError> {
        let Some(handle) = self.index(index)? else { return Ok(None) };
        let value = Auth::try_from(auth.to_vec()).map_err(failed)?;
        self.context.tr_set_auth(handle.into(), value).map_err(failed)?;
        // Defined and never written: cut off in between.
        let Ok(data) = self.context.nv_read(NvAuth::NvIndex(handle), handle, 32, 0) else {
            return Ok(None);
        };
        let bytes = Zeroizing::new(data.value().to_vec());
        Ok(key_from(&bytes))
    }
}

impl Drop for Act {
    fn drop(&mut self) {
        self.context.clear_sessions();
        if let Some(session) = self.session {
            let _ =
                self.context.flush_context(tss_esapi::handles::SessionHandle::from(session).into());
        }
        let _ = self.context.flush_context(self.root.into());
    }
}

fn part(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_at_checked(2)?;
    let length = u16::from_be_bytes(length.try_into().ok()?);
    rest.split_at_checked(usize::from(length))
}

/// The storage root key: P-256, the same in every call because it derives from the TPM's own seed.
fn root_template() -> Result<Public, VaultError> {
    let attributes = ObjectAttributesBuilder::new()
        .with_fixed_tpm(true)
        .with_fixed_parent(true)
        .with_sensitive_data_origin(true)
        .with_user_with_auth(true)
        .with_no_da(true)
        .with_restricted(true)
        .with_decrypt(true)
        .build()
        .map_err(failed)?;
    let parameters = PublicEccParametersBuilder::new_restricted_decryption_key(
        SymmetricDefinitionObject::AES_128_CFB,
        EccCurve::NistP256,
    )
    .build()
    .map_err(failed)?;
    PublicBuilder::new()
        .with_public_algorithm(PublicAlgorithm::Ecc)
        .with_name_hashing_algorithm(HashingAlgorithm::Sha256)
        .with_object_attributes(attributes)
        .with_ecc_parameters(parameters)
        .with_ecc_unique_identifier(EccPoint::default())
        .build()
        .map_err(failed)
}

fn sealed_template(counted: bool) -> Result<Public, VaultError> {
    let attributes = ObjectAttributesBuilder::new()
        .with_fixed_tpm(true)
        .with_fixed_parent(true)
        .with_no_da(!counted)
        .with_user_with_auth(true)
        .build()
        .map_err(failed)?;
    PublicBuilder::new()
        .with_public_algorithm(PublicAlgorithm::KeyedHash)
        .with_name_hashing_algorithm(HashingAlgorithm::Sha256)
        .with_object_attributes(attributes)
        .with_keyed_hash_parameters(PublicKeyedHashParameters::new(KeyedHashScheme::Null))
        .with_keyed_hash_unique_identifier(Default::default())
        .build()
        .map_err(failed)
}

impl TpmSecret {
    /// Makes a device secret in the TPM behind `tcti` (`device:/dev/tpmrm0`, `swtpm:host=…,port=…`).
    ///
    /// # Errors
    /// No TPM, or one whose owner does not let us.
    pub fn create(data: &Path, tcti: &str, entropy: &dyn Entropy) -> Result<Self, VaultError> {
        let mut act = Act::begin(tcti)?;
        let bytes = crate::crypto::random_key(entropy);
        let mut pair = [0_u8; 2];
        let index = loop {
            entropy.fill(&mut pair);
            let drawn = u32::from(u16::from_be_bytes(pair) & PAIRS);
            let index = FIRST_INDEX.saturating_add(drawn.saturating_mul(2));
            if act.index(index)?.is_none() && act.index(index.saturating_add(1))?.is_none() {
                break index;
            }
        };
        let sealed = hex::encode(act.seal(&bytes, None)?);
        let file = TpmFile { schema: SCHEMA.to_owned(), sealed, index };
        let json = serde_json::to_vec(&file).map_err(|_| VaultError::Sealed("device.tpm"))?;
        atomic::write_durable(&data.join(TPM_FILE), &json)?;
        drop(act);
        Ok(Self { tcti: tcti.to_owned(), index, bytes, generations: Mutex::new([None, None]) })
    }

    /// Opens the device secret of a data folder.
    ///
    /// # Errors
    /// [`VaultError::TpmOther`] if the chip is another one or was cleared: the data go on from the escrow or
    /// from a second copy (R43). No TPM; a damaged file.
    pub fn open(data: &Path, tcti: &str) -> Result<Self, VaultError> {
        let bytes =
            atomic::read_if_there(&data.join(TPM_FILE))?.ok_or(VaultError::Missing(TPM_FILE))?;
        let file: TpmFile =
            serde_json::from_slice(&bytes).map_err(|_| VaultError::SecretDamaged)?;
        let sealed = hex::decode(&file.sealed).map_err(|_| VaultError::SecretDamaged)?;
        if file.schema != SCHEMA {
            return Err(VaultError::SecretDamaged);
        }
        let mut act = Act::begin(tcti)?;
        let bytes = act.open(&sealed, None)?.ok_or(VaultError::SecretDamaged)?;
        let secret = Self {
            tcti: tcti.to_owned(),
            index: file.index,
            bytes,
            generations: Mutex::new([None, None]),
        };
        let auth = secret.index_auth()?;
        let found = [act.read(secret.nv(0), &auth)?, act.read(secret.nv(1), &auth)?];
        *secret.lock() = found;
        Ok(secret)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, [Option<Key256>; 2]> {
        self.generations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn index_auth(&self) -> Result<Key256, VaultError> {
        hkdf(b"", &[self.bytes.as_slice()], "tpm:index")
    }

    const fn nv(&self, slot: u8) -> u32 {
        self.index.saturating_add(if slot == 0 { 0 } else { 1 })
    }
}

impl DeviceSecret for TpmSecret {
    fn protection(&self) -> KeyProtection {
        KeyProtection::Tpm2
    }

    fn derive(&self, purpose: &str, context: &[u8]) -> Result<Key256, VaultError> {
        hkdf(context, &[self.bytes.as_slice()], purpose)
    }

    fn derive_generation(
        &self,
        purpose: &str,
        context: &[u8],
        slot: u8,
    ) -> Result<Key256, VaultError> {
        let known = self.lock();
        let generation = known.get(usize::from(slot & 1)).and_then(Option::as_ref);
        let generation = generation.ok_or(VaultError::Missing(TPM_FILE))?;
        hkdf(context, &[self.bytes.as_slice(), generation.as_slice()], purpose)
    }

    fn renew(&self, slot: u8, fresh: &Key256) -> Result<(), VaultError> {
        Act::begin(&self.tcti)?.define(self.nv(slot & 1), &self.index_auth()?, fresh)?;
        if let Some(place) = self.lock().get_mut(usize::from(slot & 1)) {
            *place = Some(fresh.clone());
        }
        Ok(())
    }

    fn retire(&self, slot: u8) -> Result<(), VaultError> {
        let known = self.lock().get_mut(usize::from(slot & 1)).and_then(Option::take);
        if known.is_some() {
            Act::begin(&self.tcti)?.remove(self.nv(slot & 1))?;
        }
        Ok(())
    }

    fn seal_pin(&self, auth: &Key256, share: &Key256) -> Result<Option<Vec<u8>>, VaultError> {
        Act::begin(&self.tcti)?.seal(share, Some(auth)).map(Some)
    }

    fn open_pin(&self, object: &[u8], auth: &Key256) -> Result<Option<Key256>, VaultError> {
        Act::begin(&self.tcti)?.open(object, Some(auth))
    }
}
