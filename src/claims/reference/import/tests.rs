//! Policies and tables as they come: cut exactly, told exactly, never guessed.

use spotcheck_domain::reference::EntryKind;
use spotcheck_domain::time::day_number;

use super::{SourceOptions, SourceReport, read_source};
use crate::reference::{Document, Entry};

/// An invented regulation: headings in two widths, a sentence that begins with a cited article, chapters.
pub(in crate::reference) const REGULATION: &str = "\u{feff}示例市医疗服务收费管理\n办法\n\
(示医保〔2024〕12号)\n\n\
第一章 总则\n\
第一条 为规范示例市医疗服务收费,制定本办法。\n\
第二条\u{3000}本办法适用于定点医疗机构。依照\n\
第一条规定执行的,从其规定。\n\
第二章 收费\n\
第三条 床位费按日计收\u{ff0c}计入不计出。\n\
\u{ff08}一\u{ff09}普通病房;\n\
\u{ff08}二\u{ff09}层流病房。\n\
第三条之一 住院诊察费每日计收一次。\n\
第四条 本办法自2024年1月1日起施行,有效期5年。《示例市收费办法》(示医保〔2019〕8号)同时废止。\n\n\
示例市医疗保障局\n\
2023年12月1日\n";

fn read(name: &str, text: &[u8], options: &SourceOptions) -> (Vec<Document>, SourceReport) {
    read_source(name, text.to_vec(), options).expect("source")
}

fn one(name: &str, text: &[u8]) -> (Document, SourceReport) {
    let (mut documents, report) = read(name, text, &SourceOptions::default());
    assert_eq!(documents.len(), 1);
    (documents.remove(0), report)
}

fn day(text: &str) -> Option<i64> {
    day_number(text)
}

fn entry<'a>(document: &'a Document, article: &str) -> &'a Entry {
    document.entries.iter().find(|e| e.article == article).expect(article)
}

#[test]
fn a_regulation_is_cut_into_its_articles_with_their_places() {
    let (document, report) = one("收费办法.txt", REGULATION.as_bytes());
    assert_eq!(document.title, "示例市医疗服务收费管理办法");
    assert_eq!(document.number, "示医保〔2024〕12号");
    assert_eq!((document.begin, document.end), (day("2024-01-01"), day("2028-12-31")));
    assert_eq!(document.replaces, ["示医保〔2019〕8号"]);
    let articles: Vec<&str> = document.entries.iter().map(|e| e.article.as_str()).collect();
    assert_eq!(articles, ["第一条", "第二条", "第三条", "第三条之一", "第四条"]);
    let second = entry(&document, "第二条");
    assert!(
        second.text.ends_with("第一条规定执行的,从其规定。"),
        "a cited article begins no piece"
    );
    assert_eq!(second.chapter, "第一章 总则");
    let third = entry(&document, "第三条");
    assert!(third.text.contains("层流病房") && third.chapter == "第二章 收费");
    let last = entry(&document, "第四条");
    assert!(last.text.ends_with("同时废止。"), "the closing lines are no part of it");
    // What is shown is what stands at these characters of the source.
    let source: Vec<char> = REGULATION.trim_start_matches('\u{feff}').chars().collect();
    let mut end = 0;
    for e in &document.entries {
        let (from, to) = e.chars.expect("place");
        assert!(from >= end && to > from, "pieces do not overlap");
        end = to;
        let piece: String = source[from as usize..to as usize].iter().collect();
        let squeeze = |t: &str| t.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        assert_eq!(squeeze(&piece), squeeze(&e.text));
        let line = REGULATION.split('\n').nth(e.line as usize - 1).expect("line");
        assert!(line.trim().starts_with(&e.article));
    }
    assert_eq!((report.read, report.rejected, report.entries()), (5, 0, 5));
    assert_eq!(report.encoding.as_deref(), Some("utf-8"));
}

#[test]
fn gb18030_and_windows_lines_give_the_same_articles() {
    let windows = REGULATION.trim_start_matches('\u{feff}').replace('\n', "\r\n");
    let (bytes, _, _) = encoding_rs::GB18030.encode(&windows);
    let (document, report) = one("收费办法.txt", &bytes);
    assert_eq!(report.encoding.as_deref(), Some("gb18030"));
    let (utf8, _) = one("收费办法.txt", REGULATION.as_bytes());
    let texts = |d: &Document| d.entries.iter().map(|e| e.text.clone()).collect::<Vec<_>>();
    assert_eq!(texts(&document), texts(&utf8));
}

