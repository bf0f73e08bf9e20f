//! A blob that is damaged here, from where the second copies of this handheld lie.

use std::sync::{Mutex, PoisonError};

use spotcheck_app::copies::link_keys;
use spotcheck_app::ports::{CopyFolder, KeyRing};
use spotcheck_client::{PartnerLink, copy_folder_name};
use spotcheck_domain::{CaseId, ClockReading, TroubleResult};
use spotcheck_vault::{FolderCopy, Spare};

use super::{CopyRoom, address};

/// A handheld nearby that did not answer is not asked again for so long, in milliseconds: whoever reads a damaged
/// file must not wait for it at every blob.
const SILENCE_MS: i64 = 60_000;

/// The planned folder first, then the handheld nearby.
pub(crate) struct SpareBlobs {
    room: CopyRoom,
    silent_since: Mutex<Option<ClockReading>>,
}

impl SpareBlobs {
    pub(crate) const fn new(room: CopyRoom) -> Self {
        Self { room, silent_since: Mutex::new(None) }
    }

    fn folder_has(&self, case: &CaseId, name: &str) -> Option<Vec<u8>> {
        let folder = self.room.folder_of(&self.room.plan_now()).ok()??;
        let folder = folder.join(copy_folder_name(case.as_str()));
        FolderCopy::open(&folder).ok()?.get(name).ok()?
    }

    fn peer_has(&self, keys: &dyn KeyRing, case: &CaseId, name: &str) -> Option<Vec<u8>> {
        let peer = self.room.plan_now().peer?;
        let now = self.room.clock.read();
        let mut silent = self.silent_since.lock().unwrap_or_else(PoisonError::into_inner);
        if silent.as_ref().is_some_and(|since| {
            since.boot_id == now.boot_id
                && now.boottime_ms.saturating_sub(since.boottime_ms) < SILENCE_MS
        }) {
            return None;
        }
        let asked = (|| -> TroubleResult<Option<Vec<u8>>> {
            let keys = link_keys(keys)?;
            let at = address(&peer, "peer")?;
            PartnerLink::connect(at, &keys.identity, &keys.roots)?.folder(case).get(name)
        })();
        match asked {
            Ok(found) => {
                *silent = None;
                found
            }
            Err(trouble) => {
                tracing::warn!(code = %trouble.code, "The handheld nearby could not be asked for a blob.");
                *silent = Some(now);
                None
            }
        }
    }
}

impl Spare for SpareBlobs {
    fn blob(&self, keys: &dyn KeyRing, case: &CaseId, name: &str) -> Option<Vec<u8>> {
        self.folder_has(case, name).or_else(|| self.peer_has(keys, case, name))
    }
}
