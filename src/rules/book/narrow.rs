//! Columns of whole numbers, as narrow as what stands in them.
//!
//! A county hospital has 12 M fee lines, so every byte of a line is 12 MB of the handheld. Amounts come in
//! millionths but nearly always are whole ten-thousandths; codes are of a dictionary of millions, but one
//! column holds some hundreds of them. What does not fit stands beside its column, exactly as given; where
//! much does not fit, the column becomes a wide one. Nothing is rounded, and nobody outside sees the width.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A position of a column as an index.
fn index(at: u32) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}

/// Numbers that are mostly `BASE + n · UNIT` with an `n` of 32 bits.
#[derive(Debug, Default)]
pub(crate) struct Numbers<const UNIT: i64, const BASE: i64> {
    cells: Vec<i32>,
    /// What does not fit, by line.
    odd: HashMap<u32, i64>,
    /// Everything, once too much did not fit; the others are empty then.
    wide: Vec<i64>,
}

/// The number stands in `odd`.
const ODD: i32 = i32::MIN;
/// The number is `i64::MIN`: no time.
const NOTHING: i32 = i32::MIN + 1;
/// Odd numbers that a column may have before one in sixteen is too many.
const ODD_AT_LEAST: usize = 4_096;

impl<const UNIT: i64, const BASE: i64> Numbers<UNIT, BASE> {
    /// Room for so many.
    pub(crate) fn reserve(&mut self, lines: usize) {
        self.cells.reserve_exact(lines);
    }

    fn narrow(value: i64) -> i32 {
        if value == i64::MIN {
            return NOTHING;
        }
        let Some(from) = value.checked_sub(BASE) else { return ODD };
        let n = from.checked_div(UNIT).unwrap_or(0);
        let whole = n.checked_mul(UNIT) == Some(from);
        i32::try_from(n).ok().filter(|n| whole && *n > NOTHING).unwrap_or(ODD)
    }

    fn widened(cell: i32) -> i64 {
        i64::from(cell).saturating_mul(UNIT).saturating_add(BASE)
    }

    /// Adds a number.
    pub(crate) fn push(&mut self, value: i64) {
        if !self.wide.is_empty() {
            return self.wide.push(value);
        }
        let cell = Self::narrow(value);
        if cell == ODD {
            self.odd.insert(super::row_of(self.cells.len()), value);
        }
        self.cells.push(cell);
        self.widen_if_odd();
    }

    /// The number of a line.
    #[inline]
    pub(crate) fn get(&self, at: u32) -> Option<i64> {
        match self.cells.get(index(at)) {
            Some(&ODD) => self.odd.get(&at).copied(),
            Some(&NOTHING) => Some(i64::MIN),
            Some(cell) => Some(Self::widened(*cell)),
            None => self.wide.get(index(at)).copied(),
        }
    }

    /// Changes the number of a line that is there.
    pub(crate) fn set(&mut self, at: u32, value: i64) {
        if let Some(cell) = self.wide.get_mut(index(at)) {
            *cell = value;
        }
        if let Some(cell) = self.cells.get_mut(index(at)) {
            if *cell == ODD {
                self.odd.remove(&at);
            }
            *cell = Self::narrow(value);
            if *cell == ODD {
                self.odd.insert(at, value);
                self.widen_if_odd();
            }
        }
    }

    fn widen_if_odd(&mut self) {
        let most = self.cells.len().saturating_div(16).saturating_add(ODD_AT_LEAST);
        if self.odd.len() > most {
            let all = super::row_of(self.cells.len());
            self.wide = (0..all).filter_map(|at| self.get(at)).collect();
            self.cells = Vec::new();
            self.odd = HashMap::new();
        }
    }

    /// Puts the line `order[n]` at `n`.
    pub(crate) fn gather(&mut self, order: &[u32]) {
        if !self.odd.is_empty() {
            let mut odd = HashMap::with_capacity(self.odd.len());
            for (new, old) in order.iter().enumerate() {
                if let Some(value) = self.odd.get(old) {
                    odd.insert(super::row_of(new), *value);
                }
            }
            self.odd = odd;
        }
        gather(&mut self.cells, order);
        gather(&mut self.wide, order);
    }
}

