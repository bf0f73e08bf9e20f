//! Folding of reference texts: as everywhere, and without brackets and book-title marks.
//!
//! A document number is printed 示医保〔2024〕12号 and typed 示医保[2024]12号 or without brackets at all; an
//! item is printed 普通病房床位费(三人间). Dots, percent signs and hyphens stay: they carry meaning in doses
//! and codes.

use crate::search;

/// The form in which reference texts and queries are compared.
#[must_use]
pub fn fold(text: &str) -> String {
    let folded = search::fold(text);
    if folded.contains(is_mark) {
        folded.chars().filter(|c| !is_mark(*c)).collect()
    } else {
        folded
    }
}

const fn is_mark(c: char) -> bool {
    matches!(
        c,
        '(' | ')'
            | '['
            | ']'
            | '{'
            | '}'
            | '<'
            | '>'
            | '"'
            | '\''
            | ','
            | ';'
            | ':'
            | '!'
            | '?'
            | '〔'
            | '〕'
            | '【'
            | '】'
            | '《'
            | '》'
            | '〈'
            | '〉'
            | '「'
            | '」'
            | '『'
            | '』'
            | '“'
            | '”'
            | '‘'
            | '’'
            | '、'
            | '。'
    )
}

#[cfg(test)]
mod tests {
    use super::fold;

    #[test]
    fn numbers_of_documents_are_found_with_any_brackets_and_without() {
        let printed = fold("示医保〔2024〕12号");
        for typed in
            ["示医保[2024]12号", "示医保(2024)12号", "示医保【2024】12号", "示医保2024 12号"]
        {
            assert_eq!(fold(typed), printed);
        }
        assert_eq!(fold("《示例办法》,0.9%(100ml:0.9g)"), "示例办法0.9%100ml0.9g");
        assert_eq!(fold("C99-01/2"), "c99-01/2");
    }
}
