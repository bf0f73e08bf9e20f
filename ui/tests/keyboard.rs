//! Typing: hardware keys, the in-app keyboard, PIN pads.

use super::way::{face, on_site};

#[test]
fn keys_of_the_in_app_keyboard_land_in_the_field() {
    let face = on_site();
    face.tap("查人").unwrap();
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
    face.tap("查人").unwrap();
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
