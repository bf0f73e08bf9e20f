//! Pictures of rules from parts and of everyone around a finding.

use std::time::Duration;

use crate::error::Error;
use crate::testkit::face::Face;
use crate::testkit::gallery::Shot;

/// A rule from parts, what it finds, and the rules that are kept.
pub(crate) fn compose(face: &Face, shot: &mut Shot<'_>) -> Result<(), Error> {
    face.tap("线索")?;
    face.tap("自编")?;
    face.tap("加一个项目")?;
    face.type_text("静脉")?;
    shot(face, "18-compose-items")?;
    face.tap("选 静脉输液")?;
    face.scroll(2_000.0)?;
    face.tap("加一")?;
    face.tap("加一")?;
    face.scroll(2_000.0)?;
    shot(face, "18-compose")?;
    face.tap("按这条规则核对")?;
    shot(face, "18-composed")?;
    face.advance(Duration::from_secs(6))?;
    face.tap("不再只看 只看同一规则 · 1 条")?;
    face.tap("自编")?;
    face.tap("按知识库清单")?;
    face.tap("选一份清单")?;
    shot(face, "18-compose-lists")?;
    face.tap("选 清单“B01 重复收费(包含/互斥)”")?;
    face.scroll(2_000.0)?;
    shot(face, "18-compose-listed")?;
    face.scroll(-2_000.0)?;
    shot(face, "18-compose-kept")?;
    face.tap("返回")?;
    face.tap("返回")
}

/// From a finding to everything of the same card and the same doctor, which asks for a reason.
pub(crate) fn around(face: &Face, shot: &mut Shot<'_>) -> Result<(), Error> {
    face.tap("线索")?;
    face.tap("红·可直接核对 床位费天数多于住院天数 床位费 11 天 − 住院 9 天 = 多 2 天")?;
    face.scroll(-3_000.0)?;
    shot(face, "21-around-ways")?;
    face.tap("同卡模式 几分钟内一起结算、同一电话、编号相邻的卡")?;
    face.advance(Duration::from_secs(1))?;
    shot(face, "21-around-cards")?;
    face.tap("返回")?;
    face.scroll(-3_000.0)?;
    face.tap("同一医师 D990001 他开单、记账、执行的全部明细；要写原因")?;
    shot(face, "21-around-reason")?;
    face.tap("核对现场发现的重复收费")?;
    face.advance(Duration::from_secs(1))?;
    shot(face, "21-around-doctor")?;
    face.tap("返回")?;
    face.tap("返回")?;
    face.tap("返回")
}
