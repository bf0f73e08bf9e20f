//! Packs above the national one: signed, tried on history, refused by place, the old ones staying (issue 4).

use std::path::Path;

use spotcheck_domain::Trouble;
use spotcheck_rules::{Changes, Options, national};

use crate::audits::Auditor;
use crate::rulepacks::{self, PackFolder};
use crate::testing::TestCentre;

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
id = "LOC1"
name = "一次就诊诊疗项目多于上限"
name_party = "一次就诊诊疗项目 {qty}，上限 {cap}"
kernel = "K3"
use = { form = "sum", window = "visit", cap = "param", measure = "lines", per = "all", items = { list_type = ["201"] } }
grade = "S"
severity = "M"
weight = 10
clause = ["T38(1)"]
reason = "诊疗项目 {qty}，上限 {cap}"
look = ["收费清单"]
doubt = ["当地另有规定"]
begndate = "2024-01-01"
[rule.params]
cap = { value = 1, origin = "local" }
"#;

fn write(folder: &Path, version: &str, rules: &str) {
    let head = format!("name = \"city\"\nversion = \"{version}\"\n");
    std::fs::write(folder.join("pack.toml"), head).unwrap();
    std::fs::write(folder.join("local.toml"), rules).unwrap();
}

/// Code and words of a refusal.
fn no<T: std::fmt::Debug>(result: crate::Result<T>) -> (String, String) {
    let trouble = Trouble::from(result.unwrap_err());
    assert!(trouble.verdict, "{trouble:?}");
    (trouble.code, trouble.message)
}

/// Issue 4, done when: unknown kernel, wrong field, overlapping dates, wrong signature, too many hits: refused
/// with file, line and reason; the old pack stays in force.
#[test]
fn a_wrong_pack_is_refused_by_place_and_the_old_one_stays() {
    let centre = TestCentre::start().unwrap();
    let centre = centre.centre();
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path();
    let read = || PackFolder::read(folder).unwrap();
    let in_force = || rulepacks::in_force(centre).unwrap();
    write(folder, "1", RULE);
    assert!(rulepacks::check(centre, &read(), false).is_ok(), "a draft needs no signature");
    let (code, words) = no(rulepacks::add(centre, &read()));
    assert!(
        code == "RULES-PACK" && words.contains("pack.p7s signature:缺少签名"),
        "a file as a whole has no line: {words}"
    );

    rulepacks::sign(centre, folder).unwrap();
    let added = rulepacks::add(centre, &read()).unwrap();
    assert_eq!((added.changed, added.signer.as_deref()), (vec!["LOC1".to_owned()], Some("centre")));
    assert_eq!(in_force().label(), "national+city@2026.11+1");
    let good = in_force().digest;

    // One byte changed after signing.
    write(folder, "1", &RULE.replace("value = 1", "value = 2"));
    let (_, words) = no(rulepacks::add(centre, &read()));
    assert!(words.contains("不符"), "{words}");
    // Signed by somebody whom this centre does not know.
    let other = TestCentre::start_with(crate::testing::TestOptions {
        claims: crate::testing::TestData::Nothing,
        ..Default::default()
    })
    .unwrap();
    rulepacks::sign(other.centre(), folder).unwrap();
    let (_, words) = no(rulepacks::add(centre, &read()));
    assert!(words.contains("不是本中心签发"), "{words}");

    let place = |text: &str| RULE.lines().position(|l| l.contains(text)).unwrap() + 1;
    for (from, to, said) in [
        ("\"K3\"", "\"K99\"", "没有内核 K99"),
        ("weight = 10", "weigth = 10", "weigth"),
        ("window = \"visit\"", "window = \"week\"", "应为"),
    ] {
        write(folder, "2", &RULE.replace(from, to));
        let (_, words) = no(rulepacks::check(centre, &read(), false));
        assert!(words.contains("local.toml") && words.contains(said), "{words}");
        assert!(words.contains(&format!("第 {} 行", place(from))), "{words}");
    }
    let second = RULE.split("[[rule]]").nth(1).unwrap();
    write(folder, "2", &format!("{RULE}\n[[rule]]{second}"));
    let (_, words) = no(rulepacks::check(centre, &read(), false));
    assert!(words.contains("重叠"), "{words}");

    // Over the history of the city the rule would point at more than it may.
    write(folder, "2", &RULE.replace("begndate", "max_hits = 1\nbegndate"));
    rulepacks::sign(centre, folder).unwrap();
    let (_, words) = no(rulepacks::add(centre, &read()));
    assert!(words.contains("local.toml") && words.contains("超过上限 1"), "{words}");
    assert_eq!(in_force().digest, good, "the old one stays");

    // A new version takes the place of the old one; taken away, the national rules are what is left.
    write(folder, "2", &RULE.replace("value = 1", "value = 2"));
    rulepacks::sign(centre, folder).unwrap();
    rulepacks::add(centre, &read()).unwrap();
    assert_eq!(in_force().label(), "national+city@2026.11+2");
    assert_eq!(rulepacks::references(centre).unwrap().len(), 2);
    assert_eq!(rulepacks::files(centre).unwrap()[0].0, "city");
    assert!(centre.repo().remove_rule_pack("city").unwrap());
    assert_eq!(in_force().digest, national().unwrap().digest);
}

