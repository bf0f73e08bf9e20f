//! The stories of the lists about much of an item: in a day, a stay, a month, a year, and what hands and machines can do.

use chrono::{Datelike as _, TimeDelta};

use super::super::super::items::find;
use super::super::super::out::{at, day};
use super::super::bills::noon;
use super::super::case::{Case, Closed, Person, nothing};
use super::super::house;
use super::super::life::{adult, clinic_at, stay, surgical};
use super::super::{Kind, World};
use super::told::{ends, give, give_at};
use super::{Count, Listed, PNEUMONIA, Place, Span};

/// As much as the list allows, or some more.
pub(super) fn sum(w: &mut World, l: &Listed, (span, count, cap): (Span, Count, i64), wrong: bool) {
    let more = if wrong { w.rng.between(1, 3) } else { 0 };
    let each = find(l.item).map_or(0, |i| i.cents);
    match (span, count) {
        (Span::Month, _) => month(w, l, cap, more),
        (Span::Year, _) => year(w, l, cap, more),
        (_, Count::Dates) => day_by_day(w, l, cap, more),
        _ => {
            let pieces = if count == Count::Yuan { cap * 100 / each.max(1) } else { cap };
            let (p, ago) = (adult(w), w.some_day());
            let (case, n) = one_bill(w, l, &p, (ago, pieces + more));
            ends(w, l, case, &[n], (wrong, more * each));
        }
    }
}

/// So many pieces in one line.
fn one_bill(w: &mut World, l: &Listed, p: &Person, (ago, cnt): (i64, i64)) -> (Case, usize) {
    if l.place == Place::Stay {
        let mut case = stay(w, (0, 1), p, ago, 8, PNEUMONIA);
        let when = noon(w, ago - 2, 9);
        let n = give_at(w, &mut case, l.item, when, cnt);
        return (case, n);
    }
    let date = w.date(ago);
    let mut case = clinic_at(w, (0, 0), p, date);
    let n = give(w, &mut case, l.item, cnt);
    (case, n)
}

/// Morning and evening for as many days as are allowed; with an operation, what was given before it and on the two days
/// after.
fn twice_a_day(w: &mut World, l: &Listed, cap: i64) {
    let (p, ago) = (adult(w), w.some_day());
    let mut case = stay(w, (0, 1), &p, ago, cap + 2, PNEUMONIA);
    for n in 0..cap {
        for hour in [8, 20] {
            let when = noon(w, ago - 1 - n, hour);
            give_at(w, &mut case, l.item, when, 1);
        }
    }
    let c = w.close(case);
    nothing(w, Kind::Trap, l.rule, &c);
    if l.rule != "C22" {
        return;
    }
    let (p, ago) = (adult(w), w.some_day());
    let mut case = surgical(w, (0, 2), &p, ago, 8, ("K80.200", "胆囊结石"));
    let cut = case.operations.first().map_or(case.begin, |o| o.2);
    for hours in [-14, 2, 20, 40] {
        give_at(w, &mut case, l.item, cut + TimeDelta::hours(hours), 1);
    }
    let c = w.close(case);
    nothing(w, Kind::Trap, l.rule, &c);
}

/// One a day, for so many days.
fn day_by_day(w: &mut World, l: &Listed, cap: i64, more: i64) {
    if more == 0 {
        twice_a_day(w, l, cap);
    }
    let (p, ago) = (adult(w), w.some_day());
    let mut case = stay(w, (0, 1), &p, ago, cap + more + 2, PNEUMONIA);
    let begin = case.begin;
    let order = w.order(&mut case, l.item, begin, 0);
    let when = |w: &World, n: i64| noon(w, ago - 1 - n, 9);
    let lines: Vec<usize> =
        (0..cap + more).map(|n| case.bill_order(l.item, when(w, n), 1, &order)).collect();
    let late = lines.len().saturating_sub(usize::try_from(more).unwrap_or(0));
    let lines: Vec<usize> = lines.into_iter().skip(late).collect();
    let each = find(l.item).map_or(0, |i| i.cents);
    ends(w, l, case, &lines, (more > 0, more * each));
}

/// Two visits; the second one is told.
fn two_visits(w: &mut World, l: &Listed, first: (i64, i64), second: (i64, i64), wrong: bool) {
    let p = adult(w);
    let (case, _) = one_bill(w, l, &p, first);
    w.close(case);
    let (case, n) = one_bill(w, l, &p, second);
    let each = find(l.item).map_or(0, |i| i.cents);
    ends(w, l, case, &[n], (wrong, second.1 * each));
}

