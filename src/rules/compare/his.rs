//! The export's side: rows of the table as lines, as far as they can be read.
//!
//! A row with a cell that cannot be read is told with row and column and is not compared; its visit is kept
//! in mind, because a line of the upload may be exactly the one that could not be read.

use std::collections::{BTreeSet, HashMap};

use spotcheck_domain::grid::Grid;

use super::layout::{Layout, is_no_data};
use super::uploaded::{NO, NUMBERS, Uploaded};
use super::value::{self, Id};
use super::{BadRow, Field, MAX_BAD, Pairing};

/// A row of the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    /// Number in the file.
    pub(super) number: u32,
    /// Position in the grid.
    pub(super) at: usize,
    /// The package's visit.
    pub(super) visit: Option<u32>,
    /// Code of the visit's cell: equal cells are equal visits.
    pub(super) cell: u32,
    pub(super) day: i32,
    pub(super) cnt: i64,
    pub(super) pric: i64,
    pub(super) amount: i64,
}

/// All rows that can be compared, and what is known of the others.
#[derive(Debug, Default)]
pub(super) struct His {
    pub(super) rows: Vec<Row>,
    pub(super) all: u64,
    pub(super) skipped: u64,
    pub(super) unreadable: u64,
    pub(super) bad: Vec<BadRow>,
    /// Visits with rows that could not be read.
    pub(super) incomplete: BTreeSet<u32>,
    /// Rows whose visit could not be read.
    pub(super) lost: u64,
    /// Rows under a merged cell took the visit of the row above.
    pub(super) carried: u64,
    /// Marks that the taken-back row carries, without a row of its own.
    pub(super) marked: u64,
}

/// Reads cells by column, each different text once.
pub(super) struct Memo<'g, T> {
    grid: &'g Grid,
    column: Option<usize>,
    seen: HashMap<u32, T>,
    read: fn(&str) -> T,
}

impl<'g, T: Clone> Memo<'g, T> {
    pub(super) fn new(grid: &'g Grid, column: Option<usize>, read: fn(&str) -> T) -> Self {
        Self { grid, column, seen: HashMap::new(), read }
    }

    pub(super) fn get(&mut self, row: usize) -> Option<T> {
        let code = self.grid.code(row, self.column?);
        if code == 0 {
            return None;
        }
        let (grid, read) = (self.grid, self.read);
        Some(self.seen.entry(code).or_insert_with(|| read(grid.text(code))).clone())
    }
}

/// Which number of a visit a column carries: the one that most rows know, and how many of the rows do.
pub(super) fn which_number(
    uploaded: &Uploaded,
    ids: impl Iterator<Item = Id>,
) -> (usize, u64, u64) {
    let (mut hits, mut all) = ([0_u64; NUMBERS], 0_u64);
    for id in ids {
        all = all.saturating_add(1);
        let Id::Is(id) = id else { continue };
        for (which, count) in hits.iter_mut().enumerate() {
            if !uploaded.by_number(which, &id).is_empty() {
                *count = count.saturating_add(1);
            }
        }
    }
    let best = hits.iter().enumerate().max_by_key(|(which, n)| (**n, std::cmp::Reverse(*which)));
    best.map_or((0, 0, all), |(which, n)| (which, *n, all))
}

/// Of several stays under one number the one in which the day lies, else the nearest.
pub(super) fn stay(uploaded: &Uploaded, stays: &[u32], day: i64) -> Option<u32> {
    let distance = |at: &&u32| {
        let Some(visit) = uploaded.visit(**at) else { return i64::MAX };
        let end = if visit.end == NO { i64::MAX } else { visit.end };
        if visit.begin != NO && day < visit.begin {
            visit.begin.saturating_sub(day)
        } else if day > end {
            day.saturating_sub(end)
        } else {
            0
        }
    };
    match stays {
        [] => None,
        [one] => Some(*one),
        many => many.iter().min_by_key(|at| (distance(at), **at)).copied(),
    }
}

/// Share of data rows without a visit from which on the column counts as merged: one in this many.
const MERGED_FROM: usize = 5;

