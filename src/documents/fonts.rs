//! The one typeface, parsed for paper.
//!
//! Nothing is looked up on the system: the same elements must give the same bytes on every machine.

use std::sync::OnceLock;

use spotcheck_fonts::{BOLD, REGULAR};
use typst::foundations::Bytes;
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;

use crate::Error;

/// Both faces, parsed once per process.
pub(crate) struct Faces {
    pub(crate) book: LazyHash<FontBook>,
    pub(crate) fonts: Vec<Font>,
}

pub(crate) fn faces() -> Result<&'static Faces, Error> {
    static FACES: OnceLock<Option<Faces>> = OnceLock::new();
    FACES
        .get_or_init(|| {
            let regular = Font::new(Bytes::new(REGULAR), 0)?;
            let bold = Font::new(Bytes::new(BOLD), 0)?;
            let fonts = vec![regular, bold];
            Some(Faces { book: LazyHash::new(FontBook::from_fonts(&fonts)), fonts })
        })
        .as_ref()
        .ok_or(Error::Font)
}

/// True if the regular face has a glyph for `c`; what bold lacks falls back to regular.
#[must_use]
pub fn has_glyph(c: char) -> bool {
    faces()
        .ok()
        .and_then(|faces| faces.fonts.first())
        .is_some_and(|font| font.info().coverage.contains(u32::from(c)))
}

#[cfg(test)]
mod tests {
    use spotcheck_fonts::FAMILY;

    use super::*;

    #[test]
    fn names_of_persons_in_rare_characters_have_glyphs() {
        // 镕 (GBK), 㛃 (extension A), 𬸚 (extension E): all in 通用规范汉字表 or GB 18030-2022 level 2.
        for c in "镕㛃𬸚䶮𫖯旸〇·".chars() {
            assert!(has_glyph(c), "{c}");
        }
        assert!(!has_glyph('😀'));
        assert!(!has_glyph('\u{202e}'));
    }

    #[test]
    fn the_family_is_renamed_and_both_weights_are_found() {
        let faces = faces().unwrap();
        assert_eq!(faces.book.families().map(|(name, _)| name).collect::<Vec<_>>(), [FAMILY]);
        let weights: Vec<u16> =
            faces.fonts.iter().map(|f| f.info().variant.weight.to_number()).collect();
        assert_eq!(weights, [400, 700]);
    }
}
