//! What a hit cost the fund, and by which method (rules.md, Loss; 实施细则 35, 36).
//!
//! A is the exact sum of lines times the fund's share of their settlement. A stay that is paid by group, or
//! whose way of payment is unknown, never gets A by its lines: the group's price would have been the same.
//! Where nothing was settled, nothing was lost yet.

use crate::book::{Book, VisitKind};
use crate::finding::LossMethod;
use crate::kernel::{Hit, muldiv};
use crate::pack::{Grade, Rule};

/// Gross and fund amount in millionths, and how they were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Loss {
    pub(crate) gross: Option<i64>,
    pub(crate) fund: Option<i64>,
    pub(crate) method: LossMethod,
    /// The stay is paid by group or in an unknown way.
    pub(crate) grouped: bool,
}

/// Judges a hit of a grade.
pub(crate) fn of(book: &Book, rule: &Rule, grade: Grade, hit: &Hit) -> Loss {
    let gross = match hit.lines.is_empty() {
        true => hit.gross,
        false => Some(crate::kernel::sum(hit.lines.iter().map(|(_, amount)| *amount))),
    };
    let none = Loss { gross, fund: None, method: LossMethod::N, grouped: false };
    if grade == Grade::Z {
        return Loss { gross: None, ..none };
    }
    if !grade.is_for_party() || hit.lines.is_empty() || rule.no_loss {
        return none;
    }
    let mut fund = 0_i64;
    for (at, amount) in &hit.lines {
        let settlement = book.line(*at).and_then(|l| book.settlement(l.settlement));
        let Some(s) = settlement else { return none };
        let stay = book.visit(s.visit).is_none_or(|v| {
            matches!(v.kind, VisitKind::Inpatient | VisitKind::DaySurgery | VisitKind::Unknown)
        });
        if stay && !s.by_item {
            return Loss { grouped: true, ..none };
        }
        let (Some(total), Some(paid)) = (s.total.filter(|t| *t > 0), s.fund) else { return none };
        fund = fund.saturating_add(muldiv(*amount, paid.max(0), total));
    }
    Loss { fund: Some(fund), method: LossMethod::A, ..none }
}
