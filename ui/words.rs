//! Codes and numbers as people read them.
//!
//! Only what the screens of this version show; the code tables of the national platform (research:
//! dictionary.md) stay the source. An unknown code is shown as it is, never guessed.

use spotcheck_app::desk::{CaseState, DocumentState};
use spotcheck_domain::claims::Instant;
use spotcheck_domain::time::day_number;
use spotcheck_domain::{Amount, BeijingTime, Precision};

use crate::language::say;

/// `2026 年 3 月`, or of a part of a month its two days; the id is `2026-03-01..2026-03-31`.
pub(crate) fn month(id: &str) -> String {
    let Some((from, to)) = id.split_once("..") else { return id.to_owned() };
    let next = day_number(to).map(|day| day.saturating_add(1).saturating_mul(86_400));
    let next = next.map(|s| BeijingTime::from_seconds(s).display(Precision::Day));
    let whole = from.ends_with("-01")
        && from.get(..7) == to.get(..7)
        && next.is_some_and(|day| day.ends_with("-01"));
    match (whole, from.get(..4)) {
        (true, Some(year)) => say!("{} 年 {} 月", year, month_number(from)),
        _ => say!("{} 至 {}", from, to),
    }
}

/// `3` of a day in March.
pub(crate) fn month_number(day: &str) -> &str {
    day.get(5..7).map_or("", |month| month.trim_start_matches('0'))
}

/// 性别 (`gend`).
pub(crate) fn gender(code: Option<&str>) -> &str {
    match code {
        Some("1") => say!("男"),
        Some("2") => say!("女"),
        _ => say!("性别未知"),
    }
}

/// 险种 (`insutype`).
pub(crate) fn insurance(code: Option<&str>) -> String {
    match code {
        Some("310") => say!("职工医保").to_owned(),
        Some("390") => say!("居民医保").to_owned(),
        Some("391") => say!("城镇居民医保").to_owned(),
        Some("380") => say!("新农合").to_owned(),
        Some("340") => say!("离休").to_owned(),
        Some("510") => say!("生育保险").to_owned(),
        Some("410") => say!("长期照护").to_owned(),
        Some(other) => say!("险种 {}", other),
        None => say!("险种未知").to_owned(),
    }
}

/// 医疗类别 (`med_type`).
pub(crate) fn visit_type(code: Option<&str>) -> String {
    match code {
        Some("11") => say!("门诊").to_owned(),
        Some("12") => say!("门诊挂号").to_owned(),
        Some("13") => say!("急诊").to_owned(),
        Some("14") => say!("门诊慢特病").to_owned(),
        Some("15") => say!("特药").to_owned(),
        Some("21") => say!("住院").to_owned(),
        Some("22") => say!("外伤住院").to_owned(),
        Some("24") => say!("急诊转住院").to_owned(),
        Some("25") => say!("异地住院").to_owned(),
        Some("26") => say!("单病种住院").to_owned(),
        Some("28") => say!("日间手术").to_owned(),
        Some("41") => say!("药店购药").to_owned(),
        Some("51") => say!("生育门诊").to_owned(),
        Some("52") => say!("生育住院").to_owned(),
        Some(other) => say!("类别 {}", other),
        None => say!("类别未知").to_owned(),
    }
}

/// True for stays (research: dictionary.md, 住院判定).
pub(crate) fn is_stay(code: Option<&str>) -> bool {
    matches!(code, Some("21" | "22" | "24" | "25" | "26" | "28" | "2105" | "2106" | "52"))
}

/// 收费项目类别 (`med_chrgitm_type`).
pub(crate) fn charge_type(code: Option<&str>) -> &str {
    match code {
        Some("01") => say!("床位费"),
        Some("02") => say!("诊察费"),
        Some("03") => say!("检查费"),
        Some("04") => say!("化验费"),
        Some("05") => say!("治疗费"),
        Some("06") => say!("手术费"),
        Some("07") => say!("护理费"),
        Some("08") => say!("卫生材料费"),
        Some("09") => say!("西药费"),
        Some("10") => say!("中药饮片费"),
        Some("11") => say!("中成药费"),
        Some("12") => say!("一般诊疗费"),
        Some("13") => say!("挂号费"),
        _ => say!("其他费"),
    }
}

