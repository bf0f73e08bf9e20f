//! What a line begins with.

use spotcheck_domain::numeral;

use super::super::head::half;

/// Kinds of headings.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heading {
    /// 第十五条, 第十五条之一: number, 之-number (0: none), what follows.
    Article(u32, u32, String),
    /// 第三章 …, 第一节 ….
    Chapter,
    /// 一、: number, and how it is cited.
    First(u32, String),
    /// (一): the same.
    Second(u32, String),
    /// 附件.
    Annex,
}

/// Longest heading of a chapter.
const CHAPTER_CHARS: usize = 40;

/// The heading that a line begins with, if any.
pub(super) fn heading(line: &str) -> Option<Heading> {
    let line = &half(line);
    if let Some(rest) = line.strip_prefix('第') {
        return article_or_chapter(line, rest);
    }
    if line.starts_with("附件") || line.starts_with("附表") {
        let short = line.chars().count() <= CHAPTER_CHARS && !line.ends_with(['。', ';']);
        return short.then_some(Heading::Annex);
    }
    if let Some(rest) = line.strip_prefix('(') {
        let (number, _) = rest.split_once(')')?;
        // (2024) is a year and (3) the third level.
        let number = chinese(number)?;
        return Some(Heading::Second(number, format!("({})", numeral::chinese(number))));
    }
    let (number, _) = line.split_once('、')?;
    let number = chinese(number)?;
    Some(Heading::First(number, numeral::chinese(number)))
}

fn chinese(text: &str) -> Option<u32> {
    let text = text.trim();
    let han = !text.is_ascii() && text.chars().count() <= 4;
    han.then(|| numeral::parse(text)).flatten()
}

fn article_or_chapter(line: &str, rest: &str) -> Option<Heading> {
    let numerals = |c: char| "〇零一二三四五六七八九十百千0123456789".contains(c);
    let end = rest.find(|c: char| !numerals(c))?;
    let (number, rest) = rest.split_at_checked(end)?;
    let number = numeral::parse(number)?;
    if let Some(rest) = rest.strip_prefix('条') {
        let Some(after) = rest.strip_prefix('之') else {
            return Some(Heading::Article(number, 0, rest.to_owned()));
        };
        let end = after.find(|c: char| !numerals(c)).unwrap_or(after.len());
        let (sub, tail) = after.split_at_checked(end)?;
        return Some(match numeral::parse(sub) {
            Some(sub) => Heading::Article(number, sub, tail.to_owned()),
            None => Heading::Article(number, 0, rest.to_owned()),
        });
    }
    let chapter = rest.starts_with(['章', '节', '编', '篇']);
    (chapter && line.chars().count() <= CHAPTER_CHARS).then_some(Heading::Chapter)
}

#[cfg(test)]
mod tests {
    use super::{Heading, heading};

    #[test]
    fn what_lines_begin_with() {
        assert_eq!(heading("第十五条 内容"), Some(Heading::Article(15, 0, " 内容".to_owned())));
        assert_eq!(heading("第十五条之一 内容"), Some(Heading::Article(15, 1, " 内容".to_owned())));
        assert_eq!(heading("第三章 法律责任"), Some(Heading::Chapter));
        assert_eq!(heading("二、工作要求"), Some(Heading::First(2, "二".to_owned())));
        assert_eq!(heading("(三)按日计收"), Some(Heading::Second(3, "(三)".to_owned())));
        let wide = "\u{ff08}三\u{ff09}按日计收";
        assert_eq!(heading(wide), Some(Heading::Second(3, "(三)".to_owned())));
        assert_eq!(heading("(2024)年"), None);
        assert_eq!(heading("附件1:目录"), Some(Heading::Annex));
        assert_eq!(heading("甲、乙双方"), None);
        assert_eq!(heading("第三方机构"), None);
    }
}
