//! What is captured before a case can be written: while locked, or before any case is open.
//!
//! The *arrival* case is a set of keys prepared at every unlock; whatever is captured with no case open is
//! encrypted to it, and the next case that is opened takes over these keys and is that case. So nothing is
//! encrypted twice, and an officer at the door presses one key and explains later. Until a journal can
//! name it, an item is kept in the device's own store: numbers, hashes and times, no words but the marks.
//! Its recording log hangs on 64 zeros; `capture_started`, written as soon as the case can be, names the
//! log's first line and the boot time of the act (evidence.md §1, §2).

use serde::{Deserialize, Serialize};
use spotcheck_domain::time::rfc3339;
use spotcheck_domain::{CaseId, OfficerId, TroubleResult};
use spotcheck_evidence::Hash32;
use spotcheck_evidence::journal::EntryDraft;

use crate::beside::what_of;
use crate::capture::{before_press, hash, media};
use crate::case_file::next_id;
use crate::chain::set;
use crate::desk::{CaseState, EvidenceView, Filing, RecordingKind, RecordingView};
use crate::handheld::{Handheld, Running};
use crate::model::{CaseIndex, Evidence, ONLY, kind};
use crate::pause::paused_at;
use crate::ports::{Blob, RecordingOrder, RecordingOutcome, StoredFile};
use crate::troubles;

/// Kind of the prepared arrival case in the device store.
const ARRIVAL: &str = "arrival";
/// Kind of the items in the device store; keys `A1`, `A2` …
const EARLY: &str = "early";
/// Kind of the highest number that a rescued case brought along.
const FLOOR: &str = "early_floor";

/// Where an early item stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stage {
    /// No journal names it yet.
    Waiting,
    /// A case journal names it.
    Adopted,
    /// Nothing was stored.
    Failed,
}

/// A photo or recording that no case journal names yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Early {
    case: CaseId,
    path: String,
    log_path: Option<String>,
    media_type: String,
    recording: Option<RecordingKind>,
    begun_ms: i64,
    begun_boottime_ms: i64,
    boot_id: String,
    /// Milliseconds of sound from before the press; `begun_ms` counts them, the boot time is that of the press.
    #[serde(default)]
    ahead_ms: u64,
    file: Option<StoredFile>,
    marks: Vec<(u64, String)>,
    stage: Stage,
}

/// Values to be set: (kind, key, JSON).
type Values = Vec<(String, String, String)>;

/// A recording that ended without a journal that could name it.
type Ended = (RecordingOrder, RecordingOutcome);

impl Early {
    /// The item as a case keeps it.
    fn evidence(&self, maker: OfficerId, seq: u64) -> Evidence {
        Evidence {
            path: self.path.clone(),
            log_path: self.log_path.clone(),
            media_type: self.media_type.clone(),
            recording: self.recording,
            maker,
            begun_ms: self.begun_ms,
            ended_ms: self.file.as_ref().map(|_| self.begun_ms),
            first_seq: seq,
            last_seq: seq,
            file: self.file.clone(),
            log: None,
            proves: String::new(),
            source: String::new(),
            marks: self.marks.clone(),
            recovered: false,
            page: None,
            filed: None,
        }
    }
}

impl Handheld {
    /// Prepares the keys that the next early capture is encrypted to. An arrival case that the officer who
    /// unlocks cannot open is replaced, unless something waits in it.
    pub(crate) fn prepare_arrival(&mut self) -> TroubleResult<()> {
        if let Some(case) = self.arrival()?
            && (self.ports.keys.case_key(&case).is_ok() || self.waits_in(&case)?)
        {
            return Ok(());
        }
        let case = CaseId::generate(self.ports.clock.as_ref(), self.ports.entropy.as_ref());
        let officers: Vec<OfficerId> =
            self.ports.keys.officers()?.into_iter().map(|card| card.id).collect();
        self.ports.keys.create_case(&case, &officers)?;
        // Now, while nothing lies there: later a missing database would be a loss, never a beginning.
        let key = self.ports.keys.case_key(&case)?;
        drop(self.ports.stores.case_store(&case, &key, false)?);
        let value = set(ARRIVAL, ONLY, &case)?;
        self.device_log()?.commit(vec![], vec![value])?;
        Ok(())
    }

