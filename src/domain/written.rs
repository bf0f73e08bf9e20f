//! Texts as people and programs write them: white space, dates, numbers with full-width digits.
//!
//! Centre and handheld read the same dirt: exports of the platform at import, exports of a hospital's own
//! system on site. What is not understood is refused here and told by the caller, never guessed.

use chrono::{NaiveDate, NaiveTime, TimeDelta};

use crate::claims::Instant;
use crate::time::BEIJING_OFFSET_S;
use crate::{Amount, BeijingTime, Precision};

/// Without white space (also tab, no-break and full-width space) and byte order mark at both ends.
#[must_use]
pub fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}' || c == '\0')
}

/// Reads `yyyy-MM-dd`, `yyyy-MM-dd HH:mm[:ss]`, `yyyyMMdd`, `yyyyMMddHHmmss`, the same with `/`, and
/// ISO 8601 with a zone, which is converted to Beijing time. Without a zone it is Beijing time.
#[must_use]
pub fn time(text: &str) -> Option<Instant> {
    let text = trim(text);
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return compact(text);
    }
    let split = text.find(['T', 't', ' ']).or_else(|| text.find('\u{3000}'));
    let Some((date, rest)) = split.and_then(|at| text.split_at_checked(at)) else {
        return Some(Instant { at: BeijingTime::from_date(date(text)?), p: Precision::Day });
    };
    let date = date_part(date)?;
    let rest = trim(rest.trim_start_matches(['T', 't']));
    let (clock, offset) = zone(rest)?;
    let (clock, p) = clock_part(clock)?;
    let local = date.and_time(clock);
    let at = match offset {
        None => local,
        Some(seconds) => {
            let shift = i64::from(BEIJING_OFFSET_S).checked_sub(seconds)?;
            local.checked_add_signed(TimeDelta::try_seconds(shift)?)?
        }
    };
    Some(Instant { at: BeijingTime::from_naive(at), p })
}

fn date(text: &str) -> Option<NaiveDate> {
    date_part(text)
}

fn plausible(date: NaiveDate) -> Option<NaiveDate> {
    use chrono::Datelike as _;
    (1800..=9999).contains(&date.year()).then_some(date)
}

fn date_part(text: &str) -> Option<NaiveDate> {
    let mut parts = text.splitn(3, ['-', '/']);
    let (year, month, day) = (parts.next()?, parts.next(), parts.next());
    let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit()).then(|| t.parse().ok()).flatten();
    match (month, day) {
        (Some(month), Some(day)) if year.len() == 4 && month.len() <= 2 && day.len() <= 2 => {
            let year = i32::try_from(digits(year)?).ok()?;
            NaiveDate::from_ymd_opt(year, digits(month)?, digits(day)?).and_then(plausible)
        }
        (None, None) if year.len() == 8 => compact(year)?.at.naive().map(|t| t.date()),
        _ => None,
    }
}

fn compact(text: &str) -> Option<Instant> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<u32>().ok();
    let year = i32::try_from(number(0, 4)?).ok()?;
    let date = NaiveDate::from_ymd_opt(year, number(4, 6)?, number(6, 8)?).and_then(plausible)?;
    let (clock, p) = match text.len() {
        8 => (NaiveTime::MIN, Precision::Day),
        12 => (NaiveTime::from_hms_opt(number(8, 10)?, number(10, 12)?, 0)?, Precision::Minute),
        14 => (
            NaiveTime::from_hms_opt(number(8, 10)?, number(10, 12)?, number(12, 14)?)?,
            Precision::Second,
        ),
        _ => return None,
    };
    Some(Instant { at: BeijingTime::from_naive(date.and_time(clock)), p })
}

/// Splits off `Z`, `+08:00`, `+0800`, `+08`; seconds east of Greenwich.
fn zone(text: &str) -> Option<(&str, Option<i64>)> {
    if let Some(clock) = text.strip_suffix(['Z', 'z']) {
        return Some((clock, Some(0)));
    }
    let Some(at) = text.rfind(['+', '-']) else { return Some((text, None)) };
    let (clock, offset) = text.split_at_checked(at)?;
    let negative = offset.starts_with('-');
    let digits: String = offset.chars().skip(1).filter(|c| *c != ':').collect();
    if !digits.bytes().all(|b| b.is_ascii_digit()) || !matches!(digits.len(), 2 | 4) {
        return None;
    }
    let hours: i64 = digits.get(..2)?.parse().ok()?;
    let minutes: i64 =
        digits.get(2..).filter(|m| !m.is_empty()).map_or(Some(0), |m| m.parse().ok())?;
    if hours > 14 || minutes > 59 {
        return None;
    }
    let seconds = hours.checked_mul(3600)?.checked_add(minutes.checked_mul(60)?)?;
    Some((trim(clock), Some(if negative { seconds.wrapping_neg() } else { seconds })))
}

