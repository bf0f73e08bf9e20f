//! Working days by the yearly holiday table of the State Council.
//!
//! A deadline in working days ends on another day than one who counts weekends thinks: days between are made
//! free, weekends are worked. Of a year whose table is not known nothing is said: a deadline that may be
//! over one day early would take a party's right to be heard (行政处罚法 art. 44, 45, 85).

/// Days off and weekends worked of one year, as `MM-DD`.
struct Year {
    year: i64,
    /// First and last day off; Saturdays and Sundays inside count too.
    off: &'static [(&'static str, &'static str)],
    /// Saturdays and Sundays that are worked.
    worked: &'static [&'static str],
}

/// 国务院办公厅关于部分节假日安排的通知, one entry a year (国办发明电〔2024〕12号, 〔2025〕7号).
const YEARS: &[Year] = &[
    Year {
        year: 2025,
        off: &[
            ("01-01", "01-01"),
            ("01-28", "02-04"),
            ("04-04", "04-06"),
            ("05-01", "05-05"),
            ("05-31", "06-02"),
            ("10-01", "10-08"),
        ],
        worked: &["01-26", "02-08", "04-27", "09-28", "10-11"],
    },
    Year {
        year: 2026,
        off: &[
            ("01-01", "01-03"),
            ("02-15", "02-23"),
            ("04-04", "04-06"),
            ("05-01", "05-05"),
            ("06-19", "06-21"),
            ("09-25", "09-27"),
            ("10-01", "10-07"),
        ],
        worked: &["01-04", "02-14", "02-28", "05-09", "09-20", "10-10"],
    },
];

/// A count of days that no deadline reaches.
const MOST_DAYS: u32 = 400;

/// `yyyy-MM-dd` of a day since 1970.
#[must_use]
pub fn date_of(day: i64) -> Option<String> {
    let epoch = chrono::NaiveDate::default();
    let date = epoch.checked_add_signed(chrono::TimeDelta::try_days(day)?)?;
    Some(date.format("%Y-%m-%d").to_string())
}

/// Whether a day (since 1970) is worked; `None` where the table of its year is not known.
#[must_use]
pub fn is_working_day(day: i64) -> Option<bool> {
    let date = date_of(day)?;
    let (year, rest) = date.split_once('-')?;
    let year: i64 = year.parse().ok()?;
    let table = YEARS.iter().find(|y| y.year == year)?;
    if table.worked.contains(&rest) {
        return Some(true);
    }
    if table.off.iter().any(|(from, to)| (*from..=*to).contains(&rest)) {
        return Some(false);
    }
    // 1970-01-01 was a Thursday; Monday is 0.
    Some(day.checked_add(3)?.rem_euclid(7) < 5)
}

/// The last day of a deadline of `count` working days that begins the day after `day` (行政处罚法 art. 85);
/// `None` where a year on the way has no table.
#[must_use]
pub fn after_working_days(day: i64, count: u32) -> Option<i64> {
    let (mut at, mut left) = (day, count.min(MOST_DAYS));
    while left > 0 {
        at = at.checked_add(1)?;
        if is_working_day(at)? {
            left = left.saturating_sub(1);
        }
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::day_number;

    fn ends(from: &str, count: u32) -> Option<String> {
        date_of(after_working_days(day_number(from).unwrap(), count)?)
    }

    #[test]
    fn a_deadline_jumps_over_holidays_and_counts_worked_weekends() {
        assert_eq!(ends("2026-11-20", 10).as_deref(), Some("2026-12-04"));
        // 国庆 1.–7. October off, Saturday the 10th worked.
        assert_eq!(ends("2026-09-30", 1).as_deref(), Some("2026-10-08"));
        assert_eq!(ends("2026-09-30", 3).as_deref(), Some("2026-10-10"));
        assert_eq!(ends("2026-09-30", 4).as_deref(), Some("2026-10-12"));
        // 春节.
        assert_eq!(ends("2026-02-13", 2).as_deref(), Some("2026-02-24"));
        assert_eq!(is_working_day(day_number("2026-02-14").unwrap()), Some(true));
    }

    #[test]
    fn of_a_year_without_a_table_nothing_is_said() {
        assert_eq!(ends("2026-12-25", 10), None);
        assert_eq!(is_working_day(day_number("2031-03-03").unwrap()), None);
    }

    #[test]
    fn every_worked_day_is_a_weekend() {
        for year in YEARS {
            for day in year.worked {
                let day = day_number(&format!("{}-{day}", year.year)).unwrap();
                assert!(day.checked_add(3).unwrap().rem_euclid(7) >= 5, "{day}");
            }
        }
    }
}
