//! The uploading half of tus 1.0.0 (creation, checksum SHA-256) with parts that adapt to the link.
//!
//! The published tus clients for Rust are years old and know no checksum, so this is our own. The centre's
//! offset is the only truth: after every cut the client asks for it and goes on there, so a cut costs at
//! most the one PATCH that was under way. The upload's address is written down before its first byte, so a
//! killed handheld goes on as well.

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, LOCATION};
use reqwest::{Response, StatusCode, Url};
use ring::digest::{SHA256, digest};
use spotcheck_wire::bundles::{META_BUNDLE, META_SHA256};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::error::{Error, Result};
use crate::http::{Http, checked, send};
use crate::judged::JudgedTime;
use crate::state::ClientState;

/// Smallest PATCH, bytes (but for a blob's end).
pub(crate) const MIN_PART_BYTES: u64 = 256 << 10;
/// Largest PATCH, bytes.
pub(crate) const MAX_PART_BYTES: u64 = 4 << 20;
const FIRST_PART_BYTES: u64 = 512 << 10;
/// A part that took less is followed by one twice as long, milliseconds.
const QUICK_MS: i64 = 1_500;
/// A part that took more is followed by one half as long, milliseconds.
const SLOW_MS: i64 = 8_000;
/// An upload that keeps vanishing at the centre is begun again this often.
const MAX_RESTARTS: u32 = 3;

const RESUMABLE: &str = "tus-resumable";
const VERSION: &str = "1.0.0";
const OFFSET: &str = "upload-offset";
const LENGTH: &str = "upload-length";
const METADATA: &str = "upload-metadata";
const CHECKSUM: &str = "upload-checksum";
const OFFSET_STREAM: &str = "application/offset+octet-stream";
/// tus: the checksum did not fit what arrived.
const CHECKSUM_MISMATCH: u16 = 460;

/// One blob to be sent.
pub(crate) struct Upload {
    /// Bundle it belongs to, for the metadata.
    pub(crate) bundle: String,
    /// SHA-256 of the bytes, lower-case hex: metadata and name of the remembered address.
    pub(crate) sha256: String,
    /// The age file.
    pub(crate) bytes: Bytes,
}

/// Name under which an upload's address is remembered.
pub(crate) fn state_name(sha256: &str) -> String {
    format!("upload-{sha256}")
}

/// A tus client for one endpoint; keeps the size of parts from blob to blob.
pub(crate) struct Tus<'a> {
    http: &'a Http,
    endpoint: Url,
    state: &'a mut dyn ClientState,
    time: &'a JudgedTime,
    part: u64,
}

enum Patched {
    At(u64),
    AskOffset,
    Gone,
}

impl<'a> Tus<'a> {
    pub(crate) fn new(
        http: &'a Http,
        endpoint: Url,
        state: &'a mut dyn ClientState,
        time: &'a JudgedTime,
    ) -> Self {
        Self { http, endpoint, state, time, part: FIRST_PART_BYTES }
    }

