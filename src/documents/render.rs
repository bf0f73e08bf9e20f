//! From elements to pages: PDF/A-2b bytes, page images, grey bitmaps.
//!
//! Equal inputs give equal bytes: the document's date is the time of freezing, its identifier comes from
//! the content hash, nothing else of the outside is seen. The compiler's cache is global and unbounded, so
//! it is emptied after every compilation, also after one that failed.

use serde_json::Value;
use typst::foundations::Smart;
use typst_layout::PagedDocument;
use typst_pdf::{PdfOptions, PdfStandard, PdfStandards, Timestamp};
use typst_render::RenderOptions;

use crate::Error;
use crate::content::{content_sha256, elements_file};
use crate::draft::missing;
use crate::elements::Elements;
use crate::form::form;
use crate::look::{Look, Overlay, PadSignature};
use crate::paper::{GrayPage, breakable};
use crate::printable::{boxed, unprintable};
use crate::template;
use crate::world::{Desk, beijing};

const POINTS_PER_INCH: f64 = 72.0;
const MINUTES_EAST: i32 = 480;
/// Widest page image, in pixels: A4 at 600 dpi.
const MAX_WIDTH_PX: u32 = 4960;

/// Empties the compiler's cache when it goes out of scope.
struct Evict;

impl Drop for Evict {
    fn drop(&mut self) {
        comemo::evict(0);
    }
}

/// A rendered document: ask it for its PDF or for pictures of its pages.
pub struct Rendered {
    document: PagedDocument,
    content_sha256: String,
    look: &'static str,
    frozen_at_ms: i64,
}

/// A frozen document: what goes into the bag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frozen {
    /// Bytes of the elements file.
    pub elements_file: Vec<u8>,
    /// Lower-case hex SHA-256 of it.
    pub content_sha256: String,
    /// PDF/A-2b as shown to the party.
    pub pdf: Vec<u8>,
    /// Pages.
    pub pages: u32,
}

/// Freezes a form: checks that nothing is missing and everything can be printed, then fixes content and PDF.
///
/// # Errors
/// [`Error::Incomplete`], [`Error::Unprintable`], or a broken template.
pub fn freeze(elements: &Elements, frozen_at_ms: i64) -> Result<Frozen, Error> {
    let gaps = missing(elements)?;
    if !gaps.is_empty() {
        return Err(Error::Incomplete(gaps));
    }
    let elements_file = elements_file(elements)?;
    let rendered = render(elements, frozen_at_ms)?;
    Ok(Frozen {
        content_sha256: content_sha256(&elements_file),
        pdf: rendered.pdf()?,
        pages: rendered.pages(),
        elements_file,
    })
}

/// The document as frozen.
///
/// # Errors
/// [`Error::Unprintable`], or a broken template.
pub fn render(elements: &Elements, frozen_at_ms: i64) -> Result<Rendered, Error> {
    render_with(elements, frozen_at_ms, &Look::default())
}

/// One copy for the printer: code and copy number on every page.
///
/// # Errors
/// [`Error::PageCode`] if the overlay's parts have another form than documented; else as [`render`].
pub fn render_print(
    elements: &Elements,
    frozen_at_ms: i64,
    overlay: &Overlay,
) -> Result<Rendered, Error> {
    let look = Look { overlay: Some(overlay.clone()), ..Look::default() };
    render_with(elements, frozen_at_ms, &look)
}

/// The document with pad strokes at the signature lines.
///
/// # Errors
/// As [`render`].
pub fn render_signed(
    elements: &Elements,
    frozen_at_ms: i64,
    signatures: &[PadSignature],
) -> Result<Rendered, Error> {
    let look = Look { signatures: signatures.to_vec(), ..Look::default() };
    render_with(elements, frozen_at_ms, &look)
}

/// The document in any look.
///
/// # Errors
/// [`Error::Unprintable`] (not for a draft, which shows □ in their place),
/// [`Error::PageCode`], [`Error::Template`].
pub fn render_with(elements: &Elements, frozen_at_ms: i64, look: &Look) -> Result<Rendered, Error> {
    let spec = form(elements.form())?;
    let value = elements.to_value()?;
    let bad = unprintable(&value, &|key| spec.label(key));
    if !bad.is_empty() && !look.draft {
        return Err(Error::Unprintable(bad));
    }
    let content_sha256 = content_sha256(&elements_file(elements)?);
    let shown = breakable(&if look.draft { boxed(&value) } else { value });
    let compile = |pages: Option<u32>| -> Result<PagedDocument, Error> {
        let mut data = vec![("elements.json".to_owned(), json_bytes(&shown)?)];
        let files = look.files(spec.title, elements, pages)?;
        data.push(("look.json".to_owned(), json_bytes(&files.look)?));
        data.extend(files.drawings.into_iter().map(|(name, svg)| (name, svg.into_bytes())));
        let desk = Desk::new(&template::files(spec.id)?, data, frozen_at_ms)?;
        let _evict = Evict;
        typst::compile::<PagedDocument>(&desk).output.map_err(|errors| {
            let first = errors.first().map(|d| desk.position(d));
            Error::Template(first.unwrap_or_default())
        })
    };
    let mut document = compile(None)?;
    if look.overlay.is_some() {
        // The codes name the number of pages, and do not change it.
        document = compile(Some(count(&document)))?;
    }
    let kind = match look {
        Look { overlay: Some(_), .. } => "print",
        Look { draft: true, .. } => "draft",
        Look { signatures, .. } if !signatures.is_empty() => "signed",
        Look { .. } => "frozen",
    };
    Ok(Rendered { document, content_sha256, look: kind, frozen_at_ms })
}

