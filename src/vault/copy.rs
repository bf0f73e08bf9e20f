//! The files of a case that a second copy consists of: all of them encrypted, or hashes and clocks.
//!
//! Nothing here needs a key or an unlocked officer. The order makes a copy consistent at every moment: what
//! the case database says (`state.age`, kept beforehand) is read first and written last, the lists of a
//! running recording are read before its fragments are listed, and what the copy does not need any more
//! goes after everything new is there. A fragment that became part of a segment in between makes the pass
//! begin again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use spotcheck_app::copies::{EARLY_FILE, STATE_FILE, is_copy_name};
use spotcheck_app::ports::{Blob, CopyFolder};
use spotcheck_domain::{Trouble, TroubleResult};
use spotcheck_evidence::Hash32;

use crate::atomic;
use crate::blobs;
use crate::error::VaultError;
use crate::recording::{LISTS, recordings};

/// Passes before giving up on a recording that moves on faster than it is copied.
const PASSES: u32 = 5;

/// A copy in a folder: on a stick, or what this handheld holds for another one.
#[derive(Debug)]
pub struct FolderCopy {
    root: PathBuf,
}

fn unusable(cause: impl std::fmt::Display) -> Trouble {
    Trouble::new(
        "COPY-FOLDER",
        "第二副本所在的目录不能读写",
        "案卷在本机完整、加密地保存；已写出的部分不会重写",
        "检查存储介质是否插好、可写、有足够空间",
    )
    .because(cause)
}

impl FolderCopy {
    /// A copy in `root`, which is made if its parent is there: a path typed wrong must not end up on the
    /// handheld's own disk.
    ///
    /// # Errors
    /// No such parent; it cannot be written.
    pub fn create(root: &Path) -> TroubleResult<Self> {
        if !root.parent().is_some_and(Path::is_dir) {
            return Err(unusable("no such folder"));
        }
        atomic::create_folder(root).map_err(unusable)?;
        Ok(Self { root: root.to_owned() })
    }

    /// A copy that is there.
    ///
    /// # Errors
    /// No such folder.
    pub fn open(root: &Path) -> TroubleResult<Self> {
        if root.is_dir() { Ok(Self { root: root.to_owned() }) } else { Err(unusable("no copy")) }
    }

    fn path(&self, name: &str) -> TroubleResult<PathBuf> {
        if is_copy_name(name) { Ok(self.root.join(name)) } else { Err(unusable("name")) }
    }
}

impl CopyFolder for FolderCopy {
    fn names(&mut self) -> TroubleResult<BTreeMap<String, u64>> {
        let mut found = BTreeMap::new();
        let mut list = |folder: &Path, prefix: &str| -> Result<(), VaultError> {
            for name in atomic::names(folder)? {
                let name = format!("{prefix}{name}");
                let meta = fs::metadata(self.root.join(&name)).map_err(VaultError::io("list"))?;
                if meta.is_file() && is_copy_name(&name) {
                    found.insert(name, meta.len());
                }
            }
            Ok(())
        };
        list(&self.root, "").map_err(unusable)?;
        let rec = self.root.join("rec");
        for recording in atomic::names(&rec).map_err(unusable)? {
            list(&rec.join(&recording), &format!("rec/{recording}/")).map_err(unusable)?;
        }
        Ok(found)
    }

    fn get(&mut self, name: &str) -> TroubleResult<Option<Vec<u8>>> {
        atomic::read_if_there(&self.path(name)?).map_err(unusable)
    }

    fn put(&mut self, name: &str, bytes: &[u8]) -> TroubleResult<()> {
        let path = self.path(name)?;
        if !fits_name(name, bytes) {
            return Err(VaultError::BlobDamaged(name.to_owned()).into());
        }
        if let Some(folder) = path.parent() {
            atomic::create_folder(folder).map_err(unusable)?;
        }
        atomic::write_durable(&path, bytes).map_err(unusable)
    }

    fn remove(&mut self, names: &[String]) -> TroubleResult<()> {
        for name in names.iter().filter(|name| !stays(name)) {
            let path = self.path(name)?;
            match fs::remove_file(&path) {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(unusable(error)),
            }
            // An empty folder of a recording would only be looked into for nothing.
            if let Some(folder) = path.parent().filter(|folder| *folder != self.root) {
                let _ = fs::remove_dir(folder);
            }
        }
        Ok(())
    }
}

