//! The port of text input inside the program, and the table through which it learns.
//!
//! The handheld has no system keyboard, and what an inspector types is personal data: names, diagnoses,
//! accusations. So the engine behind the keyboard is a state machine that keeps nothing: what was chosen is
//! counted in [`Learned`], a plain value that the caller owns and stores encrypted (one JSON value in the
//! vault). An engine never writes a file. Engines live in `device`; the keyboard only knows this trait.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use spotcheck_domain::TroubleResult;

/// How characters are entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InputMode {
    /// 拼音: full syllables, initials, or both.
    Pinyin,
    /// 笔画: 横竖撇捺折 in writing order.
    Stroke,
    /// 手写: strokes drawn on a pad.
    Handwriting,
    /// Latin letters, every key is text at once.
    Latin,
    /// Digits, `X` of identity numbers, every key is text at once.
    Digits,
}

impl InputMode {
    /// All modes in the order a keyboard offers them.
    pub const ALL: [Self; 5] =
        [Self::Pinyin, Self::Handwriting, Self::Stroke, Self::Latin, Self::Digits];

    /// Name on the key.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Pinyin => "拼音",
            Self::Stroke => "笔画",
            Self::Handwriting => "手写",
            Self::Latin => "英文",
            Self::Digits => "数字",
        }
    }
}

/// The five stroke keys: label and the letter that stands for it in [`TextInput::press`].
pub const STROKE_KEYS: [(char, char); 5] =
    [('横', 'h'), ('竖', 's'), ('撇', 'p'), ('捺', 'n'), ('折', 'z')];

/// A point of a stroke on the pad.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PadPoint {
    /// From the left edge, in the pad's own unit.
    pub x: f32,
    /// From the upper edge, in the pad's own unit.
    pub y: f32,
    /// Milliseconds since the first point of the character.
    pub t_ms: u32,
}

/// What was drawn: strokes in order on a pad of a size.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PadDrawing {
    /// Width of the pad, same unit as the points.
    pub width: f32,
    /// Height of the pad.
    pub height: f32,
    /// One list of points per stroke.
    pub strokes: Vec<Vec<PadPoint>>,
}

/// Where a candidate comes from; the keyboard may show it, tests do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CandidateOrigin {
    /// Chosen before for the same keys.
    Learned,
    /// A whole sentence.
    Sentence,
    /// A word or a character.
    Word,
    /// From a drawing or stroke order.
    Shape,
}

/// One proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The text that choosing it gives.
    pub text: String,
    /// How many typed keys it uses up, counted from the left.
    pub keys: usize,
    /// Where it comes from.
    pub origin: CandidateOrigin,
}

/// One page of proposals.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CandidatePage {
    /// At most [`PAGE`] of them, best first.
    pub items: Vec<Candidate>,
    /// Whether there is a further page.
    pub more: bool,
}

/// Candidates on one page.
pub const PAGE: usize = 10;

/// What the bar above the keyboard shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Composing {
    /// Text chosen so far in this composition; not yet given to the field.
    pub chosen: String,
    /// Keys still open, cut into syllables where they can be ("jian'cha").
    pub open: String,
}

impl Composing {
    /// Nothing is being composed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.chosen.is_empty() && self.open.is_empty()
    }
}

/// What a key or a choice led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Typed {
    /// This text goes into the field now.
    Commit(String),
    /// The composition changed; show it and its candidates.
    Composing,
    /// Not for the input engine: give the key to the field (e.g. a backspace with nothing open).
    Pass,
}

/// Which modes work here and by what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModeState {
    /// The mode.
    pub mode: InputMode,
    /// Whether it can be used on this device.
    pub available: bool,
    /// What does the work, for the self-check ("own", "librime 1.8.5", "not installed").
    pub engine: String,
}

