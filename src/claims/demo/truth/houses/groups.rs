//! Persons who stand out together: none of them alone has done anything.

use chrono::{NaiveDate, TimeDelta};

use super::super::super::out::at;
use super::super::Kind::{NearMiss, Trap, Violation};
use super::super::bills::noon;
use super::super::case::{Person, Taken};
use super::super::life::{Dx, adult, done, stay};
use super::super::shops::sale;
use super::super::written::under;
use super::super::{Kind, World};
use super::{Small, call, hour, new_house, of_house};

const RULES: [&str; 7] = ["A10", "B32", "F14", "H02", "H14", "H16", "I05"];
const LUNG: Dx = ("J18.900", "肺炎");
const CHEST: Dx = ("J44.900", "慢性阻塞性肺疾病");

/// Somebody who is reached under a number, and works somewhere.
fn known_as(w: &mut World, tel: &str, employer: &str) -> Person {
    let mut p = w.person((30, 58), None);
    tel.clone_into(&mut p.tel);
    employer.clone_into(&mut p.employer);
    w.enrol(&p);
    p
}

/// So many of one works come to one ward on one day.
fn admitted(w: &mut World, house: usize, count: usize, illnesses: &[Dx]) {
    let ago = 150;
    for dx in illnesses.iter().cycle().take(count) {
        let tel = w.person((30, 58), None).tel;
        let p = known_as(w, &tel, "EMP990001");
        let mut case = stay(w, (house, 1), &p, ago, 4, *dx);
        case.by_group = false;
        w.close(case);
    }
}

/// So many are reached under one number.
fn reached(w: &mut World, house: usize, count: i64, tel: &str) {
    let ago = w.some_day();
    for n in 0..count {
        let p = known_as(w, tel, "");
        let date = w.date(ago - n);
        let case = call(w, (house, 0), &p, hour(date, 2));
        w.close(case);
    }
}

/// One doctor writes the same of so many patients.
fn noted(w: &mut World, house: usize, count: i64, text: &str) {
    let (ago, mut doctor) = (210, None);
    for n in 0..count {
        let p = adult(w);
        // They come on different days: nobody comes with anybody.
        let mut case = stay(w, (house, 1), &p, ago - n, 4, LUNG);
        case.by_group = false;
        case.doctor = doctor.get_or_insert(case.doctor.clone()).clone();
        let when = noon(w, ago - n - 2, 10);
        w.note(&mut case, when, text.to_owned());
        w.close(case);
    }
}

/// A picture each; those that are the same stand for several.
fn pictures(w: &mut World, house: usize, all: &[(usize, &str)]) {
    let (mut known, ago): (Vec<Person>, i64) = (Vec::new(), w.some_day().max(120));
    for (n, (who, hash)) in all.iter().enumerate() {
        while known.len() <= *who {
            known.push(adult(w));
        }
        let Some(p) = known.get(*who).cloned() else { continue };
        let date = w.date(ago - 9 * i64::try_from(n).unwrap_or(0));
        let mut case = call(w, (house, 1), &p, hour(date, 3));
        let when = case.begin + TimeDelta::minutes(20);
        done(w, &mut case, "S005", when, 1);
        let nurse = w.nurse(&case);
        w.event(&mut case, "exam", "S005", (when, 10), nurse, 1);
        under(&mut case, "exec", "result_hash", hash);
        w.close(case);
    }
}

const SAME: [&str; 4] = ["X001", "X009", "X010", "Z001"];

/// So many patients of one doctor and day are given the same.
fn alike(w: &mut World, house: usize, count: i64, drugs: &[&str]) {
    let (ago, mut doctor) = (w.some_day(), None);
    for n in 0..count {
        let p = adult(w);
        let date = w.date(ago);
        let mut case = call(w, (house, 2), &p, hour(date, 8 * n));
        case.doctor = doctor.get_or_insert(case.doctor.clone()).clone();
        for drug in drugs {
            case.bill_rx(drug, case.begin + TimeDelta::minutes(30), 1, 7);
        }
        w.close(case);
    }
}

