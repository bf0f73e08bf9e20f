//! What second copies need: folders they lie in, and what is kept beside a case for them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use spotcheck_domain::{BundleId, CaseId, DeviceId, Trouble, TroubleResult};

use super::{Blob, RescueFolder};
use crate::copies::LinkKeys;
use crate::findings::Stick;

/// A folder that holds, or is to hold, the second copy of one case: on a stick, or at a handheld nearby.
/// Names are plain, or `rec/<recording>/<file>`.
pub trait CopyFolder: Send {
    /// What is there, with sizes.
    fn names(&mut self) -> TroubleResult<BTreeMap<String, u64>>;
    /// A file; `None` if it is not there.
    fn get(&mut self, name: &str) -> TroubleResult<Option<Vec<u8>>>;
    /// Writes a file whole and durable, or not at all.
    fn put(&mut self, name: &str, bytes: &[u8]) -> TroubleResult<()>;
    /// Removes files that the copy does not need any more.
    fn remove(&mut self, names: &[String]) -> TroubleResult<()>;
}

/// A handheld that holds second copies for this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Partner {
    /// The handheld.
    pub device: DeviceId,
    /// Its package recipient, `age1…`.
    pub recipient: String,
}

/// The newest copy of a case, anywhere.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Copied {
    /// When it was finished, unix milliseconds.
    pub at_ms: i64,
    /// Where: a folder, or a handheld's address.
    pub place: String,
    /// Encrypted files that it holds.
    pub files: BTreeSet<String>,
}

/// A case that is to be copied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chosen {
    /// The case.
    pub case: CaseId,
    /// Its bundle, by which whoever holds the copy can ask the centre; the arrival case has none yet.
    pub bundle: Option<BundleId>,
}

/// A case of this handheld whose copies are to go: the centre has its bundle, and here is the proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Released {
    /// The case.
    pub case: CaseId,
    /// Its bundle.
    pub bundle: BundleId,
    /// `receipts/center.entry.json` bytes as text.
    pub entry: String,
    /// `receipts/center.tlog-proof`.
    pub proof: String,
    /// Its keys were destroyed here.
    pub shredded: bool,
}

/// A copy that this handheld holds for another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldCopy {
    /// The handheld whose case it is.
    pub device: DeviceId,
    /// The case.
    pub case: CaseId,
    /// Its bundle, where the copy's label names it.
    pub bundle: Option<BundleId>,
}

/// How a handheld learned that a copy it holds is not needed any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Heard {
    /// The handheld whose case it is showed the receipt.
    Receipt,
    /// The same, and that it destroyed the keys of the case.
    Shred,
    /// The centre showed the receipt.
    Centre,
}

impl Heard {
    /// The word of the device journal.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Receipt => "receipt",
            Self::Shred => "shred",
            Self::Centre => "centre",
        }
    }
}

/// A copy held for another handheld that was dropped, until the device journal says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dropped {
    /// The handheld whose case it was.
    pub device: DeviceId,
    /// The case.
    pub case: CaseId,
    /// Its bundle.
    pub bundle: BundleId,
    /// How it was learned.
    pub heard: Heard,
}

/// Where second copies go, and whether copies of others are kept: chosen in the window, or configured.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CopyPlan {
    /// A folder on another medium, e.g. a stick.
    pub folder: Option<String>,
    /// The folder is a stick that may be pulled out: without it nothing is written there.
    pub stick: bool,
    /// `host:port` of a handheld nearby.
    pub peer: Option<String>,
    /// `address:port` on which this handheld keeps copies for others.
    pub listen: Option<String>,
}

/// What of a [`CopyPlan`] a round was about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyPlace {
    /// The folder.
    Folder,
    /// The handheld nearby.
    Peer,
    /// Keeping copies for others.
    Listen,
}

/// How the last round to a place went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyRound {
    /// Which one.
    pub place: CopyPlace,
    /// When, unix milliseconds.
    pub at_ms: i64,
    /// Cases that were copied, or why not all were.
    pub done: Result<u32, Trouble>,
}

