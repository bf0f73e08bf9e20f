//! Turns typed letters into the likeliest words: the own pinyin engine.
//!
//! A chart over letter positions: for each end the words that can end there, each joined to the best of what
//! can stand before it (Viterbi with a narrow beam; what matters of the past are the last two words). A further
//! letter only adds one end, so a key costs the same in the middle of a long sentence as at its start. What a
//! joint costs is the business of `score`.
//! Everything is deterministic: ties go to the text that sorts first.

mod score;

use std::collections::BTreeMap;
use std::sync::Arc;

use spotcheck_app::input::Learned;

use super::lexicon::{self, Entry};
use super::model::Model;
use score::{Context, Scorer, Word};

/// Hypotheses kept per position.
const BEAM: usize = 12;
/// Words tried per reading.
const PER_READING: usize = 40;
/// Words joined per begin and end.
const PER_POSITION: usize = 120;
/// Syllables per word at most.
const LONGEST_WORD: usize = 8;
/// Letters per syllable at most ("zhuang").
const LONGEST_SYLLABLE: usize = 6;
/// Letters taken at most; more are refused, not cut.
pub(crate) const LONGEST_INPUT: usize = 160;
/// Price of leaving a syllable unfinished.
const UNFINISHED: f32 = 1.0;
/// Price per letter that stands for a whole syllable.
const ABBREVIATED: f32 = 1.5;
/// Price of a learned word, less what repeated choosing takes off.
const LEARNED: f32 = 3.0;

#[derive(Debug, Clone)]
struct Hypothesis {
    cost: f32,
    word: Option<Arc<Word>>,
    context: Context,
    from: usize,
    back: usize,
}

/// Sorts words that lie between the same letters.
fn likeliest_first(words: &mut [Arc<Word>]) {
    words.sort_by(|a, b| a.alone().total_cmp(&b.alone()).then_with(|| a.text.cmp(&b.text)));
}

/// A proposal of the decoder: text, letters it uses up, whether it joins several words.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Proposal {
    pub(crate) text: String,
    pub(crate) letters: usize,
    pub(crate) sentence: bool,
    pub(crate) cost: f32,
}

/// The chart over what is typed now.
pub(crate) struct Decoder {
    scorer: Scorer,
    letters: Vec<u8>,
    /// Positions where the officer put a separator.
    cuts: Vec<usize>,
    chart: Vec<Vec<Hypothesis>>,
    /// Words that begin at the first letter, by their end.
    heads: BTreeMap<usize, Vec<Arc<Word>>>,
}

impl Decoder {
    pub(crate) fn new() -> Self {
        let mut decoder = Self {
            scorer: Scorer::new(),
            letters: Vec::new(),
            cuts: Vec::new(),
            chart: Vec::new(),
            heads: BTreeMap::new(),
        };
        decoder.clear();
        decoder
    }

    /// Gives it a language model; what is open keeps its scores until the next key.
    pub(crate) fn set_model(&mut self, model: Model) {
        self.scorer.set_model(model);
    }

    pub(crate) fn has_model(&self) -> bool {
        self.scorer.has_model()
    }

    pub(crate) fn clear(&mut self) {
        self.letters.clear();
        self.cuts.clear();
        self.heads.clear();
        self.scorer.clear();
        self.chart = vec![vec![Hypothesis {
            cost: 0.0,
            word: None,
            context: Scorer::begin(),
            from: 0,
            back: 0,
        }]];
    }

    pub(crate) fn letters(&self) -> &str {
        std::str::from_utf8(&self.letters).unwrap_or_default()
    }

    /// Adds a letter `a`–`z` or a separator; false where it is neither or there are too many.
    pub(crate) fn push(&mut self, key: char, learned: &Learned) -> bool {
        if key == '\'' {
            if self.letters.is_empty() {
                return false;
            }
            if !self.cuts.contains(&self.letters.len()) {
                self.cuts.push(self.letters.len());
            }
            return true;
        }
        let Some(letter) = u8::try_from(key).ok().filter(u8::is_ascii_lowercase) else {
            return false;
        };
        if self.letters.len() >= LONGEST_INPUT {
            return false;
        }
        self.letters.push(letter);
        let end = self.letters.len();
        let edges = self.words_ending(end, learned);
        for (from, words) in &edges {
            if *from == 0 {
                self.heads.insert(end, words.clone());
            }
        }
        let column = self.join(&edges);
        self.chart.push(column);
        true
    }

    /// Takes the last letter or separator away.
    pub(crate) fn pop(&mut self) {
        if self.cuts.last() == Some(&self.letters.len()) {
            self.cuts.pop();
            return;
        }
        self.heads.remove(&self.letters.len());
        if self.letters.pop().is_some() {
            self.chart.pop();
        }
    }

    /// Drops the first `n` letters and works the rest out anew.
    pub(crate) fn consume(&mut self, n: usize, learned: &Learned) {
        let rest: Vec<u8> = self.letters.iter().skip(n).copied().collect();
        let cuts: Vec<usize> =
            self.cuts.iter().filter(|c| **c > n).map(|c| c.saturating_sub(n)).collect();
        self.clear();
        for letter in rest {
            self.push(char::from(letter), learned);
            if cuts.contains(&self.letters.len()) {
                self.cuts.push(self.letters.len());
            }
        }
    }

