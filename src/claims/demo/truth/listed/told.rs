//! The stories of the lists about one item in one visit: who was given it, where and for what; and what lies beside it.

use chrono::{NaiveDateTime, TimeDelta};

use super::super::super::items::find;
use super::super::bills::noon;
use super::super::case::{Case, Person, nothing};
use super::super::life::{Dx, adult, clinic_at, done, operation_of, stay};
use super::super::shops::{PHARMACY, SUSPENDED, sale};
use super::super::undone::Undo;
use super::super::{Kind, World};
use super::{LISTED, Limit, Listed, PNEUMONIA, Place, SINCE, Span, days};

/// The health centre: the only house of its level.
const CENTRE: usize = 2;

pub(super) fn wrong(w: &mut World) {
    let turn = match w.undo {
        None => 0,
        Some(Undo::SelfPaid) => 3,
        Some(_) => 2,
    };
    next(w, turn, true);
}

pub(super) fn near(w: &mut World) {
    next(w, 1, false);
}

/// The next list of those that are told in this way.
fn next(w: &mut World, turn: usize, wrong: bool) {
    let Some(told) = w.listed.get_mut(turn) else { return };
    let at = *told % LISTED.len();
    *told += 1;
    // Hours that were worked, and an operation that was made, no refund undoes.
    let lasts =
        |l: &Listed| matches!(l.limit, Limit::Hands(_) | Limit::LongHands | Limit::Operation(..));
    let told = |l: &&Listed| match turn {
        0 | 1 => true,
        2 => !lasts(l),
        _ => !lasts(l) && !l.whoever_paid(),
    };
    if let Some(l) = LISTED.get(at).filter(told) {
        tell(w, l, wrong);
    }
}

fn tell(w: &mut World, l: &Listed, wrong: bool) {
    match l.limit {
        Limit::Sum(span, count, cap) => days::sum(w, l, (span, count, cap), wrong),
        Limit::Pair(Span::Day, other) => on_one_day(w, l, other, wrong),
        Limit::Pair(_, other) => together(w, l, other, wrong),
        Limit::Class(other) => at_once(w, l, other, wrong),
        Limit::Needs(other, _) => beside(w, l, other, wrong),
        Limit::After(first, _) => second_line(w, l, first, wrong),
        Limit::Treated(dx) => treated(w, l, dx, wrong),
        Limit::Operation(code, _, dx) => operated(w, l, code, dx, wrong),
        Limit::Hands(_) => days::shift(w, l, wrong),
        Limit::LongHands => days::long_shift(w, l, wrong),
        Limit::Machine(_) => days::machine(w, l, wrong),
        _ => given(w, l, wrong),
    }
}

/// Who comes, and where to.
struct Setting {
    ages: (i64, i64),
    female: Option<bool>,
    insutype: Option<&'static str>,
    place: Place,
    house: usize,
    department: usize,
    way: &'static str,
    dx: Dx,
    ago: i64,
}

/// The item is given once to somebody who is outside of the limit, or just is not.
fn given(w: &mut World, l: &Listed, wrong: bool) {
    let stay = l.place == Place::Stay;
    let mut s = Setting {
        ages: (30, 75),
        female: None,
        insutype: None,
        place: l.place,
        house: 0,
        department: usize::from(stay),
        way: "11",
        dx: if stay { PNEUMONIA } else { ("J06.900", "急性上呼吸道感染") },
        ago: w.some_day(),
    };
    let (mut item, mut prescribed) = (l.item, false);
    match l.limit {
        Limit::Women => s.female = Some(!wrong),
        Limit::UpTo(years) if wrong => s.ages = (years + 4, years + 20),
        Limit::UpTo(years) => s.ages = (years - 5, years - 1),
        Limit::Level(_) if wrong => s.house = CENTRE,
        Limit::House(_) if wrong => s.place = Place::Counter,
        Limit::Way(_, outside, inside) => s.way = if wrong { outside } else { inside },
        Limit::Insurance(code) if !wrong => s.insutype = Some(code),
        Limit::Department(_, department) if !wrong => s.department = department,
        Limit::Diagnosis(_, dx) if !wrong => s.dx = dx,
        Limit::Forbidden(_, dx) if wrong => s.dx = dx,
        Limit::Disease(_, own) => {
            s.way = "14";
            item = if wrong { l.item } else { own };
        }
        Limit::Never if wrong => s.ago = w.rng.between(75, SINCE - 15),
        Limit::Never => s.ago = w.rng.between(SINCE + 15, 330),
        Limit::Prescribed => prescribed = !wrong,
        _ => {}
    }
    let cnt = w.rng.between(1, 4);
    let (mut case, n) = once(w, &s, item, cnt);
    if prescribed {
        let rx = format!("CF{}", case.id.get(11..).unwrap_or_default());
        case.change(n, |line| line.rx = rx);
    }
    end(w, l, case, &[n], wrong);
}