#[test]
fn a_notice_without_articles_is_cut_at_its_numbers() {
    let text = "示例市医疗保障局关于规范康复项目收费的通知\n示医保发[2025]3号\n\n各定点医疗机构:\n\
现就有关事项通知如下。\n一、执行范围\n全部定点医疗机构。\n二、计费要求\n(一)中频脉冲电治疗按部位计收。\n\
(二)同一部位每日不超过两次。\n1.上肢;\n2.下肢。\n三、本通知自2025年3月1日起执行。\n附件1:项目目录\n略\n";
    let (document, _) = one("通知.md", text.as_bytes());
    let articles: Vec<&str> = document.entries.iter().map(|e| e.article.as_str()).collect();
    assert_eq!(articles, ["引言", "一", "二", "二、(一)", "二、(二)", "三", "附件1:项目目录"]);
    assert!(entry(&document, "二、(二)").text.contains("2.下肢"));
    assert_eq!(entry(&document, "二、(二)").chapter, "二、计费要求");
    assert_eq!(
        (document.number.as_str(), document.begin),
        ("示医保发〔2025〕3号", day("2025-03-01"))
    );
}

#[test]
fn what_is_not_said_is_not_guessed() {
    let text = "示例规定\n第一条 甲。\n第二条 本规定自公布之日起施行。\n";
    let (document, report) = one("a.txt", text.as_bytes());
    assert_eq!(document.begin, None);
    let told: Vec<&str> = report.remarks.iter().map(|r| r.reason.as_str()).collect();
    assert!(told.iter().any(|r| r.contains("没有读出公布日期")), "{told:?}");
    assert!(told.iter().any(|r| r.contains("没有读出文号")), "{told:?}");
    let options = SourceOptions { valid_from: day("2025-02-01"), ..SourceOptions::default() };
    let (documents, _) = read("a.txt", text.as_bytes(), &options);
    assert_eq!(documents[0].begin, day("2025-02-01"));
    // An excerpt: the jump is told.
    let text = "示例条例\n(示例令第9号)\n第十四条 甲。\n第十七条 乙。\n";
    let (document, report) = one("b.txt", text.as_bytes());
    assert_eq!((document.entries.len(), document.number.as_str()), (2, "示例令第9号"));
    assert!(report.remarks.iter().any(|r| r.line == 4 && r.reason.contains("跳跃")));
    // A broken character costs its article, and says so.
    let mut broken = "示例规定\n第一条 甲。\n第二条 乙".as_bytes().to_vec();
    broken.push(0xff);
    let (document, report) = one("c.txt", &broken);
    assert_eq!((document.entries.len(), report.rejected, report.rejects[0].line), (1, 1, 3));
    for (name, text) in [("d.pdf", "x"), ("e.txt", ""), ("f.csv", "甲,乙\n1,2\n")] {
        assert!(read_source(name, text.into(), &SourceOptions::default()).is_err(), "{name}");
    }
}

#[test]
fn front_matter_comes_before_the_words() {
    let text = "---\ntitle: 示例办法\n文号: 示医保〔2026〕1号\nissuer: 示例市医疗保障局\nbegin: 2026-05-01\n\
replaces: 示医保〔2024〕12号\n---\n# 任意标题\n第一条 甲。\n";
    let (document, report) = one("a.md", text.as_bytes());
    assert_eq!(
        (document.title.as_str(), document.issuer.as_str()),
        ("示例办法", "示例市医疗保障局")
    );
    assert_eq!((document.begin, document.replaces.len()), (day("2026-05-01"), 1));
    assert!(report.remarks.is_empty(), "{:?}", report.remarks);
}

