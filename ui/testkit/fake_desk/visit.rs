//! The invented visit: case, evidence, recordings, seal.

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde_json::json;
use spotcheck_app::desk::{
    AnswerView, CaseOfficer, CaseState, CaseView, DocumentCard, DocumentState, EvidenceView,
    Filing, OutboxItem, PackageState, PartyView, RecordingKind, RecordingView, SealReport,
    StepView, TaskCard,
};
use spotcheck_app::findings::{FindingCard, FindingLook, FindingState, Judgement, SilencedRule};
use spotcheck_app::rules::Finding;
use spotcheck_app::timeline::{Axis, Recorded, Timeline, Told, timeline};
use spotcheck_domain::claims::{FeeFilter, FeeLine, Page};
use spotcheck_domain::task::{TASK_SCHEMA, Task, TaskFacility, TaskOfficer};
use spotcheck_domain::time::parse_rfc3339;
use spotcheck_domain::vocabulary::{CredentialKind, Mode};
use spotcheck_domain::{CaseId, OfficerId, TaskId, Trouble, TroubleResult, rfc3339};

use super::{FakeDesk, bundle, claims, id, reference, trouble};

const HEAD: &str = "8b2ed4713f9a17c0";
const BOOT: &str = "6f0c6f0a-3a52-4c0e-9a43-7d2b5c1e0001";

pub(super) fn package(package: &str) -> PackageState {
    PackageState {
        id: package.to_owned(),
        sha256: "3f9a17c08b2ed471".repeat(4),
        size: 386_000_000,
        checked: None,
        valid_until: "2026-12-10T00:00:00.000+08:00".to_owned(),
        cutoff: Some("11-23".to_owned()),
    }
}

pub(super) fn tasks() -> Vec<TaskCard> {
    let officer = |officer: &str, name: &str, credential: &str| TaskOfficer {
        id: id(officer),
        name: name.to_owned(),
        agency: "示例市医疗保障局".to_owned(),
        credential_kind: CredentialKind::Enforcement,
        credential_number: credential.to_owned(),
        credential_valid_until: Some("2028-12-31".to_owned()),
    };
    let card =
        |task: &str, title: &str, mode, number: Option<&str>, facility: &str, package| TaskCard {
            task: Task {
                schema: TASK_SCHEMA.to_owned(),
                id: id(task),
                title: title.to_owned(),
                mode,
                basis: vec!["医疗保障基金使用监督管理条例第二十七条".to_owned()],
                document_number: number.map(str::to_owned),
                facility: TaskFacility {
                    fixmedins_code: "H99010100001".to_owned(),
                    fixmedins_name: facility.to_owned(),
                    uscc: None,
                    addr: Some("示例市示例路 1 号".to_owned()),
                },
                period_from: "2026-01-01".to_owned(),
                period_to: "2026-11-23".to_owned(),
                officers: vec![
                    officer("O-0017", "周演示", "示例-0017"),
                    officer("O-0023", "吴样例", "示例-0023"),
                ],
                devices: vec![id("SC-0417")],
                valid_from: "2026-11-20T00:00:00.000+08:00".to_owned(),
                valid_until: "2026-12-10T00:00:00.000+08:00".to_owned(),
            },
            package,
            case: None,
        };
    vec![
        card(
            "T-2026-0017",
            "住院费用现场核查",
            Mode::Flight,
            Some("示医保检〔2026〕17号"),
            "示例市青禾医院",
            Some(package("PKG-01M7VBK5C0SAMP1E0000000001")),
        ),
        card("T-2026-0018", "药店购药核查", Mode::Daily, None, "示例市禾田大药房", None),
    ]
}

impl FakeDesk {
    /// A finding of this rule was excluded before, with this reason.
    #[must_use]
    pub fn with_exclusion(mut self, rule: &str, reason: &str) -> Self {
        self.excluded = Some((rule.to_owned(), reason.to_owned()));
        self
    }

