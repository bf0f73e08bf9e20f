//! The fee lines of a book, column by column, each as narrow as its numbers.
//!
//! Kernels ask for the lines of a visit that they mean; item and flags are looked at first, and only a line
//! that is meant is put together from the other columns. Twelve million lines cost about 49 bytes each.

use std::collections::HashMap;

use super::narrow::{Codes, Numbers, Rows, gather};
use super::{DAY_S, Visit};

/// A line without a time.
pub const NO_TIME: i64 = i64::MIN;

/// Bits of [`Line::flags`].
pub mod flag {
    /// Known to the day only.
    pub const DAY: u16 = 1;
    /// `cnt` is there.
    pub const QUANTITY: u16 = 2;
    /// `pric` is there.
    pub const PRICE: u16 = 4;
    /// `det_item_fee_sumamt` is there.
    pub const AMOUNT: u16 = 8;
    /// A charge with something left after netting: rules look at these only.
    pub const CHARGE: u16 = 16;
    /// Taken home at discharge (`dscg_tkdrug_flag` = 1).
    pub const TAKE_HOME: u16 = 32;
    /// Examined elsewhere (`etip_flag` = 1).
    pub const ELSEWHERE: u16 = 64;
    /// `inscp_amt` is above zero: the fund took part.
    pub const COVERED: u16 = 128;
    /// `drord_no` is an order of the visit.
    pub const ORDERED: u16 = 256;
    /// `rx_drord_no` is there.
    pub const PRESCRIBED: u16 = 512;
    /// A refund whose original is not in the data.
    pub const ORPHAN: u16 = 1024;
    /// `rx_circ_flag` = 1: a prescription that circulated from elsewhere.
    pub const CIRCULATED: u16 = 2048;
    /// What was executed under its order is another item, and nothing of its own.
    pub const SWAPPED: u16 = 4096;
    /// It is known how much of the line was in the fund's scope: [`super::Lines::in_scope`].
    pub const SCOPED: u16 = 8192;
    /// Nothing of the line was in the fund's scope: the patient paid it alone.
    pub const SELF_PAID: u16 = 16_384;
    /// It is known how much of the line the patient paid for being above a limit: [`super::Lines::above_limit`].
    pub const LIMITED: u16 = 32_768;
}

/// Money and quantities: millionths, mostly whole ten-thousandths.
pub(super) type Millionths = Numbers<100, 0>;
/// Beijing seconds from 1970 to 2106.
pub(super) type Seconds = Numbers<1, 2_147_483_648>;

/// Fee lines; line `n` is row `n` of every column.
#[derive(Debug, Default)]
pub struct Lines {
    /// Index into [`super::Book::settlements`] or [`super::NONE`].
    pub(super) settlement: Vec<u32>,
    /// Index into [`super::Book::items`].
    pub(super) item: Codes,
    pub(super) time: Seconds,
    pub(super) flags: Vec<u16>,
    /// After refunds.
    pub(super) quantity: Millionths,
    pub(super) price: Millionths,
    /// After refunds.
    pub(super) amount: Millionths,
    /// What of the amount is outside the fund's scope; 0 where that is not known. After refunds.
    pub(super) outside: Millionths,
    /// What the patient paid for being above a limit (`overlmt_selfpay`), where that is more than nothing.
    pub(super) limited: HashMap<u32, i64>,
    /// `bilg_dept_codg`.
    pub(super) department: Codes,
    /// `bilg_dr_code`.
    pub(super) doctor: Codes,
    /// `acord_dr_code`.
    pub(super) orderer: Codes,
    /// `dise_codg`.
    pub(super) disease: Codes,
    /// Number of `rx_drord_no` inside the visit, 0 for none.
    pub(super) prescription: Codes,
    /// `prd_days`, whole days, 0 if missing.
    pub(super) days: Codes,
    /// Row number in the source.
    pub(super) row: Rows,
}

impl Lines {
    /// Room for so many; a source that says more than it has costs no memory.
    pub(super) fn reserve(&mut self, lines: usize) {
        self.settlement.reserve_exact(lines);
        self.item.reserve(lines);
        self.time.reserve(lines);
        self.flags.reserve_exact(lines);
        self.quantity.reserve(lines);
        self.price.reserve(lines);
        self.amount.reserve(lines);
        self.outside.reserve(lines);
        self.department.reserve(lines);
        self.doctor.reserve(lines);
        self.orderer.reserve(lines);
        self.disease.reserve(lines);
        self.days.reserve(lines);
        self.row.reserve(lines);
    }

