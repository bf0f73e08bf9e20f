//! A time or a number that may be missing, in eight bytes.
//!
//! `Option` of either takes sixteen. Executions and what persons did elsewhere are millions of rows in a county
//! hospital, each with several of them.

use spotcheck_domain::Precision;
use spotcheck_domain::claims::Instant;
use spotcheck_domain::time::BeijingTime;

/// Stands for missing.
const MISSING: i64 = i64::MIN;

/// A time with its precision, or none. It sorts by moment, then precision; none comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(i64);

impl Moment {
    /// The time, if there is one.
    #[must_use]
    pub const fn get(self) -> Option<Instant> {
        if self.0 == MISSING {
            return None;
        }
        let p = match self.0 & 3 {
            0 => Precision::Day,
            1 => Precision::Minute,
            _ => Precision::Second,
        };
        Some(Instant { at: BeijingTime::from_seconds(self.0 >> 2), p })
    }
}

impl From<Option<Instant>> for Moment {
    /// Seconds of more than 62 bits (73 thousand million years) are no time.
    fn from(time: Option<Instant>) -> Self {
        let packed = time.and_then(|i| {
            let p = match i.p {
                Precision::Day => 0,
                Precision::Minute => 1,
                Precision::Second => 2,
            };
            i.at.seconds().checked_mul(4)?.checked_add(p)
        });
        Self(packed.unwrap_or(MISSING))
    }
}

/// Millionths, or nothing. The smallest number of 64 bits counts as nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Figure(i64);

impl Figure {
    /// The number, if there is one.
    #[must_use]
    pub const fn get(self) -> Option<i64> {
        if self.0 == MISSING { None } else { Some(self.0) }
    }
}

impl From<Option<i64>> for Figure {
    fn from(number: Option<i64>) -> Self {
        Self(number.unwrap_or(MISSING))
    }
}

#[cfg(test)]
mod tests {
    use super::{Figure, Moment};
    use spotcheck_domain::Precision;
    use spotcheck_domain::claims::Instant;
    use spotcheck_domain::time::BeijingTime;

    #[test]
    fn a_time_comes_back_as_it_was_given_and_sorts_as_before() {
        let mut all = vec![None];
        for seconds in [-86_400, -1, 0, 1, 1_795_138_200, 253_402_300_799] {
            for p in [Precision::Day, Precision::Minute, Precision::Second] {
                all.push(Some(Instant { at: BeijingTime::from_seconds(seconds), p }));
            }
        }
        let packed: Vec<Moment> = all.iter().map(|i| Moment::from(*i)).collect();
        assert!(packed.is_sorted());
        assert!(packed.iter().zip(&all).all(|(m, i)| m.get() == *i));
        assert_eq!(size_of::<Moment>(), 8);
    }

    #[test]
    fn a_missing_number_is_none_and_comes_first() {
        for number in [None, Some(0), Some(-5), Some(i64::MAX)] {
            assert_eq!(Figure::from(number).get(), number);
        }
        assert!(Figure::from(None) < Figure::from(Some(i64::MIN + 1)));
    }
}
