//! What a visit left behind beside its bill: diagnoses, executions, reports, notes, prescriptions, operations.

use spotcheck_domain::claims::Instant;
use spotcheck_domain::columns::{code, number, text, time};

use super::grouped::Loose;
use super::load::{Loader, hash64, serial};
use super::side::when;
use super::types::{Diagnosis, Event, EventKind, Leave, Note, Operation, Prescribed, Report};
use super::{Grouped, NONE};
use crate::error::Result;

pub(super) fn diagnoses(l: &mut Loader<'_>) -> Result<()> {
    let wants =
        [code("mdtrt_id"), code("inout_diag_type"), code("maindiag_flag"), code("diag_code")];
    let mut rows = Loose::default();
    l.each("diag", &wants, |l, b, n| {
        let visit = l.visits.get(b.code(0, n));
        if visit != NONE && b.code(3, n) != 0 {
            l.want_icd(b.code(3, n));
            let discharge = l.is(b.code(1, n), "2")?;
            let main = l.is(b.code(2, n), "1")?;
            rows.push(visit, Diagnosis { code: b.code(3, n), main, discharge });
        }
        Ok(())
    })?;
    let visits = l.book.visits.len();
    l.book.diagnoses = Grouped::new(visits, rows, |d: &Diagnosis| (!d.main, d.discharge, d.code));
    Ok(())
}

pub(super) fn events(l: &mut Loader<'_>) -> Result<()> {
    let wants = [
        code("mdtrt_id"),
        text("evt_no"),
        code("evt_type"),
        code("item_code"),
        code("item_name"),
        time("begntime"),
        time("endtime"),
        code("exec_psn_code"),
        number("cnt"),
        text("result_hash"),
    ];
    let mut rows = Loose::default();
    l.each("exec", &wants, |l, b, n| {
        let visit = l.visits.get(b.code(0, n));
        if visit == NONE {
            return Ok(());
        }
        let kind = match &*l.word(b.code(2, n))? {
            "order_exec" => EventKind::OrderExec,
            "nursing" => EventKind::Nursing,
            "lab" => EventKind::Lab,
            "exam" => EventKind::Exam,
            "oprn" => EventKind::Operation,
            "anst" => EventKind::Anaesthesia,
            "treat" => EventKind::Treatment,
            _ => EventKind::Other,
        };
        l.want_text(b.code(3, n));
        l.want_text(b.code(4, n));
        let event = Event {
            kind,
            item: b.code(3, n),
            name: b.code(4, n),
            begin: b.time(5, n).into(),
            end: b.time(6, n).into(),
            staff: b.code(7, n),
            quantity: b.number(8, n).into(),
            result: b.text(9, n).map_or(0, hash64),
            serial: b.text(1, n).map_or(0, serial),
        };
        rows.push(visit, event);
        Ok(())
    })?;
    let visits = l.book.visits.len();
    l.book.events = Grouped::new(visits, rows, |e: &Event| (e.begin, e.serial));
    let mut rows = Loose::default();
    l.each("leave", &[code("mdtrt_id"), time("begntime"), time("endtime")], |l, b, n| {
        let visit = l.visits.get(b.code(0, n));
        if visit != NONE {
            rows.push(visit, Leave { begin: b.time(1, n), end: b.time(2, n) });
        }
        Ok(())
    })?;
    l.book.leaves = Grouped::new(visits, rows, |e: &Leave| (when(e.begin), when(e.end)));
    Ok(())
}

pub(super) fn reports(l: &mut Loader<'_>) -> Result<()> {
    let mut rows = Loose::default();
    let wants = [
        code("mdtrt_id"),
        text("rpotc_no"),
        code("exam_item_code"),
        code("exam_item_name"),
        code("exam_item_detl_code"),
        time("sapl_date"),
        time("rpt_date"),
        number("exam_rslt_val"),
        code("vali_flag"),
    ];
    l.each("lab", &wants, |l, b, n| {
        let visit = l.visits.get(b.code(0, n));
        if visit == NONE || l.is(b.code(8, n), "0")? {
            return Ok(());
        }
        for at in [2, 3, 4] {
            l.want_text(b.code(at, n));
        }
        let report = Report {
            lab: true,
            item: b.code(2, n),
            name: b.code(3, n),
            detail: b.code(4, n),
            done: b.time(5, n).into(),
            reported: b.time(6, n).into(),
            value: b.number(7, n).into(),
            serial: b.text(1, n).map_or(0, hash64),
        };
        rows.push(visit, report);
        Ok(())
    })?;
    let wants = [
        code("mdtrt_id"),
        text("rpotc_no"),
        code("exam_item_code"),
        code("exam_item_name"),
        time("exam_date"),
        time("rpt_date"),
        code("vali_flag"),
    ];
    l.each("exam", &wants, |l, b, n| {
        let visit = l.visits.get(b.code(0, n));
        if visit == NONE || l.is(b.code(6, n), "0")? {
            return Ok(());
        }
        l.want_text(b.code(2, n));
        l.want_text(b.code(3, n));
        let report = Report {
            lab: false,
            item: b.code(2, n),
            name: b.code(3, n),
            detail: 0,
            done: b.time(4, n).into(),
            reported: b.time(5, n).into(),
            value: None.into(),
            serial: b.text(1, n).map_or(0, hash64),
        };
        rows.push(visit, report);
        Ok(())
    })?;
    let key = |r: &Report| (r.done, r.reported, r.serial, r.value);
    l.book.reports = Grouped::new(l.book.visits.len(), rows, key);
    Ok(())
}

