//! Characters by stroke order: 横竖撇捺折, for names that nobody can read aloud.
//!
//! The table is that of Debian's `rime-data-stroke` (LGPL-3), read as data where it is installed. An own
//! look-up and not librime's schema, because a sorted list is all it takes and nothing typed leaves this
//! process. What fits exactly comes before what goes on; inside each, more frequent characters first.

use std::path::Path;

use super::lexicon;

/// Where Debian's package puts the table.
pub(crate) const PLACE: &str = "/usr/share/rime-data/stroke.dict.yaml";
/// Larger files are not ours.
const LARGEST: u64 = 64 << 20;
/// Characters proposed at most.
const MOST: usize = 100;

/// Stroke orders, sorted.
#[derive(Debug, Default)]
pub(crate) struct Strokes {
    rows: Vec<(Box<str>, char, u16)>,
}

impl Strokes {
    /// Reads the table; `None` where it is missing or holds nothing.
    pub(crate) fn open(path: &Path) -> Option<Self> {
        if std::fs::metadata(path).ok()?.len() > LARGEST {
            return None;
        }
        Self::parse(&std::fs::read_to_string(path).ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        let body = text.lines().skip_while(|l| *l != "...").skip(1);
        let mut rows: Vec<_> = body
            .filter_map(|line| {
                let mut fields = line.split('\t');
                let (character, code) = (fields.next()?, fields.next()?);
                let mut chars = character.chars();
                let c = chars.next().filter(|_| chars.next().is_none())?;
                let known = code.bytes().all(|b| b"hspnz".contains(&b));
                (known && !code.is_empty())
                    .then(|| (Box::from(code), c, lexicon::character_cost(c)))
            })
            .collect();
        rows.sort_unstable_by(|a, b| (&a.0, a.2, a.1).cmp(&(&b.0, b.2, b.1)));
        (!rows.is_empty()).then_some(Self { rows })
    }

    /// Characters whose strokes begin so, those that fit exactly first.
    pub(crate) fn find(&self, code: &str) -> Vec<char> {
        if code.is_empty() {
            return Vec::new();
        }
        let from = self.rows.partition_point(|(c, _, _)| &**c < code);
        let mut found: Vec<(bool, u16, usize, char)> = self
            .rows
            .iter()
            .skip(from)
            .take_while(|(c, _, _)| c.starts_with(code))
            .map(|(c, ch, cost)| (c.len() != code.len(), *cost, c.len(), *ch))
            .collect();
        found.sort_unstable();
        let mut seen = std::collections::HashSet::new();
        found.into_iter().map(|f| f.3).filter(|c| seen.insert(*c)).take(MOST).collect()
    }

    /// Stroke orders of a character, for measuring.
    #[cfg(test)]
    pub(crate) fn codes(&self, c: char) -> Vec<&str> {
        self.rows.iter().filter(|r| r.1 == c).map(|r| &*r.0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Strokes;

    const TABLE: &str =
        "name: stroke\n...\n\n一\th\n二\thh\n十\ths\n木\thspn\n林\thspnhspn\n坏\tabc\n两个\thh\n";

    #[test]
    fn what_fits_exactly_comes_first_and_foreign_rows_are_left_out() {
        let strokes = Strokes::parse(TABLE).unwrap();
        assert_eq!(strokes.find("h")[0], '一');
        assert_eq!(strokes.find("hspn"), ['木', '林']);
        assert!(strokes.find("zz").is_empty());
        assert!(strokes.find("").is_empty());
        assert!(Strokes::parse("no table").is_none());
    }
}
