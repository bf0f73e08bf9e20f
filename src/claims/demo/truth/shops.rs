//! Stories of cards, boxes and counters.

use chrono::{NaiveDateTime, TimeDelta};

use super::super::items::code_of;
use super::super::out::at;
use super::Kind::{NearMiss, Trap, Violation};
use super::case::{Case, Taken, nothing};
use super::life::{adult, clinic_at, sale_row, shop};
use super::{Kind, Story, Told, World};

pub(super) const WRONG: &[Story] = &[
    one_box_twice,
    one_box_twice_on_the_sales,
    another_drug_in_the_box,
    sold_and_still_there,
    twice_in_a_minute,
    seven_times_a_month,
    card_without_insurance,
    dearer_for_the_insured,
    agreement_suspended,
    billed_without_a_code,
];

/// Wrongs of one person; told of several persons of one name, they are none.
pub(super) const OF_ONE: &[Story] = &[every_day_in_the_clinic, three_prescriptions];

pub(super) const HONEST: &[Story] = &[
    box_came_back,
    two_minutes_apart,
    charged_twice_and_cancelled,
    four_times_a_month,
    often_in_the_clinic,
    two_prescriptions,
    same_price_for_all,
    tablets_by_the_piece,
];

/// Days ago on which the agreement of the health centre was suspended.
pub(super) const SUSPENDED: std::ops::RangeInclusive<i64> = 120..=130;

/// The pharmacy in which everything happens that happens at a counter.
pub(super) const PHARMACY: usize = 3;

/// Boxes of one drug, sold at a pharmacy.
pub(super) fn sale(
    w: &mut World,
    house: usize,
    p: &super::case::Person,
    ago: i64,
    item: &'static str,
    cnt: i64,
) -> Case {
    let date = w.date(ago);
    let begin = at(date, w.rng.between(9, 20), w.rng.between(0, 59), w.rng.between(0, 59));
    let mut case = w.open((house, None), p, "41", (begin, begin), ("", ""));
    case.settled = begin;
    let n = case.bill(item, begin, cnt);
    case.change(n, |l| l.days = 3);
    case
}

fn one_box_twice(w: &mut World) {
    box_twice(w, false);
}

/// The second sale is known from the stock's own list only.
fn one_box_twice_on_the_sales(w: &mut World) {
    box_twice(w, true);
}

fn box_twice(w: &mut World, untold: bool) {
    let item = w.rng.pick(&["X025", "X022"]).copied().unwrap_or("X022");
    let ago = w.some_day();
    let code = w.new_box();
    let mut last = None;
    for n in 0..2 {
        let p = adult(w);
        let mut case = sale(w, PHARMACY, &p, ago - 7 * n, item, 1);
        case.boxes.push((0, code.clone()));
        case.untold = untold && n == 1;
        last = Some(w.close(case));
    }
    if let Some(c) = last {
        w.truth(Violation, "G03", c.told(&[0], c.sum(&[0])));
    }
}

fn another_drug_in_the_box(w: &mut World) {
    let (p, ago) = (adult(w), w.some_day());
    let code = w.new_box();
    w.boxes.push(("X001", code.clone()));
    let mut case = sale(w, PHARMACY, &p, ago, "X022", 1);
    case.boxes.push((0, code));
    let c = w.close(case);
    w.truth(Violation, "G06", c.told(&[0], c.sum(&[0])));
}

fn sold_and_still_there(w: &mut World) {
    let (p, ago) = (adult(w), w.some_day());
    let code = w.new_box();
    w.shelf.push(("X022", code.clone()));
    let mut case = sale(w, PHARMACY, &p, ago, "X022", 1);
    case.boxes.push((0, code));
    let c = w.close(case);
    w.truth(Violation, "G08", c.told(&[0], c.sum(&[0])));
}

/// Two sales of the same amount to one person, some seconds apart.
fn pair(w: &mut World, seconds: i64, cancel: bool) -> super::case::Closed {
    let (p, ago, cnt) = (adult(w), w.some_day(), w.rng.between(1, 8));
    let first = sale(w, PHARMACY, &p, ago, "X022", cnt);
    let begin = first.begin + TimeDelta::seconds(seconds);
    w.close(first);
    let mut second = sale(w, PHARMACY, &p, ago, "X022", cnt);
    (second.begin, second.end, second.settled) = (begin, begin, begin);
    second.change(0, |l| l.at = begin);
    second.taken = if cancel { Taken::ByLine } else { Taken::Never };
    w.close(second)
}

