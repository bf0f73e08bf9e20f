//! Search finds everything that a scan over folded text finds, in the order that was promised, on the day
//! that was asked for.

use std::collections::BTreeSet;
use std::path::PathBuf;

use proptest::prelude::{ProptestConfig, prop_assert_eq, proptest};
use spotcheck_domain::Amount;
use spotcheck_domain::claims::Page;
use spotcheck_domain::reference::{
    EntryKind, KindHits, LevelLimit, Match, ReferenceQuery, ReferenceReader as _,
};
use spotcheck_domain::time::day_number;

use super::import::{SourceOptions, read_source};
use super::{Document, Entry, ReferenceData, ReferenceFile, build_reference, close_replaced, fold};
use crate::search::initials;

const ALL: Page = Page { offset: 0, limit: 1_000_000 };

struct Shelf {
    _folder: tempfile::TempDir,
    path: PathBuf,
    documents: Vec<Document>,
}

impl Shelf {
    fn new(documents: Vec<Document>) -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("reference.db");
        let data = ReferenceData { documents, ..ReferenceData::default() };
        build_reference(&path, &data, &[]).expect("build");
        Self { _folder: folder, path, documents: data.documents }
    }

    fn open(&self) -> ReferenceFile {
        ReferenceFile::open(&self.path, false).expect("open")
    }
}

fn day(text: &str) -> i64 {
    day_number(text).expect("day")
}

fn item(code: &str, title: &str, text: &str) -> Entry {
    Entry {
        code: code.to_owned(),
        title: title.to_owned(),
        text: text.to_owned(),
        ..Entry::new(EntryKind::Item)
    }
}

fn regulation() -> Document {
    let text = super::import::tests::REGULATION;
    let (mut documents, _) =
        read_source("办法.txt", text.into(), &SourceOptions::default()).expect("source");
    documents.remove(0)
}

/// Entries of all kinds, with what makes search hard: rare characters, other widths, codes in codes.
fn library() -> Shelf {
    let mut table = Document { title: "示例价格表".to_owned(), ..Document::default() };
    table.entries = vec![
        item("0099830040000-S004", "彩色多普勒超声", "含图文报告。按部位计收"),
        item("S004", "彩色多普勒超声检查(床旁)", "在床旁进行"),
        item("0099780010000-N001", "一级护理", "病情趋向稳定的重症患者"),
        item("B001", "普通病房床位费(三人间)", "含水电、空调"),
        item("K900", "\u{20bb7}野氏手法", "\u{2a6d6}"),
        item("C1", "ＣＴ平扫", "平扫"),
        item("C2", "床位费", "不含陪护"),
        Entry {
            restriction: "限二级以上医疗机构".to_owned(),
            aliases: vec!["Amoxil".to_owned()],
            ..Entry {
                kind: EntryKind::Drug,
                ..item("XD99001A001010100001990001", "阿莫西林胶囊", "规格:0.25g×24粒")
            }
        },
        Entry { kind: EntryKind::Diagnosis, ..item("A00.000x001", "霍乱", "") },
        Entry {
            kind: EntryKind::Point,
            ..item("P1", "床位费与陪护费", "床位费 A 和陪护费 B 同时收费")
        },
    ];
    let mut cases = Document { title: "示例案例集".to_owned(), ..Document::default() };
    cases.entries = vec![Entry {
        kind: EntryKind::Case,
        ..item("", "重复收取床位费", "某院多收床位费 2 日。")
    }];
    Shelf::new(vec![table, regulation(), cases])
}

fn ask(file: &ReferenceFile, text: &str, on: Option<i64>, page: Page) -> Vec<KindHits> {
    file.look_up(&ReferenceQuery { text, on, kinds: &[], page }).expect("look up")
}

fn ids(kinds: &[KindHits]) -> Vec<String> {
    kinds.iter().flat_map(|k| k.hits.iter().map(|h| h.id.clone())).collect()
}

/// Title, article, texts of every entry, folded as a scan would see them.
fn scanned(shelf: &Shelf, query: &str) -> BTreeSet<(String, String)> {
    let query = fold(query);
    let mut found = BTreeSet::new();
    for document in &shelf.documents {
        for e in &document.entries {
            let title = if e.title.is_empty() { &document.title } else { &e.title };
            let code = if e.kind == EntryKind::Article { &document.number } else { &e.code };
            let mut texts = vec![fold(&format!("{title}{}", e.article)), fold(code)];
            texts.extend(e.aliases.iter().map(|a| fold(a)));
            texts.extend([&e.text, &e.restriction, &e.excluded].map(|t| fold(t)));
            texts.push(fold(&initials(&format!("{title}{}", e.article))));
            if texts.iter().any(|t| t.contains(&query)) {
                found.insert((title.clone(), e.article.clone()));
            }
        }
    }
    found
}

