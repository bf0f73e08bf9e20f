//! A second copy with its state opened: what is in it, proven and read in a stream.
//!
//! Nothing of a recording is held whole: a blob is hashed in one pass over its file and decrypted in a second,
//! chunk by chunk. A long video of a handheld that is gone is larger than the memory of a small server.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::str::FromStr;

use age::Decryptor;
use age::x25519::Identity;
use ring::digest;
use serde::Deserialize;
use serde_json::Value;
use spotcheck_domain::CaseId;
use spotcheck_evidence::bag::is_payload_path;
use spotcheck_evidence::journal::{ChainHead, verify_chain};
use spotcheck_evidence::{DualHash, Hash32};
use spotcheck_wire::copies::{COPY_LABEL, COPY_SCHEMA, CopyLabel, MAX_FILE_BYTES};
use spotcheck_wire::rescue::blob_file;
use zeroize::Zeroizing;

use crate::centre::Centre;
use crate::intake::intake_identities;
use crate::{Error, Result};

/// What `spotcheck` writes as the state of a case; later majors are refused.
pub(super) const STATE_SCHEMA: &str = "spotcheck-case-state/1";
/// The same of what was captured at the door: no journal, no values.
pub(super) const DOOR_SCHEMA: &str = "spotcheck-door-state/1";
/// What was captured before a journal could name it.
const EARLY_FILE: &str = "early.age";
/// How a recording ended, until a journal names it: hashes and times.
const OUTCOME: &str = "outcome.json";
/// Bytes of plaintext in memory.
const CHUNK_BYTES: usize = 64 << 10;

#[derive(Deserialize)]
pub(super) struct State {
    pub(super) schema: String,
    pub(super) case: String,
    pub(super) device: String,
    pub(super) kept_ms: i64,
    pub(super) lines: Vec<String>,
    pub(super) values: Vec<(String, String, String)>,
}

/// A file as the handheld's stored values describe it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Stored {
    pub(super) path: String,
    sha256: String,
    size: u64,
    blobs: Vec<Segment>,
}

#[derive(Debug, Clone, Deserialize)]
struct Segment {
    ciphertext_sha256: String,
}

/// A recording that had not ended, or that no journal named yet.
pub(super) struct Running {
    /// Name of its file.
    pub(super) name: String,
    /// Files of the copy that it is made of, in order; each opens whole.
    parts: Vec<String>,
}

/// A copy that can be read.
pub(super) struct Opened<'a> {
    pub(super) folder: &'a Path,
    pub(super) identities: Vec<Identity>,
    pub(super) label: CopyLabel,
    pub(super) state: State,
    pub(super) head: ChainHead,
    /// `early.age` in the clear.
    pub(super) early: Option<Zeroizing<Vec<u8>>>,
}

pub(super) fn unusable(what: &'static str) -> Error {
    Error::refused(
        "COPY-UNUSABLE",
        format!("这份第二副本不能使用：{what}。"),
        "换另一份副本(U 盘或旁边的手持机)，或在手持机上再存一次。",
    )
}

pub(super) fn read(folder: &Path, name: &str) -> Result<Option<Vec<u8>>> {
    let Some(file) = there(folder, name)? else { return Ok(None) };
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES).read_to_end(&mut bytes).map_err(Error::io("read a second copy"))?;
    Ok(Some(bytes))
}

fn there(folder: &Path, name: &str) -> Result<Option<File>> {
    match File::open(folder.join(name)) {
        Ok(file) => Ok(Some(file)),
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(Error::io("read a second copy")(cause)),
    }
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

/// The escrow identity that two custodians put together.
pub(crate) fn escrow_identity(file: &Path) -> Result<Identity> {
    let text = std::fs::read_to_string(file).map_err(Error::io("read the escrow key"))?;
    let text = Zeroizing::new(text);
    Identity::from_str(text.trim()).map_err(|_| unusable("托管私钥文件不符合格式"))
}

pub(super) fn opened<'a>(
    centre: &Centre,
    folder: &'a Path,
    escrow: Option<&Path>,
) -> Result<Opened<'a>> {
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
    let sealed = read(folder, "state.age")?.ok_or_else(|| {
        Error::refused(
            "COPY-NO-STATE",
            "这份第二副本里只有加密文件，没有案卷状态，单凭它恢复不了案卷。",
            "副本不要删除。换另一份副本；原手持机还在时，在上面解锁一次再存，或用“救援导出”。",
        )
    })?;
    let plain = open(&identities, &sealed).ok_or_else(|| unusable("案卷状态打不开"))?;
    let state: State =
        serde_json::from_slice(&plain).map_err(|_| unusable("案卷状态不符合格式"))?;
    let known = match state.schema.as_str() {
        STATE_SCHEMA => true,
        DOOR_SCHEMA => state.lines.is_empty() && state.values.is_empty(),
        _ => false,
    };
    if !known || state.case != label.case || state.device != label.device {
        return Err(unusable("案卷状态与标签不符"));
    }
    let chain = verify_chain(state.lines.iter().map(String::as_bytes), ChainHead::START.hash)
        .map_err(|_| unusable("案卷日志链断开"))?;
    let early = match read(folder, EARLY_FILE)? {
        Some(sealed) => {
            Some(open(&identities, &sealed).ok_or_else(|| unusable("开案前的录制清单打不开"))?)
        }
        None => None,
    };
    Ok(Opened { folder, identities, label, state, head: chain.head, early })
}

