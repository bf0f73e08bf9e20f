//! Stories of bills: what was never done, done once and billed twice, billed dearer or to whom it cannot belong.

use chrono::{NaiveDateTime, TimeDelta};

use super::super::items::find;
use super::super::out::{at, days_ago, last_day};
use super::Kind::{NearMiss, Trap, Violation};
use super::case::{Case, Closed, nothing};
use super::life::{adult, clinic_at, done, implant, operation_of, some_stay, stay};
use super::{Kind, Story, World};

pub(super) const WRONG: &[Story] = &[
    monitored_and_more,
    dearer_than_allowed,
    second_operation_in_full,
    thirty_hours_of_oxygen,
    oxygen_longer_than_the_stay,
    anaesthesia_too_long,
    tube_beside_anaesthesia,
    recovery_room_that_is_none,
    plain_and_contrast,
    special_and_common_nursing,
    intensive_care_in_a_plain_ward,
    rescued_twice,
    rescue_without_a_word,
    implant_never_used,
    part_of_the_blood_count,
    dialysis_and_its_fluid,
    dialysis_too_often,
    drug_never_ordered,
    scan_never_made,
    operation_never_done,
    needles_never_set,
    more_than_ordered,
    no_picture,
    cosmetic_on_the_fund,
    nodes_apart_from_the_lung,
    angiography_apart_from_the_stent,
    mixing_room_that_is_none,
    clean_room_that_is_none,
];

/// Wrongs that no refund undoes: what happened is wrong, whatever became of the bill.
pub(super) const LASTING: &[Story] = &[two_at_once];

pub(super) const HONEST: &[Story] = &[
    monitored_in_emergency,
    price_at_the_limit,
    old_price_on_the_first_of_june,
    second_operation_reduced,
    operations_on_two_days,
    a_full_day_of_oxygen,
    implants_all_used,
    plain_then_contrast,
    mixing_room_of_the_other_house,
    part_of_a_line_refunded,
    refund_of_a_lost_line,
    made_elsewhere,
    as_ordered,
];

pub(super) fn ends(w: &mut World, case: Case, rule: &str, lines: &[usize]) -> Closed {
    let c = w.close(case);
    w.truth(Violation, rule, c.told(lines, c.sum(lines)));
    c
}

pub(super) fn honest(w: &mut World, case: Case, kind: Kind, rule: &str) {
    let c = w.close(case);
    nothing(w, kind, rule, &c);
}

pub(super) fn noon(w: &World, ago: i64, hour: i64) -> NaiveDateTime {
    at(w.date(ago), hour, 0, 0)
}

/// Two items in one stay, some days apart or on one day; the numbers of their lines.
fn two(
    w: &mut World,
    ward: usize,
    (a, b): (&'static str, &'static str),
    apart: i64,
) -> (Case, usize, usize) {
    let (mut case, ago) = some_stay(w, ward, 8);
    let (first, second) = (noon(w, ago - 2, 9), noon(w, ago - 2 - apart, 11));
    let a = done(w, &mut case, a, first, 1);
    let b = done(w, &mut case, b, second, 1);
    (case, a, b)
}

fn monitored_and_more(w: &mut World) {
    let (mut case, ago) = some_stay(w, 0, 6);
    let date = w.date(ago - 1);
    done(w, &mut case, "C004", at(date, 8, 0, 0), 1);
    let contained = ["B001", "C001", "N001", "N002"];
    let all = case.lines.iter().enumerate();
    let lines: Vec<usize> = all
        .filter(|(_, l)| l.at.date() == date && contained.contains(&l.item.id))
        .map(|(n, _)| n)
        .collect();
    ends(w, case, "B01", &lines);
}

fn dearer_than_allowed(w: &mut World) {
    let (mut case, ago) = some_stay(w, 3, 7);
    let more = w.rng.between(1, 8) * 10_000;
    let cnt = w.rng.between(1, 3);
    let n = implant(w, &mut case, "M005", ago - 1, cnt, cnt);
    let limit = find("M005").map_or(0, |i| i.cents + i.cents / 20);
    case.change(n, |l| l.cents = limit + more);
    let c = w.close(case);
    w.truth(Violation, "B03", c.told(&[n], more * cnt));
}

