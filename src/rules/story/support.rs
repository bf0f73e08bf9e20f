//! A hospital of a few rows: words for the tests.

use spotcheck_domain::columns::{Cell, MemoryColumns};

use crate::pack::{Pack, national};
use crate::{Finding, Options, Outcome, audit};

/// Columns that hold times.
const TIMES: &[&str] = &[
    "begntime",
    "endtime",
    "begndate",
    "enddate",
    "setl_time",
    "fee_ocur_time",
    "medc_begntime",
    "drord_endtime",
    "brdy",
    "die_date",
    "rpt_date",
    "sapl_date",
    "exam_date",
    "rcd_time",
    "note_time",
    "oprn_oprt_date",
    "invdate",
    "inv_chg_time",
    "purc_retn_stoin_time",
    "sel_retn_time",
    "in_use_date",
    "stop_begn",
    "stop_end",
    "log_date",
    "date",
];
/// Columns that hold millionths.
const AMOUNTS: &[&str] = &[
    "cnt",
    "pric",
    "det_item_fee_sumamt",
    "inscp_amt",
    "fulamt_ownpay_amt",
    "overlmt_selfpay",
    "medfee_sumamt",
    "fund_pay_sumamt",
    "psn_pay",
    "cash_payamt",
    "prd_days",
    "dismed_cnt",
    "pric_uplmt_amt",
    "inv_cnt",
    "purc_retn_cnt",
    "sel_retn_cnt",
    "finl_trns_pric",
    "exam_rslt_val",
    "drug_used_idose",
    "pay_std_amt",
    "median",
    "mad",
];
/// Columns that hold counts.
const COUNTS: &[&str] = &["aprv_bed_cnt", "hi_crtf_bed_cnt", "use_cnt", "use_min", "n"];

/// A hospital.
pub(crate) struct World {
    pub(crate) columns: MemoryColumns,
    settled: u32,
}

/// 示例医院, 二级甲等.
pub(crate) fn hospital() -> World {
    let mut w = World { columns: MemoryColumns::new(), settled: 0 };
    w.add(
        "fixmedins_b",
        "fixmedins_code=H1;fixmedins_type=1;hosp_lv=05;aprv_bed_cnt=100;hi_crtf_bed_cnt=90",
    );
    for (no, sex, birth) in
        [("P1", "1", "1960-05-01"), ("P2", "2", "1990-05-01"), ("P3", "1", "2020-05-01")]
    {
        w.add("psn", &format!("psn_no={no};gend={sex};brdy={birth};tel=1990000{no}"));
    }
    w
}

