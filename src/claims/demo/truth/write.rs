//! A visit as rows: what the story left is written, and nothing of it is kept.

use std::fmt::Write as _;

use chrono::{NaiveDateTime, TimeDelta};

use super::super::items::code_of;
use super::super::out::{Row, day, time, yuan};
use super::World;
use super::case::{Case, Closed, Signs, Taken, cell};

const FEE: &[&str] = &[
    "bkkp_sn",
    "init_feedetl_sn",
    "mdtrt_id",
    "setl_id",
    "psn_no",
    "fixmedins_code",
    "fee_ocur_time",
    "med_type",
    "med_list_codg",
    "hilist_name",
    "medins_list_codg",
    "medins_list_name",
    "list_type",
    "med_chrgitm_type",
    "chrgitm_lv",
    "cnt",
    "pric",
    "det_item_fee_sumamt",
    "inscp_amt",
    "fulamt_ownpay_amt",
    "overlmt_selfpay",
    "preselfpay_amt",
    "bilg_dept_codg",
    "bilg_dept_name",
    "bilg_dr_code",
    "bilg_dr_name",
    "acord_dept_codg",
    "acord_dr_code",
    "rx_drord_no",
    "drord_no",
    "prd_days",
    "sin_dos_dscr",
    "used_frqu_dscr",
    "dscg_tkdrug_flag",
    "etip_flag",
    "rx_circ_flag",
    "dise_codg",
    "chrg_bchno",
    "comb_no",
    "vali_flag",
];

/// Which of the settlements of a visit lines are written for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Round {
    First,
    /// Every line turned round.
    Back,
    /// Billed anew.
    Again,
}

impl World {
    /// Writes a visit; what stories want to know of it comes back.
    pub(super) fn close(&mut self, mut case: Case) -> Closed {
        self.undo(&mut case);
        self.numbers.settlement += 1;
        let settlement = format!("990101S{:013}", 50_260_000 + self.numbers.settlement);
        let rows = std::mem::take(&mut case.rows);
        self.write_visit(&case);
        for (file, row) in rows {
            if file == "exam" {
                self.count_use(&case, &row);
            }
            self.tables.add(file, row);
        }
        let (total, covered) = self.write_lines(&case, &settlement, Round::First);
        self.write_settlement(&case, &settlement, "", (total, covered), case.settled);
        self.write_group(&case, &settlement);
        for (n, (code, name, when)) in case.operations.iter().enumerate() {
            self.tables.add(
                "oprn",
                vec![
                    ("setl_id", settlement.clone()),
                    ("oprn_srt_no", (n + 1).to_string()),
                    ("oprn_oprt_type", if n == 0 { "1" } else { "2" }.to_owned()),
                    ("oprn_oprt_name", (*name).to_owned()),
                    ("oprn_oprt_code", (*code).to_owned()),
                    ("oprn_oprt_date", time(*when)),
                    ("oper_dr_code", case.doctor.0.clone()),
                ],
            );
        }
        if case.taken != Taken::Never {
            self.numbers.settlement += 1;
            let back = format!("990101S{:013}", 50_260_000 + self.numbers.settlement);
            let totals = match case.taken {
                Taken::ByLine => self.write_lines(&case, &back, Round::Back),
                _ => (-total, -covered),
            };
            let when = case.settled + TimeDelta::minutes(25);
            self.write_settlement(&case, &back, &settlement, totals, when);
        }
        if case.again {
            self.numbers.settlement += 1;
            let anew = format!("990101S{:013}", 50_260_000 + self.numbers.settlement);
            let totals = self.write_lines(&case, &anew, Round::Again);
            let when = case.settled + TimeDelta::minutes(40);
            self.write_settlement(&case, &anew, "", totals, when);
            self.write_group(&case, &anew);
        }
        let serials = (0..case.lines.len()).map(|n| serial(&case, n, Round::First)).collect();
        let cents = case.lines.iter().map(|l| l.cnt * l.cents).collect();
        let pharmacy = self.facility(&case).1;
        if pharmacy {
            self.write_sales(&case, &settlement);
        }
        Closed {
            id: case.id,
            facility: self.city.facilities.get(case.facility).map_or("", |f| f.code).to_owned(),
            person: case.person.psn_no,
            serials,
            cents,
        }
    }

    /// Machines count what was examined, told or not by the bill.
    fn count_use(&mut self, case: &Case, row: &Row) {
        let code = cell(row, "exam_item_code");
        let item = ["S003", "S004"].into_iter().find(|i| code_of(i) == code);
        let when = NaiveDateTime::parse_from_str(cell(row, "exam_date"), "%Y-%m-%d %H:%M:%S");
        if let (Some(item), Ok(when)) = (item, when) {
            self.used(case, item, when, 1);
        }
    }

