//! Bundles brought in by hand (`bundle add`): whole ZIPs, and rescue exports of a handheld.
//!
//! Both are judged before anything is kept, then kept, logged and receipted like any other. What does not
//! verify is not kept: the stick still has it, and a forged one cannot occupy a bundle's number.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use age::x25519::{Identity, Recipient};
use age::{Decryptor, Encryptor};
use ring::digest::{Context, SHA256};
use spotcheck_evidence::bag::{TAGMANIFEST, is_payload_path};
use spotcheck_evidence::statement::{STATEMENT_PATH, Statement};
use spotcheck_evidence::verify::{Report, Verdict};
use spotcheck_evidence::zip::ZipArchive;
use spotcheck_wire::CarriedFile;
use spotcheck_wire::bundles::{
    ANNOUNCEMENT_SCHEMA, AnnouncedBlob, AnnouncedFile, Announcement, BundleState,
};
use spotcheck_wire::rescue::{
    ANNOUNCEMENT_FILE, LABEL_FILE, RESCUE_SCHEMA, RescueLabel, blob_file,
};

use super::announce::{CommitOutcome, check_announcement, commit, status};
use super::assemble::Opener;
use super::copy::escrow_identity;
use super::export::{Extent, failed, write_zip};
use super::verify::{accepted_anyway, errors_of, faults, judge, receive, sealed_by, sums_of};
use crate::centre::Centre;
use crate::intake::{Recipients, intake_identities};
use crate::jobs;
use crate::objects::{is_sha256, sha256_hex};
use crate::repository::AnnounceOutcome;
use crate::{Error, Result};

/// Tag files and hash lists of the largest bundle are far below this.
const MAX_ANNOUNCEMENT_BYTES: u64 = 256 << 20;
/// The label is a few hundred bytes.
const MAX_LABEL_BYTES: u64 = 64 << 10;

/// What became of a bundle brought in by hand.
#[derive(Debug)]
pub struct Rescued {
    /// The bundle.
    pub bundle: String,
    /// State after it.
    pub state: BundleState,
    /// Codes and paths of what is wrong.
    pub errors: Vec<String>,
}

/// One payload file, encrypted to intake while it is read.
fn take_in(
    centre: &Centre,
    (recipient, intake_id): (&Recipient, &str),
    archive: &mut ZipArchive<File>,
    entry: &spotcheck_evidence::zip::ZipEntry,
) -> Result<AnnouncedFile> {
    let what = "take in a file";
    let (work, file) = new_work_file(centre)?;
    let encryptor = Encryptor::with_recipients(std::iter::once(recipient as &dyn age::Recipient))
        .map_err(|e| Error::Age(e.to_string()))?;
    let mut writer = encryptor.wrap_output(file).map_err(Error::io(what))?;
    let mut hash = Context::new(&SHA256);
    let mut wrote: std::io::Result<()> = Ok(());
    archive
        .read(entry, &mut |block| {
            hash.update(block);
            if wrote.is_ok() {
                wrote = writer.write_all(block);
            }
        })
        .map_err(failed)?;
    wrote.map_err(Error::io(what))?;
    writer.finish().and_then(|f| f.sync_all()).map_err(Error::io(what))?;
    let (ciphertext_sha256, ciphertext_size) = centre.objects().adopt(&work)?;
    let sha256 = hex::encode(hash.finish().as_ref());
    Ok(AnnouncedFile {
        path: entry.path.clone(),
        sha256: sha256.clone(),
        size: entry.size,
        blobs: vec![AnnouncedBlob {
            index: 0,
            ciphertext_sha256,
            ciphertext_size,
            plaintext_sha256: sha256,
            size: entry.size,
            intake_id: intake_id.to_owned(),
        }],
    })
}

fn refused_report(report: &Report) -> Rescued {
    Rescued {
        bundle: report.bundle.clone().unwrap_or_default(),
        state: BundleState::Rejected,
        errors: errors_of(report),
    }
}

