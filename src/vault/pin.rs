//! PINs: what they must look like, what they wrap, and how long to wait after wrong ones.
//!
//! The key a PIN gives is mixed with the device secret, so a copy of keys.db cannot be tried elsewhere.
//! Vault key and signing key have a salt and a key of their own each: unlocking does not bring the signing
//! key into memory. With file protection the waiting time is a courtesy, not security, and is called so
//! (evidence.md §1): whoever can write the data folder can also reset the counter.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use spotcheck_domain::vocabulary::KeyProtection;
use spotcheck_domain::{ClockReading, Entropy, OfficerId};
use zeroize::Zeroizing;

use crate::crypto::{Argon2Cost, argon2id, hkdf, open, random_key, seal};
use crate::error::VaultError;
use crate::secret::{DeviceSecret, TokenInHand};
use spotcheck_app::ports::Key256;

/// Least number of characters under file protection where the policy says nothing else.
pub const FILE_PIN_CHARACTERS: u32 = 10;
/// Least number of digits where hardware counts wrong tries.
pub const HARDWARE_PIN_DIGITS: u32 = 6;
const SALT_BYTES: usize = 16;

/// The members of `spotcheck-policy/1` that the vault obeys; what is missing is at its strictest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) struct PinPolicy {
    #[serde(default = "file_characters")]
    pin_min_file: u32,
    #[serde(default = "hardware_digits")]
    pin_min_hardware: u32,
    #[serde(default)]
    allow_file_protection: bool,
}

const fn file_characters() -> u32 {
    FILE_PIN_CHARACTERS
}

const fn hardware_digits() -> u32 {
    HARDWARE_PIN_DIGITS
}

impl PinPolicy {
    pub(crate) fn parse(policy: &str) -> Result<Self, VaultError> {
        serde_json::from_str(policy).map_err(|_| VaultError::Policy)
    }

    /// Checks a new PIN.
    pub(crate) fn check(
        self,
        protection: KeyProtection,
        pin: &SecretString,
    ) -> Result<(), VaultError> {
        let text = pin.expose_secret();
        let (least, letters) = if protection == KeyProtection::File {
            if !self.allow_file_protection {
                return Err(VaultError::FileProtection);
            }
            // A policy that allows fewer than ten characters (demo) asks for no letters either.
            (self.pin_min_file, self.pin_min_file >= FILE_PIN_CHARACTERS)
        } else {
            (self.pin_min_hardware, false)
        };
        // No policy goes below what hardware asks for: the window takes nothing shorter for a PIN.
        let least = least.max(HARDWARE_PIN_DIGITS);
        let long = u32::try_from(text.chars().count()).unwrap_or(u32::MAX) >= least;
        if long && (!letters || text.chars().any(char::is_alphabetic)) {
            Ok(())
        } else {
            Err(VaultError::PinWeak { least, letters })
        }
    }
}

/// What a wrap is for; separates keys and associated data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PinPurpose {
    /// The officer's vault key.
    Vault,
    /// The officer's signing key.
    Signing,
}

impl PinPurpose {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Vault => "kek:vault",
            Self::Signing => "kek:signing",
        }
    }
}

/// Something sealed under device secret and PIN, with the cost it was sealed at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PinWrap {
    pub(crate) memory_kib: u32,
    pub(crate) passes: u32,
    pub(crate) lanes: u32,
    pub(crate) salt: Vec<u8>,
    pub(crate) body: Vec<u8>,
}

