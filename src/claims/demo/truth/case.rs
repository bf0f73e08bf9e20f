//! One visit while it is told: lines and records are collected, changed by the story, then written.

use chrono::{Datelike as _, NaiveDate, NaiveDateTime, TimeDelta};

use super::super::items::{Item, code_of, find};
use super::super::out::{Row, at, day, time};
use super::super::people::{certno, invented_name};
use super::{Kind, Told, World};

/// Somebody who is insured.
#[derive(Clone)]
pub(super) struct Person {
    pub(super) psn_no: String,
    pub(super) female: bool,
    /// The register does not say it.
    pub(super) sex_unknown: bool,
    pub(super) birth: NaiveDate,
    pub(super) insutype: &'static str,
    pub(super) tel: String,
    pub(super) employer: String,
    pub(super) died: Option<NaiveDate>,
    pub(super) insured_until: Option<NaiveDate>,
    /// Registered chronic disease.
    pub(super) chronic: bool,
}

/// How a house writes that something goes back.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Signs {
    /// Quantity and amount with a sign.
    #[default]
    Both,
    Quantity,
    Amount,
    /// The amount with a sign, and no quantity.
    NoQuantity,
}

/// How a settlement is cancelled.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Taken {
    /// Not at all.
    #[default]
    Never,
    /// With every line turned round.
    ByLine,
    /// By a settlement without lines.
    Wordless,
}

/// One fee line before it is written.
#[derive(Clone)]
pub(super) struct Fee {
    pub(super) item: &'static Item,
    pub(super) at: NaiveDateTime,
    pub(super) cnt: i64,
    pub(super) cents: i64,
    pub(super) order: String,
    pub(super) rx: String,
    pub(super) refund_of: Option<usize>,
    /// A refund that names no original: the double scan at the till.
    pub(super) nameless: bool,
    pub(super) signs: Signs,
    pub(super) home: bool,
    pub(super) outside: bool,
    pub(super) days: i64,
    pub(super) doctor: Option<String>,
    /// A line of class 丙 that was put among the reimbursable ones.
    pub(super) covered: bool,
    /// The patient paid all of it alone.
    pub(super) own: bool,
    /// Billed without the national code.
    pub(super) uncoded: bool,
}

/// One visit.
pub(super) struct Case {
    pub(super) id: String,
    pub(super) facility: usize,
    pub(super) department: Option<usize>,
    pub(super) left_from: Option<usize>,
    pub(super) doctor: (String, String),
    pub(super) person: Person,
    pub(super) med_type: &'static str,
    pub(super) begin: NaiveDateTime,
    pub(super) end: NaiveDateTime,
    pub(super) dx: (&'static str, &'static str),
    pub(super) more_dx: Vec<(&'static str, &'static str)>,
    pub(super) way: &'static str,
    pub(super) by_group: bool,
    /// Code and payment standard of its group.
    pub(super) group: (&'static str, &'static str),
    /// What went over the counter instead.
    pub(super) goods: Option<&'static str>,
    pub(super) lines: Vec<Fee>,
    pub(super) rows: Vec<(&'static str, Row)>,
    /// Operations; they hang on the settlement.
    pub(super) operations: Vec<(&'static str, &'static str, NaiveDateTime)>,
    pub(super) settled: NaiveDateTime,
    /// How the whole settlement is cancelled.
    pub(super) taken: Taken,
    /// After that, it is billed anew.
    pub(super) again: bool,
    /// Sold by the piece from an opened box.
    pub(super) split: bool,
    /// Paid from the person's own account: nothing by the fund.
    pub(super) own_account: bool,
    /// The house waives what the patient would have to pay.
    pub(super) waived: bool,
    /// What the patient has to pay is taken from the person's account, nothing in cash.
    pub(super) from_account: bool,
    /// Sold past the scanner.
    pub(super) unscanned: bool,
    /// The trace codes stand on the sale and were not uploaded.
    pub(super) untold: bool,
    /// Trace codes of the boxes, by line; made up where a line of a pharmacy has none.
    pub(super) boxes: Vec<(usize, String)>,
}

/// What is left of a visit once it is written.
pub(super) struct Closed {
    pub(super) id: String,
    pub(super) facility: String,
    pub(super) person: String,
    pub(super) serials: Vec<String>,
    pub(super) cents: Vec<i64>,
}

impl Closed {
    pub(super) fn sum(&self, lines: &[usize]) -> i64 {
        lines.iter().filter_map(|n| self.cents.get(*n)).sum()
    }

