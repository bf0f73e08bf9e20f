//! A PKCS#11 token as a second factor of an officer's PIN (evidence.md §1).
//!
//! The token's P-256 key agrees with a key made here once and thrown away (ECDH); what comes out takes part
//! in the key of the officer's wraps. So the wraps open only with device secret, PIN *and* token, and the
//! private key never leaves the token. The token's library is named in the configuration and loaded at run
//! time, when an officer first needs it; the token's own PIN comes the way the officer's does, and is counted by
//! the token. Of several tokens in the readers the one with the officer's key is taken.

use std::path::PathBuf;
use std::sync::Mutex;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error as Pkcs11Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::elliptic_curve::{EcKdf, Ecdh1DeriveParams};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use ring::agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use ring::rand::SystemRandom;
use secrecy::SecretString;
use spotcheck_app::ports::Key256;
use spotcheck_domain::Entropy;
use spotcheck_evidence::Hash32;
use zeroize::Zeroizing;

use crate::crypto::hkdf;
use crate::error::VaultError;
use crate::secret::Token;

/// Uncompressed P-256 point.
const POINT_BYTES: usize = 65;
/// Bytes of the key's hash in front of the point: tells another token from a wrong PIN.
const MARK_BYTES: usize = 8;
const PURPOSE: &str = "pin:token";

/// Where the token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenPlace {
    /// The token's PKCS#11 library.
    pub module: PathBuf,
    /// Label of the token; `None`: the only one that is there.
    pub token: Option<String>,
    /// Label of its P-256 key pair.
    pub key: String,
}

/// The tokens in this handheld's readers.
pub struct Pkcs11Token {
    library: Mutex<Option<Pkcs11>>,
    place: TokenPlace,
}

impl std::fmt::Debug for Pkcs11Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pkcs11Token").field("place", &self.place).finish_non_exhaustive()
    }
}

fn failed(error: Pkcs11Error) -> VaultError {
    match error {
        Pkcs11Error::Pkcs11(
            RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange | RvError::PinLocked,
            _,
        ) => VaultError::TokenPin,
        other => VaultError::Token(other.to_string()),
    }
}

fn missing(what: &str) -> VaultError {
    VaultError::Token(format!("no {what}"))
}

impl Pkcs11Token {
    /// Tokens that this library finds. A library that is missing is told when one is needed: whoever uses no
    /// token is not kept out by it.
    #[must_use]
    pub const fn new(place: TokenPlace) -> Self {
        Self { library: Mutex::new(None), place }
    }

    /// Sessions with all tokens the configuration allows, nobody logged in.
    fn sessions(&self) -> Result<Vec<Session>, VaultError> {
        let mut library = self.library.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let library = match &mut *library {
            Some(library) => library,
            none => none.insert(load(&self.place.module)?),
        };
        let mut found = Vec::new();
        for slot in library.get_slots_with_token().map_err(failed)? {
            let info = library.get_token_info(slot).map_err(failed)?;
            let named =
                self.place.token.as_deref().is_none_or(|label| label == info.label().trim());
            if info.token_initialized() && named {
                found.push(library.open_ro_session(slot).map_err(failed)?);
            }
        }
        if found.is_empty() { Err(missing("token")) } else { Ok(found) }
    }

    /// A session that is logged in, and the token's public point: with the token whose key this mark is of,
    /// else with the first that has a fitting key.
    fn session(
        &self,
        pin: &SecretString,
        marked: Option<&[u8]>,
    ) -> Result<(Session, Vec<u8>), VaultError> {
        let mut sessions = self.sessions()?;
        // Public objects are there for everybody; a token that hides even them is asked after the login.
        let fits = |session: &Session| {
            let point = self.point(session).ok();
            point.is_some_and(|point| marked.is_none_or(|marked| mark(&point) == marked))
        };
        let place = sessions.iter().position(fits).unwrap_or(0);
        let session = sessions.swap_remove(place);
        session.login(UserType::User, Some(pin)).map_err(failed)?;
        let point = self.point(&session)?;
        match marked {
            Some(marked) if mark(&point) != marked => {
                Err(VaultError::Token("another one than the officer's".to_owned()))
            }
            _ => Ok((session, point)),
        }
    }

    fn find(&self, session: &Session, class: ObjectClass) -> Result<ObjectHandle, VaultError> {
        let template = [
            Attribute::Class(class),
            Attribute::KeyType(KeyType::EC),
            Attribute::Label(self.place.key.clone().into_bytes()),
        ];
        let found = session.find_objects(&template).map_err(failed)?;
        found.first().copied().ok_or_else(|| missing("P-256 key of this label on the token"))
    }

