//! Names, files and lines of a recording's folder.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use spotcheck_app::ports::{Blob, RecordingOrder, RecordingOutcome};
use spotcheck_domain::id::is_plain_id;
use spotcheck_evidence::Hash32;

use super::log::Log;
use super::twice::{self, is_of};
use crate::atomic;
use crate::error::VaultError;
use crate::vault::Recipients;

/// Schema of order.json.
pub const ORDER_SCHEMA: &str = "spotcheck-recording/1";

pub(super) const ORDER: &str = "order.json";
pub(super) const LOG: &str = "log.jsonl";
pub(super) const SEGMENTS: &str = "segments.jsonl";
pub(super) const OUTCOME: &str = "outcome.json";
const REC: &str = "rec";
/// What a copy of a running recording reads before it looks for fragments, in this order: a list may then
/// name less than what is there, never more.
pub(crate) const LISTS: [&str; 4] = [ORDER, SEGMENTS, LOG, OUTCOME];

/// order.json.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OrderFile {
    pub(super) schema: String,
    pub(super) order: RecordingOrder,
    pub(super) recipients: Recipients,
}

/// A line of segments.jsonl.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SegmentLine {
    /// First fragment in it.
    pub(super) first: u64,
    /// Last fragment in it.
    pub(super) last: u64,
    /// Milliseconds of media in it.
    pub(super) media_ms: u64,
    /// The segment itself.
    pub(super) blob: Blob,
}

/// A recording whose folder still exists: cut off, running, or ended and not yet settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// What it was to become.
    pub order: RecordingOrder,
    /// True while a recorder process holds it.
    pub running: bool,
    /// Milliseconds of media on storage, by names of fragments and the list of segments.
    pub stored_ms: u64,
    /// How it ended, if it was closed: the journal has to name it, then the folder is settled.
    pub outcome: Option<RecordingOutcome>,
}

/// Folder of all recordings of a case.
pub(crate) fn recordings(case_folder: &Path) -> PathBuf {
    case_folder.join(REC)
}

/// Folder of one recording: named by the media file.
pub(super) fn folder(case_folder: &Path, media_path: &str) -> Result<PathBuf, VaultError> {
    let name = media_path.rsplit('/').next().unwrap_or_default();
    if !is_plain_id(name) || matches!(name, "." | "..") {
        return Err(VaultError::Recording {
            name: String::new(),
            what: "media path does not end in a plain file name",
        });
    }
    Ok(recordings(case_folder).join(name))
}

/// Name for messages.
pub(super) fn name_of(folder: &Path) -> String {
    folder.file_name().and_then(|n| n.to_str()).unwrap_or_default().to_owned()
}

pub(super) fn broken(folder: &Path, what: &'static str) -> VaultError {
    VaultError::Recording { name: name_of(folder), what }
}

/// File name of a fragment: its number, and its milliseconds, which a recovery needs.
pub(super) fn fragment_name(number: u64, media_ms: u64) -> String {
    format!("f-{number:06}-{media_ms}.age")
}

/// Number and milliseconds of a fragment's file name.
pub(super) fn parse_fragment(name: &str) -> Option<(u64, u64)> {
    let (number, ms) = name.strip_prefix("f-")?.strip_suffix(".age")?.split_once('-')?;
    Some((number.parse().ok()?, ms.parse().ok()?))
}

/// Takes order.json for this process alone; `None` if a recorder holds it.
pub(super) fn lock(folder: &Path) -> Result<Option<File>, VaultError> {
    lock_file(&folder.join(ORDER))
}

/// Takes a file for this process alone; `None` if another one holds it.
pub(super) fn lock_file(path: &Path) -> Result<Option<File>, VaultError> {
    let file = File::open(path).map_err(VaultError::io("open order"))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(source)) => Err(VaultError::Io { action: "lock order", source }),
    }
}

/// Reads order.json.
pub(super) fn read_order(folder: &Path) -> Result<Option<OrderFile>, VaultError> {
    let order: Option<OrderFile> = twice::read(folder, ORDER, "order.json cannot be read")?;
    let Some(order) = order else { return Ok(None) };
    if order.schema == ORDER_SCHEMA {
        Ok(Some(order))
    } else {
        Err(broken(folder, "order.json is of another version"))
    }
}

