//! One open store: a connection and the two tables.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior, params};
use spotcheck_app::ports::{CaseChange, CaseStore, Key256, StoredLine};
use spotcheck_domain::TroubleResult;

use crate::StoreError;
use crate::migrations::migrate;

/// A store on one SQLCipher file.
pub(crate) struct Db {
    connection: Connection,
}

impl Db {
    /// Opens the file; an empty one becomes a store, the caller has decided that this is right.
    pub(crate) fn open(path: &Path, key: &Key256) -> Result<Self, StoreError> {
        let mut connection = connect(path, key).map_err(StoreError::Open)?;
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL;
                 PRAGMA synchronous = FULL;
                 PRAGMA foreign_keys = ON;
                 PRAGMA temp_store = MEMORY;
                 PRAGMA secure_delete = ON;",
            )
            .map_err(StoreError::Open)?;
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        migrate(&mut connection, path)?;
        Ok(Self { connection })
    }

    fn apply(&mut self, change: &CaseChange) -> Result<(), StoreError> {
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let last: i64 =
            transaction
                .query_row("SELECT coalesce(max(seq), 0) FROM journal", [], |row| row.get(0))?;
        let mut last = u64::try_from(last).unwrap_or(0);
        for line in &change.lines {
            if Some(line.seq) != last.checked_add(1) {
                return Err(StoreError::Sequence { last, got: line.seq });
            }
            transaction.execute(
                "INSERT INTO journal (seq, line) VALUES (?1, ?2)",
                params![i64::try_from(line.seq).unwrap_or(i64::MAX), line.line],
            )?;
            last = line.seq;
        }
        for (kind, key, json) in &change.set {
            transaction.execute(
                "INSERT INTO value (kind, key, json) VALUES (?1, ?2, ?3)
                 ON CONFLICT (kind, key) DO UPDATE SET json = excluded.json",
                params![kind, key, json],
            )?;
        }
        transaction.commit()?;
        Ok(())
    }

    fn lines(&self, sql: &str) -> Result<Vec<StoredLine>, StoreError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([], |row| {
            let seq: i64 = row.get(0)?;
            Ok(StoredLine { seq: u64::try_from(seq).unwrap_or(0), line: row.get(1)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn pairs(&self, kind: &str) -> Result<Vec<(String, String)>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT key, json FROM value WHERE kind = ?1 ORDER BY id")?;
        let rows = statement.query_map([kind], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn everything(&self) -> Result<Vec<(String, String, String)>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT kind, key, json FROM value ORDER BY id")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn counted(&self, kind: &str) -> Result<usize, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT count(*) FROM value WHERE kind = ?1")?;
        let count: i64 = statement.query_row([kind], |row| row.get(0))?;
        Ok(usize::try_from(count).unwrap_or(0))
    }

    fn one(&self, kind: &str, key: &str) -> Result<Option<String>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT json FROM value WHERE kind = ?1 AND key = ?2")?;
        Ok(statement.query_row([kind, key], |row| row.get(0)).optional()?)
    }
}

/// A connection under a key that fits.
pub(crate) fn connect(path: &Path, key: &Key256) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    // SQLCipher writes to stderr by itself otherwise; our error says it in words.
    // `DATA/lock` lets one process in, so the index of the log lies in memory: a `-shm` file is mapped, and a card
    // that cannot read it back would end the process by SIGBUS instead of an error.
    connection.execute_batch("PRAGMA cipher_log_level = NONE; PRAGMA locking_mode = EXCLUSIVE;")?;
    set_key(&connection, key)?;
    Ok(connection)
}

/// Raw key: no PBKDF2, the key is random already.
fn set_key(connection: &Connection, key: &Key256) -> Result<(), rusqlite::Error> {
    use std::fmt::Write as _;
    let mut text = zeroize::Zeroizing::new(String::with_capacity(67));
    text.push_str("x'");
    for byte in key.iter() {
        let _ = write!(text, "{byte:02x}");
    }
    text.push('\'');
    connection.pragma_update(None, "key", text.as_str())?;
    // The first read tells whether the key fits.
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
}

impl CaseStore for Db {
    fn commit(&mut self, change: &CaseChange) -> TroubleResult<()> {
        Ok(self.apply(change)?)
    }

    fn journal(&mut self) -> TroubleResult<Vec<StoredLine>> {
        Ok(self.lines("SELECT seq, line FROM journal ORDER BY seq")?)
    }

    fn last_line(&mut self) -> TroubleResult<Option<StoredLine>> {
        Ok(self.lines("SELECT seq, line FROM journal ORDER BY seq DESC LIMIT 1")?.pop())
    }

    fn values(&mut self, kind: &str) -> TroubleResult<Vec<(String, String)>> {
        Ok(self.pairs(kind)?)
    }

    fn count(&mut self, kind: &str) -> TroubleResult<usize> {
        Ok(self.counted(kind)?)
    }

    fn all_values(&mut self) -> TroubleResult<Vec<(String, String, String)>> {
        Ok(self.everything()?)
    }

    fn value(&mut self, kind: &str, key: &str) -> TroubleResult<Option<String>> {
        Ok(self.one(kind, key)?)
    }
}