    fn facility(&self, case: &Case) -> (&'static str, bool, i64) {
        let own = self.city.facilities.get(case.facility);
        own.map_or(("", false, 0), |f| (f.code, f.pharmacy, f.rate))
    }

    fn department(&self, case: &Case, at: Option<usize>) -> (String, &'static str, &'static str) {
        let own = self.city.facilities.get(case.facility);
        let own = own.and_then(|f| f.departments.get(at?));
        own.map_or((String::new(), "", ""), |d| (d.code.clone(), d.name, d.ward.unwrap_or("")))
    }

    fn write_visit(&mut self, case: &Case) {
        let (code, name, ward) = self.department(case, case.department);
        let inpatient = case.is_stay();
        let left = match case.left_from {
            Some(at) => self.department(case, Some(at)).0,
            None => code.clone(),
        };
        let number = case.id.get(12..).unwrap_or_default().to_owned();
        let (facility, _, _) = self.facility(case);
        let word = |text: &str, on: bool| if on { text.to_owned() } else { String::new() };
        self.tables.add(
            "mdtrt_d",
            vec![
                ("mdtrt_id", case.id.clone()),
                ("psn_no", case.person.psn_no.clone()),
                ("fixmedins_code", facility.to_owned()),
                ("med_type", case.med_type.to_owned()),
                ("insutype", case.person.insutype.to_owned()),
                ("begntime", time(case.begin)),
                ("endtime", time(case.end)),
                ("adm_dept_codg", code),
                ("adm_dept_name", name.to_owned()),
                ("dscg_dept_codg", left),
                ("wardarea_bed", word(ward, inpatient)),
                ("adm_bed", String::new()),
                ("chfpdr_code", case.doctor.0.clone()),
                ("chfpdr_name", case.doctor.1.clone()),
                ("dscg_maindiag_code", case.dx.0.to_owned()),
                ("dscg_maindiag_name", case.dx.1.to_owned()),
                ("dscg_way", word(case.way, inpatient)),
                ("inhosp_stas", "0".to_owned()),
                ("ipt_otp_no", format!("{}{number}", if inpatient { "ZY" } else { "MZ" })),
                ("medrcdno", word(&format!("BA{number}"), inpatient)),
                ("vali_flag", "1".to_owned()),
            ],
        );
        let main = std::iter::once(case.dx).filter(|d| !d.0.is_empty());
        for (n, (code, name)) in main.chain(case.more_dx.iter().copied()).enumerate() {
            self.tables.add(
                "diag",
                vec![
                    ("mdtrt_id", case.id.clone()),
                    ("inout_diag_type", if inpatient { "2" } else { "1" }.to_owned()),
                    ("diag_type", "1".to_owned()),
                    ("maindiag_flag", if n == 0 { "1" } else { "0" }.to_owned()),
                    ("diag_srt_no", (n + 1).to_string()),
                    ("diag_code", code.to_owned()),
                    ("diag_name", name.to_owned()),
                ],
            );
        }
    }

    fn write_settlement(
        &mut self,
        case: &Case,
        id: &str,
        back_of: &str,
        (total, covered): (i64, i64),
        when: NaiveDateTime,
    ) {
        let (facility, pharmacy, rate) = self.facility(case);
        let rate = if pharmacy { 60 } else { rate };
        let fund = if case.own_account { 0 } else { covered * rate / 100 };
        let fund = if case.waived { total } else { fund };
        let own = total - fund;
        let account = match case.person.insutype {
            _ if case.from_account => own,
            "310" => own / 2,
            _ => 0,
        };
        let mark = |on: bool| if on { "1" } else { "0" }.to_owned();
        self.tables.add(
            "setl_d",
            vec![
                ("setl_id", id.to_owned()),
                ("mdtrt_id", case.id.clone()),
                ("psn_no", case.person.psn_no.clone()),
                ("fixmedins_code", facility.to_owned()),
                ("med_type", case.med_type.to_owned()),
                ("insutype", case.person.insutype.to_owned()),
                ("begndate", day(case.begin.date())),
                ("enddate", day(case.end.date())),
                ("setl_time", time(when)),
                ("clr_way", if case.by_group { "03" } else { "01" }.to_owned()),
                ("medfee_sumamt", yuan(total)),
                ("inscp_amt", yuan(covered)),
                ("fund_pay_sumamt", yuan(fund)),
                ("hifp_pay", yuan(fund)),
                ("hifmi_pay", yuan(0)),
                ("hifob_pay", yuan(0)),
                ("maf_pay", yuan(0)),
                ("acct_pay", yuan(account)),
                ("acct_mulaid_pay", yuan(0)),
                ("psn_pay", yuan(own)),
                ("cash_payamt", yuan(own - account)),
                ("insu_admdvs", "990101".to_owned()),
                ("refd_setl_flag", mark(!back_of.is_empty())),
                ("init_setl_id", back_of.to_owned()),
                ("dise_no", if case.med_type == "14" { "M03900" } else { "" }.to_owned()),
                ("vali_flag", "1".to_owned()),
            ],
        );
    }

