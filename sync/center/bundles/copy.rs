//! The second copy of a case that was never sealed (evidence.md §1), brought in by hand.
//!
//! Such a case has no signatures yet and cannot be received as a bundle. What the centre does with its copy:
//! it proves that all of it opens and fits its hashes and its journal, it addresses the case's keys to
//! another handheld of the task, on which the officers go on and seal it, and, if that cannot be, it writes
//! what there is as plain files marked as rescued and unsigned. Each of these is written down. Where the
//! intake key is lost too, the escrow key from two custodians opens the same files.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::str::FromStr;

use age::x25519::{Identity, Recipient};
use age::{Decryptor, Encryptor};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use spotcheck_domain::{CaseId, DeviceId};
use spotcheck_evidence::bag::{is_payload_path, manifest};
use spotcheck_evidence::journal::{ChainHead, verify_chain};
use spotcheck_evidence::{DualHash, Hash32};
use spotcheck_wire::copies::{COPY_LABEL, COPY_SCHEMA, CopyLabel, MAX_FILE_BYTES};
use spotcheck_wire::rescue::blob_file;
use zeroize::Zeroizing;

use crate::centre::Centre;
use crate::intake::intake_identities;
use crate::{Error, Result};

/// What `spotcheck` writes as the state of a case; later majors are refused.
const STATE_SCHEMA: &str = "spotcheck-case-state/1";

/// What a copy holds.
#[derive(Debug, Serialize)]
pub struct CopyReport {
    /// The case.
    pub case: String,
    /// The handheld whose case it is.
    pub device: String,
    /// When its state was kept, unix milliseconds by its clock.
    pub kept_ms: i64,
    /// Journal lines.
    pub entries: u64,
    /// SHA-256 of the last line.
    pub head: String,
    /// Files of the case, each whole and fitting its hashes.
    pub files: u64,
    /// Recordings that had not ended.
    pub running: u64,
    /// Files that are missing or do not fit, by path.
    pub faults: Vec<String>,
}

/// What to do with a copy besides proving it.
#[derive(Debug, Default)]
pub struct CopyActs<'a> {
    /// Address the case's keys to this handheld.
    pub address: Option<&'a str>,
    /// Write the plain files here.
    pub open: Option<&'a Path>,
    /// File with the escrow identity of two custodians, instead of the intake key.
    pub escrow: Option<&'a Path>,
}

#[derive(Deserialize)]
struct State {
    schema: String,
    case: String,
    device: String,
    kept_ms: i64,
    lines: Vec<String>,
    values: Vec<(String, String, String)>,
}

/// A file as the handheld's stored values describe it.
#[derive(Debug, Clone, Deserialize)]
struct Stored {
    path: String,
    sha256: String,
    size: u64,
    blobs: Vec<Segment>,
}

#[derive(Debug, Clone, Deserialize)]
struct Segment {
    ciphertext_sha256: String,
}

fn unusable(what: &'static str) -> Error {
    Error::refused(
        "COPY-UNUSABLE",
        format!("这份第二副本不能使用：{what}。"),
        "换另一份副本(U 盘或旁边的手持机)，或在手持机上再存一次。",
    )
}

fn read(folder: &Path, name: &str) -> Result<Option<Vec<u8>>> {
    let file = match File::open(folder.join(name)) {
        Ok(file) => file,
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(Error::io("read a second copy")(cause)),
    };
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES).read_to_end(&mut bytes).map_err(Error::io("read a second copy"))?;
    Ok(Some(bytes))
}

/// The plaintext of a small age file that one of the identities opens.
pub(crate) fn open(identities: &[Identity], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut plain = Zeroizing::new(Vec::with_capacity(sealed.len()));
    Decryptor::new_buffered(sealed)
        .ok()?
        .decrypt(identities.iter().map(|i| i as &dyn age::Identity))
        .ok()?
        .read_to_end(&mut plain)
        .ok()?;
    Some(plain)
}

/// Every file that the values name, by path; of two readings of a path the later one counts.
fn files_of(state: &State) -> BTreeMap<String, Stored> {
    fn look(value: &Value, found: &mut BTreeMap<String, Stored>) {
        if value.get("blobs").is_some()
            && let Ok(stored) = serde_json::from_value::<Stored>(value.clone())
            && is_payload_path(&stored.path)
        {
            found.insert(stored.path.clone(), stored);
            return;
        }
        match value {
            Value::Array(items) => items.iter().for_each(|item| look(item, found)),
            Value::Object(members) => members.values().for_each(|member| look(member, found)),
            _ => {}
        }
    }
    let mut found = BTreeMap::new();
    for (_, _, json) in &state.values {
        if let Ok(value) = serde_json::from_str(json) {
            look(&value, &mut found);
        }
    }
    found
}

/// A recording that had not ended: name, and plaintext parts in order.
type Running = (String, Vec<Zeroizing<Vec<u8>>>);

struct Opened<'a> {
    folder: &'a Path,
    identities: Vec<Identity>,
    label: CopyLabel,
    state: State,
    head: ChainHead,
}

