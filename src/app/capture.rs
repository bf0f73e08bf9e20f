//! Photos and recordings: the journal line first, then the recorder; what is confirmed is on disk.
//!
//! A recording belongs to the case, not to a screen, and outlives this program: the recorder is a process
//! of its own. `capture_started` is written before it starts, so that its log can hang on that line.

use spotcheck_domain::time::rfc3339;
use spotcheck_domain::{CaseId, TroubleResult};
use spotcheck_evidence::Hash32;

use crate::case_file::{next_id, next_number};
use crate::chain::set;
use crate::desk::{EvidenceView, RecordingKind, RecordingView};
use crate::handheld::{Handheld, Running};
use crate::model::{Evidence, kind};
use crate::pages::PageOf;
use crate::pause::paused_at;
use crate::ports::{RecordingOrder, RecordingOutcome};
use crate::troubles;

pub(crate) const fn media(kind: RecordingKind) -> (&'static str, &'static str, &'static str) {
    match kind {
        RecordingKind::Audio => ("ogg", "audio/ogg", "录音"),
        RecordingKind::Video => ("mkv", "video/x-matroska", "录像"),
    }
}

/// A whole file on its way into the case.
pub(crate) struct Kept<'a> {
    pub(crate) extension: &'static str,
    pub(crate) media_type: &'static str,
    pub(crate) bytes: &'a [u8],
    pub(crate) begun_ms: i64,
    pub(crate) source: &'a str,
    pub(crate) page: Option<PageOf>,
}

pub(crate) fn hash(text: &str) -> TroubleResult<Hash32> {
    Hash32::parse(text).ok_or_else(|| troubles::stored("not a hash"))
}

impl Handheld {
    pub(crate) fn evidence_items(
        &mut self,
        case: &CaseId,
    ) -> TroubleResult<Vec<(String, Evidence)>> {
        self.case_chain(case)?.values(kind::EVIDENCE)
    }

    pub(crate) fn evidence_views(&mut self, case: &CaseId) -> TroubleResult<Vec<EvidenceView>> {
        Ok(self.evidence_items(case)?.iter().filter_map(|(id, item)| view(id, item)).collect())
    }

    pub(crate) fn do_capture_photo(
        &mut self,
        case: Option<&CaseId>,
    ) -> TroubleResult<EvidenceView> {
        let (case, writable) = self.capture_target(case)?;
        if !writable {
            return self.early_photo(&case);
        }
        self.open_meta(&case)?;
        let begun_ms = self.now_ms();
        let jpeg = self.ports.recorder.photo()?;
        let (extension, media_type) = ("jpg", "image/jpeg");
        let kept = Kept { extension, media_type, bytes: &jpeg, begun_ms, source: "", page: None };
        self.keep(&case, &kept)
    }

    /// A whole file as evidence of an open case: into the vault, then one line of the journal.
    pub(crate) fn keep(&mut self, case: &CaseId, kept: &Kept<'_>) -> TroubleResult<EvidenceView> {
        self.open_meta(case)?;
        let before = self.case_chain(case)?.count(kind::EVIDENCE)?;
        let id = next_id("E", before);
        let path = format!("data/media/{}.{}", next_number(before), kept.extension);
        let file = self.ports.blobs.put(case, &path, kept.bytes)?;
        let seq = self.case_chain(case)?.head().seq.saturating_add(1);
        let draft = self
            .draft("capture_stopped")?
            .about(path.as_str())
            .fact("evidence", id.as_str())
            .fact("media_type", kept.media_type)
            .hashed(hash(&file.sha256)?);
        let mut draft = self.placed(draft);
        if let Some(page) = &kept.page {
            draft = draft.fact("group", page.group.as_str()).fact("page", page.n);
        }
        let item = Evidence {
            path,
            log_path: None,
            media_type: kept.media_type.to_owned(),
            recording: None,
            maker: self.officer()?,
            begun_ms: kept.begun_ms,
            ended_ms: Some(kept.begun_ms),
            first_seq: seq,
            last_seq: seq,
            file: Some(file),
            log: None,
            proves: String::new(),
            source: kept.source.to_owned(),
            marks: Vec::new(),
            recovered: false,
            page: kept.page.clone(),
            filed: None,
        };
        self.commit(case, vec![draft], vec![set(kind::EVIDENCE, &id, &item)?])?;
        view(&id, &item).ok_or_else(|| troubles::unknown("证据"))
    }

