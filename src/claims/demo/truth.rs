//! A city in which it is known what was done wrong: the measure of the rules.
//!
//! Wrongs are told as stories (who did what, when), each with what it cost, and beside them the near misses and
//! the natural causes that look alike and are none. No story looks at a rule: it bills, treats and records like
//! a person who errs or cheats, and only then names the rules that the facts break. `truth.csv` lies beside the
//! tables and is never imported. Rows are written as they come, so a city of 12 million lines needs no more
//! memory than a small one.

mod bills;
mod boxes;
mod case;
mod elsewhere;
mod house;
mod houses;
mod leads;
mod life;
mod limits;
mod listed;
mod near;
mod overlay;
mod refunds;
mod shops;
mod stays;
mod undone;
mod verge;
mod write;
mod written;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use chrono::NaiveDateTime;

use super::city::{self, City};
use super::items;
use super::out::{Rng, Tables, days_ago};
use super::people::invented_name;
use crate::error::{Error, Result};
use undone::Undo;

/// What to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TruthOptions {
    /// Equal seed, equal city, byte for byte.
    pub seed: u64,
    /// About how many fee lines.
    pub lines: u64,
    /// Share of fee lines that violations are about, in thousandths; 0 plants none.
    pub wrong: u32,
    /// No violation at all; near misses and natural causes stay.
    pub clean: bool,
    /// Percent of stays that are paid by group instead of item by item.
    pub grouped: u32,
    /// How many kinds of violations there are, picked by the seed and told again and again; 0 for all of them.
    pub kinds: u32,
    /// Near misses and natural causes per million fee lines; each is told once at least.
    pub near: u32,
}

impl Default for TruthOptions {
    fn default() -> Self {
        Self {
            seed: 20_261_115,
            lines: 200_000,
            wrong: 4,
            clean: false,
            grouped: 25,
            kinds: 0,
            near: 250,
        }
    }
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TruthSummary {
    /// Rows per file (without extension); `truth` is one of them.
    pub rows: BTreeMap<String, u64>,
    /// Stories that break a rule.
    pub violations: u64,
    /// Stories that just do not.
    pub near_misses: u64,
    /// Stories of natural causes.
    pub traps: u64,
    /// Money that the violations cost, in cents.
    pub planted_cents: i64,
}

/// What a story is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Violation,
    NearMiss,
    Trap,
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::Violation => "violation",
            Self::NearMiss => "near_miss",
            Self::Trap => "trap",
        }
    }
}

/// One story.
pub(super) type Story = fn(&mut World);

/// A story as it is told.
#[derive(Clone, Copy)]
enum Tale {
    AsItWas(Story),
    /// Somebody notices, and takes back what was billed.
    Undone(Story),
    /// The patient pays alone.
    SelfPaid(Story),
    /// Those to whom it happened only have one name.
    OfNamesakes(Story),
}

/// What a story leaves in `truth.csv` beside kind and rule.
#[derive(Default)]
pub(super) struct Told {
    pub(super) visit: String,
    pub(super) lines: Vec<String>,
    pub(super) cents: i64,
    pub(super) facility: String,
    pub(super) person: String,
    pub(super) code: String,
    pub(super) date: String,
}

