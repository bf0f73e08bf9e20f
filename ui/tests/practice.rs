//! 演练: a task to learn on looks like a real one, says on every screen that it is none, and goes when it is told to.

use super::places::unlock;
use crate::options::ThemeMode;
use crate::testkit::face::Face;
use crate::testkit::fake_desk::{FIRST_PIN, FakeDesk, SECOND_PIN};
use crate::testkit::gallery::{SMALL, options};

const WORDS: &str = "演练：不具法律效力，不上传";

fn begun() -> Face {
    let desk = Box::new(FakeDesk::new().with_practice());
    let face = Face::open(desk, &options(ThemeMode::Light), SMALL).unwrap();
    unlock(&face, FIRST_PIN);
    face.tap("示例市青禾医院").unwrap();
    face.tap("核对数据包").unwrap();
    face.tap("开始检查").unwrap();
    face
}

#[test]
fn every_screen_of_a_practice_task_says_so_and_no_other() {
    let face = begun();
    for place in ["线索", "取证", "收尾", "概览"] {
        face.tap(place).unwrap();
        assert!(face.shows(WORDS), "{place}: {:?}", face.texts());
    }
    face.tap("返回").unwrap();
    assert!(!face.shows(WORDS), "today is no practice: {:?}", face.texts());
    face.tap("示例市禾田大药房").unwrap();
    assert!(!face.shows(WORDS), "a real task is none");
}

#[test]
fn wiping_asks_first_and_leaves_a_task_that_can_be_begun_again() {
    let face = begun();
    face.tap("收尾").unwrap();
    face.tap("清除演练").unwrap();
    face.tap("先不").unwrap();
    face.tap("清除演练").unwrap();
    face.tap("确认清除").unwrap();
    assert!(face.shows("演练已清除"), "{:?}", face.texts());
    face.tap("示例市青禾医院").unwrap();
    assert!(face.shows("开始检查后可以取证"), "{:?}", face.texts());
}

#[test]
fn a_sealed_practice_is_wiped_and_not_sent() {
    let face = begun();
    face.tap("收尾").unwrap();
    face.tap("完整性与封存").unwrap();
    face.fill("没有做完的原因", "演练").unwrap();
    for (officer, pin) in [("周演示", FIRST_PIN), ("吴样例", SECOND_PIN)] {
        face.tap(&format!("输入 PIN {officer}")).unwrap();
        face.fill(&format!("PIN {officer}"), pin).unwrap();
        face.tap("输好了").unwrap();
    }
    face.tap("封存").unwrap();
    face.tap("确认封存").unwrap();
    face.tap("去收尾").unwrap();
    assert!(!face.shows("回传与回执"), "{:?}", face.texts());
    face.tap("清除演练").unwrap();
    face.tap("确认清除").unwrap();
    face.tap("回传").unwrap();
    assert!(face.shows("没有待回传的证据包"), "{:?}", face.texts());
}

/// Only practice can be wiped: evidence goes when its receipt is checked and its time is over, and not from here.
#[test]
fn a_real_task_cannot_be_wiped() {
    let face = Face::open(Box::new(FakeDesk::new()), &options(ThemeMode::Light), SMALL).unwrap();
    unlock(&face, FIRST_PIN);
    face.tap("示例市青禾医院").unwrap();
    face.tap("核对数据包").unwrap();
    face.tap("开始检查").unwrap();
    face.tap("收尾").unwrap();
    assert!(face.tap("清除演练").is_err());
}
