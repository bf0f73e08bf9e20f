//! From a finding to everyone around it, rules of one's own again, and how many taps a verdict costs (issue 4).

use super::findings::{everything, whole_page};
use super::way::on_site;
use crate::testkit::face::Face;

const BED: &str = "红·可直接核对 床位费天数多于住院天数 床位费 11 天 − 住院 9 天 = 多 2 天";
const DOCTOR: &str = "同一医师 D990001 他开单、记账、执行的全部明细；要写原因";

/// On the page of the bed, at the rows that lead to all lines.
fn at_the_ways(face: &Face) {
    face.tap("线索").unwrap();
    face.tap(BED).unwrap();
    face.scroll(-4_000.0).unwrap();
}

/// The whole house by person, not what the rules found: counts and a sum, masked names, and one tap to the person.
#[test]
fn an_item_and_a_card_are_looked_at_over_all_lines_and_lead_to_the_person() {
    let face = on_site();
    face.tap("线索").unwrap();
    let lead = face.controls().into_iter().find(|c| c.label.contains("整段住院落在假期")).unwrap();
    face.tap(&lead.label).unwrap();
    face.scroll(-4_000.0).unwrap();
    face.tap("全院的同一项目 按人列出次数和金额").unwrap();
    let said = everything(&face);
    assert!(said.contains(" 人 · ") && said.contains("行明细"), "{said}");
    assert!(said.contains("甄*例") && !said.contains("甄范例"), "names are covered: {said}");
    face.tap("返回").unwrap();
    face.tap("返回").unwrap();
    at_the_ways(&face);
    face.tap("同卡模式 几分钟内一起结算、同一电话、编号相邻的卡").unwrap();
    let said = everything(&face);
    assert!(said.contains("笔结算") && said.contains("天相隔不到 10 分钟"), "{said}");
    assert!(said.contains("只是事实"), "what it does not say is said: {said}");
    let first = face.controls().into_iter().find(|c| c.label.starts_with("看 甄*例")).unwrap();
    face.tap(&first.label).unwrap();
    assert!(face.shows("打开最近一次就诊"), "{:?}", face.texts());
    face.tap("返回").unwrap();
    assert!(everything(&face).contains("同卡模式"), "back where one was");
}

/// rules.md, against 统方: a doctor's patients open only for a reason, and nothing leads from there onto paper.
#[test]
fn a_doctor_s_patients_are_asked_for_with_a_reason() {
    let face = on_site();
    at_the_ways(&face);
    face.tap(DOCTOR).unwrap();
    let said = everything(&face);
    assert!(said.contains("原因记入日志，并报告中心") && !said.contains("开单 "), "{said}");
    assert!(face.tap("按这个原因查看").is_err(), "no reason, no list");
    face.tap("先不看").unwrap();
    assert!(everything(&face).contains("床位费天数多于住院天数"), "{:?}", face.texts());
    face.scroll(-4_000.0).unwrap();
    face.tap(DOCTOR).unwrap();
    face.tap("核对现场发现的重复收费").unwrap();
    let said = everything(&face);
    assert!(said.contains("开单 212、记账 360、执行 148"), "{said}");
    for never in ["导出", "打印", "关联"] {
        assert!(!face.controls().iter().any(|c| c.label.contains(never)), "{never}");
    }
    // Another finding's doctor is asked for anew.
    face.tap("返回").unwrap();
    face.scroll(-4_000.0).unwrap();
    face.tap(DOCTOR).unwrap();
    assert!(everything(&face).contains("为什么要看"), "{:?}", face.texts());
}

/// A list of the pack is a part like an item; what was composed is kept with when it ran and what it found.
#[test]
fn a_knowledge_list_makes_a_rule_and_kept_rules_run_again() {
    let face = on_site();
    face.tap("线索").unwrap();
    face.tap("自编").unwrap();
    face.tap("按知识库清单").unwrap();
    assert!(face.tap("按这条规则核对").is_err(), "no list yet");
    face.tap("选一份清单").unwrap();
    face.fill("项目查询", "B01").unwrap();
    let list = face.controls().into_iter().find(|c| c.label.starts_with("选 清单“B01")).unwrap();
    face.tap(&list.label).unwrap();
    assert!(everything(&face).contains("里互斥的两个项目"), "{:?}", face.texts());
    face.tap("同一次就诊").unwrap();
    assert!(face.tap("同一个月").is_err(), "a pair meets on a day or in a visit");
    face.tap("按这条规则核对").unwrap();
    assert!(face.shows("只看同一规则 · 1 条"), "{:?}", face.texts());
    face.tap("自编").unwrap();
    face.tap("次数或数量过多").unwrap();
    face.tap("加一个项目").unwrap();
    face.fill("项目查询", "静脉").unwrap();
    face.tap("选 名称含“静脉”的项目").unwrap();
    face.tap("按这条规则核对").unwrap();
    face.tap("自编").unwrap();
    let said = whole_page(&face);
    assert!(
        said.contains("以前编过的") && said.contains("上次 ") && said.contains("1 条"),
        "{said}"
    );
    face.scroll(-4_000.0).unwrap();
    face.tap("以前编过的全部再核对一遍 对这个数据包逐条运行，结果列在线索里").unwrap();
    assert!(face.shows("全部核对完：2 条，仍要核实"), "{:?}", face.texts());
}

/// Issue 4: from the list to a verdict in at most three taps, wherever the finding comes from. The number is fixed:
/// one more tap on any of these ways is a fault.
#[test]
fn a_new_finding_of_any_origin_is_confirmed_within_three_taps() {
    let confirm = |face: &Face, finding: &str| {
        let row = face.controls().into_iter().find(|c| c.label.contains(finding)).unwrap();
        let mut taps = 0;
        for label in [row.label.as_str(), "事实属实"] {
            face.tap(label).unwrap();
            taps += 1;
        }
        assert!(face.shows("已记：事实属实"), "{finding}: {:?}", face.texts());
        taps
    };
    // What the centre and the handheld's rules found.
    let face = on_site();
    face.tap("线索").unwrap();
    assert_eq!(confirm(&face, "床位费天数多于住院天数"), 2);
    // A composed rule.
    let face = on_site();
    face.tap("线索").unwrap();
    face.tap("自编").unwrap();
    face.tap("加一个项目").unwrap();
    face.fill("项目查询", "静脉").unwrap();
    face.tap("选 名称含“静脉”的项目").unwrap();
    face.tap("按这条规则核对").unwrap();
    assert_eq!(confirm(&face, "静脉输液合计4，上限3，超出1"), 2);
    // A difference of a fresh export, and a rule over what only the export has.
    let face = on_site();
    face.tap("取证").unwrap();
    face.tap("数据比对").unwrap();
    let file = face.controls().into_iter().find(|c| c.label.contains(".xlsx")).unwrap();
    face.tap(&file.label).unwrap();
    face.tap("表头对，去对列").unwrap();
    face.tap("有把握的都对").unwrap();
    face.tap("数量 没有选列").unwrap();
    face.tap("实发 1、2、1").unwrap();
    face.tap("开始比对").unwrap();
    assert!(everything(&face).contains("未上传的 860 行已按 62 条规则核对：1 条线索"));
    assert_eq!(confirm(&face, "11-09 床位费"), 2);
    face.tap("返回").unwrap();
    face.tap("在线索里看").unwrap();
    assert!(face.shows("只看导出比对 · 4 条"), "{:?}", face.texts());
    assert_eq!(confirm(&face, "床位费合计3，比1多2"), 2);
    assert!(everything(&face).contains("证据 E1"), "the export goes along: {:?}", face.texts());
}
