//! One IPP printer: ask, send, wait, cancel. Blocking.
//!
//! A print job is never repeated by itself: after a broken connection nobody knows whether sheets came
//! out, and a second copy of a signed form is a trouble of its own.

use std::time::Duration;

use ipp::attribute::IppAttribute;
use ipp::model::{DelimiterTag, IppVersion, Operation};
use ipp::request::IppRequestResponse;
use ipp::value::IppValue;

use crate::Error;
use crate::attributes::{JobState, JobStatus, PrinterInfo, PrinterState};
use crate::raster::{RasterPage, pwg_raster};
use crate::transport::{ASK_S, Answer, SEND_S, Transport};
use crate::uri::{Address, parse};

/// How often a job is asked for its state.
const POLL_MS: u64 = 300;
const A4: &str = "iso_a4_210x297mm";
/// Bytes an IPP name may have (RFC 8011 §5.1.3).
const NAME_BYTES: usize = 255;

/// What is to be printed.
pub struct Job<'a> {
    /// Shown on the printer's panel; must not tell anything about the case.
    pub name: &'a str,
    /// Copies, from 1.
    pub copies: u32,
    /// PDF bytes.
    pub pdf: &'a [u8],
    /// Page bitmaps at the resolution asked for (dpi), for printers that take no PDF.
    pub pages: Option<&'a dyn Fn(u32) -> Option<Vec<RasterPage>>>,
}

/// An IPP Everywhere printer.
pub struct IppPrinter {
    uri: String,
    address: Address,
    transport: Transport,
}

impl IppPrinter {
    /// A printer at `ipp://`, `ipps://`, `http://` or `https://`; nothing is sent yet.
    ///
    /// # Errors
    /// [`Error::Uri`], [`Error::Client`].
    pub fn new(uri: &str) -> Result<Self, Error> {
        Self::with_ca(uri, None)
    }

    /// As [`IppPrinter::new`], trusting the certificates of `ca_pem` for `ipps` as well.
    ///
    /// # Errors
    /// [`Error::Uri`], [`Error::Tls`] for bad PEM, [`Error::Client`].
    pub fn with_ca(uri: &str, ca_pem: Option<&[u8]>) -> Result<Self, Error> {
        let address = parse(uri)?;
        Ok(Self { uri: uri.trim().to_owned(), address, transport: Transport::new(ca_pem)? })
    }

    /// What the printer says about itself.
    ///
    /// # Errors
    /// Not reachable, not IPP.
    pub fn attributes(&self) -> Result<PrinterInfo, Error> {
        self.transport.block_on(self.info())
    }

    /// Sends PDF bytes; returns the printer's job number as soon as it has taken them.
    ///
    /// # Errors
    /// [`Error::NotReady`], [`Error::Format`], and those of the connection.
    pub fn print_pdf(&self, pdf: &[u8], copies: u32, name: &str) -> Result<i32, Error> {
        self.print(&Job { name, copies, pdf, pages: None })
    }

    /// Sends PDF where the printer takes it, else PWG raster made from the job's bitmaps.
    ///
    /// # Errors
    /// [`Error::NotReady`], [`Error::Format`], [`Error::Bitmap`], and those of the connection.
    pub fn print(&self, job: &Job<'_>) -> Result<i32, Error> {
        self.transport.block_on(async {
            let info = self.info().await?;
            if info.state == PrinterState::Stopped || !info.accepting {
                return Err(Error::NotReady(info.reasons));
            }
            let (format, document) = if info.takes_pdf() {
                ("application/pdf", job.pdf.to_vec())
            } else {
                let dpi = info.raster_resolution().ok_or(Error::Format)?;
                let pages = job.pages.and_then(|make| make(dpi)).ok_or(Error::Format)?;
                ("image/pwg-raster", pwg_raster(&pages)?)
            };
            let request = self.print_job(&info, job, format)?;
            let answer = self.send(&request, &document, SEND_S).await?;
            let taken = JobStatus::read(&answer.attributes)
                .ok_or_else(|| Error::Protocol("no job in the answer".to_owned()))?;
            tracing::info!(
                job = taken.id,
                format,
                bytes = document.len(),
                "Print job handed over."
            );
            Ok(taken.id)
        })
    }

    /// State of a job.
    ///
    /// # Errors
    /// [`Error::Forgotten`] if the printer keeps no record of it.
    pub fn job(&self, id: i32) -> Result<JobStatus, Error> {
        self.transport.block_on(self.status(id))
    }

    /// Waits until a job is over, at most `at_most`.
    ///
    /// # Errors
    /// [`Error::Aborted`], [`Error::Canceled`], [`Error::Stuck`] with what the printer waits for.
    pub fn wait(&self, id: i32, at_most: Duration) -> Result<JobStatus, Error> {
        let poll = async {
            loop {
                let status = self.status(id).await?;
                match status.state {
                    JobState::Completed => return Ok(status),
                    JobState::Canceled => return Err(Error::Canceled),
                    JobState::Aborted => return Err(Error::Aborted(status.reasons)),
                    _ => tokio::time::sleep(Duration::from_millis(POLL_MS)).await,
                }
            }
        };
        self.transport.block_on(async {
            match tokio::time::timeout(at_most, poll).await {
                Ok(over) => over,
                Err(_) => {
                    let mut reasons = self.info().await.map(|i| i.reasons).unwrap_or_default();
                    if reasons.is_empty() {
                        reasons = self.status(id).await.map(|s| s.reasons).unwrap_or_default();
                    }
                    Err(Error::Stuck { job: id, reasons })
                }
            }
        })
    }

