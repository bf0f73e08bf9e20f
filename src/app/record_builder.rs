//! record.json `/1` from what the case keeps.
//!
//! Nothing is invented here: what the officers did not say stands as said to be missing ("待说明"), what
//! the mode does not have is null. A document that was never frozen has no version and goes into an annex
//! instead, so that leaving early loses no word.

use serde::Serialize;
use spotcheck_domain::time::rfc3339;
use spotcheck_domain::vocabulary::{
    Direction, LegalKind, Mode, Originality, PartyKind, SigningMethod,
};
use spotcheck_domain::{CaseId, OfficerId, TroubleResult};
use spotcheck_evidence::FileHashes;
use spotcheck_evidence::draft::{DRAFT_PATH, DRAFT_SCHEMA as RULE_DRAFT_SCHEMA};
use spotcheck_evidence::findings::{FINDINGS_PATH, FINDINGS_SCHEMA};
use spotcheck_evidence::interview::{INTERVIEW_SCHEMA, Interview, Question};
use spotcheck_evidence::record::{
    Annex as RecordAnnex, BagFile, Captured, Completeness, Credential, Document as RecordDocument,
    EvidenceItem, Facility, HandSignature, Officer, Opinion, PackageRef, Party as RecordParty,
    Presence, Print as RecordPrint, RECORD_SCHEMA, Record, Relation, Step as RecordStep, TaskPart,
    TemplateRef, Version,
};

use crate::capture::hash;
use crate::findings::record_finding;
use crate::handheld::Handheld;
use crate::model::{Annex, Document, Evidence, Meta, Party, Step, kind};
use crate::ports::StoredFile;
use crate::troubles;

/// Item of 条例 art. 27 under which recordings and pictures are taken: 记录、录音、录像、照相.
const POWER_TO_RECORD: u64 = 4;
/// Schema of the annex of a document that was never frozen.
const DRAFT_SCHEMA: &str = "spotcheck-draft/1";

/// Particulars of sealing that the record needs.
pub(crate) struct SealFacts<'a> {
    pub(crate) sealed_ms: i64,
    pub(crate) signers: &'a [OfficerId],
    pub(crate) missing: &'a [String],
    pub(crate) reason: Option<&'a str>,
    pub(crate) day_no: u64,
    pub(crate) relations: Vec<Relation>,
}

/// A document as it stood when the visit was broken off.
#[derive(Serialize)]
struct DraftAnnex<'a> {
    schema: &'static str,
    document: &'a str,
    form: &'a str,
    title: &'a str,
    fields: Vec<FieldText<'a>>,
    answers: Vec<Question>,
}

#[derive(Serialize)]
struct FieldText<'a> {
    key: &'a str,
    text: &'a str,
}

pub(crate) fn hashes(file: &StoredFile) -> TroubleResult<FileHashes> {
    Ok(FileHashes { sha256: hash(&file.sha256)?, sm3: hash(&file.sm3)?, size: file.size })
}

fn bag_file(file: &StoredFile, media_type: &str) -> TroubleResult<BagFile> {
    Ok(BagFile::new(file.path.as_str(), media_type, hashes(file)?))
}

fn questions(document: &Document) -> Vec<Question> {
    document
        .answers
        .iter()
        .map(|a| Question {
            n: u64::from(a.view.n),
            at_ms: a.view.at_ms,
            question: a.view.question.clone(),
            answer: a.view.answer.clone(),
            at: rfc3339(a.at_ms),
        })
        .collect()
}

/// True where the mode has the powers of 条例 art. 27.
const fn has_powers(mode: Mode) -> bool {
    matches!(mode, Mode::Enforcement | Mode::Flight | Mode::Joint)
}

impl Handheld {
    /// Judged findings, interviews and unfinished drafts as annex files: (path, schema, bytes).
    pub(crate) fn annexes_of(
        &mut self,
        case: &CaseId,
        meta: &Meta,
    ) -> TroubleResult<Vec<(String, &'static str, Vec<u8>)>> {
        let evidence: Vec<(String, Evidence)> = self.case_chain(case)?.values(kind::EVIDENCE)?;
        let officers: Vec<OfficerId> = meta.task.officers.iter().map(|o| o.id.clone()).collect();
        let mut annexes = Vec::new();
        if let Some(bytes) = self.findings_annex(case)? {
            annexes.push((FINDINGS_PATH.to_owned(), FINDINGS_SCHEMA, bytes));
        }
        if let Some(bytes) = self.rule_draft(case)? {
            annexes.push((DRAFT_PATH.to_owned(), RULE_DRAFT_SCHEMA, bytes));
        }
        for (id, document) in self.all_documents(case)? {
            if let (Some(party), false, true) =
                (&document.party, document.answers.is_empty(), document.frozen.is_some())
            {
                let audio = document.answers.iter().find_map(|a| a.view.audio.clone());
                let audio = audio.and_then(|audio| {
                    evidence.iter().find(|(e, item)| *e == audio && item.file.is_some())
                });
                let interview = Interview {
                    schema: INTERVIEW_SCHEMA.to_owned(),
                    document: id.clone(),
                    interviewee: party.clone(),
                    officers: officers.clone(),
                    audio: audio.map(|(_, item)| item.path.clone()),
                    questions: questions(&document),
                };
                let bytes = interview.to_bytes().map_err(troubles::stored)?;
                annexes.push((format!("data/annex/interview-{id}.json"), INTERVIEW_SCHEMA, bytes));
            }
            if document.frozen.is_none() {
                let draft = DraftAnnex {
                    schema: DRAFT_SCHEMA,
                    document: &id,
                    form: &document.form,
                    title: &document.title,
                    fields: document
                        .fields
                        .iter()
                        .map(|(key, text)| FieldText { key, text })
                        .collect(),
                    answers: questions(&document),
                };
                let bytes = spotcheck_domain::to_canonical(&draft).map_err(troubles::stored)?;
                annexes.push((format!("data/annex/draft-{id}.json"), DRAFT_SCHEMA, bytes));
            }
        }
        Ok(annexes)
    }

