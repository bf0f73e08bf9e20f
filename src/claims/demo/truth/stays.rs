//! Stories of stays: beds that go on being billed, patients who are not there, stays cut in two.

use chrono::{NaiveDate, TimeDelta};

use super::super::out::{Row, at, day, time};
use super::Kind::{NearMiss, Trap, Violation};
use super::case::{Case, cell, nothing};
use super::life::{adult, clinic_at, done, shop, some_stay, stay, stay_of};
use super::{Story, Told, World};

pub(super) const WRONG: &[Story] = &[
    beds_ran_on,
    nursing_ran_on,
    rounds_ran_on,
    two_grades,
    not_there,
    clinic_while_in_bed,
    dead_man,
    in_and_out,
    checkup,
    billed_after_leaving,
    billed_on_leave,
    nursing_hardly_recorded,
    nursing_never_recorded,
];

/// Wrongs that no refund undoes: what happened is wrong, whatever became of the bill.
pub(super) const LASTING: &[Story] = &[examined_after_leaving];

/// Wrongs of one person; told of several persons of one name, they are none.
pub(super) const OF_ONE: &[Story] = &[cut_in_two, often_in];

pub(super) const HONEST: &[Story] = &[
    moved_ward,
    bed_kept,
    scanned_twice,
    refunded_by_number,
    born_here,
    chemotherapy,
    sent_elsewhere_and_back,
    emergency_again,
    back_after_sixteen_days,
    died_in_the_house,
    died_on_the_first_day,
    short_and_cheap,
    five_stays,
    home_for_a_night,
    pathology_came_later,
    registered_late,
    examined_at_noon,
    clinic_on_the_last_day,
    emergency_while_in_bed,
    own_account_while_in_bed,
    read_elsewhere_while_in_bed,
    read_elsewhere_after_leaving,
    two_quiet_days,
    paid_by_group,
];

fn last_day(case: &Case) -> chrono::NaiveDateTime {
    at(case.end.date(), 9, 30, 0)
}

/// Bills an item so many times on the day of leaving, when the night run no longer knew the patient had gone.
pub(super) fn runs_on(
    w: &mut World,
    item: &'static str,
    days: i64,
    more: i64,
) -> (Case, Vec<usize>) {
    let department = usize::try_from(w.rng.below(2)).unwrap_or(0);
    let (mut case, _) = some_stay(w, department, days);
    let when = last_day(&case);
    let lines = (0..more).map(|_| case.bill(item, when, 1)).collect();
    (case, lines)
}

fn beds_ran_on(w: &mut World) {
    let (days, more) = (w.rng.between(4, 12), w.rng.between(1, 6));
    let (case, lines) = runs_on(w, "B001", days, more);
    let c = w.close(case);
    w.truth(Violation, "A14", c.told(&lines, c.sum(&lines)));
}

fn nursing_ran_on(w: &mut World) {
    let (days, more) = (w.rng.between(4, 12), w.rng.between(1, 4));
    let (case, lines) = runs_on(w, "N002", days, more);
    let c = w.close(case);
    w.truth(Violation, "A15-1", c.told(&lines, c.sum(&lines)));
    if more > 1 {
        w.truth(Violation, "A16", c.told(&lines, 0));
    }
}

fn rounds_ran_on(w: &mut World) {
    let (days, more) = (w.rng.between(4, 12), w.rng.between(1, 5));
    let (case, lines) = runs_on(w, "C001", days, more);
    let c = w.close(case);
    w.truth(Violation, "A18", c.told(&lines, c.sum(&lines)));
}

/// Both the old and the new grade of nursing on the same days.
fn two_grades(w: &mut World) {
    let (mut case, ago) = some_stay(w, 1, 9);
    let mut cheaper = Vec::new();
    for n in 2..2 + w.rng.between(1, 4) {
        let when = at(w.date(ago - n), 23, 50, 0);
        let billed = |item: &str| {
            case.of(item)
                .into_iter()
                .find(|n| case.lines.get(*n).is_some_and(|l| l.at.date() == when.date()))
        };
        match (billed("N001"), billed("N002")) {
            (Some(_), _) => cheaper.push(case.bill("N002", when, 1)),
            (None, there) => {
                cheaper.extend(there);
                case.bill("N001", when, 1);
            }
        }
    }
    let nursing: Vec<usize> = [case.of("N001"), case.of("N002")].concat();
    let c = w.close(case);
    w.truth(Violation, "A15", c.told(&cheaper, c.sum(&cheaper)));
    w.truth(Violation, "A15-1", c.told(&nursing, 0));
    if cheaper.len() > 1 {
        w.truth(Violation, "A16", c.told(&nursing, 0));
    }
}

