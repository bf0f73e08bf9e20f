//! Stories that come as near to a rule as an honest house comes: the same two things on two days, one hour less, the
//! record that is there, the doctor who still may.
//!
//! A rule without its near miss has only been shown to find; these show that it leaves alone what it must.

use chrono::TimeDelta;

use super::super::items::find;
use super::super::out::{at, days_ago};
use super::Kind::{NearMiss, Trap};
use super::bills::{noon, oxygen, visit};
use super::case::{Case, nothing};
use super::house::STOPPED;
use super::life::{adult, clinic_at, done, implant, operation_of, some_stay, stay, surgical};
use super::shops::{PHARMACY, SUSPENDED, sale};
use super::{Story, World};

pub(super) const HONEST: &[Story] = &[
    looked_at_for_a_week,
    change_of_grade_and_a_day_without_note,
    nursing_told_by_measurements,
    oxygen_nearly_all_the_time,
    oxygen_written_at_discharge,
    herb_in_a_compound,
    tested_before_admission,
    settled_in_two_parts,
    an_honest_operation,
    tube_on_another_day,
    recovery_room_of_the_other_house,
    special_nursing_first,
    monitored_where_they_monitor,
    rescued_on_two_days,
    part_of_the_count_on_another_day,
    dialysis_as_registered,
    fluid_on_another_day,
    as_many_as_the_machine_counted,
    made_before_the_machine_stopped,
    one_after_the_other,
    nodes_on_another_day,
    stent_after_the_angiography,
    moved_out_of_the_clean_room,
    a_week_from_emergency,
    exercise_with_assessment,
    doctor_by_number_only,
    caesarean_of_a_mother,
    diagnosed_in_the_list,
    the_drug_of_the_box,
    before_the_agreement_was_suspended,
    insured_to_the_day_after,
    a_cent_a_box,
];

/// Ends a visit that comes near to these rules.
fn near(w: &mut World, case: Case, rules: &[&str]) {
    let c = w.close(case);
    for rule in rules {
        nothing(w, NearMiss, rule, &c);
    }
}

/// As many pictures as in a check-up, but of somebody who lay there for a week.
fn looked_at_for_a_week(w: &mut World) {
    let (mut case, ago) = some_stay(w, 0, 6);
    case.lines.retain(|l| matches!(l.item.charge, "01" | "02" | "07"));
    case.forget("lab", |_| false);
    for (n, item) in ["S024", "S003", "S004", "S005"].into_iter().enumerate() {
        let hour = 9 + i64::try_from(n).unwrap_or(0);
        done(w, &mut case, item, at(w.date(ago - 1), hour, 0, 0), 1);
    }
    near(w, case, &["A12"]);
}

/// One grade until a day, the other from the next on; on one day the nurses wrote nothing.
fn change_of_grade_and_a_day_without_note(w: &mut World) {
    let (mut case, ago) = some_stay(w, 0, 8);
    let quiet = super::super::out::day(w.date(ago - 4));
    for (file, column) in [("exec", "begntime"), ("vital", "rcd_time")] {
        case.forget(file, |row| {
            let nursing = file == "vital" || super::case::cell(row, "evt_type") == "nursing";
            !(nursing && super::case::cell(row, column).starts_with(&quiet))
        });
    }
    near(w, case, &["A15", "A16"]);
}

/// No nurse signed, but somebody took the temperature every day.
fn nursing_told_by_measurements(w: &mut World) {
    let (mut case, _) = some_stay(w, 0, 6);
    case.forget("exec", |row| super::case::cell(row, "evt_type") != "nursing");
    near(w, case, &["B29-3"]);
}

fn oxygen_nearly_all_the_time(w: &mut World) {
    let (case, _) = oxygen(w, 4, |n| if n < 4 { 22 } else { 0 });
    near(w, case, &["B09", "B09-1"]);
}

/// The ward writes the hours of the stay when the patient leaves.
fn oxygen_written_at_discharge(w: &mut World) {
    let (case, _) = oxygen(w, 5, |n| if n == 5 { 96 } else { 0 });
    let c = w.close(case);
    nothing(w, Trap, "B08", &c);
    nothing(w, NearMiss, "B09", &c);
}

/// What is not paid for alone, among the other herbs of a prescription.
fn herb_in_a_compound(w: &mut World) {
    let (p, date) = (adult(w), w.date(90));
    let mut case = clinic_at(w, (1, 0), &p, date);
    let when = case.begin + TimeDelta::minutes(70);
    for herb in ["H102", "H001", "H002"] {
        case.bill_rx(herb, when, 60, 7);
    }
    let c = w.close(case);
    nothing(w, Trap, "C13", &c);
}

/// The clinic tests who will be operated on, days before the bed is free; the stay settles it.
fn tested_before_admission(w: &mut World) {
    let (mut case, ago) = some_stay(w, 1, 6);
    let before = w.rng.between(2, 6);
    done(w, &mut case, "S001", at(w.date(ago + before), 9, 0, 0), 1);
    done(w, &mut case, "S024", at(w.date(ago + before), 10, 0, 0), 1);
    let c = w.close(case);
    nothing(w, Trap, "A19", &c);
}

