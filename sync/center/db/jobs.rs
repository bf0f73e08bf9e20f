//! Jobs by lease.

use rusqlite::{Connection, OptionalExtension, params};

use super::{SqliteStore, from_db};
use crate::Result;
use crate::repository::{Job, Jobs};

pub(super) fn insert(c: &Connection, kind: &str, subject: &str, due_ms: i64) -> Result<()> {
    c.execute(
        "INSERT INTO job (kind, subject, due_ms) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
        params![kind, subject, due_ms],
    )?;
    Ok(())
}

impl Jobs for SqliteStore {
    fn add_job(&self, kind: &str, subject: &str, due_ms: i64) -> Result<()> {
        self.write(|t| insert(t, kind, subject, due_ms))
    }

    fn claim_job(&self, owner: &str, now_ms: i64, lease_ms: i64) -> Result<Option<Job>> {
        self.write(|t| {
            Ok(t.query_row(
                "UPDATE job SET lease_owner = ?1, lease_until_ms = ?2 + ?3
                 WHERE (kind, subject) = (
                     SELECT kind, subject FROM job WHERE due_ms <= ?2 AND lease_until_ms <= ?2
                     ORDER BY due_ms, kind DESC, subject LIMIT 1)
                 RETURNING kind, subject, attempts",
                params![owner, now_ms, lease_ms],
                |r| Ok(Job { kind: r.get(0)?, subject: r.get(1)?, attempts: r.get(2)? }),
            )
            .optional()?)
        })
    }

    fn renew_lease(&self, job: &Job, owner: &str, until_ms: i64) -> Result<()> {
        self.write(|t| {
            t.execute(
                "UPDATE job SET lease_until_ms = ?4
                 WHERE kind = ?1 AND subject = ?2 AND lease_owner = ?3",
                params![job.kind, job.subject, owner, until_ms],
            )?;
            Ok(())
        })
    }

    fn release_leases(&self) -> Result<()> {
        self.write(|t| {
            t.execute("UPDATE job SET lease_owner = NULL, lease_until_ms = 0", [])?;
            Ok(())
        })
    }

    fn finish_job(&self, job: &Job) -> Result<()> {
        self.write(|t| {
            t.execute(
                "DELETE FROM job WHERE kind = ?1 AND subject = ?2",
                params![job.kind, job.subject],
            )?;
            Ok(())
        })
    }

    fn retry_job(&self, job: &Job, due_ms: i64, cause: &str) -> Result<()> {
        self.write(|t| {
            t.execute(
                "UPDATE job SET due_ms = ?3, attempts = attempts + 1, last_error = ?4,
                     lease_owner = NULL, lease_until_ms = 0
                 WHERE kind = ?1 AND subject = ?2",
                params![job.kind, job.subject, due_ms, cause],
            )?;
            Ok(())
        })
    }

    fn job_count(&self) -> Result<u64> {
        let count =
            self.read(|c| Ok(c.query_row("SELECT count(*) FROM job", [], |row| row.get(0))?))?;
        from_db(count)
    }
}
