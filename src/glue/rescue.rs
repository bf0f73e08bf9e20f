//! The folder on a stick that a rescue export is written into.
//!
//! Sticks are slow, small and pulled out early: every file is written whole under another name first, and
//! what is there with the same bytes is left alone, so that the same command simply goes on.

use std::fs;
use std::path::{Path, PathBuf};

use spotcheck_app::ports::RescueFolder;
use spotcheck_client::rescue_folder_name;
use spotcheck_domain::{BundleId, Trouble, TroubleResult};
use spotcheck_vault::{create_folder, write_durable};

/// `DIR/EVID-<ulid>.rescue`.
#[derive(Debug)]
pub(crate) struct RescueDir {
    folder: PathBuf,
}

fn unwritable(cause: impl std::fmt::Display) -> Trouble {
    Trouble::new(
        "RESCUE-WRITE",
        "导出的目录写不进去",
        "证据包完整、加密地保存在手持机上；已写出的部分不会重写",
        "检查存储介质是否插好、可写、有足够空间，再执行同一条命令",
    )
    .because(cause)
}

impl RescueDir {
    /// Makes the folder of a bundle in `to`, which has to be there: a path typed wrong must not end up on
    /// the handheld's own disk.
    pub(crate) fn open(to: &Path, bundle: &BundleId) -> TroubleResult<Self> {
        if !to.is_dir() {
            return Err(unwritable("no such folder"));
        }
        let folder = to.join(rescue_folder_name(bundle.as_str()));
        create_folder(&folder).map_err(unwritable)?;
        Ok(Self { folder })
    }
}

impl RescueFolder for RescueDir {
    fn has(&mut self, name: &str, bytes: &[u8]) -> TroubleResult<bool> {
        match fs::read(self.folder.join(name)) {
            Ok(there) => Ok(there == bytes),
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(cause) => Err(unwritable(cause)),
        }
    }

    fn put(&mut self, name: &str, bytes: &[u8]) -> TroubleResult<()> {
        write_durable(&self.folder.join(name), bytes).map_err(unwritable)
    }
}
