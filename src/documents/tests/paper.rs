//! The paper, looked at by programs nobody here wrote: qpdf, poppler and zbar.
//!
//! Protects evidence.md §4 (equal bytes, the overlay moves nothing, QR), inspection.md "Documents" (no blank
//! field, page X of Y, order of signatures) and the party: what is typed stands on paper, letter by letter.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "tests may panic"
)]

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use spotcheck_documents::{
    Draft, Elements, Error, Look, Officer, Overlay, PadSignature, PageCode, Stroke, freeze, render,
    render_print, render_signed, render_with,
};
use spotcheck_domain::vocabulary::{Capacity, CredentialKind};

/// 2026-11-20T10:05:41+08:00.
const FROZEN_MS: i64 = 1_795_140_341_000;

fn officer(name: &str, number: &str) -> Officer {
    Officer {
        name: name.to_owned(),
        agency: "示例市医疗保障局".to_owned(),
        credential_kind: CredentialKind::Enforcement,
        credential_number: number.to_owned(),
    }
}

fn fill(form: &str, pairs: &[(&str, &str)]) -> Draft {
    let mut draft = Draft::new(form).unwrap();
    draft.officers = vec![officer("赵检查", "示A-0001"), officer("钱核对", "示A-0002")];
    draft.basis = vec![
        "《医疗保障基金使用监督管理条例》第二十七条、第二十九条".to_owned(),
        "《示例市基本医疗保险定点医疗机构管理办法》第十二条".to_owned(),
    ];
    for (key, value) in pairs {
        draft.prefill(key, value).unwrap();
    }
    draft
}

const W03: &[(&str, &str)] = &[
    ("organ", "示例市医疗保障局"),
    ("number", "示医保检〔2026〕1号"),
    ("begun", "2026年11月20日09时30分"),
    ("ended", "2026年11月20日10时05分"),
    ("place", "示例医院住院楼三层三病区"),
    ("subject", "示例医院"),
    ("subject_code", "91330000MA27X0000X"),
    ("fixmedins_code", "H00000000001"),
    ("subject_head", "李四"),
    ("subject_addr", "示例市示例区示例路1号"),
    ("subject_phone", "0571-00000000"),
    ("present_name", "张三"),
    ("present_id", "330000199001010011"),
    ("present_post", "医保办主任"),
    ("recorder", "钱核对"),
    ("recusal", "清楚了，不申请回避。"),
    (
        "content",
        "2026年11月20日09时30分，检查人员由现场负责人张三陪同，从三病区护士站起按床号顺序查看。\n\
         三病区核定床位40张，现场实有住院病人31人。12床一览卡登记姓名王五，床上无人，床头柜无个人物品；当班护士称该病人“昨天晚上回家，还没有来”。\n\
         护士站电脑显示12床当日医嘱为“二级护理、静脉输液”，输液执行单11月20日一栏未见签名。现场拍照3张（附件1至3），录音1段（附件4）。",
    ),
    ("measures", "调取三病区11月20日输液执行单复印件1份，共2页，由张三核对并签名。"),
    (
        "attachments",
        "1. 照片0001号；2. 照片0002号；3. 照片0003号；4. 录音0004号；5. 输液执行单复印件2页。",
    ),
    ("remark", "情况属实，12床病人是请假回家，请假条随后补交。"),
];

const W04: &[(&str, &str)] = &[
    ("organ", "示例市医疗保障局"),
    ("number", "示医保询〔2026〕1号"),
    ("nth", "1"),
    ("begun", "2026年11月20日09时44分"),
    ("ended", "2026年11月20日10时03分"),
    ("place", "示例医院三病区医生办公室"),
    ("name", "张三"),
    ("sex", "男"),
    ("birth", "1990年1月1日"),
    ("id_number", "居民身份证 330000199001010011"),
    ("employer", "示例医院"),
    ("post", "医保办主任"),
    ("phone", "0571-00000000"),
    ("relation", "被检查单位工作人员"),
    ("recorder", "孙记录"),
    ("recusal", "清楚了。不申请回避。"),
];

fn w03() -> Elements {
    fill("W03", W03).elements().unwrap()
}

fn w04(turns: usize) -> Elements {
    let mut draft = fill("W04", W04);
    for n in 0..turns {
        let question = format!("第{}个问题：12床11月20日上午有没有人住？", n + 1);
        let answer =
            "那天早上我查房的时候没有看到人。护士说他前一天晚上请假回家了，请假条要问护士长。";
        draft.answer(None, &question, answer, Some(("E2", 1_900 + 61_000 * n as u64))).unwrap();
    }
    draft.elements().unwrap()
}

