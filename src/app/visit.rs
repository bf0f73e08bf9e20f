//! Unlocking, today's tasks, opening a case, and the plain acts of a visit.

use secrecy::SecretString;
use std::collections::BTreeSet;

use spotcheck_domain::id::new_ulid;
use spotcheck_domain::time::rfc3339;
use spotcheck_domain::vocabulary::PartyKind;
use spotcheck_domain::{BundleId, CaseId, OfficerId, TaskId, TroubleResult};
use spotcheck_evidence::journal::EntryDraft;

use crate::case_file::next_id;
use crate::chain::{Chain, set};
use crate::copies::beginning_with;
use crate::desk::{
    CaseCard, CaseOfficer, CaseState, CaseView, Own, PartyView, Status, StepView, TaskCard,
};
use crate::handheld::{Handheld, Listening};
use crate::model::{CaseIndex, Meta, ONLY, Party, Rescued, Step, kind};
use crate::ports::Unclosed;
use crate::salvaged::SALVAGED_WORDS;
use crate::troubles;

/// The kind of value under which it lies.
const fn own(what: Own) -> &'static str {
    match what {
        Own::Learned => kind::LEARNED,
        Own::Places => kind::PLACES,
        Own::Drafts => kind::DRAFTS,
        Own::Rules => kind::OWN_RULES,
        Own::Settings => kind::SETTINGS,
    }
}

impl Handheld {
    pub(crate) fn do_status(&mut self) -> TroubleResult<Status> {
        if self.listening == Listening::Visit {
            // Again and again: a recorder or microphone that was away is back some time.
            self.listen_ahead();
        }
        self.keep_copies_when_due();
        let enrolment = self.ports.keys.enrolment()?;
        let (mut unsent, mut open, mut waiting) = (0_u32, 0_u32, 0_usize);
        let mut unclosed = Unclosed::default();
        if enrolment.is_some() {
            self.journal_dropped_if_any();
            let cases = self.case_index()?;
            waiting = self.look_after_early(&cases)?;
            if self.ports.keys.unlocked().is_none() {
                unclosed = self.unclosed(&cases)?;
            }
            for (_, index) in cases.into_iter().filter(|(_, index)| !index.practice) {
                match index.state {
                    CaseState::Sealed | CaseState::Sent => unsent = unsent.saturating_add(1),
                    CaseState::Open => open = open.saturating_add(1),
                    CaseState::Received | CaseState::Shredded => {}
                }
            }
        }
        let mut safe = if self.safe.is_empty() {
            let calm =
                format!("安全：在办案卷 {open} 件、待回传证据包 {unsent} 个，都在本机加密保存");
            unclosed_words(&unclosed).unwrap_or(calm)
        } else {
            self.safe.clone()
        };
        if waiting > 0 {
            safe.push_str(&format!(";到场采集 {waiting} 件，打开任务后归入案卷"));
        }
        Ok(Status {
            device: enrolment.as_ref().map(|e| e.device.clone()),
            centre: enrolment.map(|e| e.centre),
            key_protection: self.ports.keys.protection(),
            officers: self.ports.keys.officers()?,
            unlocked: self.ports.keys.unlocked(),
            safe,
            clock_set: self.clock_set(),
            unsent,
            free_bytes: self.ports.machine.free_bytes()?,
            budget: self.budget()?,
            place: self.ports.locator.state(),
            recordings: self.recording_views()?,
        })
    }

    pub(crate) fn do_unlock(
        &mut self,
        officer: &OfficerId,
        pin: &SecretString,
    ) -> TroubleResult<()> {
        if self.ports.keys.unlocked().is_some() {
            self.do_lock()?;
        }
        let device = self.device_id()?;
        match self.ports.keys.unlock(officer, pin) {
            Ok(()) => {
                let draft = EntryDraft::new(Some(officer.clone()), device, "unlocked");
                self.journal_device(draft)?;
                self.recover_recordings()?;
                // Without it nothing can be recorded before a case is open; everything else still works.
                if let Err(trouble) = self.prepare_arrival() {
                    tracing::warn!(code = %trouble.code, "No arrival case could be prepared.");
                }
                Ok(())
            }
            Err(trouble) => self.tried(officer, Err(trouble)),
        }
    }

