//! Signing with a finger.

use slint::ComponentHandle;
use spotcheck_face::Signing;

use super::way::on_site;
use crate::options::ThemeMode;
use crate::testkit::face::Face;
use crate::testkit::fake_desk::{FIRST_PIN, FakeDesk};
use crate::testkit::gallery::options;

const NAME: [&[(f32, f32)]; 2] = [&[(0.2, 0.3), (0.4, 0.3), (0.4, 0.6)], &[(0.6, 0.2), (0.6, 0.7)]];

fn at_the_signatures(face: &Face) {
    face.tap("取证").unwrap();
    face.tap("现场检查笔录").unwrap();
    face.tap("现场检查情况").unwrap();
    face.fill("现场检查情况", "核对 24 张床").unwrap();
    if face.controls().iter().any(|c| c.label == "键 收起") {
        face.tap("键 收起").unwrap();
    }
    face.tap("填好").unwrap();
    face.tap("定稿").unwrap();
    face.tap("确认定稿").unwrap();
    face.tap("去签字").unwrap();
}

fn strokes(face: &Face) -> String {
    face.window().global::<Signing<'_>>().get_strokes().to_string()
}

#[test]
fn a_stroke_can_be_taken_back_and_the_pad_is_half_of_the_page() {
    let face = on_site();
    at_the_signatures(&face);
    face.tap("请签字").unwrap();
    assert!(face.shows("李样本 · 当事人"), "{:?}", face.texts());
    assert!(face.tap("签好").is_err() && face.tap("撤一笔").is_err(), "nothing is drawn yet");
    face.draw("签字板", &NAME).unwrap();
    let both = strokes(&face);
    assert_eq!(both.matches('M').count(), 2, "{both}");
    assert!(both.contains('Q'), "the picture is smooth: {both}");
    face.tap("撤一笔").unwrap();
    assert_eq!(strokes(&face).matches('M').count(), 1);
    assert!(both.starts_with(&strokes(&face)), "the first stroke is as it was");
    face.tap("重写").unwrap();
    assert_eq!(strokes(&face), "");
    face.draw("签字板", &NAME).unwrap();
    face.tap("签好").unwrap();
    assert!(face.shows("李样本 已签") && face.shows("请签"));
    // Back from the pad is the list, not the overview, and what was not signed is gone.
    face.tap("请签字").unwrap();
    face.draw("签字板", &NAME).unwrap();
    face.tap("返回").unwrap();
    assert!(face.tap("签字人 周演示").is_ok());
    assert_eq!(strokes(&face), "");
}

/// ui.md: a name needs room. The page is the window without the status line.
#[test]
fn the_pad_takes_half_of_the_page_upright_and_lying_also_while_recording() {
    for (size, large) in
        [((480, 800), false), ((480, 800), true), ((720, 1280), false), ((800, 480), false)]
    {
        let desk = if large { FakeDesk::new().with_large_text() } else { FakeDesk::new() };
        let face = Face::open(Box::new(desk), &options(ThemeMode::Light), size).unwrap();
        face.fill("PIN", FIRST_PIN).unwrap();
        face.tap("解锁").unwrap();
        face.tap("示例市青禾医院").unwrap();
        face.tap("核对数据包").unwrap();
        face.tap("开始检查").unwrap();
        face.tap("录音").unwrap();
        face.tap("已宣读").unwrap();
        at_the_signatures(&face);
        face.tap("请签字").unwrap();
        let (_, height) = face.size_of("签字板").unwrap();
        let page = f64::from(size.1) - 28.0 * if large { 1.3 } else { 1.0 };
        assert!(f64::from(height) >= page / 2.0, "{height} of {page} at {size:?}");
    }
}

/// What is kept has one scale for both ways: a square that is drawn stays a square on paper.
#[test]
fn a_square_stays_a_square_whatever_shape_the_pad_has() {
    let face = on_site();
    at_the_signatures(&face);
    face.tap("请签字").unwrap();
    let (width, height) = face.size_of("签字板").unwrap();
    let pixels = |n: u32| f32::from(u16::try_from(n).unwrap());
    let (width, height, side) = (pixels(width), pixels(height), 100.0);
    let at = |dx: f32, dy: f32| (0.5 + dx / width, 0.5 + dy / height);
    face.draw("签字板", &[&[at(0.0, 0.0), at(side, 0.0)], &[at(0.0, 0.0), at(0.0, side)]]).unwrap();
    let path = strokes(&face);
    let numbers: Vec<f32> = path.split_whitespace().filter_map(|w| w.parse().ok()).collect();
    let [x, _, right, _, _, y, _, down] = numbers[..] else { panic!("{path}") };
    assert!((right - x - (down - y)).abs() <= 2.0, "{path}");
}

/// R17: the screen goes dark in the middle of a name. After the unlock the strokes are there, for this signer and these
/// words alone, and the name is finished and signed as one.
#[test]
fn r17_what_was_drawn_and_not_confirmed_is_there_after_the_lock() {
    let face = on_site();
    at_the_signatures(&face);
    face.tap("请签字").unwrap();
    face.draw("签字板", &NAME[..1]).unwrap();
    let before = strokes(&face);
    assert_eq!(before.matches('M').count(), 1);
    face.touch("锁屏").unwrap();
    assert_eq!(strokes(&face), "", "nothing of it is on the locked screen");
    face.fill("PIN", FIRST_PIN).unwrap();
    face.tap("解锁").unwrap();
    face.tap("签字").unwrap();
    face.tap("签字人 周演示").unwrap();
    assert_eq!(strokes(&face), "", "another signer's pad is empty");
    face.tap("返回").unwrap();
    face.tap("签字人 李样本").unwrap();
    assert_eq!(strokes(&face), before);
    assert!(face.shows("锁屏前写的笔迹还在"), "{:?}", face.texts());
    face.draw("签字板", &NAME[1..]).unwrap();
    assert_eq!(strokes(&face).matches('M').count(), 2);
    face.tap("签好").unwrap();
    assert!(face.shows("李样本 已签"));
}
