//! Money and quantities: exact integers of millionths.
//!
//! Prices in the field carry up to six decimals, and a record that is off by a cent is a record that
//! falls in court. So no floating point anywhere; a text with more decimals is refused, never rounded
//! (claims.md §1). Rounding to the cent happens at output only, half up.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Millionths in one yuan (or one unit of quantity).
pub const MILLIONTHS: i64 = 1_000_000;
const MILLIONTHS_PER_CENT: i64 = 10_000;

/// Why a text is no exact amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AmountError {
    /// Not a decimal number.
    #[error("not a decimal number")]
    NotANumber,
    /// More than six decimals that are not zero.
    #[error("more than six decimals")]
    TooPrecise,
    /// Beyond ±9.2 × 10^12.
    #[error("out of range")]
    OutOfRange,
}

/// An exact decimal with six places: yuan, or a quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Amount(i64);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// From millionths, as stored in every database.
    #[must_use]
    pub const fn from_millionths(millionths: i64) -> Self {
        Self(millionths)
    }

    /// As stored in every database.
    #[must_use]
    pub const fn millionths(self) -> i64 {
        self.0
    }

    /// Reads `12`, `-12.5`, `+0.000001`, `.5`, `1,234.50` (grouping by comma) exactly.
    ///
    /// # Errors
    /// See [`AmountError`].
    pub fn parse(text: &str) -> Result<Self, AmountError> {
        let text = text.trim();
        let (negative, digits) = match text.as_bytes().first() {
            Some(b'-') => (true, text.get(1..).unwrap_or_default()),
            Some(b'+') => (false, text.get(1..).unwrap_or_default()),
            _ => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let whole = ungroup(whole)?;
        if whole.is_empty() && fraction.is_empty() {
            return Err(AmountError::NotANumber);
        }
        if !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
            return Err(AmountError::NotANumber);
        }
        let fraction = fraction.trim_end_matches('0');
        if fraction.len() > 6 {
            return Err(AmountError::TooPrecise);
        }
        let mut value: i64 = 0;
        let padded = fraction.bytes().chain(std::iter::repeat(b'0')).take(6);
        for byte in whole.bytes().chain(padded) {
            let digit = i64::from(byte.wrapping_sub(b'0'));
            value = value
                .checked_mul(10)
                .and_then(|v| v.checked_add(digit))
                .ok_or(AmountError::OutOfRange)?;
        }
        Ok(Self(if negative { value.wrapping_neg() } else { value }))
    }

    /// Sum, or `None` beyond the range.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }

    /// Difference, or `None` beyond the range.
    #[must_use]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(difference) => Some(Self(difference)),
            None => None,
        }
    }

    /// Price × quantity, exact; `None` if the product has more than six decimals or is out of range.
    #[must_use]
    pub fn checked_mul(self, quantity: Self) -> Option<Self> {
        let product = i128::from(self.0).checked_mul(i128::from(quantity.0))?;
        let unit = i128::from(MILLIONTHS);
        if product.checked_rem(unit)? != 0 {
            return None;
        }
        i64::try_from(product.checked_div(unit)?).ok().map(Self)
    }

    /// Two decimals, half up (away from zero): the form on paper and screen, e.g. `1234.50`.
    #[must_use]
    pub fn to_cents(self) -> String {
        let magnitude = self.0.unsigned_abs();
        let per_cent = MILLIONTHS_PER_CENT.unsigned_abs();
        let half = per_cent.checked_div(2).unwrap_or(0);
        let cents = magnitude.saturating_add(half).checked_div(per_cent).unwrap_or(0);
        let sign = if self.0 < 0 && cents > 0 { "-" } else { "" };
        let (whole, rest) =
            (cents.checked_div(100).unwrap_or(0), cents.checked_rem(100).unwrap_or(0));
        format!("{sign}{whole}.{rest:02}")
    }
}

/// Removes grouping commas where they stand every three digits, refuses them elsewhere.
fn ungroup(whole: &str) -> Result<String, AmountError> {
    if !whole.contains(',') {
        return Ok(whole.to_owned());
    }
    let mut groups = whole.split(',');
    let first = groups.next().unwrap_or_default();
    let rest_ok = groups.all(|group| group.len() == 3);
    if (1..=3).contains(&first.len()) && rest_ok {
        Ok(whole.replace(',', ""))
    } else {
        Err(AmountError::NotANumber)
    }
}

/// The shortest exact decimal, e.g. `12`, `12.5`, `-0.000001` (schema `$defs.decimal`).
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let magnitude = self.0.unsigned_abs();
        let unit = MILLIONTHS.unsigned_abs();
        let (whole, rest) =
            (magnitude.checked_div(unit).unwrap_or(0), magnitude.checked_rem(unit).unwrap_or(0));
        if self.0 < 0 {
            f.write_str("-")?;
        }
        write!(f, "{whole}")?;
        if rest != 0 {
            let digits = format!("{rest:06}");
            write!(f, ".{}", digits.trim_end_matches('0'))?;
        }
        Ok(())
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("12", "12", "12.00")]
    #[case("-12.5", "-12.5", "-12.50")]
    #[case("0.005", "0.005", "0.01")]
    #[case("-0.005", "-0.005", "-0.01")]
    #[case("-0.004", "-0.004", "0.00")]
    #[case("1,234.50", "1234.5", "1234.50")]
    #[case(".5", "0.5", "0.50")]
    #[case("0.1234560000", "0.123456", "0.12")]
    fn exact_in_and_rounded_only_at_output(
        #[case] text: &str,
        #[case] exact: &str,
        #[case] cents: &str,
    ) {
        let amount = Amount::parse(text).expect("amount");
        assert_eq!(amount.to_string(), exact);
        assert_eq!(amount.to_cents(), cents);
    }

    #[rstest]
    #[case("0.0000001")]
    #[case("1e3")]
    #[case("")]
    #[case("-")]
    #[case("1,23")]
    #[case("十二")]
    #[case("99999999999999")]
    fn refused_never_rounded(#[case] text: &str) {
        assert!(Amount::parse(text).is_err());
    }

    proptest::proptest! {
        #[test]
        fn text_and_value_are_the_same_thing(millionths in proptest::num::i64::ANY) {
            proptest::prop_assume!(millionths != i64::MIN);
            let amount = Amount::from_millionths(millionths);
            proptest::prop_assert_eq!(Amount::parse(&amount.to_string()), Ok(amount));
        }
    }
}