    pub(crate) fn do_start_recording(
        &mut self,
        case: Option<&CaseId>,
        recording: RecordingKind,
    ) -> TroubleResult<RecordingView> {
        let (case, writable) = self.capture_target(case)?;
        let case = &case;
        if !writable {
            self.reattach_early()?;
        }
        let known = self.running.iter().find(|r| &r.case == case && r.kind == recording).cloned();
        if let Some(running) = known {
            let view = self.recording_view(&running)?;
            if !view.ended {
                return Ok(view);
            }
            // It is over already, so this press means a new one. What it stored is kept either way.
            if let Err(trouble) = self.do_stop_recording(&running.evidence) {
                tracing::warn!(code = %trouble.code, "A recording that ended by itself is closed later.");
                self.running.retain(|r| r.path != running.path || r.case != running.case);
            }
        }
        self.hush();
        if !writable {
            return self.early_recording(case, recording);
        }
        self.open_meta(case)?;
        let before = self.case_chain(case)?.count(kind::EVIDENCE)?;
        let (extension, media_type, _) = media(recording);
        let id = next_id("E", before);
        let number = next_number(before);
        let path = format!("data/media/{number}.{extension}");
        let log_path = format!("data/media/{number}.log.jsonl");
        let seq = self.case_chain(case)?.head().seq.saturating_add(1);
        let ahead_ms = if recording == RecordingKind::Audio { self.listen_ahead() } else { 0 };
        let item = Evidence {
            path: path.clone(),
            log_path: Some(log_path.clone()),
            media_type: media_type.to_owned(),
            recording: Some(recording),
            maker: self.officer()?,
            // Where the sound begins: places in it are counted from there.
            begun_ms: before_press(self.now_ms(), ahead_ms),
            ended_ms: None,
            first_seq: seq,
            last_seq: seq,
            file: None,
            log: None,
            proves: String::new(),
            source: String::new(),
            marks: Vec::new(),
            recovered: false,
            page: None,
            filed: None,
        };
        let mut draft = self
            .draft("capture_started")?
            .about(path.as_str())
            .fact("evidence", id.as_str())
            .fact("media_type", media_type);
        draft = self.placed(draft);
        let chosen = if recording == RecordingKind::Video { self.encoder() } else { None };
        if let Some(encoder) = &chosen {
            draft = draft.fact("encoder", encoder.as_str());
        }
        if ahead_ms > 0 {
            // The sound begins so long before this entry.
            draft = draft.fact("ahead_ms", ahead_ms);
        }
        let head = self.commit(case, vec![draft], vec![set(kind::EVIDENCE, &id, &item)?])?;
        let order = RecordingOrder {
            case: case.clone(),
            path: path.clone(),
            log_path,
            kind: recording,
            first_prev: head.hash.to_string(),
            device: self.device_id()?,
        };
        match self.ports.recorder.start(&order) {
            Ok(stored_ms) if ahead_ms == 0 => {
                let begun_ms = before_press(self.now_ms(), stored_ms).max(item.begun_ms);
                if begun_ms > item.begun_ms {
                    let item = Evidence { begun_ms, ..item };
                    self.commit(case, vec![], vec![set(kind::EVIDENCE, &id, &item)?])?;
                }
            }
            Ok(_) => {}
            Err(trouble) => {
                self.note_failed(case, &id, &trouble.code)?;
                return Err(trouble);
            }
        }
        let running =
            Running { case: case.clone(), evidence: id, path, kind: recording, paused_ms: None };
        self.running.push(running.clone());
        self.begun_beside(&running);
        if let Some(chosen) = chosen {
            self.note_encoder(&running, &chosen)?;
        }
        self.recording_view(&running)
    }

    /// The entry that a recording starts with comes before it; where the encoder it names broke at the start and
    /// another one records, a line says so.
    fn note_encoder(&mut self, running: &Running, chosen: &str) -> TroubleResult<()> {
        let Some(records) = self.encoder().filter(|records| records != chosen) else {
            return Ok(());
        };
        let draft = self
            .draft("note")?
            .about(running.path.as_str())
            .fact("what", "encoder_changed")
            .fact("evidence", running.evidence.as_str())
            .fact("encoder", records)
            .fact("failed", chosen);
        self.commit(&running.case, vec![draft], vec![])?;
        Ok(())
    }

    /// Which encoder a video gets; the start itself says what is wrong if none works.
    fn encoder(&mut self) -> Option<String> {
        self.ports.recorder.encoder().unwrap_or_else(|trouble| {
            tracing::warn!(code = %trouble.code, "The encoder of a video is not known.");
            None
        })
    }

    fn note_failed(&mut self, case: &CaseId, evidence: &str, code: &str) -> TroubleResult<()> {
        let draft = self
            .draft("capture_failed")?
            .about(evidence)
            .fact("evidence", evidence)
            .fact("code", code);
        self.commit(case, vec![draft], vec![])?;
        Ok(())
    }

