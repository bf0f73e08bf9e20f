//! Listening: on the time line and beside an interview.

use std::time::Duration;

use slint::platform::Key;

use super::way::on_site;
use crate::testkit::face::Face;

/// One recording of about a minute with a mark, a photo and an answer, the interview still open; recording ended.
fn after_an_interview() -> Face {
    let face = on_site();
    face.tap("录音").unwrap();
    face.advance(Duration::from_secs(1)).unwrap();
    face.tap("标记").unwrap();
    face.tap("拍照").unwrap();
    face.tap("返回").unwrap();
    face.tap("取证").unwrap();
    face.tap("询问").unwrap();
    face.fill("问", "几时离开的？").unwrap();
    face.fill("答", "八点多").unwrap();
    face.tap("记下").unwrap();
    face
}

fn to_the_time_line(face: &Face) {
    face.tap("返回").unwrap();
    face.tap("收尾").unwrap();
    face.tap("全程时间轴").unwrap();
}

/// Second of the recording that stands on the screen.
fn second(face: &Face) -> u64 {
    let words = face.texts();
    let words = words.iter().find(|t| t.contains(" / 0")).expect("what plays");
    let at = words.trim_start_matches("录音 E1 · ").split(' ').next().unwrap();
    let (minutes, seconds) = at.split_once(':').unwrap();
    minutes.parse::<u64>().unwrap() * 60 + seconds.parse::<u64>().unwrap()
}

#[test]
fn the_time_line_plays_rests_and_jumps_from_mark_to_mark() {
    let face = after_an_interview();
    face.tap("停止").unwrap();
    to_the_time_line(&face);
    face.tap("播放").unwrap();
    assert_eq!(second(&face), 0);
    face.advance(Duration::from_millis(250)).unwrap();
    face.advance(Duration::from_millis(250)).unwrap();
    let on = second(&face);
    assert!(on > 0, "time passes on the screen");
    face.tap("暂停").unwrap();
    face.advance(Duration::from_secs(1)).unwrap();
    assert!(second(&face) >= on && face.tap("播放").is_ok());
    face.tap("暂停").unwrap();
    face.tap("进 15 秒").unwrap();
    let later = second(&face);
    face.tap("退 15 秒").unwrap();
    assert!(second(&face) + 15 == later || second(&face) == 0);
    // From mark to photo to answer, each told in words beside the track; then nothing is behind them.
    let mut told = Vec::new();
    for _ in 0..6 {
        face.tap("下一处").unwrap();
        told.push(second(&face));
    }
    assert!(told.windows(2).all(|two| two[0] <= two[1]), "{told:?}");
    assert!(face.shows("后面没有了"));
    assert!(face.shows("问 几时离开的？ 答 八点多"), "{:?}", face.texts());
    face.tap("上一处").unwrap();
    assert!(second(&face) < *told.last().unwrap());
    face.tap("放大这段").unwrap();
    assert!(face.shows("看全程"));
    face.tap("看全程").unwrap();
}

/// An entry that can be heard is jumped to; what it is about opens from beside the track, and back leads here.
#[test]
fn a_tap_on_an_entry_is_its_sound_and_one_more_its_document() {
    let face = after_an_interview();
    face.tap("停止").unwrap();
    to_the_time_line(&face);
    face.tap("问答文书").unwrap();
    let row = face.controls().into_iter().find(|c| c.label.contains("第 1 问 八点多"));
    face.tap(&row.expect("the answer's words stand in its row").label).unwrap();
    assert!(face.shows("问 几时离开的？ 答 八点多"));
    assert!(second(&face) > 20);
    face.tap("打开 第 1 问").unwrap();
    assert!(face.shows("八点多"));
    assert!(!face.shows("全程时间轴"), "the interview");
    face.tap("返回").unwrap();
    assert!(face.shows("全程时间轴"));
}

/// inspection.md: key words while the tape runs, the sentence completed afterwards by jumping to the mark: the
/// sound is heard under the words, which stay on the screen. While it is recorded there is no sound, and it says so.
#[test]
fn an_answer_is_completed_while_it_is_heard() {
    let face = after_an_interview();
    face.tap("听第 1 问").unwrap();
    assert!(face.shows("正在录制，回放没有声音"));
    face.tap("已戴耳机").unwrap();
    assert!(!face.shows("正在录制，回放没有声音"));
    face.tap("退 15 秒").unwrap();
    let from = second(&face);
    face.advance(Duration::from_millis(250)).unwrap();
    assert!(second(&face) > from);
    face.tap("第 1 问").unwrap();
    face.fill("答", "早上八点多，交完费就走").unwrap();
    face.tap("改好").unwrap();
    assert!(face.shows("早上八点多，交完费就走"));
    face.tap("退 15 秒").unwrap();
    face.tap("收起回放").unwrap();
    assert!(face.tap("收起回放").is_err());
    face.tap("停止").unwrap();
    face.tap("听第 1 问").unwrap();
    assert!(!face.shows("正在录制，回放没有声音"));
}

#[test]
fn whoever_leaves_or_locks_hears_nothing_more() {
    let face = after_an_interview();
    face.tap("听第 1 问").unwrap();
    face.tap("返回").unwrap();
    face.tap("询问").unwrap();
    assert!(face.tap("收起回放").is_err(), "left");
    face.tap("听第 1 问").unwrap();
    face.key(Key::F4.into()).unwrap();
    assert!(face.shows("未解锁") && !face.shows(" / 0"));
    face.fill("PIN", crate::testkit::fake_desk::FIRST_PIN).unwrap();
    face.tap("解锁").unwrap();
    assert!(!face.shows(" / 0"), "{:?}", face.texts());
}

/// A finger on the track: what ran there plays from there; where nothing ran, the next recording from its start.
#[test]
fn a_finger_on_the_track_goes_there() {
    let face = after_an_interview();
    face.tap("停止").unwrap();
    to_the_time_line(&face);
    let is_time = |t: &&String| t.len() == 5 && t.as_bytes()[2] == b':';
    let times: Vec<String> = face.texts().iter().filter(is_time).cloned().collect();
    let labels = times.iter().flat_map(|a| times.iter().map(move |b| (a, b)));
    let mut labels = labels.map(|(a, b)| format!("全程，从 {a} 到 {b}"));
    let touch = |label: &str, x: f32| face.draw(label, &[&[(x, 0.4)]]);
    let label = labels.find(|label| touch(label, 0.95).is_ok()).expect("the track has a label");
    let late = second(&face);
    assert!(late > 10 && face.tap("暂停").is_ok(), "{late}");
    touch(&label, 0.1).unwrap();
    assert_eq!(second(&face), 0, "nothing was recorded there");
}
