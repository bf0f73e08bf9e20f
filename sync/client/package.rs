//! One data package from the centre into the folder of its task: whole, checked and durable, or not at all.
//!
//! `<task>/<package id>.part/` collects files over as many tries as it takes. Only when every file has its
//! hash and the centre's signature over package.json holds does the folder get its name by one rename, and
//! only then does the pointer file `<task>/current` (folder name and LF) move to it, atomically. The
//! previous package stays until after that. A package that was re-signed for another handheld keeps its id
//! and gets a folder with a suffix; its big files are linked, not fetched again.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use reqwest::Url;
use serde_json::Value;
use spotcheck_app::errand::Leg;
use spotcheck_domain::{PackageId, TaskId};
use spotcheck_evidence::Hash32;
use spotcheck_wire::tasks::{PACKAGE_FILES, PackageFile, PackageItem};

use crate::download::{self, ETAG_SUFFIX, is_complete};
use crate::error::{Error, PackageFault, Result};
use crate::http::Http;
use crate::state::{replace_file, sync_folder};

/// Name of the pointer file in a task's folder.
pub const CURRENT: &str = "current";
const PART_SUFFIX: &str = ".part";
const MANIFEST: &str = "package.json";
const SIGNATURE: &str = "package.json.p7s";
const CLAIMS: &str = "claims.db";
/// Public data, equal for many tasks: one copy on the disk for all packages with the same hash.
const REFERENCE: &str = "reference.db";
/// Largest package.json and signature, bytes: both are read into memory.
const MAX_SMALL_BYTES: u64 = 16 << 20;
/// Largest file of a package, bytes.
const MAX_FILE_BYTES: u64 = 64 << 30;
/// What a download leaves free: a visit must always be closed (as the recorder's reserve).
const LEFT_TO_WORK_BYTES: u64 = 200_000_000;

fn refused(fault: PackageFault, cause: impl Into<String>) -> Error {
    Error::Package { fault, cause: cause.into() }
}

/// A package item whose names, sizes and hashes were checked; nothing of the server's text becomes a path
/// before.
#[derive(Debug, Clone)]
pub(crate) struct Offer {
    pub(crate) id: PackageId,
    files: Vec<PackageFile>,
}

impl Offer {
    pub(crate) fn check(item: &PackageItem) -> Result<Self> {
        let form = |cause: &str| refused(PackageFault::Form, cause);
        let id = PackageId::parse(&item.id).map_err(|_| form("package id"))?;
        let mut files = Vec::new();
        for name in PACKAGE_FILES {
            let mut of_name = item.files.iter().filter(|file| file.name == name);
            let Some(file) = of_name.next() else { continue };
            let small = matches!(name, MANIFEST | SIGNATURE);
            let limit = if small { MAX_SMALL_BYTES } else { MAX_FILE_BYTES };
            if of_name.next().is_some()
                || file.size > limit
                || Hash32::parse(&file.sha256).is_none()
            {
                return Err(form("size, hash or a name twice"));
            }
            files.push(file.clone());
        }
        if files.len() != item.files.len() {
            return Err(form("a file that no package has"));
        }
        let offer = Self { id, files };
        for name in [MANIFEST, SIGNATURE, CLAIMS] {
            offer.file(name)?;
        }
        Ok(offer)
    }

    fn file(&self, name: &str) -> Result<&PackageFile> {
        self.files
            .iter()
            .find(|file| file.name == name)
            .ok_or_else(|| refused(PackageFault::Form, format!("{name} is missing")))
    }

    /// Bytes of all files.
    fn size(&self) -> u64 {
        self.files.iter().fold(0, |sum, file| sum.saturating_add(file.size))
    }
}

/// Checks the centre's signature: bytes of package.json, bytes of package.json.p7s.
pub(crate) type Verify<'a> = dyn Fn(&[u8], &[u8]) -> Result<()> + 'a;

/// The folder of a task's packages.
pub(crate) struct Shelf {
    folder: PathBuf,
}

impl Shelf {
    /// # Errors
    /// A task whose id begins with a dot: such folders are the client's own.
    pub(crate) fn new(packages_dir: &Path, task: &TaskId) -> Result<Self> {
        if task.as_str().starts_with('.') {
            return Err(refused(PackageFault::Form, "task id begins with a dot"));
        }
        Ok(Self { folder: packages_dir.join(task.as_str()) })
    }

