//! A sealed bundle on its way to the centre: announced, uploaded, committed, receipted.
//!
//! Tag files go with the announcement, so the centre can time-stamp a bundle within a minute although its
//! media take the night. Every step may be repeated without harm (the tag manifest's hash is the
//! idempotency key), so after any stop the whole way is simply walked again: what the centre has, it does
//! not ask for.

use std::collections::BTreeSet;

use bytes::Bytes;
use reqwest::Url;
use spotcheck_app::errand::Leg;
use spotcheck_app::ports::{Blob, BlobVault, DeviceEnrolment, Receipt, SealedBundle};
use spotcheck_evidence::Hash32;
use spotcheck_wire::CarriedFile;
use spotcheck_wire::bundles::{
    ANNOUNCEMENT_SCHEMA, Announced, AnnouncedBlob, AnnouncedFile, Announcement, BundleState,
    BundleStatus, WireReceipt,
};
use spotcheck_wire::problem::code;

use crate::error::{Error, Result};
use crate::http::Http;
use crate::judged::JudgedTime;
use crate::log::Log;
use crate::receipt;
use crate::state::ClientState;
use crate::tus::{Tus, Upload, state_name};

/// Announce, upload, commit is walked again this often if the centre still lacks something.
const ROUNDS: u32 = 2;

/// Everything a sending works with.
pub(crate) struct Sending<'a> {
    pub(crate) http: &'a Http,
    pub(crate) enrolment: &'a DeviceEnrolment,
    pub(crate) time: &'a JudgedTime,
    pub(crate) state: &'a mut dyn ClientState,
    pub(crate) bundle: &'a SealedBundle,
}