    fn write_group(&mut self, case: &Case, settlement: &str) {
        if !case.is_stay() {
            return;
        }
        if case.by_group {
            *self.in_group.entry((case.facility, case.group.0)).or_default() += 1;
        }
        let (facility, _, _) = self.facility(case);
        self.tables.add(
            "grp",
            vec![
                ("setl_id", settlement.to_owned()),
                ("mdtrt_id", case.id.clone()),
                ("pay_way", if case.by_group { "drg" } else { "item" }.to_owned()),
                ("grp_code", if case.by_group { case.group.0 } else { "" }.to_owned()),
                ("grp_name", String::new()),
                ("weight_or_score", String::new()),
                ("rate_or_point_value", String::new()),
                ("pay_std_amt", if case.by_group { case.group.1 } else { "" }.to_owned()),
            ],
        );
        self.tables.add(
            "setl_list",
            vec![
                ("setl_id", settlement.to_owned()),
                ("mdtrt_id", case.id.clone()),
                ("fixmedins_code", facility.to_owned()),
                ("adm_time", time(case.begin)),
                ("dscg_time", time(case.end)),
                ("setl_begn_date", day(case.begin.date())),
                ("setl_end_date", day(case.settled.date())),
            ],
        );
    }

    fn write_lines(&mut self, case: &Case, settlement: &str, round: Round) -> (i64, i64) {
        let (facility, _, _) = self.facility(case);
        let (dept, dept_name, _) = self.department(case, case.department);
        let (mut total, mut all_covered) = (0, 0);
        for (n, l) in case.lines.iter().enumerate() {
            let cnt = if round == Round::Back { -l.cnt } else { l.cnt };
            let amount = cnt * l.cents;
            let ownpay = if l.own || (l.item.level == "03" && !l.covered) { amount } else { 0 };
            let before = if l.item.level == "02" && !l.own { amount / 10 } else { 0 };
            let covered = amount - ownpay - before;
            total += amount;
            all_covered += covered;
            let original = match (round, l.refund_of) {
                (Round::Back, _) => serial(case, n, Round::First),
                (_, Some(of)) if !l.nameless => serial(case, of, round),
                _ => String::new(),
            };
            let (doctor, doctor_name) = match &l.doctor {
                Some(code) => (code.as_str(), ""),
                None => (case.doctor.0.as_str(), case.doctor.1.as_str()),
            };
            let drug = l.item.list_type.starts_with('1');
            let code = if l.uncoded { String::new() } else { code_of(l.item.id) };
            let bit = |on: bool| if on { '1' } else { '0' };
            let days = if l.days > 0 { l.days.to_string() } else { String::new() };
            let dise = if case.med_type == "14" { "M03900" } else { "" };
            let back = cnt < 0 && l.refund_of.is_some();
            let told = match l.signs {
                Signs::Amount if back => cnt.abs().to_string(),
                Signs::NoQuantity if back => String::new(),
                _ => cnt.to_string(),
            };
            let unsigned = back && l.signs == Signs::Quantity;
            let told_amount = if unsigned { amount.abs() } else { amount };
            self.lines += 1;
            self.tables.line("fee_list_d", FEE, |s| {
                let _ = write!(
                    s,
                    "{},{original},{},{settlement},{},{facility},{},{},{code},{},YN{},{},{},{},{},{told},{},{},{},{},0.00,{},{dept},{dept_name},{doctor},{doctor_name},{dept},{doctor},{},{},{days},{},{},{},{},0,{dise},,,1",
                    serial(case, n, round), case.id, case.person.psn_no, time(l.at), case.med_type,
                    l.item.name, l.item.id, l.item.name, l.item.list_type, l.item.charge,
                    l.item.level, yuan(l.cents), yuan(told_amount), yuan(covered), yuan(ownpay),
                    yuan(before), l.rx, l.order,
                    if drug { "1片" } else { "" }, if drug { "qd" } else { "" },
                    bit(l.home), bit(l.outside),
                );
            });
        }
        (total, all_covered)
    }
}

/// Serial of a line: unique in the whole city, so that a finding without a visit can still be told.
fn serial(case: &Case, n: usize, round: Round) -> String {
    let visit = case.id.get(11..).unwrap_or_default();
    let mark = match round {
        Round::First => 'F',
        Round::Back => 'R',
        Round::Again => 'N',
    };
    format!("{mark}{visit}-{:04}", n + 1)
}