/// What is read before anything is listed.
struct Beginning {
    /// Written last.
    last: Vec<(String, Vec<u8>)>,
    /// Lists of running recordings.
    lists: Vec<(String, Vec<u8>)>,
}

fn read_beginning(case_folder: &Path) -> Result<Beginning, VaultError> {
    let mut begin = Beginning { last: Vec::new(), lists: Vec::new() };
    let mut names = atomic::names(case_folder)?;
    names
        .retain(|name| is_copy_name(name) && (has_extension(name, "age") || name == "rescue.json"));
    // What is captured early goes from there into the state: it is read before the state and written after it, so
    // that it stands in one of the two at least, however the copying is cut off.
    names.sort_by_key(|name| name == STATE_FILE);
    for name in names {
        if let Some(bytes) = atomic::read_if_there(&case_folder.join(&name))? {
            begin.last.push((name, bytes));
        }
    }
    // The state names what is in everything else; the label of a sealed case comes after all of it.
    begin
        .last
        .sort_by_key(|(name, _)| (name == "rescue.json", name == EARLY_FILE, name == STATE_FILE));
    for recording in atomic::names(&recordings(case_folder))? {
        for list in LISTS {
            let name = format!("rec/{recording}/{list}");
            if let Some(bytes) = atomic::read_if_there(&case_folder.join(&name))? {
                begin.lists.push((name, bytes));
            }
        }
    }
    Ok(begin)
}

fn has_extension(name: &str, extension: &str) -> bool {
    Path::new(name).extension().is_some_and(|found| found == extension)
}

/// Blobs and fragments: each is written once and never changes.
fn unchanging(case_folder: &Path) -> Result<Vec<(String, PathBuf)>, VaultError> {
    let mut found = Vec::new();
    let blobs = blobs::folder(case_folder);
    for name in atomic::names(&blobs)? {
        if is_blob(&name) {
            found.push((name.clone(), blobs.join(name)));
        }
    }
    let rec = recordings(case_folder);
    for recording in atomic::names(&rec)? {
        for file in atomic::names(&rec.join(&recording))? {
            let name = format!("rec/{recording}/{file}");
            if has_extension(&file, "age") && is_copy_name(&name) {
                found.push((name.clone(), case_folder.join(name)));
            }
        }
    }
    Ok(found)
}

/// `<64 hex>.age`.
fn is_blob(name: &str) -> bool {
    name.strip_suffix(".age").is_some_and(|hash| Hash32::parse(hash).is_some())
}

/// False for a blob whose bytes do not have the hash that its name is.
fn fits_name(name: &str, bytes: &[u8]) -> bool {
    !is_blob(name) || format!("{}.age", Hash32::sha256(bytes)) == name
}

/// What a copy never loses by another round: only fragments are followed by something else, a segment. A blob
/// or key that is gone where it was copied from is a loss, and the copy is what it is kept for; it goes with the
/// whole copy once the receipt is there or the case is shredded.
#[must_use]
pub fn stays(name: &str) -> bool {
    !name.starts_with("rec/")
}

/// Brings a copy of a case up to date, all but its label and what it does not need any more: returns every
/// name of the case that it holds now. What is there with the same size is left alone, unless it changes. A blob
/// that does not fit its name any more is not copied; one that the copy has from before stays in it.
///
/// # Errors
/// A folder that cannot be read or written; a recording that moves on faster than it is copied.
pub fn pack(case_folder: &Path, to: &mut dyn CopyFolder) -> TroubleResult<BTreeSet<String>> {
    for _ in 0..PASSES {
        if let Some(names) = one_pass(case_folder, to)? {
            return Ok(names);
        }
    }
    Err(unusable("recordings move on too fast"))
}