/// Puts the cell `order[n]` at `n`; a column without cells stays one.
pub(crate) fn gather<T: Copy>(column: &mut Vec<T>, order: &[u32]) {
    if !column.is_empty() {
        let sorted = order.iter().filter_map(|n| column.get(index(*n)).copied());
        let mut all = Vec::with_capacity(order.len());
        all.extend(sorted);
        *column = all;
    }
}

/// Fibonacci hashing: codes of a dictionary are small numbers that nobody chose.
#[derive(Debug, Default)]
pub(crate) struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32(u32::from(*byte));
        }
    }

    fn write_u32(&mut self, n: u32) {
        self.write_u64(u64::from(n));
    }

    fn write_u64(&mut self, n: u64) {
        let mixed = (self.0 ^ n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 32);
    }
}

/// Codes, of which one column holds few different ones: places in a table of its own.
#[derive(Debug, Default)]
pub(crate) struct Codes {
    cells: Vec<u16>,
    table: Vec<u32>,
    known: HashMap<u32, u16, BuildHasherDefault<Spread>>,
    last: Option<(u32, u16)>,
    /// The codes themselves, once there are more than places; the others are empty then.
    wide: Vec<u32>,
}

impl Codes {
    /// Room for so many.
    pub(crate) fn reserve(&mut self, lines: usize) {
        self.cells.reserve_exact(lines);
    }

    /// Adds a code.
    pub(crate) fn push(&mut self, code: u32) {
        if !self.wide.is_empty() {
            return self.wide.push(code);
        }
        if let Some((_, place)) = self.last.filter(|l| l.0 == code) {
            return self.cells.push(place);
        }
        let place = match self.known.get(&code) {
            Some(place) => *place,
            None => {
                let Ok(place) = u16::try_from(self.table.len()) else {
                    return self.widen(code);
                };
                self.table.push(code);
                self.known.insert(code, place);
                place
            }
        };
        self.last = Some((code, place));
        self.cells.push(place);
    }

    fn widen(&mut self, code: u32) {
        let cells = std::mem::take(self);
        let mut wide = Vec::with_capacity(cells.cells.capacity());
        wide.extend(cells.cells.iter().filter_map(|p| cells.table.get(usize::from(*p)).copied()));
        wide.push(code);
        self.wide = wide;
    }

    /// The code of a line.
    #[inline]
    pub(crate) fn get(&self, at: u32) -> Option<u32> {
        match self.cells.get(index(at)) {
            Some(place) => self.table.get(usize::from(*place)).copied(),
            None => self.wide.get(index(at)).copied(),
        }
    }

    /// Every different code that was added.
    pub(crate) fn different(&self) -> &[u32] {
        if self.wide.is_empty() { &self.table } else { &self.wide }
    }

    /// Puts the line `order[n]` at `n`.
    pub(crate) fn gather(&mut self, order: &[u32]) {
        gather(&mut self.cells, order);
        gather(&mut self.wide, order);
    }
}

/// Numbers of rows in a source: of one file 32 bits, with that of the file above them (centre).
#[derive(Debug, Default)]
pub(crate) struct Rows {
    low: Vec<u32>,
    /// Empty as long as all are 0.
    high: Codes,
    files: bool,
}

impl Rows {
    /// Room for so many.
    pub(crate) fn reserve(&mut self, lines: usize) {
        self.low.reserve_exact(lines);
    }

    /// Adds the number of a row.
    pub(crate) fn push(&mut self, row: u64) {
        let high = u32::try_from(row >> 32).unwrap_or(u32::MAX);
        if high != 0 && !self.files {
            self.files = true;
            (0..self.low.len()).for_each(|_| self.high.push(0));
        }
        if self.files {
            self.high.push(high);
        }
        self.low.push(u32::try_from(row & 0xffff_ffff).unwrap_or(0));
    }

    /// The number of the row of a line.
    pub(crate) fn get(&self, at: u32) -> Option<u64> {
        let low = *self.low.get(index(at))?;
        let high = if self.files { self.high.get(at)? } else { 0 };
        Some((u64::from(high) << 32) | u64::from(low))
    }

    /// Puts the line `order[n]` at `n`.
    pub(crate) fn gather(&mut self, order: &[u32]) {
        gather(&mut self.low, order);
        self.high.gather(order);
    }
}

#[cfg(test)]
mod tests {
    use super::{Codes, Numbers, Rows};

