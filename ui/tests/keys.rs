//! What the keys give: signs of both languages, capitals, digits, ends of lines, phrases; and how large they are.

use i_slint_backend_testing::{AccessibleRole, ElementQuery};

use super::way::{on_site, unlocked};
use crate::options::ThemeMode;
use crate::testkit::face::{Control, Face};
use crate::testkit::fake_desk::{FIRST_PIN, FakeDesk};
use crate::testkit::gallery::{LARGE, SMALL, options};

fn press(face: &Face, keys: &[&str]) {
    for key in keys {
        face.touch(&format!("键 {key}")).unwrap();
    }
}

fn answering() -> Face {
    let face = on_site();
    face.tap("取证").unwrap();
    face.tap("询问").unwrap();
    face.tap("答").unwrap();
    face
}

fn has(face: &Face, label: &str) -> bool {
    face.controls().iter().any(|c| c.label == label)
}

/// 0.5 mg and ¥12.80 are written on site every day, in a Chinese sentence with its own signs.
#[test]
fn a_dose_and_an_amount_can_be_written_within_chinese() {
    let face = answering();
    press(
        &face,
        &[
            "123", "0", ".", "5", "，", "：", "、", "；", "？", "！", "（", "）", "“", "”", "《",
            "》", "。",
        ],
    );
    assert_eq!(face.value("答").unwrap(), "0.5，：、；？！（）“”《》。");
    press(&face, &["符号", "【", "℃", "123", "1", "abc", "z", "a", "i", "空格"]);
    assert_eq!(face.value("答").unwrap(), "0.5，：、；？！（）“”《》。【℃1在");
}

#[test]
fn latin_letters_come_with_latin_signs() {
    let face = answering();
    face.tap("英文").unwrap();
    assert!(!has(&face, "键 。") && !has(&face, "键 ，"));
    press(
        &face,
        &["c", "t", ".", ",", "123", "1", "2", ".", "8", "0", "(", ")", "?", "符号", "[", "]"],
    );
    assert_eq!(face.value("答").unwrap(), "ct.,12.80()?[]");
}

/// An answer of several lines; a composition is ended by the same key as its letters stand.
#[test]
fn a_field_of_several_lines_has_a_key_that_ends_one() {
    let face = answering();
    face.tap("英文").unwrap();
    press(&face, &["a", "换行", "b"]);
    assert_eq!(face.value("答").unwrap(), "a\nb");
    face.tap("拼音").unwrap();
    press(&face, &["h", "u", "换行"]);
    assert_eq!(face.value("答").unwrap(), "a\nbhu");
    face.tap("问").unwrap();
    assert!(!has(&face, "键 换行"), "one line has no second");
}

#[test]
fn a_capital_is_one_capital_and_signs_do_not_stick_to_a_change_of_mode() {
    let face = answering();
    face.tap("英文").unwrap();
    press(&face, &["大写", "M", "r", "大写", "大写", "M", "R", "大写", "i"]);
    assert_eq!(face.value("答").unwrap(), "MrMRi");
    press(&face, &["123"]);
    face.tap("数字").unwrap();
    assert!(has(&face, "键 X"), "the pad of numbers");
    face.tap("英文").unwrap();
    assert!(has(&face, "键 q"), "letters first");
    press(&face, &["123", "abc"]);
    assert!(has(&face, "键 q"));
}

/// Dates, telephones, identity numbers with their X: the pad comes up by itself and leaves with the field.
#[test]
fn fields_of_digits_bring_their_pad() {
    let face = on_site();
    face.tap("取证").unwrap();
    face.tap("现场检查笔录").unwrap();
    face.tap("现场负责人证件号码").unwrap();
    press(&face, &["1", "1", "0", "X", "."]);
    assert_eq!(face.value("现场负责人证件号码").unwrap(), "110X.");
    face.tap("下一项").unwrap();
    assert!(has(&face, "键 q") && !has(&face, "键 X"), "the next field takes words");
    face.tap("上一项").unwrap();
    assert!(has(&face, "键 X"));
    press(&face, &["字母"]);
    assert!(has(&face, "键 q"), "letters are one tap away");
    face.tap("返回").unwrap();
    face.tap("返回").unwrap();
    face.tap("概览").unwrap();
    face.tap("机构指标").unwrap();
    face.tap("换一段时间").unwrap();
    face.tap("自定期间").unwrap();
    face.tap("从").unwrap();
    assert!(has(&face, "键 -") && has(&face, "键 X"));
}

/// inspection.md: posts and places may be chosen, answers never.
#[test]
fn phrases_belong_to_their_field_and_none_to_an_answer() {
    let face = unlocked();
    face.tap("示例市青禾医院").unwrap();
    face.tap("核对数据包").unwrap();
    face.tap("开始检查").unwrap();
    face.tap("登记当事人").unwrap();
    face.tap("姓名或名称").unwrap();
    assert!(face.controls().iter().all(|c| !c.label.starts_with("短语 ")));
    face.tap("职务或与患者的关系").unwrap();
    face.tap("短语 护士长").unwrap();
    assert_eq!(face.value("职务或与患者的关系").unwrap(), "护士长");
    press(&face, &["h"]);
    assert!(!has(&face, "短语 护士长") && has(&face, "候选 和"), "what is open comes first");
    press(&face, &["退格"]);
    assert!(has(&face, "短语 护士长"));
    face.tap("换输入方式").unwrap();
    face.tap("英文").unwrap();
    assert!(has(&face, "短语 护士长"), "in every mode");
    drop(face);
    let face = answering();
    assert!(face.controls().iter().all(|c| !c.label.starts_with("短语 ")), "{:?}", face.controls());
    face.tap("问").unwrap();
    assert!(face.controls().iter().all(|c| !c.label.starts_with("短语 ")));
}

