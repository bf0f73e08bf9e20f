//! Claims at the centre: where partitions lie, how an export gets in, which facilities there are.
//!
//! The catalogue of partitions lies in the encrypted database, the files beside it; `claims` does the rest.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use spotcheck_claims::partition::{BASE, REGION};
use spotcheck_claims::{
    ClaimsKey, ImportReport, ImportRequest, ImportTools, MappingLimits, PartitionKey,
    PartitionReader, PartitionRef, PartitionStore, Progress, RejectsDb, import_dir,
};
use spotcheck_domain::task::TaskFacility;
use spotcheck_domain::{Trouble, TroubleResult, Ulid};
use zeroize::Zeroizing;

use crate::centre::Centre;
use crate::folder::sync_dir;
use crate::repository::PartitionEntry;
use crate::{Error, Result};

const MASTER: &str = "claims.master";

/// The key above all claims, kept in the encrypted database.
///
/// # Errors
/// Those of the database.
pub fn master_key(centre: &Centre) -> Result<ClaimsKey> {
    let stored = match centre.repo().setting(MASTER)? {
        Some(stored) => stored,
        None => {
            let mut fresh = Zeroizing::new(vec![0_u8; 32]);
            centre.entropy().fill(&mut fresh);
            centre.repo().setting_or_insert(MASTER, &fresh)?
        }
    };
    let stored = Zeroizing::new(stored);
    let bytes: [u8; 32] = stored.as_slice().try_into().map_err(|_| Error::Stored("claims key"))?;
    Ok(ClaimsKey::new(bytes))
}

/// The centre's partition store.
pub struct CentrePartitions<'a> {
    centre: &'a Centre,
}

impl<'a> CentrePartitions<'a> {
    /// The store of a centre.
    #[must_use]
    pub const fn new(centre: &'a Centre) -> Self {
        Self { centre }
    }

    fn path(&self, partition: &PartitionRef) -> Result<PathBuf> {
        if crate::objects::is_sha256(&partition.name) {
            Ok(self.centre.folder().partitions().join(&partition.name))
        } else {
            Err(Error::Stored("partition"))
        }
    }

    fn take(&self, partition: &PartitionRef, file: &Path) -> Result<()> {
        let what = "store a partition";
        let target = self.path(partition)?;
        if target.exists() {
            return std::fs::remove_file(file).map_err(Error::io(what));
        }
        std::fs::File::open(file).and_then(|f| f.sync_all()).map_err(Error::io(what))?;
        std::fs::rename(file, &target).map_err(Error::io(what))?;
        sync_dir(&self.centre.folder().partitions())
    }
}

fn entry(body: &[u8]) -> Result<PartitionRef> {
    serde_json::from_slice(body).map_err(|_| Error::Stored("partition"))
}

impl PartitionStore for CentrePartitions<'_> {
    fn current(&self, key: &PartitionKey) -> TroubleResult<Option<PartitionRef>> {
        let found = self.centre.repo().partition(&key.facility, &key.month);
        found.and_then(|body| body.as_deref().map(entry).transpose()).map_err(Trouble::from)
    }

    fn list(&self, facility: Option<&str>) -> TroubleResult<Vec<PartitionRef>> {
        let found = self.centre.repo().partitions(facility);
        found.and_then(|bodies| bodies.iter().map(|b| entry(b)).collect()).map_err(Trouble::from)
    }

    fn local(&self, partition: &PartitionRef) -> TroubleResult<PathBuf> {
        self.path(partition).map_err(Trouble::from)
    }

    fn put(&self, partition: &PartitionRef, file: &Path) -> TroubleResult<()> {
        self.take(partition, file).map_err(Trouble::from)
    }

    fn switch(&self, now: &[PartitionRef], gone: &[PartitionKey]) -> TroubleResult<()> {
        let now: Result<Vec<PartitionEntry>> = now
            .iter()
            .map(|p| {
                let body = serde_json::to_vec(p).map_err(|_| Error::Stored("partition"))?;
                Ok((p.key.facility.clone(), p.key.month.clone(), body))
            })
            .collect();
        let gone: Vec<_> = gone.iter().map(|k| (k.facility.clone(), k.month.clone())).collect();
        now.and_then(|now| self.centre.repo().switch_partitions(&now, &gone)).map_err(Trouble::from)
    }
}

