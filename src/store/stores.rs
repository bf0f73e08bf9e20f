//! Where the stores lie: `DATA/device.db` and `DATA/cases/<case>/case.db`.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use spotcheck_app::ports::{CaseStore, Key256, Stores};
use spotcheck_domain::{CaseId, TroubleResult};

use crate::StoreError;
use crate::db::Db;
use crate::salvage::salvage;

/// Stores as files below the data folder.
#[derive(Debug)]
pub struct FileStores {
    data: PathBuf,
}

impl FileStores {
    /// Stores below `data`.
    #[must_use]
    pub fn new(data: &Path) -> Self {
        Self { data: data.to_owned() }
    }

    fn open(&self, folder: &Path, name: &str, key: &Key256, begun: bool) -> Result<Db, StoreError> {
        // Of the device's own journal the centre has most: a hole in it is never papered over.
        if name == CASE && fs::metadata(folder.join(CASE)).is_ok_and(|found| found.len() > 0) {
            salvage(&folder.join(CASE), key)?;
        }
        let path = folder.join(name);
        let length = match fs::metadata(&path) {
            Ok(found) => Some(found.len()),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
            Err(e) => return Err(e.into()),
        };
        if length.unwrap_or(0) == 0 && (begun || was_there(folder, name, length.is_some())?) {
            let still_in_the_log = length.is_some() && log_of(folder, name) > 0;
            if !still_in_the_log {
                let gone =
                    if name == CASE { StoreError::Missing } else { StoreError::DeviceMissing };
                return Err(gone);
            }
        }
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        if length.is_none() {
            // Name first, durable, then content: a log must never survive a power cut without its database.
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?.sync_all()?;
            sync_up(folder, &self.data)?;
        }
        Db::open(&path, key)
    }
}

/// Syncs the folders from `folder` up to `data`.
fn sync_up(folder: &Path, data: &Path) -> Result<(), StoreError> {
    for above in folder.ancestors() {
        File::open(above)?.sync_all()?;
        if above == data {
            break;
        }
    }
    Ok(())
}

/// A folder that holds evidence, or a write-ahead log without its database, has had a store before; so has a device
/// with cases, whose first line in the device's journal comes before the first case is made. An empty database beside
/// a log is one whose first changes are still in the log.
fn was_there(folder: &Path, name: &str, empty_file: bool) -> Result<bool, StoreError> {
    let occupied = |sub: &str| -> Result<bool, StoreError> {
        match fs::read_dir(folder.join(sub)) {
            Ok(mut entries) => Ok(entries.next().is_some()),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(e.into()),
        }
    };
    let log = log_of(folder, name);
    if empty_file && log > 0 {
        return Ok(false);
    }
    if log > 0 || (name == CASE && occupied("blobs")?) {
        return Ok(true);
    }
    if name == DEVICE {
        for case in names(&folder.join(CASES))? {
            if occupied(&format!("{CASES}/{case}"))? {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Bytes of a database's write-ahead log.
fn log_of(folder: &Path, name: &str) -> u64 {
    fs::metadata(folder.join(format!("{name}-wal"))).map_or(0, |found| found.len())
}

/// Names in a folder; none if it is not there.
fn names(folder: &Path) -> Result<Vec<String>, StoreError> {
    match fs::read_dir(folder) {
        Ok(entries) => {
            let name = |entry: std::io::Result<fs::DirEntry>| {
                Ok(entry?.file_name().to_string_lossy().into_owned())
            };
            entries.map(name).collect()
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(e) => Err(e.into()),
    }
}

const CASES: &str = "cases";
const CASE: &str = "case.db";
const DEVICE: &str = "device.db";

impl Stores for FileStores {
    fn case_store(
        &mut self,
        case: &CaseId,
        key: &Key256,
        begun: bool,
    ) -> TroubleResult<Box<dyn CaseStore>> {
        let folder = self.data.join(CASES).join(case.as_str());
        Ok(Box::new(self.open(&folder, CASE, key, begun)?))
    }

    fn device_store(&mut self, key: &Key256) -> TroubleResult<Box<dyn CaseStore>> {
        Ok(Box::new(self.open(&self.data.clone(), DEVICE, key, false)?))
    }
}

#[cfg(test)]
#[path = "stores_tests.rs"]
mod tests;