/// The day of a record.
fn day_of(row: &Row) -> String {
    for name in ["rpt_date", "begntime", "rcd_time", "note_time"] {
        if let Some(day) = cell(row, name).get(..10).filter(|d| !d.is_empty()) {
            return day.to_owned();
        }
    }
    String::new()
}

/// Nothing happens on these days: no record, and of the bill only `keep`.
fn empty(case: &mut Case, days: &[NaiveDate], keep: &[&str]) -> Vec<usize> {
    let texts: Vec<String> = days.iter().map(|d| day(*d)).collect();
    for file in ["exec", "vital", "lab", "exam", "note"] {
        case.forget(file, |row| !texts.contains(&day_of(row)));
    }
    case.lines.retain(|l| !days.contains(&l.at.date()) || keep.contains(&l.item.id));
    let all = case.lines.iter().enumerate();
    all.filter(|(_, l)| days.contains(&l.at.date())).map(|(n, _)| n).collect()
}

fn span(w: &World, ago: i64, from: i64, to: i64) -> Vec<NaiveDate> {
    (from..=to).map(|n| w.date(ago - n)).collect()
}

/// The patient went home after two days; bed, rounds and nursing were billed for weeks.
fn not_there(w: &mut World) {
    let gone = w.rng.between(4, 18);
    let (mut case, ago) = some_stay(w, 1, gone + 5);
    let days = span(w, ago, 2, 1 + gone);
    let lines = empty(&mut case, &days, &["B001", "C001", "N001", "N002"]);
    let nursing: Vec<usize> = [case.of("N001"), case.of("N002")].concat();
    let c = w.close(case);
    w.truth(Violation, "A03", c.told(&lines, c.sum(&lines)));
    w.truth(Violation, "A16", c.told(&nursing, 0));
}

fn clinic_while_in_bed(w: &mut World) {
    let (p, ago) = (adult(w), w.some_day());
    let case = stay_of(w, &p, 0, ago, 8);
    w.close(case);
    let date = w.date(ago - 3);
    let mut case = clinic_at(w, (0, 1), &p, date);
    let cnt = w.rng.between(1, 4);
    let when = case.begin + TimeDelta::minutes(70);
    case.bill_rx("X021", when, cnt, 7);
    let c = w.close(case);
    let all = c.all();
    w.truth(Violation, "A05", c.told(&all, c.sum(&all)));
}

/// The card of somebody who died is used on.
fn dead_man(w: &mut World) {
    let mut p = w.person((60, 88), None);
    let ago = w.some_day();
    p.died = Some(w.date(ago));
    w.enrol(&p);
    for n in 0..w.rng.between(1, 3) {
        let date = w.date(ago - 10 - 9 * n);
        let mut case = shop(w, &p, date);
        let (when, cnt) = (case.begin, w.rng.between(1, 6));
        case.bill("X022", when, cnt);
        let c = w.close(case);
        let all = c.all();
        w.truth(Violation, "A07", c.told(&all, c.sum(&all)));
    }
}

fn one_day(w: &mut World, p: &super::case::Person, cnt: i64) -> Case {
    let date = w.some_day();
    let date = w.date(date);
    let (begin, end) = (at(date, 9, 0, 0), at(date, 16, 0, 0));
    let mut case = w.open((0, Some(0)), p, "21", (begin, end), ("I10.x00", "特发性(原发性)高血压"));
    let order = w.order(&mut case, "X011", begin, cnt);
    case.bill("B001", end, 1);
    case.bill("N002", end, 1);
    let nurse = w.nurse(&case);
    w.event(&mut case, "nursing", "N002", (at(date, 12, 0, 0), 5), nurse, 1);
    case.bill_order("X011", at(date, 10, 0, 0), cnt, &order);
    case
}

fn in_and_out(w: &mut World) {
    let p = adult(w);
    let case = one_day(w, &p, 24);
    let c = w.close(case);
    nothing(w, Violation, "A08", &c);
}

fn several(w: &mut World, count: i64) -> super::case::Person {
    let p = adult(w);
    let wards = [0, 1, 2, 0, 1, 2];
    for n in 0..count {
        let ward = wards.get(usize::try_from(n).unwrap_or(0)).copied().unwrap_or(0);
        let case = stay_of(w, &p, ward, 345 - 50 * n, 4);
        w.close(case);
    }
    p
}

fn often_in(w: &mut World) {
    let p = several(w, 6);
    let facility = super::super::DEMO_HOSPITAL.to_owned();
    let told = Told { person: p.psn_no, facility, ..Told::default() };
    w.truth(Violation, "A09", told);
}

