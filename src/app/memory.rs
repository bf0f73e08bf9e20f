//! In-memory twins of the ports, for tests of the use cases: no file, no network, no camera.
//!
//! They keep the promises of the ports that the use cases rely on (a wrong PIN is a verdict, a store
//! refuses a line out of sequence, a recording is closed once) and nothing else. What they encrypt is not
//! encrypted; what they sign is not signed.

mod copies;
mod keys;
mod outside;
mod playing;
mod reference;
mod vault;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use spotcheck_domain::{CaseId, ManualClock, SeededEntropy, Trouble, TroubleResult};

use crate::page_check::Grey;
use crate::ports::{CaseChange, CaseStore, Key256, StoredLine, Stores};
use crate::{Handheld, Ports, Software};

pub use copies::MemoryCopies;
pub use keys::MemoryKeys;
pub use outside::{
    MemoryCentre, MemoryExports, MemoryForms, MemoryLocator, MemoryMachine, MemoryPackages,
    MemoryPrinter, MemoryProbes,
};
pub use playing::MemoryPlayer;
pub use reference::{MemoryReference, MemoryReferences};
pub use vault::{MemoryRecorder, MemoryVault};

/// Wall time at which [`handheld`] begins: 2026-11-20 09:30 in Beijing.
pub const BEGIN_MS: i64 = 1_795_138_200_000;

pub(crate) fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What survives when a handheld of the twins is dropped and made again, as after a kill.
#[derive(Debug, Clone, Default)]
pub struct Disk {
    stores: Arc<Mutex<BTreeMap<String, Content>>>,
    vault: MemoryVault,
    /// What is kept for the second copy.
    pub copies: MemoryCopies,
    /// Free bytes, 1 TiB where absent.
    pub free: Arc<Mutex<Option<u64>>>,
    /// Where the twin is.
    pub locator: Arc<MemoryLocator>,
}

#[derive(Debug, Clone, Default)]
struct Content {
    lines: Vec<StoredLine>,
    values: Vec<(String, String, String)>,
    /// Commits that still succeed, `None` without limit.
    budget: Option<u32>,
}

impl Disk {
    /// After `commits` more commits of the case store every commit fails, as on a full disk.
    pub fn fail_case_after(&self, case: &CaseId, commits: u32) {
        guard(&self.stores).entry(case.to_string()).or_default().budget = Some(commits);
    }

    /// The record.json of a sealed case; null where there is none.
    #[must_use]
    pub fn sealed_record(&self, case: &CaseId) -> serde_json::Value {
        let bytes = self.vault.plaintext(case, "data/record.json").unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    /// What the camera sees from now on.
    pub fn show_camera(&self, picture: Grey) {
        *guard(&self.vault.sees) = Some(picture);
    }

    /// From now on the sound card loses so many milliseconds of each recording.
    pub fn lose_sound(&self, lost_ms: u64) {
        *guard(&self.vault.lost) = Some(lost_ms);
    }

    /// What is recorded now ends by itself, as when the microphone is pulled out.
    pub fn end_recordings(&self) {
        let running = guard(&self.vault.recordings).iter().map(|(o, _)| o.path.clone()).collect();
        *guard(&self.vault.over) = running;
    }

    /// From now on the encoder that was chosen breaks at each start, and another one records.
    pub fn break_encoder(&self) {
        *guard(&self.vault.breaks) = true;
    }

    /// Whether the recorder keeps sound ahead of recordings.
    #[must_use]
    pub fn listens_ahead(&self) -> bool {
        self.vault.listens()
    }

    /// The recorder of a start after which no recorder process of before is left.
    #[must_use]
    pub fn recorder_gone(&self, clock: &Arc<ManualClock>) -> MemoryRecorder {
        let mut recorder = MemoryRecorder::new(self.vault.clone(), clock.clone());
        recorder.killed = true;
        recorder
    }

    /// A file of a sealed case; empty where there is none.
    #[must_use]
    pub fn sealed_file(&self, case: &CaseId, path: &str) -> Vec<u8> {
        self.vault.plaintext(case, path).unwrap_or_default()
    }

    /// The disk has room again.
    pub fn heal(&self, case: &CaseId) {
        guard(&self.stores).entry(case.to_string()).or_default().budget = None;
    }
}

/// A store that is gone with the process, or lives on in a [`Disk`].
#[derive(Debug)]
struct MemoryStore {
    name: String,
    all: Arc<Mutex<BTreeMap<String, Content>>>,
}

impl CaseStore for MemoryStore {
    fn commit(&mut self, change: &CaseChange) -> TroubleResult<()> {
        let mut all = guard(&self.all);
        let content = all.entry(self.name.clone()).or_default();
        match &mut content.budget {
            Some(0) => {
                return Err(Trouble::new(
                    "STORE-DISK-FULL",
                    "存储空间已满",
                    "已确认的都在",
                    "腾出空间",
                ));
            }
            Some(left) => *left = left.saturating_sub(1),
            None => {}
        }
        let mut last = content.lines.last().map_or(0, |line| line.seq);
        for line in &change.lines {
            if line.seq != last.saturating_add(1) {
                return Err(Trouble::new("STORE-WRITE", "次序不对", "已确认的都在", "重做"));
            }
            last = line.seq;
        }
        content.lines.extend(change.lines.iter().cloned());
        for (kind, key, json) in &change.set {
            match content.values.iter_mut().find(|(k, n, _)| k == kind && n == key) {
                Some(found) => found.2.clone_from(json),
                None => content.values.push((kind.clone(), key.clone(), json.clone())),
            }
        }
        Ok(())
    }