/// Takes in a whole bag as ZIP: judged first, then kept encrypted, logged and receipted like any other. A
/// ZIP that does not verify is not kept.
///
/// # Errors
/// Unreadable file, or the id is there with other content.
pub fn add_zip(centre: &Centre, path: &Path) -> Result<Rescued> {
    let what = "read the bundle";
    let open = || File::open(path).map_err(Error::io(what));
    let report = judge(centre, open()?)?;
    if report.verdict == Verdict::Rejected {
        return Ok(refused_report(&report));
    }
    // Received already: nothing to take in again.
    if let Some(id) = &report.bundle
        && let Some(row) = centre.repo().bundle(id)?
        && row.state == BundleState::Received
    {
        return Ok(Rescued { bundle: id.clone(), state: row.state, errors: row.errors });
    }
    let mut archive = ZipArchive::open(open()?).map_err(|(fault, _)| failed(fault))?;
    let entries = archive.entries().to_vec();
    let Recipients { intake, intake_id, .. } = centre.recipients()?;
    let recipient: Recipient = intake.parse().map_err(|e: &str| Error::Age(e.to_owned()))?;
    let mut files = Vec::new();
    let mut tags: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for entry in &entries {
        if is_payload_path(&entry.path) {
            files.push(take_in(centre, (&recipient, &intake_id), &mut archive, entry)?);
        } else if !entry.path.starts_with("receipts/") {
            let mut bytes = Vec::new();
            archive.read(entry, &mut |block| bytes.extend_from_slice(block)).map_err(failed)?;
            tags.insert(entry.path.clone(), bytes);
        }
    }
    let stamps: Vec<(String, Vec<u8>)> =
        tags.extract_if(.., |path, _| path.starts_with("timestamps/")).collect();
    let statement = tags.get(STATEMENT_PATH).and_then(|bytes| Statement::parse(bytes).ok());
    let statement = statement.ok_or(Error::Stored("statement"))?;
    let device = statement.device.id.to_string();
    let tagmanifest = tags.get(TAGMANIFEST).map(|b| sha256_hex(b)).unwrap_or_default();
    let bundle = statement.bundle.to_string();
    let announcement = Announcement {
        schema: ANNOUNCEMENT_SCHEMA.to_owned(),
        bundle: bundle.clone(),
        task: "-".to_owned(),
        tagmanifest_sha256: tagmanifest,
        tag_files: tags.into_iter().map(|(path, bytes)| CarriedFile { path, bytes }).collect(),
        files,
        case_keys: Vec::new(),
    };
    keep(centre, &announcement, &device, false)?;
    let now = centre.now_ms();
    for (path, tsr) in stamps {
        if let Some(role) = path.strip_prefix("timestamps/").and_then(|p| p.strip_suffix(".tsr")) {
            centre.repo().add_stamp(&bundle, role, &tsr, now)?;
        }
    }
    if commit(centre, &bundle, &device, false)? == CommitOutcome::Taken {
        receive(centre, &announcement, &device, &[])?;
    }
    outcome(centre, &bundle)
}

/// Blobs and announcement of a bundle that was judged; the act is written down.
fn keep(centre: &Centre, announcement: &Announcement, device: &str, revoked: bool) -> Result<()> {
    let now = centre.now_ms();
    for blob in announcement.files.iter().flat_map(|f| &f.blobs) {
        centre.repo().add_blob(device, &blob.ciphertext_sha256, blob.ciphertext_size, now)?;
    }
    if centre.repo().announce(announcement, device, revoked, now)? == AnnounceOutcome::Conflict {
        return Err(Error::refused(
            "BUNDLE-CONFLICT",
            "中心已有同一编号而内容不同的证据包。",
            "请核对文件来源。",
        ));
    }
    centre.record_act("bundle-added", &announcement.bundle)
}

fn outcome(centre: &Centre, bundle: &str) -> Result<Rescued> {
    let row = status(centre, bundle, 0)?;
    Ok(Rescued { bundle: bundle.to_owned(), state: row.state, errors: row.errors })
}

fn unusable(what: &'static str) -> Error {
    Error::refused(
        "RESCUE-UNUSABLE",
        format!("这不是完整的救援导出：{what}。"),
        "请在手持机上把 rescue 命令再执行一次(已写出的部分不会重写)，然后重试。",
    )
}

