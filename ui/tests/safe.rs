//! What stays safe when the screen is turned to somebody, is to be dark, or says that something went wrong.

use std::sync::Arc;

use slint::platform::Key;
use spotcheck_domain::{ManualClock, Trouble};

use super::findings::everything;
use super::places::unlock;
use super::way::on_site;
use crate::options::{FaceOptions, ThemeMode};
use crate::testkit::face::Face;
use crate::testkit::fake_desk::{FIRST_PIN, FakeDesk, morning_ms};
use crate::testkit::gallery::{SMALL, options};

fn key(face: &Face, key: Key) {
    face.key(key.into()).unwrap();
}

/// A hand in a pocket: two presses of the recording key lock, nothing is said, and the tape runs on.
#[test]
fn two_quick_presses_of_the_recording_key_lock_without_a_word() {
    let clock = Arc::new(ManualClock::at_ms(morning_ms()));
    let options = FaceOptions { clock: clock.clone(), ..options(ThemeMode::Light) };
    let face = Face::open(Box::new(FakeDesk::new()), &options, SMALL).unwrap();
    unlock(&face, FIRST_PIN);
    key(&face, Key::F1);
    clock.advance_ms(2_000);
    key(&face, Key::F1);
    assert!(!face.shows("未解锁"), "two presses of their own");
    clock.advance_ms(200);
    key(&face, Key::F1);
    assert!(face.shows("未解锁") && face.shows("录音中"), "{:?}", face.texts());
    let before = face.texts();
    assert!(!before.iter().any(|t| t.contains("已锁") || t.contains("已存好")), "{before:?}");
    // Once more, from a silent handheld: the first press records, the second locks.
    face.tap("停止").unwrap();
    unlock(&face, FIRST_PIN);
    clock.advance_ms(2_000);
    key(&face, Key::F1);
    clock.advance_ms(300);
    key(&face, Key::F1);
    assert!(face.shows("未解锁") && face.shows("录音中"));
}

#[test]
fn the_name_in_the_status_line_locks_on_every_screen_and_the_tape_runs_on() {
    let face = on_site();
    face.tap("录音").unwrap();
    face.tap("已宣读").unwrap();
    face.tap("查找").unwrap();
    face.touch("锁屏").unwrap();
    assert!(face.shows("未解锁") && face.shows("录音中"), "{:?}", face.texts());
    assert!(face.controls().iter().all(|c| c.label != "锁屏"), "locked is locked");
    unlock(&face, FIRST_PIN);
    face.tap("键 收起").unwrap();
    for place in ["概览", "线索", "取证", "收尾"] {
        face.tap(place).unwrap();
        assert!(face.controls().iter().any(|c| c.label == "锁屏"), "{place}");
    }
}

/// ui.md, 示证 by a hardware key: a list of other people's names never stays before the party.
#[test]
fn where_nothing_can_be_shown_the_key_covers_everything() {
    let face = on_site();
    face.tap("录音").unwrap();
    face.tap("已宣读").unwrap();
    face.tap("查找").unwrap();
    face.fill("查询", "例").unwrap();
    assert!(face.shows("甄*例"));
    key(&face, Key::F3);
    let all = everything(&face);
    for word in ["示例市青禾医院", "录音中", "停止", "再按一次示证键返回"] {
        assert!(all.contains(word), "{word}: {all}");
    }
    for word in ["甄", "李*本", "查找", "查询", "线索", "键 "] {
        assert!(!all.contains(word), "{word}: {all}");
    }
    key(&face, Key::F3);
    assert!(face.shows("甄*例") && !face.shows("再按一次示证键返回"), "{:?}", face.texts());
    // A hint that is never shown to the party is covered too, and nothing says why.
    face.tap("返回").unwrap();
    face.tap("线索").unwrap();
    face.tap("绿·线索跟踪 整段住院落在假期的比例高 国庆期间占 31%，同级中位 12%；只作方向")
        .unwrap();
    key(&face, Key::F3);
    assert!(
        face.shows("再按一次示证键返回") && !everything(&face).contains("线索"),
        "{}",
        everything(&face)
    );
    key(&face, Key::F4);
    assert!(face.shows("未解锁"));
    key(&face, Key::F3);
    assert!(face.shows("未解锁"), "the lock covers already");
}

/// Words that were being typed are there when the cover is taken away.
#[test]
fn the_cover_loses_no_word() {
    let face = on_site();
    face.tap("取证").unwrap();
    face.tap("询问").unwrap();
    face.fill("问", "您住几床？").unwrap();
    face.fill("答", "06 床").unwrap();
    key(&face, Key::F3);
    assert!(!everything(&face).contains("06 床"));
    key(&face, Key::F3);
    assert_eq!(
        (face.value("问").unwrap().as_str(), face.value("答").unwrap().as_str()),
        ("您住几床？", "06 床")
    );
}

/// rules.md, Loss: the party reads an amount and who reckons the loss, never our own doubt about it.
#[test]
fn an_amount_without_a_shown_loss_is_put_neutrally() {
    let face = on_site();
    face.tap("线索").unwrap();
    face.tap("从第 1 条看起").unwrap();
    face.tap("示证").unwrap();
    assert!(face.shows("明细金额，基金损失待经办核算"), "{:?}", face.texts());
    assert!(!everything(&face).contains("尚未显示"), "{}", everything(&face));
}

/// A card of trouble covers everything but the recording and its stop.
#[test]
fn a_recording_can_be_seen_and_stopped_under_any_trouble() {
    let trouble = Trouble::new("SYNC-UNREACHABLE", "连不上中心", "都在本机", "换网络").retry();
    let desk = FakeDesk::failing_with(trouble);
    let face = Face::open(Box::new(desk), &options(ThemeMode::Light), SMALL).unwrap();
    face.fill("PIN", FIRST_PIN).unwrap();
    face.tap("解锁").unwrap();
    assert!(face.shows("连不上中心"));
    key(&face, Key::F1);
    assert!(face.shows("录音中") && face.shows("连不上中心"), "{:?}", face.texts());
    let stops = face.controls().into_iter().filter(|c| c.label == "停止").count();
    assert_eq!(stops, 1, "one key that stops");
    face.touch("停止").unwrap();
    assert!(!face.shows("录音中") && face.shows("连不上中心"), "{:?}", face.texts());
}
