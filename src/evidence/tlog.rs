//! Transparency log: keys, checkpoints and proofs in the C2SP text forms, checked on ring.
//!
//! The centre writes the log with `tlog_tiles` and `signed_note`; this side only verifies, is a few
//! hundred lines and pulls in nothing, so that a court can read it. Forms: C2SP signed-note,
//! tlog-checkpoint, tlog-proof@v1; hashing and proofs: RFC 6962 / RFC 9162 §2.1.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{Context, SHA256};
use ring::signature::{ED25519, UnparsedPublicKey};

use crate::Hash32;

/// Algorithm byte of Ed25519 in a note key.
const NOTE_ED25519: u8 = 1;
const PROOF_HEADER: &str = "c2sp.org/tlog-proof@v1";
/// A path of this many hashes would need a tree of more than 2^64 leaves.
const MAX_PROOF_HASHES: usize = 64;
const MAX_NOTE_SIGNATURES: usize = 64;

/// Why a key, checkpoint or proof was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LogFault {
    /// Not a C2SP verifier key.
    #[error("not a verifier key")]
    Key,
    /// Not a signed note holding a checkpoint.
    #[error("not a signed checkpoint")]
    Checkpoint,
    /// Signed under another name or key.
    #[error("not signed by this log")]
    OtherLog,
    /// The signature does not hold.
    #[error("the signature of the checkpoint does not hold")]
    Signature,
    /// Not a tlog-proof.
    #[error("not an inclusion proof")]
    Proof,
    /// The proof does not lead to the root.
    #[error("the proof does not lead to the root")]
    Inclusion,
    /// The newer tree does not contain the older one.
    #[error("the newer tree does not contain the older one")]
    Consistency,
}

/// Leaf hash of RFC 6962: SHA-256 of 0x00 and the entry.
#[must_use]
pub fn leaf_hash(entry: &[u8]) -> Hash32 {
    let mut context = Context::new(&SHA256);
    context.update(&[0]);
    context.update(entry);
    Hash32::from_ring(&context.finish())
}

/// Node hash of RFC 6962: SHA-256 of 0x01 and both children.
#[must_use]
pub fn node_hash(left: &Hash32, right: &Hash32) -> Hash32 {
    let mut context = Context::new(&SHA256);
    context.update(&[1]);
    context.update(left.as_bytes());
    context.update(right.as_bytes());
    Hash32::from_ring(&context.finish())
}

/// A hash as written in checkpoints and proofs: base64 of 32 bytes.
#[must_use]
pub fn parse_hash(text: &str) -> Option<Hash32> {
    let bytes: [u8; 32] = STANDARD.decode(text).ok()?.try_into().ok()?;
    Some(Hash32(bytes))
}

/// A tree size or index: decimal without leading zeros.
fn parse_number(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}

/// Public key of a log (C2SP `vkey`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogKey {
    name: String,
    id: [u8; 4],
    public: [u8; 32],
}

impl LogKey {
    /// Reads `NAME+HEX+BASE64`.
    ///
    /// # Errors
    /// [`LogFault::Key`] if the text has another form, another algorithm than Ed25519, or a key id that
    /// is not that of name and key.
    pub fn parse(vkey: &str) -> Result<Self, LogFault> {
        let mut parts = vkey.trim_end_matches(['\r', '\n']).splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(LogFault::Key);
        };
        let key = STANDARD.decode(key).map_err(|_| LogFault::Key)?;
        let Some((&NOTE_ED25519, public)) = key.split_first() else { return Err(LogFault::Key) };
        let public: [u8; 32] = public.try_into().map_err(|_| LogFault::Key)?;
        let key = Self::new(name, public)?;
        if id.len() == 8 && hex::encode(key.id) == id { Ok(key) } else { Err(LogFault::Key) }
    }

    /// From name and Ed25519 public key.
    ///
    /// # Errors
    /// [`LogFault::Key`] if the name is empty or holds a space or `+`.
    pub fn new(name: &str, public: [u8; 32]) -> Result<Self, LogFault> {
        if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c == '+') {
            return Err(LogFault::Key);
        }
        let mut context = Context::new(&SHA256);
        context.update(name.as_bytes());
        context.update(&[b'\n', NOTE_ED25519]);
        context.update(&public);
        let mut id = [0; 4];
        for (to, from) in id.iter_mut().zip(context.finish().as_ref()) {
            *to = *from;
        }
        Ok(Self { name: name.to_owned(), id, public })
    }

    /// The vkey text.
    #[must_use]
    pub fn to_vkey(&self) -> String {
        let mut key = vec![NOTE_ED25519];
        key.extend_from_slice(&self.public);
        format!("{}+{}+{}", self.name, hex::encode(self.id), STANDARD.encode(key))
    }

    /// Name of the log.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Key id: first 4 bytes of SHA-256 over name, LF, algorithm byte and key.
    #[must_use]
    pub const fn id(&self) -> [u8; 4] {
        self.id
    }
}