    /// The prepared arrival case; none once it has become a case of a task.
    pub(crate) fn arrival(&mut self) -> TroubleResult<Option<CaseId>> {
        let Some(case): Option<CaseId> = self.device_log()?.value(ARRIVAL, ONLY)? else {
            return Ok(None);
        };
        let taken = self.case_index()?.iter().any(|(id, _)| *id == case);
        Ok((!taken).then_some(case))
    }

    /// The arrival case as the keys of a new case for these officers, if the unlocked one can open it.
    pub(crate) fn take_arrival(&mut self, officers: &[OfficerId]) -> TroubleResult<Option<CaseId>> {
        let Some(case) = self.arrival()? else { return Ok(None) };
        if self.ports.keys.case_key(&case).is_err() {
            return Ok(None);
        }
        self.ports.keys.assign_case(&case, officers)?;
        Ok(Some(case))
    }

    fn early_items(&mut self) -> TroubleResult<Vec<(String, Early)>> {
        self.device_log()?.values(EARLY)
    }

    /// True if something was captured for this case that no journal names yet.
    pub(crate) fn waits_in(&mut self, case: &CaseId) -> TroubleResult<bool> {
        let items = self.early_items()?;
        Ok(items.iter().any(|(_, item)| item.stage == Stage::Waiting && item.case == *case))
    }

    /// Takes up early recordings that run, and tells how many items wait for a case that is not in the
    /// index yet. Asked once a second while something is recorded: the items are read once.
    pub(crate) fn look_after_early(
        &mut self,
        index: &[(CaseId, CaseIndex)],
    ) -> TroubleResult<usize> {
        let items = self.early_items()?;
        let known = |item: &Early| index.iter().any(|(case, _)| *case == item.case);
        let waits = |item: &Early| item.stage == Stage::Waiting && !known(item);
        let waiting = items.iter().filter(|(_, item)| waits(item)).count();
        self.reattach_items(items)?;
        self.reattach_beside()?;
        Ok(waiting)
    }

    /// Where a capture goes: the case given, else the only open case of whoever may be here, else arrival.
    /// `true`: its journal can be written now.
    pub(crate) fn capture_target(
        &mut self,
        case: Option<&CaseId>,
    ) -> TroubleResult<(CaseId, bool)> {
        let me = self.ports.keys.unlocked();
        if let Some(case) = case {
            let open = self.case_state(case)? == CaseState::Open;
            if !open && me.is_none() {
                return Err(troubles::sealed());
            }
            return Ok((case.clone(), me.is_some()));
        }
        let mut open = self.case_index()?.into_iter().filter(|(_, index)| {
            // One press at the door is never practice: what it records must not be wiped with it.
            index.state == CaseState::Open
                && !index.practice
                && me.as_ref().is_none_or(|me| index.officers.contains(me))
        });
        if let (Some((case, _)), None) = (open.next(), open.next()) {
            return Ok((case, me.is_some()));
        }
        let nobody = || {
            troubles::recording(
                "本机还没有人解锁过，没有可用的加密密钥",
                "先由一名检查人员解锁一次；此后锁屏时也能录",
            )
        };
        Ok((self.arrival()?.ok_or_else(nobody)?, false))
    }

    fn next_early(&mut self) -> TroubleResult<(String, String)> {
        let count = self.early_items()?.len();
        let floor: usize = self.device_log()?.value(FLOOR, ONLY)?.unwrap_or(0);
        let number = count.saturating_add(floor).saturating_add(1);
        Ok((next_id("A", count), format!("data/media/a{number:04}")))
    }

    fn keep_early(
        &mut self,
        id: &str,
        item: &Early,
        draft: Option<EntryDraft>,
    ) -> TroubleResult<()> {
        let value = set(EARLY, id, item)?;
        self.device_log()?.commit(draft.into_iter().collect(), vec![value])?;
        Ok(())
    }

    fn new_early(&self, case: &CaseId, path: String, media_type: &str) -> Early {
        let now = self.ports.clock.read();
        Early {
            case: case.clone(),
            path,
            log_path: None,
            media_type: media_type.to_owned(),
            recording: None,
            begun_ms: now.wall_ms,
            begun_boottime_ms: now.boottime_ms,
            boot_id: now.boot_id,
            ahead_ms: 0,
            file: None,
            marks: Vec::new(),
            stage: Stage::Waiting,
        }
    }