    pub(super) fn do_look_finding(&mut self, finding: &Finding) -> TroubleResult<FindingLook> {
        let visit = finding.mdtrt_id.as_deref().and_then(claims::visit);
        if let Some(visit) = &visit {
            self.accesses.push(("finding".to_owned(), visit.psn_no.clone()));
        }
        let all = visit.as_ref().map(|visit| {
            claims::fee_lines(&visit.mdtrt_id, &FeeFilter::default(), Page::first(u32::MAX))
        });
        let own = |line: &FeeLine| finding.bkkp_sn.contains(&line.bkkp_sn);
        Ok(FindingLook {
            people: claims::people(&finding.people),
            lines: all.unwrap_or_default().into_iter().filter(own).collect(),
            clauses: FindingLook::cited(finding, &[&reference::library()])?,
            visit,
            person: None,
        })
    }

    pub(super) fn do_judge(
        &mut self,
        case: &CaseId,
        finding: &Finding,
        judgement: &Judgement,
    ) -> TroubleResult<FindingCard> {
        let judged = self.pass_time();
        let officer = self.unlocked.clone().unwrap_or_else(|| id("O-0017"));
        let view = self.open_view(case)?;
        let key = finding.key();
        let place = view.findings.iter().position(|c| c.key == key);
        let number = place.unwrap_or(view.findings.len()).saturating_add(1);
        let card = FindingCard {
            id: format!("F{number}"),
            key,
            rule: finding.rule.clone(),
            pack: finding.pack.clone(),
            subject: finding.mdtrt_id.clone().unwrap_or_default(),
            title: finding.party.clone().unwrap_or_else(|| finding.name.clone()),
            text: finding.reason.clone(),
            state: judgement.state,
            reason: judgement.reason.clone(),
            amount: finding.amount.map(|a| a.to_string()),
            fund_amount: finding.fund_amount.map(|a| a.to_string()),
            loss_method: finding.loss_method.as_str().to_owned(),
            pending: finding.pending,
            origin: judgement.origin,
            body: finding.body(),
            evidence: judgement.evidence.clone(),
            people: Vec::new(),
            officer,
            judged,
        };
        match place.and_then(|place| view.findings.get_mut(place)) {
            Some(kept) => *kept = card.clone(),
            None => view.findings.push(card.clone()),
        }
        Ok(card)
    }

    pub(super) fn do_silence(
        &mut self,
        case: &CaseId,
        rule: &str,
        reason: Option<&str>,
    ) -> TroubleResult<()> {
        self.remember();
        let at = self.pass_time();
        let officer = self.unlocked.clone().unwrap_or_else(|| id("O-0017"));
        let view = self.open_view(case)?;
        view.silenced.retain(|s| s.rule != rule);
        if let Some(reason) = reason {
            let (rule, reason) = (rule.to_owned(), reason.to_owned());
            view.silenced.push(SilencedRule { rule, reason, officer, at });
        }
        Ok(())
    }

    pub(super) fn do_open_case(&mut self, task: &TaskId) -> TroubleResult<CaseView> {
        let now = self.pass_time();
        let officers = self
            .officers
            .iter()
            .map(|o| CaseOfficer {
                id: o.id.clone(),
                name: o.name.clone(),
                certificate_shown: None,
                has_key: true,
            })
            .collect();
        let excluded = self.excluded.clone().map(|(rule, reason)| FindingCard {
            id: "F1".to_owned(),
            key: "00".to_owned(),
            rule,
            pack: "national@2026.11".to_owned(),
            subject: String::new(),
            title: String::new(),
            text: String::new(),
            state: FindingState::Excluded,
            reason: Some(reason),
            amount: None,
            fund_amount: None,
            loss_method: "N".to_owned(),
            pending: false,
            evidence: Vec::new(),
            people: Vec::new(),
            officer: id("O-0017"),
            judged: now.clone(),
            origin: None,
            body: String::new(),
        });
        self.case.take_if(|case| case.state != CaseState::Open);
        let case = self.case.get_or_insert_with(|| CaseView {
            id: id("CASE-01M7VBK5C0SAMP1E0000000002"),
            task: task.clone(),
            state: CaseState::Open,
            opened: now,
            officers,
            parties: Vec::new(),
            steps: Vec::new(),
            evidence: Vec::new(),
            documents: Vec::new(),
            findings: excluded.into_iter().collect(),
            silenced: Vec::new(),
            opening_read: None,
            missing: Vec::new(),
            journal_head: HEAD.to_owned(),
            bundle: None,
        });
        let case = case.id.clone();
        self.do_case(&case)
    }

