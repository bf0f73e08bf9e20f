//! What a kill or a power cut left of a recording is closed after the next unlock.
//!
//! Leftover fragments become the last segment, and both hashes of the whole file are computed again from
//! the plaintexts (see the parent module for why their state is not stored). What cannot be opened in a
//! fragment is dropped with that fragment only; everything else keeps its place. Where a whole segment is damaged
//! or gone, it is fetched from the second copy; until one is at hand the recording waits, and the seal closes it
//! around the hole: how much is missing stands in the outcome and so in the journal, and the damaged file stays
//! where it is. Every step can be cut off and run again.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use age::x25519::Identity;
use spotcheck_app::ports::{Blob, RecordingOrder, RecordingOutcome};
use spotcheck_domain::{CaseId, Clock};
use spotcheck_evidence::{DualHash, Hash32};
use zeroize::Zeroizing;

use super::layout::{self, LOG, OUTCOME, OrderFile, SEGMENTS, SegmentLine, Unfinished, broken};
use super::twice::{self, Both, is_of};
use super::writer::{Ending, close_log};
use crate::atomic;
use crate::blobs;
use crate::error::VaultError;
use crate::sealing;
use crate::vault::{Inner, Vault};

/// A fragment that was found on disk and opens.
struct Found {
    number: u64,
    media_ms: u64,
    ciphertext: Hash32,
    plaintext: Zeroizing<Vec<u8>>,
}

struct Recovery<'a> {
    folder: &'a Path,
    case_folder: &'a Path,
    file: &'a OrderFile,
    identity: &'a Identity,
    clock: &'a Arc<dyn Clock>,
    /// What is damaged does not come back: the rest is closed.
    around: bool,
}

