//! The table, the filling of sentences, and that no Chinese word is forgotten.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use spotcheck_app::input::InputMode;
use spotcheck_app::rules::compare::{Class, Field};
use spotcheck_app::rules::compose::{ListKind, Measured, Pattern, Sex, Stretch, Whose};
use spotcheck_domain::reference::EntryKind;
use spotcheck_domain::vocabulary::{Capacity, KeyProtection, Mode, PartyKind};

use super::*;
use crate::testkit::spoken::FACE;

#[test]
fn values_stand_where_the_translation_wants_them() {
    assert_eq!(fill("{2} {0}/{1}", &[&"11", &"24", &"Tue"]), "Tue 11/24");
    assert_eq!(fill("{} line{s}", &[&"1"]), "1 line");
    assert_eq!(fill("{} line{s}", &[&"1,204"]), "1,204 lines");
    assert_eq!(fill("nothing", &[&1]), "nothing");
}

/// The desk speaks Chinese; what it is known to say is said in English with its names and numbers.
#[test]
fn what_the_desk_tells_is_said_in_english() {
    NOW.set(Language::English);
    let told = told(
        "安全：中断的录音录像 2 段已恢复，共 12 分 08 秒，缺 ≤ 2 秒；到场采集 1 件，打开任务后归入案卷",
    );
    let unknown = super::told("没有人说过的一句话");
    let gap = super::told("周演示未出示证件");
    NOW.set(Language::Chinese);
    assert_eq!(
        told,
        "Safe: 2 broken recordings restored, 12 min 08 s in all, ≤ 2 s missing; \
         1 item from the arrival join the case once the task is open"
    );
    assert_eq!(unknown, "没有人说过的一句话");
    assert_eq!(gap, "周演示 has not shown a credential");
}

/// A reason that was tapped in English goes into the record in Chinese.
#[test]
fn a_tapped_reason_is_kept_in_chinese() {
    let reasons = ["已退费", "本地政策允许"];
    NOW.set(Language::English);
    let tapped = behind("Already refunded", &reasons).to_owned();
    let typed = behind("seen the slip", &reasons).to_owned();
    NOW.set(Language::Chinese);
    assert_eq!((tapped.as_str(), typed.as_str()), ("已退费", "seen the slip"));
}

#[test]
fn an_absent_language_is_chinese() {
    assert_eq!(Language::parse(None), Language::Chinese);
    assert_eq!(Language::parse(Some("zh")), Language::Chinese);
    assert_eq!(Language::parse(Some("en")), Language::English);
}

fn ui() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn is_han(c: char) -> bool {
    ('\u{3400}'..='\u{9fff}').contains(&c)
}

/// A string literal: what stands before it on its way back to the last bracket or word, and its text.
struct Literal {
    line: usize,
    before: String,
    text: String,
}

/// String literals outside comments; good enough for sources that rustfmt has formatted.
fn literals(source: &str) -> Vec<Literal> {
    let chars: Vec<char> = source.chars().collect();
    let (mut found, mut n, mut line) = (Vec::new(), 0, 1);
    while n < chars.len() {
        match chars[n] {
            '\n' => line += 1,
            '/' if chars.get(n + 1) == Some(&'/') => {
                while n < chars.len() && chars[n] != '\n' {
                    n += 1;
                }
                continue;
            }
            // 'x' and '\n' are characters, 'a is a lifetime.
            '\'' if chars.get(n + 1) == Some(&'\\') => n += 3,
            '\'' if chars.get(n + 2) == Some(&'\'') => n += 2,
            'r' if n > 0 && !chars[n - 1].is_alphanumeric() && raw(&chars[n..]) => {
                // Raw strings are expressions and statements for machines.
                let hashes = chars[n + 1..].iter().take_while(|c| **c == '#').count();
                let end: String = std::iter::once('"').chain("#".repeat(hashes).chars()).collect();
                let rest: String = chars[n + hashes + 2..].iter().collect();
                let length = rest.split(&end).next().unwrap().chars().count();
                line += rest.chars().take(length).filter(|c| *c == '\n').count();
                n += hashes + 2 + length + hashes;
            }
            '"' => {
                let before: String = chars[n.saturating_sub(400)..n].iter().collect();
                let (begun, mut text) = (line, String::new());
                n += 1;
                while n + 1 < chars.len() && chars[n] != '"' {
                    if chars[n] == '\\' {
                        n += 1;
                        match chars[n] {
                            'n' => text.push('\n'),
                            '\n' => {
                                line += 1;
                                while chars[n + 1].is_whitespace() {
                                    n += 1;
                                }
                            }
                            other => text.push(other),
                        }
                    } else {
                        line += usize::from(chars[n] == '\n');
                        text.push(chars[n]);
                    }
                    n += 1;
                }
                found.push(Literal { line: begun, before: before.trim_end().to_owned(), text });
            }
            _ => {}
        }
        n += 1;
    }
    found
}

/// `r"` or `r##"`.
fn raw(chars: &[char]) -> bool {
    let hashes = chars.iter().skip(1).take_while(|c| **c == '#').count();
    chars.get(hashes + 1) == Some(&'"')
}

