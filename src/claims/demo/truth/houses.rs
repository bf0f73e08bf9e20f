//! Stories of whole houses: what no bill shows alone, and what shows only beside the others.
//!
//! A share of drugs that is too high, beds that are not there, one doctor for a hundred and twenty patients: such a
//! finding names a house and nobody in it. Each is told in small houses of its own, one in which it is wrong, one in
//! which it only just is not, and one in which it looks wrong until one reads what was taken back. So nothing that
//! other stories do can make or break it, and a row of truth that names only the house is as exact as the finding.
//! Several things that have nothing to do with each other share a house, because each house is a set of files.

mod groups;
mod shares;
mod shops;
mod wards;

use chrono::{NaiveDate, NaiveDateTime, TimeDelta};

use super::super::city::{self, Small};
use super::super::out::at;
use super::case::{Case, Person};
use super::life::{Dx, adult, clinic_at, done};
use super::{Kind, Story, Told, World};

/// Told once for a city: something is wrong.
pub(super) const ONCE: &[Story] = &[
    shares::too_many_drugs,
    shares::too_many_tests,
    shares::too_many_dressings,
    shares::too_many_needles,
    wards::wrong,
    shops::wrong,
    groups::wrong,
];

/// Told once for a city: nothing is wrong.
pub(super) const HONEST_ONCE: &[Story] = &[
    shares::nearly_too_many_drugs_and_tests,
    shares::nearly_too_many_dressings_and_needles,
    shares::drugs_and_tests_taken_back,
    shares::dressings_and_needles_taken_back,
    wards::nearly,
    wards::natural,
    shops::nearly,
    shops::natural,
    groups::nearly,
    groups::natural,
    examined_till_the_last_day,
];

/// Both hospitals upload reports of examinations up to the cut-off, so that one that is missing is missing: in a small
/// city the last one would else lie weeks before, and what is younger is not judged.
fn examined_till_the_last_day(w: &mut World) {
    for facility in 0..2 {
        let (p, date) = (adult(w), w.date(0));
        let mut case = clinic_at(w, (facility, 0), &p, date);
        let when = case.begin + TimeDelta::minutes(50);
        done(w, &mut case, "S024", when, 1);
        w.close(case);
    }
}

/// The houses of the city before the small ones.
const FIRST: usize = 5;
const COLD: Dx = ("J06.900", "急性上呼吸道感染");

/// Opens a small house; its place in the city.
fn new_house(w: &mut World, kind: Small) -> usize {
    let at = w.city.facilities.len();
    let shop = kind == Small::Shop;
    let few = w.city.facilities.iter().skip(FIRST).filter(|f| f.pharmacy == shop).count();
    let house = city::small(&mut w.tables, &mut w.rng, few, kind);
    w.city.facilities.push(house);
    at
}

/// A row of truth about a house as a whole.
fn of_house(w: &mut World, kind: Kind, rules: &[&str], house: usize) {
    let facility = w.city.facilities.get(house).map_or("", |f| f.code).to_owned();
    for rule in rules {
        w.truth(kind, rule, Told { facility: facility.clone(), ..Told::default() });
    }
}

/// Days spread over the last year, the same distance from each other.
fn spread(w: &World, n: i64, all: i64) -> NaiveDate {
    w.date(340 - 260 * n / all.max(1))
}

/// A visit to the clinic of a small house: the doctor's fee, and nothing yet besides.
fn call(w: &mut World, (house, ward): (usize, usize), p: &Person, begin: NaiveDateTime) -> Case {
    let end = begin + TimeDelta::minutes(50);
    let mut case = w.open((house, Some(ward)), p, "11", (begin, end), COLD);
    case.bill("C002", begin, 1);
    case
}

/// The hour at which the n-th of a day comes.
fn hour(date: NaiveDate, n: i64) -> NaiveDateTime {
    at(date, 8, 0, 0) + TimeDelta::minutes(4 * n)
}
