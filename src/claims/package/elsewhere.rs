//! `psn_other`: what the package's persons did at other facilities.
//!
//! Visits with their money, and drugs: enough to see a stay here overlap one there, and the same drug being
//! collected in several places, without bringing the whole city along.

use rusqlite::params;
use spotcheck_domain::{Amount, BeijingTime};

use super::copy::Builder;
use super::pick::{int, text};
use crate::cipher::ClaimsKey;
use crate::error::{Error, Result};
use crate::partition::{
    BASE, PartitionReader, PartitionRef, PartitionStore, REGION, TableStats, UNDATED,
};
use crate::schema::MONTHLY;

impl Builder<'_> {
    /// What the package's persons did at other facilities: visits with their money, and drugs.
    pub(super) fn elsewhere(
        &mut self,
        code: &str,
        store: &dyn PartitionStore,
        master: &ClaimsKey,
    ) -> Result<()> {
        let mut stats = TableStats::default();
        for column in ["medfee_sumamt", "fund_pay_sumamt", "det_item_fee_sumamt"] {
            stats.sums.insert(column.to_owned(), Amount::ZERO);
        }
        if self.persons.len() > 0 {
            let others = |p: &&PartitionRef| p.key.facility != code && p.key.facility != REGION;
            let all = store.list(None).map_err(Error::Port)?;
            for partition in all.iter().filter(others) {
                let reader = PartitionReader::open(store, partition, master)?;
                if partition.key.month == BASE {
                    self.visits_elsewhere(&reader, &mut stats)?;
                } else if self.month_meets(&partition.key.month) {
                    self.drugs_elsewhere(&reader, &mut stats)?;
                }
            }
        }
        self.tables.insert("psn_other".to_owned(), stats);
        Ok(())
    }

    fn month_meets(&self, month: &str) -> bool {
        let Some((from, to)) = self.span.0 else { return true };
        let name = |s: i64| {
            let time = BeijingTime::from_seconds(s).naive();
            time.map_or_else(String::new, |t| t.format("%Y-%m").to_string())
        };
        month != UNDATED && name(from).as_str() <= month && month <= name(to).as_str()
    }

    fn visits_elsewhere(&mut self, reader: &PartitionReader, stats: &mut TableStats) -> Result<()> {
        let sql = Error::sql;
        let tables = &reader.partition().tables;
        if !tables.contains_key("mdtrt_d") {
            return Ok(());
        }
        let name = if tables.contains_key("fixmedins_b") {
            "(SELECT fixmedins_name FROM fixmedins_b f WHERE f.fixmedins_code = m.fixmedins_code)"
        } else {
            "NULL"
        };
        // Partitions have no index on setl_d.mdtrt_id, so the sums are gathered first.
        let (sums, money, join) = if tables.contains_key("setl_d") {
            (
                "WITH s AS MATERIALIZED (SELECT mdtrt_id, SUM(medfee_sumamt) AS a,
                   SUM(fund_pay_sumamt) AS b FROM setl_d GROUP BY mdtrt_id)",
                "s.a, s.b",
                "LEFT JOIN s ON s.mdtrt_id = m.mdtrt_id",
            )
        } else {
            ("", "NULL, NULL", "")
        };
        let query = format!(
            "{sums} SELECT m.psn_no, m.fixmedins_code, {name}, m.mdtrt_id, m.med_type, m.begntime,
               m.begntime_p, m.endtime, m.endtime_p, m.adm_dept_name, m.dscg_maindiag_code,
               m.dscg_maindiag_name, {money}
             FROM mdtrt_d m {join}"
        );
        let mut select = reader.db().prepare(&query).map_err(sql("mdtrt_d"))?;
        let mut rows = select.query([]).map_err(sql("mdtrt_d"))?;
        let mut insert = self
            .db
            .prepare_cached(
                "INSERT INTO psn_other VALUES ('visit',?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,
                   ?14,NULL,NULL,NULL,NULL)",
            )
            .map_err(sql("psn_other"))?;
        while let Some(row) = rows.next().map_err(sql("mdtrt_d"))? {
            let begin = int(row, Some(5));
            if !self.persons.has(text(row, Some(0))) || !self.span.meets(begin, int(row, Some(7))) {
                continue;
            }
            let mut id = |n: usize| self.dict.id_of(text(row, Some(n)));
            insert
                .execute(params![
                    id(0)?,
                    id(1)?,
                    id(2)?,
                    id(3)?,
                    id(4)?,
                    begin,
                    text(row, Some(6)),
                    int(row, Some(7)),
                    text(row, Some(8)),
                    id(9)?,
                    id(10)?,
                    id(11)?,
                    int(row, Some(12)),
                    int(row, Some(13)),
                ])
                .map_err(sql("psn_other"))?;
            add(stats, "medfee_sumamt", int(row, Some(12)))?;
            add(stats, "fund_pay_sumamt", int(row, Some(13)))?;
        }
        Ok(())
    }

    fn drugs_elsewhere(&mut self, reader: &PartitionReader, stats: &mut TableStats) -> Result<()> {
        let sql = Error::sql;
        let mut select = reader
            .db()
            .prepare(
                "SELECT psn_no, fixmedins_code, mdtrt_id, med_type, fee_ocur_time, fee_ocur_time_p,
                   med_list_codg, hilist_name, cnt, det_item_fee_sumamt
                 FROM fee_list_d WHERE list_type IN ('101', '102', '103', '104')",
            )
            .map_err(sql(MONTHLY))?;
        let mut rows = select.query([]).map_err(sql(MONTHLY))?;
        let mut insert = self
            .db
            .prepare_cached(
                "INSERT INTO psn_other VALUES ('drug',?1,?2,NULL,?3,?4,?5,?6,NULL,NULL,NULL,NULL,NULL,
                   NULL,NULL,?7,?8,?9,?10)",
            )
            .map_err(sql("psn_other"))?;
        while let Some(row) = rows.next().map_err(sql(MONTHLY))? {
            if !self.persons.has(text(row, Some(0))) || !self.span.has(int(row, Some(4))) {
                continue;
            }
            let mut id = |n: usize| self.dict.id_of(text(row, Some(n)));
            insert
                .execute(params![
                    id(0)?,
                    id(1)?,
                    id(2)?,
                    id(3)?,
                    int(row, Some(4)),
                    text(row, Some(5)),
                    id(6)?,
                    id(7)?,
                    int(row, Some(8)),
                    int(row, Some(9)),
                ])
                .map_err(sql("psn_other"))?;
            add(stats, "det_item_fee_sumamt", int(row, Some(9)))?;
        }
        Ok(())
    }
}

fn add(stats: &mut TableStats, column: &str, amount: Option<i64>) -> Result<()> {
    let sum = stats.sums.entry(column.to_owned()).or_default();
    *sum = sum
        .checked_add(Amount::from_millionths(amount.unwrap_or(0)))
        .ok_or_else(|| Error::Internal(format!("sum of {column} overflows")))?;
    Ok(())
}
