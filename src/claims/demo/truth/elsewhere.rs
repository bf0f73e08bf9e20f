//! Stories of one person in two houses: what neither of them can see alone.
//!
//! Each house has its own half of the wrong, so each has its own row of truth. A stay in two beds costs
//! nobody an amount that either house could name; what it costs is settled when both have been heard.

use chrono::{NaiveDateTime, TimeDelta};

use super::super::out::at;
use super::Kind::{NearMiss, Trap, Violation};
use super::case::{Case, Person, nothing};
use super::life::{Dx, adult, clinic_at, shop, stay};
use super::stays::leave;
use super::{Story, Told, World};

pub(super) const WRONG: &[Story] = &[clinic_elsewhere_while_in_bed, three_houses_one_drug];

/// Wrongs of one person; told of several persons of one name, they are none.
pub(super) const OF_ONE: &[Story] = &[two_beds, two_beds_here, handed_on, two_counters_at_once];

pub(super) const HONEST: &[Story] = &[
    beds_meet_on_one_day,
    beds_meet_here_on_one_day,
    clinic_elsewhere_on_leave,
    pharmacy_while_in_bed,
    sent_next_door_for_a_picture,
    two_days_between_houses,
    forty_minutes_between_counters,
    from_the_clinic_to_the_chemist,
    two_houses_one_drug,
];

const HEART: Dx = ("I25.103", "冠状动脉粥样硬化性心脏病");
const LUNG: Dx = ("J18.900", "肺炎");

/// A stay in the first hospital and one in the second that begins so many days after it.
fn two_stays(w: &mut World, first: i64, gap: i64, dx: [Dx; 2]) -> [super::case::Closed; 2] {
    let (p, ago) = (adult(w), w.some_day());
    let case = stay(w, (0, 0), &p, ago, first, dx[0]);
    let one = w.close(case);
    let case = stay(w, (1, 1), &p, ago - first - gap, 6, dx[1]);
    [one, w.close(case)]
}

/// Somebody lies in two beds for some days.
fn two_beds(w: &mut World) {
    let shared = w.rng.between(2, 5);
    for c in two_stays(w, 8, -shared, [HEART, LUNG]) {
        let all = c.all();
        w.truth(Violation, "A06", c.told(&all, 0));
    }
}

/// Two beds in two wards of one house; the second stay begins so many days after the first one ended.
fn two_stays_here(w: &mut World, first: i64, gap: i64) -> super::case::Closed {
    let (p, ago) = (adult(w), w.some_day());
    let case = stay(w, (0, 0), &p, ago, first, HEART);
    w.close(case);
    let case = stay(w, (0, 1), &p, ago - first - gap, 6, LUNG);
    w.close(case)
}

fn two_beds_here(w: &mut World) {
    let shared = w.rng.between(2, 5);
    let c = two_stays_here(w, 8, -shared);
    nothing(w, Violation, "A06-1", &c);
}

fn beds_meet_here_on_one_day(w: &mut World) {
    let c = two_stays_here(w, 6, 0);
    nothing(w, NearMiss, "A06-1", &c);
}

/// Out of one bed in the morning, into the other in the afternoon.
fn beds_meet_on_one_day(w: &mut World) {
    for c in two_stays(w, 6, 0, [HEART, LUNG]) {
        nothing(w, NearMiss, "A06", &c);
    }
}

/// The same illness goes on next door the day after, without a word of transfer.
fn handed_on(w: &mut World) {
    for c in two_stays(w, 6, 1, [HEART, HEART]) {
        nothing(w, Violation, "A02", &c);
    }
}

fn two_days_between_houses(w: &mut World) {
    for c in two_stays(w, 6, 2, [HEART, HEART]) {
        nothing(w, NearMiss, "A02", &c);
    }
}

/// In bed in the first hospital; on the fourth day a bill of the second one's clinic.
fn in_bed_and_out(w: &mut World, home: bool) -> super::case::Closed {
    let (p, ago) = (adult(w), w.some_day());
    let mut case = stay(w, (0, 0), &p, ago, 8, HEART);
    if home {
        leave(w, &mut case, ago, (2, 4), &[]);
    }
    let c = w.close(case);
    let date = w.date(ago - 3);
    let case = clinic_at(w, (1, 0), &p, date);
    w.close(case);
    c
}

fn clinic_elsewhere_while_in_bed(w: &mut World) {
    let c = in_bed_and_out(w, false);
    nothing(w, Violation, "A04", &c);
}

fn clinic_elsewhere_on_leave(w: &mut World) {
    let c = in_bed_and_out(w, true);
    nothing(w, Trap, "A04", &c);
}

