//! Where copies go: what an officer chose in the window lies in `DATA/copies/plan.json` and wins over device.toml.
//!
//! Also what the window tells of it: how the last rounds went, addresses of this handheld, copies to go on from.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use spotcheck_app::copies::LinkKeys;
use spotcheck_app::findings::Stick;
use spotcheck_app::ports::{
    Chosen, CopyFolder, CopyPlace, CopyPlan, CopyRound, ExportRoom, Exports as _, FoundCopy,
    RescueFolder,
};
use spotcheck_domain::{BundleId, CaseId, TroubleResult};
use spotcheck_vault::FolderCopy;

use super::shelf::{copies_in, label_of};
use super::{COPIES, CopyRoom, trouble};
use crate::glue::{RescueDir, Who};

const PLAN: &str = "plan.json";

/// How the last rounds of this program went, one a place, and word of a new plan; clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct LastRounds(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    rounds: Mutex<Vec<CopyRound>>,
    /// How often there was news; whoever rests says which news it has heard.
    news: Mutex<u64>,
    planned: Condvar,
}

impl LastRounds {
    fn all(&self) -> std::sync::MutexGuard<'_, Vec<CopyRound>> {
        self.0.rounds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Which news there was; asked for before the plan is read, so that none is missed.
    pub(super) fn news(&self) -> u64 {
        *self.0.news.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sleeps so long, or until there is other news than `heard`.
    pub(super) fn rest(&self, heard: u64, at_most: Duration) {
        let news = self.0.news.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.0.planned.wait_timeout_while(news, at_most, |news| *news == heard));
    }

    /// There is another plan, or somebody is done.
    pub(super) fn wake(&self) {
        let mut news = self.0.news.lock().unwrap_or_else(PoisonError::into_inner);
        *news = news.wrapping_add(1);
        drop(news);
        self.0.planned.notify_all();
    }

    pub(super) fn now(&self) -> Vec<CopyRound> {
        self.all().clone()
    }

    pub(super) fn went(&self, place: CopyPlace, at_ms: i64, done: &TroubleResult<usize>) {
        let done = match done {
            Ok(count) => Ok(u32::try_from(*count).unwrap_or(u32::MAX)),
            Err(trouble) => Err(trouble.clone()),
        };
        self.forget(place);
        self.all().push(CopyRound { place, at_ms, done });
    }

    pub(super) fn forget(&self, place: CopyPlace) {
        self.all().retain(|round| round.place != place);
    }
}

impl CopyRoom {
    /// Where copies go now. A plan that cannot be read is none: then it is as configured.
    pub(super) fn plan_now(&self) -> CopyPlan {
        let stored = std::fs::read(self.data.join(COPIES).join(PLAN)).ok();
        stored.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_else(|| CopyPlan {
            folder: self.config.folder.as_ref().map(|f| f.display().to_string()),
            stick: false,
            peer: self.config.peer.clone(),
            listen: self.config.listen.clone(),
        })
    }

    pub(super) fn store_plan(&self, plan: &CopyPlan) -> TroubleResult<()> {
        let before = self.plan_now();
        self.write(PLAN, plan)?;
        self.rounds.wake();
        for (place, changed) in [
            (CopyPlace::Folder, before.folder != plan.folder),
            (CopyPlace::Peer, before.peer != plan.peer),
            (CopyPlace::Listen, before.listen != plan.listen),
        ] {
            if changed {
                self.rounds.forget(place);
            }
        }
        Ok(())
    }

    /// The planned folder, if it is there to be written: without the stick its name would lead to this handheld's
    /// own storage, and a copy there is none.
    pub(super) fn folder_of(&self, plan: &CopyPlan) -> TroubleResult<Option<PathBuf>> {
        let Some(folder) = &plan.folder else { return Ok(None) };
        let gone = || {
            let cause = "not mounted";
            trouble("COPY-STICK-GONE", "存第二副本的 U 盘不在", "插回 U 盘，或另选一个", cause)
        };
        let there = !plan.stick || self.sticks.clone().sticks()?.iter().any(|s| s.place == *folder);
        if there { Ok(Some(PathBuf::from(folder))) } else { Err(gone()) }
    }

    pub(super) fn found_copies(&self, sticks: &[Stick]) -> Vec<FoundCopy> {
        let held = self.shelf().into_iter().map(|(_, case, folder)| (None, case, folder));
        let on_sticks = sticks.iter().flat_map(|stick| {
            let copies = copies_in(Path::new(&stick.place)).into_iter();
            copies.map(move |(case, folder)| (Some(stick.name.clone()), case, folder))
        });
        let copy = |(stick, case, folder): (Option<String>, String, PathBuf)| {
            let label = label_of(&folder)?;
            Some(FoundCopy {
                device: label.device,
                case: CaseId::parse(&case).ok()?,
                copied: Some(label.copied),
                folder: folder.display().to_string(),
                stick,
            })
        };
        held.chain(on_sticks).filter_map(copy).collect()
    }

    pub(super) fn open_copy(copy: &FoundCopy) -> TroubleResult<Box<dyn CopyFolder>> {
        Ok(Box::new(FolderCopy::open(Path::new(&copy.folder))?))
    }

    pub(super) fn stick_export(&self, folder: &str) -> Box<dyn ExportRoom> {
        Box::new(StickExport { room: self.clone(), folder: PathBuf::from(folder) })
    }
}

/// A rescue export to one folder.
struct StickExport {
    room: CopyRoom,
    folder: PathBuf,
}

impl ExportRoom for StickExport {
    fn bundle(&mut self, bundle: &BundleId) -> TroubleResult<Box<dyn RescueFolder>> {
        Ok(Box::new(RescueDir::open(&self.folder, bundle)?))
    }

    fn cases(&mut self, keys: &LinkKeys, cases: &[Chosen]) -> TroubleResult<()> {
        self.room.rescue_cases(&Who::of(keys), &self.folder, cases)
    }
}

/// IPv4 addresses of interfaces that are up, loopback left out: what somebody can read aloud and type.
pub(super) fn own_addresses() -> Vec<String> {
    use nix::net::if_::InterfaceFlags;

    let Ok(interfaces) = nix::ifaddrs::getifaddrs() else { return Vec::new() };
    let up = |flags: InterfaceFlags| {
        flags.contains(InterfaceFlags::IFF_UP) && !flags.contains(InterfaceFlags::IFF_LOOPBACK)
    };
    let mut found: Vec<String> = interfaces
        .filter(|interface| up(interface.flags))
        .filter_map(|interface| Some(interface.address?.as_sockaddr_in()?.ip().to_string()))
        .collect();
    found.sort();
    found.dedup();
    found
}
