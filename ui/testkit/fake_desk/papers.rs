//! Invented documents, and the pictures of camera and page.

use spotcheck_app::desk::{
    AnswerView, DocumentCard, DocumentState, DocumentView, FieldView, GivenView, PrintReport,
    PrinterView, RecordingKind, RefusedView, SignatureView, Stroke,
};
use spotcheck_domain::vocabulary::{Capacity, PartyKind, SigningMethod};
use spotcheck_domain::{CaseId, TroubleResult};

use super::{FakeDesk, trouble};

fn field(key: &str, label: &str, value: &str, required: bool, multiline: bool) -> FieldView {
    FieldView {
        key: key.to_owned(),
        label: label.to_owned(),
        value: value.to_owned(),
        required,
        multiline,
        fixed: false,
    }
}

fn fixed(key: &str, label: &str, value: &str) -> FieldView {
    FieldView { fixed: true, ..field(key, label, value, true, false) }
}

fn missing(view: &DocumentView) -> Vec<String> {
    let mut missing: Vec<String> = view
        .fields
        .iter()
        .filter(|f| f.required && f.value.is_empty())
        .map(|f| f.label.clone())
        .collect();
    if view.card.form == "W04" && view.answers.is_empty() {
        missing.push("至少一问一答".to_owned());
    }
    missing
}

impl FakeDesk {
    pub(super) fn do_new_document(
        &mut self,
        case: &CaseId,
        form: &str,
        party: Option<&str>,
    ) -> TroubleResult<DocumentView> {
        let opened = self.open_view(case)?;
        let name = party
            .and_then(|party| opened.parties.iter().find(|p| p.id == party))
            .map(|p| p.name.clone())
            .unwrap_or_default();
        let (title, fields) = if form == "W04" {
            let fields = vec![
                fixed("interviewee", "被询问人", &name),
                field("place", "询问地点", "示例市青禾医院会议室", true, false),
                field("rights", "权利义务告知", "已告知如实陈述的义务和申请回避的权利", true, true),
            ];
            ("询问笔录", fields)
        } else {
            let fields = vec![
                fixed(
                    "begun",
                    "检查开始",
                    &opened.opened.get(..16).unwrap_or_default().replace('T', " "),
                ),
                fixed("officers", "检查人员", "周演示、吴样例"),
                field("place", "检查地点", "示例市青禾医院内二科", true, false),
                field("present_id", "现场负责人证件号码", "", false, false),
                field("situation", "现场检查情况", "", true, true),
                field("statement", "当事人陈述", "", false, true),
            ];
            (if form == "W25" { "拒绝（阻碍）检查记录" } else { "现场检查笔录" }, fields)
        };
        let id = format!("D{}", self.documents.len().saturating_add(1));
        let mut view = DocumentView {
            card: DocumentCard {
                id: id.clone(),
                form: form.to_owned(),
                title: title.to_owned(),
                state: DocumentState::Draft,
                version: 0,
                party: party.map(str::to_owned),
            },
            fields,
            answers: Vec::new(),
            pages: 0,
            content_sha256: None,
            signatures: Vec::new(),
            prints: 0,
            missing: Vec::new(),
            refused: Vec::new(),
            given: Vec::new(),
        };
        view.missing = missing(&view);
        self.documents.insert(id, view.clone());
        Ok(view)
    }

    pub(super) fn do_document(&mut self, document: &str) -> TroubleResult<DocumentView> {
        let view = self.documents.get_mut(document).ok_or_else(Self::unknown_document)?;
        if view.card.state == DocumentState::Draft {
            view.missing = missing(view);
        }
        Ok(view.clone())
    }

    fn draft(&mut self, document: &str) -> TroubleResult<&mut DocumentView> {
        let view = self.documents.get_mut(document).ok_or_else(Self::unknown_document)?;
        if view.card.state == DocumentState::Draft {
            return Ok(view);
        }
        Err(trouble("FAKE-FROZEN", "文书已定稿", "定稿的那一份没有变", "写更正"))
    }

    pub(super) fn do_fill(&mut self, document: &str, key: &str, value: &str) -> TroubleResult<()> {
        for field in self.draft(document)?.fields.iter_mut().filter(|f| f.key == key) {
            value.clone_into(&mut field.value);
        }
        Ok(())
    }

