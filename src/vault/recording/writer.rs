//! The writing half of a recording: runs in the recorder process, knows public keys only.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use age::x25519::Recipient;
use spotcheck_app::ports::{Blob, RecordingOrder, RecordingOutcome};
use spotcheck_domain::Clock;
use spotcheck_evidence::journal::{ChainHead, EntryDraft, next_line};
use spotcheck_evidence::{DualHash, Hash32};
use zeroize::Zeroizing;

use super::layout::{self, LOG, ORDER, ORDER_SCHEMA, OrderFile, SEGMENTS, SegmentLine, broken};
use super::log::Log;
use super::twice::{self, Both};
use crate::atomic::{self, AppendFile};
use crate::blobs;
use crate::error::VaultError;
use crate::sealing;
use crate::vault::Recipients;

/// A segment is closed when it holds this many milliseconds of media …
pub const SEGMENT_MS: u64 = 60_000;
/// … or this many bytes.
pub const SEGMENT_BYTES: u64 = 16 * 1024 * 1024;

/// What is durable after a fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FragmentAck {
    /// Number of the fragment, from 1.
    pub number: u64,
    /// Milliseconds of media durable so far.
    pub stored_ms: u64,
    /// SHA-256 of this fragment's line in the recording log; of the first one `capture_started` names it
    /// where the vault was locked (evidence.md §2).
    pub line: Hash32,
}

/// Plaintext of fragments that are durable and wait for their segment.
#[derive(Default)]
struct Pending {
    parts: Vec<Zeroizing<Vec<u8>>>,
    names: Vec<String>,
    bytes: u64,
    media_ms: u64,
    first: u64,
}

/// Writes one recording. Dropping it without [`RecordingWriter::close`] is what a kill is: the recovery
/// closes it later.
pub struct RecordingWriter {
    folder: PathBuf,
    case_folder: PathBuf,
    order: RecordingOrder,
    recipients: Recipients,
    to: [Recipient; 3],
    clock: Arc<dyn Clock>,
    log: AppendFile,
    segments: Both,
    head: ChainHead,
    pending: Pending,
    whole: DualHash,
    blobs: Vec<Blob>,
    fragments: u64,
    stored_ms: u64,
    segment_ms: u64,
    /// Sound lost since the beginning: how often, and milliseconds.
    lost: (u32, u64),
    /// What of it the log says already.
    told: (u32, u64),
    // Held until the writer goes, so that a recovery sees it run.
    _lock: File,
}

impl std::fmt::Debug for RecordingWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecordingWriter")
            .field("path", &self.order.path)
            .field("fragments", &self.fragments)
            .finish_non_exhaustive()
    }
}