/// So many sales of one amount, some minutes after each other; of the last ones so many were cancelled.
fn cards(w: &mut World, shop: usize, count: i64, minutes: i64, cancelled: i64) {
    let ago = w.some_day();
    let date = w.date(ago);
    for n in 0..count {
        let p = adult(w);
        let mut case = sale(w, shop, &p, ago, "X006", 3);
        let when = at(date, 15, 0, 0) + TimeDelta::minutes(n * minutes);
        (case.begin, case.end, case.settled) = (when, when, when);
        case.change(0, |l| l.at = when);
        if n >= count - cancelled {
            case.taken = Taken::ByLine;
        }
        w.close(case);
    }
}

/// So many come to so many doctors on one day.
fn full_day(w: &mut World, house: usize, count: i64, rooms: usize) {
    let ago = w.some_day();
    let date: NaiveDate = w.date(ago);
    let mut doctors = vec![None; rooms];
    for n in 0..count {
        let p = adult(w);
        let room = usize::try_from(n).unwrap_or(0) % rooms.max(1);
        let mut case = call(w, (house, room), &p, hour(date, n));
        if let Some(own) = doctors.get_mut(room) {
            case.doctor = own.get_or_insert(case.doctor.clone()).clone();
        }
        w.close(case);
    }
}

fn tell(w: &mut World, kind: Kind, house: usize, shop: usize) {
    let (cards, others): (Vec<&str>, Vec<&str>) = RULES.into_iter().partition(|r| *r == "H02");
    of_house(w, kind, &others, house);
    of_house(w, kind, &cards, shop);
}

const NOTE: &str = "患者神志清楚,精神可,双肺呼吸音清,未闻及干湿性啰音,心律齐,腹软无压痛,继续目前治疗,观察病情变化。";

pub(in super::super) fn wrong(w: &mut World) {
    let (house, shop) = (new_house(w, Small::Ward), new_house(w, Small::Shop));
    admitted(w, house, 4, &[LUNG]);
    reached(w, house, 6, "19900000000");
    noted(w, house, 3, NOTE);
    pictures(w, house, &[(0, "5ca1ab1e"), (1, "5ca1ab1e")]);
    alike(w, house, 3, &SAME);
    cards(w, shop, 5, 2, 0);
    full_day(w, house, 121, 1);
    tell(w, Violation, house, shop);
}

/// One less of everything, or a minute more.
pub(in super::super) fn nearly(w: &mut World) {
    let (house, shop) = (new_house(w, Small::Ward), new_house(w, Small::Shop));
    admitted(w, house, 3, &[LUNG]);
    reached(w, house, 5, "19900000001");
    noted(w, house, 2, NOTE);
    pictures(w, house, &[(0, "0ddba11"), (0, "0ddba11")]);
    alike(w, house, 2, &SAME);
    cards(w, shop, 5, 3, 0);
    full_day(w, house, 120, 1);
    tell(w, NearMiss, house, shop);
}

/// Of one works, but with two illnesses; an extension instead of a number; a line that everybody writes; two pictures of
/// two; a fee and three drugs; one of five sales cancelled; a full day of two doctors.
pub(in super::super) fn natural(w: &mut World) {
    let (house, shop) = (new_house(w, Small::Ward), new_house(w, Small::Shop));
    admitted(w, house, 4, &[LUNG, CHEST]);
    reached(w, house, 6, "8801");
    noted(w, house, 3, "病情平稳,继续治疗。");
    pictures(w, house, &[(0, "acc01ade"), (1, "acc01adf")]);
    alike(w, house, 3, &["X001", "X009", "X010"]);
    cards(w, shop, 5, 2, 1);
    full_day(w, house, 130, 2);
    tell(w, Trap, house, shop);
}