fn overlay(copy_no: u32) -> Overlay {
    Overlay {
        journal_head16: "fedcba9876543210".to_owned(),
        copy_no,
        copies: 2,
        document_id: "D1".to_owned(),
        version: 1,
        content16: "0123456789abcdef".to_owned(),
    }
}

/// Where the sheets lie for people to look at.
fn out(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("paper");
    fs::create_dir_all(&folder).unwrap();
    folder.join(name)
}

fn put(name: &str, bytes: &[u8]) -> PathBuf {
    let path = out(name);
    fs::write(&path, bytes).unwrap();
    path
}

/// Output of a foreign tool; `None`, said aloud, if it is not installed.
fn tool(test: &str, program: &str, arguments: &[&str]) -> Option<(bool, String)> {
    match Command::new(program).args(arguments).output() {
        Ok(done) => {
            // What a tool says on the error channel matters only when it says no.
            let channel = if done.status.success() { &done.stdout } else { &done.stderr };
            Some((done.status.success(), String::from_utf8_lossy(channel).into_owned()))
        }
        Err(_) => {
            eprintln!("SKIPPED {test}: {program} is not installed");
            None
        }
    }
}

/// Text of a PDF without white space and without zero-width breaks.
fn words(test: &str, path: &std::path::Path) -> Option<String> {
    let (ok, text) = tool(test, "pdftotext", &["-raw", path.to_str().unwrap(), "-"])?;
    assert!(ok, "{text}");
    Some(squeeze(&text))
}

fn squeeze(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace() && *c != '\u{200b}').collect()
}

#[test]
fn a_frozen_record_is_sound_pdf_a_and_says_what_was_typed() {
    const NAME: &str = "a_frozen_record_is_sound_pdf_a_and_says_what_was_typed";
    for (elements, pairs, file) in [(w03(), W03, "w03.pdf"), (w04(9), W04, "w04.pdf")] {
        let frozen = freeze(&elements, FROZEN_MS).unwrap();
        let path = put(file, &frozen.pdf);
        let rendered = render(&elements, FROZEN_MS).unwrap();
        for page in 1..=rendered.pages() {
            put(&format!("{file}-{page}.png"), &rendered.page_png(page, 1240).unwrap());
        }
        assert_eq!(frozen.pages, rendered.pages());
        let path_text = path.to_str().unwrap();
        if let Some((ok, said)) = tool(NAME, "qpdf", &["--check", path_text]) {
            assert!(ok, "{said}");
        }
        if let Some((ok, said)) = tool(NAME, "pdffonts", &[path_text]) {
            assert!(ok, "{said}");
            let fonts: Vec<&str> = said.lines().skip(2).collect();
            assert!(!fonts.is_empty());
            assert!(
                fonts.iter().all(|l| l.contains("SpotcheckSans") && l.contains("yes yes")),
                "{said}"
            );
        }
        if let Some(text) = words(NAME, &path) {
            for (key, value) in pairs {
                for line in value.lines() {
                    assert!(text.contains(&squeeze(line)), "{key}: {line}\n{text}");
                }
            }
            assert!(text.contains("示A-0001") && text.contains("示A-0002"));
            assert!(text.contains("以上笔录我已看过（或已向我宣读），与我所述一致"));
            assert!(text.contains("（以下空白）"));
            assert!(text.contains(&format!("第{0}页共{0}页", frozen.pages)));
        }
        let pdf = String::from_utf8_lossy(&frozen.pdf);
        assert!(pdf.contains("<pdfaid:part>2</pdfaid:part>"), "XMP");
        assert!(pdf.contains("<pdfaid:conformance>B</pdfaid:conformance>"), "XMP");
        assert!(pdf.contains("2026-11-20T10:05:41+08:00"), "time of freezing");
    }
}

