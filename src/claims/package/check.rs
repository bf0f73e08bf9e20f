//! The full check of a package, and the short one at opening (claims.md §2).
//!
//! Full: hash and size of each file, HMAC of every page, rows and money sums of every table against the
//! manifest. It runs once after download and at the departure check; the caller keeps [`FileState`]s, and
//! opening compares those only (the signature over the manifest is the caller's to verify both times).

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{CLAIMS_DB, PackageManifest};
use crate::cipher::Key;
use crate::error::{Error, Result};
use crate::partition::sha256_of_file;
use crate::reader::page_error;

/// What tells whether a file is still the one that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileState {
    /// File name.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Last change, nanoseconds since 1970.
    pub mtime_ns: i64,
    /// Inode.
    pub inode: u64,
    /// SHA-256 as it was checked, hex.
    pub sha256: String,
}

/// Outcome of a full check that says yes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckReport {
    /// Tables counted.
    pub tables: usize,
    /// Rows counted.
    pub rows: u64,
    /// To be kept by the caller.
    pub files: Vec<FileState>,
}

fn state(folder: &Path, name: &str, sha256: &str) -> Result<FileState> {
    let missing = |_| Error::PackageFile { file: name.to_owned(), reason: "missing" };
    let meta = std::fs::metadata(folder.join(name)).map_err(missing)?;
    let ns = meta.mtime().saturating_mul(1_000_000_000).saturating_add(meta.mtime_nsec());
    Ok(FileState {
        name: name.to_owned(),
        size: meta.len(),
        mtime_ns: ns,
        inode: meta.ino(),
        sha256: sha256.to_owned(),
    })
}

/// The state of the files now, with the hashes that the manifest claims.
///
/// # Errors
/// A file is missing.
pub fn file_states(folder: &Path, manifest: &PackageManifest) -> Result<Vec<FileState>> {
    manifest.files.iter().map(|(name, file)| state(folder, name, &file.sha256)).collect()
}

/// True if the files are those that were checked: same size, time, inode, and the hashes of the manifest.
#[must_use]
pub fn same_files(folder: &Path, manifest: &PackageManifest, checked: &[FileState]) -> bool {
    file_states(folder, manifest).is_ok_and(|now| {
        now == checked
            && now.iter().all(|f| manifest.files.get(&f.name).is_some_and(|m| m.size == f.size))
    })
}

/// Checks everything.
///
/// # Errors
/// [`Error::PackageFile`], [`Error::PackageKey`], [`Error::PackagePage`], [`Error::PackageCount`],
/// [`Error::Schema`]: what is off.
pub fn check_package(folder: &Path, manifest: &PackageManifest, key: &Key) -> Result<CheckReport> {
    for (name, file) in &manifest.files {
        let path = folder.join(name);
        let off = |reason| Error::PackageFile { file: name.clone(), reason };
        let size = std::fs::metadata(&path).map_err(|_| off("missing"))?.len();
        if size != file.size {
            return Err(off("size"));
        }
        let (_, sha256) = sha256_of_file(&path)?;
        if sha256 != file.sha256 {
            return Err(off("sha256"));
        }
    }
    if !manifest.files.contains_key(CLAIMS_DB) {
        return Err(Error::PackageFile { file: CLAIMS_DB.to_owned(), reason: "missing" });
    }
    let db = crate::reader::open_claims(folder, key)?;
    crate::reader::check_meta(&db, manifest)?;
    let page = |table: &str| {
        let table = table.to_owned();
        move |e: rusqlite::Error| page_error(&table, e)
    };
    let mut broken: Vec<String> = Vec::new();
    {
        let mut check = db.prepare("PRAGMA cipher_integrity_check").map_err(page(CLAIMS_DB))?;
        let mut rows = check.query([]).map_err(page(CLAIMS_DB))?;
        while let Some(row) = rows.next().map_err(page(CLAIMS_DB))? {
            broken.push(row.get(0).map_err(page(CLAIMS_DB))?);
        }
    }
    if let Some(first) = broken.into_iter().next() {
        return Err(Error::PackagePage { table: CLAIMS_DB.to_owned(), cause: first });
    }
    let mut total = 0_u64;
    let names: Vec<String> = {
        let mut list = db
            .prepare(
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'
                 ORDER BY name",
            )
            .map_err(page(CLAIMS_DB))?;
        list.query_map([], |r| r.get(0)).and_then(Iterator::collect).map_err(page(CLAIMS_DB))?
    };
    if names.iter().ne(manifest.tables.keys()) {
        let differs = |n: &&String| !manifest.tables.contains_key(*n);
        let table = names
            .iter()
            .find(differs)
            .or_else(|| manifest.tables.keys().find(|n| !names.contains(n)));
        return Err(Error::PackageCount {
            table: table.cloned().unwrap_or_default(),
            what: "presence".to_owned(),
        });
    }
    for (name, expected) in &manifest.tables {
        let (rows, sums) = count(&db, name, expected.sums.keys()).map_err(page(name))?;
        let off = |what: &str| Error::PackageCount { table: name.clone(), what: what.to_owned() };
        if rows != expected.rows {
            return Err(off("rows"));
        }
        for (column, sum) in &expected.sums {
            if sums.get(column).copied() != Some(sum.millionths()) {
                return Err(off(column));
            }
        }
        total = total.saturating_add(rows);
    }
    let files = file_states(folder, manifest)?;
    Ok(CheckReport { tables: manifest.tables.len(), rows: total, files })
}

fn count<'n>(
    db: &rusqlite::Connection,
    table: &str,
    columns: impl Iterator<Item = &'n String>,
) -> rusqlite::Result<(u64, BTreeMap<String, i64>)> {
    let plain = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    // Names come from a signed manifest, and still are not put into SQL unless they are plain names.
    let columns: Vec<&String> = columns.filter(|c| plain(c)).collect();
    let sums: Vec<String> = columns.iter().map(|c| format!(", COALESCE(SUM({c}), 0)")).collect();
    let table = if plain(table) { table } else { "sqlite_schema" };
    db.query_row(&format!("SELECT COUNT(*){} FROM {table}", sums.concat()), [], |row| {
        let mut found = BTreeMap::new();
        for (n, column) in columns.iter().enumerate() {
            found.insert((*column).clone(), row.get(n.saturating_add(1))?);
        }
        Ok((row.get::<_, i64>(0)?.unsigned_abs(), found))
    })
}
