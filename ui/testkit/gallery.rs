//! Pictures of every screen, for people to look at: `make screenshots`.
//!
//! The pictures are taken on the way of a whole visit, so they show screens as they really come about.

mod more;
mod rules;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use spotcheck_app::desk::Desk;
use spotcheck_domain::Trouble;

use crate::error::Error;
use crate::options::{FaceOptions, MakeInput, ThemeMode};
use crate::testkit::catalogue;
use crate::testkit::face::Face;
use crate::testkit::fake_desk::{FIRST_PIN, FakeDesk, SECOND_PIN, its_clock};
use crate::testkit::fake_input::FakeInput;
use crate::testkit::gallery::more::{
    compare, copies, custody, figures, house, long_names, method, methods, self_check, unset_clock,
};
use crate::testkit::goldens::Goldens;

/// Smallest screen that is supported, in pixels.
pub const SMALL: (u32, u32) = (480, 800);
/// The smallest screen, lying.
const LYING: (u32, u32) = (800, 480);
/// Largest screen that is supported, in pixels.
pub const LARGE: (u32, u32) = (720, 1280);

/// Pictures with text at 130 %.
const LARGE_TEXT: &str = "-text";
/// Pictures in the theme for outdoors.
const SUNLIGHT: &str = "-sunlight";
/// Pictures of the window in English.
const ENGLISH: &str = "-english";

/// Screens that are also taken in the dark theme.
const SAMPLE: &[&str] = &[
    "01-unlock",
    "02-today",
    "03-task",
    "04-suspicion",
    "04-showing",
    "06-person",
    "07-visit",
    "08-capture",
    "08-collect",
    "09-interview-keyboard",
    "10-document",
    "12-sign",
    "14-finish",
    "14-timeline",
    "14-timeline-playing",
    "14-seal",
    "15-sync",
    "16-error",
    "17-indicators",
    "17-indicator",
    "18-compose",
    "19-compare",
    "20-basis-answers",
    "20-basis-line",
];

fn trouble() -> Trouble {
    Trouble::new(
        "CLAIMS-PACKAGE-SIGNATURE",
        "数据包的签名与中心的证书对不上",
        "本机已有的数据和录音都在，这个数据包没有打开",
        "回到中心的网络重新取回；再出现时把代码告诉管理员",
    )
}

/// A name written by hand, as fractions of the pad.
pub const SIGNATURE: [&[(f32, f32)]; 4] = [
    &[(0.20, 0.30), (0.28, 0.27), (0.36, 0.25)],
    &[(0.29, 0.15), (0.28, 0.35), (0.24, 0.55), (0.18, 0.70)],
    &[(0.29, 0.40), (0.34, 0.58), (0.42, 0.68)],
    &[(0.52, 0.30), (0.62, 0.26), (0.60, 0.45), (0.54, 0.62), (0.68, 0.66)],
];

/// Takes a picture under a name.
pub type Shot<'a> = dyn FnMut(&Face, &str) -> Result<(), Error> + 'a;

/// Options for pictures: the invented morning, no in-app keyboard unless a picture asks for it.
#[must_use]
pub fn options(theme: ThemeMode) -> FaceOptions {
    let clock = its_clock();
    let input: MakeInput = Arc::new(|| Box::new(FakeInput::default()));
    FaceOptions { theme, input: Some(input), ..FaceOptions::new(clock) }
}

