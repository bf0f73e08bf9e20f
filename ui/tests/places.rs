//! The places of the work space, the way back after a lock or a kill, and words that were not yet stored.

use std::sync::Arc;
use std::time::Duration;

use super::way::on_site;
use crate::options::ThemeMode;
use crate::testkit::face::Face;
use crate::testkit::fake_desk::{Disk, FIRST_PIN, FakeDesk, SECOND_PIN};
use crate::testkit::gallery::{SMALL, options};

pub(super) fn unlock(face: &Face, pin: &str) {
    face.fill("PIN", pin).unwrap();
    face.tap("解锁").unwrap();
}

/// Each place is one tap from each, and back leads to the overview of the task.
#[test]
fn every_place_is_one_tap_away_and_back_leads_to_the_overview() {
    let face = on_site();
    for (tab, words) in [
        ("线索", "按权重排序"),
        ("查找", "按病区找在院患者"),
        ("依据", "政策、价格、限制、编码、案例"),
        ("取证", "未归类"),
        ("收尾", "认定与金额"),
        ("概览", "数据包已核对"),
    ] {
        if !face.controls().iter().any(|c| c.label == tab) {
            // The keyboard of the search has the room.
            face.tap("键 收起").unwrap();
        }
        face.tap(tab).unwrap();
        assert!(face.shows(words), "{tab}: {:?}", face.texts());
    }
    face.tap("收尾").unwrap();
    face.tap("取证").unwrap();
    face.tap("返回").unwrap();
    assert!(face.shows("数据包已核对"), "{:?}", face.texts());
}

/// ui.md: state survives the lock; another officer begins at home and sees nothing of it.
#[test]
fn the_lock_leads_back_to_where_this_officer_was() {
    let face = on_site();
    face.tap("查找").unwrap();
    face.fill("查询", "6620").unwrap();
    face.tap("甄*例 男 · 1959 年生 · 职工医保 · 06 床 · 证件 ****6620").unwrap();
    face.key(slint::platform::Key::F4.into()).unwrap();
    face.tap("吴样例").unwrap();
    unlock(&face, SECOND_PIN);
    assert!(face.shows("任务") && !face.shows("甄*例"), "{:?}", face.texts());
    face.key(slint::platform::Key::F4.into()).unwrap();
    face.tap("周演示").unwrap();
    unlock(&face, FIRST_PIN);
    assert!(face.shows("甄*例"), "{:?}", face.texts());
    face.tap("返回").unwrap();
    face.tap("返回").unwrap();
    assert!(face.shows("数据包已核对"), "{:?}", face.texts());
}

/// A seal is no place to come back to: PINs are typed anew from the overview on.
#[test]
fn half_a_seal_is_not_come_back_to() {
    let face = on_site();
    face.tap("收尾").unwrap();
    face.tap("完整性与封存").unwrap();
    face.key(slint::platform::Key::F4.into()).unwrap();
    unlock(&face, FIRST_PIN);
    assert!(face.shows("认定与金额"), "{:?}", face.texts());
}

/// R-kill: half a second after the last keystroke the process is killed. The next start leads back into the
/// interview with the words in it, and once they are noted down nothing of them is left behind.
#[test]
fn words_that_were_not_noted_down_survive_a_kill() {
    let disk = Disk::default();
    let first =
        Face::open(Box::new(FakeDesk::new().on(&disk)), &options(ThemeMode::Light), SMALL).unwrap();
    unlock(&first, FIRST_PIN);
    first.tap("示例市青禾医院").unwrap();
    first.tap("核对数据包").unwrap();
    first.tap("开始检查").unwrap();
    first.tap("登记当事人").unwrap();
    first.fill("姓名或名称", "李样本").unwrap();
    first.tap("登记").unwrap();
    first.tap("取证").unwrap();
    first.tap("询问").unwrap();
    first.advance(Duration::from_secs(2)).unwrap();
    first.fill("问", "您住几床？").unwrap();
    first.fill("答", "06 床，靠窗那张").unwrap();
    first.advance(Duration::from_millis(700)).unwrap();
    drop(first);

    let desk = disk.lock().unwrap().take().unwrap();
    let again = Face::open(Box::new(desk), &options(ThemeMode::Light), SMALL).unwrap();
    unlock(&again, FIRST_PIN);
    assert_eq!(again.value("答").unwrap(), "06 床，靠窗那张");
    assert_eq!(again.value("问").unwrap(), "您住几床？");
    assert!(again.shows("上次没有记下的话还在"), "{:?}", again.texts());
    again.tap("记下").unwrap();
    again.tap("返回").unwrap();
    again.tap("询问").unwrap();
    assert_eq!(again.value("答").unwrap(), "");
}

