//! The log's leaves, hashes and checkpoint.

use rusqlite::{OptionalExtension, Row, params};

use super::{SqliteStore, from_db, to_db};
use crate::repository::{Leaf, LogAppend, LogStore};
use crate::{Error, Result};

fn leaf((index, entry): (i64, Vec<u8>)) -> Result<Leaf> {
    Ok(Leaf { index: from_db(index)?, entry })
}

fn pair(row: &Row<'_>) -> rusqlite::Result<(i64, Vec<u8>)> {
    Ok((row.get(0)?, row.get(1)?))
}

impl LogStore for SqliteStore {
    fn log_state(&self) -> Result<(u64, String)> {
        let (size, checkpoint) = self.read(|c| {
            let sql = "SELECT size, checkpoint FROM log_state WHERE id = 1";
            Ok(c.prepare_cached(sql)?
                .query_row([], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?)))?)
        })?;
        Ok((from_db(size)?, checkpoint))
    }

    fn append_log(&self, a: &LogAppend<'_>) -> Result<bool> {
        let (old, first) = (to_db(a.old_size)?, to_db(a.first_hash)?);
        self.write(|t| {
            let moved = t.execute(
                "UPDATE log_state SET size = ?1 + 1, checkpoint = ?2 WHERE id = 1 AND size = ?1",
                params![old, a.checkpoint],
            )?;
            if moved != 1 {
                return Ok(false);
            }
            t.execute(
                "INSERT INTO log_leaf (idx, kind, subject, entry) VALUES (?1, ?2, ?3, ?4)",
                params![old, a.kind, a.subject, a.entry],
            )?;
            let mut statement =
                t.prepare_cached("INSERT INTO log_hash (idx, hash) VALUES (?1, ?2)")?;
            for (index, hash) in (first..).zip(a.hashes) {
                statement.execute(params![index, hash.as_slice()])?;
            }
            Ok(true)
        })
    }

    fn log_hashes(&self, indexes: &[u64]) -> Result<Vec<[u8; 32]>> {
        self.read(|c| {
            let mut statement = c.prepare_cached("SELECT hash FROM log_hash WHERE idx = ?1")?;
            indexes
                .iter()
                .map(|index| {
                    let bytes: Vec<u8> = statement
                        .query_row([to_db(*index)?], |row| row.get(0))
                        .optional()?
                        .ok_or(Error::Stored("log hash"))?;
                    bytes.try_into().map_err(|_| Error::Stored("log hash"))
                })
                .collect()
        })
    }

    fn leaf_of(&self, subject: &str) -> Result<Option<Leaf>> {
        self.read(|c| {
            c.prepare_cached("SELECT idx, entry FROM log_leaf WHERE subject = ?1")?
                .query_row([subject], pair)
                .optional()?
                .map(leaf)
                .transpose()
        })
    }

    fn newest_leaf(&self, kind: &str) -> Result<Option<Leaf>> {
        self.read(|c| {
            let sql = "SELECT idx, entry FROM log_leaf WHERE kind = ?1 ORDER BY idx DESC LIMIT 1";
            c.prepare_cached(sql)?.query_row([kind], pair).optional()?.map(leaf).transpose()
        })
    }

    fn leaves(&self, from: u64, count: u64) -> Result<Vec<Leaf>> {
        let (from, count) = (to_db(from)?, to_db(count)?);
        self.read(|c| {
            let sql = "SELECT idx, entry FROM log_leaf WHERE idx >= ?1 ORDER BY idx LIMIT ?2";
            c.prepare_cached(sql)?
                .query_map([from, count], pair)?
                .map(|found| leaf(found?))
                .collect()
        })
    }
}