/// Three days in bed for what a clinic does in a morning.
fn checkup(w: &mut World) {
    let (mut case, ago) = some_stay(w, 0, 3);
    case.lines.retain(|l| matches!(l.item.charge, "01" | "02" | "07"));
    case.forget("lab", |_| false);
    for (n, item) in ["S024", "S003", "S004", "S005", "S032"].into_iter().enumerate() {
        if item != "S032" || !case.person.female {
            let hour = 9 + i64::try_from(n).unwrap_or(0);
            done(w, &mut case, item, at(w.date(ago - 1), hour, 0, 0), 1);
        }
    }
    let c = w.close(case);
    nothing(w, Violation, "A12", &c);
}

fn billed_after_leaving(w: &mut World) {
    let (mut case, ago) = some_stay(w, 1, 6);
    let mut lines = Vec::new();
    for n in 0..w.rng.between(1, 5) {
        let cnt = w.rng.between(1, 4);
        lines.push(case.bill("M002", at(w.date(ago - 8 - n), 10, 0, 0), cnt));
    }
    let c = w.close(case);
    w.truth(Violation, "A19", c.told(&lines, c.sum(&lines)));
}

fn examined_after_leaving(w: &mut World) {
    let (mut case, _) = some_stay(w, 0, 6);
    let when = last_day(&case);
    let n = case.bill("S024", when, 1);
    let late = case.end + TimeDelta::hours(w.rng.between(9, 60));
    w.exam(&mut case, "S024", late);
    let c = w.close(case);
    w.truth(Violation, "A20", c.told(&[n], c.sum(&[n])));
}

/// On leave from one day to another; what is billed on the whole days between comes back.
pub(super) fn leave(
    w: &mut World,
    case: &mut Case,
    ago: i64,
    (from, to): (i64, i64),
    keep: &[&str],
) -> Vec<usize> {
    let row: Row = vec![
        ("mdtrt_id", case.id.clone()),
        ("begntime", time(at(w.date(ago - from), 18, 0, 0))),
        ("endtime", time(at(w.date(ago - to), 8, 0, 0))),
        ("appr_psn_code", case.doctor.0.clone()),
    ];
    case.rows.push(("leave", row));
    let days = span(w, ago, from + 1, to - 1);
    empty(case, &days, keep)
}

fn billed_on_leave(w: &mut World) {
    let days = w.rng.between(3, 9);
    let (mut case, ago) = some_stay(w, 1, days + 6);
    let lines = leave(w, &mut case, ago, (2, 3 + days), &["B001", "N001", "N002"]);
    let nursing: Vec<usize> = [case.of("N001"), case.of("N002")].concat();
    let c = w.close(case);
    w.truth(Violation, "A24", c.told(&lines, c.sum(&lines)));
    w.truth(Violation, "A16", c.told(&nursing, 0));
}

/// Two stays of one person; how many days between.
fn two_stays(w: &mut World, gap: i64, change: fn(&mut Case, bool)) -> super::case::Closed {
    let (p, ago) = (adult(w), w.some_day());
    let mut case = stay_of(w, &p, 1, ago, 6);
    change(&mut case, true);
    w.close(case);
    let mut case = stay_of(w, &p, 1, ago - 6 - gap, 5);
    change(&mut case, false);
    w.close(case)
}

fn cut_in_two(w: &mut World) {
    let gap = w.rng.between(1, 10);
    let c = two_stays(w, gap, |_, _| {});
    nothing(w, Violation, "A01", &c);
}

fn nursing_hardly_recorded(w: &mut World) {
    let (mut case, ago) = some_stay(w, 0, 10);
    let days: Vec<String> = span(w, ago, 3, 9).into_iter().map(day).collect();
    for file in ["exec", "vital"] {
        case.forget(file, |row| {
            let care = file == "vital" || cell(row, "evt_type") == "nursing";
            !(care && days.contains(&day_of(row)))
        });
    }
    let all = [case.of("N001"), case.of("N002")].concat();
    let late = |n: &usize| case.lines.get(*n).is_some_and(|l| days.contains(&day(l.at.date())));
    let lines: Vec<usize> = all.into_iter().filter(late).collect();
    let c = w.close(case);
    w.truth(Violation, "A16", c.told(&lines, c.sum(&lines)));
}

fn nursing_never_recorded(w: &mut World) {
    let days = w.rng.between(5, 14);
    let (mut case, _) = some_stay(w, 0, days);
    case.forget("vital", |_| false);
    case.forget("exec", |row| cell(row, "evt_type") != "nursing");
    let lines = [case.of("N001"), case.of("N002")].concat();
    let c = w.close(case);
    w.truth(Violation, "B29-3", c.told(&lines, c.sum(&lines)));
}

