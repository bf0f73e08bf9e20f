//! What this handheld holds for others: copies that only their own case, intake and escrow open.
//!
//! A copy stays until the receipt of its bundle was seen. Then it goes, files and keys: a note of it is
//! durable before anything is removed, and stays until the desk has written the device journal's line, since
//! the thread that serves the link has no journal to write.

use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use spotcheck_app::ports::{CopyFolder, Dropped, HeldCopy};
use spotcheck_client::{COPY_LABEL, CopyLabel, PartnerShelf, copy_folder_name};
use spotcheck_domain::{BundleId, CaseId, DeviceId, TroubleResult};
use spotcheck_vault::{FolderCopy, create_folder, drop_copy};

use super::{COPIES, CopyRoom, trouble};

/// Code of a blob that does not fit its name.
const BLOB_DAMAGED: &str = "VAULT-BLOB-DAMAGED";
const SHELF: &str = "partners";
/// Notes of copies that were dropped and not journaled yet, below [`COPIES`].
const DROPPED: &str = "dropped";

/// The label on a copy; `None` while it was never finished.
pub(super) fn label_of(copy: &Path) -> Option<CopyLabel> {
    let bytes = std::fs::read(copy.join(COPY_LABEL)).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// `CASE-….copy` folders of a folder: (case, folder).
pub(super) fn copies_in(folder: &Path) -> Vec<(String, PathBuf)> {
    let named = subfolders(folder).into_iter();
    named.filter_map(|copy| Some((name(&copy).strip_suffix(".copy")?.to_owned(), copy))).collect()
}

fn name(path: &Path) -> String {
    path.file_name().and_then(|n| n.to_str()).unwrap_or_default().to_owned()
}

fn subfolders(folder: &Path) -> Vec<PathBuf> {
    let listed = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = listed.map(|e| e.path()).filter(|p| p.is_dir()).collect();
    found.sort();
    found
}

impl CopyRoom {
    /// Copies that this handheld holds for others: (device, case, folder).
    pub(crate) fn shelf(&self) -> Vec<(String, String, PathBuf)> {
        let mut found = Vec::new();
        for device in subfolders(&self.data.join(SHELF)) {
            let of = name(&device);
            found.extend(
                copies_in(&device).into_iter().map(|(case, copy)| (of.clone(), case, copy)),
            );
        }
        found
    }

    fn shelf_folder(&self, device: &DeviceId, case: &CaseId) -> PathBuf {
        self.data.join(SHELF).join(device.as_str()).join(copy_folder_name(case.as_str()))
    }

    /// Copies what is held for others into a folder, as it is; returns the number of cases.
    pub(crate) fn hand_over(&self, folder: &Path) -> TroubleResult<usize> {
        let held = self.shelf();
        for (_, case, from) in &held {
            let mut from = FolderCopy::open(from)?;
            let mut to = FolderCopy::create(&folder.join(copy_folder_name(case)))?;
            let there = to.names()?;
            let mut names: Vec<(String, u64)> = from.names()?.into_iter().collect();
            // The label last, as everywhere.
            names.sort_by_key(|(name, _)| name == COPY_LABEL);
            for (name, size) in names {
                let blob = name.ends_with(".age") && there.get(&name) == Some(&size);
                if let Some(bytes) = if blob { None } else { from.get(&name)? }
                    && let Err(trouble) = to.put(&name, &bytes)
                {
                    // Damaged here: whatever the stick has of it stays, and the others go on.
                    if trouble.code != BLOB_DAMAGED {
                        return Err(trouble);
                    }
                    tracing::warn!(name, "A damaged blob is not handed over.");
                }
            }
        }
        Ok(held.len())
    }

    pub(super) fn held_copies(&self) -> Vec<HeldCopy> {
        let copy = |(device, case, folder): (String, String, PathBuf)| {
            let bundle = label_of(&folder).and_then(|label| label.bundle);
            Some(HeldCopy {
                device: DeviceId::parse(&device).ok()?,
                case: CaseId::parse(&case).ok()?,
                bundle: bundle.and_then(|bundle| BundleId::parse(&bundle).ok()),
            })
        };
        self.shelf().into_iter().filter_map(copy).collect()
    }

    fn note_name(dropped: &Dropped) -> String {
        format!("{DROPPED}/{}-{}.json", dropped.device, dropped.case)
    }

    pub(super) fn drop_copy_of(&self, dropped: &Dropped) -> TroubleResult<()> {
        let folder = self.shelf_folder(&dropped.device, &dropped.case);
        if !folder.exists() {
            return Ok(());
        }
        self.write(&Self::note_name(dropped), dropped)?;
        drop_copy(&folder)
    }

    /// Notes, each with its copy gone: a kill may have come between the two.
    pub(super) fn dropped_copies(&self) -> TroubleResult<Vec<Dropped>> {
        let mut found = Vec::new();
        let listed = std::fs::read_dir(self.data.join(COPIES).join(DROPPED));
        for entry in listed.into_iter().flatten().flatten() {
            let Ok(bytes) = std::fs::read(entry.path()) else { continue };
            let Ok(dropped) = serde_json::from_slice::<Dropped>(&bytes) else { continue };
            // What a kill left under a temporary name is no note.
            if !entry.path().ends_with(Self::note_name(&dropped)) {
                continue;
            }
            drop_copy(&self.shelf_folder(&dropped.device, &dropped.case))?;
            found.push(dropped);
        }
        found.sort_by(|a, b| (&a.device, &a.case).cmp(&(&b.device, &b.case)));
        Ok(found)
    }

    pub(super) fn forget_note(&self, dropped: &Dropped) -> TroubleResult<()> {
        let note = self.data.join(COPIES).join(Self::note_name(dropped));
        match std::fs::remove_file(note) {
            Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
                Err(trouble("COPY-LIST", "第二副本的清单没有写成", "检查剩余空间", cause))
            }
            _ => Ok(()),
        }
    }
}

impl PartnerShelf for CopyRoom {
    fn open(&self, device: &DeviceId, case: &CaseId) -> TroubleResult<Box<dyn CopyFolder>> {
        let free = self.machine.lock().unwrap_or_else(PoisonError::into_inner).free_bytes()?;
        if free < self.reserve_bytes {
            return Err(trouble(
                "COPY-NO-ROOM",
                "剩余空间不足，不替别的手持机保存副本",
                "先回传",
                free,
            ));
        }
        let folder = self.shelf_folder(device, case);
        if let Some(parent) = folder.parent() {
            create_folder(parent).map_err(|cause| {
                trouble("COPY-SHELF", "副本目录不能建立", "检查剩余空间", cause)
            })?;
        }
        Ok(Box::new(FolderCopy::create(&folder)?))
    }

    fn held_of(&self, device: &DeviceId) -> TroubleResult<Vec<CaseId>> {
        let held = self.held_copies().into_iter();
        Ok(held.filter(|copy| copy.device == *device).map(|copy| copy.case).collect())
    }

    fn let_go(&self, dropped: &Dropped) -> TroubleResult<()> {
        let label = label_of(&self.shelf_folder(&dropped.device, &dropped.case));
        let named = label.and_then(|label| label.bundle);
        if named.is_some_and(|bundle| bundle != dropped.bundle.as_str()) {
            return Err(trouble(
                "COPY-NOT-RECEIVED",
                "副本属于另一个证据包，不能删除",
                "两台手持机各联网领取一次任务",
                "bundle",
            ));
        }
        self.drop_copy_of(dropped)
    }
}
