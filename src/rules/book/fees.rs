//! Reading the fee lines: one scan, each cell at once into its narrow column.

use std::collections::HashMap;

use spotcheck_domain::columns::{code, number, text, time};
use spotcheck_domain::time::Precision;

use super::load::{ByCode, Loader, hash64, row_number};
use super::order::Raw;
use super::types::Item;
use super::{NO_TIME, NONE, flag};
use crate::engine::{Stage, Watch};
use crate::error::{Error, Result};

/// Lines for which room is made beforehand at most: a source may say more than it has.
const ROOM: usize = 1 << 25;

/// What of an amount was in the fund's scope: as uploaded, else nothing where the patient paid the whole of it.
fn in_scope(amount: i64, told: Option<i64>, own: Option<i64>) -> Option<i64> {
    told.or_else(|| own.filter(|own| amount > 0 && *own >= amount).map(|_| 0))
}

impl Loader<'_> {
    /// Reads all lines of the facility, brings them into their order and sets refunds off.
    pub(super) fn fee_lines(&mut self, watch: &mut dyn Watch) -> Result<()> {
        let wants = [
            code("mdtrt_id"),
            text("bkkp_sn"),
            text("init_feedetl_sn"),
            code("setl_id"),
            time("fee_ocur_time"),
            code("med_list_codg"),
            code("hilist_name"),
            code("medins_list_name"),
            code("list_type"),
            code("med_chrgitm_type"),
            code("chrgitm_lv"),
            number("cnt"),
            number("pric"),
            number("det_item_fee_sumamt"),
            number("inscp_amt"),
            code("bilg_dept_codg"),
            code("bilg_dr_code"),
            code("acord_dr_code"),
            text("rx_drord_no"),
            text("drord_no"),
            number("prd_days"),
            code("dscg_tkdrug_flag"),
            code("etip_flag"),
            code("rx_circ_flag"),
            code("dise_codg"),
            code("vali_flag"),
            number("fulamt_ownpay_amt"),
            number("overlmt_selfpay"),
        ];
        let rows = self.book.rows.get("fee_list_d").copied().unwrap_or(0);
        let room = usize::try_from(rows).unwrap_or(0).min(ROOM);
        let mut raw = Raw::with_capacity(room);
        self.book.lines.reserve(room);
        let mut items: HashMap<[u32; 5], u32> = HashMap::new();
        let mut last = ByCode::default();
        let mut keys: Vec<[u32; 5]> = Vec::new();
        let orders = std::mem::take(&mut self.order_numbers);
        let executed = std::mem::take(&mut self.executed);
        let mut stopped = false;
        let result = self.each("fee_list_d", &wants, |l, b, n| {
            let lines = l.book.counts.lines.saturating_add(1);
            l.book.counts.lines = lines;
            if lines & 0xfffff == 0 && !watch.progress(Stage::Lines, lines, rows) {
                stopped = true;
                return Err(crate::error::cancelled());
            }
            l.want_text(b.code(24, n));
            let visit = l.visits.get(b.code(0, n));
            if visit == NONE {
                l.book.counts.lines_without_visit =
                    l.book.counts.lines_without_visit.saturating_add(1);
                return Ok(());
            }
            if l.is(b.code(25, n), "0")? {
                l.book.counts.invalid = l.book.counts.invalid.saturating_add(1);
                return Ok(());
            }
            let name = if b.code(6, n) == 0 { b.code(7, n) } else { b.code(6, n) };
            let key = [b.code(5, n), name, b.code(8, n), b.code(9, n), b.code(10, n)];
            let known = last.get(key[0]);
            let same = usize::try_from(known).ok().and_then(|at| keys.get(at)) == Some(&key);
            let item = if same {
                known
            } else {
                let new = row_number(keys.len());
                let at = *items.entry(key).or_insert(new);
                if at == new {
                    keys.push(key);
                }
                last.set(key[0], at);
                at
            };
            let mut flags = 0_u16;
            let mut set = |bit: u16, on: bool| flags |= if on { bit } else { 0 };
            let at = b.time(4, n);
            set(flag::DAY, at.is_some_and(|i| i.p == Precision::Day));
            set(flag::QUANTITY, b.number(11, n).is_some());
            set(flag::PRICE, b.number(12, n).is_some());
            set(flag::AMOUNT, b.number(13, n).is_some());
            set(flag::COVERED, b.number(14, n).is_some_and(|a| a > 0));
            let amount = b.number(13, n).unwrap_or(0);
            let inside = in_scope(amount, b.number(14, n), b.number(26, n));
            set(flag::SCOPED, inside.is_some());
            set(flag::SELF_PAID, inside.is_some_and(|i| i <= 0) && amount > 0);
            let limited = b.number(27, n);
            set(flag::LIMITED, limited.is_some());
            set(flag::TAKE_HOME, l.is(b.code(21, n), "1")?);
            set(flag::ELSEWHERE, l.is(b.code(22, n), "1")?);
            set(flag::CIRCULATED, l.is(b.code(23, n), "1")?);
            set(flag::PRESCRIBED, b.text(18, n).is_some());
            let order = b.text(19, n).map(hash64);
            set(flag::ORDERED, order.is_some_and(|o| orders.binary_search(&(visit, o)).is_ok()));
            let other = |o: u64| {
                let from = executed.partition_point(|e| (e.0, e.1) < (visit, o));
                let own = executed.iter().skip(from).take_while(|e| (e.0, e.1) == (visit, o));
                let mut own = own.filter(|e| e.2 != 0 || e.3 != 0).peekable();
                let same = |e: &(u32, u64, u32, u32)| {
                    (e.2 != 0 && e.2 == b.code(5, n)) || (e.3 != 0 && e.3 == name)
                };
                own.peek().is_some() && !own.any(same)
            };
            set(flag::SWAPPED, order.is_some_and(other));
            raw.push(visit, (b.text(1, n), b.text(2, n)), b.text(18, n));
            let c = &mut l.book.lines;
            c.settlement.push(l.settlements.get(b.code(3, n)));
            c.item.push(item);
            c.time.push(at.map_or(NO_TIME, |i| i.at.seconds()));
            c.flags.push(flags);
            c.quantity.push(b.number(11, n).unwrap_or(0));
            c.price.push(b.number(12, n).unwrap_or(0));
            c.amount.push(amount);
            c.outside.push(inside.map_or(0, |i| amount.saturating_sub(i)));
            if let Some(limited) = limited.filter(|l| *l > 0) {
                c.limited.insert(row_number(c.flags.len().saturating_sub(1)), limited);
            }
            c.department.push(b.code(15, n));
            c.doctor.push(b.code(16, n));
            c.orderer.push(b.code(17, n));
            let days = b.number(20, n).unwrap_or(0).div_euclid(super::ONE).clamp(0, 10_000);
            c.days.push(u32::try_from(days).unwrap_or(0));
            c.disease.push(b.code(24, n));
            c.row.push(b.rows.get(n).copied().unwrap_or(0));
            Ok(())
        });
        if stopped {
            return Err(Error::Cancelled);
        }
        result?;
        drop((orders, executed, items, last));
        self.name_items(&keys)?;
        let order = raw.order(&mut self.book);
        raw.net(&order, &mut self.book);
        Ok(())
    }

    fn name_items(&mut self, keys: &[[u32; 5]]) -> Result<()> {
        for key in keys {
            let word = |l: &mut Self, code| l.word(code).map_err(Error::Source);
            let item = Item {
                code: key[0],
                med_list_codg: word(self, key[0])?,
                name: word(self, key[1])?,
                list_type: word(self, key[2])?,
                med_chrgitm_type: word(self, key[3])?,
                chrgitm_lv: word(self, key[4])?,
            };
            self.book.items.push(item);
        }
        Ok(())
    }
}
