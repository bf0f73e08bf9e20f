//! Running all rules of a pack over a book in one walk.
//!
//! Persons come in their order, each with the visits and lines in order of time; every probe sees each visit
//! once, then the person, then, at the end, the facility. So twelve million lines are touched while they are
//! in the cache, by all rules. The walk can be stopped between persons.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use spotcheck_domain::columns::ColumnSource;

use crate::book::{self, Book, LoadCounts};
use crate::error::{Error, PackError, Result};
use crate::finding::Finding;
use crate::kernel::traits::Traits;
use crate::kernel::{Cx, Hit, Out, Probe, Silences, compile, is_soft};
use crate::pack::{Pack, Rule};
use crate::resolve;

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Reading the tables.
    Load,
    /// Reading fee lines: done and all are lines.
    Lines,
    /// Rules: done and all are persons.
    Rules,
    /// Texts of the findings.
    Findings,
}

/// Watches a run: hears of progress and may stop it.
pub trait Watch {
    /// Called now and then; `false` stops the run with [`Error::Cancelled`].
    fn progress(&mut self, stage: Stage, done: u64, all: u64) -> bool;
}

/// Nobody watches.
impl Watch for () {
    fn progress(&mut self, _stage: Stage, _done: u64, _all: u64) -> bool {
        true
    }
}

/// What to run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options<'a> {
    /// Only these rules; `None`: all enabled ones.
    pub rules: Option<&'a [String]>,
    /// Which facility of the source; `None`: its only one.
    pub facility: Option<&'a str>,
    /// First and last day (since 1970) of what findings may be about; `None`: everything.
    pub period: Option<(i64, i64)>,
}

/// A rule that said nothing, why, and how often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// Rule id.
    pub rule: String,
    /// Why: a missing field, a parameter or list that is not loaded, "未上传", a natural cause.
    pub reason: String,
    /// How often; 1 where the whole rule is silent.
    pub count: u64,
}

/// What a run gave.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Sorted by rule, `mdtrt_id`, first `bkkp_sn`.
    pub findings: Vec<Finding>,
    /// Sorted by rule and reason.
    pub silences: Vec<Silence>,
    /// Rules that gave more than they may ([`Rule::bound`]): in the findings one entry stands for all their hits.
    pub refused: Vec<PackError>,
    /// Hits per rule before merging, refused ones too.
    pub hits: BTreeMap<String, u64>,
    /// What loading saw.
    pub counts: LoadCounts,
}

/// Hits of one rule, before texts.
pub(crate) struct Raw<'p> {
    pub(crate) rule: &'p Rule,
    pub(crate) hits: Vec<Hit>,
    /// More hits than the rule may give: so many are believed.
    pub(crate) beyond: Option<u64>,
}

/// Reads a book from a source (see [`Book`]).
///
/// # Errors
/// What the source says, no such facility, or the watch stopped it.
pub fn load_book(
    source: &dyn ColumnSource,
    options: Options<'_>,
    watch: &mut dyn Watch,
) -> Result<Book> {
    book::load(source, options.facility, watch)
}

/// Reads a source and runs a pack over it.
///
/// # Errors
/// What the source says, no such facility, or the watch stopped it.
pub fn audit(
    source: &dyn ColumnSource,
    pack: &Pack,
    options: Options<'_>,
    watch: &mut dyn Watch,
) -> Result<Outcome> {
    let book = load_book(source, options, watch)?;
    run(&book, source, pack, options, watch)
}

