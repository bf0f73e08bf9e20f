//! Blobs and recordings of the twins.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use spotcheck_domain::{CaseId, Clock, ManualClock, TroubleResult};
use spotcheck_evidence::journal::{ChainHead, EntryDraft, next_line};
use spotcheck_evidence::{FileHashes, Hash32};
use zeroize::Zeroizing;

use super::guard;
use crate::page_check::Grey;
use crate::ports::{
    Blob, BlobVault, Part, Recorder, RecordingBytes, RecordingOrder, RecordingOutcome,
    RecordingProgress, StoredFile,
};
use crate::troubles;

/// Bytes by case and path.
type Files = BTreeMap<(CaseId, String), Vec<u8>>;

/// A list that outlives the handheld of a test.
type Shared<T> = Arc<Mutex<Vec<T>>>;

/// Files by case and path, "encrypted" by being out of sight.
#[derive(Debug, Clone, Default)]
pub struct MemoryVault {
    files: Arc<Mutex<Files>>,
    /// Running or cut off, each with the first line of its log.
    pub(super) recordings: Shared<(RecordingOrder, Vec<u8>)>,
    /// Paths of videos whose picture is blank.
    covered: Arc<Mutex<Vec<String>>>,
    /// What the camera sees.
    pub(super) sees: Arc<Mutex<Option<Grey>>>,
    /// 30 s of sound are kept ahead.
    listens: Arc<Mutex<bool>>,
    /// The sound card loses so many milliseconds of each recording.
    pub(super) lost: Arc<Mutex<Option<u64>>>,
    /// Recordings that ended by themselves.
    pub(super) over: Arc<Mutex<Vec<String>>>,
    /// The encoder that was chosen breaks at each start, and another one records.
    pub(super) breaks: Arc<Mutex<bool>>,
    /// Stopped, and no journal names them yet.
    ended: Shared<(RecordingOrder, RecordingOutcome)>,
}

impl MemoryVault {
    /// Whether sound is kept ahead.
    pub(super) fn listens(&self) -> bool {
        *guard(&self.listens)
    }

    /// What lies under a path.
    pub(super) fn plaintext(&self, case: &CaseId, path: &str) -> Option<Vec<u8>> {
        guard(&self.files).get(&(case.clone(), path.to_owned())).cloned()
    }
}

fn stored(path: &str, plaintext: &[u8]) -> StoredFile {
    let hashes = FileHashes::of(plaintext);
    StoredFile {
        path: path.to_owned(),
        sha256: hashes.sha256.to_string(),
        sm3: hashes.sm3.to_string(),
        size: hashes.size,
        blobs: vec![Blob {
            path: path.to_owned(),
            index: 0,
            ciphertext_sha256: Hash32::sha256(plaintext).to_string(),
            ciphertext_size: hashes.size,
            plaintext_sha256: hashes.sha256.to_string(),
            size: hashes.size,
            intake_id: "intake-1".to_owned(),
        }],
    }
}

impl BlobVault for MemoryVault {
    fn handle(&self) -> Box<dyn BlobVault> {
        Box::new(self.clone())
    }

    fn put(&mut self, case: &CaseId, path: &str, plaintext: &[u8]) -> TroubleResult<StoredFile> {
        guard(&self.files).insert((case.clone(), path.to_owned()), plaintext.to_vec());
        Ok(stored(path, plaintext))
    }

    fn read(&mut self, case: &CaseId, file: &StoredFile) -> TroubleResult<Zeroizing<Vec<u8>>> {
        let files = guard(&self.files);
        let found = files.get(&(case.clone(), file.path.clone()));
        found.cloned().map(Zeroizing::new).ok_or_else(|| troubles::unknown("文件"))
    }

    fn ciphertext(&mut self, case: &CaseId, blob: &Blob) -> TroubleResult<Vec<u8>> {
        let files = guard(&self.files);
        let found = files.get(&(case.clone(), blob.path.clone()));
        found.cloned().ok_or_else(|| troubles::unknown("文件"))
    }

