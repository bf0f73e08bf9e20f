//! Search: persons, items and staff by parts of names, initials, pinyin, last digits, bed (claims.md §3).
//!
//! Every form of a person is cut into pieces of one to a few characters; a table maps each piece to the
//! ascending list of ranks that have it. Persons are numbered by rank (newest visit first), so a posting
//! list *is* the result in display order: the first page of 王, the most frequent surname, costs one list
//! chunk and one row per hit, however many persons bear it. A query no longer than a piece is answered by
//! its own list and is exact; longer ones intersect the lists of their pieces and are then compared with
//! the row. SQLite's full-text index lost: its trigrams cannot answer one or two characters, and it sorts
//! nothing. A scan lost: decrypting 28 MB for each key stroke is not to be had in 10 ms.

mod build;
mod fold;
mod names;
mod posting;
mod query;

pub(crate) use build::{Seen, build};
pub use fold::fold;
pub use names::{Forms, forms, initials};
pub(crate) use posting::{All, Any, Checked, Lists, Ranks, Stream, TABLE as GRAM_TABLE, Within};
pub(crate) use query::{Texts, containing_within, items, persons, staff};

/// Kinds of posting lists: what the pieces were cut from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i64)]
pub(crate) enum Of {
    PersonName = 1,
    PersonInitials = 2,
    PersonPinyin = 3,
    PersonTail = 4,
    PersonBed = 5,
    ItemName = 11,
    ItemInitials = 12,
    ItemCode = 13,
    StaffName = 21,
    StaffInitials = 22,
    StaffPinyin = 23,
    StaffCode = 24,
    RefTitle = 31,
    RefInitials = 32,
    /// Beginnings of titles and of their initials.
    RefStart = 33,
    RefText = 34,
    /// Of codes; the lists hold numbers of chunks of codes, not of entries.
    RefCode = 35,
}

impl Of {
    /// Characters of the longest piece. Pinyin is long and made of few letters: short pieces of it are so
    /// common that their lists would be walked for nothing.
    pub(crate) const fn piece(self) -> usize {
        match self {
            Self::PersonPinyin | Self::StaffPinyin => 6,
            Self::PersonInitials | Self::StaffInitials => 4,
            // Texts are long: a third length of pieces would be half of the file.
            Self::RefText => 2,
            _ => 3,
        }
    }
}

/// Characters of the longest tail piece (last digits of a number).
pub(crate) const TAIL: usize = 4;

/// All pieces of a text.
pub(crate) fn pieces(of: Of, text: &str, mut put: impl FnMut(&str)) {
    let ends: Vec<usize> =
        text.char_indices().map(|(n, _)| n).chain(std::iter::once(text.len())).collect();
    for length in 1..=of.piece() {
        for window in ends.windows(length.saturating_add(1)) {
            if let (Some(from), Some(to)) = (window.first(), window.last()) {
                put(text.get(*from..*to).unwrap_or_default());
            }
        }
    }
}

/// The last one to four characters.
pub(crate) fn tails(text: &str, mut put: impl FnMut(&str)) {
    for (from, _) in text.char_indices().rev().take(TAIL) {
        put(text.get(from..).unwrap_or_default());
    }
}