/// Puts order.json back from what its second copy said: it is what a recorder locks. Does nothing if it is there.
pub(super) fn restore_order(folder: &Path, order: &OrderFile) -> Result<(), VaultError> {
    if folder.join(ORDER).exists() { Ok(()) } else { twice::write(folder, ORDER, order) }
}

/// Reads outcome.json.
pub(super) fn read_outcome(folder: &Path) -> Result<Option<RecordingOutcome>, VaultError> {
    twice::read(folder, OUTCOME, "outcome.json cannot be read")
}

/// The lines of segments.jsonl that can be read, as they were written.
pub(super) fn read_segments(folder: &Path) -> Result<Vec<SegmentLine>, VaultError> {
    twice::list(folder, SEGMENTS)
}

/// The log of a recording that hangs on its order's first hash.
pub(super) fn read_log(folder: &Path, order: &RecordingOrder) -> Result<Log, VaultError> {
    let prev = Hash32::parse(&order.first_prev)
        .ok_or_else(|| broken(folder, "first_prev is not a hash"))?;
    let bytes = atomic::read_if_there(&folder.join(LOG))?.unwrap_or_default();
    Ok(Log::read(&bytes, prev, None))
}

/// Makes the end of a recording durable; then what led to it goes.
pub(super) fn finish(folder: &Path, outcome: &RecordingOutcome) -> Result<(), VaultError> {
    twice::write(folder, OUTCOME, outcome)?;
    sweep_finished(folder)
}

/// Removes everything that an outcome makes superfluous.
pub(super) fn sweep_finished(folder: &Path) -> Result<(), VaultError> {
    let mut gone = atomic::names(folder)?;
    gone.retain(|name| !is_of(name, ORDER) && !is_of(name, OUTCOME));
    if gone.is_empty() { Ok(()) } else { atomic::remove_durable(folder, &gone) }
}

/// First and last line of a log: their hashes, and the number of lines.
pub(super) struct LogSummary {
    pub(super) lines: u64,
    pub(super) first: Hash32,
    pub(super) head: Hash32,
    /// How often sound was lost.
    pub(super) gaps: u32,
    /// Milliseconds of it.
    pub(super) lost_ms: u64,
}

/// Milliseconds of media on storage: segments, and the fragments after them. Reads names and numbers only.
pub(super) fn stored_ms(folder: &Path) -> Result<u64, VaultError> {
    let (mut covered, mut sum) = (0, 0_u64);
    for segment in read_segments(folder)? {
        if segment.first > covered {
            covered = segment.last;
            sum = sum.saturating_add(segment.media_ms);
        }
    }
    let fragments = atomic::names(folder)?;
    let after = fragments.iter().filter_map(|name| parse_fragment(name));
    Ok(after.filter(|(n, _)| *n > covered).fold(sum, |sum, (_, ms)| sum.saturating_add(ms)))
}

/// Summary of the log's bytes; `None` for an empty log.
pub(super) fn summary(log: &[u8]) -> Option<LogSummary> {
    let lines = atomic::whole_lines(log);
    let fact = |line: &[u8], name: &str| {
        let line: serde_json::Value = serde_json::from_slice(line).unwrap_or_default();
        line.pointer(name).and_then(serde_json::Value::as_u64).unwrap_or(0)
    };
    let sum = |name: &str| lines.iter().fold(0_u64, |sum, l| sum.saturating_add(fact(l, name)));
    Some(LogSummary {
        gaps: u32::try_from(sum("/facts/gaps")).unwrap_or(u32::MAX),
        lost_ms: sum("/facts/lost_ms"),
        lines: u64::try_from(lines.len()).ok()?,
        first: Hash32::sha256(lines.first()?),
        head: Hash32::sha256(lines.last()?),
    })
}

/// All recordings with a folder, in order of their names.
pub(super) fn list(case_folder: &Path) -> Result<Vec<(PathBuf, OrderFile)>, VaultError> {
    let all = recordings(case_folder);
    let mut found = Vec::new();
    for name in atomic::names(&all)? {
        let folder = all.join(name);
        // A folder without an order was cut off before its first fragment: it holds nothing.
        match read_order(&folder) {
            Ok(Some(order)) => found.push((folder, order)),
            Ok(None) => {}
            Err(error) => {
                let recording = name_of(&folder);
                tracing::error!(recording, %error, "A recording's order cannot be read.");
            }
        }
    }
    Ok(found)
}