    fn slice(&self, from: usize, to: usize) -> &str {
        self.letters.get(from..to).and_then(|s| std::str::from_utf8(s).ok()).unwrap_or_default()
    }

    fn cut_inside(&self, from: usize, to: usize) -> bool {
        self.cuts.iter().any(|c| *c > from && *c < to)
    }

    fn word(entry: Entry, extra: f32) -> Arc<Word> {
        let mut chars = entry.text.chars();
        let cost = match (chars.next(), chars.next()) {
            (Some(c), None) => lexicon::character_cost(c).min(entry.cost),
            _ => entry.cost,
        };
        let odd = f32::from(entry.cost.saturating_sub(cost)) / 1_000.0;
        Arc::new(Word::new(entry.text, f32::from(cost) / 1_000.0, extra + odd))
    }

    /// Words of full syllables that end with the syllable `last`, which begins at `start`, by their begin.
    fn words_of(
        &self,
        start: usize,
        last: u16,
        extra: f32,
        out: &mut BTreeMap<usize, Vec<Arc<Word>>>,
    ) {
        let mut stack = vec![(start, vec![last])];
        while let Some((from, key)) = stack.pop() {
            let found = lexicon::words(&key);
            if !found.is_empty() {
                // At the front every character can be chosen; in the middle the likely ones will do.
                let most = if from == 0 { usize::MAX } else { PER_READING };
                let list = out.entry(from).or_default();
                list.extend(found.into_iter().take(most).map(|e| Self::word(e, extra)));
            }
            if key.len() >= LONGEST_WORD {
                continue;
            }
            for length in 1..=LONGEST_SYLLABLE.min(from) {
                let begin = from.saturating_sub(length);
                if self.cut_inside(begin, from) {
                    continue;
                }
                if let Some(id) = lexicon::syllable(self.slice(begin, from)) {
                    let mut longer = Vec::with_capacity(key.len().saturating_add(1));
                    longer.push(id);
                    longer.extend(&key);
                    stack.push((begin, longer));
                }
            }
        }
    }

    /// All words that end at a position, by where they begin.
    fn words_ending(&self, end: usize, learned: &Learned) -> BTreeMap<usize, Vec<Arc<Word>>> {
        let mut out = BTreeMap::new();
        for length in 1..=LONGEST_SYLLABLE.min(end) {
            let start = end.saturating_sub(length);
            if self.cut_inside(start, end) {
                continue;
            }
            if let Some(id) = lexicon::syllable(self.slice(start, end)) {
                self.words_of(start, id, 0.0, &mut out);
            }
        }
        for length in 1..=LONGEST_WORD.min(end) {
            let start = end.saturating_sub(length);
            let letters = self.letters.get(start..end).unwrap_or_default();
            let found = lexicon::by_initials(letters);
            if found.is_empty() {
                continue;
            }
            let count = u16::try_from(length).map_or(1.0, f32::from);
            let list = out.entry(start).or_default();
            list.extend(found.into_iter().map(|e| Self::word(e, count * ABBREVIATED)));
        }
        if !learned.is_empty() {
            for length in 1..=end.min(LONGEST_WORD.saturating_mul(LONGEST_SYLLABLE)) {
                let start = end.saturating_sub(length);
                for (text, choice) in learned.texts(self.slice(start, end)) {
                    let often = f32::from(u16::try_from(choice.n).unwrap_or(u16::MAX));
                    let cost = (LEARNED - often.log10()).max(1.5);
                    out.entry(start).or_default().push(Arc::new(Word::new(text, cost, 0.0)));
                }
            }
        }
        out.values_mut().for_each(|list| likeliest_first(list));
        out
    }

    /// Best joints for words that all end at one position.
    fn join(&mut self, edges: &BTreeMap<usize, Vec<Arc<Word>>>) -> Vec<Hypothesis> {
        let mut column: Vec<Hypothesis> = Vec::new();
        for (from, words) in edges {
            let earlier = self.chart.get(*from).cloned().unwrap_or_default();
            for word in words.iter().take(PER_POSITION) {
                let facts = self.scorer.facts(word);
                let best = earlier
                    .iter()
                    .enumerate()
                    .map(|(back, h)| {
                        let (cost, context) = self.scorer.step(&h.context, word, &facts);
                        (h.cost + cost, back, context)
                    })
                    .min_by(|a, b| a.0.total_cmp(&b.0));
                if let Some((cost, back, context)) = best {
                    column.push(Hypothesis {
                        cost,
                        word: Some(Arc::clone(word)),
                        context,
                        from: *from,
                        back,
                    });
                }
            }
        }
        column.sort_by(|a, b| {
            let text = |h: &Hypothesis| h.word.as_ref().map(|w| Arc::clone(&w.text));
            a.cost.total_cmp(&b.cost).then_with(|| text(a).cmp(&text(b)))
        });
        column.truncate(BEAM);
        column
    }

