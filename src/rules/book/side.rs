//! The smaller entities of a book: what lines are compared with.

use spotcheck_domain::claims::Instant;
use spotcheck_domain::columns::{code, number, text, time};

use super::load::{Loader, hash64, last_number};
use super::types::{
    Catalogue, Diagnosis, Elsewhere, Equipment, Event, EventKind, Leave, Note, Operation, Order,
    Peer, Period, Prescribed, Registration, Report, Staff, Stock, StockKind, Trace, Unit,
    VisitKind,
};
use super::{Grouped, NONE};
use crate::error::Result;

type When = Option<(i64, u8)>;

/// Sort key of a time: by moment; what is known to the day only comes first.
fn when(i: Option<Instant>) -> When {
    i.map(|i| (i.at.seconds(), i.p as u8))
}

/// Orders come before the lines, because a line knows whether its `drord_no` is one of them.
pub(super) fn load_before_lines(l: &mut Loader<'_>) -> Result<()> {
    let wants = [
        code("mdtrt_id"),
        text("drord_no"),
        code("drord_type"),
        code("drord_item_type"),
        code("drord_detl_code"),
        code("drord_detl_name"),
        number("dismed_cnt"),
        time("medc_begntime"),
        time("drord_endtime"),
        code("vali_flag"),
    ];
    let mut orders = Vec::new();
    l.each("drord", &wants, |l, b, n| {
        let visit = l.visits.get(b.code(0, n));
        if visit == NONE || *l.word(b.code(9, n))? == *"0" {
            return Ok(());
        }
        if let Some(number) = b.text(1, n) {
            l.order_numbers.push((visit, hash64(number)));
        }
        for at in [3, 4, 5] {
            l.want_text(b.code(at, n));
        }
        let order = Order {
            item: b.code(4, n),
            name: b.code(5, n),
            kind: b.code(3, n),
            standing: *l.word(b.code(2, n))? == *"1",
            begin: b.time(7, n),
            end: b.time(8, n),
            quantity: b.number(6, n),
        };
        orders.push((visit, order));
        Ok(())
    })?;
    l.order_numbers.sort_unstable();
    let wants = [code("mdtrt_id"), text("drord_no"), code("item_code"), code("item_name")];
    l.each("exec", &wants, |l, b, n| {
        let visit = l.visits.get(b.code(0, n));
        if let (true, Some(number)) = (visit != NONE, b.text(1, n)) {
            l.executed.push((visit, hash64(number), b.code(2, n), b.code(3, n)));
        }
        Ok(())
    })?;
    l.executed.sort_unstable();
    let visits = l.book.visits.len();
    l.book.orders =
        Grouped::new(visits, orders, |o: &Order| (when(o.begin), when(o.end), o.quantity));
    Ok(())
}

/// Everything else.
pub(super) fn load(l: &mut Loader<'_>) -> Result<()> {
    diagnoses(l)?;
    events(l)?;
    reports(l)?;
    records(l)?;
    operations(l)?;
    of_persons(l)?;
    elsewhere(l)?;
    catalogue(l)?;
    traces(l)?;
    stock(l)?;
    equipment(l)?;
    staff(l)?;
    peers(l)
}

fn diagnoses(l: &mut Loader<'_>) -> Result<()> {
    let wants =
        [code("mdtrt_id"), code("inout_diag_type"), code("maindiag_flag"), code("diag_code")];
    let mut rows = Vec::new();
    l.each("diag", &wants, |l, b, n| {
        let visit = l.visits.get(b.code(0, n));
        if visit != NONE && b.code(3, n) != 0 {
            l.want_text(b.code(3, n));
            let discharge = *l.word(b.code(1, n))? == *"2";
            let main = *l.word(b.code(2, n))? == *"1";
            rows.push((visit, Diagnosis { code: b.code(3, n), main, discharge }));
        }
        Ok(())
    })?;
    let visits = l.book.visits.len();
    l.book.diagnoses = Grouped::new(visits, rows, |d: &Diagnosis| (!d.main, d.discharge, d.code));
    Ok(())
}