/// Writes `NAME-THEME.png` of every screen into `out`; `desk` makes a fresh desk with the data of
/// [`FakeDesk`] (the way taps its invented names). Returns the files.
///
/// # Errors
/// A control that is not there, or a file that cannot be written.
pub fn screenshots(desk: &dyn Fn() -> Box<dyn Desk>, out: &Path) -> Result<Vec<PathBuf>, Error> {
    std::fs::create_dir_all(out).map_err(|error| Error::Picture(error.to_string()))?;
    let mut written = Vec::new();
    let sets = [
        (ThemeMode::Light, SMALL, "", None),
        (ThemeMode::Sunlight, SMALL, SUNLIGHT, None),
        (ThemeMode::Dark, SMALL, "-dark", Some(SAMPLE)),
        (ThemeMode::Light, LARGE, "-large", None),
        (ThemeMode::Sunlight, LARGE, "-sunlight-large", None),
        (ThemeMode::Light, SMALL, LARGE_TEXT, None),
        (ThemeMode::Light, SMALL, ENGLISH, None),
    ];
    let mut goldens = Goldens::default();
    for (theme, size, suffix, only) in sets {
        let mut shot = |face: &Face, name: &str| {
            if only.is_some_and(|only| !only.contains(&name)) {
                return Ok(());
            }
            let path = out.join(format!("{name}{suffix}.png"));
            let picture = face.snapshot()?;
            if matches!(suffix, "" | SUNLIGHT) {
                goldens.add(&format!("{name}{suffix}"), &picture);
            }
            std::fs::write(&path, picture.png()?)
                .map_err(|error| Error::Picture(error.to_string()))?;
            written.push(path);
            Ok(())
        };
        if suffix == LARGE_TEXT {
            let desk = Box::new(FakeDesk::new().with_large_text());
            whole_way(&Face::open(desk, &options(theme), size)?, &mut shot)?;
            continue;
        }
        if suffix == ENGLISH {
            let face = Face::open(desk(), &options(theme), size)?;
            face.speak_english()?;
            whole_way(&face, &mut shot)?;
            continue;
        }
        every_screen(desk, theme, size, &mut shot)?;
        if size == SMALL {
            for (name, picture) in catalogue::pictures(theme)? {
                let path = out.join(format!("{name}{suffix}.png"));
                if matches!(suffix, "" | SUNLIGHT) {
                    goldens.add(&format!("{name}{suffix}"), &picture);
                }
                let bytes = picture.png()?;
                std::fs::write(&path, bytes).map_err(|error| Error::Picture(error.to_string()))?;
                written.push(path);
            }
        }
    }
    goldens.write(out)?;
    Ok(written)
}

/// Every screen in one theme and size, in Chinese.
///
/// # Errors
/// A control that is not there.
pub fn every_screen(
    desk: &dyn Fn() -> Box<dyn Desk>,
    theme: ThemeMode,
    size: (u32, u32),
    shot: &mut Shot<'_>,
) -> Result<(), Error> {
    whole_way(&Face::open(desk(), &options(theme), size)?, shot)?;
    first_day(&options(theme), size, shot)?;
    let failing = Face::open(Box::new(FakeDesk::failing_with(trouble())), &options(theme), size)?;
    failing.fill("PIN", FIRST_PIN)?;
    failing.tap("解锁")?;
    shot(&failing, "16-error")?;
    travelling(theme, size, shot)?;
    practice(&options(theme), size, shot)?;
    on_site(&options(theme), size, shot)?;
    unset_clock(&options(theme), size, shot)?;
    if size == SMALL {
        lying(&options(theme), shot)?;
    }
    long_names(&options(theme), size, shot)
}

