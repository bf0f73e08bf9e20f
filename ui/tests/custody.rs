//! Custody from the window: the time of an unset clock, another PIN, handing a case on.

use super::places::unlock;
use super::way::on_site_with;
use crate::options::ThemeMode;
use crate::testkit::face::Face;
use crate::testkit::fake_desk::{FIRST_PIN, FakeDesk, SECOND_PIN, TOKEN_PIN};
use crate::testkit::gallery::{SIGNATURE, SMALL, options};

fn at_the_device(desk: FakeDesk) -> Face {
    let face = on_site_with(desk);
    face.tap("返回").unwrap();
    face.tap("设备").unwrap();
    face
}

/// After a flat battery: signatures wait, and two officers end the wait in the window, without a command.
#[test]
fn two_officers_enter_the_time_and_then_papers_are_signed() {
    let face = on_site_with(FakeDesk::new().with_unset_clock());
    face.tap("取证").unwrap();
    face.tap("现场检查笔录").unwrap();
    face.tap("现场检查情况").unwrap();
    face.fill("现场检查情况", "核对 24 张床").unwrap();
    face.tap("填好").unwrap();
    face.tap("定稿").unwrap();
    face.tap("确认定稿").unwrap();
    face.tap("去签字").unwrap();
    face.tap("请签字").unwrap();
    face.draw("签字板", &SIGNATURE).unwrap();
    face.tap("签好").unwrap();
    assert!(face.shows("CLOCK-NOT-SET") && face.shows("在“设备”里"), "{:?}", face.texts());
    face.tap("知道了").unwrap();

    for _ in 0..4 {
        face.tap("返回").unwrap();
    }
    face.tap("设备").unwrap();
    face.tap("登记当前时间").unwrap();
    assert!(face.shows("先由两名检查员各输各的 PIN"), "{:?}", face.texts());
    face.fill("现在的日期和时间", "手机显示 9 点 48 分").unwrap();
    for (officer, pin) in [("周演示", FIRST_PIN), ("吴样例", SECOND_PIN)] {
        face.tap(&format!("输入 PIN {officer}")).unwrap();
        face.fill(&format!("PIN {officer}"), pin).unwrap();
        face.tap("输好了").unwrap();
    }
    face.tap("登记").unwrap();
    assert!(face.shows("已登记当前时间，本次开机内可以签字"), "{:?}", face.texts());
    assert!(face.shows("时钟已设置，不用登记"), "{:?}", face.texts());
}

/// One wrong PIN enters nothing, and the words stay.
#[test]
fn a_wrong_pin_enters_no_time() {
    let face = at_the_device(FakeDesk::new().with_unset_clock());
    face.tap("登记当前时间").unwrap();
    face.fill("现在的日期和时间", "手机显示 9 点 48 分").unwrap();
    for officer in ["周演示", "吴样例"] {
        face.tap(&format!("输入 PIN {officer}")).unwrap();
        face.fill(&format!("PIN {officer}"), FIRST_PIN).unwrap();
        face.tap("输好了").unwrap();
    }
    face.tap("登记").unwrap();
    assert!(face.shows("VAULT-PIN-WRONG"), "{:?}", face.texts());
    face.tap("知道了").unwrap();
    assert_eq!(face.value("现在的日期和时间").unwrap(), "手机显示 9 点 48 分");
}

#[test]
fn another_pin_opens_at_the_next_unlock() {
    let face = Face::open(Box::new(FakeDesk::new()), &options(ThemeMode::Light), SMALL).unwrap();
    unlock(&face, FIRST_PIN);
    face.tap("设备").unwrap();
    face.scroll(-600.0).unwrap();
    assert!(face.shows("先进入要移交的任务"), "{:?}", face.texts());
    face.tap("更改 PIN").unwrap();
    for (which, pin) in [("现在的", FIRST_PIN), ("新的", "864209"), ("新的，再输一次", "864200")]
    {
        face.fill(&format!("PIN {which}"), pin).unwrap();
        face.tap("输好了").unwrap();
    }
    assert!(face.shows("两次输入的新 PIN 不同"), "{:?}", face.texts());
    for (which, pin) in [("现在的", FIRST_PIN), ("新的", "864209"), ("新的，再输一次", "864209")]
    {
        face.fill(&format!("PIN {which}"), pin).unwrap();
        face.tap("输好了").unwrap();
    }
    assert!(face.shows("PIN 已更改，下次解锁用新的"), "{:?}", face.texts());
    face.key(slint::platform::Key::F4.into()).unwrap();
    unlock(&face, "864209");
    assert!(face.shows("任务") || face.shows("设备"), "{:?}", face.texts());
}