/// rules.md, Words: whatever form there is, as a draft and frozen, with every field filled: the paper itself adds no
/// accusation and no penalty clause.
#[test]
fn no_paper_of_any_form_accuses() {
    const NAME: &str = "no_paper_of_any_form_accuses";
    for spec in spotcheck_documents::forms() {
        let pairs: Vec<(&str, String)> =
            spec.fields.iter().map(|f| (f.key, format!("示例{}", f.label))).collect();
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(k, v)| (*k, v.as_str())).collect();
        let draft = fill(spec.id, &pairs);
        let empty = Draft::new(spec.id).unwrap();
        for (kind, draft) in [("filled", draft), ("empty", empty)] {
            let pdf = render(&draft.elements().unwrap(), FROZEN_MS).unwrap().pdf().unwrap();
            let path = put(&format!("words-{}-{kind}.pdf", spec.id), &pdf);
            let Some(text) = words(NAME, &path) else { return };
            assert!(text.contains(&squeeze(spec.title)), "{text}");
            for never in [
                "违规",
                "违法",
                "骗保",
                "欺诈",
                "罚款",
                "第三十八条",
                "第三十九条",
                "第四十条",
                "第四十一条",
            ] {
                assert!(!text.contains(never), "{} {kind}: {never}", spec.id);
            }
        }
    }
}

#[test]
fn the_same_version_rendered_twice_gives_equal_bytes() {
    let elements = w03();
    let first = freeze(&elements, FROZEN_MS).unwrap();
    let second =
        freeze(&Elements::parse("W03", &elements.to_value().unwrap()).unwrap(), FROZEN_MS).unwrap();
    assert_eq!(first, second);
    let print = |n| render_print(&elements, FROZEN_MS, &overlay(n)).unwrap().pdf().unwrap();
    assert_eq!(print(1), print(1));
    assert_ne!(print(1), print(2));
    assert_ne!(first.pdf, freeze(&elements, FROZEN_MS + 1000).unwrap().pdf);
}

#[test]
fn each_printed_page_carries_a_code_that_other_programs_read() {
    const NAME: &str = "each_printed_page_carries_a_code_that_other_programs_read";
    let elements = w04(9);
    let plain = render(&elements, FROZEN_MS).unwrap();
    let print = render_print(&elements, FROZEN_MS, &overlay(2)).unwrap();
    assert_eq!(print.pages(), plain.pages(), "the overlay moves no line");
    assert!(print.pages() >= 2);
    let path = put("w04-copy2.pdf", &print.pdf().unwrap());
    if let Some(text) = words(NAME, &path) {
        let lines = overlay(2).lines();
        for line in lines {
            let times = text.matches(&squeeze(&line)).count();
            assert_eq!(times, print.pages() as usize, "{line}");
        }
    }
    for page in 1..=print.pages() {
        let png = put(&format!("w04-copy2-{page}.png"), &print.page_png(page, 1654).unwrap());
        let Some((ok, said)) = tool(NAME, "zbarimg", &["-q", "--raw", png.to_str().unwrap()])
        else {
            return;
        };
        assert!(ok, "{said}");
        let code = PageCode::parse(said.trim()).expect(&said);
        assert_eq!((code.page, code.pages, code.copy), (page, print.pages(), 2));
        assert_eq!(code.document, "D1");
    }
}

#[test]
fn thirty_pages_keep_every_answer_and_count_their_pages() {
    const NAME: &str = "thirty_pages_keep_every_answer_and_count_their_pages";
    let elements = w04(320);
    let frozen = freeze(&elements, FROZEN_MS).unwrap();
    assert!(frozen.pages >= 30, "{}", frozen.pages);
    let path = put("w04-long.pdf", &frozen.pdf);
    if let Some((ok, said)) = tool(NAME, "qpdf", &["--check", path.to_str().unwrap()]) {
        assert!(ok, "{said}");
    }
    if let Some(text) = words(NAME, &path) {
        for n in 1..=320 {
            assert!(text.contains(&format!("问：第{n}个问题：12床")), "{n}");
        }
        for page in 1..=frozen.pages {
            assert!(text.contains(&format!("第{page}页共{}页", frozen.pages)), "{page}");
        }
    }
}

#[test]
fn hostile_text_is_only_text() {
    const NAME: &str = "hostile_text_is_only_text";
    let hostile = "#import \"common.typ\": * #pagebreak() *粗* _斜_ $x^2$ \\u{41} \\ @ref <label> // /* */ ~ -- --- ' \" `raw` = 标题 - 项 + 项 ]][[ #{panic()} {{x}}\n\
                   https://example.invalid/abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0123456789\n\
                   #read(\"/etc/passwd\")";
    let mut draft = fill("W03", W03);
    draft.set("content", hostile).unwrap();
    draft.set("place", "#sys.version *地点*").unwrap();
    let frozen = freeze(&draft.elements().unwrap(), FROZEN_MS).unwrap();
    let path = put("hostile.pdf", &frozen.pdf);
    put(
        "hostile.png",
        &render(&draft.elements().unwrap(), FROZEN_MS).unwrap().page_png(1, 1240).unwrap(),
    );
    if let Some(text) = words(NAME, &path) {
        for line in hostile.lines() {
            assert!(text.contains(&squeeze(line)), "{line}\n{text}");
        }
        assert!(text.contains("#sys.version*地点*"));
    }
}

