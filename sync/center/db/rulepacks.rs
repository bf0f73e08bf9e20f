//! Rule packs in force.

use rusqlite::params;

use super::SqliteStore;
use crate::Result;
use crate::repository::{RulePackRow, RulePacks};

impl RulePacks for SqliteStore {
    fn rule_packs(&self) -> Result<Vec<RulePackRow>> {
        self.read(|c| {
            let sql = "SELECT name, version, sha256, signer, added_ms, files, signature
                FROM rule_pack ORDER BY place, name";
            Ok(c.prepare_cached(sql)?
                .query_map([], |r| {
                    Ok(RulePackRow {
                        name: r.get(0)?,
                        version: r.get(1)?,
                        sha256: r.get(2)?,
                        signer: r.get(3)?,
                        added_ms: r.get(4)?,
                        files: r.get(5)?,
                        signature: r.get(6)?,
                    })
                })?
                .collect::<rusqlite::Result<_>>()?)
        })
    }

    fn put_rule_pack(&self, row: &RulePackRow) -> Result<()> {
        self.write(|t| {
            t.execute(
                "INSERT INTO rule_pack
                   (name, version, place, sha256, signer, added_ms, files, signature)
                 VALUES (?1, ?2, (SELECT COALESCE(MAX(place), 0) + 1 FROM rule_pack), ?3, ?4, ?5,
                   ?6, ?7)
                 ON CONFLICT (name) DO UPDATE SET version = excluded.version,
                   sha256 = excluded.sha256, signer = excluded.signer,
                   added_ms = excluded.added_ms, files = excluded.files,
                   signature = excluded.signature",
                params![
                    row.name,
                    row.version,
                    row.sha256,
                    row.signer,
                    row.added_ms,
                    row.files,
                    row.signature
                ],
            )?;
            Ok(())
        })
    }

    fn remove_rule_pack(&self, name: &str) -> Result<bool> {
        self.write(|t| Ok(t.execute("DELETE FROM rule_pack WHERE name = ?1", [name])? > 0))
    }
}
