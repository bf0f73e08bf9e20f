//! What a case store promises, tried on real files.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

use spotcheck_app::ports::{CaseChange, Key256, StoredLine, Stores};
use spotcheck_domain::CaseId;

use crate::FileStores;

const CASE: &str = "CASE-01M7VBK5C0SAMP1E0000000001";

fn key(byte: u8) -> Key256 {
    Key256::new([byte; 32])
}

fn line(seq: u64, text: &str) -> CaseChange {
    CaseChange {
        lines: vec![StoredLine { seq, line: text.as_bytes().to_vec() }],
        set: vec![("note".to_owned(), seq.to_string(), format!("\"{text}\""))],
    }
}

#[test]
fn what_was_committed_is_there_after_reopening_and_in_order() {
    let data = tempfile::tempdir().unwrap();
    let case = CaseId::parse(CASE).unwrap();
    let mut stores = FileStores::new(data.path());
    {
        let mut store = stores.case_store(&case, &key(1), false).unwrap();
        store.commit(&line(1, "一")).unwrap();
        store.commit(&line(2, "二")).unwrap();
        // A change of an earlier value keeps its place.
        store
            .commit(&CaseChange {
                lines: vec![],
                set: vec![("note".to_owned(), "1".to_owned(), "\"改\"".to_owned())],
            })
            .unwrap();
    }
    let mut store = stores.case_store(&case, &key(1), false).unwrap();
    assert_eq!(store.journal().unwrap().len(), 2);
    assert_eq!(store.last_line().unwrap().unwrap().seq, 2);
    let notes = store.values("note").unwrap();
    assert_eq!(notes[0], ("1".to_owned(), "\"改\"".to_owned()));
    assert_eq!(notes[1].0, "2");
}

#[test]
fn a_line_out_of_sequence_changes_nothing() {
    let data = tempfile::tempdir().unwrap();
    let mut stores = FileStores::new(data.path());
    let mut store = stores.device_store(&key(1)).unwrap();
    store.commit(&line(1, "一")).unwrap();
    for wrong in [1, 3] {
        assert!(store.commit(&line(wrong, "错")).is_err());
    }
    assert_eq!(store.journal().unwrap().len(), 1);
    assert_eq!(store.value("note", "3").unwrap(), None);
}

#[test]
fn r25_r29_a_wrong_key_or_a_vanished_file_never_becomes_an_empty_store() {
    let data = tempfile::tempdir().unwrap();
    let case = CaseId::parse(CASE).unwrap();
    let mut stores = FileStores::new(data.path());
    stores.case_store(&case, &key(1), false).unwrap().commit(&line(1, "一")).unwrap();
    let trouble = stores.case_store(&case, &key(2), false).err().unwrap();
    assert_eq!(trouble.code, "STORE-OPEN");

    let folder = data.path().join("cases").join(CASE);
    std::fs::create_dir(folder.join("blobs")).unwrap();
    std::fs::write(folder.join("blobs/1.age"), b"age").unwrap();
    std::fs::remove_file(folder.join("case.db")).unwrap();
    assert_eq!(stores.case_store(&case, &key(1), false).err().unwrap().code, "STORE-MISSING");
}

/// The device's own database beside cases: an empty one would say that nothing waits to be sent.
#[test]
fn r25_r29_a_vanished_device_database_beside_cases_never_becomes_an_empty_store() {
    let data = tempfile::tempdir().unwrap();
    let case = CaseId::parse(CASE).unwrap();
    let device = data.path().join("device.db");
    let mut stores = FileStores::new(data.path());
    stores.device_store(&key(1)).unwrap().commit(&line(1, "一")).unwrap();
    stores.case_store(&case, &key(1), false).unwrap().commit(&line(1, "一")).unwrap();
    for lost in ["gone", "cut off", "gone"] {
        match lost {
            "gone" => std::fs::remove_file(&device).unwrap(),
            _ => std::fs::write(&device, b"").unwrap(),
        }
        for _ in 0..2 {
            let trouble = stores.device_store(&key(1)).err().unwrap();
            assert_eq!(trouble.code, "STORE-DEVICE-MISSING", "{lost}");
            assert_eq!(device.exists(), lost == "cut off", "nothing is made in its place");
        }
        if lost == "gone" {
            std::fs::write(&device, b"").unwrap();
        }
    }
    // A folder of cases in which nothing lies is no evidence of anything.
    std::fs::remove_dir_all(data.path().join("cases").join(CASE)).unwrap();
    stores.device_store(&key(1)).unwrap();
}

#[test]
fn nothing_can_be_read_in_the_file() {
    let data = tempfile::tempdir().unwrap();
    let mut stores = FileStores::new(data.path());
    stores.device_store(&key(1)).unwrap().commit(&line(1, "planted-token")).unwrap();
    for entry in std::fs::read_dir(data.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(13).any(|w| w == b"planted-token"));
    }
}

/// What a power cut may leave of a store that was just made, and what it may not (R25, R26): an empty file is
/// a store that never got an entry; where evidence lies, it is a loss.
#[test]
fn r25_an_empty_file_is_a_beginning_only_where_nothing_lies() {
    let data = tempfile::tempdir().unwrap();
    let case = CaseId::parse(CASE).unwrap();
    let folder = data.path().join("cases").join(CASE);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("case.db"), b"").unwrap();
    let mut stores = FileStores::new(data.path());
    let mut store = stores.case_store(&case, &key(1), false).unwrap();
    store.commit(&line(1, "一")).unwrap();
    drop(store);
    std::fs::create_dir(folder.join("blobs")).unwrap();
    std::fs::write(folder.join("blobs/1.age"), b"age").unwrap();
    assert_eq!(stores.case_store(&case, &key(1), false).unwrap().journal().unwrap().len(), 1);
    std::fs::write(folder.join("case.db"), b"").unwrap();
    assert_eq!(stores.case_store(&case, &key(1), false).err().unwrap().code, "STORE-MISSING");
}

