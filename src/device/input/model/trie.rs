//! The tables of a KenLM file: how likely a word is after the two before it.
//!
//! "Quantised trie with array-compressed pointers", version 5, format as observed and as described by KenLM's
//! documentation. A group of words lies under its *last* word: first all that stood before it, then under
//! each pair all that stood before that. Everything is read as data and bounds-checked.

/// Header: magic padded, numbers that test the byte order, then the fixed parameters.
const PARAMETERS: usize = 88;
const COUNTS: usize = 108;
/// "Quantised trie with array-compressed pointers".
const KIND: u32 = 5;
/// Bytes of a single word's record.
const UNIGRAM: usize = 16;

/// Where the tables lie.
pub(super) struct Trie {
    words: u64,
    unigrams: usize,
    /// Tables of what the packed numbers mean: pairs, their backoff, groups of three.
    pair_bins: usize,
    backoff_bins: usize,
    triple_bins: usize,
    prob_bits: u32,
    backoff_bits: u32,
    word_bits: u32,
    next_bits: u32,
    /// High parts of the pointers from pairs to groups of three.
    side: usize,
    side_len: usize,
    pairs: usize,
    triples: usize,
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

/// `count` bits of a packed table, from a bit on.
fn bits(bytes: &[u8], table: usize, at_bit: u64, count: u32) -> Option<u64> {
    let byte = usize::try_from(at_bit.checked_shr(3)?).ok()?;
    let word = u64_at(bytes, table.checked_add(byte)?)?;
    let shifted = word.checked_shr(u32::try_from(at_bit & 7).ok()?)?;
    Some(shifted & 1_u64.checked_shl(count)?.checked_sub(1)?)
}

/// A pair that the model knows.
struct Pair {
    prob: f32,
    backoff: f32,
    /// Its place in the table.
    at: u64,
}

impl Trie {
    /// Reads where the tables lie; `None` for anything that is not of this kind.
    pub(super) fn locate(bytes: &[u8]) -> Option<Self> {
        if u32_at(bytes, PARAMETERS.checked_add(8)?)? != KIND || *bytes.get(PARAMETERS)? != 3 {
            return None;
        }
        let words = u64_at(bytes, COUNTS)?;
        let pair_count = u64_at(bytes, COUNTS.checked_add(8)?)?;
        let triple_count = u64_at(bytes, COUNTS.checked_add(16)?)?;
        // Vocabulary: its size, then hashes; words are found by the list of strings instead.
        let vocabulary = align8(COUNTS.checked_add(24)?)?;
        let word_count = usize::try_from(words).ok()?;
        if u64_at(bytes, vocabulary)? > words {
            return None;
        }
        let quant = vocabulary.checked_add(8)?.checked_add(word_count.checked_mul(8)?)?;
        let prob_bits = u32::from(*bytes.get(quant.checked_add(1)?)?);
        let backoff_bits = u32::from(*bytes.get(quant.checked_add(2)?)?);
        if !(1..=24).contains(&prob_bits) || !(1..=24).contains(&backoff_bits) {
            return None;
        }
        let probs = 1_usize.checked_shl(prob_bits)?.checked_mul(4)?;
        let backoffs = 1_usize.checked_shl(backoff_bits)?.checked_mul(4)?;
        let pair_bins = quant.checked_add(8)?;
        let backoff_bins = pair_bins.checked_add(probs)?;
        let triple_bins = backoff_bins.checked_add(backoffs)?;
        let unigrams = triple_bins.checked_add(probs)?;
        let middle = unigrams.checked_add(word_count.checked_add(2)?.checked_mul(UNIGRAM)?)?;
        // Pointers of pairs to triples: a side table of offsets, then the packed records.
        let limit = u32::from(*bytes.get(middle.checked_add(1)?)?);
        let chop = chopped_bits(pair_count.checked_add(1)?, triple_count, limit);
        let required = required_bits(triple_count);
        let next_bits = required.checked_sub(chop)?;
        let side_len = usize::try_from(triple_count.checked_shr(next_bits).unwrap_or(0)).ok()?;
        let side_len = side_len.checked_add(1)?;
        let side_end = middle.checked_add(side_len.checked_add(1)?.checked_mul(8)?)?;
        let pairs = side_end.checked_add(7)?;
        let word_bits = required_bits(words);
        let record = u64::from(word_bits.checked_add(prob_bits)?.checked_add(backoff_bits)?)
            .checked_add(u64::from(next_bits))?;
        // One record more than there are pairs carries the last pointer; eight bytes more may be read.
        let packed = record.checked_mul(pair_count.checked_add(1)?)?.div_ceil(8);
        let triples = pairs.checked_add(usize::try_from(packed).ok()?)?.checked_add(8)?;
        Some(Self {
            words,
            unigrams,
            pair_bins,
            backoff_bins,
            triple_bins,
            prob_bits,
            backoff_bits,
            word_bits,
            next_bits,
            side: align8(middle)?.checked_add(8)?,
            side_len,
            pairs,
            triples,
        })
    }

