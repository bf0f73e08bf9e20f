//! Bundles, blobs, uploads and device journals.

use rusqlite::{OptionalExtension, Row, params};
use spotcheck_domain::rfc3339;
use spotcheck_wire::bundles::{Announcement, BundleState};

use super::{SqliteStore, from_db, to_db};
use crate::repository::{AnnounceOutcome, BundleRow, BundleSummary, Bundles, GuardedView, Upload};
use crate::{Error, Result};

fn parse_state(text: &str) -> Result<BundleState> {
    Ok(match text {
        "announced" => BundleState::Announced,
        "verifying" => BundleState::Verifying,
        "received" => BundleState::Received,
        "rejected" => BundleState::Rejected,
        "quarantined" => BundleState::Quarantined,
        _ => return Err(Error::Stored("bundle state")),
    })
}

struct Raw {
    announcement: Vec<u8>,
    device: String,
    state: String,
    announced_ms: i64,
    finished_ms: Option<i64>,
    from_revoked: bool,
    errors: Vec<u8>,
    log_index: Option<i64>,
    accepted: bool,
}

fn raw_row(row: &Row<'_>) -> rusqlite::Result<Raw> {
    Ok(Raw {
        announcement: row.get(0)?,
        device: row.get(1)?,
        state: row.get(2)?,
        announced_ms: row.get(3)?,
        finished_ms: row.get(4)?,
        from_revoked: row.get(5)?,
        errors: row.get(6)?,
        log_index: row.get(7)?,
        accepted: row.get(8)?,
    })
}

