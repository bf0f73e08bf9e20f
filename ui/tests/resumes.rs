//! What stood on a screen stands there again after a lock or a kill: figures, words of searches, filters.

use std::time::Duration;

use i_slint_backend_testing::ElementHandle;
use slint::platform::Key;

use super::places::unlock;
use super::way::{on_site, on_site_with};
use crate::options::ThemeMode;
use crate::testkit::face::Face;
use crate::testkit::fake_desk::{Disk, FIRST_PIN, FakeDesk, SECOND_PIN};
use crate::testkit::gallery::{SMALL, options};

fn lock_and_back(face: &Face) {
    face.key(Key::F4.into()).unwrap();
    assert!(face.shows("未解锁"), "{:?}", face.texts());
    unlock(face, FIRST_PIN);
}

fn chosen(face: &Face, element: &str) -> Vec<String> {
    let all =
        i_slint_backend_testing::ElementQuery::from_root(face.window()).match_inherits(element);
    let chosen = |e: &ElementHandle| e.accessible_item_selected() == Some(true);
    let labels = all.find_all().into_iter().filter(chosen).filter_map(|e| e.accessible_label());
    labels.map(|l| l.to_string()).collect()
}

/// A figure was open when the handheld locked itself: it is computed again, and so is the list under it.
#[test]
fn a_figure_is_there_again_after_the_lock() {
    let face = on_site();
    face.tap("机构指标").unwrap();
    face.tap("药品费 4,218,330.50 元").unwrap();
    assert!(face.shows("4,218,330.50 元"));
    lock_and_back(&face);
    assert!(face.shows("药品费") && face.shows("4,218,330.50 元"), "{:?}", face.texts());
    assert!(face.shows("+18.15%") && face.shows("本期"), "with its months: {:?}", face.texts());
    face.tap("返回").unwrap();
    assert!(face.shows("机构指标") && face.shows("18,620,450.20 元"), "{:?}", face.texts());
    lock_and_back(&face);
    assert!(face.shows("18,620,450.20 元"), "{:?}", face.texts());
}

/// Two bars stand beside one another to be compared: both are parts of the same width.
#[test]
fn bars_of_two_periods_are_drawn_on_one_scale() {
    let face = on_site();
    face.tap("机构指标").unwrap();
    face.tap("药品费 4,218,330.50 元").unwrap();
    face.tap("按科室").unwrap();
    let widths = |id: &str| -> Vec<f32> {
        let bars = ElementHandle::find_by_element_id(face.window(), id);
        bars.map(|bar| bar.size().width).collect()
    };
    let (own, other) = (widths("PartRow::own-bar"), widths("PartRow::other-bar"));
    // 内二科 and 内一科, as the parts are listed.
    let values: [(f64, f64); 2] = [(1_687_332.20, 1_104_220.00), (1_265_499.15, 1_212_004.50)];
    assert!(own.len() >= 2 && own.len() == other.len(), "{own:?} {other:?}");
    for ((own, other), (a, b)) in own.iter().zip(&other).zip(values) {
        let (drawn, told) = (f64::from(other / own), b / a);
        assert!((drawn - told).abs() < 0.01, "{other} beside {own} is not {b} beside {a}");
    }
}

/// A row behind a figure is read by somebody: whose (covered), what, when and how much.
#[test]
fn rows_behind_a_figure_say_what_they_are() {
    let face = on_site();
    face.tap("机构指标").unwrap();
    face.tap("药品费 4,218,330.50 元").unwrap();
    face.tap("看组成它的明细").unwrap();
    assert!(face.shows("甄*例 · 住院 · 11-09 → 11-18"), "{:?}", face.texts());
    face.tap("人员").unwrap();
    assert!(face.shows("李*本") && face.shows("人员 ****3341"), "{:?}", face.texts());
    face.tap("明细").unwrap();
    assert!(face.shows("注射用血塞通 0.2 g") && face.shows("¥62.80"), "{:?}", face.texts());
    assert!(face.shows("甄*例 · 11-10 · 就诊号 M2026110900018"), "{:?}", face.texts());
    assert!(!face.shows("甄示例"));
}