    pub(crate) fn early_photo(&mut self, case: &CaseId) -> TroubleResult<EvidenceView> {
        let (id, stem) = self.next_early()?;
        let mut item = self.new_early(case, format!("{stem}.jpg"), "image/jpeg");
        let jpeg = self.ports.recorder.photo()?;
        let file = self.ports.blobs.put(case, &item.path, &jpeg)?;
        let draft = self
            .draft("capture_stopped")?
            .about(case.as_str())
            .fact("path", item.path.as_str())
            .hashed(hash(&file.sha256)?);
        let draft = self.placed(draft);
        let view = early_view(&id, &item, &file, item.begun_ms);
        item.file = Some(file);
        self.keep_early(&id, &item, Some(draft))?;
        Ok(view)
    }

    pub(crate) fn early_recording(
        &mut self,
        case: &CaseId,
        recording: RecordingKind,
    ) -> TroubleResult<RecordingView> {
        let (id, stem) = self.next_early()?;
        let (extension, media_type, _) = media(recording);
        let mut item = self.new_early(case, format!("{stem}.{extension}"), media_type);
        let log_path = format!("{stem}.log.jsonl");
        item.log_path = Some(log_path.clone());
        item.recording = Some(recording);
        if recording == RecordingKind::Audio {
            item.ahead_ms = self.listen_ahead();
            item.begun_ms = before_press(item.begun_ms, item.ahead_ms);
        }
        let mut draft = self
            .draft("capture_started")?
            .about(case.as_str())
            .fact("path", item.path.as_str())
            .fact("media_type", media_type);
        if item.ahead_ms > 0 {
            draft = draft.fact("ahead_ms", item.ahead_ms);
        }
        let draft = self.placed(draft);
        self.keep_early(&id, &item, Some(draft))?;
        let order = RecordingOrder {
            case: case.clone(),
            path: item.path.clone(),
            log_path,
            kind: recording,
            first_prev: Hash32::ZERO.to_string(),
            device: self.device_id()?,
        };
        match self.ports.recorder.start(&order) {
            Ok(stored_ms) if item.ahead_ms == 0 => {
                let begun_ms = before_press(self.now_ms(), stored_ms);
                if begun_ms > item.begun_ms {
                    item.begun_ms = begun_ms;
                    self.keep_early(&id, &item, None)?;
                }
            }
            Ok(_) => {}
            Err(trouble) => {
                item.stage = Stage::Failed;
                self.keep_early(&id, &item, None)?;
                return Err(trouble);
            }
        }
        let running = Running {
            case: case.clone(),
            evidence: id,
            path: item.path,
            kind: recording,
            paused_ms: None,
        };
        self.running.push(running.clone());
        self.recording_view(&running)
    }

    /// After a restart of this program: early recordings whose process still runs are shown again.
    pub(crate) fn reattach_early(&mut self) -> TroubleResult<()> {
        let items = self.early_items()?;
        self.reattach_items(items)?;
        self.reattach_beside()
    }

    fn reattach_items(&mut self, items: Vec<(String, Early)>) -> TroubleResult<()> {
        for (evidence, item) in items {
            let (Some(kind), Stage::Waiting) = (item.recording, item.stage) else { continue };
            let known = self.running.iter().any(|r| r.path == item.path && r.case == item.case);
            if known {
                continue;
            }
            let progress = self.ports.recorder.progress(&item.case, &item.path)?;
            if progress.is_some_and(|p| p.alive) {
                let paused_ms = paused_at(&item.marks);
                let Early { case, path, .. } = item;
                self.running.push(Running { case, evidence, path, kind, paused_ms });
            }
        }
        Ok(())
    }

    /// The early item that a running recording is, while no case journal names it.
    fn early(&mut self, running: &Running) -> TroubleResult<Option<Early>> {
        let items = self.early_items()?;
        Ok(items
            .into_iter()
            .find(|(id, item)| *id == running.evidence && item.stage == Stage::Waiting)
            .map(|(_, item)| item))
    }

    /// A mark; `false` if it is no early recording.
    pub(crate) fn mark_early(
        &mut self,
        running: &Running,
        at_ms: u64,
        words: &str,
    ) -> TroubleResult<bool> {
        let Some(mut item) = self.early(running)? else { return Ok(false) };
        item.marks.push((at_ms, words.to_owned()));
        self.keep_early(&running.evidence, &item, None)?;
        Ok(true)
    }