    fn recording(
        &self,
        case: &CaseId,
        path: &str,
        _: Option<&StoredFile>,
    ) -> TroubleResult<Box<dyn RecordingBytes>> {
        Ok(Box::new(MemoryBytes { vault: self.clone(), case: case.clone(), path: path.to_owned() }))
    }

    fn recording_log(
        &mut self,
        case: &CaseId,
        path: &str,
        file: Option<&StoredFile>,
    ) -> TroubleResult<Zeroizing<Vec<u8>>> {
        if let Some(file) = file {
            return self.read(case, file);
        }
        let all = guard(&self.recordings);
        let found = all.iter().find(|(o, _)| &o.case == case && o.path == path);
        Ok(Zeroizing::new(found.map(|(_, first)| first.clone()).unwrap_or_default()))
    }

    fn remove_shredded(&mut self, case: &CaseId) -> TroubleResult<()> {
        guard(&self.files).retain(|(of, _), _| of != case);
        Ok(())
    }
}

/// A recording in one part.
struct MemoryBytes {
    vault: MemoryVault,
    case: CaseId,
    path: String,
}

impl RecordingBytes for MemoryBytes {
    fn parts(&mut self) -> TroubleResult<Vec<Part>> {
        let whole = self.vault.plaintext(&self.case, &self.path).unwrap_or_default();
        Ok(vec![Part { from: 0, size: u64::try_from(whole.len()).unwrap_or(u64::MAX) }])
    }

    fn read(&mut self, at: u64) -> TroubleResult<Option<(u64, Zeroizing<Vec<u8>>)>> {
        let whole = self.vault.plaintext(&self.case, &self.path);
        Ok(whole.filter(|_| at == 0).map(|bytes| (0, Zeroizing::new(bytes))))
    }
}

/// Recordings that store one fragment a second; they run on when the handheld is dropped.
#[derive(Debug)]
pub struct MemoryRecorder {
    vault: MemoryVault,
    clock: Arc<ManualClock>,
    /// The recorder process is gone: recordings can only be recovered.
    pub killed: bool,
}

impl MemoryRecorder {
    /// A recorder that writes into this vault.
    #[must_use]
    pub const fn new(vault: MemoryVault, clock: Arc<ManualClock>) -> Self {
        Self { vault, clock, killed: false }
    }

    fn line(
        &self,
        order: &RecordingOrder,
        head: &ChainHead,
        n: u8,
    ) -> TroubleResult<(Vec<u8>, ChainHead)> {
        let cipher = Hash32::sha256(&[n]);
        let draft = EntryDraft::fragment(order.device.clone(), &order.path, u64::from(n), cipher)
            .fact("media_ms", 1_000);
        next_line(head, draft, &self.clock.read()).map_err(troubles::journal)
    }

    fn close(
        &mut self,
        order: &RecordingOrder,
        first: &[u8],
        recovered: bool,
    ) -> TroubleResult<RecordingOutcome> {
        let mut log = [first, b"\n"].concat();
        let log_first = Hash32::sha256(first);
        let mut head = ChainHead { seq: 1, hash: log_first };
        for n in 2..=3 {
            let (line, next) = self.line(order, &head, n)?;
            head = next;
            log.extend_from_slice(&line);
            log.push(b'\n');
        }
        let lost = *guard(&self.vault.lost);
        let outcome = RecordingOutcome {
            media: self.vault.put(&order.case, &order.path, b"sound")?,
            log: self.vault.put(&order.case, &order.log_path, &log)?,
            fragments: 3,
            log_first: log_first.to_string(),
            log_head: head.hash.to_string(),
            duration_ms: 3_000,
            recovered,
            gaps: u32::from(lost.is_some()),
            lost_ms: lost.unwrap_or(0),
            damaged: 0,
            damaged_ms: 0,
            log_damaged: 0,
        };
        guard(&self.vault.ended).push((order.clone(), outcome.clone()));
        Ok(outcome)
    }

    fn take(&self, case: &CaseId, path: &str) -> Option<(RecordingOrder, Vec<u8>)> {
        let mut all = guard(&self.vault.recordings);
        let place = all.iter().position(|(o, _)| &o.case == case && o.path == path)?;
        Some(all.remove(place))
    }
}

