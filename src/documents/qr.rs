//! The code on every printed page: which document, version, page and copy this sheet is.
//!
//! It carries the first 16 hex digits of the content hash and of the case journal's head, never a hash of
//! the page itself (which would have to contain itself). A photographed signed page is matched back by
//! reading it. Text form `SC1/document/version/page/pages/copy/copies/content16/journal16`: short enough for
//! a symbol that an ordinary camera reads at 17 mm.

use fast_qr::{ECL, QRBuilder};

use spotcheck_domain::id::is_plain_id;

use crate::Error;

const PREFIX: &str = "SC1";

/// What the code of one page says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageCode {
    /// Document id, `[A-Za-z0-9._-]{1,64}`.
    pub document: String,
    /// Version, from 1.
    pub version: u32,
    /// Page, from 1.
    pub page: u32,
    /// Pages of the document.
    pub pages: u32,
    /// Copy, from 1.
    pub copy: u32,
    /// Copies of this print.
    pub copies: u32,
    /// First 16 hex digits of the content hash.
    pub content16: String,
    /// First 16 hex digits of the case journal's head when it was printed.
    pub journal16: String,
}

fn is_hex16(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

impl PageCode {
    fn is_sound(&self) -> bool {
        is_plain_id(&self.document)
            && is_hex16(&self.content16)
            && is_hex16(&self.journal16)
            && (1..=self.pages).contains(&self.page)
            && (1..=self.copies).contains(&self.copy)
            && self.version >= 1
    }

    /// The text in the symbol.
    ///
    /// # Errors
    /// [`Error::PageCode`] if a part has another form than documented.
    pub fn encode(&self) -> Result<String, Error> {
        if !self.is_sound() {
            return Err(Error::PageCode);
        }
        Ok(format!(
            "{PREFIX}/{}/{}/{}/{}/{}/{}/{}/{}",
            self.document,
            self.version,
            self.page,
            self.pages,
            self.copy,
            self.copies,
            self.content16,
            self.journal16
        ))
    }

    /// Reads the text of a symbol; `None` if it is none of ours.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        if parts.next()? != PREFIX {
            return None;
        }
        let document = parts.next()?.to_owned();
        let mut number = || parts.next()?.parse::<u32>().ok();
        let code = Self {
            document,
            version: number()?,
            page: number()?,
            pages: number()?,
            copy: number()?,
            copies: number()?,
            content16: parts.next()?.to_owned(),
            journal16: parts.next()?.to_owned(),
        };
        (parts.next().is_none() && code.is_sound()).then_some(code)
    }
}

/// The symbol as SVG, one path, with the quiet zone of four modules that ISO/IEC 18004 asks for.
pub(crate) fn symbol_svg(text: &str) -> Result<String, Error> {
    const QUIET: usize = 4;
    let code = QRBuilder::new(text).ecl(ECL::M).build().map_err(|_| Error::PageCode)?;
    let size = code.size;
    let mut path = String::new();
    for (y, row) in code.data.chunks(size).take(size).enumerate() {
        let mut x = 0_usize;
        for run in row.chunk_by(|a, b| a.value() == b.value()) {
            if run.first().is_some_and(|module| module.value()) {
                let (left, top) = (x.saturating_add(QUIET), y.saturating_add(QUIET));
                path.push_str(&format!("M{left} {top}h{}v1h-{}z", run.len(), run.len()));
            }
            x = x.saturating_add(run.len());
        }
    }
    let side = size.saturating_add(QUIET.saturating_mul(2));
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{side}\" height=\"{side}\" viewBox=\"0 0 {side} {side}\">\
         <path fill=\"black\" d=\"{path}\"/></svg>"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code() -> PageCode {
        PageCode {
            document: "D1".to_owned(),
            version: 1,
            page: 2,
            pages: 7,
            copy: 1,
            copies: 2,
            content16: "0123456789abcdef".to_owned(),
            journal16: "fedcba9876543210".to_owned(),
        }
    }

    #[test]
    fn text_and_code_are_the_same_thing() {
        let text = code().encode().unwrap();
        assert_eq!(text, "SC1/D1/1/2/7/1/2/0123456789abcdef/fedcba9876543210");
        assert_eq!(PageCode::parse(&text), Some(code()));
    }

    #[test]
    fn foreign_codes_are_not_taken_for_ours() {
        for bad in [
            "",
            "SC2/D1/1/2/7/1/2/0123456789abcdef/fedcba9876543210",
            "SC1/D1/1/8/7/1/2/0123456789abcdef/fedcba9876543210",
            "SC1/D1/1/2/7/1/2/0123456789ABCDEF/fedcba9876543210",
            "SC1/D1/1/2/7/1/2/0123456789abcdef/fedcba9876543210/x",
            "SC1/../1/2/7/1/2/0123456789abcdef",
        ] {
            assert_eq!(PageCode::parse(bad), None, "{bad}");
        }
        assert!(PageCode { document: "现场".to_owned(), ..code() }.encode().is_err());
        assert!(PageCode { journal16: "0".to_owned(), ..code() }.encode().is_err());
    }
}
