//! Numbered, frozen migrations and encrypted copies.
//!
//! A migration imports nothing that can change: it is text. `user_version` holds the number reached.

use std::path::Path;

use rusqlite::Connection;
use rusqlite::backup::Backup;

use super::open_encrypted;
use crate::folder::{RawKey, sync_dir};
use crate::{Error, Result};

const MIGRATIONS: [&str; 7] = [
    include_str!("../migrations/0001_initial.sql"),
    include_str!("../migrations/0002_findings.sql"),
    include_str!("../migrations/0003_rule_packs.sql"),
    include_str!("../migrations/0004_judged.sql"),
    include_str!("../migrations/0005_finding_states.sql"),
    include_str!("../migrations/0006_guarded.sql"),
    include_str!("../migrations/0007_raised_warnings.sql"),
];

fn version(connection: &Connection) -> Result<i64> {
    Ok(connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}

/// Brings the database to the newest version; several processes may try at once.
pub(super) fn migrate(connection: &mut Connection, path: &Path, key: &RawKey) -> Result<()> {
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    let found = version(connection)?;
    if found > known {
        return Err(Error::NewerDatabase { found, known });
    }
    if found > 0 && found < known {
        let mut name = path.file_name().unwrap_or_default().to_os_string();
        name.push(format!(".before-{known}"));
        let copy = path.with_file_name(name);
        if !copy.exists() {
            copy_encrypted(connection, &copy, key)?;
        }
    }
    for (number, sql) in (1_i64..).zip(MIGRATIONS) {
        let transaction =
            connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        if version(&transaction)? < number {
            transaction.execute_batch(sql)?;
            transaction.pragma_update(None, "user_version", number)?;
        }
        transaction.commit()?;
    }
    Ok(())
}

/// Copies a database with SQLite's backup API into a new encrypted file, through a temporary name.
pub(super) fn copy_encrypted(source: &Connection, target: &Path, key: &RawKey) -> Result<()> {
    if target.exists() {
        return Err(Error::refused(
            "CENTRE-TARGET-EXISTS",
            "目标文件已存在，不会覆盖。",
            "请换一个文件名。",
        ));
    }
    let mut name = target.file_name().unwrap_or_default().to_os_string();
    name.push(".part");
    let part = target.with_file_name(name);
    let _ = std::fs::remove_file(&part);
    {
        let mut copy = open_encrypted(&part, key, true)?;
        Backup::new(source, &mut copy)?.run_to_completion(1000, std::time::Duration::ZERO, None)?;
    }
    let what = "finish the copy";
    std::fs::File::open(&part).and_then(|f| f.sync_all()).map_err(Error::io(what))?;
    std::fs::rename(&part, target).map_err(Error::io(what))?;
    sync_dir(target.parent().unwrap_or_else(|| Path::new("")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests may panic")]
    use super::*;
    use crate::db::SqliteStore;
    use spotcheck_domain::SeededEntropy;

    /// Migrations are frozen: the databases of centres were made by exactly these words.
    #[test]
    fn migrations_are_frozen() {
        let hash = |sql: &&str| crate::objects::sha256_hex(sql.as_bytes());
        let hashes: Vec<String> = MIGRATIONS.iter().map(hash).collect();
        assert_eq!(
            hashes,
            [
                "45aca394f786d28afdfd37f4f1c8c3454b9b938bb98e25fa224ecdf14df13b79",
                "003350ae134d49c9a8bb4e3ac9ef144b49c4f44c3dfc0cc8691931649195f041",
                "119894cb6aa11e3906aad72b1c474c69a92625123efaba1fed2ceff85d10b1b9",
                "d46db850352bd6fd2f43a0d9ffbc4739036595ec594f09bec805162f108a595e",
                "0304ccf6d82536fefaac9ba4570d9df55d19bdaee1ec7c39aabe72fc5a7e390a",
                "d05a6ab2c5531b05e88a321bfe086abe9aca48f34cfb317391dc422a9842e8d0",
                "063a4f60e538fef1e4181b618f68ec6df78e6acdd9f9232ba8e35b4b501836e1",
            ]
        );
    }

    #[test]
    fn a_newer_database_and_a_wrong_key_are_refused_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("center.db");
        let entropy = SeededEntropy::new(3);
        let key = RawKey::generate(&entropy);
        drop(SqliteStore::open(&path, &key).unwrap());
        let other = RawKey::generate(&entropy);
        assert!(matches!(SqliteStore::open(&path, &other), Err(Error::WrongKey)));
        let connection = open_encrypted(&path, &key, false).unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
        drop(connection);
        assert!(matches!(
            SqliteStore::open(&path, &key),
            Err(Error::NewerDatabase { found: 99, .. })
        ));
    }

    /// A database of the version before findings were read: what it holds is counted from the first start on, and
    /// a copy of it lies beside.
    #[test]
    fn a_database_of_before_counts_what_it_holds() {
        use crate::repository::{Judgements, Watched};
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("center.db");
        let key = RawKey::generate(&SeededEntropy::new(5));
        let old = open_encrypted(&path, &key, true).unwrap();
        for sql in &MIGRATIONS[..3] {
            old.execute_batch(sql).unwrap();
        }
        old.pragma_update(None, "user_version", 3).unwrap();
        old.execute_batch(
            "INSERT INTO bundle (id, device, task, tagmanifest_sha256, state, announcement,
               announced_ms, errors) VALUES
               ('EVID-1', 'D-1', 'T-1', '', 'received', x'00', 1, x'00'),
               ('EVID-2', 'D-1', 'T-1', '', 'rejected', x'00', 1, x'00')",
        )
        .unwrap();
        let line = |kind: &str| {
            format!(
                r#"{{"kind":"{kind}","officer":"O-1","subject":"T-1","wall":"2026-11-20T23:30:00.000+08:00","facts":{{"by":"doctor","indicators":"I1","reason":"核对"}}}}"#
            )
        };
        for (seq, text) in (1..).zip([line("unlocked"), line("guarded_viewed"), "damaged".into()]) {
            old.execute(
                "INSERT INTO device_journal (device, seq, line) VALUES ('D-1', ?1, ?2)",
                rusqlite::params![seq, text.as_bytes()],
            )
            .unwrap();
        }
        drop(old);
        let store = SqliteStore::open(&path, &key).unwrap();
        assert_eq!(store.unread_bundles().unwrap(), ["EVID-1"]);
        let counts = store.guarded_counts(None).unwrap();
        assert_eq!(counts.len(), 1);
        let first = &counts[0];
        assert_eq!(
            (first.officer.as_str(), first.day.as_str(), first.views),
            ("O-1", "2026-11-20", 1)
        );
        assert_eq!((first.tasks[0].as_str(), first.reasons[0].as_str()), ("T-1", "核对"));
        drop(store);
        assert_eq!(SqliteStore::open(&path, &key).unwrap().guarded_counts(None).unwrap().len(), 1);
        let copy = dir.path().join(format!("center.db.before-{}", MIGRATIONS.len()));
        assert!(copy.exists());
    }

    #[test]
    fn a_backup_is_encrypted_under_the_same_key_and_never_overwrites() {
        use crate::repository::Settings;
        let dir = tempfile::tempdir().unwrap();
        let key = RawKey::generate(&SeededEntropy::new(4));
        let store = SqliteStore::open(&dir.path().join("center.db"), &key).unwrap();
        store.put_setting("word", "张三的病历".as_bytes()).unwrap();
        let copy = dir.path().join("copy.db");
        store.backup(&copy, &key).unwrap();
        assert!(store.backup(&copy, &key).is_err());
        let bytes = std::fs::read(&copy).unwrap();
        assert!(!bytes.windows(6).any(|w| w == "张三".as_bytes()));
        assert!(!bytes.starts_with(b"SQLite format 3"));
        let again = SqliteStore::open(&copy, &key).unwrap();
        assert_eq!(again.setting("word").unwrap().unwrap(), "张三的病历".as_bytes());
    }
}