impl Bundles for SqliteStore {
    fn announce(
        &self,
        announcement: &Announcement,
        device: &str,
        from_revoked: bool,
        at_ms: i64,
    ) -> Result<AnnounceOutcome> {
        let body = serde_json::to_vec(announcement).map_err(|_| Error::Stored("announcement"))?;
        self.write(|t| {
            let old: Option<(String, String)> = t
                .query_row(
                    "SELECT device, tagmanifest_sha256 FROM bundle WHERE id = ?1",
                    [&announcement.bundle],
                    |row| Ok((row.get(0)?, row.get(1)?)),
                )
                .optional()?;
            if let Some((owner, tagmanifest)) = old {
                let same = owner == device && tagmanifest == announcement.tagmanifest_sha256;
                if !same {
                    return Ok(AnnounceOutcome::Conflict);
                }
                // Signatures and blob lists may come anew (a file encrypted again after a broken disk):
                // the signed bytes are the same by their hash.
                t.execute(
                    "UPDATE bundle SET announcement = ?2, state = 'announced', errors = ?3,
                         finished_ms = NULL
                     WHERE id = ?1 AND announcement <> ?2 AND state IN ('announced', 'rejected')",
                    params![announcement.bundle, body, b"[]".as_slice()],
                )?;
                return Ok(AnnounceOutcome::Again);
            }
            t.execute(
                "INSERT INTO bundle (id, device, task, tagmanifest_sha256, state, announcement,
                     announced_ms, from_revoked, errors)
                 VALUES (?1, ?2, ?3, ?4, 'announced', ?5, ?6, ?7, ?8)",
                params![
                    announcement.bundle,
                    device,
                    announcement.task,
                    announcement.tagmanifest_sha256,
                    body,
                    at_ms,
                    from_revoked,
                    b"[]".as_slice()
                ],
            )?;
            Ok(AnnounceOutcome::New)
        })
    }

    fn bundle(&self, id: &str) -> Result<Option<BundleRow>> {
        let found = self.read(|c| {
            let sql = "SELECT announcement, device, state, announced_ms, finished_ms, from_revoked,
                errors, log_index, accepted_ms IS NOT NULL FROM bundle WHERE id = ?1";
            Ok(c.prepare_cached(sql)?.query_row([id], raw_row).optional()?)
        })?;
        found
            .map(|raw| {
                Ok(BundleRow {
                    announcement: serde_json::from_slice(&raw.announcement)
                        .map_err(|_| Error::Stored("announcement"))?,
                    device: raw.device,
                    state: parse_state(&raw.state)?,
                    announced_ms: raw.announced_ms,
                    finished_ms: raw.finished_ms,
                    from_revoked: raw.from_revoked,
                    accepted: raw.accepted,
                    errors: serde_json::from_slice(&raw.errors)
                        .map_err(|_| Error::Stored("errors"))?,
                    log_index: raw.log_index.map(from_db).transpose()?,
                })
            })
            .transpose()
    }

    fn bundles(&self) -> Result<Vec<BundleSummary>> {
        type Line = (String, String, String, String, i64, Option<i64>);
        let lines: Vec<Line> = self.read(|c| {
            let sql = "SELECT id, task, device, state, announced_ms, finished_ms FROM bundle
                ORDER BY announced_ms DESC, id";
            Ok(c.prepare_cached(sql)?
                .query_map([], |r| {
                    Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?, r.get(5)?))
                })?
                .collect::<rusqlite::Result<_>>()?)
        })?;
        lines
            .into_iter()
            .map(|(bundle, task, device, state, announced_ms, finished_ms)| {
                Ok(BundleSummary {
                    bundle,
                    task,
                    device,
                    state: parse_state(&state)?,
                    announced: rfc3339(announced_ms),
                    finished: finished_ms.map(rfc3339),
                })
            })
            .collect()
    }

    fn start_verifying(&self, id: &str, at_ms: i64) -> Result<bool> {
        self.write(|t| {
            let moved = t.execute(
                "UPDATE bundle SET state = 'verifying', committed_ms = ?2
                 WHERE id = ?1 AND state = 'announced'",
                params![id, at_ms],
            )?;
            if moved == 1 {
                super::jobs::insert(t, crate::jobs::VERIFY, id, at_ms)?;
            }
            Ok(moved == 1)
        })
    }

    fn accept_quarantined(&self, id: &str, at_ms: i64) -> Result<bool> {
        self.write(|t| {
            let moved = t.execute(
                "UPDATE bundle SET state = 'verifying', accepted_ms = ?2
                 WHERE id = ?1 AND state = 'quarantined'",
                params![id, at_ms],
            )?;
            if moved == 1 {
                super::jobs::insert(t, crate::jobs::VERIFY, id, at_ms)?;
            }
            Ok(moved == 1)
        })
    }

    fn quarantine(&self, id: &str, at_ms: i64) -> Result<bool> {
        self.write(|t| {
            let moved = t.execute(
                "UPDATE bundle SET state = 'quarantined', committed_ms = ?2
                 WHERE id = ?1 AND state = 'announced'",
                params![id, at_ms],
            )?;
            Ok(moved == 1)
        })
    }

    fn mark_received(
        &self,
        id: &str,
        received: &str,
        log_index: u64,
        notes: &[String],
        at_ms: i64,
    ) -> Result<()> {
        let index = to_db(log_index)?;
        let notes = serde_json::to_vec(notes).map_err(|_| Error::Stored("notes"))?;
        self.write(|t| {
            t.execute(
                "UPDATE bundle SET state = 'received', received = ?2, log_index = ?3,
                     finished_ms = ?4, errors = ?5 WHERE id = ?1 AND state = 'verifying'",
                params![id, received, index, at_ms, notes],
            )?;
            Ok(())
        })
    }

    fn mark_rejected(&self, id: &str, errors: &[String], at_ms: i64) -> Result<()> {
        let errors = serde_json::to_vec(errors).map_err(|_| Error::Stored("errors"))?;
        self.write(|t| {
            t.execute(
                "UPDATE bundle SET state = 'rejected', errors = ?2, finished_ms = ?3
                 WHERE id = ?1 AND state = 'verifying'",
                params![id, errors, at_ms],
            )?;
            Ok(())
        })
    }

    fn add_stamp(&self, bundle: &str, role: &str, tsr: &[u8], at_ms: i64) -> Result<()> {
        self.write(|t| {
            t.execute(
                "INSERT INTO bundle_stamp (bundle, role, tsr, fetched_ms) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO NOTHING",
                params![bundle, role, tsr, at_ms],
            )?;
            Ok(())
        })
    }

    fn stamps(&self, bundle: &str) -> Result<Vec<(String, Vec<u8>)>> {
        self.read(|c| {
            let sql = "SELECT role, tsr FROM bundle_stamp WHERE bundle = ?1 ORDER BY role";
            Ok(c.prepare_cached(sql)?
                .query_map([bundle], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<rusqlite::Result<_>>()?)
        })
    }

    fn has_blob(&self, device: &str, sha256: &str) -> Result<bool> {
        self.read(|c| {
            let sql = "SELECT 1 FROM blob WHERE device = ?1 AND sha256 = ?2";
            let found: Option<i64> = c
                .prepare_cached(sql)?
                .query_row(params![device, sha256], |row| row.get(0))
                .optional()?;
            Ok(found.is_some())
        })
    }

    fn add_blob(&self, device: &str, sha256: &str, size: u64, at_ms: i64) -> Result<()> {
        let size = to_db(size)?;
        self.write(|t| {
            t.execute(
                "INSERT INTO blob (device, sha256, size, received_ms) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (device, sha256) DO NOTHING",
                params![device, sha256, size, at_ms],
            )?;
            Ok(())
        })
    }

    fn add_upload(&self, upload: &Upload, at_ms: i64) -> Result<()> {
        self.insert_upload(upload, at_ms)
    }

    fn upload(&self, id: &str) -> Result<Option<Upload>> {
        self.select_upload(id)
    }

    fn advance_upload(&self, id: &str, old: u64, new: u64) -> Result<bool> {
        self.move_upload(id, old, new)
    }

    fn finish_upload(&self, upload: &Upload, sha256: &str, at_ms: i64) -> Result<()> {
        self.complete_upload(upload, sha256, at_ms)
    }

    fn remove_upload(&self, id: &str) -> Result<bool> {
        self.write(|t| Ok(t.execute("DELETE FROM upload WHERE id = ?1", [id])? == 1))
    }

    fn expired_uploads(&self, now_ms: i64) -> Result<Vec<String>> {
        self.read(|c| {
            Ok(c.prepare_cached("SELECT id FROM upload WHERE expires_ms <= ?1")?
                .query_map([now_ms], |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?)
        })
    }

    fn journal_head(&self, device: &str) -> Result<Option<(u64, Vec<u8>)>> {
        let found: Option<(i64, Vec<u8>)> = self.read(|c| {
            let sql = "SELECT seq, line FROM device_journal WHERE device = ?1
                ORDER BY seq DESC LIMIT 1";
            Ok(c.prepare_cached(sql)?
                .query_row([device], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?)
        })?;
        found.map(|(seq, line)| Ok((from_db(seq)?, line))).transpose()
    }

    fn append_journal(
        &self,
        device: &str,
        after: u64,
        lines: &[Vec<u8>],
        views: &[GuardedView],
    ) -> Result<bool> {
        let after = to_db(after)?;
        self.write(|t| {
            let last: i64 = t.query_row(
                "SELECT COALESCE(MAX(seq), 0) FROM device_journal WHERE device = ?1",
                [device],
                |row| row.get(0),
            )?;
            if last != after {
                return Ok(false);
            }
            let mut statement = t.prepare_cached(
                "INSERT INTO device_journal (device, seq, line) VALUES (?1, ?2, ?3)",
            )?;
            for (seq, line) in (after.saturating_add(1)..).zip(lines) {
                statement.execute(params![device, seq, line])?;
            }
            let mut statement = t.prepare_cached(
                "INSERT INTO guarded_view
                   (device, seq, officer, day, task, indicators, dimensions, reason)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?;
            for v in views {
                let seq = to_db(v.seq)?;
                statement.execute(params![
                    device,
                    seq,
                    v.officer,
                    v.day,
                    v.task,
                    v.indicators,
                    v.dimensions,
                    v.reason
                ])?;
            }
            Ok(true)
        })
    }

    fn journal_line(&self, device: &str, seq: u64) -> Result<Option<Vec<u8>>> {
        let seq = to_db(seq)?;
        self.read(|c| {
            let sql = "SELECT line FROM device_journal WHERE device = ?1 AND seq = ?2";
            Ok(c.prepare_cached(sql)?
                .query_row(params![device, seq], |row| row.get(0))
                .optional()?)
        })
    }
}
