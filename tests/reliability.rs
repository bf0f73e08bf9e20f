//! `RELIABILITY.md` says what is there: each failure of the list has one row, and each test and file that a row
//! names exists.
//!
//! The table is what people believe without running anything. Two branches that each improve a row leave two rows after a
//! merge, and a test that is renamed leaves a name that nobody runs; both look like care and are none.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    missing_docs,
    reason = "tests may panic"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The failures that apply to keeping evidence: recording, store, keys, time (R01–R58) and full storage (R94–R97).
fn wanted() -> Vec<String> {
    (1..=58).chain(94..=97).map(|number| format!("R{number:02}")).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Rows of the table: id, and the cells behind it.
fn rows(text: &str) -> Vec<(String, Vec<String>)> {
    let cells = |line: &str| -> Vec<String> {
        line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect()
    };
    text.lines()
        .filter(|line| line.starts_with("| R") && !line.starts_with("| R id"))
        .map(|line| {
            let mut cells = cells(line);
            (cells.remove(0), cells)
        })
        .collect()
}

/// Names of the functions marked as tests, with the file each stands in (relative to the root).
fn tests_of(root: &Path) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut left: Vec<PathBuf> =
        ["src", "sync", "tests", "ui"].iter().map(|top| root.join(top)).collect();
    while let Some(path) = left.pop() {
        if path.is_dir() {
            let hidden = |p: &Path| {
                p.file_name()
                    .is_some_and(|n| n.as_encoded_bytes().starts_with(b".") || n == "target")
            };
            let inside = std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path());
            left.extend(inside.filter(|p| !hidden(p)));
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let file = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            for name in marked(&text) {
                found.entry(name).or_default().push(file.clone());
            }
        }
    }
    found
}

/// Functions that stand under `#[test]` or `#[rstest]`, other attributes and comments between allowed.
fn marked(text: &str) -> Vec<String> {
    let mut test = false;
    let mut names = Vec::new();
    for line in text.lines().map(str::trim_start) {
        if line.starts_with("#[test]") || line.starts_with("#[rstest") {
            test = true;
        } else if let Some(rest) =
            line.strip_prefix("fn ").or_else(|| line.strip_prefix("async fn "))
        {
            let name = rest.split(['(', '<']).next().unwrap();
            if std::mem::take(&mut test) {
                names.push(name.to_owned());
            }
        } else if line == "}" {
            test = false;
        }
    }
    names
}

/// What stands between backquotes, with the text that follows each.
fn quoted(cell: &str) -> Vec<(&str, &str)> {
    let parts: Vec<&str> = cell.split('`').collect();
    let after = |at: usize| parts.get(at + 1).copied().unwrap_or_default();
    (1..parts.len()).step_by(2).map(|at| (parts[at], after(at))).collect()
}

/// A name of a test as the table writes it: whole, or its beginning with `…` or `*`.
fn is_test_name(word: &str) -> bool {
    let stem = word.trim_end_matches(['…', '*']);
    let plain = stem.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    let long = stem.matches('_').count() >= 3;
    plain && !stem.is_empty() && (long || stem.len() < word.len())
}

fn is_path(word: &str) -> bool {
    ["src/", "sync/", "tests/", "ui/"].iter().any(|top| word.starts_with(top))
}

/// Files in which a test of this name stands.
fn places(tests: &BTreeMap<String, Vec<String>>, word: &str) -> Vec<String> {
    let stem = word.trim_end_matches(['…', '*']);
    let fits =
        |name: &str| if stem.len() < word.len() { name.starts_with(stem) } else { name == stem };
    tests.iter().filter(|(name, _)| fits(name)).flat_map(|(_, files)| files.clone()).collect()
}

/// What is wrong with a table, against the tests and files that there are.
fn faults(text: &str, root: &Path, tests: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let rows = rows(text);
    let mut faults = Vec::new();
    for id in wanted() {
        let count = rows.iter().filter(|(row, _)| *row == id).count();
        if count != 1 {
            faults.push(format!("{id}: {count} rows"));
        }
    }
    for (id, cells) in &rows {
        if !wanted().contains(id) {
            faults.push(format!("{id}: not of this list"));
        }
        let [_, test, result] = cells.as_slice() else {
            faults.push(format!("{id}: {} cells behind the id", cells.len()));
            continue;
        };
        let verdict = ["held", "part", "*open*", "does not apply"];
        if !verdict.iter().any(|word| result.starts_with(word)) {
            faults.push(format!("{id}: the result begins with none of {verdict:?}"));
        }
        for (word, after) in quoted(test).into_iter().chain(quoted(result)) {
            if is_path(word) {
                // Options of a program may follow.
                let path = word.split(' ').next().unwrap();
                if !root.join(path.trim_end_matches('/')).exists() {
                    faults.push(format!("{id}: no file {path}"));
                }
                continue;
            }
            if !is_test_name(word) {
                continue;
            }
            let found = places(tests, word);
            if found.is_empty() {
                faults.push(format!("{id}: no test {word}"));
            }
            if after.trim() == "in" {
                let file =
                    test.split(&format!("`{word}` in `")).nth(1).and_then(|t| t.split('`').next());
                let beside = |found: &[String], file: &str| {
                    found.iter().any(|f| f == file || f.starts_with(file))
                };
                if let Some(file) = file
                    && !beside(&found, file)
                {
                    faults.push(format!("{id}: {word} is not in {file}"));
                }
            }
        }
    }
    faults
}

