//! Documents: draft, freeze, sign, print.
//!
//! A draft may be anything; freezing asks the gates, fixes the content hash and renders once. From then on
//! nothing of it changes: signatures and copies are laid over (evidence.md §4). Answers are the
//! interviewee's words and are never prefilled.

use spotcheck_domain::time::{on_paper, rfc3339};
use spotcheck_domain::vocabulary::{Capacity, SigningMethod};
use spotcheck_domain::{CaseId, TroubleResult};
use spotcheck_evidence::Hash32;
use zeroize::Zeroizing;

use crate::capture::{hash, media};
use crate::case_file::next_id;
use crate::chain::set;
use crate::desk::{
    AnswerView, DocumentCard, DocumentState, DocumentView, FieldView, PrintReport, RecordingKind,
    SignatureView, Stroke,
};
use crate::handheld::Handheld;
use crate::model::{Answer, Document, Evidence, Frozen, Meta, Party, Print, Signature, kind};
use crate::pause::is_pause;
use crate::ports::{DrawnSignature, FormDraft, PrintOverlay};
use crate::rules_of_visit::TWO_OFFICERS;
use crate::troubles;

impl Handheld {
    fn documents(&mut self, case: &CaseId) -> TroubleResult<Vec<(String, Document)>> {
        self.case_chain(case)?.values(kind::DOCUMENT)
    }

    pub(crate) fn stored_document(&mut self, case: &CaseId, id: &str) -> TroubleResult<Document> {
        self.case_chain(case)?.value(kind::DOCUMENT, id)?.ok_or_else(|| troubles::unknown("文书"))
    }

    pub(crate) fn all_documents(
        &mut self,
        case: &CaseId,
    ) -> TroubleResult<Vec<(String, Document)>> {
        self.documents(case)
    }

    pub(crate) fn document_cards(&mut self, case: &CaseId) -> TroubleResult<Vec<DocumentCard>> {
        let meta = self.meta(case)?;
        let documents = self.documents(case)?;
        Ok(documents.iter().map(|(id, d)| card(&meta, id, d, self.party_signs(d))).collect())
    }

    /// False for a record of what the party refuses: there is no signature to wait for.
    fn party_signs(&self, document: &Document) -> bool {
        self.ports.forms.form(&document.form).map_or(true, |info| info.party_signs)
    }

    /// Every mark of the case's recordings as a line, and the recordings that have marks as another text: what a
    /// record of refusal begins with. The officers strike out what does not belong there.
    fn marked(&mut self, case: &CaseId) -> TroubleResult<(String, String)> {
        let items: Vec<(String, Evidence)> = self.case_chain(case)?.values(kind::EVIDENCE)?;
        let (mut acts, mut recordings) = (Vec::new(), Vec::new());
        for (id, item) in items.iter().filter(|(_, item)| !item.marks.is_empty()) {
            let what = item.recording.map_or("", |kind| media(kind).2);
            for (at_ms, words) in item.marks.iter().filter(|(_, words)| !is_pause(words)) {
                let at = item.begun_ms.saturating_add(i64::try_from(*at_ms).unwrap_or(0));
                acts.push((
                    at,
                    format!("{} {words}（{what} {id} 第 {}）", on_paper(at), into(*at_ms)),
                ));
            }
            let name = item.path.rsplit('/').next().unwrap_or_default();
            recordings.push(format!("{what} {id}（{name}），标记 {} 处", item.marks.len()));
        }
        acts.sort();
        let acts: Vec<String> = acts.into_iter().map(|(_, line)| line).collect();
        Ok((acts.join("\n"), recordings.join("\n")))
    }

