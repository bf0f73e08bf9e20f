//! Stories of what was written and what was billed: orders, prescriptions, labels and logs on one side, the bill
//! on the other.

use chrono::{NaiveDateTime, TimeDelta};

use super::super::items::find;
use super::super::out::{Row, at, day, time};
use super::Kind::{NearMiss, Trap, Violation};
use super::case::{Case, nothing};
use super::life::{adult, clinic_at, done, some_stay, stay};
use super::{Kind, Story, World};

pub(super) const WRONG: &[Story] = &[
    nursed_above_the_order,
    more_of_the_drug_than_given,
    more_films_than_used,
    better_machine_than_there_is,
    another_therapy_than_billed,
    own_pay_without_consent,
    bought_outside,
    more_herbs_than_written,
    cheaper_stent_than_billed,
    group_of_an_operation_never_done,
    sent_home_at_once,
    goods_for_drugs,
    seconds_between_prescriptions,
];

pub(super) const HONEST: &[Story] = &[
    nursed_as_ordered,
    drug_as_given,
    films_as_used,
    machine_of_the_other_house,
    therapy_as_ordered,
    own_pay_with_consent,
    brought_slippers,
    herbs_as_written,
    stent_as_labelled,
    group_of_an_operation,
    died_after_a_day,
    minutes_between_prescriptions,
    needles_set,
    scans_made,
    registered_and_billed,
    goods_paid_apart,
];

/// Told once, near misses.
pub(super) const HONEST_ONCE: &[Story] = &[prescriptions_of_a_full_hour];

/// Told once: it is longer than others.
pub(super) const ONCE: &[Story] = &[prescriptions_by_the_minute];

fn morning(w: &World, ago: i64, hour: i64) -> NaiveDateTime {
    at(w.date(ago), hour, 0, 0)
}

/// The newest row of a kind is about an order.
pub(super) fn under(case: &mut Case, file: &str, column: &'static str, value: &str) {
    let newest = case.rows.iter_mut().rev().find(|(f, _)| *f == file);
    if let Some(cell) = newest.and_then(|(_, row)| row.iter_mut().find(|(n, _)| *n == column)) {
        value.clone_into(&mut cell.1);
    }
}

/// Something ordered, used in some number and billed in another; the number of its line.
fn used(
    w: &mut World,
    case: &mut Case,
    item: &'static str,
    when: NaiveDateTime,
    (billed, used): (i64, i64),
) -> usize {
    let order = w.order(case, item, when, billed);
    let nurse = w.nurse(case);
    w.event(case, "order_exec", item, (when, 5), nurse, used);
    case.bill_order(item, when, billed, &order)
}

fn nursed(w: &mut World, ordered: &'static str) -> (Case, Vec<usize>) {
    let days = w.rng.between(5, 12);
    let (mut case, _) = some_stay(w, 1, days);
    let begin = case.begin;
    w.order(&mut case, ordered, begin, 0);
    let lines = case.of("N001");
    (case, lines)
}

fn nursed_above_the_order(w: &mut World) {
    let (case, lines) = nursed(w, "N002");
    let each = find("N001").map_or(0, |i| i.cents) - find("N002").map_or(0, |i| i.cents);
    let count = i64::try_from(lines.len()).unwrap_or(0);
    let c = w.close(case);
    w.truth(Violation, "A17", c.told(&lines, each * count));
}

fn nursed_as_ordered(w: &mut World) {
    let (case, _) = nursed(w, "N001");
    let c = w.close(case);
    nothing(w, NearMiss, "A17", &c);
}

/// Needles ordered, set, written down and billed.
fn needles_set(w: &mut World) {
    let (p, ago) = (adult(w), w.some_day());
    let mut case = stay(w, (1, 1), &p, ago, 8, ("J44.900", "慢性阻塞性肺疾病"));
    let begin = case.begin;
    let order = w.order(&mut case, "S011", begin, 0);
    for n in 1..4 {
        let when = morning(w, ago - n, 15);
        let nurse = w.nurse(&case);
        w.event(&mut case, "treat", "S011", (when, 20), nurse, 1);
        case.bill_order("S011", when, 1, &order);
    }
    let c = w.close(case);
    nothing(w, NearMiss, "B29-4", &c);
}