/// A facility with what the centre holds of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FacilityEntry {
    /// Head data for tasks.
    #[serde(flatten)]
    pub facility: TaskFacility,
    /// Rows per entity.
    pub rows: BTreeMap<String, u64>,
    /// First and last month with fee lines, `yyyy-MM`.
    pub months: Option<(String, String)>,
}

fn read_facility(centre: &Centre, master: &ClaimsKey, code: &str) -> Result<FacilityEntry> {
    let store = CentrePartitions::new(centre);
    let partitions = store.list(Some(code))?;
    let mut rows: BTreeMap<String, u64> = BTreeMap::new();
    for (name, stats) in partitions.iter().flat_map(|p| &p.tables) {
        let sum = rows.entry(name.clone()).or_default();
        *sum = sum.saturating_add(stats.rows);
    }
    let mut months: Vec<&String> =
        partitions.iter().map(|p| &p.key.month).filter(|m| m.len() == 7).collect();
    months.sort();
    let mut facility = TaskFacility {
        fixmedins_code: code.to_owned(),
        fixmedins_name: code.to_owned(),
        uscc: None,
        addr: None,
    };
    if let Some(base) = partitions.iter().find(|p| p.key.month == BASE) {
        let reader = PartitionReader::open(&store, base, master).map_err(Trouble::from)?;
        let sql = "SELECT fixmedins_name, uscc, addr FROM fixmedins_b WHERE fixmedins_code = ?1";
        let found = reader.db().query_row(sql, [code], |row| {
            Ok((row.get::<_, Option<String>>(0)?, row.get(1)?, row.get(2)?))
        });
        if let Ok((name, uscc, addr)) = found {
            facility.fixmedins_name = name.unwrap_or_else(|| code.to_owned());
            facility.uscc = uscc;
            facility.addr = addr;
        }
    }
    let months = months.first().zip(months.last()).map(|(a, b)| ((*a).clone(), (*b).clone()));
    Ok(FacilityEntry { facility, rows, months })
}

fn refresh_facilities(centre: &Centre) -> Result<()> {
    let master = master_key(centre)?;
    let mut codes: Vec<String> =
        CentrePartitions::new(centre).list(None)?.into_iter().map(|p| p.key.facility).collect();
    codes.dedup();
    for code in codes.iter().filter(|code| *code != REGION) {
        let found = read_facility(centre, &master, code)?;
        let body = serde_json::to_vec(&found).map_err(|_| Error::Stored("facility"))?;
        centre.repo().put_facility(code, &body, centre.now_ms())?;
    }
    Ok(())
}

/// All facilities.
///
/// # Errors
/// Those of the database.
pub fn facilities(centre: &Centre) -> Result<Vec<FacilityEntry>> {
    centre
        .repo()
        .facilities()?
        .iter()
        .map(|(_, body)| serde_json::from_slice(body).map_err(|_| Error::Stored("facility")))
        .collect()
}

/// One facility.
///
/// # Errors
/// There is none of this code.
pub fn facility(centre: &Centre, code: &str) -> Result<FacilityEntry> {
    let body = centre
        .repo()
        .facility(code)?
        .ok_or(Error::NotFound { what: "facility", zh: "定点机构" })?;
    serde_json::from_slice(&body).map_err(|_| Error::Stored("facility"))
}

/// How to import.
#[derive(Debug, Clone, Copy)]
pub struct ImportOptions<'a> {
    /// Directory or ZIP.
    pub from: &'a Path,
    /// Mapping file.
    pub mapping: Option<&'a Path>,
    /// Facility of rows that name none.
    pub facility: Option<&'a str>,
    /// Write nothing but the report.
    pub check: bool,
}