/// Runs a pack over a book that was read before; `source` gives the texts of what was found. One composed
/// rule is a pack of one rule.
///
/// # Errors
/// What the source says, a rule that the pack does not have, or the watch stopped it.
pub fn run(
    book: &Book,
    source: &dyn ColumnSource,
    pack: &Pack,
    options: Options<'_>,
    watch: &mut dyn Watch,
) -> Result<Outcome> {
    pack.must_have(options.rules.unwrap_or_default())?;
    let mut outcome = Outcome { counts: book.counts.clone(), ..Outcome::default() };
    let mut raws = walk(book, pack, options, watch, &mut outcome.silences)?;
    for raw in &mut raws {
        if let Some((from, to)) = options.period {
            raw.hits.retain(|h| h.day.is_none_or(|d| from <= d && d <= to));
        }
        let count = u64::try_from(raw.hits.len()).unwrap_or(u64::MAX);
        let own = outcome.hits.entry(raw.rule.id.clone()).or_default();
        *own = own.saturating_add(count);
    }
    let lines = u64::try_from(book.lines.len()).unwrap_or(u64::MAX);
    for raw in &mut raws {
        let count = outcome.hits.get(&raw.rule.id).copied().unwrap_or(0);
        let only = BTreeMap::from([(raw.rule.id.clone(), count)]);
        if let Err(refused) = pack.check_hits(&only, lines) {
            raw.beyond = Some(raw.rule.bound(lines));
            outcome.refused.push(refused);
        }
    }
    outcome.refused.dedup();
    if !watch.progress(Stage::Findings, 0, 1) {
        return Err(Error::Cancelled);
    }
    outcome.findings = resolve::findings(book, source, raws)?;
    outcome.silences.sort_by(|a, b| (&a.rule, &a.reason).cmp(&(&b.rule, &b.reason)));
    Ok(outcome)
}

/// One rule on its way.
struct Running<'p> {
    rule: &'p Rule,
    probe: Box<dyn Probe>,
    hits: Vec<Hit>,
    silent: Silences,
    soft: bool,
}

impl Running<'_> {
    /// What the probe sees and where it tells.
    fn step(
        &mut self,
        (book, pack, traits): (&Book, &Pack, &Traits),
        act: impl FnOnce(&mut dyn Probe, Cx<'_>, &mut Out<'_>),
    ) {
        let cx = Cx { book, pack, rule: self.rule };
        let (hits, silent) = (&mut self.hits, &mut self.silent);
        let mut out = Out { hits, silent, traits, soft: self.soft };
        act(self.probe.as_mut(), cx, &mut out);
    }
}

fn walk<'p>(
    book: &Book,
    pack: &'p Pack,
    options: Options<'_>,
    watch: &mut dyn Watch,
    silences: &mut Vec<Silence>,
) -> Result<Vec<Raw<'p>>> {
    let chosen = |r: &&Rule| match options.rules {
        Some(ids) => ids.contains(&r.id),
        None => r.enabled,
    };
    let mut running: Vec<Running<'p>> = Vec::new();
    for rule in pack.rules.iter().filter(chosen) {
        match compile(Cx { book, pack, rule }) {
            Ok(probe) => running.push(Running {
                rule,
                probe,
                hits: Vec::new(),
                silent: Silences::new(),
                soft: is_soft(pack, rule),
            }),
            Err(reason) => silences.push(Silence { rule: rule.id.clone(), reason, count: 1 }),
        }
    }
    let traits = Traits::new(book);
    let world = (book, pack, &traits);
    let all = u64::try_from(book.persons.len()).unwrap_or(u64::MAX);
    for (n, person) in book.persons.iter().enumerate() {
        let done = u64::try_from(n).unwrap_or(u64::MAX);
        if done & 0xfff == 0 && !watch.progress(Stage::Rules, done, all) {
            return Err(Error::Cancelled);
        }
        for visit in book.visits_of(person) {
            for r in &mut running {
                r.step(world, |probe, cx, out| probe.visit(cx, visit, out));
            }
        }
        for r in &mut running {
            r.step(world, |probe, cx, out| probe.person(cx, person, out));
        }
    }
    let mut raws = Vec::with_capacity(running.len());
    for mut r in running {
        r.step(world, |probe, cx, out| probe.finish(cx, out));
        let rule = &r.rule.id;
        let told = r.silent.into_iter();
        silences.extend(told.map(|(reason, count)| Silence { rule: rule.clone(), reason, count }));
        raws.push(Raw { rule: r.rule, hits: r.hits, beyond: None });
    }
    Ok(raws)
}
