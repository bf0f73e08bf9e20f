//! What a regulation says about itself: title, number, from when, until when, what it repeals.
//!
//! Only words that leave no doubt count. A number inside a sentence is that of another document; two
//! different dates of coming into force, or "from the day of publication" without a day, give none.

use chrono::{Datelike as _, Months, NaiveDate};
use spotcheck_domain::numeral;
use spotcheck_domain::time::day_number;

/// Endings of titles.
const TITLE_ENDS: &[&str] = &[
    "法", "条例", "办法", "规定", "细则", "规则", "通知", "意见", "方案", "公告", "目录", "规范",
    "标准", "指南", "解释", "批复", "函", "决定", "清单", "要求", "口径",
];

/// Full-width punctuation, digits and letters as their ASCII twins, character by character: texts come in
/// both widths, often mixed. For reading only; what is kept stays as it was written.
pub(super) fn half(text: &str) -> String {
    let narrow = |c: char| match u32::from(c) {
        n @ 0xff01..=0xff5e => char::from_u32(n.saturating_sub(0xfee0)).unwrap_or(c),
        _ => c,
    };
    text.chars().map(narrow).collect()
}

/// A text in one width and without white space.
fn flat(text: &str) -> String {
    half(text).chars().filter(|c| !c.is_whitespace()).collect()
}

/// True if a line ends as titles do.
pub(super) fn ends_as_title(line: &str) -> bool {
    let line = half(line);
    let line = line.trim_end_matches(['》', ')', '>']);
    let line = line.split('(').next().unwrap_or(line);
    TITLE_ENDS.iter().any(|end| line.ends_with(end))
}

fn is_han(c: char) -> bool {
    matches!(c, '\u{4e00}'..='\u{9fff}' | '\u{3400}'..='\u{4dbf}' | '〇')
}

/// A document number in a line and where it ends: 示医保〔2024〕12号, 国家医疗保障局令第7号.
fn number_in(line: &str) -> Option<(String, std::ops::Range<usize>)> {
    by_year(line).or_else(|| by_order(line))
}

fn by_year(line: &str) -> Option<(String, std::ops::Range<usize>)> {
    for (at, open) in line.char_indices().filter(|(_, c)| "〔[【(".contains(*c)) {
        let after = line.get(at.saturating_add(open.len_utf8())..)?;
        let Some((year, rest)) = after.split_at_checked(4) else { continue };
        if !year.bytes().all(|b| b.is_ascii_digit()) {
            continue;
        }
        let Some(rest) = rest.strip_prefix(['〕', ']', '】', ')']) else { continue };
        let rest = rest.trim_start();
        let rest = rest.strip_prefix('第').unwrap_or(rest).trim_start();
        let Some((digits, tail)) = rest.split_once('号') else { continue };
        let digits = digits.trim_end();
        if digits.is_empty() || digits.len() > 6 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            continue;
        }
        let before = line.get(..at)?.trim_end();
        let prefix: Vec<char> = before.chars().rev().take_while(|c| is_han(*c)).take(14).collect();
        if prefix.is_empty() {
            continue;
        }
        let prefix: String = prefix.into_iter().rev().collect();
        let from = before.len().saturating_sub(prefix.len());
        let to = line.len().saturating_sub(tail.len());
        return Some((format!("{prefix}〔{year}〕{digits}号"), from..to));
    }
    None
}

fn by_order(line: &str) -> Option<(String, std::ops::Range<usize>)> {
    let (before, after) = line.split_once('令')?;
    let rest = after.trim_start();
    let rest = rest.strip_prefix('第').unwrap_or(rest);
    let (number, tail) = rest.split_once('号')?;
    let number = numeral::parse(number.trim())?;
    let prefix: Vec<char> = before.chars().rev().take_while(|c| is_han(*c)).take(20).collect();
    if prefix.is_empty() {
        return None;
    }
    let prefix: String = prefix.into_iter().rev().collect();
    // 2026年2月13日国家…令: the day before it is not part of the name.
    let prefix = prefix.trim_start_matches('日').to_owned();
    let from = before.len().saturating_sub(prefix.len());
    Some((format!("{prefix}令第{number}号"), from..line.len().saturating_sub(tail.len())))
}

