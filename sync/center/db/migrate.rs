//! Numbered, frozen migrations and encrypted copies.
//!
//! A migration imports nothing that can change: it is text. `user_version` holds the number reached.

use std::path::Path;

use rusqlite::Connection;
use rusqlite::backup::Backup;

use super::open_encrypted;
use crate::folder::{RawKey, sync_dir};
use crate::{Error, Result};

const MIGRATIONS: [&str; 3] = [
    include_str!("../migrations/0001_initial.sql"),
    include_str!("../migrations/0002_findings.sql"),
    include_str!("../migrations/0003_rule_packs.sql"),
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
            "目标文件已存在,不会覆盖。",
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