/// Two wards bill the day of the move.
fn moved_ward(w: &mut World) {
    let (mut case, ago) = some_stay(w, 0, 8);
    case.left_from = Some(1);
    case.bill("B001", at(w.date(ago - 4), 11, 0, 0), 1);
    let c = w.close(case);
    nothing(w, Trap, "A14", &c);
}

fn bed_kept(w: &mut World) {
    let (mut case, ago) = some_stay(w, 1, 10);
    leave(w, &mut case, ago, (2, 6), &[]);
    for n in 3..6 {
        case.bill("B002", at(w.date(ago - n), 23, 50, 0), 1);
    }
    let c = w.close(case);
    nothing(w, Trap, "A24", &c);
}

fn scanned_twice(w: &mut World) {
    let (mut case, lines) = runs_on(w, "B001", 6, 1);
    let when = case.end;
    if let Some(n) = lines.first() {
        case.refund(*n, when, 1, true);
    }
    let c = w.close(case);
    nothing(w, Trap, "A14", &c);
}

fn refunded_by_number(w: &mut World) {
    let (mut case, lines) = runs_on(w, "C001", 6, 2);
    let when = case.end;
    for n in lines {
        case.refund(n, when, 1, false);
    }
    // A drip that was not given goes back in part.
    if let Some(n) = case.of("X003").first().copied() {
        case.refund(n, when, 1, false);
    }
    let c = w.close(case);
    nothing(w, Trap, "A18", &c);
}

/// A child is born; its care is billed on the mother's account.
fn born_here(w: &mut World) {
    let p = w.person((24, 36), Some(true));
    w.enrol(&p);
    let ago = w.some_day();
    let mut case = stay(w, (0, 5), &p, ago, 5, ("O80.000", "头位顺产"));
    case.more_dx.push(("Z37.000", "单一活产"));
    for n in 1..5 {
        case.bill("N008", at(w.date(ago - n), 23, 50, 0), 1);
    }
    let c = w.close(case);
    nothing(w, Trap, "E02", &c);
}

fn chemotherapy(w: &mut World) {
    let p = adult(w);
    let ago = w.rng.between(160, 330);
    for n in 0..6 {
        let begin = ago - 14 * n;
        let mut case = stay(w, (0, 1), &p, begin, 4, ("Z51.100", "肿瘤化学治疗"));
        let when = at(w.date(begin - 1), 10, 0, 0);
        let order = w.order(&mut case, "X014", when, 1);
        case.bill_order("X014", when, 1, &order);
        let c = w.close(case);
        if n == 5 {
            nothing(w, Trap, "A01", &c);
            nothing(w, Trap, "A09", &c);
        }
    }
}

fn sent_elsewhere_and_back(w: &mut World) {
    let c = two_stays(w, 5, |case, first| case.way = if first { "2" } else { "1" });
    nothing(w, Trap, "A01", &c);
}

fn emergency_again(w: &mut World) {
    let c = two_stays(w, 3, |case, first| case.med_type = if first { "21" } else { "24" });
    nothing(w, Trap, "A01", &c);
}

fn back_after_sixteen_days(w: &mut World) {
    let c = two_stays(w, 16, |_, _| {});
    nothing(w, NearMiss, "A01", &c);
}

fn died_in_the_house(w: &mut World) {
    let mut p = w.person((70, 92), None);
    let ago = w.some_day();
    p.died = Some(w.date(ago - 6));
    w.enrol(&p);
    let mut case = stay_of(w, &p, 1, ago, 6);
    case.way = "5";
    // The last bill is written the day after.
    case.settled = at(w.date(ago - 7), 9, 0, 0);
    let c = w.close(case);
    nothing(w, Trap, "A07", &c);
}

fn died_on_the_first_day(w: &mut World) {
    let p = adult(w);
    let mut case = one_day(w, &p, 24);
    case.way = "5";
    let c = w.close(case);
    nothing(w, Trap, "A08", &c);
}

fn short_and_cheap(w: &mut World) {
    let p = adult(w);
    let case = one_day(w, &p, 4);
    let c = w.close(case);
    nothing(w, NearMiss, "A08", &c);
}

fn five_stays(w: &mut World) {
    let p = several(w, 5);
    let facility = super::super::DEMO_HOSPITAL.to_owned();
    w.truth(NearMiss, "A09", Told { person: p.psn_no, facility, ..Told::default() });
}

