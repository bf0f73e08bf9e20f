//! Beijing wall-clock time, the only zone of the product.
//!
//! Claims carry times without a zone and mean Beijing. Stored as whole seconds since 1970-01-01 00:00
//! UTC+8 (so that a day is a division by 86,400), each with the precision it was given in: a rule must
//! never order two events of one day if either is known to the day only (claims.md §1).

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, TimeDelta};
use serde::{Deserialize, Serialize};

/// Seconds of the zone's offset, +08:00.
pub const BEIJING_OFFSET_S: i32 = 8 * 3600;
const BEIJING_OFFSET_S64: i64 = 8 * 3600;
const DAY_S: i64 = 86_400;

/// How exactly a time was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Precision {
    /// To the day.
    #[serde(rename = "d")]
    Day,
    /// To the minute.
    #[serde(rename = "m")]
    Minute,
    /// To the second.
    #[serde(rename = "s")]
    Second,
}

impl Precision {
    /// The letter of the `…_p` columns.
    #[must_use]
    pub const fn letter(self) -> &'static str {
        match self {
            Self::Day => "d",
            Self::Minute => "m",
            Self::Second => "s",
        }
    }

    /// Reads the letter of a `…_p` column.
    #[must_use]
    pub fn from_letter(letter: &str) -> Option<Self> {
        match letter {
            "d" => Some(Self::Day),
            "m" => Some(Self::Minute),
            "s" => Some(Self::Second),
            _ => None,
        }
    }
}

/// Seconds since 1970-01-01 00:00 Beijing time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BeijingTime(i64);

impl BeijingTime {
    /// From the stored integer.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds)
    }

    /// The stored integer.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0
    }

    /// From a wall time in milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn from_unix_ms(unix_ms: i64) -> Self {
        Self(unix_ms.div_euclid(1000).saturating_add(BEIJING_OFFSET_S64))
    }

    /// From calendar fields that are Beijing time already.
    #[must_use]
    pub fn from_naive(naive: NaiveDateTime) -> Self {
        Self(naive.and_utc().timestamp())
    }

    /// Midnight of a calendar day.
    #[must_use]
    pub fn from_date(date: NaiveDate) -> Self {
        Self::from_naive(date.and_time(chrono::NaiveTime::MIN))
    }

    /// Calendar fields; `None` beyond the calendar's range.
    #[must_use]
    pub fn naive(self) -> Option<NaiveDateTime> {
        DateTime::from_timestamp(self.0, 0).map(|utc| utc.naive_utc())
    }

    /// Whole days since 1970-01-01.
    #[must_use]
    pub const fn day(self) -> i64 {
        self.0.div_euclid(DAY_S)
    }

    /// `2026-11-20`, `2026-11-20 09:30` or `2026-11-20 09:30:05`, as precise as it was given.
    #[must_use]
    pub fn display(self, precision: Precision) -> String {
        let format = match precision {
            Precision::Day => "%Y-%m-%d",
            Precision::Minute => "%Y-%m-%d %H:%M",
            Precision::Second => "%Y-%m-%d %H:%M:%S",
        };
        self.naive().map_or_else(|| self.0.to_string(), |n| n.format(format).to_string())
    }
}

fn at_beijing(unix_ms: i64) -> Option<DateTime<FixedOffset>> {
    let zone = FixedOffset::east_opt(BEIJING_OFFSET_S)?;
    DateTime::from_timestamp_millis(unix_ms).map(|utc| utc.with_timezone(&zone))
}

/// `2026-11-20T09:30:00.120+08:00`: the form of every time in journals, records and log entries.
#[must_use]
pub fn rfc3339(unix_ms: i64) -> String {
    at_beijing(unix_ms).map_or_else(
        || "1970-01-01T08:00:00.000+08:00".to_owned(),
        |t| t.format("%Y-%m-%dT%H:%M:%S%.3f+08:00").to_string(),
    )
}

/// Milliseconds since 1970-01-01T00:00:00Z of an RFC 3339 text with offset.
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<i64> {
    DateTime::parse_from_rfc3339(text).ok().map(|t| t.timestamp_millis())
}

/// `2026年11月20日09时30分`: the form on paper.
#[must_use]
pub fn on_paper(unix_ms: i64) -> String {
    at_beijing(unix_ms).map_or_else(String::new, |t| t.format("%Y年%m月%d日%H时%M分").to_string())
}

/// Calendar date in Beijing, `2026-11-20`.
#[must_use]
pub fn beijing_date(unix_ms: i64) -> String {
    at_beijing(unix_ms).map_or_else(String::new, |t| t.format("%Y-%m-%d").to_string())
}

/// Days since 1970-01-01 of a date written `yyyy-MM-dd`; `None` if it is no such date.
#[must_use]
pub fn day_number(date: &str) -> Option<i64> {
    let day = NaiveDate::parse_from_str(date, "%Y-%m-%d").ok()?;
    Some(day.signed_duration_since(NaiveDate::default()).num_days())
}

/// `unix_ms` moved by whole days.
#[must_use]
pub fn plus_days(unix_ms: i64, days: i64) -> i64 {
    unix_ms.saturating_add(TimeDelta::days(days).num_milliseconds())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beijing_seconds_and_rfc3339_agree() {
        let ms = parse_rfc3339("2026-11-20T09:30:00.120+08:00").expect("time");
        assert_eq!(rfc3339(ms), "2026-11-20T09:30:00.120+08:00");
        let t = BeijingTime::from_unix_ms(ms);
        assert_eq!(t.display(Precision::Second), "2026-11-20 09:30:00");
        assert_eq!(t.display(Precision::Day), "2026-11-20");
        assert_eq!(on_paper(ms), "2026年11月20日09时30分");
    }
}