/// State of a log: how many leaves, which root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Name of the log.
    pub origin: String,
    /// Number of leaves.
    pub size: u64,
    /// Root hash.
    pub root: Hash32,
}

impl Checkpoint {
    /// The root as written in checkpoints.
    #[must_use]
    pub fn root_base64(&self) -> String {
        STANDARD.encode(self.root.as_bytes())
    }

    /// The text that is signed.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, self.root_base64())
    }

    /// Reads a signed checkpoint without looking at its signatures: for what is only shown or compared.
    ///
    /// # Errors
    /// [`LogFault::Checkpoint`].
    pub fn peek(note: &str) -> Result<Self, LogFault> {
        Self::from_text(split_note(note)?.0)
    }

    /// Reads a signed checkpoint and checks the log's signature. Other signatures (witnesses) may be
    /// there and are not looked at.
    ///
    /// # Errors
    /// [`LogFault::Checkpoint`], [`LogFault::OtherLog`], [`LogFault::Signature`].
    pub fn open(note: &str, key: &LogKey) -> Result<Self, LogFault> {
        let (text, signatures) = split_note(note)?;
        let checkpoint = Self::from_text(text)?;
        if checkpoint.origin != key.name {
            return Err(LogFault::OtherLog);
        }
        let mut signed = false;
        for line in signatures {
            let (name, bytes) = note_signature(line)?;
            let Some((id, signature)) = bytes.split_first_chunk::<4>() else {
                return Err(LogFault::Checkpoint);
            };
            if name != key.name || *id != key.id {
                continue;
            }
            UnparsedPublicKey::new(&ED25519, &key.public)
                .verify(text.as_bytes(), signature)
                .map_err(|_| LogFault::Signature)?;
            signed = true;
        }
        if signed { Ok(checkpoint) } else { Err(LogFault::OtherLog) }
    }

    fn from_text(text: &str) -> Result<Self, LogFault> {
        let mut lines = text.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next())
        else {
            return Err(LogFault::Checkpoint);
        };
        let size = parse_number(size).ok_or(LogFault::Checkpoint)?;
        let root = parse_hash(root).ok_or(LogFault::Checkpoint)?;
        if origin.is_empty() {
            return Err(LogFault::Checkpoint);
        }
        Ok(Self { origin: origin.to_owned(), size, root })
    }
}

/// Text (with its last LF) and signature lines of a signed note.
fn split_note(note: &str) -> Result<(&str, Vec<&str>), LogFault> {
    if note.chars().any(|c| c.is_control() && c != '\n') {
        return Err(LogFault::Checkpoint);
    }
    let at = note.rfind("\n\n").ok_or(LogFault::Checkpoint)?;
    let (text, rest) = note.split_at(at.saturating_add(1));
    let signatures = rest.strip_prefix('\n').and_then(|r| r.strip_suffix('\n'));
    let lines: Vec<_> = signatures.ok_or(LogFault::Checkpoint)?.split('\n').collect();
    if lines.len() > MAX_NOTE_SIGNATURES {
        return Err(LogFault::Checkpoint);
    }
    Ok((text, lines))
}

fn note_signature(line: &str) -> Result<(&str, Vec<u8>), LogFault> {
    let (name, signature) = line
        .strip_prefix("\u{2014} ")
        .and_then(|rest| rest.split_once(' '))
        .ok_or(LogFault::Checkpoint)?;
    Ok((name, STANDARD.decode(signature).map_err(|_| LogFault::Checkpoint)?))
}

/// An inclusion proof with the checkpoint it leads to (`c2sp.org/tlog-proof@v1`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogProof {
    /// Index of the leaf.
    pub index: u64,
    /// Path from the leaf to the root.
    pub hashes: Vec<Hash32>,
    /// The signed checkpoint, whole.
    pub checkpoint: String,
}

