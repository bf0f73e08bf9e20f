//! A facility's claims in memory: the columns the kernels look at, in the orders they look at them.
//!
//! Persons, their visits by begin, and the lines of a visit by time lie one after the other, so one walk is
//! at the same time the order by person and time and the order by visit and time. Texts stay codes of the
//! source's dictionary; only what rules compare (items, diagnoses, departments, code values) is fetched.
//! Nothing of the order depends on the order of the rows read: ties are
//! broken by the rows' own serial numbers.

mod boxes;
mod fees;
mod grouped;
mod house;
mod lines;
mod load;
mod narrow;
mod order;
mod persons;
mod records;
mod side;
mod types;
mod visits;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use spotcheck_domain::claims::Instant;

pub use grouped::Grouped;
pub use lines::{Line, Lines, NO_TIME, flag};
pub use load::{LoadCounts, load};
pub use types::{
    Catalogue, Diagnosis, Earlier, Elsewhere, Equipment, Event, EventKind, Facility, Figure, Item,
    Leave, Moment, Note, Operation, Order, Peer, Period, Person, Prescribed, Registration, Report,
    SettledElsewhere, Settlement, Sex, Staff, Stock, StockKind, Trace, Unit, Visit, VisitKind,
};

/// No such row.
pub const NONE: u32 = u32::MAX;
/// Seconds of a day.
pub const DAY_S: i64 = 86_400;
/// Millionths in one.
pub const ONE: i64 = 1_000_000;
/// Everything the kernels look at.
#[derive(Debug, Default)]
pub struct Book {
    /// The facility.
    pub facility: Facility,
    /// Persons with a visit.
    pub persons: Vec<Person>,
    /// Visits by person and begin.
    pub visits: Vec<Visit>,
    /// Fee lines by visit and time.
    pub lines: Lines,
    /// Distinct items of the lines.
    pub items: Vec<Item>,
    /// Settlements by visit and time.
    pub settlements: Vec<Settlement>,
    /// Diagnoses by visit.
    pub diagnoses: Grouped<Diagnosis>,
    /// Orders by visit.
    pub orders: Grouped<Order>,
    /// Executions, nursing, results, operations by visit.
    pub events: Grouped<Event>,
    /// Leaves by visit.
    pub leaves: Grouped<Leave>,
    /// Laboratory and examination reports by visit.
    pub reports: Grouped<Report>,
    /// Times of measurements by visit.
    pub vitals: Grouped<Instant>,
    /// Course notes by visit.
    pub notes: Grouped<Note>,
    /// Details of prescriptions by visit.
    pub prescribed: Grouped<Prescribed>,
    /// Operations of the settlement list by visit.
    pub operations: Grouped<Operation>,
    /// Insurance periods by person.
    pub insured: Grouped<Period>,
    /// Chronic-disease registrations by person.
    pub registrations: Grouped<Registration>,
    /// What the persons did at other facilities, by person.
    pub elsewhere: Grouped<Elsewhere>,
    /// Price list by item code.
    pub catalogue: HashMap<u32, Vec<Catalogue>>,
    /// Settled trace codes, by code and time.
    pub traces: Vec<Trace>,
    /// Settlements of the same boxes at other facilities, by code and time.
    pub settled_elsewhere: Vec<SettledElsewhere>,
    /// Names of other facilities by their code, as far as the source has them.
    pub houses: BTreeSet<(u32, u32)>,
    /// Movements of stock.
    pub stock: Vec<Stock>,
    /// Equipment with its log.
    pub equipment: Vec<Equipment>,
    /// Staff by code.
    pub staff: BTreeMap<u32, Vec<Staff>>,
    /// Name of each department code.
    pub departments: HashMap<u32, u32>,
    /// Units of the facility.
    pub units: Vec<Unit>,
    /// Figures of the peers.
    pub peers: Vec<Peer>,
    /// What was found at the facility before, by rule.
    pub earlier: BTreeMap<Box<str>, Earlier>,
    /// Rows per entity as the source has them.
    pub rows: BTreeMap<&'static str, u64>,
    /// Entities that the source was made with, be it without rows.
    pub carried: BTreeSet<&'static str>,
    /// Cut-off per entity.
    pub cutoffs: BTreeMap<&'static str, Instant>,
    /// What loading saw.
    pub counts: LoadCounts,
    texts: HashMap<u32, Box<str>>,
}

impl Book {
    /// The text of a code that rules compare; empty if it was not fetched.
    #[must_use]
    pub fn text(&self, code: u32) -> &str {
        self.texts.get(&code).map_or("", |t| t)
    }