/// R32: a program of before meets a store of a later one, in a loop of starts. It says so each time, changes no byte
/// and makes no new store; the right program finds everything.
#[test]
fn r32_a_store_of_a_later_program_is_refused_again_and_again_and_stays_as_it_is() {
    let data = tempfile::tempdir().unwrap();
    let case = CaseId::parse(CASE).unwrap();
    let mut stores = FileStores::new(data.path());
    let path = data.path().join("cases").join(CASE).join("case.db");
    let mut store = stores.case_store(&case, &key(1), false).unwrap();
    store.commit(&line(1, "一")).unwrap();
    drop(store);
    let version = |number: i64| {
        let db = crate::db::connect(&path, &key(1)).unwrap();
        db.pragma_update(None, "user_version", number).unwrap();
        db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    };
    version(2);
    let bytes = std::fs::read(&path).unwrap();
    for _ in 0..20 {
        let refused = stores.case_store(&case, &key(1), false).err().unwrap();
        assert_eq!(refused.code, "STORE-NEWER");
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
    }
    version(1);
    assert_eq!(stores.case_store(&case, &key(1), false).unwrap().journal().unwrap().len(), 1);
}

/// A kill before the first checkpoint: the database is empty, everything is in its log.
#[test]
fn r26_an_empty_database_beside_its_log_is_whole() {
    let data = tempfile::tempdir().unwrap();
    let case = CaseId::parse(CASE).unwrap();
    let folder = data.path().join("cases").join(CASE);
    let mut stores = FileStores::new(data.path());
    let mut store = stores.case_store(&case, &key(1), false).unwrap();
    store.commit(&line(1, "一")).unwrap();
    let copy = tempfile::tempdir().unwrap();
    let there = copy.path().join("cases").join(CASE);
    std::fs::create_dir_all(there.join("blobs")).unwrap();
    std::fs::write(there.join("blobs/1.age"), b"age").unwrap();
    for name in ["case.db", "case.db-wal"] {
        std::fs::copy(folder.join(name), there.join(name)).unwrap();
    }
    drop(store);
    let mut stores = FileStores::new(copy.path());
    let mut store = stores.case_store(&case, &key(1), false).unwrap();
    assert_eq!(store.journal().unwrap().len(), 1);
}

/// Every page of a database in turn is damaged: what lies on it may be lost and is told, everything else is there;
/// or, where the journal cannot be read whole, the file stays as it is and the officer is told so.
#[test]
fn r27_a_damaged_page_costs_what_lies_on_it_and_nothing_else() {
    const LINES: u64 = 120;
    let case = CaseId::parse(CASE).unwrap();
    let data = tempfile::tempdir().unwrap();
    let mut stores = FileStores::new(data.path());
    let mut store = stores.case_store(&case, &key(1), false).unwrap();
    let head = ("meta".to_owned(), "only".to_owned(), "{}".to_owned());
    store.commit(&CaseChange { lines: vec![], set: vec![head] }).unwrap();
    for seq in 1..=LINES {
        let words = format!("{seq} {}", "字".repeat(100));
        store.commit(&line(seq, &words)).unwrap();
    }
    let (journal, values) = (store.journal().unwrap(), store.all_values().unwrap());
    drop(store);
    let whole = std::fs::read(data.path().join("cases").join(CASE).join("case.db")).unwrap();
    let (mut salvaged, mut refused, mut lost_something) = (0, 0, 0);
    for page in 0..whole.len() / 4096 {
        let data = tempfile::tempdir().unwrap();
        let folder = data.path().join("cases").join(CASE);
        std::fs::create_dir_all(&folder).unwrap();
        let mut bytes = whole.clone();
        bytes[page * 4096 + 100] ^= 1;
        std::fs::write(folder.join("case.db"), &bytes).unwrap();
        let mut stores = FileStores::new(data.path());
        match stores.case_store(&case, &key(1), false) {
            Err(trouble) => {
                refused += 1;
                assert!(["STORE-DAMAGED", "STORE-OPEN"].contains(&trouble.code.as_str()));
                assert_eq!(std::fs::read(folder.join("case.db")).unwrap(), bytes, "page {page}");
            }
            Ok(mut store) => {
                salvaged += 1;
                assert_eq!(store.journal().unwrap(), journal, "page {page}");
                let told = store.value("salvaged", "store").unwrap().unwrap();
                let told: serde_json::Value = serde_json::from_str(&told).unwrap();
                let mut left = store.all_values().unwrap();
                left.retain(|(kind, _, _)| kind != "salvaged");
                assert!(left.iter().all(|value| values.contains(value)), "page {page}");
                let lost = told["lost_values"].as_u64().unwrap();
                assert_eq!(lost, (values.len() - left.len()) as u64, "page {page}: {told}");
                lost_something += u32::from(lost > 0);
                assert_eq!(std::fs::read(folder.join("case.db.damaged-1")).unwrap(), bytes);
                store.commit(&line(LINES + 1, "接着办")).unwrap();
                drop(store);
                let mut again = stores.case_store(&case, &key(1), false).unwrap();
                assert_eq!(again.journal().unwrap().len() as u64, LINES + 1);
                assert!(!folder.join("case.db.damaged-2").exists(), "once only");
            }
        }
    }
    eprintln!("{salvaged} pages salvaged ({lost_something} with a loss), {refused} refused");
    assert!(salvaged > 0 && refused > 0 && lost_something > 0);
}