impl Sending<'_> {
    /// Walks the whole way. `None`: the centre has everything, the receipt is not there yet.
    pub(crate) async fn run(
        &mut self,
        blobs: &mut dyn BlobVault,
        last_checkpoint: Option<&str>,
        hear: &mut (dyn FnMut(Leg) + '_),
    ) -> Result<Option<Receipt>> {
        let log = Log::new(&self.enrolment.log_key)?;
        let mut round = 0_u32;
        loop {
            let announced: Announced = self.announce().await?;
            self.upload_missing(&announced, blobs, hear).await?;
            round = round.saturating_add(1);
            match self.commit().await {
                Ok(()) => break,
                Err(Error::Problem(problem))
                    if problem.code == code::INCOMPLETE && round < ROUNDS =>
                {
                    tracing::info!("The centre still lacks parts of {}.", self.bundle.bundle);
                }
                Err(error) => return Err(error),
            }
        }
        let bundle = self.bundle;
        for blob in bundle.files.iter().flat_map(|file| file.blobs.iter()) {
            self.state.remove(&state_name(&blob.ciphertext_sha256))?;
        }
        let Some(wire) = self.wait_for_receipt(&log, last_checkpoint).await? else {
            return Ok(None);
        };
        let receipt = receipt::check(&wire, self.bundle, self.enrolment, &log, last_checkpoint)?;
        self.time.saw(receipt.received_ms);
        Ok(Some(receipt.receipt))
    }

    fn bundle_url(&self, rest: &str) -> Result<Url> {
        self.http.url(&format!("/v1/bundles/{}{rest}", self.bundle.bundle))
    }

    async fn announce(&self) -> Result<Announced> {
        let announcement = announcement(self.bundle);
        let url = self.http.url("/v1/bundles")?;
        self.http.post(&url, &announcement, Some(&self.bundle.tagmanifest_sha256)).await
    }

    async fn upload_missing(
        &mut self,
        announced: &Announced,
        blobs: &mut dyn BlobVault,
        hear: &mut (dyn FnMut(Leg) + '_),
    ) -> Result<()> {
        let missing: BTreeSet<&str> = announced.missing.iter().map(String::as_str).collect();
        let bundle = self.bundle;
        let here = bundle.files.iter().flat_map(|file| file.blobs.iter());
        // Equal plaintext never gives equal ciphertext, but the same blob may be listed twice.
        let mut seen = BTreeSet::new();
        let wanted: Vec<&Blob> =
            here.filter(|blob| seen.insert(blob.ciphertext_sha256.as_str())).collect();
        let mut there = 0_u64;
        for blob in wanted.iter().filter(|b| !missing.contains(b.ciphertext_sha256.as_str())) {
            there = there.saturating_add(blob.ciphertext_size);
        }
        let total = wanted.iter().fold(0_u64, |sum, blob| sum.saturating_add(blob.ciphertext_size));
        hear(Leg { done: there, total });
        let endpoint = self.http.url("/v1/blobs")?;
        let mut tus = Tus::new(self.http, endpoint, &mut *self.state, self.time);
        let mut damaged = None;
        for blob in wanted.iter().filter(|b| missing.contains(b.ciphertext_sha256.as_str())) {
            // One damaged blob is said in the end; the others travel all the same.
            let upload = match read_blob(blobs, bundle, blob) {
                Ok(upload) => upload,
                Err(error) => {
                    tracing::error!("{error}.");
                    damaged.get_or_insert(error);
                    continue;
                }
            };
            tus.upload(&upload, &mut |of_blob| {
                hear(Leg { done: there.saturating_add(of_blob), total });
            })
            .await?;
            there = there.saturating_add(blob.ciphertext_size);
        }
        damaged.map_or(Ok(()), Err)
    }

    async fn commit(&self) -> Result<()> {
        let url = self.bundle_url("/commit")?;
        let empty = serde_json::Map::new();
        let status: BundleStatus =
            self.http.post(&url, &empty, Some(&self.bundle.tagmanifest_sha256)).await?;
        self.judge(&status).map(|_| ())
    }

    /// Asks until there is an answer, for a bounded time.
    async fn wait_for_receipt(
        &self,
        log: &Log,
        last_checkpoint: Option<&str>,
    ) -> Result<Option<WireReceipt>> {
        let mut url = self.bundle_url("")?;
        let from_size = log.seen_size(last_checkpoint)?;
        url.query_pairs_mut().append_pair("from_size", &from_size.to_string());
        let patience = &self.http.patience;
        for poll in 1..=patience.polls.max(1) {
            let status: BundleStatus = self.http.get(&url).await?;
            if self.judge(&status)? == BundleState::Received {
                let missing = || Error::Protocol("received without a receipt".to_owned());
                return status.receipt.map(Some).ok_or_else(missing);
            }
            if poll < patience.polls {
                tokio::time::sleep(std::time::Duration::from_millis(patience.poll_ms)).await;
            }
        }
        Ok(None)
    }

    fn judge(&self, status: &BundleStatus) -> Result<BundleState> {
        if status.bundle != self.bundle.bundle.as_str() {
            return Err(Error::Protocol("status of another bundle".to_owned()));
        }
        match status.state {
            BundleState::Rejected => {
                // Codes and paths in the bag; not more of them than a person reads.
                let errors: String = status.errors.join("; ").chars().take(1000).collect();
                Err(Error::Rejected(errors))
            }
            BundleState::Quarantined => Err(Error::Quarantined),
            state => Ok(state),
        }
    }
}

pub(crate) fn read_blob(
    blobs: &mut dyn BlobVault,
    bundle: &SealedBundle,
    blob: &Blob,
) -> Result<Upload> {
    let bytes = blobs.ciphertext(&bundle.case, blob)?;
    if Hash32::sha256(&bytes).to_string() != blob.ciphertext_sha256 {
        return Err(Error::BlobDamaged { path: blob.path.clone(), index: blob.index });
    }
    Ok(Upload {
        bundle: bundle.bundle.to_string(),
        sha256: blob.ciphertext_sha256.clone(),
        bytes: Bytes::from(bytes),
    })
}

/// A bundle in the words of the protocol.
pub(crate) fn announcement(bundle: &SealedBundle) -> Announcement {
    let blob = |blob: &Blob| AnnouncedBlob {
        index: blob.index,
        ciphertext_sha256: blob.ciphertext_sha256.clone(),
        ciphertext_size: blob.ciphertext_size,
        plaintext_sha256: blob.plaintext_sha256.clone(),
        size: blob.size,
        intake_id: blob.intake_id.clone(),
    };
    Announcement {
        schema: ANNOUNCEMENT_SCHEMA.to_owned(),
        bundle: bundle.bundle.to_string(),
        task: bundle.task.to_string(),
        tagmanifest_sha256: bundle.tagmanifest_sha256.clone(),
        tag_files: bundle
            .tag_files
            .iter()
            .map(|(path, bytes)| CarriedFile { path: path.clone(), bytes: bytes.clone() })
            .collect(),
        files: bundle
            .files
            .iter()
            .map(|file| AnnouncedFile {
                path: file.path.clone(),
                sha256: file.sha256.clone(),
                size: file.size,
                blobs: file.blobs.iter().map(blob).collect(),
            })
            .collect(),
        case_keys: bundle.case_keys.clone(),
    }
}