/// Whatever the cause: an age file that does not open for us tells no more.
fn torn<E>(_: E) -> Error {
    unusable("announcement.age 已损坏，或不是导出给本中心的")
}

fn read_small(path: &Path, most: u64, missing: &'static str) -> Result<Vec<u8>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => {
            return Err(unusable(missing));
        }
        Err(cause) => return Err(Error::io("read the rescue export")(cause)),
    };
    let mut bytes = Vec::new();
    file.take(most.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(Error::io("read the rescue export"))?;
    let fits = u64::try_from(bytes.len()).is_ok_and(|length| length <= most);
    if fits { Ok(bytes) } else { Err(unusable("文件过大")) }
}

/// Label and announcement of a rescue export; opened by `escrow` where it is given.
fn read_rescue(centre: &Centre, folder: &Path, escrow: Option<&Identity>) -> Result<Announcement> {
    let label =
        read_small(&folder.join(LABEL_FILE), MAX_LABEL_BYTES, "缺少 rescue.json,导出没有做完")?;
    let label: RescueLabel =
        serde_json::from_slice(&label).map_err(|_| unusable("rescue.json 不符合格式"))?;
    if label.schema != RESCUE_SCHEMA {
        return Err(unusable("格式版本不同"));
    }
    let path = folder.join(ANNOUNCEMENT_FILE);
    let sealed = read_small(&path, MAX_ANNOUNCEMENT_BYTES, "缺少 announcement.age")?;
    let identities = match (escrow, intake_identities(centre.repo(), &label.intake_id)) {
        (Some(escrow), _) => vec![escrow.clone()],
        (None, Ok(identities)) => identities,
        (None, Err(Error::NotFound { .. })) => return Err(unusable("不是导出给本中心的")),
        (None, Err(other)) => return Err(other),
    };
    let mut plain = Vec::new();
    Decryptor::new_buffered(sealed.as_slice())
        .and_then(|d| d.decrypt(identities.iter().map(|i| i as &dyn age::Identity)))
        .map_err(torn)?
        .take(MAX_ANNOUNCEMENT_BYTES)
        .read_to_end(&mut plain)
        .map_err(torn)?;
    let announcement: Announcement =
        serde_json::from_slice(&plain).map_err(|_| unusable("内容不符合格式"))?;
    check_announcement(&announcement).map_err(|_| unusable("内容不符合格式"))?;
    if announcement.bundle != label.bundle {
        return Err(unusable("rescue.json 与内容不符"));
    }
    Ok(announcement)
}

/// Copies the age files of an announcement into the object folder; `new` names those that were not there before,
/// also when one of them cannot be had.
fn take_blobs<'a>(
    centre: &Centre,
    folder: &Path,
    announcement: &'a Announcement,
    new: &mut Vec<&'a str>,
) -> Result<()> {
    let blobs = announcement.files.iter().flat_map(|f| &f.blobs);
    let hashes: BTreeSet<&str> = blobs.map(|b| b.ciphertext_sha256.as_str()).collect();
    for hash in hashes.into_iter().filter(|hash| is_sha256(hash)) {
        if take_blob(centre, folder, hash)? {
            new.push(hash);
        }
    }
    Ok(())
}

/// Takes them out again.
fn drop_blobs(centre: &Centre, hashes: &[&str]) {
    for path in hashes.iter().filter_map(|hash| centre.objects().path(hash)) {
        let _ = std::fs::remove_file(path);
    }
}

/// Copies one age file into the object folder; true if it was not there before.
fn take_blob(centre: &Centre, folder: &Path, sha256: &str) -> Result<bool> {
    let what = "take in a segment";
    if centre.objects().path(sha256).is_some_and(|path| path.exists()) {
        return Ok(false);
    }
    let mut source = match File::open(folder.join(blob_file(sha256))) {
        Ok(file) => file,
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => {
            return Err(unusable("缺少加密分段，或手持机上已损坏；找到第二副本后放进本目录"));
        }
        Err(cause) => return Err(Error::io(what)(cause)),
    };
    let work = new_work_file(centre)?;
    let copied = std::io::copy(&mut source, &mut work.1.try_clone().map_err(Error::io(what))?)
        .and_then(|_| work.1.sync_all())
        .map_err(Error::io(what))
        .and_then(|()| {
            crate::objects::hash_reader(&mut File::open(&work.0).map_err(Error::io(what))?)
        });
    match copied {
        Ok((found, _)) if found == sha256 => {
            centre.objects().adopt_as(&work.0, sha256)?;
            Ok(true)
        }
        other => {
            let _ = std::fs::remove_file(&work.0);
            other.and_then(|_| Err(unusable("加密分段与清单不符，可能已损坏")))
        }
    }
}