fn second_operation(w: &mut World, days: i64, percent: i64) -> (Case, usize) {
    let (mut case, ago) = some_stay(w, 2, 9);
    let ago = ago - 1 - days;
    let when = w.operate(&mut case, ("O014", "53.0000", "疝修补术"), w.date(ago));
    if days > 0 {
        case.bill("O004", when, 1);
    }
    let n = case.bill("O014", when, 1);
    case.change(n, |l| l.cents = l.cents * percent / 100);
    (case, n)
}

fn second_operation_in_full(w: &mut World) {
    let (case, n) = second_operation(w, 0, 100);
    let c = w.close(case);
    w.truth(Violation, "B06", c.told(&[n], c.sum(&[n]) / 4));
}

pub(super) fn oxygen(w: &mut World, days: i64, hours: impl Fn(i64) -> i64) -> (Case, Vec<usize>) {
    let (mut case, ago) = some_stay(w, 1, days);
    let begin = case.begin;
    let order = w.order(&mut case, "N005", begin, 0);
    let mut lines = Vec::new();
    for n in 0..=days {
        let cnt = hours(n);
        if cnt > 0 {
            let when = if n == days { noon(w, ago - n, 9) } else { at(w.date(ago - n), 23, 40, 0) };
            lines.push(case.bill_order("N005", when, cnt, &order));
        }
    }
    (case, lines)
}

fn thirty_hours_of_oxygen(w: &mut World) {
    let hours = w.rng.between(26, 60);
    let (case, lines) = oxygen(w, 8, |n| if n == 3 { hours } else { 0 });
    let c = w.close(case);
    w.truth(Violation, "B08", c.told(&lines, (hours - 24) * 300));
}

fn oxygen_longer_than_the_stay(w: &mut World) {
    let (case, lines) = oxygen(w, 4, |_| 24);
    let there = (case.end - case.begin).num_hours() + 1;
    let c = w.close(case);
    w.truth(Violation, "B09", c.told(&lines, (120 - there).max(0) * 300));
    w.truth(Violation, "B09-1", c.told(&lines, 0));
}

fn anaesthesia_too_long(w: &mut World) {
    let (mut case, _) = some_stay(w, 2, 7);
    let more = w.rng.between(1, 4);
    let lines = case.of("O004");
    for n in &lines {
        case.change(*n, |l| l.cnt = 1 + more);
    }
    let c = w.close(case);
    w.truth(Violation, "B10", c.told(&lines, more * 65_000));
}

fn tube_beside_anaesthesia(w: &mut World) {
    let (mut case, ago) = some_stay(w, 2, 7);
    let when = at(w.date(ago - 1), 7, 50, 0);
    let n = done(w, &mut case, "O009", when, 1);
    ends(w, case, "B11", &[n]);
}

fn recovery_room_that_is_none(w: &mut World) {
    let (mut case, ago) = some_stay(w, 2, 7);
    let when = noon(w, ago - 1, 21);
    let n = done(w, &mut case, "O010", when, 1);
    ends(w, case, "B13", &[n]);
}

fn plain_and_contrast(w: &mut World) {
    let pair = if w.rng.percent(50) { ("S023", "S003") } else { ("S025", "S024") };
    let (case, _, b) = two(w, 0, pair, 0);
    ends(w, case, "B14", &[b]);
}

fn special_and_common_nursing(w: &mut World) {
    let (mut case, ago) = some_stay(w, 1, 8);
    let mut lines = Vec::new();
    for day in 2..2 + w.rng.between(1, 5) {
        let date = w.date(ago - day);
        for l in &mut case.lines {
            if l.at.date() == date
                && matches!(l.item.id, "N001" | "N002")
                && let Some(item) = find("N006")
            {
                (l.item, l.cents) = (item, item.cents);
            }
        }
        lines.push(case.bill("N007", at(date, 23, 50, 0), 1));
    }
    ends(w, case, "B18", &lines);
}

fn intensive_care_in_a_plain_ward(w: &mut World) {
    let (mut case, ago) = some_stay(w, 3, 9);
    let mut lines = Vec::new();
    for day in 2..2 + w.rng.between(1, 5) {
        let when = noon(w, ago - day, 14);
        lines.push(done(w, &mut case, "O013", when, 1));
    }
    ends(w, case, "B19", &lines);
}

