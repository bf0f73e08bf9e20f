//! Recording and photos from anywhere.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Sender;
use std::time::Duration;

use spotcheck_domain::ManualClock;
use spotcheck_face::ThemeMode;

use super::way::{face, on_site, unlocked};
use crate::testkit::face::Face;
use crate::testkit::fake_desk::{FIRST_PIN, FakeDesk, morning_ms};
use crate::testkit::gallery::{SMALL, options};

#[test]
fn one_tap_records_also_while_locked_and_the_bar_is_on_every_screen() {
    let face = face();
    face.touch("录音").unwrap();
    assert!(face.shows("录音中"));
    let first = clock(&face);
    face.advance(Duration::from_secs(1)).unwrap();
    assert_ne!(clock(&face), first, "the bar is looked at every second");
    face.fill("PIN", FIRST_PIN).unwrap();
    face.tap("解锁").unwrap();
    for place in ["设备", "返回", "示例市青禾医院", "返回", "回传"] {
        face.tap(place).unwrap();
        assert!(face.shows("录音中"), "after {place}");
    }
    face.tap("停止").unwrap();
    assert!(!face.shows("录音中"));
    assert!(face.shows("已存好"));
}

fn clock(face: &Face) -> String {
    face.texts().into_iter().find(|t| t.len() == 8 && t.starts_with("00:")).unwrap()
}

#[test]
fn a_hardware_key_records_and_a_second_press_is_no_second_recording() {
    let face = unlocked();
    for _ in 0..2 {
        face.key(slint::platform::Key::F1.into()).unwrap();
    }
    assert!(face.shows("录音中"));
    face.tap("停止").unwrap();
    assert!(!face.shows("录音中"));
}

#[test]
fn while_recording_the_record_key_marks() {
    let face = on_site();
    face.tap("录音").unwrap();
    face.tap("标记").unwrap();
    assert!(face.shows("已标记"));
}

#[test]
fn one_tap_is_a_photo_and_opens_the_viewfinder() {
    let face = on_site();
    face.tap("拍照").unwrap();
    assert!(face.shows("已拍照 E1"));
    assert!(face.shows("说明可后补"));
    face.key(slint::platform::Key::F2.into()).unwrap();
    assert!(face.shows("已拍照 E2"));
    face.tap("未归类 (2)").unwrap();
    assert!(face.shows("E1 照片"));
}

#[test]
fn an_answer_is_stamped_only_while_sound_is_recorded() {
    let face = on_site();
    face.tap("取证").unwrap();
    face.tap("询问").unwrap();
    assert!(face.shows("没有在录音"));
    face.fill("问", "您住几床？").unwrap();
    face.fill("答", "06 床").unwrap();
    face.tap("记下").unwrap();
    assert!(face.shows("无录音"));
    face.tap("录音").unwrap();
    face.fill("问", "靠窗吗？").unwrap();
    face.fill("答", "靠窗").unwrap();
    face.tap("记下").unwrap();
    assert!(face.shows("已记下第 2 问 · 00:2"));
    face.tap("第 2 问").unwrap();
    face.fill("答", "不靠窗").unwrap();
    face.tap("改好").unwrap();
    assert!(face.shows("不靠窗"));
    assert_eq!(face.value("问").unwrap(), "");
}

/// A bundle is on a road that waits for the sender's word.
fn sending() -> (Face, Sender<()>) {
    let (desk, word) = FakeDesk::with_waiting_bundle().with_slow_road();
    let face = Face::open(Box::new(desk), &options(ThemeMode::Light), SMALL).unwrap();
    face.fill("PIN", FIRST_PIN).unwrap();
    face.tap("解锁").unwrap();
    face.tap("回传").unwrap();
    face.wait_for_errands(false);
    face.tap("回传").unwrap();
    (face, word)
}

/// evidence.md §1: one press records from any state; a slow network is such a state. The strip stays on
/// every screen, leaving the screen or locking stops nothing.
#[test]
fn while_a_bundle_travels_everything_else_goes_on() {
    let (face, word) = sending();
    face.until("600 MB / 1.2 GB").unwrap();
    assert!(face.shows("正在回传第 1 个，共 1 个"));
    face.touch("录音").unwrap();
    assert!(face.shows("录音中"), "the recording does not wait for the network");
    face.tap("返回").unwrap();
    assert!(face.shows("正在回传第 1 个"), "on every screen");
    face.tap("取回任务").unwrap();
    assert!(face.shows("正在与中心通信"), "one errand at a time");
    face.tap("锁定").unwrap();
    assert!(face.shows("正在回传第 1 个"), "under the lock too");
    word.send(()).unwrap();
    face.wait_for_errands(true);
    face.settle().unwrap();
    assert!(!face.shows("正在回传"));
    assert!(face.shows("回传完成"));
    assert!(face.shows("录音中"));
}

#[test]
fn what_travels_can_be_stopped_and_goes_on_later() {
    let (face, _word) = sending();
    face.tap("停下").unwrap();
    face.wait_for_errands(true);
    face.settle().unwrap();
    assert!(face.shows("已停下，下次从断点继续"));
    face.tap("回传").unwrap();
    assert!(face.shows("回传完成"));
}

/// evidence.md §1: the second copy of the journal is five minutes behind at most, also through an hour of interviews
/// and papers in which nothing is recorded. The desk keeps it when it is asked how it stands.
#[test]
fn r42_the_desk_is_asked_once_a_minute_while_unlocked_though_nothing_is_recorded() {
    let clock = Arc::new(ManualClock::at_ms(morning_ms()));
    let desk = FakeDesk::new();
    let asked = desk.asked();
    let mut options = options(ThemeMode::Light);
    options.clock = clock.clone();
    let face = Face::open(Box::new(desk), &options, SMALL).unwrap();
    let seconds = |n: u32| {
        let before = asked.load(Ordering::SeqCst);
        for _ in 0..n {
            clock.advance_ms(1_000);
            face.advance(Duration::from_secs(1)).unwrap();
        }
        asked.load(Ordering::SeqCst) - before
    };
    assert_eq!(seconds(180), 0, "while locked nothing new can be kept");
    face.fill("PIN", FIRST_PIN).unwrap();
    face.tap("解锁").unwrap();
    seconds(1);
    let kept = seconds(300);
    assert!((5..=6).contains(&kept), "{kept} times in five minutes");
}