/// A handheld that lies about locks itself; a recording goes on.
#[test]
fn an_untouched_handheld_locks_itself() {
    let clock =
        Arc::new(spotcheck_domain::ManualClock::at_ms(crate::testkit::fake_desk::morning_ms()));
    let mut options = options(ThemeMode::Light);
    options.clock = clock.clone();
    let face = Face::open(Box::new(FakeDesk::new()), &options, SMALL).unwrap();
    unlock(&face, FIRST_PIN);
    face.tap("录音").unwrap();
    clock.advance_ms(9 * 60 * 1_000);
    face.advance(Duration::from_secs(2)).unwrap();
    assert!(!face.shows("未解锁"), "{:?}", face.texts());
    clock.advance_ms(2 * 60 * 1_000);
    face.advance(Duration::from_secs(2)).unwrap();
    assert!(face.shows("录音中"), "{:?}", face.texts());
    assert!(face.shows("输入 PIN"), "{:?}", face.texts());
}

/// Figures, another period, and the guard against 统方: doctor and drug open only with a reason.
#[test]
fn figures_lead_to_their_parts_and_rows_and_ask_why_where_they_must() {
    let face = on_site();
    face.tap("机构指标").unwrap();
    assert!(face.shows("18,620,450.20 元"), "{:?}", face.texts());
    assert!(face.shows("+18.15%"), "{:?}", face.texts());
    face.tap("换一段时间").unwrap();
    face.tap("不对照").unwrap();
    face.tap("按这两段计算").unwrap();
    face.tap("药品费 4,218,330.50 元").unwrap();
    face.tap("按医师（要原因）").unwrap();
    assert!(!face.shows("郑示例"), "no name before a reason: {:?}", face.texts());
    assert!(face.tap("按这个原因查看").is_err(), "an empty reason is none");
    face.tap("核对集中开药的线索").unwrap();
    assert!(face.shows("郑示例"), "{:?}", face.texts());
    face.tap("看组成它的明细").unwrap();
    assert!(face.shows("共 10 行") && face.shows("就诊号 M2026102100007"), "{:?}", face.texts());
    face.tap("返回").unwrap();
    face.tap("返回").unwrap();
    assert!(face.shows("机构指标"), "{:?}", face.texts());
}

/// From the box to an article and its neighbour, and from a fee line to what was in force for it.
#[test]
fn the_basis_is_found_by_words_and_from_a_fee_line() {
    let face = on_site();
    face.tap("依据").unwrap();
    face.fill("依据查询", "床位").unwrap();
    assert!(face.shows("第七条 · 示例市医疗服务收费管理办法"), "{:?}", face.texts());
    let article = face.controls().into_iter().find(|c| c.label.starts_with("第七条")).unwrap();
    face.tap(&article.label).unwrap();
    assert!(face.shows("2024-01-01 起"), "{:?}", face.texts());
    face.tap("第八条 后一条").unwrap();
    assert!(face.shows("同一项目同一日"), "{:?}", face.texts());
    face.tap("返回").unwrap();
    face.tap("查找").unwrap();
    face.fill("查询", "6620").unwrap();
    face.tap("甄*例 男 · 1959 年生 · 职工医保 · 06 床 · 证件 ****6620").unwrap();
    face.tap("打开最近一次就诊").unwrap();
    face.tap("收起费用构成").unwrap();
    face.tap("11-10 周二 · 21 行").unwrap();
    let glucose = || face.controls().into_iter().find(|c| c.label.starts_with("依据 血糖测定"));
    for _ in 0..8 {
        if glucose().is_none() {
            face.scroll(-200.0).unwrap();
        }
    }
    let line = glucose().unwrap();
    face.tap(&line.label).unwrap();
    assert!(face.shows("当日限价") && face.shows("有效的规定"), "{:?}", face.texts());
}