impl Recorder for MemoryRecorder {
    fn start(&mut self, order: &RecordingOrder) -> TroubleResult<u64> {
        let prev = Hash32::parse(&order.first_prev).unwrap_or(Hash32::ZERO);
        let (first, _) = self.line(order, &ChainHead::recording(prev), 1)?;
        guard(&self.vault.recordings).push((order.clone(), first));
        Ok(0)
    }

    fn progress(&mut self, case: &CaseId, path: &str) -> TroubleResult<Option<RecordingProgress>> {
        let all = guard(&self.vault.recordings);
        let found = all.iter().find(|(o, _)| &o.case == case && o.path == path);
        let covered = guard(&self.vault.covered).iter().any(|p| p == path);
        Ok(found.map(|_| RecordingProgress {
            stored_ms: 2_000,
            level: 50,
            alive: !self.killed && !guard(&self.vault.over).iter().any(|p| p == path),
            stored_bytes: 8_000,
            covered_from_ms: covered.then_some(1_900),
            lost_ms: guard(&self.vault.lost).unwrap_or(0),
            impaired: false,
            idle_ms: 0,
            behind_ms: 0,
        }))
    }

    fn stop(&mut self, case: &CaseId, path: &str) -> TroubleResult<RecordingOutcome> {
        let (order, first) = self.take(case, path).ok_or_else(|| troubles::unknown("录音"))?;
        self.close(&order, &first, false)
    }

    fn cover(&mut self, _case: &CaseId, path: &str, on: bool) -> TroubleResult<u64> {
        let mut covered = guard(&self.vault.covered);
        covered.retain(|p| p != path);
        if on {
            covered.push(path.to_owned());
        }
        Ok(1_900)
    }

    fn encoder(&mut self) -> TroubleResult<Option<String>> {
        let broken = *guard(&self.vault.breaks) && !guard(&self.vault.recordings).is_empty();
        Ok(Some(if broken { "vp8enc" } else { "openh264enc" }.to_owned()))
    }

    fn listen_ahead(&mut self, on: bool) -> TroubleResult<u64> {
        *guard(&self.vault.listens) = on;
        Ok(if on { 30_000 } else { 0 })
    }

    fn recover(&mut self, case: &CaseId) -> TroubleResult<Vec<(RecordingOrder, RecordingOutcome)>> {
        if self.killed {
            let paths: Vec<String> = guard(&self.vault.recordings)
                .iter()
                .filter(|(o, _)| &o.case == case)
                .map(|(o, _)| o.path.clone())
                .collect();
            for path in &paths {
                if let Some((order, first)) = self.take(case, path) {
                    self.close(&order, &first, true)?;
                }
            }
        }
        let ended = guard(&self.vault.ended);
        Ok(ended.iter().filter(|(order, _)| &order.case == case).cloned().collect())
    }

    fn first_line(&mut self, case: &CaseId, path: &str) -> TroubleResult<Option<String>> {
        let all = guard(&self.vault.recordings);
        let found = all.iter().find(|(o, _)| &o.case == case && o.path == path);
        Ok(found.map(|(_, first)| Hash32::sha256(first).to_string()))
    }

    fn settle(&mut self, case: &CaseId, path: &str) -> TroubleResult<()> {
        guard(&self.vault.ended).retain(|(o, _)| &o.case != case || o.path != path);
        Ok(())
    }

    fn photo(&mut self) -> TroubleResult<Zeroizing<Vec<u8>>> {
        // No two pictures of a camera are the same.
        let taken = guard(&self.vault.files).len();
        Ok(Zeroizing::new([b"\xff\xd8", taken.to_string().as_bytes(), b"\xff\xd9"].concat()))
    }

    fn grey(&self, _jpeg: &[u8]) -> TroubleResult<Grey> {
        let seen = guard(&self.vault.sees).clone();
        seen.ok_or_else(|| troubles::unknown("画面"))
    }

    fn viewfinder(&mut self) -> TroubleResult<Option<Vec<u8>>> {
        Ok(None)
    }
}