fn json_bytes(value: &Value) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(value).map_err(|e| Error::Canonical(e.into()))
}

fn count(document: &PagedDocument) -> u32 {
    u32::try_from(document.pages().len()).unwrap_or(u32::MAX)
}

impl Rendered {
    /// Pages.
    #[must_use]
    pub fn pages(&self) -> u32 {
        count(&self.document)
    }

    /// PDF/A-2b bytes.
    ///
    /// # Errors
    /// [`Error::Template`] if the pages do not conform.
    pub fn pdf(&self) -> Result<Vec<u8>, Error> {
        let failed = |what: &str| Error::Template(format!("pdf: {what}"));
        let standards = PdfStandards::new(&[PdfStandard::A_2b]).map_err(|_| failed("standard"))?;
        let timestamp = Timestamp::new_local(beijing(self.frozen_at_ms)?, MINUTES_EAST);
        let options = PdfOptions {
            ident: Smart::Custom(format!("spotcheck:{}:{}", self.look, self.content_sha256)),
            creator: Smart::Custom(Some("Spotcheck".to_owned())),
            timestamp,
            standards,
            ..PdfOptions::default()
        };
        let _evict = Evict;
        typst_pdf::pdf(&self.document, &options).map_err(|errors| {
            let message = errors.first().map(|d| d.message.to_string());
            failed(message.as_deref().filter(|_| cfg!(debug_assertions)).unwrap_or("export"))
        })
    }

    fn pixels(&self, page: u32, scale: impl Fn(f64) -> f64, png: bool) -> Result<Pixels, Error> {
        let index =
            page.checked_sub(1).and_then(|n| usize::try_from(n).ok()).ok_or(Error::NoSuchPage)?;
        let page = self.document.pages().get(index).ok_or(Error::NoSuchPage)?;
        let pixel_per_pt = scale(page.frame.size().x.to_pt());
        if !(pixel_per_pt.is_finite() && pixel_per_pt > 0.0 && pixel_per_pt < 20.0) {
            return Err(Error::NoSuchPage);
        }
        let options =
            RenderOptions { pixel_per_pt: pixel_per_pt.into(), ..RenderOptions::default() };
        let _evict = Evict;
        let pixmap = typst_render::render(page, &options);
        let (width, height) = (pixmap.width(), pixmap.height());
        let bytes = if png {
            pixmap.encode_png().map_err(|_| Error::Template("png".to_owned()))?
        } else {
            pixmap.take()
        };
        Ok(Pixels { bytes, width, height })
    }

    /// One page (from 1) as PNG, `width_px` pixels wide.
    ///
    /// # Errors
    /// [`Error::NoSuchPage`] for a page or width that does not exist.
    pub fn page_png(&self, page: u32, width_px: u32) -> Result<Vec<u8>, Error> {
        if !(1..=MAX_WIDTH_PX).contains(&width_px) {
            return Err(Error::NoSuchPage);
        }
        Ok(self.pixels(page, |width_pt| f64::from(width_px) / width_pt, true)?.bytes)
    }

    /// One page (from 1) as grey pixels at a printer's resolution.
    ///
    /// # Errors
    /// [`Error::NoSuchPage`] for a page or resolution that does not exist.
    pub fn page_gray(&self, page: u32, dpi: u32) -> Result<GrayPage, Error> {
        let pixels = self.pixels(page, |_| f64::from(dpi) / POINTS_PER_INCH, false)?;
        // Pages are opaque (white ground), so premultiplied values are the colours themselves.
        // Weights of ITU-R BT.601 in 1/256.
        let gray = pixels
            .bytes
            .chunks_exact(4)
            .map(|p| match p {
                [r, g, b, _] => {
                    let sum = u32::from(*r)
                        .saturating_mul(77)
                        .saturating_add(u32::from(*g).saturating_mul(150))
                        .saturating_add(u32::from(*b).saturating_mul(29));
                    u8::try_from(sum >> 8).unwrap_or(u8::MAX)
                }
                _ => u8::MAX,
            })
            .collect();
        Ok(GrayPage { width: pixels.width, height: pixels.height, pixels: gray })
    }
}

/// A drawn page: PNG or premultiplied RGBA.
struct Pixels {
    bytes: Vec<u8>,
    width: u32,
    height: u32,
}