fn twice_in_a_minute(w: &mut World) {
    let seconds = w.rng.between(1, 55);
    let c = pair(w, seconds, false);
    w.truth(Violation, "H01", c.told(&[0], c.sum(&[0])));
}

fn two_minutes_apart(w: &mut World) {
    let c = pair(w, 130, false);
    nothing(w, NearMiss, "H01", &c);
}

fn charged_twice_and_cancelled(w: &mut World) {
    let c = pair(w, 30, true);
    nothing(w, Trap, "H01", &c);
}

/// One drug so many times in a month; what is beyond the fourth time comes back.
fn monthly(w: &mut World, times: i64, kind: Kind) {
    let (p, ago) = (adult(w), w.some_day());
    let mut told = Told::default();
    for n in 0..times {
        let cnt = w.rng.between(1, 3);
        let case = sale(w, PHARMACY, &p, ago - 4 * n, "X022", cnt);
        let c = w.close(case);
        let one = c.told(&[0], c.sum(&[0]));
        if n >= 4 {
            let (mut lines, cents) = (told.lines, told.cents);
            lines.extend(one.lines.iter().cloned());
            told = Told { lines, cents: cents + one.cents, ..one };
        } else if n == 3 && kind == NearMiss {
            told = Told { cents: 0, lines: Vec::new(), ..one };
        }
    }
    w.truth(kind, "C27", told);
}

fn seven_times_a_month(w: &mut World) {
    let times = w.rng.between(5, 7);
    monthly(w, times, Violation);
}

fn four_times_a_month(w: &mut World) {
    monthly(w, 4, NearMiss);
}

/// A visit of little: the doctor and a blood count.
fn bare(w: &mut World, p: &super::case::Person, when: NaiveDateTime) -> Case {
    let dx = ("M51.202", "腰椎间盘突出");
    let mut case = w.open((0, Some(3)), p, "11", (when, when + TimeDelta::minutes(50)), dx);
    case.bill("C002", when, 1);
    case
}

fn daily(w: &mut World, days: i64, kind: Kind) {
    let (p, ago) = (adult(w), w.some_day());
    for n in 0..days {
        let when = at(w.date(ago - n), 9, w.rng.between(0, 59), 0);
        let case = bare(w, &p, when);
        w.close(case);
    }
    let facility = super::super::DEMO_HOSPITAL.to_owned();
    w.truth(kind, "H11", Told { person: p.psn_no, facility, ..Told::default() });
}

fn every_day_in_the_clinic(w: &mut World) {
    let days = w.rng.between(21, 28);
    daily(w, days, Violation);
}

fn often_in_the_clinic(w: &mut World) {
    daily(w, 19, NearMiss);
}

fn same_day(w: &mut World, times: i64, kind: Kind) {
    let (p, ago) = (adult(w), w.some_day());
    let mut doctor = None;
    let mut last = None;
    for n in 0..times {
        let when = at(w.date(ago), 8 + 2 * n, w.rng.between(0, 59), 0);
        let mut case = bare(w, &p, when);
        case.doctor = doctor.get_or_insert(case.doctor.clone()).clone();
        last = Some(w.close(case));
    }
    if let Some(c) = last {
        nothing(w, kind, "H12", &c);
    }
}

fn three_prescriptions(w: &mut World) {
    same_day(w, 3, Violation);
}

fn two_prescriptions(w: &mut World) {
    same_day(w, 2, NearMiss);
}

fn card_without_insurance(w: &mut World) {
    let mut p = w.person((30, 75), None);
    let ago = w.some_day();
    p.insured_until = Some(w.date(ago + 40));
    w.enrol(&p);
    let date = w.date(ago);
    let mut case = clinic_at(w, (0, 0), &p, date);
    let (when, cnt) = (case.begin + TimeDelta::minutes(70), w.rng.between(1, 6));
    case.bill_rx("X021", when, cnt, 7);
    let c = w.close(case);
    let all = c.all();
    w.truth(Violation, "H13", c.told(&all, c.sum(&all)));
}

