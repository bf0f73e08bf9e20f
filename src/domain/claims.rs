//! What the screens and use cases ask of the claims data, independent of how it is stored.
//!
//! `claims` implements [`ClaimsReader`] over an encrypted package; an in-memory twin serves tests. Field
//! names are those of the national platform (research: dictionary.md).

use serde::{Deserialize, Serialize};

use crate::columns::ColumnSource;
use crate::time::{BeijingTime, Precision};
use crate::{Amount, TroubleResult};

/// A time with the precision it was given in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instant {
    /// Beijing seconds.
    pub at: BeijingTime,
    /// As given.
    pub p: Precision,
}

impl Instant {
    /// As precise as it was given.
    #[must_use]
    pub fn display(self) -> String {
        self.at.display(self.p)
    }
}

/// A slice of a long list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// Rows to skip.
    pub offset: u64,
    /// Rows wanted at most.
    pub limit: u32,
}

impl Page {
    /// The first `limit` rows.
    #[must_use]
    pub const fn first(limit: u32) -> Self {
        Self { offset: 0, limit }
    }
}

/// The facility of the package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "national field names, explained in dictionary.md")]
pub struct FacilityView {
    pub fixmedins_code: String,
    pub fixmedins_name: String,
    pub fixmedins_type: Option<String>,
    pub hosp_lv: Option<String>,
    pub uscc: Option<String>,
    pub aprv_bed_cnt: Option<i64>,
    pub hi_crtf_bed_cnt: Option<i64>,
    pub addr: Option<String>,
    /// Persons, visits, settlements, fee lines in the package.
    pub persons: u64,
    pub visits: u64,
    pub settlements: u64,
    pub fee_lines: u64,
    /// Newest upload time per entity; what is younger is 未上传, never 无.
    pub cutoff: Vec<(String, Instant)>,
}

/// A department as it was uploaded: with its beds and the subject of treatment for which the house is licensed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "national field names, explained in dictionary.md")]
pub struct DepartmentView {
    pub hosp_dept_codg: String,
    pub hosp_dept_name: Option<String>,
    /// Code of the licensed subject (科别).
    pub caty: Option<String>,
    pub aprv_bed_cnt: Option<i64>,
    pub hi_crtf_bed_cnt: Option<i64>,
    pub begntime: Option<Instant>,
    pub endtime: Option<Instant>,
    /// Staff registered in it.
    pub staff: u64,
}

/// One row of a person search.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "national field names, explained in dictionary.md")]
pub struct PersonHit {
    pub psn_no: String,
    pub psn_name: String,
    pub gend: Option<String>,
    pub brdy: Option<Instant>,
    pub certno: Option<String>,
    pub insutype: Option<String>,
    /// Visits of the person in the package.
    pub visits: u64,
    /// Begin of the newest visit.
    pub last_visit: Option<Instant>,
    /// Bed of a current or the newest stay, where known.
    pub bed: Option<String>,
}

/// A ward with the stays that have not ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ward {
    /// `wardarea_bed`.
    pub name: String,
    /// Stays without an end.
    pub patients: u64,
}

/// A person's head data and visits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "national field names, explained in dictionary.md")]
pub struct PersonView {
    pub psn_no: String,
    pub psn_name: String,
    pub gend: Option<String>,
    pub brdy: Option<Instant>,
    pub psn_cert_type: Option<String>,
    pub certno: Option<String>,
    pub tel: Option<String>,
    pub addr: Option<String>,
    pub insutype: Option<String>,
    pub psn_type: Option<String>,
    pub insu_admdvs: Option<String>,
    pub emp_name: Option<String>,
    pub die_date: Option<Instant>,
    /// Chronic diseases registered for clinic treatment (5301), in the order of their beginning.
    pub chronic: Vec<ChronicRow>,
    pub visits: Vec<VisitRow>,
}

/// One 门诊慢特病 registration (5301).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "national field names, explained in dictionary.md")]
pub struct ChronicRow {
    pub dise_codg: String,
    pub dise_name: Option<String>,
    pub begndate: Option<Instant>,
    pub enddate: Option<Instant>,
}

