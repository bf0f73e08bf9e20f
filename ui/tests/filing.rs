//! Tray and proof in the window: filing on one screen, what speaks for the party, a pause, a refused signature.

use std::sync::Arc;
use std::time::Duration;

use super::places::unlock;
use super::way::on_site;
use crate::options::ThemeMode;
use crate::testkit::face::Face;
use crate::testkit::fake_desk::{Disk, FIRST_PIN, FakeDesk};
use crate::testkit::gallery::{SMALL, options};

fn at_a_photo(face: &Face) {
    face.tap("步骤 现场核查").unwrap();
    face.tap("拍照").unwrap();
    face.tap("未归类 (1)").unwrap();
    face.tap("E1 照片").unwrap();
}

/// issue 5, 2: the step that runs is proposed, and one tap says for whom it speaks; the tab shows it.
#[test]
fn what_speaks_for_the_party_has_a_tab_of_its_own() {
    let face = on_site();
    at_a_photo(&face);
    let labels: Vec<String> = face.controls().into_iter().map(|c| c.label).collect();
    assert!(labels.iter().any(|l| l == "属于哪一步 现场核查"), "proposed: {labels:?}");
    face.fill("证明什么", "请假条有签字").unwrap();
    face.tap("有利").unwrap();
    face.tap("复制件").unwrap();
    face.fill("保管人", "护士林拟名").unwrap();
    face.fill("原件存放处", "护士站").unwrap();
    face.tap("归类").unwrap();
    face.tap("有利当事人").unwrap();
    assert!(face.shows("请假条有签字"), "{:?}", face.texts());
    face.tap("未归类").unwrap();
    assert!(face.shows("都归类了") && face.shows("未归类 (0)"), "{:?}", face.texts());
    face.tap("全部").unwrap();
    face.tap("E1 照片").unwrap();
    assert_eq!(face.value("保管人").unwrap(), "护士林拟名");
    assert_eq!(face.value("原件存放处").unwrap(), "护士站");
}

/// The undo brings all of it back onto the screen, to be changed.
#[test]
fn a_filing_is_taken_back_with_its_keeper() {
    let face = on_site();
    at_a_photo(&face);
    face.fill("证明什么", "空床").unwrap();
    face.fill("保管人", "李样本").unwrap();
    face.fill("当事人的意见", "刚出去").unwrap();
    face.tap("归类").unwrap();
    face.tap("撤销").unwrap();
    assert_eq!(face.value("保管人").unwrap(), "李样本");
    assert_eq!(face.value("当事人的意见").unwrap(), "刚出去");
    face.scroll(-900.0).unwrap();
    let labels: Vec<String> = face.controls().into_iter().map(|c| c.label).collect();
    assert!(labels.iter().any(|l| l == "谁说的 李样本"), "{labels:?}");
}

/// issue 5, 2: one push files the next photo of the same shelf, without the words the party said about the first; it is
/// taken back like every mark, and a push that stops half-way does nothing.
#[test]
fn one_swipe_files_a_photo_like_the_last_one() {
    let face = on_site();
    at_a_photo(&face);
    face.fill("证明什么", "药架无存货").unwrap();
    face.fill("来源", "药库北架").unwrap();
    face.fill("当事人的意见", "刚卖完").unwrap();
    face.tap("归类").unwrap();
    assert!(!face.shows("向右滑"), "nothing is left to file: {:?}", face.texts());
    face.tap("拍照").unwrap();
    face.tap("未归类 (1)").unwrap();
    assert!(face.shows("向右滑：同上一份「药架无存货」"), "{:?}", face.texts());
    face.draw("E2 照片", &[&[(0.2, 0.5), (0.3, 0.5), (0.4, 0.5)]]).unwrap();
    assert!(face.shows("未归类 (1)"), "a finger that slipped: {:?}", face.texts());
    let push: &[(f32, f32)] = &[(0.2, 0.5), (0.3, 0.5), (0.5, 0.52), (0.8, 0.5)];
    face.draw("E2 照片", &[push]).unwrap();
    assert!(face.shows("E2 已归类：药架无存货") && face.shows("未归类 (0)"), "{:?}", face.texts());
    face.tap("撤销").unwrap();
    assert!(face.shows("未归类 (1)"), "{:?}", face.texts());
    face.draw("E2 照片", &[push]).unwrap();
    face.tap("E2 照片").unwrap();
    assert_eq!(face.value("证明什么").unwrap(), "药架无存货");
    assert_eq!(face.value("来源").unwrap(), "药库北架");
    assert_eq!(face.value("当事人的意见").unwrap(), "", "it was said about the other one");
}

