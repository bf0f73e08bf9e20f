//! The printers of this handheld, as the port `spotcheck_app::ports::Printer` wants them.
//!
//! Addresses come from the configuration or are typed; each act makes its own connection, because the
//! handheld changes networks between two prints.

use std::time::Duration;

use spotcheck_app::desk::PrinterView;
use spotcheck_app::ports::Printer;
use spotcheck_domain::TroubleResult;

use crate::attributes::PrinterState;
use crate::printer::IppPrinter;

/// How long a print may take before the officer is told what the printer waits for.
const PATIENCE_S: u64 = 120;

/// A printer of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configured {
    /// Address.
    pub uri: String,
    /// Name on screen; empty: the printer's own.
    pub name: String,
}

/// All printers of the configuration.
#[derive(Debug, Clone, Default)]
pub struct Printers {
    configured: Vec<Configured>,
    ca_pem: Option<Vec<u8>>,
}

impl Printers {
    /// `ca_pem`: certificates trusted for `ipps`, besides those of the system.
    #[must_use]
    pub const fn new(configured: Vec<Configured>, ca_pem: Option<Vec<u8>>) -> Self {
        Self { configured, ca_pem }
    }

    fn at(&self, uri: &str) -> TroubleResult<IppPrinter> {
        Ok(IppPrinter::with_ca(uri, self.ca_pem.as_deref())?)
    }
}

impl Printers {
    /// Every configured printer with whether it takes a print now; one that does not answer is listed with the
    /// reason as its state.
    #[must_use]
    pub fn looked_at(&self) -> Vec<(PrinterView, bool)> {
        let look = |c: &Configured| {
            let info = self.at(&c.uri).and_then(|p| Ok(p.attributes()?));
            let (own, state, ready) = match info {
                Ok(info) => {
                    let ready = info.accepting && info.state != PrinterState::Stopped;
                    (info.name.clone(), info.words(), ready)
                }
                Err(trouble) => (c.uri.clone(), trouble.message, false),
            };
            let name = if c.name.is_empty() { own } else { c.name.clone() };
            (PrinterView { uri: c.uri.clone(), name, state }, ready)
        };
        self.configured.iter().map(look).collect()
    }
}

impl Printer for Printers {
    fn printers(&mut self) -> TroubleResult<Vec<PrinterView>> {
        Ok(self.looked_at().into_iter().map(|(printer, _)| printer).collect())
    }

    fn print(&mut self, uri: &str, job_name: &str, pdf: &[u8]) -> TroubleResult<i64> {
        let printer = self.at(uri)?;
        let job = printer.print_pdf(pdf, 1, job_name)?;
        printer.wait(job, Duration::from_secs(PATIENCE_S))?;
        Ok(i64::from(job))
    }
}