/// A row that is missing or stands twice, and a test or file that does not exist, is told.
#[test]
fn every_failure_has_one_row_and_every_test_named_exists() {
    let root = root();
    let text = std::fs::read_to_string(root.join("tests/RELIABILITY.md")).unwrap();
    let tests = tests_of(&root);
    assert!(tests.len() > 500, "only {} tests were found", tests.len());
    let faults = faults(&text, &root, &tests);
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// A test that carries the id of a failure stands in that failure's row (by its name, a beginning of it, or its file):
/// nothing that holds a row is left unsaid.
#[test]
fn every_test_that_carries_an_id_is_in_that_row() {
    let root = root();
    let text = std::fs::read_to_string(root.join("tests/RELIABILITY.md")).unwrap();
    let rows = rows(&text);
    let mut unsaid = Vec::new();
    for (name, files) in tests_of(&root) {
        let ids = name.split('_').take_while(|part| {
            part.len() == 3
                && part.starts_with('r')
                && part[1..].bytes().all(|b| b.is_ascii_digit())
        });
        for id in ids.map(str::to_uppercase).filter(|id| wanted().contains(id)) {
            let said = rows.iter().filter(|(row, _)| *row == id).flat_map(|(_, cells)| cells).any(
                |cell| {
                    quoted(cell).iter().any(|(word, _)| {
                        let named = is_test_name(word)
                            && !places(
                                &BTreeMap::from([(name.clone(), vec![String::new()])]),
                                word,
                            )
                            .is_empty();
                        let path = word.split(' ').next().unwrap().trim_end_matches('/');
                        let inside = is_path(word)
                            && files.iter().any(|f| {
                                f == path
                                    || f.starts_with(&format!("{path}/"))
                                    || *f == format!("{path}.rs")
                            });
                        named || inside
                    })
                },
            );
            if !said {
                unsaid.push(format!("{id}: {name} in {}", files.join(", ")));
            }
        }
    }
    assert!(unsaid.is_empty(), "\n{}", unsaid.join("\n"));
}

/// The check itself: each kind of fault is found in a table that has it.
#[test]
fn a_table_with_faults_is_told_each_of_them() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("src")).unwrap();
    std::fs::write(folder.path().join("src/a.rs"), "x").unwrap();
    let tests = BTreeMap::from([("r06_a_cut_is_told".to_owned(), vec!["src/a.rs".to_owned()])]);
    let row = |id: &str, test: &str, result: &str| format!("| {id} | what | {test} | {result} |\n");
    let whole: String = wanted()
        .iter()
        .map(|id| row(id, "`r06_*` in `src/a.rs`, `r06_a_cut_is_told`", "held"))
        .collect();
    assert_eq!(faults(&whole, folder.path(), &tests), Vec::<String>::new());
    let told = |change: &str| faults(&format!("{whole}{change}"), folder.path(), &tests);
    assert_eq!(told(&row("R06", "`r06_a_cut_is_told`", "held")), ["R06: 2 rows"]);
    assert_eq!(told(&row("R59", "", "held")), ["R59: not of this list"]);
    let missing = whole.replacen("| R07 |", "| R59 |", 1);
    let found = faults(&missing, folder.path(), &tests);
    assert_eq!(found, ["R07: 0 rows", "R59: not of this list"]);
    let with = |test: &str, result: &str| {
        let old = row("R08", "`r06_*` in `src/a.rs`, `r06_a_cut_is_told`", "held");
        faults(&whole.replacen(&old, &row("R08", test, result), 1), folder.path(), &tests)
    };
    assert_eq!(with("`r06_a_cut_is_lost`", "held"), ["R08: no test r06_a_cut_is_lost"]);
    assert_eq!(with("`r09_*`", "held"), ["R08: no test r09_*"]);
    assert_eq!(with("`src/b.rs`", "held"), ["R08: no file src/b.rs"]);
    assert_eq!(with("`r06_*` in `src/b.rs`", "held").len(), 2);
    assert_eq!(with("`r06_*`", "fine").len(), 1);
    assert_eq!(
        marked("#[test]\n#[ignore]\nfn a_b() {\n}\nfn c() {}\n#[rstest]\nfn d(x: u8) {}"),
        ["a_b", "d"]
    );
}
