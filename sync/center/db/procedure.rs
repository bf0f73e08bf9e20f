//! What became of findings after the site.

use rusqlite::params;

use super::{SqliteStore, from_db, to_db};
use crate::Result;
use crate::repository::{FindingStateRow, Procedure, RectificationRow};

impl Procedure for SqliteStore {
    fn append_finding_state(&self, row: &FindingStateRow) -> Result<bool> {
        let seq = to_db(row.seq)?;
        self.write(|t| {
            let sql = "SELECT COALESCE(MAX(seq), 0) FROM finding_state WHERE key = ?1";
            let last: i64 = t.query_row(sql, [&row.key], |r| r.get(0))?;
            if last.checked_add(1) != Some(seq) {
                return Ok(false);
            }
            t.execute(
                "INSERT INTO finding_state (key, seq, bundle, state, answer, at_ms, by, reason, due)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                params![
                    row.key, seq, row.bundle, row.state, row.answer, row.at_ms, row.by, row.reason,
                    row.due
                ],
            )?;
            Ok(true)
        })
    }

    fn finding_states(&self, key: Option<&str>) -> Result<Vec<FindingStateRow>> {
        let rows: Vec<(i64, FindingStateRow)> = self.read(|c| {
            let sql = "SELECT key, seq, bundle, state, answer, at_ms, by, reason, due
                FROM finding_state WHERE ?1 IS NULL OR key = ?1 ORDER BY key, seq";
            Ok(c.prepare_cached(sql)?
                .query_map([key], |r| {
                    let row = FindingStateRow {
                        key: r.get(0)?,
                        seq: 0,
                        bundle: r.get(2)?,
                        state: r.get(3)?,
                        answer: r.get(4)?,
                        at_ms: r.get(5)?,
                        by: r.get(6)?,
                        reason: r.get(7)?,
                        due: r.get(8)?,
                    };
                    Ok((r.get(1)?, row))
                })?
                .collect::<rusqlite::Result<_>>()?)
        })?;
        let numbered = |(seq, row)| Ok(FindingStateRow { seq: from_db(seq)?, ..row });
        rows.into_iter().map(numbered).collect()
    }

    fn append_rectification(&self, row: &RectificationRow) -> Result<bool> {
        let (nr, seq) = (to_db(row.nr)?, to_db(row.seq)?);
        self.write(|t| {
            let sql =
                "SELECT COALESCE(MAX(seq), 0), (SELECT COALESCE(MAX(nr), 0) FROM rectification
                  WHERE key = ?1) FROM rectification WHERE key = ?1 AND nr = ?2";
            let (last, items): (i64, i64) =
                t.query_row(sql, params![row.key, nr], |r| Ok((r.get(0)?, r.get(1)?)))?;
            let opens = seq == 1 && items.checked_add(1) == Some(nr);
            if !opens && (last == 0 || last.checked_add(1) != Some(seq)) {
                return Ok(false);
            }
            t.execute(
                "INSERT INTO rectification (key, nr, seq, state, at_ms, by, text, due)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![row.key, nr, seq, row.state, row.at_ms, row.by, row.text, row.due],
            )?;
            Ok(true)
        })
    }

    fn rectifications(&self, key: Option<&str>) -> Result<Vec<RectificationRow>> {
        let rows: Vec<(i64, i64, RectificationRow)> = self.read(|c| {
            let sql = "SELECT key, nr, seq, state, at_ms, by, text, due FROM rectification
                WHERE ?1 IS NULL OR key = ?1 ORDER BY key, nr, seq";
            Ok(c.prepare_cached(sql)?
                .query_map([key], |r| {
                    let row = RectificationRow {
                        key: r.get(0)?,
                        nr: 0,
                        seq: 0,
                        state: r.get(3)?,
                        at_ms: r.get(4)?,
                        by: r.get(5)?,
                        text: r.get(6)?,
                        due: r.get(7)?,
                    };
                    Ok((r.get(1)?, r.get(2)?, row))
                })?
                .collect::<rusqlite::Result<_>>()?)
        })?;
        rows.into_iter()
            .map(|(nr, seq, row)| {
                Ok(RectificationRow { nr: from_db(nr)?, seq: from_db(seq)?, ..row })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::scratch;
    use super::*;

    fn row(key: &str, seq: u64, state: &str) -> FindingStateRow {
        FindingStateRow {
            key: key.to_owned(),
            seq,
            bundle: "EVID-1".to_owned(),
            state: state.to_owned(),
            answer: None,
            at_ms: 1,
            by: "O-1".to_owned(),
            reason: None,
            due: None,
        }
    }

    /// What was done about a finding can be added to and not changed, not even by SQL; of two who take the same
    /// step at once one is told.
    #[test]
    fn steps_are_only_appended() {
        let (_dir, store) = scratch();
        store
            .write(|t| {
                t.execute_batch(
                    "INSERT INTO bundle (id, device, task, tagmanifest_sha256, state,
                announcement, announced_ms, errors) VALUES ('EVID-1', 'D-1', 'T-1', '', 'received',
                x'00', 1, x'00')",
                )?;
                Ok(())
            })
            .unwrap();
        assert!(store.append_finding_state(&row("k", 1, "put_to_party")).unwrap());
        assert!(!store.append_finding_state(&row("k", 1, "excluded")).unwrap());
        assert!(!store.append_finding_state(&row("k", 3, "answered")).unwrap());
        assert!(store.append_finding_state(&row("k", 2, "answered")).unwrap());
        let item = |nr, seq, state: &str| RectificationRow {
            key: "k".to_owned(),
            nr,
            seq,
            state: state.to_owned(),
            at_ms: 1,
            by: "O-1".to_owned(),
            text: "退回".to_owned(),
            due: None,
        };
        assert!(!store.append_rectification(&item(1, 2, "done")).unwrap());
        assert!(!store.append_rectification(&item(2, 1, "asked")).unwrap());
        assert!(store.append_rectification(&item(1, 1, "asked")).unwrap());
        assert!(!store.append_rectification(&item(1, 1, "asked")).unwrap());
        assert!(store.append_rectification(&item(1, 2, "done")).unwrap());
        for sql in [
            "UPDATE finding_state SET state = 'final'",
            "DELETE FROM finding_state",
            "UPDATE rectification SET state = 'done'",
            "DELETE FROM rectification",
        ] {
            assert!(store.write(|t| Ok(t.execute(sql, [])?)).is_err(), "{sql}");
        }
        let states: Vec<String> =
            store.finding_states(Some("k")).unwrap().into_iter().map(|s| s.state).collect();
        assert_eq!(states, ["put_to_party", "answered"]);
        assert_eq!(store.rectifications(None).unwrap().len(), 2);
    }
}
