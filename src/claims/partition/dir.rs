//! Partition store in a folder: files beside one JSON catalogue that is replaced atomically.
//!
//! The catalogue names facilities, months and money sums, but no person; centres keep it in their encrypted
//! database instead.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use spotcheck_domain::{Trouble, TroubleResult};

use super::{PartitionKey, PartitionRef, PartitionStore};

/// Partition files in one folder.
#[derive(Debug)]
pub struct DirPartitionStore {
    folder: PathBuf,
    current: Mutex<BTreeMap<PartitionKey, PartitionRef>>,
}

fn trouble(what: &'static str) -> impl FnOnce(std::io::Error) -> Trouble {
    move |error| {
        Trouble::new(
            "CLAIMS-STORE",
            &format!("分区存储{what}失败"),
            "已入库的数据没有改动",
            "检查磁盘空间和权限后重试",
        )
        .because(error)
        .retry()
    }
}

fn sync(path: &Path) -> TroubleResult<()> {
    File::open(path).and_then(|f| f.sync_all()).map_err(trouble("写入"))
}

impl DirPartitionStore {
    /// Opens or creates the store.
    ///
    /// # Errors
    /// The folder cannot be used, or its catalogue cannot be read.
    pub fn open(folder: &Path) -> TroubleResult<Self> {
        std::fs::create_dir_all(folder).map_err(trouble("创建"))?;
        let list: Vec<PartitionRef> = match std::fs::read(folder.join("catalogue.json")) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|e| trouble("读取")(e.into()))?,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(e) => return Err(trouble("读取")(e)),
        };
        let current = list.into_iter().map(|p| (p.key.clone(), p)).collect();
        Ok(Self { folder: folder.to_owned(), current: Mutex::new(current) })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<PartitionKey, PartitionRef>> {
        self.current.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl PartitionStore for DirPartitionStore {
    fn current(&self, key: &PartitionKey) -> TroubleResult<Option<PartitionRef>> {
        Ok(self.lock().get(key).cloned())
    }

    fn list(&self, facility: Option<&str>) -> TroubleResult<Vec<PartitionRef>> {
        let current = self.lock();
        let wanted = |p: &&PartitionRef| facility.is_none_or(|f| p.key.facility == f);
        Ok(current.values().filter(wanted).cloned().collect())
    }

    fn local(&self, partition: &PartitionRef) -> TroubleResult<PathBuf> {
        Ok(self.folder.join(&partition.name))
    }

    fn put(&self, partition: &PartitionRef, file: &Path) -> TroubleResult<()> {
        let target = self.folder.join(&partition.name);
        if std::fs::rename(file, &target).is_err() {
            // Another file system: copy, then let the name appear at once.
            let part = self.folder.join(format!("{}.part", partition.name));
            std::fs::copy(file, &part).map_err(trouble("写入"))?;
            sync(&part)?;
            std::fs::rename(&part, &target).map_err(trouble("写入"))?;
            std::fs::remove_file(file).map_err(trouble("清理"))?;
        }
        sync(&self.folder)
    }

    fn switch(&self, now: &[PartitionRef], gone: &[PartitionKey]) -> TroubleResult<()> {
        let mut current = self.lock();
        let mut next = current.clone();
        for key in gone {
            next.remove(key);
        }
        for partition in now {
            next.insert(partition.key.clone(), partition.clone());
        }
        let list: Vec<_> = next.values().collect();
        let bytes = serde_json::to_vec(&list).map_err(|e| trouble("写入")(e.into()))?;
        let part = self.folder.join("catalogue.json.part");
        std::fs::write(&part, bytes).map_err(trouble("写入"))?;
        sync(&part)?;
        std::fs::rename(&part, self.folder.join("catalogue.json")).map_err(trouble("写入"))?;
        sync(&self.folder)?;
        *current = next;
        Ok(())
    }
}