impl World {
    /// Adds a row from `column=value;…`.
    pub(crate) fn add(&mut self, entity: &str, row: &str) -> &mut Self {
        let cell = |pair: &'static str| -> (&'static str, Cell) {
            let (name, value) = pair.split_once('=').unwrap();
            let cell = if TIMES.contains(&name) {
                Cell::time(value)
            } else if AMOUNTS.contains(&name) {
                Cell::amount(value)
            } else if COUNTS.contains(&name) {
                value.parse().map_or(Cell::Null, Cell::Number)
            } else {
                Cell::text(value)
            };
            (name, cell)
        };
        // Column names are static everywhere else; a test may leak a few bytes.
        let row: &'static str = Box::leak(row.to_owned().into_boxed_str());
        let cells: Vec<_> = row.split(';').filter(|p| !p.is_empty()).map(cell).collect();
        self.columns.add(entity, &cells);
        self
    }

    /// A visit with its main diagnosis and one settlement S-of-visit, item by item, fund 70 %.
    pub(crate) fn visit(
        &mut self,
        id: &str,
        psn: &str,
        med_type: &str,
        from: &str,
        to: &str,
        dx: &str,
    ) -> &mut Self {
        self.visit_with(id, psn, med_type, from, to, dx, "")
    }

    /// A visit with further columns.
    #[allow(clippy::too_many_arguments, reason = "one row of one table")]
    pub(crate) fn visit_with(
        &mut self,
        id: &str,
        psn: &str,
        med_type: &str,
        from: &str,
        to: &str,
        dx: &str,
        more: &str,
    ) -> &mut Self {
        self.add(
            "mdtrt_d",
            &format!(
                "mdtrt_id={id};psn_no={psn};fixmedins_code=H1;med_type={med_type};insutype=310;\
                 begntime={from};endtime={to};adm_dept_codg=D1;adm_dept_name=内科;chfpdr_code=D001;\
                 dscg_maindiag_code={dx};dscg_way=1;{more}"
            ),
        );
        self.settle(id, "1000", "700", "01", if to.is_empty() { from } else { to })
    }

    /// A settlement of a visit, `S<n>-<visit>`.
    pub(crate) fn settle(
        &mut self,
        id: &str,
        total: &str,
        fund: &str,
        way: &str,
        at: &str,
    ) -> &mut Self {
        self.settled += 1;
        self.add(
            "setl_d",
            &format!(
                "setl_id=S-{id};mdtrt_id={id};fixmedins_code=H1;setl_time={at};clr_way={way};\
                 medfee_sumamt={total};fund_pay_sumamt={fund};psn_pay=300;cash_payamt=300"
            ),
        )
    }

    /// A stay of P1 from day to day of March 2026.
    pub(crate) fn stay(&mut self, id: &str, from: u32, to: u32) -> &mut Self {
        let (from, to) =
            (format!("2026-03-{from:02} 09:00:00"), format!("2026-03-{to:02} 10:00:00"));
        self.visit(id, "P1", "21", &from, &to, "I10.x00")
    }

    /// A line: `code|name|charge|list type`, time, quantity, price.
    pub(crate) fn fee(
        &mut self,
        visit: &str,
        sn: &str,
        item: &str,
        at: &str,
        cnt: &str,
        pric: &str,
    ) -> &mut Self {
        self.fee_with(visit, sn, item, at, cnt, pric, "")
    }

    /// A line with further columns.
    #[allow(clippy::too_many_arguments, reason = "one row of one table")]
    pub(crate) fn fee_with(
        &mut self,
        visit: &str,
        sn: &str,
        item: &str,
        at: &str,
        cnt: &str,
        pric: &str,
        more: &str,
    ) -> &mut Self {
        use spotcheck_domain::Amount;
        let parts: Vec<&str> = item.split('|').collect();
        let amount = Amount::parse(cnt).unwrap().checked_mul(Amount::parse(pric).unwrap()).unwrap();
        self.add(
            "fee_list_d",
            &format!(
                "bkkp_sn={sn};mdtrt_id={visit};setl_id=S-{visit};fixmedins_code=H1;fee_ocur_time={at};\
                 med_list_codg={};hilist_name={};med_chrgitm_type={};list_type={};chrgitm_lv=01;\
                 cnt={cnt};pric={pric};det_item_fee_sumamt={amount};inscp_amt={amount};\
                 bilg_dr_code=D001;acord_dr_code=D001;{more}",
                parts[0], parts[1], parts[2], parts[3]
            ),
        )
    }

    /// One line a day of an item.
    pub(crate) fn daily(
        &mut self,
        visit: &str,
        item: &str,
        days: std::ops::RangeInclusive<u32>,
        pric: &str,
    ) -> &mut Self {
        let code = item.split('|').next().unwrap().to_owned();
        for day in days {
            let (sn, at) = (format!("{code}-{day}"), format!("2026-03-{day:02} 08:00:00"));
            self.fee(visit, &sn, item, &at, "1", pric);
        }
        self
    }

    /// Runs the national pack.
    pub(crate) fn run(&self) -> Outcome {
        self.run_with(&national().unwrap())
    }

    /// Runs a pack.
    pub(crate) fn run_with(&self, pack: &Pack) -> Outcome {
        audit(&self.columns, pack, Options::default(), &mut ()).unwrap()
    }

    /// Findings of one rule of the national pack.
    pub(crate) fn found(&self, rule: &str) -> Vec<Finding> {
        self.found_with(rule, "")
    }

    /// Findings of one rule of the national pack under an overlay: `.toml` text, or knowledge
    /// `list: rows` where it begins with a list name and a colon.
    pub(crate) fn found_with(&self, rule: &str, overlay: &str) -> Vec<Finding> {
        let base = national().unwrap();
        assert!(base.rules.iter().any(|r| r.id == rule), "{rule}");
        let head = ("pack.toml", &b"name = \"own\"\nversion = \"1\"\n"[..]);
        let pack = match overlay.split_once(": ") {
            _ if overlay.is_empty() => base,
            Some((list, rows)) if !overlay.starts_with('[') => {
                let csv =
                    format!("code,code_b,value,unit,text,begndate,enddate,origin,source\n{rows}\n");
                let name = format!("{list}.kp.csv");
                Pack::read(&[head, (&name, csv.as_bytes())], Some(&base)).unwrap()
            }
            _ => Pack::read(&[head, ("o.toml", overlay.as_bytes())], Some(&base)).unwrap(),
        };
        let ids = [rule.to_owned()];
        let options = Options { rules: Some(&ids), ..Options::default() };
        audit(&self.columns, &pack, options, &mut ()).unwrap().findings
    }
}

/// Counts of silences of a rule by reason.
pub(super) fn silent(outcome: &Outcome, rule: &str, reason: &str) -> u64 {
    let own = outcome.silences.iter().filter(|s| s.rule == rule && s.reason.contains(reason));
    own.map(|s| s.count).sum()
}

pub(crate) const BED: &str = "B1|普通病房床位费|01|201";
pub(crate) const NURSE1: &str = "N1|一级护理|07|201";
pub(crate) const NURSE2: &str = "N2|二级护理|07|201";
pub(crate) const CT: &str = "E1|CT平扫|03|201";
pub(crate) const DRUG: &str = "X1|阿司匹林肠溶片|09|101";
