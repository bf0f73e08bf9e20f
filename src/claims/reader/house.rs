//! The house itself: its departments with beds, licensed subjects and staff.

use rusqlite::params;
use spotcheck_domain::claims::{DepartmentView, Page};

use super::{PackageReader, instant};
use crate::error::Result;

impl PackageReader {
    /// By code. Staff is counted by the department that each one is registered in.
    pub(super) fn read_departments(&self, page: Page) -> Result<Vec<DepartmentView>> {
        let offset = i64::try_from(page.offset).unwrap_or(i64::MAX);
        self.list(
            "dept",
            "SELECT d.hosp_dept_codg, d.hosp_dept_name, d.caty, d.aprv_bed_cnt, d.hi_crtf_bed_cnt,
               d.begntime, d.begntime_p, d.endtime, d.endtime_p,
               (SELECT COUNT(*) FROM v_staff s
                WHERE s.hosp_dept_codg = d.hosp_dept_codg AND s.dup_no = 0)
             FROM v_dept d WHERE d.dup_no = 0 ORDER BY d.hosp_dept_codg LIMIT ?1 OFFSET ?2",
            params![page.limit, offset],
            |r| {
                Ok(DepartmentView {
                    hosp_dept_codg: r.get::<_, Option<String>>(0)?.unwrap_or_default(),
                    hosp_dept_name: r.get(1)?,
                    caty: r.get(2)?,
                    aprv_bed_cnt: r.get(3)?,
                    hi_crtf_bed_cnt: r.get(4)?,
                    begntime: instant(r, 5)?,
                    endtime: instant(r, 7)?,
                    staff: r.get::<_, i64>(9)?.unsigned_abs(),
                })
            },
        )
    }
}
