//! A growing buffer that leaves nothing behind.
//!
//! `Vec` frees its old storage unwiped when it grows; this one moves into new storage and wipes the old.

use zeroize::Zeroizing;

const LEAST_BYTES: usize = 32 * 1024;

#[derive(Default)]
pub(super) struct SecretBuf {
    bytes: Zeroizing<Vec<u8>>,
}

impl SecretBuf {
    pub(super) fn as_slice(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) fn extend(&mut self, more: &[u8]) {
        let need = self.bytes.len().saturating_add(more.len());
        if need > self.bytes.capacity() {
            let room = need.saturating_mul(2).max(LEAST_BYTES);
            let mut grown = Zeroizing::new(Vec::with_capacity(room));
            grown.extend_from_slice(&self.bytes);
            self.bytes = grown;
        }
        self.bytes.extend_from_slice(more);
    }

    /// All of it; empty afterwards.
    pub(super) fn take(&mut self) -> Zeroizing<Vec<u8>> {
        std::mem::take(&mut self.bytes)
    }

    /// Moves the first `count` bytes to the end of `into`.
    pub(super) fn move_front(&mut self, count: usize, into: &mut Self) {
        let old = self.take();
        let (front, rest) = old.split_at(count.min(old.len()));
        into.extend(front);
        if !rest.is_empty() {
            self.extend(rest);
        }
    }
}