/// The city while it is told.
pub(super) struct World {
    pub(super) tables: Tables,
    pub(super) rng: Rng,
    pub(super) city: City,
    pub(super) lines: u64,
    /// Percent of stays paid by group.
    grouped: i64,
    pub(super) numbers: Numbers,
    /// Who operates when.
    pub(super) theatre: BTreeSet<(String, NaiveDateTime)>,
    /// Uses of a machine: facility, item, days ago.
    pub(super) uses: BTreeMap<(usize, &'static str, i64), i64>,
    /// Pieces sold by the pharmacy.
    pub(super) sold: BTreeMap<&'static str, i64>,
    /// Purchases with their boxes: item, code.
    pub(super) boxes: Vec<(&'static str, String)>,
    /// Boxes on the shelf at the last count: item, code.
    pub(super) shelf: Vec<(&'static str, String)>,
    /// Boxes on the shelf at the first count.
    pub(super) opening: Vec<(&'static str, String)>,
    /// Stays paid by group: facility, group.
    pub(super) in_group: BTreeMap<(usize, &'static str), u64>,
    /// Stays that were short for their group, if the group turns out to be large enough to say so: story, truth.
    pub(super) short: Vec<(u64, Told)>,
    /// How many stories of lists were told: of those that break one, of those that do not, of those undone, of those
    /// that the patient paid.
    pub(super) listed: [usize; 4],
    /// Why the story is no wrong after all.
    pub(super) undo: Option<Undo>,
    /// The name of everybody in the story.
    pub(super) one_name: Option<String>,
    story: u64,
    counts: [u64; 3],
    planted: i64,
}

/// Running numbers.
#[derive(Default)]
pub(super) struct Numbers {
    pub(super) person: i64,
    pub(super) visit: i64,
    pub(super) settlement: i64,
    pub(super) record: i64,
    pub(super) trace: i64,
}

/// Writes the planted city as CSV files and its `truth.csv` into `folder`, which is created, and the region's pack of
/// example points into `folder/rulepack`, unsigned.
///
/// # Errors
/// The folder cannot be written.
pub fn truth_data(folder: &Path, options: &TruthOptions) -> Result<TruthSummary> {
    std::fs::create_dir_all(folder).map_err(Error::io("demo folder"))?;
    let mut rng = Rng::new(options.seed);
    let mut tables = Tables::new(folder);
    let size = 1 + i64::try_from(options.lines / 400_000).unwrap_or(0);
    let mut city = city::build(&mut tables, &mut rng, size, false);
    city.facilities.push(city::neighbour(&mut tables, &mut rng));
    let mut world = World {
        tables,
        rng,
        city,
        lines: 0,
        grouped: i64::from(options.grouped),
        numbers: Numbers::default(),
        theatre: BTreeSet::new(),
        uses: BTreeMap::new(),
        sold: BTreeMap::new(),
        boxes: Vec::new(),
        shelf: Vec::new(),
        opening: Vec::new(),
        in_group: BTreeMap::new(),
        short: Vec::new(),
        listed: [0; 4],
        undo: None,
        one_name: None,
        story: 0,
        counts: [0; 3],
        planted: 0,
    };
    house::begin(&mut world);
    let wrong: Vec<Tale> = if options.clean || options.wrong == 0 {
        Vec::new()
    } else {
        picked(wrongs(), options).into_iter().map(Tale::AsItWas).collect()
    };
    let honest: Vec<Tale> = honests()
        .into_iter()
        .map(Tale::AsItWas)
        .chain(undoable().into_iter().map(Tale::Undone))
        .chain(payable().into_iter().map(Tale::SelfPaid))
        .chain(of_one().into_iter().map(Tale::OfNamesakes))
        .collect();
    // A story is about eight lines long; each is told once at least.
    let share = options.lines.saturating_mul(u64::from(options.wrong)) / 1_000 / 8;
    let wrongs = share.max(u64::try_from(wrong.len()).unwrap_or(0));
    let wrongs = if wrong.is_empty() { 0 } else { wrongs };
    let honests = options.lines.saturating_mul(u64::from(options.near)) / 1_000_000;
    let honests = honests.max(u64::try_from(honest.len()).unwrap_or(0));
    let (mut told_wrong, mut told_honest) = (0_u64, 0_u64);
    while world.lines < options.lines || told_wrong < wrongs || told_honest < honests {
        // Stories are spread evenly over the city.
        let due = |all: u64| {
            let all = u128::from(all) * u128::from(world.lines.saturating_add(1));
            u64::try_from(all / u128::from(options.lines.max(1))).unwrap_or(u64::MAX)
        };
        let (due_wrong, due_honest) = (due(wrongs).min(wrongs), due(honests).min(honests));
        if told_wrong < due_wrong {
            tell(&mut world, &wrong, told_wrong);
            told_wrong += 1;
        } else if told_honest < due_honest {
            tell(&mut world, &honest, told_honest);
            told_honest += 1;
        } else {
            life::person_of_the_city(&mut world);
        }
    }
    let own = [house::ONCE, written::ONCE, leads::ONCE].concat();
    let once = [&own, house::ONCE_LASTING, houses::ONCE].concat();
    let honest_once = [
        house::HONEST_ONCE,
        written::HONEST_ONCE,
        leads::HONEST_ONCE,
        verge::HONEST_ONCE,
        houses::HONEST_ONCE,
    ]
    .concat();
    // With few kinds of violations, those about a whole house are not among them.
    if !wrong.is_empty() && options.kinds == 0 {
        once.iter().for_each(|story| world.tell(Tale::AsItWas(*story)));
    }
    honest_once.iter().for_each(|story| world.tell(Tale::AsItWas(*story)));
    own.iter().for_each(|story| world.tell(Tale::Undone(*story)));
    written::end(&mut world);
    house::end(&mut world);
    overlay::write(folder)?;
    items::catalogue_of(&mut world.tables);
    let [violations, near_misses, traps] = world.counts;
    let planted_cents = world.planted;
    let rows = world.tables.finish()?;
    Ok(TruthSummary { rows, violations, near_misses, traps, planted_cents })
}

/// Wrongs that somebody can take back, as often as needed.
fn undoable() -> Vec<Story> {
    [
        stays::WRONG,
        bills::WRONG,
        limits::WRONG,
        limits::WHOEVER_PAID,
        shops::WRONG,
        house::WRONG,
        elsewhere::WRONG,
        written::WRONG,
        boxes::WRONG,
        leads::WRONG,
        &listed::wrong(),
    ]
    .concat()
}

/// Wrongs that are none once the patient paid alone.
fn payable() -> Vec<Story> {
    [bills::WRONG, limits::WRONG, &listed::wrong()].concat()
}

/// Wrongs that are one person's.
fn of_one() -> Vec<Story> {
    [stays::OF_ONE, shops::OF_ONE, elsewhere::OF_ONE].concat()
}

/// Every wrong that may be told more than once.
fn wrongs() -> Vec<Story> {
    let lasting = [stays::LASTING, bills::LASTING, limits::LASTING, house::LASTING, leads::LASTING];
    [undoable(), of_one(), lasting.concat()].concat()
}

/// As many kinds as are wanted, by a draw of its own: the rest of the city stays as the seed makes it.
fn picked(mut all: Vec<Story>, options: &TruthOptions) -> Vec<Story> {
    let kinds = usize::try_from(options.kinds).unwrap_or(usize::MAX);
    if kinds == 0 || kinds >= all.len() {
        return all;
    }
    let mut rng = Rng::new(options.seed);
    let mut picked = Vec::new();
    while picked.len() < kinds {
        let at = rng.below(i64::try_from(all.len()).unwrap_or(1));
        picked.push(all.swap_remove(usize::try_from(at).unwrap_or(0)));
    }
    picked
}

/// What comes near to a wrong and is none.
fn honests() -> Vec<Story> {
    [
        stays::HONEST,
        bills::HONEST,
        limits::HONEST,
        shops::HONEST,
        house::HONEST,
        elsewhere::HONEST,
        written::HONEST,
        boxes::HONEST,
        near::HONEST,
        verge::HONEST,
        refunds::HONEST,
        leads::HONEST,
        &listed::honest(),
    ]
    .concat()
}

fn tell(world: &mut World, deck: &[Tale], turn: u64) {
    let all = u64::try_from(deck.len()).unwrap_or(1).max(1);
    let at = usize::try_from(turn % all).unwrap_or(0);
    if let Some(tale) = deck.get(at) {
        world.tell(*tale);
    }
}

impl World {
    fn tell(&mut self, tale: Tale) {
        self.story += 1;
        match tale {
            Tale::AsItWas(story) => story(self),
            Tale::Undone(story) => {
                self.undo = Some(Undo::at(self.story));
                story(self);
                self.undo = None;
            }
            Tale::SelfPaid(story) => {
                self.undo = Some(Undo::SelfPaid);
                story(self);
                self.undo = None;
            }
            Tale::OfNamesakes(story) => {
                self.undo = Some(Undo::Namesakes);
                self.one_name = Some(invented_name(&mut self.rng));
                story(self);
                (self.undo, self.one_name) = (None, None);
            }
        }
    }
}

impl World {
    /// A day on which a story may begin: everything of it is uploaded long before the last day.
    pub(super) fn some_day(&mut self) -> i64 {
        self.rng.between(75, 330)
    }

    /// One row of the truth.
    pub(super) fn truth(&mut self, kind: Kind, rule: &str, told: Told) {
        let (kind, told) = match self.undo {
            None => (kind, told),
            Some(_) => match Self::told_undone(kind, told) {
                Some(told) => (Kind::Trap, told),
                None => return,
            },
        };
        if let Some(count) = self.counts.get_mut(kind as usize) {
            *count += 1;
        }
        if kind == Kind::Violation {
            self.planted += told.cents;
        }
        let row = vec![
            ("story", format!("T{:06}", self.story)),
            ("rule", rule.to_owned()),
            ("kind", kind.word().to_owned()),
            ("mdtrt_id", told.visit),
            ("bkkp_sn", told.lines.join(" ")),
            ("amount", super::out::yuan(told.cents)),
            ("fixmedins_code", told.facility),
            ("psn_no", told.person),
            ("code", told.code),
            ("date", told.date),
        ];
        self.tables.add("truth", row);
    }

    /// Days ago as a date.
    pub(super) fn date(&self, ago: i64) -> chrono::NaiveDate {
        days_ago(ago)
    }
}