/// The handheld lies across: a field with the keyboard, an answer while recording, a signature, the cover.
fn lying(options: &FaceOptions, shot: &mut Shot<'_>) -> Result<(), Error> {
    let face = Face::open(Box::new(FakeDesk::new()), options, LYING)?;
    face.fill("PIN", FIRST_PIN)?;
    face.tap("解锁")?;
    face.tap("示例市青禾医院")?;
    face.tap("核对数据包")?;
    face.tap("开始检查")?;
    face.tap("登记当事人")?;
    face.tap("职务或与患者的关系")?;
    shot(&face, "21-lying-phrases")?;
    face.fill("姓名或名称", "李样本")?;
    face.tap("键 收起")?;
    face.tap("登记")?;
    face.tap("录音")?;
    face.tap("已宣读")?;
    face.tap("取证")?;
    face.tap("询问")?;
    face.fill("问", "您住几床？")?;
    face.tap("答")?;
    for key in ["h", "u"] {
        face.touch(&format!("键 {key}"))?;
    }
    shot(&face, "21-lying-keyboard")?;
    face.tap("候选 湖")?;
    face.touch("键 123")?;
    shot(&face, "21-lying-signs")?;
    face.tap("数字")?;
    shot(&face, "21-lying-digits")?;
    face.tap("键 收起")?;
    face.key(slint::platform::Key::F3.into())?;
    shot(&face, "21-lying-cover")?;
    face.key(slint::platform::Key::F3.into())?;
    face.tap("记下")?;
    face.tap("笔录")?;
    face.tap("定稿")?;
    face.tap("确认定稿")?;
    face.tap("去签字")?;
    face.tap("请签字")?;
    face.draw("签字板", &SIGNATURE)?;
    face.advance(Duration::from_secs(11))?;
    shot(&face, "21-lying-sign")
}

/// The whole way of a visit: unlock, task, search, person, visit, capture, interview, document, sign,
/// print, seal, sync. `shot` is called on every screen.
///
/// # Errors
/// A control that is not there.
pub fn whole_way(face: &Face, shot: &mut Shot<'_>) -> Result<(), Error> {
    unlock_and_open(face, shot)?;
    look_up(face, shot)?;
    capture(face, shot)?;
    interview(face, shot)?;
    inspection(face, shot)?;
    seal_and_send(face, shot)
}

/// Hints of somebody's first day.
fn first_day(options: &FaceOptions, size: (u32, u32), shot: &mut Shot<'_>) -> Result<(), Error> {
    let face = Face::open(Box::new(FakeDesk::new().with_new_hands()), options, size)?;
    face.fill("PIN", FIRST_PIN)?;
    face.tap("解锁")?;
    shot(&face, "02-today-hint")
}

/// The beginning of a visit on tape, a picture that is blanked, and a paper of two pages.
fn on_site(options: &FaceOptions, size: (u32, u32), shot: &mut Shot<'_>) -> Result<(), Error> {
    let desk = FakeDesk::new().with_minutes_left(9);
    let face = Face::open(Box::new(desk), options, size)?;
    face.fill("PIN", FIRST_PIN)?;
    face.tap("解锁")?;
    face.tap("示例市青禾医院")?;
    face.tap("核对数据包")?;
    face.wait_for_errands(true);
    face.tap("开始检查")?;
    face.tap("录音")?;
    shot(&face, "08-opening")?;
    face.tap("已宣读")?;
    face.tap("拍照")?;
    face.tap("录像")?;
    face.advance(Duration::from_secs(6))?;
    shot(&face, "08-capture-video")?;
    face.tap("按住遮挡画面")?;
    face.advance(Duration::from_secs(6))?;
    shot(&face, "08-capture-blank")?;
    face.tap("松开或再点一下恢复画面")?;
    face.tap("翻拍文件")?;
    face.tap("拍第 1 页")?;
    face.tap("拍第 2 页")?;
    face.advance(Duration::from_secs(6))?;
    shot(&face, "08-capture-page")
}

/// A task to learn on: marked on every screen, and wiped at the end.
fn practice(options: &FaceOptions, size: (u32, u32), shot: &mut Shot<'_>) -> Result<(), Error> {
    let face = Face::open(Box::new(FakeDesk::new().with_practice()), options, size)?;
    face.fill("PIN", FIRST_PIN)?;
    face.tap("解锁")?;
    face.tap("示例市青禾医院")?;
    face.tap("核对数据包")?;
    face.wait_for_errands(true);
    face.tap("开始检查")?;
    shot(&face, "17-practice")?;
    face.tap("收尾")?;
    face.tap("清除演练")?;
    shot(&face, "17-practice-wipe")
}