#[test]
fn cases_are_cut_at_their_headings() {
    let text = "示例市典型案例\n案例一 甲医院重复收费\n查明事实甲。\n处理甲。\n案例二 乙药店\n查明事实乙。\n";
    let options = SourceOptions { kind: Some(EntryKind::Case), ..SourceOptions::default() };
    let (documents, _) = read("案例.txt", text.as_bytes(), &options);
    let titles: Vec<&str> = documents[0].entries.iter().map(|e| e.title.as_str()).collect();
    assert_eq!(titles, ["案例一 甲医院重复收费", "案例二 乙药店"]);
    assert_eq!(documents[0].entries[0].text, "查明事实甲。\n处理甲。");
    let options = SourceOptions { kind: Some(EntryKind::Drug), ..SourceOptions::default() };
    assert!(read_source("a.txt", text.into(), &options).is_err(), "a text is no list of drugs");
}

#[test]
fn a_price_table_gives_items_and_names_what_it_refuses() {
    let table = "项目编码,项目名称,项目内涵,除外内容,计价单位,三级(元),二级,一级,备注,甲乙类,生效日期,失效日期,序号\n\
S004,彩色多普勒超声,含图文报告,特殊耗材,部位,120,115.5,105,限每日一次,乙,2024-01-01,,1\n\
S004,彩色多普勒超声,含图文报告,特殊耗材,部位,110,100,90,,乙,2026/6/1,,2\n\
S005,心电图,,,次,市场调节价,21,20,,甲,2024-01-01,,3\n\
S006,坏价格,,,次,abc,1,1,,甲,2024-01-01,,4\n\
S007,坏日期,,,次,1,1,1,,甲,2024-13-01,,5\n\
S008,反了,,,次,1,1,1,,甲,2024-02-01,2024-01-01,6\n\
,,,,,,,,,,,,7\n\
S009,少一列,,次,1\n";
    let (document, report) = one("价格表.csv", table.as_bytes());
    assert_eq!(document.entries.len(), 3);
    let first = &document.entries[0];
    assert_eq!(
        (first.kind, first.end),
        (EntryKind::Item, day("2026-05-31")),
        "the next version ends it"
    );
    let limits: Vec<(String, String)> =
        first.limits.iter().map(|l| (l.level.clone(), l.amount.to_cents())).collect();
    let expected = [("1", "105.00"), ("2", "115.50"), ("3", "120.00")];
    assert_eq!(limits, expected.map(|(l, a)| (l.to_owned(), a.to_owned())));
    assert_eq!((first.restriction.as_str(), first.chrgitm_lv.as_str()), ("限每日一次", "02"));
    assert_eq!(document.entries[2].restriction, "市场调节价");
    assert_eq!((report.read, report.rejected), (8, 5));
    let rejects: Vec<(u64, &str)> =
        report.rejects.iter().map(|r| (r.line, r.column.as_str())).collect();
    assert_eq!(
        rejects,
        [(5, "三级(元)"), (6, "生效日期"), (7, "失效日期"), (8, "项目编码"), (9, "")]
    );
    assert_eq!(report.ignored_columns, ["序号"]);
}

#[test]
fn the_catalogue_of_the_contract_and_the_public_icd_table_are_read_as_they_are() {
    let catalogue = "med_list_codg,hilist_name,list_type,chrgitm_lv,pric_uplmt_amt,unit,begndate,enddate\n\
X1,阿莫西林胶囊,101,1,13.23,盒,2024-01-01,\nS1,吸氧,201,1,3.15,小时,2024-01-01,\nM1,敷料,301,3,13,片,,\nZ,x,9,,,,,\n";
    let (document, report) = one("catalogue.csv", catalogue.as_bytes());
    let kinds: Vec<EntryKind> = document.entries.iter().map(|e| e.kind).collect();
    assert_eq!(kinds, [EntryKind::Drug, EntryKind::Item, EntryKind::Consumable, EntryKind::Item]);
    assert_eq!(document.entries[0].chrgitm_lv, "01");
    assert_eq!(report.rejected, 0);
    let Some(shared) = crate::story::shared("the_public_icd_table") else { return };
    let bytes = std::fs::read(shared.join("data/icd/icd10_yb.csv")).expect("file");
    let (document, report) = one("icd10_yb.csv", &bytes);
    assert_eq!((document.entries.len(), report.rejected), (33_304, 0));
    assert_eq!(document.entries[0].kind, EntryKind::Diagnosis);
}