    pub(super) fn all(&self) -> Vec<usize> {
        (0..self.serials.len()).collect()
    }

    /// A row of truth about some lines.
    pub(super) fn told(&self, lines: &[usize], cents: i64) -> Told {
        Told {
            visit: self.id.clone(),
            lines: lines.iter().filter_map(|n| self.serials.get(*n)).cloned().collect(),
            cents,
            facility: self.facility.clone(),
            person: self.person.clone(),
            ..Told::default()
        }
    }
}

impl World {
    /// Somebody new of an age; `female` if the story needs it.
    pub(super) fn person(&mut self, ages: (i64, i64), female: Option<bool>) -> Person {
        self.numbers.person += 1;
        let n = self.numbers.person;
        let age = self.rng.between(ages.0, ages.1);
        let part = |n: i64| u32::try_from(n).unwrap_or(1);
        let year = i32::try_from(2025 - age).unwrap_or(1980);
        let (month, of_month) = (self.rng.between(1, 10), self.rng.between(1, 28));
        let birth = NaiveDate::from_ymd_opt(year, part(month), part(of_month)).unwrap_or_default();
        let female = female.unwrap_or_else(|| self.rng.percent(51));
        let employed = (22..60).contains(&age) && self.rng.percent(45);
        Person {
            psn_no: format!("9901{:016}", 1_000_000 + n * 37),
            female,
            sex_unknown: false,
            birth,
            insutype: if employed { "310" } else { "390" },
            tel: format!("199{n:08}"),
            employer: if employed { format!("EMP{:06}", n / 40) } else { String::new() },
            died: None,
            insured_until: None,
            chronic: false,
        }
    }

    /// Writes a person, once the story knows what became of them.
    pub(super) fn enrol(&mut self, p: &Person) {
        let n = self.numbers.person;
        let name = invented_name(&mut self.rng);
        let name = self.one_name.clone().unwrap_or(name);
        let gend = match p.female {
            _ if p.sex_unknown => "9",
            true => "2",
            false => "1",
        };
        let kind = if p.insutype == "310" { "1101" } else { "1501" };
        self.tables.add(
            "psn",
            vec![
                ("psn_no", p.psn_no.clone()),
                ("psn_name", name),
                ("psn_cert_type", "01".to_owned()),
                ("certno", certno(p.birth, (n % 499) * 2 + i64::from(!p.female))),
                ("gend", gend.to_owned()),
                ("brdy", day(p.birth)),
                ("tel", p.tel.clone()),
                ("addr", format!("示例市示例街道{n}号")),
                ("insutype", p.insutype.to_owned()),
                ("psn_type", kind.to_owned()),
                ("insu_admdvs", "990101".to_owned()),
                ("emp_no", p.employer.clone()),
                ("emp_name", if p.employer.is_empty() { "" } else { "示例单位" }.to_owned()),
                ("die_date", p.died.map_or_else(String::new, day)),
            ],
        );
        self.tables.add(
            "insu",
            vec![
                ("psn_no", p.psn_no.clone()),
                ("insutype", p.insutype.to_owned()),
                ("psn_type", kind.to_owned()),
                ("insu_admdvs", "990101".to_owned()),
                ("begndate", format!("{}-01-01", p.birth.year().max(2015))),
                ("enddate", p.insured_until.map_or_else(String::new, day)),
                ("insu_stas", "1".to_owned()),
            ],
        );
        if p.chronic {
            self.tables.add(
                "opsp_reg",
                vec![
                    ("psn_no", p.psn_no.clone()),
                    ("dise_codg", "M03900".to_owned()),
                    ("dise_name", "高血压".to_owned()),
                    ("begndate", "2024-01-01".to_owned()),
                    ("enddate", String::new()),
                ],
            );
        }
    }