/// A copy that a case of another handheld can go on from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundCopy {
    /// The handheld whose case it is.
    pub device: String,
    /// The case.
    pub case: CaseId,
    /// When it was finished, RFC 3339.
    pub copied: Option<String>,
    /// Its folder.
    pub folder: String,
    /// The stick that it lies on; `None`: this handheld holds it.
    pub stick: Option<String>,
}

/// A rescue export to one place.
pub trait ExportRoom {
    /// The folder of a sealed bundle.
    ///
    /// # Errors
    /// It cannot be made.
    fn bundle(&mut self, bundle: &BundleId) -> TroubleResult<Box<dyn RescueFolder>>;
    /// Cases as they lie, databases included.
    ///
    /// # Errors
    /// One that could not be exported whole, after the others.
    fn cases(&mut self, keys: &LinkKeys, cases: &[Chosen]) -> TroubleResult<()>;
}

/// What is kept beside a case for its second copy (evidence.md §1). The copying itself needs neither desk
/// nor unlocking; it is done beside it. Implemented in the composition root over `vault` and `client`.
pub trait Copies: Send {
    /// True where a second copy is configured: then it is made without being asked for.
    fn configured(&self) -> bool;
    /// Keeps a sealed file beside the case, whole and durable, for the next copy.
    fn keep(&mut self, case: &CaseId, name: &str, sealed: &[u8]) -> TroubleResult<()>;
    /// Which cases are to be copied from now on.
    fn choose(&mut self, cases: &[Chosen]) -> TroubleResult<()>;
    /// Which cases have their receipt: whoever holds a copy of one is told at the next round.
    fn release(&mut self, cases: &[Released]) -> TroubleResult<()>;
    /// Handhelds that hold copies for this one.
    fn partners(&mut self) -> TroubleResult<Vec<Partner>>;
    /// The newest copy of a case.
    fn copied(&mut self, case: &CaseId) -> TroubleResult<Option<Copied>>;
    /// Brings blobs and the recordings named home into the folder of a case, checked by their hashes;
    /// returns how many recordings are not named and were left out.
    fn bring(
        &mut self,
        case: &CaseId,
        from: &mut dyn CopyFolder,
        recordings: &BTreeSet<String>,
    ) -> TroubleResult<u32>;
    /// True if an encrypted file of the case lies here.
    fn holds(&mut self, case: &CaseId, blob: &Blob) -> TroubleResult<bool>;
    /// Removes every file here that holds keys of the case outside the key database, and what this handheld
    /// holds of it for others: part of destroying the case's keys.
    fn forget(&mut self, case: &CaseId) -> TroubleResult<()>;

    /// Copies that this handheld holds for others.
    fn held(&mut self) -> TroubleResult<Vec<HeldCopy>>;
    /// Drops one of them: files and keys. Durably written down first, so that a kill in between neither
    /// keeps the copy nor the journal's line from being made.
    fn drop_held(&mut self, dropped: &Dropped) -> TroubleResult<()>;
    /// What was dropped and not journaled yet.
    fn dropped(&mut self) -> TroubleResult<Vec<Dropped>>;
    /// The device journal says it now.
    fn journaled(&mut self, dropped: &Dropped) -> TroubleResult<()>;

    /// Where copies go.
    fn plan(&mut self) -> TroubleResult<CopyPlan>;
    /// Where they go from now on; whoever copies beside the desk goes there at once.
    fn set_plan(&mut self, plan: &CopyPlan) -> TroubleResult<()>;
    /// How the last rounds of this program went.
    fn rounds(&mut self) -> Vec<CopyRound>;
    /// Addresses of this handheld in its networks, loopback left out.
    fn addresses(&mut self) -> Vec<String>;
    /// Copies of open cases that are held here or lie on these sticks.
    fn found(&mut self, sticks: &[Stick]) -> TroubleResult<Vec<FoundCopy>>;
    /// One of them.
    fn open_found(&mut self, copy: &FoundCopy) -> TroubleResult<Box<dyn CopyFolder>>;
    /// A rescue export into a folder that is there.
    fn export_to(&mut self, folder: &str) -> TroubleResult<Box<dyn ExportRoom>>;
}
