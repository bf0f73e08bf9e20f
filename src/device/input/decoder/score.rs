//! How likely a word is after others: what the joints of the chart cost.
//!
//! Three sources are mixed, because each knows something else: how frequent a word is (with the field's
//! words raised), which words follow one or two others in the prose of inspections, and which do in the
//! language at large (libime's model, where installed). They are mixed as probabilities and not as costs: what
//! one finds likely need not be known to the others. The model at large is besides bent towards the field: a
//! word that records use ten times as often counts ten times as likely after everything. That keeps what the
//! model knows of neighbours, which a plain mixture with frequencies drowns.

use std::collections::HashMap;
use std::sync::Arc;

use super::super::lexicon;
use super::super::model::{Before, Model};

/// Price of each word, so that few long ones beat many short ones.
const PER_WORD: f32 = 0.2;
/// Share of our own prose in how likely a word is.
const OURS: f32 = 0.35;
/// Share of the frequency of words where there is a language model; without one it has what our prose leaves.
const ALONE: f32 = 0.2;
/// How often a word must have been seen before what follows it counts as much as what occurs anywhere.
const DOUBT: f32 = 10.0;
/// The same for two words, of which few occurrences say more.
const DOUBT_OF_TWO: f32 = 3.0;
/// How likely each character of a number is, once it is known that a number comes.
const DIGIT: f32 = 0.08;
/// How far the language model is bent towards the field's frequencies: 0 not at all, 1 wholly.
const BEND: f32 = 0.9;
/// A word is bent by so many decades at most, down and up.
const BENT: (f32, f32) = (-1.0, 2.0);
/// Share of our own prose in these frequencies.
const OURS_IN_BEND: f32 = 0.3;

/// A word in the chart.
#[derive(Debug, Clone)]
pub(super) struct Word {
    pub(super) text: Arc<str>,
    /// Of the word itself.
    cost: f32,
    /// Of how it was typed: an odd reading, initials, an unfinished syllable.
    typing: f32,
}

/// What the sources say of a word, worked out when it is first joined: most words never are.
#[derive(Debug)]
pub(super) struct Facts {
    name: u64,
    /// What the language model knows it as: itself, or the words it is made of.
    pieces: Vec<u32>,
    /// Decades by which the field has it more often than the language at large.
    bent: f32,
    alone: f32,
    /// Numbers are counted together: the name of all of them, and how likely it is among them.
    kind: u64,
    is_number: bool,
    member: f32,
    /// How often our prose has its kind.
    seen: f32,
}

impl Word {
    /// A word of this cost.
    pub(super) fn new(text: &str, cost: f32, typing: f32) -> Self {
        Self { text: Arc::from(text), cost, typing }
    }

    /// Cost without anything before it.
    pub(super) fn alone(&self) -> f32 {
        self.cost + self.typing
    }
}

/// What stands before a word, as far as it matters for what follows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context {
    general: Before,
    ours: Ours,
}

/// The last word and the last two in our prose: their names and how often they occur.
#[derive(Debug, Clone, Copy)]
struct Ours {
    last: u64,
    last_two: u64,
    seen: f32,
    seen_two: f32,
}

/// The sources, and what was worked out from them for the sentence that is open.
pub(super) struct Scorer {
    model: Option<Model>,
    general: HashMap<(Before, u64), Option<(f32, Before)>>,
    /// By name of the word.
    facts: HashMap<u64, Arc<Facts>>,
    /// Words of our prose.
    all: f32,
}

fn seen(name: u64) -> f32 {
    f32::from(lexicon::seen(name))
}

impl Scorer {
    pub(super) fn new() -> Self {
        let all = seen(lexicon::name_of(&["", ""])).max(1.0);
        Self { model: None, general: HashMap::new(), facts: HashMap::new(), all }
    }

    pub(super) fn set_model(&mut self, model: Model) {
        self.model = Some(model);
        self.clear();
    }

    pub(super) const fn has_model(&self) -> bool {
        self.model.is_some()
    }

