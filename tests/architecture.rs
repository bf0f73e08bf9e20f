//! Holds the map of ARCHITECTURE.md: who may use whom, how long a file may be, what may be linked.
//!
//! Read from `cargo metadata`, so that a new dependency cannot slip past a drawing.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests may panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};
use spotcheck_tests::root;

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .other_options(
            // Not offline: an arm64 machine has not fetched what is built for this one only.
            ["--locked", "--filter-platform", "x86_64-unknown-linux-gnu"]
                .map(str::to_owned)
                .to_vec(),
        )
        .exec()
        .unwrap()
}

/// The arrows: each crate and the crates of ours it may use in production code.
fn allowed() -> BTreeMap<&'static str, &'static [&'static str]> {
    BTreeMap::from([
        ("domain", &[][..]),
        ("claims", &["domain"]),
        ("rules", &["domain"]),
        ("evidence", &["domain"]),
        ("fonts", &[]),
        ("documents", &["domain", "fonts"]),
        ("wire", &["domain"]),
        ("verify", &["domain", "evidence"]),
        ("app", &["domain", "rules", "evidence"]),
        ("store", &["domain", "rules", "evidence", "app"]),
        ("vault", &["domain", "rules", "evidence", "app"]),
        ("device", &["domain", "rules", "evidence", "app"]),
        ("pages", &[]),
        ("print", &["domain", "rules", "evidence", "app"]),
        ("face", &["fonts"]),
        ("ui", &["domain", "rules", "evidence", "app", "face"]),
        ("client", &["domain", "rules", "evidence", "app", "wire"]),
        ("center", &["domain", "claims", "rules", "evidence", "documents", "wire", "pages"]),
    ])
}

#[test]
fn arrows_point_one_way() {
    let metadata = metadata();
    let allowed = allowed();
    let mut seen = BTreeSet::new();
    for package in metadata.workspace_packages() {
        let name = package.name.as_str();
        let Some(short) = name.strip_prefix("spotcheck-") else {
            assert_eq!(name, "spotcheck", "unknown package");
            continue; // the handheld is the only place where adapters meet
        };
        for dependency in &package.dependencies {
            let Some(target) = dependency.name.strip_prefix("spotcheck-") else {
                // Stories open the handheld's own composition; nothing else uses it.
                let handheld = dependency.name == "spotcheck";
                assert!(!handheld || short == "tests", "{name} uses the handheld");
                continue;
            };
            assert_ne!(target, "tests", "{name} uses tests");
            if short == "tests" || dependency.kind != DependencyKind::Normal {
                continue;
            }
            let may =
                allowed.get(short).unwrap_or_else(|| panic!("{name} has no place on the map"));
            assert!(may.contains(&target), "{name} must not use spotcheck-{target}");
        }
        seen.insert(short.to_owned());
    }
    for crate_name in allowed.keys() {
        assert!(seen.contains(*crate_name), "{crate_name} is on the map but not in the workspace");
    }
}

/// What must never be linked, with the reason (architecture.md, Dependencies).
const BANNED: &[(&str, &str)] = &[
    ("aws-lc-sys", "one TLS provider: ring"),
    ("aws-lc-rs", "one TLS provider: ring"),
    ("native-tls", "one TLS stack: rustls"),
    ("openssl", "TLS by rustls, hashes by ring"),
    ("openssl-src", "no vendored OpenSSL"),
    ("skia-safe", "downloads prebuilt binaries"),
];

/// Names of everything that is compiled in. From `cargo tree`, because `cargo metadata` also lists what an
/// optional feature would bring.
fn linked() -> BTreeSet<String> {
    let arguments = ["tree", "--workspace", "--locked", "-e", "normal,build", "--prefix", "none"];
    let tree =
        std::process::Command::new("cargo").args(arguments).current_dir(root()).output().unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let text = String::from_utf8_lossy(&tree.stdout);
    text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

/// External crates that the pure crates must not reach even indirectly.
const IMPURE: &[&str] = &[
    "rusqlite",
    "libsqlite3-sys",
    "tokio",
    "reqwest",
    "hyper",
    "gstreamer",
    "slint",
    "typst",
    "age",
];

/// All packages that a workspace member links in production, by name.
fn reach(metadata: &Metadata, member: &str) -> BTreeSet<String> {
    let resolve = metadata.resolve.as_ref().unwrap();
    let names: BTreeMap<_, _> =
        metadata.packages.iter().map(|p| (p.id.clone(), p.name.to_string())).collect();
    let nodes: BTreeMap<_, _> = resolve.nodes.iter().map(|n| (n.id.clone(), n)).collect();
    let start = metadata.workspace_packages().into_iter().find(|p| p.name.as_str() == member);
    let mut todo = vec![start.unwrap().id.clone()];
    let mut seen = BTreeSet::new();
    while let Some(id) = todo.pop() {
        if !seen.insert(id.clone()) {
            continue;
        }
        for dependency in &nodes[&id].deps {
            if dependency.dep_kinds.iter().any(|k| k.kind == DependencyKind::Normal) {
                todo.push(dependency.pkg.clone());
            }
        }
    }
    seen.iter().map(|id| names[id].clone()).collect()
}

#[test]
fn nothing_banned_is_linked_and_there_is_one_sqlite() {
    let metadata = metadata();
    let linked = linked();
    for (banned, reason) in BANNED {
        let found = linked.contains(*banned);
        assert!(!found, "{banned} is in the dependency tree: {reason}");
    }
    for once in ["libsqlite3-sys", "comemo", "rustls"] {
        let count = metadata.packages.iter().filter(|p| p.name.as_str() == once).count();
        assert_eq!(count, 1, "{once} must be there exactly once");
    }
}

#[test]
fn the_pure_crates_reach_no_outside_world() {
    let metadata = metadata();
    for pure in ["spotcheck-domain", "spotcheck-rules", "spotcheck-app"] {
        let reached = reach(&metadata, pure);
        for impure in IMPURE {
            assert!(!reached.contains(*impure), "{pure} reaches {impure}");
        }
    }
    let center = reach(&metadata, "spotcheck-center");
    let verify = reach(&metadata, "spotcheck-verify");
    for heavy in ["slint", "gstreamer"] {
        assert!(!center.contains(heavy), "the centre links {heavy}");
    }
    for heavy in ["slint", "gstreamer", "reqwest", "tokio", "rusqlite", "typst"] {
        assert!(!verify.contains(heavy), "the verifier links {heavy}");
    }
}

/// Licences that fit GPL-3.0-only, as SPDX identifiers.
const LICENCES: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "GPL-3.0-only",
    "ISC",
    "LGPL-2.1-or-later",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "OFL-1.1",
    "Unicode-3.0",
    "Unlicense",
    "WTFPL",
    "blessing", // public domain in other words: SQLite, LibTomCrypt
    "Zlib",
    // Public domain in other words: SQLite, LibTomCrypt.
    "WTFPL",
    "blessing",
];