/// Issue 4, item 6: a draft is tried on history and shows what would change; nothing of it is stored, and a
/// pack that comes into force makes the stored findings outdated.
#[test]
fn a_draft_shows_what_would_change_and_stores_nothing() {
    let centre = TestCentre::start().unwrap();
    let centre = centre.centre();
    let code = spotcheck_claims::demo::DEMO_HOSPITAL;
    let base = rulepacks::in_force(centre).unwrap();
    let auditor = Auditor::new(centre, base.clone(), Some(code)).unwrap();
    let row = auditor.run(code, false, &mut ()).unwrap().row;
    let before = crate::audits::findings(centre, &row).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let some = before.iter().find(|f| f.amount.is_some()).expect("a finding with money");
    let silent = format!("[[adjust]]\nid = \"{}\"\nenabled = false\n", some.rule);
    write(dir.path(), "1", &format!("{RULE}\n{silent}"));
    let draft = PackFolder::read(dir.path()).unwrap().over(&base).unwrap();
    let after = auditor.look(code, &draft, Options::default(), &mut ()).unwrap();
    let mut changes = Changes::default();
    changes.compare(before.clone(), after.findings);
    let changed: Vec<&String> = changes.changed().map(|(rule, _)| rule).collect();
    assert!(changed.contains(&&"LOC1".to_owned()) && changed.contains(&&some.rule), "{changed:?}");
    let own = &changes.rules["LOC1"];
    assert!(own.new > 0 && own.gone == 0 && own.kept == 0);
    let gone = &changes.rules[&some.rule];
    assert!(gone.new == 0 && gone.kept == 0 && gone.gone > 0);
    assert!(gone.amount_before > gone.amount_after);
    assert!(changes.new.iter().all(|f| f.rule == "LOC1"));

    assert_eq!(auditor.up_to_date(code).unwrap().map(|r| r.id), Some(row.id));
    rulepacks::sign(centre, dir.path()).unwrap();
    rulepacks::add(centre, &PackFolder::read(dir.path()).unwrap()).unwrap();
    let now = Auditor::new(centre, rulepacks::in_force(centre).unwrap(), Some(code)).unwrap();
    assert!(now.up_to_date(code).unwrap().is_none());
    let fresh = now.run(code, false, &mut ()).unwrap();
    let rules = crate::audits::findings(centre, &fresh.row).unwrap();
    assert!(rules.iter().any(|f| f.rule == "LOC1" && f.pack == "city@1"));
}

