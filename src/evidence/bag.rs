//! The tag files of the BagIt 1.0 bag (RFC 8493), written and read.
//!
//! The writer takes the hashes that capture has made; media are never read again. The form is narrower
//! than RFC 8493 so that `sha256sum --strict -c`, `cksum -a sm3 -c` and `bagit.py` read it alike: two
//! spaces, lower-case hex, sorted by path bytes, names `[A-Za-z0-9._-]` (evidence.md §3).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use spotcheck_domain::{BundleId, DeviceId, TaskId};

use crate::{EvidenceError, FileHashes, Hash32};

/// Path of the bag declaration.
pub const BAGIT: &str = "bagit.txt";
/// Path of the bag's metadata.
pub const BAG_INFO: &str = "bag-info.txt";
/// Path of the payload manifest.
pub const MANIFEST: &str = "manifest-sha256.txt";
/// Path of the tag manifest: its bytes are what is signed.
pub const TAGMANIFEST: &str = "tagmanifest-sha256.txt";
/// Path of the SM3 list.
pub const MANIFEST_SM3: &str = "metadata/manifest-sm3.txt";
/// Folders whose files come after signing and are not covered by the tag manifest.
pub const LATE_FOLDERS: &[&str] = &["signatures/", "timestamps/", "receipts/"];
/// Longest path in a bag, in bytes, the top folder not counted in.
pub const MAX_PATH_BYTES: usize = 255;
/// Content of `bagit.txt`.
pub const BAGIT_TXT: &str = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n";

/// True for a relative path of plain names: `[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*`, no `.` or `..`, at most
/// 255 bytes.
#[must_use]
pub fn is_bag_path(path: &str) -> bool {
    path.len() <= MAX_PATH_BYTES
        && path.split('/').all(|part| {
            !matches!(part, "" | "." | "..")
                && part
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        })
}

/// True for a bag path inside `data/`.
#[must_use]
pub fn is_payload_path(path: &str) -> bool {
    path.starts_with("data/") && is_bag_path(path)
}

/// True for a path in one of the three folders that may grow after signing.
#[must_use]
pub fn is_late_path(path: &str) -> bool {
    LATE_FOLDERS.iter().any(|folder| path.starts_with(folder))
}

/// A payload file with the hashes that capture has made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayloadFile {
    /// Path in the bag, `data/…`.
    pub path: String,
    /// Hashes and size.
    pub hashes: FileHashes,
}

/// A small file of the bag, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagFile {
    /// Path in the bag.
    pub path: String,
    /// Content.
    pub bytes: Vec<u8>,
}

impl TagFile {
    /// A tag file.
    #[must_use]
    pub fn new(path: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { path: path.into(), bytes: bytes.into() }
    }
}

/// What `bag-info.txt` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BagInfo {
    /// The bundle (`External-Identifier`).
    pub bundle: BundleId,
    /// The task (`Bag-Group-Identifier`).
    pub task: TaskId,
    /// Calendar day of sealing in Beijing, `2026-11-20` (`Bagging-Date`).
    pub date: String,
    /// Program and version (`Bag-Software-Agent`); printable ASCII.
    pub software: String,
    /// The handheld from whose second copy the case was rebuilt, if it was (`Spotcheck-Rescued-From`).
    pub rescued_from: Option<DeviceId>,
}

/// All tag files outside the late folders: `others` (statement, checkpoint, CRLs, certificates …) and,
/// made here, bagit.txt, bag-info.txt, both payload lists and, last, the tag manifest.
///
/// # Errors
/// A path that no bag may hold, one that belongs elsewhere (payload outside `data/`, a tag file in a
/// late folder), two files of one path (also if they differ by case only), or a line break in
/// [`BagInfo`].
pub fn tag_files(
    info: &BagInfo,
    payload: &[PayloadFile],
    others: Vec<TagFile>,
) -> Result<Vec<TagFile>, EvidenceError> {
    let sha: Vec<_> = payload.iter().map(|f| (f.path.as_str(), f.hashes.sha256)).collect();
    let sm3: Vec<_> = payload.iter().map(|f| (f.path.as_str(), f.hashes.sm3)).collect();
    if !payload.iter().all(|f| is_payload_path(&f.path))
        || others.iter().any(|f| is_late_path(&f.path) || f.path.starts_with("data/"))
    {
        return Err(EvidenceError::BagPath);
    }
    let mut files = others;
    files.push(TagFile::new(BAGIT, BAGIT_TXT));
    files.push(TagFile::new(BAG_INFO, bag_info(info, payload)?));
    files.push(TagFile::new(MANIFEST, manifest(sha)?));
    files.push(TagFile::new(MANIFEST_SM3, manifest(sm3)?));
    files.sort_by(|a, b| a.path.as_bytes().cmp(b.path.as_bytes()));
    let hashes: Vec<Hash32> = files.iter().map(|f| Hash32::sha256(&f.bytes)).collect();
    let tags = files.iter().map(|f| f.path.as_str()).zip(hashes);
    let tagmanifest = manifest(tags.collect())?;
    files.push(TagFile::new(TAGMANIFEST, tagmanifest));
    Ok(files)
}