/// `prac_psn_type` (5102): what somebody does.
pub(crate) fn staff_type(code: Option<&str>) -> &str {
    match code {
        Some("1") => say!("医师"),
        Some("2") => say!("护士"),
        Some("3") => say!("药师"),
        Some("4") => say!("医技人员"),
        _ => "",
    }
}

/// `¥9,230.20`: two decimals, thousands by comma, sign in front.
pub(crate) fn yuan(amount: Amount) -> String {
    let cents = amount.to_cents();
    let (sign, digits) = cents.strip_prefix('-').map_or(("", cents.as_str()), |rest| ("-", rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "00"));
    format!("{sign}¥{}.{fraction}", grouped(whole))
}

/// As [`yuan`], `—` where there is none.
pub(crate) fn yuan_or_none(amount: Option<Amount>) -> String {
    amount.map_or_else(|| "—".to_owned(), yuan)
}

/// `9,230.20`, `—` where there is none: for columns under a heading that says yuan.
pub(crate) fn plain_cents(amount: Option<Amount>) -> String {
    yuan_or_none(amount).replace('¥', "")
}

/// `12,345`.
pub(crate) fn count(number: u64) -> String {
    grouped(&number.to_string())
}

pub(crate) fn grouped(digits: &str) -> String {
    let length = digits.chars().count();
    let mut text = String::with_capacity(digits.len().saturating_add(length));
    for (place, digit) in digits.chars().enumerate() {
        let left = length.saturating_sub(place);
        if place > 0 && left.checked_rem(3) == Some(0) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Quantity or price without trailing zeros.
pub(crate) fn plain(amount: Option<Amount>) -> String {
    amount.map_or_else(|| "—".to_owned(), |a| a.to_string())
}

/// `35 分钟`, `6 小时 05 分`, `超过 99 小时`.
pub(crate) fn lasting(minutes: u64) -> String {
    let (hours, rest) = (minutes.div_euclid(60), minutes.rem_euclid(60));
    match hours {
        0 => say!("{} 分钟", minutes),
        1..=99 => say!("{} 小时 {} 分", hours, format!("{rest:02}")),
        _ => say!("超过 {} 小时", 99),
    }
}

/// `1.8 GB`, `640 KB`.
pub(crate) fn bytes(bytes: u64) -> String {
    const STEPS: [(&str, u64); 3] = [("GB", 1_000_000_000), ("MB", 1_000_000), ("KB", 1_000)];
    for (unit, size) in STEPS {
        if bytes >= size {
            let tenths = bytes.saturating_mul(10).checked_div(size).unwrap_or(0);
            let whole = tenths.checked_div(10).unwrap_or(0);
            let tenth = tenths.checked_rem(10).unwrap_or(0);
            return if whole >= 100 {
                format!("{whole} {unit}")
            } else {
                format!("{whole}.{tenth} {unit}")
            };
        }
    }
    format!("{bytes} B")
}

/// Seconds with one decimal, never less than 0.1.
pub(crate) fn seconds(ms: u64) -> String {
    let tenths = ms.saturating_add(50).div_euclid(100).max(1);
    format!("{}.{}", tenths.div_euclid(10), tenths.rem_euclid(10))
}

/// `00:12:08`.
pub(crate) fn long_time(ms: u64) -> String {
    let (hours, minutes, seconds) = parts(ms);
    format!("{hours:02}:{minutes:02}:{seconds:02}")
}

/// `12:08`, with hours only where there are any.
pub(crate) fn short_time(ms: u64) -> String {
    let (hours, minutes, seconds) = parts(ms);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes:02}:{seconds:02}")
    }
}