fn rescue(w: &mut World, told: bool) -> (Case, Vec<usize>) {
    let (mut case, ago) = some_stay(w, 1, 9);
    let when = noon(w, ago - 5, 3);
    let times = if told { w.rng.between(2, 3) } else { 1 };
    let lines =
        (0..times).map(|n| done(w, &mut case, "O012", when + TimeDelta::hours(n), 1)).collect();
    if told {
        w.note(&mut case, when, "抢救记录。".to_owned());
    }
    (case, lines)
}

fn rescued_twice(w: &mut World) {
    let (case, lines) = rescue(w, true);
    let c = w.close(case);
    w.truth(Violation, "B20", c.told(&lines, c.sum(&lines) - 22_000));
}

fn rescue_without_a_word(w: &mut World) {
    let (case, lines) = rescue(w, false);
    ends(w, case, "B20-1", &lines);
}

fn implant_never_used(w: &mut World) {
    let (mut case, ago) = some_stay(w, 3, 8);
    let item = w.rng.pick(&["M005", "M006"]).copied().unwrap_or("M005");
    let (used, more) = (1, w.rng.between(1, 3));
    let n = implant(w, &mut case, item, ago - 1, used + more, used);
    let each = find(item).map_or(0, |i| i.cents);
    let c = w.close(case);
    w.truth(Violation, "B22", c.told(&[n], each * more));
}

fn part_of_the_blood_count(w: &mut World) {
    let (mut case, _) = some_stay(w, 0, 8);
    let first = case.of("S001");
    let times: Vec<NaiveDateTime> =
        first.iter().filter_map(|n| case.lines.get(*n)).map(|l| l.at).collect();
    let lines: Vec<usize> =
        times.into_iter().map(|when| done(w, &mut case, "S020", when, 1)).collect();
    ends(w, case, "B23", &lines);
}

fn dialysis_and_its_fluid(w: &mut World) {
    let (mut case, ago) = some_stay(w, 1, 8);
    let when = noon(w, ago - 3, 9);
    done(w, &mut case, "D002", when, 1);
    let cnt = w.rng.between(1, 4);
    let n = case.bill("D003", when, cnt);
    ends(w, case, "B24", &[n]);
}

fn dialysis_too_often(w: &mut World) {
    let (mut case, ago) = some_stay(w, 1, 12);
    let (mut lines, more) = (Vec::new(), w.rng.between(1, 4));
    for n in 0..3 + more {
        let when = noon(w, ago - 2 - n, 9);
        lines.push(case.bill("D001", when, 1));
        if n < 3 {
            let nurse = w.nurse(&case);
            w.event(&mut case, "treat", "D001", (when, 240), nurse, 1);
        }
    }
    let c = w.close(case);
    w.truth(Violation, "B24-1", c.told(&lines, more * 41_000));
}

fn two_at_once(w: &mut World) {
    let (mut case, ago) = some_stay(w, 4, 6);
    let when = noon(w, ago - 2, 19);
    for item in ["S010", "S012"] {
        let nurse = w.nurse(&case);
        w.event(&mut case, "treat", item, (when, 25), nurse, 1);
    }
    let c = w.close(case);
    nothing(w, Violation, "B28", &c);
}

fn drug_never_ordered(w: &mut World) {
    let (mut case, ago) = some_stay(w, 0, 8);
    let item = if w.rng.percent(40) { "X013" } else { "X009" };
    let cnt = w.rng.between(1, 8);
    let when = noon(w, ago - 3, 9);
    let n = case.bill(item, when, cnt);
    ends(w, case, "B29", &[n]);
}

fn scan_never_made(w: &mut World) {
    let (mut case, ago) = some_stay(w, 0, 8);
    let item = if w.rng.percent(50) { "S024" } else { "S025" };
    let n = case.bill(item, noon(w, ago - 3, 9), 1);
    let c = ends(w, case, "B29", &[n]);
    w.truth(Violation, "B31", c.told(&[n], 0));
}

