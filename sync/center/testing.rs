//! A whole centre on loopback in a temporary folder, for stories and the client's tests (feature `testkit`).
//!
//! It owns its runtime, so tests need none, and talks only through the doors a real centre has: tickets,
//! HTTPS, the admin functions of this crate.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use spotcheck_claims::DemoOptions;
use spotcheck_claims::demo::DEMO_LAST_DAY;
use spotcheck_domain::task::Task;
use spotcheck_domain::vocabulary::Mode;
use spotcheck_domain::{Clock, Entropy, Trouble};
use spotcheck_wire::enrol::{Ticket, TicketKind};

use crate::centre::{Centre, OpenCentre};
use crate::clock::{SystemClock, SystemEntropy};
use crate::repository::{Officer, PackageRow};
use crate::server::{Running, ServeOptions, start};
use crate::tasks::{NewTask, new_task};
use crate::tickets::{new_ticket, put_public_url};
use crate::{Error, Result};

/// Id of the test handheld.
pub const DEVICE: &str = "D-0009";
/// Ids of the test officers.
pub const OFFICERS: [&str; 2] = ["O-0091", "O-0092"];
/// Names of the test officers.
pub const OFFICER_NAMES: [&str; 2] = ["张三(虚构)", "李四(虚构)"];
/// Id of the test task.
pub const TASK: &str = "T-2026-0009";

/// What a test may choose.
#[derive(Clone, Default)]
pub struct TestOptions {
    /// Clock; the system's if none.
    pub clock: Option<Arc<dyn Clock>>,
    /// URL and roots (PEM) of a time-stamping authority.
    pub tsa: Option<(String, String)>,
    /// Claims to import; without any there is no task.
    pub claims: TestData,
}

/// Which claims the centre has.
#[derive(Debug, Clone, Default)]
pub enum TestData {
    /// The demo city, with a task at its hospital.
    #[default]
    Demo,
    /// None, and no task: starts faster.
    Nothing,
    /// An export of the test's own.
    Export(TestClaims),
}

/// Claims for the test centre.
#[derive(Debug, Clone)]
pub struct TestClaims {
    /// Directory in the import contract.
    pub from: PathBuf,
    /// Mapping file, for exports in another form.
    pub mapping: Option<PathBuf>,
    /// 定点医药机构编号 of the task.
    pub facility: String,
    /// First and last day of the task's period.
    pub period: (String, String),
}

/// A running centre.
pub struct TestCentre {
    centre: Arc<Centre>,
    runtime: Option<tokio::runtime::Runtime>,
    running: Option<Running>,
    address: SocketAddr,
    options: TestOptions,
    device_ticket: Ticket,
    officer_tickets: Vec<Ticket>,
    task: Option<Task>,
    folder: tempfile::TempDir,
}

impl std::fmt::Debug for TestCentre {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TestCentre").field("address", &self.address).finish_non_exhaustive()
    }
}

fn serve(
    runtime: &tokio::runtime::Runtime,
    centre: &Arc<Centre>,
    options: &TestOptions,
    listen: SocketAddr,
) -> Result<Running> {
    let serve = ServeOptions {
        listen,
        names: Vec::new(),
        tsa: options.tsa.as_ref().map(|(url, _)| url.clone()),
    };
    runtime.block_on(start(Arc::clone(centre), &serve))
}

impl TestCentre {
    /// A centre with its people and tickets, the demo city and a task.
    ///
    /// # Errors
    /// Those of the centre.
    pub fn start() -> Result<Self> {
        Self::start_with(TestOptions::default())
    }

