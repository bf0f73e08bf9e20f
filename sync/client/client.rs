//! [`CentreClient`]: the port `Centre` over HTTPS.
//!
//! The handheld's use cases are plain blocking calls on their own thread, so the client brings its own
//! small runtime and every method runs to its end on it (so none may be called from inside an async task;
//! `spawn_blocking` is fine). A connection lives for one method only: the next
//! one may start hours later in another network, and picks up new certificates without any ceremony.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use spotcheck_app::errand::{Stop, Watch};
use spotcheck_app::ports::{
    BlobVault, Centre, DeviceEnrolment, HeldCopy, KeyRing, Pulled, Receipt, RescueFolder,
    SealedBundle, TimeProof,
};
use spotcheck_domain::{Clock, Entropy, TaskId, TroubleResult};
use spotcheck_wire::PROTOCOL_VERSION;
use spotcheck_wire::bundles::{BundleState, BundleStatus};
use spotcheck_wire::enrol::EnrolResponse;
use spotcheck_wire::hello::Hello;
use tokio::runtime::{Builder, Runtime};

use crate::error::{Act, Error, Result, TicketFault};
use crate::http::{Http, base_url};
use crate::judged::JudgedTime;
use crate::log::Log;
use crate::patience::Patience;
use crate::pull::Pull;
use crate::rescue;
use crate::send::Sending;
use crate::state::{ClientState, FolderState};
use crate::tls::{self, Anchor};
use crate::{certificate, enrol, journal, receipt};

/// Folder of the client's own small state below the packages folder. Starts with a dot, so that it is no
/// task's folder.
pub const STATE_FOLDER: &str = ".client";
/// The mTLS certificate is renewed when it ends within this time.
const RENEW_BEFORE_MS: i64 = 30 * 86_400_000;
/// State: the newest time entry seen and its proof, as JSON.
const TIME_STATE: &str = "time";

/// How soon a journey notices that it shall stop.
const STOP_POLL: Duration = Duration::from_millis(100);

/// The centre as seen from a handheld.
pub struct CentreClient {
    runtime: Option<Runtime>,
    packages_dir: PathBuf,
    state: Box<dyn ClientState>,
    time: Arc<JudgedTime>,
    entropy: Arc<dyn Entropy>,
    version: String,
    patience: Patience,
}

impl std::fmt::Debug for CentreClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CentreClient").field("time", &self.time).finish_non_exhaustive()
    }
}

impl CentreClient {
    /// A client that keeps packages in `packages_dir` and its own state in `packages_dir/.client`.
    ///
    /// `build_time_ms`: milliseconds since 1970, the least time at which certificates are judged.
    /// `client_version`: `x.y.z`, told to the centre.
    ///
    /// # Errors
    /// The runtime cannot be started (`SYNC-SETUP`).
    pub fn new(
        packages_dir: PathBuf,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        build_time_ms: i64,
        client_version: &str,
    ) -> TroubleResult<Self> {
        let runtime = Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(|error| Error::SetUp(error.to_string()).during(Act::Pull))?;
        let state = Box::new(FolderState::new(packages_dir.join(STATE_FOLDER)));
        Ok(Self {
            runtime: Some(runtime),
            packages_dir,
            state,
            time: Arc::new(JudgedTime::new(clock, build_time_ms)),
            entropy,
            version: client_version.to_owned(),
            patience: Patience::default(),
        })
    }

    /// Other limits of waiting and trying.
    #[must_use]
    pub fn with_patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    /// Another place for the client's own state.
    #[must_use]
    pub fn with_state(mut self, state: Box<dyn ClientState>) -> Self {
        self.state = state;
        self
    }

    /// The time at which certificates are judged now, milliseconds since 1970.
    #[must_use]
    pub fn judged_ms(&self) -> i64 {
        self.time.now_ms()
    }