fn operation_never_done(w: &mut World) {
    let (mut case, ago) = some_stay(w, 1, 8);
    let when = noon(w, ago - 2, 9);
    let operation = case.bill("O002", when, 1);
    let anaesthesia = case.bill("O004", when, 1);
    let c = ends(w, case, "B29", &[operation, anaesthesia]);
    w.truth(Violation, "B29-1", c.told(&[operation], 0));
    w.truth(Violation, "B29-2", c.told(&[anaesthesia], 0));
}

fn needles_never_set(w: &mut World) {
    let (p, ago) = (adult(w), w.some_day());
    let mut case = stay(w, (1, 1), &p, ago, 10, ("J44.900", "慢性阻塞性肺疾病"));
    let begin = case.begin;
    let order = w.order(&mut case, "S011", begin, 0);
    let days = w.rng.between(3, 8);
    let lines: Vec<usize> =
        (1..=days).map(|n| case.bill_order("S011", noon(w, ago - n, 15), 1, &order)).collect();
    ends(w, case, "B29-4", &lines);
}

fn ordered(w: &mut World, billed: i64, ordered: i64) -> (Case, usize) {
    let (mut case, ago) = some_stay(w, 1, 8);
    let when = noon(w, ago - 2, 9);
    let order = w.order(&mut case, "X013", when, ordered);
    let n = case.bill_order("X013", when, billed, &order);
    (case, n)
}

fn more_than_ordered(w: &mut World) {
    let more = w.rng.between(1, 9);
    let (case, n) = ordered(w, 4 + more, 4);
    let c = w.close(case);
    w.truth(Violation, "B30", c.told(&[n], more * 38_600));
}

fn no_picture(w: &mut World) {
    let mut case = visit(w);
    let when = case.begin + TimeDelta::minutes(80);
    let n = case.bill("S024", when, 1);
    ends(w, case, "B31", &[n]);
}

/// An outpatient visit of a grown-up at the first hospital.
pub(super) fn visit(w: &mut World) -> Case {
    let (p, ago) = (adult(w), w.some_day());
    let date = w.date(ago);
    clinic_at(w, (0, 0), &p, date)
}

fn cosmetic_on_the_fund(w: &mut World) {
    let mut case = visit(w);
    let when = case.begin + TimeDelta::minutes(80);
    let cnt = w.rng.between(1, 6);
    let n = case.bill("K001", when, cnt);
    case.change(n, |l| l.covered = true);
    ends(w, case, "B34", &[n]);
}

fn nodes_apart_from_the_lung(w: &mut World) {
    let (p, ago) = (adult(w), w.some_day());
    let mut case = stay(w, (0, 2), &p, ago, 10, ("C34.900", "肺恶性肿瘤"));
    operation_of(w, &mut case, ("O007", "32.4900", "肺癌根治术"), ago - 2);
    let when = noon(w, ago - 2, 21);
    let n = done(w, &mut case, "O008", when, 1);
    let c = ends(w, case, "B37", &[n]);
    w.truth(Violation, "B06", c.told(&[n], 0));
}

fn angiography_apart_from_the_stent(w: &mut World) {
    let (p, ago) = (adult(w), w.some_day());
    let mut case = stay(w, (0, 0), &p, ago, 7, ("I25.103", "冠状动脉粥样硬化性心脏病"));
    operation_of(w, &mut case, ("O005", "36.0700", "冠状动脉支架置入术"), ago - 1);
    let when = noon(w, ago - 1, 21);
    let n = done(w, &mut case, "O006", when, 1);
    implant(w, &mut case, "M005", ago - 1, 1, 1);
    ends(w, case, "B38", &[n]);
}

fn mixed(w: &mut World, facility: usize) -> (Case, Vec<usize>) {
    let (p, ago) = (adult(w), w.some_day());
    let days = w.rng.between(4, 12);
    let mut case = stay(w, (facility, 1), &p, ago, days, ("J18.900", "肺炎"));
    let lines = (0..days).map(|n| case.bill("P001", at(w.date(ago - n), 16, 40, 0), 2)).collect();
    (case, lines)
}

fn mixing_room_that_is_none(w: &mut World) {
    let (case, lines) = mixed(w, 0);
    ends(w, case, "B39", &lines);
}