    /// Sends what the centre lacks of a blob; `progress` hears how many bytes of it the centre has.
    pub(crate) async fn upload(
        &mut self,
        upload: &Upload,
        progress: &mut dyn FnMut(u64),
    ) -> Result<()> {
        let length = wide(upload.bytes.len());
        let mut place: Option<(Url, u64)> = None;
        let mut known = self.remembered(&upload.sha256)?;
        let mut failures = 0_u32;
        let mut restarts = 0_u32;
        // Only a byte more than ever before counts as progress: a link that cuts every PATCH and answers
        // every question for the offset would otherwise be tried for ever.
        let mut highest: Option<u64> = None;
        loop {
            let step = match (place.take(), known.clone()) {
                (Some((url, offset)), _) if offset >= length => {
                    tracing::debug!("Upload {} is complete.", url.path());
                    return Ok(());
                }
                (Some((url, offset)), _) => self.step(upload, url, offset).await,
                (None, Some(url)) => self.ask(url, length).await,
                (None, None) => self.create(upload).await,
            };
            match step {
                Ok(Step::At(url, offset)) => {
                    let before = known.replace(url.clone());
                    if before.is_none() {
                        self.state.put(&state_name(&upload.sha256), url.as_str().as_bytes())?;
                    }
                    if highest.is_none_or(|high| offset > high) {
                        failures = 0;
                        highest = Some(offset);
                        progress(offset);
                    }
                    place = Some((url, offset));
                }
                Ok(Step::Again) => {
                    failures = failures.saturating_add(1);
                    if failures >= self.http.patience.tries {
                        return Err(Error::Offline("uploads stand still".to_owned()));
                    }
                    self.http.pause(failures).await;
                }
                Ok(Step::Gone) => {
                    restarts = restarts.saturating_add(1);
                    if restarts > MAX_RESTARTS {
                        return Err(Error::Protocol("uploads keep vanishing".to_owned()));
                    }
                    self.state.remove(&state_name(&upload.sha256))?;
                    known = None;
                }
                Err(error) if error.is_retryable() => {
                    failures = failures.saturating_add(1);
                    self.part = shorter(self.part);
                    if failures >= self.http.patience.tries {
                        return Err(error);
                    }
                    tracing::info!(failures, "Upload is interrupted: {error}.");
                    self.http.pause(failures).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn remembered(&self, sha256: &str) -> Result<Option<Url>> {
        let text = self.state.get(&state_name(sha256))?;
        let url = text.and_then(|t| String::from_utf8(t).ok()).and_then(|t| Url::parse(&t).ok());
        Ok(url.filter(|url| self.http.is_own(url)))
    }

    async fn create(&self, upload: &Upload) -> Result<Step> {
        let metadata = format!(
            "{META_BUNDLE} {},{META_SHA256} {}",
            STANDARD.encode(&upload.bundle),
            STANDARD.encode(&upload.sha256)
        );
        let request = self
            .http
            .client()
            .post(self.endpoint.clone())
            .header(RESUMABLE, VERSION)
            .header(LENGTH, upload.bytes.len())
            .header(METADATA, metadata);
        let response = checked(send(request).await?).await?;
        let location = response
            .headers()
            .get(LOCATION)
            .and_then(|v| v.to_str().ok())
            .ok_or_else(|| Error::Protocol("upload created without an address".to_owned()))?;
        let url = self
            .endpoint
            .join(location)
            .map_err(|_| Error::UploadAddress("not an address".to_owned()))?;
        if !self.http.is_own(&url) {
            return Err(Error::UploadAddress("another origin than the centre's".to_owned()));
        }
        Ok(Step::At(url, 0))
    }

    async fn ask(&self, url: Url, length: u64) -> Result<Step> {
        let request = self.http.client().head(url.clone()).header(RESUMABLE, VERSION);
        let response = send(request).await?;
        if is_gone(response.status()) {
            return Ok(Step::Gone);
        }
        let response = checked(response).await?;
        let stated = number(response.headers(), LENGTH);
        match number(response.headers(), OFFSET) {
            Some(offset) if offset <= length && stated.is_none_or(|s| s == length) => {
                Ok(Step::At(url, offset))
            }
            // An upload of another length is not ours, whatever its address says.
            _ => Ok(Step::Gone),
        }
    }

    async fn step(&mut self, upload: &Upload, url: Url, offset: u64) -> Result<Step> {
        let length = wide(upload.bytes.len());
        let end = offset.saturating_add(self.part).min(length);
        let (Ok(from), Ok(to)) = (usize::try_from(offset), usize::try_from(end)) else {
            return Err(Error::Protocol("offset beyond memory".to_owned()));
        };
        let part = upload.bytes.slice(from..to);
        let began = self.time.boottime_ms();
        match self.patch(&url, offset, part).await? {
            Patched::At(new) if new > offset && new <= end => {
                let took = self.time.boottime_ms().saturating_sub(began);
                if took < QUICK_MS && end.saturating_sub(offset) >= self.part {
                    self.part = self.part.saturating_mul(2).min(MAX_PART_BYTES);
                } else if took > SLOW_MS {
                    self.part = shorter(self.part);
                }
                Ok(Step::At(url, new))
            }
            Patched::At(_) | Patched::AskOffset => {
                self.part = shorter(self.part);
                Ok(Step::Again)
            }
            Patched::Gone => Ok(Step::Gone),
        }
    }

    async fn patch(&self, url: &Url, offset: u64, part: Bytes) -> Result<Patched> {
        let checksum = STANDARD.encode(digest(&SHA256, &part));
        let request = self
            .http
            .client()
            .patch(url.clone())
            .header(RESUMABLE, VERSION)
            .header(OFFSET, offset)
            .header(CHECKSUM, format!("sha256 {checksum}"))
            .header(CONTENT_TYPE, OFFSET_STREAM)
            .body(part);
        let response: Response = send(request).await?;
        let status = response.status();
        if is_gone(status) {
            return Ok(Patched::Gone);
        }
        if status == StatusCode::CONFLICT || status.as_u16() == CHECKSUM_MISMATCH {
            return Ok(Patched::AskOffset);
        }
        let response = checked(response).await?;
        number(response.headers(), OFFSET)
            .map(Patched::At)
            .ok_or_else(|| Error::Protocol("upload without an offset".to_owned()))
    }
}

enum Step {
    /// The centre has this many bytes.
    At(Url, u64),
    /// Ask for the offset and go on.
    Again,
    /// The centre does not know the upload (any more).
    Gone,
}

fn is_gone(status: StatusCode) -> bool {
    status == StatusCode::NOT_FOUND || status == StatusCode::GONE
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.parse().ok()
}

fn shorter(part: u64) -> u64 {
    part.div_euclid(2).max(MIN_PART_BYTES)
}

fn wide(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