/// A bundle on its way, seen from the sync screen.
fn travelling(theme: ThemeMode, size: (u32, u32), shot: &mut Shot<'_>) -> Result<(), Error> {
    let (desk, word) = FakeDesk::with_waiting_bundle().with_slow_road();
    let face = Face::open(Box::new(desk), &options(theme), size)?;
    face.fill("PIN", FIRST_PIN)?;
    face.tap("解锁")?;
    face.tap("回传")?;
    face.wait_for_errands(false);
    face.tap("回传")?;
    face.until("600 MB / 1.2 GB")?;
    shot(&face, "15-sync-travelling")?;
    drop(word);
    face.wait_for_errands(true);
    face.settle()
}

fn unlock_and_open(face: &Face, shot: &mut Shot<'_>) -> Result<(), Error> {
    face.touch("PIN 1")?;
    face.touch("PIN 3")?;
    shot(face, "01-unlock")?;
    face.tap("PIN 字母")?;
    shot(face, "01-unlock-letters")?;
    face.fill("PIN", FIRST_PIN)?;
    face.tap("解锁")?;
    shot(face, "02-today")?;
    face.tap("示例市青禾医院")?;
    shot(face, "03-task-new")?;
    face.tap("核对数据包")?;
    face.tap("开始检查")?;
    face.tap("步骤 到场、出示证件")?;
    face.tap("出示证件 周演示")?;
    face.tap("出示证件 吴样例")?;
    face.tap("步骤 到场、出示证件")?;
    face.tap("步骤 现场核查")?;
    face.advance(Duration::from_secs(11))?;
    face.tap("登记当事人")?;
    face.fill("姓名或名称", "李样本")?;
    face.fill("职务或与患者的关系", "内二科患者")?;
    shot(face, "04-party")?;
    face.tap("职务或与患者的关系")?;
    shot(face, "04-party-phrases")?;
    face.tap("键 收起")?;
    face.tap("登记")?;
    shot(face, "03-task-undo")?;
    face.advance(Duration::from_secs(11))?;
    face.scroll(2_000.0)?;
    shot(face, "03-task")?;
    face.scroll(-480.0)?;
    shot(face, "03-task-below")?;
    house(face, shot)?;
    figures(face, shot)
}

fn look_up(face: &Face, shot: &mut Shot<'_>) -> Result<(), Error> {
    face.tap("线索")?;
    shot(face, "04-suspicions")?;
    face.tap("筛选")?;
    shot(face, "04-suspicions-narrow")?;
    face.tap("看这些")?;
    judge(face, shot)?;
    rules::compose(face, shot)?;
    rules::around(face, shot)?;
    basis(face, shot)?;
    face.tap("查找")?;
    face.tap("项目")?;
    face.type_text("静脉")?;
    face.tap("键 收起")?;
    shot(face, "05-search-items")?;
    face.tap("看 静脉输液")?;
    shot(face, "05-item-visits")?;
    face.tap("静脉输液")?;
    face.tap("参保人")?;
    face.tap("清空查询")?;
    face.tap("查询")?;
    face.type_text("没有这个人")?;
    shot(face, "05-search-none")?;
    face.tap("清空查询")?;
    // As README tells it and tests/taps.rs does it: three letters of the name.
    for letter in ["z", "s", "l"] {
        face.touch(&format!("键 {letter}"))?;
    }
    shot(face, "05-search")?;
    face.tap("清空查询")?;
    face.type_text("例")?;
    face.tap("键 收起")?;
    shot(face, "05-search-list")?;
    face.tap("清空查询")?;
    face.tap("一病区 2")?;
    shot(face, "05-ward")?;
    face.fill("查询", "6620")?;
    face.tap("甄*例 男 · 1959 年生 · 职工医保 · 06 床 · 证件 ****6620")?;
    shot(face, "06-person")?;
    face.tap("选理由看他处的诊断")?;
    face.tap("核对重叠住院")?;
    face.tap("显名")?;
    shot(face, "06-person-shown")?;
    face.tap("线索 3")?;
    shot(face, "06-person-hits")?;
    face.tap("资料")?;
    shot(face, "06-person-facts")?;
    face.tap("时间线")?;
    face.tap("11-09 → 11-18 住院 同日同项 1 天 · 脑梗死 · 内二科 · 186 行，有线索")?;
    shot(face, "07-visit")?;
    face.tap("收起费用构成")?;
    face.tap("同日同项")?;
    shot(face, "07-visit-filtered")?;
    face.tap("全部")?;
    face.tap("11-10 周二 · 21 行")?;
    let bed = || face.controls().into_iter().find(|c| c.label.contains(" 床位费"));
    for _ in 0..8 {
        if bed().is_none() {
            face.scroll(-200.0)?;
        }
    }
    let line = bed();
    face.tap(&line.ok_or_else(|| Error::Missing("a line of the bed".to_owned()))?.label)?;
    shot(face, "20-basis-line")?;
    face.tap("返回")?;
    face.tap("医嘱与记录")?;
    shot(face, "07-visit-orders")?;
    face.tap("诊断结算")?;
    shot(face, "07-visit-settlements")?;
    face.tap("示证")?;
    shot(face, "07-visit-showing")?;
    face.tap("退出")?;
    face.tap("返回")?;
    face.tap("返回")?;
    face.tap("返回")?;
    Ok(())
}