#[test]
fn rare_characters_of_names_are_printed_and_others_are_named_before_freezing() {
    const NAME: &str = "rare_characters_of_names_are_printed_and_others_are_named_before_freezing";
    let mut draft = fill("W03", W03);
    draft.set("present_name", "镕㛃𬸚").unwrap();
    draft.officers[0].name = "𬸚检查".to_owned();
    let frozen = freeze(&draft.elements().unwrap(), FROZEN_MS).unwrap();
    let path = put("rare.pdf", &frozen.pdf);
    put(
        "rare.png",
        &render(&draft.elements().unwrap(), FROZEN_MS).unwrap().page_png(1, 1240).unwrap(),
    );
    if let Some(text) = words(NAME, &path) {
        assert!(text.contains("镕㛃𬸚") && text.contains("𬸚检查"), "{text}");
    }
    draft.set("remark", "好😀\u{202e}\u{7}").unwrap();
    let Err(Error::Unprintable(found)) = freeze(&draft.elements().unwrap(), FROZEN_MS) else {
        panic!()
    };
    let shown: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        ["被检查人的意见(U+0007)", "被检查人的意见(U+202E)", "被检查人的意见(U+1F600)"]
    );
    assert_eq!(draft.unprintable().unwrap(), found);
    // A preview of the draft still opens.
    let look = Look { draft: true, ..Look::default() };
    assert!(render_with(&draft.elements().unwrap(), FROZEN_MS, &look).is_ok());
}

#[test]
fn nothing_stays_blank_and_a_draft_says_so() {
    const NAME: &str = "nothing_stays_blank_and_a_draft_says_so";
    let keep = [
        "organ",
        "begun",
        "ended",
        "place",
        "subject",
        "present_name",
        "recorder",
        "recusal",
        "content",
    ];
    let needed: Vec<(&str, &str)> = W03.iter().filter(|(k, _)| keep.contains(k)).copied().collect();
    let draft = fill("W03", &needed);
    assert_eq!(draft.missing().unwrap(), Vec::<String>::new());
    let frozen = freeze(&draft.elements().unwrap(), FROZEN_MS).unwrap();
    let path = put("struck.pdf", &frozen.pdf);
    if let Some(text) = words(NAME, &path) {
        // number, two codes, head, phone, address, post, id, measures, attachments, remark
        assert_eq!(text.matches('/').count(), 11, "{text}");
    }
    let look = Look { draft: true, ..Look::default() };
    let empty = Draft::new("W03").unwrap().elements().unwrap();
    let preview = render_with(&empty, FROZEN_MS, &look).unwrap();
    let path = put("draft.pdf", &preview.pdf().unwrap());
    put("draft.png", &preview.page_png(1, 1240).unwrap());
    if let Some(text) = words(NAME, &path) {
        assert!(text.contains("草稿（未定稿，不得签字）") && !text.contains('/'), "{text}");
    }
}

/// No page of a practice record, frozen, signed or printed, can be taken for a real one.
#[test]
fn a_practice_record_says_so_on_every_page() {
    const NAME: &str = "a_practice_record_says_so_on_every_page";
    const MARK: &str = "不具法律效力";
    let long = "核对床位。".repeat(400);
    for (number, marked) in [("演练〔2026〕7Q4K号", true), ("示医保检〔2026〕9号", false)]
    {
        let mut fields: Vec<(&str, &str)> = W03.to_vec();
        fields.retain(|(key, _)| !matches!(*key, "number" | "content"));
        fields.extend([("number", number), ("content", long.as_str())]);
        let frozen = freeze(&fill("W03", &fields).elements().unwrap(), FROZEN_MS).unwrap();
        let path = put(if marked { "practice.pdf" } else { "real.pdf" }, &frozen.pdf);
        let Some(text) = words(NAME, &path) else { return };
        assert!(frozen.pages > 1, "one page proves nothing");
        let told = u32::try_from(text.matches(MARK).count()).unwrap();
        assert_eq!(told, if marked { frozen.pages } else { 0 }, "{text}");
    }
}

