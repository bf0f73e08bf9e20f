//! The near misses of rules that count to a day or to a piece, and the natural causes that only one rule knows.

use chrono::TimeDelta;

use super::super::items::find;
use super::super::out::{at, day, time};
use super::Kind::{NearMiss, Trap};
use super::bills::noon;
use super::case::{Case, Person, nothing};
use super::house::{self, head};
use super::life::{adult, clinic_at, done, operation_of, shop, some_stay, stay, stay_of, surgical};
use super::shops::{PHARMACY, sale};
use super::stays::leave;
use super::written::under;
use super::{Story, World};

pub(super) const HONEST: &[Story] = &[
    as_many_days_as_billed,
    pharmacy_on_the_day_of_death,
    clinic_elsewhere_on_the_way_home,
    billed_in_the_evening_of_leaving,
    bought_outside_and_billed,
    grown_up_yesterday,
    four_weeks_old,
    half_as_long_as_the_group,
    mixed_in_their_own_room,
    sold_after_the_first_count,
    treatments_without_an_hour,
    sex_not_told,
    stone_as_second_diagnosis,
    dated_by_the_day,
    surgeons_of_one_name,
    bed_kept_for_one_night,
    kept_bed_taken_back,
    clean_air_beside_the_bed,
    head_and_chest,
    over_new_year,
    drops_for_a_child,
    two_months_old,
    scar_and_waters,
    bed_kept_on_leave,
    in_small_letters,
];

/// Told once for a city.
pub(super) const HONEST_ONCE: &[Story] = &[sold_to_the_last_box, moved_in_without_invoice];

/// Bed, rounds and nursing of every day, and not one more.
fn as_many_days_as_billed(w: &mut World) {
    let (case, _) = some_stay(w, 1, 9);
    let c = w.close(case);
    for rule in ["A14", "A15-1", "A18"] {
        nothing(w, NearMiss, rule, &c);
    }
}

/// The family fetches what was ordered; it is billed the day after, as bills are.
fn pharmacy_on_the_day_of_death(w: &mut World) {
    let mut p = w.person((60, 88), None);
    let ago = w.some_day();
    p.died = Some(w.date(ago));
    w.enrol(&p);
    let date = w.date(ago - 1);
    let case = shop(w, &p, date);
    let c = w.close(case);
    nothing(w, NearMiss, "A07", &c);
}

/// Home at ten, at noon in the clinic of the other house.
fn clinic_elsewhere_on_the_way_home(w: &mut World) {
    let (p, ago) = (adult(w), w.some_day());
    let case = stay(w, (0, 0), &p, ago, 6, ("I25.103", "冠状动脉粥样硬化性心脏病"));
    let end = case.end;
    let c = w.close(case);
    let mut case = clinic_at(w, (1, 0), &p, end.date());
    let later = noon(w, ago - 6, 15) - case.begin;
    case.begin += later;
    case.end += later;
    case.settled += later;
    case.lines.iter_mut().for_each(|l| l.at += later);
    case.forget("lab", |_| false);
    case.forget("exam", |_| false);
    case.forget("exec", |_| false);
    case.lines.retain(|l| matches!(l.item.id, "C002") || l.item.list_type.starts_with('1'));
    w.close(case);
    nothing(w, NearMiss, "A04", &c);
}

fn billed_in_the_evening_of_leaving(w: &mut World) {
    let (mut case, ago) = some_stay(w, 1, 6);
    case.bill("M002", noon(w, ago - 6, 22), 1);
    let c = w.close(case);
    nothing(w, NearMiss, "A19", &c);
}

/// One bottle from outside, one from the house.
fn bought_outside_and_billed(w: &mut World) {
    let (mut case, ago) = some_stay(w, 1, 8);
    let when = noon(w, ago - 2, 11);
    let order = w.order(&mut case, "X013", when, 1);
    case.bill_order("X013", when, 1, &order);
    w.note(&mut case, when, "另一瓶人血白蛋白由家属外购。".to_owned());
    let c = w.close(case);
    nothing(w, NearMiss, "B36", &c);
}

/// Eighteen on the day before.
fn grown_up_yesterday(w: &mut World) {
    let mut p = w.person((17, 17), None);
    let ago = w.some_day();
    p.birth = born(w.date(ago + 1), 18);
    w.enrol(&p);
    let date = w.date(ago);
    let mut case = clinic_at(w, (0, 0), &p, date);
    let when = case.begin + TimeDelta::minutes(80);
    case.bill_rx("X012", when, 1, 5);
    let c = w.close(case);
    nothing(w, NearMiss, "C04-1", &c);
}

fn born(birthday: chrono::NaiveDate, years: i32) -> chrono::NaiveDate {
    use chrono::Datelike as _;
    birthday.with_year(birthday.year() - years).unwrap_or(birthday)
}

/// A newborn for as long as it is one.
fn four_weeks_old(w: &mut World) {
    let mut p = w.person((1, 1), None);
    let ago = w.some_day();
    p.birth = w.date(ago + 20);
    w.enrol(&p);
    let mut case = stay(w, (0, 5), &p, ago, 5, ("P22.000", "新生儿呼吸窘迫综合征"));
    case.bill("N008", noon(w, ago - 1, 23), 1);
    let c = w.close(case);
    for rule in ["E02", "F09"] {
        nothing(w, NearMiss, rule, &c);
    }
}

