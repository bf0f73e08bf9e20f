//! Rules that an inspector composes from parts on site.

use super::support::{CT, hospital};
use crate::compose::{
    Composed, ListKind, ListPick, Measured, Pattern, Pick, Sex, Stretch, Whose, draft_files, lists,
};
use crate::error::Error;
use crate::pack::{Grade, Pack, national};
use crate::{Finding, LossMethod, Options, audit};

const MID: &str = "T1|中频治疗|05|201";

fn found(world: &super::support::World, own: &Composed) -> Vec<Finding> {
    let pack = own.pack(&national().unwrap()).unwrap();
    let ids = [own.id()];
    let options = Options { rules: Some(&ids), ..Options::default() };
    audit(&world.columns, &pack, options, &mut ()).unwrap().findings
}

fn item(code: &str, name: &str) -> Pick {
    Pick::Code(code.to_owned(), name.to_owned())
}

#[test]
fn more_than_so_many_of_an_item_on_one_day() {
    let mut w = hospital();
    w.stay("V1", 1, 9);
    w.fee("V1", "1", MID, "2026-03-02 09:00:00", "2", "26");
    w.fee("V1", "2", MID, "2026-03-02 15:00:00", "2", "26");
    w.fee("V1", "3", MID, "2026-03-03 09:00:00", "3", "26");
    let own = Composed { items: vec![item("T1", "中频治疗")], above: 3, ..Composed::default() };
    assert_eq!(own.sentence(), "同一天“中频治疗”的数量合计超过 3");
    let hits = found(&w, &own);
    assert_eq!(hits.len(), 1, "three is not more than three");
    let hit = &hits[0];
    assert_eq!(hit.reason, "中频治疗合计4，上限3，超出1");
    assert_eq!((hit.bkkp_sn.as_slice(), hit.grade), (&["2".to_owned()][..], Grade::S));
    assert_eq!(hit.loss_method, LossMethod::N, "nobody has shown a loss");
    assert_eq!(hit.pack, "own@1");
    let month = Composed { stretch: Stretch::Month, above: 6, ..own.clone() };
    assert_eq!(found(&w, &month).len(), 1);
    let lines = Composed { measured: Measured::Lines, above: 1, ..own.clone() };
    assert_eq!(found(&w, &lines).len(), 1);
    let outside = Composed { whose: Whose::Outpatient, ..own };
    assert!(found(&w, &outside).is_empty(), "the stay is none of it");
}

#[test]
fn two_items_at_once_by_code_or_by_a_word_of_the_name() {
    let mut w = hospital();
    w.stay("V1", 1, 9);
    w.fee("V1", "1", MID, "2026-03-02 09:00:00", "1", "26");
    w.fee("V1", "2", CT, "2026-03-02 10:00:00", "1", "200");
    w.fee("V1", "3", CT, "2026-03-05 10:00:00", "1", "200");
    let own = Composed {
        pattern: Pattern::Together,
        items: vec![Pick::Word("中频".to_owned())],
        other: vec![item("E1", "CT平扫")],
        ..Composed::default()
    };
    let hits = found(&w, &own);
    assert_eq!((hits.len(), hits[0].bkkp_sn.as_slice()), (1, &["2".to_owned()][..]));
    let visit = Composed { stretch: Stretch::Visit, ..own };
    assert_eq!(found(&w, &visit)[0].bkkp_sn.len(), 2);
}

#[test]
fn an_item_for_women_and_an_item_that_needs_a_diagnosis() {
    let mut w = hospital();
    w.stay("V1", 1, 9);
    w.fee("V1", "1", "G1|阴道镜检查|03|201", "2026-03-02", "1", "90");
    let sex = Composed {
        pattern: Pattern::OtherSex,
        items: vec![item("G1", "阴道镜检查")],
        ..Composed::default()
    };
    assert_eq!(found(&w, &sex)[0].reason, "阴道镜检查计1条，登记性别为男");
    let male = Composed { sex: Sex::Male, ..sex };
    assert!(found(&w, &male).is_empty());
    let dx = |code: &str| Composed {
        pattern: Pattern::NoDiagnosis,
        items: vec![item("G1", "阴道镜检查")],
        diagnoses: vec![code.to_owned(), "D06".to_owned()],
        ..Composed::default()
    };
    assert_eq!(found(&w, &dx("N87")).len(), 1);
    assert!(found(&w, &dx("I10")).is_empty());
}

