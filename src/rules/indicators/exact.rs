//! Exact fractions and their decimal form: no floating point reaches a figure.

use std::fmt;

/// A fraction in lowest terms with a positive denominator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exact {
    num: i128,
    den: i128,
}

fn gcd(a: i128, b: i128) -> i128 {
    let (mut a, mut b) = (a.unsigned_abs(), b.unsigned_abs());
    while b != 0 {
        (a, b) = (b, a.checked_rem(b).unwrap_or(0));
    }
    i128::try_from(a).unwrap_or(1).max(1)
}

impl Exact {
    /// `num / den`; `None` for a denominator of zero or beyond the range.
    pub(crate) fn new(num: i128, den: i128) -> Option<Self> {
        if den == 0 {
            return None;
        }
        let by = gcd(num, den);
        let (num, den) = (num.checked_div(by)?, den.checked_div(by)?);
        if den < 0 {
            Some(Self { num: num.checked_neg()?, den: den.checked_neg()? })
        } else {
            Some(Self { num, den })
        }
    }

    pub(crate) fn whole(n: i128) -> Self {
        Self { num: n, den: 1 }
    }

    pub(crate) fn is_zero(self) -> bool {
        self.num == 0
    }

    pub(crate) fn is_positive(self) -> bool {
        self.num > 0
    }

    /// Crosswise reduced first, so that money by counts stays far from the range.
    pub(crate) fn times(self, other: Self) -> Option<Self> {
        let (a, b) = (Self::new(self.num, other.den)?, Self::new(other.num, self.den)?);
        Self::new(a.num.checked_mul(b.num)?, a.den.checked_mul(b.den)?)
    }

    pub(crate) fn by(self, other: Self) -> Option<Self> {
        self.times(Self::new(other.den, other.num)?)
    }

    pub(crate) fn less(self, other: Self) -> Option<Self> {
        let common = gcd(self.den, other.den);
        let (left, right) = (other.den.checked_div(common)?, self.den.checked_div(common)?);
        let num = self.num.checked_mul(left)?.checked_sub(other.num.checked_mul(right)?)?;
        Self::new(num, self.den.checked_mul(left)?)
    }

    /// Rounded half away from zero, as every amount of the product.
    pub(crate) fn round(self, places: u8) -> Option<Rounded> {
        let scale = 10_i128.checked_pow(u32::from(places))?;
        let scaled = self.num.checked_mul(scale)?;
        let twice = scaled.unsigned_abs().checked_mul(2)?.checked_add(self.den.unsigned_abs())?;
        let units = twice.checked_div(self.den.unsigned_abs().checked_mul(2)?)?;
        let units = i128::try_from(units).ok()?;
        Some(Rounded { units: if scaled < 0 { units.checked_neg()? } else { units }, places })
    }
}

/// A decimal with a fixed number of places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rounded {
    pub(crate) units: i128,
    places: u8,
}

impl fmt::Display for Rounded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.units.unsigned_abs().to_string();
        let places = usize::from(self.places);
        let padded = format!("{digits:0>width$}", width = places.saturating_add(1));
        let (whole, rest) = padded.split_at(padded.len().saturating_sub(places));
        let sign = if self.units < 0 { "-" } else { "" };
        if rest.is_empty() { write!(f, "{sign}{whole}") } else { write!(f, "{sign}{whole}.{rest}") }
    }
}

#[cfg(test)]
mod tests {
    use super::Exact;

    fn shown(num: i128, den: i128, places: u8) -> String {
        Exact::new(num, den).unwrap().round(places).unwrap().to_string()
    }

    #[test]
    fn halves_go_away_from_zero() {
        assert_eq!(shown(1, 8, 2), "0.13");
        assert_eq!(shown(-1, 8, 2), "-0.13");
        assert_eq!(shown(1, 3, 2), "0.33");
        assert_eq!(shown(5, 1, 0), "5");
        assert_eq!(shown(-5, 10, 0), "-1");
        assert_eq!(shown(-4, 10, 0), "0");
        assert_eq!(shown(4, -10, 1), "-0.4");
    }

    #[test]
    fn nothing_is_divided_by_nothing() {
        assert_eq!(Exact::new(1, 0), None);
        assert_eq!(Exact::whole(1).by(Exact::whole(0)), None);
    }

    #[test]
    fn a_share_of_large_amounts_stays_in_range() {
        let fund = Exact::new(9_000_000_000_000_000_001, 1_000_000).unwrap();
        let total = Exact::new(9_200_000_000_000_000_007, 1_000_000).unwrap();
        let grown = fund.less(total).unwrap().by(total).unwrap();
        assert_eq!(grown.times(Exact::whole(100)).unwrap().round(2).unwrap().to_string(), "-2.17");
    }
}
