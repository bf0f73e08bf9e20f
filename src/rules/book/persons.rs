//! What is known of the persons beside their visits here: insurance, registrations, visits elsewhere.

use spotcheck_domain::columns::{code, number, text, time};

use super::grouped::Loose;
use super::load::Loader;
use super::side::when;
use super::types::{Elsewhere, Period, Registration, VisitKind};
use super::{Grouped, NONE};
use crate::error::Result;

pub(super) fn of_persons(l: &mut Loader<'_>) -> Result<()> {
    let persons = l.book.persons.len();
    let mut rows = Loose::default();
    let wants = [code("psn_no"), code("insutype"), time("begndate"), time("enddate")];
    l.each("insu", &wants, |l, b, n| {
        let person = l.persons.get(b.code(0, n));
        if person != NONE {
            l.want_text(b.code(1, n));
            let insutype = b.code(1, n);
            rows.push(person, Period { insutype, begin: b.time(2, n), end: b.time(3, n) });
        }
        Ok(())
    })?;
    l.book.insured = Grouped::new(persons, rows, |p: &Period| (when(p.begin), when(p.end)));
    let mut rows = Loose::default();
    let wants = [code("psn_no"), code("dise_codg"), time("begndate"), time("enddate")];
    l.each("opsp_reg", &wants, |l, b, n| {
        let person = l.persons.get(b.code(0, n));
        if person != NONE {
            l.want_text(b.code(1, n));
            let disease = b.code(1, n);
            rows.push(person, Registration { disease, begin: b.time(2, n), end: b.time(3, n) });
        }
        Ok(())
    })?;
    let key = |r: &Registration| (when(r.begin), r.disease);
    l.book.registrations = Grouped::new(persons, rows, key);
    Ok(())
}

pub(super) fn elsewhere(l: &mut Loader<'_>) -> Result<()> {
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
        code("fixmedins_name"),
    ];
    let mut rows = Loose::default();
    l.each("psn_other", &wants, |l, b, n| {
        let person = l.persons.get(b.code(1, n));
        if person == NONE {
            return Ok(());
        }
        for at in [2, 7, 10, 12] {
            l.want_text(b.code(at, n));
        }
        if b.code(12, n) != 0 {
            l.book.houses.insert((b.code(2, n), b.code(12, n)));
        }
        let row = Elsewhere {
            drug: b.text(0, n) == Some("drug"),
            facility: b.code(2, n),
            visit: b.code(3, n),
            kind: VisitKind::of(&l.word(b.code(4, n))?),
            begin: b.time(5, n).into(),
            end: b.time(6, n).into(),
            dx: b.code(7, n),
            total: b.number(8, n).into(),
            fund: b.number(9, n).into(),
            item: b.code(10, n),
            quantity: b.number(11, n).into(),
        };
        rows.push(person, row);
        Ok(())
    })?;
    let key = |e: &Elsewhere| (e.begin, e.end, e.total, e.quantity);
    l.book.elsewhere = Grouped::new(l.book.persons.len(), rows, key);
    Ok(())
}
