//! keys.db of earlier versions, and upgrades that find no room.

use spotcheck_evidence::Hash32;

use super::*;
use crate::SystemEntropy;
use crate::secret::FileSecret;

/// Migrations are frozen: a stored keys.db was made by exactly these words. Whoever changes one finds the database of a
/// handheld in the field standing between two versions.
#[test]
fn r31_migrations_of_keys_db_are_frozen() {
    let hashes: Vec<String> =
        MIGRATIONS.iter().map(|sql| Hash32::sha256(sql.as_bytes()).to_string()).collect();
    assert_eq!(
        hashes,
        [
            "517cde0d932fd64e40382fea490f224c6ab6d575913bf61a1135d667782d6733",
            "b19ac659ddc88fbff110b119c145fa9990c33c5d6dda93838d4a7582457817af",
        ]
    );
}

/// Puts a stored keys.db in place: `sql` is its text, of version 1. The secret lies in the folder already.
pub(crate) fn restore(data: &Path, sql: &str) {
    let secret = FileSecret::open_or_create(data, &SystemEntropy).unwrap();
    let key = new_key(&secret, &SystemEntropy, Some(0)).unwrap();
    let connection = Connection::open(data.join(KEYS_FILE)).unwrap();
    connection.pragma_update(None, "key", key.as_str()).unwrap();
    connection.execute_batch(MIGRATIONS[0]).unwrap();
    connection.execute_batch(sql).unwrap();
    connection.pragma_update(None, "user_version", 1).unwrap();
    connection.close().unwrap();
}

impl KeysDb {
    /// What the end of the process does: one connection at a time has the file.
    pub(crate) fn let_go(&mut self) {
        self.connection = None;
    }
}

fn count(db: &KeysDb, sql: &str) -> i64 {
    db.connection().unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
}

/// R97: a later version wants more room than there is, or its copy beside the file cannot be written. Nothing is changed,
/// again and again, and the copy of before is whole; with room it is done, and no copy is left that would outlive a shred.
#[test]
fn r97_an_upgrade_of_keys_db_without_room_changes_nothing_and_is_done_once_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let secret = FileSecret::open_or_create(data, &SystemEntropy).unwrap();
    let mut db = KeysDb::open(data, &secret, &SystemEntropy).unwrap();
    db.change(|tx| {
        for n in 0..100 {
            let body = vec![7_u8; 3_000];
            tx.execute(
                "INSERT INTO pending (name, body) VALUES (?1, ?2)",
                params![n.to_string(), body],
            )?;
        }
        Ok(())
    })
    .unwrap();
    let later = [
        MIGRATIONS,
        &["CREATE TABLE waiting (name TEXT PRIMARY KEY, body BLOB NOT NULL) STRICT;
           INSERT INTO waiting SELECT name, body FROM pending; DROP TABLE pending;"],
    ]
    .concat();
    let known = i64::try_from(MIGRATIONS.len()).unwrap();
    let copy = data.join(format!("{KEYS_FILE}.before-{}", known + 1));
    let unchanged = |db: &KeysDb| {
        assert_eq!(count(db, "PRAGMA user_version"), known);
        assert_eq!(count(db, "SELECT count(*) FROM pending"), 100);
        assert_eq!(
            count(db, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"),
            0
        );
    };

    // The copy cannot be made: nothing is begun.
    fs::create_dir(&copy).unwrap();
    fs::write(copy.join("in the way"), b"x").unwrap();
    assert!(matches!(db.bring_to(&later), Err(VaultError::Io { .. })));
    unchanged(&db);
    fs::remove_dir_all(&copy).unwrap();

    let pages = count(&db, "PRAGMA page_count");
    let limit = |db: &KeysDb, pages: i64| {
        db.connection().unwrap().pragma_update(None, "max_page_count", pages).unwrap();
    };
    limit(&db, pages + 10);
    for _ in 0..3 {
        let full = db.bring_to(&later).unwrap_err();
        assert!(matches!(&full, VaultError::Sql(_)), "{full}");
        unchanged(&db);
        // What lies beside is the file of before, under the same key and salt.
        let aside = tempfile::tempdir().unwrap();
        fs::copy(&copy, aside.path().join(KEYS_FILE)).unwrap();
        let other = connect(&aside.path().join(KEYS_FILE), &secret).unwrap();
        let kept: i64 =
            other.query_row("SELECT count(*) FROM pending", [], |row| row.get(0)).unwrap();
        assert_eq!(kept, 100);
    }
    limit(&db, pages * 4);
    db.bring_to(&later).unwrap();
    assert_eq!(count(&db, "SELECT count(*) FROM waiting"), 100);
    assert!(!copy.exists(), "a kept copy would outlive a shred");
    // The power goes between the upgrade and the removal.
    fs::write(&copy, b"as it was").unwrap();
    db.bring_to(&later).unwrap();
    assert!(!copy.exists(), "the next start removes it");
}
