//! One bit that storage lost is found again by the hash that was written with it.
//!
//! The lists of a recording lie in clear and are small; what they say goes into the journal and cannot be asked for
//! twice. A flipped bit is the damage that flash and memory do most; there are a few thousand bits in a line, so each
//! is tried until the hash fits. Two wrong bits, or a lost sector, are not guessed at: for these every list but the log
//! has a second copy (see [`twice`](super::twice)), and the log is begun anew behind its last good line.

/// Longest text whose bits are tried: what is longer lost more than a bit.
const MOST: usize = 4096;

/// `text` with the one bit turned that makes it `good`; `None` if there is none, or the text is too long to be
/// damaged by a single bit.
pub(super) fn one_bit(text: &[u8], good: impl Fn(&[u8]) -> bool) -> Option<Vec<u8>> {
    if text.len() > MOST {
        return None;
    }
    let mut tried = text.to_vec();
    for at in 0..text.len() {
        for bit in 0..8 {
            let turn = |tried: &mut Vec<u8>| {
                if let Some(byte) = tried.get_mut(at) {
                    *byte ^= 1 << bit;
                }
            };
            turn(&mut tried);
            if good(&tried) {
                return Some(tried);
            }
            turn(&mut tried);
        }
    }
    None
}

/// The parts of `text` between line feeds, without an empty one behind the last.
pub(super) fn pieces(text: &[u8]) -> Vec<&[u8]> {
    let mut all: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    if all.last().is_some_and(|last| last.is_empty()) {
        all.pop();
    }
    all
}