    /// A stop; `None` if it is no early recording. What it became is durable with the recorder until a
    /// case journal names it.
    pub(crate) fn stop_early(&mut self, running: &Running) -> TroubleResult<Option<EvidenceView>> {
        let Some(item) = self.early(running)? else { return Ok(None) };
        let outcome = self.ports.recorder.stop(&running.case, &running.path)?;
        self.running.retain(|r| r.evidence != running.evidence);
        let mut draft = self
            .draft("capture_stopped")?
            .about(running.case.as_str())
            .fact("path", item.path.as_str())
            .fact("log_head", outcome.log_head.as_str())
            .hashed(hash(&outcome.media.sha256)?);
        if outcome.gaps > 0 {
            draft = draft.fact("gaps", outcome.gaps).fact("lost_ms", outcome.lost_ms);
        }
        self.journal_device(draft)?;
        let ended_ms = self.now_ms();
        Ok(Some(early_view(&running.evidence, &item, &outcome.media, ended_ms)))
    }

    /// Enters what was captured early into the journal of its case, which can be written now.
    fn adopt_early(&mut self, case: &CaseId, ended: &[Ended]) -> TroubleResult<()> {
        for (early, mut item) in self.early_items()? {
            if item.stage != Stage::Waiting || item.case != *case {
                continue;
            }
            let known: Vec<(String, Evidence)> = self.case_chain(case)?.values(kind::EVIDENCE)?;
            // A stop between the two commits below: the case names it already.
            let there = known.iter().any(|(_, e)| e.path == item.path);
            if !there {
                let id = next_id("E", known.len());
                let first = self.log_first(&item, ended)?;
                if item.file.is_some() || first.is_some() {
                    self.enter_early(case, &id, &item, first)?;
                    let runs = |r: &&mut Running| r.evidence == early && r.case == *case;
                    let runs = self.running.iter_mut().find(runs).map(|r| {
                        r.evidence.clone_from(&id);
                        r.clone()
                    });
                    if let Some(running) = runs {
                        self.begun_beside(&running);
                    }
                } else {
                    item.stage = Stage::Failed;
                    self.keep_early(&early, &item, None)?;
                    continue;
                }
            }
            item.stage = Stage::Adopted;
            self.keep_early(&early, &item, None)?;
        }
        Ok(())
    }

    /// Hash of the recording log's first line; `None` if nothing was ever stored.
    fn log_first(&mut self, item: &Early, ended: &[Ended]) -> TroubleResult<Option<String>> {
        let outcome = ended.iter().find(|(order, _)| order.path == item.path);
        match outcome {
            Some((_, outcome)) => Ok(Some(outcome.log_first.clone())),
            None if item.recording.is_none() => Ok(None),
            None => self.ports.recorder.first_line(&item.case, &item.path),
        }
    }

    /// One item into the journal, with its marks.
    fn enter_early(
        &mut self,
        case: &CaseId,
        id: &str,
        item: &Early,
        log_first: Option<String>,
    ) -> TroubleResult<()> {
        let seq = self.case_chain(case)?.head().seq.saturating_add(1);
        let evidence = item.evidence(self.officer()?, seq);
        let kind_of_line = if item.file.is_some() { "capture_stopped" } else { "capture_started" };
        let mut draft = self
            .draft(kind_of_line)?
            .about(item.path.as_str())
            .fact("evidence", id)
            .fact("media_type", item.media_type.as_str())
            .fact("begun", rfc3339(item.begun_ms))
            .fact("begun_boottime", item.begun_boottime_ms)
            .fact("begun_boot_id", item.boot_id.as_str());
        if item.ahead_ms > 0 {
            draft = draft.fact("ahead_ms", item.ahead_ms);
        }
        if let Some(file) = &item.file {
            draft = draft.hashed(hash(&file.sha256)?);
        }
        if let Some(first) = log_first {
            draft = draft.fact("log_first", first);
        }
        let mut drafts = vec![draft];
        for (at_ms, words) in &item.marks {
            drafts.push(
                self.draft("note")?
                    .about(id)
                    .fact("what", what_of(words))
                    .fact("at_ms", *at_ms)
                    .fact("text", words.as_str()),
            );
        }
        self.commit(case, drafts, vec![set(kind::EVIDENCE, id, &evidence)?])?;
        Ok(())
    }