/// What is in force: one box, one article, and what goes with a fee line.
fn basis(face: &Face, shot: &mut Shot<'_>) -> Result<(), Error> {
    face.tap("依据")?;
    shot(face, "20-basis")?;
    methods(face, shot)?;
    face.fill("依据查询", "床位")?;
    shot(face, "20-basis-answers")?;
    face.tap("第七条 · 示例市医疗服务收费管理办法 示医保〔2024〕12号 · 床位费按日计收，计入不计出；患者请假期间不得计收床位费。")?;
    shot(face, "20-basis-entry")?;
    face.tap("返回")
}

/// One finding from the list to a verdict with its reason, and what the party sees of it.
fn judge(face: &Face, shot: &mut Shot<'_>) -> Result<(), Error> {
    face.tap("红 1")?;
    face.tap("红·可直接核对 床位费天数多于住院天数 床位费 11 天 − 住院 9 天 = 多 2 天")?;
    shot(face, "04-suspicion")?;
    face.scroll(-480.0)?;
    shot(face, "04-suspicion-lines")?;
    method(face, shot)?;
    face.scroll(2_000.0)?;
    face.tap("排除")?;
    shot(face, "04-suspicion-why")?;
    face.tap("请假保留床位（请假条）")?;
    shot(face, "04-suspicion-judged")?;
    face.tap("撤销")?;
    face.tap("事实属实")?;
    face.advance(Duration::from_secs(11))?;
    face.tap("示证")?;
    shot(face, "04-showing")?;
    face.tap("退出")?;
    face.tap("返回")?;
    face.tap("全部 3")?;
    shot(face, "04-suspicions-judged")?;
    face.tap("返回")?;
    Ok(())
}

