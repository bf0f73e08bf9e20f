//! A small hospital with the natural traps, each figure worked out by hand.

use std::collections::BTreeSet;

use rstest::rstest;
use spotcheck_domain::columns::{Cell as C, ColumnSource, MemoryColumns};
use spotcheck_domain::time::day_number;

use super::{Answer, Ask, BehindAsk, Catalogue, Dimension, Line, compute};
use crate::pack::{Pack, national};
use crate::{Error, Stage, Watch};

fn catalogue() -> Catalogue {
    national().expect("pack").indicators
}

fn day(text: &str) -> i64 {
    day_number(text).expect("day")
}

fn period(from: &str, to: &str) -> (i64, i64) {
    (day(from), day(to))
}

/// The first quarter of 2026.
fn quarter() -> (i64, i64) {
    period("2026-01-01", "2026-03-31")
}

fn id_of(catalogue: &Catalogue, name: &str) -> String {
    let found = catalogue.indicators.values().find(|i| i.name == name);
    found.unwrap_or_else(|| panic!("no indicator {name}")).id.clone()
}

/// One figure by its name.
fn ask(source: &MemoryColumns, name: &str, change: impl FnOnce(&mut Ask)) -> Answer {
    let catalogue = catalogue();
    let ids = vec![id_of(&catalogue, name)];
    let mut ask = Ask { ids, period: quarter(), ..Ask::default() };
    change(&mut ask);
    compute(source, &catalogue, &ask, &mut ()).expect("answer")
}

fn line(source: &MemoryColumns, name: &str) -> Line {
    ask(source, name, |_| ()).indicators.remove(0)
}

fn value(source: &MemoryColumns, name: &str) -> String {
    let cell = line(source, name).cell;
    cell.value.unwrap_or_else(|| format!("—{}", cell.why.unwrap_or_default()))
}

fn visit(m: &mut MemoryColumns, id: &str, psn: &str, med_type: &str, begin: &str, end: &str) {
    let department = if med_type == "21" { "D01" } else { "D02" };
    m.add(
        "mdtrt_d",
        &[
            ("mdtrt_id", C::text(id)),
            ("psn_no", C::text(psn)),
            ("fixmedins_code", C::text("H1")),
            ("med_type", C::text(med_type)),
            ("insutype", C::text("310")),
            ("begntime", C::time(begin)),
            ("endtime", C::time(end)),
            ("adm_dept_codg", C::text(department)),
            ("adm_dept_name", C::text(if department == "D01" { "内科" } else { "门诊" })),
            ("dscg_maindiag_code", C::text("I10.x00")),
            ("vali_flag", C::text("1")),
        ],
    );
}

fn settle(m: &mut MemoryColumns, id: &str, visit: &str, at: &str, total: &str, fund: &str) {
    settle_as(m, (id, visit, at), (total, fund), ("0", ""));
}

fn settle_as(
    m: &mut MemoryColumns,
    (id, visit, at): (&str, &str, &str),
    (total, fund): (&str, &str),
    (flag, original): (&str, &str),
) {
    m.add(
        "setl_d",
        &[
            ("setl_id", C::text(id)),
            ("mdtrt_id", C::text(visit)),
            ("fixmedins_code", C::text("H1")),
            ("setl_time", C::time(at)),
            ("medfee_sumamt", C::amount(total)),
            ("fund_pay_sumamt", C::amount(fund)),
            ("refd_setl_flag", C::text(flag)),
            ("init_setl_id", C::text(original)),
            ("vali_flag", C::text("1")),
        ],
    );
}

/// (serial, visit, settlement), (item, kind of charge), (quantity, amount), day.
fn fee(
    m: &mut MemoryColumns,
    (serial, visit, settlement): (&str, &str, &str),
    (item, charge): (&str, &str),
    (cnt, amount): (&str, &str),
    at: &str,
) {
    m.add(
        "fee_list_d",
        &[
            ("bkkp_sn", C::text(serial)),
            ("mdtrt_id", C::text(visit)),
            ("setl_id", C::text(settlement)),
            ("fixmedins_code", C::text("H1")),
            ("fee_ocur_time", C::time(at)),
            ("med_list_codg", C::text(item)),
            ("hilist_name", C::text(&format!("{item}名"))),
            ("med_chrgitm_type", C::text(charge)),
            ("cnt", C::amount(cnt)),
            ("det_item_fee_sumamt", C::amount(amount)),
            ("bilg_dr_code", C::text("DR1")),
            ("vali_flag", C::text("1")),
        ],
    );
}

