//! What a visit leaves behind: orders, events, lines, settlements, sales.

use chrono::{NaiveDate, NaiveDateTime, TimeDelta};

use super::city::Department;
use super::items::{code_of, find};
use super::out::{at, day, time, yuan};
use super::visits::{Maker, Visit};

impl Maker<'_> {
    pub(super) fn order(
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

    pub(super) fn event(
        &mut self,
        visit: &Visit<'_>,
        kind: &str,
        order: Option<&str>,
        item: &str,
        begin: NaiveDateTime,
        department: &Department,
    ) {
        let nurse = self.rng.pick(&department.nurses).cloned().unwrap_or_default();
        let end = begin + TimeDelta::minutes(20);
        self.event_by(visit, kind, order, item, (begin, end), nurse.0);
    }

    /// An operation by the doctor of the visit, at the first hour at which that doctor does no other.
    pub(super) fn operation(&mut self, visit: &Visit<'_>, item: &str, date: NaiveDate) {
        let surgeon = visit.doctor.0.clone();
        let free = |hour: &i64| !self.theatre.contains(&(surgeon.clone(), at(date, *hour, 0, 0)));
        let begin = at(date, (8..20).find(free).unwrap_or(20), 0, 0);
        self.theatre.insert((surgeon.clone(), begin));
        let end = begin + TimeDelta::minutes(50);
        self.event_by(visit, "oprn", None, item, (begin, end), surgeon);
    }

    fn event_by(
        &mut self,
        visit: &Visit<'_>,
        kind: &str,
        order: Option<&str>,
        item: &str,
        (begin, end): (NaiveDateTime, NaiveDateTime),
        who: String,
    ) {
        self.numbers.record += 1;
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
                ("exec_psn_code", who),
                ("cnt", "1".to_owned()),
                ("result_hash", String::new()),
            ],
        );
    }

    pub(super) fn laboratory(&mut self, visit: &Visit<'_>, when: NaiveDateTime) {
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

    pub(super) fn write_visit(
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
    pub(super) fn settle(
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
    pub(super) fn fee_lines(
        &mut self,
        visit: &Visit<'_>,
        settlement: Option<&str>,
        sign: i64,
    ) -> (i64, i64) {
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
    pub(super) fn sales(&mut self, visit: &Visit<'_>, settlement: &str, when: NaiveDateTime) {
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
