//! The verification job: every hash, then the whole judgement, then the log entry.
//!
//! It may be interrupted anywhere and run again: the log takes one entry per bundle, and the state moves
//! only from *verifying*.

use spotcheck_domain::{BundleId, DeviceId, rfc3339};
use spotcheck_evidence::Hash32;
use spotcheck_evidence::chain::TrustRoots;
use spotcheck_evidence::entry::{BundleEntry, LogEntry};
use spotcheck_evidence::statement::{STATEMENT_PATH, Statement};
use spotcheck_evidence::tlog::LogKey;
use spotcheck_evidence::verify::{Options, Report, Verdict, verify_zip};
use spotcheck_wire::CarriedFile;
use spotcheck_wire::bundles::{Announcement, BundleState};

use super::assemble::{BlobCheck, Opener};
use super::view::BagView;
use crate::centre::Centre;
use crate::log::KIND_BUNDLE;
use crate::{Error, Result};

/// Most errors kept with a rejected bundle.
const MAX_ERRORS: usize = 200;

fn evidence(error: impl std::fmt::Display) -> Error {
    Error::Certificate(error.to_string())
}

/// CRC-32 of every payload file, or what does not hold.
pub(super) fn check_blobs(
    centre: &Centre,
    announcement: &Announcement,
) -> Result<std::result::Result<Vec<u32>, Vec<String>>> {
    sums_of(&mut Opener::new(centre, &announcement.bundle), announcement)
}

/// [`check_blobs`] by the keys of this opener.
pub(super) fn sums_of(
    opener: &mut Opener<'_>,
    announcement: &Announcement,
) -> Result<std::result::Result<Vec<u32>, Vec<String>>> {
    let mut sums = Vec::new();
    let mut errors = Vec::new();
    for file in &announcement.files {
        match opener.check(file)? {
            BlobCheck::Good(crc32) => sums.push(crc32),
            BlobCheck::Bad(code) => errors.push(format!("{code} {}", file.path)),
        }
    }
    Ok(if errors.is_empty() { Ok(sums) } else { Err(errors) })
}

/// Files that the centre adds while it judges: its own revocation list, and the stamps it fetched.
pub(super) fn late_files(centre: &Centre, bundle: &str) -> Result<Vec<CarriedFile>> {
    let crl = centre.ca().evidence.crl_pem(centre.repo(), centre.clock().as_ref())?;
    let mut late = vec![CarriedFile { path: "receipts/center.crl".to_owned(), bytes: crl.into() }];
    for (role, bytes) in centre.repo().stamps(bundle)? {
        late.push(CarriedFile { path: format!("timestamps/{role}.tsr"), bytes });
    }
    Ok(late)
}

/// Judges any source of a whole bag under the centre's own roots.
pub(super) fn judge<R: std::io::Read + std::io::Seek>(
    centre: &Centre,
    source: R,
) -> Result<Report> {
    let roots = TrustRoots::from_pem(centre.ca().evidence.pem().as_bytes()).map_err(evidence)?;
    let tsa_pem = centre.tsa_roots()?;
    let tsa = if tsa_pem.is_empty() {
        None
    } else {
        Some(TrustRoots::from_pem(tsa_pem.as_bytes()).map_err(evidence)?)
    };
    let log_key = LogKey::parse(centre.log().vkey()).map_err(evidence)?;
    let options = Options {
        roots: &roots,
        tsa: tsa.as_ref(),
        log_key: Some(&log_key),
        partial: false,
        now_ms: centre.now_ms(),
    };
    verify_zip(source, &options).map_err(Error::io("read a bundle"))
}

/// Codes and paths of everything that is wrong.
pub(super) fn errors_of(report: &Report) -> Vec<String> {
    report
        .errors
        .iter()
        .take(MAX_ERRORS)
        .map(|finding| match &finding.path {
            Some(path) => format!("{} {path}", finding.code),
            None => finding.code.clone(),
        })
        .collect()
}

