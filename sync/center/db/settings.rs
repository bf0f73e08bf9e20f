//! Named values and the record of acts.

use rusqlite::{OptionalExtension, params};

use super::SqliteStore;
use crate::repository::Settings;
use crate::{Error, Result};

impl Settings for SqliteStore {
    fn setting(&self, key: &str) -> Result<Option<Vec<u8>>> {
        self.read(|c| {
            let mut statement = c.prepare_cached("SELECT value FROM setting WHERE key = ?1")?;
            Ok(statement.query_row([key], |row| row.get(0)).optional()?)
        })
    }

    fn setting_or_insert(&self, key: &str, value: &[u8]) -> Result<Vec<u8>> {
        self.write(|t| {
            t.execute(
                "INSERT INTO setting (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO NOTHING",
                params![key, value],
            )?;
            t.query_row("SELECT value FROM setting WHERE key = ?1", [key], |row| row.get(0))
                .optional()?
                .ok_or(Error::Stored("setting"))
        })
    }

    fn settings_under(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>> {
        self.read(|c| {
            let sql = "SELECT key, value FROM setting WHERE substr(key, 1, length(?1)) = ?1
                ORDER BY key";
            Ok(c.prepare_cached(sql)?
                .query_map([prefix], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<rusqlite::Result<_>>()?)
        })
    }

    fn put_setting(&self, key: &str, value: &[u8]) -> Result<()> {
        self.write(|t| {
            t.execute(
                "INSERT INTO setting (key, value) VALUES (?1, ?2)
                 ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                params![key, value],
            )?;
            Ok(())
        })
    }

    fn remove_setting(&self, key: &str) -> Result<()> {
        self.write(|t| {
            t.execute("DELETE FROM setting WHERE key = ?1", [key])?;
            Ok(())
        })
    }

    fn record_act(&self, id: &str, at_ms: i64, kind: &str, subject: &str) -> Result<()> {
        self.write(|t| {
            t.execute(
                "INSERT INTO act (id, at_ms, kind, subject) VALUES (?1, ?2, ?3, ?4)",
                params![id, at_ms, kind, subject],
            )?;
            Ok(())
        })
    }

    fn acts(&self, kind: &str) -> Result<Vec<String>> {
        self.read(|c| {
            let sql = "SELECT subject FROM act WHERE kind = ?1 ORDER BY at_ms, id";
            Ok(c.prepare_cached(sql)?
                .query_map([kind], |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?)
        })
    }
}
