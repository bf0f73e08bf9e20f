//! SQLite back end of the repository: one SQLCipher database, WAL, `synchronous=FULL`.
//!
//! One connection behind a mutex per process: the centre's small data needs no pool, and a write that
//! returned is on disk. Other processes (sub-commands beside `serve`) meet at SQLite's own lock with a busy
//! timeout. Migrations are numbered files, frozen after release; before a migration of an existing database
//! an encrypted copy is written beside it.

mod audits;
mod bundles;
mod directory;
mod jobs;
mod judged;
mod log;
mod migrate;
mod procedure;
mod rulepacks;
mod settings;
mod tasks;
mod uploads;
mod watched;

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use zeroize::Zeroizing;

use crate::folder::RawKey;
use crate::{Error, Result};

const BUSY_TIMEOUT: Duration = Duration::from_secs(20);

/// The SQLite repository.
pub struct SqliteStore {
    connection: Mutex<Connection>,
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SqliteStore")
    }
}

/// Opens an encrypted database and checks that the key fits.
///
/// # Errors
/// [`Error::WrongKey`], or those of SQLite.
pub(crate) fn open_encrypted(path: &Path, key: &RawKey, create: bool) -> Result<Connection> {
    if create && !path.exists() {
        // SQLite gives its companions the same mode.
        let made =
            OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
        made.map_err(Error::io("create the database"))?;
    }
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    flags.set(OpenFlags::SQLITE_OPEN_CREATE, create);
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    let pragma = Zeroizing::new(format!("PRAGMA key = \"x'{}'\";", key.hex()));
    connection.execute_batch(&pragma)?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())).map_err(
        |error| match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::NotADatabase) => Error::WrongKey,
            _ => Error::Db(error),
        },
    )?;
    Ok(connection)
}

impl SqliteStore {
    /// Opens or creates the database and brings it to this program's version.
    ///
    /// # Errors
    /// Wrong key, newer database, or those of SQLite.
    pub fn open(path: &Path, key: &RawKey) -> Result<Self> {
        let mut connection = open_encrypted(path, key, true)?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             PRAGMA foreign_keys = ON;
             PRAGMA temp_store = MEMORY;
             PRAGMA secure_delete = ON;",
        )?;
        migrate::migrate(&mut connection, path, key)?;
        Ok(Self { connection: Mutex::new(connection) })
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work` in one immediate transaction.
    fn write<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let value = work(&transaction)?;
        transaction.commit()?;
        Ok(value)
    }

    fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        work(&self.lock())
    }

    /// Writes an encrypted copy of the whole database under the same key.
    ///
    /// # Errors
    /// The target exists, or those of SQLite.
    pub fn backup(&self, target: &Path, key: &RawKey) -> Result<()> {
        migrate::copy_encrypted(&self.lock(), target, key)
    }
}

/// An unsigned value as SQLite stores it.
fn to_db(value: u64) -> Result<i64> {
    i64::try_from(value).map_err(|_| Error::Stored("a number beyond 63 bits"))
}

/// An unsigned value as SQLite gives it.
fn from_db(value: i64) -> Result<u64> {
    u64::try_from(value).map_err(|_| Error::Stored("a negative number"))
}

#[cfg(test)]
pub(crate) fn scratch() -> (tempfile::TempDir, SqliteStore) {
    use spotcheck_domain::SeededEntropy;
    let dir = tempfile::tempdir().unwrap();
    let key = RawKey::generate(&SeededEntropy::new(1));
    let store = SqliteStore::open(&dir.path().join("center.db"), &key).unwrap();
    (dir, store)
}
