//! Fee lines in their order, and refunds set off.
//!
//! Lines are put in order by counting per visit and sorting inside a visit, because a comparison sort over
//! 12 M lines would cost more than reading them. What only the order and the setting off need is never put
//! in order itself: it is asked for by the place at which a line came.

use std::collections::{BTreeSet, HashMap};
use std::hash::BuildHasherDefault;

use super::load::{hash64, row_number, serial};
use super::narrow::{Codes, Spread};
use super::types::{Settlement, Visit};
use super::{Book, Lines, flag};
use crate::netting::{NetLine, NetState, net};

/// What of the lines is needed only until they are in order; line by line as they came.
#[derive(Debug, Default)]
pub(super) struct Raw {
    /// Visits with how many lines of theirs came one after the other: packages lie by visit.
    runs: Vec<(u32, u32)>,
    /// Of `bkkp_sn`, 0 if missing.
    serial: Vec<u64>,
    /// Hash of `rx_drord_no`, 0 if missing.
    prescription: Vec<u64>,
    /// Line and serial of `init_feedetl_sn`; few lines have one.
    originals: Vec<(u32, u64)>,
}

fn cell<T>(column: &[T], at: u32) -> Option<&T> {
    column.get(usize::try_from(at).ok()?)
}

impl Raw {
    pub(super) fn with_capacity(rows: usize) -> Self {
        Self {
            serial: Vec::with_capacity(rows),
            prescription: Vec::with_capacity(rows),
            ..Self::default()
        }
    }

    /// Adds a line of a visit: `bkkp_sn` and `init_feedetl_sn`, `rx_drord_no`.
    pub(super) fn push(
        &mut self,
        visit: u32,
        (own, original): (Option<&str>, Option<&str>),
        prescription: Option<&str>,
    ) {
        if let Some(original) = original {
            self.originals.push((row_number(self.serial.len()), serial(original)));
        }
        self.serial.push(own.map_or(0, serial));
        self.prescription.push(prescription.map_or(0, hash64));
        match self.runs.last_mut() {
            Some((last, lines)) if *last == visit => *lines = lines.saturating_add(1),
            _ => self.runs.push((visit, 1)),
        }
    }

    /// Brings all columns into the order (visit, time, serial) and says where each line came.
    pub(super) fn order(&mut self, book: &mut Book) -> Vec<u32> {
        let mut next = vec![0_u32; book.visits.len()];
        for (visit, lines) in &self.runs {
            if let Some(n) = usize::try_from(*visit).ok().and_then(|v| next.get_mut(v)) {
                *n = n.saturating_add(*lines);
            }
        }
        let mut at = 0_u32;
        for (visit, n) in book.visits.iter_mut().zip(&mut next) {
            let to = at.saturating_add(*n);
            visit.lines = (at, to);
            *n = at;
            at = to;
        }
        let mut order = vec![0_u32; self.serial.len()];
        let mut came = 0_u32;
        for (visit, lines) in std::mem::take(&mut self.runs) {
            let slot = usize::try_from(visit).ok().and_then(|v| next.get_mut(v));
            let to = came.saturating_add(lines);
            if let Some(slot) = slot {
                let places = order.iter_mut().skip(usize::try_from(*slot).unwrap_or(usize::MAX));
                places.zip(came..to).for_each(|(place, n)| *place = n);
                *slot = slot.saturating_add(lines);
            }
            came = to;
        }
        drop(next);
        let (time, serial) = (&book.lines.time, &self.serial);
        let key = |n: &u32| (time.get(*n), cell(serial, *n).copied());
        let mut numbered = Codes::default();
        numbered.reserve(order.len());
        for visit in &book.visits {
            let bounds = usize::try_from(visit.lines.0).unwrap_or(0)
                ..usize::try_from(visit.lines.1).unwrap_or(0);
            let Some(own) = order.get_mut(bounds) else { continue };
            own.sort_unstable_by_key(key);
            number(own, &self.prescription, &mut numbered);
        }
        self.prescription = Vec::new();
        book.lines.prescription = numbered;
        book.lines.gather(&order);
        order
    }