fn found(file: &ReferenceFile, query: &str) -> BTreeSet<(String, String)> {
    let kinds = ask(file, query, None, ALL);
    let all = ids(&kinds);
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "nothing twice: {query}");
    let hits = kinds.into_iter().flat_map(|k| k.hits);
    hits.map(|h| (h.title, h.article.unwrap_or_default())).collect()
}

#[test]
fn every_piece_of_every_text_and_code_is_found() {
    let shelf = library();
    let file = shelf.open();
    let mut queries: BTreeSet<String> = BTreeSet::new();
    for e in shelf.documents.iter().flat_map(|d| &d.entries) {
        for text in [&e.title, &e.text, &e.code, &e.restriction, &e.article, &initials(&e.title)] {
            let chars: Vec<char> = text.chars().collect();
            for length in [1, 2, 3, 4, 7, 12] {
                queries.extend(chars.windows(length).map(|w| w.iter().collect::<String>()));
            }
        }
    }
    queries.retain(|q| !fold(q).is_empty());
    assert!(queries.len() > 1000, "{}", queries.len());
    for query in &queries {
        let (ours, scan) = (found(&file, query), scanned(&shelf, query));
        let missing: Vec<_> = scan.difference(&ours).collect();
        assert!(missing.is_empty(), "{query}: {missing:?}");
        // A query with a space is also answered word by word, and 第15条 finds 第十五条.
        if !query.contains(char::is_whitespace) && !query.contains(|c: char| c.is_ascii_digit()) {
            let strange: Vec<_> = ours.difference(&scan).collect();
            assert!(strange.is_empty(), "{query}: {strange:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    /// Whatever the entries are and whatever is asked, pages put together are the whole answer.
    #[test]
    fn pages_put_together_are_the_answer(
        names in proptest::collection::vec(("[A-C0-2]{0,6}", "[甲乙丙丁a-c]{1,6}", "[甲乙丙丁0-3 ]{0,9}"), 1..60),
        query in "[甲乙丙a-c0-2]{1,4}",
        limit in 1_u32..7,
    ) {
        let entries = names.iter().map(|(code, title, text)| item(code, title, text)).collect();
        let shelf = Shelf::new(vec![Document { entries, ..Document::default() }]);
        let file = shelf.open();
        let whole = ids(&ask(&file, &query, None, ALL));
        let mut pages = Vec::new();
        for n in 0..100 {
            let page = Page { offset: n * u64::from(limit), limit };
            let kinds = ask(&file, &query, None, page);
            pages.extend(ids(&kinds));
            if !kinds.iter().any(|k| k.more) {
                break;
            }
        }
        prop_assert_eq!(&whole, &pages);
        let scan: BTreeSet<String> = scanned(&shelf, &query).into_iter().map(|(t, _)| t).collect();
        let ours: BTreeSet<String> = found(&file, &query).into_iter().map(|(t, _)| t).collect();
        prop_assert_eq!(ours, scan);
    }
}

#[test]
fn the_exact_code_comes_first_then_beginnings_then_titles_then_texts() {
    let shelf = library();
    let file = shelf.open();
    let of = |query: &str, kind: EntryKind| -> Vec<(String, Match)> {
        let kinds = ask(&file, query, None, Page::first(20));
        let hits = kinds.into_iter().find(|k| k.kind == kind).map(|k| k.hits).unwrap_or_default();
        hits.into_iter().map(|h| (h.code.unwrap_or(h.title), h.matched)).collect()
    };
    let items = of("s004", EntryKind::Item);
    assert_eq!(items[0], ("S004".to_owned(), Match::Code));
    assert_eq!(items[1], ("0099830040000-S004".to_owned(), Match::Title));
    let items = of("床位费", EntryKind::Item);
    assert_eq!(items[0], ("C2".to_owned(), Match::Start));
    assert_eq!(items[1], ("B001".to_owned(), Match::Title));
    assert_eq!(of("csdpl", EntryKind::Item)[0].1, Match::Start, "first letters");
    assert_eq!(of("ct", EntryKind::Item)[0].0, "C1", "full width");
    assert_eq!(of("amoxil", EntryKind::Drug).len(), 1, "another name");
    assert_eq!(of("限二级", EntryKind::Drug)[0].1, Match::Text);
    // Several words narrow: an item by two of its words, an article by its document and number.
    assert_eq!(of("彩色 床旁", EntryKind::Item).len(), 1);
    let articles = ask(&file, "收费管理办法 第3条", None, Page::first(20));
    assert_eq!(articles[0].hits[0].article.as_deref(), Some("第三条"));
    assert_eq!(of("示医保2024 12号", EntryKind::Article).len(), 5);
    assert_eq!(of("示医保[2024]12号", EntryKind::Article)[0].1, Match::Code);
    assert!(ask(&file, " 、 ", None, ALL).is_empty());
    let only = ReferenceQuery { text: "床位费", on: None, kinds: &[EntryKind::Case], page: ALL };
    let only = file.look_up(&only).expect("cases");
    assert_eq!(only.iter().map(|k| k.kind).collect::<Vec<_>>(), [EntryKind::Case]);
}

/// The scene of the look-up: what was in force on the day of the fee line, not what is in force today.
#[test]
fn only_what_was_in_force_that_day_answers() {
    let old = Document {
        title: "示例市收费办法".to_owned(),
        number: "示医保〔2019〕8号".to_owned(),
        begin: Some(day("2019-05-01")),
        entries: vec![Entry {
            article: "第三条".to_owned(),
            text: "床位费按日计收,计入计出。".to_owned(),
            ..Entry::new(EntryKind::Article)
        }],
        ..Document::default()
    };
    let limit = |yuan: i64| {
        vec![LevelLimit {
            level: "2".to_owned(),
            amount: Amount::from_millionths(yuan * 1_000_000),
        }]
    };
    let prices = Document {
        title: "价格表".to_owned(),
        entries: vec![
            Entry {
                limits: limit(115),
                begin: Some(day("2024-01-01")),
                end: Some(day("2025-05-31")),
                ..item("S004", "彩色多普勒超声", "")
            },
            Entry {
                limits: limit(100),
                begin: Some(day("2025-06-01")),
                ..item("S004", "彩色多普勒超声", "")
            },
        ],
        ..Document::default()
    };
    let mut documents = vec![old, regulation(), prices];
    let ended = close_replaced(&mut documents);
    assert_eq!(ended.len(), 1);
    assert_eq!(documents[0].end, Some(day("2023-12-31")));
    let shelf = Shelf::new(documents);
    let file = shelf.open();
    let on = |query: &str, date: &str| {
        let kinds = ask(&file, query, Some(day(date)), Page::first(20));
        kinds.into_iter().flat_map(|k| k.hits).collect::<Vec<_>>()
    };
    let then = on("床位费", "2023-12-31");
    assert_eq!((then.len(), then[0].snippet.contains("计入计出")), (1, true));
    let now = on("床位费", "2025-03-14");
    assert_eq!((now.len(), now[0].article.as_deref()), (1, Some("第三条")));
    assert_eq!(now[0].begin.as_deref(), Some("2024-01-01"));
    assert_eq!(on("S004", "2025-03-14")[0].limits[0].amount.to_cents(), "115.00");
    assert_eq!(on("S004", "2025-06-01")[0].limits[0].amount.to_cents(), "100.00");
    assert!(on("S004", "2023-01-01").is_empty());
    let versions = file.by_code("s004").expect("by code");
    assert_eq!(
        versions.iter().map(|v| v.begin.as_deref()).collect::<Vec<_>>(),
        [Some("2025-06-01"), Some("2024-01-01")]
    );
    let documents = file.documents().expect("documents");
    assert_eq!(
        documents[0].replaced_by.as_deref(),
        Some("《示例市医疗服务收费管理办法》(示医保〔2024〕12号)")
    );
}

#[test]
fn an_article_is_shown_whole_with_its_neighbours() {
    let shelf = library();
    let file = shelf.open();
    let third = file.articles("示例市医疗服务收费管理办法", "第三条").expect("articles");
    let entry = file.entry(&third[0].id).expect("entry").expect("there");
    assert!(entry.text.contains("层流病房"));
    assert_eq!(entry.previous.as_ref().map(|n| n.heading.as_str()), Some("第二条"));
    assert_eq!(entry.next.as_ref().map(|n| n.heading.as_str()), Some("第三条之一"));
    assert_eq!(entry.chapter.as_deref(), Some("第二章 收费"));
    assert_eq!(
        entry.document.as_ref().and_then(|d| d.number.as_deref()),
        Some("示医保〔2024〕12号")
    );
    let before = file.entry(&entry.previous.expect("previous").id).expect("entry").expect("there");
    assert_eq!(before.head.article.as_deref(), Some("第二条"));
    for id in ["r0", "r999999", "a1", "x", ""] {
        assert!(file.entry(id).expect("no trouble").is_none(), "{id}");
    }
}

#[test]
fn equal_content_gives_equal_bytes_and_strangers_are_refused() {
    let (a, b) = (library(), library());
    assert_eq!(std::fs::read(&a.path).expect("a"), std::fs::read(&b.path).expect("b"));
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("x.db");
    let db = rusqlite::Connection::open(&path).expect("db");
    db.execute_batch("CREATE TABLE meta (name, value); INSERT INTO meta VALUES ('schema', 'spotcheck-reference/2')").expect("sql");
    db.close().expect("close");
    let error = ReferenceFile::open(&path, false).expect_err("later schema");
    assert!(matches!(error, crate::Error::Schema { .. }), "{error}");
    std::fs::write(&path, b"no database").expect("write");
    assert!(ReferenceFile::open(&path, false).is_err());
    // A file of before there were entries: nothing to find, no trouble.
    let old = folder.path().join("old.db");
    let db = rusqlite::Connection::open(&old).expect("db");
    db.execute_batch("CREATE TABLE meta (name, value); INSERT INTO meta VALUES ('schema', 'spotcheck-reference/1')").expect("sql");
    db.close().expect("close");
    let file = ReferenceFile::open(&old, false).expect("open");
    assert!(ask(&file, "床位", None, ALL).is_empty() && file.documents().expect("none").is_empty());
    assert!(
        file.entry("r1").expect("none").is_none() && file.by_code("x").expect("none").is_empty()
    );
}

/// The demo city: every source is taken whole, and a fee line's item agrees with the catalogue.
#[test]
fn the_demo_citys_reference_data_agree_with_its_catalogue() {
    let folder = tempfile::tempdir().expect("folder");
    crate::demo_data(folder.path(), &crate::DemoOptions::default()).expect("city");
    let mut documents = Vec::new();
    let mut articles = 0;
    for entry in std::fs::read_dir(folder.path().join("reference")).expect("reference") {
        let path = entry.expect("entry").path();
        let name = path.file_name().expect("name").to_string_lossy().into_owned();
        let bytes = std::fs::read(&path).expect("file");
        let (read, report) = read_source(&name, bytes, &SourceOptions::default()).expect("source");
        assert_eq!((report.rejected, report.ignored_columns.len()), (0, 0), "{name}: {report:?}");
        let remarks: Vec<&str> = report.remarks.iter().map(|r| r.reason.as_str()).collect();
        assert!(remarks.iter().all(|r| r.contains("文号")), "{name}: {remarks:?}");
        articles += report.taken.get("article").copied().unwrap_or(0);
        documents.extend(read);
    }
    assert!(articles >= 20, "{articles}");
    close_replaced(&mut documents);
    let shelf = Shelf::new(documents);
    let file = shelf.open();
    let kinds = ask(&file, "彩色多普勒超声", Some(day("2025-03-14")), Page::first(20));
    let of = |kind: EntryKind| kinds.iter().find(|k| k.kind == kind).map_or(0, |k| k.hits.len());
    assert_eq!(of(EntryKind::Article), 1, "the old rule is not in force");
    assert_eq!(of(EntryKind::Item), 1);
    let item = &kinds.iter().find(|k| k.kind == EntryKind::Item).expect("item").hits[0];
    let second = item.limits.iter().find(|l| l.level == "2").expect("level");
    let catalogue =
        std::fs::read_to_string(folder.path().join("catalogue.csv")).expect("catalogue");
    let code = item.code.as_deref().expect("code");
    let row = catalogue.lines().find(|l| l.starts_with(code)).expect("row");
    assert!(row.contains(&second.amount.to_cents()), "{row}");
    assert_eq!(ask(&file, "案例", None, Page::first(20))[0].kind, EntryKind::Case);
}
