//! Stories of the house: its doctors, machines and shelves; and what is written first and last.

use chrono::TimeDelta;

use super::super::items::{code_of, find};
use super::super::out::{Row, at, day, days_ago, time, yuan};
use super::Kind::{NearMiss, Violation};
use super::case::{Closed, nothing};
use super::life::{adult, clinic_at, done, some_stay};
use super::shops::{SUSPENDED, customer};
use super::{Kind, Story, Told, World};

pub(super) const WRONG: &[Story] = &[
    doctor_who_left,
    doctor_without_contract,
    nurse_who_prescribes,
    machine_out_of_order,
    more_than_the_machine_counted,
];

/// Wrongs that no refund undoes: what happened is wrong, whatever became of the bill.
pub(super) const LASTING: &[Story] = &[surgeon_in_two_rooms];

pub(super) const HONEST: &[Story] = &[doctor_on_the_last_day, surgeon_from_room_to_room];

/// Told once for a city: they are about all boxes of a drug.
pub(super) const ONCE: &[Story] =
    &[sold_more_than_bought, shelf_that_is_short, dressings_never_bought];

/// Told once for a city, and undone by nothing.
pub(super) const ONCE_LASTING: &[Story] = &[bought_without_invoice];

/// Told once for a city, near misses.
pub(super) const HONEST_ONCE: &[Story] =
    &[bought_with_invoice, shelf_that_is_two_short, infusion_sets_all_sold];

/// Days ago on which the machine for plain films was out of order.
pub(super) const STOPPED: std::ops::RangeInclusive<i64> = 205..=215;
const PHARMACY: &str = "P99010100001";
/// Sold more of it than was there.
const SHORT: &str = "X023";
/// Bought for less than half of what it is sold for.
pub(super) const CHEAP: &str = "X131";
/// Bought without invoice.
const BARE: &str = "X012";
/// Sold to the last box.
pub(super) const EVEN: &str = "X004";
/// Days ago on which the second house began to mix its infusions.
pub(super) const MIXING_SINCE: i64 = 345;
/// Counted otherwise than the books say.
const OFF: &str = "X024";
/// Counted two pieces short.
const NEARLY: &str = "X021";

fn unit(facility: &str, no: &str, kind: &str, name: &str, from: String, to: String) -> Row {
    vec![
        ("fixmedins_code", facility.to_owned()),
        ("unit_no", no.to_owned()),
        ("unit_type", kind.to_owned()),
        ("unit_name", name.to_owned()),
        ("begntime", from),
        ("endtime", to),
        ("value", String::new()),
    ]
}

/// What must be known before anybody comes.
pub(super) fn begin(w: &mut World) {
    let long = "2022-01-01".to_owned();
    for (no, kind, name) in [("U08", "pivas", "静脉用药配液中心"), ("U10", "pacu", "麻醉恢复室")]
    {
        let since = if kind == "pivas" { day(days_ago(MIXING_SINCE)) } else { long.clone() };
        let row = unit("H99010100002", no, kind, name, since, String::new());
        w.tables.add("fac_unit", row);
    }
    let (from, to) = (days_ago(*SUSPENDED.end() + 1), days_ago(*SUSPENDED.start() - 1));
    let row = unit("H99010100003", "U09", "suspension", "协议中止", day(from), day(to));
    w.tables.add("fac_unit", row);
    let hospital = super::super::DEMO_HOSPITAL;
    let (from, to) = (days_ago(*STOPPED.end() + 1), days_ago(*STOPPED.start() - 1));
    w.tables.add(
        "equip",
        vec![
            ("equip_no", format!("{hospital}-E04")),
            ("fixmedins_code", hospital.to_owned()),
            ("name", "数字化摄影机".to_owned()),
            ("model", "示例DR-1".to_owned()),
            ("serial", "SN-E04".to_owned()),
            ("invoice_no", "FPE040001".to_owned()),
            ("in_use_date", "2021-03-01".to_owned()),
            ("stop_begn", day(from)),
            ("stop_end", day(to)),
            ("item_codes", code_of("S006")),
        ],
    );
    w.tables.add(
        "equip",
        vec![
            ("equip_no", format!("{hospital}-E06")),
            ("fixmedins_code", hospital.to_owned()),
            ("name", "示例长时治疗仪".to_owned()),
            ("model", "示例CS-1".to_owned()),
            ("serial", "SN-E06".to_owned()),
            ("invoice_no", "FPE060001".to_owned()),
            ("in_use_date", "2021-03-01".to_owned()),
            ("stop_begn", String::new()),
            ("stop_end", String::new()),
            ("item_codes", code_of("S121")),
        ],
    );
    // The second house has the machine that the first one bills for.
    for (facility, model) in [(hospital, "示例CT-16排"), ("H99010100002", "示例CT-64排")] {
        w.tables.add(
            "equip",
            vec![
                ("equip_no", format!("{facility}-E05")),
                ("fixmedins_code", facility.to_owned()),
                ("name", "螺旋CT".to_owned()),
                ("model", model.to_owned()),
                ("serial", "SN-E05".to_owned()),
                ("invoice_no", "FPE050001".to_owned()),
                ("in_use_date", "2021-03-01".to_owned()),
                ("stop_begn", String::new()),
                ("stop_end", String::new()),
                ("item_codes", code_of("S033")),
            ],
        );
    }
}

