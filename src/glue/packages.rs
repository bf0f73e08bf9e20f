//! Data packages on this handheld: found by `client`'s layout, believed by the centre's signature, opened by
//! `claims` with the key that `vault` unwraps.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use spotcheck_app::ports::{KeyRing, OpenedPackage, PackageOnDisk, Packages};
use spotcheck_claims::{Key, PackageManifest, PackageReader, check_package, file_states};
use spotcheck_client::{CURRENT, centre_signature};
use spotcheck_domain::time::parse_rfc3339;
use spotcheck_domain::{ClockReading, TaskId, Trouble, TroubleResult};
use spotcheck_evidence::Hash32;

const MANIFEST: &str = "package.json";
const SIGNATURE: &str = "package.json.p7s";

/// Packages below `DATA/packages`.
#[derive(Debug, Clone)]
pub(crate) struct PackageFolder {
    folder: PathBuf,
}

/// A manifest as it lies on disk.
struct Found {
    folder: PathBuf,
    bytes: Vec<u8>,
    manifest: PackageManifest,
}

fn refused(code: &str, message: &str, cause: impl std::fmt::Display) -> Trouble {
    Trouble::new(
        code,
        message,
        "数据包没有被打开，案卷和证据不受影响",
        "联网重新领取任务；仍不通过时联系中心",
    )
    .because(cause)
    .as_verdict()
}

fn unreadable(cause: std::io::Error) -> Trouble {
    refused("PACKAGE-READ", "数据包文件读不出来", cause)
}

impl PackageFolder {
    /// Packages below `folder`.
    pub(crate) const fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    fn found(&self, task: &TaskId) -> TroubleResult<Option<Found>> {
        let shelf = self.folder.join(task.as_str());
        let name = match fs::read_to_string(shelf.join(CURRENT)) {
            Ok(name) => name,
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(cause) => return Err(unreadable(cause)),
        };
        let name = name.trim_end();
        if !spotcheck_domain::id::is_plain_id(name) || name.starts_with('.') {
            return Err(refused("PACKAGE-READ", "数据包的指针文件不对", "pointer"));
        }
        let folder = shelf.join(name);
        let bytes = fs::read(folder.join(MANIFEST)).map_err(unreadable)?;
        let manifest = PackageManifest::parse(&bytes)?;
        Ok(Some(Found { folder, bytes, manifest }))
    }

    /// The folder of a task's package, after everything that an opening asks but for the key.
    pub(super) fn checked_folder(
        &self,
        task: &TaskId,
        keys: &dyn KeyRing,
        at: &ClockReading,
        checked: &str,
    ) -> TroubleResult<PathBuf> {
        Ok(self.checked(task, keys, at, checked)?.folder)
    }

    fn checked(
        &self,
        task: &TaskId,
        keys: &dyn KeyRing,
        at: &ClockReading,
        checked: &str,
    ) -> TroubleResult<Found> {
        let found = self.needed(task)?;
        believe(&found, task, keys, at)?;
        if fingerprint(&found.folder, &found)? != checked {
            return Err(refused("PACKAGE-UNCHECKED", "数据包在核验之后有变化", "fingerprint"));
        }
        Ok(found)
    }

    fn needed(&self, task: &TaskId) -> TroubleResult<Found> {
        let none = || refused("PACKAGE-NONE", "这项任务的数据包还没有下载", "no pointer");
        self.found(task)?.ok_or_else(none)
    }
}

/// Signature, task and time: what is looked at before every opening.
fn believe(
    found: &Found,
    task: &TaskId,
    keys: &dyn KeyRing,
    at: &ClockReading,
) -> TroubleResult<()> {
    let enrolment = keys.enrolment()?.ok_or_else(|| {
        refused("PACKAGE-TRUST", "手持机还没有登记，无法核验数据包", "not enrolled")
    })?;
    let p7s = fs::read(found.folder.join(SIGNATURE)).map_err(unreadable)?;
    let judged = at.wall_ms.max(spotcheck_device::clock::build_time_ms());
    centre_signature(&found.bytes, &p7s, &enrolment.roots, &[], judged)
        .map_err(|cause| refused("PACKAGE-SIGNATURE", "数据包不是中心签发的，或被改动过", cause))?;
    if &found.manifest.task != task {
        return Err(refused("PACKAGE-TASK", "数据包属于另一项任务", "task"));
    }
    in_period(&found.manifest.valid_from, &found.manifest.valid_until, judged)
}

