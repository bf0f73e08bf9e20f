//! Finds a control of the English window by the Chinese label that tests, demo and pictures know it by.
//!
//! A label is put together from words of the catalogues, values and data, on either side of the border to the
//! face; whether an English one says the same is found out by taking both apart.

use crate::language::{ENGLISH, values_of};

/// The face's own words.
pub(crate) const FACE: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/face.rs"));

/// What labels are strung together with, Chinese and English.
const SEAMS: [(&str, &str); 4] = [(" · ", " · "), (" ", " "), ("，", ", "), ("、", ", ")];

/// True if an English label says what a Chinese one says.
pub(crate) fn same(chinese: &str, english: &str) -> bool {
    if chinese == english {
        return true;
    }
    if chinese.is_empty() || english.is_empty() {
        return false;
    }
    let tables = [ENGLISH, FACE];
    let entry = |table: &&[(&str, &str)]| {
        let place = table.binary_search_by(|(key, _)| (*key).cmp(chinese)).ok();
        place.and_then(|n| table.get(n)).is_some_and(|(_, words)| *words == english)
    };
    if tables.iter().any(entry) {
        return true;
    }
    let sentences = tables.iter().flat_map(|table| table.iter()).filter(|(key, _)| {
        // A pattern without a word of its own fits everything.
        key.contains("{}") && key.chars().any(|c| c > '\u{2fff}')
    });
    for (key, words) in sentences {
        let Some(told) = values_of(key, chinese) else { continue };
        let fits = |said: Vec<&str>| {
            said.len() == told.len() && told.iter().zip(said).all(|(a, b)| same(a, b))
        };
        if said(words, english, told.len()).is_some_and(fits) {
            return true;
        }
    }
    // Words that are hung on without a seam: `，有线索`.
    let mut hung = tables
        .iter()
        .flat_map(|table| table.iter())
        .filter(|(key, _)| key.starts_with(['，', '（', '。', ' ']) && !key.contains("{}"));
    if hung.any(|(key, words)| match (chinese.strip_suffix(key), english.strip_suffix(words)) {
        (Some(before), Some(said)) => same(before, said),
        _ => false,
    }) {
        return true;
    }
    SEAMS.iter().any(|(seam, own)| {
        chinese.split_once(seam).is_some_and(|(head, rest)| {
            english.match_indices(own).any(|(at, _)| {
                let (before, after) =
                    (english.get(..at), english.get(at.saturating_add(own.len())..));
                before.is_some_and(|b| same(head, b)) && after.is_some_and(|a| same(rest, a))
            })
        })
    })
}

/// The values in an English sentence, in the order of the Chinese one.
fn said<'a>(words: &str, english: &'a str, count: usize) -> Option<Vec<&'a str>> {
    let mut places = Vec::new();
    let mut plain = String::new();
    let mut rest = words;
    while let Some((before, (inside, after))) =
        rest.split_once('{').and_then(|(b, behind)| Some((b, behind.split_once('}')?)))
    {
        plain.push_str(before);
        rest = after;
        if inside != "s" {
            places.push(inside.parse().unwrap_or(places.len()));
            plain.push_str("{}");
        } else {
            plain.push('\u{1}');
        }
    }
    plain.push_str(rest);
    for ending in ["s", ""] {
        let pattern = plain.replace('\u{1}', ending);
        let Some(values) = values_of(&pattern, english) else { continue };
        let ordered: Option<Vec<&str>> = (0..count)
            .map(|n| {
                let at = places.iter().position(|place| *place == n)?;
                values.get(at).copied()
            })
            .collect();
        if ordered.is_some() {
            return ordered;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_known_in_both_languages() {
        assert!(same("线索", "Suspicions"));
        assert!(same("红 1", "Red 1"));
        assert!(same("不再只看 只看同一规则 · 1 条", "No longer only Same rule only · 1"));
        assert!(same("甄*例 男 · 1959 年生 · 06 床", "甄*例 Male · born 1959 · bed 06"));
        assert!(same(
            "11-09 → 11-18 住院 脑梗死 · 内二科 · 186 行",
            "11-09 → 11-18 Stay 脑梗死 · 内二科 · 186 lines"
        ));
        assert!(!same("红 1", "Yellow 1"));
        assert!(!same("线索", "Search"));
    }
}