/// A hospital of four beds. One outpatient settlement is taken back, one line is refunded, one stay reaches over
/// the end of the quarter, one person comes back after four days.
fn hospital() -> MemoryColumns {
    let mut m = MemoryColumns::new();
    m.add(
        "fixmedins_b",
        &[
            ("fixmedins_code", C::text("H1")),
            ("fixmedins_name", C::text("示例医院")),
            ("aprv_bed_cnt", C::Number(4)),
        ],
    );
    for (psn, born) in [("P1", "1950-05-05"), ("P2", "1990-02-01"), ("P3", "2015-01-01")] {
        m.add("psn", &[("psn_no", C::text(psn)), ("brdy", C::time(born)), ("gend", C::text("1"))]);
    }
    visit(&mut m, "O1", "P1", "11", "2026-01-05 09:00:00", "2026-01-05 10:00:00");
    visit(&mut m, "O2", "P2", "13", "2026-02-05 09:00:00", "2026-02-05 10:00:00");
    visit(&mut m, "O3", "P2", "11", "2026-02-06 09:00:00", "2026-02-06 10:00:00");
    visit(&mut m, "S1", "P1", "21", "2026-01-10 08:00:00", "2026-01-15 10:00:00");
    visit(&mut m, "S2", "P1", "21", "2026-01-19 08:00:00", "2026-01-19 18:00:00");
    visit(&mut m, "S3", "P3", "21", "2026-03-30 08:00:00", "2026-04-02 10:00:00");
    visit(&mut m, "S4", "P2", "21", "2026-03-31 08:00:00", "");
    settle(&mut m, "T1", "O1", "2026-01-05 10:30:00", "100", "70");
    settle(&mut m, "T2", "O2", "2026-02-05 10:30:00", "60", "40");
    settle_as(&mut m, ("T2R", "O2", "2026-02-07 10:30:00"), ("-60", "-40"), ("1", "T2"));
    settle(&mut m, "T3", "O3", "2026-02-06 10:30:00", "50.5", "20");
    settle(&mut m, "T4", "S1", "2026-01-15 10:30:00", "1000", "800");
    settle(&mut m, "T5", "S2", "2026-01-19 18:30:00", "500", "400");
    settle(&mut m, "T6", "S3", "2026-04-02 10:30:00", "900", "700");
    fee(&mut m, ("1", "O1", "T1"), ("X1", "09"), ("2", "60"), "2026-01-05");
    fee(&mut m, ("2", "O1", "T1"), ("E1", "03"), ("1", "60"), "2026-01-05");
    fee(&mut m, ("3", "O1", "T1"), ("X1", "09"), ("-1", "-20"), "2026-01-05");
    fee(&mut m, ("1", "O2", "T2"), ("X2", "09"), ("1", "60"), "2026-02-05");
    fee(&mut m, ("R1", "O2", "T2R"), ("X2", "09"), ("-1", "-60"), "2026-02-07");
    fee(&mut m, ("1", "O3", "T3"), ("X2", "11"), ("1", "50.5"), "2026-02-06");
    fee(&mut m, ("1", "S1", "T4"), ("X1", "09"), ("30", "600"), "2026-01-12");
    fee(&mut m, ("2", "S1", "T4"), ("M1", "08"), ("4", "400"), "2026-01-13");
    fee(&mut m, ("1", "S2", "T5"), ("E1", "03"), ("1", "500"), "2026-01-19");
    fee(&mut m, ("1", "S3", "T6"), ("X3", "10"), ("1", "900"), "2026-03-31");
    m
}