/// A number by which events of one time are put in order: the number at its end, then anything that is stable.
fn serial(text: &str) -> u64 {
    (u64::from(last_number(text)) << 32) | (hash64(text) >> 32)
}

fn events(l: &mut Loader<'_>) -> Result<()> {
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
    let mut rows = Vec::new();
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
            visit,
            kind,
            item: b.code(3, n),
            name: b.code(4, n),
            begin: b.time(5, n),
            end: b.time(6, n),
            staff: b.code(7, n),
            quantity: b.number(8, n),
            result: b.text(9, n).map_or(0, hash64),
            serial: b.text(1, n).map_or(0, serial),
        };
        rows.push((visit, event));
        Ok(())
    })?;
    let visits = l.book.visits.len();
    l.book.events = Grouped::new(visits, rows, |e: &Event| (when(e.begin), e.serial));
    let mut rows = Vec::new();
    l.each("leave", &[code("mdtrt_id"), time("begntime"), time("endtime")], |l, b, n| {
        let visit = l.visits.get(b.code(0, n));
        if visit != NONE {
            rows.push((visit, Leave { begin: b.time(1, n), end: b.time(2, n) }));
        }
        Ok(())
    })?;
    l.book.leaves = Grouped::new(visits, rows, |e: &Leave| (when(e.begin), when(e.end)));
    Ok(())
}

fn reports(l: &mut Loader<'_>) -> Result<()> {
    let mut rows = Vec::new();
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
        if visit == NONE || *l.word(b.code(8, n))? == *"0" {
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
            done: b.time(5, n),
            reported: b.time(6, n),
            value: b.number(7, n),
            serial: b.text(1, n).map_or(0, hash64),
        };
        rows.push((visit, report));
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
        if visit == NONE || *l.word(b.code(6, n))? == *"0" {
            return Ok(());
        }
        l.want_text(b.code(2, n));
        l.want_text(b.code(3, n));
        let report = Report {
            lab: false,
            item: b.code(2, n),
            name: b.code(3, n),
            detail: 0,
            done: b.time(4, n),
            reported: b.time(5, n),
            value: None,
            serial: b.text(1, n).map_or(0, hash64),
        };
        rows.push((visit, report));
        Ok(())
    })?;
    let key = |r: &Report| (when(r.done), when(r.reported), r.serial, r.value);
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

fn records(l: &mut Loader<'_>) -> Result<()> {
    let mut rows = Vec::new();
    l.each("vital", &[code("mdtrt_id"), time("rcd_time")], |l, b, n| {
        let visit = l.visits.get(b.code(0, n));
        if let (true, Some(at)) = (visit != NONE, b.time(1, n)) {
            rows.push((visit, at));
        }
        Ok(())
    })?;
    let visits = l.book.visits.len();
    l.book.vitals = Grouped::new(visits, rows, |i: &Instant| when(Some(*i)));
    let wants =
        [code("mdtrt_id"), time("note_time"), code("note_type"), code("psn_code"), text("text")];
    let mut rows = Vec::new();
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
            rows.push((visit, note));
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
    let mut rows = Vec::new();
    l.each("rx", &wants, |l, b, n| {
        let visit = l.visits.get(b.code(0, n));
        if visit != NONE && b.code(1, n) != 0 && *l.word(b.code(3, n))? != *"0" {
            l.want_text(b.code(1, n));
            // Herbs are billed by the gram; a dose in another unit cannot be compared.
            let grams = matches!(&*l.word(b.code(4, n))?, "" | "g" | "克");
            let quantity = b.number(2, n).filter(|_| grams);
            rows.push((visit, Prescribed { name: b.code(1, n), quantity }));
        }
        Ok(())
    })?;
    l.book.prescribed = Grouped::new(visits, rows, |p: &Prescribed| (p.name, p.quantity));
    Ok(())
}

