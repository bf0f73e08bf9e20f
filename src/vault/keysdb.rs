//! keys.db: a SQLCipher file whose key comes from the device secret and the file's own salt.
//!
//! The salt is the 16 random bytes at the head of a SQLCipher file, so the file and the salt of its key
//! are replaced by one rename: rewriting under a new key (after a shred) has no moment in which they do
//! not fit each other (R28). The key is given raw: PBKDF2 would add 100 ms to every start and nothing to
//! a 256-bit key. A missing or unreadable file is never replaced by an empty one (R25, R29, R31).

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior, params};
use spotcheck_domain::Entropy;
use zeroize::Zeroizing;

use crate::atomic;
use crate::closed::Closed;
use crate::error::VaultError;
use crate::secret::DeviceSecret;

/// Name in the data folder.
pub const KEYS_FILE: &str = "keys.db";
const FRESH_FILE: &str = "keys.db.new";
const SALT_BYTES: usize = 16;
const PURPOSE: &str = "keys.db";

/// Numbered and frozen; `user_version` counts how many ran.
const MIGRATIONS: &[&str] =
    &[include_str!("migrations/0001_keys.sql"), include_str!("migrations/0002_intake.sql")];

/// The open key database.
pub(crate) struct KeysDb {
    data: PathBuf,
    // None only while the file is being exchanged, and for good if that failed half-way.
    connection: Option<Connection>,
    /// Why there is none.
    closed: Closed,
}

impl KeysDb {
    /// Opens keys.db, or creates it in a data folder that holds no case yet.
    pub(crate) fn open(
        data: &Path,
        secret: &dyn DeviceSecret,
        entropy: &dyn Entropy,
    ) -> Result<Self, VaultError> {
        for suffix in ["", "-wal", "-shm", "-journal"] {
            let leftover = format!("{FRESH_FILE}{suffix}");
            if data.join(&leftover).exists() {
                atomic::remove_durable(data, &[leftover])?;
            }
        }
        let path = data.join(KEYS_FILE);
        if !path.exists() {
            if !atomic::names(&data.join("cases"))?.is_empty() {
                return Err(VaultError::Missing(KEYS_FILE));
            }
            create(data, secret, entropy)?;
        }
        let connection = Some(connect(&path, secret)?);
        let closed = Closed::Missing(KEYS_FILE);
        let mut db = Self { data: data.to_owned(), connection, closed };
        db.migrate()?;
        let due: i64 =
            db.connection()?.query_row("SELECT count(*) FROM rewrite_due", [], |row| row.get(0))?;
        if due > 0 {
            db.rewrite(secret, entropy)?;
        }
        // A rewrite that was cut off after its rename leaves the old generation.
        secret.retire(slot_of(&salt_of(&path)?) ^ 1)?;
        Ok(db)
    }

    /// One that does not open.
    pub(crate) fn closed(data: &Path, closed: Closed) -> Self {
        Self { data: data.to_owned(), connection: None, closed }
    }

    /// For reading.
    pub(crate) fn connection(&self) -> Result<&Connection, VaultError> {
        self.connection.as_ref().ok_or_else(|| self.closed.error())
    }

