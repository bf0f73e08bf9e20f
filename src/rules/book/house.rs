//! What belongs to the house: prices, stock, machines, staff, departments, and its peers' figures.

use spotcheck_domain::columns::{code, number, text, time};

use super::NONE;
use super::load::{Loader, hash64};
use super::side::when;
use super::types::{Catalogue, Equipment, Peer, Staff, Stock, StockKind, Unit};
use crate::error::Result;

pub(super) fn catalogue(l: &mut Loader<'_>) -> Result<()> {
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

pub(super) fn stock(l: &mut Loader<'_>) -> Result<()> {
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
            let split = kind == Sale && l.is(b.code(extra.saturating_add(1), n), "1")?;
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

/// `hist.kind` of what a facility reported of itself.
const SELF_CHECK: &str = "self_check";

pub(super) fn equipment(l: &mut Loader<'_>) -> Result<()> {
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

pub(super) fn staff(l: &mut Loader<'_>) -> Result<()> {
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

pub(super) fn peers(l: &mut Loader<'_>) -> Result<()> {
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

/// What earlier inspections found at the facility and what it reported of itself, by rule.
pub(super) fn earlier(l: &mut Loader<'_>) -> Result<()> {
    let own = l.book.facility.code;
    let wants = [code("fixmedins_code"), code("rule"), code("kind"), time("date")];
    l.each("hist", &wants, |l, b, n| {
        let rule = l.word(b.code(1, n))?;
        if b.code(0, n) != own || rule.is_empty() {
            return Ok(());
        }
        let of_itself = l.is(b.code(2, n), SELF_CHECK)?;
        let past = l.book.earlier.entry(rule).or_default();
        let count = if of_itself { &mut past.self_checked } else { &mut past.found };
        *count = count.saturating_add(1);
        past.last = past.last.max(b.time(3, n).map(|i| i.at.day()));
        Ok(())
    })
}
