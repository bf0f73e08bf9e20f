//! Reads which word follows which from libime's language model, where that package is installed.
//!
//! `zh_CN.lm` (Debian `libime-data-language-model`, LGPL-2.1+, of the fcitx5 project) is a KenLM file of the
//! kind "quantised trie with compressed pointers", version 5. Only single words and pairs are read: pairs
//! of three brought nothing measurable and cost another table. It is read as data, bounds-checked, so a
//! damaged file means "no model", never a crash. Without it the engine works from word frequencies.
//! Format as observed and as described by KenLM's documentation.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Where Debian's package puts it, per machine.
pub(crate) const PLACES: [&str; 4] = [
    "/usr/lib/x86_64-linux-gnu/libime/zh_CN.lm",
    "/usr/lib/aarch64-linux-gnu/libime/zh_CN.lm",
    "/usr/lib/libime/zh_CN.lm",
    "/usr/lib64/libime/zh_CN.lm",
];

const MAGIC: &[u8] = b"mmap lm http://kheafield.com/code format version 5\n\0";
/// Header: magic padded, numbers that test the byte order, then the fixed parameters.
const PARAMETERS: usize = 88;
const COUNTS: usize = 108;
/// "Quantised trie with array-compressed pointers".
const KIND: u32 = 5;
/// Bytes of a single word's record.
const UNIGRAM: usize = 16;
/// Larger files are not ours.
const LARGEST: u64 = 256 << 20;

/// Single words and pairs of a language model.
pub(crate) struct Model {
    bytes: Vec<u8>,
    ids: HashMap<Box<str>, u32>,
    unigrams: usize,
    prob_bins: usize,
    prob_bits: u32,
    backoff_bits: u32,
    word_bits: u32,
    next_bits: u32,
    pairs: usize,
}

fn required_bits(max: u64) -> u32 {
    64_u32.saturating_sub(max.leading_zeros())
}

/// How many high bits of the pointers KenLM moved into a side table: the cheapest choice.
fn chopped_bits(max_offset: u64, max_next: u64, limit: u32) -> u32 {
    let required = required_bits(max_next);
    let (mut best, mut lowest) = (0, i128::MAX);
    for chop in 0..=required.min(limit) {
        let table = i128::from(max_next.checked_shr(required.saturating_sub(chop)).unwrap_or(0));
        let change = table
            .saturating_mul(64)
            .saturating_sub(i128::from(max_offset).saturating_mul(i128::from(chop)));
        if change < lowest {
            (lowest, best) = (change, chop);
        }
    }
    best
}