impl RecordingWriter {
    /// Prepares the folder `<case_folder>/rec/<media file name>`. Needs no key and no unlocking.
    ///
    /// # Errors
    /// [`VaultError::RecordingExists`] if a recording of this name is there; unreadable recipients; a
    /// `first_prev` that is no hash; an I/O failure.
    pub fn create(
        case_folder: &Path,
        order: &RecordingOrder,
        recipients: &Recipients,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, VaultError> {
        let to = recipients.parse()?;
        let folder = layout::folder(case_folder, &order.path)?;
        let prev = Hash32::parse(&order.first_prev)
            .ok_or_else(|| broken(&folder, "first_prev is not a hash"))?;
        atomic::create_folder(&folder)?;
        if folder.join(ORDER).exists() {
            return Err(VaultError::RecordingExists(layout::name_of(&folder)));
        }
        let order_file = OrderFile {
            schema: ORDER_SCHEMA.to_owned(),
            order: order.clone(),
            recipients: recipients.clone(),
        };
        let log = AppendFile::open(&folder.join(LOG))?;
        let segments = Both::open(&folder, SEGMENTS)?;
        // Locked before it is visible: nobody can take a recording that begins for one that was cut off.
        let line = twice::line(&folder, &order_file)?;
        let staged = atomic::stage(&folder.join(ORDER), &line)?;
        let lock = layout::lock_file(&staged)?
            .ok_or_else(|| VaultError::RecordingExists(layout::name_of(&folder)))?;
        atomic::publish(&staged, &folder.join(ORDER))?;
        twice::write_second(&folder, ORDER, &line)?;
        Ok(Self {
            folder,
            case_folder: case_folder.to_owned(),
            order: order.clone(),
            recipients: recipients.clone(),
            to,
            clock,
            log,
            segments,
            head: ChainHead::recording(prev),
            pending: Pending::default(),
            whole: DualHash::new(),
            blobs: Vec::new(),
            fragments: 0,
            stored_ms: 0,
            segment_ms: SEGMENT_MS,
            lost: (0, 0),
            told: (0, 0),
            _lock: lock,
        })
    }

    /// Closes a segment when it holds `ms` milliseconds of media instead of [`SEGMENT_MS`].
    #[must_use]
    pub const fn with_segments_of(mut self, ms: u64) -> Self {
        self.segment_ms = ms;
        self
    }

    /// Seals one fragment (whole Ogg pages, whole Matroska clusters) of `media_ms` milliseconds. On return
    /// it is durable, and its line stands in the log.
    ///
    /// # Errors
    /// An I/O failure, above all a full disk: the fragment is then not part of the recording, everything
    /// before it is, and [`RecordingWriter::close`] still works if the reserve is there (R08).
    pub fn push(&mut self, fragment: &[u8], media_ms: u64) -> Result<FragmentAck, VaultError> {
        let number = self.fragments.saturating_add(1);
        let name = layout::fragment_name(number, media_ms);
        let sealed = sealing::seal(&self.to, fragment)?;
        let draft = EntryDraft::fragment(
            self.order.device.clone(),
            &self.order.path,
            number,
            Hash32::sha256(&sealed),
        )
        .fact("media_ms", media_ms);
        let (gaps, lost_ms) = self.lost;
        let (told_gaps, told_ms) = self.told;
        let draft = if gaps > told_gaps {
            draft
                .fact("gaps", gaps.saturating_sub(told_gaps))
                .fact("lost_ms", lost_ms.saturating_sub(told_ms))
        } else {
            draft
        };
        let (line, head) = next_line(&self.head, draft, &self.clock.read())?;
        atomic::write_durable(&self.folder.join(&name), &sealed)?;
        if let Err(error) = self.log.append_line(&line) {
            let _ = fs::remove_file(self.folder.join(&name));
            return Err(error);
        }
        self.head = head;
        self.told = self.lost;
        self.fragments = number;
        self.stored_ms = self.stored_ms.saturating_add(media_ms);
        self.whole.update(fragment);
        self.pending.add(number, name, fragment, media_ms);
        let ack = FragmentAck { number, stored_ms: self.stored_ms, line: head.hash };
        if self.pending.is_full(self.segment_ms)
            && let Err(error) = self.close_segment()
        {
            // The fragment itself is safe: the segment is tried again with the next one.
            tracing::warn!(%error, "A segment could not be closed yet.");
        }
        Ok(ack)
    }

    /// Sound that was lost since the recording began: how often, and milliseconds in all. What is new stands in the
    /// line of the next fragment, so that it survives whatever happens to this process (R09).
    pub const fn lost(&mut self, gaps: u32, lost_ms: u64) {
        self.lost = (gaps, lost_ms);
    }

    /// Milliseconds of media durable so far.
    #[must_use]
    pub const fn stored_ms(&self) -> u64 {
        self.stored_ms
    }

    /// Closes the last segment, seals the log and makes the outcome durable. The folder stays, with
    /// order.json and outcome.json only, until the journal has named the recording
    /// ([`Vault::settle_recording`](crate::Vault::settle_recording)).
    ///
    /// # Errors
    /// No fragment was stored (the folder is then removed), or an I/O failure: everything durable stays for
    /// the recovery.
    pub fn close(mut self) -> Result<RecordingOutcome, VaultError> {
        if self.fragments == 0 {
            let error = broken(&self.folder, "nothing was recorded");
            atomic::remove_folder(&self.folder)?;
            return Err(error);
        }
        self.close_segment()?;
        let hashes = self.whole.so_far();
        let media = blobs::stored(&self.order.path, &hashes, std::mem::take(&mut self.blobs));
        let ending = Ending {
            duration_ms: self.stored_ms,
            recovered: false,
            damaged: (0, 0),
            log_damaged: self.log_as_written()?,
        };
        let (folder, case) = (&self.folder, &self.case_folder);
        let outcome = close_log(folder, case, &self.order, &self.recipients, media, ending)?;
        layout::finish(&self.folder, &outcome)?;
        Ok(outcome)
    }

    /// Reads the log back: it goes into the bag as it lies on storage now. How many of its lines had to be written anew.
    fn log_as_written(&self) -> Result<u64, VaultError> {
        let path = self.folder.join(LOG);
        let bytes = atomic::read_if_there(&path)?.unwrap_or_default();
        let prev = Hash32::parse(&self.order.first_prev)
            .ok_or_else(|| broken(&self.folder, "first_prev is not a hash"))?;
        let mut log = Log::read(&bytes, prev, Some(self.head.hash));
        let anew = log.complete(&self.order, &self.clock, prev, self.fragments, |_| None)?;
        let whole = log.bytes();
        if whole != bytes {
            let recording = layout::name_of(&self.folder);
            tracing::error!(recording, anew, "A damaged recording log was mended.");
            atomic::write_durable(&path, &whole)?;
        }
        Ok(anew)
    }

    /// Writes the pending plaintext as one segment. Order: bytes durable under a temporary name, line in
    /// segments.jsonl, name, fragments removed. A line whose file is missing never became a segment; a
    /// segment without a line cannot exist.
    fn close_segment(&mut self) -> Result<(), VaultError> {
        if self.pending.parts.is_empty() {
            return Ok(());
        }
        let index = u32::try_from(self.blobs.len())
            .map_err(|_| broken(&self.folder, "too many segments"))?;
        let staged = blobs::stage(
            &self.case_folder,
            &self.to,
            &self.recipients.intake_id,
            (&self.order.path, index),
            self.pending.parts.iter().map(|part| part.as_slice()),
        )?;
        let line = SegmentLine {
            first: self.pending.first,
            last: self.fragments,
            media_ms: self.pending.media_ms,
            blob: staged.blob.clone(),
        };
        self.segments.append(&self.folder, &line)?;
        self.blobs.push(staged.publish()?);
        let done = std::mem::take(&mut self.pending);
        atomic::remove_durable(&self.folder, &done.names)
    }
}

impl Pending {
    fn add(&mut self, number: u64, name: String, fragment: &[u8], media_ms: u64) {
        if self.parts.is_empty() {
            self.first = number;
        }
        self.parts.push(Zeroizing::new(fragment.to_vec()));
        self.names.push(name);
        let size = u64::try_from(fragment.len()).unwrap_or(u64::MAX);
        self.bytes = self.bytes.saturating_add(size);
        self.media_ms = self.media_ms.saturating_add(media_ms);
    }

