//! What a pack must be, and how exactly it is refused.

use std::collections::BTreeMap;

use super::{NATIONAL_FILES, NOT_CARRIED, OFFICIAL_88, Origin, Pack, national, pack_digest};
use crate::error::Error;

#[test]
fn the_national_pack_loads_and_every_rule_has_all_attributes() {
    let pack = national().expect("national pack");
    assert!(pack.ids().len() >= 120, "{} rules", pack.ids().len());
    assert_eq!(pack.label(), "national@2026.11");
    for rule in &pack.rules {
        let o = &rule.official;
        for (what, text) in [
            ("definition", &o.definition),
            ("logic", &o.logic),
            ("result", &o.result),
            ("range", &o.range),
        ] {
            assert!(!text.is_empty(), "{} has no {what}", rule.id);
        }
        // 规则运行结果类型: of the two libraries' two kinds the one that the class of domain.md 4.5 means.
        let result = if rule.grade == super::Grade::V { "违规" } else { "可疑" };
        assert_eq!(o.result, result, "{}", rule.id);
        let lists = [&o.level, &o.facility, &o.scene, &o.fee, &o.stage, &o.insurance];
        assert!(lists.iter().all(|l| !l.is_empty()), "{} misses an attribute", rule.id);
        assert!(!rule.look.is_empty() && !rule.doubt.is_empty(), "{}", rule.id);
        for (name, param) in &rule.params {
            assert!(
                param.value.is_some() || param.origin == Origin::LocalDefault,
                "{}.{name}: a value that is not there cannot be official",
                rule.id
            );
        }
    }
}

/// Issue 4: 定义 is the sense of the official rule, 逻辑 is what the kernel does with which parameters. The logic names
/// every parameter with the value that stands in the pack, and every natural cause that silences the rule.
#[test]
fn definition_and_logic_say_two_things_and_the_logic_says_its_parameters() {
    let pack = national().expect("pack");
    for rule in &pack.rules {
        let (definition, logic) = (rule.official.definition.trim(), rule.official.logic.trim());
        assert_ne!(definition, logic, "{}", rule.id);
        assert!(definition.chars().count() >= 8, "{}: {definition}", rule.id);
        assert!(logic.chars().count() >= 15, "{}: {logic}", rule.id);
        for (name, param) in &rule.params {
            let said = match param.value {
                Some(value) => format!("{name}={}", crate::kernel::plain(value)),
                None => format!("{name} 待装载"),
            };
            let mut words = logic.split(['、', '：', '。']);
            assert!(words.any(|w| w == said), "{}: {said} is not in {logic}", rule.id);
        }
        let lists = [&rule.usage.items, &rule.usage.other].into_iter().flatten();
        for list in lists.filter_map(|s| s.list.as_ref()).chain(&rule.usage.list) {
            assert!(
                logic.contains(&format!("清单{list}")),
                "{}: {list} is not in {logic}",
                rule.id
            );
        }
    }
}

/// The two libraries' 时间区间 当次住院 is of stays only and 当次门诊 of clinics; what looks at more, or at counters, is
/// 当次就诊.
#[test]
fn a_rule_over_one_stay_or_one_clinic_visit_has_no_other_scene() {
    let pack = national().expect("pack");
    let only =
        |o: &super::Official, range: &str, scene: &str| o.range != range || o.scene == [scene];
    let mixed =
        |o: &super::Official| !only(o, "当次住院", "住院") || !only(o, "当次门诊", "门急诊");
    let wrong: Vec<&str> =
        pack.rules.iter().filter(|r| mixed(&r.official)).map(|r| r.id.as_str()).collect();
    assert_eq!(wrong, <[&str; 0]>::default());
}

/// domain.md marks by † what comes from some source; that is no publication of an authority.
#[test]
fn nothing_is_official_whose_source_is_only_our_own_page() {
    let pack = national().expect("pack");
    let own =
        |origin: Origin, source: &str| origin == Origin::Official && source.contains("domain.md");
    for rule in &pack.rules {
        for (name, p) in &rule.params {
            assert!(!own(p.origin, &p.source), "{}.{name}: {}", rule.id, p.source);
        }
    }
    for (list, knowledge) in &pack.knowledge {
        assert!(knowledge.points.iter().all(|p| !own(p.origin, &p.source)), "{list}");
    }
}

