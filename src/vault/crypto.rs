//! Three primitives and nothing else: HKDF-SHA256, AES-256-GCM, Argon2id.
//!
//! Each sealed value names in its associated data what it is for and to whom it belongs, so a wrap copied
//! into another row does not open. Nonces are random 96 bit: every key seals only a handful of values in
//! its life, far below the 2^32 where repeats become likely (NIST SP 800-38D §8.3).

use argon2::{Algorithm, Argon2, Params, Version};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
use secrecy::{ExposeSecret, SecretString};
use spotcheck_app::ports::Key256;
use spotcheck_domain::Entropy;
use zeroize::Zeroizing;

use crate::error::VaultError;

const SEALED_V1: u8 = 1;

struct Len32;

impl KeyType for Len32 {
    fn len(&self) -> usize {
        32
    }
}

/// HKDF-SHA256 (RFC 5869): `salt`, the parts of the input keying material joined, `info`.
pub(crate) fn hkdf(salt: &[u8], parts: &[&[u8]], info: &str) -> Result<Key256, VaultError> {
    let ikm = Zeroizing::new(parts.concat());
    let prk = Salt::new(HKDF_SHA256, salt).extract(&ikm);
    let mut key = Key256::default();
    prk.expand(&[info.as_bytes()], Len32)
        .and_then(|okm| okm.fill(key.as_mut_slice()))
        .map_err(|_| VaultError::Crypto("HKDF"))?;
    Ok(key)
}

fn aad(purpose: &str, ids: &[&str]) -> Vec<u8> {
    // Ids hold no NUL (domain::id), so the join is unambiguous.
    let mut text = format!("spotcheck-vault/1\0{purpose}");
    for id in ids {
        text.push('\0');
        text.push_str(id);
    }
    text.into_bytes()
}

/// Seals `plaintext`: version byte, nonce, ciphertext, tag.
pub(crate) fn seal(
    key: &Key256,
    purpose: &str,
    ids: &[&str],
    plaintext: &[u8],
    entropy: &dyn Entropy,
) -> Result<Vec<u8>, VaultError> {
    let failed = |_| VaultError::Crypto("AES-256-GCM");
    let mut nonce = [0_u8; NONCE_LEN];
    entropy.fill(&mut nonce);
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.as_slice()).map_err(failed)?);
    let mut body = plaintext.to_vec();
    let tag = key
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(aad(purpose, ids)),
            &mut body,
        )
        .map_err(failed)?;
    let mut sealed = vec![SEALED_V1];
    sealed.extend_from_slice(&nonce);
    sealed.append(&mut body);
    sealed.extend_from_slice(tag.as_ref());
    Ok(sealed)
}

/// Opens what [`seal`] made; `None` if key, purpose, ids or bytes are not those.
pub(crate) fn open(
    key: &Key256,
    purpose: &str,
    ids: &[&str],
    sealed: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let (version, rest) = sealed.split_first()?;
    let (nonce, body) = rest.split_at_checked(NONCE_LEN)?;
    if *version != SEALED_V1 {
        return None;
    }
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.as_slice()).ok()?);
    let mut buffer = Zeroizing::new(body.to_vec());
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let length = key.open_in_place(nonce, Aad::from(aad(purpose, ids)), &mut buffer).ok()?.len();
    buffer.truncate(length);
    Some(buffer)
}

/// Cost of Argon2id; stored beside each wrap, so that it can be raised later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argon2Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Argon2Cost {
    /// 64 MiB, three passes, one lane (evidence-tech.md §4): about 0.2 s on a handheld core.
    pub const STANDARD: Self = Self { memory_kib: 64 * 1024, passes: 3, lanes: 1 };

    /// Fast and weak: for tests and for nothing else.
    pub const TESTS_ONLY: Self = Self { memory_kib: 64, passes: 1, lanes: 1 };

    /// True if `other` is weaker in any respect.
    #[must_use]
    pub const fn exceeds(&self, other: &Self) -> bool {
        self.memory_kib > other.memory_kib || self.passes > other.passes
    }
}

/// Argon2id (RFC 9106) of a PIN.
pub(crate) fn argon2id(
    pin: &SecretString,
    cost: Argon2Cost,
    salt: &[u8],
) -> Result<Key256, VaultError> {
    let failed = |_| VaultError::Crypto("Argon2id");
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32)).map_err(failed)?;
    let mut out = Key256::default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(pin.expose_secret().as_bytes(), salt, out.as_mut_slice())
        .map_err(failed)?;
    Ok(out)
}

/// A random 256-bit key.
pub(crate) fn random_key(entropy: &dyn Entropy) -> Key256 {
    let mut key = Key256::default();
    entropy.fill(key.as_mut_slice());
    key
}

/// 32 bytes as a key.
pub(crate) fn key_from(bytes: &[u8]) -> Option<Key256> {
    let mut key = Key256::default();
    if bytes.len() != key.len() {
        return None;
    }
    key.copy_from_slice(bytes);
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use spotcheck_domain::SeededEntropy;

    #[test]
    fn hkdf_is_the_one_of_rfc_5869() {
        // Appendix A.1: first 32 bytes of the output do not depend on its length.
        let salt: Vec<u8> = (0..=0x0c).collect();
        let info = String::from_utf8(vec![0x01, 0x02, 0x03]).unwrap();
        let a = hkdf(&salt, &[&[0x0b; 22]], &info).unwrap();
        let b = hkdf(&salt, &[&[0x0b; 10], &[0x0b; 12]], &info).unwrap();
        assert_eq!(a, b);
        // Appendix A.3: no salt, no info.
        let key = hkdf(&[], &[&[0x0b; 22]], "").unwrap();
        assert_eq!(
            hex::encode(key.as_slice()),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
        );
    }

    #[test]
    fn argon2id_is_the_one_of_the_reference_program() {
        let pin = SecretString::from("password");
        let key =
            argon2id(&pin, Argon2Cost { memory_kib: 65536, passes: 2, lanes: 1 }, b"somesalt");
        // Published test vector of the reference implementation (phc-winner-argon2, test.c, id, v=19).
        assert_eq!(
            hex::encode(key.unwrap().as_slice()),
            "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7"
        );
    }

    #[test]
    fn a_wrap_opens_only_under_its_own_key_purpose_and_ids() {
        let entropy = SeededEntropy::new(7);
        let key = random_key(&entropy);
        let sealed = seal(&key, "vmk", &["O-1"], b"secret", &entropy).unwrap();
        assert_eq!(open(&key, "vmk", &["O-1"], &sealed).unwrap().as_slice(), b"secret");
        assert!(open(&key, "vmk", &["O-2"], &sealed).is_none());
        assert!(open(&key, "sign", &["O-1"], &sealed).is_none());
        assert!(open(&random_key(&entropy), "vmk", &["O-1"], &sealed).is_none());
        for at in 0..sealed.len() {
            let mut bad = sealed.clone();
            bad[at] ^= 1;
            assert!(open(&key, "vmk", &["O-1"], &bad).is_none(), "byte {at}");
            assert!(open(&key, "vmk", &["O-1"], &sealed[..at]).is_none(), "cut at {at}");
        }
    }
}