    /// Folder of the package in force, if there is one.
    pub(crate) fn current(&self) -> io::Result<Option<PathBuf>> {
        let name = match fs::read_to_string(self.folder.join(CURRENT)) {
            Ok(name) => name,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let name = name.trim_end_matches('\n');
        let folder = self.folder.join(name);
        let sound = spotcheck_domain::id::is_plain_id(name)
            && !name.starts_with('.')
            && !name.ends_with(PART_SUFFIX)
            && folder.is_dir();
        Ok(sound.then_some(folder))
    }

    /// True if exactly this package is in force already: small files by hash, big ones by size (the full
    /// check before departure hashes them all).
    pub(crate) fn holds(&self, offer: &Offer) -> io::Result<bool> {
        let Some(folder) = self.current()? else { return Ok(false) };
        for file in &offer.files {
            let path = folder.join(&file.name);
            let same = if matches!(file.name.as_str(), MANIFEST | SIGNATURE) {
                is_complete(&path, file)?
            } else {
                fs::metadata(&path).is_ok_and(|metadata| metadata.len() == file.size)
            };
            if !same {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Fetches, checks and puts the package in force.
    ///
    /// `verify` checks the centre's signature over package.json.
    pub(crate) async fn fetch(
        &self,
        http: &Http,
        task: &TaskId,
        offer: &Offer,
        verify: &Verify<'_>,
        hear: &mut (dyn FnMut(Leg) + '_),
    ) -> Result<()> {
        let total = offer.size();
        let mut done = 0_u64;
        let part = self.folder.join(format!("{}{PART_SUFFIX}", offer.id));
        fs::create_dir_all(&part)?;
        self.forget_other_parts(&part)?;
        self.check_room(&part, offer)?;
        let current = self.current()?;
        for name in [MANIFEST, SIGNATURE] {
            let file = offer.file(name)?;
            self.fetch_file(http, offer, file, &part, &mut |_| {}).await?;
            done = done.saturating_add(file.size);
        }
        // The signature first: nobody downloads gigabytes for a package that was never valid.
        let manifest = fs::read(part.join(MANIFEST))?;
        if let Err(error) = verify(&manifest, &fs::read(part.join(SIGNATURE))?)
            .and_then(|()| check_manifest(&manifest, task, offer))
        {
            // The parts were what was announced and are still wrong: begin with fresh ones next time.
            fs::remove_dir_all(&part)?;
            return Err(error);
        }
        for file in &offer.files {
            if matches!(file.name.as_str(), MANIFEST | SIGNATURE) {
                continue;
            }
            if let Some(current) = &current {
                link_if_same(&current.join(&file.name), &part.join(&file.name), file)?;
            }
            if file.name == REFERENCE {
                self.link_from_other_tasks(file, &part.join(&file.name))?;
            }
            self.fetch_file(http, offer, file, &part, &mut |of_file| {
                hear(Leg { done: done.saturating_add(of_file), total });
            })
            .await?;
            done = done.saturating_add(file.size);
        }
        hear(Leg { done: total, total });
        self.put_in_force(&part, offer)
    }

    /// What a package of another task has already is linked, not fetched. Looked for by hash among the
    /// packages themselves: a store of its own would have to be kept in step with them.
    fn link_from_other_tasks(&self, file: &PackageFile, target: &Path) -> io::Result<()> {
        let Some(all) = self.folder.parent() else { return Ok(()) };
        for entry in fs::read_dir(all)? {
            let folder = entry?.path();
            if target.exists() {
                break;
            }
            if folder == self.folder || !folder.is_dir() {
                continue;
            }
            // Another task's shelf in whatever state hinders nothing here.
            if let Ok(Some(current)) = (Self { folder }).current() {
                link_if_same(&current.join(&file.name), target, file).unwrap_or_else(|error| {
                    tracing::info!("A copy of {} cannot be shared: {error}.", file.name);
                });
            }
        }
        Ok(())
    }

    async fn fetch_file(
        &self,
        http: &Http,
        offer: &Offer,
        file: &PackageFile,
        part: &Path,
        hear: &mut (dyn FnMut(u64) + '_),
    ) -> Result<()> {
        let url: Url = http.url(&format!("/v1/packages/{}/{}", offer.id, file.name))?;
        download::fetch(http, &url, &part.join(&file.name), file, hear).await
    }

    /// Unfinished downloads of other packages of this task are only in the way.
    fn forget_other_parts(&self, keep: &Path) -> io::Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let is_part = path.to_str().is_some_and(|p| p.ends_with(PART_SUFFIX));
            if is_part && path != keep {
                fs::remove_dir_all(&path)?;
            }
        }
        Ok(())
    }

    /// Fails early instead of filling the disk that recordings need.
    fn check_room(&self, part: &Path, offer: &Offer) -> Result<()> {
        let mut have = 0_u64;
        for file in &offer.files {
            if let Ok(metadata) = fs::metadata(part.join(&file.name)) {
                have = have.saturating_add(metadata.len());
            }
        }
        let stat = rustix::fs::statvfs(&self.folder).map_err(io::Error::from)?;
        let free = stat.f_bavail.saturating_mul(stat.f_frsize);
        if offer.size().saturating_sub(have) > free.saturating_sub(LEFT_TO_WORK_BYTES) {
            return Err(Error::Disk(io::ErrorKind::StorageFull.into()));
        }
        Ok(())
    }

    fn put_in_force(&self, part: &Path, offer: &Offer) -> Result<()> {
        for file in &offer.files {
            let _ = fs::remove_file(part.join(format!("{}{ETAG_SUFFIX}", file.name)));
        }
        sync_folder(part)?;
        let name = self.free_name(offer)?;
        let folder = self.folder.join(&name);
        fs::rename(part, &folder)?;
        sync_folder(&self.folder)?;
        replace_file(&self.folder.join(CURRENT), format!("{name}\n").as_bytes())?;
        // From here on the new package is in force; what follows is tidying and may fail silently.
        if let Err(error) = self.remove_old(&folder) {
            tracing::warn!("An old package could not be removed: {error}.");
        }
        Ok(())
    }

    fn free_name(&self, offer: &Offer) -> Result<String> {
        let plain = offer.id.to_string();
        if !self.folder.join(&plain).exists() {
            return Ok(plain);
        }
        let manifest: String = offer.file(MANIFEST)?.sha256.chars().take(12).collect();
        let name = format!("{plain}.{manifest}");
        let folder = self.folder.join(&name);
        if folder.exists() {
            // Left behind by a stop between rename and pointer, or damaged later.
            let current = self.current()?;
            if current.as_deref() == Some(folder.as_path()) {
                return Ok(format!("{name}.2"));
            }
            fs::remove_dir_all(&folder)?;
        }
        Ok(name)
    }

    fn remove_old(&self, keep: &Path) -> io::Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.is_dir() && path != keep {
                fs::remove_dir_all(&path)?;
            }
        }
        sync_folder(&self.folder)
    }
}

/// A file of the package in force that is also in the new one needs no second download.
fn link_if_same(old: &Path, new: &Path, wanted: &PackageFile) -> io::Result<()> {
    if new.exists() || !is_complete(old, wanted)? {
        return Ok(());
    }
    // A file system without hard links just downloads again.
    let _ = fs::hard_link(old, new);
    Ok(())
}

/// What package.json says must be what was offered: otherwise the signature would cover other files.
fn check_manifest(bytes: &[u8], task: &TaskId, offer: &Offer) -> Result<()> {
    let form = |cause: &str| refused(PackageFault::Form, format!("package.json: {cause}"));
    let manifest: Value = serde_json::from_slice(bytes).map_err(|_| form("not JSON"))?;
    let text = |name: &str| manifest.get(name).and_then(Value::as_str);
    if text("schema") != Some("spotcheck-package/1") {
        return Err(form("schema"));
    }
    if text("task") != Some(task.as_str()) || text("package") != Some(offer.id.as_str()) {
        return Err(form("another task or package"));
    }
    let signed = manifest.get("files").and_then(Value::as_object).ok_or_else(|| form("files"))?;
    let big = |name: &str| !matches!(name, MANIFEST | SIGNATURE);
    for file in offer.files.iter().filter(|file| big(&file.name)) {
        let entry = signed.get(&file.name);
        let hash = entry.and_then(|e| e.get("sha256")).and_then(Value::as_str);
        let size = entry.and_then(|e| e.get("size")).and_then(Value::as_u64);
        if hash != Some(file.sha256.as_str()) || size != Some(file.size) {
            return Err(refused(
                PackageFault::Hash,
                format!("{} is not the signed one", file.name),
            ));
        }
    }
    let offered = |name: &String| offer.files.iter().any(|file| big(name) && file.name == *name);
    if signed.keys().all(offered) { Ok(()) } else { Err(form("names a file that was not offered")) }
}