    /// Opens a visit that as yet has nothing in it.
    pub(super) fn open(
        &mut self,
        (facility, department): (usize, Option<usize>),
        person: &Person,
        med_type: &'static str,
        (begin, end): (NaiveDateTime, NaiveDateTime),
        dx: (&'static str, &'static str),
    ) -> Case {
        let person = self.whose(person);
        self.numbers.visit += 1;
        let own = self.city.facilities.get(facility);
        let own = own.and_then(|f| f.departments.get(department?));
        let doctors = own.map_or_else(Vec::new, |d| d.doctors.clone());
        let doctor = self.rng.pick(&doctors).cloned().unwrap_or_default();
        Case {
            id: format!("990101G{:013}", 20_260_000 + self.numbers.visit),
            facility,
            department,
            left_from: None,
            doctor,
            person,
            med_type,
            begin,
            end,
            dx,
            more_dx: Vec::new(),
            way: "1",
            by_group: false,
            group: ("GZ19", "9800.00"),
            goods: None,
            lines: Vec::new(),
            rows: Vec::new(),
            operations: Vec::new(),
            settled: end + TimeDelta::minutes(30),
            taken: Taken::Never,
            again: false,
            split: false,
            own_account: false,
            waived: false,
            from_account: false,
            unscanned: false,
            untold: false,
            boxes: Vec::new(),
        }
    }

    pub(super) fn nurse(&mut self, case: &Case) -> String {
        let own = self.city.facilities.get(case.facility);
        let own = own.and_then(|f| f.departments.get(case.department?));
        let nurses = own.map_or_else(Vec::new, |d| d.nurses.clone());
        self.rng.pick(&nurses).cloned().unwrap_or_default().0
    }

    pub(super) fn record(&mut self) -> i64 {
        self.numbers.record += 1;
        self.numbers.record
    }

    /// An order for so many pieces (0: a standing order that names no quantity); its number.
    pub(super) fn order(
        &mut self,
        case: &mut Case,
        item: &str,
        begin: NaiveDateTime,
        cnt: i64,
    ) -> String {
        let number = format!("YZ{:010}", self.record());
        let what = find(item);
        let row: Row = vec![
            ("mdtrt_id", case.id.clone()),
            ("drord_no", number.clone()),
            ("drord_type", if cnt == 0 { "1" } else { "2" }.to_owned()),
            ("drord_item_type", what.map_or("", |i| i.list_type).to_owned()),
            ("drord_detl_code", code_of(item)),
            ("drord_detl_name", what.map_or("", |i| i.name).to_owned()),
            ("medn_use_frqu", "qd".to_owned()),
            ("drug_used_sdose", "1".to_owned()),
            ("medc_days", String::new()),
            ("dismed_cnt", if cnt == 0 { String::new() } else { cnt.to_string() }),
            ("medc_begntime", time(begin)),
            ("drord_endtime", time(case.end)),
            ("drord_isu_no", time(begin)),
            ("isu_dept_code", String::new()),
            ("vali_flag", "1".to_owned()),
        ];
        case.rows.push(("drord", row));
        number
    }

