//! Where second copies lie and how they get there: beside the desk, without keys, every few minutes.
//!
//! ```text
//! DATA/copies/plan.json        where copies go, as an officer chose in the window
//! DATA/copies/list.json        which cases are copied
//! DATA/copies/released.json    which cases have their receipt, with its proof
//! DATA/copies/partners.json    handhelds that hold copies for this one
//! DATA/copies/<case>.json      the newest copy of a case
//! DATA/copies/dropped/         copies held for others that were dropped, until the journal says so
//! DATA/partners/<device>/<case>.copy/   what this handheld holds for others
//! ```

mod plan;
mod shelf;
mod spare;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::net::{TcpListener, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;
use spotcheck_app::copies::{LinkKeys, Rounds, link_keys};
use spotcheck_app::errand::Stop;
use spotcheck_app::findings::Stick;
use spotcheck_app::ports::{
    Blob, Chosen, Copied, Copies, CopyFolder, CopyPlace, CopyPlan, CopyRound, Dropped, ExportRoom,
    FoundCopy, HeldCopy, KeyRing, Machine, Partner, Released,
};
use spotcheck_client::{
    COPY_LABEL, COPY_SCHEMA, CopyLabel, PartnerLink, PartnerShelf, copy_folder_name, serve_partners,
};
use spotcheck_device::config::{CopyConfig, SticksConfig};
use spotcheck_domain::time::rfc3339;
use spotcheck_domain::{CaseId, Clock, Trouble, TroubleResult};
use spotcheck_vault::{
    FolderCopy, bring, create_folder, drop_copy, forget_copies, holds, pack, stays, write_durable,
};

pub(crate) use self::plan::LastRounds;
use self::shelf::{copies_in, label_of};
pub(crate) use self::spare::SpareBlobs;
use super::{SticksAndPaths, Who};

const COPIES: &str = "copies";
const LIST: &str = "list.json";
const RELEASED: &str = "released.json";
/// A case's database, what was not merged into it yet, and what a salvage put aside begin with this.
const DATABASE: &str = "case.db";
const PARTNERS: &str = "partners.json";
/// With the minute between two times of keeping, and a try every quarter of a minute while the link is down
/// ([`Rounds`]), a copy is never five minutes behind where somebody holds it.
const MOST_SECONDS: u32 = 180;
/// Before it is tried again to keep copies for others.
const AGAIN: std::time::Duration = std::time::Duration::from_secs(10);
/// How often the plan is read where nothing is to be done; a new one wakes whoever rests.
const IDLE: std::time::Duration = std::time::Duration::from_secs(60);
/// How often it is looked whether a round is due.
const LOOK: std::time::Duration = std::time::Duration::from_secs(1);

fn trouble(code: &str, message: &str, advice: &str, cause: impl std::fmt::Display) -> Trouble {
    Trouble::new(code, message, "案卷在本机完整、加密地保存", advice).because(cause)
}

fn address(text: &str, what: &str) -> TroubleResult<std::net::SocketAddr> {
    let failed = |cause: String| {
        trouble(
            "COPY-ADDRESS",
            "第二副本的网络地址不能用",
            "写成 地址：端口",
            format!("{what}: {cause}"),
        )
    };
    let mut found = text.to_socket_addrs().map_err(|cause| failed(cause.to_string()))?;
    found.next().ok_or_else(|| failed("no address".to_owned()))
}

/// What is done with the folder of one case's copy, wherever it lies.
type Copying<'a> = dyn FnMut(&mut dyn CopyFolder) -> TroubleResult<()> + 'a;

/// Second copies of one data folder.
#[derive(Clone)]
pub(crate) struct CopyRoom {
    data: PathBuf,
    config: CopyConfig,
    reserve_bytes: u64,
    machine: Arc<Mutex<dyn Machine>>,
    clock: Arc<dyn Clock>,
    sticks: SticksAndPaths,
    rounds: LastRounds,
}

impl CopyRoom {
    pub(crate) fn new(
        data: &Path,
        config: &CopyConfig,
        reserve_bytes: u64,
        machine: impl Machine + 'static,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            data: data.to_owned(),
            config: config.clone(),
            reserve_bytes,
            machine: Arc::new(Mutex::new(machine)),
            clock,
            sticks: SticksAndPaths::new(&SticksConfig::default()),
            rounds: LastRounds::default(),
        }
    }

