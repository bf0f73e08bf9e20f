//! Visits as stories: who came, what was ordered, done, billed and settled.

use std::collections::BTreeSet;

use chrono::{NaiveDate, NaiveDateTime, TimeDelta};

use super::city::{City, Department, Facility};
use super::items::{Item, find};
use super::out::{Rng, Tables, at, days_ago, last_day, time};
use super::people::Person;

/// Diagnoses: insurance version of ICD-10 codes.
const DIAGNOSES: &[(&str, &str)] = &[
    ("I10.x00", "特发性(原发性)高血压"),
    ("I25.103", "冠状动脉粥样硬化性心脏病"),
    ("J18.900", "肺炎"),
    ("J06.900", "急性上呼吸道感染"),
    ("E11.900", "2型糖尿病"),
    ("K80.200", "胆囊结石"),
    ("K35.900", "急性阑尾炎"),
    ("S82.100", "胫骨近端骨折"),
    ("M51.202", "腰椎间盘突出"),
    ("K29.500", "慢性胃炎"),
    ("I63.900", "脑梗死"),
];

/// The planted stay.
#[derive(Default)]
pub(super) struct Planted {
    pub(super) visit: String,
    pub(super) person: String,
}

/// Running numbers of the city.
#[derive(Default)]
pub(super) struct Numbers {
    visit: i64,
    pub(super) settlement: i64,
    pub(super) record: i64,
    pub(super) trace: i64,
}

/// One fee line before it is written.
pub(super) struct Line {
    pub(super) item: &'static Item,
    pub(super) at: NaiveDateTime,
    pub(super) count: i64,
    pub(super) order: Option<String>,
    pub(super) refund_of: Option<usize>,
    pub(super) take_home: bool,
}

/// A visit while it is told.
pub(super) struct Visit<'a> {
    pub(super) id: String,
    pub(super) facility: &'a Facility,
    pub(super) department: Option<&'a Department>,
    pub(super) doctor: (String, String),
    pub(super) person: &'a Person,
    pub(super) med_type: &'static str,
    pub(super) lines: Vec<Line>,
}

/// Tells the stories.
pub(super) struct Maker<'a> {
    pub(super) tables: &'a mut Tables,
    pub(super) rng: &'a mut Rng,
    pub(super) numbers: Numbers,
    pub(super) planted: Planted,
    /// Who operates when.
    pub(super) theatre: BTreeSet<(String, NaiveDateTime)>,
}

pub(super) fn build(
    tables: &mut Tables,
    rng: &mut Rng,
    city: &City,
    persons: &[Person],
) -> Planted {
    let mut maker = Maker {
        tables,
        rng,
        numbers: Numbers::default(),
        planted: Planted::default(),
        theatre: BTreeSet::new(),
    };
    for person in persons {
        for _ in 0..maker.rng.between(0, 6) {
            maker.outpatient(city, person);
        }
        for _ in 0..maker.rng.between(0, 3) {
            maker.pharmacy(city, person);
        }
        let often = if person.age > 60 { 45 } else { 18 };
        if maker.rng.percent(often) {
            maker.inpatient(city, person, None);
            if maker.rng.percent(20) {
                maker.inpatient(city, person, None);
            }
        }
    }
    // Those who lie in the wards on the last day.
    for person in persons.iter().step_by(persons.len().max(24) / 24) {
        let ago = maker.rng.between(1, 9);
        maker.inpatient(city, person, Some(days_ago(ago)));
    }
    maker.planted
}