fn operations(l: &mut Loader<'_>) -> Result<()> {
    let wants = [
        code("setl_id"),
        code("oprn_oprt_code"),
        code("oprn_oprt_name"),
        time("oprn_oprt_date"),
        code("oper_dr_code"),
        code("anst_dr_code"),
    ];
    let mut rows = Vec::new();
    l.each("oprn", &wants, |l, b, n| {
        let settlement = l.book.settlement(l.settlements.get(b.code(0, n)));
        let Some(visit) = settlement.map(|s| s.visit) else { return Ok(()) };
        l.want_text(b.code(1, n));
        l.want_text(b.code(2, n));
        let operation = Operation {
            visit,
            code: b.code(1, n),
            name: b.code(2, n),
            at: b.time(3, n),
            surgeon: b.code(4, n),
            anaesthetist: b.code(5, n),
        };
        rows.push((visit, operation));
        Ok(())
    })?;
    l.book.operations =
        Grouped::new(l.book.visits.len(), rows, |o: &Operation| (when(o.at), o.code));
    Ok(())
}

fn of_persons(l: &mut Loader<'_>) -> Result<()> {
    let persons = l.book.persons.len();
    let mut rows = Vec::new();
    let wants = [code("psn_no"), code("insutype"), time("begndate"), time("enddate")];
    l.each("insu", &wants, |l, b, n| {
        let person = l.persons.get(b.code(0, n));
        if person != NONE {
            l.want_text(b.code(1, n));
            let insutype = b.code(1, n);
            rows.push((person, Period { insutype, begin: b.time(2, n), end: b.time(3, n) }));
        }
        Ok(())
    })?;
    l.book.insured = Grouped::new(persons, rows, |p: &Period| (when(p.begin), when(p.end)));
    let mut rows = Vec::new();
    let wants = [code("psn_no"), code("dise_codg"), time("begndate"), time("enddate")];
    l.each("opsp_reg", &wants, |l, b, n| {
        let person = l.persons.get(b.code(0, n));
        if person != NONE {
            l.want_text(b.code(1, n));
            let disease = b.code(1, n);
            rows.push((person, Registration { disease, begin: b.time(2, n), end: b.time(3, n) }));
        }
        Ok(())
    })?;
    let key = |r: &Registration| (when(r.begin), r.disease);
    l.book.registrations = Grouped::new(persons, rows, key);
    Ok(())
}

fn elsewhere(l: &mut Loader<'_>) -> Result<()> {
    let wants = [
        text("kind"),
        code("psn_no"),
        code("fixmedins_code"),
        code("mdtrt_id"),
        code("med_type"),
        time("begntime"),
        time("endtime"),
        code("diag_code"),
        number("medfee_sumamt"),
        number("fund_pay_sumamt"),
        code("med_list_codg"),
        number("cnt"),
    ];
    let mut rows = Vec::new();
    l.each("psn_other", &wants, |l, b, n| {
        let person = l.persons.get(b.code(1, n));
        if person == NONE {
            return Ok(());
        }
        for at in [2, 7, 10] {
            l.want_text(b.code(at, n));
        }
        let row = Elsewhere {
            drug: b.text(0, n) == Some("drug"),
            facility: b.code(2, n),
            visit: b.code(3, n),
            kind: VisitKind::of(&l.word(b.code(4, n))?),
            begin: b.time(5, n),
            end: b.time(6, n),
            dx: b.code(7, n),
            total: b.number(8, n),
            fund: b.number(9, n),
            item: b.code(10, n),
            quantity: b.number(11, n),
        };
        rows.push((person, row));
        Ok(())
    })?;
    let key = |e: &Elsewhere| (when(e.begin), when(e.end), e.total, e.quantity);
    l.book.elsewhere = Grouped::new(l.book.persons.len(), rows, key);
    Ok(())
}

fn catalogue(l: &mut Loader<'_>) -> Result<()> {
    let wants = [
        code("med_list_codg"),
        number("pric_uplmt_amt"),
        code("chrgitm_lv"),
        code("unit"),
        time("begndate"),
        time("enddate"),
    ];
    l.each("catalogue", &wants, |l, b, n| {
        l.want_text(b.code(2, n));
        l.want_text(b.code(3, n));
        let price = Catalogue {
            limit: b.number(1, n),
            level: b.code(2, n),
            unit: b.code(3, n),
            from: b.time(4, n).map_or(i64::MIN, |i| i.at.day()),
            to: b.time(5, n).map_or(i64::MAX, |i| i.at.day()),
        };
        l.book.catalogue.entry(b.code(0, n)).or_default().push(price);
        Ok(())
    })?;
    for prices in l.book.catalogue.values_mut() {
        prices.sort_by_key(|p| (p.from, p.to, p.limit));
    }
    Ok(())
}

