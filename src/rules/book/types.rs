//! Rows of a [`super::Book`]. Codes are those of the source's dictionary, 0 for missing.

mod house;
mod packed;

use spotcheck_domain::claims::Instant;

pub use house::{
    Catalogue, Equipment, Peer, SettledElsewhere, Staff, Stock, StockKind, Trace, Unit,
};
pub use packed::{Figure, Moment};

/// 定点医药机构.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs, reason = "national field names, explained in dictionary.md")]
pub struct Facility {
    pub code: u32,
    pub fixmedins_code: String,
    pub fixmedins_type: String,
    pub hosp_lv: String,
    pub aprv_bed_cnt: Option<i64>,
    pub hi_crtf_bed_cnt: Option<i64>,
}

/// `gend`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sex {
    /// 0, 9 or missing.
    #[default]
    Unknown,
    /// 1.
    Male,
    /// 2.
    Female,
}

/// 参保人.
#[derive(Debug, Clone, Default)]
pub struct Person {
    /// `psn_no`.
    pub code: u32,
    /// `gend`.
    pub sex: Sex,
    /// Day of `brdy`.
    pub birth: Option<i64>,
    /// `die_date`.
    pub death: Option<Instant>,
    /// Hash of `tel`, 0 if missing.
    pub tel: u64,
    /// `emp_no`.
    pub employer: u32,
    /// Visits of [`super::Book::visits`], from and to.
    pub visits: (u32, u32),
}

/// What kind of visit `med_type` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum VisitKind {
    /// Missing or local.
    #[default]
    Unknown,
    /// 21–27, 52.
    Inpatient,
    /// 28 日间手术.
    DaySurgery,
    /// 11, 12, 16, 19, 51, 53, 81.
    Outpatient,
    /// 13.
    Emergency,
    /// 14, 15 慢特病、特药.
    Chronic,
    /// 41.
    Pharmacy,
}

impl VisitKind {
    /// Reads `med_type`; local extensions go by their first two digits, except 9xxx.
    #[must_use]
    pub fn of(med_type: &str) -> Self {
        match med_type.get(..2).unwrap_or(med_type) {
            "21" | "22" | "23" | "24" | "25" | "26" | "27" | "52" => Self::Inpatient,
            "28" => Self::DaySurgery,
            "11" | "12" | "16" | "19" | "51" | "53" | "81" => Self::Outpatient,
            "13" => Self::Emergency,
            "14" | "15" => Self::Chronic,
            "41" => Self::Pharmacy,
            _ => Self::Unknown,
        }
    }

    /// A stay with a bed.
    #[must_use]
    pub const fn is_stay(self) -> bool {
        matches!(self, Self::Inpatient)
    }

    /// Any kind of outpatient visit.
    #[must_use]
    pub const fn is_outpatient(self) -> bool {
        matches!(self, Self::Outpatient | Self::Emergency | Self::Chronic)
    }
}

/// 就诊.
#[derive(Debug, Clone, Default)]
pub struct Visit {
    /// Its number in [`super::Book::visits`].
    pub at: u32,
    /// `mdtrt_id`.
    pub code: u32,
    /// Index of the person, [`super::NONE`] if the visit is not in the data.
    pub person: u32,
    /// From `med_type`.
    pub kind: VisitKind,
    /// `med_type`.
    pub med_type: u32,
    /// `insutype`.
    pub insutype: u32,
    /// `begntime`.
    pub begin: Option<Instant>,
    /// `endtime`.
    pub end: Option<Instant>,
    /// `adm_dept_codg`.
    pub adm_dept: u32,
    /// `adm_dept_name`.
    pub dept_name: u32,
    /// `dscg_dept_codg`.
    pub dscg_dept: u32,
    /// `wardarea_bed`.
    pub ward: u32,
    /// `chfpdr_code`.
    pub doctor: u32,
    /// `dscg_maindiag_code`.
    pub main_dx: u32,
    /// `dscg_way`.
    pub way: u8,
    /// Lines, from and to.
    pub lines: (u32, u32),
    /// Settlements, from and to.
    pub settlements: (u32, u32),
}

impl Visit {
    /// Day of admission.
    #[must_use]
    pub fn begin_day(&self) -> Option<i64> {
        self.begin.map(|i| i.at.day())
    }

    /// Day of discharge.
    #[must_use]
    pub fn end_day(&self) -> Option<i64> {
        self.end.map(|i| i.at.day())
    }

    /// 住院天数: the day of admission counts, that of discharge does not, at least 1; `None` while the stay
    /// runs or a date is missing.
    #[must_use]
    pub fn stay_days(&self) -> Option<i64> {
        let days = self.end_day()?.saturating_sub(self.begin_day()?);
        (days >= 0).then_some(days.max(1))
    }
}

/// 结算, netted: a settlement that was cancelled as a whole has nothing left.
#[derive(Debug, Clone, Default)]
pub struct Settlement {
    /// `setl_id`.
    pub code: u32,
    /// Visit number.
    pub visit: u32,
    /// `setl_time`.
    pub at: Option<Instant>,
    /// `medfee_sumamt`.
    pub total: Option<i64>,
    /// `fund_pay_sumamt`.
    pub fund: Option<i64>,
    /// `inscp_amt`: what of the whole was in the fund's scope.
    pub covered: Option<i64>,
    /// `psn_pay`.
    pub own: Option<i64>,
    /// `cash_payamt`.
    pub cash: Option<i64>,
    /// It cancels another one, or was cancelled by one.
    pub cancelled: bool,
    /// It takes back: code of the settlement it names (`init_setl_id`), 0 if it names none.
    pub takes_back: Option<u32>,
    /// The amounts that took it back are all known and make up the whole.
    pub all_back: bool,
    /// Paid item by item: known to be so.
    pub by_item: bool,
    /// Way of payment as given, for words.
    pub pay_way: u32,
    /// `grp_code`.
    pub group: u32,
    /// `pay_std_amt`: what the group is paid.
    pub standard: Option<i64>,
}

