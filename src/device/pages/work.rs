//! What is done with a page: AES-256-CBC without padding and HMAC, on plain slices.
//!
//! Kept apart from the pointers so that it can be read and tested as ordinary code. Both are the algorithms
//! SQLCipher names in its file format; a page written here is opened by every other SQLCipher and the other way
//! round.

use aes::Aes256;
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit, block_padding::NoPadding};
use ring::hmac;

/// Which way the cipher goes; SQLCipher's own numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Ciphertext in, page out.
    Decrypt,
    /// Page in, ciphertext out.
    Encrypt,
}

impl Way {
    pub(crate) const fn of(mode: i32) -> Option<Self> {
        match mode {
            0 => Some(Self::Decrypt),
            1 => Some(Self::Encrypt),
            _ => None,
        }
    }
}

/// SQLCipher's number of a digest as ring's; `None` for one this crate leaves to OpenSSL.
pub(crate) fn digest(algorithm: i32) -> Option<hmac::Algorithm> {
    match algorithm {
        1 => Some(hmac::HMAC_SHA256),
        2 => Some(hmac::HMAC_SHA512),
        _ => None,
    }
}

/// HMAC of `parts` one after the other into the head of `out`; `None` where `out` is too short.
pub(crate) fn authenticate(
    algorithm: hmac::Algorithm,
    key: &[u8],
    parts: [&[u8]; 2],
    out: &mut [u8],
) -> Option<()> {
    let mut context = hmac::Context::with_key(&hmac::Key::new(algorithm, key));
    for part in parts {
        context.update(part);
    }
    let tag = context.sign();
    out.get_mut(..tag.as_ref().len())?.copy_from_slice(tag.as_ref());
    Some(())
}

/// AES-256-CBC of whole blocks; `None` where key, vector or lengths do not fit.
pub(crate) fn crypt(way: Way, key: &[u8], iv: &[u8], input: &[u8], out: &mut [u8]) -> Option<()> {
    let done = match way {
        Way::Decrypt => cbc::Decryptor::<Aes256>::new_from_slices(key, iv)
            .ok()?
            .decrypt_padded_b2b::<NoPadding>(input, out)
            .ok()?
            .len(),
        Way::Encrypt => cbc::Encryptor::<Aes256>::new_from_slices(key, iv)
            .ok()?
            .encrypt_padded_b2b::<NoPadding>(input, out)
            .ok()?
            .len(),
    };
    (done == input.len()).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// NIST SP 800-38A, F.2.5: CBC-AES256, the first two blocks.
    #[test]
    fn the_cipher_is_the_one_of_the_standard() {
        let key = hex::decode("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4")
            .unwrap();
        let iv = hex::decode("000102030405060708090a0b0c0d0e0f").unwrap();
        let plain = hex::decode("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51")
            .unwrap();
        let sealed =
            hex::decode("f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d")
                .unwrap();
        let mut out = vec![0; 32];
        crypt(Way::Encrypt, &key, &iv, &plain, &mut out).unwrap();
        assert_eq!(out, sealed);
        crypt(Way::Decrypt, &key, &iv, &sealed, &mut out).unwrap();
        assert_eq!(out, plain);
        // A key of another length, half a block and a short place are refused, not cut to fit.
        assert!(crypt(Way::Decrypt, &key[..16], &iv, &sealed, &mut out).is_none());
        assert!(crypt(Way::Decrypt, &key, &iv, &sealed[..20], &mut out).is_none());
        assert!(crypt(Way::Decrypt, &key, &iv, &sealed, &mut out[..16]).is_none());
    }

    /// RFC 4231, test case 2, its text in two parts.
    #[test]
    fn the_authentication_is_the_one_of_the_standard() {
        let parts: [&[u8]; 2] = [b"what do ya want ", b"for nothing?"];
        let mut out = vec![0; 64];
        authenticate(digest(1).unwrap(), b"Jefe", parts, &mut out).unwrap();
        assert_eq!(
            hex::encode(&out[..32]),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        authenticate(digest(2).unwrap(), b"Jefe", parts, &mut out).unwrap();
        assert!(
            hex::encode(&out)
                .starts_with("164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554")
        );
        assert!(authenticate(digest(1).unwrap(), b"Jefe", parts, &mut out[..31]).is_none());
        assert!(digest(0).is_none(), "SHA-1 stays with OpenSSL");
    }
}