/// Text input inside the program. One value per keyboard; all calls come from one thread.
///
/// No call fails for what was typed: unknown keys are passed through. [`TextInput::begin`] alone can say no,
/// where a mode is not installed.
pub trait TextInput: Send {
    /// Which modes work here.
    fn modes(&self) -> Vec<ModeState>;
    /// Starts afresh in a mode; drops what is open.
    ///
    /// # Errors
    /// `INPUT-MODE` where the mode needs a library or table that is not installed.
    fn begin(&mut self, mode: InputMode) -> TroubleResult<()>;
    /// The mode in use.
    fn mode(&self) -> InputMode;
    /// A key. In pinyin: `a`–`z`, `'` separates, space takes the first candidate, newline gives the keys as
    /// they stand; anything else takes the first candidate and follows it.
    fn press(&mut self, key: char) -> Typed;
    /// What was drawn on the pad so far, whole, after each stroke.
    fn draw(&mut self, drawing: &PadDrawing) -> Typed;
    /// The open composition.
    fn composing(&self) -> Composing;
    /// A page of candidates, from 0.
    fn candidates(&mut self, page: usize) -> CandidatePage;
    /// Takes the nth candidate, counted over all pages from 0.
    fn choose(&mut self, n: usize) -> Typed;
    /// Takes back the last key, or the last choice when no key is open.
    fn backspace(&mut self) -> Typed;
    /// Drops the composition.
    fn clear(&mut self);
    /// Phrases of a form field whose text or pinyin begins with `prefix`; an empty prefix gives all.
    fn phrases(&self, field: &str, prefix: &str) -> Vec<String>;
    /// Whether choices are counted from now on; off for secrets and for masked fields.
    fn set_learning(&mut self, on: bool);
    /// The table as it is now; the caller keeps it encrypted.
    fn learned(&self) -> &Learned;
    /// Puts a kept table in; drops what is open.
    fn set_learned(&mut self, learned: Learned);
}

/// How often one text was chosen for one sequence of keys, and when last (a running number, no clock).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Choice {
    /// Times chosen.
    pub n: u32,
    /// Running number of the last choice; larger is later.
    pub last: u64,
}

/// Re-ranking table: keys → texts → how often. The only memory of what was typed.
///
/// One JSON value of schema `spotcheck-input-learned/1`. Bounded: the least recently chosen pair leaves
/// first. Purging a case does not need it to be purged, because it belongs to the officer, not the case;
/// [`Learned::forget`] and [`Learned::forget_all`] are there for the officer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Learned {
    schema: String,
    clock: u64,
    choices: BTreeMap<String, BTreeMap<String, Choice>>,
}

impl Default for Learned {
    fn default() -> Self {
        Self { schema: Self::SCHEMA.to_owned(), clock: 0, choices: BTreeMap::new() }
    }
}

impl Learned {
    /// Name of the stored form.
    pub const SCHEMA: &'static str = "spotcheck-input-learned/1";
    /// Pairs kept at most.
    pub const LIMIT: usize = 5_000;
    /// Characters of a text that is still learned; longer ones are sentences, not words.
    pub const LONGEST: usize = 12;

    /// Reads a kept table; a broken or newer one counts as none, because losing it harms nobody.
    #[must_use]
    pub fn from_json(text: &str) -> Self {
        serde_json::from_str::<Self>(text)
            .ok()
            .filter(|l| l.schema == Self::SCHEMA)
            .unwrap_or_default()
    }

    /// The table as one JSON value.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Number of pairs.
    #[must_use]
    pub fn len(&self) -> usize {
        self.choices.values().map(BTreeMap::len).sum()
    }

