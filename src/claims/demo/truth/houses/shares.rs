//! What part of all that a small clinic bills is drugs, tests, dressings or therapy, and who bills it.

use chrono::TimeDelta;

use super::super::Kind::{NearMiss, Trap, Violation};
use super::super::World;
use super::super::case::{Taken, nothing};
use super::super::life::{adult, done};
use super::{Small, call, hour, new_house, of_house, spread};

/// Patients of a clinic in a year.
const PATIENTS: i64 = 40;

/// From so many patients on a field is missing all over the house, and no matter of single bills.
const ALL_OVER: i64 = 20;

/// What so many of the patients are given.
struct Given {
    item: &'static str,
    /// The first patient who is.
    from: i64,
    patients: i64,
    /// To the first of them twice as much.
    double: i64,
    /// So many pieces too many with some of them, taken back at once.
    back: i64,
}

const fn given(item: &'static str, from: i64, patients: i64) -> Given {
    Given { item, from, patients, double: 0, back: 0 }
}

/// Of the patients, who says nothing of what they have: the first ones, or all of them but in the list only.
#[derive(Clone, Copy)]
enum Unsaid {
    Nobody,
    First(i64),
    /// The field of the visit is empty, the list of diagnoses is not.
    InTheList(i64),
    /// What they have is said; who ordered it is not, of the first ones.
    Who(i64),
}

/// A clinic of four rooms: every second patient goes to the first one, or all who are given something do.
fn clinic(w: &mut World, all: &[Given], one_room: bool, unsaid: Unsaid) -> usize {
    let house = new_house(w, Small::Clinic);
    for n in 0..PATIENTS {
        let p = adult(w);
        let date = spread(w, n, PATIENTS);
        let gets = |g: &&Given| (g.from..g.from + g.patients).contains(&n);
        let first = if one_room { all.iter().any(|g| gets(&g)) } else { n % 2 == 0 };
        let room = if first { 0 } else { 1 + usize::try_from(n % 3).unwrap_or(0) };
        let mut case = call(w, (house, room), &p, hour(date, n % 9));
        let when = case.begin + TimeDelta::minutes(20);
        for g in all.iter().filter(gets) {
            let cnt = if n - g.from < g.double { 2 } else { 1 };
            if g.item.starts_with('S') {
                done(w, &mut case, g.item, when, cnt);
            } else {
                case.bill_rx(g.item, when, cnt, 3);
            }
            if g.back > 0 && n % 4 == 1 {
                let line = case.bill_rx(g.item, when + TimeDelta::minutes(5), g.back, 3);
                case.refund(line, when + TimeDelta::minutes(8), g.back, false);
            }
        }
        let nameless = matches!(unsaid, Unsaid::Who(few) if n < few);
        if nameless {
            case.lines.iter_mut().for_each(|l| l.doctor = Some(String::new()));
        }
        let wordless = match unsaid {
            Unsaid::First(few) if n < few => {
                case.dx = ("", "");
                true
            }
            Unsaid::InTheList(few) if n < few => {
                case.more_dx.push(case.dx);
                case.dx = ("", "");
                false
            }
            _ => false,
        };
        let c = w.close(case);
        if wordless {
            nothing(w, Violation, "F12", &c);
        }
        if nameless && matches!(unsaid, Unsaid::Who(few) if few < ALL_OVER) {
            w.truth(Violation, "F02", c.told(&c.all(), 0));
        }
    }
    house
}

/// More than every second patient leaves with a box; of a dozen bills nobody ordered anything.
pub(super) fn too_many_drugs(w: &mut World) {
    let house = clinic(w, &[given("X001", 0, 24)], false, Unsaid::Who(12));
    of_house(w, Violation, &["J01"], house);
    of_house(w, NearMiss, &["F02-2"], house);
}

/// Every second patient is examined; of two nobody knows what they have, which is just what may be.
pub(super) fn too_many_tests(w: &mut World) {
    let house = clinic(w, &[given("S005", 0, 20)], false, Unsaid::First(2));
    of_house(w, Violation, &["J02"], house);
    of_house(w, NearMiss, &["F12-1"], house);
}

/// Dressings for every second patient; of three nobody knows what they have.
pub(super) fn too_many_dressings(w: &mut World) {
    let house = clinic(w, &[given("M003", 0, 20)], false, Unsaid::First(3));
    of_house(w, Violation, &["J03", "F12-1"], house);
}

/// All who are needled go to one room; the till left the doctor out of most bills.
pub(super) fn too_many_needles(w: &mut World) {
    let house = clinic(w, &[given("S011", 0, 24)], true, Unsaid::Who(24));
    of_house(w, Violation, &["J04", "J12", "F02-2"], house);
}

/// A little less than the reference of both.
const DRUGS_AND_TESTS: [Given; 2] =
    [Given { double: 4, ..given("X001", 0, 40) }, given("S005", 0, 30)];
/// A quarter of all, and a little less than the reference; half of everything in one room.
const DRESSINGS_AND_NEEDLES: [Given; 2] = [given("M003", 0, 26), given("S011", 1, 25)];

/// No bill of this house has ever named a doctor: it is not in its export.
pub(super) fn nearly_too_many_drugs_and_tests(w: &mut World) {
    let house = clinic(w, &DRUGS_AND_TESTS, false, Unsaid::Who(PATIENTS));
    of_house(w, NearMiss, &["J01", "J02"], house);
    of_house(w, Trap, &["F02-2"], house);
}

pub(super) fn nearly_too_many_dressings_and_needles(w: &mut World) {
    let house = clinic(w, &DRESSINGS_AND_NEEDLES, false, Unsaid::InTheList(10));
    of_house(w, NearMiss, &["J03", "J04", "J12"], house);
    of_house(w, Trap, &["F12-1"], house);
}

/// As much again by mistake, and back in the same hour.
fn taken_back(w: &mut World, all: [Given; 2], rules: &[&str]) -> usize {
    let house = clinic(w, &all.map(|g| Given { back: 6, ..g }), false, Unsaid::Nobody);
    of_house(w, Trap, rules, house);
    house
}

pub(super) fn drugs_and_tests_taken_back(w: &mut World) {
    taken_back(w, DRUGS_AND_TESTS, &["J01", "J02"]);
}

/// One room also billed twelve patients of another house, and cancelled every bill.
pub(super) fn dressings_and_needles_taken_back(w: &mut World) {
    let house = taken_back(w, DRESSINGS_AND_NEEDLES, &["J03", "J04", "J12"]);
    for n in 0..12 {
        let p = adult(w);
        let date = spread(w, n, 12);
        let mut case = call(w, (house, 0), &p, hour(date, 30));
        case.bill_rx("X001", case.begin, 1, 3);
        case.taken = Taken::ByLine;
        w.close(case);
    }
}