/// rules.md: S, not V, for these.
#[test]
fn grades_are_those_that_rules_md_corrects() {
    use super::Grade;
    let pack = national().expect("pack");
    for id in ["A06", "A07", "A20", "A24", "G03", "G06", "G08", "H05", "H10", "H15"] {
        let rule = pack.rules.iter().find(|r| r.id == id).expect(id);
        assert_eq!(rule.grade, Grade::S, "{id}");
    }
    for id in ["C03", "C04", "C05", "E01", "F08"] {
        let rule = pack.rules.iter().find(|r| r.id == id).expect(id);
        assert!(rule.downgrade.contains(&super::Exclusion::Newborn), "{id}");
    }
    for id in ["A14", "A15", "A15-1", "A18"] {
        let rule = pack.rules.iter().find(|r| r.id == id).expect(id);
        assert_eq!(rule.local, ["counting_rule"], "{id}");
    }
    // Registers of units, machines and staff are as complete as the house keeps them; no parameter makes them so.
    for id in ["B13", "B27", "B39", "I02"] {
        let rule = pack.rules.iter().find(|r| r.id == id).expect(id);
        assert_eq!(
            (rule.grade, rule.params.contains_key("counting_rule")),
            (Grade::S, false),
            "{id}"
        );
    }
}

#[test]
fn all_88_official_rules_are_in_the_table_and_name_rules_that_exist() {
    let pack = national().expect("pack");
    let ids = pack.ids();
    let mut rows = 0;
    for line in OFFICIAL_88.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!(cells.len(), 6, "{line}");
        rows += 1;
        assert_eq!(cells[0], rows.to_string());
        let named: Vec<&str> = cells[4].split(';').filter(|i| !i.is_empty()).collect();
        assert!(named.iter().all(|n| ids.contains(n)), "{line}");
        assert!(!named.is_empty() || !cells[5].is_empty(), "not covered and not said why: {line}");
        // What is silent until knowledge points come must not look as if it spoke.
        let waits =
            |id: &&&str| pack.rules.iter().any(|r| r.id == ***id && pack.waits_for_points(r));
        let waiting: Vec<&&str> = named.iter().filter(waits).collect();
        let state = match (named.len(), waiting.len()) {
            (0, _) => "否",
            (all, waiting) if all == waiting => "待装载",
            _ => "是",
        };
        assert_eq!(cells[3], state, "{line}");
        let said = if waiting.len() == named.len() {
            cells[5].contains("逻辑已具备")
        } else {
            waiting.iter().all(|id| cells[5].contains(**id))
        };
        assert!(named.is_empty() || said, "{waiting:?} wait for points: {line}");
        let number = |id: &&str| {
            pack.rules.iter().any(|r| r.id == *id && r.official.numbers.contains(&rows))
        };
        assert!(named.iter().all(number), "{line}");
    }
    assert_eq!(rows, 88);
}

/// Every id of the domain (A01–J12) has a rule, or stands in the table of those that the data cannot carry.
#[test]
fn every_id_of_the_domain_is_a_rule_or_says_why_it_is_none() {
    let pack = national().expect("pack");
    let lengths = [
        ('A', 24),
        ('B', 40),
        ('C', 31),
        ('D', 8),
        ('E', 12),
        ('F', 15),
        ('G', 12),
        ('H', 15),
        ('I', 7),
        ('J', 12),
    ];
    let ids: Vec<String> = lengths
        .iter()
        .flat_map(|(group, last)| (1..=*last).map(move |n| format!("{group}{n:02}")))
        .collect();
    // An id is carried as it is written: a part of it (A24-1) is no stand-in, and hangs on one that is.
    for id in pack.ids() {
        let of = id.split_once('-').map_or(id, |(of, _)| of);
        let known = ids.iter().any(|i| i == of) || of == "H16";
        assert!(known && pack.ids().contains(&of), "{id} hangs on nothing");
    }
    let rows = NOT_CARRIED.lines().skip(1).map(|l| l.split(',').collect::<Vec<_>>());
    let reasons: BTreeMap<&str, &str> = rows.map(|r| (r[0], *r.last().unwrap())).collect();
    let mut none = 0;
    for id in ids {
        let carried = pack.ids().contains(&id.as_str());
        let why = reasons.get(id.as_str()).is_some_and(|why| why.chars().count() > 5);
        assert!(carried != why, "{id}: rule {carried}, reason {why}");
        none += usize::from(why);
    }
    assert_eq!(none, reasons.len());
}

const HEAD: (&str, &[u8]) = ("pack.toml", b"name = \"own\"\nversion = \"1\"\n");

const RULE: &str = r#"
[defaults]
definition = "d"
logic = "l"
result = "可疑"
range = "t"
level = ["x"]
facility = ["x"]
scene = ["x"]
fee = ["x"]
stage = ["x"]
insurance = ["x"]

