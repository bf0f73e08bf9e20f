//! The self-check: every device tried on request, told in words with what to do.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use slint::{ComponentHandle, ModelRc, VecModel};
use spotcheck_app::errand::{Errand, Home};
use spotcheck_app::ports::PlaceState;
use spotcheck_app::self_check::{Check, Health, Part, Seen};
use spotcheck_domain::rfc3339;
use spotcheck_face::{Device, SelfCheck, SelfCheckItem};

use crate::app::{App, Place};
use crate::frame::errand;
use crate::frame::trouble::card;
use crate::language::{say, word};
use crate::words;

#[derive(Default)]
pub(crate) struct Model {
    checks: RefCell<Vec<Check>>,
    running: Cell<bool>,
    /// Wall clock of the last one, milliseconds.
    at_ms: Cell<i64>,
}

pub(crate) fn connect(app: &Rc<App>) {
    app.window.global::<Device<'_>>().on_self_check(app.on(|app| app.go(Place::SelfCheck)));
    app.window.global::<SelfCheck<'_>>().on_run(app.on(run));
}

/// Locked: names of what was plugged in are gone.
pub(crate) fn forget(app: &Rc<App>) {
    app.self_check.checks.borrow_mut().clear();
    draw(app);
}

pub(crate) fn enter(app: &Rc<App>) {
    draw(app);
}

/// Beside the desk: a recording can begin at any moment of it.
fn run(app: &Rc<App>) {
    if app.self_check.running.get() {
        return;
    }
    app.self_check.running.set(true);
    draw(app);
    let words = say!("正在自检：听 3 秒、拍一张、响一声").to_owned();
    errand::run_in_turn(app, vec![(Errand::SelfCheck, words)], |app, home| {
        app.self_check.running.set(false);
        match home {
            Ok(Some(Home::SelfChecked(checks))) => {
                app.self_check.at_ms.set(app.clock.read().wall_ms);
                *app.self_check.checks.borrow_mut() = checks;
            }
            Ok(_) => {}
            Err(trouble) => errand::show_trouble(app, &trouble),
        }
        draw(app);
    });
}

fn draw(app: &Rc<App>) {
    let face = app.window.global::<SelfCheck<'_>>();
    let checks = app.self_check.checks.borrow().clone();
    face.set_running(app.self_check.running.get());
    face.set_note(
        if checks.is_empty() {
            say!("还没有自检").to_owned()
        } else {
            let time = words::time_of_day(&rfc3339(app.self_check.at_ms.get()));
            let wrong = checks.iter().filter(|c| c.health == Health::Bad).count();
            let care = checks.iter().filter(|c| c.health == Health::Care || missed(c)).count();
            match (wrong, care) {
                (0, 0) => say!("{} 自检，都可用", time),
                (wrong, care) => say!("{} 自检，不可用 {}，要看一下 {}", time, wrong, care),
            }
        }
        .into(),
    );
    face.set_checks(ModelRc::new(VecModel::from_iter(checks.iter().map(item))));
}

fn name(part: Part) -> &'static str {
    match part {
        Part::Microphone => say!("麦克风"),
        Part::Camera => say!("摄像头"),
        Part::Speaker => say!("扬声器"),
        Part::Printer => say!("打印机"),
        Part::Scanner => say!("扫码枪、外接键盘"),
        Part::Position => say!("定位"),
        Part::Stick => say!("U盘"),
        Part::Clock => say!("时钟"),
        Part::Battery => say!("电池"),
        Part::Space => say!("可用空间"),
        Part::Chip => say!("密钥芯片"),
        Part::Media => say!("未回传的内容"),
    }
}

/// What a visit is recorded with is not there.
fn missed(check: &Check) -> bool {
    check.health == Health::Absent && matches!(check.part, Part::Microphone | Part::Camera)
}

/// How it is, and the word for it.
fn state(check: &Check) -> (i32, &'static str) {
    match check.health {
        // Neither sound nor picture: nobody should set out without having read that.
        Health::Absent if missed(check) => (1, say!("没有")),
        Health::Good => (2, say!("可用")),
        Health::Care => (1, say!("看一下")),
        Health::Bad => (0, say!("不可用")),
        Health::Absent => (-1, say!("没有")),
    }
}

pub(crate) fn item(check: &Check) -> SelfCheckItem {
    let (state_of, state) = state(check);
    SelfCheckItem {
        name: name(check.part).into(),
        state_of,
        state: state.into(),
        found: found(check).into(),
        advice: advice(check).into(),
    }
}

