//! Looking: at a photo again, at an item over the house, at what goes with a fee line, at who is found by a scan.

use super::way::{on_site, unlocked};

/// Nobody says what a photo proves without seeing it; it is gone from the screen under the lock.
#[test]
fn a_photo_is_seen_where_it_is_said_what_it_proves() {
    let face = on_site();
    face.tap("拍照").unwrap();
    face.tap("未归类 (1)").unwrap();
    face.tap("E1 照片").unwrap();
    face.touch("放大照片").unwrap();
    assert!(face.controls().iter().any(|c| c.label == "缩小照片"), "{:?}", face.texts());
    face.tap("返回").unwrap();
    face.tap("取证").unwrap();
    assert!(face.shows("E1 照片"));
}

/// An item leads to every visit of the house in which it was billed, and from there to its lines alone.
#[test]
fn an_item_leads_to_its_visits_and_to_its_lines() {
    let face = on_site();
    face.tap("查找").unwrap();
    face.tap("项目").unwrap();
    face.fill("查询", "静脉").unwrap();
    face.tap("看 静脉输液").unwrap();
    assert!(face.shows("甄*例 住院") && face.shows("找到 100 以上"), "{:?}", face.texts());
    face.tap("看 甄*例 住院").unwrap();
    assert!(face.controls().iter().any(|c| c.label == "静脉输液"), "{:?}", face.texts());
    face.tap("返回").unwrap();
    face.tap("看线索").unwrap();
    assert!(face.shows("只看同一项目"), "{:?}", face.texts());
}

/// A wristband: the scanner types what it read, with what it puts around it, and Enter.
#[test]
fn a_scanned_number_opens_the_only_person_it_belongs_to() {
    let face = on_site();
    face.tap("查找").unwrap();
    face.type_text("]C16620").unwrap();
    face.key(slint::platform::Key::Return.into()).unwrap();
    assert!(face.shows("就诊，由近到远") && face.shows("慢特病 高血压"), "{:?}", face.texts());
}

/// Several hits are a list: Enter opens none of them.
#[test]
fn enter_opens_nobody_among_several() {
    let face = on_site();
    face.tap("查找").unwrap();
    face.type_text("例").unwrap();
    face.key(slint::platform::Key::Return.into()).unwrap();
    assert!(face.shows("甄*例") && !face.shows("就诊，由近到远"), "{:?}", face.texts());
}

/// The visit says whether its lines add up, and a line says what goes with it.
#[test]
fn a_visit_is_compared_with_its_settlement_and_a_line_with_its_orders() {
    let face = on_site();
    face.tap("查找").unwrap();
    face.fill("查询", "6620").unwrap();
    face.tap("甄*例 男 · 1959 年生 · 职工医保 · 06 床 · 证件 ****6620").unwrap();
    face.tap("打开最近一次就诊").unwrap();
    assert!(face.shows("明细合计与结算一致"), "{:?}", face.texts());
    face.tap("收起费用构成").unwrap();
    face.tap("无医嘱").unwrap();
    let line = face.controls().into_iter().find(|c| c.label.starts_with("依据 ")).unwrap();
    face.tap(&line.label).unwrap();
    assert!(face.shows("医嘱、执行、报告"), "{:?}", face.texts());
}

/// Wherever somebody is while a case is open, leaving in order is one tap away; a toast does not follow.
#[test]
fn leaving_is_one_tap_away_everywhere_and_toasts_do_not_follow() {
    let face = on_site();
    assert!(face.shows("已登记"));
    face.tap("返回").unwrap();
    assert!(face.shows("已登记"), "what can be taken back follows: {:?}", face.texts());
    face.advance(std::time::Duration::from_secs(11)).unwrap();
    face.tap("拍照").unwrap();
    assert!(face.shows("已拍照"), "{:?}", face.texts());
    face.tap("返回").unwrap();
    assert!(!face.shows("已拍照"), "{:?}", face.texts());
    assert!(face.controls().iter().any(|c| c.label == "撤离"), "on 今天");
    face.tap("设备").unwrap();
    face.tap("撤离").unwrap();
    assert!(face.shows("撤离") || face.shows("中止"), "{:?}", face.texts());
}

/// What is missing on 今天 is mended there.
#[test]
fn a_missing_package_is_fetched_from_where_it_is_said() {
    let face = unlocked();
    let fetch = face.controls().into_iter().find(|c| c.label.ends_with(" 取回"));
    face.tap(&fetch.unwrap().label).unwrap();
    assert!(face.shows("取回任务"), "{:?}", face.texts());
}