    /// The whole record.
    pub(crate) fn build_record(
        &mut self,
        case: &CaseId,
        meta: &Meta,
        facts: SealFacts<'_>,
    ) -> TroubleResult<Record> {
        let chain = self.case_chain(case)?;
        let shown: Vec<(String, i64)> = chain.values(kind::SHOWN)?;
        let parties: Vec<(String, Party)> = chain.values(kind::PARTY)?;
        let steps: Vec<(String, Step)> = chain.values(kind::STEP)?;
        let evidence: Vec<(String, Evidence)> = chain.values(kind::EVIDENCE)?;
        let annexes: Vec<(String, Annex)> = chain.values(kind::ANNEX)?;
        let documents = self.all_documents(case)?;
        let findings = self.finding_cards(case)?;
        let handovers = self.record_handovers(case)?;
        let refusals = self.record_refusals(case)?;
        let task = &meta.task;
        let package = match &meta.package {
            None => None,
            Some((id, sha256)) => Some(PackageRef { id: id.clone(), sha256: hash(sha256)? }),
        };
        let signatures = documents
            .iter()
            .flat_map(|(id, d)| d.signatures.iter().map(move |s| (id, d, s)))
            .map(|(id, d, s)| {
                Ok(HandSignature {
                    id: s.id.clone(),
                    document: id.clone(),
                    version: d.frozen.as_ref().map_or(1, |f| u64::from(f.version)),
                    signer: s.signer.clone(),
                    capacity: s.capacity,
                    name: s.name.clone(),
                    method: SigningMethod::Pad,
                    at: rfc3339(s.at_ms),
                    file: Some(bag_file(&s.svg, "image/svg+xml")?),
                    evidence: None,
                })
            })
            .collect::<TroubleResult<Vec<_>>>()?;
        Ok(Record {
            schema: RECORD_SCHEMA.to_owned(),
            bundle: meta.bundle.clone(),
            task: TaskPart {
                id: task.id.clone(),
                title: task.title.clone(),
                mode: task.mode,
                basis: task.basis.clone(),
                document_number: task.document_number.clone(),
                day_no: facts.day_no,
                package,
            },
            facility: Facility {
                fixmedins_code: task.facility.fixmedins_code.clone(),
                fixmedins_name: task.facility.fixmedins_name.clone(),
                uscc: task.facility.uscc.clone(),
                place: task.facility.addr.clone(),
            },
            officers: officers(meta, &shown, &facts),
            helpers: Vec::new(),
            parties: parties.iter().map(|(id, p)| party(id, p)).collect(),
            steps: steps.into_iter().map(|(id, s)| step(id, s)).collect(),
            findings: findings.into_iter().map(record_finding).collect(),
            evidence: evidence
                .iter()
                .map(|(id, item)| evidence_item(id, item, task.mode))
                .filter_map(Result::transpose)
                .collect::<TroubleResult<Vec<_>>>()?,
            documents: documents
                .iter()
                .map(|(id, d)| document(id, d))
                .filter_map(Result::transpose)
                .collect::<TroubleResult<Vec<_>>>()?,
            signatures,
            approvals: Vec::new(),
            refusals,
            measures: Vec::new(),
            deadlines: Vec::new(),
            handovers,
            relations: facts.relations,
            annexes: annexes
                .into_iter()
                .map(|(path, a)| {
                    let sha256 = hash(&a.file.sha256)?;
                    Ok(RecordAnnex { path, schema: a.schema, sha256, size: a.file.size })
                })
                .collect::<TroubleResult<Vec<_>>>()?,
            completeness: Completeness {
                complete: facts.missing.is_empty(),
                reason: facts.reason.map(str::to_owned),
                missing: facts.missing.to_vec(),
            },
        })
    }
}