    /// Takes the words out of what was captured early for a case whose keys are destroyed.
    pub(crate) fn forget_early(&mut self, case: &CaseId) -> TroubleResult<()> {
        for (id, mut item) in self.early_items()? {
            if item.case == *case && !item.marks.is_empty() {
                item.marks.clear();
                self.keep_early(&id, &item, None)?;
            }
        }
        Ok(())
    }

    /// What of a case was captured before its journal could name it, for its second copy; none if nothing was. Also
    /// what the journal names by now: the state in the copy may be older than that, and whoever goes on from it
    /// passes over what it names.
    pub(crate) fn early_of(&mut self, case: &CaseId) -> TroubleResult<Option<Vec<u8>>> {
        let items = self.early_items()?.into_iter().map(|(_, item)| item);
        let items = items.filter(|item| item.stage != Stage::Failed && item.case == *case);
        let items: Vec<Early> = items.map(|item| Early { stage: Stage::Waiting, ..item }).collect();
        if items.is_empty() {
            return Ok(None);
        }
        serde_json::to_vec(&items).map(Some).map_err(troubles::stored_json)
    }

    /// Values that bring early items of a rescued case into this device store, and the media files that
    /// they name. `used` are the paths of the case's evidence: its numbers are not given out again.
    pub(crate) fn early_values(
        &mut self,
        json: Option<&[u8]>,
        used: &[String],
    ) -> TroubleResult<(Values, Vec<String>)> {
        let items: Vec<Early> = match json {
            Some(json) => serde_json::from_slice(json).map_err(troubles::stored_json)?,
            None => Vec::new(),
        };
        let known = self.early_items()?;
        let (mut values, mut paths) = (Vec::new(), Vec::new());
        for item in items {
            paths.push(item.path.clone());
            if !known.iter().any(|(_, k)| k.case == item.case && k.path == item.path) {
                let id = next_id("A", known.len().saturating_add(values.len()));
                values.push(set(EARLY, &id, &item)?);
            }
        }
        let floor: usize = self.device_log()?.value(FLOOR, ONLY)?.unwrap_or(0);
        let highest = used.iter().chain(&paths).filter_map(|path| number_of(path)).max();
        values.push(set(FLOOR, ONLY, &floor.max(highest.unwrap_or(0)))?);
        Ok((values, paths))
    }

    /// The encrypted files that the early items of a copy name.
    pub(crate) fn early_blobs(&self, json: Option<&[u8]>) -> TroubleResult<Vec<Blob>> {
        let items: Vec<Early> = match json {
            Some(json) => serde_json::from_slice(json).map_err(troubles::stored_json)?,
            None => Vec::new(),
        };
        Ok(items.into_iter().filter_map(|item| item.file).flat_map(|file| file.blobs).collect())
    }

    /// Everything recorded into a case that can be written again: early items are entered, running
    /// recordings taken up, cut-off ones closed. Gives milliseconds and number of those that were cut off.
    pub(crate) fn settle_recordings(&mut self, case: &CaseId) -> TroubleResult<(u64, u32)> {
        let (mut stored_ms, mut count) = (0_u64, 0_u32);
        // The recovery completes the logs first: their first lines are what an early item is entered by.
        let ended = self.ports.recorder.recover(case)?;
        self.adopt_early(case, &ended)?;
        self.reattach(case)?;
        self.settle_beside(case)?;
        self.settle_covers(case)?;
        self.settle_pauses(case)?;
        for (order, outcome) in &ended {
            if outcome.recovered {
                stored_ms = stored_ms.saturating_add(outcome.duration_ms);
                count = count.saturating_add(1);
            }
            self.close_recording(case, &order.path, outcome, false)?;
        }
        self.drop_unstarted(case)?;
        Ok((stored_ms, count))
    }
}

/// Number of an early item's file: `data/media/a0007.ogg` is 7.
fn number_of(path: &str) -> Option<usize> {
    path.strip_prefix("data/media/a")?.split('.').next()?.parse().ok()
}

/// The item on screen before a case has it.
fn early_view(id: &str, item: &Early, file: &StoredFile, ended_ms: i64) -> EvidenceView {
    EvidenceView {
        id: id.to_owned(),
        path: item.path.clone(),
        media_type: item.media_type.clone(),
        begun: rfc3339(item.begun_ms),
        ended: rfc3339(ended_ms),
        size: file.size,
        sha256: file.sha256.clone(),
        proves: String::new(),
        marks: item.marks.clone(),
        recovered: false,
        page: None,
        filing: Filing::default(),
    }
}
