//! One visit with a printer, judged by programs that nobody here wrote: Go's log code, Python's JSON schemas,
//! qpdf, pdftotext, ffprobe, zbarimg and an IPP printer of CUPS.
//!
//! Where other tests hold the same against a library: claims.db by another SQLCipher
//! (`src/claims/story/peers.rs`), blobs and case keys by Debian's age (`src/vault/tests`), tuspy against our
//! server (`sync/center/tests/uploads.rs`), our client against @tus/server (`sync/client/tests/tus_peer.rs`),
//! the log beyond one tile by Go (`sync/center/log/tests.rs`).
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use spotcheck_tests::support::checks::{Out, collect};
use spotcheck_tests::support::programs::PrinterBeside;
use spotcheck_tests::support::visit::{Claims, INTERVIEW, World};
use spotcheck_tests::{has_program, root, shared, skip};

const PRINTER: &str = "ipp://localhost:8631/ipp/print";

/// A printer, if namespaces and CUPS's tools are here.
fn printer(folder: &Path) -> Option<PrinterBeside> {
    let script = root().join("src/print/tests/ippeve.sh");
    let spool = folder.join("spool");
    std::fs::create_dir_all(&spool).unwrap();
    let tried =
        Command::new("bash").arg(&script).arg(&spool).args(["--", "true"]).output().unwrap();
    if tried.status.code() == Some(77) {
        skip("printing in the story", String::from_utf8_lossy(&tried.stderr).trim());
        return None;
    }
    Some(PrinterBeside { script, spool })
}

fn good(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{command:?}: {said}{}",
        String::from_utf8_lossy(&output.stdout)
    );
    output
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_printed_visit_is_judged_by_programs_of_others() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path();
    let mut world = World::build(base, &Claims::DemoCity { seed: 14 }, &[], Some(PRINTER)).unwrap();
    world.handheld.print_beside = printer(base);
    let printed = world.handheld.print_beside.is_some();
    let sealed = world.visit(printed.then_some(PRINTER)).unwrap();
    world.handheld.ok(&["push"]).unwrap();
    let out = collect(&world, &sealed, &base.join("out")).unwrap();
    if !has_program("peers over the bundle", "unzip") {
        return;
    }
    good(Command::new("unzip").arg("-q").arg(&out.bundle).arg("-d").arg(base.join("bag")));
    let bag = base.join("bag").join(&sealed.bundle);
    the_log_by_go(&world.serving.url, &out, &bag);
    json_by_python(&bag);
    papers(&out, &bag);
    media(&bag);
    if printed {
        prints(&base.join("spool"), &bag);
    }
}

/// C2SP tlog-tiles and signed notes: checkpoint, entries, inclusion of the bundle, consistency since sealing.
fn the_log_by_go(url: &str, out: &Out, bag: &Path) {
    let test = "the log by Go's x/mod";
    if !has_program(test, "go") {
        return;
    }
    if !Path::new("/usr/share/gocode/src/golang.org/x/mod/sumdb/tlog").is_dir() {
        skip(test, "golang-golang-x-mod-dev is not installed");
        return;
    }
    let key = std::fs::read_to_string(&out.log_key).unwrap();
    let go = |entry: &Path, old: &Path, key: &str| {
        Command::new("go")
            .arg("run")
            .arg(root().join("tests/go/readlog.go"))
            .args([url, key.trim()])
            .args([entry, old])
            .envs([("GO111MODULE", "off"), ("GOPATH", "/usr/share/gocode"), ("GOFLAGS", "")])
            .output()
            .unwrap()
    };
    let entry = bag.join("receipts/center.entry.json");
    let old = bag.join("metadata/checkpoint.txt");
    let ran = go(&entry, &old, &key);
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let read: Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert!(read["size"].as_u64() > read["old_size"].as_u64(), "{read}");
    // The same program says no to an entry that is not there and to a root that is another.
    let wrong = bag.parent().unwrap().join("wrong");
    let text = std::fs::read_to_string(&entry).unwrap();
    std::fs::write(&wrong, text.replace("bundle/1", "bundle/2")).unwrap();
    assert!(!go(&wrong, &old, &key).status.success());
    let text = std::fs::read_to_string(&old).unwrap();
    let root = text.lines().nth(2).unwrap();
    std::fs::write(&wrong, text.replace(root, &root.chars().rev().collect::<String>())).unwrap();
    assert!(!go(&entry, &wrong, &key).status.success());
}

