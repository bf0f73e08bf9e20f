//! Reads which word follows which from libime's language model, where that package is installed.
//!
//! `zh_CN.lm` (Debian `libime-data-language-model`, LGPL-2.1+, of the fcitx5 project) is a KenLM file over
//! words and groups of two and three. It is read as data, so a damaged file means "no model", never a crash.
//! Without it the engine works from word frequencies.

mod trie;

use std::path::{Path, PathBuf};

use super::lexicon;
use trie::Trie;

/// Where Debian's package puts it, per machine.
pub(crate) const PLACES: [&str; 4] = [
    "/usr/lib/x86_64-linux-gnu/libime/zh_CN.lm",
    "/usr/lib/aarch64-linux-gnu/libime/zh_CN.lm",
    "/usr/lib/libime/zh_CN.lm",
    "/usr/lib64/libime/zh_CN.lm",
];

const MAGIC: &[u8] = b"mmap lm http://kheafield.com/code format version 5\n\0";
/// Larger files are not ours.
const LARGEST: u64 = 256 << 20;

/// The two words before a word, the later one last; 0 where there is none or the model does not know it.
pub(crate) type Before = [u32; 2];

/// A language model over words.
pub(crate) struct Model {
    bytes: Vec<u8>,
    trie: Trie,
    /// Name of a word and its id, by name: a third of the memory that the words themselves would take.
    ids: Vec<(u64, u32)>,
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
        if !bytes.starts_with(MAGIC) {
            return None;
        }
        let trie = Trie::locate(&bytes)?;
        let strings = bytes.windows(6).rposition(|w| w == b"<unk>\0")?;
        let mut ids: Vec<(u64, u32)> = bytes
            .get(strings..)?
            .split(|b| *b == 0)
            .zip(0_u32..)
            .filter(|(_, id)| u64::from(*id) < trie.words())
            .filter_map(|(word, id)| {
                Some((lexicon::name_of(&[std::str::from_utf8(word).ok()?]), id))
            })
            .collect();
        ids.sort_unstable();
        Some(Self { bytes, trie, ids })
    }

    /// The words of the model that a text is made of; the text itself where the model knows it, nothing where
    /// a part of it stays unknown.
    pub(crate) fn pieces(&self, text: &str) -> Vec<u32> {
        if let Some(id) = self.id(text) {
            return vec![id];
        }
        let ends: Vec<usize> =
            text.char_indices().map(|(at, _)| at).skip(1).chain([text.len()]).collect();
        // Likeliest way to reach each end: its cost and the words.
        let mut best: Vec<(usize, f32, Vec<u32>)> = vec![(0, 0.0, Vec::new())];
        for end in ends {
            let found = best
                .iter()
                .filter_map(|(from, score, words)| {
                    let id = self.id(text.get(*from..end)?)?;
                    let before = [0, words.last().copied().unwrap_or(0)];
                    Some((score + self.score(before, id)?, words, id))
                })
                .max_by(|a, b| a.0.total_cmp(&b.0));
            if let Some((score, words, id)) = found {
                let words = words.iter().copied().chain([id]).collect();
                best.push((end, score, words));
            }
        }
        best.pop().filter(|(end, _, _)| *end == text.len()).map(|b| b.2).unwrap_or_default()
    }

    /// Id of a word; `None` for one the model does not know.
    pub(crate) fn id(&self, word: &str) -> Option<u32> {
        let name = lexicon::name_of(&[word]);
        let at = self.ids.binary_search_by_key(&name, |(name, _)| *name).ok()?;
        self.ids.get(at).map(|(_, id)| *id).filter(|id| *id != 0)
    }

    /// log10 of how likely `word` is after what stands before it.
    pub(crate) fn score(&self, before: Before, word: u32) -> Option<f32> {
        self.trie.score(&self.bytes, before, word)
    }

    /// log10 of how likely these words are one after the other, and what stands before the next.
    pub(crate) fn score_all(&self, before: Before, words: &[u32]) -> Option<(f32, Before)> {
        words.iter().try_fold((0.0, before), |(sum, [earlier, last]), word| {
            let score = self.score([earlier, last], *word)?;
            Some((sum + score, [last, *word]))
        })
    }
}