/// One visit in a person's list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "national field names, explained in dictionary.md")]
pub struct VisitRow {
    pub mdtrt_id: String,
    pub med_type: Option<String>,
    pub begntime: Option<Instant>,
    pub endtime: Option<Instant>,
    pub dept_name: Option<String>,
    pub dscg_maindiag_name: Option<String>,
    pub fee_lines: u64,
    pub medfee_sumamt: Amount,
    pub fund_pay_sumamt: Amount,
    /// Days on which an item other than drugs and material stands on more than one line.
    pub repeated_days: u64,
}

/// A visit with diagnoses and settlements; fee lines are paged apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "national field names, explained in dictionary.md")]
pub struct VisitView {
    pub mdtrt_id: String,
    pub psn_no: String,
    pub psn_name: String,
    pub fixmedins_code: String,
    pub med_type: Option<String>,
    pub insutype: Option<String>,
    pub begntime: Option<Instant>,
    pub endtime: Option<Instant>,
    pub adm_dept_name: Option<String>,
    pub wardarea_bed: Option<String>,
    pub adm_bed: Option<String>,
    pub chfpdr_code: Option<String>,
    pub chfpdr_name: Option<String>,
    pub dscg_maindiag_code: Option<String>,
    pub dscg_maindiag_name: Option<String>,
    pub ipt_otp_no: Option<String>,
    pub medrcdno: Option<String>,
    pub diagnoses: Vec<DiagnosisRow>,
    pub settlements: Vec<SettlementRow>,
    pub fee_lines: u64,
    /// Exact sum of `det_item_fee_sumamt` of all fee lines of the visit.
    pub fee_sum: Amount,
    /// The same without lines of settlements that were taken back.
    pub standing_sum: Amount,
}

impl VisitView {
    /// Settlements that stand: neither taken back nor the entry that takes one back.
    pub fn standing(&self) -> impl Iterator<Item = &SettlementRow> {
        let back = |row: &SettlementRow| row.refd_setl_flag.as_deref() == Some("1");
        let taken = move |id: &str| {
            let entries = self.settlements.iter().filter(|row| back(row));
            entries.filter_map(|row| row.init_setl_id.as_deref()).any(|first| first == id)
        };
        self.settlements.iter().filter(move |row| !back(row) && !taken(&row.setl_id))
    }

    /// What the fee lines say more (or, negative, less) than the settlements that stand, exact; `None` while
    /// nothing is settled, or where a settlement has no total.
    #[must_use]
    pub fn beyond_settled(&self) -> Option<Amount> {
        let mut standing = self.standing().peekable();
        standing.peek()?;
        let mut settled = Amount::ZERO;
        for row in standing {
            settled = settled.checked_add(row.medfee_sumamt?)?;
        }
        self.standing_sum.checked_sub(settled)
    }
}

/// One diagnosis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "national field names, explained in dictionary.md")]
pub struct DiagnosisRow {
    pub inout_diag_type: Option<String>,
    pub maindiag_flag: Option<String>,
    pub diag_srt_no: Option<i64>,
    pub diag_code: Option<String>,
    pub diag_name: Option<String>,
}

/// One settlement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "national field names, explained in dictionary.md")]
pub struct SettlementRow {
    pub setl_id: String,
    pub setl_time: Option<Instant>,
    pub medfee_sumamt: Option<Amount>,
    pub fund_pay_sumamt: Option<Amount>,
    pub psn_pay: Option<Amount>,
    pub acct_pay: Option<Amount>,
    pub refd_setl_flag: Option<String>,
    /// Of a refund: the settlement that it takes back.
    pub init_setl_id: Option<String>,
}

/// One fee line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "national field names, explained in dictionary.md")]
pub struct FeeLine {
    pub bkkp_sn: String,
    pub setl_id: Option<String>,
    pub fee_ocur_time: Option<Instant>,
    pub med_list_codg: Option<String>,
    pub hilist_name: Option<String>,
    pub medins_list_name: Option<String>,
    pub list_type: Option<String>,
    pub med_chrgitm_type: Option<String>,
    pub cnt: Option<Amount>,
    pub pric: Option<Amount>,
    pub det_item_fee_sumamt: Option<Amount>,
    pub bilg_dept_name: Option<String>,
    pub bilg_dr_name: Option<String>,
    /// An order (4402) or prescription (4301) of the visit goes with the line; `None` where the facility has
    /// uploaded none at all.
    pub ordered: Option<bool>,
    /// An execution event goes with it.
    pub executed: Option<bool>,
    /// A report or result goes with it (4501, 4502).
    pub recorded: Option<bool>,
}