/// Opens the visit and gives the item; the number of its line.
fn once(w: &mut World, s: &Setting, item: &'static str, cnt: i64) -> (Case, usize) {
    let mut p = w.person(s.ages, s.female);
    p.insutype = s.insutype.unwrap_or(p.insutype);
    p.chronic = s.way == "14";
    w.enrol(&p);
    let mut ago = s.ago;
    if s.house == CENTRE && SUSPENDED.contains(&ago) {
        ago += 20;
    }
    match s.place {
        Place::Clinic => {
            let date = w.date(ago);
            let mut case = clinic_at(w, (s.house, s.department), &p, date);
            (case.med_type, case.dx) = (s.way, s.dx);
            let n = give(w, &mut case, item, cnt);
            (case, n)
        }
        Place::Stay => {
            let mut case = stay(w, (s.house, s.department), &p, ago, 8, s.dx);
            let n = give_at(w, &mut case, item, noon(w, ago - 2, 9), cnt);
            (case, n)
        }
        Place::Counter => (sale(w, PHARMACY, &p, ago, item, cnt), 0),
    }
}

/// Gives an item an hour and a half after a visit to the clinic began.
pub(super) fn give(w: &mut World, case: &mut Case, item: &'static str, cnt: i64) -> usize {
    let when = case.begin + TimeDelta::minutes(80);
    give_at(w, case, item, when, cnt)
}

/// Ordered, done or prescribed, and billed, as it is with items of its kind.
pub(super) fn give_at(
    w: &mut World,
    case: &mut Case,
    item: &'static str,
    when: NaiveDateTime,
    cnt: i64,
) -> usize {
    match find(item).map(|i| i.list_type) {
        Some("101" | "102") if case.is_stay() => {
            let order = w.order(case, item, when, cnt);
            case.bill_order(item, when, cnt, &order)
        }
        Some("101" | "102") => case.bill_rx(item, when, cnt, 5),
        Some("301") => case.bill(item, when, cnt),
        _ => done(w, case, item, when, cnt),
    }
}

pub(super) fn ends(
    w: &mut World,
    l: &Listed,
    case: Case,
    lines: &[usize],
    (wrong, cents): (bool, i64),
) {
    let c = w.close(case);
    if wrong {
        w.truth(Kind::Violation, l.rule, c.told(lines, if l.loss { cents } else { 0 }));
    } else {
        nothing(w, Kind::NearMiss, l.rule, &c);
    }
}

/// As [`ends`]; what the lines cost is what was lost.
fn end(w: &mut World, l: &Listed, case: Case, lines: &[usize], wrong: bool) {
    let cents = |n: &usize| case.lines.get(*n).map_or(0, |line| line.cnt * line.cents);
    let cents = lines.iter().map(cents).sum();
    ends(w, l, case, lines, (wrong, cents));
}

