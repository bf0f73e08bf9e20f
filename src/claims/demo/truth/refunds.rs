//! Stories of bills that were taken back, as houses write it: without a sign, without lines, with every line turned
//! round. All of them are honest; nothing of them may be judged.

use super::Kind::Trap;
use super::case::{Signs, Taken, nothing};
use super::life::some_stay;
use super::stays::runs_on;
use super::{Story, World};

pub(super) const HONEST: &[Story] = &[
    refunded_without_signs,
    scanned_twice_without_signs,
    corrected_and_cancelled_without_lines,
    corrected_and_cancelled_line_by_line,
];

/// Two beds too many in three houses: one signs the quantity only, one the amount only, one tells no quantity.
fn refunded_without_signs(w: &mut World) {
    for signs in [Signs::Quantity, Signs::Amount, Signs::NoQuantity] {
        let (mut case, lines) = runs_on(w, "B001", 6, 2);
        let when = case.end;
        for n in lines {
            let back = case.refund(n, when, 1, false);
            case.change(back, |l| l.signs = signs);
        }
        let c = w.close(case);
        nothing(w, Trap, "A14", &c);
    }
}

/// The same at the till, where the refund names no line.
fn scanned_twice_without_signs(w: &mut World) {
    for signs in [Signs::Quantity, Signs::Amount, Signs::NoQuantity] {
        let (mut case, lines) = runs_on(w, "C001", 6, 1);
        let when = case.end;
        if let Some(n) = lines.first() {
            let back = case.refund(*n, when, 1, true);
            case.change(back, |l| l.signs = signs);
        }
        let c = w.close(case);
        nothing(w, Trap, "A18", &c);
    }
}

/// One day of the bed was entered by mistake and taken back at once; then the whole bill was cancelled, and
/// written anew.
fn corrected(w: &mut World, taken: Taken) {
    let (mut case, _) = some_stay(w, 0, 6);
    let when = case.end - chrono::TimeDelta::minutes(20);
    let n = case.bill("B001", when, 1);
    case.refund(n, when, 1, false);
    case.taken = taken;
    case.again = true;
    let c = w.close(case);
    for rule in ["A14", "A15-1", "A18"] {
        nothing(w, Trap, rule, &c);
    }
}

fn corrected_and_cancelled_without_lines(w: &mut World) {
    corrected(w, Taken::Wordless);
}

/// The correction is turned round with everything else, and looks like a charge.
fn corrected_and_cancelled_line_by_line(w: &mut World) {
    corrected(w, Taken::ByLine);
}
