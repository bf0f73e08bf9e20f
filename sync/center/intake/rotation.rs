//! Another intake key, and the end of an old one.
//!
//! A handheld seals what it captures for the intake key that it was told of, and a case keeps the key it was begun with
//! (`src/vault`), so an old key is needed for as long as a case under it may still come. Handhelds say at each pull
//! which keys something on them is sealed for; a key ends only when none of them names it. What was received keeps
//! opening: the identity of its case, which opens the same blobs, takes the key's place.

use std::collections::BTreeMap;
use std::str::FromStr;

use age::x25519::Identity;
use serde::{Deserialize, Serialize};
use spotcheck_wire::bundles::{Announcement, BundleState};
use spotcheck_wire::tasks::UNKNOWN_INTAKE;
use zeroize::Zeroizing;

use super::{
    CURRENT, IDENTITY, identity_setting, intake_id, intake_identities, new_identity, pending_escrow,
};
use crate::bundles::{open_blob, open_small};
use crate::centre::Centre;
use crate::repository::Device;
use crate::{Error, Result};

const TOLD: &str = "intake.told.";
const MADE: &str = "intake.made.";
const ENDED: &str = "intake.ended.";
const RETIRED: &str = "intake.retired.";
/// Keys that one handheld can name at once.
const MOST_NAMED: usize = 64;

pub(super) fn case_setting(bundle: &str) -> String {
    format!("intake.case.{bundle}")
}

/// Where an intake key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IntakeState {
    /// New cases are sealed for it.
    Current,
    /// Kept, to open what was sealed for it.
    Kept,
    /// Its private half is gone.
    Retired,
}

/// An intake key and who still needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IntakeKey {
    /// `intake-…`.
    pub id: String,
    /// Where it stands.
    pub state: IntakeState,
    /// When it was made, milliseconds since the epoch; not known of the first one.
    pub made_ms: Option<i64>,
    /// When the next one took its place.
    pub ended_ms: Option<i64>,
    /// Handhelds that hold, or may hold, something sealed for it.
    pub handhelds: Vec<String>,
    /// Announced bundles with blobs for it that are not received.
    pub pending: Vec<String>,
    /// Received bundles that only this key opens here: taken in as a ZIP, or their case's keys do not open.
    pub bound: Vec<String>,
}

/// What a handheld said last, as stored.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Told {
    keys: Vec<String>,
}

fn time(centre: &Centre, prefix: &str, id: &str) -> Result<Option<i64>> {
    let stored = centre.repo().setting(&format!("{prefix}{id}"))?;
    let text = stored.map(|bytes| String::from_utf8(bytes).unwrap_or_default());
    text.map(|text| text.parse().map_err(|_| Error::Stored("time of an intake key"))).transpose()
}

fn put_time(centre: &Centre, prefix: &str, id: &str) -> Result<()> {
    let now = centre.now_ms().to_string();
    centre.repo().put_setting(&format!("{prefix}{id}"), now.as_bytes())
}

/// Makes another intake key and puts it in force; gives its id. Handhelds learn it at their next pull, and every enrolment
/// and renewal carries it. The old one stays to open what was sealed for it. The act is written down.
///
/// # Errors
/// Refused while the escrow key still lies in this database: nobody could open what is sealed for a key that is lost with it.
pub fn rotate(centre: &Centre) -> Result<String> {
    if pending_escrow(centre.repo())?.is_some() {
        return Err(Error::refused(
            "INTAKE-ESCROW",
            "托管私钥还在中心的数据库里，没有发给保管人，不更换接收密钥。",
            "新密钥只在这个数据库里：先用 escrow export 把分片发给保管人，再更换。",
        ));
    }
    let old = centre.recipients()?.intake_id;
    let public = new_identity(centre.repo())?;
    let id = intake_id(&public);
    put_time(centre, MADE, &id)?;
    centre.repo().put_setting(CURRENT, public.as_bytes())?;
    put_time(centre, ENDED, &old)?;
    centre.record_act("intake-key-rotated", &id)?;
    Ok(id)
}

