//! Looks words up by reading in the tables that the build made.
//!
//! The tables are part of the program and sorted, so nothing is parsed or copied at start: a look-up is a
//! binary search over offsets. Layout of a group: number of syllables, their ids (16 bit, big-endian, so
//! that bytes sort as keys), number of words, then cost, length and text of each.

use std::sync::OnceLock;

static SYLLABLES: &str = include_str!(concat!(env!("OUT_DIR"), "/syllables.txt"));
static GROUPS: Table = Table {
    bytes: include_bytes!(concat!(env!("OUT_DIR"), "/groups.bin")),
    index: include_bytes!(concat!(env!("OUT_DIR"), "/groups.idx")),
};
static INITIALS: Table = Table {
    bytes: include_bytes!(concat!(env!("OUT_DIR"), "/initials.bin")),
    index: include_bytes!(concat!(env!("OUT_DIR"), "/initials.idx")),
};
static PAIRS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/pairs.bin"));

/// Characters of numbers, as the build has them.
const NUMERALS: &str = "〇零一二三四五六七八九十百千万亿两";
/// What stands for every number.
pub(crate) const NUMBER: &str = "0";
/// Bytes of one record of the pair table.
const PAIR: usize = 10;

/// A word of the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Thousandths of a decade: 3000 is one in a thousand words.
    pub(crate) cost: u16,
    /// The word.
    pub(crate) text: &'static str,
}

struct Table {
    bytes: &'static [u8],
    index: &'static [u8],
}

impl Table {
    fn len(&self) -> usize {
        self.index.len().checked_div(4).unwrap_or(0)
    }

    /// Key and the bytes behind it of the nth group.
    fn group(&self, n: usize) -> Option<(&'static [u8], &'static [u8])> {
        let at = n.checked_mul(4)?;
        let offset = self.index.get(at..at.checked_add(4)?)?;
        let offset = usize::try_from(u32::from_le_bytes(offset.try_into().ok()?)).ok()?;
        let rest = self.bytes.get(offset..)?;
        let (n, rest) = rest.split_first()?;
        rest.split_at_checked(usize::from(*n).checked_mul(2)?)
    }

    /// Words under exactly this key.
    fn exact(&self, key: &[u8]) -> Vec<Entry> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            match self.group(middle) {
                Some((found, rest)) if found == key => return entries(rest),
                Some((found, _)) if found < key => low = middle.saturating_add(1),
                _ => high = middle,
            }
        }
        Vec::new()
    }
}

fn entries(rest: &'static [u8]) -> Vec<Entry> {
    let Some((count, mut rest)) = rest.split_at_checked(2) else { return Vec::new() };
    let count = count.try_into().map(u16::from_le_bytes).unwrap_or(0);
    let mut out = Vec::with_capacity(usize::from(count));
    for _ in 0..count {
        let Some(([low, high, length], tail)) = rest.split_first_chunk::<3>() else { break };
        let Some((text, tail)) = tail.split_at_checked(usize::from(*length)) else { break };
        let Ok(text) = std::str::from_utf8(text) else { break };
        out.push(Entry { cost: u16::from_le_bytes([*low, *high]), text });
        rest = tail;
    }
    out
}

fn syllables() -> &'static [&'static str] {
    static LIST: OnceLock<Vec<&'static str>> = OnceLock::new();
    LIST.get_or_init(|| SYLLABLES.lines().collect())
}

/// Id of a full syllable.
pub(crate) fn syllable(letters: &str) -> Option<u16> {
    syllables().binary_search(&letters).ok().and_then(|i| u16::try_from(i).ok())
}

/// Ids of the syllables that begin with these letters and are longer.
pub(crate) fn completions(letters: &str) -> Vec<u16> {
    let list = syllables();
    let from = list.partition_point(|s| *s < letters);
    list.iter()
        .zip(0_u16..)
        .skip(from)
        .take_while(|(s, _)| s.starts_with(letters))
        .filter(|(s, _)| s.len() > letters.len())
        .map(|(_, id)| id)
        .collect()
}

/// Words of these syllables, likeliest first.
pub(crate) fn words(key: &[u16]) -> Vec<Entry> {
    let bytes: Vec<u8> = key.iter().flat_map(|id| id.to_be_bytes()).collect();
    GROUPS.exact(&bytes)
}

/// Words whose syllables begin with these letters, likeliest first; only the most frequent are kept.
pub(crate) fn by_initials(letters: &[u8]) -> Vec<Entry> {
    let bytes: Vec<u8> = letters.iter().flat_map(|l| u16::from(*l).to_be_bytes()).collect();
    INITIALS.exact(&bytes)
}