/// What is known only when everything has happened: machine logs and stock.
pub(super) fn end(w: &mut World) {
    let machines = [("S003", "E01"), ("S004", "E02"), ("S010", "E03")];
    let uses = std::mem::take(&mut w.uses);
    for ((facility, item, ago), count) in uses {
        let code = w.city.facilities.get(facility).map_or("", |f| f.code);
        let Some((_, no)) = machines.iter().find(|(i, _)| *i == item) else { continue };
        w.tables.add(
            "equip_log",
            vec![
                ("equip_no", format!("{code}-{no}")),
                ("log_date", day(days_ago(ago))),
                ("use_cnt", count.max(0).to_string()),
                ("use_min", (count.max(0) * 12).to_string()),
            ],
        );
    }
    // A box that was bought or counted needs its purchases even where nobody bought the drug otherwise.
    let all = w.boxes.iter().chain(&w.shelf).chain(&w.opening);
    let named: Vec<&'static str> = all.map(|b| b.0).collect();
    for item in named {
        w.sold.entry(item).or_default();
    }
    let sold = std::mem::take(&mut w.sold);
    for (item, pieces) in &sold {
        let quarter = pieces / 4 + 30;
        for (n, ago) in [350, 260, 170, 80, 6].into_iter().enumerate() {
            let few = matches!(*item, SHORT | EVEN);
            let short = few && n > 0 && n < 4;
            if !short {
                let cnt = if few { 5 } else { quarter };
                purchase(w, item, ago, cnt, "", true);
            }
        }
        let boxes: Vec<String> = own(&w.boxes, item);
        for code in &boxes {
            purchase(w, item, 349, 1, code, true);
        }
        let bought = if matches!(*item, SHORT | EVEN) { 10 } else { 5 * quarter };
        let bought = bought + i64::try_from(boxes.len()).unwrap_or(0);
        let opening = 40;
        let codes = own(&w.opening, item).join(",");
        check(w, item, 400, opening, &codes);
        if !matches!(*item, SHORT | EVEN) {
            let off = match *item {
                OFF => 35,
                NEARLY => 2,
                _ => 0,
            };
            let codes = own(&w.shelf, item).join(",");
            check(w, item, 0, opening + bought - pieces - off, &codes);
        }
    }
}