fn traces(l: &mut Loader<'_>) -> Result<()> {
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
        let refunded = *l.word(b.code(7, n))? == *"1" || cancelled;
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
        let texts = l.source.texts(&codes).map_err(crate::error::Error::Source)?;
        let names: std::collections::BTreeMap<u32, String> = codes.into_iter().zip(texts).collect();
        same.sort_by(|a, b| names.get(&a.settlement).cmp(&names.get(&b.settlement)));
    }
    Ok(())
}

fn stock(l: &mut Loader<'_>) -> Result<()> {
    use StockKind::{Check, Purchase, PurchaseReturn, Sale, SaleReturn};
    let tables: [(&'static str, StockKind, &str, &str, &str); 5] = [
        ("inv_check", Check, "inv_cnt", "invdate", ""),
        ("inv_purchase", Purchase, "purc_retn_cnt", "purc_retn_stoin_time", "finl_trns_pric"),
        (
            "inv_purchase_return",
            PurchaseReturn,
            "purc_retn_cnt",
            "purc_retn_stoin_time",
            "finl_trns_pric",
        ),
        ("inv_sale", Sale, "sel_retn_cnt", "sel_retn_time", "finl_trns_pric"),
        ("inv_sale_return", SaleReturn, "sel_retn_cnt", "sel_retn_time", "finl_trns_pric"),
    ];
    for (table, kind, quantity, at, price) in tables {
        let mut wants = vec![
            code("med_list_codg"),
            code("fixmedins_hilist_name"),
            number(quantity),
            time(at),
            text("drug_trac_codg"),
        ];
        if !price.is_empty() {
            wants.push(number(price));
        }
        let extra = wants.len();
        match kind {
            Purchase => wants.push(text("purc_invo_no")),
            Sale => wants.extend([code("hi_feesetl_type"), code("trdn_flag"), code("setl_id")]),
            _ => {}
        }
        l.each(table, &wants, |l, b, n| {
            let Some(quantity) = b.number(2, n) else { return Ok(()) };
            l.want_text(b.code(0, n));
            l.want_text(b.code(1, n));
            let paid = if kind == Sale { l.word(b.code(extra, n))? } else { "".into() };
            let split = kind == Sale && *l.word(b.code(extra.saturating_add(1), n))? == *"1";
            let settlement = if kind == Sale { b.code(extra.saturating_add(2), n) } else { 0 };
            let settled = settlement != 0;
            let traces = b.text(4, n).unwrap_or_default().split(',');
            l.book.stock.push(Stock {
                kind,
                item: b.code(0, n),
                name: b.code(1, n),
                quantity,
                price: if price.is_empty() { None } else { b.number(5, n) },
                at: b.time(3, n),
                invoice: kind != Purchase || b.text(extra, n).is_some(),
                split,
                own_money: kind == Sale && (*paid == *"2" || (paid.is_empty() && !settled)),
                settlement: l.settlements.get(settlement),
                traces: traces.filter(|t| !t.trim().is_empty()).map(|t| hash64(t.trim())).collect(),
            });
            Ok(())
        })?;
    }
    let wants = [
        code("med_list_codg"),
        code("fixmedins_hilist_name"),
        number("cnt"),
        time("inv_chg_time"),
        code("inv_chg_type"),
    ];
    l.each("inv_change", &wants, |l, b, n| {
        let Some(quantity) = b.number(2, n) else { return Ok(()) };
        // 108/109 are the purchases and returns of 3503/3504 again.
        let kind = match &*l.word(b.code(4, n))? {
            "101" | "103" | "106" | "110" => StockKind::ChangeIn,
            "102" | "104" | "105" | "107" | "111" => StockKind::ChangeOut,
            _ => return Ok(()),
        };
        l.want_text(b.code(0, n));
        l.book.stock.push(Stock {
            kind,
            item: b.code(0, n),
            name: b.code(1, n),
            quantity: quantity.saturating_abs(),
            price: None,
            at: b.time(3, n),
            invoice: true,
            split: false,
            own_money: false,
            settlement: NONE,
            traces: Vec::new(),
        });
        Ok(())
    })?;
    l.book.stock.sort_by_key(|s| (s.item, when(s.at), s.kind as u8, s.quantity, s.price));
    Ok(())
}

fn equipment(l: &mut Loader<'_>) -> Result<()> {
    let wants = [
        code("equip_no"),
        code("name"),
        time("in_use_date"),
        time("stop_begn"),
        time("stop_end"),
        text("item_codes"),
        code("model"),
    ];
    l.each("equip", &wants, |l, b, n| {
        l.want_text(b.code(1, n));
        let model = l.word(b.code(6, n))?;
        let codes = b.text(5, n).unwrap_or_default().split([',', ';', '|', '、', ' ']);
        l.book.equipment.push(Equipment {
            code: b.code(0, n),
            name: b.code(1, n),
            model,
            in_use: b.time(2, n),
            stop_from: b.time(3, n),
            stop_to: b.time(4, n),
            items: codes.map(str::trim).filter(|c| !c.is_empty()).map(Into::into).collect(),
            log: Vec::new(),
        });
        Ok(())
    })?;
    let wants = [code("equip_no"), time("log_date"), number("use_cnt"), number("use_min")];
    l.each("equip_log", &wants, |l, b, n| {
        let number = b.code(0, n);
        let device = l.book.equipment.iter_mut().find(|e| e.code == number);
        if let (Some(device), Some(at)) = (device, b.time(1, n)) {
            device.log.push((at.at.day(), b.number(2, n), b.number(3, n)));
        }
        Ok(())
    })?;
    for device in &mut l.book.equipment {
        device.log.sort_unstable();
    }
    Ok(())
}

fn staff(l: &mut Loader<'_>) -> Result<()> {
    let wants = [
        code("prac_psn_code"),
        code("prac_psn_type"),
        code("hi_dr_flag"),
        time("begntime"),
        time("endtime"),
    ];
    l.each("staff", &wants, |l, b, n| {
        l.want_text(b.code(1, n));
        let insured = match &*l.word(b.code(2, n))? {
            "0" => Some(false),
            "1" => Some(true),
            _ => None,
        };
        let kind = b.code(1, n);
        let row = Staff { kind, insured, begin: b.time(3, n), end: b.time(4, n) };
        l.book.staff.entry(b.code(0, n)).or_default().push(row);
        Ok(())
    })?;
    l.each("dept", &[code("hosp_dept_codg"), code("hosp_dept_name")], |l, b, n| {
        l.want_text(b.code(1, n));
        l.book.departments.insert(b.code(0, n), b.code(1, n));
        Ok(())
    })?;
    let wants =
        [code("unit_type"), code("unit_name"), time("begntime"), time("endtime"), text("value")];
    l.each("fac_unit", &wants, |l, b, n| {
        l.want_text(b.code(0, n));
        l.want_text(b.code(1, n));
        l.book.units.push(Unit {
            kind: b.code(0, n),
            name: b.code(1, n),
            begin: b.time(2, n),
            end: b.time(3, n),
            value: b.text(4, n).unwrap_or_default().to_owned(),
        });
        Ok(())
    })
}

fn peers(l: &mut Loader<'_>) -> Result<()> {
    let wants =
        [text("rule"), text("grp"), text("period"), number("n"), number("median"), number("mad")];
    l.each("peer_stat", &wants, |l, b, n| {
        let words = |at| b.text(at, n).unwrap_or_default().to_owned();
        l.book.peers.push(Peer {
            rule: words(0),
            group: words(1),
            period: words(2),
            n: b.number(3, n).unwrap_or(0),
            median: b.number(4, n),
            mad: b.number(5, n),
        });
        Ok(())
    })?;
    l.book
        .peers
        .sort_by(|a, b| (&a.rule, &a.group, &a.period).cmp(&(&b.rule, &b.group, &b.period)));
    Ok(())
}
