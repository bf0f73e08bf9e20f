//! What a finding cost the fund, and how that was found (rules.md, Loss; 细则 X35).
//!
//! In this order: A, the fund's part of each wrong line, where the lines were paid one by one; B, the difference
//! of two payment standards, where a stay was paid as a wrong group and the right one's standard is known; C, a
//! group against the items, where a stay was paid by group and should have been paid item by item; D, in
//! proportion, as the last resort, where an amount is wrong and nobody can say which lines it is.
//! A stay that is paid by group, or in a way that is not known, never gets A: how its payment would change is for
//! the agency to work out. Then the gross amount stands with method N.

use std::collections::BTreeMap;

use crate::book::{Book, Settlement, VisitKind};
use crate::finding::LossMethod;
use crate::kernel::{Correct, Hit, muldiv};
use crate::pack::{Grade, Rule};

/// Amounts of a finding, in millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Loss {
    /// Gross amount; `None` where no amount can be named.
    pub(crate) gross: Option<i64>,
    /// Fund amount; `None` where no fund loss is shown.
    pub(crate) fund: Option<i64>,
    /// How.
    pub(crate) method: LossMethod,
    /// The stay is paid by group or in an unknown way: 待经办核算.
    pub(crate) pending: bool,
}

/// Judges a hit of a grade.
pub(crate) fn of(book: &Book, rule: &Rule, grade: Grade, hit: &Hit) -> Loss {
    let gross = match hit.lines.is_empty() {
        true => hit.gross,
        false => Some(crate::kernel::sum(hit.lines.iter().map(|(_, amount)| *amount))),
    };
    let none = Loss { gross, fund: None, method: LossMethod::N, pending: false };
    if grade == Grade::Z {
        return Loss { gross: None, ..none };
    }
    if !grade.is_for_party() {
        return none;
    }
    if let Some(correct) = hit.correct {
        return as_a_whole(book, hit, correct, none);
    }
    if rule.no_loss {
        return none;
    }
    if hit.lines.is_empty() {
        return in_proportion(book, hit, none);
    }
    match of_lines(book, hit.lines.iter().copied(), hit.scoped) {
        Ok(fund) => {
            let method = if hit.apportioned { LossMethod::D } else { LossMethod::A };
            Loss { fund: Some(fund), method, ..none }
        }
        // Paid as a whole, or nobody knows how or how much: both are the agency's to say. That no loss is shown is
        // said only of rules that are about none.
        Err(Unpaid) => Loss { pending: true, ..none },
    }
}

/// Lines have no fund amount: the stay is paid as a whole, or the settlement or one of its amounts is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Unpaid;

/// A: the fund's part of each line, by what the fund paid of its settlement.
///
/// The fund pays a share of what was in its scope, so a line counts with its part in the scope, against that of the
/// whole settlement; `scoped`: the amounts are of that part already. Only where the upload says neither of the two,
/// amounts stand for them.
fn of_lines(
    book: &Book,
    lines: impl Iterator<Item = (u32, i64)>,
    scoped: bool,
) -> Result<i64, Unpaid> {
    let mut fund = 0_i64;
    let mut whole: BTreeMap<u32, Option<i64>> = BTreeMap::new();
    for (at, amount) in lines {
        let settlement = book.line(at).and_then(|l| book.settlement(l.settlement));
        let s = settlement.ok_or(Unpaid)?;
        let stay = book.visit(s.visit).is_none_or(|v| {
            matches!(v.kind, VisitKind::Inpatient | VisitKind::DaySurgery | VisitKind::Unknown)
        });
        if stay && !s.by_item {
            return Err(Unpaid);
        }
        let (Some(total), Some(paid)) = (s.total.filter(|t| *t > 0), s.fund) else {
            return Err(Unpaid);
        };
        let of_lines = || covered(book, s, total);
        let covered = *whole.entry(s.code).or_insert_with(|| s.covered.or_else(of_lines));
        let own = match (book.lines.in_scope(at), covered) {
            (Some(inside), Some(covered)) => {
                let all = book.line(at).map_or(0, |l| l.amount);
                let part = if scoped { amount.min(inside) } else { muldiv(amount, inside, all) };
                match (part, covered) {
                    (0, _) => 0,
                    (_, 1..) => muldiv(part, paid.max(0), covered).min(amount),
                    // Lines in the scope of a settlement that says it has none.
                    _ => return Err(Unpaid),
                }
            }
            _ => muldiv(amount, paid.max(0), total),
        };
        fund = fund.saturating_add(own);
    }
    Ok(fund)
}

/// What of a settlement was in the scope by its lines: where they make up the whole of it and all of them say it.
fn covered(book: &Book, s: &Settlement, total: i64) -> Option<i64> {
    let visit = book.visit(s.visit)?;
    let mut sums = (0_i64, 0_i64);
    for at in visit.lines.0..visit.lines.1 {
        let own = book.settlement(book.lines.settlement(at)).is_some_and(|o| o.code == s.code);
        if let Some(line) = book.line(at).filter(|l| own && l.amount != 0) {
            sums.0 = sums.0.saturating_add(line.amount);
            sums.1 = sums.1.saturating_add(book.lines.in_scope(at)?);
        }
    }
    (sums.0 == total).then_some(sums.1)
}

/// B and C: what the stay was paid less what it should have been paid. Nothing is lost where that is not more.
fn as_a_whole(book: &Book, hit: &Hit, correct: Correct, none: Loss) -> Loss {
    let Some(visit) = book.visit(hit.visit) else { return none };
    let mut live = book.settlements_of(visit).iter().filter(|s| !s.cancelled);
    // Two settlements of one stay: which of them the group is for is the agency's to say.
    let (Some(s), None) = (live.next(), live.next()) else { return Loss { pending: true, ..none } };
    let Some((more, method)) = difference(s, correct) else {
        return Loss { pending: true, ..none };
    };
    if more <= 0 { none } else { Loss { fund: Some(more), method, ..none } }
}

fn difference(s: &Settlement, correct: Correct) -> Option<(i64, LossMethod)> {
    let (paid, right, method) = match (s.by_item, correct) {
        (false, Correct::Standard(right)) => (s.standard?, right, LossMethod::B),
        (false, Correct::Items) => (s.standard?, s.total?, LossMethod::C),
        // Paid item by item: nothing was paid as a whole that could be wrong as a whole.
        (true, _) => return None,
    };
    Some((paid.saturating_sub(right), method))
}

/// D: the fund's share of the lines that the amount was reckoned from; only where all of them were paid one by one.
fn in_proportion(book: &Book, hit: &Hit, none: Loss) -> Loss {
    let (Some(gross), false) = (none.gross, hit.basis.is_empty()) else { return none };
    let lines = || hit.basis.iter().filter_map(|at| book.line(*at)).map(|l| (l.at, l.amount));
    let total = crate::kernel::sum(lines().map(|(_, amount)| amount));
    match of_lines(book, lines(), false) {
        Ok(fund) if total > 0 => {
            let fund = muldiv(gross, fund, total);
            Loss { fund: Some(fund), method: LossMethod::D, ..none }
        }
        Err(Unpaid) => Loss { pending: true, ..none },
        Ok(_) => none,
    }
}