    /// A centre as the options say. Must not be called from within an async runtime.
    ///
    /// # Errors
    /// Those of the centre.
    pub fn start_with(options: TestOptions) -> Result<Self> {
        // Whoever came first in this process chose the provider; it is ring everywhere.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().map_err(Error::io("make a test folder"))?;
        let clock = options.clock.clone().unwrap_or_else(|| Arc::new(SystemClock));
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy::new());
        let centre = Arc::new(Centre::open(OpenCentre {
            data: &folder.path().join("centre"),
            key_file: None,
            credentials: None,
            clock,
            entropy,
        })?);
        if let Some((_, roots)) = &options.tsa {
            centre.put_tsa_roots(roots)?;
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(Error::io("start a runtime"))?;
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let running = serve(&runtime, &centre, &options, any)?;
        let address = running.address();
        put_public_url(&centre, &format!("https://{address}"))?;
        for (id, name) in OFFICERS.iter().zip(OFFICER_NAMES) {
            centre.repo().put_officer(&Officer {
                id: (*id).to_owned(),
                name: name.to_owned(),
                agency: "示例市医疗保障局".to_owned(),
                credential_kind: "enforcement".to_owned(),
                credential_number: format!("示例证{id}"),
                credential_valid_until: None,
                created_ms: centre.now_ms(),
                revoked_ms: None,
            })?;
        }
        let device_ticket =
            new_ticket(&centre, TicketKind::Device, DEVICE, Some("手持机 D-0009"), None)?;
        let officer_tickets = OFFICERS
            .iter()
            .map(|id| new_ticket(&centre, TicketKind::Officer, id, None, None))
            .collect::<Result<_>>()?;
        let task = match &options.claims {
            TestData::Nothing => None,
            TestData::Export(claims) => Some(Self::load(&centre, claims)?),
            TestData::Demo => {
                let from = folder.path().join("demo-city");
                let made = spotcheck_claims::demo_data(&from, &DemoOptions::default())
                    .map_err(Trouble::from)?;
                let claims = TestClaims {
                    from,
                    mapping: None,
                    facility: made.fixmedins_code,
                    period: ("2026-01-01".to_owned(), DEMO_LAST_DAY.to_owned()),
                };
                Some(Self::load(&centre, &claims)?)
            }
        };
        let (runtime, running) = (Some(runtime), Some(running));
        Ok(Self {
            centre,
            runtime,
            running,
            address,
            options,
            device_ticket,
            officer_tickets,
            task,
            folder,
        })
    }

    fn load(centre: &Centre, claims: &TestClaims) -> Result<Task> {
        let options = crate::claims::ImportOptions {
            from: &claims.from,
            mapping: claims.mapping.as_deref(),
            facility: None,
            check: false,
        };
        crate::claims::import(centre, &options, &mut |_| {})?;
        new_task(
            centre,
            &NewTask {
                id: Some(TASK.to_owned()),
                facility: claims.facility.clone(),
                officers: OFFICERS.iter().map(|id| (*id).to_owned()).collect(),
                devices: vec![DEVICE.to_owned()],
                period_from: claims.period.0.clone(),
                period_to: claims.period.1.clone(),
                title: "示例医院住院费用现场核查".to_owned(),
                mode: Mode::Enforcement,
                basis: Vec::new(),
                document_number: Some("示医保检〔2026〕9号".to_owned()),
                practice: false,
            },
        )
    }

    /// Builds the task's package; the handheld and one officer must be enrolled.
    ///
    /// # Errors
    /// Those of the build, or there is no task.
    pub fn build_package(&self) -> Result<PackageRow> {
        crate::packages::build(&self.centre, TASK)
    }

    /// `https://127.0.0.1:port`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The centre itself, for admin functions.
    #[must_use]
    pub fn centre(&self) -> &Arc<Centre> {
        &self.centre
    }

    /// Ticket of [`DEVICE`].
    #[must_use]
    pub const fn device_ticket(&self) -> &Ticket {
        &self.device_ticket
    }

    /// Tickets of [`OFFICERS`].
    #[must_use]
    pub fn officer_tickets(&self) -> &[Ticket] {
        &self.officer_tickets
    }

    /// The task, if there are claims.
    #[must_use]
    pub const fn task(&self) -> Option<&Task> {
        self.task.as_ref()
    }

    /// Folder that holds the data folder `centre` and its key file.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Stops serving, as a power cut or a broken cable would look to a handheld.
    pub fn stop(&mut self) {
        if let (Some(runtime), Some(running)) = (&self.runtime, self.running.take()) {
            runtime.block_on(running.stop());
        }
    }

    /// Serves again at the same address.
    ///
    /// # Errors
    /// Somebody else took the port.
    pub fn resume(&mut self) -> Result<()> {
        if let (Some(runtime), None) = (&self.runtime, &self.running) {
            self.centre.repo().release_leases()?;
            self.running = Some(serve(runtime, &self.centre, &self.options, self.address)?);
        }
        Ok(())
    }
}

impl Drop for TestCentre {
    fn drop(&mut self) {
        drop(self.running.take());
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