/// The number of the document itself: alone on its line, or in the brackets below the title.
pub(super) fn own_number(line: &str) -> Option<String> {
    let line = half(line);
    let line = line.trim();
    let (number, range) = number_in(line)?;
    let bracketed = line.starts_with('(') && line.ends_with(')');
    let others = line.get(..range.start)?.chars().chain(line.get(range.end..)?.chars());
    let others = others.filter(|c| !c.is_whitespace() && !"(): 文号发".contains(*c)).count();
    (bracketed || others == 0).then_some(number)
}

/// A date `2024年1月1日` at the beginning of a text, and what follows.
fn date_at(text: &str) -> Option<(i64, &str)> {
    let (year, rest) = text.split_once('年')?;
    let (month, rest) = rest.split_once('月')?;
    let (day, rest) = rest.split_once('日')?;
    let number = |t: &str| numeral::parse(t.trim());
    let year = number(year).filter(|y| (1949..=2100).contains(y))?;
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, number(month)?, number(day)?)?;
    Some((day_number(&date.format("%Y-%m-%d").to_string())?, rest))
}

/// A line that is nothing but a date.
pub(super) fn date_line(line: &str) -> Option<i64> {
    let line = half(line);
    let line = line.trim().trim_start_matches('(').trim_end_matches(')');
    date_at(line).filter(|(_, rest)| rest.trim().is_empty()).map(|(day, _)| day)
}

fn after_each<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = (usize, &'a str)> + 'a {
    text.match_indices(word)
        .filter_map(move |(at, _)| Some((at, text.get(at.saturating_add(word.len())..)?)))
}

fn begins_with_force(rest: &str) -> bool {
    ["施行", "实施", "执行", "生效", "正式施行", "正式实施", "正式执行"]
        .iter()
        .any(|w| rest.starts_with(w))
}

/// What the words say about the first day in force.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Begin {
    /// This day.
    Day(i64),
    /// The day of publication.
    Published,
    /// Several days, and none of them clearly this document's own.
    Several,
    /// Nothing.
    Silent,
}

/// From when a text is in force.
pub(super) fn begin(text: &str) -> Begin {
    let flat = flat(text);
    let (mut own, mut all, mut published) = (Vec::new(), Vec::new(), false);
    for sentence in flat.split(['。', ';']) {
        let starts = after_each(sentence, "自").chain(after_each(sentence, "从"));
        for (at, rest) in starts {
            if let Some((day, rest)) = date_at(rest)
                && let Some(rest) = rest.strip_prefix('起')
                && begins_with_force(rest.trim_start_matches(['开', '始', ',']))
            {
                // 本办法自…: the subject stands before, in the same sentence.
                let before = sentence.get(..at).unwrap_or_default();
                let subject = before.rsplit(',').next().unwrap_or_default();
                if subject.starts_with('本') || subject.contains("本条例") || at == 0 {
                    own.push(day);
                }
                all.push(day);
            }
            let day_of = ["公布", "发布", "印发", "颁布"];
            published |= day_of.iter().any(|w| {
                rest.strip_prefix(w)
                    .and_then(|r| r.strip_prefix("之日起"))
                    .is_some_and(begins_with_force)
            });
        }
    }
    let one = |mut days: Vec<i64>| {
        days.sort_unstable();
        days.dedup();
        (days.len() == 1).then(|| days.first().copied()).flatten()
    };
    match (one(own), one(all.clone())) {
        (Some(day), _) | (None, Some(day)) => Begin::Day(day),
        (None, None) if !all.is_empty() => Begin::Several,
        (None, None) if published => Begin::Published,
        (None, None) => Begin::Silent,
    }
}