    /// What a PIN led to; a wrong one is a line of the device's journal, wherever it was typed.
    pub(crate) fn tried<T>(
        &mut self,
        officer: &OfficerId,
        tried: TroubleResult<T>,
    ) -> TroubleResult<T> {
        if let Err(trouble) = &tried
            && trouble.verdict
        {
            let device = self.device_id()?;
            let by = self.ports.keys.unlocked();
            let draft = EntryDraft::new(by, device, "wrong_pin").about(officer.as_str());
            self.journal_device(draft)?;
        }
        tried
    }

    /// What is kept for whoever has unlocked.
    pub(crate) fn do_own(&mut self, what: Own) -> TroubleResult<Option<String>> {
        let officer = self.officer()?;
        let sealed: Option<Vec<u8>> = self.device_log()?.value(own(what), officer.as_str())?;
        let Some(sealed) = sealed else { return Ok(None) };
        let plain = self.ports.keys.open_own(&sealed)?;
        Ok(String::from_utf8(plain.to_vec()).ok())
    }

    /// Words that somebody typed, and whom somebody looked at, are personal: all this lies under the officer's
    /// own key.
    pub(crate) fn do_keep_own(&mut self, what: Own, json: &str) -> TroubleResult<()> {
        let officer = self.officer()?;
        let sealed = self.ports.keys.seal_own(json.as_bytes())?;
        let value = set(own(what), officer.as_str(), &sealed)?;
        self.device_log()?.commit(vec![], vec![value])?;
        Ok(())
    }

    pub(crate) fn do_lock(&mut self) -> TroubleResult<()> {
        let was_unlocked = self.ports.keys.unlocked().is_some();
        if was_unlocked {
            self.keep_copies_if_configured();
        }
        self.stop_playing();
        if was_unlocked {
            self.note_heads_if_possible();
        }
        let draft = if was_unlocked { Some(self.draft("locked")?) } else { None };
        self.cases.clear();
        self.packages.clear();
        self.export = None;
        self.marked.clear();
        self.unlooked.forget();
        self.close_references();
        self.ports.keys.lock();
        draft.map_or(Ok(()), |draft| self.journal_device(draft))
    }

    /// What was not closed in open cases and in the arrival case.
    fn unclosed(&mut self, cases: &[(CaseId, CaseIndex)]) -> TroubleResult<Unclosed> {
        let open = cases.iter().filter(|(_, index)| index.state == CaseState::Open);
        let mut all: Vec<CaseId> = open.map(|(case, _)| case.clone()).collect();
        all.extend(self.arrival()?);
        let mut sum = Unclosed::default();
        for case in &all {
            sum = sum.and(self.ports.recorder.unclosed(case)?);
        }
        Ok(sum)
    }

    /// Closes what a crash left behind and says what is safe.
    fn recover_recordings(&mut self) -> TroubleResult<()> {
        let officer = self.officer()?;
        let (mut stored_ms, mut count, mut left) = (0_u64, 0_u32, 0_u32);
        let mut shut = Vec::new();
        for (case, index) in self.case_index()? {
            if index.state != CaseState::Open || !index.officers.contains(&officer) {
                continue;
            }
            // One case that cannot be opened or written keeps nobody from the others.
            match self.recovered_case(&case) {
                Ok((ms, cut_off, rest)) => {
                    stored_ms = stored_ms.saturating_add(ms);
                    count = count.saturating_add(cut_off);
                    left = left.saturating_add(rest);
                }
                Err(trouble) => {
                    tracing::error!(%case, code = %trouble.code, "A case was not opened at the unlock.");
                    shut.push(trouble.code);
                }
            }
        }
        self.say_recovered(stored_ms, count, left, &shut);
        Ok(())
    }

    /// Milliseconds and number of recordings that were cut off, and how many of them wait still.
    fn recovered_case(&mut self, case: &CaseId) -> TroubleResult<(u64, u32, u32)> {
        let meta = self.meta(case)?;
        if meta.sealing.is_some() || meta.done {
            return Ok((0, 0, 0));
        }
        let (stored_ms, count) = self.settle_recordings(case)?;
        Ok((stored_ms, count, self.ports.recorder.unclosed(case)?.cut_off))
    }