    pub(super) fn do_answer(
        &mut self,
        document: &str,
        n: Option<u32>,
        question: &str,
        answer: &str,
    ) -> TroubleResult<AnswerView> {
        self.remember();
        let audio = self
            .running
            .iter()
            .find(|r| r.kind == RecordingKind::Audio)
            .map(|r| (r.stored_ms, r.evidence.clone()));
        let answers = &mut self.draft(document)?.answers;
        if let Some(old) = answers.iter_mut().find(|a| Some(a.n) == n) {
            question.clone_into(&mut old.question);
            answer.clone_into(&mut old.answer);
            return Ok(old.clone());
        }
        let kept = AnswerView {
            n: u32::try_from(answers.len()).unwrap_or_default().saturating_add(1),
            question: question.to_owned(),
            answer: answer.to_owned(),
            at_ms: audio.as_ref().map(|(ms, _)| *ms),
            audio: audio.map(|(_, evidence)| evidence),
        };
        answers.push(kept.clone());
        Ok(kept)
    }

    pub(super) fn do_freeze(&mut self, document: &str) -> TroubleResult<DocumentView> {
        self.pass_time();
        let view = self.draft(document)?;
        if !missing(view).is_empty() {
            return Err(trouble("FAKE-MISSING", "还有必填项没有填", "草稿都在", "补齐后再定稿"));
        }
        view.card.state = DocumentState::Frozen;
        view.card.version = 1;
        view.pages = 2;
        view.content_sha256 = Some("d4713f9a17c08b2e".repeat(4));
        view.missing = vec!["当事人签字".to_owned(), "两名执法人员签字".to_owned()];
        Ok(view.clone())
    }

    pub(super) fn do_sign(
        &mut self,
        document: &str,
        signer: &str,
        strokes: &[Stroke],
        now: String,
    ) -> TroubleResult<DocumentView> {
        if strokes.iter().all(|s| s.points.is_empty()) {
            return Err(trouble("FAKE-NO-STROKES", "没有写字", "文书没有变", "请签字人写上姓名"));
        }
        let found = self.case.as_ref().and_then(|case| {
            let officer = case.officers.iter().find(|o| o.id.as_str() == signer);
            let party = case.parties.iter().find(|p| p.id == signer);
            let witness = PartyKind::Witness.as_str();
            officer.map(|o| (o.name.clone(), Capacity::Officer)).or_else(|| {
                party.map(|p| {
                    let seen = if p.kind == witness { Capacity::Witness } else { Capacity::Party };
                    (p.name.clone(), seen)
                })
            })
        });
        let Some((name, capacity)) = found else {
            return Err(trouble("FAKE-SIGNER", "没有这位签字人", "文书没有变", "先登记"));
        };
        let view = self.documents.get_mut(document).ok_or_else(Self::unknown_document)?;
        view.signatures.push(SignatureView {
            signer: signer.to_owned(),
            name,
            capacity,
            method: SigningMethod::Pad,
            at: now,
        });
        let count = |wanted| view.signatures.iter().filter(|s| s.capacity == wanted).count();
        if count(Capacity::Party) >= 1 && count(Capacity::Officer) >= 2 {
            view.card.state = DocumentState::Signed;
            view.missing.clear();
        }
        Ok(view.clone())
    }

    pub(super) fn do_refuse(
        &mut self,
        case: &CaseId,
        document: &str,
        party: &str,
        reason: &str,
    ) -> TroubleResult<DocumentView> {
        self.remember();
        let at = self.pass_time();
        let known = self.open_view(case)?.parties.iter().find(|p| p.id == party).cloned();
        let name = known.map(|p| p.name).unwrap_or_default();
        let view = self.documents.get_mut(document).ok_or_else(Self::unknown_document)?;
        view.card.state = DocumentState::Refused;
        view.refused.push(RefusedView {
            party: party.to_owned(),
            name,
            reason: reason.to_owned(),
            at,
        });
        Ok(view.clone())
    }

    pub(super) fn do_give(
        &mut self,
        document: &str,
        party: &str,
        copies: u32,
    ) -> TroubleResult<DocumentView> {
        self.remember();
        let at = self.pass_time();
        let view = self.documents.get_mut(document).ok_or_else(Self::unknown_document)?;
        view.given.push(GivenView { party: party.to_owned(), copies, at });
        Ok(view.clone())
    }

