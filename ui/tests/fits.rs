//! Every screen of a visit holds its words: at 130 %, in both languages, on the smallest screen.

use std::collections::BTreeSet;
use std::path::Path;

use i_slint_backend_testing::ElementQuery;
use slint::ComponentHandle as _;

use spotcheck_face::Theme;

use super::english::too_narrow;
use crate::options::ThemeMode;
use crate::testkit::face::Face;
use crate::testkit::fake_desk::FakeDesk;
use crate::testkit::gallery::{SMALL, every_screen, options, whole_way};

/// What ends below or beside the screen although nothing scrolls it there.
fn outside(face: &Face) -> Vec<String> {
    let window = face.window().window();
    let size = window.size().to_logical(window.scale_factor());
    let (width, height) = (size.width, size.height);
    let root = face.window();
    let mut found = Vec::new();
    for kind in ["BottomBar", "Header", "Keyboard", "Hint", "WhyNot", "Toast", "ErrorCard"] {
        for part in ElementQuery::from_root(root).match_inherits(kind).find_all() {
            let (at, size) = (part.absolute_position(), part.size());
            let inside = at.x >= -0.5
                && at.y >= -0.5
                && at.x + size.width <= width + 0.5
                && at.y + size.height <= height + 0.5;
            if !inside && size.height > 0.0 {
                found.push(format!("{kind} at {at:?} with {size:?}"));
            }
        }
    }
    found
}

/// Words of one line that are cut, wherever they stand: titles, rows, captions, numbers.
fn cut(face: &Face) -> Vec<String> {
    face.window().global::<Theme<'_>>().set_measuring(true);
    let all = ElementQuery::from_root(face.window()).match_inherits("Words").find_all();
    let cut = all.into_iter().filter(|e| e.accessible_description().is_some_and(|d| d == "cut"));
    let found = cut.filter_map(|e| e.accessible_label()).map(|l| l.to_string()).collect();
    face.window().global::<Theme<'_>>().set_measuring(false);
    found
}

/// Every sentence of the catalogues that holds nothing of anybody's data: it is ours to find words that fit. What holds
/// names, texts or numbers of the data can always be longer than a row.
fn own_words(english: bool) -> BTreeSet<String> {
    let member = if english { "msgstr \"" } else { "msgid \"" };
    let ui = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut own = BTreeSet::new();
    for catalogue in ["lang/en.po", "face/lang/en/LC_MESSAGES/spotcheck-face.po"] {
        let text = std::fs::read_to_string(ui.join(catalogue)).unwrap();
        let words = text.lines().filter_map(|l| l.strip_prefix(member)?.strip_suffix('"'));
        own.extend(words.filter(|w| !w.is_empty() && !w.contains('{')).map(str::to_owned));
    }
    assert!(own.len() > 500, "{}", own.len());
    own
}

fn large() -> Box<FakeDesk> {
    Box::new(FakeDesk::new().with_large_text())
}

fn walk(english: bool) -> BTreeSet<String> {
    let (mut wrong, mut screens) = (BTreeSet::new(), 0);
    let own = own_words(english);
    let mut look = |face: &Face, name: &str| {
        screens += 1;
        wrong.extend(too_narrow(face).into_iter().map(|word| format!("{name}: {word}")));
        wrong.extend(outside(face).into_iter().map(|part| format!("{name}: {part}")));
        let ours = cut(face).into_iter().filter(|words| own.contains(words.as_str()));
        wrong.extend(ours.map(|words| format!("{name} cuts: {words}")));
        Ok(())
    };
    if english {
        // The other screens begin with an officer of their own, whose language is Chinese.
        let face = Face::open(large(), &options(ThemeMode::Light), SMALL).unwrap();
        face.speak_english().unwrap();
        whole_way(&face, &mut look).unwrap();
    } else {
        every_screen(&|| large(), ThemeMode::Light, SMALL, &mut look).unwrap();
    }
    assert!(screens >= if english { 85 } else { 115 }, "{screens}");
    wrong
}

#[test]
fn at_130_percent_every_screen_fits() {
    assert_eq!(walk(false), BTreeSet::new());
}

#[test]
fn at_130_percent_in_english_every_screen_fits() {
    assert_eq!(walk(true), BTreeSet::new());
}
