//! Escrow: the private half is split 2 of n among custodians and then forgotten here.
//!
//! Shamir's scheme over GF(256) with one random coefficient per byte (Shamir 1979): any two shares give the
//! secret, one alone is as good as none. Small enough to be read; a share is a line of text that a custodian
//! can keep on paper. A checksum of the whole secret tells a mistyped share from a right one.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use spotcheck_domain::Entropy;
use zeroize::Zeroizing;

use crate::centre::Centre;
use crate::intake::{forget_escrow, pending_escrow};
use crate::objects::sha256_hex;
use crate::{Error, Result};

const PREFIX: &str = "SPOTCHECK-ESCROW-SHARE-1";
/// Hex digits of the checksum in a share.
const CHECK_DIGITS: usize = 16;
/// Least and most custodians.
const CUSTODIANS: std::ops::RangeInclusive<u8> = 2..=9;

/// Multiplication in GF(2^8) with the AES polynomial, without tables and branches on secrets.
fn multiply(mut a: u8, mut b: u8) -> u8 {
    let mut product = 0_u8;
    for _ in 0..8 {
        product ^= a & 0_u8.wrapping_sub(b & 1);
        let carry = 0_u8.wrapping_sub(a >> 7);
        a = (a << 1) ^ (0x1b & carry);
        b >>= 1;
    }
    product
}

/// a^254 = 1/a.
fn invert(a: u8) -> u8 {
    (0..253).fold(a, |power, _| multiply(power, a))
}

/// A custodian's share.
#[derive(Clone)]
pub struct Share {
    number: u8,
    check: String,
    bytes: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Share").field("number", &self.number).finish_non_exhaustive()
    }
}

fn check_of(secret: &[u8]) -> String {
    sha256_hex(secret).chars().take(CHECK_DIGITS).collect()
}

impl Share {
    /// The line a custodian keeps.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let bytes = Zeroizing::new(hex::encode(self.bytes.as_slice()));
        Zeroizing::new(format!("{PREFIX} {} {} {}", self.number, self.check, bytes.as_str()))
    }

    /// Reads a line; white space around it is ignored.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let mut parts = text.split_whitespace();
        if parts.next() != Some(PREFIX) {
            return None;
        }
        let number = parts.next()?.parse().ok().filter(|n| (1..=*CUSTODIANS.end()).contains(n))?;
        let check = parts.next()?.to_owned();
        let bytes = Zeroizing::new(hex::decode(parts.next()?).ok()?);
        (check.len() == CHECK_DIGITS && parts.next().is_none()).then_some(Self {
            number,
            check,
            bytes,
        })
    }
}

/// Splits a secret so that any two of `custodians` shares give it back.
#[must_use]
pub fn split(secret: &[u8], custodians: u8, entropy: &dyn Entropy) -> Vec<Share> {
    let mut slope = Zeroizing::new(vec![0_u8; secret.len()]);
    entropy.fill(&mut slope);
    let check = check_of(secret);
    (1..=custodians)
        .map(|number| {
            let line = secret.iter().zip(slope.iter());
            let bytes = line.map(|(s, k)| s ^ multiply(*k, number)).collect();
            Share { number, check: check.clone(), bytes: Zeroizing::new(bytes) }
        })
        .collect()
}

/// Gives the secret back; `None` if the shares are not two different ones of one secret.
#[must_use]
pub fn combine(a: &Share, b: &Share) -> Option<Zeroizing<Vec<u8>>> {
    if a.number == b.number || a.bytes.len() != b.bytes.len() || a.check != b.check {
        return None;
    }
    // Lagrange at 0 over GF(2^8), where minus is plus.
    let scale = invert(a.number ^ b.number);
    let (left, right) = (multiply(b.number, scale), multiply(a.number, scale));
    let pairs = a.bytes.iter().zip(b.bytes.iter());
    let secret: Vec<u8> = pairs.map(|(x, y)| multiply(*x, left) ^ multiply(*y, right)).collect();
    let secret = Zeroizing::new(secret);
    (check_of(&secret) == a.check).then_some(secret)
}

/// Writes one file per custodian and forgets the private half for good.
///
/// # Errors
/// It was handed out before, a bad number of custodians, or a file that cannot be written (then nothing is
/// forgotten).
pub fn export(centre: &Centre, out: &Path, custodians: u8) -> Result<Vec<PathBuf>> {
    if !CUSTODIANS.contains(&custodians) {
        return Err(Error::refused(
            "ESCROW-CUSTODIANS",
            "保管人数须为 2 至 9。",
            "请更正 --custodians。",
        ));
    }
    let secret = pending_escrow(centre.repo())?.ok_or_else(|| {
        Error::refused("ESCROW-GONE", "托管密钥的分片已经发放，中心不再保存。", "请联系保管人。")
    })?;
    let what = "write a share";
    std::fs::create_dir_all(out).map_err(Error::io(what))?;
    let mut files = Vec::new();
    for share in split(&secret, custodians, centre.entropy().as_ref()) {
        let path = out.join(format!("escrow-share-{}.txt", share.number));
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(Error::io(what))?;
        writeln!(file, "{}", share.to_text().as_str()).map_err(Error::io(what))?;
        file.sync_all().map_err(Error::io(what))?;
        files.push(path);
    }
    crate::folder::sync_dir(out)?;
    centre.record_act("escrow-handed-out", &custodians.to_string())?;
    forget_escrow(centre.repo())?;
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemEntropy;

    #[test]
    fn the_field_is_the_one_of_aes() {
        assert_eq!(multiply(0x57, 0x83), 0xc1);
        for a in 1..=255 {
            assert_eq!(multiply(a, invert(a)), 1, "{a}");
        }
    }

    #[test]
    fn any_two_shares_give_the_secret_and_one_gives_nothing() {
        let secret = b"AGE-SECRET-KEY-1QQQQ";
        let shares = split(secret, 3, &SystemEntropy::new());
        for (a, b) in [(0, 1), (1, 2), (2, 0)] {
            let text = |i: usize| Share::from_text(&shares[i].to_text()).unwrap();
            assert_eq!(combine(&text(a), &text(b)).unwrap().as_slice(), secret);
        }
        assert!(combine(&shares[0], &shares[0]).is_none());
        let mut typo = shares[1].clone();
        typo.bytes[3] ^= 1;
        assert!(combine(&shares[0], &typo).is_none());
        let other = split(b"AGE-SECRET-KEY-1PPPP", 3, &SystemEntropy::new());
        assert!(combine(&shares[0], &other[1]).is_none());
        // Every value of a byte is as likely under one share: the slope hides it.
        assert!(Share::from_text("SPOTCHECK-ESCROW-SHARE-1 0 aa bb").is_none());
    }
}
