//! Where the stores lie: `DATA/device.db` and `DATA/cases/<case>/case.db`.

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use spotcheck_app::ports::{CaseStore, Key256, Stores};
use spotcheck_domain::{CaseId, TroubleResult};

use crate::StoreError;
use crate::db::Db;

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

    fn open(&self, folder: &Path, name: &str, key: &Key256) -> Result<Db, StoreError> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let path = folder.join(name);
        let create = !path.exists();
        if create && was_there(folder, name)? {
            return Err(StoreError::Missing);
        }
        let db = Db::open(&path, key, create)?;
        if create {
            File::open(folder)?.sync_all()?;
            File::open(&self.data)?.sync_all()?;
        }
        Ok(db)
    }
}

/// A folder that holds evidence, or a write-ahead log without its database, has had a store before.
fn was_there(folder: &Path, name: &str) -> Result<bool, StoreError> {
    let occupied = |sub: &str| -> Result<bool, StoreError> {
        match fs::read_dir(folder.join(sub)) {
            Ok(mut entries) => Ok(entries.next().is_some()),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(e.into()),
        }
    };
    Ok(folder.join(format!("{name}-wal")).exists() || (name == CASE && occupied("blobs")?))
}

const CASE: &str = "case.db";
const DEVICE: &str = "device.db";

impl Stores for FileStores {
    fn case_store(&mut self, case: &CaseId, key: &Key256) -> TroubleResult<Box<dyn CaseStore>> {
        let folder = self.data.join("cases").join(case.as_str());
        Ok(Box::new(self.open(&folder, CASE, key)?))
    }

    fn device_store(&mut self, key: &Key256) -> TroubleResult<Box<dyn CaseStore>> {
        Ok(Box::new(self.open(&self.data.clone(), DEVICE, key)?))
    }
}

#[cfg(test)]
#[path = "stores_tests.rs"]
mod tests;