    /// The first sentence after a crash says what is safe.
    fn say_recovered(&mut self, stored_ms: u64, count: u32, left: u32, shut: &[String]) {
        let mut parts = Vec::new();
        if !shut.is_empty() {
            let codes: BTreeSet<&str> = shut.iter().map(String::as_str).collect();
            let codes: Vec<&str> = codes.into_iter().collect();
            parts.push(format!(
                "{} 份案卷没有打开（{}），原样保留，请勿删除并联系中心",
                shut.len(),
                codes.join("、")
            ));
        }
        if count > 0 {
            let length = minutes(stored_ms);
            parts.push(format!("中断的录音录像 {count} 段已恢复，共 {length}，缺 ≤ 2 秒"));
        }
        if left > 0 {
            parts.push(format!("{left} 段暂未恢复，原样保留，下次解锁再试"));
        }
        if !parts.is_empty() {
            // A salvaged store was told a moment ago, and stays told.
            let before = self.safe.strip_prefix("安全：");
            if let Some(salvaged) = before.filter(|words| words.starts_with(SALVAGED_WORDS)) {
                parts.insert(0, salvaged.to_owned());
            }
            self.safe = format!("安全：{}", parts.join("；"));
        }
    }

    pub(crate) fn do_tasks(&mut self) -> TroubleResult<Vec<TaskCard>> {
        let officer = self.officer()?;
        let tasks: Vec<(String, spotcheck_domain::task::Task)> =
            self.device_log()?.values(kind::TASK)?;
        let index = self.case_index()?;
        let mut cards = Vec::new();
        for (_, task) in tasks {
            if !task.officers.iter().any(|o| o.id == officer) {
                continue;
            }
            let newest = index
                .iter()
                .rev()
                .find(|(_, i)| i.task == task.id && i.state != CaseState::Shredded);
            let case = newest.map(|(id, i)| CaseCard {
                id: id.clone(),
                state: i.state,
                bundle: (i.state != CaseState::Open).then(|| i.bundle.clone()),
            });
            let package = self.package_state(&task.id)?;
            cards.push(TaskCard { task, package, case });
        }
        cards.sort_by(|a, b| a.task.valid_until.cmp(&b.task.valid_until));
        Ok(cards)
    }

    /// Continues the open case of the task or opens one. Keys first, durable at intake's and escrow's
    /// reach, then the case accepts its first entry (evidence.md §1).
    pub(crate) fn do_open_case(&mut self, task: &TaskId) -> TroubleResult<CaseView> {
        let task = self.my_task(task)?;
        let mine = self.officer()?;
        let open = self
            .case_index()?
            .into_iter()
            .find(|(_, i)| i.task == task.id && i.state == CaseState::Open);
        if let Some((case, _)) = open {
            return self.resume_case(&case, &task);
        }
        let (clock, entropy) = (self.ports.clock.clone(), self.ports.entropy.clone());
        let bundle =
            BundleId::parse(&format!("EVID-{}", new_ulid(clock.as_ref(), entropy.as_ref())))
                .map_err(troubles::stored)?;
        let officers = beginning_with(&task, &mine);
        // What was recorded at the door belongs to a real visit.
        let arrival = if task.is_practice() { None } else { self.take_arrival(&officers)? };
        let case = match arrival {
            Some(case) => case,
            None => {
                let case = CaseId::generate(clock.as_ref(), entropy.as_ref());
                self.ports.keys.create_case(&case, &officers)?;
                case
            }
        };
        let index = CaseIndex {
            task: task.id.clone(),
            bundle,
            officers,
            state: CaseState::Open,
            opened_ms: self.now_ms(),
            practice: task.is_practice(),
        };
        self.set_case_index(&case, &index)?;
        let view = self.resume_case(&case, &task);
        if let Err(trouble) = self.prepare_arrival() {
            tracing::warn!(code = %trouble.code, "No arrival case could be prepared.");
        }
        // At once: a copy that is made while the case has no state of its own would be of files nobody can name.
        self.keep_copies_if_configured();
        view
    }

