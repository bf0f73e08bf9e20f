//! A transparency log in memory, by the published crates (tlog_tiles, signed_note): a second opinion on
//! what `evidence::tlog` accepts.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{Ed25519KeyPair, KeyPair};
use signed_note::{Note, Signer, StandardSigner};
use spotcheck_evidence::tlog::LogKey;
use tlog_tiles::{
    Checkpoint, Hash, HashReader, prove_record, prove_tree, stored_hashes, tree_hash,
};

#[derive(Default)]
struct Stored(HashMap<u64, Hash>);

impl HashReader for Stored {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog_tiles::Error> {
        Ok(indexes.iter().map(|index| self.0[index]).collect())
    }
}

pub(crate) struct TestLog {
    name: String,
    seed: [u8; 32],
    stored: Stored,
    size: u64,
}

impl TestLog {
    pub(crate) fn new(name: &str, seed: u8) -> Self {
        Self { name: name.to_owned(), seed: [seed; 32], stored: Stored::default(), size: 0 }
    }

    fn key(&self) -> LogKey {
        let pair = Ed25519KeyPair::from_seed_unchecked(&self.seed).unwrap();
        LogKey::new(&self.name, pair.public_key().as_ref().try_into().unwrap()).unwrap()
    }

    pub(crate) fn vkey(&self) -> String {
        self.key().to_vkey()
    }

    /// Appends a leaf; gives its index.
    pub(crate) fn append(&mut self, leaf: &[u8]) -> u64 {
        let index = self.size;
        let start = tlog_tiles::stored_hash_index(0, index);
        let hashes = stored_hashes(index, leaf, &self.stored).unwrap();
        for (n, hash) in hashes.into_iter().enumerate() {
            self.stored.0.insert(start + n as u64, hash);
        }
        self.size += 1;
        index
    }

    /// Signed checkpoint of the first `size` leaves.
    pub(crate) fn checkpoint_at(&self, size: u64) -> String {
        let root = tree_hash(size, &self.stored).unwrap();
        let text = Checkpoint::new(&self.name, size, root, "").unwrap().to_bytes();
        let mut key = vec![1_u8];
        key.extend_from_slice(&self.seed);
        let skey = format!(
            "PRIVATE+KEY+{}+{}+{}",
            self.name,
            hex::encode(self.key().id()),
            STANDARD.encode(key)
        );
        let signer: Box<dyn Signer> = Box::new(StandardSigner::new(&skey).unwrap());
        let mut note = Note::new(&text, &[]).unwrap();
        note.add_sigs(&[signer.as_ref()]).unwrap();
        String::from_utf8(note.to_bytes()).unwrap()
    }

    pub(crate) fn checkpoint(&self) -> String {
        self.checkpoint_at(self.size)
    }

    /// C2SP tlog-proof of a leaf under the tree of the first `size` leaves.
    pub(crate) fn proof(&self, index: u64, size: u64) -> String {
        let mut text = format!("c2sp.org/tlog-proof@v1\nindex {index}\n");
        for hash in prove_record(size, index, &self.stored).unwrap() {
            text.push_str(&STANDARD.encode(hash.0));
            text.push('\n');
        }
        text.push('\n');
        text.push_str(&self.checkpoint_at(size));
        text
    }

    /// Consistency proof, base64 hashes.
    pub(crate) fn consistency(&self, from: u64, to: u64) -> Vec<String> {
        if from == 0 || from >= to {
            return Vec::new();
        }
        let proof = prove_tree(to, from, &self.stored).unwrap();
        proof.into_iter().map(|hash| STANDARD.encode(hash.0)).collect()
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }
}