/// A long stay, settled once in between: the second part is registered from the first day on, and billed from where
/// the first one ended.
fn settled_in_two_parts(w: &mut World) {
    let (p, ago) = (adult(w), w.some_day());
    let pneumonia = ("J18.900", "肺炎");
    let case = stay(w, (0, 1), &p, ago, 6, pneumonia);
    let until = case.end.date();
    w.close(case);
    let mut case = stay(w, (0, 1), &p, ago, 12, pneumonia);
    case.lines.retain(|l| l.at.date() >= until);
    let c = w.close(case);
    nothing(w, Trap, "A06-1", &c);
}

fn an_honest_operation(w: &mut World) {
    let (case, _) = some_stay(w, 2, 7);
    near(w, case, &["B10", "B29-1", "B29-2", "F04"]);
}

fn tube_on_another_day(w: &mut World) {
    let (mut case, ago) = some_stay(w, 2, 7);
    let when = at(w.date(ago - 2), 7, 50, 0);
    done(w, &mut case, "O009", when, 1);
    near(w, case, &["B11"]);
}

/// The second house has the room.
fn recovery_room_of_the_other_house(w: &mut World) {
    let (p, ago) = (adult(w), w.some_day());
    let mut case = surgical(w, (1, 2), &p, ago, 7, ("K80.200", "胆囊结石"));
    let when = noon(w, ago - 1, 21);
    done(w, &mut case, "O010", when, 1);
    near(w, case, &["B13"]);
}

/// Watched closely for a day; the special dressing came the day after.
fn special_nursing_first(w: &mut World) {
    let (mut case, ago) = some_stay(w, 1, 8);
    let date = w.date(ago - 2);
    for l in &mut case.lines {
        if l.at.date() == date
            && matches!(l.item.id, "N001" | "N002")
            && let Some(item) = find("N006")
        {
            (l.item, l.cents) = (item, item.cents);
        }
    }
    case.bill("N007", at(w.date(ago - 3), 23, 50, 0), 1);
    near(w, case, &["B18"]);
}

/// A heart ward that has monitors at the beds.
fn monitored_where_they_monitor(w: &mut World) {
    let (mut case, ago) = some_stay(w, 0, 9);
    let when = noon(w, ago - 2, 14);
    done(w, &mut case, "O013", when, 1);
    near(w, case, &["B19"]);
}

fn rescued_on_two_days(w: &mut World) {
    let (mut case, ago) = some_stay(w, 1, 9);
    for n in [4, 5] {
        let when = noon(w, ago - n, 3);
        done(w, &mut case, "O012", when, 1);
        w.note(&mut case, when, "抢救记录。".to_owned());
    }
    near(w, case, &["B20", "B20-1"]);
}

fn part_of_the_count_on_another_day(w: &mut World) {
    let (mut case, ago) = some_stay(w, 0, 8);
    let when = noon(w, ago - 2, 15);
    done(w, &mut case, "S020", when, 1);
    near(w, case, &["B23"]);
}

fn dialysis_as_registered(w: &mut World) {
    let (mut case, ago) = some_stay(w, 1, 12);
    for n in 0..3 {
        let when = noon(w, ago - 2 - n, 9);
        case.bill("D001", when, 1);
        let nurse = w.nurse(&case);
        w.event(&mut case, "treat", "D001", (when, 240), nurse, 1);
    }
    near(w, case, &["B24-1"]);
}

fn fluid_on_another_day(w: &mut World) {
    let (mut case, ago) = some_stay(w, 1, 8);
    let (first, second) = (noon(w, ago - 3, 9), noon(w, ago - 4, 9));
    done(w, &mut case, "D002", first, 1);
    case.bill("D003", second, 1);
    near(w, case, &["B24"]);
}

fn as_many_as_the_machine_counted(w: &mut World) {
    let (mut case, ago) = some_stay(w, 0, 8);
    let when = noon(w, ago - 3, 9);
    done(w, &mut case, "S003", when, 1);
    near(w, case, &["B26"]);
}

/// On the morning of the day on which the machine broke.
fn made_before_the_machine_stopped(w: &mut World) {
    let p = adult(w);
    let mut case = clinic_at(w, (0, 0), &p, days_ago(*STOPPED.end() + 1));
    let when = case.begin + TimeDelta::minutes(85);
    done(w, &mut case, "S006", when, 1);
    near(w, case, &["B27"]);
}

/// The second treatment began while the electrodes of the first were taken off.
fn one_after_the_other(w: &mut World) {
    let (mut case, ago) = some_stay(w, 4, 6);
    let when = noon(w, ago - 2, 19);
    for (item, after) in [("S010", 0), ("S012", 20)] {
        let nurse = w.nurse(&case);
        w.event(&mut case, "treat", item, (when + TimeDelta::minutes(after), 25), nurse, 1);
    }
    near(w, case, &["B28"]);
}