    /// Forgets what was worked out.
    pub(super) fn clear(&mut self) {
        self.general.clear();
        self.facts.clear();
    }

    /// The beginning of a sentence.
    pub(super) fn begin() -> Context {
        let last = lexicon::name_of(&[""]);
        let ours = Ours { last, last_two: last, seen: seen(last), seen_two: 0.0 };
        Context { general: [0, 0], ours }
    }

    /// What the sources say of a word.
    pub(super) fn facts(&mut self, word: &Word) -> Arc<Facts> {
        let name = lexicon::name_of(&[&word.text]);
        if let Some(facts) = self.facts.get(&name) {
            return Arc::clone(facts);
        }
        let kind = lexicon::kind_of(&word.text);
        let is_number = kind != &*word.text;
        let kind = lexicon::name_of(&[kind]);
        let seen = seen(kind);
        let model = self.model.as_ref();
        let pieces = model.map(|model| model.pieces(&word.text)).unwrap_or_default();
        let at_large = model.and_then(|model| model.score_all([0, 0], &pieces));
        let alone = 10_f32.powf(-word.cost);
        let ours = if is_number { 0.0 } else { seen / self.all };
        let field = (1.0 - OURS_IN_BEND) * alone + OURS_IN_BEND * ours;
        let bent = BEND * (field.log10() - at_large.map_or(0.0, |(score, _)| score));
        let digits = u16::try_from(word.text.chars().count()).unwrap_or(u16::MAX);
        let facts = Arc::new(Facts {
            name,
            pieces,
            bent: bent.clamp(BENT.0, BENT.1),
            alone,
            kind,
            is_number,
            member: if is_number { DIGIT.powf(f32::from(digits)) } else { 1.0 },
            seen,
        });
        self.facts.insert(name, Arc::clone(&facts));
        facts
    }

    /// log10 of how likely the language model holds a word, and what stands before the next.
    fn general(&mut self, before: Before, facts: &Facts) -> Option<(f32, Before)> {
        let model = self.model.as_ref()?;
        if facts.pieces.is_empty() {
            return None;
        }
        let found = self.general.entry((before, facts.name));
        *found.or_insert_with(|| model.score_all(before, &facts.pieces))
    }

    /// How likely our prose holds a word, and what stands before the next.
    fn ours(&self, before: &Ours, word: &Word, facts: &Facts) -> (f32, Ours) {
        let kind = if facts.is_number { lexicon::NUMBER } else { &*word.text };
        let last_two = lexicon::followed(before.last, kind);
        let (mut two, mut three) = (0.0, 0.0);
        if facts.seen > 0.0 && before.seen > 0.0 {
            two = seen(last_two);
        }
        if two > 0.0 && before.seen_two > 0.0 {
            three = seen(lexicon::followed(before.last_two, kind));
        }
        let anywhere = facts.seen / self.all;
        let after_one = (two + DOUBT * anywhere) / (before.seen + DOUBT);
        let after_two = (three + DOUBT_OF_TWO * after_one) / (before.seen_two + DOUBT_OF_TWO);
        let after = Ours { last: facts.kind, last_two, seen: facts.seen, seen_two: two };
        (after_two * facts.member, after)
    }

    /// Cost of a word after what stands before it, and what stands before the next.
    pub(super) fn step(&mut self, before: &Context, word: &Word, facts: &Facts) -> (f32, Context) {
        let (ours, after) = self.ours(&before.ours, word, facts);
        let (p, general) = match self.general(before.general, facts) {
            Some((score, after)) => {
                let general = 10_f32.powf(score + facts.bent);
                (ALONE * facts.alone + OURS * ours + (1.0 - ALONE - OURS) * general, after)
            }
            None => ((1.0 - OURS) * facts.alone + OURS * ours, [0, 0]),
        };
        let cost = -p.max(f32::MIN_POSITIVE).log10() + PER_WORD + word.typing;
        (cost, Context { general, ours: after })
    }
}