/// An empty file of our own, in the folder that is swept at start.
fn new_work_file(centre: &Centre) -> Result<(PathBuf, File)> {
    let path = centre.folder().work().join(centre.new_id());
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .map_err(Error::io("take in a file"))?;
    Ok((path, file))
}

/// Takes in a rescue export (evidence.md §3): blobs stay as they came; judged, kept, logged and receipted
/// like an upload. From a revoked device it is kept apart until a clerk accepts it.
///
/// # Errors
/// No finished export, not for this centre, damaged; the id is there with other content.
pub fn add_rescue(centre: &Centre, folder: &Path) -> Result<Rescued> {
    let announcement = read_rescue(centre, folder, None)?;
    let bundle = announcement.bundle.clone();
    if let Some(row) = centre.repo().bundle(&bundle)?
        && matches!(row.state, BundleState::Received | BundleState::Quarantined)
        && row.announcement.tagmanifest_sha256 == announcement.tagmanifest_sha256
    {
        return outcome(centre, &bundle);
    }
    let device = sealed_by(&announcement).ok_or_else(|| unusable("缺少声明文件"))?;
    let mut new = Vec::new();
    let judged = take_blobs(centre, folder, &announcement, &mut new)
        .and_then(|()| faults(centre, &announcement, &device));
    let revoked = centre.repo().device(&device)?.is_some_and(|device| device.revoked_ms.is_some());
    let errors = judged.map(|mut errors| {
        if revoked {
            accepted_anyway(&mut errors);
        }
        errors
    });
    if !matches!(&errors, Ok(errors) if errors.is_empty()) {
        drop_blobs(centre, &new);
        return Ok(Rescued { bundle, state: BundleState::Rejected, errors: errors? });
    }
    keep(centre, &announcement, &device, revoked)?;
    // Where no time-stamping authority is set, the job does nothing.
    centre.repo().add_job(jobs::STAMP, &bundle, centre.now_ms())?;
    if commit(centre, &bundle, &device, revoked)? == CommitOutcome::Taken && !revoked {
        receive(centre, &announcement, &device, &[])?;
    }
    outcome(centre, &bundle)
}

/// Writes a rescue export as a plain ZIP by the escrow key of two custodians: for a bundle whose intake key is
/// lost. It can be verified and, as a ZIP, taken in under the present key. Returns the bundle; the act is
/// written down.
///
/// # Errors
/// No finished export, not for this escrow key, damaged; the target exists.
pub fn open_rescue(centre: &Centre, folder: &Path, escrow: &Path, out: &Path) -> Result<String> {
    let identity = escrow_identity(escrow)?;
    let announcement = read_rescue(centre, folder, Some(&identity))?;
    let mut new = Vec::new();
    let written = take_blobs(centre, folder, &announcement, &mut new).and_then(|()| {
        let mut opener = Opener::with(centre, &announcement.bundle, identity);
        let sums = sums_of(&mut opener, &announcement)?
            .map_err(|_| unusable("有文件打不开或与清单不符"))?;
        centre.record_act("bundle-opened-by-escrow", &announcement.bundle)?;
        let target = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(out)
            .map_err(Error::io("write the opened bundle"))?;
        let written = write_zip(&mut opener, &announcement, &[], &sums, &Extent::Whole, target);
        if written.is_err() {
            let _ = std::fs::remove_file(out);
        }
        written
    });
    // Only looked into: it is not this centre's until it is taken in.
    drop_blobs(centre, &new);
    written.map(|()| announcement.bundle.clone())
}