/// Until when a text is in force, if it says so: 有效期至…, 有效期五年.
pub(super) fn end(text: &str, begin: Option<i64>) -> Option<i64> {
    let flat = flat(text);
    for (_, rest) in after_each(&flat, "有效期") {
        let rest = rest.trim_start_matches(['为', ':']);
        let until = rest
            .strip_prefix('至')
            .or_else(|| rest.strip_prefix("截至"))
            .or_else(|| rest.strip_prefix("到"));
        if let Some((day, _)) = until.and_then(date_at) {
            return Some(day);
        }
        if let Some((years, _)) = rest.split_once('年')
            && let (Some(years), Some(begin)) = (numeral::parse(years), begin)
        {
            let first =
                NaiveDate::default().checked_add_signed(chrono::TimeDelta::try_days(begin)?)?;
            let after = first.checked_add_months(Months::new(years.checked_mul(12)?))?;
            return Some(
                i64::from(
                    after
                        .num_days_from_ce()
                        .checked_sub(NaiveDate::default().num_days_from_ce())?,
                )
                .saturating_sub(1),
            );
        }
    }
    None
}

/// Numbers (else titles) of what a text repeals.
pub(super) fn repeals(text: &str) -> Vec<String> {
    let flat = flat(text);
    let mut found: Vec<String> = Vec::new();
    for sentence in flat.split('。') {
        let ends = ["同时废止", "予以废止", "即行废止", "同时停止执行", "自行废止"];
        if !ends.iter().any(|w| sentence.contains(w)) {
            continue;
        }
        for (_, rest) in after_each(sentence, "《") {
            let Some((title, after)) = rest.split_once('》') else { continue };
            let bracket = after.strip_prefix('(');
            let number = bracket.and_then(|b| number_in(b).filter(|(_, r)| r.start == 0));
            let named = number.map_or_else(|| title.to_owned(), |(number, _)| number);
            if !found.contains(&named) {
                found.push(named);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{Begin, begin, date_line, end, own_number, repeals};
    use rstest::rstest;
    use spotcheck_domain::time::day_number;

    fn day(text: &str) -> i64 {
        day_number(text).expect("day")
    }

    #[rstest]
    #[case("示医保〔2024〕12号", Some("示医保〔2024〕12号"))]
    #[case("示医保发[2024]第7号", Some("示医保发〔2024〕7号"))]
    #[case("示医保发\u{ff08}2024\u{ff09}\u{ff17}号", Some("示医保发〔2024〕7号"))]
    #[case("(国家示例局令第7号)", Some("国家示例局令第7号"))]
    #[case("(2026年2月13日国家示例局令第七号公布)", Some("国家示例局令第7号"))]
    #[case("根据《某办法》(示医保〔2019〕8号)制定本办法", None)]
    #[case("第一条 为了", None)]
    fn the_number_of_a_document_is_not_one_that_it_cites(
        #[case] line: &str,
        #[case] number: Option<&str>,
    ) {
        assert_eq!(own_number(line).as_deref(), number);
    }

    #[rstest]
    #[case("本办法自2024年1月1日起施行。", Begin::Day(day("2024-01-01")))]
    #[case("自二〇二四年一月一日起执行", Begin::Day(day("2024-01-01")))]
    #[case(
        "本办法自2024年1月1日起施行。此前自2020年5月1日起施行的规定停止。",
        Begin::Day(day("2024-01-01"))
    )]
    #[case("甲项自2024年1月1日起执行。乙项自2024年7月1日起执行。", Begin::Several)]
    #[case("本通知自印发之日起施行。", Begin::Published)]
    #[case("应当自2024年1月1日起三十日内整改。", Begin::Silent)]
    fn from_when(#[case] text: &str, #[case] expected: Begin) {
        assert_eq!(begin(text), expected);
    }

    #[test]
    fn until_when_and_what_is_repealed() {
        let from = Some(day("2024-01-01"));
        assert_eq!(end("有效期5年。", from), Some(day("2028-12-31")));
        assert_eq!(end("有效期至2025年6月30日。", from), Some(day("2025-06-30")));
        assert_eq!(end("药品有效期内", from), None);
        let text = "《旧办法》(示医保〔2019〕8号)和《更旧规定》同时废止。《未提及》另行处理。";
        assert_eq!(repeals(text), ["示医保〔2019〕8号", "更旧规定"]);
        assert_eq!(date_line(" 2024年3月5日 "), Some(day("2024-03-05")));
        assert_eq!(date_line("\u{ff08}2024年3月5日\u{ff09}"), Some(day("2024-03-05")));
        assert_eq!(date_line("2024年3月5日前"), None);
    }
}
