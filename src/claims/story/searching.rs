//! Search finds everything that a scan over folded text finds (claims.md §3, budget P2: recall 100 %).

use std::collections::BTreeSet;
use std::sync::OnceLock;

use proptest::prelude::{ProptestConfig, prop_assert_eq, proptest};
use spotcheck_domain::claims::{ClaimsReader as _, Page};

use super::{Package, centre_with_city};
use crate::PackageReader;
use crate::demo::DEMO_HOSPITAL;
use crate::search::{fold, forms};

const ALL: Page = Page { offset: 0, limit: 1_000_000 };

struct Everybody {
    package: Package,
    /// psn_no, name, certno, tel.
    persons: Vec<[String; 4]>,
}

fn everybody() -> &'static Everybody {
    static EVERYBODY: OnceLock<Everybody> = OnceLock::new();
    EVERYBODY.get_or_init(|| {
        let (centre, _) = centre_with_city();
        let package = centre.package(DEMO_HOSPITAL, None);
        let reader = package.open();
        let mut statement =
            reader.db().prepare("SELECT psn_no, psn_name, certno, tel FROM v_psn").expect("sql");
        let rows = statement
            .query_map([], |r| Ok([r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?]))
            .expect("query");
        let persons = rows.map(|r| r.expect("row")).collect();
        drop(statement);
        drop(reader);
        Everybody { package, persons }
    })
}

fn found(reader: &PackageReader, query: &str) -> BTreeSet<String> {
    let hits = reader.search_persons(query, ALL).expect("search");
    let set: BTreeSet<String> = hits.iter().map(|h| h.psn_no.clone()).collect();
    assert_eq!(set.len(), hits.len(), "nobody twice: {query}");
    set
}

/// What `LIKE '%query%'` over folded names finds, and the tails and pinyin that §3 adds.
fn scanned(persons: &[[String; 4]], query: &str) -> BTreeSet<String> {
    let query = fold(query);
    let hit = |p: &&[String; 4]| {
        let tail = [&p[0], &p[2], &p[3]].iter().any(|n| fold(n).ends_with(&query));
        let forms = forms(&p[1]);
        let pinyin = forms.initials.iter().chain(&forms.full).any(|f| f.contains(&query));
        fold(&p[1]).contains(&query) || tail || pinyin
    };
    persons.iter().filter(hit).map(|p| p[0].clone()).collect()
}

#[test]
fn every_piece_of_every_name_is_found() {
    let all = everybody();
    let reader = all.package.open();
    let mut queries: BTreeSet<String> = BTreeSet::new();
    for [_, name, _, _] in &all.persons {
        let chars: Vec<char> = name.chars().collect();
        for length in 1..=chars.len() {
            for window in chars.windows(length) {
                queries.insert(window.iter().collect());
            }
        }
        queries.extend(forms(name).initials);
        queries.extend(forms(name).full);
    }
    for query in &queries {
        let (ours, scan) = (found(&reader, query), scanned(&all.persons, query));
        let missing: Vec<_> = scan.difference(&ours).collect();
        assert!(missing.is_empty(), "{query}: {missing:?}");
    }
}

#[test]
fn last_digits_whole_numbers_beds_and_record_numbers() {
    let all = everybody();
    let reader = all.package.open();
    for [psn_no, _, certno, tel] in all.persons.iter().take(40) {
        for number in [psn_no, certno, tel] {
            for length in [1, 2, 3, 4, 5, 6, number.len()] {
                let tail = &number[number.len() - length..];
                assert!(found(&reader, tail).contains(psn_no), "{tail} of {number}");
            }
        }
    }
    let lying = reader.search_persons("一病区", ALL).expect("search");
    assert!(!lying.is_empty());
    let hit = lying.iter().find(|h| h.bed.is_some()).expect("bed");
    assert!(found(&reader, hit.bed.as_deref().unwrap()).contains(&hit.psn_no));
    let visit = &reader.person(&hit.psn_no).expect("read").expect("person").visits[0].mdtrt_id;
    let number = reader.visit(visit).expect("read").expect("visit").ipt_otp_no.expect("number");
    assert!(found(&reader, &number).contains(&hit.psn_no));
    assert!(found(&reader, &number.to_lowercase()).contains(&hit.psn_no));
}

#[test]
fn r39_pages_follow_each_other_without_gap_or_repetition() {
    let all = everybody();
    let reader = all.package.open();
    let whole: Vec<String> =
        reader.search_persons("王", ALL).expect("search").into_iter().map(|h| h.psn_no).collect();
    assert!(whole.len() > 10);
    let mut paged = Vec::new();
    for offset in (0..whole.len() as u64).step_by(7) {
        let page = Page { offset, limit: 7 };
        let hits = reader.search_persons("王", page).expect("search");
        assert!(hits.len() <= 7, "a list holds its page and no more");
        paged.extend(hits.into_iter().map(|h| h.psn_no));
    }
    assert_eq!(paged, whole);
    let times: Vec<_> = reader.search_persons("", ALL).expect("search");
    assert_eq!(times.len(), reader.facility().expect("facility").persons as usize);
    assert!(
        times.windows(2).all(|w| w[0].last_visit.map(|t| t.at) >= w[1].last_visit.map(|t| t.at))
    );
}

#[test]
fn items_and_staff_by_name_initials_and_code() {
    let reader = everybody().package.open();
    let item = |q: &str| reader.search_items(q, ALL).expect("search");
    for query in ["中频", "中频脉冲电治疗", "zpmc", "ZPMCDZL", "s010"] {
        let hits = item(query);
        assert!(hits.iter().any(|h| h.hilist_name == "中频脉冲电治疗"), "{query}: {hits:?}");
    }
    let all = item("");
    assert!(all.windows(2).all(|w| w[0].amount >= w[1].amount));
    let somebody = reader.search_staff("", ALL).expect("search").remove(0);
    let form = forms(&somebody.prac_psn_name);
    for query in
        [&somebody.prac_psn_name, &somebody.prac_psn_code, &form.initials[0], &form.full[0]]
    {
        let hits = reader.search_staff(query, ALL).expect("search");
        assert!(hits.iter().any(|h| h.prac_psn_code == somebody.prac_psn_code), "{query}");
    }
    assert!(somebody.hosp_dept_name.is_some());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn search_equals_the_scan(query in "[王李张刘欧阳小三四一·甲乙 ]{1,4}|[a-z]{1,6}|[0-9]{1,7}") {
        let all = everybody();
        let reader = all.package.open();
        let ours = found(&reader, &query);
        let scan = scanned(&all.persons, &query);
        // Beds and record numbers may add hits, so only what the scan finds is compared.
        let missing: Vec<_> = scan.difference(&ours).cloned().collect();
        prop_assert_eq!(missing, Vec::<String>::new());
    }
}
