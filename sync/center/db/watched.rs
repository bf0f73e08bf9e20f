//! Guarded breakdowns that were opened, and warnings of indicators.

use std::collections::BTreeMap;

use rusqlite::params;

use super::SqliteStore;
use crate::Result;
use crate::repository::{GuardedCount, RaisedRow, Watched};

impl Watched for SqliteStore {
    fn guarded_counts(&self, of: Option<(&str, &str)>) -> Result<Vec<GuardedCount>> {
        let (officer, day) = of.unzip();
        let rows: Vec<(String, String, String, String)> = self.read(|c| {
            let sql = "SELECT officer, day, task, reason FROM guarded_view
                WHERE (?1 IS NULL OR officer = ?1) AND (?2 IS NULL OR day = ?2)
                ORDER BY day, officer, device, seq";
            Ok(c.prepare_cached(sql)?
                .query_map([officer, day], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?)))?
                .collect::<rusqlite::Result<_>>()?)
        })?;
        let mut counts: BTreeMap<(String, String), GuardedCount> = BTreeMap::new();
        for (officer, day, task, reason) in rows {
            let key = (day.clone(), officer.clone());
            let (tasks, reasons) = (Vec::new(), Vec::new());
            let own = counts.entry(key).or_insert(GuardedCount {
                officer,
                day,
                views: 0,
                tasks,
                reasons,
            });
            own.views = own.views.saturating_add(1);
            for (list, word) in [(&mut own.tasks, task), (&mut own.reasons, reason)] {
                if !list.contains(&word) {
                    list.push(word);
                }
            }
        }
        let mut counts: Vec<GuardedCount> = counts.into_values().collect();
        counts.sort_by_key(|c| std::cmp::Reverse(c.views));
        Ok(counts)
    }

    fn put_raised(&self, facility: &str, indicators: &[String], rows: &[RaisedRow]) -> Result<()> {
        self.write(|t| {
            let mut gone = t.prepare_cached(
                "DELETE FROM raised_warning WHERE fixmedins_code = ?1 AND indicator = ?2",
            )?;
            for indicator in indicators {
                gone.execute([facility, indicator])?;
            }
            let mut insert = t.prepare_cached(
                "INSERT INTO raised_warning (fixmedins_code, warning, role, indicator, name, value,
                   threshold, origin, period_from, period_to, pack, at_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
                 ON CONFLICT (fixmedins_code, warning, role) DO UPDATE SET
                   indicator = excluded.indicator, name = excluded.name, value = excluded.value,
                   threshold = excluded.threshold, origin = excluded.origin,
                   period_from = excluded.period_from, period_to = excluded.period_to,
                   pack = excluded.pack, at_ms = excluded.at_ms",
            )?;
            for r in rows {
                insert.execute(params![
                    r.fixmedins_code,
                    r.warning,
                    r.role,
                    r.indicator,
                    r.name,
                    r.value,
                    r.threshold,
                    r.origin,
                    r.period.0,
                    r.period.1,
                    r.pack,
                    r.at_ms
                ])?;
            }
            Ok(())
        })
    }

    fn raised(&self) -> Result<Vec<RaisedRow>> {
        self.read(|c| {
            let sql = "SELECT fixmedins_code, warning, role, indicator, name, value, threshold,
                  origin, period_from, period_to, pack, at_ms
                FROM raised_warning ORDER BY role, fixmedins_code, warning";
            Ok(c.prepare_cached(sql)?
                .query_map([], |r| {
                    Ok(RaisedRow {
                        fixmedins_code: r.get(0)?,
                        warning: r.get(1)?,
                        role: r.get(2)?,
                        indicator: r.get(3)?,
                        name: r.get(4)?,
                        value: r.get(5)?,
                        threshold: r.get(6)?,
                        origin: r.get(7)?,
                        period: (r.get(8)?, r.get(9)?),
                        pack: r.get(10)?,
                        at_ms: r.get(11)?,
                    })
                })?
                .collect::<rusqlite::Result<_>>()?)
        })
    }
}
