//! How an officer likes the handheld, and the hints of the first day.

use super::places::unlock;
use crate::frame::coach::hints;
use crate::options::ThemeMode;
use crate::testkit::face::Face;
use crate::testkit::fake_desk::{FIRST_PIN, FakeDesk, SECOND_PIN};
use crate::testkit::gallery::{SMALL, options};

fn first_day() -> Face {
    let face =
        Face::open(Box::new(FakeDesk::new().with_new_hands()), &options(ThemeMode::Light), SMALL)
            .unwrap();
    unlock(&face, FIRST_PIN);
    face
}

fn lock(face: &Face) {
    face.key(slint::platform::Key::F4.into()).unwrap();
}

/// Two sentences can be read in a corridor, a third is not.
#[test]
fn a_hint_has_two_sentences_at_most() {
    for (name, words) in hints() {
        let sentences = words.matches('。').count();
        assert!((1..=2).contains(&sentences) && words.ends_with('。'), "{name}: {words}");
        assert!(words.chars().count() <= 60, "{name}: {words}");
    }
}

/// Issue 3: a hint once per screen. It stops nobody, and who has read it is not told again; a colleague is.
#[test]
fn a_screen_says_what_it_is_for_once_to_each_officer() {
    let face = first_day();
    assert!(face.shows("点任务卡进入现场"), "{:?}", face.texts());
    face.tap("知道了").unwrap();
    assert!(!face.shows("点任务卡进入现场"));
    face.tap("示例市青禾医院").unwrap();
    assert!(face.shows("从上往下做"), "the next screen has its own: {:?}", face.texts());
    face.tap("核对数据包").unwrap();
    assert!(face.shows("数据包已核对"), "an unread hint stops nobody: {:?}", face.texts());
    face.tap("返回").unwrap();
    lock(&face);
    face.tap("周演示").unwrap();
    unlock(&face, FIRST_PIN);
    assert!(!face.shows("点任务卡进入现场"), "read is read, also after a lock");
    lock(&face);
    face.tap("吴样例").unwrap();
    assert!(!face.shows("点任务卡进入现场"), "nothing on the locked screen");
    unlock(&face, SECOND_PIN);
    assert!(face.shows("点任务卡进入现场"), "a colleague has not read it");
}

/// Who wants to read them again finds them where the device is set.
#[test]
fn hints_can_be_read_again() {
    let face = first_day();
    face.tap("知道了").unwrap();
    face.tap("设备").unwrap();
    face.tap("重看各页提示").unwrap();
    face.tap("返回").unwrap();
    assert!(face.shows("点任务卡进入现场"));
}

/// Colours and size of the text are the officer's own: the lock keeps them, a colleague has theirs.
#[test]
fn large_text_and_colours_are_each_officers_own() {
    let face = Face::open(Box::new(FakeDesk::new()), &options(ThemeMode::Light), SMALL).unwrap();
    unlock(&face, FIRST_PIN);
    let normal = face.snapshot().unwrap().rgb;
    face.tap("设备").unwrap();
    face.tap("大字").unwrap();
    face.tap("阳光下").unwrap();
    face.tap("返回").unwrap();
    let large = face.snapshot().unwrap().rgb;
    assert!(large != normal);
    lock(&face);
    face.tap("吴样例").unwrap();
    unlock(&face, SECOND_PIN);
    lock(&face);
    face.tap("周演示").unwrap();
    unlock(&face, FIRST_PIN);
    assert!(face.snapshot().unwrap().rgb == large, "as this officer left it");
}

/// The reason behind a gate is there for who asks (two sentences), and in nobody's way before.
#[test]
fn a_gate_says_why_when_asked() {
    let face = super::way::unlocked();
    face.tap("示例市青禾医院").unwrap();
    assert!(!face.shows("没核对签名的数据"));
    face.tap("为什么要先核对").unwrap();
    assert!(face.shows("没核对签名的数据可能被换过或缺了一段"), "{:?}", face.texts());
    face.tap("核对数据包").unwrap();
    assert!(!face.shows("没核对签名的数据"), "behind the gate nobody asks");
}