fn nodes_on_another_day(w: &mut World) {
    let (p, ago) = (adult(w), w.some_day());
    let mut case = stay(w, (0, 2), &p, ago, 10, ("C34.900", "肺恶性肿瘤"));
    operation_of(w, &mut case, ("O007", "32.4900", "肺癌根治术"), ago - 2);
    let when = noon(w, ago - 5, 21);
    done(w, &mut case, "O008", when, 1);
    near(w, case, &["B37"]);
}

fn stent_after_the_angiography(w: &mut World) {
    let (p, ago) = (adult(w), w.some_day());
    let mut case = stay(w, (0, 0), &p, ago, 7, ("I25.103", "冠状动脉粥样硬化性心脏病"));
    let when = noon(w, ago - 1, 21);
    done(w, &mut case, "O006", when, 1);
    operation_of(w, &mut case, ("O005", "36.0700", "冠状动脉支架置入术"), ago - 3);
    implant(w, &mut case, "M005", ago - 3, 1, 1);
    near(w, case, &["B38"]);
}

/// In the clean room of one ward, then in the other: the list of beds says only where it ended.
fn moved_out_of_the_clean_room(w: &mut World) {
    let (mut case, _) = some_stay(w, 1, 8);
    case.left_from = Some(0);
    for n in case.of("B001").into_iter().take(3) {
        case.change(n, |l| {
            if let Some(item) = find("B003") {
                (l.item, l.cents) = (item, item.cents);
            }
        });
    }
    let c = w.close(case);
    nothing(w, Trap, "B40", &c);
}

fn a_week_from_emergency(w: &mut World) {
    let mut case = visit(w);
    case.med_type = "13";
    let when = case.begin + TimeDelta::minutes(80);
    case.bill_rx("X022", when, 1, 7);
    near(w, case, &["C09-1"]);
}

fn exercise_with_assessment(w: &mut World) {
    let (case, _) = some_stay(w, 4, 6);
    near(w, case, &["E12"]);
}

/// The name of the doctor is missing, the number is there; the bill is written in the hour of leaving.
fn doctor_by_number_only(w: &mut World) {
    let (mut case, ago) = some_stay(w, 1, 6);
    let who = case.doctor.0.clone();
    let n = case.bill("M002", noon(w, ago - 2, 17), 1);
    case.change(n, |l| l.doctor = Some(who));
    case.settled = case.end;
    near(w, case, &["F01", "F02"]);
}

/// A difficult birth: what is of women and what is of newborns stands on the account of the mother.
fn caesarean_of_a_mother(w: &mut World) {
    let p = w.person((24, 36), Some(true));
    w.enrol(&p);
    let ago = w.some_day();
    let mut case = stay(w, (0, 5), &p, ago, 6, ("O82.000", "经选择性剖宫产分娩"));
    case.more_dx.push(("P22.000", "新生儿呼吸窘迫综合征"));
    operation_of(w, &mut case, ("O011", "74.1x01", "子宫下段横切口剖宫产术"), ago - 1);
    let c = w.close(case);
    nothing(w, NearMiss, "F05", &c);
    nothing(w, NearMiss, "F08", &c);
    nothing(w, Trap, "F09", &c);
}

/// The field of the visit is empty, the list of diagnoses is not.
fn diagnosed_in_the_list(w: &mut World) {
    let mut case = visit(w);
    case.more_dx.push(case.dx);
    case.dx = ("", "");
    near(w, case, &["F12"]);
}

/// A box that was bought under its own drug.
fn the_drug_of_the_box(w: &mut World) {
    let (p, ago) = (adult(w), w.some_day());
    let code = w.new_box();
    w.boxes.push(("X022", code.clone()));
    let mut case = sale(w, PHARMACY, &p, ago, "X022", 1);
    case.boxes.push((0, code));
    near(w, case, &["G06"]);
}

fn before_the_agreement_was_suspended(w: &mut World) {
    let p = adult(w);
    let case = clinic_at(w, (2, 0), &p, days_ago(*SUSPENDED.end() + 2));
    near(w, case, &["H10"]);
}

/// Moved away, and insured there from the day after tomorrow on.
fn insured_to_the_day_after(w: &mut World) {
    let mut p = w.person((30, 75), None);
    let ago = w.some_day();
    p.insured_until = Some(w.date(ago - 1));
    w.enrol(&p);
    let date = w.date(ago);
    let case = clinic_at(w, (0, 0), &p, date);
    near(w, case, &["H13"]);
}

/// The rest of a promotion: nearly nothing, but a price.
fn a_cent_a_box(w: &mut World) {
    let (p, ago) = (adult(w), w.some_day());
    let mut case = sale(w, PHARMACY, &p, ago, "X010", 1);
    case.change(0, |l| l.cents = 1);
    near(w, case, &["F02-1"]);
}
