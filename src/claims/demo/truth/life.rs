//! Honest life: what persons of the city have done to them when nobody errs.
//!
//! Every record that a careful house keeps is kept, so that whatever a rule finds was put there by a story.

use chrono::{NaiveDate, NaiveDateTime, TimeDelta};

use super::super::items::code_of;
use super::super::out::{Row, at, time, yuan};
use super::World;
use super::case::{Case, Person, Taken};

pub(super) type Dx = (&'static str, &'static str);
/// Item, operation code, name of an operation.
pub(super) type Operation = (&'static str, &'static str, &'static str);

/// Diagnoses of wards: position of the department, diagnosis.
pub(super) const WARDS: &[(usize, Dx)] = &[
    (0, ("I25.103", "冠状动脉粥样硬化性心脏病")),
    (0, ("I10.x00", "特发性(原发性)高血压")),
    (1, ("J18.900", "肺炎")),
    (1, ("J44.900", "慢性阻塞性肺疾病")),
    (2, ("K80.200", "胆囊结石")),
    (2, ("K29.500", "慢性胃炎")),
    (3, ("S82.100", "胫骨近端骨折")),
    (3, ("M51.202", "腰椎间盘突出")),
    (4, ("I63.900", "脑梗死")),
    (4, ("M17.900", "膝关节病")),
];
/// Diagnoses of outpatients.
pub(super) const CLINIC: &[Dx] = &[
    ("J06.900", "急性上呼吸道感染"),
    ("E11.900", "2型糖尿病"),
    ("K29.500", "慢性胃炎"),
    ("M51.202", "腰椎间盘突出"),
    ("I10.x00", "特发性(原发性)高血压"),
];
pub(super) const GALL: Operation = ("O001", "51.2300", "腹腔镜下胆囊切除术");
pub(super) const BONE: Operation = ("O003", "79.3600", "骨折切开复位内固定术");

/// Somebody of the city: some visits over the year, far enough from each other.
pub(super) fn person_of_the_city(w: &mut World) {
    let ages = match w.rng.below(10) {
        0 => (3, 14),
        1..=3 => (15, 44),
        4..=6 => (45, 64),
        _ => (65, 92),
    };
    let mut p = w.person(ages, None);
    p.chronic = ages.0 >= 45 && w.rng.percent(40);
    w.enrol(&p);
    let mut ago = w.rng.between(300, 360);
    while ago > 25 {
        let chance = w.rng.below(100);
        if chance < 30 {
            let days = w.rng.between(3, 12);
            if ages.0 >= 15 && ago - days > 20 {
                honest_stay(w, &p, ago, days);
                ago -= days + 25;
            }
        } else if chance < 75 {
            let date = w.date(ago);
            let case = clinic(w, &p, date);
            w.close(case);
        } else {
            let date = w.date(ago);
            let case = shop(w, &p, date);
            w.close(case);
        }
        ago -= w.rng.between(9, 70);
    }
}

fn honest_stay(w: &mut World, p: &Person, ago: i64, days: i64) {
    let at = w.rng.below(10);
    let (department, dx) = WARDS.get(usize::try_from(at).unwrap_or(0)).copied().unwrap_or_default();
    let facility = usize::from(w.rng.percent(25));
    let case = if days >= 4 && matches!(dx.0, "K80.200" | "S82.100") {
        surgical(w, (facility, department), p, ago, days, dx)
    } else {
        stay(w, (facility, department), p, ago, days, dx)
    };
    w.close(case);
}

/// A stay that began so many days ago, with everything that is done, recorded and billed every day.
pub(super) fn stay(
    w: &mut World,
    (facility, department): (usize, usize),
    p: &Person,
    ago: i64,
    days: i64,
    dx: Dx,
) -> Case {
    let begin = at(w.date(ago), w.rng.between(8, 14), w.rng.between(0, 59), 0);
    let end = at(w.date(ago - days), 10, w.rng.between(0, 59), 0);
    let mut case = w.open((facility, Some(department)), p, "21", (begin, end), dx);
    case.by_group = w.rng.percent(w.grouped);
    let drug = if department == 2 || department == 3 { "X002" } else { "X011" };
    let (drip, other) =
        (w.order(&mut case, "X003", begin, 2 * days), w.order(&mut case, drug, begin, 2 * days));
    let rehabilitation = department == 4;
    let standing = if rehabilitation {
        let when = begin + TimeDelta::minutes(30);
        case.bill("S014", when, 1);
        let nurse = w.nurse(&case);
        w.event(&mut case, "treat", "S014", (when, 20), nurse, 1);
        [w.order(&mut case, "S010", begin, 0), w.order(&mut case, "S012", begin, 0)]
    } else {
        Default::default()
    };
    w.note(&mut case, begin + TimeDelta::minutes(40), format!("首次病程记录:{}。", dx.1));
    let change = w.rng.between(1, days.max(2));
    for n in 0..days {
        let date = w.date(ago - n);
        let hour = |h: i64, m: i64| at(date, h, m, 0).max(begin + TimeDelta::minutes(5));
        case.bill("B001", hour(23, 50), 1);
        case.bill("C001", hour(23, 50), 1);
        let grade = if n < change { "N001" } else { "N002" };
        case.bill(grade, hour(23, 50), 1);
        let nurse = w.nurse(&case);
        w.event(&mut case, "nursing", grade, (hour(20, 0), 10), nurse, 1);
        w.vital(&mut case, hour(16, 0));
        case.bill_order("X003", hour(16, 10), 2, &drip);
        case.bill_order(drug, hour(16, 10), 2, &other);
        case.bill("N003", hour(16, 30), 1);
        case.bill("M001", hour(16, 30), 1);
        let nurse = w.nurse(&case);
        w.event(&mut case, "order_exec", "N003", (hour(16, 30), 15), nurse, 1);
        if rehabilitation {
            for (item, order, h) in [("S010", standing.first(), 17), ("S012", standing.get(1), 18)]
            {
                case.bill_order(item, hour(h, 0), 1, order.map_or("", String::as_str));
                let nurse = w.nurse(&case);
                w.event(&mut case, "treat", item, (hour(h, 0), 20), nurse, 1);
                if item == "S010" {
                    w.used(&case, item, hour(h, 0), 1);
                }
            }
        }
        if n == 0 || (n == days / 2 && n > 0) {
            for item in ["S001", "S002"] {
                case.bill(item, hour(15, 30), 1);
                w.lab(&mut case, item, hour(15, 30), 3);
            }
        }
    }
    let home = w.order(&mut case, "X008", end, 2);
    let n = case.bill_order("X008", end, 2, &home);
    case.change(n, |l| (l.home, l.days, l.rx) = (true, 14, home.clone()));
    case
}

/// A stay with one operation on its second day.
pub(super) fn surgical(
    w: &mut World,
    ward: (usize, usize),
    p: &Person,
    ago: i64,
    days: i64,
    dx: Dx,
) -> Case {
    let mut case = stay(w, ward, p, ago, days, dx);
    let operation = if ward.1 == 3 { BONE } else { GALL };
    operation_of(w, &mut case, operation, ago - 1);
    if ward.1 == 3 {
        implant(w, &mut case, "M004", ago - 1, 1, 1);
    }
    case
}

/// One operation, done, recorded and billed with its anaesthesia; the number of its line.
pub(super) fn operation_of(w: &mut World, case: &mut Case, what: Operation, ago: i64) -> usize {
    let when = w.operate(case, what, w.date(ago));
    case.bill("O004", when, 1);
    case.bill(what.0, when, 1)
}

/// An implant: so many billed, so many registered.
pub(super) fn implant(
    w: &mut World,
    case: &mut Case,
    item: &'static str,
    ago: i64,
    billed: i64,
    used: i64,
) -> usize {
    let when = at(w.date(ago), 20, 30, 0);
    let order = w.order(case, item, when, billed);
    let nurse = w.nurse(case);
    w.event(case, "order_exec", item, (when, 5), nurse, used);
    case.bill_order(item, when, billed, &order)
}

/// Where outpatients go.
fn house(w: &mut World) -> (usize, usize) {
    match w.rng.below(10) {
        0..=5 => (0, usize::try_from(w.rng.below(4)).unwrap_or(0)),
        6..=7 => (1, usize::try_from(w.rng.below(5)).unwrap_or(0)),
        _ => (2, 0),
    }
}

/// An outpatient visit.
pub(super) fn clinic(w: &mut World, p: &Person, date: NaiveDate) -> Case {
    let mut house = house(w);
    let ago = (super::super::out::last_day() - date).num_days();
    if house.0 == 2 && super::shops::SUSPENDED.contains(&ago) {
        house.0 = 0;
    }
    clinic_at(w, house, p, date)
}

pub(super) fn clinic_at(
    w: &mut World,
    (facility, department): (usize, usize),
    p: &Person,
    date: NaiveDate,
) -> Case {
    let begin = at(date, w.rng.between(8, 16), w.rng.between(0, 59), w.rng.between(0, 59));
    let later = |m: i64| begin + TimeDelta::minutes(m);
    let chronic = p.chronic && w.rng.percent(60);
    let dx = if chronic {
        ("I10.x00", "特发性(原发性)高血压")
    } else {
        w.rng.pick(CLINIC).copied().unwrap_or_default()
    };
    let kind = if chronic { "14" } else { "11" };
    let place = (facility, Some(department));
    let mut case = w.open(place, p, kind, (begin, later(110)), dx);
    case.bill("C002", begin, 1);
    if w.rng.percent(40) {
        case.bill("S001", later(20), 1);
        w.lab(&mut case, "S001", later(20), 1);
    }
    if facility < 2 {
        for item in ["S003", "S004", "S005", "S006"] {
            if w.rng.percent(12) {
                // While the machine for plain films was out of order, they were made elsewhere.
                let n = case.bill(item, later(40), 1);
                let ago = (super::super::out::last_day() - date).num_days();
                if item == "S006" && facility == 0 && super::house::STOPPED.contains(&ago) {
                    case.change(n, |l| l.outside = true);
                }
                w.exam(&mut case, item, later(40));
            }
        }
    }
    let drugs: &[&str] = if chronic {
        &["X005", "X006", "X007", "X008"]
    } else {
        &["X001", "X009", "X010", "Z001", "Z002"]
    };
    if let Some(item) = w.rng.pick(drugs) {
        case.bill_rx(item, later(60), w.rng.between(1, 3), 7);
    }
    if facility == 1 && w.rng.percent(25) {
        case.bill("S011", later(75), 1);
        let nurse = w.nurse(&case);
        w.event(&mut case, "treat", "S011", (later(75), 20), nurse, 1);
    }
    if facility == 1 && w.rng.percent(20) {
        for item in ["H001", "H002", "H003"] {
            case.bill_rx(item, later(60), 15 * w.rng.between(5, 7), 7);
        }
    }
    case
}

/// A sale at the pharmacy.
pub(super) fn shop(w: &mut World, p: &Person, date: NaiveDate) -> Case {
    let begin = at(date, w.rng.between(9, 20), w.rng.between(0, 59), w.rng.between(0, 59));
    let mut case = w.open((super::shops::PHARMACY, None), p, "41", (begin, begin), ("", ""));
    case.settled = begin;
    let item = w.rng.pick(&["X001", "X005", "X006", "X010"]).copied().unwrap_or("X001");
    let cnt = w.rng.between(1, 2);
    let n = case.bill(item, begin, cnt);
    case.change(n, |l| l.days = 7);
    case
}

impl World {
    /// What the pharmacy sold, box by box with trace codes.
    pub(super) fn write_sales(&mut self, case: &Case, settlement: &str) {
        let facility = self.city.facilities.get(case.facility).map_or("", |f| f.code);
        // What is taken back has its own list.
        for (n, line) in case.lines.iter().enumerate().filter(|(_, l)| l.cnt > 0) {
            if let Some(goods) = case.goods {
                let document = format!("XS{:09}", self.record());
                let mut row = sale_row(facility, line, settlement, document, &[]);
                of_goods(&mut row, goods);
                self.tables.add("inv_sale", row);
                continue;
            }
            let mut codes: Vec<String> =
                case.boxes.iter().filter(|b| b.0 == n).map(|b| b.1.clone()).collect();
            let bare = case.split || case.unscanned || line.item.list_type != "101";
            let boxes = if bare { 0 } else { line.cnt };
            while i64::try_from(codes.len()).unwrap_or(0) < boxes {
                codes.push(self.new_box());
            }
            let gone = case.taken != Taken::Never;
            for code in codes.iter().filter(|_| !case.untold) {
                let row = trace_row(case, facility, settlement, line.item.id, code, line.at, gone);
                self.tables.add("trace", row);
            }
            if line.item.list_type != "101" || gone {
                continue;
            }
            if case.facility == super::shops::PHARMACY {
                *self.sold.entry(line.item.id).or_default() += line.cnt;
            }
            let document = format!("{}{:09}", if case.split { "SP" } else { "XS" }, self.record());
            self.tables.add("inv_sale", sale_row(facility, line, settlement, document, &codes));
        }
    }

    pub(super) fn new_box(&mut self) -> String {
        self.numbers.trace += 1;
        format!("8{:019}", 990_000_000 + self.numbers.trace)
    }
}

fn trace_row(
    case: &Case,
    facility: &str,
    settlement: &str,
    item: &str,
    code: &str,
    when: NaiveDateTime,
    refunded: bool,
) -> Row {
    vec![
        ("drug_trac_codg", code.to_owned()),
        ("fixmedins_code", facility.to_owned()),
        ("setl_id", settlement.to_owned()),
        ("mdtrt_id", case.id.clone()),
        ("psn_no", case.person.psn_no.clone()),
        ("med_list_codg", code_of(item)),
        ("setl_time", time(when)),
        ("refd_flag", if refunded { "1" } else { "0" }.to_owned()),
    ]
}

/// A sale; without a settlement the customer paid alone.
pub(super) fn sale_row(
    facility: &str,
    line: &super::case::Fee,
    settlement: &str,
    document: String,
    codes: &[String],
) -> Row {
    vec![
        ("fixmedins_code", facility.to_owned()),
        ("fixmedins_bchno", format!("PC{}2026", line.item.id)),
        ("med_list_codg", code_of(line.item.id)),
        ("fixmedins_hilist_id", format!("YN{}", line.item.id)),
        ("fixmedins_hilist_name", line.item.name.to_owned()),
        ("setl_id", settlement.to_owned()),
        ("hi_feesetl_type", if settlement.is_empty() { "2" } else { "1" }.to_owned()),
        ("manu_lotnum", "LOT2026".to_owned()),
        ("manu_date", "2025-06-01".to_owned()),
        ("expy_end", "2028-05-31".to_owned()),
        ("rx_flag", "0".to_owned()),
        ("finl_trns_pric", yuan(line.cents)),
        ("trdn_flag", if document.starts_with("SP") { "1" } else { "0" }.to_owned()),
        ("rtal_docno", document),
        ("sel_retn_cnt", line.cnt.to_string()),
        ("sel_retn_time", time(line.at)),
        ("drug_trac_codg", codes.join(",")),
    ]
}

/// Makes a sale one of something that is no drug.
pub(super) fn of_goods(row: &mut Row, goods: &str) {
    for (name, value) in row {
        match *name {
            "fixmedins_hilist_name" => goods.clone_into(value),
            "fixmedins_hilist_id" => "SP0001".clone_into(value),
            "med_list_codg" => value.clear(),
            _ => {}
        }
    }
}

/// A grown-up of the city.
pub(super) fn adult(w: &mut World) -> Person {
    let p = w.person((30, 75), None);
    w.enrol(&p);
    p
}

/// A stay of a grown-up in a ward of the first hospital, with how long ago it began.
pub(super) fn some_stay(w: &mut World, department: usize, days: i64) -> (Case, i64) {
    let (p, ago) = (adult(w), w.some_day());
    (stay_of(w, &p, department, ago, days), ago)
}

pub(super) fn stay_of(w: &mut World, p: &Person, department: usize, ago: i64, days: i64) -> Case {
    let dx = WARDS.iter().find(|(at, _)| *at == department).map_or(("I10.x00", ""), |x| x.1);
    if days >= 3 && matches!(department, 2 | 3) {
        surgical(w, (0, department), p, ago, days, dx)
    } else {
        stay(w, (0, department), p, ago, days, dx)
    }
}

/// An item that is done, recorded and billed; the number of its line.
pub(super) fn done(
    w: &mut World,
    case: &mut Case,
    item: &'static str,
    when: NaiveDateTime,
    cnt: i64,
) -> usize {
    let n = case.bill(item, when, cnt);
    match case.lines.get(n).map(|l| l.item.charge) {
        Some("03") => w.exam(case, item, when),
        Some("04") => w.lab(case, item, when, 3),
        Some("05" | "06") => {
            let nurse = w.nurse(case);
            w.event(case, "treat", item, (when, 8), nurse, cnt);
        }
        _ => {}
    }
    n
}
