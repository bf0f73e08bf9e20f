//! What is laid over the pages of one and the same version: the copy's codes, pad strokes, the draft mark.
//!
//! None of it moves a line: footers and signature lines have a fixed size, so page breaks of a copy are
//! those of the frozen PDF.

use serde_json::{Value, json};

use spotcheck_domain::time::on_paper;
use spotcheck_domain::vocabulary::Capacity;

use crate::Error;
use crate::elements::{Elements, Officer};
use crate::qr::{PageCode, symbol_svg};
use crate::strokes::{Stroke, strokes_svg};

/// What a printed copy carries on every page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlay {
    /// First 16 hex digits of the case journal's head.
    pub journal_head16: String,
    /// This copy, from 1.
    pub copy_no: u32,
    /// Copies of this print.
    pub copies: u32,
    /// Document id, e.g. `D1`.
    pub document_id: String,
    /// Version, from 1.
    pub version: u32,
    /// First 16 hex digits of the content hash.
    pub content16: String,
}

/// A signature given on the pad.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PadSignature {
    /// Who signed; an officer is found by this name.
    pub name: String,
    /// In which capacity: decides the line.
    pub capacity: Capacity,
    /// Strokes.
    pub strokes: Vec<Stroke>,
    /// When, Unix milliseconds.
    pub at_ms: i64,
}

/// What differs between renderings of one version.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Look {
    /// Marked 草稿 and not struck through: a preview of something that is not frozen.
    pub draft: bool,
    /// A printed copy.
    pub overlay: Option<Overlay>,
    /// Pad signatures, drawn at their lines.
    pub signatures: Vec<PadSignature>,
}

/// Files the templates read: `look.json` and the drawings it names.
pub(crate) struct LookFiles {
    pub(crate) look: Value,
    pub(crate) drawings: Vec<(String, String)>,
}

impl Look {
    /// `pages`: how many pages the document has; no codes are drawn while that is unknown (`None`).
    pub(crate) fn files(
        &self,
        title: &str,
        elements: &Elements,
        pages: Option<u32>,
    ) -> Result<LookFiles, Error> {
        let mut drawings = Vec::new();
        let overlay = match (&self.overlay, pages) {
            (Some(overlay), Some(pages)) => {
                let mut codes = Vec::new();
                for page in 1..=pages {
                    let name = format!("code-{page}.svg");
                    drawings
                        .push((name.clone(), symbol_svg(&overlay.code(page, pages).encode()?)?));
                    codes.push(name);
                }
                json!({"codes": codes, "lines": overlay.lines()})
            }
            _ => Value::Null,
        };
        let mut signatures = serde_json::Map::new();
        for (n, signature) in self.signatures.iter().enumerate() {
            let free = |slot: &str| !signatures.contains_key(slot);
            let Some(slot) = slot(signature, elements, &free) else { continue };
            let name = format!("signature-{n}.svg");
            drawings.push((name.clone(), strokes_svg(&signature.strokes)));
            signatures.insert(slot, json!({"file": name, "at": on_paper(signature.at_ms)}));
        }
        let look = json!({
            "title": title, "draft": self.draft, "overlay": overlay, "signatures": signatures,
        });
        Ok(LookFiles { look, drawings })
    }
}

impl Overlay {
    fn code(&self, page: u32, pages: u32) -> PageCode {
        PageCode {
            document: self.document_id.clone(),
            version: self.version,
            page,
            pages,
            copy: self.copy_no,
            copies: self.copies,
            content16: self.content16.clone(),
            journal16: self.journal_head16.clone(),
        }
    }

    /// The words beside the code.
    #[must_use]
    pub fn lines(&self) -> [String; 2] {
        [
            format!(
                "文书 {} 第{}版 第{}份/共{}份",
                self.document_id, self.version, self.copy_no, self.copies
            ),
            format!("内容 {} 日志 {}", self.content16, self.journal_head16),
        ]
    }
}

/// The line a signature belongs to: `party`, `witness`, `recorder`, `officer-1` …
///
/// Two officers of one name sign one after the other; a second signature for the same line is left out.
fn slot(
    signature: &PadSignature,
    elements: &Elements,
    free: &dyn Fn(&str) -> bool,
) -> Option<String> {
    let officers: &[Officer] = match elements {
        Elements::W03(w) => &w.officers,
        Elements::W04(w) => &w.officers,
        Elements::W25(w) => &w.officers,
    };
    let lines: Vec<String> = match signature.capacity {
        Capacity::Party => vec!["party".to_owned()],
        Capacity::Witness => vec!["witness".to_owned()],
        Capacity::Helper => vec!["recorder".to_owned()],
        Capacity::Officer => (1_usize..)
            .zip(officers)
            .filter(|(_, officer)| officer.name == signature.name)
            .map(|(n, _)| format!("officer-{n}"))
            .collect(),
    };
    lines.into_iter().find(|line| free(line))
}
