//! The plain ZIP on demand (`bundle export`), and whole ZIPs brought in by hand (`bundle add`).

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use age::Encryptor;
use age::x25519::Recipient;
use ring::digest::{Context, SHA256};
use spotcheck_evidence::bag::{TAGMANIFEST, is_payload_path};
use spotcheck_evidence::statement::{STATEMENT_PATH, Statement};
use spotcheck_evidence::verify::{Report, Verdict};
use spotcheck_evidence::zip::{ZipArchive, ZipWriter};
use spotcheck_wire::CarriedFile;
use spotcheck_wire::bundles::{
    ANNOUNCEMENT_SCHEMA, AnnouncedBlob, AnnouncedFile, Announcement, BundleState,
};

use super::announce::status;
use super::assemble::Opener;
use super::verify::{check_blobs, errors_of, judge, receive};
use super::view::Joined;
use crate::centre::Centre;
use crate::folder::sync_dir;
use crate::objects::sha256_hex;
use crate::repository::AnnounceOutcome;
use crate::{Error, Result};

fn failed(error: impl std::fmt::Display) -> Error {
    Error::Log(format!("bag: {error}"))
}

/// What of the payload goes into an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extent {
    /// Everything.
    Whole,
    /// The party's copy (evidence.md §3): the documents, and what else the agency names. Tag files,
    /// signatures, stamps and receipt are all there, so that what is present can be proven.
    Party {
        /// Paths besides `data/documents/`; record.json and journal.jsonl only by being named here.
        include: Vec<String>,
    },
}

impl Extent {
    fn holds(&self, path: &str) -> bool {
        match self {
            Self::Whole => true,
            Self::Party { include } => {
                path.starts_with("data/documents/") || include.iter().any(|p| p == path)
            }
        }
    }
}

/// Writes the plain ZIP with time stamps and receipt; the act is written down first.
///
/// # Errors
/// No such bundle, blobs missing or damaged, a path that is not in it, the target exists.
pub fn export(centre: &Centre, id: &str, extent: &Extent, out: &Path) -> Result<()> {
    let row =
        centre.repo().bundle(id)?.ok_or(Error::NotFound { what: "bundle", zh: "证据包" })?;
    let announcement = &row.announcement;
    if let Extent::Party { include } = extent
        && include.iter().any(|path| !announcement.files.iter().any(|f| &f.path == path))
    {
        return Err(Error::NotFound { what: "file of the bundle", zh: "证据包内的文件" });
    }
    let sums = check_blobs(centre, announcement)?.map_err(|errors| {
        Error::refused(
            "BUNDLE-INCOMPLETE",
            format!("证据包的 {} 个文件缺失或已损坏。", errors.len()),
            "请等手持机传完,或用 bundle show 查看原因。",
        )
    })?;
    let mut late: Vec<CarriedFile> = Vec::new();
    if let Some(receipt) = status(centre, id, 0)?.receipt {
        late.extend(receipt.timestamps);
        let file = |path: &str, bytes: Vec<u8>| CarriedFile { path: path.to_owned(), bytes };
        late.push(file("receipts/center.entry.json", receipt.entry));
        late.push(file("receipts/center.tlog-proof", receipt.proof.into_bytes()));
        late.push(file("receipts/center.crl", receipt.crl.into_bytes()));
    }
    let act = if *extent == Extent::Whole { "bundle-exported" } else { "party-copy-exported" };
    centre.record_act(act, id)?;
    let what = "write the export";
    let target = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(out)
        .map_err(Error::io(what))?;
    let written = write_zip(centre, announcement, &late, &sums, extent, target);
    if written.is_err() {
        // Half an export is plaintext that nobody asked for.
        let _ = std::fs::remove_file(out);
    }
    written?;
    sync_dir(out.parent().unwrap_or(Path::new("")))
}

fn write_zip(
    centre: &Centre,
    announcement: &Announcement,
    late: &[CarriedFile],
    sums: &[u32],
    extent: &Extent,
    target: File,
) -> Result<()> {
    let what = "write the export";
    let top = &announcement.bundle;
    let mut zip = ZipWriter::new(BufWriter::new(target));
    let mut opener = Opener::new(centre);
    for file in announcement.tag_files.iter().chain(late) {
        zip.add_bytes(&format!("{top}/{}", file.path), &file.bytes).map_err(failed)?;
    }
    let wanted = announcement.files.iter().zip(sums).filter(|(file, _)| extent.holds(&file.path));
    for (file, crc32) in wanted {
        let mut content = Joined::new(&mut opener, file);
        zip.add_known(&format!("{top}/{}", file.path), file.size, *crc32, &mut content)
            .map_err(failed)?;
    }
    let mut writer = zip.finish().map_err(failed)?;
    writer.flush().map_err(Error::io(what))?;
    writer.get_ref().sync_all().map_err(Error::io(what))
}

/// What became of a ZIP brought in by hand.
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
    recipient: &Recipient,
    archive: &mut ZipArchive<File>,
    entry: &spotcheck_evidence::zip::ZipEntry,
) -> Result<AnnouncedFile> {
    let what = "take in a file";
    let work = centre.folder().work().join(centre.new_id());
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&work)
        .map_err(Error::io(what))?;
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
            intake_id: centre.recipients().intake_id.clone(),
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
    let recipient: Recipient =
        centre.recipients().intake.parse().map_err(|e: &str| Error::Age(e.to_owned()))?;
    let mut files = Vec::new();
    let mut tags: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for entry in &entries {
        if is_payload_path(&entry.path) {
            files.push(take_in(centre, &recipient, &mut archive, entry)?);
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
    let now = centre.now_ms();
    for blob in announcement.files.iter().flat_map(|f| &f.blobs) {
        centre.repo().add_blob(&device, &blob.ciphertext_sha256, blob.ciphertext_size, now)?;
    }
    if centre.repo().announce(&announcement, &device, false, now)? == AnnounceOutcome::Conflict {
        return Err(Error::refused(
            "BUNDLE-CONFLICT",
            "中心已有同一编号而内容不同的证据包。",
            "请核对文件来源。",
        ));
    }
    for (path, tsr) in stamps {
        if let Some(role) = path.strip_prefix("timestamps/").and_then(|p| p.strip_suffix(".tsr")) {
            centre.repo().add_stamp(&bundle, role, &tsr, now)?;
        }
    }
    centre.record_act("bundle-added", &bundle)?;
    if centre.repo().start_verifying(&bundle, now)? {
        receive(centre, &announcement, &device, &[])?;
    }
    let row = status(centre, &bundle, 0)?;
    Ok(Rescued { bundle, state: row.state, errors: row.errors })
}
