//! Announcement, what is missing, commit and status: each may be repeated and come in any order.

use std::collections::BTreeSet;

use spotcheck_domain::BundleId;
use spotcheck_evidence::bag::{TAGMANIFEST, is_bag_path, is_payload_path};
use spotcheck_wire::CarriedFile;
use spotcheck_wire::bundles::{
    ANNOUNCEMENT_SCHEMA, Announcement, BundleState, BundleStatus, STATUS_SCHEMA, WireReceipt,
};

use crate::centre::Centre;
use crate::jobs;
use crate::objects::{is_sha256, sha256_hex};
use crate::repository::{AnnounceOutcome, BundleRow};
use crate::{Error, Result};

/// Most files of one bundle.
const MAX_FILES: usize = 100_000;

/// What a commit did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitOutcome {
    /// No such bundle of this device.
    Unknown,
    /// Blobs are missing.
    Incomplete,
    /// Taken, now or before.
    Taken,
}

/// Checks the form of an announcement.
///
/// # Errors
/// What is wrong, for the problem document.
pub fn check_announcement(a: &Announcement) -> std::result::Result<(), String> {
    let must = |good: bool, what: &str| if good { Ok(()) } else { Err(what.to_owned()) };
    must(a.schema == ANNOUNCEMENT_SCHEMA, "消息版本不符。")?;
    must(BundleId::parse(&a.bundle).is_ok(), "证据包编号不符合格式。")?;
    must(spotcheck_domain::id::is_plain_id(&a.task), "任务编号不符合格式。")?;
    must(is_sha256(&a.tagmanifest_sha256), "清单哈希不符合格式。")?;
    must(a.files.len() <= MAX_FILES && a.tag_files.len() <= MAX_FILES, "文件过多。")?;
    let tagmanifest = a.tag_files.iter().find(|f| f.path == TAGMANIFEST);
    must(
        tagmanifest.is_some_and(|f| sha256_hex(&f.bytes) == a.tagmanifest_sha256),
        "标签清单缺失或与哈希不符。",
    )?;
    let mut paths = BTreeSet::new();
    for file in &a.tag_files {
        let good = is_bag_path(&file.path) && !is_payload_path(&file.path);
        must(good && !is_centres(&file.path), "标签文件路径不符合格式。")?;
        must(paths.insert(file.path.as_str()), "路径重复。")?;
    }
    for file in &a.files {
        must(is_payload_path(&file.path) && is_sha256(&file.sha256), "载荷文件不符合格式。")?;
        must(paths.insert(file.path.as_str()), "路径重复。")?;
        let mut sum = 0_u64;
        for (index, blob) in (0_u32..).zip(&file.blobs) {
            let good = blob.index == index
                && is_sha256(&blob.ciphertext_sha256)
                && is_sha256(&blob.plaintext_sha256);
            must(good, "加密分段不符合格式。")?;
            sum = sum.saturating_add(blob.size);
        }
        must(sum == file.size, "分段大小之和与文件不符。")?;
    }
    Ok(())
}

/// What only the centre adds.
fn is_centres(path: &str) -> bool {
    path.starts_with("timestamps/") || path.starts_with("receipts/")
}

/// Stores an announcement and, where a time-stamping authority is set, orders the stamps.
///
/// # Errors
/// Those of the database.
pub fn announce(
    centre: &Centre,
    announcement: &Announcement,
    device: &str,
    from_revoked: bool,
    stamps: bool,
) -> Result<AnnounceOutcome> {
    let practice = centre.repo().task(&announcement.task)?.is_some_and(|task| task.is_practice());
    if practice {
        return Err(Error::refused(
            "BUNDLE-PRACTICE",
            "这是演练任务的证据包，中心不接收。",
            "演练内容留在手持机上，在“收尾”中清除即可。",
        ));
    }
    let now = centre.now_ms();
    let outcome = centre.repo().announce(announcement, device, from_revoked, now)?;
    if stamps && outcome == AnnounceOutcome::New {
        centre.repo().add_job(jobs::STAMP, &announcement.bundle, now)?;
    }
    Ok(outcome)
}

