//! A second copy as plain files: what can be read of a handheld that is gone, marked as what it is not.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde_json::json;
use spotcheck_evidence::Hash32;
use spotcheck_evidence::bag::{is_payload_path, manifest};

use super::opened::{Opened, Running, Stored, unusable};
use crate::{Error, Result};

/// Where the items stand that no journal named yet: times, marks, hashes.
const EARLY_PATH: &str = "data/early.json";
const JOURNAL_PATH: &str = "data/journal.jsonl";
const WRITE: &str = "write a file of a second copy";

fn begin(folder: &Path, name: &str) -> Result<File> {
    let path = folder.join(name);
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(Error::io(WRITE))?;
    }
    let mut new = OpenOptions::new();
    new.write(true).create(true).truncate(true).mode(0o600).open(&path).map_err(Error::io(WRITE))
}

pub(super) fn put(folder: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let mut file = begin(folder, name)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(Error::io(WRITE))
}

/// Plain files with a list of hashes and a note that says what they are not.
pub(super) fn write_open(
    copy: &Opened<'_>,
    files: &BTreeMap<String, Stored>,
    running: &[Running],
    out: &Path,
) -> Result<()> {
    if out.exists() {
        return Err(Error::refused("COPY-OUT", "输出目录已存在。", "请换一个目录。"));
    }
    let mut hashes: Vec<(String, Hash32)> = Vec::new();
    if !copy.state.lines.is_empty() {
        let mut journal = Vec::new();
        for line in &copy.state.lines {
            journal.extend_from_slice(line.as_bytes());
            journal.push(b'\n');
        }
        put(out, JOURNAL_PATH, &journal)?;
        hashes.push((JOURNAL_PATH.to_owned(), Hash32::sha256(&journal)));
    }
    if let Some(early) = copy.early.as_ref().filter(|early| early.as_slice() != b"[]") {
        put(out, EARLY_PATH, early)?;
        hashes.push((EARLY_PATH.to_owned(), Hash32::sha256(early)));
    }
    let made_here = |path: &str| path == JOURNAL_PATH || path == EARLY_PATH;
    for stored in files.values().filter(|f| !made_here(&f.path)) {
        // Proven before a byte of it lies in the clear; the second pass is over the same file.
        if !copy.stream(stored, &mut |_| Ok(()))? {
            continue;
        }
        let mut file = begin(out, &stored.path)?;
        let mut hash = spotcheck_evidence::DualHash::new();
        copy.stream(stored, &mut |part| {
            hash.update(part);
            file.write_all(part).map_err(Error::io(WRITE))
        })?;
        file.sync_all().map_err(Error::io(WRITE))?;
        hashes.push((stored.path.clone(), hash.finish().sha256));
    }
    for recording in running {
        let path = format!("data/media/{}", recording.name);
        if !is_payload_path(&path) || files.contains_key(&path) {
            continue;
        }
        let mut file = begin(out, &path)?;
        let hash = copy.stream_running(recording, &mut |part| {
            file.write_all(part).map_err(Error::io(WRITE))
        })?;
        file.sync_all().map_err(Error::io(WRITE))?;
        hashes.push((path, hash));
    }
    let note = json!({
        "schema": "spotcheck-rescued/1", "case": copy.label.case, "from_device": copy.state.device,
        "kept_ms": copy.state.kept_ms, "entries": copy.head.seq, "signed": false,
        "door": copy.is_door(),
        "note": "由第二副本恢复，未封存、未签名：不是证据包",
    });
    let note = serde_json::to_vec_pretty(&note).map_err(|_| Error::Stored("note"))?;
    put(out, "RESCUED.json", &note)?;
    let list = hashes.iter().map(|(path, hash)| (path.as_str(), *hash)).collect();
    let list = manifest(list).map_err(|_| unusable("文件名不合规定"))?;
    put(out, "manifest-sha256.txt", list.as_bytes())
}
