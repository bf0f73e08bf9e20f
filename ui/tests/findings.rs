//! What officers make of suspicions, and what the party may see of it.

use std::time::Duration;

use super::way::on_site;
use crate::testkit::face::Face;
use crate::testkit::fake_desk::{FIRST_PIN, FakeDesk};

/// Texts and labels of everything on the screen.
pub(super) fn everything(face: &Face) -> String {
    let labels = face.controls().into_iter().map(|c| c.label);
    face.texts().into_iter().chain(labels).collect::<Vec<_>>().join("\n")
}

/// The same of a page that is longer than the screen, from its top to its end; leaves it at the top.
pub(super) fn whole_page(face: &Face) -> String {
    let mut all = everything(face);
    for _ in 0..8 {
        face.scroll(-300.0).unwrap();
        all = all + "\n" + &everything(face);
    }
    face.scroll(4_000.0).unwrap();
    all
}

const BED: &str = "红·可直接核对 床位费天数多于住院天数 床位费 11 天 − 住院 9 天 = 多 2 天";

/// The stay of the bed, as its page says it: the name is covered.
const STAY: &str = "这次就诊 甄*例 · 06 床 · 11-09 → 11-18";

/// Issue 4: a verdict with its reason and linked evidence in three taps, counted from the list.
#[test]
fn a_reason_and_the_photo_just_taken_cost_three_taps() {
    for (verdict, reason) in
        [("事实属实", "现场实物与明细不符"), ("排除", "已退费"), ("需补证", "调取病历原件")]
    {
        let face = on_site();
        face.tap("拍照").unwrap();
        face.tap("拍照").unwrap();
        face.tap("返回").unwrap();
        face.tap("线索").unwrap();
        let mut taps = 0;
        for label in [BED, verdict, reason] {
            face.tap(label).unwrap();
            taps += 1;
        }
        assert!(taps <= 3 && face.shows("已记："), "{:?}", face.texts());
        let note = face.texts().into_iter().find(|t| t.contains(reason)).unwrap();
        assert!(note.contains("证据 E2"), "the newest one: {note}");
    }
}

/// What goes along is shown, and one tap leaves it out.
#[test]
fn evidence_that_does_not_belong_is_left_out_by_a_tap() {
    let face = on_site();
    face.tap("拍照").unwrap();
    face.tap("返回").unwrap();
    face.tap("线索").unwrap();
    face.tap(BED).unwrap();
    face.tap("排除").unwrap();
    face.tap("关联 E1 照片").unwrap();
    face.tap("已退费").unwrap();
    let note = face.texts().into_iter().find(|t| t.contains("已退费")).unwrap();
    assert!(!note.contains("证据"), "{note}");
}

/// The page says whose stay it is, who had to do with it, which lines, which article, and what else is under them.
#[test]
fn a_finding_says_who_and_shows_its_lines() {
    let face = on_site();
    face.tap("线索").unwrap();
    face.tap(BED).unwrap();
    let all = whole_page(&face);
    for words in [
        "甄*例 · 06 床 · 11-09 → 11-18",
        "林拟名 · D990001",
        "主管",
        "3 行，点一行看依据",
        "第三十八条",
        "基金损失待经办核算",
        "同一明细还涉及",
        "单价高于当日限价",
    ] {
        assert!(all.contains(words), "{words}: {all}");
    }
    assert!(!all.contains("甄示例") && !all.contains("尚未显示基金损失"), "{all}");
    let line = face.controls().into_iter().find(|c| c.label.starts_with("明细 P-0001-V1-176"));
    face.tap(&line.unwrap().label).unwrap();
    assert!(face.shows("收费"), "{:?}", face.texts());
    face.tap("返回").unwrap();
    face.tap("单价高于当日限价 单价 38 元，当日限价 36 元").unwrap();
    assert!(face.shows("这条列在它之下"), "{:?}", face.texts());
    face.tap("返回").unwrap();
    face.tap("返回").unwrap();
    assert!(face.shows("线索 3"), "what stands under another is not listed: {:?}", face.texts());
}

