//! A button that cannot be used says why, in words that stand on the same screen (ui.md).

use std::collections::BTreeSet;

use i_slint_backend_testing::ElementQuery;

use super::way::unlocked;
use crate::options::ThemeMode;
use crate::testkit::face::Face;
use crate::testkit::fake_desk::FakeDesk;
use crate::testkit::gallery::{SMALL, every_screen};

/// What says it in another way: a key of the pad beside an empty pad, and the screens where findings are judged, which
/// are another page's business.
const OTHERWISE: [&str; 6] = ["撤一笔", "重写", "正在全量核对", "确定", "看这些", "看这次就诊"];

/// Buttons of the screen that cannot be used and do not say why where it can be read.
fn silent(face: &Face, name: &str) -> Vec<String> {
    let root = face.window();
    // Under a question nothing else can be done, and the question is what stands there.
    if ElementQuery::from_root(root).match_inherits("Sheet").find_first().is_some() {
        return Vec::new();
    }
    let words = face.texts();
    let mut found = Vec::new();
    for kind in ["Plain", "Tile"] {
        for button in ElementQuery::from_root(root).match_inherits(kind).find_all() {
            if button.accessible_enabled() != Some(false) {
                continue;
            }
            let label = button.accessible_label().unwrap_or_default();
            let why = button.accessible_description().unwrap_or_default();
            let told = !why.is_empty() && words.iter().any(|w| w == why.as_str());
            if !told && !OTHERWISE.contains(&label.as_str()) {
                found.push(format!("{name}: {label} ({why})"));
            }
        }
    }
    found
}

#[test]
fn every_button_that_cannot_be_used_says_why_on_its_screen() {
    let (mut all, mut screens) = (BTreeSet::new(), 0);
    every_screen(&|| Box::new(FakeDesk::new()), ThemeMode::Light, SMALL, &mut |face, name| {
        screens += 1;
        all.extend(silent(face, name));
        Ok(())
    })
    .unwrap();
    assert!(screens >= 115, "{screens}");
    assert_eq!(all, BTreeSet::new());
}

/// Before anything was done most things cannot be done.
#[test]
fn a_fresh_task_says_what_comes_first() {
    let face = unlocked();
    face.tap("示例市青禾医院").unwrap();
    face.tap("取证").unwrap();
    assert!(face.shows("先开始检查") && face.shows("先核对数据包"), "{:?}", face.texts());
    assert_eq!(silent(&face, "fresh"), Vec::<String>::new());
    face.tap("概览").unwrap();
    face.tap("核对数据包").unwrap();
    face.tap("开始检查").unwrap();
    face.tap("登记当事人").unwrap();
    assert!(face.shows("先填姓名或名称"), "{:?}", face.texts());
    face.fill("姓名或名称", "王测试").unwrap();
    assert!(!face.shows("先填姓名或名称"), "it is gone with its cause: {:?}", face.texts());
    face.tap("登记").unwrap();
    face.tap("取证").unwrap();
    face.tap("询问").unwrap();
    assert!(face.shows("问和答都写了才能记下"), "{:?}", face.texts());
}