impl Opened<'_> {
    /// True of what was captured at the door, before any case.
    pub(super) fn is_door(&self) -> bool {
        self.state.schema == DOOR_SCHEMA
    }

    /// Every file that is named by how a recording ended before a journal could name it, by the early items or by
    /// the values, by path; of two readings of a path the later one counts.
    pub(super) fn files(&self) -> Result<BTreeMap<String, Stored>> {
        let mut found = BTreeMap::new();
        for name in names(&self.folder.join("rec")) {
            let ended = read(self.folder, &format!("rec/{name}/{OUTCOME}"))?;
            if let Some(ended) = ended.and_then(|json| serde_json::from_slice(&json).ok()) {
                look(&ended, &mut found);
            }
        }
        let early = self.early.as_ref().and_then(|json| serde_json::from_slice(json).ok());
        let values = self.state.values.iter().filter_map(|(_, _, v)| serde_json::from_str(v).ok());
        early.into_iter().chain(values).for_each(|value: Value| look(&value, &mut found));
        Ok(found)
    }

    /// Gives the plaintext of an age file of the copy in chunks; `false` if it is missing or does not open to its
    /// end. What was given until then is authentic, and not all.
    fn pour(&self, name: &str, take: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<bool> {
        let Some(file) = there(self.folder, name)? else { return Ok(false) };
        let Ok(decryptor) = Decryptor::new_buffered(BufReader::new(file)) else { return Ok(false) };
        let identities = self.identities.iter().map(|i| i as &dyn age::Identity);
        let Ok(mut plain) = decryptor.decrypt(identities) else { return Ok(false) };
        let mut chunk = Zeroizing::new(vec![0_u8; CHUNK_BYTES]);
        loop {
            match plain.read(&mut chunk) {
                Ok(0) => return Ok(true),
                Ok(read) => take(chunk.get(..read).unwrap_or_default())?,
                Err(_) => return Ok(false),
            }
        }
    }

    /// True if a file of the copy has the hash that its name says.
    fn fits(&self, ciphertext_sha256: &str) -> Result<bool> {
        let Some(file) = there(self.folder, &blob_file(ciphertext_sha256))? else {
            return Ok(false);
        };
        let mut file = file.take(MAX_FILE_BYTES);
        let mut hash = digest::Context::new(&digest::SHA256);
        let mut chunk = vec![0_u8; CHUNK_BYTES];
        loop {
            match file.read(&mut chunk).map_err(Error::io("read a second copy"))? {
                0 => break,
                read => hash.update(chunk.get(..read).unwrap_or_default()),
            }
        }
        Ok(hex::encode(hash.finish()) == ciphertext_sha256)
    }

    /// Streams a file; `false` if it is not what the case says. Nothing of a blob that does not fit its hash is given.
    pub(super) fn stream(
        &self,
        file: &Stored,
        take: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<bool> {
        let mut hash = DualHash::new();
        for segment in &file.blobs {
            let name = &segment.ciphertext_sha256;
            let mut both = |part: &[u8]| {
                hash.update(part);
                take(part)
            };
            if !self.fits(name)? || !self.pour(&blob_file(name), &mut both)? {
                return Ok(false);
            }
        }
        let hashes = hash.finish();
        Ok(hashes.sha256.to_string() == file.sha256 && hashes.size == file.size)
    }

    /// Streams a recording that had not ended; returns its hash.
    pub(super) fn stream_running(
        &self,
        running: &Running,
        take: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<Hash32> {
        let mut hash = DualHash::new();
        for part in &running.parts {
            self.pour(part, &mut |plain| {
                hash.update(plain);
                take(plain)
            })?;
        }
        Ok(hash.finish().sha256)
    }

    /// Recordings that had not ended: segments, and the fragments after the last of them. What does not open to its
    /// end is left out.
    pub(super) fn running(&self) -> Result<Vec<Running>> {
        let mut found = Vec::new();
        for name in names(&self.folder.join("rec")) {
            let mut parts = Vec::new();
            let list = read(self.folder, &format!("rec/{name}/segments.jsonl"))?;
            let mut covered = 0_u64;
            for line in list.unwrap_or_default().split(|b| *b == b'\n') {
                let Ok(line) = serde_json::from_slice::<Value>(line) else { continue };
                let hash = line.pointer("/blob/ciphertext_sha256").and_then(Value::as_str);
                let Some(hash) = hash.filter(|hash| Hash32::parse(hash).is_some()) else {
                    continue;
                };
                let file = blob_file(hash);
                if self.fits(hash)? && self.pour(&file, &mut |_| Ok(()))? {
                    parts.push(file);
                    covered = line.get("last").and_then(Value::as_u64).unwrap_or(covered);
                }
            }
            let fragments = names(&self.folder.join("rec").join(&name)).into_iter();
            let mut fragments: Vec<(u64, String)> = fragments
                .filter_map(|file| {
                    let number = file.strip_prefix("f-")?.split('-').next()?.parse().ok()?;
                    Some((number, format!("rec/{name}/{file}")))
                })
                .filter(|(number, _)| *number > covered)
                .collect();
            fragments.sort();
            for (_, file) in fragments {
                if self.pour(&file, &mut |_| Ok(()))? {
                    parts.push(file);
                }
            }
            if !parts.is_empty() {
                found.push(Running { name, parts });
            }
        }
        Ok(found)
    }
}

/// Names in a folder, sorted; none if it is not there.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

/// Files in a value, however deep.
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