/// Ciphertext hashes this device has not delivered, each once, in upload order.
///
/// # Errors
/// Those of the database.
pub fn missing(centre: &Centre, announcement: &Announcement, device: &str) -> Result<Vec<String>> {
    let mut seen = BTreeSet::new();
    let mut missing = Vec::new();
    for blob in announcement.files.iter().flat_map(|file| &file.blobs) {
        let hash = blob.ciphertext_sha256.as_str();
        if seen.insert(hash) && !centre.repo().has_blob(device, hash)? {
            missing.push(hash.to_owned());
        }
    }
    Ok(missing)
}

/// Takes a bundle whose blobs are all there; from a revoked device it is kept apart.
///
/// # Errors
/// Those of the database.
pub fn commit(centre: &Centre, id: &str, device: &str, revoked: bool) -> Result<CommitOutcome> {
    let Some(row) = centre.repo().bundle(id)?.filter(|row| row.device == device) else {
        return Ok(CommitOutcome::Unknown);
    };
    if row.state != BundleState::Announced {
        return Ok(CommitOutcome::Taken);
    }
    if !missing(centre, &row.announcement, device)?.is_empty() {
        return Ok(CommitOutcome::Incomplete);
    }
    let now = centre.now_ms();
    if revoked || row.from_revoked {
        centre.repo().quarantine(id, now)?;
    } else {
        centre.repo().start_verifying(id, now)?;
    }
    Ok(CommitOutcome::Taken)
}

/// A clerk accepts a quarantined bundle: it is verified like any other.
///
/// # Errors
/// No such bundle, or none in quarantine.
pub fn quarantined_accept(centre: &Centre, id: &str) -> Result<()> {
    let row =
        centre.repo().bundle(id)?.ok_or(Error::NotFound { what: "bundle", zh: "证据包" })?;
    if !centre.repo().accept_quarantined(&row.announcement.bundle, centre.now_ms())? {
        return Err(Error::refused(
            "BUNDLE-NOT-QUARANTINED",
            "该证据包不在隔离状态。",
            "请用 bundle list 查看状态。",
        ));
    }
    centre.record_act("bundle-accepted", id)
}

/// Receipt of a bundle that is in the log.
fn receipt(centre: &Centre, row: &BundleRow, from_size: u64) -> Result<Option<WireReceipt>> {
    let Some(leaf) = centre.repo().leaf_of(&row.announcement.bundle)? else { return Ok(None) };
    let head = centre.log().head()?;
    let timestamps = centre
        .repo()
        .stamps(&row.announcement.bundle)?
        .into_iter()
        .map(|(role, bytes)| CarriedFile { path: format!("timestamps/{role}.tsr"), bytes })
        .collect();
    Ok(Some(WireReceipt {
        proof: centre.log().proof(leaf.index, &head)?,
        entry: leaf.entry,
        crl: centre.ca().evidence.crl_pem(centre.repo(), centre.clock().as_ref())?,
        timestamps,
        consistency: centre.log().consistency(from_size, &head)?,
    }))
}

/// Where a bundle stands, with its receipt once it is received.
///
/// # Errors
/// No such bundle, or those of the database.
pub fn status(centre: &Centre, id: &str, from_size: u64) -> Result<BundleStatus> {
    let row =
        centre.repo().bundle(id)?.ok_or(Error::NotFound { what: "bundle", zh: "证据包" })?;
    let receipt = match row.state {
        BundleState::Received => receipt(centre, &row, from_size)?,
        _ => None,
    };
    Ok(BundleStatus {
        schema: STATUS_SCHEMA.to_owned(),
        bundle: row.announcement.bundle,
        state: row.state,
        errors: row.errors,
        receipt,
    })
}