    /// The journal that a visit with these acts would have.
    pub(super) fn do_timeline(&mut self, case: &CaseId) -> TroubleResult<Timeline> {
        let view = self.do_case(case)?;
        let mut lines = vec![json!({"kind": "case_opened", "wall": view.opened})];
        for officer in &view.officers {
            if let Some(wall) = &officer.certificate_shown {
                lines.push(
                    json!({"kind": "certificate_shown", "wall": wall, "subject": officer.id}),
                );
            }
        }
        for item in &view.evidence {
            let lasted = parse_rfc3339(&item.ended)
                .unwrap_or_default()
                .saturating_sub(parse_rfc3339(&item.begun).unwrap_or_default());
            let facts = json!({
                "evidence": item.id, "media_type": item.media_type, "duration_ms": lasted,
            });
            lines.push(json!({"kind": "capture_started", "wall": item.begun, "facts": facts}));
            lines.push(json!({"kind": "capture_stopped", "wall": item.ended, "facts": facts}));
        }
        for document in self.documents.values() {
            for answer in &document.answers {
                let (Some(at_ms), Some(audio)) = (answer.at_ms, &answer.audio) else { continue };
                let begun = self.begun_ms(&view, audio);
                let at = begun.saturating_add(i64::try_from(at_ms).unwrap_or_default());
                let facts = json!({
                    "n": answer.n, "document": document.card.id, "audio": audio, "at_ms": at_ms,
                });
                lines.push(json!({"kind": "answer_added", "wall": rfc3339(at), "facts": facts}));
            }
            for signed in &document.signatures {
                let facts = json!({"signer": signed.signer, "document": document.card.id});
                let paper = "data/documents/0001-v1-signed.pdf";
                lines.push(json!({
                    "kind": "document_signed", "wall": signed.at, "subject": paper, "facts": facts,
                }));
            }
        }
        for card in &view.findings {
            lines.push(json!({
                "kind": "finding_state", "wall": card.judged, "subject": card.id,
                "facts": {"state": card.state},
            }));
        }
        for (evidence, at_ms) in &self.played.marks {
            let begun = self.begun_ms(&view, evidence);
            let wall = rfc3339(begun.saturating_add(i64::try_from(*at_ms).unwrap_or_default()));
            let facts = json!({"what": "mark", "at_ms": at_ms, "text": "标记"});
            lines.push(json!({"kind": "note", "wall": wall, "subject": evidence, "facts": facts}));
        }
        for (evidence, at_ms, on) in &self.played.pauses {
            let begun = self.begun_ms(&view, evidence);
            let wall = rfc3339(begun.saturating_add(i64::try_from(*at_ms).unwrap_or_default()));
            let facts = json!({"what": if *on { "paused" } else { "resumed" }, "at_ms": at_ms});
            lines.push(json!({"kind": "note", "wall": wall, "subject": evidence, "facts": facts}));
        }
        lines.sort_by(|a, b| a["wall"].as_str().cmp(&b["wall"].as_str()));
        for (seq, line) in lines.iter_mut().enumerate() {
            let wall = line["wall"].as_str().and_then(parse_rfc3339).unwrap_or_default();
            line["seq"] = json!(seq.saturating_add(1));
            line["boottime"] = json!(wall.saturating_sub(super::morning_ms()).max(0));
            line["boot_id"] = json!(BOOT);
        }
        let told = Told {
            recordings: self.recorded(&view),
            answers: self.answers(),
            head: Some("17c08b2ed4713f9a".repeat(4)),
        };
        Ok(timeline(&lines, &view, told))
    }

    /// When a recording began, ended or running.
    fn begun_ms(&self, view: &CaseView, evidence: &str) -> i64 {
        let ended = view.evidence.iter().find(|e| e.id == evidence);
        ended.and_then(|e| parse_rfc3339(&e.begun)).unwrap_or_else(|| {
            let running = self.running.iter().find(|r| r.evidence == evidence);
            let stored = running.map_or(0, |r| i64::try_from(r.stored_ms).unwrap_or_default());
            self.now_ms.saturating_sub(stored)
        })
    }