/// Which fee lines of a visit are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FeeFilter {
    /// `med_chrgitm_type`; empty text: lines without one.
    pub med_chrgitm_type: Option<String>,
    /// `med_list_codg`.
    pub med_list_codg: Option<String>,
    /// These lines alone (`bkkp_sn`).
    pub only: Option<Vec<String>>,
    /// Items other than drugs and material that were billed on more than one line of the day.
    pub repeated: bool,
    /// Lines without an order or prescription of the visit; none where the facility has uploaded none at all.
    pub unordered: bool,
}

/// What the fees of a visit consist of; kinds and days each add up to the visit's `fee_sum`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FeeSummary {
    /// By `med_chrgitm_type`, largest amount first; never filtered.
    pub kinds: Vec<FeeShare>,
    /// By day (`yyyy-MM-dd`) of `fee_ocur_time`, in time order; filtered as the lines are.
    pub days: Vec<FeeShare>,
}

/// Lines that have something in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeeShare {
    /// What they have in common; `None`: not uploaded.
    pub of: Option<String>,
    /// Lines.
    pub lines: u64,
    /// Exact sum of `det_item_fee_sumamt`.
    pub amount: Amount,
    /// Of a day: items other than drugs and material that were billed on more than one line. A pointer for
    /// the eye: some are billed twice a day by right.
    pub repeated: u64,
}

/// What an event of a visit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// 医嘱 (4402).
    Order,
    /// 处方 (4301).
    Prescription,
    /// 执行.
    Execution,
    /// 检验 (4502).
    Lab,
    /// 检查 (4501).
    Exam,
    /// 手术操作 (4101).
    Operation,
    /// 护理与生命体征 (4602).
    Vital,
    /// 请假.
    Leave,
    /// 病程记录.
    Note,
}

impl EventKind {
    /// The word on a screen.
    #[must_use]
    pub const fn zh(self) -> &'static str {
        match self {
            Self::Order => "医嘱",
            Self::Prescription => "处方",
            Self::Execution => "执行",
            Self::Lab => "检验",
            Self::Exam => "检查",
            Self::Operation => "手术",
            Self::Vital => "体征",
            Self::Leave => "请假",
            Self::Note => "病程",
        }
    }
}

/// Something that was done, seen or written during a visit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VisitEvent {
    /// What it is.
    pub kind: EventKind,
    /// When it began.
    pub begntime: Option<Instant>,
    /// When it ended, where that is known.
    pub endtime: Option<Instant>,
    /// What it was, as uploaded.
    pub name: Option<String>,
    /// Who did it: name, else code.
    pub who: Option<String>,
    /// What came of it: a laboratory value with its unit and reference, or the finding of an examination, as
    /// uploaded.
    pub result: Option<String>,
}

/// A visit in which an item was billed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "national field names, explained in dictionary.md")]
pub struct ItemVisit {
    pub mdtrt_id: String,
    pub psn_no: String,
    pub psn_name: String,
    pub med_type: Option<String>,
    pub begntime: Option<Instant>,
    pub endtime: Option<Instant>,
    /// Lines of the item in this visit, and their exact sum.
    pub fee_lines: u64,
    pub amount: Amount,
}

/// A visit of the person at another facility.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "national field names, explained in dictionary.md")]
pub struct VisitElsewhere {
    pub fixmedins_name: Option<String>,
    pub med_type: Option<String>,
    pub begntime: Option<Instant>,
    pub endtime: Option<Instant>,
    /// Sensitive: shown only for a reason (ui.md).
    pub diag_name: Option<String>,
    pub medfee_sumamt: Option<Amount>,
    pub fund_pay_sumamt: Option<Amount>,
}

/// A finding of the centre as the package carries it (claims.md §2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedFinding {
    /// The whole finding as the engine wrote it, one JSON object.
    pub body: String,
    /// Gross amount, exact; the body has it to the cent.
    pub amount: Option<Amount>,
    /// The fund's part, exact.
    pub fund_amount: Option<Amount>,
}