    /// Number of words.
    pub(super) const fn words(&self) -> u64 {
        self.words
    }

    /// Probability, backoff and beginning of its pairs, of a single word.
    fn unigram(&self, bytes: &[u8], id: u32) -> Option<(f32, f32, u64)> {
        let at = self.unigrams.checked_add(usize::try_from(id).ok()?.checked_mul(UNIGRAM)?)?;
        Some((
            f32_at(bytes, at)?,
            f32_at(bytes, at.checked_add(4)?)?,
            u64_at(bytes, at.checked_add(8)?)?,
        ))
    }

    /// What the packed number at a bit stands for.
    fn bin(bytes: &[u8], table: usize, at_bit: u64, count: u32, bins: usize) -> Option<f32> {
        let bin = usize::try_from(bits(bytes, table, at_bit, count)?).ok()?;
        f32_at(bytes, bins.checked_add(bin.checked_mul(4)?)?)
    }

    /// Place of a word among the records `from..to`, which are sorted by it.
    fn find(
        &self,
        bytes: &[u8],
        table: usize,
        record: u64,
        range: (u64, u64),
        word: u32,
    ) -> Option<u64> {
        let (mut low, mut high) = range;
        while low < high {
            let middle = low.midpoint(high);
            let found = bits(bytes, table, middle.checked_mul(record)?, self.word_bits)?;
            match found.cmp(&u64::from(word)) {
                std::cmp::Ordering::Less => low = middle.checked_add(1)?,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Some(middle),
            }
        }
        None
    }

    fn pair_record(&self) -> u64 {
        [self.word_bits, self.backoff_bits, self.prob_bits, self.next_bits]
            .map(u64::from)
            .iter()
            .sum()
    }

    fn pair(&self, bytes: &[u8], before: u32, range: (u64, u64)) -> Option<Pair> {
        let record = self.pair_record();
        let at = self.find(bytes, self.pairs, record, range, before)?;
        let backoff_bit = at.checked_mul(record)?.checked_add(u64::from(self.word_bits))?;
        let prob_bit = backoff_bit.checked_add(u64::from(self.backoff_bits))?;
        Some(Pair {
            backoff: Self::bin(
                bytes,
                self.pairs,
                backoff_bit,
                self.backoff_bits,
                self.backoff_bins,
            )?,
            prob: Self::bin(bytes, self.pairs, prob_bit, self.prob_bits, self.pair_bins)?,
            at,
        })
    }

    /// How many offsets of the side table are at most `at`.
    fn offsets_up_to(&self, bytes: &[u8], at: u64) -> Option<u64> {
        let (mut low, mut high) = (0, self.side_len);
        while low < high {
            let middle = low.midpoint(high);
            if u64_at(bytes, self.side.checked_add(middle.checked_mul(8)?)?)? <= at {
                low = middle.checked_add(1)?;
            } else {
                high = middle;
            }
        }
        u64::try_from(low).ok()
    }

    /// Where the groups of three of a pair begin.
    fn pointer(&self, bytes: &[u8], pair: u64) -> Option<u64> {
        let record = self.pair_record();
        let bit =
            pair.checked_add(1)?.checked_mul(record)?.checked_sub(u64::from(self.next_bits))?;
        let low = bits(bytes, self.pairs, bit, self.next_bits)?;
        let high = self.offsets_up_to(bytes, pair)?.checked_sub(1)?;
        Some(high.checked_shl(self.next_bits)? | low)
    }

    /// log10 of how likely `word` is after these two (0: unknown, or nothing there).
    pub(super) fn score(&self, bytes: &[u8], before: [u32; 2], word: u32) -> Option<f32> {
        let [earlier, last] = before;
        let (alone, _, from) = self.unigram(bytes, word)?;
        if last == 0 {
            return Some(alone);
        }
        let (_, _, to) = self.unigram(bytes, word.checked_add(1)?)?;
        let pair = self.pair(bytes, last, (from, to));
        if let Some(pair) = pair.as_ref().filter(|_| earlier != 0) {
            let range =
                (self.pointer(bytes, pair.at)?, self.pointer(bytes, pair.at.checked_add(1)?)?);
            let record = u64::from(self.word_bits).checked_add(u64::from(self.prob_bits))?;
            if let Some(at) = self.find(bytes, self.triples, record, range, earlier) {
                let bit = at.checked_mul(record)?.checked_add(u64::from(self.word_bits))?;
                return Self::bin(bytes, self.triples, bit, self.prob_bits, self.triple_bins);
            }
        }
        let (_, last_backoff, begin) = self.unigram(bytes, last)?;
        let shorter = pair.map_or(alone + last_backoff, |pair| pair.prob);
        if earlier == 0 {
            return Some(shorter);
        }
        let (_, _, end) = self.unigram(bytes, last.checked_add(1)?)?;
        let seen = self.pair(bytes, earlier, (begin, end));
        Some(shorter + seen.map_or(0.0, |pair| pair.backoff))
    }
}