/// One manifest: `hash`, two spaces, path, LF, sorted by path bytes.
///
/// # Errors
/// [`EvidenceError::BagPath`].
pub fn manifest(mut files: Vec<(&str, Hash32)>) -> Result<String, EvidenceError> {
    files.sort_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
    let mut seen = std::collections::BTreeSet::new();
    let mut text = String::new();
    for (path, hash) in files {
        if !is_bag_path(path) || !seen.insert(path.to_ascii_lowercase()) {
            return Err(EvidenceError::BagPath);
        }
        let _ = writeln!(text, "{hash}  {path}");
    }
    Ok(text)
}

fn bag_info(info: &BagInfo, payload: &[PayloadFile]) -> Result<String, EvidenceError> {
    let printable = |t: &str| !t.is_empty() && t.bytes().all(|b| (b' '..=b'~').contains(&b));
    if !printable(&info.software) || !printable(&info.date) {
        return Err(EvidenceError::BagPath);
    }
    let octets = payload.iter().fold(0_u64, |sum, f| sum.saturating_add(f.hashes.size));
    let mut text = format!(
        "Bag-Group-Identifier: {}\nBag-Software-Agent: {}\nBagging-Date: {}\nExternal-Identifier: {}\nPayload-Oxum: {octets}.{}\n",
        info.task,
        info.software,
        info.date,
        info.bundle,
        payload.len()
    );
    if let Some(device) = &info.rescued_from {
        let _ = writeln!(text, "Spotcheck-Rescued-From: {device}");
    }
    Ok(text)
}

/// Reads a manifest in exactly the form that [`manifest`] writes. `None` if it has any other form:
/// another hash length, one space, unsorted, a path twice.
#[must_use]
pub fn parse_manifest(bytes: &[u8]) -> Option<BTreeMap<String, Hash32>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut files = BTreeMap::new();
    let mut last: Option<&str> = None;
    for line in text.strip_suffix('\n').or_else(|| text.is_empty().then_some(""))?.split('\n') {
        if line.is_empty() && text.is_empty() {
            break;
        }
        let (hash, path) = line.split_once("  ")?;
        let hash = Hash32::parse(hash)?;
        if !is_bag_path(path) || last.is_some_and(|l| l.as_bytes() >= path.as_bytes()) {
            return None;
        }
        last = Some(path);
        files.insert(path.to_owned(), hash);
    }
    Some(files)
}

/// Reads `bag-info.txt`: `Label: value` lines, each label once. `None` for any other form.
#[must_use]
pub fn parse_bag_info(bytes: &[u8]) -> Option<BTreeMap<String, String>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut values = BTreeMap::new();
    for line in text.strip_suffix('\n')?.split('\n') {
        let (label, value) = line.split_once(": ")?;
        if label.is_empty()
            || line.contains('\r')
            || label.starts_with([' ', '\t'])
            || values.insert(label.to_owned(), value.to_owned()).is_some()
        {
            return None;
        }
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifests_read_back_and_other_forms_are_refused() {
        let hash = Hash32::sha256(b"x");
        let text =
            manifest(vec![("data/b.jpg", hash), ("data/a-1.pdf", hash), ("data/a.pdf", hash)]);
        let text = text.unwrap();
        let names: Vec<_> = text.lines().map(|l| &l[66..]).collect();
        assert_eq!(names, ["data/a-1.pdf", "data/a.pdf", "data/b.jpg"], "bytes, not words");
        assert_eq!(parse_manifest(text.as_bytes()).unwrap().len(), 3);
        assert_eq!(parse_manifest(b"").unwrap().len(), 0);
        for bad in [
            text.replacen("  ", " ", 1),
            text.to_uppercase(),
            text.trim_end().to_owned(),
            format!("{text}{text}"),
            format!("{text}\n"),
            text.replace("data/b", "data/../b"),
            text.replace('\n', "\r\n"),
        ] {
            assert!(parse_manifest(bad.as_bytes()).is_none(), "{bad}");
        }
    }

    #[test]
    fn names_that_two_programs_read_differently_are_not_written() {
        let hash = Hash32::sha256(b"x");
        assert!(manifest(vec![("data/a.jpg", hash), ("data/A.jpg", hash)]).is_err());
        for bad in
            ["", "/a", "a//b", "a/./b", "a/../b", "a\\b", "中.jpg", "a b", "a/", &"x".repeat(256)]
        {
            assert!(!is_bag_path(bad), "{bad}");
        }
        assert!(is_bag_path(&"x".repeat(255)) && is_payload_path("data/media/0001.jpg"));
    }
}