/// The next shift goes on: chosen among those of the task, with what is still open.
#[test]
fn a_case_is_handed_to_the_other_officer_of_the_task() {
    let face = at_the_device(FakeDesk::new());
    face.tap("移交案卷").unwrap();
    assert!(face.shows("先选接手的人"), "{:?}", face.texts());
    assert!(face.value("未了事项，一行一件").unwrap().contains("没有出示证件"));
    face.fill("移交原因", "换班").unwrap();
    face.tap("吴样例").unwrap();
    face.tap("移交").unwrap();
    assert!(face.shows("已移交 吴样例"), "{:?}", face.texts());
}

/// Types the own PIN and then the token's into the lock screen.
fn unlock_with(face: &Face, pin: &str, token: &str) {
    assert!(!face.shows("密钥设备"), "first the own PIN: {:?}", face.texts());
    face.fill("PIN", pin).unwrap();
    face.tap("下一步").unwrap();
    assert!(face.shows("插好密钥设备(UKey)，输入它的 PIN"), "{:?}", face.texts());
    face.fill("PIN", token).unwrap();
    face.tap("解锁").unwrap();
}

/// An officer whose keys take a token is asked for its PIN wherever the own one is asked for, and nobody else is.
#[test]
fn whoever_has_a_token_unlocks_seals_and_changes_the_pin_with_it() {
    let desk = FakeDesk::new().with_token();
    let face = Face::open(Box::new(desk), &options(ThemeMode::Light), SMALL).unwrap();
    face.tap("周演示").unwrap();
    unlock_with(&face, FIRST_PIN, "wrong");
    assert!(face.shows("VAULT-PIN-WRONG"), "{:?}", face.texts());
    face.tap("知道了").unwrap();
    face.tap("吴样例").unwrap();
    face.fill("PIN", SECOND_PIN).unwrap();
    face.tap("解锁").unwrap();
    assert!(face.shows("任务"), "the other one has no token: {:?}", face.texts());
    face.key(slint::platform::Key::F4.into()).unwrap();
    face.tap("周演示").unwrap();
    unlock_with(&face, FIRST_PIN, TOKEN_PIN);

    face.tap("设备").unwrap();
    face.scroll(-600.0).unwrap();
    face.tap("更改 PIN").unwrap();
    let steps = [
        ("现在的", FIRST_PIN),
        ("密钥设备(UKey)的", TOKEN_PIN),
        ("新的", "864209"),
        ("新的，再输一次", "864209"),
    ];
    for (which, pin) in steps {
        face.fill(&format!("PIN {which}"), pin).unwrap();
        face.tap("输好了").unwrap();
    }
    assert!(face.shows("PIN 已更改，下次解锁用新的"), "{:?}", face.texts());
    face.key(slint::platform::Key::F4.into()).unwrap();
    face.tap("周演示").unwrap();
    unlock_with(&face, "864209", TOKEN_PIN);
    assert!(face.shows("更改 PIN"), "{:?}", face.texts());
}

#[test]
fn at_the_seal_the_officer_with_a_token_types_two_pins_and_the_other_one() {
    let face =
        Face::open(Box::new(FakeDesk::new().with_token()), &options(ThemeMode::Light), SMALL)
            .unwrap();
    face.tap("周演示").unwrap();
    unlock_with(&face, FIRST_PIN, TOKEN_PIN);
    super::way::into_the_case(&face);
    face.tap("收尾").unwrap();
    face.tap("完整性与封存").unwrap();
    face.fill("没有做完的原因", "被检查单位停电").unwrap();
    face.tap("输入 PIN 周演示").unwrap();
    face.fill("PIN 周演示", FIRST_PIN).unwrap();
    face.tap("输好了").unwrap();
    assert!(face.shows("请 周演示 插好密钥设备(UKey)，输入它的 PIN"), "{:?}", face.texts());
    face.fill("PIN 周演示", TOKEN_PIN).unwrap();
    face.tap("输好了").unwrap();
    face.tap("输入 PIN 吴样例").unwrap();
    face.fill("PIN 吴样例", SECOND_PIN).unwrap();
    face.tap("输好了").unwrap();
    face.tap("封存").unwrap();
    face.tap("确认封存").unwrap();
    assert!(face.shows("已封存"), "{:?}", face.texts());
}