    pub(crate) fn do_new_document(
        &mut self,
        case: &CaseId,
        form: &str,
        party: Option<&str>,
    ) -> TroubleResult<DocumentView> {
        let meta = self.open_meta(case)?;
        let info = self.ports.forms.form(form)?;
        let documents = self.documents(case)?;
        let now = self.now_ms();
        let officer = self.officer()?;
        let organ = meta.task.officers.first().map(|o| o.agency.clone()).unwrap_or_default();
        let recorder = meta.task.officers.iter().find(|o| o.id == officer).map(|o| o.name.clone());
        let (acts, recordings) = self.marked(case)?;
        let facility = &meta.task.facility;
        let mut fields = vec![
            ("acts", acts),
            ("recordings", recordings),
            ("organ", organ),
            ("number", meta.task.document_number.clone().unwrap_or_default()),
            ("begun", on_paper(now)),
            ("place", facility.addr.clone().unwrap_or_default()),
            ("subject", facility.fixmedins_name.clone()),
            ("subject_code", facility.uscc.clone().unwrap_or_default()),
            ("fixmedins_code", facility.fixmedins_code.clone()),
            ("subject_addr", facility.addr.clone().unwrap_or_default()),
            ("recorder", recorder.unwrap_or_default()),
        ];
        if info.interview {
            let id = party.ok_or_else(|| {
                troubles::document("询问笔录没有选被询问人", "先登记被询问人，再制作询问笔录")
            })?;
            let person: Party = self
                .case_chain(case)?
                .value(kind::PARTY, id)?
                .ok_or_else(|| troubles::unknown("被询问人"))?;
            let nth = documents.iter().filter(|(_, d)| d.party.as_deref() == Some(id)).count();
            fields.push(("nth", nth.saturating_add(1).to_string()));
            fields.push(("name", person.name));
            fields.push(("post", person.post.unwrap_or_default()));
        }
        let fields = fields
            .into_iter()
            .filter(|(key, value)| !value.is_empty() && info.fields.iter().any(|f| f.key == *key))
            .map(|(key, value)| (key.to_owned(), value))
            .collect();
        let id = next_id("D", documents.len());
        let document = Document {
            form: info.id,
            title: info.title,
            template_sha256: info.template_sha256,
            number: u32::try_from(documents.len()).unwrap_or(u32::MAX).saturating_add(1),
            party: party.map(str::to_owned),
            fields,
            answers: Vec::new(),
            frozen: None,
            signatures: Vec::new(),
            signed_pdf: None,
            prints: Vec::new(),
            refused: Vec::new(),
            given: Vec::new(),
        };
        let draft = self
            .draft("note")?
            .about(id.as_str())
            .fact("what", "document_begun")
            .fact("form", form);
        self.commit(case, vec![draft], vec![set(kind::DOCUMENT, &id, &document)?])?;
        self.document_view(case, &id)
    }

    /// The form as filled so far, as the forms port takes it. Times that the program fills are those of
    /// the moment until the document is frozen.
    fn form_draft(&self, meta: &Meta, document: &Document) -> FormDraft {
        let mut fields = document.fields.clone();
        if document.frozen.is_none() {
            fields.retain(|(key, _)| key != "ended");
            fields.push(("ended".to_owned(), on_paper(self.now_ms())));
        }
        FormDraft {
            form: document.form.clone(),
            fields,
            officers: meta.task.officers.clone(),
            basis: meta.task.basis.clone(),
            answers: document.answers.iter().map(|a| a.view.clone()).collect(),
        }
    }

    pub(crate) fn document_view(&mut self, case: &CaseId, id: &str) -> TroubleResult<DocumentView> {
        let meta = self.meta(case)?;
        let document = self.stored_document(case, id)?;
        let info = self.ports.forms.form(&document.form)?;
        let draft = self.form_draft(&meta, &document);
        let missing = if document.frozen.is_some() {
            Vec::new()
        } else {
            let mut missing = self.ports.forms.missing(&draft)?;
            missing.extend(self.missing_credentials(case, &meta.task)?);
            missing
        };
        let fields = info
            .fields
            .into_iter()
            .map(|f| FieldView {
                value: draft
                    .fields
                    .iter()
                    .find(|(key, _)| key == &f.key)
                    .map(|(_, value)| value.clone())
                    .unwrap_or_default(),
                key: f.key,
                label: f.label,
                required: f.required,
                multiline: f.multiline,
                fixed: f.fixed,
            })
            .collect();
        Ok(DocumentView {
            card: card(&meta, id, &document, info.party_signs),
            fields,
            answers: draft.answers,
            pages: document.frozen.as_ref().map_or(0, |f| f.pages),
            content_sha256: document.frozen.as_ref().map(|f| f.elements.sha256.clone()),
            signatures: document
                .signatures
                .iter()
                .map(|s| SignatureView {
                    signer: s.signer.clone(),
                    name: s.name.clone(),
                    capacity: s.capacity,
                    method: SigningMethod::Pad,
                    at: rfc3339(s.at_ms),
                })
                .collect(),
            prints: document.prints.iter().fold(0, |sum, p| sum.saturating_add(p.copies)),
            missing,
            refused: document.refused_views(),
            given: document.given_views(),
        })
    }