fn own(all: &[(&'static str, String)], item: &str) -> Vec<String> {
    all.iter().filter(|b| b.0 == item).map(|b| b.1.clone()).collect()
}

/// What every line about stock of a shop begins with.
pub(super) fn head(facility: &str, item: &str) -> Row {
    vec![
        ("fixmedins_code", facility.to_owned()),
        ("fixmedins_bchno", format!("PC{item}2026")),
        ("med_list_codg", code_of(item)),
        ("fixmedins_hilist_id", format!("YN{item}")),
        ("fixmedins_hilist_name", find(item).map_or("", |i| i.name).to_owned()),
        ("manu_lotnum", "LOT2026".to_owned()),
        ("manu_date", "2025-06-01".to_owned()),
        ("expy_end", "2028-05-31".to_owned()),
        ("rx_flag", "0".to_owned()),
    ]
}

fn purchase(w: &mut World, item: &str, ago: i64, cnt: i64, codes: &str, invoice: bool) {
    let share = if item == CHEAP { 4 } else { 8 };
    let price = find(item).map_or(0, |i| i.cents * share / 10);
    let number = w.record();
    let mut row = head(PHARMACY, item);
    row.extend([
        ("spler_name", "示例医药有限公司".to_owned()),
        ("prdr_name", "示例制药厂".to_owned()),
        ("aprvno", format!("国药准字示例{item}")),
        ("finl_trns_pric", yuan(price)),
        ("purc_retn_cnt", cnt.to_string()),
        ("purc_invo_no", if invoice { format!("FP{number:010}") } else { String::new() }),
        ("purc_retn_stoin_time", time(at(days_ago(ago), 9, 0, number % 60))),
        ("purc_retn_opter_name", "张三".to_owned()),
        ("drug_trac_codg", codes.to_owned()),
    ]);
    w.tables.add("inv_purchase", row);
}

fn check(w: &mut World, item: &str, ago: i64, cnt: i64, codes: &str) {
    let mut row = head(PHARMACY, item);
    row.extend([
        ("invdate", day(days_ago(ago))),
        ("inv_cnt", cnt.to_string()),
        ("drug_trac_codg", codes.to_owned()),
    ]);
    w.tables.add("inv_check", row);
}

/// Somebody of the staff whom only one story knows.
pub(super) fn staff(w: &mut World, kind: &str, insured: bool, until: String) -> String {
    let code = format!("{}990101S{:06}", if kind == "1" { "D" } else { "N" }, w.record());
    w.tables.add(
        "staff",
        vec![
            ("prac_psn_code", code.clone()),
            ("prac_psn_name", "示例人员".to_owned()),
            ("prac_psn_type", kind.to_owned()),
            ("fixmedins_code", super::super::DEMO_HOSPITAL.to_owned()),
            ("hosp_dept_codg", "D01".to_owned()),
            ("hi_dr_flag", if insured { "1" } else { "0" }.to_owned()),
            ("begntime", "2022-01-01 00:00:00".to_owned()),
            ("endtime", until),
            ("chg_rea", String::new()),
        ],
    );
    code
}

/// A clinic visit in which one drug is ordered under the number of somebody else.
fn ordered_by(w: &mut World, ago: i64, who: String) -> Closed {
    let p = adult(w);
    let date = w.date(ago);
    let mut case = clinic_at(w, (0, 0), &p, date);
    case.lines.truncate(1);
    case.forget("lab", |_| false);
    let (when, cnt) = (case.begin + TimeDelta::minutes(70), w.rng.between(1, 8));
    let n = case.bill_rx("X021", when, cnt, 7);
    case.change(n, |l| l.doctor = Some(who));
    w.close(case)
}

fn doctor_who_left(w: &mut World) {
    let ago = w.some_day();
    let gone = w.rng.between(5, 60);
    let who = staff(w, "1", true, time(at(days_ago(ago + gone), 18, 0, 0)));
    let c = ordered_by(w, ago, who);
    w.truth(Violation, "I02", c.told(&[1], c.sum(&[1])));
}

fn doctor_on_the_last_day(w: &mut World) {
    let ago = w.some_day();
    let who = staff(w, "1", true, time(at(days_ago(ago), 18, 0, 0)));
    let c = ordered_by(w, ago, who);
    for rule in ["I01", "I02", "I07"] {
        nothing(w, NearMiss, rule, &c);
    }
}

fn doctor_without_contract(w: &mut World) {
    let ago = w.some_day();
    let who = staff(w, "1", false, String::new());
    let c = ordered_by(w, ago, who);
    w.truth(Violation, "I07", c.told(&[1], c.sum(&[1])));
}

fn nurse_who_prescribes(w: &mut World) {
    let ago = w.some_day();
    let who = staff(w, "2", false, String::new());
    let c = ordered_by(w, ago, who);
    w.truth(Violation, "I07", c.told(&[1], c.sum(&[1])));
    w.truth(Violation, "I01", c.told(&[1], 0));
}

/// Two patients on two tables at one hour under one surgeon.
fn surgeon_in_two_rooms(w: &mut World) {
    if let Some(c) = two_rooms(w, 10) {
        nothing(w, Violation, "I03", &c);
    }
}

/// The assistant closes in one room while the surgeon begins in the next.
fn surgeon_from_room_to_room(w: &mut World) {
    if let Some(c) = two_rooms(w, 55) {
        nothing(w, NearMiss, "I03", &c);
    }
}

/// Operations of an hour each, so many minutes one after the other; the second visit.
fn two_rooms(w: &mut World, apart: i64) -> Option<Closed> {
    let ago = w.some_day();
    let (mut surgeon, mut hour, mut last) = (None, None, None);
    for room in 0..2 {
        let p = adult(w);
        let mut case = super::life::stay(w, (0, 1), &p, ago, 7, ("J18.900", "肺炎"));
        let who = surgeon.get_or_insert(case.doctor.0.clone()).clone();
        // Nobody else lies on this surgeon's table at night, on no day of the city.
        let date = days_ago(ago - 2);
        let free = |h: &i64| !w.theatre.contains(&(who.clone(), at(date, *h, 0, 0)));
        let hour = *hour.get_or_insert_with(|| (0..7).rev().find(free).unwrap_or(6));
        let when = at(date, hour, apart * room, 0);
        for hour in hour..hour + 2 {
            w.theatre.insert((who.clone(), at(date, hour, 0, 0)));
        }
        w.event(&mut case, "oprn", "O014", (when, 60), who, 1);
        case.operations.push(("53.0000", "疝修补术", when));
        case.bill("O014", when, 1);
        last = Some(w.close(case));
    }
    last
}

fn machine_out_of_order(w: &mut World) {
    let p = adult(w);
    let ago = w.rng.between(*STOPPED.start(), *STOPPED.end());
    let date = w.date(ago);
    let mut case = clinic_at(w, (0, 0), &p, date);
    case.lines.truncate(1);
    case.forget("lab", |_| false);
    case.forget("exam", |_| false);
    let when = case.begin + TimeDelta::minutes(40);
    let cnt = w.rng.between(1, 4);
    let n = done(w, &mut case, "S006", when, cnt);
    let c = w.close(case);
    w.truth(Violation, "B27", c.told(&[n], c.sum(&[n])));
}

/// Reports are there, the machine never ran for them.
fn more_than_the_machine_counted(w: &mut World) {
    let (mut case, ago) = some_stay(w, 0, 8);
    let when = at(w.date(ago - 3), 9, 0, 0);
    let cnt = w.rng.between(1, 4);
    let n = case.bill("S003", when, cnt);
    w.exam(&mut case, "S003", when);
    w.used(&case, "S003", when, -1);
    let c = w.close(case);
    w.truth(Violation, "B26", c.told(&[n], c.sum(&[n])));
}

fn sold_more_than_bought(w: &mut World) {
    let mut cents = 0;
    for n in 0..12 {
        let c = customer(w, 300 - 20 * n, SHORT, 8);
        cents += c.sum(&[0]);
    }
    // Fifty pieces were there, ninety-six were settled.
    let told = Told {
        facility: PHARMACY.to_owned(),
        code: code_of(SHORT),
        cents: cents * 46 / 96,
        ..Told::default()
    };
    w.truth(Violation, "G01", told);
}

fn bought_without_invoice(w: &mut World) {
    purchase(w, BARE, 100, 20, "", false);
    let told = Told { facility: PHARMACY.to_owned(), code: code_of(BARE), ..Told::default() };
    w.truth(Violation, "G10", told);
}

fn shelf_that_is_short(w: &mut World) {
    for n in 0..3 {
        let _ = customer(w, 250 - 30 * n, OFF, 2);
    }
    let told = Told { facility: PHARMACY.to_owned(), code: code_of(OFF), ..Told::default() };
    w.truth(Violation, "G11", told);
}

/// Five were on the shelf and ten were bought; so many pieces of it were settled.
fn consumable(w: &mut World, item: &'static str, settled: i64) -> i64 {
    check(w, item, 400, 5, "");
    purchase(w, item, 350, 10, "", true);
    let mut cents = 0;
    for n in 0..3 {
        let c = customer(w, 300 - 30 * n, item, settled / 3);
        cents += c.sum(&[0]);
    }
    cents
}

fn dressings_never_bought(w: &mut World) {
    // Who takes it back does so with something else: what is on a shelf is counted by item.
    let item = if w.undo.is_some() { "M002" } else { "M009" };
    let cents = consumable(w, item, 24);
    let told = Told {
        facility: PHARMACY.to_owned(),
        code: code_of(item),
        cents: cents * 9 / 24,
        ..Told::default()
    };
    w.truth(Violation, "G02", told);
}

/// A row of truth about an item of the pharmacy.
pub(super) fn of_the_pharmacy(w: &mut World, kind: Kind, rule: &str, item: &str) {
    let told = Told { facility: PHARMACY.to_owned(), code: code_of(item), ..Told::default() };
    w.truth(kind, rule, told);
}

/// Everything that was there and bought, and not a piece more.
fn infusion_sets_all_sold(w: &mut World) {
    consumable(w, "M001", 15);
    of_the_pharmacy(w, NearMiss, "G02", "M001");
}

fn bought_with_invoice(w: &mut World) {
    purchase(w, "X013", 100, 20, "", true);
    of_the_pharmacy(w, NearMiss, "G10", "X013");
}

/// Two of many broke: within what a count may differ.
fn shelf_that_is_two_short(w: &mut World) {
    for n in 0..3 {
        let _ = customer(w, 250 - 30 * n, NEARLY, 2);
    }
    of_the_pharmacy(w, NearMiss, "G11", NEARLY);
}
