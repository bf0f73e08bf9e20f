//! Stories of leads: nothing that accuses anybody, only what an inspector would look at first.

use chrono::TimeDelta;

use super::super::items::code_of;
use super::super::out::at;
use super::Kind::{NearMiss, Violation};
use super::bills::noon;
use super::case::{Case, nothing};
use super::house::CHEAP;
use super::life::{adult, clinic_at, stay};
use super::shops::{PHARMACY, customer, sale};
use super::{Kind, Story, Told, World};

pub(super) const WRONG: &[Story] =
    &[too_many_herbs, too_many_drugs, fetched_after_some_days, sold_at_night];

/// Wrongs that no refund undoes: what happened is wrong, whatever became of the bill.
pub(super) const LASTING: &[Story] = &[operated_before_admission];

pub(super) const HONEST: &[Story] = &[
    twenty_herbs,
    five_drugs,
    operated_on_the_first_day,
    fetched_after_half_of_it,
    sold_at_the_end_of_the_day,
];

/// Told once for a city: it is about all boxes of a drug.
pub(super) const ONCE: &[Story] = &[bought_for_less_than_half];

/// Told once for a city, a near miss.
pub(super) const HONEST_ONCE: &[Story] = &[bought_for_four_fifths];

fn ends(w: &mut World, case: Case, rule: &str, lines: &[usize], kind: Kind) {
    let c = w.close(case);
    match kind {
        Violation => w.truth(kind, rule, c.told(lines, 0)),
        _ => nothing(w, kind, rule, &c),
    }
}

/// A visit to the clinic for which only what is given here is prescribed.
fn prescription(w: &mut World) -> Case {
    let (p, ago) = (adult(w), w.some_day());
    let date = w.date(ago);
    let mut case = clinic_at(w, (1, 0), &p, date);
    case.lines.retain(|l| !l.item.list_type.starts_with('1'));
    case
}

const HERBS: [&str; 21] = [
    "H001", "H002", "H003", "H201", "H202", "H203", "H204", "H205", "H206", "H207", "H208", "H209",
    "H210", "H211", "H212", "H213", "H214", "H215", "H216", "H217", "H218",
];
const DRUGS: [&str; 6] = ["X001", "X005", "X006", "X009", "X010", "Z001"];

fn prescribed(w: &mut World, items: &[&str], (cnt, days): (i64, i64)) -> (Case, Vec<usize>) {
    let mut case = prescription(w);
    let when = case.begin + TimeDelta::minutes(60);
    let lines = items.iter().map(|item| case.bill_rx(item, when, cnt, days)).collect();
    (case, lines)
}

fn too_many_herbs(w: &mut World) {
    let (case, lines) = prescribed(w, &HERBS, (70, 7));
    ends(w, case, "C14", &lines, Violation);
}

fn twenty_herbs(w: &mut World) {
    let (case, _) = prescribed(w, HERBS.get(..20).unwrap_or_default(), (70, 7));
    ends(w, case, "C14", &[], NearMiss);
}

fn too_many_drugs(w: &mut World) {
    let (case, lines) = prescribed(w, &DRUGS, (1, 7));
    ends(w, case, "C20", &lines, Violation);
}

fn five_drugs(w: &mut World) {
    let (case, _) = prescribed(w, DRUGS.get(..5).unwrap_or_default(), (1, 7));
    ends(w, case, "C20", &[], NearMiss);
}

/// An operation that the list dates before or into the stay.
fn operated(w: &mut World, days: i64) -> Case {
    let (p, ago) = (adult(w), w.some_day());
    let mut case = stay(w, (0, 1), &p, ago, 7, ("J18.900", "肺炎"));
    let when = noon(w, ago + days, 15);
    w.event(&mut case, "oprn", "O014", (when, 50), String::new(), 1);
    case.operations.push(("53.0000", "疝修补术", when));
    case.bill("O014", noon(w, ago - 1, 11), 1);
    case
}

fn operated_before_admission(w: &mut World) {
    let days = w.rng.between(2, 6);
    let case = operated(w, days);
    ends(w, case, "F15", &[], Violation);
}

fn operated_on_the_first_day(w: &mut World) {
    let case = operated(w, 0);
    ends(w, case, "F15", &[], NearMiss);
}

/// Four weeks of a drug, and again after some days.
fn fetched(w: &mut World, after: i64) -> (Case, usize) {
    let (p, ago) = (adult(w), w.some_day());
    let date = w.date(ago);
    let mut first = clinic_at(w, (0, 0), &p, date);
    let when = first.begin + TimeDelta::minutes(80);
    first.bill_rx("X026", when, 4, 28);
    w.close(first);
    let date = w.date(ago - after);
    let mut case = clinic_at(w, (0, 0), &p, date);
    let when = case.begin + TimeDelta::minutes(80);
    let n = case.bill_rx("X026", when, 4, 28);
    (case, n)
}

fn fetched_after_some_days(w: &mut World) {
    let after = w.rng.between(3, 12);
    let (case, n) = fetched(w, after);
    ends(w, case, "C25", &[n], Violation);
}

/// Just so: half of it was taken.
fn fetched_after_half_of_it(w: &mut World) {
    let (case, _) = fetched(w, 14);
    ends(w, case, "C25", &[], NearMiss);
}

/// A sale at the pharmacy that is open until half past nine.
fn sold(w: &mut World, hour: i64, minute: i64) -> Case {
    let (p, ago) = (adult(w), w.some_day());
    let mut case = sale(w, PHARMACY, &p, ago, "X010", 1);
    let when = at(w.date(ago), hour, minute, 0);
    (case.begin, case.end, case.settled) = (when, when, when);
    case.change(0, |l| l.at = when);
    case
}

fn sold_at_night(w: &mut World) {
    let minute = w.rng.between(0, 59);
    let case = sold(w, 23, minute);
    ends(w, case, "H09", &[0], Violation);
}

fn sold_at_the_end_of_the_day(w: &mut World) {
    let case = sold(w, 21, 30);
    ends(w, case, "H09", &[], NearMiss);
}

/// About all boxes of one drug at the pharmacy.
fn of_boxes(w: &mut World, kind: Kind, item: &'static str) {
    let _ = customer(w, 200, item, 2);
    let facility = w.city.facilities.get(PHARMACY).map_or("", |f| f.code).to_owned();
    w.truth(kind, "G12", Told { facility, code: code_of(item), ..Told::default() });
}

fn bought_for_less_than_half(w: &mut World) {
    of_boxes(w, Violation, CHEAP);
}

fn bought_for_four_fifths(w: &mut World) {
    of_boxes(w, NearMiss, "X026");
}
