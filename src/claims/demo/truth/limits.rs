//! Stories of what was given to whom, for how long, and how it was written down: limits of drugs and items, and bills
//! that contradict themselves.

use chrono::TimeDelta;

use super::super::out::at;
use super::Kind::{NearMiss, Trap, Violation};
use super::bills::{ends, honest, noon, visit};
use super::case::{Case, Taken, nothing};
use super::life::{adult, clinic_at, done, some_stay, stay, stay_of};
use super::{Story, World};

pub(super) const WRONG: &[Story] = &[
    quinolone_for_a_child,
    four_months_of_tablets,
    two_weeks_from_emergency,
    chronic_but_not_registered,
    home_with_six_weeks,
    smear_of_a_man,
    newborn_care_of_a_man,
];

/// Wrongs whoever paid: what is missing, contradicts itself or comes too early.
pub(super) const WHOEVER_PAID: &[Story] = &[
    again_before_it_is_used_up,
    exercise_without_assessment,
    settled_before_it_began,
    nobody_ordered,
    operation_without_its_fee,
    no_diagnosis,
];

/// Wrongs that no refund undoes: what happened is wrong, whatever became of the bill.
pub(super) const LASTING: &[Story] =
    &[caesarean_of_a_man, endometriosis_of_a_man, newborn_disease_of_a_man];

pub(super) const HONEST: &[Story] = &[
    twelve_weeks_of_tablets,
    home_with_four_weeks,
    the_whole_settlement_cancelled,
    refill_when_used_up,
    smear_of_a_woman,
];

fn quinolone_for_a_child(w: &mut World) {
    let p = w.person((6, 14), None);
    w.enrol(&p);
    let ago = w.some_day();
    let date = w.date(ago);
    let mut case = clinic_at(w, (0, 0), &p, date);
    let (when, cnt) = (case.begin + TimeDelta::minutes(80), w.rng.between(1, 4));
    let n = case.bill_rx("X012", when, cnt, 5);
    ends(w, case, "C04-1", &[n]);
}

fn tablets(w: &mut World, days: i64) -> (Case, usize) {
    let mut case = visit(w);
    let when = case.begin + TimeDelta::minutes(80);
    let n = case.bill_rx("X021", when, days / 7, days);
    (case, n)
}

fn four_months_of_tablets(w: &mut World) {
    let days = w.rng.between(14, 26) * 7;
    let (case, n) = tablets(w, days);
    let c = w.close(case);
    w.truth(Violation, "C09", c.told(&[n], c.sum(&[n])));
}

fn two_weeks_from_emergency(w: &mut World) {
    let mut case = visit(w);
    case.med_type = "13";
    let when = case.begin + TimeDelta::minutes(80);
    let n = case.bill_rx("X022", when, 2, 14);
    ends(w, case, "C09-1", &[n]);
}

fn chronic_but_not_registered(w: &mut World) {
    let mut case = visit(w);
    case.med_type = "14";
    let (when, cnt) = (case.begin + TimeDelta::minutes(80), w.rng.between(1, 6));
    case.bill_rx("X023", when, cnt, 7);
    let drug = |l: &super::case::Fee| l.item.list_type.starts_with('1');
    let all = case.lines.iter().enumerate();
    let lines: Vec<usize> = all.filter(|(_, l)| drug(l)).map(|(n, _)| n).collect();
    ends(w, case, "C11-1", &lines);
}

/// Twelve weeks of a drug, and again after some days.
fn again(w: &mut World, after: i64) -> (Case, usize) {
    let (p, ago) = (adult(w), w.some_day().max(190));
    let mut last = None;
    for ago in [ago, ago - after] {
        let date = w.date(ago);
        let mut case = clinic_at(w, (0, 0), &p, date);
        let when = case.begin + TimeDelta::minutes(80);
        let n = case.bill_rx("X024", when, 12, 84);
        if let Some((earlier, _)) = last.replace((case, n)) {
            w.close(earlier);
        }
    }
    last.unwrap_or_else(|| tablets(w, 84))
}

fn again_before_it_is_used_up(w: &mut World) {
    let after = w.rng.between(8, 35);
    let (case, n) = again(w, after);
    let c = ends(w, case, "C24", &[n]);
    w.truth(Violation, "C25", c.told(&[n], 0));
}

fn taken_home(w: &mut World, days: i64) -> (Case, Vec<usize>) {
    let (mut case, _) = some_stay(w, 0, 6);
    let lines = case.of("X008");
    for n in &lines {
        case.change(*n, |l| l.days = days);
    }
    (case, lines)
}

fn home_with_six_weeks(w: &mut World) {
    let days = w.rng.between(35, 90);
    let (case, lines) = taken_home(w, days);
    ends(w, case, "C26", &lines);
}