/// A whole and its part: on one day, or on two.
fn on_one_day(w: &mut World, l: &Listed, other: &'static str, wrong: bool) {
    let (p, ago) = (adult(w), w.some_day());
    let mut case = stay(w, (0, 1), &p, ago, 8, PNEUMONIA);
    let (first, second) = (noon(w, ago - 2, 9), noon(w, ago - 2 - i64::from(!wrong), 11));
    give_at(w, &mut case, l.item, first, 1);
    let n = give_at(w, &mut case, other, second, 1);
    end(w, l, case, &[n], wrong);
}

fn visit_of(w: &mut World, p: &Person, ago: i64) -> Case {
    let date = w.date(ago);
    clinic_at(w, (0, 0), p, date)
}

/// Two drugs in one visit, or in two.
fn together(w: &mut World, l: &Listed, other: &'static str, wrong: bool) {
    let (p, ago) = (adult(w), w.some_day());
    let mut case = visit_of(w, &p, ago);
    give(w, &mut case, l.item, 1);
    if !wrong {
        w.close(case);
        case = visit_of(w, &p, ago - 10);
    }
    let n = give(w, &mut case, other, 1);
    end(w, l, case, &[n], wrong);
}

/// Two drugs of one class for a week, or the second one for two days only.
fn at_once(w: &mut World, l: &Listed, other: &'static str, wrong: bool) {
    let (p, ago, cnt) = (adult(w), w.some_day(), w.rng.between(1, 3));
    let mut case = visit_of(w, &p, ago);
    let when = case.begin + TimeDelta::minutes(80);
    case.bill_rx(l.item, when, 1, 7);
    let days = if wrong { 7 } else { 2 };
    let n = case.bill_rx(other, when + TimeDelta::minutes(2), cnt, days);
    end(w, l, case, &[n], wrong);
}

/// What must lie beside the item lies there, or does not.
fn beside(w: &mut World, l: &Listed, other: &'static str, wrong: bool) {
    let (p, ago, cnt) = (adult(w), w.some_day(), w.rng.between(1, 2));
    let (mut case, when) = if l.place == Place::Stay {
        let case = stay(w, (0, 1), &p, ago, 8, PNEUMONIA);
        let when = noon(w, ago - 2, 9);
        (case, when)
    } else {
        let case = visit_of(w, &p, ago);
        let when = case.begin + TimeDelta::minutes(80);
        (case, when)
    };
    if !wrong {
        done(w, &mut case, other, when - TimeDelta::minutes(20), 1);
    }
    let n = give_at(w, &mut case, l.item, when, cnt);
    end(w, l, case, &[n], wrong);
}

/// The second line at once, or three months after the first one.
fn second_line(w: &mut World, l: &Listed, first: &'static str, wrong: bool) {
    // The data must reach back far enough to know what was tried before.
    let (p, ago, cnt) = (adult(w), w.rng.between(75, 140), w.rng.between(1, 3));
    if !wrong {
        let mut case = visit_of(w, &p, ago + 90);
        give(w, &mut case, first, 1);
        w.close(case);
    }
    let mut case = visit_of(w, &p, ago);
    let n = give(w, &mut case, l.item, cnt);
    end(w, l, case, &[n], wrong);
}

/// A diagnosis on the record, and its treatment on the bill or not.
fn treated(w: &mut World, l: &Listed, dx: Dx, wrong: bool) {
    let (p, ago) = (adult(w), w.some_day());
    let mut case = stay(w, (0, 1), &p, ago, 8, dx);
    if !wrong {
        let when = noon(w, ago - 2, 9);
        give_at(w, &mut case, l.item, when, 1);
    }
    end(w, l, case, &[], wrong);
}

/// An operation for its own disease, or for another one.
fn operated(w: &mut World, l: &Listed, code: &'static str, dx: Dx, wrong: bool) {
    let (p, ago) = (adult(w), w.some_day());
    let mut case = stay(w, (0, 2), &p, ago, 8, if wrong { PNEUMONIA } else { dx });
    let name = find(l.item).map_or("", |i| i.name);
    operation_of(w, &mut case, (l.item, code, name), ago - 2);
    end(w, l, case, &[], wrong);
}