    fn recorded(&self, view: &CaseView) -> Vec<Recorded> {
        let ended = view.evidence.iter().filter(|e| !e.media_type.starts_with("image/"));
        let ended = ended.map(|e| {
            let length = parse_rfc3339(&e.ended).unwrap_or_default();
            let length = length.saturating_sub(parse_rfc3339(&e.begun).unwrap_or_default());
            (e.id.clone(), e.media_type.starts_with("video/"), u64::try_from(length).ok(), false)
        });
        let running = self.running.iter().map(|r| {
            let video = r.kind == RecordingKind::Video;
            (r.evidence.clone(), video, Some(r.stored_ms), true)
        });
        ended
            .chain(running)
            .map(|(evidence, video, length, live)| {
                let begun = self.begun_ms(view, &evidence).saturating_sub(super::morning_ms());
                let axis = Axis::begun(BOOT, begun, length.unwrap_or_default());
                Recorded { evidence, video, live, axis }
            })
            .collect()
    }

    fn answers(&self) -> BTreeMap<(String, u64), AnswerView> {
        let documents = self.documents.values();
        let all = documents.flat_map(|d| d.answers.iter().map(|a| (d.card.id.clone(), a.clone())));
        all.map(|(id, answer)| ((id, u64::from(answer.n)), answer)).collect()
    }

    pub(super) fn do_case(&mut self, case: &CaseId) -> TroubleResult<CaseView> {
        let documents: Vec<DocumentCard> =
            self.documents.values().map(|d| d.card.clone()).collect();
        match &mut self.case {
            Some(view) if view.id == *case => {
                view.documents = documents;
                view.missing = missing(view);
                Ok(view.clone())
            }
            _ => Err(trouble("FAKE-CASE", "没有这个案件", "已存的都在", "从任务进入")),
        }
    }

    pub(super) fn do_add_party(
        &mut self,
        case: &CaseId,
        name: &str,
        kind: &str,
        post: Option<&str>,
    ) -> TroubleResult<String> {
        self.remember();
        let parties = &mut self.open_view(case)?.parties;
        let party = format!("party-{}", parties.len().saturating_add(1));
        parties.push(PartyView {
            id: party.clone(),
            name: name.to_owned(),
            kind: kind.to_owned(),
            post: post.map(str::to_owned),
        });
        Ok(party)
    }

    pub(super) fn do_begin_step(
        &mut self,
        case: &CaseId,
        kind: &str,
        title: &str,
        now: String,
    ) -> TroubleResult<String> {
        self.remember();
        let steps = &mut self.open_view(case)?.steps;
        let step = format!("S{}", steps.len().saturating_add(1));
        steps.push(StepView {
            id: step.clone(),
            kind: kind.to_owned(),
            title: title.to_owned(),
            begun: now,
            ended: None,
        });
        Ok(step)
    }

    pub(super) fn next_evidence(&self) -> String {
        let kept = self.case.as_ref().map_or(0, |c| c.evidence.len());
        format!("E{}", kept.saturating_add(self.running.len()).saturating_add(1))
    }

    pub(super) fn item(&self, evidence: String, media_type: &str, length_ms: u64) -> EvidenceView {
        let ended = self.now_ms;
        let begun = ended.saturating_sub(i64::try_from(length_ms).unwrap_or_default());
        EvidenceView {
            path: format!("data/media/{evidence}"),
            id: evidence,
            media_type: media_type.to_owned(),
            begun: rfc3339(begun),
            ended: rfc3339(ended),
            size: length_ms.saturating_mul(4).max(1_240_000),
            sha256: "17c08b2ed4713f9a".repeat(4),
            proves: String::new(),
            marks: Vec::new(),
            recovered: false,
            page: None,
            filing: Filing::default(),
        }
    }

    pub(super) fn do_photo(&mut self, case: Option<&CaseId>) -> TroubleResult<EvidenceView> {
        self.pass_time();
        let photo = self.item(self.next_evidence(), "image/jpeg", 0);
        if let Some(case) = case {
            self.open_view(case)?.evidence.push(photo.clone());
        }
        Ok(photo)
    }

    pub(super) fn do_start(&mut self, kind: RecordingKind) -> TroubleResult<RecordingView> {
        let started = RecordingView {
            evidence: self.next_evidence(),
            kind,
            stored_ms: 0,
            level: 40,
            paused: false,
            covered: false,
            lost_ms: 0,
            impaired: false,
            idle_ms: 0,
            behind_ms: 0,
            ended: false,
        };
        self.running.push(started.clone());
        Ok(started)
    }