impl Maker<'_> {
    fn visit_id(&mut self) -> String {
        self.numbers.visit += 1;
        format!("990101G{:013}", 20_260_000 + self.numbers.visit)
    }

    fn doctor(&mut self, department: &Department) -> (String, String) {
        self.rng.pick(&department.doctors).cloned().unwrap_or_default()
    }

    fn outpatient(&mut self, city: &City, person: &Person) {
        let facilities: Vec<&Facility> = city.facilities.iter().filter(|f| !f.pharmacy).collect();
        let Some(facility) = self.rng.pick(&facilities).copied() else { return };
        let clinics: Vec<&Department> = facility
            .departments
            .iter()
            .filter(|d| !matches!(d.name, "检验科" | "医学影像科" | "药剂科"))
            .collect();
        let Some(department) = self.rng.pick(&clinics).copied() else { return };
        let day = days_ago(self.rng.between(0, 364));
        let begin =
            at(day, self.rng.between(8, 16), self.rng.between(0, 59), self.rng.between(0, 59));
        let emergency = department.name == "急诊科";
        let chronic = person.chronic && self.rng.percent(50);
        let med_type = match (emergency, chronic) {
            (true, _) => "13",
            (_, true) => "14",
            _ => "11",
        };
        let mut visit = Visit {
            id: self.visit_id(),
            facility,
            department: Some(department),
            doctor: self.doctor(department),
            person,
            med_type,
            lines: Vec::new(),
        };
        let first = if emergency { "C003" } else { "C002" };
        visit.line(first, begin, 1);
        let later =
            |minutes: i64| begin.checked_add_signed(TimeDelta::minutes(minutes)).unwrap_or(begin);
        for id in ["S001", "S002", "S004", "S005", "S006"] {
            if self.rng.percent(22) {
                visit.line(id, later(25), 1);
            }
        }
        let drugs: &[&str] = if chronic {
            &["X005", "X006", "X007", "X008"]
        } else {
            &["X001", "X009", "X010", "Z001", "Z002"]
        };
        for _ in 0..self.rng.between(1, 3) {
            if let Some(id) = self.rng.pick(drugs) {
                visit.line(id, later(50), self.rng.between(1, 3));
            }
        }
        if facility.name.contains("中医") && self.rng.percent(60) {
            for id in ["H001", "H002", "H003"] {
                visit.line(id, later(55), 15 * self.rng.between(5, 7));
            }
            visit.line("S011", later(60), 1);
        }
        // Now and then a box goes back and the line is refunded.
        if self.rng.percent(4) {
            let last = visit.lines.len() - 1;
            visit.refund(last, later(90));
        }
        let diagnosis = self.rng.pick(DIAGNOSES).copied().unwrap_or_default();
        let end = later(100);
        self.write_visit(&visit, begin, Some(end), diagnosis, None);
        let refunded = self.rng.percent(2);
        self.settle(&visit, begin, Some(end), refunded);
    }

    fn pharmacy(&mut self, city: &City, person: &Person) {
        let Some(facility) = city.facilities.iter().find(|f| f.pharmacy) else { return };
        let day = days_ago(self.rng.between(0, 364));
        let begin = at(day, self.rng.between(9, 20), self.rng.between(0, 59), 0);
        let mut visit = Visit {
            id: self.visit_id(),
            facility,
            department: None,
            doctor: Default::default(),
            person,
            med_type: "41",
            lines: Vec::new(),
        };
        for _ in 0..self.rng.between(1, 2) {
            if let Some(id) = self.rng.pick(&["X001", "X005", "X006", "X010", "Z001", "Z002"]) {
                visit.line(id, begin, self.rng.between(1, 2));
            }
        }
        self.write_visit(&visit, begin, Some(begin), ("", ""), None);
        let settlement = self.settle(&visit, begin, Some(begin), false);
        self.sales(&visit, &settlement, begin);
    }

    fn inpatient(&mut self, city: &City, person: &Person, still_in: Option<NaiveDate>) {
        let hospitals: Vec<&Facility> = city.facilities.iter().filter(|f| f.inpatient).collect();
        let facility = match still_in {
            Some(_) => hospitals.first().copied(),
            None => self.rng.pick(&hospitals).copied(),
        };
        let Some(facility) = facility else { return };
        let wards: Vec<&Department> =
            facility.departments.iter().filter(|d| d.ward.is_some()).collect();
        let Some(department) = self.rng.pick(&wards).copied() else { return };
        if department.name == "妇产科" && !person.female {
            return;
        }
        let stay = self.rng.between(3, 12);
        let first = still_in.unwrap_or_else(|| days_ago(self.rng.between(stay + 1, 364)));
        let days = match still_in {
            Some(from) => (last_day() - from).num_days() + 1,
            None => stay,
        };
        let begin =
            at(first, self.rng.between(8, 18), self.rng.between(0, 59), self.rng.between(0, 59));
        let end = still_in.is_none().then(|| {
            let last = first.checked_add_signed(TimeDelta::days(days)).unwrap_or(first);
            at(last, 10, self.rng.between(0, 59), 0)
        });
        let mut visit = Visit {
            id: self.visit_id(),
            facility,
            department: Some(department),
            doctor: self.doctor(department),
            person,
            med_type: "21",
            lines: Vec::new(),
        };
        let surgical = matches!(department.name, "普通外科" | "骨科");
        let rehabilitation = department.name == "康复医学科";
        let diagnosis = match department.name {
            "普通外科" => ("K80.200", "胆囊结石"),
            "骨科" => ("S82.100", "胫骨近端骨折"),
            "康复医学科" => ("I63.900", "脑梗死"),
            "呼吸内科" => ("J18.900", "肺炎"),
            _ => self.rng.pick(DIAGNOSES).copied().unwrap_or_default(),
        };
        let drip = self.order(&visit, "X003", begin, end);
        let drug = self.order(&visit, if surgical { "X002" } else { "X011" }, begin, end);
        let therapy = rehabilitation.then(|| self.order(&visit, "S010", begin, end));
        for n in 0..days {
            let date = first.checked_add_signed(TimeDelta::days(n)).unwrap_or(first);
            let when = |hour: i64, minute: i64| at(date, hour, minute, 0).max(begin);
            visit.line("B001", when(23, 50), 1);
            visit.line("C001", when(23, 50), 1);
            let nursing = if surgical && n < 3 { "N001" } else { "N002" };
            visit.line(nursing, when(23, 50), 1);
            self.event(&visit, "nursing", None, nursing, when(20, 0), department);
            visit.ordered("X003", when(9, 10), 2, &drip);
            visit.ordered(if surgical { "X002" } else { "X011" }, when(9, 10), 2, &drug);
            visit.line("N003", when(9, 30), 1);
            visit.line("M001", when(9, 30), 1);
            self.event(&visit, "order_exec", Some(&drip), "N003", when(9, 30), department);
            if let Some(therapy) = &therapy {
                visit.ordered("S010", when(15, 0), 1, therapy);
                self.event(&visit, "treat", Some(therapy), "S010", when(15, 0), department);
                let exercise = when(15, 40).max(when(15, 0) + TimeDelta::minutes(40));
                visit.line("S012", exercise, 1);
                self.event(&visit, "treat", None, "S012", exercise, department);
            }
            if n == 0 || n == days / 2 {
                visit.line("S001", when(8, 0), 1);
                visit.line("S002", when(8, 0), 1);
                self.event(&visit, "lab", None, "S001", when(8, 0), department);
                self.laboratory(&visit, when(8, 0));
            }
            if surgical && n == 1 {
                let (operation, device) = if department.name == "骨科" {
                    ("O003", Some("M004"))
                } else {
                    ("O001", None)
                };
                visit.line(operation, when(10, 0), 1);
                visit.line("O004", when(10, 0), 1);
                if let Some(device) = device {
                    visit.line(device, when(10, 30), 1);
                }
                self.operation(&visit, operation, date);
            }
        }
        // The planted day: one treatment, executed once, billed twice.
        if rehabilitation
            && end.is_some()
            && self.planted.visit.is_empty()
            && facility.code == super::DEMO_HOSPITAL
        {
            let date = first.checked_add_signed(TimeDelta::days(2)).unwrap_or(first);
            visit.line("S010", at(date, 15, 5, 0), 1);
            self.planted = Planted { visit: visit.id.clone(), person: visit.person.psn_no.clone() };
        }
        if let Some(end) = end {
            visit.take_home("X008", end, 2);
            if self.rng.percent(15) {
                let n = visit.lines.iter().position(|l| l.item.id == "X003").unwrap_or(0);
                visit.refund(n, end);
            }
        }
        let bed = self.rng.between(1, 48);
        self.write_visit(&visit, begin, end, diagnosis, Some(bed));
        if end.is_some() {
            self.settle(&visit, begin, end, false);
        } else {
            self.fee_lines(&visit, None, 1);
        }
        if days > 5 && self.rng.percent(5) {
            let date = first.checked_add_signed(TimeDelta::days(3)).unwrap_or(first);
            self.tables.add(
                "leave",
                vec![
                    ("mdtrt_id", visit.id.clone()),
                    ("begntime", time(at(date, 14, 0, 0))),
                    ("endtime", time(at(date, 18, 0, 0))),
                    ("appr_psn_code", visit.doctor.0.clone()),
                ],
            );
        }
    }
}

impl Visit<'_> {
    fn push(
        &mut self,
        id: &str,
        when: NaiveDateTime,
        count: i64,
        order: Option<String>,
        home: bool,
    ) {
        if let Some(item) = find(id) {
            let line = Line { item, at: when, count, order, refund_of: None, take_home: home };
            self.lines.push(line);
        }
    }

    fn line(&mut self, id: &str, when: NaiveDateTime, count: i64) {
        self.push(id, when, count, None, false);
    }

    fn ordered(&mut self, id: &str, when: NaiveDateTime, count: i64, order: &str) {
        self.push(id, when, count, Some(order.to_owned()), false);
    }

    fn take_home(&mut self, id: &str, when: NaiveDateTime, count: i64) {
        self.push(id, when, count, None, true);
    }

    /// A line that takes an earlier one back in full.
    fn refund(&mut self, of: usize, when: NaiveDateTime) {
        if let Some(line) = self.lines.get(of) {
            let (item, count) = (line.item, -line.count);
            let back =
                Line { item, at: when, count, order: None, refund_of: Some(of), take_home: false };
            self.lines.push(back);
        }
    }
}
