//! Chinese numerals as statutes write them: 第三十八条, 第一百零二条.
//!
//! Articles are ordered and cited by number; people type 38, papers say 三十八.

/// Reads 〇零一二…九十百千, also mixed with digits only as a whole (`38`); `None` for anything else.
#[must_use]
pub fn parse(text: &str) -> Option<u32> {
    if text.is_empty() {
        return None;
    }
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse().ok();
    }
    let (mut total, mut digit) = (0_u32, None::<u32>);
    let mut positional = String::new();
    for c in text.chars() {
        match c {
            '十' | '百' | '千' => {
                let unit = match c {
                    '十' => 10,
                    '百' => 100,
                    _ => 1000,
                };
                total = total.checked_add(digit.unwrap_or(1).checked_mul(unit)?)?;
                digit = None;
                positional.clear();
            }
            _ => {
                let value = match c {
                    '〇' | '零' => 0,
                    '一' => 1,
                    '二' | '两' => 2,
                    '三' => 3,
                    '四' => 4,
                    '五' => 5,
                    '六' => 6,
                    '七' => 7,
                    '八' => 8,
                    '九' => 9,
                    _ => return None,
                };
                positional.push(char::from_digit(value, 10)?);
                digit = Some(value);
            }
        }
    }
    // 一〇二: digits side by side count by their place; 一百零二 does not.
    if positional.chars().count() > 1 && total == 0 {
        return positional.parse().ok();
    }
    total.checked_add(digit.unwrap_or(0))
}

/// 38 → 三十八; numbers of five digits and more stay digits.
#[must_use]
pub fn chinese(number: u32) -> String {
    const DIGITS: [char; 10] = ['零', '一', '二', '三', '四', '五', '六', '七', '八', '九'];
    if number > 9999 {
        return number.to_string();
    }
    if number == 0 {
        return "零".to_owned();
    }
    let (mut text, mut gap) = (String::new(), false);
    for (unit, name) in [(1000_u32, "千"), (100, "百"), (10, "十"), (1, "")] {
        let digit = number.checked_div(unit).unwrap_or(0).checked_rem(10).unwrap_or(0);
        if digit == 0 {
            gap = !text.is_empty();
            continue;
        }
        if gap {
            text.push('零');
            gap = false;
        }
        // 十八, not 一十八.
        if !(unit == 10 && digit == 1 && text.is_empty()) {
            text.extend(usize::try_from(digit).ok().and_then(|d| DIGITS.get(d)));
        }
        text.push_str(name);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{chinese, parse};

    #[test]
    fn articles_of_a_long_statute_read_back_as_they_were_written() {
        for n in 1..=1260 {
            assert_eq!(parse(&chinese(n)), Some(n), "{}", chinese(n));
        }
        assert_eq!(chinese(18), "十八");
        assert_eq!(chinese(110), "一百一十");
        assert_eq!(chinese(1002), "一千零二");
        assert_eq!(parse("一〇二"), Some(102));
        assert_eq!(parse("38"), Some(38));
        assert_eq!(parse("三x"), None);
    }
}
