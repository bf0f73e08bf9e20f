//! Files written by SQLCipher as it comes are read here, and the other way round; a changed page is refused by both.

use std::path::Path;

use rusqlite::Connection;

use crate::provider;
use crate::{Installed, install};

fn opened(file: &Path, hmac: &str, page: u32) -> Connection {
    let db = Connection::open(file).unwrap();
    db.execute_batch(&format!(
        "PRAGMA key = \"x'{}'\"; PRAGMA cipher_page_size = {page}; PRAGMA cipher_hmac_algorithm = {hmac};
         PRAGMA cipher_log_level = NONE;",
        "5a".repeat(32)
    ))
    .unwrap();
    db
}

fn written(file: &Path, hmac: &str, page: u32) {
    let mut db = opened(file, hmac, page);
    let change = db.transaction().unwrap();
    change.execute_batch("CREATE TABLE t (n INTEGER PRIMARY KEY, text TEXT)").unwrap();
    for n in 0..3_000 {
        change.execute("INSERT INTO t VALUES (?1, ?2)", (n, "费用明细".repeat(12))).unwrap();
    }
    change.commit().unwrap();
}

fn whole(file: &Path, hmac: &str, page: u32) -> bool {
    let db = opened(file, hmac, page);
    let lines: i64 = db.query_row("SELECT COUNT(text) FROM t", [], |row| row.get(0)).unwrap();
    let damage: Vec<String> = db
        .prepare("PRAGMA cipher_integrity_check")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    lines == 3_000 && damage.is_empty()
}

/// One story, because the provider belongs to the process.
#[test]
fn files_go_both_ways_between_this_and_sqlcipher_as_it_comes() {
    let folder = tempfile::tempdir().unwrap();
    let shapes =
        [("HMAC_SHA512", 4096), ("HMAC_SHA256", 4096), ("HMAC_SHA1", 4096), ("HMAC_SHA256", 16384)];
    let file = |who: &str, shape: usize| folder.path().join(format!("{who}-{shape}.db"));
    for (at, (hmac, page)) in shapes.into_iter().enumerate() {
        written(&file("theirs", at), hmac, page);
    }

    let done = install();
    let expected =
        if aes::hardware_accelerated() { Installed::Yes } else { Installed::AuthenticationOnly };
    assert_eq!(
        done, expected,
        "SQLCipher has another version: read its provider again, then change `KNOWN`"
    );
    assert_eq!(install(), done, "a second call changes nothing");
    for (at, (hmac, page)) in shapes.into_iter().enumerate() {
        assert!(whole(&file("theirs", at), hmac, page), "{hmac} {page} written by OpenSSL");
        written(&file("ours", at), hmac, page);
        assert!(whole(&file("ours", at), hmac, page), "{hmac} {page} written here");
    }

    // One bit of one page, and a page in the place of another: refused, not read.
    for swapped in [false, true] {
        let mut bytes = std::fs::read(file("ours", 1)).unwrap();
        if swapped {
            let (one, two) = bytes.split_at_mut(6 * 4096);
            one[5 * 4096..].swap_with_slice(&mut two[..4096]);
        } else {
            bytes[5 * 4096 + 100] ^= 1;
        }
        let bad = folder.path().join(format!("bad-{swapped}.db"));
        std::fs::write(&bad, bytes).unwrap();
        let db = opened(&bad, "HMAC_SHA256", 4096);
        let read = db.query_row("SELECT SUM(length(text)) FROM t", [], |row| row.get::<_, i64>(0));
        assert!(read.is_err(), "swapped: {swapped}");
    }

    provider::restore();
    for (at, (hmac, page)) in shapes.into_iter().enumerate() {
        assert!(whole(&file("ours", at), hmac, page), "{hmac} {page} read by OpenSSL");
    }
}
