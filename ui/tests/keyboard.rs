//! Typing: hardware keys, the in-app keyboard, PIN pads.

use super::way::{face, on_site};
use crate::testkit::face::Face;
use crate::testkit::fake_desk::FIRST_PIN;

fn open_interview(face: &Face) {
    face.tap("取证").unwrap();
    face.tap("询问").unwrap();
}

fn interview() -> Face {
    let face = on_site();
    open_interview(&face);
    face
}

#[test]
fn keys_of_the_in_app_keyboard_land_in_the_field() {
    let face = on_site();
    face.tap("查找").unwrap();
    for key in ["z", "s", "l"] {
        face.touch(&format!("键 {key}")).unwrap();
    }
    assert_eq!(face.value("查询").unwrap(), "zsl");
    assert!(face.shows("甄*例"));
    face.touch("键 退格").unwrap();
    assert_eq!(face.value("查询").unwrap(), "zs");
    face.touch("键 大写").unwrap();
    face.touch("键 Q").unwrap();
    face.touch("键 123").unwrap();
    face.touch("键 7").unwrap();
    assert_eq!(face.value("查询").unwrap(), "zsQ7");
    face.touch("键 收起").unwrap();
    assert!(face.controls().iter().all(|c| c.label != "键 收起"));
    face.touch("查询").unwrap();
    face.type_text("8").unwrap();
    assert!(face.value("查询").unwrap().contains('8'));
}

#[test]
fn a_keyboard_that_is_switched_off_stays_off() {
    let face = super::way::unlocked();
    face.tap("设备").unwrap();
    face.tap("屏幕键盘").unwrap();
    face.tap("返回").unwrap();
    face.tap("示例市青禾医院").unwrap();
    face.tap("核对数据包").unwrap();
    face.tap("查找").unwrap();
    assert!(face.controls().iter().all(|c| !c.label.starts_with("键 ")));
    face.type_text("06").unwrap();
    assert_eq!(face.value("查询").unwrap(), "06");
}

#[test]
fn a_pin_may_be_typed_tapped_and_spelled() {
    let face = face();
    face.type_text("13").unwrap();
    face.touch("PIN 5").unwrap();
    face.touch("PIN 5").unwrap();
    face.touch("PIN 退格").unwrap();
    face.tap("PIN 字母").unwrap();
    face.touch("键 123").unwrap();
    for key in ["7", "9", "0"] {
        face.touch(&format!("键 {key}")).unwrap();
    }
    assert_eq!(face.value("PIN").unwrap(), "6");
    face.key("\n".into()).unwrap();
    assert!(face.shows("今天"));
}

/// An inspector writes in Chinese: keys open a composition, a candidate ends it, and only then does the field
/// get text. Backspace first takes back what is open.
#[test]
fn what_is_composed_reaches_the_field_when_it_is_chosen() {
    let face = interview();
    face.tap("答").unwrap();
    for key in ["h", "u", "x"] {
        face.touch(&format!("键 {key}")).unwrap();
    }
    assert_eq!(face.value("答").unwrap(), "");
    assert!(face.shows("hux"));
    face.touch("键 退格").unwrap();
    assert!(face.shows("hu"));
    face.tap("候选 湖").unwrap();
    assert_eq!(face.value("答").unwrap(), "湖");
    face.touch("键 退格").unwrap();
    assert_eq!(face.value("答").unwrap(), "", "nothing is open: the field takes the key");
    for key in ["z", "a", "i", "，"] {
        face.touch(&format!("键 {key}")).unwrap();
    }
    assert_eq!(face.value("答").unwrap(), "在，", "a sign ends what is open");
    face.tap("英文").unwrap();
    for key in ["c", "t"] {
        face.touch(&format!("键 {key}")).unwrap();
    }
    assert_eq!(face.value("答").unwrap(), "在，ct");
}

#[test]
fn a_character_nobody_can_read_aloud_is_drawn() {
    let face = interview();
    face.tap("答").unwrap();
    face.tap("手写").unwrap();
    face.draw("手写板", &[&[(0.3, 0.2), (0.7, 0.2)], &[(0.5, 0.1), (0.5, 0.9)]]).unwrap();
    face.tap("候选 龘").unwrap();
    assert_eq!(face.value("答").unwrap(), "龘");
}

/// Learning belongs to the officer: it is in the vault after the keyboard closed, gone from the engine under
/// the lock, and back after the unlock.
#[test]
fn what_was_learned_comes_back_to_its_officer_only() {
    let face = interview();
    let first = |face: &Face| {
        face.tap("答").unwrap();
        for key in ["h", "u"] {
            face.touch(&format!("键 {key}")).unwrap();
        }
        let labels: Vec<String> = face.controls().into_iter().map(|c| c.label).collect();
        labels.into_iter().find(|l| l.starts_with("候选 ")).unwrap()
    };
    assert_eq!(first(&face), "候选 护");
    face.tap("候选 湖").unwrap();
    face.tap("键 收起").unwrap();
    assert_eq!(first(&face), "候选 湖");
    face.tap("候选 湖").unwrap();
    face.tap("键 收起").unwrap();
    face.key(slint::platform::Key::F4.into()).unwrap();
    face.fill("PIN", FIRST_PIN).unwrap();
    face.tap("解锁").unwrap();
    assert_eq!(first(&face), "候选 湖");
}