/// One distinct item of the lines.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs, reason = "national field names, explained in dictionary.md")]
pub struct Item {
    pub code: u32,
    pub med_list_codg: Box<str>,
    pub name: Box<str>,
    pub list_type: Box<str>,
    pub med_chrgitm_type: Box<str>,
    pub chrgitm_lv: Box<str>,
}

/// 诊断.
#[derive(Debug, Clone)]
pub struct Diagnosis {
    /// `diag_code`.
    pub code: u32,
    /// `maindiag_flag` = 1.
    pub main: bool,
    /// `inout_diag_type` = 2.
    pub discharge: bool,
}

/// 医嘱.
#[derive(Debug, Clone)]
pub struct Order {
    /// `drord_detl_code`.
    pub item: u32,
    /// `drord_detl_name`.
    pub name: u32,
    /// `drord_item_type`.
    pub kind: u32,
    /// 长期医嘱.
    pub standing: bool,
    /// `medc_begntime`.
    pub begin: Option<Instant>,
    /// `drord_endtime`.
    pub end: Option<Instant>,
    /// `dismed_cnt`.
    pub quantity: Option<i64>,
}

/// `evt_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "values of claims.md")]
pub enum EventKind {
    OrderExec,
    Nursing,
    Lab,
    Exam,
    Operation,
    Anaesthesia,
    Treatment,
    Other,
}

/// 执行记录.
#[derive(Debug, Clone, Copy)]
pub struct Event {
    /// `evt_type`.
    pub kind: EventKind,
    /// `item_code`.
    pub item: u32,
    /// `item_name`.
    pub name: u32,
    /// `begntime`.
    pub begin: Moment,
    /// `endtime`.
    pub end: Moment,
    /// `exec_psn_code`.
    pub staff: u32,
    /// `cnt`.
    pub quantity: Figure,
    /// Hash of `result_hash`, 0 if missing.
    pub result: u64,
    /// From `evt_no`, for order.
    pub serial: u64,
}

/// 请假.
#[derive(Debug, Clone)]
pub struct Leave {
    /// `begntime`.
    pub begin: Option<Instant>,
    /// `endtime`.
    pub end: Option<Instant>,
}

/// 检验、检查报告.
#[derive(Debug, Clone)]
pub struct Report {
    /// 检验 (else 检查).
    pub lab: bool,
    /// `exam_item_code`.
    pub item: u32,
    /// `exam_item_name`.
    pub name: u32,
    /// `exam_item_detl_code`.
    pub detail: u32,
    /// Specimen taken or examined.
    pub done: Moment,
    /// `rpt_date`.
    pub reported: Moment,
    /// Result in millionths.
    pub value: Figure,
    /// Hash of `rpotc_no`.
    pub serial: u64,
}

/// 病程记录.
#[derive(Debug, Clone)]
pub struct Note {
    /// Visit number.
    pub visit: u32,
    /// `note_time`.
    pub at: Option<Instant>,
    /// `note_type`.
    pub kind: u32,
    /// `psn_code`.
    pub author: u32,
    /// Hash of the text without blanks and digits, 0 if too short to compare.
    pub text: u64,
    /// The text says that something was brought along or bought outside.
    pub outside: bool,
}

/// A herb or drug of a prescription (4301 rxinfo).
#[derive(Debug, Clone)]
pub struct Prescribed {
    /// `rx_detl_name`.
    pub name: u32,
    /// `drug_used_idose`: the whole dose, millionths.
    pub quantity: Option<i64>,
}

/// 手术操作.
#[derive(Debug, Clone)]
pub struct Operation {
    /// Visit number.
    pub visit: u32,
    /// `oprn_oprt_code`.
    pub code: u32,
    /// `oprn_oprt_name`.
    pub name: u32,
    /// `oprn_oprt_date`.
    pub at: Option<Instant>,
    /// `oper_dr_code`.
    pub surgeon: u32,
    /// `anst_dr_code`.
    pub anaesthetist: u32,
}

/// 参保信息.
#[derive(Debug, Clone)]
pub struct Period {
    /// `insutype`.
    pub insutype: u32,
    /// `begndate`.
    pub begin: Option<Instant>,
    /// `enddate`.
    pub end: Option<Instant>,
}

/// 慢特病备案.
#[derive(Debug, Clone)]
pub struct Registration {
    /// `dise_codg`.
    pub disease: u32,
    /// `begndate`.
    pub begin: Option<Instant>,
    /// `enddate`.
    pub end: Option<Instant>,
}

/// A row of `psn_other`.
#[derive(Debug, Clone)]
pub struct Elsewhere {
    /// A drug (else a visit).
    pub drug: bool,
    /// `fixmedins_code`.
    pub facility: u32,
    /// `mdtrt_id`.
    pub visit: u32,
    /// From `med_type`.
    pub kind: VisitKind,
    /// `begntime`.
    pub begin: Moment,
    /// `endtime`.
    pub end: Moment,
    /// `diag_code`.
    pub dx: u32,
    /// `fund_pay_sumamt`.
    pub fund: Figure,
    /// `medfee_sumamt`.
    pub total: Figure,
    /// `med_list_codg`.
    pub item: u32,
    /// `cnt`.
    pub quantity: Figure,
}

/// What was found at the facility before by one rule, and what it reported of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Earlier {
    /// Findings of earlier inspections.
    pub found: u32,
    /// Reported by a self-check.
    pub self_checked: u32,
    /// Day of the last of them.
    pub last: Option<i64>,
}
