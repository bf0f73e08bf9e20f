//! The log's Ed25519 key, as a C2SP note signer on ring.
//!
//! Ed25519 here and only here: C2SP notes ask for it, while evidence signatures are P-256 because OpenSSL's
//! `cms` and hardware tokens are (research: evidence-tech.md §0).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{Ed25519KeyPair, KeyPair};
use spotcheck_domain::Entropy;
use zeroize::Zeroizing;

use crate::repository::Settings;
use crate::{Error, Result};

const SETTING: &str = "log.key";
/// C2SP algorithm byte of Ed25519.
const ALG_ED25519: u8 = 1;
const SEED_BYTES: usize = 32;

/// Signs checkpoints.
pub struct LogSigner {
    name: String,
    id: u32,
    vkey: String,
    pair: Ed25519KeyPair,
}

impl LogSigner {
    /// Stored as seed and name, so that the name never changes under a key.
    pub(super) fn load_or_create(
        settings: &dyn Settings,
        name: &str,
        entropy: &dyn Entropy,
    ) -> Result<Self> {
        let stored = match settings.setting(SETTING)? {
            Some(stored) => Zeroizing::new(stored),
            None => {
                let mut fresh = Zeroizing::new(vec![0_u8; SEED_BYTES]);
                entropy.fill(&mut fresh);
                fresh.extend_from_slice(name.as_bytes());
                Zeroizing::new(settings.setting_or_insert(SETTING, &fresh)?)
            }
        };
        let damaged = || Error::Stored("log key");
        let (seed, name) = stored.split_at_checked(SEED_BYTES).ok_or_else(damaged)?;
        let name = std::str::from_utf8(name).map_err(|_| damaged())?;
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| damaged())?;
        let mut public = vec![ALG_ED25519];
        public.extend_from_slice(pair.public_key().as_ref());
        let id = signed_note::key_id(name, &public);
        let vkey = format!("{name}+{id:08x}+{}", STANDARD.encode(&public));
        Ok(Self { name: name.to_owned(), id, vkey, pair })
    }

    /// C2SP vkey.
    #[must_use]
    pub fn vkey(&self) -> &str {
        &self.vkey
    }

    /// Name of the log.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl signed_note::Signer for LogSigner {
    fn name(&self) -> &str {
        &self.name
    }

    fn key_id(&self) -> u32 {
        self.id
    }

    fn sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, signature::Error> {
        Ok(self.pair.sign(message).as_ref().to_vec())
    }
}