    /// Writes the first entry if a kill came between keys and entry, and shows the case.
    fn resume_case(
        &mut self,
        case: &CaseId,
        task: &spotcheck_domain::task::Task,
    ) -> TroubleResult<CaseView> {
        self.stop_playing_others(case);
        let first: Option<Meta> = self.case_chain(case)?.value(kind::META, ONLY)?;
        if first.is_none() {
            // Lines without their head: a damaged store, and no new case.
            if self.case_chain(case)?.head().seq > 0 {
                return Err(troubles::stored("no head data"));
            }
            let index = self.index_of(case)?;
            self.write_first_entry(case, task, &index, None)?;
            self.note_heads()?;
            // What was captured at the door belongs to this case now.
            let (stored_ms, count) = self.settle_recordings(case)?;
            let left = self.ports.recorder.unclosed(case)?.cut_off;
            self.say_recovered(stored_ms, count, left, &[]);
        }
        self.visit_open(case, true);
        self.case_view(case)
    }

    /// The first line of a journal; with it, of what was captured at another handheld's door, where it comes from.
    pub(crate) fn write_first_entry(
        &mut self,
        case: &CaseId,
        task: &spotcheck_domain::task::Task,
        index: &CaseIndex,
        rescued: Option<(Rescued, EntryDraft)>,
    ) -> TroubleResult<()> {
        let (rescued, line) = rescued.unzip();
        let package = self.readable_package(&task.id);
        let package_id = package.as_ref().map(|p| p.id.clone());
        let head = self.device_log().map(|log| Chain::head(log))?;
        let draft = EntryDraft::case_opened(
            self.officer()?,
            self.device_id()?,
            &index.bundle,
            &task.id,
            package_id.as_ref(),
            head,
        );
        let meta = Meta {
            case: case.clone(),
            bundle: index.bundle.clone(),
            task: task.clone(),
            package: package.map(|p| (p.id.to_string(), p.sha256)),
            opened_ms: index.opened_ms,
            sealing: None,
            done: false,
            rescued,
        };
        let party = Party {
            name: task.facility.fixmedins_name.clone(),
            kind: PartyKind::Facility.as_str().to_owned(),
            post: None,
        };
        let values = vec![set(kind::META, ONLY, &meta)?, set(kind::PARTY, "party-1", &party)?];
        self.commit(case, std::iter::once(draft).chain(line).collect(), values)?;
        Ok(())
    }

    pub(crate) fn case_view(&mut self, case: &CaseId) -> TroubleResult<CaseView> {
        let meta = self.meta(case)?;
        let state = self.case_state(case)?;
        let keys = self.ports.keys.officers()?;
        let chain = self.case_chain(case)?;
        let shown: Vec<(String, i64)> = chain.values(kind::SHOWN)?;
        let parties: Vec<(String, Party)> = chain.values(kind::PARTY)?;
        let steps: Vec<(String, Step)> = chain.values(kind::STEP)?;
        let journal_head = chain.head().hash.head16();
        let officers = meta
            .task
            .officers
            .iter()
            .map(|o| CaseOfficer {
                id: o.id.clone(),
                name: o.name.clone(),
                certificate_shown: shown
                    .iter()
                    .find(|(id, _)| id == o.id.as_str())
                    .map(|(_, at)| rfc3339(*at)),
                has_key: keys.iter().any(|k| k.id == o.id),
            })
            .collect();
        Ok(CaseView {
            id: case.clone(),
            task: meta.task.id.clone(),
            state,
            opened: rfc3339(meta.opened_ms),
            officers,
            parties: parties
                .into_iter()
                .map(|(id, p)| PartyView { id, name: p.name, kind: p.kind, post: p.post })
                .collect(),
            steps: steps
                .into_iter()
                .map(|(id, s)| StepView {
                    id,
                    kind: s.kind,
                    title: s.title,
                    begun: rfc3339(s.begun_ms),
                    ended: s.ended_ms.map(rfc3339),
                })
                .collect(),
            evidence: self.evidence_views(case)?,
            opening_read: self.opening_read_at(case)?,
            documents: self.document_cards(case)?,
            findings: self.finding_cards(case)?,
            silenced: self.silenced_rules(case)?,
            missing: self.missing_in_visit(case)?,
            journal_head,
            bundle: (state != CaseState::Open).then_some(meta.bundle),
        })
    }

    pub(crate) fn do_show_certificate(
        &mut self,
        case: &CaseId,
        officer: &OfficerId,
    ) -> TroubleResult<()> {
        let meta = self.open_meta(case)?;
        if !meta.task.officers.iter().any(|o| &o.id == officer) {
            return Err(troubles::unknown("检查人员"));
        }
        let draft = self.draft("certificate_shown")?.about(officer.as_str()).fact("to", "party-1");
        let now = self.now_ms();
        let values = vec![set(kind::SHOWN, officer.as_str(), &now)?];
        self.commit_mark(case, "出示证件", draft, values)?;
        Ok(())
    }