/// The escrow identity that two custodians put together.
pub(super) fn escrow_identity(file: &Path) -> Result<Identity> {
    let text = std::fs::read_to_string(file).map_err(Error::io("read the escrow key"))?;
    let text = Zeroizing::new(text);
    Identity::from_str(text.trim()).map_err(|_| unusable("托管私钥文件不符合格式"))
}

fn opened<'a>(centre: &Centre, folder: &'a Path, escrow: Option<&Path>) -> Result<Opened<'a>> {
    let label = read(folder, COPY_LABEL)?.ok_or_else(|| unusable("缺少 copy.json,没有存完"))?;
    let label: CopyLabel =
        serde_json::from_slice(&label).map_err(|_| unusable("copy.json 不符合格式"))?;
    if label.schema != COPY_SCHEMA || CaseId::parse(&label.case).is_err() {
        return Err(unusable("格式版本不同"));
    }
    let identities = match escrow {
        Some(file) => vec![escrow_identity(file)?],
        None => intake_identities(centre.repo(), &label.intake_id)
            .map_err(|_| unusable("不是存给本中心的"))?,
    };
    let sealed = read(folder, "state.age")?.ok_or_else(|| unusable("缺少案卷状态"))?;
    let plain = open(&identities, &sealed).ok_or_else(|| unusable("案卷状态打不开"))?;
    let state: State =
        serde_json::from_slice(&plain).map_err(|_| unusable("案卷状态不符合格式"))?;
    if state.schema != STATE_SCHEMA || state.case != label.case || state.device != label.device {
        return Err(unusable("案卷状态与标签不符"));
    }
    let chain = verify_chain(state.lines.iter().map(String::as_bytes), ChainHead::START.hash)
        .map_err(|_| unusable("案卷日志链断开"))?;
    Ok(Opened { folder, identities, label, state, head: chain.head })
}

impl Opened<'_> {
    /// The plaintext of an age file of the copy whose name is its hash.
    fn segment(&self, ciphertext_sha256: &str) -> Result<Option<Zeroizing<Vec<u8>>>> {
        let Some(sealed) = read(self.folder, &blob_file(ciphertext_sha256))? else {
            return Ok(None);
        };
        let fits = Hash32::sha256(&sealed).to_string() == ciphertext_sha256;
        Ok(if fits { open(&self.identities, &sealed) } else { None })
    }

    /// Streams a file; `false` if it is not what the case says.
    fn stream(&self, file: &Stored, take: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<bool> {
        let mut hash = DualHash::new();
        for segment in &file.blobs {
            let Some(plain) = self.segment(&segment.ciphertext_sha256)? else { return Ok(false) };
            hash.update(&plain);
            take(&plain)?;
        }
        let hashes = hash.finish();
        Ok(hashes.sha256.to_string() == file.sha256 && hashes.size == file.size)
    }

    /// Recordings that had not ended.
    fn running(&self) -> Result<Vec<Running>> {
        let mut names: Vec<String> = std::fs::read_dir(self.folder.join("rec"))
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        names.sort();
        let mut found = Vec::new();
        for name in names {
            let mut parts = Vec::new();
            let list = read(self.folder, &format!("rec/{name}/segments.jsonl"))?;
            let mut covered = 0_u64;
            for line in list.unwrap_or_default().split(|b| *b == b'\n') {
                let Ok(line) = serde_json::from_slice::<Value>(line) else { continue };
                let hash = line.pointer("/blob/ciphertext_sha256").and_then(Value::as_str);
                if let Some(plain) = self.segment(hash.unwrap_or_default())? {
                    parts.push(plain);
                    covered = line.get("last").and_then(Value::as_u64).unwrap_or(covered);
                }
            }
            let mut fragments: Vec<(u64, String)> =
                std::fs::read_dir(self.folder.join("rec").join(&name))
                    .into_iter()
                    .flatten()
                    .flatten()
                    .filter_map(|entry| entry.file_name().into_string().ok())
                    .filter_map(|file| {
                        let number = file.strip_prefix("f-")?.split('-').next()?.parse().ok()?;
                        Some((number, file))
                    })
                    .filter(|(number, _)| *number > covered)
                    .collect();
            fragments.sort();
            for (_, file) in fragments {
                let sealed = read(self.folder, &format!("rec/{name}/{file}"))?.unwrap_or_default();
                parts.extend(open(&self.identities, &sealed));
            }
            if !parts.is_empty() {
                found.push((name, parts));
            }
        }
        Ok(found)
    }
}

/// Proves a copy, and does with it what is asked.
///
/// # Errors
/// No finished copy, not for this centre, damaged state; an unknown handheld; a folder that cannot be
/// written. A damaged file is no error but a fault in the report.
pub fn add_copy(centre: &Centre, folder: &Path, acts: &CopyActs<'_>) -> Result<CopyReport> {
    let copy = opened(centre, folder, acts.escrow)?;
    let files = files_of(&copy.state);
    let mut faults = Vec::new();
    for file in files.values() {
        if !copy.stream(file, &mut |_| Ok(()))? {
            faults.push(file.path.clone());
        }
    }
    let running = copy.running()?;
    if let Some(device) = acts.address {
        address(centre, &copy, device)?;
    }
    if let Some(out) = acts.open {
        write_open(&copy, &files, &running, out)?;
        centre.record_act("copy-opened", &copy.label.case)?;
    }
    centre.record_act("copy-checked", &copy.label.case)?;
    Ok(CopyReport {
        case: copy.label.case,
        device: copy.state.device,
        kept_ms: copy.state.kept_ms,
        entries: copy.head.seq,
        head: copy.head.hash.to_string(),
        files: u64::try_from(files.len()).unwrap_or(u64::MAX),
        running: u64::try_from(running.len()).unwrap_or(u64::MAX),
        faults,
    })
}

