//! What the party may read of a fact with another facility in it.

use super::{DATE_B, HOUSE_B, for_party};
use crate::book::Book;
use crate::finding::render;
use crate::kernel::Hit;
use crate::pack::national;

/// Whatever a kernel fills in, and whether or not the rule's own words ask for it: neither the other facility nor a
/// day there comes into a sentence for the party.
#[test]
fn no_rule_for_the_party_names_another_facility_or_a_day_there() {
    let (pack, book) = (national().unwrap(), Book::default());
    let (house, day) = ("H99010100777", "2026-03-05");
    let hit = Hit::of_facility().fact(HOUSE_B, house).fact(DATE_B, day).fact("date", "2026-03-01");
    let told = for_party(&book, &hit).unwrap().facts;
    let mut named = 0;
    for rule in pack.rules.iter().filter(|r| r.grade.is_for_party()) {
        for words in [&rule.name_party, &rule.reason] {
            let text = render(words, &told);
            assert!(!text.contains(house), "{}: {text}", rule.id);
            if words.contains("{facility_b}") {
                named += 1;
                assert!(text.contains("其他机构") && !text.contains(day), "{}: {text}", rule.id);
                assert!(render(words, &hit.facts).contains(house), "{}", rule.id);
            }
        }
    }
    assert!(named >= 9, "A04, A06, G04, G07 and H03 name one: {named}");
}

/// A fact about this facility alone keeps its words, its other day included.
#[test]
fn what_concerns_this_facility_alone_is_told_as_it_is() {
    let mut book = Book::default();
    book.facility.fixmedins_code = "H1".to_owned();
    assert!(for_party(&book, &Hit::of_facility().fact(DATE_B, "2026-03-05")).is_none());
    assert!(for_party(&book, &Hit::of_facility().fact(HOUSE_B, "H1")).is_none());
    assert!(for_party(&book, &Hit::of_facility().fact(HOUSE_B, "H2")).is_some());
}