/// Scans that were made, one in a stay and one in the clinic.
fn scans_made(w: &mut World) {
    let (mut case, ago) = some_stay(w, 0, 8);
    for (item, n) in [("S024", 2), ("S025", 4)] {
        let when = morning(w, ago - n, 9);
        done(w, &mut case, item, when, 1);
    }
    let c = w.close(case);
    nothing(w, NearMiss, "B29", &c);
    let (p, ago) = (adult(w), w.some_day());
    let date = w.date(ago);
    let mut case = clinic_at(w, (0, 0), &p, date);
    let when = case.begin + TimeDelta::minutes(80);
    done(w, &mut case, "S024", when, 1);
    let c = w.close(case);
    nothing(w, NearMiss, "B31", &c);
}

/// A registered chronic patient fetches what is for the disease.
fn registered_and_billed(w: &mut World) {
    let mut p = w.person((50, 75), None);
    p.chronic = true;
    w.enrol(&p);
    let ago = w.some_day();
    let date = w.date(ago);
    let mut case = clinic_at(w, (0, 0), &p, date);
    case.med_type = "14";
    let c = w.close(case);
    nothing(w, NearMiss, "C11-1", &c);
}

/// A drug of the anaesthesia: so much given, so much billed.
fn given(w: &mut World, more: i64) -> (Case, usize) {
    let (mut case, ago) = some_stay(w, 2, 7);
    let when = morning(w, ago - 1, 22);
    let n = used(w, &mut case, "X031", when, (3 + more, 3));
    (case, n)
}

fn more_of_the_drug_than_given(w: &mut World) {
    let more = w.rng.between(1, 9);
    let (case, n) = given(w, more);
    let c = w.close(case);
    w.truth(Violation, "B12", c.told(&[n], more * find("X031").map_or(0, |i| i.cents)));
}

fn drug_as_given(w: &mut World) {
    let (case, _) = given(w, 0);
    let c = w.close(case);
    nothing(w, NearMiss, "B12", &c);
}

fn films(w: &mut World, more: i64) -> (Case, usize) {
    let (mut case, ago) = some_stay(w, 0, 6);
    let when = morning(w, ago - 2, 20);
    done(w, &mut case, "S003", when, 1);
    let n = used(w, &mut case, "M007", when + TimeDelta::minutes(9), (2 + more, 2));
    (case, n)
}

fn more_films_than_used(w: &mut World) {
    let more = w.rng.between(1, 8);
    let (case, n) = films(w, more);
    let c = w.close(case);
    w.truth(Violation, "B15", c.told(&[n], more * find("M007").map_or(0, |i| i.cents)));
}

fn films_as_used(w: &mut World) {
    let (case, _) = films(w, 0);
    let c = w.close(case);
    nothing(w, NearMiss, "B15", &c);
}

/// A scan by the price of a better machine; the first house has none, the second one has.
fn scanned(w: &mut World, facility: usize) -> (Case, usize) {
    let (p, ago) = (adult(w), w.some_day());
    let date = w.date(ago);
    let mut case = clinic_at(w, (facility, 0), &p, date);
    let when = case.begin + TimeDelta::minutes(85);
    let n = done(w, &mut case, "S033", when, 1);
    (case, n)
}

fn better_machine_than_there_is(w: &mut World) {
    let (case, n) = scanned(w, 0);
    let c = w.close(case);
    w.truth(Violation, "B16", c.told(&[n], c.sum(&[n])));
}

fn machine_of_the_other_house(w: &mut World) {
    let (case, _) = scanned(w, 1);
    let c = w.close(case);
    nothing(w, NearMiss, "B16", &c);
}

/// One thing ordered and billed, one thing done under the order.
fn ordered_and_done(
    w: &mut World,
    ward: usize,
    (billed, kind, done): (&'static str, &str, &'static str),
) -> (Case, usize) {
    let (mut case, ago) = some_stay(w, ward, 8);
    let when = morning(w, ago - 2, 21);
    let order = w.order(&mut case, billed, when, 1);
    let nurse = w.nurse(&case);
    w.event(&mut case, kind, done, (when, 15), nurse, 1);
    under(&mut case, "exec", "drord_no", &order);
    let n = case.bill_order(billed, when, 1, &order);
    (case, n)
}

fn another_therapy_than_billed(w: &mut World) {
    let (case, n) = ordered_and_done(w, 1, ("S034", "treat", "S035"));
    let c = w.close(case);
    w.truth(Violation, "B33", c.told(&[n], c.sum(&[n])));
}

fn therapy_as_ordered(w: &mut World) {
    let (case, _) = ordered_and_done(w, 1, ("S034", "treat", "S034"));
    let c = w.close(case);
    nothing(w, NearMiss, "B33", &c);
}

fn cheaper_stent_than_billed(w: &mut World) {
    let (case, n) = ordered_and_done(w, 0, ("M005", "order_exec", "M008"));
    let c = w.close(case);
    w.truth(Violation, "D08", c.told(&[n], c.sum(&[n])));
}