    /// With the machine's own mount points, and what other rooms of this program hear of rounds.
    pub(crate) fn beside(mut self, sticks: &SticksConfig, rounds: &LastRounds) -> Self {
        self.sticks = SticksAndPaths::new(sticks);
        self.rounds = rounds.clone();
        self
    }

    fn case_folder(&self, case: &CaseId) -> PathBuf {
        self.data.join("cases").join(case.as_str())
    }

    fn read<T: DeserializeOwned + Default>(&self, name: &str) -> TroubleResult<T> {
        match std::fs::read(self.data.join(COPIES).join(name)) {
            // A list that cannot be read is made anew: it only says what is where.
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).unwrap_or_default()),
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(T::default()),
            Err(cause) => Err(trouble("COPY-LIST", "第二副本的清单读不出来", "重启后再试", cause)),
        }
    }

    fn write(&self, name: &str, value: &impl Serialize) -> TroubleResult<()> {
        let failed = |cause: &dyn std::fmt::Display| {
            trouble("COPY-LIST", "第二副本的清单没有写成", "检查剩余空间", cause)
        };
        let path = self.data.join(COPIES).join(name);
        if let Some(folder) = path.parent() {
            create_folder(folder).map_err(|cause| failed(&cause))?;
        }
        let bytes = serde_json::to_vec(value).map_err(|cause| failed(&cause))?;
        if std::fs::read(&path).is_ok_and(|there| there == bytes) {
            return Ok(());
        }
        write_durable(&path, &bytes).map_err(|cause| failed(&cause))
    }

    /// Brings the copy of every chosen case in `place` up to date; returns their number. One that cannot be
    /// copied keeps none of the others from it, and is told after them.
    fn copy_all(
        &self,
        keys: &LinkKeys,
        place: &str,
        with: &mut dyn FnMut(&CaseId, &mut Copying<'_>) -> TroubleResult<()>,
    ) -> TroubleResult<usize> {
        let (cases, who): (Vec<Chosen>, _) = (self.read(LIST)?, Who::of(keys));
        let mut failed = None;
        for chosen in &cases {
            let case = &chosen.case;
            if let Err(trouble) = with(case, &mut |to| self.copy_one(&who, chosen, place, to)) {
                tracing::warn!(%case, code = %trouble.code, "A case could not be copied.");
                failed.get_or_insert(trouble);
            }
        }
        failed.map_or(Ok(cases.len()), Err)
    }

    fn copy_one(
        &self,
        who: &Who,
        chosen: &Chosen,
        place: &str,
        to: &mut dyn CopyFolder,
    ) -> TroubleResult<()> {
        let at_ms = self.clock.read().wall_ms;
        let case = &chosen.case;
        if !self.case_folder(case).is_dir() {
            return Err(trouble(
                "COPY-GONE",
                "本机的案卷目录不见了，已有的副本原样保留",
                "不要删除副本，用它恢复案卷",
                case,
            ));
        }
        let names = pack(&self.case_folder(case), to)?;
        let mut there = to.names()?;
        let stale: Vec<String> =
            there.keys().filter(|n| !names.contains(*n) && !stays(n)).cloned().collect();
        there.retain(|name, _| name != COPY_LABEL && !stale.contains(name));
        let label = CopyLabel {
            schema: COPY_SCHEMA.to_owned(),
            case: case.to_string(),
            device: who.device.to_string(),
            intake_id: who.intake_id.clone(),
            bundle: chosen.bundle.as_ref().map(ToString::to_string),
            copied: rfc3339(at_ms),
            files: there,
        };
        let json = serde_json::to_vec_pretty(&label)
            .map_err(|cause| trouble("COPY-LIST", "副本标签没有写成", "再试一次", cause))?;
        to.put(COPY_LABEL, &json)?;
        if !stale.is_empty() {
            to.remove(&stale)?;
        }
        let copied = Copied { at_ms, place: place.to_owned(), files: names };
        self.write(&format!("{case}.json"), &copied)
    }

    /// Copies into a folder, e.g. on a stick; returns the number of cases.
    pub(crate) fn copy_to(&self, keys: &LinkKeys, folder: &Path) -> TroubleResult<usize> {
        let count = self.copy_all(keys, &folder.display().to_string(), &mut |case, copy| {
            copy(&mut FolderCopy::create(&folder.join(copy_folder_name(case.as_str())))?)
        });
        // What has its receipt needs no copy there either, and the keys for others in it must go.
        let released: Vec<Released> = self.read(RELEASED)?;
        for (case, copy) in copies_in(folder) {
            let ours = label_of(&copy).is_none_or(|l| l.device == keys.me.device.as_str());
            if ours && released.iter().any(|r| r.case.as_str() == case) {
                drop_copy(&copy)?;
            }
        }
        count
    }

    /// Every case that has a folder, where nobody can say any more how they stand.
    pub(crate) fn all_cases(&self) -> TroubleResult<Vec<Chosen>> {
        let failed = |cause| trouble("COPY-LIST", "案卷目录读不出来", "重启后再试", cause);
        let mut found = Vec::new();
        for entry in std::fs::read_dir(self.data.join("cases")).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            found.extend(name.to_str().and_then(|name| CaseId::parse(name).ok()));
        }
        found.sort();
        Ok(found.into_iter().map(|case| Chosen { case, bundle: None }).collect())
    }

    /// Exports cases as they lie, with the pages of their database, which are encrypted like everything else: what
    /// a damaged one still says is for the centre to find. One that cannot be read keeps no other one from it.
    pub(crate) fn rescue_cases(
        &self,
        who: &Who,
        folder: &Path,
        cases: &[Chosen],
    ) -> TroubleResult<()> {
        let mut failed = None;
        for chosen in cases {
            let case = &chosen.case;
            let exported = (|| -> TroubleResult<()> {
                let mut to = FolderCopy::create(&folder.join(copy_folder_name(case.as_str())))?;
                let place = folder.display().to_string();
                self.copy_one(who, chosen, &place, &mut to)?;
                let unread = |cause| {
                    trouble(
                        "COPY-DATABASE",
                        "案卷数据库文件读不出来",
                        "再执行一次同一条命令",
                        cause,
                    )
                };
                for entry in std::fs::read_dir(self.case_folder(case)).map_err(unread)? {
                    let path = entry.map_err(unread)?.path();
                    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                    if name.starts_with(DATABASE) && !name.ends_with("-shm") {
                        to.put(name, &std::fs::read(&path).map_err(unread)?)?;
                    }
                }
                Ok(())
            })();
            if let Err(trouble) = exported {
                tracing::warn!(%case, code = %trouble.code, "A case could not be exported whole.");
                failed.get_or_insert(trouble);
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Copies to a handheld nearby; returns the number of cases and who it is. Keys for it are shared at
    /// the next time of keeping.
    pub(crate) fn copy_to_peer(
        &self,
        keys: &LinkKeys,
        peer: &str,
    ) -> TroubleResult<(usize, Partner)> {
        let mut link = PartnerLink::connect(address(peer, "peer")?, &keys.identity, &keys.roots)?;
        let partner = link.partner().clone();
        self.remember(&partner)?;
        let place = format!("{} ({peer})", partner.device);
        let count = self.copy_all(keys, &place, &mut |case, copy| copy(&mut link.folder(case)));
        let released: Vec<Released> = self.read(RELEASED)?;
        link.release(&released)?;
        Ok((count?, partner))
    }

    /// Learns who is at the other end.
    pub(crate) fn meet(&self, keys: &LinkKeys, peer: &str) -> TroubleResult<Partner> {
        let link = PartnerLink::connect(address(peer, "peer")?, &keys.identity, &keys.roots)?;
        self.remember(link.partner())?;
        Ok(link.partner().clone())
    }

    fn remember(&self, partner: &Partner) -> TroubleResult<()> {
        let mut known: Vec<Partner> = self.read(PARTNERS)?;
        if !known.contains(partner) {
            known.retain(|p| p.device != partner.device);
            known.push(partner.clone());
            self.write(PARTNERS, &known)?;
        }
        Ok(())
    }

    /// Keeps copies for others at `listen` until `stop` is asked; `ready` hears where it listens.
    pub(crate) fn serve(
        &self,
        keys: &LinkKeys,
        listen: &str,
        stop: &Stop,
        ready: &mut dyn FnMut(std::net::SocketAddr),
    ) -> TroubleResult<()> {
        let at = address(listen, "listen")?;
        let failed = |cause| trouble("COPY-LISTEN", "不能在这个地址等候", "检查地址和端口", cause);
        let listener = TcpListener::bind(at).map_err(failed)?;
        ready(listener.local_addr().map_err(failed)?);
        let shelf: Arc<dyn PartnerShelf> = Arc::new(self.clone());
        serve_partners(&listener, keys, &shelf, stop)
    }

    /// The work of a window: copies go out every few minutes, and others' are kept, as planned now.
    pub(crate) fn go_on_beside(&self, keys: Box<dyn KeyRing>) {
        let keys = Arc::new(Mutex::new(keys));
        let (room, own) = (self.clone(), Arc::clone(&keys));
        std::thread::spawn(move || {
            loop {
                let heard = room.rounds.news();
                let kept = room.keep_for_others(&|| own_keys(&own));
                // Its own end is no news for one that failed: it would try again without a pause.
                let (heard, pause) = if kept { (heard, IDLE) } else { (room.rounds.news(), AGAIN) };
                room.rounds.rest(heard, pause);
            }
        });
        self.copy_beside(keys);
    }

    /// Copies go out every few minutes, as planned, for as long as the program stays; locked or not.
    pub(crate) fn copy_beside(&self, keys: Arc<Mutex<Box<dyn KeyRing>>>) {
        let room = self.clone();
        std::thread::spawn(move || {
            let mut turns = Turns::default();
            loop {
                let heard = room.rounds.news();
                turns.follow(room.plan_now());
                // Keys are unsealed for a round only: a chip takes its time for it.
                if room.is_due(&turns)
                    && let Ok(own) = own_keys(&keys)
                {
                    room.turn(&own, &mut turns);
                }
                room.rounds.rest(heard, if turns.is_idle() { IDLE } else { LOOK });
            }
        });
    }

    /// Keeps copies for others as long as it is planned so; false once it failed.
    fn keep_for_others(&self, own: &dyn Fn() -> TroubleResult<LinkKeys>) -> bool {
        let Some(listen) = self.plan_now().listen else { return true };
        let stop = Stop::default();
        let watching = {
            let (room, stop, listen) = (self.clone(), stop.clone(), listen.clone());
            std::thread::spawn(move || {
                loop {
                    let heard = room.rounds.news();
                    let same = room.plan_now().listen.as_deref() == Some(listen.as_str());
                    if stop.asked() || !same {
                        break stop.ask();
                    }
                    room.rounds.rest(heard, IDLE);
                }
            })
        };
        let served = own().and_then(|own| {
            self.serve(&own, &listen, &stop, &mut |_| {
                self.rounds.went(CopyPlace::Listen, self.clock.read().wall_ms, &Ok(0));
            })
        });
        let changed = stop.asked();
        stop.ask();
        self.rounds.wake();
        if watching.join().is_err() {
            tracing::error!("Whoever watched the plan of copies is gone.");
        }
        match served {
            Err(trouble) if !changed => {
                tracing::warn!(code = %trouble.code, cause = %trouble.cause, "No copies are kept for others.");
                self.rounds.went(CopyPlace::Listen, self.clock.read().wall_ms, &Err(trouble));
                false
            }
            _ => true,
        }
    }

    fn every_ms(&self) -> i64 {
        i64::from(self.config.every_seconds.clamp(10, MOST_SECONDS)).saturating_mul(1000)
    }

    fn is_due(&self, turns: &Turns) -> bool {
        let (now, every_ms) = (self.clock.read(), self.every_ms());
        (turns.plan.peer.is_some() && turns.peer.due(&now, every_ms))
            || (turns.plan.folder.is_some() && turns.folder.due(&now, every_ms))
    }

    /// One look: a round to each place where one is due.
    fn turn(&self, own: &LinkKeys, turns: &mut Turns) {
        let every_ms = self.every_ms();
        let go = |place, rounds: &mut Rounds, copy: &dyn Fn() -> TroubleResult<usize>| {
            let now = self.clock.read();
            if !rounds.due(&now, every_ms) {
                return;
            }
            let done = copy();
            rounds.went(&now, done.is_ok());
            self.rounds.went(place, self.clock.read().wall_ms, &done);
            if let Err(trouble) = done {
                tracing::warn!(code = %trouble.code, cause = %trouble.cause, "No second copy could be made.");
            }
        };
        let plan = turns.plan.clone();
        if let Some(peer) = &plan.peer {
            go(CopyPlace::Peer, &mut turns.peer, &|| {
                self.copy_to_peer(own, peer).map(|(count, _)| count)
            });
        }
        if plan.folder.is_some() {
            go(CopyPlace::Folder, &mut turns.folder, &|| match self.folder_of(&plan)? {
                Some(folder) => self.copy_to(own, &folder),
                None => Ok(0),
            });
        }
    }
}

/// When each place was last gone to.
#[derive(Debug, Default)]
struct Turns {
    plan: CopyPlan,
    peer: Rounds,
    folder: Rounds,
}

impl Turns {
    /// There is nowhere to go.
    const fn is_idle(&self) -> bool {
        self.plan.peer.is_none() && self.plan.folder.is_none()
    }

    /// A place that is new is gone to at once.
    fn follow(&mut self, plan: CopyPlan) {
        if plan.peer != self.plan.peer {
            self.peer = Rounds::default();
        }
        if plan.folder != self.plan.folder {
            self.folder = Rounds::default();
        }
        self.plan = plan;
    }
}

fn own_keys(keys: &Mutex<Box<dyn KeyRing>>) -> TroubleResult<LinkKeys> {
    link_keys(keys.lock().unwrap_or_else(PoisonError::into_inner).as_ref())
}

impl Copies for CopyRoom {
    fn configured(&self) -> bool {
        let plan = self.plan_now();
        plan.folder.is_some() || plan.peer.is_some()
    }

    fn keep(&mut self, case: &CaseId, name: &str, sealed: &[u8]) -> TroubleResult<()> {
        let path = self.case_folder(case).join(name);
        write_durable(&path, sealed)
            .map_err(|cause| trouble("COPY-KEEP", "第二副本的内容没有写成", "检查剩余空间", cause))
    }

    fn choose(&mut self, cases: &[Chosen]) -> TroubleResult<()> {
        self.write(LIST, &cases)
    }

    fn release(&mut self, cases: &[Released]) -> TroubleResult<()> {
        self.write(RELEASED, &cases)
    }

    fn partners(&mut self) -> TroubleResult<Vec<Partner>> {
        self.read(PARTNERS)
    }

    fn copied(&mut self, case: &CaseId) -> TroubleResult<Option<Copied>> {
        let copied: Copied = self.read(&format!("{case}.json"))?;
        Ok((copied.at_ms != 0).then_some(copied))
    }

    fn bring(
        &mut self,
        case: &CaseId,
        from: &mut dyn CopyFolder,
        recordings: &BTreeSet<String>,
    ) -> TroubleResult<u32> {
        bring(&self.case_folder(case), from, recordings)
    }

    fn holds(&mut self, case: &CaseId, blob: &Blob) -> TroubleResult<bool> {
        holds(&self.case_folder(case), blob)
    }

    fn forget(&mut self, case: &CaseId) -> TroubleResult<()> {
        let held = self.shelf().into_iter().filter(|(_, of, _)| of == case.as_str());
        let held: Vec<PathBuf> = held.map(|(_, _, folder)| folder).collect();
        forget_copies(&self.case_folder(case), &held)
    }

    fn held(&mut self) -> TroubleResult<Vec<HeldCopy>> {
        Ok(self.held_copies())
    }

    fn drop_held(&mut self, dropped: &Dropped) -> TroubleResult<()> {
        self.drop_copy_of(dropped)
    }

    fn dropped(&mut self) -> TroubleResult<Vec<Dropped>> {
        self.dropped_copies()
    }

    fn journaled(&mut self, dropped: &Dropped) -> TroubleResult<()> {
        self.forget_note(dropped)
    }

    fn plan(&mut self) -> TroubleResult<CopyPlan> {
        Ok(self.plan_now())
    }

    fn set_plan(&mut self, plan: &CopyPlan) -> TroubleResult<()> {
        self.store_plan(plan)
    }

    fn rounds(&mut self) -> Vec<CopyRound> {
        self.rounds.now()
    }

    fn addresses(&mut self) -> Vec<String> {
        plan::own_addresses()
    }

    fn found(&mut self, sticks: &[Stick]) -> TroubleResult<Vec<FoundCopy>> {
        Ok(self.found_copies(sticks))
    }

    fn open_found(&mut self, copy: &FoundCopy) -> TroubleResult<Box<dyn CopyFolder>> {
        Self::open_copy(copy)
    }

    fn export_to(&mut self, folder: &str) -> TroubleResult<Box<dyn ExportRoom>> {
        Ok(self.stick_export(folder))
    }
}