/// rules.md: ≥ 120 indicators, ≥ 10 warnings, ≥ 12 topics, and the monitoring of the first systems is there.
#[test]
fn the_national_catalogue_has_what_was_promised() {
    let all = catalogue();
    assert!(all.indicators.len() >= 120, "{}", all.indicators.len());
    assert!(all.warnings.len() >= 10 && all.topics.len() >= 12);
    for name in [
        "就诊人次",
        "就诊人数",
        "处方数",
        "住院总天数",
        "次均费用",
        "平均住院日",
        "医疗费总额",
        "基金支付",
        "检查费",
        "药品费",
        "治疗费",
        "卫生材料费",
        "检查费占比",
        "药品费占比",
        "治疗费占比",
        "卫生材料费占比",
        "金额前 20 位的药品",
        "床日药品费",
        "31 天内再入院率",
        "医疗费总额增幅",
    ] {
        id_of(&all, name);
    }
    let wards = all.topics.values().find(|t| t.by == Some(Dimension::Ward)).expect("wards");
    assert_eq!(wards.name, "病区三费");
    let names: BTreeSet<&str> = all.indicators.values().map(|i| i.name.as_str()).collect();
    assert_eq!(names.len(), all.indicators.len(), "no two figures of one name");
    for t in all.terms.keys() {
        let used = all.indicators.values().any(|i| i.formula.terms().iter().any(|u| u.0 == t));
        assert!(used, "term {t} is in no indicator");
    }
}

#[rstest]
// A settlement that was taken back counts nowhere, nor does the one that took it back.
#[case("结算人次", "4")]
#[case("医疗费总额", "1650.50")]
#[case("基金支付", "1290.00")]
#[case("次均费用", "412.63")]
#[case("基金支付占比", "78.16")]
#[case("日均医疗费", "18.34")]
#[case("退费结算笔数", "1")]
#[case("退费结算金额", "-60.00")]
// Its lines neither; a refunded line is set off against its original.
#[case("费用明细合计", "2550.50")]
#[case("药品费", "1590.50")]
#[case("西药费", "640.00")]
#[case("药品费占比", "62.36")]
#[case("退费明细行数", "1")]
// Visits by begntime, discharges by endtime: S3 began in the quarter and ended after it, S4 is still in.
#[case("就诊人次", "7")]
#[case("就诊人数", "3")]
#[case("人均就诊次数", "2.33")]
#[case("门诊人次", "3")]
#[case("急诊人次", "1")]
#[case("入院人次", "4")]
#[case("出院人次", "2")]
// Five days, and one for a stay that ends on its day.
#[case("住院总天数", "6")]
#[case("平均住院日", "3.00")]
// Beds by the days inside the quarter: 5 + 1 + 2 + 1.
#[case("实际占用床日", "9")]
#[case("期间在院人次", "4")]
#[case("核定床位使用率", "2.50")]
#[case("床日药品费", "166.67")]
// P1 came back after four days with the same diagnosis.
#[case("次日内再入院人次", "0")]
#[case("7 天内再入院率", "50.00")]
#[case("31 天内同病种再入院率", "50.00")]
#[case("65 岁及以上就诊占比", "42.86")]
#[case("14 岁及以下就诊占比", "14.29")]
#[case("金额前 20 位的药品", "1590.50")]
#[case("金额前 20 位药品占药品费比例", "100.00")]
// Only one settlement has a group; what is known of it counts, the others are told as missing.
#[case("病组支付标准与医疗费之差", "200.00")]
#[case("按项目付费住院结算人次", "—未上传")]
fn a_figure_is_what_a_reader_works_out(#[case] name: &str, #[case] expected: &str) {
    let mut source = hospital();
    source.add(
        "grp",
        &[
            ("setl_id", C::text("T4")),
            ("pay_way", C::text("drg")),
            ("pay_std_amt", C::amount("1200")),
        ],
    );
    assert_eq!(value(&source, name), expected);
}

