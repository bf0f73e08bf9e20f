//! Upload rows: the offset here is the truth, the file may be longer after a crash and is cut back to it.

use rusqlite::{OptionalExtension, params};

use super::{SqliteStore, from_db, to_db};
use crate::repository::Upload;
use crate::{Error, Result};

impl SqliteStore {
    pub(super) fn insert_upload(&self, upload: &Upload, at_ms: i64) -> Result<()> {
        let (length, offset) = (to_db(upload.length)?, to_db(upload.offset)?);
        self.write(|t| {
            t.execute(
                "INSERT INTO upload (id, device, sha256, length, offset, created_ms, expires_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![
                    upload.id,
                    upload.device,
                    upload.sha256,
                    length,
                    offset,
                    at_ms,
                    upload.expires_ms
                ],
            )?;
            Ok(())
        })
    }

    pub(super) fn select_upload(&self, id: &str) -> Result<Option<Upload>> {
        let found: Option<(String, Option<String>, i64, i64, i64)> = self.read(|c| {
            let sql = "SELECT device, sha256, length, offset, expires_ms FROM upload WHERE id = ?1";
            Ok(c.prepare_cached(sql)?
                .query_row([id], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?)))
                .optional()?)
        })?;
        found
            .map(|(device, sha256, length, offset, expires_ms)| {
                let (length, offset) = (from_db(length)?, from_db(offset)?);
                Ok(Upload { id: id.to_owned(), device, sha256, length, offset, expires_ms })
            })
            .transpose()
    }

    pub(super) fn move_upload(&self, id: &str, old: u64, new: u64) -> Result<bool> {
        let (old, new) = (to_db(old)?, to_db(new)?);
        self.write(|t| {
            let moved = t.execute(
                "UPDATE upload SET offset = ?3 WHERE id = ?1 AND offset = ?2 AND ?3 <= length",
                params![id, old, new],
            )?;
            Ok(moved == 1)
        })
    }

    pub(super) fn complete_upload(&self, upload: &Upload, sha256: &str, at_ms: i64) -> Result<()> {
        let size = to_db(upload.length)?;
        self.write(|t| {
            let moved =
                t.execute("UPDATE upload SET offset = length WHERE id = ?1", [&upload.id])?;
            if moved != 1 {
                return Err(Error::NotFound { what: "upload", zh: "上传" });
            }
            t.execute(
                "INSERT INTO blob (device, sha256, size, received_ms) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (device, sha256) DO NOTHING",
                params![upload.device, sha256, size, at_ms],
            )?;
            Ok(())
        })
    }
}