/// A drawing that the engine does not know: on to the strokes without taking anything back first.
#[test]
fn another_way_of_entering_is_one_key_away_while_something_is_open() {
    let face = answering();
    face.tap("手写").unwrap();
    face.draw("手写板", &[&[(0.3, 0.2), (0.7, 0.2)]]).unwrap();
    assert!(has(&face, "候选 龘") && !has(&face, "笔画"));
    face.tap("换输入方式").unwrap();
    assert!(has(&face, "手写"));
    face.tap("换输入方式").unwrap();
    assert!(has(&face, "候选 龘"), "looking at the others loses nothing");
    face.tap("换输入方式").unwrap();
    face.tap("笔画").unwrap();
    assert!(has(&face, "键 横") && !has(&face, "候选 龘"));
    assert_eq!(face.value("答").unwrap(), "");
}

fn at(size: (u32, u32)) -> Face {
    let face = Face::open(Box::new(FakeDesk::new()), &options(ThemeMode::Light), size).unwrap();
    face.fill("PIN", FIRST_PIN).unwrap();
    face.tap("解锁").unwrap();
    face.tap("示例市青禾医院").unwrap();
    face.tap("核对数据包").unwrap();
    face.tap("开始检查").unwrap();
    face.tap("登记当事人").unwrap();
    face.tap("姓名或名称").unwrap();
    face
}

fn keys(face: &Face, of: &[&str]) -> Vec<Control> {
    let all = face.controls();
    let find = |key: &&str| all.iter().find(|c| c.label == format!("键 {key}")).cloned().unwrap();
    of.iter().map(find).collect()
}

/// Nine millimetres are 66.1 px at 800 × 480 on five inches and 86.7 px at 720 × 1280 on six.
#[test]
fn keys_are_nine_millimetres_where_the_screen_has_the_room() {
    let wide = at((800, 480));
    for key in
        keys(&wide, &["q", "p", "a", "l", "z", "m", "123", "空格", "大写", "退格", "，", "。"])
    {
        assert!(key.size.0 >= 67 && key.size.1 >= 67, "{key:?}");
    }
    assert!(has(&wide, "姓名或名称") && !has(&wide, "登记"), "the bottom bar has given its room");
    press(&wide, &["h", "u"]);
    wide.tap("候选 湖").unwrap();
    press(&wide, &["收起"]);
    assert!(has(&wide, "登记"), "and has it back");
    assert_eq!(wide.value("姓名或名称").unwrap(), "湖");

    drop(wide);

    let large = at(LARGE);
    for key in keys(&large, &["q", "p", "a", "l", "z", "m"]) {
        assert!(key.size.0 >= 67 && key.size.1 >= 87, "{key:?}");
    }
    drop(large);
    let small = at(SMALL);
    for key in keys(&small, &["q", "p", "a", "l", "z", "m"]) {
        assert!(key.size.0 >= 43 && key.size.1 >= 54, "{key:?}");
    }
}

/// Whether the field is seen whole: above the keys, below the bars, under no sentence.
fn seen(face: &Face, label: &str) {
    let all = ElementQuery::from_root(face.window()).find_all();
    let of = |kind: &str| {
        let found = ElementQuery::from_root(face.window()).match_inherits(kind).find_all();
        found.into_iter().map(|e| (e.absolute_position().y, e.size().height)).next()
    };
    let field = all.iter().find(|e| {
        e.accessible_label().is_some_and(|l| l == label)
            && e.accessible_role() == Some(AccessibleRole::TextInput)
    });
    let field = field.unwrap();
    let (top, height) = (field.absolute_position().y, field.size().height);
    let (keys, _) = of("Keyboard").expect("the keyboard is there");
    assert!(height >= 48.0 && top + height <= keys + 0.5, "{label}: {top} + {height}, keys {keys}");
    for kind in ["Header", "RecordingBar"] {
        if let Some((at, high)) = of(kind) {
            assert!(top + 0.5 >= at + high, "{label} at {top} is behind {kind} to {}", at + high);
        }
    }
    if let Some((at, high)) = of("Toast") {
        assert!(
            at + high <= top + 0.5 || at >= top + height - 0.5,
            "{label} at {top}, told at {at}"
        );
    }
}

/// ui.md: a field is visible while it is typed into, on a standing and on a lying screen, with large text too.
#[test]
fn what_is_typed_into_is_seen() {
    for size in [SMALL, (800, 480)] {
        let face = at(size);
        seen(&face, "姓名或名称");
        face.tap("职务或与患者的关系").unwrap();
        seen(&face, "职务或与患者的关系");
        face.tap("键 收起").unwrap();
        face.fill("姓名或名称", "李样本").unwrap();
        face.tap("登记").unwrap();
        face.tap("录音").unwrap();
        face.tap("已宣读").unwrap();
        face.tap("取证").unwrap();
        face.tap("询问").unwrap();
        face.tap("问").unwrap();
        seen(&face, "问");
        press(&face, &["答"]);
        seen(&face, "答");
        press(&face, &["h", "u"]);
        face.tap("候选 湖").unwrap();
        assert_eq!(face.value("答").unwrap(), "湖", "the key led to the answer");
        press(&face, &["收起"]);
        face.fill("问", "您住几床？").unwrap();
        face.tap("记下").unwrap();
        face.tap("答").unwrap();
        seen(&face, "答");
    }
}
