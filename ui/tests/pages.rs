//! The facility's page, how rules find, figures by month and the rows behind them, the self-check.

use super::way::{on_site, unlocked};

#[test]
fn the_facility_is_one_tap_from_the_task() {
    let face = on_site();
    face.tap("机构概况、科室与医护").unwrap();
    for words in ["H99010100001", "定点医疗机构", "三级", "180 张", "99000000EXAMPLE001"] {
        assert!(face.shows(words), "{words}: {:?}", face.texts());
    }
    face.tap("科室").unwrap();
    assert!(face.shows("妇产科") && face.shows("科目 A03.05"), "{:?}", face.texts());
    assert!(face.shows("科目未上传"), "what was not uploaded is told: {:?}", face.texts());
    face.tap("医护").unwrap();
    assert!(face.shows("冯样本"), "all of them first: {:?}", face.texts());
    face.fill("查医护", "褚").unwrap();
    assert!(face.shows("褚演示") && !face.shows("冯样本"), "{:?}", face.texts());
    face.fill("查医护", "没有这个人").unwrap();
    assert!(face.shows("没有找到"), "{:?}", face.texts());
}

/// ui.md, methods: definition, logic, parameters, source, doubts and what to look at.
#[test]
fn a_finding_tells_how_it_was_found() {
    let face = on_site();
    face.tap("线索").unwrap();
    face.tap("红·可直接核对 床位费天数多于住院天数 床位费 11 天 − 住院 9 天 = 多 2 天").unwrap();
    face.tap("这条是怎么查出来的 定义、参数、可能误报之处、核查办法").unwrap();
    let mut seen = face.texts();
    for _ in 0..6 {
        face.scroll(-300.0).unwrap();
        seen.extend(face.texts());
    }
    for words in
        ["床位费数量大于住院天数", "当地床日计算口径", "入出院时间", "第三十八条", "第 42 条"]
    {
        assert!(seen.iter().any(|t| t.contains(words)), "{words}: {seen:?}");
    }
    face.tap("返回").unwrap();
    assert!(face.shows("线索"), "{:?}", face.texts());
}

#[test]
fn every_rule_is_found_from_the_look_up() {
    let face = on_site();
    face.tap("依据").unwrap();
    face.tap("核查方法 每条规则怎么查、可能误报之处、核查办法").unwrap();
    face.fill("查规则", "一日多级").unwrap();
    assert!(face.shows("共 1 条"), "{:?}", face.texts());
    face.tap("A15 一日多级护理 红·可直接核对").unwrap();
    assert!(face.shows("同日多级保留单价最高的一级"), "{:?}", face.texts());
}

/// From a figure to its months, and from a month or a part to persons, visits and lines.
#[test]
fn a_figure_leads_to_its_months_and_rows() {
    let face = on_site();
    face.tap("机构指标").unwrap();
    face.tap("就诊人次 15,603 人次").unwrap();
    assert!(face.shows("最高"), "the line of months: {:?}", face.texts());
    let is_january = |label: &str| label.starts_with("2026 年 1 月 ");
    let month = face.controls().into_iter().find(|c| is_january(&c.label)).unwrap();
    face.tap(&month.label).unwrap();
    assert!(face.shows("2026 年 1 月 的明细") && face.shows("共 10 行"), "{:?}", face.texts());
    face.tap("人员").unwrap();
    assert!(face.shows("人员 ****6620") && face.shows("7 行"), "{:?}", face.texts());
    face.tap("明细").unwrap();
    assert!(
        face.shows("注射用血塞通 0.2 g") && face.shows("就诊号 M2026110900018"),
        "{:?}",
        face.texts()
    );
    face.tap("返回").unwrap();
    assert!(face.shows("按月") && face.shows("最高"), "back at the months: {:?}", face.texts());
    face.tap("按科室").unwrap();
    face.tap("内二科 A03.01 1,687,332.20 人次").unwrap();
    assert!(face.shows("A03.01 的明细"), "{:?}", face.texts());
    face.tap("返回").unwrap();
    assert!(face.shows("内二科 A03.01"), "back at the departments: {:?}", face.texts());
}

/// Self-check: how each device is, in words, and what to do; that there is no camera is to be read before setting out.
#[test]
fn the_self_check_tells_each_device() {
    let face = unlocked();
    face.tap("设备").unwrap();
    face.tap("自检").unwrap();
    assert!(face.shows("出发前检一遍"));
    face.tap("开始自检").unwrap();
    assert!(face.shows("不可用 1，要看一下 2"), "{:?}", face.texts());
    assert!(face.shows("最大音量 61 / 100") && face.shows("没有"), "{:?}", face.texts());
    let mut seen = face.texts();
    for _ in 0..4 {
        face.scroll(-300.0).unwrap();
        seen.extend(face.texts());
    }
    assert!(seen.iter().any(|t| t == "先封存并回传，腾出空间后再录"), "{seen:?}");
    face.key(slint::platform::Key::F4.into()).unwrap();
    super::places::unlock(&face, crate::testkit::fake_desk::FIRST_PIN);
    assert!(!face.shows("最大音量"), "the lock forgets it: {:?}", face.texts());
}