    pub(crate) fn recording_view(&mut self, running: &Running) -> TroubleResult<RecordingView> {
        let progress = self.ports.recorder.progress(&running.case, &running.path)?;
        let ended = progress.as_ref().is_some_and(|p| !p.alive);
        Ok(RecordingView {
            evidence: running.evidence.clone(),
            kind: running.kind,
            stored_ms: progress.as_ref().map_or(0, |p| p.stored_ms),
            paused: running.paused_ms.is_some(),
            covered: progress.as_ref().is_some_and(|p| p.covered_from_ms.is_some()),
            lost_ms: progress.as_ref().map_or(0, |p| p.lost_ms),
            impaired: progress.as_ref().is_some_and(|p| p.impaired),
            idle_ms: progress.as_ref().filter(|p| p.alive).map_or(0, |p| p.idle_ms),
            behind_ms: progress.as_ref().filter(|p| p.alive).map_or(0, |p| p.behind_ms),
            ended,
            level: progress.map_or(0, |p| p.level),
        })
    }

    /// Every recording that runs, also while locked.
    pub(crate) fn recording_views(&mut self) -> TroubleResult<Vec<RecordingView>> {
        self.running.clone().iter().map(|running| self.recording_view(running)).collect()
    }

    /// After a restart of this program: recordings whose process still runs are taken up again.
    pub(crate) fn reattach(&mut self, case: &CaseId) -> TroubleResult<()> {
        for (evidence, item) in self.evidence_items(case)? {
            let (Some(kind), None) = (item.recording, item.ended_ms) else { continue };
            if self.running.iter().any(|r| r.path == item.path && &r.case == case) {
                continue;
            }
            if self.ports.recorder.progress(case, &item.path)?.is_some_and(|p| p.alive) {
                let (path, paused_ms) = (item.path, paused_at(&item.marks));
                self.running.push(Running { case: case.clone(), evidence, path, kind, paused_ms });
            }
        }
        Ok(())
    }

    /// Recordings that were announced and never stored a fragment are closed as failed.
    pub(crate) fn drop_unstarted(&mut self, case: &CaseId) -> TroubleResult<()> {
        let failed: Vec<String> = self
            .case_chain(case)?
            .values::<i64>("failed")?
            .into_iter()
            .map(|(evidence, _)| evidence)
            .collect();
        for (evidence, item) in self.evidence_items(case)? {
            let runs = self.running.iter().any(|r| r.path == item.path && &r.case == case);
            if item.recording.is_some()
                && item.ended_ms.is_none()
                && !runs
                && !failed.contains(&evidence)
                && !self.ports.recorder.holds_unclosed(case, &item.path)?
            {
                let draft = self
                    .draft("capture_failed")?
                    .about(evidence.as_str())
                    .fact("evidence", evidence.as_str());
                let now = self.now_ms();
                self.commit(case, vec![draft], vec![set("failed", &evidence, &now)?])?;
            }
        }
        Ok(())
    }

    pub(crate) fn running(&mut self, evidence: &str) -> TroubleResult<Running> {
        // A fresh process does not know yet what an earlier one began.
        if !self.running.iter().any(|r| r.evidence == evidence) {
            self.reattach_early()?;
        }
        self.running
            .iter()
            .find(|r| r.evidence == evidence)
            .cloned()
            .ok_or_else(|| troubles::recording("这段录音录像没有在进行", "重新开始一段"))
    }

    pub(crate) fn do_mark_recording(&mut self, evidence: &str, words: &str) -> TroubleResult<()> {
        let running = self.running(evidence)?;
        let at_ms = self.recording_view(&running)?.stored_ms;
        if self.mark_outside(&running, at_ms, words.trim())? {
            return Ok(());
        }
        let mut item: Evidence = self
            .case_chain(&running.case)?
            .value(kind::EVIDENCE, evidence)?
            .ok_or_else(|| troubles::unknown("证据"))?;
        item.marks.push((at_ms, words.trim().to_owned()));
        let draft = self
            .draft("note")?
            .about(evidence)
            .fact("what", "mark")
            .fact("at_ms", at_ms)
            .fact("text", words.trim());
        let values = vec![set(kind::EVIDENCE, evidence, &item)?];
        self.commit_mark(&running.case, "标记", draft, values)?;
        Ok(())
    }

    pub(crate) fn do_stop_recording(&mut self, evidence: &str) -> TroubleResult<EvidenceView> {
        let running = self.running(evidence)?;
        if let Some(view) = self.stop_early(&running)? {
            return Ok(view);
        }
        if let Some(view) = self.stop_beside(&running)? {
            return Ok(view);
        }
        // The keys first: a stop that cannot be written into the case must not end the recording.
        self.open_meta(&running.case)?;
        let outcome = match self.ports.recorder.stop(&running.case, &running.path) {
            Ok(outcome) => outcome,
            Err(trouble) => self.rescued(&running).ok_or(trouble)?,
        };
        self.running.retain(|r| r.evidence != evidence || r.case != running.case);
        self.close_recording(&running.case, &running.path, &outcome, true)
    }

