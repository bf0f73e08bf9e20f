//! Blanking the picture, papers page by page, the opening words, and the minutes that are left.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::options::ThemeMode;

use super::way::on_site;
use crate::testkit::face::Face;
use crate::testkit::fake_desk::{FIRST_PIN, FakeDesk};
use crate::testkit::gallery::{LARGE, SMALL, options};

const HOLD: &str = "按住遮挡画面";
const LET_GO: &str = "松开或再点一下恢复画面";

fn filming() -> Face {
    let face = on_site();
    face.tap("拍照").unwrap();
    assert!(!face.shows(HOLD), "nothing to blank");
    face.tap("录像").unwrap();
    face
}

/// inspection.md: hold-to-blank in the viewfinder. The screen says so as long as it is.
#[test]
fn the_picture_is_blank_while_the_key_is_held() {
    let face = filming();
    face.hold(HOLD, true).unwrap();
    assert!(face.shows("画面已遮挡，声音照录") && face.shows("画面遮挡中"), "{:?}", face.texts());
    face.advance(Duration::from_secs(3)).unwrap();
    assert!(face.shows("画面遮挡中"), "as long as it is held");
    face.hold(LET_GO, false).unwrap();
    assert!(!face.shows("画面遮挡中") && face.shows("录像中"), "{:?}", face.texts());
}

#[test]
fn a_hardware_key_blanks_on_every_screen_and_its_repeats_change_nothing() {
    let face = filming();
    face.tap("返回").unwrap();
    let key = slint::platform::Key::F5;
    for _ in 0..3 {
        face.key_down(key.into()).unwrap();
        assert!(face.shows("画面遮挡中"), "{:?}", face.texts());
    }
    face.key_up(key.into()).unwrap();
    assert!(!face.shows("画面遮挡中"));
}

/// A screen that goes away under the finger brings nobody's picture back; one more tap does.
#[test]
fn what_was_not_let_go_stays_blank_until_somebody_ends_it() {
    let face = filming();
    face.hold(HOLD, true).unwrap();
    face.tap("返回").unwrap();
    assert!(face.shows("画面遮挡中"), "the bar says so on every screen: {:?}", face.texts());
    face.tap("拍照").unwrap();
    assert!(face.shows("画面已遮挡，声音照录"));
    face.tap(LET_GO).unwrap();
    assert!(!face.shows("画面遮挡中"));
}

#[test]
fn a_paper_is_taken_page_by_page_and_a_blurred_one_again_with_one_tap() {
    let face = on_site();
    face.tap("拍照").unwrap();
    face.tap("翻拍文件").unwrap();
    assert!(face.shows("一页一按"), "{:?}", face.texts());
    face.tap("拍第 1 页").unwrap();
    assert!(face.shows("第 1 页清楚"), "{:?}", face.texts());
    face.tap("拍第 2 页").unwrap();
    assert!(face.shows("第 2 页可能模糊"), "{:?}", face.texts());
    face.tap("重拍第 2 页").unwrap();
    assert!(face.shows("第 2 页清楚"), "{:?}", face.texts());
    face.tap("拍第 3 页").unwrap();
    face.tap("拍完了").unwrap();
    assert!(face.shows("共 3 页，已归为一组"), "{:?}", face.texts());
    // The photo before and three pages wait for words; the blurred one does not, and is still there.
    face.tap("未归类 (4)").unwrap();
    assert!(face.shows("第 2 页，已由 E4 重拍"), "{:?}", face.texts());
}

/// The first recording of a visit brings the words; they are entered with one tap and come once.
#[test]
fn the_opening_words_come_with_the_first_recording() {
    let face = on_site();
    assert!(face.shows("未宣读"));
    face.tap("录音").unwrap();
    for words in ["开场告知", "周演示", "示例-0023", "申请回避", "正在录制"] {
        assert!(face.shows(words), "{words}: {:?}", face.texts());
    }
    face.tap("已宣读").unwrap();
    assert!(face.shows("录音里已做标记") && face.shows("已宣读"), "{:?}", face.texts());
    face.tap("停止").unwrap();
    face.tap("录音").unwrap();
    assert!(!face.shows("申请回避"), "once");
    face.tap("开场告知").unwrap();
    assert!(face.shows("申请回避"), "and whenever somebody asks");
}