impl Recovery<'_> {
    /// How it ended, now or before; `None` if not one fragment of it can be opened.
    fn close(&self) -> Result<Option<RecordingOutcome>, VaultError> {
        match layout::read_outcome(self.folder)? {
            Some(outcome) => {
                layout::sweep_finished(self.folder)?;
                Ok(Some(outcome))
            }
            None => self.run(),
        }
    }

    /// Closes the recording; `None` if not one fragment of it can be opened.
    fn run(&self) -> Result<Option<RecordingOutcome>, VaultError> {
        if sealing::public_text(self.identity) != self.file.recipients.case {
            return Err(broken(self.folder, "encrypted to another case"));
        }
        atomic::sweep_temps(self.folder)?;
        let (kept, until) = self.segments()?;
        let left = self.fragments(&kept)?;
        let lost = self.lost(until, &kept, &left)?;
        if lost.0 > 0 && !self.around {
            return Err(broken(self.folder, "a segment is missing"));
        }
        let log_damaged = self.complete_log(until, &left)?;
        let segments = self.with_the_rest(kept, &left)?;
        if segments.is_empty() {
            // Not even one fragment file, nor a segment: cut off before anything was acknowledged.
            let names = atomic::names(self.folder)?;
            if until == 0 && !names.iter().any(|name| layout::parse_fragment(name).is_some()) {
                atomic::remove_folder(self.folder)?;
            }
            return Ok(None);
        }
        let mut whole = DualHash::new();
        for segment in &segments {
            whole.update(&blobs::plaintext(self.case_folder, self.identity, &segment.blob)?);
        }
        let duration_ms = segments.iter().fold(0_u64, |sum, s| sum.saturating_add(s.media_ms));
        // Numbered anew: where a segment was lost, the next one follows the one before.
        let of_media: Vec<Blob> =
            (0_u32..).zip(segments).map(|(index, s)| Blob { index, ..s.blob }).collect();
        let order = &self.file.order;
        let media = blobs::stored(&order.path, &whole.finish(), of_media);
        let ending = Ending { duration_ms, recovered: true, damaged: lost, log_damaged };
        let outcome =
            close_log(self.folder, self.case_folder, order, &self.file.recipients, media, ending)?;
        layout::finish(self.folder, &outcome)?;
        Ok(Some(outcome))
    }

    /// Segments that are whole, in order, and the last fragment that any segment held. A line whose file never got
    /// its name (cut off, or tried again after a full disk) counts for nothing: its fragments are all still here, or
    /// in a later try. One whose file is damaged or gone keeps its line: what it held is lost and is told.
    fn segments(&self) -> Result<(Vec<SegmentLine>, u64), VaultError> {
        let fragments: BTreeSet<u64> = atomic::names(self.folder)?
            .iter()
            .filter_map(|name| Some(layout::parse_fragment(name)?.0))
            .collect();
        let mut kept: Vec<SegmentLine> = Vec::new();
        let (mut named, mut until) = (Vec::new(), 0_u64);
        for segment in layout::read_segments(self.folder)? {
            match blobs::ciphertext(self.case_folder, &segment.blob) {
                Ok(_) => {
                    until = until.max(segment.last);
                    named.push(segment.clone());
                    kept.push(segment);
                }
                Err(VaultError::BlobMissing(_) | VaultError::BlobDamaged(_)) => {
                    if fragments.contains(&segment.first) {
                        continue;
                    }
                    let recording = layout::name_of(self.folder);
                    let (first, last) = (segment.first, segment.last);
                    tracing::error!(recording, first, last, "A segment is lost.");
                    until = until.max(segment.last);
                    named.push(segment);
                }
                Err(error) => return Err(error),
            }
        }
        kept.sort_by_key(|segment| segment.first);
        let mut next = 1_u64;
        for segment in &kept {
            if segment.first < next {
                return Err(broken(self.folder, "segments overlap"));
            }
            next = segment.last.saturating_add(1);
        }
        twice::rewrite(self.folder, SEGMENTS, &named)?;
        Ok((kept, until))
    }

    /// Fragments in no segment, in order. Those a segment holds already are removed; one that does not open (cut
    /// or changed on disk) is left out.
    fn fragments(&self, kept: &[SegmentLine]) -> Result<Vec<Found>, VaultError> {
        let mut found = Vec::new();
        let mut superseded = Vec::new();
        for name in atomic::names(self.folder)? {
            let Some((number, media_ms)) = layout::parse_fragment(&name) else { continue };
            if kept.iter().any(|s| (s.first..=s.last).contains(&number)) {
                superseded.push(name);
                continue;
            }
            let sealed = atomic::read_if_there(&self.folder.join(&name))?.unwrap_or_default();
            if let Some(plaintext) = sealing::open(self.identity, &sealed) {
                let ciphertext = Hash32::sha256(&sealed);
                found.push(Found { number, media_ms, ciphertext, plaintext });
            } else {
                let recording = layout::name_of(self.folder);
                tracing::warn!(recording, number, "A fragment does not open and is left out.");
            }
        }
        if !superseded.is_empty() {
            atomic::remove_durable(self.folder, &superseded)?;
        }
        // Names sort by number up to 999,999 fragments; be exact beyond.
        found.sort_by_key(|f| f.number);
        Ok(found)
    }

    /// Fragments up to `until` that are in no segment and not here any more: in how many places, and how many
    /// milliseconds by the recording log.
    fn lost(
        &self,
        until: u64,
        kept: &[SegmentLine],
        left: &[Found],
    ) -> Result<(u32, u64), VaultError> {
        let here = |n: u64| {
            kept.iter().any(|s| (s.first..=s.last).contains(&n))
                || left.iter().any(|f| f.number == n)
        };
        let lost: BTreeSet<u64> = (1..=until).filter(|n| !here(*n)).collect();
        if lost.is_empty() {
            return Ok((0, 0));
        }
        let places = lost.iter().filter(|n| !lost.contains(&n.saturating_sub(1))).count();
        let lost_ms =
            layout::read_log(self.folder, &self.file.order)?.media_ms(|n| lost.contains(&n));
        Ok((u32::try_from(places).unwrap_or(u32::MAX), lost_ms))
    }

    /// The segments with what lies between and after them, each run of fragments as one more.
    fn with_the_rest(
        &self,
        kept: Vec<SegmentLine>,
        left: &[Found],
    ) -> Result<Vec<SegmentLine>, VaultError> {
        let before = |f: &Found| kept.iter().filter(|s| s.last < f.number).count();
        let mut fresh = Vec::new();
        for run in left.chunk_by(|a, b| before(a) == before(b)) {
            let index = kept.len().saturating_add(fresh.len());
            fresh.push(self.segment_of(index, run)?);
        }
        let mut all = kept;
        all.extend(fresh);
        all.sort_by_key(|segment| segment.first);
        Ok(all)
    }

    /// Drops a torn tail of the log, mends what is damaged, and adds the line of a fragment that was cut off between its
    /// file and its line. How many damaged lines had to be written anew.
    fn complete_log(&self, covered: u64, left: &[Found]) -> Result<u64, VaultError> {
        let path = self.folder.join(LOG);
        let bytes = atomic::read_if_there(&path)?.unwrap_or_default();
        let order = &self.file.order;
        let first_prev = Hash32::parse(&order.first_prev)
            .ok_or_else(|| broken(self.folder, "first_prev is not a hash"))?;
        let mut log = layout::read_log(self.folder, order)?;
        let until = left.last().map_or(covered, |last| covered.max(last.number));
        let fragment =
            |number| left.iter().find(|f| f.number == number).map(|f| (f.ciphertext, f.media_ms));
        let anew = log.complete(order, self.clock, first_prev, until, fragment)?;
        let whole = log.bytes();
        if anew > 0 {
            let recording = layout::name_of(self.folder);
            tracing::error!(recording, anew, "Damaged lines of a recording log were written anew.");
        }
        if whole != bytes {
            atomic::write_durable(&path, &whole)?;
        }
        Ok(anew)
    }

    /// Leftover fragments as one more segment, by the same order of steps as the writer's.
    fn segment_of(&self, index: usize, left: &[Found]) -> Result<SegmentLine, VaultError> {
        let order = &self.file.order;
        let index = u32::try_from(index).map_err(|_| broken(self.folder, "too many segments"))?;
        let staged = blobs::stage(
            self.case_folder,
            &self.file.recipients.parse()?,
            &self.file.recipients.intake_id,
            (&order.path, index),
            left.iter().map(|f| f.plaintext.as_slice()),
        )?;
        let line = SegmentLine {
            first: left.first().map_or(0, |f| f.number),
            last: left.last().map_or(0, |f| f.number),
            media_ms: left.iter().fold(0_u64, |sum, f| sum.saturating_add(f.media_ms)),
            blob: staged.blob.clone(),
        };
        Both::open(self.folder, SEGMENTS)?.append(self.folder, &line)?;
        staged.publish()?;
        Ok(line)
    }
}