/// rules.md: a value that is missing silences the rule there and says so; one rule is run by itself at once.
#[test]
fn what_was_not_judged_is_told_and_one_rule_is_run_again() {
    let face = on_site();
    face.tap("线索").unwrap();
    face.tap("未判断 2 条规则 缺数据或参数，规则在这里不作判断").unwrap();
    assert!(face.shows("214 处"), "{:?}", face.texts());
    let rule = face.controls().into_iter().find(|c| c.label.starts_with("H12")).unwrap();
    face.tap(&rule.label).unwrap();
    face.wait_for_errands(true);
    assert!(face.shows("H12 核对完：0 条，214 处未判断"), "{:?}", face.texts());
    face.tap("返回").unwrap();
    face.tap(BED).unwrap();
    face.tap("只运行这条规则 对整个数据包重新核对一遍").unwrap();
    face.wait_for_errands(true);
    assert!(face.shows("A14 核对完：1 条"), "{:?}", face.texts());
    face.tap("返回").unwrap();
    assert!(face.shows("线索 3"), "{:?}", face.texts());
}

/// The list narrows to a department and a month.
#[test]
fn the_list_narrows_to_a_department_and_a_month() {
    let face = on_site();
    face.tap("线索").unwrap();
    face.tap("筛选").unwrap();
    face.tap("内二科").unwrap();
    face.tap("看这些").unwrap();
    assert!(face.shows("内二科 · 2 条"), "{:?}", face.texts());
    assert!(!face.shows("整段住院落在假期的比例高"));
    face.tap("不再只看 内二科 · 2 条").unwrap();
    assert!(face.shows("整段住院落在假期的比例高"));
}

/// Findings go onto a stick for the office or for the party, from the end of the visit.
#[test]
fn findings_are_written_onto_a_stick() {
    let face = on_site();
    face.tap("线索").unwrap();
    face.tap("返回").unwrap();
    face.tap("收尾").unwrap();
    face.tap("导出线索 XLSX、CSV 或 JSON，给办公室或给对方").unwrap();
    face.tap("给对方").unwrap();
    assert!(face.shows("只有认定属实的事实、金额和法定义务；没有灯、权重、规则名和处罚条款"));
    face.tap("CSV").unwrap();
    face.tap("写到 U盘 示例").unwrap();
    assert!(face.shows("已写到U盘：事实清单-2026-11-20.csv"), "{:?}", face.texts());
}

/// rules.md: the same reason given twice offers to silence the rule, and the offer can be taken.
#[test]
fn the_same_reason_twice_offers_to_silence_the_rule() {
    let desk = FakeDesk::new().with_exclusion("A14", "已退费");
    let face = super::way::on_site_with(desk);
    face.tap("线索").unwrap();
    face.tap(BED).unwrap();
    face.tap("排除").unwrap();
    face.tap("已退费").unwrap();
    assert!(face.shows("已记：已排除。同一理由多次，可停用这条规则"), "{:?}", face.texts());
    face.tap("停用").unwrap();
    assert!(face.shows("为什么不再提示这条规则"), "{:?}", face.texts());
    face.tap("确定").unwrap();
    assert!(face.shows("线索 2") && !face.shows("床位费天数多于住院天数"), "{:?}", face.texts());
    assert!(face.shows("不提示的规则 A14"), "{:?}", face.texts());
}

/// rules.md, Finding: facts confirmed, excluded with a reason, or more evidence needed, in three taps at
/// most; taken back for ten seconds; a photo of the visit is linked by one tap.
#[test]
fn a_verdict_takes_three_taps_and_can_be_taken_back() {
    let face = on_site();
    face.tap("拍照").unwrap();
    face.tap("返回").unwrap();
    face.tap("线索").unwrap();
    face.tap(BED).unwrap();
    face.tap("排除").unwrap();
    assert!(face.shows("为什么排除"));
    assert!(face.tap("确定").is_err(), "an exclusion says why");
    face.tap("先不").unwrap();
    assert!(!face.shows("为什么排除"));
    face.tap("排除").unwrap();
    face.tap("已退费").unwrap();
    assert!(face.shows("已记：已排除"), "{:?}", face.texts());
    face.tap("撤销").unwrap();
    assert!(!face.shows("已排除 "), "taken back");
    face.tap("需补证").unwrap();
    face.fill("理由", "调体温单").unwrap();
    face.tap("确定").unwrap();
    face.advance(Duration::from_secs(11)).unwrap();
    face.scroll(2_000.0).unwrap();
    let note = face.texts().into_iter().find(|t| t.contains("调体温单")).unwrap();
    assert!(note.contains("证据 E1"), "{note}");
    face.tap("返回").unwrap();
    assert!(face.shows("已看 1") && face.shows("需补证"), "{:?}", face.texts());
    face.tap("未看 2").unwrap();
    assert!(!face.shows("床位费天数多于住院天数"));
    face.tap("返回").unwrap();
    assert!(face.shows("3 条 · 已看 1"));
}