/// Imports an export; report and rejects lie under `DATA/imports/<ulid>/`, encrypted.
///
/// # Errors
/// A mandatory table is missing, a file or the mapping cannot be read. Rejected rows are no error.
pub fn import(
    centre: &Centre,
    options: &ImportOptions<'_>,
    progress: &mut dyn FnMut(&Progress),
) -> Result<ImportReport> {
    let what = "create the import folder";
    let id = centre.new_id();
    let folder = centre.folder().imports().join(&id);
    let rejects_folder = folder.join("rejects");
    std::fs::create_dir_all(&rejects_folder).map_err(Error::io(what))?;
    let master = master_key(centre)?;
    let key = master.derive("rejects", &id).map_err(Trouble::from)?;
    let mut rejects =
        RejectsDb::create(&rejects_folder.join("rejects.db"), &key).map_err(Trouble::from)?;
    let store = CentrePartitions::new(centre);
    let request = ImportRequest {
        from: options.from,
        mapping: options.mapping,
        facility: options.facility,
        check: options.check,
        work: &centre.folder().work(),
        limits: MappingLimits::default(),
    };
    let mut hear = |p: &Progress| progress(p);
    let mut tools = ImportTools {
        store: &store,
        master: &master,
        rejects: &mut rejects,
        clock: centre.clock().as_ref(),
        entropy: centre.entropy().as_ref(),
        progress: Some(&mut hear),
    };
    let mut report = import_dir(&request, &mut tools).map_err(Trouble::from)?;
    rejects.finish().map_err(Trouble::from)?;
    report.rejects = Some(rejects_folder.display().to_string());
    if !options.check {
        refresh_facilities(centre)?;
        centre.record_act("claims-imported", &id)?;
    }
    Ok(report)
}

/// The rejected rows of an import, the newest if none is named, with its number.
///
/// # Errors
/// There is no such import, or its rejects were removed after their time.
pub fn rejects(centre: &Centre, import: Option<&str>) -> Result<(String, RejectsDb)> {
    let missing = || Error::NotFound { what: "import", zh: "导入批次" };
    let id = match import {
        Some(id) => Ulid::from_string(id).map_err(|_| missing())?.to_string(),
        None => {
            let what = "list the imports";
            let items = std::fs::read_dir(centre.folder().imports()).map_err(Error::io(what))?;
            let names = items.filter_map(|i| i.ok()?.file_name().into_string().ok());
            // Numbers of imports sort by time.
            names.filter(|n| Ulid::from_string(n).is_ok()).max().ok_or_else(missing)?
        }
    };
    let path = centre.folder().imports().join(&id).join("rejects").join("rejects.db");
    if !path.is_file() {
        return Err(missing());
    }
    let key = master_key(centre)?.derive("rejects", &id).map_err(Trouble::from)?;
    Ok((id, RejectsDb::open(&path, &key).map_err(Trouble::from)?))
}

/// Days after which rejects and reports are removed (sync.md).
const KEEP_REPORTS_DAYS: i64 = 30;

/// Removes rejects and reports of old imports; the folder's name is a ULID and tells their age.
///
/// # Errors
/// Those of the system.
pub fn expire_reports(centre: &Centre) -> Result<()> {
    let what = "expire import reports";
    let keep_ms = KEEP_REPORTS_DAYS.saturating_mul(crate::ca::DAY_MS);
    for item in std::fs::read_dir(centre.folder().imports()).map_err(Error::io(what))? {
        let item = item.map_err(Error::io(what))?;
        let name = item.file_name();
        let Ok(id) = Ulid::from_string(&name.to_string_lossy()) else { continue };
        let made_ms = i64::try_from(id.timestamp_ms()).unwrap_or(i64::MAX);
        if centre.now_ms().saturating_sub(made_ms) > keep_ms {
            std::fs::remove_dir_all(item.path()).map_err(Error::io(what))?;
        }
    }
    Ok(())
}
