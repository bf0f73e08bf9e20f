//! Short phrases per kind of form field: what is written most often there, at most eight characters each.
//!
//! A list of our own in `words/phrases.txt`, not a memory: phrases learned from one case must not surface in
//! another. A prefix may be text, full pinyin or initials.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use pinyin::ToPinyin;

/// Characters per phrase at most.
#[cfg(test)]
pub(crate) const LONGEST: usize = 8;

static LIST: &str = include_str!("words/phrases.txt");

struct Phrase {
    text: &'static str,
    full: String,
    initials: String,
}

fn library() -> &'static BTreeMap<&'static str, Vec<Phrase>> {
    static LIBRARY: OnceLock<BTreeMap<&'static str, Vec<Phrase>>> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let mut out: BTreeMap<&'static str, Vec<Phrase>> = BTreeMap::new();
        let mut field = "";
        for line in LIST.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')) {
            if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
                field = name;
                continue;
            }
            for text in line.split_whitespace() {
                let readings: Vec<&str> =
                    text.chars().filter_map(|c| c.to_pinyin()).map(|p| p.plain()).collect();
                let full = readings.concat().replace('ü', "v");
                let initials = readings.iter().filter_map(|r| r.chars().next()).collect();
                out.entry(field).or_default().push(Phrase { text, full, initials });
            }
        }
        out
    })
}

/// Kinds of fields that have phrases.
pub(crate) fn fields() -> Vec<&'static str> {
    library().keys().copied().collect()
}

/// Phrases of a field that begin with `prefix` as text, pinyin or initials, in the list's order.
pub(crate) fn find(field: &str, prefix: &str) -> Vec<String> {
    let prefix = prefix.trim();
    library()
        .get(field)
        .into_iter()
        .flatten()
        .filter(|p| {
            p.text.starts_with(prefix)
                || p.full.starts_with(prefix)
                || p.initials.starts_with(prefix)
        })
        .map(|p| p.text.to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, fields, find};

    #[test]
    fn every_phrase_is_short_and_every_field_has_some() {
        assert!(fields().len() >= 15);
        for field in fields() {
            let all = find(field, "");
            assert!(all.len() >= 4, "{field}");
            for phrase in all {
                assert!((1..=LONGEST).contains(&phrase.chars().count()), "{field}: {phrase}");
            }
        }
    }

    #[test]
    fn phrases_are_found_by_text_pinyin_and_initials() {
        for prefix in ["不在", "buzai", "bzc"] {
            assert!(find("presence", prefix).iter().any(|p| p == "不在床"), "{prefix}");
        }
        assert!(find("presence", "qqq").is_empty());
        assert!(find("no such field", "").is_empty());
    }
}