fn home_for_a_night(w: &mut World) {
    let (mut case, ago) = some_stay(w, 0, 7);
    leave(w, &mut case, ago, (2, 3), &[]);
    let c = w.close(case);
    nothing(w, NearMiss, "A24", &c);
}

fn pathology_came_later(w: &mut World) {
    let (mut case, ago) = some_stay(w, 2, 6);
    case.bill("S030", at(w.date(ago - 9), 10, 0, 0), 1);
    w.lab(&mut case, "S030", at(w.date(ago - 1), 21, 0, 0), 190);
    let c = w.close(case);
    nothing(w, Trap, "A19", &c);
    nothing(w, Trap, "A20", &c);
}

fn registered_late(w: &mut World) {
    let (mut case, ago) = some_stay(w, 1, 6);
    let when = at(w.date(ago + 1), 22, 0, 0);
    case.bill("S001", when, 1);
    w.lab(&mut case, "S001", when, 1);
    // The bed of the night before the registration was really slept in.
    for item in ["B001", "C001", "N001"] {
        case.bill(item, when, 1);
    }
    let nurse = w.nurse(&case);
    w.event(&mut case, "nursing", "N001", (when, 10), nurse, 1);
    let c = w.close(case);
    nothing(w, Trap, "A19", &c);
    nothing(w, Trap, "A14", &c);
    nothing(w, Trap, "A15-1", &c);
    nothing(w, Trap, "A18", &c);
}

fn examined_at_noon(w: &mut World) {
    let (mut case, _) = some_stay(w, 0, 6);
    let when = last_day(&case);
    case.bill("S005", when, 1);
    let late = case.end + TimeDelta::hours(4);
    w.exam(&mut case, "S005", late);
    let c = w.close(case);
    nothing(w, NearMiss, "A20", &c);
}

fn clinic_on_the_last_day(w: &mut World) {
    let (p, ago) = (adult(w), w.some_day());
    let case = stay_of(w, &p, 0, ago, 6);
    w.close(case);
    let date = w.date(ago - 6);
    let case = clinic_at(w, (0, 1), &p, date);
    let c = w.close(case);
    nothing(w, NearMiss, "A05", &c);
}

fn emergency_while_in_bed(w: &mut World) {
    let (p, ago) = (adult(w), w.some_day());
    let case = stay_of(w, &p, 0, ago, 8);
    w.close(case);
    let date = w.date(ago - 3);
    let mut case = clinic_at(w, (0, 1), &p, date);
    case.med_type = "13";
    let c = w.close(case);
    nothing(w, Trap, "A05", &c);
}

/// In bed, and on the fourth day a bill of the clinic of the same house.
fn beside_the_bed(w: &mut World, change: fn(&mut Case)) {
    let (p, ago) = (adult(w), w.some_day());
    let case = stay_of(w, &p, 0, ago, 8);
    w.close(case);
    let date = w.date(ago - 3);
    let mut case = clinic_at(w, (0, 1), &p, date);
    change(&mut case);
    let c = w.close(case);
    nothing(w, Trap, "A05", &c);
}

/// The family fetches something on the patient's own account.
fn own_account_while_in_bed(w: &mut World) {
    beside_the_bed(w, |case| case.own_account = true);
}

fn read_elsewhere_while_in_bed(w: &mut World) {
    beside_the_bed(w, |case| case.lines.iter_mut().for_each(|l| l.outside = true));
}

/// The picture was sent out; the other house read it after the patient had gone.
fn read_elsewhere_after_leaving(w: &mut World) {
    let (mut case, _) = some_stay(w, 0, 6);
    let when = last_day(&case);
    let n = case.bill("S024", when, 1);
    case.change(n, |l| l.outside = true);
    let late = case.end + TimeDelta::hours(30);
    w.exam(&mut case, "S024", late);
    let c = w.close(case);
    nothing(w, Trap, "A20", &c);
}

fn two_quiet_days(w: &mut World) {
    let (mut case, ago) = some_stay(w, 1, 9);
    let days = [w.date(ago - 3), w.date(ago - 4), w.date(ago - 5)];
    empty(&mut case, &days, &["B001", "N001", "N002"]);
    for date in days {
        // Seen on every day but one and a half: no gap of three days.
        if date != w.date(ago - 4) {
            w.vital(&mut case, at(date, 8, 0, 0));
        }
    }
    let c = w.close(case);
    nothing(w, NearMiss, "A03", &c);
}

fn paid_by_group(w: &mut World) {
    let (mut case, _) = some_stay(w, 2, 7);
    case.by_group = true;
    let c = w.close(case);
    nothing(w, Trap, "A14", &c);
}