    /// One durable change: `FULL` means that COMMIT returned after fsync.
    pub(crate) fn change<T>(
        &mut self,
        act: impl FnOnce(&Transaction<'_>) -> Result<T, VaultError>,
    ) -> Result<T, VaultError> {
        let connection = self.connection.as_mut().ok_or_else(|| self.closed.error())?;
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let result = act(&tx)?;
        tx.commit()?;
        Ok(result)
    }

    fn migrate(&mut self) -> Result<(), VaultError> {
        self.bring_to(MIGRATIONS)
    }

    fn bring_to(&mut self, migrations: &[&str]) -> Result<(), VaultError> {
        let found: i64 =
            self.connection()?.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        let known = i64::try_from(migrations.len()).unwrap_or(i64::MAX);
        if found > known {
            return Err(VaultError::KeysNewer { found, known });
        }
        if found == known {
            // A cut may have come between the upgrade and the removal of its copy.
            return self.drop_copies();
        }
        if found > 0 {
            let backup = format!("{KEYS_FILE}.before-{known}");
            self.connection()?.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
            let bytes = fs::read(self.data.join(KEYS_FILE)).map_err(VaultError::io("back up"))?;
            atomic::write_durable(&self.data.join(&backup), &bytes)?;
        }
        self.change(|tx| {
            for (number, sql) in (1_i64..).zip(migrations) {
                if number > found {
                    tx.execute_batch(sql)?;
                    tx.pragma_update(None, "user_version", number)?;
                }
            }
            Ok(())
        })?;
        self.drop_copies()
    }

    /// Removes the copies that upgrades made: they would outlive a shred.
    fn drop_copies(&self) -> Result<(), VaultError> {
        let before = format!("{KEYS_FILE}.before-");
        let copies: Vec<String> = atomic::names(&self.data)?
            .into_iter()
            .filter(|name| name.starts_with(&before))
            .collect();
        if copies.is_empty() { Ok(()) } else { atomic::remove_durable(&self.data, &copies) }
    }

    /// Rewrites the whole file under a new key and exchanges it by one rename. With file protection this
    /// is best effort: flash may keep old pages, and the secret that leads to their key still exists.
    pub(crate) fn rewrite(
        &mut self,
        secret: &dyn DeviceSecret,
        entropy: &dyn Entropy,
    ) -> Result<(), VaultError> {
        let path = self.data.join(KEYS_FILE);
        let fresh = self.data.join(FRESH_FILE);
        let old = slot_of(&salt_of(&path)?);
        let key = new_key(secret, entropy, Some(old ^ 1))?;
        // Made 0600 before SQLite fills it.
        atomic::write_durable(&fresh, b"")?;
        {
            let connection = self.connection()?;
            let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
            let fresh_text = fresh.to_str().ok_or(VaultError::Missing(KEYS_FILE))?;
            connection.execute("ATTACH DATABASE ?1 AS fresh KEY ?2", params![fresh_text, *key])?;
            let copied = (|| {
                connection.query_row("SELECT sqlcipher_export('fresh')", [], |_| Ok(()))?;
                connection.execute("DELETE FROM fresh.rewrite_due", [])?;
                connection.pragma_update(Some("fresh"), "user_version", version)
            })();
            connection.execute("DETACH DATABASE fresh", [])?;
            copied?;
        }
        drop(connect(&fresh, secret)?);
        sync_file(&fresh)?;
        // Closing the last connection merges and removes the WAL; a WAL left beside the new file would be
        // taken for the new file's.
        if let Some(connection) = self.connection.take() {
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
            connection.close().map_err(|(_, error)| error)?;
        }
        let wal = self.data.join(format!("{KEYS_FILE}-wal"));
        if fs::metadata(&wal).is_ok_and(|m| m.len() > 0) {
            self.connection = Some(connect(&path, secret)?);
            return Err(VaultError::KeysUnreadable("write-ahead log still in use".to_owned()));
        }
        // The old log's name must be gone for good before the new file has this name: a power cut that
        // kept both would let the old log be read into the new file, whose pages it cannot fit.
        atomic::sync_folder(&self.data)?;
        atomic::publish(&fresh, &path)?;
        self.connection = Some(connect(&path, secret)?);
        // From here on no older copy of the file opens, where hardware kept its generation.
        secret.retire(old)
    }
}

/// A new file appears under its name only when it is complete.
fn create(data: &Path, secret: &dyn DeviceSecret, entropy: &dyn Entropy) -> Result<(), VaultError> {
    let fresh = data.join(FRESH_FILE);
    let key = new_key(secret, entropy, Some(0))?;
    // The file is made 0600 before SQLite fills it.
    atomic::write_durable(&fresh, b"")?;
    let connection = Connection::open(&fresh)?;
    connection.pragma_update(None, "key", key.as_str())?;
    connection.execute_batch("CREATE TABLE made (id INTEGER) STRICT; DROP TABLE made;")?;
    connection.close().map_err(|(_, error)| error)?;
    sync_file(&fresh)?;
    atomic::publish(&fresh, &data.join(KEYS_FILE))
}

/// A raw SQLCipher key with a new salt: `x'<64 hex of the key><32 hex of the salt>'`.
fn new_key(
    secret: &dyn DeviceSecret,
    entropy: &dyn Entropy,
    slot: Option<u8>,
) -> Result<Zeroizing<String>, VaultError> {
    let mut salt = [0_u8; SALT_BYTES];
    entropy.fill(&mut salt);
    // The first bit says which generation of the device secret takes part.
    if let (Some(first), Some(slot)) = (salt.first_mut(), slot) {
        *first = (*first & 0xfe) | slot;
        secret.renew(slot, &crate::crypto::random_key(entropy))?;
    }
    raw_key(secret, &salt)
}

/// Which generation the key of a file with this salt was made with.
fn slot_of(salt: &[u8]) -> u8 {
    salt.first().map_or(0, |first| first & 1)
}

fn raw_key(
    secret: &dyn DeviceSecret,
    salt: &[u8; SALT_BYTES],
) -> Result<Zeroizing<String>, VaultError> {
    let key = secret.derive_generation(PURPOSE, salt, slot_of(salt))?;
    let hex_key = Zeroizing::new(hex::encode(key.as_slice()));
    Ok(Zeroizing::new(format!("x'{}{}'", hex_key.as_str(), hex::encode(salt))))
}

fn salt_of(path: &Path) -> Result<[u8; SALT_BYTES], VaultError> {
    let mut salt = [0_u8; SALT_BYTES];
    File::open(path)
        .and_then(|mut file| file.read_exact(&mut salt))
        .map_err(|error| VaultError::KeysUnreadable(format!("salt: {error}")))?;
    Ok(salt)
}

fn connect(path: &Path, secret: &dyn DeviceSecret) -> Result<Connection, VaultError> {
    let salt = salt_of(path)?;
    let key = raw_key(secret, &salt)?;
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    // SQLCipher writes to stderr by itself otherwise; our error says it in words.
    // `DATA/lock` lets one process in, so the index of the log lies in memory: a `-shm` file is mapped, and a card
    // that cannot read it back would end the process by SIGBUS instead of an error.
    connection.execute_batch("PRAGMA cipher_log_level = NONE; PRAGMA locking_mode = EXCLUSIVE;")?;
    connection.pragma_update(None, "key", key.as_str())?;
    // A disk that is full or fails says nothing about the keys.
    let unreadable = |error: rusqlite::Error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::SystemIoFailure | rusqlite::ErrorCode::DiskFull) => {
            VaultError::Sql(error)
        }
        _ => VaultError::KeysUnreadable(error.to_string()),
    };
    connection
        .query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get::<_, i64>(0))
        .map_err(unreadable)?;
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).map_err(unreadable)?;
    connection.execute_batch(
        "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;",
    )?;
    connection.query_row("PRAGMA secure_delete = ON", [], |_| Ok(()))?;
    Ok(connection)
}

fn sync_file(path: &Path) -> Result<(), VaultError> {
    File::open(path).and_then(|f| f.sync_all()).map_err(VaultError::io("sync keys.db"))
}

#[cfg(test)]
#[path = "keysdb/tests.rs"]
mod tests;
#[cfg(test)]
pub(crate) use tests::restore;