/// rules.md: silencing a rule for this visit wants a reason and can be taken back.
#[test]
fn a_rule_is_silenced_for_this_visit_only_with_a_reason() {
    let face = on_site();
    face.tap("线索").unwrap();
    face.tap(BED).unwrap();
    face.tap("本次检查不再提示这条规则").unwrap();
    face.tap("本机构不适用").unwrap();
    assert!(face.shows("线索 2") && !face.shows("床位费天数多于住院天数"), "{:?}", face.texts());
    face.tap("恢复提示 不提示的规则 A14").unwrap();
    assert!(face.shows("线索 3") && face.shows("床位费天数多于住院天数"));
}

/// The list narrows to everything around a finding, and widens again by one tap.
#[test]
fn everything_around_a_person_is_one_tap_away() {
    let face = on_site();
    face.tap("线索").unwrap();
    face.tap(BED).unwrap();
    face.tap("同一患者").unwrap();
    assert!(face.shows("只看同一患者 · 2 条"), "{:?}", face.texts());
    assert!(!face.shows("整段住院落在假期的比例高"));
    face.tap("不再只看 只看同一患者 · 2 条").unwrap();
    assert!(face.shows("整段住院落在假期的比例高"));
}

/// Words that the party must not see: other persons and places, lights, weights, rules, penalties.
const NOT_FOR_THE_PARTY: [&str; 22] = [
    "李样本",
    "王虚构",
    "欧阳例",
    "测试0",
    "康宁",
    "禾田",
    "第三医院",
    "甄示例",
    "权重",
    "红·",
    "黄·",
    "绿·",
    "可直接核对",
    "待核实",
    "A14",
    "A01",
    "national",
    "第三十八条",
    "T38",
    "罚",
    "违规",
    "违法",
];

/// The words of the picture; a machine without the program that reads it says so.
fn read_from_picture(face: &Face) -> Option<String> {
    let read = crate::testkit::reading::read_from_picture(face);
    if read.is_none() {
        eprintln!("SKIPPED the picture's own words: tesseract with chi_sim is not installed");
    }
    read
}

/// ui.md, 示证: only this facility, this person, this finding; the name only by a journaled tap. Neither the
/// accessible tree nor the picture says more.
#[test]
fn the_party_sees_one_person_and_facts_and_nothing_else() {
    let face = on_site();
    face.tap("线索").unwrap();
    face.tap(BED).unwrap();
    face.tap("事实属实").unwrap();
    face.advance(Duration::from_secs(11)).unwrap();
    let private = |face: &Face, what: &str| {
        let all = everything(face);
        assert!(all.contains("示证视图 · 对方可见"), "{what}: {all}");
        for word in NOT_FOR_THE_PARTY {
            assert!(!all.contains(word), "{what} shows {word}: {all}");
        }
        if let Some(read) = read_from_picture(face) {
            assert!(read.contains("对方可见"), "the picture can be read: {read}");
            for word in NOT_FOR_THE_PARTY {
                assert!(!read.contains(word), "the picture of {what} shows {word}: {read}");
            }
        }
    };
    face.tap("示证").unwrap();
    private(&face, "one finding");
    assert!(face.shows("条例第十五条：按规范提供服务、如实收费"));
    assert!(face.shows("甄*例"), "{:?}", face.texts());
    face.tap("显名").unwrap();
    assert!(face.shows("甄示例"));
    face.tap("遮盖").unwrap();
    assert!(!face.shows("甄示例"));
    face.tap("退出").unwrap();
    face.tap(STAY).unwrap();
    face.tap("示证").unwrap();
    private(&face, "a visit");
    assert!(face.shows("床位费(三人间)"), "{:?}", face.texts());
    face.tap("退出").unwrap();
    face.tap("患者").unwrap();
    assert!(everything(&face).contains("禾田"), "outside 示证 the officer sees where else");
    if let Some(read) = read_from_picture(&face) {
        assert!(read.contains("禾田"), "it would have been read where it stands: {read}");
    }
    face.tap("示证").unwrap();
    private(&face, "a person");
    assert!(face.shows("床位费天数多于住院天数"), "what was confirmed");
    // A hint is not shown to the party at all.
    face.tap("退出").unwrap();
    for _ in 0..3 {
        face.tap("返回").unwrap();
    }
    face.tap("绿·线索跟踪 整段住院落在假期的比例高 国庆期间占 31%，同级中位 12%；只作方向")
        .unwrap();
    face.tap("示证").unwrap();
    assert!(face.shows("线索跟踪类不向对方出示"));
}

