//! A wrong tap never loses words: every mark can be taken back for ten seconds (ui.md).

use std::time::Duration;

use slint::ComponentHandle as _;
use spotcheck_face::Shell;

use super::way::{on_site, unlocked};
use crate::testkit::face::Face;

fn left(face: &Face) -> i32 {
    face.window().global::<Shell<'_>>().get_toast().left
}

/// Nothing moves on the screen any more once the time is over.
#[test]
fn the_way_back_counts_its_seconds_and_then_rests() {
    let face = on_site();
    face.advance(Duration::from_secs(11)).unwrap();
    face.tap("步骤 到场、出示证件").unwrap();
    assert!(face.shows("已开始：到场、出示证件"), "{:?}", face.texts());
    assert_eq!(left(&face), 10);
    for second in 1..=9 {
        face.advance(Duration::from_secs(1)).unwrap();
        assert_eq!(left(&face), 10 - second);
    }
    face.advance(Duration::from_secs(1)).unwrap();
    assert!(!face.shows("已开始："), "{:?}", face.texts());
    assert_eq!(left(&face), 0);
    let rest = face.snapshot().unwrap();
    face.advance(Duration::from_secs(1)).unwrap();
    assert_eq!((left(&face), face.snapshot().unwrap() == rest), (0, true));
    assert!(face.tap("撤销").is_err(), "the time is over");
}

#[test]
fn steps_certificates_and_marks_in_a_recording_are_taken_back() {
    let face = on_site();
    face.tap("步骤 现场核查").unwrap();
    face.tap("撤销").unwrap();
    assert!(face.shows("已撤销，日志里两条都在"), "{:?}", face.texts());
    face.tap("步骤 现场核查").unwrap();
    assert!(face.shows("已开始：现场核查"), "begun once more, not ended: {:?}", face.texts());
    face.tap("步骤 现场核查").unwrap();
    assert!(face.shows("已结束：现场核查"));
    face.tap("撤销").unwrap();
    face.tap("步骤 现场核查").unwrap();
    assert!(face.shows("已结束：现场核查"), "it went on: {:?}", face.texts());

    face.tap("出示证件 周演示").unwrap();
    assert!(face.shows("已记下出示证件"));
    face.tap("撤销").unwrap();
    assert!(face.controls().iter().any(|c| c.label == "出示证件 周演示"), "not shown yet");

    face.tap("录音").unwrap();
    face.tap("返回").unwrap();
    face.tap("标记").unwrap();
    assert!(face.shows("已标记"));
    face.tap("撤销").unwrap();
    assert!(face.shows("已撤销"), "{:?}", face.texts());
}

/// What was typed comes back with it.
#[test]
fn words_come_back_to_where_they_were_typed() {
    let face = on_site();
    face.tap("登记当事人").unwrap();
    face.fill("姓名或名称", "王测试").unwrap();
    face.fill("职务或与患者的关系", "护士长").unwrap();
    face.tap("登记").unwrap();
    face.tap("撤销").unwrap();
    assert_eq!(face.value("姓名或名称").unwrap(), "王测试");
    assert_eq!(face.value("职务或与患者的关系").unwrap(), "护士长");
    face.tap("键 收起").unwrap_or(());
    face.tap("返回").unwrap();
    assert!(!face.shows("王*试"), "{:?}", face.texts());

    face.tap("取证").unwrap();
    face.tap("询问").unwrap();
    face.fill("问", "您住几床？").unwrap();
    face.fill("答", "六床").unwrap();
    face.tap("记下").unwrap();
    assert!(face.shows("已记下第 1 问") && face.value("答").unwrap().is_empty());
    face.tap("撤销").unwrap();
    let back = (face.value("问").unwrap(), face.value("答").unwrap());
    assert_eq!(back, ("您住几床？".to_owned(), "六床".to_owned()));
    face.tap("记下").unwrap();
    assert!(face.shows("已记下第 1 问"), "its number was free: {:?}", face.texts());
}

#[test]
fn a_photo_that_was_filed_wrongly_is_open_again_with_its_words() {
    let face = on_site();
    face.tap("拍照").unwrap();
    face.tap("未归类 (1)").unwrap();
    face.tap("E1 照片").unwrap();
    face.fill("证明什么", "空床").unwrap();
    face.fill("来源", "内二科").unwrap();
    face.tap("归类").unwrap();
    assert!(face.shows("已归类"));
    face.tap("撤销").unwrap();
    assert_eq!(face.value("证明什么").unwrap(), "空床");
    face.tap("返回").unwrap();
    assert!(face.shows("未归类 (1)"), "{:?}", face.texts());
}

/// Ten seconds are promised for every mark: what is said or done meanwhile takes nothing of them.
#[test]
fn the_next_sentence_does_not_end_an_older_way_back() {
    let face = on_site();
    face.advance(Duration::from_secs(11)).unwrap();
    face.tap("步骤 到场、出示证件").unwrap();
    face.tap("出示证件 周演示").unwrap();
    assert!(
        face.shows("已开始：到场、出示证件") && face.shows("已记下出示证件"),
        "{:?}",
        face.texts()
    );
    // 撤销 alone is the newest; the older one is told apart by what it takes back.
    face.tap("撤销 已开始：到场、出示证件").unwrap();
    assert!(face.shows("已撤销，日志里两条都在"), "{:?}", face.texts());
    assert!(face.controls().iter().any(|c| c.label.starts_with("撤销 已记下出示证件")));
    face.advance(Duration::from_secs(6)).unwrap();
    assert!(face.shows("已记下出示证件"), "six of its ten seconds: {:?}", face.texts());
    face.tap("撤销").unwrap();
    assert!(face.controls().iter().any(|c| c.label == "出示证件 周演示"), "{:?}", face.texts());

    // Three in a row: the first comes back when a newer one is gone, and each ends in its time.
    face.advance(Duration::from_secs(11)).unwrap();
    for act in ["步骤 到场、出示证件", "出示证件 周演示", "出示证件 吴样例"]
    {
        face.tap(act).unwrap();
        face.advance(Duration::from_secs(1)).unwrap();
    }
    face.tap("撤销").unwrap();
    face.advance(Duration::from_secs(5)).unwrap();
    assert!(face.shows("已开始：到场、出示证件"), "{:?}", face.texts());
    face.advance(Duration::from_secs(4)).unwrap();
    assert!(!face.shows("已开始：") && left(&face) == 0, "{:?}", face.texts());
}

/// The lock leaves nothing that could be taken back by somebody else.
#[test]
fn the_lock_ends_it() {
    let face = on_site();
    face.tap("步骤 现场核查").unwrap();
    face.key(slint::platform::Key::F4.into()).unwrap();
    assert!(!face.shows("已开始：") && face.tap("撤销").is_err());
    drop(face);
    // And a sentence without a way back has no seconds.
    let face = unlocked();
    assert_eq!(left(&face), 0);
}