/// Text of a note as it is compared: without blanks, digits and punctuation, and only if long enough.
fn note_text(text: &str) -> u64 {
    let plain: String = text.chars().filter(|c| c.is_alphabetic()).collect();
    if plain.chars().count() < 30 { 0 } else { hash64(&plain) }
}

/// Words of a note by which something came from outside the house (domain.md B36).
const OUTSIDE: [&str; 3] = ["自备", "外购", "院外购"];

pub(super) fn records(l: &mut Loader<'_>) -> Result<()> {
    let mut rows = Loose::default();
    l.each("vital", &[code("mdtrt_id"), time("rcd_time")], |l, b, n| {
        let visit = l.visits.get(b.code(0, n));
        if let (true, Some(at)) = (visit != NONE, b.time(1, n)) {
            rows.push(visit, at);
        }
        Ok(())
    })?;
    let visits = l.book.visits.len();
    l.book.vitals = Grouped::new(visits, rows, |i: &Instant| when(Some(*i)));
    let wants =
        [code("mdtrt_id"), time("note_time"), code("note_type"), code("psn_code"), text("text")];
    let mut rows = Loose::default();
    l.each("note", &wants, |l, b, n| {
        let visit = l.visits.get(b.code(0, n));
        if visit != NONE {
            l.want_text(b.code(2, n));
            let note = Note {
                visit,
                at: b.time(1, n),
                kind: b.code(2, n),
                author: b.code(3, n),
                text: b.text(4, n).map_or(0, note_text),
                outside: b.text(4, n).is_some_and(|t| OUTSIDE.iter().any(|w| t.contains(w))),
            };
            rows.push(visit, note);
        }
        Ok(())
    })?;
    l.book.notes = Grouped::new(visits, rows, |n: &Note| (when(n.at), n.text));
    let wants = [
        code("mdtrt_id"),
        code("rx_detl_name"),
        number("drug_used_idose"),
        code("vali_flag"),
        code("drug_used_dosunt"),
    ];
    let mut rows = Loose::default();
    l.each("rx", &wants, |l, b, n| {
        let visit = l.visits.get(b.code(0, n));
        if visit != NONE && b.code(1, n) != 0 && !l.is(b.code(3, n), "0")? {
            l.want_text(b.code(1, n));
            // Herbs are billed by the gram; a dose in another unit cannot be compared.
            let grams = matches!(&*l.word(b.code(4, n))?, "" | "g" | "克");
            let quantity = b.number(2, n).filter(|_| grams);
            rows.push(visit, Prescribed { name: b.code(1, n), quantity });
        }
        Ok(())
    })?;
    l.book.prescribed = Grouped::new(visits, rows, |p: &Prescribed| (p.name, p.quantity));
    Ok(())
}

pub(super) fn operations(l: &mut Loader<'_>) -> Result<()> {
    let wants = [
        code("setl_id"),
        code("oprn_oprt_code"),
        code("oprn_oprt_name"),
        time("oprn_oprt_date"),
        code("oper_dr_code"),
        code("anst_dr_code"),
    ];
    let mut rows = Loose::default();
    l.each("oprn", &wants, |l, b, n| {
        let settlement = l.book.settlement(l.settlements.get(b.code(0, n)));
        let Some(visit) = settlement.map(|s| s.visit) else { return Ok(()) };
        l.want_icd(b.code(1, n));
        l.want_text(b.code(2, n));
        let operation = Operation {
            visit,
            code: b.code(1, n),
            name: b.code(2, n),
            at: b.time(3, n),
            surgeon: b.code(4, n),
            anaesthetist: b.code(5, n),
        };
        rows.push(visit, operation);
        Ok(())
    })?;
    l.book.operations =
        Grouped::new(l.book.visits.len(), rows, |o: &Operation| (when(o.at), o.code));
    Ok(())
}
