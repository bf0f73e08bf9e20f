//! Stories of boxes that two houses know: sold next door and here, or sold next door and on the shelf here; and the
//! ways on which an honest box comes from one shop to another.

use chrono::TimeDelta;

use super::super::items::{code_of, find};
use super::super::out::{Row, time, yuan};
use super::Kind::{NearMiss, Trap, Violation};
use super::case::{Case, Closed, Taken, nothing};
use super::house::head;
use super::life::adult;
use super::shops::{PHARMACY, sale};
use super::{Kind, Story, Told, World};

pub(super) const WRONG: &[Story] = &[sold_by_both, sold_next_door_and_on_the_shelf];

pub(super) const HONEST: &[Story] = &[
    cancelled_next_door,
    brought_back_next_door,
    opened_next_door,
    scanned_twice_for_one_sale,
    counted_before_it_was_sold,
];

/// Another shop in the next street: only what these stories tell happens there.
const NEIGHBOUR: usize = 4;
/// The drug whose boxes honestly come from one shop to another.
const TRAVELS: &str = "X025";

/// One of the two shops sold a box of a drug so many days ago.
fn sold(w: &mut World, house: usize, item: &'static str, code: &str, ago: i64) -> Case {
    let p = adult(w);
    let mut case = sale(w, house, &p, ago, item, 1);
    case.boxes.push((0, code.to_owned()));
    case
}

fn sold_next_door(w: &mut World, item: &'static str, code: &str, ago: i64) -> Closed {
    let case = sold(w, NEIGHBOUR, item, code, ago);
    w.close(case)
}

fn sold_here(w: &mut World, item: &'static str, code: &str, ago: i64) -> Closed {
    let case = sold(w, PHARMACY, item, code, ago);
    w.close(case)
}

/// About boxes of one drug on the shelf of the pharmacy.
fn on_the_shelf(w: &mut World, kind: Kind, item: &'static str) {
    let facility = w.city.facilities.get(PHARMACY).map_or("", |f| f.code).to_owned();
    w.truth(kind, "G07", Told { facility, code: code_of(item), ..Told::default() });
}

/// One box, two bills, some days apart: which of the two went without a box, only the shelves can tell.
fn sold_by_both(w: &mut World) {
    let (code, ago, days) = (w.new_box(), w.some_day(), w.rng.between(1, 40));
    let item = w.rng.pick(&["X005", "X006", "X010"]).copied().unwrap_or("X005");
    for c in [sold_next_door(w, item, &code, ago), sold_here(w, item, &code, ago - days)] {
        w.truth(Violation, "G04", c.told(&[0], 0));
    }
}

/// Bought back from those who had it from the next shop, and put on the shelf.
fn sold_next_door_and_on_the_shelf(w: &mut World) {
    let (code, ago) = (w.new_box(), w.some_day());
    let _ = sold_next_door(w, "X022", &code, ago);
    w.shelf.push(("X022", code));
    on_the_shelf(w, Violation, "X022");
}

/// An honest box of [`TRAVELS`] after it came over from next door: sold here so many days ago, or still on the shelf.
fn came_over(w: &mut World, kind: Kind, code: String, sold: Option<i64>) {
    if let Some(ago) = sold {
        let c = sold_here(w, TRAVELS, &code, ago);
        nothing(w, kind, "G04", &c);
    } else {
        w.shelf.push((TRAVELS, code));
        on_the_shelf(w, kind, TRAVELS);
    }
}

/// The sale next door was cancelled, the box went to the other shop of the chain; one such is sold here, one waits.
fn cancelled_next_door(w: &mut World) {
    let (ago, days) = (w.some_day(), w.rng.between(2, 30));
    for waits in [false, true] {
        let code = w.new_box();
        let mut case = sold(w, NEIGHBOUR, TRAVELS, &code, ago);
        case.taken = Taken::ByLine;
        w.close(case);
        came_over(w, Trap, code, (!waits).then_some(ago - days));
    }
}

/// Of two drugs one is brought back: the bill is set right, but the list of settled codes next door is not.
fn brought_back_next_door(w: &mut World) {
    let (ago, days) = (w.some_day(), w.rng.between(2, 30));
    for waits in [false, true] {
        let code = w.new_box();
        let mut case = sold(w, NEIGHBOUR, TRAVELS, &code, ago);
        let later = case.begin + TimeDelta::minutes(5);
        case.bill("X010", case.begin, 1);
        case.refund(0, later, 1, false);
        let (house, number) = (case.facility, w.record());
        w.close(case);
        let facility = w.city.facilities.get(house).map_or("", |f| f.code);
        w.tables.add("inv_sale_return", brought_back(facility, TRAVELS, number, later, &code));
        came_over(w, NearMiss, code, (!waits).then_some(ago - days));
    }
}

fn brought_back(
    facility: &str,
    item: &str,
    number: i64,
    when: chrono::NaiveDateTime,
    code: &str,
) -> Row {
    let mut row = head(facility, item);
    row.extend([
        ("trdn_flag", "0".to_owned()),
        ("finl_trns_pric", yuan(find(item).map_or(0, |i| i.cents))),
        ("sel_retn_cnt", "1".to_owned()),
        ("sel_retn_time", time(when)),
        ("medins_prod_sel_no", format!("TH{number:09}")),
        ("drug_trac_codg", code.to_owned()),
    ]);
    row
}

/// Sold by the piece next door until that shop sent the open box over; the rest is sold here, or waits.
fn opened_next_door(w: &mut World) {
    let (ago, days) = (w.some_day(), w.rng.between(2, 30));
    for waits in [false, true] {
        let code = w.new_box();
        let mut case = sold(w, NEIGHBOUR, TRAVELS, &code, ago);
        case.split = true;
        w.close(case);
        came_over(w, Trap, code, (!waits).then_some(ago - days));
    }
}

/// Two boxes in one bill, one of them held under the scanner twice. Nobody else knows the code.
fn scanned_twice_for_one_sale(w: &mut World) {
    let (code, ago) = (w.new_box(), w.some_day());
    let mut case = sold(w, PHARMACY, "X010", &code, ago);
    let n = case.bill("X010", case.begin, 1);
    case.change(n, |l| l.days = 3);
    case.boxes.push((n, code));
    let c = w.close(case);
    nothing(w, NearMiss, "G03", &c);
    nothing(w, NearMiss, "G04", &c);
}

/// On the shelf a year ago, then moved to the next shop and sold there.
fn counted_before_it_was_sold(w: &mut World) {
    let (code, ago) = (w.new_box(), w.some_day());
    w.opening.push((TRAVELS, code.clone()));
    let _ = sold_next_door(w, TRAVELS, &code, ago);
    on_the_shelf(w, NearMiss, TRAVELS);
}