/// ui.md: state survives the lock. What one officer typed is nothing that another one finds.
#[test]
fn words_and_filters_survive_a_lock() {
    let face = on_site();
    face.tap("线索").unwrap();
    face.tap("黄 1").unwrap();
    face.tap("依据").unwrap();
    face.fill("依据查询", "床位").unwrap();
    face.tap("某一天").unwrap();
    face.fill("看哪一天有效的规定", "2025-06-30").unwrap();
    face.tap("键 收起").unwrap_or(());
    face.tap("查找").unwrap();
    face.tap("项目").unwrap();
    face.fill("查询", "静脉").unwrap();
    lock_and_back(&face);
    assert_eq!(face.value("查询").unwrap(), "静脉");
    assert!(face.shows("静脉输液") && chosen(&face, "Tab").contains(&"项目".to_owned()));
    // A second lock before the other screens were opened: they are still owed.
    lock_and_back(&face);
    face.tap("键 收起").unwrap_or(());
    face.tap("依据").unwrap();
    assert_eq!(face.value("依据查询").unwrap(), "床位");
    assert_eq!(face.value("看哪一天有效的规定").unwrap(), "2025-06-30");
    face.tap("键 收起").unwrap_or(());
    face.tap("线索").unwrap();
    assert!(!face.shows("床位费天数多于住院天数"), "a red one: {:?}", face.texts());
    face.tap("全部 3").unwrap();
    assert!(face.shows("床位费天数多于住院天数"), "{:?}", face.texts());
    face.tap("查找").unwrap();

    face.key(Key::F4.into()).unwrap();
    face.tap("吴样例").unwrap();
    unlock(&face, SECOND_PIN);
    face.tap("进行中 示例市青禾医院").unwrap();
    face.tap("查找").unwrap();
    assert_eq!(face.value("查询").unwrap(), "");
    assert!(!face.shows("静脉输液"), "{:?}", face.texts());
}

/// The lines of a visit stay narrowed, and a ward stays open.
#[test]
fn a_ward_and_a_narrowed_visit_survive_a_lock() {
    let face = on_site();
    face.tap("查找").unwrap();
    face.tap("一病区 2").unwrap();
    assert!(face.shows("一病区在院，按床号 · 截至数据截止时间 · 姓名已遮盖"));
    lock_and_back(&face);
    assert!(face.shows("一病区在院，按床号 · 截至数据截止时间 · 姓名已遮盖"), "{:?}", face.texts());
    let bed = face.controls().into_iter().find(|c| c.label.contains("甄*例")).unwrap();
    face.tap(&bed.label).unwrap();
    face.tap("打开最近一次就诊").unwrap();
    face.tap("收起费用构成").unwrap();
    face.tap("治疗费").unwrap();
    lock_and_back(&face);
    face.tap("收起费用构成").unwrap_or(());
    assert!(chosen(&face, "Chip").contains(&"治疗费".to_owned()), "{:?}", face.texts());
}

/// The program was killed two seconds after the last word.
#[test]
fn words_survive_a_kill() {
    let disk = Disk::default();
    let face = on_site_with(FakeDesk::new().on(&disk));
    face.tap("查找").unwrap();
    face.fill("查询", "例").unwrap();
    face.advance(Duration::from_secs(2)).unwrap();
    drop(face);
    let desk = disk.lock().unwrap().take().unwrap();
    let again = Face::open(Box::new(desk), &options(ThemeMode::Light), SMALL).unwrap();
    unlock(&again, FIRST_PIN);
    assert_eq!(again.value("查询").unwrap(), "例");
    assert!(again.shows("甄*例"), "{:?}", again.texts());
}

/// Nobody presses 解锁 with what can be no PIN; where that stands is told by the key itself.
#[test]
fn a_pin_that_is_too_short_is_not_tried() {
    let face = Face::open(Box::new(FakeDesk::new()), &options(ThemeMode::Light), SMALL).unwrap();
    face.fill("PIN", "13579").unwrap();
    let key = || face.controls().into_iter().find(|c| c.label == "解锁").unwrap();
    assert!(!key().enabled, "five digits");
    face.key(Key::Return.into()).unwrap();
    assert_eq!(face.value("PIN").unwrap(), "5", "nothing was tried, nothing was lost");
    face.fill("PIN", FIRST_PIN).unwrap();
    assert!(key().enabled);
}