fn parts(ms: u64) -> (u64, u64, u64) {
    let seconds = ms.checked_div(1000).unwrap_or(0);
    let minutes = seconds.checked_div(60).unwrap_or(0);
    (
        minutes.checked_div(60).unwrap_or(0),
        minutes.checked_rem(60).unwrap_or(0),
        seconds.checked_rem(60).unwrap_or(0),
    )
}

/// `11-23 16:40` of an RFC 3339 time in Beijing.
pub(crate) fn day_and_time(rfc3339: &str) -> String {
    match (rfc3339.get(5..10), rfc3339.get(11..16)) {
        (Some(day), Some(time)) => format!("{day} {time}"),
        _ => rfc3339.to_owned(),
    }
}

/// `16:40` of an RFC 3339 time in Beijing.
pub(crate) fn time_of_day(rfc3339: &str) -> String {
    rfc3339.get(11..16).unwrap_or(rfc3339).to_owned()
}

/// Month and day of a time in the claims.
pub(crate) fn month_day(time: Option<Instant>) -> String {
    let text = time.map_or_else(String::new, Instant::display);
    text.get(5..10).unwrap_or(&text).to_owned()
}

/// As precise as it was given; `—` where there is none.
pub(crate) fn instant(time: Option<Instant>) -> String {
    time.map_or_else(|| "—".to_owned(), Instant::display)
}

/// 16 hex digits in groups of four.
pub(crate) fn head_digits(hex: &str) -> String {
    let digits: Vec<char> = hex.chars().take(16).collect();
    digits.chunks(4).map(|four| four.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

/// Where a case stands.
pub(crate) fn case_state(state: CaseState) -> &'static str {
    match state {
        CaseState::Open => say!("进行中"),
        CaseState::Sealed => say!("已封存"),
        CaseState::Sent => say!("已上传"),
        CaseState::Received => say!("中心已收"),
        CaseState::Shredded => say!("已销毁"),
    }
}

/// Where a document stands.
pub(crate) fn document_state(state: DocumentState) -> &'static str {
    match state {
        DocumentState::Draft => say!("草稿"),
        DocumentState::Frozen => say!("已定稿"),
        DocumentState::Signed => say!("已签字"),
        DocumentState::Refused => say!("拒签"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("9230.2", "¥9,230.20")]
    #[case("-1234567.005", "-¥1,234,567.01")]
    #[case("0", "¥0.00")]
    #[case("123", "¥123.00")]
    fn money_is_grouped_and_signed(#[case] amount: &str, #[case] shown: &str) {
        assert_eq!(yuan(Amount::parse(amount).unwrap()), shown);
    }

    #[rstest]
    #[case(999, "999 B")]
    #[case(1_000, "1.0 KB")]
    #[case(640_000, "640 KB")]
    #[case(1_850_000_000, "1.8 GB")]
    fn sizes(#[case] size: u64, #[case] shown: &str) {
        assert_eq!(bytes(size), shown);
    }

    #[test]
    fn times() {
        assert_eq!(long_time(728_900), "00:12:08");
        assert_eq!(short_time(65_000), "01:05");
        assert_eq!(short_time(3_665_000), "1:01:05");
        assert_eq!(day_and_time("2026-11-23T16:40:01.000+08:00"), "11-23 16:40");
        assert_eq!(day_and_time("时间不明"), "时间不明");
        assert_eq!(head_digits("3f9a17c08b2ed471ffff"), "3f9a 17c0 8b2e d471");
    }

    #[test]
    fn unknown_codes_are_shown_not_guessed() {
        assert_eq!(visit_type(Some("9901")), "类别 9901");
        assert_eq!(insurance(Some("777")), "险种 777");
        assert!(is_stay(Some("21")) && !is_stay(Some("11")) && !is_stay(None));
    }
}