    /// True if the source has rows of an entity.
    #[must_use]
    pub fn has(&self, entity: &str) -> bool {
        self.rows.get(entity).is_some_and(|n| *n > 0)
    }

    /// The settlements of a box at other facilities, by time.
    #[must_use]
    pub fn elsewhere_of(&self, code: u64) -> &[SettledElsewhere] {
        let from = self.settled_elsewhere.partition_point(|s| s.code < code);
        let rest = self.settled_elsewhere.get(from..).unwrap_or_default();
        let own = rest.partition_point(|s| s.code == code);
        rest.get(..own).unwrap_or_default()
    }

    /// A line.
    #[must_use]
    pub fn line(&self, at: u32) -> Option<Line> {
        self.lines.get(at)
    }

    /// The charges of a visit in order of time.
    pub fn charges<'a>(&'a self, visit: &Visit) -> impl Iterator<Item = Line> + use<'a> {
        self.lines.charges(visit, |_, _| true)
    }

    /// True if the visit was billed and all of it taken back: its bill says nothing, not even by what it lacks.
    #[must_use]
    pub fn is_taken_back(&self, visit: &Visit) -> bool {
        let (from, to) = visit.lines;
        from < to && self.charges(visit).next().is_none()
    }

    /// `dise_codg` of a line.
    #[must_use]
    pub fn disease(&self, line: u32) -> u32 {
        self.lines.disease.get(line).unwrap_or(0)
    }

    /// `bilg_dr_code` of a line.
    #[must_use]
    pub fn doctor(&self, line: u32) -> u32 {
        self.lines.doctor.get(line).unwrap_or(0)
    }

    /// `acord_dr_code` of a line.
    #[must_use]
    pub fn orderer(&self, line: u32) -> u32 {
        self.lines.orderer.get(line).unwrap_or(0)
    }

    /// Name code of the billing department of a line.
    #[must_use]
    pub fn department(&self, line: u32) -> u32 {
        let code = self.lines.department.get(line).unwrap_or(0);
        self.departments.get(&code).copied().unwrap_or(0)
    }

    /// Number of the prescription of a line inside its visit, 0 if it has none.
    #[must_use]
    pub fn prescription(&self, line: u32) -> u32 {
        self.lines.prescription.get(line).unwrap_or(0)
    }

    /// Days of supply of a line, 0 if missing.
    #[must_use]
    pub fn days(&self, line: u32) -> i64 {
        self.lines.days.get(line).map_or(0, i64::from)
    }

    /// An item of the lines.
    #[must_use]
    pub fn item(&self, at: u32) -> Option<&Item> {
        self.items.get(usize::try_from(at).ok()?)
    }

    /// A visit.
    #[must_use]
    pub fn visit(&self, at: u32) -> Option<&Visit> {
        self.visits.get(usize::try_from(at).ok()?)
    }

    /// A person.
    #[must_use]
    pub fn person(&self, at: u32) -> Option<&Person> {
        self.persons.get(usize::try_from(at).ok()?)
    }

    /// A settlement.
    #[must_use]
    pub fn settlement(&self, at: u32) -> Option<&Settlement> {
        self.settlements.get(usize::try_from(at).ok()?)
    }

    /// The settlements of a visit.
    #[must_use]
    pub fn settlements_of(&self, visit: &Visit) -> &[Settlement] {
        slice(&self.settlements, visit.settlements)
    }

    /// The visits of a person by begin, with the number of the first.
    #[must_use]
    pub fn visits_of(&self, person: &Person) -> &[Visit] {
        slice(&self.visits, person.visits)
    }

    /// True if the day is so near to the cut-off of an entity that "not there" may mean "not uploaded yet"
    /// (claims.md §1). An entity without a cut-off is judged by the newest of all.
    #[must_use]
    pub fn is_young(&self, entity: &str, day: i64, lag_days: i64) -> bool {
        let cutoff = self.cutoffs.get(entity).copied();
        let cutoff = cutoff.or_else(|| self.cutoffs.values().copied().max_by_key(|i| i.at));
        cutoff.is_some_and(|c| day > c.at.day().saturating_sub(lag_days))
    }
}

/// A position as a row number.
pub(crate) fn row_of(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(NONE)
}

fn slice<T>(all: &[T], (from, to): (u32, u32)) -> &[T] {
    let from = usize::try_from(from).unwrap_or(usize::MAX);
    let to = usize::try_from(to).unwrap_or(0);
    all.get(from..to).unwrap_or_default()
}