    /// The token's public point, uncompressed.
    fn point(&self, session: &Session) -> Result<Vec<u8>, VaultError> {
        let public = self.find(session, ObjectClass::PUBLIC_KEY)?;
        let attributes =
            session.get_attributes(public, &[AttributeType::EcPoint]).map_err(failed)?;
        let der = attributes.into_iter().find_map(|attribute| match attribute {
            Attribute::EcPoint(point) => Some(point),
            _ => None,
        });
        // An OCTET STRING around the point; some tokens leave it out.
        let der = der.ok_or_else(|| missing("public point"))?;
        let point = der.strip_prefix(&[0x04, 0x41]).unwrap_or(&der);
        if point.len() == POINT_BYTES && point.first() == Some(&0x04) {
            Ok(point.to_vec())
        } else {
            Err(missing("P-256 point"))
        }
    }
}

/// One process loads a library once.
fn load(module: &std::path::Path) -> Result<Pkcs11, VaultError> {
    let library = Pkcs11::new(module).map_err(failed)?;
    match library.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Pkcs11Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(library),
        Err(error) => Err(failed(error)),
    }
}

fn mark(point: &[u8]) -> Vec<u8> {
    Hash32::sha256(point).0.iter().take(MARK_BYTES).copied().collect()
}

impl Token for Pkcs11Token {
    fn enrol(
        &self,
        pin: &SecretString,
        like: Option<&[u8]>,
        _entropy: &dyn Entropy,
    ) -> Result<(Vec<u8>, Key256), VaultError> {
        let crypto = |_| VaultError::Crypto("ECDH");
        let (session, point) =
            self.session(pin, like.and_then(|object| object.get(..MARK_BYTES)))?;
        // The private half lives for this one agreement and is dropped.
        let once =
            EphemeralPrivateKey::generate(&ECDH_P256, &SystemRandom::new()).map_err(crypto)?;
        let public = once.compute_public_key().map_err(crypto)?;
        let other = UnparsedPublicKey::new(&ECDH_P256, &point);
        let share =
            agree_ephemeral(once, &other, |agreed| hkdf(public.as_ref(), &[agreed], PURPOSE))
                .map_err(crypto)??;
        let object = [mark(&point).as_slice(), public.as_ref()].concat();
        // Proven once, so that nobody is locked out by a token that cannot do it.
        let again = self.agree(&session, public.as_ref())?;
        if again == share { Ok((object, share)) } else { Err(VaultError::Crypto("ECDH")) }
    }

    fn open(&self, pin: &SecretString, object: &[u8]) -> Result<Key256, VaultError> {
        let damaged = || VaultError::Sealed("token factor");
        let (marked, public) = object.split_at_checked(MARK_BYTES).ok_or_else(damaged)?;
        let (session, _) = self.session(pin, Some(marked))?;
        self.agree(&session, public)
    }
}

impl Pkcs11Token {
    fn agree(&self, session: &Session, public: &[u8]) -> Result<Key256, VaultError> {
        let private = self.find(session, ObjectClass::PRIVATE_KEY)?;
        let params = Ecdh1DeriveParams::new(EcKdf::null(), public);
        let agreed = session
            .derive_key(
                &Mechanism::Ecdh1Derive(params),
                private,
                &[
                    Attribute::Class(ObjectClass::SECRET_KEY),
                    Attribute::KeyType(KeyType::GENERIC_SECRET),
                    Attribute::Sensitive(false),
                    Attribute::Extractable(true),
                    Attribute::Token(false),
                ],
            )
            .map_err(failed)?;
        let value = session.get_attributes(agreed, &[AttributeType::Value]).map_err(failed)?;
        let value = value.into_iter().find_map(|attribute| match attribute {
            Attribute::Value(bytes) => Some(Zeroizing::new(bytes)),
            _ => None,
        });
        let value = value.ok_or_else(|| missing("agreed value"))?;
        // Some libraries drop zeros in front of the agreed value.
        let mut whole = Key256::default();
        let start = whole.len().checked_sub(value.len()).ok_or(VaultError::Crypto("ECDH"))?;
        whole.get_mut(start..).ok_or(VaultError::Crypto("ECDH"))?.copy_from_slice(&value);
        hkdf(public, &[whole.as_slice()], PURPOSE)
    }
}