fn capture(face: &Face, shot: &mut Shot<'_>) -> Result<(), Error> {
    face.tap("录音")?;
    face.advance(Duration::from_secs(1))?;
    face.tap("拍照")?;
    face.advance(Duration::from_secs(6))?;
    shot(face, "08-capture")?;
    face.tap("暂停录制")?;
    face.advance(Duration::from_secs(11))?;
    shot(face, "08-capture-paused")?;
    face.tap("继续录制")?;
    face.advance(Duration::from_secs(11))?;
    face.tap("拍照")?;
    face.tap("标记")?;
    face.tap("未归类 (2)")?;
    face.advance(Duration::from_secs(11))?;
    shot(face, "08-collect")?;
    compare(face, shot)?;
    for item in ["E3 照片", "E2 照片"] {
        face.tap(item)?;
        face.fill("证明什么", "药架实物、批号与数量")?;
        face.fill("来源", "药库北架")?;
        face.fill("保管人", "李四")?;
        if item == "E3 照片" {
            shot(face, "08-describe")?;
            face.tap("复制件")?;
            face.tap("属于哪一步 现场核查")?;
            face.scroll(-600.0)?;
            shot(face, "08-describe-below")?;
            face.tap("选 现场核查")?;
            face.tap("有利")?;
            face.fill("当事人的意见", "这是另一批的单据")?;
            face.scroll(-600.0)?;
            shot(face, "08-describe-party")?;
        }
        face.tap("归类")?;
    }
    face.advance(Duration::from_secs(11))?;
    face.tap("有利当事人")?;
    shot(face, "08-collect-party")?;
    face.tap("全部")?;
    Ok(())
}

fn interview(face: &Face, shot: &mut Shot<'_>) -> Result<(), Error> {
    face.tap("询问")?;
    for (question, answer) in [
        ("您住几床？", "06 床，靠窗"),
        ("11-09 那天您是什么时候离开病房的？", "早上交完费就走了，八点多"),
        ("11-10 有没有回来过？", "没有回，在家"),
    ] {
        face.fill("问", question)?;
        face.fill("答", answer)?;
        face.tap("记下")?;
    }
    face.advance(Duration::from_secs(11))?;
    shot(face, "09-interview")?;
    face.tap("听第 2 问")?;
    shot(face, "09-interview-heard")?;
    face.tap("收起回放")?;
    face.tap("答")?;
    for key in "hushizhan".chars() {
        face.touch(&format!("键 {key}"))?;
    }
    shot(face, "09-interview-keyboard")?;
    face.tap("候选 护士站")?;
    face.tap("手写")?;
    face.draw("手写板", &[&[(0.3, 0.2), (0.7, 0.2)], &[(0.5, 0.1), (0.5, 0.9)]])?;
    shot(face, "09-interview-handwriting")?;
    face.tap("候选 龘")?;
    face.tap("笔画")?;
    shot(face, "09-interview-strokes")?;
    face.tap("数字")?;
    shot(face, "09-interview-digits")?;
    face.tap("英文")?;
    face.touch("键 123")?;
    shot(face, "09-interview-signs-latin")?;
    face.tap("拼音")?;
    face.touch("键 123")?;
    shot(face, "09-interview-signs")?;
    face.touch("键 符号")?;
    shot(face, "09-interview-signs-more")?;
    face.key(slint::platform::Key::F3.into())?;
    shot(face, "09-interview-cover")?;
    face.key(slint::platform::Key::F3.into())?;
    face.tap("答")?;
    face.tap("拼音")?;
    face.fill("答", "")?;
    face.tap("键 收起")?;
    face.tap("笔录")?;
    shot(face, "10-document-interview")?;
    freeze_and_sign(face, shot, false)?;
    face.tap("返回")?;
    face.tap("返回")?;
    Ok(())
}

fn freeze_and_sign(face: &Face, shot: &mut Shot<'_>, take: bool) -> Result<(), Error> {
    face.tap("定稿")?;
    if take {
        shot(face, "10-document-freeze")?;
    }
    face.tap("确认定稿")?;
    face.advance(Duration::from_secs(6))?;
    if take {
        shot(face, "11-document-page")?;
        face.tap("放大")?;
        shot(face, "11-document-page-zoom")?;
        face.tap("整页")?;
    }
    face.tap("去签字")?;
    if take {
        shot(face, "12-signers")?;
        face.tap("登记拒签")?;
        shot(face, "12-refusing")?;
        face.fill("拒签理由", "本人说：先问过律师再签")?;
        face.tap("登记")?;
        shot(face, "12-refused")?;
        face.tap("撤销")?;
        face.tap("返回")?;
        face.advance(Duration::from_secs(11))?;
    }
    for signer in ["李样本", "周演示", "吴样例"] {
        face.tap(&format!("签字人 {signer}"))?;
        face.draw("签字板", &SIGNATURE)?;
        if take && signer == "周演示" {
            face.advance(Duration::from_secs(6))?;
            shot(face, "12-sign")?;
        }
        face.tap("签好")?;
    }
    Ok(())
}

