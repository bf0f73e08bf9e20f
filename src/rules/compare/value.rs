//! Cells as ids, names, days and numbers, so that both sides can be held against each other.
//!
//! A number that a spreadsheet turned into `1.23457E+17` has lost its last digits: as an id it is told and
//! never compared. Leading zeros are lost in the same way but lose nothing: ids are compared without them.

use spotcheck_domain::written::{half_width, loose_amount, loose_time, trim};

/// An id as read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Id {
    /// No text.
    Empty,
    /// Its last digits are lost.
    Lossy,
    /// Comparable form.
    Is(String),
}

/// An id: upper case, half width, without leading zeros where it is a number.
pub(super) fn id(text: &str) -> Id {
    let text = half_width(text);
    let text = trim(&text);
    if text.is_empty() {
        return Id::Empty;
    }
    if lossy(text) {
        return Id::Lossy;
    }
    let text = text.strip_suffix(".0").filter(|t| digits(t)).unwrap_or(text);
    if digits(text) {
        let short = text.trim_start_matches('0');
        return Id::Is(if short.is_empty() { "0".to_owned() } else { short.to_owned() });
    }
    Id::Is(text.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_uppercase()).collect())
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// `1.23457E+17`, `1E17`.
pub(super) fn lossy(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['E', 'e']) else { return false };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let exponent = exponent.trim_start_matches('+');
    digits(whole) && whole.len() == 1 && digits(fraction) && digits(exponent) && exponent.len() <= 2
}

/// A name: half width, lower case, without spaces and the dots inside foreign names.
pub(super) fn name(text: &str) -> String {
    half_width(text)
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '·' | '•' | '・' | '\u{feff}'))
        .flat_map(char::to_lowercase)
        .collect()
}

/// Days since 1970-01-01 of a text, or of a spreadsheet's day number.
pub(super) fn day(text: &str) -> Option<i64> {
    if let Some(instant) = loose_time(text) {
        let day = instant.at.day();
        return PLAUSIBLE.contains(&day).then_some(day);
    }
    let whole = text.split_once('.').map_or(text, |(whole, _)| whole);
    if whole.len() != 5 || !digits(whole) {
        return None;
    }
    let serial: i64 = whole.parse().ok()?;
    Some(serial.saturating_sub(SHEET_EPOCH)).filter(|day| PLAUSIBLE.contains(day))
}

/// 1970-01-01 as a spreadsheet counts days.
const SHEET_EPOCH: i64 = 25_569;
/// 2000-01-01 to 2049-12-31: fees.
const PLAUSIBLE: std::ops::Range<i64> = 10_957..29_220;

/// Millionths of a text.
pub(super) fn number(text: &str) -> Option<i64> {
    loose_amount(text).map(|a| a.millionths())
}

/// True if the names can be those of one person; `张*三`, `张**` stand for any signs.
pub(super) fn same_person(one: &str, other: &str) -> bool {
    if one == other {
        return true;
    }
    let masked = |c: char| matches!(c, '*' | '＊' | '×' | '某' | '?');
    if !one.chars().chain(other.chars()).any(masked) {
        return false;
    }
    let (mut a, mut b) = (one.chars(), other.chars());
    loop {
        match (a.next(), b.next()) {
            (None, None) => return true,
            (Some(x), Some(y)) if x == y || masked(x) || masked(y) => {}
            // One star may stand for several signs, several for one.
            (None, Some(c)) => return one.ends_with(masked) || masked(c),
            (Some(c), None) => return other.ends_with(masked) || masked(c),
            _ => return false,
        }
    }
}

/// Less than a cent apart.
pub(super) const fn same_money(one: i64, other: i64) -> bool {
    one.saturating_sub(other).unsigned_abs() < 10_000
}

/// Prices are rounded in many places: half a cent.
pub(super) const fn same_price(one: i64, other: i64) -> bool {
    one.saturating_sub(other).unsigned_abs() <= 5_000
}

/// Whether a mark says that this row takes something back. `已退` marks the row that was taken back.
pub(super) fn is_refund(mark: &str, header: &str) -> bool {
    let mark = name(mark);
    let not = ["未", "非", "不", "正常", "已退", "被退"];
    if mark.is_empty() || not.iter().any(|n| mark.contains(n)) {
        return false;
    }
    if ["退", "冲", "红", "负"].iter().any(|w| mark.contains(w)) {
        return true;
    }
    let yes = matches!(mark.as_str(), "是" | "y" | "yes" | "true" | "1");
    yes && ["退", "冲"].iter().any(|w| header.contains(w))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("1.23457E+17", Id::Lossy)]
    #[case("1.23457E17", Id::Lossy)]
    #[case("00120", Id::Is("120".to_owned()))]
    #[case("120.0", Id::Is("120".to_owned()))]
    #[case("zy１２", Id::Is("ZY12".to_owned()))]
    #[case(" ", Id::Empty)]
    #[case("1E", Id::Is("1E".to_owned()))]
    fn ids_are_compared_only_where_all_digits_are_there(#[case] text: &str, #[case] read: Id) {
        assert_eq!(id(text), read);
    }

    #[rstest]
    #[case("张*三", "张小三", true)]
    #[case("张**", "张三", true)]
    #[case("张三", "李三", false)]
    #[case("李*", "张三", false)]
    fn a_masked_name_is_no_other_person(#[case] a: &str, #[case] b: &str, #[case] same: bool) {
        assert_eq!(same_person(a, b), same);
    }

    #[test]
    fn a_day_number_of_a_spreadsheet_is_a_day() {
        assert_eq!(day("46086"), day("2026-03-05"));
        assert_eq!(day("46086.40625"), day("2026年3月5日"));
        assert_eq!((day("12345"), day("460860")), (None, None));
    }
}