fn stent_as_labelled(w: &mut World) {
    let (case, _) = ordered_and_done(w, 0, ("M008", "order_exec", "M008"));
    let c = w.close(case);
    nothing(w, NearMiss, "D08", &c);
}

fn own_pay(w: &mut World, consent: bool) -> (Case, usize) {
    let (mut case, ago) = some_stay(w, 0, 7);
    let when = morning(w, ago - 2, 20);
    let cnt = w.rng.between(1, 5);
    let n = used(w, &mut case, "K002", when, (cnt, cnt));
    if consent {
        w.note(&mut case, when, "患者同意使用自费项目。".to_owned());
        under(&mut case, "note", "note_type", "自费项目知情同意书");
    }
    (case, n)
}

fn own_pay_without_consent(w: &mut World) {
    let (case, n) = own_pay(w, false);
    let c = w.close(case);
    w.truth(Violation, "B35", c.told(&[n], 0));
}

fn own_pay_with_consent(w: &mut World) {
    let (case, _) = own_pay(w, true);
    let c = w.close(case);
    nothing(w, NearMiss, "B35", &c);
    nothing(w, NearMiss, "B34", &c);
}

/// Ordered by the house, bought by the family.
fn bought_outside(w: &mut World) {
    let (mut case, ago) = some_stay(w, 1, 8);
    let when = morning(w, ago - 2, 11);
    w.order(&mut case, "X013", when, 2);
    w.note(&mut case, when, "人血白蛋白由家属外购后带入使用。".to_owned());
    let c = w.close(case);
    nothing(w, Violation, "B36", &c);
}

fn brought_slippers(w: &mut World) {
    let (mut case, ago) = some_stay(w, 1, 8);
    let when = morning(w, ago - 2, 11);
    w.note(&mut case, when, "嘱患者自备拖鞋。".to_owned());
    let c = w.close(case);
    nothing(w, Trap, "B36", &c);
}

/// A prescription of seven doses of one herb; so many grams of it were uploaded.
fn herbs(w: &mut World, more: i64) -> (Case, usize) {
    let (p, ago) = (adult(w), w.some_day());
    let date = w.date(ago);
    let mut case = clinic_at(w, (0, 0), &p, date);
    let when = case.begin + TimeDelta::minutes(90);
    let n = case.bill_rx("H001", when, 105 + more, 7);
    let rx = case.lines.get(n).map_or_else(String::new, |l| l.rx.clone());
    let row: Row = vec![
        ("mdtrt_id", case.id.clone()),
        ("psn_no", p.psn_no.clone()),
        ("rxno", rx),
        ("rx_prsc_time", time(when)),
        ("rx_detl_id", "1".to_owned()),
        ("rx_detl_name", find("H001").map_or("", |i| i.name).to_owned()),
        ("drug_used_idose", "105".to_owned()),
        ("drug_used_dosunt", "克".to_owned()),
        ("medc_days", "7".to_owned()),
        ("vali_flag", "1".to_owned()),
    ];
    case.rows.push(("rx", row));
    (case, n)
}

fn more_herbs_than_written(w: &mut World) {
    let more = w.rng.between(10, 300);
    let (case, n) = herbs(w, more);
    let c = w.close(case);
    w.truth(Violation, "C15", c.told(&[n], more * find("H001").map_or(0, |i| i.cents)));
}

fn herbs_as_written(w: &mut World) {
    let (case, _) = herbs(w, 0);
    let c = w.close(case);
    nothing(w, NearMiss, "C15", &c);
}

/// Treated with tablets, grouped as if operated.
fn group_of_an_operation_never_done(w: &mut World) {
    let (mut case, _) = some_stay(w, 0, 7);
    (case.by_group, case.group) = (true, ("FB29", "28600.00"));
    let c = w.close(case);
    nothing(w, Violation, "F10", &c);
}

fn group_of_an_operation(w: &mut World) {
    let (mut case, _) = some_stay(w, 2, 7);
    (case.by_group, case.group) = (true, ("HC29", "14200.00"));
    let c = w.close(case);
    nothing(w, NearMiss, "F10", &c);
}

/// One night and hardly anything done, at the price of the group.
fn one_night(w: &mut World, way: &'static str) -> Case {
    let (p, ago) = (adult(w), w.some_day());
    let mut case = stay(w, (0, 0), &p, ago, 1, ("I10.x00", "特发性(原发性)高血压"));
    case.lines.retain(|l| matches!(l.item.charge, "01" | "02" | "07"));
    case.forget("lab", |_| false);
    (case.by_group, case.way) = (true, way);
    case
}