    /// A draft of an open case, to be changed.
    fn editable(&mut self, case: &CaseId, id: &str) -> TroubleResult<Document> {
        self.open_meta(case)?;
        let document = self.stored_document(case, id)?;
        if document.frozen.is_some() {
            return Err(troubles::document(
                "文书已经定稿并向当事人出示，不能直接修改",
                "需要更正时另作更正记录，由当事人签字确认",
            ));
        }
        Ok(document)
    }

    pub(crate) fn do_fill(
        &mut self,
        case: &CaseId,
        id: &str,
        key: &str,
        value: &str,
    ) -> TroubleResult<()> {
        let mut document = self.editable(case, id)?;
        let info = self.ports.forms.form(&document.form)?;
        let field = info.fields.iter().find(|f| f.key == key);
        if field.is_none_or(|f| f.fixed) {
            return Err(troubles::document("这一栏不能填写", "核对栏目名称"));
        }
        document.fields.retain(|(k, _)| k != key);
        document.fields.push((key.to_owned(), value.to_owned()));
        // A keystroke's worth of text is kept, not journaled: the journal says what was frozen.
        self.commit(case, vec![], vec![set(kind::DOCUMENT, id, &document)?])?;
        Ok(())
    }

    pub(crate) fn do_answer(
        &mut self,
        case: &CaseId,
        id: &str,
        n: Option<u32>,
        question: &str,
        answer: &str,
    ) -> TroubleResult<AnswerView> {
        let mut document = self.editable(case, id)?;
        if !self.ports.forms.form(&document.form)?.interview {
            return Err(troubles::document("这份文书没有问答", "在询问笔录里记录问答"));
        }
        let (question, answer) = (question.trim(), answer.trim());
        if question.is_empty() {
            return Err(troubles::document("问题没有填写", "写下所问的问题"));
        }
        let audio = self.running.iter().find(|r| &r.case == case && r.kind == RecordingKind::Audio);
        let audio = match audio.cloned() {
            None => None,
            Some(r) => {
                let progress = self.ports.recorder.progress(&r.case, &r.path)?;
                progress.map(|p| (r.evidence, p.stored_ms))
            }
        };
        let now = self.now_ms();
        let (journal_kind, view) = match n {
            None => {
                let view = AnswerView {
                    n: u32::try_from(document.answers.len()).unwrap_or(u32::MAX).saturating_add(1),
                    question: question.to_owned(),
                    answer: answer.to_owned(),
                    at_ms: audio.as_ref().map(|(_, at)| *at),
                    audio: audio.map(|(evidence, _)| evidence),
                };
                document.answers.push(Answer { view: view.clone(), at_ms: now });
                ("answer_added", view)
            }
            Some(n) => {
                let found = document
                    .answers
                    .iter_mut()
                    .find(|a| a.view.n == n)
                    .ok_or_else(|| troubles::unknown("问答"))?;
                // The mark stays where the answer was first given.
                found.view.question = question.to_owned();
                found.view.answer = answer.to_owned();
                ("answer_changed", found.view.clone())
            }
        };
        let draft = self
            .draft(journal_kind)?
            .about(id)
            .fact("n", view.n)
            .fact("question_sha256", Hash32::sha256(question.as_bytes()).to_string())
            .fact("answer_sha256", Hash32::sha256(answer.as_bytes()).to_string());
        let draft = match (&view.audio, view.at_ms) {
            (Some(audio), Some(at)) => draft.fact("audio", audio.as_str()).fact("at_ms", at),
            _ => draft,
        };
        let was = format!("第 {} 问", view.n);
        self.commit_mark(case, &was, draft, vec![set(kind::DOCUMENT, id, &document)?])?;
        Ok(view)
    }