[[rule]]
id = "X01"
name = "n"
name_party = "p"
kernel = "K1"
use = { form = "zero_day" }
grade = "S"
severity = "M"
weight = 10
clause = ["T38(1)"]
reason = "r {date}"
look = ["x"]
doubt = ["x"]
begndate = "2026-01-01"
[rule.params]
amount = { value = 100, origin = "local" }
"#;

fn read(rules: &str) -> Result<Pack, Error> {
    Pack::read(&[HEAD, ("own.toml", rules.as_bytes())], None)
}

/// The refusal of a changed rule as (file, line, field, reason).
fn refused(from: &str, to: &str) -> (usize, String, String) {
    assert!(RULE.contains(from), "{from}");
    match read(&RULE.replace(from, to)) {
        Err(Error::Pack(p)) => {
            assert_eq!(p.file, "own.toml");
            (p.line, p.field, p.reason)
        }
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn a_wrong_pack_is_refused_with_line_field_and_reason() {
    read(RULE).expect("the pattern itself is right");
    let line_of = |needle: &str| RULE.lines().position(|l| l.contains(needle)).unwrap() + 1;
    let (line, field, reason) = refused("\"K1\"", "\"K99\"");
    assert_eq!((line, field.as_str()), (line_of("kernel"), "rule X01 .kernel"));
    assert!(reason.contains("K99"));
    let (line, _, reason) = refused("weight = 10", "weigth = 10");
    assert_eq!(line, line_of("weight"));
    assert!(reason.contains("weigth"), "{reason}");
    let (line, field, _) = refused("zero_day", "no_such_form");
    assert_eq!((line, field.as_str()), (line_of("use ="), "rule X01 .use.form"));
    let (_, field, _) = refused("zero_day\"", "zero_day\", window = \"day\"");
    assert_eq!(field, "rule X01 .use.window");
    let (line, field, _) = refused("amount = {", "amoumt = {");
    assert_eq!((line > 0, field.as_str()), (true, "rule X01 .params.amount"));
    let (line, field, _) = refused("2026-01-01", "2026-13-01");
    assert_eq!((line, field.as_str()), (line_of("begndate"), "rule X01 .begndate"));
    for clause in ["T999", "T0", "T38(", "T38(0)", "T38)1(", "第38条", ""] {
        let (_, field, reason) = refused("T38(1)", clause);
        assert_eq!((field.as_str(), reason.contains("没有条款")), ("rule X01 .clause", true));
    }
    for (form, attribute) in [("diagnosis", "agee"), ("operation", "level"), ("staff", "sex")] {
        let list = if form == "staff" { "" } else { ", list = \"x\"" };
        let to = format!("{form}\", attribute = \"{attribute}\"{list}");
        let (_, field, _) = refused("zero_day\"", &to);
        assert_eq!(field, "rule X01 .use.attribute");
    }
    let (line, field, reason) = refused("\"p\"", "\"构成违规\"");
    assert_eq!((line, field.as_str()), (line_of("name_party"), "rule X01 .name_party"));
    assert!(reason.contains("违规"));
    for (from, to, where_) in [
        ("name = \"n\"", "name = \"虚假住院\"", "name"),
        ("reason = \"r {date}\"", "reason = \"骗保 {date}\"", "reason"),
        ("look = [\"x\"]", "look = [\"x\", \"违法事实\"]", "look"),
        ("doubt = [\"x\"]", "doubt = [\"不构成欺诈\"]", "doubt"),
        ("definition = \"d\"", "definition = \"违规收费\"", "official.definition"),
        ("logic = \"l\"", "logic = \"达到罚款标准\"", "official.logic"),
    ] {
        let (_, field, reason) = refused(from, to);
        assert_eq!(field, format!("rule X01 .{where_}"));
        assert!(reason.contains("不得出现"), "{reason}");
    }
    let (_, field, reason) = refused("{date}", "{nonsense}");
    assert_eq!(field, "rule X01 .reason");
    assert!(reason.contains("nonsense"));
    let (line, field, reason) = refused("result = \"可疑\"", "result = \"违法\"");
    assert_eq!((line, field.as_str()), (line_of("result ="), "rule X01 .official.result"));
    assert!(reason.contains("可疑"), "{reason}");
    let (_, field, _) = refused("definition = \"d\"\n", "");
    assert_eq!(field, "rule X01 .official.definition");
    let (_, field, reason) = refused("value = 100", "value = \"many\"");
    assert_eq!(field, "rule X01 .params.amount");
    assert!(reason.contains("数字"));
}

#[test]
fn two_versions_of_a_rule_must_not_overlap_in_time() {
    let second = RULE.split("[[rule]]").nth(1).expect("rule");
    let twice = format!("{RULE}\n[[rule]]{second}");
    match read(&twice) {
        Err(Error::Pack(p)) => assert!(p.reason.contains("重叠"), "{p}"),
        other => panic!("{other:?}"),
    }
    let apart = format!(
        "{}\n[[rule]]{}",
        RULE.replace("\"2026-01-01\"", "\"2025-01-01\"\nenddate = \"2025-12-31\""),
        second
    );
    let pack = read(&apart).expect("two versions");
    assert_eq!(pack.rules.len(), 2);
    assert_eq!(pack.ids(), ["X01"]);
}

#[test]
fn knowledge_points_must_not_overlap_and_say_where_they_come_from() {
    let head = "code,code_b,value,unit,text,begndate,enddate,origin,source\n";
    let base = national().expect("base");
    let read = |rows: &str| {
        let csv = format!("{head}{rows}");
        Pack::read(&[HEAD, ("B04.kp.csv", csv.as_bytes())], Some(&base))
    };
    read("A,,1,日,,2025-01-01,2025-12-31,official,x\nA,,2,日,,2026-01-01,,official,x\n")
        .expect("ok");
    let fail = |rows: &str| match read(rows) {
        Err(Error::Pack(p)) => (p.line, p.field),
        other => panic!("{other:?}"),
    };
    let twice = "A,,1,日,,2025-01-01,,official,x\nA,,2,日,,2026-01-01,,official,x\n";
    assert_eq!(fail(twice), (3, "begndate".to_owned()));
    assert_eq!(fail("A,,1,日,,2025-01-01,,somebody,x\n"), (2, "origin".to_owned()));
    assert_eq!(fail("A,,one,日,,2025-01-01,,local,x\n"), (2, "value".to_owned()));
    assert_eq!(fail(",,1,日,,2025-01-01,,local,x\n"), (2, "code".to_owned()));
    assert_eq!(fail("A,,1\n"), (2, "row".to_owned()));
}

#[test]
fn an_overlay_adjusts_what_is_there_and_nothing_else() {
    let base = national().expect("base");
    let overlay = |text: &str| Pack::read(&[HEAD, ("a.toml", text.as_bytes())], Some(&base));
    let adjusted = overlay(
        "[[adjust]]\nid = \"A14\"\nparams = { counting_rule = { value = 1, origin = \"local\" } }\n",
    )
    .expect("overlay");
    assert_eq!(adjusted.label(), "national+own@2026.11+1");
    let rule = adjusted.rules.iter().find(|r| r.id == "A14").expect("A14");
    assert_eq!(rule.param("counting_rule"), Some(1_000_000));
    assert_ne!(adjusted.digest, base.digest);
    let counted = |id: &str, value: u32| {
        let params = format!("{{ counting_rule = {{ value = {value}, origin = \"local\" }} }}");
        match overlay(&format!("[[adjust]]\nid = \"{id}\"\nparams = {params}\n")) {
            Ok(_) => String::new(),
            Err(Error::Pack(p)) => format!("{} {}", p.field, p.reason),
            Err(other) => panic!("{other:?}"),
        }
    };
    assert_eq!((counted("A14", 1), counted("A15", 2)), (String::new(), String::new()));
    assert!(counted("A14", 9).contains("应为 1 或 2"), "a way of counting that no kernel knows");
    assert!(
        counted("B27", 1).contains("没有这个参数"),
        "what no kernel reads makes nothing certain"
    );
    let fail = |text: &str| match overlay(text) {
        Err(Error::Pack(p)) => (p.line, p.field),
        other => panic!("{other:?}"),
    };
    assert_eq!(fail("[[adjust]]\nid = \"Q99\"\n"), (2, "adjust Q99 .id".to_owned()));
    let unknown =
        "[[adjust]]\nid = \"A14\"\nparams = { nope = { value = 1, origin = \"local\" } }\n";
    assert_eq!(fail(unknown).1, "adjust A14 .params.nope");
    // What an overlay sets is held to the bounds of a rule.
    for (set, field) in [("weight = 200", "weight"), ("max_hits = 0", "max_hits")] {
        let wrong = fail(&format!("[[adjust]]\nid = \"A14\"\n{set}\n"));
        assert_eq!(wrong, (2, format!("adjust A14 .{field}")));
    }
}

#[test]
fn a_rule_with_too_many_hits_is_refused_with_its_place() {
    let pack = national().expect("pack");
    let hits = BTreeMap::from([("A13".to_owned(), 4_001_u64)]);
    let refused = pack.check_hits(&hits, 0).expect_err("refused");
    assert_eq!(refused.file, "a_inpatient.toml");
    assert!(refused.line > 1 && refused.field.contains("max_hits"));
    pack.check_hits(&BTreeMap::from([("A13".to_owned(), 4_000_u64)]), 0).expect("just so");
}

/// What is wrong all over a large house is believed there; a bound that the author set low stays.
#[test]
fn a_large_house_may_have_more_hits() {
    let pack = national().expect("pack");
    let hits = |id: &str, n: u64| BTreeMap::from([(id.to_owned(), n)]);
    for (lines, bound) in [(0, 100_000), (2_000_000, 100_000), (12_000_000, 600_000)] {
        pack.check_hits(&hits("A14", bound), lines).expect("just so");
        pack.check_hits(&hits("A14", bound + 1), lines).expect_err("more");
    }
    pack.check_hits(&hits("A13", 4_001), 12_000_000).expect_err("the bound of the rule");
}

#[test]
fn the_digest_does_not_depend_on_the_order_of_files() {
    let mut files = NATIONAL_FILES.to_vec();
    let one = pack_digest(&files);
    files.reverse();
    assert_eq!(one, pack_digest(&files));
    files.pop();
    assert_ne!(one, pack_digest(&files));
}

proptest::proptest! {
    /// Whatever a file holds: a pack or a refusal, never a panic.
    #[test]
    fn any_bytes_are_a_pack_or_a_refusal(
        toml in proptest::collection::vec(0_u8..=255, 0..200),
        cut in 0_usize..900,
        csv in "[a-z0-9,~&*\n\"-]{0,120}",
    ) {
        let _ = Pack::read(&[HEAD, ("a.toml", &toml)], None);
        let text: String = RULE.chars().take(cut).collect();
        let _ = read(&text);
        let list = format!("code,code_b,value,unit,text,begndate,enddate,origin,source\n{csv}");
        let _ = Pack::read(&[HEAD, ("l.kp.csv", list.as_bytes())], None);
    }
}

/// What to look at and why it may be wrong are said for each rule, not filled in.
#[test]
fn every_rule_says_its_own_look_and_doubt() {
    let pack = national().expect("pack");
    for rule in &pack.rules {
        assert!(!rule.doubt.iter().any(|d| d == "数据可能不全"), "{}: {:?}", rule.id, rule.doubt);
        assert_ne!(rule.look, ["费用明细", "病历"], "{}", rule.id);
    }
}

/// A list that says an age in a unit nobody knows, a limit that is no number, or a file that no rule reads: each would
/// load and say something else than its author meant, or nothing.
#[test]
fn points_that_a_rule_cannot_read_are_refused_with_their_line() {
    let base = national().expect("base");
    let header = "code,code_b,value,unit,text,begndate,enddate,origin,source\n";
    let refused = |name: &str, row: &str| {
        let csv = format!("{header}X1,,1,岁,1,2026-01-01,,local,x\n{row}\n");
        match Pack::read(&[HEAD, (name, csv.as_bytes())], Some(&base)) {
            Ok(_) => String::new(),
            Err(Error::Pack(p)) => format!("{}:{} {}", p.file, p.line, p.field),
            Err(other) => panic!("{other:?}"),
        }
    };
    let point = |value: &str, unit: &str| format!("X2,,{value},{unit},,2026-01-01,,local,x");
    for unit in ["岁", "月", "个月", "天"] {
        assert_eq!(refused("C03.kp.csv", &point("6", unit)), "", "{unit}");
    }
    assert_eq!(refused("C03.kp.csv", &point("6", "周")), "C03.kp.csv:3 unit");
    assert_eq!(refused("C03.kp.csv", &point("6", "")), "C03.kp.csv:3 unit");
    assert_eq!(refused("C03.kp.csv", &point("", "岁")), "C03.kp.csv:3 value");
    assert_eq!(refused("B04.kp.csv", &point("", "次")), "B04.kp.csv:3 value");
    assert_eq!(refused("Q99.kp.csv", &point("1", "岁")), "Q99.kp.csv:0 file");
    assert_eq!(
        refused("C29-1.kp.csv", &point("", "")),
        "",
        "what must lie beside it has no number"
    );
}

/// `--rules A99` found nothing, and read as if nothing were wrong.
#[test]
fn a_rule_that_is_not_in_the_pack_cannot_be_asked_for() {
    let pack = national().expect("pack");
    let asked =
        |ids: &[&str]| pack.must_have(&ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>());
    assert!(asked(&["A01", "B26-1"]).is_ok() && asked(&[]).is_ok());
    assert!(matches!(asked(&["A01", "A99"]), Err(Error::NoRule(id)) if id == "A99"));
}
