//! The whole way once, and what must hold on it.

use std::time::Duration;

use spotcheck_domain::Trouble;

use crate::options::ThemeMode;
use crate::testkit::face::Face;
use crate::testkit::fake_desk::{FIRST_PIN, FakeDesk, SECOND_PIN};
use crate::testkit::gallery::{SMALL, options, whole_way};

pub(super) fn face() -> Face {
    Face::open(Box::new(FakeDesk::new()), &options(ThemeMode::Light), SMALL).unwrap()
}

pub(super) fn unlocked() -> Face {
    let face = face();
    face.fill("PIN", FIRST_PIN).unwrap();
    face.tap("解锁").unwrap();
    face
}

/// Unlocked, package checked, case open, one party entered.
pub(super) fn on_site() -> Face {
    on_site_with(FakeDesk::new())
}

pub(super) fn on_site_with(desk: FakeDesk) -> Face {
    let face = Face::open(Box::new(desk), &options(ThemeMode::Light), SMALL).unwrap();
    face.fill("PIN", FIRST_PIN).unwrap();
    face.tap("解锁").unwrap();
    into_the_case(&face);
    face
}

/// From the first screen after unlocking: package checked, case open, one party entered.
pub(super) fn into_the_case(face: &Face) {
    face.tap("示例市青禾医院").unwrap();
    face.tap("核对数据包").unwrap();
    face.tap("开始检查").unwrap();
    face.tap("登记当事人").unwrap();
    face.fill("姓名或名称", "李样本").unwrap();
    face.tap("登记").unwrap();
}

#[test]
fn unlock_to_receipt() {
    let face = face();
    let mut screens = Vec::new();
    whole_way(&face, &mut |face, name| {
        screens.push((name.to_owned(), face.texts().join("\n")));
        Ok(())
    })
    .unwrap();
    let shown = |name: &str, words: &str| {
        let (_, texts) = screens.iter().find(|(n, _)| n == name).unwrap();
        assert!(texts.contains(words), "{name} does not show {words}: {texts}");
    };
    shown("01-unlock", "安全：上次录音 12 分 08 秒，缺 ≤ 2 秒");
    shown("02-today", "安全：上次录音 12 分 08 秒，缺 ≤ 2 秒");
    shown("03-task", "8,412");
    shown("05-search-none", "没有找到");
    shown("06-person", "甄*例");
    shown("06-person-shown", "甄示例");
    shown("07-visit", "¥4,427.49");
    shown("09-interview", "早上交完费就走了，八点多");
    shown("10-document", "（必填）");
    shown("11-document-page", "第 1 页，共 2 页");
    shown("13-print-done", "2 页 × 2 份");
    shown("14-seal", "各项齐全");
    shown("14-sealed", "EVID-01M7VBK5C0SAMP1E0000000002");
    shown("15-sync-waiting", "0%");
    shown("15-sync", "第 48,214 条，已验证");
    shown("03-task-sealed", "中心已收");
}

/// evidence.md: a visit of several days is several bundles; the next is begun where the last was sealed.
#[test]
fn a_sealed_visit_goes_on_with_a_part_of_its_own() {
    let face = on_site();
    face.tap("收尾").unwrap();
    face.tap("完整性与封存").unwrap();
    for (name, pin) in [("周演示", FIRST_PIN), ("吴样例", SECOND_PIN)] {
        face.tap(&format!("输入 PIN {name}")).unwrap();
        face.fill(&format!("PIN {name}"), pin).unwrap();
        face.tap("输好了").unwrap();
    }
    face.fill("没有做完的原因", "次日继续").unwrap();
    face.tap("封存").unwrap();
    face.tap("确认封存").unwrap();
    while face.tap("返回").is_ok() {}
    face.tap("示例市青禾医院").unwrap();
    assert!(face.shows("回传与回执"), "{:?}", face.texts());
    face.tap("再次到场").unwrap();
    assert!(face.shows("另开一份案卷"), "{:?}", face.texts());
    face.tap("先不").unwrap();
    face.tap("再次到场").unwrap();
    face.tap("继续检查").unwrap();
    assert!(face.shows("出示证件") && !face.shows("再次到场"), "{:?}", face.texts());
}