    /// Puts the line `order[n]` at `n` in all columns, one column after the other.
    pub(super) fn gather(&mut self, order: &[u32]) {
        gather(&mut self.settlement, order);
        self.item.gather(order);
        self.time.gather(order);
        gather(&mut self.flags, order);
        self.quantity.gather(order);
        self.price.gather(order);
        self.amount.gather(order);
        self.outside.gather(order);
        if !self.limited.is_empty() {
            let old = std::mem::take(&mut self.limited);
            let new = order.iter().enumerate();
            let kept = new.filter_map(|(n, came)| Some((super::row_of(n), *old.get(came)?)));
            self.limited = kept.collect();
        }
        self.department.gather(order);
        self.doctor.gather(order);
        self.orderer.gather(order);
        self.disease.gather(order);
        self.days.gather(order);
        self.row.gather(order);
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.flags.len()
    }

    /// True without lines.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.flags.is_empty()
    }

    /// Flags of a line, 0 if there is no such line.
    #[must_use]
    pub fn flags(&self, line: u32) -> u16 {
        self.flags.get(usize::try_from(line).unwrap_or(usize::MAX)).copied().unwrap_or(0)
    }

    /// The flags that some line has.
    #[must_use]
    pub fn any_flags(&self) -> u16 {
        self.flags.iter().fold(0, |seen, f| seen | f)
    }

    /// True if some line names who billed.
    #[must_use]
    pub fn any_doctor(&self) -> bool {
        self.doctor.different().iter().any(|d| *d != 0)
    }

    /// Settlement of a line, [`super::NONE`] if it has none.
    #[must_use]
    pub fn settlement(&self, line: u32) -> u32 {
        let own = self.settlement.get(usize::try_from(line).unwrap_or(usize::MAX));
        own.copied().unwrap_or(super::NONE)
    }

    /// What of a line's amount was in the fund's scope (`inscp_amt`, after refunds), millionths; `None` where the
    /// upload does not say it.
    #[must_use]
    pub fn in_scope(&self, line: u32) -> Option<i64> {
        if self.flags(line) & flag::SCOPED == 0 {
            return None;
        }
        Some(self.amount.get(line)?.saturating_sub(self.outside.get(line)?).max(0))
    }

    /// What the patient paid of a line for being above a limit (`overlmt_selfpay`), millionths; `None` where the
    /// upload does not say it.
    #[must_use]
    pub fn above_limit(&self, line: u32) -> Option<i64> {
        let known = self.flags(line) & flag::LIMITED != 0;
        known.then(|| self.limited.get(&line).copied().unwrap_or(0))
    }

    /// Row of a line in the source.
    #[must_use]
    pub fn row(&self, line: u32) -> Option<u64> {
        self.row.get(line)
    }

    /// A line.
    #[must_use]
    pub fn get(&self, at: u32) -> Option<Line> {
        self.gathered(at, self.item.get(at)?, self.flags(at))
    }

    fn gathered(&self, at: u32, item: u32, flags: u16) -> Option<Line> {
        Some(Line {
            at,
            settlement: self.settlement(at),
            item,
            time: self.time.get(at)?,
            flags,
            quantity: self.quantity.get(at)?,
            price: self.price.get(at)?,
            amount: self.amount.get(at)?,
        })
    }

    /// The charges of a visit in order of time whose item and flags are wanted.
    pub(crate) fn charges<'a, F>(
        &'a self,
        visit: &Visit,
        wanted: F,
    ) -> impl Iterator<Item = Line> + use<'a, F>
    where
        F: Fn(u32, u16) -> bool,
    {
        let (from, to) = visit.lines;
        let bounds = usize::try_from(from).unwrap_or(usize::MAX)..usize::try_from(to).unwrap_or(0);
        let flags = self.flags.get(bounds).unwrap_or_default();
        (from..to).zip(flags).filter_map(move |(at, flags)| {
            if flags & flag::CHARGE == 0 {
                return None;
            }
            let item = self.item.get(at)?;
            if wanted(item, *flags) { self.gathered(at, item, *flags) } else { None }
        })
    }
}

/// One fee line, gathered.
#[derive(Debug, Clone, Copy)]
pub struct Line {
    /// Its number.
    pub at: u32,
    /// Index into [`super::Book::settlements`] or [`super::NONE`].
    pub settlement: u32,
    /// Index into [`super::Book::items`].
    pub item: u32,
    /// Beijing seconds or [`NO_TIME`].
    pub time: i64,
    /// See [`flag`].
    pub flags: u16,
    /// Quantity after refunds, millionths.
    pub quantity: i64,
    /// Price, millionths.
    pub price: i64,
    /// Amount after refunds, millionths.
    pub amount: i64,
}

impl Line {
    /// The day, if the line has a time.
    #[must_use]
    pub const fn day(self) -> Option<i64> {
        if self.time == NO_TIME { None } else { Some(self.time.div_euclid(DAY_S)) }
    }

    /// True if a flag is set.
    #[must_use]
    pub const fn has(self, flag: u16) -> bool {
        self.flags & flag != 0
    }
}
