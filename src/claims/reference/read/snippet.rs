//! The words around a match, for a list of answers.

use super::super::fold;

/// Characters of a snippet.
const LENGTH: usize = 80;
/// Characters shown before the match.
const BEFORE: usize = 14;

/// The part of the first text that holds one of the folded `words`; else the beginning of the first text
/// that is not empty.
pub(super) fn of(texts: &[&str], words: &[String]) -> String {
    for text in texts {
        for word in words {
            if let Some(at) = place(text, word) {
                return cut(text, at.saturating_sub(BEFORE));
            }
        }
    }
    texts.iter().find(|t| !t.is_empty()).map_or_else(String::new, |t| cut(t, 0))
}

/// Character at which a folded word begins in a text that is not folded.
fn place(text: &str, word: &str) -> Option<usize> {
    let mut folded = String::new();
    let mut from: Vec<(usize, usize)> = Vec::new();
    for (n, c) in text.chars().enumerate() {
        from.push((folded.len(), n));
        folded.push_str(&fold(c.encode_utf8(&mut [0; 4])));
    }
    let at = folded.find(word)?;
    from.iter().rev().find(|(start, _)| *start <= at).map(|(_, n)| *n)
}

fn cut(text: &str, from: usize) -> String {
    let flat = |c: char| if c.is_whitespace() { ' ' } else { c };
    let mut part: String = text.chars().skip(from).take(LENGTH).map(flat).collect();
    if from > 0 {
        part.insert(0, '…');
    }
    if text.chars().nth(from.saturating_add(LENGTH)).is_some() {
        part.push('…');
    }
    part
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn the_words_around_the_match_are_shown_as_they_were_written() {
        let long = format!("{}床位费按日(Ａ)计收{}", "甲".repeat(60), "乙".repeat(90));
        let shown = of(&[&long], &["a计收".to_owned()]);
        assert!(
            shown.starts_with('…') && shown.ends_with('…') && shown.contains("按日(Ａ)计收"),
            "{shown}"
        );
        assert_eq!(of(&["", "限二级以上"], &["没有".to_owned()]), "限二级以上");
    }
}
