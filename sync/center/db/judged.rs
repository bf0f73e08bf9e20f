//! What officers made of findings, as received bundles say it.

use rusqlite::{Connection, Params, Row, params};

use super::{SqliteStore, from_db, to_db};
use crate::Result;
use crate::repository::{Judged, JudgedBundle, Judgements, Shown, Silenced};

/// Read bundles that count: received, and no received bundle takes their place.
const COUNTS: &str = "JOIN bundle b ON b.id = g.bundle AND b.state = 'received'
     AND NOT EXISTS (SELECT 1 FROM superseded s JOIN bundle n ON n.id = s.by
        WHERE s.bundle = g.bundle AND n.state = 'received')";

fn judged_row(r: &Row<'_>) -> rusqlite::Result<Judged> {
    Ok(Judged {
        bundle: r.get(0)?,
        task: r.get(1)?,
        fixmedins_code: r.get(2)?,
        nr: r.get(3)?,
        key: r.get(4)?,
        rule: r.get(5)?,
        pack: r.get(6)?,
        state: r.get(7)?,
        reason: r.get(8)?,
        officer: r.get(9)?,
        at: r.get(10)?,
        subject: r.get(11)?,
        text: r.get(12)?,
        amount: r.get(13)?,
        fund_amount: r.get(14)?,
        loss_method: r.get(15)?,
    })
}

fn shown_by(c: &Connection, sql: &str, values: impl Params) -> Result<Vec<Shown>> {
    let rows: Vec<(String, String, i64)> = c
        .prepare_cached(sql)?
        .query_map(values, |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?
        .collect::<rusqlite::Result<_>>()?;
    rows.into_iter()
        .map(|(rule, pack, shown)| Ok(Shown { rule, pack, shown: from_db(shown)? }))
        .collect()
}

impl Judgements for SqliteStore {
    fn put_judged(&self, read: &JudgedBundle, at_ms: i64) -> Result<()> {
        self.write(|t| {
            for sql in [
                "DELETE FROM judged WHERE bundle = ?1",
                "DELETE FROM silenced WHERE bundle = ?1",
                "DELETE FROM superseded WHERE by = ?1",
            ] {
                t.execute(sql, [&read.bundle])?;
            }
            t.execute(
                "INSERT INTO judged_bundle (bundle, task, package, fixmedins_code, read_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (bundle) DO UPDATE SET task = excluded.task,
                   package = excluded.package, fixmedins_code = excluded.fixmedins_code,
                   read_ms = excluded.read_ms",
                params![read.bundle, read.task, read.package, read.fixmedins_code, at_ms],
            )?;
            let mut earlier = t.prepare_cached(
                "INSERT INTO superseded (bundle, by) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            )?;
            for bundle in &read.supersedes {
                earlier.execute(params![bundle, read.bundle])?;
            }
            let mut insert = t.prepare_cached(
                "INSERT INTO judged (bundle, nr, key, rule, pack, state, reason, officer, at,
                   subject, text, amount, fund_amount, loss_method)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
            )?;
            for j in &read.judged {
                insert.execute(params![
                    read.bundle,
                    j.nr,
                    j.key,
                    j.rule,
                    j.pack,
                    j.state,
                    j.reason,
                    j.officer,
                    j.at,
                    j.subject,
                    j.text,
                    j.amount,
                    j.fund_amount,
                    j.loss_method
                ])?;
            }
            let mut insert = t.prepare_cached(
                "INSERT INTO silenced (bundle, rule, pack, reason, officer, at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?;
            for s in &read.silenced {
                insert.execute(params![read.bundle, s.rule, s.pack, s.reason, s.officer, s.at])?;
            }
            Ok(())
        })
    }

    fn unread_bundles(&self) -> Result<Vec<String>> {
        self.read(|c| {
            let sql = "SELECT id FROM bundle WHERE state = 'received'
                AND id NOT IN (SELECT bundle FROM judged_bundle) ORDER BY id";
            Ok(c.prepare_cached(sql)?
                .query_map([], |r| r.get(0))?
                .collect::<rusqlite::Result<_>>()?)
        })
    }

    fn judged(&self, key: Option<&str>) -> Result<Vec<Judged>> {
        self.read(|c| {
            let sql = format!(
                "SELECT g.bundle, g.task, g.fixmedins_code, j.nr, j.key, j.rule, j.pack, j.state,
                   j.reason, j.officer, j.at, j.subject, j.text, j.amount, j.fund_amount,
                   j.loss_method
                 FROM judged_bundle g {COUNTS} JOIN judged j ON j.bundle = g.bundle
                 WHERE ?1 IS NULL OR j.key = ?1
                 ORDER BY julianday(j.at), g.bundle, length(j.nr), j.nr"
            );
            Ok(c.prepare_cached(&sql)?
                .query_map([key], judged_row)?
                .collect::<rusqlite::Result<_>>()?)
        })
    }

    fn silenced(&self) -> Result<Vec<Silenced>> {
        self.read(|c| {
            let sql = format!(
                "SELECT g.bundle, g.task, s.rule, s.pack, s.reason, s.officer, s.at
                 FROM judged_bundle g {COUNTS} JOIN silenced s ON s.bundle = g.bundle
                 ORDER BY julianday(s.at), g.bundle, s.rule"
            );
            Ok(c.prepare_cached(&sql)?
                .query_map([], |r| {
                    Ok(Silenced {
                        bundle: r.get(0)?,
                        task: r.get(1)?,
                        rule: r.get(2)?,
                        pack: r.get(3)?,
                        reason: r.get(4)?,
                        officer: r.get(5)?,
                        at: r.get(6)?,
                    })
                })?
                .collect::<rusqlite::Result<_>>()?)
        })
    }

    fn put_shown(&self, package: &str, shown: &[Shown]) -> Result<()> {
        self.write(|t| {
            let mut insert = t.prepare_cached(
                "INSERT INTO package_rule (package, rule, pack, shown) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO NOTHING",
            )?;
            for s in shown {
                insert.execute(params![package, s.rule, s.pack, to_db(s.shown)?])?;
            }
            Ok(())
        })
    }

    fn shown_in(&self, package: &str) -> Result<Vec<Shown>> {
        self.read(|c| {
            let sql = "SELECT rule, pack, shown FROM package_rule WHERE package = ?1
                ORDER BY rule, pack";
            shown_by(c, sql, [package])
        })
    }

    fn shown(&self) -> Result<Vec<Shown>> {
        self.read(|c| {
            let sql = format!(
                "SELECT p.rule, p.pack, SUM(p.shown) FROM package_rule p
                 WHERE p.package IN (SELECT g.package FROM judged_bundle g {COUNTS})
                 GROUP BY p.rule, p.pack ORDER BY p.rule, p.pack"
            );
            shown_by(c, &sql, [])
        })
    }
}