    /// Something done from `begin` on for some minutes by somebody.
    pub(super) fn event(
        &mut self,
        case: &mut Case,
        kind: &str,
        item: &str,
        (begin, minutes): (NaiveDateTime, i64),
        who: String,
        cnt: i64,
    ) {
        let number = format!("EV{:010}", self.record());
        let row: Row = vec![
            ("mdtrt_id", case.id.clone()),
            ("evt_no", number),
            ("evt_type", kind.to_owned()),
            ("drord_no", String::new()),
            ("item_code", code_of(item)),
            ("item_name", find(item).map_or("", |i| i.name).to_owned()),
            ("begntime", time(begin)),
            ("endtime", time(begin + TimeDelta::minutes(minutes))),
            ("exec_psn_code", who),
            ("cnt", cnt.to_string()),
            ("result_hash", String::new()),
        ];
        case.rows.push(("exec", row));
    }

    /// A laboratory report: taken at one time, reported at another.
    pub(super) fn lab(&mut self, case: &mut Case, item: &str, taken: NaiveDateTime, hours: i64) {
        let number = format!("LIS{:09}", self.record());
        let value = format!("{}.{}", self.rng.between(3, 12), self.rng.below(10));
        let row: Row = vec![
            ("mdtrt_id", case.id.clone()),
            ("psn_no", case.person.psn_no.clone()),
            ("rpotc_no", number),
            ("exam_item_code", code_of(item)),
            ("exam_item_name", find(item).map_or("", |i| i.name).to_owned()),
            ("exam_item_detl_code", "R1".to_owned()),
            ("exam_item_detl_name", "结果".to_owned()),
            ("exam_rslt_val", value),
            ("exam_unt", "mmol/L".to_owned()),
            ("ref_val", "3.9-6.1".to_owned()),
            ("sapl_date", time(taken)),
            ("rpt_date", time(taken + TimeDelta::hours(hours))),
            ("vali_flag", "1".to_owned()),
        ];
        case.rows.push(("lab", row));
    }

    /// A report of an examination done at a time.
    pub(super) fn exam(&mut self, case: &mut Case, item: &'static str, done: NaiveDateTime) {
        let number = format!("PACS{:09}", self.record());
        let row: Row = vec![
            ("mdtrt_id", case.id.clone()),
            ("psn_no", case.person.psn_no.clone()),
            ("rpotc_no", number),
            ("exam_item_code", code_of(item)),
            ("exam_item_name", find(item).map_or("", |i| i.name).to_owned()),
            ("exam_ccls", "未见明显异常".to_owned()),
            ("exam_date", time(done)),
            ("rpt_date", time(done + TimeDelta::hours(2))),
            ("vali_flag", "1".to_owned()),
        ];
        case.rows.push(("exam", row));
    }

    /// A machine counted so many uses.
    pub(super) fn used(&mut self, case: &Case, item: &'static str, when: NaiveDateTime, cnt: i64) {
        let ago = (days_ago_zero() - when.date()).num_days();
        *self.uses.entry((case.facility, item, ago)).or_default() += cnt;
    }

    pub(super) fn vital(&mut self, case: &mut Case, when: NaiveDateTime) {
        let number = self.record();
        let row: Row = vec![
            ("mdtrt_id", case.id.clone()),
            ("rcd_time", time(when)),
            ("nurscare_obsv_item_name", "体温".to_owned()),
            ("nurscare_obsv_rslt", format!("36.{}", number % 10)),
        ];
        case.rows.push(("vital", row));
    }

    pub(super) fn note(&mut self, case: &mut Case, when: NaiveDateTime, text: String) {
        let number = format!("BC{:09}", self.record());
        let row: Row = vec![
            ("mdtrt_id", case.id.clone()),
            ("note_no", number),
            ("note_time", time(when)),
            ("note_type", "病程记录".to_owned()),
            ("psn_code", case.doctor.0.clone()),
            ("text", text),
        ];
        case.rows.push(("note", row));
    }