impl PinWrap {
    pub(crate) fn seal(
        secret: &dyn DeviceSecret,
        entropy: &dyn Entropy,
        token: Option<(TokenInHand<'_>, Option<&[u8]>)>,
        purpose: PinPurpose,
        officer: &OfficerId,
        (pin, cost): (&SecretString, Argon2Cost),
        plaintext: &[u8],
    ) -> Result<Self, VaultError> {
        let mut salt = vec![0_u8; SALT_BYTES];
        entropy.fill(&mut salt);
        let stretched = argon2id(pin, cost, &salt)?;
        let mut shares = Vec::new();
        let share = random_key(entropy);
        let mut factors = Vec::new();
        if let Some(object) = secret.seal_pin(&hardware_auth(&stretched, &salt)?, &share)? {
            shares.push(share);
            put_factor(&mut factors, HARDWARE, &object)?;
        }
        if let Some((token, like)) = token {
            let (object, share) = token.token.enrol(token.pin, like, entropy)?;
            shares.push(share);
            put_factor(&mut factors, TOKEN, &object)?;
        }
        let key = kek(secret, purpose, officer, &stretched, &shares, &salt)?;
        salt.extend_from_slice(&factors);
        let body = seal(&key, purpose.as_str(), &[officer.as_str()], plaintext, entropy)?;
        let Argon2Cost { memory_kib, passes, lanes } = cost;
        Ok(Self { memory_kib, passes, lanes, salt, body })
    }

    /// `None` if the PIN (or the device) is another one.
    pub(crate) fn open(
        &self,
        secret: &dyn DeviceSecret,
        token: Option<TokenInHand<'_>>,
        purpose: PinPurpose,
        officer: &OfficerId,
        pin: &SecretString,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, VaultError> {
        let damaged = || VaultError::Sealed("PIN wrap");
        let (salt, factors) = self.salt.split_at_checked(SALT_BYTES).ok_or_else(damaged)?;
        let mut shares = Vec::new();
        // The token first: its own PIN is not a try at the officer's.
        if let Some(object) = factor(factors, TOKEN) {
            let token = token.ok_or_else(VaultError::no_token)?;
            shares.push(token.token.open(token.pin, object)?);
        }
        let stretched = argon2id(pin, self.cost(), salt)?;
        if let Some(object) = factor(factors, HARDWARE) {
            match secret.open_pin(object, &hardware_auth(&stretched, salt)?)? {
                Some(share) => shares.insert(0, share),
                None => return Ok(None),
            }
        }
        let key = kek(secret, purpose, officer, &stretched, &shares, salt)?;
        Ok(open(&key, purpose.as_str(), &[officer.as_str()], &self.body))
    }

    /// True if a token takes part.
    pub(crate) fn needs_token(&self) -> bool {
        self.token_object().is_some()
    }

    /// What the token's factor is made of, if one takes part.
    pub(crate) fn token_object(&self) -> Option<&[u8]> {
        factor(self.salt.get(SALT_BYTES..).unwrap_or_default(), TOKEN)
    }

    pub(crate) const fn cost(&self) -> Argon2Cost {
        Argon2Cost { memory_kib: self.memory_kib, passes: self.passes, lanes: self.lanes }
    }
}

fn kek(
    secret: &dyn DeviceSecret,
    purpose: PinPurpose,
    officer: &OfficerId,
    stretched: &Key256,
    shares: &[Key256],
    salt: &[u8],
) -> Result<Key256, VaultError> {
    let of_device = secret.derive(purpose.as_str(), officer.as_str().as_bytes())?;
    let mut parts = vec![of_device.as_slice(), stretched.as_slice()];
    parts.extend(shares.iter().map(|share| share.as_slice()));
    hkdf(salt, &parts, purpose.as_str())
}

/// What the hardware is shown instead of the PIN.
fn hardware_auth(stretched: &Key256, salt: &[u8]) -> Result<Key256, VaultError> {
    hkdf(salt, &[stretched.as_slice()], "pin:hardware")
}

/// Behind the salt: what further factors need to give their share of the key back.
const HARDWARE: u8 = 1;
const TOKEN: u8 = 2;

fn put_factor(factors: &mut Vec<u8>, tag: u8, object: &[u8]) -> Result<(), VaultError> {
    let length = u16::try_from(object.len()).map_err(|_| VaultError::Sealed("factor"))?;
    factors.push(tag);
    factors.extend_from_slice(&length.to_be_bytes());
    factors.extend_from_slice(object);
    Ok(())
}

fn factor(mut factors: &[u8], wanted: u8) -> Option<&[u8]> {
    while let Some((tag, rest)) = factors.split_first() {
        let (length, rest) = rest.split_at_checked(2)?;
        let length = u16::from_be_bytes(length.try_into().ok()?);
        let (object, rest) = rest.split_at_checked(usize::from(length))?;
        if *tag == wanted {
            return Some(object);
        }
        factors = rest;
    }
    None
}

/// Wrong PINs of one officer since the last right one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct WrongPins {
    pub(crate) count: u32,
    pub(crate) boot_id: String,
    pub(crate) at_ms: i64,
}

impl WrongPins {
    /// Milliseconds still to wait; 0 if a PIN may be tried.
    ///
    /// Measured by `CLOCK_BOOTTIME` alone, so setting the wall clock does not shorten it. In another boot
    /// the time since that boot is what has certainly passed; no wall time is believed.
    pub(crate) fn wait_ms(&self, now: &ClockReading) -> i64 {
        let passed = if now.boot_id == self.boot_id {
            now.boottime_ms.saturating_sub(self.at_ms)
        } else {
            now.boottime_ms
        };
        delay_ms(self.count).saturating_sub(passed.max(0)).max(0)
    }

