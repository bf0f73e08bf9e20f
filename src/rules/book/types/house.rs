//! Rows of a house: prices, boxes, stock, machines, staff, units, figures of the peers.

use spotcheck_domain::claims::Instant;

use super::{Moment, VisitKind};

/// A price in force for some days.
#[derive(Debug, Clone)]
pub struct Catalogue {
    /// `pric_uplmt_amt`.
    pub limit: Option<i64>,
    /// `chrgitm_lv`.
    pub level: u32,
    /// `unit`.
    pub unit: u32,
    /// First day.
    pub from: i64,
    /// Last day.
    pub to: i64,
}

/// A settled trace code.
#[derive(Debug, Clone)]
pub struct Trace {
    /// Hash of `drug_trac_codg`.
    pub code: u64,
    /// `fixmedins_code`.
    pub facility: u32,
    /// `setl_id`.
    pub settlement: u32,
    /// Visit number or [`crate::book::NONE`].
    pub visit: u32,
    /// `psn_no`.
    pub person: u32,
    /// `med_list_codg`.
    pub item: u32,
    /// `setl_time`.
    pub at: Option<Instant>,
    /// `refd_flag` = 1.
    pub refunded: bool,
    /// Row number in the source.
    pub row: u64,
}

/// A row of `trace_other`: one settlement of a box of this house at another one.
#[derive(Debug, Clone, Copy)]
pub struct SettledElsewhere {
    /// Hash of `drug_trac_codg`.
    pub code: u64,
    /// `setl_time`.
    pub at: Moment,
    /// `fixmedins_name`, else `fixmedins_code`.
    pub facility: u32,
    /// `med_list_codg`.
    pub item: u32,
    /// The digits at the end of the code, up to nine; 0 if it ends otherwise. They tell a box on a shelf.
    pub tail: u32,
    /// From `med_type`.
    pub kind: VisitKind,
    /// `refd_flag` = 1: taken back.
    pub refunded: bool,
    /// `trdn_flag` = 1: sold by the piece.
    pub split: bool,
}

/// What moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "tables 3501–3506")]
pub enum StockKind {
    Check,
    ChangeIn,
    ChangeOut,
    Purchase,
    PurchaseReturn,
    Sale,
    SaleReturn,
}

/// One movement of stock.
#[derive(Debug, Clone)]
pub struct Stock {
    /// What.
    pub kind: StockKind,
    /// `med_list_codg`.
    pub item: u32,
    /// Item name code.
    pub name: u32,
    /// Quantity, millionths, as given.
    pub quantity: i64,
    /// Price, millionths.
    pub price: Option<i64>,
    /// When.
    pub at: Option<Instant>,
    /// An invoice number is there.
    pub invoice: bool,
    /// Split packs (`trdn_flag` = 1).
    pub split: bool,
    /// Sold outside the fund (`hi_feesetl_type` = 2 or without settlement).
    pub own_money: bool,
    /// Settlement that paid a sale, [`crate::book::NONE`] if none of this book did.
    pub settlement: u32,
    /// Hashes of the trace codes.
    pub traces: Vec<u64>,
}

/// 设备.
#[derive(Debug, Clone, Default)]
pub struct Equipment {
    /// `equip_no`.
    pub code: u32,
    /// `name`.
    pub name: u32,
    /// `model`.
    pub model: Box<str>,
    /// `in_use_date`.
    pub in_use: Option<Instant>,
    /// `stop_begn`.
    pub stop_from: Option<Instant>,
    /// `stop_end`.
    pub stop_to: Option<Instant>,
    /// `item_codes`, split.
    pub items: Vec<Box<str>>,
    /// Day, uses, minutes.
    pub log: Vec<(i64, Option<i64>, Option<i64>)>,
}

/// 医执人员.
#[derive(Debug, Clone)]
pub struct Staff {
    /// `prac_psn_type`.
    pub kind: u32,
    /// `hi_dr_flag`: `Some(false)` if 0.
    pub insured: Option<bool>,
    /// `begntime`.
    pub begin: Option<Instant>,
    /// `endtime`.
    pub end: Option<Instant>,
}

/// A unit of the facility.
#[derive(Debug, Clone)]
pub struct Unit {
    /// `unit_type`.
    pub kind: u32,
    /// `unit_name`.
    pub name: u32,
    /// `begntime`.
    pub begin: Option<Instant>,
    /// `endtime`.
    pub end: Option<Instant>,
    /// `value`.
    pub value: String,
}

/// Figures of the peers for one rule.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Rule id.
    pub rule: String,
    /// Group.
    pub group: String,
    /// Period.
    pub period: String,
    /// Peers.
    pub n: i64,
    /// Median, millionths.
    pub median: Option<i64>,
    /// Median absolute deviation, millionths.
    pub mad: Option<i64>,
}
