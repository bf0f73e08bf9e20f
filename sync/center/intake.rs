//! The centre's age identities: intake (online, opens blobs for verification) and escrow (offline).
//!
//! Every blob names the intake key it was made for, so that keys can be rotated; old ones stay to open old
//! blobs. Of escrow only the recipient stays here once the custodians have their shares.

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

fn identity_setting(id: &str) -> String {
    format!("intake.identity.{id}")
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
            let fresh = Identity::generate();
            let public = fresh.to_public().to_string();
            let secret = fresh.to_string();
            let name = identity_setting(&intake_id(&public));
            settings.put_setting(&name, secret.expose_secret().as_bytes())?;
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
