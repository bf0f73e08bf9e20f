//! No plaintext on disk: planted tokens are in no file of handheld and centre, during and after the story.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests may panic")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use spotcheck_tests::support::checks::collect;
use spotcheck_tests::support::visit::{Claims, World};

/// A name nobody has, an id number nobody has, words nobody says.
const NAME: &str = "欧阳稽核试";
const PINYIN: &str = "ouyangjiheshi";
const CERTNO: &str = "990101200002290999";

fn gb18030(text: &str) -> Vec<u8> {
    let mut child = Command::new("iconv")
        .args(["-f", "UTF-8", "-t", "GB18030"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), text.as_bytes()).unwrap();
    child.wait_with_output().unwrap().stdout
}

fn tokens() -> BTreeMap<&'static str, Vec<u8>> {
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    BTreeMap::from([
        ("name in UTF-8", NAME.as_bytes().to_vec()),
        ("name in UTF-16", utf16(NAME)),
        ("name in GB18030", gb18030(NAME)),
        ("name in pinyin", PINYIN.as_bytes().to_vec()),
        ("id number", CERTNO.as_bytes().to_vec()),
        ("an Ogg page", b"OggS\0\x02".to_vec()),
        ("Opus packets", b"OpusHead".to_vec()),
        ("Matroska", b"\x1aE\xdf\xa3".to_vec()),
        ("a JPEG", b"\xff\xd8\xff\xe0\0\x10JFIF".to_vec()),
        ("SQLite in clear", b"SQLite format 3\0".to_vec()),
        ("a PDF", b"%PDF-1.7".to_vec()),
    ])
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => files(&path, found),
            Ok(kind) if kind.is_file() => found.push(path),
            _ => {}
        }
    }
}

/// Files that our processes hold open although they were deleted.
fn deleted_but_open(data: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for process in std::fs::read_dir("/proc").unwrap().flatten() {
        let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        if !String::from_utf8_lossy(&line).contains(&data.display().to_string()) {
            continue;
        }
        for fd in std::fs::read_dir(process.path().join("fd")).into_iter().flatten().flatten() {
            let target = std::fs::read_link(fd.path()).unwrap_or_default();
            let target = target.to_string_lossy().into_owned();
            if target.ends_with(" (deleted)") && target.starts_with('/') {
                found.push(fd.path());
            }
        }
    }
    found
}

/// Every token in every file; `allowed` names what may stand where.
fn scan(base: &Path, tokens: &BTreeMap<&'static str, Vec<u8>>) -> Vec<String> {
    let mut all = Vec::new();
    for folder in ["center", "handheld", "tmp", "home"] {
        files(&base.join(folder), &mut all);
    }
    files(Path::new("/dev/shm"), &mut all);
    all.push(base.join("center.log"));
    all.push(base.join("center.key"));
    all.extend(deleted_but_open(base));
    // Public reference data (catalogues, code tables) is plain SQLite by design; the centre keeps the same
    // bytes under their hash.
    let public: Vec<Vec<u8>> = all
        .iter()
        .filter(|p| p.ends_with("reference.db"))
        .map(|p| std::fs::read(p).unwrap())
        .collect();
    let mut hits = Vec::new();
    for path in all {
        let Ok(bytes) = std::fs::read(&path) else { continue };
        for (name, token) in tokens {
            if *name == "SQLite in clear" && public.contains(&bytes) {
                continue;
            }
            if bytes.windows(token.len()).any(|w| w == token.as_slice()) {
                hits.push(format!("{name} in {}", path.display()));
            }
        }
    }
    hits
}

/// The demo city with one inhabitant more.
fn plant(city: &Path) {
    let psn = city.join("psn.csv");
    let text = std::fs::read_to_string(&psn).unwrap();
    let mut lines = text.lines();
    let header: Vec<String> = lines
        .next()
        .unwrap()
        .trim_start_matches('\u{feff}')
        .split(',')
        .map(str::to_owned)
        .collect();
    let column = |name: &str| header.iter().position(|h| h == name).unwrap();
    let (name_at, cert_at) = (column("psn_name"), column("certno"));
    let mut done = String::from(&header.join(","));
    for (n, line) in lines.enumerate() {
        let mut cells: Vec<&str> = line.split(',').collect();
        if n == 0 {
            cells[name_at] = NAME;
            cells[cert_at] = CERTNO;
        }
        done.push('\n');
        done.push_str(&cells.join(","));
    }
    done.push('\n');
    std::fs::write(psn, done).unwrap();
}

#[test]
fn r36_r38_no_planted_token_is_in_any_file_during_and_after_the_story() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path();
    for name in ["tmp", "home"] {
        std::fs::create_dir(base.join(name)).unwrap();
    }
    let city = base.join("city");
    let seeded =
        Command::new(spotcheck_tests::support::programs::program("spotcheck-center").unwrap())
            .args(["demo-data", "--seed", "5", "--out"])
            .arg(&city)
            .status()
            .unwrap();
    assert!(seeded.success());
    plant(&city);
    let environment = vec![("TMPDIR", base.join("tmp")), ("HOME", base.join("home"))];
    let world =
        World::build_in(base, &Claims::Folder { from: city.clone() }, &[], None, &environment)
            .unwrap();
    std::fs::remove_dir_all(&city).unwrap();
    let tokens = tokens();

    let task = world.task.as_str();
    let h = &world.handheld;
    let hits = h.ok(&["search", "persons", "--task", task, NAME]).unwrap();
    let person =
        hits["items"][0]["psn_no"].as_str().expect("the planted person is found").to_owned();
    h.ok(&["person", "--task", task, &person]).unwrap();
    let case = h.ok(&["case", "open", "--task", task]).unwrap()["id"].as_str().unwrap().to_owned();
    h.ok(&["case", "note", &case, NAME]).unwrap();
    h.ok(&["capture", "photo", &case]).unwrap();
    let sound =
        h.ok(&["capture", "audio", &case]).unwrap()["evidence"].as_str().unwrap().to_owned();
    std::thread::sleep(std::time::Duration::from_secs(3));
    assert_eq!(scan(base, &tokens), Vec::<String>::new(), "while it records");
    h.ok(&["capture", "stop", &sound]).unwrap();
    h.ok(&["capture", "describe", &case, "E1", "--proves", "在床情况"]).unwrap();
    h.ok(&["capture", "describe", &case, "E2", "--proves", "现场声音"]).unwrap();
    let sealed = world.work(&case, None).unwrap();
    h.ok(&["push"]).unwrap();
    assert_eq!(scan(base, &tokens), Vec::<String>::new(), "after the story");

    // The same search finds what lies open: an export in clear, written where nothing may lie.
    collect(&world, &sealed, &base.join("home/out")).unwrap();
    let found = scan(base, &tokens);
    for token in ["name in UTF-8", "an Ogg page", "a JPEG", "a PDF"] {
        assert!(
            found.iter().any(|hit| hit.starts_with(token)),
            "positive control: {token}\n{found:?}"
        );
    }
}