    fn http(&self, centre: &str, anchor: Anchor, identity: Option<&tls::Identity>) -> Result<Http> {
        let config = tls::config(anchor, identity, &self.time)?;
        Http::new(
            base_url(centre)?,
            config,
            &self.version,
            self.patience.clone(),
            Arc::clone(&self.entropy),
        )
    }

    /// Connection policy of an enrolled handheld; also learns the signed times that the handheld has.
    fn enrolled(&self, keys: &dyn KeyRing) -> Result<(Http, DeviceEnrolment)> {
        let enrolment = keys.enrolment()?.ok_or(Error::NotEnrolled)?;
        self.recall_times(&enrolment)?;
        let identity = keys.tls_identity()?;
        let anchor = Anchor::Roots(tls::roots(&enrolment.tls_roots)?);
        let http = self.http(&enrolment.centre, anchor, Some(&identity))?;
        Ok((http, enrolment))
    }

    /// Signed times that survive a dead clock battery: when the own certificates began, and the newest time
    /// entry (believed only with its proof).
    fn recall_times(&self, enrolment: &DeviceEnrolment) -> Result<()> {
        for pem in [&enrolment.tls_chain, &enrolment.evidence_chain] {
            if let Some((begins, _)) = certificate::validity_ms(pem) {
                self.time.saw(begins);
            }
        }
        if let Some(stored) = self.state.get(TIME_STATE)? {
            let log = Log::new(&enrolment.log_key)?;
            let seen = serde_json::from_slice::<TimeProof>(&stored)
                .ok()
                .and_then(|proof| log.time_entry(&proof.time_entry, &proof.time_proof).ok());
            match seen {
                Some((at, _)) => self.time.saw(at),
                None => tracing::warn!("The stored time entry does not verify and is not used."),
            }
        }
        Ok(())
    }

    fn remember_time(&mut self, proof: &TimeProof) -> Result<()> {
        let kept = TimeProof { crls: Vec::new(), ..proof.clone() };
        let bytes = serde_json::to_vec(&kept).map_err(|error| Error::SetUp(error.to_string()))?;
        self.state.put(TIME_STATE, &bytes)?;
        Ok(())
    }

    fn block_on<T>(&self, future: impl Future<Output = Result<T>>) -> Result<T> {
        let runtime = self.runtime.as_ref();
        runtime.ok_or_else(|| Error::SetUp("no runtime".to_owned()))?.block_on(future)
    }

    /// As [`Self::block_on`], left at the next moment of waiting once somebody asks to stop. Whatever was
    /// durable stays; nothing here is half done while it waits.
    fn block_on_until<T>(&self, stop: &Stop, future: impl Future<Output = Result<T>>) -> Result<T> {
        self.block_on(async {
            let asked = async {
                while !stop.asked() {
                    tokio::time::sleep(STOP_POLL).await;
                }
            };
            tokio::select! {
                biased;
                () = asked => Err(Error::Cancelled),
                done = future => done,
            }
        })
    }

    fn try_enrol(
        &mut self,
        keys: &mut dyn KeyRing,
        ticket: &str,
        pin: Option<&SecretString>,
    ) -> Result<String> {
        let ticket = enrol::read_ticket(ticket, &self.time)?;
        base_url(&ticket.centre).map_err(|_| Error::Ticket(TicketFault::Form))?;
        let http = self.http(&ticket.centre, Anchor::Pinned(enrol::pin(&ticket)?), None)?;
        // The connection first: no keys are made for a centre that is not there or not the right one.
        self.block_on(greet(&http))?;
        let (request, pending) = enrol::prepare(keys, ticket, pin)?;
        let answer: EnrolResponse = self.block_on(async {
            let url = http.url("/v1/enroll")?;
            // One try: a ticket is good once. A second request is the person's decision.
            http.json(http.client().post(url).json(&request)).await
        })?;
        pending.accept(keys, &answer, &self.time)
    }