    /// K0, visit by visit, and the flags that follow from it.
    pub(super) fn net(self, order: &[u32], book: &mut Book) {
        let originals: HashMap<u32, u64> = self.originals.into_iter().collect();
        let mut buffer: Vec<NetLine> = Vec::new();
        let Book { visits, lines, settlements, counts, .. } = book;
        for visit in visits.iter() {
            buffer.clear();
            let cancelled = without_lines(lines, settlements, visit);
            let range = visit.lines.0..visit.lines.1;
            let pick = |at: u32| -> Option<NetLine> {
                let came = *cell(order, at)?;
                let serial = *cell(&self.serial, came)?;
                let original = originals.get(&came).copied().unwrap_or(0);
                let (quantity, amount) = (lines.quantity.get(at)?, lines.amount.get(at)?);
                let line = NetLine::new(serial, original, lines.item.get(at)?, quantity, amount);
                let cancelled = cancelled.contains(&lines.settlement(at));
                Some(NetLine { time: lines.time.get(at)?, cancelled, ..line })
            };
            buffer.extend(range.clone().filter_map(pick));
            net(&mut buffer);
            for (at, line) in range.zip(&buffer) {
                // What is left of a line lies in the scope as the whole of it did.
                if let (Some(had), Some(outside)) = (lines.amount.get(at), lines.outside.get(at))
                    && outside != 0
                    && had != line.amount
                {
                    lines.outside.set(at, crate::kernel::muldiv(outside, line.amount, had));
                }
                lines.quantity.set(at, line.quantity);
                lines.amount.set(at, line.amount);
                let flags = lines.flags.get_mut(usize::try_from(at).unwrap_or(usize::MAX));
                if let Some(f) = flags {
                    if line.is_charge() && *f & flag::QUANTITY != 0 {
                        *f |= flag::CHARGE;
                        counts.charges = counts.charges.saturating_add(1);
                    }
                    if line.state == NetState::Orphan {
                        *f |= flag::ORPHAN;
                        counts.orphan_refunds = counts.orphan_refunds.saturating_add(1);
                    }
                }
            }
        }
    }
}

/// Settlements of a visit whose lines say nothing any more: cancelled ones with those that cancelled them.
///
/// Judged pair by pair. Negative lines of the *cancelling* settlement tell what was taken back, and are set off like
/// all refunds; a correction at the till, inside the cancelled bill, tells nothing of its cancelling. Where the
/// amounts say that everything came back, nothing is left of either, however their lines are written: the house
/// that turns every line round turns a correction into a charge.
fn without_lines(lines: &Lines, settlements: &[Settlement], visit: &Visit) -> Vec<u32> {
    let (from, to) = visit.settlements;
    let state = |at: u32| usize::try_from(at).ok().and_then(|n| settlements.get(n));
    let all = || (from..to).filter_map(|at| Some((at, state(at)?)));
    if !all().any(|(_, s)| s.cancelled) {
        return Vec::new();
    }
    // Settlements that have lines at all, and that have negative ones.
    let (mut with, mut negative) = (BTreeSet::new(), BTreeSet::new());
    for at in visit.lines.0..visit.lines.1 {
        let own = lines.settlement(at);
        with.insert(own);
        if lines.quantity.get(at).is_some_and(|q| q < 0)
            || lines.amount.get(at).is_some_and(|a| a < 0)
        {
            negative.insert(own);
        }
    }
    let mut gone = Vec::new();
    for (at, s) in all().filter(|(_, s)| s.cancelled) {
        if s.takes_back.is_some() {
            if !negative.contains(&at) {
                gone.push(at);
            }
            continue;
        }
        let backs = || all().filter(|(_, b)| b.takes_back == Some(s.code)).map(|(at, _)| at);
        let told = backs().any(|at| negative.contains(&at));
        if !told || (s.all_back && with.contains(&at)) {
            gone.push(at);
            gone.extend(backs());
        }
    }
    gone
}

/// Numbers the prescriptions of one visit from 1, in the order of its lines.
fn number(own: &[u32], hashes: &[u64], numbered: &mut Codes) {
    let mut known: HashMap<u64, u32, BuildHasherDefault<Spread>> = HashMap::default();
    let mut last = (0, 0);
    for came in own {
        let hash = cell(hashes, *came).copied().unwrap_or(0);
        if hash != last.0 {
            let next = row_number(known.len()).saturating_add(1);
            last = (hash, if hash == 0 { 0 } else { *known.entry(hash).or_insert(next) });
        }
        numbered.push(last.1);
    }
}