/// The same drug on the same day to somebody who paid alone, at a share of the price.
fn beside(w: &mut World, percent: i64) -> (super::case::Closed, i64) {
    let (p, ago, cnt) = (adult(w), w.some_day(), w.rng.between(1, 9));
    // What is honest is sold as something else: on one day there is one price for all who come.
    let wrong = percent < 100 && w.undo.is_none();
    let item = if wrong { "Z001" } else { "X026" };
    let case = sale(w, PHARMACY, &p, ago, item, cnt);
    let mut own = case.lines.first().cloned();
    // Who cancels the one sale cancels the other: it would stand beside those of the same day.
    if let Some(line) = own.as_mut().filter(|_| w.undo.is_none()) {
        (line.cents, line.cnt) = (line.cents * percent / 100, 1);
        line.at += TimeDelta::minutes(30);
        let (number, code) = (w.record(), w.new_box());
        *w.sold.entry(item).or_default() += 1;
        let row = sale_row("P99010100001", line, "", format!("XS{number:09}"), &[code]);
        w.tables.add("inv_sale", row);
    }
    let less = case.lines.first().map_or(0, |l| l.cents) - own.map_or(0, |l| l.cents);
    (w.close(case), less * cnt)
}

fn dearer_for_the_insured(w: &mut World) {
    let percent = w.rng.between(50, 90);
    let (c, cents) = beside(w, percent);
    w.truth(Violation, "H15", c.told(&[0], cents));
}

fn same_price_for_all(w: &mut World) {
    let (c, _) = beside(w, 100);
    nothing(w, NearMiss, "H15", &c);
}

fn agreement_suspended(w: &mut World) {
    let p = adult(w);
    let ago = w.rng.between(*SUSPENDED.start(), *SUSPENDED.end());
    let date = w.date(ago);
    let case = clinic_at(w, (2, 0), &p, date);
    let c = w.close(case);
    let all = c.all();
    w.truth(Violation, "H10", c.told(&all, c.sum(&all)));
}

/// The till has a new drug that nobody has coded yet.
fn billed_without_a_code(w: &mut World) {
    let (p, ago) = (adult(w), w.some_day());
    let mut case = sale(w, PHARMACY, &p, ago, "X010", 1);
    case.change(0, |l| l.uncoded = true);
    let c = w.close(case);
    w.truth(Violation, "F02-1", c.told(&[0], 0));
}

/// A box is brought back, the sale cancelled, the box sold again.
fn box_came_back(w: &mut World) {
    let ago = w.some_day();
    let code = w.new_box();
    for n in 0..2 {
        let p = adult(w);
        let mut case = sale(w, PHARMACY, &p, ago - 5 * n, "X025", 1);
        case.boxes.push((0, code.clone()));
        case.taken = if n == 0 { Taken::ByLine } else { Taken::Never };
        let c = w.close(case);
        if n == 1 {
            nothing(w, Trap, "G03", &c);
        }
    }
}

/// Sold by the piece from one box: many pieces, several settlements under one code, the rest on the shelf.
fn tablets_by_the_piece(w: &mut World) {
    let code = w.new_box();
    w.shelf.push(("X007", code.clone()));
    let ago = w.some_day();
    for n in 0..2 {
        let p = adult(w);
        let mut case = sale(w, PHARMACY, &p, ago - 3 * n, "X007", 45);
        case.split = true;
        case.boxes.push((0, code.clone()));
        let c = w.close(case);
        if n > 0 {
            nothing(w, Trap, "G03", &c);
            nothing(w, Trap, "G08", &c);
            w.truth(Trap, "G01", Told { code: code_of("X007"), ..c.told(&[], 0) });
        }
    }
}

/// Everybody who comes to the counter may also only buy.
#[must_use]
pub(super) fn customer(
    w: &mut World,
    ago: i64,
    item: &'static str,
    cnt: i64,
) -> super::case::Closed {
    let p = adult(w);
    let date = w.date(ago);
    let mut case = shop(w, &p, date);
    case.lines.clear();
    let when = case.begin;
    case.bill(item, when, cnt);
    w.close(case)
}