    pub(crate) fn do_freeze(&mut self, case: &CaseId, id: &str) -> TroubleResult<DocumentView> {
        let mut document = self.editable(case, id)?;
        let meta = self.open_meta(case)?;
        let mut missing = self.ports.forms.missing(&self.form_draft(&meta, &document))?;
        if !missing.is_empty() {
            return Err(troubles::gate(
                "DOC-INCOMPLETE",
                &missing,
                "补齐所列内容后再定稿；不适用的内容填“无”",
            ));
        }
        missing = self.missing_credentials(case, &meta.task)?;
        if !missing.is_empty() {
            return Err(troubles::gate("DOC-TWO-OFFICERS", &missing, TWO_OFFICERS));
        }
        let now = self.now_ms();
        document.fields = self.form_draft(&meta, &document).fields;
        let draft =
            FormDraft { fields: document.fields.clone(), ..self.form_draft(&meta, &document) };
        let elements = self.ports.forms.elements_file(&draft)?;
        let rendered = self.ports.forms.render(&elements, now, &[])?;
        let base = format!("data/documents/{:04}-v1", document.number);
        let elements = self.ports.blobs.put(case, &format!("{base}.json"), &elements)?;
        let pdf = self.ports.blobs.put(case, &format!("{base}.pdf"), &rendered.pdf)?;
        let facts = |draft: spotcheck_evidence::journal::EntryDraft| {
            draft
                .fact("document", id)
                .fact("version", 1)
                .fact("content_sha256", elements.sha256.as_str())
        };
        let frozen = facts(self.draft("document_frozen")?)
            .about(elements.path.as_str())
            .hashed(hash(&elements.sha256)?);
        let shown = facts(self.draft("document_rendered")?)
            .about(pdf.path.as_str())
            .hashed(hash(&pdf.sha256)?);
        document.frozen = Some(Frozen {
            version: 1,
            at_ms: now,
            elements: elements.clone(),
            pdf,
            pages: rendered.pages,
        });
        let refused = self.inspection_refused(case, id, &document)?;
        let (mut lines, mut values) =
            (vec![frozen, shown], vec![set(kind::DOCUMENT, id, &document)?]);
        if let Some((line, value)) = refused {
            lines.push(line);
            values.push(value);
        }
        self.commit(case, lines, values)?;
        self.document_view(case, id)
    }

    /// Elements file of a document: the frozen one, or the draft's as it stands.
    fn elements_of(
        &mut self,
        case: &CaseId,
        document: &Document,
    ) -> TroubleResult<(Zeroizing<Vec<u8>>, i64)> {
        match &document.frozen {
            Some(frozen) => Ok((self.ports.blobs.read(case, &frozen.elements)?, frozen.at_ms)),
            None => {
                let meta = self.meta(case)?;
                let draft = self.form_draft(&meta, document);
                Ok((Zeroizing::new(self.ports.forms.elements_file(&draft)?), self.now_ms()))
            }
        }
    }

    pub(crate) fn do_page_image(
        &mut self,
        case: &CaseId,
        id: &str,
        page: u32,
        width: u32,
    ) -> TroubleResult<Vec<u8>> {
        let document = self.stored_document(case, id)?;
        let (elements, at_ms) = self.elements_of(case, &document)?;
        let draft = document.frozen.is_none();
        self.ports.forms.page_image(&elements, at_ms, &drawn(&document), page, width, draft)
    }