/// Four days where others lie seven.
fn half_as_long_as_the_group(w: &mut World) {
    let (p, ago) = (adult(w), w.some_day());
    let mut case = stay(w, (0, 0), &p, ago, 4, ("I10.x00", "特发性(原发性)高血压"));
    case.by_group = true;
    let c = w.close(case);
    nothing(w, NearMiss, "F11", &c);
}

/// The first day of the room in which the second house mixes.
fn mixed_in_their_own_room(w: &mut World) {
    let (p, ago) = (adult(w), w.some_day().min(house::MIXING_SINCE));
    let mut case = stay(w, (1, 1), &p, ago, 5, ("J18.900", "肺炎"));
    let when = case.begin + TimeDelta::minutes(90);
    case.bill("P001", when, 1);
    let c = w.close(case);
    nothing(w, NearMiss, "B39", &c);
}

/// On the shelf at the first count, sold after it.
fn sold_after_the_first_count(w: &mut World) {
    let (p, ago, code) = (adult(w), w.some_day(), w.new_box());
    w.opening.push(("X022", code.clone()));
    let mut case = sale(w, PHARMACY, &p, ago, "X022", 1);
    case.boxes.push((0, code));
    let c = w.close(case);
    nothing(w, NearMiss, "G08", &c);
}

/// The record says on which day, and not at what hour.
fn treatments_without_an_hour(w: &mut World) {
    let (mut case, ago) = some_stay(w, 4, 6);
    let date = w.date(ago - 2);
    for item in ["S010", "S012"] {
        let nurse = w.nurse(&case);
        w.event(&mut case, "treat", item, (at(date, 19, 0, 0), 25), nurse, 1);
        for column in ["begntime", "endtime"] {
            under(&mut case, "exec", column, &day(date));
        }
    }
    let c = w.close(case);
    nothing(w, Trap, "B28", &c);
}

/// The register of insured persons does not say whether it is a man.
fn sex_not_told(w: &mut World) {
    let mut p = w.person((30, 50), Some(false));
    p.sex_unknown = true;
    w.enrol(&p);
    let ago = w.some_day();
    let mut case = surgical(w, (0, 2), &p, ago, 7, ("N80.000", "子宫内膜异位症"));
    if let Some(first) = case.operations.first_mut() {
        (first.0, first.1) = ("74.1x01", "子宫下段横切口剖宫产术");
    }
    let c = w.close(case);
    for rule in ["F05", "F08"] {
        nothing(w, Trap, rule, &c);
    }
}

/// What was operated on stands in the second place.
fn stone_as_second_diagnosis(w: &mut World) {
    let (p, ago) = (adult(w), w.some_day());
    let mut case = stay(w, (0, 2), &p, ago, 8, ("J18.900", "肺炎"));
    case.more_dx.push(("N20.000", "肾结石"));
    let name = find("O103").map_or("", |i| i.name);
    operation_of(w, &mut case, ("O103", "55.0300", name), ago - 2);
    let c = w.close(case);
    nothing(w, Trap, "F06", &c);
}

/// On the day of admission, and the list knows no hour: midnight is not before it.
fn dated_by_the_day(w: &mut World) {
    let (p, ago) = (adult(w), w.some_day());
    let mut case = surgical(w, (0, 2), &p, ago, 7, ("K80.200", "胆囊结石"));
    if let Some(first) = case.operations.first_mut() {
        first.2 = at(w.date(ago), 0, 0, 0);
    }
    let c = w.close(case);
    nothing(w, Trap, "F15", &c);
}

/// Two tables at one hour, two surgeons who have one name.
fn surgeons_of_one_name(w: &mut World) {
    let ago = w.some_day();
    let mut last = None;
    for room in 0..2 {
        let p: Person = adult(w);
        let who = house::staff(w, "1", true, String::new());
        let mut case: Case = stay_of(w, &p, 1, ago, 7);
        case.doctor = (who.clone(), "示例人员".to_owned());
        let when = at(w.date(ago - 2), 3, 5 * room, 0);
        w.event(&mut case, "oprn", "O014", (when, 60), who, 1);
        case.operations.push(("53.0000", "疝修补术", when));
        case.bill("O014", when, 1);
        last = Some(w.close(case));
    }
    if let Some(c) = last {
        nothing(w, Trap, "I03", &c);
    }
}

/// Home in the evening and back in the morning: no whole day was spent away.
fn bed_kept_for_one_night(w: &mut World) {
    let (mut case, ago) = some_stay(w, 1, 8);
    leave(w, &mut case, ago, (3, 4), &[]);
    let night = noon(w, ago - 3, 23);
    case.bill("B002", night, 1);
    let c = w.close(case);
    nothing(w, NearMiss, "A24-1", &c);
}