/// The filled key is what comes next, from the top of the page down; the seal is it when nothing is missing.
#[test]
fn the_overviews_key_is_what_comes_next() {
    let face = unlocked();
    face.tap("示例市青禾医院").unwrap();
    face.tap("核对数据包").unwrap();
    face.tap("开始检查").unwrap();
    face.tap("出示证件").unwrap();
    assert!(face.shows("1/2 已出示证件"), "{:?}", face.texts());
    face.tap("出示证件").unwrap();
    assert!(face.shows("2/2 已出示证件") && !face.shows("完整性与封存"), "{:?}", face.texts());
    face.tap("去宣读开场告知").unwrap();
    face.tap("录音").unwrap();
    face.tap("已宣读").unwrap();
    face.tap("概览").unwrap_or_else(|_| face.tap("返回").unwrap());
    face.tap("登记当事人").unwrap();
    face.fill("姓名或名称", "李样本").unwrap();
    face.tap("登记").unwrap();
    assert!(face.controls().iter().any(|c| c.label == "去取证"), "{:?}", face.texts());
    face.tap("去取证").unwrap();
    assert!(face.shows("取景拍照"), "{:?}", face.texts());
}

#[test]
fn lists_never_show_a_whole_name() {
    let face = on_site();
    face.tap("查找").unwrap();
    face.fill("查询", "例").unwrap();
    assert!(face.shows("甄*例"));
    assert!(!face.shows("甄示例"));
    face.tap("返回").unwrap();
    face.scroll(-400.0).unwrap();
    assert!(face.shows("李*本"), "{:?}", face.texts());
    assert!(!face.shows("李样本"));
}

#[test]
fn a_wrong_pin_is_a_card_with_four_parts_and_the_dots_are_gone() {
    let face = face();
    face.fill("PIN", "000000").unwrap();
    face.tap("解锁").unwrap();
    for words in ["安全", "数据都在，录音继续", "发生了", "怎么办", "代码", "VAULT-PIN-WRONG"]
    {
        assert!(face.shows(words), "{words}");
    }
    face.tap("知道了").unwrap();
    assert_eq!(face.value("PIN").unwrap(), "0");
    assert!(!face.shows("今天"));
}

#[test]
fn a_failing_act_leaves_no_busy_sign_behind() {
    let trouble = Trouble::new("SYNC-UNREACHABLE", "连不上中心", "都在本机", "换网络").retry();
    let desk = FakeDesk::failing_with(trouble);
    let face = Face::open(Box::new(desk), &options(ThemeMode::Light), SMALL).unwrap();
    face.fill("PIN", FIRST_PIN).unwrap();
    face.tap("解锁").unwrap();
    assert!(face.shows("连不上中心"));
    assert!(!face.shows("正在解锁"));
    face.tap("知道了，稍后再试").unwrap();
    face.fill("PIN", FIRST_PIN).unwrap();
    face.tap("解锁").unwrap();
    assert!(face.shows("今天"));
}

#[test]
fn the_lock_key_forgets_names_and_back_does_not_return() {
    let face = on_site();
    face.tap("查找").unwrap();
    face.fill("查询", "例").unwrap();
    face.key(slint::platform::Key::F4.into()).unwrap();
    assert!(face.shows("未解锁"));
    face.key(slint::platform::Key::Escape.into()).unwrap();
    assert!(face.shows("未解锁"));
    face.tap("吴样例").unwrap();
    face.fill("PIN", SECOND_PIN).unwrap();
    face.tap("解锁").unwrap();
    face.tap("进行中 示例市青禾医院").unwrap();
    face.tap("查找").unwrap();
    assert_eq!(face.value("查询").unwrap(), "");
    assert!(!face.shows("甄*例"));
}

