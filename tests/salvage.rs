//! R27: a page of the case database is damaged. At the next opening what can be read is in a new file, the damaged
//! one is kept, the officer reads it in one sentence, and the visit is sealed, sent and accepted; where the journal
//! itself cannot be read whole, nothing is touched and the refusal says what to do.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::print_stderr,
    reason = "tests may panic"
)]

use std::fs;

use spotcheck_tests::support::checks::{collect_from, verify};
use spotcheck_tests::support::programs::text;
use spotcheck_tests::support::refusal::clear;
use spotcheck_tests::support::visit::{Claims, Sealed, World};

const PAGE: usize = 4096;

#[test]
fn r27_a_damaged_page_is_told_and_the_visit_is_sealed() {
    let base = tempfile::tempdir().unwrap();
    let world = World::build(base.path(), &Claims::DemoCity { seed: 71 }, &[], None).unwrap();
    let h = &world.handheld;
    let case = text(&h.ok(&["case", "open", "--task", &world.task]).unwrap(), "/id").unwrap();
    h.ok(&["capture", "photo", &case]).unwrap();
    let draft = text(&h.ok(&["doc", "new", &case, "W03"]).unwrap(), "/card/id").unwrap();
    h.ok(&["doc", "fill", &case, &draft, "content", &"逐床核对。".repeat(600)]).unwrap();
    let acts: Vec<String> = (0..40).map(|n| format!("case note {case} 第{n}句所见")).collect();
    let batch = base.path().join("notes.batch");
    fs::write(&batch, acts.join("\n")).unwrap();
    h.ok(&["batch", &batch.to_string_lossy()]).unwrap();
    let lines = h.ok(&["journal", "--case", &case]).unwrap()["items"].as_array().unwrap().len();

    let file = format!("cases/{case}/case.db");
    let pages = fs::read(h.data.join(&file)).unwrap().len() / PAGE;
    let (mut salvaged, mut refused, mut sealed) = (0, 0, 0);
    for page in 1..pages {
        let data = base.path().join(format!("page-{page}"));
        let copy = h.copied(&data).unwrap();
        let mut bytes = fs::read(data.join(&file)).unwrap();
        bytes[page * PAGE + 200] ^= 0x10;
        fs::write(data.join(&file), &bytes).unwrap();
        let status = copy.ok(&["unlock"]).unwrap();
        let shown = copy.run_as(0, &["case", "show", &case]).unwrap();
        if shown.code != 0 {
            clear(&shown, 3, "STORE-DAMAGED").unwrap();
            assert_eq!(fs::read(data.join(&file)).unwrap(), bytes, "left as it is");
            refused += 1;
        } else {
            let safe = text(&status, "/safe").unwrap();
            assert!(safe.starts_with("安全：案卷数据库有 1 页损坏"), "{safe}");
            assert_eq!(fs::read(data.join(format!("{file}.damaged-1"))).unwrap(), bytes);
            let journal = copy.ok(&["journal", "--case", &case]).unwrap();
            let journal = journal["items"].as_array().unwrap();
            assert_eq!(journal.len(), lines + 1, "nothing of the journal is lost");
            assert_eq!(journal[lines]["kind"], "salvaged");
            copy.ok(&["journal", "--case", &case, "--verify"]).unwrap();
            copy.ok(&["case", "note", &case, "抢救之后接着办"]).unwrap();
            salvaged += 1;
            if sealed == 0 {
                let mut seal = vec!["seal".to_owned(), case.clone()];
                seal.extend(["--incomplete", "撤离"].map(str::to_owned));
                for (id, pin) in &copy.pins {
                    seal.extend(["--signer".to_owned(), format!("{id}={}", pin.display())]);
                }
                let seal: Vec<&str> = seal.iter().map(String::as_str).collect();
                let bundle = text(&copy.ok(&seal).unwrap(), "/bundle").unwrap();
                copy.ok(&["push"]).unwrap();
                let done = Sealed { case: case.clone(), bundle, documents: Vec::new() };
                let out = base.path().join("out");
                let out = collect_from(&world.center, &copy, &done, &out).unwrap();
                assert_eq!(verify(&out, false).unwrap()["verdict"], "accepted");
                sealed += 1;
            }
        }
        fs::remove_dir_all(&data).unwrap();
    }
    eprintln!("{salvaged} pages salvaged, {refused} refused in words");
    assert!(salvaged > 0 && sealed == 1);
}