    /// Renews the certificates if they end soon; true if there are new ones. A failed renewal matters only
    /// when the old ones have ended.
    fn renew_if_due(
        &self,
        keys: &mut dyn KeyRing,
        http: &Http,
        enrolment: &DeviceEnrolment,
    ) -> Result<bool> {
        let ends =
            certificate::validity_ms(&enrolment.tls_chain).map_or(i64::MAX, |(_, ends)| ends);
        let left = ends.saturating_sub(self.time.now_ms());
        if left > RENEW_BEFORE_MS {
            return Ok(false);
        }
        match self.renew(keys, http, enrolment) {
            Ok(()) => Ok(true),
            Err(error) if left > 0 => {
                tracing::warn!("The certificates end soon and could not be renewed: {error}.");
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    fn renew(
        &self,
        keys: &mut dyn KeyRing,
        http: &Http,
        enrolment: &DeviceEnrolment,
    ) -> Result<()> {
        self.block_on(greet(http))?;
        let (request, pending) = enrol::prepare_renewal(keys, enrolment.clone())?;
        let answer: EnrolResponse = self.block_on(async {
            let url = http.url("/v1/renew")?;
            http.json(http.client().post(url).json(&request)).await
        })?;
        pending.accept(keys, &answer, &self.time).map(|_| ())
    }

    fn try_pull(
        &mut self,
        keys: &mut dyn KeyRing,
        task: Option<&TaskId>,
        last_checkpoint: Option<&str>,
        watch: &mut Watch<'_>,
    ) -> Result<Pulled> {
        let (mut http, mut enrolment) = self.enrolled(keys)?;
        if self.renew_if_due(keys, &http, &enrolment)? {
            (http, enrolment) = self.enrolled(keys)?;
        }
        let intake_keys = keys.intake_keys()?;
        let pull = Pull {
            http: &http,
            packages_dir: &self.packages_dir,
            enrolment: &enrolment,
            time: &self.time,
            intake_keys: &intake_keys,
        };
        let stop = watch.stop.clone();
        let (mut pulled, refused, intake) = self.block_on_until(&stop, async {
            greet(&http).await?;
            pull.run(task, last_checkpoint, watch.hear).await
        })?;
        self.remember_time(&pulled.proof)?;
        if let Some((recipient, id)) = intake {
            keys.learn_intake(&recipient, &id)?;
            tracing::info!("The centre has another intake key: {id}.");
            pulled.new_intake = Some(id);
        }
        // Every other package is in force by now; what was refused must be said.
        pulled.refused = refused
            .into_iter()
            .map(|(task, error)| {
                let mut trouble = error.during(Act::Pull);
                trouble.message = format!("任务 {task}:{}", trouble.message);
                (task, trouble)
            })
            .collect();
        Ok(pulled)
    }

    /// Asks about each copy by itself. What the centre does not know, or does not say to us, is not received.
    fn try_received(
        &self,
        keys: &dyn KeyRing,
        held: &[HeldCopy],
        last_checkpoint: Option<&str>,
    ) -> Result<Vec<HeldCopy>> {
        let (http, enrolment) = self.enrolled(keys)?;
        let log = Log::new(&enrolment.log_key)?;
        self.block_on(async {
            let mut settled = Vec::new();
            for copy in held {
                let Some(bundle) = &copy.bundle else { continue };
                let mut url = http.url(&format!("/v1/bundles/{bundle}"))?;
                let seen = log.seen_size(last_checkpoint)?;
                url.query_pairs_mut().append_pair("from_size", &seen.to_string());
                // One try: it is asked again at the next sync.
                let status: BundleStatus = match http.json(http.client().get(url)).await {
                    Ok(status) => status,
                    Err(Error::Problem(problem)) if problem.status == 404 => continue,
                    Err(error) => return Err(error),
                };
                let Some(wire) = status.receipt.filter(|_| status.state == BundleState::Received)
                else {
                    continue;
                };
                let (entry, under) = receipt::proven(&wire.entry, &wire.proof, log.key())?;
                log.continues(last_checkpoint, &under, &wire.consistency)?;
                if entry.bundle == *bundle && entry.device == copy.device {
                    settled.push(copy.clone());
                }
            }
            Ok(settled)
        })
    }

    fn try_send(
        &mut self,
        keys: &dyn KeyRing,
        blobs: &mut dyn BlobVault,
        bundle: &SealedBundle,
        last_checkpoint: Option<&str>,
        watch: &mut Watch<'_>,
    ) -> Result<Option<Receipt>> {
        let (http, enrolment) = self.enrolled(keys)?;
        let mut state =
            std::mem::replace(&mut self.state, Box::new(crate::state::MemoryState::default()));
        let mut sending = Sending {
            http: &http,
            enrolment: &enrolment,
            time: &self.time,
            state: state.as_mut(),
            bundle,
        };
        // No version is asked for here: who is too old to pull may still deliver evidence.
        let sent = self.block_on(async {
            hello(&http).await?;
            sending.run(blobs, last_checkpoint, watch.hear).await
        });
        self.state = state;
        sent
    }
}

/// The first words, tried once: who is offline learns it at once and not after five tries.
async fn hello(http: &Http) -> Result<Hello> {
    http.json(http.client().get(http.url("/v1/hello")?)).await
}

/// Checks that centre and handheld speak a common version before anything else is said.
async fn greet(http: &Http) -> Result<()> {
    let hello = hello(http).await?;
    if (hello.version_min..=hello.version_max).contains(&PROTOCOL_VERSION) {
        Ok(())
    } else {
        Err(Error::Version { min: hello.version_min, max: hello.version_max })
    }
}

impl Centre for CentreClient {
    fn enrol(
        &mut self,
        keys: &mut dyn KeyRing,
        ticket: &str,
        pin: Option<&SecretString>,
    ) -> TroubleResult<String> {
        self.try_enrol(keys, ticket, pin).map_err(|error| error.during(Act::Enrol))
    }

    fn pull(
        &mut self,
        keys: &mut dyn KeyRing,
        task: Option<&TaskId>,
        last_checkpoint: Option<&str>,
        watch: &mut Watch<'_>,
    ) -> TroubleResult<Pulled> {
        self.try_pull(keys, task, last_checkpoint, watch).map_err(|error| error.during(Act::Pull))
    }

    fn received(
        &mut self,
        keys: &mut dyn KeyRing,
        held: &[HeldCopy],
        last_checkpoint: Option<&str>,
    ) -> TroubleResult<Vec<HeldCopy>> {
        self.try_received(keys, held, last_checkpoint).map_err(|error| error.during(Act::Pull))
    }

    fn send(
        &mut self,
        keys: &mut dyn KeyRing,
        blobs: &mut dyn BlobVault,
        bundle: &SealedBundle,
        last_checkpoint: Option<&str>,
        watch: &mut Watch<'_>,
    ) -> TroubleResult<Option<Receipt>> {
        self.try_send(keys, blobs, bundle, last_checkpoint, watch)
            .map_err(|error| error.during(Act::Send))
    }

    fn rescue(
        &mut self,
        keys: &mut dyn KeyRing,
        blobs: &mut dyn BlobVault,
        bundle: &SealedBundle,
        folder: &mut dyn RescueFolder,
    ) -> TroubleResult<(u64, u32)> {
        rescue::export(keys, blobs, bundle, folder).map_err(|error| error.during(Act::Rescue))
    }

    fn send_device_journal(
        &mut self,
        keys: &mut dyn KeyRing,
        from_seq: u64,
        lines: &[Vec<u8>],
    ) -> TroubleResult<u64> {
        self.enrolled(keys)
            .and_then(|(http, _)| self.block_on(journal::send(&http, from_seq, lines)))
            .map_err(|error| error.during(Act::Journal))
    }
}

impl Drop for CentreClient {
    fn drop(&mut self) {
        // A runtime dropped inside another one would panic; this form never does.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
