//! A transparency log in memory.

use std::sync::Mutex;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _};

use crate::Hash32;
use crate::tlog::{Checkpoint, LogKey, LogProof, leaf_hash, node_hash};

/// A log: all leaves, one Ed25519 key.
#[derive(Debug)]
pub struct TestLog {
    name: String,
    pair: Ed25519KeyPair,
    leaves: Mutex<Vec<Hash32>>,
}

impl TestLog {
    /// An empty log with a new key.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let pair = Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap();
        Self { name: name.to_owned(), pair, leaves: Mutex::new(Vec::new()) }
    }

    /// The public key.
    #[must_use]
    pub fn key(&self) -> LogKey {
        LogKey::new(&self.name, self.pair.public_key().as_ref().try_into().unwrap()).unwrap()
    }

    /// Appends a leaf; gives its index.
    pub fn append(&self, entry: &[u8]) -> u64 {
        let mut leaves = self.leaves.lock().unwrap();
        leaves.push(leaf_hash(entry));
        leaves.len() as u64 - 1
    }

    /// Number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.leaves.lock().unwrap().len() as u64
    }

    /// The checkpoint at a size.
    #[must_use]
    pub fn checkpoint(&self, size: u64) -> Checkpoint {
        let leaves = self.leaves.lock().unwrap();
        Checkpoint { origin: self.name.clone(), size, root: root(&leaves[..size as usize]) }
    }

    /// The checkpoint at a size, signed.
    #[must_use]
    pub fn signed_checkpoint(&self, size: u64) -> String {
        self.sign(&self.checkpoint(size))
    }

    /// Signs any checkpoint, true or not.
    #[must_use]
    pub fn sign(&self, checkpoint: &Checkpoint) -> String {
        let text = checkpoint.to_text();
        let mut signature = self.key().id().to_vec();
        signature.extend_from_slice(self.pair.sign(text.as_bytes()).as_ref());
        format!("{text}\n\u{2014} {} {}\n", self.name, STANDARD.encode(signature))
    }

    /// Inclusion proof of a leaf at a size.
    #[must_use]
    pub fn prove(&self, index: u64, size: u64) -> LogProof {
        let leaves = self.leaves.lock().unwrap();
        let hashes = path(index as usize, &leaves[..size as usize]);
        drop(leaves);
        LogProof { index, hashes, checkpoint: self.signed_checkpoint(size) }
    }

    /// Consistency proof between two sizes (RFC 9162 §2.1.4.1).
    #[must_use]
    pub fn prove_consistency(&self, old: u64, new: u64) -> Vec<Hash32> {
        fn sub(old: usize, leaves: &[Hash32], whole: bool) -> Vec<Hash32> {
            if old == leaves.len() {
                return if whole { Vec::new() } else { vec![root(leaves)] };
            }
            let k = split(leaves.len());
            if old <= k {
                let mut found = sub(old, &leaves[..k], whole);
                found.push(root(&leaves[k..]));
                found
            } else {
                let mut found = sub(old - k, &leaves[k..], false);
                found.push(root(&leaves[..k]));
                found
            }
        }
        let leaves = self.leaves.lock().unwrap();
        if old == 0 { Vec::new() } else { sub(old as usize, &leaves[..new as usize], true) }
    }
}

/// Largest power of two below `n`.
fn split(n: usize) -> usize {
    n.next_power_of_two() / 2
}

fn root(leaves: &[Hash32]) -> Hash32 {
    match leaves {
        [] => Hash32::sha256(b""),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(&root(left), &root(right))
        }
    }
}

fn path(index: usize, leaves: &[Hash32]) -> Vec<Hash32> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let k = split(leaves.len());
    let (left, right) = leaves.split_at(k);
    let (mut found, sibling) = if index < k {
        (path(index, left), root(right))
    } else {
        (path(index - k, right), root(left))
    };
    found.push(sibling);
    found
}
