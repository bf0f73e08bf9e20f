//! Small pharmacies: what they scan, how one month is beside the other, the end of a year, and what a visit costs.

use chrono::{Datelike as _, NaiveDate, TimeDelta};

use super::super::Kind::{NearMiss, Trap, Violation};
use super::super::case::{Case, Taken};
use super::super::life::adult;
use super::super::shops::sale;
use super::super::{Kind, World};
use super::{Small, new_house, of_house};

fn sold(w: &mut World, house: usize, date: NaiveDate, (item, cnt): (&'static str, i64)) -> Case {
    let p = adult(w);
    let ago = (super::super::super::out::last_day() - date).num_days();
    sale(w, house, &p, ago, item, cnt)
}

fn day_of(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default()
}

/// Ten sales a month from February to August, and so many in May; so many in all without a scanner.
fn monthly(w: &mut World, may: u32, cancelled: u32, bare: i64) -> usize {
    let house = new_house(w, Small::Shop);
    let mut unscanned = bare;
    for month in 1..=8 {
        for n in 0..if month == 5 { may } else { 10 } {
            let mut case = sold(w, house, day_of(2026, month, 1 + n), ("X005", 2));
            if month == 5 && n < cancelled {
                case.taken = Taken::ByLine;
            } else if unscanned > 0 {
                (case.unscanned, unscanned) = (true, unscanned - 1);
            }
            w.close(case);
        }
    }
    house
}

/// A sale a day from August on, and so many pieces on each of the last ten days of the year, some of them cancelled.
fn year(w: &mut World, late: i64, cancelled: i64) -> usize {
    let house = new_house(w, Small::Shop);
    let mut date = day_of(2025, 8, 10);
    while date.year() == 2025 {
        let end = date.month() == 12 && date.day() > 21;
        let case = sold(w, house, date, ("X001", if end { late } else { 1 }));
        w.close(case);
        if end && cancelled > 0 {
            let mut case = sold(w, house, date, ("X001", cancelled));
            case.taken = Taken::ByLine;
            w.close(case);
        }
        date += TimeDelta::days(1);
    }
    house
}

/// Everybody buys for so much.
fn dear(w: &mut World, item: &'static str, cnt: i64, cancelled: i64) -> usize {
    let house = new_house(w, Small::Shop);
    for n in 0..36 {
        let date = super::spread(w, n, 36);
        let case = sold(w, house, date, (item, cnt));
        w.close(case);
        if n < cancelled {
            let mut case = sold(w, house, date, ("X022", 9));
            case.taken = Taken::ByLine;
            w.close(case);
        }
    }
    house
}

fn tell(w: &mut World, kind: Kind, [monthly, year, dear]: [usize; 3]) {
    of_house(w, kind, &["G05", "J10"], monthly);
    of_house(w, kind, &["H04"], year);
    of_house(w, kind, &["J11"], dear);
}

/// A month of twice as much, one sale of four past the scanner, four times as much at the end of the year.
pub(in super::super) fn wrong(w: &mut World) {
    let houses = [monthly(w, 20, 0, 30), year(w, 4, 0), dear(w, "X021", 6, 0)];
    tell(w, Violation, houses);
}

/// Half as much again, one of five, three times as much.
pub(in super::super) fn nearly(w: &mut World) {
    let houses = [monthly(w, 15, 0, 17), year(w, 3, 0), dear(w, "X010", 2, 0)];
    tell(w, NearMiss, houses);
}

/// It was more, and was cancelled; what is weighed out has no box to scan.
pub(in super::super) fn natural(w: &mut World) {
    let houses = [monthly(w, 22, 8, 0), year(w, 2, 4), dear(w, "X001", 2, 12)];
    for n in 0..40 {
        let mut case = sold(w, houses[0], day_of(2026, 1 + n / 5, 20), ("H001", 90));
        case.unscanned = true;
        w.close(case);
    }
    tell(w, Trap, houses);
}