fn clock_part(text: &str) -> Option<(NaiveTime, Precision)> {
    let text = trim(text);
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let mut parts = whole.split(':');
    let (hour, minute, second) = (parts.next()?, parts.next()?, parts.next());
    if parts.next().is_some() || [hour, minute].iter().any(|p| p.len() > 2) {
        return None;
    }
    let number = |t: &str| t.bytes().all(|b| b.is_ascii_digit()).then(|| t.parse().ok()).flatten();
    let p = if second.is_some() { Precision::Second } else { Precision::Minute };
    let second = second.map_or(Some(0), |s| if s.len() > 2 { None } else { number(s) })?;
    Some((NaiveTime::from_hms_opt(number(hour)?, number(minute)?, second)?, p))
}

/// [`time`], and what people write beside it: `2026年3月5日 9时30分`, `2026.3.5`, full-width digits.
#[must_use]
pub fn loose_time(text: &str) -> Option<Instant> {
    let text = half_width(text);
    let mut plain = String::with_capacity(text.len());
    for c in text.trim().chars() {
        match c {
            '年' | '月' => plain.push('-'),
            '日' => plain.push(' '),
            '时' | '点' | '分' => plain.push(':'),
            '秒' => {}
            _ => plain.push(c),
        }
    }
    let plain = plain.trim().trim_end_matches([':', '-']);
    // Dots stand between year, month and day only; behind a colon they begin a fraction of a second.
    let dots = plain.split(' ').next().unwrap_or_default().matches('.').count();
    let plain = if dots == 2 { plain.replacen('.', "-", 2) } else { plain.to_owned() };
    let mut words = plain.split_whitespace();
    let joined = match (words.next(), words.next(), words.next()) {
        (Some(day), None, _) => day.to_owned(),
        (Some(day), Some(clock), None) => {
            let clock = if clock.contains(':') { clock.to_owned() } else { format!("{clock}:00") };
            format!("{day} {clock}")
        }
        _ => return None,
    };
    time(&joined)
}

/// Full-width letters, digits and signs as their ASCII twins; the full-width space as a space.
#[must_use]
pub fn half_width(text: &str) -> std::borrow::Cow<'_, str> {
    let wide = |c: char| matches!(c, '\u{ff01}'..='\u{ff5e}' | '\u{3000}');
    if !text.chars().any(wide) {
        return text.into();
    }
    let narrow = |c: char| match c {
        '\u{3000}' => ' ',
        '\u{ff01}'..='\u{ff5e}' => {
            u32::from(c).checked_sub(0xfee0).and_then(char::from_u32).unwrap_or(c)
        }
        _ => c,
    };
    text.chars().map(narrow).collect::<String>().into()
}

/// A decimal as people and programs write it: `1,234.50`, `¥12`, `12元`, `(12.00)` for a negative one,
/// full-width digits. `None` if it is no number or has more than six decimals.
#[must_use]
pub fn loose_amount(text: &str) -> Option<Amount> {
    let text = half_width(text);
    let text = trim(&text);
    let text = text.strip_suffix('元').unwrap_or(text);
    let (text, negative) = match text.strip_prefix('(').and_then(|t| t.strip_suffix(')')) {
        Some(inner) => (inner, true),
        None => (text, false),
    };
    let money: String = text.chars().filter(|c| !matches!(c, '¥' | '￥' | ' ' | '\t')).collect();
    let amount = Amount::parse(&money).ok()?;
    if negative { Amount::ZERO.checked_sub(amount) } else { Some(amount) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("2026-03-05", "2026-03-05")]
    #[case("2026/3/5", "2026-03-05")]
    #[case("20260305", "2026-03-05")]
    #[case("2026年3月5日", "2026-03-05")]
    #[case("2026年03月05日 9时30分", "2026-03-05 09:30")]
    #[case("２０２６-03-05 ０9:30:01", "2026-03-05 09:30:01")]
    #[case("2026.3.5", "2026-03-05")]
    #[case("2026-03-05T09:30:01.5", "2026-03-05 09:30:01")]
    fn dates_as_people_write_them(#[case] text: &str, #[case] read: &str) {
        assert_eq!(loose_time(text).map(Instant::display).as_deref(), Some(read));
    }

    #[rstest]
    #[case("1,234.50", "1234.5")]
    #[case("１２．５０", "12.5")]
    #[case("¥ 12", "12")]
    #[case("(3.00)", "-3")]
    #[case("12元", "12")]
    fn numbers_as_people_write_them(#[case] text: &str, #[case] read: &str) {
        assert_eq!(loose_amount(text).map(|a| a.to_string()).as_deref(), Some(read));
    }

    #[rstest]
    #[case("")]
    #[case("1.23E+17")]
    #[case("合计")]
    #[case("2026-13-05")]
    #[case("2026年")]
    fn what_is_neither_is_refused(#[case] text: &str) {
        assert!(loose_time(text).is_none() && loose_amount(text).is_none());
    }
}