/// `keys-<device>.age` into the copy: the case's keys to that handheld's package recipient.
fn address(centre: &Centre, copy: &Opened<'_>, device: &str) -> Result<()> {
    let unknown = || {
        Error::refused(
            "COPY-DEVICE",
            "没有这台手持机，或它已被吊销，或还没有检查人员登记。",
            "用 device list 核对编号。",
        )
    };
    let id = DeviceId::parse(device).map_err(|_| unknown())?;
    let row = centre.repo().device(id.as_str())?.filter(|row| row.revoked_ms.is_none());
    let recipient = row.and_then(|row| row.package_recipient).ok_or_else(unknown)?;
    let recipient = Recipient::from_str(&recipient).map_err(|_| Error::Stored("recipient"))?;
    let sealed = read(copy.folder, &format!("{}.keys.age", copy.label.case))?;
    let keys = open(&copy.identities, &sealed.unwrap_or_default())
        .ok_or_else(|| unusable("案卷密钥打不开"))?;
    let age = |e: &dyn std::fmt::Display| Error::Age(e.to_string());
    let to = std::iter::once(&recipient as &dyn age::Recipient);
    let mut shared = Vec::new();
    let mut writer = Encryptor::with_recipients(to)
        .map_err(|e| age(&e))?
        .wrap_output(&mut shared)
        .map_err(|e| age(&e))?;
    writer.write_all(&keys).map_err(|e| age(&e))?;
    writer.finish().map_err(|e| age(&e))?;
    put(copy.folder, &format!("keys-{id}.age"), &mut |file| file.write_all(&shared))?;
    centre.record_act("copy-addressed", &format!("{} {id}", copy.label.case))
}

fn put(
    folder: &Path,
    name: &str,
    write: &mut dyn FnMut(&mut File) -> std::io::Result<()>,
) -> Result<()> {
    let what = "write a file of a second copy";
    let path = folder.join(name);
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(Error::io(what))?;
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&path)
        .map_err(Error::io(what))?;
    write(&mut file).and_then(|()| file.sync_all()).map_err(Error::io(what))
}

/// Plain files with a list of hashes and a note that says what they are not.
fn write_open(
    copy: &Opened<'_>,
    files: &BTreeMap<String, Stored>,
    running: &[Running],
    out: &Path,
) -> Result<()> {
    if out.exists() {
        return Err(Error::refused("COPY-OUT", "输出目录已存在。", "请换一个目录。"));
    }
    let mut hashes: Vec<(String, Hash32)> = Vec::new();
    let mut journal = Vec::new();
    for line in &copy.state.lines {
        journal.extend_from_slice(line.as_bytes());
        journal.push(b'\n');
    }
    let name = "data/journal.jsonl".to_owned();
    put(out, &name, &mut |file| file.write_all(&journal))?;
    hashes.push((name, Hash32::sha256(&journal)));
    for stored in files.values().filter(|f| f.path != "data/journal.jsonl") {
        let mut whole = Zeroizing::new(Vec::new());
        let fits = copy.stream(stored, &mut |part| {
            whole.extend_from_slice(part);
            Ok(())
        })?;
        if fits {
            put(out, &stored.path, &mut |file| file.write_all(&whole))?;
            hashes.push((stored.path.clone(), Hash32::sha256(&whole)));
        }
    }
    for (name, parts) in running {
        let path = format!("data/media/{name}");
        if !is_payload_path(&path) || files.contains_key(&path) {
            continue;
        }
        let mut hash = DualHash::new();
        put(out, &path, &mut |file| parts.iter().try_for_each(|part| file.write_all(part)))?;
        parts.iter().for_each(|part| hash.update(part));
        hashes.push((path, hash.finish().sha256));
    }
    let note = json!({
        "schema": "spotcheck-rescued/1", "case": copy.label.case, "from_device": copy.state.device,
        "kept_ms": copy.state.kept_ms, "entries": copy.head.seq, "signed": false,
        "note": "由第二副本恢复，未封存、未签名：不是证据包",
    });
    let note = serde_json::to_vec_pretty(&note).map_err(|_| Error::Stored("note"))?;
    put(out, "RESCUED.json", &mut |file| file.write_all(&note))?;
    let list = hashes.iter().map(|(path, hash)| (path.as_str(), *hash)).collect();
    let list = manifest(list).map_err(|_| unusable("文件名不合规定"))?;
    put(out, "manifest-sha256.txt", &mut |file| file.write_all(list.as_bytes()))
}
