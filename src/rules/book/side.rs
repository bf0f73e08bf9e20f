//! The smaller entities of a book, in the order in which they are read: what lines are compared with.

use spotcheck_domain::claims::Instant;
use spotcheck_domain::columns::{code, number, text, time};

use super::grouped::Loose;
use super::load::{Loader, hash64};
use super::types::Order;
use super::{Grouped, NONE, boxes, house, persons, records};
use crate::error::Result;

pub(super) type When = Option<(i64, u8)>;

/// Sort key of a time: by moment; what is known to the day only comes first.
pub(super) fn when(i: Option<Instant>) -> When {
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
    let mut orders = Loose::default();
    l.each("drord", &wants, |l, b, n| {
        let visit = l.visits.get(b.code(0, n));
        if visit == NONE || l.is(b.code(9, n), "0")? {
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
            standing: l.is(b.code(2, n), "1")?,
            begin: b.time(7, n),
            end: b.time(8, n),
            quantity: b.number(6, n),
        };
        orders.push(visit, order);
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
    records::diagnoses(l)?;
    records::events(l)?;
    records::reports(l)?;
    records::records(l)?;
    records::operations(l)?;
    persons::of_persons(l)?;
    persons::elsewhere(l)?;
    house::catalogue(l)?;
    boxes::settled_here(l)?;
    boxes::settled_elsewhere(l)?;
    house::stock(l)?;
    house::equipment(l)?;
    house::staff(l)?;
    house::peers(l)?;
    house::earlier(l)
}