/// Draft 2020-12 schemas written before the product, by python-jsonschema; RFC 8785 by Python's json.
fn json_by_python(bag: &Path) {
    let test = "JSON of the bundle by python-jsonschema";
    let Some(shared) = shared(test) else { return };
    let have = Command::new("python3").args(["-c", "import jsonschema"]).output();
    if !have.is_ok_and(|o| o.status.success()) {
        skip(test, "jsonschema is not installed");
        return;
    }
    let script = root().join("tests/python/bundle.py");
    let schemas = shared.join("referee/schemas");
    let judge = || Command::new("python3").arg(&script).arg(bag).arg(&schemas).output().unwrap();
    let ran = judge();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let judged: Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(
        (&judged["record"], &judged["statement"], &judged["entry"]),
        (&1.into(), &1.into(), &2.into())
    );
    assert!(judged["journal"].as_u64().unwrap() > 30, "{judged}");
    assert!(judged["recording_log"].as_u64().unwrap() > 5, "{judged}");
    // It can say no.
    let record = bag.join("data/record.json");
    let good = std::fs::read_to_string(&record).unwrap();
    for bad in [good.replacen("\"bundle\"", "\"bundel\"", 1), good.replacen("\":", "\": ", 1)] {
        std::fs::write(&record, bad).unwrap();
        assert!(!judge().status.success());
    }
    std::fs::write(&record, good).unwrap();
}

fn words(pdf: &Path) -> String {
    let text = good(Command::new("pdftotext").arg(pdf).arg("-")).stdout;
    String::from_utf8(text).unwrap()
}

fn without_space(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// Whole files, and every word of the interview on paper.
fn papers(out: &Out, bag: &Path) {
    if !has_program("PDFs of the bundle", "qpdf") || !has_program("PDFs of the bundle", "pdftotext")
    {
        return;
    }
    let mut pdfs: Vec<PathBuf> = out.pdfs.clone();
    let folder = std::fs::read_dir(bag.join("data/documents")).unwrap();
    pdfs.extend(
        folder.flatten().map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == "pdf")),
    );
    assert!(pdfs.len() >= 6, "{pdfs:?}");
    for pdf in &pdfs {
        good(Command::new("qpdf").arg("--check").arg(pdf));
        let text = words(pdf);
        assert!(text.contains("示例市医疗保障局"), "{}: {text}", pdf.display());
    }
    let interview = without_space(&words(&bag.join("data/documents/0001-v1-signed.pdf")));
    for (question, answer) in INTERVIEW {
        for said in [question, answer] {
            assert!(interview.contains(&without_space(said)), "{said} is not on paper");
        }
    }
    let record = without_space(&words(&bag.join("data/documents/0002-v1-signed.pdf")));
    assert!(
        record.contains("现场检查笔录") && record.contains("12床床头卡显示有住院患者"),
        "{record}"
    );
}

/// What the journal says of the length of each recording is what another player finds.
fn media(bag: &Path) {
    if !has_program("media of the bundle", "ffprobe") {
        return;
    }
    let probe = |path: &str, show: &[&str]| {
        let mut command = Command::new("ffprobe");
        command.args(["-v", "error", "-of", "json"]).args(show).arg(bag.join(path));
        serde_json::from_slice::<Value>(&good(&mut command).stdout).unwrap()
    };
    let journal = lines(&bag.join("data/journal.jsonl"));
    let mut kinds = Vec::new();
    for entry in journal.iter().filter(|e| e["kind"] == "capture_stopped") {
        let path = entry["subject"].as_str().unwrap();
        let streams = probe(path, &["-show_entries", "stream=codec_name,width,height"]);
        let codecs: Vec<&str> = streams["streams"]
            .as_array()
            .unwrap()
            .iter()
            .map(|s| s["codec_name"].as_str().unwrap())
            .collect();
        kinds.push(path.rsplit('.').next().unwrap().to_owned());
        let Some(said_ms) = entry["facts"]["duration_ms"].as_u64() else {
            assert_eq!(codecs, ["mjpeg"], "{path}");
            assert!(streams["streams"][0]["width"].as_u64().unwrap() >= 640);
            continue;
        };
        assert!(codecs.contains(&"opus"), "{path}: {codecs:?}");
        let packets = probe(path, &["-show_entries", "packet=pts_time"]);
        let last = packets["packets"]
            .as_array()
            .unwrap()
            .iter()
            .rev()
            .find_map(|p| p["pts_time"].as_str());
        let found_ms = last.unwrap().parse::<f64>().unwrap() * 1000.0;
        let said = u32::try_from(said_ms).map(f64::from).unwrap();
        assert!((found_ms - said).abs() < 700.0, "{path}: {found_ms} ms found, {said} ms said");
        if path.ends_with(".mkv") {
            assert!(
                (9_500.0..14_000.0).contains(&found_ms),
                "ten seconds were asked for: {found_ms}"
            );
        }
        // Every frame can be decoded.
        if has_program("media of the bundle decoded", "ffmpeg") {
            let mut decode = Command::new("ffmpeg");
            decode
                .args(["-v", "error", "-xerror", "-i"])
                .arg(bag.join(path))
                .args(["-f", "null", "-"]);
            let said = good(&mut decode).stderr;
            assert_eq!(String::from_utf8_lossy(&said), "", "{path}");
        }
    }
    kinds.sort();
    assert_eq!(kinds, ["jpg", "mkv", "ogg"]);
}

