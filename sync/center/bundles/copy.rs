//! The second copy of a case that was never sealed (evidence.md §1), brought in by hand.
//!
//! Such a case has no signatures yet and cannot be received as a bundle. What the centre does with its copy:
//! it proves that all of it opens and fits its hashes and its journal, it addresses the case's keys to
//! another handheld of the task, on which the officers go on and seal it, and, if that cannot be, it writes
//! what there is as plain files marked as rescued and unsigned. What was captured at the door, before any case,
//! is such a copy too, without a journal. Each of these is written down. Where the intake key is lost too, the
//! escrow key from two custodians opens the same files.

mod opened;
mod plain;
#[cfg(test)]
mod tests;

use std::io::Write;
use std::path::Path;
use std::str::FromStr;

use age::Encryptor;
use age::x25519::Recipient;
use serde::Serialize;
use spotcheck_domain::DeviceId;

use self::opened::{Opened, opened, read, unusable};
pub(crate) use self::opened::{escrow_identity, open};
use self::plain::{put, write_open};
use crate::centre::Centre;
use crate::{Error, Result};

/// What a copy holds.
#[derive(Debug, Serialize)]
pub struct CopyReport {
    /// The case.
    pub case: String,
    /// The handheld whose case it is.
    pub device: String,
    /// When its state was kept, unix milliseconds by its clock.
    pub kept_ms: i64,
    /// Journal lines.
    pub entries: u64,
    /// SHA-256 of the last line.
    pub head: String,
    /// Files of the case, each whole and fitting its hashes.
    pub files: u64,
    /// Recordings that had not ended, or that no journal named yet.
    pub running: u64,
    /// Captured at the door, before any case: no journal and no task yet.
    pub door: bool,
    /// Files that are missing or do not fit, by path.
    pub faults: Vec<String>,
}

/// What to do with a copy besides proving it.
#[derive(Debug, Default)]
pub struct CopyActs<'a> {
    /// Address the case's keys to this handheld.
    pub address: Option<&'a str>,
    /// Write the plain files here.
    pub open: Option<&'a Path>,
    /// File with the escrow identity of two custodians, instead of the intake key.
    pub escrow: Option<&'a Path>,
}

/// Proves a copy, and does with it what is asked.
///
/// # Errors
/// No finished copy, not for this centre, damaged state; an unknown handheld; a folder that cannot be
/// written. A damaged file is no error but a fault in the report.
pub fn add_copy(centre: &Centre, folder: &Path, acts: &CopyActs<'_>) -> Result<CopyReport> {
    let copy = opened(centre, folder, acts.escrow)?;
    let files = copy.files()?;
    let mut faults = Vec::new();
    for file in files.values() {
        if !copy.stream(file, &mut |_| Ok(()))? {
            faults.push(file.path.clone());
        }
    }
    let running = copy.running()?;
    if let Some(device) = acts.address {
        address(centre, &copy, device)?;
    }
    if let Some(out) = acts.open {
        write_open(&copy, &files, &running, out)?;
        centre.record_act("copy-opened", &copy.label.case)?;
    }
    centre.record_act("copy-checked", &copy.label.case)?;
    Ok(CopyReport {
        door: copy.is_door(),
        case: copy.label.case,
        device: copy.state.device,
        kept_ms: copy.state.kept_ms,
        entries: copy.head.seq,
        head: copy.head.hash.to_string(),
        files: u64::try_from(files.len()).unwrap_or(u64::MAX),
        running: u64::try_from(running.len()).unwrap_or(u64::MAX),
        faults,
    })
}

/// `keys-<device>.age` into the copy: the case's keys to that handheld's package recipient.
fn address(centre: &Centre, copy: &Opened<'_>, device: &str) -> Result<()> {
    let unknown = || {
        Error::refused(
            "COPY-DEVICE",
            "没有这台手持机，或它已被吊销，或还没有检查人员登记。",
            "用 device list 核对编号。",
        )
    };
    let id = DeviceId::parse(device).map_err(|_| unknown())?;
    let row = centre.repo().device(id.as_str())?.filter(|row| row.revoked_ms.is_none());
    let recipient = row.and_then(|row| row.package_recipient).ok_or_else(unknown)?;
    let recipient = Recipient::from_str(&recipient).map_err(|_| Error::Stored("recipient"))?;
    let sealed = read(copy.folder, &format!("{}.keys.age", copy.label.case))?;
    let keys = open(&copy.identities, &sealed.unwrap_or_default())
        .ok_or_else(|| unusable("案卷密钥打不开"))?;
    let age = |e: &dyn std::fmt::Display| Error::Age(e.to_string());
    let to = std::iter::once(&recipient as &dyn age::Recipient);
    let mut shared = Vec::new();
    let mut writer = Encryptor::with_recipients(to)
        .map_err(|e| age(&e))?
        .wrap_output(&mut shared)
        .map_err(|e| age(&e))?;
    writer.write_all(&keys).map_err(|e| age(&e))?;
    writer.finish().map_err(|e| age(&e))?;
    put(copy.folder, &format!("keys-{id}.age"), &shared)?;
    centre.record_act("copy-addressed", &format!("{} {id}", copy.label.case))
}
