//! One item over the whole house, and what a person is registered for.

use rusqlite::params;
use spotcheck_domain::claims::{ChronicRow, ItemVisit, Page};

use super::{PackageReader, amount, instant};
use crate::error::Result;

impl PackageReader {
    /// By way of the index on the item; the visits are looked up for one page alone.
    pub(super) fn read_item_visits(&self, item: &str, page: Page) -> Result<Vec<ItemVisit>> {
        let Some(item) = self.dict_id(item)? else { return Ok(Vec::new()) };
        let offset = i64::try_from(page.offset).unwrap_or(i64::MAX);
        self.list(
            "fee_list_d",
            "SELECT i.text, q.text, p.psn_name, t.text, m.begntime, m.begntime_p, m.endtime,
               m.endtime_p, n, a
             FROM (SELECT mdtrt_id AS v, COUNT(*) AS n, COALESCE(SUM(det_item_fee_sumamt), 0) AS a
                   FROM fee_list_d WHERE med_list_codg = ?1 GROUP BY mdtrt_id
                   ORDER BY a DESC, v LIMIT ?2 OFFSET ?3)
             JOIN mdtrt_d m ON m.mdtrt_id = v AND m.dup_no = 0
             JOIN dict i ON i.id = v LEFT JOIN dict q ON q.id = m.psn_no
             LEFT JOIN psn p ON p.psn_no = m.psn_no AND p.dup_no = 0
             LEFT JOIN dict t ON t.id = m.med_type
             ORDER BY a DESC, v",
            params![item, page.limit, offset],
            |r| {
                Ok(ItemVisit {
                    mdtrt_id: r.get(0)?,
                    psn_no: r.get::<_, Option<String>>(1)?.unwrap_or_default(),
                    psn_name: r.get::<_, Option<String>>(2)?.unwrap_or_default(),
                    med_type: r.get(3)?,
                    begntime: instant(r, 4)?,
                    endtime: instant(r, 6)?,
                    fee_lines: r.get::<_, i64>(8)?.unsigned_abs(),
                    amount: amount(r, 9)?.unwrap_or_default(),
                })
            },
        )
    }

    pub(super) fn read_chronic(&self, person: i64) -> Result<Vec<ChronicRow>> {
        if self.rows_of("opsp_reg") == 0 {
            return Ok(Vec::new());
        }
        self.list(
            "opsp_reg",
            "SELECT c.text, n.text, r.begndate, r.begndate_p, r.enddate, r.enddate_p FROM opsp_reg r
             JOIN dict c ON c.id = r.dise_codg LEFT JOIN dict n ON n.id = r.dise_name
             WHERE r.psn_no = ?1 ORDER BY r.begndate, c.text, r.dup_no",
            params![person],
            |r| {
                Ok(ChronicRow {
                    dise_codg: r.get(0)?,
                    dise_name: r.get(1)?,
                    begndate: instant(r, 2)?,
                    enddate: instant(r, 4)?,
                })
            },
        )
    }
}