/// Missing values are left out and counted aloud, never taken as zero.
#[test]
fn what_was_not_uploaded_is_told_and_not_counted() {
    let mut source = hospital();
    settle(&mut source, "T7", "O3", "2026-02-08", "", "5");
    fee(&mut source, ("9", "O3", "T3"), ("X9", ""), ("1", "7"), "2026-02-08");
    let answer = ask(&source, "次均费用", |_| ());
    let cell = &answer.indicators[0].cell;
    // Five settlements, four amounts.
    assert_eq!((cell.value.as_deref(), cell.missing), (Some("330.10"), 1));
    assert!(answer.notes.iter().any(|n| n.text.contains("1 行未上传")), "{:?}", answer.notes);
    // A line without kind of charge may be a drug: it is in the sum of all and missing in that of drugs.
    let drug = line(&source, "药品费").cell;
    assert_eq!((drug.value.as_deref(), drug.missing), (Some("1590.50"), 1));
    assert_eq!(value(&source, "费用明细合计"), "2557.50");
    // No table at all, and a table without any of the values.
    assert_eq!(value(&source, "检查报告份数"), "—未上传");
    assert_eq!(value(&source, "先行自付金额"), "—未上传");
    assert_eq!(value(&source, "门诊慢特病人均费用"), "—分母为零");
    // Rows that no period can take are told.
    visit(&mut source, "O9", "P1", "11", "", "");
    let answer = ask(&source, "就诊人次", |_| ());
    assert_eq!(answer.indicators[0].cell.value.as_deref(), Some("7"));
    assert!(answer.notes.iter().any(|n| n.text.contains("1 行未上传时间")), "{:?}", answer.notes);
}

#[test]
fn rows_marked_invalid_and_rows_of_unknown_visits_count_nowhere() {
    let mut source = hospital();
    source.add(
        "mdtrt_d",
        &[
            ("mdtrt_id", C::text("V0")),
            ("psn_no", C::text("P1")),
            ("fixmedins_code", C::text("H1")),
            ("begntime", C::time("2026-01-05")),
            ("vali_flag", C::text("0")),
        ],
    );
    fee(&mut source, ("1", "V0", ""), ("X1", "09"), ("1", "1000"), "2026-01-05");
    assert_eq!(value(&source, "就诊人次"), "7");
    let answer = ask(&source, "药品费", |_| ());
    assert_eq!(answer.indicators[0].cell.value.as_deref(), Some("1590.50"));
    assert!(answer.notes.iter().any(|n| n.text.contains("1 行对应的就诊")), "{:?}", answer.notes);
}

#[test]
fn two_periods_stand_side_by_side_with_the_growth() {
    let source = hospital();
    let answer = ask(&source, "医疗费总额", |a| {
        (a.period, a.against) =
            (period("2026-02-01", "2026-02-28"), Some(period("2026-01-01", "2026-01-31")));
    });
    let line = &answer.indicators[0];
    assert_eq!(line.cell.value.as_deref(), Some("50.50"));
    assert_eq!(line.against.as_ref().and_then(|a| a.value.as_deref()), Some("1600.00"));
    assert_eq!(line.growth.as_deref(), Some("-96.84"));
    // A figure that is growth itself takes last year where nothing else is said.
    let answer = ask(&source, "医疗费总额增幅", |_| ());
    assert_eq!(answer.against, Some(("2025-01-01".to_owned(), "2025-03-31".to_owned())));
    assert_eq!(answer.indicators[0].cell.why.as_deref(), Some("对比期为零"));
    let answer = ask(&source, "医疗费总额增幅", |a| {
        (a.period, a.against) =
            (period("2026-01-01", "2026-01-31"), Some(period("2026-04-01", "2026-04-30")));
    });
    assert_eq!(answer.indicators[0].cell.value.as_deref(), Some("77.78"));
    assert_eq!(answer.warnings[0].threshold, "高于 50%");
}