    pub(super) fn do_mark(&mut self, evidence: &str, _words: &str) -> TroubleResult<()> {
        self.remember();
        if let Some(running) = self.running.iter().find(|r| r.evidence == evidence) {
            self.played.marks.push((evidence.to_owned(), running.stored_ms));
            return Ok(());
        }
        Err(trouble("FAKE-NOT-RUNNING", "这一段已经停了", "已录的都在", "不用再标记"))
    }

    pub(super) fn do_stop(&mut self, evidence: &str) -> TroubleResult<EvidenceView> {
        let place = self.running.iter().position(|r| r.evidence == evidence);
        let Some(place) = place else {
            return Err(trouble("FAKE-NOT-RUNNING", "这一段已经停了", "已录的都在", "不用再停"));
        };
        let stopped = self.running.remove(place);
        let media_type = match stopped.kind {
            RecordingKind::Audio => "audio/ogg",
            RecordingKind::Video => "video/x-matroska",
        };
        let item = self.item(stopped.evidence, media_type, stopped.stored_ms);
        if let Some(case) = &mut self.case {
            case.evidence.push(item.clone());
        }
        Ok(item)
    }

    pub(super) fn do_seal(
        &mut self,
        case: &CaseId,
        pins: &[(OfficerId, SecretString)],
        incomplete_reason: Option<&str>,
    ) -> TroubleResult<SealReport> {
        if pins.len() < 2 || !pins.iter().all(|(officer, pin)| self.knows(officer, pin)) {
            return Err(trouble(
                "VAULT-PIN-WRONG",
                "有一位的 PIN 不对，没有封存",
                "案件完整，什么都没有丢",
                "两人各自重新输入 PIN",
            ));
        }
        let missing = self.do_case(case)?.missing;
        if !missing.is_empty() && incomplete_reason.is_none() {
            return Err(trouble("FAKE-INCOMPLETE", "还有缺项", "案件完整", "补齐，或写明原因"));
        }
        self.pass_time();
        for evidence in self.running.iter().map(|r| r.evidence.clone()).collect::<Vec<_>>() {
            self.do_stop(&evidence)?;
        }
        let view = self.open_view(case)?;
        view.state = CaseState::Sealed;
        view.bundle = Some(bundle());
        let files = view.evidence.len().saturating_add(view.documents.len()).saturating_add(9);
        let bytes = view.evidence.iter().fold(180_000_u64, |sum, e| sum.saturating_add(e.size));
        if !self.tasks.first().is_some_and(|card| card.task.is_practice()) {
            self.outbox.push(OutboxItem {
                bundle: bundle(),
                case: case.clone(),
                fixmedins_name: Some("示例市青禾医院".to_owned()),
                sent_bytes: 0,
                total_bytes: bytes,
                state: CaseState::Sealed,
                errors: Vec::new(),
                received: None,
                log_index: None,
            });
        }
        Ok(SealReport {
            bundle: bundle(),
            tagmanifest_sha256: "3f9a17c08b2ed471".repeat(4),
            files: u32::try_from(files).unwrap_or_default(),
            bytes,
            missing,
        })
    }

    pub(super) fn unknown_document() -> Trouble {
        trouble("FAKE-DOCUMENT", "没有这份文书", "已存的都在", "从任务进入")
    }
}

fn missing(view: &CaseView) -> Vec<String> {
    let mut missing = Vec::new();
    for officer in view.officers.iter().filter(|o| o.certificate_shown.is_none()) {
        missing.push(format!("{} 没有出示证件", officer.name));
    }
    if view.parties.is_empty() {
        missing.push("没有登记当事人".to_owned());
    }
    for form in ["W03", "W04"] {
        let done = view.documents.iter().any(|d| {
            d.form == form && matches!(d.state, DocumentState::Signed | DocumentState::Refused)
        });
        if !done {
            missing.push(format!("{form} 没有签字"));
        }
    }
    let tray = view.evidence.iter().filter(|e| e.proves.is_empty()).count();
    if tray > 0 {
        missing.push(format!("{tray} 份取证没有说明证明什么"));
    }
    missing
}