impl Inner {
    fn recover_recordings(
        &mut self,
        case: &CaseId,
        around: bool,
    ) -> Result<Vec<(RecordingOrder, RecordingOutcome)>, VaultError> {
        let case_folder = self.case_folder(case);
        let clock = Arc::clone(&self.clock);
        let mut closed = Vec::new();
        let mut running = false;
        for (folder, file) in layout::list(&case_folder)? {
            layout::restore_order(&folder, &file)?;
            let Some(lock) = layout::lock(&folder)? else {
                running = true;
                continue;
            };
            let identity = &self.case_keys(case)?.identity;
            let recovery = Recovery {
                folder: &folder,
                case_folder: &case_folder,
                file: &file,
                identity,
                clock: &clock,
                around,
            };
            // One that is damaged stays as it is and must not keep the officer from the others.
            match recovery.close() {
                Ok(Some(outcome)) => closed.push((file.order, outcome)),
                Ok(None) => {}
                Err(error) => {
                    let recording = layout::name_of(&folder);
                    tracing::error!(recording, %error, "A recording could not be closed.");
                }
            }
            drop(lock);
        }
        if !running {
            // A recorder may be staging a segment there; without one, temporary files are leftovers.
            atomic::sweep_temps(&blobs::folder(&case_folder))?;
        }
        Ok(closed)
    }
}