fn align8(at: usize) -> Option<usize> {
    at.checked_next_multiple_of(8)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    let raw = bytes.get(at..at.checked_add(8)?)?;
    Some(u64::from_le_bytes(raw.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let raw = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(raw.try_into().ok()?))
}

fn f32_at(bytes: &[u8], at: usize) -> Option<f32> {
    u32_at(bytes, at).map(f32::from_bits)
}

impl Model {
    /// The first file found among [`PLACES`].
    pub(crate) fn place() -> Option<PathBuf> {
        PLACES.iter().map(PathBuf::from).find(|p| p.is_file())
    }

    /// Opens a model; `None` for anything that is not of this kind.
    pub(crate) fn open(path: &Path) -> Option<Self> {
        if std::fs::metadata(path).ok()?.len() > LARGEST {
            return None;
        }
        Self::from_bytes(std::fs::read(path).ok()?)
    }

    /// Reads a model from memory.
    pub(crate) fn from_bytes(bytes: Vec<u8>) -> Option<Self> {
        if !bytes.starts_with(MAGIC) || u32_at(&bytes, PARAMETERS.checked_add(8)?)? != KIND {
            return None;
        }
        let order = *bytes.get(PARAMETERS)?;
        if order < 3 {
            return None;
        }
        let words = u64_at(&bytes, COUNTS)?;
        let pair_count = u64_at(&bytes, COUNTS.checked_add(8)?)?;
        let triple_count = u64_at(&bytes, COUNTS.checked_add(16)?)?;
        let counts_end = COUNTS.checked_add(usize::from(order).checked_mul(8)?)?;
        // Vocabulary: its size, then hashes; words are found by the list of strings instead.
        let vocabulary = align8(counts_end)?;
        let hashes = usize::try_from(u64_at(&bytes, vocabulary)?).ok()?;
        let quant =
            vocabulary.checked_add(8)?.checked_add(usize::try_from(words).ok()?.checked_mul(8)?)?;
        if hashes > usize::try_from(words).ok()? {
            return None;
        }
        let prob_bits = u32::from(*bytes.get(quant.checked_add(1)?)?);
        let backoff_bits = u32::from(*bytes.get(quant.checked_add(2)?)?);
        if !(1..=24).contains(&prob_bits) || !(1..=24).contains(&backoff_bits) {
            return None;
        }
        let probs = 1_usize.checked_shl(prob_bits)?.checked_mul(4)?;
        let backoffs = 1_usize.checked_shl(backoff_bits)?.checked_mul(4)?;
        let middle_orders = usize::from(order).checked_sub(2)?;
        let tables = probs.checked_add(backoffs)?.checked_mul(middle_orders)?.checked_add(probs)?;
        let prob_bins = quant.checked_add(8)?;
        let unigrams = prob_bins.checked_add(tables)?;
        let middle = unigrams
            .checked_add(usize::try_from(words).ok()?.checked_add(2)?.checked_mul(UNIGRAM)?)?;
        // Pointers of pairs to triples: a side table of offsets, then the packed records.
        let limit = u32::from(*bytes.get(middle.checked_add(1)?)?);
        let chop = chopped_bits(pair_count.checked_add(1)?, triple_count, limit);
        let required = required_bits(triple_count);
        let side =
            triple_count.checked_shr(required.checked_sub(chop)?).unwrap_or(0).checked_add(1)?;
        let side = usize::try_from(side.checked_add(1)?).ok()?.checked_mul(8)?;
        let pairs = middle.checked_add(side)?.checked_add(7)?;
        let strings = bytes.windows(6).rposition(|w| w == b"<unk>\0")?;
        let ids = bytes
            .get(strings..)?
            .split(|b| *b == 0)
            .zip(0_u32..)
            .filter_map(|(word, id)| Some((Box::from(std::str::from_utf8(word).ok()?), id)))
            .collect();
        Some(Self {
            ids,
            unigrams,
            prob_bins,
            prob_bits,
            backoff_bits,
            word_bits: required_bits(words),
            next_bits: required.checked_sub(chop)?,
            pairs,
            bytes,
        })
    }

    /// Id of a word; `None` for one the model does not know.
    pub(crate) fn id(&self, word: &str) -> Option<u32> {
        self.ids.get(word).copied().filter(|id| *id != 0)
    }

    fn bits(&self, at_bit: u64, count: u32) -> Option<u64> {
        let byte = usize::try_from(at_bit.checked_shr(3)?).ok()?;
        let word = u64_at(&self.bytes, self.pairs.checked_add(byte)?)?;
        let shifted = word.checked_shr(u32::try_from(at_bit & 7).ok()?)?;
        Some(shifted & 1_u64.checked_shl(count)?.checked_sub(1)?)
    }

    /// Probability, backoff and beginning of its pairs, of a single word.
    fn unigram(&self, id: u32) -> Option<(f32, f32, u64)> {
        let at = self.unigrams.checked_add(usize::try_from(id).ok()?.checked_mul(UNIGRAM)?)?;
        Some((
            f32_at(&self.bytes, at)?,
            f32_at(&self.bytes, at.checked_add(4)?)?,
            u64_at(&self.bytes, at.checked_add(8)?)?,
        ))
    }

    /// log10 of how likely `word` is after `before` (none: unknown or the beginning).
    pub(crate) fn score(&self, before: Option<u32>, word: u32) -> Option<f32> {
        let (alone, _, from) = self.unigram(word)?;
        let Some(before) = before else { return Some(alone) };
        let (_, _, to) = self.unigram(word.checked_add(1)?)?;
        let record = self
            .word_bits
            .checked_add(self.prob_bits)?
            .checked_add(self.backoff_bits)?
            .checked_add(self.next_bits)?;
        // Pairs lie under their second word, sorted by the first.
        let (mut low, mut high) = (from, to);
        while low < high {
            let middle = low.midpoint(high);
            let at = middle.checked_mul(u64::from(record))?;
            let found = u32::try_from(self.bits(at, self.word_bits)?).ok()?;
            match found.cmp(&before) {
                std::cmp::Ordering::Less => low = middle.checked_add(1)?,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => {
                    let at = at.checked_add(u64::from(self.word_bits))?;
                    let bin =
                        self.bits(at.checked_add(u64::from(self.backoff_bits))?, self.prob_bits)?;
                    let bin = usize::try_from(bin).ok()?.checked_mul(4)?;
                    return f32_at(&self.bytes, self.prob_bins.checked_add(bin)?);
                }
            }
        }
        let (_, backoff, _) = self.unigram(before)?;
        Some(alone + backoff)
    }
}