/// What was found, in words.
fn found(check: &Check) -> String {
    match &check.seen {
        Seen::Sound(level) => say!("听了 3 秒，最大音量 {} / 100", level),
        Seen::Picture(light) => say!("拍了一张，平均亮度 {} / 100，没有保存", light),
        Seen::Played => say!("响了一声，听到了就是好的").to_owned(),
        Seen::Hushed => say!("正在录音，没有试响").to_owned(),
        Seen::Printers { first, ready, all } => say!("{}；可用 {} / {} 台", first, ready, all),
        Seen::Typing(names) if names.is_empty() => say!("没有插着扫码枪或键盘").to_owned(),
        Seen::Typing(names) => names.join(say!("、")),
        Seen::Position(PlaceState::None) => say!("本机没有接收器").to_owned(),
        Seen::Position(PlaceState::Away) => say!("定位服务没有应答").to_owned(),
        Seen::Position(PlaceState::Searching) => say!("正在定位").to_owned(),
        Seen::Position(PlaceState::Fixed(_)) => say!("已定位").to_owned(),
        Seen::Sticks(count) => say!("插着 {} 个", count),
        Seen::Clock { set: false, .. } => say!("早于出厂或中心签过的时间，请对时").to_owned(),
        Seen::Clock { off_s: Some(off), .. } => say!("与卫星时间相差 {} 秒", off),
        Seen::Clock { .. } => say!("已设置").to_owned(),
        Seen::Budget(budget) => match budget.battery_percent {
            None => say!("本机没有电池").to_owned(),
            Some(percent) if budget.charging => say!("{}% · 外接电源", percent),
            Some(percent) => format!("{percent}%"),
        },
        Seen::Space { free, audio_minutes } => {
            say!("{}，还可录音 {}", words::bytes(*free), words::lasting(*audio_minutes))
        }
        Seen::Chip(kind) => word(kind.zh()).to_owned(),
        Seen::Media { good: 0, damaged } if damaged.is_empty() => say!("没有").to_owned(),
        Seen::Media { good, damaged } if damaged.is_empty() => {
            say!("{} 个加密文件逐个核对，都完好", good)
        }
        Seen::Media { damaged, .. } => {
            say!("{} 个加密文件已损坏，没有完好的副本", damaged.len())
        }
        Seen::Nothing => match check.part {
            Part::Printer => say!("没有配置打印机").to_owned(),
            Part::Stick => say!("没有插U盘").to_owned(),
            Part::Chip => say!("本机还没有登记").to_owned(),
            _ => say!("没有找到").to_owned(),
        },
        Seen::Trouble(trouble) => {
            let card = card(trouble);
            say!("{}（{}）", card.happened, card.code)
        }
    }
}

/// What to do about it; empty where nothing needs to be done.
fn advice(check: &Check) -> String {
    if let (Seen::Trouble(trouble), Health::Bad) = (&check.seen, check.health) {
        return card(trouble).advice.to_string();
    }
    let words = match (check.health, check.part) {
        (Health::Good, _) => "",
        (Health::Care, Part::Microphone) => {
            say!("对着本机说一句话再试；仍没有声音，看话筒孔是否被挡")
        }
        (Health::Care, Part::Camera) => say!("擦一下镜头，对着亮处再试"),
        (Health::Care, Part::Speaker) => say!("停录以后再试"),
        (Health::Care, Part::Position) => say!("到窗边等几分钟；没有定位也能取证"),
        (Health::Care, Part::Clock) => say!("先对时再签字"),
        (Health::Care, Part::Battery) => say!("接上电源"),
        (Health::Care, Part::Space) => say!("回传后腾出空间"),
        (Health::Care, _) => say!("再试一次"),
        (Health::Bad, Part::Printer) => say!("看打印机有没有开机、缺纸，是不是同一个网络"),
        (Health::Bad, Part::Clock) => say!("先对时；不能对时时由两名检查员共同登记时间"),
        (Health::Bad, Part::Battery) => say!("马上接电源，先封存"),
        (Health::Bad, Part::Space) => say!("先封存并回传，腾出空间后再录"),
        (Health::Bad, Part::Position) => say!("重启定位服务；没有定位也能取证"),
        (Health::Bad, Part::Media) => {
            say!("接上存有第二副本的U盘再自检；没有副本也能封存，损坏的那件会写明")
        }
        (Health::Bad, _) => say!("重启本机再试；仍不行换一台"),
        (Health::Absent, Part::Microphone) => say!("接上话筒再试；没有话筒不能录音"),
        (Health::Absent, Part::Camera) => say!("接上摄像头再试；没有它不能拍照录像"),
        (Health::Absent, Part::Printer) => say!("到中心配置，或用U盘带走再打"),
        (Health::Absent, Part::Chip) => say!("到中心登记后再带出去"),
        (Health::Absent, Part::Media) => "",
        (Health::Absent, _) => say!("没有它也能检查"),
    };
    words.to_owned()
}

#[cfg(test)]
mod tests {
    use spotcheck_domain::Trouble;

    use super::*;

    #[test]
    fn what_is_missing_is_told_and_what_fails_says_what_to_do() {
        let absent =
            item(&Check { part: Part::Stick, health: Health::Absent, seen: Seen::Nothing });
        assert_eq!((absent.state_of, absent.state.as_str()), (-1, "没有"));
        assert_eq!(
            (absent.found.as_str(), absent.advice.as_str()),
            ("没有插U盘", "没有它也能检查")
        );
        let trouble = Trouble::new("RECORDER-START", "录制进程没有启动", "都在", "重启本机");
        let seen = Seen::Trouble(Box::new(trouble));
        let bad = item(&Check { part: Part::Camera, health: Health::Bad, seen });
        assert_eq!((bad.state_of, bad.advice.as_str()), (0, "重启本机"));
        assert_eq!(bad.found, "录制进程没有启动（RECORDER-START）");
        let good =
            item(&Check { part: Part::Microphone, health: Health::Good, seen: Seen::Sound(61) });
        assert_eq!((good.state_of, good.advice.as_str()), (2, ""));
    }
}