impl LogProof {
    /// Reads the text form.
    ///
    /// # Errors
    /// [`LogFault::Proof`] or [`LogFault::Checkpoint`].
    pub fn parse(text: &str) -> Result<Self, LogFault> {
        let (head, checkpoint) = text.split_once("\n\n").ok_or(LogFault::Proof)?;
        let mut lines = head.split('\n');
        if lines.next() != Some(PROOF_HEADER) {
            return Err(LogFault::Proof);
        }
        let index = lines
            .next()
            .and_then(|line| line.strip_prefix("index "))
            .and_then(parse_number)
            .ok_or(LogFault::Proof)?;
        let hashes: Option<Vec<_>> = lines.map(parse_hash).collect();
        let hashes = hashes.filter(|h| h.len() <= MAX_PROOF_HASHES).ok_or(LogFault::Proof)?;
        Checkpoint::peek(checkpoint)?;
        Ok(Self { index, hashes, checkpoint: checkpoint.to_owned() })
    }

    /// The text form.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!("{PROOF_HEADER}\nindex {}\n", self.index);
        for hash in &self.hashes {
            text.push_str(&STANDARD.encode(hash.as_bytes()));
            text.push('\n');
        }
        text.push('\n');
        text.push_str(&self.checkpoint);
        text
    }

    /// Checks that `entry` is the leaf, under a checkpoint signed by `key`. Gives that checkpoint.
    ///
    /// # Errors
    /// A checkpoint that is not this log's, or a path that does not lead to its root.
    pub fn verify(&self, entry: &[u8], key: &LogKey) -> Result<Checkpoint, LogFault> {
        let checkpoint = Checkpoint::open(&self.checkpoint, key)?;
        let leaf = leaf_hash(entry);
        verify_inclusion(self.index, checkpoint.size, &leaf, &self.hashes, &checkpoint.root)?;
        Ok(checkpoint)
    }
}

/// RFC 9162 §2.1.3.2: `leaf` is leaf `index` of the tree of `size` leaves with `root`.
///
/// # Errors
/// [`LogFault::Inclusion`].
pub fn verify_inclusion(
    index: u64,
    size: u64,
    leaf: &Hash32,
    path: &[Hash32],
    root: &Hash32,
) -> Result<(), LogFault> {
    let mut inner = index;
    let mut last = match size.checked_sub(1) {
        Some(last) if index <= last => last,
        _ => return Err(LogFault::Inclusion),
    };
    let mut hash = *leaf;
    for sibling in path {
        if last == 0 {
            return Err(LogFault::Inclusion);
        }
        if inner & 1 == 1 || inner == last {
            hash = node_hash(sibling, &hash);
            while inner & 1 == 0 && inner != 0 {
                inner >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        inner >>= 1;
        last >>= 1;
    }
    if last == 0 && hash == *root { Ok(()) } else { Err(LogFault::Inclusion) }
}

/// RFC 9162 §2.1.4.2: the tree `new` begins with all leaves of `old`.
///
/// # Errors
/// [`LogFault::Consistency`].
pub fn verify_consistency(
    old: &Checkpoint,
    new: &Checkpoint,
    path: &[Hash32],
) -> Result<(), LogFault> {
    let wrong = Err(LogFault::Consistency);
    if old.origin != new.origin || old.size > new.size {
        return wrong;
    }
    if old.size == new.size {
        return if path.is_empty() && old.root == new.root { Ok(()) } else { wrong };
    }
    if old.size == 0 {
        return if path.is_empty() { Ok(()) } else { wrong };
    }
    let mut path = path.iter();
    let mut inner = old.size.saturating_sub(1);
    let mut last = new.size.saturating_sub(1);
    while inner & 1 == 1 {
        inner >>= 1;
        last >>= 1;
    }
    let first = if old.size.is_power_of_two() { Some(&old.root) } else { path.next() };
    let Some(first) = first else { return wrong };
    let (mut old_hash, mut new_hash) = (*first, *first);
    for sibling in path {
        if last == 0 {
            return wrong;
        }
        if inner & 1 == 1 || inner == last {
            old_hash = node_hash(sibling, &old_hash);
            new_hash = node_hash(sibling, &new_hash);
            while inner & 1 == 0 && inner != 0 {
                inner >>= 1;
                last >>= 1;
            }
        } else {
            new_hash = node_hash(&new_hash, sibling);
        }
        inner >>= 1;
        last >>= 1;
    }
    if last == 0 && old_hash == old.root && new_hash == new.root { Ok(()) } else { wrong }
}

#[cfg(test)]
mod tests;