/// The key ids of a comma-separated list; `None` if it is none.
#[must_use]
pub fn named_keys(text: &str) -> Option<Vec<&str>> {
    let keys: Vec<&str> = text.split(',').collect();
    let plain = |id: &&str| spotcheck_domain::id::is_plain_id(id) && id.len() <= 64;
    (keys.len() <= MOST_NAMED && keys.iter().all(plain)).then_some(keys)
}

/// Keeps what a handheld said about the keys that something on it is sealed for.
///
/// # Errors
/// Those of the database.
pub fn hear(centre: &Centre, device: &str, keys: &[&str]) -> Result<()> {
    let told = Told { keys: keys.iter().map(|id| (*id).to_owned()).collect() };
    let name = format!("{TOLD}{device}");
    // Pulls are many and changes few: nothing is written for nothing.
    if said(centre, device)?.as_ref() == Some(&told) {
        return Ok(());
    }
    let bytes =
        serde_json::to_vec(&told).map_err(|_| Error::Stored("intake keys of a handheld"))?;
    centre.repo().put_setting(&name, &bytes)
}

fn said(centre: &Centre, device: &str) -> Result<Option<Told>> {
    let stored = centre.repo().setting(&format!("{TOLD}{device}"))?;
    let read = |bytes: Vec<u8>| {
        serde_json::from_slice(&bytes).map_err(|_| Error::Stored("intake keys of a handheld"))
    };
    stored.map(read).transpose()
}

/// True unless the handheld said that nothing on it is sealed for the key, or came after the key had ended.
fn may_hold(centre: &Centre, device: &Device, id: &str, ended_ms: Option<i64>) -> Result<bool> {
    Ok(match said(centre, &device.id)? {
        Some(told) => told.keys.iter().any(|key| key == id || key == UNKNOWN_INTAKE),
        None => ended_ms.is_none_or(|ended| device.created_ms <= ended),
    })
}

fn names(announcement: &Announcement, id: &str) -> bool {
    announcement.files.iter().flat_map(|file| &file.blobs).any(|blob| blob.intake_id == id)
}

/// Only this member is read: the database key in the same file is nobody's business here.
#[derive(Deserialize)]
struct CaseKeys {
    identity: String,
}

/// The identity of the bundle's case, if it opens every blob that is sealed for the key.
fn instead(
    centre: &Centre,
    announcement: &Announcement,
    id: &str,
) -> Result<Option<Zeroizing<String>>> {
    let keys = intake_identities(centre.repo(), id)?;
    let Some(plain) = open_small(&keys, &announcement.case_keys) else { return Ok(None) };
    let Ok(keys) = serde_json::from_slice::<CaseKeys>(&plain) else { return Ok(None) };
    let secret = Zeroizing::new(keys.identity);
    let Ok(identity) = Identity::from_str(&secret) else { return Ok(None) };
    let blobs = announcement.files.iter().flat_map(|file| &file.blobs);
    for blob in blobs.filter(|blob| blob.intake_id == id) {
        if open_blob(centre, &blob.ciphertext_sha256, &identity)?.is_none() {
            return Ok(None);
        }
    }
    Ok(Some(secret))
}

/// Received bundles with blobs for a key, and what opens each in its place.
type Received = BTreeMap<String, Option<Zeroizing<String>>>;

/// Bundles with blobs for a key: those not received, and the received ones.
fn bundles(centre: &Centre, id: &str) -> Result<(Vec<String>, Received)> {
    let (mut pending, mut received) = (Vec::new(), Received::new());
    for line in centre.repo().bundles()? {
        let Some(row) = centre.repo().bundle(&line.bundle)? else { continue };
        if !names(&row.announcement, id) {
            continue;
        }
        if row.state == BundleState::Received {
            received.insert(line.bundle, instead(centre, &row.announcement, id)?);
        } else {
            pending.push(line.bundle);
        }
    }
    pending.sort();
    Ok((pending, received))
}

