//! Visits as stories: who came, what was ordered, done, billed and settled.

use chrono::{NaiveDate, NaiveDateTime, TimeDelta};

use super::city::{City, Department, Facility};
use super::items::{Item, code_of, find};
use super::out::{Rng, Tables, at, day, days_ago, last_day, time, yuan};
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
struct Numbers {
    visit: i64,
    settlement: i64,
    record: i64,
    trace: i64,
}

/// One fee line before it is written.
struct Line {
    item: &'static Item,
    at: NaiveDateTime,
    count: i64,
    order: Option<String>,
    refund_of: Option<usize>,
    take_home: bool,
}

struct Visit<'a> {
    id: String,
    facility: &'a Facility,
    department: Option<&'a Department>,
    doctor: (String, String),
    person: &'a Person,
    med_type: &'static str,
    lines: Vec<Line>,
}

struct Maker<'a> {
    tables: &'a mut Tables,
    rng: &'a mut Rng,
    numbers: Numbers,
    planted: Planted,
}

pub(super) fn build(
    tables: &mut Tables,
    rng: &mut Rng,
    city: &City,
    persons: &[Person],
) -> Planted {
    let mut maker = Maker { tables, rng, numbers: Numbers::default(), planted: Planted::default() };
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
                visit.line("S012", when(15, 40), 1);
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
                self.event(&visit, "oprn", None, operation, when(10, 0), department);
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

    fn order(
        &mut self,
        visit: &Visit<'_>,
        item: &str,
        begin: NaiveDateTime,
        end: Option<NaiveDateTime>,
    ) -> String {
        self.numbers.record += 1;
        let number = format!("YZ{:010}", self.numbers.record);
        let item = find(item);
        self.tables.add(
            "drord",
            vec![
                ("mdtrt_id", visit.id.clone()),
                ("drord_no", number.clone()),
                ("drord_type", "1".to_owned()),
                ("drord_item_type", item.map_or("", |i| i.list_type).to_owned()),
                ("drord_detl_code", item.map_or_else(String::new, |i| code_of(i.id))),
                ("drord_detl_name", item.map_or("", |i| i.name).to_owned()),
                ("medn_use_frqu", "qd".to_owned()),
                ("drug_used_sdose", "1".to_owned()),
                ("medc_days", String::new()),
                ("dismed_cnt", String::new()),
                ("medc_begntime", time(begin)),
                ("drord_endtime", end.map_or_else(String::new, time)),
                ("drord_isu_no", time(begin)),
                ("isu_dept_code", visit.department.map_or_else(String::new, |d| d.code.clone())),
                ("vali_flag", "1".to_owned()),
            ],
        );
        number
    }

    fn event(
        &mut self,
        visit: &Visit<'_>,
        kind: &str,
        order: Option<&str>,
        item: &str,
        begin: NaiveDateTime,
        department: &Department,
    ) {
        self.numbers.record += 1;
        let nurse = self.rng.pick(&department.nurses).cloned().unwrap_or_default();
        let end = begin.checked_add_signed(TimeDelta::minutes(20)).unwrap_or(begin);
        self.tables.add(
            "exec",
            vec![
                ("mdtrt_id", visit.id.clone()),
                ("evt_no", format!("EV{:010}", self.numbers.record)),
                ("evt_type", kind.to_owned()),
                ("drord_no", order.unwrap_or_default().to_owned()),
                ("item_code", code_of(item)),
                ("item_name", find(item).map_or("", |i| i.name).to_owned()),
                ("begntime", time(begin)),
                ("endtime", time(end)),
                ("exec_psn_code", nurse.0),
                ("cnt", "1".to_owned()),
                ("result_hash", String::new()),
            ],
        );
    }

    fn laboratory(&mut self, visit: &Visit<'_>, when: NaiveDateTime) {
        self.numbers.record += 1;
        let value = format!("{}.{}", self.rng.between(3, 12), self.rng.below(10));
        self.tables.add(
            "lab",
            vec![
                ("mdtrt_id", visit.id.clone()),
                ("psn_no", visit.person.psn_no.clone()),
                ("rpotc_no", format!("LIS{:09}", self.numbers.record)),
                ("exam_item_code", code_of("S001")),
                ("exam_item_name", "血常规检查".to_owned()),
                ("exam_item_detl_code", "WBC".to_owned()),
                ("exam_item_detl_name", "白细胞计数".to_owned()),
                ("exam_rslt_val", value),
                ("exam_unt", "10^9/L".to_owned()),
                ("ref_val", "3.5-9.5".to_owned()),
                ("rpt_date", time(when)),
                ("vali_flag", "1".to_owned()),
            ],
        );
    }

    fn write_visit(
        &mut self,
        visit: &Visit<'_>,
        begin: NaiveDateTime,
        end: Option<NaiveDateTime>,
        diagnosis: (&str, &str),
        bed: Option<i64>,
    ) {
        let department = visit.department;
        let code = department.map_or_else(String::new, |d| d.code.clone());
        let name = department.map_or("", |d| d.name).to_owned();
        let ward = department.and_then(|d| d.ward).filter(|_| bed.is_some());
        let inpatient = bed.is_some();
        let number = visit.id.get(12..).unwrap_or_default();
        self.tables.add(
            "mdtrt_d",
            vec![
                ("mdtrt_id", visit.id.clone()),
                ("psn_no", visit.person.psn_no.clone()),
                ("fixmedins_code", visit.facility.code.to_owned()),
                ("med_type", visit.med_type.to_owned()),
                ("insutype", visit.person.insutype.to_owned()),
                ("begntime", time(begin)),
                ("endtime", end.map_or_else(String::new, time)),
                ("adm_dept_codg", code.clone()),
                ("adm_dept_name", name),
                ("dscg_dept_codg", if end.is_some() { code } else { String::new() }),
                ("wardarea_bed", ward.unwrap_or_default().to_owned()),
                ("adm_bed", bed.map_or_else(String::new, |b| format!("{b:02}床"))),
                ("chfpdr_code", visit.doctor.0.clone()),
                ("chfpdr_name", visit.doctor.1.clone()),
                ("dscg_maindiag_code", diagnosis.0.to_owned()),
                ("dscg_maindiag_name", diagnosis.1.to_owned()),
                ("dscg_way", if inpatient && end.is_some() { "1" } else { "" }.to_owned()),
                ("inhosp_stas", if inpatient && end.is_none() { "1" } else { "0" }.to_owned()),
                ("ipt_otp_no", format!("{}{number}", if inpatient { "ZY" } else { "MZ" })),
                ("medrcdno", if inpatient { format!("BA{number}") } else { String::new() }),
                ("vali_flag", "1".to_owned()),
            ],
        );
        if !diagnosis.0.is_empty() {
            let sides: &[&str] = if inpatient { &["1", "2"] } else { &["1"] };
            for side in sides {
                self.tables.add(
                    "diag",
                    vec![
                        ("mdtrt_id", visit.id.clone()),
                        ("inout_diag_type", (*side).to_owned()),
                        ("diag_type", "1".to_owned()),
                        ("maindiag_flag", "1".to_owned()),
                        ("diag_srt_no", "1".to_owned()),
                        ("diag_code", diagnosis.0.to_owned()),
                        ("diag_name", diagnosis.1.to_owned()),
                    ],
                );
            }
        }
    }

    fn settlement_id(&mut self) -> String {
        self.numbers.settlement += 1;
        format!("990101S{:013}", 50_260_000 + self.numbers.settlement)
    }

    /// Settles a visit; `refunded` cancels it afterwards by a mirror-image settlement.
    fn settle(
        &mut self,
        visit: &Visit<'_>,
        begin: NaiveDateTime,
        end: Option<NaiveDateTime>,
        refunded: bool,
    ) -> String {
        let id = self.settlement_id();
        let totals = self.fee_lines(visit, Some(&id), 1);
        let when = end.unwrap_or(begin).checked_add_signed(TimeDelta::minutes(30)).unwrap_or(begin);
        self.write_settlement(visit, &id, None, totals, begin, end, when);
        if visit.med_type == "21" {
            self.tables.add(
                "grp",
                vec![
                    ("setl_id", id.clone()),
                    ("mdtrt_id", visit.id.clone()),
                    ("pay_way", "item".to_owned()),
                    ("grp_code", String::new()),
                    ("grp_name", String::new()),
                    ("weight_or_score", String::new()),
                    ("rate_or_point_value", String::new()),
                    ("pay_std_amt", String::new()),
                ],
            );
        }
        if refunded {
            let back = self.settlement_id();
            let totals = self.fee_lines(visit, Some(&back), -1);
            let when = when.checked_add_signed(TimeDelta::days(1)).unwrap_or(when);
            self.write_settlement(visit, &back, Some(&id), totals, begin, end, when);
        }
        id
    }

    #[allow(clippy::too_many_arguments, reason = "one row of one file")]
    fn write_settlement(
        &mut self,
        visit: &Visit<'_>,
        id: &str,
        back_of: Option<&str>,
        (total, covered): (i64, i64),
        begin: NaiveDateTime,
        end: Option<NaiveDateTime>,
        when: NaiveDateTime,
    ) {
        let fund = covered * visit.facility.rate / 100;
        let own = total - fund;
        let from_account =
            if visit.person.psn_type.starts_with('1') && visit.person.insutype == "310" {
                own / 2
            } else {
                0
            };
        let big = if fund > 300_000 { fund / 10 } else { 0 };
        self.tables.add(
            "setl_d",
            vec![
                ("setl_id", id.to_owned()),
                ("mdtrt_id", visit.id.clone()),
                ("psn_no", visit.person.psn_no.clone()),
                ("fixmedins_code", visit.facility.code.to_owned()),
                ("med_type", visit.med_type.to_owned()),
                ("insutype", visit.person.insutype.to_owned()),
                ("begndate", day(begin.date())),
                ("enddate", end.map_or_else(String::new, |e| day(e.date()))),
                ("setl_time", time(when)),
                ("clr_way", "01".to_owned()),
                ("medfee_sumamt", yuan(total)),
                ("inscp_amt", yuan(covered)),
                ("fund_pay_sumamt", yuan(fund)),
                ("hifp_pay", yuan(fund - big)),
                ("hifmi_pay", yuan(if visit.person.insutype == "390" { big } else { 0 })),
                ("hifob_pay", yuan(if visit.person.insutype == "310" { big } else { 0 })),
                ("maf_pay", yuan(0)),
                ("acct_pay", yuan(from_account)),
                ("acct_mulaid_pay", yuan(0)),
                ("psn_pay", yuan(own)),
                ("cash_payamt", yuan(own - from_account)),
                ("insu_admdvs", "990101".to_owned()),
                ("refd_setl_flag", if back_of.is_some() { "1" } else { "0" }.to_owned()),
                ("init_setl_id", back_of.unwrap_or_default().to_owned()),
                ("dise_no", if visit.med_type == "14" { "M03900" } else { "" }.to_owned()),
                ("vali_flag", "1".to_owned()),
            ],
        );
    }

    /// Writes the lines; returns total and reimbursable cents. `sign` −1 writes the lines of a refund.
    fn fee_lines(&mut self, visit: &Visit<'_>, settlement: Option<&str>, sign: i64) -> (i64, i64) {
        let (mut total, mut covered) = (0, 0);
        let serial =
            |n: usize, sign: i64| format!("{}{:05}", if sign < 0 { "R" } else { "F" }, n + 1);
        for (n, line) in visit.lines.iter().enumerate() {
            let count = line.count * sign;
            let amount = count * line.item.cents;
            // Class 丙 is paid by the patient, 乙 by a tenth.
            let ownpay = if line.item.level == "03" { amount } else { 0 };
            let before = if line.item.level == "02" { amount / 10 } else { 0 };
            let inscp = amount - ownpay - before;
            total += amount;
            covered += inscp;
            let original = match (sign, line.refund_of) {
                (-1, _) => serial(n, 1),
                (_, Some(of)) => serial(of, 1),
                _ => String::new(),
            };
            let department = visit.department;
            let drug = line.item.list_type.starts_with('1');
            self.tables.add(
                "fee_list_d",
                vec![
                    ("bkkp_sn", serial(n, sign)),
                    ("init_feedetl_sn", original),
                    ("mdtrt_id", visit.id.clone()),
                    ("setl_id", settlement.unwrap_or_default().to_owned()),
                    ("psn_no", visit.person.psn_no.clone()),
                    ("fixmedins_code", visit.facility.code.to_owned()),
                    ("fee_ocur_time", time(line.at)),
                    ("med_type", visit.med_type.to_owned()),
                    ("med_list_codg", code_of(line.item.id)),
                    ("hilist_name", line.item.name.to_owned()),
                    ("medins_list_codg", format!("YN{}", line.item.id)),
                    ("medins_list_name", line.item.name.to_owned()),
                    ("list_type", line.item.list_type.to_owned()),
                    ("med_chrgitm_type", line.item.charge.to_owned()),
                    ("chrgitm_lv", line.item.level.to_owned()),
                    ("cnt", count.to_string()),
                    ("pric", yuan(line.item.cents)),
                    ("det_item_fee_sumamt", yuan(amount)),
                    ("inscp_amt", yuan(inscp)),
                    ("fulamt_ownpay_amt", yuan(ownpay)),
                    ("overlmt_selfpay", yuan(0)),
                    ("preselfpay_amt", yuan(before)),
                    ("bilg_dept_codg", department.map_or_else(String::new, |d| d.code.clone())),
                    ("bilg_dept_name", department.map_or("", |d| d.name).to_owned()),
                    ("bilg_dr_code", visit.doctor.0.clone()),
                    ("bilg_dr_name", visit.doctor.1.clone()),
                    ("acord_dept_codg", department.map_or_else(String::new, |d| d.code.clone())),
                    ("acord_dr_code", visit.doctor.0.clone()),
                    ("rx_drord_no", line.order.clone().unwrap_or_default()),
                    ("drord_no", line.order.clone().unwrap_or_default()),
                    ("prd_days", if drug { "7".to_owned() } else { String::new() }),
                    ("sin_dos_dscr", if drug { "1片" } else { "" }.to_owned()),
                    ("used_frqu_dscr", if drug { "qd" } else { "" }.to_owned()),
                    ("dscg_tkdrug_flag", if line.take_home { "1" } else { "0" }.to_owned()),
                    ("etip_flag", "0".to_owned()),
                    ("rx_circ_flag", "0".to_owned()),
                    ("dise_codg", if visit.med_type == "14" { "M03900" } else { "" }.to_owned()),
                    ("chrg_bchno", String::new()),
                    ("comb_no", String::new()),
                    ("vali_flag", "1".to_owned()),
                ],
            );
        }
        (total, covered)
    }

    /// What the pharmacy sold, box by box with trace codes.
    fn sales(&mut self, visit: &Visit<'_>, settlement: &str, when: NaiveDateTime) {
        for line in &visit.lines {
            let mut codes = Vec::new();
            for _ in 0..line.count {
                self.numbers.trace += 1;
                let code = format!("8{:019}", 990_000_000 + self.numbers.trace);
                self.tables.add(
                    "trace",
                    vec![
                        ("drug_trac_codg", code.clone()),
                        ("fixmedins_code", visit.facility.code.to_owned()),
                        ("setl_id", settlement.to_owned()),
                        ("mdtrt_id", visit.id.clone()),
                        ("psn_no", visit.person.psn_no.clone()),
                        ("med_list_codg", code_of(line.item.id)),
                        ("setl_time", time(when)),
                        ("refd_flag", "0".to_owned()),
                    ],
                );
                codes.push(code);
            }
            self.numbers.record += 1;
            self.tables.add(
                "inv_sale",
                vec![
                    ("fixmedins_code", visit.facility.code.to_owned()),
                    ("fixmedins_bchno", format!("PC{}2026", line.item.id)),
                    ("med_list_codg", code_of(line.item.id)),
                    ("fixmedins_hilist_id", format!("YN{}", line.item.id)),
                    ("fixmedins_hilist_name", line.item.name.to_owned()),
                    ("setl_id", settlement.to_owned()),
                    ("psn_no", visit.person.psn_no.clone()),
                    ("manu_lotnum", "LOT2026".to_owned()),
                    ("manu_date", "2025-06-01".to_owned()),
                    ("expy_end", "2028-05-31".to_owned()),
                    ("rx_flag", "0".to_owned()),
                    ("trdn_flag", "0".to_owned()),
                    ("finl_trns_pric", yuan(line.item.cents)),
                    ("rtal_docno", format!("XS{:09}", self.numbers.record)),
                    ("sel_retn_cnt", line.count.to_string()),
                    ("sel_retn_time", time(when)),
                    ("drug_trac_codg", codes.join(",")),
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
