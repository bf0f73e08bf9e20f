//! Stretches of the way of a visit that look at something: figures, a table from a stick, the house, rules, devices.

use std::time::Duration;

use crate::error::Error;
use crate::options::FaceOptions;
use crate::testkit::face::Face;
use crate::testkit::fake_desk::names::{LONG_FACILITY, LONG_PERSON};
use crate::testkit::fake_desk::{FIRST_PIN, FakeDesk};
use crate::testkit::gallery::Shot;

/// Figures of the house: a topic, another period, one figure and what it is made of, a reason against 统方.
pub(crate) fn figures(face: &Face, shot: &mut Shot<'_>) -> Result<(), Error> {
    face.tap("机构指标")?;
    shot(face, "17-indicators")?;
    face.tap("换一段时间")?;
    shot(face, "17-indicators-span")?;
    face.tap("前一段同样长")?;
    face.tap("上年同期")?;
    face.tap("按这两段计算")?;
    face.tap("换专题")?;
    shot(face, "17-topics")?;
    face.tap("机构概况")?;
    face.tap("药品费 4,218,330.50 元")?;
    shot(face, "17-indicator-months")?;
    face.tap("按科室")?;
    shot(face, "17-indicator")?;
    face.tap("按医师（要原因）")?;
    shot(face, "17-indicator-reason")?;
    face.tap("核对药品耗材与记录不符")?;
    shot(face, "17-indicator-doctors")?;
    face.tap("看组成它的明细")?;
    shot(face, "17-indicator-rows")?;
    face.tap("人员")?;
    shot(face, "17-indicator-persons")?;
    face.tap("明细")?;
    shot(face, "17-indicator-lines")?;
    face.tap("返回")?;
    face.tap("返回")?;
    face.tap("返回")
}

/// A fresh export from a stick, held against the upload.
pub(crate) fn compare(face: &Face, shot: &mut Shot<'_>) -> Result<(), Error> {
    face.tap("数据比对")?;
    shot(face, "19-compare-files")?;
    face.tap("收费明细2026年11月.xlsx U盘 示例 · 18.4 MB")?;
    shot(face, "19-compare-header")?;
    face.tap("表头对，去对列")?;
    face.tap("有把握的都对")?;
    face.tap("数量 没有选列")?;
    shot(face, "19-compare-column")?;
    face.tap("实发 1、2、1")?;
    shot(face, "19-compare-columns")?;
    face.tap("开始比对")?;
    shot(face, "19-compare")?;
    face.tap("数量不一致 差额 ¥52.00")?;
    for _ in 0..4 {
        face.tap("返回")?;
    }
    Ok(())
}

/// The facility: head data, departments, staff.
pub(crate) fn house(face: &Face, shot: &mut Shot<'_>) -> Result<(), Error> {
    face.tap("机构概况、科室与医护")?;
    shot(face, "03-house")?;
    face.tap("科室")?;
    shot(face, "03-house-departments")?;
    face.tap("医护")?;
    face.fill("查医护", "示")?;
    shot(face, "03-house-staff")?;
    face.tap("概况")?;
    face.tap("返回")
}

/// How the finding on the screen was found.
pub(crate) fn method(face: &Face, shot: &mut Shot<'_>) -> Result<(), Error> {
    face.tap("这条是怎么查出来的 定义、参数、可能误报之处、核查办法")?;
    shot(face, "04-method")?;
    face.tap("返回")
}

/// All rules by name, from the look-up.
pub(crate) fn methods(face: &Face, shot: &mut Shot<'_>) -> Result<(), Error> {
    face.tap("核查方法 每条规则怎么查、可能误报之处、核查办法")?;
    shot(face, "20-methods")?;
    face.fill("查规则", "床位")?;
    face.tap("A14 床位费天数>住院天数 红·可直接核对")?;
    face.tap("返回")?;
    face.tap("返回")
}

