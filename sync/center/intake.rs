//! The centre's age identities: intake (online, opens blobs for verification) and escrow (offline).
//!
//! Every blob names the intake key it was made for, so that keys can be rotated; old ones stay to open old
//! blobs. Of escrow only the recipient stays here once the custodians have their shares.

mod rotation;

pub use rotation::{
    IntakeKey, IntakeState, Retired, hear, intake_keys, named_keys, retire, rotate,
};

use std::str::FromStr;

use age::secrecy::ExposeSecret;
use age::x25519::Identity;
use zeroize::Zeroizing;

use crate::objects::sha256_hex;
use crate::repository::Settings;
use crate::{Error, Result};

const CURRENT: &str = "intake.current";
const ESCROW_RECIPIENT: &str = "escrow.recipient";
const ESCROW_PENDING: &str = "escrow.pending";

const IDENTITY: &str = "intake.identity.";

fn identity_setting(id: &str) -> String {
    format!("{IDENTITY}{id}")
}

fn parse(bytes: &[u8]) -> Result<Identity> {
    let text = std::str::from_utf8(bytes).map_err(|_| Error::Stored("identity"))?;
    Identity::from_str(text).map_err(|_| Error::Stored("identity"))
}

fn text_of(bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes).map_err(|_| Error::Stored("recipient"))
}

/// Id of an intake recipient: `intake-` and the first 8 hex of its SHA-256.
#[must_use]
pub fn intake_id(recipient: &str) -> String {
    let hash = sha256_hex(recipient.as_bytes());
    format!("intake-{}", hash.get(..8).unwrap_or_default())
}

/// The public halves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipients {
    /// `age1…` of intake.
    pub intake: String,
    /// Its id.
    pub intake_id: String,
    /// `age1…` of escrow.
    pub escrow: String,
}

/// Loads the public halves, or makes both identities at the first start.
///
/// # Errors
/// Those of the database.
pub fn recipients(settings: &dyn Settings) -> Result<Recipients> {
    let intake = match settings.setting(CURRENT)? {
        Some(stored) => text_of(stored)?,
        None => {
            let public = new_identity(settings)?;
            text_of(settings.setting_or_insert(CURRENT, public.as_bytes())?)?
        }
    };
    let escrow = match settings.setting(ESCROW_RECIPIENT)? {
        Some(stored) => text_of(stored)?,
        None => {
            let fresh = Identity::generate().to_string();
            // Whoever was first decides; the recipient always belongs to the identity kept.
            let kept =
                settings.setting_or_insert(ESCROW_PENDING, fresh.expose_secret().as_bytes())?;
            let recipient = parse(&Zeroizing::new(kept))?.to_public().to_string();
            text_of(settings.setting_or_insert(ESCROW_RECIPIENT, recipient.as_bytes())?)?
        }
    };
    Ok(Recipients { intake_id: intake_id(&intake), intake, escrow })
}

/// Makes an intake identity and keeps it; gives its public half. Nobody is told of it yet.
fn new_identity(settings: &dyn Settings) -> Result<String> {
    let fresh = Identity::generate();
    let public = fresh.to_public().to_string();
    let name = identity_setting(&intake_id(&public));
    settings.put_setting(&name, fresh.to_string().expose_secret().as_bytes())?;
    Ok(public)
}

/// All intake identities that are kept, the one of this id first: what was put together over some time (a second
/// copy, a rescue export) may be sealed for more than the one key its label names.
///
/// # Errors
/// Unknown id.
pub fn intake_identities(settings: &dyn Settings, first: &str) -> Result<Vec<Identity>> {
    let mut found = vec![intake_identity(settings, first)?];
    let own = identity_setting(first);
    for (name, secret) in settings.settings_under(IDENTITY)? {
        let secret = Zeroizing::new(secret);
        if name != own {
            found.push(parse(&secret)?);
        }
    }
    Ok(found)
}

/// The identity that opens the blobs of a received bundle in place of intake keys that were retired since.
///
/// # Errors
/// Those of the database.
pub(crate) fn case_identity(settings: &dyn Settings, bundle: &str) -> Result<Option<Identity>> {
    let stored = settings.setting(&rotation::case_setting(bundle))?;
    stored.map(|secret| parse(&Zeroizing::new(secret))).transpose()
}

/// The intake identity of an id.
///
/// # Errors
/// Unknown id.
pub fn intake_identity(settings: &dyn Settings, id: &str) -> Result<Identity> {
    let stored = settings
        .setting(&identity_setting(id))?
        .ok_or(Error::NotFound { what: "intake key", zh: "接收密钥" })?;
    parse(&Zeroizing::new(stored))
}

/// The escrow identity while no custodian has taken it yet.
///
/// # Errors
/// Those of the database.
pub fn pending_escrow(settings: &dyn Settings) -> Result<Option<Zeroizing<Vec<u8>>>> {
    Ok(settings.setting(ESCROW_PENDING)?.map(Zeroizing::new))
}

/// Forgets the private half of escrow for good.
///
/// # Errors
/// Those of the database.
pub fn forget_escrow(settings: &dyn Settings) -> Result<()> {
    settings.remove_setting(ESCROW_PENDING)
}
