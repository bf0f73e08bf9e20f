//! Days, amounts and parts of amounts, as kernels reckon and write them.

use spotcheck_domain::Amount;
use spotcheck_domain::claims::Instant;
use spotcheck_domain::time::{BeijingTime, Precision};

use crate::book::{DAY_S, Line, ONE};

/// `2026-11-20`.
pub(crate) fn date(day: i64) -> String {
    BeijingTime::from_seconds(day.saturating_mul(DAY_S)).display(Precision::Day)
}

pub(crate) fn date_of(at: Option<Instant>) -> String {
    at.map_or_else(String::new, |i| date(i.at.day()))
}

/// A quantity or amount as people write it.
pub(crate) fn plain(millionths: i64) -> String {
    Amount::from_millionths(millionths).to_string()
}

/// Yuan, to the cent.
pub(crate) fn yuan(millionths: i64) -> String {
    Amount::from_millionths(millionths).to_cents()
}

/// A share as people write it: `62.5%`.
pub(crate) fn percent(share: i64) -> String {
    format!("{}%", plain(share.saturating_mul(1_000).div_euclid(ONE).saturating_mul(ONE / 10)))
}

/// Number of the calendar month of a day.
pub(crate) fn month(day: i64) -> i64 {
    use chrono::Datelike as _;
    let naive = BeijingTime::from_seconds(day.saturating_mul(DAY_S)).naive();
    naive
        .map_or(0, |n| i64::from(n.year()).saturating_mul(12).saturating_add(i64::from(n.month0())))
}

/// a × b ÷ c without overflow, half up; 0 if `c` is 0.
pub(crate) fn muldiv(a: i64, b: i64, c: i64) -> i64 {
    if c == 0 {
        return 0;
    }
    let product = i128::from(a).saturating_mul(i128::from(b));
    let half = i128::from(c).saturating_abs().checked_div(2).unwrap_or(0);
    let rounded = if (product < 0) == (c < 0) {
        product.saturating_add(half.saturating_mul(i128::from(c.signum())))
    } else {
        product.saturating_sub(half.saturating_mul(i128::from(c.signum())))
    };
    i64::try_from(rounded.checked_div(i128::from(c)).unwrap_or(0)).unwrap_or(i64::MAX)
}

/// Sum that stays at the end of its range.
pub(crate) fn sum(values: impl Iterator<Item = i64>) -> i64 {
    values.fold(0, i64::saturating_add)
}

/// The last lines that make up an excess quantity, each with the part of its amount.
pub(crate) fn excess_lines(lines: &[Line], mut excess: i64) -> Vec<(u32, i64)> {
    let mut parts = Vec::new();
    for line in lines.iter().rev() {
        if excess <= 0 {
            break;
        }
        let quantity = line.quantity.min(excess);
        parts.push((line.at, muldiv(line.amount, quantity, line.quantity)));
        excess = excess.saturating_sub(quantity);
    }
    parts.reverse();
    parts
}

#[cfg(test)]
mod tests {
    use super::{muldiv, plain};

    #[test]
    fn parts_are_rounded_half_up_in_both_directions() {
        assert_eq!(muldiv(10, 1, 4), 3);
        assert_eq!(muldiv(-10, 1, 4), -3);
        assert_eq!(muldiv(10, 1, 3), 3);
        assert_eq!(muldiv(i64::MAX, 2, 2), i64::MAX);
        assert_eq!(muldiv(5, 5, 0), 0);
        assert_eq!(plain(2_500_000), "2.5");
    }
}