/// Stable name of a word or of words in a row, as the build computes it (FNV-1a).
pub(crate) fn name_of(parts: &[&str]) -> u64 {
    parts.iter().fold(0xcbf2_9ce4_8422_2325, |name, part| followed(name, part))
}

/// Name of words in a row with one more behind them.
pub(crate) fn followed(name: u64, word: &str) -> u64 {
    let bytes = word.bytes().chain([0]);
    bytes.fold(name, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}

/// As what our prose counts a word: numbers are one kind, everything else is itself.
pub(crate) fn kind_of(word: &str) -> &str {
    if word.chars().all(|c| NUMERALS.contains(c)) { NUMBER } else { word }
}

/// How often the inspection prose has this word or these words in a row; two empty words count all of it.
pub(crate) fn seen(name: u64) -> u16 {
    let record = |n: usize| -> Option<(u64, u16)> {
        let at = n.checked_mul(PAIR)?;
        let record = PAIRS.get(at..at.checked_add(PAIR)?)?;
        let (name, count) = record.split_at_checked(8)?;
        Some((
            u64::from_le_bytes(name.try_into().ok()?),
            u16::from_le_bytes(count.try_into().ok()?),
        ))
    };
    let (mut low, mut high) = (0, PAIRS.len().checked_div(PAIR).unwrap_or(0));
    while low < high {
        let middle = low.midpoint(high);
        match record(middle) {
            Some((found, count)) if found == name => return count,
            Some((found, _)) if found < name => low = middle.saturating_add(1),
            _ => high = middle,
        }
    }
    0
}

/// Frequency of a character by itself, for ranking shapes; `u16::MAX` for one without a reading.
pub(crate) fn character_cost(c: char) -> u16 {
    static COSTS: OnceLock<std::collections::HashMap<char, u16>> = OnceLock::new();
    let costs = COSTS.get_or_init(|| {
        let mut out = std::collections::HashMap::new();
        for id in (0_u16..).take(syllables().len()) {
            for entry in words(&[id]) {
                let mut chars = entry.text.chars();
                if let (Some(c), None) = (chars.next(), chars.next()) {
                    let cost = out.entry(c).or_insert(entry.cost);
                    *cost = (*cost).min(entry.cost);
                }
            }
        }
        out
    });
    costs.get(&c).copied().unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::{
        by_initials, character_cost, completions, followed, kind_of, name_of, seen, syllable, words,
    };

    fn key(syllables: &[&str]) -> Vec<u16> {
        syllables.iter().map(|s| syllable(s).unwrap()).collect()
    }

    #[test]
    fn words_of_the_field_are_found_by_full_reading_and_by_initials() {
        assert_eq!(words(&key(&["jian", "cha"]))[0].text, "检查");
        assert_eq!(words(&key(&["zhui", "su", "ma"]))[0].text, "追溯码");
        assert!(by_initials(b"zsm").iter().any(|e| e.text == "追溯码"));
    }

    #[test]
    fn readings_in_words_are_those_people_speak() {
        assert!(words(&key(&["chong", "fu"])).iter().any(|e| e.text == "重复"));
        assert!(words(&key(&["yin", "hang"])).iter().any(|e| e.text == "银行"));
        assert!(words(&key(&["lv", "shi"])).iter().any(|e| e.text == "律师"));
    }

    #[test]
    fn a_rare_character_of_a_name_is_reachable_by_its_reading() {
        for (reading, c) in [("zhe", "喆"), ("biao", "骉"), ("yun", "赟"), ("chong", "翀")] {
            assert!(words(&key(&[reading])).iter().any(|e| e.text == c), "{c}");
        }
    }

    #[test]
    fn the_prose_knows_what_stands_beside_any_number() {
        let after = |number| seen(name_of(&[kind_of(number), "元"]));
        assert!(after("三十") > 5);
        assert_eq!(after("三十"), after("八十四"));
        assert_eq!(followed(name_of(&["第"]), "页"), name_of(&["第", "页"]));
        assert_eq!(kind_of("三项"), "三项");
    }

    #[test]
    fn tables_answer_for_what_they_do_not_know() {
        assert_eq!(syllable("zzz"), None);
        assert!(completions("q").len() > 5);
        assert!(words(&[]).is_empty());
        assert!(words(&[u16::MAX]).is_empty());
        assert_eq!(seen(1), 0);
        assert_eq!(character_cost('\u{10ffff}'), u16::MAX);
        assert!(character_cost('的') < character_cost('喆'));
    }
}