fn clean_room_that_is_none(w: &mut World) {
    let (mut case, _) = some_stay(w, 3, 8);
    let lines = case.of("B001");
    for n in &lines {
        case.change(*n, |l| {
            if let Some(item) = find("B003") {
                (l.item, l.cents) = (item, item.cents);
            }
        });
    }
    let c = w.close(case);
    w.truth(Violation, "B40", c.told(&lines, c.sum(&lines)));
}

/// Watched in the emergency room on one day, admitted on the next.
fn monitored_in_emergency(w: &mut World) {
    let (p, ago) = (adult(w), w.some_day());
    let date = w.date(ago);
    let mut case = clinic_at(w, (0, 1), &p, date);
    case.med_type = "13";
    // The visit to the doctor was on the evening before.
    for l in &mut case.lines {
        if l.item.id == "C002" {
            l.at -= TimeDelta::days(1);
        }
    }
    case.begin -= TimeDelta::days(1);
    let when = case.end - TimeDelta::minutes(20);
    done(w, &mut case, "C004", when, 1);
    honest(w, case, NearMiss, "B01");
}

fn price_at_the_limit(w: &mut World) {
    let (mut case, ago) = some_stay(w, 3, 7);
    let n = implant(w, &mut case, "M005", ago - 1, 1, 1);
    case.change(n, |l| l.cents += l.cents / 20);
    honest(w, case, NearMiss, "B03");
}

fn old_price_on_the_first_of_june(w: &mut World) {
    let june = chrono::NaiveDate::from_ymd_opt(2026, 6, 1).unwrap_or_default();
    let ago = (last_day() - june).num_days();
    let p = adult(w);
    let mut case = clinic_at(w, (1, 0), &p, days_ago(ago));
    let when = case.begin + TimeDelta::minutes(80);
    let n = done(w, &mut case, "S004", when, 1);
    case.change(n, |l| l.cents = l.item.cents);
    honest(w, case, Trap, "B03");
}

fn second_operation_reduced(w: &mut World) {
    let (case, _) = second_operation(w, 0, 75);
    honest(w, case, Trap, "B06");
}

fn operations_on_two_days(w: &mut World) {
    let (case, _) = second_operation(w, 3, 100);
    honest(w, case, NearMiss, "B06");
}

fn a_full_day_of_oxygen(w: &mut World) {
    let (case, _) = oxygen(w, 8, |n| if n == 3 { 24 } else { 0 });
    honest(w, case, NearMiss, "B08");
}

fn implants_all_used(w: &mut World) {
    let (mut case, ago) = some_stay(w, 3, 8);
    implant(w, &mut case, "M006", ago - 1, 2, 2);
    honest(w, case, NearMiss, "B22");
}

fn plain_then_contrast(w: &mut World) {
    let (case, _, _) = two(w, 0, ("S023", "S003"), 1);
    honest(w, case, NearMiss, "B14");
}

fn mixing_room_of_the_other_house(w: &mut World) {
    let (case, _) = mixed(w, 1);
    honest(w, case, Trap, "B39");
}

/// Six were billed, four were used, two went back.
fn part_of_a_line_refunded(w: &mut World) {
    let (mut case, n) = ordered(w, 6, 4);
    let when = case.end;
    case.refund(n, when, 2, false);
    honest(w, case, Trap, "B30");
}

/// A refund of a line of another year, which is not in the data.
fn refund_of_a_lost_line(w: &mut World) {
    let (mut case, ago) = some_stay(w, 1, 6);
    let n = case.bill("M002", noon(w, ago - 1, 17), 1);
    case.change(n, |l| (l.cnt, l.refund_of) = (-1, Some(9_000)));
    honest(w, case, Trap, "A14");
}

fn made_elsewhere(w: &mut World) {
    let mut case = visit(w);
    let when = case.begin + TimeDelta::minutes(80);
    let n = case.bill("S024", when, 1);
    case.change(n, |l| l.outside = true);
    honest(w, case, Trap, "B31");
}

fn as_ordered(w: &mut World) {
    let (case, _) = ordered(w, 4, 4);
    honest(w, case, NearMiss, "B30");
}