    /// One more, at `now`.
    pub(crate) fn one_more(&self, now: &ClockReading) -> Self {
        Self {
            count: self.count.saturating_add(1),
            boot_id: now.boot_id.clone(),
            at_ms: now.boottime_ms,
        }
    }
}

const fn delay_ms(wrong: u32) -> i64 {
    match wrong {
        0..=2 => 0,
        3 => 5_000,
        4 => 15_000,
        5 => 30_000,
        6 => 60_000,
        7 => 300_000,
        _ => 900_000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use spotcheck_domain::{Clock, ManualClock};

    const PRODUCT: &str = r#"{"schema":"spotcheck-policy/1","pin_min_file":10,"pin_min_hardware":6,"allow_file_protection":true}"#;
    const DEMO: &str = r#"{"pin_min_file":6,"allow_file_protection":true}"#;

    #[rstest]
    #[case(PRODUCT, KeyProtection::File, "1234567890", false)]
    #[case(PRODUCT, KeyProtection::File, "123456789a", true)]
    #[case(PRODUCT, KeyProtection::File, "一二三四五六七八九十", true)]
    #[case(PRODUCT, KeyProtection::File, "12345678a", false)]
    #[case(PRODUCT, KeyProtection::Tpm2, "123456", true)]
    #[case(PRODUCT, KeyProtection::Tpm2, "12345", false)]
    #[case(DEMO, KeyProtection::File, "246810", true)]
    #[case(DEMO, KeyProtection::File, "24681", false)]
    #[case(r#"{"pin_min_hardware":4}"#, KeyProtection::Tpm2, "1234", false)]
    #[case("{}", KeyProtection::File, "123456789a", false)]
    #[case(r#"{"pin_min_file":0,"allow_file_protection":true}"#, KeyProtection::File, "", false)]
    fn pins_by_policy(
        #[case] policy: &str,
        #[case] protection: KeyProtection,
        #[case] pin: &str,
        #[case] good: bool,
    ) {
        let checked = PinPolicy::parse(policy).unwrap().check(protection, &SecretString::from(pin));
        assert_eq!(checked.is_ok(), good);
    }

    #[test]
    fn neither_the_wall_clock_nor_a_restart_shortens_the_wait() {
        let clock = ManualClock::at_ms(1_795_000_000_000);
        let mut wrong = WrongPins::default();
        for _ in 0..5 {
            wrong = wrong.one_more(&clock.read());
        }
        assert_eq!(wrong.wait_ms(&clock.read()), 30_000);
        clock.step_wall_to_ms(1_895_000_000_000);
        assert_eq!(wrong.wait_ms(&clock.read()), 30_000);
        clock.advance_ms(29_000);
        assert_eq!(wrong.wait_ms(&clock.read()), 1_000);
        let rebooted = ClockReading {
            boot_id: "00000000-0000-0000-0000-000000000002".to_owned(),
            boottime_ms: 12_000,
            ..clock.read()
        };
        assert_eq!(wrong.wait_ms(&rebooted), 18_000);
    }
}
