//! The scene of the look-up: a fee line of 2025-03-14 in front of the head nurse.

use spotcheck_domain::claims::{FeeLine, Instant, Page};
use spotcheck_domain::reference::{
    EntryKind, LevelLimit, Match, ReferenceEntry, ReferenceHit, ReferenceQuery, ReferenceReader,
};
use spotcheck_domain::time::day_number;
use spotcheck_domain::{Amount, BeijingTime, Precision};

use super::{AddedSource, LookUp, ask, line_reference};
use crate::desk::Desk;
use crate::memory::{BEGIN_MS, Disk, MemoryReference, handheld};

fn entry(id: &str, kind: EntryKind, code: &str, title: &str, text: &str) -> ReferenceEntry {
    let some = |t: &str| Some(t.to_owned()).filter(|t| !t.is_empty());
    ReferenceEntry {
        head: ReferenceHit {
            id: id.to_owned(),
            kind,
            matched: Match::Text,
            code: some(code),
            title: title.to_owned(),
            article: None,
            snippet: text.to_owned(),
            unit: None,
            limits: Vec::new(),
            restriction: None,
            begin: None,
            end: None,
            added: id.starts_with('a'),
        },
        text: text.to_owned(),
        excluded: None,
        aliases: Vec::new(),
        chrgitm_lv: None,
        chapter: None,
        document: None,
        line: None,
        chars: None,
        previous: None,
        next: None,
    }
}

fn yuan(n: i64) -> Amount {
    Amount::from_millionths(n * 1_000_000)
}

fn priced(id: &str, begin: &str, end: Option<&str>, limits: &[(&str, i64)]) -> ReferenceEntry {
    let mut e = entry(id, EntryKind::Item, "S004", "彩色多普勒超声", "");
    e.head.begin = Some(begin.to_owned());
    e.head.end = end.map(str::to_owned);
    e.head.limits = limits
        .iter()
        .map(|(l, n)| LevelLimit { level: (*l).to_owned(), amount: yuan(*n) })
        .collect();
    e
}

fn centre() -> MemoryReference {
    let mut article =
        entry("r3", EntryKind::Article, "", "示例市收费办法", "彩色多普勒超声按部位计收");
    article.head.begin = Some("2024-01-01".to_owned());
    let mut old = entry("r4", EntryKind::Article, "", "示例市旧办法", "彩色多普勒超声按次计收");
    old.head.end = Some("2023-12-31".to_owned());
    let mut clause =
        entry("r5", EntryKind::Article, "", "医疗保障基金使用监督管理条例", "条文(示例)");
    clause.head.article = Some("第三十八条".to_owned());
    let mut point = entry("r6", EntryKind::Point, "S004", "部位数", "每日不超过两个部位");
    point.head.end = Some("2025-12-31".to_owned());
    MemoryReference(vec![
        priced("r1", "2024-01-01", Some("2025-05-31"), &[("3", 120), ("2", 115)]),
        priced("r2", "2025-06-01", None, &[("2", 100)]),
        article,
        old,
        clause,
        point,
        entry("r7", EntryKind::Case, "", "彩色多普勒超声重复收费", "案例"),
    ])
}

fn fee_line(day: Option<&str>, pric: i64) -> FeeLine {
    let instant = |day: &str| Instant {
        at: BeijingTime::from_seconds(day_number(day).unwrap() * 86_400),
        p: Precision::Day,
    };
    FeeLine {
        bkkp_sn: "1".to_owned(),
        setl_id: None,
        fee_ocur_time: day.map(instant),
        med_list_codg: Some("S004".to_owned()),
        hilist_name: Some("彩色多普勒超声(床旁)".to_owned()),
        medins_list_name: None,
        list_type: None,
        med_chrgitm_type: None,
        cnt: Some(yuan(1)),
        pric: Some(yuan(pric)),
        det_item_fee_sumamt: Some(yuan(pric)),
        bilg_dept_name: None,
        bilg_dr_name: None,
        ordered: None,
        executed: None,
        recorded: None,
    }
}

fn ids(hits: &[ReferenceHit]) -> Vec<&str> {
    hits.iter().map(|h| h.id.as_str()).collect()
}

