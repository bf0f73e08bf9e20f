//! Facilities, tasks and packages.

use rusqlite::{Connection, OptionalExtension, Params, params};
use spotcheck_domain::task::Task;

use super::SqliteStore;
use crate::repository::{PackageRow, PartitionEntry, Tasks};
use crate::{Error, Result};

fn tasks_by(c: &Connection, sql: &str, values: impl Params) -> Result<Vec<Task>> {
    let bodies: Vec<Vec<u8>> = c
        .prepare_cached(sql)?
        .query_map(values, |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    bodies
        .iter()
        .map(|body| serde_json::from_slice(body).map_err(|_| Error::Stored("task")))
        .collect()
}

fn package_by(c: &Connection, sql: &str, values: impl Params) -> Result<Option<PackageRow>> {
    type Row = (String, String, i64, Vec<u8>, Vec<u8>);
    let found: Option<Row> = c
        .prepare_cached(sql)?
        .query_row(values, |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?)))
        .optional()?;
    let Some((id, task, created_ms, files, raw_key)) = found else { return Ok(None) };
    let devices = c
        .prepare_cached("SELECT device FROM package_device WHERE package = ?1 ORDER BY device")?
        .query_map([&id], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let files = serde_json::from_slice(&files).map_err(|_| Error::Stored("package"))?;
    Ok(Some(PackageRow { id, task, created_ms, files, raw_key, devices }))
}

impl Tasks for SqliteStore {
    fn put_facility(&self, code: &str, body: &[u8], at_ms: i64) -> Result<()> {
        self.write(|t| {
            t.execute(
                "INSERT INTO facility (fixmedins_code, body, changed_ms) VALUES (?1, ?2, ?3)
                 ON CONFLICT (fixmedins_code) DO UPDATE
                 SET body = excluded.body, changed_ms = excluded.changed_ms",
                params![code, body, at_ms],
            )?;
            Ok(())
        })
    }

    fn facilities(&self) -> Result<Vec<(String, Vec<u8>)>> {
        self.read(|c| {
            Ok(c.prepare_cached("SELECT fixmedins_code, body FROM facility ORDER BY 1")?
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<rusqlite::Result<_>>()?)
        })
    }

    fn facility(&self, code: &str) -> Result<Option<Vec<u8>>> {
        self.read(|c| {
            Ok(c.prepare_cached("SELECT body FROM facility WHERE fixmedins_code = ?1")?
                .query_row([code], |row| row.get(0))
                .optional()?)
        })
    }

    fn partitions(&self, facility: Option<&str>) -> Result<Vec<Vec<u8>>> {
        self.read(|c| {
            let sql = "SELECT body FROM partition WHERE ?1 IS NULL OR facility = ?1
                ORDER BY facility, month";
            Ok(c.prepare_cached(sql)?
                .query_map([facility], |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?)
        })
    }

    fn partition(&self, facility: &str, month: &str) -> Result<Option<Vec<u8>>> {
        self.read(|c| {
            let sql = "SELECT body FROM partition WHERE facility = ?1 AND month = ?2";
            Ok(c.prepare_cached(sql)?.query_row([facility, month], |row| row.get(0)).optional()?)
        })
    }

    fn switch_partitions(&self, now: &[PartitionEntry], gone: &[(String, String)]) -> Result<()> {
        self.write(|t| {
            for (facility, month) in gone {
                t.execute(
                    "DELETE FROM partition WHERE facility = ?1 AND month = ?2",
                    params![facility, month],
                )?;
            }
            for (facility, month, body) in now {
                t.execute(
                    "INSERT INTO partition (facility, month, body) VALUES (?1, ?2, ?3)
                     ON CONFLICT (facility, month) DO UPDATE SET body = excluded.body",
                    params![facility, month, body],
                )?;
            }
            Ok(())
        })
    }

    fn add_task(&self, task: &Task, at_ms: i64) -> Result<()> {
        let body = serde_json::to_vec(task).map_err(|_| Error::Stored("task"))?;
        self.write(|t| {
            t.execute(
                "INSERT INTO task (id, created_ms, body) VALUES (?1, ?2, ?3)",
                params![task.id.as_str(), at_ms, body],
            )?;
            for device in &task.devices {
                t.execute(
                    "INSERT INTO task_device (task, device) VALUES (?1, ?2)
                     ON CONFLICT DO NOTHING",
                    params![task.id.as_str(), device.as_str()],
                )?;
            }
            Ok(())
        })
    }

    fn task(&self, id: &str) -> Result<Option<Task>> {
        self.read(|c| Ok(tasks_by(c, "SELECT body FROM task WHERE id = ?1", [id])?.pop()))
    }

    fn tasks(&self) -> Result<Vec<Task>> {
        self.read(|c| tasks_by(c, "SELECT body FROM task ORDER BY id", []))
    }

    fn tasks_of_device(&self, device: &str) -> Result<Vec<Task>> {
        self.read(|c| {
            let sql = "SELECT t.body FROM task_device d JOIN task t ON t.id = d.task
                WHERE d.device = ?1 ORDER BY t.id";
            tasks_by(c, sql, [device])
        })
    }

    fn add_package(&self, p: &PackageRow) -> Result<()> {
        let files = serde_json::to_vec(&p.files).map_err(|_| Error::Stored("package"))?;
        self.write(|t| {
            t.execute(
                "INSERT INTO package (id, task, created_ms, files, raw_key)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
                params![p.id, p.task, p.created_ms, files, p.raw_key],
            )?;
            for device in &p.devices {
                t.execute(
                    "INSERT INTO package_device (package, device) VALUES (?1, ?2)",
                    params![p.id, device],
                )?;
            }
            Ok(())
        })
    }

    fn newest_package(&self, task: &str, device: Option<&str>) -> Result<Option<PackageRow>> {
        self.read(|c| {
            let sql = "SELECT p.id, p.task, p.created_ms, p.files, p.raw_key FROM package p
                WHERE p.task = ?1 AND (?2 IS NULL OR EXISTS (
                    SELECT 1 FROM package_device d WHERE d.package = p.id AND d.device = ?2))
                ORDER BY p.created_ms DESC, p.id DESC LIMIT 1";
            package_by(c, sql, params![task, device])
        })
    }

    fn package(&self, id: &str) -> Result<Option<PackageRow>> {
        self.read(|c| {
            let sql = "SELECT id, task, created_ms, files, raw_key FROM package WHERE id = ?1";
            package_by(c, sql, [id])
        })
    }
}