/// Every device tried.
pub(crate) fn self_check(face: &Face, shot: &mut Shot<'_>) -> Result<(), Error> {
    face.tap("自检")?;
    shot(face, "16-self-check-before")?;
    face.tap("开始自检")?;
    shot(face, "16-self-check")?;
    face.tap("返回")
}

/// Where second copies are, with one chosen.
pub(crate) fn copies(face: &Face, shot: &mut Shot<'_>) -> Result<(), Error> {
    face.tap("第二副本")?;
    face.tap("放到 U盘 示例")?;
    shot(face, "16-copies")?;
    face.scroll(-2_000.0)?;
    shot(face, "16-copies-more")?;
    face.tap("返回")
}

/// Names as long as they come: a facility of forty characters, persons of twenty, with the dots of their parts.
pub(crate) fn long_names(
    options: &FaceOptions,
    size: (u32, u32),
    shot: &mut Shot<'_>,
) -> Result<(), Error> {
    let face = Face::open(Box::new(FakeDesk::new().with_long_names()), options, size)?;
    shot(&face, "22-long-unlock")?;
    face.fill("PIN", FIRST_PIN)?;
    face.tap("解锁")?;
    shot(&face, "22-long-today")?;
    let task = face.controls().into_iter().find(|c| c.label.contains(LONG_FACILITY));
    face.tap(&task.ok_or_else(|| Error::Missing("the task".to_owned()))?.label)?;
    face.tap("核对数据包")?;
    face.tap("开始检查")?;
    face.tap("登记当事人")?;
    face.fill("姓名或名称", LONG_PERSON)?;
    face.tap("登记")?;
    face.advance(Duration::from_secs(11))?;
    shot(&face, "22-long-task")?;
    face.scroll(-480.0)?;
    shot(&face, "22-long-task-below")?;
    face.tap("机构概况、科室与医护")?;
    shot(&face, "22-long-house")?;
    face.tap("返回")?;
    face.tap("查找")?;
    face.fill("查询", "6620")?;
    shot(&face, "22-long-search")?;
    let hit = face.controls().into_iter().find(|c| c.label.contains("****6620"));
    face.tap(&hit.ok_or_else(|| Error::Missing("the person".to_owned()))?.label)?;
    face.tap("显名")?;
    shot(&face, "22-long-person")?;
    face.tap("返回")?;
    face.tap("键 收起")?;
    face.tap("取证")?;
    face.tap("询问")?;
    shot(&face, "22-long-interview")?;
    face.tap("返回")?;
    face.tap("现场检查笔录")?;
    shot(&face, "22-long-document")
}

/// Another PIN, from the page of the device.
pub(crate) fn custody(face: &Face, shot: &mut Shot<'_>) -> Result<(), Error> {
    face.scroll(-600.0)?;
    shot(face, "16-custody")?;
    face.tap("更改 PIN")?;
    shot(face, "16-custody-pin")?;
    face.tap("返回")
}

/// After a flat battery: both officers speak for the time, and a case goes to the next shift.
pub(crate) fn unset_clock(
    options: &FaceOptions,
    size: (u32, u32),
    shot: &mut Shot<'_>,
) -> Result<(), Error> {
    let face = Face::open(Box::new(FakeDesk::new().with_unset_clock()), options, size)?;
    face.fill("PIN", FIRST_PIN)?;
    face.tap("解锁")?;
    face.tap("示例市青禾医院")?;
    face.tap("核对数据包")?;
    face.wait_for_errands(true);
    face.tap("开始检查")?;
    face.tap("返回")?;
    face.tap("设备")?;
    face.tap("登记当前时间")?;
    face.fill("现在的日期和时间", "手机显示 11 月 24 日 9 点 48 分")?;
    shot(&face, "16-custody-clock")?;
    face.tap("返回")?;
    face.tap("移交案卷")?;
    face.tap("吴样例")?;
    shot(&face, "16-custody-hand-over")
}