/// The device that the statement names; the signature of it was checked with the rest.
pub(super) fn sealed_by(announcement: &Announcement) -> Option<String> {
    let file = announcement.tag_files.iter().find(|f| f.path == STATEMENT_PATH)?;
    Some(Statement::parse(&file.bytes).ok()?.device.id.to_string())
}

/// Everything that is wrong with a bundle whose blobs are all there.
pub(super) fn faults(
    centre: &Centre,
    announcement: &Announcement,
    device: &str,
) -> Result<Vec<String>> {
    let sums = match check_blobs(centre, announcement)? {
        Ok(sums) => sums,
        Err(errors) => return Ok(errors),
    };
    let late = late_files(centre, &announcement.bundle)?;
    let view = BagView::new(centre, announcement, &sums, &late)?;
    let report = judge(centre, view)?;
    let mut errors = errors_of(&report);
    if report.verdict == Verdict::Rejected && errors.is_empty() {
        errors.push("REJECTED".to_owned());
    }
    if report.bundle.as_deref().is_some_and(|b| b != announcement.bundle) {
        errors.push("BUNDLE-ID".to_owned());
    }
    if sealed_by(announcement).is_some_and(|sealed| sealed != device) {
        errors.push(format!("BUNDLE-DEVICE {STATEMENT_PATH}"));
    }
    Ok(errors)
}

/// Appends the bundle's entry and marks it received; repeating changes nothing.
pub(super) fn receive(
    centre: &Centre,
    announcement: &Announcement,
    device: &str,
    notes: &[String],
) -> Result<()> {
    let bundle = BundleId::parse(&announcement.bundle).map_err(evidence)?;
    let received = rfc3339(centre.now_ms());
    let entry = LogEntry::Bundle(BundleEntry {
        bundle,
        tagmanifest_sha256: Hash32::parse(&announcement.tagmanifest_sha256)
            .ok_or(Error::Stored("tag manifest hash"))?,
        device: DeviceId::parse(device).map_err(evidence)?,
        received: received.clone(),
    });
    let bytes = entry.to_bytes().map_err(evidence)?;
    let leaf = centre.log().append(KIND_BUNDLE, Some(&announcement.bundle), &bytes)?;
    // A run before this one may have been cut after its entry: the entry's time counts.
    let received = match LogEntry::parse(&leaf.entry) {
        Ok(LogEntry::Bundle(kept)) => kept.received,
        _ => received,
    };
    // Before the state moves: a run cut in between reads the same once more, and only what is received counts.
    crate::judged::read_bundle(centre, announcement)?;
    let now = centre.now_ms();
    centre.repo().mark_received(&announcement.bundle, &received, leaf.index, notes, now)
}

/// Takes out what a clerk accepts when taking a revoked device's bundle out of quarantine: that its
/// certificate is revoked. It stays noted with the bundle, and every verifier sees it.
pub(super) fn accepted_anyway(errors: &mut Vec<String>) -> Vec<String> {
    let (noted, rest) = std::mem::take(errors)
        .into_iter()
        .partition(|error| error.starts_with("CERT-REVOKED signatures/device.p7s"));
    *errors = rest;
    noted
}

/// Verifies a committed bundle and receives or rejects it.
///
/// # Errors
/// The centre itself could not (try again later); a bad bundle is no error.
pub fn verify_bundle(centre: &Centre, id: &str) -> Result<()> {
    let Some(row) = centre.repo().bundle(id)? else { return Ok(()) };
    if row.state != BundleState::Verifying {
        return Ok(());
    }
    let mut errors = faults(centre, &row.announcement, &row.device)?;
    let notes = if row.accepted { accepted_anyway(&mut errors) } else { Vec::new() };
    if errors.is_empty() {
        receive(centre, &row.announcement, &row.device, &notes)?;
        tracing::info!(bundle = id, "A bundle was received.");
    } else {
        tracing::warn!(bundle = id, count = errors.len(), "A bundle was rejected.");
        centre.repo().mark_rejected(id, &errors, centre.now_ms())?;
    }
    Ok(())
}