    pub(crate) fn do_sign_document(
        &mut self,
        case: &CaseId,
        id: &str,
        signer: &str,
        strokes: &[Stroke],
    ) -> TroubleResult<DocumentView> {
        let meta = self.open_meta(case)?;
        let mut document = self.stored_document(case, id)?;
        let Some(frozen) = document.frozen.clone() else { return Err(not_frozen("签字")) };
        self.signing_time(case)?;
        if !self.pad_allowed()? {
            return Err(troubles::document(
                "本省未允许手写板签字",
                "打印文书，由当事人在纸面签字、捺印，再拍照入卷",
            ));
        }
        if strokes.iter().all(|s| s.points.len() < 2) {
            return Err(troubles::document("签字板上没有笔迹", "请本人重新签字"));
        }
        if document.signatures.iter().any(|s| s.signer == signer) {
            return Err(troubles::document("此人已经签过字", "换下一位签字"));
        }
        let (name, capacity) = self.signer(case, &meta, signer)?;
        let through = document.party_is_through();
        if capacity == Capacity::Officer && !through && self.party_signs(&document) {
            return Err(troubles::document(
                "签字顺序不对：当事人尚未签字",
                "先由当事人逐页核对签字，或登记拒签及理由，再由检查人员签字",
            ));
        }
        let total: usize = self.documents(case)?.iter().map(|(_, d)| d.signatures.len()).sum();
        let at_ms = self.now_ms();
        let svg_path = format!("data/handwriting/{:04}-{signer}.svg", document.number);
        let svg = self.ports.forms.strokes_svg(strokes)?;
        let svg = self.ports.blobs.put(case, &svg_path, &svg)?;
        document.signatures.push(Signature {
            id: next_id("H", total),
            signer: signer.to_owned(),
            name,
            capacity,
            at_ms,
            strokes: strokes.to_vec(),
            svg: svg.clone(),
        });
        let elements = self.ports.blobs.read(case, &frozen.elements)?;
        let signed = self.ports.forms.render(&elements, frozen.at_ms, &drawn(&document))?;
        let path = format!("data/documents/{:04}-v{}-signed.pdf", document.number, frozen.version);
        let signed = self.ports.blobs.put(case, &path, &signed.pdf)?;
        let facts = |draft: spotcheck_evidence::journal::EntryDraft| {
            draft.fact("document", id).fact("version", frozen.version).fact("signer", signer)
        };
        let act = facts(self.draft("document_signed")?)
            .about(svg.path.as_str())
            .hashed(hash(&svg.sha256)?);
        let paper = facts(self.draft("document_signed")?)
            .about(signed.path.as_str())
            .hashed(hash(&signed.sha256)?);
        document.signed_pdf = Some(signed);
        self.commit(case, vec![act, paper], vec![set(kind::DOCUMENT, id, &document)?])?;
        self.document_view(case, id)
    }

    /// Strokes on the pad are off unless the province allows them (inspection.md); the centre's policy says.
    fn pad_allowed(&self) -> TroubleResult<bool> {
        let policy = self.ports.keys.enrolment()?.map(|e| e.policy).unwrap_or_default();
        let policy: serde_json::Value = serde_json::from_str(&policy).unwrap_or_default();
        Ok(policy.get("pad_signatures").and_then(serde_json::Value::as_bool).unwrap_or(false))
    }

    /// Name and capacity of somebody who signs by hand.
    fn signer(
        &mut self,
        case: &CaseId,
        meta: &Meta,
        signer: &str,
    ) -> TroubleResult<(String, Capacity)> {
        if let Some(officer) = meta.task.officers.iter().find(|o| o.id.as_str() == signer) {
            return Ok((officer.name.clone(), Capacity::Officer));
        }
        let party: Party = self
            .case_chain(case)?
            .value(kind::PARTY, signer)?
            .ok_or_else(|| troubles::unknown("签字人"))?;
        let capacity = if party.kind == "witness" { Capacity::Witness } else { Capacity::Party };
        Ok((party.name, capacity))
    }