/// A bed was kept for three days, and the fee for it given back at discharge.
fn kept_bed_taken_back(w: &mut World) {
    let (mut case, ago) = some_stay(w, 1, 9);
    leave(w, &mut case, ago, (2, 6), &[]);
    let end = case.end;
    for n in 3..6 {
        let line = case.bill("B002", noon(w, ago - n, 23), 1);
        case.refund(line, end, 1, false);
    }
    let c = w.close(case);
    nothing(w, Trap, "A24-1", &c);
}

/// Fees of the room beside the bed itself, of the same kind of charge: no second bed.
fn clean_air_beside_the_bed(w: &mut World) {
    let (mut case, ago) = some_stay(w, 1, 6);
    for n in 0..6 {
        for item in ["B004", "B005"] {
            case.bill(item, noon(w, ago - n, 21), 1);
        }
    }
    let c = w.close(case);
    nothing(w, Trap, "A14", &c);
}

/// The head with contrast, the chest without, on one morning.
fn head_and_chest(w: &mut World) {
    let (mut case, ago) = some_stay(w, 0, 7);
    for (item, hour) in [("S027", 9), ("S026", 10)] {
        let when = noon(w, ago - 2, hour);
        done(w, &mut case, item, when, 1);
    }
    let c = w.close(case);
    nothing(w, Trap, "B14", &c);
}

/// One stay that was settled as two, because the insurance year ended in the middle of it.
fn over_new_year(w: &mut World) {
    let p = adult(w);
    // The year of the city's last day began 318 days before it.
    for (ago, days) in [(325, 6), (318, 5)] {
        let dx = ("I25.103", "冠状动脉粥样硬化性心脏病");
        let case = stay(w, (0, 0), &p, ago, days, dx);
        let c = w.close(case);
        nothing(w, Trap, "A01", &c);
    }
}

fn drops_for_a_child(w: &mut World) {
    let p = w.person((6, 14), None);
    w.enrol(&p);
    let ago = w.some_day();
    let date = w.date(ago);
    let mut case = clinic_at(w, (0, 0), &p, date);
    let when = case.begin + TimeDelta::minutes(80);
    case.bill_rx("X032", when, 1, 5);
    let c = w.close(case);
    nothing(w, Trap, "C04-1", &c);
}

/// Born too early: what began at birth goes on, and the ears are tried again after six weeks.
fn two_months_old(w: &mut World) {
    let mut p = w.person((1, 1), None);
    let ago = w.some_day();
    p.birth = w.date(ago + 61);
    w.enrol(&p);
    let mut case = stay(w, (0, 5), &p, ago, 5, ("P07.300", "早产儿"));
    let when = noon(w, ago - 1, 10);
    done(w, &mut case, "S036", when, 1);
    let c = w.close(case);
    for rule in ["E02", "F09"] {
        nothing(w, Trap, rule, &c);
    }
}

/// A delivery whose diagnoses are the scar of an earlier one and the waters.
fn scar_and_waters(w: &mut World) {
    let p = w.person((24, 36), Some(true));
    w.enrol(&p);
    let ago = w.some_day();
    let mut case = stay(w, (0, 5), &p, ago, 6, ("O34.201", "妊娠合并子宫瘢痕"));
    case.more_dx.push(("O42.900", "胎膜早破"));
    case.bill("N001", noon(w, ago - 1, 22), 1);
    let c = w.close(case);
    for rule in ["A15", "A15-1"] {
        nothing(w, Trap, rule, &c);
    }
}

/// Away for two days, and the bed beside the one of the ward paid for as long.
fn bed_kept_on_leave(w: &mut World) {
    let (mut case, ago) = some_stay(w, 1, 9);
    leave(w, &mut case, ago, (3, 5), &[]);
    for n in [3, 5] {
        case.bill("B001", noon(w, ago - n, 22), 1);
    }
    let c = w.close(case);
    nothing(w, Trap, "A14", &c);
}

/// Chemotherapy, by a clerk who writes small letters.
fn in_small_letters(w: &mut World) {
    let (p, ago) = (adult(w), w.some_day().max(100));
    for n in 0..2 {
        let case = stay(w, (0, 1), &p, ago - 9 * n, 4, ("z51.100", "肿瘤化学治疗"));
        let c = w.close(case);
        nothing(w, Trap, "A01", &c);
    }
}

/// As many as were there and were bought, and not a box more.
fn sold_to_the_last_box(w: &mut World) {
    for n in 0..10 {
        let _ = super::shops::customer(w, 300 - 20 * n, house::EVEN, 5);
    }
    house::of_the_pharmacy(w, NearMiss, "G01", house::EVEN);
}

/// Sent over by another shop of the chain: there is no invoice because nothing was bought.
fn moved_in_without_invoice(w: &mut World) {
    let item = "X031";
    let mut row = head("P99010100001", item);
    row.extend([
        ("inv_chg_type", "103".to_owned()),
        ("cnt", "20".to_owned()),
        ("inv_chg_time", time(noon(w, 100, 9))),
        ("pric", "0.00".to_owned()),
    ]);
    w.tables.add("inv_change", row);
    house::of_the_pharmacy(w, Trap, "G10", item);
}