/// A sheet with signatures and no words of the record could be put under another record.
#[test]
fn signatures_never_stand_alone_and_nothing_runs_off_the_sheet() {
    const NAME: &str = "signatures_never_stand_alone_and_nothing_runs_off_the_sheet";
    for turns in 3..13 {
        let rendered = render(&w04(turns), FROZEN_MS).unwrap();
        let path = put("last.pdf", &rendered.pdf().unwrap());
        let last = rendered.pages().to_string();
        let arguments = ["-raw", "-f", &last, path.to_str().unwrap(), "-"];
        let Some((_, text)) = tool(NAME, "pdftotext", &arguments) else { return };
        assert!(text.contains("被询问人补充说明") && text.contains("亲笔书写"), "{turns}: {text}");
    }
    // Many officers, many short lines, one very long line: all of it is on the sheets.
    let mut draft = fill("W03", W03);
    draft.officers = (1..=9).map(|n| officer("孙检查", &format!("示A-{n:04}"))).collect();
    let lines: Vec<String> = (0..120).map(|n| format!("第{n}条意见。")).collect();
    draft.set("remark", &lines.join("\n")).unwrap();
    draft.set("place", &"很长的地点".repeat(400)).unwrap();
    let frozen = freeze(&draft.elements().unwrap(), FROZEN_MS).unwrap();
    let path = put("crowded.pdf", &frozen.pdf);
    if let Some(text) = words(NAME, &path) {
        assert!(lines.iter().all(|line| text.contains(line)));
        assert_eq!(text.matches("执法证号：示A-0009").count(), 2);
        assert_eq!(text.matches('很').count(), 400);
    }
}

#[test]
fn pad_strokes_stand_at_the_lines_and_move_nothing() {
    let stroke = |x: u16| Stroke {
        points: vec![
            (x, 150, 0, 310),
            (x + 40, 90, 41, 522),
            (x + 90, 160, 83, 540),
            (x + 130, 110, 126, 288),
        ],
    };
    let signature = |name: &str, capacity, at_ms| PadSignature {
        name: name.to_owned(),
        capacity,
        strokes: vec![stroke(90), stroke(300), stroke(520)],
        at_ms,
    };
    let elements = w03();
    let signed = render_signed(
        &elements,
        FROZEN_MS,
        &[
            signature("张三", Capacity::Party, FROZEN_MS + 60_000),
            signature("赵检查", Capacity::Officer, FROZEN_MS + 120_000),
            signature("钱核对", Capacity::Officer, FROZEN_MS + 180_000),
        ],
    )
    .unwrap();
    let plain = render(&elements, FROZEN_MS).unwrap();
    assert_eq!(signed.pages(), plain.pages());
    let last = signed.pages();
    put("signed.png", &signed.page_png(last, 1240).unwrap());
    assert_ne!(signed.page_png(last, 620).unwrap(), plain.page_png(last, 620).unwrap());
    let path = put("signed.pdf", &signed.pdf().unwrap());
    if let Some((ok, said)) = tool("pad_strokes", "qpdf", &["--check", path.to_str().unwrap()]) {
        assert!(ok, "{said}");
    }
}

#[test]
fn grey_pages_fit_the_printer_and_are_mostly_white() {
    let page = render(&w03(), FROZEN_MS).unwrap().page_gray(1, 150).unwrap();
    assert_eq!((page.width, page.height), (1240, 1754));
    assert_eq!(page.pixels.len(), 1240 * 1754);
    let black = page.pixels.iter().filter(|p| **p < 64).count();
    assert!(black > 1000 && black < page.pixels.len() / 5, "{black}");
}

/// The compiler's cache is global and grows without bound unless it is emptied after every compilation.
#[test]
fn a_day_of_rendering_does_not_fill_the_memory() {
    let resident_kib = || -> u64 {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    let once = |n: i64| {
        let _ = render(&w04(5), FROZEN_MS + n).unwrap().pdf().unwrap();
        // A compilation that fails must leave nothing behind either.
        let bad = Overlay { content16: String::new(), ..overlay(1) };
        assert!(render_print(&w04(5), FROZEN_MS + n, &bad).is_err());
    };
    (0..5).for_each(once);
    let before = resident_kib();
    (5..20).for_each(once);
    let grown = resident_kib().saturating_sub(before);
    assert!(grown < 24 * 1024, "{grown} KiB more after 30 compilations");
}