    pub(super) fn do_print(
        &mut self,
        document: &str,
        printer: &str,
        copies: u32,
    ) -> TroubleResult<PrintReport> {
        if printer.contains("printer-2") {
            return Err(trouble(
                "PRINT-NO-PAPER",
                "打印机缺纸，一页也没有打出",
                "文书已定稿并存好",
                "放纸后再打，或换一台",
            )
            .retry());
        }
        let view = self.documents.get_mut(document).ok_or_else(Self::unknown_document)?;
        view.prints = view.prints.saturating_add(copies);
        Ok(PrintReport {
            job: 41,
            pages: view.pages,
            copies,
            journal_head: "8b2ed4713f9a17c0".to_owned(),
        })
    }
}

/// A canvas of grey pixels.
struct Canvas {
    width: usize,
    height: usize,
    grey: Vec<u8>,
}

impl Canvas {
    fn new(width: usize, height: usize, grey: u8) -> Self {
        Self { width, height, grey: vec![grey; width.saturating_mul(height)] }
    }

    /// Fills a rectangle given in thousandths of the width.
    fn fill(&mut self, x: usize, y: usize, w: usize, h: usize, grey: u8) {
        let scale = |n: usize| n.saturating_mul(self.width).checked_div(1000).unwrap_or(0);
        let (left, top) = (scale(x), scale(y));
        let right = scale(x.saturating_add(w)).min(self.width);
        let bottom = scale(y.saturating_add(h)).max(top.saturating_add(1)).min(self.height);
        for line in top..bottom {
            let start = line.saturating_mul(self.width);
            let range = start.saturating_add(left)..start.saturating_add(right);
            if let Some(pixels) = self.grey.get_mut(range) {
                pixels.fill(grey);
            }
        }
    }

    fn png(&self) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let size = (u32::try_from(self.width).ok()?, u32::try_from(self.height).ok()?);
        let mut encoder = png::Encoder::new(&mut bytes, size.0, size.1);
        encoder.set_color(png::ColorType::Grayscale);
        let mut writer = encoder.write_header().ok()?;
        writer.write_image_data(&self.grey).ok()?;
        writer.finish().ok()?;
        Some(bytes)
    }
}

/// A page of paper: lines stand for text, because this twin draws no letters.
pub(super) fn page(page: u32, width: u32) -> Option<Vec<u8>> {
    let width = usize::try_from(width).ok()?;
    let mut canvas = Canvas::new(width, width.saturating_mul(1414).checked_div(1000)?, 255);
    canvas.fill(330, 110, 340, 34, 30);
    let lines = if page == 0 { 24 } else { 11 };
    for n in 0..lines {
        let y = 220_usize.saturating_add(usize::saturating_mul(n, 40));
        let length = if n % 5 == 4 { 420 } else { 760 };
        canvas.fill(120, y, length, 14, 110);
    }
    canvas.fill(120, 1_330, 200, 12, 160);
    canvas.fill(800, 1_250, 90, 90, 60);
    canvas.png()
}

/// A shelf of boxes in front of the camera.
pub(super) fn shelf() -> Option<Vec<u8>> {
    let mut canvas = Canvas::new(480, 640, 92);
    canvas.fill(0, 0, 1000, 120, 118);
    for (x, y, w, h) in [
        (60, 130, 160, 190),
        (230, 130, 150, 190),
        (390, 145, 150, 175),
        (600, 110, 210, 210),
        (815, 110, 185, 210),
    ] {
        canvas.fill(x, y, w, h, 186);
        canvas.fill(x, y, w, 4, 70);
    }
    canvas.fill(0, 320, 1000, 30, 62);
    for x in [130_usize, 500] {
        canvas.fill(x, 430, 350, 300, 228);
        canvas.fill(x, 430, 350, 80, 150);
        canvas.fill(x.saturating_add(30), 550, 220, 16, 80);
        canvas.fill(x.saturating_add(30), 590, 150, 16, 80);
        canvas.fill(x.saturating_add(30), 630, 190, 16, 80);
    }
    canvas.fill(0, 730, 1000, 30, 62);
    canvas.fill(50, 830, 500, 500, 160);
    canvas.fill(680, 800, 260, 500, 160);
    canvas.png()
}

/// Two printers, one of them out of paper.
pub(super) fn printers() -> Vec<PrinterView> {
    let printer = |n: u32, name: &str, state: &str| PrinterView {
        uri: format!("ipp://printer-{n}.example/ipp/print"),
        name: name.to_owned(),
        state: state.to_owned(),
    };
    vec![printer(1, "便携打印机 1", "空闲"), printer(2, "护士站打印机", "停止：缺纸")]
}