#[test]
fn parts_are_named_sorted_and_add_up() {
    let mut source = hospital();
    source.add(
        "mdtrt_d",
        &[
            ("mdtrt_id", C::text("O8")),
            ("psn_no", C::text("P2")),
            ("fixmedins_code", C::text("H1")),
            ("med_type", C::text("11")),
            ("begntime", C::time("2026-01-07")),
        ],
    );
    let answer = ask(&source, "就诊人次", |a| a.by = Some(Dimension::Department));
    let parts: Vec<_> = answer.indicators[0]
        .parts
        .iter()
        .map(|p| (p.key.as_str(), p.name.as_str(), p.cell.value.as_deref().unwrap()))
        .collect();
    assert_eq!(parts, [("D01", "内科", "4"), ("D02", "门诊", "3"), ("", "未上传", "1")]);
    let answer = ask(&source, "药品费", |a| (a.by, a.limit) = (Some(Dimension::Item), 2));
    let line = &answer.indicators[0];
    assert_eq!(line.parts_total, 3);
    let parts: Vec<_> = line.parts.iter().map(|p| (p.key.as_str(), p.name.as_str())).collect();
    assert_eq!(parts, [("X3", "X3名"), ("X1", "X1名")]);
    let narrowed = ask(&source, "就诊人次", |a| {
        a.only = vec![(Dimension::Department, "D01".to_owned())];
    });
    assert_eq!(narrowed.indicators[0].cell.value.as_deref(), Some("4"));
    let by_type = ask(&source, "就诊人次", |a| a.by = Some(Dimension::VisitType));
    assert_eq!(by_type.indicators[0].parts[0].name, "普通住院");
}

#[test]
fn the_rows_behind_a_figure_have_keys() {
    let source = hospital();
    let answer = ask(&source, "药品费", |a| {
        a.by = Some(Dimension::Item);
        a.behind = Some(BehindAsk { key: Some("X1".to_owned()), limit: 2 });
    });
    let behind = &answer.behind[0];
    assert_eq!(
        (behind.table.as_str(), behind.total, behind.name.as_str()),
        ("fee_list_d", 3, "药品费")
    );
    let rows: Vec<_> =
        behind.rows.iter().map(|r| (&*r.mdtrt_id, &*r.setl_id, &*r.bkkp_sn)).collect();
    assert_eq!(rows, [("O1", "T1", "1"), ("O1", "T1", "3")]);
    assert!(behind.rows.iter().all(|r| r.psn_no == "P1"), "{:?}", behind.rows);
}

/// A top list names its items, largest first, beside what they were.
#[test]
fn a_ranking_lists_what_it_adds() {
    let answer = ask(&hospital(), "金额前 20 位的药品", |_| ());
    let list: Vec<_> = answer.indicators[0]
        .list
        .iter()
        .map(|p| (p.key.as_str(), p.cell.value.as_deref().unwrap()))
        .collect();
    assert_eq!(list, [("X3", "900.00"), ("X1", "640.00"), ("X2", "50.50")]);
}

/// rules.md: results are deterministic; the order of rows is not part of them.
#[test]
fn the_order_of_rows_does_not_matter() {
    let source = hospital();
    let catalogue = catalogue();
    let ask = Ask {
        period: quarter(),
        against: Some(period("2026-04-01", "2026-06-30")),
        by: Some(Dimension::Department),
        ..Ask::default()
    };
    let one = compute(&source, &catalogue, &ask, &mut ()).expect("one");
    let mut other = source.fresh();
    other.reorder(|_, n| u64::try_from(n).unwrap().wrapping_mul(0x9e37_79b9_7f4a_7c15));
    assert_eq!(one, compute(&other, &catalogue, &ask, &mut ()).expect("other"));
    assert_eq!(one.indicators.len(), catalogue.indicators.len());
}

/// Against 统方: what tells drugs of a doctor, or single items of a department, is guarded, however it is asked.
#[rstest]
#[case("药品费", Some(Dimension::Doctor), &[], false, true)]
#[case("卫生材料费占比", Some(Dimension::Doctor), &[], false, true)]
#[case("药品费增幅", Some(Dimension::Doctor), &[], false, true)]
#[case("药品费", Some(Dimension::Item), &[Dimension::Department], false, true)]
#[case("药品费", Some(Dimension::Department), &[], true, true)]
#[case("金额前 20 位的药品", None, &[Dimension::Department], false, true)]
#[case("金额前 20 位的药品", Some(Dimension::Ward), &[], false, true)]
#[case("费用明细合计", Some(Dimension::Item), &[Dimension::Doctor], false, true)]
#[case("药品费", Some(Dimension::Department), &[], false, false)]
#[case("药品费", Some(Dimension::Item), &[], false, false)]
#[case("就诊人次", Some(Dimension::Doctor), &[], false, false)]
#[case("检查费", Some(Dimension::Doctor), &[], false, false)]
fn drugs_by_doctor_or_department_are_guarded(
    #[case] name: &str,
    #[case] by: Option<Dimension>,
    #[case] only: &[Dimension],
    #[case] behind: bool,
    #[case] guarded: bool,
) {
    let catalogue = catalogue();
    let ask = Ask {
        ids: vec![id_of(&catalogue, name)],
        period: quarter(),
        by,
        only: only.iter().map(|d| (*d, "D01".to_owned())).collect(),
        behind: behind.then(|| BehindAsk { key: Some("D01".to_owned()), limit: 1 }),
        ..Ask::default()
    };
    assert_eq!(ask.is_guarded(&catalogue).expect("ask"), guarded);
    let answer = compute(&hospital(), &catalogue, &ask, &mut ()).expect("answer");
    assert_eq!(answer.guarded, guarded);
}