/// A part that is missing is said, and what somebody types is data: quotes and braces cannot become TOML or a
/// placeholder.
#[test]
fn what_is_missing_is_said_and_what_is_typed_stays_a_word() {
    let base = national().unwrap();
    let why = |own: &Composed| match own.pack(&base) {
        Err(Error::Pack(p)) => p.reason,
        other => panic!("{other:?}"),
    };
    assert!(why(&Composed::default()).contains("至少选一个项目"));
    let one = Composed { items: vec![item("T1", "中频治疗")], ..Composed::default() };
    assert!(why(&Composed { pattern: Pattern::Together, ..one.clone() }).contains("另一个"));
    assert!(why(&Composed { pattern: Pattern::NoDiagnosis, ..one.clone() }).contains("编码"));
    for odd in ["\"]\nenabled = false #", "{nonsense}", "a,b\"c", "~&", "*"] {
        let own = Composed { items: vec![Pick::Word(odd.to_owned())], ..Composed::default() };
        match own.pack(&base) {
            Ok(pack) => assert!(pack.rules.iter().any(|r| r.id == own.id() && r.enabled)),
            Err(Error::Pack(_)) => {}
            Err(other) => panic!("{odd}: {other}"),
        }
    }
    let same = Composed { items: vec![item("T1", "中频治疗")], ..Composed::default() };
    assert_eq!(one.id(), same.id());
    assert_ne!(one.id(), Composed { above: 2, ..one }.id());
}

/// B01 with two lines of a region: what excludes each other, and how many of an item.
fn regional() -> Pack {
    let head = ("pack.toml", &b"name = \"region\"\nversion = \"1\"\n"[..]);
    let columns = "code,code_b,value,unit,text,begndate,enddate,origin,source\n";
    let pairs = format!("{columns}T1,E1,,,,2026-01-01,,local,x\n");
    let limits = format!("{columns}T1,,2,次,,2026-01-01,,local,x\n");
    let lists = [head, ("B01.kp.csv", pairs.as_bytes()), ("B04.kp.csv", limits.as_bytes())];
    Pack::read(&lists, Some(&national().unwrap())).unwrap()
}

fn list(base: &Pack, name: &str) -> ListPick {
    lists(base).into_iter().map(|(list, _)| list).find(|l| l.name == name).unwrap()
}

fn found_over(world: &super::support::World, own: &Composed, base: &Pack) -> Vec<Finding> {
    let pack = own.pack(base).unwrap();
    let ids = [own.id()];
    let options = Options { rules: Some(&ids), ..Options::default() };
    audit(&world.columns, &pack, options, &mut ()).unwrap().findings
}

