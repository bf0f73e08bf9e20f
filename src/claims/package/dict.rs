//! The dictionary of a package: every repeated text once, an integer everywhere else.

use std::collections::HashMap;

use rusqlite::Connection;

use crate::error::{Error, Result};

/// Table of the dictionary; its unique index on `text` is built after loading.
pub(super) const TABLE: &str =
    "CREATE TABLE dict (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;";
pub(super) const INDEX: &str = "CREATE UNIQUE INDEX dict_text ON dict (text);";

/// Gives ids in the order in which texts are first seen and writes them at once.
pub(super) struct Dict<'a> {
    db: &'a Connection,
    ids: HashMap<Box<str>, i64>,
}

impl<'a> Dict<'a> {
    pub(super) fn new(db: &'a Connection) -> Result<Self> {
        db.execute_batch(TABLE).map_err(Error::sql("dict"))?;
        Ok(Self { db, ids: HashMap::new() })
    }

    /// The id of a text.
    pub(super) fn id(&mut self, text: &str) -> Result<i64> {
        if let Some(id) = self.ids.get(text) {
            return Ok(*id);
        }
        let id = i64::try_from(self.ids.len()).unwrap_or(i64::MAX).saturating_add(1);
        self.db
            .prepare_cached("INSERT INTO dict VALUES (?1, ?2)")
            .and_then(|mut s| s.execute(rusqlite::params![id, text]))
            .map_err(Error::sql("dict"))?;
        self.ids.insert(text.into(), id);
        Ok(id)
    }

    /// The id of a text that may be missing.
    pub(super) fn id_of(&mut self, text: Option<&str>) -> Result<Option<i64>> {
        text.map(|t| self.id(t)).transpose()
    }
}
