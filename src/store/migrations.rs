//! Numbered, frozen migrations; each in one transaction, the version in `user_version`.
//!
//! A database written by a newer program is refused, never guessed at.

use rusqlite::Connection;

use crate::StoreError;

/// All migrations in order; the position + 1 is the version.
const MIGRATIONS: &[&str] = &[include_str!("migrations/0001_journal_and_values.sql")];

/// Brings a database to the newest version.
pub(crate) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let newest = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if version > newest {
        return Err(StoreError::Newer(version));
    }
    for (number, sql) in (1_i64..).zip(MIGRATIONS) {
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