#[test]
fn a_list_of_the_pack_is_taken_at_its_word_with_a_window_of_one_s_own() {
    let base = regional();
    let mut w = hospital();
    w.stay("V1", 1, 9);
    w.fee("V1", "1", MID, "2026-03-02 09:00:00", "2", "26");
    w.fee("V1", "2", CT, "2026-03-05 10:00:00", "1", "200");
    w.fee("V1", "3", MID, "2026-03-06 09:00:00", "1", "26");
    let pairs = Composed {
        pattern: Pattern::Listed,
        items: vec![Pick::List(list(&base, "B01"))],
        ..Composed::default()
    };
    assert_eq!(list(&base, "B01").kind, ListKind::Pair);
    assert!(found_over(&w, &pairs, &base).is_empty(), "not on one day");
    let visit = Composed { stretch: Stretch::Visit, ..pairs };
    assert_eq!(found_over(&w, &visit, &base).len(), 1, "{}", visit.sentence());
    assert!(visit.sentence().contains("B01"), "{}", visit.sentence());
    let limit = Composed {
        pattern: Pattern::Listed,
        items: vec![Pick::List(list(&base, "B04"))],
        stretch: Stretch::Month,
        ..Composed::default()
    };
    assert_eq!(found_over(&w, &limit, &base)[0].reason, "中频治疗合计3，上限2，超出1");
    let sex = Composed {
        pattern: Pattern::Listed,
        items: vec![Pick::List(list(&base, "E01"))],
        ..Composed::default()
    };
    assert_eq!(
        (list(&base, "E01").kind, list(&base, "E01").attribute.as_str()),
        (ListKind::Attribute, "sex")
    );
    w.fee("V1", "4", "G1|阴道镜检查|03|201", "2026-03-02", "1", "90");
    let national = national().unwrap();
    let named = national.knowledge["E01"].points.iter().any(|p| p.code.fits("G1", "阴道镜检查"));
    assert_eq!(found_over(&w, &sex, &base).len(), usize::from(named));
    // Only the items of a list, with a rule of one's own about them.
    let often =
        Composed { items: vec![Pick::List(list(&base, "B04"))], above: 1, ..Composed::default() };
    assert_eq!(found_over(&w, &often, &base).len(), 1);
}

#[test]
fn a_list_that_is_not_there_or_says_something_else_now_is_refused_in_words() {
    let base = regional();
    let why = |own: &Composed, base: &Pack| match own.pack(base) {
        Err(Error::Pack(p)) => p.reason,
        other => panic!("{other:?}"),
    };
    let listed = |pick: ListPick| Composed {
        pattern: Pattern::Listed,
        items: vec![Pick::List(pick)],
        ..Composed::default()
    };
    // The national pack waits for the region's points.
    assert!(why(&listed(list(&base, "B04")), &national().unwrap()).contains("没有内容"));
    let other = ListPick { kind: ListKind::Pair, ..list(&base, "B04") };
    assert!(why(&listed(other), &base).contains("不同"));
    let items = ListPick { kind: ListKind::Items, ..list(&base, "B04") };
    assert!(why(&listed(items), &base).contains("只列了项目"));
    assert!(
        why(&Composed { pattern: Pattern::Listed, ..Composed::default() }, &base).contains("清单")
    );
    let month = Composed { stretch: Stretch::Month, ..listed(list(&base, "B01")) };
    assert!(why(&month, &base).contains("同一天或同一次就诊"));
    assert!(lists(&base).iter().all(|(_, points)| *points > 0));
}

/// Several rules of one officer become one draft that any centre with the same lists can read.
#[test]
fn composed_rules_stand_together_in_one_draft_pack() {
    let base = regional();
    let one = Composed { items: vec![item("T1", "中频治疗")], above: 3, ..Composed::default() };
    let two = Composed {
        pattern: Pattern::Listed,
        items: vec![Pick::List(list(&base, "B01"))],
        stretch: Stretch::Visit,
        ..Composed::default()
    };
    let files = draft_files(&[one.clone(), two.clone(), one.clone()], "2026-11-22", &base).unwrap();
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(names.len(), 3, "head, rules, the one list: {names:?}");
    let list: Vec<(&str, &[u8])> = files.iter().map(|(n, b)| (n.as_str(), b.as_slice())).collect();
    let pack = Pack::read(&list, Some(&base)).unwrap();
    for own in [&one, &two] {
        assert!(pack.rules.iter().any(|r| r.id == own.id() && r.grade == Grade::S));
    }
    assert!(pack.label().contains("own-draft"), "{}", pack.label());
    let alone = draft_files(&[one], "2026-11-22", &base).unwrap();
    assert_ne!(alone["pack.toml"], files["pack.toml"], "another draft has another name");
    assert!(
        draft_files(&[Composed::default()], "1", &base).is_err(),
        "what cannot run is in no draft"
    );
}