    fn journal(&mut self) -> TroubleResult<Vec<StoredLine>> {
        Ok(guard(&self.all).entry(self.name.clone()).or_default().lines.clone())
    }

    fn last_line(&mut self) -> TroubleResult<Option<StoredLine>> {
        Ok(guard(&self.all).entry(self.name.clone()).or_default().lines.last().cloned())
    }

    fn values(&mut self, kind: &str) -> TroubleResult<Vec<(String, String)>> {
        let mut all = guard(&self.all);
        let values = &all.entry(self.name.clone()).or_default().values;
        let of_kind = values.iter().filter(|(k, _, _)| k == kind);
        Ok(of_kind.map(|(_, key, json)| (key.clone(), json.clone())).collect())
    }

    fn all_values(&mut self) -> TroubleResult<Vec<(String, String, String)>> {
        Ok(guard(&self.all).entry(self.name.clone()).or_default().values.clone())
    }

    fn value(&mut self, kind: &str, key: &str) -> TroubleResult<Option<String>> {
        Ok(self.values(kind)?.into_iter().find(|(k, _)| k == key).map(|(_, json)| json))
    }
}

impl Stores for Disk {
    fn case_store(
        &mut self,
        case: &CaseId,
        _key: &Key256,
        _begun: bool,
    ) -> TroubleResult<Box<dyn CaseStore>> {
        Ok(Box::new(MemoryStore { name: case.to_string(), all: self.stores.clone() }))
    }

    fn device_store(&mut self, _key: &Key256) -> TroubleResult<Box<dyn CaseStore>> {
        Ok(Box::new(MemoryStore { name: "device".to_owned(), all: self.stores.clone() }))
    }
}

/// A handheld over a disk of the twins. Its clock is given so that tests can let time pass or step it.
#[must_use]
pub fn handheld(disk: &Disk, clock: &Arc<ManualClock>, seed: u64) -> Handheld {
    Handheld::new(Ports {
        clock: clock.clone(),
        entropy: Arc::new(SeededEntropy::new(seed)),
        keys: Box::new(MemoryKeys::default()),
        blobs: Box::new(disk.vault.clone()),
        recorder: Box::new(MemoryRecorder::new(disk.vault.clone(), clock.clone())),
        player: Box::new(MemoryPlayer::new(clock.clone())),
        packages: Box::new(MemoryPackages),
        exports: Box::new(MemoryExports::default()),
        references: Box::new(MemoryReferences::default()),
        forms: Box::new(MemoryForms),
        printer: Box::new(MemoryPrinter::default()),
        machine: Box::new(MemoryMachine { free: disk.free.clone() }),
        locator: disk.locator.clone(),
        centre: Arc::new(Mutex::new(MemoryCentre)),
        stores: Box::new(disk.clone()),
        copies: Box::new(disk.copies.clone()),
        probes: Box::new(MemoryProbes),
        software: Software {
            name: "spotcheck".to_owned(),
            version: "0.1.0".to_owned(),
            build_ms: 1_700_000_000_000,
        },
    })
}