    fn is_full(&self, segment_ms: u64) -> bool {
        self.media_ms >= segment_ms || self.bytes >= SEGMENT_BYTES
    }
}

/// How a recording ended, besides its files.
#[derive(Clone, Copy)]
pub(super) struct Ending {
    pub(super) duration_ms: u64,
    pub(super) recovered: bool,
    /// In how many places segments were lost, and milliseconds of them.
    pub(super) damaged: (u32, u64),
    /// Lines of the log that had to be written anew.
    pub(super) log_damaged: u64,
}

/// Stores the log as a blob and puts the outcome together; writer and recovery end alike.
pub(super) fn close_log(
    folder: &Path,
    case_folder: &Path,
    order: &RecordingOrder,
    recipients: &Recipients,
    media: spotcheck_app::ports::StoredFile,
    ending: Ending,
) -> Result<RecordingOutcome, VaultError> {
    let log = atomic::read_if_there(&folder.join(LOG))?.unwrap_or_default();
    let summary = layout::summary(&log).ok_or_else(|| broken(folder, "log is empty"))?;
    Ok(RecordingOutcome {
        media,
        log: blobs::put(case_folder, recipients, &order.log_path, &log)?,
        fragments: summary.lines,
        log_first: summary.first.to_string(),
        log_head: summary.head.to_string(),
        duration_ms: ending.duration_ms,
        recovered: ending.recovered,
        gaps: summary.gaps,
        lost_ms: summary.lost_ms,
        damaged: ending.damaged.0,
        damaged_ms: ending.damaged.1,
        log_damaged: ending.log_damaged,
    })
}