    /// The recorder is gone: what it stored is closed from disk.
    fn rescued(&mut self, running: &Running) -> Option<RecordingOutcome> {
        let recovered = self.ports.recorder.recover(&running.case).ok()?;
        recovered
            .into_iter()
            .find(|(order, _)| order.path == running.path)
            .map(|(_, outcome)| outcome)
    }

    /// Writes what a recording became: stopped by hand just now, or before, or closed by the recovery.
    pub(crate) fn close_recording(
        &mut self,
        case: &CaseId,
        path: &str,
        outcome: &RecordingOutcome,
        just_stopped: bool,
    ) -> TroubleResult<EvidenceView> {
        let (id, mut item) = self
            .evidence_items(case)?
            .into_iter()
            .find(|(_, item)| item.path == path)
            .ok_or_else(|| troubles::unknown("证据"))?;
        if item.ended_ms.is_none() {
            self.end_pause(case, &id, &mut item, outcome.duration_ms)?;
            self.end_cover(case, &id, &mut item, outcome.duration_ms)?;
            let mut stopped = self
                .draft("capture_stopped")?
                .about(path)
                .fact("evidence", id.as_str())
                .fact("media_type", item.media_type.as_str())
                .fact("fragments", outcome.fragments)
                .fact("log", outcome.log.path.as_str())
                .fact("log_first", outcome.log_first.as_str())
                .fact("log_head", outcome.log_head.as_str())
                .fact("duration_ms", outcome.duration_ms)
                .fact("recovered", outcome.recovered)
                .hashed(hash(&outcome.media.sha256)?);
            if outcome.gaps > 0 {
                // The sound card lost sound before anybody could read it. Nothing stands in its place.
                stopped = stopped.fact("gaps", outcome.gaps).fact("lost_ms", outcome.lost_ms);
            }
            if outcome.damaged > 0 {
                // Stored, and damaged since; the log still has the lines of it.
                stopped =
                    stopped.fact("damaged", outcome.damaged).fact("damaged_ms", outcome.damaged_ms);
            }
            if outcome.log_damaged > 0 {
                stopped = stopped.fact("log_damaged", outcome.log_damaged);
            }
            let closed = self
                .draft("log_closed")?
                .about(outcome.log.path.as_str())
                .fact("evidence", id.as_str())
                .hashed(hash(&outcome.log.sha256)?);
            let last = self.case_chain(case)?.head().seq.saturating_add(1);
            item.last_seq = last;
            let begun = item.begun_ms;
            let duration = i64::try_from(outcome.duration_ms).unwrap_or(0);
            item.ended_ms = Some(if just_stopped && !outcome.recovered {
                self.now_ms()
            } else {
                begun.saturating_add(duration)
            });
            item.file = Some(outcome.media.clone());
            item.log = Some(outcome.log.clone());
            item.recovered = outcome.recovered;
            let mut values = vec![set(kind::EVIDENCE, &id, &item)?];
            values.extend(self.note_damage(&id, outcome)?);
            self.commit(case, vec![stopped, closed], values)?;
        }
        self.take_up_closed(case, &id);
        self.keep_before_settling(case);
        self.ports.recorder.settle(case, path)?;
        self.ended_beside(case, path)?;
        view(&id, &item).ok_or_else(|| troubles::unknown("证据"))
    }
}

/// When a recording begins that holds `ahead_ms` of sound from before the press; or one of which `ahead_ms` are stored
/// now: devices take their time to open, and the first sound is later than the press.
pub(crate) fn before_press(now_ms: i64, ahead_ms: u64) -> i64 {
    now_ms.saturating_sub(i64::try_from(ahead_ms).unwrap_or(0))
}

/// The item on screen; one that never stored anything is none.
pub(crate) fn view(id: &str, item: &Evidence) -> Option<EvidenceView> {
    let file = item.file.as_ref()?;
    Some(EvidenceView {
        id: id.to_owned(),
        path: item.path.clone(),
        media_type: item.media_type.clone(),
        begun: rfc3339(item.begun_ms),
        ended: rfc3339(item.ended_ms.unwrap_or(item.begun_ms)),
        size: file.size,
        sha256: file.sha256.clone(),
        proves: item.proves.clone(),
        marks: item.marks.clone(),
        recovered: item.recovered,
        page: item.page.clone(),
        filing: item.filing(),
    })
}