/// Both documents, two copies each: the words of the frozen paper, and on each page the journal's head.
fn prints(spool: &Path, bag: &Path) {
    let mut jobs: Vec<PathBuf> =
        std::fs::read_dir(spool).unwrap().flatten().map(|e| e.path()).collect();
    jobs.retain(|f| f.extension().is_none_or(|e| e != "prn"));
    jobs.sort_by_key(|f| std::fs::metadata(f).unwrap().modified().unwrap());
    assert_eq!(jobs.len(), 4, "{jobs:?}");
    let journal = lines(&bag.join("data/journal.jsonl"));
    let printed: Vec<&Value> = journal.iter().filter(|e| e["kind"] == "document_printed").collect();
    assert_eq!(printed.len(), 2);
    for (n, entry) in printed.iter().enumerate() {
        assert_eq!(entry["facts"]["copies"], 2);
        let frozen = words(&bag.join(entry["subject"].as_str().unwrap()));
        let head = entry["facts"]["journal_head"].as_str().unwrap();
        for (copy, job) in jobs[2 * n..2 * n + 2].iter().enumerate() {
            good(Command::new("qpdf").arg("--check").arg(job));
            let paper = words(job);
            let pages = paper.matches('\u{c}').count();
            assert_eq!(Some(pages as u64), entry["facts"]["pages"].as_u64());
            assert!(paper.matches(head).count() >= pages, "the head is not on each page: {paper}");
            for line in frozen.lines().map(str::trim).filter(|line| line.chars().count() > 8) {
                assert!(paper.contains(line), "not on the copy: {line}");
            }
            code_on_paper(job, head, copy + 1);
        }
    }
    // What was printed is the chain as it stood: each head printed is a head of this journal.
    let text = std::fs::read_to_string(bag.join("data/journal.jsonl")).unwrap();
    for entry in printed {
        let head = entry["facts"]["journal_head"].as_str().unwrap();
        assert!(text.contains(&format!("\"prev\":\"{head}")), "no line follows {head}");
    }
}

/// The QR of the first page, read by zbarimg from the page as a printer would draw it.
fn code_on_paper(job: &Path, head: &str, copy: usize) {
    let test = "QR of a printed page";
    if !has_program(test, "zbarimg") || !has_program(test, "pdftoppm") {
        return;
    }
    let page = job.with_extension("page");
    good(
        Command::new("pdftoppm")
            .args(["-r", "200", "-png", "-f", "1", "-l", "1"])
            .arg(job)
            .arg(&page),
    );
    let folder = std::fs::read_dir(job.parent().unwrap()).unwrap().flatten().map(|e| e.path());
    let stem = page.file_name().unwrap().to_string_lossy().into_owned();
    let image = folder
        .filter(|p| p.extension().is_some_and(|e| e == "png"))
        .find(|p| p.file_name().unwrap().to_string_lossy().starts_with(&stem))
        .unwrap();
    let read = good(Command::new("zbarimg").args(["-q", "--raw"]).arg(&image)).stdout;
    let code = String::from_utf8_lossy(&read).into_owned();
    assert!(code.contains(head), "copy {copy}: {code}");
    std::fs::remove_file(image).unwrap();
}
