//! 示证 and the cover are for the party's eyes: nothing that is between the officer and the device stands on them.

use slint::platform::Key;

use super::way::on_site;
use crate::options::ThemeMode;
use crate::testkit::face::Face;
use crate::testkit::fake_desk::{FIRST_PIN, FakeDesk};
use crate::testkit::gallery::{SMALL, options};

/// Everything on the screen, words and labels.
fn all(face: &Face) -> String {
    let mut words = face.texts();
    words.extend(face.controls().into_iter().map(|c| c.label));
    words.join("\n")
}

/// What an officer has just marked is no business of the party; the way back stays where it was.
#[test]
fn the_way_back_from_a_mark_is_not_shown_to_the_party() {
    let face = on_site();
    face.tap("线索").unwrap();
    face.tap("红 1").unwrap();
    face.tap("红·可直接核对 床位费天数多于住院天数 床位费 11 天 − 住院 9 天 = 多 2 天").unwrap();
    face.scroll(2_000.0).unwrap();
    face.tap("事实属实").unwrap();
    assert!(all(&face).contains("已记：事实属实"), "{}", all(&face));
    face.tap("示证").unwrap();
    for ours in ["已记", "撤销"] {
        assert!(!all(&face).contains(ours), "{ours}: {}", all(&face));
    }
    face.key(Key::F3.into()).unwrap();
    assert!(face.shows("请核对的事实"), "{:?}", face.texts());
    face.tap("退出").unwrap();
    face.tap("撤销").unwrap();
    assert!(face.shows("已撤销"), "{:?}", face.texts());
}

/// Checking and sending go on; how far they are is told on the officer's screens only.
#[test]
fn an_errand_on_its_way_is_not_shown_to_the_party() {
    let (desk, word) = FakeDesk::with_waiting_bundle().with_slow_road();
    let face = Face::open(Box::new(desk), &options(ThemeMode::Light), SMALL).unwrap();
    face.fill("PIN", FIRST_PIN).unwrap();
    face.tap("解锁").unwrap();
    face.tap("示例市青禾医院").unwrap();
    face.tap("核对数据包").unwrap();
    face.tap("返回").unwrap();
    face.tap("回传").unwrap();
    face.wait_for_errands(false);
    face.tap("回传").unwrap();
    face.until("600 MB / 1.2 GB").unwrap();
    let ours = ["正在回传", "停下", "600 MB"];
    let told = |face: &Face| ours.iter().any(|w| all(face).contains(w));
    assert!(told(&face));
    face.key(Key::F3.into()).unwrap();
    assert!(!told(&face), "on the cover: {}", all(&face));
    face.key(Key::F3.into()).unwrap();
    assert!(told(&face), "{}", all(&face));
    face.tap("返回").unwrap();
    face.tap("示例市青禾医院").unwrap();
    face.tap("查找").unwrap();
    face.fill("查询", "6620").unwrap();
    face.tap("甄*例 男 · 1959 年生 · 职工医保 · 06 床 · 证件 ****6620").unwrap();
    assert!(told(&face), "{}", all(&face));
    face.tap("示证").unwrap();
    assert!(!told(&face), "{}", all(&face));
    face.tap("退出").unwrap();
    assert!(told(&face), "it is still on its way: {}", all(&face));
    drop(word);
    face.wait_for_errands(true);
    face.settle().unwrap();
}

/// Whoever looks at the lines that the rules noticed shows the party all lines, without a word of the rules.
#[test]
fn a_visit_is_shown_whole_when_the_officer_looks_at_what_was_noticed() {
    let face = on_site();
    face.tap("查找").unwrap();
    face.fill("查询", "6620").unwrap();
    face.tap("甄*例 男 · 1959 年生 · 职工医保 · 06 床 · 证件 ****6620").unwrap();
    face.tap("11-09 → 11-18 住院 同日同项 1 天 · 脑梗死 · 内二科 · 186 行，有线索").unwrap();
    face.tap("收起费用构成").unwrap();
    face.tap("全部").unwrap();
    let whole = heads(&face);
    face.tap("有线索").unwrap();
    let noticed = heads(&face);
    let hidden = whole.iter().find(|day| !noticed.contains(day)).unwrap();
    face.tap("示证").unwrap();
    for ours in ["线索", "只列", "红", "黄"] {
        assert!(!all(&face).contains(ours), "{ours}: {}", all(&face));
    }
    let there =
        |face: &Face| face.texts().iter().any(|t| t.contains(" 行") && hidden.contains(t.as_str()));
    for _ in 0..40 {
        if there(&face) {
            break;
        }
        face.scroll(-300.0).unwrap();
    }
    assert!(there(&face), "{hidden}, a day without a mark, is there: {}", all(&face));
    // What is narrowed by what was billed stays so, and says so.
    face.tap("退出").unwrap();
    face.tap("治疗费").unwrap();
    face.tap("示证").unwrap();
    assert!(face.shows("只列治疗费"), "{}", all(&face));
}

/// Heads of days that can be folded.
fn heads(face: &Face) -> Vec<String> {
    let labels = face.controls().into_iter().map(|c| c.label);
    labels.filter(|l| l.contains(" 行") && l.contains('周')).collect()
}