fn sent_home_at_once(w: &mut World) {
    let case = one_night(w, "1");
    let c = w.close(case);
    let told = c.told(&[], 0);
    if w.undo.is_some() {
        w.truth(Violation, "F11", told);
    } else {
        w.short.push((w.story, told));
    }
}

/// Whether a stay was short for its group can be said only where the house has enough stays of the group.
pub(super) fn end(w: &mut World) {
    let enough = w.in_group.get(&(0, "GZ19")).is_some_and(|n| *n >= 30);
    for (story, told) in std::mem::take(&mut w.short) {
        if enough {
            w.story = story;
            w.truth(Violation, "F11", told);
        }
    }
}

fn died_after_a_day(w: &mut World) {
    let case = one_night(w, "5");
    let c = w.close(case);
    nothing(w, Trap, "F11", &c);
}

/// A box of drugs on the settlement, a box of something else over the counter.
fn goods_for_drugs(w: &mut World) {
    let (p, ago, cnt) = (adult(w), w.some_day(), w.rng.between(1, 3));
    let date = w.date(ago);
    let mut case = super::life::shop(w, &p, date);
    let item = w.rng.pick(&["X001", "X005", "X006", "X010"]).copied().unwrap_or("X001");
    case.lines.clear();
    let when = case.begin;
    case.bill(item, when, cnt);
    case.goods = Some(GIFT);
    let c = w.close(case);
    w.truth(Violation, "G09", c.told(&[0], c.sum(&[0])));
}

const GIFT: &str = "乳清蛋白粉礼盒";

/// The drugs on the card, the gift box in the same minute out of the own purse.
fn goods_paid_apart(w: &mut World) {
    let (p, ago) = (adult(w), w.some_day());
    let date = w.date(ago);
    let case = super::life::shop(w, &p, date);
    let line = case.lines.first().cloned();
    let c = w.close(case);
    if let Some(line) = line {
        let document = format!("XS{:09}", w.record());
        let mut row = super::life::sale_row(&c.facility, &line, "", document, &[]);
        super::life::of_goods(&mut row, GIFT);
        w.tables.add("inv_sale", row);
    }
    nothing(w, NearMiss, "G09", &c);
}

/// So many persons under one doctor's number, some seconds apart; the lines of their prescriptions.
fn prescribed(w: &mut World, hour: i64, count: i64, seconds: i64) -> Vec<super::case::Closed> {
    let ago = w.some_day();
    let start = at(w.date(ago), hour, 5, 0);
    let mut doctor = None;
    let drugs = ["X001", "X009", "X010", "Z001", "Z002"];
    let mut all = Vec::new();
    for n in 0..count {
        let p = adult(w);
        let begin = start + TimeDelta::seconds(n * seconds);
        let end = begin + TimeDelta::minutes(20);
        let dx = ("J06.900", "急性上呼吸道感染");
        let mut case = w.open((0, Some(3)), &p, "11", (begin, end), dx);
        case.doctor = doctor.get_or_insert(case.doctor.clone()).clone();
        let drug = usize::try_from(n).ok().and_then(|n| drugs.get(n % drugs.len())).copied();
        case.bill_rx(drug.unwrap_or("X001"), begin, 1 + n / 5 % 4, 7);
        all.push(w.close(case));
    }
    all
}

/// A row of truth about the lines of several visits on one day.
fn of_doctor(w: &mut World, kind: Kind, rule: &str, all: &[super::case::Closed], from: usize) {
    let Some(first) = all.first() else { return };
    let mut told = first.told(&[], 0);
    let own = all.iter().skip(from).filter_map(|c| c.serials.first().cloned());
    told.lines = own.collect();
    told.date = day(w.date(0));
    (told.visit, told.person) = (String::new(), String::new());
    w.truth(kind, rule, told);
}

fn seconds_between_prescriptions(w: &mut World) {
    let all = prescribed(w, 7, 9, 7);
    of_doctor(w, Violation, "I04", &all, 1);
}

fn minutes_between_prescriptions(w: &mut World) {
    let all = prescribed(w, 7, 9, 75);
    of_doctor(w, NearMiss, "I04", &all, 1);
}

fn prescriptions_by_the_minute(w: &mut World) {
    let all = prescribed(w, 7, 36, 90);
    of_doctor(w, Violation, "H06", &all, 0);
}

/// A full hour in the evening clinic: as many as the limit, and not one more.
fn prescriptions_of_a_full_hour(w: &mut World) {
    let all = prescribed(w, 18, 30, 100);
    of_doctor(w, NearMiss, "H06", &all, 0);
}