    /// Takes a job back, if it is not printed yet.
    ///
    /// # Errors
    /// [`Error::Refused`] if it is over already.
    pub fn cancel(&self, id: i32) -> Result<(), Error> {
        let mut request = self.request(Operation::CancelJob)?;
        operation(&mut request, "job-id", IppValue::Integer(id))?;
        self.transport.block_on(self.send(&request, &[], ASK_S)).map(|_| ())
    }

    async fn send(
        &self,
        request: &IppRequestResponse,
        document: &[u8],
        within_s: u64,
    ) -> Result<Answer, Error> {
        self.transport.ask(&self.address, request, document, within_s).await
    }

    async fn info(&self) -> Result<PrinterInfo, Error> {
        let mut request = self.request(Operation::GetPrinterAttributes)?;
        let wanted = [
            "printer-info",
            "printer-make-and-model",
            "printer-name",
            "printer-state",
            "printer-state-reasons",
            "printer-is-accepting-jobs",
            "document-format-supported",
            "pwg-raster-document-resolution-supported",
            "pwg-raster-document-type-supported",
            "media-supported",
            "copies-supported",
        ];
        let wanted = wanted
            .iter()
            .map(|k| IppValue::new_keyword(*k))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| Error::Uri)?;
        operation(&mut request, "requested-attributes", IppValue::Array(wanted))?;
        let answer = match self.send(&request, &[], ASK_S).await {
            // Here the printer itself is what was not found.
            Err(Error::Forgotten) => Err(Error::Protocol("no printer at this path".to_owned())),
            other => other,
        }?;
        PrinterInfo::read(&self.uri, &answer.attributes)
            .ok_or_else(|| Error::Protocol("no printer in the answer".to_owned()))
    }

    async fn status(&self, id: i32) -> Result<JobStatus, Error> {
        let mut request = self.request(Operation::GetJobAttributes)?;
        operation(&mut request, "job-id", IppValue::Integer(id))?;
        let answer = self.send(&request, &[], ASK_S).await?;
        JobStatus::read(&answer.attributes)
            .ok_or_else(|| Error::Protocol("no job in the answer".to_owned()))
    }

    fn request(&self, what: Operation) -> Result<IppRequestResponse, Error> {
        let mut request =
            IppRequestResponse::new(IppVersion::v2_0(), what, None).map_err(|_| Error::Uri)?;
        let uri = IppValue::new_uri(self.address.printer.clone()).map_err(|_| Error::Uri)?;
        operation(&mut request, "printer-uri", uri)?;
        let user = IppValue::new_name_without_language("spotcheck").map_err(|_| Error::Uri)?;
        operation(&mut request, "requesting-user-name", user)?;
        Ok(request)
    }

    fn print_job(
        &self,
        info: &PrinterInfo,
        job: &Job<'_>,
        format: &str,
    ) -> Result<IppRequestResponse, Error> {
        let bad = |_| Error::Protocol("name too long".to_owned());
        let mut request = self.request(Operation::PrintJob)?;
        let name = IppValue::new_name_without_language(cut(job.name)).map_err(bad)?;
        operation(&mut request, "job-name", name)?;
        let format = IppValue::new_mime_media_type(format).map_err(bad)?;
        operation(&mut request, "document-format", format)?;
        let copies = i32::try_from(job.copies.clamp(1, info.copies_max.max(1))).unwrap_or(1);
        let mut add = |key: &str, value: IppValue| -> Result<(), Error> {
            let attribute = IppAttribute::with_name(key, value).map_err(bad)?;
            request.attributes_mut().add(DelimiterTag::JobAttributes, attribute);
            Ok(())
        };
        add("copies", IppValue::Integer(copies))?;
        // Every page is signed, so every page is a sheet.
        add("sides", IppValue::new_keyword("one-sided").map_err(bad)?)?;
        if info.media.iter().any(|m| m == A4) {
            add("media", IppValue::new_keyword(A4).map_err(bad)?)?;
        }
        Ok(request)
    }
}

fn operation(request: &mut IppRequestResponse, key: &str, value: IppValue) -> Result<(), Error> {
    let attribute = IppAttribute::with_name(key, value)
        .map_err(|_| Error::Protocol("attribute name".to_owned()))?;
    request.attributes_mut().add(DelimiterTag::OperationAttributes, attribute);
    Ok(())
}

/// A name cut to what IPP allows, never inside a character.
fn cut(name: &str) -> String {
    let mut kept = String::new();
    for c in name.chars().filter(|c| !c.is_control()) {
        if kept.len().saturating_add(c.len_utf8()) > NAME_BYTES {
            break;
        }
        kept.push(c);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_chinese_names_are_cut_between_characters() {
        assert_eq!(cut(&"现".repeat(100)).len(), 255);
        assert_eq!(cut("D1\nv1"), "D1v1");
    }
}
