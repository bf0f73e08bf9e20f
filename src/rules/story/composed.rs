//! Rules that an inspector composes from parts on site.

use super::support::{CT, hospital};
use crate::compose::{Composed, Measured, Pattern, Pick, Sex, Stretch, Whose};
use crate::error::Error;
use crate::pack::{Grade, national};
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
    assert_eq!(hit.reason, "中频治疗合计4,比3多1");
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
    assert_eq!(found(&w, &sex)[0].reason, "阴道镜检查计1条,登记性别为男");
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
