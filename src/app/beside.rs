//! What the locked screen needs of recordings that belong to an open case.
//!
//! Their journal is closed with the lock, and after a kill nobody can read in the case which recordings run. So the
//! device's own store names each recording that runs beside its case, and keeps what was marked, paused, covered or
//! stopped while nobody was unlocked: numbers, times and the words of the marks, as for what is captured before any
//! case (`early`). The next unlock enters it into the case with the times it had.

use serde::{Deserialize, Serialize};
use spotcheck_domain::time::rfc3339;
use spotcheck_domain::{CaseId, TroubleResult};

use crate::capture::{hash, media};
use crate::chain::set;
use crate::cover;
use crate::desk::{EvidenceView, Filing, RecordingKind};
use crate::handheld::{Handheld, Running};
use crate::model::{Evidence, kind};
use crate::pause::{self, paused_at};

/// Kind in the device store; keys are case and path.
const BESIDE: &str = "beside";

/// A recording of an open case that runs, as the device store names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Beside {
    case: CaseId,
    evidence: String,
    path: String,
    recording: RecordingKind,
    /// Milliseconds from the beginning, and words; those that the case does not have yet.
    marks: Vec<(u64, String)>,
}

impl Beside {
    fn of(running: &Running) -> Self {
        Self {
            case: running.case.clone(),
            evidence: running.evidence.clone(),
            path: running.path.clone(),
            recording: running.kind,
            marks: Vec::new(),
        }
    }
}

/// Which journal line a mark of a recording is.
pub(crate) fn what_of(words: &str) -> &'static str {
    match words {
        pause::PAUSED => pause::what(true),
        pause::RESUMED => pause::what(false),
        cover::BLANKED => cover::what(true),
        cover::SHOWN => cover::what(false),
        _ => "mark",
    }
}

fn key_of(case: &CaseId, path: &str) -> String {
    format!("{}/{path}", case.as_str())
}

impl Handheld {
    fn beside(&mut self, running: &Running) -> TroubleResult<Option<Beside>> {
        let key = key_of(&running.case, &running.path);
        Ok(self.device_log()?.value::<Option<Beside>>(BESIDE, &key)?.flatten())
    }

    fn keep_beside(
        &mut self,
        case: &CaseId,
        path: &str,
        item: Option<&Beside>,
    ) -> TroubleResult<()> {
        let value = set(BESIDE, &key_of(case, path), &item)?;
        self.device_log()?.commit(vec![], vec![value])?;
        Ok(())
    }

    /// A recording runs. That the locked screen knows it is worth less than the recording: a failure is logged.
    pub(crate) fn begun_beside(&mut self, running: &Running) {
        let item = Beside::of(running);
        if let Err(trouble) = self.keep_beside(&running.case, &running.path, Some(&item)) {
            tracing::warn!(code = %trouble.code, "The locked screen will not know a recording after a restart.");
        }
    }

    /// The case has its end: the device need not name it any more.
    pub(crate) fn ended_beside(&mut self, case: &CaseId, path: &str) -> TroubleResult<()> {
        let key = key_of(case, path);
        if self.device_log()?.value::<Option<Beside>>(BESIDE, &key)?.flatten().is_some() {
            self.keep_beside(case, path, None)?;
        }
        Ok(())
    }

    /// After a restart of this program, while locked: recordings of open cases whose process still runs.
    pub(crate) fn reattach_beside(&mut self) -> TroubleResult<()> {
        let items: Vec<(String, Option<Beside>)> = self.device_log()?.values(BESIDE)?;
        for item in items.into_iter().filter_map(|(_, item)| item) {
            if self.running.iter().any(|r| r.path == item.path && r.case == item.case) {
                continue;
            }
            let progress = self.ports.recorder.progress(&item.case, &item.path)?;
            if progress.is_some_and(|p| p.alive) {
                let paused_ms = paused_at(&item.marks);
                let Beside { case, evidence, path, recording: kind, .. } = item;
                self.running.push(Running { case, evidence, path, kind, paused_ms });
            }
        }
        Ok(())
    }

    /// A mark of a recording whose case journal cannot be written now: early, or locked. `false` if the case takes it.
    pub(crate) fn mark_outside(
        &mut self,
        running: &Running,
        at_ms: u64,
        words: &str,
    ) -> TroubleResult<bool> {
        Ok(self.mark_early(running, at_ms, words)? || self.mark_beside(running, at_ms, words)?)
    }