/// A composed rule is run, listed with the rest and stands in the case; nothing runs without an item.
#[test]
fn a_composed_rule_is_listed_with_the_rest() {
    let face = on_site();
    face.tap("线索").unwrap();
    face.tap("自编").unwrap();
    assert!(face.tap("按这条规则核对").is_err(), "no item yet");
    face.tap("加一个项目").unwrap();
    face.fill("项目查询", "静脉").unwrap();
    face.tap("选 名称含“静脉”的项目").unwrap();
    face.tap("同一次就诊").unwrap();
    assert!(face.shows("同一次就诊名称含“静脉”的项目的数量合计超过 1"), "{:?}", face.texts());
    face.tap("按这条规则核对").unwrap();
    assert!(face.shows("只看同一规则 · 1 条"), "{:?}", face.texts());
    face.tap("自编").unwrap();
    assert!(face.shows("以前编过的") || face.scroll(-600.0).is_ok() && face.shows("以前编过的"));
}

/// Issue: an unknown export is compared in few taps without typing; what differs can be judged like the rest.
#[test]
fn an_export_is_compared_without_typing_and_its_differences_are_judged() {
    let face = on_site();
    face.tap("取证").unwrap();
    face.tap("数据比对").unwrap();
    let file = face.controls().into_iter().find(|c| c.label.contains(".xlsx")).unwrap();
    face.tap(&file.label).unwrap();
    face.tap("表头对，去对列").unwrap();
    face.tap("有把握的都对").unwrap();
    face.tap("数量 没有选列").unwrap();
    face.tap("实发 1、2、1").unwrap();
    face.tap("开始比对").unwrap();
    assert!(face.shows("不一致 3 条"), "{:?}", face.texts());
    let bed = face.controls().into_iter().find(|c| c.label.starts_with("11-09 床位费")).unwrap();
    face.tap(&bed.label).unwrap();
    face.tap("事实属实").unwrap();
    assert!(face.shows("已记：事实属实"), "{:?}", face.texts());
}

/// Issue 5: the visit on one band, each act in words, and from an act to the evidence it made.
#[test]
fn the_whole_visit_is_read_on_one_time_line() {
    let face = on_site();
    face.tap("录音").unwrap();
    face.tap("拍照").unwrap();
    face.tap("拍照").unwrap();
    face.tap("返回").unwrap();
    face.tap("收尾").unwrap();
    face.tap("全程时间轴").unwrap();
    for words in ["开始检查", "链条完好", "照片 E2"] {
        assert!(face.shows(words), "{words}: {:?}", face.texts());
    }
    face.tap("照片").unwrap();
    assert!(!face.shows("开始检查") && face.shows("照片 E2"), "{:?}", face.texts());
    let photo = face.controls().into_iter().find(|c| c.label.contains("照片 E2")).unwrap();
    // A recording ran: the tap goes to its place there, the next one to the photo.
    face.tap(&photo.label).unwrap();
    face.tap("打开 照片 E2").unwrap();
    assert!(face.shows("E2 照片"), "{:?}", face.texts());
}

/// Refusal is written down where everything else is, and once.
#[test]
fn a_record_of_refusal_is_one_tap_away() {
    let face = on_site();
    face.tap("取证").unwrap();
    face.tap("拒绝检查记录").unwrap();
    assert!(face.shows("拒绝（阻碍）检查记录"), "{:?}", face.texts());
    face.tap("返回").unwrap();
    face.tap("拒绝检查记录").unwrap();
    assert!(face.shows("拒绝（阻碍）检查记录"), "the draft that is there: {:?}", face.texts());
}
