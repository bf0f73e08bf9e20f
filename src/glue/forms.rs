//! The forms port over the Typst templates of `documents`.

use spotcheck_app::desk::Stroke;
use spotcheck_app::ports::{
    DrawnSignature, FormDraft, FormField, FormInfo, Forms, PrintOverlay, Rendered,
};
use spotcheck_documents::{
    Draft, Elements, Error, Look, Officer, Overlay, PadSignature, Signer, elements_file, form,
    opening, read_elements_file, render_print, render_with, strokes_svg, template,
};
use spotcheck_domain::TroubleResult;
use spotcheck_domain::task::Task;
use spotcheck_domain::vocabulary::Capacity;

/// The forms that this program carries.
#[derive(Debug, Default)]
pub(crate) struct TypstForms;

/// `documents` keeps drafts in a form of its own.
fn draft(from: &FormDraft) -> Result<Draft, Error> {
    let mut draft = Draft::new(&from.form)?;
    for (key, value) in &from.fields {
        draft.prefill(key, value)?;
    }
    draft.officers = from
        .officers
        .iter()
        .map(|o| Officer {
            name: o.name.clone(),
            agency: o.agency.clone(),
            credential_kind: o.credential_kind,
            credential_number: o.credential_number.clone(),
        })
        .collect();
    draft.basis.clone_from(&from.basis);
    draft.answers = from
        .answers
        .iter()
        .map(|a| spotcheck_documents::Answer {
            n: a.n,
            question: a.question.clone(),
            answer: a.answer.clone(),
            at_ms: a.at_ms,
            audio: a.audio.clone(),
        })
        .collect();
    Ok(draft)
}

fn strokes(from: &[Stroke]) -> Vec<spotcheck_documents::Stroke> {
    from.iter().map(|s| spotcheck_documents::Stroke { points: s.points.clone() }).collect()
}

fn signatures(from: &[DrawnSignature]) -> Vec<PadSignature> {
    from.iter()
        .map(|s| PadSignature {
            name: s.name.clone(),
            capacity: Capacity::parse(&s.capacity).unwrap_or(Capacity::Party),
            strokes: strokes(&s.strokes),
            at_ms: s.at_ms,
        })
        .collect()
}

fn elements(file: &[u8]) -> Result<Elements, Error> {
    let file = read_elements_file(file)?;
    Elements::parse(&file.template.id, &file.elements)
}

impl Forms for TypstForms {
    fn form(&self, id: &str) -> TroubleResult<FormInfo> {
        let spec = form(id)?;
        Ok(FormInfo {
            id: spec.id.to_owned(),
            title: spec.title.to_owned(),
            template_sha256: template(id)?.sha256,
            fields: spec
                .fields
                .iter()
                .map(|f| FormField {
                    key: f.key.to_owned(),
                    label: f.label.to_owned(),
                    required: f.required,
                    multiline: f.multiline,
                    fixed: f.fixed,
                })
                .collect(),
            interview: spec.interview,
            party_signs: spec.signers.contains(&Signer::Party),
        })
    }

    fn missing(&self, from: &FormDraft) -> TroubleResult<Vec<String>> {
        let draft = draft(from)?;
        let mut missing = draft.missing()?;
        missing.extend(draft.unprintable()?.iter().map(|bad| format!("不能打印的字符：{bad}")));
        Ok(missing)
    }

    fn elements_file(&self, from: &FormDraft) -> TroubleResult<Vec<u8>> {
        Ok(elements_file(&draft(from)?.elements()?)?)
    }

    fn render(
        &self,
        file: &[u8],
        frozen_ms: i64,
        signed: &[DrawnSignature],
    ) -> TroubleResult<Rendered> {
        let look = Look { signatures: signatures(signed), ..Look::default() };
        let rendered = render_with(&elements(file)?, frozen_ms, &look)?;
        Ok(Rendered { pdf: rendered.pdf()?, pages: rendered.pages() })
    }

    fn render_copy(
        &self,
        file: &[u8],
        frozen_ms: i64,
        overlay: &PrintOverlay,
    ) -> TroubleResult<Rendered> {
        let overlay = Overlay {
            journal_head16: overlay.journal_head.clone(),
            copy_no: overlay.copy,
            copies: overlay.copies,
            document_id: overlay.document.clone(),
            version: overlay.version,
            content16: overlay.content.clone(),
        };
        let rendered = render_print(&elements(file)?, frozen_ms, &overlay)?;
        Ok(Rendered { pdf: rendered.pdf()?, pages: rendered.pages() })
    }

    fn page_image(
        &self,
        file: &[u8],
        frozen_ms: i64,
        signed: &[DrawnSignature],
        page: u32,
        width: u32,
        draft: bool,
    ) -> TroubleResult<Vec<u8>> {
        let look = Look { draft, signatures: signatures(signed), ..Look::default() };
        Ok(render_with(&elements(file)?, frozen_ms, &look)?.page_png(page, width)?)
    }

    fn opening(&self, task: &Task, now_ms: i64) -> TroubleResult<Vec<String>> {
        Ok(opening(task, now_ms))
    }

    fn strokes_svg(&self, from: &[Stroke]) -> TroubleResult<Vec<u8>> {
        Ok(strokes_svg(&strokes(from)).into_bytes())
    }
}