fn inspection(face: &Face, shot: &mut Shot<'_>) -> Result<(), Error> {
    face.tap("现场检查笔录")?;
    face.advance(Duration::from_secs(6))?;
    shot(face, "10-document")?;
    face.tap("现场检查情况")?;
    face.fill("现场检查情况", "10 时 14 分至 10 时 40 分，检查人员在护士林拟名陪同下查看内二科，核对 24 张床：在床 21 人，请假 2 人。")?;
    shot(face, "10-document-field")?;
    face.tap("填好")?;
    face.tap("撤销")?;
    face.tap("现场检查情况")?;
    face.fill("现场检查情况", "核对 24 张床：在床 21 人，请假 2 人, 06 床不在床。")?;
    face.tap("填好")?;
    freeze_and_sign(face, shot, true)?;
    face.tap("打印")?;
    face.tap("加一份")?;
    shot(face, "13-print")?;
    face.tap("打印")?;
    face.advance(Duration::from_secs(6))?;
    shot(face, "13-print-done")?;
    face.tap("已交当事人一份")?;
    face.advance(Duration::from_secs(11))?;
    face.tap("返回")?;
    face.tap("返回")?;
    Ok(())
}

fn seal_and_send(face: &Face, shot: &mut Shot<'_>) -> Result<(), Error> {
    face.tap("撤离")?;
    shot(face, "14-leave")?;
    face.tap("返回")?;
    face.tap("收尾")?;
    shot(face, "14-finish")?;
    face.tap("导出线索 XLSX、CSV 或 JSON，给办公室或给对方")?;
    shot(face, "14-hand-out")?;
    face.tap("返回")?;
    face.tap("全程时间轴")?;
    shot(face, "14-timeline")?;
    face.tap("播放")?;
    face.tap("下一处")?;
    face.tap("下一处")?;
    face.advance(Duration::from_secs(1))?;
    shot(face, "14-timeline-playing")?;
    face.tap("已戴耳机")?;
    face.tap("照片")?;
    let is_photo = |label: &str| label.contains("照片 E2");
    let row = face.controls().into_iter().find(|c| is_photo(&c.label));
    face.tap(&row.ok_or_else(|| Error::Missing("the row of a photo".to_owned()))?.label)?;
    face.tap("暂停")?;
    shot(face, "14-timeline-photo")?;
    face.tap("返回")?;
    face.tap("完整性与封存")?;
    face.tap("输入 PIN 周演示")?;
    face.fill("PIN 周演示", FIRST_PIN)?;
    shot(face, "14-seal-pin")?;
    face.tap("输好了")?;
    face.tap("输入 PIN 吴样例")?;
    face.fill("PIN 吴样例", SECOND_PIN)?;
    face.tap("输好了")?;
    shot(face, "14-seal")?;
    face.tap("封存")?;
    shot(face, "14-seal-asked")?;
    face.tap("确认封存")?;
    face.advance(Duration::from_secs(6))?;
    shot(face, "14-sealed")?;
    face.tap("回传")?;
    shot(face, "15-sync-waiting")?;
    face.tap("回传")?;
    face.advance(Duration::from_secs(6))?;
    shot(face, "15-sync")?;
    face.tap("返回")?;
    shot(face, "14-finish-sealed")?;
    face.tap("概览")?;
    shot(face, "03-task-sealed")?;
    face.tap("返回")?;
    shot(face, "02-today-after")?;
    face.tap("设备")?;
    shot(face, "16-status")?;
    custody(face, shot)?;
    copies(face, shot)?;
    self_check(face, shot)
}