/// The family fetches something from the chemist with the patient's own account.
fn pharmacy_while_in_bed(w: &mut World) {
    let (p, ago) = (adult(w), w.some_day());
    let case = stay(w, (0, 0), &p, ago, 7, HEART);
    let c = w.close(case);
    let date = w.date(ago - 3);
    let mut case = shop(w, &p, date);
    case.own_account = true;
    w.close(case);
    nothing(w, Trap, "A04", &c);
}

/// The machine is next door: taken there from the bed, billed at both houses, flagged at the first.
fn sent_next_door_for_a_picture(w: &mut World) {
    let (p, ago) = (adult(w), w.some_day());
    let mut case = stay(w, (0, 0), &p, ago, 8, HEART);
    let date = w.date(ago - 3);
    let n = case.bill("S024", at(date, 9, 0, 0), 1);
    case.change(n, |l| l.outside = true);
    let c = w.close(case);
    let case = clinic_at(w, (1, 0), &p, date);
    w.close(case);
    nothing(w, Trap, "A04", &c);
}

/// A short visit for one drug at an exact minute.
fn counter(w: &mut World, house: (usize, usize), p: &Person, begin: NaiveDateTime) -> Case {
    let end = begin + TimeDelta::minutes(8);
    let dx = ("J06.900", "急性上呼吸道感染");
    let mut case = w.open((house.0, Some(house.1)), p, "11", (begin, end), dx);
    case.bill("C002", begin, 1);
    case.bill_rx("X009", begin + TimeDelta::minutes(5), 1, 7);
    case
}

/// One card at two counters.
fn counters(w: &mut World, minutes: i64) -> [super::case::Closed; 2] {
    let (p, ago) = (adult(w), w.some_day());
    let begin = at(w.date(ago), w.rng.between(9, 14), w.rng.between(0, 59), 0);
    let case = counter(w, (0, 1), &p, begin);
    let one = w.close(case);
    let case = counter(w, (1, 1), &p, begin + TimeDelta::minutes(minutes));
    [one, w.close(case)]
}

fn two_counters_at_once(w: &mut World) {
    let minutes = w.rng.between(1, 29);
    for c in counters(w, minutes) {
        let all = c.all();
        w.truth(Violation, "H03", c.told(&all, 0));
    }
}

fn forty_minutes_between_counters(w: &mut World) {
    for c in counters(w, 40) {
        nothing(w, NearMiss, "H03", &c);
    }
}

/// Prescribed at the clinic, fetched a quarter of an hour later next door.
fn from_the_clinic_to_the_chemist(w: &mut World) {
    let (p, ago) = (adult(w), w.some_day());
    let begin = at(w.date(ago), w.rng.between(9, 14), w.rng.between(0, 59), 0);
    let case = counter(w, (0, 1), &p, begin);
    let one = w.close(case);
    let mut case = shop(w, &p, w.date(ago));
    let later = begin + TimeDelta::minutes(14) - case.begin;
    case.begin += later;
    case.end += later;
    case.settled += later;
    case.lines.iter_mut().for_each(|l| l.at += later);
    let two = w.close(case);
    for c in [one, two] {
        nothing(w, Trap, "H03", &c);
    }
}

/// The same tablets from so many houses, more than anybody takes in the time.
fn collect(w: &mut World, houses: usize) -> Vec<super::case::Closed> {
    let (p, mut ago) = (adult(w), w.some_day());
    // On the day of the third house its agreement is in force.
    while super::shops::SUSPENDED.contains(&(ago - 24)) {
        ago += 1;
    }
    let mut closed = Vec::new();
    for (n, house) in [(0, 2), (1, 2), (2, 0)].into_iter().take(houses).enumerate() {
        let days = i64::try_from(n).unwrap_or(0) * 12;
        let begin = at(w.date(ago - days), w.rng.between(9, 14), w.rng.between(0, 59), 0);
        let mut case = counter(w, house, &p, begin);
        case.bill_rx("X026", begin + TimeDelta::minutes(6), 24, 7);
        closed.push(w.close(case));
    }
    closed
}

fn three_houses_one_drug(w: &mut World) {
    for c in collect(w, 3) {
        let code = super::super::items::code_of("X026");
        let told = Told { visit: String::new(), code, ..c.told(&[], 0) };
        w.truth(Violation, "C28", told);
    }
}

fn two_houses_one_drug(w: &mut World) {
    for c in collect(w, 2) {
        let code = super::super::items::code_of("X026");
        let told = Told { visit: String::new(), code, ..c.told(&[], 0) };
        w.truth(NearMiss, "C28", told);
    }
}