fn officers(meta: &Meta, shown: &[(String, i64)], facts: &SealFacts<'_>) -> Vec<Officer> {
    let role = |id: &OfficerId| {
        let place = facts.signers.iter().position(|s| s == id)?;
        Some(format!("inspector-{}", place.saturating_add(1)))
    };
    meta.task
        .officers
        .iter()
        .map(|o| {
            let begun = shown.iter().find(|(id, _)| id == o.id.as_str()).map(|(_, at)| *at);
            Officer {
                id: o.id.clone(),
                role: role(&o.id),
                name: o.name.clone(),
                agency: Some(o.agency.clone()),
                credential: Some(Credential {
                    kind: o.credential_kind,
                    number: o.credential_number.clone(),
                    valid_until: o.credential_valid_until.clone(),
                }),
                present: begun
                    .map(|at| Presence {
                        begun: rfc3339(at),
                        ended: Some(rfc3339(facts.sealed_ms)),
                    })
                    .into_iter()
                    .collect(),
            }
        })
        .collect()
}

fn party(id: &str, p: &Party) -> RecordParty {
    RecordParty {
        id: id.to_owned(),
        name: p.name.clone(),
        kind: PartyKind::parse(&p.kind).unwrap_or(PartyKind::Person),
        post: p.post.clone(),
        relation: None,
        authority: None,
    }
}

fn step(id: String, s: Step) -> RecordStep {
    RecordStep {
        id,
        kind: s.kind,
        title: s.title,
        begun: rfc3339(s.begun_ms),
        ended: s.ended_ms.map(rfc3339),
        alone: s.officers.len() < 2,
        officers: s.officers.iter().map(ToString::to_string).collect(),
        helpers: Vec::new(),
        place: None,
    }
}

/// `None` for an item that never stored anything.
fn evidence_item(id: &str, item: &Evidence, mode: Mode) -> TroubleResult<Option<EvidenceItem>> {
    let Some(file) = &item.file else { return Ok(None) };
    let or = |text: &str, otherwise: &str| {
        if text.is_empty() { otherwise.to_owned() } else { text.to_owned() }
    };
    let method = match (&item.page, item.media_type.as_str()) {
        (Some(page), _) => page.method(),
        (None, "image/jpeg") => "现场拍照".to_owned(),
        (None, "audio/ogg") => "现场录音".to_owned(),
        (None, "video/x-matroska") => "现场录像".to_owned(),
        (None, _) => "现场拷贝导出文件".to_owned(),
    };
    let exported = item.recording.is_none() && item.media_type != "image/jpeg";
    let filing = item.filing();
    let original = item.originality();
    // The photo of a paper that stands for the paper is a copy of a document (行政处罚法 art. 46).
    let paper = original == Originality::Copy && item.media_type == "image/jpeg";
    let own_place = || exported.then(|| "被检查机构信息系统".to_owned());
    Ok(Some(EvidenceItem {
        id: id.to_owned(),
        path: item.path.clone(),
        sha256: hash(&file.sha256)?,
        sm3: hash(&file.sm3)?,
        size: file.size,
        media_type: item.media_type.clone(),
        log: item.log.as_ref().map(|log| bag_file(log, "application/jsonl")).transpose()?,
        legal_kind: match (exported, paper) {
            (true, _) => LegalKind::Electronic,
            (false, true) => LegalKind::Documentary,
            (false, false) => LegalKind::Audiovisual,
        },
        power: has_powers(mode).then_some(POWER_TO_RECORD),
        original,
        source: or(&item.source, "检查现场"),
        keeper: filing.keeper,
        original_place: filing.original_place.or_else(own_place),
        method,
        maker: item.maker.to_string(),
        proves: or(&item.proves, "待说明(封存时未归类)"),
        direction: filing.direction.unwrap_or(Direction::Neutral),
        opinion: filing.opinion.map(|said| Opinion {
            party: said.party,
            text: said.text,
            at: said.at,
        }),
        review: None,
        captured: Captured {
            begun: rfc3339(item.begun_ms),
            ended: rfc3339(item.ended_ms.unwrap_or(item.begun_ms)),
            first_seq: item.first_seq,
            last_seq: item.last_seq,
        },
    }))
}

/// `None` for a document that was never frozen.
fn document(id: &str, d: &Document) -> TroubleResult<Option<RecordDocument>> {
    let Some(frozen) = &d.frozen else { return Ok(None) };
    let signed_pdf = d.signed_pdf.as_ref().map(|f| bag_file(f, "application/pdf")).transpose()?;
    let version = Version {
        version: u64::from(frozen.version),
        content_sha256: hash(&frozen.elements.sha256)?,
        frozen: rfc3339(frozen.at_ms),
        pages: u64::from(frozen.pages),
        pdf: bag_file(&frozen.pdf, "application/pdf")?,
        signed_pdf,
        prints: d
            .prints
            .iter()
            .map(|p| RecordPrint {
                at: rfc3339(p.at_ms),
                copies: u64::from(p.copies),
                printer: Some(p.printer.clone()),
                journal_head: p.journal_head.clone(),
            })
            .collect(),
        copies_given: d.copies_given(),
        elements: bag_file(&frozen.elements, "application/json")?,
    };
    Ok(Some(RecordDocument {
        id: id.to_owned(),
        form: d.form.clone(),
        number: None,
        title: d.title.clone(),
        template: TemplateRef { id: d.form.clone(), sha256: hash(&d.template_sha256)? },
        versions: vec![version],
    }))
}