/// All of it in the first days of a month, and more ten days later; or as much again in the next month.
fn month(w: &mut World, l: &Listed, cap: i64, more: i64) {
    let ago = w.some_day();
    let third = ago + i64::from(w.date(ago).day()) - 3;
    let (later, cnt) = if more > 0 { (10, more) } else { (30, cap) };
    two_visits(w, l, (third, cap), (third - later, cnt), more > 0);
}

/// All of it, and more two months later; or as much in the year before.
fn year(w: &mut World, l: &Listed, cap: i64, more: i64) {
    let ago = w.rng.between(150, 250);
    // The year of the city's last day began 318 days before it.
    let (first, cnt) = if more > 0 { (ago + 60, more) } else { (325, cap) };
    two_visits(w, l, (first, cap), (ago, cnt), more > 0);
}

/// A row of truth about the lines of several visits.
fn of_house(w: &mut World, kind: Kind, rule: &str, all: &[(Closed, usize)], cents: i64) {
    let Some((first, _)) = all.first() else { return };
    let mut told = first.told(&[], cents);
    told.lines = all.iter().filter_map(|(c, n)| c.serials.get(*n)).cloned().collect();
    told.date = day(w.date(0));
    (told.visit, told.person) = (String::new(), String::new());
    w.truth(kind, rule, told);
}

/// So many outpatients on one day under the hands of one therapist.
fn hands(w: &mut World, l: &Listed, count: i64, therapists: usize) -> Vec<(Closed, usize)> {
    let ago = w.some_day();
    let all_of: Vec<String> =
        (0..therapists).map(|_| house::staff(w, "2", false, String::new())).collect();
    let mut all = Vec::new();
    for n in 0..count {
        let p = adult(w);
        let begin = at(w.date(ago), 7, 0, 0) + TimeDelta::minutes(45 * n);
        let dx = ("M51.202", "腰椎间盘突出");
        let end = begin + TimeDelta::minutes(70);
        let mut case = w.open((0, Some(4)), &p, "11", (begin, end), dx);
        case.bill("C002", begin, 1);
        let when = begin + TimeDelta::minutes(10);
        let turn = usize::try_from(n).unwrap_or(0) % therapists.max(1);
        let who = all_of.get(turn).cloned().unwrap_or_default();
        w.event(&mut case, "treat", l.item, (when, 40), who, 1);
        let line = case.bill(l.item, when, 1);
        all.push((w.close(case), line));
    }
    all
}

/// Fourteen hours of work by two of one name, as their room has on its door.
fn two_therapists(w: &mut World, l: &Listed) {
    let all = hands(w, l, 14, 2);
    of_house(w, Kind::Trap, l.rule, &all, 0);
}

/// Nine hours of work in a shift of eight; or eight.
pub(super) fn shift(w: &mut World, l: &Listed, wrong: bool) {
    let count = if wrong { w.rng.between(9, 11) } else { 8 };
    let all = hands(w, l, count, 1);
    of_house(w, if wrong { Kind::Violation } else { Kind::NearMiss }, l.rule, &all, 0);
    if !wrong {
        two_therapists(w, l);
    }
}

/// Thirteen hours and more; and twelve, which is too long for a shift of eight and not for one of twelve. Twelve hours
/// are no story of an honest house.
pub(super) fn long_shift(w: &mut World, l: &Listed, wrong: bool) {
    if !wrong {
        return two_therapists(w, l);
    }
    let count = w.rng.between(13, 15);
    let all = hands(w, l, count, 1);
    of_house(w, Kind::Violation, l.rule, &all, 0);
    of_house(w, Kind::Violation, "B25", &all, 0);
    let all = hands(w, l, 12, 1);
    of_house(w, Kind::NearMiss, l.rule, &all, 0);
    of_house(w, Kind::Violation, "B25", &all, 0);
}

/// Ten hours a patient, and three patients on one machine in one day; or two.
pub(super) fn machine(w: &mut World, l: &Listed, wrong: bool) {
    let [as_it_was, near, undone, _] = w.listed;
    let (count, kind, turn) = match (wrong, w.undo.is_some()) {
        (true, false) => (3, 0, as_it_was),
        (true, true) => (3, 1, undone),
        _ => (2, 2, near),
    };
    // No two of these stories meet on one day.
    let turn = i64::try_from(turn / super::LISTED.len()).unwrap_or(0) % 83;
    let ago = 76 + 3 * turn + kind;
    let mut all = Vec::new();
    for _ in 0..count {
        let p = adult(w);
        let date = w.date(ago);
        let mut case = clinic_at(w, (0, 0), &p, date);
        let n = give(w, &mut case, l.item, 1);
        all.push((w.close(case), n));
    }
    let each = find(l.item).map_or(0, |i| i.cents);
    of_house(w, if wrong { Kind::Violation } else { Kind::NearMiss }, l.rule, &all, each);
}