/// A rule pack that the package brings, to be laid over the national one (claims.md §2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedRules {
    /// Its name.
    pub name: String,
    /// Its files by name.
    pub files: Vec<(String, Vec<u8>)>,
}

/// One row of an item search (catalogue or fee lines).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "national field names, explained in dictionary.md")]
pub struct ItemHit {
    pub med_list_codg: String,
    pub hilist_name: String,
    pub list_type: Option<String>,
    pub fee_lines: u64,
    pub amount: Amount,
}

/// One row of a staff search.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "national field names, explained in dictionary.md")]
pub struct StaffHit {
    pub prac_psn_code: String,
    pub prac_psn_name: String,
    pub prac_psn_type: Option<String>,
    pub hosp_dept_name: Option<String>,
}

/// Read access to one facility's claims. Never writes, never caches names outside the package.
pub trait ClaimsReader: Send {
    /// Whole columns, for the rules.
    fn columns(&self) -> Box<dyn ColumnSource + '_>;
    /// Head data, counts and cut-offs.
    fn facility(&self) -> TroubleResult<FacilityView>;
    /// Persons by name (any 1–n characters), initials, full pinyin, bed, or the last digits or all of
    /// `certno`, `psn_no`, `tel`, `ipt_otp_no` (claims.md §3). Recall equals `LIKE '%x%'` on folded text.
    fn search_persons(&self, query: &str, page: Page) -> TroubleResult<Vec<PersonHit>>;
    /// Items by name, initials or code.
    fn search_items(&self, query: &str, page: Page) -> TroubleResult<Vec<ItemHit>>;
    /// Staff by name, initials or code.
    fn search_staff(&self, query: &str, page: Page) -> TroubleResult<Vec<StaffHit>>;
    /// Departments of the house by code; none where none were uploaded.
    fn departments(&self, page: Page) -> TroubleResult<Vec<DepartmentView>>;
    /// Wards in which somebody lies as of the cut-off, by name.
    fn wards(&self) -> TroubleResult<Vec<Ward>>;
    /// Who lies in a ward as of the cut-off, by bed.
    fn in_ward(&self, ward: &str, page: Page) -> TroubleResult<Vec<PersonHit>>;
    /// A person with visits, newest first; `None` if the package does not know the number.
    fn person(&self, psn_no: &str) -> TroubleResult<Option<PersonView>>;
    /// A visit; `None` if the package does not know the number.
    fn visit(&self, mdtrt_id: &str) -> TroubleResult<Option<VisitView>>;
    /// Fee lines of a visit by time and serial number.
    fn fee_lines(
        &self,
        mdtrt_id: &str,
        filter: &FeeFilter,
        page: Page,
    ) -> TroubleResult<Vec<FeeLine>>;
    /// One fee line of a visit by its serial number; `None` if there is none.
    fn fee_line(&self, mdtrt_id: &str, bkkp_sn: &str) -> TroubleResult<Option<FeeLine>>;
    /// What the fees of a visit consist of.
    fn fee_summary(&self, mdtrt_id: &str, filter: &FeeFilter) -> TroubleResult<FeeSummary>;
    /// What was ordered, done, seen and written during a visit, by time.
    fn visit_events(&self, mdtrt_id: &str, page: Page) -> TroubleResult<Vec<VisitEvent>>;
    /// Orders, executions and reports that go with one fee line, by order number or item, by time; as
    /// [`FeeLine::ordered`] and its neighbours ask.
    fn line_events(
        &self,
        mdtrt_id: &str,
        bkkp_sn: &str,
        page: Page,
    ) -> TroubleResult<Vec<VisitEvent>>;
    /// Visits in which an item was billed, the largest amount first.
    fn item_visits(&self, med_list_codg: &str, page: Page) -> TroubleResult<Vec<ItemVisit>>;
    /// What the centre's rules found before the package was made, in the order of files and lists.
    fn findings(&self) -> TroubleResult<Vec<PackedFinding>>;
    /// Rule packs above the national one, in the order in which they are laid over it.
    fn rule_packs(&self) -> TroubleResult<Vec<PackedRules>>;
    /// The person's visits at other facilities within the package's span, newest first.
    fn elsewhere(&self, psn_no: &str) -> TroubleResult<Vec<VisitElsewhere>>;
}