#[test]
fn what_cannot_be_answered_is_said_in_words() {
    let catalogue = catalogue();
    let said = |ask: Ask| match compute(&hospital(), &catalogue, &ask, &mut ()) {
        Err(Error::Ask(what)) => what,
        other => panic!("{other:?}"),
    };
    let base = Ask { period: quarter(), ..Ask::default() };
    assert!(said(Ask { ids: vec!["I999".to_owned()], ..base.clone() }).contains("没有指标 I999"));
    assert!(said(Ask { topic: Some("T99".to_owned()), ..base.clone() }).contains("没有专题"));
    let beds = id_of(&catalogue, "核定床位使用率");
    let by = Some(Dimension::Disease);
    assert!(said(Ask { ids: vec![beds], by, ..base.clone() }).contains("病种"));
    assert!(said(Ask { period: (5, 4), ..base.clone() }).contains("期间"));
    let none = Ask { facility: Some("H9".to_owned()), ..base };
    assert!(matches!(compute(&hospital(), &catalogue, &none, &mut ()), Err(Error::NoFacility)));
}

#[test]
fn a_run_can_be_stopped() {
    struct Stop;
    impl Watch for Stop {
        fn progress(&mut self, stage: Stage, _: u64, _: u64) -> bool {
            stage != Stage::Lines
        }
    }
    let ask = Ask { period: quarter(), ..Ask::default() };
    let result = compute(&hospital() as &dyn ColumnSource, &catalogue(), &ask, &mut Stop);
    assert!(matches!(result, Err(Error::Cancelled)), "{result:?}");
}

const HEAD: (&str, &[u8]) = ("pack.toml", b"name = 'x'\nversion = '1'\n");
const GUARDS: &str = r#"
guard = [
  { name = "a", dimensions = ["doctor"], drugs = true },
  { name = "b", dimensions = ["doctor", "item"] },
  { name = "c", dimensions = ["department", "item"] },
  { name = "d", dimensions = ["ward", "item"] },
]
"#;

fn refused(text: &str, base: Option<&Pack>) -> (usize, String, String) {
    match Pack::read(&[HEAD, ("indicators.toml", text.as_bytes())], base) {
        Err(Error::Pack(p)) => {
            assert_eq!(p.file, "indicators.toml");
            (p.line, p.field, p.reason)
        }
        other => panic!("{:?}", other.map(|p| p.indicators)),
    }
}

