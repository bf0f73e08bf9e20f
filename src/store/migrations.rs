//! Numbered, frozen migrations; each in one transaction, the version in `user_version`.
//!
//! A database written by a newer program is refused, never guessed at.

use rusqlite::Connection;

use crate::StoreError;

/// All migrations in order; the position + 1 is the version.
const MIGRATIONS: &[&str] = &[include_str!("migrations/0001_journal_and_values.sql")];

/// Brings a database to the newest version.
pub(crate) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    bring_to(connection, MIGRATIONS)
}

fn bring_to(connection: &mut Connection, migrations: &[&str]) -> Result<(), StoreError> {
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let newest = i64::try_from(migrations.len()).unwrap_or(i64::MAX);
    if version > newest {
        return Err(StoreError::Newer(version));
    }
    for (number, sql) in (1_i64..).zip(migrations) {
        if number <= version {
            continue;
        }
        let failed = |source| StoreError::Migration { number, source };
        let transaction = connection.transaction().map_err(failed)?;
        transaction.execute_batch(sql).map_err(failed)?;
        transaction.pragma_update(None, "user_version", number).map_err(failed)?;
        transaction.commit().map_err(failed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        reason = "tests may panic"
    )]
    use spotcheck_app::ports::{CaseChange, Key256, StoredLine, Stores};
    use spotcheck_domain::CaseId;
    use spotcheck_evidence::Hash32;

    use super::*;
    use crate::FileStores;
    use crate::db::connect;

    const V1: &str = include_str!("fixtures/case_v1.sql");

    /// Migrations are frozen: stored databases were made by exactly these words.
    #[test]
    fn r31_migrations_of_the_stores_are_frozen() {
        let hashes: Vec<String> =
            MIGRATIONS.iter().map(|sql| Hash32::sha256(sql.as_bytes()).to_string()).collect();
        assert_eq!(hashes, ["0bd6f047998e1fb197552a6c575e32be6c338af932f8a920f4d8479f3819387c"]);
    }

    /// R31: a case that a handheld of version 1 left, under its key, is opened by today's program with every line and value
    /// as they were, and goes on.
    #[test]
    fn r31_a_stored_case_of_version_1_is_opened_whole_and_goes_on() {
        let data = tempfile::tempdir().unwrap();
        let case = CaseId::parse("CASE-01M7VBK5C0SAMP1E0000000001").unwrap();
        let key = Key256::new([9; 32]);
        let folder = data.path().join("cases").join(case.as_str());
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("case.db");
        std::fs::write(&path, b"").unwrap();
        connect(&path, &key).unwrap().execute_batch(V1).unwrap();
        assert!(!std::fs::read(&path).unwrap().starts_with(b"SQLite format 3"), "it is encrypted");

        let mut stores = FileStores::new(data.path());
        let mut store = stores.case_store(&case, &key).unwrap();
        let lines = store.journal().unwrap();
        assert_eq!(lines.iter().map(|line| line.seq).collect::<Vec<_>>(), [1, 2, 3]);
        assert!(lines[0].line.starts_with(br#"{"kind":"case_opened","prev":"0000"#));
        assert_eq!(lines[2].line, br#"{"kind":"answer_added","seq":3}"#);
        let evidence = store.values("evidence").unwrap();
        let wanted = r#"{"path":"data/media/0001.jpg","proves":"床上无人"}"#;
        assert_eq!(evidence, [("E1".to_owned(), wanted.to_owned())]);
        let draft = store.value("draft", "D1").unwrap();
        assert_eq!(draft.as_deref(), Some("\"检查情况写到一半\""));
        let next = StoredLine { seq: 4, line: b"{}".to_vec() };
        let set = vec![("draft".to_owned(), "D1".to_owned(), "\"写完了\"".to_owned())];
        store.commit(&CaseChange { lines: vec![next], set }).unwrap();
        drop(store);
        let mut store = stores.case_store(&case, &key).unwrap();
        assert_eq!(store.last_line().unwrap().unwrap().seq, 4);
        drop(store);
        let raw = connect(&path, &key).unwrap();
        assert!(raw.execute("DELETE FROM journal WHERE seq = 1", []).is_err(), "it only grows");
        let version: i64 = raw.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
        assert_eq!(usize::try_from(version).unwrap(), MIGRATIONS.len());
    }

    /// R97: a later version wants more room than there is. Nothing is changed, again and again; with room it is done.
    #[test]
    fn r97_an_upgrade_without_room_changes_nothing_and_is_done_once_there_is_room() {
        let folder = tempfile::tempdir().unwrap();
        let mut db = Connection::open(folder.path().join("case.db")).unwrap();
        bring_to(&mut db, MIGRATIONS).unwrap();
        let line = "x".repeat(2_000);
        for seq in 1..=200 {
            db.execute("INSERT INTO journal (seq, line) VALUES (?1, ?2)", (seq, line.as_bytes()))
                .unwrap();
        }
        let later = [
            MIGRATIONS,
            &["CREATE TABLE copy (seq INTEGER PRIMARY KEY, line BLOB NOT NULL) STRICT;
               INSERT INTO copy SELECT seq, line FROM journal; DROP TABLE journal;"],
        ]
        .concat();
        let pages: i64 = db.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
        db.pragma_update(None, "max_page_count", pages + 20).unwrap();
        for _ in 0..3 {
            let full = bring_to(&mut db, &later).unwrap_err();
            assert!(matches!(full, StoreError::Migration { number: 2, .. }), "{full}");
            let count = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
            assert_eq!(count("PRAGMA user_version"), 1);
            assert_eq!(count("SELECT count(*) FROM journal"), 200);
            let whole: String = db.query_row("PRAGMA integrity_check", [], |r| r.get(0)).unwrap();
            assert_eq!(whole, "ok");
        }
        db.pragma_update(None, "max_page_count", pages * 4).unwrap();
        bring_to(&mut db, &later).unwrap();
        let moved: i64 = db.query_row("SELECT count(*) FROM copy", [], |row| row.get(0)).unwrap();
        assert_eq!(moved, 200);
    }
}
