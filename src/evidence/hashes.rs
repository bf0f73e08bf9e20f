//! SHA-256 and SM3 in one pass.
//!
//! The SM3 list of a bundle is computed at capture, because it cannot be added later (evidence.md §3).
//! Media are large and are read once, so both hashes and the size run along together.

use std::fmt;
use std::io;

use ring::digest::{Context, SHA256, digest};
use serde::{Deserialize, Serialize};
use sm3::{Digest, Sm3};

/// 32 bytes of SHA-256 or SM3; in JSON and manifests 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Hash32(pub [u8; 32]);

impl Hash32 {
    /// 64 zeros: `prev` of a chain's first line.
    pub const ZERO: Self = Self([0; 32]);

    /// SHA-256 of `bytes`.
    #[must_use]
    pub fn sha256(bytes: &[u8]) -> Self {
        Self::from_ring(&digest(&SHA256, bytes))
    }

    /// SM3 of `bytes`.
    #[must_use]
    pub fn sm3(bytes: &[u8]) -> Self {
        Self(Sm3::digest(bytes).into())
    }

    /// Reads exactly 64 lower-case hex digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.bytes().any(|b| b.is_ascii_uppercase()) {
            return None;
        }
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Self(bytes))
    }

    /// The first 16 hex digits: what is printed on paper as the journal's head.
    #[must_use]
    pub fn head16(&self) -> String {
        self.to_string().chars().take(16).collect()
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(crate) fn from_ring(digest: &ring::digest::Digest) -> Self {
        let mut bytes = [0; 32];
        for (to, from) in bytes.iter_mut().zip(digest.as_ref()) {
            *to = *from;
        }
        Self(bytes)
    }
}

impl fmt::Display for Hash32 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Hash32 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl TryFrom<String> for Hash32 {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not 64 lower-case hex digits")
    }
}

impl From<Hash32> for String {
    fn from(hash: Hash32) -> Self {
        hash.to_string()
    }
}

/// Both hashes and the size of one file, as record.json and the manifests need them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileHashes {
    /// SHA-256 of the content.
    pub sha256: Hash32,
    /// SM3 of the content.
    pub sm3: Hash32,
    /// Length in bytes.
    pub size: u64,
}

impl FileHashes {
    /// Of bytes in memory.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut hash = DualHash::new();
        hash.update(bytes);
        hash.finish()
    }
}

/// Running SHA-256, SM3 and size. Cloning it is the checkpoint after a segment.
#[derive(Clone)]
pub struct DualHash {
    sha256: Context,
    sm3: Sm3,
    size: u64,
}

impl DualHash {
    /// Of nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self { sha256: Context::new(&SHA256), sm3: Sm3::new(), size: 0 }
    }

    /// Appends bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        self.sm3.update(bytes);
        self.size = self.size.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    }

    /// What it would be if nothing came after.
    #[must_use]
    pub fn so_far(&self) -> FileHashes {
        self.clone().finish()
    }

    /// Both hashes and the size.
    #[must_use]
    pub fn finish(self) -> FileHashes {
        FileHashes {
            sha256: Hash32::from_ring(&self.sha256.finish()),
            sm3: Hash32(self.sm3.finalize().into()),
            size: self.size,
        }
    }
}

impl Default for DualHash {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for DualHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DualHash").field("size", &self.size).finish_non_exhaustive()
    }
}

impl io::Write for DualHash {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_hashes_are_those_of_the_standards() {
        // FIPS 180-4 and GB/T 32905 example "abc".
        let hashes = FileHashes::of(b"abc");
        assert_eq!(
            hashes.sha256.to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(
            hashes.sm3.to_string(),
            "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
        );
        assert_eq!(hashes.size, 3);
        assert_eq!(hashes.sha256, Hash32::sha256(b"abc"));
        assert_eq!(hashes.sm3, Hash32::sm3(b"abc"));
    }

    #[test]
    fn a_checkpoint_is_the_hash_of_what_came_before_it() {
        let mut hash = DualHash::new();
        hash.update(b"segment one");
        assert_eq!(hash.so_far(), FileHashes::of(b"segment one"));
        hash.update(b", segment two");
        assert_eq!(hash.finish(), FileHashes::of(b"segment one, segment two"));
    }

    #[test]
    fn only_lower_case_hex_of_full_length_is_a_hash() {
        let text = "0".repeat(63) + "a";
        assert_eq!(Hash32::parse(&text).unwrap().to_string(), text);
        assert!(Hash32::parse(&text.to_uppercase()).is_none());
        assert!(Hash32::parse(&text[1..]).is_none());
        assert!(Hash32::parse(&format!("{text}0")).is_none());
    }
}
