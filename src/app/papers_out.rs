//! Papers that leave the handheld as files: each is an entry of the device journal, because they name persons
//! (evidence.md §2).

use spotcheck_domain::{CaseId, TroubleResult};
use spotcheck_evidence::Hash32;
use zeroize::Zeroizing;

use crate::handheld::Handheld;
use crate::papers::not_frozen;

impl Handheld {
    /// The PDF as signed, else as frozen.
    ///
    /// # Errors
    /// No such document, or it is a draft still.
    pub fn document_pdf(&mut self, case: &CaseId, id: &str) -> TroubleResult<Zeroizing<Vec<u8>>> {
        let document = self.stored_document(case, id)?;
        let frozen = document.frozen.ok_or_else(|| not_frozen("导出"))?;
        let file = document.signed_pdf.unwrap_or(frozen.pdf);
        let draft = self.draft("data_exported")?.about(id).fact("what", "document_pdf");
        self.journal_device(draft)?;
        self.ports.blobs.read(case, &file)
    }

    /// The picture of a page to be kept elsewhere: the same as on the screen, and entered as copied.
    ///
    /// # Errors
    /// No such document or page.
    pub fn page_copy(
        &mut self,
        case: &CaseId,
        id: &str,
        page: u32,
        width: u32,
    ) -> TroubleResult<Vec<u8>> {
        let png = self.do_page_image(case, id, page, width)?;
        let draft = self
            .draft("data_copied")?
            .about(id)
            .fact("what", "page_image")
            .fact("case", case.as_str())
            .fact("page", page)
            .fact("sha256", Hash32::sha256(&png).to_string());
        self.journal_device(draft)?;
        Ok(png)
    }
}
