//! Reading a data package on the handheld.
//!
//! `claims.db` is opened `mode=ro&immutable=1`: nothing is ever written to it, no lock, no journal. What the
//! inspector adds lies in the case store and refers to it by national keys. A page that fails its HMAC stops
//! the query and is reported with the table that was being read; nothing is guessed around it.

mod house;
mod item;
mod visit;

use std::cell::RefCell;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _, Row};
use spotcheck_domain::claims::{
    ClaimsReader, DepartmentView, DiagnosisRow, FacilityView, FeeFilter, FeeLine, FeeSummary,
    Instant, ItemHit, ItemVisit, PackedFinding, PackedRules, Page, PersonHit, PersonView,
    SettlementRow, StaffHit, VisitElsewhere, VisitEvent, VisitRow, VisitView, Ward,
};
use spotcheck_domain::columns::ColumnSource;
use spotcheck_domain::{Amount, BeijingTime, Precision, TroubleResult};

use crate::cipher::{self, Key};
use crate::columns::PackageColumns;
use crate::error::{Error, Result};
use crate::package::{CLAIMS_DB, CLAIMS_SCHEMA, PackageManifest};
use crate::search;

/// Page cache of an open package, KiB (budget P2: cold cache of 8 MiB).
const CACHE_KIB: u32 = 8 * 1024;

/// A failed query on an immutable file means a damaged page, whatever SQLite calls it.
pub(crate) fn page_error(table: &str, error: rusqlite::Error) -> Error {
    use rusqlite::ErrorCode as Code;
    let damaged = match &error {
        rusqlite::Error::SqliteFailure(e, _) => matches!(
            e.code,
            Code::DatabaseCorrupt | Code::NotADatabase | Code::SystemIoFailure | Code::Unknown
        ),
        _ => false,
    };
    if damaged {
        Error::PackagePage { table: table.to_owned(), cause: error.to_string() }
    } else {
        Error::sql(table)(error)
    }
}

/// Opens `claims.db`; a key that does not fit is told apart from a damaged file by the caller's hashes.
pub(crate) fn open_claims(folder: &Path, key: &Key) -> Result<Connection> {
    cipher::open_immutable(&folder.join(CLAIMS_DB), key, CACHE_KIB).map_err(|error| match error {
        Error::Sql { .. } => Error::PackageKey,
        other => other,
    })
}

/// Key and identity: the file must be the one that the manifest describes.
pub(crate) fn check_meta(db: &Connection, manifest: &PackageManifest) -> Result<()> {
    let meta = |name: &str| -> rusqlite::Result<String> {
        db.query_row("SELECT value FROM meta WHERE name = ?1", [name], |r| r.get(0))
    };
    let schema = meta("schema").map_err(|_| Error::PackageKey)?;
    if schema != CLAIMS_SCHEMA {
        return Err(Error::Schema { found: schema, wanted: CLAIMS_SCHEMA.to_owned() });
    }
    let package = meta("package").map_err(|e| page_error("meta", e))?;
    let facility = meta("fixmedins_code").map_err(|e| page_error("meta", e))?;
    if package != manifest.package.as_str() || facility != manifest.fixmedins_code {
        return Err(Error::Manifest("package.json belongs to another claims.db".to_owned()));
    }
    Ok(())
}

/// An open package.
#[derive(Debug)]
pub struct PackageReader {
    db: Connection,
    manifest: PackageManifest,
    /// Table and cause of the first page that failed. SQLCipher refuses everything after it, so the
    /// package stays closed until it has been checked again.
    failed: RefCell<Option<(String, String)>>,
}

impl PackageReader {
    /// Opens `claims.db` in `folder`. Signature, validity and file states are the caller's to check before
    /// (see [`crate::package::same_files`]); this costs a few page reads.
    ///
    /// # Errors
    /// Missing file, wrong key, another package, another schema.
    pub fn open(folder: &Path, manifest: &PackageManifest, key: &Key) -> Result<Self> {
        let path = folder.join(CLAIMS_DB);
        if !path.is_file() {
            return Err(Error::PackageFile { file: CLAIMS_DB.to_owned(), reason: "missing" });
        }
        let db = open_claims(folder, key)?;
        check_meta(&db, manifest)?;
        db.set_prepared_statement_cache_capacity(64);
        Ok(Self { db, manifest: manifest.clone(), failed: RefCell::default() })
    }

    /// The manifest.
    #[must_use]
    pub const fn manifest(&self) -> &PackageManifest {
        &self.manifest
    }

