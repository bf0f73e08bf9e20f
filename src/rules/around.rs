//! Everyone around a finding: all lines of the house by the same doctor or of the same item, and the cards that
//! were settled beside the same card.
//!
//! Not what the rules found, but everything there is, by person: whoever looks at one odd line wants to see whether
//! it is the only one. Numbers are exact and over all lines; the persons that are listed are the largest, and how
//! many are not listed is said. Who a doctor treated is guarded against 统方 by the caller (rules.md).

mod cards;
mod lines;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use spotcheck_domain::columns::{ColumnSource, code, text};
use spotcheck_domain::{Amount, BeijingTime, Precision};

use crate::engine::Watch;
use crate::error::{Error, Result};

/// What everything is looked for around.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// A doctor by national staff code: lines ordered (`acord_dr_code`), billed (`bilg_dr_code`) or executed.
    Staff(String),
    /// An item by `med_list_codg`.
    Item(String),
    /// Cards settled within so many minutes of those of one person, or of some visits.
    Cards {
        /// The person; all its settlements count.
        psn_no: Option<String>,
        /// Visits (`mdtrt_id`) whose settlements count.
        visits: Vec<String>,
        /// Minutes before and after.
        minutes: i64,
    },
}

/// Persons that are listed at most; all are counted.
pub const LISTED: usize = 5_000;

/// One person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Around {
    /// `psn_no`; empty where the lines name none.
    pub psn_no: String,
    /// Name, to be masked by whoever shows it.
    pub psn_name: String,
    /// Visits.
    pub visits: u64,
    /// Fee lines; of cards: settlements within the minutes.
    pub lines: u64,
    /// Sum, refunds taken off; exact.
    pub amount: Amount,
    /// First and last day, `yyyy-MM-dd`; empty where the lines have none.
    pub days: Option<(String, String)>,
    /// What makes a card stand out, as facts.
    pub signs: Vec<String>,
}

/// Everything around.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Surroundings {
    /// Persons in all.
    pub persons: u64,
    /// Their visits.
    pub visits: u64,
    /// Lines, or settlements.
    pub lines: u64,
    /// Sum; exact.
    pub amount: Amount,
    /// Of a doctor: lines ordered, billed, executed; one line may be all three.
    pub roles: Option<(u64, u64, u64)>,
    /// The persons, what stands out first; at most [`LISTED`].
    pub listed: Vec<Around>,
    /// What to keep in mind, in sentences.
    pub notes: Vec<String>,
}

/// Looks over all lines of a source.
///
/// # Errors
/// What the source says, or the watch stopped it.
pub fn look(source: &dyn ColumnSource, ask: &Ask, watch: &mut dyn Watch) -> Result<Surroundings> {
    match ask {
        Ask::Staff(code) => lines::staff(source, code, watch),
        Ask::Item(code) => lines::item(source, code, watch),
        Ask::Cards { psn_no, visits, minutes } => {
            cards::look(source, (psn_no.as_deref(), visits), *minutes, watch)
        }
    }
}

/// A person on the way.
#[derive(Debug, Clone, Default)]
struct Tally {
    visits: u64,
    lines: u64,
    amount: i64,
    first: Option<i64>,
    last: Option<i64>,
    signs: Vec<String>,
    /// What is listed first: larger stands before smaller.
    rank: (u64, u64, u64),
}

impl Tally {
    fn on(&mut self, day: i64) {
        self.first = Some(self.first.map_or(day, |d| d.min(day)));
        self.last = Some(self.last.map_or(day, |d| d.max(day)));
    }
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

fn day_text(day: i64) -> String {
    BeijingTime::from_seconds(day.saturating_mul(86_400)).display(Precision::Day)
}

/// Persons (codes) to rows, what stands out first.
fn finish(source: &dyn ColumnSource, persons: HashMap<u32, Tally>) -> Result<Surroundings> {
    let mut out = Surroundings { persons: count(persons.len()), ..Surroundings::default() };
    let mut sum = 0_i64;
    for tally in persons.values() {
        out.visits = out.visits.saturating_add(tally.visits);
        out.lines = out.lines.saturating_add(tally.lines);
        sum = sum.saturating_add(tally.amount);
    }
    out.amount = Amount::from_millionths(sum);
    let codes: Vec<u32> = persons.keys().copied().collect();
    let numbers: HashMap<u32, String> =
        codes.iter().copied().zip(source.texts(&codes).map_err(Error::Source)?).collect();
    let mut rows: Vec<(u32, Tally)> = persons.into_iter().collect();
    let number = |code: &u32| numbers.get(code).map(String::as_str).unwrap_or_default();
    rows.sort_by(|(a, x), (b, y)| {
        let key = |t: &Tally| (t.rank, t.amount, t.lines);
        key(y).cmp(&key(x)).then_with(|| number(a).cmp(number(b)))
    });
    rows.truncate(LISTED);
    let mut names: HashMap<u32, String> = rows.iter().map(|(p, _)| (*p, String::new())).collect();
    source
        .scan("psn", &[code("psn_no"), text("psn_name")], &mut |b| {
            for n in 0..b.len() {
                if let Some(name) = names.get_mut(&b.code(0, n)) {
                    b.text(1, n).unwrap_or_default().clone_into(name);
                }
            }
            Ok(())
        })
        .map_err(Error::Source)?;
    out.listed = rows
        .into_iter()
        .map(|(person, tally)| Around {
            psn_no: number(&person).to_owned(),
            psn_name: names.remove(&person).unwrap_or_default(),
            visits: tally.visits,
            lines: tally.lines,
            amount: Amount::from_millionths(tally.amount),
            days: tally.first.zip(tally.last).map(|(a, b)| (day_text(a), day_text(b))),
            signs: tally.signs,
        })
        .collect();
    let hidden = out.persons.saturating_sub(count(out.listed.len()));
    if hidden > 0 {
        out.notes.push(format!("列出前 {} 人，其余 {hidden} 人只计入合计", out.listed.len()));
    }
    Ok(out)
}

/// Visits with their persons: fee lines and settlements do not always name one.
fn persons_of_visits(source: &dyn ColumnSource) -> Result<HashMap<u32, u32>> {
    let mut of = HashMap::new();
    source
        .scan("mdtrt_d", &[code("mdtrt_id"), code("psn_no")], &mut |b| {
            of.extend((0..b.len()).map(|n| (b.code(0, n), b.code(1, n))));
            Ok(())
        })
        .map_err(Error::Source)?;
    Ok(of)
}