    pub(crate) fn do_add_party(
        &mut self,
        case: &CaseId,
        name: &str,
        party_kind: &str,
        post: Option<&str>,
    ) -> TroubleResult<String> {
        self.open_meta(case)?;
        let name = name.trim();
        if name.is_empty() || PartyKind::parse(party_kind).is_none() {
            return Err(troubles::document("当事人姓名或类别没有填", "填写姓名并选择类别"));
        }
        let id = next_id("party-", self.case_chain(case)?.count(kind::PARTY)?);
        let party = Party {
            name: name.to_owned(),
            kind: party_kind.to_owned(),
            post: post.map(str::trim).filter(|p| !p.is_empty()).map(str::to_owned),
        };
        let draft = self
            .draft("note")?
            .about(id.as_str())
            .fact("what", "party_added")
            .fact("kind", party_kind);
        self.commit_mark(case, "登记当事人", draft, vec![set(kind::PARTY, &id, &party)?])?;
        Ok(id)
    }

    pub(crate) fn do_begin_step(
        &mut self,
        case: &CaseId,
        step_kind: &str,
        title: &str,
    ) -> TroubleResult<String> {
        let meta = self.open_meta(case)?;
        if !spotcheck_domain::id::is_plain_id(step_kind) || title.trim().is_empty() {
            return Err(troubles::document("步骤的类别或名称不对", "重新选择步骤"));
        }
        let id = next_id("S", self.case_chain(case)?.count(kind::STEP)?);
        let step = Step {
            kind: step_kind.to_owned(),
            title: title.trim().to_owned(),
            begun_ms: self.now_ms(),
            ended_ms: None,
            officers: meta.task.officers.iter().map(|o| o.id.clone()).collect(),
        };
        let draft = self.draft("step_begun")?.about(id.as_str()).fact("step", step_kind);
        let was = format!("开始 {}", step.title);
        self.commit_mark(case, &was, draft, vec![set(kind::STEP, &id, &step)?])?;
        Ok(id)
    }

    pub(crate) fn do_end_step(&mut self, case: &CaseId, step: &str) -> TroubleResult<()> {
        self.open_meta(case)?;
        let mut found: Step = self
            .case_chain(case)?
            .value(kind::STEP, step)?
            .ok_or_else(|| troubles::unknown("步骤"))?;
        if found.ended_ms.is_some() {
            return Ok(());
        }
        found.ended_ms = Some(self.now_ms());
        let draft = self.draft("step_ended")?.about(step);
        let was = format!("结束 {}", found.title);
        self.commit_mark(case, &was, draft, vec![set(kind::STEP, step, &found)?])?;
        Ok(())
    }

    pub(crate) fn do_note(&mut self, case: &CaseId, text: &str) -> TroubleResult<()> {
        self.open_meta(case)?;
        let text = text.trim();
        if text.is_empty() {
            return Ok(());
        }
        let draft = self.draft("note")?.fact("text", text);
        self.commit(case, vec![draft], vec![])?;
        Ok(())
    }
}

/// What the locked screen says of recordings after a restart; `None` if there is nothing to say.
fn unclosed_words(unclosed: &Unclosed) -> Option<String> {
    let mut parts = Vec::new();
    if unclosed.running > 0 {
        let length = minutes(unclosed.running_ms);
        parts.push(format!("{} 段录音录像仍在录制，已存盘 {length}", unclosed.running));
    }
    if unclosed.cut_off > 0 {
        let (count, length) = (unclosed.cut_off, minutes(unclosed.cut_off_ms));
        parts.push(format!("中断的录音录像 {count} 段已存盘，共 {length}，缺 ≤ 2 秒，解锁后恢复"));
    }
    (!parts.is_empty()).then(|| format!("安全：{}", parts.join("；")))
}

/// `12 分 08 秒`.
fn minutes(ms: u64) -> String {
    let seconds = ms.checked_div(1000).unwrap_or(0);
    let (minutes, rest) =
        (seconds.checked_div(60).unwrap_or(0), seconds.checked_rem(60).unwrap_or(0));
    format!("{minutes} 分 {rest:02} 秒")
}