/// Reads all rows below the header.
pub(super) fn read(grid: &Grid, layout: &Layout, pairing: &Pairing, uploaded: &Uploaded) -> His {
    let column = |field: Field| pairing.get(&field).copied();
    let visit_column = column(Field::Visit);
    let mut his = His::default();
    let mut data = Vec::new();
    for row in layout.first()..grid.height() {
        his.all = his.all.saturating_add(1);
        if is_no_data(grid, layout, row, visit_column) {
            his.skipped = his.skipped.saturating_add(1);
        } else {
            data.push(row);
        }
    }
    let mut visits = Memo::new(grid, visit_column, value::id);
    let known = data.iter().filter_map(|row| visits.get(*row));
    let (which, _, filled) = which_number(uploaded, known.collect::<Vec<_>>().into_iter());
    let empty = data.len().saturating_sub(usize::try_from(filled).unwrap_or(0));
    let merged = filled > 0 && empty.saturating_mul(MERGED_FROM) >= data.len() && empty > 0;
    let mut days = Memo::new(grid, column(Field::FeeTime), value::day);
    let mut numbers = [Field::Cnt, Field::Pric, Field::Amount]
        .map(|f| (f, Memo::new(grid, column(f), value::number)));
    let mut last_visit: Option<(u32, Id)> = None;
    for row in data {
        let number = grid.number(row);
        let mut cell = visit_column.map_or(0, |c| grid.code(row, c));
        let mut id = visits.get(row);
        if let Some(id) = &id {
            last_visit = Some((cell, id.clone()));
        } else if let (true, Some((above, carried))) = (merged, &last_visit) {
            (cell, id) = (*above, Some(carried.clone()));
            his.carried = his.carried.saturating_add(1);
        }
        let id = match id {
            Some(Id::Is(id)) => id,
            Some(Id::Lossy) => {
                his.lost = his.lost.saturating_add(1);
                his.tell(number, layout, visit_column, "号码被表格软件改成科学计数，末位已丢失");
                continue;
            }
            _ => {
                his.lost = his.lost.saturating_add(1);
                his.tell(number, layout, visit_column, "没有就诊号");
                continue;
            }
        };
        let stays = uploaded.by_number(which, &id);
        let Some(day) = days.get(row).flatten() else {
            his.incomplete.extend(stays);
            his.tell(number, layout, column(Field::FeeTime), "不是日期");
            continue;
        };
        let visit = stay(uploaded, stays, day);
        let mut read = [NO; 3];
        let mut unreadable = None;
        for ((field, memo), place) in numbers.iter_mut().zip(&mut read) {
            match memo.get(row) {
                None => {}
                Some(Some(n)) => *place = n,
                Some(None) => unreadable = Some(*field),
            }
        }
        if let Some(field) = unreadable {
            his.incomplete.extend(visit);
            his.tell(number, layout, column(field), "不是数字");
            continue;
        }
        let [mut cnt, pric, mut amount] = read;
        if cnt == NO && amount == NO {
            his.incomplete.extend(visit);
            his.tell(number, layout, column(Field::Amount), "没有数量和金额");
            continue;
        }
        if let Some(refund) = column(Field::Refund) {
            let mark = grid.cell(row, refund);
            if value::is_refund(mark, layout.name(refund)) {
                // Some systems write what was taken back with a mark instead of a minus.
                for n in [&mut cnt, &mut amount] {
                    if *n != NO && *n > 0 {
                        *n = n.saturating_neg();
                    }
                }
            } else if mark.contains("已退") {
                his.marked = his.marked.saturating_add(1);
            }
        }
        let day = i32::try_from(day).unwrap_or(i32::MIN);
        his.rows.push(Row { number, at: row, visit, cell, day, cnt, pric, amount });
    }
    his
}

impl His {
    fn tell(&mut self, row: u32, layout: &Layout, column: Option<usize>, reason: &'static str) {
        self.unreadable = self.unreadable.saturating_add(1);
        if self.bad.len() < MAX_BAD {
            let column = column.map_or("", |c| layout.name(c)).to_owned();
            self.bad.push(BadRow { row, column, reason });
        }
    }
}
