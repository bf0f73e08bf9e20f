//! Runs of the rules and their findings.

use rusqlite::{Connection, Params, params};

use super::SqliteStore;
use crate::Result;
use crate::repository::{AuditRow, Audits, FindingEntry, Tally};

fn audits_by(c: &Connection, filter: &str, values: impl Params) -> Result<Vec<AuditRow>> {
    let sql = format!(
        "SELECT a.id, a.fixmedins_code, a.pack, a.rules_state, a.data_state, a.city_state, a.at_ms,
           a.outcome
         FROM audited d JOIN audit a ON a.id = d.audit {filter} ORDER BY a.fixmedins_code"
    );
    Ok(c.prepare_cached(&sql)?
        .query_map(values, |r| {
            Ok(AuditRow {
                id: r.get(0)?,
                fixmedins_code: r.get(1)?,
                pack: r.get(2)?,
                rules_state: r.get(3)?,
                data_state: r.get(4)?,
                city_state: r.get(5)?,
                at_ms: r.get(6)?,
                outcome: r.get(7)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?)
}

impl Audits for SqliteStore {
    fn audit_of(&self, facility: &str) -> Result<Option<AuditRow>> {
        self.read(|c| Ok(audits_by(c, "WHERE d.fixmedins_code = ?1", [facility])?.pop()))
    }

    fn put_audit(&self, row: &AuditRow, findings: &[FindingEntry]) -> Result<()> {
        self.write(|t| {
            t.execute(
                "INSERT INTO audit (id, fixmedins_code, pack, rules_state, data_state, city_state,
                   at_ms, outcome) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![
                    row.id,
                    row.fixmedins_code,
                    row.pack,
                    row.rules_state,
                    row.data_state,
                    row.city_state,
                    row.at_ms,
                    row.outcome
                ],
            )?;
            t.execute(
                "DELETE FROM finding WHERE audit IN
                   (SELECT audit FROM audited WHERE fixmedins_code = ?1)",
                [&row.fixmedins_code],
            )?;
            t.execute(
                "INSERT INTO audited (fixmedins_code, audit) VALUES (?1, ?2)
                 ON CONFLICT (fixmedins_code) DO UPDATE SET audit = excluded.audit",
                [&row.fixmedins_code, &row.id],
            )?;
            let mut insert = t.prepare_cached(
                "INSERT INTO finding (audit, nr, key, rule, grade, principal, weight, amount,
                   fund_amount, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )?;
            for (nr, f) in (0_i64..).zip(findings) {
                insert.execute(params![
                    row.id,
                    nr,
                    f.key,
                    f.rule,
                    f.grade,
                    f.principal,
                    f.weight,
                    f.amount,
                    f.fund_amount,
                    f.body
                ])?;
            }
            Ok(())
        })
    }

    fn keep_audit(&self, id: &str, city_state: &str) -> Result<()> {
        self.write(|t| {
            t.execute("UPDATE audit SET city_state = ?2 WHERE id = ?1", [id, city_state])?;
            Ok(())
        })
    }

    fn findings_of(&self, audit: &str) -> Result<Vec<FindingEntry>> {
        self.read(|c| {
            let sql = "SELECT key, rule, grade, principal, weight, amount, fund_amount, body
                FROM finding WHERE audit = ?1 ORDER BY nr";
            Ok(c.prepare_cached(sql)?
                .query_map([audit], |r| {
                    Ok(FindingEntry {
                        key: r.get(0)?,
                        rule: r.get(1)?,
                        grade: r.get(2)?,
                        principal: r.get(3)?,
                        weight: r.get(4)?,
                        amount: r.get(5)?,
                        fund_amount: r.get(6)?,
                        body: r.get(7)?,
                    })
                })?
                .collect::<rusqlite::Result<_>>()?)
        })
    }

    fn tallies(&self) -> Result<Vec<Tally>> {
        self.read(|c| {
            let sql = "SELECT d.fixmedins_code, f.grade, COUNT(f.nr), COALESCE(SUM(f.amount), 0),
                  COALESCE(SUM(f.fund_amount), 0), COALESCE(SUM(f.weight), 0)
                FROM audited d LEFT JOIN finding f ON f.audit = d.audit AND f.principal
                GROUP BY d.fixmedins_code, f.grade ORDER BY d.fixmedins_code, f.grade";
            Ok(c.prepare_cached(sql)?
                .query_map([], |r| {
                    Ok(Tally {
                        fixmedins_code: r.get(0)?,
                        grade: r.get(1)?,
                        findings: r.get::<_, i64>(2)?.unsigned_abs(),
                        amount: r.get(3)?,
                        fund_amount: r.get(4)?,
                        weight: r.get::<_, i64>(5)?.unsigned_abs(),
                    })
                })?
                .collect::<rusqlite::Result<_>>()?)
        })
    }

    fn audits(&self) -> Result<Vec<AuditRow>> {
        self.read(|c| audits_by(c, "", []))
    }
}