    /// The database, read-only, for engines that read whole columns: tables as in the contract with
    /// dictionary ids, `v_<table>` views with texts.
    #[must_use]
    pub const fn db(&self) -> &Connection {
        &self.db
    }

    /// Runs a query unless a page has failed before, and remembers the first one that does.
    pub(crate) fn guarded<T>(&self, query: impl FnOnce() -> Result<T>) -> TroubleResult<T> {
        if let Some((table, cause)) = self.failed.borrow().clone() {
            return Err(Error::PackagePage { table, cause }.into());
        }
        // A database error inside the search code carries its table already.
        let result = query().map_err(|error| match error {
            Error::Sql { what, source } => page_error(&what, source),
            other => other,
        });
        if let Err(Error::PackagePage { table, cause }) = &result {
            *self.failed.borrow_mut() = Some((table.clone(), cause.clone()));
        }
        Ok(result?)
    }

    fn list<T>(
        &self,
        table: &'static str,
        sql: &str,
        params: impl rusqlite::Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let page = |e| page_error(table, e);
        let mut statement = self.db.prepare_cached(sql).map_err(page)?;
        let rows = statement.query_map(params, read).map_err(page)?;
        rows.collect::<rusqlite::Result<_>>().map_err(page)
    }

    fn one<T>(
        &self,
        table: &'static str,
        sql: &str,
        params: impl rusqlite::Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>> {
        let page = |e| page_error(table, e);
        let mut statement = self.db.prepare_cached(sql).map_err(page)?;
        statement.query_row(params, read).optional().map_err(page)
    }

    fn dict_id(&self, text: &str) -> Result<Option<i64>> {
        self.one("dict", "SELECT id FROM dict WHERE text = ?1", [text], |r| r.get(0))
    }

    fn rows_of(&self, table: &str) -> u64 {
        self.manifest.tables.get(table).map_or(0, |t| t.rows)
    }

    fn visits_of(&self, psn: i64) -> Result<Vec<VisitRow>> {
        let visits = self.list(
            "mdtrt_d",
            "SELECT m.mdtrt_id, i.text, t.text, m.begntime, m.begntime_p, m.endtime, m.endtime_p,
               d.text, g.text
             FROM mdtrt_d m JOIN dict i ON i.id = m.mdtrt_id
             LEFT JOIN dict t ON t.id = m.med_type LEFT JOIN dict d ON d.id = m.adm_dept_name
             LEFT JOIN dict g ON g.id = m.dscg_maindiag_name
             WHERE m.psn_no = ?1 ORDER BY m.begntime DESC, i.text",
            [psn],
            |r| {
                let row = VisitRow {
                    mdtrt_id: r.get(1)?,
                    med_type: r.get(2)?,
                    begntime: instant(r, 3)?,
                    endtime: instant(r, 5)?,
                    dept_name: r.get(7)?,
                    dscg_maindiag_name: r.get(8)?,
                    fee_lines: 0,
                    medfee_sumamt: Amount::ZERO,
                    fund_pay_sumamt: Amount::ZERO,
                    repeated_days: 0,
                };
                Ok((r.get::<_, i64>(0)?, row))
            },
        )?;
        visits
            .into_iter()
            .map(|(id, mut row)| {
                let lines = "SELECT COUNT(*) FROM fee_list_d WHERE mdtrt_id = ?1";
                let lines: Option<i64> = self.one("fee_list_d", lines, [id], |r| r.get(0))?;
                row.fee_lines = lines.unwrap_or(0).unsigned_abs();
                row.repeated_days = self.repeated_days(id)?;
                let sums = self.one(
                    "setl_d",
                    "SELECT COALESCE(SUM(medfee_sumamt), 0), COALESCE(SUM(fund_pay_sumamt), 0)
                     FROM setl_d WHERE mdtrt_id = ?1",
                    [id],
                    |r| Ok((amount(r, 0)?, amount(r, 1)?)),
                )?;
                if let Some((fee, fund)) = sums {
                    row.medfee_sumamt = fee.unwrap_or_default();
                    row.fund_pay_sumamt = fund.unwrap_or_default();
                }
                Ok(row)
            })
            .collect()
    }

    fn read_facility(&self) -> Result<FacilityView> {
        let code = &self.manifest.fixmedins_code;
        let view = self.one(
            "fixmedins_b",
            "SELECT fixmedins_name, fixmedins_type, hosp_lv, uscc, aprv_bed_cnt, hi_crtf_bed_cnt, addr
             FROM v_fixmedins_b WHERE fixmedins_code = ?1",
            [code],
            |r| {
                Ok(FacilityView {
                    fixmedins_code: code.clone(),
                    fixmedins_name: r.get::<_, Option<String>>(0)?.unwrap_or_default(),
                    fixmedins_type: r.get(1)?,
                    hosp_lv: r.get(2)?,
                    uscc: r.get(3)?,
                    aprv_bed_cnt: r.get(4)?,
                    hi_crtf_bed_cnt: r.get(5)?,
                    addr: r.get(6)?,
                    persons: 0,
                    visits: 0,
                    settlements: 0,
                    fee_lines: 0,
                    cutoff: Vec::new(),
                })
            },
        )?;
        let mut view = view.unwrap_or_else(|| FacilityView {
            fixmedins_code: code.clone(),
            fixmedins_name: String::new(),
            fixmedins_type: None,
            hosp_lv: None,
            uscc: None,
            aprv_bed_cnt: None,
            hi_crtf_bed_cnt: None,
            addr: None,
            persons: 0,
            visits: 0,
            settlements: 0,
            fee_lines: 0,
            cutoff: Vec::new(),
        });
        view.persons = self.rows_of("person_search");
        view.visits = self.rows_of("mdtrt_d");
        view.settlements = self.rows_of("setl_d");
        view.fee_lines = self.rows_of("fee_list_d");
        view.cutoff = self.manifest.cutoffs();
        Ok(view)
    }

    fn read_person(&self, psn_no: &str) -> Result<Option<PersonView>> {
        let Some(id) = self.dict_id(psn_no)? else { return Ok(None) };
        let view = self.one(
            "psn",
            "SELECT p.psn_name, g.text, p.brdy, p.brdy_p, c.text, p.certno, p.tel, p.addr, i.text,
               t.text, a.text, e.text, p.die_date, p.die_date_p
             FROM psn p LEFT JOIN dict g ON g.id = p.gend LEFT JOIN dict c ON c.id = p.psn_cert_type
             LEFT JOIN dict i ON i.id = p.insutype LEFT JOIN dict t ON t.id = p.psn_type
             LEFT JOIN dict a ON a.id = p.insu_admdvs LEFT JOIN dict e ON e.id = p.emp_name
             WHERE p.psn_no = ?1 ORDER BY p.dup_no LIMIT 1",
            [id],
            |r| {
                Ok(PersonView {
                    psn_no: psn_no.to_owned(),
                    psn_name: r.get::<_, Option<String>>(0)?.unwrap_or_default(),
                    gend: r.get(1)?,
                    brdy: instant(r, 2)?,
                    psn_cert_type: r.get(4)?,
                    certno: r.get(5)?,
                    tel: r.get(6)?,
                    addr: r.get(7)?,
                    insutype: r.get(8)?,
                    psn_type: r.get(9)?,
                    insu_admdvs: r.get(10)?,
                    emp_name: r.get(11)?,
                    die_date: instant(r, 12)?,
                    chronic: Vec::new(),
                    visits: Vec::new(),
                })
            },
        )?;
        let visits = self.visits_of(id)?;
        let mut view = match view {
            Some(view) => view,
            None if visits.is_empty() => return Ok(None),
            // Visits of a person whose head data were not exported.
            None => PersonView {
                psn_no: psn_no.to_owned(),
                psn_name: String::new(),
                gend: None,
                brdy: None,
                psn_cert_type: None,
                certno: None,
                tel: None,
                addr: None,
                insutype: None,
                psn_type: None,
                insu_admdvs: None,
                emp_name: None,
                die_date: None,
                chronic: Vec::new(),
                visits: Vec::new(),
            },
        };
        view.visits = visits;
        view.chronic = self.read_chronic(id)?;
        Ok(Some(view))
    }

    fn read_visit(&self, mdtrt_id: &str) -> Result<Option<VisitView>> {
        let Some(id) = self.dict_id(mdtrt_id)? else { return Ok(None) };
        let view = self.one(
            "mdtrt_d",
            "SELECT psn_no, fixmedins_code, med_type, insutype, begntime, begntime_p, endtime,
               endtime_p, adm_dept_name, wardarea_bed, adm_bed, chfpdr_code, chfpdr_name,
               dscg_maindiag_code, dscg_maindiag_name, ipt_otp_no, medrcdno
             FROM v_mdtrt_d WHERE mdtrt_id = ?1 ORDER BY dup_no LIMIT 1",
            [mdtrt_id],
            |r| {
                Ok(VisitView {
                    mdtrt_id: mdtrt_id.to_owned(),
                    psn_no: r.get(0)?,
                    psn_name: String::new(),
                    fixmedins_code: r.get(1)?,
                    med_type: r.get(2)?,
                    insutype: r.get(3)?,
                    begntime: instant(r, 4)?,
                    endtime: instant(r, 6)?,
                    adm_dept_name: r.get(8)?,
                    wardarea_bed: r.get(9)?,
                    adm_bed: r.get(10)?,
                    chfpdr_code: r.get(11)?,
                    chfpdr_name: r.get(12)?,
                    dscg_maindiag_code: r.get(13)?,
                    dscg_maindiag_name: r.get(14)?,
                    ipt_otp_no: r.get(15)?,
                    medrcdno: r.get(16)?,
                    diagnoses: Vec::new(),
                    settlements: Vec::new(),
                    fee_lines: 0,
                    fee_sum: Amount::ZERO,
                    standing_sum: Amount::ZERO,
                })
            },
        )?;
        let Some(mut view) = view else { return Ok(None) };
        let name = "SELECT psn_name FROM v_psn WHERE psn_no = ?1 ORDER BY dup_no LIMIT 1";
        let name: Option<Option<String>> = self.one("psn", name, [&view.psn_no], |r| r.get(0))?;
        view.psn_name = name.flatten().unwrap_or_default();
        view.diagnoses = self.list(
            "diag",
            "SELECT o.text, f.text, d.diag_srt_no, c.text, n.text FROM diag d
             LEFT JOIN dict o ON o.id = d.inout_diag_type LEFT JOIN dict f ON f.id = d.maindiag_flag
             LEFT JOIN dict c ON c.id = d.diag_code LEFT JOIN dict n ON n.id = d.diag_name
             WHERE d.mdtrt_id = ?1 ORDER BY o.text, d.diag_srt_no, d.dup_no",
            [id],
            |r| {
                Ok(DiagnosisRow {
                    inout_diag_type: r.get(0)?,
                    maindiag_flag: r.get(1)?,
                    diag_srt_no: r.get(2)?,
                    diag_code: r.get(3)?,
                    diag_name: r.get(4)?,
                })
            },
        )?;
        view.settlements = self.list(
            "setl_d",
            "SELECT i.text, s.setl_time, s.setl_time_p, s.medfee_sumamt, s.fund_pay_sumamt, s.psn_pay,
               s.acct_pay, f.text, b.text
             FROM setl_d s JOIN dict i ON i.id = s.setl_id
             LEFT JOIN dict b ON b.id = s.init_setl_id
             LEFT JOIN dict f ON f.id = s.refd_setl_flag
             WHERE s.mdtrt_id = ?1 ORDER BY s.setl_time, i.text, s.dup_no",
            [id],
            |r| {
                Ok(SettlementRow {
                    setl_id: r.get(0)?,
                    setl_time: instant(r, 1)?,
                    medfee_sumamt: amount(r, 3)?,
                    fund_pay_sumamt: amount(r, 4)?,
                    psn_pay: amount(r, 5)?,
                    acct_pay: amount(r, 6)?,
                    refd_setl_flag: r.get(7)?,
                    init_setl_id: r.get(8)?,
                })
            },
        )?;
        let lines = self.one(
            "fee_list_d",
            "WITH back AS (SELECT s.setl_id, s.init_setl_id FROM setl_d s
               JOIN dict f ON f.id = s.refd_setl_flag WHERE s.mdtrt_id = ?1 AND f.text = '1')
             SELECT COUNT(*), COALESCE(SUM(det_item_fee_sumamt), 0),
               COALESCE(SUM(CASE WHEN setl_id IN (SELECT setl_id FROM back)
                 OR setl_id IN (SELECT init_setl_id FROM back)
                 THEN 0 ELSE det_item_fee_sumamt END), 0)
             FROM fee_list_d WHERE mdtrt_id = ?1",
            [id],
            |r| Ok((r.get::<_, i64>(0)?, amount(r, 1)?, amount(r, 2)?)),
        )?;
        if let Some((n, sum, standing)) = lines {
            view.fee_lines = n.unsigned_abs();
            view.fee_sum = sum.unwrap_or_default();
            view.standing_sum = standing.unwrap_or_default();
        }
        Ok(Some(view))
    }
}