/// An SPDX expression is acceptable if one of its alternatives is; `AND` needs all parts.
fn acceptable(expression: &str) -> bool {
    let flat = expression.replace(['(', ')'], " ").replace('/', " OR ");
    // `A AND (B OR C)` is read as OR of AND-groups, which is at most stricter.
    flat.split(" OR ")
        .any(|group| group.split(" AND ").all(|licence| LICENCES.contains(&licence.trim())))
}

#[test]
fn every_dependency_has_a_licence_that_fits() {
    let metadata = metadata();
    let mut wrong = Vec::new();
    for package in &metadata.packages {
        let licence = package.license.clone().unwrap_or_default();
        if !acceptable(&licence) && !licence.contains("GPL-3.0-only") {
            wrong.push(format!("{} {}: {licence:?}", package.name, package.version));
        }
    }
    assert!(wrong.is_empty(), "licences to look at:\n{}", wrong.join("\n"));
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !matches!(name.as_str(), "target" | ".git" | ".peers" | "node_modules") {
                sources(&path, found);
            }
        } else if matches!(path.extension().and_then(|e| e.to_str()), Some("rs" | "slint")) {
            found.push(path);
        }
    }
}

#[test]
fn files_stay_small_and_say_what_they_are() {
    let mut found = Vec::new();
    sources(&root(), &mut found);
    assert!(found.len() > 50, "the walk found {} files only", found.len());
    let mut wrong = Vec::new();
    for path in found {
        let text = std::fs::read_to_string(&path).unwrap();
        let lines = text.lines().count();
        if lines > 800 {
            wrong.push(format!("{}: {lines} lines", path.display()));
        }
        let first = text.lines().next().unwrap_or_default();
        let speaks = first.starts_with("//! ") || first.starts_with("// ");
        if !speaks {
            wrong.push(format!("{}: the first line does not say what it is", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn unsafe_stands_in_the_device_crate_only() {
    let mut found = Vec::new();
    sources(&root(), &mut found);
    let needle = ["unsafe", " {"].concat();
    for path in found {
        if path.starts_with(root().join("src/device")) {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains(&needle), "{} has an unsafe block", path.display());
    }
}

#[test]
fn nothing_of_this_machine_or_its_registries_is_written_down() {
    let mut found = Vec::new();
    sources(&root(), &mut found);
    for folder in ["packaging", ".ci"] {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            found.push(entry.unwrap().path());
        }
    }
    for file in ["Makefile", "README.md", "DECISIONS.md", "ARCHITECTURE.md", "CHANGELOG.md"] {
        found.push(root().join(file));
    }
    let forbidden = [
        ["/wo", "rk/"].concat(),
        ["/ro", "ot/"].concat(),
        ["crates", ".io"].concat(),
        ["pypi", ".org"].concat(),
    ];
    for path in found.iter().filter(|p| p.is_file()) {
        let text = String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
        for word in &forbidden {
            assert!(!text.contains(word), "{} contains {word}", path.display());
        }
    }
}

/// Written for people, in Chinese: a comma, semicolon or colon of ASCII between two Chinese characters.
fn ascii_between_chinese(text: &str) -> Option<&str> {
    let han = |c: char| ('\u{4e00}'..='\u{9fff}').contains(&c) || "”）》】」“（《【「".contains(c);
    text.lines().find(|line| {
        let line = line.trim_start();
        let three: Vec<char> = line.chars().collect();
        !line.starts_with("//")
            && !line.starts_with('#')
            && three.windows(3).any(|w| han(w[0]) && ",;:".contains(w[1]) && han(w[2]))
    })
}

#[test]
fn chinese_sentences_have_chinese_punctuation() {
    // GB/T 15834-2011: records and what the party reads are written in standard Chinese. Texts with separators of
    // their own (tables of claims, knowledge points) are data, and what the referee compares letter by letter stays.
    let data = [
        "claims/demo",
        "claims/story",
        "claims/peers",
        "claims/mapping",
        "verify",
        "evidence/verify",
    ];
    let mut files = Vec::new();
    for folder in ["src", "ui", "sync"] {
        sources(&root().join(folder), &mut files);
    }
    for path in files {
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        let test = name.contains("tests") || name.contains("story");
        if test || data.iter().any(|d| name.contains(d)) {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        if let Some(line) = ascii_between_chinese(&text) {
            panic!("{name}: {line}");
        }
    }
}