/// A bed on a corridor: ward, bed, person, without a keyboard.
#[test]
fn a_bed_is_found_by_ward_and_number() {
    let face = on_site();
    face.tap("查找").unwrap();
    face.tap("一病区 2").unwrap();
    assert!(face.shows("06 床  甄*例") && face.shows("12 床  王*构"), "{:?}", face.texts());
    face.tap("一病区 2").unwrap();
    assert!(!face.shows("06 床  甄*例"), "the chosen ward again goes back to all of them");
    face.tap("二病区 2").unwrap();
    assert!(!face.shows("06 床  甄*例") && face.shows("07 床  李*本"));
}

/// Days fold; the day that was noticed is open and its lines are marked.
#[test]
fn the_noticed_day_is_open_and_a_kind_narrows_the_lines() {
    let face = on_site();
    face.tap("线索").unwrap();
    face.tap(BED).unwrap();
    face.tap(STAY).unwrap();
    assert!(face.shows("11-17") && face.shows("床位费(三人间)"), "{:?}", face.texts());
    face.tap("收起费用构成").unwrap();
    face.tap("治疗费").unwrap();
    assert!(face.shows("11-09") && !face.shows("二级护理"), "{:?}", face.texts());
    face.tap("11-09 周一 · 8 行").unwrap();
    face.tap("医嘱与记录").unwrap();
    assert!(face.shows("请假"));
}

/// rules.md: the package opens with the centre's findings in it; the handheld's own run adds to them and says
/// who found what.
#[test]
fn what_the_centre_found_is_told_apart_from_what_the_handheld_found() {
    let face = on_site();
    face.tap("线索").unwrap();
    assert!(face.shows("线索 3"), "the centre's is not counted twice: {:?}", face.texts());
    face.tap(BED).unwrap();
    assert!(everything(&face).contains("中心与本机均发现"), "{}", everything(&face));
    face.tap("返回").unwrap();
    let stays = "黄·待核实 两次住院间隔 4 天且诊断相同 11-05 出院，11-09 又入院，诊断相同";
    face.tap(stays).unwrap();
    assert!(everything(&face).contains("本机发现"), "{}", everything(&face));
    assert!(!everything(&face).contains("中心与本机均发现"));
}

/// rules.md, weight decides the order: forty small sums of one pattern are one entry that leads to its members,
/// and hide nothing else.
#[test]
fn findings_of_one_pattern_are_one_entry() {
    use spotcheck_app::desk::Desk as _;
    let mut desk = FakeDesk::new();
    let officer = spotcheck_domain::OfficerId::parse("O-0017").unwrap();
    desk.unlock(&officer, &secrecy::SecretString::from(FIRST_PIN.to_owned())).unwrap();
    let task = desk.tasks().unwrap()[0].task.id.clone();
    desk.check_package(&task).unwrap();
    let one = desk.packed_findings(&task).unwrap().remove(0);
    let own: Vec<_> = (0..40)
        .map(|n| {
            let mut finding = one.clone();
            finding.code = Some(if n == 39 { "B002" } else { "B001" }.to_owned());
            finding.mdtrt_id = Some(format!("V{n}"));
            finding.bkkp_sn = vec![format!("V{n}-1")];
            finding
        })
        .collect();
    let merged = spotcheck_app::rules::merge(Vec::new(), own);
    let places: Vec<usize> = (0..merged.len()).collect();
    let entries = crate::findings::suspicions::entries(&merged, &places, &Default::default());
    assert_eq!(entries.len(), 2, "{entries:?}");
    assert!(entries[0].many && entries[0].reason.contains("同类 39 条"), "{:?}", entries[0]);
    assert!(!entries[1].many);
    assert_eq!(
        entries[0].amount,
        crate::words::yuan(spotcheck_domain::Amount::from_millionths(76_000_000 * 39)).as_str()
    );
}