fn one_pass(
    case_folder: &Path,
    to: &mut dyn CopyFolder,
) -> TroubleResult<Option<BTreeSet<String>>> {
    let begin = read_beginning(case_folder)?;
    let there = to.names()?;
    let mut names = BTreeSet::new();
    for (name, path) in unchanging(case_folder)? {
        let length = match fs::metadata(&path) {
            Ok(found) => found.len(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(VaultError::Io { action: "copy", source: error }.into()),
        };
        if there.get(&name) != Some(&length) {
            let Some(bytes) = atomic::read_if_there(&path)? else { return Ok(None) };
            if fits_name(&name, &bytes) {
                to.put(&name, &bytes)?;
            } else if !good_there(&there, to, &name)? {
                tracing::error!(name, "A blob does not fit its name and has no good copy.");
                continue;
            } else {
                tracing::warn!(name, "A blob does not fit its name; its copy does.");
            }
        }
        names.insert(name);
    }
    // A recording that ended meanwhile is named by a state that was kept before its fragments went: that one counts.
    let state = atomic::read_if_there(&case_folder.join(STATE_FILE))?;
    let read = begin.last.iter().find(|(name, _)| name == STATE_FILE).map(|(_, bytes)| bytes);
    if state.as_ref() != read {
        return Ok(None);
    }
    for (name, bytes) in begin.lists.into_iter().chain(begin.last) {
        // Keys and announcement never change; asking costs less than writing them each time.
        let small = there.get(&name).is_some_and(|size| usize::try_from(*size) == Ok(bytes.len()));
        if !small || to.get(&name)?.as_deref() != Some(&bytes) {
            to.put(&name, &bytes)?;
        }
        names.insert(name);
    }
    names.extend(there.into_keys().filter(|name| is_blob(name)));
    Ok(Some(names))
}

/// True if the copy has the blob as it was. Read only where the sizes differ, so hardly ever.
fn good_there(
    there: &BTreeMap<String, u64>,
    to: &mut dyn CopyFolder,
    name: &str,
) -> TroubleResult<bool> {
    Ok(there.contains_key(name) && to.get(name)?.is_some_and(|bytes| fits_name(name, &bytes)))
}

/// Brings blobs and the named recordings of a copy into the folder of a case; returns how many recordings
/// are not named and were left out.
///
/// # Errors
/// A blob that does not fit its name; a folder that cannot be read or written.
pub fn bring(
    case_folder: &Path,
    from: &mut dyn CopyFolder,
    named: &BTreeSet<String>,
) -> TroubleResult<u32> {
    let blobs = blobs::folder(case_folder);
    atomic::create_folder(&blobs)?;
    let mut left_out = BTreeSet::new();
    for name in from.names()?.into_keys() {
        let path = match name.split('/').collect::<Vec<_>>().as_slice() {
            [file] if is_blob(file) => blobs.join(file),
            ["rec", recording, _] if named.contains(*recording) => case_folder.join(&name),
            ["rec", recording, _] => {
                left_out.insert((*recording).to_owned());
                continue;
            }
            _ => continue,
        };
        // What lies here and is whole is not fetched again; what is damaged here is.
        if is_blob(&name)
            && atomic::read_if_there(&path)?.is_some_and(|bytes| fits_name(&name, &bytes))
        {
            continue;
        }
        let Some(bytes) = from.get(&name)? else { continue };
        if !fits_name(&name, &bytes) {
            return Err(VaultError::BlobDamaged(name).into());
        }
        if let Some(folder) = path.parent() {
            atomic::create_folder(folder)?;
        }
        atomic::write_durable(&path, &bytes)?;
    }
    Ok(u32::try_from(left_out.len()).unwrap_or(u32::MAX))
}

/// True if an encrypted file lies in the folder of a case and fits its hash.
///
/// # Errors
/// It cannot be read.
pub fn holds(case_folder: &Path, blob: &Blob) -> TroubleResult<bool> {
    match blobs::ciphertext(case_folder, blob) {
        Ok(_) => Ok(true),
        Err(VaultError::BlobMissing(_) | VaultError::BlobDamaged(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Removes a copy, files and keys; one that is not there is no error.
///
/// # Errors
/// A folder that cannot be read or written.
pub fn drop_copy(folder: &Path) -> TroubleResult<()> {
    if folder.exists() { Ok(atomic::remove_folder(folder)?) } else { Ok(()) }
}

/// Removes the keys of a case that were sealed to other handhelds, and the copies of it that this one holds
/// for others: those have the keys for this handheld in them, which open under its package identity.
///
/// # Errors
/// A folder that cannot be read or written.
pub fn forget_copies(case_folder: &Path, held: &[PathBuf]) -> TroubleResult<()> {
    for folder in held {
        atomic::remove_folder(folder)?;
    }
    let shared: Vec<String> = atomic::names(case_folder)?
        .into_iter()
        .filter(|name| name.starts_with("keys-") && has_extension(name, "age"))
        .collect();
    if !shared.is_empty() {
        atomic::remove_durable(case_folder, &shared)?;
    }
    Ok(())
}