#[rstest]
#[case("term = [\n  { id = \"a\", name = \"a\", entity = \"nope\" },\n]", 2, "term a .entity")]
#[case(
    "term = [\n  { id = \"a\", name = \"a\", entity = \"line\", sum = \"kind\" },\n]",
    2,
    "term a .sum"
)]
#[case(
    "[[term]]\nid = \"a\"\nname = \"a\"\nentity = \"line\"\nwhere = { nope = [\"1\"] }\n",
    5,
    "term a .where.nope"
)]
#[case(
    "[[term]]\nid = \"a\"\nname = \"a\"\nentity = \"line\"\nwhere = { cnt = { min = 1 } }\n",
    5,
    "term a .where.cnt"
)]
#[case("[[term]]\nid = \"a\"\nname = \"a\"\nentity = \"line\"\nnope = 1\n", 5, "TOML")]
#[case(
    "[[indicator]]\nid = \"I1\"\nname = \"n\"\nformula = { value = \"a\", ratio = [\"a\", \"b\"] }\nunit = \"u\"\ngood = \"up\"\ndimensions = []\nsource = \"s\"\n",
    4,
    "indicator I1 .formula"
)]
#[case(
    "[[indicator]]\nid = \"I1\"\nname = \"n\"\nformula = { value = \"a\" }\nunit = \"u\"\ngood = \"up\"\ndimensions = [\"planet\"]\nsource = \"s\"\n",
    7,
    "indicator I1 .dimensions"
)]
#[case(
    "[[indicator]]\nid = \"I1\"\nname = \"n\"\nformula = { value = \"a\" }\nunit = \"u\"\ngood = \"up\"\ndimensions = []\nsource = \"s\"\n",
    2,
    "indicator I1 .formula"
)]
#[case(
    "[[warning]]\nid = \"W1\"\nname = \"n\"\nindicator = \"I1\"\nabove = \"1\"\norigin = \"local\"\ntell = [\"检查组\"]\nsource = \"s\"\n",
    2,
    "warning W1 .indicator"
)]
#[case("[[topic]]\nid = \"T1\"\nname = \"n\"\nindicators = [\"I1\"]\n", 2, "topic T1 .indicators")]
#[case(
    "[[topic]]\nid = \"T1\"\nname = \"n\"\nindicators = []\n[[topic]]\nid = \"T1\"\nname = \"n\"\nindicators = []\n",
    6,
    "topic T1 .id"
)]
fn a_wrong_file_is_refused_by_line_and_field(
    #[case] text: &str,
    #[case] line: usize,
    #[case] field: &str,
) {
    let (at, what, reason) = refused(text, None);
    assert_eq!((at, what.as_str()), (line, field), "{reason}");
}

const OWN: &str = "term = [\n  { id = \"t\", name = \"甲药\", entity = \"line\", sum = \"det_item_fee_sumamt\", where = { med_list_codg = [\"X1\"] } },\n]\nindicator = [\n  { id = \"I901\", name = \"甲药费\", formula = { value = \"t\" }, unit = \"元\", decimals = 2, good = \"down\", dimensions = [\"doctor\"]GUARD, source = \"本地\" },\n]\n";

/// A region adds figures of its own; it cannot open what is guarded.
#[test]
fn an_overlay_adds_and_never_opens() {
    let base = national().expect("pack");
    let (line, field, _) = refused(&OWN.replace("GUARD", ""), Some(&base));
    assert_eq!((line, field.as_str()), (5, "indicator I901 .guarded"));
    let own = OWN.replace("GUARD", ", guarded = [\"doctor\"]");
    let pack = Pack::read(&[HEAD, ("indicators.toml", own.as_bytes())], Some(&base)).expect("pack");
    assert_eq!(pack.indicators.indicators.len(), base.indicators.indicators.len() + 1);
    assert_eq!(pack.indicators.guards, base.indicators.guards);
    let ask = Ask { ids: vec!["I901".to_owned()], period: quarter(), ..Ask::default() };
    let answer = compute(&hospital(), &pack.indicators, &ask, &mut ()).expect("answer");
    assert_eq!(answer.indicators[0].cell.value.as_deref(), Some("640.00"));
    // Alone it lacks the guards, and so is refused.
    let (_, field, reason) = refused(&own, None);
    assert_eq!(field, "guard", "{reason}");
    Pack::read(&[HEAD, ("indicators.toml", format!("{GUARDS}{own}").as_bytes())], None)
        .expect("own");
}

proptest::proptest! {
    /// Whatever the file holds: a catalogue or a refusal, never a panic.
    #[test]
    fn any_text_is_a_catalogue_or_a_refusal(cut in 0_usize..4000, junk in "[ -~]{0,40}") {
        let whole = include_str!("../packs/national/indicators.toml");
        let text: String = whole.chars().skip(600).take(cut).chain(junk.chars()).collect();
        let _ = Pack::read(&[HEAD, ("indicators.toml", text.as_bytes())], None);
    }
}

mod months;