/// A stalled card or disk loses nothing by itself; without power it would. So it is said while it lasts, and once that it is over.
#[test]
fn storage_that_does_not_keep_up_is_told_while_it_lasts() {
    let stalled = Arc::new(AtomicU64::new(0));
    let desk = Box::new(FakeDesk::new().with_stalled_storage(&stalled));
    let face = Face::open(desk, &options(ThemeMode::Light), SMALL).unwrap();
    face.touch("录音").unwrap();
    face.advance(Duration::from_secs(1)).unwrap();
    assert!(face.shows("录音中") && !face.shows("未存好"), "{:?}", face.texts());
    stalled.store(2_900, Ordering::SeqCst);
    face.advance(Duration::from_secs(1)).unwrap();
    assert!(!face.shows("未存好"), "a fragment is a second long: {:?}", face.texts());
    stalled.store(6_500, Ordering::SeqCst);
    face.advance(Duration::from_secs(1)).unwrap();
    assert!(face.shows("6 秒未存好") && face.shows("请勿断电"), "{:?}", face.texts());
    stalled.store(0, Ordering::SeqCst);
    face.advance(Duration::from_secs(1)).unwrap();
    assert!(face.shows("都已存好") && face.shows("录音中"), "{:?}", face.texts());
}

/// R09: a microphone that was pulled out ends the recording: said at once, what was recorded is closed and kept, and the next
/// press records again.
#[test]
fn r09_a_recording_that_ended_by_itself_is_told_and_the_next_press_records() {
    let unplugged = Arc::new(AtomicBool::new(false));
    let desk = Box::new(FakeDesk::new().with_unplugged_devices(&unplugged));
    let face = Face::open(desk, &options(ThemeMode::Light), SMALL).unwrap();
    face.touch("录音").unwrap();
    face.advance(Duration::from_secs(3)).unwrap();
    assert!(face.shows("录音中"), "{:?}", face.texts());
    unplugged.store(true, Ordering::SeqCst);
    face.advance(Duration::from_secs(1)).unwrap();
    assert!(face.shows("已中断，存好") && !face.shows("录音中"), "{:?}", face.texts());
    assert!(!face.shows("其余继续录制"), "{:?}", face.texts());
    unplugged.store(false, Ordering::SeqCst);
    face.touch("录音").unwrap();
    assert!(face.shows("录音中"), "{:?}", face.texts());
}

/// A microphone that hangs without an error gives nothing: that is no fault of storage, and it is said while it lasts.
#[test]
fn a_device_that_gives_nothing_is_told_and_is_not_called_storage() {
    let silent = Arc::new(AtomicU64::new(0));
    let desk = Box::new(FakeDesk::new().with_stuck_devices(&silent));
    let face = Face::open(desk, &options(ThemeMode::Light), SMALL).unwrap();
    face.touch("录音").unwrap();
    silent.store(4_000, Ordering::SeqCst);
    face.advance(Duration::from_secs(1)).unwrap();
    assert!(!face.shows("秒没收到"), "{:?}", face.texts());
    silent.store(7_200, Ordering::SeqCst);
    face.advance(Duration::from_secs(1)).unwrap();
    assert!(face.shows("7 秒没收到") && face.shows("请检查设备"), "{:?}", face.texts());
    assert!(!face.shows("存储"), "{:?}", face.texts());
}

/// R08: told at 10, 5 and 2 minutes, and minutes instead of bytes while something is recorded.
#[test]
fn r08_few_minutes_are_told_while_recording() {
    for (minutes, told) in [(9, "10"), (4, "5"), (1, "2")] {
        let desk = Box::new(FakeDesk::new().with_minutes_left(minutes));
        let face = Face::open(desk, &options(ThemeMode::Light), SMALL).unwrap();
        face.fill("PIN", FIRST_PIN).unwrap();
        face.tap("解锁").unwrap();
        face.touch("录音").unwrap();
        assert!(face.shows(&format!("只够再录约 {told} 分钟")), "{minutes}: {:?}", face.texts());
        assert!(face.shows(&format!("可录 {minutes} 分钟")), "{:?}", face.texts());
        face.advance(Duration::from_secs(6)).unwrap();
        assert!(!face.shows("只够再录"), "said once");
    }
    let face = Face::open(Box::new(FakeDesk::new()), &options(ThemeMode::Light), LARGE).unwrap();
    face.touch("录音").unwrap();
    assert!(!face.shows("只够再录") && face.shows("可录 6 小时"), "{:?}", face.texts());
}