fn instant(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<Instant>> {
    let seconds: Option<i64> = row.get(at)?;
    let letter: Option<String> = row.get(at.saturating_add(1))?;
    let p = letter.as_deref().and_then(Precision::from_letter).unwrap_or(Precision::Day);
    Ok(seconds.map(|s| Instant { at: BeijingTime::from_seconds(s), p }))
}

fn amount(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<Amount>> {
    Ok(row.get::<_, Option<i64>>(at)?.map(Amount::from_millionths))
}

impl ClaimsReader for PackageReader {
    fn columns(&self) -> Box<dyn ColumnSource + '_> {
        Box::new(PackageColumns::new(self))
    }

    fn facility(&self) -> TroubleResult<FacilityView> {
        self.guarded(|| self.read_facility())
    }

    fn search_persons(&self, query: &str, page: Page) -> TroubleResult<Vec<PersonHit>> {
        self.guarded(|| search::persons(&self.db, query, page))
    }

    fn search_items(&self, query: &str, page: Page) -> TroubleResult<Vec<ItemHit>> {
        self.guarded(|| search::items(&self.db, query, page))
    }

    fn search_staff(&self, query: &str, page: Page) -> TroubleResult<Vec<StaffHit>> {
        self.guarded(|| search::staff(&self.db, query, page))
    }

    fn departments(&self, page: Page) -> TroubleResult<Vec<DepartmentView>> {
        self.guarded(|| self.read_departments(page))
    }

    fn wards(&self) -> TroubleResult<Vec<Ward>> {
        self.guarded(|| self.read_wards())
    }

    fn in_ward(&self, ward: &str, page: Page) -> TroubleResult<Vec<PersonHit>> {
        self.guarded(|| self.read_in_ward(ward, page))
    }

    fn person(&self, psn_no: &str) -> TroubleResult<Option<PersonView>> {
        self.guarded(|| self.read_person(psn_no))
    }

    fn visit(&self, mdtrt_id: &str) -> TroubleResult<Option<VisitView>> {
        self.guarded(|| self.read_visit(mdtrt_id))
    }

    fn fee_lines(
        &self,
        mdtrt_id: &str,
        filter: &FeeFilter,
        page: Page,
    ) -> TroubleResult<Vec<FeeLine>> {
        self.guarded(|| self.read_fee_lines(mdtrt_id, filter, page, None))
    }

    fn fee_line(&self, mdtrt_id: &str, bkkp_sn: &str) -> TroubleResult<Option<FeeLine>> {
        let (any, one) = (FeeFilter::default(), Page::first(1));
        let found = self.guarded(|| self.read_fee_lines(mdtrt_id, &any, one, Some(bkkp_sn)))?;
        Ok(found.into_iter().next())
    }

    fn fee_summary(&self, mdtrt_id: &str, filter: &FeeFilter) -> TroubleResult<FeeSummary> {
        self.guarded(|| self.read_fee_summary(mdtrt_id, filter))
    }

    fn visit_events(&self, mdtrt_id: &str, page: Page) -> TroubleResult<Vec<VisitEvent>> {
        self.guarded(|| self.read_events(mdtrt_id, page))
    }

    fn line_events(
        &self,
        mdtrt_id: &str,
        bkkp_sn: &str,
        page: Page,
    ) -> TroubleResult<Vec<VisitEvent>> {
        self.guarded(|| self.read_line_events(mdtrt_id, bkkp_sn, page))
    }

    fn item_visits(&self, med_list_codg: &str, page: Page) -> TroubleResult<Vec<ItemVisit>> {
        self.guarded(|| self.read_item_visits(med_list_codg, page))
    }

    fn findings(&self) -> TroubleResult<Vec<PackedFinding>> {
        self.guarded(|| {
            self.list(
                "finding",
                "SELECT body, amount, fund_amount FROM finding ORDER BY id",
                [],
                |r| {
                    let (amount, fund_amount) = (amount(r, 1)?, amount(r, 2)?);
                    Ok(PackedFinding { body: r.get(0)?, amount, fund_amount })
                },
            )
        })
    }

    fn rule_packs(&self) -> TroubleResult<Vec<PackedRules>> {
        // Packages of earlier centres have no such table.
        if self.rows_of("rule_pack_file") == 0 {
            return Ok(Vec::new());
        }
        let files = self.guarded(|| {
            self.list(
                "rule_pack_file",
                "SELECT pack, name, bytes FROM rule_pack_file ORDER BY place, name",
                [],
                |r| Ok((r.get::<_, String>(0)?, r.get(1)?, r.get(2)?)),
            )
        })?;
        let mut packs: Vec<PackedRules> = Vec::new();
        for (name, file, bytes) in files {
            match packs.last_mut().filter(|p| p.name == name) {
                Some(pack) => pack.files.push((file, bytes)),
                None => packs.push(PackedRules { name, files: vec![(file, bytes)] }),
            }
        }
        Ok(packs)
    }

    fn elsewhere(&self, psn_no: &str) -> TroubleResult<Vec<VisitElsewhere>> {
        self.guarded(|| self.read_elsewhere(psn_no))
    }
}