    type Money = Numbers<100, 0>;
    type Times = Numbers<1, 2_147_483_648>;

    fn order(lines: usize) -> Vec<u32> {
        (0..lines as u32).rev().collect()
    }

    fn holds<const U: i64, const B: i64>(values: &[i64]) {
        let mut column = Numbers::<U, B>::default();
        values.iter().for_each(|v| column.push(*v));
        for (n, value) in values.iter().enumerate() {
            assert_eq!(column.get(n as u32), Some(*value));
        }
        column.gather(&order(values.len()));
        for (n, value) in values.iter().rev().enumerate() {
            assert_eq!(column.get(n as u32), Some(*value), "after the order at {n}");
        }
        assert_eq!(column.get(values.len() as u32), None);
    }

    #[test]
    fn every_number_comes_back_as_it_was_given() {
        let edges = [0, 1, -1, 99, 100, -100, i64::MAX, i64::MIN, i64::MIN + 1, 214_748_364_700];
        let near = |base: i64| [base, base - 1, base + 1, base + i64::from(i32::MAX)];
        let low = [i64::from(i32::MIN), i64::from(i32::MIN) + 1, i64::from(i32::MIN) + 2];
        let low = low.iter().flat_map(|n| [n * 100, n + 2_147_483_648]);
        let values: Vec<i64> = edges.into_iter().chain(near(2_147_483_648)).chain(low).collect();
        holds::<100, 0>(&values);
        holds::<1, 2_147_483_648>(&values);
    }

    #[test]
    fn many_odd_numbers_make_a_wide_column_and_stay_exact() {
        let values: Vec<i64> = (0..20_000).map(|n| n * 37 + 1).collect();
        holds::<100, 0>(&values);
        let mut column = Money::default();
        values.iter().for_each(|v| column.push(*v));
        assert!(column.cells.is_empty() && column.odd.is_empty());
        column.set(7, 5);
        assert_eq!(column.get(7), Some(5));
    }

    #[test]
    fn a_changed_number_may_become_odd_and_even_again() {
        let mut column = Money::default();
        for value in [100, 101, 200] {
            column.push(value);
        }
        column.set(0, 33);
        column.set(1, 300);
        assert_eq!([column.get(0), column.get(1), column.get(2)], [Some(33), Some(300), Some(200)]);
        column.set(0, 0);
        assert!(column.odd.is_empty());
        assert_eq!(column.get(0), Some(0));
    }

    #[test]
    fn times_of_a_century_are_narrow() {
        let mut column = Times::default();
        for second in [86_400, 1_795_138_200, 4_102_444_800, i64::MIN] {
            column.push(second);
        }
        assert!(column.odd.is_empty() && column.wide.is_empty());
        assert_eq!(column.get(2), Some(4_102_444_800));
        assert_eq!(column.get(3), Some(i64::MIN));
    }

    #[test]
    fn more_codes_than_places_make_a_wide_column() {
        let codes: Vec<u32> = (0..70_000).map(|n| n * 13 + 5).collect();
        let mut column = Codes::default();
        codes.iter().for_each(|c| column.push(*c));
        column.push(5);
        assert!(column.cells.is_empty());
        assert_eq!(column.get(69_999), Some(69_999 * 13 + 5));
        assert_eq!(column.get(70_000), Some(5));
        column.gather(&order(70_001));
        assert_eq!((column.get(0), column.get(1)), (Some(5), Some(69_999 * 13 + 5)));
    }

    #[test]
    fn codes_of_few_kinds_are_places() {
        let mut column = Codes::default();
        for code in [900_000, 7, 900_000, 0, 7] {
            column.push(code);
        }
        assert_eq!(column.table, [900_000, 7, 0]);
        column.gather(&[4, 0]);
        assert_eq!((column.get(0), column.get(1), column.get(2)), (Some(7), Some(900_000), None));
    }

    #[test]
    fn rows_of_several_files_keep_their_file() {
        let rows = [3, 9, (2 << 32) | 1, (70_000 << 32) | u64::from(u32::MAX), 4];
        let mut column = Rows::default();
        rows.iter().for_each(|r| column.push(*r));
        column.gather(&order(5));
        let back: Vec<u64> = (0..5).rev().filter_map(|at| column.get(at)).collect();
        assert_eq!(back, rows);
    }
}