fn of_a(w: &mut World, female: bool, item: &'static str) -> (Case, usize) {
    let p = w.person((30, 60), Some(female));
    w.enrol(&p);
    let ago = w.some_day();
    let date = w.date(ago);
    let mut case = clinic_at(w, (0, 2), &p, date);
    let when = case.begin + TimeDelta::minutes(80);
    let n = done(w, &mut case, item, when, 1);
    (case, n)
}

fn smear_of_a_man(w: &mut World) {
    let (case, n) = of_a(w, false, "S031");
    ends(w, case, "E01", &[n]);
}

fn newborn_care_of_a_man(w: &mut World) {
    let p = w.person((30, 60), Some(false));
    w.enrol(&p);
    let ago = w.some_day();
    let mut case = stay_of(w, &p, 1, ago, 8);
    let days = w.rng.between(1, 5);
    let lines: Vec<usize> =
        (1..=days).map(|n| case.bill("N008", at(w.date(ago - n), 23, 50, 0), 1)).collect();
    ends(w, case, "E02", &lines);
}

fn exercise_without_assessment(w: &mut World) {
    let (mut case, _) = some_stay(w, 4, 6);
    case.lines.retain(|l| l.item.id != "S014");
    let c = w.close(case);
    nothing(w, Violation, "E12", &c);
}

fn settled_before_it_began(w: &mut World) {
    let (mut case, ago) = some_stay(w, 0, 5);
    case.settled = noon(w, ago + 3, 9);
    let c = w.close(case);
    nothing(w, Violation, "F01", &c);
}

fn nobody_ordered(w: &mut World) {
    let (mut case, ago) = some_stay(w, 1, 6);
    let n = case.bill("M002", noon(w, ago - 2, 17), 1);
    case.change(n, |l| l.doctor = Some(String::new()));
    let c = w.close(case);
    w.truth(Violation, "F02", c.told(&[n], 0));
}

fn operation_without_its_fee(w: &mut World) {
    let (p, ago) = (adult(w), w.some_day());
    let mut case = stay(w, (0, 1), &p, ago, 6, ("J18.900", "肺炎"));
    let when = noon(w, ago - 2, 10);
    case.operations.push(("34.0400", "胸腔闭式引流术", when));
    // Nothing that could be the fee: no tests, no therapy, no operation.
    case.lines.retain(|l| !matches!(l.item.charge, "03" | "05" | "06"));
    let c = w.close(case);
    nothing(w, Violation, "F04", &c);
}

fn man(w: &mut World) -> (super::case::Person, i64) {
    let p = w.person((40, 70), Some(false));
    w.enrol(&p);
    let ago = w.some_day();
    (p, ago)
}

fn caesarean_of_a_man(w: &mut World) {
    let (p, ago) = man(w);
    let mut case = stay_of(w, &p, 2, ago, 7);
    if let Some(first) = case.operations.first_mut() {
        (first.0, first.1) = ("74.1x01", "子宫下段横切口剖宫产术");
    }
    let c = w.close(case);
    nothing(w, Violation, "F05", &c);
}

fn diagnosed(w: &mut World, dx: (&'static str, &'static str)) -> Case {
    let (p, ago) = man(w);
    let date = w.date(ago);
    let mut case = clinic_at(w, (0, 0), &p, date);
    case.dx = dx;
    case
}

fn endometriosis_of_a_man(w: &mut World) {
    let case = diagnosed(w, ("N80.000", "子宫内膜异位症"));
    let c = w.close(case);
    nothing(w, Violation, "F08", &c);
}

fn newborn_disease_of_a_man(w: &mut World) {
    let case = diagnosed(w, ("P22.000", "新生儿呼吸窘迫综合征"));
    let c = w.close(case);
    nothing(w, Violation, "F09", &c);
}

fn no_diagnosis(w: &mut World) {
    let case = diagnosed(w, ("", ""));
    let c = w.close(case);
    nothing(w, Violation, "F12", &c);
}

fn twelve_weeks_of_tablets(w: &mut World) {
    let (case, _) = tablets(w, 84);
    honest(w, case, NearMiss, "C09");
}

fn home_with_four_weeks(w: &mut World) {
    let (case, _) = taken_home(w, 30);
    honest(w, case, NearMiss, "C26");
}

/// A child was given the wrong drug; the whole visit was cancelled and billed anew elsewhere.
fn the_whole_settlement_cancelled(w: &mut World) {
    let p = w.person((6, 14), None);
    w.enrol(&p);
    let ago = w.some_day();
    let date = w.date(ago);
    let mut case = clinic_at(w, (0, 0), &p, date);
    let when = case.begin + TimeDelta::minutes(80);
    case.bill_rx("X012", when, 1, 5);
    case.taken = Taken::ByLine;
    honest(w, case, Trap, "C04-1");
}

fn refill_when_used_up(w: &mut World) {
    let (case, _) = again(w, 80);
    honest(w, case, NearMiss, "C24");
}

fn smear_of_a_woman(w: &mut World) {
    let (case, _) = of_a(w, true, "S031");
    honest(w, case, NearMiss, "E01");
}