    /// An operation with record and anaesthesia, at an hour at which the surgeon does no other.
    pub(super) fn operate(
        &mut self,
        case: &mut Case,
        (item, code, name): (&'static str, &'static str, &'static str),
        date: NaiveDate,
    ) -> NaiveDateTime {
        let surgeon = case.doctor.0.clone();
        let taken = |hour: i64| (surgeon.clone(), at(date, hour, 0, 0));
        let hour = (8..24).chain(0..8).find(|h| !self.theatre.contains(&taken(*h))).unwrap_or(20);
        self.theatre.insert(taken(hour));
        let begin = at(date, hour, 0, 0);
        self.event(case, "oprn", item, (begin, 50), surgeon, 1);
        self.event(case, "anst", "O004", (begin, 55), String::new(), 1);
        case.operations.push((code, name, begin));
        begin
    }
}

fn days_ago_zero() -> NaiveDate {
    super::super::out::last_day()
}

impl Case {
    pub(super) fn is_stay(&self) -> bool {
        matches!(self.med_type.get(..1), Some("2" | "5")) && self.med_type != "28"
    }

    /// Bills an item at its price; its number in the visit.
    pub(super) fn bill(&mut self, item: &str, at: NaiveDateTime, cnt: i64) -> usize {
        if let Some(item) = find(item) {
            self.lines.push(Fee {
                item,
                at,
                cnt,
                cents: price(item, at),
                order: String::new(),
                rx: String::new(),
                refund_of: None,
                nameless: false,
                signs: Signs::Both,
                home: false,
                outside: false,
                days: 0,
                doctor: None,
                covered: false,
                own: false,
                uncoded: false,
            });
        }
        self.lines.len().saturating_sub(1)
    }

    /// Bills what an order says.
    pub(super) fn bill_order(
        &mut self,
        item: &str,
        at: NaiveDateTime,
        cnt: i64,
        order: &str,
    ) -> usize {
        let n = self.bill(item, at, cnt);
        self.change(n, |l| order.clone_into(&mut l.order));
        n
    }

    /// Bills a drug of a prescription that lasts some days.
    pub(super) fn bill_rx(&mut self, item: &str, at: NaiveDateTime, cnt: i64, days: i64) -> usize {
        let rx = format!("CF{}", self.id.get(11..).unwrap_or_default());
        let n = self.bill(item, at, cnt);
        self.change(n, |l| (l.rx, l.days) = (rx, days));
        n
    }

    pub(super) fn change(&mut self, n: usize, with: impl FnOnce(&mut Fee)) {
        if let Some(line) = self.lines.get_mut(n) {
            with(line);
        }
    }

    /// Takes pieces of an earlier line back.
    pub(super) fn refund(
        &mut self,
        of: usize,
        at: NaiveDateTime,
        cnt: i64,
        nameless: bool,
    ) -> usize {
        if let Some(line) = self.lines.get(of) {
            let back = Fee { at, cnt: -cnt, refund_of: Some(of), nameless, ..line.clone() };
            self.lines.push(back);
        }
        self.lines.len().saturating_sub(1)
    }

    /// Numbers of the lines that bill an item.
    pub(super) fn of(&self, item: &str) -> Vec<usize> {
        let all = self.lines.iter().enumerate();
        all.filter(|(_, l)| l.item.id == item).map(|(n, _)| n).collect()
    }

    /// Takes out records of a kind.
    pub(super) fn forget(&mut self, file: &str, unless: impl Fn(&Row) -> bool) {
        self.rows.retain(|(f, row)| *f != file || unless(row));
    }
}

/// The price of the day: ultrasound became cheaper in June.
fn price(item: &Item, at: NaiveDateTime) -> i64 {
    let june = NaiveDate::from_ymd_opt(2026, 6, 1).unwrap_or_default();
    if item.id == "S004" && at.date() >= june { 9_900 } else { item.cents }
}

/// A cell of a row.
pub(super) fn cell<'a>(row: &'a Row, name: &str) -> &'a str {
    row.iter().find(|(n, _)| *n == name).map_or("", |(_, v)| v)
}

/// Kind of a near miss or a trap that costs nothing.
pub(super) fn nothing(w: &mut World, kind: Kind, rule: &str, closed: &Closed) {
    w.truth(kind, rule, closed.told(&[], 0));
}