    /// Text and number of words of a hypothesis.
    fn trace(&self, last: &Hypothesis) -> (String, usize) {
        let mut words = Vec::new();
        let mut at = Some(last);
        while let Some(hypothesis) = at {
            let Some(word) = &hypothesis.word else { break };
            words.push(Arc::clone(&word.text));
            at = self.chart.get(hypothesis.from).and_then(|c| c.get(hypothesis.back));
        }
        let count = words.len();
        (words.iter().rev().map(|w| &**w).collect(), count)
    }

    /// Words that end with the last letters where these begin a syllable without finishing it.
    fn unfinished(&self) -> Option<BTreeMap<usize, Vec<Arc<Word>>>> {
        let end = self.letters.len();
        let mut out = BTreeMap::new();
        for length in 1..=LONGEST_SYLLABLE.min(end) {
            let start = end.saturating_sub(length);
            if self.cut_inside(start, end) || self.cuts.contains(&end) {
                continue;
            }
            for id in lexicon::completions(self.slice(start, end)) {
                self.words_of(start, id, UNFINISHED, &mut out);
            }
        }
        if out.is_empty() {
            return None;
        }
        out.values_mut().for_each(|list| likeliest_first(list));
        Some(out)
    }

    /// Proposals for what is typed, best first: the sentence, then words from the first letter on, longest
    /// first, down to single characters.
    pub(crate) fn proposals(&mut self, _: &Learned) -> Vec<Proposal> {
        let end = self.letters.len();
        if end == 0 {
            return Vec::new();
        }
        let mut out: Vec<Proposal> = Vec::new();
        let mut heads = self.heads.clone();
        // A whole reading in full syllables wins over any guess at how the last one goes on.
        let full = self.chart.get(end).and_then(|c| c.first()).cloned();
        let column = match self.unfinished() {
            Some(edges) => {
                if let Some(words) = edges.get(&0) {
                    let list = heads.entry(end).or_default();
                    list.extend(words.iter().cloned());
                    likeliest_first(list);
                }
                self.join(&edges)
            }
            None => Vec::new(),
        };
        let best = match (full, column.into_iter().next()) {
            (Some(a), Some(b)) => Some(if b.cost < a.cost { b } else { a }),
            (a, b) => a.or(b),
        };
        let best = best.map(|h| (h, end)).or_else(|| {
            // Letters that are no pinyin at the end: offer what stands before them.
            (1..end).rev().find_map(|e| self.chart.get(e)?.first().cloned().map(|h| (h, e)))
        });
        if let Some((best, letters)) = best {
            let (text, words) = self.trace(&best);
            out.push(Proposal { text, letters, sentence: words > 1, cost: best.cost });
        }
        for (letters, words) in heads.iter().rev() {
            for word in words {
                out.push(Proposal {
                    text: word.text.to_string(),
                    letters: *letters,
                    sentence: false,
                    cost: word.alone(),
                });
            }
        }
        let mut seen = std::collections::HashSet::new();
        out.retain(|p| seen.insert((p.text.clone(), p.letters)));
        out
    }

    /// The letters with the separators the officer put, for another engine.
    pub(crate) fn spelled_with_cuts(&self) -> String {
        let mut out = String::new();
        for (at, letter) in self.letters().chars().enumerate() {
            if self.cuts.contains(&at) {
                out.push('\'');
            }
            out.push(letter);
        }
        out
    }

    /// The typed letters cut into syllables as the best reading has it, for showing.
    pub(crate) fn spelled(&self) -> String {
        let end = self.letters.len();
        // Fewest pieces that are syllables; a rest that is none stays whole.
        let mut best: Vec<Option<(usize, usize)>> = vec![None; end.saturating_add(1)];
        if let Some(first) = best.first_mut() {
            *first = Some((0, 0));
        }
        for to in 1..=end {
            let mut here: Option<(usize, usize)> = None;
            for length in 1..=LONGEST_SYLLABLE.min(to) {
                let from = to.saturating_sub(length);
                if self.cut_inside(from, to) || lexicon::syllable(self.slice(from, to)).is_none() {
                    continue;
                }
                if let Some(Some((pieces, _))) = best.get(from) {
                    let pieces = pieces.saturating_add(1);
                    if here.is_none_or(|(p, _)| pieces <= p) {
                        here = Some((pieces, from));
                    }
                }
            }
            if let Some(slot) = best.get_mut(to) {
                *slot = here;
            }
        }
        let whole = (0..=end).rev().find(|e| matches!(best.get(*e), Some(Some(_)))).unwrap_or(0);
        let mut pieces = vec![self.slice(whole, end).to_owned()];
        let mut at = whole;
        while at > 0 {
            let Some(Some((_, from))) = best.get(at) else { break };
            pieces.push(self.slice(*from, at).to_owned());
            at = *from;
        }
        pieces.retain(|p| !p.is_empty());
        pieces.reverse();
        let mut out = pieces.join("'");
        if self.cuts.last() == Some(&end) && end > 0 {
            out.push('\'');
        }
        out
    }
}
