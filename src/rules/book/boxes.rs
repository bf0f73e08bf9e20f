//! Traced boxes: what the house settled under a code, and what others settled under the same one.
//!
//! A code is a hash here, of which only equality matters; of those settled elsewhere the last digits stay, because
//! somebody will look for that very box.

use std::collections::BTreeMap;

use spotcheck_domain::columns::{code, text, time};

use super::NONE;
use super::load::{Loader, hash64, last_number};
use super::side::when;
use super::types::{SettledElsewhere, Trace, VisitKind};
use crate::error::{Error, Result};

/// Trace codes that the house settled itself.
pub(super) fn settled_here(l: &mut Loader<'_>) -> Result<()> {
    let wants = [
        text("drug_trac_codg"),
        code("fixmedins_code"),
        code("setl_id"),
        code("mdtrt_id"),
        code("psn_no"),
        code("med_list_codg"),
        time("setl_time"),
        code("refd_flag"),
    ];
    l.each("trace", &wants, |l, b, n| {
        let Some(trace) = b.text(0, n) else { return Ok(()) };
        let settled = l.book.settlement(l.settlements.get(b.code(2, n)));
        let (by_settlement, cancelled) = settled.map_or((NONE, false), |s| (s.visit, s.cancelled));
        let visit = l.visits.get(b.code(3, n));
        let refunded = l.is(b.code(7, n), "1")? || cancelled;
        l.want_text(b.code(5, n));
        l.book.traces.push(Trace {
            code: hash64(trace.trim()),
            facility: b.code(1, n),
            settlement: b.code(2, n),
            visit: if visit == NONE { by_settlement } else { visit },
            person: b.code(4, n),
            item: b.code(5, n),
            at: b.time(6, n),
            refunded,
            row: b.rows.get(n).copied().unwrap_or(0),
        });
        Ok(())
    })?;
    l.book.traces.sort_by_key(|t| (t.code, when(t.at), t.settlement));
    // Two sales of one box at one time: the settlements' own numbers decide, not the dictionary.
    let tied = |a: &Trace, b: &Trace| (a.code, a.at) == (b.code, b.at);
    for same in l.book.traces.chunk_by_mut(tied).filter(|c| c.len() > 1) {
        let codes: Vec<u32> = same.iter().map(|t| t.settlement).collect();
        let texts = l.source.texts(&codes).map_err(Error::Source)?;
        let names: BTreeMap<u32, String> = codes.into_iter().zip(texts).collect();
        same.sort_by(|a, b| names.get(&a.settlement).cmp(&names.get(&b.settlement)));
    }
    Ok(())
}

/// Settlements of the same codes at other facilities.
pub(super) fn settled_elsewhere(l: &mut Loader<'_>) -> Result<()> {
    let wants = [
        text("drug_trac_codg"),
        code("fixmedins_code"),
        code("fixmedins_name"),
        time("setl_time"),
        code("med_type"),
        code("refd_flag"),
        code("trdn_flag"),
        code("med_list_codg"),
    ];
    l.each("trace_other", &wants, |l, b, n| {
        let Some(trace) = b.text(0, n) else { return Ok(()) };
        let name = Some(b.code(2, n)).filter(|name| *name != 0);
        let facility = name.unwrap_or_else(|| b.code(1, n));
        l.want_text(facility);
        let row = SettledElsewhere {
            code: hash64(trace.trim()),
            at: b.time(3, n).into(),
            facility,
            item: b.code(7, n),
            tail: last_number(trace.trim()),
            kind: VisitKind::of(&l.word(b.code(4, n))?),
            refunded: l.is(b.code(5, n), "1")?,
            split: l.is(b.code(6, n), "1")?,
        };
        l.book.settled_elsewhere.push(row);
        Ok(())
    })?;
    let rows = &mut l.book.settled_elsewhere;
    let mut houses: Vec<u32> = rows.iter().map(|r| r.facility).collect();
    houses.sort_unstable();
    houses.dedup();
    let texts = l.source.texts(&houses).map_err(Error::Source)?;
    let names: BTreeMap<u32, String> = houses.into_iter().zip(texts).collect();
    rows.sort_by_cached_key(|r| {
        (r.code, r.at, names.get(&r.facility), r.kind as u8, r.refunded, r.split)
    });
    rows.shrink_to_fit();
    Ok(())
}