    /// The same for a pause or the picture, which the device's journal tells at once.
    pub(crate) fn change_outside(
        &mut self,
        running: &Running,
        at_ms: u64,
        words: &str,
    ) -> TroubleResult<bool> {
        let outside = self.mark_outside(running, at_ms, words)?;
        if outside {
            let draft = self
                .draft("note")?
                .about(running.case.as_str())
                .fact("what", what_of(words))
                .fact("path", running.path.as_str())
                .fact("at_ms", at_ms);
            self.journal_device(draft)?;
        }
        Ok(outside)
    }

    /// A mark while locked; `false` if somebody is unlocked and the case takes it.
    fn mark_beside(&mut self, running: &Running, at_ms: u64, words: &str) -> TroubleResult<bool> {
        if self.ports.keys.unlocked().is_some() {
            return Ok(false);
        }
        let mut item = self.beside(running)?.unwrap_or_else(|| Beside::of(running));
        item.marks.push((at_ms, words.to_owned()));
        self.keep_beside(&running.case, &running.path, Some(&item))?;
        Ok(true)
    }

    /// A stop while locked; `None` if somebody is unlocked. What the recording became is durable with the recorder
    /// until the next unlock.
    pub(crate) fn stop_beside(&mut self, running: &Running) -> TroubleResult<Option<EvidenceView>> {
        if self.ports.keys.unlocked().is_some() {
            return Ok(None);
        }
        let outcome = self.ports.recorder.stop(&running.case, &running.path)?;
        self.running.retain(|r| r.path != running.path || r.case != running.case);
        let marks = self.beside(running)?.map(|item| item.marks).unwrap_or_default();
        let draft = self
            .draft("capture_stopped")?
            .about(running.case.as_str())
            .fact("path", running.path.as_str())
            .fact("log_head", outcome.log_head.as_str())
            .hashed(hash(&outcome.media.sha256)?);
        self.journal_device(draft)?;
        let ended_ms = self.now_ms();
        let length = i64::try_from(outcome.duration_ms).unwrap_or(0);
        let (_, media_type, _) = media(running.kind);
        Ok(Some(EvidenceView {
            id: running.evidence.clone(),
            path: running.path.clone(),
            media_type: media_type.to_owned(),
            begun: rfc3339(ended_ms.saturating_sub(length)),
            ended: rfc3339(ended_ms),
            size: outcome.media.size,
            sha256: outcome.media.sha256,
            proves: String::new(),
            marks,
            recovered: false,
            page: None,
            filing: Filing::default(),
        }))
    }

    /// After the unlock: what was marked, paused and covered while locked, into the case that can be written now.
    pub(crate) fn settle_beside(&mut self, case: &CaseId) -> TroubleResult<()> {
        let items: Vec<(String, Option<Beside>)> = self.device_log()?.values(BESIDE)?;
        for mut waiting in items.into_iter().filter_map(|(_, item)| item) {
            if waiting.case != *case || waiting.marks.is_empty() {
                continue;
            }
            let known: Option<Evidence> =
                self.case_chain(case)?.value(kind::EVIDENCE, &waiting.evidence)?;
            if let Some(mut item) = known {
                let mut drafts = Vec::new();
                for (at_ms, words) in &waiting.marks {
                    let mark = (*at_ms, words.clone());
                    // A stop between the two commits below: the case has it already.
                    if item.marks.contains(&mark) {
                        continue;
                    }
                    item.marks.push(mark);
                    let draft = self.draft("note")?.about(waiting.evidence.as_str());
                    let draft = draft.fact("what", what_of(words)).fact("at_ms", *at_ms);
                    drafts.push(draft.fact("text", words.as_str()).fact("by", "unlock"));
                }
                if !drafts.is_empty() {
                    let value = set(kind::EVIDENCE, &waiting.evidence, &item)?;
                    self.commit(case, drafts, vec![value])?;
                }
            }
            waiting.marks.clear();
            let Beside { case, path, .. } = &waiting;
            let (case, path) = (case.clone(), path.clone());
            self.keep_beside(&case, &path, Some(&waiting))?;
        }
        Ok(())
    }

    /// Takes the words out of what waits for a case whose keys are destroyed.
    pub(crate) fn forget_beside(&mut self, case: &CaseId) -> TroubleResult<()> {
        let items: Vec<(String, Option<Beside>)> = self.device_log()?.values(BESIDE)?;
        for item in items.into_iter().filter_map(|(_, item)| item) {
            if item.case == *case {
                self.keep_beside(case, &item.path, None)?;
            }
        }
        Ok(())
    }
}