/// Issue 4, done when: refused with file, line and reason, in the CSV too; a file that is missing has no line 0.
#[test]
fn a_fault_in_a_list_is_told_by_line_and_a_missing_file_without_one() {
    let options = crate::testing::TestOptions {
        claims: crate::testing::TestData::Nothing,
        ..Default::default()
    };
    let centre = TestCentre::start_with(options).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let check = || {
        let pack = PackFolder::read(dir.path()).unwrap();
        no(rulepacks::check(centre.centre(), &pack, false)).1
    };
    let words = check();
    assert!(words.contains("pack.toml file:缺少这个文件") && !words.contains("第 0 行"), "{words}");
    std::fs::write(dir.path().join("pack.toml"), "name = \"city\"\nversion = \n").unwrap();
    assert!(check().contains("pack.toml 第 2 行"), "{}", check());

    write(dir.path(), "1", RULE);
    let head = "code,code_b,value,unit,text,begndate,enddate,origin,source\n";
    let good = "A,,1,日,,2025-01-01,,local,x\n";
    for (row, said) in [
        ("B,,一,日,,2025-01-01,,local,x\n", "B09.kp.csv 第 3 行 value:不是数字"),
        (",,1,日,,2025-01-01,,local,x\n", "B09.kp.csv 第 3 行 code:不能为空"),
        ("B,,1,日,,2025-13-01,,local,x\n", "B09.kp.csv 第 3 行 begndate:应为 yyyy-MM-dd"),
    ] {
        std::fs::write(dir.path().join("B09.kp.csv"), format!("{head}{good}{row}")).unwrap();
        let words = check();
        assert!(words.contains(said), "{words}");
    }
}

/// Issue 4, item 6: a new version is tried where the old one lies. What it drops is gone in the trial too, the packs above it
/// stay above, and none is taken out of force that another needs.
#[test]
fn a_new_version_is_tried_where_the_old_one_lies() {
    let options = crate::testing::TestOptions {
        claims: crate::testing::TestData::Nothing,
        ..Default::default()
    };
    let centre = TestCentre::start_with(options).unwrap();
    let centre = centre.centre();
    let (city, district) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let add = |folder: &Path| {
        rulepacks::sign(centre, folder).unwrap();
        rulepacks::add(centre, &PackFolder::read(folder).unwrap()).unwrap()
    };
    let two = RULE.replace("LOC1", "LOC2");
    let second = two.split_once("[[rule]]").unwrap().1;
    write(city.path(), "1", &format!("{RULE}\n[[rule]]{second}"));
    add(city.path());
    std::fs::write(district.path().join("pack.toml"), "name = \"district\"\nversion = \"1\"\n")
        .unwrap();
    let adjust = "[[adjust]]\nid = \"LOC1\"\nweight = 7\n";
    std::fs::write(district.path().join("local.toml"), adjust).unwrap();
    add(district.path());

    write(city.path(), "2", RULE);
    let tried = rulepacks::with(centre, &PackFolder::read(city.path()).unwrap()).unwrap();
    assert!(!tried.rules.iter().any(|r| r.id == "LOC2"), "dropped by the new version");
    let weight =
        |pack: &spotcheck_rules::Pack| pack.rules.iter().find(|r| r.id == "LOC1").map(|r| r.weight);
    assert_eq!(weight(&tried), Some(7), "the district stands above the city");
    add(city.path());
    let now = rulepacks::in_force(centre).unwrap();
    assert_eq!((weight(&now), now.digest), (Some(7), tried.digest));

    // The district needs the city's rule.
    write(city.path(), "3", &two);
    let (code, words) =
        no(rulepacks::check(centre, &PackFolder::read(city.path()).unwrap(), false));
    assert!(code == "RULES-PACK" && words.contains("LOC1"), "{words}");
    let (_, words) = no(rulepacks::remove(centre, "city"));
    assert!(words.contains("LOC1"), "{words}");
    assert_eq!(weight(&rulepacks::in_force(centre).unwrap()), Some(7), "nothing has changed");
    rulepacks::remove(centre, "district").unwrap();
    rulepacks::remove(centre, "city").unwrap();
    assert_eq!(rulepacks::in_force(centre).unwrap().digest, national().unwrap().digest);
}