    pub(crate) fn do_print(
        &mut self,
        case: &CaseId,
        id: &str,
        printer: &str,
        copies: u32,
    ) -> TroubleResult<PrintReport> {
        self.open_meta(case)?;
        let mut document = self.stored_document(case, id)?;
        let Some(frozen) = document.frozen.clone() else { return Err(not_frozen("打印")) };
        if !(1..=20).contains(&copies) {
            return Err(troubles::document("份数应在 1 到 20 之间", "重新选择份数"));
        }
        let elements = self.ports.blobs.read(case, &frozen.elements)?;
        let before: u32 = document.prints.iter().fold(0, |sum, p| sum.saturating_add(p.copies));
        let journal_head = self.case_chain(case)?.head().hash.head16();
        let content: String = frozen.elements.sha256.chars().take(16).collect();
        let mut job = 0;
        for copy in 1..=copies {
            let overlay = PrintOverlay {
                document: id.to_owned(),
                version: frozen.version,
                copy: before.saturating_add(copy),
                copies: before.saturating_add(copies),
                content: content.clone(),
                journal_head: journal_head.clone(),
            };
            let rendered = self.ports.forms.render_copy(&elements, frozen.at_ms, &overlay)?;
            // The job's name is seen by whoever owns the printer: ids only.
            let name = format!("{id}-v{}-{}", frozen.version, overlay.copy);
            job = self.ports.printer.print(printer, &name, &rendered.pdf)?;
        }
        let at_ms = self.now_ms();
        let draft = self
            .draft("document_printed")?
            .about(frozen.pdf.path.as_str())
            .fact("document", id)
            .fact("version", frozen.version)
            .fact("copies", copies)
            .fact("pages", frozen.pages)
            .fact("first_copy", before.saturating_add(1))
            .fact("content", content)
            .fact("journal_head", journal_head.as_str())
            .hashed(hash(&frozen.pdf.sha256)?);
        document.prints.push(Print {
            at_ms,
            copies,
            printer: printer.to_owned(),
            journal_head: journal_head.clone(),
        });
        self.commit(case, vec![draft], vec![set(kind::DOCUMENT, id, &document)?])?;
        // A record names persons: their data left on paper (evidence.md §2, device journal).
        let printed = self
            .draft("data_printed")?
            .about(case.as_str())
            .fact("document", id)
            .fact("copies", copies);
        self.journal_device(printed)?;
        // What is on the paper is what this handheld must still have when it is shown again.
        self.note_heads_if_possible();
        Ok(PrintReport { job, pages: frozen.pages, copies, journal_head })
    }
}

pub(crate) fn not_frozen(act: &str) -> spotcheck_domain::Trouble {
    troubles::document(&format!("文书还没有定稿，不能{act}"), "补齐内容后先定稿")
}

fn drawn(document: &Document) -> Vec<DrawnSignature> {
    document
        .signatures
        .iter()
        .map(|s| DrawnSignature {
            signer: s.signer.clone(),
            name: s.name.clone(),
            capacity: s.capacity.as_str().to_owned(),
            at_ms: s.at_ms,
            strokes: s.strokes.clone(),
        })
        .collect()
}

/// `00:12:05` into a recording.
fn into(ms: u64) -> String {
    let s = ms / 1_000;
    format!("{:02}:{:02}:{:02}", s / 3_600, s / 60 % 60, s % 60)
}

/// Signed once the party, where it signs, and every officer who acts have signed.
fn card(meta: &Meta, id: &str, document: &Document, party_signs: bool) -> DocumentCard {
    let signed_by = |who: &str| document.signatures.iter().any(|s| s.signer == who);
    let party = !party_signs || document.signatures.iter().any(|s| s.capacity == Capacity::Party);
    let officers = meta.task.officers.iter().all(|o| signed_by(o.id.as_str()));
    let state = match &document.frozen {
        None => DocumentState::Draft,
        Some(_) if party && officers => DocumentState::Signed,
        Some(_) if !document.refused.is_empty() => DocumentState::Refused,
        Some(_) => DocumentState::Frozen,
    };
    DocumentCard {
        id: id.to_owned(),
        form: document.form.clone(),
        title: document.title.clone(),
        state,
        version: document.frozen.as_ref().map_or(0, |f| f.version),
        party: document.party.clone(),
    }
}