/// An end that cannot be read is over, a beginning that cannot be read has not come.
fn in_period(valid_from: &str, valid_until: &str, judged_ms: i64) -> TroubleResult<()> {
    let from = parse_rfc3339(valid_from).unwrap_or(i64::MAX);
    let until = parse_rfc3339(valid_until).unwrap_or(0);
    if (from..=until).contains(&judged_ms) {
        return Ok(());
    }
    Err(refused("PACKAGE-PERIOD", "数据包不在有效期内", "validity"))
}

/// The raw key of the package, unwrapped for this handheld.
fn key(found: &Found, keys: &mut dyn KeyRing) -> TroubleResult<Key> {
    let enrolment = keys.enrolment()?;
    let device = enrolment.map(|e| e.device);
    let wrapped = device.as_ref().and_then(|device| found.manifest.wrapped_key(device));
    let wrapped = wrapped
        .ok_or_else(|| refused("PACKAGE-RECIPIENT", "数据包不是发给这台手持机的", "recipient"))?;
    keys.unwrap_package_key(&binary(wrapped)?)
}

/// Armour is base64 between two lines of dashes.
fn binary(armoured: &str) -> TroubleResult<Vec<u8>> {
    let body: String = armoured.lines().filter(|line| !line.starts_with("-----")).collect();
    base64::engine::general_purpose::STANDARD
        .decode(body)
        .map_err(|cause| refused("PACKAGE-RECIPIENT", "数据包的密钥读不出来", cause))
}

/// What identifies the files on disk: size, time, inode, and the hashes of the signed manifest.
fn fingerprint(folder: &Path, found: &Found) -> TroubleResult<String> {
    let states = file_states(folder, &found.manifest)?;
    let states = serde_json::to_vec(&states)
        .map_err(|cause| refused("PACKAGE-READ", "数据包文件读不出来", cause))?;
    Ok(Hash32::sha256(&[states.as_slice(), &found.bytes].concat()).to_string())
}

impl Packages for PackageFolder {
    fn handle(&self) -> Box<dyn Packages> {
        Box::new(self.clone())
    }

    fn find(&mut self, task: &TaskId) -> TroubleResult<Option<PackageOnDisk>> {
        let Some(found) = self.found(task)? else { return Ok(None) };
        let manifest = &found.manifest;
        Ok(Some(PackageOnDisk {
            id: manifest.package.clone(),
            sha256: Hash32::sha256(&found.bytes).to_string(),
            size: manifest.size(),
            valid_from: manifest.valid_from.clone(),
            valid_until: manifest.valid_until.clone(),
            cutoff: manifest.cutoff.get("fee_list_d").cloned(),
            fingerprint: fingerprint(&found.folder, &found)?,
        }))
    }

    fn check(
        &mut self,
        task: &TaskId,
        keys: &mut dyn KeyRing,
        at: &ClockReading,
    ) -> TroubleResult<()> {
        let found = self.needed(task)?;
        believe(&found, task, keys, at)?;
        let key = key(&found, keys)?;
        check_package(&found.folder, &found.manifest, &key)?;
        Ok(())
    }

    fn open(
        &mut self,
        task: &TaskId,
        keys: &mut dyn KeyRing,
        at: &ClockReading,
        checked: &str,
    ) -> TroubleResult<OpenedPackage> {
        let found = self.checked(task, keys, at, checked)?;
        let key = key(&found, keys)?;
        let reader = PackageReader::open(&found.folder, &found.manifest, &key)?;
        Ok(OpenedPackage {
            id: found.manifest.package.clone(),
            sha256: Hash32::sha256(&found.bytes).to_string(),
            reader: Box::new(reader),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests may panic")]

    use super::*;

    /// claims.md §2: a package past its validity is refused as a verdict, to the millisecond.
    #[test]
    fn a_package_counts_from_its_first_to_its_last_millisecond() {
        let (from, until) = ("2026-11-01T00:00:00.000+08:00", "2026-12-01T00:00:00.000+08:00");
        let (first, last) = (parse_rfc3339(from).unwrap(), parse_rfc3339(until).unwrap());
        for good in [first, last] {
            in_period(from, until, good).unwrap();
        }
        for bad in [first.saturating_sub(1), last.saturating_add(1), 0] {
            let trouble = in_period(from, until, bad).unwrap_err();
            assert_eq!((trouble.code.as_str(), trouble.verdict), ("PACKAGE-PERIOD", true));
        }
        for (from, until) in [("", until), (from, ""), ("tomorrow", "never"), (until, from)] {
            assert!(in_period(from, until, first.saturating_add(1)).is_err());
        }
    }
}