/// Production code of a file: tests at its end are no words of the window.
fn production(path: &Path) -> String {
    let source = std::fs::read_to_string(path).unwrap();
    source.split("\nmod tests {").next().unwrap().to_owned()
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.extension().is_some_and(|e| e == ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

/// Not the window's words: the program that builds the table, the Slint crate, invented data and hands of tests.
const NOT_SPOKEN: [&str; 5] = ["build.rs", "face", "testkit", "tests", "tests.rs"];

fn sources() -> Vec<PathBuf> {
    let own = |path: &PathBuf| {
        let inside = path.strip_prefix(ui()).unwrap();
        inside.components().all(|part| !NOT_SPOKEN.iter().any(|n| part.as_os_str() == *n))
    };
    files(&ui(), "rs").into_iter().filter(own).collect()
}

/// Inside the brackets of `Trouble::new(` or, in the errors of the face, `Self::new(`.
fn in_trouble(before: &str) -> bool {
    let at = ["Trouble::new(", "Self::new("].iter().filter_map(|m| before.rfind(m)).max();
    at.is_some_and(|at| {
        let since = before.get(at..).unwrap();
        since.matches('(').count() > since.matches(')').count()
    })
}

/// Words that come from the domain with their own Chinese names.
fn vocabulary() -> BTreeSet<String> {
    let mut all: BTreeSet<String> = BTreeSet::new();
    let mut add = |word: &str| {
        all.insert(word.to_owned());
    };
    Mode::ALL.iter().for_each(|w| add(w.zh()));
    PartyKind::ALL.iter().for_each(|w| add(w.zh()));
    Capacity::ALL.iter().for_each(|w| add(w.zh()));
    KeyProtection::ALL.iter().for_each(|w| add(w.zh()));
    EntryKind::ALL.iter().for_each(|w| add(w.zh()));
    Field::ALL.iter().for_each(|w| add(w.zh()));
    Class::ALL.iter().for_each(|w| add(w.zh()));
    Pattern::ALL.iter().for_each(|w| add(w.zh()));
    Stretch::ALL.iter().for_each(|w| add(w.zh()));
    Measured::ALL.iter().for_each(|w| add(w.zh()));
    Whose::ALL.iter().for_each(|w| add(w.zh()));
    Sex::ALL.iter().for_each(|w| add(w.zh()));
    ListKind::ALL.iter().for_each(|w| add(w.zh()));
    add(spotcheck_app::rules::PENDING);
    InputMode::ALL.into_iter().for_each(|w| add(w.label()));
    // Types without a list of their values, or not reachable from here: where their words begin and end.
    for (file, begin, end) in [
        ("src/rules/finding.rs", "pub const fn zh", "\n    }\n"),
        ("src/rules/pack/rule.rs", "pub const fn light", "\n    }\n"),
        ("src/rules/finding/merge.rs", "words!(", "\n);\n"),
        ("src/rules/indicators/catalogue.rs", "    Dimension {", "\n    }\n"),
        ("src/rules/indicators/catalogue.rs", "\"official\"", "\n    }\n"),
        ("src/domain/reference.rs", "pub fn zh", "\n    }\n"),
        ("src/domain/claims.rs", "pub const fn zh", "\n    }\n"),
        ("src/rules/compare.rs", "pub fn ready", "\n}\n"),
    ] {
        let source = production(&ui().join("..").join(file));
        let (_, behind) = source.split_once(begin).unwrap();
        let own = behind.split(end).next().unwrap();
        for literal in literals(own).iter().filter(|l| l.text.chars().any(is_han)) {
            add(&literal.text);
        }
    }
    all
}

/// Places of a sentence: `{}` in their order, `{0}` by number.
fn places(sentence: &str) -> usize {
    sentence.replace("{s}", "").matches('{').count()
}

/// Every `say!`, every marked word and every word of the domain has an English entry, none is left over, and no
/// Chinese literal stands in the window's code without one of the three macros.
#[test]
fn every_word_of_the_window_has_an_english_entry() {
    let (mut bare, mut used) = (Vec::new(), BTreeMap::new());
    for path in sources() {
        for literal in literals(&production(&path)) {
            let spoken = ["say!(", "mark!("].iter().any(|m| literal.before.ends_with(m));
            if spoken {
                used.insert(literal.text.clone(), name(&path));
            } else if literal.text.chars().any(is_han)
                && !literal.before.ends_with("kept!(")
                && !in_trouble(&literal.before)
            {
                bare.push(format!("{}:{}: {}", name(&path), literal.line, literal.text));
            }
        }
    }
    assert_eq!(bare, Vec::<String>::new(), "Chinese words that nobody translates");
    for word in vocabulary() {
        used.entry(word).or_insert_with(|| "the domain".to_owned());
    }
    let known: BTreeSet<&str> = words_of(&used).collect();
    let entries: BTreeMap<&str, &str> = ENGLISH.iter().copied().collect();
    let lacking: Vec<_> = used.iter().filter(|(w, _)| !entries.contains_key(w.as_str())).collect();
    assert_eq!(lacking, Vec::<(&String, &String)>::new(), "no English entry");
    let troubles = troubles();
    let left: Vec<_> =
        entries.keys().filter(|key| !known.contains(*key) && !troubles.contains(**key)).collect();
    assert_eq!(left, Vec::<&&str>::new(), "entries that nothing says");
    for (chinese, english) in ENGLISH {
        assert_eq!(places(chinese), places(english), "{chinese} = {english}");
        assert!(!english.chars().any(is_han), "{english}");
    }
}

fn words_of(used: &BTreeMap<String, String>) -> impl Iterator<Item = &str> {
    used.keys().map(String::as_str)
}

/// The same for the Slint files.
#[test]
fn every_word_of_the_face_has_an_english_entry() {
    // Names of strokes and languages, and what is typed with a key.
    let allowed = ["中文", "横", "竖", "撇", "捺", "折"];
    // What a signer declares is read in the language of the paper.
    let declared = "以上内容我已看过（或已向我宣读），与我所述一致。";
    let (mut bare, mut used) = (Vec::new(), BTreeSet::new());
    // The catalogue of components is for people who draw the face; its words are examples.
    let screens = |path: &PathBuf| !path.parent().unwrap().ends_with("catalogue");
    for path in files(&ui().join("face"), "slint").into_iter().filter(screens) {
        for literal in literals(&std::fs::read_to_string(&path).unwrap()) {
            if literal.before.ends_with("@tr(") {
                used.insert(literal.text);
            } else if literal.text.chars().any(is_han)
                && !allowed.contains(&literal.text.as_str())
                && literal.text != declared
            {
                bare.push(format!("{}:{}: {}", name(&path), literal.line, literal.text));
            }
        }
    }
    assert_eq!(bare, Vec::<String>::new(), "Chinese words that nobody translates");
    let entries: BTreeSet<String> = FACE.iter().map(|(key, _)| (*key).to_owned()).collect();
    assert_eq!(used.difference(&entries).collect::<Vec<_>>(), Vec::<&String>::new());
    assert_eq!(entries.difference(&used).collect::<Vec<_>>(), Vec::<&String>::new());
    for (chinese, english) in FACE {
        assert_eq!(places(chinese), places(english), "{chinese} = {english}");
        assert!(!english.contains("{s}"), "Slint knows no {{s}}: {english}");
        assert!(!english.chars().any(is_han), "{english}");
    }
}

/// Sources that make troubles which can reach the window: not those of the command line, of the centre and of
/// the verifier, whose findings about a bundle are no troubles.
fn trouble_sources() -> Vec<PathBuf> {
    let root = ui().join("..");
    let mut all = files(&root.join("src"), "rs");
    all.extend(files(&root.join("sync/client"), "rs"));
    all.extend(sources());
    all.retain(|path| {
        let path = path.to_string_lossy().replace('\\', "/");
        let tests = ["/tests", "_tests", "/testkit", "/memory", "/cli/", "/verify/", "/demo/"];
        let evidence = path.contains("/evidence/") && !path.ends_with("/evidence/error.rs");
        !evidence && !tests.iter().any(|t| path.contains(t))
    });
    all.push(ui().join("testkit/gallery.rs"));
    all
}

/// `A-CODE`: words of capitals and digits.
fn is_code(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    parts.len() > 1
        && parts.iter().all(|p| {
            !p.is_empty() && p.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
        })
        && parts[0].len() > 1
        && parts[0].chars().all(|c| c.is_ascii_uppercase())
}

/// Looks like a code and is none.
const NO_TROUBLE: [&str; 6] = [
    "COPY-CASE",         // said to another handheld
    "COPY-SCHEMA",       // said to another handheld
    "AES-256-GCM",       // a cipher
    "RULES-SCORE",       // of the command line
    "ECDSA-P256-SHA256", // an algorithm
    "UTF-8",             // an encoding
];

fn codes() -> BTreeSet<String> {
    let all = trouble_sources().into_iter().flat_map(|path| literals(&production(&path)));
    all.map(|l| l.text).filter(|t| is_code(t) && !NO_TROUBLE.contains(&t.as_str())).collect()
}

/// Keys of the catalogue of troubles that something makes.
fn troubles() -> BTreeSet<String> {
    let mut keys: BTreeSet<String> = BTreeSet::new();
    for code in codes() {
        for part in ["happened", "safe", "advice"] {
            keys.insert(format!("{code} {part}"));
        }
    }
    let stages = production(&ui().join("../sync/client/error.rs"));
    keys.extend(literals(&stages).into_iter().map(|l| l.text).filter(|t| t.chars().any(is_han)));
    keys
}

/// Who speaks English is told in English what happened and what to do, whatever the code.
#[test]
fn every_trouble_has_an_english_sentence() {
    let entries: BTreeMap<&str, &str> = ENGLISH.iter().copied().collect();
    let lacking: Vec<String> = codes()
        .into_iter()
        .filter(|code| {
            ["happened", "advice"]
                .iter()
                .any(|p| !entries.contains_key(format!("{code} {p}").as_str()))
        })
        .collect();
    assert_eq!(lacking, Vec::<String>::new());
}
