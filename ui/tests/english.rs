//! The window in English: every screen of a visit, without a Chinese word of its own, and room for all of them.

use std::collections::BTreeSet;
use std::path::Path;

use i_slint_backend_testing::ElementQuery;
use slint::ComponentHandle as _;

use super::places::unlock;
use crate::options::ThemeMode;
use crate::testkit::face::Face;
use crate::testkit::fake_desk::{Disk, FIRST_PIN, FakeDesk, SECOND_PIN};
use crate::testkit::gallery::{SMALL, options, whole_way};

fn locked(desk: FakeDesk) -> Face {
    Face::open(Box::new(desk), &options(ThemeMode::Light), SMALL).unwrap()
}

fn lock(face: &Face) {
    face.key(slint::platform::Key::F4.into()).unwrap();
}

fn is_han(c: char) -> bool {
    ('\u{3400}'..='\u{9fff}').contains(&c)
}

/// Runs of Chinese characters.
fn runs(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c| !is_han(c)).filter(|run| !run.is_empty())
}

/// Everything invented: claims, names, papers, texts of rules and laws.
fn data() -> String {
    let ui = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = String::new();
    for folder in [ui.join("testkit"), ui.join("testkit/fake_desk"), ui.join("testkit/gallery")] {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let own = path.parent().is_some_and(|p| p.ends_with("fake_desk"));
            if own
                || ["fake_desk.rs", "fake_input.rs", "gallery.rs", "more.rs", "rules.rs"]
                    .contains(&name.as_str())
            {
                all.push_str(&std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    // Names and formulas of the indicators, duties of the law, and how a composed rule is worded.
    // Rules as the methods' page tells them.
    for entry in std::fs::read_dir(ui.join("../src/rules/packs/national")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "toml") {
            all.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
    for rules in ["export.rs", "compose.rs", "compose/lists.rs", "../domain/reference.rs"] {
        all.push_str(&std::fs::read_to_string(ui.join("../src/rules").join(rules)).unwrap());
    }
    all
}

/// Chinese that is neither data nor forgotten: the other language's own name, strokes, what a signer declares,
/// the sentence of a composed rule, and the number of an article.
const STAYS: [&str; 7] = [
    "中文",
    "的数量合计超过",
    "横竖撇捺折",
    "以上内容我已看过",
    "与我所述一致或已向我宣读",
    "同一天同时收了清单",
    "第三十八条",
];

#[test]
fn no_screen_of_a_visit_has_a_chinese_word_of_its_own() {
    let face = locked(FakeDesk::new());
    face.speak_english().unwrap();
    let data = data();
    let (mut screens, mut forgotten, mut narrow) = (0, BTreeSet::new(), BTreeSet::new());
    whole_way(&face, &mut |face, name| {
        screens += 1;
        let mut words = face.texts();
        words.extend(face.controls().into_iter().map(|c| c.label));
        if name.contains("showing") {
            // 示证 is read by the party: Chinese, whatever the officer chose.
            assert!(face.shows("示证视图 · 对方可见"), "{name}: {words:?}");
            words.clear();
        }
        if name.contains("cover") {
            // So is the cover.
            assert!(face.shows("再按一次示证键返回"), "{name}: {words:?}");
            words.clear();
        }
        for text in words {
            for run in runs(&text) {
                let known = data.contains(run) || STAYS.iter().any(|stays| stays.contains(run));
                if !known {
                    forgotten.insert(format!("{run}: {text} ({name})"));
                }
            }
        }
        narrow.extend(too_narrow(face).into_iter().map(|word| format!("{name}: {word}")));
        Ok(())
    })
    .unwrap();
    assert!(screens > 50, "{screens}");
    assert_eq!(forgotten, BTreeSet::new());
    assert_eq!(narrow, BTreeSet::new());
}

/// Buttons whose words do not fit: into the button, or the button onto the screen.
pub(super) fn too_narrow(face: &Face) -> Vec<String> {
    let root = face.window();
    let screen = root.window().size().to_logical(root.window().scale_factor()).width;
    let mut found = Vec::new();
    for kind in ["Plain", "Verdict", "Chip", "IconKey", "Tab", "PlaceTab", "KeyCap"] {
        for button in ElementQuery::from_root(root).match_inherits(kind).find_all() {
            let label = button.accessible_label().unwrap_or_default();
            let (at, size) = (button.absolute_position(), button.size());
            // Chips lie in a strip that scrolls.
            if kind != "Chip" && at.x + size.width > screen + 0.5 {
                found.push(format!("{label} ends beside the screen"));
            }
            for word in button.query_descendants().match_inherits("Words").find_all() {
                let (x, width) = (word.absolute_position().x, word.size().width);
                if x < at.x - 0.5 || x + width > at.x + size.width + 0.5 {
                    found.push(format!("{label} is wider than its {kind}"));
                }
            }
        }
    }
    found
}

/// The choice is each officer's own, takes effect at once, and outlives lock and restart.
#[test]
fn english_is_each_officers_own_and_outlives_lock_and_restart() {
    let disk = Disk::default();
    let face = locked(FakeDesk::new().on(&disk));
    unlock(&face, FIRST_PIN);
    face.tap("设备").unwrap();
    face.tap("English").unwrap();
    assert!(face.shows("Sunlight"), "{:?}", face.texts());
    assert!(!face.shows("阳光下"), "at once, the whole screen: {:?}", face.texts());
    lock(&face);
    assert!(face.shows("Spotcheck"), "the locked screen keeps it: {:?}", face.texts());
    face.tap("吴样例").unwrap();
    unlock(&face, SECOND_PIN);
    assert!(face.shows("任务"), "a colleague has not chosen it: {:?}", face.texts());
    lock(&face);
    drop(face);
    let kept = disk.lock().unwrap().take().unwrap();
    let face = locked(kept.on(&disk));
    assert!(face.shows("现场稽核"), "nobody is there yet: {:?}", face.texts());
    unlock(&face, FIRST_PIN);
    assert!(face.shows("Sunlight") || face.shows("Tasks"), "{:?}", face.texts());
    face.key(slint::platform::Key::F4.into()).unwrap();
}

/// Somebody who cannot read the locked screen chooses there, and the choice is kept with the unlock.
#[test]
fn the_locked_screen_has_a_key_for_it() {
    let face = locked(FakeDesk::new());
    face.tap("EN").unwrap();
    assert!(face.shows("Enter PIN"), "{:?}", face.texts());
    face.tap("中文").unwrap();
    assert!(face.shows("输入 PIN"), "{:?}", face.texts());
    face.tap("EN").unwrap();
    unlock(&face, FIRST_PIN);
    assert!(face.shows("Tasks"), "{:?}", face.texts());
    lock(&face);
    face.tap("中文").unwrap();
    unlock(&face, FIRST_PIN);
    assert!(face.shows("任务"), "what was chosen last: {:?}", face.texts());
}

/// In English a trouble has its sentences in English, and the Chinese ones stand below for whoever has to hear them.
#[test]
fn a_trouble_is_told_in_english_with_the_chinese_words_below() {
    let trouble = spotcheck_domain::Trouble::new(
        "VAULT-PIN-DELAY",
        "口令连续输错，请等待 30 秒",
        "已保存的内容没有改动",
        "到时间后再输入；录音录像不受影响",
    );
    let face = locked(FakeDesk::failing_with(trouble));
    face.speak_english().unwrap();
    face.fill("PIN", FIRST_PIN).unwrap();
    face.tap("解锁").unwrap();
    assert!(face.shows("Too many wrong PINs; wait a little."), "{:?}", face.texts());
    assert!(face.shows("What was saved has not changed."));
    assert!(face.shows("请等待 30 秒"), "the values stand in the Chinese words");
    assert!(face.shows("VAULT-PIN-DELAY"));
}