    /// Nothing learned.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.choices.is_empty()
    }

    /// Counts a choice. Empty and over-long texts are not learned.
    pub fn learn(&mut self, keys: &str, text: &str) {
        if keys.is_empty() || text.is_empty() || text.chars().count() > Self::LONGEST {
            return;
        }
        self.clock = self.clock.saturating_add(1);
        let choice = self
            .choices
            .entry(keys.to_owned())
            .or_default()
            .entry(text.to_owned())
            .or_insert(Choice { n: 0, last: 0 });
        choice.n = choice.n.saturating_add(1);
        choice.last = self.clock;
        if self.len() > Self::LIMIT {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        let oldest = self
            .choices
            .iter()
            .flat_map(|(k, texts)| texts.iter().map(move |(t, c)| (c.last, k, t)))
            .min()
            .map(|(_, k, t)| (k.clone(), t.clone()));
        if let Some((keys, text)) = oldest {
            self.forget(&keys, &text);
        }
    }

    /// Forgets one pair.
    pub fn forget(&mut self, keys: &str, text: &str) {
        if let Some(texts) = self.choices.get_mut(keys) {
            texts.remove(text);
            if texts.is_empty() {
                self.choices.remove(keys);
            }
        }
    }

    /// Forgets everything.
    pub fn forget_all(&mut self) {
        *self = Self::default();
    }

    /// Texts chosen for exactly these keys, most often first, then latest first.
    #[must_use]
    pub fn texts(&self, keys: &str) -> Vec<(&str, Choice)> {
        let mut found: Vec<_> =
            self.choices.get(keys).into_iter().flatten().map(|(t, c)| (t.as_str(), *c)).collect();
        found.sort_by_key(|(_, c)| (Reverse(c.n), Reverse(c.last)));
        found
    }

    /// Puts learned texts before the others that use up as many keys, adds those the engine did not
    /// propose, and keeps every other order as it was. `keys` are the keys open now.
    pub fn rerank(&self, keys: &str, candidates: &mut Vec<Candidate>) {
        if self.is_empty() {
            return;
        }
        let ends: Vec<usize> =
            keys.char_indices().map(|(i, c)| i.saturating_add(c.len_utf8())).collect();
        for (count, end) in ends.iter().enumerate() {
            let used = count.saturating_add(1);
            let Some(part) = keys.get(..*end) else { continue };
            let texts = self.texts(part);
            if texts.is_empty() {
                continue;
            }
            let front = if *end == keys.len() {
                0
            } else {
                candidates
                    .iter()
                    .position(|c| c.keys <= used && c.origin != CandidateOrigin::Sentence)
                    .unwrap_or(candidates.len())
            };
            candidates.retain(|c| c.keys != used || texts.iter().all(|(t, _)| *t != c.text));
            let front = front.min(candidates.len());
            for (text, _) in texts.iter().rev() {
                let learned = Candidate {
                    text: (*text).to_owned(),
                    keys: used,
                    origin: CandidateOrigin::Learned,
                };
                candidates.insert(front, learned);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Candidate, CandidateOrigin, Learned};

    fn word(text: &str, keys: usize) -> Candidate {
        Candidate { text: text.to_owned(), keys, origin: CandidateOrigin::Word }
    }

    fn texts(list: &[Candidate]) -> Vec<&str> {
        list.iter().map(|c| c.text.as_str()).collect()
    }

    #[test]
    fn what_was_chosen_twice_comes_before_what_was_chosen_once() {
        let mut learned = Learned::default();
        learned.learn("zhangjun", "张珺");
        learned.learn("zhangjun", "张军");
        learned.learn("zhangjun", "张珺");
        let mut list = vec![word("张军", 8), word("章", 5), word("张", 5)];
        learned.rerank("zhangjun", &mut list);
        assert_eq!(texts(&list), ["张珺", "张军", "章", "张"]);
        assert_eq!(list[0].origin, CandidateOrigin::Learned);
    }

    #[test]
    fn a_learned_part_leads_its_own_length_and_never_hides_longer_ones() {
        let mut learned = Learned::default();
        learned.learn("zhang", "章");
        let mut list = vec![word("张军", 8), word("张", 5), word("章", 5)];
        learned.rerank("zhangjun", &mut list);
        assert_eq!(texts(&list), ["张军", "章", "张"]);
    }

    #[test]
    fn the_table_survives_storing_and_a_broken_one_counts_as_none() {
        let mut learned = Learned::default();
        learned.learn("jiancha", "检查");
        assert_eq!(Learned::from_json(&learned.to_json()), learned);
        assert!(Learned::from_json("{").is_empty());
        assert!(Learned::from_json(r#"{"schema":"spotcheck-input-learned/2"}"#).is_empty());
    }

    #[test]
    fn the_table_is_bounded_and_the_oldest_leaves_first() {
        let mut learned = Learned::default();
        for i in 0..=Learned::LIMIT {
            learned.learn(&format!("k{i}"), "字");
        }
        assert_eq!(learned.len(), Learned::LIMIT);
        assert!(learned.texts("k0").is_empty());
        assert!(!learned.texts("k1").is_empty());
    }

    #[test]
    fn sentences_are_not_learned_and_can_be_forgotten() {
        let mut learned = Learned::default();
        learned.learn("x", &"长".repeat(Learned::LONGEST + 1));
        assert!(learned.is_empty());
        learned.learn("x", "西");
        learned.forget("x", "西");
        assert!(learned.is_empty());
    }
}
