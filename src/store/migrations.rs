//! Numbered, frozen migrations; each in one transaction, the version in `user_version`.
//!
//! A database written by a newer program is refused, never guessed at. One that is brought to a newer version has a
//! copy beside it until that is done: `case.db.before-2`.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::StoreError;

/// All migrations in order; the position + 1 is the version.
const MIGRATIONS: &[&str] = &[include_str!("migrations/0001_journal_and_values.sql")];

/// Brings the database at `path` to the newest version.
pub(crate) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    bring_to(connection, path, MIGRATIONS)
}

fn bring_to(
    connection: &mut Connection,
    path: &Path,
    migrations: &[&str],
) -> Result<(), StoreError> {
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let newest = i64::try_from(migrations.len()).unwrap_or(i64::MAX);
    if version > newest {
        return Err(StoreError::Newer(version));
    }
    let backup = match version {
        0 => None,
        // A cut came between the upgrade and the removal of its copies.
        _ if version == newest => {
            return [kept(path, newest), part(path, newest)].iter().try_for_each(drop_copy);
        }
        _ => Some(back_up(connection, path, newest)?),
    };
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
    backup.iter().try_for_each(drop_copy)
}

/// `case.db` → `case.db.before-<newest>`: as it was before the upgrade.
fn kept(path: &Path, newest: i64) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".before-{newest}"));
    PathBuf::from(name)
}

/// The same while it is written.
fn part(path: &Path, newest: i64) -> PathBuf {
    let mut name = kept(path, newest).into_os_string();
    name.push(".part");
    PathBuf::from(name)
}

fn drop_copy(copy: &PathBuf) -> Result<(), StoreError> {
    match fs::remove_file(copy) {
        Ok(()) => sync_folder(copy),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// A durable copy of the file as it is, encrypted as it is, beside it.
fn back_up(connection: &Connection, path: &Path, newest: i64) -> Result<PathBuf, StoreError> {
    let busy: i64 =
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if busy != 0 {
        return Err(std::io::Error::from(std::io::ErrorKind::ResourceBusy).into());
    }
    let (backup, part) = (kept(path, newest), part(path, newest));
    let bytes = fs::read(path)?;
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    fs::rename(&part, &backup)?;
    sync_folder(&backup)?;
    Ok(backup)
}

fn sync_folder(path: &Path) -> Result<(), StoreError> {
    path.parent().map_or(Ok(()), |folder| Ok(File::open(folder)?.sync_all()?))
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
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("case.db");
        fs::write(&path, b"").unwrap();
        connect(&path, &key).unwrap().execute_batch(V1).unwrap();
        assert!(!fs::read(&path).unwrap().starts_with(b"SQLite format 3"), "it is encrypted");

        let mut stores = FileStores::new(data.path());
        let mut store = stores.case_store(&case, &key, false).unwrap();
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
        let mut store = stores.case_store(&case, &key, false).unwrap();
        assert_eq!(store.last_line().unwrap().unwrap().seq, 4);
        drop(store);
        let raw = connect(&path, &key).unwrap();
        assert!(raw.execute("DELETE FROM journal WHERE seq = 1", []).is_err(), "it only grows");
        let version: i64 = raw.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
        assert_eq!(usize::try_from(version).unwrap(), MIGRATIONS.len());
    }

    /// R97: a later version wants more room than there is, or its copy beside the file cannot be written. Nothing is
    /// changed, again and again, and the copy of before is whole and opens; with room it is done, and the copy goes.
    #[test]
    fn r97_an_upgrade_without_room_changes_nothing_and_is_done_once_there_is_room() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("case.db");
        let key = Key256::new([9; 32]);
        fs::write(&path, b"").unwrap();
        let mut db = connect(&path, &key).unwrap();
        db.execute_batch("PRAGMA journal_mode = WAL;").unwrap();
        bring_to(&mut db, &path, MIGRATIONS).unwrap();
        let copy = folder.path().join("case.db.before-2");
        assert!(!copy.exists(), "of an empty one there is nothing to keep");
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
        fs::create_dir(&copy).unwrap();
        fs::write(copy.join("in the way"), b"x").unwrap();
        assert!(matches!(bring_to(&mut db, &path, &later), Err(StoreError::Io(_))));
        let version: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
        assert_eq!(version, 1, "without a copy nothing is begun");
        fs::remove_dir_all(&copy).unwrap();
        db.pragma_update(None, "max_page_count", pages + 20).unwrap();
        for _ in 0..3 {
            let full = bring_to(&mut db, &path, &later).unwrap_err();
            assert!(matches!(full, StoreError::Migration { number: 2, .. }), "{full}");
            let count = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
            assert_eq!(count("PRAGMA user_version"), 1);
            assert_eq!(count("SELECT count(*) FROM journal"), 200);
            let whole: String = db.query_row("PRAGMA integrity_check", [], |r| r.get(0)).unwrap();
            assert_eq!(whole, "ok");
            let aside = folder.path().join("aside.db");
            fs::copy(&copy, &aside).unwrap();
            let kept: i64 = connect(&aside, &key)
                .unwrap()
                .query_row("SELECT count(*) FROM journal", [], |row| row.get(0))
                .unwrap();
            assert_eq!(kept, 200);
        }
        db.pragma_update(None, "max_page_count", pages * 4).unwrap();
        bring_to(&mut db, &path, &later).unwrap();
        assert!(!copy.exists(), "a kept copy would only grow old");
        fs::write(&copy, b"as it was").unwrap();
        fs::write(part(&path, 2), b"as").unwrap();
        bring_to(&mut db, &path, &later).unwrap();
        assert!(!copy.exists() && !part(&path, 2).exists(), "nor after a cut before its removal");
        let moved: i64 = db.query_row("SELECT count(*) FROM copy", [], |row| row.get(0)).unwrap();
        assert_eq!(moved, 200);
    }
}