impl Vault {
    /// Recordings of a case that still have a folder: running, cut off, or closed and not yet settled.
    /// Works while locked.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub fn unfinished_recordings(&self, case: &CaseId) -> Result<Vec<Unfinished>, VaultError> {
        let mut found = Vec::new();
        for (folder, file) in layout::list(&self.case_folder(case))? {
            layout::restore_order(&folder, &file)?;
            let running = layout::lock(&folder)?.is_none();
            let outcome = layout::read_outcome(&folder)?;
            let stored_ms = layout::stored_ms(&folder)?;
            found.push(Unfinished { order: file.order, running, stored_ms, outcome });
        }
        Ok(found)
    }

    /// True if fragments, segments or a log of a recording that is not closed lie here, whatever of them opens.
    /// Works while locked.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub fn holds_unclosed(&self, case: &CaseId, media_path: &str) -> Result<bool, VaultError> {
        let folder = layout::folder(&self.case_folder(case), media_path)?;
        let names = atomic::names(&folder)?;
        let listed = !layout::read_segments(&folder)?.is_empty();
        Ok(!names.iter().any(|name| is_of(name, OUTCOME))
            && (listed || names.iter().any(|name| layout::parse_fragment(name).is_some())))
    }

    /// SHA-256 of the first line of a recording's log, running or ended. Works while locked.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn recording_first_line(
        &self,
        case: &CaseId,
        media_path: &str,
    ) -> Result<Option<String>, VaultError> {
        let folder = layout::folder(&self.case_folder(case), media_path)?;
        if let Some(outcome) = layout::read_outcome(&folder)? {
            return Ok(Some(outcome.log_first));
        }
        let Some(file) = layout::read_order(&folder)? else { return Ok(None) };
        let log = layout::read_log(&folder, &file.order)?;
        Ok(log.lines.first().map(|line| Hash32::sha256(line).to_string()))
    }

    /// Closes every recording of the case that no recorder process holds, and tells again how those ended
    /// that were closed but not settled. Needs an unlocked officer of the case. A recording without a
    /// single fragment that opens, with a damaged segment of which no good copy is to be had, or whose files cannot
    /// be written now, is left as it is and not told: [`Vault::unfinished_recordings`] still has it, and it is tried
    /// again next time, when the stick with its copy may be plugged in.
    ///
    /// # Errors
    /// Locked; a folder that cannot be listed.
    pub fn recover_recordings(
        &self,
        case: &CaseId,
    ) -> Result<Vec<(RecordingOrder, RecordingOutcome)>, VaultError> {
        // A good copy of a segment is better than a recording closed around it.
        for blob in self.damaged_segments(case)? {
            self.mend(case, &blob);
        }
        self.state().recover_recordings(case, false)
    }

    /// The same, and recordings with a damaged segment are closed around it: the outcome says how much is missing.
    /// For the seal, after which nothing more can come.
    ///
    /// # Errors
    /// As [`Vault::recover_recordings`].
    pub fn recover_around(
        &self,
        case: &CaseId,
    ) -> Result<Vec<(RecordingOrder, RecordingOutcome)>, VaultError> {
        for blob in self.damaged_segments(case)? {
            self.mend(case, &blob);
        }
        self.state().recover_recordings(case, true)
    }

    /// Segments of unfinished recordings that nobody writes, whose file is damaged or gone.
    fn damaged_segments(&self, case: &CaseId) -> Result<Vec<Blob>, VaultError> {
        let mut found = Vec::new();
        if !self.has_spare() {
            return Ok(found);
        }
        let case_folder = self.case_folder(case);
        for (folder, file) in layout::list(&case_folder)? {
            layout::restore_order(&folder, &file)?;
            if layout::lock(&folder)?.is_none() || layout::read_outcome(&folder)?.is_some() {
                continue;
            }
            for segment in layout::read_segments(&folder)? {
                if blobs::ciphertext(&case_folder, &segment.blob).is_err() {
                    found.push(segment.blob);
                }
            }
        }
        Ok(found)
    }

    /// Removes the folder of a closed recording, once the case journal names media and log. Does nothing
    /// if it is gone already.
    ///
    /// # Errors
    /// The recording was never closed: its fragments are evidence and stay.
    pub fn settle_recording(&self, case: &CaseId, media_path: &str) -> Result<(), VaultError> {
        let folder = layout::folder(&self.case_folder(case), media_path)?;
        if !folder.exists() {
            return Ok(());
        }
        if layout::read_outcome(&folder)?.is_none() {
            return Err(broken(&folder, "not closed yet"));
        }
        atomic::remove_folder(&folder)
    }
}