#[test]
fn a_fee_line_is_held_against_what_was_in_force_on_its_day() {
    let centre = centre();
    let readers: [&dyn ReferenceReader; 1] = [&centre];
    let clauses = ["T38(3)".to_owned(), "-".to_owned()];
    let on = |day: Option<&str>, lv: Option<&str>| {
        line_reference(&readers, fee_line(day, 118), lv.map(str::to_owned), &clauses).unwrap()
    };
    let then = on(Some("2025-03-14"), Some("05"));
    assert_eq!(then.item.as_ref().map(|i| i.head.id.as_str()), Some("r1"));
    let limit = &then.limits[0];
    assert_eq!(limit.limit.as_ref().map(|l| l.amount), Some(yuan(115)));
    assert_eq!(limit.over, Some(yuan(3)));
    assert_eq!(ids(&then.versions), ["r2", "r1"], "all versions are told, newest first");
    assert_eq!(ids(&then.articles), ["r3"], "the old rule was not in force any more");
    assert_eq!(
        (ids(&then.clauses), ids(&then.points), ids(&then.cases)),
        (vec!["r5"], vec!["r6"], vec!["r7"])
    );
    // A day later in the year the new limit counts; the point has ended in the year after.
    let later = on(Some("2026-02-01"), Some("05"));
    assert_eq!(later.limits[0].limit.as_ref().map(|l| l.amount), Some(yuan(100)));
    assert_eq!(later.limits[0].over, Some(yuan(18)));
    assert!(later.points.is_empty());
    // Level not uploaded: the source has limits, and none is chosen by guessing.
    let unknown = on(Some("2025-03-14"), None);
    assert_eq!((unknown.limits.len(), unknown.limits[0].limit.clone()), (1, None));
    // Day not uploaded: nothing is narrowed, and that is said.
    let undated = on(None, Some("05"));
    assert_eq!((undated.on.clone(), undated.limits.len()), (None, 2));
}

#[test]
fn what_officers_added_answers_beside_the_centres_and_is_marked() {
    let centre = centre();
    let added = MemoryReference(vec![
        entry("a1", EntryKind::Article, "", "彩色多普勒超声补充通知", "本地口径"),
        priced("a2", "2025-01-01", None, &[("", 110)]),
    ]);
    let readers: [&dyn ReferenceReader; 2] = [&centre, &added];
    let page = |offset, limit| {
        let query = ReferenceQuery {
            text: "彩色多普勒超声",
            on: None,
            kinds: &[],
            page: Page { offset, limit },
        };
        ask(&readers, &query).unwrap()
    };
    let all = page(0, 50);
    let articles = all.iter().find(|k| k.kind == EntryKind::Article).unwrap();
    assert_eq!(ids(&articles.hits), ["a1", "r3", "r4"], "a title before texts");
    assert!(articles.hits[0].added && !articles.hits[1].added);
    // Pages of the joint list are the joint list.
    let mut joined = Vec::new();
    for offset in 0..4 {
        for kind in page(offset, 1).into_iter().filter(|k| k.kind == EntryKind::Article) {
            assert_eq!(kind.more, offset < 2);
            joined.extend(kind.hits.into_iter().map(|h| h.id));
        }
    }
    assert_eq!(joined, ["a1", "r3", "r4"]);
    // Two sources differ on the price of one day: both stand there, neither wins silently.
    let found =
        line_reference(&readers, fee_line(Some("2025-03-14"), 112), Some("05".to_owned()), &[])
            .unwrap();
    let limits: Vec<_> = found.limits.iter().map(|l| (l.added, l.over)).collect();
    assert_eq!(limits, [(true, Some(yuan(2))), (false, None)]);
}

/// What an officer adds goes into the device journal with its hash; without anything there is nothing.
#[test]
fn an_addition_is_journaled_and_needs_an_unlocked_officer() {
    use std::sync::Arc;
    let clock = Arc::new(spotcheck_domain::ManualClock::at_ms(BEGIN_MS));
    let mut h = handheld(&Disk::default(), &clock, 1);
    h.pull(None).unwrap();
    let ask = LookUp::first("床位费", Some("2025-03-14"), 10);
    assert_eq!(h.look_up(None, &ask).unwrap_err().code, "LOOKUP-NONE");
    let source = AddedSource {
        name: "办法.txt".to_owned(),
        bytes: Vec::new(),
        kind: None,
        valid_from: None,
        valid_until: None,
    };
    assert_eq!(h.add_reference(&source).unwrap_err().code, "APP-LOCKED");
    let officer = spotcheck_domain::OfficerId::parse("O-0001").unwrap();
    h.unlock(&officer, &secrecy::SecretString::from("O-0001".to_owned())).unwrap();
    let bad = AddedSource { valid_from: Some("2025年".to_owned()), ..source.clone() };
    assert_eq!(h.add_reference(&bad).unwrap_err().code, "LOOKUP-DATE");
    h.add_reference(&source).unwrap();
    let entries = h.journal_entries(None).unwrap();
    assert!(entries.iter().any(|e| e["kind"] == "reference_added"), "{entries:?}");
    assert!(h.look_up(None, &ask).unwrap().is_empty());
    let bad = LookUp { on: Some("昨天".to_owned()), ..ask };
    assert_eq!(h.look_up(None, &bad).unwrap_err().code, "LOOKUP-DATE");
}