#[test]
fn an_undone_field_is_as_it_was() {
    let face = on_site();
    face.tap("取证").unwrap();
    face.tap("现场检查笔录").unwrap();
    face.tap("检查地点").unwrap();
    face.fill("检查地点", "别处").unwrap();
    face.tap("填好").unwrap();
    assert!(face.shows("别处"));
    face.tap("撤销").unwrap();
    assert!(!face.shows("别处"));
    assert!(face.shows("示例市青禾医院内二科"));
    // After ten seconds there is no way back any more.
    face.tap("检查地点").unwrap();
    face.fill("检查地点", "别处").unwrap();
    face.tap("填好").unwrap();
    face.advance(Duration::from_secs(11)).unwrap();
    assert!(face.tap("撤销").is_err());
}

#[test]
fn an_incomplete_seal_needs_a_reason_and_two_pins() {
    let face = on_site();
    face.tap("撤离").unwrap();
    assert!(face.shows("周演示 没有出示证件"));
    assert!(face.tap("封存").is_err());
    for (name, pin) in [("周演示", FIRST_PIN), ("吴样例", SECOND_PIN)] {
        face.tap(&format!("输入 PIN {name}")).unwrap();
        face.fill(&format!("PIN {name}"), pin).unwrap();
        face.tap("输好了").unwrap();
    }
    assert!(face.tap("封存").is_err(), "no reason yet");
    face.fill("没有做完的原因", "对方要求中止").unwrap();
    face.tap("封存").unwrap();
    face.tap("确认封存").unwrap();
    assert!(face.shows("不完整，列出"));
}

#[test]
fn a_wrong_pin_at_the_seal_loses_nothing() {
    let face = on_site();
    face.tap("撤离").unwrap();
    face.fill("没有做完的原因", "对方要求中止").unwrap();
    for (name, pin) in [("周演示", FIRST_PIN), ("吴样例", "999999")] {
        face.tap(&format!("输入 PIN {name}")).unwrap();
        face.fill(&format!("PIN {name}"), pin).unwrap();
        face.tap("输好了").unwrap();
    }
    face.tap("封存").unwrap();
    face.tap("确认封存").unwrap();
    assert!(face.shows("有一位的 PIN 不对，没有封存"));
    face.tap("知道了").unwrap();
    assert_eq!(face.value("没有做完的原因").unwrap(), "对方要求中止");
    assert!(face.tap("封存").is_err(), "both type again");
}

#[test]
fn long_lists_come_page_by_page() {
    let face = on_site();
    face.tap("查找").unwrap();
    face.fill("查询", "测试").unwrap();
    assert!(face.shows("找到 100 人 以上"));
    face.tap("键 收起").unwrap();
    for _ in 0..60 {
        face.scroll(-400.0).unwrap();
    }
    assert!(face.texts().iter().any(|t| t == "测**4"), "{:?}", face.texts());
}

/// rules.md: lights carry words, weight is another thing, and no word on this screen accuses anybody.
#[test]
fn suspicions_say_what_they_are_sure_of_and_what_speaks_against_them() {
    let face = on_site();
    face.tap("线索").unwrap();
    for words in ["线索 3", "红·可直接核对", "黄·待核实", "绿·线索跟踪", "未计金额"]
    {
        assert!(face.shows(words), "{words}: {:?}", face.texts());
    }
    // The weightiest first, though it is not the surest.
    let texts = face.texts();
    let place = |words: &str| texts.iter().position(|t| t == words).unwrap();
    assert!(place("黄·待核实") < place("红·可直接核对"));
    face.tap("绿 1").unwrap();
    assert!(!face.shows("床位费天数多于住院天数"));
    face.tap("全部 3").unwrap();
    face.tap("从第 1 条看起").unwrap();
    let page = super::findings::whole_page(&face);
    for words in ["为什么可能不成立", "已排除", "现场看", "看什么就能定", "尚未显示基金损失"]
    {
        assert!(page.contains(words), "{words}: {page}");
    }
    for word in ["违规", "违法", "骗保"] {
        assert!(!face.shows(word), "{word}");
    }
    face.tap("返回").unwrap();
    face.tap("返回").unwrap();
    assert!(face.shows("3 条"), "the task knows how many");
}