/// A pause stands on the bar of every screen, and sound goes on.
#[test]
fn a_pause_is_said_on_the_bar_and_ends_there() {
    let face = on_site();
    face.tap("录音").unwrap();
    face.tap("返回").unwrap();
    face.tap("暂停录制").unwrap();
    assert!(face.shows("已标暂停") && face.shows("声音照录"), "{:?}", face.texts());
    face.tap("查找").unwrap();
    face.advance(Duration::from_secs(11)).unwrap();
    assert!(face.shows("已标暂停"), "{:?}", face.texts());
    face.tap("继续录制").unwrap();
    assert!(face.shows("录音中"), "{:?}", face.texts());
    face.tap("停止").unwrap();
}

/// evidence.md §2: who refuses to sign is entered with the reason; then the officers sign.
#[test]
fn a_refused_signature_is_entered_with_its_reason() {
    let face = on_site();
    face.tap("取证").unwrap();
    face.tap("现场检查笔录").unwrap();
    face.tap("现场检查情况").unwrap();
    face.fill("现场检查情况", "核对 24 张床").unwrap();
    face.tap("填好").unwrap();
    face.tap("定稿").unwrap();
    face.tap("确认定稿").unwrap();
    face.tap("去签字").unwrap();
    face.tap("登记拒签").unwrap();
    assert!(face.shows("先写拒签理由"), "{:?}", face.texts());
    face.fill("拒签理由", "先问过律师").unwrap();
    face.tap("登记").unwrap();
    assert!(face.shows("已登记 李样本 拒签") && face.shows("拒签"), "{:?}", face.texts());
    assert!(face.tap("登记拒签").is_err(), "officers do not refuse");
    face.tap("撤销").unwrap();
    assert_eq!(face.value("拒签理由").unwrap(), "先问过律师");
}

/// issue 5, 6: the words of the party's form, of a seal's reason and of a verdict outlive a kill.
#[test]
fn words_that_were_not_entered_outlive_a_kill() {
    let disk = Disk::default();
    let desk = FakeDesk::new().on(&disk);
    let face = super::way::on_site_with(desk);
    face.tap("登记当事人").unwrap();
    face.fill("姓名或名称", "王测试").unwrap();
    face.fill("职务或与患者的关系", "护士长").unwrap();
    face.advance(Duration::from_secs(2)).unwrap();
    if face.controls().iter().any(|c| c.label == "键 收起") {
        face.tap("键 收起").unwrap();
    }
    face.tap("撤离").unwrap();
    face.fill("没有做完的原因", "对方要求中止").unwrap();
    face.advance(Duration::from_secs(2)).unwrap();
    drop(face);
    let kept = disk.lock().unwrap().take().unwrap();
    let disk = Arc::new(std::sync::Mutex::default());
    let face = Face::open(Box::new(kept.on(&disk)), &options(ThemeMode::Light), SMALL).unwrap();
    unlock(&face, FIRST_PIN);
    face.tap("撤离").unwrap();
    assert_eq!(face.value("没有做完的原因").unwrap(), "对方要求中止");
    face.tap("返回").unwrap();
    face.tap("登记当事人").unwrap();
    assert_eq!(face.value("姓名或名称").unwrap(), "王测试");
    assert_eq!(face.value("职务或与患者的关系").unwrap(), "护士长");
    face.tap("登记").unwrap();
    face.tap("登记当事人").unwrap();
    assert_eq!(face.value("姓名或名称").unwrap(), "", "entered and forgotten");
}

/// The reason typed for a verdict stays with its question through a lock.
#[test]
fn the_words_of_a_verdict_outlive_a_lock() {
    let face = on_site();
    face.tap("线索").unwrap();
    face.tap("红 1").unwrap();
    face.tap("红·可直接核对 床位费天数多于住院天数 床位费 11 天 − 住院 9 天 = 多 2 天").unwrap();
    face.tap("排除").unwrap();
    face.fill("理由", "家属说请过假").unwrap();
    face.advance(Duration::from_secs(2)).unwrap();
    face.key(slint::platform::Key::F4.into()).unwrap();
    unlock(&face, FIRST_PIN);
    face.tap("红 1").unwrap();
    face.tap("红·可直接核对 床位费天数多于住院天数 床位费 11 天 − 住院 9 天 = 多 2 天").unwrap();
    face.tap("排除").unwrap();
    assert_eq!(face.value("理由").unwrap(), "家属说请过假");
}