fn key(centre: &Centre, id: &str, current: &str) -> Result<(IntakeKey, Received)> {
    let ended_ms = time(centre, ENDED, id)?;
    let mut handhelds = Vec::new();
    for device in centre.repo().devices()? {
        if may_hold(centre, &device, id, ended_ms)? {
            handhelds.push(device.id);
        }
    }
    let (pending, received) = bundles(centre, id)?;
    let bound = received.iter().filter(|(_, open)| open.is_none()).map(|(id, _)| id.clone());
    let key = IntakeKey {
        id: id.to_owned(),
        state: if id == current { IntakeState::Current } else { IntakeState::Kept },
        made_ms: time(centre, MADE, id)?,
        ended_ms,
        handhelds,
        pending,
        bound: bound.collect(),
    };
    Ok((key, received))
}

/// All intake keys that there ever were, the oldest first, and who needs them.
///
/// # Errors
/// Those of the database.
pub fn intake_keys(centre: &Centre) -> Result<Vec<IntakeKey>> {
    let current = centre.recipients()?.intake_id;
    let mut keys = Vec::new();
    for (name, _) in centre.repo().settings_under(IDENTITY)? {
        keys.push(key(centre, name.trim_start_matches(IDENTITY), &current)?.0);
    }
    for (name, _) in centre.repo().settings_under(RETIRED)? {
        let id = name.trim_start_matches(RETIRED).to_owned();
        keys.push(IntakeKey {
            state: IntakeState::Retired,
            made_ms: time(centre, MADE, &id)?,
            ended_ms: time(centre, ENDED, &id)?,
            id,
            handhelds: Vec::new(),
            pending: Vec::new(),
            bound: Vec::new(),
        });
    }
    keys.sort_by(|a, b| (a.made_ms, &a.id).cmp(&(b.made_ms, &b.id)));
    Ok(keys)
}

/// What ending a key did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Retired {
    /// The key.
    pub id: String,
    /// Received bundles that the identity of their case opens from now on.
    pub bundles: Vec<String>,
}

/// Destroys the private half of an old intake key. Handhelds in `lost` do not count: somebody says that nothing comes from them
/// any more; what does come is opened by escrow alone. The act is written down.
///
/// # Errors
/// Refused for the present key, and while a handheld or an announced bundle may need it; no such key.
pub fn retire(centre: &Centre, id: &str, lost: &[String]) -> Result<Retired> {
    let current = centre.recipients()?.intake_id;
    if id == current {
        return Err(Error::refused(
            "INTAKE-CURRENT",
            "这是现用的接收密钥，不能停用。",
            "先用 key rotate 更换，等手持机都用上新密钥。",
        ));
    }
    if centre.repo().setting(&identity_setting(id))?.is_none() {
        return Err(Error::NotFound { what: "intake key", zh: "接收密钥" });
    }
    let (key, received) = key(centre, id, &current)?;
    let waiting: Vec<&str> =
        key.handhelds.iter().filter(|device| !lost.contains(device)).map(String::as_str).collect();
    let mut reasons = Vec::new();
    if !waiting.is_empty() {
        reasons.push(format!("手持机 {} 上可能还有用它加密的案卷", waiting.join("、")));
    }
    if !key.pending.is_empty() {
        reasons.push(format!("证据包 {} 还没有接收", key.pending.join("、")));
    }
    if !key.bound.is_empty() {
        reasons.push(format!("证据包 {} 只有它能打开", key.bound.join("、")));
    }
    if !reasons.is_empty() {
        return Err(Error::refused(
            "INTAKE-IN-USE",
            format!("接收密钥 {id} 还不能停用：{}。", reasons.join("；")),
            "等手持机传完、清除案卷并再同步一次。确定不会再回来的手持机用 --lost 写明。",
        ));
    }
    // Its case's identity first: at no moment is there a bundle that nothing here opens.
    for (bundle, secret) in &received {
        let secret = secret.as_ref().ok_or(Error::Stored("keys of a case"))?;
        centre.repo().put_setting(&case_setting(bundle), secret.as_bytes())?;
    }
    put_time(centre, RETIRED, id)?;
    centre.repo().remove_setting(&identity_setting(id))?;
    let subject =
        if lost.is_empty() { id.to_owned() } else { format!("{id} without {}", lost.join(",")) };
    centre.record_act("intake-key-retired", &subject)?;
    Ok(Retired { id: id.to_owned(), bundles: received.into_keys().collect() })
}
